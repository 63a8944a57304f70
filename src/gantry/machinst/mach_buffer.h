#pragma once
// The last station of code: bytes with labels, fix-ups, islands, constants and all records that
// name offsets. Only the buffer knows offsets; instructions name labels. mach_buffer.cpp tells how
// branches are improved and why the improvement ends.
#include <span>
#include <vector>

#include "gantry/ir/external_name.h"
#include "gantry/ir/trap_code.h"
#include "gantry/support/result.h"
#include "gantry/target/compiled_code.h"

namespace gantry::machinst {

// A place in the code, bound once; label numbers below the number of blocks are the blocks.
struct Label {
  u32 index;
  friend constexpr bool operator==(Label, Label) = default;
};

// How an instruction of an ISA refers to a label: one row a kind, given by the ISA. Offsets are
// counted from the start of the field that is patched.
struct LabelUseInfo {
  i64 max_pos;     // furthest distance forward the field can express
  i64 max_neg;     // furthest backward, as a positive number
  u8 patch_size;   // bytes of the field
  u8 align;        // of veneers of this kind
  u8 veneer_size;  // bytes of a longer-range detour; 0: none, the range must do
  u8 veneer_use;   // the kind of use within the veneer; its ranges are longer than this kind's
  // Writes the distance `target - use_offset` into the field. Null: the field is `patch_size` bytes
  // (1, 2, 4 or 8), little-endian two's complement, and holds the distance plus `addend`: patched
  // without a call.
  void (*patch)(u8* field, i64 distance);
  // Writes a veneer; its use of the label stands at the returned offset within it. Null if
  // veneer_size is 0.
  u32 (*make_veneer)(u8* veneer);
  i8 addend = 0;
};

// The short form of an ISA's branches, for the relaxation at the end of a function: every recorded
// branch longer than `size` has it. Only for ISAs whose label uses have no veneers.
struct ShortBranch {
  u8 size;   // bytes of the short form
  u8 field;  // where in it the use of the label stands
  u8 kind;   // of that use
  // Writes the short form of a branch of `length` bytes, but for its field. `out` may be
  // `long_form` or before it.
  void (*write)(const u8* long_form, u32 length, u8* out);
};

// An unconditional branch, to get around an island: its bytes, and where in them the use of its
// label stands.
struct JumpOver {
  std::span<const u8> bytes;  // empty: control cannot fall into the island
  u32 field = 0;
  u8 kind = 0;
};

// One entry of a call's exception table, while handlers are labels.
struct HandlerUse {
  target::ExceptionHandler handler;  // code_offset is filled in by finish()
  Label label;                       // Tag, Default
};

// Bytes reserved to be filled in later.
struct PatchRegion {
  u32 index;
};

// Code of one function under construction. Reused from function to function by begin().
class MachBuffer {
 public:
  // Both spans must outlive the buffer. `trap_bytes`: the instruction behind deferred_trap().
  // `short_branch`: null for no relaxation.
  explicit MachBuffer(std::span<const LabelUseInfo> label_uses, std::span<const u8> trap_bytes = {},
                      const ShortBranch* short_branch = nullptr);
  ~MachBuffer();
  MachBuffer(const MachBuffer&) = delete;
  MachBuffer& operator=(const MachBuffer&) = delete;

  // Starts a function with `num_blocks` labels for its blocks; drops what was there, keeps the
  // memory.
  void begin(u32 num_blocks);
  // Code beyond this many bytes makes finish() fail (default: limits::kMaxCodeBytes, never more).
  void set_code_limit(u32 bytes);
  // Whether finish() shrinks branches; on if the constructor got a short form.
  void set_relaxation(bool on);

  // ---- bytes. Room for an instruction is asked for once, then stored freely.
  u32 offset() const { return static_cast<u32>(cursor_ - begin_); }
  // At least `bytes` writable bytes at the returned place; commit() what was written.
  bool has_room(u32 bytes) const { return static_cast<u64>(limit_ - cursor_) >= bytes; }
  u8* room(u32 bytes) {
    if (!has_room(bytes)) [[unlikely]]
      grow(bytes);
    return cursor_;
  }
  void commit(u8* end) { cursor_ = end; }
  void put1(u8 byte) {
    u8* at = room(1);
    *at = byte;
    commit(at + 1);
  }
  void put_bytes(std::span<const u8> bytes);
  void put_fill(u32 count, u8 filler);  // padding between blocks, for tests of long branches
  // `alignment` is a power of two. What follows stays aligned when branches shrink.
  void align_to(u32 alignment, u8 filler);
  // Zero bytes now, filled in at any time before finish() through patch_bytes().
  PatchRegion open_patch_region(u32 bytes);
  std::span<u8> patch_bytes(PatchRegion region);  // valid until the next bytes are put

  // ---- labels
  Label new_label();
  void bind(Label label);  // to the current offset; also runs the branch improvements
  // From now on the unbound label `from` is another name of `to`. Must not make a circle.
  void redirect(Label from, Label to);
  // The field of `kind` at `field_offset` (already written, or about to be) shall refer to `label`.
  void use_label(u32 field_offset, Label label, u8 kind) {
    if (fixup_end_ == fixup_limit_) [[unlikely]]
      grow_fixups();
    *fixup_end_++ = {field_offset, label.index, kNoBase, kind};
    if (has_veneers_) [[unlikely]]
      note_use();
  }
  // The 32-bit little-endian field at `field_offset` shall hold the distance from `base` to
  // `label`: a jump table.
  void use_label_relative(u32 field_offset, Label label, Label base);

  // ---- branches, told to the buffer right before their bytes are written, so that it may take
  // them back. The next use_label() is the branch's. A branch does nothing but jump: no flags, no
  // counters. `start`..`end`: the bytes the branch will occupy. `inverted`: the bytes of the
  // opposite condition, as many, with the field at the same place.
  void add_uncond_branch(u32 start, u32 end, Label target);
  void add_cond_branch(u32 start, u32 end, Label target, std::span<const u8> inverted);
  // A branch that is not to be improved (one to a deferred trap, say), but may shrink.
  void add_branch(u32 start, u32 end);

  // ---- out-of-line matter
  // Label of a constant in the pool; equal constants share. `alignment` is a power of two.
  Label constant(std::span<const u8> bytes, u32 alignment);
  // Label of a trap instruction placed behind the code; uses with the same code share it.
  Label deferred_trap(ir::TrapCode code);
  // Whether some of those have still to be placed.
  bool has_deferred_traps() const;
  // Must be called before each instruction with its largest size; then emit_island() if it says so.
  bool island_needed(u32 upcoming_bytes) const {
    return offset() + upcoming_bytes > soonest_deadline_;
  }
  // Patches what is known; puts an island (veneers, traps, constants) here if a deadline would
  // still pass within `upcoming_bytes`, and around it a jump.
  void emit_island(u32 upcoming_bytes, const JumpOver& jump_over);

  // ---- records, at the current offset unless an offset is given. Each kind in order of offsets.
  void add_reloc(u32 field_offset, target::RelocKind kind, ir::ExternalName name, i64 addend);
  // The same, to a place in this function (try_call handler addresses, …), resolved in finish().
  void add_label_reloc(u32 field_offset, target::RelocKind kind, Label label, i64 addend);
  void add_trap(u32 inst_offset, ir::TrapCode code);
  // Instructions from here on are of `place`, until the next start or end.
  void start_source_range(ir::SourcePlace place);
  void end_source_range();
  // A call returns here.
  void add_call_site(u32 frame_offset, std::span<const HandlerUse> handlers);
  void add_stack_map(std::span<const target::StackMapEntry> entries);
  void add_debug_tags(std::span<const target::DebugTag> tags);
  void add_patchable_call(u32 inst_offset, u32 length);
  void add_unwind(const unwind::UnwindInst& inst);  // its code_offset: an offset so far
  // For machine_code_cfg_info: take() shall give the offset of every block (by its number), and of
  // both ends of the edges told here.
  void record_blocks();
  void add_block_edge(Label from, Label to);

  // Binds traps and constants, shrinks branches, patches all fields. No used label may be open.
  // Errors: LimitExceeded beyond the code limit, or for a range that no veneer can bridge.
  Result<void> finish();
  // After finish(): where a label was bound.
  u32 offset_of(Label label) const;
  // After finish(): moves bytes and records out into `out` (all but frame_size and slots;
  // `alignment` is raised to what the constants need).
  void take(target::CompiledCode& out);

 private:
  struct FixUp {
    u32 field;
    u32 label;
    u32 base;  // a label: the distance is taken from it instead of the field
    u32 kind;
  };
  static constexpr u32 kNoBase = ~u32{0};

  void grow(u32 bytes);
  void grow_fixups();
  void note_use();

  u8* begin_ = nullptr;
  u8* cursor_ = nullptr;
  u8* limit_ = nullptr;
  FixUp* fixups_ = nullptr;
  FixUp* fixup_end_ = nullptr;
  FixUp* fixup_limit_ = nullptr;
  u32 soonest_deadline_ = ~u32{0};
  bool has_veneers_ = false;
  struct State;
  State* state_;
};

}  // namespace gantry::machinst

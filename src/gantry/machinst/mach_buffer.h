#pragma once
// The last station of code: bytes with labels, fix-ups, islands, constants and all records that name offsets. Only
// the buffer knows offsets; instructions name labels. mach_buffer.cpp tells how branches are improved and why the
// improvement ends.
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

// How an instruction of an ISA refers to a label: one row a kind, given by the ISA. Offsets are counted from the
// start of the field that is patched.
struct LabelUseInfo {
  i64 max_pos;            // furthest distance forward the field can express
  i64 max_neg;            // furthest backward, as a positive number
  u8 patch_size;          // bytes of the field
  u8 align;               // of veneers of this kind
  u8 veneer_size;         // bytes of a longer-range detour; 0: none, the range must do
  u8 veneer_use;          // the kind of use within the veneer
  // Writes the distance `target - use_offset` into the field.
  void (*patch)(u8* field, i64 distance);
  // Writes a veneer; its use of the label stands at the returned offset within it. Null if veneer_size is 0.
  u32 (*make_veneer)(u8* veneer);
};

// Code of one function under construction. Reused from function to function by begin().
class MachBuffer {
 public:
  explicit MachBuffer(std::span<const LabelUseInfo> label_uses);
  ~MachBuffer();
  MachBuffer(const MachBuffer&) = delete;
  MachBuffer& operator=(const MachBuffer&) = delete;

  // Starts a function with `num_blocks` labels for its blocks; drops what was there, keeps the memory.
  void begin(u32 num_blocks);

  // ---- bytes. Room for an instruction is asked for once, then stored freely.
  u32 offset() const { return static_cast<u32>(cursor_ - begin_); }
  // At least `bytes` writable bytes at the returned place; commit() what was written.
  u8* room(u32 bytes) {
    if (static_cast<u64>(limit_ - cursor_) < bytes) [[unlikely]] grow(bytes);
    return cursor_;
  }
  void commit(u8* end) { cursor_ = end; }
  void put1(u8 byte) {
    u8* at = room(1);
    *at = byte;
    commit(at + 1);
  }
  void put_bytes(std::span<const u8> bytes);
  void align_to(u32 alignment, u8 filler);

  // ---- labels
  Label new_label();
  void bind(Label label);  // to the current offset; also runs the branch improvements
  // The field of `kind` at `field_offset` (already written) shall refer to `label`.
  void use_label(u32 field_offset, Label label, u8 kind);

  // ---- branches, told to the buffer right before their bytes are written, so that it may take them back.
  // `start`..`end`: the bytes the branch will occupy. `inverted`: the bytes of the opposite condition.
  void add_uncond_branch(u32 start, u32 end, Label target);
  void add_cond_branch(u32 start, u32 end, Label target, std::span<const u8> inverted);

  // ---- out-of-line matter
  // Label of a constant in the pool; equal constants share.
  Label constant(std::span<const u8> bytes, u32 alignment);
  // Label of a trap instruction placed behind the code; `trap_bytes` is the ISA's.
  Label deferred_trap(ir::TrapCode code);
  // Must be called before each instruction with its largest size; emits an island when a deadline would pass.
  bool island_needed(u32 upcoming_bytes) const { return offset() + upcoming_bytes > soonest_deadline_; }
  // `jump_over`: bytes of a jump around the island, or empty when control cannot fall into it.
  void emit_island(u32 upcoming_bytes);

  // ---- records at the current offset
  void add_reloc(u32 field_offset, target::RelocKind kind, ir::ExternalName name, i64 addend);
  // Address of a place in this function, as a relocation resolved in finish() (try_call handler addresses, …).
  void add_trap(u32 inst_offset, ir::TrapCode code);
  void start_source_range(u32 location);
  void end_source_range();

  // Binds everything, places constants and traps, patches all fields. No label may be open. Errors:
  // LimitExceeded beyond limits::kMaxCodeBytes, or a range that no veneer can bridge.
  Result<void> finish();
  // After finish(): where a label was bound.
  u32 offset_of(Label label) const;
  // After finish(): moves bytes and records out into `out` (code, relocs, traps, source ranges).
  void take(target::CompiledCode& out);

 private:
  void grow(u32 bytes);

  u8* begin_ = nullptr;
  u8* cursor_ = nullptr;
  u8* limit_ = nullptr;
  u32 soonest_deadline_ = ~u32{0};
  struct State;
  State* state_;
};

}  // namespace gantry::machinst

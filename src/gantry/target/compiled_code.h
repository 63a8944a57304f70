#pragma once
// What compilation makes of one function: bytes, and everything a linker, a loader or a run time
// must know about them. Offsets are bytes from the start of the function's code.
#include <string_view>
#include <vector>

#include "gantry/ir/external_name.h"
#include "gantry/ir/source_place.h"
#include "gantry/ir/trap_code.h"
#include "gantry/regalloc/types.h"
#include "gantry/support/int_types.h"
#include "gantry/unwind/unwind_inst.h"

namespace gantry::target {

// Kinds of relocation. The addend convention is ELF's: PC-relative fields count from the field, so
// x86 fields at the end of an instruction carry -4.
enum class RelocKind : u8 {
  Abs4,
  Abs8,
  X86PCRel4,
  X86CallPCRel4,
  X86CallPLTRel4,
  X86GOTPCRel4,
  X86SecRel,
  ElfX86_64TlsGd,
  MachOX86_64Tlv,
};
std::string_view to_string(RelocKind kind);

struct Reloc {
  u32 offset;
  RelocKind kind;
  bool in_function;  // the target is `target_offset` bytes into this function instead of a name
  u32 target_offset;
  ir::ExternalName name;
  i64 addend;
};

struct TrapRecord {
  u32 offset;  // of the instruction that traps
  ir::TrapCode code;
};

// One entry of a call's exception table, in textual order.
struct ExceptionHandler {
  enum class Kind : u8 { Tag, Default, Context };
  Kind kind;
  u32 tag;          // Tag: the exception tag
  u32 code_offset;  // Tag, Default: where the handler starts
  // Context: where the value is while the call is active: bytes from sp, or a register.
  bool context_in_reg;
  i32 context_sp_offset;
  regalloc::PReg context_reg;
};

struct CallSite {
  u32 return_offset;  // the return address
  u32 frame_offset;   // bytes from sp at the call as CompiledCode::frame_size
  u32 first_handler;  // into CompiledCode::handlers
  u32 num_handlers;
};

struct StackMapEntry {
  u16 type_bits;  // ir::Type
  u32 sp_offset;
};
struct StackMap {
  u32 return_offset;
  u32 first_entry;  // into CompiledCode::stack_map_entries
  u32 num_entries;
};

struct SourceRange {
  u32 start, end;    // bytes [start, end)
  u32 location;      // ir::SourceLoc bits; kNoSourceLoc: only the frame is known
  u32 inline_frame;  // into CompiledCode::inline_frames; kNoInlineFrame: the function itself
};
// A call that inlining replaced by its callee's body: a frame a debugger shows without one being
// there. Parents come before children.
struct InlineFrame {
  ir::ExternalName callee;
  u32 call_site;  // source location of the call, in the parent's source
  u32 parent;     // the frame the call was in; kNoInlineFrame: the function itself
};

struct DebugTagSite {
  u32 offset;     // the instruction's end (calls: return address)
  u32 first_tag;  // into CompiledCode::debug_tags
  u32 num_tags;
};
struct DebugTag {
  bool is_slot;
  u32 value;  // the tag, or the stack slot
};

struct PatchableCall {
  u32 offset;  // of the call instruction
  u32 length;
};

struct SlotPlace {
  u32 sp_offset;
  u64 key;
  bool has_key;
};

struct CompiledCode {
  std::vector<u8> code;  // with constants and jump tables
  u32 alignment = 1;     // required of the function's address
  // Whether the frame pointer points to a record of the caller's one and the return address. Always
  // with preserve_frame_pointers, and in functions with try_call.
  bool has_frame_record = true;
  u32 frame_size = 0;  // bytes from sp to the frame record; without one, to the return address
  std::vector<Reloc> relocs;  // by offset
  std::vector<TrapRecord> traps;
  std::vector<CallSite> call_sites;
  std::vector<ExceptionHandler> handlers;
  std::vector<StackMap> stack_maps;
  std::vector<StackMapEntry> stack_map_entries;
  std::vector<SourceRange> source_ranges;
  std::vector<InlineFrame> inline_frames;
  std::vector<DebugTagSite> debug_tag_sites;
  std::vector<DebugTag> debug_tags;
  std::vector<PatchableCall> patchable_calls;
  std::vector<SlotPlace> slots;  // by stack slot number
  std::vector<unwind::UnwindInst> unwind;
  std::vector<u32> block_offsets;                // machine_code_cfg_info only
  std::vector<std::pair<u32, u32>> block_edges;  // the same, pairs of offsets
};

}  // namespace gantry::target

#pragma once
// VCode: one function as machine instructions over virtual registers. Flat arrays, immutable once
// lowering is done; allocation and emission read it and never write. Registers live once, in the
// operand array the allocator reads; an instruction has none of its own (docs/adr: registers in the
// operand array).
//
// Instructions are 12 bytes, the same for every ISA; what `op` and `mode` mean is the ISA's (its
// row table).
#include <cstring>
#include <span>
#include <vector>

#include "gantry/entity/maps.h"
#include "gantry/ir/entities.h"
#include "gantry/ir/external_name.h"
#include "gantry/ir/source_place.h"
#include "gantry/regalloc/input.h"
#include "gantry/support/arena.h"

namespace gantry::machinst {

using regalloc::Allocation;
using regalloc::Operand;
using regalloc::PReg;
using regalloc::PRegSet;
using regalloc::RegClass;
using regalloc::VReg;

GANTRY_ENTITY(MBlock,
              "mb");  // a lowered block: a block of the function or the block of a split edge
GANTRY_ENTITY(CallId, "call");

// One machine instruction.
struct MInst {
  u16 op = 0;    // ISA: row × width
  u8 mode = 0;   // ISA: how the memory-or-register operand is spelled
  u8 aux = 0;    // condition code of a branch, or trap code of the memory access (0: cannot trap)
  i32 disp = 0;  // displacement, slot offset, or constant id; second target of a branch
  i32 imm = 0;   // immediate, target block, index of a 64-bit constant, or CallId
};
static_assert(sizeof(MInst) == 12);

// Operands that an instruction pushes at once without a loop on their number.
inline constexpr u32 kInlineOperands = 6;

// The instructions made for one root while it is being matched, in order of execution. Rules push
// here; the driver copies the finished group to its place (or drops it) and renames the root's
// results.
class InstBuffer {
 public:
  InstBuffer() { reserve_more(); }
  ~InstBuffer();
  InstBuffer(const InstBuffer&) = delete;
  InstBuffer& operator=(const InstBuffer&) = delete;

  // `operands` must have room for kInlineOperands; the first `count` are meant.
  void push(const MInst& inst, const Operand* operands, u32 count) {
    if (inst_end_ == inst_limit_ || operand_limit_ - operand_end_ < kInlineOperands) [[unlikely]]
      reserve_more();
    *inst_end_++ = inst;
    std::memcpy(static_cast<void*>(operand_end_), operands, kInlineOperands * sizeof(Operand));
    operand_end_ += count;
    *count_end_++ = count;
  }
  // The same in two steps, without copies: write the instruction and at most kInlineOperands
  // operands where next() says, then commit. Nothing may be pushed in between.
  struct Next {
    MInst* inst;
    Operand* operands;
  };
  Next next() {
    if (inst_end_ == inst_limit_ || operand_limit_ - operand_end_ < kInlineOperands) [[unlikely]]
      reserve_more();
    return {inst_end_, operand_end_};
  }
  void commit(u32 count) {
    ++inst_end_;
    operand_end_ += count;
    *count_end_++ = count;
  }
  // Calls and returns: any number of operands.
  void push_list(const MInst& inst, std::span<const Operand> operands);

  u32 num_insts() const { return static_cast<u32>(count_end_ - counts_); }
  u32 num_operands() const { return static_cast<u32>(operand_end_ - operands_); }
  const MInst* insts() const { return insts_; }
  MInst* insts() { return insts_; }
  const u32* counts() const { return counts_; }
  Operand* operands() { return operands_; }
  // Drops what was pushed after a mark (a partial rule that declined), or everything.
  void truncate(u32 num_insts, u32 num_operands) {
    inst_end_ = insts_ + num_insts;
    count_end_ = counts_ + num_insts;
    operand_end_ = operands_ + num_operands;
  }

 private:
  void reserve_more();
  void grow(u32 insts, u32 operands);

  MInst *insts_ = nullptr, *inst_end_ = nullptr, *inst_limit_ = nullptr;
  u32 *counts_ = nullptr, *count_end_ = nullptr;
  Operand *operands_ = nullptr, *operand_end_ = nullptr, *operand_limit_ = nullptr;
};

// Hands out virtual registers; the lowering driver owns one per function.
struct VRegSource {
  u32 next = 0;
  std::vector<u64> wide;  // bit set: values of 16 bytes (regalloc::Input::wide)

  VReg fresh(RegClass reg_class) { return VReg(next++, reg_class); }
  VReg fresh_wide() {
    mark_wide(next);
    return fresh(RegClass::Float);
  }
  void mark_wide(u32 vreg) {
    if (vreg / 64 >= wide.size()) wide.resize(vreg / 64 + 1 + vreg / 128);
    wide[vreg / 64] |= u64{1} << (vreg % 64);
  }
  bool is_wide(VReg vreg) const {
    const u32 word = vreg.index() / 64;
    return word < wide.size() && (wide[word] >> (vreg.index() % 64) & 1) != 0;
  }
  // The number of the last register goes to the next one, which need not be wide.
  void drop_last() {
    --next;
    if (next / 64 < wide.size()) wide[next / 64] &= ~(u64{1} << (next % 64));
  }
  void clear() {
    next = 0;
    wide.assign(wide.size(), 0);
  }
};

// What a call needs beyond its operands. One per call instruction.
struct CallInfo {
  ir::ExternalName name;  // direct calls
  PackedOption<ir::Inst>
      inst;  // the CLIF call, for its stack map, debug tags and exception table; none: a libcall
  u32 block = 0;  // lowered block, for the targets of an exception table
  PRegSet clobbers;
  u32 stack_arg_bytes = 0;   // area the callee takes from above its return address
  u32 callee_pop_bytes = 0;  // of which it pops this many
  bool colocated = false;
  bool patchable = false;
  bool is_try = false;
  bool is_tail = false;
  u32 num_contexts =
      0;  // try_call: the last operands of the instruction are that many context values
  u32 normal_target = 0;  // try_call: the lowered block where it goes on; the call ends its block
};

// A function lowered: everything the allocator and the emitter read. The spans stay valid until the
// lowering context that made them starts its next function.
struct VCode {
  std::span<const MInst> insts;
  std::span<const ir::SourcePlace> source_places;  // by instruction; empty if there are none
  regalloc::Input input;                           // operands and control flow
  std::span<const CallInfo> calls;
  std::span<const u64> wide_imms;  // 64-bit immediates, by index
  // Jump tables: lists of target blocks, list i is [table_ranges[i], table_ranges[i + 1]).
  std::span<const u32> table_ranges;
  std::span<const u32> table_targets;
  u32 outgoing_arg_bytes = 0;  // largest area of stack arguments any call needs
  bool has_calls = false;      // tail calls are none
};

}  // namespace gantry::machinst

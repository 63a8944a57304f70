#pragma once
// The instructions as functions: what ISLE's right-hand sides call. The lowering context of x64
// derives from X64Insts. A constructor picks the width from the type, the form from its operands,
// and appends the instruction to the buffer of the group being made.
#include "gantry/gen/isa/x64/opcodes.h"
#include "gantry/ir/trap_code.h"
#include "gantry/isa/x64/operand_types.h"

namespace gantry::isa::x64 {

using ir::TrapCode;
using machinst::MBlock;

using machinst::VRegSource;

class X64Insts {
 public:
  // All outlive the constructors' use. `constants`: 64-bit numbers of movabs, named by index.
  X64Insts(machinst::InstBuffer& insts, VRegSource& vregs, std::vector<u64>& constants,
           Features features)
      : insts_(insts), vregs_(vregs), constants_(constants), features_(features) {}

  // The number in the cheapest way that leaves flags alone: mov r32, mov r64 sign-extended, movabs.
  Gpr x64_const(u64 number);

  // ---- flags: see operand_types.h
  Gpr with_flags(const ProducesFlags& producer, const ConsumesFlags& consumer);
  GprPair with_flags_both(const ProducesFlags& producer, const ConsumesFlags& consumer);
  GprPair with_flags_2(const ProducesFlags& producer, const ConsumesFlags& first,
                       const ConsumesFlags& second);
  GprTriple with_flags_all(const ProducesFlags& producer, const ConsumesFlags& first,
                           const ConsumesFlags& second);
  Gpr with_flags_result(const ProducesFlags& producer, const ConsumesFlags& consumer);
  GprPair with_flags_result_pair(const ProducesFlags& producer, const ConsumesFlags& consumer);
  SideEffect with_flags_effect(const ProducesFlags& producer, const ConsumesFlags& consumer);
  SideEffect with_flags_effect_2(const ProducesFlags& producer, const ConsumesFlags& first,
                                 const ConsumesFlags& second);

  // ---- operands
  Gpr gpr_pair_first(const GprPair& pair) { return pair.first; }
  Gpr gpr_pair_second(const GprPair& pair) { return pair.second; }
  Gpr gpr_triple_first(const GprTriple& triple) { return triple.first; }
  Gpr gpr_triple_second(const GprTriple& triple) { return triple.second; }
  Gpr gpr_triple_third(const GprTriple& triple) { return triple.third; }
  GprMem gpr_to_gpr_mem(Gpr reg) { return {AMode::reg(reg.reg)}; }
  GprImm gpr_to_gpr_imm(Gpr reg) { return {AMode::reg(reg.reg)}; }
  GprMemImm gpr_to_gpr_mem_imm(Gpr reg) { return {AMode::reg(reg.reg)}; }
  GprMemImm gpr_mem_to_gpr_mem_imm(const GprMem& place) { return {place.m}; }
  GprMemImm gpr_imm_to_gpr_mem_imm(const GprImm& place) { return {place.m}; }
  GprMem amode_to_gpr_mem(const AMode& address) { return {address}; }
  GprMemImm amode_to_gpr_mem_imm(const AMode& address) { return {address}; }
  GprImm imm_to_gpr_imm(i32 number) { return {AMode::imm(number)}; }
  GprMemImm imm_to_gpr_mem_imm(i32 number) { return {AMode::imm(number)}; }
  XmmMem xmm_to_xmm_mem(Xmm reg) { return {AMode::reg(reg.reg)}; }
  XmmMem amode_to_xmm_mem(const AMode& address) { return {address}; }
  XmmMemAligned xmm_to_xmm_mem_aligned(Xmm reg) { return {AMode::reg(reg.reg)}; }
  XmmMemAligned amode_to_xmm_mem_aligned(const AMode& address) { return {address}; }
  AMode amode_base(Gpr base, i32 disp, TrapCode trap) {
    return AMode::at(base.reg, disp, trap.code);
  }
  AMode amode_index(Gpr base, Gpr index, u8 scale_log2, i32 disp, TrapCode trap) {
    return AMode::indexed(base.reg, index.reg, scale_log2, disp, trap.code);
  }
  AMode amode_slot(i32 offset) { return AMode::other(Mode::Slot, offset); }
  AMode amode_in_arg(i32 offset) { return AMode::other(Mode::InArg, offset); }
  AMode amode_out_arg(i32 offset) { return AMode::other(Mode::OutArg, offset); }
  AMode amode_constant(u32 constant) {
    return AMode::other(Mode::Constant, static_cast<i32>(constant));
  }
  CC cc_invert(CC cc) { return invert(cc); }

  // ---- one or more per family, generated
#include "gantry/gen/isa/x64/insts_decls.inc"

  // What a description fills in when the instruction is emitted at once: places in the buffer.
  struct InPlace {
    MInst& inst;
    Operand* operands;
    u32 count;
    VReg result, result2;
  };
  InPlace in_place() {
    const machinst::InstBuffer::Next next = insts_.next();
    return {*next.inst, next.operands, 0, {}, {}};
  }

  void push(const InstDraft& draft) {
    if (draft.count > machinst::kInlineOperands) [[unlikely]] {
      insts_.push_list(draft.inst, {draft.operands, draft.count});
      return;
    }
    insts_.push(draft.inst, draft.operands, draft.count);
  }

 protected:
  VReg fresh_gpr() { return vregs_.fresh(regalloc::RegClass::Int); }
  VReg fresh_xmm() { return vregs_.fresh(regalloc::RegClass::Float); }
  VReg fresh_xmm_like(VReg source) {
    return vregs_.is_wide(source) ? vregs_.fresh_wide() : fresh_xmm();
  }

  machinst::InstBuffer& insts_;
  VRegSource& vregs_;
  std::vector<u64>& constants_;
  Features features_;
};

}  // namespace gantry::isa::x64

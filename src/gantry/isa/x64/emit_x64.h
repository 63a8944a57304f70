#pragma once
// Emission of one x64 function: frame, prologue, instructions with the allocator's moves between
// them, records.
#include "gantry/isa/x64/encode.h"
#include "gantry/isa/x64/lower_x64.h"
#include "gantry/machinst/block_layout.h"
#include "gantry/regalloc/output.h"
#include "gantry/target/settings.h"

namespace gantry::isa::x64 {

class X64Emitter final : public EmitHooks {
 public:
  X64Emitter();

  // Errors: LimitExceeded for a frame or code beyond the limits; Unsupported for a stack limit that
  // cannot be computed in a prologue.
  Result<void> emit(const X64Lower& lower, const machinst::VCode& vcode,
                    const regalloc::Output& regs, const target::Flags& flags, bool avx,
                    target::CompiledCode& out);

  // Of the function emitted last.
  const FrameBases& frame() const { return bases_; }

  void emit_rets(const PseudoInst& inst, EmitContext& context) override;
  void emit_call_known(const PseudoInst& inst, EmitContext& context) override;
  void emit_call_unknown(const PseudoInst& inst, EmitContext& context) override;
  void emit_return_call_known(const PseudoInst& inst, EmitContext& context) override;
  void emit_return_call_unknown(const PseudoInst& inst, EmitContext& context) override;
  void emit_tls_call(const PseudoInst& inst, EmitContext& context) override;

 private:
  Result<void> lay_out_frame();
  Result<void> emit_prologue(EmitContext& context);
  Result<void> emit_stack_limit_check(EmitContext& context);
  void emit_probes(EmitContext& context);
  void emit_epilogue(EmitContext& context);
  void emit_block(u32 block, EmitContext& context);
  void finish_call(const machinst::CallInfo& call, std::span<const Allocation> allocs,
                   EmitContext& context);
  // The frame is gone and the return address on top: moves it to where the callee's arguments
  // begin.
  void emit_tail_jump_frame(const machinst::CallInfo& call, EmitContext& context);

  MachBuffer buffer_;
  machinst::BlockLayout layout_;
  // Of the function being emitted.
  const X64Lower* lower_ = nullptr;
  const machinst::VCode* vcode_ = nullptr;
  const regalloc::Output* regs_ = nullptr;
  const target::Flags* flags_ = nullptr;
  std::vector<PReg> saved_;       // general registers pushed, in order
  std::vector<PReg> saved_xmms_;  // preserve_all only
  u32 saved_xmm_base_ = 0;        // from rsp
  u32 fixed_bytes_ = 0;           // what the prologue subtracts from rsp after the pushes
  u32 enlarged_bytes_ = 0;        // how far the incoming argument area grew for tail calls
  FrameBases bases_;
  usize next_edit_ = 0;
  std::vector<Label> pool_labels_;
  std::vector<machinst::HandlerUse> handlers_;
};

}  // namespace gantry::isa::x64

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

  // Whether rbp must be left to the frame: before allocation, when its size is not known.
  static bool may_need_frame_record(const X64Lower& lower, const target::Flags& flags);
  // Of the function emitted last.
  const FrameBases& frame() const { return bases_; }

  void emit_rets(const PseudoInst& inst, EmitContext& context) override;
  void emit_call_known(const PseudoInst& inst, EmitContext& context) override;
  void emit_call_unknown(const PseudoInst& inst, EmitContext& context) override;
  void emit_return_call_known(const PseudoInst& inst, EmitContext& context) override;
  void emit_return_call_unknown(const PseudoInst& inst, EmitContext& context) override;
  void emit_tls_call(const PseudoInst& inst, EmitContext& context) override;
  void emit_stack_switch_call(const PseudoInst& inst, EmitContext& context) override;

 private:
  Result<void> lay_out_frame();
  // Finds the block before which the frame is made, and who runs with it.
  void place_prologue(std::span<const u32> layout);
  bool needs_frame(u32 block) const;
  u32 common_dominator(u32 a, u32 b);
  void compute_dominators();
  void close_framed();
  // Marks what an unwinder must know at the start of a block, where it is not what it was at the
  // end of the block laid out before.
  void note_frame_state(bool framed);
  void note_stack_free(u32 bytes);
  Result<void> emit_prologue(EmitContext& context);
  Result<void> emit_stack_limit_check(EmitContext& context);
  void emit_probes(EmitContext& context);
  void emit_epilogue(EmitContext& context);
  void emit_block(u32 block, EmitContext& context);
  bool may_copy_half(usize edit, u32 number) const;
  target::RelocKind call_reloc(bool colocated) const;
  bool is_repeated_test(u32 number, std::span<const Allocation> allocs) const;
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
  bool has_record_ = true;        // rbp points to the frame
  u32 prologue_block_ = 0;
  std::vector<u8> framed_;       // by block: runs with the frame; empty: all do
  std::vector<u32> dominators_;  // by block: the immediate one; made when asked for
  u64 dominator_steps_ = 0;      // left
  std::vector<u32> work_;
  bool is_framed_ = true;  // of the block being emitted
  // What the unwind steps noted so far say of the code that follows.
  enum class Described : u8 { Entry, Frame, Freed };
  Described described_ = Described::Entry;
  bool makes_frame_ = false;  // there is a prologue, without frame record, and it does something
  FrameBases bases_;
  usize next_edit_ = 0;
  std::vector<Label> pool_labels_;
  std::vector<machinst::HandlerUse> handlers_;
};

}  // namespace gantry::isa::x64

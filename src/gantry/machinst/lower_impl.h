#pragma once
// The loop of the driver, instantiated once per ISA.
#include "gantry/machinst/lower.h"
#include "gantry/support/limits.h"

namespace gantry::machinst {

// What an ISA's lowering context must offer beyond LowerContext.
template <class B>
concept LowerBackend = requires(B& backend, ir::Inst inst, InstOutput& output, u32 block) {
  // Emits the root into insts(); false if no rule takes it.
  { backend.lower_inst(inst, output) } -> std::same_as<bool>;
  // The terminator of the current block.
  { backend.lower_terminator(inst) } -> std::same_as<bool>;
  // An unconditional jump to a lowered block.
  backend.lower_jump(MBlock::from_index(block));
  // The value of an iconst, f32const or f64const in a register of its own.
  { backend.lower_constant(ir::Value()) } -> std::same_as<VReg>;
  // The function's parameters, at the start of block 0.
  backend.lower_params();
  { backend.failure(inst) } -> std::same_as<Error>;
};

template <LowerBackend B>
Result<VCode> lower_function(B& backend, const ir::Function& func) {
  backend.begin(func);
  const BlockOrder& order = backend.order();
  for (u32 number = order.num_blocks(); number-- > 0;) {
    const LoweredBlock& lowered = order.block(number);
    backend.begin_block(number);
    backend.use_branch_args(number);
    backend.begin_root(*lowered.branch);
    if (!lowered.block) {
      for (const u32 arg : backend.open_constants()) {
        backend.set_edge_constant(arg, backend.lower_constant(backend.edge_arg(arg)));
      }
      backend.lower_jump(order.target(number, 0));
      backend.commit_group();
      backend.end_block(regalloc::InstKind::Branch);
      continue;
    }
    if (!backend.lower_terminator(*lowered.branch)) return backend.failure(*lowered.branch);
    backend.commit_group();
    for (PackedOption<ir::Inst> at = func.layout.prev_inst(*lowered.branch); at;
         at = func.layout.prev_inst(*at)) {
      const ir::Inst inst = *at;
      if (!backend.is_needed(inst) || backend.is_sunk(inst)) continue;
      backend.begin_root(inst);
      InstOutput output;
      if (!backend.lower_inst(inst, output)) return backend.failure(inst);
      backend.finish_root(output);
    }
    if (number == 0) {
      backend.begin_root(*lowered.branch);
      backend.lower_params();
      backend.commit_group();
    }
    backend.end_block(order.successor_ranges()[number] == order.successor_ranges()[number + 1]
                          ? regalloc::InstKind::Return
                          : regalloc::InstKind::Branch);
  }
  if (backend.vregs().next > limits::kMaxVRegs.value) {
    return Error(ErrorKind::LimitExceeded, "max-vregs: too many virtual registers in one function");
  }
  return backend.finish();
}

}  // namespace gantry::machinst

// Register allocation by scanning the code with a picture of the register file (docs/adr/0030):
//
//   loops.cpp     the loop nesting forest: how often blocks run, what is around what
//   liveness.cpp  one backward sweep: next uses, live-in lists, hints
//   scan.cpp      one forward sweep: decisions, and the moves inside blocks
//   edges.cpp     moves between blocks
//   slots.cpp     places of stores, spill slots, the list of edits
//
// There is no interference graph, no interval, no tree: the scan always knows what is where.
// Everything is linear in the input and the live-in lists, up to the sorting of spilled values.
#include "gantry/regalloc/allocate.h"

#include "gantry/regalloc/internal/state.h"
#include "gantry/support/limits.h"
#include "gantry/support/text_writer.h"

namespace gantry::regalloc {

Allocator::Allocator() : state_(new State) {}
Allocator::~Allocator() { delete state_; }

Result<Output> Allocator::allocate(const Input& input, const MachineEnv& env) {
  return state_->run(input, env);
}

Result<Output> Allocator::State::run(const Input& given, const MachineEnv& env) {
  input = &given;
  if (given.num_vregs > limits::kMaxVRegs.value || given.num_insts > limits::kMaxVRegs.value) {
    return Error(ErrorKind::LimitExceeded, limits::kMaxVRegs.name);
  }
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    order[reg_class].clear();
    allocatable[reg_class] = preferred[reg_class] = 0;
    ascending[reg_class] = true;
    const auto append = [&](std::span<const PReg> regs) {
      u32 previous = 0;
      for (const PReg reg : regs) {
        order[reg_class].push_back(static_cast<u8>(reg.index()));
        allocatable[reg_class] |= u32{1} << reg.hw_enc();
        ascending[reg_class] &= reg.index() >= previous;
        previous = reg.index();
      }
    };
    append(env.preferred[reg_class]);
    preferred[reg_class] = allocatable[reg_class];
    append(env.non_preferred[reg_class]);
  }

  values.assign(given.num_vregs, ValueState{});
  if (!given.remat.empty()) {
    for (u32 index = 0; index < given.num_vregs; ++index) {
      if (given.remat[index] != kNoRemat) values[index].flags |= ValueState::kRemat;
    }
  }
  for (usize word = 0; word < given.wide.size(); ++word) {
    for (u64 left = given.wide[word]; left != 0; left &= left - 1) {
      values[word * 64 + static_cast<u32>(std::countr_zero(left))].flags |= ValueState::kWide;
    }
  }
  for (u32 block = 0; block < given.num_blocks; ++block) {
    const u32 last = given.block_insts[block + 1] - 1;
    for (u32 op = given.operand_ranges[last]; op < given.operand_ranges[last + 1]; ++op) {
      if (given.operands[op].is_def())
        values[given.operands[op].vreg.index()].flags |= ValueState::kBranchDef;
    }
  }
  incoming_edges.resize(given.num_blocks);
  for (u32 edge = 0; edge < given.successors.size(); ++edge)
    incoming_edges[given.successors[edge]] = edge;

  GANTRY_TRY(find_loops());
  find_liveness();

  allocs.assign(given.operands.size(), Allocation{});
  stack_operands.clear();
  exchanged.clear();
  moves.clear();
  tail_moves.clear();
  tail_ranges.assign(given.num_blocks, Range{});
  end_entries.clear();
  end_ranges.assign(given.num_blocks, Range{});
  entry_entries.clear();
  slot_classes.clear();
  entry_ranges.assign(given.num_blocks, Range{});
  edge_stamp = 0;
  num_scratch = 0;
  used = written = Masks{};
  u32 failed_inst = 0;
  if (!scan(failed_inst)) {
    TextWriter message;
    message.put("the constraints of instruction ", failed_inst,
                " cannot be met by the registers there are");
    return Error(ErrorKind::Unsupported, message.view());
  }
  assign_slots();
  write_edits();

  Output output;
  output.allocs = allocs;
  output.edits = edits;
  output.exchanged = exchanged;
  output.num_slot_words = num_slot_words;
  output.used_regs = used_regs;
  output.loops = {loop_of, loop_parent};
  output.stats = stats;
  return output;
}

}  // namespace gantry::regalloc

// Problem: every pass asks for predecessors and an order of the blocks. Idea: two counted passes
// over the branches fill flat arrays (compressed rows), then one depth-first walk with an explicit
// stack numbers the blocks both ways. Invariants: ranges have one entry more than there are blocks;
// a block is in preorder_ iff it is in postorder_.
#include "gantry/analysis/flow.h"

namespace gantry::analysis {

using ir::Block;
using ir::Function;
using ir::Inst;

namespace {
// Calls visit(target) for the targets of the last instruction of `block` that are in the layout.
template <class F>
void for_each_target(const Function& func, Block block, F&& visit) {
  const PackedOption<Inst> last = func.layout.last_inst(block);
  if (!last || !ir::is_branch(func.dfg.opcode(*last))) return;
  func.dfg.for_each_block_call(*last, [&](ir::BlockCall call) {
    const Block target = call.block(func.dfg.lists());
    if (func.layout.is_inserted(target)) visit(target, *last);
  });
}
}  // namespace

void ControlFlow::compute(const Function& func) {
  const u32 count = func.dfg.num_blocks();
  succ_ranges_.assign(count + 1, 0);
  pred_ranges_.assign(count + 1, 0);
  numbers_.assign(count, Numbers{});
  postorder_.clear();
  preorder_.clear();
  parents_.clear();

  // Counts, one place up, so that the running sums below are starts.
  for (const Block block : func.layout.blocks()) {
    for_each_target(func, block, [&](Block target, Inst) {
      ++succ_ranges_[block.index() + 1];
      ++pred_ranges_[target.index() + 1];
    });
  }
  for (u32 i = 0; i < count; ++i) {
    succ_ranges_[i + 1] += succ_ranges_[i];
    pred_ranges_[i + 1] += pred_ranges_[i];
  }
  succs_.resize(succ_ranges_[count]);
  preds_.resize(pred_ranges_[count]);
  // The start of each predecessor range is used as its cursor, and moved back afterwards.
  for (const Block block : func.layout.blocks()) {
    u32 at = succ_ranges_[block.index()];
    for_each_target(func, block, [&](Block target, Inst inst) {
      succs_[at++] = target;
      preds_[pred_ranges_[target.index()]++] = {block, inst};
    });
  }
  for (u32 i = count; i > 0; --i) pred_ranges_[i] = pred_ranges_[i - 1];
  pred_ranges_[0] = 0;

  if (const std::optional<Block> entry = func.layout.entry()) walk(*entry);
}

void ControlFlow::walk(Block entry) {
  const auto discover = [&](u32 block, u32 parent) {
    numbers_[block].pre = static_cast<u32>(preorder_.size());
    preorder_.push_back(Block::from_index(block));
    parents_.push_back(parent);
    stack_.push_back({block, succ_ranges_[block]});
  };
  discover(entry.index(), 0);
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    const u32 block = frame.block;
    if (frame.next_successor < succ_ranges_[block + 1]) {
      const u32 target = succs_[frame.next_successor++].index();
      if (numbers_[target].pre == kNone) discover(target, numbers_[block].pre);
    } else {
      numbers_[block].post = static_cast<u32>(postorder_.size());
      postorder_.push_back(Block::from_index(block));
      stack_.pop_back();
    }
  }
}

std::span<const Edge> ControlFlow::predecessors(Block block) const {
  const u32 first = pred_ranges_[block.index()];
  return std::span(preds_).subspan(first, pred_ranges_[block.index() + 1] - first);
}

std::span<const Block> ControlFlow::successors(Block block) const {
  const u32 first = succ_ranges_[block.index()];
  return std::span(succs_).subspan(first, succ_ranges_[block.index() + 1] - first);
}

bool ControlFlow::is_reachable(Block block) const {
  return block.index() < numbers_.size() && numbers_[block.index()].pre != kNone;
}

}  // namespace gantry::analysis

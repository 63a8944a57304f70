// Problem: which blocks loop, and how deeply, in near-linear time for any nesting. Idea: headers in
// reverse postorder get the numbers of loops, so inner loops have larger ones; loops are filled
// from the innermost out by walking backwards from the edges to the header, and an inner loop that
// is met is skipped over as one node (union-find to its outermost). Invariants: every block of a
// natural loop is dominated by the header, so the walk never leaves the header's subtree.
#include "gantry/analysis/flow.h"

namespace gantry::analysis {

using ir::Block;
using ir::Function;

// The outermost loop found so far around `loop`. Halves the path.
u32 LoopForest::outermost(u32 loop) {
  while (loops_[loop].outermost != loop) {
    loops_[loop].outermost = loops_[loops_[loop].outermost].outermost;
    loop = loops_[loop].outermost;
  }
  return loop;
}

void LoopForest::compute(const Function& func, const ControlFlow& flow, const DominatorTree& tree) {
  loops_.clear();
  innermost_.assign(func.dfg.num_blocks(), {});
  has_irreducible_cycle_ = false;

  const std::span<const Block> postorder = flow.postorder();
  for (usize i = postorder.size(); i-- > 0;) {
    const Block block = postorder[i];
    bool is_header = false;
    for (const Edge& edge : flow.predecessors(block)) {
      if (!flow.is_reachable(edge.block)) continue;
      if (flow.reverse_postorder_number(edge.block) < flow.reverse_postorder_number(block))
        continue;
      if (tree.dominates(block, edge.block)) {
        is_header = true;
      } else {
        has_irreducible_cycle_ = true;
      }
    }
    if (is_header) loops_.push_back({block, {}, 0, static_cast<u32>(loops_.size())});
  }

  for (u32 number = num_loops(); number-- > 0;) {
    const Loop loop = Loop::from_index(number);
    const Block header = loops_[number].header;
    const auto add_predecessors = [&](Block block, bool back_edges_only) {
      for (const Edge& edge : flow.predecessors(block)) {
        if (flow.is_reachable(edge.block) &&
            (!back_edges_only || tree.dominates(block, edge.block))) {
          work_.push_back(edge.block);
        }
      }
    };
    innermost_[header.index()] = loop;
    add_predecessors(header, true);
    while (!work_.empty()) {
      const Block block = work_.back();
      work_.pop_back();
      const PackedOption<Loop> inner = innermost_[block.index()];
      if (!inner) {
        innermost_[block.index()] = loop;
        add_predecessors(block, false);
        continue;
      }
      const u32 outer = outermost((*inner).index());
      if (outer == number) continue;
      loops_[outer].outermost = number;
      loops_[outer].parent = loop;
      add_predecessors(loops_[outer].header, false);
    }
  }
  for (LoopData& loop : loops_)
    loop.depth = loop.parent ? loops_[(*loop.parent).index()].depth + 1 : 1;
}

bool LoopForest::contains(Loop loop, Block block) const {
  PackedOption<Loop> at = innermost_[block.index()];
  while (at && (*at).index() > loop.index()) at = loops_[(*at).index()].parent;
  return at == loop;
}

}  // namespace gantry::analysis

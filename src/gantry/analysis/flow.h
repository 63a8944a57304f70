#pragma once
// Control flow of a function: predecessors, reverse postorder, dominators, loops. Computed, never maintained: a pass that
// changes the flow recomputes (it is cheaper than patching, and cannot go stale).
#include <span>
#include <vector>

#include "gantry/ir/function.h"

namespace gantry::analysis {

// One edge: the block that branches, and the branch. Several edges between two blocks are several entries.
struct Edge {
  ir::Block block;
  ir::Inst inst;
};

class ControlFlow {
 public:
  void compute(const ir::Function& func);
  std::span<const Edge> predecessors(ir::Block block) const;
  // In operand order, duplicates included.
  std::span<const ir::Block> successors(ir::Block block) const;
  // Reachable blocks. A depth-first walk from the entry that visits successors in operand order.
  std::span<const ir::Block> postorder() const { return postorder_; }
  bool is_reachable(ir::Block block) const;

 private:
  std::vector<u32> pred_ranges_, succ_ranges_;
  std::vector<Edge> preds_;
  std::vector<ir::Block> succs_;
  std::vector<ir::Block> postorder_;
  std::vector<u32> rpo_number_;  // by block; ~0: unreachable
};

class DominatorTree {
 public:
  void compute(const ir::Function& func, const ControlFlow& flow);
  // None for the entry and unreachable blocks.
  std::optional<ir::Block> immediate_dominator(ir::Block block) const;
  // Whether every path from the entry to b passes a (a dominates itself). False if b is unreachable. Constant time.
  bool dominates(ir::Block a, ir::Block b) const;
  // Children in reverse postorder.
  std::span<const ir::Block> children(ir::Block block) const;

 private:
  std::vector<PackedOption<ir::Block>> idom_;
  std::vector<u32> preorder_, last_descendant_;
  std::vector<u32> child_ranges_;
  std::vector<ir::Block> children_;
};

}  // namespace gantry::analysis

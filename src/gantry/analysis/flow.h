#pragma once
// Control flow of a function: predecessors, reverse postorder, dominators, loops. Computed, never
// maintained: a pass that changes the flow recomputes (it is cheaper than patching, and cannot go
// stale). Every object keeps its memory from one compute() to the next.
#include <optional>
#include <span>
#include <vector>

#include "gantry/ir/function.h"

namespace gantry::analysis {

// One edge: the block that branches, and the branch. Several edges between two blocks are several
// entries.
struct Edge {
  ir::Block block;
  ir::Inst inst;
};

// The edges are those of the last instruction of each block in the layout. Targets that are not in
// the layout are left out, so that functions which do not verify can be drawn.
class ControlFlow {
 public:
  void compute(const ir::Function& func);
  // In layout order of the branching block, then operand order.
  std::span<const Edge> predecessors(ir::Block block) const;
  // In operand order, duplicates included.
  std::span<const ir::Block> successors(ir::Block block) const;
  // Reachable blocks. A depth-first walk from the entry that visits successors in operand order.
  std::span<const ir::Block> postorder() const { return postorder_; }
  bool is_reachable(ir::Block block) const;
  // 0 for the entry; for reachable blocks only.
  u32 reverse_postorder_number(ir::Block block) const {
    return static_cast<u32>(postorder_.size()) - 1 - numbers_[block.index()].post;
  }
  u32 num_blocks() const { return static_cast<u32>(numbers_.size()); }

  // The same walk in the order of discovery, as numbers: what the dominator algorithms work on.
  std::span<const ir::Block> preorder() const { return preorder_; }
  u32 preorder_number(ir::Block block) const { return numbers_[block.index()].pre; }
  // By preorder number: that of the block from which it was discovered. The entry has 0.
  std::span<const u32> preorder_parents() const { return parents_; }

 private:
  static constexpr u32 kNone = ~u32{0};
  struct Numbers {
    u32 pre = kNone;  // kNone: unreachable
    u32 post = kNone;
  };
  struct Frame {
    u32 block;
    u32 next_successor;
  };
  void walk(ir::Block entry);

  std::vector<u32> pred_ranges_, succ_ranges_;  // by block, one more entry than blocks
  std::vector<Edge> preds_;
  std::vector<ir::Block> succs_;
  std::vector<ir::Block> postorder_, preorder_;
  std::vector<u32> parents_;
  std::vector<Numbers> numbers_;
  std::vector<Frame> stack_;
};

// Working memory of the dominator algorithm; see dominators.cpp.
class ImmediateDominators {
 public:
  // A flow graph whose nodes are numbered by a depth-first preorder from node 0. parents[i] < i for
  // i > 0; the predecessors of node i are preds[pred_ranges[i] .. pred_ranges[i + 1]).
  struct Graph {
    std::span<const u32> parents;
    std::span<const u32> pred_ranges;
    std::span<const u32> preds;
  };
  // By node; node 0 has itself. Valid until the next call.
  std::span<const u32> compute(const Graph& graph);

 private:
  struct Node {
    u32 semi;
    u32 label;
    u32 ancestor;
    u32 bucket;  // first node of the bucket of this node
    u32 next;    // next node in the bucket that this node is in
  };
  u32 best_on_path(u32 node);

  std::vector<Node> nodes_;
  std::vector<u32> idom_, path_;
};

class DominatorTree {
 public:
  void compute(const ir::Function& func, const ControlFlow& flow);
  // None for the entry and unreachable blocks.
  std::optional<ir::Block> immediate_dominator(ir::Block block) const {
    return idom_[block.index()].expand();
  }
  // Whether every path from the entry to b passes a (a dominates itself). False if a or b is
  // unreachable. Constant time.
  bool dominates(ir::Block a, ir::Block b) const {
    return places_[b.index()].preorder - places_[a.index()].preorder < places_[a.index()].size;
  }
  // Children in reverse postorder.
  std::span<const ir::Block> children(ir::Block block) const;
  // The tree in preorder, children in reverse postorder; empty if the function has no blocks.
  std::span<const ir::Block> preorder() const { return preorder_; }

 private:
  // Where a block is in the preorder of the tree, and how many blocks it dominates. Unreachable:
  // size 0 and a number that is in no interval.
  struct Place {
    u32 preorder = ~u32{0} >> 1;
    u32 size = 0;
  };
  ImmediateDominators algorithm_;
  std::vector<u32> pred_ranges_, preds_, next_;
  std::vector<PackedOption<ir::Block>> idom_;
  std::vector<Place> places_;
  std::vector<u32> child_ranges_;
  std::vector<ir::Block> children_, preorder_;
};

// Dominance on the reversed graph, from a virtual exit behind all blocks without successors. A
// region that cannot leave (an endless loop) is tied to the exit at its first block in postorder
// that nothing else ties. Reachable blocks only.
class PostDominatorTree {
 public:
  void compute(const ir::Function& func, const ControlFlow& flow);
  // None if only the virtual exit post-dominates the block, or it is unreachable.
  std::optional<ir::Block> immediate_post_dominator(ir::Block block) const {
    return idom_[block.index()].expand();
  }
  // Whether every path from b to the exit passes a. False if a or b is unreachable. Constant time.
  bool post_dominates(ir::Block a, ir::Block b) const {
    return places_[b.index()].preorder - places_[a.index()].preorder < places_[a.index()].size;
  }

 private:
  struct Place {
    u32 preorder = ~u32{0} >> 1;
    u32 size = 0;
  };
  struct Frame {
    u32 node;
    u32 next_pred;
  };
  void walk_from(u32 exit_block, const ControlFlow& flow);

  ImmediateDominators algorithm_;
  std::vector<u32> numbers_;      // by block; ~0: not yet visited
  std::vector<ir::Block> order_;  // by number - 1; number 0 is the virtual exit
  std::vector<u32> parents_, pred_ranges_, preds_, next_;
  std::vector<Frame> stack_;
  std::vector<bool> tied_;  // by block: has an edge to the virtual exit
  std::vector<PackedOption<ir::Block>> idom_;
  std::vector<Place> places_;
};

GANTRY_ENTITY(Loop, "loop");

// Natural loops: for each block that dominates the source of an edge to itself (the header) the
// blocks that reach such an edge without passing the header. Loops with the same header are one. A
// cycle that can be entered at several blocks (irreducible) has no header and makes no loop: its
// blocks count for the natural loop around it, if any.
class LoopForest {
 public:
  void compute(const ir::Function& func, const ControlFlow& flow, const DominatorTree& tree);
  // Outer loops have smaller numbers than the loops inside.
  u32 num_loops() const { return static_cast<u32>(loops_.size()); }
  ir::Block header(Loop loop) const { return loops_[loop.index()].header; }
  std::optional<Loop> parent(Loop loop) const { return loops_[loop.index()].parent.expand(); }
  // 1 for an outermost loop.
  u32 depth(Loop loop) const { return loops_[loop.index()].depth; }
  std::optional<Loop> innermost_loop(ir::Block block) const {
    return innermost_[block.index()].expand();
  }
  // 0 outside of loops.
  u32 depth(ir::Block block) const {
    const PackedOption<Loop> loop = innermost_[block.index()];
    return loop ? loops_[(*loop).index()].depth : 0;
  }
  bool contains(Loop loop, ir::Block block) const;
  bool has_irreducible_cycle() const { return has_irreducible_cycle_; }

 private:
  struct LoopData {
    ir::Block header;
    PackedOption<Loop> parent;
    u32 depth = 0;
    u32 outermost = 0;  // during compute(): union-find towards the outermost loop found so far
  };
  u32 outermost(u32 loop);

  std::vector<LoopData> loops_;
  std::vector<PackedOption<Loop>> innermost_;
  std::vector<ir::Block> work_;
  bool has_irreducible_cycle_ = false;
};

// Graphviz text of the flow (what `test print-cfg` prints). Works on functions that do not verify.
void print_cfg(const ir::Function& func, const ControlFlow& flow, TextWriter& out);
// `cfg_postorder:` and `domtree_preorder { … }` (what `test domtree` prints).
void print_dominators(const ControlFlow& flow, const DominatorTree& tree, TextWriter& out);

}  // namespace gantry::analysis

// Problem: dominators of graphs with a million blocks, of any shape, without recursion and without
// a quadratic case. Idea: semidominators with path compression (Lengauer and Tarjan 1979, the
// simple variant: O(m log n) for every graph) on depth-first numbers, so that all of it is
// arithmetic on small arrays. Dominance of two blocks is then the question whether one preorder
// interval of the tree lies in another. Invariants: a node's immediate dominator has a smaller
// number; in reverse postorder it comes earlier too.
#include "gantry/analysis/flow.h"

namespace gantry::analysis {

using ir::Block;
using ir::Function;

namespace {
constexpr u32 kNone = ~u32{0};
}

// The node of smallest semidominator on the path from `node` up to, not including, the root of its
// tree in the forest of linked nodes. Shortens the path.
u32 ImmediateDominators::best_on_path(u32 node) {
  if (nodes_[node].ancestor == kNone) return node;
  path_.clear();
  for (u32 at = node; nodes_[nodes_[at].ancestor].ancestor != kNone; at = nodes_[at].ancestor)
    path_.push_back(at);
  while (!path_.empty()) {
    Node& at = nodes_[path_.back()];
    path_.pop_back();
    const Node& above = nodes_[at.ancestor];
    if (nodes_[above.label].semi < nodes_[at.label].semi) at.label = above.label;
    at.ancestor = above.ancestor;
  }
  return nodes_[node].label;
}

std::span<const u32> ImmediateDominators::compute(const Graph& graph) {
  const u32 count = static_cast<u32>(graph.parents.size());
  nodes_.resize(count);
  idom_.assign(count, 0);
  for (u32 i = 0; i < count; ++i) nodes_[i] = {i, i, kNone, kNone, kNone};

  for (u32 node = count; node-- > 1;) {
    u32 semi = node;
    for (u32 i = graph.pred_ranges[node]; i < graph.pred_ranges[node + 1]; ++i) {
      const u32 candidate = nodes_[best_on_path(graph.preds[i])].semi;
      if (candidate < semi) semi = candidate;
    }
    nodes_[node].semi = semi;
    nodes_[node].next = nodes_[semi].bucket;
    nodes_[semi].bucket = node;
    const u32 parent = graph.parents[node];
    nodes_[node].ancestor = parent;
    for (u32 waiting = nodes_[parent].bucket; waiting != kNone; waiting = nodes_[waiting].next) {
      const u32 best = best_on_path(waiting);
      idom_[waiting] = nodes_[best].semi < nodes_[waiting].semi ? best : parent;
    }
    nodes_[parent].bucket = kNone;
  }
  for (u32 node = 1; node < count; ++node) {
    if (idom_[node] != nodes_[node].semi) idom_[node] = idom_[idom_[node]];
  }
  return idom_;
}

void DominatorTree::compute(const Function& func, const ControlFlow& flow) {
  const u32 num_blocks = func.dfg.num_blocks();
  const std::span<const Block> order = flow.preorder();
  const u32 count = static_cast<u32>(order.size());
  idom_.assign(num_blocks, {});
  places_.assign(num_blocks, Place{});
  child_ranges_.assign(num_blocks + 1, 0);
  children_.clear();
  preorder_.clear();
  if (count == 0) return;

  pred_ranges_.clear();
  preds_.clear();
  for (const Block block : order) {
    pred_ranges_.push_back(static_cast<u32>(preds_.size()));
    for (const Edge& edge : flow.predecessors(block)) {
      if (flow.is_reachable(edge.block)) preds_.push_back(flow.preorder_number(edge.block));
    }
  }
  pred_ranges_.push_back(static_cast<u32>(preds_.size()));
  const std::span<const u32> idom =
      algorithm_.compute({flow.preorder_parents(), pred_ranges_, preds_});

  // Sizes of subtrees, from the leaves up: postorder visits a block before its dominators.
  for (const Block block : flow.postorder()) {
    const u32 own = ++places_[block.index()].size;
    const u32 number = flow.preorder_number(block);
    if (number == 0) continue;
    const Block dominator = order[idom[number]];
    idom_[block.index()] = dominator;
    places_[dominator.index()].size += own;
    ++child_ranges_[dominator.index() + 1];
  }
  for (u32 i = 0; i < num_blocks; ++i) child_ranges_[i + 1] += child_ranges_[i];

  // Places, from the root down: each subtree takes the next part of its parent's interval, in
  // reverse postorder.
  children_.resize(count - 1);
  preorder_.resize(count);
  next_.assign(num_blocks, 0);  // by block: how much of its interval its children have taken
  const std::span<const Block> postorder = flow.postorder();
  for (u32 i = count; i-- > 0;) {
    const Block block = postorder[i];
    Place& place = places_[block.index()];
    if (const PackedOption<Block> dominator = idom_[block.index()]) {
      const u32 parent = (*dominator).index();
      place.preorder = places_[parent].preorder + 1 + next_[parent];
      next_[parent] += place.size;
      children_[child_ranges_[parent]++] = block;
    } else {
      place.preorder = 0;
    }
    preorder_[place.preorder] = block;
  }
  for (u32 i = num_blocks; i > 0; --i) child_ranges_[i] = child_ranges_[i - 1];
  child_ranges_[0] = 0;
}

std::span<const Block> DominatorTree::children(Block block) const {
  const u32 first = child_ranges_[block.index()];
  return std::span(children_).subspan(first, child_ranges_[block.index() + 1] - first);
}

// Depth-first over predecessors. Numbers are one more than the place in order_: 0 is the virtual
// exit.
void PostDominatorTree::walk_from(u32 exit_block, const ControlFlow& flow) {
  const auto discover = [&](Block block, u32 parent) {
    order_.push_back(block);
    parents_.push_back(parent);
    numbers_[block.index()] = static_cast<u32>(order_.size());
    stack_.push_back({block.index(), 0});
  };
  tied_[exit_block] = true;
  discover(Block::from_index(exit_block), 0);
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    const Block block = Block::from_index(frame.node);
    const std::span<const Edge> preds = flow.predecessors(block);
    if (frame.next_pred == preds.size()) {
      stack_.pop_back();
      continue;
    }
    const Block pred = preds[frame.next_pred++].block;
    if (flow.is_reachable(pred) && numbers_[pred.index()] == kNone)
      discover(pred, numbers_[block.index()]);
  }
}

void PostDominatorTree::compute(const Function& func, const ControlFlow& flow) {
  const u32 num_blocks = func.dfg.num_blocks();
  numbers_.assign(num_blocks, kNone);
  tied_.assign(num_blocks, false);
  idom_.assign(num_blocks, {});
  places_.assign(num_blocks, Place{});
  order_.clear();
  parents_.assign(1, 0);
  for (const Block block : flow.postorder()) {
    if (flow.successors(block).empty()) walk_from(block.index(), flow);
  }
  for (const Block block : flow.postorder()) {
    if (numbers_[block.index()] == kNone) walk_from(block.index(), flow);
  }

  pred_ranges_.assign(2, 0);  // the virtual exit has no predecessors
  preds_.clear();
  for (const Block block : order_) {
    if (tied_[block.index()]) preds_.push_back(0);
    for (const Block successor : flow.successors(block))
      preds_.push_back(numbers_[successor.index()]);
    pred_ranges_.push_back(static_cast<u32>(preds_.size()));
  }
  const std::span<const u32> idom = algorithm_.compute({parents_, pred_ranges_, preds_});

  // As for dominators; an immediate dominator has a smaller number, so falling numbers go from the
  // leaves up.
  const u32 count = static_cast<u32>(order_.size());
  for (u32 number = count; number > 0; --number) {
    const u32 own = ++places_[order_[number - 1].index()].size;
    if (idom[number] != 0) places_[order_[idom[number] - 1].index()].size += own;
  }
  next_.assign(count + 1, 0);
  for (u32 number = 1; number <= count; ++number) {
    const u32 parent = idom[number];
    Place& place = places_[order_[number - 1].index()];
    const u32 base = parent == 0 ? 0 : places_[order_[parent - 1].index()].preorder + 1;
    place.preorder = base + next_[parent];
    next_[parent] += place.size;
    if (parent != 0) idom_[order_[number - 1].index()] = order_[parent - 1];
  }
}

void print_dominators(const ControlFlow& flow, const DominatorTree& tree, TextWriter& out) {
  out.write("cfg_postorder:");
  for (const Block block : flow.postorder()) out.put(" block", block.index());
  out.write("\ndomtree_preorder {\n");
  for (const Block block : tree.preorder()) {
    out.put("    block", block.index(), ":");
    for (const Block child : tree.children(block)) out.put(" block", child.index());
    out.write('\n');
  }
  out.write("}\n");
}

}  // namespace gantry::analysis

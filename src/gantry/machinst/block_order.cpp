// Problem: the allocator wants blocks in reverse postorder with critical edges split, and branches
// want to fall through. Idea: (1) one walk finds the reachable blocks and counts the distinct edges
// into each; (2) every edge from a block with several successors (or from a call that ends its
// block, whose results exist only on its edges) into a block with several incoming edges becomes a
// node, and so does the normal edge of a call with several results, where those that come in memory
// are loaded; (3) a depth-first walk with an explicit stack numbers blocks and edge nodes together.
// Successors are visited in operand order, so the last one named (the else of a brif) tends to come
// next. Invariants: a node is numbered after all its predecessors but those on back edges; work is
// linear in blocks and calls.
#include "gantry/machinst/block_order.h"

namespace gantry::machinst {

void BlockOrder::compute(const ir::Function& func) {
  const ir::DataFlowGraph& dfg = func.dfg;
  const ir::ValueListPool& lists = dfg.lists();
  const u32 num_ir_blocks = dfg.num_blocks();
  nodes_.clear();
  call_nodes_.clear();
  calls_.clear();
  node_of_.assign(num_ir_blocks, kUnreachable);
  pred_count_.assign(num_ir_blocks, 0);
  seen_.assign(num_ir_blocks, kUnreachable);
  number_of_.assign(num_ir_blocks, kUnreachable);

  // (1) Reachable blocks; nodes_ doubles as the work list. Calls hold ir block numbers for now.
  const ir::Block entry = *func.layout.entry();
  node_of_[entry.index()] = 0;
  nodes_.push_back({entry, {}, 0, 0});
  for (u32 at = 0; at < nodes_.size(); ++at) {
    const ir::Inst branch = *func.layout.last_inst(*nodes_[at].block);
    nodes_[at].branch = branch;
    nodes_[at].first_call = static_cast<u32>(call_nodes_.size());
    dfg.for_each_block_call(branch, [&](ir::BlockCall call) {
      const ir::Block target = call.block(lists);
      call_nodes_.push_back(target.index());
      calls_.push_back(call);
      const bool repeated = seen_[target.index()] == at && call.args(lists).empty();
      if (!repeated) ++pred_count_[target.index()];
      if (call.args(lists).empty()) seen_[target.index()] = at;
      if (node_of_[target.index()] == kUnreachable) {
        node_of_[target.index()] = static_cast<u32>(nodes_.size());
        nodes_.push_back({target, {}, 0, 0});
      }
    });
    nodes_[at].num_calls = static_cast<u32>(call_nodes_.size()) - nodes_[at].first_call;
  }

  // (2) Split. seen_ now holds, by block, the node of the edge that calls without arguments share.
  const u32 num_real = static_cast<u32>(nodes_.size());
  seen_.assign(num_ir_blocks, kUnreachable);
  for (u32 at = 0; at < num_real; ++at) {
    const ir::Inst branch = *nodes_[at].branch;
    const u32 first = nodes_[at].first_call, count = nodes_[at].num_calls;
    const bool ends_in_call = ir::is_call(dfg.opcode(branch));
    const bool has_loads = count > 0 && ends_in_call && !calls_[first].args(lists).empty() &&
                           dfg.signatures[*dfg.call_signature(branch)].returns.size() > 1;
    // Whether all calls are one edge.
    bool single = count == 1;
    if (count > 1) {
      single = true;
      for (u32 i = 1; i < count; ++i) single &= call_nodes_[first + i] == call_nodes_[first];
      single = single && dfg.block_params(ir::Block::from_index(call_nodes_[first])).empty();
    }
    for (u32 i = 0; i < count; ++i) {
      const u32 target = call_nodes_[first + i];
      const bool critical =
          ((!single || ends_in_call) && pred_count_[target] > 1) || (has_loads && i == 0);
      if (!critical) {
        call_nodes_[first + i] = node_of_[target];
        continue;
      }
      const bool passes_nothing = dfg.block_params(ir::Block::from_index(target)).empty();
      const u32 shared = seen_[target];
      if (passes_nothing && shared != kUnreachable && nodes_[shared].branch == branch) {
        call_nodes_[first + i] = shared;
        continue;
      }
      const u32 node = static_cast<u32>(nodes_.size());
      nodes_.push_back({{}, branch, static_cast<u32>(call_nodes_.size()), 1});
      call_nodes_.push_back(node_of_[target]);
      calls_.push_back(calls_[first + i]);
      call_nodes_[first + i] = node;
      if (passes_nothing) seen_[target] = node;
    }
  }

  // (3) Number. A node's mark is its place in `order`, filled backwards from the postorder.
  postorder_.clear();
  stack_.clear();
  std::vector<u32>& mark = pred_count_;
  mark.assign(nodes_.size(), 0);
  mark[0] = 1;
  stack_.push_back({0, 0});
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    const Node& node = nodes_[frame.node];
    if (frame.next == node.num_calls) {
      postorder_.push_back(frame.node);
      stack_.pop_back();
      continue;
    }
    const u32 target = call_nodes_[node.first_call + frame.next++];
    if (mark[target] == 0) {
      mark[target] = 1;
      stack_.push_back({target, 0});
    }
  }

  const u32 count = static_cast<u32>(postorder_.size());
  blocks_.clear();
  cold_.clear();
  target_ranges_.assign(1, 0);
  targets_.clear();
  successor_ranges_.assign(1, 0);
  successors_.clear();
  for (u32 i = 0; i < count; ++i) mark[postorder_[count - 1 - i]] = i;
  predecessor_ranges_.assign(count + 1, 0);
  std::vector<u32>& last_named = seen_;
  last_named.assign(count, kUnreachable);
  for (u32 i = 0; i < count; ++i) {
    const Node& node = nodes_[postorder_[count - 1 - i]];
    LoweredBlock lowered{node.block, node.branch, {}, false};
    if (!node.block) lowered.call = calls_[node.first_call];
    if (node.block) {
      number_of_[(*node.block).index()] = i;
      lowered.cold =
          func.layout.is_cold(*node.block) || dfg.opcode(*node.branch) == ir::Opcode::Trap;
    }
    blocks_.push_back(lowered);
    for (u32 call = 0; call < node.num_calls; ++call) {
      const u32 target = mark[call_nodes_[node.first_call + call]];
      targets_.push_back(MBlock::from_index(target));
      if (last_named[target] == i) continue;
      last_named[target] = i;
      successors_.push_back(target);
      ++predecessor_ranges_[target + 1];
    }
    target_ranges_.push_back(static_cast<u32>(targets_.size()));
    successor_ranges_.push_back(static_cast<u32>(successors_.size()));
  }
  for (u32 i = 0; i < count; ++i) predecessor_ranges_[i + 1] += predecessor_ranges_[i];
  predecessors_.resize(successors_.size());
  std::vector<u32>& fill = last_named;
  fill.assign(predecessor_ranges_.begin(), predecessor_ranges_.end() - 1);
  for (u32 i = 0; i < count; ++i) {
    for (u32 edge = successor_ranges_[i]; edge < successor_ranges_[i + 1]; ++edge) {
      predecessors_[fill[successors_[edge]]++] = i;
    }
  }
  loop_ends_.assign(count, 0);
  bool any_loop = false;
  for (u32 i = 0; i < count; ++i) {
    for (u32 edge = successor_ranges_[i]; edge < successor_ranges_[i + 1]; ++edge) {
      if (successors_[edge] > i) continue;
      loop_ends_[successors_[edge]] = i;
      any_loop = true;
    }
  }
  loop_starts_.assign(any_loop ? count : 0, 0);
  std::vector<u32>& open = postorder_;
  open.clear();
  for (u32 i = 0; any_loop && i < count; ++i) {
    while (!open.empty() && loop_ends_[open.back()] < i) open.pop_back();
    if (loop_ends_[i] != 0) open.push_back(i);
    if (!open.empty()) loop_starts_[i] = open.back();
  }
  // An edge is as cold as its target.
  for (u32 i = count; i-- > 0;) {
    if (!blocks_[i].block) blocks_[i].cold = blocks_[successors_[successor_ranges_[i]]].cold;
  }
  for (const LoweredBlock& block : blocks_) cold_.push_back(block.cold ? 1 : 0);
}

}  // namespace gantry::machinst

#pragma once
// What the steps of the e-graph pass share: walk.cpp fills it, place.cpp chooses, emit.cpp writes
// the function anew.
#include <vector>

#include "gantry/opt/graph.h"
#include "gantry/opt/internal/conditions.h"
#include "gantry/opt/internal/flow_numbers.h"
#include "gantry/opt/internal/memory_state.h"
#include "gantry/opt/rewrite.h"
#include "gantry/opt/run_egraph.h"

namespace gantry::opt {

// An instruction that stays in its block. While the pass runs its operands are numbers of nodes.
struct SkeletonEntry {
  ir::Inst inst;
  bool removable = false;  // if its result is not used: loads that can't trap
  bool removed = false;
};

struct EgraphState {
  analysis::ControlFlow flow;
  analysis::DominatorTree tree;
  analysis::LoopForest loops;
  FlowNumbers numbers;
  Graph graph;
  Rewriter rewriter{graph};
  Conditions conditions{graph, numbers};
  MemoryState memory{rewriter, numbers};
  RewriteObserver* observer = nullptr;

  // By ir::Value: its node, or a work place's number if there is none yet.
  std::vector<Node> value_nodes;
  // The skeleton in reverse postorder of blocks; that of the i-th block is [ranges[i], ranges[i +
  // 1]).
  std::vector<SkeletonEntry> skeleton;
  std::vector<u32> ranges;
  std::vector<bool> reached;  // by block number: an edge that can be taken leads here
  bool branches_changed = false;

  // -- of place.cpp, by node
  std::vector<bool> live;
  std::vector<Node> work;
  static constexpr u32 kNowhere = ~u32{0};
  static constexpr u32 kPerBlock = kNowhere - 1;
  std::vector<u32> places;  // block number, kNowhere (not needed), or kPerBlock: computed in each
                            // block that uses it
  std::vector<u32>
      first_placed;  // by block number: the smallest node placed there, then along next_placed
  std::vector<u32> next_placed;
  // A block parameter that something needs, and that isn't known to be another node.
  bool is_kept(ir::Value param) const {
    const Node node = value_nodes[param.index()];
    return live[node.index()] && graph[node].opcode == kOpaque &&
           graph[node].words[0] == param.index();
  }

  // -- of emit.cpp
  std::vector<ir::Value> values;  // by node: its value where it was computed last
  std::vector<u32> computed_in;   // by node: the block of that; kNowhere: not yet
  std::vector<bool> taken;        // by instruction of the input: used again, not to be used twice
  // By value of the written function: the node it was computed from, if it was; kept when there are
  // loops, for passes that ask for facts.
  std::vector<PackedOption<Node>> final_nodes;
};

// Forward over blocks in reverse postorder: nodes for pure instructions, the skeleton for the
// others.
void build_graph(ir::Function& func, const EgraphOptions& options, EgraphState& state);
// Which nodes are needed, which of several forms is taken, and in which block.
void place_nodes(ir::Function& func, EgraphState& state);
// Writes the blocks: the skeleton in its order, nodes before their first use.
void emit_nodes(ir::Function& func, EgraphState& state);

}  // namespace gantry::opt

// Problem: say for every node whether it is needed, in which of its forms, and where it is
// computed. Idea (Click, "Global code motion, global value numbering", 1995): users have larger
// numbers than operands, so one loop over the numbers downwards has seen all uses of a node when it
// gets there. A node may be computed anywhere between the block its operands are available from and
// the common dominator of its uses; the block in the fewest loops is taken, and the latest of
// these: that hoists out of loops, and sinks into branches. Uses by block parameters that nothing
// needs are no uses; so what is live is found first, from instructions with effects. Constants and
// other cheap nodes are computed in each block that uses them.
#include <algorithm>

#include "gantry/opt/internal/egraph_state.h"

namespace gantry::opt {
namespace {

class Place {
 public:
  Place(ir::Function& func, EgraphState& state)
      : func_(func),
        dfg_(func.dfg),
        state_(state),
        graph_(state.graph),
        places_(state.places),
        live_(state.live),
        work_(state.work) {}

  void run() {
    const u32 count = graph_.size();
    live_.assign(count, false);
    mark_live();
    places_.assign(count, EgraphState::kNowhere);
    state_.next_placed.resize(count);
    state_.first_placed.assign(state_.numbers.size(), EgraphState::kNowhere);
    uses_of_skeleton();
    for (u32 number = count; number-- > Graph::kWorkPlaces;) {
      if (places_[number] != EgraphState::kNowhere) place(Node::from_index(number));
    }
  }

 private:
  // ---- what is needed

  void mark(Node node) {
    if (live_[node.index()]) return;
    live_[node.index()] = true;
    work_.push_back(node);
  }

  void mark_live() {
    const std::span<const ir::Block> postorder = state_.flow.postorder();
    const u32 num_blocks = static_cast<u32>(postorder.size());
    for (u32 i = 0; i < num_blocks; ++i) {
      for (u32 at = state_.ranges[i]; at < state_.ranges[i + 1]; ++at) {
        const SkeletonEntry& entry = state_.skeleton[at];
        if (!entry.removable) mark_operands(entry.inst);
      }
    }
    while (!work_.empty()) {
      const Node node = work_.back();
      work_.pop_back();
      const ir::InstData& data = graph_[node];
      if (data.opcode == kOpaque) {
        mark_sources(ir::Value::from_index(data.words[0]));
        continue;
      }
      if (data.opcode == kProjection) {
        graph_.info(Node::from_index(data.words[0])).flags |=
            data.aux == 0 ? kFirstLive : kSecondLive;
      }
      const u32 count = Graph::num_operands(data.opcode);
      for (u32 i = 0; i < count; ++i) mark(Node::from_index(data.words[i]));
      // Which form is taken is not known yet.
      for (const Node other : graph_.alternatives(node)) mark(other);
    }
  }
  void mark_operands(ir::Inst inst) {
    for (const ir::Value value : std::as_const(dfg_).args(inst))
      mark(Node::from_index(value.index()));
    for_each_context(inst, [&](Node node) { mark(node); });
  }
  // A parameter needs what the edges pass for it; the result of a load that can go needs its
  // address.
  void mark_sources(ir::Value value) {
    const ir::ValueDef def = dfg_.def(value);
    if (def.kind == ir::ValueData::Kind::Result) {
      mark_operands(def.inst());
      return;
    }
    if (def.block() == *func_.layout.entry()) return;
    for_each_argument(def.block(), def.number, [&](Node node, u32) { mark(node); });
  }
  template <class F>
  void for_each_context(ir::Inst inst, F&& visit) {
    const meta::Format format = ir::inst_facts(dfg_.opcode(inst)).format;
    if (format != meta::Format::TryCall && format != meta::Format::TryCallIndirect) return;
    for (const auto& item :
         dfg_.exception_tables[ir::ExceptionTable::from_index(dfg_[inst].words[2])].items) {
      if (item.context) visit(Node::from_index((*item.context).index()));
    }
  }
  // What edges that can be taken pass for parameter `index`, with the number of the block they
  // leave. A branch with many edges to the block stands several times in the list of predecessors,
  // one after the other.
  template <class F>
  void for_each_argument(ir::Block block, u32 index, F&& visit) {
    PackedOption<ir::Inst> before;
    for (const analysis::Edge& edge : state_.flow.predecessors(block)) {
      if (before == edge.inst) continue;
      before = edge.inst;
      if (!state_.flow.is_reachable(edge.block)) continue;
      const u32 from = state_.numbers.number(edge.block);
      if (!state_.reached[from]) continue;
      dfg_.for_each_block_call(edge.inst, [&](ir::BlockCall call) {
        if (call.block(dfg_.lists()) != block) return;
        const ir::BlockArg arg = ir::BlockArg::decoded(call.args(dfg_.lists())[index]);
        if (arg.is_value()) visit(Node::from_index(arg.as_value().index()), from);
      });
    }
  }

  // ---- where

  void use(Node node, u32 block) {
    u32& place = places_[node.index()];
    if (place == EgraphState::kNowhere) {
      place = block;
    } else if (place != block) {
      place = state_.numbers.common_dominator(place, block);
    }
  }

  void uses_of_skeleton() {
    const std::span<const ir::Block> postorder = state_.flow.postorder();
    const u32 num_blocks = static_cast<u32>(postorder.size());
    for (u32 i = 0; i < num_blocks; ++i) {
      const u32 block = state_.numbers.number(postorder[num_blocks - 1 - i]);
      for (u32 at = state_.ranges[i]; at < state_.ranges[i + 1]; ++at) {
        SkeletonEntry& entry = state_.skeleton[at];
        if (entry.removable) {
          const Node result = state_.value_nodes[dfg_.first_result(entry.inst).index()];
          if (!live_[result.index()]) {
            entry.removed = true;
            continue;
          }
        }
        for (const ir::Value value : std::as_const(dfg_).args(entry.inst))
          use(Node::from_index(value.index()), block);
        for_each_context(entry.inst, [&](Node node) { use(node, block); });
        if (at + 1 == state_.ranges[i + 1]) uses_of_edges(entry.inst, block);
      }
    }
  }
  void uses_of_edges(ir::Inst inst, u32 block) {
    dfg_.for_each_block_call(inst, [&](ir::BlockCall call) {
      const std::span<const ir::Value> params = dfg_.block_params(call.block(dfg_.lists()));
      const std::span<const ir::Value> args = call.args(dfg_.lists());
      for (u32 i = 0; i < args.size(); ++i) {
        const ir::BlockArg arg = ir::BlockArg::decoded(args[i]);
        if (arg.is_value() && state_.is_kept(params[i]))
          use(Node::from_index(arg.as_value().index()), block);
      }
    });
  }
  void place(Node node) {
    const ir::InstData& data = graph_[node];
    const NodeInfo& info = graph_.info(node);
    u32& place = places_[node.index()];
    if (data.opcode == kOpaque) return;
    if ((info.flags & kHasAlternatives) != 0 && !is_one_of_two(data)) {
      const Node best = cheapest(node);
      if (best != node) {
        // From here on the node is another name of that form, which has a smaller number.
        use(best, place);
        place = EgraphState::kNowhere;
        graph_.set_forward(node, best);
        return;
      }
    }
    const u32 needed = place;
    if ((info.flags & kRematerialize) != 0) {
      place = EgraphState::kPerBlock;
    } else {
      place = state_.numbers.best_place(info.block, needed);
      state_.next_placed[node.index()] = state_.first_placed[place];
      state_.first_placed[place] = node.index();
    }
    const u32 at = place == EgraphState::kPerBlock ? needed : place;
    const u32 count = Graph::num_operands(data.opcode);
    for (u32 i = 0; i < count; ++i) use(Node::from_index(data.words[i]), at);
  }

  // A result of an operation that is needed for its other result as well.
  bool is_one_of_two(const ir::InstData& data) const {
    if (data.opcode != kProjection) return false;
    const Node tuple = Node::from_index(data.words[0]);
    return graph_.has(tuple, kFirstLive) && graph_.has(tuple, kSecondLive);
  }

  // What the node costs beyond what is computed anyway, two levels deep.
  u32 marginal_cost(Node node, u32 levels) const {
    u32 cost = graph_.info(node).cost;
    const u32 count = graph_.num_operands(node);
    for (u32 i = 0; i < count; ++i) {
      const Node operand = graph_.operand(node, i);
      if (places_[operand.index()] != EgraphState::kNowhere || graph_.has(operand, kPinned))
        continue;
      cost += levels == 0 ? graph_.info(operand).cost : marginal_cost(operand, levels - 1);
    }
    return cost;
  }
  Node cheapest(Node node) const {
    Node best = node;
    u32 best_cost = marginal_cost(node, 1);
    for (const Node other : graph_.alternatives(node)) {
      const bool computed =
          places_[other.index()] != EgraphState::kNowhere || graph_.has(other, kPinned);
      const u32 cost = computed ? 0 : marginal_cost(other, 1);
      if (cost < best_cost) {
        best = other;
        best_cost = cost;
      }
    }
    return best;
  }

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
  EgraphState& state_;
  Graph& graph_;
  std::vector<u32>& places_;
  std::vector<bool>& live_;
  std::vector<Node>& work_;
};

}  // namespace

void place_nodes(ir::Function& func, EgraphState& state) { Place(func, state).run(); }

}  // namespace gantry::opt

// Problem: write the function from the graph: every needed node computed in its block before its
// first user. Idea: reverse postorder, so that what is placed in dominating blocks is there. A
// block's instructions are written anew: before each skeleton instruction the nodes it needs that
// belong here and are not there yet (with an explicit stack, operands first), before the terminator
// those that only other blocks use. An instruction of the input whose operation is still computed
// lends its number and the name of its result, so what didn't change looks the same. Invariants:
// afterwards no operand is a node number; parameters nobody needs are gone from blocks and from
// edges.
#include "gantry/opt/internal/egraph_state.h"

namespace gantry::opt {
namespace {

class Emit {
 public:
  Emit(ir::Function& func, EgraphState& state)
      : func_(func), dfg_(func.dfg), state_(state), graph_(state.graph) {}

  void run() {
    state_.values.resize(graph_.size());
    state_.computed_in.assign(graph_.size(), EgraphState::kNowhere);
    state_.taken.assign(dfg_.num_insts(), false);
    for (const SkeletonEntry& entry : state_.skeleton) {
      if (entry.removed) {
        dfg_[entry.inst] = {};  // its operands are no values
      } else {
        state_.taken[entry.inst.index()] = true;
      }
    }
    has_source_places_ = func_.has_source_places();
    has_loops_ = state_.loops.num_loops() != 0;
    state_.final_nodes.assign(has_loops_ ? dfg_.num_values() : 0, {});
    const std::span<const ir::Block> postorder = state_.flow.postorder();
    const u32 num_blocks = static_cast<u32>(postorder.size());
    // An instruction can move to any block.
    for (const ir::Block block : postorder) func_.layout.clear_insts(block);
    for (u32 i = 0; i < num_blocks; ++i) {
      block_ = postorder[num_blocks - 1 - i];
      number_ = state_.numbers.number(block_);
      if (!state_.reached[number_]) continue;
      for (u32 at = state_.ranges[i]; at < state_.ranges[i + 1]; ++at) {
        const SkeletonEntry& entry = state_.skeleton[at];
        if (at + 1 == state_.ranges[i + 1]) emit_for_others();
        if (!entry.removed) emit_skeleton(entry.inst);
      }
    }
    for (u32 i = 0; i < num_blocks; ++i) {
      const ir::Block block = postorder[i];
      if (!state_.reached[state_.numbers.number(block)]) {
        func_.layout.remove_block(block);
      } else if (state_.numbers.number(block) != 0) {
        dfg_.filter_block_params(block, [&](ir::Value param) { return state_.is_kept(param); });
      }
    }
  }

 private:
  // Nodes placed here that no instruction here has asked for.
  void emit_for_others() {
    for (u32 at = state_.first_placed[number_]; at != EgraphState::kNowhere;
         at = state_.next_placed[at]) {
      value_of(Node::from_index(at));
    }
  }

  void emit_skeleton(ir::Inst inst) {
    // Making instructions moves records and lists, so nodes are collected first and values written
    // last.
    wanted_.clear();
    for (const ir::Value value : std::as_const(dfg_).args(inst))
      wanted_.push_back(Node::from_index(value.index()));
    const ir::InstFacts& facts = ir::inst_facts(dfg_.opcode(inst));
    const bool is_try =
        facts.format == meta::Format::TryCall || facts.format == meta::Format::TryCallIndirect;
    const auto for_each_context = [&](auto&& visit) {
      if (!is_try) return;
      for (auto& item :
           dfg_.exception_tables[ir::ExceptionTable::from_index(dfg_[inst].words[2])].items) {
        if (item.context) visit(item.context);
      }
    };
    for_each_context([&](PackedOption<ir::Value> context) {
      wanted_.push_back(Node::from_index((*context).index()));
    });
    if (facts.effects.is_branch) {
      dfg_.for_each_block_call(inst, [&](ir::BlockCall call) {
        for_each_kept(call, [&](ir::Value& item, ir::BlockArg arg) {
          (void)item;
          if (arg.is_value()) wanted_.push_back(Node::from_index(arg.as_value().index()));
        });
      });
    }
    found_.clear();
    for (const Node node : wanted_) found_.push_back(value_of(node));
    u32 next = 0;
    for (ir::Value& value : dfg_.args(inst)) value = found_[next++];
    for_each_context([&](PackedOption<ir::Value>& context) { context = found_[next++]; });
    if (facts.effects.is_branch) {
      dfg_.update_block_calls(inst, [&](ir::BlockCall& call) {
        for_each_kept(call, [&](ir::Value& item, ir::BlockArg arg) {
          if (arg.is_value()) item = ir::BlockArg::value(found_[next++]).encoded();
        });
        const std::span<const ir::Value> params = dfg_.block_params(call.block(dfg_.lists()));
        call.filter_args([&](u32 index) { return state_.is_kept(params[index]); }, dfg_.lists());
      });
    }
    func_.layout.append_inst(inst, block_);
  }
  template <class F>
  void for_each_kept(ir::BlockCall call, F&& visit) {
    const std::span<const ir::Value> params = dfg_.block_params(call.block(dfg_.lists()));
    const std::span<ir::Value> args = call.args(dfg_.lists());
    for (u32 i = 0; i < args.size(); ++i) {
      if (state_.is_kept(params[i])) visit(args[i], ir::BlockArg::decoded(args[i]));
    }
  }

  // Whether the node's value can be used here as it is.
  bool is_there(Node node) const {
    if (graph_.has(node, kPinned)) return true;
    const u32 computed_in = state_.computed_in[node.index()];
    if (state_.places[node.index()] == EgraphState::kPerBlock) return computed_in == number_;
    return computed_in != EgraphState::kNowhere;
  }
  ir::Value value_if_there(Node node) const {
    GANTRY_DCHECK(is_there(node));
    return graph_.has(node, kPinned) ? ir::Value::from_index(graph_[node].words[0])
                                     : state_.values[node.index()];
  }

  ir::Value value_of(Node wanted) {
    wanted = graph_.resolve(wanted);
    if (is_there(wanted)) return value_if_there(wanted);
    stack_.clear();
    stack_.push_back(wanted);
    while (!stack_.empty()) {
      const Node node = stack_.back();
      bool ready = true;
      const u32 count = graph_.num_operands(node);
      for (u32 i = count; i-- > 0;) {
        const Node operand = graph_.resolve(graph_.operand(node, i));
        if (is_there(operand)) continue;
        stack_.push_back(operand);
        ready = false;
      }
      if (!ready) continue;
      stack_.pop_back();
      if (!is_there(node)) compute(node, count);
    }
    return state_.values[wanted.index()];
  }

  void compute(Node node, u32 num_operands) {
    GANTRY_DCHECK(state_.places[node.index()] == number_ ||
                  state_.places[node.index()] == EgraphState::kPerBlock);
    ir::InstData data = graph_[node];
    for (u32 i = 0; i < num_operands; ++i) {
      data.words[i] = value_if_there(graph_.resolve(Node::from_index(data.words[i]))).index();
    }
    state_.computed_in[node.index()] = number_;
    if (data.opcode == kProjection) {
      const ir::ValueDef def = dfg_.def(ir::Value::from_index(data.words[0]));
      state_.values[node.index()] = dfg_.results(def.inst())[data.aux];
      return;
    }
    const ir::InstFacts& facts = ir::inst_facts(data.opcode);
    const ir::Type type = graph_.type(node);
    ir::Inst inst = graph_.origin(node);
    if (!can_lend(inst, type, facts.num_fixed_results)) {
      const ir::Inst origin = inst;
      inst = dfg_.make_inst(data);
      dfg_.append_result(inst, type);
      for (u32 i = 1; i < facts.num_fixed_results; ++i) {
        const ir::Type control = graph_.type(graph_.operand(node, 0));
        dfg_.append_result(inst, ir::result_type(data.opcode, i, control));
      }
      if (has_source_places_) func_.copy_source_place(inst, origin);
    } else {
      state_.taken[inst.index()] = true;
      dfg_[inst] = data;
    }
    func_.layout.append_inst(inst, block_);
    const ir::Value value = dfg_.first_result(inst);
    state_.values[node.index()] = value;
    if (!has_loops_) return;
    if (value.index() >= state_.final_nodes.size()) state_.final_nodes.resize(dfg_.num_values());
    state_.final_nodes[value.index()] = node;
  }
  bool can_lend(ir::Inst inst, ir::Type type, u32 num_results) const {
    if (state_.taken[inst.index()]) return false;
    const std::span<const ir::Value> results = dfg_.results(inst);
    return results.size() == 1 && num_results == 1 && dfg_.type(results[0]) == type;
  }

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
  EgraphState& state_;
  Graph& graph_;
  bool has_source_places_ = false;
  bool has_loops_ = false;
  ir::Block block_;
  u32 number_ = 0;
  std::vector<Node> wanted_, stack_;
  std::vector<ir::Value> found_;
};

}  // namespace

void emit_nodes(ir::Function& func, EgraphState& state) { Emit(func, state).run(); }

}  // namespace gantry::opt

// Problem: a counter of a loop is a parameter of its head, about which a forward walk knows
// nothing: the edge that closes the loop has not been seen. But most bounds checks and extensions
// are about counters. Idea: read the loop ahead, one step: on every edge that closes it the
// parameter is itself, or itself plus one constant, and a comparison that this edge is behind of
// bounds it. Counting up from `first` while below `limit` (tested at the head, or with the next
// value at the end) the parameter stays between both; counting down by one while not zero, between
// 0 and `first`. By induction over rounds; that the addition never wraps is part of what is shown.
// Invariant: instructions of the loop still have their operands as the input has them; edges from
// before the loop have been walked, so their arguments are nodes.
#include "gantry/opt/internal/loop_counters.h"

#include <algorithm>

namespace gantry::opt {
namespace {

using ir::IntCC;
using ir::Opcode;

class Counter {
 public:
  Counter(const ir::Function& func, const EgraphState& state, u32 block, u32 index)
      : func_(func),
        dfg_(func.dfg),
        state_(state),
        block_(state.numbers.block(block)),
        index_(index),
        param_(dfg_.block_params(block_)[index]),
        type_(dfg_.type(param_)) {}

  Facts run() {
    const Facts top = Facts::top(type_);
    if (!Facts::tracks(type_)) return top;
    const u64 all = top.umax;
    const u32 here = state_.flow.reverse_postorder_number(block_);
    bool any_first = false, counts_down = false, counts_up = false;
    Facts first = top;
    u64 bound = 0;  // of what the closing edges pass, counting up
    bool is_signed = false;
    PackedOption<ir::Inst> before;
    for (const analysis::Edge& edge : state_.flow.predecessors(block_)) {
      if (before == edge.inst) continue;
      before = edge.inst;
      if (!state_.flow.is_reachable(edge.block)) continue;
      const bool closes = state_.flow.reverse_postorder_number(edge.block) >= here;
      if (!closes && !state_.reached[state_.numbers.number(edge.block)]) continue;
      bool known = true;
      dfg_.for_each_block_call(edge.inst, [&](ir::BlockCall call) {
        if (!known || call.block(dfg_.lists()) != block_) return;
        const ir::BlockArg arg = ir::BlockArg::decoded(call.args(dfg_.lists())[index_]);
        if (!arg.is_value()) {
          known = false;
        } else if (!closes) {
          const Facts& facts = state_.graph.facts(Node::from_index(arg.as_value().index()));
          first = any_first ? meet(first, facts) : facts;
          any_first = true;
        } else {
          known = close(edge, call, dfg_.resolve(arg.as_value()), bound, is_signed, counts_up,
                        counts_down);
        }
      });
      if (!known) return top;
    }
    if (!any_first || (counts_up && counts_down)) return top;
    if (counts_down) return is_signed && first.umax > all / 2 ? top : Facts::range(0, first.umax);
    if (!counts_up) return first;
    const u64 most = is_signed ? all / 2 : all;
    const u64 last = std::max(first.umax, bound);
    // Steps whose result is tested, not their operand, must not wrap from any value of the
    // parameter.
    if (last > most - untested_step_) return top;
    return Facts::range(first.umin, last);
  }

 private:
  struct Limit {
    IntCC cc;  // holds between the tested value and the limit where the loop goes on
    Facts limit;
  };

  // One edge that closes the loop, with what it passes.
  bool close(const analysis::Edge& edge, ir::BlockCall call, ir::Value passed, u64& bound,
             bool& is_signed, bool& counts_up, bool& counts_down) {
    if (passed == param_) return true;
    const std::optional<ir::Inst> def = dfg_.defining_inst(passed);
    if (!def || dfg_.opcode(*def) != Opcode::Iadd) return false;
    const ir::Value x = dfg_.resolve(dfg_[*def].arg(0)), y = dfg_.resolve(dfg_[*def].arg(1));
    const std::optional<u64> step = x == param_   ? constant(y)
                                    : y == param_ ? constant(x)
                                                  : std::nullopt;
    if (!step || *step == 0) return false;
    const u64 all = Facts::top(type_).umax;
    const bool down = *step == all;
    if (!down && *step > all / 4) return false;
    // What lets the loop go on: a test of the parameter at the head, or of the next value at the
    // end.
    bool next = false;
    std::optional<Limit> limit = test_at_head(edge.block);
    if (!limit) limit = test_at_end(edge, call, param_);
    if (!limit) {
      next = true;
      limit = test_at_end(edge, call, passed);
    }
    if (!limit) return false;
    if (down) {
      // The next value is not below zero: the parameter was not zero. (Tested at the end it says
      // nothing of this round.)
      if (next || !limit->limit.is_constant() || limit->limit.value() != 0) return false;
      if (limit->cc != IntCC::NotEqual && limit->cc != IntCC::UnsignedGreaterThan &&
          limit->cc != IntCC::SignedGreaterThan) {
        return false;
      }
      is_signed |= limit->cc == IntCC::SignedGreaterThan;
      counts_down = true;
      return true;
    }
    const bool compares_signed =
        limit->cc == IntCC::SignedLessThan || limit->cc == IntCC::SignedLessThanOrEqual;
    const bool may_equal =
        limit->cc == IntCC::SignedLessThanOrEqual || limit->cc == IntCC::UnsignedLessThanOrEqual;
    if (!compares_signed && limit->cc != IntCC::UnsignedLessThan &&
        limit->cc != IntCC::UnsignedLessThanOrEqual)
      return false;
    const u64 most = compares_signed ? all / 2 : all;
    // A limit that may be negative ends the loop at once; else it is at most this.
    u64 last = std::min(limit->limit.umax, most);
    if (!may_equal) {
      if (last == 0) return false;
      --last;
    }
    // Neither this round's addition nor the next may wrap.
    if (last > most - *step) return false;
    bound = std::max(bound, next ? last : last + *step);
    if (next) untested_step_ = std::max(untested_step_, *step);
    is_signed |= compares_signed;
    counts_up = true;
    return true;
  }

  // The head's own branch, if its test of the parameter guards the way to `from`.
  std::optional<Limit> test_at_head(ir::Block from) const {
    const ir::Inst branch = *func_.layout.last_inst(block_);
    const ir::InstData& data = dfg_[branch];
    if (data.opcode != Opcode::Brif) return std::nullopt;
    const u32 source = state_.numbers.number(from);
    for (const bool holds : {true, false}) {
      const ir::Block target = data.block_call(holds ? 1 : 2).block(dfg_.lists());
      const u32 number = state_.numbers.number(target);
      if (target == block_ || !state_.numbers.dominates(number, source)) continue;
      // Its other ways in, if it heads a loop inside, come from behind it.
      bool is_only_way = data.block_call(holds ? 2 : 1).block(dfg_.lists()) != target;
      for (const analysis::Edge& edge : state_.flow.predecessors(target)) {
        is_only_way &= edge.block == block_ ||
                       (state_.flow.is_reachable(edge.block) &&
                        state_.numbers.dominates(number, state_.numbers.number(edge.block)));
      }
      if (!is_only_way) continue;
      return test_of(data.arg(0), holds, param_);
    }
    return std::nullopt;
  }
  // The branch at the end of the round, if it tests `value`.
  std::optional<Limit> test_at_end(const analysis::Edge& edge, ir::BlockCall call,
                                   ir::Value value) const {
    const ir::InstData& data = dfg_[edge.inst];
    if (data.opcode != Opcode::Brif || data.words[1] == data.words[2]) return std::nullopt;
    if (data.block_call(1).block(dfg_.lists()) == data.block_call(2).block(dfg_.lists()))
      return std::nullopt;
    return test_of(data.arg(0), data.words[1] == call.raw(), value);
  }
  // What a branch on `condition` says of `value` if it goes the way of `holds`.
  std::optional<Limit> test_of(ir::Value condition, bool holds, ir::Value value) const {
    condition = dfg_.resolve(condition);
    if (condition == value) {
      return holds ? std::optional<Limit>({IntCC::NotEqual, Facts::constant(0)}) : std::nullopt;
    }
    const std::optional<ir::Inst> def = dfg_.defining_inst(condition);
    if (!def || dfg_.opcode(*def) != Opcode::Icmp) return std::nullopt;
    const ir::InstData& data = dfg_[*def];
    const ir::Value x = dfg_.resolve(data.arg(0)), y = dfg_.resolve(data.arg(1));
    const IntCC cc = holds ? data.int_cc() : ir::negated(data.int_cc());
    if (x == value) return Limit{cc, facts_of(y)};
    if (y == value) return Limit{ir::swapped(cc), facts_of(x)};
    return std::nullopt;
  }

  std::optional<u64> constant(ir::Value value) const {
    const std::optional<ir::Inst> def = dfg_.defining_inst(value);
    if (!def || dfg_.opcode(*def) != Opcode::Iconst) return std::nullopt;
    return dfg_[*def].wide();
  }
  // Of a value from before the loop, or a constant in it.
  Facts facts_of(ir::Value value) const {
    const Node node = state_.value_nodes[value.index()];
    if (node != Graph::work_place(0)) return state_.graph.facts(node);
    const std::optional<u64> known = constant(value);
    return known ? Facts::constant(*known) : Facts::top(dfg_.type(value));
  }

  const ir::Function& func_;
  const ir::DataFlowGraph& dfg_;
  const EgraphState& state_;
  ir::Block block_;
  u32 index_;
  ir::Value param_;
  ir::Type type_;
  u64 untested_step_ = 0;
};

}  // namespace

Facts loop_param_facts(const ir::Function& func, const EgraphState& state, u32 block, u32 index) {
  return Counter(func, state, block, index).run();
}

}  // namespace gantry::opt

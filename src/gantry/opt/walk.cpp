// Problem: find equal and simpler forms of every operation in one walk that decodes each
// instruction once. Idea: reverse postorder. Then all operands of an instruction have their nodes
// before it, all forward edges into a join are known before the join (so a parameter that gets one
// value on all of them is that value), and what holds at the end of the immediate dominator is
// known, too. Only the heads of loops are met too early: their parameters stay opaque. Branches
// whose condition is known become jumps at once, and blocks to which no edge leads any more are not
// walked. Invariants: after the walk, operands of skeleton instructions and arguments of their
// block calls are node numbers; every value that something in a walked block uses has a node. An
// instruction is pure here if it is nothing but a function of its operands, be it only because of
// what is known of these (a division by a number that is not zero).
#include "gantry/opt/internal/egraph_state.h"
#include "gantry/opt/internal/loop_counters.h"
#include "gantry/support/limits.h"

namespace gantry::opt {
namespace {

using ir::Opcode;

class Walk {
 public:
  Walk(ir::Function& func, const EgraphOptions& options, EgraphState& state)
      : func_(func), dfg_(func.dfg), options_(options), state_(state) {}

  void run() {
    const std::span<const ir::Block> postorder = state_.flow.postorder();
    state_.value_nodes.assign(dfg_.num_values(), kNoNode);
    state_.skeleton.clear();
    state_.ranges.assign(1, 0);
    state_.reached.assign(state_.numbers.size(), false);
    state_.reached[0] = true;
    state_.branches_changed = false;
    state_.conditions.start();
    state_.memory.start(func_, options_, state_.flow, state_.loops);
    for (usize i = postorder.size(); i-- > 0;) {
      const ir::Block block = postorder[i];
      number_ = state_.numbers.number(block);
      if (!state_.reached[number_] && may_be_reached_later(block)) state_.reached[number_] = true;
      if (state_.reached[number_]) {
        if (state_.rewriter.counts_changes()) [[unlikely]]
          hold_back_merges(block);
        begin_block(block);
        walk_block(block);
      }
      state_.ranges.push_back(static_cast<u32>(state_.skeleton.size()));
    }
  }

 private:
  static constexpr Node kNoNode = Graph::work_place(0);

  Node node_of(ir::Value value) const {
    const Node node = state_.value_nodes[dfg_.resolve(value).index()];
    GANTRY_DCHECK(node != kNoNode);
    return node;
  }
  void set_node(ir::Value value, Node node) { state_.value_nodes[value.index()] = node; }
  void set_opaque(ir::Value value, const Facts& facts) {
    set_node(value, state_.rewriter.opaque(value, dfg_.type(value), number_, facts));
  }

  // No edge walked so far leads here, but one may that comes from behind: into the middle of a
  // cycle whose other entries are not taken. (A loop with one entry is not reached if that is not.)
  bool may_be_reached_later(ir::Block block) const {
    if (!state_.numbers.is_loop_head(number_)) return false;
    if (!state_.reached[state_.numbers.immediate_dominator(number_)]) return false;
    for (const analysis::Edge& edge : state_.flow.predecessors(block)) {
      if (state_.flow.is_reachable(edge.block) &&
          !state_.numbers.dominates(number_, state_.numbers.number(edge.block)))
        return true;
    }
    return false;
  }

  void begin_block(ir::Block block) {
    state_.conditions.begin_block(number_);
    state_.memory.begin_block(number_);
    const bool head = state_.numbers.is_loop_head(number_);
    for (const ir::Value param : dfg_.block_params(block)) {
      const Node node = state_.value_nodes[param.index()];
      if (head) {
        set_opaque(param,
                   loop_param_facts(func_, state_, number_, dfg_.value_data(param).number()));
      } else if (node == kNoNode) {
        set_opaque(param, Facts::top(dfg_.type(param)));
      } else if (!state_.numbers.dominates(state_.graph.info(node).block, number_)) {
        // All edges that are taken pass it, but it dominates the block only without the others,
        // which dominators count.
        set_opaque(param, state_.graph.facts(node));
      }
    }
    if (number_ == 0) return;
    // The condition of the branch holds if the edge is the only way here.
    const std::span<const analysis::Edge> edges = state_.flow.predecessors(block);
    if (edges.size() != 1) return;
    const ir::InstData& branch = dfg_[edges[0].inst];
    if (branch.opcode == Opcode::Brif) {
      const bool is_then = branch.block_call(1).block(dfg_.lists()) == block;
      state_.conditions.assume(Node::from_index(branch.words[0]), is_then);
    }
  }

  // Parameters that one node may not stand for, although all edges taken pass it, when bisecting.
  [[gnu::cold]] void hold_back_merges(ir::Block block) {
    if (state_.numbers.is_loop_head(number_)) return;
    for (const ir::Value param : dfg_.block_params(block)) {
      const Node node = state_.value_nodes[param.index()];
      if (node == kNoNode || is_own(param, node) ||
          !state_.numbers.dominates(state_.graph.info(node).block, number_))
        continue;
      state_.rewriter.begin(*func_.layout.first_inst(block));
      ir::InstData before;
      before.opcode = kOpaque;
      before.words[0] = param.index();
      if (!state_.rewriter.may_change(Rewrite::Kind::Param, before, dfg_.type(param), node))
        set_opaque(param, state_.graph.facts(node));
    }
  }

  void walk_block(ir::Block block) {
    for (const ir::Inst inst : func_.layout.insts(block)) {
      const ir::InstData& data = dfg_[inst];
      if (is_pure(data)) {
        walk_pure(inst);
      } else {
        walk_skeleton(inst);
      }
    }
    state_.conditions.end_block(number_);
    state_.memory.end_block(number_);
  }

  bool is_pure(const ir::InstData& data) const {
    const ir::InstFacts& facts = ir::inst_facts(data.opcode);
    if (facts.effects == meta::Effects{}) return facts.num_fixed_results != 0;
    if (facts.effects == meta::Effects{.can_load = true}) {
      const ir::MemFlags& flags = dfg_.mem_flags(data.mem_flags());
      return flags.readonly && flags.can_move && flags.notrap();
    }
    return false;
  }

  void walk_pure(ir::Inst inst) {
    state_.rewriter.begin(inst);
    ir::InstData data = dfg_[inst];
    const u32 count = ir::inst_facts(data.opcode).num_fixed_values;
    for (u32 i = 0; i < count; ++i) data.words[i] = node_of(data.arg(i)).index();
    if (ir::inst_facts(data.opcode).effects.can_load) move_constants_to_offset(inst, data);
    set_results(inst, data);
  }
  // Loads that are nodes have addresses like others: the rules for those are of instructions.
  void move_constants_to_offset(ir::Inst inst, ir::InstData& data) {
    const ir::Type type = dfg_.type(dfg_.first_result(inst));
    for (u32 round = 0; round < kMaxRounds; ++round) {
      const std::optional<SkeletonChange> change = state_.rewriter.simplify_skeleton(data, type);
      if (!change || change->command != SkeletonChange::Command::Replace) return;
      data = change->replacement;
    }
  }
  void set_results(ir::Inst inst, const ir::InstData& data) {
    const std::span<const ir::Value> results = dfg_.results(inst);
    const Node node = state_.rewriter.build(dfg_.type(results[0]), data);
    if (results.size() == 1) {
      set_node(results[0], node);
      return;
    }
    for (u32 i = 0; i < results.size(); ++i)
      set_node(results[i], state_.rewriter.projection(node, i));
  }

  void walk_skeleton(ir::Inst inst) {
    state_.rewriter.begin(inst);
    for (ir::Value& value : dfg_.args(inst)) value = as_value(node_of(value));
    // What goes leaves no node numbers behind that could be taken for values.
    if (!stays(inst)) dfg_[inst] = {};
  }
  // Whether the instruction, whose operands are nodes, is one of the skeleton. If so it is put
  // there, and its results are opaque; if not, they are other nodes.
  bool stays(ir::Inst inst) {
    if (!simplify(inst)) return false;
    const ir::InstData& data = dfg_[inst];
    const ir::InstFacts& facts = ir::inst_facts(data.opcode);
    if (facts.effects == meta::Effects{.can_trap = true, .idempotent = true} &&
        facts.num_fixed_results == 1 && cannot_trap(data) &&
        state_.rewriter.may_change(Rewrite::Kind::NoTrap, data, first_type(inst))) {
      set_results(inst, data);
      return false;
    }
    if (facts.effects.idempotent && merge_idempotent(inst)) return false;
    const MemoryState::Verdict verdict = state_.memory.visit(inst);
    if (verdict == MemoryState::Verdict::Remove) return false;
    if (verdict == MemoryState::Verdict::Known) {
      set_node(dfg_.first_result(inst), state_.memory.known());
      return false;
    }
    state_.skeleton.push_back({inst, verdict == MemoryState::Verdict::RemoveIfUnused});
    if (facts.effects.is_terminator) {
      walk_terminator(inst);
      return true;
    }
    for (const ir::Value result : dfg_.results(inst))
      set_opaque(result, result_facts(data, dfg_.type(result)));
    if (facts.effects.can_load && dfg_.results(inst).size() == 1) {
      state_.memory.loaded(node_of(dfg_.first_result(inst)));
    }
    if (facts.effects.idempotent) enter_idempotent(inst);
    if (data.opcode == Opcode::Trapz)
      state_.conditions.assume(Node::from_index(data.words[0]), true);
    if (data.opcode == Opcode::Trapnz)
      state_.conditions.assume(Node::from_index(data.words[0]), false);
    return true;
  }
  Facts result_facts(const ir::InstData& data, ir::Type type) const {
    Facts facts[3];
    ir::Type types[3];
    const u32 count = ir::inst_facts(data.opcode).num_fixed_values;
    for (u32 i = 0; i < count; ++i) {
      facts[i] = state_.graph.facts(Node::from_index(data.words[i]));
      types[i] = state_.graph.type(Node::from_index(data.words[i]));
    }
    return compute_facts(data.opcode, data.aux, type, {facts, count}, {types, count});
  }
  static ir::Value as_value(Node node) { return ir::Value::from_index(node.index()); }

  // Divisions whose divisor is known well enough.
  bool cannot_trap(const ir::InstData& data) const {
    const auto is_division = [&](Opcode opcode) { return data.opcode == opcode; };
    const bool is_unsigned = is_division(Opcode::Udiv) || is_division(Opcode::Urem);
    const bool is_signed = is_division(Opcode::Sdiv) || is_division(Opcode::Srem);
    if (!is_unsigned && !is_signed) return false;
    const Node divisor = Node::from_index(data.words[1]);
    const ir::Type type = state_.graph.type(divisor);
    if (!Facts::tracks(type)) return false;
    const Facts& facts = state_.graph.facts(divisor);
    // The remainder of the least number by -1 is 0, and doesn't trap.
    return facts.is_never_zero() &&
           (is_division(Opcode::Srem) || is_unsigned || facts.umax < Facts::top(type).umax);
  }

  // Applies rules and what is known here; false if the instruction is gone.
  bool simplify(ir::Inst inst) {
    for (u32 round = 0; round < kMaxRounds; ++round) {
      ir::InstData& data = dfg_[inst];
      if (data.opcode == Opcode::Trapz || data.opcode == Opcode::Trapnz ||
          data.opcode == Opcode::Brif) {
        const Node condition = Node::from_index(data.words[0]);
        if (const std::optional<bool> known = known_condition(condition)) {
          if (data.opcode == Opcode::Brif) {
            jump_always(data, data.words[*known ? 1 : 2]);
            return true;
          }
          // A trap that always happens stays: the end of a block can't be moved up here.
          if (*known != (data.opcode == Opcode::Trapz)) return true;
          return !state_.rewriter.may_decide(data, {});
        }
      } else if (data.opcode == Opcode::BrTable) {
        return simplify_table(data);
      }
      const std::span<const ir::Value> results = dfg_.results(inst);
      const ir::Type type = results.empty() ? ir::kInvalidType : dfg_.type(results[0]);
      const std::optional<SkeletonChange> change = state_.rewriter.simplify_skeleton(data, type);
      if (!change) return true;
      switch (change->command) {
        case SkeletonChange::Command::Remove:
          return false;
        case SkeletonChange::Command::RemoveWithValue:
          set_node(results[0], change->value);
          return false;
        case SkeletonChange::Command::Replace:
          data = change->replacement;
          break;
        case SkeletonChange::Command::ReplaceCondition:
          data.words[0] = change->value.index();
          break;
        case SkeletonChange::Command::InvertCondition:
          data.words[0] = change->value.index();
          std::swap(data.words[1], data.words[2]);
          break;
      }
    }
    return true;
  }
  static constexpr u32 kMaxRounds = static_cast<u32>(limits::kMaxSkeletonRounds.value);

  std::optional<bool> known_condition(Node condition) const {
    if (const std::optional<u128> bits = state_.rewriter.constant_bits(condition))
      return *bits != 0;
    if (Facts::tracks(state_.graph.type(condition)) &&
        state_.graph.facts(condition).is_never_zero())
      return true;
    return state_.conditions.decide(condition);
  }

  // Rare: not in the way of what is done for every instruction.
  [[gnu::noinline]] bool simplify_table(ir::InstData& data) {
    const Node node = Node::from_index(data.words[0]);
    const std::optional<u128> index = state_.rewriter.constant_bits(node);
    ir::JumpTableData& table = dfg_.jump_tables[ir::JumpTable::from_index(data.words[1])];
    if (!index) {
      drop_impossible_entries(data, table, state_.graph.facts(node).umax);
      drop_subtraction(data, table);
      return true;
    }
    const ir::BlockCall call = *index < table.entries.size()
                                   ? table.entries[static_cast<usize>(*index)]
                                   : table.default_call;
    jump_always(data, call.raw());
    return true;
  }
  // Entries above the greatest index are never taken, nor is the default if that is one: then the
  // last entry that is takes its place.
  void drop_impossible_entries(const ir::InstData& data, ir::JumpTableData& table, u64 greatest) {
    if (greatest >= table.entries.size() || !state_.rewriter.may_decide(data, data)) return;
    table.default_call = table.entries[greatest];
    table.entries.resize(greatest);
    state_.branches_changed = true;
  }
  // The index x - c with a small c: numbers below c wrap around to what the default is for, and can
  // have entries that say so.
  void drop_subtraction(ir::InstData& data, ir::JumpTableData& table) {
    const ir::InstData& sum = state_.graph[Node::from_index(data.words[0])];
    if (sum.opcode != Opcode::Iadd) return;
    const ir::InstData& right = state_.graph[Node::from_index(sum.words[1])];
    if (right.opcode != Opcode::Iconst) return;
    const u64 wrap = u64{1} << 32;  // the index is of type i32
    const u64 shift = wrap - right.wide();
    if (shift > (options_.for_size ? kMaxTableShiftForSize : kMaxTableShift) ||
        table.entries.size() > wrap - shift)
      return;
    ir::InstData shifted = data;
    shifted.words[0] = sum.words[0];
    if (!state_.rewriter.may_decide(data, shifted)) return;
    data = shifted;
    for (u64 i = 0; i < shift; ++i) {
      table.entries.insert(table.entries.begin(), copy_of(table.default_call));
    }
  }
  // Entries that only move the others cost four bytes each; a subtraction costs as many, and a
  // register where the index itself is needed, too.
  static constexpr u64 kMaxTableShift = 4;
  static constexpr u64 kMaxTableShiftForSize = 1;
  ir::BlockCall copy_of(ir::BlockCall call) {
    ir::BlockCall copy = ir::BlockCall::make(call.block(dfg_.lists()), dfg_.lists());
    const usize count = call.args(dfg_.lists()).size();
    for (usize i = 0; i < count; ++i) {
      const ir::Value arg = call.args(dfg_.lists())[i];
      copy.push(ir::BlockArg::decoded(arg), dfg_.lists());
    }
    return copy;
  }
  void jump_always(ir::InstData& branch, u32 call) {
    ir::InstData jump;
    jump.opcode = Opcode::Jump;
    jump.words[1] = call;
    if (!state_.rewriter.may_decide(branch, jump)) return;
    state_.branches_changed = true;
    branch = jump;
  }

  // Divisions, conditional traps and their like need not be done twice. The table of the graph
  // holds a form for the first one, of a type that no pure node has; it stands for the result, or
  // for a node that nothing uses.
  static ir::Type idempotent_key(ir::Type type) {
    return ir::Type::from_code(type.code() | kInstFormType);
  }
  ir::Type first_type(ir::Inst inst) const {
    const std::span<const ir::Value> results = dfg_.results(inst);
    return results.empty() ? ir::kInvalidType : dfg_.type(results[0]);
  }
  // Instructions in blocks of which none dominates the other are kept apart by the flags of the
  // record, which those with memory flags alone use.
  static ir::InstData idempotent_form(ir::InstData data, u16 number) {
    GANTRY_DCHECK(data.flags == 0);
    data.flags = number;
    return data;
  }
  static constexpr u16 kMaxIdempotentForms = static_cast<u16>(limits::kMaxIdempotentForms.value);
  // Whether a dominating instruction has done the same: then the results are its results.
  bool merge_idempotent(ir::Inst inst) {
    const ir::Type key = idempotent_key(first_type(inst));
    for (u16 i = 0; i < kMaxIdempotentForms; ++i) {
      Graph::Slot slot;
      const PackedOption<Node> found = state_.graph.find(idempotent_form(dfg_[inst], i), key, slot);
      if (!found) return false;
      if (!state_.numbers.dominates(state_.graph.info(*found).block, number_)) continue;
      const std::span<const ir::Value> results = dfg_.results(inst);
      const PackedOption<Node> value = results.empty() ? PackedOption<Node>() : found;
      if (!state_.rewriter.may_change(Rewrite::Kind::Merge, dfg_[inst], first_type(inst), value))
        return false;
      if (value) set_node(results[0], *value);
      return true;
    }
    return false;
  }
  void enter_idempotent(ir::Inst inst) {
    const std::span<const ir::Value> results = dfg_.results(inst);
    if (results.size() > 1) return;
    Graph& graph = state_.graph;
    const ir::Type key = idempotent_key(first_type(inst));
    for (u16 i = 0; i < kMaxIdempotentForms; ++i) {
      const ir::InstData data = idempotent_form(dfg_[inst], i);
      Graph::Slot slot;
      if (graph.find(data, key, slot)) continue;
      const Node made = results.empty() ? state_.rewriter.opaque(ir::Value::from_index(0), key,
                                                                 number_, Facts::unknown())
                                        : node_of(results[0]);
      const Node form = graph.push(data, {.type = key.code()}, Facts::unknown(), inst.index());
      graph.set_forward(form, made);
      graph.insert(form, slot);
      return;
    }
  }

  void walk_terminator(ir::Inst inst) {
    const ir::InstFacts& facts = ir::inst_facts(dfg_.opcode(inst));
    if (facts.format == meta::Format::TryCall || facts.format == meta::Format::TryCallIndirect) {
      ir::ExceptionTableData& table =
          dfg_.exception_tables[ir::ExceptionTable::from_index(dfg_[inst].words[2])];
      for (ir::ExceptionTableData::Item& item : table.items) {
        if (item.context) item.context = as_value(node_of(*item.context));
      }
    }
    dfg_.update_block_calls(inst, [&](ir::BlockCall& call) {
      const ir::Block target = call.block(dfg_.lists());
      const u32 number = state_.numbers.number(target);
      state_.reached[number] = true;
      const std::span<const ir::Value> params = dfg_.block_params(target);
      const std::span<ir::Value> args = call.args(dfg_.lists());
      const bool head = state_.numbers.is_loop_head(number);
      for (u32 i = 0; i < args.size(); ++i) {
        const ir::BlockArg arg = ir::BlockArg::decoded(args[i]);
        if (arg.is_value()) {
          const Node node = node_of(arg.as_value());
          args[i] = ir::BlockArg::value(as_value(node)).encoded();
          if (!head) merge_param(params[i], node, number);
        } else if (!head) {
          make_param(params[i], number, Facts::top(dfg_.type(params[i])));
        }
      }
    });
  }
  // A block can be the target of several edges: the parameter is the node all of them pass, or is
  // opaque, and one of the numbers that they may pass.
  void merge_param(ir::Value param, Node node, u32 block) {
    const Node before = state_.value_nodes[param.index()];
    if (before == kNoNode) {
      set_node(param, node);
    } else if (before != node) {
      make_param(param, block, meet(state_.graph.facts(before), state_.graph.facts(node)));
    }
  }
  void make_param(ir::Value param, u32 block, const Facts& facts) {
    const Node before = state_.value_nodes[param.index()];
    if (before != kNoNode && is_own(param, before)) {
      state_.graph.facts(before) = facts;
    } else {
      set_node(param, state_.rewriter.opaque(param, dfg_.type(param), block, facts));
    }
  }
  bool is_own(ir::Value param, Node node) const {
    return state_.graph[node].opcode == kOpaque && state_.graph[node].words[0] == param.index();
  }

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
  const EgraphOptions& options_;
  EgraphState& state_;
  u32 number_ = 0;
};

}  // namespace

void build_graph(ir::Function& func, const EgraphOptions& options, EgraphState& state) {
  Walk(func, options, state).run();
}

}  // namespace gantry::opt

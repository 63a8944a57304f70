// Problem: untrusted functions end here or not at all. Idea: steps in the order of trust. First
// that every number names something and blocks have their shape (what fails here makes later
// questions meaningless, so it ends the work); then flow and dominance; then types and the rules of
// single opcodes, one look at each instruction. Invariants: no step reads through a number that an
// earlier step has not checked; time is near-linear in the function.
#include "gantry/verifier/verifier.h"

#include "gantry/verifier/internal/state.h"

namespace gantry::verifier {

using ir::Block;
using ir::Inst;
using ir::Value;
using ir::ValueData;

Verifier::Verifier() : state_(new State) {}
Verifier::~Verifier() { delete state_; }

bool Verifier::verify(const ir::Function& func, const Environment& environment,
                      std::vector<Finding>& findings) {
  State& state = *state_;
  state.func_ptr = &func;
  state.environment = environment;
  state.findings = &findings;
  state.num_reported = 0;
  state.resolved.assign(func.dfg.num_values(), ~u32{0});

  const bool is_preamble_sound = state.check_preamble();
  if (!is_preamble_sound || !state.check_structure()) return false;
  state.flow.compute(func);
  state.tree.compute(func, state.flow);
  state.check_entry();
  for (const Block block : func.layout.blocks()) {
    const bool is_reachable = state.flow.is_reachable(block);
    for (const Inst inst : func.layout.insts(block)) {
      if (is_reachable) state.check_dominance(inst, block);
      state.check_inst(inst);
    }
    if (state.is_full()) break;
  }
  return state.num_reported == 0;
}

void Verifier::State::add_finding(Location where, std::string message) {
  ++num_reported;
  std::string context;
  if (where.kind == Location::Kind::Inst)
    context = inst_text(func(), Inst::from_index(where.index));
  findings->push_back({where, std::move(context), std::move(message)});
}

Value Verifier::State::resolve(Value value) {
  const ValueData& data = dfg().value_data(value);
  if (data.kind() != ValueData::Kind::Alias) [[likely]]
    return value;
  path.clear();
  u32 at = value.index();
  while (dfg().value_data(Value::from_index(at)).kind() == ValueData::Kind::Alias &&
         resolved[at] == ~u32{0}) {
    path.push_back(at);
    at = dfg().value_data(Value::from_index(at)).owner();
  }
  if (resolved[at] != ~u32{0}) at = resolved[at];
  for (const u32 passed : path) resolved[passed] = at;
  return Value::from_index(at);
}

void Verifier::State::check_entry() {
  const Block entry = *func().layout.first_block();
  if (func().layout.is_cold(entry)) report(at(entry), "entry block cannot be marked as cold");
  for (const analysis::Edge& edge : flow.predecessors(entry)) {
    report(at(edge.inst), "entry block block", entry.index(), " cannot be the target of a branch");
  }
  const std::span<const Value> params = dfg().block_params(entry);
  const std::vector<ir::AbiParam>& expected = func().signature.params;
  if (params.size() != expected.size()) {
    report(at(entry), "entry block parameters must match function signature: got ", params.size(),
           ", expected ", expected.size());
    return;
  }
  for (usize i = 0; i < params.size(); ++i) {
    if (dfg().type(params[i]) == expected[i].type) continue;
    report(at(entry), "entry block parameter ", i, " (v", params[i].index(), ") has type ",
           type_text(dfg().type(params[i])), ", must match function signature of ",
           type_text(expected[i].type));
  }
}

void Verifier::State::check_dominance(Inst inst, Block block) {
  for (const Value value : dfg().args(inst)) check_use(inst, block, value);
  if (!ir::is_branch(dfg().opcode(inst))) return;
  dfg().for_each_block_call(inst, [&](ir::BlockCall call) {
    for (const Value encoded : call.args(dfg().lists())) {
      const ir::BlockArg arg = ir::BlockArg::decoded(encoded);
      if (arg.is_value()) check_use(inst, block, arg.as_value());
    }
  });
  const meta::Format format = ir::inst_facts(dfg().opcode(inst)).format;
  if (format != meta::Format::TryCall && format != meta::Format::TryCallIndirect) return;
  const auto& table = dfg().exception_tables[ir::ExceptionTable::from_index(dfg()[inst].words[2])];
  for (const ir::ExceptionTableData::Item& item : table.items) {
    if (item.context) check_use(inst, block, *item.context);
  }
}

void Verifier::State::check_use(Inst inst, Block block, Value used) {
  const Value value = resolve(used);
  const ValueData& data = dfg().value_data(value);
  if (data.kind() == ValueData::Kind::Param) {
    const Block owner = Block::from_index(data.owner());
    if (!tree.dominates(owner, block)) {
      report(at(inst), "uses value arg from non-dominating block", owner.index(), " (v",
             used.index(), ")");
    }
    return;
  }
  const Inst def = Inst::from_index(data.owner());
  const Block home = *func().layout.block_of(def);
  if (home != block) {
    if (tree.dominates(home, block)) return;
  } else if (def == inst) {
    report(at(inst), "uses value v", used.index(), " from itself");
    return;
  } else if (position[def.index()] < position[inst.index()]) {
    return;
  }
  report(at(inst), "uses value v", used.index(), " from non-dominating inst", def.index());
}

void write_finding(const Finding& finding, TextWriter& out) {
  static constexpr std::string_view kNames[] = {
      "function", "inst", "block", "v", "ss", "dss", "dt", "gv", "sig", "fn", "const", "region"};
  out.write(kNames[static_cast<u32>(finding.location.kind)]);
  if (finding.location.kind != Location::Kind::Function) out.write(finding.location.index);
  if (!finding.context.empty()) out.put(" (", finding.context, ")");
  out.put(": ", finding.message);
}

Result<void> verify(const ir::Function& func, const Environment& environment) {
  std::vector<Finding> findings;
  Verifier verifier;
  if (verifier.verify(func, environment, findings)) return {};
  TextWriter message;
  write_finding(findings[0], message);
  if (findings.size() > 1) message.put(" (and ", findings.size() - 1, " more)");
  return Error(ErrorKind::Invalid, message.view());
}

}  // namespace gantry::verifier

// The pass in four lines; each step is a file. Memory is kept from function to function.
#include "gantry/opt/run_egraph.h"

#include <algorithm>
#include <utility>

#include "gantry/opt/internal/egraph_state.h"
#include "gantry/support/limits.h"

namespace gantry::opt {

namespace {
EgraphState& state_of(Session& session) {
  static constexpr char kOwner = 0;
  return session.scratch<EgraphState>(&kOwner, [] { return new EgraphState; });
}

// What follows from the control flow.
void complete_flow(const ir::Function& func, EgraphState& state) {
  state.tree.compute(func, state.flow);
  state.loops.compute(func, state.flow, state.tree);
}
}  // namespace

RewriteObserver* observe_rewrites(Session& session, RewriteObserver* observer) {
  return std::exchange(state_of(session).observer, observer);
}

const analysis::ControlFlow& compute_control_flow(const ir::Function& func, Session& session) {
  EgraphState& state = state_of(session);
  state.flow.compute(func);
  return state.flow;
}

void compute_flow(const ir::Function& func, Session& session) {
  compute_control_flow(func, session);
  complete_flow(func, state_of(session));
}

bool run_egraph(ir::Function& func, const EgraphOptions& options, Session& session) {
  EgraphState& state = state_of(session);
  if (state.observer != nullptr) state.observer->begin(func);
  if (!options.knows_flow) compute_control_flow(func, session);
  complete_flow(func, state);
  state.numbers.compute(func, state.flow, state.tree, state.loops);
  state.graph.clear(func.dfg.num_values());
  const u64 budget =
      limits::kMaxNodesPerInst.value * func.dfg.num_insts() + limits::kMinNodes.value;
  state.rewriter.start(func, options.big_endian, options.for_size, options.fuel,
                       options.change_fuel, static_cast<u32>(std::min<u64>(budget, 1u << 29)),
                       state.observer);
  build_graph(func, options, state);
  place_nodes(func, state);
  emit_nodes(func, state);
  if (state.observer != nullptr) state.observer->finish(func, state);
  return state.branches_changed;
}

FlowAnalyses egraph_flow(Session& session) {
  const EgraphState& state = state_of(session);
  return {state.flow, state.tree, state.loops};
}

KnownFacts egraph_facts(Session& session) { return KnownFacts(&state_of(session)); }

Facts KnownFacts::of(ir::Value value, ir::Type type) const {
  const u32 index = value.index();
  if (!Facts::tracks(type) || index >= state_->final_nodes.size()) return Facts::top(type);
  if (state_->final_nodes[index]) return state_->graph.facts(*state_->final_nodes[index]);
  // Results of instructions that stay, and parameters.
  if (index >= state_->value_nodes.size()) return Facts::top(type);
  const Node node = state_->value_nodes[index];
  const ir::InstData& data = state_->graph[node];
  if (data.opcode != kOpaque || data.words[0] != index) return Facts::top(type);
  return state_->graph.facts(node);
}

std::span<const u64> egraph_rule_counts(Session& session) {
  return state_of(session).rewriter.rule_counts();
}

}  // namespace gantry::opt

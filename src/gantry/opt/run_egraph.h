#pragma once
// The optimiser proper: equal computations become one, rules rewrite them, and each is computed
// where it is cheapest.
#include <span>

#include "gantry/analysis/flow.h"
#include "gantry/ir/function.h"
#include "gantry/opt/facts.h"
#include "gantry/support/session.h"

namespace gantry::opt {

struct EgraphState;

inline constexpr PassInfo kEgraph{
    "egraph", "pure operations leave their blocks, are merged, rewritten, and placed anew"};

struct EgraphOptions {
  bool for_size = false;  // opt_level=speed_and_size
  bool alias_analysis = true;
  bool big_endian = false;  // of the target: what memory flags without a byte order mean
  bool knows_flow = false;  // compute_control_flow() was called for this very function
  // For bisecting, counted down if given: rewrites that may still happen, of rules, folding, facts
  // and conditions; and all other changes, of loads, stores, what may trap, and parameters.
  u64* fuel = nullptr;
  u64* change_fuel = nullptr;
};

// Works on a function that verifies, without aliases and without unreachable blocks; afterwards the
// same holds, except that blocks may have become unreachable if the answer is true: a branch was
// changed. Linear in instructions and edges; the budgets are in support/limits.h.
bool run_egraph(ir::Function& func, const EgraphOptions& options, Session& session);

// What the last run knows of integers of the function it wrote, as long as they keep their names;
// about functions without loops, and values that came later, what their types say. Valid until the
// next run.
class KnownFacts {
 public:
  explicit KnownFacts(const EgraphState* state) : state_(state) {}
  Facts of(ir::Value value, ir::Type type) const;

 private:
  const EgraphState* state_;
};
KnownFacts egraph_facts(Session& session);

// Flow, dominators and loops of the function the last run wrote, if it changed no branch; else
// compute_flow() makes them right. Valid until the next run.
struct FlowAnalyses {
  const analysis::ControlFlow& flow;
  const analysis::DominatorTree& tree;
  const analysis::LoopForest& loops;
};
FlowAnalyses egraph_flow(Session& session);
const analysis::ControlFlow& compute_control_flow(const ir::Function& func, Session& session);
void compute_flow(const ir::Function& func, Session& session);

// How often each rule (isle_rules[] of rule_table.h) has changed something since the session began.
std::span<const u64> egraph_rule_counts(Session& session);

}  // namespace gantry::opt

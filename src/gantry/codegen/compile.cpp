// The whole compiler on a screen; the steps are elsewhere.
#include "gantry/codegen/compile.h"

#include "gantry/ir/printer.h"
#include "gantry/opt/canonicalize_nans.h"
#include "gantry/opt/carry_loads.h"
#include "gantry/opt/clean_up_flow.h"
#include "gantry/opt/eliminate_dead_stores.h"
#include "gantry/opt/promote_stack_slots.h"
#include "gantry/opt/reduce_strength.h"
#include "gantry/opt/remove_constant_params.h"
#include "gantry/opt/remove_unreachable_blocks.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/opt/unroll_loops.h"
#include "gantry/verifier/verifier.h"

namespace gantry::codegen {
namespace {
constexpr PassInfo kVerify{"verify", "refuses functions that break a rule of the IR"};
constexpr PassInfo kResolveAliases{"resolve-aliases",
                                   "replaces other names of values by the values"};
constexpr const PassInfo* kPasses[] = {&kVerify,
                                       &opt::kCanonicalizeNans,
                                       &opt::kRemoveUnreachableBlocks,
                                       &kResolveAliases,
                                       &opt::kRemoveConstantParams,
                                       &opt::kPromoteStackSlots,
                                       &opt::kCleanUpFlow,
                                       &opt::kUnrollLoops,
                                       &opt::kEgraph,
                                       &opt::kEliminateDeadStores,
                                       &opt::kCarryLoads,
                                       &opt::kReduceStrength};

PassSubject subject(const ir::Function& func) {
  return {.object = &func, .dump = [](const void* object, TextWriter& out) {
            ir::print(*static_cast<const ir::Function*>(object), out);
          }};
}

verifier::Environment environment(const target::TargetSpec& target) {
  return {.has_isa = true,
          .pointer_type = target.triple.pointer_type(),
          .enable_pinned_reg = target.flags.enable_pinned_reg,
          .preserve_frame_pointers = target.flags.preserve_frame_pointers};
}

// One pass with its chores. When the verifier is on it judges what the pass leaves behind: a
// finding is a bug of ours.
template <class F>
void run_pass(const PassInfo& info, ir::Function& func, const target::TargetSpec& target,
              Session& session, F&& pass) {
  {
    PassScope scope(session, info, subject(func));
    pass();
  }
  if (!target.flags.enable_verifier) return;
  if (const Result<void> verdict = verifier::verify(func, environment(target));
      !verdict.has_value()) {
    TextWriter text;
    text.put("after ", info.name, ": ", verdict.error().message(), "\n");
    ir::print(func, text);
    const std::string message(text.view());
    check_failed(message.c_str());
  }
}

}  // namespace

std::vector<const PassInfo*> passes(const target::TargetIsa& isa) {
  std::vector<const PassInfo*> all(std::begin(kPasses), std::end(kPasses));
  all.insert(all.end(), isa.passes().begin(), isa.passes().end());
  return all;
}

Result<target::CompiledCode> compile(ir::Function& func, const target::TargetIsa& isa,
                                     Session& session) {
  if (isa.flags().enable_verifier) {
    PassScope pass(session, kVerify, subject(func));
    GANTRY_TRY(verifier::verify(
        func, environment(isa.spec())));  // untrusted input ends here or not at all
  }
  GANTRY_TRY(optimize(func, isa.spec(), session));
  return isa.compile(func, session);  // the one virtual call: CLIF in, code out
}

Result<void> optimize(ir::Function& func, const target::TargetSpec& target, Session& session) {
  const auto run = [&](const PassInfo& info, auto&& pass) {
    run_pass(info, func, target, session, pass);
  };
  const target::Flags& flags = target.flags;
  const bool optimizes = flags.opt_level != target::OptLevel::None;
  // Before anything can fold arithmetic whose NaNs it would have to know.
  if (flags.enable_nan_canonicalization)
    run(opt::kCanonicalizeNans, [&] { opt::canonicalize_nans(func, session); });
  // Lowering leaves out what is not reached; the passes below would have to ask everywhere.
  if (optimizes)
    run(opt::kRemoveUnreachableBlocks, [&] { opt::remove_unreachable_blocks(func, session); });
  // What follows reads operands as they are.
  run(kResolveAliases, [&] { func.dfg.resolve_all_aliases(); });
  run(opt::kRemoveConstantParams, [&] { opt::remove_constant_params(func, session); });
  if (!optimizes || !func.stack_slots.empty())
    run(kResolveAliases, [&] { func.dfg.resolve_all_aliases(); });
  if (!optimizes) return {};

  // First, so that all other passes see values instead of memory.
  if (!func.stack_slots.empty()) {
    run(opt::kPromoteStackSlots, [&] { opt::promote_stack_slots(func, true, session); });
  }
  // Fewer joins mean more that the e-graph knows at each place.
  run(opt::kCleanUpFlow, [&] { opt::clean_up_flow(func, session); });
  // In time for what is constant in a round to be folded.
  bool unrolled = false;
  run(opt::kUnrollLoops, [&] {
    const opt::UnrollOptions options{.for_size = flags.opt_level == target::OptLevel::SpeedAndSize,
                                     .fuel = session.fuel()};
    unrolled = opt::unroll_loops(func, opt::compute_control_flow(func, session), options, session);
  });
  if (unrolled) run(opt::kCleanUpFlow, [&] { opt::clean_up_flow(func, session); });
  bool branches_changed = false;
  run(opt::kEgraph, [&] {
    const opt::EgraphOptions options{
        .for_size = flags.opt_level == target::OptLevel::SpeedAndSize,
        .alias_analysis = flags.enable_alias_analysis,
        .big_endian = target.triple.endianness() == target::Endianness::Big,
        .knows_flow = !unrolled,
        .fuel = session.fuel(),
        .change_fuel = session.change_fuel()};
    branches_changed = opt::run_egraph(func, options, session);
  });
  // What only became known there.
  if (branches_changed) {
    run(opt::kCleanUpFlow, [&] { opt::clean_up_flow(func, session); });
    run(kResolveAliases, [&] { func.dfg.resolve_aliases_in(func.layout); });
  }
  if (branches_changed) opt::compute_flow(func, session);
  const opt::FlowAnalyses flow = opt::egraph_flow(session);
  if (flags.enable_alias_analysis) {
    // Equal addresses are one value now.
    run(opt::kEliminateDeadStores, [&] { opt::eliminate_dead_stores(func, flow.flow, session); });
    run(opt::kCarryLoads, [&] {
      const opt::CarryOptions options{
          .big_endian = target.triple.endianness() == target::Endianness::Big,
          .for_size = flags.opt_level == target::OptLevel::SpeedAndSize};
      if (opt::carry_loads(func, flow.flow, options, session) != 0)
        opt::compute_flow(func, session);
    });
  }
  // After all that looks for equal values: it makes them differ.
  run(opt::kReduceStrength,
      [&] { opt::reduce_strength(func, flow, opt::egraph_facts(session), session); });
  return {};
}

}  // namespace gantry::codegen

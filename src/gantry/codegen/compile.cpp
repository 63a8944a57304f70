// The whole compiler on a screen; the steps are elsewhere.
#include "gantry/codegen/compile.h"

#include "gantry/ir/printer.h"
#include "gantry/opt/remove_constant_params.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/verifier/verifier.h"

namespace gantry::codegen {
namespace {
constexpr PassInfo kVerify{"verify", "refuses functions that break a rule of the IR"};
constexpr PassInfo kResolveAliases{"resolve-aliases",
                                   "replaces other names of values by the values"};
constexpr const PassInfo* kPasses[] = {&kVerify, &kResolveAliases, &opt::kRemoveConstantParams,
                                       &kResolveAliases, &opt::kEgraph};

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
    const std::string message = std::string("after ") + std::string(info.name) + ": " +
                                std::string(verdict.error().message());
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
    GANTRY_TRY(
        verifier::verify(func, environment(isa.spec())));  // untrusted input ends here or not at all
  }
  GANTRY_TRY(optimize(func, isa.spec(), session));
  return isa.compile(func, session);  // the one virtual call: CLIF in, code out
}

Result<void> optimize(ir::Function& func, const target::TargetSpec& target, Session& session) {
  const auto run = [&](const PassInfo& info, auto&& pass) {
    run_pass(info, func, target, session, pass);
  };
  // What follows reads operands as they are.
  run(kResolveAliases, [&] { func.dfg.resolve_all_aliases(); });
  // Leaves aliases behind.
  run(opt::kRemoveConstantParams, [&] { opt::remove_constant_params(func, session); });
  run(kResolveAliases, [&] { func.dfg.resolve_all_aliases(); });
  if (target.flags.opt_level == target::OptLevel::None) return {};

  run(opt::kEgraph, [&] {
    const opt::EgraphOptions options{
        .for_size = target.flags.opt_level == target::OptLevel::SpeedAndSize,
        .alias_analysis = target.flags.enable_alias_analysis,
        .big_endian = target.triple.endianness() == target::Endianness::Big,
        .fuel = session.fuel()};
    opt::run_egraph(func, options, session);
  });
  return {};
}

}  // namespace gantry::codegen

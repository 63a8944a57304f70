// The whole compiler on a screen; the steps are elsewhere.
#include "gantry/codegen/compile.h"

#include "gantry/ir/printer.h"
#include "gantry/opt/remove_constant_params.h"
#include "gantry/verifier/verifier.h"

namespace gantry::codegen {
namespace {
constexpr PassInfo kVerify{"verify", "refuses functions that break a rule of the IR"};
constexpr PassInfo kResolveAliases{"resolve-aliases", "replaces other names of values by the values"};
constexpr const PassInfo* kPasses[] = {&kVerify, &kResolveAliases, &opt::kRemoveConstantParams, &kResolveAliases};

PassSubject subject(const ir::Function& func) {
  return {.object = &func,
          .dump = [](const void* object, TextWriter& out) { ir::print(*static_cast<const ir::Function*>(object), out); }};
}

}  // namespace

std::vector<const PassInfo*> passes(const target::TargetIsa& isa) {
  std::vector<const PassInfo*> all(std::begin(kPasses), std::end(kPasses));
  all.insert(all.end(), isa.passes().begin(), isa.passes().end());
  return all;
}

Result<target::CompiledCode> compile(ir::Function& func, const target::TargetIsa& isa, Session& session) {
  if (isa.flags().enable_verifier) {
    PassScope pass(session, kVerify, subject(func));
    const verifier::Environment environment{.has_isa = true,
                                            .pointer_type = isa.pointer_type(),
                                            .enable_pinned_reg = isa.flags().enable_pinned_reg,
                                            .preserve_frame_pointers = isa.flags().preserve_frame_pointers};
    GANTRY_TRY(verifier::verify(func, environment));  // untrusted input ends here or not at all
  }
  GANTRY_TRY(optimize(func, isa, session));
  return isa.compile(func, session);  // the one virtual call: CLIF in, code out
}

Result<void> optimize(ir::Function& func, const target::TargetIsa&, Session& session) {
  const auto resolve_aliases = [&] {
    PassScope pass(session, kResolveAliases, subject(func));
    func.dfg.resolve_all_aliases();
  };
  // What follows reads operands as they are.
  resolve_aliases();
  {
    // Leaves aliases behind.
    PassScope pass(session, opt::kRemoveConstantParams, subject(func));
    opt::remove_constant_params(func, session);
  }
  resolve_aliases();
  return {};
}

}  // namespace gantry::codegen

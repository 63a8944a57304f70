// Where the program that users run chooses its back ends.
#include "backend.h"

#include "common.h"

#include "gantry/codegen/compile.h"
#include "gantry/isa/lookup.h"
#include "tools/disasm/disasm.h"

namespace gantry::tool {
namespace {

class NativeBackend final : public filetest::Backend {
 public:
  Result<target::TargetIsa*> lookup(const target::TargetSpec& spec) const override {
    return isa::lookup(spec);
  }

  Result<filetest::CompileOutput> compile(ir::Function& func, const target::TargetIsa& isa,
                                          Session& session,
                                          const filetest::CompileRequest& request) const override {
    if (!request.want_text) {
      GANTRY_TRY_ASSIGN(target::CompiledCode code, codegen::compile(func, isa, session));
      return filetest::CompileOutput{std::move(code), {}};
    }
    TextWriter text;
    text.line("VCode:");
    const Session::DumpScope dump(session, codegen::passes(isa).back()->name, &text);
    GANTRY_TRY_ASSIGN(target::CompiledCode code, codegen::compile(func, isa, session));
    text.line("\nDisassembled:");
    tools::list_code(code, &func, text);
    return filetest::CompileOutput{std::move(code), std::move(text).take(),
                                   tools::can_disassemble()};
  }

  Result<void> optimize(ir::Function& func, const target::TargetSpec& target,
                        Session& session) const override {
    return codegen::optimize(func, target, session);
  }
};

}  // namespace

const filetest::Backend* code_generation() {
  static const NativeBackend kBackend;
  return &kBackend;
}

std::unique_ptr<target::TargetIsa> isa_for(const target::TargetSpec& spec) {
  const Result<target::TargetIsa*> found = code_generation()->lookup(spec);
  if (!found.has_value()) {
    complain(found.error().message());
    return nullptr;
  }
  return std::unique_ptr<target::TargetIsa>(*found);
}

}  // namespace gantry::tool

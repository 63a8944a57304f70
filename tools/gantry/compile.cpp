// gantry compile: CLIF to machine code, with what one wants to see of it.
#include <memory>

#include "backend.h"
#include "common.h"
#include "gantry/ir/printer.h"
#include "gantry/verifier/verifier.h"

namespace gantry::tool {

int run_compile(const CompileOptions& options) {
  const filetest::Backend* const backend = code_generation();
  const std::optional<target::TargetSpec> spec =
      target_from(options.target, options.settings, target::Flags{});
  if (!spec) return kInputFault;
  if (backend == nullptr) {
    complain("this build has no code generation");
    return kInputFault;
  }
  const Result<target::TargetIsa*> found = backend->lookup(*spec);
  if (!found.has_value()) {
    complain(found.error().message());
    return kInputFault;
  }
  const std::unique_ptr<target::TargetIsa> isa(*found);
  verifier::Environment environment;
  environment.has_isa = true;
  environment.pointer_type = isa->pointer_type();
  environment.enable_pinned_reg = spec->flags.enable_pinned_reg;
  environment.preserve_frame_pointers = spec->flags.preserve_frame_pointers;

  int status = kOk;
  Session session;
  session.enable_timing(options.times);
  TextWriter out;
  ir::Function working;
  const int read_status = for_each_function(options.paths, [&](const ir::Function& func) {
    out.clear();
    TextWriter name;
    ir::print_function_name(func.name, name);
    const CheckScope scope("compiling", name.view());
    if (const Result<void> valid = verifier::verify(func, environment); !valid.has_value()) {
      complain(name.string() + ": " + std::string(valid.error().message()));
      status = kInputFault;
      return;
    }
    working = func;
    Result<filetest::CompileOutput> compiled =
        backend->compile(working, *isa, session, {.want_text = options.disassemble});
    if (!compiled.has_value()) {
      complain(name.string() + ": " + std::string(compiled.error().message()));
      status = kInputFault;
      return;
    }
    if (options.print) ir::print(func, out);
    if (options.disassemble) out.write(compiled->text);
    out.line(name.view(), ": ", compiled->code.code.size(), " bytes");
    print(out.view());
  });
  if (options.times) {
    out.clear();
    for (const PassTime& time : session.pass_times()) {
      out.line(time.pass->name, ": ", time.nanoseconds / 1000, " us in ", time.runs, " runs");
    }
    print(out.view());
  }
  return status != kOk ? status : read_status;
}

}  // namespace gantry::tool

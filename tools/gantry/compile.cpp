// gantry compile: CLIF to machine code, with what one wants to see of it.
#include <algorithm>
#include <deque>
#include <memory>

#include "backend.h"
#include "common.h"
#include "gantry/codegen/compile.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/inline_policy.h"
#include "gantry/verifier/verifier.h"
#include "object.h"

namespace gantry::tool {

int run_passes(const PassesOptions& options) {
  const std::optional<target::TargetSpec> spec = target_from(options.target, {}, target::Flags{});
  if (!spec) return kInputFault;
  const std::unique_ptr<target::TargetIsa> isa = isa_for(*spec);
  if (isa == nullptr) return kInputFault;
  constexpr usize kNameColumns = 24;
  TextWriter out;
  for (const PassInfo* pass : codegen::passes(*isa)) {
    out.write(pass->name)
        .repeat(' ', pass->name.size() < kNameColumns ? kNameColumns - pass->name.size() : 1);
    out.line(pass->what);
  }
  print(out.view());
  return kOk;
}

int run_compile(const CompileOptions& options) {
  const filetest::Backend* const backend = code_generation();
  std::optional<target::TargetSpec> spec =
      target_from(options.target, options.settings, target::Flags{});
  if (!spec) return kInputFault;
  // The listing marks blocks; the code stays the same.
  if (options.disassemble) spec->flags.machine_code_cfg_info = true;
  const std::unique_ptr<target::TargetIsa> isa = isa_for(*spec);
  if (isa == nullptr) return kInputFault;
  verifier::Environment environment;
  environment.has_isa = true;
  environment.pointer_type = isa->pointer_type();
  environment.enable_pinned_reg = spec->flags.enable_pinned_reg;
  environment.preserve_frame_pointers = spec->flags.preserve_frame_pointers;

  int status = kOk;
  Session session;
  session.enable_timing(options.times);
  session.limit_fuel(options.fuel);
  TextWriter out;
  for (const std::string& name : options.print_after) {
    const std::vector<const PassInfo*> passes = codegen::passes(*isa);
    if (std::none_of(passes.begin(), passes.end(),
                     [&](const PassInfo* pass) { return pass->name == name; })) {
      complain("no pass is called " + name + "; `gantry passes` lists them");
      return kUsage;
    }
    session.dump_after(name, &out);
  }
  ObjectFile object;
  ir::Function working;
  const auto is_valid = [&](const ir::Function& func) {
    const Result<void> valid = verifier::verify(func, environment);
    if (valid.has_value()) return true;
    TextWriter name;
    ir::print_function_name(func.name, name);
    complain(name.string() + ": " + std::string(valid.error().message()));
    status = kInputFault;
    return false;
  };
  const auto compile_one = [&](const ir::Function& func) {
    out.clear();
    TextWriter name;
    ir::print_function_name(func.name, name);
    const CheckScope scope("compiling", name.view());
    working = func;
    if (options.print) ir::print(func, out);
    Result<filetest::CompileOutput> compiled =
        backend->compile(working, *isa, session, {.want_text = options.disassemble});
    if (!compiled.has_value()) {
      complain(name.string() + ": " + std::string(compiled.error().message()));
      status = kInputFault;
      return;
    }
    if (options.disassemble) out.write(compiled->text);
    out.line(name.view(), ": ", compiled->code.code.size(), " bytes");
    print(out.view());
    if (options.output.empty()) return;
    if (const Result<void> defined = object.define(working, std::move(compiled->code));
        !defined.has_value()) {
      complain(name.string() + ": " + std::string(defined.error().message()));
      status = kInputFault;
    }
  };
  std::deque<ir::Function> functions;  // --inline: all of them are needed at once
  const int read_status = for_each_function(options.paths, [&](const ir::Function& func) {
    if (!is_valid(func)) return;
    if (options.inline_calls) {
      functions.push_back(func);
    } else {
      compile_one(func);
    }
  });
  if (options.inline_calls) {
    std::vector<ir::Function*> pointers;
    for (ir::Function& func : functions) pointers.push_back(&func);
    const Result<opt::InlineStats> inlined =
        opt::inline_functions(pointers, {.definitions_are_final = true}, session);
    if (!inlined.has_value()) {
      complain(inlined.error().message());
      return kInputFault;
    }
    out.clear();
    out.line("inlined ", inlined->inlined, " of ", inlined->calls, " calls in ",
             inlined->functions_changed, " functions; size ", inlined->size_before, " -> ",
             inlined->size_after);
    print(out.view());
    for (const ir::Function& func : functions) compile_one(func);
  }
  if (read_status != kOk) status = read_status;
  if (!options.output.empty() && status == kOk) {
    if (const Result<void> written = object.write(options.output); !written.has_value()) {
      complain(written.error().message());
      status = kInputFault;
    }
  }
  if (options.times) {
    out.clear();
    for (const PassTime& time : session.pass_times()) {
      out.line(time.pass->name, ": ", time.nanoseconds / 1000, " us in ", time.runs, " runs");
    }
    print(out.view());
  }
  return status;
}

}  // namespace gantry::tool

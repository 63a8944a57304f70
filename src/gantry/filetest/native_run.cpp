// test run: compile the file for this machine, put it into memory and call it.
#include <algorithm>
#include <bit>

#include "gantry/filetest/internal/run_commands.h"
#include "gantry/jit/program.h"
#include "gantry/opt/inline_policy.h"

namespace gantry::filetest {
namespace {

class NativeFile {
 public:
  NativeFile(const Context& context, const target::TargetIsa& isa)
      : context_(context), isa_(isa), program_(isa.default_call_conv()) {
    session_.limit_fuel(context.options.fuel);
  }

  // Compiles everything. What went wrong with the first function that could not be compiled.
  Result<void> build() {
    std::vector<const ir::Function*> functions;
    if (context_.options.inline_calls) {
      std::vector<ir::Function*> changed;
      inlined_.reserve(context_.file.functions.size());
      for (const TestFunction& function : context_.file.functions) {
        inlined_.push_back(*function.func);
        changed.push_back(&inlined_.back());
      }
      GANTRY_TRY(opt::inline_functions(changed, {.definitions_are_final = true}, session_));
      functions.assign(changed.begin(), changed.end());
    } else {
      for (const TestFunction& function : context_.file.functions)
        functions.push_back(function.func.get());
    }
    const Result<void> built =
        program_.build(functions, [&](ir::Function& func) -> Result<target::CompiledCode> {
          GANTRY_TRY_ASSIGN(CompileOutput output,
                            context_.options.backend->compile(func, isa_, session_, {}));
          return std::move(output.code);
        });
    if (built.has_value()) return {};
    if (program_.failed_function() >= functions.size())
      return Error(built.error().kind(), built.error().message());
    const TestFunction& function = context_.file.functions[program_.failed_function()];
    return Error(built.error().kind(), function.name + ": " + std::string(built.error().message()),
                 SourcePosition{function.source.first_line, 1});
  }

  CallResult call(const TestFunction& callee, std::span<const ir::DataValue> args) {
    CallResult result;
    const Result<jit::Outcome> outcome = program_.call(
        static_cast<u32>(&callee - context_.file.functions.data()), args, result.results);
    if (!outcome.has_value())
      return {CallResult::Kind::Failed, {}, std::string(outcome.error().message())};
    if (outcome->trapped) {
      TextWriter message;
      message.write("trapped: ");
      write_trap(outcome->code, message);
      return {CallResult::Kind::Failed, {}, std::move(message).take()};
    }
    return result;
  }

 private:
  const Context& context_;
  const target::TargetIsa& isa_;
  Session session_;
  std::vector<ir::Function> inlined_;  // the program keeps pointers to what it was built from
  jit::Program program_;
};

// Compiles each function by itself: the file is skipped if all that cannot be compiled are listed,
// and fails with the first that is not. None if all compile.
std::optional<Verdict> reason_not_supported(const Context& context, const target::TargetIsa& isa) {
  std::optional<Verdict> verdict;
  Session session;
  for (const TestFunction& function : context.file.functions) {
    ir::Function func = *function.func;
    const Result<CompileOutput> output = context.options.backend->compile(func, isa, session, {});
    if (output.has_value()) continue;
    std::string listed = output.error().kind() == ErrorKind::Unsupported
                             ? find_not_supported(function, Consumer::CodeGeneration)
                             : std::string();
    if (listed.empty()) {
      return Verdict::failed(located(context, function.source.first_line,
                                     function.name + ": " + std::string(output.error().message())));
    }
    if (!verdict) verdict = Verdict::skipped(SkipReason::NotSupported, std::move(listed));
  }
  return verdict;
}

}  // namespace

std::optional<Verdict> reason_not_to_run(const Context& context) {
  const target::TargetSpec& target = *context.target;
  const std::optional<target::Triple> host = target::Triple::host();
  if (!host || host->arch != target.triple.arch) {
    return Verdict::skipped(SkipReason::NoTarget, std::string(to_string(target.triple.arch)));
  }
  const u64 missing = target.isa_flags.bits() & ~target::host_isa_flags(host->arch).bits();
  if (missing != 0) {
    return Verdict::skipped(
        SkipReason::MissingFeature,
        std::string(
            target.isa_flags.table().settings[static_cast<u32>(std::countr_zero(missing))].name));
  }
  return reason_not_to_compile(context);
}

Verdict run_run(Context& context) {
  if (context.target->flags.enable_pinned_reg) {
    return Verdict::failed(std::string(context.file.path) +
                           ": enable_pinned_reg cannot be used with test run");
  }
  // The host's system and convention, with the features of the target line.
  target::TargetSpec spec = *context.target;
  spec.triple = *target::Triple::host();
  spec.flags.unwind_info = true;  // for those who throw
  Result<target::TargetIsa*> found = context.options.backend->lookup(spec);
  if (!found.has_value()) {
    return Verdict::failed(std::string(context.file.path) + ": " +
                           std::string(found.error().message()));
  }
  const std::unique_ptr<target::TargetIsa> isa(*found);
  NativeFile native(context, *isa);
  if (const Result<void> built = native.build(); !built.has_value()) {
    const Error& error = built.error();
    if (error.kind() == ErrorKind::Unsupported) {
      if (std::optional<Verdict> verdict = reason_not_supported(context, *isa)) return *verdict;
    }
    return Verdict::failed(located(context, error.position().line, error.message()));
  }
  return execute_run_commands(context, false, Consumer::CodeGeneration,
                              [&](const TestFunction& callee, std::span<const ir::DataValue> args) {
                                return native.call(callee, args);
                              });
}

}  // namespace gantry::filetest

// test optimize: the mid-end alone, on any target. test alias-analysis: the same without rewriting,
// so that what is left of memory accesses is the work of the analysis.
#include "gantry/filetest/internal/test_file.h"
#include "gantry/ir/printer.h"

namespace gantry::filetest {
namespace {

Verdict optimize_all(Context& context, const target::TargetSpec& target, Session& session) {
  for (const TestFunction& function : context.file.functions) {
    const CheckScope scope("optimising", function.name);
    ir::Function func = *function.func;
    const Result<void> optimized = context.options.backend->optimize(func, target, session);
    if (!optimized.has_value()) {
      return Verdict::failed(
          located(context, function.source.first_line,
                  function.name + ": " + std::string(optimized.error().message())));
    }
    TextWriter text;
    ir::print(func, text);
    std::string error = context.has_option("precise-output")
                            ? check_precise_text(context, function, text.view())
                            : check_text(context, function, text.view());
    if (!error.empty()) return Verdict::failed(std::move(error));
  }
  return Verdict::passed();
}

}  // namespace

Verdict run_optimize(Context& context) {
  Session session;
  return optimize_all(context, *context.target, session);
}

Verdict run_alias_analysis(Context& context) {
  const target::TargetSpec* const unique = context.file.unique_target();
  target::TargetSpec target =
      unique != nullptr ? *unique : *target::parse_target("x86_64", context.file.flags);
  target.flags.opt_level = target::OptLevel::Speed;
  target.flags.enable_alias_analysis = true;
  Session session;
  session.limit_fuel(0, Session::Limited::Rules);
  return optimize_all(context, target, session);
}

}  // namespace gantry::filetest

// test compile: every function must (or with expect-fail, must not) compile; its text is compared
// where the comments say something about it.
#include "gantry/filetest/internal/test_file.h"
#include "gantry/ir/printer.h"

namespace gantry::filetest {
namespace {

// What precise-output expects: the comments of a function without their semicolons, except those
// with two.
std::string expected_text(const TestFunction& function) {
  std::string expected;
  for (const reader::Comment& comment : function.source.comments) {
    std::string_view line = comment.text;
    if (line.starts_with(";;")) continue;
    line.remove_prefix(1);
    if (line.starts_with(' ')) line.remove_prefix(1);
    while (line.ends_with('\r') || line.ends_with('\n')) line.remove_suffix(1);
    expected += line;
    expected += '\n';
  }
  return expected;
}

std::string first_difference(std::string_view expected, std::string_view actual) {
  u32 line = 1;
  while (!expected.empty() || !actual.empty()) {
    const std::string_view want = expected.substr(0, expected.find('\n'));
    const std::string_view have = actual.substr(0, actual.find('\n'));
    if (want != have || expected.empty() != actual.empty()) {
      TextWriter out;
      out.put("output differs at its line ", line, "\n    - ", want, "\n    + ", have);
      return std::move(out).take();
    }
    expected.remove_prefix(std::min(expected.size(), want.size() + 1));
    actual.remove_prefix(std::min(actual.size(), have.size() + 1));
    ++line;
  }
  return "output differs";
}

}  // namespace

std::string check_precise_text(Context& context, const TestFunction& function,
                               std::string_view text) {
  const std::string expected = expected_text(function);
  if (expected == text || context.ignores_text()) return {};
  if (context.options.update) {
    context.edits.push_back({function.source.last_line, std::string(text)});
    return {};
  }
  return located(context, function.source.last_line,
                 function.name + ": " + first_difference(expected, text));
}

std::optional<Verdict> reason_not_to_compile(const Context& context) {
  if (context.options.backend == nullptr) {
    return Verdict::skipped(SkipReason::NotBuilt, "code generation");
  }
  const Result<target::TargetIsa*> found = context.options.backend->lookup(*context.target);
  if (found.has_value()) {
    delete *found;
    return std::nullopt;
  }
  if (found.error().kind() == ErrorKind::Unsupported) {
    return Verdict::skipped(
        SkipReason::NotBuilt,
        "code generation for " + std::string(to_string(context.target->triple.arch)));
  }
  return Verdict::failed(std::string(context.file.path) + ": " +
                         std::string(found.error().message()));
}

Verdict run_compile(Context& context) {
  const Backend* const backend = context.options.backend;
  Result<target::TargetIsa*> found = backend->lookup(*context.target);
  GANTRY_CHECK(found.has_value());  // asked by reason_not_to_compile
  const std::unique_ptr<target::TargetIsa> isa(*found);
  const bool precise = context.has_option("precise-output");
  const bool expect_fail = context.has_option("expect-fail");
  Session session;
  std::optional<Verdict> skipped;
  for (const TestFunction& function : context.file.functions) {
    const CheckScope scope("compiling", function.name);
    ir::Function func = *function.func;
    Result<CompileOutput> compiled =
        backend->compile(func, *isa, session, {.want_text = !expect_fail});
    if (expect_fail) {
      if (!compiled.has_value()) continue;
      return Verdict::failed(
          located(context, function.source.first_line, function.name + " compiles, but must not"));
    }
    if (!compiled.has_value()) {
      if (compiled.error().kind() == ErrorKind::Unsupported) {
        std::string listed = find_not_supported(function, Consumer::CodeGeneration);
        if (!listed.empty()) {
          // The others must still compile.
          if (!skipped) skipped = Verdict::skipped(SkipReason::NotSupported, std::move(listed));
          continue;
        }
      }
      return Verdict::failed(
          located(context, function.source.first_line,
                  function.name + ": " + std::string(compiled.error().message())));
    }
    if (!precise) {
      if (std::string error = check_text(context, function, compiled->text); !error.empty()) {
        return Verdict::failed(std::move(error));
      }
      continue;
    }
    if (!compiled->is_disassembled) return Verdict::skipped(SkipReason::NotBuilt, "disassembler");
    if (std::string error = check_precise_text(context, function, compiled->text); !error.empty()) {
      return Verdict::failed(std::move(error));
    }
  }
  return skipped ? *skipped : Verdict::passed();
}

}  // namespace gantry::filetest

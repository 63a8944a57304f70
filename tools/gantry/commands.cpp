// gantry run, interpret, pass, bisect: test commands on files, whatever their headers say.
#include "backend.h"
#include "common.h"
#include "gantry/filetest/bisect.h"

namespace gantry::tool {

int run_bisect(const BisectOptions& options) {
  const Result<std::string> text = read_input(options.path);
  if (!text.has_value()) {
    complain(text.error().message());
    return kInputFault;
  }
  const filetest::CommandLine line{
      "", options.target, {options.settings.begin(), options.settings.end()}};
  const filetest::Bisection found =
      filetest::bisect(options.path, *text, line, *code_generation(), options.inline_calls);
  if (!found.error.empty()) {
    complain(found.error);
    return kInputFault;
  }
  TextWriter out;
  const std::string_view path = options.path;
  if (!found.differs) {
    out.line(path, ": ", found.changes, " changes, all results are as interpreted without them");
    print(out.view());
    return kOk;
  }
  if (found.culprit == 0) {
    out.line(path, ": the result is wrong without any of the ", found.changes, " changes");
  } else {
    out.line(path, ": change ", found.culprit, " of ", found.changes, " makes the result wrong");
  }
  out.line("  ", std::string_view(found.call), " ", std::string_view(found.actual),
           found.native ? " (machine code)" : " (interpreted)",
           ", expected: ", std::string_view(found.expected));
  if (found.change.pass != nullptr) {
    out.line("  in ", std::string_view(found.function), ": ", found.change.pass->name, ": ",
             std::string_view(found.change.what));
    out.line("  at: ", std::string_view(found.change.place));
  } else if (found.culprit != 0) {
    out.put("  in ", std::string_view(found.function), ": ", to_string(found.step.kind));
    if (const opt::RuleName rule = opt::name_of_rule(found.step.rule); !rule.file.empty())
      out.put(" ", rule.file, ":", rule.line, rule.name.empty() ? "" : " ", rule.name);
    out.line();
    if (!found.step.before_text.empty()) {
      out.line("  before: ", std::string_view(found.step.before_text));
      out.line("  after:  ", std::string_view(found.step.after_text));
    }
  }
  print(out.view());
  return kInputFault;
}

int run_commands(const CommandOptions& options) {
  int status = kOk;
  filetest::RunnerOptions runner;
  runner.backend = code_generation();
  runner.inline_calls = options.inline_calls;
  runner.fuel = options.fuel;
  for (const std::string& path : options.paths) {
    const Result<std::string> text = read_input(path);
    if (!text.has_value()) {
      complain(text.error().message());
      status = kInputFault;
      continue;
    }
    for (const std::string& command : options.commands) {
      filetest::CommandLine line{
          command, options.target, {options.settings.begin(), options.settings.end()}};
      const filetest::FileReport report = run_command(path, *text, line, runner);
      print(report.output);
      if (!report.error.empty()) {
        complain(report.error);
        status = kInputFault;
      }
      for (const filetest::CommandReport& done : report.commands) {
        switch (done.outcome) {
          case filetest::Outcome::Passed:
            if (options.verbose) print(path + ": " + command + ": ok\n");
            break;
          case filetest::Outcome::Skipped:
            complain(path + ": " + command + " was not run: " +
                     std::string(to_string(done.reason)) + " (" + done.detail + ")");
            status = kInputFault;
            break;
          case filetest::Outcome::Failed:
            complain(done.detail);
            status = kInputFault;
            break;
        }
      }
    }
  }
  return status;
}

}  // namespace gantry::tool

// gantry run, interpret, pass: test commands on files, whatever their headers say.
#include "backend.h"
#include "common.h"
#include "gantry/filetest/runner.h"

namespace gantry::tool {

int run_commands(const CommandOptions& options) {
  int status = kOk;
  filetest::RunnerOptions runner;
  runner.backend = code_generation();
  runner.inline_calls = options.inline_calls;
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

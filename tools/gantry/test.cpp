// gantry test: run file tests. Progress on a terminal, failures as they are found, then a line for
// each command and reason, then `N passed, N failed, N skipped`.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <span>

#include "backend.h"
#include "common.h"
#include "gantry/filetest/isolated.h"

namespace gantry::tool {
namespace {

// What became of one command, over all files.
struct Tally {
  usize passed = 0;
  usize failed = 0;
  std::map<std::string, usize> skipped;  // by reason, with its detail
};

class Summary {
 public:
  void add(const filetest::FileReport& report) {
    ++files_[static_cast<usize>(report.outcome)];
    for (const filetest::CommandReport& command : report.commands) {
      Tally& tally = commands_[command.command];
      switch (command.outcome) {
        case filetest::Outcome::Passed:
          ++tally.passed;
          break;
        case filetest::Outcome::Failed:
          ++tally.failed;
          break;
        case filetest::Outcome::Skipped: {
          std::string reason(to_string(command.reason));
          if (!command.detail.empty()) reason += " (" + command.detail + ")";
          ++tally.skipped[reason];
          break;
        }
      }
    }
  }
  usize failed() const { return files_[static_cast<usize>(filetest::Outcome::Failed)]; }
  void print() const {
    TextWriter out;
    for (const auto& [command, tally] : commands_) {
      out.line("test ", std::string_view(command), ": ", tally.passed, " passed, ", tally.failed,
               " failed");
      for (const auto& [reason, count] : tally.skipped) {
        out.line("test ", std::string_view(command), ": ", count,
                 " skipped: ", std::string_view(reason));
      }
    }
    out.line(files_[0], " passed, ", files_[2], " failed, ", files_[1], " skipped");
    tool::print(out.view());
  }

 private:
  usize files_[3] = {};  // by outcome
  std::map<std::string, Tally> commands_;
};

void print_failures(const filetest::FileReport& report) {
  TextWriter out;
  out.line("FAIL ", std::string_view(report.path));
  const auto indented = [&out](std::string_view text) {
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n'));
      out.line("    ", line);
      text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
  };
  indented(report.error);
  for (const filetest::CommandReport& command : report.commands) {
    if (command.outcome != filetest::Outcome::Failed) continue;
    out.line("  test ", std::string_view(command.command), ":");
    indented(command.detail);
  }
  print(out.view());
}

// One line: what became of the file, and what of it did not run and why.
void print_fate(const filetest::FileReport& report) {
  TextWriter out;
  out.write(report.outcome == filetest::Outcome::Passed ? "pass " : "skip ").write(report.path);
  for (const filetest::CommandReport& command : report.commands) {
    if (command.outcome != filetest::Outcome::Skipped) continue;
    out.put("  [", std::string_view(command.command), " skipped: ", to_string(command.reason));
    if (!command.detail.empty()) out.put(" (", std::string_view(command.detail), ")");
    out.write(']');
  }
  out.write('\n');
  print(out.view());
}

// The text behind the last tab of each line that isn't empty.
Words last_columns(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view word = line.substr(line.rfind('\t') + 1);
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

int list_commands() {
  TextWriter out;
  for (const filetest::CommandInfo& command : filetest::commands()) {
    out.write(command.name)
        .repeat(' ', 16 - std::min<usize>(15, command.name.size()))
        .line(command.what);
  }
  print(out.view());
  return kOk;
}

}  // namespace

int run_test(const TestOptions& options) {
  if (options.list && options.paths.empty()) return list_commands();
  const Result<std::vector<std::string>> files = filetest::find_files(options.paths);
  if (!files.has_value()) {
    complain(files.error().message());
    return kInputFault;
  }

  Words ignore_text;
  if (!options.ignore_text.empty()) {
    const Result<std::string> list = filetest::read_whole_file(options.ignore_text);
    if (!list.has_value()) {
      complain(list.error().message());
      return kUsage;
    }
    ignore_text = last_columns(*list);
  }

  if (!options.rule_coverage.empty() && !begin_rule_coverage()) return kInputFault;
  const char* const bless = std::getenv("CRANELIFT_TEST_BLESS");
  filetest::IsolatedOptions isolated;
  isolated.runner.backend = code_generation();
  isolated.runner.only_command = options.command;
  isolated.runner.ignore_text = ignore_text;
  isolated.runner.settings = options.settings;
  isolated.runner.update = options.update || (bless != nullptr && std::string_view(bless) == "1");
  isolated.jobs = options.jobs != 0
                      ? options.jobs
                      : static_cast<u32>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  isolated.timeout_seconds = options.timeout_seconds;

  const bool show_progress = on_terminal();
  const auto clear_progress = [&] {
    if (show_progress) std::fputs("\r\033[K", stderr);
  };
  Summary summary;
  filetest::run_files(
      *files, isolated,
      [&](const filetest::FileReport& report) {
        summary.add(report);
        if (report.outcome == filetest::Outcome::Failed || options.verbose || options.list ||
            !report.output.empty())
          clear_progress();
        print(report.output);
        if (report.outcome == filetest::Outcome::Failed) {
          print_failures(report);
        } else if (options.verbose || options.list) {
          print_fate(report);
        }
        std::fflush(stdout);
      },
      [&](usize done, std::string_view busy) {
        if (!show_progress) return;
        std::fprintf(stderr, "\r\033[K%zu/%zu %.*s", done, files->size(),
                     static_cast<int>(std::min<usize>(busy.size(), 60)),
                     busy.data() == nullptr ? "" : busy.data());
        std::fflush(stderr);
      });
  clear_progress();
  summary.print();
  if (!options.rule_coverage.empty() && !write_rule_coverage(options.rule_coverage))
    return kInputFault;
  if (files->empty()) complain("no .clif files found");
  return summary.failed() != 0 || files->empty() ? kInputFault : kOk;
}

}  // namespace gantry::tool

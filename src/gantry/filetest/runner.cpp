// Problem: a file names commands, settings and targets; which combinations run, in which order, and
// what makes the file pass? Idea: commands sorted so that those which change functions come last,
// each against every target it needs; the worst result of a command counts, except that one target
// that runs outweighs others that cannot.
#include "gantry/filetest/runner.h"

#include <algorithm>
#include <iterator>

#include "gantry/filetest/internal/test_file.h"
#include "gantry/ir/printer.h"

namespace gantry::filetest {
namespace {

using CommandFunc = Verdict (*)(Context&);

constexpr CommandInfo kCommands[] = {
    {"cat", "print each function and check the text", false, false, false},
    {"verifier", "report exactly the errors the comments expect", false, false, false},
    {"print-cfg", "print the control-flow graph and check the text", false, false, false},
    {"domtree", "check immediate dominators and the printed tree", false, true, false},
    {"interpret", "execute run commands in the interpreter", false, true, false},
    {"run", "execute run commands natively", true, true, false},
    {"compile", "generate machine code", true, true, true},
    {"optimize", "run the mid-end and check the text", true, true, true},
    {"alias-analysis", "merge equal values, eliminate redundant loads and check the text", false,
     true, true},
    {"inline", "inline calls and check the text", true, true, true},
    {"unwind", "check unwind information", true, true, true},
    {"safepoint", "print the function", false, true, true},
};
// By row of kCommands; null: not built yet.
constexpr CommandFunc kFuncs[] = {
    run_cat,     run_verifier, run_print_cfg,      run_domtree, run_interpret, run_run,
    run_compile, run_optimize, run_alias_analysis, run_inline,  nullptr,       nullptr};
static_assert(std::size(kCommands) == std::size(kFuncs));

// Which of two reasons says more about why a command did not run.
u32 weight(SkipReason reason) {
  switch (reason) {
    case SkipReason::NoTarget:
      return 0;
    case SkipReason::NotBuilt:
      return 1;
    case SkipReason::MissingFeature:
      return 2;
    case SkipReason::NotSupported:
      return 3;
  }
  unreachable("SkipReason");
}

// The verdict on all targets so far.
void merge(CommandReport& report, bool first, Verdict&& verdict) {
  const bool replaces =
      first || verdict.outcome == Outcome::Failed ||
      (report.outcome == Outcome::Skipped &&
       (verdict.outcome == Outcome::Passed || weight(verdict.reason) > weight(report.reason)));
  if (!replaces || (report.outcome == Outcome::Failed && !first)) return;
  report.outcome = verdict.outcome;
  report.reason = verdict.reason;
  report.detail = std::move(verdict.detail);
}

// Functions are judged once per environment; the first thing that is wrong.
class VerifiedFunctions {
 public:
  const std::string& verify(const Context& context) {
    const verifier::Environment environment = environment_of(context);
    const u32 key = static_cast<u32>(environment.has_isa) |
                    static_cast<u32>(environment.enable_pinned_reg) << 1 |
                    static_cast<u32>(environment.preserve_frame_pointers) << 2 |
                    static_cast<u32>(environment.pointer_type.code()) << 3;
    for (const Known& known : known_) {
      if (known.key == key) return known.error;
    }
    known_.push_back({key, judge(context, environment)});
    return known_.back().error;
  }

 private:
  struct Known {
    u32 key;
    std::string error;
  };
  std::string judge(const Context& context, const verifier::Environment& environment) {
    for (const TestFunction& function : context.file.functions) {
      std::vector<verifier::Finding> findings;
      if (verifier_.verify(*function.func, environment, findings)) continue;
      TextWriter text;
      text.put(std::string_view(function.name), " does not verify");
      for (usize i = 0; i < findings.size() && i < 5; ++i) {
        text.write("\n    ");
        verifier::write_finding(findings[i], text);
      }
      return located(context, function.source.first_line, text.view());
    }
    return {};
  }

  verifier::Verifier verifier_;
  std::vector<Known> known_;
};

Verdict run_on(const CommandInfo& info, CommandFunc func, Context& context,
               VerifiedFunctions& verified) {
  std::optional<Verdict> skip;
  if (func == run_run) skip = reason_not_to_run(context);
  if (func == run_compile) skip = reason_not_to_compile(context);
  const bool optimizes = func == run_optimize || func == run_alias_analysis ||
                         (func == run_inline && context.has_option("optimize"));
  if (optimizes && context.options.backend == nullptr)
    skip = Verdict::skipped(SkipReason::NotBuilt, "the mid-end");
  if (skip) return std::move(*skip);
  if (info.needs_verifier) {
    if (const std::string& error = verified.verify(context); !error.empty())
      return Verdict::failed(error);
  }
  return func(context);
}

// Options a command understands.
bool knows_option(std::string_view command, std::string_view option) {
  if (option == "precise-output")
    return command == "compile" || command == "optimize" || command == "inline";
  if (option == "expect-fail") return command == "compile";
  if (option == "optimize") return command == "inline";
  return false;
}

// Puts new expectations behind their functions: comments with one semicolon and blank lines that
// stood there go.
std::string apply_edits(std::string_view text, const std::vector<Edit>& edits) {
  std::vector<std::string_view> lines;
  for (usize at = 0; at < text.size();) {
    usize newline = text.find('\n', at);
    if (newline == std::string_view::npos) newline = text.size();
    lines.push_back(text.substr(at, newline - at));
    at = newline + 1;
  }
  TextWriter out;
  usize line = 0;
  for (const Edit& edit : edits) {
    for (; line < edit.function_last_line && line < lines.size(); ++line) out.line(lines[line]);
    out.write('\n');
    std::string_view rest = edit.expectation;
    while (!rest.empty()) {
      const std::string_view one = rest.substr(0, rest.find('\n'));
      out.line(one.empty() ? ";" : "; ", one);
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    }
    out.write('\n');
    const auto is_old = [](std::string_view old) {
      return old.find_first_not_of(" \t\r") == std::string_view::npos ||
             (old.starts_with(';') && !old.starts_with(";;"));
    };
    while (line < lines.size() && is_old(lines[line])) ++line;
  }
  for (; line < lines.size(); ++line) out.line(lines[line]);
  std::string result = std::move(out).take();
  while (result.ends_with("\n\n")) result.pop_back();
  return result;
}

FileReport run_test_file(std::string_view path, std::string_view text, const CommandLine* line,
                         const RunnerOptions& options) {
  FileReport report;
  report.path = path;
  TestFile file;
  report.error = read_test_file(path, text, line, options.settings, file);
  if (!report.error.empty()) {
    report.outcome = Outcome::Failed;
    return report;
  }

  struct Selected {
    const TestLine* test;
    usize row;
  };
  std::vector<Selected> selected;
  for (const TestLine& test : file.tests) {
    const auto* const found =
        std::find_if(std::begin(kCommands), std::end(kCommands),
                     [&](const CommandInfo& info) { return info.name == test.command; });
    if (found == std::end(kCommands)) {
      report.outcome = Outcome::Failed;
      report.error =
          std::string(path) + ": unknown test command '" + std::string(test.command) + "'";
      return report;
    }
    for (const std::string_view option : test.options) {
      if (knows_option(test.command, option)) continue;
      report.outcome = Outcome::Failed;
      report.error = std::string(path) + ": unknown option '" + std::string(option) + "' of test " +
                     std::string(test.command);
      return report;
    }
    if (!options.only_command.empty() && test.command != options.only_command) continue;
    selected.push_back({&test, static_cast<usize>(found - std::begin(kCommands))});
  }
  // ORDER: commands that change functions last, among equals those that look at unverified
  // functions first.
  std::stable_sort(selected.begin(), selected.end(), [](const Selected& a, const Selected& b) {
    const auto key = [](const CommandInfo& info) {
      return (info.mutates ? 2 : 0) + (info.needs_verifier ? 1 : 0);
    };
    return key(kCommands[a.row]) < key(kCommands[b.row]);
  });

  VerifiedFunctions verified;
  std::vector<Edit> edits;
  for (const Selected& item : selected) {
    const CommandInfo& info = kCommands[item.row];
    const CommandFunc func = kFuncs[item.row];
    CommandReport command;
    command.command = info.name;
    Context context{file, *item.test, nullptr, options, report.output, edits};
    if (func == nullptr) {
      merge(command, true, Verdict::skipped(SkipReason::NotBuilt, std::string(info.name)));
    } else if (!info.needs_isa) {
      merge(command, true, run_on(info, func, context, verified));
    } else if (file.targets.empty()) {
      merge(command, true,
            Verdict::failed(std::string(path) + ": test " + std::string(info.name) +
                            " needs a target line"));
    }
    bool first = true;
    for (usize i = 0; func != nullptr && info.needs_isa && i < file.targets.size(); ++i) {
      const TestTarget& target = file.targets[i];
      context.target = target.spec ? &*target.spec : nullptr;
      Verdict verdict = context.target != nullptr
                            ? run_on(info, func, context, verified)
                            : Verdict::skipped(SkipReason::NoTarget, target.name);
      if (verdict.outcome == Outcome::Failed)
        verdict.detail = "target " + target.name + ": " + verdict.detail;
      merge(command, first, std::move(verdict));
      first = false;
    }
    report.commands.push_back(std::move(command));
  }

  for (const CommandReport& command : report.commands) {
    if (command.outcome == Outcome::Failed) report.outcome = Outcome::Failed;
    if (command.outcome == Outcome::Passed && report.outcome == Outcome::Skipped)
      report.outcome = Outcome::Passed;
  }
  if (!edits.empty()) {
    std::stable_sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) {
      return a.function_last_line < b.function_last_line;
    });
    // With several targets the last one wins.
    std::vector<Edit> last;
    for (Edit& edit : edits) {
      if (!last.empty() && last.back().function_last_line == edit.function_last_line)
        last.pop_back();
      last.push_back(std::move(edit));
    }
    report.new_text = apply_edits(text, last);
  }
  return report;
}

}  // namespace

std::string_view to_string(SkipReason reason) {
  switch (reason) {
    case SkipReason::NoTarget:
      return "no target for this host";
    case SkipReason::MissingFeature:
      return "CPU lacks a feature";
    case SkipReason::NotBuilt:
      return "command not built yet";
    case SkipReason::NotSupported:
      return "type or opcode not supported yet";
  }
  unreachable("SkipReason");
}

std::span<const CommandInfo> commands() { return kCommands; }

FileReport run_file(std::string_view path, std::string_view text, const RunnerOptions& options) {
  return run_test_file(path, text, nullptr, options);
}

FileReport run_command(std::string_view path, std::string_view text, const CommandLine& line,
                       const RunnerOptions& options) {
  return run_test_file(path, text, &line, options);
}

}  // namespace gantry::filetest

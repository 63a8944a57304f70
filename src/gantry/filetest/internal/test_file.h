#pragma once
// A test file taken apart: what its header asks for, its functions, and where its comments are.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/filetest/filecheck.h"
#include "gantry/filetest/runner.h"
#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"

namespace gantry::filetest {

struct TestLine {
  std::string_view command;
  std::vector<std::string_view> options;
  u32 line = 0;
};

// One `target` line. Without a specification its architecture is none we know, and commands that
// need it are skipped.
struct TestTarget {
  std::string name;  // as written
  std::optional<target::TargetSpec> spec;
};

struct TestFunction {
  std::unique_ptr<ir::Function> func;
  reader::FunctionSource source;
  std::string name;  // as printed
};

struct TestFile {
  std::string_view path;
  std::string_view text;
  std::vector<TestLine> tests;
  std::vector<TestTarget> targets;
  target::Flags flags;  // after all `set` lines
  std::vector<std::string_view> preamble_comments;
  std::vector<TestFunction> functions;

  // The target, if there is exactly one that we know: what commands without a target are told about
  // the world.
  const target::TargetSpec* unique_target() const;
};

// Flags as file tests start from them.
target::Flags initial_flags();

// What is wrong with the file, with file and line; empty if nothing. `line`: replaces the header if
// not null. `settings` come behind all others.
std::string read_test_file(std::string_view path, std::string_view text, const CommandLine* line,
                           std::span<const std::string> settings, TestFile& file);

// The directives of the preamble and of one function, in the order of the text. Error: a malformed
// one.
Result<FileCheck> directives_of(const TestFile& file, const TestFunction& function);

// The text of a comment behind its semicolons and blanks.
std::string_view comment_body(std::string_view comment);

// What a command came to on one target.
struct Verdict {
  Outcome outcome = Outcome::Passed;
  SkipReason reason = SkipReason::NotBuilt;
  std::string detail;

  static Verdict passed() { return {}; }
  static Verdict skipped(SkipReason reason, std::string detail) {
    return {Outcome::Skipped, reason, std::move(detail)};
  }
  static Verdict failed(std::string detail) {
    return {Outcome::Failed, SkipReason::NotBuilt, std::move(detail)};
  }
};

// A new expectation behind a function; applied when all commands have run.
struct Edit {
  u32 function_last_line;
  std::string expectation;  // lines without semicolons
};

struct Context {
  const TestFile& file;
  const TestLine& test;
  const target::TargetSpec* target;  // null: the command runs without one
  const RunnerOptions& options;
  std::string& output;       // of print commands
  std::vector<Edit>& edits;  // with --update

  const target::Flags& flags() const { return target != nullptr ? target->flags : file.flags; }
  bool has_option(std::string_view name) const;
  bool ignores_text() const;
};

verifier::Environment environment_of(const Context& context);
// `path:line: message`
std::string located(const Context& context, u32 line, std::string_view message);
// Checks a printed function against the directives; empty if it is as expected.
std::string check_text(const Context& context, const TestFunction& function, std::string_view text);

// The same for precise-output: the text must be that of the comments with one semicolon, which
// --update replaces. Empty if it is as expected.
std::string check_precise_text(Context& context, const TestFunction& function,
                               std::string_view text);

// The commands. Each runs over all functions of the file and stops at the first failure.
Verdict run_cat(Context& context);
Verdict run_print_cfg(Context& context);
Verdict run_domtree(Context& context);
Verdict run_verifier(Context& context);
Verdict run_interpret(Context& context);
Verdict run_compile(Context& context);
Verdict run_run(Context& context);
Verdict run_inline(Context& context);
Verdict run_optimize(Context& context);
Verdict run_alias_analysis(Context& context);
// Why a command with a target cannot run here; none if it can. Asked before functions are verified,
// which on a foreign target may rightly refuse them.
std::optional<Verdict> reason_not_to_run(const Context& context);
std::optional<Verdict> reason_not_to_compile(const Context& context);

// The first type or opcode of the function, or of the file, that is listed as not supported yet by
// `who`; empty if there is none.
enum class Consumer : u8 { CodeGeneration, Interpreter };
std::string find_not_supported(const TestFunction& function, Consumer who);
std::string find_not_supported(const TestFile& file, Consumer who);

}  // namespace gantry::filetest

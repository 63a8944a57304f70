#pragma once
// Runs file tests: CLIF files whose header says what to do with them and whose comments say what
// must come of it.
//
// A file passes when at least one of its commands ran and none failed; it is skipped when none
// could run. The reasons for skipping are SkipReason and no others.
#include <string>
#include <string_view>
#include <vector>

#include "gantry/filetest/backend.h"
#include "gantry/support/function_ref.h"

namespace gantry::filetest {

enum class SkipReason : u8 {
  NoTarget,        // no target for this host
  MissingFeature,  // CPU lacks a named feature
  NotBuilt,        // command not built yet
  NotSupported,    // type or opcode not supported yet
};
std::string_view to_string(SkipReason reason);

enum class Outcome : u8 { Passed, Skipped, Failed };

// One command of one file, over all its targets: it failed if it failed on any, and ran if it ran
// on any.
struct CommandReport {
  std::string command;  // the first word of the test line
  Outcome outcome = Outcome::Passed;
  SkipReason reason = SkipReason::NotBuilt;  // Skipped
  std::string detail;  // Skipped: which feature, type or opcode; Failed: what went wrong
};

struct FileReport {
  std::string path;
  Outcome outcome = Outcome::Skipped;
  std::string error;  // of the file as a whole: does not parse, crashed, took too long
  std::vector<CommandReport> commands;
  std::string output;    // of `print` commands
  std::string new_text;  // what --update would write; empty: nothing to change
};

struct RunnerOptions {
  const Backend* backend = nullptr;  // null: none
  std::string_view only_command;     // empty: all
  bool update = false;               // rewrite expectations of precise-output commands
  // Ends of paths: what these files expect to be printed is not compared.
  std::span<const std::string> ignore_text = {};
  std::span<const std::string> settings = {};  // `name=value`: after those of each file
  u64 fuel = ~u64{0};         // test run: changes that the mid-end may make in the whole file
  bool inline_calls = false;  // test run: inline calls among the functions of the file first
};

// Runs one file in this process. Never fails itself: what is wrong is in the report.
FileReport run_file(std::string_view path, std::string_view text, const RunnerOptions& options);

// The same with one command instead of those of the header. `target` replaces the targets of the
// file, which has this machine as its target if there is none at all; `settings` are added to
// those of the file.
struct CommandLine {
  std::string_view command;
  std::string_view target;  // empty: those of the file
  std::vector<std::string_view> settings;
};
FileReport run_command(std::string_view path, std::string_view text, const CommandLine& line,
                       const RunnerOptions& options);

// The commands that are known, with what they do.
struct CommandInfo {
  std::string_view name;
  std::string_view what;
  bool needs_isa;
  bool needs_verifier;
  bool mutates;
};
std::span<const CommandInfo> commands();

}  // namespace gantry::filetest

#pragma once
// The verbs of the tool: options as plain data, filled in by main.cpp, and one function each. A
// verb returns the exit status of the process.
#include <string>
#include <vector>

namespace gantry::tool {

enum ExitStatus : int {
  kOk = 0,
  kInputFault = 1,  // the input is wrong, or a test failed
  kUsage = 2,       // the command line is wrong
  kOurBug = 3,      // an internal check failed
};

using Words = std::vector<std::string>;

// From here on a failed internal check ends the process with kOurBug.
void install_check_hook();

struct TestOptions {
  Words paths;
  std::string command;
  Words settings;
  std::string ignore_text;  // a file; empty: none
  unsigned jobs = 0;        // 0: one per processor
  unsigned timeout_seconds = 60;
  std::string rule_coverage;  // file to write, or empty
  bool update = false;
  bool list = false;
  bool verbose = false;
};
int run_test(const TestOptions& options);

// run, interpret, pass: test commands on files, whatever the files say.
struct CommandOptions {
  Words paths;
  Words commands;
  std::string target;
  Words settings;
  unsigned long long fuel = ~0ull;  // changes
  bool inline_calls = false;
  bool verbose = false;
};
int run_commands(const CommandOptions& options);

struct BisectOptions {
  std::string path;
  std::string target;
  Words settings;
  bool inline_calls = false;
};
int run_bisect(const BisectOptions& options);

struct PrintOptions {
  Words paths;
};
int run_cat(const PrintOptions& options);
int run_print_cfg(const PrintOptions& options);

struct CompileOptions {
  Words paths;
  std::string target;  // empty: this machine
  Words settings;
  std::string output;               // an object file; empty: none
  Words print_after;                // passes
  unsigned long long fuel = ~0ull;  // changes
  bool inline_calls = false;
  bool disassemble = false;
  bool print = false;
  bool times = false;
};
int run_compile(const CompileOptions& options);

struct ExplainOptions {
  Words paths;
  std::string target;
  Words settings;
  std::string function;  // its name; empty: all
  std::string output;    // a file, or a folder; empty: standard output
};
int run_explain(const ExplainOptions& options);

struct PassesOptions {
  std::string target;
};
int run_passes(const PassesOptions& options);

struct BenchOptions {
  Words paths;
  std::string target;
  Words settings;
  unsigned iterations = 5;
  std::string rule_coverage;  // file to write, or empty
  bool passes = false;
};
int run_bench_compile(const BenchOptions& options);

struct SettingsOptions {
  std::string target;
  Words settings;
};
int run_settings(const SettingsOptions& options);
int run_opcodes();
// A page of docs/reference: settings or limits.
int run_reference(const std::string& page);

}  // namespace gantry::tool

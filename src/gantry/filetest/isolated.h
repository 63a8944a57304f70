#pragma once
// Runs many file tests, each in a process of its own, so that a crash or an endless loop costs one
// file.
#include "gantry/filetest/runner.h"

namespace gantry::filetest {

struct IsolatedOptions {
  RunnerOptions runner;
  u32 jobs = 1;
  u32 timeout_seconds = 60;  // per file
};

// Called in the order of `paths`, as results become known.
using ReportSink = FunctionRef<void(const FileReport& report)>;
// Called about four times a second: how many files are done, and one that is being worked on.
using ProgressSink = FunctionRef<void(usize done, std::string_view busy_path)>;

// Files that cannot be read, crash or time out are failures. With `update`, files are rewritten.
void run_files(std::span<const std::string> paths, const IsolatedOptions& options,
               ReportSink report, ProgressSink progress);

// CLIF files below `paths`, sorted; files named directly are taken whatever their extension. Io:
// there is no such file.
Result<std::vector<std::string>> find_files(std::span<const std::string> paths);

Result<std::string> read_whole_file(const std::string& path);

}  // namespace gantry::filetest

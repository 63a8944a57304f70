// What becomes of a file: outcomes and reasons, files that crash or hang, and rewritten
// expectations. The back end here is told by names of functions what to do.
#include "gantry/filetest/runner.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "gantry/filetest/isolated.h"

namespace gantry::filetest {
namespace {

class PuppetIsa final : public target::TargetIsa {
 public:
  explicit PuppetIsa(const target::TargetSpec& spec) : TargetIsa(spec) {}
  Result<target::CompiledCode> compile(const ir::Function&, Session&) const override {
    return target::CompiledCode{};
  }
  std::span<const PassInfo* const> passes() const override { return {}; }
};

class PuppetBackend final : public Backend {
 public:
  Result<target::TargetIsa*> lookup(const target::TargetSpec& spec) const override {
    if (spec.triple.arch != target::Arch::X86_64)
      return Error(ErrorKind::Unsupported, "no such back end");
    target::TargetIsa* isa = new PuppetIsa(spec);
    return isa;
  }
  Result<CompileOutput> compile(ir::Function& func, const target::TargetIsa&, Session&,
                                const CompileRequest&) const override {
    const std::string& name = func.name.text;
    if (name == "crash") std::raise(SIGSEGV);
    if (name == "fail_check") unreachable("told to");
    if (name == "hang") {
      for (;;) ::pause();
    }
    if (name == "unsupported") return Error(ErrorKind::Unsupported, "told not to");
    CompileOutput output;
    output.text = "VCode:\n  nothing for " + name + "\n\nDisassembled:\n";
    output.is_disassembled = name != "undisassembled";
    return output;
  }
  // Writes into the name what it was asked to do.
  Result<void> optimize(ir::Function& func, const target::TargetSpec& target,
                        Session& session) const override {
    func.name.text += target.flags.opt_level == target::OptLevel::None ? "_none" : "_speed";
    if (session.fuel() != nullptr) func.name.text += "_without_rules";
    return {};
  }
};

const PuppetBackend kBackend;

FileReport run(std::string_view text, bool update = false,
               std::span<const std::string> settings = {}) {
  RunnerOptions options;
  options.settings = settings;
  options.backend = &kBackend;
  options.update = update;
  return run_file("a.clif", text, options);
}

std::string function(std::string_view name, std::string_view signature = "()",
                     std::string_view params = "") {
  TextWriter out;
  out.put("function %", name, signature, " {\nblock0", params, ":\n    return\n}\n");
  return std::move(out).take();
}

constexpr std::string_view kHeader = "test compile\ntarget x86_64\n\n";

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/gantry_runner_XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() {
    for (const std::string& file : files_) ::unlink(file.c_str());
    ::rmdir(path_.c_str());
  }
  std::string add(std::string_view name, std::string_view text) {
    files_.push_back(path_ + "/" + std::string(name));
    std::ofstream(files_.back(), std::ios::binary) << text;
    return files_.back();
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<FileReport> run_isolated(std::span<const std::string> paths, u32 timeout_seconds,
                                     bool update = false) {
  IsolatedOptions options;
  options.runner.backend = &kBackend;
  options.runner.update = update;
  options.jobs = 2;
  options.timeout_seconds = timeout_seconds;
  std::vector<FileReport> reports;
  run_files(
      paths, options, [&](const FileReport& report) { reports.push_back(report); },
      [](usize, std::string_view) {});
  return reports;
}

TEST(Runner, PassesWhenACommandRanAndNoneFailed) {
  const FileReport report = run("test compile\ntest unwind\ntarget x86_64\n\n" + function("fine"));
  EXPECT_EQ(report.outcome, Outcome::Passed) << report.error;
  ASSERT_EQ(report.commands.size(), 2u);
  for (const CommandReport& command : report.commands) {
    EXPECT_EQ(command.outcome, command.command == "compile" ? Outcome::Passed : Outcome::Skipped);
  }
}

TEST(Runner, NamesTheReasonForSkipping) {
  struct Case {
    std::string text;
    SkipReason reason;
    std::string_view detail;
  };
  const Case cases[] = {
      {"test compile\ntarget aarch64\n\n" + function("fine"), SkipReason::NotBuilt, "aarch64"},
      {"test run\ntarget aarch64\n\n" + function("fine"), SkipReason::NoTarget, ""},
      {"test unwind\ntarget x86_64\n\n" + function("fine"), SkipReason::NotBuilt, ""},
      {"test compile\ntarget x86_64\n\n" + function("unsupported", "(f128)", "(v0: f128)"),
       SkipReason::NotSupported, "f128"},
      {"test compile precise-output\ntarget x86_64\n\n" + function("undisassembled"),
       SkipReason::NotBuilt, "disassembler"},
  };
  for (const Case& test : cases) {
    const FileReport report = run(test.text);
    EXPECT_EQ(report.outcome, Outcome::Skipped) << test.text << report.error;
    ASSERT_EQ(report.commands.size(), 1u);
    EXPECT_EQ(report.commands[0].reason, test.reason) << test.text;
    EXPECT_NE(report.commands[0].detail.find(test.detail), std::string::npos)
        << report.commands[0].detail;
  }
}

// A listed type elsewhere in the file is no excuse.
TEST(Runner, FailsForAFunctionWithoutAnythingListed) {
  const FileReport report = run(std::string(kHeader) + function("unsupported") +
                                function("other", "(f128)", "(v0: f128)"));
  EXPECT_EQ(report.outcome, Outcome::Failed);
}
TEST(Runner, FailsForTheFunctionBehindASkippedOne) {
  const FileReport report =
      run("test compile\ntarget x86_64\n\n" + function("unsupported", "(f128)", "(v0: f128)") +
          function("fine") + "; check: something else\n");
  EXPECT_EQ(report.outcome, Outcome::Failed);
}

TEST(Runner, ComparesPreciseOutput) {
  const std::string head = "test compile precise-output\ntarget x86_64\n\n";
  const std::string good =
      head + function("f") + "; VCode:\n;   nothing for f\n; \n; Disassembled:\n";
  EXPECT_EQ(run(good).outcome, Outcome::Passed);
  const FileReport bad =
      run(head + function("f") + "; VCode:\n;   something for f\n; \n; Disassembled:\n");
  ASSERT_EQ(bad.outcome, Outcome::Failed);
  EXPECT_NE(bad.commands[0].detail.find("line 2"), std::string::npos) << bad.commands[0].detail;
}

// Of targets without a back end, too.
TEST(Runner, OptimizesForEachTarget) {
  const std::string text = "test optimize\ntarget x86_64\nset opt_level=speed\ntarget s390x\n\n" +
                           function("f") + "; check: function %f_none\n";
  FileReport report = run(text);
  ASSERT_EQ(report.outcome, Outcome::Failed);
  EXPECT_TRUE(report.commands[0].detail.starts_with("target s390x: ")) << report.commands[0].detail;
  const std::string settings[] = {"opt_level=none", "has_avx"};
  report = run(text, false, settings);
  EXPECT_EQ(report.outcome, Outcome::Passed) << report.commands[0].detail;
}
TEST(Runner, RefusesSettingsThatNoFileCanHave) {
  const std::string settings[] = {"opt_level=all"};
  const FileReport report = run(std::string(kHeader) + function("f"), false, settings);
  EXPECT_EQ(report.outcome, Outcome::Failed);
  EXPECT_NE(report.error.find("opt_level"), std::string::npos) << report.error;
}
TEST(Runner, IgnoresTextOfListedFilesOnly) {
  const std::string text =
      "test optimize\ntarget x86_64\n\n" + function("f") + "; check: something else\n";
  RunnerOptions options;
  options.backend = &kBackend;
  const std::string list[] = {"there/a.clif"};
  options.ignore_text = list;
  EXPECT_EQ(run_file("there/a.clif", text, options).outcome, Outcome::Passed);
  EXPECT_EQ(run_file("over/there/a.clif", text, options).outcome, Outcome::Passed);
  EXPECT_EQ(run_file("overthere/a.clif", text, options).outcome, Outcome::Failed);
  EXPECT_EQ(run_file("a.clif", text, options).outcome, Outcome::Failed);
}
TEST(Runner, UpdatesWhatOptimizePrints) {
  const FileReport report =
      run("test optimize precise-output\ntarget x86_64\n\n" + function("f"), true);
  EXPECT_EQ(report.outcome, Outcome::Passed);
  EXPECT_NE(report.new_text.find("; function %f_none"), std::string::npos) << report.new_text;
}
TEST(Runner, AnalysesAliasesWithoutRules) {
  const FileReport report =
      run("test alias-analysis\n\n" + function("f") + "; check: %f_speed_without_rules\n");
  EXPECT_EQ(report.outcome, Outcome::Passed) << report.error;
}

TEST(Isolated, LosesOnlyTheFileThatCrashesOrHangs) {
  Folder folder;
  const std::string paths[] = {
      folder.add("a_crash.clif", std::string(kHeader) + function("crash")),
      folder.add("b_check.clif", std::string(kHeader) + function("fail_check")),
      folder.add("c_hang.clif", std::string(kHeader) + function("hang")),
      folder.add("d_fine.clif", std::string(kHeader) + function("fine")),
      folder.path() + "/e_missing.clif",
  };
  const std::vector<FileReport> reports = run_isolated(paths, 1);
  ASSERT_EQ(reports.size(), 5u);
  for (usize i = 0; i < 5; ++i) {
    EXPECT_EQ(reports[i].path, paths[i]);
    EXPECT_EQ(reports[i].outcome, i == 3 ? Outcome::Passed : Outcome::Failed) << reports[i].error;
  }
  EXPECT_TRUE(reports[0].error.starts_with("crashed: ")) << reports[0].error;
  // The report of the check says what was being done.
  EXPECT_NE(reports[1].error.find("told to"), std::string::npos) << reports[1].error;
  EXPECT_NE(reports[1].error.find("fail_check"), std::string::npos) << reports[1].error;
  EXPECT_EQ(reports[2].error, "no result after 1 seconds");
}

TEST(Isolated, UpdatesExpectationsAndThenPasses) {
  Folder folder;
  const std::string head = "; what this is about\ntest compile precise-output\ntarget x86_64\n\n";
  const std::string body = function("f") + "; VCode:\n;   something else\n\n" + function("g");
  const std::string paths[] = {folder.add("update.clif", head + body)};
  EXPECT_EQ(run_isolated(paths, 20)[0].outcome, Outcome::Failed);
  EXPECT_EQ(contents(paths[0]), head + body);
  EXPECT_EQ(run_isolated(paths, 20, true)[0].outcome, Outcome::Passed);
  const std::string updated = contents(paths[0]);
  EXPECT_TRUE(updated.starts_with(head)) << updated;
  EXPECT_NE(updated.find("nothing for f"), std::string::npos) << updated;
  EXPECT_NE(updated.find("nothing for g"), std::string::npos) << updated;
  EXPECT_EQ(updated.find("something else"), std::string::npos) << updated;
  EXPECT_EQ(run_isolated(paths, 20)[0].outcome, Outcome::Passed);
  EXPECT_EQ(run_isolated(paths, 20, true)[0].outcome, Outcome::Passed);
  EXPECT_EQ(contents(paths[0]), updated);
}

}  // namespace
}  // namespace gantry::filetest

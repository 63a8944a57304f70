// The command line of the tool: what verbs and options there are. The work is in one file per verb;
// this one alone includes the option parser, whose header is dear.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>

#include "verbs.h"

namespace {

using namespace gantry::tool;

CLI::App* add_verb(CLI::App& app, const char* name, const char* what, const char* example) {
  CLI::App* const verb = app.add_subcommand(name, what);
  verb->footer(std::string("Example:\n  ") + example);
  return verb;
}

constexpr const char* kFilesHelp = "CLIF files; - is standard input";
constexpr const char* kRuleCoverageHelp =
    "write how often each rule fired, a line a rule (GANTRY_RULE_COVERAGE builds)";
constexpr const char* kTargetHelp =
    "triple and features, like 'x86_64 has_avx2'; default: this machine";
constexpr const char* kInlineHelp =
    "inline calls among the functions of a file where that pays; off by default";
constexpr const char* kFuelHelp =
    "how many changes the mid-end may make, in all functions together";
constexpr const char* kSetHelp = "a setting, as NAME or NAME=VALUE; may be repeated";

}  // namespace

int main(int argc, char** argv) {
  install_check_hook();

  CLI::App app("Gantry compiles CLIF to machine code.", "gantry");
  app.set_version_flag("--version", "gantry " GANTRY_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);
  app.footer(
      "Exit status: 0 all is well; 1 the input is at fault; 2 the command line is; 3 a bug in "
      "gantry.");

  TestOptions test;
  CLI::App* verb = add_verb(app, "test", "run file tests", "gantry test tests/filetests");
  verb->add_option("PATH", test.paths, "files, and folders to look for .clif files in");
  verb->add_option("--command", test.command, "only this test command");
  verb->add_option("--set", test.settings,
                   "a setting for every file, behind its own: NAME or NAME=VALUE; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--ignore-text", test.ignore_text,
                   "a list of files, one a line (behind the last tab), that may print something "
                   "else than they expect");
  verb->add_option("-j,--jobs", test.jobs, "files at a time; default: one per processor");
  verb->add_option("--timeout", test.timeout_seconds, "seconds a file may take");
  verb->add_option("--rule-coverage", test.rule_coverage, kRuleCoverageHelp);
  verb->add_flag("--update", test.update,
                 "rewrite precise-output expectations (also: CRANELIFT_TEST_BLESS=1)");
  verb->add_flag(
      "--list", test.list,
      "name the fate of every file and why what was skipped; without a path: list the commands");
  verb->add_flag("-v,--verbose", test.verbose, "name every file");
  int status = kOk;
  verb->callback([&] {
    if (test.paths.empty() && !test.list) throw CLI::RequiredError("PATH");
    status = run_test(test);
  });

  CommandOptions run;
  verb = add_verb(app, "run", "execute the run commands of files natively",
                  "gantry run fibonacci.clif");
  verb->add_option("FILE", run.paths, kFilesHelp)->required();
  verb->add_option("--target", run.target,
                   "triple and features; default: those of the file, or this machine");
  verb->add_option("--set", run.settings, kSetHelp)->allow_extra_args(false);
  verb->add_option("--fuel,--bisect-limit", run.fuel, kFuelHelp);
  verb->add_flag("--inline", run.inline_calls, kInlineHelp);
  verb->add_flag("-v,--verbose", run.verbose, "name files that pass");
  verb->callback([&] {
    run.commands = {"run"};
    status = run_commands(run);
  });

  CommandOptions interpret;
  verb = add_verb(app, "interpret", "execute the run commands of files in the interpreter",
                  "gantry interpret f.clif");
  verb->add_option("FILE", interpret.paths, kFilesHelp)->required();
  verb->add_flag("-v,--verbose", interpret.verbose, "name files that pass");
  verb->callback([&] {
    interpret.commands = {"interpret"};
    status = run_commands(interpret);
  });

  BisectOptions bisect;
  verb = add_verb(app, "bisect", "find the change of the mid-end that makes a run command fail",
                  "gantry bisect f.clif");
  verb->add_option("FILE", bisect.path, "a CLIF file with run commands; - is standard input")
      ->required();
  verb->add_option("--target", bisect.target,
                   "triple and features; default: those of the file, or this machine");
  verb->add_option("--set", bisect.settings, kSetHelp)->allow_extra_args(false);
  verb->add_flag("--inline", bisect.inline_calls, kInlineHelp);
  verb->callback([&] { status = run_bisect(bisect); });

  CommandOptions pass;
  std::string pass_file;
  verb = add_verb(app, "pass", "run test commands on a file, whatever its header says",
                  "gantry pass f.clif x86_64 verifier domtree");
  verb->add_option("FILE", pass_file, "a CLIF file; - is standard input")->required();
  verb->add_option("TARGET", pass.target, "triple and features")->required();
  verb->add_option("PASS", pass.commands, "test commands, in order")->required();
  verb->add_option("--set", pass.settings, kSetHelp)->allow_extra_args(false);
  verb->add_flag("-v,--verbose", pass.verbose, "name passes that pass");
  verb->callback([&] {
    pass.paths = {pass_file};
    status = run_commands(pass);
  });

  CompileOptions compile;
  verb =
      add_verb(app, "compile", "generate machine code", "gantry compile --target x86_64 -D f.clif");
  verb->add_option("FILE", compile.paths, kFilesHelp)->required();
  verb->add_option("--target", compile.target, kTargetHelp);
  verb->add_option("--set", compile.settings, kSetHelp)->allow_extra_args(false);
  verb->add_option("-o,--output", compile.output,
                   "write an ELF object file; %name becomes the symbol name, u0:1 becomes u0_1");
  verb->add_option("--print-after", compile.print_after,
                   "print what a pass leaves behind; may be repeated")
      ->allow_extra_args(false);
  verb->add_option("--fuel,--bisect-limit", compile.fuel, kFuelHelp);
  verb->add_flag("--inline", compile.inline_calls, kInlineHelp);
  verb->add_flag("-D,--disasm", compile.disassemble, "print instructions and disassembly");
  verb->add_flag("-p,--print", compile.print, "print the CLIF");
  verb->add_flag("-T,--times", compile.times, "print the time of each pass");
  verb->callback([&] { status = run_compile(compile); });

  ExplainOptions explain;
  verb = add_verb(app, "explain",
                  "write an HTML page a function: what the e-graph made of it, by which rules",
                  "gantry explain f.clif -o f.html");
  verb->add_option("FILE", explain.paths, kFilesHelp)->required();
  verb->add_option("-o,--output", explain.output,
                   "a file that ends in .html for one function, or a folder that exists; default: "
                   "standard output");
  verb->add_option("--function", explain.function, "only this one, like %f");
  verb->add_option("--target", explain.target, kTargetHelp);
  verb->add_option("--set", explain.settings, kSetHelp)->allow_extra_args(false);
  verb->callback([&] { status = run_explain(explain); });

  PassesOptions passes;
  verb = add_verb(app, "passes", "list the passes of the compiler in order", "gantry passes");
  verb->add_option("--target", passes.target, kTargetHelp);
  verb->callback([&] { status = run_passes(passes); });

  PrintOptions cat;
  verb = add_verb(app, "cat", "read CLIF and print it", "gantry cat f.clif");
  verb->add_option("FILE", cat.paths, kFilesHelp)->required();
  verb->callback([&] { status = run_cat(cat); });

  PrintOptions print_cfg;
  verb = add_verb(app, "print-cfg", "print the control flow for Graphviz",
                  "gantry print-cfg f.clif | dot -Tsvg");
  verb->add_option("FILE", print_cfg.paths, kFilesHelp)->required();
  verb->callback([&] { status = run_print_cfg(print_cfg); });

  SettingsOptions settings;
  verb = add_verb(app, "settings", "print all settings with their values",
                  "gantry settings --target 'x86_64 haswell'");
  verb->add_option("--target", settings.target, kTargetHelp);
  verb->add_option("--set", settings.settings, kSetHelp)->allow_extra_args(false);
  verb->callback([&] { status = run_settings(settings); });

  verb = add_verb(app, "opcodes", "list the opcodes of CLIF", "gantry opcodes | grep load");
  verb->callback([&] { status = run_opcodes(); });

  std::string page;
  verb = add_verb(app, "reference", "print a page of the reference manual",
                  "gantry reference settings > docs/reference/settings.md");
  verb->add_option("PAGE", page, "settings or limits")
      ->required()
      ->check(CLI::IsMember({"settings", "limits"}));
  verb->callback([&] { status = run_reference(page); });

  CLI::App* const bench = add_verb(app, "bench", "measure", "gantry bench compile f.clif");
  bench->require_subcommand(1);
  BenchOptions bench_compile;
  verb = add_verb(*bench, "compile", "measure compile time, function by function",
                  "gantry bench compile --iters 5 --set opt_level=speed corpus/*.clif.zst");
  verb->add_option("FILE", bench_compile.paths, kFilesHelp)->required();
  verb->add_option("--iters", bench_compile.iterations,
                   "iterations per function; the fastest counts");
  verb->add_option("--rule-coverage", bench_compile.rule_coverage, kRuleCoverageHelp);
  verb->add_option("--target", bench_compile.target, kTargetHelp);
  verb->add_option("--set", bench_compile.settings, kSetHelp)->allow_extra_args(false);
  verb->add_flag("--passes", bench_compile.passes,
                 "print the time of each pass, over all iterations");
  verb->callback([&] { status = run_bench_compile(bench_compile); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  if (std::fflush(stdout) != 0) return kInputFault;
  return status;
}

// Problem: an optimised function is wrong, and a hundred changes made it. Idea: changes are
// numbered by fuel, so "the first n of them" is a program of its own that can be run. Binary search
// for n between 0 (right) and all (wrong). The optimised CLIF is interpreted first, which blames
// the mid-end alone; only if that finds nothing, it is compiled without further optimisation and
// called.
#include "gantry/filetest/bisect.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "gantry/filetest/internal/run_commands.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/jit/program.h"
#include "gantry/opt/inline_policy.h"

namespace gantry::filetest {
namespace {

constexpr u64 kInterpreterFuel = 200'000'000;
constexpr u32 kNativeSeconds = 20;

struct Call {
  u32 function;  // of the file
  std::vector<ir::DataValue> args;
  std::string text;
};
// What each call came to, as text; empty: nobody can say.
using Results = std::vector<std::string>;

std::string text_of(std::span<const ir::DataValue> values) {
  TextWriter out;
  out.write("returned [");
  for (usize i = 0; i < values.size(); ++i) {
    if (i != 0) out.write(", ");
    ir::print_data_value(values[i], out);
  }
  out.write(']');
  return std::move(out).take();
}
std::string trap_text(ir::TrapCode code) {
  TextWriter out;
  out.write("trapped: ");
  write_trap(code, out);
  return std::move(out).take();
}

// What is wrong with the run commands; empty if nothing.
std::string collect_calls(const TestFile& file, std::vector<Call>& calls) {
  for (u32 i = 0; i < file.functions.size(); ++i) {
    const TestFunction& function = file.functions[i];
    for (const reader::Comment& comment : function.source.comments) {
      reader::RunCommand command;
      const Result<bool> parsed =
          reader::parse_run_command(comment.text, function.func->signature, command);
      if (!parsed.has_value()) return std::string(parsed.error().message());
      if (!*parsed) continue;
      if (command.args.size() != function.func->signature.params.size())
        return function.name + ": wrong number of arguments";
      TextWriter text;
      text.put(std::string_view(function.name), '(');
      for (usize arg = 0; arg < command.args.size(); ++arg) {
        if (arg != 0) text.write(", ");
        ir::print_data_value(command.args[arg], text);
      }
      text.write(')');
      calls.push_back({i, command.args, std::move(text).take()});
    }
  }
  return calls.empty() ? "no run commands" : "";
}

class Bisector {
 public:
  Bisector(const TestFile& file, const target::TargetSpec& target, const Backend& backend,
           bool inline_calls, const std::vector<Call>& calls)
      : file_(file),
        target_(target),
        backend_(backend),
        inline_calls_(inline_calls),
        calls_(calls) {}

  void run(Bisection& answer) {
    std::vector<ir::Function> functions;
    for (const TestFunction& function : file_.functions) functions.push_back(*function.func);
    expected_ = interpret(functions);
    if (std::all_of(expected_.begin(), expected_.end(),
                    [](const std::string& text) { return text.empty(); })) {
      answer.error = "the interpreter can do none of the calls";
      return;
    }
    u64 used = 0;
    if (!optimize(~u64{0}, nullptr, functions, answer.error, &used)) return;
    answer.changes = used;
    for (const bool native : {false, true}) {
      if (native && !can_run()) return;
      native_ = native;
      const std::optional<usize> wrong = first_wrong(used, answer.error, &answer.actual);
      if (!answer.error.empty()) return;
      if (!wrong) continue;
      answer.differs = true;
      answer.native = native;
      search(answer);
      return;
    }
  }

 private:
  bool can_run() const {
    const std::optional<target::Triple> host = target::Triple::host();
    if (!host || host->arch != target_.triple.arch) return false;
    return (target_.isa_flags.bits() & ~target::host_isa_flags(host->arch).bits()) == 0;
  }

  void search(Bisection& answer) {
    std::string actual;
    u64 right = 0, wrong = answer.changes;
    std::optional<usize> call = first_wrong(0, answer.error, &actual);
    if (!answer.error.empty()) return;
    if (call) {
      wrong = 0;
    } else {
      while (wrong - right > 1) {
        const u64 middle = right + (wrong - right) / 2;
        const bool is_wrong = first_wrong(middle, answer.error, &actual).has_value();
        if (!answer.error.empty()) return;
        (is_wrong ? wrong : right) = middle;
      }
      call = first_wrong(wrong, answer.error, &actual);
      if (!answer.error.empty() || !call) return;
    }
    answer.culprit = wrong;
    answer.call = calls_[*call].text;
    answer.expected = expected_[*call];
    answer.actual = actual;
    if (wrong == 0) return;
    opt::StoryRecorder recorder(false);
    std::vector<ir::Function> functions;
    if (!optimize(wrong, &recorder, functions, answer.error, nullptr)) return;
    answer.change = last_change_;
    if (last_change_.pass != nullptr) {
      answer.function = last_change_.function;
      return;
    }
    for (const opt::Story& story : recorder.stories()) {
      if (story.steps.empty()) continue;
      answer.function = story.name;
      answer.step = story.steps.back();
    }
  }

  // The number of the first call that is wrong with so many changes, and what it came to.
  std::optional<usize> first_wrong(u64 changes, std::string& error, std::string* actual) {
    std::vector<ir::Function> functions;
    if (!optimize(changes, nullptr, functions, error, nullptr)) return std::nullopt;
    const Results results = native_ ? run_native(functions, error) : interpret(functions);
    if (!error.empty()) return std::nullopt;
    for (usize i = 0; i < calls_.size(); ++i) {
      if (expected_[i].empty() || results[i].empty() || results[i] == expected_[i]) continue;
      *actual = results[i];
      return i;
    }
    return std::nullopt;
  }

  bool optimize(u64 changes, opt::RewriteObserver* observer, std::vector<ir::Function>& functions,
                std::string& error, u64* used) {
    Session session;
    session.limit_fuel(changes);
    opt::observe_rewrites(session, observer);
    functions.clear();
    for (const TestFunction& function : file_.functions) functions.push_back(*function.func);
    if (inline_calls_) {
      std::vector<ir::Function*> pointers;
      for (ir::Function& func : functions) pointers.push_back(&func);
      const Result<opt::InlineStats> inlined =
          opt::inline_functions(pointers, {.definitions_are_final = true}, session);
      if (!inlined.has_value()) {
        error = inlined.error().message();
        return false;
      }
    }
    for (usize i = 0; i < functions.size(); ++i) {
      const Result<void> optimized = backend_.optimize(functions[i], target_, session);
      if (!optimized.has_value()) {
        error = file_.functions[i].name + ": " + std::string(optimized.error().message());
        return false;
      }
    }
    last_change_ = session.last_change();
    if (used != nullptr) *used = changes - *session.fuel();
    return true;
  }

  Results interpret(const std::vector<ir::Function>& functions) const {
    interp::Options options;
    options.little_endian = target_.triple.endianness() == target::Endianness::Little;
    options.pointer_bits = target_.triple.pointer_bits();
    options.fuel = kInterpreterFuel;
    Results results;
    for (const Call& call : calls_) {
      interp::Interpreter interpreter(options);  // each call meets the memory as it was
      for (const ir::Function& func : functions) interpreter.add_function(func);
      const interp::Outcome outcome = interpreter.run(functions[call.function], call.args);
      switch (outcome.kind) {
        case interp::Outcome::Kind::Returned:
          results.push_back(text_of(outcome.results));
          break;
        case interp::Outcome::Kind::Trapped:
          results.push_back(trap_text(outcome.trap));
          break;
        case interp::Outcome::Kind::BadInput:
          results.push_back("failed: " + outcome.message);
          break;
        case interp::Outcome::Kind::OutOfFuel:
        case interp::Outcome::Kind::Unsupported:
          results.emplace_back();
          break;
      }
    }
    return results;
  }

  // In a child process, a line for each call; calls after a crash have not come to anything.
  Results run_native(const std::vector<ir::Function>& functions, std::string& error) const {
    Results results;
    int pipe[2];
    if (::pipe(pipe) != 0) {
      error = std::strerror(errno);
      return results;
    }
    const pid_t child = ::fork();
    if (child == 0) {
      const rlimit no_core{0, 0};
      setrlimit(RLIMIT_CORE, &no_core);
      ::alarm(kNativeSeconds);
      ::close(pipe[0]);
      call_native(functions, pipe[1]);
      ::_exit(0);
    }
    ::close(pipe[1]);
    std::string text;
    char buffer[4096];
    while (true) {
      const ssize_t count = ::read(pipe[0], buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      text.append(buffer, static_cast<usize>(count));
    }
    ::close(pipe[0]);
    if (child < 0) {
      error = "cannot start a process";
      return results;
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view one = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      results.emplace_back(one);
    }
    if (!results.empty() && results[0].starts_with("error: ")) {
      error = results[0].substr(7);
      return results;
    }
    if (results.size() < calls_.size() && WIFSIGNALED(status))
      results.push_back("crashed: " + std::string(strsignal(WTERMSIG(status))));
    results.resize(calls_.size());
    return results;
  }

  void call_native(const std::vector<ir::Function>& functions, int pipe) const {
    const auto say = [&](std::string line) {
      line += '\n';
      if (::write(pipe, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(1);
    };
    target::TargetSpec spec = target_;
    spec.triple = *target::Triple::host();
    spec.flags.opt_level = target::OptLevel::None;  // the functions have been optimised
    const Result<target::TargetIsa*> found = backend_.lookup(spec);
    if (!found.has_value()) return say("error: " + std::string(found.error().message()));
    const std::unique_ptr<target::TargetIsa> isa(*found);
    std::vector<const ir::Function*> pointers;
    for (const ir::Function& func : functions) pointers.push_back(&func);
    Session session;
    jit::Program program(isa->default_call_conv());
    const Result<void> built =
        program.build(pointers, [&](ir::Function& func) -> Result<target::CompiledCode> {
          GANTRY_TRY_ASSIGN(CompileOutput output, backend_.compile(func, *isa, session, {}));
          return std::move(output.code);
        });
    if (!built.has_value()) return say("error: " + std::string(built.error().message()));
    for (const Call& call : calls_) {
      std::vector<ir::DataValue> values;
      const Result<jit::Outcome> outcome = program.call(call.function, call.args, values);
      if (!outcome.has_value()) {
        say("failed: " + std::string(outcome.error().message()));
      } else {
        say(outcome->trapped ? trap_text(outcome->code) : text_of(values));
      }
    }
  }

  const TestFile& file_;
  const target::TargetSpec& target_;
  const Backend& backend_;
  const bool inline_calls_;
  const std::vector<Call>& calls_;
  Results expected_;
  bool native_ = false;
  Change last_change_;
};

}  // namespace

Bisection bisect(std::string_view path, std::string_view text, const CommandLine& line,
                 const Backend& backend, bool inline_calls) {
  Bisection answer;
  CommandLine run = line;
  run.command = "run";
  TestFile file;
  answer.error = read_test_file(path, text, &run, {}, file);
  if (!answer.error.empty()) return answer;
  std::vector<Call> calls;
  answer.error = collect_calls(file, calls);
  if (!answer.error.empty()) {
    answer.error = std::string(path) + ": " + answer.error;
    return answer;
  }
  // This machine's target if the file has it, so that machine code can run.
  const std::optional<target::Triple> host = target::Triple::host();
  const target::TargetSpec* chosen = nullptr;
  for (const TestTarget& target : file.targets) {
    if (!target.spec) continue;
    const bool is_host = host && target.spec->triple.arch == host->arch;
    if (chosen == nullptr || (is_host && chosen->triple.arch != host->arch)) chosen = &*target.spec;
  }
  if (chosen == nullptr) {
    answer.error = std::string(path) + ": no target that is known";
    return answer;
  }
  target::TargetSpec target = *chosen;
  if (target.flags.opt_level == target::OptLevel::None)
    target.flags.opt_level = target::OptLevel::Speed;
  const RunnerOptions options{.backend = &backend};
  std::string output;
  std::vector<Edit> edits;
  const Context context{file, file.tests[0], &target, options, output, edits};
  for (const TestFunction& function : file.functions) {
    const Result<void> valid = verifier::verify(*function.func, environment_of(context));
    if (valid.has_value()) continue;
    answer.error =
        located(context, function.source.first_line,
                function.name + " does not verify: " + std::string(valid.error().message()));
    return answer;
  }
  Bisector(file, target, backend, inline_calls, calls).run(answer);
  if (!answer.error.empty()) answer.error = std::string(path) + ": " + answer.error;
  return answer;
}

}  // namespace gantry::filetest

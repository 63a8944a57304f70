// fuzz_opt_vs_interp: random programs, interpreted before and after the optimiser.
//
// No machine takes part, so all types and opcodes can: vectors, 128 bits, half and quadruple
// floats. Programs are structured ones with every opcode, or graphs of blocks of any shape. By
// turns the e-graph runs alone, so that no other pass tidies up before it, twice, or among all
// passes in their order, sometimes with only so many changes. The function must verify after each
// pass, and do the same: results bit by bit, traps by code. Exit status 1 if it does not; the
// report names the seed.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "gantry/codegen/compile.h"
#include "gantry/fuzzgen/generate_flow.h"
#include "gantry/fuzzgen/shapes.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/remove_unreachable_blocks.h"
#include "gantry/opt/rule_table.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/verifier/verifier.h"

namespace gantry::fuzz {
namespace {

struct Counts {
  u64 programs = 0, functions = 0, insts_before = 0, insts_after = 0, calls = 0, traps = 0,
      endless = 0, unsupported = 0;
};

volatile u64 current_seed = 0;

void on_crash(int signal) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, ";; seed %llu: signal %d\n",
                                 static_cast<unsigned long long>(current_seed), signal);
  if (::write(1, text, static_cast<usize>(size)) < 0) ::_exit(3);
  ::_exit(1);
}

u64 count_insts(const ir::Function& func) {
  u64 count = 0;
  for (const ir::Block block : func.layout.blocks()) {
    for ([[maybe_unused]] const ir::Inst inst : func.layout.insts(block)) ++count;
  }
  return count;
}

void write_outcome(const interp::Outcome& outcome, TextWriter& out) {
  switch (outcome.kind) {
    case interp::Outcome::Kind::Returned:
      out.write("returns [");
      for (usize i = 0; i < outcome.results.size(); ++i) {
        if (i != 0) out.write(", ");
        ir::print_data_value(outcome.results[i], out);
      }
      out.write(']');
      break;
    case interp::Outcome::Kind::Trapped:
      out.put("traps with code ", outcome.trap.code);
      break;
    default:
      out.put("ends: ", std::string_view(outcome.message));
      break;
  }
}

std::string report(u64 seed, std::string_view what, const ir::Function& before,
                   const ir::Function& after) {
  TextWriter out;
  out.line(";; seed ", seed, ": ", what);
  ir::print(before, out);
  out.line(";; became");
  ir::print(after, out);
  return std::move(out).take();
}

void generate(u64 seed, bool small, fuzzgen::Choices& choices, std::vector<ir::Function>& funcs) {
  if (seed % 8 == 0) {
    fuzzgen::generate_flow(choices, 3 + choices.below(40), funcs);
    return;
  }
  fuzzgen::Options options;
  if (seed % 4 == 1) {
    // What rules look for, and nothing else.
    options.i128 = options.vectors = options.all_floats = true;
    options.canonical_nans = false;
    funcs.resize(small ? 1 : 8);
    for (ir::Function& func : funcs) {
      u32 rule = 0;
      do {
        rule = choices.below(fuzzgen::num_shapes());
      } while (!fuzzgen::generate_shape(choices, options, rule, func));
    }
    return;
  }
  options.i128 = choices.one_in(3);
  options.vectors = choices.one_in(3);
  options.all_floats = choices.one_in(4);
  options.big_endian = choices.one_in(2);
  options.floats = !choices.one_in(5);
  options.try_calls = choices.one_in(4);
  // The interpreter makes no others.
  options.canonical_nans = false;
  options.max_functions = small ? 1 : 1 + choices.below(3);
  options.max_depth = small ? 1 : 1 + choices.below(4);
  options.max_insts_per_block = small ? 4 : 1 + choices.below(16);
  fuzzgen::generate(choices, options, funcs);
}

target::TargetSpec make_spec() {
  target::Flags flags;
  flags.opt_level = target::OptLevel::Speed;
  flags.enable_verifier = false;  // asked for here
  Result<target::TargetSpec> spec = target::parse_target("x86_64", flags);
  GANTRY_CHECK(spec.has_value());
  return *std::move(spec);
}

class Judge {
 public:
  // What is wrong, if anything is.
  std::string run(u64 seed, bool small, Counts& counts) {
    fuzzgen::Choices choices(seed);
    std::vector<ir::Function> before;
    generate(seed, small, choices, before);
    std::vector<ir::Function> after = before;
    for (usize i = 0; i < after.size(); ++i) {
      counts.insts_before += count_insts(before[i]);
      const std::string wrong = optimize(seed, choices, before[i], after[i]);
      if (!wrong.empty()) return report(seed, wrong, before[i], after[i]);
      counts.insts_after += count_insts(after[i]);
      ++counts.functions;
    }
    constexpr u64 kFuel = u64{1} << 18;
    // Moving out of a loop that runs once makes some calls a little longer.
    interp::Interpreter first({.fuel = kFuel}), second({.fuel = 16 * kFuel});
    for (const ir::Function& func : before) first.add_function(func);
    for (const ir::Function& func : after) second.add_function(func);
    for (usize i = 0; i < before.size(); ++i) {
      for (u32 call = 0; call < 4; ++call) {
        const std::vector<ir::DataValue> args =
            fuzzgen::generate_args(choices, before[i].signature);
        const interp::Outcome expected = first.run(before[i], args);
        if (expected.kind == interp::Outcome::Kind::OutOfFuel) {
          ++counts.endless;
          continue;
        }
        if (expected.kind == interp::Outcome::Kind::Unsupported) {
          ++counts.unsupported;
          continue;
        }
        const interp::Outcome actual = second.run(after[i], args);
        if (actual.kind != expected.kind || actual.trap != expected.trap ||
            actual.results != expected.results) {
          TextWriter what;
          what.write("(");
          for (usize arg = 0; arg < args.size(); ++arg) {
            if (arg != 0) what.write(", ");
            ir::print_data_value(args[arg], what);
          }
          what.write(") ");
          write_outcome(expected, what);
          what.write(", optimised ");
          write_outcome(actual, what);
          return report(seed, what.view(), before[i], after[i]);
        }
        ++counts.calls;
        counts.traps += expected.kind == interp::Outcome::Kind::Trapped ? 1 : 0;
      }
    }
    ++counts.programs;
    return {};
  }

  // Which rules never fired, and how many did.
  void print_rules() {
    const std::span<const u64> fired = opt::egraph_rule_counts(session_);
    u32 silent = 0;
    for (u32 rule = 0; rule < opt::isle_rule_count; ++rule) {
      if (fired[rule] != 0) continue;
      ++silent;
      const opt::IsleRule& row = opt::isle_rules[rule];
      std::printf("never fired: %s:%u %s\n", row.file, row.line,
                  row.name != nullptr ? row.name : "");
    }
    std::printf("%u of %u rules fired\n", opt::isle_rule_count - silent, opt::isle_rule_count);
  }

  // How often each rule fired, a line a rule as `gantry test --rule-coverage` writes it.
  bool write_rules(const char* path) {
    std::FILE* const file = std::fopen(path, "wb");
    if (file == nullptr) {
      std::perror(path);
      return false;
    }
    const std::span<const u64> fired = opt::egraph_rule_counts(session_);
    for (u32 rule = 0; rule < opt::isle_rule_count; ++rule) {
      const opt::IsleRule& row = opt::isle_rules[rule];
      std::fprintf(file, "%llu mid_end %s %s:%u %s\n", static_cast<unsigned long long>(fired[rule]),
                   row.term, row.file, row.line, row.name);
    }
    return std::fclose(file) == 0;
  }

 private:
  std::string optimize(u64 seed, fuzzgen::Choices& choices, const ir::Function& before,
                       ir::Function& func) {
    std::string wrong;
    const auto check = [&](std::string_view pass) {
      if (!wrong.empty()) return;
      const Result<void> valid = verifier::verify(func, {.has_isa = true});
      if (!valid.has_value())
        wrong = std::string(pass) + ": " + std::string(valid.error().message());
    };
    check("generated");
    if (!wrong.empty()) return wrong;
    if (choices.one_in(2)) {
      // The first few changes alone are right, too: bisecting relies on it.
      const bool is_limited = seed % 16 >= 14;
      session_.limit_fuel(seed / 16 % 64,
                          is_limited ? Session::Limited::AllChanges : Session::Limited::Nothing);
      const Result<void> done = codegen::optimize(func, spec_, session_);
      if (!done.has_value()) wrong = done.error().message();
      check("optimize");
    } else {
      for (u32 rounds = 1 + choices.below(2); rounds > 0 && wrong.empty(); --rounds) {
        opt::remove_unreachable_blocks(func, session_);
        func.dfg.resolve_all_aliases();
        opt::run_egraph(func, {.for_size = choices.one_in(4), .alias_analysis = !choices.one_in(8)},
                        session_);
        check("egraph");
      }
    }
    (void)before;
    session_.pass_arena().reset();
    return wrong;
  }

  Session session_;
  target::TargetSpec spec_ = make_spec();
};

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

int main(int argc, char** argv) {
  u64 seed = 0, limit = ~u64{0}, seconds = 0;
  bool rules = false, small = false;
  const char* coverage = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--rules") == 0) {
      rules = true;
      continue;
    }
    if (std::strcmp(argv[i], "--rule-coverage") == 0 && i + 1 < argc) {
      coverage = argv[++i];
      continue;
    }
    if (std::strcmp(argv[i], "--small") == 0) {
      small = true;
      continue;
    }
    u64* const number = std::strcmp(argv[i], "--seed") == 0      ? &seed
                        : std::strcmp(argv[i], "--count") == 0   ? &limit
                        : std::strcmp(argv[i], "--seconds") == 0 ? &seconds
                                                                 : nullptr;
    if (number == nullptr || i + 1 == argc) {
      std::fprintf(
          stderr,
          "usage: fuzz_opt_vs_interp [--seconds N | --count N] [--seed S] [--small] [--rules] "
          "[--rule-coverage FILE]\n"
          "--rules lists the rules that no program has fired, --rule-coverage counts all.\n");
      return 2;
    }
    *number = std::strtoull(argv[++i], nullptr, 0);
  }
  if (seconds == 0 && limit == ~u64{0}) limit = 1000;
  for (const int signal : {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGALRM})
    std::signal(signal, on_crash);

  const double started = now();
  Counts counts;
  Judge judge;
  std::string wrong;
  for (u64 i = 0; i < limit && wrong.empty(); ++i) {
    if (seconds != 0 && now() - started >= static_cast<double>(seconds)) break;
    current_seed = seed + i;
    ::alarm(60);
    wrong = judge.run(current_seed, small, counts);
  }
  if (rules) judge.print_rules();
  if (coverage != nullptr && !judge.write_rules(coverage)) return 2;
  const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%s%llu programs, %llu functions, %llu -> %llu instructions, %llu calls compared (%llu "
      "trap), "
      "%llu endless, %llu not supported, %.0f s\n",
      wrong.c_str(), number(counts.programs), number(counts.functions), number(counts.insts_before),
      number(counts.insts_after), number(counts.calls), number(counts.traps),
      number(counts.endless), number(counts.unsupported), now() - started);
  return wrong.empty() ? 0 : 1;
}

}  // namespace
}  // namespace gantry::fuzz

int main(int argc, char** argv) { return gantry::fuzz::main(argc, argv); }

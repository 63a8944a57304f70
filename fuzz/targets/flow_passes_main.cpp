// fuzz_flow_passes: random programs, interpreted before and after the passes that change the flow.
//
// Two kinds of programs by turns: graphs of blocks of any shape, and structured programs with every
// opcode. The function must verify after each pass, and do the same. Exit status 1 if it does not;
// the report names the seed.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "gantry/fuzzgen/generate_flow.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/canonicalize_nans.h"
#include "gantry/opt/clean_up_flow.h"
#include "gantry/opt/remove_constant_params.h"
#include "gantry/opt/remove_unreachable_blocks.h"
#include "gantry/verifier/verifier.h"

namespace gantry::fuzz {
namespace {

struct Counts {
  u64 programs = 0, functions = 0, changed = 0, insts_before = 0, insts_after = 0,
      blocks_before = 0, blocks_after = 0, calls = 0, traps = 0, endless = 0;
};

volatile u64 current_seed = 0;

void on_crash(int signal) {
  char text[64];
  const int size = std::snprintf(text, sizeof text, ";; seed %llu: signal %d\n",
                                 static_cast<unsigned long long>(current_seed), signal);
  if (::write(1, text, static_cast<usize>(size)) < 0) ::_exit(3);
  ::_exit(1);
}

void count(const ir::Function& func, u64& blocks, u64& insts) {
  for (const ir::Block block : func.layout.blocks()) {
    ++blocks;
    for ([[maybe_unused]] const ir::Inst inst : func.layout.insts(block)) ++insts;
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

void generate(u64 seed, fuzzgen::Choices& choices, std::vector<ir::Function>& funcs) {
  if (seed % 2 == 0) {
    fuzzgen::generate_flow(choices, 3 + choices.below(40), funcs);
    return;
  }
  fuzzgen::Options options;
  options.i128 = choices.one_in(3);
  options.vectors = choices.one_in(3);
  options.canonical_nans = false;  // the interpreter makes no others
  options.max_depth = 2 + choices.below(4);
  options.max_insts_per_block = 1 + choices.below(10);
  fuzzgen::generate(choices, options, funcs);
}

// What is wrong, if anything is.
std::string run(u64 seed, Session& session, Counts& counts) {
  fuzzgen::Choices choices(seed);
  std::vector<ir::Function> before;
  generate(seed, choices, before);
  std::vector<ir::Function> after = before;
  for (usize i = 0; i < after.size(); ++i) {
    ir::Function& func = after[i];
    std::string wrong;
    const auto check = [&](std::string_view pass) {
      if (!wrong.empty()) return;
      const Result<void> valid = verifier::verify(func, {.has_isa = true});
      if (valid.has_value()) return;
      wrong = std::string(pass) + ": " + std::string(valid.error().message());
    };
    check("generated");
    if (choices.one_in(2)) {
      opt::canonicalize_nans(func, session);
      check("canonicalize-nans");
    }
    if (choices.one_in(2)) {
      opt::remove_unreachable_blocks(func, session);
      check("remove-unreachable-blocks");
    }
    if (choices.one_in(2)) {
      func.dfg.resolve_all_aliases();
      opt::remove_constant_params(func, session);
      check("remove-constant-params");
    }
    count(before[i], counts.blocks_before, counts.insts_before);
    for (u32 rounds = 1 + choices.below(2); rounds > 0; --rounds) {
      const bool changed = opt::clean_up_flow(func, session);
      if (rounds == 1) counts.changed += changed ? 1 : 0;
      check("clean-up-flow");
      if (choices.one_in(2)) func.dfg.resolve_all_aliases();
      check("resolve-aliases");
      if (wrong.empty() && opt::remove_unreachable_blocks(func, session))
        wrong = "unreachable blocks left";
    }
    count(func, counts.blocks_after, counts.insts_after);
    ++counts.functions;
    session.pass_arena().reset();
    if (!wrong.empty()) return report(seed, wrong, before[i], func);
  }

  constexpr u64 kFuel = u64{1} << 14;
  // A conditional trap or select may stand for fewer instructions: the second may need a little
  // more.
  interp::Interpreter first({.fuel = kFuel}), second({.fuel = 2 * kFuel});
  for (const ir::Function& func : before) first.add_function(func);
  for (const ir::Function& func : after) second.add_function(func);
  for (usize i = 0; i < before.size(); ++i) {
    for (u32 call = 0; call < 3; ++call) {
      const std::vector<ir::DataValue> args = fuzzgen::generate_args(choices, before[i].signature);
      const interp::Outcome expected = first.run(before[i], args);
      if (expected.kind == interp::Outcome::Kind::OutOfFuel) {
        ++counts.endless;
        continue;
      }
      const interp::Outcome actual = second.run(after[i], args);
      if (actual.kind != expected.kind || actual.trap != expected.trap ||
          actual.results != expected.results) {
        return report(seed, "does something else", before[i], after[i]);
      }
      ++counts.calls;
      counts.traps += expected.kind == interp::Outcome::Kind::Trapped ? 1 : 0;
    }
  }
  ++counts.programs;
  return {};
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

int main(int argc, char** argv) {
  u64 seed = 0, limit = ~u64{0}, seconds = 0;
  for (int i = 1; i < argc; ++i) {
    u64* const number = std::strcmp(argv[i], "--seed") == 0      ? &seed
                        : std::strcmp(argv[i], "--count") == 0   ? &limit
                        : std::strcmp(argv[i], "--seconds") == 0 ? &seconds
                                                                 : nullptr;
    if (number == nullptr || i + 1 == argc) {
      std::fprintf(stderr, "usage: fuzz_flow_passes [--seconds N | --count N] [--seed S]\n");
      return 2;
    }
    *number = std::strtoull(argv[++i], nullptr, 0);
  }
  if (seconds == 0 && limit == ~u64{0}) limit = 1000;
  for (const int signal : {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGALRM})
    std::signal(signal, on_crash);

  const double started = now();
  Counts counts;
  Session session;
  std::string wrong;
  for (u64 i = 0; i < limit && wrong.empty(); ++i) {
    if (seconds != 0 && now() - started >= static_cast<double>(seconds)) break;
    current_seed = seed + i;
    ::alarm(60);
    wrong = run(current_seed, session, counts);
  }
  std::printf(
      "%s%llu programs, %llu functions (%llu changed by the last run), %llu -> %llu blocks, %llu "
      "-> "
      "%llu instructions, %llu calls compared (%llu trap), %llu endless, %.0f s\n",
      wrong.c_str(), static_cast<unsigned long long>(counts.programs),
      static_cast<unsigned long long>(counts.functions),
      static_cast<unsigned long long>(counts.changed),
      static_cast<unsigned long long>(counts.blocks_before),
      static_cast<unsigned long long>(counts.blocks_after),
      static_cast<unsigned long long>(counts.insts_before),
      static_cast<unsigned long long>(counts.insts_after),
      static_cast<unsigned long long>(counts.calls), static_cast<unsigned long long>(counts.traps),
      static_cast<unsigned long long>(counts.endless), now() - started);
  return wrong.empty() ? 0 : 1;
}

}  // namespace
}  // namespace gantry::fuzz

int main(int argc, char** argv) { return gantry::fuzz::main(argc, argv); }

// rule_examples: file tests for the rules of the mid-end.
//
//   rule_examples list    the rules, a line each: file and name
//   rule_examples find [--size] [--count N] [--seed S] [RULE...]    for each rule (default: all)
//   the simplest
//     function found that fires it, named after it, in order of the rules
//   rule_examples annotate FILE    the functions of a file with expectations: what the optimiser
//     makes of them, and calls with the results that the interpreter gets before it runs
//
// What is expected of calls comes from the interpreter and the function as written, which the
// optimiser has no part in.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "gantry/codegen/compile.h"
#include "gantry/fuzzgen/shapes.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/isa/lookup.h"
#include "gantry/opt/rule_table.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"

namespace gantry::fuzz {
namespace {

u32 count_insts(const ir::Function& func) {
  u32 count = 0;
  for (const ir::Block block : func.layout.blocks()) {
    for ([[maybe_unused]] const ir::Inst inst : func.layout.insts(block)) ++count;
  }
  return count;
}

target::TargetSpec make_spec(bool for_size) {
  target::Flags flags;
  flags.opt_level = for_size ? target::OptLevel::SpeedAndSize : target::OptLevel::Speed;
  Result<target::TargetSpec> spec = target::parse_target("x86_64", flags);
  GANTRY_CHECK(spec.has_value());
  return *std::move(spec);
}

// Arguments at the borders, and close to constants of the function before and after.
class Arguments {
 public:
  Arguments(const ir::Function& before, const ir::Function& after) : before_(before) {
    for (const ir::Function* const func : {&before, &after}) {
      for (const ir::Block block : func->layout.blocks()) {
        for (const ir::Inst inst : func->layout.insts(block)) {
          const ir::InstData& data = func->dfg[inst];
          if (data.opcode == ir::Opcode::Iconst || data.opcode == ir::Opcode::F32const ||
              data.opcode == ir::Opcode::F64const)
            constants_.push_back(data.wide());
        }
      }
    }
  }
  std::vector<ir::DataValue> next(fuzzgen::Choices& choices) {
    std::vector<ir::DataValue> args = fuzzgen::generate_args(choices, before_.signature);
    const bool all_zero = first_;
    first_ = false;
    for (usize i = 0; i < args.size(); ++i) {
      const ir::Type type = args[i].type;
      if (all_zero) {
        args[i] = ir::DataValue::from_bits(type, 0);
      } else if (i > 0 && type == args[i - 1].type && choices.one_in(4)) {
        args[i] = args[i - 1];
      } else if (!constants_.empty() && type.is_scalar() && type.bits() <= 64 &&
                 choices.one_in(3)) {
        const u64 constant = constants_[choices.below(static_cast<u32>(constants_.size()))];
        const u64 near = type.is_int() ? constant + choices.below(3) - 1 : constant;
        const u64 mask = ~u64{0} >> (64 - type.bits());
        args[i] = ir::DataValue::from_bits(type, (choices.one_in(4) ? 0 - near : near) & mask);
      }
    }
    return args;
  }

 private:
  const ir::Function& before_;
  std::vector<u64> constants_;
  bool first_ = true;
};

// The results, as text; empty if it does not return, or returns a NaN, whose sign and payload are
// open.
std::string results_of(const ir::Function& func, std::span<const ir::DataValue> args,
                       std::vector<ir::DataValue>& results) {
  interp::Interpreter interpreter({.fuel = 10000});
  interpreter.add_function(func);
  interp::Outcome outcome = interpreter.run(func, args);
  if (outcome.kind != interp::Outcome::Kind::Returned) return {};
  TextWriter text;
  for (const ir::DataValue& result : outcome.results) {
    ir::print_data_value(result, text);
    text.write(' ');
  }
  results = std::move(outcome.results);
  if (text.view().find("NaN") != std::string_view::npos) return {};
  return std::move(text).take();
}

struct Example {
  u32 score = ~u32{0};
  std::string text;
};

class Finder {
 public:
  explicit Finder(bool for_size) : spec_(make_spec(for_size)) {
    options_.i128 = options_.vectors = true;
    options_.canonical_nans = false;
    Result<target::TargetIsa*> isa = isa::lookup(spec_);
    GANTRY_CHECK(isa.has_value());
    isa_ = *isa;
  }
  ~Finder() { delete isa_; }

  void try_one(u32 rule, fuzzgen::Choices& choices) {
    ir::Function func;
    if (!fuzzgen::generate_shape(choices, options_, rule, func)) return;
    if (!verifier::verify(func, {.has_isa = true}).has_value()) return;
    const std::span<const u64> counts = opt::egraph_rule_counts(session_);
    before_.assign(counts.begin(), counts.end());
    ir::Function optimized = func;
    if (!codegen::optimize(optimized, spec_, session_).has_value()) return;
    session_.pass_arena().reset();
    fired_.clear();
    for (u32 i = 0; i < counts.size(); ++i) {
      if (counts[i] != before_[i]) fired_.push_back(i);
    }
    if (fired_.empty()) return;
    // Few instructions, few rules at once, different operands; common types before others.
    const u32 num_params = static_cast<u32>(func.signature.params.size());
    u32 score = 8 * count_insts(func) + 6 * static_cast<u32>(fired_.size());
    score += 12 - 3 * std::min(num_params, 4u);
    for (const ir::AbiParam& param : func.signature.params) {
      const bool is_common = param.type == ir::kI32 || param.type == ir::kI64;
      score += is_common ? 0 : param.type.is_vector() ? 4 : 2;
    }
    // Of rules that are looked for by themselves, instances of others are the worse choice.
    const auto score_for = [&](u32 one) {
      return score + (fuzzgen::is_root_shape(one) && one != rule ? 60 : 0);
    };
    bool better = false;
    for (const u32 one : fired_)
      better |= score_for(one) < examples_[opt::isle_rules[one].name].score;
    if (!better) return;
    // Always the same result is a poor test.
    Arguments arguments(func, optimized);
    fuzzgen::Choices for_args(1);
    std::set<std::string> outcomes;
    std::vector<ir::DataValue> results;
    for (u32 call = 0; call < 40; ++call) {
      std::string outcome = results_of(func, arguments.next(for_args), results);
      if (!outcome.empty()) outcomes.insert(std::move(outcome));
    }
    score += outcomes.empty() ? 100 : outcomes.size() == 1 ? 40 : outcomes.size() == 2 ? 4 : 0;
    // What no machine code can be made of is the last choice.
    ir::Function compiled = func;
    if (!codegen::compile(compiled, *isa_, session_).has_value()) score += 1000;
    func.name.text.clear();
    TextWriter text;
    ir::print(func, text);
    for (const u32 one : fired_) {
      Example& best = examples_[opt::isle_rules[one].name];
      if (score_for(one) < best.score) best = {score_for(one), std::string(text.view())};
    }
  }
  const Example* find(const std::string& name) const {
    const auto found = examples_.find(name);
    return found == examples_.end() ? nullptr : &found->second;
  }

 private:
  Session session_;
  target::TargetSpec spec_;
  target::TargetIsa* isa_;
  fuzzgen::Options options_;
  std::map<std::string, Example> examples_;
  std::vector<u64> before_;
  std::vector<u32> fired_;
};

int find(bool for_size, u64 seed, u64 count, const std::set<std::string>& wanted) {
  Finder finder(for_size);
  fuzzgen::Choices choices(seed);
  for (u64 round = 0; round < count; ++round) {
    for (u32 rule = 0; rule < fuzzgen::num_shapes(); ++rule) {
      if (fuzzgen::is_root_shape(rule)) finder.try_one(rule, choices);
    }
  }
  int missing = 0;
  const char* file = "";
  for (u32 rule = 0; rule < opt::isle_rule_count; ++rule) {
    const opt::IsleRule& row = opt::isle_rules[rule];
    if (!wanted.empty() && !wanted.contains(row.name)) continue;
    if (std::strcmp(file, row.file) != 0) {
      file = row.file;
      std::printf("; ---- %s\n", file);
    }
    const Example* const example = finder.find(row.name);
    if (example == nullptr) {
      ++missing;
      std::printf("\n; not found: %s\n", row.name);
      continue;
    }
    const std::string& text = example->text;
    const usize name = text.find('%');
    std::printf("\n%s%%%s%s", text.substr(0, name).c_str(), row.name, text.c_str() + name + 1);
  }
  return missing == 0 ? 0 : 1;
}

// ---- annotate

std::string call_text(const ir::Function& func, std::span<const ir::DataValue> args,
                      std::span<const ir::DataValue> results) {
  TextWriter out;
  const auto list = [&](std::span<const ir::DataValue> values) {
    for (usize i = 0; i < values.size(); ++i) {
      if (i != 0) out.write(", ");
      ir::print_data_value(values[i], out);
    }
  };
  out.write("; run: ");
  ir::print_function_name(func.name, out);
  out.write('(');
  list(args);
  out.write(')');
  if (!results.empty()) {
    out.write(" == ");
    if (results.size() > 1) out.write('[');
    list(results);
    if (results.size() > 1) out.write(']');
  }
  return std::move(out).take();
}

// Calls, of which as many as possible have results of their own.
std::string calls_of(const ir::Function& func, const ir::Function& after) {
  static constexpr u32 kAttempts = 400;
  static constexpr u32 kLines = 6;
  fuzzgen::Choices choices(1);
  Arguments arguments(func, after);
  std::string text;
  std::set<std::string> calls, outcomes;
  u32 lines = 0;
  for (u32 pass = 0; pass < 2; ++pass) {
    for (u32 attempt = 0; attempt < kAttempts && lines < kLines; ++attempt) {
      const std::vector<ir::DataValue> args = arguments.next(choices);
      std::vector<ir::DataValue> results;
      std::string outcome = results_of(func, args, results);
      if (outcome.empty()) continue;
      std::string call = call_text(func, args, results);
      if (pass == 0 && !outcomes.insert(std::move(outcome)).second) continue;
      if (!calls.insert(call).second) continue;
      text += call + "\n";
      ++lines;
    }
  }
  return text;
}

int annotate(const char* path) {
  std::FILE* const file = std::fopen(path, "rb");
  if (file == nullptr) {
    std::perror(path);
    return 1;
  }
  std::string text;
  char buffer[1 << 16];
  while (const usize size = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, size);
  std::fclose(file);
  reader::Reader reader(text, {});
  bool for_size = false;
  for (const reader::HeaderLine& line : reader.header().lines) {
    for (const std::string_view word : line.words) for_size |= word == "opt_level=speed_and_size";
  }
  // The header stays as it is.
  std::fputs(text.substr(0, text.find("function ")).c_str(), stdout);
  const target::TargetSpec spec = make_spec(for_size);
  Session session;
  bool first = true;
  for (;;) {
    ir::Function func;
    if (!reader.next(func)) break;
    if (reader.errors_in_last() != 0) continue;
    TextWriter out;
    if (!first) out.write('\n');
    first = false;
    ir::print(func, out);
    ir::Function optimized = func;
    const Result<void> done = codegen::optimize(optimized, spec, session);
    if (!done.has_value()) {
      std::fprintf(stderr, "%s: %s\n", path, std::string(done.error().message()).c_str());
      return 1;
    }
    session.pass_arena().reset();
    TextWriter after;
    ir::print(optimized, after);
    std::string_view rest = after.view();
    const char* directive = "; check: ";
    rest.remove_prefix(rest.find("block"));
    while (!rest.starts_with("}")) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() + 1);
      const usize begin = line.find_first_not_of(' ');
      if (begin == std::string_view::npos) {
        directive = "; check: ";
        continue;
      }
      out.line(directive, line.substr(begin));
      directive = "; nextln: ";
    }
    out.write(calls_of(func, optimized));
    std::fputs(std::string(out.view()).c_str(), stdout);
  }
  for (const Diagnostic& diagnostic : reader.diagnostics()) {
    TextWriter out;
    render(diagnostic, "rule_examples", text, out);
    std::fputs(std::string(out.view()).c_str(), stderr);
    return 1;
  }
  return 0;
}

int usage() {
  std::fprintf(stderr,
               "usage: rule_examples list\n"
               "       rule_examples find [--size] [--count N] [--seed S] [RULE...]\n"
               "       rule_examples annotate FILE\n");
  return 2;
}

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "annotate") == 0) return annotate(argv[2]);
  if (argc == 2 && std::strcmp(argv[1], "list") == 0) {
    for (u32 rule = 0; rule < opt::isle_rule_count; ++rule)
      std::printf("%s %s\n", opt::isle_rules[rule].file, opt::isle_rules[rule].name);
    return 0;
  }
  if (argc < 2 || std::strcmp(argv[1], "find") != 0) return usage();
  u64 seed = 0, count = 200;
  std::set<std::string> wanted;
  bool for_size = false;
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "--size") == 0) {
      for_size = true;
      continue;
    }
    if (argv[i][0] != '-') {
      wanted.insert(argv[i]);
      continue;
    }
    u64* const number = std::strcmp(argv[i], "--seed") == 0    ? &seed
                        : std::strcmp(argv[i], "--count") == 0 ? &count
                                                               : nullptr;
    if (number == nullptr || i + 1 == argc) return usage();
    *number = std::strtoull(argv[++i], nullptr, 0);
  }
  return find(for_size, seed, count, wanted);
}

}  // namespace
}  // namespace gantry::fuzz

int main(int argc, char** argv) { return gantry::fuzz::main(argc, argv); }

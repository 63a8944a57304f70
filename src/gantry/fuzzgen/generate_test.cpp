#include "gantry/fuzzgen/generate.h"

#include <gtest/gtest.h>

#include <set>

#include "gantry/fuzzgen/shapes.h"
#include "gantry/interp/interpreter.h"
#include "gantry/verifier/verifier.h"

namespace gantry::fuzzgen {
namespace {

using interp::Interpreter;
using interp::Outcome;

struct Tally {
  u64 returned = 0, trapped = 0, insts = 0;
  std::set<ir::Opcode> opcodes;
};

bool passes_the_verifier(verifier::Verifier& verifier, const ir::Function& func) {
  verifier::Environment environment;
  environment.has_isa = true;
  std::vector<verifier::Finding> findings;
  if (verifier.verify(func, environment, findings)) return true;
  TextWriter out;
  write_finding(findings[0], out);
  ADD_FAILURE() << out.view();
  return false;
}

void run_all(u32 count, const Options& options, Tally& tally) {
  std::vector<ir::Function> funcs;
  verifier::Verifier verifier;
  for (u32 seed = 0; seed < count; ++seed) {
    Choices choices(seed);
    generate(choices, options, funcs);
    for (const ir::Function& func : funcs) {
      ASSERT_TRUE(passes_the_verifier(verifier, func)) << "seed " << seed;
    }
    interp::Options limits;
    limits.fuel = kMaxExecutedInsts;
    Interpreter interpreter(limits);
    for (const ir::Function& func : funcs) {
      interpreter.add_function(func);
      for (const ir::Block block : func.layout.blocks()) {
        for (const ir::Inst inst : func.layout.insts(block)) {
          tally.opcodes.insert(func.dfg.opcode(inst));
          ++tally.insts;
        }
      }
    }
    const Outcome outcome = interpreter.run(funcs[0], generate_args(choices, funcs[0].signature));
    ASSERT_TRUE(outcome.kind == Outcome::Kind::Returned || outcome.kind == Outcome::Kind::Trapped)
        << seed << ": " << static_cast<int>(outcome.kind) << " " << outcome.message;
    ++(outcome.kind == Outcome::Kind::Returned ? tally.returned : tally.trapped);
  }
}

TEST(Generate, is_valid_and_ends) {
  Tally tally;
  run_all(10000, {}, tally);
  EXPECT_GT(tally.returned, 5000u);
  EXPECT_GT(tally.trapped, 200u);
}

TEST(Generate, uses_every_opcode_it_can) {
  Options options;
  options.i128 = options.vectors = options.big_endian = options.x86_opcodes = true;
  Tally tally;
  run_all(3000, options, tally);
  // Frames, threads, other stacks, dynamic vectors, exceptions, formats that are off, and what
  // stops a debugger.
  static constexpr std::string_view kNever[] = {"debugtrap",
                                                "try_call",
                                                "try_call_indirect",
                                                "stack_switch",
                                                "dynamic_stack_addr",
                                                "symbol_value",
                                                "tls_value",
                                                "get_pinned_reg",
                                                "set_pinned_reg",
                                                "get_frame_pointer",
                                                "get_stack_pointer",
                                                "get_return_address",
                                                "get_exception_handler_address",
                                                "f16const",
                                                "f128const",
                                                "extract_vector"};
  const std::set<std::string_view> never(std::begin(kNever), std::end(kNever));
  for (u32 i = 0; i < meta::kNumOpcodes; ++i) {
    const ir::Opcode op = static_cast<ir::Opcode>(i);
    EXPECT_NE(tally.opcodes.contains(op), never.contains(ir::name_of(op))) << ir::name_of(op);
  }
}

TEST(Generate, is_a_function_of_its_choices) {
  std::vector<ir::Function> first, second;
  for (u32 seed = 0; seed < 50; ++seed) {
    Choices a(seed), b(seed);
    generate(a, {}, first);
    generate(b, {}, second);
    ASSERT_EQ(first.size(), second.size());
    for (usize i = 0; i < first.size(); ++i) {
      ASSERT_EQ(first[i].dfg.num_insts(), second[i].dfg.num_insts());
      for (u32 j = 0; j < first[i].dfg.num_insts(); ++j) {
        const ir::Inst inst = ir::Inst::from_index(j);
        ASSERT_EQ(first[i].dfg[inst], second[i].dfg[inst]);
      }
    }
  }
}

TEST(Generate, takes_any_bytes) {
  std::vector<ir::Function> funcs;
  std::vector<u8> bytes;
  for (u32 i = 0; i < 600; ++i) {
    Choices choices{std::span<const u8>(bytes)};
    generate(choices, {}, funcs);
    Interpreter interpreter({});
    for (const ir::Function& func : funcs) interpreter.add_function(func);
    const Outcome outcome = interpreter.run(funcs[0], generate_args(choices, funcs[0].signature));
    ASSERT_TRUE(outcome.kind == Outcome::Kind::Returned || outcome.kind == Outcome::Kind::Trapped)
        << outcome.message;
    bytes.push_back(static_cast<u8>(i * i * 31 + i / 7));
  }
}

TEST(Shapes, are_valid_and_few_are_not_found) {
  Options options;
  options.i128 = options.vectors = options.all_floats = true;
  options.canonical_nans = false;
  Choices choices(1);
  verifier::Verifier verifier;
  std::string not_found;
  u32 count = 0;
  for (u32 rule = 0; rule < num_shapes(); ++rule) {
    if (!is_root_shape(rule)) continue;
    bool found = false;
    for (u32 attempt = 0; attempt < 20; ++attempt) {
      ir::Function func;
      if (!generate_shape(choices, options, rule, func)) continue;
      found = true;
      ASSERT_TRUE(passes_the_verifier(verifier, func)) << shape_name(rule);
    }
    if (found) continue;
    not_found += " " + std::string(shape_name(rule));
    ++count;
  }
  // Accesses to memory want addresses, which `generate` has.
  EXPECT_LE(count, 11u) << not_found;
}

}  // namespace
}  // namespace gantry::fuzzgen

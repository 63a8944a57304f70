// Which loops are unrolled and which are left alone, within which limits, and that random programs
// still do the same.
#include <gtest/gtest.h>

#include <cstdlib>

#include "gantry/analysis/flow.h"
#include "gantry/fuzzgen/generate.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/clean_up_flow.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/opt/unroll_loops.h"
#include "gantry/reader/reader.h"
#include "gantry/support/limits.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

std::string text_of(const ir::Function& func) {
  TextWriter out;
  ir::print(func, out);
  return std::move(out).take();
}

void expect_valid(const ir::Function& func, const char* when) {
  const Result<void> valid = verifier::verify(func, {.has_isa = true});
  ASSERT_TRUE(valid.has_value()) << when << ": " << valid.error().message() << "\n"
                                 << text_of(func);
}

void read(std::string_view text, ir::Function& func) {
  reader::Reader reader(text, {});
  reader.header();
  ASSERT_TRUE(reader.next(func)) << text;
  ASSERT_TRUE(reader.diagnostics().empty()) << text;
  ASSERT_NO_FATAL_FAILURE(expect_valid(func, "as written"));
}

u32 count(const ir::Function& func, ir::Opcode opcode) {
  u32 found = 0;
  for (const ir::Block block : func.layout.blocks()) {
    for (const ir::Inst inst : func.layout.insts(block)) found += func.dfg.opcode(inst) == opcode;
  }
  return found;
}

// Whether the pass changed the function, which must stay valid.
bool unroll(ir::Function& func, UnrollOptions options = {}) {
  Session session;
  const bool changed = unroll_loops(func, compute_control_flow(func, session), options, session);
  expect_valid(func, "unrolled");
  return changed;
}

// How often `opcode` is there afterwards; 0 if the pass changed nothing.
u32 copies_of(ir::Opcode opcode, std::string_view text, UnrollOptions options = {}) {
  ir::Function func;
  read(text, func);
  const std::string before = text_of(func);
  if (!unroll(func, options)) {
    EXPECT_EQ(before, text_of(func));
    return 0;
  }
  return count(func, opcode);
}

// A loop from 0 to `limit` in steps of 1 around `body`.
std::string counted(std::string_view limit, std::string_view body) {
  TextWriter out;
  out.put(
      "function %f(i64, i64) {\nblock0(v0: i64, v1: i64):\n v2 = iconst.i64 0\n v3 = iconst.i64 ",
      limit == "v1" ? "0" : limit, "\n jump block1(v2)\nblock1(v4: i64):\n v5 = icmp ult v4, ",
      limit == "v1" ? "v1" : "v3", "\n brif v5, block2, block3\nblock2:\n", body,
      " v6 = iconst.i64 1\n v7 = iadd v4, v6\n jump block1(v7)\nblock3:\n return\n}\n");
  return std::move(out).take();
}
constexpr std::string_view kStore = " store v4, v0\n";

TEST(UnrollLoops, known_rounds_up_to_the_policy) {
  const auto stores = [](u32 rounds) {
    TextWriter number;
    number.put(rounds);
    return copies_of(ir::Opcode::Store, counted(number.view(), kStore));
  };
  for (const u32 rounds : {1u, 2u, 3u, 8u, 19u}) EXPECT_EQ(stores(rounds), rounds) << rounds;
  // icmp, brif, store and iadd: four instructions a round.
  EXPECT_EQ(stores(unroll_policy::kFullInsts / 4), unroll_policy::kFullInsts / 4);
  // One round more: as many under one test as any loop that counts gets, and the loop as it was.
  EXPECT_EQ(stores(unroll_policy::kFullInsts / 4 + 1), unroll_policy::kCountedRounds + 1);
  // None: the branch is decided, and the body is not reached.
  ir::Function func;
  read(counted("0", kStore), func);
  EXPECT_TRUE(unroll(func));
  EXPECT_EQ(count(func, ir::Opcode::Brif), 0u);
}

TEST(UnrollLoops, unknown_rounds) {
  EXPECT_EQ(copies_of(ir::Opcode::Store, counted("v1", kStore)), unroll_policy::kCountedRounds + 1);
  // The limit is computed in the loop.
  const std::string_view walk = R"(function %f(i64) {
block0(v0: i64):
 jump block1(v0)
block1(v1: i64):
 v2 = load.i64 v1
 brif v2, block1(v2), block2
block2:
 return
})";
  EXPECT_EQ(copies_of(ir::Opcode::Load, walk), unroll_policy::kPartRounds);
}

TEST(UnrollLoops, for_size_only_what_does_not_grow) {
  const UnrollOptions for_size{.for_size = true};
  EXPECT_EQ(copies_of(ir::Opcode::Store, counted("1", kStore), for_size), 1u);
  EXPECT_EQ(copies_of(ir::Opcode::Store, counted("2", kStore), for_size), 0u);
  EXPECT_EQ(copies_of(ir::Opcode::Store, counted("v1", kStore), for_size), 0u);
}

TEST(UnrollLoops, loops_too_large_stay) {
  // Multiplications on top of icmp, brif, iadd.
  const auto products = [](u32 number) {
    TextWriter body;
    for (u32 i = 0; i < number; ++i) body.put(" v", 10 + i, " = imul v4, v1\n");
    return copies_of(ir::Opcode::Imul, counted("v1", body.view()));
  };
  constexpr u32 kRest = 3;
  u32 most = unroll_policy::kCountedInsts - kRest;
  EXPECT_EQ(products(most), most * (unroll_policy::kCountedRounds + 1));
  ++most;
  EXPECT_EQ(products(most), most * unroll_policy::kPartRounds);
  most = unroll_policy::kPartInsts - kRest;
  EXPECT_EQ(products(most), most * unroll_policy::kPartRounds);
  EXPECT_EQ(products(most + 1), 0u);
  // Sums of floats wait for each other.
  const auto float_products = [](u32 number) {
    TextWriter body;
    body.put(" v9 = fcvt_from_sint.f64 v4\n");
    for (u32 i = 0; i < number; ++i) body.put(" v", 10 + i, " = fmul v9, v9\n");
    return copies_of(ir::Opcode::Fmul, counted("v1", body.view()));
  };
  most = unroll_policy::kFloatInsts - kRest - 1;
  EXPECT_EQ(float_products(most), most * unroll_policy::kPartRounds);
  EXPECT_EQ(float_products(most + 1), 0u);
}

// Constants weigh nothing, but are copied.
TEST(UnrollLoops, loops_of_very_many_constants_stay) {
  const auto text = [](u64 constants) {
    TextWriter body;
    for (u64 i = 0; i < constants; ++i) body.put(" v", 10 + i, " = iconst.i64 ", i, "\n");
    body.put(" store v4, v0\n");
    return counted("v1", body.view());
  };
  // icmp, brif, store, iconst, iadd, jump and its argument.
  const u64 most = limits::kMaxUnrolledLoopInsts.value - 7;
  EXPECT_NE(copies_of(ir::Opcode::Store, text(most)), 0u);
  EXPECT_EQ(copies_of(ir::Opcode::Store, text(most + 1)), 0u);
}

// Many loops: what is added stays within a multiple of what was there.
TEST(UnrollLoops, growth_is_bounded) {
  TextWriter out;
  out.put("function %f(i64) {\nblock0(v0: i64):\n v1 = iconst.i64 0\n jump block1(v1)\n");
  constexpr u32 kLoops = 300;
  for (u32 i = 0; i < kLoops; ++i) {
    const u32 block = 2 * i + 1, value = 10 * i + 10;
    out.put("block", block, "(v", value, ": i64):\n v", value + 1,
            " = iconst.i64 1\n store v0, v0\n v", value + 2, " = iadd v", value, ", v", value + 1,
            "\n v", value + 3, " = iconst.i64 20\n v", value + 4, " = icmp ne v", value + 2, ", v",
            value + 3, "\n brif v", value + 4, ", block", block, "(v", value + 2, "), block",
            block + 1, "\nblock", block + 1, ":\n");
    if (i + 1 == kLoops) {
      out.put(" return\n}\n");
    } else {
      out.put(" jump block", block + 2, "(v1)\n");
    }
  }
  ir::Function func;
  read(out.view(), func);
  const u64 before = func.dfg.num_insts();
  EXPECT_TRUE(unroll(func));
  EXPECT_LE(func.dfg.num_insts(),
            before * (1 + limits::kMaxUnrollGrowth.value) + limits::kMinUnrollGrowth.value);
  EXPECT_GT(func.dfg.num_insts(), before * 2);
}

TEST(UnrollLoops, fuel_counts_loops) {
  u64 fuel = 0;
  EXPECT_EQ(copies_of(ir::Opcode::Store, counted("3", kStore), {.fuel = &fuel}), 0u);
  fuel = 1;
  EXPECT_EQ(copies_of(ir::Opcode::Store, counted("3", kStore), {.fuel = &fuel}), 3u);
  EXPECT_EQ(fuel, 0u);
}

TEST(UnrollLoops, copies_have_the_places_of_their_originals) {
  ir::Function func;
  read(counted("3", " sequence_point\n store v4, v0\n"), func);
  for (const ir::Block block : func.layout.blocks()) {
    for (const ir::Inst inst : func.layout.insts(block)) {
      if (func.dfg.opcode(inst) != ir::Opcode::SequencePoint) continue;
      func.set_source_loc(inst, 77);
      const ir::DebugTag tag{false, 5};
      func.set_debug_tags(inst, {&tag, 1});
    }
  }
  EXPECT_TRUE(unroll(func));
  u32 found = 0;
  for (const ir::Block block : func.layout.blocks()) {
    for (const ir::Inst inst : func.layout.insts(block)) {
      if (func.dfg.opcode(inst) != ir::Opcode::SequencePoint) continue;
      EXPECT_EQ(func.source_loc(inst), 77u);
      ASSERT_EQ(func.debug_tags(inst).size(), 1u);
      EXPECT_EQ(func.debug_tags(inst)[0].value, 5u);
      ++found;
    }
  }
  EXPECT_EQ(found, 3u);
}

// A constant of one loop is another's limit, and its step: it stays a constant.
TEST(UnrollLoops, constants_of_one_loop_used_in_the_next) {
  EXPECT_EQ(copies_of(ir::Opcode::Imul, R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
 v2 = iconst.i64 0
 jump block1(v2)
block1(v3: i64):
 v4 = iconst.i64 1
 v5 = iadd v3, v4
 v6 = icmp ult v5, v0
 brif v6, block1(v5), block2(v2, v5)
block2(v7: i64, v8: i64):
 v9 = iadd v7, v4
 v10 = imul v8, v8
 v11 = icmp ult v9, v1
 brif v11, block2(v9, v10), block3
block3:
 v12 = iadd v10, v4
 return v12
})"),
            unroll_policy::kCountedRounds + 1);
}

// ---- random programs

struct Tally {
  u64 functions = 0, unrolled = 0, returned = 0;
};

void compare_random(u32 seed, Tally& tally) {
  fuzzgen::Options options;
  options.i128 = seed % 3 == 0;
  options.max_functions = 1 + seed % 2;
  std::vector<ir::Function> before, after;
  fuzzgen::Choices choices(seed), again(seed);
  fuzzgen::generate(choices, options, before);
  fuzzgen::generate(again, options, after);
  Session session;
  for (ir::Function& func : after) {
    u64 fuel = ~u64{0};
    if (seed % 4 == 0) clean_up_flow(func, session);
    unroll_loops(func, compute_control_flow(func, session),
                 {.for_size = seed % 16 == 15, .fuel = &fuel}, session);
    ASSERT_NO_FATAL_FAILURE(expect_valid(func, "unrolled")) << seed;
    tally.unrolled += ~u64{0} - fuel;
    ++tally.functions;
  }
  interp::Options limits;
  limits.fuel = u64{1} << 20;
  interp::Interpreter one(limits), two(limits);
  for (const ir::Function& func : before) one.add_function(func);
  for (const ir::Function& func : after) two.add_function(func);
  for (u32 call = 0; call < 3; ++call) {
    const std::vector<ir::DataValue> args = fuzzgen::generate_args(choices, before[0].signature);
    const interp::Outcome want = one.run(before[0], args), have = two.run(after[0], args);
    if (want.kind == interp::Outcome::Kind::OutOfFuel ||
        have.kind == interp::Outcome::Kind::OutOfFuel)
      break;
    ASSERT_EQ(want.kind, have.kind) << seed << ": " << want.message << have.message;
    ASSERT_EQ(want.results, have.results) << seed << "\n"
                                          << text_of(before[0]) << text_of(after[0]);
    if (want.kind == interp::Outcome::Kind::Trapped) {
      ASSERT_EQ(want.trap.code, have.trap.code) << seed;
    }
    tally.returned += want.kind == interp::Outcome::Kind::Returned ? 1 : 0;
  }
}

// GANTRY_OPT_PROGRAMS=n runs more of them.
TEST(UnrollLoops, random_programs_do_the_same) {
  const char* wanted = std::getenv("GANTRY_OPT_PROGRAMS");
  const u32 programs = wanted != nullptr ? static_cast<u32>(std::atoi(wanted)) : 1500;
  Tally tally;
  for (u32 seed = 0; seed < programs; ++seed) ASSERT_NO_FATAL_FAILURE(compare_random(seed, tally));
  std::printf("%llu functions, %llu loops unrolled, %llu calls returned\n",
              static_cast<unsigned long long>(tally.functions),
              static_cast<unsigned long long>(tally.unrolled),
              static_cast<unsigned long long>(tally.returned));
  EXPECT_GT(tally.unrolled * 4, tally.functions);
  EXPECT_GT(tally.returned, tally.functions);
}

}  // namespace
}  // namespace gantry::opt

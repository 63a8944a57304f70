// The e-graph pass by itself: text in, text out. Every function is verified afterwards, and
// interpreted before and after on border cases; what a test expects of the text says that the step
// happened at all.
#include <gtest/gtest.h>

#include "gantry/fuzzgen/generate.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/graph.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/reader/reader.h"
#include "gantry/support/limits.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

constexpr u32 kCalls = 64;

void expect_same(const std::vector<ir::Function>& before, const std::vector<ir::Function>& after) {
  interp::Interpreter first({.fuel = 1u << 20}), second({.fuel = 1u << 20});
  for (const ir::Function& func : before) first.add_function(func);
  for (const ir::Function& func : after) second.add_function(func);
  fuzzgen::Choices choices(1);
  for (usize i = 0; i < before.size(); ++i) {
    for (u32 call = 0; call < kCalls; ++call) {
      const std::vector<ir::DataValue> args = fuzzgen::generate_args(choices, before[i].signature);
      const interp::Outcome expected = first.run(before[i], args),
                            actual = second.run(after[i], args);
      if (expected.kind == interp::Outcome::Kind::Unsupported ||
          expected.kind == interp::Outcome::Kind::BadInput)
        return;
      ASSERT_EQ(expected.kind, actual.kind) << actual.message;
      ASSERT_EQ(expected.trap, actual.trap);
      ASSERT_EQ(expected.results, actual.results);
    }
  }
}

// What becomes of the first function of the text; all of them are optimised.
std::string optimized(std::string_view text, const EgraphOptions& options = {}) {
  reader::Reader reader(text, {});
  reader.header();
  std::vector<ir::Function> before;
  ir::Function read;
  while (reader.next(read)) before.push_back(read);
  EXPECT_TRUE(reader.diagnostics().empty())
      << (reader.diagnostics().empty() ? "" : reader.diagnostics()[0].message);
  EXPECT_FALSE(before.empty());
  if (before.empty() || ::testing::Test::HasFailure()) return {};
  std::vector<ir::Function> after = before;
  Session session;
  for (ir::Function& func : after) {
    const Result<void> valid = verifier::verify(func, {.has_isa = true});
    EXPECT_TRUE(valid.has_value())
        << "given: " << (valid.has_value() ? "" : valid.error().message());
    if (!valid.has_value()) return {};
    run_egraph(func, options, session);
    const Result<void> still = verifier::verify(func, {.has_isa = true});
    TextWriter out;
    ir::print(func, out);
    EXPECT_TRUE(still.has_value()) << (still.has_value() ? "" : still.error().message()) << "\n"
                                   << out.view();
  }
  expect_same(before, after);
  TextWriter out;
  ir::print(after[0], out);
  return std::move(out).take();
}

u32 count(std::string_view text, std::string_view word) {
  u32 found = 0;
  for (usize at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    ++found;
  return found;
}
bool has(std::string_view text, std::string_view word) { return count(text, word) != 0; }
// The lines of a block.
std::string block(std::string_view text, std::string_view name) {
  usize begin = text.find("\n" + std::string(name) + ":");
  if (begin == std::string_view::npos) begin = text.find("\n" + std::string(name) + "(");
  if (begin == std::string_view::npos) begin = text.find("\n" + std::string(name) + " ");
  EXPECT_NE(begin, std::string_view::npos) << name << " of " << text;
  if (begin == std::string_view::npos) return {};
  const usize end = text.find("\nblock", begin + 1);
  return std::string(text.substr(begin, end - begin));
}

// ---- equal computations

// What matchers rely on: a reference to a record outlives the arrays it was found in.
TEST(Graph, records_stay_readable_while_nodes_are_made) {
  Graph graph;
  graph.clear(0);
  ir::InstData data;
  data.opcode = ir::Opcode::Iconst;
  data.set_wide(42);
  const Node node = graph.push(data, {}, Facts::unknown(), 0);
  const ir::InstData& record = graph[node];
  for (u32 i = 0; i < 100000; ++i) graph.push({}, {}, Facts::unknown(), 0);
  EXPECT_NE(&record, &graph[node]);
  EXPECT_EQ(record, graph[node]);
  graph.release_old_records();
  EXPECT_EQ(graph[node], data);
}

TEST(Egraph, equal_operations_of_two_arms_are_computed_once_above) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = imul v0, v1
  brif v2, block1, block2
block1:
  v3 = imul v1, v0
  return v3
block2:
  v4 = imul v0, v1
  v5 = iadd v4, v1
  return v5
})");
  EXPECT_EQ(count(text, "imul"), 1u) << text;
}

TEST(Egraph, what_one_arm_uses_sinks_into_it) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = imul v0, v1
  brif v0, block1, block2
block1:
  return v1
block2:
  return v2
})");
  EXPECT_FALSE(has(block(text, "block0"), "imul")) << text;
  EXPECT_TRUE(has(block(text, "block2"), "imul")) << text;
}

TEST(Egraph, invariants_leave_all_loops_around_them) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = iconst.i32 3
  v20 = iconst.i32 0
  jump block1(v2, v20)
block1(v3: i32, v4: i32):
  v5 = iconst.i32 2
  jump block2(v5, v4)
block2(v6: i32, v7: i32):
  v8 = imul v0, v1
  v9 = imul v3, v1
  v10 = iadd v7, v8
  v11 = iadd v10, v9
  v12 = iconst.i32 1
  v13 = isub v6, v12
  brif v13, block2(v13, v11), block3
block3:
  v14 = isub v3, v12
  brif v14, block1(v14, v11), block4
block4:
  return v11
})");
  EXPECT_TRUE(has(block(text, "block0"), "imul v0, v1")) << text;
  EXPECT_TRUE(has(block(text, "block1"), "imul")) << text;
  EXPECT_FALSE(has(block(text, "block2"), "imul")) << text;
}

TEST(Egraph, nothing_moves_into_a_loop) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = imul v0, v1
  v3 = iconst.i32 5
  jump block1(v3, v0)
block1(v4: i32, v5: i32):
  v6 = bxor v5, v2
  v17 = iconst.i32 -1
  v7 = iadd v4, v17
  brif v7, block1(v7, v6), block2
block2:
  return v6
})");
  EXPECT_TRUE(has(block(text, "block0"), "imul")) << text;
}

TEST(Egraph, constants_are_made_in_each_block_that_uses_them) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = iconst.i32 -12345
  brif v0, block1, block2
block1:
  v3 = imul v1, v2
  return v3
block2:
  v4 = iadd v1, v2
  return v4
})");
  EXPECT_FALSE(has(block(text, "block0"), "12345")) << text;
  EXPECT_TRUE(has(block(text, "block1"), "iconst.i32 -12345")) << text;
  EXPECT_TRUE(has(block(text, "block2"), "iconst.i32 -12345")) << text;
}

TEST(Egraph, tuples_are_one_operation_with_projections) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32, i8, i32 {
block0(v0: i32, v1: i32):
  v2, v3 = uadd_overflow v0, v1
  v4, v5 = uadd_overflow v1, v0
  v6 = iadd v2, v4
  return v2, v5, v6
})");
  EXPECT_EQ(count(text, "uadd_overflow"), 1u) << text;
}

TEST(Egraph, projections_of_constants_are_constants) {
  const std::string text = optimized(R"(function %f() -> i8, i8 {
block0:
  v0 = iconst.i8 200
  v1, v2 = uadd_overflow v0, v0
  return v1, v2
})");
  EXPECT_FALSE(has(text, "uadd_overflow")) << text;
  EXPECT_TRUE(has(text, "iconst.i8 1\n")) << text;
}

// ---- block parameters and edges

TEST(Egraph, a_parameter_that_all_edges_give_the_same_is_that) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  v2 = iadd v0, v1
  jump block3(v2)
block2:
  v3 = iadd v1, v0
  jump block3(v3)
block3(v4: i32):
  v5 = isub v4, v1
  return v5
})");
  EXPECT_TRUE(has(text, "block3:")) << text;
}

TEST(Egraph, parameters_nobody_needs_go_also_around_loops) {
  const std::string text = optimized(R"(function %f(i32) -> i32 {
block0(v0: i32):
  v1 = iconst.i32 1
  jump block1(v0, v1)
block1(v2: i32, v3: i32):
  v4 = imul v3, v3
  v5 = iadd v4, v2
  v16 = iconst.i32 1
  v6 = ushr v2, v16
  brif v6, block1(v6, v5), block2(v5)
block2(v7: i32):
  return v0
})");
  EXPECT_TRUE(has(text, "block1(v2: i32):")) << text;
  EXPECT_FALSE(has(text, "imul")) << text;
  EXPECT_TRUE(has(text, "block2:")) << text;
}

TEST(Egraph, facts_of_a_parameter_are_what_all_edges_have_in_common) {
  // Both arms give less than 16.
  const std::string text = optimized(R"(function %f(i32, i32) -> i8 {
block0(v0: i32, v1: i32):
  v2 = iconst.i32 15
  v3 = band v0, v2
  v4 = iconst.i32 7
  v5 = band v1, v4
  brif v1, block1(v3), block1(v5)
block1(v6: i32):
  v7 = iconst.i32 16
  v8 = icmp ult v6, v7
  v9 = iconst.i32 15
  v10 = icmp ult v6, v9
  v11 = iadd v8, v10
  return v11
})");
  EXPECT_EQ(count(text, "icmp"), 1u) << text;
}

TEST(Egraph, a_branch_on_a_constant_is_a_jump_and_the_other_edge_brings_nothing) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = iconst.i32 7
  v3 = iconst.i32 7
  v4 = icmp eq v2, v3
  brif v4, block1(v0), block2(v1)
block1(v5: i32):
  jump block3(v5)
block2(v6: i32):
  jump block3(v6)
block3(v7: i32):
  v8 = isub v7, v0
  return v8
})");
  EXPECT_FALSE(has(text, "brif")) << text;
  EXPECT_TRUE(has(text, "iconst.i32 0\n    return")) << text;
}

TEST(Egraph, a_table_with_a_constant_index) {
  for (const char* index : {"0", "1", "2", "-1"}) {
    const std::string text = optimized(
        "function %f(i32) -> i32 {\nblock0(v0: i32):\n  v1 = iconst.i32 " + std::string(index) + R"(
  v2 = iconst.i32 10
  v3 = iconst.i32 20
  v4 = iconst.i32 30
  br_table v1, block1(v4), [block1(v2), block1(v3)]
block1(v5: i32):
  v6 = iadd v5, v0
  return v6
})");
    EXPECT_FALSE(has(text, "br_table")) << text;
    EXPECT_TRUE(has(text, index[0] == '0'   ? "iconst.i32 10"
                          : index[0] == '1' ? "iconst.i32 20"
                                            : "iconst.i32 30"))
        << text;
  }
}

TEST(Egraph, a_value_that_dominates_only_without_the_edge_not_taken) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = iconst.i8 1
  v9 = iconst.i32 5
  brif v2, block1, block2(v9)
block1:
  v3 = udiv v0, v1
  jump block2(v3)
block2(v4: i32):
  v5 = imul v4, v4
  return v5
})");
  EXPECT_FALSE(has(text, "brif")) << text;
}

TEST(Egraph, an_entry_from_behind_into_a_cycle_whose_other_entry_is_gone) {
  // block2 is walked before block3, from where alone it is reached.
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = iconst.i32 0
  v3 = iconst.i32 9
  brif v2, block2(v3), block1
block1:
  jump block3(v3)
block2(v4: i32):
  v5 = iconst.i32 1
  v6 = isub v4, v5
  brif v6, block3(v6), block4
block3(v7: i32):
  v8 = iadd v7, v2
  jump block2(v8)
block4:
  v9 = iadd v4, v1
  return v9
})");
  EXPECT_TRUE(has(block(text, "block2"), "brif")) << text;
}

// ---- what is known of conditions

constexpr std::string_view kNested = R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = icmp CC0 v0, v1
  brif v2, block1, block2
block1:
  v3 = icmp CC1 ARGS
  brif v3, block3, block4
block2:
  v4 = icmp CC1 ARGS
  brif v4, block5, block6
block3:
  v5 = iconst.i32 3
  return v5
block4:
  v6 = iconst.i32 4
  return v6
block5:
  v7 = iconst.i32 5
  return v7
block6:
  v8 = iconst.i32 6
  return v8
})";
std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (usize at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

TEST(Egraph, comparisons_of_the_same_numbers_decide_each_other) {
  // Which of the two nested branches stay: the one behind the condition, and the one behind its
  // opposite.
  constexpr struct {
    const char *outer, *inner;
    bool swapped, first_stays, second_stays;
  } kCases[] = {
      {"ult", "ult", false, false, false}, {"ult", "ule", false, false, true},
      {"ult", "uge", false, false, false}, {"ult", "ugt", true, false, false},
      {"ule", "ult", false, true, false},  {"ult", "eq", false, false, true},
      {"eq", "ule", false, false, true},   {"ne", "eq", false, false, false},
      {"ult", "slt", false, true, true},   {"slt", "ne", true, false, true},
      {"sge", "sgt", false, true, false},  {"eq", "slt", true, false, true},
      {"ule", "uge", false, true, false},
  };
  for (const auto& row : kCases) {
    std::string given = replaced(std::string(kNested), "CC0", row.outer);
    given = replaced(std::move(given), "CC1", row.inner);
    given = replaced(std::move(given), "ARGS", row.swapped ? "v1, v0" : "v0, v1");
    const std::string text = optimized(given);
    EXPECT_EQ(has(block(text, "block1"), "brif"), row.first_stays)
        << row.outer << " " << row.inner << "\n"
        << text;
    EXPECT_EQ(has(block(text, "block2"), "brif"), row.second_stays)
        << row.outer << " " << row.inner << "\n"
        << text;
  }
}

TEST(Egraph, ranges_from_branches_decide_checks) {
  const std::string text = optimized(R"(function %f(i32) -> i32 {
block0(v0: i32):
  v1 = iconst.i32 8
  v2 = icmp ult v0, v1
  brif v2, block1, block2
block1:
  v3 = iconst.i32 10
  v4 = icmp uge v0, v3
  trapnz v4, user1
  v5 = iconst.i32 7
  v6 = icmp ult v0, v5
  trapz v6, user2
  return v0
block2:
  v8 = iconst.i32 7
  v7 = icmp ult v0, v8
  trapnz v7, user3
  return v0
})");
  EXPECT_FALSE(has(text, "user1")) << text;
  EXPECT_TRUE(has(text, "user2")) << text;
  EXPECT_FALSE(has(text, "user3")) << text;
}

TEST(Egraph, a_passed_trap_is_a_condition_and_its_repetition_goes) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = icmp ult v0, v1
  trapz v2, user1
  brif v0, block1, block2
block1:
  trapz v2, user2
  v3 = icmp uge v0, v1
  trapnz v3, user3
  return v0
block2:
  v4 = icmp eq v0, v1
  trapnz v4, user4
  return v1
})");
  EXPECT_EQ(count(text, "trap"), 1u) << text;
}

TEST(Egraph, a_condition_of_one_arm_says_nothing_behind_the_join) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  v2 = icmp ult v0, v1
  trapz v2, user1
  jump block2
block2:
  v3 = icmp ult v0, v1
  trapz v3, user1
  return v0
})");
  EXPECT_EQ(count(text, "trapz"), 2u) << text;
}

TEST(Egraph, both_edges_to_one_block_say_nothing) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = icmp ult v0, v1
  brif v2, block1(v0), block1(v1)
block1(v3: i32):
  trapz v2, user1
  return v3
})");
  EXPECT_TRUE(has(text, "trapz")) << text;
}

TEST(Egraph, a_tested_number_is_not_zero) {
  const std::string text = optimized(R"(function %f(i32) -> i32 {
block0(v0: i32):
  brif v0, block1, block2
block1:
  v1 = iconst.i32 0
  v2 = icmp eq v0, v1
  trapnz v2, user1
  v3 = icmp ugt v0, v1
  trapz v3, user2
  return v0
block2:
  trapnz v0, user3
  return v0
})");
  EXPECT_FALSE(has(text, "user")) << text;
}

TEST(Egraph, loop_conditions_hold_inside_and_not_behind_the_step) {
  const std::string text = optimized(R"(function %f(i32) -> i32 {
block0(v0: i32):
  v1 = iconst.i32 0
  v20 = iconst.i32 63
  v21 = band v0, v20
  jump block1(v1)
block1(v2: i32):
  v3 = icmp ult v2, v21
  brif v3, block2, block3
block2:
  v4 = icmp uge v2, v21
  trapnz v4, user1
  v5 = iconst.i32 1
  v6 = iadd v2, v5
  v7 = icmp uge v6, v21
  trapnz v7, user2
  jump block1(v6)
block3:
  return v2
})");
  EXPECT_FALSE(has(text, "user1")) << text;
  EXPECT_TRUE(has(text, "user2")) << text;
}

// ---- instructions that can trap

TEST(Egraph, equal_divisions_are_one_only_under_dominance) {
  const std::string arms = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  v2 = udiv v0, v1
  return v2
block2:
  v5 = udiv v0, v1
  return v5
})");
  EXPECT_EQ(count(arms, "udiv"), 2u) << arms;
  EXPECT_FALSE(has(block(arms, "block0"), "udiv")) << arms;
  const std::string below = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = udiv v0, v1
  brif v0, block1, block2
block1:
  v3 = udiv v0, v1
  return v3
block2:
  v5 = udiv v0, v1
  v6 = udiv v0, v1
  v7 = iadd v5, v6
  return v7
})");
  EXPECT_EQ(count(below, "udiv"), 1u) << below;
}

TEST(Egraph, a_division_that_cannot_trap_moves_and_one_that_can_stays) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32, i32 {
block0(v0: i32, v1: i32):
  v2 = iconst.i32 1
  v3 = bor v1, v2
  v4 = iconst.i32 3
  jump block1(v4)
block1(v5: i32):
  v6 = udiv v0, v3
  v7 = sdiv v0, v3
  v18 = iconst.i32 -1
  v8 = iadd v5, v18
  brif v8, block1(v8), block2
block2:
  return v6, v7
})");
  EXPECT_FALSE(has(block(text, "block1"), "udiv")) << text;
  // The least number by -1.
  EXPECT_TRUE(has(block(text, "block1"), "sdiv")) << text;
}

TEST(Egraph, an_unused_division_that_can_trap_stays) {
  const std::string text = optimized(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = sdiv v0, v1
  return v0
})");
  EXPECT_TRUE(has(text, "sdiv")) << text;
}

TEST(Egraph, a_trap_that_always_happens_stays) {
  const std::string text = optimized(R"(function %f(i32) -> i32 {
block0(v0: i32):
  v1 = iconst.i32 0
  trapz v1, user7
  return v0
})");
  EXPECT_TRUE(has(text, "trap")) << text;
}

// ---- memory

// One slot whose address is not known before it runs; block0 has v0: i64, v1: i64 and the address
// v9.
std::string with_memory(std::string_view body, std::string_view results = "i64") {
  return "function %f(i64, i64) -> " + std::string(results) + R"( {
  ss0 = explicit_slot 64, align = 16
  ss1 = explicit_slot 16, align = 16
  region0 = 0 ""
  region1 = 1 ""
block0(v0: i64, v1: i64):
  v90 = iconst.i64 15
  v91 = band v0, v90
  v92 = stack_addr.i64 ss0
  v93 = iconst.i64 0x1122_3344_5566_7788
  store v93, v92
  store v93, v92+8
  store v93, v92+16
  store v93, v92+24
  store v93, v92+32
  v9 = iadd v92, v91
  v8 = stack_addr.i64 ss1
  store v93, v8
  store v93, v8+8
)" + std::string(body) +
         "}\n";
}
// Loads of what `block` has left.
u32 loads(std::string_view text) { return count(text, "load"); }

TEST(Memory, a_second_load_is_the_first) {
  EXPECT_EQ(loads(optimized(with_memory(
                "  v2 = load.i64 v9+4\n  v3 = load.i64 v9+4\n  v4 = iadd v2, v3\n  return v4\n"))),
            1u);
}
TEST(Memory, a_load_of_what_was_stored) {
  EXPECT_EQ(loads(optimized(with_memory("  store v1, v9+4\n  v3 = load.i64 v9+4\n  return v3\n"))),
            0u);
}
TEST(Memory, the_same_address_written_differently) {
  EXPECT_EQ(loads(optimized(with_memory("  v2 = iconst.i64 4\n  v3 = iadd v9, v2\n  store v1, "
                                        "v3+3\n  v4 = load.i64 v9+7\n  return v4\n"))),
            0u);
}
TEST(Memory, a_store_close_by_but_not_on_it_leaves_it_known) {
  EXPECT_EQ(loads(optimized(with_memory(
                "  store v1, v9\n  store v0, v9+8\n  v3 = load.i64 v9\n  return v3\n"))),
            0u);
  EXPECT_EQ(loads(optimized(with_memory(
                "  store v1, v9+8\n  store v0, v9\n  v3 = load.i64 v9+8\n  return v3\n"))),
            0u);
}
TEST(Memory, a_store_on_a_part_of_it_does_not) {
  for (const char* offset : {"1", "7"}) {
    const std::string at = offset;
    EXPECT_EQ(loads(optimized(with_memory("  store v1, v9+8\n  store v0, v9+" + at +
                                          "\n  v3 = load.i64 v9+8\n  return v3\n"))),
              1u);
  }
  EXPECT_EQ(loads(optimized(with_memory(
                "  store v1, v9\n  istore8 v0, v9+7\n  v3 = load.i64 v9\n  return v3\n"))),
            1u);
}
TEST(Memory, a_store_anywhere_does_not) {
  EXPECT_EQ(loads(optimized(with_memory("  v2 = load.i64 v92\n  store v0, v9\n  v3 = load.i64 "
                                        "v92\n  v4 = iadd v2, v3\n  return v4\n"))),
            2u);
}
TEST(Memory, stores_to_other_regions_do_not_matter) {
  EXPECT_EQ(loads(optimized(with_memory(
                "  v2 = load.i64 region0 v9\n  store region1 v0, v8\n  v3 = load.i64 region0 v9\n"
                "  v4 = iadd v2, v3\n  return v4\n"))),
            1u);
  EXPECT_EQ(loads(optimized(with_memory(
                "  v2 = load.i64 region0 v9\n  store region0 v0, v92\n  v3 = load.i64 region0 v9\n"
                "  v4 = iadd v2, v3\n  return v4\n"))),
            2u);
  // Accesses without region may be anywhere.
  EXPECT_EQ(loads(optimized(with_memory(
                "  v2 = load.i64 region0 v9\n  store v0, v92\n  v3 = load.i64 region0 v9\n"
                "  v4 = iadd v2, v3\n  return v4\n"))),
            2u);
  EXPECT_EQ(loads(optimized(
                with_memory("  v2 = load.i64 v9\n  store region0 v0, v92\n  v3 = load.i64 v9\n"
                            "  v4 = iadd v2, v3\n  return v4\n"))),
            2u);
}
TEST(Memory, parts_of_what_was_stored_by_byte_order) {
  for (const char* order : {"little", "big"}) {
    const std::string o = order;
    for (const char* offset : {"0", "1", "3", "4", "6", "7"}) {
      const std::string at = offset;
      EXPECT_EQ(loads(optimized(with_memory("  store " + o + " v1, v9\n  v2 = uload8.i64 " + o +
                                            " v9+" + at + "\n  v3 = sload8.i64 " + o + " v9+" + at +
                                            "\n  v4 = iadd v2, v3\n  return v4\n"))),
                0u)
          << o << at;
    }
    EXPECT_EQ(loads(optimized(with_memory("  store " + o + " v1, v9\n  v2 = sload32 " + o +
                                          " v9+4\n  return v2\n"))),
              0u);
  }
  EXPECT_EQ(loads(optimized(
                with_memory("  store little v1, v9\n  v2 = sload32 big v9+4\n  return v2\n"))),
            1u);
  EXPECT_EQ(
      loads(optimized(with_memory("  store little v1, v9\n  v2 = load.i64 big v9\n  return v2\n"))),
      1u);
}
TEST(Memory, narrow_stores_are_known_without_the_rest) {
  const std::string text =
      optimized(with_memory("  istore16 v1, v9\n  v2 = uload16.i64 v9\n  v3 = sload16.i64 v9\n"
                            "  v4 = imul v2, v3\n  return v4\n"));
  EXPECT_EQ(loads(text), 0u) << text;
}
TEST(Memory, what_was_loaded_extended_is_known_without_the_extension) {
  const std::string text = optimized(
      with_memory("  v2 = sload8.i64 v9\n  v3 = uload8.i64 v9\n  v4 = imul v2, v3\n  return v4\n"));
  EXPECT_EQ(loads(text), 1u) << text;
}
TEST(Memory, as_another_type) {
  const std::string text =
      optimized(with_memory("  store v1, v9\n  v2 = load.f64 v9\n  return v2\n", "f64"));
  EXPECT_EQ(loads(text), 0u) << text;
}
TEST(Memory, a_store_of_what_is_there_goes) {
  const std::string text = optimized(with_memory("  store v1, v9\n  store v1, v9\n  return v1\n"));
  EXPECT_EQ(count(text, "store v1"), 1u) << text;
  const std::string wider =
      optimized(with_memory("  store v1, v9\n  istore8 v1, v9\n  return v1\n"));
  EXPECT_EQ(count(wider, "istore8"), 1u) << wider;
}
TEST(Memory, a_loop_that_writes_and_one_that_does_not) {
  const std::string_view loop = R"(  v2 = load.i64 v9
  v3 = iconst.i64 3
  jump block1(v3, v2)
block1(v4: i64, v5: i64):
  v6 = load.i64 v9
  v7 = bxor v5, v6
  STORE
  v10 = iconst.i64 1
  v11 = isub v4, v10
  brif v11, block1(v11, v7), block2
block2:
  return v7
)";
  EXPECT_EQ(
      loads(optimized(with_memory(replaced(std::string(loop), "STORE", "v12 = iadd v6, v4")))), 1u);
  EXPECT_EQ(loads(optimized(with_memory(replaced(std::string(loop), "STORE", "store v7, v92")))),
            2u);
  EXPECT_EQ(
      loads(optimized(with_memory(replaced(std::string(loop), "STORE", "store region0 v7, v92")))),
      2u);
  EXPECT_EQ(loads(optimized(
                with_memory(replaced(replaced(std::string(loop), "load.i64", "load.i64 region0"),
                                     "STORE", "store region1 v7, v8")))),
            1u);
  EXPECT_EQ(
      loads(optimized(with_memory(replaced(
          replaced(std::string(loop), "load.i64", "load.i64 region0"), "STORE", "store v7, v92")))),
      2u);
  EXPECT_EQ(loads(optimized(with_memory(replaced(std::string(loop), "STORE", "fence")))), 2u);
  EXPECT_EQ(loads(optimized(with_memory(
                replaced(std::string(loop), "STORE", "v12 = atomic_rmw.i64 add v8, v4")))),
            2u);
}
TEST(Memory, a_cycle_with_two_entries_that_writes) {
  const std::string text = optimized(with_memory(R"(  store v1, v9
  v2 = iconst.i64 2
  v3 = iconst.i64 1
  brif v0, block1(v2), block2(v2)
block1(v4: i64):
  v5 = load.i64 v9
  v6 = isub v4, v3
  brif v6, block2(v6), block3(v5)
block2(v7: i64):
  store v7, v92
  jump block1(v7)
block3(v10: i64):
  return v10
)"));
  EXPECT_EQ(loads(text), 1u) << text;
}
TEST(Memory, at_a_join_only_what_no_arm_has_written) {
  const std::string_view given = R"(  store v1, v9
  brif v1, block1, block2
block1:
  STORE
  jump block2
block2:
  v5 = load.i64 v9
  return v5
)";
  EXPECT_EQ(loads(optimized(with_memory(replaced(std::string(given), "STORE", "nop")))), 0u);
  EXPECT_EQ(loads(optimized(with_memory(replaced(std::string(given), "STORE", "store v0, v92")))),
            1u);
}
TEST(Memory, atomics_and_fences_forget_everything) {
  for (const char* barrier : {"fence", "v4 = atomic_load.i64 v8", "atomic_store v0, v8",
                              "v4 = atomic_cas v8, v0, v1", "v4 = atomic_rmw.i64 xchg v8, v0"}) {
    const std::string text = optimized(with_memory("  store v1, v9\n  " + std::string(barrier) +
                                                   "\n  v5 = load.i64 v9\n  return v5\n"));
    EXPECT_TRUE(has(text, "= load.i64")) << text;
  }
}
TEST(Memory, calls_and_both_edges_of_a_try_call_forget_everything) {
  const std::string_view given = R"(function %f(i64, i64) -> i64 {
  sig0 = (i64) system_v
  fn0 = %g sig0
block0(v0: i64, v1: i64):
  store v1, v0
  v2 = load.i64 v0
  CALL
  v5 = load.i64 v0
  v6 = iadd v2, v5
  return v6
}
)";
  const std::string call = optimized(replaced(std::string(given), "CALL", "call fn0(v0)"));
  EXPECT_EQ(loads(call), 1u) << call;
  const std::string attempt = optimized(R"(function %f(i64, i64) -> i64 system_v {
  sig0 = (i64) system_v
  fn0 = %g sig0
block0(v0: i64, v1: i64):
  store v1, v0
  try_call fn0(v0), sig0, block1(v1), [ context v1, default: block2(exn0, v1) ]
block1(v2: i64):
  v3 = load.i64 v0
  v4 = iadd v3, v2
  return v4
block2(v5: i64, v6: i64):
  v7 = load.i64 v0
  v8 = iadd v5, v6
  v9 = iadd v7, v8
  return v9
}
)");
  EXPECT_EQ(loads(attempt), 2u) << attempt;
  EXPECT_TRUE(has(attempt, "context v1")) << attempt;
  EXPECT_TRUE(has(attempt, "block1:")) << attempt;
}
TEST(Memory, without_alias_analysis_nothing_is_known) {
  EXPECT_EQ(loads(optimized(with_memory("  store v1, v9\n  v3 = load.i64 v9\n  return v3\n"),
                            {.alias_analysis = false})),
            1u);
}
TEST(Memory, unused_loads_go_if_they_cannot_trap) {
  const std::string text =
      optimized(with_memory("  v2 = load.i64 notrap v9\n  v3 = load.i64 v9+8\n  return v1\n"));
  EXPECT_EQ(loads(text), 1u) << text;
}
TEST(Memory, offsets_at_the_ends_of_the_address_space) {
  // Bytes -1 and 0 of the same base, reached from both ends.
  const std::string text = optimized(R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
  v2 = iconst.i64 0x7fff_ffff_ffff_ffff
  v3 = iadd v0, v2
  v4 = iconst.i64 0x8000_0000_0000_0000
  v5 = iadd v0, v4
  istore8 v1, v3+1
  istore8 v0, v5+1
  v6 = uload8.i64 v5
  v7 = uload8.i64 v3+1
  v8 = iadd v6, v7
  return v8
})");
  EXPECT_EQ(loads(text), 0u) << text;
}

// ---- limits: beyond each of them the function is less good, and right

std::string chain(u32 length, std::string_view first, std::string_view step) {
  std::string text =
      "function %f(i64, i64) -> i64 {\nblock0(v0: i64, v1: i64):\n" + std::string(first);
  for (u32 i = 0; i < length; ++i) {
    const std::string before = "v" + std::to_string(100 + i), here = "v" + std::to_string(101 + i);
    std::string line = replaced(std::string(step), "HERE", here);
    text += replaced(std::move(line), "BEFORE", before);
  }
  return text + "  return v" + std::to_string(100 + length) + "\n}\n";
}

TEST(Limits, rewrite_depth_and_builds_do_not_stop_a_chain_that_settles_step_by_step) {
  const u32 length =
      static_cast<u32>(limits::kMaxRewriteDepth.value + limits::kMaxRewriteBuilds.value) * 20;
  const std::string text = optimized(
      chain(length, "  v2 = iconst.i64 3\n  v100 = iadd v0, v2\n", "  HERE = iadd BEFORE, v2\n"));
  EXPECT_LE(count(text, "iadd"), length) << text;
  const std::string folded = optimized(
      chain(length, "  v2 = iconst.i64 0\n  v100 = iadd v0, v1\n", "  HERE = iadd BEFORE, v2\n"));
  EXPECT_EQ(count(folded, "iadd"), 1u) << folded;
}

TEST(Limits, skeleton_rounds) {
  // x != 0 != 0 ... == 0 of a branch: one comparison a round.
  for (const u32 length : {static_cast<u32>(limits::kMaxSkeletonRounds.value) - 1,
                           static_cast<u32>(limits::kMaxSkeletonRounds.value) * 4}) {
    std::string text =
        "function %f(i64) -> i64 {\nblock0(v0: i64):\n  v1 = iconst.i64 0\n  v2 = iconst.i8 0\n  "
        "v100 = icmp eq v0, v1\n";
    for (u32 i = 0; i < length; ++i)
      text += "  v" + std::to_string(101 + i) + " = icmp eq v" + std::to_string(100 + i) + ", v2\n";
    const std::string last = "v" + std::to_string(100 + length);
    const std::string out = optimized(text + "  trapz " + last + ", user1\n  trapnz " + last +
                                      ", user2\n  return v0\n}\n");
    EXPECT_TRUE(has(out, "user")) << out;
  }
}

TEST(Limits, nodes_for_each_instruction) {
  const u64 length = limits::kMinNodes.value * 2;
  const std::string text =
      optimized(chain(static_cast<u32>(length), "  v2 = iconst.i64 7\n  v100 = iadd v0, v1\n",
                      "  HERE = imul BEFORE, v2\n"));
  EXPECT_LE(count(text, " = "), length * (limits::kMaxNodesPerInst.value + 1));
}

TEST(Limits, condition_probes) {
  const auto nested = [](u64 between) {
    std::string text =
        "function %f(i32, i32) -> i32 {\nblock0(v0: i32, v1: i32):\n  v2 = icmp ult v0, v1\n  "
        "trapz v2, user1\n";
    for (u64 i = 0; i < between; ++i) {
      const std::string n = std::to_string(i);
      text += "  v10" + n + " = iconst.i32 " + std::to_string(1000 + 2 * i) + "\n  v30" + n +
              " = bxor v1, v10" + n + "\n  trapz v30" + n + ", user3\n";
    }
    return text + "  v4 = icmp uge v0, v1\n  trapnz v4, user2\n  return v0\n}\n";
  };
  EXPECT_FALSE(has(optimized(nested(limits::kMaxConditionProbes.value - 1)), "user2"));
  EXPECT_TRUE(has(optimized(nested(limits::kMaxConditionProbes.value)), "user2"));
}

TEST(Limits, idempotent_forms) {
  // Arms of a table that divide twice, all alike: in each one division is enough.
  const auto arms = [](u64 count) {
    std::string head = "  br_table v0, block1, [", text;
    for (u64 i = 2; i < count + 1; ++i) head += (i == 2 ? "block" : ", block") + std::to_string(i);
    for (u64 i = 1; i < count + 1; ++i) {
      const std::string n = std::to_string(i);
      text += "block" + n + ":\n  v1" + n + " = udiv v1, v2\n  v2" + n + " = udiv v1, v2\n  v3" +
              n + " = bxor v1" + n + ", v2" + n + "\n  v4" + n + " = bor v3" + n + ", v1" + n +
              "\n  return v4" + n + "\n";
    }
    return "function %f(i32, i32, i32) -> i32 {\nblock0(v0: i32, v1: i32, v2: i32):\n" + head +
           "]\n" + text + "}\n";
  };
  const u32 limit = static_cast<u32>(limits::kMaxIdempotentForms.value);
  EXPECT_EQ(count(optimized(arms(limit)), "udiv"), limit);
  EXPECT_EQ(count(optimized(arms(limit + 1)), "udiv"), limit + 2);
}

}  // namespace
}  // namespace gantry::opt

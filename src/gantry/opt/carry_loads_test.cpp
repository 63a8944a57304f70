// Loads that become parameters of loops: which do and which must not, and that sums are compared
// exactly.
#include "gantry/opt/carry_loads.h"

#include <gtest/gtest.h>

#include "gantry/ir/printer.h"
#include "gantry/opt/internal/linear_form.h"
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

u32 carry(ir::Function& func, bool for_size = false) {
  Session session;
  func.dfg.resolve_all_aliases();
  analysis::ControlFlow flow;
  flow.compute(func);
  return carry_loads(func, flow, {.for_size = for_size}, session);
}

std::string in_function(std::string_view body) {
  return "function %f(i64, i64, i64) -> i64 {\n ss0 = explicit_slot 64\n region0 = 0 \"a\"\n "
         "region1 = "
         "1 \"b\"\n sig0 = (i64) system_v\n fn0 = %g(i64) system_v\nblock0(v0: i64, v1: i64, v2: "
         "i64):\n v3 = "
         "iconst.i64 1\n v4 = iconst.i64 0\n v5 = iconst.i64 8\n jump block1(v4)\n" +
         std::string(body) + "\n}\n";
}

// A loop of one block: v10 counts, v11 is the address v0 + 8 * v10; what follows is the end.
std::string in_loop(std::string_view body) {
  return in_function(
      std::string("block1(v10: i64):\n v18 = imul v10, v5\n v11 = iadd v0, v18\n "
                  "v19 = iadd v10, v3\n ") +
      std::string(body) +
      "\n v20 = icmp ult v19, v1\n brif v20, block1(v19), block9\nblock9:\n return v1");
}

struct Case {
  const char* name;
  u32 carried;
  const char* body;
};

constexpr Case kInOneBlock[] = {
    {"what the round before stored", 1, "v12 = load.i64 v11-8\n store v12, v11"},
    {"what will be stored", 0, "v12 = load.i64 v11+8\n store v12, v11"},
    {"two rounds before", 0, "v12 = load.i64 v11-16\n store v12, v11"},
    {"a part of it", 0, "v12 = load.i32 v11-8\n store v10, v11"},
    {"as another type", 1, "v12 = load.f64 v11-8\n store v10, v11"},
    {"in another order", 0, "v12 = load.i64 big v11-8\n store v10, v11"},
    {"bytes in another order", 1, "v12 = uload8.i64 big v11-8\n istore8 v10, v11"},
    {"lanes", 1, "v12 = load.i32x4 v11-8\n store v12, v11"},
    {"lanes of another type", 0, "v12 = load.i32x4 v11-8\n v13 = load.f32x4 v11"},
    {"what the round before loaded", 1, "v12 = load.i64 v11-8\n v13 = load.i64 v11"},
    {"three in a row", 2, "v12 = load.i64 v11-8\n v13 = load.i64 v11\n v14 = load.i64 v11+8"},
    {"one place", 1, "v12 = load.i64 v0\n v13 = iadd v12, v10\n store v13, v0"},
    {"one place nobody writes", 1, "v12 = load.i64 v0"},
    {"another store to one place", 0, "v12 = load.i64 v0\n store v10, v11"},
    {"another store beside it", 1, "v12 = load.i64 v0\n store v10, v0+8"},
    {"another store that touches it", 0, "v12 = load.i64 v0\n store v10, v0+7"},
    {"another store that touches it from below", 0, "v12 = load.i64 v0\n store v10, v0-7"},
    {"another store of another region", 1, "v12 = load.i64 region0 v0\n store region1 v10, v11"},
    {"another store of no region", 0, "v12 = load.i64 region0 v0\n store v10, v11"},
    {"stored as another region", 0, "v12 = load.i64 region0 v11-8\n store region1 v10, v11"},
    {"readonly", 1, "v12 = load.i64 readonly v0\n store v10, v11"},
    {"a store between, behind", 0, "v12 = load.i64 v11-8\n store v12, v11\n store v10, v2"},
    {"a store between, before", 0, "store v10, v2\n v12 = load.i64 v11-8\n store v12, v11"},
    {"a store not between", 1, "v12 = load.i64 v11-8\n store v10, v2\n store v12, v11"},
    {"a call between", 0, "v12 = load.i64 v11-8\n store v12, v11\n call fn0(v0)"},
    {"a call not between", 1, "v12 = load.i64 v11-8\n call fn0(v0)\n store v12, v11"},
    {"a fence between", 0, "v12 = load.i64 v11-8\n store v12, v11\n fence"},
    {"an atomic access between", 0,
     "v12 = load.i64 v11-8\n store v12, v11\n v13 = atomic_load.i64 v2"},
    {"trap before", 0, "trapz v2, user1\n v12 = load.i64 v11-8\n store v12, v11"},
    {"trap before what may move", 1,
     "trapz v2, user1\n v12 = load.i64 notrap can_move v11-8\n store v12, v11"},
    {"trap before what must not trap", 0,
     "trapz v2, user1\n v12 = load.i64 notrap v11-8\n store v12, v11"},
    {"division before", 0, "v13 = udiv v0, v2\n v12 = load.i64 v11-8\n store v12, v11"},
    {"store beside it before", 0, "store notrap v1, v11+8\n v12 = load.i64 v11-8\n store v12, v11"},
    {"store beside it before what must not trap", 1,
     "store notrap v1, v11+16\n v12 = load.i64 notrap v11-8\n store v12, v11"},
    {"other trap before", 0, "v13 = load.i64 user1 v2\n v12 = load.i64 v11-8\n store v12, v11"},
    {"other address of the same trap before", 1,
     "v13 = load.i64 v2\n v12 = load.i64 v11-8\n store region0 v12, v2-64\n store v12, v11"},
    {"address loaded", 0,
     "v12 = load.i64 v11-8\n v13 = load.i64 v12\n store v13, v11\n store v1, v2"},
    {"index that wraps", 1,
     "v12 = ireduce.i8 v10\n v13 = iconst.i8 255\n v14 = iadd v12, v13\n v15 = uextend.i64 v14\n"
     " v16 = iadd v2, v15\n v17 = load.i8 v16\n v21 = uextend.i64 v12\n v22 = iadd v2, v21\n store "
     "v17, v22"},
    {"index that is cut before it is stepped back", 0,
     "v12 = ireduce.i8 v10\n v14 = uextend.i64 v12\n v15 = isub v14, v3\n v16 = iadd v2, v15\n"
     " v17 = load.i8 v16\n v22 = iadd v2, v14\n store v17, v22"},
    {"sums written in another order", 1,
     "v12 = isub v10, v3\n v13 = iconst.i64 3\n v14 = ishl v12, v13\n v15 = iadd v14, v0\n v16 = "
     "load.i64 v15\n store v16, v11"},
    {"masked index", 1,
     "v12 = iconst.i64 7\n v13 = iadd v19, v3\n v14 = band v10, v12\n v15 = band v19, v12\n v16 = "
     "iadd "
     "v2, v14\n v17 = load.i8 v16\n v21 = iadd v2, v15\n store v17, v21"},
};

TEST(CarryLoads, in_one_block) {
  for (const Case& test : kInOneBlock) {
    ir::Function func;
    ASSERT_NO_FATAL_FAILURE(read(in_loop(test.body), func)) << test.name;
    EXPECT_EQ(carry(func), test.carried) << test.name << "\n" << text_of(func);
    expect_valid(func, test.name);
  }
}

constexpr Case kInSeveral[] = {
    {"behind the head's test", 1,
     "block1(v10: i64):\n v11 = iadd v0, v10\n brif v1, block2, block9\nblock2:\n v12 = load.i64 "
     "v11\n v13 = iadd v10, v5\n v14 = iadd v0, v13\n store v12, v14\n jump block1(v13)\nblock9:\n "
     "return v1"},
    {"behind a test that a load decides", 0,
     "block1(v10: i64):\n v11 = iadd v0, v10\n v15 = load.i64 v2\n brif v15, block2, "
     "block9\nblock2:\n v12 = load.i64 v11\n v13 = iadd v10, v5\n v14 = iadd v0, v13\n store v12, "
     "v14\n jump block1(v13)\nblock9:\n return v1"},
    {"behind a second test", 0,
     "block1(v10: i64):\n v11 = iadd v0, v10\n brif v1, block2, block9\nblock2:\n brif v2, block3, "
     "block9\nblock3:\n v12 = load.i64 v11\n v13 = iadd v10, v5\n v14 = iadd v0, v13\n store v12, "
     "v14\n jump block1(v13)\nblock9:\n return v1"},
    {"behind a second test, and may move", 1,
     "block1(v10: i64):\n v11 = iadd v0, v10\n brif v1, block2, block9\nblock2:\n brif v2, block3, "
     "block9\nblock3:\n v12 = load.i64 notrap can_move v11\n v13 = iadd v10, v5\n v14 = iadd v0, "
     "v13\n store v12, v14\n jump block1(v13)\nblock9:\n return v1"},
    {"stored on one way only", 0,
     "block1(v10: i64):\n v11 = iadd v0, v10\n v12 = load.i64 v11\n v13 = iadd v10, v5\n v14 = "
     "iadd "
     "v0, v13\n brif v2, block2, block3\nblock2:\n store v12, v14\n jump block3\nblock3:\n brif "
     "v1, "
     "block1(v13), block9\nblock9:\n return v1"},
    {"one place stored on one way, two edges close the loop", 1,
     "block1(v10: i64):\n v12 = load.i64 v0\n v13 = iadd v12, v3\n brif v2, block2, "
     "block3\nblock2:\n store v13, v0\n brif v13, block1(v13), block9\nblock3:\n brif v1, "
     "block1(v13), block9\nblock9:\n return v1"},
    {"a write on the other way", 0,
     "block1(v10: i64):\n v12 = load.i64 v0\n v13 = iadd v12, v3\n brif v2, block2, "
     "block3\nblock2:\n store v13, v0\n brif v13, block1(v13), block9\nblock3:\n store v1, v2\n "
     "brif "
     "v1, block1(v13), block9\nblock9:\n return v1"},
    {"a write that leaves the loop", 1,
     "block1(v10: i64):\n v12 = load.i64 v0\n v13 = iadd v12, v3\n store v13, v0\n brif v2, "
     "block2, "
     "block3\nblock2:\n store v13, v2\n jump block9\nblock3:\n brif v1, block1(v13), "
     "block9\nblock9:\n return v1"},
    {"a loop inside", 0,
     "block1(v10: i64):\n v12 = load.i64 v0\n v13 = iadd v12, v3\n store v13, v0\n jump "
     "block2\nblock2:\n brif v2, block2, block3\nblock3:\n brif v1, block1(v13), block9\nblock9:\n "
     "return v1"},
    {"a loop around", 1,
     "block1(v10: i64):\n v12 = load.i64 v2\n v13 = iadd v12, v3\n jump block2\nblock2:\n v14 = "
     "load.i64 v0\n v15 = iadd v14, v3\n store v15, v0\n brif v15, block2, block3\nblock3:\n brif "
     "v1, "
     "block1(v13), block9\nblock9:\n return v1"},
    {"a loop with two entries", 0,
     "block1(v10: i64):\n brif v1, block2, block3\nblock2:\n v12 = load.i64 v0\n store v10, v0\n "
     "jump "
     "block3\nblock3:\n v13 = load.i64 v0\n store v10, v0\n brif v2, block2, block9\nblock9:\n "
     "return v1"},
    {"an exception ends the round", 0,
     "block1(v10: i64):\n v12 = load.i64 v0\n v13 = iadd v12, v3\n store v13, v0\n try_call "
     "fn0(v0), "
     "sig0, block1(v13), [ default: block9 ]\nblock9:\n return v1"},
};

TEST(CarryLoads, in_several_blocks) {
  for (const Case& test : kInSeveral) {
    ir::Function func;
    ASSERT_NO_FATAL_FAILURE(read(in_function(test.body), func)) << test.name;
    EXPECT_EQ(carry(func), test.carried) << test.name << "\n" << text_of(func);
    expect_valid(func, test.name);
  }
}

// A test in front of the loop is not made for size.
TEST(CarryLoads, for_size) {
  for (const bool for_size : {false, true}) {
    ir::Function func;
    read(in_function(kInSeveral[0].body), func);
    EXPECT_EQ(carry(func, for_size), for_size ? 0u : 1u);
    ir::Function begins;
    read(in_loop(kInOneBlock[0].body), begins);
    EXPECT_EQ(carry(begins, for_size), 1u);
  }
}

u32 count_loads(const ir::Function& func, ir::Block block) {
  u32 count = 0;
  for (const ir::Inst inst : func.layout.insts(block))
    count += func.dfg.opcode(inst) == ir::Opcode::Load;
  return count;
}

// The first value is what is known to be there.
TEST(CarryLoads, takes_the_first_value_from_before) {
  struct Before {
    const char* text;
    u32 loads;  // in the block in front of the loop afterwards
  };
  constexpr Before kBefore[] = {
      {"", 1},
      {"store v1, v0", 0},
      {"store v1, v0\n store v2, v0+8", 0},
      {"store v1, v0\n store v2, v2", 1},
      {"store v1, v0\n call fn0(v0)", 1},
      {"v6 = load.i64 v0", 1},
      {"istore32 v1, v0", 1},
      {"store v1, v0+1", 1},
  };
  for (const Before& before : kBefore) {
    ir::Function func;
    std::string text = in_loop("v12 = load.i64 v11\n v15 = iadd v12, v10\n store v15, v11+8");
    const usize at = text.find(" jump block1(v4)");
    text.insert(at, std::string(" ") + before.text + "\n");
    read(text, func);
    EXPECT_EQ(carry(func), 1u) << before.text;
    expect_valid(func, before.text);
    const ir::Block entry = *func.layout.entry();
    EXPECT_EQ(count_loads(func, entry), before.loads) << text_of(func);
    EXPECT_EQ(count_loads(func, *func.layout.next_block(entry)), 0u) << text_of(func);
  }
}

TEST(CarryLoads, limits) {
  const u32 max_loads = static_cast<u32>(limits::kMaxCarriedLoads.value);
  const u32 max_accesses = static_cast<u32>(limits::kMaxCarryAccesses.value);
  const u32 max_blocks = static_cast<u32>(limits::kMaxCarryBlocks.value);
  for (const u32 loads : {max_loads, max_loads + 1, max_accesses, max_accesses + 1}) {
    TextWriter body;
    for (u32 i = 0; i < loads; ++i) body.put("v", 30 + i, " = load.i64 v0+", i * 8, "\n ");
    ir::Function func;
    read(in_loop(body.view()), func);
    EXPECT_EQ(carry(func), loads > max_accesses ? 0u : max_loads);
    expect_valid(func, "many loads");
  }
  for (const u32 blocks : {max_blocks, max_blocks + 1}) {
    TextWriter body;
    body.put("v12 = load.i64 v0\n jump block10\n");
    for (u32 i = 2; i < blocks; ++i) body.put("block", 8 + i, ":\n jump block", 9 + i, "\n");
    body.put("block", 8 + blocks, ":\n");
    ir::Function func;
    read(in_loop(body.view()), func);
    EXPECT_EQ(carry(func), blocks > max_blocks ? 0u : 1u) << blocks;
  }
}

// Chains of additions as long as they like cost what a short one does, and are not followed to the
// end.
TEST(LinearForms, long_sums) {
  TextWriter text;
  text.put("function %f(i64) {\nblock0(v0: i64):\n");
  for (u32 i = 1; i <= 1000; ++i) text.put(" v", i, " = iadd v", i - 1, ", v", i - 1, "\n");
  text.put(" return\n}\n");
  ir::Function func;
  read(text.view(), func);
  LinearForms forms(func);
  forms.set_head(*func.layout.entry());
  const ir::Value two = ir::Value::from_index(2), last = ir::Value::from_index(1000);
  const LinearForm four_times = forms.form_of(two, nullptr);
  ASSERT_TRUE(four_times.is_known);
  ASSERT_EQ(four_times.count, 1u);
  EXPECT_EQ(four_times.terms[0].factor, 4u);
  const LinearForm deep = forms.form_of(last, nullptr);
  EXPECT_EQ(forms.distance(deep, nullptr, deep), u64{0});
  EXPECT_FALSE(forms.distance(four_times, nullptr, deep).has_value());
}

}  // namespace
}  // namespace gantry::opt

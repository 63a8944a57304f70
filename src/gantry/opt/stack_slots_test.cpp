// Slots to values, and stores nobody sees: what becomes of small functions, and that random
// programs still do the same.
#include <gtest/gtest.h>

#include <cstdlib>

#include "gantry/fuzzgen/generate.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/eliminate_dead_stores.h"
#include "gantry/opt/promote_stack_slots.h"
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
  ASSERT_TRUE(reader.next(func));
  ASSERT_TRUE(reader.diagnostics().empty()) << text;
  ASSERT_NO_FATAL_FAILURE(expect_valid(func, "as written"));
}

void promote(ir::Function& func, bool little_endian = true) {
  Session session;
  func.dfg.resolve_all_aliases();
  promote_stack_slots(func, little_endian, session);
  func.dfg.resolve_all_aliases();
}

u32 eliminate(ir::Function& func) {
  Session session;
  func.dfg.resolve_all_aliases();
  analysis::ControlFlow flow;
  flow.compute(func);
  return eliminate_dead_stores(func, flow, session);
}

u32 count_insts(const ir::Function& func, bool (*wanted)(ir::Opcode)) {
  u32 count = 0;
  for (const ir::Block block : func.layout.blocks()) {
    for (const ir::Inst inst : func.layout.insts(block))
      count += wanted(func.dfg.opcode(inst)) ? 1 : 0;
  }
  return count;
}
bool touches_memory(ir::Opcode op) {
  const meta::Effects& effects = ir::inst_facts(op).effects;
  return (effects.can_load || effects.can_store) && !effects.is_call;
}
bool is_store(ir::Opcode op) {
  const meta::Effects& effects = ir::inst_facts(op).effects;
  return effects.can_store && !effects.is_call;
}
u32 total_params(const ir::Function& func) {
  u32 count = 0;
  for (const ir::Block block : func.layout.blocks()) {
    if (block != *func.layout.entry())
      count += static_cast<u32>(func.dfg.block_params(block).size());
  }
  return count;
}

// Runs the function before and after promotion on each pair of arguments, on machines of both byte
// orders.
struct Promoted {
  u32 memory_insts = 0;
  u32 params = 0;  // of blocks but the entry
  u32 slot_bytes = 0;
  std::string text;
};
Promoted promoted(std::string_view text, std::span<const std::array<u64, 2>> arguments = {}) {
  Promoted result;
  for (const bool little : {false, true}) {
    ir::Function before, after;
    read(text, before);
    read(text, after);
    if (testing::Test::HasFatalFailure()) return result;
    promote(after, little);
    expect_valid(after, "promoted");
    result = {count_insts(after, touches_memory), total_params(after), 0, text_of(after)};
    for (const ir::StackSlotData& slot : after.stack_slots.values()) result.slot_bytes += slot.size;
    interp::Options options;
    options.little_endian = little;
    options.fuel = 100000;
    interp::Interpreter interpreter(options);
    static constexpr std::array<u64, 2> kUsual[] = {
        {0, 0}, {1, 2}, {0x8182838485868788, 3}, {7, 0xfffefdfcfbfaf9f8}};
    for (const std::array<u64, 2>& pair :
         arguments.empty() ? std::span<const std::array<u64, 2>>(kUsual) : arguments) {
      std::vector<ir::DataValue> args;
      for (usize i = 0; i < before.signature.params.size(); ++i) {
        const ir::Type type = before.signature.params[i].type;
        args.push_back(ir::DataValue::from_bits(
            type, type.bits() == 64 ? pair[i] : pair[i] & ((u64{1} << type.bits()) - 1)));
      }
      const interp::Outcome want = interpreter.run(before, args),
                            have = interpreter.run(after, args);
      EXPECT_EQ(want.kind, interp::Outcome::Kind::Returned) << want.message;
      EXPECT_EQ(want.kind, have.kind) << have.message;
      EXPECT_EQ(want.results, have.results) << result.text << pair[0] << " " << pair[1];
    }
  }
  return result;
}

// ---- slots

TEST(PromoteStackSlots, straight_line) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64 {
  ss0 = explicit_slot 8
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  store v0, v2
  v3 = load.i64 v2
  v4 = iadd v3, v1
  store v4, v2
  v5 = load.i64 notrap aligned v2
  return v5
})");
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
  EXPECT_EQ(made.slot_bytes, 0u);
  EXPECT_EQ(made.text.find("stack_addr"), std::string::npos) << made.text;
}

TEST(PromoteStackSlots, unwritten_memory_reads_as_zero) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64, f32, i128, i8 {
  ss0 = explicit_slot 32
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  brif v0, block1, block2
block1:
  store v1, v2
  jump block2
block2:
  v3 = load.i64 v2
  v4 = load.f32 v2+8
  v5 = load.i128 v2+16
  v6 = load.i8 v2+12
  return v3, v4, v5, v6
})");
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
  EXPECT_EQ(made.params, 1u) << made.text;
}

TEST(PromoteStackSlots, loops_and_meetings) {
  // ss0 changes in both loops, ss1 in none, ss2 in the inner one only and is dead outside.
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64 {
  ss0 = explicit_slot 8
  ss1 = explicit_slot 8
  ss2 = explicit_slot 8
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  v3 = stack_addr.i64 ss1
  v4 = stack_addr.i64 ss2
  v5 = iconst.i64 1
  v6 = iconst.i64 4
  store v6, v2
  store v0, v3
  jump block1
block1:
  v7 = iconst.i64 3
  store v7, v4
  jump block2
block2:
  v8 = load.i64 v4
  v9 = isub v8, v5
  store v9, v4
  brif v9, block2, block3
block3:
  v10 = load.i64 v2
  v11 = isub v10, v5
  store v11, v2
  brif v11, block1, block4
block4:
  v12 = load.i64 v3
  v13 = load.i64 v2
  v14 = iadd v12, v13
  return v14
})");
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
  EXPECT_EQ(made.params, 2u) << made.text;
}

TEST(PromoteStackSlots, the_same_value_from_both_sides_needs_no_parameter) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64 {
  ss0 = explicit_slot 8
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  brif v0, block1, block2
block1:
  store v1, v2
  jump block3
block2:
  store v1, v2
  jump block3
block3:
  v3 = load.i64 v2
  return v3
})");
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
  EXPECT_EQ(made.params, 0u) << made.text;
}

TEST(PromoteStackSlots, several_edges_between_two_blocks) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64 {
  ss0 = explicit_slot 8
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  store v0, v2
  v3 = ireduce.i32 v1
  br_table v3, block3(v0), [block1, block3(v1), block2, block3(v0), block1]
block1:
  store v1, v2
  v9 = ireduce.i8 v0
  brif v9, block3(v0), block3(v1)
block2:
  v4 = load.i64 v2
  v5 = isub v4, v1
  store v5, v2
  jump block3(v4)
block3(v6: i64):
  v7 = load.i64 v2
  v8 = iadd v6, v7
  return v8
})");
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
  EXPECT_EQ(made.params, 2u) << made.text;
}

TEST(PromoteStackSlots, both_edges_of_a_try_call) {
  ir::Function func;
  read(R"(function %f(i64) -> i64 system_v {
  ss0 = explicit_slot 8
  sig0 = (i64) -> i64 system_v
  fn0 = %g sig0
block0(v0: i64):
  v1 = stack_addr.i64 ss0
  store v0, v1
  brif v0, block1, block4
block1:
  v2 = iconst.i64 7
  store v2, v1
  try_call fn0(v0), sig0, block2(ret0), [ default: block3(exn0) ]
block2(v3: i64):
  store v3, v1
  jump block4
block3(v4: i64):
  jump block4
block4:
  v5 = load.i64 v1
  return v5
})",
       func);
  promote(func);
  expect_valid(func, "promoted");
  const std::string text = text_of(func);
  EXPECT_EQ(count_insts(func, touches_memory), 0u) << text;
  EXPECT_NE(text.find("block4(v3)"), std::string::npos) << text;
  EXPECT_NE(text.find("block4(v2)"), std::string::npos) << text;
  EXPECT_NE(text.find("block4(v0)"), std::string::npos) << text;
}

TEST(PromoteStackSlots, irreducible_loops) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64 {
  ss0 = explicit_slot 16
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  v3 = iconst.i64 5
  store v3, v2
  store v1, v2+8
  brif v0, block1, block2
block1:
  v4 = load.i64 v2
  v10 = iconst.i64 1
  v5 = isub v4, v10
  store v5, v2
  brif v5, block2, block3
block2:
  v6 = load.i64 v2
  v7 = load.i64 v2+8
  v8 = iadd v7, v6
  store v8, v2+8
  brif v6, block1, block3
block3:
  v9 = load.i64 v2+8
  return v9
})");
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
}

TEST(PromoteStackSlots, unreachable_blocks_get_arguments_too) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64 {
  ss0 = explicit_slot 8
  ss1 = explicit_slot 8
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  store v0, v2
  brif v0, block1, block2
block1:
  store v1, v2
  jump block2
block3:
  v4 = stack_addr.i64 ss1
  store v4, v4
  jump block2
block2:
  v3 = load.i64 v2
  return v3
})");
  EXPECT_EQ(made.memory_insts, 1u) << made.text;
  EXPECT_EQ(made.slot_bytes, 8u) << made.text;
}

TEST(PromoteStackSlots, fields_by_constant_additions) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64 {
  ss0 = explicit_slot 32
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0+24
  v3 = iconst.i64 -16
  v4 = iadd v2, v3
  v5 = iadd v3, v4
  store v0, v4
  store v1, v5+8
  istore32 v1, v5+12
  v6 = load.i64 v2-16
  v7 = load.i64 v2-8
  v8 = uload32 v4+12
  v9 = iadd v6, v7
  v10 = iadd v9, v8
  return v10
})");
  // v4 is byte 8 and v5 byte -8: the first eight bytes are only written, those from 16 on only
  // read.
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
}

TEST(PromoteStackSlots, widths_and_byte_orders) {
  for (const char* order : {"", "little ", "big "}) {
    for (const char* other : {"", "little ", "big "}) {
      std::string text = R"(function %f(i64, i64) -> i64, i64, i64, i64, i64, i64, f32, f64, i16 {
  ss0 = explicit_slot 24
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  store A v0, v2
  istore32 A v1, v2+8
  v20 = bitcast.f64 v1
  store A v20, v2+16
  v3 = load.i64 B v2
  v4 = uload8.i64 B v2+3
  v5 = sload16.i64 B v2+6
  v6 = sload32.i64 B v2
  v7 = uload32 B v2+8
  v8 = sload8.i64 B v2+11
  v9 = load.f32 B v2+4
  v10 = load.f64 B v2
  v11 = load.i16 B v2+19
  return v3, v4, v5, v6, v7, v8, v9, v10, v11
})";
      const auto replace = [&](std::string_view word, std::string_view by) {
        for (usize at; (at = text.find(word)) != std::string::npos;)
          text.replace(at, word.size(), by);
      };
      replace(" A ", std::string(" ") + order);
      replace(" B ", std::string(" ") + other);
      const Promoted made = promoted(text);
      EXPECT_EQ(made.memory_insts, 0u) << made.text;
    }
  }
}

TEST(PromoteStackSlots, vectors) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64, i64, i8x16 {
  ss0 = explicit_slot 48
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  v3 = splat.i64x2 v0
  v4 = insertlane v3, v1, 1
  store little v4, v2
  store little v4, v2+16
  v5 = load.i64x2 little v2
  v6 = load.i32x4 little v2+16
  v7 = load.i8x16 little v2+32
  v8 = extractlane v5, 1
  v9 = bitcast.i64x2 little v6
  v10 = extractlane v9, 0
  return v8, v10, v7
})");
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
}

TEST(PromoteStackSlots, overlapping_accesses_keep_only_their_piece_in_memory) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64, i64 {
  ss0 = explicit_slot 24
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  store v0, v2
  store v0, v2+8
  store v1, v2+12
  v3 = load.i64 v2
  v4 = load.i64 v2+8
  return v3, v4
})");
  EXPECT_EQ(made.memory_insts, 3u) << made.text;
  EXPECT_EQ(made.slot_bytes, 24u);
}

TEST(PromoteStackSlots, stores_without_loads_go) {
  const Promoted made = promoted(R"(function %f(i64, i64) -> i64 {
  ss0 = explicit_slot 24
  ss1 = explicit_slot 4096
block0(v0: i64, v1: i64):
  v2 = stack_addr.i64 ss0
  store v0, v2
  store v1, v2+4
  istore8 v0, v2+3
  v3 = stack_addr.i64 ss1
  return v0
})");
  EXPECT_EQ(made.memory_insts, 0u) << made.text;
  EXPECT_EQ(made.slot_bytes, 0u) << made.text;
}

TEST(PromoteStackSlots, what_escapes_stays) {
  static constexpr std::string_view kUses[] = {
      "v3 = iadd v2, v0\n v5 = load.i64 v2\n return v5",      // an address that is not constant
      "store v2, v2\n return v0",                             // stored
      "v3 = atomic_load.i64 v2\n return v3",                  //
      "v3 = icmp eq v2, v0\n return v0",                      // looked at
      "return v2",                                            //
      "jump block1(v2)\nblock1(v3: i64):\n return v0",        //
      "v3 = load.i64 v2+1\n v5 = load.i64 v2-7\n return v3",  // outside
      "call fn0(v2)\n return v0",                             //
      "call fn0(v0), stack_map=[i64 @ ss0+0]\n return v0",    //
      "v3 = load.i64 v4\n return v3",                         // has a key
  };
  for (const std::string_view use : kUses) {
    const std::string text =
        "function %f(i64) -> i64 {\n ss0 = explicit_slot 8\n ss1 = explicit_slot 8, key = 5\n"
        " fn0 = %g(i64)\nblock0(v0: i64):\n v2 = stack_addr.i64 ss0\n v4 = stack_addr.i64 ss1\n"
        " store v0, v2\n store v0, v4\n " +
        std::string(use) + "\n}\n";
    ir::Function func;
    read(text, func);
    const u32 before = count_insts(func, touches_memory);
    promote(func);
    expect_valid(func, "promoted");
    const bool only_key = use.find("v4\n return v3") != std::string_view::npos &&
                          use.find("v2") == std::string_view::npos;
    EXPECT_EQ(count_insts(func, touches_memory), only_key ? before - 1 : before) << text_of(func);
    EXPECT_EQ(func.stack_slots[ir::StackSlot::from_index(0)].size, only_key ? 0u : 8u)
        << text_of(func);
    EXPECT_EQ(func.stack_slots[ir::StackSlot::from_index(1)].size, 8u) << text_of(func);
  }
}

// ---- slots: limits and growth

// `vars` slots written in the first block and read in the last of a chain of `blocks` blocks with a
// loop each.
std::string live_over_loops(u32 vars, u32 blocks) {
  TextWriter out;
  out.write("function %f(i64) -> i64 {\n");
  for (u32 i = 0; i < vars; ++i) out.put("ss", i, " = explicit_slot 8\n");
  out.write("block0(v0: i64):\n");
  u32 value = 1;
  for (u32 i = 0; i < vars; ++i) {
    out.put("v", value, " = stack_addr.i64 ss", i, "\nstore v0, v", value, "\n");
    ++value;
  }
  out.write("jump block1\n");
  for (u32 i = 1; i <= blocks; ++i) {
    out.put("block", i, ":\nv", value, " = stack_addr.i64 ss", i % vars, "\nstore v0, v", value,
            "\nbrif v0, block", i, ", block", i + 1, "\n");
    ++value;
  }
  out.put("block", blocks + 1, ":\n");
  for (u32 i = 0; i < vars; ++i) {
    out.put("v", value, " = stack_addr.i64 ss", i, "\nv", value + 1, " = load.i64 v", value, "\n");
    value += 2;
  }
  out.write("return v0\n}\n");
  return std::move(out).take();
}

TEST(PromoteStackSlots, stays_linear_when_everything_is_live_everywhere) {
  // All would take 600 times 600 places; the budget pays for some of the slots.
  ir::Function func;
  read(live_over_loops(600, 600), func);
  const u32 before = count_insts(func, touches_memory);
  promote(func);
  expect_valid(func, "promoted");
  EXPECT_LT(count_insts(func, touches_memory), before);
  EXPECT_GT(count_insts(func, touches_memory), 0u);

  ir::Function small;
  read(live_over_loops(20, 600), small);
  promote(small);
  expect_valid(small, "promoted");
  EXPECT_EQ(count_insts(small, touches_memory), 0u);
}

// Slots read and written in the innermost of nested loops.
std::string changed_in_a_nest(u32 vars, u32 depth) {
  TextWriter out;
  out.write("function %f(i64) -> i64 {\n");
  for (u32 i = 0; i < vars; ++i) out.put("ss", i, " = explicit_slot 8\n");
  out.write("block0(v0: i64):\njump block1\n");
  for (u32 i = 1; i < depth; ++i) out.put("block", i, ":\njump block", i + 1, "\n");
  out.put("block", depth, ":\n");
  for (u32 i = 0, value = 1; i < vars; ++i, value += 3) {
    out.put("v", value, " = stack_addr.i64 ss", i, "\nv", value + 1, " = load.i64 v", value, "\nv",
            value + 2, " = iadd v", value + 1, ", v0\nstore v", value + 2, ", v", value, "\n");
  }
  out.put("jump block", depth + 1, "\n");
  for (u32 i = 1; i <= depth; ++i) {
    out.put("block", depth + i, ":\nbrif v0, block", depth + 1 - i, ", block", depth + i + 1, "\n");
  }
  out.put("block", 2 * depth + 1, ":\nreturn v0\n}\n");
  return std::move(out).take();
}

TEST(PromoteStackSlots, adds_no_more_arguments_than_pay) {
  ir::Function func;
  read(changed_in_a_nest(300, 300), func);
  const u32 size = func.dfg.num_insts() + func.dfg.num_blocks();
  const u32 before = count_insts(func, touches_memory);
  promote(func);
  expect_valid(func, "promoted");
  EXPECT_LT(count_insts(func, touches_memory), before);
  EXPECT_GT(count_insts(func, touches_memory), 0u);
  // A header has two edges.
  EXPECT_LE(total_params(func) * 2, limits::kMaxPromotedArgs.value * size);

  ir::Function shallow;
  read(changed_in_a_nest(300, 5), shallow);
  promote(shallow);
  expect_valid(shallow, "promoted");
  EXPECT_EQ(count_insts(shallow, touches_memory), 0u);
  EXPECT_EQ(total_params(shallow), 300u * 5);
}

TEST(PromoteStackSlots, no_block_gets_too_many_parameters) {
  const u32 vars = static_cast<u32>(limits::kMaxPromotedParams.value) + 100;
  TextWriter out;
  out.write("function %f(i64) -> i64 {\n");
  for (u32 i = 0; i < vars; ++i) out.put("ss", i, " = explicit_slot 8\n");
  out.write("block0(v0: i64):\nbrif v0, block1, block2\nblock1:\n");
  u32 value = 1;
  for (u32 i = 0; i < vars; ++i, ++value)
    out.put("v", value, " = stack_addr.i64 ss", i, "\nstore v0, v", value, "\n");
  out.write("jump block2\nblock2:\n");
  for (u32 i = 0; i < vars; ++i, value += 2) {
    out.put("v", value, " = stack_addr.i64 ss", i, "\nv", value + 1, " = load.i64 v", value, "\n");
  }
  out.write("return v0\n}\n");
  ir::Function func;
  read(out.view(), func);
  promote(func);
  expect_valid(func, "promoted");
  EXPECT_EQ(total_params(func), limits::kMaxPromotedParams.value);
  EXPECT_EQ(count_insts(func, touches_memory), 200u);
}

// ---- dead stores

struct DeadStoreCase {
  const char* name;
  u32 removed;
  const char* body;
};
constexpr DeadStoreCase kDeadStores[] = {
    {"overwritten", 1, "store notrap region0 v1, v0\n store notrap region0 v2, v0"},
    {"chain", 3,
     "store notrap v1, v0\n store notrap v2, v0\n store notrap v1, v0\n store notrap v2, v0"},
    {"inside a wider one", 2,
     "istore8 notrap v1, v0+9\n istore32 notrap v1, v0+12\n store notrap v2, v0+8"},
    {"a narrower one", 0, "store notrap v2, v0+8\n istore32 notrap v1, v0+12"},
    {"address by constants", 1,
     "store notrap v1, v0+8\n v9 = iconst.i64 -8\n v8 = iadd v0, v9\n store notrap v2, v8+16"},
    {"next to it", 0, "store notrap v1, v0\n store notrap v2, v0+8"},
    {"read", 0, "store notrap v1, v0\n v9 = load.i64 notrap v0\n store notrap v2, v0"},
    {"read in part", 0, "store notrap v1, v0\n v9 = load.i8 notrap v0+7\n store notrap v2, v0"},
    {"read beside it", 1, "store notrap v1, v0\n v9 = load.i8 notrap v0+8\n store notrap v2, v0"},
    {"read of unknown", 0, "store notrap v1, v0\n v9 = load.i64 notrap v1\n store notrap v2, v0"},
    {"read of its region", 0,
     "store notrap region0 v1, v0\n v9 = load.i64 notrap region0 v1\n store notrap region0 v2, v0"},
    {"read of another region", 1,
     "store notrap region0 v1, v0\n v9 = load.i64 notrap region1 v1\n store notrap region0 v2, v0"},
    {"read of any region", 0,
     "store notrap region0 v1, v0\n v9 = load.i64 notrap v1\n store notrap region0 v2, v0"},
    {"read of what never changes", 1,
     "store notrap v1, v0\n v9 = load.i64 notrap readonly v1\n store notrap v2, v0"},
    {"read that may trap", 0,
     "store notrap region0 v1, v0\n v9 = load.i64 region1 v1\n store notrap region0 v2, v0"},
    {"overwritten in another region", 0,
     "store notrap region0 v1, v0\n store notrap region1 v2, v0"},
    {"overwritten in any region", 1, "store notrap region0 v1, v0\n store notrap v2, v0"},
    {"store to another place between", 1,
     "store notrap v1, v0\n store notrap v1, v1\n store notrap v2, v0"},
    {"store that may trap between", 0,
     "store notrap region0 v1, v0\n store region1 v1, v1\n store notrap region0 v2, v0"},
    {"puts back what was read", 2,
     "v9 = load.i64 notrap v0\n store notrap v1, v0\n store notrap v9, v0"},
    {"puts back what was read, two regions", 4,
     "v9 = load.i64 notrap region0 v0\n v8 = load.i64 notrap region1 v1\n store notrap region0 v1, "
     "v0\n store notrap region1 v1, v1\n store notrap region1 v8, v1\n store notrap region0 v9, "
     "v0"},
    {"puts something else back", 1,
     "v9 = load.i64 notrap v0\n store notrap v1, v0\n store notrap v2, v0"},
    {"puts back what was read elsewhere", 1,
     "v9 = load.i64 notrap v0+8\n store notrap v1, v0\n store notrap v9, v0"},
    {"puts back where it may trap", 1,
     "v9 = load.i64 user1 v0\n store user1 v1, v0\n store user1 v9, v0"},
    {"puts back, but another store may be there", 0,
     "v9 = load.i64 notrap v0\n store notrap v2, v1\n store notrap v9, v0"},
    {"puts back, but another store is in a part of it", 0,
     "v9 = load.i64 notrap v0\n istore8 notrap v2, v0+1\n v8 = load.i8 notrap v0+1\n"
     " store notrap v9, v0"},
    {"puts back behind a call", 0,
     "v9 = load.i64 notrap v0\n store notrap v1, v0\n call fn0(v0)\n store notrap v9, v0"},
    {"puts back in the other byte order", 1,
     "v9 = load.i64 notrap little v0\n store notrap v1, v0\n store notrap big v9, v0"},
    {"puts a part back", 1,
     "v9 = load.i64 notrap v0\n store notrap v1, v0\n istore8 notrap v1, v0\n store notrap v2, "
     "v0+8\n istore8 notrap v9, v0"},
    {"puts back in the next block", 1,
     "v9 = load.i64 notrap v0\n store notrap v1, v0\n brif v1, block1, block2\nblock1:\n store "
     "notrap v9, v0\n jump block3\nblock2:\n store notrap v9, v0\n jump block3\nblock3:"},
    {"both may trap", 1, "store user1 v1, v0\n store user1 v2, v0"},
    {"both may trap, one wider", 0, "istore32 user1 v1, v0\n store user1 v2, v0"},
    {"different codes", 0, "store user1 v1, v0\n store user2 v2, v0"},
    {"only the first may trap", 0, "store user1 v1, v0\n store notrap v2, v0"},
    {"only the second may trap", 0, "store notrap v1, v0\n store user1 v2, v0"},
    {"an effect would come before the trap", 0,
     "store user1 region0 v1, v0\n store notrap region1 v1, v1\n store user1 region0 v2, v0"},
    {"call", 0, "store notrap v1, v0\n call fn0(v0)\n store notrap v2, v0"},
    {"fence", 0, "store notrap v1, v0\n fence\n store notrap v2, v0"},
    {"atomic load", 0,
     "store notrap v1, v0\n v9 = atomic_load.i64 notrap v1\n store notrap v2, v0"},
    {"atomic store", 0, "store notrap v1, v0\n atomic_store notrap v1, v0\n store notrap v2, v0"},
    {"trap", 0, "store notrap v1, v0\n trapz v1, user1\n store notrap v2, v0"},
    {"division", 0, "store notrap v1, v0\n v9 = udiv v1, v2\n store notrap v2, v0"},
    {"sequence point", 0, "store notrap v1, v0\n sequence_point\n store notrap v2, v0"},
    {"next block", 1, "store notrap v1, v0\n jump block1\nblock1:\n store notrap v2, v0"},
    {"both branches", 1,
     "store notrap v1, v0\n brif v1, block1, block2\nblock1:\n store notrap v2, v0\n jump block3\n"
     "block2:\n store notrap v1, v0\n jump block3\nblock3:"},
    {"one branch", 0,
     "store notrap v1, v0\n brif v1, block1, block3\nblock1:\n store notrap v2, v0\n jump "
     "block3\nblock3:"},
    {"behind a meeting", 2,
     "store notrap v1, v0\n brif v1, block1, block2\nblock1:\n store notrap v2, v0\n jump block3\n"
     "block2:\n jump block3\nblock3:\n store notrap v1, v0"},
    {"read on one path", 0,
     "store notrap v1, v0\n brif v1, block1, block2\nblock1:\n v9 = load.i64 notrap v0\n jump "
     "block2\n"
     "block2:\n store notrap v2, v0"},
    {"around a loop", 0,
     "jump block1\nblock1:\n v9 = load.i64 notrap v0\n store notrap v2, v0\n brif v1, block1, "
     "block2\nblock2:"},
    {"an address anew in each turn", 0,
     "jump block1(v0)\nblock1(v9: i64):\n store notrap v1, v9\n v8 = load.i64 notrap region1 "
     "readonly v9+8\n"
     " brif v1, block1(v8), block2\nblock2:"},
    {"an endless loop before", 0,
     "store notrap v1, v0\n jump block1\nblock1:\n brif v1, block1, block2\nblock2:\n store notrap "
     "v2, v0"},
    {"slot of its own across a call", 1,
     "v9 = stack_addr.i64 ss0\n store v1, v9\n call fn0(v0)\n store v2, v9\n v8 = load.i64 v9"},
    {"slot of its own across other reads", 1,
     "v9 = stack_addr.i64 ss0\n store v1, v9\n v7 = load.i64 v0\n v6 = stack_addr.i64 ss0\n store "
     "v2, v6\n v8 = load.i64 v9"},
    {"slot that others know", 0,
     "v9 = stack_addr.i64 ss0\n call fn0(v9)\n store v1, v9\n call fn0(v0)\n store v2, v9\n v8 = "
     "load.i64 v9"},
    {"two slots that others know", 1,
     "v9 = stack_addr.i64 ss0\n v8 = stack_addr.i64 ss1\n call fn0(v9)\n call fn0(v8)\n store v1, "
     "v9\n v7 = load.i64 v8\n"
     " store v2, v9"},
};

TEST(EliminateDeadStores, cases) {
  for (const DeadStoreCase& test : kDeadStores) {
    ir::Function func;
    const std::string text =
        std::string(
            "function %f(i64, i64, i64) {\n ss0 = explicit_slot 8\n ss1 = explicit_slot 8\n"
            " region0 = 0 \"a\"\n region1 = 1 \"b\"\n fn0 = %g(i64)\n"
            "block0(v0: i64, v1: i64, v2: i64):\n ") +
        test.body + "\n return\n}\n";
    read(text, func);
    const u32 before = count_insts(func, is_store);
    EXPECT_EQ(eliminate(func), test.removed) << test.name << "\n" << text_of(func);
    EXPECT_EQ(count_insts(func, is_store), before - test.removed) << test.name << "\n"
                                                                  << text_of(func);
    expect_valid(func, test.name);
  }
}

TEST(EliminateDeadStores, remembers_only_so_many) {
  const u32 limit = static_cast<u32>(limits::kMaxDeadStoreCandidates.value);
  for (const u32 between : {limit - 1, limit}) {
    TextWriter out;
    out.write("function %f(i64) {\nblock0(v0: i64):\n store notrap v0, v0\n");
    for (u32 i = 1; i <= between; ++i) out.put(" store notrap v0, v0+", i * 8, "\n");
    out.write(" store notrap v0, v0\n return\n}\n");
    ir::Function func;
    read(out.view(), func);
    EXPECT_EQ(eliminate(func), between < limit ? 1u : 0u);
  }
}

// ---- random programs

struct RandomTally {
  u64 programs = 0, promoted = 0, removed = 0, returned = 0;
};

void compare_random(u32 seed, RandomTally& tally) {
  fuzzgen::Options options;
  options.i128 = seed % 3 == 0;
  options.vectors = seed % 5 == 0;
  options.big_endian = seed % 2 == 0;
  options.tail_calls = false;
  options.max_functions = 1 + seed % 2;
  std::vector<ir::Function> before, after;
  fuzzgen::Choices choices(seed), again(seed);
  fuzzgen::generate(choices, options, before);
  fuzzgen::generate(again, options, after);
  const bool little = seed % 7 != 0;
  for (ir::Function& func : after) {
    const u32 accesses = count_insts(func, touches_memory);
    if (seed % 4 != 0) promote(func, little);
    ASSERT_NO_FATAL_FAILURE(expect_valid(func, "promoted")) << seed;
    tally.promoted += accesses - count_insts(func, touches_memory);
    if (seed % 4 != 1) tally.removed += eliminate(func);
    ASSERT_NO_FATAL_FAILURE(expect_valid(func, "without dead stores")) << seed;
  }
  interp::Options limits;
  limits.fuel = u64{1} << 20;
  limits.little_endian = little;
  interp::Interpreter one(limits), two(limits);
  for (const ir::Function& func : before) one.add_function(func);
  for (const ir::Function& func : after) two.add_function(func);
  for (u32 call = 0; call < 3; ++call) {
    const std::vector<ir::DataValue> args = fuzzgen::generate_args(choices, before[0].signature);
    const interp::Outcome want = one.run(before[0], args), have = two.run(after[0], args);
    if (want.kind == interp::Outcome::Kind::OutOfFuel) break;
    ASSERT_EQ(want.kind, have.kind) << seed << ": " << want.message << have.message;
    ASSERT_EQ(want.results, have.results) << seed << "\n"
                                          << text_of(before[0]) << text_of(after[0]);
    if (want.kind == interp::Outcome::Kind::Trapped) {
      ASSERT_EQ(want.trap.code, have.trap.code) << seed;
    }
    tally.returned += want.kind == interp::Outcome::Kind::Returned ? 1 : 0;
  }
  ++tally.programs;
}

// GANTRY_OPT_PROGRAMS=n runs more of them.
TEST(StackSlots, random_programs_do_the_same) {
  const char* wanted = std::getenv("GANTRY_OPT_PROGRAMS");
  const u32 count = wanted != nullptr ? static_cast<u32>(std::atoi(wanted)) : 1500;
  RandomTally tally;
  for (u32 seed = 0; seed < count; ++seed) ASSERT_NO_FATAL_FAILURE(compare_random(seed, tally));
  std::printf(
      "%llu programs, %llu accesses promoted, %llu dead stores removed, %llu calls returned\n",
      static_cast<unsigned long long>(tally.programs),
      static_cast<unsigned long long>(tally.promoted),
      static_cast<unsigned long long>(tally.removed),
      static_cast<unsigned long long>(tally.returned));
  EXPECT_GT(tally.promoted, tally.programs);
  EXPECT_GT(tally.removed * 20, tally.programs);
  EXPECT_GT(tally.returned, tally.programs);
}

}  // namespace
}  // namespace gantry::opt

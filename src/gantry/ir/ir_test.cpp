#include <gtest/gtest.h>

#include "gantry/ir/builder.h"
#include "gantry/ir/inst_view.h"
#include "gantry/ir/printer.h"

namespace gantry::ir {
namespace {

TEST(Type, names_go_both_ways) {
  for (const std::string_view name : {"i8", "i128", "f16", "f128", "i32x4", "f64x2", "i8x256"}) {
    const Type type = type_from_name(name);
    ASSERT_TRUE(type.is_valid()) << name;
    TextWriter out;
    write_type(type, out);
    EXPECT_EQ(out.view(), name);
  }
  EXPECT_EQ(type_from_name("i32x1"), kI32);
  for (const std::string_view name :
       {"", "i", "i9", "i32x", "i32x3", "i32x512", "i32x04", "b8", "i32x4y"}) {
    EXPECT_FALSE(type_from_name(name).is_valid()) << name;
  }
}

TEST(Type, derived) {
  EXPECT_EQ(type_from_name("i32x4").lane_type(), kI32);
  EXPECT_EQ(type_from_name("f32x4").as_truthy(), type_from_name("i32x4"));
  EXPECT_EQ(kF64.as_truthy(), kI8);
  EXPECT_EQ(type_from_name("i32x4").split_lanes(), type_from_name("i16x8"));
  EXPECT_EQ(type_from_name("i32x4").merge_lanes(), type_from_name("i64x2"));
  EXPECT_FALSE(kI8.half_width().is_valid());
  EXPECT_EQ(type_from_name("i64x2").bytes(), 16u);
  EXPECT_EQ(kI32.by(4).dynamic().dynamic_to_vector(), kI32.by(4));
}

TEST(InstInfo, every_opcode_is_found_by_name) {
  for (u32 i = 0; i < kNumOpcodes; ++i) {
    const Opcode op = static_cast<Opcode>(i);
    ASSERT_EQ(opcode_from_name(name_of(op)), op);
  }
  EXPECT_FALSE(opcode_from_name("iadd_imm").has_value());
}

TEST(InstInfo, types_follow_the_table) {
  EXPECT_EQ(result_type(Opcode::Icmp, 0, kI64), kI8);
  EXPECT_EQ(result_type(Opcode::Isplit, 1, kI128), kI64);
  EXPECT_EQ(result_type(Opcode::UaddOverflow, 1, kI32), kI8);
  EXPECT_EQ(operand_type(Opcode::Iadd, 1, kI16), kI16);
  EXPECT_TRUE(allowed_operand_type(Opcode::Ishl, 1, kI64, kI8));
  EXPECT_TRUE(allowed_operand_type(Opcode::Uextend, 0, kI64, kI8));
  EXPECT_FALSE(allowed_operand_type(Opcode::Uextend, 0, kI64, kI64));
  EXPECT_FALSE(allowed_operand_type(Opcode::Uextend, 0, kI64, kF32));
  EXPECT_FALSE(allowed_control_type(Opcode::Iadd, kF32));
}

TEST(Conditions, are_involutions) {
  for (u8 i = 0; i < 10; ++i) {
    const IntCC cc = static_cast<IntCC>(i);
    EXPECT_EQ(negated(negated(cc)), cc);
    EXPECT_EQ(swapped(swapped(cc)), cc);
  }
  for (u8 i = 0; i < 14; ++i) {
    const FloatCC cc = static_cast<FloatCC>(i);
    EXPECT_EQ(negated(negated(cc)), cc);
    EXPECT_EQ(swapped(swapped(cc)), cc);
  }
  EXPECT_EQ(negated(FloatCC::LessThan), FloatCC::UnorderedOrGreaterThanOrEqual);
}

TEST(Builder, makes_instructions_with_results) {
  Function func;
  Builder build(func);
  const Block entry = build.create_block();
  const Block next = build.create_block();
  const Value a = func.dfg.append_block_param(entry, kI32);
  build.switch_to_block(entry);
  const Value sum = build.iadd_imm_s(a, -1);
  const auto [low, carry] = build.uadd_overflow(sum, a);
  build.jump(build.block_call(next, {low}));
  const Value param = func.dfg.append_block_param(next, kI32);
  build.switch_to_block(next);
  build.return_(std::array{param});
  EXPECT_EQ(func.dfg.type(sum), kI32);
  EXPECT_EQ(func.dfg.type(carry), kI8);
  const Inst constant = *func.layout.first_inst(entry);
  EXPECT_EQ(func.dfg[constant].wide(), 0xffffffffu);  // masked to the width
  EXPECT_EQ(InstView(func.dfg[*func.layout.last_inst(entry)]).kind(), InstView::Kind::Jump);
  u32 targets = 0;
  func.dfg.for_each_block_call(*func.layout.last_inst(entry), [&, passed = low](BlockCall call) {
    ++targets;
    EXPECT_EQ(call.block(func.dfg.lists()), next);
    EXPECT_EQ(BlockArg::decoded(call.args(func.dfg.lists())[0]), BlockArg::value(passed));
  });
  EXPECT_EQ(targets, 1u);
}

TEST(DataFlowGraph, aliases_resolve_and_refuse_cycles) {
  Function func;
  Builder build(func);
  const Block entry = build.create_block();
  const Value a = func.dfg.append_block_param(entry, kI32);
  func.dfg.ensure_values(4);
  const Value b = Value::from_index(2), c = Value::from_index(3);
  EXPECT_TRUE(func.dfg.make_alias(b, a));
  EXPECT_TRUE(func.dfg.make_alias(c, b));
  EXPECT_FALSE(func.dfg.make_alias(a, c));
  EXPECT_FALSE(func.dfg.make_alias(a, a));
  EXPECT_EQ(func.dfg.resolve(c), a);
  // c names what b stood for, so this closes nothing.
  EXPECT_TRUE(func.dfg.make_alias(b, c));
  EXPECT_EQ(func.dfg.resolve(b), a);
  EXPECT_EQ(func.dfg.written_target(b), a);
  EXPECT_EQ(func.dfg.written_target(c), a);
}

TEST(DataFlowGraph, memory_flags_are_interned) {
  Function func;
  MemFlags flags;
  EXPECT_EQ(func.dfg.intern(flags).index, 0);
  for (u32 region = 0; region < 1000; ++region) {
    flags.region = AliasRegion::from_index(region);
    const MemFlagsId id = func.dfg.intern(flags);
    EXPECT_EQ(id, func.dfg.intern(flags));
    EXPECT_EQ(func.dfg.mem_flags(id), flags);
  }
}

TEST(Layout, orders_blocks_and_instructions) {
  Function func;
  Builder build(func);
  const Block a = build.create_block(), b = build.create_block(), c = build.create_block();
  build.switch_to_block(a);
  const Value one = build.iconst(kI32, 1);
  const Value two = build.iconst(kI32, 2);
  build.switch_to_block(c);
  build.trap({1});
  func.layout.set_cold(b);
  func.layout.insert_block_after(b, a);
  std::vector<Block> order;
  for (const Block block : func.layout.blocks()) order.push_back(block);
  EXPECT_EQ(order, (std::vector{a, b, c}));
  EXPECT_TRUE(func.layout.is_cold(b));
  const Inst first = *func.dfg.defining_inst(one), second = *func.dfg.defining_inst(two);
  func.layout.remove_inst(first);
  func.layout.insert_inst_before(first, second);
  EXPECT_EQ(func.layout.first_inst(a), first);
  EXPECT_EQ(func.layout.next_inst(first), second);
  func.layout.remove_inst(first);
  func.layout.remove_inst(second);
  func.layout.remove_block(a);
  EXPECT_EQ(*func.layout.entry(), b);
}

std::string text_of(const Function& func) {
  TextWriter out;
  print(func, out);
  return std::move(out).take();
}

TEST(Printer, functions_made_by_the_builder) {
  Function func;
  func.name.is_user = false;
  func.name.text = "f";
  func.signature.params = {{kI32}, {kI64, ArgExtension::None, ArgPurpose::VmContext}};
  func.signature.returns = {{kI8, ArgExtension::Uext}};
  Builder build(func);
  const Block entry = build.create_block(), next = build.create_block();
  const Value a = func.dfg.append_block_param(entry, kI32);
  const Value context = func.dfg.append_block_param(entry, kI64);
  func.stack_slots.push({16, 4, 7});
  func.stack_slots.push({10000, 0, std::nullopt});
  build.switch_to_block(entry);
  const Value one = build.iconst(kI32, -1);
  const Value sum = build.iadd(a, one);
  const Value big = build.iconst(kI64, 0x12345);
  MemFlags flags;
  flags.trap = {};
  flags.aligned = true;
  flags.byte_order = ByteOrder::Little;
  build.store(flags, sum, context, -10000);
  build.fence();
  build.brif(sum, build.block_call(next, {one}), build.block_call(next, {sum}));
  const Value param = func.dfg.append_block_param(next, kI32);
  func.layout.set_cold(next);
  build.switch_to_block(next);
  const Value less = build.icmp(IntCC::SignedLessThan, param, a);
  const Value other = build.icmp(IntCC::Equal, a, param);
  build.return_(std::array{less});
  EXPECT_EQ(text_of(func),
            "function %f(i32, i64 vmctx) -> i8 uext fast {\n"
            "    ss0 = explicit_slot 16, align = 16, key = 7\n"
            "    ss1 = explicit_slot 10000\n"
            "\n"
            "block0(v0: i32, v1: i64):\n"
            "    v2 = iconst.i32 -1\n"
            "    v3 = iadd v0, v2  ; v2 = -1\n"
            "    v4 = iconst.i64 0x0001_2345\n"
            "    store notrap aligned little v3, v1-10000\n"
            "    fence \n"
            "    brif v3, block1(v2), block1(v3)  ; v2 = -1\n"
            "\n"
            "block1(v5: i32) cold:\n"
            "    v6 = icmp slt v5, v0\n"
            "    v7 = icmp.i32 eq v0, v5\n"
            "    return v6\n"
            "}\n");
  TextWriter line;
  print_inst(func, *func.dfg.defining_inst(other), line);
  EXPECT_EQ(line.view(), "v7 = icmp.i32 eq v0, v5");
  EXPECT_EQ(func.dfg.type(big), kI64);
}

TEST(Printer, aliases_follow_what_they_stand_for) {
  Function func;
  Builder build(func);
  const Block entry = build.create_block();
  const Value a = func.dfg.append_block_param(entry, kI32);
  func.dfg.ensure_values(8);
  const auto value = [](u32 number) { return Value::from_index(number); };
  func.dfg.make_alias_as_written(value(3), a);
  func.dfg.make_alias_as_written(value(2), a);
  func.dfg.make_alias_as_written(value(1), value(2));
  func.dfg.make_alias_as_written(value(4), value(1));
  func.dfg.make_alias_as_written(value(5), value(2));
  func.layout.append_block(entry);
  EXPECT_EQ(func.dfg.resolve(value(4)), a);
  EXPECT_EQ(text_of(func),
            "function u0:0() fast {\nblock0(v0: i32):\n    v2 -> v0\n    v3 -> v0\n    v1 -> v2\n  "
            "  v5 -> v2\n"
            "    v4 -> v1\n}\n");
}

TEST(Printer, float_literals) {
  const auto text = [](Type type, u128 bits) {
    TextWriter out;
    print_float(type, bits, out);
    return std::move(out).take();
  };
  EXPECT_EQ(text(kF16, 0x3c00), "0x1.000p0");
  EXPECT_EQ(text(kF16, 0x0001), "0x0.004p-14");
  EXPECT_EQ(text(kF32, 0xc0490fdb), "-0x1.921fb6p1");
  EXPECT_EQ(text(kF64, 0x3ff8000000000000), "0x1.8000000000000p0");
  EXPECT_EQ(text(kF32, 0), "0.0");
  EXPECT_EQ(text(kF32, 0x80000000), "-0.0");
  EXPECT_EQ(text(kF32, 0x7f800000), "+Inf");
  EXPECT_EQ(text(kF32, 0xffc00000), "-NaN");
  EXPECT_EQ(text(kF32, 0x7fc00001), "+NaN:0x1");
  EXPECT_EQ(text(kF32, 0x7f80000a), "+sNaN:0xa");
  EXPECT_EQ(text(kF128, u128{0x3fff} << 112), "0x1.0000000000000000000000000000p0");
}

TEST(DataFlowGraph, equal_constants_are_one) {
  Function func;
  const std::array<u8, 4> bytes{1, 2, 3, 4};
  const Constant first = func.dfg.add_constant(bytes);
  for (u32 i = 0; i < 1000; ++i) {
    const std::array<u8, 2> other{static_cast<u8>(i), static_cast<u8>(i >> 8)};
    EXPECT_EQ(func.dfg.add_constant(other), func.dfg.add_constant(other));
  }
  EXPECT_EQ(func.dfg.num_constants(), 1001u);
  EXPECT_EQ(func.dfg.add_constant(bytes), first);
}

TEST(Function, names_are_interned_with_holes) {
  Function func;
  for (u32 i = 0; i < 100; ++i) EXPECT_EQ(func.intern_user_name({1, i % 30}).index, i % 30);
  func.ensure_user_names(50);
  EXPECT_EQ(func.intern_user_name({1, 7}).index, 7u);
  EXPECT_EQ(func.intern_user_name({2, 7}).index, 50u);
  TextWriter out;
  print_external_name(func, {ExternalName::Kind::User, 40}, out);
  EXPECT_EQ(out.view(), "userextname40");
}

}  // namespace
}  // namespace gantry::ir

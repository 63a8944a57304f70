#include "gantry/verifier/verifier.h"

#include <gtest/gtest.h>

#include <chrono>

#include "gantry/ir/builder.h"
#include "gantry/reader/reader.h"

namespace gantry::verifier {
namespace {

using ir::Block;
using ir::Function;
using ir::Inst;
using ir::kI32;
using ir::kI64;
using ir::Opcode;
using ir::Value;

constexpr Environment kNoIsa;
constexpr Environment k64{.has_isa = true};
constexpr Environment k32{.has_isa = true, .pointer_type = ir::kI32};
constexpr Environment kAllSettings{
    .has_isa = true, .enable_pinned_reg = true, .preserve_frame_pointers = true};

std::vector<std::string> findings_of(const Function& func, const Environment& environment) {
  std::vector<Finding> findings;
  const bool is_valid = Verifier().verify(func, environment, findings);
  EXPECT_EQ(is_valid, findings.empty());
  std::vector<std::string> texts;
  for (const Finding& finding : findings) {
    TextWriter out;
    write_finding(finding, out);
    texts.push_back(std::move(out).take());
  }
  return texts;
}

// A function in text, and what must be found: `LOCATION: part of the message`, in order and nothing
// else.
struct Case {
  const char* text;
  std::vector<const char*> expected;
  Environment environment = kNoIsa;
};

void expect_case(const Case& test) {
  reader::Reader reader(test.text, {});
  reader.header();
  Function func;
  ASSERT_TRUE(reader.next(func)) << test.text;
  ASSERT_EQ(reader.errors_in_last(), 0u) << test.text << reader.diagnostics()[0].message;
  const std::vector<std::string> found = findings_of(func, test.environment);
  std::string all;
  for (const std::string& text : found) all += text + "\n";
  ASSERT_EQ(found.size(), test.expected.size()) << test.text << "\n" << all;
  for (usize i = 0; i < found.size(); ++i) {
    const std::string_view wanted = test.expected[i];
    const usize colon = wanted.find(':');
    const std::string_view where = wanted.substr(0, colon), message = wanted.substr(colon + 2);
    EXPECT_TRUE(found[i].starts_with(std::string(where) + " (") ||
                found[i].starts_with(std::string(where) + ":"))
        << test.text << "\n"
        << found[i] << "\nwanted " << wanted;
    EXPECT_NE(found[i].find(message), std::string::npos) << test.text << "\n"
                                                         << found[i] << "\nwanted " << wanted;
  }
}

const Case kCases[] = {
    // -- signatures
    {"function %f(f32 uext) { block0(v0: f32): return }",
     {"function: only scalar integers can be extended"}},
    {"function %f() -> i64 sarg(8) { block0: trap user1 }",
     {"function: cannot have the purpose `sarg`"}},
    {"function %f(i64 sret, i64 sret) { block0(v0: i64, v1: i64): return }",
     {"function: more than one `sret`"}},
    {"function %f(i64 vmctx, i64 vmctx) { block0(v0: i64, v1: i64): return }",
     {"function: more than one `vmctx`"}},
    {"function %f() -> i8 preserve_all { block0: trap user1 }",
     {"function: Signature with `preserve_all` ABI cannot"}},
    {"function %f() { sig0 = () -> i8 preserve_all\n block0: return }",
     {"sig0: Signature with `preserve_all`"}},
    {"function %f() { fn0 = %g() -> i8 preserve_all\n block0: return }",
     {"fn0: Signature with `preserve_all`"}},
    // -- global values
    {"function %f() { gv0 = vmctx\n block0: return }", {"gv0: undeclared vmctx reference"}},
    {"function %f() { gv0 = load.i64 notrap aligned gv1\n gv1 = load.i64 notrap aligned gv0\n "
     "block0: return }",
     {"gv0: global value cycle: [gv0, gv1]"}},
    {"function %f() { gv0 = iadd_imm.i64 gv1, 1\n gv1 = iadd_imm.i64 gv1, 1\n block0: return }",
     {"gv1: global value cycle: [gv1]"}},
    {"function %f(i64 vmctx) { gv0 = vmctx\n gv1 = load.i32 notrap aligned gv0\n gv2 = load.i32 "
     "notrap aligned gv1\n"
     " block0(v0: i64): return }",
     {"gv2: base gv1 has type i32, which is not the pointer type i64"},
     k64},
    {"function %f(i64 vmctx) { gv0 = vmctx\n gv1 = iadd_imm.i32 gv0, 4\n block0(v0: i64): return }",
     {"gv1: base gv0 has type i64, expected i32"},
     k64},
    {"function %f() { gv0 = symbol %a\n dt0 = i32x4*gv0\n block0: return }",
     {"dt0: gv0 is not a dynamic scale"}},
    {"function %f() { region0 = 36 \"a\"\n region1 = 36 \"b\"\n block0: return }",
     {"region1: duplicate alias region user_id 36"}},
    // -- blocks
    {"function %f() { block0 cold: return }", {"block0: entry block cannot be marked as cold"}},
    {"function %f() { block0: jump block0 }",
     {"inst0: entry block block0 cannot be the target of a branch"}},
    {"function %f(i32) { block0: return }",
     {"block0: entry block parameters must match function signature"}},
    {"function %f(i32) { block0(v0: i64): return }",
     {"block0: entry block parameter 0 (v0) has type i64, must match function signature of i32"}},
    {"function %f() { block0: trap user1 return }",
     {"inst0: terminator instruction was encountered before the end of block0"}},
    {"function %f() { block0: nop }", {"block0: does not end in a terminator"}},
    {"function %f() { block0: jump block1 block1: }", {"block1: is empty"}},
    {"function %f() { }", {"function: function has no blocks"}},
    {"function %f() { block0: jump block7 }", {"inst0: invalid block reference block7"}},
    {"function %f(i32) { block0(v0: i32): br_table v0, block1, [block1, block3] block1: return }",
     {"inst0: invalid block reference block3"}},
    // -- dominance
    {"function %f(i32) { block0(v0: i32): v1 = iadd.i32 v2, v0 v2 = iadd.i32 v1, v0 return }",
     {"inst0: uses value v2 from non-dominating inst1"}},
    {"function %f(i32) { block0(v0: i32): v1 = iadd.i32 v1, v0 return }",
     {"inst0: uses value v1 from itself"}},
    {"function %f(i32) { block0(v0: i32): v1 = iadd v0, v10 return block1(v10: i32): return }",
     {"inst0: uses value arg from non-dominating block1"}},
    {"function %f(i32) { block0(v0: i32): brif v0, block1, block2 block1: v1 = iconst.i32 1 jump "
     "block2\n"
     "block2: v2 = iadd.i32 v1, v1 return }",
     {"inst3: uses value v1 from non-dominating inst1",
      "inst3: uses value v1 from non-dominating inst1"}},
    {"function %f(i32) { block0(v0: i32): brif v0, block1, block2 block1: v1 = iconst.i32 1 jump "
     "block2\n"
     "block2: jump block3(v1) block3(v2: i32): return }",
     {"inst3: uses value v1 from non-dominating inst1"}},
    // -- types
    {"function %f(i32, i64) { block0(v0: i32, v1: i64): v2 = iadd.i32 v0, v1 return }",
     {"inst0: arg 1 (v1) has type i64, expected i32"}},
    {"function %f(i64) { block0(v0: i64): v1 = uextend.i64 v0 return }",
     {"inst0: arg 0 (v0) has type i64, which uextend does not take"}},
    {"function %f() { block0: v0 = iconst.i32 42 v1 = scalar_to_vector.f32x4 v0 return }",
     {"inst1: arg 0 (v0) has type i32, expected f32"}},
    {"function %f(f64x2) { block0(v0: f64x2): v1 = fcvt_to_sint_sat.i32x4 v0 return }",
     {"inst0: conversion from f64x2 to i32x4: numbers of lanes differ"}},
    // -- branches
    {"function %f(i32) { block0(v0: i32): jump block1 block1(v1: i32): return }",
     {"inst0: mismatched argument count for `jump block1`: got 0 for block1, expected 1"}},
    {"function %f(i32) { block0(v0: i32): jump block1(v0) block1(v1: i64): return }",
     {"inst0: arg 0 (v0) has type i32, expected i64 for block1"}},
    {"function %f(i64) { block0(v0: i64): br_table v0, block1, [] block1: return }",
     {"inst0: arg 0 (v0) has type i64, expected i32"}},
    {"function %f() -> i32 { block0: return }",
     {"inst0: arguments of return must match function signature"}},
    {"function %f(i64) -> i32 { block0(v0: i64): return v0 }",
     {"inst0: result 0 has type i64, must match function signature of i32"}},
    // -- calls
    {"function %f() { fn0 = %g(i32)\n block0: call fn0() return }",
     {"inst0: mismatched argument count for `call fn0()`: got 0, expected 1"}},
    {"function %f(i64) { fn0 = %g(i32)\n block0(v0: i64): call fn0(v0) return }",
     {"inst0: arg 0 (v0) has type i64, expected i32"}},
    {"function %f(i32) { sig0 = ()\n block0(v0: i32): call_indirect sig0, v0() return }",
     {"inst0: callee v0 has type i32, which is not the pointer type i64"},
     k64},
    {"function %f() { fn0 = patchable %g()\n block0: call fn0() return }",
     {"inst0: patchable call to non-colocated function"}},
    {"function %f() { fn0 = colocated patchable %g() -> i32\n block0: v0 = call fn0() return }",
     {"inst0: patchable call cannot occur to a function with return values"}},
    {"function %f() tail { fn0 = colocated patchable %g() tail\n block0: return_call fn0() }",
     {"inst0: patchable call cannot be a tail call"}},
    {"function %f() tail { fn0 = %g() fast\n block0: return_call fn0() }",
     {"inst0: calling convention `fast` does not support tail calls",
      "inst0: callee's calling convention must match caller"}},
    {"function %f() tail { fn0 = %g() -> i32 tail\n block0: return_call fn0() }",
     {"inst0: results of callee must match caller"}},
    {"function %f() -> i32 tail { fn0 = %g() -> i64 tail\n block0: return_call fn0() }",
     {"inst0: result 0 has type i64, must match function signature of i32"}},
    // -- exceptions
    {"function %f() { sig0 = () fast\n fn0 = %g sig0\n block0: try_call fn0(), sig0, block1, [] "
     "block1: return }",
     {"inst0: calling convention `fast` does not support exceptions"}},
    {"function %f() { sig0 = () tail\n sig1 = (i32) tail\n fn0 = %g sig0\n"
     "block0: try_call fn0(), sig1, block1, [] block1: return }",
     {"inst0: signature sig1 of the exception table differs from the signature of the callee"}},
    {"function %f() { sig0 = () -> i32 tail\n fn0 = %g sig0\n"
     "block0: try_call fn0(), sig0, block1(ret1), [ default: block2(exn2) ] block1(v0: i32): "
     "return\n"
     "block2(v1: i64): return }",
     {"inst0: ret1 does not exist: the callee returns 1 values",
      "inst0: exn2 does not exist: the callee's convention has 2 payload words"}},
    {"function %f() { sig0 = () -> i32 tail\n fn0 = %g sig0\n"
     "block0: try_call fn0(), sig0, block1(exn0), [ default: block2(ret0) ] block1(v0: i64): "
     "return\n"
     "block2(v1: i32): return }",
     {"inst0: exn0 can only stand on an exceptional edge",
      "inst0: ret0 can only stand on the normal edge"}},
    {"function %f() { sig0 = () -> i32 tail\n fn0 = %g sig0\n"
     "block0: try_call fn0(), sig0, block1(ret0), [ default: block2(exn0) ] block1(v0: i64): "
     "return\n"
     "block2(v1: i32): return }",
     {"inst0: arg 0 (ret0) has type i32, expected i64 for block1",
      "inst0: arg 0 (exn0) has type i64, expected i32 for block2"},
     k64},
    {"function %f() { block0: jump block1(ret0) block1(v0: i32): return }",
     {"inst0: retN and exnN can only stand on the edges of a try_call"}},
    {"function %f() { block0: v0 = get_exception_handler_address.i64 block0, 0 return }",
     {"inst0: block0 does not end in a try_call"}},
    {"function %f() { sig0 = () tail\n fn0 = %g sig0\n block0: v0 = "
     "get_exception_handler_address.i64 block0, 1\n"
     "try_call fn0(), sig0, block1, [ default: block1 ] block1: return }",
     {"inst0: exceptional edge 1 does not exist: the try_call of block0 has 1"}},
    // -- memory
    {"function %f(i64) { block0(v0: i64): v1 = load.i8 v0 return }",
     {"inst0: invalid pointer width (got 64, expected 32) encountered v0"},
     k32},
    {"function %f(i64) { block0(v0: i64): store.i64 v0, v0 return }",
     {"inst0: invalid pointer width (got 64, expected 32) encountered v0"},
     k32},
    {"function %f(i64) { block0(v0: i64): v1 = load.i32 notrap region0 v0 return }",
     {"inst0: undefined alias region region0"}},
    {"function %f(i64) { block0(v0: i64): store.i64 readonly v0, v0 return }",
     {"inst0: A store instruction cannot have the `readonly` MemFlag"}},
    {"function %f(i64) { block0(v0: i64): v1 = bitcast.i32 v0 return }",
     {"inst0: bitcast from i64 to i32: sizes differ"}},
    {"function %f(i64) { block0(v0: i64): v1 = bitcast.i32x2 v0 return }",
     {"inst0: bitcast that changes the number of lanes must have `little` or `big`"}},
    // -- immediates
    {"function %f() { const13 = 0x0102030405\n block0: v0 = vconst.i32x4 const13 return }",
     {"inst0: The instruction expects const13 to have a size of 16 bytes but it has 5"}},
    {"function %f(i32x4) { block0(v0: i32x4): v1 = extractlane v0, 4 return }",
     {"inst0: lane 4 does not exist in i32x4"}},
    {"function %f(i8x16) { block0(v0: i8x16): v1 = shuffle v0, v0, [0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
     "32] return }",
     {"inst0: shuffle index 32 is greater than 31"}},
    {"function %f() { gv0 = symbol %s\n block0: v0 = symbol_value.i32 gv0 return }",
     {"inst0: global_value instruction with type i32 references global value with type i64"},
     k64},
    {"function %f(i64 vmctx) { gv0 = vmctx\n block0(v0: i64): v1 = tls_value.i64 gv0 return }",
     {"inst0: tls_value of gv0, which is not a symbol"}},
    {"function %f() { block0: v0 = get_pinned_reg.i64 return }",
     {"inst0: get_pinned_reg needs an ISA"}},
    {"function %f() { block0: v0 = get_pinned_reg.i64 return }",
     {"inst0: get_pinned_reg needs the setting `enable_pinned_reg`"},
     k64},
    {"function %f() { block0: v0 = get_frame_pointer.i64 return }",
     {"inst0: get_frame_pointer needs the setting `preserve_frame_pointers`"},
     k64},
    {"function %f() { block0: v0 = get_frame_pointer.i64 set_pinned_reg v0 v1 = "
     "get_return_address.i64 return }",
     {},
     kAllSettings},
    {"function %f(i32) { block0(v0: i32): <0> v1 = iadd.i32 v0, v0 return }",
     {"inst0: debug tags present on non-call, non-sequence point instruction"}},
    {"function %f() { ss0 = explicit_slot 8\n fn0 = %g()\n block0: call fn0(), stack_map=[i64 @ "
     "ss0+4] return }",
     {"inst0: stack map entry i64 at ss0+4 ends outside of the slot"}},
    // -- what is allowed
    {"function %f() { block0: jump block2 block2: jump block2 block3(v2: i32): jump block9(v2)\n"
     "block9(v7: i32): v9 = iadd.i32 v2, v7 return }",
     {}},
    {"function %f(i32) -> i32 { block0(v0: i32): v1 -> v0 v2 -> v1 v3 = iadd.i32 v2, v1 return v3 "
     "}",
     {}},
};

TEST(Verifier, each_rule_has_its_message) {
  for (const Case& test : kCases) expect_case(test);
}

// ---- what text cannot say

struct Built {
  Function func;
  ir::Builder builder{func};
  Block entry = builder.create_block();
  Value param = func.dfg.append_block_param(entry, kI64);
  Built() {
    func.signature.params = {{kI64}};
    builder.switch_to_block(entry);
  }
  // Around the builder, which refuses operands that do not exist.
  void insert_unchecked(const ir::InstData& data, ir::Type control) {
    const Inst inst = func.dfg.make_inst(data);
    func.dfg.make_results(inst, control);
    func.layout.append_inst(inst, entry);
  }
  void expect(std::string_view message, const Environment& environment = kNoIsa) {
    const std::vector<std::string> found = findings_of(func, environment);
    ASSERT_FALSE(found.empty()) << message;
    bool is_there = false;
    for (const std::string& text : found)
      is_there = is_there || text.find(message) != std::string::npos;
    EXPECT_TRUE(is_there) << found[0] << "\nwanted " << message;
  }
};

TEST(Verifier, numbers_out_of_range) {
  // An instruction record with words that name nothing, for every opcode.
  for (u32 number = 0; number < ir::kNumOpcodes; ++number) {
    for (const u32 word :
         {0u, 1u, 2u, 3u, 1000u, 0x40000000u, 0x7fffffffu, 0xc0000001u, 0xfffffffeu}) {
      Built built;
      const Inst inst =
          built.func.dfg.make_inst({static_cast<Opcode>(number), 200, 77, {word, word, word}});
      built.func.dfg.append_result(inst, kI64);
      built.func.layout.append_inst(inst, built.entry);
      built.builder.return_({});
      (void)findings_of(built.func, k64);
    }
  }
}

TEST(Verifier, broken_bodies) {
  const auto with = [](auto&& change, std::string_view message,
                       const Environment& environment = kNoIsa) {
    Built built;
    change(built);
    built.expect(message, environment);
  };
  const auto finish = [](Built& built) { built.builder.return_({}); };
  with(
      [&](Built& b) {
        b.func.layout.append_inst(b.func.dfg.make_inst({static_cast<Opcode>(200)}), b.entry);
      },
      "unknown opcode");
  with(
      [&](Built& b) {
        b.insert_unchecked({Opcode::Iadd, 0, 0, {77, 0, 0}}, kI64), finish(b);
      },
      "uses undefined value v77");
  with(
      [&](Built& b) {
        b.func.dfg.make_inst({});
        const Inst elsewhere = b.func.dfg.make_inst({Opcode::Iconst});
        const Value value = b.func.dfg.append_result(elsewhere, kI64);
        b.builder.ineg(value), finish(b);
      },
      "which is not in the layout");
  with(
      [&](Built& b) {
        const Block elsewhere = b.builder.create_block();
        b.builder.ineg(b.func.dfg.append_block_param(elsewhere, kI64)), finish(b);
      },
      "from block1, which is not in the layout");
  with([&](Built& b) { b.builder.trap({0}); }, "trap code is missing");
  with(
      [&](Built& b) {
        const Value value = b.builder.iconst(ir::kI8, 1);
        b.func.dfg[Inst::from_index(0)].set_wide(256);
        (void)value, finish(b);
      },
      "constant 0x100 does not fit 8 bits");
  with([&](Built& b) { b.func.stack_limit = ir::GlobalValue::from_index(3), finish(b); },
       "undefined global value gv3");
  with([&](Built& b) { b.func.stack_slots.push({8, 40, {}}), finish(b); }, "alignment of 2^40");
  with([&](Built& b) { b.func.signature.params[0].type = ir::Type::from_code(3), finish(b); },
       "invalid type");
  with([&](Built& b) { b.func.signature.call_conv = static_cast<ir::CallConv>(99), finish(b); },
       "unknown calling convention");
  with(
      [&](Built& b) {
        b.func.dfg.append_block_param(b.entry, ir::Type::from_code(0x1ff)), finish(b);
      },
      "is not defined as parameter 1");
  with(
      [&](Built& b) {
        b.func.global_values.push(
            {ir::GlobalValueData::Kind::Load, false, false, kI64, {}, {}, 0, {}}),
            finish(b);
      },
      "global value has no base");
  with(
      [&](Built& b) {
        b.func.dfg.ext_funcs.push({{}, ir::SigRef::from_index(5), false, false}), finish(b);
      },
      "undefined signature sig5");
  with(
      [&](Built& b) { b.func.dynamic_stack_slots.push(ir::DynamicType::from_index(2)), finish(b); },
      "undefined dynamic type dt2");
  with(
      [&](Built& b) {
        const Inst inst =
            b.builder.iconst(kI64, 1) == b.param ? Inst::from_index(9) : Inst::from_index(0);
        const ir::StackMapEntry entry{kI64, ir::StackSlot::from_index(0), 0};
        b.func.set_stack_map(inst, {&entry, 1}), finish(b);
      },
      "stack map on an instruction that is not a call that returns");
  with(
      [&](Built& b) {
        b.builder.iconst(kI64, 1);
        b.func.dfg.append_result(Inst::from_index(0), kI64), finish(b);
      },
      "mismatched result count");
}

TEST(Verifier, the_number_of_findings_is_bounded) {
  Built built;
  for (u32 i = 0; i < 3000; ++i)
    built.insert_unchecked({Opcode::Iadd, 0, 0, {1'000'000, 0, 0}}, kI64);
  built.builder.return_({});
  EXPECT_EQ(findings_of(built.func, kNoIsa).size(), kMaxFindings);
}

TEST(Verifier, first_finding_as_an_error) {
  Built built;
  const Value narrow = built.builder.iconst(kI32, 1);
  built.insert_unchecked({Opcode::Iadd, 0, 0, {built.param.index(), narrow.index(), 0}}, kI64);
  built.insert_unchecked({Opcode::Iadd, 0, 0, {built.param.index(), narrow.index(), 0}}, kI64);
  built.builder.return_({});
  const Result<void> result = verify(built.func, kNoIsa);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind(), ErrorKind::Invalid);
  EXPECT_EQ(result.error().message(),
            "inst1 (v2 = iadd v0, v1): arg 1 (v1) has type i32, expected i64 (and 1 more)");
}

// ---- size

TEST(Verifier, large_functions_take_linear_time) {
  const auto seconds = [](const Function& func) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(verify(func, k64).has_value());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  {
    Built built;
    Value value = built.param;
    for (u32 i = 0; i < 1'000'000; ++i) value = built.builder.iadd(value, built.param);
    built.builder.return_({});
    EXPECT_LT(seconds(built.func), 20);
  }
  {  // a chain of blocks, each of which uses a value of the first
    Built built;
    for (u32 i = 0; i < 1'000'000; ++i) {
      const Block next = built.builder.create_block();
      built.builder.ineg(built.param);
      built.builder.jump(built.builder.block_call(next));
      built.builder.switch_to_block(next);
    }
    built.builder.return_({});
    EXPECT_LT(seconds(built.func), 20);
  }
  {  // a chain of aliases, all of which are used
    Built built;
    constexpr u32 kCount = 200'000;
    built.func.dfg.ensure_values(kCount + 1);
    for (u32 i = kCount; i > 0; --i) {
      // From the far end, so that make_alias has no chain to walk.
      built.func.dfg.make_alias(Value::from_index(i), Value::from_index(i - 1));
    }
    for (u32 i = 1; i <= kCount; ++i)
      built.func.dfg.make_alias(Value::from_index(i), Value::from_index(i - 1 > 0 ? 1 : 0));
    for (u32 i = 1; i <= kCount; ++i) {
      built.insert_unchecked({Opcode::Ineg, 0, 0, {i, 0, 0}}, kI64);
    }
    built.builder.return_({});
    EXPECT_LT(seconds(built.func), 20);
  }
}

}  // namespace
}  // namespace gantry::verifier

#include <gtest/gtest.h>

#include "gantry/reader/function_parser.h"
#include "gantry/reader/literals.h"
#include "gantry/reader/test_support.h"

namespace gantry::reader {
namespace {

using ir::Function;

// Body lines in a function with some of everything declared.
std::string in_function(std::string_view body) {
  std::string text =
      "function %f(i32, i64, f32, i8x16) -> i32 system_v {\n"
      "    ss0 = explicit_slot 8\n"
      "    gv0 = symbol %sym\n"
      "    sig0 = (i32) -> i32, i64 system_v\n"
      "    fn0 = %callee sig0\n"
      "    const0 = 0x00112233445566778899aabbccddeeff\n"
      "block0(v0: i32, v1: i64, v2: f32, v3: i8x16):\n";
  text.append(body).append("\n}\n");
  return text;
}
constexpr u32 kFirstBodyLine = 8;

struct ErrorCase {
  std::string_view
      text;  // one body line, or a whole text if it starts with `function` or a header word
  u32 line, column, length;
  std::string_view message;
};

class Errors : public testing::TestWithParam<ErrorCase> {};

TEST_P(Errors, have_position_and_message) {
  const ErrorCase& test = GetParam();
  const bool whole = test.text.starts_with("function") || test.text.starts_with("test") ||
                     test.text.starts_with("set") || test.text.starts_with("bogus");
  const std::string text = whole ? std::string(test.text) : in_function(test.text);
  Reader reader(text, {});
  Function func;
  while (reader.next(func)) {
  }
  ASSERT_FALSE(reader.diagnostics().empty()) << text;
  const Diagnostic& finding = reader.diagnostics()[0];
  EXPECT_NE(finding.message.find(test.message), std::string::npos) << finding.message;
  const u32 line = whole ? test.line : test.line + kFirstBodyLine - 1;
  EXPECT_EQ(finding.position, (SourcePosition{line, test.column})) << text << finding.message;
  EXPECT_EQ(finding.length, test.length) << finding.message;
  if (reader.diagnostics().size() > 1) {
    EXPECT_TRUE(test.message.starts_with("invalid") ||
                test.text.find('\n') != std::string_view::npos)
        << "a second finding: " << reader.diagnostics()[1].message;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Body, Errors,
    testing::Values(
        ErrorCase{"v4 = iad v0, v0", 1, 6, 3, "unknown opcode 'iad'"},
        ErrorCase{"v4 = iadd v0, v9", 1, 15, 2, "undefined value: v9"},
        ErrorCase{"v4 = iadd v9, v0", 1, 6, 4, "the type of v9 is not known here"},
        ErrorCase{"v4 = iadd v0", 2, 1, 1, "expected ','"},
        ErrorCase{"v4 = iadd v0,", 2, 1, 1, "expected a value"},
        ErrorCase{"v4 = iadd.f32 v0, v0", 1, 11, 3, "f32 is not a type iadd can have"},
        ErrorCase{"v4 = iadd v2, v2", 1, 6, 4, "f32 (the type of v2) is not a type iadd can have"},
        ErrorCase{"v4 = iconst 7", 1, 6, 6, "iconst needs a type suffix"},
        ErrorCase{"v4 = iconst.i128 7", 1, 13, 4, "i128 is not a type iconst can have"},
        ErrorCase{"v4 = iconst.i8 256", 1, 16, 3, "number out of range"},
        ErrorCase{"v4 = iconst.i8 -129", 1, 16, 4, "number out of range"},
        ErrorCase{"v4 = iconst.i8 1_0", 1, 16, 3, "underscores are not allowed"},
        ErrorCase{"v4 = iconst.i8 0x100", 1, 16, 5, "too many hexadecimal digits"},
        ErrorCase{"v4 = iconst.i64 0x1_0000_0000_0000_0000", 1, 17, 23,
                  "too many hexadecimal digits"},
        ErrorCase{"v4 = iconst.i64 18446744073709551616", 1, 17, 20, "number out of range"},
        ErrorCase{"v4 = iconst.i64 -9223372036854775809", 1, 17, 20, "number out of range"},
        ErrorCase{"v4 = iconst.i64 0x", 1, 17, 2, "at least one digit"},
        ErrorCase{"v4 = iconst.i64 12ab", 1, 17, 4, "invalid digit"},
        ErrorCase{"v4 = iconst.i64 v0", 1, 17, 2, "expected an integer"},
        ErrorCase{"v4 = nop.i32", 1, 9, 4, "nop takes no type suffix"},
        ErrorCase{"v4 = nop", 1, 1, 8, "nop has 0 results, but the line names 1"},
        ErrorCase{"iadd v0, v0", 1, 1, 4, "iadd has 1 result, but the line names 0"},
        ErrorCase{"v4 = call fn0(v0)", 1, 1, 9, "the callee has 2 results, but the line names 1"},
        ErrorCase{"v4, v5 = call fn1(v0)", 1, 15, 3, "undefined function: fn1"},
        ErrorCase{"v4, v5 = call_indirect sig1, v1(v0)", 1, 24, 4, "undefined signature: sig1"},
        ErrorCase{"v4, v4 = call fn0(v0)", 1, 5, 2, "duplicate entity: v4"},
        ErrorCase{"v0 = iadd v0, v0", 1, 1, 2, "duplicate entity: v0"},
        ErrorCase{"v01 = iadd v0, v0", 1, 1, 3, "unknown opcode 'v01'"},
        ErrorCase{"v4 = f32const 1.0", 1, 15, 3, "floats are written in hexadecimal"},
        ErrorCase{"v4 = f32const 0", 1, 15, 1, "floats are written in hexadecimal"},
        ErrorCase{"v4 = f32const 0x1p3", 1, 15, 5, "radix point"},
        ErrorCase{"v4 = f32const 0x1.0000001p0", 1, 15, 13, "too many significant bits"},
        ErrorCase{"v4 = f32const 0x1.0p128", 1, 15, 9, "magnitude too large"},
        ErrorCase{"v4 = f32const 0x1.0p-150", 1, 15, 10, "magnitude too small"},
        ErrorCase{"v4 = f32const 0x1.8p-149", 1, 15, 10, "subnormal underflow"},
        ErrorCase{"v4 = f32const 0x1.0p99999", 1, 15, 11, "exponent is out of range"},
        ErrorCase{"v4 = f32const 0x.p1", 1, 15, 5, "at least one digit"},
        ErrorCase{"v4 = f32const 0x1.0p", 1, 15, 6, "exponent needs digits"},
        ErrorCase{"v4 = f32const +NaN:0x400000", 1, 15, 13, "payload too large"},
        ErrorCase{"v4 = f32const +sNaN:0x0", 1, 15, 9, "signalling NaN is not zero"},
        ErrorCase{"v4 = f32const sNaN:0x1", 1, 15, 4, "expected a float"},
        ErrorCase{"v4 = load.i32 v1+ 4", 1, 17, 1, "directly before its digits"},
        ErrorCase{"v4 = load.i32 v1+0x8000_0000", 1, 17, 12, "offset out of range"},
        ErrorCase{"v4 = load.i32 little big v1", 1, 22, 3, "exclude each other"},
        ErrorCase{"v4 = load.i32 region0 region1 v1", 1, 23, 7, "at most one alias region"},
        ErrorCase{"v4 = load.i32 heap v1", 1, 15, 4, "expected a value, found 'heap'"},
        ErrorCase{"v4 = bitcast.f32 aligned v0", 1, 18, 7, "expected a value"},
        ErrorCase{"v4 = extractlane v3, 256", 1, 22, 3, "number out of range"},
        ErrorCase{"v4 = extractlane v3, -1", 1, 22, 2, "has no sign"},
        ErrorCase{"v4 = icmp foo v0, v0", 1, 11, 3, "expected a condition code"},
        ErrorCase{"v4 = atomic_rmw.i32 foo v1, v0", 1, 21, 3, "expected an atomic operation"},
        ErrorCase{"trap user0", 1, 6, 5, "user1 to user250"},
        ErrorCase{"trap user251", 1, 6, 7, "user1 to user250"},
        ErrorCase{"trap foo", 1, 6, 3, "expected a trap code"},
        ErrorCase{"jump v0", 1, 6, 2, "expected a block"},
        ErrorCase{"jump block100000", 1, 6, 11, "too many blocks"},
        ErrorCase{"block0:", 1, 1, 6, "duplicate entity: block0"},
        ErrorCase{"block1(v0: i32):", 1, 8, 2, "duplicate entity: v0"},
        ErrorCase{"block1(v5 i32):", 1, 11, 3, "expected ':'"},
        ErrorCase{"block1(v5: dt0):", 1, 12, 3, "expected a type"},
        ErrorCase{"v9 -> v8", 1, 7, 2, "undefined value: v8"},
        ErrorCase{"v9 -> v9", 1, 7, 2, "an alias cannot stand for itself"},
        ErrorCase{"v0 -> v1", 1, 1, 2, "duplicate entity: v0"},
        ErrorCase{"v9 -> v0\nv9 -> v1", 2, 1, 2, "duplicate entity: v9"},
        ErrorCase{"v9 -> v0\nv0 -> v9", 2, 1, 2, "alias cycle"},
        ErrorCase{"v4 = stack_addr.i64 ss1", 1, 21, 3, "undefined stack slot: ss1"},
        ErrorCase{"v4 = symbol_value.i64 gv1", 1, 23, 3, "undefined global value: gv1"},
        ErrorCase{"v4 = vconst.i8x16 const1", 1, 19, 6, "undefined constant: const1"},
        ErrorCase{"v4 = vconst.i32x4 [1 2 3]", 1, 19, 1, "fewer values"},
        ErrorCase{"v4 = vconst.i32x4 [1 2 3 4 5]", 1, 28, 1, "more values"},
        ErrorCase{"v4 = vconst.i32x4 [1, 2, 3, 4]", 1, 21, 1, "expected a lane's value"},
        ErrorCase{"v4 = vconst.i16x2 0x0011223344", 1, 19, 12, "longer than its type"},
        ErrorCase{"v4 = vconst.i16x2 0x123", 1, 19, 5, "even number of digits"},
        ErrorCase{"v4 = iadd.dt0 v0, v0", 1, 11, 3, "undefined dynamic type: dt0"},
        ErrorCase{"v4 = iadd.i7 v0, v0", 1, 11, 2, "expected a type"},
        ErrorCase{"return v0, stack_map=[]", 1, 12, 9, "expected a value"},
        ErrorCase{"v4, v5 = call fn0(v0), stack_map=[i32 @ ss7+0]", 1, 41, 3,
                  "undefined stack slot"},
        ErrorCase{"@ return", 1, 1, 1, "directly followed by hexadecimal digits"},
        ErrorCase{"@123456789 return", 1, 1, 10, "source location out of range"},
        ErrorCase{"<1 return", 1, 4, 6, "expected '>'"},
        ErrorCase{"<ss9> return", 1, 2, 3, "undefined stack slot"},
        ErrorCase{"$", 1, 1, 1, "invalid character"}, ErrorCase{"_x", 1, 1, 1, "invalid character"},
        ErrorCase{"gv1 = vmctx", 1, 1, 3, "unknown opcode 'gv1'"},
        ErrorCase{"try_call fn0(v0), sig0, block1, [ foo: block2 ]", 1, 35, 3,
                  "expected tagN, default or context"},
        ErrorCase{"v4 = isplit.i8 v0", 1, 13, 2, "i8 is not a type isplit can have"},
        ErrorCase{"v4 = shuffle v3, v3, [1 2]", 1, 22, 1, "fewer values"}));

INSTANTIATE_TEST_SUITE_P(
    File, Errors,
    testing::Values(
        ErrorCase{"function f() {}", 1, 10, 1, "expected a function name"},
        ErrorCase{"function u0 () {}", 1, 13, 1, "expected ':'"},
        ErrorCase{"function u0:0x1() {}", 1, 13, 3, "decimal"},
        ErrorCase{"function %f(i33) {}", 1, 13, 3, "expected a type"},
        ErrorCase{"function %f(i32 foo) {}", 1, 17, 3, "expected ')'"},
        ErrorCase{"function %f(i64 sarg(x)) {}", 1, 22, 1, "expected the size of the struct"},
        ErrorCase{"function %f() -> {}", 1, 18, 1, "expected a type"},
        ErrorCase{"function %f() cold {}", 1, 15, 4, "expected '{'"},
        ErrorCase{"function %f() {\nblock0:\n return\n", 4, 1, 1, "expected '}'"},
        ErrorCase{"function %f() {\n ss0 = explicit_slot 8, align = 3\n}", 2, 33, 1,
                  "power of two"},
        ErrorCase{"function %f() {\n ss0 = explicit_slot 4294967296\n}", 2, 22, 10,
                  "number out of range"},
        ErrorCase{"function %f() {\n ss0 = explicit_slot 8, foo = 1\n}", 2, 25, 3,
                  "expected 'align' or 'key'"},
        ErrorCase{"function %f() {\n ss0 = explicit_slot 8\n ss0 = explicit_slot 8\n}", 3, 2, 3,
                  "duplicate entity: ss0"},
        ErrorCase{"function %f() {\n gv0 = load.i64 notrap gv1\n}", 2, 17, 6,
                  "must be notrap and aligned"},
        ErrorCase{"function %f() {\n gv0 = load.i64 notrap aligned gv1\n}", 2, 32, 3,
                  "undefined global value: gv1"},
        ErrorCase{"function %f() {\n gv0 = iadd_imm.f32 gv0, 1\n}", 2, 17, 3, "scalar integer"},
        ErrorCase{"function %f() {\n gv0 = foo\n}", 2, 8, 3, "expected vmctx, load"},
        ErrorCase{"function %f() {\n gv0 = dyn_scale_target_const.i32\n}", 2, 31, 3, "is a vector"},
        ErrorCase{"function %f() {\n fn0 = %g sig0\n}", 2, 11, 4, "undefined signature: sig0"},
        ErrorCase{"function %f() {\n fn0 = %g()\n sig0 = ()\n}", 3, 2, 4, "duplicate entity: sig0"},
        ErrorCase{"function %f() {\n const0 = 0x112\n}", 2, 11, 5, "even number of digits"},
        ErrorCase{"function %f() {\n const0 = 0x0011223344556677889900112233445566\n}", 2, 11, 36,
                  "too many hexadecimal digits"},
        ErrorCase{"function %f() {\n region1 = 0 \"x\"\n}", 2, 2, 7, "without gaps"},
        ErrorCase{"function %f() {\n region0 = 0 \"x\n}", 2, 14, 1, "unterminated string"},
        ErrorCase{"function %f() {\n gv0 = vmctx\n stack_limit = gv0\n stack_limit = gv0\n}", 4, 2,
                  11, "duplicate entity: stack_limit"},
        ErrorCase{"function %f() {\n dss0 = explicit_dynamic_slot dt0\n}", 2, 31, 3,
                  "undefined dynamic type: dt0"},
        ErrorCase{"function %f() {\n dt0 = i32*gv0\n}", 2, 8, 3, "vector of at most 256 bits"},
        ErrorCase{"function %f() {\n jt0 = jump_table []\n}", 2, 2, 3, "expected a declaration"},
        ErrorCase{"function %f() {\n ss4294967295 = explicit_slot 8\n}", 2, 2, 12,
                  "expected a declaration"},
        ErrorCase{"function %f() {\n ss100001 = explicit_slot 8\n}", 2, 2, 8, "text-entity-number"},
        ErrorCase{"test cat\nset x\ntest run\nfunction %f() {}", 3, 1, 4, "out of order"},
        ErrorCase{"test cat\nfeature x\nfunction %f() {}", 2, 9, 1, "expected a string"},
        ErrorCase{"bogus\nfunction %f() {}", 1, 1, 5, "expected a header line or a function"}));

TEST(Errors, go_on_with_the_next_line_and_function) {
  Function func;
  const std::string findings = read_one(
      "function %a() -> i32 {\nblock0:\n  v0 = iad v1\n  v1 = iadd v0, v0\n  v2 = iconst.i8 999\n  "
      "return v0, v2\n}\n"
      "function %b( {\n}\n"
      "function %c() {\nblock0:\n  foo\n  bar v0 v1\n  return\n}\n",
      func);
  EXPECT_EQ(findings,
            "3:8+3 unknown opcode 'iad'\n"
            "5:18+3 number out of range\n"
            "8:14+1 expected a type, found '{'\n"
            "12:3+3 unknown opcode 'foo'\n"
            "13:3+3 unknown opcode 'bar'\n");
}

TEST(Errors, suggest_the_nearest_opcode) {
  EXPECT_EQ(nearest_opcode("iad"), "iadd");
  EXPECT_EQ(nearest_opcode("cal_indirect"), "call_indirect");
  EXPECT_EQ(nearest_opcode("qqqqqqqqq"), "");
  Reader reader("function %f() {\nblock0:\n retrun\n}", {});
  Function func;
  EXPECT_TRUE(reader.next(func));
  EXPECT_EQ(reader.errors_in_last(), 1u);
  EXPECT_EQ(reader.diagnostics()[0].hint, "did you mean 'return'?");
}

TEST(Opcodes, are_all_found) {
  for (u32 i = 0; i < ir::kNumOpcodes; ++i) {
    EXPECT_EQ(find_opcode(ir::name_of(static_cast<ir::Opcode>(i))), static_cast<ir::Opcode>(i));
  }
  for (const std::string_view name : {"", "x", "iadd_", "iad", "function"})
    EXPECT_FALSE(find_opcode(name).has_value());
}

TEST(Types, agree_with_the_slow_look_up) {
  for (const std::string_view word :
       {"i8",     "i16",    "i32",    "i64",   "i128", "f16", "f32",  "f64",   "f128",
        "i32x4",  "i8x256", "f64x2",  "i32x1", "i",    "i9",  "i32x", "i32x3", "i32x512",
        "i32x04", "b8",     "i32x4y", "i032",  "i0",   "f8",  "i8x0", "",      "i32xx4"}) {
    EXPECT_EQ(find_type(word), ir::type_from_name(word)) << word;
  }
}

// ---- literals

TEST(Literals, every_f16_goes_round) {
  for (u32 bits = 0; bits < 0x10000; ++bits) {
    TextWriter out;
    ir::print_float(ir::kF16, bits, out);
    u128 again = 0;
    ASSERT_EQ(parse_float(out.view(), ir::kF16, again), nullptr) << out.view();
    ASSERT_TRUE(again == bits) << out.view();
  }
}

TEST(Literals, random_floats_go_round) {
  u64 state = 1;
  const auto next = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state ^ (state >> 29);
  };
  for (const ir::Type type : {ir::kF32, ir::kF64, ir::kF128}) {
    for (u32 i = 0; i < 20000; ++i) {
      u128 bits = static_cast<u128>(next()) << 64 | next();
      if (i % 4 == 1) bits &= bits >> 3;                           // few bits
      if (i % 4 == 2) bits >>= next() % 128;                       // subnormals, zero
      if (i % 4 == 3) bits |= u128{0x7fff} << (type.bits() - 16);  // infinities and NaNs
      bits &= ~u128{0} >> (128 - type.bits());
      TextWriter out;
      ir::print_float(type, bits, out);
      u128 again = 0;
      ASSERT_EQ(parse_float(out.view(), type, again), nullptr) << out.view();
      ASSERT_TRUE(again == bits) << out.view();
    }
  }
}

TEST(Literals, floats_are_exact) {
  const auto bits_of = [](std::string_view text, ir::Type type) {
    u128 bits = 0;
    EXPECT_EQ(parse_float(text, type, bits), nullptr) << text;
    return static_cast<u64>(bits);
  };
  EXPECT_EQ(bits_of("0x1.0p0", ir::kF32), 0x3f800000u);
  EXPECT_EQ(bits_of("-0x1.8p1", ir::kF64), 0xc008000000000000u);
  EXPECT_EQ(bits_of("0x.8p1", ir::kF32), 0x3f800000u);
  EXPECT_EQ(bits_of("0x10.p-4", ir::kF32), 0x3f800000u);
  EXPECT_EQ(bits_of("0x0.000002p-126", ir::kF32), 1u);
  EXPECT_EQ(bits_of("0x1.fffffep127", ir::kF32), 0x7f7fffffu);
  EXPECT_EQ(bits_of("-0.0", ir::kF16), 0x8000u);
  EXPECT_EQ(bits_of("NaN", ir::kF32), 0x7fc00000u);
  EXPECT_EQ(bits_of("+sNaN:0x1", ir::kF64), 0x7ff0000000000001u);
  EXPECT_EQ(bits_of("-Inf", ir::kF16), 0xfc00u);
  EXPECT_EQ(bits_of("0x0.0p99", ir::kF32), 0u);
}

TEST(Literals, integers) {
  i64 imm = 0;
  EXPECT_EQ(parse_imm64("0xffff_ffff_ffff_ffff", imm), nullptr);
  EXPECT_EQ(imm, -1);
  EXPECT_EQ(parse_imm64("1_0_0", imm), nullptr);
  EXPECT_EQ(imm, 100);
  EXPECT_EQ(parse_imm64("-9223372036854775808", imm), nullptr);
  EXPECT_EQ(imm, INT64_MIN);
  EXPECT_NE(parse_imm64("0X10", imm), nullptr);
  u128 lane = 0;
  EXPECT_EQ(parse_lane_int("-0x80", 8, lane), nullptr);
  EXPECT_TRUE(lane == 0x80);
  EXPECT_NE(parse_lane_int("-0x81", 8, lane), nullptr);
  EXPECT_EQ(parse_lane_int("-170141183460469231731687303715884105728", 128, lane), nullptr);
  EXPECT_TRUE(lane == u128{1} << 127);
  EXPECT_NE(parse_lane_int("-170141183460469231731687303715884105729", 128, lane), nullptr);
  EXPECT_NE(parse_lane_int("340282366920938463463374607431768211456", 128, lane), nullptr);
}

// ---- what is read and how it prints

std::string round(std::string_view text) {
  Function func;
  const std::string findings = read_one(text, func);
  return findings.empty() ? printed(func) : findings;
}

TEST(Preamble, every_entity) {
  EXPECT_EQ(
      round("function u1:2(i64 vmctx, i32 sext, i8 uext uext, i64 sarg(24), i64 normal sret) -> "
            "i8, f64 {\n"
            "stack_limit = gv1\n"
            "fn0 = colocated patchable u0:7 (i32)\n"
            "fn2 = %Memcpy sig0\n"
            "dss0 = explicit_dynamic_slot dt0\n"
            "gv1 = load.i64 aligned notrap readonly gv0-8\n"
            "gv0 = vmctx\n"
            "gv2 = iadd_imm.i64 gv0, 0x10000\n"
            "gv3 = symbol colocated tls %sym +16\n"
            "gv4 = symbol u0:9\n"
            "gv5 = dyn_scale_target_const.i32x4\n"
            "dt0 = i32x4*gv5\n"
            "ss2 = explicit_slot 16, key = 0xffff_ffff_ffff_ffff, align = 8\n"
            "sig2 = () -> i32 tail\n"
            "const1 = i32x4 [1 -1 0x10 4]\n"
            "const0 = 0x00_11\n"
            "region0 = 7 \"a b\"\n"
            "}\n"),
      "function u1:2(i64 vmctx, i32 sext, i8 uext, i64 sarg(24), i64 sret) -> i8, f64 fast {\n"
      "    dt0 = i32x4*gv5\n"
      "    dss0 = explicit_dynamic_slot dt0\n"
      "    ss0 = explicit_slot 0\n"
      "    ss1 = explicit_slot 0\n"
      "    ss2 = explicit_slot 16, align = 8, key = 18446744073709551615\n"
      "    region0 = 7 \"a b\"\n"
      "    gv0 = vmctx\n"
      "    gv1 = load.i64 notrap aligned readonly gv0-8\n"
      "    gv2 = iadd_imm.i64 gv0, 0x0001_0000\n"
      "    gv3 = symbol colocated tls %sym+16\n"
      "    gv4 = symbol userextname1\n"
      "    gv5 = dyn_scale_target_const.i32x4\n"
      "    sig0 = (i32) fast\n"
      "    sig1 = () fast\n"
      "    sig2 = () -> i32 tail\n"
      "    fn0 = colocated patchable u0:7 sig0\n"
      "    fn2 = %Memcpy sig0\n"
      "    const0 = 0x0011\n"
      "    const1 = 0x0000000400000010ffffffff00000001\n"
      "    stack_limit = gv1\n"
      "}\n");
}

TEST(Body, prints_like_the_writer) {
  EXPECT_EQ(
      round("function %f(i32, i64) -> i32 {\n"
            "  ss0 = explicit_slot 8\n  sig0 = (i32) -> i32\n  fn0 = %g sig0\n  region0 = 0 \"\"\n"
            "block0(v0: i32, v1: i64):\n"
            "  v2 -> v0\n  v3 -> v2\n"
            "  v4 = iconst.i8 0xff\n  v5 = iconst.i32 0x80000000 v6 = iconst.i64 10000\n"
            "  v7 = iadd v3, v5\n"
            "  fence\n  v8 = atomic_rmw.i32 little region0 user3 add v1, v7\n"
            "  v9 = atomic_cas notrap v1, v8, v5\n"
            "  v10 = f32const -0x1.8p1\n  v11 = f64const NaN\n v12 = fdemote.f32 v11\n"
            "<1, ss0,> @a v13 = call fn0(v5), stack_map=[i32 @ ss0 + 4]\n"
            "  br_table v13, block2(v5,), [block1, block1()]\n"
            "block1 cold:\n"
            "  v14 = iadd v13, v13\n  return v14\n"
            "block2(v15: i32):\n  brif v15, block1, block2(v5)\n"
            "}\n"),
      "function %f(i32, i64) -> i32 fast {\n"
      "    ss0 = explicit_slot 8\n"
      "    region0 = 0 \"\"\n"
      "    sig0 = (i32) -> i32 fast\n"
      "    fn0 = %g sig0\n"
      "\n"
      "                                block0(v0: i32, v1: i64):\n"
      "                                    v2 -> v0\n"
      "                                    v3 -> v2\n"
      "                                    v4 = iconst.i8 -1\n"
      "                                    v5 = iconst.i32 -2147483648\n"
      "                                    v6 = iconst.i64 0x2710\n"
      "                                    v7 = iadd v3, v5  ; v5 = -2147483648\n"
      "                                    fence \n"
      "                                    v8 = atomic_rmw.i32 user3 little region0 add v1, v7\n"
      "                                    v9 = atomic_cas notrap v1, v8, v5  ; v5 = -2147483648\n"
      "                                    v10 = f32const -0x1.800000p1\n"
      "                                    v11 = f64const +NaN\n"
      "                                    v12 = fdemote.f32 v11  ; v11 = +NaN\n"
      "<1, ss0> @000a                      v13 = call fn0(v5), stack_map=[i32 @ ss0+4]  ; v5 = "
      "-2147483648\n"
      "                                    br_table v13, block2(v5), [block1, block1]  ; v5 = "
      "-2147483648\n"
      "\n"
      "                                block1 cold:\n"
      "                                    v14 = iadd.i32 v13, v13\n"
      "                                    return v14\n"
      "\n"
      "                                block2(v15: i32):\n"
      "                                    brif v15, block1, block2(v5)  ; v5 = -2147483648\n"
      "}\n");
}

TEST(Body, names_what_printed_lines_cannot_keep) {
  // The same text on both sides, the verifier's errors included: a suffix that contradicts its
  // operand, a definition below its use, a missing block, numbers with holes.
  for (const std::string_view text : {
           "function %f() fast {\nblock0(v0: i64):\n    v1 = iadd.i32 v0, v0\n    jump block7\n}\n",
           "function %f() fast {\nblock0:\n    v1 = iadd.i32 v2, v2  ; v2 = 1, v2 = 1\n    v2 = "
           "iconst.i32 1\n}\n",
           "function u0:0() fast {\n    gv0 = symbol %\n    gv1 = symbol userextname2\n    fn3 = "
           "userextname1 sig0\n}\n",
       }) {
    if (text.find("userextname1") == std::string_view::npos) {
      EXPECT_EQ(round(text), text);
    }
    EXPECT_EQ(fixed_point_violation(text), "");
  }
}

TEST(Body, operands_may_run_over_lines) {
  Function func;
  EXPECT_EQ(read_one("function %f(i32) -> i32 {\nblock0(v0: i32):\n  return\n  v0\n}", func), "");
  EXPECT_EQ(func.dfg.args(ir::Inst::from_index(0)).size(), 1u);
}

TEST(Body, equal_constants_share_a_number) {
  EXPECT_EQ(round("function %f() {\nconst2 = 0x01000000\nblock0:\n v0 = vconst.i8x4 [0 0 0 1]\n"
                  " v1 = vconst.i16x2 0x02\n v2 = vconst.i8x4 [2 0 0 0]\n}"),
            "function %f() fast {\n    const2 = 0x01000000\n    const3 = 0x00000002\n\nblock0:\n"
            "    v0 = vconst.i8x4 const2\n    v1 = vconst.i16x2 const3\n    v2 = vconst.i8x4 "
            "const3\n}\n");
}

TEST(Names, are_interned) {
  Function func;
  std::string text = "function %f() {\nsig0 = ()\n";
  for (u32 i = 0; i < 100; ++i) {
    text += "fn" + std::to_string(i) + " = " + (i % 2 == 0 ? "u0:" : "%x") +
            std::to_string(i / 2 % 20) + " sig0\n";
  }
  EXPECT_EQ(read_one(text + "}", func), "");
  EXPECT_EQ(func.user_names.size(), 20u);
  EXPECT_EQ(func.test_names.size(), 20u);
  for (u32 i = 0; i < 100; ++i) {
    EXPECT_EQ(func.dfg.ext_funcs[ir::FuncRef::from_index(i)].name,
              func.dfg.ext_funcs[ir::FuncRef::from_index(i % 40)].name);
  }
}

// ---- comments, positions, the file

TEST(Comments, belong_to_what_stands_before_them) {
  Reader reader(
      "; file\ntest cat\n; file too\nfunction %f() { ; a\n ; b\n ss3 = explicit_slot 1 ; c\n gv0 = "
      "vmctx\n ; d\n"
      "block5: ; e\n v1 = iconst.i32 1 ; f\n ; g\n v2 = iadd v1, ; h\n v1\n return\n ; i\n} ; j\n "
      "; k\n"
      "function %g() {\n}\n",
      {.keep_comments = true});
  EXPECT_EQ(reader.header().comments, (std::vector<std::string_view>{"; file", "; file too"}));
  Function func;
  FunctionSource source;
  ASSERT_TRUE(reader.next(func, &source));
  using Kind = CommentOwner::Kind;
  const std::vector<std::pair<std::string_view, CommentOwner>> wanted = {
      {"; a", {Kind::Function, 0}},    {"; b", {Kind::Function, 0}}, {"; c", {Kind::StackSlot, 3}},
      {"; d", {Kind::GlobalValue, 0}}, {"; e", {Kind::Block, 5}},    {"; f", {Kind::Inst, 0}},
      {"; g", {Kind::Inst, 0}},        {"; h", {Kind::Inst, 1}},     {"; i", {Kind::Inst, 2}},
      {"; j", {Kind::Function, 0}},    {"; k", {Kind::Function, 0}}};
  ASSERT_EQ(source.comments.size(), wanted.size());
  for (usize i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(source.comments[i].text, wanted[i].first);
    EXPECT_EQ(source.comments[i].owner, wanted[i].second) << wanted[i].first;
  }
  EXPECT_EQ(source.first_line, 4u);
  EXPECT_EQ(source.last_line, 16u);
  EXPECT_EQ(source.comments[0].line, 4u);
  EXPECT_EQ(source.comments[10].line, 17u);
  EXPECT_EQ(source.inst_positions[1], (SourcePosition{12, 7}));
  EXPECT_EQ(source.block_positions[5], (SourcePosition{9, 1}));
  ASSERT_TRUE(reader.next(func, &source));
  EXPECT_TRUE(source.comments.empty());
  EXPECT_FALSE(reader.next(func, &source));
}

TEST(Header, keeps_lines_in_order) {
  Reader reader(
      "test cat\ntest compile precise-output\nset a b=c\ntarget x86_64 has_avx\nset x\nfeature \"p "
      "q\"\n"
      "feature !\"r\"\nfunction %f() {\n}\n",
      {});
  const FileHeader& header = reader.header();
  ASSERT_EQ(header.lines.size(), 7u);
  EXPECT_EQ(header.lines[1].words, (std::vector<std::string_view>{"compile", "precise-output"}));
  EXPECT_EQ(header.lines[3].kind, HeaderLine::Kind::Target);
  EXPECT_EQ(header.lines[5].words, (std::vector<std::string_view>{"p q"}));
  EXPECT_EQ(header.lines[6].words, (std::vector<std::string_view>{"!", "r"}));
  EXPECT_EQ(header.lines[6].line, 7u);
  reader.set_default_call_conv(ir::CallConv::SystemV);
  Function func;
  ASSERT_TRUE(reader.next(func));
  EXPECT_EQ(func.signature.call_conv, ir::CallConv::SystemV);
  EXPECT_TRUE(reader.diagnostics().empty());
}

// ---- run commands

class RunCommands : public testing::Test {
 protected:
  // What the command says, printed, or its error as `column message`.
  std::string parse(std::string_view signature, std::string_view comment) {
    Function func;
    EXPECT_EQ(read_one("function %f" + std::string(signature) + " {\n}", func), "");
    RunCommand command;
    Result<bool> read = parse_run_command(comment, func.signature, command);
    if (!read)
      return std::to_string(read.error().position().column) + " " +
             std::string(read.error().message());
    if (!*read) return "none";
    TextWriter out;
    out.write(command.is_print ? "print" : "run");
    if (!command.has_call) return std::move(out).take();
    out.put(" %", command.function, '(');
    print_list(command.args, out);
    out.write(')');
    if (command.has_expected) {
      out.write(command.negated ? " != " : " == ");
      print_list(command.expected, out);
    }
    return std::move(out).take();
  }
  static void print_list(const std::vector<ir::DataValue>& values, TextWriter& out) {
    for (usize i = 0; i < values.size(); ++i) {
      if (i != 0) out.write(", ");
      ir::print_data_value(values[i], out);
    }
  }
};

TEST_F(RunCommands, are_read) {
  EXPECT_EQ(parse("(i8, i8) -> i8", "; run: %f(1, 0xff) == -2"), "run %f(1, -1) == -2");
  EXPECT_EQ(parse("(i64) -> i64", ";;  run:%f(0xffff_ffff_ffff_ffff)!=9"), "run %f(-1) != 9");
  EXPECT_EQ(parse("()", "; run: %f() == []"), "run %f() == ");
  EXPECT_EQ(parse("() -> i8, i32x4", "; run: %f() == [1, [1 2 3 -4]]"),
            "run %f() == 1, 0xfffffffc000000030000000200000001");
  EXPECT_EQ(parse("(i8x4) -> f16", "; run: %f(0x01_02) == 0x1.8p0"),
            "run %f(0x00000102) == 0x1.800p0");
  EXPECT_EQ(parse("(i128) -> i128", "; run: %f(-1) == 0x80000000000000000000000000000000"),
            "run %f(-1) == -170141183460469231731687303715884105728");
  EXPECT_EQ(parse("(f128) -> f64", "; run: %f(+sNaN:0x1) == -Inf"), "run %f(+sNaN:0x1) == -Inf");
  EXPECT_EQ(parse("(f32x2)", "; print: %f([0x1.0p0 NaN])"), "print %f(0x7fc000003f800000)");
  EXPECT_EQ(parse("() -> i8", "; run"), "run");
  EXPECT_EQ(parse("() -> i8", ";print"), "print");
  for (const std::string_view text : {"; runs", "; note: run: %f()", ";; check: run", ";", ""}) {
    EXPECT_EQ(parse("() -> i8", text), "none") << text;
  }
}

TEST_F(RunCommands, have_errors) {
  EXPECT_EQ(parse("(i8)", "; run: %f() == []"), "11 expected a number");
  EXPECT_EQ(parse("(i8)", "; run: %f(1, 2) == []"),
            "12 expected ')': the signature has 1 parameters");
  EXPECT_EQ(parse("(i8, i8)", "; run: %f(1) == []"),
            "12 expected ',': the signature has 2 parameters");
  EXPECT_EQ(parse("() -> i8", "; run: %f() == 256"), "16 number out of range");
  EXPECT_EQ(parse("() -> i8", "; run: %f() 1"), "13 expected '==' or '!='");
  EXPECT_EQ(parse("() -> i8", "; run: f() == 1"), "8 expected the %name of a function");
  EXPECT_EQ(parse("() -> i8", "; run: %f() == 1 2"), "18 unexpected text behind the command");
  EXPECT_EQ(parse("() -> i8, i8", "; run: %f() == 1"),
            "16 expected '[': the signature has 2 results");
  EXPECT_EQ(parse("() -> i32x8", "; run: %f() == 0x00"),
            "16 run commands know vectors of 2, 4, 8 and 16 bytes");
  EXPECT_EQ(parse("() -> i32x4", "; run: %f() == [1 2 3]"),
            "22 expected the value of lane 3 (lanes stand without commas)");
  EXPECT_EQ(parse("() -> f32", "; run: %f() == 1.0"),
            "16 floats are written in hexadecimal (0x1.8p3), or as 0.0, +Inf, +NaN:0x1, +sNaN:0x1");
  EXPECT_EQ(parse("() -> i8", "; run this"), "7 expected ':' or the end of the line");
}

}  // namespace
}  // namespace gantry::reader

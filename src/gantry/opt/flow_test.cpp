// Removing unreachable blocks, canonicalising NaNs and cleaning up the flow.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>

#include "gantry/fuzzgen/generate_flow.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/canonicalize_nans.h"
#include "gantry/opt/clean_up_flow.h"
#include "gantry/opt/remove_unreachable_blocks.h"
#include "gantry/reader/reader.h"
#include "gantry/support/limits.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

void parse(std::string_view text, ir::Function& func) {
  reader::Reader reader(text, {});
  reader.header();
  ASSERT_TRUE(reader.next(func));
  ASSERT_TRUE(reader.diagnostics().empty()) << reader.diagnostics()[0].message;
}

void expect_valid(const ir::Function& func) {
  const Result<void> valid = verifier::verify(func, {});
  EXPECT_TRUE(valid.has_value()) << (valid.has_value() ? "" : valid.error().message());
}

std::string print(const ir::Function& func) {
  TextWriter out;
  ir::print(func, out);
  return std::move(out).take();
}

// The text after the first line (the head) with lines stripped; without empty lines, aliases and
// the end.
std::string body(std::string_view text) {
  std::string lines;
  usize at = text.find('\n');
  while (at != std::string_view::npos) {
    const usize end = text.find('\n', ++at);
    std::string_view line = text.substr(at, end - at);
    at = end;
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
    if (line.empty() || line == "}" || (line.starts_with('v') && line.find(" -> ") != line.npos))
      continue;  // aliases
    lines += line;
    lines += '\n';
  }
  return lines;
}

// Makes the function `text`, runs `pass` and resolves aliases; the result must verify.
template <class Pass>
std::string run_pass(std::string_view text, Pass&& pass) {
  ir::Function func;
  parse(text, func);
  expect_valid(func);
  Session session;
  pass(func, session);
  func.dfg.resolve_all_aliases();
  expect_valid(func);
  return print(func);
}

// What cleaning up makes of the body of a function with this head.
std::string clean(std::string_view head, std::string_view text) {
  std::string whole = "function %f";
  whole += head;
  whole += " {\n";
  whole += text;
  whole += "}\n";
  return body(run_pass(whole, clean_up_flow));
}
std::string clean(std::string_view text) { return clean("(i32, i32) -> i32", text); }

// ---- unreachable blocks

TEST(RemoveUnreachableBlocks, what_the_entry_does_not_reach_is_gone) {
  const std::string text = run_pass(R"(function %f(i32) -> i32 {
block0(v0: i32):
  jump block3(v0)
block1(v1: i32):
  br_table v1, block2, [block1(v1), block3(v1)]
block2:
  v2 = iconst.i32 1
  jump block1(v2)
block3(v3: i32):
  return v3
})",
                                    remove_unreachable_blocks);
  EXPECT_EQ(body(text),
            "block0(v0: i32):\n"
            "jump block3(v0)\n"
            "block3(v3: i32):\n"
            "return v3\n");
}

TEST(RemoveUnreachableBlocks, says_whether_it_did_anything) {
  ir::Function func;
  Session session;
  parse("function %f() {\nblock0:\n  return\nblock1:\n  jump block1\n}", func);
  EXPECT_TRUE(remove_unreachable_blocks(func, session));
  EXPECT_FALSE(remove_unreachable_blocks(func, session));
}

TEST(RemoveUnreachableBlocks, the_handler_of_a_call_that_cannot_run_has_no_address) {
  const std::string text = run_pass(R"(function %f() -> i64 system_v {
  sig0 = () system_v
  fn0 = %g sig0
block0:
  v0 = get_exception_handler_address.i64 block1, 0
  return v0
block1:
  try_call fn0(), sig0, block1, [ default: block2(exn0) ]
block2(v1: i64):
  return v1
})",
                                    remove_unreachable_blocks);
  EXPECT_NE(text.find("v0 = iconst.i64 0\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("block1"), std::string::npos) << text;
}

// ---- NaNs

TEST(CanonicalizeNans, scalars_choose_with_select) {
  const std::string text = run_pass(R"(function %f(f32, f64) -> f32, f64 {
block0(v0: f32, v1: f64):
  v2 = fadd v0, v0
  v3 = sqrt v1
  v4 = fneg v3
  return v2, v4
})",
                                    canonicalize_nans);
  EXPECT_EQ(body(text),
            "block0(v0: f32, v1: f64):\n"
            "v5 = fadd v0, v0\n"
            "v6 = fcmp uno v5, v5\n"
            "v7 = f32const +NaN\n"
            "v2 = select v6, v7, v5  ; v7 = +NaN\n"
            "v8 = sqrt v1\n"
            "v9 = fcmp uno v8, v8\n"
            "v10 = f64const +NaN\n"
            "v3 = select v9, v10, v8  ; v10 = +NaN\n"
            "v4 = fneg v3\n"
            "return v2, v4\n");
}

TEST(CanonicalizeNans, vectors_choose_by_bits_and_wide_and_narrow_floats_too) {
  const std::string text =
      run_pass(R"(function %f(f32x4, f16, f128, f16x8) -> f32x4, f16, f128, f16x8 {
block0(v0: f32x4, v1: f16, v2: f128, v3: f16x8):
  v4 = fma v0, v0, v0
  v5 = fmul v1, v1
  v6 = fdiv v2, v2
  v7 = fmin v3, v3
  return v4, v5, v6, v7
})",
               canonicalize_nans);
  EXPECT_EQ(body(text),
            "const0 = 0x7fc000007fc000007fc000007fc00000\n"
            "const1 = 0x7fff8000000000000000000000000000\n"
            "const2 = 0x7e007e007e007e007e007e007e007e00\n"
            "block0(v0: f32x4, v1: f16, v2: f128, v3: f16x8):\n"
            "v8 = fma v0, v0, v0\n"
            "v9 = fcmp uno v8, v8\n"
            "v10 = bitcast.f32x4 v9\n"
            "v11 = vconst.f32x4 const0\n"
            "v4 = bitselect v10, v11, v8  ; v11 = const0\n"
            "v12 = fmul v1, v1\n"
            "v13 = fcmp uno v12, v12\n"
            "v14 = f16const +NaN\n"
            "v5 = select v13, v14, v12  ; v14 = +NaN\n"
            "v15 = fdiv v2, v2\n"
            "v16 = fcmp uno v15, v15\n"
            "v17 = f128const const1\n"
            "v6 = select v16, v17, v15  ; v17 = const1\n"
            "v18 = fmin v3, v3\n"
            "v19 = fcmp uno v18, v18\n"
            "v20 = bitcast.f16x8 v19\n"
            "v21 = vconst.f16x8 const2\n"
            "v7 = bitselect v20, v21, v18  ; v21 = const2\n"
            "return v4, v5, v6, v7\n");
}

TEST(CanonicalizeNans, every_arithmetic_opcode_and_no_other) {
  u32 found = 0;
  for (u32 i = 0; i < ir::kNumOpcodes; ++i) {
    const ir::Opcode opcode = static_cast<ir::Opcode>(i);
    if (!ir::allowed_control_type(opcode, ir::kF64) ||
        ir::inst_facts(opcode).num_fixed_results != 1)
      continue;
    const meta::Format format = ir::inst_facts(opcode).format;
    if (format != meta::Format::Unary && format != meta::Format::Binary &&
        format != meta::Format::Ternary)
      continue;
    ir::Function func;
    parse("function %f(f64) { block0(v0: f64): return }", func);
    ir::InstData data{.opcode = opcode, .words = {0, 0, 0}};
    const ir::Inst inst = func.dfg.make_inst(data);
    func.dfg.make_results(inst, ir::kF64);
    func.layout.insert_inst_before(inst, *func.layout.first_inst(*func.layout.entry()));
    Session session;
    canonicalize_nans(func, session);
    const bool rewritten = func.dfg.opcode(inst) != opcode;
    const std::string_view name = ir::name_of(opcode);
    const std::string_view expected[] = {"fadd", "fsub", "fmul", "fdiv",  "sqrt",  "fma",
                                         "fmin", "fmax", "ceil", "floor", "trunc", "nearest"};
    EXPECT_EQ(rewritten,
              std::find(std::begin(expected), std::end(expected), name) != std::end(expected))
        << name;
    found += rewritten ? 1 : 0;
  }
  EXPECT_EQ(found, 12u);
}

// ---- joining blocks

TEST(CleanUpFlow, a_chain_becomes_one_block) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  v2 = iadd v0, v1
  jump block2(v2)
block1(v3: i32):
  v4 = imul v3, v3
  return v4
block2(v5: i32):
  v6 = isub v5, v0
  jump block1(v6)
)"),
            "block0(v0: i32, v1: i32):\n"
            "v2 = iadd v0, v1\n"
            "v6 = isub v2, v0\n"
            "v4 = imul v6, v6\n"
            "return v4\n");
}

TEST(CleanUpFlow, what_joins_a_cold_block_is_cold) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block3
block1:
  store v1, v0
  jump block2
block2 cold:
  store v0, v1
  return v1
block3:
  return v0
)"),
            "block0(v0: i32, v1: i32):\n"
            "brif v0, block1, block3\n"
            "block1 cold:\n"
            "store.i32 v1, v0\n"
            "store.i32 v0, v1\n"
            "return v1\n"
            "block3:\n"
            "return v0\n");
}

TEST(CleanUpFlow, locations_and_tags_stay_with_their_instructions) {
  EXPECT_EQ(clean("(i32) -> i32 system_v", R"(
  ss0 = explicit_slot 8
  sig0 = () system_v
  fn0 = %g sig0
block0(v0: i32):
@0010  jump block1
block1:
  <ss0, 3> sequence_point
@0020  call fn0(), stack_map=[i64 @ ss0+0]
@0030  return v0
)"),
            "ss0 = explicit_slot 8\n"
            "sig0 = () system_v\n"
            "fn0 = %g sig0\n"
            "block0(v0: i32):\n"
            "<ss0, 3>                            sequence_point\n"
            "@0020                               call fn0(), stack_map=[i64 @ ss0+0]\n"
            "@0030                               return v0\n");
}

// ---- decided branches

TEST(CleanUpFlow, constant_conditions) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  v2 = iconst.i8 4
  brif v2, block1, block2
block1:
  v3 = iconst.i64 0
  brif v3, block2, block3
block2:
  return v0
block3:
  v4 = iconst.i32 1
  br_table v4, block2, [block2, block4, block2]
block4:
  v5 = iconst.i32 3
  br_table v5, block5, [block2, block2, block2]
block5:
  return v1
)"),
            "block0(v0: i32, v1: i32):\n"
            "v2 = iconst.i8 4\n"
            "v3 = iconst.i64 0\n"
            "v4 = iconst.i32 1\n"
            "v5 = iconst.i32 3\n"
            "return v1\n");
}

TEST(CleanUpFlow, equal_targets) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  brif v0, block1(v1), block1(v1)
block1(v2: i32):
  br_table v2, block2(v0), [block2(v0), block2(v0)]
block2(v3: i32):
  return v3
)"),
            "block0(v0: i32, v1: i32):\n"
            "return v0\n");
}

TEST(CleanUpFlow, a_condition_that_a_branch_above_has_decided) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  store v0, v1
  brif v1, block3, block4
block2:
  store v1, v1
  brif v0, block3, block5
block3:
  brif v0, block6, block5
block4:
  brif v0, block6, block5
block5:
  return v0
block6:
  return v1
)"),
            "block0(v0: i32, v1: i32):\n"
            "brif v0, block1, block2\n"
            "block1:\n"
            "store.i32 v0, v1\n"
            "return v1\n"
            "block2:\n"
            "store.i32 v1, v1\n"
            "return v0\n");
}

// ---- jump threading

TEST(CleanUpFlow, empty_blocks_are_passed) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  br_table v0, block1, [block2, block3(v1), block4]
block1:
  jump block5(v0)
block2:
  jump block4
block3(v2: i32):
  jump block5(v2)
block4:
  jump block6
block5(v3: i32):
  return v3
block6:
  jump block7
block7:
  store v0, v1
  return v1
)"),
            "block0(v0: i32, v1: i32):\n"
            "br_table v0, block5(v0), [block7, block5(v1), block7]\n"
            "block5(v3: i32):\n"
            "return v3\n"
            "block7:\n"
            "store.i32 v0, v1\n"
            "return v1\n");
}

TEST(CleanUpFlow, a_parameter_that_others_read_keeps_its_block) {
  // block3 is passed by only if v3 is read nowhere else.
  const std::string_view text = R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  store v0, v1
  jump block3(v0)
block2:
  jump block3(v1)
block3(v3: i32):
  jump block4(v1)
block4(v4: i32):
  store v4, v3
  v5 = iadd v4, v3
  brif v5, block4(v5), block5
block5:
  return v5
)";
  EXPECT_NE(clean(text).find("block3(v3: i32):\n"), std::string::npos);
}

TEST(CleanUpFlow, a_constant_argument_decides_the_branch_behind_it) {
  // The short circuit of `v0 && v1`.
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  v2 = iconst.i32 0
  brif v0, block1, block2(v2)
block1:
  v3 = load.i32 v0
  jump block2(v3)
block2(v4: i32):
  brif v4, block3, block4
block3:
  store v0, v1
  return v0
block4:
  store v1, v0
  return v1
)"),
            "block0(v0: i32, v1: i32):\n"
            "v2 = iconst.i32 0\n"
            "brif v0, block1, block4\n"
            "block1:\n"
            "v3 = load.i32 v0\n"
            "brif v3, block3, block4\n"
            "block3:\n"
            "store.i32 v0, v1\n"
            "return v0\n"
            "block4:\n"
            "store.i32 v1, v0\n"
            "return v1\n");
}

TEST(CleanUpFlow, the_branch_of_the_edge_decides_the_one_behind_it) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  store v0, v1
  jump block2
block2:
  brif v0, block3, block4
block3:
  return v0
block4:
  return v1
)"),
            "block0(v0: i32, v1: i32):\n"
            "brif v0, block1, block4\n"
            "block1:\n"
            "store.i32 v0, v1\n"
            "return v0\n"
            "block4:\n"
            "return v1\n");
}

TEST(CleanUpFlow, endless_loops_of_empty_blocks) {
  // max-thread-steps ends the search for the end of block1.
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block3(v1)
block1:
  jump block2
block2:
  jump block1
block3(v2: i32):
  jump block3(v2)
)"),
            "block0(v0: i32, v1: i32):\n"
            "brif v0, block1, block3(v1)\n"
            "block1:\n"
            "jump block1\n"
            "block3(v2: i32):\n"
            "jump block3(v2)\n");
}

TEST(CleanUpFlow, a_loop_keeps_one_entry) {
  // The header's branch is decided on one way in only.
  const std::string text = clean(R"(
block0(v0: i32, v1: i32):
  v2 = iconst.i32 1
  brif v0, block1(v2), block2
block2:
  store v0, v1
  jump block1(v1)
block1(v3: i32):
  brif v3, block3, block4
block3:
  v4 = load.i32 v1
  jump block1(v4)
block4:
  return v1
)");
  EXPECT_NE(text.find("block1(v3: i32):\nbrif v3, block3, block4\n"), std::string::npos) << text;
  EXPECT_NE(text.find("block1(v2)"), std::string::npos) << text;
}

TEST(CleanUpFlow, edges_of_calls_stay) {
  const std::string_view text = R"(
  sig0 = (i32) -> i32 system_v
  fn0 = %g sig0
block0(v0: i32):
  try_call fn0(v0), sig0, block1(ret0), [ tag0: block2, default: block3(exn0) ]
block1(v1: i32):
  jump block4(v1)
block2:
  jump block4(v0)
block3(v2: i64):
  v3 = get_exception_handler_address.i64 block0, 1
  v4 = ireduce.i32 v3
  jump block4(v4)
block4(v5: i32):
  return v5
)";
  const std::string cleaned = clean("(i32) -> i32 system_v", text);
  EXPECT_EQ(cleaned,
            "sig0 = (i32) -> i32 system_v\n"
            "fn0 = %g sig0\n"
            "block0(v0: i32):\n"
            "try_call fn0(v0), sig0, block1(ret0), [ tag0: block2, default: block3(exn0) ]\n"
            "block1(v1: i32):\n"
            "jump block4(v1)\n"
            "block2:\n"
            "jump block4(v0)\n"
            "block3(v2: i64):\n"
            "v3 = get_exception_handler_address.i64 block0, 1\n"
            "v4 = ireduce.i32 v3\n"
            "jump block4(v4)\n"
            "block4(v5: i32):\n"
            "return v5\n");
}

TEST(CleanUpFlow, a_block_that_is_known_by_name_stays) {
  EXPECT_EQ(clean("(i32) -> i64 system_v", R"(
  sig0 = () system_v
  fn0 = %g sig0
block0(v0: i32):
  v1 = get_exception_handler_address.i64 block1, 0
  jump block1
block1:
  try_call fn0(), sig0, block2, [ default: block3(exn0) ]
block2:
  return v1
block3(v2: i64):
  return v2
)"),
            "sig0 = () system_v\n"
            "fn0 = %g sig0\n"
            "block0(v0: i32):\n"
            "v1 = get_exception_handler_address.i64 block1, 0\n"
            "jump block1\n"
            "block1:\n"
            "try_call fn0(), sig0, block2, [ default: block3(exn0) ]\n"
            "block2:\n"
            "return v1\n"
            "block3(v2: i64):\n"
            "return v2\n");
}

// ---- conditional traps

TEST(CleanUpFlow, branches_to_traps_become_conditional_traps) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  v2 = iadd v0, v0
@0040  trap user7
block2:
  store v0, v1
  brif v1, block3(v1), block4
block3(v3: i32):
  return v3
block4:
  jump block5
block5:
  trap int_divz
)"),
            "block0(v0: i32, v1: i32):\n"
            "@0040                               trapnz v0, user7\n"
            "store v0, v1\n"
            "trapz v1, int_divz\n"
            "return v1\n");
}

TEST(CleanUpFlow, traps_with_more_to_do_stay) {
  const std::string text = clean(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  store v0, v1
  trap user7
block2:
  brif v1, block3, block4
block3:
  <2> sequence_point
  trap user8
block4:
  return v1
)");
  EXPECT_EQ(text.find("trapnz"), std::string::npos) << text;
}

// ---- selects

TEST(CleanUpFlow, diamonds_and_triangles_become_selects) {
  EXPECT_EQ(clean(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2
block1:
  v2 = iadd v0, v1
  jump block3(v2, v1)
block2:
  v3 = iconst.i32 7
  jump block3(v3, v1)
block3(v4: i32, v5: i32):
  store v4, v1
  v6 = icmp ult v4, v5
  brif v6, block4, block5(v4)
block4:
  v7 = isub v4, v5
  jump block5(v7)
block5(v8: i32):
  return v8
)"),
            "block0(v0: i32, v1: i32):\n"
            "v2 = iadd v0, v1\n"
            "v3 = iconst.i32 7\n"
            "v10 = select v0, v2, v3  ; v3 = 7\n"
            "store v10, v1\n"
            "v6 = icmp ult v10, v1\n"
            "v7 = isub v10, v1\n"
            "v9 = select v6, v7, v10\n"
            "return v9\n");
}

TEST(CleanUpFlow, branches_that_had_better_stay) {
  const auto stays = [](std::string_view text, std::string_view what = "select") {
    return clean(text).find(what) == std::string::npos;
  };
  // Three values differ.
  EXPECT_TRUE(stays(R"(
block0(v0: i32, v1: i32):
  brif v0, block1(v0, v1, v0), block1(v1, v0, v1)
block1(v2: i32, v3: i32, v4: i32):
  store v2, v3
  return v4
)"));
  // Floats.
  EXPECT_TRUE(stays(R"(
block0(v0: i32, v1: i32):
  v2 = f32const 0x1.0p0
  v3 = f32const 0x2.0p0
  brif v0, block1(v2), block1(v3)
block1(v4: f32):
  store v4, v1
  return v1
)"));
  // Too much to compute, and what may trap.
  EXPECT_TRUE(stays(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2(v0)
block1:
  v2 = iadd v0, v1
  v3 = bxor v2, v1
  v4 = ishl v3, v2
  jump block2(v4)
block2(v5: i32):
  return v5
)"));
  EXPECT_TRUE(stays(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2(v0)
block1:
  v2 = load.i32 notrap v1
  jump block2(v2)
block2(v5: i32):
  return v5
)"));
  // A cold side.
  EXPECT_TRUE(stays(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2(v0)
block1 cold:
  v2 = iadd v0, v1
  jump block2(v2)
block2(v5: i32):
  return v5
)"));
  // Into a loop header.
  EXPECT_TRUE(stays(R"(
block0(v0: i32, v1: i32):
  jump block1(v0)
block1(v2: i32):
  v3 = load.i32 v2
  brif v3, block2, block3
block2:
  brif v1, block1(v3), block1(v0)
block3:
  return v3
)"));
  // The same without a load, but asking for what the sides leave alone.
  EXPECT_TRUE(stays(R"(
block0(v0: i32, v1: i32):
  jump block1(v0, v1)
block1(v2: i32, v3: i32):
  v4 = iadd v2, v1
  brif v3, block2, block3
block2:
  v5 = band v4, v1
  brif v5, block1(v2, v2), block1(v2, v1)
block3:
  return v2
)"));
  // A guard against speculation stays behind its branch.
  EXPECT_TRUE(stays(R"(
block0(v0: i32, v1: i32):
  brif v0, block1, block2(v0)
block1:
  v2 = icmp ult v0, v1
  v3 = select_spectre_guard v2, v0, v1
  jump block2(v3)
block2(v4: i32):
  return v4
)",
                    " = select "));
}

TEST(CleanUpFlow, a_loop_that_steers_itself_selects) {
  const std::string text = clean(R"(
block0(v0: i32, v1: i32):
  jump block1(v0, v1)
block1(v2: i32, v3: i32):
  v4 = iconst.i32 1
  v5 = icmp ne v2, v4
  brif v5, block2, block5
block2:
  v6 = iadd v3, v4
  v7 = iconst.i32 2
  v8 = urem v2, v7
  brif v8, block3, block4
block3:
  v9 = iconst.i32 3
  v10 = imul v2, v9
  v11 = iadd v10, v4
  jump block1(v11, v6)
block4:
  v12 = udiv v2, v7
  jump block1(v12, v6)
block5:
  return v3
)");
  EXPECT_NE(text.find("= select v8, v11, v12"), std::string::npos) << text;
  EXPECT_EQ(text.find("block3"), std::string::npos) << text;
}

// ---- limits

TEST(CleanUpFlow, branches_far_above_are_not_asked) {
  const auto decided = [](u32 blocks) {
    std::string text = "block0(v0: i32, v1: i32):\n  brif v0, block1, block1000\n";
    for (u32 i = 1; i <= blocks; ++i) {
      const std::string number = std::to_string(i), value = "v" + std::to_string(i + 1);
      text += "block" + number + ":\n  " + value + " = load.i32 v1\n  brif " + value + ", block" +
              std::to_string(i + 1) + ", block1000\n";
    }
    text += "block" + std::to_string(blocks + 1) +
            ":\n  store v0, v1\n  brif v0, block1000, block1001\n";
    return clean(text + "block1000:\n  return v0\nblock1001:\n  return v1\n").find("return v1") ==
           std::string::npos;
  };
  EXPECT_TRUE(decided(static_cast<u32>(limits::kMaxPathSteps.value) - 1));
  EXPECT_FALSE(decided(static_cast<u32>(limits::kMaxPathSteps.value)));
}

TEST(CleanUpFlow, blocks_with_many_arguments_are_not_passed) {
  const auto passed = [](u64 count) {
    std::string args, params;
    for (u64 i = 0; i < count; ++i) {
      args += (i == 0 ? "v" : ", v") + std::to_string(i % 2);
      params += (i == 0 ? "v" : ", v") + std::to_string(i + 10) + ": i32";
    }
    const std::string text =
        clean("block0(v0: i32, v1: i32):\n  brif v0, block1, block2\nblock1:\n  jump block3(" +
              args + ")\nblock2:\n  store v0, v1\n  jump block3(" + args + ")\nblock3(" + params +
              "):\n  store v10, v11\n  return v12\n");
    return text.find("block1:") == std::string::npos;
  };
  EXPECT_TRUE(passed(limits::kMaxThreadedArgs.value));
  EXPECT_FALSE(passed(limits::kMaxThreadedArgs.value + 1));
}

TEST(CleanUpFlow, long_ways_to_a_trap_stay) {
  const auto is_conditional = [](u64 insts) {
    std::string text = "block0(v0: i32, v1: i32):\n  brif v0, block1, block2\nblock1:\n";
    for (u64 i = 1; i < insts; ++i) text += "  v" + std::to_string(i + 1) + " = iadd v0, v1\n";
    return clean(text + "  trap user1\nblock2:\n  return v1\n").find("trapnz") != std::string::npos;
  };
  EXPECT_TRUE(is_conditional(limits::kMaxTrapBlockInsts.value));
  EXPECT_FALSE(is_conditional(limits::kMaxTrapBlockInsts.value + 1));
}

// ---- random programs: the same before and after

struct Tally {
  u64 functions = 0, changed = 0, calls = 0, traps = 0;
};

// Runs the passes over the functions and compares what both versions do.
void check_passes(u64 seed, fuzzgen::Choices& choices, const std::vector<ir::Function>& before,
                  Tally& tally) {
  std::vector<ir::Function> after = before;
  Session session;
  for (ir::Function& func : after) {
    expect_valid(func);
    if (choices.one_in(2)) canonicalize_nans(func, session);
    tally.changed += clean_up_flow(func, session) ? 1 : 0;
    expect_valid(func);
    func.dfg.resolve_all_aliases();
    expect_valid(func);
    EXPECT_FALSE(remove_unreachable_blocks(func, session));
    ++tally.functions;
  }
  interp::Interpreter first({.fuel = u64{1} << 16}), second({.fuel = u64{1} << 17});
  for (const ir::Function& func : before) first.add_function(func);
  for (const ir::Function& func : after) second.add_function(func);
  for (usize i = 0; i < before.size(); ++i) {
    for (u32 call = 0; call < 3; ++call) {
      const std::vector<ir::DataValue> args = fuzzgen::generate_args(choices, before[i].signature);
      const interp::Outcome expected = first.run(before[i], args);
      if (expected.kind == interp::Outcome::Kind::OutOfFuel) continue;
      const interp::Outcome actual = second.run(after[i], args);
      const bool same = actual.kind == expected.kind && actual.trap == expected.trap &&
                        actual.results == expected.results;
      ASSERT_TRUE(same) << "seed " << seed << ": " << actual.message << print(before[i])
                        << print(after[i]);
      ++tally.calls;
      tally.traps += expected.kind == interp::Outcome::Kind::Trapped ? 1 : 0;
    }
  }
}

TEST(CleanUpFlow, random_programs_do_the_same) {
  Tally tally;
  std::vector<ir::Function> funcs;
  for (u64 seed = 0; seed < 300 && !testing::Test::HasFailure(); ++seed) {
    fuzzgen::Choices choices(seed);
    fuzzgen::Options options;
    options.i128 = choices.one_in(3);
    options.vectors = choices.one_in(3);
    options.canonical_nans = false;  // the interpreter makes no other NaNs
    options.max_depth = 4;
    options.max_insts_per_block = 1 + choices.below(8);
    fuzzgen::generate(choices, options, funcs);
    check_passes(seed, choices, funcs, tally);
  }
  EXPECT_GT(tally.changed, 200u);
  EXPECT_GT(tally.calls, 1000u);
  EXPECT_GT(tally.traps, 20u);
}

TEST(CleanUpFlow, random_graphs_do_the_same) {
  Tally tally;
  std::vector<ir::Function> funcs;
  for (u64 seed = 0; seed < 1000 && !testing::Test::HasFailure(); ++seed) {
    fuzzgen::Choices choices(seed);
    fuzzgen::generate_flow(choices, 4 + static_cast<u32>(seed) % 20, funcs);
    check_passes(seed, choices, funcs, tally);
  }
  EXPECT_GT(tally.changed, 900u);
  EXPECT_GT(tally.calls, 4000u);
  EXPECT_GT(tally.traps, 500u);
}

// ---- size: the work grows as the function does

struct Shape {
  const char* name;
  // The text between the entry's head, block0(v0: i32, v1: i32), and the end, blocks from 1.
  std::string (*text)(u32 size);
};

std::string block(u32 number) { return "block" + std::to_string(number); }
// Beyond all others.
std::string last_value(u32 size) { return "v" + std::to_string(3 * size + 10); }
std::string table_of(u32 size, u32 step) {
  std::string text = "  br_table v0, block1, [block1";
  for (u32 i = 2; i <= size; i += step) text += ", " + block(i);
  return text + "]\n";
}

constexpr Shape kShapes[] = {
    {"a chain with arguments",
     [](u32 size) {
       std::string text = "  jump block1(v0)\n";
       for (u32 i = 1; i <= size; ++i) {
         const std::string param = "v" + std::to_string(i + 1);
         text += block(i) + "(" + param + ": i32):\n  jump " + block(i + 1) + "(" + param + ")\n";
       }
       return text + block(size + 1) + "(" + last_value(size) + ": i32):\n  return " +
              last_value(size) + "\n";
     }},
    {"a chain written backwards, each block entered from a table",
     [](u32 size) {
       std::string text = table_of(size, 1);
       text += block(size + 1) + ":\n  store v0, v1\n  return v0\n";
       for (u32 i = size; i >= 1; --i) text += block(i) + ":\n  jump " + block(i + 1) + "\n";
       return text;
     }},
    {"a ladder of branches",
     [](u32 size) {
       std::string text = "  jump block1\n";
       for (u32 i = 1; i <= size; ++i) {
         text += block(i) + ":\n  v" + std::to_string(i + 1) + " = load.i32 v1\n  brif v" +
                 std::to_string(i + 1) + ", " + block(i + 1) + ", " + block(i + 2) + "\n";
       }
       return text + block(size + 1) + ":\n  return v0\n" + block(size + 2) + ":\n  return v1\n";
     }},
    {"branches on one condition",
     [](u32 size) {
       std::string text = "  jump block1\n";
       for (u32 i = 1; i <= size; ++i) {
         text += block(i) + ":\n  brif v0, " + block(i + 1) + ", " + block(size + 2) + "\n";
       }
       return text + block(size + 1) + ":\n  return v0\n" + block(size + 2) + ":\n  return v1\n";
     }},
    {"a table of empty blocks",
     [](u32 size) {
       std::string text = table_of(size, 1);
       for (u32 i = 1; i <= size; ++i)
         text += block(i) + ":\n  jump " + block(size + 1 + i % 2) + "\n";
       return text + block(size + 1) + ":\n  return v0\n" + block(size + 2) + ":\n  return v1\n";
     }},
    {"a chain that ends in a table",
     [](u32 size) {
       std::string text = "  jump " + block(size + 1) + "\n";
       for (u32 i = size + 1; i < 2 * size; ++i)
         text += block(i) + ":\n  jump " + block(i + 1) + "\n";
       text += block(2 * size) + ":\n" + table_of(size, 1);
       for (u32 i = 1; i <= size; ++i) text += block(i) + ":\n  store v0, v1\n  return v0\n";
       return text;
     }},
    {"diamonds after one another",
     [](u32 size) {
       std::string text = "  jump block1(v0)\n";
       for (u32 i = 1; i <= size; i += 3) {
         const std::string v = "v" + std::to_string(2 * i + 2), w = "v" + std::to_string(2 * i + 3);
         text += block(i) + "(" + v + ": i32):\n  brif " + v + ", " + block(i + 1) + ", " +
                 block(i + 2) + "\n" + block(i + 1) + ":\n  " + w + " = iadd " + v +
                 ", v1\n  jump " + block(i + 3) + "(" + w + ")\n" + block(i + 2) + ":\n  jump " +
                 block(i + 3) + "(v0)\n";
       }
       return text + block(1 + (size + 2) / 3 * 3) + "(" + last_value(size) + ": i32):\n  return " +
              last_value(size) + "\n";
     }},
    {"conditional traps",
     [](u32 size) {
       std::string text = "  jump block1\n";
       for (u32 i = 1; i <= size; ++i) {
         text += block(i) + ":\n  v" + std::to_string(i + 1) + " = load.i32 v1\n  brif v" +
                 std::to_string(i + 1) + ", " + block(i + 1) + ", " + block(size + 2) + "\n";
       }
       return text + block(size + 1) + ":\n  return v0\n" + block(size + 2) + ":\n  trap user1\n";
     }},
    {"a constant that decides one branch after the other",
     [](u32 size) {
       std::string text = "  v2 = iconst.i32 1\n  brif v0, block1(v2), block1(v1)\n";
       for (u32 i = 1; i <= size; ++i) {
         const std::string v = "v" + std::to_string(i + 2);
         text += block(i) + "(" + v + ": i32):\n  brif " + v + ", " + block(i + 1) + "(" + v +
                 "), " + block(size + 2) + "\n";
       }
       return text + block(size + 1) + "(" + last_value(size) + ": i32):\n  return " +
              last_value(size) + "\n" + block(size + 2) + ":\n  return v1\n";
     }},
    {"loops in loops",
     [](u32 size) {
       std::string text = "  jump block1\n";
       for (u32 i = 1; i <= size; ++i) text += block(i) + ":\n  jump " + block(i + 1) + "\n";
       for (u32 i = size + 1; i <= 2 * size; ++i) {
         const std::string v = "v" + std::to_string(i);
         text += block(i) + ":\n  " + v + " = load.i32 v1\n  brif " + v + ", " +
                 block(2 * size + 1 - i) + ", " + block(i + 1) + "\n";
       }
       return text + block(2 * size + 1) + ":\n  return v0\n";
     }},
};

std::string whole(const Shape& shape, u32 size) {
  return "function %f(i32, i32) -> i32 {\nblock0(v0: i32, v1: i32):\n" + shape.text(size) + "}\n";
}

// Of this thread, so that a busy machine does not matter.
double cpu_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds_for(const Shape& shape, u32 size) {
  ir::Function func;
  parse(whole(shape, size), func);
  expect_valid(func);
  Session session;
  const double start = cpu_seconds();
  clean_up_flow(func, session);
  const double seconds = cpu_seconds() - start;
  func.dfg.resolve_all_aliases();
  expect_valid(func);
  return seconds;
}

TEST(CleanUpFlow, twice_the_function_takes_twice_the_time) {
  for (const Shape& shape : kShapes) {
    const double small = seconds_for(shape, 12000), large = seconds_for(shape, 48000);
    EXPECT_LT(large, 4 * 1.5 * small + 0.1) << shape.name;
  }
}

}  // namespace
}  // namespace gantry::opt

#include "gantry/opt/inline.h"

#include <gtest/gtest.h>

#include <memory>

#include "gantry/fuzzgen/generate.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/inline_policy.h"
#include "gantry/reader/reader.h"
#include "gantry/support/limits.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

using interp::Outcome;
using ir::DataValue;

std::vector<ir::Function> read(std::string_view text) {
  std::vector<ir::Function> functions;
  reader::Reader reader(text, {});
  ir::Function func;
  while (reader.next(func)) functions.push_back(func);
  EXPECT_TRUE(reader.diagnostics().empty());
  return functions;
}

std::string name_of(const ir::Function& func) {
  TextWriter out;
  ir::print_function_name(func.name, out);
  return std::move(out).take();
}

std::string print(const ir::Function& func) {
  TextWriter out;
  ir::print(func, out);
  return std::move(out).take();
}

void expect_valid(const ir::Function& func) {
  verifier::Environment environment;
  environment.has_isa = true;
  environment.preserve_frame_pointers = true;
  const Result<void> valid = verifier::verify(func, environment);
  EXPECT_TRUE(valid.has_value()) << print(func)
                                 << (valid.has_value() ? "" : std::string(valid.error().message()));
}

// The function among `functions` that a call names.
const ir::Function* callee_of(std::span<const ir::Function> functions, const InlineSite& site) {
  TextWriter wanted;
  ir::print_external_name(site.caller, site.caller.dfg.ext_funcs[site.callee].name, wanted);
  for (const ir::Function& func : functions) {
    if (name_of(func) == wanted.view()) return &func;
  }
  return nullptr;
}

// Inlines into the last function everything that is defined before it.
ir::Function inlined(std::span<const ir::Function> functions, u32 expected_calls,
                     bool visit = true) {
  ir::Function caller = functions.back();
  Session session;
  const Result<u32> count = inline_calls(
      caller,
      [&](const InlineSite& site) -> InlineDecision {
        return {callee_of(functions.first(functions.size() - 1), site), visit};
      },
      session);
  EXPECT_TRUE(count.has_value()) << (count.has_value() ? "" : std::string(count.error().message()));
  if (count.has_value()) {
    EXPECT_EQ(*count, expected_calls);
  }
  expect_valid(caller);
  return caller;
}

std::string run_text(std::string_view text, u32 expected_calls) {
  return print(inlined(read(text), expected_calls));
}

void expect_has(const std::string& text, std::string_view piece) {
  EXPECT_NE(text.find(piece), std::string::npos) << "expected: " << piece << "\nin:\n" << text;
}
void expect_lacks(const std::string& text, std::string_view piece) {
  EXPECT_EQ(text.find(piece), std::string::npos) << "not expected: " << piece << "\nin:\n" << text;
}

constexpr std::string_view kAdd = R"(function %add(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  v2 = iadd v0, v1
  return v2
}
)";

TEST(InlineCalls, several_calls_in_one_block_keep_their_order) {
  const std::string text = run_text(std::string(kAdd) + R"(function %f(i32) -> i32 {
  fn0 = %add(i32, i32) -> i32
  fn1 = %other(i32) -> i32
block0(v0: i32):
  v1 = call fn0(v0, v0)
  v2 = call fn1(v1)
  v3 = call fn0(v1, v2)
  v4 = call fn1(v3)
  return v4
})",
                                    2);
  expect_lacks(text, "call fn0");
  const usize first = text.find("call fn1");
  const usize second = text.find("call fn1", first + 1);
  EXPECT_NE(second, std::string::npos) << text;
  EXPECT_LT(text.find("iadd"), first) << text;
  EXPECT_GT(text.rfind("iadd"), first) << text;
  EXPECT_LT(text.rfind("iadd"), second) << text;
}

TEST(InlineCalls, bodies_are_visited_and_know_their_depth) {
  const std::vector<ir::Function> functions = read(R"(function %a() -> i32 {
block0:
  v0 = iconst.i32 1
  return v0
}
function %b() -> i32 {
  fn0 = %a() -> i32
block0:
  v0 = call fn0()
  v1 = call fn0()
  v2 = iadd v0, v1
  return v2
}
function %c() -> i32 {
  fn0 = %b() -> i32
  fn1 = %a() -> i32
block0:
  v0 = call fn0()
  v1 = call fn1()
  v2 = iadd v0, v1
  return v2
})");
  ir::Function caller = functions[2];
  Session session;
  std::vector<u32> depths;
  const Result<u32> count = inline_calls(
      caller,
      [&](const InlineSite& site) -> InlineDecision {
        depths.push_back(site.depth);
        return {callee_of(functions, site), true};
      },
      session);
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(depths, (std::vector<u32>{0, 1, 1, 0}));
  expect_valid(caller);
  interp::Interpreter interpreter({});
  EXPECT_EQ(interpreter.run(caller, {}).results[0].bits(), 3u);
  // Without visiting, the calls of the body stay.
  expect_has(print(inlined(functions, 2, false)), "call");
}

TEST(InlineCalls, a_body_that_never_returns_leaves_the_rest_unreachable) {
  const std::string text = run_text(R"(function %spin(i32) -> i32 {
block0(v0: i32):
  jump block1
block1:
  jump block1
}
function %f(i32) -> i32 {
  fn0 = %spin(i32) -> i32
block0(v0: i32):
  v1 = call fn0(v0)
  v2 = iadd v1, v0
  return v2
})",
                                    1);
  expect_has(text, "jump block2\n\nblock2:\n    jump block2");
}

TEST(InlineCalls, recursion_stops_where_the_hook_says) {
  const std::vector<ir::Function> functions = read(R"(function %fact(i32) -> i32 {
  fn0 = %fact(i32) -> i32
block0(v0: i32):
  brif v0, block1, block2
block1:
  v5 = iconst.i32 -1
  v1 = iadd v0, v5
  v2 = call fn0(v1)
  v3 = imul v2, v0
  return v3
block2:
  v4 = iconst.i32 1
  return v4
})");
  ir::Function caller = functions[0];
  Session session;
  const Result<u32> count = inline_calls(
      caller,
      [&](const InlineSite& site) -> InlineDecision {
        return {site.depth < 3 ? functions.data() : nullptr, true};
      },
      session);
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(*count, 3u);
  expect_valid(caller);
  for (const ir::Function* func : {functions.data(), &std::as_const(caller)}) {
    interp::Interpreter interpreter({});
    interpreter.add_function(*func);
    const DataValue arg = DataValue::from_bits(ir::kI32, 6);
    EXPECT_EQ(interpreter.run(*func, {&arg, 1}).results[0].bits(), 720u);
  }
}

TEST(InlineCalls, errors_leave_the_function_as_it_was) {
  const std::vector<ir::Function> functions = read(std::string(kAdd) + R"(function %f(i32) -> i32 {
  fn0 = %add(i32, i32) -> i32
  fn1 = %add(i32) -> i32
block0(v0: i32):
  v1 = call fn0(v0, v0)
  v2 = call fn1(v1)
  v3 = call fn0(v2, v2)
  return v3
})");
  ir::Function caller = functions[1];
  Session session;
  const Result<u32> count = inline_calls(
      caller,
      [&](const InlineSite&) -> InlineDecision {
        return {functions.data(), true};
      },
      session);
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().message(),
            "%add cannot be inlined: its signature is not that of the call");
  expect_valid(caller);
  expect_has(print(caller), "v2 = call fn1(v1)");
  ir::Function again = functions[1];
  EXPECT_FALSE(inline_calls(
                   again,
                   [&](const InlineSite&) -> InlineDecision {
                     return {&again, true};
                   },
                   session)
                   .has_value());
  expect_valid(again);
}

TEST(InlineCalls, struct_arguments_are_not_inlined) {
  const std::vector<ir::Function> functions = read(R"(function %g(i64 sarg(16)) system_v {
block0(v0: i64):
  return
}
function %f(i64) system_v {
  fn0 = %g(i64 sarg(16)) system_v
block0(v0: i64):
  call fn0(v0)
  return
})");
  ASSERT_EQ(functions.size(), 2u);
  ir::Function caller = functions[1];
  Session session;
  const Result<u32> count = inline_calls(
      caller,
      [&](const InlineSite&) -> InlineDecision {
        return {functions.data(), true};
      },
      session);
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().kind(), ErrorKind::Unsupported);
}

TEST(InlineCalls, a_call_that_cannot_have_handlers_keeps_the_try_call) {
  const std::vector<ir::Function> functions = read(R"(function %g() tail {
  fn0 = %h() fast
block0:
  call fn0()
  return
}
function %f() tail {
  sig0 = () tail
  fn0 = %g sig0
block0:
  try_call fn0(), sig0, block1, [ default: block1 ]
block1:
  return
})");
  ir::Function caller = functions[1];
  Session session;
  const Result<u32> count = inline_calls(
      caller,
      [&](const InlineSite&) -> InlineDecision {
        return {functions.data(), true};
      },
      session);
  ASSERT_FALSE(count.has_value());
  expect_has(std::string(count.error().message()), "handlers");
  expect_valid(caller);
}

TEST(InlineCalls, addresses_of_handlers_follow_their_call) {
  const std::string text = run_text(std::string(kAdd) + R"(function %f(i32) -> i32 tail {
  sig0 = (i32) tail
  fn0 = %add(i32, i32) -> i32
  fn1 = %g sig0
block0(v0: i32):
  v1 = call fn0(v0, v0)
  v2 = get_exception_handler_address.i64 block0, 0
  try_call fn1(v1), sig0, block1, [ default: block1 ]
block1:
  return v0
})",
                                    1);
  expect_has(text, "get_exception_handler_address.i64 block3, 0");
}

TEST(InlineCalls, patchable_calls_stay) {
  const std::string text = run_text(R"(function %g() {
block0:
  return
}
function %f() {
  fn0 = colocated patchable %g()
block0:
  call fn0()
  return
})",
                                    0);
  expect_has(text, "call fn0()");
}

TEST(InlineCalls, a_context_is_not_declared_where_there_is_none) {
  const std::string text = run_text(R"(function %g(i64) -> i64 {
  gv0 = vmctx
  gv1 = load.i64 notrap aligned gv0+8
  gv2 = symbol %s
  gv3 = load.i64 notrap aligned gv2
block0(v0: i64):
  v1 = symbol_value.i64 gv2
  return v1
}
function %f(i64) -> i64 {
  fn0 = %g(i64) -> i64
block0(v0: i64):
  v1 = call fn0(v0)
  return v1
})",
                                    1);
  expect_has(text, "gv0 = symbol %s");
  expect_lacks(text, "vmctx");
}

TEST(InlineCalls, cold_places_stay_cold) {
  const std::string text = run_text(std::string(kAdd) + R"(function %f(i32) -> i32 {
  fn0 = %add(i32, i32) -> i32
block0(v0: i32):
  brif v0, block1, block2
block1 cold:
  v1 = call fn0(v0, v0)
  return v1
block2:
  return v0
})",
                                    1);
  expect_has(text, "block3 cold:");
  expect_has(text, "block4(v2: i32) cold:");
}

TEST(InlineCalls, frames_say_where_instructions_came_from) {
  const std::vector<ir::Function> functions = read(R"(function %a(i32) -> i32 {
block0(v0: i32):
@0010  v1 = ineg v0
  return v1
}
function %b(i32) -> i32 {
  fn0 = %a(i32) -> i32
block0(v0: i32):
@0020  v1 = call fn0(v0)
  return v1
}
function %c(i32) -> i32 {
  fn0 = %b(i32) -> i32
block0(v0: i32):
@0030  v1 = call fn0(v0)
@0031  v2 = bnot v1
  return v2
})");
  const auto check = [](const ir::Function& func) {
    u32 seen = 0;
    for (const ir::Block block : func.layout.blocks()) {
      for (const ir::Inst inst : func.layout.insts(block)) {
        if (func.dfg.opcode(inst) == ir::Opcode::Bnot) {
          EXPECT_FALSE(func.inline_frame(inst).has_value());
          EXPECT_EQ(func.source_loc(inst), 0x31u);
          ++seen;
        }
        if (func.dfg.opcode(inst) != ir::Opcode::Ineg) continue;
        ++seen;
        EXPECT_EQ(func.source_loc(inst), 0x10u);
        ASSERT_TRUE(func.inline_frame(inst).has_value());
        const ir::InlineFrameData& inner = func.inline_frames[*func.inline_frame(inst)];
        EXPECT_EQ(inner.call_site, 0x20u);
        EXPECT_EQ(func.test_names[inner.callee.index], "a");
        ASSERT_TRUE(inner.parent.has_value());
        const ir::InlineFrameData& outer = func.inline_frames[*inner.parent];
        EXPECT_EQ(outer.call_site, 0x30u);
        EXPECT_EQ(func.test_names[outer.callee.index], "b");
        EXPECT_FALSE(outer.parent.has_value());
      }
    }
    EXPECT_EQ(seen, 2u);
  };
  check(inlined(functions, 2));
  // The same if %b was finished first.
  std::vector<ir::Function> finished = functions;
  finished[1] = inlined(std::span(functions).first(2), 1);
  check(inlined(finished, 1));
}

TEST(InlineCalls, the_number_of_copied_instructions_is_limited) {
  std::string text = "function %f0() {\nblock0:\n  return\n}\n";
  constexpr int kDepth = 22;
  for (int i = 1; i <= kDepth; ++i) {
    text += "function %f" + std::to_string(i) + "() {\n  fn0 = %f" + std::to_string(i - 1) +
            "()\nblock0:\n  call fn0()\n  call fn0()\n  return\n}\n";
  }
  const std::vector<ir::Function> functions = read(text);
  ir::Function caller = functions.back();
  Session session;
  const Result<u32> count = inline_calls(
      caller,
      [&](const InlineSite& site) -> InlineDecision {
        return {&functions[kDepth - 1 - site.depth], true};
      },
      session);
  ASSERT_FALSE(count.has_value());
  EXPECT_EQ(count.error().kind(), ErrorKind::LimitExceeded);
  expect_has(std::string(count.error().message()), limits::kMaxInlinedInsts.name);
  expect_valid(caller);
}

TEST(InlineCalls, a_chain_of_ten_thousand_callees) {
  std::string text =
      "function %f0(i32) -> i32 {\nblock0(v0: i32):\n  v9 = iconst.i32 1\n  v1 = iadd v0, v9\n  "
      "return v1\n}\n";
  constexpr u32 kDepth = 10000;
  for (u32 i = 1; i <= kDepth; ++i) {
    text += "function %f" + std::to_string(i) + "(i32) -> i32 {\n  fn0 = colocated %f" +
            std::to_string(i - 1) +
            "(i32) -> i32\nblock0(v0: i32):\n  v1 = call fn0(v0)\n  v9 = iconst.i32 1\n  v2 = iadd "
            "v1, v9\n  return v2\n}\n";
  }
  std::vector<ir::Function> functions = read(text);
  ir::Function caller = functions.back();
  Session session;
  const Result<u32> count = inline_calls(
      caller,
      [&](const InlineSite& site) -> InlineDecision {
        return {&functions[kDepth - 1 - site.depth], true};
      },
      session);
  ASSERT_TRUE(count.has_value());
  EXPECT_EQ(*count, kDepth);
  expect_valid(caller);
  interp::Interpreter interpreter({});
  const DataValue arg = DataValue::from_bits(ir::kI32, 5);
  EXPECT_EQ(interpreter.run(caller, {&arg, 1}).results[0].bits(), 5u + kDepth + 1);

  std::vector<ir::Function*> pointers;
  for (ir::Function& func : functions) pointers.push_back(&func);
  const Result<InlineStats> stats = inline_functions(pointers, {}, session);
  ASSERT_TRUE(stats.has_value());
  EXPECT_GT(stats->inlined, kDepth / 2);
  expect_valid(functions.back());
}

TEST(InlineCalls, ten_thousand_calls_in_one_block) {
  std::string text =
      std::string(kAdd) +
      "function %f(i32) -> i32 {\n  fn0 = colocated %add(i32, i32) -> i32\nblock0(v0: i32):\n";
  constexpr u32 kCalls = 10000;
  for (u32 i = 1; i <= kCalls; ++i) {
    text += "  v" + std::to_string(i) + " = call fn0(v" + std::to_string(i - 1) + ", v0)\n";
  }
  text += "  return v" + std::to_string(kCalls) + "\n}\n";
  const ir::Function caller = inlined(read(text), kCalls);
  interp::Interpreter interpreter({});
  const DataValue arg = DataValue::from_bits(ir::kI32, 3);
  EXPECT_EQ(interpreter.run(caller, {&arg, 1}).results[0].bits(), 3 * (kCalls + 1));
}

// ---- random programs

struct Ending {
  Outcome outcome;
  friend bool operator==(const Ending& a, const Ending& b) {
    return a.outcome.kind == b.outcome.kind && a.outcome.results == b.outcome.results &&
           a.outcome.trap == b.outcome.trap;
  }
};

Ending execute(std::span<const ir::Function> functions, const ir::Function& func,
               std::span<const DataValue> args) {
  interp::Options limits;
  limits.fuel = 2 * fuzzgen::kMaxExecutedInsts;
  interp::Interpreter interpreter(limits);
  for (const ir::Function& other : functions) interpreter.add_function(other);
  return {interpreter.run(func, args)};
}

// Programs that call, inlined as far as possible and by the policy: they do what they did.
void check_programs(u64 first_seed, u32 count) {
  u64 inlined_calls = 0, by_policy = 0, returned = 0;
  Session session;
  std::vector<ir::Function> functions;
  for (u64 seed = first_seed; seed < first_seed + count; ++seed) {
    SCOPED_TRACE(seed);
    fuzzgen::Choices choices(seed);
    fuzzgen::Options options;
    options.i128 = options.vectors = true;
    options.other_conventions = seed % 2 == 1;
    generate(choices, options, functions);
    const std::vector<DataValue> args = fuzzgen::generate_args(choices, functions[0].signature);
    const Ending before = execute(functions, functions[0], args);
    returned += before.outcome.kind == Outcome::Kind::Returned ? 1 : 0;

    std::vector<ir::Function> everything = functions;
    for (ir::Function& func : everything) {
      const Result<u32> replaced = inline_calls(
          func,
          [&](const InlineSite& site) -> InlineDecision {
            return {callee_of(functions, site), seed % 4 != 0};
          },
          session);
      ASSERT_TRUE(replaced.has_value()) << replaced.error().message();
      inlined_calls += *replaced;
      expect_valid(func);
    }
    ASSERT_EQ(execute(everything, everything[0], args), before) << print(everything[0]);

    std::vector<ir::Function> chosen = functions;
    std::vector<ir::Function*> pointers;
    for (ir::Function& func : chosen) pointers.push_back(&func);
    InlineOptions policy;
    policy.definitions_are_final = true;
    const Result<InlineStats> stats = inline_functions(pointers, policy, session);
    ASSERT_TRUE(stats.has_value());
    by_policy += stats->inlined;
    for (const ir::Function& func : chosen) expect_valid(func);
    ASSERT_EQ(execute(chosen, chosen[0], args), before) << print(chosen[0]);
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  std::printf("%u programs, %llu calls inlined, %llu by the policy, %llu returned\n", count,
              static_cast<unsigned long long>(inlined_calls),
              static_cast<unsigned long long>(by_policy),
              static_cast<unsigned long long>(returned));
  EXPECT_GT(inlined_calls, count / 2);
  EXPECT_GT(by_policy, count / 20);
  EXPECT_GT(returned, count / 2);
}

TEST(InlineCalls, random_programs_do_what_they_did) {
  const char* const wanted = std::getenv("GANTRY_INLINE_PROGRAMS");
  check_programs(1, wanted != nullptr ? static_cast<u32>(std::atoi(wanted)) : 400);
}

// ---- policy

struct PolicyRun {
  std::vector<ir::Function> functions;
  InlineStats stats;
};
PolicyRun run_policy(std::string_view text, bool final_definitions = false) {
  PolicyRun run{read(text), {}};
  std::vector<ir::Function*> pointers;
  for (ir::Function& func : run.functions) pointers.push_back(&func);
  InlineOptions options;
  options.definitions_are_final = final_definitions;
  Session session;
  const Result<InlineStats> stats = inline_functions(pointers, options, session);
  EXPECT_TRUE(stats.has_value());
  if (stats.has_value()) run.stats = *stats;
  for (const ir::Function& func : run.functions) expect_valid(func);
  return run;
}

TEST(InlinePolicy, calls_that_another_definition_may_answer_stay) {
  const std::string text = std::string(kAdd) + R"(function %f(i32) -> i32 {
  fn0 = %add(i32, i32) -> i32
block0(v0: i32):
  v1 = call fn0(v0, v0)
  return v1
})";
  EXPECT_EQ(run_policy(text).stats.inlined, 0u);
  EXPECT_EQ(run_policy(text, true).stats.inlined, 1u);
}

TEST(InlinePolicy, recursion_stays) {
  const PolicyRun run = run_policy(R"(function %even(i32) -> i32 {
  fn0 = colocated %odd(i32) -> i32
block0(v0: i32):
  brif v0, block1, block2
block1:
  v5 = iconst.i32 -1
  v1 = iadd v0, v5
  v2 = call fn0(v1)
  return v2
block2:
  return v0
}
function %odd(i32) -> i32 {
  fn0 = colocated %even(i32) -> i32
block0(v0: i32):
  v1 = call fn0(v0)
  return v1
}
function %user(i32) -> i32 {
  fn0 = colocated %odd(i32) -> i32
block0(v0: i32):
  v1 = call fn0(v0)
  return v1
})");
  EXPECT_EQ(run.stats.calls, 3u);
  EXPECT_EQ(run.stats.inlined, 1u);
  expect_has(print(run.functions[0]), "call fn0");
  expect_has(print(run.functions[1]), "call fn0");
}

TEST(InlinePolicy, frame_readers_and_stack_limits_stay) {
  const PolicyRun run = run_policy(R"(function %frame() -> i64 {
block0:
  v0 = get_frame_pointer.i64
  return v0
}
function %limited(i64 vmctx) {
  gv0 = vmctx
  stack_limit = gv0
block0(v0: i64):
  return
}
function %f(i64) -> i64 {
  fn0 = colocated %frame() -> i64
  fn1 = colocated %limited(i64 vmctx)
block0(v0: i64):
  call fn1(v0)
  v1 = call fn0()
  return v1
})");
  EXPECT_EQ(run.stats.calls, 2u);
  EXPECT_EQ(run.stats.inlined, 0u);
}

TEST(InlinePolicy, cold_calls_are_inlined_only_if_that_is_smaller) {
  std::string body = "function %g(i32) -> i32 {\nblock0(v0: i32):\n";
  for (int i = 1; i <= 12; ++i)
    body += "  v" + std::to_string(i) + " = imul v" + std::to_string(i - 1) + ", v0\n";
  body += "  return v12\n}\n";
  const auto text = [&](std::string_view cold) {
    return body +
           "function %f(i32) -> i32 {\n  fn0 = colocated %g(i32) -> i32\nblock0(v0: i32):\n  brif "
           "v0, block1, block2\nblock1" +
           std::string(cold) +
           ":\n  v1 = call fn0(v0)\n  v2 = call fn0(v1)\n  return v2\nblock2:\n  return v0\n}\n";
  };
  EXPECT_EQ(run_policy(text("")).stats.inlined, 2u);
  EXPECT_EQ(run_policy(text(" cold")).stats.inlined, 0u);
}

TEST(InlinePolicy, ten_thousand_calls_of_one_callee_keep_to_the_budget) {
  std::string text = "function %g(i32) -> i32 {\nblock0(v0: i32):\n";
  for (int i = 1; i <= 20; ++i)
    text += "  v" + std::to_string(i) + " = imul v" + std::to_string(i - 1) + ", v0\n";
  text +=
      "  return v20\n}\nfunction %f(i32) -> i32 {\n  fn0 = colocated %g(i32) -> i32\nblock0(v0: "
      "i32):\n";
  for (u32 i = 1; i <= 10000; ++i)
    text += "  v" + std::to_string(i) + " = call fn0(v" + std::to_string(i - 1) + ")\n";
  text += "  return v10000\n}\n";
  const PolicyRun run = run_policy(text);
  EXPECT_EQ(run.stats.calls, 10000u);
  EXPECT_LE(run.stats.size_after, 2 * run.stats.size_before);
}

TEST(InlinePolicy, numbers_have_names_and_reasons) {
  for (const InlineNumber* number : kInlineNumbers) {
    EXPECT_FALSE(number->name.empty());
    EXPECT_FALSE(number->why.empty());
  }
}

}  // namespace
}  // namespace gantry::opt

// Whatever the bytes, the reader ends with findings or with functions that print and read back; in
// linear time.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "gantry/reader/test_support.h"
#include "gantry/reader/text_mutator.h"

namespace gantry::reader {
namespace {

constexpr std::string_view kSeed =
    "test cat\nset opt_level=speed\ntarget x86_64\n\n"
    "function %f(i64 vmctx, i32, f32, i8x16) -> i32, f32 system_v {\n"
    "    ss0 = explicit_slot 16, align = 16, key = 7\n    region0 = 0 \"heap\"\n    gv0 = vmctx\n"
    "    gv1 = load.i64 notrap aligned readonly gv0+8\n    gv2 = dyn_scale_target_const.i32x4\n"
    "    gv3 = symbol tls userextname1+8\n    dt0 = i32x4*gv2\n    dss0 = explicit_dynamic_slot "
    "dt0\n"
    "    sig0 = (i32) -> i32 tail\n    fn0 = colocated u0:1 sig0\n    fn1 = %g(i64) -> i64, i32 "
    "tail\n"
    "    const0 = 0x00112233445566778899aabbccddeeff\n    stack_limit = gv1\n\n"
    "block0(v0: i64, v1: i32, v2: f32, v30: i8x16):\n"
    "    v3 = load.i64 notrap aligned readonly v0+8\n    v8, v9 = call fn1(v3), stack_map=[i32 @ "
    "ss0+0, i64 @ ss0+8]\n"
    "    v11 = iadd.i32 v9, v40\n    v12 = icmp eq v9, v11\n    v13 = vconst.i32x4 [1 2 3 4]\n"
    "    v14 = shuffle v30, v30, 0x0102030405060708090a0b0c0d0e0f00\n    v15 = "
    "dynamic_stack_addr.i64 dss0\n"
    "    v16 = f32const 0x1.8p3\n    v17 = atomic_rmw.i32 little region0 add v0, v9\n"
    "    br_table v9, block1(v9), [block2(v3), block3]\n"
    "<1, ss0>   @00a1  try_call fn0(v1), sig0, block1(ret0), [ context v0, tag3: block2(exn0), "
    "default: block3 ]\n\n"
    "block1(v4: i32):\n    store.i32 notrap aligned region0 v4, v3+0x10\n    v10 -> v4\n    v20 -> "
    "v10\n"
    "    v21, v22 = isplit.i64 v3\n    return v10, v2\n\n"
    "block2(v5: i64) cold:\n    trap user1\n\n"
    "block3 cold:\n    v6 = iconst.i32 -1\n    v40 = iconst.i64 7\n    brif.i32 v4, block3, "
    "block2(v3)\n}\n"
    "; run: %f(1, 2) == [3, 4]\n";

TEST(Hostile, mutated_texts_read_or_are_refused) {
  const char* wanted = std::getenv("GANTRY_FUZZ_ROUNDS");
  const u64 rounds = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 20000;
  u32 functions = 0;
  for (u64 seed = 0; seed < rounds; ++seed) {
    const std::string text = TextMutator(seed).mutated(kSeed);
    const std::string wrong = fixed_point_violation(text, &functions);
    ASSERT_EQ(wrong, "") << "seed " << seed << "\n" << text;
  }
  EXPECT_GT(functions, rounds / 20);
}

TEST(Hostile, every_prefix_of_a_text) {
  for (usize size = 0; size <= kSeed.size(); ++size) {
    const std::string text(
        kSeed.substr(0, size));  // its own allocation, so that a sanitizer sees reads behind it
    ir::Function func;
    Reader reader(text, {.keep_comments = true});
    FunctionSource source;
    while (reader.next(func, &source)) {
    }
  }
}

TEST(Hostile, run_commands) {
  ir::Function func;
  ASSERT_EQ(read_one("function %f(i8, f32, i32x4, i128) -> i64, f64 system_v {\n}", func), "");
  constexpr std::string_view kCommand = "; run: %f(-1, 0x1.8p3, [1 2 3 4], 0x1) == [1, +NaN]";
  for (u64 seed = 0; seed < 20000; ++seed) {
    const std::string text = TextMutator(seed).mutated(kCommand);
    RunCommand command;
    const Result<bool> read = parse_run_command(text, func.signature, command);
    if (!read) {
      EXPECT_LE(read.error().position().column, text.size() + 1);
    }
  }
}

double seconds_to_read(const std::string& text) {
  const auto start = std::chrono::steady_clock::now();
  Reader reader(text, {});
  ir::Function func;
  TextWriter out;
  while (reader.next(func)) {
    if (reader.errors_in_last() == 0) {
      out.clear();
      ir::print(func, out);
    }
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string repeated(std::string_view head, std::string_view piece, std::string_view tail,
                     u32 count) {
  std::string text(head);
  for (u32 i = 0; i < count; ++i) {
    const std::string number = std::to_string(i), following = std::to_string(i + 1);
    for (const char c : piece) {
      if (c == '#') {
        text += number;
      } else if (c == '^') {
        text += following;
      } else {
        text += c;
      }
    }
  }
  return text.append(tail);
}

TEST(Hostile, large_things_take_linear_time) {
  struct Case {
    std::string_view name, head, piece, tail;
  };
  constexpr Case kCases[] = {
      {"lines", "function %f() {\nblock0:\n", "  v# = iconst.i32 #\n", "  return\n}\n"},
      {"block parameters", "function %f() {\nblock0(v99999: i32", ", v#: i32", "):\n}\n"},
      {"parameters", "function %f(i32", ", i32", ") {\nblock0:\n return\n}\n"},
      {"block arguments", "function %f() {\nblock0(v0: i32):\n jump block0(v0", ",v0", ")\n}\n"},
      {"call arguments", "function %f() {\nfn0 = %g()\nblock0(v0: i32):\n call fn0(v0", ",v0",
       ")\n}\n"},
      {"table entries", "function %f() {\nblock0(v0: i32):\n br_table v0, block0, [block0",
       ",block0(v0)", "]\n}\n"},
      {"alias chain", "function %f() {\nblock0(v0: i32):\n", "v^ -> v#\n", "}\n"},
      {"aliases of one value", "function %f() {\nblock0(v0: i32):\n", "v^ -> v0\n", "}\n"},
      {"names", "function %f() {\nsig0 = ()\n", "fn# = %x# sig0\n", "}\n"},
      {"user names", "function %f() {\nsig0 = ()\n", "fn# = u0:# sig0\n", "}\n"},
      {"blocks", "function %f() {\n", "block#:\n jump block#\n", "}\n"},
      {"undefined values", "function %f() {\nblock0:\n return v0", ",v#", "\n}\n"},
      {"errors", "", "function %f( {\n}\n", ""},
      {"error lines", "function %f() {\nblock0:\n", "foo bar #\n", "}\n"},
      {"unclosed functions", "", "function %f() {\n", ""},
      {"comments", "function %f() {\n", ";#\n", "}\n"},
      {"one long line", "function %f() {\nblock0:", " v# = iconst.i32 #", "}\n"},
      {"errors on one line", "function %f() {\nblock0:", " foo", "}\n"},
      {"one number", "function %f() {\nblock0:\nv0 = iconst.i64 0", "0", "\n}\n"},
      {"one word", "function %f() {\nblock0:\nv0 = i", "a", "\n}\n"},
      {"debug tags", "function %f() {\nblock0:\n<0", ",#", "> return\n}\n"},
      {"memory flags", "function %f() {\nblock0(v0: i64):\nstore", " aligned", " v0, v0\n}\n"},
      {"constants", "function %f() {\nblock0:\n", "v# = vconst.i32x4 [# # # #]\n", "}\n"},
      {"flag sets", "function %f() {\nblock0(v99999: i64):\n", "v# = load.i32 region# v99999\n",
       "}\n"},
  };
  for (const Case& test : kCases) {
    const u32 size = 40000;
    const std::string small = repeated(test.head, test.piece, test.tail, size);
    const std::string large = repeated(test.head, test.piece, test.tail, size * 2);
    // Twice the text in at most little more than twice the time; the constant is for the clock of a
    // busy machine.
    bool linear = false;
    for (u32 attempt = 0; attempt < 4 && !linear; ++attempt) {
      const double small_seconds = seconds_to_read(small);
      linear = seconds_to_read(large) < 3 * small_seconds + 0.02;
    }
    EXPECT_TRUE(linear) << test.name;
  }
}

TEST(Hostile, a_million_lines_and_ten_megabytes_in_one) {
  ir::Function func;
  EXPECT_EQ(read_one(repeated("function %f() {\nblock0:\n", "  v# = iconst.i32 #\n",
                              "  return\n}\n", 1000000),
                     func),
            "");
  EXPECT_EQ(func.dfg.num_values(), 1000000u);
  EXPECT_EQ(
      read_one(repeated("function %f() {\nblock0:", " v# = iconst.i32 #", " return }\n", 400000),
               func),
      "");
  EXPECT_EQ(func.dfg.num_values(), 400000u);
}

}  // namespace
}  // namespace gantry::reader

#include <gtest/gtest.h>

#include "gantry/support/arena.h"
#include "gantry/support/diagnostic.h"
#include "gantry/support/function_ref.h"
#include "gantry/support/hash.h"
#include "gantry/support/limits.h"
#include "gantry/support/result.h"
#include "gantry/support/session.h"

namespace gantry {
namespace {

Result<int> half(int x) {
  if (x % 2 != 0) return Error(ErrorKind::Invalid, "odd", {3, 4});
  return x / 2;
}

Result<int> quarter(int x) {
  GANTRY_TRY_ASSIGN(const int once, half(x));
  return half(once);
}

Result<void> check_quarter(int x) {
  GANTRY_TRY(quarter(x));
  return {};
}

TEST(Result, carries_values_and_errors) {
  EXPECT_EQ(*quarter(8), 2);
  const Result<int> failed = quarter(6);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().kind(), ErrorKind::Invalid);
  EXPECT_EQ(failed.error().message(), "odd");
  EXPECT_EQ(failed.error().position(), (SourcePosition{3, 4}));
  EXPECT_TRUE(check_quarter(4).has_value());
  EXPECT_FALSE(check_quarter(5).has_value());
}

TEST(Arena, reuses_its_blocks_after_reset) {
  Arena arena;
  for (int round = 0; round < 3; ++round) {
    for (u32 i = 0; i < 1000; ++i) {
      std::span<u32> items = arena.allocate_filled<u32>(i, i);
      for (const u32 item : items) ASSERT_EQ(item, i);
    }
    arena.reset();
  }
  const usize reserved = arena.bytes_reserved();
  arena.allocate<u64>(200);
  EXPECT_EQ(arena.bytes_reserved(), reserved);
  // Larger than any block, and aligned.
  EXPECT_EQ(reinterpret_cast<usize>(arena.allocate<u64>(4 << 20)) % alignof(u64), 0u);
}

TEST(Diagnostic, quotes_and_underlines) {
  TextWriter out;
  Diagnostic diagnostic;
  diagnostic.position = {2, 5};
  diagnostic.length = 3;
  diagnostic.message = "unknown word";
  diagnostic.hint = "try `two`";
  render(diagnostic, "a.clif", "one\nsay twx now\n", out);
  EXPECT_EQ(out.view(),
            "a.clif:2:5: error: unknown word\n    say twx now\n        ^^^\n    hint: try `two`\n");
}

TEST(Diagnostic, long_lines_are_cut_around_the_column) {
  const std::string line(1'000'000, 'x');
  TextWriter out;
  Diagnostic diagnostic;
  diagnostic.position = {1, 500'000};
  diagnostic.message = "here";
  render(diagnostic, "a", line, out);
  EXPECT_LT(out.size(), 400u);
}

TEST(Diagnostic, positions) {
  EXPECT_EQ(position_of("ab\ncd", 3), (SourcePosition{2, 1}));
  EXPECT_EQ(position_of("ab\ncd", 99), (SourcePosition{2, 3}));
}

TEST(TextWriter, numbers) {
  TextWriter out;
  out.put(i64{-5}, ' ', u8{200}, ' ').write_hex(0xab, 4);
  EXPECT_EQ(out.view(), "-5 200 00ab");
}

TEST(Session, times_passes_once_each) {
  static constexpr PassInfo kPass{"p", "a test"};
  Session session;
  session.enable_timing(true);
  for (int i = 0; i < 3; ++i) PassScope scope(session, kPass);
  ASSERT_EQ(session.pass_times().size(), 1u);
  EXPECT_EQ(session.pass_times()[0].runs, 3u);
}

TEST(FunctionRef, calls_through) {
  int sum = 0;
  auto add = [&](int x) { return sum += x; };
  const FunctionRef<int(int)> ref = add;
  ref(2);
  EXPECT_EQ(ref(3), 5);
}

TEST(Limits, have_names_and_tests) {
  for (const limits::Limit* limit : limits::kAll) {
    EXPECT_FALSE(limit->name.empty());
    EXPECT_FALSE(limit->tested_by.empty());
  }
}

}  // namespace
}  // namespace gantry

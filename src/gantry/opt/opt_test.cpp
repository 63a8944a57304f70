#include <gtest/gtest.h>

#include "gantry/ir/printer.h"
#include "gantry/opt/remove_constant_params.h"
#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

// Reads, runs the pass and resolves aliases; the result must still verify. Text without comments.
std::string run(std::string_view text) {
  reader::Reader reader(text, {});
  reader.header();
  ir::Function func;
  EXPECT_TRUE(reader.next(func));
  EXPECT_TRUE(reader.diagnostics().empty());
  Session session;
  remove_constant_params(func, session);
  func.dfg.resolve_all_aliases();
  const Result<void> valid = verifier::verify(func, {});
  EXPECT_TRUE(valid.has_value()) << (valid.has_value() ? "" : valid.error().message());
  TextWriter out;
  ir::print(func, out);
  return std::move(out).take();
}

TEST(RemoveConstantParams, a_value_carried_around_a_loop_unchanged) {
  const std::string text = run(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  jump block1(v0, v1)
block1(v2: i32, v3: i32):
  v4 = isub v2, v3
  brif v4, block1(v4, v3), block2(v3)
block2(v5: i32):
  return v5
})");
  EXPECT_NE(text.find("block1(v2: i32):"), std::string::npos) << text;
  EXPECT_NE(text.find("isub v2, v1"), std::string::npos) << text;
  EXPECT_NE(text.find("block2:"), std::string::npos) << text;
  EXPECT_NE(text.find("return v1"), std::string::npos) << text;
}

TEST(RemoveConstantParams, copies_that_feed_each_other) {
  // Two loops pass v1 to and fro; nobody changes it.
  const std::string text = run(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  jump block1(v1)
block1(v2: i32):
  jump block2(v2)
block2(v3: i32):
  brif v0, block1(v3), block3(v3)
block3(v4: i32):
  return v4
})");
  EXPECT_NE(text.find("return v1"), std::string::npos) << text;
  EXPECT_NE(text.find("block2:"), std::string::npos) << text;
  EXPECT_NE(text.find("brif.i32 v0, block1, block3"), std::string::npos) << text;
}

TEST(RemoveConstantParams, different_values_stay_parameters) {
  const std::string text = run(R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
  brif v0, block1(v0), block1(v1)
block1(v2: i32):
  return v2
})");
  EXPECT_NE(text.find("block1(v2: i32):"), std::string::npos) << text;
}

TEST(RemoveConstantParams, an_optimistic_guess_is_taken_back) {
  // v2 looks like v0 until the back edge brings v3, whose own parameter depends on it.
  const std::string text = run(R"(function %f(i32) -> i32 {
block0(v0: i32):
  jump block1(v0)
block1(v2: i32):
  jump block2(v2)
block2(v3: i32):
  v4 = iadd v3, v0
  brif v4, block1(v4), block3(v3)
block3(v5: i32):
  return v5
})");
  EXPECT_NE(text.find("block1(v2: i32):"), std::string::npos) << text;
}

TEST(RemoveConstantParams, results_of_a_try_call_are_nobodys_copy) {
  const std::string text = run(R"(function %f(i32) -> i32 system_v {
  sig0 = (i32) -> i32 system_v
  fn0 = %g sig0
block0(v0: i32):
  try_call fn0(v0), sig0, block1(ret0, v0), [ default: block2(exn0) ]
block1(v1: i32, v2: i32):
  v3 = iadd v1, v2
  return v3
block2(v4: i64):
  v5 = ireduce.i32 v4
  return v5
})");
  EXPECT_NE(text.find("block1(v1: i32):"), std::string::npos) << text;
  EXPECT_NE(text.find("iadd v1, v0"), std::string::npos) << text;
}

TEST(RemoveConstantParams, is_linear_in_a_long_chain) {
  std::string text = "function %f(i32) -> i32 {\nblock0(v0: i32):\n  jump block1(v0)\n";
  constexpr int kBlocks = 50000;
  for (int i = 1; i < kBlocks; ++i) {
    text += "block" + std::to_string(i) + "(v" + std::to_string(i) + ": i32):\n  jump block" +
            std::to_string(i + 1) + "(v" + std::to_string(i) + ")\n";
  }
  text += "block" + std::to_string(kBlocks) + "(v" + std::to_string(kBlocks) +
          ": i32):\n  return v" + std::to_string(kBlocks) + "\n}\n";
  EXPECT_NE(run(text).find("return v0"), std::string::npos);
}

}  // namespace
}  // namespace gantry::opt

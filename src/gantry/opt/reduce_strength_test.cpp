// What becomes of multiples of loop counters: which loops change, and the limits. That random
// programs do the same is the business of fuzz_interp_vs_jit.
#include <gtest/gtest.h>

#include "gantry/ir/printer.h"
#include "gantry/opt/reduce_strength.h"
#include "gantry/reader/reader.h"
#include "gantry/support/limits.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

// Values computed anew in the function; it must still verify.
u32 reduce(std::string_view text, ir::Function& func) {
  reader::Reader reader(text, {});
  reader.header();
  EXPECT_TRUE(reader.next(func));
  EXPECT_TRUE(reader.diagnostics().empty()) << text;
  Session session;
  const bool changed = run_egraph(func, {}, session);
  EXPECT_FALSE(changed);
  const u32 count = reduce_strength(func, egraph_flow(session), egraph_facts(session), session);
  TextWriter out;
  ir::print(func, out);
  const Result<void> valid = verifier::verify(func, {.has_isa = true});
  EXPECT_TRUE(valid.has_value()) << out.view();
  return count;
}

// A loop up to v1 that stores `body`.
std::string loop_with(std::string_view body) {
  return "function %f(i64, i64) {\n"
         "block0(v0: i64, v1: i64):\n v2 = iconst.i64 0\n jump block1(v2)\n"
         "block1(v3: i64):\n v4 = icmp ult v3, v1\n brif v4, block2, block3\n"
         "block2:\n" +
         std::string(body) +
         " v8 = iconst.i64 1\n v9 = iadd v3, v8\n jump block1(v9)\n"
         "block3:\n return\n}\n";
}
std::string store_of_multiple(u32 number, u32 factor) {
  const std::string n = std::to_string(number);
  return " v1" + n + " = iconst.i64 " + std::to_string(factor) + "\n v2" + n + " = imul v3, v1" +
         n + "\n store v2" + n + ", v0+" + std::to_string(8 * number) + "\n";
}

TEST(ReduceStrength, ProductBecomesParameter) {
  ir::Function func;
  EXPECT_EQ(reduce(loop_with(store_of_multiple(100, 48)), func), 1u);
  u32 params = 0;
  for (const ir::Block block : func.layout.blocks())
    params += static_cast<u32>(func.dfg.block_params(block).size());
  EXPECT_EQ(params, 4u);
}

TEST(ReduceStrength, AddressesStay) {
  ir::Function func;
  EXPECT_EQ(reduce(loop_with(" v5 = iconst.i64 3\n v6 = ishl v3, v5\n v7 = iadd v0, v6\n"
                             " store v3, v7\n"),
                   func),
            0u);
}

TEST(ReduceStrength, NewCountersAreLimited) {
  std::string body;
  for (u32 i = 0; i < 12; ++i) body += store_of_multiple(100 + i, 1001 + 2 * i);
  ir::Function func;
  EXPECT_EQ(reduce(loop_with(body), func), limits::kMaxNewCounters.value);
}

TEST(ReduceStrength, FormsAreLimited) {
  std::string body;
  const u32 count = static_cast<u32>(limits::kMaxLinearForms.value) + 10;
  for (u32 i = 0; i < count; ++i) body += store_of_multiple(1000 + i, 1001);
  // All are one product, so one form; what is beyond the limit is only left as it was.
  ir::Function func;
  EXPECT_EQ(reduce(loop_with(body), func), 1u);
  body.clear();
  for (u32 i = 0; i < count; ++i) body += store_of_multiple(1000 + i, 1001 + 2 * i);
  ir::Function many;
  EXPECT_EQ(reduce(loop_with(body), many), limits::kMaxNewCounters.value);
}

}  // namespace
}  // namespace gantry::opt

#include "gantry/verifier/verifier.h"

#include <gtest/gtest.h>

#include "gantry/ir/builder.h"

namespace gantry::verifier {
namespace {

TEST(Verifier, a_valid_function) {
  ir::Function func;
  ir::Builder builder(func);
  func.signature.params = {{ir::kI32}};
  func.signature.returns = {{ir::kI32}};
  const ir::Block entry = builder.create_block(), next = builder.create_block();
  const ir::Value x = func.dfg.append_block_param(entry, ir::kI32);
  const ir::Value y = func.dfg.append_block_param(next, ir::kI32);
  builder.switch_to_block(entry);
  const ir::Value sum = builder.iadd(x, x);
  builder.jump(builder.block_call(next, {sum}));
  builder.switch_to_block(next);
  builder.return_({{y}});
  std::vector<Finding> findings;
  EXPECT_TRUE(Verifier().verify(func, {}, findings));
  EXPECT_TRUE(findings.empty());
  EXPECT_TRUE(verify(func, {}).has_value());
}

}  // namespace
}  // namespace gantry::verifier

#include "gantry/interp/interpreter.h"

#include <gtest/gtest.h>

#include "gantry/ir/builder.h"

namespace gantry::interp {
namespace {

using ir::DataValue;
using ir::Value;

TEST(Interpreter, runs_a_loop) {
  ir::Function func;
  ir::Builder build(func);
  func.signature.params = {{ir::kI64}};
  func.signature.returns = {{ir::kI64}};
  const ir::Block entry = build.create_block(), loop = build.create_block(),
                  done = build.create_block();
  const Value count = func.dfg.append_block_param(entry, ir::kI64);
  const Value i = func.dfg.append_block_param(loop, ir::kI64),
              sum = func.dfg.append_block_param(loop, ir::kI64);
  build.switch_to_block(entry);
  const Value zero = build.iconst(ir::kI64, 0);
  build.jump(build.block_call(loop, {count, zero}));
  build.switch_to_block(loop);
  const Value next_sum = build.iadd(sum, i);
  const Value next_i = build.iadd_imm_s(i, -1);
  build.brif(next_i, build.block_call(loop, {next_i, next_sum}), build.block_call(done));
  build.switch_to_block(done);
  build.return_(std::array{next_sum});
  Interpreter interpreter({});
  const Outcome outcome = interpreter.run(func, std::array{DataValue::from_bits(ir::kI64, 1000)});
  ASSERT_EQ(outcome.kind, Outcome::Kind::Returned) << outcome.message;
  ASSERT_EQ(outcome.results.size(), 1u);
  EXPECT_TRUE(outcome.results[0].bits() == 500500);
}

}  // namespace
}  // namespace gantry::interp

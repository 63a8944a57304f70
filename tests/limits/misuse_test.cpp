// Wrong use of the builders is a bug of the caller: it ends in a failed check that says what was
// wrong, in every build, and never in damaged memory.
#include <gtest/gtest.h>

#include "gantry/frontend/function_builder.h"
#include "gantry/ir/builder.h"
#include "gantry/support/limits.h"
#include "gantry/verifier/verifier.h"

namespace gantry::limits_testing {
namespace {

using ir::Block;
using ir::Builder;
using ir::Function;
using ir::Value;

TEST(BuilderMisuseDeathTest, blocks) {
  Function func;
  Builder build(func);
  EXPECT_DEATH(build.switch_to_block(Block::from_index(7)), "block of another function");
  EXPECT_DEATH(build.iconst(ir::kI32, 1), "no current block");
  EXPECT_DEATH((void)build.block_call(Block::from_index(3)), "block of another function");
}

TEST(BuilderMisuseDeathTest, values) {
  Function func;
  Builder build(func);
  const Block block = build.create_block();
  build.switch_to_block(block);
  const Value number = build.iconst(ir::kI32, 1);
  const Value stranger = Value::from_index(1000000);
  EXPECT_DEATH(build.iadd(stranger, number), "value of another function");
  EXPECT_DEATH(build.iadd(number, stranger), "value of another function");
  const Value strangers[] = {number, stranger};
  EXPECT_DEATH(build.return_(strangers), "value of another function");
  EXPECT_DEATH((void)build.block_call(block, strangers), "value of another function");
}

TEST(BuilderMisuseDeathTest, other_entities) {
  Function func;
  Builder build(func);
  build.switch_to_block(build.create_block());
  const Value number = build.iconst(ir::kI32, 1);
  EXPECT_DEATH(build.call(ir::FuncRef::from_index(5), {}),
               "function reference of another function");
  EXPECT_DEATH(build.call_indirect(ir::SigRef::from_index(5), number, {}),
               "signature of another function");
  EXPECT_DEATH(build.br_table(number, ir::JumpTable::from_index(5)),
               "jump table of another function");
  EXPECT_DEATH(build.try_call(ir::FuncRef::from_index(0), {}, ir::ExceptionTable::from_index(5)),
               "exception table of another function");
}

#if defined(GANTRY_CHECKED)
// Ids that the other function has, too: only their owner tags tell them apart.
TEST(BuilderMisuseDeathTest, ids_another_function_issued) {
  Function a, b;
  Builder build_a(a), build_b(b);
  const Block block_a = build_a.create_block(), block_b = build_b.create_block();
  build_a.switch_to_block(block_a);
  build_b.switch_to_block(block_b);
  const Value value_a = build_a.iconst(ir::kI32, 1), value_b = build_b.iconst(ir::kI32, 1);
  ASSERT_EQ(value_a, value_b);
  EXPECT_TRUE(b.dfg.is_valid(value_b));
  EXPECT_FALSE(b.dfg.is_valid(value_a));
  EXPECT_DEATH(build_b.iadd(value_b, value_a), "value of another function");
  EXPECT_DEATH(build_b.switch_to_block(block_a), "block of another function");
  EXPECT_DEATH((void)b.dfg.type(value_a), "is_valid");
  EXPECT_DEATH((void)b.dfg.resolve(value_a), "is_valid");
  EXPECT_DEATH((void)b.dfg.results(*a.dfg.defining_inst(value_a)), "is_valid");
  EXPECT_DEATH((void)b.layout.first_inst(block_a), "accepts");
  a.clear();
  Builder again(a);
  const Block block = again.create_block();
  again.switch_to_block(block);
  again.iconst(ir::kI32, 2);
  EXPECT_DEATH((void)a.dfg.type(value_a), "is_valid");
}
#endif

TEST(BuilderMisuseDeathTest, more_entities_than_numbers) {
  Function func;
  const u32 too_many = static_cast<u32>(limits::kMaxEntities.value) + 1;
  EXPECT_DEATH(func.dfg.ensure_values(too_many), "kMaxEntities");
  EXPECT_DEATH(func.dfg.ensure_blocks(too_many), "kMaxEntities");
}

// Arguments may be spans of the function's own lists, which grow meanwhile.
TEST(Builder, arguments_from_the_functions_own_lists) {
  Function func;
  func.signature.params.assign(3, {ir::kI64});
  func.signature.returns.assign(3, {ir::kI64});
  Builder build(func);
  Block block = build.create_block();
  build.switch_to_block(block);
  for (u32 i = 0; i < 3; ++i) func.dfg.append_block_param(block, ir::kI64);
  for (u32 round = 0; round < 2000; ++round) {
    const Block next = build.create_block();
    build.jump(build.block_call(next, func.dfg.block_params(block)));
    for (u32 i = 0; i < 3; ++i) func.dfg.append_block_param(next, ir::kI64);
    build.switch_to_block(block = next);
  }
  build.return_(func.dfg.block_params(block));
  EXPECT_TRUE(verifier::verify(func, {}).has_value());
}

TEST(BuilderMisuseDeathTest, order_of_use_of_the_frontend) {
  Function func;
  func.signature.params.push_back({ir::kI32});
  frontend::FunctionBuilder build(func);
  const Block entry = build.create_block(), other = build.create_block();
  build.append_block_params_for_function_params(entry);
  EXPECT_DEATH(build.ins(), "current_");
  build.switch_to_block(entry);
  build.seal_block(entry);
  EXPECT_DEATH(build.switch_to_block(other), "internal error");
  EXPECT_DEATH(build.seal_block(entry), "internal error");
  EXPECT_DEATH(build.use_var(frontend::Variable::from_index(3)), "internal error");
  EXPECT_DEATH(build.def_var(frontend::Variable::from_index(3), func.dfg.block_params(entry)[0]),
               "internal error");
  const frontend::Variable variable = build.declare_var(ir::kI64);
  EXPECT_DEATH(build.def_var(variable, func.dfg.block_params(entry)[0]), "internal error");
  EXPECT_DEATH(build.switch_to_block(Block::from_index(99)), "internal error");
  build.ins().jump(build.ins().block_call(other));
  EXPECT_DEATH(build.ins().iconst(ir::kI32, 1), "internal error");
  EXPECT_DEATH((void)build.finalize().has_value(), "internal error");
}

}  // namespace
}  // namespace gantry::limits_testing

// The hand-written rest of the builder: where instructions go and how constants for the _imm helpers are made.
#include "gantry/ir/builder.h"

namespace gantry::ir {

void Builder::switch_to_block(Block block) {
  if (block.index() >= func_.dfg.num_blocks()) unreachable("block of another function");
  func_.layout.set_cold(block, func_.layout.is_cold(block));
  if (!func_.layout.is_inserted(block)) func_.layout.append_block(block);
  block_ = block;
}

BlockCall Builder::block_call(Block block, std::span<const Value> args) {
  BlockCall call = BlockCall::make(block, func_.dfg.lists());
  for (const Value arg : args) call.push(BlockArg::value(arg), func_.dfg.lists());
  return call;
}

Inst Builder::insert(const InstData& data, Type control) {
  const Inst inst = func_.dfg.make_inst(data);
  func_.dfg.make_results(inst, control);
  func_.layout.append_inst(inst, *block_);
  if (source_loc_ != kNoSourceLoc) func_.set_source_loc(inst, source_loc_);
  return inst;
}

Value Builder::scalar_constant_like(Value like, i64 constant, bool is_signed) {
  const Type lane = func_.dfg.type(like).lane_type();
  if (lane != kI128) return iconst(lane, constant);
  const Value low = iconst(kI64, constant);
  return is_signed ? sextend(kI128, low) : uextend(kI128, low);
}

Value Builder::constant_like(Value like, i64 constant, bool is_signed) {
  const Type type = func_.dfg.type(like);
  const Value lane = scalar_constant_like(like, constant, is_signed);
  return type.is_scalar() ? lane : splat(type, lane);
}

}  // namespace gantry::ir

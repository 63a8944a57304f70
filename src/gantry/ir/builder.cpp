// The hand-written rest of the builder: where instructions go and how constants for the _imm
// helpers are made.
#include "gantry/ir/builder.h"

namespace gantry::ir {

void Builder::switch_to_block(Block block) {
  if (!func_.dfg.is_valid(block)) unreachable("block of another function");
  func_.layout.set_cold(block, func_.layout.is_cold(block));
  if (!func_.layout.is_inserted(block)) func_.layout.append_block(block);
  block_ = block;
}

BlockCall Builder::block_call(Block block, std::span<const Value> args) {
  if (!func_.dfg.is_valid(block)) unreachable("block of another function");
  check_values(args);
  copied_.assign(args.begin(), args.end());
  BlockCall call = BlockCall::make(block, func_.dfg.lists());
  for (const Value arg : copied_) call.push(BlockArg::value(arg), func_.dfg.lists());
  return call;
}

ValueList Builder::list_of_copied() {
  check_values(copied_);
  ValueList list;
  list.assign(copied_, func_.dfg.lists());
  return list;
}

void Builder::check_values(std::span<const Value> values) const {
  for (const Value value : values) check_value(value);
}

void Builder::check_operands(const InstData& data) const {
  const InstFacts& facts = inst_facts(data.opcode);
  if (!facts.has_list) {  // those in lists were checked when the list was made
    for (u32 i = 0; i < facts.num_fixed_values; ++i) check_value(data.arg(i));
  }
  const DataFlowGraph& dfg = func_.dfg;
  const auto check = [](bool is_known, const char* what) {
    if (!is_known) [[unlikely]]
      unreachable(what);
  };
  switch (facts.format) {
    case meta::Format::BranchTable:
      check(data.words[1] < dfg.jump_tables.size(), "jump table of another function");
      return;
    case meta::Format::TryCall:
    case meta::Format::TryCallIndirect: {
      check(data.words[2] < dfg.exception_tables.size(), "exception table of another function");
      const PackedOption<SigRef> signature =
          dfg.exception_tables[ExceptionTable::from_index(data.words[2])].signature;
      check(signature && dfg.signatures.is_valid(*signature),
            "exception table without a signature of this function");
      if (facts.format == meta::Format::TryCallIndirect) return;
      check(data.words[0] < dfg.ext_funcs.size(), "function reference of another function");
      return;
    }
    case meta::Format::Call:
    case meta::Format::FuncAddr:
      check(data.words[0] < dfg.ext_funcs.size(), "function reference of another function");
      check(dfg.signatures.is_valid(dfg.ext_funcs[FuncRef::from_index(data.words[0])].signature),
            "function reference without a signature of this function");
      return;
    case meta::Format::CallIndirect:
      check(data.words[0] < dfg.signatures.size(), "signature of another function");
      return;
    case meta::Format::StackAddr:
      check(data.words[0] < func_.stack_slots.size(), "stack slot of another function");
      return;
    case meta::Format::DynamicStackAddr:
      check(data.words[0] < func_.dynamic_stack_slots.size(),
            "dynamic stack slot of another function");
      return;
    case meta::Format::UnaryGlobalValue:
      check(data.words[0] < func_.global_values.size(), "global value of another function");
      return;
    case meta::Format::UnaryConst:
      check(data.words[0] < dfg.num_constants(), "constant of another function");
      return;
    case meta::Format::ExceptionHandlerAddress:
      check(data.words[0] < dfg.num_blocks(), "block of another function");
      return;
    default:
      return;
  }
}

Inst Builder::insert(const InstData& data, Type control) {
  if (!block_) [[unlikely]]
    unreachable("no current block: switch_to_block comes first");
  check_operands(data);
  const Inst inst = func_.dfg.make_inst(data);
  func_.dfg.make_results(inst, control);
  func_.layout.append_inst(inst, *block_);
  if (source_loc_ != kNoSourceLoc) func_.set_source_loc(inst, source_loc_);
  return inst;
}

Value Builder::scalar_constant_like(Value like, i64 constant, bool is_signed) {
  const Type lane = type_of(like).lane_type();
  if (lane != kI128) return iconst(lane, constant);
  const Value low = iconst(kI64, constant);
  return is_signed ? sextend(kI128, low) : uextend(kI128, low);
}

Value Builder::constant_like(Value like, i64 constant, bool is_signed) {
  const Type type = type_of(like);
  const Value lane = scalar_constant_like(like, constant, is_signed);
  return type.is_scalar() ? lane : splat(type, lane);
}

}  // namespace gantry::ir

// Judges the shape of the body: blocks and their ends, definitions, and that every number an
// instruction holds names something. Later steps read through those numbers without looking again.
#include "gantry/meta/codes.h"
#include "gantry/verifier/internal/state.h"

namespace gantry::verifier {

using ir::Block;
using ir::Inst;
using ir::InstData;
using ir::Value;
using ir::ValueData;
using meta::Format;

bool Verifier::State::list_is_valid(u32 raw) const {
  if (raw == 0) return true;
  const usize words = dfg().lists().capacity_words();
  return raw < words && ir::ValueList::from_raw(raw).size(dfg().lists()) <= words - raw;
}

bool Verifier::State::check_structure() {
  const u32 num_insts = dfg().num_insts();
  position.resize(num_insts);
  if (!func().layout.entry()) {
    report({}, "function has no blocks");
    return false;
  }
  bool is_sound = true;
  u32 blocks_seen = 0, insts_seen = 0;
  for (const Block block : func().layout.blocks()) {
    if (block.index() >= dfg().num_blocks() || ++blocks_seen > dfg().num_blocks()) {
      report(at(block), "block", block.index(), " is in the layout but does not exist");
      return false;
    }
    is_sound &= check_block(block, insts_seen);
    if (insts_seen > num_insts || is_full()) return false;
  }
  return is_sound;
}

bool Verifier::State::check_block(Block block, u32& insts_seen) {
  bool is_sound = true;
  const std::span<const Value> params = dfg().block_params(block);
  for (u32 i = 0; i < params.size(); ++i) {
    const ValueData* data = dfg().is_valid(params[i]) ? &dfg().value_data(params[i]) : nullptr;
    if (data == nullptr || data->kind() != ValueData::Kind::Param ||
        data->owner() != block.index() || data->number() != i || !is_well_formed(data->type())) {
      report(at(block), "v", params[i].index(), " is not defined as parameter ", i, " of block",
             block.index());
      is_sound = false;
    }
  }

  const PackedOption<Inst> last = func().layout.last_inst(block);
  if (!last) {
    report(at(block), "block", block.index(), " is empty");
    return false;
  }
  for (const Inst inst : func().layout.insts(block)) {
    if (inst.index() >= dfg().num_insts() || ++insts_seen > dfg().num_insts() ||
        func().layout.block_of(inst) != PackedOption<Block>(block)) {
      report(at(block), "inst", inst.index(), " is in the layout of block", block.index(),
             " but does not belong there");
      insts_seen = dfg().num_insts() + 1;
      return false;
    }
    position[inst.index()] = insts_seen;
    if (static_cast<u32>(dfg().opcode(inst)) >= ir::kNumOpcodes) {
      report(at(block), "inst", inst.index(), " has an unknown opcode");
      is_sound = false;
      continue;
    }
    const bool is_terminator = ir::is_terminator(dfg().opcode(inst));
    if (is_terminator && inst != *last) {
      report(at(inst), "terminator instruction was encountered before the end of block",
             block.index());
      is_sound = false;
    }
    if (!is_terminator && inst == *last) {
      report(at(block), "block", block.index(), " does not end in a terminator instruction");
      is_sound = false;
    }
    is_sound &= check_operands(inst);
    const std::span<const Value> results = dfg().results(inst);
    for (u32 i = 0; i < results.size(); ++i) {
      const ValueData* data = dfg().is_valid(results[i]) ? &dfg().value_data(results[i]) : nullptr;
      if (data == nullptr || data->kind() != ValueData::Kind::Result ||
          data->owner() != inst.index() || data->number() != i || !is_well_formed(data->type())) {
        report(at(inst), "v", results[i].index(), " is not defined as result ", i,
               " of this instruction");
        is_sound = false;
      }
    }
    if (is_full()) return false;
  }
  return is_sound;
}

bool Verifier::State::check_value(Inst inst, Value value) {
  if (dfg().is_valid(value)) {
    const Value target = resolve(value);
    if (dfg().is_valid(target)) {
      const ValueData& data = dfg().value_data(target);
      switch (data.kind()) {
        case ValueData::Kind::Union:
          report(at(inst), "uses value v", value.index(), ", which is a union of values");
          return false;
        case ValueData::Kind::Param:
          if (data.owner() < dfg().num_blocks() &&
              func().layout.is_inserted(Block::from_index(data.owner())))
            return true;
          report(at(inst), "uses value v", value.index(), " from block", data.owner(),
                 ", which is not in the layout");
          return false;
        case ValueData::Kind::Result:
          if (data.owner() < dfg().num_insts() &&
              func().layout.block_of(Inst::from_index(data.owner())))
            return true;
          report(at(inst), "uses value v", value.index(), " from inst", data.owner(),
                 ", which is not in the layout");
          return false;
        case ValueData::Kind::Alias:
          break;
      }
    }
  }
  report(at(inst), "uses undefined value v", value.index());
  return false;
}

bool Verifier::State::check_block_call(Inst inst, ir::BlockCall call) {
  if (!list_is_valid(call.raw()) || ir::ValueList::from_raw(call.raw()).size(dfg().lists()) == 0) {
    report(at(inst), "block call does not exist");
    return false;
  }
  const u32 target = ir::ValueList::from_raw(call.raw()).get(0, dfg().lists()).index();
  if (target >= dfg().num_blocks() || !func().layout.is_inserted(Block::from_index(target))) {
    report(at(inst), "invalid block reference block", target);
    return false;
  }
  bool is_sound = true;
  for (const Value encoded : call.args(dfg().lists())) {
    const ir::BlockArg arg = ir::BlockArg::decoded(encoded);
    if (static_cast<u32>(arg.kind()) > static_cast<u32>(ir::BlockArg::Kind::TryCallException)) {
      report(at(inst), "block call has an argument of unknown kind");
      is_sound = false;
    } else if (arg.is_value()) {
      is_sound &= check_value(inst, arg.as_value());
    }
  }
  return is_sound;
}

bool Verifier::State::check_sig_ref(Inst inst, u32 index) {
  if (index < dfg().signatures.size()) return true;
  report(at(inst), "undefined signature sig", index);
  return false;
}

bool Verifier::State::check_func_ref(Inst inst, u32 index) {
  if (index >= dfg().ext_funcs.size() ||
      dfg().ext_funcs[ir::FuncRef::from_index(index)].signature == ir::SigRef()) {
    report(at(inst), "undefined function fn", index);
    return false;
  }
  return check_sig_ref(inst, dfg().ext_funcs[ir::FuncRef::from_index(index)].signature.index());
}

bool Verifier::State::check_operands(Inst inst) {
  const InstData& data = dfg()[inst];
  const ir::InstFacts& facts = ir::inst_facts(data.opcode);
  bool is_sound = true;
  if (facts.has_list && !list_is_valid(data.words[1])) {
    report(at(inst), "list of operands does not exist");
    return false;
  }
  const std::span<const Value> args = dfg().args(inst);
  for (const Value value : args) is_sound &= check_value(inst, value);

  const auto check_index = [&](u32 index, u32 count, std::string_view what) {
    if (index < count) return true;
    report(at(inst), "undefined ", what, index);
    return false;
  };
  const auto check_callee = [&] {
    if (!args.empty()) return true;
    report(at(inst), "indirect call has no callee");
    return false;
  };
  switch (facts.format) {
    case Format::Jump:
      return check_block_call(inst, data.block_call(1)) && is_sound;
    case Format::Brif:
      is_sound &= check_block_call(inst, data.block_call(1));
      return check_block_call(inst, data.block_call(2)) && is_sound;
    case Format::BranchTable: {
      if (!check_index(data.words[1], dfg().jump_tables.size(), "jump table jt")) return false;
      const ir::JumpTableData& table = dfg().jump_tables[ir::JumpTable::from_index(data.words[1])];
      is_sound &= check_block_call(inst, table.default_call);
      for (const ir::BlockCall& call : table.entries) is_sound &= check_block_call(inst, call);
      return is_sound;
    }
    case Format::Call:
    case Format::FuncAddr:
      return check_func_ref(inst, data.words[0]) && is_sound;
    case Format::CallIndirect:
      return check_sig_ref(inst, data.words[0]) && check_callee() && is_sound;
    case Format::TryCall:
    case Format::TryCallIndirect: {
      if (facts.format == Format::TryCall ? !check_func_ref(inst, data.words[0]) : !check_callee())
        return false;
      if (!check_index(data.words[2], dfg().exception_tables.size(), "exception table extable"))
        return false;
      const auto& table = dfg().exception_tables[ir::ExceptionTable::from_index(data.words[2])];
      if (!table.signature) {
        report(at(inst), "exception table has no signature");
        return false;
      }
      is_sound &= check_sig_ref(inst, (*table.signature).index());
      is_sound &= check_block_call(inst, table.normal_return);
      for (const ir::ExceptionTableData::Item& item : table.items) {
        if (item.kind != ir::ExceptionTableData::Item::Kind::Context) {
          is_sound &= check_block_call(inst, item.call);
        } else if (item.context) {
          is_sound &= check_value(inst, *item.context);
        } else {
          report(at(inst), "context of the exception table has no value");
          is_sound = false;
        }
      }
      return is_sound;
    }
    case Format::UnaryConst:
      return check_index(data.words[0], dfg().num_constants(), "constant const") && is_sound;
    case Format::UnaryGlobalValue:
      return check_index(data.words[0], func().global_values.size(), "global value gv") && is_sound;
    case Format::Shuffle:
      return check_index(data.words[2], dfg().num_shuffle_masks(), "mask imm") && is_sound;
    case Format::StackAddr:
      return check_index(data.words[0], func().stack_slots.size(), "stack slot ss") && is_sound;
    case Format::DynamicStackAddr:
      return check_index(data.words[0], func().dynamic_stack_slots.size(),
                         "dynamic stack slot dss") &&
             is_sound;
    case Format::IntCompare:
      return check_index(data.aux, std::size(meta::kIntConds), "integer condition ") && is_sound;
    case Format::FloatCompare:
      return check_index(data.aux, std::size(meta::kFloatConds), "float condition ") && is_sound;
    case Format::AtomicRmw:
      is_sound &= check_index(data.aux, std::size(meta::kAtomicRmwOps), "atomic operation ");
      [[fallthrough]];
    case Format::Load:
    case Format::LoadNoOffset:
    case Format::Store:
    case Format::StoreNoOffset:
    case Format::AtomicCas:
      return check_index(data.flags, dfg().num_mem_flags(), "memory flags ") && is_sound;
    case Format::ExceptionHandlerAddress: {
      const u32 target = data.words[0];
      if (target < dfg().num_blocks() && func().layout.is_inserted(Block::from_index(target)))
        return is_sound;
      report(at(inst), "invalid block reference block", target);
      return false;
    }
    case Format::NullAry:
    case Format::Unary:
    case Format::Binary:
    case Format::Ternary:
    case Format::BinaryImm8:
    case Format::TernaryImm8:
    case Format::MultiAry:
    case Format::UnaryImm:
    case Format::UnaryIeee16:
    case Format::UnaryIeee32:
    case Format::UnaryIeee64:
    case Format::Trap:
    case Format::CondTrap:
    case Format::IntAddTrap:
      return is_sound;
  }
  return is_sound;
}

}  // namespace gantry::verifier

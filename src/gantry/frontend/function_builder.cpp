// Problem: which value does a variable have here, when blocks are filled and connected in any
// order, a million of them? Idea: ask backwards. The current block answers from an array by
// variable; other blocks from a table of (block, variable), filled once when a block is left. A
// block with one predecessor passes the question on; one with several gets a parameter first (so
// that cycles end), then asks all, and drops the parameter if they all said the same. A block that
// may get more predecessors keeps its parameter open until it is sealed. The questions are an
// explicit stack. Invariants: while a block is asked for a variable its new parameter is the last
// one, so dropping it is cheap; dropped parameters become aliases; answers in values_ are kept in
// the order of edges.
#include "gantry/frontend/function_builder.h"

#include "gantry/frontend/safepoints.h"
#include "gantry/support/hash.h"
#include "gantry/support/limits.h"

namespace gantry::frontend {

using ir::Block;
using ir::BlockCall;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Type;
using ir::Value;
using ir::ValueData;
using meta::Format;

void FunctionBuilder::begin(ir::Function& func) {
  GANTRY_CHECK(func.dfg.num_blocks() == 0 && func.dfg.num_insts() == 0);
  func_ = &func;
  current_.reset();
  blocks_.clear();
  edges_.clear();
  open_params_.clear();
  var_types_.clear();
  var_needs_stack_map_.clear();
  current_defs_.clear();
  changed_variables_.clear();
  definitions_.clear();
  definition_index_.clear();
  aliases_.clear();
  stack_map_values_.clear();
  walk_ = 0;
  has_too_many_params_ = false;
  builder_.emplace(func);
}

// ---- blocks and edges

ir::Builder& FunctionBuilder::ins() {
  GANTRY_CHECK(current_ && !is_filled());
  return *builder_;
}

Block FunctionBuilder::create_block() {
  blocks_.emplace_back();
  const Block block = func_->dfg.make_block();
  GANTRY_CHECK(block.index() + 1 == blocks_.size());  // all blocks are made here
  return block;
}

Block FunctionBuilder::current_block() const {
  GANTRY_CHECK(current_.has_value());
  return *current_;
}

bool FunctionBuilder::is_filled() const {
  if (!current_) return true;
  const PackedOption<Inst> last = func_->layout.last_inst(*current_);
  return last && ir::is_terminator(func_->dfg.opcode(*last));
}

void FunctionBuilder::switch_to_block(Block block) {
  GANTRY_CHECK(is_filled());
  leave_current_block();
  GANTRY_CHECK(block.index() < blocks_.size() && !blocks_[block.index()].is_filled);
  builder_->switch_to_block(block);
  current_ = block;
}

void FunctionBuilder::leave_current_block() {
  if (!current_) return;
  note_terminator();
  const u32 block = (*current_).index();
  for (const u32 variable : changed_variables_)
    set_definition(block, variable, current_defs_[variable].value);
  changed_variables_.clear();
  current_.reset();
}

// Enters the branches of the current block once it has its terminator.
void FunctionBuilder::note_terminator() {
  if (!current_) return;
  BlockState& state = blocks_[(*current_).index()];
  if (state.is_filled || !is_filled()) return;
  state.is_filled = true;
  const Inst last = *func_->layout.last_inst(*current_);
  ir::DataFlowGraph& dfg = func_->dfg;
  const Format format = ir::inst_facts(dfg.opcode(last)).format;
  if (format == Format::TryCall || format == Format::TryCallIndirect) {
    const auto& table = dfg.exception_tables[ir::ExceptionTable::from_index(dfg[last].words[2])];
    add_edge(table.normal_return.block(dfg.lists()), last, 0);
    for (u32 i = 0; i < table.items.size(); ++i) {
      const ir::ExceptionTableData::Item& item = table.items[i];
      if (item.kind == ir::ExceptionTableData::Item::Kind::Context) continue;
      add_edge(item.call.block(dfg.lists()), last, i + 1);
    }
    return;
  }
  u32 slot = 0;
  dfg.for_each_block_call(last,
                          [&](BlockCall call) { add_edge(call.block(dfg.lists()), last, slot++); });
}

void FunctionBuilder::add_edge(Block to, Inst inst, u32 slot) {
  BlockState& state = blocks_[to.index()];
  GANTRY_CHECK(!state.is_sealed);
  const u32 edge = static_cast<u32>(edges_.size());
  edges_.push_back({*current_, inst, slot, kNone});
  if (state.first_edge == kNone) {
    state.first_edge = edge;
  } else {
    edges_[state.last_edge].next = edge;
  }
  state.last_edge = edge;
  ++state.num_edges;
}

// Goes to the block call directly: a table of a hundred thousand entries must not be walked once
// for each.
void FunctionBuilder::push_block_arg(const Edge& edge, Value value) {
  ir::DataFlowGraph& dfg = func_->dfg;
  InstData& data = dfg[edge.inst];
  const ir::BlockArg arg = ir::BlockArg::value(value);
  switch (ir::inst_facts(data.opcode).format) {
    case Format::BranchTable: {
      ir::JumpTableData& table = dfg.jump_tables[ir::JumpTable::from_index(data.words[1])];
      (edge.slot == 0 ? table.default_call : table.entries[edge.slot - 1]).push(arg, dfg.lists());
      return;
    }
    case Format::TryCall:
    case Format::TryCallIndirect: {
      ir::ExceptionTableData& table =
          dfg.exception_tables[ir::ExceptionTable::from_index(data.words[2])];
      (edge.slot == 0 ? table.normal_return : table.items[edge.slot - 1].call)
          .push(arg, dfg.lists());
      return;
    }
    default: {  // jump and brif keep their calls in words 1 and 2
      BlockCall call = data.block_call(1 + edge.slot);
      call.push(arg, dfg.lists());
      data.words[1 + edge.slot] = call.raw();
      return;
    }
  }
}

Value FunctionBuilder::append_block_param(Block block, Type type) {
  GANTRY_CHECK(!blocks_[block.index()].has_variable_params && !blocks_[block.index()].is_filled);
  return func_->dfg.append_block_param(block, type);
}

void FunctionBuilder::append_block_params_for_function_params(Block block) {
  for (const ir::AbiParam& param : func_->signature.params) append_block_param(block, param.type);
}

bool FunctionBuilder::is_unreachable() const {
  if (!current_) return true;
  const BlockState& state = blocks_[(*current_).index()];
  return func_->layout.first_block() != current_ && state.is_sealed && state.num_edges == 0;
}

// ---- the table of definitions

u32* FunctionBuilder::definition_slot(u32 block, u32 variable) {
  const usize mask = definition_index_.size() - 1;
  usize at = mix_bits(u64{block} << 32 | variable) & mask;
  while (definition_index_[at] != 0) {
    const Definition& found = definitions_[definition_index_[at] - 1];
    if (found.block == block && found.variable == variable) break;
    at = (at + 1) & mask;
  }
  return &definition_index_[at];
}

void FunctionBuilder::grow_definitions() {
  definition_index_.assign(definition_index_.empty() ? 64 : definition_index_.size() * 2, 0);
  for (u32 i = 0; i < definitions_.size(); ++i)
    *definition_slot(definitions_[i].block, definitions_[i].variable) = i + 1;
}

Value* FunctionBuilder::find_definition(u32 block, u32 variable) {
  if (current_ && (*current_).index() == block) {
    Current& current = current_defs_[variable];
    if (current.block == block) return &current.value;
  }
  if (definition_index_.empty()) return nullptr;
  const u32 number = *definition_slot(block, variable);
  return number == 0 ? nullptr : &definitions_[number - 1].value;
}

void FunctionBuilder::set_definition(u32 block, u32 variable, Value value) {
  if (definitions_.size() * 2 >= definition_index_.size()) grow_definitions();
  u32* slot = definition_slot(block, variable);
  if (*slot == 0) {
    definitions_.push_back({block, variable, value});
    *slot = static_cast<u32>(definitions_.size());
  } else {
    definitions_[*slot - 1].value = value;
  }
}

// ---- variables

Variable FunctionBuilder::declare_var(Type type) {
  GANTRY_CHECK(type.is_valid());
  var_types_.push_back(type);
  var_needs_stack_map_.push_back(false);
  current_defs_.emplace_back();
  return Variable::from_index(static_cast<u32>(var_types_.size() - 1));
}

void FunctionBuilder::def_var(Variable variable, Value value) {
  GANTRY_CHECK(current_ && variable.index() < var_types_.size());
  GANTRY_CHECK(func_->dfg.is_valid(value) &&
               func_->dfg.type(value) == var_types_[variable.index()]);
  Current& current = current_defs_[variable.index()];
  if (current.block != (*current_).index()) {
    current.block = (*current_).index();
    changed_variables_.push_back(variable.index());
  }
  current.value = value;
  if (var_needs_stack_map_[variable.index()]) declare_value_needs_stack_map(value);
}

Value FunctionBuilder::use_var(Variable variable) {
  GANTRY_CHECK(current_ && variable.index() < var_types_.size());
  const u32 block = (*current_).index();
  Current& current = current_defs_[variable.index()];
  if (current.block == block) [[likely]] {
    current.value = resolve(current.value);
    return current.value;
  }
  note_terminator();
  const Value value = value_at_end(block, variable);
  if (current_defs_[variable.index()].block != block) {
    current_defs_[variable.index()] = {block, value};
    changed_variables_.push_back(variable.index());
  }
  return value;
}

// Follows aliases and shortens the way.
Value FunctionBuilder::resolve(Value value) {
  ir::DataFlowGraph& dfg = func_->dfg;
  if (!dfg.is_alias(value)) [[likely]]
    return value;
  path_.clear();
  while (dfg.is_alias(value)) {
    path_.push_back(value.index());
    value = Value::from_index(dfg.value_data(value).owner());
  }
  if (path_.size() > 1) {
    for (const u32 passed : path_) dfg.make_alias(Value::from_index(passed), value);
  }
  return value;
}

void FunctionBuilder::replace(Value param, Value by) {
  const bool is_acyclic = func_->dfg.make_alias(param, by);
  GANTRY_CHECK(is_acyclic);
  aliases_.push_back(param);
}

Value FunctionBuilder::new_variable_param(u32 block, Variable variable) {
  const Value param =
      func_->dfg.append_block_param(Block::from_index(block), var_types_[variable.index()]);
  blocks_[block].has_variable_params = true;
  if (var_needs_stack_map_[variable.index()]) declare_value_needs_stack_map(param);
  set_definition(block, variable.index(), param);
  return param;
}

// What `variable` is at the end of `start`.
Value FunctionBuilder::value_at_end(u32 start, Variable variable) {
  const usize bottom = meetings_.size();
  const u32 first_passed = static_cast<u32>(passed_.size());
  u32 at = start;
  ++walk_;
  for (;;) {
    // One step: an answer from `at`, or on to its predecessors.
    Value answer;
    BlockState& state = blocks_[at];
    if (Value* found = find_definition(at, variable.index())) {
      answer = *found = resolve(*found);
    } else if (!(state.is_sealed &&
                 (state.num_edges == 0 || state.walk == walk_ || state.num_edges == 1)) &&
               func_->dfg.block_params(Block::from_index(at)).size() >=
                   limits::kMaxBlockParams.value) {
      has_too_many_params_ = true;
      answer = zero_at_start(Block::from_index(at), var_types_[variable.index()]);
      set_definition(at, variable.index(), answer);
    } else if (!state.is_sealed) {
      answer = new_variable_param(at, variable);
      open_params_.push_back({variable, answer, state.first_open});
      state.first_open = static_cast<u32>(open_params_.size() - 1);
    } else if (state.num_edges == 0 || state.walk == walk_) {
      // The entry, or blocks nothing leads to: alone, or in a ring.
      answer = zero_at_start(Block::from_index(at), var_types_[variable.index()]);
      set_definition(at, variable.index(), answer);
    } else if (state.num_edges == 1) {
      state.walk = walk_;
      passed_.push_back(at);
      at = edges_[state.first_edge].from.index();
      continue;
    } else {
      const Value param = new_variable_param(at, variable);
      meetings_.push_back({at, state.first_edge, param, static_cast<u32>(values_.size()),
                           static_cast<u32>(passed_.size())});
      at = edges_[state.first_edge].from.index();
      ++walk_;
      continue;
    }

    // The answer goes to the blocks passed, then to the meeting that asked; when that has heard all
    // it answers in turn.
    for (;;) {
      const u32 keep = meetings_.size() == bottom ? first_passed : meetings_.back().num_passed;
      while (passed_.size() > keep) {
        set_definition(passed_.back(), variable.index(), answer);
        passed_.pop_back();
      }
      if (meetings_.size() == bottom) return answer;
      Meeting& meeting = meetings_.back();
      values_.push_back(answer);
      meeting.edge = edges_[meeting.edge].next;
      if (meeting.edge != kNone) {
        at = edges_[meeting.edge].from.index();
        ++walk_;
        break;
      }
      const Meeting done = meeting;
      meetings_.pop_back();
      answer = settle(done.block, variable, done.param, done.num_values, true);
      values_.resize(done.num_values);
    }
  }
}

// Decides about a parameter when all predecessors have answered (values_ from first_value): it
// stays, with the answers as arguments, or it is another name of the only answer. With
// `is_last_param` a dropped one leaves the block at once.
Value FunctionBuilder::settle(u32 block, Variable variable, Value param, u32 first_value,
                              bool is_last_param) {
  PackedOption<Value> only;
  bool differ = false;
  for (usize i = first_value; i < values_.size(); ++i) {
    const Value value = resolve(values_[i]);
    values_[i] = value;
    if (value == param || only == value) continue;
    differ = differ || only.has_value();
    only = value;
  }
  if (differ) {
    usize i = first_value;
    for (u32 edge = blocks_[block].first_edge; edge != kNone; edge = edges_[edge].next) {
      push_block_arg(edges_[edge], values_[i++]);
    }
    return param;
  }
  if (is_last_param) {
    const u32 number =
        static_cast<u32>(func_->dfg.block_params(Block::from_index(block)).size()) - 1;
    GANTRY_DCHECK(func_->dfg.block_params(Block::from_index(block))[number] == param);
    func_->dfg.remove_block_param(Block::from_index(block), number);
  }
  // A ring of blocks that nothing enters has no answer but itself.
  const Value value =
      only ? *only : zero_at_start(Block::from_index(block), var_types_[variable.index()]);
  replace(param, value);  // the table may keep the parameter: what it answers is resolved
  return value;
}

void FunctionBuilder::seal_block(Block block) {
  note_terminator();
  BlockState& state = blocks_[block.index()];
  GANTRY_CHECK(!state.is_sealed);
  state.is_sealed = true;
  if (state.first_open == kNone) return;

  // The open parameters are the last of the block; they leave it and those that stay come back in
  // order.
  ir::DataFlowGraph& dfg = func_->dfg;
  std::vector<OpenParam>& open = sealing_;
  open.clear();
  for (u32 i = state.first_open; i != kNone; i = open_params_[i].next)
    open.push_back(open_params_[i]);
  state.first_open = kNone;
  for (usize i = open.size(); i-- > 0;) {
    const u32 first_value = static_cast<u32>(values_.size());
    for (u32 edge = blocks_[block.index()].first_edge; edge != kNone; edge = edges_[edge].next) {
      const Value value = value_at_end(edges_[edge].from.index(), open[i].variable);
      values_.push_back(value);
    }
    settle(block.index(), open[i].variable, open[i].param, first_value, false);
    values_.resize(first_value);
  }
  for (usize i = 0; i < open.size(); ++i) {
    const u32 number = static_cast<u32>(dfg.block_params(block).size()) - 1;
    GANTRY_DCHECK(dfg.block_params(block)[number] == open[i].param);
    dfg.remove_block_param(block, number);
  }
  for (usize i = open.size(); i-- > 0;) {
    if (dfg.is_alias(open[i].param)) continue;
    dfg.append_block_param_as(block, open[i].param, var_types_[open[i].variable.index()]);
  }
}

void FunctionBuilder::seal_all_blocks() {
  note_terminator();
  // Sealing may create no blocks, but looks at blocks that are not sealed yet.
  for (u32 i = 0; i < blocks_.size(); ++i) {
    if (!blocks_[i].is_sealed) seal_block(Block::from_index(i));
  }
}

// ---- the end

void FunctionBuilder::declare_value_needs_stack_map(Value value) {
  GANTRY_CHECK(func_->dfg.is_valid(value));
  stack_map_values_.push_back(value);
}

void FunctionBuilder::declare_var_needs_stack_map(Variable variable) {
  GANTRY_CHECK(variable.index() < var_types_.size());
  var_needs_stack_map_[variable.index()] = true;
}

Result<void> FunctionBuilder::finalize(Type pointer_type) {
  GANTRY_CHECK(is_filled());
  leave_current_block();
  for (u32 i = 0; i < blocks_.size(); ++i) {
    const BlockState& state = blocks_[i];
    const bool is_used = state.num_edges != 0 || func_->layout.is_inserted(Block::from_index(i));
    GANTRY_CHECK(!is_used || (state.is_sealed && state.is_filled));
  }
  if (has_too_many_params_) {
    TextWriter message;
    message.put(limits::kMaxBlockParams.name, ": more than ", limits::kMaxBlockParams.value, " ",
                limits::kMaxBlockParams.what);
    return Error(ErrorKind::LimitExceeded, message.view());
  }
  for (const Value alias : aliases_) resolve(alias);
  return spill_at_safepoints(*func_, pointer_type, stack_map_values_);
}

// ---- zero

Inst FunctionBuilder::insert_at(Block block, PackedOption<Inst> before, const InstData& data,
                                Type control) {
  const Inst inst = func_->dfg.make_inst(data);
  func_->dfg.make_results(inst, control);
  if (before) {
    func_->layout.insert_inst_before(inst, *before);
  } else {
    func_->layout.append_inst(inst, block);
  }
  return inst;
}

Value FunctionBuilder::zero_at_start(Block block, Type type) {
  ir::DataFlowGraph& dfg = func_->dfg;
  if (!func_->layout.is_inserted(block)) func_->layout.append_block(block);
  const PackedOption<Inst> first = func_->layout.first_inst(block);
  const auto insert = [&](const InstData& data, Type control) {
    return dfg.first_result(insert_at(block, first, data, control));
  };
  const auto all_zero = [&](u32 bytes) {
    const std::vector<u8> zeros(bytes, 0);
    return dfg.add_constant(zeros).index();
  };
  if (type.is_vector()) return insert({Opcode::Vconst, 0, 0, {all_zero(type.bytes()), 0, 0}}, type);
  const Type lane = type.lane_type();
  Value zero;
  if (lane == ir::kF16) {
    zero = insert({Opcode::F16const}, Type());
  } else if (lane == ir::kF32) {
    zero = insert({Opcode::F32const}, Type());
  } else if (lane == ir::kF64) {
    zero = insert({Opcode::F64const}, Type());
  } else if (lane == ir::kF128) {
    zero = insert({Opcode::F128const, 0, 0, {all_zero(16), 0, 0}}, Type());
  } else if (lane == ir::kI128) {
    const Value low = insert({Opcode::Iconst}, ir::kI64);
    zero = insert({Opcode::Uextend, 0, 0, {low.index(), 0, 0}}, type.lane_type());
  } else {
    zero = insert({Opcode::Iconst}, lane);
  }
  return type.is_dynamic() ? insert({Opcode::Splat, 0, 0, {zero.index(), 0, 0}}, type) : zero;
}

}  // namespace gantry::frontend

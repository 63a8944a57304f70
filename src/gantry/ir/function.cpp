// Problem: a function is edited, printed, judged and compiled, a thousand times a second. Idea:
// everything is a number into a dense array; lists share one pool; side facts that few instructions
// have (tags, stack maps, locations) are beside the instructions, not in them. Invariants: results_
// runs parallel to insts_; a value's data names its owner and its place among the owner's results
// or parameters; alias chains end.
#include "gantry/ir/function.h"

#include <algorithm>

#include "gantry/support/hash.h"
#include "gantry/support/limits.h"

namespace gantry::ir {

// ---- DataFlowGraph

Value DataFlowGraph::append_result(Inst inst, Type type) {
  const Value value = values_.push({});
  append_result_as(inst, value, type);
  return value;
}

void DataFlowGraph::append_result_as(Inst inst, Value value, Type type) {
  GANTRY_DCHECK(insts_.is_valid(inst));
  Value& word = results_[inst.index()];
  u32 number = 0;
  if (word.index() == Value::kReserved) {
    GANTRY_CHECK(value.index() < kListBit);
    word = value;
  } else {
    ValueList list;
    if ((word.index() & kListBit) != 0) {
      list = ValueList::from_raw(word.index() & ~kListBit);
    } else {
      list.push(word, lists_);
    }
    number = list.size(lists_);
    list.push(value, lists_);
    word = Value::from_index(list.raw() | kListBit);
  }
  GANTRY_CHECK(number <= limits::kMaxBlockParams.value);
  values_[value] = ValueData(ValueData::Kind::Result, inst.index(), type, number);
}

void DataFlowGraph::make_results(Inst inst, Type control) {
  if (const std::optional<SigRef> signature = call_signature(inst)) {
    if (is_return(opcode(inst)) || is_terminator(opcode(inst))) return;
    // Copied types: append_result may not move signatures, but the loop should not depend on that.
    for (usize i = 0; i < signatures[*signature].returns.size(); ++i) {
      append_result(inst, signatures[*signature].returns[i].type);
    }
    return;
  }
  const Opcode op = opcode(inst);
  for (u32 i = 0; i < inst_facts(op).num_fixed_results; ++i)
    append_result(inst, result_type(op, i, control));
}

std::optional<SigRef> DataFlowGraph::call_signature(Inst inst) const {
  const InstData& data = insts_[inst];
  switch (inst_facts(data.opcode).format) {
    case meta::Format::Call:
      return ext_funcs[FuncRef::from_index(data.words[0])].signature;
    case meta::Format::CallIndirect:
      return SigRef::from_index(data.words[0]);
    case meta::Format::TryCall:
    case meta::Format::TryCallIndirect:
      return exception_tables[ExceptionTable::from_index(data.words[2])].signature.expand();
    default:
      return std::nullopt;
  }
}

Type DataFlowGraph::control_type(Inst inst) const {
  const InstData& data = insts_[inst];
  const InstFacts& facts = inst_facts(data.opcode);
  if (facts.control_operand >= 0) {
    const std::span<const Value> values = args(inst);
    const u32 index = static_cast<u32>(facts.control_operand);
    return index < values.size() ? type(values[index]) : Type();
  }
  if (!facts.needs_suffix || facts.num_fixed_results == 0) return {};
  const std::span<const Value> made = results(inst);
  return made.empty() ? Type() : type(made[0]);
}

void DataFlowGraph::ensure_values(u32 count) {
  GANTRY_CHECK(count <= limits::kMaxEntities.value);
  while (values_.size() < count) values_.push({});
}

// Chains stay short: an alias points to the end of its target's chain, and what a walk passes is
// shortened on the way.
bool DataFlowGraph::make_alias(Value alias, Value target) {
  const Value end = shorten(target);
  if (end == alias) return false;
  values_[alias] = ValueData(ValueData::Kind::Alias, end.index(), type(end), 0);
  new_aliases_.push_back(alias);
  return true;
}

Value DataFlowGraph::shorten(Value value) {
  const Value end = resolve(value);
  while (value != end) {
    const Value next = Value::from_index(values_[value].owner());
    values_[value] = ValueData(ValueData::Kind::Alias, end.index(), type(end), 0);
    value = next;
  }
  return end;
}

void DataFlowGraph::make_alias_as_written(Value alias, Value target) {
  GANTRY_DCHECK(!is_valid(alias));
  const Value end = resolve(target);
  values_[alias] = ValueData(ValueData::Kind::Alias, end.index(), type(end), 0);
  new_aliases_.push_back(alias);
  if (end != target) written_targets_.insert(alias, target);
}

template <class F>
void DataFlowGraph::resolve_aliases(F&& for_each_inst) {
  // Nobody uses the others any more.
  if (new_aliases_.empty()) return;
  for (const Value alias : new_aliases_) shorten(alias);
  new_aliases_.clear();
  const auto resolve_call = [&](BlockCall& call) {
    for (Value& encoded : call.args(lists_)) {
      const BlockArg arg = BlockArg::decoded(encoded);
      if (arg.is_value()) encoded = BlockArg::value(resolve(arg.as_value())).encoded();
    }
  };
  for_each_inst([&](Inst inst) {
    for (Value& value : args(inst)) value = resolve(value);
    if (is_branch(opcode(inst))) update_block_calls(inst, resolve_call);
  });
  for (ExceptionTableData& table : exception_tables.values()) {
    for (ExceptionTableData::Item& item : table.items) {
      if (item.context) item.context = resolve(*item.context);
    }
  }
}

void DataFlowGraph::resolve_all_aliases() {
  resolve_aliases([&](auto&& visit) {
    for (const Inst inst : insts_.keys()) visit(inst);
  });
}

void DataFlowGraph::resolve_aliases_in(const Layout& layout) {
  resolve_aliases([&](auto&& visit) {
    for (const Block block : layout.blocks()) {
      for (const Inst inst : layout.insts(block)) visit(inst);
    }
  });
}

void DataFlowGraph::ensure_blocks(u32 count) {
  GANTRY_CHECK(count <= limits::kMaxEntities.value);
  while (block_params_.size() < count) block_params_.push({});
}

Value DataFlowGraph::append_block_param(Block block, Type type) {
  const Value value = values_.push({});
  append_block_param_as(block, value, type);
  return value;
}

void DataFlowGraph::append_block_param_as(Block block, Value value, Type type) {
  const u32 number = block_params_[block].size(lists_);
  GANTRY_CHECK(number <= limits::kMaxBlockParams.value);
  block_params_[block].push(value, lists_);
  values_[value] = ValueData(ValueData::Kind::Param, block.index(), type, number);
}

void DataFlowGraph::remove_block_param(Block block, u32 index) {
  block_params_[block].remove(index, lists_);
  const std::span<const Value> params = block_params(block);
  for (u32 i = index; i < params.size(); ++i) values_[params[i]].set_number(i);
}

MemFlagsId DataFlowGraph::intern(const MemFlags& flags, bool* full) {
  if (full != nullptr) *full = false;
  if (flags == MemFlags{}) return {};
  if (mem_flags_.size() * 2 >= mem_flags_index_.size()) {
    mem_flags_index_.assign(std::max<usize>(32, mem_flags_index_.size() * 2), 0);
    for (usize i = 1; i < mem_flags_.size(); ++i) {
      usize at = mix_bits(mem_flags_[i].packed()) & (mem_flags_index_.size() - 1);
      while (mem_flags_index_[at] != 0) at = (at + 1) & (mem_flags_index_.size() - 1);
      mem_flags_index_[at] = static_cast<u16>(i);
    }
  }
  usize at = mix_bits(flags.packed()) & (mem_flags_index_.size() - 1);
  while (mem_flags_index_[at] != 0) {
    if (mem_flags_[mem_flags_index_[at]] == flags) return {mem_flags_index_[at]};
    at = (at + 1) & (mem_flags_index_.size() - 1);
  }
  if (mem_flags_.size() > limits::kMaxMemFlags.value) {
    if (full != nullptr) *full = true;
    return {};
  }
  mem_flags_index_[at] = static_cast<u16>(mem_flags_.size());
  mem_flags_.push_back(flags);
  return {mem_flags_index_[at]};
}

Constant DataFlowGraph::add_constant(std::span<const u8> bytes) {
  const auto hash_of = [](std::span<const u8> data) {
    return hash_bytes({reinterpret_cast<const char*>(data.data()), data.size()});
  };
  const auto find = [&](std::span<const u8> wanted) {
    usize at = hash_of(wanted) & (constant_index_.size() - 1);
    for (; constant_index_[at] != 0; at = (at + 1) & (constant_index_.size() - 1)) {
      const std::span<const u8> known =
          constant_bytes(Constant::from_index(constant_index_[at] - 1));
      if (std::equal(known.begin(), known.end(), wanted.begin(), wanted.end())) break;
    }
    return at;
  };
  if ((constants_.size() + 1) * 2 > constant_index_.size()) {
    usize size = 32;
    while (size < usize{constants_.size() + 1} * 4) size *= 2;
    constant_index_.assign(size, 0);
    constants_indexed_ = 0;
  }
  for (; constants_indexed_ < constants_.size(); ++constants_indexed_) {
    const std::span<const u8> known = constant_bytes(Constant::from_index(constants_indexed_));
    if (known.empty()) continue;  // a hole between the numbers
    const usize at = find(known);
    if (constant_index_[at] == 0) constant_index_[at] = constants_indexed_ + 1;
  }
  const usize at = find(bytes);
  if (constant_index_[at] != 0) return Constant::from_index(constant_index_[at] - 1);
  const Constant constant = constants_.push({});
  set_constant(constant, bytes);
  constant_index_[at] = constant.index() + 1;
  constants_indexed_ = constants_.size();
  return constant;
}

void DataFlowGraph::set_constant(Constant constant, std::span<const u8> bytes) {
  while (!constants_.is_valid(constant)) constants_.push({});
  if (constant.index() < constants_indexed_)
    constant_index_.clear();  // a hole is filled: index again
  constants_[constant] = {static_cast<u32>(constant_pool_.size()), static_cast<u32>(bytes.size())};
  constant_pool_.insert(constant_pool_.end(), bytes.begin(), bytes.end());
}

std::span<const u8> DataFlowGraph::constant_bytes(Constant constant) const {
  const ConstantData& data = constants_[constant];
  return std::span(constant_pool_).subspan(data.offset, data.size);
}

void DataFlowGraph::clear() {
  insts_.clear();
  results_.clear();
  values_.clear();
  new_aliases_.clear();
  written_targets_.clear();
  block_params_.clear();
  lists_.clear();
  mem_flags_.resize(1);
  mem_flags_index_.clear();
  constants_.clear();
  constant_pool_.clear();
  constant_index_.clear();
  constants_indexed_ = 0;
  masks_.clear();
  jump_tables.clear();
  exception_tables.clear();
  signatures.clear();
  ext_funcs.clear();
}

// ---- Layout

void Layout::append_block(Block block) {
  BlockNode& node = blocks_.at_or_grow(block);
  GANTRY_DCHECK(!node.inserted);
  node.inserted = true;
  node.prev = last_block_;
  node.next.reset();
  if (last_block_) {
    blocks_.in_range(*last_block_).next = block;
  } else {
    first_block_ = block;
  }
  last_block_ = block;
}

void Layout::insert_block_after(Block block, Block after) {
  blocks_.at_or_grow(block);
  BlockNode& node = blocks_.in_range(block);
  BlockNode& before = blocks_.in_range(after);
  GANTRY_DCHECK(!node.inserted && before.inserted);
  node.inserted = true;
  node.prev = after;
  node.next = before.next;
  if (before.next) {
    blocks_.in_range(*before.next).prev = block;
  } else {
    last_block_ = block;
  }
  before.next = block;
}

void Layout::remove_block(Block block) {
  BlockNode& node = blocks_.in_range(block);
  GANTRY_DCHECK(node.inserted && !node.first);
  if (node.prev) {
    blocks_.in_range(*node.prev).next = node.next;
  } else {
    first_block_ = node.next;
  }
  if (node.next) {
    blocks_.in_range(*node.next).prev = node.prev;
  } else {
    last_block_ = node.prev;
  }
  const bool cold = node.cold;
  node = BlockNode{};
  node.cold = cold;
}

void Layout::append_inst(Inst inst, Block block) {
  InstNode& node = insts_.at_or_grow(inst);
  BlockNode& home = blocks_.in_range(block);
  GANTRY_DCHECK(home.inserted && !node.block);
  node.block = block;
  node.prev = home.last;
  node.next.reset();
  if (home.last) {
    insts_.in_range(*home.last).next = inst;
  } else {
    home.first = inst;
  }
  home.last = inst;
}

void Layout::insert_inst_before(Inst inst, Inst before) {
  insts_.at_or_grow(inst);
  InstNode& node = insts_.in_range(inst);
  InstNode& after = insts_.in_range(before);
  GANTRY_DCHECK(!node.block && after.block);
  node.block = after.block;
  node.prev = after.prev;
  node.next = before;
  if (after.prev) {
    insts_.in_range(*after.prev).next = inst;
  } else {
    blocks_.in_range(*after.block).first = inst;
  }
  after.prev = inst;
}

void Layout::remove_inst(Inst inst) {
  InstNode& node = insts_.in_range(inst);
  GANTRY_DCHECK(node.block.has_value());
  BlockNode& home = blocks_.in_range(*node.block);
  if (node.prev) {
    insts_.in_range(*node.prev).next = node.next;
  } else {
    home.first = node.next;
  }
  if (node.next) {
    insts_.in_range(*node.next).prev = node.prev;
  } else {
    home.last = node.prev;
  }
  node = InstNode{};
}

void Layout::clear_insts(Block block) {
  BlockNode& home = blocks_.in_range(block);
  for (PackedOption<Inst> at = home.first; at;) {
    InstNode& node = insts_.in_range(*at);
    at = node.next;
    node = InstNode{};
  }
  home.first.reset();
  home.last.reset();
}

void Layout::clear() {
  blocks_.clear();
  insts_.clear();
  first_block_.reset();
  last_block_.reset();
}

// ---- Function

namespace {
u64 hash_of(UserExternalNameData name) {
  return mix_bits(static_cast<u64>(name.name_space) << 32 | name.index);
}

// The number of the item that `same` recognises, through an index by hash; otherwise that of the
// item `add` appends. Few items are searched one by one.
template <class Same, class HashOfItem, class Add>
u32 find_or_add(std::vector<u32>& index, u32 count, u64 hash, Same same, HashOfItem hash_of_item,
                Add add) {
  constexpr u32 kFew = 8;
  if (count < kFew) {
    for (u32 i = 0; i < count; ++i) {
      if (same(i)) return i;
    }
    add();
    return count;
  }
  const auto place = [&](u64 item_hash, u32 item) {
    usize at = item_hash & (index.size() - 1);
    while (index[at] != 0) at = (at + 1) & (index.size() - 1);
    index[at] = item + 1;
  };
  if (count * 2 >= index.size()) {
    usize size = 32;
    while (size < usize{count} * 4) size *= 2;
    index.assign(size, 0);
    for (u32 i = 0; i < count; ++i) place(hash_of_item(i), i);
  }
  for (usize at = hash & (index.size() - 1); index[at] != 0; at = (at + 1) & (index.size() - 1)) {
    if (same(index[at] - 1)) return index[at] - 1;
  }
  add();
  place(hash, count);
  return count;
}
}  // namespace

ExternalName Function::intern_user_name(UserExternalNameData wanted) {
  const u32 number = find_or_add(
      user_name_index_, user_names.size(), hash_of(wanted),
      [&](u32 i) { return user_names[UserExternalName::from_index(i)] == wanted; },
      [&](u32 i) { return hash_of(user_names[UserExternalName::from_index(i)]); },
      [&] { user_names.push(wanted); });
  return {ExternalName::Kind::User, number};
}

void Function::ensure_user_names(u32 count) {
  if (user_names.size() >= count) return;
  while (user_names.size() < count) user_names.push(UserExternalNameData::hole());
  user_name_index_.clear();  // made again when the next name is interned
}

ExternalName Function::intern_test_name(std::string_view text) {
  const u32 number = find_or_add(
      test_name_index_, static_cast<u32>(test_names.size()), hash_bytes(text),
      [&](u32 i) { return test_names[i] == text; },
      [&](u32 i) { return hash_bytes(test_names[i]); }, [&] { test_names.emplace_back(text); });
  return {ExternalName::Kind::TestCase, number};
}

std::span<const DebugTag> Function::debug_tags(Inst inst) const {
  const SideRange* range = debug_tag_ranges_.find(inst);
  return range == nullptr ? std::span<const DebugTag>()
                          : std::span(debug_tags_).subspan(range->first, range->count);
}

void Function::set_debug_tags(Inst inst, std::span<const DebugTag> tags) {
  debug_tag_ranges_.insert(inst,
                           {static_cast<u32>(debug_tags_.size()), static_cast<u32>(tags.size())});
  debug_tags_.insert(debug_tags_.end(), tags.begin(), tags.end());
}

std::span<const StackMapEntry> Function::stack_map(Inst inst) const {
  const SideRange* range = stack_map_ranges_.find(inst);
  return range == nullptr ? std::span<const StackMapEntry>()
                          : std::span(stack_map_entries_).subspan(range->first, range->count);
}

void Function::set_stack_map(Inst inst, std::span<const StackMapEntry> entries) {
  stack_map_ranges_.insert(
      inst, {static_cast<u32>(stack_map_entries_.size()), static_cast<u32>(entries.size())});
  stack_map_entries_.insert(stack_map_entries_.end(), entries.begin(), entries.end());
}

void Function::clear() {
  name = {};
  signature = {};
  dfg.clear();
  layout.clear();
  stack_slots.clear();
  dynamic_stack_slots.clear();
  dynamic_types.clear();
  global_values.clear();
  alias_regions.clear();
  stack_limit.reset();
  user_names.clear();
  test_names.clear();
  user_name_index_.clear();
  test_name_index_.clear();
  source_locs_.clear();
  inline_frames.clear();
  inline_frame_of_.clear();
  debug_tag_ranges_.clear();
  debug_tags_.clear();
  stack_map_ranges_.clear();
  stack_map_entries_.clear();
}

}  // namespace gantry::ir

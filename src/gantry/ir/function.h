#pragma once
// A CLIF function in memory: the data flow (instructions, values), the order (layout), and what the
// preamble declares. Everything is dense and numbered; clear() keeps the memory for the next
// function.
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gantry/entity/entity_list.h"
#include "gantry/entity/maps.h"
#include "gantry/ir/external_name.h"
#include "gantry/ir/inst_data.h"
#include "gantry/ir/inst_info.h"
#include "gantry/ir/signature.h"
#include "gantry/ir/source_place.h"

namespace gantry::ir {

// ---- values

// Where a value comes from: 8 bytes.
class ValueData {
 public:
  enum class Kind : u8 { Result = 0, Param = 1, Alias = 2, Union = 3 };
  ValueData() = default;
  ValueData(Kind kind, u32 owner, Type type, u32 number)
      : owner_(owner), kind_(static_cast<u32>(kind)), type_(type.code()), number_(number) {}
  Kind kind() const { return static_cast<Kind>(kind_); }
  bool is_defined() const { return type_ != 0; }
  Type type() const { return Type::from_code(static_cast<u16>(type_)); }
  void set_type(Type type) { type_ = type.code(); }
  u32 owner() const { return owner_; }    // Inst, Block, or Value (Alias) number
  u32 number() const { return number_; }  // of the result or parameter
  void set_number(u32 number) { number_ = number; }

 private:
  u32 owner_ = 0;
  u32 kind_ : 2 = 0;
  u32 type_ : 12 = 0;
  u32 number_ : 18 = 0;
};
static_assert(sizeof(ValueData) == 8);

struct ValueDef {
  ValueData::Kind kind;  // Result or Param (aliases are resolved)
  u32 owner;
  u32 number;
  Inst inst() const { return Inst::from_index(owner); }
  Block block() const { return Block::from_index(owner); }
};

// ---- things instructions refer to

struct JumpTableData {
  BlockCall default_call;
  std::vector<BlockCall> entries;
};

struct ExceptionTableData {
  struct Item {
    enum class Kind : u8 { Tag, Default, Context };
    Kind kind;
    PackedOption<ExceptionTag> tag;  // Tag
    BlockCall call;                  // Tag, Default
    PackedOption<Value> context;     // Context
  };
  PackedOption<SigRef> signature;
  BlockCall normal_return;
  std::vector<Item> items;  // in textual order, which is the order of matching
};

struct ExtFuncData {
  ExternalName name;
  SigRef signature;
  bool colocated = false;
  bool patchable = false;
};

struct StackSlotData {
  u32 size = 0;
  u8 align_log2 = 0;
  std::optional<u64> key;
};

struct DynamicTypeData {
  Type base;  // a fixed vector
  GlobalValue scale;
};

struct GlobalValueData {
  enum class Kind : u8 { VmContext, Load, IAddImm, Symbol, DynScaleTargetConst };
  Kind kind = Kind::Symbol;
  bool colocated = false;          // Symbol
  bool tls = false;                // Symbol
  Type type;                       // Load, IAddImm; DynScaleTargetConst: the vector type
  PackedOption<GlobalValue> base;  // Load, IAddImm
  MemFlagsId flags;                // Load
  i64 offset = 0;                  // Load: 32-bit offset; IAddImm: the immediate; Symbol: addend
  ExternalName name{ExternalName::Kind::TestCase, 0};  // Symbol
};

struct AliasRegionData {
  u32 user_id;
  std::string description;
};

// A pool constant: little-endian bytes in the function's byte pool.
struct ConstantData {
  u32 offset;
  u32 size;
};

struct UserExternalNameData {
  u32 name_space;
  u32 index;
  // A number without a name: text may refer to userextnameN directly.
  static constexpr UserExternalNameData hole() { return {~u32{0}, ~u32{0}}; }
  constexpr bool is_hole() const { return *this == hole(); }
  friend constexpr bool operator==(const UserExternalNameData&,
                                   const UserExternalNameData&) = default;
};

// The function's own name: `u0:3`, or `%text`.
struct FunctionName {
  bool is_user = true;
  UserExternalNameData user{0, 0};
  std::string text;  // without the percent sign
};

struct DebugTag {
  bool is_slot;
  u32 value;  // a tag, or the number of a stack slot
};
struct StackMapEntry {
  Type type;
  StackSlot slot;
  u32 offset;
};
// A piece of a side array that belongs to one instruction.
struct SideRange {
  u32 first;
  u32 count;
};

// One call that was replaced by the body of its callee: what a debugger shows as a frame although
// there is none.
struct InlineFrameData {
  ExternalName callee;               // whose body it was
  u32 call_site = kNoSourceLoc;      // source location of the call that is gone
  PackedOption<InlineFrame> parent;  // the frame the call was in; none: the function itself
};

// ---- the data flow

class Layout;

class DataFlowGraph {
 public:
  // -- instructions
  u32 num_insts() const { return insts_.size(); }
  Inst make_inst(const InstData& data) {
    results_.push_back(Value());
    return insts_.push(data);
  }
  InstData& operator[](Inst inst) { return insts_[inst]; }
  const InstData& operator[](Inst inst) const { return insts_[inst]; }
  Opcode opcode(Inst inst) const { return insts_[inst].opcode; }

  // Value operands: those in the record, or those of the list (calls, returns; an indirect callee
  // comes first).
  std::span<const Value> args(Inst inst) const {
    const InstData& data = insts_[inst];
    const InstFacts& facts = inst_facts(data.opcode);
    if (facts.has_list) return data.list().items(lists_);
    return {reinterpret_cast<const Value*>(data.words), facts.num_fixed_values};
  }
  std::span<Value> args(Inst inst) {
    const std::span<const Value> found = std::as_const(*this).args(inst);
    return {const_cast<Value*>(found.data()), found.size()};
  }
  // Results, at most one without touching the pool.
  std::span<const Value> results(Inst inst) const {
    GANTRY_DCHECK(insts_.is_valid(inst));
    const Value& word = results_[inst.index()];
    if (word.index() == Value::kReserved) return {};
    if ((word.index() & kListBit) == 0) return {&word, 1};
    return ValueList::from_raw(word.index() & ~kListBit).items(lists_);
  }
  Value first_result(Inst inst) const {
    GANTRY_DCHECK(!results(inst).empty());
    return results(inst)[0];
  }
  // Makes the results an opcode has under `control` (for calls: those of the signature).
  void make_results(Inst inst, Type control);
  Value append_result(Inst inst, Type type);
  // The same with a value number chosen by the text; the value must not be defined yet.
  void append_result_as(Inst inst, Value value, Type type);
  // The signature a call goes by, if it is one.
  std::optional<SigRef> call_signature(Inst inst) const;
  // The type the printer writes as suffix and that decides the results.
  Type control_type(Inst inst) const;

  // -- branches. Successors in operand order: brif then before else; br_table default first;
  // try_call normal first.
  template <class F>
  void for_each_block_call(Inst inst, F&& visit) const;
  // The same with a mutable reference that is written back.
  template <class F>
  void update_block_calls(Inst inst, F&& visit);

  // -- values
  u32 num_values() const { return values_.size(); }
  bool is_valid(Value value) const {
    return values_.is_valid(value) && values_[value].is_defined();
  }
  // Makes all numbers below `count` exist, undefined.
  void ensure_values(u32 count);
  const ValueData& value_data(Value value) const { return values_[value]; }
  Type type(Value value) const { return values_[value].type(); }
  bool is_alias(Value value) const { return values_[value].kind() == ValueData::Kind::Alias; }
  // Follows aliases to the end. Alias chains have no cycles (make_alias refuses them).
  Value resolve(Value value) const {
    while (values_[value].kind() == ValueData::Kind::Alias) [[unlikely]] {
        value = values_.key(values_[value].owner());
      }
    return value;
  }
  ValueDef def(Value value) const {
    const ValueData& data = values_[resolve(value)];
    return {data.kind(), data.owner(), data.number()};
  }
  // Whether `value` resolves to result `number` of an instruction; that instruction.
  std::optional<Inst> defining_inst(Value value) const {
    const ValueDef d = def(value);
    return d.kind == ValueData::Kind::Result ? std::optional(insts_.key(d.owner)) : std::nullopt;
  }
  // Makes `alias` another name of the value that `target` resolves to now. False (and no change) if
  // that is `alias` itself.
  bool make_alias(Value alias, Value target);
  // The same for a value that is not defined yet. Text has chains of any length: the alias points
  // to their end, so that resolving stays one step, and what was written is kept for the printer.
  void make_alias_as_written(Value alias, Value target);
  // What the text of an alias says: a value that resolves to the same.
  Value written_target(Value alias) const {
    const Value end = Value::from_index(values_[alias].owner());
    const Value* written = written_targets_.find(alias);
    return written != nullptr && resolve(*written) == resolve(end) ? *written : end;
  }
  // Replaces aliases in all operands, block-call arguments, tables and returns.
  void resolve_all_aliases();
  // The same, less what only instructions outside of the layout read: when they are dead.
  void resolve_aliases_in(const Layout& layout);

  // -- block parameters
  u32 num_blocks() const { return block_params_.size(); }
  bool is_valid(Block block) const { return block_params_.is_valid(block); }
  Block make_block() { return block_params_.push({}); }
  void ensure_blocks(u32 count);
  std::span<const Value> block_params(Block block) const {
    return block_params_[block].items(lists_);
  }
  Value append_block_param(Block block, Type type);
  void append_block_param_as(Block block, Value value, Type type);
  void remove_block_param(Block block, u32 index);
  // Keeps the parameters that `keep(Value)` wants and numbers them anew.
  template <class F>
  void filter_block_params(Block block, F&& keep) {
    const std::span<Value> params = block_params_[block].items(lists_);
    u32 kept = 0;
    for (const Value param : params) {
      if (!keep(param)) continue;
      values_[param].set_number(kept);
      params[kept++] = param;
    }
    if (kept != params.size()) block_params_[block].truncate(kept, lists_);
  }

  // -- pools
  ValueListPool& lists() { return lists_; }
  const ValueListPool& lists() const { return lists_; }
  MemFlagsId intern(const MemFlags& flags, bool* full = nullptr);
  const MemFlags& mem_flags(MemFlagsId id) const { return mem_flags_[id.index]; }
  const MemFlags& mem_flags(Inst inst) const { return mem_flags_[insts_[inst].flags]; }
  u32 num_mem_flags() const { return static_cast<u32>(mem_flags_.size()); }
  // The constant with these bytes, a new one if there is none.
  Constant add_constant(std::span<const u8> bytes);
  // Declares constant `number` exactly (text form); holes become empty constants.
  void set_constant(Constant constant, std::span<const u8> bytes);
  std::span<const u8> constant_bytes(Constant constant) const;
  u32 num_constants() const { return constants_.size(); }
  ShuffleMask add_shuffle_mask(const std::array<u8, 16>& mask) { return masks_.push(mask); }
  const std::array<u8, 16>& shuffle_mask(ShuffleMask mask) const { return masks_[mask]; }
  u32 num_shuffle_masks() const { return masks_.size(); }

  PrimaryMap<JumpTable, JumpTableData> jump_tables;
  PrimaryMap<ExceptionTable, ExceptionTableData> exception_tables;
  PrimaryMap<SigRef, Signature> signatures;
  PrimaryMap<FuncRef, ExtFuncData> ext_funcs;

  void clear();

 private:
  static constexpr u32 kListBit = 1u << 31;

  // The end of the chain of aliases from `value`, to which all of the chain then points.
  Value shorten(Value value);
  template <class F>
  void resolve_aliases(F&& for_each_inst);

  PrimaryMap<Inst, InstData> insts_;
  std::vector<Value>
      results_;  // by instruction: reserved (none), the value, or a list handle with kListBit
  PrimaryMap<Value, ValueData> values_;
  std::vector<Value> new_aliases_;                   // since operands were resolved
  mutable SparseMap<Value, Value> written_targets_;  // of aliases whose text names another alias
  PrimaryMap<Block, ValueList> block_params_;
  ValueListPool lists_;
  std::vector<MemFlags> mem_flags_{MemFlags{}};
  std::vector<u16> mem_flags_index_;  // open addressing by packed(), 0: empty
  PrimaryMap<Constant, ConstantData> constants_;
  std::vector<u8> constant_pool_;
  std::vector<u32> constant_index_;  // numbers + 1 by hash of the bytes; follows the pool when
                                     // add_constant is called
  u32 constants_indexed_ = 0;
  PrimaryMap<ShuffleMask, std::array<u8, 16>> masks_;
};

// ---- the order of blocks and instructions

class Layout {
 public:
  std::optional<Block> entry() const { return first_block_.expand(); }
  PackedOption<Block> first_block() const { return first_block_; }
  PackedOption<Block> last_block() const { return last_block_; }
  PackedOption<Block> next_block(Block block) const { return blocks_[block].next; }
  PackedOption<Block> prev_block(Block block) const { return blocks_[block].prev; }
  bool is_inserted(Block block) const { return blocks_[block].inserted; }
  bool is_cold(Block block) const { return blocks_[block].cold; }
  void set_cold(Block block, bool cold = true) { blocks_.at_or_grow(block).cold = cold; }
  void append_block(Block block);
  void insert_block_after(Block block, Block after);
  void remove_block(Block block);  // with no instructions left in the order

  PackedOption<Inst> first_inst(Block block) const { return blocks_[block].first; }
  PackedOption<Inst> last_inst(Block block) const { return blocks_[block].last; }
  PackedOption<Inst> next_inst(Inst inst) const { return insts_[inst].next; }
  PackedOption<Inst> prev_inst(Inst inst) const { return insts_[inst].prev; }
  PackedOption<Block> block_of(Inst inst) const { return insts_[inst].block; }
  void append_inst(Inst inst, Block block);
  void insert_inst_before(Inst inst, Inst before);
  void remove_inst(Inst inst);
  // All instructions of the block leave it.
  void clear_insts(Block block);

  // Range-for over blocks, and over the instructions of one.
  struct BlockIterator {
    const Layout* layout;
    PackedOption<Block> at;
    Block operator*() const { return *at; }
    BlockIterator& operator++() {
      at = layout->next_block(*at);
      return *this;
    }
    friend bool operator==(const BlockIterator& a, const BlockIterator& b) { return a.at == b.at; }
  };
  struct BlockRange {
    const Layout* layout;
    BlockIterator begin() const { return {layout, layout->first_block()}; }
    BlockIterator end() const { return {layout, {}}; }
  };
  BlockRange blocks() const { return {this}; }
  struct InstIterator {
    const Layout* layout;
    PackedOption<Inst> at;
    Inst operator*() const { return *at; }
    InstIterator& operator++() {
      at = layout->next_inst(*at);
      return *this;
    }
    friend bool operator==(const InstIterator& a, const InstIterator& b) { return a.at == b.at; }
  };
  struct InstRange {
    const Layout* layout;
    Block block;
    InstIterator begin() const { return {layout, layout->first_inst(block)}; }
    InstIterator end() const { return {layout, {}}; }
  };
  InstRange insts(Block block) const { return {this, block}; }

  void clear();

 private:
  struct BlockNode {
    PackedOption<Block> prev, next;
    PackedOption<Inst> first, last;
    bool inserted = false;
    bool cold = false;
  };
  struct InstNode {
    PackedOption<Inst> prev, next;
    PackedOption<Block> block;
  };
  SecondaryMap<Block, BlockNode> blocks_;
  SecondaryMap<Inst, InstNode> insts_;
  PackedOption<Block> first_block_, last_block_;
};

// ---- the function

class Function {
 public:
  FunctionName name;
  Signature signature;
  DataFlowGraph dfg;
  Layout layout;

  PrimaryMap<StackSlot, StackSlotData> stack_slots;
  PrimaryMap<DynamicStackSlot, DynamicType> dynamic_stack_slots;
  PrimaryMap<DynamicType, DynamicTypeData> dynamic_types;
  PrimaryMap<GlobalValue, GlobalValueData> global_values;
  PrimaryMap<AliasRegion, AliasRegionData> alias_regions;
  PackedOption<GlobalValue> stack_limit;

  // External names: user names are interned (equal pairs share a number), test names are kept as
  // text.
  PrimaryMap<UserExternalName, UserExternalNameData> user_names;
  std::vector<std::string> test_names;
  ExternalName intern_user_name(UserExternalNameData name);
  ExternalName intern_test_name(std::string_view text);
  // Makes all user names below `count` exist; new ones are holes, known by their number only.
  void ensure_user_names(u32 count);

  // Source location of an instruction, or kNoSourceLoc.
  u32 source_loc(Inst inst) const { return source_locs_[inst]; }
  void set_source_loc(Inst inst, u32 location) { source_locs_.set(inst, location); }
  bool has_source_locs() const { return source_locs_.size() != 0; }

  // Frames of inlined calls, parents before children, and the frame an instruction came with (none:
  // it was written here). Its source location is one of that callee's source. The text form does
  // not show frames.
  PrimaryMap<InlineFrame, InlineFrameData> inline_frames;
  PackedOption<InlineFrame> inline_frame(Inst inst) const { return inline_frame_of_[inst]; }
  void set_inline_frame(Inst inst, PackedOption<InlineFrame> frame) {
    inline_frame_of_.set(inst, frame);
  }
  // Both, as finished code records them.
  SourcePlace source_place(Inst inst) const {
    const PackedOption<InlineFrame> frame = inline_frame_of_[inst];
    return {source_locs_[inst], frame ? (*frame).index() : kNoInlineFrame};
  }
  bool has_source_places() const { return has_source_locs() || !inline_frames.empty(); }
  // What stands for `from`, or was made for its sake, is where `from` is.
  void copy_source_place(Inst to, Inst from) {
    if (has_source_locs()) set_source_loc(to, source_loc(from));
    if (!inline_frames.empty()) set_inline_frame(to, inline_frame(from));
  }

  std::span<const DebugTag> debug_tags(Inst inst) const;
  void set_debug_tags(Inst inst, std::span<const DebugTag> tags);
  bool has_debug_tags() const { return !debug_tag_ranges_.entries().empty(); }
  std::span<const StackMapEntry> stack_map(Inst inst) const;
  void set_stack_map(Inst inst, std::span<const StackMapEntry> entries);

  // Whether removing, duplicating or reordering the instruction could be seen: inherent effects,
  // and loads that may trap.
  bool has_side_effect(Inst inst) const {
    const Opcode op = dfg.opcode(inst);
    return has_inherent_side_effect(op) ||
           (inst_facts(op).effects.can_load && !dfg.mem_flags(inst).notrap());
  }

  void clear();

 private:
  SecondaryMap<Inst, u32> source_locs_{kNoSourceLoc};
  SecondaryMap<Inst, PackedOption<InlineFrame>> inline_frame_of_;
  mutable SparseMap<Inst, SideRange> debug_tag_ranges_;
  std::vector<DebugTag> debug_tags_;
  mutable SparseMap<Inst, SideRange> stack_map_ranges_;
  std::vector<StackMapEntry> stack_map_entries_;
  // Numbers + 1 by hash of the name, open addressing with linear probing; empty while there are few
  // names.
  std::vector<u32> user_name_index_;
  std::vector<u32> test_name_index_;
};

// ---- inline bodies

template <class F>
void DataFlowGraph::for_each_block_call(Inst inst, F&& visit) const {
  const InstData& data = insts_[inst];
  switch (inst_facts(data.opcode).format) {
    case meta::Format::Jump:
      visit(data.block_call(1));
      return;
    case meta::Format::Brif:
      visit(data.block_call(1));
      visit(data.block_call(2));
      return;
    case meta::Format::BranchTable: {
      const JumpTableData& table = jump_tables[JumpTable::from_index(data.words[1])];
      visit(table.default_call);
      for (const BlockCall& call : table.entries) visit(call);
      return;
    }
    case meta::Format::TryCall:
    case meta::Format::TryCallIndirect: {
      const ExceptionTableData& table = exception_tables[ExceptionTable::from_index(data.words[2])];
      visit(table.normal_return);
      for (const ExceptionTableData::Item& item : table.items) {
        if (item.kind != ExceptionTableData::Item::Kind::Context) visit(item.call);
      }
      return;
    }
    default:
      return;
  }
}

template <class F>
void DataFlowGraph::update_block_calls(Inst inst, F&& visit) {
  InstData& data = insts_[inst];
  const auto update_word = [&](u32 word) {
    BlockCall call = data.block_call(word);
    visit(call);
    data.words[word] = call.raw();
  };
  switch (inst_facts(data.opcode).format) {
    case meta::Format::Jump:
      update_word(1);
      return;
    case meta::Format::Brif:
      update_word(1);
      update_word(2);
      return;
    case meta::Format::BranchTable: {
      JumpTableData& table = jump_tables[JumpTable::from_index(data.words[1])];
      visit(table.default_call);
      for (BlockCall& call : table.entries) visit(call);
      return;
    }
    case meta::Format::TryCall:
    case meta::Format::TryCallIndirect: {
      ExceptionTableData& table = exception_tables[ExceptionTable::from_index(data.words[2])];
      visit(table.normal_return);
      for (ExceptionTableData::Item& item : table.items) {
        if (item.kind != ExceptionTableData::Item::Kind::Context) visit(item.call);
      }
      return;
    }
    default:
      return;
  }
}

}  // namespace gantry::ir

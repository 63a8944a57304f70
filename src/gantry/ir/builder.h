#pragma once
// Builds instructions at the end of a block: one documented method per opcode, generated from the
// table. For variables and SSA construction on top of this, see frontend.
#include <initializer_list>
#include <utility>

#include "gantry/ir/function.h"

namespace gantry::ir {

// IEEE bit patterns as constants take them.
struct Ieee16 {
  u16 bits;
};
struct Ieee32 {
  u32 bits;
};
struct Ieee64 {
  u64 bits;
};

// Operands of other functions, and instructions without a current block, are bugs of the caller:
// they fail a check, in every build. Whether the instructions make sense together is for the
// verifier to say.
class Builder {
 public:
  explicit Builder(Function& func) : func_(func) {}

  Function& func() { return func_; }
  // A new block, not yet in the layout.
  Block create_block() { return func_.dfg.make_block(); }
  // Appends `block` to the layout if it is not there, and makes it the place of insertion.
  void switch_to_block(Block block);
  Block current_block() const { return *block_; }
  BlockCall block_call(Block block, std::initializer_list<Value> args) {
    return block_call(block, std::span<const Value>(args.begin(), args.size()));
  }
  BlockCall block_call(Block block, std::span<const Value> args = {});
  // What the next instructions carry as their source location.
  void set_source_loc(u32 location) { source_loc_ = location; }

  // Appends the record and makes its results. Methods below do nothing else.
  Inst insert(const InstData& data, Type control);

#include "gantry/gen/meta/inst_builder.inc"

 private:
  // Fails a check unless the function has everything the record names.
  void check_operands(const InstData& data) const;
  void check_values(std::span<const Value> values) const;
  void check_value(Value value) const {
    if (!func_.dfg.is_valid(value)) [[unlikely]]
      unreachable("value of another function");
  }
  Type type_of(Value value) const {
    check_value(value);
    return func_.dfg.type(value);
  }
  // The word of a record that names `id`: its number. Numbers have no owner, so strangers are found
  // here.
  u32 word_of(Value value) const {
    if (owner_tag::kEnabled) check_value(value);
    return value.index();
  }
  u32 word_of(FuncRef id) const {
    return number_of(func_.dfg.ext_funcs, id, "function reference of another function");
  }
  u32 word_of(SigRef id) const {
    return number_of(func_.dfg.signatures, id, "signature of another function");
  }
  u32 word_of(JumpTable id) const {
    return number_of(func_.dfg.jump_tables, id, "jump table of another function");
  }
  u32 word_of(ExceptionTable id) const {
    return number_of(func_.dfg.exception_tables, id, "exception table of another function");
  }
  u32 word_of(StackSlot id) const {
    return number_of(func_.stack_slots, id, "stack slot of another function");
  }
  u32 word_of(DynamicStackSlot id) const {
    return number_of(func_.dynamic_stack_slots, id, "dynamic stack slot of another function");
  }
  u32 word_of(GlobalValue id) const {
    return number_of(func_.global_values, id, "global value of another function");
  }
  u32 word_of(Constant id) const { return id.index(); }
  u32 word_of(Block id) const { return id.index(); }
  template <class K, class V>
  static u32 number_of(const PrimaryMap<K, V>& map, K id, const char* what) {
    if (!map.accepts(id)) [[unlikely]]
      unreachable(what);
    return id.index();
  }
  u16 intern(const MemFlags& flags) { return func_.dfg.intern(flags).index; }
  ShuffleMask add_mask(const std::array<u8, 16>& mask) { return func_.dfg.add_shuffle_mask(mask); }
  // Lists are copied first: they may lie in the pool that is about to grow (parameters of a block,
  // results of a call).
  ValueList list_of(std::span<const Value> values) {
    copied_.assign(values.begin(), values.end());
    return list_of_copied();
  }
  ValueList list_of(Value first, std::span<const Value> rest) {
    copied_.assign(1, first);
    copied_.insert(copied_.end(), rest.begin(), rest.end());
    return list_of_copied();
  }
  ValueList list_of_copied();
  static u64 masked(Type type, i64 imm) {
    return type.bits() >= 64 ? static_cast<u64>(imm)
                             : static_cast<u64>(imm) & ((u64{1} << type.bits()) - 1);
  }
  // A constant of the type of `like` (splatted for vectors, extended for i128), or of its lane
  // type.
  Value constant_like(Value like, i64 constant, bool is_signed);
  Value scalar_constant_like(Value like, i64 constant, bool is_signed);

  Function& func_;
  PackedOption<Block> block_;
  u32 source_loc_ = kNoSourceLoc;
  std::vector<Value> copied_;
};

}  // namespace gantry::ir

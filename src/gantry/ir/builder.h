#pragma once
// Builds instructions at the end of a block: one documented method per opcode, generated from the table. For variables
// and SSA construction on top of this, see frontend.
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
  u16 intern(const MemFlags& flags) { return func_.dfg.intern(flags).index; }
  ShuffleMask add_mask(const std::array<u8, 16>& mask) { return func_.dfg.add_shuffle_mask(mask); }
  ValueList list_of(std::span<const Value> values) {
    ValueList list;
    list.assign(values, func_.dfg.lists());
    return list;
  }
  ValueList list_of(Value first, std::span<const Value> rest) {
    ValueList list;
    list.push(first, func_.dfg.lists());
    list.append(rest, func_.dfg.lists());
    return list;
  }
  static u64 masked(Type type, i64 imm) {
    return type.bits() >= 64 ? static_cast<u64>(imm) : static_cast<u64>(imm) & ((u64{1} << type.bits()) - 1);
  }
  // A constant of the type of `like` (splatted for vectors, extended for i128), or of its lane type.
  Value constant_like(Value like, i64 constant, bool is_signed);
  Value scalar_constant_like(Value like, i64 constant, bool is_signed);

  Function& func_;
  PackedOption<Block> block_;
  u32 source_loc_ = kNoSourceLoc;
};

}  // namespace gantry::ir

#pragma once
// One CLIF instruction in 16 bytes. Which operand stands where is a row of meta/formats.h: fixed
// value operands fill the words from 0, a list of values is a handle in word 1, small codes go to
// `aux`, memory flags to `flags`.
#include "gantry/entity/entity_list.h"
#include "gantry/ir/entities.h"
#include "gantry/ir/mem_flags.h"
#include "gantry/ir/opcode.h"

namespace gantry::ir {

using ValueList = EntityList<Value>;
using ValueListPool = ListPool<Value>;

// An argument of a block call: a value, or what the call of a try_call hands to the edge.
class BlockArg {
 public:
  enum class Kind : u8 { Value = 0, TryCallReturn = 1, TryCallException = 2 };
  static constexpr BlockArg value(Value value) { return BlockArg(value.index()); }
  static constexpr BlockArg try_return(u32 number) { return BlockArg(1u << 30 | number); }
  static constexpr BlockArg try_exception(u32 number) { return BlockArg(2u << 30 | number); }

  constexpr Kind kind() const { return static_cast<Kind>(bits_ >> 30); }
  constexpr bool is_value() const { return kind() == Kind::Value; }
  constexpr Value as_value() const {
    GANTRY_DCHECK(is_value());
    return Value::from_index(bits_);
  }
  constexpr u32 number() const { return bits_ & 0x3fffffff; }

  // Block calls live in the pool of value lists; an argument travels as a Value with tag bits.
  constexpr Value encoded() const { return Value::from_bits(bits_); }
  static constexpr BlockArg decoded(Value value) { return BlockArg(value.index()); }
  friend constexpr bool operator==(BlockArg, BlockArg) = default;

 private:
  constexpr explicit BlockArg(u32 bits) : bits_(bits) {}
  u32 bits_;
};

// A branch target with its arguments: a list whose first item is the block's number.
class BlockCall {
 public:
  static BlockCall make(Block block, ValueListPool& pool) {
    BlockCall call;
    call.list_.push(Value::from_index(block.index()), pool);
    return call;
  }
  static constexpr BlockCall from_raw(u32 raw) {
    BlockCall call;
    call.list_ = ValueList::from_raw(raw);
    return call;
  }
  constexpr u32 raw() const { return list_.raw(); }
  Block block(const ValueListPool& pool) const {
    return Block::from_index(list_.items(pool)[0].index());
  }
  void set_block(Block block, ValueListPool& pool) {
    list_.items(pool)[0] = Value::from_index(block.index());
  }
  // Encoded arguments: read them with BlockArg::decoded.
  std::span<const Value> args(const ValueListPool& pool) const {
    return list_.items(pool).subspan(1);
  }
  std::span<Value> args(ValueListPool& pool) const { return list_.items(pool).subspan(1); }
  void push(BlockArg arg, ValueListPool& pool) { list_.push(arg.encoded(), pool); }
  // Keeps the arguments whose index `keep` wants.
  template <class F>
  void filter_args(F&& keep, ValueListPool& pool) {
    const std::span<Value> items = list_.items(pool);
    u32 kept = 1;
    for (u32 i = 1; i < items.size(); ++i) {
      if (keep(i - 1)) items[kept++] = items[i];
    }
    if (kept != items.size()) list_.truncate(kept, pool);
  }
  void remove_arg(u32 index, ValueListPool& pool) { list_.remove(index + 1, pool); }

 private:
  ValueList list_;
};

struct InstData {
  Opcode opcode = Opcode::Nop;
  u8 aux = 0;
  u16 flags = 0;
  u32 words[3] = {};

  Value arg(u32 index) const { return Value::from_index(words[index]); }
  void set_arg(u32 index, Value value) { words[index] = value.index(); }
  ValueList list() const { return ValueList::from_raw(words[1]); }
  void set_list(ValueList list) { words[1] = list.raw(); }
  u64 wide() const { return words[1] | static_cast<u64>(words[2]) << 32; }
  void set_wide(u64 bits) {
    words[1] = static_cast<u32>(bits);
    words[2] = static_cast<u32>(bits >> 32);
  }
  IntCC int_cc() const { return static_cast<IntCC>(aux); }
  FloatCC float_cc() const { return static_cast<FloatCC>(aux); }
  TrapCode trap_code() const { return {aux}; }
  AtomicRmwOp atomic_op() const { return static_cast<AtomicRmwOp>(aux); }
  MemFlagsId mem_flags() const { return {flags}; }
  BlockCall block_call(u32 word) const { return BlockCall::from_raw(words[word]); }
  // The signed 32-bit offset of memory accesses (word 1, stores word 2) and of stack_addr (word 1).
  i32 offset(u32 word) const { return static_cast<i32>(words[word]); }
  friend bool operator==(const InstData&, const InstData&) = default;
};
static_assert(sizeof(InstData) == 16);

}  // namespace gantry::ir

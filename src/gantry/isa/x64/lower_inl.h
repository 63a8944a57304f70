#pragma once
// Bodies of the questions that matchers ask most: inlined into the generated shards.
#include "gantry/isa/x64/lower_x64.h"
#include "gantry/isa/x64/meta/row.h"

namespace gantry::isa::x64 {

inline InstData X64Lower::inst_data(Inst inst) { return LowerContext::inst_data(inst); }
inline bool X64Lower::def_inst(Value value, Inst& inst) {
  return LowerContext::def_inst(value, inst);
}
inline Type X64Lower::result_type(Inst inst) {
  const std::span<const Value> results = dfg().results(inst);
  return results.empty() ? Type() : type(results[0]);
}
inline Type X64Lower::value_type(Value value) { return type(value); }
inline Type X64Lower::type_of(Value value) { return type(value); }

inline bool X64Lower::int_8_16(Type ty, Type& out) {
  out = ty;
  return ty == ir::kI8 || ty == ir::kI16;
}
inline bool X64Lower::int_32_64(Type ty, Type& out) {
  out = ty;
  return ty == ir::kI32 || ty == ir::kI64;
}
inline bool X64Lower::int_16_to_64(Type ty, Type& out) {
  out = ty;
  return ty.code() >= ir::kI16.code() && ty.code() <= ir::kI64.code();
}
inline bool X64Lower::int_up_to_64(Type ty, Type& out) {
  out = ty;
  return ty.code() >= ir::kI8.code() && ty.code() <= ir::kI64.code();
}
inline bool X64Lower::int_up_to_32(Type ty, Type& out) {
  out = ty;
  return ty.code() >= ir::kI8.code() && ty.code() <= ir::kI32.code();
}
inline bool X64Lower::scalar_float(Type ty, Type& out) {
  out = ty;
  return ty == ir::kF32 || ty == ir::kF64;
}
inline bool X64Lower::vector_128(Type ty, Type& out) {
  out = ty;
  return ty.is_vector() && ty.bits() == 128;
}
inline u32 X64Lower::type_bits(Type ty) { return ty.bits(); }
inline u8 X64Lower::bits_of(Type ty) { return static_cast<u8>(ty.bits()); }
inline Type X64Lower::op_type(Type ty) { return ty.bits() < 32 ? ir::kI32 : ty; }

inline bool X64Lower::constant(Value value, u64& bits) { return constant_of(value, bits); }
inline bool X64Lower::signed_constant(Value value, i64& bits) {
  return signed_constant_of(value, bits);
}
inline bool X64Lower::constant_i32(Value value, i32& number) {
  i64 bits;
  if (!signed_constant_of(value, bits) || bits != static_cast<i32>(bits)) return false;
  number = static_cast<i32>(bits);
  return true;
}
inline bool X64Lower::sinkable_load(Value value, Inst& load) {
  return is_sinkable_load(value, load) && dfg().mem_flags(load).byte_order != ir::ByteOrder::Big;
}
inline bool X64Lower::lea_shift(Value value, u8& amount) {
  u64 count;
  if (!constant_of(value, count) || count < 1 || count > 3) return false;
  amount = static_cast<u8>(count);
  return true;
}
inline bool X64Lower::power_of_two(Value value, u8& exponent) {
  u64 bits;
  if (!constant_of(value, bits) || !std::has_single_bit(bits) || bits == 1) return false;
  exponent = static_cast<u8>(std::countr_zero(bits));
  return true;
}
inline bool X64Lower::is_same_place(Inst load, MemFlagsId flags, Value p, i32 offset, bool& same) {
  const ir::InstData& data = dfg()[load];
  same = true;
  return data.mem_flags() == flags && data.arg(0) == p && data.offset(1) == offset;
}
inline bool X64Lower::stays(Value value, bool& yes) {
  return yes = has_reg(value) || lives_around(value);
}
inline bool X64Lower::both_stay(Value x, Value y, bool& yes) {
  bool unused;
  return yes = stays(x, unused) && stays(y, unused);
}
inline bool X64Lower::clears_upper_half(Value value, bool& yes) {
  return yes = dfg().value_data(value).kind() == ir::ValueData::Kind::Param
                   ? is_clear_param(value)
                   : clears_upper_half_as_result(value);
}
// Loads of fewer than 32 bits write the whole register. Not for a load that the one who asks can do
// itself.
inline bool X64Lower::is_loaded_wide(Value value, bool& yes) {
  const ir::ValueData& data = dfg().value_data(value);
  Inst load;
  yes = data.kind() == ir::ValueData::Kind::Result && type(value).bits() < 32 &&
        dfg().opcode(Inst::from_index(data.owner())) == ir::Opcode::Load &&
        !is_sinkable_load(value, load);
  return yes;
}
// The second result of an addition or subtraction with overflow.
inline bool X64Lower::overflow_of(Value bit, ir::Opcode op, Inst& inst) const {
  const ir::ValueData& data = dfg().value_data(bit);
  if (data.kind() != ir::ValueData::Kind::Result || data.number() != 1 || has_reg(bit))
    return false;
  inst = Inst::from_index(data.owner());
  return dfg().opcode(inst) == op;
}
inline bool X64Lower::carry_of_sum(Value bit, Value& sum, Value& x) {
  Inst inst;
  if (!overflow_of(bit, ir::Opcode::UaddOverflow, inst)) return false;
  sum = dfg().results(inst)[0];
  x = dfg()[inst].arg(0);
  return true;
}
inline bool X64Lower::borrow(Value bit, Value& x, Value& y) {
  Inst inst;
  if (!overflow_of(bit, ir::Opcode::UsubOverflow, inst)) return false;
  x = dfg()[inst].arg(0);
  y = dfg()[inst].arg(1);
  return true;
}
inline bool X64Lower::native_order(MemFlagsId flags, bool& native) {
  native = true;
  return dfg().mem_flags(flags).byte_order != ir::ByteOrder::Big;
}

inline Gpr X64Lower::put_gpr(Value value) { return {reg_of(value)}; }
inline Xmm X64Lower::put_xmm(Value value) { return {reg_of(value)}; }
inline Gpr X64Lower::put_low(Value value) { return {reg_of(value)}; }
inline Gpr X64Lower::put_high(Value value) { return {regs_of(value).hi}; }
inline GprImm X64Lower::put_gpr_imm(Value value) {
  i32 number;
  if (constant_i32(value, number)) return {AMode::imm(number)};
  return {AMode::reg(reg_of(value))};
}
inline GprMemImm X64Lower::put_gpr_mem_imm(Value value) {
  i32 number;
  if (constant_i32(value, number)) return {AMode::imm(number)};
  Inst load;
  if (sinkable_load(value, load)) return {sink_load(load)};
  return {AMode::reg(reg_of(value))};
}
inline GprMem X64Lower::put_gpr_mem(Value value) {
  Inst load;
  if (sinkable_load(value, load)) return {sink_load(load)};
  return {AMode::reg(reg_of(value))};
}
inline XmmMem X64Lower::put_xmm_mem(Value value) {
  Inst load;
  if (sinkable_load(value, load)) return {sink_load(load)};
  AMode constant;
  if (float_constant(value, constant)) return {constant};
  return {AMode::reg(reg_of(value))};
}

inline InstOutput X64Lower::output_none() { return {}; }
inline InstOutput X64Lower::output_value(Value value) { return {1, {regs_of(value), {}}}; }
inline InstOutput X64Lower::output_gpr(Gpr reg) { return {1, {{reg.reg, {}}, {}}}; }
inline InstOutput X64Lower::output_xmm(Xmm reg) { return {1, {{reg.reg, {}}, {}}}; }
inline InstOutput X64Lower::output_effect(SideEffect) { return {}; }
inline InstOutput X64Lower::output_i128(Gpr lo, Gpr hi) { return {1, {{lo.reg, hi.reg}, {}}}; }
inline InstOutput X64Lower::output_two(Gpr first, Gpr second) {
  return {2, {{first.reg, {}}, {second.reg, {}}}};
}
inline InstOutput X64Lower::output_pair(GprPair pair) {
  return output_two(pair.first, pair.second);
}
inline InstOutput X64Lower::output_pair_i128(GprPair pair) {
  return output_i128(pair.first, pair.second);
}
inline InstOutput X64Lower::output_i128_and(Gpr lo, Gpr hi, Gpr second) {
  return {2, {{lo.reg, hi.reg}, {second.reg, {}}}};
}

inline bool X64Lower::has_sse41(bool& on) {
  return on = options_.features.has(static_cast<u32>(meta::Feature::Sse41));
}
inline bool X64Lower::has_popcnt(bool& on) {
  return on = options_.features.has(static_cast<u32>(meta::Feature::Popcnt));
}
inline bool X64Lower::has_lzcnt(bool& on) {
  return on = options_.features.has(static_cast<u32>(meta::Feature::Lzcnt));
}
inline bool X64Lower::has_bmi1(bool& on) {
  return on = options_.features.has(static_cast<u32>(meta::Feature::Bmi1));
}
inline bool X64Lower::has_bmi2(bool& on) {
  return on = options_.features.has(static_cast<u32>(meta::Feature::Bmi2));
}
inline bool X64Lower::has_fma(bool& on) {
  return on = options_.features.has(static_cast<u32>(meta::Feature::Fma));
}

inline IntCC X64Lower::intcc_swap(IntCC cc) { return ir::swapped(cc); }
inline CC X64Lower::int_cc(IntCC cc) {
  constexpr CC kTable[] = {CC::E,  CC::NE, CC::L,  CC::GE, CC::G,
                           CC::LE, CC::B,  CC::AE, CC::A,  CC::BE};
  return kTable[static_cast<u8>(cc)];
}
inline Gpr X64Lower::consumer_result(ConsumesFlags consumer) { return {consumer.draft.result}; }
inline Xmm X64Lower::consumer_xmm(ConsumesFlags consumer) { return {consumer.draft.result}; }
inline Gpr X64Lower::producer_result(ProducesFlags producer) { return {producer.draft.result}; }
inline GprPair X64Lower::exchanged(GprPair pair) { return {pair.second, pair.first}; }
inline GprImm X64Lower::count_imm(u8 count) { return {AMode::imm(count)}; }

}  // namespace gantry::isa::x64

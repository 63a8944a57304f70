#pragma once
// Bodies of what rules ask: inlined into the generated matchers.
#include <algorithm>
#include <bit>

#include "gantry/opt/internal/relations.h"
#include "gantry/opt/magic.h"
#include "gantry/opt/rewrite.h"

#define GANTRY_RULE(number) (GANTRY_RULE_COUNT(number), ctx.note_rule(number))

namespace gantry::opt {

inline void Rewriter::node_data(Node node, Type& type, InstData& data) {
  type = graph_.type(node);
  data = InstData(graph_[node]);
}
inline void Rewriter::skeleton_data(SkeletonInst inst, Type& type, InstData& data) {
  GANTRY_DCHECK(inst.index() < kMaxSkeletonRecords);
  type = skeleton_[inst].type;
  data = InstData(skeleton_[inst].data);
}

// ---- commands
inline SkeletonChange Rewriter::remove_inst() {
  return {.command = SkeletonChange::Command::Remove};
}
inline SkeletonChange Rewriter::remove_inst_with_value(Node value) {
  return {.command = SkeletonChange::Command::RemoveWithValue, .value = value};
}
inline SkeletonChange Rewriter::replace_inst(SkeletonInst inst) {
  return {.command = SkeletonChange::Command::Replace, .replacement = skeleton_[inst].data};
}
inline SkeletonChange Rewriter::replace_condition(Node value) {
  return {.command = SkeletonChange::Command::ReplaceCondition, .value = value};
}
inline SkeletonChange Rewriter::invert_condition(Node value) {
  return {.command = SkeletonChange::Command::InvertCondition, .value = value};
}
inline bool Rewriter::for_size() { return for_size_; }

// ---- types
inline Type Rewriter::value_type(Node node) { return graph_.type(node); }
inline Type Rewriter::type_of(Node node) { return graph_.type(node); }
inline bool Rewriter::int_64(Type type, Type& out) {
  out = type;
  return type.code() >= ir::kI8.code() && type.code() <= ir::kI64.code();
}
inline bool Rewriter::int_(Type type, Type& out) {
  out = type;
  return type.is_int();
}
inline bool Rewriter::ints(Type type, Type& out) {
  out = type;
  return type.is_int() ||
         (type.is_vector() && !type.is_dynamic() && !type.has_float_lanes() && type.bits() <= 128);
}
inline bool Rewriter::float_(Type type, Type& out) {
  out = type;
  return type.is_float();
}
inline bool Rewriter::vector(Type type, Type& out) {
  out = type;
  return type.is_vector();
}
inline bool Rewriter::bits_128(Type type, Type& out) {
  out = type;
  return !type.is_dynamic() && type.bits() <= 128;
}
inline u64 Rewriter::lane_bits(Type type) { return type.lane_bits(); }
inline u64 Rewriter::lane_mask(Type type) {
  const u32 bits = type.lane_bits();
  return bits > 64 ? 0 : ~u64{0} >> (64 - bits);
}
inline u64 Rewriter::sign_bit(Type type) {
  const u32 bits = type.lane_bits();
  return bits > 64 ? 0 : u64{1} << (bits - 1);
}
inline Type Rewriter::lane_type(Type type) { return type.lane_type(); }
inline Type Rewriter::half_width(Type type) { return type.half_width(); }
inline bool Rewriter::int_type(u64 bits, Type& out) {
  if (bits > 128) return false;
  out = Type::int_with_bits(static_cast<u32>(bits));
  return out.is_valid();
}

// ---- constants
inline bool Rewriter::iconst_u(Node node, Type& type, u64& value) {
  const ir::InstData& data = graph_[node];
  if (data.opcode != ir::Opcode::Iconst) return false;
  type = graph_.type(node);
  value = data.wide();
  return true;
}
inline bool Rewriter::iconst_s(Node node, Type& type, i64& value) {
  u64 bits;
  if (!iconst_u(node, type, bits)) return false;
  value = signed_of(type, bits);
  return true;
}
inline Node Rewriter::make_iconst_u(Type type, u64 value) { return iconst(type, value); }
inline Node Rewriter::make_iconst_s(Type type, i64 value) {
  return iconst(type, static_cast<u64>(value));
}
inline bool Rewriter::lanes_u(Node node, Type& type, u64& value) {
  if (!graph_.has(node, kConstantNode)) return false;
  if (iconst_u(node, type, value)) return true;
  return splat_constant(node, type, value);
}
inline bool Rewriter::lanes_s(Node node, Type& type, i64& value) {
  u64 bits;
  if (!lanes_u(node, type, bits)) return false;
  value = signed_of(type, bits);
  return true;
}
inline Node Rewriter::make_lanes_s(Type type, i64 value) {
  return make_lanes_u(type, static_cast<u64>(value));
}
inline bool Rewriter::zeros(Node node, Type& type) {
  return graph_.has(node, kConstantNode) && is_bits(node, false, type);
}
inline bool Rewriter::all_ones(Node node, Type& type) {
  return graph_.has(node, kConstantNode) && is_bits(node, true, type);
}
inline Node Rewriter::make_zeros(Type type) { return constant(type, 0); }
inline Node Rewriter::make_all_ones(Type type) {
  return constant(type, type.bits() >= 128 ? ~u128{0} : (u128{1} << type.bits()) - 1);
}
inline bool Rewriter::int_constant(Node node, Type& type, u128& value) {
  if (!graph_.has(node, kConstantNode) || !graph_.type(node).is_int()) return false;
  type = graph_.type(node);
  value = *constant_bits(node);
  return true;
}
inline Node Rewriter::make_int_constant(Type type, u128 value) { return constant(type, value); }
inline bool Rewriter::is_constant(Node node) { return graph_.has(node, kConstantNode); }

inline bool Rewriter::is_extended(Node node) {
  const ir::Opcode opcode = graph_[node].opcode;
  return opcode == ir::Opcode::Uextend || opcode == ir::Opcode::Sextend || is_constant(node);
}
inline bool Rewriter::both_extended(Node a, Node b) {
  return is_extended(a) && is_extended(b) && !(is_constant(a) && is_constant(b));
}

// ---- pairs
inline bool Rewriter::proj_0(Node node, Type& type, Node& tuple) {
  const ir::InstData& data = graph_[node];
  type = graph_.type(node);
  tuple = Node::from_index(data.words[0]);
  return data.opcode == kProjection && data.aux == 0;
}
inline bool Rewriter::proj_1(Node node, Type& type, Node& tuple) {
  const ir::InstData& data = graph_[node];
  type = graph_.type(node);
  tuple = Node::from_index(data.words[0]);
  return data.opcode == kProjection && data.aux == 1;
}
inline Node Rewriter::make_proj_0(Type, Node tuple) { return projection(tuple, 0); }
inline Node Rewriter::make_proj_1(Type, Node tuple) { return projection(tuple, 1); }

// ---- facts
inline u64 Rewriter::known_zeros(Node node) { return graph_.facts(node).zeros; }
inline u64 Rewriter::known_ones(Node node) { return graph_.facts(node).ones; }
inline u64 Rewriter::umin_of(Node node) { return graph_.facts(node).umin; }
inline u64 Rewriter::umax_of(Node node) { return graph_.facts(node).umax; }

// ---- numbers
inline u64 Rewriter::u64_add(u64 a, u64 b) { return a + b; }
inline u64 Rewriter::u64_sub(u64 a, u64 b) { return a - b; }
inline u64 Rewriter::u64_mul(u64 a, u64 b) { return a * b; }
inline u64 Rewriter::u64_and(u64 a, u64 b) { return a & b; }
inline u64 Rewriter::u64_or(u64 a, u64 b) { return a | b; }
inline u64 Rewriter::u64_xor(u64 a, u64 b) { return a ^ b; }
inline u64 Rewriter::u64_not(u64 a) { return ~a; }
inline u64 Rewriter::u64_shl(u64 a, u64 b) { return b < 64 ? a << b : 0; }
inline u64 Rewriter::u64_shr(u64 a, u64 b) { return b < 64 ? a >> b : 0; }
inline bool Rewriter::u64_lt(u64 a, u64 b) { return a < b; }
inline bool Rewriter::u64_le(u64 a, u64 b) { return a <= b; }
inline bool Rewriter::u64_eq(u64 a, u64 b) { return a == b; }
inline u64 Rewriter::u64_ctz(u64 a) { return static_cast<u64>(std::countr_zero(a)); }
inline u64 Rewriter::u64_popcnt(u64 a) { return static_cast<u64>(std::popcount(a)); }
inline i64 Rewriter::signed_of(Type type, u64 value) {
  const u32 bits = type.lane_bits();
  if (bits >= 64) return static_cast<i64>(value);
  return static_cast<i64>(value << (64 - bits)) >> (64 - bits);
}
inline u64 Rewriter::wrapped(Type type, u64 value) { return value & lane_mask(type); }
inline u64 Rewriter::signed_bits(Type type, u64 value) {
  return static_cast<u64>(signed_of(type, value));
}
inline u64 Rewriter::amount(Type type, u64 value) { return value & (type.lane_bits() - 1); }
inline bool Rewriter::has_all_bits(Type type, u64 value) { return (~value & lane_mask(type)) == 0; }
inline bool Rewriter::log2(u64 value, u64& exponent) {
  exponent = static_cast<u64>(std::countr_zero(value));
  return std::has_single_bit(value);
}
inline bool Rewriter::i64_lt(i64 a, i64 b) { return a < b; }
inline u64 Rewriter::i64_magnitude(i64 a) {
  return a < 0 ? u64{0} - static_cast<u64>(a) : static_cast<u64>(a);
}
inline i64 Rewriter::i64_shl(i64 a, u64 k) {
  return k < 64 ? static_cast<i64>(static_cast<u64>(a) << k) : 0;
}
inline u64 Rewriter::u64_div(u64 a, u64 b) { return b == 0 ? 0 : a / b; }
inline bool Rewriter::product_fits(u64 a, u64 b, u64 max) { return u128{a} * b <= max; }
inline u64 Rewriter::u64_max(u64 a, u64 b) { return a < b ? b : a; }

// ---- bytes
inline bool Rewriter::reversed_source(Type type, Node x, Node y, Node& source) {
  u64 bits;
  return bytes_reversed(type, x, y, source, bits);
}
inline bool Rewriter::reversed_type(Type type, Node x, Node y, Type& out) {
  Node source;
  u64 bits;
  return bytes_reversed(type, x, y, source, bits) && int_type(bits, out);
}

// ---- addresses
inline bool Rewriter::offset_plus(Offset32 offset, i64 constant, Offset32& sum) {
  if (constant != static_cast<i32>(constant)) return false;
  const i64 exact = offset + constant;
  sum = static_cast<i32>(exact);
  return sum == exact;
}

// ---- floats
inline u64 Rewriter::bits_of_32(Ieee32 value) { return value; }
inline u64 Rewriter::bits_of_64(Ieee64 value) { return value; }
inline bool Rewriter::exact_reciprocal_32(Ieee32 value, Ieee32& out) {
  const u64 exponent = value >> 23 & 0xff;
  out = (value & 0x8000'0000) | (254 - exponent) << 23;
  return (value & 0x7f'ffff) == 0 && exponent >= 1 && exponent <= 253;
}
inline bool Rewriter::exact_reciprocal_64(Ieee64 value, Ieee64& out) {
  const u64 exponent = value >> 52 & 0x7ff;
  out = (value & u64{1} << 63) | (2046 - exponent) << 52;
  return (value & ((u64{1} << 52) - 1)) == 0 && exponent >= 1 && exponent <= 2045;
}

// ---- vectors
inline bool Rewriter::u8_same(u8 a, u8 b) { return a == b; }
inline bool Rewriter::shuffle_is_run(ShuffleMask mask, u64 first) {
  for (const u8 byte : func_->dfg.shuffle_mask(mask)) {
    if (byte != first++) return false;
  }
  return true;
}

// ---- division
inline u64 Rewriter::reciprocal_of(u64 shift, u64 divisor) { return reciprocal(shift, divisor); }
inline u64 Rewriter::product_bits_of(u64 max, u64 shift, u64 divisor) {
  return reciprocal_product_bits(max, shift, divisor);
}
inline u64 Rewriter::unsigned_shift_of(u64 max, u64 divisor) {
  return unsigned_reciprocal_shift(max, divisor);
}
inline u64 Rewriter::signed_shift_of(u64 bits, u64 divisor) {
  return signed_reciprocal_shift(bits, divisor);
}
inline Node Rewriter::noted_quotient(Node quotient, Node dividend, u64 divisor, bool is_signed) {
  quotients_[num_quotients_++ % kQuotients] = {quotient, dividend, divisor, is_signed};
  return quotient;
}
inline bool Rewriter::is_quotient(Node node, Node dividend, u64 divisor, bool is_signed) {
  for (u32 i = 0; i < std::min(num_quotients_, kQuotients); ++i) {
    if (quotients_[i] == Quotient{node, dividend, divisor, is_signed}) return true;
  }
  return false;
}
inline u64 Rewriter::odd_inverse(u64 number) { return inverse(number >> std::countr_zero(number)); }
inline bool Rewriter::log2_128(u128 value, u64& exponent) {
  const u64 low = static_cast<u64>(value), high = static_cast<u64>(value >> 64);
  exponent = static_cast<u64>(low != 0 ? std::countr_zero(low) : 64 + std::countr_zero(high));
  return std::popcount(low) + std::popcount(high) == 1;
}
inline u128 Rewriter::low_bits_128(u64 count) {
  return count < 128 ? (u128{1} << count) - 1 : ~u128{0};
}

// ---- conditions
inline bool Rewriter::intcc_same(IntCC a, IntCC b) { return a == b; }
inline bool Rewriter::is_equality(IntCC cc) { return relation_of(cc).order == Relation::kNone; }
inline bool Rewriter::holds_of_equals(IntCC cc) {
  return (relation_of(cc).holds & Relation::kEqual) != 0;
}
inline bool Rewriter::is_signed_greater(IntCC cc) {
  return cc == IntCC::SignedGreaterThan || cc == IntCC::SignedGreaterThanOrEqual;
}
inline IntCC Rewriter::intcc_as_unsigned(IntCC cc) {
  Relation relation = relation_of(cc);
  if (relation.order == Relation::kSigned) relation.order = Relation::kUnsigned;
  condition_of(relation, cc);
  return cc;
}
inline bool Rewriter::intcc_unsigned(IntCC cc, IntCC& out) {
  out = intcc_as_unsigned(cc);
  return out != cc;
}
inline bool Rewriter::intcc_strict(IntCC cc, IntCC& out) {
  Relation relation = relation_of(cc);
  if (relation.order == Relation::kNone) return false;
  relation.holds &= static_cast<u8>(~Relation::kEqual);
  return condition_of(relation, out);
}
inline bool Rewriter::intcc_and(IntCC a, IntCC b, IntCC& out) {
  Relation relation;
  if (!common_order(a, b, relation)) return false;
  relation.holds = relation_of(a).holds & relation_of(b).holds;
  return condition_of(relation, out);
}
inline bool Rewriter::intcc_or(IntCC a, IntCC b, IntCC& out) {
  Relation relation;
  if (!common_order(a, b, relation)) return false;
  relation.holds = relation_of(a).holds | relation_of(b).holds;
  return condition_of(relation, out);
}
inline bool Rewriter::intcc_xor(IntCC a, IntCC b, IntCC& out) {
  Relation relation;
  if (!common_order(a, b, relation)) return false;
  relation.holds = relation_of(a).holds ^ relation_of(b).holds;
  return condition_of(relation, out);
}
inline bool Rewriter::intcc_never_both(IntCC a, IntCC b) {
  Relation relation;
  return common_order(a, b, relation) && (relation_of(a).holds & relation_of(b).holds) == 0;
}
inline bool Rewriter::is_three_way(IntCC cc, IntCC other) {
  const Relation relation = relation_of(cc);
  if (relation.order == Relation::kNone || (relation.holds & Relation::kEqual) != 0) return false;
  return other == IntCC::NotEqual || other == ir::swapped(cc);
}
inline bool Rewriter::three_way_condition(IntCC cc, IntCC g, i64 k, IntCC& out) {
  const u64 bound = static_cast<u64>(k) & 0xff;
  Relation relation = relation_of(g);
  const u8 opposite = relation_of(ir::swapped(g)).holds;
  const u8 same = relation.holds;
  relation.holds = 0;
  if (intcc_holds(ir::kI8, cc, 1, bound)) relation.holds |= same;
  if (intcc_holds(ir::kI8, cc, 0, bound)) relation.holds |= Relation::kEqual;
  if (intcc_holds(ir::kI8, cc, 0xff, bound)) relation.holds |= opposite;
  return condition_of(relation, out);
}
inline bool Rewriter::arcs_never_meet(Type type, IntCC a, u64 c, IntCC b, u64 d) {
  return meet_of(arc_of(type, a, c), arc_of(type, b, d), lane_mask(type)).kind == Arc::kNothing;
}
inline bool Rewriter::arcs_first(Type type, IntCC a, u64 c, IntCC b, u64 d, u64& out) {
  const Arc arc = meet_of(arc_of(type, a, c), arc_of(type, b, d), lane_mask(type));
  out = arc.first;
  return arc.kind == Arc::kPart;
}
inline bool Rewriter::arcs_last(Type type, IntCC a, u64 c, IntCC b, u64 d, u64& out) {
  const Arc arc = meet_of(arc_of(type, a, c), arc_of(type, b, d), lane_mask(type));
  out = arc.last;
  return arc.kind == Arc::kPart;
}
inline bool Rewriter::before(Node a, Node b) { return a < b; }

inline IntCC Rewriter::intcc_negate(IntCC cc) { return ir::negated(cc); }
inline IntCC Rewriter::intcc_swap(IntCC cc) { return ir::swapped(cc); }
inline FloatCC Rewriter::floatcc_negate(FloatCC cc) { return ir::negated(cc); }

inline MemFlagsId Rewriter::flags_native() { return {}; }

}  // namespace gantry::opt

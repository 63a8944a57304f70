#pragma once
// What is known about a scalar integer of at most 64 bits without knowing the integer: bits and an
// unsigned range.
#include <optional>
#include <span>

#include "gantry/ir/opcode.h"
#include "gantry/ir/types.h"

namespace gantry::opt {

// Stands for the set of numbers v with (v & zeros) == 0, (v & ones) == ones and umin <= v <= umax,
// where v is the value zero-extended to 64 bits: bits above the width are known zero. The set
// always has a member (functions here that learn contradictions, which only happen in unreachable
// code, answer with one of their arguments), and bits and range have been tightened against each
// other. Values of other types (floats, vectors, i128) have the facts of no type, unknown(), which
// hold for their low 64 bits.
struct Facts {
  u64 zeros = 0;  // bits known to be 0
  u64 ones = 0;   // bits known to be 1
  u64 umin = 0;
  u64 umax = ~u64{0};

  static constexpr Facts unknown() { return {}; }
  // What the type says.
  static constexpr Facts top(ir::Type type) {
    if (!tracks(type)) return unknown();
    const u64 mask = ~u64{0} >> (64 - type.bits());
    return {~mask, 0, 0, mask};
  }
  static constexpr Facts constant(u64 value) { return {~value, value, value, value}; }
  // Of the numbers from umin to umax; needs umin <= umax.
  static Facts range(u64 umin, u64 umax);
  // Of the numbers with these bits; needs (zeros & ones) == 0.
  static Facts bits(u64 zeros, u64 ones);
  // Whether facts are kept for values of this type.
  static constexpr bool tracks(ir::Type type) {
    return type.code() >= ir::kI8.code() && type.code() <= ir::kI64.code();
  }

  constexpr bool is_constant() const { return umin == umax; }
  constexpr u64 value() const { return umin; }  // of a constant
  constexpr bool contains(u64 value) const {
    return (value & zeros) == 0 && (value & ones) == ones && value >= umin && value <= umax;
  }
  constexpr bool is_never_zero() const { return umin != 0; }
  friend constexpr bool operator==(const Facts&, const Facts&) = default;
};
static_assert(sizeof(Facts) == 32);

// Holds for a value that has one of the two: joins of control flow.
Facts meet(const Facts& a, const Facts& b);
// Both hold. If they contradict each other: `a`.
Facts intersect(const Facts& a, const Facts& b);

// What the opcode (aux as in InstData) says of its first result, of type `result`, when its value
// operands have these facts. Of other results: nothing. Loads may pass their address operand or
// nothing. Opcodes that are not known here, and results without tracked types, get
// Facts::top(result). For opcodes that trap the facts hold where they do not. Constant time.
Facts compute_facts(ir::Opcode opcode, u8 aux, ir::Type result, std::span<const Facts> operands,
                    std::span<const ir::Type> operand_types);

// Whether `icmp cc a, b` on operands of `type` always or never holds, if the facts decide it. None
// for untracked types.
std::optional<bool> decide_icmp(ir::IntCC cc, const Facts& a, const Facts& b, ir::Type type);
// What is known of `value` where `icmp cc value, other` of `type` is known to be `holds`: at least
// `value`. If that cannot be, `value` as it was.
Facts assume_icmp(ir::IntCC cc, bool holds, const Facts& value, const Facts& other, ir::Type type);

}  // namespace gantry::opt

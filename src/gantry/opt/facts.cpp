// The problem: say as much as possible about a number from what is known of the numbers it is
// computed from, at every instruction, in a few machine instructions. The idea: two views that
// complete each other. Known bits are exact for masks, shifts and extensions; an unsigned range is
// exact for sums, products and comparisons. Each transfer function fills the views it knows
// something about and `tightened` exchanges what they learned. Signed questions are asked of the
// range in biased form (sign bit flipped), which orders signed numbers like unsigned ones.
// Invariants of every Facts that leaves: umin and umax are members of the set; bits that umin and
// umax share at the top are known; nothing is known of a value that is not true of all members.
#include "gantry/opt/facts.h"

#include <array>
#include <bit>
#include <utility>

#include "gantry/support/check.h"

namespace gantry::opt {
namespace {

using ir::IntCC;
using ir::Opcode;
using ir::Type;

// The least number from `from` up that has the bits; false if there is none.
bool least_with_bits(u64 zeros, u64 ones, u64 from, u64& least) {
  const u64 nearest = (from & ~zeros) | ones;
  if (nearest == from) {
    least = from;
    return true;
  }
  // Above their highest difference both agree; there one of them has a bit the other has not.
  const u64 highest = std::bit_floor(nearest ^ from);
  u64 raised = highest;
  if ((nearest & highest) == 0) {
    // `from` has a bit there that must be 0: some bit further up has to go from 0 to 1.
    const u64 free = ~from & ~zeros & ~(highest | (highest - 1));
    if (free == 0) return false;
    raised = free & (u64{0} - free);
  }
  least = (from & ~(raised | (raised - 1))) | raised | (ones & (raised - 1));
  return true;
}

// Bits that all numbers of the range share at the top.
void learn_prefix(Facts& facts) {
  const u64 differing = facts.umin ^ facts.umax;
  const u64 known = differing == 0 ? ~u64{0} : ~(~u64{0} >> std::countl_zero(differing));
  facts.zeros |= known & ~facts.umin;
  facts.ones |= known & facts.umin;
}

// The rest of `tightened`, if an end of the range has not the bits. Seldom.
[[gnu::noinline]] bool tightened_to_bits(Facts& facts) {
  u64 umin, below;
  if ((facts.zeros & facts.ones) != 0 ||
      !least_with_bits(facts.zeros, facts.ones, facts.umin, umin) ||
      !least_with_bits(facts.ones, facts.zeros, ~facts.umax, below) || umin > ~below) {
    return false;
  }
  facts.umin = umin;
  facts.umax = ~below;
  learn_prefix(facts);
  return true;
}

// Everything the bits say about the range and the other way round. False if no number is left;
// `facts` then means nothing.
inline bool tightened(Facts& facts) {
  if (facts.umin >= facts.umax) {
    if (!facts.contains(facts.umin)) return false;
    facts = Facts::constant(facts.umin);
    return true;
  }
  learn_prefix(facts);
  const u64 wrong =
      ((facts.umin | facts.umax) & facts.zeros) | (~(facts.umin & facts.umax) & facts.ones);
  return wrong == 0 || tightened_to_bits(facts);
}

// For facts that hold together.
inline Facts tight(Facts facts) {
  const bool possible = tightened(facts);
  GANTRY_DCHECK(possible);
  return facts;
}

// `facts` and more that is also true. If that cannot be, the code is not reachable, and any answer
// is right.
Facts narrowed(const Facts& facts, const Facts& more) {
  Facts both{facts.zeros | more.zeros, facts.ones | more.ones,
             facts.umin > more.umin ? facts.umin : more.umin,
             facts.umax < more.umax ? facts.umax : more.umax};
  return tightened(both) ? both : facts;
}

// One width of numbers, 8 to 64 bits.
struct Width {
  // Of a type that is tracked. The codes of i8 to i64 follow each other.
  static Width of_type(Type type) { return {8u << (type.code() - ir::kI8.code())}; }

  u32 bits;

  u64 mask() const { return ~u64{0} >> (64 - bits); }
  u64 sign() const { return u64{1} << (bits - 1); }
  Facts top() const { return {~mask(), 0, 0, mask()}; }
  u64 sign_extended(u64 value) const {
    return static_cast<u64>(static_cast<i64>(value << (64 - bits)) >> (64 - bits));
  }
  bool is_nonnegative(const Facts& facts) const { return facts.umax < sign(); }
  bool is_negative(const Facts& facts) const { return facts.umin >= sign(); }

  // Bits of a word and a range, cut to the width. The ends move to where the bits may be first: it
  // mostly saves more.
  Facts of(u64 zeros, u64 ones, u64 umin, u64 umax) const {
    zeros |= ~mask();
    ones &= mask();
    return tight({zeros, ones, umin > ones ? umin : ones, umax < ~zeros ? umax : ~zeros});
  }
  // Tight as it is: the least number with the bits has no others, the greatest all others.
  Facts of_bits(u64 zeros, u64 ones) const {
    zeros |= ~mask();
    ones &= mask();
    return {zeros, ones, ones, ~zeros};
  }
  Facts of_range(u64 umin, u64 umax) const { return of(0, 0, umin, umax); }
};

struct Range {
  u64 least, greatest;
};
// The signed range, biased.
Range biased(Width width, const Facts& facts) {
  const u64 sign = width.sign();
  if (((facts.umin ^ facts.umax) & sign) == 0) return {facts.umin ^ sign, facts.umax ^ sign};
  return {facts.ones & ~sign, (~facts.zeros & width.mask()) | sign};
}
// A biased range as an unsigned one, if it is one.
bool unbiased(Width width, Range& range) {
  if (((range.least ^ range.greatest) & width.sign()) != 0) return false;
  range = {range.least ^ width.sign(), range.greatest ^ width.sign()};
  return true;
}

struct Bits {
  u64 zeros, ones;
};
// Of x + y + carry_in modulo 2^64. A bit is known if both its addends and its carry are; a carry is
// known to be 0 if it is 0 in the greatest possible sum, and to be 1 if it is 1 in the least.
Bits bits_of_sum(Bits x, Bits y, u64 carry_in) {
  const u64 greatest = ~x.zeros + ~y.zeros + carry_in, least = x.ones + y.ones + carry_in;
  const u64 no_carry = ~(greatest ^ x.zeros ^ y.zeros), carry = least ^ x.ones ^ y.ones;
  const u64 known = (x.zeros | x.ones) & (y.zeros | y.ones) & (no_carry | carry);
  return {known & ~least, known & least};
}

// Whether a bit of the sum can be known: not if no place is known in both.
bool share_known_bits(Width width, const Facts& x, const Facts& y) {
  return ((x.zeros | x.ones) & (y.zeros | y.ones) & width.mask()) != 0;
}

Facts sum(Width width, const Facts& x, const Facts& y) {
  Bits bits{0, 0};
  if (share_known_bits(width, x, y)) bits = bits_of_sum({x.zeros, x.ones}, {y.zeros, y.ones}, 0);
  const u64 least = (x.umin + y.umin) & width.mask(), greatest = (x.umax + y.umax) & width.mask();
  // The range survives if all sums wrap or none does.
  const bool same_side = (least < x.umin) == (greatest < x.umax);
  return same_side ? width.of(bits.zeros, bits.ones, least, greatest)
                   : width.of_bits(bits.zeros, bits.ones);
}

Facts difference(Width width, const Facts& x, const Facts& y) {
  Bits bits{0, 0};
  if (share_known_bits(width, x, y)) bits = bits_of_sum({x.zeros, x.ones}, {y.ones, y.zeros}, 1);
  if ((x.umin < y.umax) != (x.umax < y.umin)) return width.of_bits(bits.zeros, bits.ones);
  return width.of(bits.zeros, bits.ones, (x.umin - y.umax) & width.mask(),
                  (x.umax - y.umin) & width.mask());
}

// x + y where it does not wrap.
Facts sum_without_carry(Width width, const Facts& x, const Facts& y) {
  const u64 least = (x.umin + y.umin) & width.mask();
  if (least < x.umin) return width.top();
  const u64 greatest = (x.umax + y.umax) & width.mask();
  return narrowed(sum(width, x, y), {0, 0, least, greatest < x.umax ? width.mask() : greatest});
}

u32 trailing_known(const Facts& facts) {
  return static_cast<u32>(std::countr_one(facts.zeros | facts.ones));
}
u32 trailing_zeros(const Facts& facts) { return static_cast<u32>(std::countr_one(facts.zeros)); }
u64 low_mask(u32 bits) { return bits >= 64 ? ~u64{0} : (u64{1} << bits) - 1; }

Facts product(Width width, const Facts& x, const Facts& y) {
  // What the unknown part of one factor adds is a multiple of its place value and of the other
  // factor's trailing zeros.
  const u32 from_x = trailing_known(x) + trailing_zeros(y),
            from_y = trailing_known(y) + trailing_zeros(x);
  const u64 known = low_mask(from_x < from_y ? from_x : from_y);
  const u64 low = x.ones * y.ones;
  const u128 greatest = u128{x.umax} * y.umax;
  if (greatest > width.mask()) return width.of_bits(known & ~low, known & low);
  return width.of(known & ~low, known & low, x.umin * y.umin, static_cast<u64>(greatest));
}

Facts high_product(Width width, const Facts& x, const Facts& y) {
  return width.of_range(static_cast<u64>(u128{x.umin} * y.umin >> width.bits),
                        static_cast<u64>(u128{x.umax} * y.umax >> width.bits));
}

Facts bit_and(Width width, const Facts& x, const Facts& y) {
  return width.of(x.zeros | y.zeros, x.ones & y.ones, 0, x.umax < y.umax ? x.umax : y.umax);
}
Facts bit_or(Width width, const Facts& x, const Facts& y) {
  return width.of(x.zeros & y.zeros, x.ones | y.ones, x.umin > y.umin ? x.umin : y.umin,
                  width.mask());
}
Facts bit_xor(Width width, const Facts& x, const Facts& y) {
  return width.of_bits((x.zeros & y.zeros) | (x.ones & y.ones),
                       (x.zeros & y.ones) | (x.ones & y.zeros));
}
Facts complement(Width width, const Facts& x) {
  return width.of(x.ones, x.zeros, width.mask() - x.umax, width.mask() - x.umin);
}

// The amount of a shift, modulo the width.
Range amount_range(Width width, const Facts& amount) {
  const u64 modulo = width.bits - 1;
  Range range{amount.ones & modulo, ~amount.zeros & modulo};
  if (amount.umax <= modulo) range = {amount.umin, amount.umax};
  return range;
}

Facts shift_left(Width width, const Facts& x, Range amount) {
  const u32 least = static_cast<u32>(amount.least), greatest = static_cast<u32>(amount.greatest);
  Bits bits{x.zeros << least | low_mask(least), x.ones << least};
  if (least != greatest) bits = {low_mask(trailing_zeros(x) + least), 0};
  if (x.umax > width.mask() >> greatest) return width.of_bits(bits.zeros, bits.ones);
  return width.of(bits.zeros, bits.ones, x.umin << least, x.umax << greatest);
}

Facts shift_right(Width width, const Facts& x, Range amount) {
  const u32 least = static_cast<u32>(amount.least), greatest = static_cast<u32>(amount.greatest);
  Facts facts{~width.mask(), 0, x.umin >> greatest, x.umax >> least};
  if (least == greatest) {
    facts.zeros |= x.zeros >> least;
    facts.ones = x.ones >> least;
  }
  return tight(facts);
}

Facts shift_right_signed(Width width, const Facts& x, Range amount) {
  if (width.is_nonnegative(x)) return shift_right(width, x, amount);
  const u32 least = static_cast<u32>(amount.least), greatest = static_cast<u32>(amount.greatest);
  const auto shifted = [&](u64 value, u32 by) {
    return static_cast<u64>(static_cast<i64>(width.sign_extended(value)) >> by) & width.mask();
  };
  Bits bits{0, 0};
  if (least == greatest) bits = {shifted(x.zeros, least), shifted(x.ones, least)};
  if (!width.is_negative(x)) return width.of_bits(bits.zeros, bits.ones);
  return width.of(bits.zeros, bits.ones, shifted(x.umin, least), shifted(x.umax, greatest));
}

u64 rotated_left(Width width, u64 value, u32 amount) {
  value &= width.mask();
  return amount == 0 ? value : (value << amount | value >> (width.bits - amount)) & width.mask();
}
Facts rotate_left(Width width, const Facts& x, Range amount) {
  if (amount.least != amount.greatest)
    return x.is_constant() && (x.umax == 0 || x.umax == width.mask()) ? x : width.top();
  const u32 by = static_cast<u32>(amount.least);
  return width.of_bits(rotated_left(width, x.zeros, by), rotated_left(width, x.ones, by));
}

Facts sign_extend(Width from, Width to, const Facts& x) {
  if (from.is_nonnegative(x)) return x;
  const Bits bits{from.sign_extended(x.zeros), from.sign_extended(x.ones)};
  if (!from.is_negative(x)) return to.of_bits(bits.zeros, bits.ones);
  return to.of(bits.zeros, bits.ones, from.sign_extended(x.umin) & to.mask(),
               from.sign_extended(x.umax) & to.mask());
}

Facts reduce(Width to, const Facts& x) {
  if (((x.umin ^ x.umax) & ~to.mask()) != 0) return to.of_bits(x.zeros, x.ones);
  return to.of(x.zeros, x.ones, x.umin & to.mask(), x.umax & to.mask());
}

// Either of the two, and within a range.
Facts either_within(const Facts& x, const Facts& y, u64 umin, u64 umax) {
  return tight({x.zeros & y.zeros, x.ones & y.ones, umin, umax});
}
Facts unsigned_min(const Facts& x, const Facts& y) {
  if (x.umax <= y.umin) return x;
  if (y.umax <= x.umin) return y;
  return either_within(x, y, x.umin < y.umin ? x.umin : y.umin, x.umax < y.umax ? x.umax : y.umax);
}
Facts unsigned_max(const Facts& x, const Facts& y) {
  if (x.umax <= y.umin) return y;
  if (y.umax <= x.umin) return x;
  return either_within(x, y, x.umin > y.umin ? x.umin : y.umin, x.umax > y.umax ? x.umax : y.umax);
}
Facts signed_min_or_max(Width width, bool is_min, const Facts& x, const Facts& y) {
  const Range a = biased(width, x), b = biased(width, y);
  if (a.greatest <= b.least) return is_min ? x : y;
  if (b.greatest <= a.least) return is_min ? y : x;
  const auto pick = [&](u64 p, u64 q) { return (p < q) == is_min ? p : q; };
  Range range{pick(a.least, b.least), pick(a.greatest, b.greatest)};
  Facts facts = meet(x, y);
  if (unbiased(width, range)) facts = narrowed(facts, {0, 0, range.least, range.greatest});
  return facts;
}

u64 clz_in(Width width, u64 value) {
  return static_cast<u64>(std::countl_zero(value)) - (64 - width.bits);
}

Facts count_leading_zeros(Width width, const Facts& x) {
  return width.of_range(clz_in(width, x.umax), clz_in(width, x.umin));
}
Facts count_trailing_zeros(Width width, const Facts& x) {
  const u64 least = static_cast<u64>(std::countr_one(x.zeros)), bits = width.bits;
  const u64 last = x.umin != 0 ? bits - 1 : bits;
  const u64 greatest = x.ones != 0 ? static_cast<u64>(std::countr_zero(x.ones)) : last;
  return width.of_range(least < bits ? least : bits, greatest);
}
Facts count_sign_bits(Width width, const Facts& x) {
  if (width.is_nonnegative(x))
    return width.of_range(clz_in(width, x.umax) - 1, clz_in(width, x.umin) - 1);
  if (width.is_negative(x)) {
    return width.of_range(clz_in(width, ~x.umin & width.mask()) - 1,
                          clz_in(width, ~x.umax & width.mask()) - 1);
  }
  return width.of_range(0, width.bits - 1);
}

u64 swapped_bytes(Width width, u64 value) { return __builtin_bswap64(value) >> (64 - width.bits); }
u64 reversed_bits(Width width, u64 value) {
  value = (value >> 1 & 0x5555'5555'5555'5555) | (value & 0x5555'5555'5555'5555) << 1;
  value = (value >> 2 & 0x3333'3333'3333'3333) | (value & 0x3333'3333'3333'3333) << 2;
  value = (value >> 4 & 0x0f0f'0f0f'0f0f'0f0f) | (value & 0x0f0f'0f0f'0f0f'0f0f) << 4;
  return swapped_bytes(width, value);
}

// Division by 0 does not come back, so the divisor is at least 1.
Facts quotient(Width width, const Facts& x, const Facts& y) {
  if (y.umax == 0) return width.top();
  return width.of_range(x.umin / y.umax, x.umax / (y.umin == 0 ? 1 : y.umin));
}
Facts remainder(Width width, const Facts& x, const Facts& y) {
  if (y.umax == 0) return width.top();
  if (x.umax < y.umin) return x;
  if (y.is_constant() && x.umin / y.umin == x.umax / y.umin) {
    return width.of_range(x.umin % y.umin, x.umax % y.umin);
  }
  const u64 greatest = x.umax < y.umax - 1 ? x.umax : y.umax - 1;
  // Modulo a multiple of 2^n the n low bits stay.
  const u64 kept = low_mask(trailing_zeros(y));
  return width.of(x.zeros & kept, x.ones & kept, 0, greatest);
}

Facts absolute(Width width, const Facts& x) {
  if (width.is_nonnegative(x)) return x;
  const Facts negated = difference(width, Facts::constant(0), x);
  if (width.is_negative(x)) return negated;
  return width.of_range(0, width.sign());
}

Facts choice(const Facts& condition, const Facts& x, const Facts& y) {
  if (condition.is_never_zero()) return x;
  if (condition.umax == 0) return y;
  return meet(x, y);
}

constexpr Facts kZeroOrOne{~u64{1}, 0, 0, 1};

// Every condition on order is `less`, of the operands or of the operands exchanged, or its
// opposite.
struct Order {
  bool is_signed, exchanged, negated;
};
constexpr Order order_of(IntCC cc) {
  switch (cc) {
    case IntCC::SignedLessThan:
      return {true, false, false};
    case IntCC::SignedGreaterThanOrEqual:
      return {true, false, true};
    case IntCC::SignedGreaterThan:
      return {true, true, false};
    case IntCC::SignedLessThanOrEqual:
      return {true, true, true};
    case IntCC::UnsignedLessThan:
      return {false, false, false};
    case IntCC::UnsignedGreaterThanOrEqual:
      return {false, false, true};
    case IntCC::UnsignedGreaterThan:
      return {false, true, false};
    default:
      return {false, true, true};
  }
}
constexpr u32 kNumIntConds = 10;
constexpr auto kOrders = [] {
  std::array<Order, kNumIntConds> orders{};
  for (u32 i = 0; i < kNumIntConds; ++i) orders[i] = order_of(static_cast<IntCC>(i));
  return orders;
}();

}  // namespace

Facts Facts::range(u64 umin, u64 umax) { return tight({0, 0, umin, umax}); }
Facts Facts::bits(u64 zeros, u64 ones) { return tight({zeros, ones, 0, ~u64{0}}); }

Facts meet(const Facts& a, const Facts& b) {
  return either_within(a, b, a.umin < b.umin ? a.umin : b.umin, a.umax > b.umax ? a.umax : b.umax);
}
Facts intersect(const Facts& a, const Facts& b) { return narrowed(a, b); }

Facts compute_facts(Opcode opcode, u8 aux, Type result, std::span<const Facts> operands,
                    std::span<const Type> operand_types) {
  if (!Facts::tracks(result)) return Facts::unknown();
  const Width width{result.bits()};
  if (operands.empty()) {
    switch (opcode) {
      case Opcode::Uload8:
        return width.of_range(0, 0xff);
      case Opcode::Uload16:
        return width.of_range(0, 0xffff);
      case Opcode::Uload32:
        return width.of_range(0, 0xffff'ffff);
      default:
        return width.top();
    }
  }
  GANTRY_DCHECK(operands.size() == operand_types.size());
  const Facts& x = operands[0];
  const Type from = operand_types[0];
  switch (opcode) {
    case Opcode::Iadd:
    case Opcode::UaddOverflow:
    case Opcode::SaddOverflow:
      return sum(width, x, operands[1]);
    case Opcode::UaddOverflowTrap:
      return sum_without_carry(width, x, operands[1]);
    case Opcode::Isub:
    case Opcode::UsubOverflow:
    case Opcode::SsubOverflow:
      return difference(width, x, operands[1]);
    case Opcode::Ineg:
      return difference(width, Facts::constant(0), x);
    case Opcode::Iabs:
      return absolute(width, x);
    case Opcode::Imul:
    case Opcode::UmulOverflow:
    case Opcode::SmulOverflow:
      return product(width, x, operands[1]);
    case Opcode::Umulhi:
      return high_product(width, x, operands[1]);
    case Opcode::Smulhi:
      if (!width.is_nonnegative(x) || !width.is_nonnegative(operands[1])) return width.top();
      return high_product(width, x, operands[1]);
    case Opcode::Udiv:
      return quotient(width, x, operands[1]);
    case Opcode::Sdiv:
      if (!width.is_nonnegative(x) || !width.is_nonnegative(operands[1])) return width.top();
      return quotient(width, x, operands[1]);
    case Opcode::Urem:
      return remainder(width, x, operands[1]);
    case Opcode::Srem:
      // The sign is that of the dividend.
      if (!width.is_nonnegative(x)) return width.top();
      if (!width.is_nonnegative(operands[1])) return width.of_range(0, x.umax);
      return remainder(width, x, operands[1]);

    case Opcode::Band:
      return bit_and(width, x, operands[1]);
    case Opcode::Bor:
      return bit_or(width, x, operands[1]);
    case Opcode::Bxor:
      return bit_xor(width, x, operands[1]);
    case Opcode::Bnot:
      return complement(width, x);
    case Opcode::Ishl:
      return shift_left(width, x, amount_range(width, operands[1]));
    case Opcode::Ushr:
      return shift_right(width, x, amount_range(width, operands[1]));
    case Opcode::Sshr:
      return shift_right_signed(width, x, amount_range(width, operands[1]));
    case Opcode::Rotl:
      return rotate_left(width, x, amount_range(width, operands[1]));
    case Opcode::Rotr: {
      const Range right = amount_range(width, operands[1]);
      if (right.least != right.greatest) return rotate_left(width, x, right);
      const u64 left = (width.bits - right.least) & (width.bits - 1);
      return rotate_left(width, x, {left, left});
    }
    case Opcode::Bswap:
      return width.of_bits(swapped_bytes(width, x.zeros), swapped_bytes(width, x.ones));
    case Opcode::Bitrev:
      return width.of_bits(reversed_bits(width, x.zeros), reversed_bits(width, x.ones));
    case Opcode::Clz:
      return count_leading_zeros(width, x);
    case Opcode::Ctz:
      return count_trailing_zeros(width, x);
    case Opcode::Cls:
      return count_sign_bits(width, x);
    case Opcode::Popcnt:
      return width.of_range(static_cast<u64>(std::popcount(x.ones)),
                            static_cast<u64>(std::popcount(~x.zeros)));

    case Opcode::Umin:
      return unsigned_min(x, operands[1]);
    case Opcode::Umax:
      return unsigned_max(x, operands[1]);
    case Opcode::Smin:
    case Opcode::Smax:
      return signed_min_or_max(width, opcode == Opcode::Smin, x, operands[1]);
    case Opcode::Select:
    case Opcode::SelectSpectreGuard:
      return choice(Facts::tracks(from) ? x : Facts::unknown(), operands[1], operands[2]);
    case Opcode::Bitselect: {
      const Facts &y = operands[1], &z = operands[2];
      return width.of_bits((x.ones & y.zeros) | (x.zeros & z.zeros) | (y.zeros & z.zeros),
                           (x.ones & y.ones) | (x.zeros & z.ones) | (y.ones & z.ones));
    }
    case Opcode::Blendv:
      if (width.is_negative(x)) return operands[1];
      return width.is_nonnegative(x) ? operands[2] : meet(operands[1], operands[2]);
    case Opcode::Bmask:
      if (x.is_never_zero()) return Facts::constant(width.mask());
      return Facts::tracks(from) && x.umax == 0 ? Facts::constant(0) : width.top();
    case Opcode::Icmp:
      if (const auto decided = decide_icmp(static_cast<IntCC>(aux), x, operands[1], from))
        return Facts::constant(*decided ? 1 : 0);
      return kZeroOrOne;
    case Opcode::Fcmp:
    case Opcode::VanyTrue:
    case Opcode::VallTrue:
      return kZeroOrOne;
    case Opcode::VhighBits:
      return from.lane_count() < width.bits ? width.of_range(0, low_mask(from.lane_count()))
                                            : width.top();

    case Opcode::Uextend:
      return x;
    case Opcode::Sextend:
      return sign_extend(Width::of_type(from), width, x);
    case Opcode::Ireduce:
    case Opcode::Isplit:
      return reduce(width, x);
    case Opcode::Iconcat: {
      const Facts& high = operands[1];
      const u32 by = Width::of_type(from).bits;
      return width.of(high.zeros << by | (x.zeros & low_mask(by)), high.ones << by | x.ones,
                      high.umin << by | x.umin, high.umax << by | x.umax);
    }
    case Opcode::Bitcast:
      return Facts::tracks(from) ? x : width.top();

    case Opcode::Uload8:
    case Opcode::Uload16:
    case Opcode::Uload32:
      return compute_facts(opcode, aux, result, {}, {});
    default:
      return width.top();
  }
}

std::optional<bool> decide_icmp(IntCC cc, const Facts& a, const Facts& b, Type type) {
  if (!Facts::tracks(type)) return std::nullopt;
  const Width width{type.bits()};
  if (cc == IntCC::Equal || cc == IntCC::NotEqual) {
    if (a.umax < b.umin || b.umax < a.umin || ((a.zeros & b.ones) | (a.ones & b.zeros)) != 0)
      return cc == IntCC::NotEqual;
    if (a.is_constant() && b.is_constant()) return cc == IntCC::Equal;
    return std::nullopt;
  }
  const Order order = kOrders[static_cast<u32>(cc)];
  Range x{a.umin, a.umax}, y{b.umin, b.umax};
  if (order.is_signed) {
    x = biased(width, a);
    y = biased(width, b);
  }
  if (order.exchanged) std::swap(x, y);
  if (x.greatest < y.least) return !order.negated;
  if (x.least >= y.greatest) return order.negated;
  return std::nullopt;
}

Facts assume_icmp(IntCC cc, bool holds, const Facts& value, const Facts& other, Type type) {
  if (!Facts::tracks(type)) return value;
  if (!holds) cc = ir::negated(cc);
  const Width width{type.bits()};
  const bool is_signed = cc == IntCC::SignedLessThan || cc == IntCC::SignedLessThanOrEqual ||
                         cc == IntCC::SignedGreaterThan || cc == IntCC::SignedGreaterThanOrEqual;
  Range mine{value.umin, value.umax}, its{other.umin, other.umax};
  if (is_signed) {
    mine = biased(width, value);
    its = biased(width, other);
  }
  switch (cc) {
    case IntCC::Equal:
      return narrowed(value, other);
    case IntCC::NotEqual:
      if (!other.is_constant() || mine.least == mine.greatest) return value;
      if (mine.least == its.least) ++mine.least;
      if (mine.greatest == its.least) --mine.greatest;
      break;
    case IntCC::SignedLessThan:
    case IntCC::UnsignedLessThan:
      if (its.greatest == 0) return value;
      if (mine.greatest >= its.greatest) mine.greatest = its.greatest - 1;
      break;
    case IntCC::SignedLessThanOrEqual:
    case IntCC::UnsignedLessThanOrEqual:
      if (mine.greatest > its.greatest) mine.greatest = its.greatest;
      break;
    case IntCC::SignedGreaterThan:
    case IntCC::UnsignedGreaterThan:
      if (its.least == width.mask()) return value;
      if (mine.least <= its.least) mine.least = its.least + 1;
      break;
    case IntCC::SignedGreaterThanOrEqual:
    case IntCC::UnsignedGreaterThanOrEqual:
      if (mine.least < its.least) mine.least = its.least;
      break;
  }
  if (mine.least > mine.greatest || (is_signed && !unbiased(width, mine))) return value;
  return narrowed(value, {0, 0, mine.least, mine.greatest});
}

}  // namespace gantry::opt

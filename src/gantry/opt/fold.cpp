// The problem: compute what one opcode computes, for every opcode that is a function of its
// operands, so cheaply that a compiler may ask at every instruction. The idea: scalars of up to 64
// bits, by far the most, are one switch in 64-bit arithmetic; the same template in 128 bits serves
// i128, and in 64 bits the lanes of vectors. Floats are taken apart as bits wherever one formula
// does for all formats (order, rounding to integers, conversion); the four operations, square root
// and fused multiply-add run on the host, f16 (and fused f32) in double, which is wide enough to
// round once more. Invariants: numbers are zero-extended; a result is cut to its width where it
// leaves; a NaN that an operation would have to make up means "not folded".
#include "gantry/opt/fold.h"

#include <bit>
#include <cfenv>
#include <limits>
#include <type_traits>

#include "gantry/support/check.h"

namespace gantry::opt {
namespace {

using ir::FloatCC;
using ir::IntCC;
using ir::Opcode;
using ir::Type;

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559);

constexpr u128 mask_of(u32 bits) { return ~u128{0} >> (128 - bits); }

// The codes of the scalar integers follow each other.
constexpr u32 int_width(Type type) { return 8u << (type.code() - ir::kI8.code()); }
constexpr bool is_int(Type type, Type widest) {
  return type.code() >= ir::kI8.code() && type.code() <= widest.code();
}

// ---- integers of one width: U is u64 or u128

u32 leading_zeros(u64 value) { return static_cast<u32>(std::countl_zero(value)); }
u32 leading_zeros(u128 value) {
  const u64 high = static_cast<u64>(value >> 64);
  return high != 0 ? leading_zeros(high) : 64 + leading_zeros(static_cast<u64>(value));
}
u32 trailing_zeros(u64 value) { return static_cast<u32>(std::countr_zero(value)); }
u32 trailing_zeros(u128 value) {
  const u64 low = static_cast<u64>(value);
  return low != 0 ? trailing_zeros(low) : 64 + trailing_zeros(static_cast<u64>(value >> 64));
}
u32 count_ones(u64 value) { return static_cast<u32>(std::popcount(value)); }
u32 count_ones(u128 value) {
  return count_ones(static_cast<u64>(value)) + count_ones(static_cast<u64>(value >> 64));
}
u64 swap_bytes(u64 value) { return __builtin_bswap64(value); }
u128 swap_bytes(u128 value) {
  return u128{swap_bytes(static_cast<u64>(value))} << 64 |
         swap_bytes(static_cast<u64>(value >> 64));
}
u64 reverse_bits(u64 value) {
  const auto exchange = [&](u64 mask, u32 distance) {
    value = (value >> distance & mask) | (value & mask) << distance;
  };
  exchange(0x5555'5555'5555'5555, 1);
  exchange(0x3333'3333'3333'3333, 2);
  exchange(0x0f0f'0f0f'0f0f'0f0f, 4);
  return swap_bytes(value);
}
u128 reverse_bits(u128 value) {
  return u128{reverse_bits(static_cast<u64>(value))} << 64 |
         reverse_bits(static_cast<u64>(value >> 64));
}
u64 high_product(u64 x, u64 y, u32 width) { return static_cast<u64>((u128{x} * y) >> width); }
u128 high_product(u128 x, u128 y, u32 width) {
  if (width < 128) return high_product(static_cast<u64>(x), static_cast<u64>(y), width);
  const u64 x0 = static_cast<u64>(x), x1 = static_cast<u64>(x >> 64);
  const u64 y0 = static_cast<u64>(y), y1 = static_cast<u64>(y >> 64);
  const u128 cross = u128{x1} * y0 + (u128{x0} * y0 >> 64);
  const u128 other = u128{x0} * y1 + static_cast<u64>(cross);
  return u128{x1} * y1 + (cross >> 64) + (other >> 64);
}

// One width of numbers in a word.
template <class U>
struct Word {
  using S = std::conditional_t<sizeof(U) == 8, i64, i128>;
  static constexpr u32 kBits = 8 * sizeof(U);
  u32 width;

  U mask() const { return ~U{0} >> (kBits - width); }
  U sign() const { return U{1} << (width - 1); }
  bool negative(U x) const { return (x >> (width - 1) & 1) != 0; }
  S as_signed(U x) const { return static_cast<S>(x << (kBits - width)) >> (kBits - width); }
  // What a sum or difference that left the signed range is clamped to: it has the sign of x.
  U clamped(U x) const { return negative(x) ? sign() : mask() >> 1; }

  // Sums and differences with a carry, not yet cut; and whether they left the range. All arguments
  // are cut or, for the result, need not be.
  bool signed_overflow_of_sum(U x, U y, U sum) const { return negative((x ^ sum) & (y ^ sum)); }
  bool signed_overflow_of_difference(U x, U y, U rest) const {
    return negative((x ^ y) & (x ^ rest));
  }
  bool carry_of_sum(U x, U y, U sum) const { return negative((x & y) | ((x | y) & ~sum)); }
  bool borrow_of_difference(U x, U y, U rest) const {
    return negative((~x & y) | ((~x | y) & rest));
  }

  bool holds(IntCC cc, U x, U y) const {
    switch (cc) {
      case IntCC::Equal:
        return x == y;
      case IntCC::NotEqual:
        return x != y;
      case IntCC::SignedLessThan:
        return as_signed(x) < as_signed(y);
      case IntCC::SignedGreaterThanOrEqual:
        return as_signed(x) >= as_signed(y);
      case IntCC::SignedGreaterThan:
        return as_signed(x) > as_signed(y);
      case IntCC::SignedLessThanOrEqual:
        return as_signed(x) <= as_signed(y);
      case IntCC::UnsignedLessThan:
        return x < y;
      case IntCC::UnsignedGreaterThanOrEqual:
        return x >= y;
      case IntCC::UnsignedGreaterThan:
        return x > y;
      case IntCC::UnsignedLessThanOrEqual:
        return x <= y;
    }
    unreachable("IntCC");
  }
};

// Opcodes whose operands and result have one width: scalars and lanes alike. False: not one of
// them, or it traps. The result need not be cut.
template <class U>
[[gnu::always_inline]] inline bool same_width(Opcode opcode, Word<U> word, U x, U y, U& out) {
  using S = typename Word<U>::S;
  const u32 width = word.width;
  const u32 amount = static_cast<u32>(y) & (width - 1);
  switch (opcode) {
    case Opcode::Iadd:
      out = x + y;
      return true;
    case Opcode::Isub:
      out = x - y;
      return true;
    case Opcode::Ineg:
      out = U{0} - x;
      return true;
    case Opcode::Iabs:
      out = word.negative(x) ? U{0} - x : x;
      return true;
    case Opcode::Imul:
      out = x * y;
      return true;
    case Opcode::Umulhi:
      out = high_product(x, y, width);
      return true;
    case Opcode::Smulhi:
      // A negative factor counted 2^width too much.
      out =
          high_product(x, y, width) - (word.negative(x) ? y : U{0}) - (word.negative(y) ? x : U{0});
      return true;
    case Opcode::Udiv:
      if (y == 0) return false;
      out = x / y;
      return true;
    case Opcode::Urem:
      if (y == 0) return false;
      out = x % y;
      return true;
    case Opcode::Sdiv:
      if (y == 0 || (y == word.mask() && x == word.sign())) return false;
      out = y == word.mask() ? U{0} - x : static_cast<U>(word.as_signed(x) / word.as_signed(y));
      return true;
    case Opcode::Srem:
      if (y == 0) return false;
      out = y == word.mask() ? U{0} : static_cast<U>(word.as_signed(x) % word.as_signed(y));
      return true;
    case Opcode::Band:
      out = x & y;
      return true;
    case Opcode::Bor:
      out = x | y;
      return true;
    case Opcode::Bxor:
      out = x ^ y;
      return true;
    case Opcode::Bnot:
      out = ~x;
      return true;
    case Opcode::Rotl:
      out = x << amount | x >> ((width - amount) & (width - 1));
      return true;
    case Opcode::Rotr:
      out = x >> amount | x << ((width - amount) & (width - 1));
      return true;
    case Opcode::Ishl:
      out = x << amount;
      return true;
    case Opcode::Ushr:
      out = x >> amount;
      return true;
    case Opcode::Sshr:
      out = static_cast<U>(word.as_signed(x) >> amount);
      return true;
    case Opcode::Smin:
      out = word.as_signed(x) < word.as_signed(y) ? x : y;
      return true;
    case Opcode::Smax:
      out = word.as_signed(x) < word.as_signed(y) ? y : x;
      return true;
    case Opcode::Umin:
      out = x < y ? x : y;
      return true;
    case Opcode::Umax:
      out = x < y ? y : x;
      return true;
    case Opcode::Bitrev:
      out = reverse_bits(x) >> (Word<U>::kBits - width);
      return true;
    case Opcode::Bswap:
      out = swap_bytes(x) >> (Word<U>::kBits - width);
      return true;
    case Opcode::Clz:
      out = leading_zeros(x) - (Word<U>::kBits - width);
      return true;
    case Opcode::Ctz:
      out = x == 0 ? width : trailing_zeros(x);
      return true;
    case Opcode::Cls:
      out = leading_zeros(word.negative(x) ? ~x & word.mask() : x) - (Word<U>::kBits - width) - 1;
      return true;
    case Opcode::Popcnt:
      out = count_ones(x);
      return true;
    case Opcode::AvgRound:
      out = (x | y) - ((x ^ y) >> 1);
      return true;
    case Opcode::UaddSat:
      out = word.carry_of_sum(x, y, x + y) ? word.mask() : x + y;
      return true;
    case Opcode::UsubSat:
      out = x < y ? U{0} : x - y;
      return true;
    case Opcode::SaddSat:
      out = word.signed_overflow_of_sum(x, y, x + y) ? word.clamped(x) : x + y;
      return true;
    case Opcode::SsubSat:
      out = word.signed_overflow_of_difference(x, y, x - y) ? word.clamped(x) : x - y;
      return true;
    case Opcode::SqmulRoundSat:
    case Opcode::X86Pmulhrsw: {
      if (width > 32) return false;
      const S product = word.as_signed(x) * word.as_signed(y) + (S{1} << (width - 2));
      out = static_cast<U>(product >> (width - 1));
      // Only the square of the minimum leaves the range, and what it is cut to is the minimum.
      if (opcode == Opcode::SqmulRoundSat && x == word.sign() && y == word.sign())
        out = word.mask() >> 1;
      return true;
    }
    default:
      return false;
  }
}

// Opcodes that also say whether the result fits.
template <class U>
[[gnu::noinline]] u32 fold_with_flag(const FoldRequest& request, u128 results[2]) {
  const std::span<const FoldOperand> operands = request.operands;
  const Word<U> word{int_width(operands[0].type)};
  const U x = static_cast<U>(operands[0].bits), y = static_cast<U>(operands[1].bits);
  const U carry = operands.size() > 2 && operands[2].bits != 0 ? 1 : 0;
  const auto two = [&](U bits, bool flag) {
    results[0] = bits & word.mask();
    results[1] = flag ? 1 : 0;
    return u32{2};
  };
  switch (request.opcode) {
    case Opcode::UaddOverflow:
      return two(x + y, word.carry_of_sum(x, y, x + y));
    case Opcode::UaddOverflowCin: {
      const U sum = x + y + carry;
      return two(sum, word.carry_of_sum(x, y, sum));
    }
    case Opcode::SaddOverflow:
      return two(x + y, word.signed_overflow_of_sum(x, y, x + y));
    case Opcode::SaddOverflowCin: {
      const U sum = x + y + carry;
      return two(sum, word.signed_overflow_of_sum(x, y, sum));
    }
    case Opcode::UsubOverflow:
      return two(x - y, x < y);
    case Opcode::UsubOverflowBin: {
      const U rest = x - y - carry;
      return two(rest, word.borrow_of_difference(x, y, rest));
    }
    case Opcode::SsubOverflow:
      return two(x - y, word.signed_overflow_of_difference(x, y, x - y));
    case Opcode::SsubOverflowBin: {
      const U rest = x - y - carry;
      return two(rest, word.signed_overflow_of_difference(x, y, rest));
    }
    case Opcode::UmulOverflow:
      return two(x * y, high_product(x, y, word.width) != 0);
    case Opcode::SmulOverflow: {
      if (word.width > 64) return 0;
      const Word<u128> narrow{word.width};
      const u128 product = static_cast<u128>(narrow.as_signed(x) * narrow.as_signed(y));
      return two(static_cast<U>(product), static_cast<i128>(product) != narrow.as_signed(product));
    }
    default:
      return 0;
  }
}

// Scalar integers only, of whatever widths the word holds.
template <class U>
u32 fold_scalars(const FoldRequest& request, u128 results[2]) {
  const std::span<const FoldOperand> operands = request.operands;
  const Word<U> word{int_width(operands[0].type)};
  const U x = static_cast<U>(operands[0].bits);
  const U y = operands.size() > 1 ? static_cast<U>(operands[1].bits) : U{0};
  const auto one = [&](U bits) {
    results[0] = bits;
    return u32{1};
  };
  switch (request.opcode) {
    case Opcode::Icmp:
      return one(word.holds(static_cast<IntCC>(request.aux), x, y) ? 1 : 0);
    case Opcode::Select:
    case Opcode::SelectSpectreGuard:
      return one(x != 0 ? y : static_cast<U>(operands[2].bits));
    case Opcode::Bitselect:
      return one((x & y) | (~x & static_cast<U>(operands[2].bits)));
    case Opcode::Blendv:
      return one(word.negative(x) ? y : static_cast<U>(operands[2].bits));
    case Opcode::Uextend:
      return one(x);
    case Opcode::Sextend:
      return one(static_cast<U>(word.as_signed(x)) & Word<U>{int_width(request.result)}.mask());
    case Opcode::Ireduce:
      return one(x & Word<U>{int_width(request.result)}.mask());
    case Opcode::Bmask:
      return one(x != 0 ? Word<U>{int_width(request.result)}.mask() : U{0});
    case Opcode::Bitcast:
      return one(x);
    case Opcode::Isplit: {
      const u32 half = word.width / 2;
      results[0] = x & word.mask() >> half;
      results[1] = x >> half;
      return 2;
    }
    case Opcode::Iconcat:
      return one(y << word.width | x);
    case Opcode::UaddOverflowTrap:
      return word.carry_of_sum(x, y, x + y) ? 0 : one((x + y) & word.mask());
    case Opcode::UaddOverflow:
    case Opcode::UaddOverflowCin:
    case Opcode::SaddOverflow:
    case Opcode::SaddOverflowCin:
    case Opcode::UsubOverflow:
    case Opcode::UsubOverflowBin:
    case Opcode::SsubOverflow:
    case Opcode::SsubOverflowBin:
    case Opcode::UmulOverflow:
    case Opcode::SmulOverflow:
      return fold_with_flag<U>(request, results);
    default: {
      U bits;
      if (!same_width<U>(request.opcode, word, x, y, bits)) return 0;
      return one(bits & word.mask());
    }
  }
}

// Out of line, so that the 64-bit case needs few registers.
[[gnu::noinline]] u32 fold_wide_scalars(const FoldRequest& request, u128 results[2]) {
  return fold_scalars<u128>(request, results);
}

// ---- floats as bits

struct Format {
  u32 bits;      // of the whole
  u32 fraction;  // bits stored of the significand

  u128 sign() const { return u128{1} << (bits - 1); }
  u128 infinity() const { return mask_of(bits - 1 - fraction) << fraction; }
  i32 bias() const { return (1 << (bits - 2 - fraction)) - 1; }
  // Exponent of the last bit of the smallest numbers.
  i32 least_exponent() const { return 1 - bias() - static_cast<i32>(fraction); }
  bool is_nan(u128 x) const { return (x & ~sign()) > infinity(); }
  bool is_infinite(u128 x) const { return (x & ~sign()) == infinity(); }
  // A number that grows with the value, -0 just below +0. Not of a NaN.
  i128 order(u128 x) const {
    const i128 magnitude = static_cast<i128>(x & ~sign());
    return (x & sign()) != 0 ? ~magnitude : magnitude;
  }
};

Format format_of(Type lane) {
  if (lane == ir::kF16) return {16, 10};
  if (lane == ir::kF32) return {32, 23};
  if (lane == ir::kF64) return {64, 52};
  return {128, 112};
}

// (-1)^negative * significand * 2^exponent.
struct Number {
  bool negative;
  u128 significand;
  i32 exponent;
};

// Of a finite value.
Number taken_apart(Format format, u128 x) {
  const u128 fraction = x & mask_of(format.fraction);
  const i32 field = static_cast<i32>((x & format.infinity()) >> format.fraction);
  const bool negative = (x & format.sign()) != 0;
  if (field == 0) return {negative, fraction, format.least_exponent()};
  return {negative, fraction | u128{1} << format.fraction, format.least_exponent() + field - 1};
}

// Rounds to nearest, ties to even.
u128 put_together(Format format, Number number) {
  const u128 sign = number.negative ? format.sign() : 0;
  if (number.significand == 0) return sign;
  const i32 length = 128 - static_cast<i32>(leading_zeros(number.significand));
  i32 last = number.exponent + length - 1 - static_cast<i32>(format.fraction);
  if (last < format.least_exponent()) last = format.least_exponent();
  const i32 dropped = last - number.exponent;
  u128 kept;
  if (dropped <= 0) {
    kept = number.significand << -dropped;
  } else if (dropped > 128) {
    kept = 0;
  } else {
    kept = dropped == 128 ? 0 : number.significand >> dropped;
    const u128 half = u128{1} << (dropped - 1);
    const u128 rest = number.significand & (half - 1 + half);
    if (rest > half || (rest == half && (kept & 1) != 0)) ++kept;
  }
  // The hidden bit adds one to the exponent field, and so does a carry out of the fraction.
  const i32 field = last - format.least_exponent();
  if (field + format.least_exponent() + static_cast<i32>(format.fraction) > format.bias())
    return sign | format.infinity();
  return sign | ((u128{static_cast<u32>(field)} << format.fraction) + kept);
}

// Not of a NaN.
u128 converted(Format from, u128 x, Format to) {
  if (from.is_infinite(x)) return to.infinity() | ((x & from.sign()) != 0 ? to.sign() : 0);
  return put_together(to, taken_apart(from, x));
}

// The integral part of a finite number: magnitude, or none if it has more than 128 bits; and where
// the rest lies.
enum class Rest : u8 { None, BelowHalf, Half, AboveHalf };
struct Integral {
  bool fits;
  u128 magnitude;
  Rest rest;
};
Integral integral_part(Number number) {
  if (number.significand == 0) return {true, 0, Rest::None};
  if (number.exponent >= 0) {
    if (static_cast<i32>(leading_zeros(number.significand)) < number.exponent)
      return {false, 0, Rest::None};
    return {true, number.significand << number.exponent, Rest::None};
  }
  // A significand has at most 113 bits: further down it is below half.
  if (number.exponent <= -128) return {true, 0, Rest::BelowHalf};
  const u32 dropped = static_cast<u32>(-number.exponent);
  const u128 rest = number.significand & mask_of(dropped), half = u128{1} << (dropped - 1);
  const Rest where = rest == 0     ? Rest::None
                     : rest < half ? Rest::BelowHalf
                     : rest > half ? Rest::AboveHalf
                                   : Rest::Half;
  return {true, number.significand >> dropped, where};
}

// Not of a NaN.
u128 rounded(Opcode opcode, Format format, u128 x) {
  if (format.is_infinite(x)) return x;
  const Number number = taken_apart(format, x);
  if (number.exponent >= 0) return x;
  const Integral part = integral_part(number);
  bool up = false;  // away from zero
  switch (opcode) {
    case Opcode::Ceil:
      up = !number.negative && part.rest != Rest::None;
      break;
    case Opcode::Floor:
      up = number.negative && part.rest != Rest::None;
      break;
    case Opcode::Nearest:
      up = part.rest == Rest::AboveHalf || (part.rest == Rest::Half && (part.magnitude & 1) != 0);
      break;
    default:
      break;
  }
  return put_together(format, {number.negative, part.magnitude + (up ? 1 : 0), 0});
}

bool float_holds(FloatCC cc, Format format, u128 x, u128 y) {
  const bool unordered = format.is_nan(x) || format.is_nan(y);
  const bool equal = !unordered && (x == y || ((x | y) & ~format.sign()) == 0);
  const bool less = !unordered && !equal && format.order(x) < format.order(y);
  const bool greater = !unordered && !equal && !less;
  switch (cc) {
    case FloatCC::Ordered:
      return !unordered;
    case FloatCC::Unordered:
      return unordered;
    case FloatCC::Equal:
      return equal;
    case FloatCC::NotEqual:
      return !equal;
    case FloatCC::OrderedNotEqual:
      return less || greater;
    case FloatCC::UnorderedOrEqual:
      return unordered || equal;
    case FloatCC::LessThan:
      return less;
    case FloatCC::LessThanOrEqual:
      return less || equal;
    case FloatCC::GreaterThan:
      return greater;
    case FloatCC::GreaterThanOrEqual:
      return greater || equal;
    case FloatCC::UnorderedOrLessThan:
      return unordered || less;
    case FloatCC::UnorderedOrLessThanOrEqual:
      return !greater;
    case FloatCC::UnorderedOrGreaterThan:
      return unordered || greater;
    case FloatCC::UnorderedOrGreaterThanOrEqual:
      return !less;
  }
  unreachable("FloatCC");
}

// x truncated toward zero, for all conversions to integers. False: it traps, or is not decided
// here.
bool to_integer(Opcode opcode, Format format, u128 x, u32 width, u128& out) {
  const bool is_unsigned = opcode == Opcode::FcvtToUint || opcode == Opcode::FcvtToUintSat;
  const bool checked = opcode == Opcode::FcvtToUint || opcode == Opcode::FcvtToSint;
  const u128 least = is_unsigned ? 0 : u128{1} << (width - 1);  // as magnitude of a negative number
  const u128 largest = is_unsigned ? mask_of(width) : least - 1;
  if (format.is_nan(x)) {
    out = opcode == Opcode::X86Cvtt2dq ? least : 0;
    return !checked;
  }
  const bool negative = (x & format.sign()) != 0;
  const Integral part = format.is_infinite(x) ? Integral{false, 0, Rest::None}
                                              : integral_part(taken_apart(format, x));
  if (part.fits && part.magnitude <= (negative ? least : largest)) {
    out = (negative ? u128{0} - part.magnitude : part.magnitude) & mask_of(width);
    return !(is_unsigned && width == 128 && part.magnitude >> 127 != 0);
  }
  if (checked || (is_unsigned && width == 128 && !negative)) return false;
  out = negative || opcode == Opcode::X86Cvtt2dq ? least : largest;
  return true;
}

// ---- floats on the host

// Whether the thread computes to nearest even, keeps subnormals and raises no exceptions.
bool host_is_in_default_mode() {
#if defined(__x86_64__)
  constexpr u32 kExceptionMasks = 0x1f80, kFlags = 0x3f;
  return (__builtin_ia32_stmxcsr() & ~kFlags & 0xffffu) == kExceptionMasks;
#else
  const volatile double tiny = std::numeric_limits<double>::denorm_min();
  return std::fegetround() == FE_TONEAREST && tiny + tiny != 0;
#endif
}

double add_rounding_to_odd(double x, double y) {
  const double sum = x + y;
  if (!(sum - sum == 0)) return sum;  // not finite
  // What the sum lost, exactly.
  const double y_part = sum - x, x_part = sum - y_part;
  const double lost = (x - x_part) + (y - y_part);
  u64 bits = std::bit_cast<u64>(sum);
  if (lost == 0 || (bits & 1) != 0) return sum;
  bits += (lost > 0) == (sum > 0) ? 1 : ~u64{0};
  return std::bit_cast<double>(bits);
}

template <class Host>
Host computed(Opcode opcode, Host x, Host y, Host z) {
  switch (opcode) {
    case Opcode::Fadd:
      return x + y;
    case Opcode::Fsub:
      return x - y;
    case Opcode::Fmul:
      return x * y;
    case Opcode::Fdiv:
      return x / y;
    case Opcode::Sqrt:
      if (x < 0) return std::numeric_limits<Host>::quiet_NaN();
      return static_cast<Host>(__builtin_sqrt(static_cast<double>(x)));
    default:
      // Only for double; the product of two narrower floats is exact in it.
      return static_cast<Host>(__builtin_fma(x, y, z));
  }
}

// fadd, fsub, fmul, fdiv, sqrt and fma. False if the result is a NaN.
bool arithmetic(Opcode opcode, Format format, u128 x, u128 y, u128 z, u128& out) {
  if (format.bits > 64 || !host_is_in_default_mode()) return false;
  if (format.is_nan(x) || format.is_nan(y) || format.is_nan(z)) return false;
  if (format.bits == 32 && opcode != Opcode::Fma) {
    const auto host = [](u128 bits) { return std::bit_cast<float>(static_cast<u32>(bits)); };
    out = std::bit_cast<u32>(computed<float>(opcode, host(x), host(y), host(z)));
    return !format.is_nan(out);
  }
  constexpr Format kDouble{64, 52};
  const auto host = [&](u128 bits) {
    return std::bit_cast<double>(
        static_cast<u64>(format.bits == 64 ? bits : converted(format, bits, kDouble)));
  };
  const double result = opcode == Opcode::Fma && format.bits < 64
                            ? add_rounding_to_odd(host(x) * host(y), host(z))
                            : computed<double>(opcode, host(x), host(y), host(z));
  out = std::bit_cast<u64>(result);
  if (kDouble.is_nan(out)) return false;
  if (format.bits < 64) out = converted(kDouble, out, format);
  return true;
}

// Opcodes on floats of one format, operands and result. False: not one of them, or not folded.
bool same_format(Opcode opcode, Format format, u128 x, u128 y, u128 z, u128& out) {
  switch (opcode) {
    case Opcode::Fneg:
      out = x ^ format.sign();
      return true;
    case Opcode::Fabs:
      out = x & ~format.sign();
      return true;
    case Opcode::Fcopysign:
      out = (x & ~format.sign()) | (y & format.sign());
      return true;
    case Opcode::Fmin:
    case Opcode::Fmax:
      if (format.is_nan(x) || format.is_nan(y)) return false;
      out = (format.order(x) < format.order(y)) == (opcode == Opcode::Fmin) ? x : y;
      return true;
    case Opcode::Ceil:
    case Opcode::Floor:
    case Opcode::Trunc:
    case Opcode::Nearest:
      if (format.is_nan(x)) return false;
      out = rounded(opcode, format, x);
      return true;
    case Opcode::Fadd:
    case Opcode::Fsub:
    case Opcode::Fmul:
    case Opcode::Fdiv:
    case Opcode::Sqrt:
    case Opcode::Fma:
      return arithmetic(opcode, format, x, y, z, out);
    default:
      return false;
  }
}

// Between integers and floats, and between formats. False: not one of them, or not folded.
bool between_types(Opcode opcode, Type from, Type to, u128 x, u128& out) {
  switch (opcode) {
    case Opcode::FcvtToUint:
    case Opcode::FcvtToSint:
    case Opcode::FcvtToUintSat:
    case Opcode::FcvtToSintSat:
    case Opcode::X86Cvtt2dq:
      return to_integer(opcode, format_of(from), x, to.bits(), out);
    case Opcode::FcvtFromUint:
      out = put_together(format_of(to), {false, x, 0});
      return true;
    case Opcode::FcvtFromSint: {
      const Word<u128> word{from.bits()};
      const bool negative = word.negative(x);
      out = put_together(format_of(to), {negative, (negative ? u128{0} - x : x) & word.mask(), 0});
      return true;
    }
    case Opcode::Fpromote:
    case Opcode::Fdemote:
    case Opcode::Fvdemote:
    case Opcode::FvpromoteLow:
      if (format_of(from).is_nan(x)) return false;
      out = converted(format_of(from), x, format_of(to));
      return true;
    default:
      return false;
  }
}

// ---- lanes

u128 lane_of(u128 bits, u32 index, u32 width) { return bits >> (index * width) & mask_of(width); }

// f(index, lane) computes a lane of the result, at most `to.lane_bits()` wide, and says whether it
// could.
template <class F>
u32 each_lane(Type to, u128& out, F f) {
  const u32 width = to.lane_bits();
  out = 0;
  for (u32 i = 0; i < to.lane_count(); ++i) {
    u128 lane;
    if (!f(i, lane)) return 0;
    out |= (lane & mask_of(width)) << (i * width);
  }
  return 1;
}

u128 turned_lanes(Type type, u128 bits) {
  u128 out;
  each_lane(type, out, [&](u32 i, u128& lane) {
    lane = swap_bytes(lane_of(bits, i, type.lane_bits())) >> (128 - type.lane_bits());
    return true;
  });
  return out;
}

// Of a lane read as a signed (snarrow, unarrow) or unsigned number of `width` bits, in half of
// them.
u128 narrowed(Opcode opcode, u128 x, u32 width) {
  const u128 largest = mask_of(width / 2) >> (opcode == Opcode::Snarrow ? 1 : 0);
  if (opcode == Opcode::Uunarrow || x >> (width - 1) == 0) return x < largest ? x : largest;
  if (opcode == Opcode::Unarrow) return 0;
  const u128 least = mask_of(width) - largest;
  return x > least ? x : least;
}

// Everything but scalar integers: vectors, floats, and opcodes that mix them.
u32 fold_general(const FoldRequest& request, u128 results[2]) {
  const std::span<const FoldOperand> operands = request.operands;
  for (const FoldOperand& operand : operands) {
    if (operand.type.is_dynamic() || operand.type.bits() > 128) return 0;
  }
  const Opcode opcode = request.opcode;
  const Type from = operands[0].type, to = request.result;
  if (!to.is_valid() || to.is_dynamic() || to.bits() > 128) return 0;
  const u32 width = from.lane_bits(), count = from.lane_count();
  const u128 x = operands[0].bits;
  const u128 y = operands.size() > 1 ? operands[1].bits : 0;
  const u128 z = operands.size() > 2 ? operands[2].bits : 0;
  u128& out = results[0];
  const auto whole = [&](u128 bits) {
    out = bits & mask_of(to.bits());
    return u32{1};
  };
  switch (opcode) {
    // Bits, whatever they mean.
    case Opcode::Band:
      return whole(x & y);
    case Opcode::Bor:
      return whole(x | y);
    case Opcode::Bxor:
      return whole(x ^ y);
    case Opcode::Bnot:
      return whole(~x);
    case Opcode::Bitselect:
      return whole((x & y) | (~x & z));
    case Opcode::Select:
    case Opcode::SelectSpectreGuard:
      return whole(x != 0 ? y : z);
    case Opcode::Bitcast:
      if (!request.bitcast_big_endian || from.lane_count() == to.lane_count()) return whole(x);
      return whole(turned_lanes(to, turned_lanes(from, x)));
    case Opcode::Blendv:
      return each_lane(to, out, [&](u32 i, u128& lane) {
        const bool first = lane_of(x, i, width) >> (width - 1) != 0;
        lane = lane_of(first ? y : z, i, width);
        return true;
      });

    // Lanes moved.
    case Opcode::Splat:
      return each_lane(to, out, [&](u32, u128& lane) {
        lane = x;
        return true;
      });
    case Opcode::ScalarToVector:
      return whole(x);
    case Opcode::Extractlane:
      if (request.aux >= count) return 0;
      return whole(lane_of(x, request.aux, width));
    case Opcode::Insertlane: {
      if (request.aux >= count) return 0;
      const u32 at = request.aux * width;
      return whole((x & ~(mask_of(width) << at)) | y << at);
    }
    case Opcode::Shuffle:
      if (request.shuffle_mask == nullptr) return 0;
      return each_lane(to, out, [&](u32 i, u128& lane) {
        const u8 index = (*request.shuffle_mask)[i];
        lane = index < 32 ? lane_of(index < 16 ? x : y, index & 15, 8) : 0;
        return index < 32;
      });
    case Opcode::Swizzle:
    case Opcode::X86Pshufb:
      return each_lane(to, out, [&](u32 i, u128& lane) {
        const u32 index = static_cast<u32>(lane_of(y, i, 8));
        lane = index < (opcode == Opcode::Swizzle ? 16u : 128u) ? lane_of(x, index & 15, 8) : 0;
        return true;
      });

    // Lanes asked.
    case Opcode::VanyTrue:
      return whole(x != 0 ? 1 : 0);
    case Opcode::VallTrue: {
      bool all = true;
      for (u32 i = 0; i < count; ++i) all = all && lane_of(x, i, width) != 0;
      return whole(all ? 1 : 0);
    }
    case Opcode::VhighBits: {
      u128 bits = 0;
      for (u32 i = 0; i < count; ++i) bits |= (lane_of(x, i, width) >> (width - 1)) << i;
      return whole(bits);
    }
    case Opcode::Icmp:
    case Opcode::Fcmp: {
      const Format format = format_of(from.lane_type());
      const u128 yes = to.is_scalar() ? 1 : mask_of(width);
      return each_lane(to, out, [&](u32 i, u128& lane) {
        const u128 a = lane_of(x, i, width), b = lane_of(y, i, width);
        const bool holds = opcode == Opcode::Icmp
                               ? Word<u128>{width}.holds(static_cast<IntCC>(request.aux), a, b)
                               : float_holds(static_cast<FloatCC>(request.aux), format, a, b);
        lane = holds ? yes : 0;
        return true;
      });
    }

    // Lanes of other widths.
    case Opcode::Snarrow:
    case Opcode::Unarrow:
    case Opcode::Uunarrow:
      return each_lane(to, out, [&](u32 i, u128& lane) {
        lane = narrowed(opcode, lane_of(i < count ? x : y, i % count, width), width);
        return true;
      });
    case Opcode::SwidenLow:
    case Opcode::SwidenHigh:
    case Opcode::UwidenLow:
    case Opcode::UwidenHigh: {
      const bool high = opcode == Opcode::SwidenHigh || opcode == Opcode::UwidenHigh;
      const bool is_signed = opcode == Opcode::SwidenLow || opcode == Opcode::SwidenHigh;
      return each_lane(to, out, [&](u32 i, u128& lane) {
        lane = lane_of(x, i + (high ? count / 2 : 0), width);
        if (is_signed) lane = static_cast<u128>(Word<u128>{width}.as_signed(lane));
        return true;
      });
    }
    case Opcode::IaddPairwise:
      return each_lane(to, out, [&](u32 i, u128& lane) {
        const u128 source = 2 * i < count ? x : y;
        const u32 first = 2 * i % count;
        lane = lane_of(source, first, width) + lane_of(source, first + 1, width);
        return true;
      });
    case Opcode::X86Pmaddubsw:
      return each_lane(to, out, [&](u32 i, u128& lane) {
        i32 sum = 0;
        for (u32 j = 2 * i; j < 2 * i + 2; ++j) {
          const i32 factor = static_cast<i8>(static_cast<u8>(lane_of(x, j, 8)));
          sum += factor * static_cast<i32>(lane_of(y, j, 8));
        }
        sum = sum < -0x8000 ? -0x8000 : sum > 0x7fff ? 0x7fff : sum;
        lane = static_cast<u128>(static_cast<i128>(sum));
        return true;
      });

    // Conversions.
    case Opcode::FcvtToUint:
    case Opcode::FcvtToSint:
    case Opcode::FcvtToUintSat:
    case Opcode::FcvtToSintSat:
    case Opcode::X86Cvtt2dq:
    case Opcode::FcvtFromUint:
    case Opcode::FcvtFromSint:
    case Opcode::Fpromote:
    case Opcode::Fdemote:
    case Opcode::FvpromoteLow:
    case Opcode::Fvdemote:
      return each_lane(to, out, [&](u32 i, u128& lane) {
        lane = 0;
        return i >= count ||
               between_types(opcode, from.lane_type(), to.lane_type(), lane_of(x, i, width), lane);
      });

    default:
      break;
  }
  if (from.has_float_lanes()) {
    const Format format = format_of(from.lane_type());
    return each_lane(to, out, [&](u32 i, u128& lane) {
      return same_format(opcode, format, lane_of(x, i, width), lane_of(y, i, width),
                         lane_of(z, i, width), lane);
    });
  }
  // No vector of i128 has at most 128 bits.
  if (!from.is_vector() || from != to) return 0;
  const bool scalar_y = operands.size() > 1 && operands[1].type.is_scalar();  // a shift amount
  return each_lane(to, out, [&](u32 i, u128& lane) {
    u64 bits;
    const u128 b = scalar_y ? y : lane_of(y, i, width);
    if (!same_width<u64>(opcode, Word<u64>{width}, static_cast<u64>(lane_of(x, i, width)),
                         static_cast<u64>(b), bits))
      return false;
    lane = bits;
    return true;
  });
}

}  // namespace

u32 fold(const FoldRequest& request, u128 results[2]) {
  if (request.operands.empty()) return 0;
  const Type from = request.operands[0].type;
  if (is_int(from, ir::kI64) && is_int(request.result, ir::kI64))
    return fold_scalars<u64>(request, results);
  if (is_int(from, ir::kI128) && is_int(request.result, ir::kI128))
    return fold_wide_scalars(request, results);
  return fold_general(request, results);
}

}  // namespace gantry::opt

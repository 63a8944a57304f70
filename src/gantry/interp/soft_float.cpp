// The problem: exact IEEE arithmetic for binary16 and binary128, and conversions between every
// float and integer width. The idea: every result is an exact integer significand with an exponent
// and a sticky bit, rounded once by round_pack. Sums and fused products are formed in 256 bits,
// where the addends of a binary128 fma meet without loss; what reaches below is folded into the
// last bit, which stays far below the rounding position.
#include "gantry/interp/soft_float.h"

#include "gantry/support/check.h"

namespace gantry::interp {
namespace {

Wide shifted_left(Wide x, u32 amount) {
  if (amount == 0) return x;
  if (amount >= 128) return {shift_left(x.low, amount - 128), 0};
  return {x.high << amount | x.low >> (128 - amount), x.low << amount};
}

// Shifts right; what falls off makes the last bit 1.
Wide jammed_right(Wide x, u32 amount) {
  if (amount == 0) return x;
  if (amount >= 256) return {0, u128{(x.high | x.low) != 0}};
  const Wide kept = amount >= 128
                        ? Wide{0, shift_right(x.high, amount - 128)}
                        : Wide{x.high >> amount, x.high << (128 - amount) | x.low >> amount};
  const Wide back = shifted_left(kept, amount);
  return {kept.high, kept.low | u128{back.high != x.high || back.low != x.low}};
}

u32 bit_length(Wide x) {
  return x.high != 0 ? 128 + interp::bit_length(x.high) : interp::bit_length(x.low);
}
bool less(Wide x, Wide y) { return x.high != y.high ? x.high < y.high : x.low < y.low; }
Wide plus(Wide x, Wide y) {
  const u128 low = x.low + y.low;
  return {x.high + y.high + u128{low < x.low}, low};
}
Wide minus(Wide x, Wide y) { return {x.high - y.high - u128{x.low < y.low}, x.low - y.low}; }

struct WideNumber {
  bool negative;
  i32 exponent;
  Wide significand;
};

u128 round_pack(const FloatFormat& format, WideNumber number) {
  const u32 length = bit_length(number.significand);
  if (length <= 128)
    return round_pack(format, {number.negative, number.exponent, number.significand.low}, false);
  const Wide kept = jammed_right(number.significand, length - 128);
  return round_pack(
      format, {number.negative, number.exponent + static_cast<i32>(length - 128), kept.low}, false);
}

// Both at the top of 254 bits, so that the smaller is shifted down with room to spare; the sum is
// exact above the last bit.
u128 add_numbers(const FloatFormat& format, WideNumber x, WideNumber y) {
  const bool x_zero = bit_length(x.significand) == 0, y_zero = bit_length(y.significand) == 0;
  if (x_zero && y_zero) return x.negative && y.negative ? format.sign_bit() : 0;
  if (x_zero) return round_pack(format, y);
  if (y_zero) return round_pack(format, x);
  for (WideNumber* number : {&x, &y}) {
    const u32 up = 254 - bit_length(number->significand);
    number->significand = shifted_left(number->significand, up);
    number->exponent -= static_cast<i32>(up);
  }
  if (x.exponent < y.exponent) {
    const WideNumber swapped = x;
    x = y;
    y = swapped;
  }
  y.significand = jammed_right(y.significand, static_cast<u32>(x.exponent - y.exponent));
  if (x.negative == y.negative) {
    x.significand = plus(x.significand, y.significand);
  } else if (less(x.significand, y.significand)) {
    x.significand = minus(y.significand, x.significand);
    x.negative = y.negative;
  } else {
    x.significand = minus(x.significand, y.significand);
    if (bit_length(x.significand) == 0) return 0;
  }
  return round_pack(format, x);
}

WideNumber widened(const FloatFormat& format, u128 x) {
  const Unpacked number = unpack(format, x);
  return {number.negative, number.exponent, {0, number.significand}};
}

}  // namespace

const FloatFormat& float_format(u32 bits) {
  switch (bits) {
    case 16:
      return kBinary16;
    case 32:
      return kBinary32;
    case 64:
      return kBinary64;
    case 128:
      return kBinary128;
    default:
      unreachable("float width");
  }
}

Unpacked unpack(const FloatFormat& format, u128 value) {
  const u128 fraction = value & mask_of(format.fraction_bits);
  const u32 field = static_cast<u32>(value >> format.fraction_bits) & format.exponent_mask();
  const bool negative = (value & format.sign_bit()) != 0;
  const i32 lowest = 1 - format.bias() - static_cast<i32>(format.fraction_bits);
  if (field == 0) return {negative, lowest, fraction};
  return {negative, lowest + static_cast<i32>(field) - 1,
          fraction | u128{1} << format.fraction_bits};
}

u128 round_pack(const FloatFormat& format, Unpacked number, bool sticky) {
  const u128 sign = number.negative ? format.sign_bit() : 0;
  if (number.significand == 0) return sign;
  const i32 lowest = 1 - format.bias() - static_cast<i32>(format.fraction_bits);
  const i32 leading = number.exponent + static_cast<i32>(bit_length(number.significand)) - 1;
  i32 exponent = leading - static_cast<i32>(format.fraction_bits);
  if (exponent < lowest) exponent = lowest;
  u128 significand;
  if (exponent > number.exponent) {
    const u32 drop = static_cast<u32>(exponent - number.exponent);
    significand = shift_right(number.significand, drop);
    const bool half = (shift_right(number.significand, drop - 1) & 1) != 0;
    const bool rest = sticky || (number.significand & mask_of(drop - 1)) != 0;
    if (half && (rest || (significand & 1) != 0)) ++significand;
  } else {
    significand = number.significand << static_cast<u32>(number.exponent - exponent);
  }
  if (significand >> format.fraction_bits > 1) {
    significand >>= 1;
    ++exponent;
  }
  if (significand >> format.fraction_bits == 0) return sign | significand;
  const i32 field = exponent - lowest + 1;
  if (field >= static_cast<i32>(format.exponent_mask())) return sign | format.infinity();
  return sign | static_cast<u128>(field) << format.fraction_bits |
         (significand & mask_of(format.fraction_bits));
}

Relation compare(const FloatFormat& format, u128 x, u128 y) {
  if (is_nan(format, x) || is_nan(format, y)) return kUnordered;
  const u128 x_size = x & ~format.sign_bit(), y_size = y & ~format.sign_bit();
  if (x == y || (x_size | y_size) == 0) return kEqual;
  const bool x_negative = x != x_size, y_negative = y != y_size;
  if (x_negative != y_negative) return x_negative ? kLess : kGreater;
  return (x_size < y_size) != x_negative ? kLess : kGreater;
}

u128 float_min(const FloatFormat& format, u128 x, u128 y) {
  switch (compare(format, x, y)) {
    case kUnordered:
      return format.canonical_nan();
    case kEqual:
      return x | y;  // differ at most in the sign of zero
    case kLess:
      return x;
    default:
      return y;
  }
}

u128 float_max(const FloatFormat& format, u128 x, u128 y) {
  switch (compare(format, x, y)) {
    case kUnordered:
      return format.canonical_nan();
    case kEqual:
      return x & y;
    case kLess:
      return y;
    default:
      return x;
  }
}

u128 round_to_integral(const FloatFormat& format, u128 x, Rounding rounding) {
  if (is_nan(format, x)) return format.canonical_nan();
  const u128 size = x & ~format.sign_bit();
  if (size == format.infinity()) return x;
  const Unpacked number = unpack(format, x);
  if (number.exponent >= 0 || number.significand == 0) return x;
  const u32 drop = static_cast<u32>(-number.exponent);
  u128 whole = shift_right(number.significand, drop);
  const u128 rest = number.significand & mask_of(drop);
  switch (rounding) {
    case Rounding::Zero:
      break;
    case Rounding::Up:
      whole += rest != 0 && !number.negative ? 1 : 0;
      break;
    case Rounding::Down:
      whole += rest != 0 && number.negative ? 1 : 0;
      break;
    case Rounding::NearestEven: {
      const bool half = (shift_right(number.significand, drop - 1) & 1) != 0;
      const bool more = (number.significand & mask_of(drop - 1)) != 0;
      whole += half && (more || (whole & 1) != 0) ? 1 : 0;
      break;
    }
  }
  return round_pack(format, {number.negative, 0, whole}, false);
}

u128 convert(const FloatFormat& from, u128 x, const FloatFormat& to) {
  if (is_nan(from, x)) return to.canonical_nan();
  const u128 sign = (x & from.sign_bit()) != 0 ? to.sign_bit() : 0;
  if ((x & ~from.sign_bit()) == from.infinity()) return sign | to.infinity();
  return round_pack(to, unpack(from, x), false);
}

u128 from_int(u128 magnitude, bool negative, const FloatFormat& to) {
  return round_pack(to, {negative, 0, magnitude}, false);
}

IntConversion to_int(const FloatFormat& format, u128 x, u32 bits, bool is_signed) {
  using Kind = IntConversion::Kind;
  if (is_nan(format, x)) return {Kind::Nan, 0};
  const bool negative = (x & format.sign_bit()) != 0;
  const Kind outside = negative ? Kind::TooLow : Kind::TooHigh;
  if ((x & ~format.sign_bit()) == format.infinity()) return {outside, 0};
  const Unpacked number = unpack(format, x);
  u128 size = 0;
  if (number.exponent < 0) {
    size = shift_right(number.significand, static_cast<u32>(-number.exponent));
  } else {
    if (bit_length(number.significand) + static_cast<u32>(number.exponent) > 128)
      return {outside, 0};
    size = shift_left(number.significand, static_cast<u32>(number.exponent));
  }
  u128 limit = mask_of(bits);
  if (is_signed) {
    limit = (limit >> 1) + (negative ? 1 : 0);
  } else if (negative) {
    limit = 0;
  }
  if (size > limit) return {outside, 0};
  return {Kind::Exact, (negative ? u128{0} - size : size) & mask_of(bits)};
}

u128 float_add(const FloatFormat& format, u128 x, u128 y) {
  if (is_nan(format, x) || is_nan(format, y)) return format.canonical_nan();
  const bool x_infinite = (x & ~format.sign_bit()) == format.infinity();
  const bool y_infinite = (y & ~format.sign_bit()) == format.infinity();
  if (x_infinite && y_infinite && x != y) return format.canonical_nan();
  if (x_infinite) return x;
  if (y_infinite) return y;
  return add_numbers(format, widened(format, x), widened(format, y));
}

u128 float_sub(const FloatFormat& format, u128 x, u128 y) {
  return float_add(format, x, y ^ format.sign_bit());
}

u128 float_mul(const FloatFormat& format, u128 x, u128 y) {
  if (is_nan(format, x) || is_nan(format, y)) return format.canonical_nan();
  const u128 sign = (x ^ y) & format.sign_bit();
  const u128 x_size = x & ~format.sign_bit(), y_size = y & ~format.sign_bit();
  if (x_size == format.infinity() || y_size == format.infinity()) {
    return x_size == 0 || y_size == 0 ? format.canonical_nan() : sign | format.infinity();
  }
  const Unpacked a = unpack(format, x), b = unpack(format, y);
  return round_pack(format, WideNumber{sign != 0, a.exponent + b.exponent,
                                       multiply(a.significand, b.significand)});
}

u128 float_div(const FloatFormat& format, u128 x, u128 y) {
  if (is_nan(format, x) || is_nan(format, y)) return format.canonical_nan();
  const u128 sign = (x ^ y) & format.sign_bit();
  const u128 x_size = x & ~format.sign_bit(), y_size = y & ~format.sign_bit();
  if (x_size == format.infinity())
    return y_size == x_size ? format.canonical_nan() : sign | format.infinity();
  if (y_size == format.infinity()) return sign;
  if (y_size == 0) return x_size == 0 ? format.canonical_nan() : sign | format.infinity();
  if (x_size == 0) return sign;
  Unpacked a = unpack(format, x), b = unpack(format, y);
  for (Unpacked* number :
       {&a, &b}) {  // both normalised to the same length: the quotient is at least 1/2
    const u32 up = format.fraction_bits + 1 - bit_length(number->significand);
    number->significand <<= up;
    number->exponent -= static_cast<i32>(up);
  }
  const u32 steps = format.fraction_bits + 4;
  u128 quotient = 0, rest = a.significand;
  for (u32 i = 0; i <= steps; ++i) {
    quotient <<= 1;
    if (rest >= b.significand) {
      rest -= b.significand;
      quotient |= 1;
    }
    rest <<= 1;
  }
  return round_pack(
      format, Unpacked{sign != 0, a.exponent - b.exponent - static_cast<i32>(steps), quotient},
      rest != 0);
}

u128 float_sqrt(const FloatFormat& format, u128 x) {
  if (is_nan(format, x)) return format.canonical_nan();
  const u128 size = x & ~format.sign_bit();
  if (size == 0) return x;
  if (x != size) return format.canonical_nan();
  if (size == format.infinity()) return x;
  const Unpacked number = unpack(format, x);
  // The radicand takes 2 * (fraction_bits + 3) bits and an even exponent; its root then has
  // fraction_bits + 3 bits.
  const u32 root_bits = format.fraction_bits + 3;
  u32 up = 2 * root_bits - bit_length(number.significand);
  if (((number.exponent - static_cast<i32>(up)) & 1) != 0) --up;
  Wide rest = shifted_left({0, number.significand}, up);
  u128 root = 0;
  for (u32 i = root_bits; i-- > 0;) {
    // (root + 2^i)^2 - root^2 = (2 * root + 2^i) * 2^i
    const Wide step = shifted_left({0, root << 1 | u128{1} << i}, i);
    if (!less(rest, step)) {
      rest = minus(rest, step);
      root |= u128{1} << i;
    }
  }
  return round_pack(format, Unpacked{false, (number.exponent - static_cast<i32>(up)) / 2, root},
                    bit_length(rest) != 0);
}

u128 float_fma(const FloatFormat& format, u128 x, u128 y, u128 z) {
  if (is_nan(format, x) || is_nan(format, y) || is_nan(format, z)) return format.canonical_nan();
  const u128 sign = (x ^ y) & format.sign_bit();
  const u128 x_size = x & ~format.sign_bit(), y_size = y & ~format.sign_bit();
  const bool z_infinite = (z & ~format.sign_bit()) == format.infinity();
  if (x_size == format.infinity() || y_size == format.infinity()) {
    if (x_size == 0 || y_size == 0) return format.canonical_nan();
    if (z_infinite && (z & format.sign_bit()) != sign) return format.canonical_nan();
    return sign | format.infinity();
  }
  if (z_infinite) return z;
  const Unpacked a = unpack(format, x), b = unpack(format, y);
  const WideNumber product{sign != 0, a.exponent + b.exponent,
                           multiply(a.significand, b.significand)};
  return add_numbers(format, product, widened(format, z));
}

}  // namespace gantry::interp

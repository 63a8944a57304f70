#pragma once
// IEEE 754 binary formats of up to 128 bits in integer arithmetic: what no host type does for every
// format CLIF has. Values are bit patterns, zero-extended; rounding is to nearest, ties to even.
#include "gantry/interp/bits.h"

namespace gantry::interp {

struct FloatFormat {
  u32 bits;           // of the whole
  u32 fraction_bits;  // stored ones
  constexpr i32 bias() const { return (1 << (bits - fraction_bits - 2)) - 1; }
  constexpr u32 exponent_mask() const { return (1u << (bits - 1 - fraction_bits)) - 1; }
  u128 sign_bit() const { return u128{1} << (bits - 1); }
  u128 infinity() const { return u128{exponent_mask()} << fraction_bits; }
  u128 canonical_nan() const { return infinity() | u128{1} << (fraction_bits - 1); }
};
inline constexpr FloatFormat kBinary16{16, 10}, kBinary32{32, 23}, kBinary64{64, 52},
    kBinary128{128, 112};
// The format that is `bits` wide.
const FloatFormat& float_format(u32 bits);

inline bool is_nan(const FloatFormat& format, u128 value) {
  return (value & ~format.sign_bit()) > format.infinity();
}

// A finite number: (-1)^negative * significand * 2^exponent.
struct Unpacked {
  bool negative;
  i32 exponent;
  u128 significand;
};
Unpacked unpack(const FloatFormat& format, u128 value);  // of a finite value
// Rounds; `sticky` says that the significand stands for slightly more than itself (below its last
// bit).
u128 round_pack(const FloatFormat& format, Unpacked number, bool sticky);

// Bits of the relation that holds between two floats; exactly one of them.
enum Relation : u8 { kUnordered = 1, kEqual = 2, kLess = 4, kGreater = 8 };
Relation compare(const FloatFormat& format, u128 x, u128 y);

// Results that are NaN are the positive canonical NaN, here and below.
u128 float_min(const FloatFormat& format, u128 x, u128 y);
u128 float_max(const FloatFormat& format, u128 x, u128 y);
enum class Rounding : u8 { Up, Down, Zero, NearestEven };
u128 round_to_integral(const FloatFormat& format, u128 x, Rounding rounding);
u128 convert(const FloatFormat& from, u128 x, const FloatFormat& to);
u128 from_int(u128 magnitude, bool negative, const FloatFormat& to);

// x truncated toward zero, if the integer type holds it.
struct IntConversion {
  enum class Kind : u8 { Exact, Nan, TooLow, TooHigh };
  Kind kind;
  u128 value;  // Exact: two's complement in `bits` bits
};
IntConversion to_int(const FloatFormat& format, u128 x, u32 bits, bool is_signed);

// Arithmetic. The interpreter uses the host for binary32 and binary64 and these for the rest; tests
// hold the two against each other.
u128 float_add(const FloatFormat& format, u128 x, u128 y);
u128 float_sub(const FloatFormat& format, u128 x, u128 y);
u128 float_mul(const FloatFormat& format, u128 x, u128 y);
u128 float_div(const FloatFormat& format, u128 x, u128 y);
u128 float_sqrt(const FloatFormat& format, u128 x);
u128 float_fma(const FloatFormat& format, u128 x, u128 y, u128 z);

}  // namespace gantry::interp

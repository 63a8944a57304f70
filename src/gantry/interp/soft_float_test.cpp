// The integer arithmetic against the host's: bit for bit on binary32 and binary64, and for small
// formats against sums that binary64 holds exactly.
#include "gantry/interp/soft_float.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace gantry::interp {
namespace {

// Random bits, every other time near the interesting exponents.
class Numbers {
 public:
  u64 next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545f4914f6cdd1du;
  }
  u128 pick(const FloatFormat& format) {
    const u128 bits = (u128{next()} << 64 | next()) & mask_of(format.bits);
    switch (next() % 8) {
      case 0:
        return bits & format.sign_bit();
      case 1:
        return (bits & format.sign_bit()) | format.infinity();
      case 2:
        return bits & (format.sign_bit() | mask_of(format.fraction_bits));  // subnormal
      case 3:
        return (bits & format.sign_bit()) | (format.infinity() - 1 - (next() & 3));
      case 4:  // near one
      case 5: {
        const u128 one = u128(format.bias() + static_cast<i32>(next() % 7) - 3)
                         << format.fraction_bits;
        return (bits & (format.sign_bit() | mask_of(format.fraction_bits))) | one;
      }
      default:
        return bits;
    }
  }

 private:
  u64 state_ = 0x9e3779b97f4a7c15;
};

template <class Host>
Host host(u128 bits) {
  Host value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <class Host>
u128 bits_of(Host value) {
  if (std::isnan(value)) return float_format(8 * sizeof value).canonical_nan();
  u128 bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <class Host>
void agrees_with_host() {
  const FloatFormat& format = float_format(8 * sizeof(Host));
  Numbers numbers;
  for (int i = 0; i < 200000; ++i) {
    const u128 x = numbers.pick(format), y = numbers.pick(format), z = numbers.pick(format);
    const Host a = host<Host>(x), b = host<Host>(y), c = host<Host>(z);
    SCOPED_TRACE(testing::Message() << a << " " << b << " " << c);
    ASSERT_TRUE(float_add(format, x, y) == bits_of(a + b));
    ASSERT_TRUE(float_sub(format, x, y) == bits_of(a - b));
    ASSERT_TRUE(float_mul(format, x, y) == bits_of(a * b));
    ASSERT_TRUE(float_div(format, x, y) == bits_of(a / b));
    ASSERT_TRUE(float_sqrt(format, x) == bits_of(std::sqrt(a)));
    ASSERT_TRUE(float_fma(format, x, y, z) == bits_of(std::fma(a, b, c)));
    ASSERT_TRUE(round_to_integral(format, x, Rounding::Up) == bits_of(std::ceil(a)));
    ASSERT_TRUE(round_to_integral(format, x, Rounding::Down) == bits_of(std::floor(a)));
    ASSERT_TRUE(round_to_integral(format, x, Rounding::Zero) == bits_of(std::trunc(a)));
    ASSERT_TRUE(round_to_integral(format, x, Rounding::NearestEven) == bits_of(std::nearbyint(a)));
    ASSERT_EQ(compare(format, x, y), a < b    ? kLess
                                     : a > b  ? kGreater
                                     : a == b ? kEqual
                                              : kUnordered);
    const u64 whole = numbers.next() >> (numbers.next() % 64);
    ASSERT_TRUE(from_int(whole, false, format) == bits_of(static_cast<Host>(whole)));
    if (std::trunc(a) >= -0x1p63 && std::trunc(a) < 0x1p63) {
      const IntConversion to = to_int(format, x, 64, true);
      ASSERT_EQ(to.kind, IntConversion::Kind::Exact);
      ASSERT_EQ(static_cast<i64>(to.value), static_cast<i64>(a));
    }
  }
}

TEST(SoftFloat, agrees_with_the_host_on_binary32) { agrees_with_host<float>(); }
TEST(SoftFloat, agrees_with_the_host_on_binary64) { agrees_with_host<double>(); }

TEST(SoftFloat, agrees_with_the_host_on_conversions) {
  Numbers numbers;
  for (int i = 0; i < 200000; ++i) {
    const u128 x = numbers.pick(kBinary64), y = numbers.pick(kBinary32);
    ASSERT_TRUE(convert(kBinary64, x, kBinary32) == bits_of(static_cast<float>(host<double>(x))));
    ASSERT_TRUE(convert(kBinary32, y, kBinary64) == bits_of(static_cast<double>(host<float>(y))));
  }
}

// Sums, differences and products of binary16 are exact in binary64, and quotients and roots are
// innocuous there.
TEST(SoftFloat, binary16_is_binary64_rounded) {
  Numbers numbers;
  for (int i = 0; i < 200000; ++i) {
    const u128 x = numbers.pick(kBinary16), y = numbers.pick(kBinary16);
    const double a = host<double>(convert(kBinary16, x, kBinary64)),
                 b = host<double>(convert(kBinary16, y, kBinary64));
    const auto rounded = [](double value) { return convert(kBinary64, bits_of(value), kBinary16); };
    ASSERT_TRUE(float_add(kBinary16, x, y) == rounded(a + b));
    ASSERT_TRUE(float_mul(kBinary16, x, y) == rounded(a * b));
    ASSERT_TRUE(float_div(kBinary16, x, y) == rounded(a / b));
    ASSERT_TRUE(float_sqrt(kBinary16, x) == rounded(std::sqrt(a)));
  }
}

// Every binary16 number survives the way to binary128 and back; arithmetic on small integers is
// exact there.
TEST(SoftFloat, binary128) {
  for (u32 bits = 0; bits < 0x10000; ++bits) {
    const u128 wide = convert(kBinary16, bits, kBinary128);
    ASSERT_TRUE(convert(kBinary128, wide, kBinary16) ==
                (is_nan(kBinary16, bits) ? kBinary16.canonical_nan() : bits));
  }
  Numbers numbers;
  for (int i = 0; i < 100000; ++i) {
    const u64 a = numbers.next() >> 8, b = numbers.next() >> 8 | 1;
    const u128 x = from_int(a, false, kBinary128), y = from_int(b, false, kBinary128);
    const u128 product = float_mul(kBinary128, x, y);
    ASSERT_TRUE(float_add(kBinary128, x, y) == from_int(a + b, false, kBinary128));
    ASSERT_TRUE(float_sub(kBinary128, x, y) == from_int(a < b ? b - a : a - b, a < b, kBinary128));
    ASSERT_TRUE(product == from_int(u128{a} * b, false, kBinary128));
    ASSERT_TRUE(float_div(kBinary128, product, y) == x);
    ASSERT_TRUE(float_sqrt(kBinary128, float_mul(kBinary128, x, x)) == x);
    ASSERT_TRUE(float_fma(kBinary128, x, y, float_sub(kBinary128, 0, product)) == 0);
  }
}

}  // namespace
}  // namespace gantry::interp

// Problem: a division takes ten times as long as a multiplication, and most divisors are constants.
// Idea (Granlund and Montgomery, 1994): multiply by the reciprocal, scaled by 2^p and rounded up:
// M = ceil(2^p / d) = (2^p + e) / d with 0 <= e < d. Then x * M / 2^p = x/d + (x/d) * (e / 2^p), a
// little more than x/d; it has the same integral part as long as the error doesn't carry it to the
// next multiple of 1/d that is integral. The least p that does it gives the smallest multiplier.
// Invariant: from p to p + 1 the error e becomes 2e or 2e - d, so the condition, once true, stays
// true, and a loop that doubles 2^p mod d finds the least p without any division.
#include "gantry/opt/magic.h"

#include <bit>

#include "gantry/support/check.h"

namespace gantry::opt {
namespace {

u128 exact_reciprocal(u64 shift, u64 divisor) {
  GANTRY_DCHECK(shift <= 127 && divisor >= 2);
  return ((u128{1} << shift) - 1) / divisor + 1;
}

u32 bits_of(u128 value) {
  const u64 high = static_cast<u64>(value >> 64), low = static_cast<u64>(value);
  return static_cast<u32>(high != 0 ? 64 + std::bit_width(high) : std::bit_width(low));
}

// The least shift with worst * e <= 2^shift - 1 + (equal ? 1 : 0).
u64 least_shift(u64 worst, u64 divisor, bool equal) {
  u64 rest = 1;  // 2^shift mod divisor
  for (u64 shift = 0;; ++shift) {
    const u64 error = rest == 0 ? 0 : divisor - rest;
    const u128 product = u128{worst} * error, power = u128{1} << shift;
    if (product < power || (equal && product == power)) return shift;
    GANTRY_DCHECK(shift < 127);
    rest = rest >= divisor - rest ? rest - (divisor - rest) : 2 * rest;
  }
}

}  // namespace

u64 reciprocal(u64 shift, u64 divisor) {
  return static_cast<u64>(exact_reciprocal(shift, divisor));
}

u64 reciprocal_product_bits(u64 max, u64 shift, u64 divisor) {
  const u128 multiplier = exact_reciprocal(shift, divisor);
  if (multiplier >> 64 != 0) return 65;
  const u32 bits = bits_of(multiplier * max);
  return bits > 64 ? 65 : bits;
}

u64 unsigned_reciprocal_shift(u64 max, u64 divisor) {
  // Numbers that leave d - 1 are nearest to the next quotient; the greatest of them has the
  // greatest error. Others beyond it have more room than their error grows by.
  const u64 below = max - divisor + 1;  // max + 1 - divisor
  const u64 worst = below / divisor * divisor + divisor - 1;
  return least_shift(worst, divisor, false);
}

u64 signed_reciprocal_shift(u64 bits, u64 divisor) {
  // For x = -y the product must lie above -(floor(y / d) + 1), or be equal to it: y * e <= 2^p.
  return least_shift(u64{1} << (bits - 1), divisor, true);
}

u64 inverse(u64 odd) {
  u64 x = odd;  // right in its three low bits: odd * odd = 1 modulo 8; each step doubles them
  for (u32 bits = 3; bits < 64; bits *= 2) x *= 2 - odd * x;
  return x;
}

}  // namespace gantry::opt

#pragma once
// Numbers that turn divisions by constants into multiplications: pure arithmetic, which the tests
// compare with division itself.
#include "gantry/support/int_types.h"

namespace gantry::opt {

// ceil(2^shift / divisor) is the multiplier M. Needs divisor >= 2 and shift <= 127; M < 2^65 for
// the shifts below. Its low 64 bits, and how many bits max * M has (65 stands for more than 64).
u64 reciprocal(u64 shift, u64 divisor);
u64 reciprocal_product_bits(u64 max, u64 shift, u64 divisor);

// The least shift with floor(x * M / 2^shift) = floor(x / divisor) for all x <= max. Any greater
// shift does, too. Needs 2 <= divisor <= max and divisor < 2^63.
u64 unsigned_reciprocal_shift(u64 max, u64 divisor);

// The least shift with trunc(x / divisor) = floor(x * M / 2^shift) + (x < 0 ? 1 : 0) for all
// numbers x of `bits` bits with sign. Any greater shift does, too. `divisor` is no power of two and
// less than 2^(bits - 1).
u64 signed_reciprocal_shift(u64 bits, u64 divisor);

// The number x with x * odd = 1 modulo 2^64.
u64 inverse(u64 odd);

}  // namespace gantry::opt

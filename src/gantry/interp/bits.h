#pragma once
// Integers of up to 128 bits as the interpreter keeps them: zero-extended in a u128.
#include "gantry/support/int_types.h"

namespace gantry::interp {

inline u128 mask_of(u32 bits) { return bits >= 128 ? ~u128{0} : (u128{1} << bits) - 1; }
inline u128 shift_left(u128 value, u32 amount) { return amount >= 128 ? 0 : value << amount; }
inline u128 shift_right(u128 value, u32 amount) { return amount >= 128 ? 0 : value >> amount; }
// The `bits` low bits (1 to 128) read as two's complement.
inline i128 sign_extend(u128 value, u32 bits) {
  return static_cast<i128>(value << (128 - bits)) >> (128 - bits);
}
inline i128 signed_min(u32 bits) { return sign_extend(u128{1} << (bits - 1), bits); }
inline i128 signed_max(u32 bits) { return static_cast<i128>(mask_of(bits) >> 1); }

inline u32 bit_length(u128 value) {
  const u64 high = static_cast<u64>(value >> 64), low = static_cast<u64>(value);
  if (high != 0) return 128 - static_cast<u32>(__builtin_clzll(high));
  return low != 0 ? 64 - static_cast<u32>(__builtin_clzll(low)) : 0;
}
inline u32 pop_count(u128 value) {
  return static_cast<u32>(__builtin_popcountll(static_cast<u64>(value)) +
                          __builtin_popcountll(static_cast<u64>(value >> 64)));
}
inline u32 trailing_zeros(u128 value, u32 bits) {
  const u64 low = static_cast<u64>(value), high = static_cast<u64>(value >> 64);
  if (low != 0) return static_cast<u32>(__builtin_ctzll(low));
  return high != 0 ? 64 + static_cast<u32>(__builtin_ctzll(high)) : bits;
}
// The bytes of a value of `bytes` bytes in reverse order.
inline u128 swap_bytes(u128 value, u32 bytes) {
  const u128 swapped = u128{__builtin_bswap64(static_cast<u64>(value))} << 64 |
                       __builtin_bswap64(static_cast<u64>(value >> 64));
  return bytes == 0 ? 0 : swapped >> (128 - 8 * bytes);
}

struct Wide {
  u128 high, low;
};
// The whole product.
inline Wide multiply(u128 x, u128 y) {
  const u128 half = ~u64{0};
  const u128 ll = (x & half) * (y & half), lh = (x & half) * (y >> 64);
  const u128 hl = (x >> 64) * (y & half), hh = (x >> 64) * (y >> 64);
  const u128 middle = (ll >> 64) + (lh & half) + (hl & half);
  return {hh + (lh >> 64) + (hl >> 64) + (middle >> 64), middle << 64 | (ll & half)};
}

}  // namespace gantry::interp

#include "../kernel.h"

uint64_t bit_tricks(uint8_t *memory, uint64_t n) {
  (void)memory;
  uint64_t x = 88172645463325252u, sum = 0;
  for (uint64_t i = 0; i < n; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    uint64_t ones = __builtin_popcountll(x), lead = __builtin_clzll(x | 1), trail = __builtin_ctzll(x | 1ull << 63);
    uint64_t gray = x ^ x >> 1;
    sum += ones * (lead + trail);
    sum = (sum << 5 | sum >> 59) ^ __builtin_bswap64(gray);
  }
  return sum;
}

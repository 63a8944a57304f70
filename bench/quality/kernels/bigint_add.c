#include "../kernel.h"

uint64_t bigint_add(uint8_t *memory, uint64_t n) {
  uint64_t *x = (uint64_t *)memory, *y = x + 64;
  for (uint64_t round = 0; round < n; ++round) {
    uint8_t carry = 0;
    for (uint64_t i = 0; i < 64; ++i) {
      uint64_t s, t;
      uint8_t c = __builtin_add_overflow(x[i], y[i], &s);
      uint8_t d = __builtin_add_overflow(s, (uint64_t)carry, &t);
      x[i] = t;
      carry = c | d;
    }
    uint64_t *swap = x;
    x = y;
    y = swap;
  }
  return x[63];
}

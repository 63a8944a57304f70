#include "../kernel.h"

uint64_t bigint_mul(uint8_t *memory, uint64_t n) {
  uint64_t *a = (uint64_t *)memory, *b = a + 16, *p = b + 16;
  for (uint64_t round = 0; round < n; ++round) {
    for (uint64_t i = 0; i < 32; ++i) p[i] = 0;
    for (uint64_t i = 0; i < 16; ++i) {
      uint64_t carry = 0;
      for (uint64_t j = 0; j < 16; ++j) {
        unsigned __int128 t = (unsigned __int128)a[i] * b[j] + p[i + j] + carry;
        p[i + j] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
      }
      p[i + 16] = carry;
    }
    for (uint64_t i = 0; i < 16; ++i) b[i] = p[i];
  }
  return p[31];
}

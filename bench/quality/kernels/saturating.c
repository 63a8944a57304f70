#include "../kernel.h"

uint64_t saturating(uint8_t *memory, uint64_t n) {
  int16_t *a = (int16_t *)memory, *b = (int16_t *)(memory + 4096);
  uint8_t *c = memory + 8192, *d = memory + 4096;
  for (uint64_t round = 0; round < n; ++round) {
    for (int i = 0; i < 1024; ++i) {
      int32_t s = a[i] + (b[i] >> 3);
      s = s < 32767 ? s : 32767;
      s = s > -32768 ? s : -32768;
      a[i] = (int16_t)s;
    }
    for (int i = 0; i < 1024; ++i) {
      uint8_t sum;
      c[i] = __builtin_add_overflow(c[i], (uint8_t)(d[i] >> 4), &sum) ? 255 : sum;
    }
    a[10] = (int16_t)round;
  }
  return *(uint64_t *)(memory + 512);
}

#include "../kernel.h"

NOINLINE uint64_t find(const uint8_t *a, uint64_t from, uint64_t length, uint8_t needle) {
  uint64_t i = from;
  while (i < length && a[i] != needle) ++i;
  return i;
}

uint64_t memchr_like(uint8_t *memory, uint64_t n) {
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    uint64_t at = 0;
    while ((at = find(memory, at, 8192, (uint8_t)round)) < 8192) sum += at++;
  }
  return sum;
}

#include "../kernel.h"

uint64_t slots_scalars(uint8_t *memory, uint64_t n) {
  (void)memory;
  uint64_t seed = 1, sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = (seed >> 32) + 1, y = (seed & 4294967295u) + 1;
    uint32_t shift = 0;
    while (((x | y) & 1) == 0) {
      x = x >> 1;
      y = y >> 1;
      ++shift;
    }
    while ((x & 1) == 0) x = x >> 1;
    do {
      while ((y & 1) == 0) y = y >> 1;
      if (x > y) {
        uint64_t swap = x;
        x = y;
        y = swap;
      }
      y = y - x;
    } while (y != 0);
    sum = sum + (x << shift);
  }
  return sum;
}

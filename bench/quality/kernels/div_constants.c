#include "../kernel.h"

uint64_t div_constants(uint8_t *memory, uint64_t n) {
  (void)memory;
  uint64_t seed = 1, sum = 0;
  for (uint64_t i = 0; i < n; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = seed >> 24;
    for (uint64_t v = x; v != 0; v = v / 10) sum += v % 10;
    uint32_t t = (uint32_t)x, seconds = t % 60, minutes = t / 60 % 60, hours = t / 3600 % 24;
    int32_t weekday = (int32_t)t / 86400 % 7;
    uint32_t all = ((hours * 100 + minutes) * 100 + seconds) * 8 + (uint32_t)weekday;
    sum = sum * 31 + (uint64_t)(int64_t)(int32_t)all;
  }
  return sum;
}

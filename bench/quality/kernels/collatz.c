#include "../kernel.h"

uint64_t collatz(uint8_t *memory, uint64_t n) {
  (void)memory;
  uint64_t sum = 0;
  for (uint64_t i = 1; i <= n; ++i) {
    for (uint64_t x = i; x != 1; ++sum) {
      if (x % 2 == 0) {
        x = x / 2;
      } else {
        x = x * 3 + 1;
      }
    }
  }
  return sum;
}

#include "../kernel.h"

NOINLINE uint64_t fib_of(uint64_t x) { return x < 2 ? x : fib_of(x - 1) + fib_of(x - 2); }

uint64_t fib(uint8_t *memory, uint64_t n) {
  (void)memory;
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) sum = sum * 3 + fib_of(16 + (sum & 1));
  return sum;
}

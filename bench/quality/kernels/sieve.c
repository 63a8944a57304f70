#include "../kernel.h"

uint64_t sieve(uint8_t *memory, uint64_t n) {
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    for (uint64_t i = 0; i < 16384; ++i) memory[i] = 1;
    for (uint64_t p = 2; p * p < 16384; ++p) {
      if (memory[p] != 0) {
        for (uint64_t k = p * p; k < 16384; k += p) memory[k] = 0;
      }
    }
    for (uint64_t i = 2; i < 16384; ++i) sum += memory[i];
  }
  return sum;
}

#include "../kernel.h"

uint64_t prefix_sums(uint8_t *memory, uint64_t n) {
  uint32_t *a = (uint32_t *)memory;
  for (uint64_t round = 0; round < n; ++round) {
    for (int i = 1; i < 2048; ++i) a[i] = a[i - 1] + a[i];
  }
  return *(uint64_t *)(memory + 8184);
}

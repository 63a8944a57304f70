#include "../kernel.h"

uint64_t insertion_sort(uint8_t *memory, uint64_t n) {
  uint32_t *a = (uint32_t *)memory;
  uint32_t seed = 1;
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    for (int i = 0; i < 64; ++i) {
      seed = seed * 1664525 + 1013904223;
      a[i] = seed;
    }
    for (int i = 1; i < 64; ++i) {
      uint32_t x = a[i];
      int j = i - 1;
      while (j >= 0 && a[j] > x) {
        a[j + 1] = a[j];
        --j;
      }
      a[j + 1] = x;
    }
    sum = sum * 31 + a[20];
  }
  return sum;
}

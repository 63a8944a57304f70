#include "../kernel.h"

NOINLINE void sort_range(uint32_t *a, int64_t lo, int64_t hi) {
  if (lo >= hi) return;
  uint32_t pivot = a[lo + (hi - lo) / 2];
  int64_t i = lo, j = hi;
  while (i <= j) {
    while (a[i] < pivot) ++i;
    while (a[j] > pivot) --j;
    if (i <= j) {
      uint32_t s = a[i], t = a[j];
      a[i] = t;
      a[j] = s;
      ++i;
      --j;
    }
  }
  sort_range(a, lo, j);
  sort_range(a, i, hi);
}

uint64_t quicksort(uint8_t *memory, uint64_t n) {
  uint32_t *a = (uint32_t *)memory;
  uint32_t seed = 1;
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    for (int64_t i = 0; i < 1024; ++i) {
      seed = seed * 1664525 + 1013904223;
      a[i] = seed;
    }
    sort_range(a, 0, 1023);
    sum = sum * 31 + a[100];
  }
  return sum;
}

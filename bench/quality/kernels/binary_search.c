#include "../kernel.h"

uint64_t binary_search(uint8_t *memory, uint64_t n) {
  int32_t *a = (int32_t *)memory;
  for (int i = 0; i < 4096; ++i) a[i] = i * 524288 + (i & 7);
  uint32_t seed = 1;
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    seed = seed * 1664525 + 1013904223;
    int32_t key = (int32_t)(seed >> 1);
    int lo = 0, hi = 4096;
    while (lo < hi) {
      int mid = lo + (hi - lo) / 2;
      if (a[mid] < key) {
        lo = mid + 1;
      } else {
        hi = mid;
      }
    }
    sum += (int64_t)lo;
  }
  return sum;
}

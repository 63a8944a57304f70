#include "../kernel.h"

uint64_t dot_product(uint8_t *memory, uint64_t n) {
  float *a = (float *)memory, *b = a + 1024;
  for (int i = 0; i < 1024; ++i) {
    a[i] = (float)i;
    b[i] = 1.0f / ((float)i + 1.0f);
  }
  double total = 0;
  for (uint64_t round = 0; round < n; ++round) {
    for (int i = 0; i < 1024; ++i) total += (double)a[i] * b[i];
  }
  return bits_of(total);
}

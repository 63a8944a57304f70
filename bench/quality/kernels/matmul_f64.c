#include "../kernel.h"

uint64_t matmul_f64(uint8_t *memory, uint64_t n) {
  double *a = (double *)memory, *b = a + 2304, *c = b + 2304;
  for (int i = 0; i < 2304; ++i) {
    a[i] = i % 7;
    b[i] = i % 5 - 2;
  }
  double total = 0;
  for (uint64_t round = 0; round < n; ++round) {
    for (int i = 0; i < 48; ++i) {
      for (int j = 0; j < 48; ++j) {
        double s = 0;
        for (int k = 0; k < 48; ++k) s += a[i * 48 + k] * b[k * 48 + j];
        c[i * 48 + j] = s;
      }
    }
    total += c[500];
    a[0] += 1;
  }
  return bits_of(total);
}

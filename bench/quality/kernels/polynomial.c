#include "../kernel.h"

uint64_t polynomial(uint8_t *memory, uint64_t n) {
  double *c = (double *)memory, *xs = c + 512;
  for (int i = 0; i < 8; ++i) c[i] = memory[65536 + i] * 0.00390625;
  for (int i = 0; i < 512; ++i) xs[i] = i * 0.001953125;
  for (uint64_t round = 0; round < n; ++round) {
    for (int i = 0; i < 512; ++i) {
      double x = xs[i], s = 0;
      for (int k = 0; k < 8; ++k) s = s * x + c[k];
      xs[i] = s * 0.3671875;
    }
  }
  return bits_of(xs[100]);
}

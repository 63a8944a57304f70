#include "../kernel.h"

uint64_t mandelbrot(uint8_t *memory, uint64_t n) {
  (void)memory;
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        double cx = x * 0.09375 - 2, cy = y * 0.078125 - 1.25, zx = 0, zy = 0;
        int k = 0;
        while (k < 50 && zx * zx + zy * zy <= 4) {
          double nx = zx * zx - zy * zy + cx;
          zy = 2 * zx * zy + cy;
          zx = nx;
          ++k;
        }
        sum += (int64_t)k;
      }
    }
    sum = sum * 31 ^ round;
  }
  return sum;
}

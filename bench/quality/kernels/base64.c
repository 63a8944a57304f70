#include "../kernel.h"

uint64_t base64(uint8_t *src, uint64_t n) {
  uint8_t *dst = src + 32768, *table = src + 65536;
  for (int k = 0; k < 64; ++k) {
    table[k] = (uint8_t)(k < 26 ? k + 65 : k < 52 ? k + 71 : k < 62 ? k - 4 : k == 62 ? 43 : 47);
  }
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    for (uint32_t in = 0, out = 0; in < 3072; in += 3, out += 4) {
      uint32_t bits = (uint32_t)src[in] << 16 | (uint32_t)src[in + 1] << 8 | src[in + 2];
      dst[out] = table[bits >> 18 & 63];
      dst[out + 1] = table[bits >> 12 & 63];
      dst[out + 2] = table[bits >> 6 & 63];
      dst[out + 3] = table[bits & 63];
    }
    uint8_t last = dst[round % 4096];
    src[round % 3072] = last;
    sum = sum * 31 + last;
  }
  return sum;
}

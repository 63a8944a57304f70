#include "../kernel.h"

uint64_t lz_copy(uint8_t *src, uint64_t n) {
  uint8_t *dst = src + 32768;
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    uint32_t in = 0, out = 256;
    while (in < 4096) {
      uint32_t token = src[in++];
      if ((token & 128) != 0) {
        uint32_t count = (token & 15) + 1;
        for (uint32_t i = 0; i < count; ++i) dst[out++] = src[in++];
      } else {
        uint32_t distance = src[in++] + 1u, length = (token & 31) + 3;
        for (uint32_t i = 0; i < length; ++i, ++out) dst[out] = dst[out - distance];
      }
    }
    src[round & 4095] = dst[out - 1];
    sum = sum * 31 + out;
  }
  return sum;
}

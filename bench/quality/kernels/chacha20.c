#include "../kernel.h"

static inline uint32_t rotl(uint32_t x, int k) { return x << k | x >> (32 - k); }
#define QUARTER(a, b, c, d)                  \
  do {                                       \
    x[a] += x[b];                            \
    x[d] = rotl(x[d] ^ x[a], 16);            \
    x[c] += x[d];                            \
    x[b] = rotl(x[b] ^ x[c], 12);            \
    x[a] += x[b];                            \
    x[d] = rotl(x[d] ^ x[a], 8);             \
    x[c] += x[d];                            \
    x[b] = rotl(x[b] ^ x[c], 7);             \
  } while (0)

uint64_t chacha20(uint8_t *memory, uint64_t n) {
  uint32_t *state = (uint32_t *)memory;
  for (uint64_t round = 0; round < n; ++round) {
    uint32_t x[16];
    for (int i = 0; i < 16; ++i) x[i] = state[i];
    for (int k = 0; k < 10; ++k) {
      QUARTER(0, 4, 8, 12);
      QUARTER(1, 5, 9, 13);
      QUARTER(2, 6, 10, 14);
      QUARTER(3, 7, 11, 15);
      QUARTER(0, 5, 10, 15);
      QUARTER(1, 6, 11, 12);
      QUARTER(2, 7, 8, 13);
      QUARTER(3, 4, 9, 14);
    }
    uint32_t *out = (uint32_t *)(memory + 64) + (round & 63) * 16;
    for (int i = 0; i < 16; ++i) out[i] ^= x[i] + state[i];
    ++state[12];
  }
  return *(uint64_t *)(memory + 64);
}

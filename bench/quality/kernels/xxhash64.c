#include "../kernel.h"

#define P1 0x9e3779b185ebca87u
#define P2 0xc2b2ae3d27d4eb4fu
#define P3 0x165667b19e3779f9u
static inline uint64_t rotl(uint64_t x, int k) { return x << k | x >> (64 - k); }

uint64_t xxhash64(uint8_t *memory, uint64_t n) {
  uint64_t hash = 0;
  for (uint64_t round = 0; round < n; ++round) {
    uint64_t a = hash + P1 + P2, b = hash + P2, c = hash, d = hash - P1;
    for (uint64_t i = 0; i < 4096; i += 32) {
      const uint64_t *p = (const uint64_t *)(memory + i);
      a = rotl(a + p[0] * P2, 31) * P1;
      b = rotl(b + p[1] * P2, 31) * P1;
      c = rotl(c + p[2] * P2, 31) * P1;
      d = rotl(d + p[3] * P2, 31) * P1;
    }
    uint64_t h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    hash = h ^ h >> 32;
  }
  return hash;
}

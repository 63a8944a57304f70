#include "../kernel.h"

static inline uint64_t rotl(uint64_t x, int k) { return x << k | x >> (64 - k); }
#define SIP_ROUND        \
  do {                   \
    a += b;              \
    b = rotl(b, 13) ^ a; \
    a = rotl(a, 32);     \
    c += d;              \
    d = rotl(d, 16) ^ c; \
    a += d;              \
    d = rotl(d, 21) ^ a; \
    c += b;              \
    b = rotl(b, 17) ^ c; \
    c = rotl(c, 32);     \
  } while (0)

uint64_t siphash(uint8_t *memory, uint64_t n) {
  const uint64_t *words = (const uint64_t *)memory;
  uint64_t key = 1;
  for (uint64_t round = 0; round < n; ++round) {
    uint64_t a = key ^ 8317987319222330741u, b = key ^ 7237128888997146477u;
    uint64_t c = key ^ 7816392313619706465u, d = key ^ 8387220255154660723u;
    for (uint64_t i = 0; i < 128; ++i) {
      uint64_t m = words[i];
      d ^= m;
      SIP_ROUND;
      SIP_ROUND;
      a ^= m;
    }
    c ^= 255;
    SIP_ROUND;
    SIP_ROUND;
    SIP_ROUND;
    SIP_ROUND;
    key = a ^ b ^ c ^ d;
  }
  return key;
}

#include "../kernel.h"

uint64_t modpow(uint8_t *memory, uint64_t n) {
  uint64_t modulus = (*(uint64_t *)memory & 1073741823) | 1073741825, sum = 3;
  for (uint64_t round = 0; round < n; ++round) {
    uint64_t base = (sum + round) % modulus, power = 1;
    for (uint64_t e = 65539; e != 0; e >>= 1) {
      if ((e & 1) != 0) power = power * base % modulus;
      base = base * base % modulus;
    }
    sum ^= power;
  }
  return sum;
}

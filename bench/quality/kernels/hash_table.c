#include "../kernel.h"

struct pair {
  uint64_t key, count;
};

uint64_t hash_table(uint8_t *memory, uint64_t n) {
  struct pair *pairs = (struct pair *)memory;
  for (uint64_t i = 0; i < 4096; ++i) pairs[i].key = pairs[i].count = 0;
  uint64_t seed = 1, probes = 0;
  for (uint64_t round = 0; round < n; ++round) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t key = (seed >> 53) + 1;
    for (uint64_t h = key * 0x9e3779b97f4a7c15u >> 52;; h = (h + 1) & 4095, ++probes) {
      if (pairs[h].key == key) {
        ++pairs[h].count;
        break;
      }
      if (pairs[h].key == 0) {
        pairs[h].key = key;
        pairs[h].count = 1;
        break;
      }
    }
  }
  return probes;
}

#include "../kernel.h"

uint64_t fnv1a(uint8_t *memory, uint64_t n) {
  uint32_t hash = 2166136261u;
  for (uint64_t round = 0; round < n; ++round) {
    for (uint64_t i = 0; i < 4096; ++i) hash = (hash ^ memory[i]) * 16777619u;
  }
  return hash;
}

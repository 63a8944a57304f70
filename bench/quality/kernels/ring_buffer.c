#include "../kernel.h"

struct ring {
  uint32_t head, tail, size, unused, words[256];
};

uint64_t ring_buffer(uint8_t *memory, uint64_t n) {
  struct ring *ring = (struct ring *)memory;
  ring->head = ring->tail = ring->size = 0;
  uint64_t x = 1, sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    uint32_t pushes = (uint32_t)x & 15, pops = (uint32_t)(x >> 32) & 15;
    for (uint32_t i = 0; i < pushes; ++i) {
      if (ring->size == 256) continue;
      ring->words[ring->tail] = (uint32_t)x + i;
      ring->tail = (ring->tail + 1) & 255;
      ++ring->size;
    }
    for (uint32_t i = 0; i < pops; ++i) {
      if (ring->size == 0) continue;
      sum += ring->words[ring->head];
      ring->head = (ring->head + 1) & 255;
      --ring->size;
    }
  }
  return sum;
}

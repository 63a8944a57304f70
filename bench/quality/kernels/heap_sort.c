#include "../kernel.h"

static inline uint32_t load_word(const struct heap *heap, uint32_t index) {
  uint64_t offset = index * 4;
  if (offset + 4 > heap->length) __builtin_trap();
  return *(uint32_t *)(heap->base + offset);
}
static inline void store_word(const struct heap *heap, uint32_t index, uint32_t value) {
  uint64_t offset = index * 4;
  if (offset + 4 > heap->length) __builtin_trap();
  *(uint32_t *)(heap->base + offset) = value;
}

NOINLINE void sift(const struct heap *heap, uint32_t root, uint32_t end) {
  for (;;) {
    uint32_t child = root * 2 + 1;
    if (child >= end) return;
    uint32_t x = load_word(heap, child);
    if (child + 1 < end) {
      uint32_t d = load_word(heap, child + 1);
      if (x < d) {
        ++child;
        x = d;
      }
    }
    uint32_t y = load_word(heap, root);
    if (y >= x) return;
    store_word(heap, root, x);
    store_word(heap, child, y);
    root = child;
  }
}

uint64_t heap_sort(uint8_t *memory, uint64_t n) {
  const struct heap *heap = heap_of(memory);
  uint32_t seed = 1;
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    for (uint32_t i = 0; i < 256; ++i) {
      seed = seed * 1664525 + 1013904223;
      store_word(heap, i, seed);
    }
    for (int32_t i = 127; i >= 0; --i) sift(heap, i, 256);
    for (uint32_t end = 255; end > 0; --end) {
      uint32_t first = load_word(heap, 0), last = load_word(heap, end);
      store_word(heap, 0, last);
      store_word(heap, end, first);
      sift(heap, 0, end);
    }
    sum = sum * 31 + load_word(heap, 99);
  }
  return sum;
}

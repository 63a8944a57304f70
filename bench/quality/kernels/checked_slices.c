#include "../kernel.h"

struct slice {
  uint32_t *data;
  uint64_t length;
};

static inline uint32_t *at(struct slice s, uint64_t index) {
  if (index >= s.length) __builtin_trap();
  return &s.data[index];
}

NOINLINE void pass(uint32_t *a, uint64_t a_length, uint32_t *b, uint64_t b_length, uint32_t *c, uint64_t c_length) {
  struct slice sa = {a, a_length}, sb = {b, b_length}, sc = {c, c_length};
  for (uint64_t i = 0; i < c_length; ++i) *at(sc, i) = *at(sa, i) * 3 + *at(sb, i * 7 & 1023);
}

uint64_t checked_slices(uint8_t *memory, uint64_t n) {
  uint32_t *a = (uint32_t *)memory, *b = a + 1024, *c = b + 1024;
  for (uint64_t round = 0; round < n; ++round) {
    pass(a, 1024, b, 1024, c, 1024);
    pass(c, 1024, a, 1024, b, 1024);
  }
  return *(uint64_t *)c;
}

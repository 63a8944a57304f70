// What the kernels in C share. Every kernel is `uint64_t NAME(uint8_t *memory, uint64_t n)`: n
// rounds of its work on kMemorySize bytes, which hold the same pseudo-random bytes before each
// call.
#ifndef BENCH_QUALITY_KERNEL_H
#define BENCH_QUALITY_KERNEL_H

#include <stdint.h>
#include <string.h>

// Where the CLIF has a call, the C has one, too; weak, so that nothing is concluded from the
// arguments of the only call.
#define NOINLINE __attribute__((noinline, weak))

enum { kMemorySize = 131072 };

// In front of the memory are its address and length, for kernels that access it as Wasm does.
struct heap {
  uint8_t* base;
  uint64_t length;
};

static inline const struct heap* heap_of(const uint8_t* memory) {
  return (const struct heap*)memory - 1;
}

static inline uint64_t bits_of(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

#endif

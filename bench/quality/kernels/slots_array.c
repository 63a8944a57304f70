#include "../kernel.h"

uint64_t slots_array(uint8_t *memory, uint64_t n) {
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    uint32_t histogram[16];
    for (int i = 0; i < 16; ++i) histogram[i] = 0;
    for (int i = 0; i < 4096; ++i) {
      uint32_t byte = memory[i];
      histogram[byte & 15] += byte >> 4;
    }
    for (int i = 0; i < 16; ++i) sum = sum * 31 + histogram[i];
    memory[round & 4095] = (uint8_t)sum;
  }
  return sum;
}

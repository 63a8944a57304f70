#include "../kernel.h"

uint64_t crc32_bitwise(uint8_t *memory, uint64_t n) {
  uint32_t crc = 0;
  for (uint64_t round = 0; round < n; ++round) {
    crc = ~crc;
    for (uint64_t i = 0; i < 512; ++i) {
      crc ^= memory[i];
      for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (-(crc & 1) & 0xedb88320u);
    }
    crc = ~crc;
  }
  return crc;
}

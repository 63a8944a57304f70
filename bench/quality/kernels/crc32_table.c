#include "../kernel.h"

uint64_t crc32_table(uint8_t *memory, uint64_t n) {
  uint32_t *table = (uint32_t *)(memory + 65536);
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    table[i] = c;
  }
  uint32_t crc = 0;
  for (uint64_t round = 0; round < n; ++round) {
    crc = ~crc;
    for (uint64_t i = 0; i < 4096; ++i) crc = table[(crc ^ memory[i]) & 255] ^ crc >> 8;
    crc = ~crc;
  }
  return crc;
}

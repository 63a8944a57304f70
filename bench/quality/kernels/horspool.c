#include "../kernel.h"

uint64_t horspool(uint8_t *text, uint64_t n) {
  int32_t *shift = (int32_t *)(text + 65536);
  for (int i = 0; i < 8192; ++i) text[i] &= 3;
  uint64_t count = 0;
  for (uint64_t round = 0; round < n; ++round) {
    const uint8_t *pattern = text + 1000 + round % 1000;
    for (int i = 0; i < 256; ++i) shift[i] = 6;
    for (int i = 0; i < 5; ++i) shift[pattern[i]] = 5 - i;
    for (int i = 0; i <= 8192 - 6;) {
      int j = 5;
      while (j >= 0 && text[i + j] == pattern[j]) --j;
      if (j < 0) ++count;
      i += shift[text[i + 5]];
    }
  }
  return count;
}

#include "../kernel.h"

uint64_t edit_distance(uint8_t *memory, uint64_t n) {
  int32_t *row = (int32_t *)(memory + 65536);
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    const uint8_t *s = memory + (round & 1023), *t = memory + (round & 511) + 4096;
    for (int j = 0; j <= 64; ++j) row[j] = j;
    for (int i = 1; i <= 64; ++i) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= 64; ++j) {
        int above = row[j], replace = diagonal + ((s[i - 1] & 3) != (t[j - 1] & 3));
        int delete = above + 1, insert = row[j - 1] + 1;
        int best = delete < replace ? delete : replace;
        row[j] = insert < best ? insert : best;
        diagonal = above;
      }
    }
    sum = sum * 31 + (int64_t)row[64];
  }
  return sum;
}

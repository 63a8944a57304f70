#include "../kernel.h"

enum { kSpace, kWord, kNumber, kSign };

uint64_t state_machine(uint8_t *a, uint64_t n) {
  for (uint64_t i = 0; i < 4096; ++i) a[i] = (uint8_t)((a[i] & 63) + 32);
  uint64_t words = 0, numbers = 0, signs = 0;
  for (uint64_t round = 0; round < n; ++round) {
    uint32_t state = kSpace;
    for (uint64_t i = 0; i < 4096; ++i) {
      uint32_t c = a[i];
      uint32_t class = c <= 40 ? kSpace : c >= 65 ? kWord : c >= 48 && c <= 57 ? kNumber : kSign;
      switch (state) {
        case kWord:
          if (class == kWord || class == kNumber) continue;
          break;
        case kNumber:
          if (class == kNumber) continue;
          break;
        default:
          break;
      }
      switch (class) {
        case kSpace: state = kSpace; break;
        case kWord: state = kWord; ++words; break;
        case kNumber: state = kNumber; ++numbers; break;
        default: state = kSign; ++signs; break;
      }
    }
    uint8_t *at = &a[round & 4095];
    *at = (uint8_t)(((*at + 7) & 63) + 32);
  }
  return words * 1000003 + numbers * 1009 + signs;
}

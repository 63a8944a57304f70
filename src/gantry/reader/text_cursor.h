#pragma once
// A place in CLIF text, and the lexical questions one can ask there. Nothing is copied: tokens are
// spans of the text.
#include <array>
#include <cstring>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::reader {

enum CharClass : u8 { kSpace = 1, kDigit = 2, kLetter = 4, kWord = 8, kNumberRun = 16, kHex = 32 };

inline constexpr std::array<u8, 256> kCharClass = [] {
  std::array<u8, 256> table{};
  for (u32 c = 9; c <= 13; ++c) table[c] = kSpace;
  table[' '] = kSpace;
  for (u32 c = '0'; c <= '9'; ++c) table[c] = kDigit | kWord | kNumberRun | kHex;
  for (u32 c = 'a'; c <= 'z'; ++c) table[c] = kLetter | kWord | kNumberRun | (c <= 'f' ? kHex : 0);
  for (u32 c = 'A'; c <= 'Z'; ++c) table[c] = kLetter | kWord | kNumberRun | (c <= 'F' ? kHex : 0);
  table['_'] = kWord | kNumberRun;
  table['-'] = kNumberRun;
  table['.'] = kNumberRun;
  return table;
}();
inline bool is_class(char c, u8 classes) { return (kCharClass[static_cast<u8>(c)] & classes) != 0; }

// End of the run of `classes` from `at`.
inline const char* run_end(const char* at, const char* end, u8 classes) {
  while (at != end && is_class(*at, classes)) ++at;
  return at;
}

// Behind the decimal entity number at `at` (no redundant leading zero, nothing of a word behind it,
// at most 2^32-2), or null.
inline const char* scan_entity_number(const char* at, const char* end, u32& number) {
  const char* const first = at;
  u64 value = 0;
  while (at != end && is_class(*at, kDigit)) {
    value = value * 10 + static_cast<u32>(*at - '0');
    if (value > 0xfffffffeu) return nullptr;
    ++at;
  }
  if (at == first || (*first == '0' && at != first + 1) || (at != end && is_class(*at, kWord)))
    return nullptr;
  number = static_cast<u32>(value);
  return at;
}

// Behind the number token at `at`, which may have a sign; `at` itself if there is none.
const char* scan_number(const char* at, const char* end);
// Behind the token at `at`, which is not white space; one byte if no token starts here.
const char* scan_token(const char* at, const char* end);
// Whether a token can start with `c`.
bool starts_token(char c);

}  // namespace gantry::reader

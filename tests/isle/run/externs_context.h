#pragma once
// The host of externs.isle as a concrete class with inline functions, as a code generator would
// have it.
#include <vector>

#include "gantry/gen/isle/externs_test/rules.h"

class Host final {
 public:
  struct below_Cursor {
    int value;
  };
  using upto_Cursor = below_Cursor;
  EXTERNS_CONTEXT_METHODS
  static constexpr Id ZERO() { return Id(0); }
  static constexpr std::uint64_t LIMIT() { return 0xffff'ffff'ffff'ffffu; }

  bool flags[8] = {};
  int fewest_try = 0;
  std::vector<int> effects;
};

// Values from 100 on are instructions.
inline constexpr int kRecords[][4] = {
    {0, 2, 101, 0},  // 100: neg 101
    {0, 2, 4, 0},    // 101: neg 4
    {1, 0, 5, 5},    // 102: add 5 5
    {1, 1, 6, 0},    // 103: sub 6 0
    {1, 1, 6, 7},    // 104: sub 6 7
    {1, 0, 8, 9},    // 105: add 8 9
    {1, 0, 9, 8},    // 106: add 9 8
    {0, 0, 23, 0},   // 107: op0 23
};
inline constexpr int kLeaf[4] = {2, 0, 0, 0};

inline bool Host::is_even(Id x) { return x.value() % 2 == 0; }
inline bool Host::half(Id x, Id& h) {
  if (x.value() % 2 != 0) return false;
  h = Id(x.value() / 2);
  return true;
}
inline bool Host::split(Id x, Id& tens, std::uint8_t& ones) {
  if (x.value() < 10) return false;
  tens = Id(x.value() / 10);
  ones = static_cast<std::uint8_t>(x.value() % 10);
  return true;
}
inline void Host::seen(Id) {}
inline View Host::view(Id x) {
  return x.value() >= 100 && x.value() < 108 ? View(kRecords[x.value() - 100]) : View(kLeaf);
}
inline void Host::divmod(Id x, Id& quotient, std::uint8_t& remainder) {
  quotient = Id(x.value() / 16);
  remainder = static_cast<std::uint8_t>(x.value() % 16);
}
inline Host::below_Cursor Host::below_begin(Id x) { return {x.value()}; }
inline bool Host::below_next(below_Cursor& cursor, Id& x) {
  if (cursor.value == 0) return false;
  x = Id(--cursor.value);
  return true;
}
inline Host::upto_Cursor Host::upto_begin(Id x) { return {x.value()}; }
inline bool Host::upto_next(upto_Cursor& cursor, Id& x) {
  if (cursor.value == 0) return false;
  x = Id(cursor.value--);
  return true;
}
inline Id Host::twice(Id x) { return Id(x.value() * 2); }
inline bool Host::less(Id x, Id& y) {
  if (x.value() < 10) return false;
  y = Id(x.value() - 10);
  return true;
}
inline bool Host::enabled(std::uint8_t flag) { return flags[flag]; }
inline Id Host::emit(Op op, Id x, Id y) {
  effects.push_back(static_cast<int>(op) * 10000 + x.value() * 100 + y.value());
  return Id(1000 + static_cast<int>(effects.size()));
}
inline bool Host::try_emit(Id x, Id& y) {
  effects.push_back(-1);
  if (x.value() < fewest_try) return false;
  y = x;
  return true;
}
inline Box Host::make_box(Id x, std::uint16_t weight) { return {x, weight}; }
inline std::uint64_t Host::weigh(const isle_rules::Shape& shape) {
  switch (shape.kind()) {
    case isle_rules::Shape::Kind::Dot:
      return 1;
    case isle_rules::Shape::Kind::Line:
      return 2;
    case isle_rules::Shape::Kind::Tagged:
      return 3u + shape.Tagged_0().f1;
  }
  return 0;
}

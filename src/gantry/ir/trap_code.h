#pragma once
// Why an instruction trapped: a non-zero byte. Named codes are rows of meta/codes.h; 1 to 250
// belong to the user.
#include "gantry/support/int_types.h"

namespace gantry::ir {

struct TrapCode {
  u8 code = 0;  // 0: "cannot trap", where a place for a code may be empty
  friend constexpr bool operator==(TrapCode, TrapCode) = default;
};

inline constexpr TrapCode kTrapStackOverflow{251};
inline constexpr TrapCode kTrapIntegerOverflow{252};
inline constexpr TrapCode kTrapHeapOutOfBounds{253};
inline constexpr TrapCode kTrapIntegerDivisionByZero{254};
inline constexpr TrapCode kTrapBadConversionToInteger{255};
inline constexpr u8 kMaxUserTrapCode = 250;

}  // namespace gantry::ir

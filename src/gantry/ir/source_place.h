#pragma once
// Where in somebody's source an instruction comes from.
#include "gantry/support/int_types.h"

namespace gantry::ir {

inline constexpr u32 kNoSourceLoc = ~u32{0};
inline constexpr u32 kNoInlineFrame = ~u32{0};

struct SourcePlace {
  u32 location = kNoSourceLoc;
  u32 inline_frame = kNoInlineFrame;  // number of the frame whose source that is; none: its own
  bool is_known() const { return *this != SourcePlace(); }
  friend constexpr bool operator==(SourcePlace, SourcePlace) = default;
};

}  // namespace gantry::ir

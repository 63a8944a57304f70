#pragma once
// A string that can be a template argument.
#include <algorithm>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry {
template <usize N>
struct FixedString {
  char text[N]{};
  constexpr FixedString(const char (&literal)[N]) { std::copy_n(literal, N, text); }  // NOLINT
  constexpr std::string_view view() const { return {text, N - 1}; }
};
}  // namespace gantry

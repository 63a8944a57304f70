#pragma once
// The first half of parsing: text to nested lists, with an explicit stack. Private to the
// component.
#include <string_view>
#include <vector>

#include "gantry/isle/source.h"

namespace gantry::isle {

// One item of the text, in preorder: the children of a list follow it, up to the item at `end`.
struct Item {
  enum class Kind : u8 { List, Word, Integer, At };
  Kind kind = Kind::List;
  bool integer_in_range = true;
  Span span;
  u32 end = 0;  // index of the first item after this one and its children
  std::string_view text;
  i128 value = 0;
};

// Reads the whole of one file. False: one error was added to `findings`.
bool read_items(u32 file, std::string_view text, std::vector<Item>& items, Findings& findings);

}  // namespace gantry::isle

#pragma once
// Syntax back to text.
#include <string>

#include "gantry/isle/ast.h"

namespace gantry::isle {

// All forms in the order they were written, laid out in lines of at most `width` bytes where that
// is possible. Parsing the result gives the same program, apart from positions; comments are lost.
std::string print(const Program& program, const SymbolTable& symbols, u32 width = 78);

}  // namespace gantry::isle

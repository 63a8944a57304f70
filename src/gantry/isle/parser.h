#pragma once
// ISLE text to syntax.
#include "gantry/isle/ast.h"

namespace gantry::isle {

// Parses one file and appends its forms to `program`. Stops at the first error, which is added to
// `findings`; returns false then. Any bytes are acceptable input. Nesting beyond
// limits::kMaxIsleNesting and texts beyond limits::kMaxTextBytes are errors.
bool parse(u32 file, std::string_view text, SymbolTable& symbols, Program& program,
           Findings& findings);

}  // namespace gantry::isle

#pragma once
// Every term that can call itself must say so.
#include "gantry/isle/sema.h"

namespace gantry::isle {

// Reports the terms without `rec` that lie on a cycle of calls.
void check_recursion(const TypedProgram& program, const SymbolTable& symbols, Findings& findings);

}  // namespace gantry::isle

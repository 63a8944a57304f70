#pragma once
// The orders of arguments in which a rule with commutative terms is matched.
#include "gantry/isle/sema.h"

namespace gantry::isle {

// One use of a commutative term in the patterns of a rule. The two patterns that may change places
// carry its number.
struct Exchange {
  TermId term = 0;
  bool possible = false;  // false: the host's canonical order leaves only one
};

// Fills rule.permutations. A finding if there are more orders than max-isle-permutations.
void permute(const TypedProgram& program, const SymbolTable& symbols, Rule& rule,
             const std::vector<Exchange>& exchanges, Findings& findings);

}  // namespace gantry::isle

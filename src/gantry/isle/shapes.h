#pragma once
// What the left sides of rules look like, as macro calls: for programs that make inputs on which
// rules fire.
#include <string>

#include "gantry/isle/sema.h"

namespace gantry::isle {

// A call a line, rule after rule in the order of their numbers, every pattern before its parts. The
// reader of the text defines the macros first:
//   ISLE_SHAPE(number, term, "term", "name", parts)  a rule; `term` is a number
//   ISLE_ANY()                       anything
//   ISLE_BIND(variable)              what the next pattern matches, under this number
//   ISLE_EQUAL(variable)             the same as that
//   ISLE_NUMBER(low, high)           an integer's or bool's bits
//   ISLE_CONST(name)                 $name
//   ISLE_VARIANT(type, name, parts)  a variant, or a struct (whose name is its type's)
//   ISLE_TERM(name, parts)           an extractor of the host
//   ISLE_AND(parts)                  all of them
//   ISLE_HELPER(term, parts)         after the patterns of a rule: an if-let asks a term with rules
//                                    of its own; parts are variables, or anything
std::string rule_shapes(const TypedProgram& program, const SymbolTable& symbols);

}  // namespace gantry::isle

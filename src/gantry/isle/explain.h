#pragma once
// The decision tree of a term as text, for people.
#include <string>

#include "gantry/isle/codegen.h"

namespace gantry::isle {

std::string explain(const TypedProgram& program, const SymbolTable& symbols,
                    const std::vector<SourceFile>& files, const TermCode& term);

}  // namespace gantry::isle

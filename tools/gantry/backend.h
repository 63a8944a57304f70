#pragma once
// The one place of the tool that knows which back ends are linked.
#include "gantry/filetest/backend.h"

namespace gantry::tool {

// Null if this build has no code generation.
const filetest::Backend* code_generation();

}  // namespace gantry::tool

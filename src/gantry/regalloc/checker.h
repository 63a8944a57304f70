#pragma once
// The judge of allocations: symbolic execution of the allocated code, sharing nothing with the
// allocator but the data definitions. Finds any use that would read another value than the input
// asks for.
#include "gantry/regalloc/input.h"
#include "gantry/regalloc/output.h"
#include "gantry/support/result.h"

namespace gantry::regalloc {

// An error names the instruction or edge, the operand and what was found there.
Result<void> check(const Input& input, const MachineEnv& env, const Output& output);

}  // namespace gantry::regalloc

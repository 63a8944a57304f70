#pragma once
// Runs an allocated function along one random path, with numbers for values. A second judge, for
// the checker itself: whatever goes wrong here, the checker must have refused.
#include "gantry/regalloc/input.h"
#include "gantry/regalloc/output.h"

namespace gantry::regalloc::testing {

// False if some use on the path read another value than it should have.
bool simulate(const Input& input, const Output& output, u64 seed, u32 max_blocks);

}  // namespace gantry::regalloc::testing

#pragma once
// Says what is wrong with an input of the allocator, by the rules listed in input.h. For tests,
// fuzzing and checked builds: the allocator itself trusts its input.
#include "gantry/regalloc/input.h"
#include "gantry/support/result.h"

namespace gantry::regalloc {

Result<void> validate(const Input& input);

}  // namespace gantry::regalloc

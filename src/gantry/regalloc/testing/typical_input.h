#pragma once
// Inputs that look like lowered C code for x86-64, for measuring: nested loops and conditions over
// a set of variables, two-address arithmetic, memory operands, calls with fixed arguments and
// clobbers.
#include "gantry/regalloc/dump.h"

namespace gantry::regalloc::testing {

// A function of roughly `num_insts` instructions.
OwnedInput typical_input(u64 seed, u32 num_insts);

}  // namespace gantry::regalloc::testing

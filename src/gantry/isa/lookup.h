#pragma once
// Which back ends exist. Only programs (and the run time) choose one; the pipeline sees TargetIsa.
#include "gantry/target/target_isa.h"

namespace gantry::isa {

// A back end for the target, owned by the caller; Unsupported when there is none for its
// architecture.
Result<target::TargetIsa*> lookup(const target::TargetSpec& spec);

}  // namespace gantry::isa

#pragma once
// The x86-64 back end as the pipeline sees it.
#include "gantry/target/target_isa.h"

namespace gantry::isa::x64 {

// Owned by the caller. Unsupported if the settings ask for something this back end cannot do.
Result<target::TargetIsa*> make_x64(const target::TargetSpec& spec);

}  // namespace gantry::isa::x64

#pragma once
// The one place of the tool that knows which back ends are linked.
#include <memory>

#include "gantry/filetest/backend.h"

namespace gantry::tool {

const filetest::Backend* code_generation();  // never null
// The back end for a target; null, after a complaint, if there is none.
std::unique_ptr<target::TargetIsa> isa_for(const target::TargetSpec& spec);

}  // namespace gantry::tool

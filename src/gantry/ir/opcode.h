#pragma once
// The enumerations generated from meta: opcodes, condition codes, atomic operations.
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::ir {
#include "gantry/gen/meta/opcodes.inc"
}  // namespace gantry::ir

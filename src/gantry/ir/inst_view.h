#pragma once
// A view of an instruction record with named operands per opcode: what ISLE's extern enum InstData is in C++.
#include "gantry/ir/inst_data.h"

namespace gantry::ir {
#include "gantry/gen/meta/inst_view.inc"
}  // namespace gantry::ir

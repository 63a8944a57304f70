#pragma once
// A view of an instruction record with named operands per opcode: what ISLE's extern enum InstData
// is in C++. ValueT is what the words of value operands number: values of a function, or whatever a
// pass keeps records of.
#include "gantry/ir/inst_data.h"

namespace gantry::ir {
#include "gantry/gen/meta/inst_view.inc"
using InstView = BasicInstView<Value>;
}  // namespace gantry::ir

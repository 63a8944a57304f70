#pragma once
// CLIF text of functions and their parts. What is printed reads back as the same function.
#include "gantry/ir/data_value.h"
#include "gantry/ir/function.h"

namespace gantry::ir {

void print(const Function& func, TextWriter& out);
// One instruction without indentation, tags and trailing comment: `v3 = iadd v1, v2`.
void print_inst(const Function& func, Inst inst, TextWriter& out);
void print_function_name(const FunctionName& name, TextWriter& out);
void print_external_name(const Function& func, ExternalName name, TextWriter& out);
// A literal as run commands write it: decimal integers, float literals, vectors as hex.
void print_data_value(const DataValue& value, TextWriter& out);
// Float literals by bit pattern; type is f16, f32, f64 or f128.
void print_float(Type type, u128 bits, TextWriter& out);

}  // namespace gantry::ir

#pragma once
// Makes float arithmetic give the same bits on every machine (setting enable_nan_canonicalization).
#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kCanonicalizeNans{
    "canonicalize-nans", "a NaN that float arithmetic makes becomes the canonical one"};

// Behind each arithmetic instruction whose NaN results have unspecified bits (add, subtract,
// multiply, divide, square root, fused multiply-add, minimum, maximum and the roundings, on scalars
// and fixed vectors; not conversions, whose payloads follow from their operand, nor bit operations)
// come a comparison with itself and a choice between it and the positive quiet NaN without payload.
// The result keeps its number; makes no aliases. Results of dynamic vector types stay as they are:
// they have no constants. Running it twice is correct, and useless. Linear.
void canonicalize_nans(ir::Function& func, Session& session);

}  // namespace gantry::opt

#pragma once
// Values that a collector must find and may move, kept in stack slots across calls.
#include <span>

#include "gantry/ir/function.h"
#include "gantry/support/result.h"

namespace gantry::frontend {

// For each of `values` (repetitions and aliases allowed) that is live across a safepoint: stores it
// to a slot behind its definition, lists the slot in the stack map of each safepoint it is live
// across, and loads it anew where it is used behind one. The function must be complete. Errors
// (Unsupported): a value wider than 16 bytes.
Result<void> spill_at_safepoints(ir::Function& func, ir::Type pointer_type,
                                 std::span<const ir::Value> values);

}  // namespace gantry::frontend

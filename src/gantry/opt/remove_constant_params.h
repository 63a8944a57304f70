#pragma once
// Removes block parameters that always hold the same value: front ends pass every local around
// every loop.
#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kRemoveConstantParams{
    "remove-constant-params",
    "block parameters that every edge gives the same value become that value"};

// Parameters whose every incoming edge passes one value (or the parameter itself) become aliases of
// it; their block, and all calls of it, lose them. Values must not be aliases yet on entry (call
// resolve_all_aliases before); afterwards they may be. Linear in block calls and their arguments.
void remove_constant_params(ir::Function& func, Session& session);

}  // namespace gantry::opt

#pragma once
// Ranges of loop counters, found before the loop is walked: what a forward walk in one go cannot
// know otherwise.
#include "gantry/opt/internal/egraph_state.h"

namespace gantry::opt {

// What is known of parameter `index` of the loop head `block` (a block number), from its values on
// the edges that were walked, its steps on the edges of the loop, and the comparison that lets the
// loop go on. At least what the type says.
Facts loop_param_facts(const ir::Function& func, const EgraphState& state, u32 block, u32 index);

}  // namespace gantry::opt

#pragma once
// Removes stores that are overwritten before anything can see them.
#include "gantry/analysis/flow.h"
#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kEliminateDeadStores{
    "eliminate-dead-stores", "stores that are overwritten before anything sees them go"};

// A store goes if on every path from it another store writes all of its bytes before anything
// observes them: a load that may read one, a call, fence or atomic access, a return, or whatever
// can trap. Two addresses are the same if they are one value plus constants, so the pass is best
// after common subexpressions are. Stores that can trap go only if the other traps just when they
// do, with the same code, and no store is between. A store that cannot trap goes, too, if it puts
// back what a load in its block has read and nothing writes in between. `func` verifies; its
// operands are no aliases. `flow` is that of `func`. Linear: at most max-dead-store-candidates
// later stores are looked at for one instruction. Gives the number of stores removed.
u32 eliminate_dead_stores(ir::Function& func, const analysis::ControlFlow& flow, Session& session);

}  // namespace gantry::opt

#pragma once
// Turns stack slots that only their own loads and stores can reach into values.
#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kPromoteStackSlots{
    "promote-stack-slots", "stack slots whose address goes nowhere become values"};

// A slot falls into pieces: the ranges of bytes that its loads and stores connect. A piece that is
// always written as a whole becomes a value; one that is never read loses its stores; others stay
// in memory. A slot of which nothing is left gets size 0, so that it takes no room in the frame.
// Bytes that were never written read as zero. `func` verifies; its operands are no aliases (call
// resolve_all_aliases before), afterwards they may be. Blocks are not changed, but for parameters.
// Time is linear
// in the size of the function: see the limits max-promoted-places, -args and -params, beyond which
// pieces stay in memory.
// `little_endian`: the byte order of accesses that do not name one.
void promote_stack_slots(ir::Function& func, bool little_endian, Session& session);

}  // namespace gantry::opt

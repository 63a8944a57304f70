#pragma once
// Loops compute addresses by additions instead of from the counter.
#include "gantry/opt/run_egraph.h"

namespace gantry::opt {

inline constexpr PassInfo kReduceStrength{
    "reduce-strength", "what loops compute from their counters becomes additions to new ones"};

// What a loop computes as a multiple of a counter plus what does not change is computed anew where
// that is cheaper: with its unchanging part before the loop, if the multiple is part of an x64
// address (1, 2, 4, 8); else as a parameter of its own that every round adds to. Counters that are
// mainly used extended become wide. Everything is exact: an extension moves only if its operand is
// shown not to wrap. `func` verifies; its operands are no aliases, and are none afterwards; `flow`
// and `facts` are those of `func`. Linear; bounded by max-linear-forms and
// max-loop-counters for each loop. Gives the number of values computed anew.
u32 reduce_strength(ir::Function& func, const FlowAnalyses& flow, const KnownFacts& facts,
                    Session& session);

}  // namespace gantry::opt

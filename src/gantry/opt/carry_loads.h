#pragma once
// Loads of what the round before of a loop left in a register.
#include "gantry/analysis/flow.h"
#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kCarryLoads{
    "carry-loads", "a load of what the round before stored or loaded becomes a loop parameter"};

struct CarryOptions {
  bool big_endian = false;  // of the target: what memory flags without a byte order mean
  bool for_size = false;    // no tests in front of loops
};

// In a loop without loops inside: a load whose address is, with the next round's parameters, that
// of a store or load of this round - or its own - is replaced by a parameter of the loop's head, if
// nothing that may write there is between. `a[i] += a[i - 1]` waits no longer for its own store;
// what stays in one place is loaded once. The first value is what is known to be there in front of
// the loop, or it is loaded there: behind the head's test if the load is behind it, and only if the
// round would have come to it before anything else can be seen, or its flags let it move.
//
// `func` verifies; its operands are no aliases, before and after. `flow` is that of `func` before;
// if the answer is not 0 there may be new blocks. Linear: loops of more than max-carry-blocks
// blocks or max-carry-accesses memory accesses are left alone. Gives the number of loads replaced.
u32 carry_loads(ir::Function& func, const analysis::ControlFlow& flow, const CarryOptions& options,
                Session& session);

}  // namespace gantry::opt

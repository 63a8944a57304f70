#pragma once
// Expansions of pseudo-instructions: one function a row. A new row of shape Pseudo needs its
// function here or in another file of this component; the switch in emit_pseudo() demands it.
#include "gantry/isa/x64/encode.h"

namespace gantry::isa::x64 {

void emit_pseudo(const PseudoInst& inst, EmitContext& context);

#include "gantry/gen/isa/x64/pseudo_decls.inc"

// What atomic_rmw_seq computes from the old value and its operand.
enum class AtomicOp : u8 { Add, Sub, And, Nand, Or, Xor, Xchg, UMin, UMax, SMin, SMax };
// With this bit the number in memory, and so the result, has its bytes in reverse order; the
// operand has not.
inline constexpr u32 kAtomicSwapped = 0x10;

}  // namespace gantry::isa::x64

#pragma once
// What a prologue does to the frame, step by step, in terms no format owns. Writers (.eh_frame
// first) render it.
#include "gantry/regalloc/types.h"
#include "gantry/support/int_types.h"

namespace gantry::unwind {

struct UnwindInst {
  enum class Kind : u8 {
    PushFrameRegs,   // return address and frame pointer are pushed; `amount`: bytes from here up to
                     // the caller's sp
    DefineNewFrame,  // the frame pointer now holds sp; `amount`: bytes from it up to the caller's
                     // sp
    StackAlloc,      // sp was lowered by `amount`
    SaveReg,         // `reg` is stored `amount` bytes above the clobber area's base (see `base`)
  };
  Kind kind;
  u32 code_offset;  // end of the instruction that did it
  u32 amount;
  i32 base = 0;        // SaveReg: the slot's own offset from the frame pointer (negative: below it)
  regalloc::PReg reg;  // SaveReg
};

}  // namespace gantry::unwind

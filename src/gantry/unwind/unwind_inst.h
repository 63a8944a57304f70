#pragma once
// What a prologue does to the frame, step by step, in terms no format owns, and what epilogues undo
// of it. Writers (.eh_frame first) render it.
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
    StackFree,       // sp was raised by `amount`: an epilogue, where the frame has no pointer
    FrameGone,       // what follows runs without the frame: all is as at the function's entry
    FrameBack,       // what follows runs with the frame as all steps before the first StackFree or
                     // FrameGone made it
    SaveReg,         // `reg` is stored `base` bytes from the frame pointer, or from where it would
                     // point, which is 16 bytes (two words) below the caller's sp
  };
  Kind kind;
  u32 code_offset;  // end of the instruction that did it
  u32 amount;
  i32 base = 0;        // SaveReg (negative: below)
  regalloc::PReg reg;  // SaveReg
};

}  // namespace gantry::unwind

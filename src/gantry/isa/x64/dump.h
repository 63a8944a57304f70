#pragma once
// A whole function as text, after lowering, after allocation or after emission.
#include "gantry/isa/x64/lower_x64.h"
#include "gantry/regalloc/output.h"

namespace gantry::isa::x64 {

struct FrameBases;

// One line per instruction under the label of its block. With `regs`, places instead of virtual
// registers, and the allocator's moves among the instructions; with `frame`, addresses instead of
// areas of the frame.
void dump_vcode(const X64Lower& lower, const machinst::VCode& vcode, const regalloc::Output* regs,
                const FrameBases* frame, TextWriter& out);

}  // namespace gantry::isa::x64

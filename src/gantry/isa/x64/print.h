#pragma once
// Instructions as text: Intel syntax as LLVM prints it, from the table.
#include <span>

#include "gantry/isa/x64/operand_types.h"
#include "gantry/regalloc/types.h"
#include "gantry/support/text_writer.h"

namespace gantry::isa::x64 {

// What the numbers in an instruction stand for; parts that are missing print as numbers.
struct PrintContext {
  std::span<const u64> constants64;
  // Of the frame, if it is known: then frame modes print as addresses.
  const struct FrameBases* frame = nullptr;
};

// `allocs`: the places of the operands; empty before allocation, then virtual registers are printed
// (v12).
void print_inst(const MInst& inst, std::span<const Operand> operands,
                std::span<const regalloc::Allocation> allocs, const PrintContext& context,
                TextWriter& out);

// The name of a general register at a width of 8 << width_log2 bits, or of an xmm register.
void print_gpr(u32 number, u32 width_log2, TextWriter& out);
std::string_view to_string(CC cc);

}  // namespace gantry::isa::x64

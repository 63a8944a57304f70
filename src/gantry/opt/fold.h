#pragma once
// Constant folding of one instruction: what an opcode computes when all its operands are known.
#include <array>
#include <span>

#include "gantry/ir/opcode.h"
#include "gantry/ir/types.h"

namespace gantry::opt {

// A known value. `bits` are its bytes read as a little-endian number, lane 0 lowest, zero above the
// width of the type.
struct FoldOperand {
  ir::Type type;
  u128 bits;
};

// One instruction that verifies, with constants in place of its value operands (in text order).
struct FoldRequest {
  ir::Opcode opcode;
  u8 aux = 0;  // as in InstData: condition of icmp and fcmp, lane of insertlane and extractlane
  ir::Type result;  // of the first result
  std::span<const FoldOperand> operands;
  const std::array<u8, 16>* shuffle_mask = nullptr;  // shuffle only
  bool bitcast_big_endian = false;                   // bitcast only: lanes are laid out big-endian
};

// Computes the results into results[0..] in the form of FoldOperand::bits and returns how many
// there are; 0 if the instruction is not folded and `results` means nothing. Not folded are:
// everything with an effect, a memory access, an address or no operands; what would trap;
// arithmetic with a NaN as result (its bits are the machine's choice; moves and sign operations
// keep NaNs and are folded); f128 arithmetic; conversions to i128 of 2^127 and above; types of more
// than 128 bits or of dynamic size. Floating-point arithmetic runs on the host, and is left alone
// unless the host is in its default mode (to nearest even, subnormals kept). Constant time; no
// allocation.
u32 fold(const FoldRequest& request, u128 results[2]);

}  // namespace gantry::opt

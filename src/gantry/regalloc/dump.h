#pragma once
// The text form of the allocator's input, for keeping and replaying cases, and of its output, for
// reading.
//
//   ra 1
//   regs int: 0 1 2 saved 3        preferred and non-preferred registers of a class, by hardware
//   number block 1 cold (v4i v5vw)        parameters: a vreg is v NUMBER CLASS (i, f or v), and w
//   if it is wide
//     inst use v4i reg ; def v6i reuse 0 ; clobber i0 i1
//     inst remat def v7i reg
//     branch use v7i fixed 1 ; to 2 (v6i) 3 ()
//   end
#include <string_view>
#include <vector>

#include "gantry/regalloc/input.h"
#include "gantry/regalloc/output.h"
#include "gantry/support/result.h"
#include "gantry/support/text_writer.h"

namespace gantry::regalloc {

// An Input and a MachineEnv with the memory behind them.
struct OwnedInput {
  u32 num_vregs = 0;
  std::vector<u32> block_insts, operand_ranges, successor_ranges, successors, predecessor_ranges,
      predecessors;
  std::vector<u32> param_ranges, branch_arg_ranges, remat;
  std::vector<InstKind> inst_kinds;
  std::vector<Operand> operands;
  std::vector<ClobberEntry> clobbers;
  std::vector<VReg> params, branch_args;
  std::vector<u8> cold_blocks;
  std::vector<u64> wide;
  std::vector<PReg> preferred[kNumRegClasses], non_preferred[kNumRegClasses];

  // Views into this object.
  Input input() const;
  MachineEnv env() const;
  // Fills predecessors from successors.
  void link_predecessors();
};

// With `output`, each line of an instruction shows the places and is followed or preceded by its
// edits; such text is for reading and is not read back.
void dump(const Input& input, const MachineEnv& env, const Output* output, TextWriter& out);

// Syntax errors carry a position. The result may still be invalid (validate.h).
Result<OwnedInput> parse(std::string_view text);

}  // namespace gantry::regalloc

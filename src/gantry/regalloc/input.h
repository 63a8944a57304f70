#pragma once
// All the allocator may know about a function: plain arrays in its own ids, no callbacks, no IR, no
// ISA. It can be written to a file, replayed, minimised and fuzzed with nothing else linked.
//
// What must hold (validate() in validate.h says what does not):
//  - Blocks are numbered in a reverse postorder of the control-flow graph from block 0, so a
//  definition stands in
//    a block of lower number than every block it dominates; every block is reachable.
//  - Block 0 has no predecessors and no parameters.
//  - A block's instructions are the range [block_insts[b], block_insts[b + 1]); the last one is its
//  Branch or
//    Return, and no other is.
//  - SSA: each vreg is defined once, by an operand or as a block parameter, and the definition
//  dominates its uses.
//  - Critical edges are split: an edge's source has one successor or its target has one
//  predecessor. A block with
//    several successors passes no branch arguments except, on an edge whose target has this only
//    predecessor, any.
//  - A Branch may have definitions (a call that ends its block); they are available on its edges.
//  Then all its
//    successors have a single predecessor.
//  - Moves along an edge are placed before the source's Branch when the source has one successor
//  with several
//    predecessors; such a Branch has neither operands nor clobbers.
//  - A reuse definition is late; it names an early use with constraint Any, Reg or Fixed, of its
//  class, and no use is
//    reused twice.
//  - Values of 16 bytes are not of class Int; an argument is of the size of its parameter.
//  - Clobbers of an instruction take effect between its early and its late half; a def fixed to a
//  clobbered
//    register is allowed and wins.
#include <span>

#include "gantry/regalloc/types.h"

namespace gantry::regalloc {

enum class InstKind : u8 { Normal, Branch, Return };

struct ClobberEntry {
  u32 inst;
  PRegSet regs;
};

inline constexpr u32 kNoRemat = ~u32{0};

struct Input {
  u32 num_blocks = 0;
  u32 num_insts = 0;
  u32 num_vregs = 0;
  std::span<const u32> block_insts;      // num_blocks + 1: first instruction of each block
  std::span<const InstKind> inst_kinds;  // by instruction
  std::span<const u32> operand_ranges;   // num_insts + 1: into `operands`
  std::span<const Operand> operands;
  std::span<const ClobberEntry> clobbers;  // sorted by instruction, at most one entry each
  std::span<const u32>
      successor_ranges;             // num_blocks + 1: into `successors`; an index there is an edge
  std::span<const u32> successors;  // block numbers
  std::span<const u32> predecessor_ranges;  // num_blocks + 1: into `predecessors`
  std::span<const u32> predecessors;        // block numbers
  std::span<const u32> param_ranges;        // num_blocks + 1: into `params`
  std::span<const VReg> params;
  std::span<const u32> branch_arg_ranges;  // number of edges + 1: into `branch_args`
  std::span<const VReg> branch_args;       // as many per edge as the target has parameters
  std::span<const u8> cold_blocks;         // by block: 1 if hardly ever executed; empty: none
  // By vreg: the instruction that can be executed again anywhere to make the value (one def, no
  // uses, no effect on flags or memory), or kNoRemat. Empty: none can.
  std::span<const u32> remat;
  // Bit set by vreg: values of 16 bytes, which take two slot words aligned to 16. Empty: none.
  std::span<const u64> wide;
};

// The registers of a machine. Order is preference.
struct MachineEnv {
  std::span<const PReg> preferred[kNumRegClasses];      // tried first: normally what calls clobber
  std::span<const PReg> non_preferred[kNumRegClasses];  // using one costs a save and a restore
};

}  // namespace gantry::regalloc

#pragma once
// What the allocator decides. Nothing of the input is rewritten: places run parallel to the
// operands, and moves are a list.
#include <span>

#include "gantry/regalloc/types.h"

namespace gantry::regalloc {

// One primitive move: register to register, register to slot, slot to register, or rematerialise to
// register. Never slot to slot: the allocator finds (or frees) a register for those itself.
struct Edit {
  u32 point;  // 2 * instruction: before it; 2 * instruction + 1: after it
  Allocation from;
  Allocation to;
  RegClass reg_class;
  bool wide;  // a 16-byte value
};

// Figures of one run, for bench/ and the metrics of the guide.
struct Stats {
  u32 reg_moves = 0;
  u32 loads = 0;
  u32 stores = 0;
  u32 remats = 0;
};

// The loops found, for whoever lays blocks out. Loops are named by their header; ~0: none.
struct LoopForest {
  std::span<const u32> loop_of;  // by block: the innermost loop; empty if there is no loop at all
  std::span<const u32> parent;   // by header: the loop around
};

struct Output {
  std::span<const Allocation> allocs;  // parallel to Input::operands
  std::span<const Edit> edits;         // by point; those at one point in order of execution
  // Operands with Operand::kCommutesBit whose place was exchanged with the next one's, ascending.
  // Not needed to emit code: it tells the checker which of the two ways to prove.
  std::span<const u32> exchanged;
  u32 num_slot_words = 0;  // size of the spill area in 8-byte words
  PRegSet used_regs;       // every register written by an operand or an edit (not clobbers)
  LoopForest loops;
  Stats stats;
};

}  // namespace gantry::regalloc

#pragma once
// Copies the bodies of small innermost loops: all rounds of loops that run a few times, a known
// number of them, and some rounds in a row of others.
#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kUnrollLoops{"unroll-loops", "copies the bodies of small inner loops"};

// What the pass pays; limits of its cost are rows of support/limits.h. An instruction is one that
// is likely to become machine code: not a constant, not a jump.
namespace unroll_policy {
// Rounds of a loop that runs a known number of them are laid out in a row if that makes at most so
// many instructions.
inline constexpr u32 kFullInsts = 96;
inline constexpr u32 kFullRounds = 32;
// Loops of more blocks branch more than they count.
inline constexpr u32 kLoopBlocks = 8;
}  // namespace unroll_policy

struct UnrollOptions {
  bool for_size = false;  // only loops that run once
  u64* fuel = nullptr;    // loops that may still be unrolled, see Session::fuel
};

// A loop is taken if it is natural and innermost, calls nothing and is within the policy; of values
// it defines that are used behind it, every use must be behind one of its exits for certain.
// Its rounds are counted by running what decides its exit on constants, whatever that computes, so
// wrapping counters and tests that step over their limit are met as they are. Every instruction
// runs as often as before and in the same order. Accepts aliases; leaves unreachable blocks and
// blocks that clean_up_flow joins. Whether anything changed. Linear: copies are bounded by
// the policy for each loop, and all together by limits::kMaxUnrollGrowth.
bool unroll_loops(ir::Function& func, const UnrollOptions& options, Session& session);

}  // namespace gantry::opt

#pragma once
// Lays out rounds of small inner loops one after another: less counting, testing and moving between
// them, and more that is constant.
#include "gantry/analysis/flow.h"
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
// A small loop that counts against a limit runs so many rounds under one test, while so many are
// left; the loop as it was does the rest.
inline constexpr u32 kCountedInsts = 12;
inline constexpr u32 kCountedRounds = 4;
// Steps beyond leave no rounds to speak of. (Times the rounds, they must fit the smallest type.)
inline constexpr i64 kMaxStep = 16;
// Other small loops get a second round, each with all its exits. Loops without branches of their
// own that add or multiply floats may be larger: a round waits for the one before, and with fewer
// instructions in between the processor sees the next sum while it waits for this one.
inline constexpr u32 kPartRounds = 2;
inline constexpr u32 kPartInsts = 14;
inline constexpr u32 kStraightBlocks = 2;
inline constexpr u32 kFloatInsts = 24;
// Loops of more blocks branch more than they count.
inline constexpr u32 kLoopBlocks = 8;
}  // namespace unroll_policy

struct UnrollOptions {
  bool for_size = false;  // only loops that run once
  u64* fuel = nullptr;    // loops that may still be unrolled, see Session::fuel
};

// A loop is taken if it is natural and innermost, not cold, calls nothing and is within the policy;
// of the values it defines that are used behind it, every use must be behind one of its exits for
// certain. What it becomes, the first that applies:
//
// - A loop whose exit is decided by constants runs a known number of rounds: they are counted by
//   running what decides, whatever it computes, so counters that wrap and tests that step over
//   their limit are met as they are. All rounds are laid out in a row, without the test.
// - A loop with one latch that counts a parameter of its header in constant steps towards a limit
//   from outside: in front of it goes a loop of several rounds under one test, which asks whether
//   the last of them would be entered, and is false whenever computing that could wrap. The loop
//   itself does the rounds that are left. Other exits stay in all rounds.
// - Else several rounds in a row, each with its exits.
//
// Every instruction with an effect runs as often as before and in the same order. Accepts aliases
// and leaves aliases, unreachable blocks, and blocks that clean_up_flow joins. Whether anything
// changed. Linear: the policy bounds copies of one loop, limits::kMaxUnrollGrowth all together.
bool unroll_loops(ir::Function& func, const analysis::ControlFlow& flow,
                  const UnrollOptions& options, Session& session);

}  // namespace gantry::opt

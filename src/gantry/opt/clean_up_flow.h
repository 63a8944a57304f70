#pragma once
// Simplifies the flow of control: fewer blocks, branches and edges, the same effects in the same
// order.
#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kCleanUpFlow{
    "clean-up-flow",
    "merges blocks, decides and shortens branches, makes conditional traps and selects"};

// What the pass pays; how far it looks are rows of support/limits.h. All of it is counted, so the
// result depends on the function only.
namespace flow_policy {
// Arguments that an edge may gain over those it had when it is led past blocks.
inline constexpr u32 kAddedArgs = 4;
// A `select` costs its latency always, a branch only when it is predicted wrongly. One or two of
// them, behind at most four cheap instructions that now always run, are about what a misprediction
// in ten costs.
inline constexpr u32 kSelects = 2;
inline constexpr u32 kSideInsts = 2;  // constants not counted
// Values looked at to find out what the condition of a loop's branch depends on.
inline constexpr u32 kSteps = 8;
}  // namespace flow_policy

// What it does, until nothing of it applies or a limit is met:
//
// - A block whose only edge comes from a jump joins the block that jumps; parameters of a block
// with
//   one edge become the arguments. Joined blocks run equally often: the whole is cold if a part
//   was, unless it is the entry.
// - An edge to a block that is empty but for its terminator goes where that leads: a jump, or a
//   branch that is decided by a constant among the edge's arguments or by the branch the edge
//   belongs to. Edges of try_call stay; edges are led out of cold blocks only to cold ones; loop
//   headers are passed only if that gives the loop no second entry.
// - A branch with a constant condition, with equal targets and arguments, or on a condition that a
//   branch above it in a chain of blocks with one edge each has decided, becomes a jump.
// - A branch to a block of pure instructions and a `trap` becomes `trapz` or `trapnz` and a jump.
// - A branch whose sides meet at once, or after a few cheap instructions that cannot trap, becomes
// a
//   jump with `select`s for what differs: at most flow_policy::kSelects, scalar integers of at most
//   64 bits (what every target has a conditional move for). Not for cold sides (the branch is
//   predicted well), and into loop headers only if the condition depends on nothing but what the
//   loop carries, by arithmetic, and on some of what differs (else it would put the condition into
//   the chain that the loop carries; the sides of a loop's exit do not meet). Loads and
//   select_spectre_guard never move: no address is used earlier than the branch before it said.
//
// No instruction with an effect is dropped, doubled or moved past another. Branches with debug
// tags, sequence points and stack maps stay where they are, as do blocks that
// get_exception_handler_address names. Accepts aliases and leaves aliases, but no unreachable
// blocks. Whether anything changed. Linear in blocks, edges and their arguments.
bool clean_up_flow(ir::Function& func, Session& session);

}  // namespace gantry::opt

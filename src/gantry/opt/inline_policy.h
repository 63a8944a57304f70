#pragma once
// Which calls are worth the body of their callee: a default policy on top of inline_calls for
// functions that call each other by name.
#include <span>

#include "gantry/ir/function.h"
#include "gantry/support/result.h"
#include "gantry/support/session.h"

namespace gantry::opt {

struct InlineOptions {
  // Whether a definition among the functions is the one every call of its name reaches. If not
  // (another one may win when the program is linked), only calls that say colocated are inlined.
  bool definitions_are_final = false;
};

struct InlineStats {
  u32 functions_changed = 0;
  u32 calls = 0;  // direct calls of functions that were given
  u32 inlined = 0;
  u64 size_before = 0;  // weights of all functions; see kInlineWeights in the .cpp
  u64 size_after = 0;
};

// The numbers of the policy, with reasons. Sizes are weights of instructions: about one machine
// instruction each.
struct InlineNumber {
  std::string_view name;
  u32 value;
  std::string_view why;
};
inline constexpr InlineNumber kInlineCallCost{
    "call-cost", 4, "what a call costs besides its arguments: spills, branch, return"};
inline constexpr InlineNumber kInlineBaseSize{
    "base-size", 16, "bodies up to here are inlined where nothing speaks for or against it"};
inline constexpr InlineNumber kInlineConstArg{
    "const-arg", 4, "more size for each constant argument: what depends on it folds"};
inline constexpr InlineNumber kInlineMaxConstArgs{
    "max-const-args", 4, "constant arguments that count: many of them are seldom all of use"};
inline constexpr InlineNumber kInlineLeaf{
    "leaf", 8, "more size for a body without calls: the caller may stay without spills"};
inline constexpr InlineNumber kInlineMaxLoopDepth{
    "max-loop-depth", 2, "loops around the call that count, each as much size again"};
inline constexpr InlineNumber kInlineOnlyCall{
    "only-call", 64,
    "size of a body with one call among the functions given: seldom more than one copy is made"};
inline constexpr InlineNumber kInlineMinGrowth{"min-growth", 200,
                                               "weight a caller may grow by, however small it is"};
inline constexpr InlineNumber kInlineGrowthPercent{"growth-percent", 100,
                                                   "weight a caller may grow by, of what it had"};
inline constexpr InlineNumber kInlineMaxCaller{
    "max-caller", 20000,
    "weight beyond which a caller takes only bodies that are no larger than the call: allocation "
    "and spilling suffer"};
inline constexpr InlineNumber kInlineStackBytes{
    "stack-bytes", 1024,
    "bytes of stack slots a caller may take over: recursion gets deeper frames"};
inline constexpr InlineNumber kInlineDeclarations{
    "declarations", 64, "entities a body may declare beyond its weight: they are copied too"};
inline constexpr const InlineNumber* kInlineNumbers[] = {
    &kInlineCallCost,      &kInlineBaseSize,     &kInlineConstArg,   &kInlineMaxConstArgs,
    &kInlineLeaf,          &kInlineMaxLoopDepth, &kInlineOnlyCall,   &kInlineMinGrowth,
    &kInlineGrowthPercent, &kInlineMaxCaller,    &kInlineStackBytes, &kInlineDeclarations};

// Inlines calls among `functions`, callees first, so that what is copied is finished; never within
// a recursion. All must verify, with different names (of equal ones the first is meant). Functions
// that look at their frame (readers of frame, stack, return and handler addresses, stack_switch)
// are left alone as callers and callees; so are patchable calls, and callees with a stack limit
// that is not the caller's. Near-linear in the instructions; the weight of large functions at most
// doubles. Errors: those of inline_calls.
Result<InlineStats> inline_functions(std::span<ir::Function* const> functions,
                                     const InlineOptions& options, Session& session);

}  // namespace gantry::opt

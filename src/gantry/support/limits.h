#pragma once
// The implementation limits of Gantry in one table: what they bound and what is reported when they
// are hit (ErrorKind::LimitExceeded with this name in the message). docs/reference/limits.md is the
// same table for readers; every row names the test that hits it.
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::limits {

struct Limit {
  std::string_view name;
  u64 value;
  std::string_view what;
  std::string_view tested_by;
};

// Ids of one kind in one function. Block-call arguments keep two tag bits beside a value number.
inline constexpr Limit kMaxEntities{"max-entities", (u64{1} << 30) - 1,
                                    "entities of one kind in a function",
                                    "tests/limits/misuse_test.cpp"};
// ValueData keeps the number of a result or parameter in 18 bits.
inline constexpr Limit kMaxBlockParams{"max-block-params", (u64{1} << 18) - 1,
                                       "parameters of one block, results of one instruction",
                                       "reader/limits_test.cpp"};
inline constexpr Limit kMaxMemFlags{
    "max-memflags", 65535, "distinct sets of memory flags in a function", "reader/limits_test.cpp"};
inline constexpr Limit kMaxTextBlocks{"max-text-blocks", 100000,
                                      "block numbers in CLIF text (text reader only)",
                                      "reader/limits_test.cpp"};
// An entity number in text may not exceed the larger of this and the size of the text in bytes:
// memory stays linear in the input although numbers may be sparse.
inline constexpr Limit kTextEntityFloor{
    "text-entity-number", 100000, "numbers of entities in CLIF text beyond the size of the text",
    "reader/limits_test.cpp"};
inline constexpr Limit kMaxTextErrors{"max-text-errors", 100, "errors reported for one file",
                                      "reader/limits_test.cpp"};
inline constexpr Limit kMaxTextBytes{"max-text-bytes", u64{1} << 31,
                                     "bytes of one CLIF or ISLE text", "reader/limits_test.cpp"};
inline constexpr Limit kMaxFrameBytes{"max-frame-bytes", u64{1} << 30,
                                      "stack frame of one function", "tests/limits/rows_test.cpp"};
inline constexpr Limit kMaxArgAreaBytes{"max-arg-area-bytes", u64{128} << 20,
                                        "argument or return area of a call",
                                        "tests/limits/rows_test.cpp"};
inline constexpr Limit kMaxCodeBytes{"max-code-bytes", u64{1} << 30, "machine code of one function",
                                     "machinst/mach_buffer_test.cpp"};
inline constexpr Limit kMaxVRegs{"max-vregs", (u64{1} << 28) - 1,
                                 "virtual registers of one function", "tests/limits/rows_test.cpp"};
inline constexpr Limit kMaxIsleSites{"max-isle-sites", 65536, "binding sites of one ISLE term",
                                     "isle/limits_test.cpp"};
inline constexpr Limit kMaxIsleFields{
    "max-isle-fields", 256, "fields or arguments of one ISLE term", "isle/limits_test.cpp"};
inline constexpr Limit kMaxIsleNesting{
    "max-isle-nesting", 1000, "nesting of parentheses in an ISLE text beyond which it is refused",
    "isle/limits_test.cpp"};

// Tests become nested blocks of C++; Clang stops at 256.
inline constexpr Limit kMaxIsleTests{
    "max-isle-tests", 200, "tests on the left side of one ISLE rule", "isle/limits_test.cpp"};
inline constexpr Limit kMaxIsleSiteDepth{
    "max-isle-site-depth", 2100, "steps from the arguments of an ISLE term to a value of its rules",
    "isle/limits_test.cpp"};
inline constexpr Limit kMaxIsleRules{"max-isle-rules", 16384, "rules of one ISLE term",
                                     "isle/limits_test.cpp"};
// Each exchange of the arguments of a commutative term doubles the patterns of a rule.
inline constexpr Limit kMaxIslePermutations{"max-isle-permutations", 4,
                                            "orders of arguments in which one ISLE rule is matched",
                                            "isle/limits_test.cpp"};
inline constexpr Limit kMaxRegexProgram{"max-regex-program", 65536,
                                        "instructions of a regular expression in a file test",
                                        "filetest/filecheck_test.cpp"};
inline constexpr Limit kMaxRegexNesting{
    "max-regex-nesting", 200, "nesting of parentheses in a regular expression of a file test",
    "filetest/filecheck_test.cpp"};

inline constexpr Limit kMaxIrreducibleEntries{
    "max-irreducible-entries", 16,
    "entries into irreducible loops past their headers, a nest counted once a loop, for each edge "
    "of a function",
    "regalloc/regalloc_test.cpp"};

// The mid-end. Counts, never times: the result must not depend on the machine.
inline constexpr Limit kMaxRewriteDepth{
    "max-rewrite-depth", 6,
    "nested rewriting of operands that a rule makes: chains settle step by step as "
    "the walk goes on; beyond, forms stay as they are",
    "opt/egraph_test.cpp"};
inline constexpr Limit kMaxRewriteBuilds{
    "max-rewrite-builds", 24,
    "operations shown to rules for one instruction of the input, so that rules cannot "
    "multiply a function; beyond, forms stay as they are",
    "opt/egraph_test.cpp"};
inline constexpr Limit kMaxSkeletonRounds{
    "max-skeleton-rounds", 4,
    "rewrites of one instruction that stays in its block; beyond, it stays as it is",
    "opt/egraph_test.cpp"};
inline constexpr Limit kMaxNodesPerInst{
    "max-nodes-per-inst", 4,
    "nodes of the e-graph for each instruction of the function, plus min-nodes; beyond, "
    "no rule applies",
    "opt/egraph_test.cpp"};
inline constexpr Limit kMinNodes{"min-nodes", 1000, "see max-nodes-per-inst",
                                 "opt/egraph_test.cpp"};
inline constexpr Limit kMaxConditionProbes{
    "max-condition-probes", 16,
    "conditions on the way to a branch or trap that are looked at to decide it; "
    "beyond, it stays",
    "opt/egraph_test.cpp"};
inline constexpr Limit kMaxIdempotentForms{
    "max-idempotent-forms", 4,
    "equal divisions, conditional traps and their like, none of which dominates another, that are "
    "remembered; beyond, those below one more are done again",
    "opt/egraph_test.cpp"};

// Beyond these blocks and branches stay as they are; nothing is refused.
inline constexpr Limit kMaxThreadSteps{"max-thread-steps", 16,
                                       "empty blocks that one edge is led past at a time",
                                       "opt/flow_test.cpp"};
inline constexpr Limit kMaxThreadedArgs{
    "max-threaded-args", 64,
    "arguments of a branch that edges are led past, or that is simplified again",
    "opt/flow_test.cpp"};
inline constexpr Limit kMaxPathSteps{"max-path-steps", 16,
                                     "blocks above a branch that are asked whether they decide it",
                                     "opt/flow_test.cpp"};
inline constexpr Limit kMaxTrapBlockInsts{
    "max-trap-block-insts", 8, "instructions up to a trap that becomes a conditional one",
    "opt/flow_test.cpp"};

// Beyond these a piece of a stack slot stays in memory; nothing is refused.
inline constexpr Limit kMaxPromotedPlaces{"max-promoted-places", 32,
                                          "blocks and edges where promoted stack slots are live, "
                                          "for each instruction and block of a function",
                                          "opt/stack_slots_test.cpp"};
inline constexpr Limit kMaxPromotedArgs{"max-promoted-args", 8,
                                        "arguments that promoted stack slots add to branches, for "
                                        "each instruction and block of a function",
                                        "opt/stack_slots_test.cpp"};
inline constexpr Limit kMaxPromotedParams{
    "max-promoted-params", 4096, "parameters of a block when promoted stack slots add some",
    "opt/stack_slots_test.cpp"};
inline constexpr Limit kMaxDeadStoreCandidates{
    "max-dead-store-candidates", 16,
    "stores remembered on the way back through a block for making earlier ones dead",
    "opt/stack_slots_test.cpp"};

// Beyond these loops stay as they are; nothing is refused.
inline constexpr Limit kMaxUnrolledLoopInsts{
    "max-unrolled-loop-insts", 400,
    "instructions, constants included, and arguments of branches of a loop that is unrolled",
    "opt/unroll_test.cpp"};
inline constexpr Limit kMaxUnrollGrowth{
    "max-unroll-growth", 2,
    "instructions that unrolling adds for each instruction of the function, plus min-unroll-growth",
    "opt/unroll_test.cpp"};
inline constexpr Limit kMinUnrollGrowth{"min-unroll-growth", 1000, "see max-unroll-growth",
                                        "opt/unroll_test.cpp"};
inline constexpr Limit kMaxCarryBlocks{
    "max-carry-blocks", 8, "blocks of a loop whose loads may take values of the round before",
    "opt/carry_loads_test.cpp"};
inline constexpr Limit kMaxCarryAccesses{
    "max-carry-accesses", 16, "instructions with effects, loads included, in such a loop",
    "opt/carry_loads_test.cpp"};
inline constexpr Limit kMaxCarriedLoads{"max-carried-loads", 4, "loads of such a loop that do",
                                        "opt/carry_loads_test.cpp"};
// Of one loop; beyond, values are computed as they were.
inline constexpr Limit kMaxLinearForms{
    "max-linear-forms", 256, "values of a loop that are looked at for computing them by additions",
    "opt/reduce_strength_test.cpp"};
inline constexpr Limit kMaxNewCounters{
    "max-new-counters", 4, "parameters that a loop gets for values it computed from its counters",
    "opt/reduce_strength_test.cpp"};

inline constexpr Limit kMaxInlinedInsts{"max-inlined-insts", u64{1} << 20,
                                        "instructions that inlining copies into one function",
                                        "opt/inline_test.cpp"};

inline constexpr const Limit* kAll[] = {
    &kMaxEntities,          &kMaxBlockParams,    &kMaxMemFlags,
    &kMaxTextBlocks,        &kTextEntityFloor,   &kMaxTextErrors,
    &kMaxTextBytes,         &kMaxFrameBytes,     &kMaxArgAreaBytes,
    &kMaxCodeBytes,         &kMaxVRegs,          &kMaxIsleSites,
    &kMaxIsleFields,        &kMaxIsleNesting,    &kMaxIsleTests,
    &kMaxIsleSiteDepth,     &kMaxIsleRules,      &kMaxIslePermutations,
    &kMaxRegexProgram,      &kMaxRegexNesting,   &kMaxIrreducibleEntries,
    &kMaxRewriteDepth,      &kMaxRewriteBuilds,  &kMaxSkeletonRounds,
    &kMaxNodesPerInst,      &kMinNodes,          &kMaxConditionProbes,
    &kMaxIdempotentForms,   &kMaxThreadSteps,    &kMaxThreadedArgs,
    &kMaxPathSteps,         &kMaxTrapBlockInsts, &kMaxPromotedPlaces,
    &kMaxPromotedArgs,      &kMaxPromotedParams, &kMaxDeadStoreCandidates,
    &kMaxUnrolledLoopInsts, &kMaxUnrollGrowth,   &kMinUnrollGrowth,
    &kMaxCarryBlocks,       &kMaxCarryAccesses,  &kMaxCarriedLoads,
    &kMaxLinearForms,       &kMaxNewCounters,    &kMaxInlinedInsts};

}  // namespace gantry::limits

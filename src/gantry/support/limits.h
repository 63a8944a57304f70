#pragma once
// The implementation limits of Gantry in one table: what they bound and what is reported when they are hit
// (ErrorKind::LimitExceeded with this name in the message). docs/reference/limits.md is the same table for
// readers; every row names the test that hits it.
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
inline constexpr Limit kMaxEntities{"max-entities", (u64{1} << 30) - 1, "entities of one kind in a function",
                                    "tests/limits/misuse_test.cpp"};
// ValueData keeps the number of a result or parameter in 18 bits.
inline constexpr Limit kMaxBlockParams{"max-block-params", (u64{1} << 18) - 1,
                                       "parameters of one block, results of one instruction", "reader/limits_test.cpp"};
inline constexpr Limit kMaxMemFlags{"max-memflags", 65535, "distinct sets of memory flags in a function",
                                    "reader/limits_test.cpp"};
inline constexpr Limit kMaxTextBlocks{"max-text-blocks", 100000, "block numbers in CLIF text (text reader only)",
                                      "reader/limits_test.cpp"};
// An entity number in text may not exceed the larger of this and the size of the text in bytes: memory stays
// linear in the input although numbers may be sparse.
inline constexpr Limit kTextEntityFloor{"text-entity-number", 100000,
                                        "numbers of entities in CLIF text beyond the size of the text",
                                        "reader/limits_test.cpp"};
inline constexpr Limit kMaxTextErrors{"max-text-errors", 100, "errors reported for one file", "reader/limits_test.cpp"};
inline constexpr Limit kMaxTextBytes{"max-text-bytes", u64{1} << 31, "bytes of one CLIF or ISLE text",
                                     "reader/limits_test.cpp"};
inline constexpr Limit kMaxFrameBytes{"max-frame-bytes", u64{1} << 30, "stack frame of one function",
                                      "tests/limits/rows_test.cpp"};
inline constexpr Limit kMaxArgAreaBytes{"max-arg-area-bytes", u64{128} << 20, "argument or return area of a call",
                                        "tests/limits/rows_test.cpp"};
inline constexpr Limit kMaxCodeBytes{"max-code-bytes", u64{1} << 30, "machine code of one function",
                                     "machinst/mach_buffer_test.cpp"};
inline constexpr Limit kMaxVRegs{"max-vregs", (u64{1} << 28) - 1, "virtual registers of one function",
                                 "tests/limits/rows_test.cpp"};
inline constexpr Limit kMaxIsleSites{"max-isle-sites", 65536, "binding sites of one ISLE term",
                                     "isle/limits_test.cpp"};
inline constexpr Limit kMaxIsleFields{"max-isle-fields", 256, "fields or arguments of one ISLE term",
                                      "isle/limits_test.cpp"};
inline constexpr Limit kMaxIsleNesting{"max-isle-nesting", 1000,
                                       "nesting of parentheses in an ISLE text beyond which it is refused",
                                       "isle/limits_test.cpp"};

// Tests become nested blocks of C++; Clang stops at 256.
inline constexpr Limit kMaxIsleTests{"max-isle-tests", 200, "tests on the left side of one ISLE rule",
                                     "isle/limits_test.cpp"};
inline constexpr Limit kMaxIsleSiteDepth{"max-isle-site-depth", 2100,
                                         "steps from the arguments of an ISLE term to a value of its rules",
                                         "isle/limits_test.cpp"};
inline constexpr Limit kMaxIsleRules{"max-isle-rules", 16384, "rules of one ISLE term", "isle/limits_test.cpp"};
// Each exchange of the arguments of a commutative term doubles the patterns of a rule.
inline constexpr Limit kMaxIslePermutations{"max-isle-permutations", 4,
                                            "orders of arguments in which one ISLE rule is matched",
                                            "isle/limits_test.cpp"};
inline constexpr Limit kMaxRegexProgram{"max-regex-program", 65536,
                                        "instructions of a regular expression in a file test",
                                        "filetest/filecheck_test.cpp"};
inline constexpr Limit kMaxRegexNesting{"max-regex-nesting", 200,
                                        "nesting of parentheses in a regular expression of a file test",
                                        "filetest/filecheck_test.cpp"};

inline constexpr Limit kMaxIrreducibleEntries{
    "max-irreducible-entries", 16,
    "entries into irreducible loops past their headers, a nest counted once a loop, for each edge of a function",
    "regalloc/regalloc_test.cpp"};

inline constexpr Limit kMaxInlinedInsts{"max-inlined-insts", u64{1} << 20,
                                        "instructions that inlining copies into one function",
                                        "opt/inline_test.cpp"};

inline constexpr const Limit* kAll[] = {
    &kMaxInlinedInsts,
    &kMaxIrreducibleEntries,
    &kMaxEntities,   &kMaxBlockParams,  &kMaxMemFlags,  &kMaxTextBlocks, &kTextEntityFloor,
    &kMaxTextErrors, &kMaxTextBytes,    &kMaxFrameBytes, &kMaxArgAreaBytes, &kMaxCodeBytes,
    &kMaxVRegs,      &kMaxIsleSites,    &kMaxIsleFields, &kMaxIsleNesting,
    &kMaxIsleTests,  &kMaxIsleRules, &kMaxIslePermutations, &kMaxIsleSiteDepth, &kMaxRegexProgram, &kMaxRegexNesting};

}  // namespace gantry::limits

#pragma once
// The small vocabularies of CLIF: conditions, trap codes, library calls, known symbols, atomic
// operations, calling conventions. The order of rows is the numbering of the enums generated from
// them.
#include <iterator>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::meta {

// Legend: name in text; condition of the swapped operands; negated condition (for floats: the exact
// complement, which trades ordered for unordered).
struct CondDef {
  std::string_view name;
  std::string_view enumerator;
  std::string_view swapped;
  std::string_view negated;
  std::string_view doc;
};
inline constexpr CondDef kIntConds[] = {
    {"eq", "Equal", "eq", "ne", "x == y"},
    {"ne", "NotEqual", "ne", "eq", "x != y"},
    {"slt", "SignedLessThan", "sgt", "sge", "x < y, signed"},
    {"sge", "SignedGreaterThanOrEqual", "sle", "slt", "x >= y, signed"},
    {"sgt", "SignedGreaterThan", "slt", "sle", "x > y, signed"},
    {"sle", "SignedLessThanOrEqual", "sge", "sgt", "x <= y, signed"},
    {"ult", "UnsignedLessThan", "ugt", "uge", "x < y, unsigned"},
    {"uge", "UnsignedGreaterThanOrEqual", "ule", "ult", "x >= y, unsigned"},
    {"ugt", "UnsignedGreaterThan", "ult", "ule", "x > y, unsigned"},
    {"ule", "UnsignedLessThanOrEqual", "uge", "ugt", "x <= y, unsigned"},
};
inline constexpr CondDef kFloatConds[] = {
    {"ord", "Ordered", "ord", "uno", "EQ, LT or GT"},
    {"uno", "Unordered", "uno", "ord", "UN"},
    {"eq", "Equal", "eq", "ne", "EQ"},
    {"ne", "NotEqual", "ne", "eq", "UN, LT or GT"},
    {"one", "OrderedNotEqual", "one", "ueq", "LT or GT"},
    {"ueq", "UnorderedOrEqual", "ueq", "one", "UN or EQ"},
    {"lt", "LessThan", "gt", "uge", "LT"},
    {"le", "LessThanOrEqual", "ge", "ugt", "LT or EQ"},
    {"gt", "GreaterThan", "lt", "ule", "GT"},
    {"ge", "GreaterThanOrEqual", "le", "ult", "GT or EQ"},
    {"ult", "UnorderedOrLessThan", "ugt", "ge", "UN or LT"},
    {"ule", "UnorderedOrLessThanOrEqual", "uge", "gt", "UN, LT or EQ"},
    {"ugt", "UnorderedOrGreaterThan", "ult", "le", "UN or GT"},
    {"uge", "UnorderedOrGreaterThanOrEqual", "ule", "lt", "UN, GT or EQ"},
};

struct TrapDef {
  std::string_view name;
  u8 code;
  std::string_view doc;
};
inline constexpr TrapDef kTraps[] = {
    {"stk_ovf", 251, "the stack limit or guard was hit"},
    {"int_ovf", 252, "an integer result does not fit"},
    {"heap_oob", 253, "a memory access faulted; the default code of loads and stores"},
    {"int_divz", 254, "integer division by zero"},
    {"bad_toint", 255, "a NaN was converted to an integer"},
};

// Legend: name in text, enumerator, default symbol, signature as CLIF types.
struct LibCallDef {
  std::string_view name;
  std::string_view symbol;
  std::string_view signature;
};
inline constexpr LibCallDef kLibCalls[] = {
    {"Probestack", "__cranelift_probestack", "()"},
    {"CeilF32", "ceilf", "(f32) -> f32"},
    {"CeilF64", "ceil", "(f64) -> f64"},
    {"FloorF32", "floorf", "(f32) -> f32"},
    {"FloorF64", "floor", "(f64) -> f64"},
    {"TruncF32", "truncf", "(f32) -> f32"},
    {"TruncF64", "trunc", "(f64) -> f64"},
    {"NearestF32", "nearbyintf", "(f32) -> f32"},
    {"NearestF64", "nearbyint", "(f64) -> f64"},
    {"FmaF32", "fmaf", "(f32, f32, f32) -> f32"},
    {"FmaF64", "fma", "(f64, f64, f64) -> f64"},
    {"Memcpy", "memcpy", "(i64, i64, i64) -> i64"},
    {"Memset", "memset", "(i64, i32, i64) -> i64"},
    {"Memmove", "memmove", "(i64, i64, i64) -> i64"},
    {"Memcmp", "memcmp", "(i64, i64, i64) -> i32"},
    {"ElfTlsGetAddr", "__tls_get_addr", "(i64) -> i64"},
    {"ElfTlsGetOffset", "__tls_get_offset", "(i64) -> i64"},
    {"X86Pshufb", "__cranelift_x86_pshufb", "(i8x16, i8x16) -> i8x16"},
};

inline constexpr std::string_view kKnownSymbols[] = {"ElfGlobalOffsetTable", "CoffTlsIndex"};

struct NamedDef {
  std::string_view name;
  std::string_view enumerator;
  std::string_view doc;
};
inline constexpr NamedDef kAtomicRmwOps[] = {
    {"add", "Add", "sum"},
    {"sub", "Sub", "difference"},
    {"and", "And", "bitwise and"},
    {"nand", "Nand", "complement of the bitwise and"},
    {"or", "Or", "bitwise or"},
    {"xor", "Xor", "bitwise exclusive or"},
    {"xchg", "Xchg", "the new value"},
    {"umin", "Umin", "unsigned minimum"},
    {"umax", "Umax", "unsigned maximum"},
    {"smin", "Smin", "signed minimum"},
    {"smax", "Smax", "signed maximum"},
};

// Legend: name in text, enumerator, whether calls in tail position may replace the frame, whether a
// try_call may have a callee of this convention and with how many payload words (-1: it may not).
struct CallConvDef {
  std::string_view name;
  std::string_view enumerator;
  bool tail_calls;
  i8 exception_payload_words;
  std::string_view doc;
};
inline constexpr CallConvDef kCallConvs[] = {
    {"fast", "Fast", false, -1, "internal and unstable; today the registers of system_v"},
    {"tail", "Tail", true, 2, "guaranteed tail calls; the callee pops its stack arguments"},
    {"system_v", "SystemV", false, 2, "the C convention of Unix"},
    {"windows_fastcall", "WindowsFastcall", false, -1, "the C convention of Microsoft's x64"},
    {"apple_aarch64", "AppleAarch64", false, 2, "Darwin's variant on arm64"},
    {"probestack", "Probestack", false, -1, "only for the probe helper"},
    {"winch", "Winch", false, 0, "for calls between this compiler and a baseline compiler"},
    {"preserve_all", "PreserveAll", false, 2, "the call site clobbers nothing; no return values"},
};

}  // namespace gantry::meta

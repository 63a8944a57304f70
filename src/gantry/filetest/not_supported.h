#pragma once
// What cannot be compiled or interpreted yet, in one list. A file test that meets one of these is
// skipped with its name; whatever fails without being listed is a failure. Rows disappear as
// support grows.
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::filetest {

enum class NotSupportedKind : u8 {
  Opcode,        // by name
  OpcodeOnI128,  // by name: with an operand or result of this type
  LaneType,      // by name: scalars and vectors of it
  VectorBits,    // vectors of this many bits, by number
  DynamicTypes,  // all of them
};

// Legend: `name`: mnemonic, type or number of bits; `in_code_generation`, `in_interpreter`: who
// cannot do it. {LaneType, "f16", true, false}: values of it can only be interpreted.
struct NotSupportedDef {
  NotSupportedKind kind;
  std::string_view name;
  bool in_code_generation;
  bool in_interpreter;
};

inline constexpr NotSupportedDef kNotSupported[] = {
    {NotSupportedKind::DynamicTypes, "dynamic vectors", true, true},
    {NotSupportedKind::LaneType, "f16", true, false},
    {NotSupportedKind::LaneType, "f128", true, false},
    {NotSupportedKind::VectorBits, "16", true, false},
    {NotSupportedKind::VectorBits, "32", true, false},
    {NotSupportedKind::VectorBits, "64", true, false},
    {NotSupportedKind::VectorBits, "128", true, false},
    {NotSupportedKind::VectorBits, "256", true, false},
    {NotSupportedKind::VectorBits, "512", true, false},
    {NotSupportedKind::OpcodeOnI128, "udiv", true, false},
    {NotSupportedKind::OpcodeOnI128, "urem", true, false},
    {NotSupportedKind::OpcodeOnI128, "sdiv", true, false},
    {NotSupportedKind::OpcodeOnI128, "srem", true, false},
    {NotSupportedKind::OpcodeOnI128, "umulhi", true, false},
    {NotSupportedKind::OpcodeOnI128, "smulhi", true, false},
    {NotSupportedKind::OpcodeOnI128, "umul_overflow", true, false},
    {NotSupportedKind::OpcodeOnI128, "smul_overflow", true, false},
    {NotSupportedKind::OpcodeOnI128, "fcvt_to_uint", true, false},
    {NotSupportedKind::OpcodeOnI128, "fcvt_to_sint", true, false},
    {NotSupportedKind::OpcodeOnI128, "fcvt_to_uint_sat", true, false},
    {NotSupportedKind::OpcodeOnI128, "fcvt_to_sint_sat", true, false},
    {NotSupportedKind::OpcodeOnI128, "fcvt_from_uint", true, false},
    {NotSupportedKind::OpcodeOnI128, "fcvt_from_sint", true, false},
    {NotSupportedKind::OpcodeOnI128, "bitcast", true, false},
    {NotSupportedKind::OpcodeOnI128, "atomic_load", true, false},
    {NotSupportedKind::OpcodeOnI128, "atomic_store", true, false},
    {NotSupportedKind::OpcodeOnI128, "atomic_cas", true, false},
    {NotSupportedKind::OpcodeOnI128, "atomic_rmw", true, false},
    {NotSupportedKind::Opcode, "stack_switch", false, true},
    {NotSupportedKind::Opcode, "try_call", false, true},
    {NotSupportedKind::Opcode, "try_call_indirect", false, true},
    {NotSupportedKind::Opcode, "get_exception_handler_address", false, true},
    {NotSupportedKind::Opcode, "get_frame_pointer", false, true},
    {NotSupportedKind::Opcode, "get_stack_pointer", false, true},
    {NotSupportedKind::Opcode, "get_return_address", false, true},
    {NotSupportedKind::Opcode, "get_pinned_reg", false, true},
    {NotSupportedKind::Opcode, "set_pinned_reg", false, true},
    {NotSupportedKind::Opcode, "tls_value", false, true},
    {NotSupportedKind::Opcode, "x86_cvtt2dq", false, true},
    {NotSupportedKind::Opcode, "x86_pmaddubsw", false, true},
    {NotSupportedKind::Opcode, "x86_pmulhrsw", false, true},
    {NotSupportedKind::Opcode, "x86_pshufb", false, true},
};

}  // namespace gantry::filetest

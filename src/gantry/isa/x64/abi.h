#pragma once
// Calling conventions of x86-64: where parameters and results travel. Facts: System V psABI 3.2.3
// for system_v, which `fast` shares; `tail` differs in more result registers and in the callee
// popping its stack arguments.
#include <vector>

#include "gantry/ir/signature.h"
#include "gantry/isa/x64/regs.h"
#include "gantry/support/result.h"

namespace gantry::isa::x64 {

// One machine word (or 16-byte vector) of a parameter or result.
struct Place {
  enum class Kind : u8 {
    Reg,    // `reg`
    Stack,  // `offset` bytes from the start of the argument area (params) or of the return area
            // (returns)
    StructCopy,  // params: `size` bytes at `offset`, copied from where the pointer points
  };
  Kind kind = Kind::Reg;
  ir::ArgExtension extension = ir::ArgExtension::None;
  PReg reg;
  u32 offset = 0;
  u32 size = 0;       // StructCopy
  ir::Type type;      // of this word: the halves of an i128 are i64
  u32 value = 0;      // which parameter or result it belongs to
  bool high = false;  // the upper half of an i128
};

struct AbiSignature {
  std::vector<Place> params;  // in order; the hidden return-area pointer is not among them
  std::vector<Place> returns;
  u32 stack_arg_bytes = 0;       // multiple of 16
  u32 return_area_bytes = 0;     // multiple of 16; 0: none
  bool has_return_area = false;  // its address is passed in rdi
  bool callee_pops = false;
  PRegSet clobbers;  // by a call
  PRegSet saved;     // what a function of this convention must hand back as it was
  ir::CallConv call_conv = ir::CallConv::SystemV;
};

// What stack_switch saves and resumes: three words at these offsets. Who starts a stack writes
// them: its highest address, 8 off a multiple of 16 as after a call; any frame pointer; the address
// of a system_v function, whose first argument the payload becomes, and which never returns.
struct StackContext {
  static constexpr i32 kStackPointer = 0, kFramePointer = 8, kCodePointer = 16;
};

struct AbiOptions {
  bool multi_ret_implicit_sret = false;
  bool llvm_extensions = false;
};

// Lays out `signature` into `out` (reusing its memory). Unsupported when the convention or a type
// has no rule here, or when results need a return area that the settings do not allow;
// LimitExceeded beyond limits::kMaxArgAreaBytes.
Result<void> lay_out(const ir::Signature& signature, const AbiOptions& options, AbiSignature& out);

}  // namespace gantry::isa::x64

#pragma once
// What a plain load or store does, whichever of the opcodes it is.
#include "gantry/ir/function.h"

namespace gantry::opt {

struct MemoryAccess {
  enum class Widening : u8 { None, Unsigned, Signed, Lanes };
  bool is_store = false;
  Widening widening = Widening::None;  // of loads: from the type in memory to that of the result
  ir::Type type;                       // in memory
  ir::Value address;
  i32 offset = 0;
  u32 bytes() const { return type.bytes(); }
};

// Whether `inst` is a load or store that is not atomic, of a type whose size is known; what it
// does.
bool describe_access(const ir::DataFlowGraph& dfg, ir::Inst inst, MemoryAccess& access);

}  // namespace gantry::opt

// One row for each opcode that widens or narrows; `load` and `store` say their type themselves.
#include "gantry/opt/internal/memory_access.h"

namespace gantry::opt {

bool describe_access(const ir::DataFlowGraph& dfg, ir::Inst inst, MemoryAccess& access) {
  using ir::Opcode;
  using Widening = MemoryAccess::Widening;
  const ir::InstData& data = dfg[inst];
  const auto load = [&](ir::Type type, Widening widening) {
    access = {false, widening, type, data.arg(0), data.offset(1)};
    return type.is_valid() && !type.is_dynamic();
  };
  const auto store = [&](ir::Type type) {
    access = {true, Widening::None, type, data.arg(1), data.offset(2)};
    return type.is_valid() && !type.is_dynamic();
  };
  switch (data.opcode) {
    case Opcode::Load:
      return load(dfg.type(dfg.first_result(inst)), Widening::None);
    case Opcode::Uload8:
      return load(ir::kI8, Widening::Unsigned);
    case Opcode::Sload8:
      return load(ir::kI8, Widening::Signed);
    case Opcode::Uload16:
      return load(ir::kI16, Widening::Unsigned);
    case Opcode::Sload16:
      return load(ir::kI16, Widening::Signed);
    case Opcode::Uload32:
      return load(ir::kI32, Widening::Unsigned);
    case Opcode::Sload32:
      return load(ir::kI32, Widening::Signed);
    case Opcode::Uload8x8:
    case Opcode::Sload8x8:
      return load(ir::kI8.by(8), Widening::Lanes);
    case Opcode::Uload16x4:
    case Opcode::Sload16x4:
      return load(ir::kI16.by(4), Widening::Lanes);
    case Opcode::Uload32x2:
    case Opcode::Sload32x2:
      return load(ir::kI32.by(2), Widening::Lanes);
    case Opcode::Store:
      return store(dfg.type(data.arg(0)));
    case Opcode::Istore8:
      return store(ir::kI8);
    case Opcode::Istore16:
      return store(ir::kI16);
    case Opcode::Istore32:
      return store(ir::kI32);
    default:
      return false;
  }
}

}  // namespace gantry::opt

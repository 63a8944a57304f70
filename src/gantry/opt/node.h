#pragma once
// Nodes of the e-graph: one operation on nodes, in the 16 bytes of an instruction record.
#include "gantry/ir/inst_data.h"
#include "gantry/ir/inst_view.h"

namespace gantry::opt {

// Numbers grow from operands to users, so a loop over numbers is a topological walk.
GANTRY_ENTITY(Node, "n");

// Operations that exist in the graph only, behind the opcodes of CLIF.
// Opaque: what the graph doesn't look into - a block parameter or the result of an instruction that
// stays in its place.
//   words[0]: the ir::Value.
// Projection: result `aux` of the operation words[0], which has several.
inline constexpr ir::Opcode kOpaque = static_cast<ir::Opcode>(250);
inline constexpr ir::Opcode kProjection = static_cast<ir::Opcode>(251);

constexpr bool is_clif(ir::Opcode opcode) { return opcode < kOpaque; }

}  // namespace gantry::opt

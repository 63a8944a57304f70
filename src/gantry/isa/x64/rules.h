#pragma once
// The allocator's rule word of each kind of operand slot. The generated constructors store these;
// the table judge in the tests compares them with the rows.
#include "gantry/regalloc/types.h"

namespace gantry::isa::x64 {

using regalloc::Constraint;
using regalloc::Operand;
using regalloc::OperandKind;
using regalloc::OperandPos;
using regalloc::PReg;
using regalloc::RegClass;

constexpr u32 rule_use() {
  return Operand::make_rule(OperandKind::Use, OperandPos::Early, Constraint::Reg);
}
constexpr u32 rule_late_use() {
  return Operand::make_rule(OperandKind::Use, OperandPos::Late, Constraint::Reg);
}
// A register or a spill slot, which is then read where it lies.
constexpr u32 rule_any_use() {
  return Operand::make_rule(OperandKind::Use, OperandPos::Early, Constraint::Any);
}
constexpr u32 rule_def() {
  return Operand::make_rule(OperandKind::Def, OperandPos::Late, Constraint::Reg);
}
constexpr u32 rule_early_def() {
  return Operand::make_rule(OperandKind::Def, OperandPos::Early, Constraint::Reg);
}
constexpr u32 rule_reuse(u32 operand) {
  return Operand::make_rule(OperandKind::Def, OperandPos::Late, Constraint::Reuse, operand);
}
constexpr u32 rule_fixed_use(u32 gpr) {
  return Operand::make_rule(OperandKind::Use, OperandPos::Early, Constraint::Fixed,
                            PReg(RegClass::Int, gpr).index());
}
constexpr u32 rule_fixed_def(u32 gpr, bool early = false) {
  return Operand::make_rule(OperandKind::Def, early ? OperandPos::Early : OperandPos::Late,
                            Constraint::Fixed, PReg(RegClass::Int, gpr).index());
}

}  // namespace gantry::isa::x64

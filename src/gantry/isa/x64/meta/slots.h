#pragma once
// Where a row's operands stand among the allocator's.
#include "gantry/isa/x64/meta/row.h"

namespace gantry::isa::x64::meta {

// How many operand slots a row needs, and where each stands, is one rule for everybody who asks.
// Slots in order: every register operand in row order (a modify takes two: result, source), then
// the M operand's registers, then a list. An M operand in register form that is modified takes two
// as well.
struct Slots {
  u8 reg[kMaxOps] = {};  // first slot of each register operand
  u8 m = 0xff;           // first slot of the M operand
  i8 m_op = -1;          // which operand it is
  u8 before_m = 0;       // slots before it
};
constexpr bool is_m_kind(Kind kind) {
  return kind == Kind::GprMem || kind == Kind::XmmMem || kind == Kind::Mem || kind == Kind::Addr;
}
constexpr Slots slots_of(const Row& row) {
  Slots slots;
  u8 next = 0;
  for (u32 i = 0; i < row.ops.count; ++i) {
    const Op& op = row.ops[i];
    if (is_m_kind(op.kind)) {
      slots.m_op = static_cast<i8>(i);
      continue;
    }
    if (op.kind != Kind::Gpr && op.kind != Kind::Xmm && op.kind != Kind::Fixed) continue;
    slots.reg[i] = next;
    next = static_cast<u8>(next + (op.role == Role::Modify ? 2 : 1));
  }
  slots.before_m = next;
  if (slots.m_op >= 0) slots.reg[slots.m_op] = slots.m = next;
  return slots;
}

}  // namespace gantry::isa::x64::meta

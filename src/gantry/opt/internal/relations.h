#pragma once
// What conditions of integers say: which of below, equal and above they accept, in which order; and
// on which numbers a condition with a constant holds.
#include "gantry/ir/opcode.h"
#include "gantry/ir/types.h"

namespace gantry::opt {

struct Relation {
  enum Holds : u8 { kBelow = 1, kEqual = 2, kAbove = 4 };
  enum Order : u8 { kNone, kSigned, kUnsigned };  // kNone: equality, which needs none
  u8 holds = 0;
  Order order = kNone;
};
Relation relation_of(ir::IntCC cc);
// The condition that is the relation; false if there is none: what always or never holds, and
// orders without order. `cc` is then as it was.
bool condition_of(Relation relation, ir::IntCC& cc);
// Sets the order in which both can be said; false if one needs the signed and one the unsigned
// order.
bool common_order(ir::IntCC a, ir::IntCC b, Relation& relation);

// Numbers from `first` up to `last`, modulo the width: the circle of numbers has no end.
struct Arc {
  enum Kind : u8 { kNothing, kPart, kEverything, kSeveral };  // kSeveral: not one arc
  Kind kind = kNothing;
  u64 first = 0, last = 0;  // of kPart
};
// The numbers x of the type, of at most 64 bits, for which x cc `constant` holds.
Arc arc_of(ir::Type type, ir::IntCC cc, u64 constant);
// The numbers in both; `mask`: of the bits of the type.
Arc meet_of(const Arc& a, const Arc& b, u64 mask);

}  // namespace gantry::opt

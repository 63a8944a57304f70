// The problem: of two conditions make one. The idea: a condition of two values is a set of the
// three cases below, equal and above, so that and, or and exclusive or are operations on three
// bits; a condition with a constant is an arc of the circle of the numbers modulo 2^width,
// whichever of the two orders it means, so that two of them are an intersection of arcs.
#include "gantry/opt/internal/relations.h"

namespace gantry::opt {

using ir::IntCC;

Relation relation_of(IntCC cc) {
  switch (cc) {
    case IntCC::Equal:
      return {Relation::kEqual, Relation::kNone};
    case IntCC::NotEqual:
      return {Relation::kBelow | Relation::kAbove, Relation::kNone};
    case IntCC::SignedLessThan:
      return {Relation::kBelow, Relation::kSigned};
    case IntCC::SignedLessThanOrEqual:
      return {Relation::kBelow | Relation::kEqual, Relation::kSigned};
    case IntCC::SignedGreaterThan:
      return {Relation::kAbove, Relation::kSigned};
    case IntCC::SignedGreaterThanOrEqual:
      return {Relation::kAbove | Relation::kEqual, Relation::kSigned};
    case IntCC::UnsignedLessThan:
      return {Relation::kBelow, Relation::kUnsigned};
    case IntCC::UnsignedLessThanOrEqual:
      return {Relation::kBelow | Relation::kEqual, Relation::kUnsigned};
    case IntCC::UnsignedGreaterThan:
      return {Relation::kAbove, Relation::kUnsigned};
    case IntCC::UnsignedGreaterThanOrEqual:
      return {Relation::kAbove | Relation::kEqual, Relation::kUnsigned};
  }
  return {};
}

bool condition_of(Relation relation, IntCC& cc) {
  for (u32 i = 0; i < 10; ++i) {
    const Relation candidate = relation_of(static_cast<IntCC>(i));
    if (candidate.holds != relation.holds) continue;
    if (candidate.order != Relation::kNone && candidate.order != relation.order) continue;
    cc = static_cast<IntCC>(i);
    return true;
  }
  return false;
}

bool common_order(IntCC a, IntCC b, Relation& relation) {
  const Relation::Order left = relation_of(a).order, right = relation_of(b).order;
  relation.order = left == Relation::kNone ? right : left;
  return right == Relation::kNone || right == relation.order;
}

Arc arc_of(ir::Type type, IntCC cc, u64 constant) {
  const u64 mask = ~u64{0} >> (64 - type.bits()), sign = u64{1} << (type.bits() - 1);
  const Relation relation = relation_of(cc);
  // The ends of the order, which are next to each other on the circle.
  const u64 least = relation.order == Relation::kSigned ? sign : 0;
  const u64 greatest = (least - 1) & mask;
  switch (relation.holds) {
    case Relation::kEqual:
      return {Arc::kPart, constant, constant};
    case Relation::kBelow | Relation::kAbove:
      return {Arc::kPart, (constant + 1) & mask, (constant - 1) & mask};
    case Relation::kBelow:
      if (constant == least) return {Arc::kNothing};
      return {Arc::kPart, least, (constant - 1) & mask};
    case Relation::kBelow | Relation::kEqual:
      if (constant == greatest) return {Arc::kEverything};
      return {Arc::kPart, least, constant};
    case Relation::kAbove:
      if (constant == greatest) return {Arc::kNothing};
      return {Arc::kPart, (constant + 1) & mask, greatest};
    default:
      if (constant == least) return {Arc::kEverything};
      return {Arc::kPart, constant, greatest};
  }
}

Arc meet_of(const Arc& a, const Arc& b, u64 mask) {
  if (a.kind == Arc::kNothing || b.kind == Arc::kEverything) return a;
  if (b.kind == Arc::kNothing || a.kind == Arc::kEverything) return b;
  // Distances from where a begins.
  const u64 end = (a.last - a.first) & mask;
  const u64 from = (b.first - a.first) & mask, to = (b.last - a.first) & mask;
  if (from <= to) {
    if (from > end) return {Arc::kNothing};
    return {Arc::kPart, b.first, to < end ? b.last : a.last};
  }
  // b goes over where a begins.
  if (from > end) return {Arc::kPart, a.first, to < end ? b.last : a.last};
  return {Arc::kSeveral};
}

}  // namespace gantry::opt

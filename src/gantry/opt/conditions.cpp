// Problem: loops over arrays compare an index that a branch above has compared already; the check
// can go if we remember. Idea: conditions known to hold hang off blocks as lists that share their
// tails along the dominator tree. A question walks the list a few steps: the same condition answers
// it, and comparisons of the same values narrow their ranges. Invariant: only conditions of
// branches and traps are decided here, never the contents of a node: a node must mean the same
// wherever it is met.
#include "gantry/opt/internal/conditions.h"

#include "gantry/support/limits.h"

namespace gantry::opt {
namespace {

constexpr u32 kMaxProbes = static_cast<u32>(limits::kMaxConditionProbes.value);

struct Comparison {
  ir::IntCC cc;
  Node x, y;
};

std::optional<Comparison> comparison(const Graph& graph, Node node) {
  const ir::InstData& data = graph[node];
  if (data.opcode != ir::Opcode::Icmp) return std::nullopt;
  const Comparison found{static_cast<ir::IntCC>(data.aux), Node::from_index(data.words[0]),
                         Node::from_index(data.words[1])};
  if (!Facts::tracks(graph.type(found.x))) return std::nullopt;
  return found;
}

// The orders of two numbers that satisfy a condition: bits for less, equal, greater; signed and
// unsigned are told apart.
enum : u8 { kLess = 1, kEqual = 2, kGreater = 4 };
struct Orders {
  u8 orders;
  u8 kind;  // 0: either (eq, ne), 1: unsigned, 2: signed
};
Orders orders_of(ir::IntCC cc) {
  switch (cc) {
    case ir::IntCC::Equal:
      return {kEqual, 0};
    case ir::IntCC::NotEqual:
      return {kLess | kGreater, 0};
    case ir::IntCC::UnsignedLessThan:
      return {kLess, 1};
    case ir::IntCC::UnsignedLessThanOrEqual:
      return {kLess | kEqual, 1};
    case ir::IntCC::UnsignedGreaterThan:
      return {kGreater, 1};
    case ir::IntCC::UnsignedGreaterThanOrEqual:
      return {kGreater | kEqual, 1};
    case ir::IntCC::SignedLessThan:
      return {kLess, 2};
    case ir::IntCC::SignedLessThanOrEqual:
      return {kLess | kEqual, 2};
    case ir::IntCC::SignedGreaterThan:
      return {kGreater, 2};
    case ir::IntCC::SignedGreaterThanOrEqual:
      return {kGreater | kEqual, 2};
  }
  unreachable("a condition");
}

// Whether `known` between the same two numbers decides `asked`.
std::optional<bool> implied(ir::IntCC known, ir::IntCC asked) {
  const Orders k = orders_of(known), a = orders_of(asked);
  if (k.kind != 0 && a.kind != 0 && k.kind != a.kind) return std::nullopt;
  if ((k.orders & ~a.orders) == 0) return true;
  if ((k.orders & a.orders) == 0) return false;
  return std::nullopt;
}

}  // namespace

std::optional<bool> Conditions::decide(Node condition) const {
  const std::optional<Comparison> asked = comparison(graph_, condition);
  Facts x, y;
  if (asked) {
    x = graph_.facts(asked->x);
    y = graph_.facts(asked->y);
  }
  bool narrowed = false;
  u32 at = head_;
  for (u32 probe = 0; at != kNone && probe < kMaxProbes; ++probe, at = entries_[at].next) {
    const Entry& entry = entries_[at];
    if (entry.condition == condition) return entry.holds;
    if (!asked) continue;
    const std::optional<Comparison> known = comparison(graph_, entry.condition);
    if (!known) {
      // A number that was tested itself.
      if (entry.condition == asked->x || entry.condition == asked->y) {
        Facts& facts = entry.condition == asked->x ? x : y;
        const ir::Type type = graph_.type(entry.condition);
        if (!Facts::tracks(type)) continue;
        facts = assume_icmp(ir::IntCC::NotEqual, entry.holds, facts, Facts::constant(0), type);
        narrowed = true;
      }
      continue;
    }
    const ir::IntCC cc = entry.holds ? known->cc : ir::negated(known->cc);
    // Operands of comparisons are in canonical order: never the same two the other way round.
    if (known->x == asked->x && known->y == asked->y) {
      if (const std::optional<bool> answer = implied(cc, asked->cc)) return answer;
    }
    const ir::Type type = graph_.type(known->x);
    const auto learn = [&](Node value, Facts& facts) {
      if (known->x == value) {
        facts = assume_icmp(cc, true, facts, graph_.facts(known->y), type);
        narrowed = true;
      } else if (known->y == value) {
        facts = assume_icmp(ir::swapped(cc), true, facts, graph_.facts(known->x), type);
        narrowed = true;
      }
    };
    learn(asked->x, x);
    learn(asked->y, y);
  }
  if (!narrowed) return std::nullopt;
  return decide_icmp(asked->cc, x, y, graph_.type(asked->x));
}

}  // namespace gantry::opt

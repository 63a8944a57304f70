// Problem: additions may replace what is computed from a counter only if they go through the same
// numbers; with extensions in between that needs a proof that the narrow counter never wraps.
// Idea: by induction over rounds. The loop goes on only where a comparison of the counter, or of
// its next value, with a limit holds; so there the counter is not beyond the limit, and one step
// more is still within the type. Both readings of the bits, signed and unsigned, are tried.
// Invariant: what is said of a counter holds in every round that is executed.
#include "gantry/opt/internal/counters.h"

#include <algorithm>

namespace gantry::opt {

using ir::IntCC;
using ir::Opcode;

Ranges Ranges::of(ir::Type type) {
  const u32 bits = std::min(type.bits(), 32u);
  const i64 half = i64{1} << (bits - 1);
  return {{-half, half - 1}, {0, 2 * half - 1}};
}

void Ranges::exchange(ir::Type type) {
  const Ranges all = of(type);
  const i64 half = all.as_signed.hi;
  const auto meet = [](Interval& a, const Interval& b) {
    const Interval both{std::max(a.lo, b.lo), std::min(a.hi, b.hi)};
    if (both.lo <= both.hi) a = both;  // else this is never executed
  };
  if (as_unsigned.hi <= half) meet(as_signed, as_unsigned);
  if (as_unsigned.lo > half)
    meet(as_signed, {as_unsigned.lo - 2 * half - 2, as_unsigned.hi - 2 * half - 2});
  if (as_signed.lo >= 0) meet(as_unsigned, as_signed);
  if (as_signed.hi < 0)
    meet(as_unsigned, {as_signed.lo + 2 * half + 2, as_signed.hi + 2 * half + 2});
}

void Ranges::narrow(const Facts& facts, ir::Type type) {
  const i64 lo = std::max(as_unsigned.lo, static_cast<i64>(facts.umin));
  const i64 hi = std::min(as_unsigned.hi, static_cast<i64>(std::min<u64>(facts.umax, 0xffffffff)));
  if (lo <= hi) as_unsigned = {lo, hi};
  exchange(type);
}

std::optional<u64> CounterFinder::constant(ir::Value value) const {
  const std::optional<ir::Inst> def = dfg_.defining_inst(value);
  if (!def || dfg_.opcode(*def) != Opcode::Iconst) return std::nullopt;
  return dfg_[*def].wide();
}

Ranges CounterFinder::ranges_of(ir::Value value) const {
  const ir::Type type = dfg_.type(value);
  Ranges ranges = Ranges::of(type);
  if (!Ranges::tracks(type)) return ranges;
  const std::optional<u64> known = constant(value);
  ranges.narrow(known ? Facts::constant(*known & Facts::top(type).umax) : facts_.of(value, type),
                type);
  return ranges;
}

bool CounterFinder::find_shape(ir::Block header, LoopShape& shape) const {
  shape = {};
  shape.header = header;
  u32 num_entries = 0;
  for (const analysis::Edge& edge : flow_.predecessors(header)) {
    if (!flow_.is_reachable(edge.block)) return false;
    if (tree_.dominates(header, edge.block)) continue;
    ++num_entries;
    shape.preheader = edge.block;
    shape.entry = edge.inst;
  }
  if (num_entries != 1) return false;
  const ir::InstData& branch = dfg_[*func_.layout.last_inst(header)];
  if (branch.opcode != Opcode::Brif) return true;
  for (const bool holds : {true, false}) {
    const ir::Block target = branch.block_call(holds ? 1 : 2).block(dfg_.lists());
    const ir::Block other = branch.block_call(holds ? 2 : 1).block(dfg_.lists());
    if (target == other || target == header) continue;
    bool guards = true;
    for (const analysis::Edge& edge : flow_.predecessors(target))
      guards &= edge.block == header || tree_.dominates(target, edge.block);
    for (const analysis::Edge& edge : flow_.predecessors(header))
      guards &= edge.block == shape.preheader || tree_.dominates(target, edge.block);
    if (!guards) continue;
    shape.guard = target;
    shape.goes_on_if = holds;
  }
  return true;
}

bool CounterFinder::find(const LoopShape& shape, u32 index, Counter& counter) const {
  counter = {};
  counter.param = dfg_.block_params(*shape.header)[index];
  counter.type = dfg_.type(counter.param);
  counter.index = index;
  if (!Facts::tracks(counter.type)) return false;
  const u32 bits = counter.type.bits();
  bool is_counter = true, any_next = false;
  for (const analysis::Edge& edge : flow_.predecessors(*shape.header)) {
    dfg_.for_each_block_call(edge.inst, [&](ir::BlockCall call) {
      if (!is_counter || call.block(dfg_.lists()) != shape.header) return;
      const ir::BlockArg arg = ir::BlockArg::decoded(call.args(dfg_.lists())[index]);
      is_counter = arg.is_value();
      if (!is_counter) return;
      const ir::Value passed = dfg_.resolve(arg.as_value());
      if (edge.inst == shape.entry) {
        counter.init = passed;
        return;
      }
      const std::optional<ir::Inst> def = dfg_.defining_inst(passed);
      std::optional<u64> step;
      if (def && dfg_.opcode(*def) == Opcode::Iadd &&
          dfg_.resolve(dfg_[*def].arg(0)) == counter.param)
        step = constant(dfg_[*def].arg(1));
      is_counter = step.has_value();
      if (!is_counter) return;
      const i64 number = static_cast<i64>(*step << (64 - bits)) >> (64 - bits);
      is_counter = number != 0 && (!any_next || number == counter.step);
      if (!any_next) {
        counter.next = passed;
      } else if (counter.next != passed) {
        counter.next = {};
      }
      counter.step = number;
      any_next = true;
    });
  }
  if (!is_counter || !any_next) return false;
  if (!Ranges::tracks(counter.type)) return true;
  const Ranges first = ranges_of(counter.init);
  counter.range = ranges_of(counter.param);
  counter.guarded = counter.range;
  // From the range alone.
  const Ranges type = Ranges::of(counter.type);
  const auto fits = [&](const Interval& range, const Interval& all) {
    return all.contains(counter.step > 0 ? range.hi + counter.step : range.lo + counter.step);
  };
  counter.is_exact_signed = fits(counter.range.as_signed, type.as_signed);
  counter.is_exact_unsigned = fits(counter.range.as_unsigned, type.as_unsigned);
  // From the tests.
  counter.is_exact_signed |=
      stays_exact(shape, counter, first, true, counter.range.as_signed, counter.guarded.as_signed);
  counter.is_exact_unsigned |= stays_exact(shape, counter, first, false, counter.range.as_unsigned,
                                           counter.guarded.as_unsigned);
  counter.range.exchange(counter.type);
  counter.guarded.exchange(counter.type);
  // Numbers without sign bit are the same in both readings.
  if (counter.range.as_signed.lo >= 0) {
    const bool exact = counter.is_exact_signed || counter.is_exact_unsigned;
    counter.is_exact_signed = counter.is_exact_unsigned = exact;
  }
  return true;
}

CounterFinder::Bound CounterFinder::bound_of(ir::Value condition, bool holds,
                                             const Counter& counter, ir::Value next,
                                             const Ranges& first, bool is_signed) const {
  Bound bound;
  condition = dfg_.resolve(condition);
  IntCC cc = IntCC::NotEqual;
  ir::Value tested = condition;
  Ranges limits = Ranges::of(counter.type);
  const std::optional<ir::Inst> def = dfg_.defining_inst(condition);
  if (def && dfg_.opcode(*def) == Opcode::Icmp) {
    const ir::InstData& data = dfg_[*def];
    cc = holds ? data.int_cc() : ir::negated(data.int_cc());
    tested = dfg_.resolve(data.arg(0));
    ir::Value limit = dfg_.resolve(data.arg(1));
    if (limit == counter.param || limit == next) {
      std::swap(tested, limit);
      cc = ir::swapped(cc);
    }
    limits = ranges_of(limit);
    // The limit must be the same in every round.
    const ir::ValueDef limit_def = dfg_.def(limit);
    const ir::Block home = limit_def.kind == ir::ValueData::Kind::Param
                               ? limit_def.block()
                               : *func_.layout.block_of(limit_def.inst());
    const bool is_constant = constant(limit).has_value();
    if (!is_constant && cc == IntCC::NotEqual &&
        tree_.dominates(dfg_.def(counter.param).block(), home))
      return bound;
  } else {
    if (!holds) return bound;
    limits.as_signed = limits.as_unsigned = {0, 0};
  }
  if (tested != counter.param && tested != next) return bound;
  bound.tests_next = tested != counter.param;
  const Interval limit = is_signed ? limits.as_signed : limits.as_unsigned;
  const Interval start = is_signed ? first.as_signed : first.as_unsigned;
  const bool up = counter.step > 0;
  const auto is = [&](IntCC as_signed, IntCC as_unsigned) {
    return cc == (is_signed ? as_signed : as_unsigned);
  };
  if (cc == IntCC::NotEqual) {
    // One by one the counter meets the limit unless it starts beyond it.
    if (counter.step != 1 && counter.step != -1) return bound;
    const i64 away = bound.tests_next ? 1 : 0;
    bound.known = up ? start.hi + away <= limit.lo : start.lo - away >= limit.hi;
    bound.last = up ? limit.hi - 1 : limit.lo + 1;
    bound.meets = true;
  } else if (up) {
    const bool strict = is(IntCC::SignedLessThan, IntCC::UnsignedLessThan);
    bound.known = strict || is(IntCC::SignedLessThanOrEqual, IntCC::UnsignedLessThanOrEqual);
    bound.last = limit.hi - (strict ? 1 : 0);
  } else {
    const bool strict = is(IntCC::SignedGreaterThan, IntCC::UnsignedGreaterThan);
    bound.known = strict || is(IntCC::SignedGreaterThanOrEqual, IntCC::UnsignedGreaterThanOrEqual);
    bound.last = limit.lo + (strict ? 1 : 0);
  }
  return bound;
}

// Whether the tests that let the loop go on keep every step within the type; then also the range of
// the counter, and that behind the head's test.
bool CounterFinder::stays_exact(const LoopShape& shape, const Counter& counter, const Ranges& first,
                                bool is_signed, Interval& all, Interval& guarded) const {
  const Ranges of_type = Ranges::of(counter.type);
  const Interval type = is_signed ? of_type.as_signed : of_type.as_unsigned;
  const Interval start = is_signed ? first.as_signed : first.as_unsigned;
  const bool up = counter.step > 0;
  const auto farther = [&](i64 a, i64 b) { return up ? std::max(a, b) : std::min(a, b); };
  i64 last = up ? start.hi : start.lo;  // the counter comes this far
  // Adds what an edge passes that is taken under `bound`.
  const auto steps_within = [&](const Bound& bound) {
    if (!bound.known) return false;
    if (!bound.tests_next) {
      if (!type.contains(bound.last + counter.step)) return false;
      last = farther(last, bound.last + counter.step);
      return true;
    }
    last = farther(last, bound.last);
    return true;
  };
  const auto range_to = [&](i64 end) {
    return up ? Interval{start.lo, std::max(start.lo, end)}
              : Interval{std::min(start.hi, end), start.hi};
  };
  const auto meet = [](Interval& range, const Interval& other) {
    const Interval both{std::max(range.lo, other.lo), std::min(range.hi, other.hi)};
    if (both.lo <= both.hi) range = both;
  };
  if (shape.guard) {
    const ir::InstData& branch = dfg_[*func_.layout.last_inst(*shape.header)];
    const Bound bound =
        bound_of(branch.arg(0), shape.goes_on_if, counter, counter.param, first, is_signed);
    if (steps_within(bound)) {
      meet(all, range_to(last));
      meet(guarded, range_to(last));
      meet(guarded, range_to(bound.last));
      return true;
    }
    last = up ? start.hi : start.lo;
  }
  bool known = true, tests_next = false;
  for (const analysis::Edge& edge : flow_.predecessors(*shape.header)) {
    if (edge.inst == shape.entry) continue;
    const ir::InstData& branch = dfg_[edge.inst];
    if (branch.opcode != Opcode::Brif) return false;
    const ir::BlockCall calls[] = {branch.block_call(1), branch.block_call(2)};
    const bool is_first = calls[0].block(dfg_.lists()) == shape.header;
    if (is_first == (calls[1].block(dfg_.lists()) == shape.header)) return false;
    const ir::BlockCall call = calls[is_first ? 0 : 1];
    const ir::Value passed =
        dfg_.resolve(ir::BlockArg::decoded(call.args(dfg_.lists())[counter.index]).as_value());
    const Bound bound = bound_of(branch.arg(0), is_first, counter, passed, first, is_signed);
    known &= steps_within(bound);
    tests_next |= bound.tests_next && !bound.meets;
    if (!known) return false;
  }
  // A step whose result is tested must not leave the type before the test.
  if (tests_next && !type.contains(last + counter.step)) return false;
  meet(all, range_to(last));
  meet(guarded, range_to(last));
  return true;
}

}  // namespace gantry::opt

// The forward scan: one walk over the code in reverse postorder with an exact picture of the
// register file. Every value is in a register, or in its slot (or can be made again). A value
// without a register is in its slot: whoever takes its register away stores it first. Such stores
// are tentative: when a store right after the definition is cheaper than all of them, it replaces
// them (slots.cpp).
//
// Moves inside a block are emitted at once in order of execution, so there is no parallel-move
// problem there. At a block's entry the state is chosen from the states at the end of the
// predecessors seen so far, and the edges' moves are emitted; edges back to a loop header adapt to
// the state chosen for it.
//
// An instruction is placed in this order, which finds registers whenever the constraints allow it:
//   1. fixed uses; 2. operands that need one register in both halves (late uses, early definitions,
//   uses whose place is reused); 3. other uses; 4. dying values leave; 5. survivors leave clobbered
//   and wanted registers;
//   6. late definitions.
#include "gantry/regalloc/internal/scan.h"

#include <bit>

namespace gantry::regalloc {
namespace {

// A memory operand of an Any use is taken unless the value is used again this soon.
constexpr u32 kReloadDistance = 24;

class InstScan final : public Scan {
 public:
  explicit InstScan(Allocator::State& state) : Scan(state) {}

  bool run();
  u32 failed_inst() const { return failed_inst_; }

 private:
  bool instruction(u32 inst);
  bool plain_instruction(u32 op_begin, u32 op_end, bool has_reuse);
  bool any_instruction(u32 op_begin, u32 op_end, bool clobbers);
  bool fixed_use(u32 op, u32 op_begin, u32 op_end);
  bool both_halves_use(u32 op, u32 op_begin, u32 def_op);
  void late_any_use(u32 op, u32 op_begin);
  bool plain_use(u32 op);
  bool needs_reg(Operand operand, u32 index) const {
    const Constraint constraint = operand.constraint();
    return constraint == Constraint::Reg ||
           (constraint == Constraint::Any && (values_[index].flags & V::kRemat) != 0);
  }
  bool late_def(u32 op, u32 op_begin);
  void exchange_operands(u32 op_begin, u32 op_end);

  u32 failed_inst_ = 0;
};

bool InstScan::fixed_use(u32 op, u32 op_begin, u32 op_end) {
  const Operand operand = in_.operands[op];
  const u32 target = operand.payload();
  const u32 reg_class = target >> 5;
  const u32 index = effective_[op - op_begin];
  V& v = value(index);
  --v.pending;
  place(op, target);
  if (reg_value_[target] != index) {
    if (reg_value_[target] != kNone) {
      const u32 other = reg_value_[target];
      V& w = value(other);
      if (w.next_use == kNever && w.pending == 0) {
        vacate(target);
      } else {
        u32 to = kNone;
        if (w.pending != 0) {
          for (u32 i = op_begin; i < op_end; ++i) {
            const Operand wanted = in_.operands[i];
            if (wanted.is_def() || wanted.constraint() != Constraint::Fixed ||
                effective_[i - op_begin] != other)
              continue;
            const u32 place_of_other = wanted.payload();
            if ((free_[reg_class] & bit(place_of_other)) != 0 && place_of_other >> 5 == reg_class &&
                !pinned_early_.has(place_of_other)) {
              to = place_of_other;
              break;
            }
          }
        }
        const u32 usable = free_[reg_class] & ~early_fixed_[reg_class] & ~pinned_early_[reg_class];
        const u32 safe = usable & ~clobbered_[reg_class] & ~late_fixed_[reg_class];
        if (to == kNone && worth_moving(w)) {
          const u32 kept = weight_ == 0 ? safe & s_.used[reg_class] : safe;
          if (kept != 0) to = choose_free(reg_class, kept, &w);
        }
        if (to == kNone && w.pending != 0 && usable != 0) to = choose_free(reg_class, usable, &w);
        if (to != kNone) {
          relocate(target, to);
        } else {
          evict(target);
        }
      }
    }
    if (temps_.has(target)) {
      // Another operand has brought it already.
    } else if (v.reg == kNoReg) {
      reload(index, target);
    } else {
      const u32 from = v.reg;
      bring(index, target);
      if (v.next_use == kNever && v.pending == 0 && !pinned_early_.has(from)) {
        vacate(from);
        occupy(index, target);
      } else {
        hold(target);
      }
    }
  }
  pin_early(target);
  if (operand.is_late()) keep(target);
  return true;
}

// A use that needs its register while definitions are written: a late use, or (`def_op`) one whose
// place becomes that of a definition.
bool InstScan::both_halves_use(u32 op, u32 op_begin, u32 def_op) {
  const Operand operand = in_.operands[op];
  const u32 index = effective_[op - op_begin];
  V& v = value(index);
  const u32 reg_class = static_cast<u32>(operand.vreg.reg_class());
  --v.pending;
  const u32 busy_late = late_fixed_[reg_class] | clobbered_[reg_class];
  const u32 allowed =
      ~(busy_late | early_fixed_[reg_class] | pinned_early_[reg_class] | pinned_late_[reg_class]);
  if (def_op == kNone) {
    if (v.reg != kNoReg && (busy_late & bit(v.reg)) == 0) {
      place(op, v.reg);
      keep(v.reg);
      return true;
    }
    const u32 to = take(reg_class, allowed, &v);
    if (to == kNone) return false;
    if (v.reg == kNoReg) {
      reload(index, to);
    } else {
      const u32 from = v.reg;
      relocate(from, to);
      if (pinned_early_.has(from)) hold(from);
    }
    place(op, to);
    keep(to);
    return true;
  }
  const V& result = value(in_.operands[def_op].vreg.index());
  const bool usable_home =
      v.reg != kNoReg && ((busy_late | pinned_late_[reg_class]) & bit(v.reg)) == 0;
  if (usable_home && v.next_use == kNever) {
    place(op, v.reg);
    pin_both(v.reg);
    return true;
  }
  if (usable_home && result.hint_reg == v.reg && (allowed & free_[reg_class]) != 0 &&
      !pinned_early_.has(v.reg)) {
    const u32 home = v.reg;
    const u32 to = take(reg_class, allowed, &v);
    relocate(home, to);
    hold(home);
    pin_both(home);
    place(op, home);
    return true;
  }
  const u32 home = v.reg;
  const u32 to = take(reg_class, allowed, &result);
  if (to == kNone) return false;
  if (to != home) bring(index, to);
  hold(to);
  pin_both(to);
  place(op, to);
  return true;
}

// A late use that need not be in a register: it is if that leaves enough of them for the
// definitions.
void InstScan::late_any_use(u32 op, u32 op_begin) {
  const Operand operand = in_.operands[op];
  const u32 index = effective_[op - op_begin];
  V& v = value(index);
  const u32 reg_class = static_cast<u32>(operand.vreg.reg_class());
  --v.pending;
  if (v.reg != kNoReg && operand.constraint() == Constraint::Any) {
    const u32 usable = s_.allocatable[reg_class] &
                       ~(late_fixed_[reg_class] | clobbered_[reg_class] | pinned_late_[reg_class]);
    if (kept_late_.has(v.reg) ||
        ((usable & bit(v.reg)) != 0 &&
         static_cast<u32>(std::popcount(usable)) > late_defs_[reg_class])) {
      place(op, v.reg);
      keep(v.reg);
      return;
    }
  }
  if (v.reg != kNoReg) store_if_needed(index);
  place_in_slot(op, index);
}

bool InstScan::plain_use(u32 op) {
  const Operand operand = in_.operands[op];
  const u32 index = effective_[op - in_.operand_ranges[inst_]];
  V& v = value(index);
  --v.pending;
  if (operand.constraint() == Constraint::Stack) {
    if (v.reg != kNoReg) store_if_needed(index);
    place_in_slot(op, index);
    return true;
  }
  if (v.reg == kNoReg) {
    const u32 reg_class = static_cast<u32>(operand.vreg.reg_class());
    const u32 allowed =
        ~(early_fixed_[reg_class] | pinned_early_[reg_class]) & s_.allocatable[reg_class];
    const u32 safe = allowed & ~(clobbered_[reg_class] | late_fixed_[reg_class]);
    if (operand.constraint() == Constraint::Any && (v.flags & V::kRemat) == 0) {
      const bool soon = v.next_use != kNever && v.next_use - inst_ <= kReloadDistance &&
                        (safe & free_[reg_class]) != 0;
      if (!soon) {
        place_in_slot(op, index);
        return true;
      }
    }
    const bool survives = v.next_use != kNever;
    const u32 to = take(reg_class, survives && (safe & free_[reg_class]) != 0 ? safe : allowed, &v);
    if (to == kNone) return false;
    reload(index, to);
  }
  place(op, v.reg);
  pin_early(v.reg);
  return true;
}

bool InstScan::late_def(u32 op, u32 op_begin) {
  const Operand operand = in_.operands[op];
  const u32 index = operand.vreg.index();
  const u32 reg_class = static_cast<u32>(operand.vreg.reg_class());
  const V& v = value(index);
  switch (operand.constraint()) {
    case Constraint::Fixed: {
      const u32 target = operand.payload();
      if (reg_value_[target] != kNone) evict(target);
      place(op, target);
      define(index, target, s_.next_uses[op]);
      return true;
    }
    case Constraint::Reuse: {
      const u32 target = s_.allocs[op_begin + operand.payload()].as_reg().index();
      if (reg_value_[target] != kNone) evict(target);
      place(op, target);
      define(index, target, s_.next_uses[op]);
      return true;
    }
    case Constraint::Stack:
      define_in_slot(index, op, s_.next_uses[op]);
      return true;
    case Constraint::Any:
    case Constraint::Reg:
      break;
  }
  if (operand.rule & Operand::kLateBit) {
    const u32 allowed = s_.allocatable[reg_class] &
                        ~(late_fixed_[reg_class] | clobbered_[reg_class] | pinned_late_[reg_class]);
    const u32 available = allowed & free_[reg_class];
    u32 to = kNone;
    if (available != 0) {
      to = choose_free(reg_class, available, &v);
    } else {
      to = victim(reg_class, allowed);
      if (operand.constraint() == Constraint::Any) {
        const u32 own = s_.next_uses[op];
        if (to == kNone || (own != kNever && value(reg_value_[to]).next_use < own)) {
          define_in_slot(index, op, own);
          return true;
        }
      }
      if (to == kNone) return false;
      evict(to);
    }
    place(op, to);
    define(index, to, s_.next_uses[op]);
    return true;
  }
  const u32 target = s_.allocs[op].as_reg().index();  // an early definition, placed before
  define(index, target, s_.next_uses[op]);
  return true;
}

// Exchanges commuting operands when that saves the copy of a value that lives on.
void InstScan::exchange_operands(u32 op_begin, u32 op_end) {
  for (u32 op = op_begin; op + 1 < op_end; ++op) {
    const Operand first = in_.operands[op];
    if (!first.commutes()) continue;
    const u32 k = op - op_begin;
    const u32 reused = s_.reuse_by[k] != kNone ? k : s_.reuse_by[k + 1] != kNone ? k + 1 : kNone;
    if (reused == kNone || first.constraint() == Constraint::Fixed ||
        in_.operands[op + 1].constraint() == Constraint::Fixed) {
      continue;
    }
    const u32 other = reused == k ? k + 1 : k;
    const V& a = value(s_.effective[reused]);
    const V& b = value(s_.effective[other]);
    if (s_.effective[reused] == s_.effective[other]) continue;
    const bool a_ready = a.next_use == kNever && a.reg != kNoReg;
    const bool b_ready = b.next_use == kNever && b.reg != kNoReg;
    bool exchange = !a_ready && b_ready;
    if (a_ready && b_ready) {
      const V& result = value(in_.operands[op_begin + s_.reuse_by[reused]].vreg.index());
      exchange = result.hint_reg != a.reg && result.hint_reg == b.reg;
    }
    if (!exchange) continue;
    std::swap(s_.effective[k], s_.effective[k + 1]);
    s_.exchanged.push_back(op);
    ++op;
  }
}

bool InstScan::instruction(u32 inst) {
  inst_ = inst;
  point_ = 2 * inst;
  const u32 op_begin = in_.operand_ranges[inst];
  const u32 op_end = in_.operand_ranges[inst + 1];
  const u32 count = op_end - op_begin;
  const bool clobbers = inst == next_clobber_;
  if (count == 0 && !clobbers) return true;
  early_fixed_ = late_fixed_ = clobbered_ = pinned_early_ = pinned_late_ = kept_late_ = temps_ =
      Masks{};
  if (s_.effective.size() < count) {
    s_.effective.resize(count);
    s_.reuse_by.resize(count);
  }
  u32* const reuse_by = s_.reuse_by.data();
  u32* const effective = s_.effective.data();
  effective_ = {effective, count};
  for (u32 k = 0; k < count; ++k) reuse_by[k] = kNone;
  u32 kinds = 0;  // of constraints: a bit each
  bool odd = clobbers || count > fewest_regs_;
  bool has_commutes = false;
  for (u32 k = 0; k < count; ++k) {
    const Operand operand = in_.operands[op_begin + k];
    effective[k] = operand.vreg.index();
    kinds |= u32{1} << static_cast<u32>(operand.constraint());
    odd |= operand.is_def() != operand.is_late();
    if (operand.is_def()) {
      if (operand.constraint() == Constraint::Reuse) reuse_by[operand.payload()] = k;
    } else {
      V& v = value(operand.vreg.index());
      v.next_use = after(s_.next_uses[op_begin + k], v);
      if (v.next_use == kNever || v.last_pos < inst) v.last_pos = inst;
      ++v.pending;
      has_commutes |= operand.commutes();
    }
  }
  constexpr u32 kOdd =
      1u << static_cast<u32>(Constraint::Fixed) | 1u << static_cast<u32>(Constraint::Stack);
  if (has_commutes) exchange_operands(op_begin, op_end);
  if (odd || (kinds & kOdd) != 0) return any_instruction(op_begin, op_end, clobbers);
  return plain_instruction(op_begin, op_end,
                           (kinds & 1u << static_cast<u32>(Constraint::Reuse)) != 0);
}

// No fixed registers, no slots, no clobbers, early uses, late definitions, and registers enough for
// all.
bool InstScan::plain_instruction(u32 op_begin, u32 op_end, bool has_reuse) {
  if (has_reuse) {
    for (u32 op = op_begin; op < op_end; ++op) {
      if (s_.reuse_by[op - op_begin] == kNone) continue;
      if (!both_halves_use(op, op_begin, op_begin + s_.reuse_by[op - op_begin])) return false;
    }
  }
  bool missing = false;
  for (u32 op = op_begin; op < op_end; ++op) {
    if (in_.operands[op].is_def() || s_.reuse_by[op - op_begin] != kNone) continue;
    V& v = value(effective_[op - op_begin]);
    if (v.reg == kNoReg) {
      missing = true;
      continue;
    }
    --v.pending;
    place(op, v.reg);
    pin_early(v.reg);
  }
  if (missing) {
    for (u32 op = op_begin; op < op_end; ++op) {
      if (in_.operands[op].is_def() || s_.reuse_by[op - op_begin] != kNone) continue;
      if (s_.allocs[op].is_reg()) continue;
      if (!plain_use(op)) return false;
    }
  }
  u32 num_defs = 0;
  for (u32 op = op_begin; op < op_end; ++op) {
    if (in_.operands[op].is_def()) {
      ++num_defs;
      continue;
    }
    const V& v = value(effective_[op - op_begin]);
    if (v.next_use == kNever && v.reg != kNoReg) vacate(v.reg);
  }
  if (num_defs == 0) return true;
  if (has_reuse) {
    for (u32 op = op_begin; op < op_end; ++op) {
      if (in_.operands[op].constraint() == Constraint::Reuse && !late_def(op, op_begin))
        return false;
    }
  }
  for (u32 op = op_begin; op < op_end; ++op) {
    const Operand operand = in_.operands[op];
    if (operand.is_def() && operand.constraint() != Constraint::Reuse && !late_def(op, op_begin))
      return false;
  }
  for (u32 op = op_begin; op < op_end; ++op) {
    const V& v = value(effective_[op - op_begin]);
    if (v.next_use == kNever && v.reg != kNoReg) vacate(v.reg);
  }
  return true;
}

bool InstScan::any_instruction(u32 op_begin, u32 op_end, bool clobbers) {
  for (u32& defs : late_defs_) defs = 0;
  if (clobbers) {
    for (u32 i = 0; i < kNumRegClasses; ++i) {
      clobbered_[i] = in_.clobbers[clobber_at_].regs.mask(static_cast<RegClass>(i));
    }
    ++clobber_at_;
    next_clobber_ = clobber_at_ < in_.clobbers.size() ? in_.clobbers[clobber_at_].inst : kNone;
  }
  for (u32 op = op_begin; op < op_end; ++op) {
    const Operand operand = in_.operands[op];
    const Constraint constraint = operand.constraint();
    if (constraint == Constraint::Fixed) {
      const u32 target = operand.payload();
      if ((s_.allocatable[target >> 5] & bit(target)) == 0) return false;
      if (!operand.is_late() || !operand.is_def()) early_fixed_.add(target);
      if (operand.is_late() || operand.is_def()) late_fixed_.add(target);
    } else if (constraint == Constraint::Reg && operand.is_def() && operand.is_late()) {
      ++late_defs_[static_cast<u32>(operand.vreg.reg_class())];
    } else if (constraint == Constraint::Reuse) {
      const Operand source = in_.operands[op_begin + operand.payload()];
      if (source.constraint() == Constraint::Fixed) late_fixed_.add(source.payload());
    }
  }

  for (u32 op = op_begin; op < op_end; ++op) {
    const Operand operand = in_.operands[op];
    if (operand.is_def() || operand.constraint() != Constraint::Fixed) continue;
    if (!fixed_use(op, op_begin, op_end)) return false;
    if (s_.reuse_by[op - op_begin] != kNone) pin_both(operand.payload());
  }
  for (u32 op = op_begin; op < op_end; ++op) {
    const Operand operand = in_.operands[op];
    if (operand.is_def() || !operand.is_late() || !needs_reg(operand, effective_[op - op_begin]))
      continue;
    if (!both_halves_use(op, op_begin, kNone)) return false;
  }
  for (u32 op = op_begin; op < op_end; ++op) {
    const Operand operand = in_.operands[op];
    if (operand.constraint() == Constraint::Fixed) {
      if (operand.is_def() && !operand.is_late()) {
        const u32 target = operand.payload();
        if (reg_value_[target] != kNone) {
          const u32 reg_class = target >> 5;
          if (value(reg_value_[target]).pending != 0 || worth_moving(value(reg_value_[target]))) {
            const u32 to = free_[reg_class] & ~early_fixed_[reg_class] & ~late_fixed_[reg_class] &
                           ~clobbered_[reg_class] & ~pinned_early_[reg_class];
            if (to != 0) {
              relocate(target, choose_free(reg_class, to, &value(reg_value_[target])));
            } else {
              evict(target);
            }
          } else {
            evict(target);
          }
        }
        place(op, target);
        hold(target);
        pin_both(target);
      }
      continue;
    }
    if (operand.is_def()) {
      if (operand.is_late() || operand.constraint() == Constraint::Stack) continue;
      const u32 reg_class = static_cast<u32>(operand.vreg.reg_class());
      const u32 to =
          take(reg_class,
               ~(late_fixed_[reg_class] | clobbered_[reg_class] | early_fixed_[reg_class] |
                 pinned_early_[reg_class] | pinned_late_[reg_class]),
               &value(operand.vreg.index()));
      if (to == kNone) return false;
      place(op, to);
      hold(to);
      pin_both(to);
      continue;
    }
    if (s_.reuse_by[op - op_begin] == kNone || operand.is_late()) continue;
    if (!both_halves_use(op, op_begin, op_begin + s_.reuse_by[op - op_begin])) return false;
  }
  // Uses that must have a register go before those that may do without.
  for (const bool must : {true, false}) {
    for (u32 op = op_begin; op < op_end; ++op) {
      const Operand operand = in_.operands[op];
      if (operand.is_def() || operand.constraint() == Constraint::Fixed ||
          s_.reuse_by[op - op_begin] != kNone)
        continue;
      if (needs_reg(operand, effective_[op - op_begin]) != must) continue;
      if (!operand.is_late()) {
        if (!plain_use(op)) return false;
      } else if (!must) {
        late_any_use(op, op_begin);
      }
    }
  }
  // Dying values leave, except those that late uses still need.
  bool late_uses = false;
  for (u32 op = op_begin; op < op_end; ++op) {
    const Operand operand = in_.operands[op];
    late_uses |= !operand.is_def() && operand.is_late();
  }
  for (u32 op = op_begin; op < op_end; ++op) {
    if (in_.operands[op].is_def()) continue;
    const V& v = value(effective_[op - op_begin]);
    if (v.next_use != kNever || v.reg == kNoReg) continue;
    if (late_uses) {
      bool needed = false;
      for (u32 i = op_begin; i < op_end && !needed; ++i) {
        needed = !in_.operands[i].is_def() && in_.operands[i].is_late() &&
                 effective_[i - op_begin] == effective_[op - op_begin];
      }
      if (needed) continue;
    }
    vacate(v.reg);
  }
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    const u32 wanted = (clobbered_[reg_class] | late_fixed_[reg_class]) & s_.allocatable[reg_class];
    for (u32 left = wanted & ~free_[reg_class]; left != 0; left &= left - 1) {
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      if (reg_value_[reg] == kNone) continue;
      const V& v = value(reg_value_[reg]);
      if (v.next_use == kNever) continue;  // a late use that stays here
      const u32 safe = free_[reg_class] & ~wanted & ~pinned_early_[reg_class];
      const u32 kept = weight_ == 0 ? safe & s_.used[reg_class] : safe;
      if (kept != 0 && worth_moving(v)) {
        relocate(reg, choose_free(reg_class, kept, &v));
      } else {
        evict(reg);
      }
    }
    free_[reg_class] |= temps_[reg_class] & ~pinned_late_[reg_class];
  }
  for (u32 op = op_begin; op < op_end; ++op) {
    const Operand operand = in_.operands[op];
    if (operand.is_def() &&
        (operand.constraint() == Constraint::Fixed || operand.constraint() == Constraint::Reuse) &&
        !late_def(op, op_begin)) {
      return false;
    }
  }
  for (const bool may_be_in_slot : {false, true}) {
    for (u32 op = op_begin; op < op_end; ++op) {
      const Operand operand = in_.operands[op];
      if (!operand.is_def() || operand.constraint() == Constraint::Fixed ||
          operand.constraint() == Constraint::Reuse) {
        continue;
      }
      if ((operand.constraint() == Constraint::Any) == may_be_in_slot && !late_def(op, op_begin))
        return false;
    }
  }
  for (u32 op = op_begin; op < op_end; ++op) {
    const u32 index = effective_[op - op_begin];
    const V& v = value(index);
    if (v.next_use == kNever && v.reg != kNoReg) vacate(v.reg);
  }
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    for (u32 left = temps_[reg_class]; left != 0; left &= left - 1) {
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      if (reg_value_[reg] == kNone) free_.add(reg);
    }
  }
  return true;
}

bool InstScan::run() {
  for (u32& index : reg_value_) index = kNone;
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class)
    free_[reg_class] = s_.allocatable[reg_class];
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    const u32 count = static_cast<u32>(std::popcount(s_.allocatable[reg_class]));
    if (count != 0 && count < fewest_regs_) fewest_regs_ = count;
  }
  if (!in_.clobbers.empty()) next_clobber_ = in_.clobbers[0].inst;
  for (u32 block = 0; block < in_.num_blocks; ++block) {
    enter_block(block);
    for (u32 inst = in_.block_insts[block]; inst < in_.block_insts[block + 1]; ++inst) {
      if (!instruction(inst)) {
        failed_inst_ = inst;
        return false;
      }
    }
    leave_block(block);
  }
  return true;
}

}  // namespace

bool Allocator::State::scan(u32& failed_inst) {
  InstScan scan(*this);
  const bool done = scan.run();
  failed_inst = scan.failed_inst();
  return done;
}

}  // namespace gantry::regalloc

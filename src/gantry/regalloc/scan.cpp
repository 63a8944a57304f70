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
#include <algorithm>
#include <bit>

#include "gantry/regalloc/internal/edges.h"
#include "gantry/regalloc/internal/state.h"

namespace gantry::regalloc {

namespace {

// A memory operand of an Any use is taken unless the value is used again this soon.
constexpr u32 kReloadDistance = 24;
constexpr u32 kMostClassesTried = 8;

class Scan {
 public:
  explicit Scan(Allocator::State& state)
      : s_(state), in_(*state.input), values_(state.values.data()) {}

  bool run();
  u32 failed_inst() const { return failed_inst_; }

 private:
  using V = ValueState;

  ValueState& value(u32 index) { return values_[index]; }
  static u32 bit(u32 reg) { return u32{1} << (reg & 31); }

  void occupy(u32 index, u32 reg) {
    reg_value_[reg] = index;
    value(index).reg = static_cast<u8>(reg);
    free_.remove(reg);
    s_.used.add(reg);
  }
  void vacate(u32 reg) {
    value(reg_value_[reg]).reg = kNoReg;
    reg_value_[reg] = kNone;
    free_.add(reg);
  }
  void emit(MoveKind kind, u32 index, u32 from, u32 to) {
    s_.moves.push_back({point_, index, kind, static_cast<u8>(from), static_cast<u8>(to), false});
  }
  void store_if_needed(u32 index) {
    V& v = value(index);
    if ((v.flags & (V::kRemat | V::kSlotValid)) != 0) return;
    v.flags |= V::kSlotValid | V::kNeedsSlot;
    if ((v.flags & V::kResident) != 0) return;  // stored at its definition
    v.store_cost += weight_ * 8 + 1;
    emit(MoveKind::TentativeStore, index, v.reg, 0);
  }
  // Takes the register from its value, which stays available in memory.
  void evict(u32 reg) {
    const u32 index = reg_value_[reg];
    const V& v = value(index);
    if (v.next_use != kNever || v.pending != 0) store_if_needed(index);
    vacate(reg);
  }
  void relocate(u32 from, u32 to) {
    const u32 index = reg_value_[from];
    emit(MoveKind::RegToReg, index, from, to);
    vacate(from);
    occupy(index, to);
  }
  // Emits what brings a value into a register without changing where it lives.
  void bring(u32 index, u32 to) {
    V& v = value(index);
    s_.used.add(to);
    if (v.reg != kNoReg) {
      emit(MoveKind::RegToReg, index, v.reg, to);
    } else if ((v.flags & V::kRemat) != 0) {
      emit(MoveKind::Remat, index, 0, to);
    } else {
      v.flags |= V::kNeedsSlot;
      emit(MoveKind::Load, index, 0, to);
    }
  }
  // Brings a value that has no register into `to`, where it lives from now on.
  void reload(u32 index, u32 to) {
    bring(index, to);
    V& v = value(index);
    v.flags |= V::kSlotValid;  // for a value that can be made again it means nothing
    occupy(index, to);
  }

  u32 first_of(u32 reg_class, u32 mask) const {
    if (s_.ascending[reg_class])
      return reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(mask));
    for (const u8 reg : s_.order[reg_class]) {
      if ((mask & bit(reg)) != 0) return reg;
    }
    return kNone;
  }
  // A free register of `mask` for the value, the one it will be wanted in if possible. `mask` is
  // not empty.
  u32 choose_free(u32 reg_class, u32 mask, const V* v) {
    const u32 preferred = mask & s_.preferred[reg_class];
    if (v != nullptr) {
      if (v->hint_reg != kNoReg && v->hint_reg >> 5 == reg_class && (mask & bit(v->hint_reg)) != 0)
        return v->hint_reg;
      bool crosses_call = (v->flags & V::kCrossesCall) != 0;
      if (v->hint_value != kNone) {
        const V& param = value(v->hint_value);
        const u8 wanted = param.hint_reg;
        if (wanted != kNoReg && wanted >> 5 == reg_class && (mask & bit(wanted)) != 0)
          return wanted;
        crosses_call |= wanted == kNoReg && (param.flags & V::kCrossesCall) != 0;
      }
      if (crosses_call) {
        const u32 saved = mask & ~s_.preferred[reg_class];
        if (saved != 0) {
          const u32 already = saved & s_.used[reg_class];
          return first_of(reg_class, already != 0 ? already : saved);
        }
      }
    }
    if (preferred != 0) {
      const u32 unwanted = preferred & ~s_.block_fixed[block_][reg_class];
      return first_of(reg_class, unwanted != 0 ? unwanted : preferred);
    }
    const u32 already = mask & s_.used[reg_class];
    return first_of(reg_class, already != 0 ? already : mask);
  }
  // How far away the value is wanted: larger is a better victim.
  u64 distance(u32 index) const {
    const V& v = values_[index];
    if (v.pending != 0) return 0;
    u64 away = v.next_use > inst_ ? v.next_use - inst_ : 0;
    if ((v.flags & V::kRemat) != 0) away *= 2;
    return away * 2 + ((v.flags & (V::kSlotValid | V::kRemat)) != 0 ? 1 : 0) + 1;
  }
  u32 victim(u32 reg_class, u32 mask) const {
    u32 best = kNone;
    u64 best_distance = 0;
    for (u32 left = mask; left != 0; left &= left - 1) {
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      if (reg_value_[reg] == kNone) continue;
      const u64 away = distance(reg_value_[reg]) + 1;
      if (away > best_distance) {
        best_distance = away;
        best = reg;
      }
    }
    return best;
  }
  // A register of `mask`, emptied if need be; kNone if there is none. A value in it with uses to
  // place in this instruction moves to another register when one is free.
  u32 take(u32 reg_class, u32 mask, const V* v) {
    mask &= s_.allocatable[reg_class];
    const u32 available = mask & free_[reg_class];
    if (available != 0) return choose_free(reg_class, available, v);
    const u32 reg = victim(reg_class, mask);
    if (reg == kNone) return kNone;
    if (value(reg_value_[reg]).pending != 0) {
      const u32 elsewhere = free_[reg_class] & ~pinned_early_[reg_class] & ~early_fixed_[reg_class];
      if (elsewhere != 0) {
        relocate(reg, choose_free(reg_class, elsewhere, &value(reg_value_[reg])));
        return reg;
      }
    }
    evict(reg);
    return reg;
  }
  void pin_early(u32 reg) { pinned_early_.add(reg); }
  void pin_both(u32 reg) {
    pinned_early_.add(reg);
    pinned_late_.add(reg);
  }
  void keep(u32 reg) {  // for a late use
    pin_both(reg);
    kept_late_.add(reg);
  }
  void hold(u32 reg) {  // for this instruction only
    free_.remove(reg);
    temps_.add(reg);
    s_.used.add(reg);
  }
  u32 after(u32 next_use, const V& v) const {
    return next_use == kNever && v.def_block < loop_header_ && (v.flags & V::kResident) == 0
               ? loop_end_
               : next_use;
  }
  void define(u32 index, u32 reg, u32 next_use) {
    V& v = value(index);
    v.next_use = after(next_use, v);
    v.last_pos = inst_;
    v.first_pos = inst_;
    v.def_reg = static_cast<u8>(reg);
    join_slot_class(index, v);
    v.flags &= static_cast<u16>(~V::kSlotValid);
    occupy(index, reg);
    s_.written.add(reg);
    pinned_late_.add(reg);
    if ((v.flags & V::kResident) != 0 && (v.flags & V::kRemat) == 0) {
      v.flags |= V::kNeedsSlot | V::kStoreAtDef | V::kSlotValid;
    }
  }
  void define_in_slot(u32 index, u32 op, u32 next_use) {
    V& v = value(index);
    v.next_use = after(next_use, v);
    v.first_pos = inst_;
    v.last_pos = inst_;
    v.def_reg = kNoReg;
    v.reg = kNoReg;
    v.flags |= V::kNeedsSlot | V::kSlotDef;
    s_.stack_operands.push_back({op, index});
  }
  bool is_live(const V& v) const {
    return v.next_use != kNever &&
           (v.live_block == block_ || (v.def_block == block_ && v.first_pos != kNone));
  }
  bool class_is_free(u32 slot_class, const V& v) const {
    const SlotClass& c = s_.slot_classes[slot_class];
    return c.wide == ((v.flags & V::kWide) != 0) &&
           (c.owner == kNone || !is_live(values_[c.owner]));
  }
  // At the definition of a member of a web: the slot it shares with others if it comes to need one.
  // Any class will do in which no member is live here: in SSA form, of two values live together one
  // is live where the other is defined.
  void join_slot_class(u32 index, V& v) {
    if (v.web == kNone || (v.flags & (V::kRemat | V::kResident)) != 0) return;
    u32 choice = kNone;
    const auto consider = [&](u32 slot_class) {
      if (choice == kNone && slot_class != kNone && class_is_free(slot_class, v))
        choice = slot_class;
    };
    consider(v.wanted_class);
    if (v.hint_value != kNone) consider(value(v.hint_value).slot_class);
    if (v.hint_value != kNone) consider(value(v.hint_value).wanted_class);
    V& root = value(s_.web_of(index));
    u32 tried = 0;
    for (u32 at = root.first_class; at != kNone && choice == kNone && tried < kMostClassesTried;
         at = s_.slot_classes[at].next, ++tried) {
      consider(at);
    }
    if (choice == kNone) {
      choice = static_cast<u32>(s_.slot_classes.size());
      SlotClass made;
      made.next = root.first_class;
      made.wide = (v.flags & V::kWide) != 0;
      s_.slot_classes.push_back(made);
      root.first_class = choice;
    }
    s_.slot_classes[choice].owner = index;
    v.slot_class = choice;
    if (v.hint_value != kNone && value(v.hint_value).wanted_class == kNone)
      value(v.hint_value).wanted_class = choice;
  }
  void place(u32 op, u32 reg) { s_.allocs[op] = Allocation::reg(PReg::from_index(reg)); }
  void place_in_slot(u32 op, u32 index) {
    value(index).flags |= V::kNeedsSlot;
    s_.stack_operands.push_back({op, index});
  }

  // Whether a value that must leave its register should go to another one rather than to memory.
  bool worth_moving(const V& v) const {
    return v.next_use != kNever && (v.flags & (V::kRemat | V::kSlotValid)) == 0;
  }

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
  void leave_registers(u32 block);
  void enter_block(u32 block);
  void merge_states(u32 block);
  void vote_on_params(u32 block);
  void place_params(u32 block);
  void leave_block(u32 block);

  Allocator::State& s_;
  const Input& in_;
  ValueState* values_;
  u32 reg_value_[kNumPRegs];
  Masks free_;
  u32 block_ = 0;
  u32 inst_ = 0;
  u32 point_ = 0;
  u32 weight_ = 1;
  u32 loop_header_ = 0;
  u32 loop_end_ = 0;
  usize clobber_at_ = 0;
  u32 next_clobber_ = kNone;  // instruction
  u32 fewest_regs_ = kNumPRegs;
  u32 failed_inst_ = 0;
  // Of the current instruction.
  Masks early_fixed_, late_fixed_, clobbered_, pinned_early_, pinned_late_, kept_late_, temps_;
  u32 late_defs_[kNumRegClasses] = {};  // registers still needed for late definitions
  std::span<const u32> effective_;      // by operand of the instruction: its value after exchanges
};

bool Scan::fixed_use(u32 op, u32 op_begin, u32 op_end) {
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
bool Scan::both_halves_use(u32 op, u32 op_begin, u32 def_op) {
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
void Scan::late_any_use(u32 op, u32 op_begin) {
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

bool Scan::plain_use(u32 op) {
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

bool Scan::late_def(u32 op, u32 op_begin) {
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
void Scan::exchange_operands(u32 op_begin, u32 op_end) {
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

bool Scan::instruction(u32 inst) {
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
bool Scan::plain_instruction(u32 op_begin, u32 op_end, bool has_reuse) {
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

bool Scan::any_instruction(u32 op_begin, u32 op_end, bool clobbers) {
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

void Scan::merge_states(u32 block) {
  const u32 pred_begin = in_.predecessor_ranges[block];
  const u32 pred_end = in_.predecessor_ranges[block + 1];
  u32 base = kNone;
  u64 total = 0;
  bool is_header = false;
  for (u32 i = pred_begin; i < pred_end; ++i) {
    const u32 pred = in_.predecessors[i];
    if (pred >= block) {
      is_header = true;
      continue;
    }
    if (base == kNone || s_.blocks[pred].weight > s_.blocks[base].weight) base = pred;
    total += s_.blocks[pred].weight * 8 + 1;
    for (u32 e = s_.end_ranges[pred].begin; e < s_.end_ranges[pred].end; ++e) {
      V& v = value(s_.end_entries[e].value);
      v.vote = 0;
      v.flags |= V::kSlotValid;
    }
  }
  for (u32 i = pred_begin; i < pred_end; ++i) {
    const u32 pred = in_.predecessors[i];
    if (pred >= block) continue;
    for (u32 e = s_.end_ranges[pred].begin; e < s_.end_ranges[pred].end; ++e) {
      const RegEntry entry = s_.end_entries[e];
      V& v = value(entry.value);
      v.vote += s_.blocks[pred].weight * 8 + 1;
      if (!entry.slot_valid || is_header) v.flags &= static_cast<u16>(~V::kSlotValid);
    }
  }
  const u32 block_end = in_.block_insts[block + 1];
  for (u32 e = s_.end_ranges[base].begin; e < s_.end_ranges[base].end; ++e) {
    const RegEntry entry = s_.end_entries[e];
    const V& v = value(entry.value);
    if (v.live_block != block) continue;
    const u64 missing = total - v.vote;
    if (missing != 0) {
      if ((v.flags & V::kRemat) != 0) continue;
      if (missing * 2 >= total) continue;
      if (v.next_use >= block_end && missing * 4 > v.vote) continue;
    }
    occupy(entry.value, entry.reg);
  }
  if (!is_header) return;
  const LoopInfo& loop = s_.blocks[block];
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    const u32 all = s_.allocatable[reg_class];
    // Calls in the loop would send these to memory in every round.
    if (loop.loop_has_call) {
      for (u32 left = s_.preferred[reg_class] & ~free_[reg_class]; left != 0; left &= left - 1) {
        const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
        const u32 index = reg_value_[reg];
        vacate(reg);
        const u32 saved = free_[reg_class] & ~s_.preferred[reg_class];
        if (saved != 0 && (value(index).flags & V::kRemat) == 0)
          occupy(index, choose_free(reg_class, saved, &value(index)));
      }
    }
    const u32 room = static_cast<u32>(std::popcount(all));
    for (u32 pressure = loop.loop_pressure[reg_class]; pressure > room; --pressure) {
      u32 farthest = kNone;
      for (u32 left = all & ~free_[reg_class]; left != 0; left &= left - 1) {
        const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
        const u32 next_use = value(reg_value_[reg]).next_use;
        if (next_use <= loop.end_pos) continue;
        if (farthest == kNone || next_use > value(reg_value_[farthest]).next_use) farthest = reg;
      }
      if (farthest == kNone) break;
      vacate(farthest);
    }
  }
}

// Counts, for each parameter of a merge, on which edges its argument is in memory only and on which
// in a register only. Edges back to a loop header are not known yet and have no vote.
void Scan::vote_on_params(u32 block) {
  const u32 param_begin = in_.param_ranges[block];
  const u32 num_params = in_.param_ranges[block + 1] - param_begin;
  s_.param_votes.assign(num_params, ParamVote{});
  const u32 pred_end = in_.predecessor_ranges[block + 1];
  for (u32 i = in_.predecessor_ranges[block]; i < pred_end; ++i) {
    const u32 pred = in_.predecessors[i];
    if (pred >= block) continue;
    const u32 stamp = ++s_.edge_stamp;
    for (u32 e = s_.end_ranges[pred].begin; e < s_.end_ranges[pred].end; ++e) {
      const RegEntry entry = s_.end_entries[e];
      V& v = value(entry.value);
      v.edge_stamp = stamp;
      v.flags = static_cast<u16>(entry.slot_valid ? v.flags | V::kEdgeSlotValid
                                                  : v.flags & ~V::kEdgeSlotValid);
    }
    const u64 weight = s_.blocks[pred].weight * 8 + 1;
    const u32 arg_begin = in_.branch_arg_ranges[in_.successor_ranges[pred]];
    for (u32 k = 0; k < num_params; ++k) {
      const V& arg = value(in_.branch_args[arg_begin + k].index());
      ParamVote& vote = s_.param_votes[k];
      vote.total += weight;
      if ((arg.flags & V::kRemat) != 0 || arg.live_block == block) {
        vote.unstored += weight;  // the argument's slot, if any, cannot be shared
      } else if (arg.edge_stamp != stamp) {
        vote.in_memory += weight;
        if (arg.slot_class == vote.slot_class) {
          vote.majority += weight;
        } else if (vote.majority > weight) {
          vote.majority -= weight;
        } else {
          vote.slot_class = arg.slot_class;
          vote.majority = weight - vote.majority;
        }
      } else if ((arg.flags & V::kEdgeSlotValid) == 0) {
        vote.unstored += weight;
      }
    }
  }
}

void Scan::place_params(u32 block) {
  const u32 first = in_.block_insts[block];
  const bool loop_call = s_.blocks[block].header == block && s_.blocks[block].loop_has_call;
  const bool merges = in_.predecessor_ranges[block + 1] - in_.predecessor_ranges[block] > 1;
  if (merges) vote_on_params(block);
  const u32 near_end =
      s_.blocks[block].header == block ? s_.blocks[block].end_pos + 1 : in_.block_insts[block + 1];
  for (u32 i = in_.param_ranges[block]; i < in_.param_ranges[block + 1]; ++i) {
    const u32 index = in_.params[i].index();
    const u32 reg_class = static_cast<u32>(in_.params[i].reg_class());
    V& v = value(index);
    v.def_reg = kNoReg;
    v.next_use = s_.param_next_uses[i];
    v.first_pos = v.last_pos = first;
    if (v.next_use == kNever) continue;
    const ParamVote vote = merges ? s_.param_votes[i - in_.param_ranges[block]] : ParamVote{};
    if (vote.slot_class != kNone) v.wanted_class = vote.slot_class;
    join_slot_class(index, v);
    v.flags &= static_cast<u16>(~V::kSlotValid);
    u32 to = kNone;
    const bool crosses = (v.flags & V::kCrossesCall) != 0;
    bool in_memory = (v.flags & V::kResident) != 0;
    in_memory |=
        vote.in_memory > (v.next_use >= near_end ? vote.unstored : vote.unstored + vote.total / 4);
    if (!in_memory) {
      u32 available = free_[reg_class];
      if (crosses && loop_call) available &= ~s_.preferred[reg_class];
      if (crosses && (available & ~s_.preferred[reg_class]) != 0)
        available &= ~s_.preferred[reg_class];
      if (available != 0) {
        to = choose_free(reg_class, available, &v);
      } else if (!(crosses && loop_call)) {
        const u32 worst = victim(reg_class, s_.allocatable[reg_class]);
        if (worst != kNone && value(reg_value_[worst]).next_use > v.next_use) {
          V& w = value(reg_value_[worst]);
          if ((w.flags & V::kParam) != 0 && w.def_block == block) {
            w.def_reg = kNoReg;
            w.flags |= V::kNeedsSlot | V::kSlotDef;
          }
          vacate(worst);
          to = worst;
        }
      }
    }
    if (to == kNone) {
      v.flags |= V::kNeedsSlot | V::kSlotDef;
      continue;
    }
    occupy(index, to);
    v.def_reg = static_cast<u8>(to);
    v.hint_reg = static_cast<u8>(to);
  }
}

// Forgets registers of values not live into `block`.
void Scan::leave_registers(u32 block) {
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    for (u32 left = s_.allocatable[reg_class] & ~free_[reg_class]; left != 0; left &= left - 1) {
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      if (block == kNone || value(reg_value_[reg]).live_block != block) vacate(reg);
    }
  }
}

void Scan::enter_block(u32 block) {
  const u32 pred_begin = in_.predecessor_ranges[block];
  const u32 num_preds = in_.predecessor_ranges[block + 1] - pred_begin;
  // The picture of the block before is right for a block that only it leads to.
  const bool falls_through = num_preds == 1 && in_.predecessors[pred_begin] + 1 == block;
  if (!falls_through) leave_registers(kNone);
  block_ = block;
  const LoopInfo& info = s_.blocks[block];
  weight_ = info.weight;
  loop_header_ = info.header == kNone ? 0 : info.header;
  loop_end_ = info.header == kNone ? 0 : s_.blocks[info.header].end_pos + 1;
  const u32 first = in_.block_insts[block];
  const u32 end = in_.block_insts[block + 1];
  inst_ = first;
  point_ = 2 * first;
  for (const LiveIn live : s_.live_ins(block)) {
    V& v = value(live.value >> 2);
    v.live_block = block;
    v.next_use = live.next_use;
    v.last_pos = end - 1;
    if (v.slot_class != kNone) s_.slot_classes[v.slot_class].owner = live.value >> 2;
  }
  if (num_preds == 0) return;
  const bool has_params = in_.param_ranges[block] != in_.param_ranges[block + 1];
  if (falls_through) {
    leave_registers(block);
    if (!has_params) return;
  } else if (num_preds == 1) {
    const u32 pred = in_.predecessors[pred_begin];
    for (u32 e = s_.end_ranges[pred].begin; e < s_.end_ranges[pred].end; ++e) {
      const RegEntry entry = s_.end_entries[e];
      V& v = value(entry.value);
      if (v.live_block != block) continue;
      occupy(entry.value, entry.reg);
      v.flags =
          static_cast<u16>(entry.slot_valid ? v.flags | V::kSlotValid : v.flags & ~V::kSlotValid);
    }
    if (!has_params) return;
  } else {
    merge_states(block);
  }
  if (has_params) place_params(block);
  const u32 entry_begin = static_cast<u32>(s_.entry_entries.size());
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    for (u32 left = s_.allocatable[reg_class] & ~free_[reg_class]; left != 0; left &= left - 1) {
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      s_.entry_entries.push_back({reg_value_[reg], static_cast<u8>(reg), false});
    }
  }
  s_.entry_ranges[block] = {entry_begin, static_cast<u32>(s_.entry_entries.size())};
  EdgeMoves edges(s_);
  bool is_header = false;
  if (num_preds == 1) {
    const u32 pred = in_.predecessors[pred_begin];
    edges.emit({pred, block, s_.incoming_edges[block], 2 * first, true}, s_.moves);
  } else {
    for (u32 i = pred_begin; i < pred_begin + num_preds; ++i) {
      const u32 pred = in_.predecessors[i];
      if (pred >= block) {
        is_header = true;
        continue;
      }
      s_.tail_ranges[pred].begin = static_cast<u32>(s_.tail_moves.size());
      edges.emit(
          {pred, block, in_.successor_ranges[pred], 2 * (in_.block_insts[pred + 1] - 1), false},
          s_.tail_moves);
      s_.tail_ranges[pred].end = static_cast<u32>(s_.tail_moves.size());
    }
  }
  if (!is_header) s_.entry_entries.resize(entry_begin);
  for (u32 i = in_.param_ranges[block]; i < in_.param_ranges[block + 1]; ++i) {
    V& v = value(in_.params[i].index());
    if ((v.flags & V::kResident) != 0 && v.reg != kNoReg) v.flags |= V::kSlotValid;
  }
}

void Scan::leave_block(u32 block) {
  const u32 begin = static_cast<u32>(s_.end_entries.size());
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    for (u32 left = s_.allocatable[reg_class] & ~free_[reg_class]; left != 0; left &= left - 1) {
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      const u32 index = reg_value_[reg];
      s_.end_entries.push_back(
          {index, static_cast<u8>(reg), (value(index).flags & V::kSlotValid) != 0});
    }
  }
  s_.end_ranges[block] = {begin, static_cast<u32>(s_.end_entries.size())};
  const u32 edge = in_.successor_ranges[block];
  if (in_.successor_ranges[block + 1] - edge != 1) return;
  const u32 successor = in_.successors[edge];
  if (successor > block) {
    const u32 param_begin = in_.param_ranges[successor];
    const u32 arg_begin = in_.branch_arg_ranges[edge];
    for (u32 i = arg_begin; i < in_.branch_arg_ranges[edge + 1]; ++i) {
      V& param = value(in_.params[param_begin + (i - arg_begin)].index());
      if (param.hint_reg == kNoReg) param.hint_reg = value(in_.branch_args[i].index()).reg;
    }
    return;
  }
  for (const LiveIn live : s_.live_ins(successor)) value(live.value >> 2).live_block = successor;
  EdgeMoves edges(s_);
  s_.tail_ranges[block].begin = static_cast<u32>(s_.tail_moves.size());
  edges.emit({block, successor, edge, 2 * (in_.block_insts[block + 1] - 1), false}, s_.tail_moves);
  s_.tail_ranges[block].end = static_cast<u32>(s_.tail_moves.size());
}

bool Scan::run() {
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
  Scan scan(*this);
  const bool done = scan.run();
  failed_inst = scan.failed_inst();
  return done;
}

}  // namespace gantry::regalloc

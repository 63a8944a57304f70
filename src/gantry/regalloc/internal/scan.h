#pragma once
// The forward scan's picture of the register file, the steps that change it, and entering and
// leaving blocks (scan_blocks.cpp). Placing the operands of instructions is added in scan.cpp,
// where all of it is inlined.
#include <bit>
#include <span>

#include "gantry/regalloc/internal/state.h"

namespace gantry::regalloc {

class Scan {
 public:
  explicit Scan(Allocator::State& state)
      : s_(state), in_(*state.input), values_(state.values.data()) {}

 protected:
  using V = ValueState;
  static constexpr u32 kMostClassesTried = 8;

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
      const u32 unwanted = preferred & ~avoided_[reg_class];
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
  Masks avoided_;  // registers that fixed operands to come will want
  u32 loop_header_ = 0;
  u32 loop_end_ = 0;
  usize clobber_at_ = 0;
  u32 next_clobber_ = kNone;  // instruction
  u32 fewest_regs_ = kNumPRegs;
  // Of the current instruction.
  Masks early_fixed_, late_fixed_, clobbered_, pinned_early_, pinned_late_, kept_late_, temps_;
  u32 late_defs_[kNumRegClasses] = {};  // registers still needed for late definitions
  std::span<const u32> effective_;      // by operand of the instruction: its value after exchanges
};

}  // namespace gantry::regalloc

// Moves along an edge are parallel: all sources are read before any target is written. Put in
// sequence:
//   1. values to memory (the registers still hold what they held in the source block),
//   2. registers to registers, each after the readers of its target; what then remains are cycles,
//   broken
//      through a register free on both sides, or else through a reserved slot,
//   3. memory to registers.
// A parameter in memory that is also an argument on the same edge (of a loop) is read before it is
// overwritten: its old value moves to a reserved slot first.
#include <bit>

#include "gantry/regalloc/internal/edges.h"

namespace gantry::regalloc {

u32 EdgeMoves::temp_reg(u32 reg_class) {
  if (temps_[reg_class] != kNone) return temps_[reg_class];
  const u32 all = s_.allocatable[reg_class];
  const u32 free_regs = all & ~before_[reg_class];
  const u32 used = free_regs & s_.used[reg_class];
  const u32 cheap = used != 0 ? used
                    : (free_regs & s_.preferred[reg_class]) != 0
                        ? free_regs & s_.preferred[reg_class]
                        : free_regs;
  if (cheap != 0) {
    temps_[reg_class] = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(cheap));
  } else {
    temps_[reg_class] = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(all));
    temp_saved_[reg_class] = true;
    temp_scratch_[reg_class] = scratch_in_use_++;
    add(MoveKind::SaveScratch, temp_scratch_[reg_class], temps_[reg_class], 0);
  }
  s_.used.add(temps_[reg_class]);
  return temps_[reg_class];
}

void EdgeMoves::release_temps() {
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    if (temp_saved_[reg_class])
      add(MoveKind::LoadScratch, temp_scratch_[reg_class], 0, temps_[reg_class]);
    temp_saved_[reg_class] = false;
    temps_[reg_class] = kNone;
  }
}

void EdgeMoves::read_memory(u32 index, u32 to) {
  ValueState& v = s_.values[index];
  s_.used.add(to);
  if ((v.flags & ValueState::kRemat) != 0) {
    add(MoveKind::Remat, index, 0, to);
  } else if (v.shadow != kNone) {
    add(MoveKind::LoadScratch, v.shadow, 0, to);
  } else {
    v.flags |= ValueState::kNeedsSlot;
    add(MoveKind::Load, index, 0, to);
  }
}

// Saves arguments in memory whose slot another parameter overwrites: old values of parameters,
// around a loop, and members of a parameter's web.
void EdgeMoves::save_overwritten(u32 args, u32 params, u32 count) {
  const Input& in = *s_.input;
  bool any = false;
  for (u32 i = 0; i < count; ++i) {
    const u32 param = in.params[params + i].index();
    const u32 arg = in.branch_args[args + i].index();
    ValueState& v = s_.values[param];
    if (s_.param_next_uses[params + i] == kNever || param == arg || v.def_reg != kNoReg) continue;
    if (share_slot(param, arg)) continue;  // nothing else is in that slot
    v.overwritten_stamp = s_.edge_stamp;
    if (v.slot_class != kNone) s_.slot_classes[v.slot_class].edge_stamp = s_.edge_stamp;
    any = true;
  }
  if (!any) return;
  for (u32 i = 0; i < count; ++i) {
    const u32 arg = in.branch_args[args + i].index();
    ValueState& v = s_.values[arg];
    const bool overwritten =
        v.overwritten_stamp == s_.edge_stamp ||
        (v.slot_class != kNone && s_.slot_classes[v.slot_class].edge_stamp == s_.edge_stamp);
    if (!overwritten || reg_on_edge(arg) != kNoReg || v.shadow != kNone) continue;
    if ((v.flags & ValueState::kRemat) != 0 || s_.param_next_uses[params + i] == kNever) continue;
    if (in.params[params + i].index() == arg) continue;
    const u32 temp = temp_reg(static_cast<u32>(in.branch_args[args + i].reg_class()));
    read_memory(arg, temp);
    v.shadow = scratch_in_use_++;
    add(MoveKind::SaveScratch, v.shadow, temp, 0);
  }
}

void EdgeMoves::resolve_regs() {
  u8 ready[kNumPRegs];
  u32 num_ready = 0;
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    for (u32 left = changing_[reg_class]; left != 0; left &= left - 1) {
      readers_[reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left))] = 0;
    }
  }
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    for (u32 left = changing_[reg_class]; left != 0; left &= left - 1) {
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      if (changing_.has(source_of_[reg])) ++readers_[source_of_[reg]];
    }
  }
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    for (u32 left = changing_[reg_class]; left != 0; left &= left - 1) {
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      if (readers_[reg] == 0) ready[num_ready++] = static_cast<u8>(reg);
    }
  }
  const auto drain = [&] {
    while (num_ready != 0) {
      const u32 reg = ready[--num_ready];
      const u32 source = source_of_[reg];
      add(MoveKind::RegToReg, value_of_[reg], source, reg);
      changing_.remove(reg);
      if (changing_.has(source) && --readers_[source] == 0)
        ready[num_ready++] = static_cast<u8>(source);
    }
  };
  drain();
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    while (changing_[reg_class] != 0) {
      // Every register left has one reader: cycles only. Set one aside, and its reader takes it
      // from there.
      const u32 reg =
          reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(changing_[reg_class]));
      u32 reader = kNone;
      for (u32 at = reg;; at = source_of_[at]) {
        if (source_of_[at] == reg) {
          reader = at;
          break;
        }
      }
      const u32 held = value_of_[reader];
      const u32 free_regs = s_.allocatable[reg_class] & ~before_[reg_class] & ~after_[reg_class];
      const u32 already = free_regs & s_.used[reg_class];
      const u32 cheap = already != 0 ? already : free_regs & s_.preferred[reg_class];
      const u32 choice = cheap != 0 ? cheap : free_regs;
      const u32 temp = choice == 0
                           ? kNone
                           : reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(choice));
      const u32 scratch = scratch_in_use_;
      if (temp != kNone) {
        s_.used.add(temp);
        add(MoveKind::RegToReg, held, reg, temp);
      } else {
        ++scratch_in_use_;
        add(MoveKind::SaveScratch, scratch, reg, 0);
      }
      changing_.remove(reader);
      readers_[reg] = 0;
      ready[num_ready++] = static_cast<u8>(reg);
      drain();
      if (temp != kNone) {
        add(MoveKind::RegToReg, held, temp, reader);
      } else {
        add(MoveKind::LoadScratch, scratch, 0, reader);
      }
    }
  }
}

void EdgeMoves::emit(const EdgeSite& site, std::vector<Move>& out) {
  const Input& in = *s_.input;
  site_ = site;
  out_ = &out;
  before_ = after_ = changing_ = Masks{};
  scratch_in_use_ = 0;
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    temps_[reg_class] = kNone;
    temp_saved_[reg_class] = false;
  }
  const u32 stamp = ++s_.edge_stamp;
  const Range ends = s_.end_ranges[site.from];
  const Range entries = s_.entry_ranges[site.to];
  const u32 param_begin = in.param_ranges[site.to];
  const u32 num_params = in.param_ranges[site.to + 1] - param_begin;
  const u32 arg_begin = in.branch_arg_ranges[site.edge];
  for (u32 e = ends.begin; e < ends.end; ++e) {
    const RegEntry entry = s_.end_entries[e];
    ValueState& v = s_.values[entry.value];
    v.edge_stamp = stamp;
    v.edge_reg = entry.reg;
    v.flags = static_cast<u16>(entry.slot_valid ? v.flags | ValueState::kEdgeSlotValid
                                                : v.flags & ~ValueState::kEdgeSlotValid);
    before_.add(entry.reg);
  }
  for (u32 e = entries.begin; e < entries.end; ++e) {
    s_.values[s_.entry_entries[e].value].entry_stamp = stamp;
    after_.add(s_.entry_entries[e].reg);
  }
  const u32 position = site.point / 2;
  for (u32 i = 0; i < num_params; ++i) {
    ValueState& param = s_.values[in.params[param_begin + i].index()];
    param.entry_stamp = stamp;
    ValueState& arg = s_.values[in.branch_args[arg_begin + i].index()];
    if (arg.last_pos < position) arg.last_pos = position;
    if (param.first_pos > position) param.first_pos = position;
    if (param.last_pos < position) param.last_pos = position;
  }

  // 1. To memory.
  for (u32 e = ends.begin; e < ends.end; ++e) {
    const RegEntry entry = s_.end_entries[e];
    ValueState& v = s_.values[entry.value];
    if (v.live_block != site.to || v.entry_stamp == stamp || entry.slot_valid) continue;
    if ((v.flags & ValueState::kRemat) != 0) continue;
    v.flags |= ValueState::kNeedsSlot;
    v.store_cost += s_.blocks[site.from].weight * 8 + 1;
    add(MoveKind::TentativeStore, entry.value, entry.reg, 0);
  }
  if (num_params > 1) {
    save_overwritten(arg_begin, param_begin, num_params);
    release_temps();
  }
  // Registers first: a register borrowed for moves from memory to memory is lost for a while.
  for (const bool from_reg : {true, false}) {
    for (u32 i = 0; i < num_params; ++i) {
      const u32 param_index = in.params[param_begin + i].index();
      const u32 arg_index = in.branch_args[arg_begin + i].index();
      if (s_.param_next_uses[param_begin + i] == kNever || param_index == arg_index) continue;
      if (s_.values[param_index].def_reg != kNoReg) continue;
      const u32 from = reg_on_edge(arg_index);
      if ((from != kNoReg) != from_reg) continue;
      if (share_slot(param_index, arg_index)) {
        ValueState& arg = s_.values[arg_index];
        arg.flags |= ValueState::kNeedsSlot;
        if (from_reg && (arg.flags & ValueState::kEdgeSlotValid) == 0) {
          arg.store_cost += s_.blocks[site.from].weight * 8 + 1;
          add(MoveKind::TentativeStore, arg_index, from, 0);
        }
        continue;
      }
      if (from_reg) {
        add(MoveKind::Store, param_index, from, 0);
      } else {
        const u32 temp = temp_reg(static_cast<u32>(in.params[param_begin + i].reg_class()));
        read_memory(arg_index, temp);
        add(MoveKind::Store, param_index, temp, 0);
      }
    }
  }
  release_temps();

  // 2. Registers to registers.
  const auto move_reg = [&](u32 source_value, u32 to) {
    const u32 from = reg_on_edge(source_value);
    if (from == kNoReg || from == to) return;
    source_of_[to] = static_cast<u8>(from);
    value_of_[to] = source_value;
    changing_.add(to);
  };
  const auto is_param = [&](u32 index) {
    const ValueState& v = s_.values[index];
    return (v.flags & ValueState::kParam) != 0 && v.def_block == site.to;
  };
  for (u32 e = entries.begin; e < entries.end; ++e) {
    const RegEntry entry = s_.entry_entries[e];
    if (!is_param(entry.value)) move_reg(entry.value, entry.reg);
  }
  for (u32 i = 0; i < num_params; ++i) {
    const u32 to = s_.values[in.params[param_begin + i].index()].def_reg;
    if (to != kNoReg) move_reg(in.branch_args[arg_begin + i].index(), to);
  }
  resolve_regs();

  // 3. Memory to registers.
  const auto move_memory = [&](u32 source_value, u32 to) {
    if (reg_on_edge(source_value) == kNoReg) read_memory(source_value, to);
  };
  for (u32 e = entries.begin; e < entries.end; ++e) {
    const RegEntry entry = s_.entry_entries[e];
    if (!is_param(entry.value)) move_memory(entry.value, entry.reg);
  }
  for (u32 i = 0; i < num_params; ++i) {
    const u32 to = s_.values[in.params[param_begin + i].index()].def_reg;
    const u32 arg = in.branch_args[arg_begin + i].index();
    if (to != kNoReg) move_memory(arg, to);
  }
  if (scratch_in_use_ != 0) {
    for (u32 i = 0; i < num_params; ++i)
      s_.values[in.branch_args[arg_begin + i].index()].shadow = kNone;
  }
  if (scratch_in_use_ > s_.num_scratch) s_.num_scratch = scratch_in_use_;
}

}  // namespace gantry::regalloc

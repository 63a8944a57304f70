// Where stores go, which slots values share, and the final list of edits.
//
// A value in SSA form is stored either once, right after its definition, or at each place where it
// loses its register: whichever runs less often. Slots are shared by a linear scan over [first,
// last] positions; the positions are inclusive on both ends, so values that meet on an edge never
// share.
#include <algorithm>
#include <functional>

#include "gantry/regalloc/internal/state.h"

namespace gantry::regalloc {

void Allocator::State::assign_slots() {
  keys.clear();
  for (u32 index = 0; index < values.size(); ++index) {
    ValueState& v = values[index];
    if ((v.flags & ValueState::kNeedsSlot) == 0) continue;
    if ((v.flags & (ValueState::kSlotDef | ValueState::kBranchDef | ValueState::kRemat)) == 0 &&
        v.store_cost > blocks[v.def_block].weight * 8 + 1) {
      v.flags |= ValueState::kStoreAtDef;
    }
    if ((v.flags & ValueState::kResident) != 0) v.last_pos = input->num_insts;
    if (v.slot_class != kNone) {
      u32& leader_index = slot_classes[v.slot_class].leader;
      if (leader_index != kNone) {
        ValueState& leader = values[leader_index];
        leader.first_pos = std::min(leader.first_pos, v.first_pos);
        leader.last_pos = std::max(leader.last_pos, v.last_pos);
        continue;
      }
      leader_index = index;
    }
    keys.push_back(index);
  }
  for (u64& key : keys) key |= u64{values[static_cast<u32>(key)].first_pos} << 32;
  std::sort(keys.begin(), keys.end());
  heap.clear();
  free_slots[0].clear();
  free_slots[1].clear();
  u32 words = num_scratch * 2;
  for (const u64 key : keys) {
    const u32 index = static_cast<u32>(key);
    ValueState& v = values[index];
    while (!heap.empty() && static_cast<u32>(heap.front() >> 32) < v.first_pos) {
      std::pop_heap(heap.begin(), heap.end(), std::greater<>());
      const u32 done = static_cast<u32>(heap.back());
      heap.pop_back();
      free_slots[(values[done].flags & ValueState::kWide) != 0 ? 1 : 0].push_back(
          values[done].slot);
    }
    const bool wide = (v.flags & ValueState::kWide) != 0;
    std::vector<u32>& available = free_slots[wide ? 1 : 0];
    if (!available.empty()) {
      v.slot = available.back();
      available.pop_back();
    } else if (wide) {
      if ((words & 1) != 0) free_slots[0].push_back(words++);
      v.slot = words;
      words += 2;
    } else {
      v.slot = words++;
    }
    heap.push_back(u64{v.last_pos} << 32 | index);
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  }
  num_slot_words = words;
  for (ValueState& v : values) {
    if (v.slot_class != kNone && (v.flags & ValueState::kNeedsSlot) != 0)
      v.slot = values[slot_classes[v.slot_class].leader].slot;
  }
  for (const StackOperand operand : stack_operands) {
    allocs[operand.operand] = Allocation::stack(values[operand.value].slot);
  }
}

void Allocator::State::write_edits() {
  // Stores after definitions, by point.
  keys.clear();
  for (u32 index = 0; index < values.size(); ++index) {
    const ValueState& v = values[index];
    if ((v.flags & ValueState::kStoreAtDef) == 0 || (v.flags & ValueState::kSlotDef) != 0) continue;
    const u32 point = (v.flags & ValueState::kParam) != 0 ? 2 * v.def_pos : 2 * v.def_pos + 1;
    keys.push_back(u64{point} << 32 | index);
  }
  std::sort(keys.begin(), keys.end());

  edits.clear();
  stats = Stats{};
  for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
    used_regs.mask(static_cast<RegClass>(reg_class)) = written[reg_class];
  }
  const auto reg_of = [](u8 reg) { return Allocation::reg(PReg::from_index(reg)); };
  const auto write = [&](const Move& move) {
    Edit edit{move.point, {}, {}, RegClass::Int, false};
    u8 reg = move.to;
    switch (move.kind) {
      case MoveKind::RegToReg:
        edit.from = reg_of(move.from);
        edit.to = reg_of(move.to);
        ++stats.reg_moves;
        break;
      case MoveKind::TentativeStore:
        if ((values[move.value].flags & ValueState::kStoreAtDef) != 0) return;
        [[fallthrough]];
      case MoveKind::Store:
        edit.from = reg_of(move.from);
        edit.to = Allocation::stack(values[move.value].slot);
        reg = move.from;
        ++stats.stores;
        break;
      case MoveKind::Load:
        edit.from = Allocation::stack(values[move.value].slot);
        edit.to = reg_of(move.to);
        ++stats.loads;
        break;
      case MoveKind::Remat:
        edit.from = Allocation::remat(input->remat[move.value]);
        edit.to = reg_of(move.to);
        ++stats.remats;
        break;
      case MoveKind::SaveScratch:
        edit.from = reg_of(move.from);
        edit.to = Allocation::stack(2 * move.value);
        reg = move.from;
        ++stats.stores;
        break;
      case MoveKind::LoadScratch:
        edit.from = Allocation::stack(2 * move.value);
        edit.to = reg_of(move.to);
        ++stats.loads;
        break;
    }
    edit.reg_class = PReg::from_index(reg).reg_class();
    if (move.kind == MoveKind::SaveScratch || move.kind == MoveKind::LoadScratch) {
      edit.wide = edit.reg_class != RegClass::Int;  // whatever the register holds
    } else {
      edit.wide = (values[move.value].flags & ValueState::kWide) != 0;
    }
    if (edit.to.is_reg()) used_regs.add(edit.to.as_reg());
    edits.push_back(edit);
  };
  usize next_def = 0;
  const auto write_def_stores = [&](u64 before) {
    for (; next_def < keys.size() && keys[next_def] < before << 32; ++next_def) {
      const u32 index = static_cast<u32>(keys[next_def]);
      write({static_cast<u32>(keys[next_def] >> 32), index, MoveKind::Store, values[index].def_reg,
             0, false});
    }
  };
  usize next = 0;
  for (u32 block = 0; block < input->num_blocks; ++block) {
    const u64 block_end = u64{input->block_insts[block + 1]} * 2;
    for (; next < moves.size() && moves[next].point < block_end; ++next) {
      // A parameter is stored after the moves into the block, which may define it.
      write_def_stores(u64{moves[next].point} + (moves[next].at_entry ? 0 : 1));
      write(moves[next]);
    }
    write_def_stores(block_end);
    const Range tail = tail_ranges[block];
    for (u32 i = tail.begin; i < tail.end; ++i) write(tail_moves[i]);
  }
}

}  // namespace gantry::regalloc

// The problem: which values are in which registers where a block begins. The idea: one predecessor
// leaves its picture; of several, the most frequent one does, as far as the others agree or it is
// worth moving values into place on their edges. Invariants: edges from blocks seen before get
// their moves here; edges back to a loop header adapt to the entry chosen, when their block is
// left.
#include "gantry/regalloc/internal/edges.h"
#include "gantry/regalloc/internal/scan.h"

namespace gantry::regalloc {

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
    // Registers that instructions of the loop ask for by name: whoever lives around them moves
    // aside once, ahead of the loop.
    for (u32 left = loop.loop_fixed[reg_class] & all & ~free_[reg_class]; left != 0;
         left &= left - 1) {
      const u32 elsewhere = free_[reg_class] & ~loop.loop_fixed[reg_class];
      if (elsewhere == 0) break;
      const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
      const u32 index = reg_value_[reg];
      if (value(index).hint_reg == reg || (value(index).flags & V::kRemat) != 0) continue;
      const u32 used_before = elsewhere & (s_.used[reg_class] | s_.preferred[reg_class]);
      if (used_before == 0) break;
      vacate(reg);
      occupy(index, choose_free(reg_class, used_before, &value(index)));
    }
    // What no register is left for in the loop waits for its end in memory.
    const u32 room = static_cast<u32>(std::popcount(all));
    if (loop.loop_pressure[reg_class] <= room) continue;
    u32 excess = loop.loop_pressure[reg_class] - room;
    for (const LiveIn live : s_.live_ins(block)) {
      if ((live.value & 3) == reg_class && value(live.value >> 2).reg == kNoReg &&
          live.next_use > loop.end_pos && excess != 0) {
        --excess;
      }
    }
    for (; excess != 0; --excess) {
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
  avoided_ = s_.block_fixed[block];
  if (info.header == block) {
    for (u32 i = 0; i < kNumRegClasses; ++i) avoided_[i] |= info.loop_fixed[i];
  }
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
  avoided_ = s_.block_fixed[block];
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
      const u8 reg = value(in_.branch_args[i].index()).reg;
      if (param.hint_reg != kNoReg || reg == kNoReg) continue;
      if (s_.blocks[successor].header == successor && s_.blocks[successor].loop_fixed.has(reg))
        continue;
      param.hint_reg = reg;
    }
    return;
  }
  for (const LiveIn live : s_.live_ins(successor)) value(live.value >> 2).live_block = successor;
  EdgeMoves edges(s_);
  s_.tail_ranges[block].begin = static_cast<u32>(s_.tail_moves.size());
  edges.emit({block, successor, edge, 2 * (in_.block_insts[block + 1] - 1), false}, s_.tail_moves);
  s_.tail_ranges[block].end = static_cast<u32>(s_.tail_moves.size());
}

}  // namespace gantry::regalloc

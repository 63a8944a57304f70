// The backward sweep: for every operand the position of the next use of its value, for every block
// the values live into it with their next use, hints, and register pressure.
//
// One walk over the blocks in descending order sees each value's uses along forward edges; what is
// live around a loop (used inside, defined outside) is then copied from the loop header into all
// its blocks, outer loops first. No iteration: in SSA form a value live anywhere in a strongly
// connected region, and defined outside of it, is live everywhere in it.
//
// An edge that enters an irreducible loop past its header sees what is live into the header, too.
//
// Positions grow with distance, so leaving a loop adds a penalty that is larger for outer loops: a
// value used behind an inner loop but inside the outer one is nearer than one used behind both.
#include <algorithm>

#include "gantry/regalloc/internal/state.h"

namespace gantry::regalloc {

namespace {

// Live-in lists may hold this many entries per instruction before values with long lives are kept
// in memory.
constexpr u64 kMaxListedPerInst = 32;
constexpr u64 kMinListed = u64{1} << 20;
constexpr u32 kLongLife = 64;  // blocks

u32 add_distance(u32 position, u32 distance) {
  return position > kFarthest - distance ? kFarthest : position + distance;
}

u32 exit_penalty(u32 from_depth, u32 to_depth) {
  if (from_depth <= to_depth) return 0;
  // The outermost loop left decides.
  const u32 level = to_depth < 7 ? to_depth : 7;
  return u32{1} << (26 - 3 * level);
}

}  // namespace

// The header of the outermost loop that the edge enters past its header, or kNone.
u32 Allocator::State::entered_loop(u32 from, u32 to) const {
  u32 around = blocks[from].header;  // innermost loop of `from` that also contains `to`, once found
  u32 entered = kNone;
  for (u32 header = blocks[to].header; header != kNone; header = blocks[header].parent) {
    while (around != kNone && around > header) around = blocks[around].parent;
    if (around == header) break;
    entered = header;
  }
  return entered == to ? kNone : entered;
}

void Allocator::State::find_liveness() {
  const Input& in = *input;
  const u32 num_blocks = in.num_blocks;
  partial_ranges.assign(num_blocks, Range{});
  next_uses.resize(in.operands.size());
  param_next_uses.resize(in.params.size());
  block_fixed.resize(num_blocks);
  const u64 most_listed = std::max(kMinListed, kMaxListedPerInst * in.num_insts);

  // One pass over the definitions: flags, and where each value is defined.
  for (u32 block = 0; block < num_blocks; ++block) {
    for (u32 i = in.param_ranges[block]; i < in.param_ranges[block + 1]; ++i) {
      ValueState& value = values[in.params[i].index()];
      value.flags |= ValueState::kParam;
      value.web = in.params[i].index();
      value.def_block = block;
      value.def_pos = in.block_insts[block];
    }
  }
  for (u32 edge = 0; edge < in.successors.size(); ++edge) {
    const u32 arg_begin = in.branch_arg_ranges[edge];
    const u32 param_begin = in.param_ranges[in.successors[edge]];
    for (u32 i = arg_begin; i < in.branch_arg_ranges[edge + 1]; ++i) {
      const u32 arg = in.branch_args[i].index();
      const u32 web = web_of(in.params[param_begin + (i - arg_begin)].index());
      if (values[arg].web == kNone) {
        values[arg].web = web;
      } else {
        values[web_of(arg)].web = web;
      }
    }
  }
  bool limited = false;
  const auto sweep = [&]() -> bool {
    partial_lives.clear();
    u32 calls = 0;
    usize clobber_at = in.clobbers.size();
    for (u32 block = num_blocks; block-- > 0;) {
      const u32 first = in.block_insts[block];
      const u32 end = in.block_insts[block + 1];
      LoopInfo& info = blocks[block];
      live_list.clear();
      u32 live_count[kNumRegClasses] = {};
      u32 most_live[kNumRegClasses] = {};
      u32 peak[kNumRegClasses] = {};  // where that was
      Masks fixed;
      const auto add = [&](VReg vreg, ValueState& value, u32 end_pos) {
        value.live_index = static_cast<u32>(live_list.size());
        value.end_pos = end_pos;
        live_list.push_back(vreg.bits());
        const u32 reg_class = static_cast<u32>(vreg.reg_class());
        const u32 count = ++live_count[reg_class];
        if (count > most_live[reg_class]) {
          most_live[reg_class] = count;
          peak[reg_class] = end_pos;
        }
      };
      const auto remove = [&](VReg vreg, ValueState& value) {
        const u32 moved = live_list.back();
        live_list[value.live_index] = moved;
        values[moved >> 2].live_index = value.live_index;
        live_list.pop_back();
        value.live_index = kNone;
        --live_count[static_cast<u32>(vreg.reg_class())];
      };
      const auto add_list = [&](Range range, u32 penalty) {
        for (u32 i = range.begin; i < range.end; ++i) {
          const LiveIn live = partial_lives[i];
          ValueState& value = values[live.value >> 2];
          const u32 next_use = penalty == 0 ? live.next_use : add_distance(live.next_use, penalty);
          if (value.live_index == kNone) {
            add(VReg(live.value >> 2, static_cast<RegClass>(live.value & 3)), value, end);
            value.next_use = next_use;
          } else if (next_use < value.next_use) {
            value.next_use = next_use;
          }
        }
      };
      for (u32 edge = in.successor_ranges[block]; edge < in.successor_ranges[block + 1]; ++edge) {
        const u32 successor = in.successors[edge];
        if (successor > block) {
          const u32 penalty = exit_penalty(info.depth, blocks[successor].depth);
          add_list(partial_ranges[successor], penalty);
          if (any_irreducible) {
            const u32 entered = entered_loop(block, successor);
            if (entered != kNone) add_list(partial_ranges[entered], penalty);
          }
        }
      }
      for (u32 edge = in.successor_ranges[block]; edge < in.successor_ranges[block + 1]; ++edge) {
        const u32 arg_begin = in.branch_arg_ranges[edge];
        const u32 param_begin = in.param_ranges[in.successors[edge]];
        for (u32 i = arg_begin; i < in.branch_arg_ranges[edge + 1]; ++i) {
          const VReg arg = in.branch_args[i];
          ValueState& value = values[arg.index()];
          if (value.live_index == kNone) add(arg, value, end);
          value.next_use = end - 1;
          value.hint_value = in.params[param_begin + (i - arg_begin)].index();
          value.hint_reg = kNoReg;
        }
      }
      const bool cold = info.weight == 0;
      u32 next_call = kNone;
      for (u32 inst = end; inst-- > first;) {
        u32 use_calls = calls;
        u32 use_next_call = next_call;
        bool is_call = false;
        if (clobber_at != 0 && in.clobbers[clobber_at - 1].inst == inst) {
          --clobber_at;
          ++use_calls;
          is_call = true;
          if (!cold) use_next_call = inst;
        }
        const u32 op_begin = in.operand_ranges[inst];
        for (u32 op = in.operand_ranges[inst + 1]; op-- > op_begin;) {
          const Operand operand = in.operands[op];
          ValueState& value = values[operand.vreg.index()];
          if (operand.is_def()) {
            value.def_block = block;
            value.def_pos = inst;
            if (value.live_index == kNone) {
              next_uses[op] = kNever;
            } else {
              next_uses[op] = value.next_use;
              if (next_call < value.end_pos) value.flags |= ValueState::kCrossesCall;
              remove(operand.vreg, value);
              if (value.hint_reg != kNoReg && value.hint_calls != calls) value.hint_reg = kNoReg;
            }
            if (operand.constraint() == Constraint::Reuse) {
              ValueState& source = values[in.operands[op_begin + operand.payload()].vreg.index()];
              source.hint_reg = value.hint_reg;
              source.hint_calls = use_calls;
              source.hint_value = value.hint_value;
            } else if (operand.constraint() == Constraint::Fixed) {
              fixed.add(operand.payload());
              if (!is_call && !cold) info.loop_fixed.add(operand.payload());
            }
          } else {
            if (value.live_index == kNone) {
              next_uses[op] = kNever;
              add(operand.vreg, value, inst);
            } else {
              next_uses[op] = value.next_use;
            }
            value.next_use = inst;
            if (operand.constraint() == Constraint::Fixed) {
              value.hint_reg = static_cast<u8>(operand.payload());
              value.hint_calls = use_calls;
              fixed.add(operand.payload());
              if (!is_call && !cold) info.loop_fixed.add(operand.payload());
            } else if (operand.constraint() == Constraint::Stack) {
              value.flags &= static_cast<u16>(~ValueState::kRemat);
            }
          }
        }
        calls = use_calls;
        next_call = use_next_call;
      }
      for (u32 i = in.param_ranges[block]; i < in.param_ranges[block + 1]; ++i) {
        ValueState& value = values[in.params[i].index()];
        if (value.live_index == kNone) {
          param_next_uses[i] = kNever;
        } else {
          param_next_uses[i] = value.next_use;
          if (next_call < value.end_pos) value.flags |= ValueState::kCrossesCall;
          remove(in.params[i], value);
          if (value.hint_reg != kNoReg && value.hint_calls != calls) value.hint_reg = kNoReg;
        }
      }
      partial_ranges[block].begin = static_cast<u32>(partial_lives.size());
      for (const u32 bits : live_list) {
        ValueState& value = values[bits >> 2];
        value.live_index = kNone;
        if (next_call < value.end_pos) value.flags |= ValueState::kCrossesCall;
        if (limited && (value.flags & ValueState::kResident) != 0) continue;
        partial_lives.push_back({bits, value.end_pos < peak[bits & 3] ? 1u : 0u, value.next_use});
      }
      partial_ranges[block].end = static_cast<u32>(partial_lives.size());
      block_fixed[block] = fixed;
      for (u32 i = 0; i < kNumRegClasses; ++i) {
        info.pressure[i] = static_cast<u8>(std::min(most_live[i], u32{255}));
      }
      if (next_call != kNone) info.has_call = true;
      if (!limited && partial_lives.size() > most_listed) return false;
    }
    return true;
  };
  if (!sweep()) {
    limit_lists();
    limited = true;
    sweep();
  }

  // Loops: what is live into a header is live in all its loop.
  live_ranges.resize(num_blocks);
  live_is_partial.assign(num_blocks, 1);
  lives.clear();
  for (u32 block = 0; block < num_blocks; ++block) {
    LoopInfo& info = blocks[block];
    const Range partial = partial_ranges[block];
    const u32 around = info.header == block ? info.parent : info.header;
    live_ranges[block] = partial;
    if (around == kNone) continue;
    for (u32 i = partial.begin; i < partial.end; ++i) {
      ValueState& value = values[partial_lives[i].value >> 2];
      value.live_block = block;
      value.end_pos = partial_lives[i].before_peak;
    }
    const u32 begin = static_cast<u32>(lives.size());
    const u32 header_pos = in.block_insts[around];
    const u32 end_pos = blocks[around].end_pos;
    const bool header_partial = live_is_partial[around] != 0;
    const Range header_range = live_ranges[around];
    u32 live_through[kNumRegClasses] = {};  // what the sweep could not see in this block
    for (u32 i = header_range.begin; i < header_range.end; ++i) {
      const LiveIn live = header_partial ? partial_lives[i] : lives[i];
      const ValueState& value = values[live.value >> 2];
      if (value.live_block == block) {
        live_through[live.value & 3] += value.end_pos;  // it is there at the peak, too
        continue;
      }
      if (lives.size() == begin) {
        lives.insert(lives.end(), partial_lives.begin() + partial.begin,
                     partial_lives.begin() + partial.end);
      }
      lives.push_back({live.value, 0, add_distance(end_pos, live.next_use - header_pos)});
      ++live_through[live.value & 3];
    }
    for (u32 i = 0; i < kNumRegClasses; ++i) {
      info.pressure[i] = static_cast<u8>(std::min(info.pressure[i] + live_through[i], u32{255}));
    }
    if (lives.size() != begin) {
      live_is_partial[block] = 0;
      live_ranges[block] = {begin, static_cast<u32>(lives.size())};
    }
  }
  // A loop's pressure is the highest of its blocks, those of inner loops included.
  for (u32 block = num_blocks; block-- > 0;) {
    LoopInfo& info = blocks[block];
    if (info.header == kNone) continue;
    LoopInfo& header = blocks[info.header];
    for (u32 i = 0; i < kNumRegClasses; ++i) {
      header.loop_pressure[i] = std::max(header.loop_pressure[i], info.pressure[i]);
      header.loop_fixed[i] |= info.loop_fixed[i];
    }
    if (info.has_call) header.loop_has_call = true;
    if (info.header == block && info.parent != kNone) {
      LoopInfo& parent = blocks[info.parent];
      for (u32 i = 0; i < kNumRegClasses; ++i) {
        parent.loop_pressure[i] = std::max(parent.loop_pressure[i], info.loop_pressure[i]);
        parent.loop_fixed[i] |= info.loop_fixed[i];
      }
      if (info.loop_has_call) parent.loop_has_call = true;
    }
  }
}

// The lists would outgrow the function: values that may be live into very many blocks are kept in
// memory between blocks instead. Liveness is over-estimated by the span of block numbers.
void Allocator::State::limit_lists() {
  const Input& in = *input;
  for (ValueState& value : values) {
    value.live_index = kNone;
    value.end_pos = value.def_block;  // here: last block
  }
  // The last block of a loop around `block` that does not contain `def_block`; 64 levels are looked
  // at.
  const auto extend = [&](u32 block, ValueState& value) {
    u32 last = block;
    u32 header = blocks[block].header;
    for (u32 level = 0; header != kNone && value.def_block < header; ++level) {
      last = std::max(last, level == kLongLife ? in.num_blocks : header + kLongLife + 1);
      if (level == kLongLife) break;
      header = blocks[header].parent;
    }
    value.end_pos = std::max(value.end_pos, last);
  };
  for (u32 block = 0; block < in.num_blocks; ++block) {
    for (u32 op = in.operand_ranges[in.block_insts[block]];
         op < in.operand_ranges[in.block_insts[block + 1]]; ++op) {
      const Operand operand = in.operands[op];
      ValueState& value = values[operand.vreg.index()];
      if (operand.is_def()) {
        value.def_block = block;
        value.end_pos = block;
      } else {
        extend(block, value);
      }
    }
    for (u32 i = in.param_ranges[block]; i < in.param_ranges[block + 1]; ++i) {
      values[in.params[i].index()].end_pos = block;
    }
    for (u32 i = in.branch_arg_ranges[in.successor_ranges[block]];
         i < in.branch_arg_ranges[in.successor_ranges[block + 1]]; ++i) {
      extend(block, values[in.branch_args[i].index()]);
    }
  }
  for (ValueState& value : values) {
    const u16 barred = ValueState::kBranchDef;
    if ((value.flags & barred) == 0 && value.end_pos - value.def_block > kLongLife) {
      value.flags |= ValueState::kResident;
    }
    value.end_pos = 0;
  }
}

}  // namespace gantry::regalloc

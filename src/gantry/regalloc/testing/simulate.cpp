// Each definition executed makes a fresh number; a rematerialisable value has always the same one.
// Half of a wide value in the second word of its slot is the number with a high bit.
#include "gantry/regalloc/testing/simulate.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "gantry/regalloc/testing/random_input.h"

namespace gantry::regalloc::testing {

namespace {
constexpr u64 kHigh = u64{1} << 63;
}

bool simulate(const Input& in, const Output& output, u64 seed, u32 max_blocks) {
  Random random(seed);
  std::vector<u64> values(in.num_vregs, 0);
  std::vector<u64> places(kNumPRegs + output.num_slot_words + 2, 0);
  u64 fresh = u64{1} << 32;
  const auto place_of = [](Allocation where) {
    return where.is_reg() ? where.as_reg().index() : kNumPRegs + where.index();
  };
  const auto is_wide = [&](VReg vreg) {
    return vreg.index() / 64 < in.wide.size() &&
           (in.wide[vreg.index() / 64] >> (vreg.index() % 64) & 1) != 0;
  };
  const auto edit_less = [](const Edit& edit, u32 point) { return edit.point < point; };
  u32 block = 0;
  for (u32 step = 0; step < max_blocks; ++step) {
    usize edit = static_cast<usize>(std::lower_bound(output.edits.begin(), output.edits.end(),
                                                     2 * in.block_insts[block], edit_less) -
                                    output.edits.begin());
    const auto run_edits = [&](u32 point) {
      for (; edit < output.edits.size() && output.edits[edit].point == point; ++edit) {
        const Edit& e = output.edits[edit];
        if (e.from.kind() == Allocation::Kind::Remat) {
          places[place_of(e.to)] = in.operands[in.operand_ranges[e.from.index()]].vreg.index() + 1;
        } else if (e.from.is_reg() && e.to.is_reg()) {
          places[place_of(e.to)] = places[place_of(e.from)];
        } else if (e.to.is_stack()) {
          places[place_of(e.to)] = places[place_of(e.from)];
          if (e.wide) places[place_of(e.to) + 1] = places[place_of(e.from)] | kHigh;
        } else {
          const u32 from = place_of(e.from);
          const bool whole = !e.wide || places[from + 1] == (places[from] | kHigh);
          places[place_of(e.to)] = whole ? places[from] : 0;
        }
      }
    };
    for (u32 inst = in.block_insts[block]; inst < in.block_insts[block + 1]; ++inst) {
      run_edits(2 * inst);
      const u32 begin = in.operand_ranges[inst];
      const u32 end = in.operand_ranges[inst + 1];
      for (u32 op = begin; op < end; ++op) {
        if (in.operands[op].is_def()) continue;
        VReg vreg = in.operands[op].vreg;
        if (std::binary_search(output.exchanged.begin(), output.exchanged.end(), op))
          vreg = in.operands[op + 1].vreg;
        if (op > begin &&
            std::binary_search(output.exchanged.begin(), output.exchanged.end(), op - 1)) {
          vreg = in.operands[op - 1].vreg;
        }
        const u32 place = place_of(output.allocs[op]);
        if (places[place] != values[vreg.index()]) return false;
        if (place >= kNumPRegs && is_wide(vreg) &&
            places[place + 1] != (values[vreg.index()] | kHigh))
          return false;
      }
      for (const ClobberEntry& entry : in.clobbers) {
        if (entry.inst != inst) continue;
        for (u32 reg = 0; reg < kNumPRegs; ++reg) {
          if (entry.regs.contains(PReg::from_index(reg))) places[reg] = 0;
        }
      }
      for (u32 op = begin; op < end; ++op) {
        if (!in.operands[op].is_def()) continue;
        const VReg vreg = in.operands[op].vreg;
        const bool remat = !in.remat.empty() && in.remat[vreg.index()] != kNoRemat;
        values[vreg.index()] = remat ? vreg.index() + 1 : ++fresh;
        const u32 place = place_of(output.allocs[op]);
        places[place] = values[vreg.index()];
        if (place >= kNumPRegs && is_wide(vreg)) places[place + 1] = values[vreg.index()] | kHigh;
      }
      run_edits(2 * inst + 1);
    }
    const u32 num_edges = in.successor_ranges[block + 1] - in.successor_ranges[block];
    if (num_edges == 0) return true;
    const u32 edge = in.successor_ranges[block] + random.below(num_edges);
    block = in.successors[edge];
    std::vector<u64> args;
    for (u32 i = in.branch_arg_ranges[edge]; i < in.branch_arg_ranges[edge + 1]; ++i) {
      args.push_back(values[in.branch_args[i].index()]);
    }
    for (u32 i = 0; i < args.size(); ++i)
      values[in.params[in.param_ranges[block] + i].index()] = args[i];
  }
  return true;
}

}  // namespace gantry::regalloc::testing

// Random inputs that are valid by construction: a random graph is cut down to what is reachable,
// its critical edges are split and its blocks numbered in reverse postorder; then each block is
// filled with instructions that use values of its dominators.
#include "gantry/regalloc/testing/random_input.h"

#include <algorithm>
#include <bit>

namespace gantry::regalloc::testing {

namespace {

using Graph = std::vector<std::vector<u32>>;

Graph random_graph(Random& random) {
  const u32 size = 1 + random.below(random.one_in(4) ? 40 : 9);
  Graph graph(size);
  const u32 back_chance = 2 + random.below(12);
  for (u32 block = 0; block < size; ++block) {
    const u32 degree = random.one_in(8) ? random.below(6) : 1 + random.below(2);
    for (u32 i = 0; i < degree && size > 1; ++i) {
      u32 target = block + 1 + random.below(std::min(size - block, 5u));
      if (random.one_in(back_chance)) target = 1 + random.below(block + 1);
      if (target >= size) target = 1 + random.below(size - 1);
      graph[block].push_back(target);
    }
    if (block + 1 < size && graph[block].empty() && !random.one_in(4))
      graph[block].push_back(block + 1);
  }
  return graph;
}

std::vector<u32> postorder(const Graph& graph) {
  std::vector<u32> order;
  std::vector<u8> seen(graph.size());
  std::vector<std::pair<u32, u32>> stack{{0, 0}};
  seen[0] = 1;
  while (!stack.empty()) {
    auto& [block, next] = stack.back();
    if (next < graph[block].size()) {
      const u32 target = graph[block][next++];
      if (seen[target] == 0) {
        seen[target] = 1;
        stack.push_back({target, 0});
      }
    } else {
      order.push_back(block);
      stack.pop_back();
    }
  }
  return order;
}

// Reachable blocks only, critical edges split, numbered in reverse postorder.
Graph normalise(Graph graph) {
  for (u32 round = 0; round < 2; ++round) {
    std::vector<u32> order = postorder(graph);
    std::reverse(order.begin(), order.end());
    std::vector<u32> number(graph.size(), ~u32{0});
    for (u32 i = 0; i < order.size(); ++i) number[order[i]] = i;
    Graph next(order.size());
    for (u32 i = 0; i < order.size(); ++i) {
      for (const u32 target : graph[order[i]]) next[i].push_back(number[target]);
    }
    graph = std::move(next);
    if (round == 1) break;
    std::vector<u32> indegree(graph.size());
    for (const auto& targets : graph) {
      for (const u32 target : targets) ++indegree[target];
    }
    const u32 size = static_cast<u32>(graph.size());
    for (u32 block = 0; block < size; ++block) {
      if (graph[block].size() < 2) continue;
      for (u32 i = 0; i < graph[block].size(); ++i) {
        const u32 target = graph[block][i];
        if (indegree[target] < 2) continue;
        graph[block][i] = static_cast<u32>(graph.size());
        graph.push_back({target});
      }
    }
  }
  return graph;
}

std::vector<u32> dominators(const Graph& graph, const Graph& preds) {
  std::vector<u32> idom(graph.size(), ~u32{0});
  idom[0] = 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (u32 block = 1; block < graph.size(); ++block) {
      u32 best = ~u32{0};
      for (u32 pred : preds[block]) {
        if (idom[pred] == ~u32{0}) continue;
        if (best == ~u32{0}) {
          best = pred;
          continue;
        }
        while (best != pred) {
          if (best > pred) {
            best = idom[best];
          } else {
            pred = idom[pred];
          }
        }
      }
      if (best != idom[block]) {
        idom[block] = best;
        changed = true;
      }
    }
  }
  return idom;
}

class Generator {
 public:
  explicit Generator(u64 seed) : random_(seed) {}

  OwnedInput run() {
    make_env();
    const Graph graph = normalise(random_graph(random_));
    const u32 size = static_cast<u32>(graph.size());
    Graph preds(size);
    for (u32 block = 0; block < size; ++block) {
      for (const u32 target : graph[block]) preds[target].push_back(block);
    }
    const std::vector<u32> idom = dominators(graph, preds);
    density_ = 1 + random_.below(12);
    recent_ = random_.one_in(2) ? 6 : 1000;
    std::vector<std::vector<VReg>> available(size);
    out_.param_ranges.push_back(0);
    out_.block_insts.push_back(0);
    out_.operand_ranges.push_back(0);
    for (u32 block = 0; block < size; ++block) {
      if (block != 0) available[block] = available[idom[block]];
      std::vector<VReg>& names = available[block];
      if (block != 0 && !random_.one_in(3)) {
        const u32 most = preds[block].size() > 1 ? 8 : 3;
        for (u32 i = random_.below(random_.one_in(10) ? 40 : most); i > 0; --i) {
          const VReg param = new_vreg(random_class());
          out_.params.push_back(param);
          names.push_back(param);
        }
      }
      out_.param_ranges.push_back(static_cast<u32>(out_.params.size()));
      if (block == 0) {  // the first instruction defines a value of each class
        operands(names, true);
        end_instruction(InstKind::Normal);
      }
      for (u32 i = random_.below(density_); i > 0; --i) instruction(names);
      const bool single = graph[block].size() == 1;
      const bool plain = single && preds[graph[block][0]].size() > 1;
      if (plain) {
        end_instruction(InstKind::Branch);
      } else if (graph[block].empty()) {
        operands(names, false);
        end_instruction(InstKind::Return);
      } else {
        operands(names, random_.one_in(3));
        end_instruction(InstKind::Branch);
      }
      out_.block_insts.push_back(static_cast<u32>(out_.inst_kinds.size()));
      out_.cold_blocks.push_back(random_.one_in(8) ? 1 : 0);
    }
    out_.successor_ranges.push_back(0);
    out_.predecessor_ranges.push_back(0);
    out_.branch_arg_ranges.push_back(0);
    for (u32 block = 0; block < size; ++block) {
      for (const u32 target : graph[block]) {
        out_.successors.push_back(target);
        for (u32 i = out_.param_ranges[target]; i < out_.param_ranges[target + 1]; ++i) {
          out_.branch_args.push_back(pick_class(available[block], out_.params[i].reg_class()));
        }
        out_.branch_arg_ranges.push_back(static_cast<u32>(out_.branch_args.size()));
      }
      out_.successor_ranges.push_back(static_cast<u32>(out_.successors.size()));
      for (const u32 pred : preds[block]) out_.predecessors.push_back(pred);
      out_.predecessor_ranges.push_back(static_cast<u32>(out_.predecessors.size()));
    }
    return std::move(out_);
  }

 private:
  void make_env() {
    const u32 sizes[] = {3, 4, 6, 9, 14};
    for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
      const u32 size = sizes[random_.below(5)];
      const u32 first = random_.below(4);
      const u32 saved = random_.below(size);
      for (u32 i = 0; i < size; ++i) {
        const PReg reg(static_cast<RegClass>(reg_class), first + i * (reg_class == 0 ? 2 : 1));
        (i < size - saved ? out_.preferred : out_.non_preferred)[reg_class].push_back(reg);
      }
      if (random_.one_in(3))
        std::reverse(out_.preferred[reg_class].begin(), out_.preferred[reg_class].end());
    }
    classes_ = 1 + random_.below(3);
  }
  std::vector<PReg> regs(RegClass reg_class) const {
    std::vector<PReg> all = out_.preferred[static_cast<u32>(reg_class)];
    const auto& more = out_.non_preferred[static_cast<u32>(reg_class)];
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  RegClass random_class() {
    return random_.one_in(3) ? static_cast<RegClass>(random_.below(classes_)) : RegClass::Int;
  }
  VReg new_vreg(RegClass reg_class) {
    const u32 index = out_.num_vregs++;
    out_.remat.push_back(kNoRemat);
    if (out_.wide.size() * 64 <= index) out_.wide.push_back(0);
    if (reg_class == RegClass::Vector) out_.wide[index / 64] |= u64{1} << (index % 64);
    return VReg(index, reg_class);
  }
  // A value of the class that is available; there is always one, defined in the first block.
  VReg pick_class(const std::vector<VReg>& names, RegClass reg_class) {
    for (u32 i = 0; i < 20; ++i) {
      const VReg vreg = pick(names);
      if (vreg.reg_class() == reg_class) return vreg;
    }
    std::vector<VReg> same;
    for (const VReg vreg : names) {
      if (vreg.reg_class() == reg_class) same.push_back(vreg);
    }
    return same[random_.below(static_cast<u32>(same.size()))];
  }
  VReg pick(const std::vector<VReg>& names) {
    const u32 size = static_cast<u32>(names.size());
    const u32 from = random_.one_in(3) ? 0 : size - std::min(size, recent_);
    return names[from + random_.below(size - from)];
  }

  void end_instruction(InstKind kind) {
    out_.inst_kinds.push_back(kind);
    out_.operand_ranges.push_back(static_cast<u32>(out_.operands.size()));
  }

  void instruction(std::vector<VReg>& names) {
    if (random_.one_in(6)) {  // a constant
      const VReg vreg = new_vreg(random_class());
      out_.remat.back() = static_cast<u32>(out_.inst_kinds.size());
      out_.operands.push_back(Operand::def(vreg));
      names.push_back(vreg);
    } else {
      operands(names, true);
    }
    end_instruction(InstKind::Normal);
  }

  // Random operands that the registers can satisfy.
  void operands(std::vector<VReg>& names, bool with_defs) {
    const u32 inst = static_cast<u32>(out_.inst_kinds.size());
    const usize begin = out_.operands.size();
    Load load[kNumRegClasses];
    for (u32 i = 0; i < kNumRegClasses; ++i) {
      load[i].size = static_cast<u32>(out_.preferred[i].size() + out_.non_preferred[i].size());
    }
    if (inst != 0 && random_.one_in(8)) clobber(inst, load);
    const u32 num_uses = names.empty()        ? 0
                         : random_.one_in(30) ? random_.below(40)
                                              : random_.below(5);
    for (u32 i = 0; i < num_uses; ++i) use(pick(names), load, begin);
    if (with_defs) {
      std::vector<VReg> defined;
      if (inst == 0) {  // one of each class, so that every class has a value everywhere
        for (u32 i = 0; i < classes_; ++i) {
          const VReg vreg = new_vreg(static_cast<RegClass>(i));
          out_.operands.push_back(Operand::def(vreg));
          ++load[i].late;
          defined.push_back(vreg);
        }
      }
      for (u32 i = random_.below(random_.one_in(10) ? 6 : 3); i > 0; --i) {
        const VReg vreg = new_vreg(random_class());
        if (def(vreg, load, begin)) defined.push_back(vreg);
      }
      names.insert(names.end(), defined.begin(), defined.end());
    }
  }

  // Registers of one class asked for by the instruction.
  struct Load {
    u32 size = 0;
    u32 early_fixed = 0;
    u32 late_fixed = 0;
    u32 clobbered = 0;
    u32 early = 0;  // uses
    u32 both = 0;
    u32 late = 0;  // definitions
    bool fits() const {
      const auto count = [](u32 mask) { return static_cast<u32>(std::popcount(mask)); };
      return count(early_fixed) + both + early <= size &&
             count(late_fixed | clobbered) + both + late <= size &&
             count(early_fixed | late_fixed | clobbered) + both <= size;
    }
  };

  void clobber(u32 inst, Load* load) {
    ClobberEntry entry{inst, {}};
    const bool call = random_.one_in(2);
    for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
      const std::vector<PReg> all = regs(static_cast<RegClass>(reg_class));
      for (u32 i = 0; i < all.size(); ++i) {
        if (call ? i < out_.preferred[reg_class].size() : random_.one_in(3)) {
          entry.regs.add(all[i]);
          load[reg_class].clobbered |= u32{1} << all[i].hw_enc();
        }
      }
    }
    out_.clobbers.push_back(entry);
  }

  PReg random_reg(RegClass reg_class) {
    const std::vector<PReg> all = regs(reg_class);
    return all[random_.below(static_cast<u32>(all.size()))];
  }

  void use(VReg vreg, Load* load, usize begin) {
    Load& mine = load[static_cast<u32>(vreg.reg_class())];
    const bool is_remat = out_.remat[vreg.index()] != kNoRemat;
    const Load before = mine;
    const bool late = random_.one_in(8);
    const OperandPos pos = late ? OperandPos::Late : OperandPos::Early;
    switch (random_.below(8)) {
      case 0:
      case 1: {
        const PReg reg = random_reg(vreg.reg_class());
        const u32 bit = u32{1} << reg.hw_enc();
        bool taken =
            ((mine.early_fixed | (late ? mine.late_fixed | mine.clobbered : 0)) & bit) != 0;
        if (taken && !late) {
          taken = true;
          for (usize i = begin; i < out_.operands.size(); ++i) {
            const Operand other = out_.operands[i];
            if (other.constraint() == Constraint::Fixed && other.fixed() == reg &&
                other.vreg == vreg && !other.is_late())
              taken = false;
          }
        }
        if (taken) break;
        mine.early_fixed |= bit;
        if (late) mine.late_fixed |= bit;
        if (mine.fits()) {
          out_.operands.push_back(
              {vreg, Operand::make_rule(OperandKind::Use, pos, Constraint::Fixed, reg.index())});
          return;
        }
        break;
      }
      case 2:
      case 3:
      case 4:
        ++(late ? mine.both : mine.early);
        if (mine.fits()) {
          u32 rule = Operand::make_rule(OperandKind::Use, pos, Constraint::Reg);
          out_.operands.push_back({vreg, rule});
          if (!late && out_.operands.size() - begin >= 2 && random_.one_in(2)) {
            Operand& previous = out_.operands[out_.operands.size() - 2];
            const bool chained = out_.operands.size() - begin >= 3 &&
                                 out_.operands[out_.operands.size() - 3].commutes();
            if (!previous.is_def() && !previous.is_late() &&
                previous.constraint() == Constraint::Reg && !chained &&
                previous.vreg.reg_class() == vreg.reg_class()) {
              previous.rule |= Operand::kCommutesBit;
            }
          }
          return;
        }
        break;
      case 5:
        if (!is_remat || random_.one_in(10)) {
          out_.operands.push_back(
              {vreg, Operand::make_rule(OperandKind::Use, pos, Constraint::Stack)});
          return;
        }
        break;
      default:
        if (is_remat) ++(late ? mine.both : mine.early);
        if (mine.fits()) {
          out_.operands.push_back(
              {vreg, Operand::make_rule(OperandKind::Use, pos, Constraint::Any)});
          return;
        }
        break;
    }
    mine = before;
  }

  bool def(VReg vreg, Load* load, usize begin) {
    Load& mine = load[static_cast<u32>(vreg.reg_class())];
    const Load before = mine;
    const bool early = random_.one_in(8);
    const OperandPos pos = early ? OperandPos::Early : OperandPos::Late;
    const auto add = [&](Constraint constraint, u32 payload = 0) {
      out_.operands.push_back(
          {vreg, Operand::make_rule(OperandKind::Def, pos, constraint, payload)});
      return true;
    };
    switch (random_.below(8)) {
      case 0:
      case 1: {
        const PReg reg = random_reg(vreg.reg_class());
        const u32 bit = u32{1} << reg.hw_enc();
        if (((mine.late_fixed | (early ? mine.early_fixed | mine.clobbered : 0)) & bit) != 0) break;
        mine.late_fixed |= bit;
        if (early) mine.early_fixed |= bit;
        if (mine.fits()) return add(Constraint::Fixed, reg.index());
        break;
      }
      case 2:
      case 3:
      case 4: {
        if (early) break;
        for (usize i = begin; i < out_.operands.size() && i < begin + 100; ++i) {
          const Operand source = out_.operands[i];
          if (source.is_def() || source.is_late() || source.constraint() == Constraint::Stack)
            continue;
          if (source.vreg.reg_class() != vreg.reg_class()) continue;
          bool reused = false;
          for (usize j = begin; j < out_.operands.size(); ++j) {
            reused |= out_.operands[j].constraint() == Constraint::Reuse &&
                      out_.operands[j].payload() == i - begin;
          }
          if (reused) continue;
          if (source.constraint() == Constraint::Fixed) {
            const u32 bit = u32{1} << source.fixed().hw_enc();
            if (((mine.late_fixed | mine.clobbered) & bit) != 0) continue;
            mine.late_fixed |= bit;
          } else {
            ++mine.both;
          }
          if (mine.fits()) return add(Constraint::Reuse, static_cast<u32>(i - begin));
          mine = before;
        }
        break;
      }
      case 5:
        return add(random_.one_in(2) ? Constraint::Stack : Constraint::Any) &&
               (early && out_.operands.back().constraint() == Constraint::Any
                    ? count_both(mine, before)
                    : true);
      default:
        ++(early ? mine.both : mine.late);
        if (mine.fits()) return add(Constraint::Reg);
        break;
    }
    mine = before;
    return false;
  }
  // An early Any definition may need a register for both halves: keep it only if one is left.
  bool count_both(Load& mine, const Load& before) {
    ++mine.both;
    if (mine.fits()) return true;
    mine = before;
    out_.operands.pop_back();
    return false;
  }

  Random random_;
  OwnedInput out_;
  u32 density_ = 4;
  u32 recent_ = 6;
  u32 classes_ = 1;
};

}  // namespace

OwnedInput random_input(u64 seed) { return Generator(seed).run(); }

}  // namespace gantry::regalloc::testing

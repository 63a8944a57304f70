// Text form of Input, one instruction a line; see dump.h.
#include "gantry/regalloc/dump.h"

namespace gantry::regalloc {

Input OwnedInput::input() const {
  Input in;
  in.num_blocks = static_cast<u32>(block_insts.size() - 1);
  in.num_insts = static_cast<u32>(inst_kinds.size());
  in.num_vregs = num_vregs;
  in.block_insts = block_insts;
  in.inst_kinds = inst_kinds;
  in.operand_ranges = operand_ranges;
  in.operands = operands;
  in.clobbers = clobbers;
  in.successor_ranges = successor_ranges;
  in.successors = successors;
  in.predecessor_ranges = predecessor_ranges;
  in.predecessors = predecessors;
  in.param_ranges = param_ranges;
  in.params = params;
  in.branch_arg_ranges = branch_arg_ranges;
  in.branch_args = branch_args;
  in.cold_blocks = cold_blocks;
  in.remat = remat;
  in.wide = wide;
  return in;
}

MachineEnv OwnedInput::env() const {
  MachineEnv env;
  for (u32 i = 0; i < kNumRegClasses; ++i) {
    env.preferred[i] = preferred[i];
    env.non_preferred[i] = non_preferred[i];
  }
  return env;
}

void OwnedInput::link_predecessors() {
  const u32 num_blocks = static_cast<u32>(block_insts.size() - 1);
  predecessor_ranges.assign(num_blocks + 1, 0);
  for (const u32 target : successors) ++predecessor_ranges[target + 1];
  for (u32 block = 0; block < num_blocks; ++block)
    predecessor_ranges[block + 1] += predecessor_ranges[block];
  std::vector<u32> next(predecessor_ranges.begin(), predecessor_ranges.end() - 1);
  predecessors.resize(successors.size());
  for (u32 block = 0; block < num_blocks; ++block) {
    for (u32 i = successor_ranges[block]; i < successor_ranges[block + 1]; ++i) {
      predecessors[next[successors[i]]++] = block;
    }
  }
}

namespace {

constexpr std::string_view kClassLetters = "ifv";
constexpr std::string_view kClassNames[] = {"int", "float", "vector"};
constexpr std::string_view kConstraintNames[] = {"any", "reg", "stack", "fixed", "reuse"};
constexpr std::string_view kKindNames[] = {"inst", "branch", "return"};

class Writer {
 public:
  Writer(const Input& input, const Output* output, TextWriter& out)
      : in_(input), output_(output), out_(out) {}

  void run(const MachineEnv& env) {
    out_.line("ra 1");
    for (u32 i = 0; i < kNumRegClasses; ++i) {
      out_.put("regs ", kClassNames[i], ":");
      for (const PReg reg : env.preferred[i]) out_.put(" ", reg.hw_enc());
      out_.put(" saved");
      for (const PReg reg : env.non_preferred[i]) out_.put(" ", reg.hw_enc());
      out_.line();
    }
    remat_of_.assign(in_.num_insts, 0);
    for (const u32 inst : in_.remat) {
      if (inst != kNoRemat && inst < in_.num_insts) remat_of_[inst] = 1;
    }
    for (u32 block = 0; block < in_.num_blocks; ++block) {
      out_.put("block ", block);
      if (!in_.cold_blocks.empty() && in_.cold_blocks[block] != 0) out_.put(" cold");
      out_.put(" (");
      for (u32 i = in_.param_ranges[block]; i < in_.param_ranges[block + 1]; ++i) {
        if (i != in_.param_ranges[block]) out_.put(" ");
        vreg(in_.params[i]);
      }
      out_.line(")");
      for (u32 inst = in_.block_insts[block]; inst < in_.block_insts[block + 1]; ++inst)
        instruction(block, inst);
    }
    out_.line("end");
  }

 private:
  void vreg(VReg reg) {
    out_.put("v", reg.index(), kClassLetters[static_cast<u32>(reg.reg_class())]);
    if (reg.index() / 64 < in_.wide.size() &&
        (in_.wide[reg.index() / 64] >> (reg.index() % 64) & 1) != 0)
      out_.put("w");
  }
  void place(Allocation where) {
    switch (where.kind()) {
      case Allocation::Kind::None:
        out_.put("none");
        break;
      case Allocation::Kind::Reg:
        out_.put(kClassLetters[where.as_reg().index() >> 5], where.as_reg().hw_enc());
        break;
      case Allocation::Kind::Stack:
        out_.put("slot", where.index());
        break;
      case Allocation::Kind::Remat:
        out_.put("remat", where.index());
        break;
    }
  }
  void edits(u32 point) {
    if (output_ == nullptr) return;
    for (; next_edit_ < output_->edits.size() && output_->edits[next_edit_].point <= point;
         ++next_edit_) {
      const Edit& edit = output_->edits[next_edit_];
      out_.put("    ; ");
      place(edit.to);
      out_.put(" <- ");
      place(edit.from);
      out_.line(edit.wide ? " wide" : "");
    }
  }
  void instruction(u32 block, u32 inst) {
    edits(2 * inst);
    out_.put("  ", kKindNames[static_cast<u32>(in_.inst_kinds[inst])]);
    if (output_ != nullptr) out_.put(" #", inst);
    if (remat_of_[inst] != 0) out_.put(" remat");
    for (u32 op = in_.operand_ranges[inst]; op < in_.operand_ranges[inst + 1]; ++op) {
      const Operand operand = in_.operands[op];
      out_.put(op == in_.operand_ranges[inst] ? " " : " ; ", operand.is_def() ? "def " : "use ");
      vreg(operand.vreg);
      out_.put(" ", kConstraintNames[static_cast<u32>(operand.constraint())]);
      if (operand.constraint() == Constraint::Fixed) {
        out_.put(" ", operand.fixed().hw_enc());
      } else if (operand.constraint() == Constraint::Reuse) {
        out_.put(" ", operand.payload());
      }
      if (operand.is_def() != operand.is_late()) out_.put(operand.is_late() ? " late" : " early");
      if (operand.commutes()) out_.put(" commutes");
      if (output_ != nullptr) {
        out_.put(" @");
        place(output_->allocs[op]);
      }
    }
    while (clobber_ < in_.clobbers.size() && in_.clobbers[clobber_].inst < inst) ++clobber_;
    if (clobber_ < in_.clobbers.size() && in_.clobbers[clobber_].inst == inst) {
      out_.put(" ; clobber");
      for (u32 reg = 0; reg < kNumPRegs; ++reg) {
        if (in_.clobbers[clobber_].regs.contains(PReg::from_index(reg))) {
          out_.put(" ", kClassLetters[reg >> 5], reg & 31);
        }
      }
    }
    if (inst + 1 == in_.block_insts[block + 1]) {
      for (u32 edge = in_.successor_ranges[block]; edge < in_.successor_ranges[block + 1]; ++edge) {
        out_.put(edge == in_.successor_ranges[block] ? " ; to " : " ", in_.successors[edge], " (");
        for (u32 i = in_.branch_arg_ranges[edge]; i < in_.branch_arg_ranges[edge + 1]; ++i) {
          if (i != in_.branch_arg_ranges[edge]) out_.put(" ");
          vreg(in_.branch_args[i]);
        }
        out_.put(")");
      }
    }
    out_.line();
    edits(2 * inst + 1);
  }

  const Input& in_;
  const Output* output_;
  TextWriter& out_;
  usize next_edit_ = 0;
  usize clobber_ = 0;
  std::vector<u8> remat_of_;
};

}  // namespace

void dump(const Input& input, const MachineEnv& env, const Output* output, TextWriter& out) {
  Writer(input, output, out).run(env);
}

}  // namespace gantry::regalloc

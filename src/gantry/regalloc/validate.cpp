// The rules of input.h, one after the other: shapes of the arrays, the control-flow graph,
// operands, and SSA form by way of dominators (Cooper, Harvey and Kennedy 2001).
#include "gantry/regalloc/validate.h"

#include <algorithm>
#include <vector>

#include "gantry/support/text_writer.h"

namespace gantry::regalloc {

namespace {

constexpr u32 kNone = ~u32{0};

class Validator {
 public:
  explicit Validator(const Input& input) : in_(input) {}

  Result<void> run() {
    GANTRY_TRY(check_shapes());
    GANTRY_TRY(check_graph());
    GANTRY_TRY(check_operands());
    return check_ssa();
  }

 private:
  template <class... Pieces>
  static Error fail(const Pieces&... pieces) {
    TextWriter text;
    text.put("allocator input: ", pieces...);
    return Error(ErrorKind::Invalid, text.view());
  }
  // `ranges` cuts [0, size) into `count` pieces.
  static bool cuts(std::span<const u32> ranges, u64 count, usize size) {
    if (ranges.size() != count + 1 || ranges[0] != 0 || ranges[count] != size) return false;
    return std::is_sorted(ranges.begin(), ranges.end());
  }

  Result<void> check_shapes() {
    if (in_.num_blocks == 0) return fail("no block");
    if (in_.inst_kinds.size() != in_.num_insts) return fail("inst_kinds has a wrong size");
    if (!cuts(in_.block_insts, in_.num_blocks, in_.num_insts))
      return fail("block_insts is not a partition");
    if (!cuts(in_.operand_ranges, in_.num_insts, in_.operands.size()))
      return fail("operand_ranges is not a partition");
    if (!cuts(in_.successor_ranges, in_.num_blocks, in_.successors.size()))
      return fail("successor_ranges is not a partition");
    if (!cuts(in_.predecessor_ranges, in_.num_blocks, in_.predecessors.size()))
      return fail("predecessor_ranges is not a partition");
    if (!cuts(in_.param_ranges, in_.num_blocks, in_.params.size()))
      return fail("param_ranges is not a partition");
    if (!cuts(in_.branch_arg_ranges, in_.successors.size(), in_.branch_args.size()))
      return fail("branch_arg_ranges is not a partition");
    if (!in_.cold_blocks.empty() && in_.cold_blocks.size() != in_.num_blocks)
      return fail("cold_blocks has a wrong size");
    if (!in_.remat.empty() && in_.remat.size() != in_.num_vregs)
      return fail("remat has a wrong size");
    if (!in_.wide.empty() && in_.wide.size() * 64 < in_.num_vregs)
      return fail("wide has a wrong size");
    for (usize word = 0; word < in_.wide.size(); ++word) {
      if (in_.wide[word] >>
              (word * 64 >= in_.num_vregs ? 0 : std::min<u64>(63, in_.num_vregs - word * 64)) > 1 ||
          (word * 64 >= in_.num_vregs && in_.wide[word] != 0)) {
        return fail("wide has bits beyond the vregs");
      }
    }
    for (usize i = 0; i < in_.clobbers.size(); ++i) {
      if (in_.clobbers[i].inst >= in_.num_insts) return fail("clobber of no instruction");
      if (i > 0 && in_.clobbers[i - 1].inst >= in_.clobbers[i].inst)
        return fail("clobbers are not sorted");
    }
    return {};
  }

  Result<void> check_graph() {
    for (const u32 target : in_.successors) {
      if (target >= in_.num_blocks) return fail("edge to block ", target);
    }
    for (const u32 source : in_.predecessors) {
      if (source >= in_.num_blocks) return fail("edge from block ", source);
    }
    if (in_.predecessor_ranges[1] != 0) return fail("the entry block has predecessors");
    if (in_.param_ranges[1] != 0) return fail("the entry block has parameters");
    // Predecessors are the successors, seen from the other side.
    std::vector<u64> forward, backward;
    for (u32 block = 0; block < in_.num_blocks; ++block) {
      for (u32 i = in_.successor_ranges[block]; i < in_.successor_ranges[block + 1]; ++i) {
        forward.push_back(u64{in_.successors[i]} << 32 | block);
      }
      for (u32 i = in_.predecessor_ranges[block]; i < in_.predecessor_ranges[block + 1]; ++i) {
        backward.push_back(u64{block} << 32 | in_.predecessors[i]);
      }
    }
    std::sort(forward.begin(), forward.end());
    std::sort(backward.begin(), backward.end());
    if (forward != backward) return fail("predecessors and successors differ");
    usize clobber = 0;
    for (u32 block = 0; block < in_.num_blocks; ++block) {
      const u32 begin = in_.block_insts[block];
      const u32 end = in_.block_insts[block + 1];
      if (begin == end) return fail("block ", block, " is empty");
      for (u32 inst = begin; inst < end; ++inst) {
        if ((in_.inst_kinds[inst] != InstKind::Normal) != (inst + 1 == end)) {
          return fail("instruction ", inst, " ends or does not end block ", block);
        }
      }
      const u32 num_successors = in_.successor_ranges[block + 1] - in_.successor_ranges[block];
      if ((in_.inst_kinds[end - 1] == InstKind::Return) != (num_successors == 0)) {
        return fail("block ", block, " has ", num_successors, " successors");
      }
      if (block != 0) {
        bool reached = false;
        for (u32 i = in_.predecessor_ranges[block]; i < in_.predecessor_ranges[block + 1]; ++i) {
          reached |= in_.predecessors[i] < block;
        }
        if (!reached) return fail("block ", block, " is unreachable or not in reverse postorder");
      }
      while (clobber < in_.clobbers.size() && in_.clobbers[clobber].inst < end - 1) ++clobber;
      const bool clobbers = clobber < in_.clobbers.size() && in_.clobbers[clobber].inst == end - 1;
      for (u32 edge = in_.successor_ranges[block]; edge < in_.successor_ranges[block + 1]; ++edge) {
        const u32 target = in_.successors[edge];
        const bool merges = in_.predecessor_ranges[target + 1] - in_.predecessor_ranges[target] > 1;
        if (merges && num_successors > 1)
          return fail("the edge from block ", block, " to ", target, " is critical");
        if (merges && (clobbers || in_.operand_ranges[end - 1] != in_.operand_ranges[end])) {
          return fail("the jump of block ", block, " to a merge has operands");
        }
        const u32 num_args = in_.branch_arg_ranges[edge + 1] - in_.branch_arg_ranges[edge];
        if (num_args != in_.param_ranges[target + 1] - in_.param_ranges[target]) {
          return fail("the edge from block ", block, " to ", target, " passes ", num_args,
                      " arguments");
        }
        for (u32 i = 0; i < num_args; ++i) {
          const VReg arg = in_.branch_args[in_.branch_arg_ranges[edge] + i];
          const VReg param = in_.params[in_.param_ranges[target] + i];
          if (!arg.is_valid() || arg.index() >= in_.num_vregs)
            return fail("argument out of range in block ", block);
          if (!param.is_valid() || param.index() >= in_.num_vregs)
            return fail("parameter out of range in block ", target);
          if (arg.reg_class() != param.reg_class() || is_wide(arg) != is_wide(param)) {
            return fail("argument ", i, " from block ", block, " to ", target,
                        " is of another class or size");
          }
        }
      }
    }
    return {};
  }

  bool is_wide(VReg vreg) const {
    return vreg.index() / 64 < in_.wide.size() &&
           (in_.wide[vreg.index() / 64] >> (vreg.index() % 64) & 1) != 0;
  }

  Result<void> check_operands() {
    usize clobber = 0;
    std::vector<u32> reused;
    for (u32 inst = 0; inst < in_.num_insts; ++inst) {
      const u32 begin = in_.operand_ranges[inst];
      const u32 count = in_.operand_ranges[inst + 1] - begin;
      PRegSet clobbered, early, late;
      if (clobber < in_.clobbers.size() && in_.clobbers[clobber].inst == inst)
        clobbered = in_.clobbers[clobber++].regs;
      reused.assign(count, 0);
      VReg early_owner[kNumPRegs];
      for (u32 k = 0; k < count; ++k) {
        const Operand operand = in_.operands[begin + k];
        const auto bad = [&](const char* what) {
          return fail("instruction ", inst, " operand ", k, ": ", what);
        };
        if (!operand.vreg.is_valid() || operand.vreg.index() >= in_.num_vregs)
          return bad("vreg out of range");
        if (static_cast<u32>(operand.vreg.reg_class()) >= kNumRegClasses)
          return bad("no such class");
        if (is_wide(operand.vreg) && operand.vreg.reg_class() == RegClass::Int)
          return bad("integer of 16 bytes");
        const bool both = operand.is_def() != operand.is_late();
        switch (operand.constraint()) {
          case Constraint::Any:
          case Constraint::Reg:
          case Constraint::Stack:
            break;
          case Constraint::Fixed: {
            if (operand.payload() >= kNumPRegs) return bad("no such register");
            const PReg reg = operand.fixed();
            if (reg.reg_class() != operand.vreg.reg_class())
              return bad("fixed register of another class");
            if (both && clobbered.contains(reg))
              return bad("fixed to a clobbered register it needs throughout");
            if (!operand.is_def() || both) {
              const VReg owner = early_owner[reg.index()];
              if (early.contains(reg) && (both || owner != operand.vreg || late.contains(reg))) {
                return bad("fixed register wanted twice");
              }
              early.add(reg);
              early_owner[reg.index()] = operand.vreg;
            }
            if (operand.is_def() || both) {
              if (late.contains(reg)) return bad("fixed register wanted twice");
              late.add(reg);
            }
            break;
          }
          case Constraint::Reuse: {
            if (!operand.is_def() || !operand.is_late())
              return bad("only a late definition can reuse a place");
            if (operand.payload() >= count) return bad("reuses no operand");
            const Operand source = in_.operands[begin + operand.payload()];
            if (source.is_def() || source.is_late() || source.constraint() == Constraint::Stack) {
              return bad("reuses the place of an operand other than an early use in a register");
            }
            if (source.vreg.reg_class() != operand.vreg.reg_class())
              return bad("reuses a place of another class");
            if (reused[operand.payload()]++ != 0) return bad("reuses a place reused already");
            break;
          }
          default:
            return bad("no such constraint");
        }
        if (operand.commutes()) {
          if (k + 1 == count) return bad("commutes with nothing");
          const Operand next = in_.operands[begin + k + 1];
          if (operand.is_def() || operand.is_late() || next.is_def() || next.is_late() ||
              next.commutes() || next.vreg.reg_class() != operand.vreg.reg_class() ||
              is_wide(next.vreg) != is_wide(operand.vreg)) {
            return bad("cannot commute with the next operand");
          }
        }
      }
      for (u32 k = 0; k < count; ++k) {
        const Operand source = in_.operands[begin + k];
        if (reused[k] == 0 || source.constraint() != Constraint::Fixed) continue;
        if (late.contains(source.fixed()) || clobbered.contains(source.fixed())) {
          return fail("instruction ", inst, " operand ", k,
                      ": its register is reused and written otherwise");
        }
        late.add(source.fixed());
      }
    }
    for (u32 index = 0; index < in_.remat.size(); ++index) {
      const u32 inst = in_.remat[index];
      if (inst == kNoRemat) continue;
      if (inst >= in_.num_insts || in_.inst_kinds[inst] != InstKind::Normal)
        return fail("v", index, " cannot be made again");
      const u32 begin = in_.operand_ranges[inst];
      if (in_.operand_ranges[inst + 1] - begin != 1)
        return fail("v", index, " cannot be made again from operands");
      const Operand operand = in_.operands[begin];
      if (!operand.is_def() || operand.vreg.index() != index ||
          (operand.constraint() != Constraint::Reg && operand.constraint() != Constraint::Any)) {
        return fail("v", index, " is not what instruction ", inst, " makes in any register");
      }
    }
    return {};
  }

  Result<void> check_ssa() {
    find_dominators();
    std::vector<u32> def_block(in_.num_vregs, kNone);
    std::vector<u32> def_inst(in_.num_vregs, 0);  // instruction + 1; 0 for parameters
    std::vector<u32> bits(in_.num_vregs, 0);
    for (u32 block = 0; block < in_.num_blocks; ++block) {
      for (u32 i = in_.param_ranges[block]; i < in_.param_ranges[block + 1]; ++i) {
        const u32 index = in_.params[i].index();
        if (index >= in_.num_vregs) return fail("parameter out of range in block ", block);
        if (def_block[index] != kNone) return fail("v", index, " is defined twice");
        def_block[index] = block;
        bits[index] = in_.params[i].bits();
      }
      for (u32 inst = in_.block_insts[block]; inst < in_.block_insts[block + 1]; ++inst) {
        for (u32 op = in_.operand_ranges[inst]; op < in_.operand_ranges[inst + 1]; ++op) {
          if (!in_.operands[op].is_def()) continue;
          const u32 index = in_.operands[op].vreg.index();
          if (def_block[index] != kNone) return fail("v", index, " is defined twice");
          def_block[index] = block;
          def_inst[index] = inst + 1;
          bits[index] = in_.operands[op].vreg.bits();
        }
      }
    }
    const auto check_use = [&](VReg vreg, u32 block, u32 inst) -> Result<void> {
      const u32 index = vreg.index();
      if (def_block[index] == kNone) return fail("v", index, " is used but not defined");
      if (bits[index] != vreg.bits()) return fail("v", index, " is of two classes");
      const bool before =
          def_block[index] == block ? def_inst[index] <= inst : dominates(def_block[index], block);
      if (!before)
        return fail("the definition of v", index, " does not dominate its use at instruction ",
                    inst);
      return {};
    };
    for (u32 block = 0; block < in_.num_blocks; ++block) {
      for (u32 inst = in_.block_insts[block]; inst < in_.block_insts[block + 1]; ++inst) {
        for (u32 op = in_.operand_ranges[inst]; op < in_.operand_ranges[inst + 1]; ++op) {
          if (!in_.operands[op].is_def()) GANTRY_TRY(check_use(in_.operands[op].vreg, block, inst));
        }
      }
      const u32 end = in_.block_insts[block + 1];
      for (u32 edge = in_.successor_ranges[block]; edge < in_.successor_ranges[block + 1]; ++edge) {
        for (u32 i = in_.branch_arg_ranges[edge]; i < in_.branch_arg_ranges[edge + 1]; ++i) {
          GANTRY_TRY(check_use(in_.branch_args[i], block, end));
        }
      }
    }
    return {};
  }

  void find_dominators() {
    idom_.assign(in_.num_blocks, kNone);
    idom_[0] = 0;
    for (bool changed = true; changed;) {
      changed = false;
      for (u32 block = 1; block < in_.num_blocks; ++block) {
        u32 best = kNone;
        for (u32 i = in_.predecessor_ranges[block]; i < in_.predecessor_ranges[block + 1]; ++i) {
          u32 pred = in_.predecessors[i];
          if (idom_[pred] == kNone) continue;
          if (best == kNone) best = pred;
          while (best != pred) {
            if (best > pred) {
              best = idom_[best];
            } else {
              pred = idom_[pred];
            }
          }
        }
        if (best != idom_[block]) {
          idom_[block] = best;
          changed = true;
        }
      }
    }
    // Number the tree: a block dominates those in [first, last] of its subtree.
    std::vector<u32> size(in_.num_blocks, 1);
    for (u32 block = in_.num_blocks; block-- > 1;) size[idom_[block]] += size[block];
    first_.assign(in_.num_blocks, 0);
    last_.assign(in_.num_blocks, 0);
    std::vector<u32> next(in_.num_blocks, 0);
    last_[0] = in_.num_blocks - 1;
    next[0] = 1;
    for (u32 block = 1; block < in_.num_blocks; ++block) {
      const u32 parent = idom_[block];
      first_[block] = next[parent];
      last_[block] = first_[block] + size[block] - 1;
      next[parent] += size[block];
      next[block] = first_[block] + 1;
    }
  }
  bool dominates(u32 above, u32 below) const {
    return first_[above] <= first_[below] && first_[below] <= last_[above];
  }

  const Input& in_;
  std::vector<u32> idom_, first_, last_;
};

}  // namespace

Result<void> validate(const Input& input) { return Validator(input).run(); }

}  // namespace gantry::regalloc

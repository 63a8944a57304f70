// Proves an allocation by following demands backwards: "here, this place must hold that value". A
// use makes a demand; an edit moves it from its target to its source; a definition meets it;
// anything else that writes the place, or a definition of the value in another place, refutes it.
// At a block's start what is left is demanded at the end of every predecessor, parameters under the
// name of the argument. Blocks are processed until no demand is new; the demands at a block's start
// only grow, so that ends.
//
// Only what is demanded is tracked: about one entry for every live value and block.
#include "gantry/regalloc/checker.h"

#include <algorithm>
#include <vector>

#include "gantry/support/text_writer.h"

namespace gantry::regalloc {

namespace {

constexpr u32 kNone = ~u32{0};

struct Demand {
  u32 place;  // a register number, or kNumPRegs + slot word
  u32 value;
  friend bool operator==(Demand, Demand) = default;
  friend bool operator<(Demand a, Demand b) {
    return a.place != b.place ? a.place < b.place : a.value < b.value;
  }
};

class Checker {
 public:
  Checker(const Input& input, const MachineEnv& env, const Output& output)
      : in_(input), out_(output) {
    for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
      for (const PReg reg : env.preferred[reg_class]) allocatable_.add(reg);
      for (const PReg reg : env.non_preferred[reg_class]) allocatable_.add(reg);
    }
  }

  Result<void> run() {
    GANTRY_TRY(check_shape());
    for (u32 inst = 0; inst < in_.num_insts; ++inst) GANTRY_TRY(check_inst(inst));
    for (const Edit& edit : out_.edits) GANTRY_TRY(check_edit(edit));
    return check_flow();
  }

 private:
  static Error wrong(const TextWriter& text) { return Error(ErrorKind::Invalid, text.view()); }
  template <class... Pieces>
  static Error fail(const Pieces&... pieces) {
    TextWriter text;
    text.put("allocation: ", pieces...);
    return wrong(text);
  }
  bool is_wide(u32 value) const {
    return value / 64 < in_.wide.size() && (in_.wide[value / 64] >> (value % 64) & 1) != 0;
  }
  u32 words_of(u32 value) const { return is_wide(value) ? 2 : 1; }
  bool in_exchange(u32 op) const {
    return std::binary_search(out_.exchanged.begin(), out_.exchanged.end(), op);
  }
  // The value in the place of a use, after exchanges.
  VReg vreg_at(u32 op) const {
    if (!out_.exchanged.empty()) {
      if (in_exchange(op)) return in_.operands[op + 1].vreg;
      if (op > 0 && in_exchange(op - 1)) return in_.operands[op - 1].vreg;
    }
    return in_.operands[op].vreg;
  }
  static u32 place_of(Allocation where) {
    return where.is_reg() ? where.as_reg().index() : kNumPRegs + where.index();
  }

  Result<void> check_shape() {
    if (out_.allocs.size() != in_.operands.size()) return fail("not one place for each operand");
    for (usize i = 0; i < out_.exchanged.size(); ++i) {
      const u32 op = out_.exchanged[i];
      if (op >= in_.operands.size() || !in_.operands[op].commutes())
        return fail("operand ", op, " does not commute");
      if (i > 0 && out_.exchanged[i - 1] + 1 >= op)
        return fail("exchanges overlap at operand ", op);
    }
    u32 previous = 0;
    for (const Edit& edit : out_.edits) {
      if (edit.point < previous) return fail("edits out of order at point ", edit.point);
      if (edit.point >= 2 * in_.num_insts) return fail("edit behind the function");
      previous = edit.point;
    }
    return {};
  }

  Result<void> check_slot(Allocation where, bool wide, u32 inst) const {
    const u32 end = where.index() + (wide ? 2 : 1);
    if (end > out_.num_slot_words)
      return fail("slot word ", where.index(), " out of range, instruction ", inst);
    if (wide && where.index() % 2 != 0) return fail("wide slot not aligned, instruction ", inst);
    return {};
  }

  Result<void> check_inst(u32 inst) {
    const u32 begin = in_.operand_ranges[inst];
    const u32 end = in_.operand_ranges[inst + 1];
    PRegSet clobbers;
    if (clobber_at_ < in_.clobbers.size() && in_.clobbers[clobber_at_].inst == inst) {
      clobbers = in_.clobbers[clobber_at_++].regs;
    }
    for (u32 op = begin; op < end; ++op) {
      const Operand operand = in_.operands[op];
      const Allocation where = out_.allocs[op];
      const VReg vreg = operand.is_def() ? operand.vreg : vreg_at(op);
      const auto at = [&](const char* what) {
        return fail(what, ": instruction ", inst, " operand ", op - begin, " v",
                    operand.vreg.index());
      };
      if (where.is_reg()) {
        if (!allocatable_.contains(where.as_reg())) return at("register not allocatable");
        if (where.as_reg().reg_class() != vreg.reg_class()) return at("register of another class");
        if (operand.is_def() && !out_.used_regs.contains(where.as_reg()))
          return at("register missing in used_regs");
      } else if (where.is_stack()) {
        GANTRY_TRY(check_slot(where, is_wide(vreg.index()), inst));
      } else {
        return at("no place");
      }
      switch (operand.constraint()) {
        case Constraint::Any:
          break;
        case Constraint::Reg:
          if (!where.is_reg()) return at("not in a register");
          break;
        case Constraint::Stack:
          if (!where.is_stack()) return at("not in a slot");
          break;
        case Constraint::Fixed:
          if (!where.is_reg() || where.as_reg() != operand.fixed())
            return at("not in its fixed register");
          break;
        case Constraint::Reuse:
          if (where != out_.allocs[begin + operand.payload()])
            return at("not in the place of the reused operand");
          break;
      }
      const bool both = operand.is_def() ? !operand.is_late() : operand.is_late();
      if (where.is_reg() && clobbers.contains(where.as_reg())) {
        if (both || (operand.is_def() && operand.constraint() != Constraint::Fixed))
          return at("in a clobbered register");
      }
    }
    // Who shares a place: sorted by place, word by word.
    owners_.clear();
    for (u32 op = begin; op < end; ++op) {
      const Operand operand = in_.operands[op];
      const VReg vreg = operand.is_def() ? operand.vreg : vreg_at(op);
      const u32 place = place_of(out_.allocs[op]);
      owners_.push_back({place, op});
      if (place >= kNumPRegs && is_wide(vreg.index())) owners_.push_back({place + 1, op});
    }
    std::sort(owners_.begin(), owners_.end());
    for (usize i = 0; i < owners_.size();) {
      usize last = i;
      u32 defs = 0;
      u32 early_defs = 0;
      u32 uses = 0;
      u32 late_uses = 0;
      for (; last < owners_.size() && owners_[last].place == owners_[i].place; ++last) {
        const Operand operand = in_.operands[owners_[last].value];
        if (operand.is_def()) {
          ++defs;
          early_defs += operand.is_late() ? 0 : 1;
        } else {
          ++uses;
          late_uses += operand.is_late() ? 1 : 0;
        }
      }
      if (defs > 1) return fail("two definitions in one place, instruction ", inst);
      if (early_defs != 0 && uses != 0)
        return fail("early definition in the place of a use, instruction ", inst);
      if (defs != 0 && late_uses != 0)
        return fail("definition in the place of a late use, instruction ", inst);
      i = last;
    }
    return {};
  }

  Result<void> check_edit(const Edit& edit) const {
    const u32 inst = edit.point / 2;
    const auto check_reg = [&](Allocation where) -> Result<void> {
      if (!allocatable_.contains(where.as_reg()))
        return fail("edit of a register not allocatable, at ", edit.point);
      if (where.as_reg().reg_class() != edit.reg_class)
        return fail("edit of another class, at ", edit.point);
      return {};
    };
    if (edit.from.is_reg()) GANTRY_TRY(check_reg(edit.from));
    if (edit.to.is_reg()) {
      GANTRY_TRY(check_reg(edit.to));
      if (!out_.used_regs.contains(edit.to.as_reg()))
        return fail("edit: register missing in used_regs, at ", edit.point);
    }
    if (edit.from.is_stack()) GANTRY_TRY(check_slot(edit.from, edit.wide, inst));
    if (edit.to.is_stack()) GANTRY_TRY(check_slot(edit.to, edit.wide, inst));
    const bool legal = edit.to.is_reg() ? edit.from.kind() != Allocation::Kind::None
                                        : edit.to.is_stack() && edit.from.is_reg();
    if (!legal) return fail("edit of an impossible kind, at ", edit.point);
    if (edit.point % 2 == 1 && in_.inst_kinds[inst] != InstKind::Normal)
      return fail("edit behind the end of a block");
    return {};
  }

  // The demands at the current point, as lists by place.
  struct Node {
    Demand demand;
    u32 next;
  };

  void demand(u32 place, u32 value) {
    for (u32 at = heads_[place]; at != kNone; at = nodes_[at].next) {
      if (nodes_[at].demand.value == value) return;
    }
    u32 node = free_node_;
    if (node != kNone) {
      free_node_ = nodes_[node].next;
    } else {
      node = static_cast<u32>(nodes_.size());
      nodes_.push_back({});
    }
    nodes_[node] = {{place, value}, heads_[place]};
    if (heads_[place] == kNone) touched_.push_back(place);
    heads_[place] = node;
    ++counts_[value];
  }
  void drop_list(u32 place) {
    for (u32 at = heads_[place]; at != kNone;) {
      const u32 next = nodes_[at].next;
      --counts_[nodes_[at].demand.value];
      nodes_[at].next = free_node_;
      free_node_ = at;
      at = next;
    }
    heads_[place] = kNone;
  }
  // A wide value demanded in the word before also fills `place`.
  bool covered_from_below(u32 place, u32& value) const {
    if (place <= kNumPRegs) return false;
    for (u32 at = heads_[place - 1]; at != kNone; at = nodes_[at].next) {
      if (is_wide(nodes_[at].demand.value)) {
        value = nodes_[at].demand.value;
        return true;
      }
    }
    return false;
  }

  // `value` (kNone: nothing in particular) is written to `place`: all demands there must be for it.
  Result<void> write(u32 place, u32 value, u32 words, u32 point) {
    for (u32 at = heads_[place]; at != kNone; at = nodes_[at].next) {
      const u32 wanted = nodes_[at].demand.value;
      if (wanted != value) return overwritten(wanted, place, value, point);
    }
    drop_list(place);
    if (place >= kNumPRegs) {
      u32 wanted = kNone;
      if (covered_from_below(place, wanted)) return overwritten(wanted, place, value, point);
      if (words == 2 && heads_[place + 1] != kNone) {
        return overwritten(nodes_[heads_[place + 1]].demand.value, place + 1, value, point);
      }
    }
    return {};
  }
  static Error overwritten(u32 wanted, u32 place, u32 value, u32 point) {
    TextWriter text;
    text.put("allocation: v", wanted, " is wanted in ", place < kNumPRegs ? "register " : "slot ",
             place < kNumPRegs ? place : place - kNumPRegs, ", written at point ", point);
    if (value != kNone) text.put(" with v", value);
    return wrong(text);
  }

  Result<void> undo_edit(const Edit& edit) {
    const u32 to = place_of(edit.to);
    if (edit.from.kind() == Allocation::Kind::Remat) {
      for (u32 at = heads_[to]; at != kNone; at = nodes_[at].next) {
        const u32 wanted = nodes_[at].demand.value;
        if (wanted >= in_.remat.size() || in_.remat[wanted] != edit.from.index()) {
          return fail("rematerialised into the place of v", wanted, " at point ", edit.point);
        }
      }
      drop_list(to);
      return {};
    }
    moved_.clear();
    for (u32 at = heads_[to]; at != kNone; at = nodes_[at].next)
      moved_.push_back(nodes_[at].demand.value);
    drop_list(to);
    if (edit.to.is_stack()) GANTRY_TRY(write(to, kNone, edit.wide ? 2 : 1, edit.point));
    const u32 from = place_of(edit.from);
    for (const u32 value : moved_) {
      if (is_wide(value) && !edit.wide)
        return fail("half of v", value, " moved at point ", edit.point);
      demand(from, value);
    }
    return {};
  }

  Result<void> undo_inst(u32 inst, const PRegSet* clobbers) {
    const u32 begin = in_.operand_ranges[inst];
    const u32 end = in_.operand_ranges[inst + 1];
    for (u32 op = begin; op < end; ++op) {
      const Operand operand = in_.operands[op];
      if (!operand.is_def()) continue;
      const u32 value = operand.vreg.index();
      GANTRY_TRY(write(place_of(out_.allocs[op]), value, words_of(value), 2 * inst));
      if (counts_[value] != 0)
        return fail("v", value, " is wanted elsewhere than where instruction ", inst,
                    " defines it");
    }
    if (clobbers != nullptr) {
      for (u32 reg_class = 0; reg_class < kNumRegClasses; ++reg_class) {
        for (u32 left = clobbers->mask(static_cast<RegClass>(reg_class)); left != 0;
             left &= left - 1) {
          const u32 reg = reg_class * kRegsPerClass + static_cast<u32>(std::countr_zero(left));
          GANTRY_TRY(write(reg, kNone, 1, 2 * inst));
        }
      }
    }
    for (u32 op = begin; op < end; ++op) {
      if (!in_.operands[op].is_def()) demand(place_of(out_.allocs[op]), vreg_at(op).index());
    }
    return {};
  }

  // From the demands at the end of `block` to those at its start, parameters still by their own
  // name.
  Result<void> undo_block(u32 block) {
    const u32 first = in_.block_insts[block];
    const auto edit_less = [](const Edit& edit, u32 point) { return edit.point < point; };
    usize edit = static_cast<usize>(std::lower_bound(out_.edits.begin(), out_.edits.end(),
                                                     2 * in_.block_insts[block + 1], edit_less) -
                                    out_.edits.begin());
    const auto clobber_less = [](const ClobberEntry& entry, u32 inst) { return entry.inst < inst; };
    usize clobber = static_cast<usize>(std::lower_bound(in_.clobbers.begin(), in_.clobbers.end(),
                                                        in_.block_insts[block + 1], clobber_less) -
                                       in_.clobbers.begin());
    for (u32 inst = in_.block_insts[block + 1]; inst-- > first;) {
      for (; edit > 0 && out_.edits[edit - 1].point == 2 * inst + 1; --edit)
        GANTRY_TRY(undo_edit(out_.edits[edit - 1]));
      const PRegSet* clobbers = nullptr;
      if (clobber > 0 && in_.clobbers[clobber - 1].inst == inst)
        clobbers = &in_.clobbers[--clobber].regs;
      GANTRY_TRY(undo_inst(inst, clobbers));
      if (inst == first) rename_params(block);
      for (; edit > 0 && out_.edits[edit - 1].point == 2 * inst; --edit)
        GANTRY_TRY(undo_edit(out_.edits[edit - 1]));
    }
    return {};
  }

  // A block with one predecessor may place its parameters itself: from its start on, a parameter is
  // the same as its argument, so demands before its first instruction go by the argument's name.
  void rename_params(u32 block) {
    const u32 preds = in_.predecessor_ranges[block];
    if (in_.predecessor_ranges[block + 1] - preds != 1) return;
    const u32 begin = in_.param_ranges[block];
    const u32 end = in_.param_ranges[block + 1];
    if (begin == end) return;
    const u32 edge = entered_by_[block];
    for (usize i = 0, count = touched_.size(); i < count; ++i) {
      const u32 place = touched_[i];
      found_.clear();
      for (u32 at = heads_[place]; at != kNone; at = nodes_[at].next)
        found_.push_back(nodes_[at].demand);
      drop_list(place);
      for (const Demand wanted : found_) {
        const u32 param = param_of_[wanted.value];
        const bool renamed = param != kNone && param >= begin && param < end;
        demand(place, renamed
                          ? in_.branch_args[in_.branch_arg_ranges[edge] + (param - begin)].index()
                          : wanted.value);
      }
    }
  }

  Result<void> check_flow() {
    heads_.assign(kNumPRegs + out_.num_slot_words + 1, kNone);
    counts_.assign(in_.num_vregs, 0);
    param_of_.assign(in_.num_vregs, kNone);
    starts_.resize(in_.num_blocks);
    for (u32 block = 0; block < in_.num_blocks; ++block) {
      for (u32 i = in_.param_ranges[block]; i < in_.param_ranges[block + 1]; ++i) {
        param_of_[in_.params[i].index()] = i;
      }
    }
    entered_by_.assign(in_.num_blocks, kNone);
    for (u32 edge = 0; edge < in_.successors.size(); ++edge)
      entered_by_[in_.successors[edge]] = edge;
    std::vector<u8> dirty(in_.num_blocks, 1);
    bool again = true;
    while (again) {
      again = false;
      for (u32 block = in_.num_blocks; block-- > 0;) {
        if (dirty[block] == 0) continue;
        dirty[block] = 0;
        // Demands at the end: from the starts of the successors.
        for (u32 edge = in_.successor_ranges[block]; edge < in_.successor_ranges[block + 1];
             ++edge) {
          const u32 successor = in_.successors[edge];
          const u32 params = in_.param_ranges[successor];
          const u32 num_params = in_.param_ranges[successor + 1] - params;
          for (const Demand wanted : starts_[successor]) {
            u32 value = wanted.value;
            const u32 param = param_of_[value];
            if (param != kNone && param >= params && param < params + num_params) {
              value = in_.branch_args[in_.branch_arg_ranges[edge] + (param - params)].index();
            }
            demand(wanted.place, value);
          }
        }
        if (Result<void> done = undo_block(block); !done) return done;
        found_.clear();
        for (const u32 place : touched_) {
          for (u32 at = heads_[place]; at != kNone; at = nodes_[at].next)
            found_.push_back(nodes_[at].demand);
          drop_list(place);
        }
        touched_.clear();
        if (block == 0 && !found_.empty()) {
          return fail("v", found_.front().value, " is used but not defined on some path");
        }
        std::sort(found_.begin(), found_.end());
        if (found_ == starts_[block]) continue;
        starts_[block] = found_;
        for (u32 i = in_.predecessor_ranges[block]; i < in_.predecessor_ranges[block + 1]; ++i) {
          const u32 pred = in_.predecessors[i];
          dirty[pred] = 1;
          again |= pred >= block;
        }
      }
    }
    return {};
  }

  const Input& in_;
  const Output& out_;
  PRegSet allocatable_;
  usize clobber_at_ = 0;
  std::vector<u32> entered_by_;  // by block: the last edge into it
  std::vector<Demand> owners_;
  std::vector<Node> nodes_;
  u32 free_node_ = kNone;
  std::vector<u32> heads_;    // by place: its demands
  std::vector<u32> counts_;   // by value: demands for it
  std::vector<u32> touched_;  // places with demands, perhaps repeated
  std::vector<u32> moved_;
  std::vector<Demand> found_;
  std::vector<u32> param_of_;
  std::vector<std::vector<Demand>> starts_;
};

}  // namespace

Result<void> check(const Input& input, const MachineEnv& env, const Output& output) {
  return Checker(input, env, output).run();
}

}  // namespace gantry::regalloc

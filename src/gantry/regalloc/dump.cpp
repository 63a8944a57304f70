// Text form of Input, one instruction a line; see dump.h. The reader takes one word at a time.
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

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<OwnedInput> run() {
    next();
    GANTRY_TRY(expect("ra"));
    GANTRY_TRY(expect("1"));
    GANTRY_TRY(end_line());
    while (word_ == "regs") GANTRY_TRY(regs());
    out_.operand_ranges.push_back(0);
    out_.param_ranges.push_back(0);
    out_.successor_ranges.push_back(0);
    out_.branch_arg_ranges.push_back(0);
    while (word_ == "block") GANTRY_TRY(block());
    out_.block_insts.push_back(static_cast<u32>(out_.inst_kinds.size()));
    if (word_ != "end") return error("expected 'block' or 'end'");
    const u32 num_blocks = static_cast<u32>(out_.block_insts.size() - 1);
    for (const u32 target : out_.successors) {
      if (target >= num_blocks) return error("an edge leads to no block");
    }
    out_.remat.resize(out_.num_vregs, kNoRemat);
    out_.wide.resize(out_.num_vregs / 64 + 1, 0);
    out_.link_predecessors();
    return std::move(out_);
  }

 private:
  Error error(std::string_view message) const {
    return Error(ErrorKind::Syntax, message, position_);
  }

  // Words are runs of letters, digits and ':'; all else is a word of one character; '\n' ends a
  // line.
  void next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\r' || text_[at_] == '\t'))
      advance();
    position_ = {line_, column_};
    const usize begin = at_;
    const auto in_word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':';
    };
    if (at_ < text_.size()) {
      const bool run = in_word(text_[at_]);
      advance();
      while (run && at_ < text_.size() && in_word(text_[at_])) advance();
    }
    word_ = text_.substr(begin, at_ - begin);
  }
  void advance() {
    if (text_[at_] == '\n') {
      ++line_;
      column_ = 1;
    } else {
      ++column_;
    }
    ++at_;
  }
  bool accept(std::string_view word) {
    if (word_ != word) return false;
    next();
    return true;
  }
  Result<void> expect(std::string_view word) {
    if (!accept(word)) {
      TextWriter message;
      message.put("expected '", word, "'");
      return error(message.view());
    }
    return {};
  }
  Result<void> end_line() {
    if (!accept("\n")) return error("expected the end of the line");
    while (accept("\n")) {
    }
    return {};
  }
  // A decimal number below `bound` at the start of `digits`, which is cut off.
  Result<u32> digits(std::string_view& digits, u32 bound) const {
    u64 number = 0;
    usize count = 0;
    for (; count < digits.size() && digits[count] >= '0' && digits[count] <= '9' && number < bound;
         ++count) {
      number = number * 10 + static_cast<u64>(digits[count] - '0');
    }
    if (count == 0 || number >= bound) return error("expected a number in range");
    digits.remove_prefix(count);
    return static_cast<u32>(number);
  }
  Result<u32> number(u32 bound) {
    std::string_view rest = word_;
    GANTRY_TRY_ASSIGN(const u32 value, digits(rest, bound));
    if (!rest.empty()) return error("expected a number");
    next();
    return value;
  }
  Result<void> regs() {
    next();
    u32 reg_class = 0;
    while (reg_class < kNumRegClasses &&
           word_.substr(0, word_.size() - 1) != kClassNames[reg_class])
      ++reg_class;
    if (reg_class == kNumRegClasses || word_.back() != ':')
      return error("expected the name of a class and ':'");
    next();
    bool saved = false;
    while (word_ != "\n" && !word_.empty()) {
      if (!saved && accept("saved")) {
        saved = true;
        continue;
      }
      GANTRY_TRY_ASSIGN(const u32 hw_enc, number(kRegsPerClass));
      (saved ? out_.non_preferred : out_.preferred)[reg_class].push_back(
          PReg(static_cast<RegClass>(reg_class), hw_enc));
    }
    return end_line();
  }
  Result<VReg> vreg() {
    std::string_view rest = word_;
    if (rest.empty() || rest[0] != 'v') return error("expected a vreg");
    rest.remove_prefix(1);
    // Numbers are bounded by the text, so memory stays linear in it.
    GANTRY_TRY_ASSIGN(const u32 index, digits(rest, static_cast<u32>(text_.size()) + 1));
    const usize reg_class = rest.empty() ? kClassLetters.size() : kClassLetters.find(rest[0]);
    if (reg_class >= kClassLetters.size()) return error("expected the class of the vreg");
    rest.remove_prefix(1);
    if (index >= out_.num_vregs) out_.num_vregs = index + 1;
    if (!rest.empty()) {
      if (rest != "w") return error("expected a vreg");
      if (out_.wide.size() <= index / 64) out_.wide.resize(index / 64 + 1, 0);
      out_.wide[index / 64] |= u64{1} << (index % 64);
    }
    next();
    return VReg(index, static_cast<RegClass>(reg_class));
  }
  Result<void> vreg_list(std::vector<VReg>& list) {
    GANTRY_TRY(expect("("));
    while (!accept(")")) {
      GANTRY_TRY_ASSIGN(const VReg reg, vreg());
      list.push_back(reg);
    }
    return {};
  }
  Result<void> block() {
    next();
    GANTRY_TRY_ASSIGN(const u32 number_given, number(kNoRemat));
    if (number_given != out_.block_insts.size()) return error("blocks must be numbered in order");
    out_.block_insts.push_back(static_cast<u32>(out_.inst_kinds.size()));
    out_.cold_blocks.push_back(accept("cold") ? 1 : 0);
    GANTRY_TRY(vreg_list(out_.params));
    out_.param_ranges.push_back(static_cast<u32>(out_.params.size()));
    GANTRY_TRY(end_line());
    while (word_ == "inst" || word_ == "branch" || word_ == "return") GANTRY_TRY(instruction());
    out_.successor_ranges.push_back(static_cast<u32>(out_.successors.size()));
    return {};
  }
  Result<void> instruction() {
    const u32 inst = static_cast<u32>(out_.inst_kinds.size());
    out_.inst_kinds.push_back(word_ == "inst"     ? InstKind::Normal
                              : word_ == "branch" ? InstKind::Branch
                                                  : InstKind::Return);
    next();
    const bool remat = accept("remat");
    while (word_ != "\n" && !word_.empty()) {
      if (accept(";")) continue;
      if (accept("clobber")) {
        ClobberEntry entry{inst, {}};
        while (word_ != "\n" && word_ != ";" && !word_.empty()) {
          const usize reg_class = kClassLetters.find(word_[0]);
          std::string_view rest = word_.substr(1);
          if (reg_class >= kClassLetters.size()) return error("expected a register");
          GANTRY_TRY_ASSIGN(const u32 hw_enc, digits(rest, kRegsPerClass));
          entry.regs.add(PReg(static_cast<RegClass>(reg_class), hw_enc));
          next();
        }
        out_.clobbers.push_back(entry);
      } else if (accept("to")) {
        while (word_ != "\n" && !word_.empty()) {
          GANTRY_TRY_ASSIGN(const u32 target, number(kNoRemat));
          out_.successors.push_back(target);
          GANTRY_TRY(vreg_list(out_.branch_args));
          out_.branch_arg_ranges.push_back(static_cast<u32>(out_.branch_args.size()));
        }
      } else {
        GANTRY_TRY(operand());
      }
    }
    out_.operand_ranges.push_back(static_cast<u32>(out_.operands.size()));
    if (remat) {
      if (out_.operands.empty()) return error("nothing to make again");
      const u32 index = out_.operands.back().vreg.index();
      out_.remat.resize(out_.num_vregs, kNoRemat);
      out_.remat[index] = inst;
    }
    return end_line();
  }
  Result<void> operand() {
    const bool def = word_ == "def";
    if (!def && word_ != "use") return error("expected 'use', 'def', 'clobber' or 'to'");
    next();
    GANTRY_TRY_ASSIGN(const VReg reg, vreg());
    u32 constraint = 0;
    while (constraint < 5 && word_ != kConstraintNames[constraint]) ++constraint;
    if (constraint == 5) return error("expected a constraint");
    next();
    u32 payload = 0;
    if (static_cast<Constraint>(constraint) == Constraint::Fixed) {
      GANTRY_TRY_ASSIGN(const u32 hw_enc, number(kRegsPerClass));
      payload = PReg(reg.reg_class(), hw_enc).index();
    } else if (static_cast<Constraint>(constraint) == Constraint::Reuse) {
      GANTRY_TRY_ASSIGN(payload, number(256));
    }
    OperandPos pos = def ? OperandPos::Late : OperandPos::Early;
    if (accept("late")) {
      pos = OperandPos::Late;
    } else if (accept("early")) {
      pos = OperandPos::Early;
    }
    u32 rule = Operand::make_rule(def ? OperandKind::Def : OperandKind::Use, pos,
                                  static_cast<Constraint>(constraint), payload);
    if (accept("commutes")) rule |= Operand::kCommutesBit;
    out_.operands.push_back({reg, rule});
    return {};
  }

  std::string_view text_;
  usize at_ = 0;
  u32 line_ = 1;
  u32 column_ = 1;
  SourcePosition position_;
  std::string_view word_;
  OwnedInput out_;
};

}  // namespace

Result<OwnedInput> parse(std::string_view text) { return Parser(text).run(); }

void dump(const Input& input, const MachineEnv& env, const Output* output, TextWriter& out) {
  Writer(input, output, out).run(env);
}

}  // namespace gantry::regalloc

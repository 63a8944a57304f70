// A structured program generator: statements over variables, SSA construction on the way (merges
// and loop headers take a parameter for each variable assigned below them).
#include "gantry/regalloc/testing/typical_input.h"

#include "gantry/regalloc/testing/random_input.h"

namespace gantry::regalloc::testing {

namespace {

constexpr PReg gpr(u32 number) { return PReg(RegClass::Int, number); }
constexpr PReg xmm(u32 number) { return PReg(RegClass::Float, number); }
constexpr PReg kArgRegs[] = {gpr(7), gpr(6), gpr(2), gpr(1), gpr(8), gpr(9)};

class Program {
 public:
  Program(u64 seed, u32 num_insts) : random_(seed), budget_(static_cast<i32>(num_insts)) {}

  OwnedInput run() {
    for (const u32 reg : {0, 1, 2, 6, 7, 8, 9, 10, 11}) out_.preferred[0].push_back(gpr(reg));
    for (const u32 reg : {3, 12, 13, 14, 15}) out_.non_preferred[0].push_back(gpr(reg));
    for (u32 reg = 0; reg < 16; ++reg) out_.preferred[1].push_back(xmm(reg));
    for (const PReg reg : out_.preferred[0]) call_clobbers_.add(reg);
    for (const PReg reg : out_.preferred[1]) call_clobbers_.add(reg);
    out_.operand_ranges.push_back(0);
    out_.param_ranges.push_back(0);
    start_block({});
    const u32 num_args = 1 + random_.below(4);
    for (u32 i = 0; i < num_args; ++i) {
      vars_.push_back(new_vreg(RegClass::Int));
      out_.operands.push_back(Operand::fixed_def(vars_.back(), kArgRegs[i]));
    }
    end_inst();
    const u32 more = random_.below(9);
    for (u32 i = 0; i < more; ++i) vars_.push_back(constant());
    floats_ = random_.one_in(4);
    if (floats_) {
      for (u32 i = 0; i < 3; ++i) {
        const VReg value = new_vreg(RegClass::Float);
        out_.operands.push_back(Operand::def(value));
        out_.operands.push_back(Operand::use(vars_[0]));
        end_inst();
        float_vars_.push_back(value);
      }
    }
    leaf_ = random_.one_in(3);
    statements(0, budget_);
    out_.operands.push_back(Operand::fixed_use(any_value(), gpr(0)));
    end_inst(InstKind::Return);
    ends_.push_back({});
    finish();
    return std::move(out_);
  }

 private:
  struct End {
    std::vector<u32> targets;
    std::vector<std::vector<VReg>> args;
  };

  VReg new_vreg(RegClass reg_class) {
    out_.remat.push_back(kNoRemat);
    return VReg(out_.num_vregs++, reg_class);
  }
  u32 start_block(const std::vector<VReg>& params) {
    out_.block_insts.push_back(static_cast<u32>(out_.inst_kinds.size()));
    out_.params.insert(out_.params.end(), params.begin(), params.end());
    out_.param_ranges.push_back(static_cast<u32>(out_.params.size()));
    out_.cold_blocks.push_back(0);
    temps_.clear();
    return static_cast<u32>(out_.block_insts.size() - 1);
  }
  void end_inst(InstKind kind = InstKind::Normal) {
    out_.inst_kinds.push_back(kind);
    out_.operand_ranges.push_back(static_cast<u32>(out_.operands.size()));
    --budget_;
  }
  void jump(u32 target, std::vector<VReg> args) {
    end_inst(InstKind::Branch);
    ends_.push_back({{target}, {std::move(args)}});
  }
  VReg constant() {
    const VReg value = new_vreg(RegClass::Int);
    out_.remat.back() = static_cast<u32>(out_.inst_kinds.size());
    out_.operands.push_back(Operand::def(value));
    end_inst();
    return value;
  }
  VReg var() { return vars_[random_.below(static_cast<u32>(vars_.size()))]; }
  VReg any_value() {
    if (!temps_.empty() && !random_.one_in(3)) {
      const VReg value = temps_.back();
      temps_.pop_back();
      return value;
    }
    return var();
  }
  void keep(VReg value) {
    if (random_.one_in(2)) {
      temps_.push_back(value);
      if (temps_.size() > 4) temps_.erase(temps_.begin());
    } else {
      vars_[random_.below(static_cast<u32>(vars_.size()))] = value;
    }
  }
  void simple() {
    std::vector<Operand>& ops = out_.operands;
    const u32 kind = random_.below(32);
    if (floats_ && random_.one_in(3)) {
      const VReg result = new_vreg(RegClass::Float);
      const u32 at = random_.below(static_cast<u32>(float_vars_.size()));
      ops.push_back(Operand::reuse_def(result, 1));
      ops.push_back(Operand::use(float_vars_[at]));
      ops.push_back(Operand::use(float_vars_[random_.below(static_cast<u32>(float_vars_.size()))],
                                 Constraint::Any));
      float_vars_[at] = result;
      end_inst();
      return;
    }
    if (kind < 12) {  // two-address arithmetic
      const VReg first = any_value();
      const bool immediate = random_.one_in(2);
      const VReg second = immediate ? first : any_value();
      const VReg result = new_vreg(RegClass::Int);
      ops.push_back(Operand::reuse_def(result, 1));
      ops.push_back(Operand::use(first));
      if (!immediate) {
        ops.push_back(Operand::use(second, Constraint::Any));
        if (random_.one_in(2)) {
          ops.back() = Operand::use(second);
          ops[ops.size() - 2].rule |= Operand::kCommutesBit;
        }
      }
      end_inst();
      keep(result);
    } else if (kind < 19) {  // load
      const VReg address = any_value();
      const VReg result = new_vreg(RegClass::Int);
      ops.push_back(Operand::def(result));
      ops.push_back(Operand::use(address));
      if (random_.one_in(3)) ops.push_back(Operand::use(var()));
      end_inst();
      keep(result);
    } else if (kind < 23) {  // store
      ops.push_back(Operand::use(any_value()));
      ops.push_back(Operand::use(var()));
      end_inst();
    } else if (kind < 26) {
      keep(constant());
    } else if (kind < 28) {  // shift by a register
      const VReg first = any_value();
      const VReg result = new_vreg(RegClass::Int);
      ops.push_back(Operand::reuse_def(result, 1));
      ops.push_back(Operand::use(first));
      ops.push_back(Operand::fixed_use(var(), gpr(1)));
      end_inst();
      keep(result);
    } else if (kind == 28 && random_.one_in(6)) {  // division
      const VReg low = any_value();
      const VReg high = constant();
      const VReg quotient = new_vreg(RegClass::Int);
      const VReg remainder = new_vreg(RegClass::Int);
      ops.push_back(Operand::fixed_def(quotient, gpr(0)));
      ops.push_back(Operand::fixed_def(remainder, gpr(2)));
      ops.push_back(Operand::fixed_use(low, gpr(0)));
      ops.push_back(Operand::fixed_use(high, gpr(2)));
      ops.push_back(Operand::use(var(), Constraint::Any));
      end_inst();
      keep(random_.one_in(2) ? quotient : remainder);
    } else if (kind == 29 && !leaf_) {  // call
      out_.clobbers.push_back({static_cast<u32>(out_.inst_kinds.size()), call_clobbers_});
      const u32 num_args = random_.below(5);
      for (u32 i = 0; i < num_args; ++i)
        ops.push_back(Operand::fixed_use(any_value(), kArgRegs[i]));
      const VReg result = new_vreg(RegClass::Int);
      ops.push_back(Operand::fixed_def(result, gpr(0)));
      end_inst();
      if (!random_.one_in(3)) keep(result);
    } else {  // address or extension
      const VReg first = any_value();
      const VReg result = new_vreg(RegClass::Int);
      ops.push_back(Operand::def(result));
      ops.push_back(Operand::use(first));
      end_inst();
      keep(result);
    }
  }
  void compare() {
    out_.operands.push_back(Operand::use(any_value()));
    if (random_.one_in(2)) out_.operands.push_back(Operand::use(var(), Constraint::Any));
    end_inst();
  }
  // Statements until `amount` instructions of the budget are spent.
  void statements(u32 depth, i32 amount) {
    const i32 until = budget_ - amount;
    while (budget_ > until && budget_ > 0) {
      const u32 kind = random_.below(24);
      const i32 left = budget_ - until;
      if (depth < 6 && left > 20 && kind < 2) {
        loop(depth, left);
      } else if (depth < 10 && left > 8 && kind < 5) {
        condition(depth, left);
      } else {
        simple();
      }
    }
  }
  void condition(u32 depth, i32 left) {
    compare();
    end_inst(InstKind::Branch);
    const u32 fork = static_cast<u32>(ends_.size());
    ends_.push_back({{fork + 1, 0}, {{}, {}}});
    const std::vector<VReg> before = vars_;
    const std::vector<VReg> floats_before = float_vars_;
    start_block({});
    if (random_.one_in(8)) out_.cold_blocks.back() = 1;
    statements(depth + 1, static_cast<i32>(2 + random_.below(static_cast<u32>(left) / 2)));
    const u32 then_end = static_cast<u32>(ends_.size());
    end_inst(InstKind::Branch);
    ends_.push_back({});
    const std::vector<VReg> after_then = vars_;
    const std::vector<VReg> floats_then = float_vars_;
    vars_ = before;
    float_vars_ = floats_before;
    ends_[fork].targets[1] = start_block({});
    if (random_.one_in(2))
      statements(depth + 1, static_cast<i32>(1 + random_.below(static_cast<u32>(left) / 3 + 1)));
    const u32 else_end = static_cast<u32>(ends_.size());
    end_inst(InstKind::Branch);
    ends_.push_back({});
    std::vector<VReg> params, then_args, else_args;
    const auto merge = [&](std::vector<VReg>& now, const std::vector<VReg>& other) {
      for (usize i = 0; i < now.size(); ++i) {
        if (now[i] == other[i]) continue;
        then_args.push_back(other[i]);
        else_args.push_back(now[i]);
        now[i] = new_vreg(now[i].reg_class());
        params.push_back(now[i]);
      }
    };
    merge(vars_, after_then);
    merge(float_vars_, floats_then);
    const u32 join = start_block(params);
    ends_[then_end] = {{join}, {then_args}};
    ends_[else_end] = {{join}, {else_args}};
  }
  void loop(u32 depth, i32 left) {
    // Variables assigned in the loop are not known yet: some are chosen, the others are restored
    // after the body.
    std::vector<VReg> params, args;
    std::vector<u8> chosen(vars_.size());
    for (usize i = 0; i < vars_.size(); ++i) {
      if (!random_.one_in(3)) continue;
      chosen[i] = 1;
      args.push_back(vars_[i]);
      vars_[i] = new_vreg(RegClass::Int);
      params.push_back(vars_[i]);
    }
    for (VReg& value : float_vars_) {
      args.push_back(value);
      value = new_vreg(RegClass::Float);
      params.push_back(value);
    }
    const u32 header = static_cast<u32>(ends_.size()) + 1;
    jump(header, args);
    start_block(params);
    compare();
    end_inst(InstKind::Branch);
    ends_.push_back({{header + 1, 0}, {{}, {}}});
    const std::vector<VReg> at_header = vars_;
    const std::vector<VReg> floats_at_header = float_vars_;
    start_block({});
    statements(depth + 1, static_cast<i32>(8 + random_.below(static_cast<u32>(left))));
    std::vector<VReg> back;
    for (usize i = 0; i < vars_.size(); ++i) {
      if (chosen[i] != 0) back.push_back(vars_[i]);
    }
    back.insert(back.end(), float_vars_.begin(), float_vars_.end());
    jump(header, back);
    vars_ = at_header;
    float_vars_ = floats_at_header;
    ends_[header].targets[1] = start_block({});
  }
  void finish() {
    out_.block_insts.push_back(static_cast<u32>(out_.inst_kinds.size()));
    out_.successor_ranges.push_back(0);
    out_.branch_arg_ranges.push_back(0);
    for (const End& end : ends_) {
      for (usize i = 0; i < end.targets.size(); ++i) {
        out_.successors.push_back(end.targets[i]);
        out_.branch_args.insert(out_.branch_args.end(), end.args[i].begin(), end.args[i].end());
        out_.branch_arg_ranges.push_back(static_cast<u32>(out_.branch_args.size()));
      }
      out_.successor_ranges.push_back(static_cast<u32>(out_.successors.size()));
    }
    out_.link_predecessors();
  }

  Random random_;
  OwnedInput out_;
  i32 budget_;
  bool floats_ = false;
  bool leaf_ = false;
  PRegSet call_clobbers_;
  std::vector<VReg> vars_;
  std::vector<VReg> float_vars_;
  std::vector<VReg> temps_;
  std::vector<End> ends_;
};

}  // namespace

OwnedInput typical_input(u64 seed, u32 num_insts) { return Program(seed, num_insts).run(); }

}  // namespace gantry::regalloc::testing

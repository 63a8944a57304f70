// Problem: selecting instructions wants to see a value's uses before its definition, emission wants
// forward order, and both must cost little. Idea: walk backwards; each root's instructions are made
// forwards in a small buffer and then moved in front of all that exists, in arrays that grow
// downwards, so nothing is ever flipped.
//
// Use counts: a value used once, by one instruction that is itself lowered once, may be computed by
// its consumer even if it is a load. "Several" is contagious: what feeds a producer of several uses
// counts as used several times, since matching may duplicate the producer. One backward pass finds
// this: all consumers of a value are met before its definition. Colors: a load may sink to its
// consumer only if nothing with an effect stands between. Each effect starts a new color, counted
// down in the same backward pass; a load that may trap is such an effect itself, so it must be the
// last one before the consumer. Results: the register a rule returns is renamed to the one
// consumers already use; if it belongs to another value (an extension that costs nothing), the two
// become aliases, resolved in one pass at the end.
#include "gantry/machinst/lower.h"

#include <algorithm>

#include "gantry/support/limits.h"

namespace gantry::machinst {

using regalloc::InstKind;

void LowerContext::begin(const ir::Function& func) {
  func_ = &func;
  dfg_ = &func.dfg;
  order_.compute(func);
  insts_.truncate(0, 0);
  pending_clobbers_.clear();
  vregs_.clear();
  value_regs_.assign(dfg_->num_values(), VReg());
  sunk_.clear();
  aliases_.clear();
  has_aliases_ = false;
  all_insts_.clear();
  all_operands_.clear();
  operand_counts_.clear();
  all_places_.clear();
  block_starts_.clear();
  last_kinds_.clear();
  remat_defs_.clear();
  clobbers_.clear();
  edge_constants_.clear();
  try_results_.clear();
  try_regs_.clear();
  calls_.clear();
  wide_imms_.clear();
  table_ranges_.assign(1, 0);
  table_targets_.clear();
  outgoing_arg_bytes_ = 0;
  has_calls_ = false;
  has_places_ = func.has_source_places();
  count_uses_and_color();
}

// Whether no rule looks through the instruction for a load behind it: however many uses it has, its
// operands are read once.
bool LowerContext::is_never_duplicated(ir::Inst inst) const {
  switch (dfg_->opcode(inst)) {
    case ir::Opcode::Uextend:
    case ir::Opcode::Sextend:
    case ir::Opcode::Imul:
      return type(dfg_->results(inst)[0]) != ir::kI128;
    case ir::Opcode::Fadd:
    case ir::Opcode::Fsub:
    case ir::Opcode::Fmul:
    case ir::Opcode::Fdiv:
    case ir::Opcode::Sqrt:
    case ir::Opcode::Fpromote:
    case ir::Opcode::Fdemote:
    case ir::Opcode::FcvtFromSint:
      return true;
    default:
      return false;
  }
}

bool LowerContext::is_load(ir::Value value) const {
  const ir::ValueData& data = dfg_->value_data(value);
  return data.kind() == ir::ValueData::Kind::Result &&
         dfg_->opcode(ir::Inst::from_index(data.owner())) == ir::Opcode::Load;
}

void LowerContext::count_uses_and_color() {
  use_counts_.assign(dfg_->num_values(), 0);
  colors_.resize(dfg_->num_insts());
  u32 color = ~u32{0} >> 1;
  for (u32 number = order_.num_blocks(); number-- > 0;) {
    const LoweredBlock& lowered = order_.block(number);
    if (!lowered.block) continue;
    --color;
    for (PackedOption<ir::Inst> at = func_->layout.last_inst(*lowered.block); at;
         at = func_->layout.prev_inst(*at)) {
      const ir::Inst inst = *at;
      const ir::Opcode op = dfg_->opcode(inst);
      const ir::InstFacts& facts = ir::inst_facts(op);
      const bool effect = func_->has_side_effect(inst);
      u8 weight = 1;
      if (!effect) {
        u32 uses = 0;
        for (const ir::Value result : dfg_->results(inst)) uses += use_counts_[result.index()];
        if (uses == 0) {
          colors_[inst.index()] = color;
          continue;  // dead: its operands are not used by it
        }
        weight = uses > 1 ? 2 : 1;
      } else {
        --color;
      }
      colors_[inst.index()] = color;
      const auto count = [&](ir::Value value, u8 by) {
        u8& uses = use_counts_[value.index()];
        uses = static_cast<u8>(std::min(2, uses + by));
      };
      const bool keeps_loads = weight > 1 && is_never_duplicated(inst);
      for (const ir::Value arg : dfg_->args(inst))
        count(arg, keeps_loads && is_load(arg) ? 1 : weight);
      if (facts.effects.is_branch) {
        dfg_->for_each_block_call(inst, [&](ir::BlockCall call) {
          for (const ir::Value encoded : call.args(dfg_->lists())) {
            const ir::BlockArg arg = ir::BlockArg::decoded(encoded);
            if (arg.is_value()) count(arg.as_value(), 1);
          }
        });
        if (facts.effects.is_call) {
          const ir::ExceptionTable table = ir::ExceptionTable::from_index((*dfg_)[inst].words[2]);
          for (const ir::ExceptionTableData::Item& item : dfg_->exception_tables[table].items) {
            if (item.context) count(*item.context, 2);
          }
        }
      }
    }
  }
}

bool LowerContext::extended_constant_of(ir::Value value, u64& bits) const {
  const ir::ValueData& data = dfg_->value_data(value);
  if (data.type() == ir::kI128) return false;
  const ir::InstData& inst = (*dfg_)[ir::Inst::from_index(data.owner())];
  const ir::ValueData& inner = dfg_->value_data(inst.arg(0));
  if (inner.kind() != ir::ValueData::Kind::Result) return false;
  const ir::InstData& source = (*dfg_)[ir::Inst::from_index(inner.owner())];
  if (source.opcode != ir::Opcode::Iconst) return false;
  bits = source.wide();
  if (inst.opcode == ir::Opcode::Sextend) {
    const u32 shift = 64 - inner.type().bits();
    bits = static_cast<u64>(static_cast<i64>(bits << shift) >> shift);
    if (data.type().bits() < 64) bits &= (u64{1} << data.type().bits()) - 1;
  }
  return true;
}

bool LowerContext::is_load_in_reach(ir::Value value, ir::Inst& load) const {
  const ir::ValueData& data = dfg_->value_data(value);
  if (data.kind() != ir::ValueData::Kind::Result) return false;
  load = ir::Inst::from_index(data.owner());
  if (dfg_->opcode(load) != ir::Opcode::Load || sunk_.contains(load)) return false;
  // Its own color is that before it: a load that may trap has one of its own, and must be the
  // effect right before.
  const bool traps = !dfg_->mem_flags(load).notrap();
  return colors_[load.index()] + (traps ? 1 : 0) == color_;
}

bool LowerContext::is_before(ir::Value value, u32 start) const {
  const ir::ValueData& data = dfg_->value_data(value);
  PackedOption<ir::Block> block;
  if (data.kind() == ir::ValueData::Kind::Param) {
    block = ir::Block::from_index(data.owner());
  } else if (data.kind() == ir::ValueData::Kind::Result) {
    block = func_->layout.block_of(ir::Inst::from_index(data.owner()));
  }
  return block && order_.is_reachable(*block) && order_.lowered(*block).index() < start;
}

VReg LowerContext::fresh_for(ir::Type type) {
  if (type == ir::kI128) {
    const VReg lo = vregs_.fresh(RegClass::Int);
    vregs_.fresh(RegClass::Int);
    return lo;
  }
  if (type.is_vector() || type == ir::kF128) {
    vregs_.mark_wide(vregs_.next);
    return vregs_.fresh(type.is_vector() ? vector_class_ : RegClass::Float);
  }
  return vregs_.fresh(class_of(type));
}

void LowerContext::set_try_results(std::span<const ValueRegs> returns,
                                   std::span<const VReg> payload) {
  try_results_.push_back({current_block_, static_cast<u32>(try_regs_.size()),
                          static_cast<u32>(returns.size()), static_cast<u32>(payload.size())});
  try_regs_.insert(try_regs_.end(), returns.begin(), returns.end());
  for (const VReg reg : payload) try_regs_.push_back({reg, VReg()});
}

bool LowerContext::is_needed(ir::Inst inst) const {
  for (const ir::Value result : dfg_->results(inst)) {
    if (value_regs_[result.index()].is_valid()) return true;
  }
  return func_->has_side_effect(inst);
}

void LowerContext::bind(VReg wanted, VReg made) {
  GANTRY_DCHECK(made.is_valid() && wanted.reg_class() == made.reg_class());
  if (made == wanted) return;
  if (made.index() >= first_fresh_) {
    // Made by this root if it is defined in the group (it may also be the register of an operand
    // that was asked for just now); then every mention is still in the group.
    bool found = false;
    Operand* operands = insts_.operands();
    const u32 count = insts_.num_operands();
    for (u32 i = 0; i < count; ++i) found |= operands[i].vreg == made && operands[i].is_def();
    if (found) {
      for (u32 i = 0; i < count; ++i) {
        if (operands[i].vreg == made) operands[i].vreg = wanted;
      }
      if (vregs_.is_wide(made)) vregs_.mark_wide(wanted.index());
      if (made.index() + 1 == vregs_.next) vregs_.drop_last();
      return;
    }
    // Bound to another result before: that one's register holds this value too.
  }
  if (aliases_.size() <= wanted.index())
    aliases_.resize(std::max<usize>(wanted.index() + 1, vregs_.next));
  aliases_[wanted.index()] = made;
  has_aliases_ = true;
}

void LowerContext::finish_root(const InstOutput& output) {
  if (output.num_values == InstOutput::kAlreadyBound) {
    commit_group();
    return;
  }
  const std::span<const ir::Value> results = dfg_->results(root_);
  GANTRY_CHECK(output.num_values >= results.size());
  // One register may be several results; once the first has given it its name, the others are that
  // one.
  struct Binding {
    VReg wanted, made;
  } bindings[2 * std::size(InstOutput{}.values)];
  u32 count = 0;
  const auto bind_once = [&](VReg wanted, VReg made) {
    for (u32 i = 0; i < count; ++i) {
      if (bindings[i].made == made) return bind(wanted, bindings[i].wanted);
    }
    bindings[count++] = {wanted, made};
    bind(wanted, made);
  };
  for (u32 i = 0; i < results.size(); ++i) {
    const VReg wanted = value_regs_[results[i].index()];
    if (!wanted.is_valid()) continue;
    bind_once(wanted, output.values[i].lo);
    if (output.values[i].hi.is_valid())
      bind_once(VReg(wanted.index() + 1, wanted.reg_class()), output.values[i].hi);
  }
  commit_group(true);
}

void LowerContext::commit_group(bool may_remat) {
  const u32 num_insts = insts_.num_insts();
  if (num_insts == 0) return;
  const u32 num_operands = insts_.num_operands();
  MInst* to = all_insts_.extend(num_insts);
  u32* counts = operand_counts_.extend(num_insts);
  const MInst* from = insts_.insts();
  const u32* from_counts = insts_.counts();
  for (u32 i = 0; i < num_insts; ++i) {
    to[i] = from[i];
    counts[i] = from_counts[i];
  }
  Operand* operands = all_operands_.extend(num_operands);
  const Operand* from_operands = insts_.operands();
  for (u32 i = 0; i < num_operands; ++i) operands[i] = from_operands[i];
  if (has_places_) {
    ir::SourcePlace* places = all_places_.extend(num_insts);
    const ir::SourcePlace place = func_->source_place(root_);
    for (u32 i = 0; i < num_insts; ++i) places[i] = place;
  }
  if (may_remat && num_insts == 1 && num_operands == 1) note_remat(operands[0].vreg);
  if (!pending_clobbers_.empty()) [[unlikely]]
    commit_clobbers();
  insts_.truncate(0, 0);
}

void LowerContext::note_remat(VReg vreg) {
  switch (dfg_->opcode(root_)) {
    case ir::Opcode::Iconst:
    case ir::Opcode::F32const:
    case ir::Opcode::F64const:
    case ir::Opcode::StackAddr:
    case ir::Opcode::FuncAddr:
    case ir::Opcode::SymbolValue:
      remat_defs_.push_back({vreg.index(), all_insts_.size()});
      break;
    default:
      break;
  }
}

[[gnu::noinline]] void LowerContext::commit_clobbers() {
  for (usize i = pending_clobbers_.size(); i-- > 0;) {
    clobbers_.push_back({all_insts_.size() - pending_clobbers_[i].inst, pending_clobbers_[i].regs});
  }
  pending_clobbers_.clear();
}

void LowerContext::end_block(InstKind kind) {
  *block_starts_.extend(1) = all_insts_.size();
  *last_kinds_.extend(1) = kind;
}

void LowerContext::use_branch_args(u32 block) {
  const LoweredBlock& lowered = order_.block(block);
  const auto use_args_of = [&](ir::BlockCall call) {
    const std::span<const ir::Value> params = dfg_->block_params(call.block(dfg_->lists()));
    const std::span<const ir::Value> args = call.args(dfg_->lists());
    for (u32 i = 0; i < params.size(); ++i) {
      const ir::BlockArg arg = ir::BlockArg::decoded(args[i]);
      if (arg.is_value() && is_used(params[i])) reg_of(arg.as_value());
    }
  };
  // An edge block passes its own call's arguments, a real block what goes straight to a real block.
  if (!lowered.block) {
    open_constants_.clear();
    if (!order_.is_loop_header(order_.predecessors()[order_.predecessor_ranges()[block]])) {
      use_args_of(lowered.call);
      return;
    }
    const std::span<const ir::Value> params = dfg_->block_params(lowered.call.block(dfg_->lists()));
    const std::span<const ir::Value> args = lowered.call.args(dfg_->lists());
    for (u32 i = static_cast<u32>(params.size()); i-- > 0;) {
      const ir::BlockArg arg = ir::BlockArg::decoded(args[i]);
      if (!arg.is_value() || !is_used(params[i])) continue;
      if (is_constant(arg.as_value())) {
        open_constants_.push_back(i);
      } else {
        reg_of(arg.as_value());
      }
    }
    return;
  }
  u32 index = 0;
  dfg_->for_each_block_call(*lowered.branch, [&](ir::BlockCall call) {
    if (order_.block(order_.target(block, index++).index()).block) use_args_of(call);
  });
}

ir::Value LowerContext::edge_arg(u32 number) const {
  return ir::BlockArg::decoded(order_.block(current_block_).call.args(dfg_->lists())[number])
      .as_value();
}

bool LowerContext::is_constant(ir::Value value) const {
  const ir::ValueData& data = dfg_->value_data(value);
  if (data.kind() != ir::ValueData::Kind::Result) return false;
  const ir::Opcode op = dfg_->opcode(ir::Inst::from_index(data.owner()));
  return op == ir::Opcode::Iconst || op == ir::Opcode::F32const || op == ir::Opcode::F64const;
}

VReg LowerContext::resolve_alias(VReg reg) {
  // Chains are as long as a chain of free extensions; the path is shortened for those who come
  // later.
  VReg end = reg;
  while (end.index() < aliases_.size() && aliases_[end.index()].is_valid())
    end = aliases_[end.index()];
  while (reg.index() < aliases_.size() && aliases_[reg.index()].is_valid()) {
    const VReg next = aliases_[reg.index()];
    aliases_[reg.index()] = end;
    if (next == end) break;
    reg = next;
  }
  return end;
}

VCode LowerContext::finish() {
  const u32 num_blocks = order_.num_blocks();
  const u32 num_insts = all_insts_.size();
  if (has_aliases_) {
    for (Operand& operand : all_operands_.items()) {
      if (operand.vreg.index() < aliases_.size() && aliases_[operand.vreg.index()].is_valid()) {
        operand.vreg = resolve_alias(operand.vreg);
      }
    }
  }

  operand_ranges_.resize(num_insts + 1);
  u32 total = 0;
  const std::span<const u32> counts = operand_counts_.items();
  for (u32 i = 0; i < num_insts; ++i) {
    operand_ranges_[i] = total;
    total += counts[i];
  }
  operand_ranges_[num_insts] = total;

  block_insts_.resize(num_blocks + 1);
  inst_kinds_.assign(num_insts, InstKind::Normal);
  const std::span<const u32> starts = block_starts_.items();
  const std::span<const InstKind> kinds = last_kinds_.items();
  for (u32 i = 0; i < num_blocks; ++i) block_insts_[i] = num_insts - starts[i];
  block_insts_[num_blocks] = num_insts;
  for (u32 i = 0; i < num_blocks; ++i) inst_kinds_[block_insts_[i + 1] - 1] = kinds[i];

  // Parameters and what the edges pass: every register is known by now.
  const auto reg_at_end = [&](VReg reg) { return has_aliases_ ? resolve_alias(reg) : reg; };
  params_.clear();
  branch_args_.clear();
  param_ranges_.resize(num_blocks + 1);
  branch_arg_ranges_.clear();
  branch_arg_ranges_.push_back(0);
  const ir::ValueListPool& lists = dfg_->lists();
  usize next_try = try_results_.size();
  usize next_constant = edge_constants_.size();
  for (u32 number = 0; number < num_blocks; ++number) {
    const LoweredBlock& lowered = order_.block(number);
    param_ranges_[number] = static_cast<u32>(params_.size());
    if (lowered.block && number != 0) {
      for (const ir::Value param : dfg_->block_params(*lowered.block)) {
        if (!is_used(param)) continue;
        const ValueRegs regs = regs_of(param);
        params_.push_back(regs.lo);
        if (regs.hi.is_valid()) params_.push_back(regs.hi);
      }
    }
    const TryResults* results = nullptr;
    const TryResults* loaded = nullptr;  // by an edge
    if (next_try > 0 && try_results_[next_try - 1].block == number) {
      (lowered.block ? results : loaded) = &try_results_[--next_try];
    }
    if (!lowered.block && !try_results_.empty() && ir::is_call(dfg_->opcode(*lowered.branch))) {
      // The edge of a try_call: its results are those of the block the call ends.
      const u32 source = order_.predecessors()[order_.predecessor_ranges()[number]];
      // They were noted from the last block to the first.
      const auto found = std::lower_bound(
          try_results_.begin(), try_results_.end(), source,
          [](const TryResults& entry, u32 wanted) { return entry.block > wanted; });
      if (found != try_results_.end() && found->block == source) results = &*found;
    }
    const u32 first_edge = order_.successor_ranges()[number],
              end_edge = order_.successor_ranges()[number + 1];
    if (first_edge == end_edge) continue;
    const auto add_edge = [&](ir::BlockCall call, u32 target) {
      if (order_.block(target).block) {
        const std::span<const ir::Value> block_params = dfg_->block_params(call.block(lists));
        const std::span<const ir::Value> args = call.args(lists);
        for (u32 i = 0; i < block_params.size(); ++i) {
          if (!is_used(block_params[i])) continue;
          const ir::BlockArg arg = ir::BlockArg::decoded(args[i]);
          if (next_constant != 0 && edge_constants_[next_constant - 1].block == number &&
              edge_constants_[next_constant - 1].number == i) {
            branch_args_.push_back(edge_constants_[--next_constant].reg);
          } else if (arg.is_value()) {
            const ValueRegs regs = regs_of(arg.as_value());
            branch_args_.push_back(reg_at_end(regs.lo));
            if (regs.hi.is_valid()) branch_args_.push_back(reg_at_end(regs.hi));
          } else {
            GANTRY_CHECK(results != nullptr);
            const bool is_return = arg.kind() == ir::BlockArg::Kind::TryCallReturn;
            const u32 offset = is_return ? arg.number() : results->num_returns + arg.number();
            ValueRegs regs = try_regs_[results->first + offset];
            if (is_return && loaded != nullptr) {
              const ValueRegs& from_memory = try_regs_[loaded->first + offset];
              if (!regs.lo.is_valid()) regs.lo = from_memory.lo;
              if (!regs.hi.is_valid()) regs.hi = from_memory.hi;
            }
            GANTRY_CHECK(regs.lo.is_valid() &&
                         regs.hi.is_valid() == (type(block_params[i]) == ir::kI128));
            branch_args_.push_back(regs.lo);
            if (regs.hi.is_valid()) branch_args_.push_back(regs.hi);
          }
        }
      }
      branch_arg_ranges_.push_back(static_cast<u32>(branch_args_.size()));
    };
    if (!lowered.block) {
      add_edge(lowered.call, order_.successors()[first_edge]);
      continue;
    }
    u32 index = 0, edge = first_edge;
    dfg_->for_each_block_call(*lowered.branch, [&](ir::BlockCall call) {
      const u32 target = order_.target(number, index++).index();
      // Edges are the distinct targets in order of their first call.
      if (edge == end_edge || order_.successors()[edge] != target) return;
      ++edge;
      add_edge(call, target);
    });
    GANTRY_DCHECK(edge == end_edge);
  }
  param_ranges_[num_blocks] = static_cast<u32>(params_.size());

  const u32 num_vregs = vregs_.next;
  remat_.assign(num_vregs, regalloc::kNoRemat);
  for (const RematDef& def : remat_defs_) {
    if (def.vreg < num_vregs) remat_[def.vreg] = num_insts - def.from_end;
  }
  final_clobbers_.clear();
  for (usize i = clobbers_.size(); i-- > 0;) {
    final_clobbers_.push_back({num_insts - clobbers_[i].from_end, clobbers_[i].regs});
  }
  vregs_.wide.resize(num_vregs / 64 + 1);

  VCode code;
  code.insts = all_insts_.items();
  code.source_places = all_places_.items();
  code.calls = calls_;
  code.wide_imms = wide_imms_;
  code.table_ranges = table_ranges_;
  code.table_targets = table_targets_;
  code.outgoing_arg_bytes = outgoing_arg_bytes_;
  code.has_calls = has_calls_;
  regalloc::Input& input = code.input;
  input.num_blocks = num_blocks;
  input.num_insts = num_insts;
  input.num_vregs = num_vregs;
  input.block_insts = block_insts_;
  input.inst_kinds = inst_kinds_;
  input.operand_ranges = operand_ranges_;
  input.operands = all_operands_.items();
  input.clobbers = final_clobbers_;
  input.successor_ranges = order_.successor_ranges();
  input.successors = order_.successors();
  input.predecessor_ranges = order_.predecessor_ranges();
  input.predecessors = order_.predecessors();
  input.param_ranges = param_ranges_;
  input.params = params_;
  input.branch_arg_ranges = branch_arg_ranges_;
  input.branch_args = branch_args_;
  input.cold_blocks = order_.cold();
  input.remat = remat_;
  input.wide = vregs_.wide;
  return code;
}

}  // namespace gantry::machinst

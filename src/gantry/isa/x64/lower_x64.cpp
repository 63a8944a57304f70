// What the lowering rules of x64 ask for and cannot say in ISLE: addresses, calls and returns,
// sequences with several steps that share registers. One group of instructions is made per CLIF
// instruction, forwards; the driver puts the groups in order.
#include "gantry/isa/x64/lower_x64.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "gantry/ir/printer.h"
#include "gantry/isa/x64/emit_pseudo.h"
#include "gantry/isa/x64/encode.h"
#include "gantry/isa/x64/lower_inl.h"
#include "gantry/machinst/lower_impl.h"

namespace gantry::isa::x64 {
namespace {

constexpr u32 kMaxUnrolledStructWords = 16;
constexpr usize kMostCases = 4;  // of a table, told apart by compares and branches

Operand late_any_use(VReg reg) {
  return {reg, Operand::make_rule(regalloc::OperandKind::Use, regalloc::OperandPos::Late,
                                  regalloc::Constraint::Any)};
}

u32 num_values(std::span<const Place> places) {
  return places.empty() ? 0 : places.back().value + 1;
}

bool fits_slot_index(i64 offset) { return offset == offset << 34 >> 34; }

u16 op_of(Opcode opcode) { return static_cast<u16>(opcode); }

}  // namespace

X64Lower::X64Lower(const LowerOptions& options)
    : LowerContext(RegClass::Float),
      X64Insts(LowerContext::insts(), LowerContext::vregs(), LowerContext::wide_imms(),
               options.features),
      options_(options) {}

Result<void> X64Lower::prepare(const ir::Function& func) {
  GANTRY_TRY(lay_out(func.signature, options_.abi, own_abi_));
  const usize count = func.dfg.signatures.size();
  if (abis_.size() < count) abis_.resize(count);
  abi_known_.assign(count, 0);
  known_clear_.assign(func.dfg.num_values(), Clear::Unknown);
  pool_.clear();
  externals_.clear();
  max_tail_arg_bytes_ = 0;
  needs_frame_record_ = false;
  failure_reason_.clear();
  return_area_ = VReg();
  sret_pointer_ = VReg();
  u64 offset = 0;
  slot_offsets_.clear();
  for (const StackSlot slot : func.stack_slots.keys()) {
    const ir::StackSlotData& data = func.stack_slots[slot];
    const u64 align = std::max<u64>(8, u64{1} << data.align_log2);
    offset = (offset + align - 1) & ~(align - 1);
    if (offset + data.size > limits::kMaxFrameBytes.value) {
      return Error(ErrorKind::LimitExceeded, "max-frame-bytes: the stack slots take too much");
    }
    slot_offsets_.push_back(static_cast<u32>(offset));
    offset += data.size;
  }
  slot_bytes_ = static_cast<u32>((offset + 7) & ~u64{7});
  if (!func.dynamic_stack_slots.empty())
    return Error(ErrorKind::Unsupported, "dynamic stack slots on x86-64");
  return {};
}

bool X64Lower::lower_inst(Inst inst, InstOutput& output) {
  return constructor_lower(*this, inst, output) && failure_reason_.empty();
}

Error X64Lower::failure(Inst inst) {
  if (!failure_reason_.empty() && failure_kind_ == ErrorKind::LimitExceeded) {
    return Error(failure_kind_, failure_reason_);  // starts with the name of the limit
  }
  TextWriter text;
  text.write("x86-64 cannot compile `");
  ir::print_inst(func(), inst, text);
  text.write('`');
  if (!failure_reason_.empty()) text.put(": ", std::string_view(failure_reason_));
  return Error(ErrorKind::Unsupported, text.view());
}

bool X64Lower::lower_terminator(Inst inst) {
  const ir::InstData& data = func().dfg[inst];
  switch (data.opcode) {
    case ir::Opcode::Jump:
      x64_jmp(target(0));
      break;
    case ir::Opcode::Brif:
      if (target(0) == target(1)) {
        x64_jmp(target(0));
      } else {
        constructor_lower_brif(*this, data.arg(0), target(0), target(1));
      }
      break;
    case ir::Opcode::BrTable:
      lower_br_table(inst);
      break;
    case ir::Opcode::Return:
      lower_return(func().dfg.args(inst));
      break;
    case ir::Opcode::Trap:
      x64_ud2(data.trap_code());
      break;
    case ir::Opcode::ReturnCall:
    case ir::Opcode::ReturnCallIndirect:
      lower_tail_call(inst);
      break;
    case ir::Opcode::TryCall:
    case ir::Opcode::TryCallIndirect:
      lower_try_call(inst);
      break;
    default:
      return false;
  }
  return failure_reason_.empty();
}

machinst::VReg X64Lower::lower_constant(Value value) {
  const ir::InstData& data = func().dfg[Inst::from_index(func().dfg.value_data(value).owner())];
  if (type(value) == ir::kF32) return f32_constant(data.wide()).reg;
  if (type(value) == ir::kF64) return f64_constant(data.wide()).reg;
  return x64_const(data.wide()).reg;
}

// ---- addresses

// Registers are numbered as they are first asked for: in an order that is ours, not the compiler's.
AMode X64Lower::indexed(Value base, Value index, u8 shift, i32 disp, u8 trap) {
  const VReg index_reg = reg_of(index);
  return AMode::indexed(reg_of(base), index_reg, shift, disp, trap);
}

// Peels constants and one index off the address: p = a + b, a + (b << 1..3), a + constant, a slot.
AMode X64Lower::address_of(Value p, i64 offset, u8 trap) {
  const ir::DataFlowGraph& dfg = func().dfg;
  const auto fits = [](i64 number) { return number == static_cast<i32>(number); };
  Inst inst;
  for (int step = 0; step < 4 && LowerContext::def_inst(p, inst); ++step) {
    const ir::InstData& data = dfg[inst];
    i64 constant;
    if (data.opcode == ir::Opcode::Isub && signed_constant_of(data.arg(1), constant) &&
        fits(offset - constant)) {
      p = data.arg(0);
      offset -= constant;
      continue;
    }
    if (data.opcode != ir::Opcode::Iadd) break;
    if (signed_constant_of(data.arg(1), constant) && fits(offset + constant)) {
      p = data.arg(0);
    } else if (signed_constant_of(data.arg(0), constant) && fits(offset + constant)) {
      p = data.arg(1);
    } else {
      break;
    }
    offset += constant;
  }
  if (LowerContext::def_inst(p, inst)) {
    const ir::InstData& data = dfg[inst];
    if (data.opcode == ir::Opcode::StackAddr) {
      const i64 at = offset + data.offset(1) + slot_offsets_[data.words[0]];
      if (fits(at)) return AMode::other(Mode::Slot, static_cast<i32>(at), trap);
    }
    if (data.opcode == ir::Opcode::Iadd && type(p) == ir::kI64) {
      Value base = data.arg(0), index = data.arg(1);
      u8 shift = 0;
      // Constants within the operands, if nobody else needs the sums.
      const auto peel = [&](Value& part, u8 scale) {
        Inst sum;
        i64 constant;
        if (has_reg(part) || !LowerContext::def_inst(part, sum)) return;
        const ir::InstData& parts = dfg[sum];
        if (parts.opcode != ir::Opcode::Iadd || !signed_constant_of(parts.arg(1), constant)) return;
        if (!fits(constant) || !fits(offset + (constant << scale))) return;
        offset += constant << scale;
        part = parts.arg(0);
      };
      // A stack slot needs no register for its address.
      for (const bool swap : {false, true}) {
        Inst address;
        const Value slot = swap ? index : base;
        Value in_slot = swap ? base : index;
        if (!LowerContext::def_inst(slot, address) ||
            dfg[address].opcode != ir::Opcode::StackAddr) {
          continue;
        }
        lea_shift_of(in_slot, in_slot, shift);
        peel(in_slot, shift);
        const i64 at = offset + dfg[address].offset(1) + slot_offsets_[dfg[address].words[0]];
        if (fits_slot_index(at))
          return AMode::in_slot(reg_of(in_slot), shift, static_cast<i32>(at), trap);
        return indexed(slot, in_slot, shift, static_cast<i32>(offset), trap);
      }
      if (lea_shift_of(index, index, shift)) {
        peel(base, 0);
        peel(index, shift);
        return indexed(base, index, shift, static_cast<i32>(offset), trap);
      }
      if (lea_shift_of(base, base, shift)) {
        peel(index, 0);
        peel(base, shift);
        return indexed(index, base, shift, static_cast<i32>(offset), trap);
      }
      peel(base, 0);
      peel(index, 0);
      return indexed(base, index, 0, static_cast<i32>(offset), trap);
    }
  }
  return AMode::at(reg_of(p), static_cast<i32>(offset), trap);
}

bool X64Lower::lea_shift_of(Value value, Value& shifted, u8& amount) {
  Inst inst;
  u64 count;
  if (!LowerContext::def_inst(value, inst)) return false;
  const ir::InstData& data = func().dfg[inst];
  if (data.opcode != ir::Opcode::Ishl || !constant_of(data.arg(1), count) || count < 1 || count > 3)
    return false;
  shifted = data.arg(0);
  amount = static_cast<u8>(count);
  return true;
}

AMode X64Lower::address(MemFlagsId flags, Value p, i32 offset) {
  return address_of(p, offset, func().dfg.mem_flags(flags).trap.code);
}
AMode X64Lower::address0(MemFlagsId flags, Value p) { return address(flags, p, 0); }
AMode X64Lower::sink_load(Inst load) {
  sink(load);
  const ir::InstData& data = func().dfg[load];
  return address(data.mem_flags(), data.arg(0), data.offset(1));
}
AMode X64Lower::amode_plus(AMode from, i32 bytes) {
  AMode to = from;
  if (from.mode == Mode::SlotIndex) {
    if (fits_slot_index(i64{from.disp >> 2} + bytes)) {
      to.disp += bytes * 4;
      return to;
    }
    return AMode::at(x64_lea(ir::kI64, from).reg, bytes, from.trap);
  }
  if (from.mode != Mode::Constant && from.disp > i32{0x7fffffff} - bytes) {
    // Beyond 32 bits: through a register.
    const Gpr base = x64_lea(ir::kI64, from);
    return AMode::at(base.reg, bytes, from.trap);
  }
  to.disp += bytes;
  return to;
}
AMode X64Lower::base_index(Gpr base, Gpr index, u8 shift, i32 disp) {
  return AMode::indexed(base.reg, index.reg, shift, disp);
}
AMode X64Lower::base_disp(Gpr base, i32 disp) { return AMode::at(base.reg, disp); }
AMode X64Lower::slot_address(StackSlot slot, i32 offset) {
  const i64 at = static_cast<i64>(slot_offsets_[slot.index()]) + offset;
  if (at == static_cast<i32>(at)) return AMode::other(Mode::Slot, static_cast<i32>(at));
  const Gpr far = x64_const(static_cast<u64>(i64{offset}));
  const Gpr base =
      x64_lea(ir::kI64, AMode::other(Mode::Slot, static_cast<i32>(slot_offsets_[slot.index()])));
  return AMode::indexed(base.reg, far.reg, 0, 0);
}
bool X64Lower::negated(i32 number, i32& out) {
  out = static_cast<i32>(0 - static_cast<u32>(number));
  return out != number || number == 0;
}

// An instruction of 32 bits writes zeros above. Not in the list: results that may be another
// value's register.
bool X64Lower::clears_upper_half_as_result(Value value) const {
  const ir::ValueData& data = dfg().value_data(value);
  if (data.kind() != ir::ValueData::Kind::Result) return false;
  switch (dfg().opcode(Inst::from_index(data.owner()))) {
    case ir::Opcode::Iadd:
    case ir::Opcode::Isub:
    case ir::Opcode::Ineg:
    case ir::Opcode::Imul:
    case ir::Opcode::Band:
    case ir::Opcode::Bor:
    case ir::Opcode::Bxor:
    case ir::Opcode::Bnot:
    case ir::Opcode::Ishl:
    case ir::Opcode::Ushr:
    case ir::Opcode::Sshr:
    case ir::Opcode::Rotl:
    case ir::Opcode::Rotr:
    case ir::Opcode::Load:
    case ir::Opcode::Uload8:
    case ir::Opcode::Uload16:
    case ir::Opcode::Sload8:
    case ir::Opcode::Sload16:
    case ir::Opcode::Iconst:
    case ir::Opcode::Uextend:
    case ir::Opcode::Sextend:
    case ir::Opcode::Select:
    case ir::Opcode::Popcnt:
    case ir::Opcode::Clz:
    case ir::Opcode::Ctz:
      return true;
    default:
      return false;
  }
}

template <class F>
bool X64Lower::for_each_passed(Value value, F&& each) {
  constexpr usize kMostParams = 4, kMostPredecessors = 8;
  const ir::ValueListPool& lists = dfg().lists();
  seen_params_.assign(1, value);
  for (usize at = 0; at < seen_params_.size(); ++at) {
    const ir::ValueData param = dfg().value_data(seen_params_[at]);
    const Block block = Block::from_index(param.owner());
    if (block == *func().layout.entry() || !order().is_reachable(block)) return false;
    GANTRY_DCHECK(dfg().block_params(block)[param.number()] == seen_params_[at]);
    const auto visit = [&](ir::BlockCall call) {
      const ir::BlockArg arg = ir::BlockArg::decoded(call.args(lists)[param.number()]);
      if (!arg.is_value()) return false;
      const Value passed = arg.as_value();
      const Visit answer = each(passed);
      if (answer != Visit::Follow) return answer == Visit::Done;
      if (std::find(seen_params_.begin(), seen_params_.end(), passed) == seen_params_.end())
        seen_params_.push_back(passed);
      return seen_params_.size() <= kMostParams;
    };
    const u32 lowered = order().lowered(block).index();
    const u32 first = order().predecessor_ranges()[lowered],
              end = order().predecessor_ranges()[lowered + 1];
    if (end - first > kMostPredecessors) return false;
    for (u32 i = first; i < end; ++i) {
      const machinst::LoweredBlock& from = order().block(order().predecessors()[i]);
      const ir::Opcode op = dfg().opcode(*from.branch);
      if (op != ir::Opcode::Jump && op != ir::Opcode::Brif) return false;
      bool all = true;
      if (!from.block) {
        all = visit(from.call);
      } else {
        dfg().for_each_block_call(*from.branch, [&](ir::BlockCall call) {
          if (call.block(lists) == block) all = all && visit(call);
        });
      }
      if (!all) return false;
    }
  }
  return true;
}

// Of a parameter of an inner block: whether all that is passed to it has zeros above, on the
// assumption that it has. Moves and spill slots carry whole registers. Front ends extend the same
// index at each use, so answers are kept.
bool X64Lower::is_clear_param(Value value) {
  if (known_clear_[value.index()] != Clear::Unknown)
    return known_clear_[value.index()] == Clear::Yes;
  const bool clear = for_each_passed(value, [&](Value passed) {
    if (dfg().value_data(passed).kind() != ir::ValueData::Kind::Param)
      return clears_upper_half_as_result(passed) ? Visit::Done : Visit::Stop;
    switch (known_clear_[passed.index()]) {
      case Clear::Yes:
        return Visit::Done;
      case Clear::No:
        return Visit::Stop;
      case Clear::Unknown:
        break;
    }
    return Visit::Follow;
  });
  known_clear_[value.index()] = clear ? Clear::Yes : Clear::No;
  // What was assumed for one holds for all if it holds.
  if (clear) {
    for (const Value param : seen_params_) known_clear_[param.index()] = Clear::Yes;
  }
  return clear;
}

bool X64Lower::bit_unused(bool& yes) { return yes = !has_reg(func().dfg.results(root())[1]); }

// ---- small pieces

Gpr X64Lower::iconst_to_gpr(u64 number) { return x64_const(number); }
Gpr X64Lower::zero_extended(Value value) {
  const Type ty = type(value);
  bool clear;
  u64 constant;
  if (constant_of(value, constant) || is_loaded_wide(value, clear)) return constant_or_reg(value);
  if (ty == ir::kI8) return x64_movzx8(ir::kI32, put_gpr_mem(value));
  if (ty == ir::kI16) return x64_movzx16(ir::kI32, put_gpr_mem(value));
  if (ty == ir::kI32 && !clears_upper_half(value, clear))
    return x64_mov(ir::kI32, put_gpr_mem(value));
  return put_gpr(value);
}
Gpr X64Lower::sign_extended(Value value) {
  const Type ty = type(value);
  if (ty == ir::kI8) return x64_movsx8(ir::kI32, put_gpr_mem(value));
  if (ty == ir::kI16) return x64_movsx16(ir::kI32, put_gpr_mem(value));
  return put_gpr(value);
}
Gpr X64Lower::constant_or_reg(Value value) {
  u64 constant;
  return constant_of(value, constant) ? x64_const(constant) : put_gpr(value);
}
bool X64Lower::constant_count(Type ty, Value count, u32& number) {
  u64 bits;
  if (type(count) == ir::kI128 || !constant_of(count, bits)) return false;
  number = static_cast<u32>(bits & (ty.bits() - 1));
  return true;
}
GprImm X64Lower::shift_count(Type ty, Value count) {
  u32 number;
  if (constant_count(ty, count, number)) return {AMode::imm(static_cast<i32>(number))};
  return {AMode::reg(variable_count(ty, count).reg)};
}
bool X64Lower::is_variable(Value value, bool& yes) {
  u64 bits;
  return yes = type(value) == ir::kI128 || !constant_of(value, bits);
}
// Of a count, the bits that shifts by `ty` look at; `exact` if all others are known to be zero. An
// and that says no more than the shift does itself is looked through.
Value X64Lower::count_source(Type ty, Value count, bool& exact) {
  const u64 mask = ty.bits() - 1;
  exact = false;
  Inst inst;
  u64 kept;
  if (type(count) == ir::kI128 || !LowerContext::def_inst(count, inst)) return count;
  const ir::InstData& data = func().dfg[inst];
  if (data.opcode != ir::Opcode::Band || !constant_of(data.arg(1), kept)) return count;
  exact = (kept & ~mask) == 0;
  return (kept & mask) == mask ? data.arg(0) : count;
}
Gpr X64Lower::variable_count(Type ty, Value count) {
  bool exact;
  const Gpr reg = put_low(count_source(ty, count, exact));
  if (ty.bits() >= 32) return reg;
  return x64_and(ir::kI32, reg, {AMode::imm(static_cast<i32>(ty.bits() - 1))});
}
Gpr X64Lower::reduced_count(Type ty, Value count) {
  bool exact;
  count_source(ty, count, exact);
  if (exact) return put_low(count);
  return x64_and(ir::kI32, put_low(count), {AMode::imm(static_cast<i32>(ty.bits() - 1))});
}
bool X64Lower::right_rotation(Type ty, Value count, u8& number) {
  u32 known;
  if (!constant_count(ty, count, known)) return false;
  number = static_cast<u8>(known);
  return true;
}
bool X64Lower::left_rotation(Type ty, Value count, u8& number) {
  u32 known;
  if (!constant_count(ty, count, known)) return false;
  number = static_cast<u8>((ty.bits() - known) & (ty.bits() - 1));
  return true;
}
// (1 << n) - 1, in both spellings, or ~(-1 << n).
bool X64Lower::low_bits(Value value, Value& count) {
  const ir::DataFlowGraph& dfg = func().dfg;
  Inst inst;
  if (!LowerContext::def_inst(value, inst)) return false;
  i64 change, base;
  i64 wanted = 1;
  switch (dfg.opcode(inst)) {
    case ir::Opcode::Iadd:
      if (!signed_constant_of(dfg[inst].arg(1), change) || change != -1) return false;
      break;
    case ir::Opcode::Isub:
      if (!signed_constant_of(dfg[inst].arg(1), change) || change != 1) return false;
      break;
    case ir::Opcode::Bnot:
      wanted = -1;
      break;
    default:
      return false;
  }
  if (!LowerContext::def_inst(dfg[inst].arg(0), inst) || dfg.opcode(inst) != ir::Opcode::Ishl)
    return false;
  if (!signed_constant_of(dfg[inst].arg(0), base) || base != wanted) return false;
  count = dfg[inst].arg(1);
  bool yes;
  return is_variable(count, yes);
}
u64 X64Lower::u64_of(u8 number) { return number; }
u8 X64Lower::half_bits_of(Type ty) { return static_cast<u8>(ty.bits() / 2); }
i32 X64Lower::clz_excess(Type ty) { return static_cast<i32>(32 - ty.bits()); }
i32 X64Lower::cls_excess(Type ty) { return static_cast<i32>(33 - ty.bits()); }
u64 X64Lower::top_bit(Type ty) { return ty.bits() - 1; }
Gpr X64Lower::all_ones_const(Type ty) { return x64_const(ty == ir::kI64 ? ~u64{0} : 0xffffffffu); }
u32 X64Lower::atomic_op(AtomicRmwOp op) { return static_cast<u32>(op); }
u32 X64Lower::swapped_atomic_op(AtomicRmwOp op) { return static_cast<u32>(op) | kAtomicSwapped; }
Xmm X64Lower::with_flags_xmm(ProducesFlags producer, ConsumesFlags consumer) {
  push(producer.draft);
  push(consumer.draft);
  return {consumer.draft.result};
}
Xmm X64Lower::with_flags_2_xmm(ProducesFlags producer, ConsumesFlags first, ConsumesFlags second) {
  push(producer.draft);
  push(first.draft);
  push(second.draft);
  return {second.draft.result};
}
InstOutput X64Lower::sequence_marker() { return {}; }

// Of a 128-bit addition or subtraction with carry: two halves, then the bit that tells of overflow.
InstOutput X64Lower::carry128(ProducesFlags carry, ConsumesFlags low, ConsumesFlags high,
                              ConsumesFlags bit) {
  push(carry.draft);
  push(low.draft);
  push(high.draft);
  push(bit.draft);
  return output_i128_and({low.draft.result}, {high.draft.result}, {bit.draft.result});
}

// Both halves choose on one condition, made a bit first so that it can be asked twice.
InstOutput X64Lower::choose_i128(const Condition& condition, Value x, Value y) {
  const Gpr bit = constructor_set_condition(*this, condition);
  const ProducesFlags test = x64_test_flags(ir::kI8, {AMode::reg(bit.reg)}, {AMode::reg(bit.reg)});
  const Gpr low_x = put_low(x), low_y = put_low(y), high_x = put_high(x), high_y = put_high(y);
  const ConsumesFlags low = x64_cmov_using(ir::kI64, CC::NE, low_y, {AMode::reg(low_x.reg)});
  const ConsumesFlags high = x64_cmov_using(ir::kI64, CC::NE, high_y, {AMode::reg(high_x.reg)});
  const GprPair made = with_flags_2(test, low, high);
  return output_i128(made.first, made.second);
}

// By a known number: halves change places for 64 or more, then each takes bits of the other.
InstOutput X64Lower::shift128_by(u8 kind, Gpr lo, Gpr hi, u32 number) {
  if (kind == 4) {
    kind = 3;
    number = (128 - number) & 127;
  }
  const bool exchange = number >= 64;
  const u32 rest = number & 63;
  const GprImm by{AMode::imm(static_cast<i32>(rest))};
  switch (kind) {
    case 0: {
      if (exchange) {
        const Gpr high = rest == 0 ? lo : x64_shl(ir::kI64, lo, by);
        return output_i128(x64_const(0), high);
      }
      if (rest == 0) return output_i128(lo, hi);
      const Gpr high = x64_shld(ir::kI64, hi, lo, by);
      return output_i128(x64_shl(ir::kI64, lo, by), high);
    }
    case 3: {
      if (exchange) std::swap(lo, hi);
      if (rest == 0) return output_i128(lo, hi);
      const Gpr high = x64_shld(ir::kI64, hi, lo, by);
      return output_i128(x64_shld(ir::kI64, lo, hi, by), high);
    }
    default: {
      const bool is_signed = kind == 2;
      const auto shift = [&](Gpr reg) {
        return is_signed ? x64_sar(ir::kI64, reg, by) : x64_shr(ir::kI64, reg, by);
      };
      if (exchange) {
        const Gpr high = is_signed ? x64_sar(ir::kI64, hi, {AMode::imm(63)}) : x64_const(0);
        return output_i128(rest == 0 ? hi : shift(hi), high);
      }
      if (rest == 0) return output_i128(lo, hi);
      const Gpr low = x64_shrd(ir::kI64, lo, hi, by);
      return output_i128(low, shift(hi));
    }
  }
}

// shl: hi = hi:lo << n (shld), lo = lo << n for n < 64; beyond, hi = lo << n-64 and lo = 0. Double
// shifts look at the count mod 64, so one choice on bit 6 settles both.
InstOutput X64Lower::shift128(u8 kind, Value x, Value count) {
  const Gpr lo = put_low(x), hi = put_high(x);
  u32 known;
  if (constant_count(ir::kI128, count, known)) return shift128_by(kind, lo, hi, known);
  const Gpr n = put_low(count);
  const GprImm by{AMode::reg(n.reg)};
  const ProducesFlags over = x64_test_flags(ir::kI32, {AMode::reg(n.reg)}, {AMode::imm(64)});
  const auto choose = [&](Gpr a_below, Gpr a_over, Gpr b_below, Gpr b_over) {
    const ConsumesFlags b = x64_cmov_using(ir::kI64, CC::NE, b_below, {AMode::reg(b_over.reg)});
    const ConsumesFlags a = x64_cmov_using(ir::kI64, CC::NE, a_below, {AMode::reg(a_over.reg)});
    const GprPair made = with_flags_2(over, a, b);
    return output_i128(made.first, made.second);
  };
  switch (kind) {
    case 0: {
      const Gpr high = x64_shld(ir::kI64, hi, lo, by), low = x64_shl(ir::kI64, lo, by);
      return choose(low, x64_const(0), high, low);
    }
    case 1: {
      const Gpr low = x64_shrd(ir::kI64, lo, hi, by), high = x64_shr(ir::kI64, hi, by);
      return choose(low, high, high, x64_const(0));
    }
    case 2: {
      const Gpr low = x64_shrd(ir::kI64, lo, hi, by), high = x64_sar(ir::kI64, hi, by);
      return choose(low, high, high, x64_sar(ir::kI64, hi, {AMode::imm(63)}));
    }
    case 3: {
      const Gpr high = x64_shld(ir::kI64, hi, lo, by), low = x64_shld(ir::kI64, lo, hi, by);
      return choose(low, high, high, low);
    }
    default: {
      const Gpr low = x64_shrd(ir::kI64, lo, hi, by), high = x64_shrd(ir::kI64, hi, lo, by);
      return choose(low, high, high, low);
    }
  }
}

// kind: 0 udiv, 1 urem, 2 sdiv, 3 srem.
Gpr X64Lower::divide(u8 kind, Type ty, Value x, Value y) {
  const bool is_signed = kind >= 2, remainder = (kind & 1) != 0, narrow = ty.bits() < 32;
  const Type op = op_type(ty);
  i64 divisor = 0;
  const bool known = signed_constant_of(y, divisor) && divisor != 0;
  Gpr by = narrow ? (is_signed ? sign_extended(y) : zero_extended(y)) : put_gpr(y);
  const Gpr dividend = narrow ? (is_signed ? sign_extended(x) : zero_extended(x)) : put_gpr(x);
  ir::TrapCode code = ir::kTrapIntegerDivisionByZero;
  if (kind == 2 && !narrow) {
    // The hardware's fault stands for overflow, so zero is asked for first.
    if (!known) {
      with_flags_effect(x64_test_flags(op, {AMode::reg(by.reg)}, {AMode::reg(by.reg)}),
                        x64_trap_if_using(CC::E, ir::kTrapIntegerDivisionByZero));
    }
    code = ir::kTrapIntegerOverflow;
  }
  if (kind == 3 && !narrow && (!known || divisor == -1)) {
    // x rem -1 is 0 without a fault: as x rem 1.
    const Gpr one = x64_const(1);
    by = with_flags(x64_cmp_flags(op, by, {AMode::imm(-1)}),
                    x64_cmov_using(op, CC::E, by, {AMode::reg(one.reg)}));
  }
  const Gpr high = !is_signed ? x64_zero() : op == ir::kI64 ? x64_cqo(dividend) : x64_cdq(dividend);
  const GprPair made =
      is_signed ? x64_idiv(op, dividend, high, by, code) : x64_div(op, dividend, high, by, code);
  if (kind == 2 && narrow && (!known || divisor == -1)) {
    // In 32 bits nothing overflows; the one quotient that does not fit is found by its value.
    with_flags_effect(
        x64_cmp_flags(ir::kI32, made.first, {AMode::imm(static_cast<i32>(1u << (ty.bits() - 1)))}),
        x64_trap_if_using(CC::E, ir::kTrapIntegerOverflow));
  }
  return remainder ? made.second : made.first;
}

Gpr X64Lower::popcnt_swar(Type ty, Gpr x) {
  const auto wide = [&](u64 byte) {
    const u64 all = byte * 0x0101010101010101u;
    return x64_const(ty == ir::kI64 ? all : all & 0xffffffffu);
  };
  const auto reg = [](Gpr r) { return GprMemImm{AMode::reg(r.reg)}; };
  const Gpr every_second = wide(0x55);
  const Gpr odd = x64_and(ty, x64_shr(ty, x, {AMode::imm(1)}), reg(every_second));
  const Gpr pairs = x64_sub(ty, x, reg(odd));
  const Gpr mask = wide(0x33);
  const Gpr odd_pairs = x64_and(ty, x64_shr(ty, pairs, {AMode::imm(2)}), reg(mask));
  const Gpr nibbles = x64_add(ty, x64_and(ty, pairs, reg(mask)), reg(odd_pairs));
  const Gpr low_halves = wide(0x0f);
  const Gpr sums = x64_add(ty, nibbles, reg(x64_shr(ty, nibbles, {AMode::imm(4)})));
  const Gpr bytes = x64_and(ty, sums, reg(low_halves));
  const Gpr sum = x64_imul(ty, bytes, {AMode::reg(wide(0x01).reg)});
  return x64_shr(ty, sum, {AMode::imm(static_cast<i32>(ty.bits() - 8))});
}

Gpr X64Lower::bit_reverse(Type ty, Gpr x) {
  const Type op = op_type(ty);
  const auto wide = [&](u64 byte) {
    const u64 all = byte * 0x0101010101010101u;
    return x64_const(op == ir::kI64 ? all : all & 0xffffffffu);
  };
  const auto reg = [](Gpr r) { return GprMemImm{AMode::reg(r.reg)}; };
  Gpr bits = x;
  constexpr struct {
    u64 mask;
    i32 shift;
  } kSteps[] = {{0x55, 1}, {0x33, 2}, {0x0f, 4}};
  for (const auto& step : kSteps) {
    const Gpr mask = wide(step.mask);
    const Gpr up = x64_shl(op, x64_and(op, bits, reg(mask)), {AMode::imm(step.shift)});
    const Gpr down = x64_and(op, x64_shr(op, bits, {AMode::imm(step.shift)}), reg(mask));
    bits = x64_or(op, up, reg(down));
  }
  if (ty == ir::kI8) return bits;
  if (ty == ir::kI16) return x64_rol(ir::kI16, bits, {AMode::imm(8)});
  return x64_bswap(op, bits);
}

// ---- floats

AMode X64Lower::constant_bytes(const void* bytes, u8 size) {
  PoolConstant constant{};
  std::memcpy(constant.bytes, bytes, size);
  constant.size = size;
  pool_.push_back(constant);
  return AMode::other(Mode::Constant, static_cast<i32>(pool_.size() - 1));
}
bool X64Lower::float_constant(Value value, AMode& place) {
  const ir::ValueData& data = func().dfg.value_data(value);
  if (data.kind() != ir::ValueData::Kind::Result) return false;
  const ir::InstData& inst = func().dfg[Inst::from_index(data.owner())];
  const bool is_double = inst.opcode == ir::Opcode::F64const;
  if (!is_double && inst.opcode != ir::Opcode::F32const) return false;
  const u64 bits = inst.wide();
  if (bits == 0) return false;
  place = constant_bytes(&bits, is_double ? 8 : 4);
  return true;
}
Xmm X64Lower::f32_constant(u64 bits) {
  if (bits == 0) return x64_xmm_zero();
  return x64_movss(constant_bytes(&bits, 4));
}
Xmm X64Lower::f64_constant(u64 bits) {
  if (bits == 0) return x64_xmm_zero();
  return x64_movsd(constant_bytes(&bits, 8));
}
XmmMemAligned X64Lower::sign_mask(Type ty) {
  const u64 mask[2] = {ty == ir::kF32 ? 0x80000000u : u64{1} << 63, 0};
  return {constant_bytes(mask, 16)};
}
XmmMemAligned X64Lower::magnitude_mask(Type ty) {
  const u64 mask[2] = {ty == ir::kF32 ? 0x7fffffffu : ~(u64{1} << 63), 0};
  return {constant_bytes(mask, 16)};
}

// Halve (the lost bit sticks to the lowest one, so rounding stays right), convert, double.
Xmm X64Lower::from_u64(Type to, Gpr x) {
  const auto reg = [](Gpr r) { return GprMemImm{AMode::reg(r.reg)}; };
  const Gpr lost = x64_and(ir::kI64, x, {AMode::imm(1)});
  const Gpr half = x64_or(ir::kI64, x64_shr(ir::kI64, x, {AMode::imm(1)}), reg(lost));
  const auto test = [&] {
    return x64_test_flags(ir::kI64, {AMode::reg(x.reg)}, {AMode::reg(x.reg)});
  };
  const Gpr source = with_flags(test(), x64_cmov_using(ir::kI64, CC::S, x, {AMode::reg(half.reg)}));
  const bool single = to == ir::kF32;
  const Xmm zero = x64_xmm_zero();
  const Xmm once = single ? x64_cvtsi2ss(ir::kI64, zero, {AMode::reg(source.reg)})
                          : x64_cvtsi2sd(ir::kI64, zero, {AMode::reg(source.reg)});
  const XmmMem again{AMode::reg(once.reg)};
  const Xmm twice = single ? x64_addss(once, again) : x64_addsd(once, again);
  return with_flags_xmm(test(), x64_xmm_cmov_using(CC::S, once, twice));
}

// kind: 0 signed, 1 unsigned, both trapping; 2 signed, 3 unsigned, saturating. The conversion
// itself gives the minimum of its integer type for everything that does not fit; what is compared
// beforehand or afterwards tells the rest.
Gpr X64Lower::float_to_int(u8 kind, Type from, Type to, Value value) {
  const bool single = from == ir::kF32, is_signed = (kind & 1) == 0, saturates = kind >= 2;
  const u32 bits = to.bits();
  const auto constant = [&](double number) -> XmmMem {
    if (single) {
      const float narrow = static_cast<float>(number);
      return {constant_bytes(&narrow, 4)};
    }
    return {constant_bytes(&number, 8)};
  };
  const auto compare = [&](Xmm a, const XmmMem& b) {
    return single ? x64_ucomiss_flags(a, b) : x64_ucomisd_flags(a, b);
  };
  const auto convert = [&](Type width, Xmm a) {
    const XmmMem operand{AMode::reg(a.reg)};
    return single ? x64_cvttss2si(width, operand) : x64_cvttsd2si(width, operand);
  };
  const auto in_reg = [](Xmm a) { return XmmMem{AMode::reg(a.reg)}; };
  const auto reg = [](Gpr r) { return GprMem{AMode::reg(r.reg)}; };
  const double limit =
      std::ldexp(1.0, static_cast<int>(is_signed ? bits - 1 : bits));  // first that is too large
  // Values from 2^63 on, for unsigned 64 bits: shifted down before, and their top bit set after.
  const auto convert_unsigned_64 = [&](Xmm a) {
    const Gpr low = convert(ir::kI64, a);
    const XmmMem middle = constant(std::ldexp(1.0, 63));
    const Xmm above = single ? x64_subss(a, middle) : x64_subsd(a, middle);
    const Gpr high = convert(ir::kI64, above);
    const Gpr mask = x64_sar(ir::kI64, low, {AMode::imm(63)});
    return x64_or(ir::kI64, x64_and(ir::kI64, high, {AMode::reg(mask.reg)}), {AMode::reg(low.reg)});
  };
  Xmm x = put_xmm(value);

  if (!saturates) {
    with_flags_effect(compare(x, in_reg(x)),
                      x64_trap_if_using(CC::P, ir::kTrapBadConversionToInteger));
    with_flags_effect(compare(x, constant(limit)),
                      x64_trap_if_using(CC::AE, ir::kTrapIntegerOverflow));
    // The largest value that is too small; where the format cannot tell it from the minimum, the
    // minimum is the bound.
    const double minimum = is_signed ? -limit : 0.0;
    const bool exact = single ? bits <= 16 || !is_signed : bits <= 32 || !is_signed;
    const Xmm bound = [&] {
      const double number = exact ? minimum - 1.0 : minimum;
      if (single) {
        const float narrow = static_cast<float>(number);
        return x64_movss(constant_bytes(&narrow, 4));
      }
      return x64_movsd(constant_bytes(&number, 8));
    }();
    with_flags_effect(compare(bound, in_reg(x)),
                      x64_trap_if_using(exact ? CC::AE : CC::A, ir::kTrapIntegerOverflow));
    if (!is_signed && bits == 64) return convert_unsigned_64(x);
    return convert(is_signed && bits <= 32 ? ir::kI32 : ir::kI64, x);
  }

  if (is_signed) {
    const Type width = bits == 64 ? ir::kI64 : ir::kI32;
    const double top = std::ldexp(1.0, static_cast<int>(width.bits()) - 1);
    const Gpr raw = convert(width, x);
    const Gpr largest = x64_const(width == ir::kI64 ? 0x7fffffffffffffffu : 0x7fffffffu);
    const Gpr capped =
        with_flags(compare(x, constant(top)), x64_cmov_using(width, CC::AE, raw, reg(largest)));
    const Gpr zero = x64_const(0);
    Gpr result = with_flags(compare(x, in_reg(x)), x64_cmov_using(width, CC::P, capped, reg(zero)));
    if (bits < 32) {
      const i32 high = static_cast<i32>((1u << (bits - 1)) - 1), low = -high - 1;
      const Gpr high_reg = x64_const(static_cast<u32>(high)),
                low_reg = x64_const(static_cast<u32>(low));
      result = with_flags(x64_cmp_flags(ir::kI32, result, {AMode::imm(high)}),
                          x64_cmov_using(ir::kI32, CC::G, result, reg(high_reg)));
      result = with_flags(x64_cmp_flags(ir::kI32, result, {AMode::imm(low)}),
                          x64_cmov_using(ir::kI32, CC::L, result, reg(low_reg)));
    }
    return result;
  }

  // The hardware's maximum gives its second operand for NaN: negatives and NaN become zero at once.
  const Xmm zero = x64_xmm_zero();
  x = single ? x64_maxss(x, in_reg(zero)) : x64_maxsd(x, in_reg(zero));
  const Gpr raw = bits == 64 ? convert_unsigned_64(x) : convert(ir::kI64, x);
  const Gpr largest = x64_const(bits == 64 ? ~u64{0} : (u64{1} << bits) - 1);
  const Type width = bits == 64 ? ir::kI64 : ir::kI32;
  return with_flags(compare(x, constant(limit)), x64_cmov_using(width, CC::AE, raw, reg(largest)));
}

// ---- names and registers of the machine

u32 X64Lower::add_external(const ExternalRef& use) {
  externals_.push_back(use);
  return static_cast<u32>(externals_.size() - 1);
}
Gpr X64Lower::name_address(ir::ExternalName name, bool colocated, i64 addend) {
  if (!colocated && options_.is_pic && addend != static_cast<i32>(addend)) {
    return plus_offset(name_address(name, false, 0), addend);
  }
  const u32 number = add_external({name, addend});
  if (colocated) return x64_load_ext_name_near(number);
  return options_.is_pic ? x64_load_ext_name_got(number) : x64_load_ext_name_far(number);
}
Gpr X64Lower::plus_offset(Gpr base, i64 offset) {
  if (offset == 0) return base;
  if (offset == static_cast<i32>(offset))
    return x64_lea(ir::kI64, AMode::at(base.reg, static_cast<i32>(offset)));
  return x64_add(ir::kI64, base, {AMode::reg(x64_const(static_cast<u64>(offset)).reg)});
}
Gpr X64Lower::symbol_address(GlobalValue global) {
  const ir::GlobalValueData& data = func().global_values[global];
  if (data.tls) fail("the symbol is thread-local: its address is a tls_value");
  return name_address(data.name, data.colocated, data.offset);
}
Gpr X64Lower::thread_local_address(GlobalValue global) {
  const ir::GlobalValueData& data = func().global_values[global];
  if (!data.tls) fail("the symbol is not declared as thread-local: its address is a symbol_value");
  switch (options_.tls_model) {
    case target::TlsModel::None:
      fail("thread-local symbols need the setting tls_model");
      break;
    case target::TlsModel::Coff: {
      // The field counts from the section's start and has 32 bits, whatever is in it.
      const u32 symbol = add_external({data.name, 0});
      const ir::ExternalName index{ir::ExternalName::Kind::KnownSymbol,
                                   static_cast<u32>(ir::KnownSymbol::CoffTlsIndex)};
      return plus_offset(x64_tls_table_seq(symbol, add_external({index, 0})), data.offset);
    }
    case target::TlsModel::ElfGd:
    case target::TlsModel::MachO:
      break;
  }
  machinst::CallInfo call;
  call.block = current_block();
  call.name = data.name;
  call.clobbers = kCallerSaved;
  MInst inst;
  inst.op = op_of(Opcode::TlsCall);
  inst.imm = static_cast<i32>(add_call(call));
  inst.disp = static_cast<i32>(options_.tls_model);
  const Gpr address{fresh_gpr()};
  const Operand result = Operand::fixed_def(address.reg, kRax);
  clobber(call.clobbers);
  LowerContext::insts().push_list(inst, {&result, 1});
  return plus_offset(address, data.offset);
}
// The payload travels in the register of a first argument, so that a context may begin in a
// function.
Gpr X64Lower::switch_stack(Inst inst, Value store, Value load, Value payload) {
  if (options_.stack_switch_model != target::StackSwitchModel::Basic)
    fail("stack_switch needs the setting stack_switch_model=basic");
  if (type(payload) != ir::kI64) fail("stack_switch needs addresses of 64 bits");
  machinst::CallInfo call;
  call.inst = inst;
  call.block = current_block();
  call.clobbers = kAllRegs;
  MInst switching;
  switching.op = op_of(Opcode::StackSwitchCall);
  switching.imm = static_cast<i32>(add_call(call));
  const Gpr result{fresh_gpr()};
  const Operand operands[] = {
      Operand::fixed_use(reg_of(store), kRsi), Operand::fixed_use(reg_of(load), kRdx),
      Operand::fixed_use(reg_of(payload), kRdi), Operand::fixed_def(result.reg, kRdi)};
  clobber(call.clobbers);
  LowerContext::insts().push_list(switching, operands);
  return result;
}
Gpr X64Lower::function_address(FuncRef function) {
  const ir::ExtFuncData& data = func().dfg.ext_funcs[function];
  return name_address(data.name, data.colocated, 0);
}
Gpr X64Lower::read_frame_pointer() {
  needs_frame_record_ = true;
  return x64_lea(ir::kI64, AMode::other(Mode::FramePointer, 0));
}
Gpr X64Lower::read_stack_pointer() { return x64_lea(ir::kI64, AMode::other(Mode::OutArg, 0)); }
// Right above the saved frame pointer.
Gpr X64Lower::read_return_address() {
  needs_frame_record_ = true;
  return x64_mov(ir::kI64, {AMode::other(Mode::FramePointer, 8)});
}
Gpr X64Lower::read_pinned() { return x64_read_pinned(); }
SideEffect X64Lower::write_pinned(Gpr value) { return x64_write_pinned(value); }
Gpr X64Lower::handler_address(Block block, u64 index) {
  // Target 0 of a try_call is its normal return.
  const MBlock landing =
      order().target(order().lowered(block).index(), static_cast<u32>(index) + 1);
  return x64_lea(ir::kI64, AMode::other(Mode::Label, static_cast<i32>(landing.index())));
}

// ---- calls

const AbiSignature* X64Lower::abi_of(SigRef signature) {
  u8& known = abi_known_[signature.index()];
  if (known == 0) {
    Result<void> made =
        lay_out(func().dfg.signatures[signature], options_.abi, abis_[signature.index()]);
    known = made.has_value() ? 1 : 2;
    if (!made.has_value()) fail(made.error().message(), made.error().kind());
  }
  if (known == 2) fail("the signature has no layout on x86-64");
  return known == 1 ? &abis_[signature.index()] : nullptr;
}

VReg X64Lower::word_of(const Place& place, Value value) {
  const Type ty = type(value);
  if (ty == ir::kI128) return place.high ? put_high(value).reg : put_low(value).reg;
  if (place.extension == ir::ArgExtension::Uext && ty.bits() < 64) return zero_extended(value).reg;
  if (place.extension == ir::ArgExtension::Sext) {
    if (ty == ir::kI8) return x64_movsx8(ir::kI64, put_gpr_mem(value)).reg;
    if (ty == ir::kI16) return x64_movsx16(ir::kI64, put_gpr_mem(value)).reg;
    if (ty == ir::kI32) return x64_movsxd(put_gpr_mem(value)).reg;
  }
  return reg_of(value);
}

void X64Lower::store_word(const Place& place, VReg reg, const AMode& to) {
  if (place.type.is_vector()) {
    x64_movups_to_mem(to, {reg});
  } else if (place.type == ir::kF32) {
    x64_movss_to_mem(to, {reg});
  } else if (place.type == ir::kF64) {
    x64_movsd_to_mem(to, {reg});
  } else {
    // The whole slot for extended values; what is above a value without extension is nobody's
    // business.
    const bool whole = place.extension != ir::ArgExtension::None || place.type == ir::kI64;
    x64_mov_to_mem(whole ? ir::kI64 : ir::kI32, to, {AMode::reg(reg)});
  }
}

VReg X64Lower::load_word(const Place& place, const AMode& from) {
  if (place.type.is_vector()) return x64_movups(from).reg;
  if (place.type == ir::kF32) return x64_movss(from).reg;
  if (place.type == ir::kF64) return x64_movsd(from).reg;
  return x64_mov(place.type == ir::kI64 ? ir::kI64 : ir::kI32, {from}).reg;
}

// Many words by a loop: a call of memcpy would need a symbol that not every embedding has and would
// spoil the registers that other arguments wait in. In words and not in vectors, because fields
// were often stored just before: a load that spans two stores waits for both to reach the cache.
// Nothing is read beyond the struct.
void X64Lower::copy_struct(const AMode& from, const AMode& to, u32 bytes) {
  u32 at = 0;
  if (const u32 words = bytes / 8; words > kMaxUnrolledStructWords) {
    const Gpr source =
        from.mode == Mode::Base && from.disp == 0 ? Gpr{from.base} : x64_lea(ir::kI64, from);
    x64_copy_words_seq(source, x64_lea(ir::kI64, to), static_cast<i32>(words));
    at = words * 8;
  }
  while (at < bytes) {
    const u32 width = std::min(8u, std::bit_floor(bytes - at));
    const GprMem piece{amode_plus(from, static_cast<i32>(at))};
    const Type ty = width == 8 ? ir::kI64 : width == 4 ? ir::kI32 : width == 2 ? ir::kI16 : ir::kI8;
    const Gpr held = width == 2   ? x64_movzx16(ir::kI32, piece)
                     : width == 1 ? x64_movzx8(ir::kI32, piece)
                                  : x64_mov(ty, piece);
    x64_mov_to_mem(ty, amode_plus(to, static_cast<i32>(at)), {AMode::reg(held.reg)});
    at += width;
  }
}

void X64Lower::place_args(const AbiSignature& abi, std::span<const Value> args, Mode area,
                          i32 area_offset, bool staged) {
  for (const Place& place : abi.params) {
    const Value value = args[place.value];
    switch (place.kind) {
      case Place::Kind::Reg:
        break;
      case Place::Kind::Stack:
        store_word(place, word_of(place, value),
                   AMode::other(area, area_offset + static_cast<i32>(place.offset)));
        break;
      case Place::Kind::StructCopy:
        copy_struct(staged ? AMode::other(Mode::OutArg, static_cast<i32>(place.offset))
                           : AMode::at(reg_of(value), 0),
                    AMode::other(area, area_offset + static_cast<i32>(place.offset)), place.size);
        break;
    }
  }
  for (const Place& place : abi.params) {
    if (place.kind == Place::Kind::Reg) {
      call_operands_.push_back(Operand::fixed_use(word_of(place, args[place.value]), place.reg));
    }
  }
}

void X64Lower::define_results(const AbiSignature& abi, std::span<const Value> results) {
  for (const Place& place : abi.returns) {
    const Value value = results[place.value];
    if (place.kind != Place::Kind::Reg || !has_reg(value)) continue;
    const ValueRegs regs = regs_of(value);
    call_operands_.push_back(Operand::fixed_def(place.high ? regs.hi : regs.lo, place.reg));
  }
}

void X64Lower::load_stack_results(const AbiSignature& abi, std::span<const Value> results) {
  for (const Place& place : abi.returns) {
    const Value value = results[place.value];
    if (place.kind != Place::Kind::Stack || !has_reg(value)) continue;
    const ValueRegs regs = regs_of(value);
    const AMode from =
        AMode::other(Mode::OutArg, static_cast<i32>(abi.stack_arg_bytes + place.offset));
    const VReg loaded = load_word(place, from);
    // The load defines the value's own register.
    LowerContext::insts().operands()[LowerContext::insts().num_operands() - 1].vreg =
        place.high ? regs.hi : regs.lo;
    GANTRY_DCHECK(loaded.index() + 1 == vregs().next);
  }
}

// Pushes the call with what is in call_operands_.
void X64Lower::push_call(const machinst::CallInfo& call, PackedOption<Value> callee) {
  MInst inst;
  inst.imm = static_cast<i32>(add_call(call));
  if (callee && call.is_tail) {
    inst.op = op_of(Opcode::ReturnCallUnknown);
    call_operands_.insert(call_operands_.begin(), Operand::fixed_use(reg_of(*callee), kR11));
  } else if (callee) {
    inst.op = op_of(Opcode::CallUnknown);
    const GprMem place = put_gpr_mem(*callee);
    inst.mode = static_cast<u8>(place.m.mode);
    inst.aux = place.m.trap;
    inst.disp = place.m.disp;
    const u32 count = mode_registers(place.m.mode);
    const bool reg = place.m.mode == Mode::Reg;
    if (count > 1) call_operands_.insert(call_operands_.begin(), Operand::use(place.m.index));
    if (count > 0) {
      call_operands_.insert(
          call_operands_.begin(),
          Operand::use(place.m.base, reg ? regalloc::Constraint::Any : regalloc::Constraint::Reg));
    }
  } else {
    inst.op = op_of(call.is_tail ? Opcode::ReturnCallKnown : Opcode::CallKnown);
  }
  if (!call.is_tail) clobber(call.clobbers);
  LowerContext::insts().push_list(inst, call_operands_);
}

bool X64Lower::take_call_apart(Inst inst, CallParts& parts) {
  const ir::DataFlowGraph& dfg = func().dfg;
  parts.abi = abi_of(*dfg.call_signature(inst));
  if (parts.abi == nullptr) return false;
  call_operands_.clear();
  parts.info.block = current_block();
  parts.args = dfg.args(inst);
  switch (ir::inst_facts(dfg.opcode(inst)).format) {
    case gantry::meta::Format::CallIndirect:
    case gantry::meta::Format::TryCallIndirect:
      parts.callee = parts.args[0];
      parts.args = parts.args.subspan(1);
      break;
    default: {
      const ir::ExtFuncData& target = dfg.ext_funcs[FuncRef::from_index(dfg[inst].words[0])];
      parts.info.name = target.name;
      parts.info.colocated = target.colocated;
      parts.info.patchable = target.patchable;
    }
  }
  return true;
}

InstOutput X64Lower::lower_call(Inst inst) {
  const ir::DataFlowGraph& dfg = func().dfg;
  const InstOutput bound{InstOutput::kAlreadyBound, {}};
  CallParts parts;
  if (!take_call_apart(inst, parts)) return bound;
  const AbiSignature* abi = parts.abi;
  machinst::CallInfo& call = parts.info;
  call.inst = inst;
  if (abi->has_return_area) {
    const Gpr area =
        x64_lea(ir::kI64, AMode::other(Mode::OutArg, static_cast<i32>(abi->stack_arg_bytes)));
    call_operands_.push_back(Operand::fixed_use(area.reg, kRdi));
  }
  place_args(*abi, parts.args, Mode::OutArg, 0);
  define_results(*abi, dfg.results(inst));
  call.clobbers = abi->clobbers;
  call.stack_arg_bytes = abi->stack_arg_bytes + abi->return_area_bytes;
  call.callee_pop_bytes = abi->callee_pops ? abi->stack_arg_bytes : 0;
  push_call(call, parts.callee);
  load_stack_results(*abi, dfg.results(inst));
  return bound;
}

Xmm X64Lower::libcall(LibCall which, std::span<const Xmm> args) {
  call_operands_.clear();
  for (usize i = 0; i < args.size(); ++i) {
    call_operands_.push_back(Operand::fixed_use(args[i].reg, xmm(static_cast<u32>(i))));
  }
  const Xmm result{fresh_xmm()};
  call_operands_.push_back(Operand::fixed_def(result.reg, xmm(0)));
  machinst::CallInfo call;
  call.block = current_block();
  call.name = {ir::ExternalName::Kind::LibCall, static_cast<u32>(which)};
  call.colocated = options_.colocated_libcalls;
  call.clobbers = kCallerSaved;
  push_call(call, {});
  return result;
}
Xmm X64Lower::libcall1(LibCall which, Xmm a) { return libcall(which, std::array{a}); }
Xmm X64Lower::libcall3(LibCall which, Xmm a, Xmm b, Xmm c) {
  return libcall(which, std::array{a, b, c});
}

void X64Lower::lower_return(std::span<const Value> values) {
  call_operands_.clear();
  for (const Place& place : own_abi_.returns) {
    const Value value = values[place.value];
    if (place.kind == Place::Kind::Stack) {
      if (!return_area_.is_valid()) return_area_ = fresh_gpr();
      store_word(place, word_of(place, value),
                 AMode::at(return_area_, static_cast<i32>(place.offset)));
    }
  }
  for (const Place& place : own_abi_.returns) {
    if (place.kind == Place::Kind::Reg) {
      call_operands_.push_back(Operand::fixed_use(word_of(place, values[place.value]), place.reg));
    }
  }
  // The C convention hands the pointer of a struct result back.
  for (usize i = 0; i < func().signature.params.size(); ++i) {
    if (func().signature.params[i].purpose == ir::ArgPurpose::StructReturn &&
        own_abi_.returns.empty()) {
      const Value pointer = func().dfg.block_params(*func().layout.entry())[i];
      call_operands_.push_back(Operand::fixed_use(reg_of(pointer), kRax));
    }
  }
  MInst inst;
  inst.op = op_of(Opcode::Rets);
  LowerContext::insts().push_list(inst, call_operands_);
}

void X64Lower::lower_tail_call(Inst inst) {
  CallParts parts;
  if (!take_call_apart(inst, parts)) return;
  const AbiSignature* abi = parts.abi;
  if (abi->has_return_area) {
    if (!return_area_.is_valid()) return_area_ = fresh_gpr();
    call_operands_.push_back(Operand::fixed_use(return_area_, kRdi));
  }
  max_tail_arg_bytes_ = std::max(max_tail_arg_bytes_, abi->stack_arg_bytes);
  // The new arguments end where the old ones end: the caller's stack pointer. Old ones have been
  // loaded at entry. Only structs may still lie there: loads come before the first store, and
  // structs passed on wait at the end of the frame until all of them have been read.
  bool staged = false;
  for (const Place& place : own_abi_.params) staged |= place.kind == Place::Kind::StructCopy;
  if (staged) {
    for (const Value arg : parts.args) reg_of(arg);  // nothing loads at its use
    for (const Place& place : abi->params) {
      if (place.kind != Place::Kind::StructCopy) continue;
      copy_struct(AMode::at(reg_of(parts.args[place.value]), 0),
                  AMode::other(Mode::OutArg, static_cast<i32>(place.offset)), place.size);
      parts.info.stack_arg_bytes = abi->stack_arg_bytes;
    }
  }
  place_args(*abi, parts.args, Mode::InArg,
             static_cast<i32>(own_abi_.stack_arg_bytes) - static_cast<i32>(abi->stack_arg_bytes),
             staged);
  parts.info.is_tail = true;
  parts.info.callee_pop_bytes = abi->stack_arg_bytes;
  push_call(parts.info, parts.callee);
}

// Results and the exception's payload are both definitions of the call, by register: one register
// may serve both, since only one kind of edge is taken.
void X64Lower::lower_try_call(Inst inst) {
  const ir::DataFlowGraph& dfg = func().dfg;
  CallParts parts;
  if (!take_call_apart(inst, parts)) return;
  const AbiSignature* abi = parts.abi;
  if (abi->has_return_area) {
    const Gpr area =
        x64_lea(ir::kI64, AMode::other(Mode::OutArg, static_cast<i32>(abi->stack_arg_bytes)));
    call_operands_.push_back(Operand::fixed_use(area.reg, kRdi));
  }
  place_args(*abi, parts.args, Mode::OutArg, 0);

  VReg by_reg[regalloc::kNumPRegs];
  const auto def_in = [&](PReg reg) {
    VReg& def = by_reg[reg.index()];
    if (!def.is_valid()) {
      def = vregs().fresh(reg.reg_class());
      call_operands_.push_back(Operand::fixed_def(def, reg));
    }
    return def;
  };
  try_returns_.assign(num_values(abi->returns), {});
  for (const Place& place : abi->returns) {
    if (place.kind != Place::Kind::Reg) continue;
    (place.high ? try_returns_[place.value].hi : try_returns_[place.value].lo) = def_in(place.reg);
  }
  const VReg payload[] = {def_in(kRax), def_in(kRdx)};

  needs_frame_record_ = true;
  machinst::CallInfo& call = parts.info;
  call.inst = inst;
  call.is_try = true;
  const bool keeps_callee_saved = abi->call_conv == ir::CallConv::SystemV ||
                                  abi->call_conv == ir::CallConv::Fast ||
                                  abi->call_conv == ir::CallConv::WindowsFastcall;
  call.clobbers = keeps_callee_saved ? abi->clobbers : kAllRegs;
  call.stack_arg_bytes = abi->stack_arg_bytes + abi->return_area_bytes;
  call.callee_pop_bytes = abi->callee_pops ? abi->stack_arg_bytes : 0;
  const ir::ExceptionTableData& table =
      dfg.exception_tables[ir::ExceptionTable::from_index(dfg[inst].words[2])];
  u32 num_contexts = 0;
  for (const ir::ExceptionTableData::Item& item : table.items) {
    if (!item.context) continue;
    call_operands_.push_back(late_any_use(reg_of(*item.context)));
    ++num_contexts;
  }
  call.num_contexts = num_contexts;
  call.normal_target = target(0).index();
  push_call(call, parts.callee);
  set_try_results(try_returns_, payload);
}

u64 X64Lower::bound_of(Value value, u32 depth) const {
  const u32 bits = type(value).bits();
  const u64 top = bits >= 64 ? ~u64{0} : (u64{1} << bits) - 1;
  Inst inst;
  u64 constant;
  if (constant_of(value, constant)) return constant & top;
  if (depth == 0 || !LowerContext::def_inst(value, inst)) return top;
  const ir::InstData& data = func().dfg[inst];
  switch (data.opcode) {
    case ir::Opcode::Icmp:
    case ir::Opcode::Fcmp:
      return type(value).is_int() ? 1 : top;
    case ir::Opcode::Uextend:
      return bound_of(data.arg(0), depth - 1);
    case ir::Opcode::Band:
      return constant_of(data.arg(1), constant) ? std::min(top, constant) : top;
    case ir::Opcode::Iadd: {
      if (!constant_of(data.arg(1), constant)) return top;
      const u64 below = bound_of(data.arg(0), depth - 1);
      return constant <= top && below <= top - constant ? below + constant : top;
    }
    case ir::Opcode::Select:
      return std::max(bound_of(data.arg(1), depth - 1), bound_of(data.arg(2), depth - 1));
    default:
      return top;
  }
}

// A bound that is plain to see.
u64 X64Lower::largest_of(Value value) {
  constexpr u32 kDepth = 4;
  if (func().dfg.value_data(value).kind() != ir::ValueData::Kind::Param)
    return bound_of(value, kDepth);
  u64 largest = 0;
  const bool seen = for_each_passed(value, [&](Value passed) {
    if (dfg().value_data(passed).kind() == ir::ValueData::Kind::Param) return Visit::Follow;
    largest = std::max(largest, bound_of(passed, kDepth));
    return Visit::Done;
  });
  return seen ? largest : ~u64{0};
}

void X64Lower::load_try_results() {
  const ir::DataFlowGraph& dfg = func().dfg;
  const machinst::LoweredBlock& edge = order().block(current_block());
  if (!ir::is_call(dfg.opcode(*edge.branch))) return;
  const AbiSignature* abi = abi_of(*dfg.call_signature(*edge.branch));
  if (abi == nullptr || !abi->has_return_area) return;
  const std::span<const Value> params = dfg.block_params(edge.call.block(dfg.lists()));
  const std::span<const Value> args = edge.call.args(dfg.lists());
  try_returns_.assign(num_values(abi->returns), {});
  std::vector<u8> wanted(try_returns_.size());
  bool any = false;
  for (usize i = 0; i < params.size(); ++i) {
    const ir::BlockArg arg = ir::BlockArg::decoded(args[i]);
    if (arg.kind() != ir::BlockArg::Kind::TryCallReturn || !is_used(params[i])) continue;
    wanted[arg.number()] = 1;
    any = true;
  }
  if (!any) return;
  for (const Place& place : abi->returns) {
    if (place.kind != Place::Kind::Stack || wanted[place.value] == 0) continue;
    const VReg loaded = load_word(
        place, AMode::other(Mode::OutArg, static_cast<i32>(abi->stack_arg_bytes + place.offset)));
    (place.high ? try_returns_[place.value].hi : try_returns_[place.value].lo) = loaded;
  }
  set_try_results(try_returns_, {});
}

// Few entries that differ from the default are told apart by compares. Otherwise min(index, n) into
// a table of n + 1 targets whose last is the default.
void X64Lower::lower_br_table(Inst inst) {
  const std::span<const MBlock> targets = order().targets(current_block());
  const u32 n = static_cast<u32>(targets.size()) - 1;
  if (n == 0) {
    x64_jmp(targets[0]);
    return;
  }
  std::vector<MBlock> table(targets.begin() + 1, targets.end());
  const auto cases = static_cast<usize>(
      std::count_if(table.begin(), table.end(), [&](MBlock to) { return to != targets[0]; }));
  if (cases == 0) {
    x64_jmp(targets[0]);
    return;
  }
  if (cases <= kMostCases) {
    table.push_back(targets[0]);
    x64_jmp_cases_seq(put_gpr(func().dfg[inst].arg(0)), add_jump_table(table));
    return;
  }
  if (largest_of(func().dfg[inst].arg(0)) < n) {
    x64_jmp_table_seq(zero_extended(func().dfg[inst].arg(0)), add_jump_table(table));
    return;
  }
  table.push_back(targets[0]);
  const Gpr index = put_gpr(func().dfg[inst].arg(0));
  const Gpr last = x64_const(n);
  const Gpr clamped = with_flags(x64_cmp_flags(ir::kI32, index, {AMode::reg(last.reg)}),
                                 x64_cmov_using(ir::kI32, CC::AE, index, {AMode::reg(last.reg)}));
  x64_jmp_table_seq(clamped, add_jump_table(table));
}

// ---- parameters

void X64Lower::lower_params() {
  const ir::DataFlowGraph& dfg = func().dfg;
  const std::span<const Value> params = dfg.block_params(*func().layout.entry());
  call_operands_.clear();
  if (return_area_.is_valid()) call_operands_.push_back(Operand::fixed_def(return_area_, kRdi));
  for (const Place& place : own_abi_.params) {
    const Value value = params[place.value];
    if (place.kind != Place::Kind::Reg || !has_reg(value)) continue;
    const ValueRegs regs = regs_of(value);
    call_operands_.push_back(Operand::fixed_def(place.high ? regs.hi : regs.lo, place.reg));
  }
  if (!call_operands_.empty()) {
    MInst inst;
    inst.op = op_of(Opcode::Args);
    LowerContext::insts().push_list(inst, call_operands_);
  }
  for (const Place& place : own_abi_.params) {
    const Value value = params[place.value];
    if (place.kind == Place::Kind::Reg || !has_reg(value)) continue;
    const ValueRegs regs = regs_of(value);
    const AMode from = AMode::other(Mode::InArg, static_cast<i32>(place.offset));
    if (place.kind == Place::Kind::StructCopy) {
      x64_lea(ir::kI64, from);
    } else {
      load_word(place, from);
    }
    LowerContext::insts().operands()[LowerContext::insts().num_operands() - 1].vreg =
        place.high ? regs.hi : regs.lo;
  }
}

}  // namespace gantry::isa::x64

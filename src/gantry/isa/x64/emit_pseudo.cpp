// Expansions of the pseudo-instructions. After allocation no new register can be had: what an
// expansion spoils is an operand of its row.
#include "gantry/isa/x64/emit_pseudo.h"

#include <cstring>

namespace gantry::isa::x64 {

void emit_pseudo(const PseudoInst& inst, EmitContext& context) {
  switch (static_cast<Opcode>(inst.inst.op)) {
#include "gantry/gen/isa/x64/pseudo_switch.inc"
    default:
      unreachable("not a pseudo-instruction");
  }
}

// The parameters are in their registers already.
void emit_pseudo_args(const PseudoInst&, EmitContext&) {}

void emit_pseudo_rets(const PseudoInst& inst, EmitContext& context) {
  context.hooks->emit_rets(inst, context);
}
void emit_pseudo_call_known(const PseudoInst& inst, EmitContext& context) {
  context.hooks->emit_call_known(inst, context);
}
void emit_pseudo_call_unknown(const PseudoInst& inst, EmitContext& context) {
  context.hooks->emit_call_unknown(inst, context);
}
void emit_pseudo_return_call_known(const PseudoInst& inst, EmitContext& context) {
  context.hooks->emit_return_call_known(inst, context);
}
void emit_pseudo_return_call_unknown(const PseudoInst& inst, EmitContext& context) {
  context.hooks->emit_return_call_unknown(inst, context);
}

void emit_pseudo_tls_call(const PseudoInst& inst, EmitContext& context) {
  context.hooks->emit_tls_call(inst, context);
}

void emit_pseudo_stack_switch_call(const PseudoInst& inst, EmitContext& context) {
  context.hooks->emit_stack_switch_call(inst, context);
}

// mov t, [_tls_index]; mov d, gs:[0x58]; mov d, [d + 8*t]; lea d, [d + offset of the symbol in its
// section].
void emit_pseudo_tls_table_seq(const PseudoInst& inst, EmitContext& context) {
  const PReg d = inst.reg(0), t = inst.reg(1);
  emit_mem(Opcode::MovRM_32, {t}, Mode::Symbol, inst.inst.disp, context);
  constexpr u8 kThreadTable = 0x58;  // in the thread's information block
  const u32 low = d.hw_enc() & 7, high = d.hw_enc() >> 3;
  const u8 load_table[] = {0x65, static_cast<u8>(0x48 | high << 2),
                           0x8b, static_cast<u8>(low << 3 | 4),
                           0x25, kThreadTable,
                           0,    0,
                           0};
  context.buffer.put_bytes(load_table);
  emit_mem(Opcode::MovRM_64, {d, d, t}, Mode::Index8, 0, context);
  // By hand, for a displacement of four bytes.
  const u8 add_offset[] = {static_cast<u8>(0x48 | high << 2 | high), 0x8d,
                           static_cast<u8>(0x80 | low << 3 | low), 0x24};
  context.buffer.put_bytes({add_offset, low == 4 ? 4u : 3u});
  const ExternalRef& symbol = context.symbols[static_cast<u32>(inst.inst.imm)];
  context.buffer.add_reloc(context.buffer.offset(), target::RelocKind::X86SecRel, symbol.name,
                           symbol.addend);
  context.buffer.put_fill(4, 0);
}

void emit_pseudo_jcc_both(const PseudoInst& inst, EmitContext& context) {
  emit_jcc(inst.cc(), Label{static_cast<u32>(inst.inst.imm)}, context);
  emit_jmp(Label{static_cast<u32>(inst.inst.disp)}, context);
}

void emit_pseudo_jcc_either(const PseudoInst& inst, EmitContext& context) {
  const Label then{static_cast<u32>(inst.inst.imm)};
  emit_jcc(inst.cc(), then, context);
  emit_jcc(inst.cc2(), then, context);
  emit_jmp(Label{static_cast<u32>(inst.inst.disp)}, context);
}

// lea t, [table]; movsxd u, [t + index*4]; add t, u; jmp t; then the table of distances from its
// own start.
void emit_pseudo_jmp_table_seq(const PseudoInst& inst, EmitContext& context) {
  const PReg index = inst.reg(0), t = inst.reg(1), u = inst.reg(2);
  MachBuffer& buffer = context.buffer;
  const Label table = buffer.new_label();
  emit_mem(Opcode::LeaRM_64, {t}, Mode::Label, static_cast<i32>(table.index), context);
  emit_mem(Opcode::MovsxdRM_64, {u, t, index}, Mode::Index4, 0, context);
  emit_regs(Opcode::AddRM_64, {t, t, u}, context);
  emit_regs(Opcode::JmpToM_64, {t}, context);
  buffer.align_to(4, 0xcc);
  buffer.bind(table);
  const u32 number = static_cast<u32>(inst.inst.imm);
  const u32 first = context.table_ranges[number], end = context.table_ranges[number + 1];
  for (u32 i = first; i < end; ++i) {
    const u32 field = buffer.offset();
    buffer.put_fill(4, 0);
    buffer.use_label_relative(field, Label{context.table_targets[i]}, table);
  }
}

// For each entry that is not the default: cmp index, i; je entry. While all entries so far have
// been no default, a compare with the next number tells two apart: jb, je.
void emit_pseudo_jmp_cases_seq(const PseudoInst& inst, EmitContext& context) {
  const PReg index = inst.reg(0);
  const u32 number = static_cast<u32>(inst.inst.imm);
  const std::span<const u32> targets =
      context.table_targets.subspan(context.table_ranges[number], context.table_ranges[number + 1] -
                                                                      context.table_ranges[number]);
  const u32 last = static_cast<u32>(targets.size()) - 1;
  const u32 otherwise = targets[last];
  bool all_below = true;
  for (u32 i = 0; i < last; ++i) {
    if (targets[i] == otherwise) {
      all_below = false;
      continue;
    }
    const bool two = all_below && i + 1 < last && targets[i + 1] != otherwise;
    const u32 with = two ? i + 1 : i;
    if (with == 0) {
      emit_regs(Opcode::TestMR_32, {index, index}, context);
    } else {
      emit_regs(with < 128 ? Opcode::CmpMI8_32 : Opcode::CmpMI_32, {index}, context,
                static_cast<i32>(with));
    }
    if (two) {
      emit_jcc(CC::B, Label{targets[i]}, context);
      ++i;
    }
    emit_jcc(CC::E, Label{targets[i]}, context);
  }
  emit_jmp(Label{otherwise}, context);
}

void emit_pseudo_trap_if(const PseudoInst& inst, EmitContext& context) {
  // Not told to the buffer as a branch: the trap behind the code is no block to thread jumps
  // through.
  const Label trap = context.buffer.deferred_trap(ir::TrapCode{static_cast<u8>(inst.inst.imm)});
  emit_regs(Opcode::J, {}, context, static_cast<i32>(trap.index), inst.cc());
}

void emit_pseudo_read_pinned(const PseudoInst& inst, EmitContext& context) {
  emit_regs(Opcode::MovRM_64, {inst.reg(0), kR15}, context);
}
void emit_pseudo_write_pinned(const PseudoInst& inst, EmitContext& context) {
  emit_regs(Opcode::MovRM_64, {kR15, inst.reg(0)}, context);
}

void emit_pseudo_xmm_cmov(const PseudoInst& inst, EmitContext& context) {
  const Label skip = context.buffer.new_label();
  emit_regs(Opcode::J, {}, context, static_cast<i32>(skip.index), invert(inst.cc()));
  emit_regs(Opcode::MovapsRM, {inst.reg(0), inst.reg(2)}, context);
  context.buffer.bind(skip);
}

void emit_pseudo_ud2(const PseudoInst& inst, EmitContext& context) {
  context.buffer.add_trap(context.buffer.offset(), ir::TrapCode{static_cast<u8>(inst.inst.imm)});
  const u8 bytes[2] = {0x0f, 0x0b};
  context.buffer.put_bytes(bytes);
}

void emit_pseudo_load_ext_name_got(const PseudoInst& inst, EmitContext& context) {
  const ExternalRef& ref = context.symbols[static_cast<u32>(inst.inst.imm)];
  // The cell holds the address of the name itself; an offset is added behind. lea leaves flags
  // alone.
  const PReg d = inst.reg(0);
  GANTRY_CHECK(ref.addend == static_cast<i32>(ref.addend));
  u8* at = context.buffer.room(16);
  const u32 start = context.buffer.offset();
  at[0] = static_cast<u8>(0x48 | d.hw_enc() >> 3 << 2);
  at[1] = 0x8b;
  at[2] = static_cast<u8>((d.hw_enc() & 7) << 3 | 5);
  std::memset(at + 3, 0, 4);
  context.buffer.commit(at + 7);
  context.buffer.add_reloc(start + 3, target::RelocKind::X86GOTPCRel4, ref.name, -4);
  if (ref.addend != 0)
    emit_mem(Opcode::LeaRM_64, {d, d}, Mode::Base, static_cast<i32>(ref.addend), context);
}

void emit_pseudo_load_ext_name_near(const PseudoInst& inst, EmitContext& context) {
  emit_mem(Opcode::LeaRM_64, {inst.reg(0)}, Mode::Symbol, inst.inst.imm, context);
}

void emit_pseudo_load_ext_name_far(const PseudoInst& inst, EmitContext& context) {
  const ExternalRef& ref = context.symbols[static_cast<u32>(inst.inst.imm)];
  const u32 d = inst.reg(0).hw_enc();
  u8* at = context.buffer.room(10);
  const u32 start = context.buffer.offset();
  at[0] = static_cast<u8>(0x48 | d >> 3);
  at[1] = static_cast<u8>(0xb8 | (d & 7));
  std::memset(at + 2, 0, 8);
  context.buffer.commit(at + 10);
  context.buffer.add_reloc(start + 2, target::RelocKind::Abs8, ref.name, ref.addend);
}

// mov n, words; again: mov t, [from + 8*n - 8]; mov [to + 8*n - 8], t; sub n, 1; jne again.
void emit_pseudo_copy_words_seq(const PseudoInst& inst, EmitContext& context) {
  const PReg from = inst.reg(0), to = inst.reg(1), t = inst.reg(2), n = inst.reg(3);
  emit_regs(Opcode::MovImm32OI_32, {n}, context, inst.inst.imm);
  const Label again = context.buffer.new_label();
  context.buffer.bind(again);
  emit_mem(Opcode::MovRM_64, {t, from, n}, Mode::Index8, -8, context);
  emit_mem(Opcode::MovToMemMR_64, {t, to, n}, Mode::Index8, -8, context);
  emit_regs(Opcode::SubMI8_64, {n, n}, context, 1);
  emit_regs(Opcode::J, {}, context, static_cast<i32>(again.index), CC::NE);
}

namespace {

// The hardware's minimum returns its second operand when the operands are equal or one is NaN.
// Ordered and different: the hardware is right. Equal (perhaps zeros of both signs): or (and) of
// the bits. Unordered: the sum is a NaN.
void emit_min_or_max(const PseudoInst& inst, bool is_max, EmitContext& context) {
  const PReg d = inst.reg(0), a = inst.reg(1), b = inst.reg(2);
  const bool is_double = inst.inst.imm == 64;
  MachBuffer& buffer = context.buffer;
  const Label different = buffer.new_label(), unordered = buffer.new_label(),
              done = buffer.new_label();
  emit_regs(Opcode::MovapsRM, {d, a}, context);
  emit_regs(is_double ? Opcode::UcomisdRM : Opcode::UcomissRM, {d, b}, context);
  emit_regs(Opcode::J, {}, context, static_cast<i32>(different.index), CC::NE);
  emit_regs(Opcode::J, {}, context, static_cast<i32>(unordered.index), CC::P);
  emit_regs(is_max ? Opcode::AndpsRM : Opcode::OrpsRM, {d, d, b}, context);
  emit_regs(Opcode::Jmp, {}, context, static_cast<i32>(done.index));
  buffer.bind(unordered);
  emit_regs(is_double ? Opcode::AddsdRM : Opcode::AddssRM, {d, d, b}, context);
  emit_regs(Opcode::Jmp, {}, context, static_cast<i32>(done.index));
  buffer.bind(different);
  emit_regs(is_double ? (is_max ? Opcode::MaxsdRM : Opcode::MinsdRM)
                      : (is_max ? Opcode::MaxssRM : Opcode::MinssRM),
            {d, d, b}, context);
  buffer.bind(done);
}

}  // namespace

void emit_pseudo_xmm_min_seq(const PseudoInst& inst, EmitContext& context) {
  emit_min_or_max(inst, false, context);
}
void emit_pseudo_xmm_max_seq(const PseudoInst& inst, EmitContext& context) {
  emit_min_or_max(inst, true, context);
}

// mov rax, [m]; again: mov t, rax; op t, b; lock cmpxchg [m], t; jne again. With kAtomicSwapped t
// is swapped before and after the operation.
void emit_pseudo_atomic_rmw_seq(const PseudoInst& inst, EmitContext& context) {
  const MInst& row = inst.inst;
  const u32 width = width_log2_of(row.op);
  const PReg b = inst.reg(0), t = inst.reg(1);
  const u32 m_slot = op_info(row.op).m;
  const AtomicOp op = static_cast<AtomicOp>(row.imm & ~kAtomicSwapped);
  const bool swapped = (row.imm & kAtomicSwapped) != 0;
  MachBuffer& buffer = context.buffer;
  // An instruction on the memory operand, with register slots in front of its address.
  const auto on_memory = [&](Opcode opcode, std::initializer_list<PReg> regs) {
    Allocation places[machinst::kInlineOperands];
    u32 count = 0;
    for (const PReg reg : regs) places[count++] = Allocation::reg(reg);
    for (u32 i = m_slot; i < inst.allocs.size(); ++i) places[count++] = inst.allocs[i];
    emit_inst({static_cast<u16>(opcode), row.mode, row.aux, row.disp, 0}, {places, count}, context);
  };
  const auto at_width = [&](Opcode narrowest) {
    return static_cast<Opcode>(static_cast<u32>(narrowest) + width);
  };
  const auto on_t = [&](Opcode narrowest) { emit_regs(at_width(narrowest), {t, t, b}, context); };
  on_memory(at_width(Opcode::MovRM_8), {kRax});
  const Label again = buffer.new_label();
  buffer.bind(again);
  emit_regs(Opcode::MovRM_64, {t, kRax}, context);
  const auto swap_t = [&] {
    if (!swapped || width == 0) return;
    if (width == 1) emit_regs(Opcode::RolMI_16, {t, t}, context, 8);
    if (width == 2) emit_regs(Opcode::BswapO_32, {t, t}, context);
    if (width == 3) emit_regs(Opcode::BswapO_64, {t, t}, context);
  };
  swap_t();
  const auto keep_if = [&](CC cc) {
    emit_regs(at_width(Opcode::CmpRM_8), {t, b}, context);
    emit_regs(Opcode::CmovRM_64, {t, t, b}, context, 0, invert(cc));
  };
  switch (op) {
    case AtomicOp::Add:
      on_t(Opcode::AddRM_8);
      break;
    case AtomicOp::Sub:
      on_t(Opcode::SubRM_8);
      break;
    case AtomicOp::And:
      on_t(Opcode::AndRM_8);
      break;
    case AtomicOp::Or:
      on_t(Opcode::OrRM_8);
      break;
    case AtomicOp::Xor:
      on_t(Opcode::XorRM_8);
      break;
    case AtomicOp::Nand:
      on_t(Opcode::AndRM_8);
      emit_regs(Opcode::NotM_64, {t, t}, context);
      break;
    case AtomicOp::Xchg:
      emit_regs(Opcode::MovRM_64, {t, b}, context);
      break;
    case AtomicOp::UMin:
      keep_if(CC::BE);
      break;
    case AtomicOp::UMax:
      keep_if(CC::AE);
      break;
    case AtomicOp::SMin:
      keep_if(CC::LE);
      break;
    case AtomicOp::SMax:
      keep_if(CC::GE);
      break;
  }
  swap_t();
  on_memory(at_width(Opcode::LockCmpxchgMR_8), {t, kRax, kRax});
  emit_regs(Opcode::J, {}, context, static_cast<i32>(again.index), CC::NE);
}

}  // namespace gantry::isa::x64

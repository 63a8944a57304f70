// The encoder: one function interprets 16 bytes of table per opcode.
//
// An instruction is at most: two prefixes, REX (or VEX), three opcode bytes and ModRM: one 64-bit
// word, built by shifting and stored at once; then SIB and displacement: a second word; then the
// immediate, stored whatever its length and counted by its length. Stores overlap forward, so each
// writes where the last one's meaning ended.
//
// Choices: REX when one of its bits is needed or a byte register is spl, bpl, sil or dil; two-byte
// VEX when X, B and W are zero and the map is 0F; no displacement when it is zero unless the base
// is rbp or r13, one byte when it fits; SIB for bases rsp and r12.
#include "gantry/isa/x64/encode.h"

#include <algorithm>
#include <cstring>

#include "gantry/isa/x64/emit_pseudo.h"

namespace gantry::isa::x64 {
namespace {

// The longest instruction is 15 bytes; each store may reach 8 bytes beyond what it means.
constexpr u32 kRoom = 40;

// jmp rel32 and jcc rel32 to jmp rel8 and jcc rel8.
void write_short_branch(const u8* long_form, u32 length, u8* out) {
  *out = length == 5 ? 0xeb : static_cast<u8>(long_form[1] - 0x10);
}

inline u8* store8(u8* at, u64 word) {
  std::memcpy(at, &word, 8);
  return at;
}

// The 16 hardware registers of a place.
inline u32 hw(Allocation place) {
  GANTRY_DCHECK(place.is_reg());
  return place.bits() & 15;
}

// ModRM and the bits that REX or VEX add to it, in one word: ModRM in the low byte, where fields
// are combined by `or`, then B, X, R and W as REX has them, then REX's own bit: it must be there,
// with or without others.
constexpr u32 kRexBit = 0x4000;
inline u32 in_reg_field(u32 reg) { return (reg & 7) << 3 | (reg & 8) << 7; }
inline u32 in_rm_field(u32 reg) { return (reg & 7) | (reg & 8) << 5; }
inline u32 in_index_field(u32 reg) { return (reg & 8) << 6; }
inline u32 wide_bit(u32 flags) {
  static_assert(OpInfo::kRexW == 4);
  return (flags & OpInfo::kRexW) << 9;
}

// The M operand, resolved.
struct RmBits {
  u32 bits = 0;         // as above
  u32 tail_length = 0;  // in bytes
  u64 tail = 0;         // SIB and displacement
};

// 0: none; 1: a byte; 2: four.
inline u32 displacement_mode(u32 low, i32 disp) {
  return disp == 0 && low != 5 ? 0 : disp == static_cast<i8>(disp) ? 1 : 2;
}

inline RmBits memory(u32 base, i32 disp) {
  RmBits m;
  const u32 low = base & 7;
  const u32 mod = displacement_mode(low, disp);
  m.bits = in_rm_field(base) | mod << 6;
  m.tail = static_cast<u32>(disp);
  m.tail_length = mod * mod;
  if (low == 4) [[unlikely]] {
    m.tail = m.tail << 8 | 0x24;
    ++m.tail_length;
  }
  return m;
}

inline RmBits memory_indexed(u32 base, u32 index, u32 scale, i32 disp) {
  GANTRY_DCHECK(index != 4);  // rsp cannot be an index
  RmBits m;
  const u32 low = base & 7;
  const u32 mod = displacement_mode(low, disp);
  m.bits = in_rm_field(base & 8) | in_index_field(index) | 4 | mod << 6;
  m.tail = static_cast<u64>(static_cast<u32>(disp)) << 8 | scale << 6 | (index & 7) << 3 | low;
  m.tail_length = 1 + mod * mod;
  return m;
}

constexpr i32 add_wrapping(i32 a, i32 b) {
  return static_cast<i32>(static_cast<u32>(a) + static_cast<u32>(b));
}

// Memory modes without a plain base register: frame areas and what lies relative to rip.
[[gnu::noinline]] RmBits memory_elsewhere(const MInst& inst, Mode mode,
                                          const EmitContext& context) {
  switch (mode) {
    case Mode::Slot:
      return memory(4, add_wrapping(context.frame.slots, inst.disp));
    case Mode::InArg:
      return memory(context.frame.has_pointer ? 5 : 4,
                    add_wrapping(context.frame.incoming, inst.disp));
    case Mode::OutArg:
      return memory(4, add_wrapping(context.frame.outgoing, inst.disp));
    case Mode::FramePointer:
      return memory(5, inst.disp);
    case Mode::Constant:
    case Mode::Symbol:
    case Mode::GotSymbol:
    case Mode::Label:
      break;
    default:
      unreachable("addressing mode");
  }
  return {.bits = 5, .tail_length = 4, .tail = 0};
}

inline RmBits m_operand(const MInst& inst, const OpInfo& info, const Allocation* allocs,
                        const EmitContext& context) {
  const Mode mode = static_cast<Mode>(inst.mode & kModeMask);
  allocs += info.m;
  if (mode == Mode::Reg) {
    const Allocation place = *allocs;
    if (place.is_stack()) [[unlikely]]
      return memory(4, context.frame.spills + static_cast<i32>(place.index()) * 8);
    return {.bits = 0xc0 | in_rm_field(hw(place)), .tail_length = 0, .tail = 0};
  }
  if (mode == Mode::Base) return memory(hw(*allocs), inst.disp);
  if (mode == Mode::SlotIndex) {
    return memory_indexed(4, hw(*allocs), static_cast<u32>(inst.disp) & 3,
                          add_wrapping(context.frame.slots, inst.disp >> 2));
  }
  if (mode <= Mode::Index8) {
    return memory_indexed(hw(allocs[0]), hw(allocs[1]),
                          static_cast<u32>(mode) - static_cast<u32>(Mode::Index1), inst.disp);
  }
  return memory_elsewhere(inst, mode, context);
}

// spl, bpl, sil and dil are ah, ch, dh and bh without REX.
inline u32 forced_rex(const MInst& inst, const OpInfo& info, const Allocation* allocs) {
  u32 highest = 0;
  if ((info.flags & OpInfo::kByteReg) != 0 && info.r != kNoSlot) highest = hw(allocs[info.r]);
  if ((info.flags & OpInfo::kByteRm) != 0 && info.m != kNoSlot &&
      static_cast<Mode>(inst.mode & kModeMask) == Mode::Reg && !allocs[info.m].is_stack())
    highest = std::max(highest, hw(allocs[info.m]));
  return highest >= 4 ? kRexBit : 0;
}

// Records what the rip-relative field at `field` refers to; `after` bytes of immediate follow it.
[[gnu::noinline]] void refer(const MInst& inst, Mode mode, u32 field, u32 after,
                             EmitContext& context) {
  const u32 number = static_cast<u32>(inst.disp);
  const LabelUse use = after == 0   ? LabelUse::Rel32
                       : after == 1 ? LabelUse::Rel32Imm1
                       : after == 2 ? LabelUse::Rel32Imm2
                                    : LabelUse::Rel32Imm4;
  switch (mode) {
    case Mode::Constant:
      context.buffer.use_label(field, context.pool[number], static_cast<u8>(use));
      return;
    case Mode::Label:
      context.buffer.use_label(field, Label{number}, static_cast<u8>(use));
      return;
    case Mode::Symbol:
    case Mode::GotSymbol: {
      const ExternalRef& ref = context.symbols[number];
      context.buffer.add_reloc(
          field,
          mode == Mode::Symbol ? target::RelocKind::X86PCRel4 : target::RelocKind::X86GOTPCRel4,
          ref.name, ref.addend - 4 - static_cast<i64>(after));
      return;
    }
    default:
      return;
  }
}

constexpr bool is_rip_relative(Mode mode) { return mode >= Mode::Constant && mode <= Mode::Label; }

// `direct`: the opcode; `through`: ModRM of the form that reads the address from the table of
// addresses, which position-independent code uses for what may be anywhere.
void emit_call_or_jmp_name(u8 direct, u8 through, const ExternalRef& ref, target::RelocKind kind,
                           EmitContext& context) {
  MachBuffer& buffer = context.buffer;
  u8* at = buffer.room(6);
  if (kind == target::RelocKind::X86GOTPCRel4) {
    *at++ = 0xff;
    *at++ = through;
  } else {
    *at++ = direct;
  }
  std::memset(at, 0, 4);
  buffer.commit(at + 4);
  buffer.add_reloc(buffer.offset() - 4, kind, ref.name, ref.addend - 4);
}

}  // namespace

namespace {
constexpr machinst::LabelUseInfo relative(u8 size, i8 addend) {
  const i64 reach = size == 1 ? 0x7f : 0x7fffffff;
  return {.max_pos = reach - addend,
          .max_neg = reach + 1 + addend,
          .patch_size = size,
          .align = 1,
          .veneer_size = 0,
          .veneer_use = 0,
          .patch = nullptr,
          .make_veneer = nullptr,
          .addend = addend};
}
}  // namespace
const machinst::LabelUseInfo kX64LabelUses[5] = {relative(1, -1), relative(4, -4), relative(4, -5),
                                                 relative(4, -6), relative(4, -8)};
const machinst::ShortBranch kX64ShortBranch = {
    .size = 2, .field = 1, .kind = static_cast<u8>(LabelUse::Rel8), .write = write_short_branch};

namespace {
// VEX, registers and conditions in opcodes, what is relative to rip, jumps, large immediates.
[[gnu::noinline]] void emit_rare(const MInst& inst, const OpInfo& info, const Allocation* allocs,
                                 EmitContext& context) {
  MachBuffer& buffer = context.buffer;
  u8* const start = buffer.room(kRoom);
  const u32 start_offset = buffer.offset();
  if (inst.aux != 0) [[unlikely]]
    buffer.add_trap(start_offset, ir::TrapCode{inst.aux});

  const u32 r = info.r == kNoSlot ? 0 : hw(allocs[info.r]);
  RmBits m;
  if (info.m != kNoSlot) m = m_operand(inst, info, allocs, context);
  const u32 force_rex = forced_rex(inst, info, allocs);

  // Prefixes, REX or VEX, opcode, ModRM.
  u64 word;
  u32 length;  // in bytes
  u64 body = info.body;
  const u32 opcode_end = 8 * (info.body_length - 1u);  // in bits; its last byte, or ModRM
  const bool plus = (info.flags & OpInfo::kPlusRegister) != 0;
  // The register in an opcode extends by B, the one in ModRM by R.
  const u32 bits = m.bits | wide_bit(info.flags) | (plus ? in_rm_field(r) : in_reg_field(r));
  if ((info.flags & OpInfo::kVex) != 0) {
    const u32 v = info.v == kNoSlot ? 0 : hw(allocs[info.v]);
    const u32 low = (v ^ 15) << 3 | (info.vex & 7);  // vvvv, L, pp
    const u32 w = bits >> 11 & 1;
    const u32 not_rxb = ~(bits >> 8) & 7;
    if ((not_rxb & 3) == 3 && w == 0 && info.vex >> 3 == 1) {
      word = 0xc5 | (low | not_rxb >> 2 << 7) << 8;
      length = 2;
    } else {
      word = 0xc4 | (not_rxb << 5 | static_cast<u32>(info.vex >> 3)) << 8 | (low | w << 7) << 16;
      length = 3;
    }
  } else {
    word = static_cast<u64>(info.prefixes[0] | info.prefixes[1] << 8);
    length = info.num_prefixes;
    if (const u32 rex = (bits | force_rex) >> 8; rex != 0) {
      word |= static_cast<u64>(0x40 | rex) << (8 * length);
      ++length;
    }
    if (plus) body |= static_cast<u64>(r & 7) << opcode_end;
  }
  const bool has_mod_rm = (info.flags & OpInfo::kModRm) != 0;
  if (has_mod_rm) body |= static_cast<u64>(bits & 0xff) << opcode_end;
  if ((info.flags & OpInfo::kCond) != 0)
    body += static_cast<u64>(inst.mode >> 4) << (opcode_end - (has_mod_rm ? 8 : 0));
  word |= body << (8 * length);
  length += info.body_length;
  u8* at = store8(start, word) + length;
  store8(at, m.tail);
  at += m.tail_length;

  // Immediate.
  const i32 imm = inst.imm;
  const u32 imm_length = info.imm_length;
  if (imm_length <= 4) {
    std::memcpy(at, &imm, 4);
    buffer.commit(at + imm_length);
    const Mode mode = static_cast<Mode>(inst.mode & kModeMask);
    if (info.m != kNoSlot && is_rip_relative(mode)) [[unlikely]]
      refer(inst, mode, buffer.offset() - imm_length - 4, imm_length, context);
    return;
  }
  if (imm_length == 8) {
    store8(at, context.constants64[static_cast<u32>(imm)]);
    buffer.commit(at + 8);
    return;
  }
  const bool short_jump = imm_length == OpInfo::kRel8;
  const u32 field = start_offset + static_cast<u32>(at - start);
  const u32 field_length = short_jump ? 1 : 4;
  if (!has_mod_rm && !short_jump && info.body != 0xe8) {
    if (info.body == 0xe9) {  // jmp: goes away when its target is next
      buffer.add_uncond_branch(start_offset, field + 4, Label{static_cast<u32>(imm)});
    } else {
      buffer.add_branch(start_offset, field + 4);
    }
  }
  std::memset(at, 0, 4);
  buffer.commit(at + field_length);
  buffer.use_label(field, Label{static_cast<u32>(imm)},
                   static_cast<u8>(short_jump ? LabelUse::Rel8 : LabelUse::Rel32));
}

// REX where needed, opcode, ModRM with `bits` in it, SIB and displacement, immediate. There is
// room.
inline void put_common(const MInst& inst, const OpInfo& info, u32 bits, u64 tail, u32 tail_length,
                       MachBuffer& buffer) {
  u32 length = info.body_length;
  u64 word = info.body | static_cast<u64>(bits & 0xff) << (8 * (length - 1));
  const u32 imm_length = info.imm_length;
  if (const u32 rex = bits >> 8; rex != 0) {
    word = word << 8 | 0x40 | rex;
    ++length;
  }
  u8* at = store8(buffer.room(0), word) + length;
  if (tail_length != 0) {
    store8(at, tail);
    at += tail_length;
  }
  std::memcpy(at, &inst.imm, 4);
  buffer.commit(at + imm_length);
}

[[gnu::noinline]] void emit_with_address(const MInst& inst, const OpInfo& info,
                                         const Allocation* allocs, u32 bits, EmitContext& context) {
  const RmBits m = m_operand(inst, info, allocs, context);
  put_common(inst, info, bits | m.bits, m.tail, m.tail_length, context.buffer);
}

[[gnu::noinline]] void emit_pseudo_inst(const MInst& inst, std::span<const Allocation> allocs,
                                        EmitContext& context) {
  emit_pseudo({inst, allocs}, context);
}
}  // namespace

// What is common is encoded here without a call or another path, so that no register need be saved.
void emit_inst(const MInst& inst, std::span<const Allocation> allocs, EmitContext& context) {
  const OpInfo& info = op_info(inst.op);
  const u32 flags = info.flags;
  constexpr u32 kRare = OpInfo::kVex | OpInfo::kPlusRegister | OpInfo::kCond | OpInfo::kByteReg |
                        OpInfo::kByteRm | OpInfo::kPseudo | OpInfo::kModRm;
  const Mode mode = static_cast<Mode>(inst.mode & kModeMask);
  if ((flags & kRare) != OpInfo::kModRm || info.imm_length > 4 || is_rip_relative(mode) ||
      inst.aux != 0 || info.num_prefixes != 0 || !context.buffer.has_room(kRoom)) {
    if ((flags & OpInfo::kPseudo) != 0) return emit_pseudo_inst(inst, allocs, context);
    return emit_rare(inst, info, allocs.data(), context);
  }
  // ModRM holds /digit if there is no register r.
  u32 bits = wide_bit(flags);
  if (info.r != kNoSlot) bits |= in_reg_field(hw(allocs[info.r]));
  if (info.m != kNoSlot) {
    if (mode != Mode::Reg || allocs[info.m].is_stack())
      return emit_with_address(inst, info, allocs.data(), bits, context);
    bits |= 0xc0 | in_rm_field(hw(allocs[info.m]));
  }
  put_common(inst, info, bits, 0, 0, context.buffer);
}

void emit_regs(Opcode opcode, std::initializer_list<PReg> regs, EmitContext& context, i32 imm,
               CC cc) {
  Allocation places[machinst::kInlineOperands];
  GANTRY_DCHECK(regs.size() <= machinst::kInlineOperands);
  u32 count = 0;
  for (const PReg reg : regs) places[count++] = Allocation::reg(reg);
  emit_inst({static_cast<u16>(opcode), static_cast<u8>(static_cast<u32>(cc) << 4), 0, 0, imm},
            {places, count}, context);
}

void emit_mem(Opcode opcode, std::initializer_list<PReg> regs, Mode mode, i32 disp,
              EmitContext& context, i32 imm) {
  Allocation places[machinst::kInlineOperands];
  GANTRY_DCHECK(regs.size() <= machinst::kInlineOperands);
  u32 count = 0;
  for (const PReg reg : regs) places[count++] = Allocation::reg(reg);
  emit_inst({static_cast<u16>(opcode), static_cast<u8>(mode), 0, disp, imm}, {places, count},
            context);
}

void emit_move(Allocation from, Allocation to, RegClass reg_class, bool wide,
               EmitContext& context) {
  const bool is_int = reg_class == RegClass::Int;
  const auto pick = [&](Opcode legacy, Opcode vex) { return context.avx ? vex : legacy; };
  if (from.is_reg() && to.is_reg()) {
    const Opcode opcode = is_int ? Opcode::MovRM_64 : pick(Opcode::MovapsRM, Opcode::VmovapsRM);
    emit_regs(opcode, {to.as_reg(), from.as_reg()}, context);
    return;
  }
  GANTRY_CHECK(from.is_reg() != to.is_reg());
  const i32 slot = static_cast<i32>((from.is_stack() ? from : to).index()) * 8;
  GANTRY_CHECK(from.is_stack() || to.is_stack());
  const i32 disp = context.frame.spills + slot;
  if (from.is_stack()) {
    const Opcode opcode = is_int ? Opcode::MovRM_64
                          : wide ? pick(Opcode::MovupsRM, Opcode::VmovupsRM)
                                 : pick(Opcode::MovsdRM, Opcode::VmovsdRM);
    emit_mem(opcode, {to.as_reg(), kRsp}, Mode::Base, disp, context);
  } else {
    const Opcode opcode = is_int ? Opcode::MovToMemMR_64
                          : wide ? pick(Opcode::MovupsToMemMR, Opcode::VmovupsToMemMR)
                                 : pick(Opcode::MovsdToMemMR, Opcode::VmovsdToMemMR);
    emit_mem(opcode, {from.as_reg(), kRsp}, Mode::Base, disp, context);
  }
}

void emit_jmp(Label target, EmitContext& context) {
  MachBuffer& buffer = context.buffer;
  u8* at = buffer.room(8);
  const u32 start = buffer.offset();
  buffer.add_uncond_branch(start, start + 5, target);
  store8(at, 0xe9);
  buffer.commit(at + 5);
  buffer.use_label(start + 1, target, static_cast<u8>(LabelUse::Rel32));
}

void emit_jcc(CC cc, Label target, EmitContext& context) {
  MachBuffer& buffer = context.buffer;
  u8* at = buffer.room(8);
  const u32 start = buffer.offset();
  const u64 word = 0x800f + (static_cast<u64>(cc) << 8);
  u8 inverted[8];
  store8(inverted, word ^ 0x100);
  buffer.add_cond_branch(start, start + 6, target, {inverted, 6});
  store8(at, word);
  buffer.commit(at + 6);
  buffer.use_label(start + 2, target, static_cast<u8>(LabelUse::Rel32));
}

void emit_call_name(const ExternalRef& ref, target::RelocKind kind, EmitContext& context) {
  emit_call_or_jmp_name(0xe8, 0x15, ref, kind, context);
}
void emit_jmp_name(const ExternalRef& ref, target::RelocKind kind, EmitContext& context) {
  emit_call_or_jmp_name(0xe9, 0x25, ref, kind, context);
}

void emit_nops(u32 bytes, EmitContext& context) {
  // The forms recommended by the manuals, by length.
  static constexpr u8 kNops[9][9] = {
      {0x90},
      {0x66, 0x90},
      {0x0f, 0x1f, 0x00},
      {0x0f, 0x1f, 0x40, 0x00},
      {0x0f, 0x1f, 0x44, 0x00, 0x00},
      {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
      {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
      {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
      {0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
  };
  while (bytes > 0) {
    const u32 length = bytes < 9 ? bytes : 9;
    context.buffer.put_bytes({kNops[length - 1], length});
    bytes -= length;
  }
}

}  // namespace gantry::isa::x64

// The rows, checked and packed while this file compiles. The only file of the library that holds
// the table itself.
#include "gantry/isa/x64/table.h"

#include "gantry/isa/x64/meta/encodings.h"
#include "gantry/isa/x64/meta/slots.h"
#include "gantry/support/check.h"

namespace gantry::isa::x64 {
namespace {

using namespace meta;

consteval bool rows_are_sound() {
  for (const Row& row : kRows) {
    if (check_row(row) != nullptr) return false;
  }
  return true;
}
static_assert(rows_are_sound(), "a row is wrong; metagen_x64 names it");

constexpr OpInfo pack(const Row& row, u32 width_log2) {
  OpInfo info;
  const Encoding enc = parse_encoding(row.enc, row.ops.count);
  const Slots slots = slots_of(row);
  info.features = static_cast<u8>(row.needs);
  info.num_slots = slots.before_m;
  if (slots.m_op >= 0) {
    info.num_slots = static_cast<u8>(
        info.num_slots + (row.ops[static_cast<u32>(slots.m_op)].role == Role::Modify ? 2 : 1));
    info.m = slots.m;
  }
  if (enc.kind == EncKind::Pseudo) {
    info.flags = OpInfo::kPseudo;
    return info;
  }
  const bool sized = row.widths != 0;
  u32 flags = 0;
  u8 opcode[3] = {enc.opcode[0], enc.opcode[1], enc.opcode[2]};
  if (enc.kind == EncKind::Vex) {
    flags |= OpInfo::kVex;
    const bool w =
        enc.vex_w == Encoding::W::One || (enc.vex_w == Encoding::W::ByWidth && width_log2 == 3);
    if (w) flags |= OpInfo::kRexW;
    info.vex = static_cast<u8>(enc.vex_pp | enc.vex_l << 2 | enc.vex_map << 3);
  } else {
    // The operand-size prefix stands first: before a lock prefix as after it.
    if (sized && width_log2 == 1) info.prefixes[info.num_prefixes++] = 0x66;
    for (u32 i = 0; i < enc.num_prefixes; ++i) info.prefixes[info.num_prefixes++] = enc.prefixes[i];
    if (sized && width_log2 == 3 && !enc.default_64) flags |= OpInfo::kRexW;
    if (sized && width_log2 == 0 && row.widths != W8) opcode[enc.opcode_length - 1] &= 0xfe;
  }
  for (u32 i = 0; i < enc.opcode_length; ++i) info.body |= static_cast<u32>(opcode[i]) << (8 * i);
  info.body_length = enc.opcode_length;
  if (enc.has_modrm) {
    flags |= OpInfo::kModRm;
    if (enc.digit >= 0) info.body |= static_cast<u32>(enc.digit) << (8 * enc.opcode_length + 3);
    ++info.body_length;
  }
  if (enc.plus_register) flags |= OpInfo::kPlusRegister;
  for (u32 i = 0; i < row.ops.count; ++i) {
    const Op& op = row.ops[i];
    const bool byte = (op.kind == Kind::Gpr || op.kind == Kind::GprMem) &&
                      (op.bits == 8 || (op.bits == 0 && sized && width_log2 == 0));
    switch (enc.letters[i]) {
      case 'R':
      case 'O':
        info.r = slots.reg[i];
        if (byte) flags |= OpInfo::kByteReg;
        break;
      case 'M':
        info.m = slots.reg[i];
        if (byte) flags |= OpInfo::kByteRm;
        break;
      case 'B':
        info.r = info.m = slots.reg[i];
        if (enc.kind == EncKind::Vex) info.v = slots.reg[i];
        break;
      case 'V':
        info.v = slots.reg[i];
        break;
      case 'C':
        flags |= OpInfo::kCond;
        break;
      default:
        break;
    }
  }
  switch (enc.imm) {
    case ImmKind::None:
      break;
    case ImmKind::Ib:
    case ImmKind::Ibs:
      info.imm_length = 1;
      break;
    case ImmKind::Iw:
      info.imm_length = 2;
      break;
    case ImmKind::Id:
      info.imm_length = 4;
      break;
    case ImmKind::Iz:
      info.imm_length = width_log2 == 0 ? 1 : width_log2 == 1 ? 2 : 4;
      break;
    case ImmKind::Io:
      info.imm_length = 8;
      break;
    case ImmKind::Rel8:
      info.imm_length = OpInfo::kRel8;
      break;
    case ImmKind::Rel32:
      info.imm_length = OpInfo::kRel32;
      break;
  }
  info.flags = static_cast<u8>(flags);
  return info;
}

template <class Visit>
consteval u32 for_each_opcode(Visit visit) {
  u32 opcode = 1;
  for (u32 r = 0; r < kRows.size(); ++r) {
    for (u32 w = 0; w < 4; ++w) {
      if (kRows[r].widths == 0 ? w != 0 : (kRows[r].widths >> w & 1) == 0) continue;
      visit(opcode++, r, w);
    }
  }
  return opcode;
}
static_assert(for_each_opcode([](u32, u32, u32) {}) == kNumOpcodes, "opcodes.h is stale");

consteval OpTable make_op_table() {
  OpTable table{};
  for_each_opcode(
      [&](u32 opcode, u32 row, u32 width) { table.info[opcode] = pack(kRows[row], width); });
  return table;
}

constexpr u8 half_slot_of(const Row& row, u32 width_log2) {
  if (row.widths == 0 || width_log2 != 2 || row.enc.empty()) return kNoSlot;
  u8 slot = kNoSlot;
  const Slots slots = slots_of(row);
  for (u32 i = 0; i < row.ops.count; ++i) {
    const Op& op = row.ops[i];
    if (op.kind != Kind::Gpr && op.kind != Kind::GprMem) continue;
    if (op.bits > 32) return kNoSlot;
    if (op.role == Role::Modify && op.bits == 0) slot = slots.reg[i];
  }
  return slot;
}

constexpr OpFacts facts_of(const Row& row, u32 width_log2) {
  OpFacts facts;
  facts.flags_read = row.flags.reads;
  facts.flags_written = row.flags.writes;
  facts.flags_spoilt = row.flags.undefined;
  facts.ends_block = row.ends_block || row.shape == Shape::Branch || row.shape == Shape::Return ||
                     row.shape == Shape::Trap;
  facts.conditional_flags = row.meaning.find("flags_shift!") != std::string_view::npos ||
                            row.meaning.find("flags_rotate!") != std::string_view::npos ||
                            row.meaning.find("flags_double_shift!") != std::string_view::npos;
  u32 defs = 0, others = 0;
  for (const Op& op : row.ops) {
    if (op.role == Role::Def && (op.kind == Kind::Gpr || op.kind == Kind::Xmm))
      ++defs;
    else if (op.kind != Kind::Imm && op.kind != Kind::Addr)
      ++others;
  }
  facts.remat = defs == 1 && others == 0 && row.flags.clobbers() == 0;
  facts.half_slot = half_slot_of(row, width_log2);
  return facts;
}
consteval FactTable make_fact_table() {
  FactTable table{};
  for_each_opcode(
      [&](u32 opcode, u32 row, u32 width) { table.facts[opcode] = facts_of(kRows[row], width); });
  return table;
}

struct RowOf {
  u16 row;
  u8 width_log2;
};
struct RowTable {
  RowOf of[kNumOpcodes];
};
consteval RowTable make_row_table() {
  RowTable table{};
  for_each_opcode([&](u32 opcode, u32 row, u32 width) {
    table.of[opcode] = {static_cast<u16>(row), static_cast<u8>(width)};
  });
  return table;
}
constexpr RowTable kRowTable = make_row_table();

}  // namespace

constinit const OpTable kOpTable = make_op_table();
constinit const FactTable kFactTable = make_fact_table();

u8 flags_of(u32 condition) {
  static constexpr FlagSet kFlags[8] = {OF, CF, ZF, CF | ZF, SF, PF, SF | OF, ZF | SF | OF};
  return kFlags[condition >> 1];
}

const Row& row_of(u32 opcode) {
  GANTRY_DCHECK(opcode != 0 && opcode < kNumOpcodes);
  return kRows[kRowTable.of[opcode].row];
}
u32 width_log2_of(u32 opcode) { return kRowTable.of[opcode].width_log2; }
bool has_width(u32 opcode) { return row_of(opcode).widths != 0; }
std::string_view opcode_family(u32 opcode) { return row_of(opcode).name; }

}  // namespace gantry::isa::x64

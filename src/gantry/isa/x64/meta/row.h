#pragma once
// The row format of the x64 instruction table. One row is one *form* of an instruction over its
// operand widths; rows of one `name` are a *family*. Operand names carry meaning and agree in all
// forms of a family; operand kinds carry the form. Everything else (opcode enum, encoder, printer,
// ISLE terms, constructors, reference page) is derived.
//
// A worked row:
//
//   {.name = "add", .widths = kInt, .ops = {modify(gpr("a")), use(gpr_mem("b"))}, .enc = "RM: 03
//   /r",
//    .flags = kArithFlags, .commutes = true, .meaning = "(set a (bvadd a b)) (flags_add! a b 0)"}
//
//   name     family, ISLE term x64_add, printed mnemonic unless `print` says otherwise
//   widths   one opcode each; 8-bit clears the opcode's bit 0, 16-bit adds 66, 64-bit sets REX.W
//   ops      in the order of the assembler; implicit ones (in(Fix::Rax, …)) anywhere
//   enc      one letter an operand (R ModRM.reg, M r/m, V vvvv, I immediate, O opcode register, D
//   displacement,
//            C condition, Z nothing, B both R and M and, with VEX, V: idioms like xor d, d), then
//            the manual's notation: prefixes 66 F2 F3 F0, opcode bytes (+r: register in the
//            opcode), /r or /digit, ib ibs iw id iz io (8 bits, 8 sign-extended, 16, 32, by width,
//            64), rel8 rel32, o64 (64-bit without REX.W), or VEX.L.pp.map.W (Wn: by width) before
//            the opcode
//   flags    what is written to a value the meaning gives, read, or left undefined
//   meaning  S-expressions in the vocabulary of ISLE's specs; see meaning.h
#include <array>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::isa::x64::meta {

// ---- operands
// ------------------------------------------------------------------------------------
enum class Kind : u8 {
  None,
  Gpr,
  GprMem,
  Xmm,
  XmmMem,
  Mem,   // memory only, accessed
  Addr,  // an address, not accessed
  Imm,
  Cond,
  Label,  // a block; pseudo-instructions may have two
  Fixed,  // a particular general register
  Data,   // a number for the emitter only (pseudo-instructions): goes to the instruction's `disp`
  List,   // any number of fixed operands behind the others (calls, returns, entry)
};
enum class Role : u8 { Use, Def, Modify, Temp };
enum class Fix : u8 { Rax, Rcx, Rdx, Rbx, Rsp, Rbp, Rsi, Rdi, R8, R9, R10, R11, None = 0xff };

struct Op {
  std::string_view name;
  Kind kind = Kind::None;
  Role role = Role::Use;
  u16 bits = 0;  // width of this operand if it is not the row's
  Fix fix = Fix::None;
  bool shown = true;       // printed
  bool early = false;      // defs: written before all uses are read
  bool late = false;       // uses: read after defs are written
  bool aligned = false;    // memory must be aligned to its size
  bool predicate = false;  // an immediate that is part of the mnemonic: cmpltsd
  bool trap_code = false;  // an immediate that is a trap code
};

constexpr Op gpr(std::string_view name, u16 bits = 0) {
  return {.name = name, .kind = Kind::Gpr, .bits = bits};
}
constexpr Op gpr_mem(std::string_view name, u16 bits = 0) {
  return {.name = name, .kind = Kind::GprMem, .bits = bits};
}
constexpr Op xmm(std::string_view name) { return {.name = name, .kind = Kind::Xmm, .bits = 128}; }
constexpr Op xmm_mem(std::string_view name, u16 bits) {
  return {.name = name, .kind = Kind::XmmMem, .bits = bits};
}
// Legacy SSE instructions fault on 16-byte operands that are not aligned.
constexpr Op xmm_mem_aligned(std::string_view name) {
  return {.name = name, .kind = Kind::XmmMem, .bits = 128, .aligned = true};
}
constexpr Op mem(std::string_view name, u16 bits = 0) {
  return {.name = name, .kind = Kind::Mem, .bits = bits};
}
constexpr Op addr(std::string_view name) { return {.name = name, .kind = Kind::Addr}; }
constexpr Op imm(std::string_view name) { return {.name = name, .kind = Kind::Imm}; }
constexpr Op trap_code(std::string_view name) {
  return {.name = name, .kind = Kind::Imm, .trap_code = true};
}
constexpr Op predicate(std::string_view name) {
  return {.name = name, .kind = Kind::Imm, .predicate = true};
}
constexpr Op data(std::string_view name) { return {.name = name, .kind = Kind::Data}; }
constexpr Op cond(std::string_view name) { return {.name = name, .kind = Kind::Cond}; }
constexpr Op label(std::string_view name) { return {.name = name, .kind = Kind::Label}; }
constexpr Op list(std::string_view name) { return {.name = name, .kind = Kind::List}; }
// An implicit register, not printed.
constexpr Op in(Fix fix, std::string_view name, u16 bits = 0) {
  return {.name = name, .kind = Kind::Fixed, .bits = bits, .fix = fix, .shown = false};
}
constexpr Op shown(Op op) {
  op.shown = true;
  return op;
}
constexpr Op bits(u16 width, Op op) {
  op.bits = width;
  return op;
}
constexpr Op use(Op op) {
  op.role = Role::Use;
  return op;
}
constexpr Op def(Op op) {
  op.role = Role::Def;
  return op;
}
constexpr Op modify(Op op) {
  op.role = Role::Modify;
  return op;
}
// A register the expansion of a pseudo-instruction may spoil from its first instruction on.
constexpr Op temp(Op op) {
  op.role = Role::Temp;
  op.early = true;
  op.shown = false;
  return op;
}
constexpr Op early(Op op) {
  op.early = true;
  return op;
}
constexpr Op late(Op op) {
  op.late = true;
  return op;
}

inline constexpr u32 kMaxOps = 7;
struct OpList {
  Op items[kMaxOps] = {};
  u32 count = 0;
  template <class... Ops>
  constexpr OpList(const Ops&... ops) : items{ops...}, count(sizeof...(ops)) {}
  constexpr const Op* begin() const { return items; }
  constexpr const Op* end() const { return items + count; }
  constexpr const Op& operator[](u32 i) const { return items[i]; }
};

// ---- widths, flags, features
// -----------------------------------------------------------------------
using WidthSet = u8;  // bit i: 8 << i bits; 0: the row has no operand width, one opcode
inline constexpr WidthSet W8 = 1, W16 = 2, W32 = 4, W64 = 8;
inline constexpr WidthSet kInt = 15, kInt16 = 14, kInt32 = 12;

using FlagSet = u8;
inline constexpr FlagSet CF = 1, PF = 2, AF = 4, ZF = 8, SF = 16, OF = 32;
inline constexpr FlagSet kArith = 63;
struct Flags {
  FlagSet writes = 0;  // to values the meaning gives
  FlagSet reads = 0;
  FlagSet undefined = 0;  // written, with nothing promised
  constexpr FlagSet clobbers() const { return writes | undefined; }
};
inline constexpr Flags kArithFlags = {.writes = kArith};
inline constexpr Flags kLogicFlags = {.writes = CF | PF | ZF | SF | OF, .undefined = AF};

enum class Feature : u8 {
  None,
  Sse3,
  Ssse3,
  Sse41,
  Sse42,
  Popcnt,
  Lzcnt,
  Bmi1,
  Bmi2,
  Avx,
  Avx2,
  Fma,
  Cmpxchg16b,
  Count
};

enum class Shape : u8 {
  Normal,
  Branch,  // ends a block, all targets are labels or the function is left
  Call,    // list operands
  Return,  // ends a block, has no successor
  Trap,    // ends a block without a successor
  Pseudo,  // expanded by a function of emit_pseudo_x64.cpp; may also end a block (`ends_block`)
};
enum class Trap : u8 { ByOperands, Divide, Always };  // ByOperands: memory operands may fault

// Must all 16 bytes of an xmm result survive a spill? Inherit: if the first source's must.
enum class Wide : u8 { No, Inherit, Yes };

struct Row {
  std::string_view name;
  WidthSet widths = 0;
  OpList ops = {};
  std::string_view enc = {};
  Flags flags = {};
  Feature needs = Feature::None;
  std::string_view vex_twin = {};
  std::string_view print = {};
  Shape shape = Shape::Normal;
  Trap trap = Trap::ByOperands;
  bool commutes = false;    // the first two uses may be exchanged
  Wide wide = Wide::No;     // of xmm results
  bool ends_block = false;  // pseudos only; the other shapes say it
  bool internal = false;  // no ISLE term: emitter, frame code and hand-written constructors use it
  u8 max_bytes = 15;  // pseudos: bound of the expansion (0: said by the emitter, lists and tables)
  std::string_view meaning = {};
};

template <class T, usize N, usize M>
constexpr std::array<T, N + M> operator+(const std::array<T, N>& a, const std::array<T, M>& b) {
  std::array<T, N + M> sum{};
  for (usize i = 0; i < N; ++i) sum[i] = a[i];
  for (usize i = 0; i < M; ++i) sum[N + i] = b[i];
  return sum;
}

// ---- the encoding text, parsed
// ---------------------------------------------------------------------
enum class EncKind : u8 { Legacy, Vex, Pseudo };
enum class ImmKind : u8 { None, Ib, Ibs, Iw, Id, Iz, Io, Rel8, Rel32 };

struct Encoding {
  const char* error = nullptr;
  EncKind kind = EncKind::Legacy;
  char letters[kMaxOps] = {};
  u32 num_letters = 0;
  u8 prefixes[2] = {};  // mandatory or lock, in order
  u8 num_prefixes = 0;
  u8 opcode[3] = {};  // with escape bytes; VEX: one byte
  u8 opcode_length = 0;
  bool plus_register = false;
  bool has_modrm = false;
  i8 digit = -1;  // /digit; -1: ModRM.reg is an operand
  ImmKind imm = ImmKind::None;
  bool default_64 = false;  // 64-bit without REX.W
  u8 vex_l = 0, vex_pp = 0, vex_map = 0;
  enum class W : u8 { Zero, One, ByWidth } vex_w = W::Zero;
};

constexpr i32 hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr Encoding parse_encoding(std::string_view text, u32 num_ops) {
  Encoding enc;
  const auto fail = [&](const char* why) {
    enc.error = why;
    return enc;
  };
  if (text.empty()) {
    enc.kind = EncKind::Pseudo;
    return enc;
  }
  usize at = 0;
  while (at < text.size() && text[at] != ':') {
    if (std::string_view("RMVIODCZB").find(text[at]) == std::string_view::npos)
      return fail("unknown operand letter");
    if (enc.num_letters == kMaxOps) return fail("too many operand letters");
    enc.letters[enc.num_letters++] = text[at++];
  }
  if (at == text.size()) return fail("no ':' after the operand letters");
  if (enc.num_letters != num_ops) return fail("one letter an operand is needed");
  ++at;
  bool opcode_ended = false;
  while (at < text.size()) {
    if (text[at] == ' ') {
      ++at;
      continue;
    }
    usize end = at;
    while (end < text.size() && text[end] != ' ') ++end;
    const std::string_view token = text.substr(at, end - at);
    at = end;
    if (token == "/r") {
      enc.has_modrm = true;
      opcode_ended = true;
    } else if (token.size() == 2 && token[0] == '/' && token[1] >= '0' && token[1] <= '7') {
      enc.has_modrm = true;
      enc.digit = static_cast<i8>(token[1] - '0');
      opcode_ended = true;
    } else if (token == "ib") {
      enc.imm = ImmKind::Ib;
    } else if (token == "ibs") {
      enc.imm = ImmKind::Ibs;
    } else if (token == "iw") {
      enc.imm = ImmKind::Iw;
    } else if (token == "id") {
      enc.imm = ImmKind::Id;
    } else if (token == "iz") {
      enc.imm = ImmKind::Iz;
    } else if (token == "io") {
      enc.imm = ImmKind::Io;
    } else if (token == "rel8") {
      enc.imm = ImmKind::Rel8;
    } else if (token == "rel32") {
      enc.imm = ImmKind::Rel32;
    } else if (token == "o64") {
      enc.default_64 = true;
    } else if (token.substr(0, 4) == "VEX.") {
      enc.kind = EncKind::Vex;
      usize part = 4;
      bool has_map = false;
      while (part < token.size()) {
        usize part_end = part;
        while (part_end < token.size() && token[part_end] != '.') ++part_end;
        const std::string_view field = token.substr(part, part_end - part);
        part = part_end + 1;
        if (field == "LIG" || field == "LZ" || field == "128")
          enc.vex_l = 0;
        else if (field == "256")
          enc.vex_l = 1;
        else if (field == "NP")
          enc.vex_pp = 0;
        else if (field == "66")
          enc.vex_pp = 1;
        else if (field == "F3")
          enc.vex_pp = 2;
        else if (field == "F2")
          enc.vex_pp = 3;
        else if (field == "0F")
          enc.vex_map = 1, has_map = true;
        else if (field == "0F38")
          enc.vex_map = 2, has_map = true;
        else if (field == "0F3A")
          enc.vex_map = 3, has_map = true;
        else if (field == "W0" || field == "WIG")
          enc.vex_w = Encoding::W::Zero;
        else if (field == "W1")
          enc.vex_w = Encoding::W::One;
        else if (field == "Wn")
          enc.vex_w = Encoding::W::ByWidth;
        else
          return fail("unknown field of VEX");
      }
      if (!has_map) return fail("VEX without opcode map");
    } else {
      const bool plus = token.size() == 4 && token.substr(2) == "+r";
      if (token.size() != 2 && !plus) return fail("unknown word in the encoding");
      const i32 high = hex_digit(token[0]), low = hex_digit(token[1]);
      if (high < 0 || low < 0) return fail("unknown word in the encoding");
      if (opcode_ended) return fail("opcode byte after ModRM");
      const u8 byte = static_cast<u8>(high * 16 + low);
      const bool prefix = byte == 0x66 || byte == 0xf2 || byte == 0xf3 || byte == 0xf0;
      if (prefix && enc.opcode_length == 0 && enc.kind == EncKind::Legacy) {
        if (enc.num_prefixes == 2) return fail("too many prefixes");
        enc.prefixes[enc.num_prefixes++] = byte;
        continue;
      }
      if (enc.opcode_length == 3) return fail("opcode too long");
      enc.opcode[enc.opcode_length++] = byte;
      enc.plus_register = plus;
    }
  }
  if (enc.opcode_length == 0) return fail("no opcode byte");
  if (enc.kind == EncKind::Vex && enc.opcode_length != 1) return fail("VEX takes one opcode byte");
  return enc;
}

// What is wrong with a row, or null. Runs at compile time over the table, and in the generator,
// which names the row.
constexpr const char* check_row(const Row& row) {
  if (row.name.empty()) return "a row needs a name";
  const Encoding enc = parse_encoding(row.enc, row.ops.count);
  if (enc.error != nullptr) return enc.error;
  if ((enc.kind == EncKind::Pseudo) != (row.shape == Shape::Pseudo))
    return "pseudo rows, and only they, have no enc";
  if (row.meaning.empty()) return "no meaning; write (opaque!) if it is not modelled";
  u32 memory_operands = 0, immediates = 0, conditions = 0;
  for (u32 i = 0; i < row.ops.count; ++i) {
    const Op& op = row.ops[i];
    if (op.name.empty()) return "an operand needs a name";
    for (u32 j = 0; j < i; ++j) {
      if (row.ops[j].name == op.name) return "two operands of one name";
    }
    if (op.kind == Kind::List && i + 1 != row.ops.count) return "a list must be last";
    const bool memory = op.kind == Kind::GprMem || op.kind == Kind::XmmMem ||
                        op.kind == Kind::Mem || op.kind == Kind::Addr;
    memory_operands += memory;
    immediates += op.kind == Kind::Imm;
    conditions += op.kind == Kind::Cond;
    if ((op.kind == Kind::Fixed) != (op.fix != Fix::None))
      return "fixed operands, and only they, name a register";
    if ((op.kind == Kind::Imm || op.kind == Kind::Cond || op.kind == Kind::Label ||
         op.kind == Kind::Addr) &&
        op.role != Role::Use) {
      return "this kind of operand can only be used";
    }
    if (enc.kind == EncKind::Pseudo) continue;
    const char letter = enc.letters[i];
    bool fits = false;
    switch (op.kind) {
      case Kind::Gpr:
        fits = letter == 'R' || letter == 'V' || letter == 'O' || letter == 'M' || letter == 'B';
        break;
      case Kind::Xmm:
        fits = letter == 'R' || letter == 'V' || letter == 'M' || letter == 'B';
        break;
      case Kind::GprMem:
      case Kind::XmmMem:
      case Kind::Mem:
      case Kind::Addr:
        fits = letter == 'M';
        break;
      case Kind::Imm:
        fits = letter == 'I';
        break;
      case Kind::Cond:
        fits = letter == 'C';
        break;
      case Kind::Label:
        fits = letter == 'D';
        break;
      case Kind::Fixed:
      case Kind::List:
        fits = letter == 'Z';
        break;
      default:
        break;
    }
    if (!fits) return "operand kind and letter disagree";
    for (u32 j = 0; j < i; ++j) {
      if (letter != 'Z' && enc.letters[j] == letter)
        return "two operands in one place of the encoding";
    }
    if (letter == 'I' && (enc.imm == ImmKind::None || enc.imm >= ImmKind::Rel8))
      return "immediate without ib … io";
    if (letter == 'D' && enc.imm < ImmKind::Rel8) return "label without rel8 or rel32";
    if ((letter == 'R' || letter == 'M' || letter == 'B') && !enc.has_modrm)
      return "R or M without /r or /digit";
    if (letter == 'R' && enc.digit >= 0) return "R beside /digit";
    if ((letter == 'O') != enc.plus_register && letter == 'O') return "O without +r";
    if (letter == 'V' && enc.kind != EncKind::Vex) return "V outside VEX";
  }
  if (memory_operands > 1) return "at most one operand may be in memory";
  if (immediates > 1) return "at most one immediate";
  if (conditions > 1 && row.shape != Shape::Pseudo) return "at most one condition";
  if (row.commutes) {
    u32 uses = 0;
    for (const Op& op : row.ops) uses += op.role == Role::Use || op.role == Role::Modify;
    if (uses < 2) return "commutes needs two uses";
  }
  if (row.trap == Trap::Divide && memory_operands > 0) {
    for (const Op& op : row.ops) {
      if (op.kind != Kind::Gpr && op.kind != Kind::Fixed)
        return "a trapping divide must not fold a load: one trap code";
    }
  }
  return nullptr;
}

}  // namespace gantry::isa::x64::meta

#pragma once
// How the enumerators of opcodes are called: the family in UpperCamel, the operand letters that
// vary, `8` for a sign-extended byte, and the width: AddRM_32, AddMI8_64, Cqo_64, AddsdRM.
#include <string>

#include "gantry/isa/x64/meta/row.h"

namespace gantry::isa::x64::meta {

inline std::string opcode_name(const Row& row, u32 width_number) {
  std::string name;
  bool start = true;
  for (const char c : row.name) {
    if (c == '_') {
      start = true;
      continue;
    }
    name += start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    start = false;
  }
  const Encoding enc = parse_encoding(row.enc, row.ops.count);
  for (u32 i = 0; i < enc.num_letters; ++i) {
    const char letter = enc.letters[i];
    if (letter == 'Z' && row.ops[i].shown && row.ops[i].kind == Kind::Fixed) name += "Cl";
    if (letter == 'R' || letter == 'M' || letter == 'V' || letter == 'I' || letter == 'O' ||
        letter == 'B')
      name += letter;
    if (letter == 'I' && enc.imm == ImmKind::Ibs) name += '8';
  }
  if (row.widths != 0) {
    u32 bit = 0;
    for (u32 seen = 0;; ++bit) {
      if ((row.widths >> bit & 1) == 0) continue;
      if (seen++ == width_number) break;
    }
    name += '_' + std::to_string(8u << bit);
  }
  return name;
}

}  // namespace gantry::isa::x64::meta

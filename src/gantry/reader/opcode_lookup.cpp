// Opcodes by name. The table is made at compile time; it is sparse, so that nearly every look-up is
// one probe.
#include <algorithm>
#include <string>

#include "gantry/meta/instructions.h"
#include "gantry/reader/function_parser.h"

namespace gantry::reader {
namespace {

constexpr u32 kTableSize = 1024;

constexpr u32 slot_of(const char* name, usize size) {
  const u32 middle = static_cast<u8>(name[size / 2]), first = static_cast<u8>(name[0]);
  const u32 second = static_cast<u8>(name[size > 1 ? 1 : 0]),
            last = static_cast<u8>(name[size - 1]);
  const u32 third = static_cast<u8>(name[size - 1 - size / 4]);
  return ((first * 131 + second * 31 + middle * 577 + last * 1093 + third * 269 +
           static_cast<u32>(size) * 37) ^
          (last << 3)) %
         kTableSize;
}

// Opcode number + 1, or 0 for none; linear probing.
constexpr auto kTable = [] {
  std::array<u8, kTableSize> table{};
  for (u32 i = 0; i < meta::kNumOpcodes; ++i) {
    u32 slot = slot_of(meta::kInstructions[i].name.data(), meta::kInstructions[i].name.size());
    while (table[slot] != 0) slot = (slot + 1) % kTableSize;
    table[slot] = static_cast<u8>(i + 1);
  }
  return table;
}();

// Steps to turn one word into the other by inserting, deleting, changing a letter.
u32 distance(std::string_view a, std::string_view b) {
  std::array<u32, 48> row{};
  for (u32 j = 0; j <= b.size(); ++j) row[j] = j;
  for (u32 i = 0; i < a.size(); ++i) {
    u32 diagonal = row[0];
    row[0] = i + 1;
    for (u32 j = 0; j < b.size(); ++j) {
      const u32 change = diagonal + (a[i] != b[j] ? 1 : 0);
      diagonal = row[j + 1];
      row[j + 1] = std::min({change, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<ir::Opcode> find_opcode(std::string_view name) {
  if (name.empty()) return std::nullopt;
  for (u32 slot = slot_of(name.data(), name.size()); kTable[slot] != 0;
       slot = (slot + 1) % kTableSize) {
    if (meta::kInstructions[kTable[slot] - 1].name == name)
      return static_cast<ir::Opcode>(kTable[slot] - 1);
  }
  return std::nullopt;
}

std::string_view nearest_opcode(std::string_view name) {
  if (name.size() > 40) return {};
  std::string_view best;
  u32 best_distance = static_cast<u32>(std::max<usize>(1, name.size() / 3)) + 1;
  for (const meta::InstDef& def : meta::kInstructions) {
    const u32 steps = distance(name, def.name);
    if (steps >= best_distance) continue;
    best_distance = steps;
    best = def.name;
  }
  return best;
}

}  // namespace gantry::reader

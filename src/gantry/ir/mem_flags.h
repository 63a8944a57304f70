#pragma once
// What a memory access promises and how it traps. Sets are interned per function: an instruction
// keeps a 16-bit number.
#include "gantry/ir/entities.h"
#include "gantry/ir/trap_code.h"

namespace gantry::ir {

enum class ByteOrder : u8 { Target = 0, Little = 1, Big = 2 };

struct MemFlags {
  bool aligned = false;
  bool readonly = false;
  bool can_move = false;
  ByteOrder byte_order = ByteOrder::Target;
  TrapCode trap = kTrapHeapOutOfBounds;  // code 0: notrap
  PackedOption<AliasRegion> region;

  constexpr bool notrap() const { return trap.code == 0; }
  // All of it in one word, for interning.
  constexpr u64 packed() const {
    const u32 region_bits = region.has_value() ? (*region).index() + 1 : 0;
    return static_cast<u64>(aligned) | static_cast<u64>(readonly) << 1 |
           static_cast<u64>(can_move) << 2 | static_cast<u64>(byte_order) << 3 |
           static_cast<u64>(trap.code) << 8 | static_cast<u64>(region_bits) << 32;
  }
  friend constexpr bool operator==(const MemFlags&, const MemFlags&) = default;
};

// Number of an interned set within its function; 0 is the set of all defaults.
struct MemFlagsId {
  u16 index = 0;
  friend constexpr bool operator==(MemFlagsId, MemFlagsId) = default;
};

}  // namespace gantry::ir

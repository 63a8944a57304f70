#pragma once
// What the library keeps of the rows: 16 bytes an opcode for the encoder, and the row for everybody
// who is not in a hurry (printer, judges, tests).
#include <string_view>

#include "gantry/gen/isa/x64/opcodes.h"
#include "gantry/support/int_types.h"

namespace gantry::isa::x64 {

namespace meta {
struct Row;
}

inline constexpr u8 kNoSlot = 0xff;

// One opcode, ready for the encoder.
struct OpInfo {
  enum Flag : u8 {
    kVex = 1,
    kPseudo = 2,
    kRexW = 4,
    kByteReg =
        8,  // ModRM.reg, or the register in the opcode, is a byte register: spl … dil need REX
    kByteRm = 16,        // the same for the r/m register
    kCond = 32,          // the condition is added to the last opcode byte
    kPlusRegister = 64,  // the register of slot `r` is in the opcode's low bits
    kModRm = 128,
  };
  u32 body = 0;        // opcode bytes, then ModRM with /digit; first byte lowest
  u8 body_length = 0;  // bytes of `body`
  u8 flags = 0;
  u8 prefixes[2] = {};
  u8 num_prefixes = 0;
  u8 r = kNoSlot;  // operand slots of ModRM.reg, VEX.vvvv, and the M operand
  u8 v = kNoSlot;
  u8 m = kNoSlot;
  u8 imm_length = 0;  // 0, 1, 2, 4; 8: an index of the 64-bit constants; see also kRel8 and kRel32
  u8 vex = 0;         // pp | L << 2 | map << 3; W is kRexW
  u8 num_slots = 0;   // of register form, without a list
  u8 features = 0;    // meta::Feature

  static constexpr u8 kRel8 = 0x11, kRel32 = 0x14;
};
static_assert(sizeof(OpInfo) == 16);

struct OpTable {
  OpInfo info[kNumOpcodes];
};
extern const OpTable kOpTable;
inline const OpInfo& op_info(u32 opcode) { return kOpTable.info[opcode]; }

// What judges and drivers ask about an opcode. Flags are meta::FlagSet.
struct OpFacts {
  u8 flags_read = 0;     // by a condition: those of any condition; see flags_of()
  u8 flags_written = 0;  // to values the meaning gives
  u8 flags_spoilt = 0;   // left undefined
  bool ends_block = false;
  // One register result made of numbers alone, without effects: may be made again instead of kept,
  // if its addressing mode takes no register.
  bool remat = false;
  bool conditional_flags = false;  // writes flags only sometimes (shifts by zero)
  // The slot of a register it overwrites, of which it reads the lower 32 bits at most and clears
  // the upper ones; kNoSlot: there is none.
  u8 half_slot = kNoSlot;
};
struct FactTable {
  OpFacts facts[kNumOpcodes];
};
extern const FactTable kFactTable;
inline const OpFacts& op_facts(u32 opcode) { return kFactTable.facts[opcode]; }

// The flags a condition code reads.
u8 flags_of(u32 condition);

// The row of an opcode, and which of its widths (log2 of bytes; 0 for rows without widths).
const meta::Row& row_of(u32 opcode);
u32 width_log2_of(u32 opcode);
// Does the row have operand widths?
bool has_width(u32 opcode);
std::string_view opcode_family(u32 opcode);

}  // namespace gantry::isa::x64

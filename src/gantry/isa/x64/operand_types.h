#pragma once
// What ISLE rules pass to the instructions of x64. All types are small values, compared bit by bit.
//
// A rule names an instruction family and gives operands; the form (register, memory, immediate; 8
// or 32 bits of immediate; SSE or AVX) is chosen by the constructor from what it is given:
//
//   (rule (lower (iadd (int_up_to_64 ty) x y))  (x64_add ty x y))          ; Gpr, GprMemImm by
//   converters (rule (lower (fadd $F64 x y))               (x64_addsd x y))           ; vaddsd when
//   AVX is there
//
// Flags never cross a gap: a family that writes them has a `_flags` constructor, one that reads
// them a `_using` constructor; both only *describe* their instruction. with_flags emits the two
// back to back, so nothing comes between, whatever their arguments emitted before:
//
//   (with_flags (x64_cmp_flags ty a b) (x64_cmov_using ty cc no yes))             ; Gpr: the
//   consumer's result (with_flags_both (x64_add_flags $I64 al bl) (x64_adc_using $I64 ah bh)) ;
//   GprPair: (lo, hi) (with_flags_2 p c1 c2)                                                      ;
//   GprPair: both consumers' results (with_flags_all p c1 c2) ; GprTriple: producer, both consumers
//   (with_flags_result (x64_add_flags ty a b) (x64_trap_if_using cc code))      ; Gpr: the
//   producer's result (with_flags_effect (x64_cmp_flags ty a b) (x64_trap_if_using cc code))      ;
//   SideEffect (with_flags_effect (x64_cmp_flags ty a b) (x64_jcc_both_using cc then otherwise))
//
// In with_flags_2 and with_flags_all the first consumer may write flags itself (adc, sbb): the
// second then reads those.
#include "gantry/machinst/vcode.h"

namespace gantry::isa::x64 {

using machinst::MInst;
using regalloc::Operand;
using regalloc::VReg;

// Condition codes, numbered as in the opcodes; `cc ^ 1` is the opposite.
enum class CC : u8 { O, NO, B, AE, E, NE, BE, A, S, NS, P, NP, L, GE, LE, G };
constexpr CC invert(CC cc) { return static_cast<CC>(static_cast<u8>(cc) ^ 1); }

struct Gpr {
  VReg reg;
  friend constexpr bool operator==(Gpr, Gpr) = default;
};
struct Xmm {
  VReg reg;
  friend constexpr bool operator==(Xmm, Xmm) = default;
};
struct GprPair {
  Gpr first, second;
  friend constexpr bool operator==(GprPair, GprPair) = default;
};
struct GprTriple {
  Gpr first, second, third;
  friend constexpr bool operator==(GprTriple, GprTriple) = default;
};
struct SideEffect {
  friend constexpr bool operator==(SideEffect, SideEffect) = default;
};

// How an instruction spells its memory-or-register operand: the low half of MInst::mode (the high
// half is a CC).
enum class Mode : u8 {
  Reg,     // a register, or the spill slot the allocator gave it
  Base,    // [base + disp]
  Index1,  // [base + index·s + disp]
  Index2,
  Index4,
  Index8,
  Slot,          // the function's stack slots: disp is the offset in their area
  InArg,         // incoming arguments: disp from the first
  OutArg,        // outgoing arguments: disp from sp
  FramePointer,  // disp from rbp
  Constant,      // rip-relative; disp: number of the constant
  Symbol,        // rip-relative; disp: number of the external reference
  GotSymbol,     // the address cell of a symbol, rip-relative
  Label,         // rip-relative; disp: label of the code
  SlotIndex,     // [stack slots + base·s + offset]; disp: offset · 4 + log2 s
  Count,
  Imm,  // not in instructions: a GprMemImm that is a number
};
inline constexpr u32 kModeMask = 15;

// Registers that a mode takes.
constexpr u32 mode_registers(Mode mode) {
  return mode <= Mode::Base || mode == Mode::SlotIndex ? 1 : mode <= Mode::Index8 ? 2 : 0;
}

// An addressing mode while it is being matched; it dies in the constructor of its instruction. The
// operand types below are views of it: register, memory or number in one word each.
struct AMode {
  Mode mode = Mode::Base;
  u8 trap = 0;  // code of the trap if the access faults; 0: it cannot
  u16 unused = 0;
  i32 disp = 0;  // or the number
  VReg base = {};
  VReg index = {};
  friend constexpr bool operator==(const AMode&, const AMode&) = default;

  static constexpr AMode at(VReg base, i32 disp, u8 trap = 0) {
    return {Mode::Base, trap, 0, disp, base, {}};
  }
  // `offset` must fit 30 bits.
  static constexpr AMode in_slot(VReg index, u32 scale_log2, i32 offset, u8 trap = 0) {
    return {Mode::SlotIndex, trap, 0, static_cast<i32>(offset * 4 + static_cast<i32>(scale_log2)),
            index,           {}};
  }
  static constexpr AMode indexed(VReg base, VReg index, u32 scale_log2, i32 disp, u8 trap = 0) {
    return {
        static_cast<Mode>(static_cast<u32>(Mode::Index1) + scale_log2), trap, 0, disp, base, index};
  }
  // Slot, InArg, OutArg, Constant, Symbol, GotSymbol, Label.
  static constexpr AMode other(Mode mode, i32 disp, u8 trap = 0) {
    return {mode, trap, 0, disp, {}, {}};
  }
  static constexpr AMode reg(VReg reg) { return {Mode::Reg, 0, 0, 0, reg, {}}; }
  static constexpr AMode imm(i32 number) { return {Mode::Imm, 0, 0, number, {}, {}}; }
};
static_assert(sizeof(AMode) == 16);

// Distinct types for ISLE over the same word.
struct GprMem {
  AMode m;
  friend constexpr bool operator==(const GprMem&, const GprMem&) = default;
};
struct GprImm {
  AMode m;
  friend constexpr bool operator==(const GprImm&, const GprImm&) = default;
};
struct GprMemImm {
  AMode m;
  friend constexpr bool operator==(const GprMemImm&, const GprMemImm&) = default;
};
struct XmmMem {
  AMode m;
  friend constexpr bool operator==(const XmmMem&, const XmmMem&) = default;
};
// Memory must be aligned to 16 bytes (constants are; loads of the program are not known to be).
struct XmmMemAligned {
  AMode m;
  friend constexpr bool operator==(const XmmMemAligned&, const XmmMemAligned&) = default;
};

// cmpxchg16b: two results, four fixed sources, base and index.
inline constexpr u32 kMaxDraftOperands = 8;

// An instruction described but not yet emitted. What its constructor does not write stays
// unwritten: unions have no initialisers.
struct InstDraft {
  InstDraft() {}
  union {
    MInst inst;
  };
  u32 count = 0;
  VReg result, result2;  // invalid if there is none
  union {
    Operand operands[kMaxDraftOperands];
  };
};
static_assert(std::is_trivially_copyable_v<InstDraft>);
struct ProducesFlags {
  InstDraft draft;
};
struct ConsumesFlags {
  InstDraft draft;
};

// log2 of an operand's size in bytes, from whatever says how many bytes it has: ISLE's Type
// converts by itself.
class OperandSize {
 public:
  template <class Type>
  requires requires(Type type) { type.bytes(); }
  constexpr OperandSize(Type type)  // NOLINT: implicit by design
      : log2_(static_cast<u8>(std::bit_width(static_cast<u32>(type.bytes())) - 1)) {}
  static constexpr OperandSize of_log2(u32 log2) { return OperandSize(static_cast<u8>(log2), 0); }
  constexpr u32 log2() const { return log2_; }
  constexpr u32 bits() const { return 8u << log2_; }

 private:
  constexpr OperandSize(u8 log2, int) : log2_(log2) {}
  u8 log2_;
};

// What the chosen processor offers.
class Features {
 public:
  constexpr void add(u32 feature) { bits_ |= 1u << feature; }
  constexpr bool has(u32 feature) const { return (bits_ >> feature & 1) != 0; }

 private:
  u32 bits_ = 0;
};

}  // namespace gantry::isa::x64

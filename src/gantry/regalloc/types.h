#pragma once
// The allocator's own vocabulary: registers, operands with their constraints, places. No IR, no
// ISA.
#include <bit>
#include <initializer_list>

#include "gantry/support/check.h"
#include "gantry/support/int_types.h"

namespace gantry::regalloc {

enum class RegClass : u8 { Int = 0, Float = 1, Vector = 2 };
inline constexpr u32 kNumRegClasses = 3;
inline constexpr u32 kRegsPerClass = 32;
inline constexpr u32 kNumPRegs = kNumRegClasses * kRegsPerClass;

// A physical register: class and hardware number, dense in [0, 96).
class PReg {
 public:
  constexpr PReg() = default;
  constexpr PReg(RegClass reg_class, u32 hw_enc)
      : index_(static_cast<u8>(static_cast<u32>(reg_class) * 32 + hw_enc)) {}
  static constexpr PReg from_index(u32 index) {
    PReg reg;
    reg.index_ = static_cast<u8>(index);
    return reg;
  }
  constexpr u32 index() const { return index_; }
  constexpr u32 hw_enc() const { return index_ & 31; }
  constexpr RegClass reg_class() const { return static_cast<RegClass>(index_ >> 5); }
  friend constexpr bool operator==(PReg, PReg) = default;

 private:
  u8 index_ = 0;
};

// A set of physical registers: one mask a class.
class PRegSet {
 public:
  constexpr PRegSet() = default;
  constexpr PRegSet(std::initializer_list<PReg> regs) {
    for (const PReg reg : regs) add(reg);
  }
  constexpr void add(PReg reg) { masks_[reg.index() >> 5] |= u32{1} << reg.hw_enc(); }
  constexpr void remove(PReg reg) { masks_[reg.index() >> 5] &= ~(u32{1} << reg.hw_enc()); }
  constexpr bool contains(PReg reg) const {
    return ((masks_[reg.index() >> 5] >> reg.hw_enc()) & 1) != 0;
  }
  constexpr u32 mask(RegClass reg_class) const { return masks_[static_cast<u32>(reg_class)]; }
  constexpr u32& mask(RegClass reg_class) { return masks_[static_cast<u32>(reg_class)]; }
  constexpr bool empty() const { return (masks_[0] | masks_[1] | masks_[2]) == 0; }
  constexpr PRegSet& operator|=(const PRegSet& other) {
    for (u32 i = 0; i < kNumRegClasses; ++i) masks_[i] |= other.masks_[i];
    return *this;
  }
  friend constexpr bool operator==(const PRegSet&, const PRegSet&) = default;

 private:
  u32 masks_[kNumRegClasses] = {};
};

// A virtual register: dense index and class in one word. Each is defined exactly once (SSA).
class VReg {
 public:
  constexpr VReg() = default;
  constexpr VReg(u32 index, RegClass reg_class) : bits_(index << 2 | static_cast<u32>(reg_class)) {}
  constexpr u32 index() const { return bits_ >> 2; }
  constexpr RegClass reg_class() const { return static_cast<RegClass>(bits_ & 3); }
  constexpr u32 bits() const { return bits_; }
  constexpr bool is_valid() const { return bits_ != ~u32{0}; }
  friend constexpr bool operator==(VReg, VReg) = default;

 private:
  u32 bits_ = ~u32{0};
};

enum class OperandKind : u8 { Use = 0, Def = 1 };
// An instruction reads its early operands and then writes; late operands belong to the writing
// half. The usual use is early, the usual def late. An early def must not share a place with any
// use; a late use stays intact while defs are written, so no def may share its place.
enum class OperandPos : u8 { Early = 0, Late = 1 };
enum class Constraint : u8 {
  Any = 0,    // register or spill slot
  Reg = 1,    // any allocatable register of the class
  Stack = 2,  // a spill slot
  Fixed = 3,  // the register in the payload
  Reuse =
      4,  // (defs) the place of the use operand whose number within the instruction is the payload
};

// One operand: which register, and a rule word that comes straight from the instruction table.
struct Operand {
  VReg vreg;
  u32 rule = 0;

  static constexpr u32 kDefBit = 1;
  static constexpr u32 kLateBit = 2;
  static constexpr u32 kConstraintShift = 2;  // 3 bits
  // (uses) the allocator may exchange the places of this operand and the next one of the
  // instruction; both are early uses of one class, and each must satisfy the other's constraint
  // after the exchange.
  static constexpr u32 kCommutesBit = 1u << 5;
  static constexpr u32 kPayloadShift = 8;  // 8 bits: PReg index or operand number

  static constexpr u32 make_rule(OperandKind kind, OperandPos pos, Constraint constraint,
                                 u32 payload = 0) {
    return static_cast<u32>(kind) | static_cast<u32>(pos) << 1 |
           static_cast<u32>(constraint) << kConstraintShift | payload << kPayloadShift;
  }
  constexpr bool is_def() const { return (rule & kDefBit) != 0; }
  constexpr bool is_late() const { return (rule & kLateBit) != 0; }
  constexpr bool commutes() const { return (rule & kCommutesBit) != 0; }
  constexpr Constraint constraint() const {
    return static_cast<Constraint>(rule >> kConstraintShift & 7);
  }
  constexpr u32 payload() const { return rule >> kPayloadShift & 0xff; }
  constexpr PReg fixed() const { return PReg::from_index(payload()); }

  static constexpr Operand use(VReg reg, Constraint constraint = Constraint::Reg) {
    return {reg, make_rule(OperandKind::Use, OperandPos::Early, constraint)};
  }
  static constexpr Operand def(VReg reg, Constraint constraint = Constraint::Reg) {
    return {reg, make_rule(OperandKind::Def, OperandPos::Late, constraint)};
  }
  static constexpr Operand fixed_use(VReg reg, PReg place) {
    return {reg, make_rule(OperandKind::Use, OperandPos::Early, Constraint::Fixed, place.index())};
  }
  static constexpr Operand fixed_def(VReg reg, PReg place) {
    return {reg, make_rule(OperandKind::Def, OperandPos::Late, Constraint::Fixed, place.index())};
  }
  static constexpr Operand reuse_def(VReg reg, u32 use_operand) {
    return {reg, make_rule(OperandKind::Def, OperandPos::Late, Constraint::Reuse, use_operand)};
  }
};
static_assert(sizeof(Operand) == 8);

// Where an operand lives: a register, a spill slot (in 8-byte words from the start of the spill
// area), or, in edits only, "execute this rematerialisable instruction".
class Allocation {
 public:
  enum class Kind : u8 { None = 0, Reg = 1, Stack = 2, Remat = 3 };

  constexpr Allocation() = default;
  static constexpr Allocation reg(PReg reg) { return Allocation(1u << 30 | reg.index()); }
  static constexpr Allocation stack(u32 slot_word) { return Allocation(2u << 30 | slot_word); }
  static constexpr Allocation remat(u32 inst) { return Allocation(3u << 30 | inst); }
  constexpr Kind kind() const { return static_cast<Kind>(bits_ >> 30); }
  constexpr bool is_reg() const { return kind() == Kind::Reg; }
  constexpr bool is_stack() const { return kind() == Kind::Stack; }
  constexpr PReg as_reg() const {
    GANTRY_DCHECK(is_reg());
    return PReg::from_index(bits_ & 0xff);
  }
  constexpr u32 index() const { return bits_ & 0x3fffffff; }
  constexpr u32 bits() const { return bits_; }
  friend constexpr bool operator==(Allocation, Allocation) = default;

 private:
  constexpr explicit Allocation(u32 bits) : bits_(bits) {}
  u32 bits_ = 0;
};

}  // namespace gantry::regalloc

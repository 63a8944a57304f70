// Constructors of x64 instructions. The generated bodies describe an instruction in an InstDraft:
// its 12 bytes and its register operands in slot order (meta/encodings.h, slots_of). Here are the
// few things they share, constants, and the pairing of flags.
#include "gantry/isa/x64/insts.h"

#include "gantry/isa/x64/meta/row.h"
#include "gantry/isa/x64/rules.h"

// Drafts are copied whole, written or not.
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace gantry::isa::x64 {
namespace {

constexpr u16 op16(Opcode opcode) { return static_cast<u16>(opcode); }

// The opcode of a row for an operand size; `first` is the opcode of its narrowest width, of `count`
// widths.
inline u16 sized(Opcode first, OperandSize size, u32 first_log2, [[maybe_unused]] u32 count) {
  GANTRY_DCHECK(size.log2() >= first_log2 && size.log2() < first_log2 + count);
  return static_cast<u16>(op16(first) + size.log2() - first_log2);
}

constexpr bool fits_i8(i32 number) { return number == static_cast<i8>(number); }

constexpr u8 mode_byte(Mode mode, CC cc) {
  return static_cast<u8>(static_cast<u32>(mode) | static_cast<u32>(cc) << 4);
}

// Appends the registers of the M operand, the last ones before a list.
inline void place_m(InstDraft& t, u32 slot, const AMode& m, u32 register_rule, u32 address_rule) {
  t.operands[slot] = {m.base, m.mode == Mode::Reg ? register_rule : address_rule};
  t.operands[slot + 1] = {m.index, address_rule};
  t.count = slot + mode_registers(m.mode);
}

}  // namespace

#include "gantry/gen/isa/x64/insts_constructors.inc"

Gpr X64Insts::x64_const(u64 number) {
  const VReg result = fresh_gpr();
  Operand operands[machinst::kInlineOperands] = {{result, rule_def()}};
  if (number <= 0xffffffff) {
    insts_.push({op16(Opcode::MovImm32OI_32), 0, 0, 0, static_cast<i32>(static_cast<u32>(number))},
                operands, 1);
  } else if (static_cast<i64>(number) == static_cast<i32>(number)) {
    insts_.push({op16(Opcode::MovImm32SxMI_64), 0, 0, 0, static_cast<i32>(number)}, operands, 1);
  } else {
    insts_.push({op16(Opcode::MovabsOI_64), 0, 0, 0, static_cast<i32>(constants_.size())}, operands,
                1);
    constants_.push_back(number);
  }
  return {result};
}

Gpr X64Insts::with_flags(const ProducesFlags& producer, const ConsumesFlags& consumer) {
  push(producer.draft);
  push(consumer.draft);
  return {consumer.draft.result};
}
GprPair X64Insts::with_flags_both(const ProducesFlags& producer, const ConsumesFlags& consumer) {
  push(producer.draft);
  push(consumer.draft);
  return {{producer.draft.result}, {consumer.draft.result}};
}
GprPair X64Insts::with_flags_2(const ProducesFlags& producer, const ConsumesFlags& first,
                               const ConsumesFlags& second) {
  push(producer.draft);
  push(first.draft);
  push(second.draft);
  return {{first.draft.result}, {second.draft.result}};
}
GprTriple X64Insts::with_flags_all(const ProducesFlags& producer, const ConsumesFlags& first,
                                   const ConsumesFlags& second) {
  push(producer.draft);
  push(first.draft);
  push(second.draft);
  return {{producer.draft.result}, {first.draft.result}, {second.draft.result}};
}
Gpr X64Insts::with_flags_result(const ProducesFlags& producer, const ConsumesFlags& consumer) {
  push(producer.draft);
  push(consumer.draft);
  return {producer.draft.result};
}
GprPair X64Insts::with_flags_result_pair(const ProducesFlags& producer,
                                         const ConsumesFlags& consumer) {
  push(producer.draft);
  push(consumer.draft);
  return {{producer.draft.result}, {producer.draft.result2}};
}
SideEffect X64Insts::with_flags_effect(const ProducesFlags& producer,
                                       const ConsumesFlags& consumer) {
  push(producer.draft);
  push(consumer.draft);
  return {};
}
SideEffect X64Insts::with_flags_effect_2(const ProducesFlags& producer, const ConsumesFlags& first,
                                         const ConsumesFlags& second) {
  push(producer.draft);
  push(first.draft);
  push(second.draft);
  return {};
}

}  // namespace gantry::isa::x64

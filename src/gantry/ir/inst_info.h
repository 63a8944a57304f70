#pragma once
// The opcode table as the library sees it. Effects are primitive facts; the questions passes ask
// are functions here.
#include <array>
#include <optional>
#include <string_view>

#include "gantry/ir/opcode.h"
#include "gantry/ir/types.h"
#include "gantry/meta/inst_def.h"

namespace gantry::ir {

// What hot code needs of a row, in 16 bytes.
struct alignas(16) InstFacts {
  meta::Format format;
  u8 num_fixed_values;   // value operands in the words of the record (not those in lists)
  u8 num_fixed_results;  // calls: 0, the signature says
  bool has_list;         // word 1 is a list of values
  i8 control_operand;    // which value operand (0..) has the controlling type, or -1
  bool needs_suffix;     // the controlling type is written, no operand has it
  meta::Effects effects;
  bool commutative;  // words 0 and 1 may be exchanged
  // has_inherent_side_effect(), and whether matching may look through it: one result, no effects,
  // no load.
  bool has_inherent_effect;
  bool is_transparent;
};
static_assert(sizeof(InstFacts) == 16);

extern const std::array<InstFacts, meta::kNumOpcodes> kInstFacts;
inline const InstFacts& inst_facts(Opcode opcode) { return kInstFacts[static_cast<u32>(opcode)]; }
const meta::InstDef& inst_info(Opcode opcode);
std::string_view name_of(Opcode opcode);
// By text name; none if there is no such opcode.
std::optional<Opcode> opcode_from_name(std::string_view name);

std::string_view name_of(IntCC cc);
std::string_view name_of(FloatCC cc);
std::string_view name_of(AtomicRmwOp op);

inline bool is_terminator(Opcode op) { return inst_facts(op).effects.is_terminator; }
inline bool is_branch(Opcode op) { return inst_facts(op).effects.is_branch; }
inline bool is_call(Opcode op) { return inst_facts(op).effects.is_call; }
inline bool is_return(Opcode op) { return inst_facts(op).effects.is_return; }
// A call that comes back and at which the collector may run.
inline bool is_safepoint(Opcode op) { return is_call(op) && !is_return(op); }
// Anything but computing results from operands: such an instruction may not be removed, duplicated
// or reordered with others of its kind. Loads count only when they may trap, which their flags say:
// see has_side_effect(inst, dfg).
inline bool has_inherent_side_effect(Opcode op) { return inst_facts(op).has_inherent_effect; }

// Type of result `index` of a polymorphic or fixed opcode under the controlling type (ignored for
// fixed ones). Not for opcodes whose results come from a signature. Invalid if the function of the
// type does not exist.
Type result_type(Opcode opcode, u32 index, Type control);
// Type that value operand `index` (0.. among the values of the format) must have, or the invalid
// type where the operand has a free variable or a strict-inequality constraint
// (allowed_operand_type decides those).
Type operand_type(Opcode opcode, u32 index, Type control);
bool allowed_operand_type(Opcode opcode, u32 index, Type control, Type actual);
// Whether `control` may be the opcode's controlling type.
bool allowed_control_type(Opcode opcode, Type control);

}  // namespace gantry::ir

// The only file of the library in which the opcode table is compiled; everyone else asks it here.
#include "gantry/ir/inst_info.h"

#include <algorithm>
#include <array>

#include "gantry/meta/codes.h"
#include "gantry/meta/instructions.h"

namespace gantry::ir {
namespace {

consteval InstFacts facts_of(const meta::InstDef& def) {
  InstFacts facts{def.format,  0,
                  0,           false,
                  -1,          def.control.kind == meta::Control::Kind::Suffix,
                  def.effects, def.commutative,
                  false,       false};
  const meta::FormatDef& format = meta::format_def(def.format);
  for (u32 i = 0; i < def.ins.count; ++i) {
    if (def.ins.items[i].kind == meta::OperandKind::VarArgs) facts.has_list = true;
  }
  i8 number = 0;
  for (u32 i = 0; i < def.ins.count; ++i) {
    if (def.ins.items[i].kind != meta::OperandKind::Value) continue;
    const bool in_list = facts.has_list && format.operands.items[i].place == meta::Place::Word1;
    if (!in_list) ++facts.num_fixed_values;
    if (def.control.kind == meta::Control::Kind::Operand &&
        def.ins.items[i].name == def.control.name) {
      facts.control_operand = number;
    }
    ++number;
  }
  for (u32 i = 0; i < def.outs.count; ++i) {
    if (def.outs.items[i].kind == meta::OperandKind::Value) ++facts.num_fixed_results;
  }
  const meta::Effects& e = def.effects;
  facts.has_inherent_effect = e.is_call || e.is_branch || e.is_terminator || e.is_return ||
                              e.can_trap || e.other_effects || e.can_store;
  facts.is_transparent = facts.num_fixed_results == 1 && !e.is_call && !e.can_load &&
                         !e.can_store && !e.can_trap && !e.other_effects;
  return facts;
}

template <usize... I>
consteval std::array<InstFacts, sizeof...(I)> all_facts(std::index_sequence<I...>) {
  return {facts_of(meta::kInstructions[I])...};
}

// Opcodes by name, for binary search.
constexpr std::array<u8, meta::kNumOpcodes> kByName = [] {
  std::array<u8, meta::kNumOpcodes> order{};
  for (u32 i = 0; i < meta::kNumOpcodes; ++i) order[i] = static_cast<u8>(i);
  std::sort(order.begin(), order.end(),
            [](u8 a, u8 b) { return meta::kInstructions[a].name < meta::kInstructions[b].name; });
  return order;
}();

Type apply(const meta::InstDef& def, const meta::OperandDef& operand, Type control) {
  using F = meta::TypeFunction;
  if (operand.function == F::Fixed) {
    return Type::from_code(meta::TypeSet{operand.fixed, meta::kScalar}.singleton());
  }
  Type base = control;
  if (operand.var != meta::control_var(def)) {
    const u16 only = def.vars.items[operand.var].types.singleton();
    if (only == 0) return {};
    base = Type::from_code(only);
  }
  switch (operand.function) {
    case F::Same:
      return base;
    case F::LaneOf:
      return base.lane_type();
    case F::AsTruthy:
      return base.as_truthy();
    case F::HalfWidth:
      return base.half_width();
    case F::DoubleWidth:
      return base.double_width();
    case F::SplitLanes:
      return base.split_lanes();
    case F::MergeLanes:
      return base.merge_lanes();
    case F::DynamicToVector:
      return base.dynamic_to_vector();
    case F::Narrower:
    case F::Wider:
      return {};
    case F::Fixed:
      break;
  }
  unreachable("TypeFunction");
}

const meta::OperandDef* value_operand(const meta::InstDef& def, u32 index) {
  for (const meta::OperandDef& operand : def.ins) {
    if (operand.kind == meta::OperandKind::Value && index-- == 0) return &operand;
  }
  return nullptr;
}

}  // namespace

constexpr std::array<InstFacts, meta::kNumOpcodes> kInstFacts =
    all_facts(std::make_index_sequence<meta::kNumOpcodes>());

const meta::InstDef& inst_info(Opcode opcode) {
  return meta::kInstructions[static_cast<u32>(opcode)];
}
std::string_view name_of(Opcode opcode) { return inst_info(opcode).name; }

std::optional<Opcode> opcode_from_name(std::string_view name) {
  const auto at = std::lower_bound(
      kByName.begin(), kByName.end(), name,
      [](u8 index, std::string_view wanted) { return meta::kInstructions[index].name < wanted; });
  if (at == kByName.end() || meta::kInstructions[*at].name != name) return std::nullopt;
  return static_cast<Opcode>(*at);
}

std::string_view name_of(IntCC cc) { return meta::kIntConds[static_cast<u32>(cc)].name; }
std::string_view name_of(FloatCC cc) { return meta::kFloatConds[static_cast<u32>(cc)].name; }
std::string_view name_of(AtomicRmwOp op) { return meta::kAtomicRmwOps[static_cast<u32>(op)].name; }

Type result_type(Opcode opcode, u32 index, Type control) {
  const meta::InstDef& def = inst_info(opcode);
  GANTRY_DCHECK(index < def.outs.count);
  return apply(def, def.outs.items[index], control);
}

Type operand_type(Opcode opcode, u32 index, Type control) {
  const meta::InstDef& def = inst_info(opcode);
  const meta::OperandDef* operand = value_operand(def, index);
  return operand == nullptr ? Type() : apply(def, *operand, control);
}

bool allowed_operand_type(Opcode opcode, u32 index, Type control, Type actual) {
  const meta::InstDef& def = inst_info(opcode);
  const meta::OperandDef* operand = value_operand(def, index);
  if (operand == nullptr || !actual.is_valid()) return false;
  if (operand->function == meta::TypeFunction::Narrower ||
      operand->function == meta::TypeFunction::Wider) {
    const bool same_class = actual.has_float_lanes() == control.has_float_lanes() &&
                            actual.log2_lane_count() == control.log2_lane_count() &&
                            actual.is_dynamic() == control.is_dynamic();
    return same_class && (operand->function == meta::TypeFunction::Narrower
                              ? actual.lane_bits() < control.lane_bits()
                              : actual.lane_bits() > control.lane_bits());
  }
  const Type wanted = apply(def, *operand, control);
  if (wanted.is_valid()) return wanted == actual;
  if (operand->function != meta::TypeFunction::Same) return false;
  return def.vars.items[operand->var].types.contains(actual.code());
}

bool allowed_control_type(Opcode opcode, Type control) {
  const meta::InstDef& def = inst_info(opcode);
  const int var = meta::control_var(def);
  return var >= 0 && def.vars.items[var].types.contains(control.code());
}

}  // namespace gantry::ir

#pragma once
// The shape of an opcode row; the rows and their legend are in instructions.h.
#include "gantry/meta/formats.h"
#include "gantry/meta/type_tables.h"

namespace gantry::meta {

enum class TypeFunction : u8 {
  Same,             // the variable's type
  LaneOf,           // its lane type
  Narrower,         // any type of its class with strictly fewer bits a lane
  Wider,            // … strictly more
  AsTruthy,         // i8 for scalars, integer lanes of the same shape for vectors
  HalfWidth,        // half the bits a lane
  DoubleWidth,      // twice
  SplitLanes,       // half the bits, twice the lanes
  MergeLanes,       // twice the bits, half the lanes
  DynamicToVector,  // without the run-time scale
  Fixed,            // the one scalar in `fixed`
};

struct OperandDef {
  std::string_view name;
  OperandKind kind = OperandKind::Value;
  TypeFunction function = TypeFunction::Same;  // values only, as the next two
  u8 var = 0;
  LaneSet fixed = 0;
};

constexpr OperandDef value(std::string_view name, int var) {
  return {name, OperandKind::Value, TypeFunction::Same, static_cast<u8>(var), 0};
}
constexpr OperandDef value(std::string_view name, TypeFunction function, int var) {
  return {name, OperandKind::Value, function, static_cast<u8>(var), 0};
}
constexpr OperandDef value(std::string_view name, LaneSet fixed) {
  return {name, OperandKind::Value, TypeFunction::Fixed, 0, fixed};
}
constexpr OperandDef imm(std::string_view name, OperandKind kind) { return {name, kind}; }
constexpr OperandDef varargs(std::string_view name) { return {name, OperandKind::VarArgs}; }

struct TypeVarDef {
  std::string_view name;
  TypeSet types;
};

struct Control {
  enum class Kind : u8 { None, Operand, Suffix };
  Kind kind = Kind::None;
  std::string_view name;
};
constexpr Control by_operand(std::string_view name) { return {Control::Kind::Operand, name}; }
constexpr Control by_suffix(std::string_view name) { return {Control::Kind::Suffix, name}; }

// Bits of one word: passes ask for several at once.
struct Effects {
  bool is_terminator : 1 = false;
  bool is_branch : 1 = false;
  bool is_return : 1 = false;
  bool is_call : 1 = false;
  bool can_load : 1 = false;
  bool can_store : 1 = false;
  bool can_trap : 1 = false;
  bool other_effects : 1 = false;
  bool idempotent : 1 = false;
  friend constexpr bool operator==(const Effects&, const Effects&) = default;
};

struct InstDef {
  std::string_view name;
  Format format = Format::NullAry;
  Control control = {};
  ShortList<TypeVarDef, 2> vars = {};
  ShortList<OperandDef> ins = {};
  ShortList<OperandDef, 2> outs = {};
  Effects effects = {};
  bool imm_helper = false;
  bool commutative = false;
  std::string_view doc;
};

inline constexpr u32 kNumOpcodes = 163;

}  // namespace gantry::meta

#pragma once
// Operand layouts. The text form of an instruction and its 16-byte record both follow from its
// format.
#include <array>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::meta {

enum class OperandKind : u8 {
  Value,
  VarArgs,
  MemFlags,
  Offset32,
  TrapCode,
  FuncRef,
  Uimm8,
  SigRef,
  PoolConstant,
  Imm64,
  GlobalValue,
  ExceptionTable,
  ShuffleMask,
  StackSlot,
  RawBlock,
  JumpTable,
  IntCC,
  FloatCC,
  Ieee16,
  Ieee32,
  Ieee64,
  DynamicStackSlot,
  BlockCall,
  AtomicRmwOp,
};

enum class Format : u8 {
  NullAry,
  Unary,
  Binary,
  Ternary,
  BinaryImm8,
  TernaryImm8,
  MultiAry,
  UnaryImm,
  UnaryIeee16,
  UnaryIeee32,
  UnaryIeee64,
  UnaryConst,
  UnaryGlobalValue,
  Shuffle,
  IntCompare,
  FloatCompare,
  Jump,
  Brif,
  BranchTable,
  Call,
  CallIndirect,
  TryCall,
  TryCallIndirect,
  FuncAddr,
  StackAddr,
  DynamicStackAddr,
  Load,
  LoadNoOffset,
  Store,
  StoreNoOffset,
  AtomicRmw,
  AtomicCas,
  Trap,
  CondTrap,
  IntAddTrap,
  ExceptionHandlerAddress,
};

// A short list with room for four, usable in constant expressions.
template <class T, u32 N = 4>
struct ShortList {
  T items[N]{};
  u32 count = 0;
  constexpr ShortList() = default;
  constexpr ShortList(std::initializer_list<T> list) {
    for (const T& item : list) items[count++] = item;
  }
  constexpr const T* begin() const { return items; }
  constexpr const T* end() const { return items + count; }
};

// Where the record (ir::InstData) keeps an operand: `word` 0, 1, 2 are its three 32-bit words, Aux
// its byte (condition, trap code, lane, operation), Flags its 16 bits (memory flags), Wide the 64
// bits of words 1 and 2. Fixed value operands fill words from 0; a list of values is always word 1.
enum class Place : u8 { Word0, Word1, Word2, Aux, Flags, Wide };

struct FormatOperand {
  OperandKind kind = OperandKind::Value;
  Place place = Place::Word0;
};

struct FormatDef {
  Format format = Format::NullAry;
  std::string_view name;
  ShortList<FormatOperand> operands;  // in the order of the text
};

// Legend: one row a format; the operand kinds must equal those of every instruction of the format,
// in order (checked in instructions.h). The callee of an indirect call is the first value of its
// list.
inline constexpr FormatDef kFormats[] = {
    {Format::NullAry, "NullAry", {}},
    {Format::Unary, "Unary", {{OperandKind::Value, Place::Word0}}},
    {Format::Binary,
     "Binary",
     {{OperandKind::Value, Place::Word0}, {OperandKind::Value, Place::Word1}}},
    {Format::Ternary,
     "Ternary",
     {{OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1},
      {OperandKind::Value, Place::Word2}}},
    {Format::BinaryImm8,
     "BinaryImm8",
     {{OperandKind::Value, Place::Word0}, {OperandKind::Uimm8, Place::Aux}}},
    {Format::TernaryImm8,
     "TernaryImm8",
     {{OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1},
      {OperandKind::Uimm8, Place::Aux}}},
    {Format::MultiAry, "MultiAry", {{OperandKind::VarArgs, Place::Word1}}},
    {Format::UnaryImm, "UnaryImm", {{OperandKind::Imm64, Place::Wide}}},
    {Format::UnaryIeee16, "UnaryIeee16", {{OperandKind::Ieee16, Place::Wide}}},
    {Format::UnaryIeee32, "UnaryIeee32", {{OperandKind::Ieee32, Place::Wide}}},
    {Format::UnaryIeee64, "UnaryIeee64", {{OperandKind::Ieee64, Place::Wide}}},
    {Format::UnaryConst, "UnaryConst", {{OperandKind::PoolConstant, Place::Word0}}},
    {Format::UnaryGlobalValue, "UnaryGlobalValue", {{OperandKind::GlobalValue, Place::Word0}}},
    {Format::Shuffle,
     "Shuffle",
     {{OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1},
      {OperandKind::ShuffleMask, Place::Word2}}},
    {Format::IntCompare,
     "IntCompare",
     {{OperandKind::IntCC, Place::Aux},
      {OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1}}},
    {Format::FloatCompare,
     "FloatCompare",
     {{OperandKind::FloatCC, Place::Aux},
      {OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1}}},
    {Format::Jump, "Jump", {{OperandKind::BlockCall, Place::Word1}}},
    {Format::Brif,
     "Brif",
     {{OperandKind::Value, Place::Word0},
      {OperandKind::BlockCall, Place::Word1},
      {OperandKind::BlockCall, Place::Word2}}},
    {Format::BranchTable,
     "BranchTable",
     {{OperandKind::Value, Place::Word0}, {OperandKind::JumpTable, Place::Word1}}},
    {Format::Call,
     "Call",
     {{OperandKind::FuncRef, Place::Word0}, {OperandKind::VarArgs, Place::Word1}}},
    {Format::CallIndirect,
     "CallIndirect",
     {{OperandKind::SigRef, Place::Word0},
      {OperandKind::Value, Place::Word1},
      {OperandKind::VarArgs, Place::Word1}}},
    {Format::TryCall,
     "TryCall",
     {{OperandKind::FuncRef, Place::Word0},
      {OperandKind::VarArgs, Place::Word1},
      {OperandKind::ExceptionTable, Place::Word2}}},
    {Format::TryCallIndirect,
     "TryCallIndirect",
     {{OperandKind::Value, Place::Word1},
      {OperandKind::VarArgs, Place::Word1},
      {OperandKind::ExceptionTable, Place::Word2}}},
    {Format::FuncAddr, "FuncAddr", {{OperandKind::FuncRef, Place::Word0}}},
    {Format::StackAddr,
     "StackAddr",
     {{OperandKind::StackSlot, Place::Word0}, {OperandKind::Offset32, Place::Word1}}},
    {Format::DynamicStackAddr, "DynamicStackAddr", {{OperandKind::DynamicStackSlot, Place::Word0}}},
    {Format::Load,
     "Load",
     {{OperandKind::MemFlags, Place::Flags},
      {OperandKind::Value, Place::Word0},
      {OperandKind::Offset32, Place::Word1}}},
    {Format::LoadNoOffset,
     "LoadNoOffset",
     {{OperandKind::MemFlags, Place::Flags}, {OperandKind::Value, Place::Word0}}},
    {Format::Store,
     "Store",
     {{OperandKind::MemFlags, Place::Flags},
      {OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1},
      {OperandKind::Offset32, Place::Word2}}},
    {Format::StoreNoOffset,
     "StoreNoOffset",
     {{OperandKind::MemFlags, Place::Flags},
      {OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1}}},
    {Format::AtomicRmw,
     "AtomicRmw",
     {{OperandKind::MemFlags, Place::Flags},
      {OperandKind::AtomicRmwOp, Place::Aux},
      {OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1}}},
    {Format::AtomicCas,
     "AtomicCas",
     {{OperandKind::MemFlags, Place::Flags},
      {OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1},
      {OperandKind::Value, Place::Word2}}},
    {Format::Trap, "Trap", {{OperandKind::TrapCode, Place::Aux}}},
    {Format::CondTrap,
     "CondTrap",
     {{OperandKind::Value, Place::Word0}, {OperandKind::TrapCode, Place::Aux}}},
    {Format::IntAddTrap,
     "IntAddTrap",
     {{OperandKind::Value, Place::Word0},
      {OperandKind::Value, Place::Word1},
      {OperandKind::TrapCode, Place::Aux}}},
    {Format::ExceptionHandlerAddress,
     "ExceptionHandlerAddress",
     {{OperandKind::RawBlock, Place::Word0}, {OperandKind::Imm64, Place::Wide}}},
};

consteval bool formats_in_order() {
  for (u32 i = 0; i < std::size(kFormats); ++i) {
    if (static_cast<u32>(kFormats[i].format) != i) return false;
  }
  return true;
}
static_assert(formats_in_order());

constexpr const FormatDef& format_def(Format format) { return kFormats[static_cast<u32>(format)]; }

}  // namespace gantry::meta

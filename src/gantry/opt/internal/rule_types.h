#pragma once
// Names the generated matchers use unqualified: ISLE's host types are plain identifiers.
#include "gantry/ir/function.h"
#include "gantry/opt/node.h"

namespace gantry::opt {

using ir::AtomicRmwOp;
using ir::Block;
using ir::BlockCall;
using ir::Constant;
using ir::DynamicStackSlot;
using ir::ExceptionTable;
using ir::FloatCC;
using ir::FuncRef;
using ir::GlobalValue;
using InstData = ir::BasicInstView<Node>;
using ir::IntCC;
using ir::JumpTable;
using ir::MemFlagsId;
using ir::ShuffleMask;
using ir::SigRef;
using ir::StackSlot;
using ir::TrapCode;
using ir::Type;
using ir::ValueList;
using Offset32 = i32;
using Imm64 = u64;
using Ieee16 = u64;
using Ieee32 = u64;
using Ieee64 = u64;

// A record that is no node: number 0 is the instruction that is looked at, others are made by
// rules.
GANTRY_ENTITY(SkeletonInst, "skeleton");

// What rules make of an instruction that stays where it is. Operands are nodes.
struct SkeletonChange {
  enum class Command : u8 { Remove, RemoveWithValue, Replace, ReplaceCondition, InvertCondition };
  Command command = Command::Remove;
  Node value;                // RemoveWithValue: stands for the result; …Condition: the condition
  ir::InstData replacement;  // Replace
};

class Rewriter;

}  // namespace gantry::opt

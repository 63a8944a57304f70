#pragma once
// Host types of opt_terms.isle: records whose value operands number nodes.
#include "gantry/ir/inst_view.h"
#include "gantry/ir/types.h"

namespace opt_terms {

GANTRY_ENTITY(Node, "n");
GANTRY_ENTITY(SkeletonInst, "s");
using InstData = gantry::ir::BasicInstView<Node>;
using gantry::ir::AtomicRmwOp;
using gantry::ir::Block;
using gantry::ir::BlockCall;
using gantry::ir::Constant;
using gantry::ir::DynamicStackSlot;
using gantry::ir::ExceptionTable;
using gantry::ir::FloatCC;
using gantry::ir::FuncRef;
using gantry::ir::GlobalValue;
using gantry::ir::IntCC;
using gantry::ir::JumpTable;
using gantry::ir::MemFlagsId;
using gantry::ir::ShuffleMask;
using gantry::ir::SigRef;
using gantry::ir::StackSlot;
using gantry::ir::TrapCode;
using gantry::ir::Type;
using gantry::ir::ValueList;
using Offset32 = gantry::i32;
using Imm64 = gantry::u64;
using Ieee16 = gantry::u64;
using Ieee32 = gantry::u64;
using Ieee64 = gantry::u64;

}  // namespace opt_terms

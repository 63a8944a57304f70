#pragma once
// Names the generated matchers use unqualified: ISLE's host types are plain identifiers.
#include "gantry/ir/inst_view.h"
#include "gantry/ir/trap_code.h"
#include "gantry/isa/x64/operand_types.h"
#include "gantry/machinst/lower.h"

namespace gantry::isa::x64 {

using ir::AliasRegion;
using ir::AtomicRmwOp;
using ir::Block;
using ir::BlockCall;
using ir::Constant;
using ir::DynamicStackSlot;
using ir::ExceptionTable;
using ir::FloatCC;
using ir::FuncRef;
using ir::GlobalValue;
using ir::Inst;
using InstData = ir::InstView;
using ir::IntCC;
using ir::JumpTable;
using ir::LibCall;
using ir::MemFlagsId;
using ir::ShuffleMask;
using ir::SigRef;
using ir::StackSlot;
using ir::TrapCode;
using ir::Type;
using ir::Value;
using ir::ValueList;
// Immediates as the rules see them: numbers and bit patterns.
using Offset32 = i32;
using Imm64 = u64;
using Ieee16 = u64;
using Ieee32 = u64;
using Ieee64 = u64;
using machinst::InstOutput;
using machinst::MBlock;
using machinst::ValueRegs;

}  // namespace gantry::isa::x64

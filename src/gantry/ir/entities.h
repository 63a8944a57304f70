#pragma once
// The kinds of entities a CLIF function is made of, with the prefix the text format spells them by.
#include "gantry/entity/entity_id.h"

namespace gantry::ir {

GANTRY_ENTITY(Block, "block");
GANTRY_ENTITY(Inst, "inst");
GANTRY_ENTITY(Value, "v");
GANTRY_ENTITY(StackSlot, "ss");
GANTRY_ENTITY(DynamicStackSlot, "dss");
GANTRY_ENTITY(DynamicType, "dt");
GANTRY_ENTITY(GlobalValue, "gv");
GANTRY_ENTITY(Constant, "const");
GANTRY_ENTITY(ShuffleMask, "imm");
GANTRY_ENTITY(JumpTable, "jt");
GANTRY_ENTITY(FuncRef, "fn");
GANTRY_ENTITY(SigRef, "sig");
GANTRY_ENTITY(UserExternalName, "userextname");
GANTRY_ENTITY(ExceptionTag, "tag");
GANTRY_ENTITY(ExceptionTable, "extable");
GANTRY_ENTITY(AliasRegion, "region");
GANTRY_ENTITY(InlineFrame, "frame");

}  // namespace gantry::ir

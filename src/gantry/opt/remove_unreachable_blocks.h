#pragma once
// Removes code that no path reaches, so that later passes meet only blocks that can run.
#include "gantry/ir/function.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kRemoveUnreachableBlocks{
    "remove-unreachable-blocks", "blocks that no path from the entry reaches leave the function"};

// Afterwards the layout holds the blocks reachable from the entry, in the order they had. What the
// others held is gone: instructions and block calls of their jump tables. A handler address of a
// try_call that cannot run (valid only while that call is active, hence never) becomes 0. Makes no
// aliases. Whether something was removed. Linear.
bool remove_unreachable_blocks(ir::Function& func, Session& session);

// Takes `block` with all it holds out of the layout; other blocks must not mention it. Its
// instructions become `nop`s outside of the layout, so that passes over all instructions meet none
// of their operands.
void remove_block_with_insts(ir::Function& func, ir::Block block);

}  // namespace gantry::opt

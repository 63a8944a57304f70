// Problem: front ends leave blocks behind that nothing jumps to; they cost time and hide that
// others have one predecessor. Idea: mark from the entry with an explicit stack, then sweep the
// layout.
#include "gantry/opt/remove_unreachable_blocks.h"

namespace gantry::opt {

using ir::Block;
using ir::Inst;

namespace {

void forget_inst(ir::Function& func, Inst inst) {
  ir::InstData& data = func.dfg[inst];
  if (data.opcode == ir::Opcode::BrTable) {
    func.dfg.jump_tables[ir::JumpTable::from_index(data.words[1])].entries.clear();
  }
  func.layout.remove_inst(inst);
  data = ir::InstData{};
}

// Handler addresses name a block that is no target of theirs.
void forget_handlers(ir::Function& func) {
  for (const Block block : func.layout.blocks()) {
    for (const Inst inst : func.layout.insts(block)) {
      ir::InstData& data = func.dfg[inst];
      if (data.opcode != ir::Opcode::GetExceptionHandlerAddress) continue;
      if (func.layout.is_inserted(Block::from_index(data.words[0]))) continue;
      data = ir::InstData{.opcode = ir::Opcode::Iconst};
    }
  }
}

}  // namespace

void remove_block_with_insts(ir::Function& func, Block block) {
  while (const PackedOption<Inst> inst = func.layout.first_inst(block)) forget_inst(func, *inst);
  func.layout.remove_block(block);
}

bool remove_unreachable_blocks(ir::Function& func, Session& session) {
  const std::optional<Block> entry = func.layout.entry();
  if (!entry) return false;
  Arena& arena = session.pass_arena();
  const u32 count = func.dfg.num_blocks();
  const std::span<bool> is_reachable = arena.allocate_filled(count, false);
  Block* const work = arena.allocate<Block>(count);
  u32 work_size = 0;
  const auto reach = [&](Block block) {
    if (is_reachable[block.index()]) return;
    is_reachable[block.index()] = true;
    work[work_size++] = block;
  };
  reach(*entry);
  while (work_size > 0) {
    const Block block = work[--work_size];
    func.dfg.for_each_block_call(*func.layout.last_inst(block),
                                 [&](ir::BlockCall call) { reach(call.block(func.dfg.lists())); });
  }

  bool any = false;
  for (PackedOption<Block> at = func.layout.first_block(); at;) {
    const Block block = *at;
    at = func.layout.next_block(block);
    if (is_reachable[block.index()]) continue;
    remove_block_with_insts(func, block);
    any = true;
  }
  if (any && !func.dfg.exception_tables.empty()) forget_handlers(func);
  return any;
}

}  // namespace gantry::opt

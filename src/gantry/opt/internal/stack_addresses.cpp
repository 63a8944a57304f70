// One walk in reverse postorder, so that an address is known before its uses: `stack_addr`, and
// additions of constants to one. Every other use of such a value, but as the address of a load or
// store, lets the slot escape.
#include "gantry/opt/internal/stack_addresses.h"

namespace gantry::opt {

using ir::Block;
using ir::DataFlowGraph;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Value;

namespace {
// The constant a value is, as a two's complement number of 64 bits.
bool is_constant(const DataFlowGraph& dfg, Value value, u64& constant) {
  const std::optional<Inst> inst = dfg.defining_inst(value);
  if (!inst || dfg.opcode(*inst) != Opcode::Iconst) return false;
  const u32 unused_bits = 64 - dfg.type(value).bits();
  constant = static_cast<u64>(static_cast<i64>(dfg[*inst].wide() << unused_bits) >> unused_bits);
  return true;
}
// Addresses of 32 bits wrap around at 32.
u64 wrapped(u64 offset, ir::Type type) {
  return type.bits() == 32 ? static_cast<u64>(i64{static_cast<i32>(static_cast<u32>(offset))})
                           : offset;
}
}  // namespace

void StackAddresses::pin_described(const ir::Function& func) {
  for (const ir::StackSlot slot : func.stack_slots.keys()) {
    if (func.stack_slots[slot].key.has_value()) escapes_[slot.index()] = true;
  }
  if (!func.has_debug_tags()) return;
  for (const Block block : func.layout.blocks()) {
    for (const Inst inst : func.layout.insts(block)) {
      for (const ir::DebugTag& tag : func.debug_tags(inst)) {
        if (tag.is_slot) escapes_[tag.value] = true;
      }
    }
  }
}

// Whether `inst` makes an address in a slot; if so, it is noted.
bool StackAddresses::follow_address(const DataFlowGraph& dfg, Inst inst) {
  const InstData& data = dfg[inst];
  u32 slot;
  u64 offset;
  if (data.opcode == Opcode::StackAddr) {
    slot = data.words[0];
    offset = static_cast<u64>(i64{data.offset(1)});
  } else if (data.opcode == Opcode::Iadd) {
    Value base = data.arg(0), other = data.arg(1);
    if (slots_[base.index()] == kNone) std::swap(base, other);
    u64 constant;
    if (slots_[base.index()] == kNone || !is_constant(dfg, other, constant)) return false;
    slot = slots_[base.index()];
    offset = offsets_[base.index()] + constant;
  } else {
    return false;
  }
  const Value result = dfg.first_result(inst);
  slots_[result.index()] = slot;
  offsets_[result.index()] = wrapped(offset, dfg.type(result));
  address_insts_.push_back(inst);
  return true;
}

void StackAddresses::escape_operands(const ir::Function& func, Inst inst) {
  const DataFlowGraph& dfg = func.dfg;
  for (const Value value : dfg.args(inst)) escape(value);
  const Opcode opcode = dfg.opcode(inst);
  if (ir::is_call(opcode)) {
    for (const ir::StackMapEntry& entry : func.stack_map(inst)) escapes_[entry.slot.index()] = true;
  }
  if (!ir::is_branch(opcode)) return;
  dfg.for_each_block_call(inst, [&](ir::BlockCall call) {
    for (const Value encoded : call.args(dfg.lists())) {
      const ir::BlockArg arg = ir::BlockArg::decoded(encoded);
      if (arg.is_value()) escape(arg.as_value());
    }
  });
  const meta::Format format = ir::inst_facts(opcode).format;
  if (format != meta::Format::TryCall && format != meta::Format::TryCallIndirect) return;
  for (const auto& item :
       dfg.exception_tables[ir::ExceptionTable::from_index(dfg[inst].words[2])].items) {
    if (item.context) escape(*item.context);
  }
}

void StackAddresses::compute(const ir::Function& func, const analysis::ControlFlow& flow,
                             Arena& arena, FunctionRef<void(const SlotAccess&)> visit) {
  const DataFlowGraph& dfg = func.dfg;
  slots_ = arena.allocate_filled<u32>(dfg.num_values(), kNone);
  offsets_ = arena.allocate<u64>(dfg.num_values());
  escapes_ = arena.allocate_filled<bool>(func.stack_slots.size(), false);
  address_insts_.clear();
  leaves_bounds_ = false;
  pin_described(func);

  SlotAccess found;
  const std::span<const Block> postorder = flow.postorder();
  for (usize i = postorder.size(); i-- > 0;) {
    found.block = postorder[i];
    for (const Inst inst : func.layout.insts(found.block)) {
      if (follow_address(dfg, inst)) continue;
      if (!describe_access(dfg, inst, found.access)) {
        escape_operands(func, inst);
        continue;
      }
      if (found.access.is_store) escape(dfg[inst].arg(0));
      const Value address = found.access.address;
      const u32 slot = slots_[address.index()];
      if (slot == kNone) continue;
      const u64 offset =
          wrapped(offsets_[address.index()] + static_cast<u64>(i64{found.access.offset}),
                  dfg.type(address));
      const u64 size = func.stack_slots[ir::StackSlot::from_index(slot)].size;
      if (offset > size || found.access.bytes() > size - offset) {
        escapes_[slot] = true;
        leaves_bounds_ = true;
        continue;
      }
      found.inst = inst;
      found.slot = slot;
      found.offset = static_cast<u32>(offset);
      visit(found);
    }
  }
  if (postorder.size() == func.dfg.num_blocks()) return;
  for (const Block block : func.layout.blocks()) {
    if (flow.is_reachable(block)) continue;
    for (const Inst inst : func.layout.insts(block)) {
      if (dfg.opcode(inst) == Opcode::StackAddr) escapes_[dfg[inst].words[0]] = true;
      escape_operands(func, inst);
    }
  }
}

}  // namespace gantry::opt

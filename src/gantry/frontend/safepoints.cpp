// Problem: a collector may move what live values point to during any call. Idea: a value that is
// live across a call has a slot; it is stored once, where it is defined, and the slot is in the
// stack map of every such call; a use behind a call reads the slot, once for the stretch up to the
// next call or the end of the block. Liveness is walked backwards from the uses of one value at a
// time, so the work is the size of the live ranges. Invariants: positions count instructions in
// layout order, doubled; an operand is read at an even position, what a try_call passes to its
// edges at the odd one behind it. A value is live across the call at p if it is defined before p
// and needed at a position greater than p.
#include "gantry/frontend/safepoints.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace gantry::frontend {
namespace {

using ir::Block;
using ir::BlockArg;
using ir::BlockCall;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Type;
using ir::Value;
using meta::Format;

constexpr u32 kNone = ~u32{0};

bool is_try_call(Opcode op) {
  const Format format = ir::inst_facts(op).format;
  return format == Format::TryCall || format == Format::TryCallIndirect;
}

class Spiller {
 public:
  Spiller(ir::Function& func, Type pointer_type) : func_(func), pointer_type_(pointer_type) {}
  Result<void> add(Value value);
  void run();

 private:
  struct Tracked {
    Value value;
    PackedOption<ir::StackSlot> slot;  // once it is known to be live across a safepoint
    Value name;                        // what holds it at the place being rewritten
    u32 stretch = kNone;               // the stretch in which `name` is good
  };
  struct Use {
    u32 tracked;
    u32 block;
    u32 position;
  };
  struct Safepoint {
    u32 position;
    Inst inst;
  };
  struct Entry {
    u32 safepoint;
    u32 tracked;
  };
  struct BlockFacts {
    u32 live_in = kNone, live_out = kNone;  // last value found so
    u32 used = kNone;  // last value with a use; its last position is in last_use
    u32 last_use = 0;
    u32 first_safepoint = 0, end_safepoint = 0;
    u32 first_pred = 0, end_pred = 0;
  };

  // Its number in all_, or kNone: also for values made by the rewriting.
  u32 tracked(Value value) const {
    const u32 index = func_.dfg.resolve(value).index();
    return index < tracked_by_value_.size() ? tracked_by_value_[index] : kNone;
  }
  void collect();
  void find_live_ranges(u32 number, std::span<const Use> uses);
  void write_stack_maps();
  void rewrite();
  void rewrite_inst(Block block, Inst inst);
  void rewrite_edges(Block block, Inst inst);
  void store_at_definition(u32 number, Block block, PackedOption<Inst> before);
  Value current_name(u32 number, Block block, PackedOption<Inst> before);
  Value reload(u32 number, Block block, PackedOption<Inst> before);
  Inst insert(Block block, PackedOption<Inst> before, const InstData& data, Type control);
  Value slot_address(u32 number, Block block, PackedOption<Inst> before);

  ir::Function& func_;
  Type pointer_type_;
  std::vector<u32> tracked_by_value_;
  std::vector<Tracked> all_;
  std::vector<u32> position_;  // by instruction
  std::vector<BlockFacts> blocks_;
  std::vector<u32> preds_;
  std::vector<Safepoint> safepoints_;
  std::vector<Use> uses_;
  std::vector<Entry> entries_;
  std::vector<u32> live_blocks_, work_;
  u32 stretch_ = 0;
};

Result<void> Spiller::add(Value value) {
  tracked_by_value_.resize(func_.dfg.num_values(), kNone);
  value = func_.dfg.resolve(value);
  u32& number = tracked_by_value_[value.index()];
  if (number != kNone) return {};
  const Type type = func_.dfg.type(value);
  if (type.bytes() > 16 || type.is_dynamic()) {
    TextWriter message;
    message.put("v", value.index(), " needs a stack map but has type ");
    ir::write_type(type, message);
    return Error(ErrorKind::Unsupported, message.view());
  }
  number = static_cast<u32>(all_.size());
  all_.push_back({value, {}, value, kNone});
  return {};
}

void Spiller::run() {
  collect();
  if (safepoints_.empty()) return;
  // Uses by value; within one they are in layout order already.
  std::stable_sort(uses_.begin(), uses_.end(),
                   [](const Use& a, const Use& b) { return a.tracked < b.tracked; });
  for (usize first = 0; first < uses_.size();) {
    usize end = first;
    while (end < uses_.size() && uses_[end].tracked == uses_[first].tracked) ++end;
    find_live_ranges(uses_[first].tracked, std::span(uses_).subspan(first, end - first));
    first = end;
  }
  if (entries_.empty()) return;
  write_stack_maps();
  rewrite();
}

// Positions, safepoints, uses and predecessors in one walk over the function.
void Spiller::collect() {
  const ir::DataFlowGraph& dfg = func_.dfg;
  blocks_.resize(dfg.num_blocks());
  position_.resize(dfg.num_insts());
  std::vector<std::pair<u32, u32>> edges;  // to, from
  u32 position = 0;
  for (const Block block : func_.layout.blocks()) {
    BlockFacts& facts = blocks_[block.index()];
    facts.first_safepoint = static_cast<u32>(safepoints_.size());
    for (const Inst inst : func_.layout.insts(block)) {
      position += 2;
      position_[inst.index()] = position;
      const auto use = [&](Value value, u32 at) {
        if (const u32 number = tracked(value); number != kNone)
          uses_.push_back({number, block.index(), at});
      };
      for (const Value arg : dfg.args(inst)) use(arg, position);
      const Opcode op = dfg.opcode(inst);
      if (is_try_call(op)) {
        const auto& table =
            dfg.exception_tables[ir::ExceptionTable::from_index(dfg[inst].words[2])];
        for (const ir::ExceptionTableData::Item& item : table.items) {
          if (item.context) use(*item.context, position);
        }
      }
      if (ir::is_branch(op)) {
        dfg.for_each_block_call(inst, [&](BlockCall call) {
          edges.emplace_back(call.block(dfg.lists()).index(), block.index());
          for (const Value encoded : call.args(dfg.lists())) {
            const BlockArg arg = BlockArg::decoded(encoded);
            if (arg.is_value()) use(arg.as_value(), position + (is_try_call(op) ? 1 : 0));
          }
        });
      }
      if (ir::is_safepoint(op)) safepoints_.push_back({position, inst});
    }
    facts.end_safepoint = static_cast<u32>(safepoints_.size());
  }
  for (const auto& [to, from] : edges) ++blocks_[to].end_pred;
  u32 total = 0;
  for (BlockFacts& facts : blocks_) {
    facts.first_pred = total;
    total += facts.end_pred;
    facts.end_pred = facts.first_pred;
  }
  preds_.resize(total);
  for (const auto& [to, from] : edges) preds_[blocks_[to].end_pred++] = from;
}

void Spiller::find_live_ranges(u32 number, std::span<const Use> uses) {
  const ir::ValueDef def = func_.dfg.def(all_[number].value);
  const bool is_param = def.kind == ir::ValueData::Kind::Param;
  const u32 home = is_param ? def.owner : (*func_.layout.block_of(def.inst())).index();
  const u32 defined = is_param ? 0 : position_[def.owner];

  live_blocks_.assign(1, home);
  const auto live_in = [&](u32 block) {
    if (block == home || blocks_[block].live_in == number) return;
    blocks_[block].live_in = number;
    live_blocks_.push_back(block);
    work_.push_back(block);
  };
  for (const Use& use : uses) {
    BlockFacts& facts = blocks_[use.block];
    facts.used = number;
    facts.last_use = use.position;
    live_in(use.block);
  }
  while (!work_.empty()) {
    const BlockFacts& facts = blocks_[work_.back()];
    work_.pop_back();
    for (u32 i = facts.first_pred; i < facts.end_pred; ++i) {
      blocks_[preds_[i]].live_out = number;
      live_in(preds_[i]);
    }
  }

  for (const u32 block : live_blocks_) {
    const BlockFacts& facts = blocks_[block];
    const u32 end = facts.live_out == number ? kNone : facts.used == number ? facts.last_use : 0;
    const u32 from = block == home ? defined : 0;
    const auto first = std::upper_bound(
        safepoints_.begin() + facts.first_safepoint, safepoints_.begin() + facts.end_safepoint,
        from,
        [](u32 position, const Safepoint& safepoint) { return position < safepoint.position; });
    for (auto at = first; at != safepoints_.begin() + facts.end_safepoint && at->position < end;
         ++at) {
      entries_.push_back({static_cast<u32>(at - safepoints_.begin()), number});
    }
  }
}

void Spiller::write_stack_maps() {
  for (const Entry& entry : entries_) {
    Tracked& tracked = all_[entry.tracked];
    if (tracked.slot) continue;
    const u32 bytes = func_.dfg.type(tracked.value).bytes();
    tracked.slot = func_.stack_slots.push({bytes, static_cast<u8>(std::bit_width(bytes) - 1), {}});
  }
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.safepoint < b.safepoint; });
  std::vector<ir::StackMapEntry> map;
  for (usize i = 0; i < entries_.size();) {
    const u32 safepoint = entries_[i].safepoint;
    const Inst inst = safepoints_[safepoint].inst;
    const std::span<const ir::StackMapEntry> present = func_.stack_map(inst);
    map.assign(present.begin(), present.end());
    for (; i < entries_.size() && entries_[i].safepoint == safepoint; ++i) {
      const Tracked& tracked = all_[entries_[i].tracked];
      map.push_back({func_.dfg.type(tracked.value), *tracked.slot, 0});
    }
    func_.set_stack_map(inst, map);
  }
}

// ---- rewriting. A stretch is a piece of a block without a safepoint; a name is good in the
// stretch it was made in.

void Spiller::rewrite() {
  const PackedOption<Block> no_block;
  for (PackedOption<Block> at = func_.layout.first_block(); at != no_block;) {
    const Block block = *at;
    at = func_.layout.next_block(block);  // not the blocks that are inserted for edges
    ++stretch_;
    const PackedOption<Inst> first = func_.layout.first_inst(block);
    for (u32 i = 0; i < func_.dfg.block_params(block).size(); ++i) {
      const u32 number = tracked(func_.dfg.block_params(block)[i]);
      if (number != kNone && all_[number].slot) store_at_definition(number, block, first);
    }
    const PackedOption<Inst> none;
    for (PackedOption<Inst> next = first; next != none;) {
      const Inst inst = *next;
      next = func_.layout.next_inst(inst);
      rewrite_inst(block, inst);
      if (ir::is_safepoint(func_.dfg.opcode(inst))) ++stretch_;
      for (u32 i = 0; i < func_.dfg.results(inst).size(); ++i) {
        const u32 number = tracked(func_.dfg.results(inst)[i]);
        if (number != kNone && all_[number].slot) store_at_definition(number, block, next);
      }
    }
  }
}

void Spiller::rewrite_inst(Block block, Inst inst) {
  ir::DataFlowGraph& dfg = func_.dfg;
  const auto rewritten = [&](Value value) {
    const u32 number = tracked(value);
    return number == kNone || !all_[number].slot ? value : current_name(number, block, inst);
  };
  // By number: a reload makes instructions and values, which moves the records that spans point
  // into.
  const usize count = dfg.args(inst).size();
  for (usize i = 0; i < count; ++i) {
    const Value value = rewritten(dfg.args(inst)[i]);
    dfg.args(inst)[i] = value;
  }
  const Opcode op = dfg.opcode(inst);
  if (is_try_call(op)) {
    auto& table = dfg.exception_tables[ir::ExceptionTable::from_index(dfg[inst].words[2])];
    for (ir::ExceptionTableData::Item& item : table.items) {
      if (item.context) item.context = rewritten(*item.context);
    }
    rewrite_edges(block, inst);
  } else if (ir::is_branch(op)) {
    std::vector<BlockCall> calls;
    dfg.for_each_block_call(inst, [&](BlockCall call) { calls.push_back(call); });
    for (const BlockCall call : calls) {
      for (usize i = 0; i < call.args(dfg.lists()).size(); ++i) {
        const BlockArg arg = BlockArg::decoded(std::as_const(dfg).lists().items(call.raw())[i + 1]);
        if (!arg.is_value()) continue;
        const Value value = rewritten(arg.as_value());
        call.args(dfg.lists())[i] = BlockArg::value(value).encoded();
      }
    }
  }
}

// What a try_call hands to an edge is read behind the call: such an edge gets a block that reloads.
void Spiller::rewrite_edges(Block block, Inst inst) {
  ir::DataFlowGraph& dfg = func_.dfg;
  const ir::ExceptionTable table_id = ir::ExceptionTable::from_index(dfg[inst].words[2]);
  const ir::SigRef signature = *dfg.exception_tables[table_id].signature;
  const auto rewritten = [&](BlockCall call) {
    std::vector<BlockArg> args;
    bool needs_block = false;
    for (const Value encoded : call.args(dfg.lists())) {
      args.push_back(BlockArg::decoded(encoded));
      if (!args.back().is_value()) continue;
      const u32 number = tracked(args.back().as_value());
      needs_block = needs_block || (number != kNone && all_[number].slot);
    }
    if (!needs_block) return call;
    const Block between = dfg.make_block();
    func_.layout.set_cold(between, func_.layout.is_cold(call.block(dfg.lists())));
    func_.layout.insert_block_after(between, block);
    ++stretch_;
    BlockCall into = BlockCall::make(between, dfg.lists());
    BlockCall onward = BlockCall::make(call.block(dfg.lists()), dfg.lists());
    for (const BlockArg arg : args) {
      if (!arg.is_value()) {
        const Type type = arg.kind() == BlockArg::Kind::TryCallReturn
                              ? dfg.signatures[signature].returns[arg.number()].type
                              : pointer_type_;
        into.push(arg, dfg.lists());
        onward.push(BlockArg::value(dfg.append_block_param(between, type)), dfg.lists());
        continue;
      }
      const u32 number = tracked(arg.as_value());
      const bool is_spilled = number != kNone && all_[number].slot;
      onward.push(BlockArg::value(is_spilled ? current_name(number, between, {}) : arg.as_value()),
                  dfg.lists());
    }
    insert(between, {}, {Opcode::Jump, 0, 0, {0, onward.raw(), 0}}, Type());
    return into;
  };
  // By number: making blocks does not move tables, but the loop should not depend on that.
  const BlockCall normal = rewritten(dfg.exception_tables[table_id].normal_return);
  dfg.exception_tables[table_id].normal_return = normal;
  for (usize i = 0; i < dfg.exception_tables[table_id].items.size(); ++i) {
    if (dfg.exception_tables[table_id].items[i].kind == ir::ExceptionTableData::Item::Kind::Context)
      continue;
    const BlockCall handler = rewritten(dfg.exception_tables[table_id].items[i].call);
    dfg.exception_tables[table_id].items[i].call = handler;
  }
}

Inst Spiller::insert(Block block, PackedOption<Inst> before, const InstData& data, Type control) {
  const Inst inst = func_.dfg.make_inst(data);
  func_.dfg.make_results(inst, control);
  if (before) {
    func_.layout.insert_inst_before(inst, *before);
  } else {
    func_.layout.append_inst(inst, block);
  }
  return inst;
}

Value Spiller::slot_address(u32 number, Block block, PackedOption<Inst> before) {
  const InstData data{Opcode::StackAddr, 0, 0, {(*all_[number].slot).index(), 0, 0}};
  return func_.dfg.first_result(insert(block, before, data, pointer_type_));
}

void Spiller::store_at_definition(u32 number, Block block, PackedOption<Inst> before) {
  const Value address = slot_address(number, block, before);
  ir::MemFlags flags;
  flags.aligned = true;
  flags.trap = {};
  const u16 flag_number = func_.dfg.intern(flags).index;
  const Value value = all_[number].value;
  insert(block, before, {Opcode::Store, 0, flag_number, {value.index(), address.index(), 0}},
         func_.dfg.type(value));
  all_[number].name = value;
  all_[number].stretch = stretch_;
}

Value Spiller::current_name(u32 number, Block block, PackedOption<Inst> before) {
  if (all_[number].stretch != stretch_) {
    all_[number].name = reload(number, block, before);
    all_[number].stretch = stretch_;
  }
  return all_[number].name;
}

Value Spiller::reload(u32 number, Block block, PackedOption<Inst> before) {
  const Value address = slot_address(number, block, before);
  ir::MemFlags flags;
  flags.aligned = true;
  flags.trap = {};
  const InstData data{Opcode::Load, 0, func_.dfg.intern(flags).index, {address.index(), 0, 0}};
  return func_.dfg.first_result(insert(block, before, data, func_.dfg.type(all_[number].value)));
}

}  // namespace

Result<void> spill_at_safepoints(ir::Function& func, Type pointer_type,
                                 std::span<const Value> values) {
  if (values.empty()) return {};
  Spiller spiller(func, pointer_type);
  for (const Value value : values) {
    if (Result<void> added = spiller.add(value); !added) return added;
  }
  spiller.run();
  return {};
}

}  // namespace gantry::frontend

// Problem: lowering keeps the blocks and branches that a front end happened to write, and what
// rewriting has since decided about them. Idea: count the edges of each block, and keep the
// exclusive or of the blocks they come from: when one edge is left, that is its source. Terminators
// are visited successors first, so that a chain of empty blocks has been shortened before an edge
// is led through it; a lost edge wakes the two blocks it can matter to. Joining blocks is left to
// the end, from the head of each chain, so that each instruction moves once. Invariants: counts are
// exact for blocks in the layout; a block without edges is removed before the next visit; a cycle
// that lost its entry keeps its counts until the final sweep, and what is concluded inside of it
// does not matter. An empty block is passed only if nothing but its terminator reads its
// parameters. That it dominates no other block says so, or else a count of the uses of all values,
// made when first asked for and never too low.
#include "gantry/opt/clean_up_flow.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "gantry/opt/internal/change.h"
#include "gantry/opt/remove_unreachable_blocks.h"
#include "gantry/support/limits.h"

namespace gantry::opt {
namespace {

using ir::Block;
using ir::BlockArg;
using ir::BlockCall;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Type;
using ir::Value;

struct BlockState {
  enum class Walk : u8 { Unseen, Open, Done };

  u32 num_edges = 0;  // that lead here
  u32 sources = 0;    // exclusive or of the blocks they come from
  // Of the beginning: where the jump it ended in led, and how many edges, less retreating ones, led
  // here (up to 2).
  PackedOption<Block> first_target;
  u8 num_forward = 0;
  Walk walk = Walk::Unseen;
  Opcode ends = Opcode::Nop;       // its terminator; Nop: the block is gone
  bool is_empty : 1 = false;       // but for a jump, brif or br_table
  bool jumps_back : 1 = false;     // that first jump was a retreating edge
  bool is_header : 1 = false;      // a retreating edge leads here
  bool has_call_edge : 1 = false;  // one of a try_call
  bool is_pinned : 1 = false;      // the entry, and blocks known by name elsewhere
  bool is_queued : 1 = false;
  bool leaks : 1 = false;    // a parameter got another name, which is read who knows where
  bool is_done : 1 = false;  // its large branch was looked at
};
static_assert(sizeof(BlockState) == 16);

// Kept from function to function.
struct Memory {
  std::vector<BlockState> blocks;
  std::vector<u8> branch_uses;  // by value: branches on it, up to 255
  std::vector<u32> uses;        // by value; empty until it is needed
  std::vector<Block> postorder, walk, queue, dead;
  std::vector<Value> args, mapped_args;
};
constexpr char kOwner = 0;

// Over all blocks, and visits in each round of blocks that changes have woken, for each block. What
// is left then is only worse, and was never seen in anything but cycles that lost their entry.
constexpr u32 kRounds = 2;
constexpr u32 kVisits = 8;

bool is_passage(Opcode opcode) {
  return opcode == Opcode::Jump || opcode == Opcode::Brif || opcode == Opcode::BrTable;
}

class FlowCleaner {
 public:
  FlowCleaner(ir::Function& func, Session& session, Memory& memory)
      : func_(func), dfg_(func.dfg), layout_(func.layout), session_(session), memory_(memory) {}

  bool run();

 private:
  // ---- values
  // Paths of aliases are shortened on the way.
  Value resolve(Value value) {
    if (!dfg_.is_alias(value)) [[likely]]
      return value;
    dfg_.make_alias(value, Value::from_index(dfg_.value_data(value).owner()));
    return Value::from_index(dfg_.value_data(value).owner());
  }
  BlockArg resolve(BlockArg arg) {
    return arg.is_value() ? BlockArg::value(resolve(arg.as_value())) : arg;
  }
  std::optional<u64> constant(Value value) const;
  bool is_param_of(Value value, Block block) const {
    const ir::ValueData& data = dfg_.value_data(value);
    return data.kind() == ir::ValueData::Kind::Param && data.owner() == block.index();
  }
  // Stack maps belong to calls, which nothing here takes out.
  bool is_tagged(Inst inst) const { return has_tags_ && !func_.debug_tags(inst).empty(); }
  template <class F>
  void for_each_used_value(Inst inst, F&& visit);
  void count_uses();
  void count_use(Value value) {
    if (!memory_.uses.empty()) ++memory_.uses[value.index()];
  }
  void forget_use(Value value) {
    if (!memory_.uses.empty()) --memory_.uses[value.index()];
  }
  void forget_args(BlockCall call) {
    if (memory_.uses.empty()) return;
    for (const Value encoded : call.args(dfg_.lists())) {
      const BlockArg arg = resolve(BlockArg::decoded(encoded));
      if (arg.is_value()) forget_use(arg.as_value());
    }
  }

  // ---- edges
  BlockState& state(Block block) { return blocks_[block.index()]; }
  Block target(BlockCall call) const { return call.block(dfg_.lists()); }
  Inst terminator(Block block) const { return *layout_.last_inst(block); }
  u32 num_args(BlockCall call) const { return static_cast<u32>(call.args(dfg_.lists()).size()); }
  void add_edge(Block from, Block to) {
    ++state(to).num_edges;
    state(to).sources ^= from.index();
  }
  void drop_edge(Block from, Block to);
  void remove_dead_blocks();
  void enqueue(Block block);
  void walk();
  void pin_named_blocks();
  Inst insert_before(const InstData& data, Type control, Inst before, Inst origin);

  bool may_change(std::string_view what, Inst place) {
    return opt::may_change(session_, kCleanUpFlow, what, func_, place);
  }

  // ---- rules; true: the terminator is another one now
  bool may_shorten(BlockCall call) const;
  void visit(Block block);
  bool visit_brif(Block block, Inst branch);
  bool visit_br_table(Block block, Inst branch);
  bool decide(Block block, Inst branch);
  std::optional<bool> truth_from_above(Block block, Value condition);
  void make_jump(Block block, Inst branch, u32 kept_call);
  bool are_equal(BlockCall a, BlockCall b);
  void bind_params(BlockCall& call);
  void bind(BlockCall& call);

  struct Known {  // about the condition of the branch that an edge belongs to
    PackedOption<Value> condition;
    bool truth = false;
    bool is_jump = false;
  };
  bool thread(Block from, BlockCall& call, Known known);
  std::optional<BlockCall> way_through(Block block, Known known);
  bool owns_its_params(Block block);

  bool make_conditional_trap(Block block, Inst branch);
  std::optional<Inst> trap_at(Block block);
  bool make_selects(Block block, Inst branch);
  bool is_side(Block block);
  bool is_cheap_inst(Inst inst);
  bool steers_itself(Block header, BlockCall a, BlockCall b, Value condition);
  std::optional<u32> num_differing(BlockCall a, BlockCall b);

  void merge();
  bool joins_its_source(Block block);
  void join(Block block, Inst jump);

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
  ir::Layout& layout_;
  Session& session_;
  Memory& memory_;
  BlockState* blocks_ = nullptr;  // by number
  bool has_loops_ = false;
  bool has_tags_ = false;
  bool changed_ = false;
  bool lost_edges_ = false;
  bool revisit_ = false;  // a terminator changed; blocks that lead to it may have been visited
};

// ---- values

std::optional<u64> FlowCleaner::constant(Value value) const {
  const ir::ValueData& data = dfg_.value_data(value);
  if (data.kind() != ir::ValueData::Kind::Result) return std::nullopt;
  const InstData& inst = dfg_[Inst::from_index(data.owner())];
  if (inst.opcode != Opcode::Iconst) return std::nullopt;
  const u32 bits = data.type().bits();
  return bits >= 64 ? inst.wide() : inst.wide() & ((u64{1} << bits) - 1);
}

template <class F>
void FlowCleaner::for_each_used_value(Inst inst, F&& visit) {
  for (const Value value : dfg_.args(inst)) visit(resolve(value));
  if (!ir::is_branch(dfg_.opcode(inst))) return;
  dfg_.for_each_block_call(inst, [&](BlockCall call) {
    for (const Value encoded : call.args(dfg_.lists())) {
      const BlockArg arg = BlockArg::decoded(encoded);
      if (arg.is_value()) visit(resolve(arg.as_value()));
    }
  });
  const meta::Format format = ir::inst_facts(dfg_.opcode(inst)).format;
  if (format != meta::Format::TryCall && format != meta::Format::TryCallIndirect) return;
  for (const auto& item :
       dfg_.exception_tables[ir::ExceptionTable::from_index(dfg_[inst].words[2])].items) {
    if (item.context) visit(resolve(*item.context));
  }
}

void FlowCleaner::count_uses() {
  if (!memory_.uses.empty()) return;
  memory_.uses.assign(memory_.branch_uses.size(), 0);
  for (const Block block : layout_.blocks()) {
    for (const Inst inst : layout_.insts(block)) {
      for_each_used_value(inst, [&](Value value) { ++memory_.uses[value.index()]; });
    }
  }
}

// ---- edges

void FlowCleaner::enqueue(Block block) {
  BlockState& queued = state(block);
  if (queued.is_queued) return;
  queued.is_queued = true;
  memory_.queue.push_back(block);
}

void FlowCleaner::drop_edge(Block from, Block to) {
  BlockState& reached = state(to);
  --reached.num_edges;
  reached.sources ^= from.index();
  lost_edges_ = true;
  if (reached.num_edges == 0 && !reached.is_pinned) memory_.dead.push_back(to);
  if (reached.num_edges == 1) {
    enqueue(Block::from_index(reached.sources));
    enqueue(to);
  }
}

void FlowCleaner::remove_dead_blocks() {
  while (!memory_.dead.empty()) {
    const Block block = memory_.dead.back();
    memory_.dead.pop_back();
    if (state(block).num_edges != 0 || state(block).ends == Opcode::Nop) continue;
    dfg_.for_each_block_call(terminator(block),
                             [&](BlockCall call) { drop_edge(block, target(call)); });
    if (!memory_.uses.empty()) {
      for (const Inst inst : layout_.insts(block)) {
        for_each_used_value(inst, [&](Value value) { forget_use(value); });
      }
    }
    remove_block_with_insts(func_, block);
    state(block).ends = Opcode::Nop;
  }
}

// Depth first from the entry: an order of the reachable blocks, and what the edges between them
// are.
void FlowCleaner::walk() {
  std::vector<Block>& stack = memory_.walk;
  stack.assign(1, *layout_.entry());
  memory_.postorder.clear();
  while (!stack.empty()) {
    const Block block = stack.back();
    BlockState& at = state(block);
    if (at.walk != BlockState::Walk::Unseen) {  // left, or met again
      stack.pop_back();
      if (at.walk == BlockState::Walk::Open) memory_.postorder.push_back(block);
      at.walk = BlockState::Walk::Done;
      continue;
    }
    at.walk = BlockState::Walk::Open;
    const Inst last = terminator(block);
    const InstData& data = dfg_[last];
    at.ends = data.opcode;
    at.is_empty = is_passage(data.opcode) && layout_.first_inst(block) == PackedOption<Inst>(last);
    const auto follow = [&](BlockCall call) __attribute__((always_inline)) {
      const Block to = target(call);
      BlockState& reached = state(to);
      ++reached.num_edges;
      reached.sources ^= block.index();
      if (reached.walk == BlockState::Walk::Open) {
        reached.is_header = true;
        has_loops_ = true;
      } else {
        if (reached.num_forward < 2) ++reached.num_forward;
        if (reached.walk == BlockState::Walk::Unseen) stack.push_back(to);
      }
    };
    switch (data.opcode) {
      case Opcode::Jump:
        at.first_target = target(data.block_call(1));
        at.jumps_back = state(*at.first_target).walk == BlockState::Walk::Open;
        follow(data.block_call(1));
        break;
      case Opcode::Brif: {
        u8& branches = memory_.branch_uses[resolve(data.arg(0)).index()];
        branches = static_cast<u8>(std::min(255, branches + 1));
        follow(data.block_call(1));
        follow(data.block_call(2));
        break;
      }
      case Opcode::BrTable:
        dfg_.for_each_block_call(last, follow);
        break;
      case Opcode::TryCall:
      case Opcode::TryCallIndirect:
        dfg_.for_each_block_call(last, [&](BlockCall call) {
          follow(call);
          state(target(call)).has_call_edge = true;
        });
        break;
      default:
        break;
    }
  }
}

void FlowCleaner::pin_named_blocks() {
  for (const Block block : layout_.blocks()) {
    for (const Inst inst : layout_.insts(block)) {
      if (dfg_.opcode(inst) != Opcode::GetExceptionHandlerAddress) continue;
      state(Block::from_index(dfg_[inst].words[0])).is_pinned = true;
    }
  }
}

// It stands for `origin`: location and frame are those.
Inst FlowCleaner::insert_before(const InstData& data, Type control, Inst before, Inst origin) {
  const Inst inst = dfg_.make_inst(data);
  dfg_.make_results(inst, control);
  layout_.insert_inst_before(inst, before);
  func_.copy_source_place(inst, origin);
  for (const Value arg : dfg_.args(inst)) count_use(arg);
  GANTRY_CHECK(dfg_.num_values() <= memory_.branch_uses.size());
  return inst;
}

// ---- terminators

// Whether there is anything to do about the jump that makes `call`.
bool FlowCleaner::may_shorten(BlockCall call) const {
  const BlockState& next = blocks_[target(call).index()];
  return next.is_empty || next.num_edges == 1;
}

void FlowCleaner::visit(Block block) {
  while (true) {
    bool again = false;
    switch (state(block).ends) {
      case Opcode::Jump: {
        const Inst last = terminator(block);
        BlockCall call = dfg_[last].block_call(1);
        if (!may_shorten(call)) return;
        thread(block, call, {.is_jump = true});
        bind_params(call);
        dfg_[last].words[1] = call.raw();
        break;
      }
      case Opcode::Brif:
        again = visit_brif(block, terminator(block));
        break;
      case Opcode::BrTable:
        again = visit_br_table(block, terminator(block));
        break;
      default:
        return;
    }
    if (!memory_.dead.empty()) remove_dead_blocks();
    if (!again) return;
  }
}

// Makes a branch on a known condition the jump that it is.
bool FlowCleaner::decide(Block block, Inst branch) {
  const InstData& data = dfg_[branch];
  const Value condition = resolve(data.arg(0));
  if (data.opcode == Opcode::Brif) {
    std::optional<bool> truth;
    if (const std::optional<u64> value = constant(condition)) {
      truth = *value != 0;
    } else if (memory_.branch_uses[condition.index()] > 1) {
      truth = truth_from_above(block, condition);
    }
    if (!truth || !may_change("a branch whose condition is known becomes a jump", branch))
      return false;
    make_jump(block, branch, *truth ? 0 : 1);
    return true;
  }
  const std::optional<u64> index = constant(condition);
  if (!index || !may_change("a table whose index is known becomes a jump", branch)) return false;
  const usize size = dfg_.jump_tables[ir::JumpTable::from_index(data.words[1])].entries.size();
  make_jump(block, branch, *index < size ? static_cast<u32>(*index) + 1 : 0);
  return true;
}

std::optional<bool> FlowCleaner::truth_from_above(Block block, Value condition) {
  for (u32 step = 0; step < limits::kMaxPathSteps.value; ++step) {
    const BlockState& at = state(block);
    if (at.num_edges != 1) return std::nullopt;
    const Block above = Block::from_index(at.sources);
    if (state(above).ends == Opcode::Brif) {
      const InstData& branch = dfg_[terminator(above)];
      if (resolve(branch.arg(0)) == condition) return target(branch.block_call(1)) == block;
    }
    block = above;
  }
  return std::nullopt;
}

// Keeps one of the calls, in operand order, and drops the edges of all others.
void FlowCleaner::make_jump(Block block, Inst branch, u32 kept_call) {
  u32 number = 0;
  BlockCall kept;
  dfg_.update_block_calls(branch, [&](BlockCall& call) {
    if (number++ == kept_call) {
      kept = call;
      return;
    }
    forget_args(call);
    drop_edge(block, target(call));
    ir::ValueList list = ir::ValueList::from_raw(call.raw());
    list.clear(dfg_.lists());
    call = BlockCall::from_raw(list.raw());
  });
  InstData& data = dfg_[branch];
  forget_use(resolve(data.arg(0)));
  if (data.opcode == Opcode::BrTable)
    dfg_.jump_tables[ir::JumpTable::from_index(data.words[1])].entries.clear();
  data = InstData{.opcode = Opcode::Jump};
  data.words[1] = kept.raw();
  BlockState& changed = state(block);
  changed.ends = Opcode::Jump;
  changed.is_done = false;
  changed_ = true;
  revisit_ = true;
}

bool FlowCleaner::are_equal(BlockCall a, BlockCall b) {
  if (target(a) != target(b) || num_args(a) != num_args(b)) return false;
  for (u32 i = 0; i < num_args(a); ++i) {
    if (resolve(BlockArg::decoded(a.args(dfg_.lists())[i])) !=
        resolve(BlockArg::decoded(b.args(dfg_.lists())[i]))) {
      return false;
    }
  }
  return true;
}

bool FlowCleaner::visit_brif(Block block, Inst branch) {
  if (decide(block, branch)) return true;
  BlockCall calls[] = {dfg_[branch].block_call(1), dfg_[branch].block_call(2)};
  Block targets[] = {target(calls[0]), target(calls[1])};
  const bool is_large = num_args(calls[0]) + num_args(calls[1]) > limits::kMaxThreadedArgs.value;
  if (is_large) {
    if (state(block).is_done) return false;
    state(block).is_done = true;
  }
  for (u32 i = 0; i < 2; ++i) {
    if (!state(targets[i]).is_empty) continue;
    const Value condition = resolve(dfg_[branch].arg(0));
    if (!thread(block, calls[i], {.condition = condition, .truth = i == 0})) continue;
    dfg_[branch].words[1 + i] = calls[i].raw();
    targets[i] = target(calls[i]);
  }
  const bool is_one_target = targets[0] == targets[1];
  if (is_one_target && are_equal(calls[0], calls[1]) &&
      may_change("a branch with equal targets becomes a jump", branch)) {
    make_jump(block, branch, 0);
    return true;
  }
  const Opcode ends[] = {state(targets[0]).ends, state(targets[1]).ends};
  const bool any_jumps = ends[0] == Opcode::Jump || ends[1] == Opcode::Jump;
  const bool any_traps = ends[0] == Opcode::Trap || ends[1] == Opcode::Trap;
  if ((any_jumps || any_traps) && make_conditional_trap(block, branch)) return true;
  if ((any_jumps || is_one_target) && make_selects(block, branch)) return true;
  for (u32 i = 0; i < 2; ++i) {
    if (state(targets[i]).num_edges != 1 || num_args(calls[i]) == 0) continue;
    bind_params(calls[i]);
    dfg_[branch].words[1 + i] = calls[i].raw();
  }
  return false;
}

// Its edges are led on only once: a table may be large.
bool FlowCleaner::visit_br_table(Block block, Inst branch) {
  if (decide(block, branch)) return true;
  if (state(block).is_done) return false;
  state(block).is_done = true;
  dfg_.update_block_calls(branch, [&](BlockCall& call) { thread(block, call, {}); });
  const ir::JumpTableData& table =
      dfg_.jump_tables[ir::JumpTable::from_index(dfg_[branch].words[1])];
  bool all_equal = true;
  for (const BlockCall& call : table.entries)
    all_equal = all_equal && are_equal(call, table.default_call);
  if (all_equal && may_change("a table with equal targets becomes a jump", branch)) {
    make_jump(block, branch, 0);
    return true;
  }
  dfg_.update_block_calls(branch, [&](BlockCall& call) { bind_params(call); });
  return false;
}

// The parameters of a block with one edge are its arguments.
void FlowCleaner::bind_params(BlockCall& call) {
  const Block block = target(call);
  const std::span<const Value> params = dfg_.block_params(block);
  if (params.empty() || state(block).num_edges != 1) return;
  if (opt::may_change(session_, kCleanUpFlow, "parameters become the arguments of the only edge to",
                      func_, block)) {
    bind(call);
  }
}

void FlowCleaner::bind(BlockCall& call) {
  const Block block = target(call);
  const std::span<const Value> params = dfg_.block_params(block);
  for (u32 i = 0; i < params.size(); ++i) {
    const Value arg = resolve(BlockArg::decoded(call.args(dfg_.lists())[i]).as_value());
    if (!dfg_.make_alias(params[i], arg)) continue;  // a cycle that lost its entry
    const u32 param = params[i].index();
    const ir::ValueData& source = dfg_.value_data(arg);
    if (source.kind() == ir::ValueData::Kind::Param)
      state(Block::from_index(source.owner())).leaks = true;
    if (!memory_.uses.empty()) memory_.uses[arg.index()] += memory_.uses[param] - 1;
    u8& branches = memory_.branch_uses[arg.index()];
    branches = static_cast<u8>(std::min(255, branches + memory_.branch_uses[param]));
    changed_ = true;
  }
  call.filter_args([&](u32 i) { return !dfg_.is_alias(params[i]); }, dfg_.lists());
  dfg_.filter_block_params(block, [&](Value param) { return !dfg_.is_alias(param); });
  enqueue(block);
}

// ---- jump threading

// Whether nothing but the terminator of an empty block reads its parameters. One that only jumped
// on, in the beginning, to where another forward edge leads too, dominates no other block.
bool FlowCleaner::owns_its_params(Block block) {
  const std::span<const Value> params = dfg_.block_params(block);
  if (params.empty()) return true;
  const BlockState& owner = state(block);
  if (owner.first_target && !owner.leaks) {
    return state(*owner.first_target).num_forward >= (owner.jumps_back ? 1 : 2);
  }
  count_uses();
  u64 all = 0, own = 0;
  for (const Value param : params) all += memory_.uses[param.index()];
  for_each_used_value(terminator(block),
                      [&](Value value) { own += is_param_of(value, block) ? 1 : 0; });
  return all == own;
}

// The call by which an edge with the arguments memory_.args leaves a block that does nothing else.
std::optional<BlockCall> FlowCleaner::way_through(Block block, Known known) {
  const BlockState& passed = state(block);
  const Inst last = terminator(block);
  const InstData& data = dfg_[last];
  if (passed.has_call_edge || passed.is_pinned || is_tagged(last)) return std::nullopt;
  if (data.opcode == Opcode::Jump) {
    const BlockCall call = data.block_call(1);
    return num_args(call) <= limits::kMaxThreadedArgs.value ? std::optional(call) : std::nullopt;
  }
  if (passed.is_header) return std::nullopt;
  Value condition = resolve(data.arg(0));
  if (is_param_of(condition, block)) condition = memory_.args[dfg_.value_data(condition).number()];
  const std::optional<u64> value = constant(condition);
  if (data.opcode == Opcode::Brif) {
    const BlockCall calls[] = {data.block_call(1), data.block_call(2)};
    if (!value && known.condition != condition) return std::nullopt;
    if (num_args(calls[0]) + num_args(calls[1]) > limits::kMaxThreadedArgs.value)
      return std::nullopt;
    return (value ? *value != 0 : known.truth) ? calls[0] : calls[1];
  }
  const ir::JumpTableData& table = dfg_.jump_tables[ir::JumpTable::from_index(data.words[1])];
  if (!value || table.entries.size() > limits::kMaxThreadedArgs.value) return std::nullopt;
  u64 args = num_args(table.default_call);
  for (const BlockCall& call : table.entries) args += num_args(call);
  if (args > limits::kMaxThreadedArgs.value) return std::nullopt;
  return *value < table.entries.size() ? table.entries[*value] : table.default_call;
}

// Leads the edge past blocks that only pass it on. Whether `call` has changed.
bool FlowCleaner::thread(Block from, BlockCall& call, Known known) {
  const Block first = target(call);
  Block at = first;
  std::vector<Value>& args = memory_.args;
  args.clear();
  u32 steps = 0;
  bool is_only_way = true;
  while (true) {
    // Most edges end here, at once.
    if (!state(at).is_empty) break;
    if (steps == 0) {
      const std::span<const Value> given = call.args(dfg_.lists());
      args.resize(given.size());
      for (usize i = 0; i < given.size(); ++i)
        args[i] = resolve(BlockArg::decoded(given[i])).as_value();
    }
    const std::optional<BlockCall> found = way_through(at, known);
    if (!found) break;
    const Block next = target(*found);
    const bool leaves_cold = layout_.is_cold(at) && !layout_.is_cold(next);
    if (leaves_cold && !layout_.is_cold(from)) break;
    // Arguments cost a move on each edge: more of them only where that is all the edge costs, and
    // in bounds. Those of blocks with one edge just change place.
    const bool is_jump = state(at).ends == Opcode::Jump;
    const u32 old_args = num_args(call), new_args = num_args(*found);
    const u32 may_add = known.is_jump || !is_jump ? flow_policy::kAddedArgs : 0;
    is_only_way = is_only_way && state(at).num_edges == 1;
    if (new_args > old_args + may_add && !is_only_way) break;
    // All edges into a header or none: a loop with two entries is not to be made.
    if (state(at).is_header && (new_args != 0 || leaves_cold || !dfg_.block_params(at).empty()))
      break;
    if (!owns_its_params(at)) break;
    std::vector<Value>& mapped = memory_.mapped_args;
    const std::span<const Value> passed_on = found->args(dfg_.lists());
    mapped.resize(passed_on.size());
    for (usize i = 0; i < passed_on.size(); ++i) {
      const Value arg = resolve(BlockArg::decoded(passed_on[i]).as_value());
      mapped[i] = is_param_of(arg, at) ? args[dfg_.value_data(arg).number()] : arg;
    }
    args.swap(mapped);
    if (state(at).is_header) state(next).is_header = true;
    at = next;
    if (++steps == limits::kMaxThreadSteps.value) return false;
  }
  if (steps == 0) return false;
  if (!may_change("an edge is led past empty blocks", terminator(from))) return false;

  forget_args(call);
  for (Value& arg : args) {
    count_use(arg);
    arg = BlockArg::value(arg).encoded();
  }
  add_edge(from, at);
  drop_edge(from, first);
  for (Value& arg : args) arg = BlockArg::value(arg).encoded();
  args.insert(args.begin(), Value::from_index(at.index()));
  ir::ValueList list = ir::ValueList::from_raw(call.raw());
  list.assign(args, dfg_.lists());
  call = BlockCall::from_raw(list.raw());
  changed_ = true;
  return true;
}

// ---- conditional traps

// The trap that the block always ends in, doing nothing else that could be seen.
std::optional<Inst> FlowCleaner::trap_at(Block block) {
  // Nearly always the terminators tell.
  Block last = block;
  for (u32 jumps = 0; state(last).ends == Opcode::Jump; ++jumps) {
    if (jumps == limits::kMaxTrapBlockInsts.value) return std::nullopt;
    last = target(dfg_[terminator(last)].block_call(1));
  }
  if (state(last).ends != Opcode::Trap) return std::nullopt;
  PackedOption<Inst> at = layout_.first_inst(block);
  for (u32 insts = 0; insts < limits::kMaxTrapBlockInsts.value; ++insts) {
    const Inst inst = *at;
    const Opcode opcode = dfg_.opcode(inst);
    if (is_tagged(inst)) return std::nullopt;
    if (opcode == Opcode::Trap) return inst;
    if (opcode == Opcode::Jump) {
      at = layout_.first_inst(target(dfg_[inst].block_call(1)));
      continue;
    }
    if (func_.has_side_effect(inst)) return std::nullopt;
    at = layout_.next_inst(inst);
  }
  return std::nullopt;
}

bool FlowCleaner::make_conditional_trap(Block block, Inst branch) {
  for (u32 word = 1; word <= 2; ++word) {
    const std::optional<Inst> trap = trap_at(target(dfg_[branch].block_call(word)));
    if (!trap) continue;
    if (!may_change("a branch to a trap becomes a conditional trap", branch)) return false;
    InstData check{.opcode = word == 1 ? Opcode::Trapnz : Opcode::Trapz, .aux = dfg_[*trap].aux};
    const Value condition = resolve(dfg_[branch].arg(0));
    check.set_arg(0, condition);
    insert_before(check, dfg_.type(condition), branch, *trap);
    state(block).is_empty = false;
    make_jump(block, branch, word == 1 ? 1 : 0);
    return true;
  }
  return false;
}

// ---- selects

bool is_cheap(Opcode opcode) {
  switch (opcode) {
    case Opcode::Iconst:
    case Opcode::Iadd:
    case Opcode::Isub:
    case Opcode::Ineg:
    case Opcode::Band:
    case Opcode::Bor:
    case Opcode::Bxor:
    case Opcode::Bnot:
    case Opcode::Ishl:
    case Opcode::Ushr:
    case Opcode::Sshr:
    case Opcode::Icmp:
    case Opcode::Uextend:
    case Opcode::Sextend:
    case Opcode::Ireduce:
      return true;
    default:
      return false;
  }
}

bool is_small_int(Type type) { return type.is_int() && type.bits() <= 64; }

// An instruction or two of a machine that do not trap. Constants are part of those that use them.
bool FlowCleaner::is_cheap_inst(Inst inst) {
  const InstData& data = dfg_[inst];
  if (is_cheap(data.opcode)) return true;
  if (data.opcode != Opcode::Imul && data.opcode != Opcode::Udiv && data.opcode != Opcode::Urem)
    return false;
  const ir::ValueData& by = dfg_.value_data(resolve(data.arg(1)));
  if (by.kind() != ir::ValueData::Kind::Result) return false;
  const InstData& constant = dfg_[Inst::from_index(by.owner())];
  if (constant.opcode != Opcode::Iconst) return false;
  return data.opcode == Opcode::Imul || std::has_single_bit(constant.wide());
}

// Whether a block that ends in a jump, and has one edge, only computes a few things before.
bool FlowCleaner::is_side(Block block) {
  const BlockState& side = state(block);
  if (side.num_edges != 1 || side.is_pinned || side.has_call_edge ||
      !dfg_.block_params(block).empty())
    return false;
  u32 insts = 0;
  for (const Inst inst : layout_.insts(block)) {
    if (is_tagged(inst)) return false;
    const Opcode opcode = dfg_.opcode(inst);
    if (opcode == Opcode::Jump) return true;
    if (opcode != Opcode::Iconst) ++insts;
    if (insts > flow_policy::kSideInsts || !is_cheap_inst(inst) ||
        !is_small_int(dfg_.type(dfg_.first_result(inst)))) {
      return false;
    }
  }
  return false;
}

// Places in which two calls of one block have different values; none if a select cannot choose
// between them.
std::optional<u32> FlowCleaner::num_differing(BlockCall a, BlockCall b) {
  const u32 count = num_args(a);
  if (count > limits::kMaxThreadedArgs.value) return std::nullopt;
  u32 differing = 0;
  for (u32 i = 0; i < count; ++i) {
    const Value x = resolve(BlockArg::decoded(a.args(dfg_.lists())[i]).as_value());
    const Value y = resolve(BlockArg::decoded(b.args(dfg_.lists())[i]).as_value());
    if (x == y) continue;
    if (++differing > flow_policy::kSelects || !is_small_int(dfg_.type(x))) return std::nullopt;
  }
  return differing;
}

// Whether a loop's branch asks only what its own sides decided the round before, by arithmetic:
// then the condition is in the chain that the loop carries anyway, and hard to predict.
bool FlowCleaner::steers_itself(Block header, BlockCall a, BlockCall b, Value condition) {
  Value asked[flow_policy::kSteps];
  u32 count = 0;
  asked[count++] = condition;
  const std::span<const Value> params = dfg_.block_params(header);
  bool found = false;
  for (u32 at = 0; at < count; ++at) {
    const ir::ValueData& data = dfg_.value_data(asked[at]);
    if (data.kind() == ir::ValueData::Kind::Param) {
      if (Block::from_index(data.owner()) != header) continue;
      const u32 number = data.number();
      GANTRY_DCHECK(params[number] == asked[at]);
      const Value x = resolve(BlockArg::decoded(a.args(dfg_.lists())[number]).as_value());
      const Value y = resolve(BlockArg::decoded(b.args(dfg_.lists())[number]).as_value());
      found |= x != y;
      continue;
    }
    const Inst inst = Inst::from_index(data.owner());
    if (!is_cheap_inst(inst)) return false;
    for (const Value arg : dfg_.args(inst)) {
      if (count == flow_policy::kSteps) return false;
      asked[count++] = resolve(arg);
    }
  }
  return found;
}

bool FlowCleaner::make_selects(Block block, Inst branch) {
  const BlockCall direct[] = {dfg_[branch].block_call(1), dfg_[branch].block_call(2)};
  const Block sides[] = {target(direct[0]), target(direct[1])};
  // Where the sides meet, if they do: in each other's block, or behind one or both of them.
  PackedOption<Block> behind[2];
  for (u32 i = 0; i < 2; ++i) {
    const BlockState& side = state(sides[i]);
    if (side.ends == Opcode::Jump && side.num_edges == 1) {
      behind[i] = target(dfg_[terminator(sides[i])].block_call(1));
    }
  }
  bool through[2] = {};
  if (sides[0] != sides[1]) {
    through[0] = behind[0] == sides[1] || (behind[0] && behind[0] == behind[1]);
    through[1] = !(behind[0] == sides[1]) && (behind[1] == sides[0] || through[0]);
    if (!through[0] && !through[1]) return false;
  }
  BlockCall calls[2];
  for (u32 i = 0; i < 2; ++i) {
    if (layout_.is_cold(sides[i]) || (through[i] && !is_side(sides[i]))) return false;
    calls[i] = through[i] ? dfg_[terminator(sides[i])].block_call(1) : direct[i];
  }
  const Block join = target(calls[0]);
  const Value condition = resolve(dfg_[branch].arg(0));
  if (join == block || !is_small_int(dfg_.type(condition))) return false;
  if (layout_.is_cold(join) && !layout_.is_cold(block)) return false;
  if (!num_differing(calls[0], calls[1])) return false;
  if (state(join).is_header && !steers_itself(join, calls[0], calls[1], condition)) return false;
  if (!may_change("a branch becomes a choice of values", branch)) return false;

  for (u32 i = 0; i < 2; ++i) {
    if (!through[i]) continue;
    while (layout_.first_inst(sides[i]) != layout_.last_inst(sides[i])) {
      const Inst inst = *layout_.first_inst(sides[i]);
      layout_.remove_inst(inst);
      layout_.insert_inst_before(inst, branch);
    }
  }
  std::vector<Value>& items = memory_.args;
  items.assign(1, Value::from_index(join.index()));
  const u32 count = num_args(calls[0]);
  for (u32 i = 0; i < count; ++i) {
    const Value x = resolve(BlockArg::decoded(calls[0].args(dfg_.lists())[i]).as_value());
    const Value y = resolve(BlockArg::decoded(calls[1].args(dfg_.lists())[i]).as_value());
    Value chosen = x;
    if (x != y) {
      InstData select{.opcode = Opcode::Select};
      select.set_arg(0, condition);
      select.set_arg(1, x);
      select.set_arg(2, y);
      chosen = dfg_.first_result(insert_before(select, dfg_.type(x), branch, branch));
    }
    items.push_back(BlockArg::value(chosen).encoded());
    count_use(chosen);
  }
  state(block).is_empty = layout_.first_inst(block) == layout_.last_inst(block);
  // The first edge goes to where the sides meet, the second away with the branch.
  forget_args(direct[0]);
  if (sides[0] != join) {
    add_edge(block, join);
    drop_edge(block, sides[0]);
  }
  ir::ValueList list = ir::ValueList::from_raw(direct[0].raw());
  list.assign(items, dfg_.lists());
  dfg_[branch].words[1] = list.raw();
  make_jump(block, branch, 0);
  return true;
}

// ---- joining blocks

bool FlowCleaner::joins_its_source(Block block) {
  const BlockState& joining = state(block);
  if (joining.num_edges != 1 || joining.is_pinned) return false;
  const Block source = Block::from_index(joining.sources);
  return source != block && state(source).ends == Opcode::Jump &&
         !(has_tags_ && is_tagged(terminator(source)));
}

// The block that `jump` leads to becomes the rest of `block`.
void FlowCleaner::join(Block block, Inst jump) {
  BlockCall call = dfg_[jump].block_call(1);
  const Block joined = target(call);
  if (!dfg_.block_params(joined).empty()) bind(call);
  layout_.remove_inst(jump);
  dfg_[jump] = InstData{};
  dfg_.for_each_block_call(terminator(joined), [&](BlockCall onward) {
    state(target(onward)).sources ^= joined.index() ^ block.index();
  });
  while (const PackedOption<Inst> inst = layout_.first_inst(joined)) {
    layout_.remove_inst(*inst);
    layout_.append_inst(*inst, block);
  }
  if (layout_.is_cold(joined) && block != *layout_.entry()) layout_.set_cold(block);
  layout_.remove_block(joined);
  state(block).ends = state(joined).ends;
  state(joined).ends = Opcode::Nop;
  changed_ = true;
}

// Only heads of chains take blocks in, so that no instruction moves twice.
void FlowCleaner::merge() {
  for (usize i = memory_.postorder.size(); i-- > 0;) {
    const Block block = memory_.postorder[i];
    if (state(block).ends != Opcode::Jump || joins_its_source(block)) continue;
    while (state(block).ends == Opcode::Jump) {
      const Inst jump = terminator(block);
      const Block next = target(dfg_[jump].block_call(1));
      if (next == block || !joins_its_source(next)) break;
      if (!may_change("a block joins the only one that jumps to it", jump)) return;
      join(block, jump);
    }
  }
}

bool FlowCleaner::run() {
  if (!layout_.entry()) return false;
  has_tags_ = func_.has_debug_tags();
  const u32 num_blocks = dfg_.num_blocks();
  memory_.blocks.assign(num_blocks, BlockState{});
  blocks_ = memory_.blocks.data();
  memory_.branch_uses.assign(usize{dfg_.num_values()} + flow_policy::kSelects * usize{num_blocks},
                             0);
  memory_.uses.clear();
  memory_.queue.clear();
  memory_.dead.clear();
  walk();
  u32 in_layout = 0;
  for ([[maybe_unused]] const Block block : layout_.blocks()) ++in_layout;
  if (in_layout != memory_.postorder.size()) changed_ = remove_unreachable_blocks(func_, session_);
  state(*layout_.entry()).is_pinned = true;
  if (!dfg_.exception_tables.empty()) pin_named_blocks();

  // Successors first; then what changes have woken; once more if those changed terminators.
  for (u32 rounds = 0; rounds < kRounds; ++rounds) {
    for (const Block block : memory_.postorder) {
      const Opcode ends = state(block).ends;
      if (!is_passage(ends)) continue;
      if (ends == Opcode::Jump && !may_shorten(dfg_[terminator(block)].block_call(1))) continue;
      visit(block);
    }
    revisit_ = false;
    u64 visits_left = u64{kVisits} * memory_.postorder.size();
    while (!memory_.queue.empty() && visits_left-- > 0) {
      const Block block = memory_.queue.back();
      memory_.queue.pop_back();
      state(block).is_queued = false;
      visit(block);
    }
    if (!revisit_) break;
  }
  merge();
  if (lost_edges_ && has_loops_) changed_ |= remove_unreachable_blocks(func_, session_);
  return changed_;
}

}  // namespace

bool clean_up_flow(ir::Function& func, Session& session) {
  Memory& memory = session.scratch<Memory>(&kOwner, [] { return new Memory; });
  return FlowCleaner(func, session, memory).run();
}

}  // namespace gantry::opt

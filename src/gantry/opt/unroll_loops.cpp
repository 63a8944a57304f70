// Problem: a small loop spends much of its time on its counter, its test and the moves between
// rounds. Idea: find small innermost loops by walking back from their latches, with no more than
// the flow graph; decide for each what to do; close the chosen ones, so that values they define are
// used behind them only as parameters of the blocks they leave to; then copy blocks round by round.
// What a value of the loop is called in the round at hand is one array; parameters of the head are
// bound to the latch's arguments, unless several edges close the loop. Rounds are counted by
// running, on constants, the instructions that decide the exit. Invariants: blocks of a loop are
// listed in reverse postorder, so that in a round definitions come before uses; a loop is changed
// only after all questions about the function as it was have been answered.
#include "gantry/opt/unroll_loops.h"

#include <algorithm>
#include <vector>

#include "gantry/analysis/flow.h"
#include "gantry/opt/fold.h"
#include "gantry/opt/internal/change.h"
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

// `value` + step * (rounds passed + (tests_next ? 1 : 0)) is held against the limit in each round,
// which goes on if `cc`.
struct Counter {
  Value param;
  i64 step = 0;
  ir::IntCC cc = ir::IntCC::Equal;
  bool tests_next = false;
  Value limit;
};

struct LoopData {
  u32 number;  // its own, + 1
  Block header;
  u32 first_block, num_blocks;  // in Scratch::blocks
  u32 num_insts = 0;            // all of them, and arguments of branches
  u32 weight = 0;               // those the policy counts
  bool has_floats = false;      // adds or multiplies them
  u32 num_latch_edges = 0;
  bool is_chosen() const { return plan != Plan::None; }
  enum class Plan : u8 { None, AllRounds, RoundsInARow, RoundsUnderOneTest };
  Plan plan = Plan::None;
  u32 copies = 0;  // of rounds, beside the one that is there
  // Whose branch leaves the loop: in the last of all rounds, or never in rounds under one test.
  PackedOption<Block> decider;
  // Rounds under one test.
  PackedOption<Block> entry;  // a block through which all edges from outside lead
};

struct Known {  // about a value while rounds are counted
  u64 stamp = 0;
  u64 bits = 0;
};
struct Renamed {
  u64 stamp = 0;
  Value value;
};
struct OutsideUse {
  u32 loop;
  Value value;
  Inst user;
  Block block;  // of the user
  Block exit;   // the parameter of which it becomes
};
struct Exit {
  Block target;
  bool is_owned;  // only the loop leads there
};

constexpr u32 kNone = ~u32{0};
struct OwnExit {
  Block block;  // made between a loop and where it leaves to
  u32 next;     // that leads to the same block, or kNone
};

// Kept from function to function; stamps grow, so that arrays by value need no clearing.
struct Scratch {
  analysis::DominatorTree dominators;
  std::vector<LoopData> loops;
  std::vector<Block> blocks, work;
  std::vector<u32> loop_of;  // by block: number of the loop + 1
  u64 stamp = 0;
  std::vector<Known> known;
  std::vector<Renamed> renamed;
  std::vector<PackedOption<Block>> copies;  // by place in the loop's blocks
  std::vector<u32> place_of;                // by block: place in its loop's blocks
  std::vector<Value> slice_params, values, items;
  std::vector<u64> next_bits;
  std::vector<OutsideUse> uses, constant_uses;
  std::vector<Exit> exits;
  std::vector<OwnExit> own_exits;
  std::vector<u32> first_own_exit;  // by block they lead to
  std::vector<ir::DebugTag> tags;
};
constexpr char kOwner = 0;

using Plan = LoopData::Plan;

bool is_constant(Opcode opcode) {
  return opcode == Opcode::Iconst || opcode == Opcode::F32const || opcode == Opcode::F64const ||
         opcode == Opcode::F16const || opcode == Opcode::F128const || opcode == Opcode::Vconst;
}
// Whether the policy counts it.
bool counts(Opcode opcode) { return !is_constant(opcode) && opcode != Opcode::Jump; }
bool is_known_type(Type type) { return type.is_int() && type.bits() <= 64; }

class Unroller {
 public:
  Unroller(ir::Function& func, const analysis::ControlFlow& flow, const UnrollOptions& options,
           Session& session, Scratch& scratch)
      : func_(func),
        dfg_(func.dfg),
        layout_(func.layout),
        flow_(flow),
        options_(options),
        session_(session),
        s_(scratch) {}
  bool run();

 private:
  Value resolve(Value value) const { return dfg_.resolve(value); }
  Block target(BlockCall call) const { return call.block(dfg_.lists()); }
  Inst terminator(Block block) const { return *layout_.last_inst(block); }
  u32 number(Block block) const { return flow_.reverse_postorder_number(block); }
  std::span<const Block> blocks(const LoopData& loop) const {
    return std::span(s_.blocks).subspan(loop.first_block, loop.num_blocks);
  }
  bool is_in(const LoopData& loop, Block block) const {
    return s_.loop_of[block.index()] == loop.number;
  }
  std::optional<u64> constant(Value value) const;

  // -- finding
  void find_loops();
  bool closes(const analysis::Edge& edge, Block block) const {
    return flow_.is_reachable(edge.block) && number(edge.block) >= number(block);
  }
  bool gather(LoopData& loop);
  bool weigh(LoopData& loop) const;

  // -- deciding
  void choose(LoopData& loop);
  void choose_part(LoopData& loop);
  bool may_decide(const LoopData& loop, Block block);
  bool is_invariant(const LoopData& loop, Value value) const;
  std::optional<Counter> find_counter(const LoopData& loop, Block decider) const;
  void make_entry(LoopData& loop);
  Value insert(InstData data, Type control, Inst before);
  Value insert_constant(u64 bits, Type type, Inst before);
  Value insert_binary(Opcode opcode, Value x, Value y, Inst before);
  Value insert_icmp(ir::IntCC cc, Value x, Value y, Inst before);
  Value insert_test(u32 num_rounds, const Counter& known, Value counter, Inst entry_jump,
                    Inst branch);
  bool every_round_passes(const LoopData& loop, Block block);
  bool find_slice(const LoopData& loop, Value condition);
  std::optional<u32> count_rounds(const LoopData& loop, Block decider);
  bool is_sliced(Value value) const {
    return value.index() < s_.known.size() && s_.known[value.index()].stamp == s_.stamp;
  }
  bool evaluate(Inst inst);

  // -- closing
  void find_outside_uses();
  bool find_exits(const LoopData& loop, std::span<OutsideUse> uses);
  Block own_exit(const LoopData& loop, Block exit);
  void close(const LoopData& loop, std::span<OutsideUse> uses);
  template <class F>
  void for_each_used_value(Inst inst, F&& visit) const;
  void replace(Inst inst, Value from, Value to);

  // -- copying
  struct Round {
    Block next_header;
    bool passes_args;  // to that
    bool leaves;       // by the branch that decides
  };
  void unroll(const LoopData& loop);
  InstData decided(const LoopData& loop, bool leaves) const;
  Value renamed(Value value) const {
    value = resolve(value);
    return value.index() < s_.renamed.size() && s_.renamed[value.index()].stamp == s_.stamp
               ? s_.renamed[value.index()].value
               : value;
  }
  void rename(Value value, Value to) { s_.renamed[value.index()] = {s_.stamp, to}; }
  Block copy_of(Block block);
  void copy_insts(const LoopData& loop, Block from, Block to, const Round& round);
  BlockCall copy_call(const LoopData& loop, BlockCall call, const Round& round);
  void copy_side_facts(Inst from, Inst to);
  Block make_header(const LoopData& loop);
  void bind_header(const LoopData& loop, Block header);
  void bind_params(const LoopData& loop, std::span<const Value> values);
  Block make_test(const LoopData& loop);

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
  ir::Layout& layout_;
  const analysis::ControlFlow& flow_;  // before anything was unrolled
  const UnrollOptions options_;
  Session& session_;
  Scratch& s_;
  u64 growth_left_ = 0;
  bool has_dominators_ = false;
};

std::optional<u64> Unroller::constant(Value value) const {
  const std::optional<Inst> def = dfg_.defining_inst(value);
  if (!def || dfg_.opcode(*def) != Opcode::Iconst) return std::nullopt;
  const u32 bits = dfg_.type(value).bits();
  return bits >= 64 ? dfg_[*def].wide() : dfg_[*def].wide() & ((u64{1} << bits) - 1);
}

// ---- finding loops

void Unroller::find_loops() {
  const std::span<const Block> postorder = flow_.postorder();
  s_.loops.clear();
  s_.blocks.clear();
  s_.loop_of.assign(dfg_.num_blocks(), 0);
  s_.place_of.resize(dfg_.num_blocks());
  for (usize i = postorder.size(); i-- > 0;) {
    const Block header = postorder[i];
    const std::span<const analysis::Edge> edges = flow_.predecessors(header);
    if (edges.size() < 2 || layout_.is_cold(header)) continue;
    const u32 latch_edges =
        static_cast<u32>(std::count_if(edges.begin(), edges.end(), [&](const analysis::Edge& edge) {
          return closes(edge, header);
        }));
    if (latch_edges == 0) continue;
    LoopData loop{.number = static_cast<u32>(s_.loops.size()) + 1,
                  .header = header,
                  .first_block = static_cast<u32>(s_.blocks.size()),
                  .num_blocks = 0,
                  .num_latch_edges = latch_edges};
    if (gather(loop)) {
      s_.loops.push_back(loop);
    } else {
      for (usize k = loop.first_block; k < s_.blocks.size(); ++k)
        s_.loop_of[s_.blocks[k].index()] = 0;
      s_.blocks.resize(loop.first_block);
    }
  }
}

// The blocks that lead to the latches without passing the header, few as they must be. One above
// the header in reverse postorder is met just if the header does not dominate them all.
bool Unroller::gather(LoopData& loop) {
  const u32 mark = loop.number;
  const auto add = [&](Block block) {
    s_.loop_of[block.index()] = mark;
    s_.blocks.push_back(block);
  };
  if (s_.loop_of[loop.header.index()] != 0) return false;
  add(loop.header);
  for (const analysis::Edge& edge : flow_.predecessors(loop.header)) {
    if (!closes(edge, loop.header) || s_.loop_of[edge.block.index()] == mark) continue;
    if (s_.loop_of[edge.block.index()] != 0) return false;
    if (s_.blocks.size() - loop.first_block == unroll_policy::kLoopBlocks) return false;
    add(edge.block);
  }
  for (usize at = usize{loop.first_block} + 1; at < s_.blocks.size(); ++at) {
    const Block block = s_.blocks[at];
    if (number(block) < number(loop.header)) return false;
    for (const analysis::Edge& edge : flow_.predecessors(block)) {
      if (!flow_.is_reachable(edge.block)) continue;
      if (closes(edge, block)) return false;
      if (s_.loop_of[edge.block.index()] == mark) continue;
      if (s_.loop_of[edge.block.index()] != 0) return false;
      if (s_.blocks.size() - loop.first_block == unroll_policy::kLoopBlocks) return false;
      add(edge.block);
    }
  }
  loop.num_blocks = static_cast<u32>(s_.blocks.size()) - loop.first_block;
  std::sort(s_.blocks.begin() + loop.first_block, s_.blocks.end(),
            [&](Block a, Block b) { return number(a) < number(b); });
  for (u32 i = 0; i < loop.num_blocks; ++i)
    s_.place_of[s_.blocks[loop.first_block + i].index()] = i;
  return weigh(loop);
}

bool Unroller::weigh(LoopData& loop) const {
  for (const Block block : blocks(loop)) {
    for (const Inst inst : layout_.insts(block)) {
      const Opcode opcode = dfg_.opcode(inst);
      ++loop.num_insts;
      if (ir::is_branch(opcode)) {
        u64 args = 0;
        dfg_.for_each_block_call(inst,
                                 [&](BlockCall call) { args += call.args(dfg_.lists()).size(); });
        if (args > limits::kMaxUnrolledLoopInsts.value) return false;
        loop.num_insts += static_cast<u32>(args);
      }
      if (!counts(opcode)) continue;
      if (ir::is_call(opcode) || opcode == Opcode::GetExceptionHandlerAddress) return false;
      ++loop.weight;
      loop.has_floats |= opcode == Opcode::Fadd || opcode == Opcode::Fsub || opcode == Opcode::Fmul;
      if (opcode == Opcode::BrTable) {
        const auto& table = dfg_.jump_tables[ir::JumpTable::from_index(dfg_[inst].words[1])];
        loop.weight +=
            static_cast<u32>(std::min<usize>(table.entries.size(), unroll_policy::kFullInsts));
      }
      if (loop.weight > unroll_policy::kFullInsts) return false;
    }
  }
  return loop.num_insts <= limits::kMaxUnrolledLoopInsts.value;
}

// ---- deciding

void Unroller::choose(LoopData& loop) {
  for (const Block block : blocks(loop)) {
    if (!may_decide(loop, block)) continue;
    const std::optional<u32> rounds = count_rounds(loop, block);
    if (!rounds) continue;
    loop.decider = block;
    loop.copies = *rounds;
    loop.plan = Plan::AllRounds;
    return;
  }
  if (!options_.for_size) choose_part(loop);
}

// Some rounds in a row, of small loops: under one test if that is exact, else each with its own.
void Unroller::choose_part(LoopData& loop) {
  if (loop.num_latch_edges == 1 && loop.weight <= unroll_policy::kCountedInsts) {
    for (const Block block : blocks(loop)) {
      if (!may_decide(loop, block) || !find_counter(loop, block)) continue;
      loop.decider = block;
      loop.copies = unroll_policy::kCountedRounds;
      loop.plan = Plan::RoundsUnderOneTest;
      return;
    }
  }
  const u32 most = loop.has_floats && loop.num_blocks <= unroll_policy::kStraightBlocks
                       ? unroll_policy::kFloatInsts
                       : unroll_policy::kPartInsts;
  if (loop.weight > most) return;
  loop.copies = unroll_policy::kPartRounds - 1;
  loop.plan = Plan::RoundsInARow;
}

// Whether the block's branch leaves the loop or not, in every round.
bool Unroller::may_decide(const LoopData& loop, Block block) {
  const InstData& data = dfg_[terminator(block)];
  return data.opcode == Opcode::Brif &&
         is_in(loop, target(data.block_call(1))) != is_in(loop, target(data.block_call(2))) &&
         every_round_passes(loop, block);
}

bool Unroller::is_invariant(const LoopData& loop, Value value) const {
  if (constant(value)) return true;
  const ir::ValueDef def = dfg_.def(value);
  const PackedOption<Block> block = def.kind == ir::ValueData::Kind::Param
                                        ? PackedOption<Block>(def.block())
                                        : layout_.block_of(def.inst());
  return block && !is_in(loop, *block);
}

// What the branch of `decider` counts, if that is how it decides.
std::optional<Counter> Unroller::find_counter(const LoopData& loop, Block decider) const {
  const InstData& branch = dfg_[terminator(decider)];
  bool goes_on_if = is_in(loop, target(branch.block_call(1)));
  Value condition = resolve(branch.arg(0));
  // Front ends whose comparisons give numbers test these again.
  std::optional<Inst> test = dfg_.defining_inst(condition);
  for (u32 steps = 0; steps < 4; ++steps) {
    if (!test) return std::nullopt;
    const InstData& data = dfg_[*test];
    const Value operand = resolve(data.arg(0));
    const std::optional<Inst> inner = dfg_.defining_inst(operand);
    if (data.opcode == Opcode::Uextend) {
      test = inner;
      continue;
    }
    if (data.opcode != Opcode::Icmp) return std::nullopt;
    const ir::IntCC cc = data.int_cc();
    if (!inner || (cc != ir::IntCC::Equal && cc != ir::IntCC::NotEqual) ||
        constant(resolve(data.arg(1))) != u64{0} ||
        (dfg_.opcode(*inner) != Opcode::Icmp && dfg_.opcode(*inner) != Opcode::Uextend))
      break;
    if (cc == ir::IntCC::Equal) goes_on_if = !goes_on_if;
    test = inner;
  }
  if (!test || dfg_.opcode(*test) != Opcode::Icmp) return std::nullopt;
  const InstData& compare = dfg_[*test];
  const ir::IntCC cc = goes_on_if ? compare.int_cc() : ir::negated(compare.int_cc());
  const Value sides[] = {resolve(compare.arg(0)), resolve(compare.arg(1))};
  for (const u32 side : {0u, 1u}) {
    const Value tested = sides[side], limit = sides[1 - side];
    if (!is_known_type(dfg_.type(tested)) || !is_invariant(loop, limit)) continue;
    Value param = tested;
    bool tests_next = false;
    const auto step_of = [&](Value value) -> std::optional<u64> {
      const std::optional<Inst> def = dfg_.defining_inst(value);
      if (!def || dfg_.opcode(*def) != Opcode::Iadd) return std::nullopt;
      const std::optional<u64> step = constant(resolve(dfg_[*def].arg(1)));
      if (step) param = resolve(dfg_[*def].arg(0));
      return step;
    };
    if (dfg_.def(tested).kind == ir::ValueData::Kind::Result) {
      if (!step_of(tested)) continue;
      tests_next = true;
    }
    const ir::ValueDef def = dfg_.def(param);
    if (def.kind != ir::ValueData::Kind::Param || def.block() != loop.header) continue;
    PackedOption<Value> next;
    for (const analysis::Edge& edge : flow_.predecessors(loop.header)) {
      if (!closes(edge, loop.header)) continue;
      dfg_.for_each_block_call(edge.inst, [&](BlockCall call) {
        if (target(call) == loop.header)
          next = resolve(BlockArg::decoded(call.args(dfg_.lists())[def.number]).as_value());
      });
    }
    const Value counted = param;
    if (!next || (tests_next && next != tested)) continue;
    const std::optional<u64> step = step_of(*next);
    if (!step || param != counted) continue;
    const u32 bits = dfg_.type(tested).bits();
    const i64 signed_step = static_cast<i64>(*step << (64 - bits)) >> (64 - bits);
    const Counter counter{counted, signed_step, side == 0 ? cc : ir::swapped(cc), tests_next,
                          limit};
    if (signed_step == 0 || signed_step > unroll_policy::kMaxStep ||
        signed_step < -unroll_policy::kMaxStep)
      continue;
    const bool up = signed_step > 0;
    switch (counter.cc) {
      case ir::IntCC::NotEqual:
        if (signed_step == 1 || signed_step == -1) return counter;
        break;
      case ir::IntCC::UnsignedLessThan:
      case ir::IntCC::SignedLessThan:
        if (up) return counter;
        break;
      case ir::IntCC::UnsignedGreaterThan:
      case ir::IntCC::SignedGreaterThan:
        if (!up) return counter;
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

// A block in front of the loop that takes what the header takes.
void Unroller::make_entry(LoopData& loop) {
  const Block entry = dfg_.make_block();
  BlockCall onward = BlockCall::make(loop.header, dfg_.lists());
  const usize count = dfg_.block_params(loop.header).size();
  for (usize i = 0; i < count; ++i) {
    onward.push(BlockArg::value(
                    dfg_.append_block_param(entry, dfg_.type(dfg_.block_params(loop.header)[i]))),
                dfg_.lists());
  }
  const auto lead = [&](Inst branch) {
    dfg_.update_block_calls(branch, [&](BlockCall& call) {
      if (target(call) == loop.header) call.set_block(entry, dfg_.lists());
    });
  };
  for (const analysis::Edge& edge : flow_.predecessors(loop.header)) {
    if (!closes(edge, loop.header)) lead(edge.inst);
  }
  for (u32 at = s_.first_own_exit[loop.header.index()]; at != kNone; at = s_.own_exits[at].next)
    lead(terminator(s_.own_exits[at].block));
  loop.entry = entry;
  layout_.insert_block_after(entry, s_.blocks[loop.first_block + loop.num_blocks - 1]);
  InstData jump{.opcode = Opcode::Jump};
  jump.words[1] = onward.raw();
  layout_.append_inst(dfg_.make_inst(jump), entry);
}

Value Unroller::insert(InstData data, Type control, Inst before) {
  const Inst inst = dfg_.make_inst(data);
  dfg_.make_results(inst, control);
  layout_.insert_inst_before(inst, before);
  if (func_.has_source_locs()) func_.set_source_loc(inst, func_.source_loc(before));
  return dfg_.first_result(inst);
}
Value Unroller::insert_constant(u64 bits, Type type, Inst before) {
  InstData data{.opcode = Opcode::Iconst};
  data.set_wide(type.bits() >= 64 ? bits : bits & ((u64{1} << type.bits()) - 1));
  return insert(data, type, before);
}
Value Unroller::insert_binary(Opcode opcode, Value x, Value y, Inst before) {
  InstData data{.opcode = opcode};
  data.set_arg(0, x);
  data.set_arg(1, y);
  return insert(data, dfg_.type(x), before);
}
Value Unroller::insert_icmp(ir::IntCC cc, Value x, Value y, Inst before) {
  InstData data{.opcode = Opcode::Icmp, .aux = static_cast<u8>(cc)};
  data.set_arg(0, x);
  data.set_arg(1, y);
  return insert(data, dfg_.type(x), before);
}

// Whether `copies` rounds from here on pass the test of the loop, computed in front of `branch`.
// What does not change is computed in front of `entry_jump`. With an order, the value that is
// tested last must be before the limit; where the limit itself leaves no room for that, the answer
// is no for all: so nothing wraps.
Value Unroller::insert_test(u32 num_rounds, const Counter& known, Value counter, Inst entry_jump,
                            Inst branch) {
  const Type type = dfg_.type(counter);
  const u32 bits = type.bits();
  const u64 all = bits == 64 ? ~u64{0} : (u64{1} << bits) - 1;
  const u32 size = known.step > 0 ? static_cast<u32>(known.step) : static_cast<u32>(-known.step);
  const u64 rounds = num_rounds - (known.tests_next ? 0 : 1);
  Value limit = known.limit;
  if (const std::optional<u64> bits_of_limit = constant(limit))
    limit = insert_constant(*bits_of_limit, type, entry_jump);
  if (known.cc == ir::IntCC::NotEqual) {
    const Value left = known.step > 0 ? insert_binary(Opcode::Isub, limit, counter, branch)
                                      : insert_binary(Opcode::Isub, counter, limit, branch);
    return insert_icmp(ir::IntCC::UnsignedGreaterThan, left, insert_constant(rounds, type, branch),
                       branch);
  }
  const u64 distance = rounds * size;
  const bool up = known.step > 0;
  const bool is_signed =
      known.cc == ir::IntCC::SignedLessThan || known.cc == ir::IntCC::SignedGreaterThan;
  const u64 first = is_signed ? all / 2 + 1 : 0, last = is_signed ? all / 2 : all;
  const u64 never = up ? first : last;
  const u64 edge = up ? never + distance : never - distance;
  using enum ir::IntCC;
  const ir::IntCC has_room =
      up ? (is_signed ? SignedGreaterThanOrEqual : UnsignedGreaterThanOrEqual)
         : (is_signed ? SignedLessThanOrEqual : UnsignedLessThanOrEqual);
  const Value room =
      insert_icmp(has_room, limit, insert_constant(edge, type, entry_jump), entry_jump);
  const Value near = insert_binary(up ? Opcode::Isub : Opcode::Iadd, limit,
                                   insert_constant(distance, type, entry_jump), entry_jump);
  InstData select{.opcode = Opcode::Select};
  select.set_arg(0, room);
  select.set_arg(1, near);
  select.set_arg(2, insert_constant(never, type, entry_jump));
  return insert_icmp(known.cc, counter, insert(select, type, entry_jump), branch);
}

// Whether no latch is reached from the header past `block`.
bool Unroller::every_round_passes(const LoopData& loop, Block block) {
  if (block == loop.header) return true;
  u32 seen = 1;  // a bit for each place
  static_assert(unroll_policy::kLoopBlocks <= 32);
  bool passed_by = false;
  for (u32 i = 0; i < loop.num_blocks && !passed_by; ++i) {
    const Block from = s_.blocks[loop.first_block + i];
    if ((seen >> i & 1) == 0 || from == block) continue;
    for (const Block to : flow_.successors(from)) {
      if (!is_in(loop, to)) continue;
      if (to == loop.header) passed_by = true;
      seen |= u32{1} << s_.place_of[to.index()];
    }
  }
  return !passed_by;
}

// Marks what decides `condition`, back to parameters of the header that start as constants. False
// if anything else does.
bool Unroller::find_slice(const LoopData& loop, Value condition) {
  ++s_.stamp;
  if (s_.known.size() < dfg_.num_values()) s_.known.resize(dfg_.num_values());
  s_.slice_params.clear();
  s_.values.assign(1, condition);
  while (!s_.values.empty()) {
    const Value value = resolve(s_.values.back());
    s_.values.pop_back();
    if (is_sliced(value)) continue;
    if (!is_known_type(dfg_.type(value))) return false;
    Known& known = s_.known[value.index()];
    known.stamp = s_.stamp;
    if (const std::optional<u64> bits = constant(value)) {
      known.bits = *bits;
      continue;
    }
    const ir::ValueDef def = dfg_.def(value);
    if (def.kind == ir::ValueData::Kind::Result) {
      const Inst inst = def.inst();
      const PackedOption<Block> block = layout_.block_of(inst);
      if (!block || !is_in(loop, *block) || func_.has_side_effect(inst) ||
          ir::inst_facts(dfg_.opcode(inst)).effects.can_load || dfg_.results(inst).size() != 1)
        return false;
      const std::span<const Value> args = dfg_.args(inst);
      if (args.empty() || args.size() > 3) return false;
      s_.values.insert(s_.values.end(), args.begin(), args.end());
      continue;
    }
    if (def.block() != loop.header) return false;
    s_.slice_params.push_back(value);
    bool has_start = false;
    for (const analysis::Edge& edge : flow_.predecessors(loop.header)) {
      if (!flow_.is_reachable(edge.block)) continue;
      bool fits = true;
      dfg_.for_each_block_call(edge.inst, [&](BlockCall call) {
        if (target(call) != loop.header) return;
        const BlockArg arg = BlockArg::decoded(call.args(dfg_.lists())[def.number]);
        if (!arg.is_value()) {
          fits = false;
        } else if (is_in(loop, edge.block)) {
          s_.values.push_back(arg.as_value());
        } else {
          const std::optional<u64> start = constant(resolve(arg.as_value()));
          fits = fits && start && (!has_start || known.bits == *start);
          if (start) known.bits = *start;
          has_start = true;
        }
      });
      if (!fits) return false;
    }
  }
  return true;
}

bool Unroller::evaluate(Inst inst) {
  const InstData& data = dfg_[inst];
  FoldOperand operands[3];
  u32 count = 0;
  for (const Value arg : dfg_.args(inst)) {
    const Value value = resolve(arg);
    operands[count++] = {dfg_.type(value), s_.known[value.index()].bits};
  }
  const Value result = dfg_.first_result(inst);
  u128 results[2];
  if (fold({.opcode = data.opcode,
            .aux = data.aux,
            .result = dfg_.type(result),
            .operands = std::span(operands, count)},
           results) != 1)
    return false;
  s_.known[result.index()].bits = static_cast<u64>(results[0]);
  return true;
}

// The round in which the branch of `decider` leaves the loop for certain, if the policy allows so
// many.
std::optional<u32> Unroller::count_rounds(const LoopData& loop, Block decider) {
  const InstData& branch = dfg_[terminator(decider)];
  const Value condition = resolve(branch.arg(0));
  if (!find_slice(loop, condition)) return std::nullopt;
  const bool leaves_if = !is_in(loop, target(branch.block_call(1)));
  // In the round that leaves at the head only that runs, and what decides goes.
  u32 last_weight = loop.weight;
  if (decider == loop.header) {
    last_weight = 0;
    for (const Inst inst : layout_.insts(decider)) {
      const std::span<const Value> results = dfg_.results(inst);
      last_weight += !is_branch(dfg_.opcode(inst)) && counts(dfg_.opcode(inst)) &&
                     !(results.size() == 1 && is_sliced(results[0]));
    }
  }
  const u64 most = options_.for_size ? loop.weight : unroll_policy::kFullInsts;
  for (u32 round = 0; round <= unroll_policy::kFullRounds; ++round) {
    if (round != 0 && u64{round} * loop.weight + last_weight > most) return std::nullopt;
    for (const Block block : blocks(loop)) {
      for (const Inst inst : layout_.insts(block)) {
        const std::span<const Value> results = dfg_.results(inst);
        if (results.size() != 1 || !is_sliced(results[0]) || dfg_.opcode(inst) == Opcode::Iconst)
          continue;
        if (!evaluate(inst)) return std::nullopt;
      }
    }
    if ((s_.known[condition.index()].bits != 0) == leaves_if) return round;
    s_.next_bits.clear();
    for (const Value param : s_.slice_params) {
      const u32 index = dfg_.def(param).number;
      std::optional<u64> next;
      bool same = true;
      for (const analysis::Edge& edge : flow_.predecessors(loop.header)) {
        if (!is_in(loop, edge.block) || !flow_.is_reachable(edge.block)) continue;
        dfg_.for_each_block_call(edge.inst, [&](BlockCall call) {
          if (target(call) != loop.header) return;
          const BlockArg arg = BlockArg::decoded(call.args(dfg_.lists())[index]);
          const u64 bits = s_.known[resolve(arg.as_value()).index()].bits;
          same = same && (!next || *next == bits);
          next = bits;
        });
      }
      if (!same) return std::nullopt;
      s_.next_bits.push_back(*next);
    }
    for (usize i = 0; i < s_.slice_params.size(); ++i)
      s_.known[s_.slice_params[i].index()].bits = s_.next_bits[i];
  }
  return std::nullopt;
}

// ---- closing loops

template <class F>
void Unroller::for_each_used_value(Inst inst, F&& visit) const {
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

void Unroller::replace(Inst inst, Value from, Value to) {
  for (Value& value : dfg_.args(inst)) {
    if (resolve(value) == from) value = to;
  }
  if (!ir::is_branch(dfg_.opcode(inst))) return;
  dfg_.update_block_calls(inst, [&](BlockCall& call) {
    for (Value& encoded : call.args(dfg_.lists())) {
      const BlockArg arg = BlockArg::decoded(encoded);
      if (arg.is_value() && resolve(arg.as_value()) == from)
        encoded = BlockArg::value(to).encoded();
    }
  });
  const meta::Format format = ir::inst_facts(dfg_.opcode(inst)).format;
  if (format != meta::Format::TryCall && format != meta::Format::TryCallIndirect) return;
  for (auto& item :
       dfg_.exception_tables[ir::ExceptionTable::from_index(dfg_[inst].words[2])].items) {
    if (item.context && resolve(*item.context) == from) item.context = to;
  }
}

// Uses, behind chosen loops, of what these define. (A loop's blocks are dominated by its header,
// but other code may be anywhere.)
void Unroller::find_outside_uses() {
  ++s_.stamp;
  if (s_.known.size() < dfg_.num_values()) s_.known.resize(dfg_.num_values());
  const auto define = [&](Value value, const LoopData& loop) {
    s_.known[value.index()] = {s_.stamp, loop.number};
  };
  for (const LoopData& loop : s_.loops) {
    if (!loop.is_chosen()) continue;
    for (const Block block : blocks(loop)) {
      for (const Value param : dfg_.block_params(block)) define(param, loop);
      for (const Inst inst : layout_.insts(block)) {
        for (const Value result : dfg_.results(inst)) define(result, loop);
      }
    }
  }
  s_.uses.clear();
  s_.constant_uses.clear();
  const auto find_in = [&](Block block) {
    const u32 here = s_.loop_of[block.index()];
    for (const Inst inst : layout_.insts(block)) {
      for_each_used_value(inst, [&](Value value) {
        const Known& defined = s_.known[value.index()];
        if (defined.stamp != s_.stamp || defined.bits == here) return;
        const std::optional<Inst> def = dfg_.defining_inst(value);
        std::vector<OutsideUse>& uses =
            def && is_constant(dfg_.opcode(*def)) ? s_.constant_uses : s_.uses;
        uses.push_back({static_cast<u32>(defined.bits) - 1, value, inst, block, block});
      });
    }
  };
  // Heads dominate what their loops define. What one dominates was discovered behind it and left
  // before it, which is a stretch of the postorder; the stretches of two are apart or one in the
  // other.
  const std::span<const Block> postorder = flow_.postorder();
  usize scanned = postorder.size();  // down to here
  for (const LoopData& loop : s_.loops) {
    usize at = postorder.size() - number(loop.header);
    if (!loop.is_chosen() || at > scanned) continue;
    const u32 discovered = flow_.preorder_number(loop.header);
    for (; at > 0 && flow_.preorder_number(postorder[at - 1]) >= discovered; --at)
      find_in(postorder[at - 1]);
    scanned = at;
  }
  std::sort(s_.uses.begin(), s_.uses.end(), [](const OutsideUse& a, const OutsideUse& b) {
    if (a.loop != b.loop) return a.loop < b.loop;
    if (a.value != b.value) return a.value.index() < b.value.index();
    return a.user.index() < b.user.index();
  });
}

// Which exit each use is behind. False if that is not certain for one of them.
bool Unroller::find_exits(const LoopData& loop, std::span<OutsideUse> uses) {
  if (uses.empty()) return true;
  s_.exits.clear();
  for (const Block block : blocks(loop)) {
    for (const Block to : flow_.successors(block)) {
      if (is_in(loop, to) || std::any_of(s_.exits.begin(), s_.exits.end(),
                                         [&](const Exit& exit) { return exit.target == to; }))
        continue;
      if (s_.exits.size() == unroll_policy::kLoopBlocks) return false;
      const std::span<const analysis::Edge> edges = flow_.predecessors(to);
      const bool owned = std::all_of(edges.begin(), edges.end(), [&](const analysis::Edge& edge) {
        return is_in(loop, edge.block) || !flow_.is_reachable(edge.block);
      });
      s_.exits.push_back({to, owned});
    }
  }
  if (s_.exits.size() == 1) {
    for (OutsideUse& use : uses) use.exit = s_.exits[0].target;
    return true;
  }
  if (!has_dominators_) s_.dominators.compute(func_, flow_);
  has_dominators_ = true;
  for (OutsideUse& use : uses) {
    const auto found = std::find_if(s_.exits.begin(), s_.exits.end(), [&](const Exit& exit) {
      return exit.is_owned && s_.dominators.dominates(exit.target, use.block);
    });
    if (found == s_.exits.end()) return false;
    use.exit = found->target;
  }
  return true;
}

// A block only the loop leads to, on the way to `exit`: that, or a new one.
Block Unroller::own_exit(const LoopData& loop, Block exit) {
  const std::span<const analysis::Edge> edges = flow_.predecessors(exit);
  if (std::all_of(edges.begin(), edges.end(), [&](const analysis::Edge& edge) {
        return is_in(loop, edge.block) || !flow_.is_reachable(edge.block);
      }))
    return exit;
  const Block own = dfg_.make_block();
  BlockCall onward = BlockCall::make(exit, dfg_.lists());
  const usize count = dfg_.block_params(exit).size();
  for (usize i = 0; i < count; ++i) {
    const Value param = dfg_.append_block_param(own, dfg_.type(dfg_.block_params(exit)[i]));
    onward.push(BlockArg::value(param), dfg_.lists());
  }
  InstData jump{.opcode = Opcode::Jump};
  jump.words[1] = onward.raw();
  const Block last = s_.blocks[loop.first_block + loop.num_blocks - 1];
  layout_.insert_block_after(own, last);
  if (layout_.is_cold(exit)) layout_.set_cold(own);
  layout_.append_inst(dfg_.make_inst(jump), own);
  for (const Block block : blocks(loop)) {
    dfg_.update_block_calls(terminator(block), [&](BlockCall& call) {
      if (target(call) == exit) call.set_block(own, dfg_.lists());
    });
  }
  u32& first = s_.first_own_exit[exit.index()];
  s_.own_exits.push_back({own, first});
  first = static_cast<u32>(s_.own_exits.size()) - 1;
  return own;
}

void Unroller::close(const LoopData& loop, std::span<OutsideUse> uses) {
  // By exit and value: each gets one parameter.
  std::sort(uses.begin(), uses.end(), [](const OutsideUse& a, const OutsideUse& b) {
    if (a.exit != b.exit) return a.exit.index() < b.exit.index();
    if (a.value != b.value) return a.value.index() < b.value.index();
    return a.user.index() < b.user.index();
  });
  for (usize i = 0; i < uses.size();) {
    const Block exit = uses[i].exit;
    const Block own = own_exit(loop, exit);
    while (i < uses.size() && uses[i].exit == exit) {
      const Value value = uses[i].value;
      const Value param = dfg_.append_block_param(own, dfg_.type(value));
      for (const Block block : blocks(loop)) {
        dfg_.update_block_calls(terminator(block), [&](BlockCall& call) {
          if (target(call) == own) call.push(BlockArg::value(value), dfg_.lists());
        });
      }
      for (; i < uses.size() && uses[i].exit == exit && uses[i].value == value; ++i)
        replace(uses[i].user, value, param);
    }
  }
}

// ---- copying

// The jump that the branch which decides the loop is in some round.
InstData Unroller::decided(const LoopData& loop, bool leaves) const {
  const InstData& branch = dfg_[terminator(*loop.decider)];
  const bool first_stays = is_in(loop, target(branch.block_call(1)));
  InstData jump{.opcode = Opcode::Jump};
  jump.words[1] = branch.words[first_stays == leaves ? 2 : 1];
  return jump;
}

Block Unroller::copy_of(Block block) {
  PackedOption<Block>& copy = s_.copies[s_.place_of[block.index()]];
  if (!copy) {
    copy = dfg_.make_block();
    if (layout_.is_cold(block)) layout_.set_cold(*copy);
    const usize count = dfg_.block_params(block).size();
    for (usize i = 0; i < count; ++i) {
      const Value param = dfg_.block_params(block)[i];
      rename(param, dfg_.append_block_param(*copy, dfg_.type(param)));
    }
  }
  return *copy;
}

BlockCall Unroller::copy_call(const LoopData& loop, BlockCall call, const Round& round) {
  const Block to = target(call);
  s_.items.clear();
  if (to != loop.header || round.passes_args) {
    for (const Value encoded : call.args(dfg_.lists())) {
      const BlockArg arg = BlockArg::decoded(encoded);
      s_.items.push_back(
          (arg.is_value() ? BlockArg::value(renamed(arg.as_value())) : arg).encoded());
    }
  }
  const Block copied_to = to == loop.header ? round.next_header
                          : is_in(loop, to) ? copy_of(to)
                                            : to;
  BlockCall copy = BlockCall::make(copied_to, dfg_.lists());
  for (const Value item : s_.items) copy.push(BlockArg::decoded(item), dfg_.lists());
  return copy;
}

void Unroller::copy_side_facts(Inst from, Inst to) {
  func_.copy_source_place(to, from);
  if (!func_.has_debug_tags()) return;
  const std::span<const ir::DebugTag> tags = func_.debug_tags(from);
  if (tags.empty()) return;
  s_.tags.assign(tags.begin(), tags.end());
  func_.set_debug_tags(to, s_.tags);
}

void Unroller::copy_insts(const LoopData& loop, Block from, Block to, const Round& round) {
  for (const Inst inst : layout_.insts(from)) {
    const bool is_decider = loop.decider == from && inst == terminator(from);
    InstData data = is_decider ? decided(loop, round.leaves) : dfg_[inst];
    const ir::InstFacts& facts = ir::inst_facts(data.opcode);
    GANTRY_DCHECK(!facts.has_list);
    for (u32 i = 0; i < facts.num_fixed_values; ++i) data.set_arg(i, renamed(data.arg(i)));
    if (data.opcode == Opcode::Jump || data.opcode == Opcode::Brif) {
      for (u32 word = 1; word <= (data.opcode == Opcode::Jump ? 1u : 2u); ++word)
        data.words[word] = copy_call(loop, data.block_call(word), round).raw();
    } else if (data.opcode == Opcode::BrTable) {
      ir::JumpTableData table = dfg_.jump_tables[ir::JumpTable::from_index(data.words[1])];
      table.default_call = copy_call(loop, table.default_call, round);
      for (BlockCall& call : table.entries) call = copy_call(loop, call, round);
      data.words[1] = dfg_.jump_tables.push(std::move(table)).index();
    }
    const Inst copy = dfg_.make_inst(data);
    const usize num_results = dfg_.results(inst).size();
    for (usize i = 0; i < num_results; ++i) {
      const Value result = dfg_.results(inst)[i];
      rename(result, dfg_.append_result(copy, dfg_.type(result)));
    }
    layout_.append_inst(copy, to);
    copy_side_facts(inst, copy);
  }
}

// Parameters of the loop's header, in this round: those of `header`, or all at once what the round
// before passes.
void Unroller::bind_header(const LoopData& loop, Block header) {
  if (loop.num_latch_edges != 1) {
    bind_params(loop, dfg_.block_params(header));
    return;
  }
  s_.values.clear();
  for (const analysis::Edge& edge : flow_.predecessors(loop.header)) {
    if (!is_in(loop, edge.block)) continue;
    dfg_.for_each_block_call(edge.inst, [&](BlockCall call) {
      if (target(call) != loop.header) return;
      for (const Value encoded : call.args(dfg_.lists()))
        s_.values.push_back(renamed(BlockArg::decoded(encoded).as_value()));
    });
  }
  bind_params(loop, s_.values);
}

void Unroller::bind_params(const LoopData& loop, std::span<const Value> values) {
  const std::span<const Value> params = dfg_.block_params(loop.header);
  for (usize i = 0; i < params.size(); ++i) rename(params[i], values[i]);
}

// The head of the loop whose rounds are under one test. It goes on to the loop as it was.
Block Unroller::make_test(const LoopData& loop) {
  const Block test = dfg_.make_block();
  BlockCall leave = BlockCall::make(loop.header, dfg_.lists());
  const usize count = dfg_.block_params(loop.header).size();
  for (usize i = 0; i < count; ++i) {
    const Value param = dfg_.append_block_param(test, dfg_.type(dfg_.block_params(loop.header)[i]));
    leave.push(BlockArg::value(param), dfg_.lists());
  }
  InstData branch{.opcode = Opcode::Brif};
  branch.words[2] = leave.raw();
  const Inst last = dfg_.make_inst(branch);
  layout_.insert_block_after(test, *loop.entry);
  layout_.append_inst(last, test);
  const Inst jump = terminator(*loop.entry);
  // Asked again: another loop, being closed, may have given the limit another name.
  const Counter known = *find_counter(loop, *loop.decider);
  const Value counter = dfg_.block_params(test)[dfg_.def(known.param).number];
  const Value condition = insert_test(loop.copies, known, counter, jump, last);
  dfg_[last].set_arg(0, condition);
  BlockCall enter = dfg_[jump].block_call(1);
  enter.set_block(test, dfg_.lists());
  return test;
}

// The header of another round; with parameters only if several edges lead there.
Block Unroller::make_header(const LoopData& loop) {
  const Block header = dfg_.make_block();
  if (loop.num_latch_edges == 1) return header;
  const usize count = dfg_.block_params(loop.header).size();
  for (usize i = 0; i < count; ++i)
    dfg_.append_block_param(header, dfg_.type(dfg_.block_params(loop.header)[i]));
  return header;
}

void Unroller::unroll(const LoopData& loop) {
  ++s_.stamp;
  if (s_.renamed.size() < dfg_.num_values()) s_.renamed.resize(dfg_.num_values());
  const bool under_one_test = loop.plan == Plan::RoundsUnderOneTest;
  Block last = s_.blocks[loop.first_block + loop.num_blocks - 1];
  Block after = loop.header;  // where the last copy goes on
  if (under_one_test) {
    after = make_test(loop);
    last = after;
  }
  const Block first_header = loop.copies == 0 ? loop.header : make_header(loop);
  Block header = first_header;
  for (u32 copy = 1; copy <= loop.copies; ++copy) {
    const bool is_last = copy == loop.copies;
    s_.copies.assign(loop.num_blocks, {});
    s_.copies[0] = header;
    if (!under_one_test || copy != 1) {
      bind_header(loop, header);
    } else {
      bind_params(loop, dfg_.block_params(after));
    }
    // Where all rounds are laid out, no latch is reached in the last one.
    const Block next_header = is_last ? after : make_header(loop);
    const Round round{.next_header = next_header,
                      .passes_args = is_last || loop.num_latch_edges > 1,
                      .leaves = is_last && !under_one_test};
    for (u32 i = 0; i < loop.num_blocks; ++i) {
      if (!s_.copies[i]) continue;
      const Block to = *s_.copies[i];
      layout_.insert_block_after(to, last);
      last = to;
      copy_insts(loop, s_.blocks[loop.first_block + i], to, round);
    }
    header = next_header;
  }
  if (under_one_test) {
    dfg_[terminator(after)].words[1] = BlockCall::make(first_header, dfg_.lists()).raw();
    return;
  }
  if (loop.decider) dfg_[terminator(*loop.decider)] = decided(loop, loop.copies == 0);
  if (loop.copies == 0) return;
  for (const Block block : blocks(loop)) {
    dfg_.update_block_calls(terminator(block), [&](BlockCall& call) {
      if (target(call) != loop.header) return;
      call.set_block(first_header, dfg_.lists());
      if (loop.num_latch_edges == 1) call.filter_args([](u32) { return false; }, dfg_.lists());
    });
  }
}

bool Unroller::run() {
  if (!layout_.entry()) return false;
  find_loops();
  if (s_.loops.empty()) return false;

  growth_left_ = limits::kMinUnrollGrowth.value + limits::kMaxUnrollGrowth.value * dfg_.num_insts();
  bool any = false;
  for (LoopData& loop : s_.loops) {
    choose(loop);
    const u64 copied = u64{loop.copies} * loop.num_insts;
    if (copied > growth_left_) loop.plan = Plan::None;
    if (loop.is_chosen()) growth_left_ -= copied;
    any |= loop.is_chosen();
  }
  if (!any) return false;
  s_.own_exits.clear();
  s_.first_own_exit.assign(dfg_.num_blocks(), kNone);
  find_outside_uses();
  usize first = 0;
  bool changed = false;
  for (LoopData& loop : s_.loops) {
    usize end = first;
    while (end < s_.uses.size() && s_.uses[end].loop + 1 == loop.number) ++end;
    const std::span<OutsideUse> uses = std::span(s_.uses).subspan(first, end - first);
    first = end;
    if (!loop.is_chosen()) continue;
    if (!find_exits(loop, uses) ||
        !take_fuel(options_.fuel, session_, kUnrollLoops, "a loop is unrolled, its header is",
                   func_, loop.header)) {
      loop.plan = Plan::None;
      continue;
    }
    close(loop, uses);
    changed = true;
  }
  // Constants are made where they are used.
  for (const OutsideUse& use : s_.constant_uses) {
    if (!s_.loops[use.loop].is_chosen()) continue;
    const InstData data = dfg_[*dfg_.defining_inst(use.value)];
    replace(use.user, use.value, insert(data, dfg_.type(use.value), use.user));
  }
  // Edges that other loops will copy must lead to where a loop begins by then.
  for (LoopData& loop : s_.loops) {
    if (loop.plan == Plan::RoundsUnderOneTest) make_entry(loop);
  }
  s_.loop_of.resize(dfg_.num_blocks(), 0);
  for (const LoopData& loop : s_.loops) {
    if (loop.is_chosen()) unroll(loop);
  }
  return changed;
}

}  // namespace

bool unroll_loops(ir::Function& func, const analysis::ControlFlow& flow,
                  const UnrollOptions& options, Session& session) {
  Scratch& scratch = session.scratch<Scratch>(&kOwner, [] { return new Scratch; });
  return Unroller(func, flow, options, session, scratch).run();
}

}  // namespace gantry::opt

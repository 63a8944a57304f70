// Problem: front ends that do not build SSA keep locals, temporaries and small structures in stack
// slots. Idea: loads and stores at constant offsets split a slot into pieces of connected bytes.
// Each piece is a variable, for which SSA form is built one variable at a time: liveness backward
// from the reads says where a parameter can be of use, and one sweep in reverse postorder over the
// blocks where it is live or written gives each read its value. Where a parameter is needed follows
// from loops instead of dominance frontiers: in that order all values that meet at a block are
// known, except those of back edges. A loop header needs a parameter just if the loop writes the
// variable; a meeting of known values needs one just if they differ. Blocks that irreducible loops
// enter always get one. Invariants: a value handed on is defined in a block that dominates the
// place; a variable is given up before anything is changed for it; work for one variable is the
// size of its live range, all together bounded by a budget.
#include "gantry/opt/promote_stack_slots.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gantry/opt/internal/change.h"
#include "gantry/opt/internal/stack_addresses.h"
#include "gantry/support/limits.h"

namespace gantry::opt {
namespace {

using ir::Block;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Type;
using ir::Value;
using Widening = MemoryAccess::Widening;

constexpr u32 kNone = StackAddresses::kNone;

struct Access {
  Inst inst;
  u32 block;
  u32 slot;
  u32 offset;
  u32 piece;
  u32 bytes;
};

struct Piece {
  enum class Fate : u8 { StaysInMemory, IsNeverRead, BecomesValue };
  u32 slot;
  u32 first;  // offset in the slot
  u32 end;
  Fate fate = Fate::StaysInMemory;
  Type type;         // of the value
  bool big = false;  // the value is what a big-endian load of the bytes would give
};

// What the variable at hand is like in one block.
struct BlockState {
  u32 piece = kNone;  // the rest is about this one
  u32 first_access = kNone;
  bool is_live_in = false;
  bool is_written = false;
  Value out;
};

struct Param {
  Value value;
  u32 first_arg;  // one for each edge into the block
  u32 next;       // of the same block, or kNone
};

// Kept from function to function.
struct Scratch {
  analysis::ControlFlow flow;
  analysis::DominatorTree dominators;
  analysis::LoopForest loops;
  StackAddresses addresses;
  std::vector<Access> accesses;
  std::vector<Piece> pieces;
  std::vector<u32>
      region;  // of the variable at hand: its blocks, later their places in reverse postorder
  std::vector<Block> work;
  std::vector<Param> params;
  std::vector<Value> args;
};
constexpr char kScratchOwner = 0;

struct Step {
  Opcode opcode = Opcode::Nop;
  Type type;     // of the result
  u32 bits = 0;  // Ushr: by how many
};
struct Steps {
  Step items[6];
  u32 count = 0;
  void push(Opcode opcode, Type type, u32 bits = 0) { items[count++] = {opcode, type, bits}; }
};

class Promoter {
 public:
  Promoter(ir::Function& func, bool little_endian, Session& session)
      : func_(func),
        dfg_(func.dfg),
        little_endian_(little_endian),
        session_(session),
        arena_(session.pass_arena()),
        s_(session.scratch<Scratch>(&kScratchOwner, [] { return new Scratch(); })) {}
  void run();

 private:
  // -- pieces
  void collect();
  void split();
  void judge(Piece& piece, std::span<const Access> accesses);
  bool may_change(std::string_view what, Inst place) {
    return opt::may_change(session_, kPromoteStackSlots, what, func_, place);
  }
  bool is_big(Inst inst) const {
    const ir::ByteOrder order = dfg_.mem_flags(inst).byte_order;
    return order == ir::ByteOrder::Big || (order == ir::ByteOrder::Target && !little_endian_);
  }
  void remove_stores(std::span<const Access> accesses);
  void drop_slots();

  // -- SSA form
  bool find_live_blocks(u32 number, std::span<const Access> accesses);
  void promote(u32 number, std::span<const Access> accesses);
  BlockState& touch(u32 block, u32 piece);
  void prepare_loops();
  void mark_written_loops(u32 piece, Block block);
  bool needs_param(Block block, u32 piece) const;
  Value value_on_entry(Block block, u32 piece, Type type);
  Value add_param(Block block, Type type);
  void pass_args();

  // -- rewriting
  Steps load_steps(const Piece& piece, const Access& at, const MemoryAccess& access) const;
  Steps store_steps(const Piece& piece, const Access& at, const MemoryAccess& access) const;
  InstData record(const Step& step, Value operand, Inst before);
  Value insert(const InstData& data, Type type, Inst before);
  void replace_load(const Piece& piece, const Access& at, Value value);
  Value replace_store(const Piece& piece, const Access& at);
  Value zero(Type type);

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
  const bool little_endian_;
  Session& session_;
  Arena& arena_;
  Scratch& s_;
  Block entry_;
  u64 place_budget_ = 0;
  u64 arg_budget_ = 0;
  bool has_loops_ = false;                     // the loop forest is computed
  std::span<BlockState> states_;               // by block
  std::span<u32> first_params_, last_params_;  // by block: in s_.params
  std::span<u32> num_params_;                  // by block: an upper bound of those it may get
  std::span<u32> written_loops_;               // by loop: the last piece it writes
  std::span<bool> is_irregular_;               // by block: an irreducible loop enters here
  struct Zero {
    Type type;
    Value value;
  };
  Zero zeros_[16];
  u32 num_zeros_ = 0;
};

// ---- pieces

void Promoter::collect() {
  s_.accesses.clear();
  s_.addresses.compute(func_, s_.flow, arena_, [&](const StackAddresses::SlotAccess& found) {
    s_.accesses.push_back(
        {found.inst, found.block.index(), found.slot, found.offset, kNone, found.access.bytes()});
  });
  std::erase_if(s_.accesses,
                [&](const Access& access) { return s_.addresses.escapes(access.slot); });
}

// Numbers the pieces and sorts the accesses by them, else keeping their order.
void Promoter::split() {
  const u32 count = static_cast<u32>(s_.accesses.size());
  struct Place {
    u64 start;  // slot and offset
    u32 access;
  };
  Place* const places = arena_.allocate<Place>(count);
  for (u32 i = 0; i < count; ++i) {
    places[i] = {static_cast<u64>(s_.accesses[i].slot) << 32 | s_.accesses[i].offset, i};
  }
  std::sort(places, places + count,
            [](const Place& a, const Place& b) { return a.start < b.start; });
  s_.pieces.clear();
  for (u32 i = 0; i < count; ++i) {
    Access& access = s_.accesses[places[i].access];
    if (s_.pieces.empty() || s_.pieces.back().slot != access.slot ||
        access.offset >= s_.pieces.back().end) {
      s_.pieces.push_back({access.slot, access.offset, access.offset});
    }
    s_.pieces.back().end = std::max(s_.pieces.back().end, access.offset + access.bytes);
    access.piece = static_cast<u32>(s_.pieces.size() - 1);
  }
  // The order of blocks and instructions is that of collection: a counting sort keeps it.
  const std::span<u32> starts = arena_.allocate_filled<u32>(s_.pieces.size() + 1, 0);
  for (const Access& access : s_.accesses) ++starts[access.piece + 1];
  for (usize i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
  const std::span<const Access> unsorted = arena_.copy<Access>(s_.accesses);
  for (const Access& access : unsorted) s_.accesses[starts[access.piece]++] = access;
}

bool is_swappable(Type type) {
  return type.is_scalar() && type.bits() <= 64 && (type.is_int() || type.bits() >= 32);
}
// Types whose zero can be made and that back ends pass between blocks.
bool is_promotable(Type type) {
  return (type.is_scalar() && (type.is_int() || type == ir::kF32 || type == ir::kF64)) ||
         (type.is_vector() && type.bits() == 128);
}

void Promoter::judge(Piece& piece, std::span<const Access> accesses) {
  bool is_read = false, is_uniform = true, only_swappable = true, only_vectors = true;
  bool is_narrow_read = false, is_narrow_written = false, has_little = false, has_big = false;
  const u32 size = piece.end - piece.first;
  Type first_type, first_whole_type;
  bool first_whole_is_big = false;
  MemoryAccess access;
  for (const Access& at : accesses) {
    describe_access(dfg_, at.inst, access);
    const Type type = access.type;
    is_read |= !access.is_store;
    if (!first_type.is_valid()) first_type = type;
    is_uniform &= type == first_type;
    only_swappable &= is_swappable(type) && access.widening != Widening::Lanes;
    only_vectors &= type.is_vector() && type.bits() == 128;
    const bool big = is_big(at.inst);
    if (type.bytes() > 1) (big ? has_big : has_little) = true;
    if (at.bytes != size) {
      (access.is_store ? is_narrow_written : is_narrow_read) = true;
    } else if (!first_whole_type.is_valid()) {
      first_whole_type = type;
      first_whole_is_big = big;
    }
  }
  piece.fate = Piece::Fate::StaysInMemory;
  if (!is_read) {
    piece.fate = Piece::Fate::IsNeverRead;
    return;
  }
  if (is_narrow_written || !first_whole_type.is_valid()) return;
  const bool one_order = !(has_little && has_big);
  if (is_uniform && one_order && is_promotable(first_type)) {
    piece.type = first_type;
    piece.big = has_big;
  } else if (only_swappable && size <= 8) {
    piece.type = Type::int_with_bits(size * 8);
    piece.big = first_whole_is_big;
  } else if (only_vectors && !has_big && !is_narrow_read) {
    piece.type = first_whole_type;
  } else {
    return;
  }
  piece.fate = Piece::Fate::BecomesValue;
}

void Promoter::remove_stores(std::span<const Access> accesses) {
  for (const Access& at : accesses) func_.layout.remove_inst(at.inst);
}

// Takes the addresses of slots out of which everything is gone, and their room.
void Promoter::drop_slots() {
  const std::span<bool> stays = arena_.allocate_filled<bool>(func_.stack_slots.size(), false);
  for (const Piece& piece : s_.pieces)
    stays[piece.slot] |= piece.fate == Piece::Fate::StaysInMemory;
  for (u32 slot = 0; slot < stays.size(); ++slot) {
    if (s_.addresses.escapes(slot)) stays[slot] = true;
    // Where an access reaches into another slot, that one must still be there.
    const ir::StackSlot number = ir::StackSlot::from_index(slot);
    if (stays[slot] || s_.addresses.leaves_bounds() || func_.stack_slots[number].size == 0)
      continue;
    if (opt::may_change(session_, kPromoteStackSlots, "nothing uses the slot", func_, number)) {
      func_.stack_slots[number] = {};
    } else {
      stays[slot] = true;
    }
  }
  for (const Inst inst : s_.addresses.address_insts()) {
    if (!stays[s_.addresses.slot_of(dfg_.first_result(inst))]) func_.layout.remove_inst(inst);
  }
}

// ---- SSA form

BlockState& Promoter::touch(u32 block, u32 piece) {
  BlockState& state = states_[block];
  if (state.piece != piece) {
    state = {piece, kNone, false, false, Value()};
    s_.region.push_back(block);
  }
  return state;
}

// Finds the blocks where the variable is live on entry or accessed. False if that takes too much:
// it stays in memory.
bool Promoter::find_live_blocks(u32 number, std::span<const Access> accesses) {
  s_.region.clear();
  s_.work.clear();
  u64 possible_args = 0;
  for (u32 i = 0; i < accesses.size(); ++i) {
    BlockState& state = touch(accesses[i].block, number);
    const bool is_store = ir::inst_facts(dfg_.opcode(accesses[i].inst)).effects.can_store;
    if (state.first_access == kNone) {
      state.first_access = i;
      if (!is_store) {
        state.is_live_in = true;
        s_.work.push_back(Block::from_index(accesses[i].block));
      }
    }
    state.is_written |= is_store;
  }
  while (!s_.work.empty()) {
    const Block block = s_.work.back();
    s_.work.pop_back();
    const std::span<const analysis::Edge> edges = s_.flow.predecessors(block);
    if (edges.size() + 1 > place_budget_) return false;
    place_budget_ -= edges.size() + 1;
    if (edges.size() > 1) {  // it may become a parameter here
      possible_args += edges.size();
      if (possible_args > arg_budget_) return false;
      if (++num_params_[block.index()] > limits::kMaxPromotedParams.value) return false;
    }
    for (const analysis::Edge& edge : edges) {
      if (!s_.flow.is_reachable(edge.block)) continue;
      BlockState& state = touch(edge.block.index(), number);
      if (state.is_written || state.is_live_in) continue;
      state.is_live_in = true;
      s_.work.push_back(edge.block);
    }
  }
  return true;
}

void Promoter::prepare_loops() {
  has_loops_ = true;
  s_.dominators.compute(func_, s_.flow);
  s_.loops.compute(func_, s_.flow, s_.dominators);
  written_loops_ = arena_.allocate_filled<u32>(s_.loops.num_loops(), kNone);
  is_irregular_ = arena_.allocate_filled<bool>(dfg_.num_blocks(), false);
  if (!s_.loops.has_irreducible_cycle()) return;
  for (const Block block : s_.flow.postorder()) {
    for (const analysis::Edge& edge : s_.flow.predecessors(block)) {
      if (!s_.flow.is_reachable(edge.block)) continue;
      is_irregular_[block.index()] |=
          s_.flow.reverse_postorder_number(edge.block) >= s_.flow.reverse_postorder_number(block) &&
          !s_.dominators.dominates(block, edge.block);
    }
  }
}

void Promoter::mark_written_loops(u32 piece, Block block) {
  std::optional<analysis::Loop> loop = s_.loops.innermost_loop(block);
  while (loop && written_loops_[loop->index()] != piece) {
    written_loops_[loop->index()] = piece;
    loop = s_.loops.parent(*loop);
  }
}

// Whether values arrive over edges that the sweep has not come to yet, and may differ.
bool Promoter::needs_param(Block block, u32 piece) const {
  if (is_irregular_[block.index()]) return true;
  const std::optional<analysis::Loop> loop = s_.loops.innermost_loop(block);
  return loop && s_.loops.header(*loop) == block && written_loops_[loop->index()] == piece;
}

Value Promoter::add_param(Block block, Type type) {
  const u32 number = static_cast<u32>(s_.params.size());
  const u32 first_arg = static_cast<u32>(s_.args.size());
  s_.args.resize(first_arg + s_.flow.predecessors(block).size());
  s_.params.push_back({dfg_.append_block_param(block, type), first_arg, kNone});
  u32& last = last_params_[block.index()];
  (last == kNone ? first_params_[block.index()] : s_.params[last].next) = number;
  last = number;
  return s_.params.back().value;
}

Value Promoter::value_on_entry(Block block, u32 piece, Type type) {
  if (block == entry_) return zero(type);
  if (needs_param(block, piece)) return add_param(block, type);
  const u32 place = s_.flow.reverse_postorder_number(block);
  Value value;
  bool any = false;
  for (const analysis::Edge& edge : s_.flow.predecessors(block)) {
    if (!s_.flow.is_reachable(edge.block) || s_.flow.reverse_postorder_number(edge.block) >= place)
      continue;
    const Value arriving = states_[edge.block.index()].out;
    if (any && arriving != value) return add_param(block, type);
    value = arriving;
    any = true;
  }
  return value;
}

void Promoter::promote(u32 number, std::span<const Access> accesses) {
  const Piece& piece = s_.pieces[number];
  const std::span<const Block> postorder = s_.flow.postorder();
  if (!has_loops_) prepare_loops();
  for (u32& item : s_.region) {
    const Block block = Block::from_index(item);
    if (states_[item].is_written) mark_written_loops(number, block);
    item = s_.flow.reverse_postorder_number(block);
  }
  std::sort(s_.region.begin(), s_.region.end());
  const usize first_new_param = s_.params.size(), first_new_arg = s_.args.size();
  for (const u32 place : s_.region) {
    const Block block = postorder[postorder.size() - 1 - place];
    BlockState& state = states_[block.index()];
    const usize params_before = s_.params.size();
    Value value = state.is_live_in ? value_on_entry(block, number, piece.type) : Value();
    if (s_.params.size() != params_before) s_.work.push_back(block);
    if (state.first_access != kNone) {
      for (u32 i = state.first_access; i < accesses.size() && accesses[i].block == block.index();
           ++i) {
        const bool is_store = ir::inst_facts(dfg_.opcode(accesses[i].inst)).effects.can_store;
        if (is_store) {
          value = replace_store(piece, accesses[i]);
        } else {
          replace_load(piece, accesses[i], value);
        }
      }
    }
    state.out = value;
  }
  // The new parameters of this variable stand in the order of the work list.
  for (usize i = 0; i < s_.work.size(); ++i) {
    u32 arg = s_.params[first_new_param + i].first_arg;
    for (const analysis::Edge& edge : s_.flow.predecessors(s_.work[i])) {
      s_.args[arg++] =
          s_.flow.is_reachable(edge.block) ? states_[edge.block.index()].out : zero(piece.type);
    }
  }
  s_.work.clear();
  arg_budget_ -= s_.args.size() - first_new_arg;
}

// Hands the values to the new parameters, in the order in which the flow lists the edges.
void Promoter::pass_args() {
  if (s_.params.empty()) return;
  const std::span<u32> next_edge = arena_.allocate_filled<u32>(dfg_.num_blocks(), 0);
  for (const Block block : func_.layout.blocks()) {
    dfg_.update_block_calls(*func_.layout.last_inst(block), [&](ir::BlockCall& call) {
      const u32 target = call.block(dfg_.lists()).index();
      const u32 edge = next_edge[target]++;
      for (u32 at = first_params_[target]; at != kNone; at = s_.params[at].next) {
        const Value arg = dfg_.resolve(s_.args[s_.params[at].first_arg + edge]);
        call.push(ir::BlockArg::value(arg), dfg_.lists());
      }
    });
  }
}

// ---- rewriting

Steps Promoter::load_steps(const Piece& piece, const Access& at, const MemoryAccess& access) const {
  Steps steps;
  if (access.type != piece.type && piece.type.is_vector()) {
    steps.push(Opcode::Bitcast, access.type);
  } else if (piece.type.is_int() && piece.type.bits() <= 64) {
    const u32 size = piece.end - piece.first, start = at.offset - piece.first;
    const Type narrow = Type::int_with_bits(at.bytes * 8);
    if (at.bytes < size) {
      const u32 below = piece.big ? size - start - at.bytes : start;
      if (below != 0) steps.push(Opcode::Ushr, piece.type, below * 8);
      steps.push(Opcode::Ireduce, narrow);
    }
    if (at.bytes > 1 && is_big(at.inst) != piece.big) steps.push(Opcode::Bswap, narrow);
    if (!access.type.is_int()) steps.push(Opcode::Bitcast, access.type);
  }
  if (access.widening != Widening::None) {
    steps.push(access.widening == Widening::Signed ? Opcode::Sextend : Opcode::Uextend,
               dfg_.type(dfg_.first_result(at.inst)));
  }
  return steps;
}

Steps Promoter::store_steps(const Piece& piece, const Access& at,
                            const MemoryAccess& access) const {
  Steps steps;
  if (dfg_.type(dfg_[at.inst].arg(0)) != access.type) steps.push(Opcode::Ireduce, access.type);
  if (access.type != piece.type) steps.push(Opcode::Bitcast, piece.type);
  if (piece.type.is_int() && piece.type.bits() <= 64 && at.bytes > 1 &&
      is_big(at.inst) != piece.big) {
    steps.push(Opcode::Bswap, piece.type);
  }
  return steps;
}

InstData Promoter::record(const Step& step, Value operand, Inst before) {
  InstData data;
  data.opcode = step.opcode;
  data.set_arg(0, operand);
  if (step.opcode == Opcode::Ushr) {
    InstData amount;
    amount.opcode = Opcode::Iconst;
    amount.set_wide(step.bits);
    data.set_arg(1, insert(amount, step.type, before));
  } else if (step.opcode == Opcode::Bitcast &&
             dfg_.type(operand).lane_count() != step.type.lane_count()) {
    ir::MemFlags flags;
    flags.byte_order = ir::ByteOrder::Little;
    data.flags = dfg_.intern(flags).index;
  }
  return data;
}

Value Promoter::insert(const InstData& data, Type type, Inst before) {
  const Inst inst = dfg_.make_inst(data);
  dfg_.make_results(inst, type);
  func_.layout.insert_inst_before(inst, before);
  func_.copy_source_place(inst, before);
  return dfg_.first_result(inst);
}

// The load becomes the last step from `value` to what it gives, or another name of it.
void Promoter::replace_load(const Piece& piece, const Access& at, Value value) {
  MemoryAccess access;
  describe_access(dfg_, at.inst, access);
  const Steps steps = load_steps(piece, at, access);
  if (steps.count == 0) {
    const bool made = dfg_.make_alias(dfg_.first_result(at.inst), value);
    GANTRY_CHECK(made);
    func_.layout.remove_inst(at.inst);
    return;
  }
  for (u32 i = 0; i + 1 < steps.count; ++i) {
    const InstData data = record(steps.items[i], value, at.inst);
    value = insert(data, steps.items[i].type, at.inst);
  }
  const InstData last = record(steps.items[steps.count - 1], value, at.inst);
  dfg_[at.inst] = last;
}

// Takes the store away; what the variable holds from here on.
Value Promoter::replace_store(const Piece& piece, const Access& at) {
  MemoryAccess access;
  describe_access(dfg_, at.inst, access);
  Value value = dfg_.resolve(dfg_[at.inst].arg(0));
  const Steps steps = store_steps(piece, at, access);
  for (u32 i = 0; i < steps.count; ++i) {
    const InstData data = record(steps.items[i], value, at.inst);
    value = insert(data, steps.items[i].type, at.inst);
  }
  func_.layout.remove_inst(at.inst);
  return value;
}

// At the start of the function, for memory nobody wrote.
Value Promoter::zero(Type type) {
  for (u32 i = 0; i < num_zeros_; ++i) {
    if (zeros_[i].type == type) return zeros_[i].value;
  }
  InstData data;
  if (type == ir::kI128) {
    const Value half = zero(ir::kI64);
    data.opcode = Opcode::Iconcat;
    data.set_arg(0, half);
    data.set_arg(1, half);
  } else if (type.is_vector()) {
    const u8 bytes[16] = {};
    data.opcode = Opcode::Vconst;
    data.words[0] = dfg_.add_constant(bytes).index();
  } else if (type.is_int()) {
    data.opcode = Opcode::Iconst;
  } else {
    data.opcode = type == ir::kF32 ? Opcode::F32const : Opcode::F64const;
  }
  // Behind those made before, on which it may depend.
  const PackedOption<Inst> after =
      num_zeros_ == 0 ? func_.layout.first_inst(entry_)
                      : func_.layout.next_inst(*dfg_.defining_inst(zeros_[num_zeros_ - 1].value));
  const Value value = insert(data, type == ir::kI128 ? ir::kI64 : type, *after);
  zeros_[num_zeros_++] = {type, value};
  return value;
}

void Promoter::run() {
  entry_ = *func_.layout.entry();
  s_.flow.compute(func_);
  collect();
  split();
  const u64 func_size = u64{dfg_.num_insts()} + dfg_.num_blocks();
  place_budget_ = limits::kMaxPromotedPlaces.value * func_size;
  arg_budget_ = limits::kMaxPromotedArgs.value * func_size;
  const u32 num_blocks = dfg_.num_blocks();
  states_ = arena_.allocate_filled<BlockState>(num_blocks, BlockState{});
  first_params_ = arena_.allocate_filled<u32>(num_blocks, kNone);
  last_params_ = arena_.allocate_filled<u32>(num_blocks, kNone);
  num_params_ = arena_.allocate_filled<u32>(num_blocks, 0);
  for (const Block block : s_.flow.postorder()) {
    num_params_[block.index()] = static_cast<u32>(dfg_.block_params(block).size());
  }
  s_.params.clear();
  s_.args.clear();

  usize at = 0;
  for (u32 number = 0; number < s_.pieces.size(); ++number) {
    const usize first = at;
    while (at < s_.accesses.size() && s_.accesses[at].piece == number) ++at;
    const std::span<const Access> accesses(s_.accesses.data() + first, at - first);
    Piece& piece = s_.pieces[number];
    judge(piece, accesses);
    const Piece::Fate fate = std::exchange(piece.fate, Piece::Fate::StaysInMemory);
    if (fate == Piece::Fate::IsNeverRead &&
        may_change("stores that nobody reads go, the first is", accesses[0].inst)) {
      piece.fate = fate;
      remove_stores(accesses);
    }
    if (fate == Piece::Fate::BecomesValue && find_live_blocks(number, accesses) &&
        may_change("bytes of a slot become a value, first accessed by", accesses[0].inst)) {
      piece.fate = fate;
      promote(number, accesses);
    }
  }
  pass_args();
  drop_slots();
}

}  // namespace

void promote_stack_slots(ir::Function& func, bool little_endian, Session& session) {
  if (func.stack_slots.empty()) return;
  Promoter(func, little_endian, session).run();
}

}  // namespace gantry::opt

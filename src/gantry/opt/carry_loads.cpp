// Problem: a load in a loop that reads what the round before has just stored waits for the store;
// the value was in a register all the time. Loads of what the round before loaded, and of what
// stays where it is, are loads for nothing.
// Idea: take the loop's accesses in order. For a load, write its address with the arguments of the
// edge that closes the loop in place of the head's parameters: the bytes it will read in the next
// round, in terms of this one. Walk back from that edge to the access that leaves them in a
// register; addresses are sums (internal/linear_form.h), so that equality is exact. If every
// closing edge has one, the load is a parameter. The same substitution with the arguments of an
// edge into the loop gives the first address, which is looked up in front of the loop, or loaded.
// Why bits and traps are right: in the later rounds an access of the same bytes has succeeded; the
// first load is only executed where the first round would come to it, with nothing to be seen in
// between.
// Invariants: loops have no loops inside, so that a round executes an instruction at most once, and
// reverse postorder of their blocks is an order of execution. All is decided before anything is
// changed.
#include "gantry/opt/carry_loads.h"

#include <algorithm>
#include <span>
#include <vector>

#include "gantry/opt/fold.h"
#include "gantry/opt/internal/change.h"
#include "gantry/opt/internal/linear_form.h"
#include "gantry/opt/internal/memory_access.h"
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
using Widening = MemoryAccess::Widening;

constexpr u32 kMaxBlocks = static_cast<u32>(limits::kMaxCarryBlocks.value);
constexpr u32 kMaxAccesses = static_cast<u32>(limits::kMaxCarryAccesses.value);
constexpr u32 kMaxCarried = static_cast<u32>(limits::kMaxCarriedLoads.value);
constexpr u32 kMaxEdges = 4;       // into the loop, and closing it
constexpr u32 kMaxCopies = 24;     // operations copied in front of the loop for one value
constexpr u32 kMaxLooksBack = 16;  // instructions in front of the loop asked for the first value
static_assert(kMaxBlocks <= 32, "sets of blocks are masks");

// What an opcode is to this pass.
enum class Role : u8 { Nothing, Load, Store, Barrier, Trap };

Role role_of(Opcode opcode) {
  const ir::InstFacts& facts = ir::inst_facts(opcode);
  const meta::Effects& effects = facts.effects;
  if (facts.format == meta::Format::Load && effects.can_load) return Role::Load;
  if (facts.format == meta::Format::Store && effects.can_store) return Role::Store;
  if (effects.is_call || effects.can_store || effects.other_effects) return Role::Barrier;
  if (effects.can_trap || effects.can_load) return Role::Trap;
  return Role::Nothing;
}

// A load, a store, or what else matters to them.
struct Access {
  Role role = Role::Nothing;
  Inst inst;
  u32 block = 0;  // place in the loop
  MemoryAccess what;
  LinearForm address;  // with the offset
  u32 region = 0;      // number + 1; 0: none
  u8 trap = 0;
  bool big = false;
  bool readonly = false;
  bool can_move = false;
  u32 bytes() const { return what.bytes(); }
};

struct LoopEdge {
  Block from;
  Inst branch;
  u32 call = 0;   // which of the branch's calls
  u32 block = 0;  // of closing edges: place in the loop
  std::span<const Value> args;
};

// Where a value comes from that a load would give: an access, or the load itself (kSelf: what it
// was in this round).
constexpr u32 kNone = ~u32{0};
constexpr u32 kSelf = kNone - 1;

struct Carry {
  u32 load;
  u32 sources[kMaxEdges];    // by closing edge: an access or kSelf
  bool is_found[kMaxEdges];  // by edge into the loop: `found` has the value; else it is loaded
  Access found[kMaxEdges];
  bool is_invariant;  // the same in all rounds
  bool is_guarded;    // loaded first only if the head's test lets the loop begin
  Value param;        // or what is the same in all rounds
  Value inits[kMaxEdges];
};

// Kept from function to function.
struct Scratch {
  Scratch() {
    for (u32 i = 0; i < meta::kNumOpcodes; ++i) roles[i] = role_of(static_cast<Opcode>(i));
  }
  Role roles[meta::kNumOpcodes];
  Access accesses[kMaxAccesses];
  Carry carries[kMaxCarried];
  std::vector<Value> unused;  // perhaps: addresses of loads that are gone
};
constexpr char kScratchOwner = 0;

class Carrier {
 public:
  Carrier(ir::Function& func, const analysis::ControlFlow& flow, const CarryOptions& options,
          Session& session)
      : func_(func),
        dfg_(func.dfg),
        flow_(flow),
        options_(options),
        session_(session),
        arena_(session.pass_arena()),
        s_(session.scratch<Scratch>(&kScratchOwner, [] { return new Scratch(); })),
        forms_(func) {}

  u32 run() {
    s_.unused.clear();
    const std::span<const Block> postorder = flow_.postorder();
    for (usize i = postorder.size(); i-- > 0;) {
      if (!is_head(postorder[i])) continue;
      if (is_inside_.empty()) prepare();
      if (collect_loop(postorder[i])) visit_loop();
      for (u32 b = 0; b < num_blocks_; ++b) is_inside_[blocks_[b].index()] = false;
      num_blocks_ = 0;
    }
    if (replaced_ != 0) {
      dfg_.resolve_aliases_in(func_.layout);
      remove_unused();
    }
    return replaced_;
  }

 private:
  // -- the loop
  void prepare();
  bool is_head(Block block) const;
  bool collect_loop(Block head);
  bool enter_block(Block block);
  bool collect_edges();
  bool collect_accesses();
  void visit_loop();
  bool is_inside(Block block) const {
    return block.index() < is_inside_.size() && is_inside_[block.index()];
  }
  u32 order(Block block) const { return flow_.reverse_postorder_number(block); }
  // Whether in one round the end of block `from`, a place in the loop, may be followed by `to`.
  bool reaches(u32 from, u32 to) const { return (reach_[from] >> to & 1) != 0; }
  bool dominates(u32 a, u32 b) const { return (dominators_[b] >> a & 1) != 0; }

  // -- decisions
  bool describe(Inst inst, Role role, Access& access);
  bool can_give(const Access& source, const Access& load) const;
  bool may_write(const Access& write, const Access& place, const LinearForm& address,
                 const Value* args);
  LinearForm address_of(const Access& access, const Value* args);
  bool decide(u32 load, Carry& carry);
  u32 find_source(const Access& load, const LoopEdge& edge);
  bool find_first(const Access& load, const LoopEdge& edge, Access& found);
  bool may_load_first(u32 load, bool& is_guarded);
  bool always_comes_to(u32 place, u32 from) const;
  bool can_copy(Value value, u32& budget) const;

  // -- changes
  void replace();
  void enter_loop(u32 edge);
  Value convert(const Access& source, const Access& load, Inst before);
  Value value_of(const Access& source, const Access& load);
  Value load_first(const Carry& carry, u32 edge, Inst before);
  // A value of the loop as the first round has it: a constant that is not yet an instruction, or a
  // value.
  struct Copy {
    Value value;
    u64 bits = 0;
    bool is_constant = false;
  };
  Copy copy(Value value, const LoopEdge& edge, Inst before);
  Copy compute(Inst inst, std::span<const Copy> operands, Inst before);
  Value as_value(const Copy& copied, Type type, Inst before);
  void remove_unused();
  Value insert(const InstData& data, Type control, Inst before);
  Value iconst(Type type, u64 bits, Inst before);
  Value zero(Type type, Inst before);
  Block make_block(Block after);
  Inst append_jump(Block block, Block target, std::span<const Value> args, Inst like);
  BlockCall call_of(Block target, std::span<const Value> args);

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
  const analysis::ControlFlow& flow_;
  const CarryOptions options_;
  Session& session_;
  Arena& arena_;
  Scratch& s_;
  std::span<bool> is_inside_;  // by block: of this loop
  std::span<u8> places_;       // by block of this loop: where it is in blocks_
  LinearForms forms_;

  Block blocks_[kMaxBlocks];  // of the loop, the head first, in reverse postorder
  u32 num_blocks_ = 0;
  u32 dominators_[kMaxBlocks];  // masks of places in the loop
  u32 reach_[kMaxBlocks];
  LoopEdge entries_[kMaxEdges], closings_[kMaxEdges];
  u32 num_entries_ = 0, num_closings_ = 0;
  u32 num_accesses_ = 0;
  u32 num_carries_ = 0;
  struct Copied {
    Value from;
    Copy to;
  };
  Copied copied_[2 * kMaxCopies];
  u32 num_copied_ = 0;
  u32 replaced_ = 0;
};

// ---- the loop

void Carrier::prepare() {
  is_inside_ = arena_.allocate_filled<bool>(dfg_.num_blocks(), false);
  places_ = arena_.allocate_filled<u8>(dfg_.num_blocks(), 0);
  forms_.set_inside(is_inside_);
}

bool Carrier::is_head(Block block) const {
  for (const analysis::Edge& edge : flow_.predecessors(block)) {
    if (flow_.is_reachable(edge.block) && order(edge.block) >= order(block)) return true;
  }
  return false;
}

bool Carrier::enter_block(Block block) {
  if (is_inside_[block.index()]) return true;
  if (num_blocks_ == kMaxBlocks) return false;
  is_inside_[block.index()] = true;
  blocks_[num_blocks_++] = block;
  return true;
}

// The blocks from which the closing edges can be reached without passing the head. False if there
// are too many, the head does not dominate them, or there is a cycle among them.
bool Carrier::collect_loop(Block head) {
  forms_.set_head(head);
  num_blocks_ = 0;
  enter_block(head);
  const u32 first = order(head);
  for (const analysis::Edge& edge : flow_.predecessors(head)) {
    if (flow_.is_reachable(edge.block) && order(edge.block) >= first && !enter_block(edge.block))
      return false;
  }
  for (u32 i = 1; i < num_blocks_; ++i) {
    const Block block = blocks_[i];
    // Blocks before the head in reverse postorder are not dominated by it.
    if (order(block) < first) return false;
    for (const analysis::Edge& edge : flow_.predecessors(block)) {
      if (!flow_.is_reachable(edge.block)) continue;
      if (order(edge.block) >= order(block)) return false;  // a loop inside
      if (!enter_block(edge.block)) return false;
    }
  }
  std::sort(blocks_, blocks_ + num_blocks_, [&](Block a, Block b) { return order(a) < order(b); });
  for (u32 i = 0; i < num_blocks_; ++i) places_[blocks_[i].index()] = static_cast<u8>(i);
  return true;
}

bool Carrier::collect_edges() {
  num_entries_ = num_closings_ = 0;
  const Block head = blocks_[0];
  PackedOption<Inst> before;
  for (const analysis::Edge& edge : flow_.predecessors(head)) {
    if (!flow_.is_reachable(edge.block)) return false;
    if (before == edge.inst) continue;
    before = edge.inst;
    const bool closes = is_inside(edge.block);
    u32 number = 0;
    bool fits = true;
    dfg_.for_each_block_call(edge.inst, [&](BlockCall call) {
      const u32 here = number++;
      if (!fits || call.block(dfg_.lists()) != head) return;
      u32& count = closes ? num_closings_ : num_entries_;
      const std::span<const Value> args = call.args(std::as_const(dfg_).lists());
      for (const Value arg : args) fits &= BlockArg::decoded(arg).is_value();
      if (!fits || count == kMaxEdges) {
        fits = false;
        return;
      }
      LoopEdge& found = closes ? closings_[count] : entries_[count];
      ++count;
      found = {edge.block, edge.inst, here, closes ? places_[edge.block.index()] : u32{0},
               arena_.copy(args)};
    });
    if (!fits) return false;
  }
  return num_entries_ != 0;
}

// What the instructions of the loop do to memory, and what can be seen of them. False if there is
// nothing to gain, or too much to look at.
bool Carrier::collect_accesses() {
  num_accesses_ = 0;
  u32 num_loads = 0;
  for (u32 i = 0; i < num_blocks_; ++i) {
    for (const Inst inst : func_.layout.insts(blocks_[i])) {
      const Role role = s_.roles[static_cast<u32>(dfg_.opcode(inst))];
      if (role == Role::Nothing) continue;
      if (num_accesses_ == kMaxAccesses) return false;
      Access& access = s_.accesses[num_accesses_++];
      access.role = role;
      access.inst = inst;
      access.block = i;
      num_loads += role == Role::Load;
    }
  }
  if (num_loads == 0) return false;
  for (u32 i = 0; i < num_accesses_; ++i) {
    Access& access = s_.accesses[i];
    if (access.role != Role::Load && access.role != Role::Store) continue;
    if (!describe(access.inst, access.role, access)) {
      access.role = access.role == Role::Store ? Role::Barrier : Role::Trap;
    }
  }
  return true;
}

bool Carrier::describe(Inst inst, Role role, Access& access) {
  access.role = role;
  access.inst = inst;
  if (!describe_access(dfg_, inst, access.what)) return false;
  const ir::MemFlags& flags = dfg_.mem_flags(inst);
  access.region = flags.region ? (*flags.region).index() + 1 : 0;
  access.trap = flags.trap.code;
  access.big = flags.byte_order == ir::ByteOrder::Big ||
               (flags.byte_order == ir::ByteOrder::Target && options_.big_endian);
  access.readonly = flags.readonly;
  access.can_move = flags.can_move;
  access.address = address_of(access, nullptr);
  return access.address.is_known;
}

LinearForm Carrier::address_of(const Access& access, const Value* args) {
  LinearForm form = forms_.form_of(access.what.address, args);
  if (!form.is_known) return form;
  form.constant += static_cast<u64>(i64{access.what.offset});
  form.constant &= form.mask();
  return form;
}

void Carrier::visit_loop() {
  if (!collect_accesses() || !collect_edges()) return;
  for (u32 i = 0; i < num_blocks_; ++i) {
    u32 all = i == 0 ? 0 : ~u32{0};
    if (i != 0) {
      for (const analysis::Edge& edge : flow_.predecessors(blocks_[i])) {
        if (flow_.is_reachable(edge.block)) all &= dominators_[places_[edge.block.index()]];
      }
    }
    dominators_[i] = all | 1u << i;
  }
  for (u32 i = num_blocks_; i-- > 0;) {
    reach_[i] = 0;
    for (const Block successor : flow_.successors(blocks_[i])) {
      if (!is_inside(successor) || successor == blocks_[0]) continue;
      const u32 place = places_[successor.index()];
      reach_[i] |= 1u << place | reach_[place];
    }
  }
  num_carries_ = 0;
  for (u32 i = 0; i < num_accesses_ && num_carries_ < kMaxCarried; ++i) {
    if (s_.accesses[i].role == Role::Load && decide(i, s_.carries[num_carries_]) &&
        may_change(session_, kCarryLoads, "a load becomes a parameter of its loop", func_,
                   s_.accesses[i].inst)) {
      ++num_carries_;
    }
  }
  if (num_carries_ != 0) replace();
}

// ---- decisions

// Whether the register of `source`, of the same address, has what `load` gives, or can be converted
// to it.
bool Carrier::can_give(const Access& source, const Access& load) const {
  if (source.bytes() != load.bytes() || source.region != load.region) return false;
  if (source.what.widening == Widening::Lanes || load.what.widening == Widening::Lanes) {
    return source.role == Role::Load && source.big == load.big &&
           dfg_.opcode(source.inst) == dfg_.opcode(load.inst);
  }
  if (source.big != load.big && source.bytes() != 1) return false;
  if (source.what.type == load.what.type) return true;
  // The same bytes as another type: lanes would need the byte order of the access.
  return source.what.type.is_scalar() && load.what.type.is_scalar();
}

// Whether a store, or what counts as one, may change bytes at `address`, which `place` loads and
// which was made with `args`.
bool Carrier::may_write(const Access& write, const Access& place, const LinearForm& address,
                        const Value* args) {
  if (write.role == Role::Barrier) return !place.readonly;
  if (write.role != Role::Store || place.readonly) return false;
  if (write.region != 0 && place.region != 0 && write.region != place.region) return false;
  const std::optional<u64> away = forms_.distance(address, args, write.address);
  if (!away) return true;
  return *away < place.bytes() || ((0 - *away) & address.mask()) < write.bytes();
}

// The access of this round that leaves in a register what `load` would read in the next round, if
// that comes over `edge`.
u32 Carrier::find_source(const Access& load, const LoopEdge& edge) {
  const Value* args = edge.args.data();
  const LinearForm next = address_of(load, args);
  if (!next.is_known) return kNone;
  for (u32 i = num_accesses_; i-- > 0;) {
    const Access& access = s_.accesses[i];
    if (access.role == Role::Trap) continue;
    if (access.block != edge.block && !reaches(access.block, edge.block)) continue;
    if (access.role != Role::Barrier && can_give(access, load) &&
        dominates(access.block, edge.block) && forms_.distance(next, args, access.address) == 0) {
      return i;
    }
    if (may_write(access, load, next, args)) return kNone;
  }
  return forms_.distance(next, args, load.address) == 0 ? kSelf : kNone;
}

// The same for the first round, in front of the loop.
bool Carrier::find_first(const Access& load, const LoopEdge& edge, Access& found) {
  if (s_.roles[static_cast<u32>(dfg_.opcode(edge.branch))] != Role::Nothing) return false;
  const Value* args = edge.args.data();
  const LinearForm first = address_of(load, args);
  if (!first.is_known) return false;
  PackedOption<Inst> at = func_.layout.prev_inst(edge.branch);
  for (u32 i = 0; i < kMaxLooksBack && at; ++i) {
    const Inst inst = *at;
    at = func_.layout.prev_inst(inst);
    const Role role = s_.roles[static_cast<u32>(dfg_.opcode(inst))];
    if (role == Role::Nothing || role == Role::Trap) continue;
    if (role == Role::Barrier || !describe(inst, role, found)) {
      if (role == Role::Load) continue;
      return false;
    }
    if (can_give(found, load) && forms_.distance(first, args, found.address) == 0) return true;
    if (may_write(found, load, first, args)) return false;
  }
  return false;
}

// Whether every path from the start of block `from`, places in the loop, leads to `place`.
bool Carrier::always_comes_to(u32 place, u32 from) const {
  u32 always = 1u << place;
  for (u32 i = place; i-- > from;) {
    bool all = true;
    u32 count = 0;
    for (const Block successor : flow_.successors(blocks_[i])) {
      ++count;
      all &= is_inside(successor) && successor != blocks_[0] &&
             (always >> places_[successor.index()] & 1) != 0;
    }
    if (all && count != 0) always |= 1u << i;
  }
  return (always >> from & 1) != 0;
}

bool Carrier::can_copy(Value value, u32& budget) const {
  value = dfg_.resolve(value);
  const ir::ValueDef def = dfg_.def(value);
  if (def.kind == ir::ValueData::Kind::Param && def.block() == blocks_[0]) return true;
  if (!forms_.varies(value)) return true;
  if (def.kind == ir::ValueData::Kind::Param || budget == 0) return false;
  --budget;
  if (!forms_.is_pure(def.inst())) return false;
  for (const Value arg : dfg_.args(def.inst())) {
    if (!can_copy(arg, budget)) return false;
  }
  return true;
}

// Whether the load may be done in front of the loop with the first round's parameters; guarded: if
// the head's test lets the loop begin.
bool Carrier::may_load_first(u32 number, bool& is_guarded) {
  const Access& load = s_.accesses[number];
  u32 budget = kMaxCopies;
  if (!can_copy(load.what.address, budget)) return false;
  is_guarded = false;
  if (load.can_move && load.trap == 0) return true;
  // Nothing before it that can be seen, or that it could be spared by.
  for (u32 i = 0; i < number; ++i) {
    const Access& access = s_.accesses[i];
    if (access.block != load.block && !reaches(access.block, load.block)) continue;
    const bool is_access = access.role == Role::Load || access.role == Role::Store;
    if (!is_access) return false;
    if (access.role == Role::Store && load.trap != 0) return false;
    if (access.trap != 0 && access.trap != load.trap) return false;
  }
  if (always_comes_to(load.block, 0)) return true;
  const InstData& branch = dfg_[*func_.layout.last_inst(blocks_[0])];
  if (branch.opcode != Opcode::Brif || options_.for_size) return false;
  const Block then_block = branch.block_call(1).block(dfg_.lists());
  const Block else_block = branch.block_call(2).block(dfg_.lists());
  const bool is_then = is_inside(then_block);
  if (is_then == is_inside(else_block)) return false;
  const Block begin = is_then ? then_block : else_block;
  if (begin == blocks_[0] || !always_comes_to(load.block, places_[begin.index()])) return false;
  is_guarded = true;
  const Type type = dfg_.type(dfg_.first_result(load.inst));
  if (type.bits() > 64 && type.bits() != 128) return false;
  if (type.bits() == 128 && !type.is_vector()) return false;
  if (type.is_scalar() && !type.is_int() && type != ir::kF32 && type != ir::kF64) return false;
  if (type.is_vector() && type.bits() != 128) return false;
  budget = kMaxCopies;
  return can_copy(branch.arg(0), budget);
}

bool Carrier::decide(u32 number, Carry& carry) {
  const Access& load = s_.accesses[number];
  carry.load = number;
  // What it will read is what it would have read, up to the place where it is.
  for (u32 i = 0; i < number; ++i) {
    const Access& access = s_.accesses[i];
    if ((access.block == load.block || reaches(access.block, load.block)) &&
        may_write(access, load, load.address, nullptr)) {
      return false;
    }
  }
  carry.is_invariant = true;
  for (u32 i = 0; i < num_closings_; ++i) {
    carry.sources[i] = find_source(load, closings_[i]);
    if (carry.sources[i] == kNone) return false;
    if (carry.sources[i] == number) carry.sources[i] = kSelf;
    carry.is_invariant &= carry.sources[i] == kSelf;
  }
  bool is_loaded = false;
  for (u32 i = 0; i < num_entries_; ++i) {
    carry.is_found[i] = find_first(load, entries_[i], carry.found[i]);
    is_loaded |= !carry.is_found[i];
  }
  carry.is_guarded = false;
  return !is_loaded || may_load_first(number, carry.is_guarded);
}

// ---- changes

Value Carrier::insert(const InstData& data, Type control, Inst before) {
  const Inst inst = dfg_.make_inst(data);
  dfg_.make_results(inst, control);
  func_.layout.insert_inst_before(inst, before);
  func_.copy_source_place(inst, before);
  return dfg_.first_result(inst);
}

Value Carrier::iconst(Type type, u64 bits, Inst before) {
  InstData data;
  data.opcode = Opcode::Iconst;
  data.set_wide(bits);
  return insert(data, type, before);
}

// Where the loop doesn't begin, nobody asks for the value.
Value Carrier::zero(Type type, Inst before) {
  if (type.is_int()) return iconst(type, 0, before);
  InstData data;
  if (type.is_vector()) {
    const u8 bytes[16] = {};
    data.opcode = Opcode::Vconst;
    data.words[0] = dfg_.add_constant(bytes).index();
  } else {
    data.opcode = type == ir::kF32 ? Opcode::F32const : Opcode::F64const;
  }
  return insert(data, type, before);
}

Value Carrier::as_value(const Copy& copied, Type type, Inst before) {
  return copied.is_constant ? iconst(type, copied.bits, before) : copied.value;
}

// An operation of the loop on other operands, or what it comes to: the first round's numbers are
// often constants.
Carrier::Copy Carrier::compute(Inst inst, std::span<const Copy> operands, Inst before) {
  InstData data = dfg_[inst];
  const Type control = dfg_.control_type(inst), type = dfg_.type(dfg_.first_result(inst));
  const u32 count = static_cast<u32>(operands.size());
  FoldOperand known[3];
  u32 num_known = 0;
  for (; num_known < count && operands[num_known].is_constant; ++num_known) {
    known[num_known] = {dfg_.type(data.arg(num_known)), operands[num_known].bits};
  }
  if (num_known == count && count != 0 && type.is_int() && type.bits() <= 64) {
    u128 results[2];
    const FoldRequest request{
        .opcode = data.opcode, .aux = data.aux, .result = type, .operands = {known, count}};
    if (fold(request, results) == 1)
      return {.value = {}, .bits = static_cast<u64>(results[0]), .is_constant = true};
  }
  if (data.opcode == Opcode::Iadd || data.opcode == Opcode::Ishl) {
    if (operands[1].is_constant && operands[1].bits == 0) return operands[0];
  }
  for (u32 i = 0; i < count; ++i)
    data.set_arg(i, as_value(operands[i], dfg_.type(data.arg(i)), before));
  return {.value = insert(data, control, before)};
}

Carrier::Copy Carrier::copy(Value value, const LoopEdge& edge, Inst before) {
  value = dfg_.resolve(value);
  if (const std::optional<Value> arg = forms_.replacement(value, edge.args.data())) {
    value = *arg;
  } else if (forms_.varies(value) && !forms_.constant(value)) {
    for (u32 i = 0; i < num_copied_; ++i) {
      if (copied_[i].from == value) return copied_[i].to;
    }
    const Inst inst = dfg_.def(value).inst();
    Copy operands[3];
    const u32 count =
        std::min<u32>(ir::inst_facts(dfg_.opcode(inst)).num_fixed_values, std::size(operands));
    for (u32 i = 0; i < count; ++i) operands[i] = copy(dfg_[inst].arg(i), edge, before);
    const Copy made = compute(inst, {operands, count}, before);
    if (num_copied_ < std::size(copied_)) copied_[num_copied_++] = {value, made};
    return made;
  }
  if (const std::optional<u64> bits = forms_.constant(value))
    return {.value = {}, .bits = *bits, .is_constant = true};
  return {.value = value};
}

// What `load` would give, of what `source` has in its register.
Value Carrier::convert(const Access& source, const Access& load, Inst before) {
  const auto unary = [&](Opcode opcode, Type type, Value operand) {
    InstData data;
    data.opcode = opcode;
    data.set_arg(0, operand);
    return insert(data, type, before);
  };
  Value value = source.what.is_store ? dfg_[source.inst].arg(0) : dfg_.first_result(source.inst);
  const Type result = dfg_.type(dfg_.first_result(load.inst));
  if (dfg_.type(value) == result && !source.what.is_store &&
      source.what.widening == load.what.widening)
    return value;
  if (dfg_.type(value) != source.what.type) value = unary(Opcode::Ireduce, source.what.type, value);
  if (source.what.type != load.what.type) value = unary(Opcode::Bitcast, load.what.type, value);
  if (load.what.type == result) return value;
  return unary(load.what.widening == Widening::Signed ? Opcode::Sextend : Opcode::Uextend, result,
               value);
}

Value Carrier::value_of(const Access& source, const Access& load) {
  return convert(source, load, *func_.layout.next_inst(source.inst));
}

Block Carrier::make_block(Block after) {
  const Block block = dfg_.make_block();
  func_.layout.insert_block_after(block, after);
  if (func_.layout.is_cold(after)) func_.layout.set_cold(block);
  return block;
}

BlockCall Carrier::call_of(Block target, std::span<const Value> args) {
  BlockCall call = BlockCall::make(target, dfg_.lists());
  for (const Value arg : args) call.push(BlockArg::value(dfg_.resolve(arg)), dfg_.lists());
  return call;
}

Inst Carrier::append_jump(Block block, Block target, std::span<const Value> args, Inst like) {
  InstData data;
  data.opcode = Opcode::Jump;
  data.words[1] = call_of(target, args).raw();
  const Inst jump = dfg_.make_inst(data);
  func_.layout.append_inst(jump, block);
  func_.copy_source_place(jump, like);
  return jump;
}

// The load with the first round's address.
Value Carrier::load_first(const Carry& carry, u32 edge, Inst before) {
  const Access& load = s_.accesses[carry.load];
  InstData data = dfg_[load.inst];
  const Type address = dfg_.type(data.arg(0));
  data.set_arg(0, as_value(copy(data.arg(0), entries_[edge], before), address, before));
  return insert(data, dfg_.type(dfg_.first_result(load.inst)), before);
}

// The first values of all carried loads, on one edge into the loop.
void Carrier::enter_loop(u32 number) {
  LoopEdge& edge = entries_[number];
  bool any_loaded = false, any_guarded = false;
  for (u32 i = 0; i < num_carries_; ++i) {
    Carry& carry = s_.carries[i];
    any_loaded |= !carry.is_found[number];
    any_guarded |= !carry.is_found[number] && carry.is_guarded;
    if (carry.is_found[number])
      carry.inits[number] = value_of(carry.found[number], s_.accesses[carry.load]);
  }
  const Block head = blocks_[0];
  if (!any_loaded) return;
  // A block of its own, if the branch can go elsewhere.
  if (dfg_.opcode(edge.branch) != Opcode::Jump) {
    const Block block = make_block(edge.from);
    const Inst jump = append_jump(block, head, edge.args, edge.branch);
    u32 at = 0;
    dfg_.update_block_calls(edge.branch, [&](BlockCall& call) {
      if (at++ == edge.call) call = call_of(block, {});
    });
    // Constants are made where they are used.
    const std::span<Value> args = arena_.copy(edge.args);
    for (Value& arg : args) {
      const std::optional<u64> bits = forms_.constant(arg);
      if (!bits) continue;
      s_.unused.push_back(dfg_.resolve(arg));
      arg = iconst(dfg_.type(arg), *bits, jump);
    }
    edge.args = args;
    dfg_.update_block_calls(jump, [&](BlockCall& call) { call = call_of(head, args); });
    edge.from = block;
    edge.branch = jump;
    edge.call = 0;
  }
  num_copied_ = 0;
  const auto load_all = [&](bool guarded, Inst before) {
    for (u32 i = 0; i < num_carries_; ++i) {
      Carry& carry = s_.carries[i];
      if (!carry.is_found[number] && carry.is_guarded == guarded)
        carry.inits[number] = load_first(carry, number, before);
    }
  };
  load_all(false, edge.branch);
  if (!any_guarded) return;
  const InstData test = dfg_[*func_.layout.last_inst(head)];
  const bool is_then = is_inside(test.block_call(1).block(dfg_.lists()));
  const Copy condition = copy(test.arg(0), edge, edge.branch);
  if (condition.is_constant) {
    if ((condition.bits != 0) == is_then) return load_all(true, edge.branch);
    for (u32 i = 0; i < num_carries_; ++i) {
      Carry& carry = s_.carries[i];
      if (carry.is_found[number] || !carry.is_guarded) continue;
      carry.inits[number] =
          zero(dfg_.type(dfg_.first_result(s_.accesses[carry.load].inst)), edge.branch);
    }
    return;
  }
  // The loop begins in a block that loads, or with any values.
  const Block block = make_block(edge.from);
  const Inst jump = append_jump(block, head, edge.args, edge.branch);
  BlockCall skip = call_of(head, edge.args);
  for (u32 i = 0; i < num_carries_; ++i) {
    Carry& carry = s_.carries[i];
    if (carry.param.index() == Value::kReserved) continue;
    const bool is_loaded = !carry.is_found[number] && carry.is_guarded;
    const Value value = is_loaded ? zero(dfg_.type(carry.param), edge.branch) : carry.inits[number];
    skip.push(BlockArg::value(dfg_.resolve(value)), dfg_.lists());
  }
  load_all(true, jump);
  InstData branch;
  branch.opcode = Opcode::Brif;
  branch.set_arg(0, condition.value);
  const BlockCall begin = call_of(block, {});
  branch.words[1] = (is_then ? begin : skip).raw();
  branch.words[2] = (is_then ? skip : begin).raw();
  dfg_[edge.branch] = branch;
  edge.from = block;
  edge.branch = jump;
  edge.call = 0;
}

void Carrier::replace() {
  const Block head = blocks_[0];
  const u32 num_params = static_cast<u32>(dfg_.block_params(head).size());
  if (num_params + num_carries_ > limits::kMaxBlockParams.value) return;
  // What is the same in all rounds needs no parameter if it is there in front of the head.
  for (u32 i = 0; i < num_carries_; ++i) {
    Carry& carry = s_.carries[i];
    carry.param = Value();
    if (!carry.is_invariant || num_entries_ != 1 || carry.is_guarded) {
      carry.param =
          dfg_.append_block_param(head, dfg_.type(dfg_.first_result(s_.accesses[carry.load].inst)));
    }
  }
  for (u32 i = 0; i < num_entries_; ++i) enter_loop(i);
  for (u32 i = 0; i < num_carries_; ++i) {
    Carry& carry = s_.carries[i];
    const bool has_param = carry.param.index() != Value::kReserved;
    if (!has_param) {
      carry.param = carry.inits[0];
      continue;
    }
    const auto pass = [&](const LoopEdge& edge, Value value) {
      u32 at = 0;
      dfg_.update_block_calls(edge.branch, [&](BlockCall& call) {
        if (at++ == edge.call) call.push(BlockArg::value(dfg_.resolve(value)), dfg_.lists());
      });
    };
    for (u32 e = 0; e < num_entries_; ++e) pass(entries_[e], carry.inits[e]);
    for (u32 e = 0; e < num_closings_; ++e) {
      const u32 source = carry.sources[e];
      pass(closings_[e],
           source == kSelf ? carry.param : value_of(s_.accesses[source], s_.accesses[carry.load]));
    }
  }
  for (u32 i = 0; i < num_carries_; ++i) {
    const Carry& carry = s_.carries[i];
    const Inst load = s_.accesses[carry.load].inst;
    const bool made = dfg_.make_alias(dfg_.first_result(load), carry.param);
    GANTRY_CHECK(made);
    s_.unused.push_back(dfg_[load].arg(0));
    func_.layout.remove_inst(load);
    ++replaced_;
  }
}

// The addresses of loads that are gone, and what only they were made of.
void Carrier::remove_unused() {
  const std::span<u32> uses = arena_.allocate_filled<u32>(dfg_.num_values(), 0);
  for (const Block block : func_.layout.blocks()) {
    for (const Inst inst : func_.layout.insts(block)) {
      for (const Value arg : dfg_.args(inst)) ++uses[arg.index()];
    }
    const Inst branch = *func_.layout.last_inst(block);
    dfg_.for_each_block_call(branch, [&](BlockCall call) {
      for (const Value item : call.args(std::as_const(dfg_).lists())) {
        const BlockArg arg = BlockArg::decoded(item);
        if (arg.is_value()) ++uses[arg.as_value().index()];
      }
    });
    const meta::Format format = ir::inst_facts(dfg_.opcode(branch)).format;
    if (format != meta::Format::TryCall && format != meta::Format::TryCallIndirect) continue;
    const ir::ExceptionTable table = ir::ExceptionTable::from_index(dfg_[branch].words[2]);
    for (const ir::ExceptionTableData::Item& item : dfg_.exception_tables[table].items) {
      if (item.context) ++uses[(*item.context).index()];
    }
  }
  for (usize i = 0; i < s_.unused.size(); ++i) {
    const std::optional<Inst> inst = dfg_.defining_inst(s_.unused[i]);
    if (!inst || !func_.layout.block_of(*inst) || !forms_.is_pure(*inst)) continue;
    if (uses[dfg_.first_result(*inst).index()] != 0) continue;
    for (const Value arg : dfg_.args(*inst)) {
      --uses[arg.index()];
      s_.unused.push_back(arg);
    }
    func_.layout.remove_inst(*inst);
  }
}

}  // namespace

u32 carry_loads(ir::Function& func, const analysis::ControlFlow& flow, const CarryOptions& options,
                Session& session) {
  return Carrier(func, flow, options, session).run();
}

}  // namespace gantry::opt

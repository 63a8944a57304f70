// Problem: a loop that multiplies and extends its counter in every round to get an address.
// Idea: write each such value as factor * counter + what doesn't change (internal/counter_sum.h).
// With a factor that x64 addresses have, what doesn't change is added up before the loop and the
// address is base + scaled counter; with another factor the value becomes a counter itself.
// Whether that pays is found by taking the operands' uses away and adding up what nobody uses any
// more. Invariants: a value that is computed anew keeps its name and place; uses_ counts the uses
// of every value the loops have.
#include "gantry/opt/reduce_strength.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "gantry/opt/internal/change.h"
#include "gantry/opt/internal/counter_sum.h"
#include "gantry/opt/internal/memory_access.h"
#include "gantry/support/limits.h"

namespace gantry::opt {
namespace {

using analysis::Loop;
using ir::Block;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Type;
using ir::Value;

constexpr u32 kNone = ~u32{0};
constexpr u32 kMaxForms = static_cast<u32>(limits::kMaxLinearForms.value);
constexpr u32 kMaxNewCounters = static_cast<u32>(limits::kMaxNewCounters.value);
constexpr u32 kMaxCounters = 8;     // of one loop that are looked at
constexpr u32 kMaxLookBack = 24;    // instructions before a place that are asked for a value
constexpr u32 kLoopRegisters = 11;  // integers that a loop can keep in registers beside its own
constexpr i32 kMinGain = 1;         // instructions of a round
constexpr i32 kMinGainOutside = 2;  // in loops around others, whose registers count

// A value of a loop with its form.
struct Entry {
  CounterSum form;
  Value value;
  Inst inst;
  Block block;
  u32 linear_uses = 0;   // as operands of other entries
  u32 address_uses = 0;  // of loads and stores
  bool is_step = false;  // the next value of a counter
  bool is_done = false;
};
struct Wide {
  PackedOption<Value> param;  // the counter as an i64, once it is one
  Extension extension = Extension::None;
};

// Kept from function to function.
struct Scratch {
  std::vector<LoopShape> shapes;  // by loop; header unset: none
  std::vector<u32> ranges;        // by loop: its own blocks are [ranges[i], ranges[i + 1])
  std::vector<Block> blocks;
  std::vector<u32> pressures;  // by loop: integers that are live throughout
  std::vector<bool> is_outer;  // by loop: has loops inside
  std::vector<u32> uses;       // by value
  std::vector<u32> marks;      // by value: number of the loop that has seen it, plus one
  std::vector<u32> entry_of;   // by value: into entries, valid where that entry has the value
  std::vector<Entry> entries;
  std::vector<Value> killed;  // undo log of kill()
  std::vector<Value> work;
  std::vector<u32> members;  // of a group: into entries
  struct Replaced {
    Block header;
    Value param, by;
  };
  std::vector<Replaced> replaced;  // parameters that became wide
};
constexpr char kScratchOwner = 0;

i64 extend(u64 bits, Type type, bool is_signed) {
  const u32 shift = 64 - type.bits();
  return is_signed ? static_cast<i64>(bits << shift) >> shift
                   : static_cast<i64>(bits << shift >> shift);
}

bool is_address_factor(i64 factor) {
  return factor == 1 || factor == 2 || factor == 4 || factor == 8;
}

class Reducer {
 public:
  Reducer(ir::Function& func, const FlowAnalyses& flow, const KnownFacts& facts, Session& session)
      : func_(func),
        dfg_(func.dfg),
        flow_(flow.flow),
        tree_(flow.tree),
        loops_(flow.loops),
        session_(session),
        s_(session.scratch<Scratch>(&kScratchOwner, [] { return new Scratch(); })),
        finder_(func, flow.flow, flow.tree, facts) {}
  u32 run();

 private:
  void sort_blocks();
  void count_uses();
  void reduce_loop(Loop loop);
  u32 count_live(Loop loop);
  u32& pressure();

  bool is_inside(Value value, Loop loop) const;
  bool form_of(Value value, Block block, CounterSum& form) const;
  Entry* entry_of(Value value) {
    const u32 at = value.index() < s_.entry_of.size() ? s_.entry_of[value.index()] : kNone;
    return at < s_.entries.size() && s_.entries[at].value == value ? &s_.entries[at] : nullptr;
  }
  const Entry* entry_of(Value value) const { return const_cast<Reducer*>(this)->entry_of(value); }
  void collect_forms();
  bool follows_counter(Value value) const;
  bool may_have_form(Inst inst) const;
  bool make_form(Inst inst, Block block, CounterSum& form);

  bool may_change(std::string_view what, Inst place) {
    return opt::may_change(session_, kReduceStrength, what, func_, place);
  }
  i32 own_cost(const Entry& entry) const;
  i32 kill_operands(const Entry& entry);
  void restore();
  void remove_dead();
  i32 cost_now(const Entry& entry);
  bool is_address(const Entry& entry) const {
    return entry.address_uses != 0 &&
           entry.address_uses + entry.linear_uses == s_.uses[entry.value.index()];
  }
  bool is_root(const Entry& entry) const {
    return !entry.is_done && !entry.is_step && s_.uses[entry.value.index()] > entry.linear_uses;
  }

  void widen_counters();
  void widen(u32 number, Extension extension);
  void reassociate(Entry& entry);
  void reduce_group(u32 first);
  void replace(Entry& entry, PackedOption<Value> base, i64 constant, Value counter, u32 shift);
  void rename(Entry& entry, Value to);
  void finish();

  // Whether the extended counter is a parameter.
  bool has_wide(const CounterSum& form) const {
    const Wide& wide = wide_[form.counter];
    return wide.param && wide.extension == form.extension && form.type == ir::kI64;
  }
  Value counter_value(const CounterSum& form, Inst before);
  Block place_of(const CounterSum& form) const;
  Value outside_sum(const CounterSum& form, i64 constant);
  Value build(const InstData& data, Type type, Inst before);
  Value constant_before(Type type, i64 number, Inst before);
  Value binary(Opcode opcode, Value a, Value b, Inst before);
  Value convert(Opcode opcode, Value a, Type type, Inst before);
  Value scaled(Value value, i64 factor, Inst before);
  void rewrite(Inst inst, const InstData& data);
  void pass(Inst branch, Block block, Value value);
  void grow() {
    if (s_.uses.size() >= dfg_.num_values()) return;
    s_.uses.resize(dfg_.num_values(), 0);
    s_.entry_of.resize(dfg_.num_values(), kNone);
  }

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
  const analysis::ControlFlow& flow_;
  const analysis::DominatorTree& tree_;
  const analysis::LoopForest& loops_;
  Session& session_;
  Scratch& s_;
  CounterFinder finder_;
  bool counted_uses_ = false;
  bool knows_pressures_ = false;
  bool has_aliases_ = false;
  u32 changed_ = 0;

  // of the loop at hand
  Loop loop_;
  const LoopShape* shape_ = nullptr;
  u32 new_counters_ = 0;
  Counter counters_[kMaxCounters];
  Wide wide_[kMaxCounters];
  u32 num_counters_ = 0;
};

// Own blocks of each loop, in reverse postorder.
void Reducer::sort_blocks() {
  const u32 num_loops = loops_.num_loops();
  s_.ranges.assign(num_loops + 1, 0);
  for (const Block block : flow_.postorder()) {
    if (const std::optional<Loop> loop = loops_.innermost_loop(block)) ++s_.ranges[loop->index()];
  }
  u32 end = 0;
  for (u32& range : s_.ranges) range = end += range;
  s_.blocks.resize(end);
  for (const Block block : flow_.postorder()) {
    if (const std::optional<Loop> loop = loops_.innermost_loop(block))
      s_.blocks[--s_.ranges[loop->index()]] = block;
  }
}

void Reducer::count_uses() {
  counted_uses_ = true;
  s_.uses.assign(dfg_.num_values(), 0);
  s_.entry_of.assign(dfg_.num_values(), kNone);
  for (const Block block : flow_.postorder()) {
    for (const Inst inst : func_.layout.insts(block)) {
      for (const Value value : std::as_const(dfg_).args(inst)) ++s_.uses[value.index()];
      if (!ir::is_terminator(dfg_.opcode(inst))) continue;
      dfg_.for_each_block_call(inst, [&](ir::BlockCall call) {
        for (const Value item : call.args(dfg_.lists())) {
          const ir::BlockArg arg = ir::BlockArg::decoded(item);
          if (arg.is_value()) ++s_.uses[arg.as_value().index()];
        }
      });
    }
  }
  for (const ir::ExceptionTableData& table : dfg_.exception_tables.values()) {
    for (const auto& item : table.items) {
      if (item.context) ++s_.uses[(*item.context).index()];
    }
  }
}

bool Reducer::is_inside(Value value, Loop loop) const {
  const ir::ValueDef def = dfg_.def(value);
  const Block block =
      def.kind == ir::ValueData::Kind::Param ? def.block() : *func_.layout.block_of(def.inst());
  return loops_.contains(loop, block);
}

// Integers that live through the loop: those from outside, and what its head gets.
u32 Reducer::count_live(Loop loop) {
  u32 live = 0;
  const u32 mark = loop.index() + 1;
  const auto see = [&](Value value) {
    if (s_.marks[value.index()] == mark) return;
    s_.marks[value.index()] = mark;
    if (!dfg_.type(value).is_int() || finder_.constant(value) || is_inside(value, loop)) return;
    ++live;
  };
  for (const Value param : dfg_.block_params(loops_.header(loop)))
    live += dfg_.type(param).is_int() ? 1 : 0;
  for (u32 at = s_.ranges[loop.index()]; at < s_.ranges[loop.index() + 1]; ++at) {
    for (const Inst inst : func_.layout.insts(s_.blocks[at])) {
      const Opcode opcode = dfg_.opcode(inst);
      for (const Value value : std::as_const(dfg_).args(inst)) see(value);
      if (!ir::is_terminator(opcode)) continue;
      dfg_.for_each_block_call(inst, [&](ir::BlockCall call) {
        for (const Value item : call.args(dfg_.lists())) {
          const ir::BlockArg arg = ir::BlockArg::decoded(item);
          if (arg.is_value()) see(arg.as_value());
        }
      });
    }
  }
  return live;
}

// Of the loop at hand and those inside it. Few functions have a loop that asks, so all are counted
// when the first one does.
u32& Reducer::pressure() {
  if (!knows_pressures_) {
    knows_pressures_ = true;
    s_.pressures.assign(loops_.num_loops(), 0);
    s_.marks.assign(dfg_.num_values(), 0);
    for (u32 i = loops_.num_loops(); i-- > 0;) {
      s_.pressures[i] = std::max(s_.pressures[i], count_live(Loop::from_index(i)));
      if (const std::optional<Loop> parent = loops_.parent(Loop::from_index(i))) {
        u32& above = s_.pressures[parent->index()];
        above = std::max(above, s_.pressures[i]);
      }
    }
  }
  return s_.pressures[loop_.index()];
}

// ---- forms

bool Reducer::form_of(Value value, Block block, CounterSum& form) const {
  if (const Entry* entry = entry_of(value)) {
    form = entry->form;
    return true;
  }
  form = {};
  form.type = dfg_.type(value);
  if (!Facts::tracks(form.type)) return false;
  form.is_exact_signed = form.is_exact_unsigned = Ranges::tracks(form.type);
  for (u32 i = 0; i < num_counters_; ++i) {
    if (counters_[i].param != value) continue;
    form.counter = i;
    form.factor = 1;
    const bool is_guarded = shape_->guard && tree_.dominates(*shape_->guard, block);
    form.ranges = is_guarded ? counters_[i].guarded : counters_[i].range;
    return true;
  }
  form.ranges = finder_.ranges_of(value);
  if (const std::optional<u64> constant = finder_.constant(value)) {
    form.constant_signed = extend(*constant, form.type, true);
    form.constant_unsigned = extend(*constant, form.type, false);
    return true;
  }
  if (is_inside(value, loop_)) return false;
  form.terms[form.num_terms++] = {value, Extension::None, 1};
  return true;
}

// Whether its form has a counter in it.
bool Reducer::follows_counter(Value value) const {
  for (u32 i = 0; i < num_counters_; ++i) {
    if (counters_[i].param == value) return true;
  }
  return entry_of(value) != nullptr;
}

// Most instructions are not worth a form for each operand.
bool Reducer::may_have_form(Inst inst) const {
  const InstData& data = dfg_[inst];
  const bool is_sum = data.opcode == Opcode::Iadd || data.opcode == Opcode::Isub;
  return follows_counter(data.arg(0)) || (is_sum && follows_counter(data.arg(1)));
}

// Of one that may have a form.
bool Reducer::make_form(Inst inst, Block block, CounterSum& form) {
  const InstData& data = dfg_[inst];
  const Type type = dfg_.type(dfg_.first_result(inst));
  if (!Facts::tracks(type)) return false;
  CounterSum a, b;
  if (!form_of(data.arg(0), block, a)) return false;
  bool made = false;
  switch (data.opcode) {
    case Opcode::Iadd:
    case Opcode::Isub:
      if (!form_of(data.arg(1), block, b)) return false;
      made = sum(a, b, data.opcode == Opcode::Isub, form);
      break;
    case Opcode::Imul:
    case Opcode::Ishl: {
      const std::optional<u64> constant = finder_.constant(data.arg(1));
      if (!constant) return false;
      const bool shifts = data.opcode == Opcode::Ishl;
      made = product(a, shifts ? u64{1} << (*constant % type.bits()) : *constant, form);
      break;
    }
    case Opcode::Sextend:
    case Opcode::Uextend:
      made = extended(a, type, data.opcode == Opcode::Sextend, form);
      break;
    default:
      return false;
  }
  return made && form.factor != 0;
}

void Reducer::collect_forms() {
  s_.entries.clear();
  MemoryAccess access;
  for (u32 at = s_.ranges[loop_.index()]; at < s_.ranges[loop_.index() + 1]; ++at) {
    const Block block = s_.blocks[at];
    for (const Inst inst : func_.layout.insts(block)) {
      const Opcode opcode = dfg_.opcode(inst);
      const ir::InstFacts& facts = ir::inst_facts(opcode);
      switch (opcode) {
        case Opcode::Iadd:
        case Opcode::Isub:
        case Opcode::Imul:
        case Opcode::Ishl:
        case Opcode::Sextend:
        case Opcode::Uextend: {
          if (s_.entries.size() == kMaxForms || !may_have_form(inst)) break;
          Entry entry;
          if (!make_form(inst, block, entry.form)) break;
          entry.value = dfg_.first_result(inst);
          entry.inst = inst;
          entry.block = block;
          entry.form.ranges.narrow(Facts::top(entry.form.type), entry.form.type);
          for (u32 i = 0; i < num_counters_; ++i) {
            entry.is_step |= counters_[i].next == entry.value;
          }
          for (const Value operand : std::as_const(dfg_).args(inst)) {
            if (Entry* used = entry_of(operand)) ++used->linear_uses;
          }
          s_.entry_of[entry.value.index()] = static_cast<u32>(s_.entries.size());
          s_.entries.push_back(entry);
          break;
        }
        default:
          if ((facts.effects.can_load || facts.effects.can_store) &&
              describe_access(dfg_, inst, access)) {
            if (Entry* used = entry_of(access.address)) ++used->address_uses;
          }
      }
    }
  }
}

// ---- what it costs

i32 Reducer::own_cost(const Entry& entry) const {
  switch (dfg_.opcode(entry.inst)) {
    case Opcode::Imul:
      return 3;
    case Opcode::Isub:
      return 2;
    case Opcode::Uextend:
      return dfg_.type(dfg_[entry.inst].arg(0)) == ir::kI32 ? 0 : 1;
    default:
      return 1;
  }
}

// Takes away the uses its operation makes; what that saves.
i32 Reducer::kill_operands(const Entry& entry) {
  i32 cost = 0;
  s_.work.clear();
  const auto drop_all = [&](Inst inst) {
    for (const Value operand : std::as_const(dfg_).args(inst)) s_.work.push_back(operand);
  };
  drop_all(entry.inst);
  while (!s_.work.empty()) {
    const Value value = s_.work.back();
    s_.work.pop_back();
    s_.killed.push_back(value);
    Entry* dead = entry_of(value);
    if (dead != nullptr) --dead->linear_uses;
    if (--s_.uses[value.index()] != 0) continue;
    if (dead == nullptr || dead->is_done) continue;
    cost += own_cost(*dead);
    drop_all(dead->inst);
  }
  return cost;
}
void Reducer::restore() {
  for (const Value value : s_.killed) {
    ++s_.uses[value.index()];
    if (Entry* entry = entry_of(value)) ++entry->linear_uses;
  }
  s_.killed.clear();
}
// Makes what kill_operands() found true.
void Reducer::remove_dead() {
  for (const Value value : s_.killed) {
    if (s_.uses[value.index()] != 0) continue;
    const std::optional<Inst> def = dfg_.defining_inst(value);
    if (!def || !func_.layout.block_of(*def)) continue;
    Entry* entry = entry_of(value);
    if (entry != nullptr) entry->is_done = true;
    if (entry != nullptr || dfg_.opcode(*def) == Opcode::Iconst) func_.layout.remove_inst(*def);
  }
  s_.killed.clear();
}

// Instructions that are needed for the value and nothing else. Its operands are killed afterwards.
i32 Reducer::cost_now(const Entry& entry) {
  i32 folded = 0;
  const bool is_sum = dfg_.opcode(entry.inst) == Opcode::Iadd;
  if (is_address(entry) && is_sum) {
    ++folded;
    for (const Value operand : std::as_const(dfg_).args(entry.inst)) {
      const Entry* part = entry_of(operand);
      if (part == nullptr || dfg_.opcode(part->inst) != Opcode::Ishl) continue;
      const std::optional<u64> amount = finder_.constant(dfg_[part->inst].arg(1));
      if (amount && *amount <= 3 && s_.uses[operand.index()] == 1) ++folded;
      break;
    }
  } else if (is_sum) {
    // lea adds a shifted operand.
    for (const Value operand : std::as_const(dfg_).args(entry.inst)) {
      const Entry* part = entry_of(operand);
      if (part == nullptr || dfg_.opcode(part->inst) != Opcode::Ishl) continue;
      const std::optional<u64> amount = finder_.constant(dfg_[part->inst].arg(1));
      if (amount && *amount <= 3 && s_.uses[operand.index()] == 1) ++folded;
      break;
    }
  }
  return own_cost(entry) + kill_operands(entry) - folded;
}

// ---- new instructions

Value Reducer::build(const InstData& data, Type type, Inst before) {
  // What is there already just before.
  PackedOption<Inst> at = func_.layout.prev_inst(before);
  const bool commutes = ir::inst_facts(data.opcode).commutative;
  for (u32 step = 0; step < kMaxLookBack && at; ++step, at = func_.layout.prev_inst(*at)) {
    const InstData& there = dfg_[*at];
    if (there.opcode != data.opcode) continue;
    InstData swapped = data;
    if (commutes) std::swap(swapped.words[0], swapped.words[1]);
    if ((there == data || there == swapped) && dfg_.type(dfg_.first_result(*at)) == type)
      return dfg_.first_result(*at);
  }
  const Inst inst = dfg_.make_inst(data);
  const Value value = dfg_.append_result(inst, type);
  func_.layout.insert_inst_before(inst, before);
  func_.copy_source_place(inst, before);
  grow();
  for (const Value operand : std::as_const(dfg_).args(inst)) ++s_.uses[operand.index()];
  return value;
}
Value Reducer::constant_before(Type type, i64 number, Inst before) {
  InstData data;
  data.opcode = Opcode::Iconst;
  data.set_wide(static_cast<u64>(number) & Facts::top(type).umax);
  return build(data, type, before);
}
Value Reducer::binary(Opcode opcode, Value a, Value b, Inst before) {
  InstData data;
  data.opcode = opcode;
  data.set_arg(0, a);
  data.set_arg(1, b);
  return build(data, dfg_.type(a), before);
}
Value Reducer::convert(Opcode opcode, Value a, Type type, Inst before) {
  InstData data;
  data.opcode = opcode;
  data.set_arg(0, a);
  return build(data, type, before);
}
Value Reducer::scaled(Value value, i64 factor, Inst before) {
  const Type type = dfg_.type(value);
  const u64 bits = static_cast<u64>(factor) & Facts::top(type).umax;
  if (bits == 1) return value;
  if ((bits & (bits - 1)) == 0 && bits != 0) {
    return binary(Opcode::Ishl, value, constant_before(type, std::countr_zero(bits), before),
                  before);
  }
  return binary(Opcode::Imul, value, constant_before(type, factor, before), before);
}
// The instruction computes something else from here on; its old operands are dead already.
void Reducer::rewrite(Inst inst, const InstData& data) {
  dfg_[inst] = data;
  for (const Value operand : std::as_const(dfg_).args(inst)) ++s_.uses[operand.index()];
}
void Reducer::pass(Inst branch, Block block, Value value) {
  dfg_.update_block_calls(branch, [&](ir::BlockCall& call) {
    if (call.block(dfg_.lists()) != block) return;
    call.push(ir::BlockArg::value(value), dfg_.lists());
    ++s_.uses[value.index()];
  });
}

// The outermost place before the loop where all terms are known.
Block Reducer::place_of(const CounterSum& form) const {
  Block place = shape_->preheader;
  while (const std::optional<Loop> loop = loops_.innermost_loop(place)) {
    const LoopShape& shape = s_.shapes[loop->index()];
    if (!shape.header) return place;
    for (const CounterSum::Term& term : form.outside()) {
      const ir::ValueDef def = dfg_.def(term.value);
      const Block home =
          def.kind == ir::ValueData::Kind::Param ? def.block() : *func_.layout.block_of(def.inst());
      if (loops_.contains(*loop, home)) return place;
    }
    place = shape.preheader;
  }
  return place;
}

// The terms added up, and `constant`; invalid if that is nothing.
Value Reducer::outside_sum(const CounterSum& form, i64 constant) {
  const Inst before = *func_.layout.last_inst(place_of(form));
  Value total = form.num_terms != 0 ? form.terms[0].value : Value();
  bool any = false;
  for (const bool negative : {false, true}) {
    for (const CounterSum::Term& term : form.outside()) {
      if ((term.factor < 0) != negative) continue;
      Value value = term.value;
      if (dfg_.type(value) != form.type) {
        const Opcode opcode =
            term.extension == Extension::Signed ? Opcode::Sextend : Opcode::Uextend;
        value = convert(opcode, value, form.type, before);
      }
      const bool subtracts = negative && any;
      value = scaled(value, subtracts ? -term.factor : term.factor, before);
      total = any ? binary(subtracts ? Opcode::Isub : Opcode::Iadd, total, value, before) : value;
      any = true;
    }
  }
  constant &= static_cast<i64>(Facts::top(form.type).umax);
  if (constant == 0 && any) return total;
  if (!any) return constant_before(form.type, constant, before);
  return binary(Opcode::Iadd, total, constant_before(form.type, constant, before), before);
}

Value Reducer::counter_value(const CounterSum& form, Inst before) {
  const Counter& counter = counters_[form.counter];
  if (counter.type == form.type) return counter.param;
  if (has_wide(form)) return *wide_[form.counter].param;
  const Opcode opcode = form.extension == Extension::Signed ? Opcode::Sextend : Opcode::Uextend;
  return convert(opcode, counter.param, form.type, before);
}

// The entry's value becomes (counter << shift) + base + constant.
void Reducer::replace(Entry& entry, PackedOption<Value> base, i64 constant, Value counter,
                      u32 shift) {
  const Inst inst = entry.inst;
  entry.is_done = true;
  ++changed_;
  const Type type = entry.form.type;
  constant &= static_cast<i64>(Facts::top(type).umax);
  InstData data;
  Value total = counter;
  if (shift != 0) {
    data.opcode = Opcode::Ishl;
    data.set_arg(0, counter);
    data.set_arg(1, constant_before(type, shift, inst));
    if (!base && constant == 0) return rewrite(inst, data);
    total = build(data, type, inst);
  }
  data = {};
  data.opcode = Opcode::Iadd;
  if (base) {
    data.set_arg(0, *base);
    data.set_arg(1, total);
    if (constant == 0) return rewrite(inst, data);
    total = build(data, type, inst);
  }
  data.set_arg(0, total);
  data.set_arg(1, constant_before(type, constant, inst));
  rewrite(inst, data);
}

void Reducer::rename(Entry& entry, Value to) {
  entry.is_done = true;
  ++changed_;
  s_.uses[to.index()] += s_.uses[entry.value.index()];
  func_.layout.remove_inst(entry.inst);
  const bool made = dfg_.make_alias(entry.value, to);
  GANTRY_CHECK(made);
  has_aliases_ = true;
}

// ---- what is done

// The counter's type becomes i64 where that saves extensions; the old one is its low part.
void Reducer::widen_counters() {
  for (u32 number = 0; number < num_counters_; ++number) {
    const Counter& counter = counters_[number];
    if (!Ranges::tracks(counter.type) || !counter.next) continue;
    i32 saved_signed = 0, saved_unsigned = 0;
    for (const Entry& entry : s_.entries) {
      if (entry.form.counter != number || entry.form.type != ir::kI64) continue;
      const Opcode opcode = dfg_.opcode(entry.inst);
      saved_signed += opcode == Opcode::Sextend ? 1 : 0;
      saved_unsigned += opcode == Opcode::Uextend ? 1 : 0;
    }
    // Extending an i32 without sign is free unless it is part of something wider.
    if (counter.is_exact_signed && saved_signed > saved_unsigned) {
      widen(number, Extension::Signed);
    } else if (counter.is_exact_unsigned && counter.type != ir::kI32 &&
               saved_unsigned > saved_signed) {
      widen(number, Extension::Unsigned);
    }
  }
}

void Reducer::widen(u32 number, Extension extension) {
  const Counter& counter = counters_[number];
  const Inst step = *dfg_.defining_inst(*counter.next);
  if (!may_change("a counter becomes wide, its step is", step)) return;
  const Block header = *shape_->header;
  const Value param = dfg_.append_block_param(header, ir::kI64);
  grow();
  Value init;
  if (const std::optional<u64> known = finder_.constant(counter.init)) {
    init = constant_before(ir::kI64, extend(*known, counter.type, extension == Extension::Signed),
                           shape_->entry);
  } else {
    init = convert(extension == Extension::Signed ? Opcode::Sextend : Opcode::Uextend, counter.init,
                   ir::kI64, shape_->entry);
  }
  const Value next =
      binary(Opcode::Iadd, param, constant_before(ir::kI64, counter.step, step), step);
  PackedOption<Inst> before;
  for (const analysis::Edge& edge : flow_.predecessors(header)) {
    if (before == edge.inst) continue;
    before = edge.inst;
    pass(edge.inst, header, edge.inst == shape_->entry ? init : next);
  }
  --s_.uses[counter.param.index()];
  InstData data;
  data.opcode = Opcode::Ireduce;
  data.set_arg(0, next);
  rewrite(step, data);
  // Nothing in the head comes before it.
  const Value low = convert(Opcode::Ireduce, param, counter.type, *func_.layout.first_inst(header));
  s_.replaced.push_back({header, counter.param, low});
  wide_[number] = {param, extension};
  ++changed_;
}

// Takes away the counters that have become wide.
void Reducer::finish() {
  for (const Scratch::Replaced& replaced : s_.replaced) {
    const std::span<const Value> params = dfg_.block_params(replaced.header);
    const u32 index =
        static_cast<u32>(std::find(params.begin(), params.end(), replaced.param) - params.begin());
    PackedOption<Inst> before;
    for (const analysis::Edge& edge : flow_.predecessors(replaced.header)) {
      if (before == edge.inst) continue;
      before = edge.inst;
      dfg_.update_block_calls(edge.inst, [&](ir::BlockCall& call) {
        if (call.block(dfg_.lists()) != replaced.header) return;
        const Value arg = ir::BlockArg::decoded(call.args(dfg_.lists())[index]).as_value();
        call.remove_arg(index, dfg_.lists());
        const std::optional<Inst> def = dfg_.defining_inst(arg);
        if (--s_.uses[arg.index()] == 0 && def && func_.layout.block_of(*def) &&
            dfg_.opcode(*def) == Opcode::Ireduce)
          func_.layout.remove_inst(*def);
      });
    }
    dfg_.remove_block_param(replaced.header, index);
    const bool made = dfg_.make_alias(replaced.param, replaced.by);
    GANTRY_CHECK(made);
    has_aliases_ = true;
  }
  if (has_aliases_) dfg_.resolve_aliases_in(func_.layout);
}

void Reducer::reassociate(Entry& entry) {
  const CounterSum& form = entry.form;
  const Counter& counter = counters_[form.counter];
  const bool is_wide = counter.type == form.type || has_wide(form);
  const bool is_free = is_wide || (form.extension == Extension::Unsigned &&
                                   counter.type == ir::kI32 && !wide_[form.counter].param);
  const i64 constant = form.constant_signed;
  i32 cost = is_free ? 0 : 1;
  if (!is_address(entry) && (form.factor != 1 || form.num_terms != 0 || constant != 0)) ++cost;
  const i32 before = cost_now(entry);
  // The value itself under another name needs no instruction; the others take its place.
  const bool is_counter_itself = form.factor == 1 && form.num_terms == 0 && constant == 0;
  if (before - cost < kMinGain || (is_counter_itself && !is_wide) ||
      (form.num_terms > 1 && pressure() >= kLoopRegisters) ||
      !may_change("a value is computed anew from its counter", entry.inst)) {
    restore();
    return;
  }
  remove_dead();
  const Value x = counter_value(form, entry.inst);
  if (is_counter_itself) return rename(entry, x);
  PackedOption<Value> base;
  if (form.num_terms != 0) {
    if (form.num_terms > 1) ++pressure();
    base = outside_sum(form, 0);
  }
  replace(entry, base, constant, x,
          static_cast<u32>(std::countr_zero(static_cast<u64>(form.factor))));
}

// Values with the same multiple of the counter as entry `first`: one new counter for all.
void Reducer::reduce_group(u32 first) {
  const CounterSum lead = s_.entries[first].form;
  const Counter& counter = counters_[lead.counter];
  if (lead.extension == Extension::Signed && !counter.is_exact_signed) return;
  if (lead.extension == Extension::Unsigned && !counter.is_exact_unsigned) return;
  const auto is_member = [&](const Entry& entry) {
    return entry.form.counter == lead.counter && entry.form.extension == lead.extension &&
           entry.form.factor == lead.factor && entry.form.type == lead.type && is_root(entry);
  };
  bool same_terms = true;
  for (u32 i = first; i < s_.entries.size(); ++i) {
    if (is_member(s_.entries[i])) same_terms &= s_.entries[i].form.has_same_terms(lead);
  }
  i32 gain = -1;  // the addition
  const u32 count = static_cast<u32>(s_.entries.size());
  for (u32 i = first; i < count; ++i) {
    Entry& entry = s_.entries[i];
    if (!is_member(entry)) continue;
    gain += cost_now(entry);
    const bool adds = same_terms ? entry.form.constant_signed != lead.constant_signed
                                 : entry.form.num_terms != 0 || entry.form.constant_signed != 0;
    if (adds && !is_address(entry)) --gain;
  }
  const bool is_outer = s_.is_outer[loop_.index()];
  if (gain < (is_outer ? kMinGainOutside : kMinGain) || pressure() >= kLoopRegisters) {
    restore();
    return;
  }
  // The first value of the new counter: the sum with the first value of the old.
  CounterSum start;
  start.type = lead.type;
  start.constant_signed = same_terms ? lead.constant_signed : 0;
  if (same_terms) {
    start.num_terms = lead.num_terms;
    std::copy(lead.terms, lead.terms + lead.num_terms, start.terms);
  }
  if (const std::optional<u64> known = finder_.constant(counter.init)) {
    const i64 number = extend(*known, counter.type, lead.extension != Extension::Unsigned);
    start.constant_signed =
        static_cast<i64>(static_cast<u64>(start.constant_signed) +
                         static_cast<u64>(number) * static_cast<u64>(lead.factor));
  } else {
    CounterSum init;
    init.type = lead.type;
    init.num_terms = 1;
    init.terms[0] = {counter.init, lead.extension, lead.factor};
    CounterSum both;
    if (!sum(start, init, false, both)) {
      restore();
      return;
    }
    start = both;
  }
  if (!may_change("multiples of a counter become a new counter, the first is",
                  s_.entries[first].inst)) {
    restore();
    return;
  }
  // Members are those that are roots before anything is removed.
  std::vector<u32>& members = s_.members;
  members.clear();
  restore();
  for (u32 i = first; i < count; ++i) {
    if (is_member(s_.entries[i])) members.push_back(i);
  }
  for (const u32 i : members) kill_operands(s_.entries[i]);
  for (const u32 i : members) s_.entries[i].is_done = true;
  remove_dead();
  const Value first_value = outside_sum(start, start.constant_signed);
  const Value param = dfg_.append_block_param(*shape_->header, lead.type);
  grow();
  ++pressure();
  ++new_counters_;
  const i64 step = static_cast<i64>(static_cast<u64>(lead.factor) * static_cast<u64>(counter.step));
  PackedOption<Inst> before;
  for (const analysis::Edge& edge : flow_.predecessors(*shape_->header)) {
    if (before == edge.inst) continue;
    before = edge.inst;
    if (edge.inst == shape_->entry) {
      pass(edge.inst, *shape_->header, first_value);
      continue;
    }
    const Value next =
        binary(Opcode::Iadd, param, constant_before(lead.type, step, edge.inst), edge.inst);
    pass(edge.inst, *shape_->header, next);
  }
  for (const u32 i : members) {
    Entry& entry = s_.entries[i];
    PackedOption<Value> base;
    const i64 constant = static_cast<i64>(static_cast<u64>(entry.form.constant_signed) -
                                          static_cast<u64>(same_terms ? lead.constant_signed : 0));
    if (!same_terms && entry.form.num_terms != 0) base = outside_sum(entry.form, 0);
    const bool is_it = !base && (static_cast<u64>(constant) & Facts::top(lead.type).umax) == 0;
    if (is_it) {
      rename(entry, param);
    } else {
      replace(entry, base, constant, param, 0);
    }
  }
}

void Reducer::reduce_loop(Loop loop) {
  loop_ = loop;
  shape_ = &s_.shapes[loop.index()];
  new_counters_ = 0;
  num_counters_ = 0;
  if (shape_->header) {
    const u32 num_params = static_cast<u32>(dfg_.block_params(*shape_->header).size());
    for (u32 i = 0; i < num_params && num_counters_ < kMaxCounters; ++i) {
      if (!finder_.find(*shape_, i, counters_[num_counters_])) continue;
      wide_[num_counters_++] = {};
    }
  }
  if (num_counters_ != 0) {
    if (!counted_uses_) count_uses();
    collect_forms();
    widen_counters();
    for (Entry& entry : s_.entries) {
      if (is_address_factor(entry.form.factor) && is_root(entry)) reassociate(entry);
    }
    for (u32 i = 0; i < s_.entries.size() && new_counters_ < kMaxNewCounters; ++i) {
      if (!is_address_factor(s_.entries[i].form.factor) && is_root(s_.entries[i])) reduce_group(i);
    }
  }
  if (const std::optional<Loop> parent = loops_.parent(loop)) {
    s_.is_outer[parent->index()] = true;
    if (knows_pressures_) {
      u32& above = s_.pressures[parent->index()];
      above = std::max(above, s_.pressures[loop.index()]);
    }
  }
}

u32 Reducer::run() {
  const u32 num_loops = loops_.num_loops();
  if (num_loops == 0) return 0;
  s_.shapes.resize(num_loops);
  for (u32 i = 0; i < num_loops; ++i) {
    LoopShape& shape = s_.shapes[i];
    if (!finder_.find_shape(loops_.header(Loop::from_index(i)), shape)) shape.header = {};
  }
  sort_blocks();
  s_.is_outer.assign(num_loops, false);
  s_.entries.clear();
  s_.killed.clear();
  s_.replaced.clear();
  for (u32 i = num_loops; i-- > 0;) reduce_loop(Loop::from_index(i));
  finish();
  return changed_;
}

}  // namespace

u32 reduce_strength(ir::Function& func, const FlowAnalyses& flow, const KnownFacts& facts,
                    Session& session) {
  return Reducer(func, flow, facts, session).run();
}

}  // namespace gantry::opt

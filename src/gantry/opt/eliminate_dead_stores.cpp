// Problem: stores to a place that is written again before anyone looks.
// Idea: walk backward with a few candidates, the places that are certain to be overwritten from
// here on before anything observes them. A store inside a candidate is dead; any other becomes a
// candidate. Observers take candidates away. What was stored in between being gone, a candidate may
// put back what a load in front of it has found there: then it goes, too. A block starts (at its
// end) with the candidates that all its successors have at their start; in postorder only those
// behind retreating edges are not known, and have none. Why values can stand for addresses: a
// candidate comes to a store along edges that never go back, so no instruction on the way is
// executed twice, and the value that is the base of both is the same one. Invariants: candidates
// hold for every path from the point of the walk to the end; a candidate of a slot that only its
// own loads and stores can reach is seen by nothing else, traps and calls included.
#include "gantry/opt/eliminate_dead_stores.h"

#include <vector>

#include "gantry/opt/internal/change.h"
#include "gantry/opt/internal/stack_addresses.h"
#include "gantry/support/limits.h"

namespace gantry::opt {
namespace {

using ir::Block;
using ir::DataFlowGraph;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Value;

constexpr u32 kSlotBit = u32{1} << 31;
constexpr u32 kNoRegion = ~u32{0};
constexpr u32 kMaxCandidates = static_cast<u32>(limits::kMaxDeadStoreCandidates.value);
constexpr u32 kMaxAdditions = 4;   // of constants that an address is followed through
constexpr u32 kMaxSuccessors = 4;  // of a block that looks at what they overwrite

// The bytes an access touches.
struct Place {
  u32 base;  // number of a value, or of a slot with kSlotBit
  u32 bytes;
  u64 start;        // from the base, modulo 2^64
  u32 region;       // number or kNoRegion
  u8 trap;          // code, 0 if it cannot trap
  bool is_in_slot;  // inside the bounds of the slot that is its base
  bool is_private;  // of a slot that only accesses inside it can reach

  bool contains(const Place& other) const {
    const u64 distance = other.start - start;
    return base == other.base && distance <= bytes && other.bytes <= bytes - distance;
  }
  bool is_same_range(const Place& other) const {
    return base == other.base && start == other.start && bytes == other.bytes;
  }
};

bool may_overlap(const Place& a, const Place& b) {
  if (a.region != b.region && a.region != kNoRegion && b.region != kNoRegion) return false;
  if (a.base == b.base) return b.start - a.start < a.bytes || a.start - b.start < b.bytes;
  return !a.is_private && !b.is_private && !(a.is_in_slot && b.is_in_slot);
}

struct Candidate {
  Place place;
  bool is_first_effect;  // no store between the point of the walk and it
  // The store itself, while the walk is in its block and has met nothing that may write there.
  PackedOption<Inst> store;
};

struct Saved {
  u32 first;
  u32 count;
};

// What an opcode is to this pass.
enum class Role : u8 { Nothing, Load, Store, Observer };

Role role_of(Opcode opcode) {
  const ir::InstFacts& facts = ir::inst_facts(opcode);
  const meta::Effects& effects = facts.effects;
  if (facts.format == meta::Format::Load && effects.can_load) return Role::Load;
  if (facts.format == meta::Format::Store && effects.can_store) return Role::Store;
  const bool observes = effects.is_call || effects.is_return || effects.can_load ||
                        effects.can_store || effects.can_trap || effects.other_effects;
  return observes ? Role::Observer : Role::Nothing;
}

// Kept from function to function.
struct Scratch {
  Scratch() {
    for (u32 i = 0; i < meta::kNumOpcodes; ++i) roles[i] = role_of(static_cast<Opcode>(i));
  }
  Role roles[meta::kNumOpcodes];
  StackAddresses addresses;
  std::vector<Candidate> saved;
};
constexpr char kScratchOwner = 0;

class Eliminator {
 public:
  Eliminator(ir::Function& func, const analysis::ControlFlow& flow, Session& session)
      : func_(func),
        dfg_(func.dfg),
        flow_(flow),
        session_(session),
        arena_(session.pass_arena()),
        s_(session.scratch<Scratch>(&kScratchOwner, [] { return new Scratch(); })) {}
  u32 run();

 private:
  bool has_two_stores() const;
  void meet_successors(Block block);
  void walk(Block block);
  void visit_load(Inst inst, const Place& place, bool sees_stores);
  bool puts_back(Inst store, Inst load) const;
  void visit_store(Inst inst, const Place& place);
  bool is_dead(const Place& place) const;
  void add(Inst inst, const Place& place);
  void observe_all();
  Place place_of(const MemoryAccess& access, Inst inst) const;
  bool may_remove(std::string_view what, Inst store) {
    return may_change(session_, kEliminateDeadStores, what, func_, store);
  }
  template <class F>
  void keep(F&& wanted) {
    u32 kept = 0;
    for (u32 i = 0; i < count_; ++i) {
      if (!wanted(candidates_[i])) continue;
      if (kept != i) candidates_[kept] = candidates_[i];
      ++kept;
    }
    count_ = kept;
    oldest_ = 0;
  }

  ir::Function& func_;
  const DataFlowGraph& dfg_;
  const analysis::ControlFlow& flow_;
  Session& session_;
  Arena& arena_;
  Scratch& s_;
  bool has_slots_ = false;
  std::span<Saved> starts_;  // by block: the candidates at its start, in s_.saved
  Candidate candidates_[kMaxCandidates];
  u32 count_ = 0;
  u32 oldest_ = 0;  // the one that makes room when all are taken
  u32 removed_ = 0;
};

Place Eliminator::place_of(const MemoryAccess& access, Inst inst) const {
  const ir::MemFlags& flags = dfg_.mem_flags(inst);
  Place place;
  place.bytes = access.bytes();
  place.start = static_cast<u64>(i64{access.offset});
  place.region = flags.region ? (*flags.region).index() : kNoRegion;
  place.trap = flags.trap.code;
  place.is_in_slot = place.is_private = false;
  Value base = access.address;
  if (has_slots_ && s_.addresses.slot_of(base) != StackAddresses::kNone) {
    const u32 slot = s_.addresses.slot_of(base);
    const u64 size = func_.stack_slots[ir::StackSlot::from_index(slot)].size;
    place.base = slot | kSlotBit;
    place.start += s_.addresses.offset_of(base);
    place.is_in_slot = place.start <= size && place.bytes <= size - place.start;
    place.is_private = !s_.addresses.escapes(slot);
    if (place.is_in_slot) place.trap = 0;
    return place;
  }
  // Addresses of 64 bits only: narrower ones wrap around elsewhere.
  for (u32 i = 0; i < kMaxAdditions; ++i) {
    const std::optional<Inst> add = dfg_.defining_inst(base);
    if (!add || dfg_.opcode(*add) != Opcode::Iadd || dfg_.type(base) != ir::kI64) break;
    const std::optional<Inst> other = dfg_.defining_inst(dfg_[*add].arg(1));
    if (!other || dfg_.opcode(*other) != Opcode::Iconst) break;
    place.start += dfg_[*other].wide();
    base = dfg_[*add].arg(0);
  }
  place.base = base.index();
  return place;
}

// What all successors overwrite. Those of retreating edges are not visited yet and have nothing.
void Eliminator::meet_successors(Block block) {
  count_ = oldest_ = 0;
  const std::span<const Block> successors = flow_.successors(block);
  if (successors.empty() || successors.size() > kMaxSuccessors) return;
  for (const Block successor : successors) {
    if (starts_[successor.index()].count == 0) return;
  }
  const Saved first = starts_[successors[0].index()];
  for (u32 i = 0; i < first.count; ++i) {
    candidates_[count_] = s_.saved[first.first + i];
    candidates_[count_++].store = {};
  }
  for (usize i = 1; i < successors.size() && count_ != 0; ++i) {
    const Saved other = starts_[successors[i].index()];
    keep([&](Candidate& candidate) {
      for (u32 j = 0; j < other.count; ++j) {
        const Candidate& there = s_.saved[other.first + j];
        if (!there.place.is_same_range(candidate.place) ||
            there.place.trap != candidate.place.trap ||
            there.place.region != candidate.place.region) {
          continue;
        }
        candidate.is_first_effect &= there.is_first_effect;
        return true;
      }
      return false;
    });
  }
}

void Eliminator::observe_all() {
  if (!has_slots_) {
    count_ = oldest_ = 0;
  } else if (count_ != 0) {
    keep([](const Candidate& candidate) { return candidate.place.is_private; });
  }
}

// Whether the store writes what the load, of the same place, has read. A store that can trap says
// more than that: memory may be readable and not writable.
bool Eliminator::puts_back(Inst store, Inst load) const {
  MemoryAccess from, to;
  return describe_access(dfg_, load, from) && describe_access(dfg_, store, to) &&
         from.widening == MemoryAccess::Widening::None && from.type == to.type &&
         dfg_[store].arg(0) == dfg_.first_result(load) &&
         dfg_.type(dfg_[store].arg(0)) == to.type &&
         dfg_.mem_flags(store).byte_order == dfg_.mem_flags(load).byte_order;
}

void Eliminator::visit_load(Inst inst, const Place& place, bool sees_stores) {
  if (place.trap != 0) observe_all();
  if (!sees_stores || count_ == 0) return;
  for (u32 i = 0; i < count_; ++i) {
    const Candidate& later = candidates_[i];
    if (later.store && later.place.trap == 0 && later.place.is_same_range(place) &&
        later.place.region == place.region && puts_back(*later.store, inst) &&
        may_remove("a store of what was loaded from there goes", *later.store)) {
      func_.layout.remove_inst(*later.store);
      ++removed_;
    }
  }
  keep([&](const Candidate& candidate) { return !may_overlap(candidate.place, place); });
}

bool Eliminator::is_dead(const Place& place) const {
  for (u32 i = 0; i < count_; ++i) {
    const Candidate& later = candidates_[i];
    if (!later.place.contains(place) || later.place.trap != place.trap) continue;
    // Loads that the region of the later store rules out may be of the earlier one's.
    if (later.place.region != place.region && later.place.region != kNoRegion) continue;
    if (place.trap == 0 || (later.is_first_effect && later.place.is_same_range(place))) return true;
  }
  return false;
}

void Eliminator::add(Inst inst, const Place& place) {
  for (u32 i = 0; i < count_; ++i) {
    candidates_[i].is_first_effect = false;
    if (may_overlap(candidates_[i].place, place)) candidates_[i].store = {};
  }
  u32 at = count_;
  if (count_ == kMaxCandidates) {
    at = oldest_;
    oldest_ = (oldest_ + 1) % kMaxCandidates;
  } else {
    ++count_;
  }
  candidates_[at] = {place, true, inst};
}

void Eliminator::visit_store(Inst inst, const Place& place) {
  if (count_ != 0 && is_dead(place) && may_remove("a store that is overwritten goes", inst)) {
    func_.layout.remove_inst(inst);
    ++removed_;
    return;
  }
  if (place.trap != 0) observe_all();
  add(inst, place);
}

void Eliminator::walk(Block block) {
  const PackedOption<Inst> none;
  MemoryAccess access;
  for (PackedOption<Inst> at = func_.layout.last_inst(block); at != none;) {
    const Inst inst = *at;
    at = func_.layout.prev_inst(inst);
    const Role role = s_.roles[static_cast<u32>(dfg_.opcode(inst))];
    // Only stores do something when there are no candidates.
    if (role == Role::Nothing || (role != Role::Store && count_ == 0)) continue;
    const bool observes_all = role == Role::Observer ||
                              (role == Role::Load && !has_slots_ && !dfg_.mem_flags(inst).notrap());
    if (observes_all || !describe_access(dfg_, inst, access)) {
      observe_all();
    } else if (role == Role::Store) {
      visit_store(inst, place_of(access, inst));
    } else {
      visit_load(inst, place_of(access, inst), !dfg_.mem_flags(inst).readonly);
    }
  }
}

bool Eliminator::has_two_stores() const {
  u32 stores = 0;
  for (u32 i = 0, count = dfg_.num_insts(); i < count; ++i) {
    const Opcode opcode = dfg_.opcode(Inst::from_index(i));
    if (s_.roles[static_cast<u32>(opcode)] == Role::Store && ++stores == 2) return true;
  }
  return false;
}

u32 Eliminator::run() {
  if (!has_two_stores()) return 0;
  for (const ir::StackSlotData& slot : func_.stack_slots.values()) has_slots_ |= slot.size != 0;
  if (has_slots_) {
    s_.addresses.compute(func_, flow_, arena_, [](const StackAddresses::SlotAccess&) {});
  }
  starts_ = arena_.allocate_filled<Saved>(dfg_.num_blocks(), Saved{0, 0});
  s_.saved.clear();
  for (const Block block : flow_.postorder()) {
    meet_successors(block);
    walk(block);
    if (count_ == 0) continue;
    starts_[block.index()] = {static_cast<u32>(s_.saved.size()), count_};
    s_.saved.insert(s_.saved.end(), candidates_, candidates_ + count_);
  }
  return removed_;
}

}  // namespace

u32 eliminate_dead_stores(ir::Function& func, const analysis::ControlFlow& flow, Session& session) {
  return Eliminator(func, flow, session).run();
}

}  // namespace gantry::opt

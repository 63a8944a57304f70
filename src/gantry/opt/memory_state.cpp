// Problem: find loads whose value is known - loaded before, or stored - and stores of what is there
// already, without a data flow fixpoint. Idea: every alias region has a version, a number that
// changes whenever something may have been written to it. What is known of a location is stamped
// with the version at that time, and is true wherever that version holds and the instruction that
// made it known dominates. At a join a version survives if all edges into it bring the same; at the
// head of a loop, if nothing in the loop writes to the region. Accesses without a region may touch
// every region: a store without one changes all versions, and any store changes the version (number
// 0) that loads without region go by. A store to one location leaves what is known of others with
// the same base and disjoint bytes: the few entries touched last are stamped anew. Invariants: a
// version number is given out once, so equal numbers mean that nothing was written in between;
// entries name bytes by a base node and an offset, and equal nodes are equal addresses.
#include "gantry/opt/internal/memory_state.h"

#include <algorithm>

#include "gantry/opt/run_egraph.h"
#include "gantry/support/hash.h"

namespace gantry::opt {
namespace {

using ir::Opcode;

// Bytes an opcode reads or writes if that is less than its value has; 0: all of the value.
u32 narrow_bytes(Opcode opcode) {
  switch (opcode) {
    case Opcode::Uload8:
    case Opcode::Sload8:
    case Opcode::Istore8:
      return 1;
    case Opcode::Uload16:
    case Opcode::Sload16:
    case Opcode::Istore16:
      return 2;
    case Opcode::Uload32:
    case Opcode::Sload32:
    case Opcode::Istore32:
      return 4;
    default:
      return 0;
  }
}
bool extends_signed(Opcode opcode) {
  return opcode == Opcode::Sload8 || opcode == Opcode::Sload16 || opcode == Opcode::Sload32;
}
bool is_plain_load(Opcode opcode) {
  return opcode == Opcode::Load ||
         (narrow_bytes(opcode) != 0 && ir::inst_facts(opcode).effects.can_load);
}
bool is_plain_store(Opcode opcode) {
  return opcode == Opcode::Store ||
         (narrow_bytes(opcode) != 0 && ir::inst_facts(opcode).effects.can_store);
}
// Whether anything may have been written to memory, or must have been by those that look.
bool is_barrier(Opcode opcode) {
  const meta::Effects& effects = ir::inst_facts(opcode).effects;
  if (effects.is_call || opcode == Opcode::Fence || opcode == Opcode::SequencePoint) return true;
  return effects.other_effects && (effects.can_load || effects.can_store);
}

}  // namespace

void MemoryState::start(const ir::Function& func, const EgraphOptions& options,
                        const analysis::ControlFlow& flow, const analysis::LoopForest& loops) {
  func_ = &func;
  flow_ = &flow;
  enabled_ = options.alias_analysis;
  big_endian_ = options.big_endian;
  next_version_ = 1;
  num_regions_ = 1;
  region_slots_.assign(func.alias_regions.size(), 0);
  // Regions get their slots here, so that states of blocks have one size.
  for (u32 region = 0; region < func.alias_regions.size(); ++region) {
    region_slots_[region] = std::min(num_regions_, kMaxRegions - 1);
    num_regions_ = std::min(num_regions_ + 1, kMaxRegions);
  }
  end_versions_.assign(usize{numbers_.size()} * num_regions_, 0);
  entries_.clear();
  recent_count_ = 0;
  if (++epoch_ == 0) {
    table_.clear();
    epoch_ = 1;
  }

  loop_writes_.assign(numbers_.size(), 0);
  if ((loops.num_loops() == 0 && !loops.has_irreducible_cycle()) || !enabled_) return;
  const u64 everything = ~u64{0};
  for (u32 number = 0; number < numbers_.size(); ++number) {
    const ir::Block block = numbers_.block(number);
    const std::optional<analysis::Loop> loop = loops.innermost_loop(block);
    if (!loop && !loops.has_irreducible_cycle()) continue;
    u64 mask = 0;
    for (const ir::Inst inst : func.layout.insts(block)) {
      const Opcode opcode = func.dfg.opcode(inst);
      if (is_barrier(opcode)) mask = everything;
      if (is_plain_store(opcode)) {
        const u32 slot = region_slot(func.dfg.mem_flags(inst));
        mask |= slot == 0 ? everything : u64{1} << slot | 1;
      }
    }
    if (loop) loop_writes_[numbers_.number(loops.header(*loop))] |= mask;
  }
  // What an inner loop writes, the loops around it write. Inner loops have larger numbers.
  for (u32 i = loops.num_loops(); i-- > 0;) {
    const analysis::Loop loop = analysis::Loop::from_index(i);
    if (const std::optional<analysis::Loop> parent = loops.parent(loop)) {
      loop_writes_[numbers_.number(loops.header(*parent))] |=
          loop_writes_[numbers_.number(loops.header(loop))];
    }
  }
  // A cycle without a header belongs to no loop, so that no mask says what it writes.
  if (loops.has_irreducible_cycle())
    std::fill(loop_writes_.begin(), loop_writes_.end(), everything);
}

void MemoryState::begin_block(u32 block) {
  block_ = block;
  if (!enabled_) return;
  if (block == 0) {
    for (u32& version : versions_) version = next_version_;
    ++next_version_;
    return;
  }
  const ir::Block here = numbers_.block(block);
  const bool head = numbers_.is_loop_head(block);
  bool first = true;
  for (const analysis::Edge& edge : flow_->predecessors(here)) {
    if (!flow_->is_reachable(edge.block)) continue;
    const u32* end = end_versions_.data() + usize{numbers_.number(edge.block)} * num_regions_;
    if (end[0] == 0) continue;  // not reached, or the edge of a loop
    for (u32 i = 0; i < num_regions_; ++i) {
      if (first) {
        versions_[i] = end[i];
      } else if (versions_[i] != end[i]) {
        versions_[i] = next_version_++;
      }
    }
    first = false;
  }
  if (!head) return;
  const u64 writes = loop_writes_[block];
  for (u32 i = 0; i < num_regions_; ++i) {
    if ((writes >> i & 1) != 0) versions_[i] = next_version_++;
  }
}

void MemoryState::end_block(u32 block) {
  if (!enabled_) return;
  std::copy_n(versions_, num_regions_, end_versions_.data() + usize{block} * num_regions_);
}

u32 MemoryState::region_slot(const ir::MemFlags& flags) const {
  return flags.region ? region_slots_[(*flags.region).index()] : 0;
}

MemoryState::Access MemoryState::decode(const ir::InstData& data, ir::Type type, u32 address_word,
                                        u32 offset_word) const {
  const Graph& graph = rewriter_.graph();
  const ir::MemFlags& flags = func_->dfg.mem_flags(data.mem_flags());
  Access access;
  access.base = Node::from_index(data.words[address_word]);
  access.offset = data.offset(offset_word);
  const u32 narrow = narrow_bytes(data.opcode);
  access.type = narrow != 0 ? ir::Type::int_with_bits(narrow * 8) : type;
  access.size = access.type.bytes();
  access.region = region_slot(flags);
  access.big = flags.byte_order == ir::ByteOrder::Big ||
               (flags.byte_order == ir::ByteOrder::Target && big_endian_);
  access.readonly = flags.readonly;
  access.notrap = flags.notrap();
  // The address is in canonical form, so one step finds the base.
  const ir::InstData& address = graph[access.base];
  if (address.opcode == Opcode::Iadd && graph.type(access.base) == ir::kI64) {
    const Node right = Node::from_index(address.words[1]);
    if (graph[right].opcode == Opcode::Iconst) {
      access.base = Node::from_index(address.words[0]);
      access.offset = static_cast<i64>(static_cast<u64>(access.offset) + graph[right].wide());
    }
  }
  return access;
}

// From one to the other, of the same base; addresses wrap around.
i64 MemoryState::distance(const Access& from, const Access& to) {
  return static_cast<i64>(static_cast<u64>(to.offset) - static_cast<u64>(from.offset));
}

MemoryState::Verdict MemoryState::visit(ir::Inst inst) {
  const ir::DataFlowGraph& dfg = func_->dfg;
  const ir::InstData& data = dfg[inst];
  const meta::Effects& effects = ir::inst_facts(data.opcode).effects;
  if (!effects.can_load && !effects.can_store && !effects.is_call && !effects.other_effects)
    return Verdict::Keep;
  if (is_plain_load(data.opcode)) {
    const ir::Type result = dfg.type(dfg.first_result(inst));
    const Access access = decode(data, result, 0, 1);
    const bool may_go = access.notrap;
    if (!enabled_ || result.is_dynamic()) {
      pending_.size = 0;
      return may_go ? Verdict::RemoveIfUnused : Verdict::Keep;
    }
    const Entry* entry = find(access);
    const bool is_known = (entry != nullptr && is_valid(*entry) &&
                           forward(*entry, access, data.opcode, result, known_)) ||
                          take_from_recent(access, data.opcode, result);
    if (is_known && rewriter_.may_change(Rewrite::Kind::Load, data, result, known_))
      return Verdict::Known;
    pending_ = access;
    pending_opcode_ = data.opcode;
    return may_go ? Verdict::RemoveIfUnused : Verdict::Keep;
  }
  if (!enabled_)
    return effects.can_load && !effects.other_effects && dfg.mem_flags(inst).notrap()
               ? Verdict::RemoveIfUnused
               : Verdict::Keep;
  if (is_plain_store(data.opcode)) {
    const Node value = Node::from_index(data.words[0]);
    const Access access = decode(data, rewriter_.graph().type(value), 1, 2);
    if (access.type.is_dynamic()) {
      fence();
      return Verdict::Keep;
    }
    Node stored = value;
    if (narrow_bytes(data.opcode) != 0) {
      ir::InstData reduce;
      reduce.opcode = Opcode::Ireduce;
      reduce.words[0] = value.index();
      if (rewriter_.graph().type(value) != access.type)
        stored = rewriter_.build(access.type, reduce);
    }
    const Entry* entry = find(access);
    // Memory may be readable and not writable: only a store has shown that this one can't trap.
    if (entry != nullptr && is_valid(*entry) && (entry->stored || access.notrap) &&
        entry->at.size == access.size && entry->at.big == access.big && entry->value == stored &&
        entry->at.type == access.type &&
        rewriter_.may_change(Rewrite::Kind::Store, data, ir::kInvalidType)) {
      return Verdict::Remove;
    }
    clobber(access);
    enter(access, stored, true);
    return Verdict::Keep;
  }
  if (is_barrier(data.opcode)) {
    fence();
    return Verdict::Keep;
  }
  // Vector loads that widen.
  pending_.size = 0;
  return effects.can_load && dfg.mem_flags(inst).notrap() ? Verdict::RemoveIfUnused : Verdict::Keep;
}

void MemoryState::loaded(Node result) {
  if (pending_.size == 0) return;
  // What was extended is known to be in memory without the extension.
  Node value = result;
  if (narrow_bytes(pending_opcode_) != 0 && rewriter_.graph().type(result) != pending_.type) {
    ir::InstData reduce;
    reduce.opcode = Opcode::Ireduce;
    reduce.words[0] = result.index();
    value = rewriter_.build(pending_.type, reduce);
  }
  enter(pending_, value, false);
  pending_.size = 0;
}

bool MemoryState::is_valid(const Entry& entry) const {
  return (entry.at.readonly || entry.version == versions_[entry.at.region]) &&
         numbers_.dominates(entry.block, block_);
}

namespace {
u32 hash_location(Node base, i64 offset, u32 region) {
  const u64 key = (static_cast<u64>(base.index()) << 32 | region) * 0x9e3779b97f4a7c15u ^
                  static_cast<u64>(offset) * 0xd6e8feb86659fd93u;
  return static_cast<u32>(mix_bits(key) >> 32);
}
}  // namespace

// The bucket of a location, or the empty one where it would be.
MemoryState::Bucket& MemoryState::bucket(const Access& access) {
  const u32 mask = static_cast<u32>(table_.size()) - 1;
  const u32 hash = hash_location(access.base, access.offset, access.region);
  u32 at = hash & mask;
  for (;; at = (at + 1) & mask) {
    Bucket& found = table_[at];
    if (found.epoch != epoch_) {
      found.hash = hash;
      return found;
    }
    if (found.hash != hash) continue;
    const Access& other = entries_[found.entry].at;
    if (other.base == access.base && other.offset == access.offset && other.region == access.region)
      return found;
  }
}

MemoryState::Entry* MemoryState::find(const Access& access) {
  if (table_.empty()) return nullptr;
  Bucket& found = bucket(access);
  return found.epoch == epoch_ ? &entries_[found.entry] : nullptr;
}

void MemoryState::enter(const Access& access, Node value, bool stored) {
  if (table_.size() < 2 * (entries_.size() + 1)) grow_table();
  Bucket& place = bucket(access);
  if (place.epoch != epoch_) {
    place.epoch = epoch_;
    place.entry = static_cast<u32>(entries_.size());
    entries_.push_back({});
  }
  entries_[place.entry] = {access, value, versions_[access.region], block_, stored};
  recent_[recent_count_++ % kRecent] = place.entry;
}

void MemoryState::grow_table() {
  const usize size = std::max<usize>(256, table_.size() * 2);
  table_.assign(size, {});
  for (u32 i = 0; i < entries_.size(); ++i) {
    Bucket& place = bucket(entries_[i].at);
    place.epoch = epoch_;
    place.entry = i;
  }
}

// A load of bytes inside of what another access, a little before and at another offset, left in a
// register.
bool MemoryState::take_from_recent(const Access& access, Opcode opcode, ir::Type result) {
  const u32 count = std::min(recent_count_, kRecent);
  for (u32 i = 0; i < count; ++i) {
    const Entry& entry = entries_[recent_[i]];
    if (entry.at.base == access.base && entry.at.region == access.region &&
        distance(entry.at, access) > 0 && distance(entry.at, access) < 16 && is_valid(entry) &&
        forward(entry, access, opcode, result, known_)) {
      return true;
    }
  }
  return false;
}

// The value `access` would load, made of what `entry` says is there; false if it isn't all there.
bool MemoryState::forward(const Entry& entry, const Access& access, Opcode opcode, ir::Type result,
                          Node& value) {
  const i64 skip = distance(entry.at, access);
  if (skip < 0 || skip > i64{entry.at.size} - i64{access.size}) return false;
  Graph& graph = rewriter_.graph();
  const auto unary = [&](Opcode op, ir::Type type, Node operand) {
    ir::InstData data;
    data.opcode = op;
    data.words[0] = operand.index();
    return rewriter_.build(type, data);
  };
  value = entry.value;
  if (access.size != entry.at.size) {
    // A piece of a wider integer: which bits, the byte order says.
    if (!entry.at.type.is_int() || entry.at.big != access.big || entry.at.size > 8) return false;
    if (!access.type.is_int()) return false;
    const i64 low = access.big ? entry.at.size - access.size - skip : skip;
    if (low != 0) {
      ir::InstData shift;
      shift.opcode = Opcode::Ushr;
      shift.words[0] = value.index();
      shift.words[1] = rewriter_.iconst(entry.at.type, static_cast<u64>(low) * 8).index();
      value = rewriter_.build(entry.at.type, shift);
    }
    value = unary(Opcode::Ireduce, access.type, value);
  } else if (entry.at.big != access.big && access.size > 1) {
    return false;
  } else if (entry.at.type != access.type) {
    // The same bytes as another type: lanes would need the byte order of the access.
    if (!entry.at.type.is_scalar() || !access.type.is_scalar()) return false;
    value = unary(Opcode::Bitcast, access.type, value);
  }
  if (graph.type(value) != result)
    value = unary(extends_signed(opcode) ? Opcode::Sextend : Opcode::Uextend, result, value);
  return true;
}

void MemoryState::clobber(const Access& access) {
  // Entries that are true now and stay true: other bytes from the same base.
  u32 kept[kRecent];
  u32 num_kept = 0;
  const u32 count = std::min(recent_count_, kRecent);
  for (u32 i = 0; i < count; ++i) {
    const Entry& entry = entries_[recent_[i]];
    if (entry.at.base != access.base || !is_valid(entry)) continue;
    const i64 away = distance(entry.at, access);
    if (away >= i64{entry.at.size} || away <= -i64{access.size}) kept[num_kept++] = recent_[i];
  }
  const u32 version = next_version_++;
  versions_[0] = version;
  if (access.region == 0) {
    std::fill_n(versions_, num_regions_, version);
  } else {
    versions_[access.region] = version;
  }
  for (u32 i = 0; i < num_kept; ++i)
    entries_[kept[i]].version = versions_[entries_[kept[i]].at.region];
}

void MemoryState::fence() { std::fill_n(versions_, num_regions_, next_version_++); }

}  // namespace gantry::opt

// Problem: equal operations must be found at a cost of tens of instructions, for one to two
// look-ups per instruction. Idea: records are 16 bytes, so that hashing is two multiplications and
// comparing two words; open addressing with linear probing over (hash, number) pairs, at most two
// thirds full; the hash is compared first, so a miss rarely touches a node. Invariants: operands
// have smaller numbers than their users (work places aside); the table never holds a work place;
// forward() leads to a node that is not forwarded itself.
#include "gantry/opt/graph.h"

#include <algorithm>
#include <cstring>

namespace gantry::opt {
namespace {

constexpr u32 kFirstTable = 1024;

u32 hash_record(const ir::InstData& data, ir::Type type) {
  u64 halves[2];
  static_assert(sizeof(halves) == sizeof(data));
  std::memcpy(halves, &data, sizeof(data));
  const u64 mixed = (halves[0] ^ static_cast<u64>(type.code()) << 13) * 0x9e3779b97f4a7c15u;
  const u64 hash = (mixed ^ mixed >> 32 ^ halves[1]) * 0xd6e8feb86659fd93u;
  return static_cast<u32>(hash >> 32);
}

}  // namespace

void Graph::clear(u32 num_values) {
  // Entries of functions before are of no number from here on, and so are empty.
  table_base_ += size_;
  if (table_base_ > kMaxTableBase) {
    std::fill(table_.begin(), table_.end(), Entry{});
    table_base_ = 0;
  }
  size_ = kWorkPlaces;
  if (capacity_ < kWorkPlaces) grow();
  u32 wanted = kFirstTable;
  while (wanted * 2 < num_values * 3) wanted *= 2;
  if (table_.size() < wanted) table_.resize(wanted);
  table_mask_ = wanted - 1;
  table_used_ = 0;
  alternative_ranges_.clear();
  alternatives_.clear();
}

void Graph::grow() {
  capacity_ = std::max(1024u, capacity_ * 2);
  std::vector<ir::InstData> larger(capacity_);
  std::copy(data_.begin(), data_.end(), larger.begin());
  old_records_.push_back(std::move(data_));
  data_ = std::move(larger);
  infos_.resize(capacity_);
  facts_.resize(capacity_);
  links_.resize(capacity_);
}

PackedOption<Node> Graph::find(const ir::InstData& data, ir::Type type, Slot& slot) const {
  const u32 hash = hash_record(data, type);
  u32 at = hash & table_mask_;
  while (is_used(table_[at])) {
    if (table_[at].hash == hash) {
      const Node node = Node::from_index(table_[at].number - table_base_);
      if (infos_[node.index()].type == type.code() && data_[node.index()] == data)
        return resolve(node);
    }
    at = (at + 1) & table_mask_;
  }
  slot = {hash, at};
  return {};
}

void Graph::insert(Node node, Slot slot) {
  if (++table_used_ * 3 > (table_mask_ + 1) * 2) [[unlikely]] {
    grow_table();
    slot.index = slot.hash & table_mask_;
  }
  // Rules may have entered other nodes since the look-up.
  while (is_used(table_[slot.index])) slot.index = (slot.index + 1) & table_mask_;
  table_[slot.index] = {slot.hash, table_base_ + node.index()};
}

void Graph::grow_table() {
  const u32 old_size = table_mask_ + 1;
  std::vector<Entry> old(table_.begin(), table_.begin() + old_size);
  const u32 new_size = old_size * 2;
  if (table_.size() < new_size) table_.resize(new_size);
  std::fill(table_.begin(), table_.begin() + new_size, Entry{});
  table_mask_ = new_size - 1;
  for (const Entry entry : old) {
    if (!is_used(entry)) continue;
    u32 at = entry.hash & table_mask_;
    while (is_used(table_[at])) at = (at + 1) & table_mask_;
    table_[at] = entry;
  }
}

void Graph::set_forward(Node node, Node to) {
  GANTRY_DCHECK(!has(to, kForwarded));
  infos_[node.index()].flags |= kForwarded;
  links_[node.index()] = to.index();
}

void Graph::add_alternatives(Node node, std::span<const Node> others) {
  GANTRY_DCHECK(node.index() + 1 == size_ && others.size() <= kMaxAlternatives);
  alternative_ranges_.push_back(
      {node, static_cast<u32>(alternatives_.size()), static_cast<u32>(others.size())});
  alternatives_.insert(alternatives_.end(), others.begin(), others.end());
  infos_[node.index()].flags |= kHasAlternatives;
}

std::span<const Node> Graph::alternatives(Node node) const {
  if (!has(node, kHasAlternatives)) return {};
  const auto found =
      std::lower_bound(alternative_ranges_.begin(), alternative_ranges_.end(), node,
                       [](const AlternativeRange& range, Node key) { return range.node < key; });
  return {alternatives_.data() + found->first, found->count};
}

}  // namespace gantry::opt

#pragma once
// The e-graph of one function: pure operations, each once, as flat arrays by node number. What a
// node means, what is known of it and what it may be rewritten to depends on its operands only,
// never on where it was met; so one table for the whole function finds equal nodes, without scopes.
#include <span>
#include <vector>

#include "gantry/ir/inst_info.h"
#include "gantry/opt/facts.h"
#include "gantry/opt/node.h"

namespace gantry::opt {

struct NodeInfo {
  u16 type = 0;  // of the (first) result: ir::Type::code()
  u8 flags = 0;  // kConstant, …
  u8 cost = 0;   // of the operation alone; see own_cost
  u32 block =
      0;  // the deepest of the blocks that define what the node is computed from, as a preorder
          // number of the dominator tree (FlowNumbers): the node is available from there on
};

// Set in the type codes of forms that only say which instruction has done the same before.
inline constexpr u16 kInstFormType = 0x8000;

enum NodeFlag : u8 {
  kConstantNode = 1,     // iconst, f*const, vconst, and i128 made of two of them
  kForwarded = 2,        // stands for forward(): kept so that the same operation is found again
  kHasAlternatives = 4,  // alternatives() is not empty
  kRematerialize = 8,    // cheaper to compute again in each block that uses it than to keep
  kTuple = 16,           // several results; used through projections only
  kPinned = 32,          // opaque: defined where its instruction or parameter is
  kFirstLive = 64,       // of a tuple: its first result is needed, or its second
  kSecondLive = 128,
};

class Graph {
 public:
  // The first numbers are work places, one for each depth of nested rewriting: a node being made is
  // there while rules look at it, and gets its number when its operands and alternatives have
  // theirs.
  static constexpr u32 kWorkPlaces = 8;
  static constexpr Node work_place(u32 depth) { return Node::from_index(depth); }

  // Forgets all nodes, keeps the memory. `num_values`: expected size.
  void clear(u32 num_values);

  u32 size() const { return size_; }
  const ir::InstData& operator[](Node node) const { return data_[node.index()]; }
  ir::InstData& record(Node node) { return data_[node.index()]; }
  const NodeInfo& info(Node node) const { return infos_[node.index()]; }
  NodeInfo& info(Node node) { return infos_[node.index()]; }
  ir::Type type(Node node) const { return ir::Type::from_code(infos_[node.index()].type); }
  const Facts& facts(Node node) const { return facts_[node.index()]; }
  Facts& facts(Node node) { return facts_[node.index()]; }
  bool has(Node node, NodeFlag flag) const { return (infos_[node.index()].flags & flag) != 0; }

  // Operands: the fixed value words of the record. None for opaque nodes.
  u32 num_operands(Node node) const { return num_operands(data_[node.index()].opcode); }
  static u32 num_operands(ir::Opcode opcode) {
    if (!is_clif(opcode)) return opcode == kProjection ? 1 : 0;
    return ir::inst_facts(opcode).num_fixed_values;
  }
  Node operand(Node node, u32 index) const {
    return Node::from_index(data_[node.index()].words[index]);
  }

  // A new node at the end, not in the table.
  Node push(const ir::InstData& data, const NodeInfo& info, const Facts& facts, u32 origin) {
    if (size_ == capacity_) [[unlikely]]
      grow();
    links_[size_] = origin;
    data_[size_] = data;
    infos_[size_] = info;
    facts_[size_] = facts;
    return Node::from_index(size_++);
  }

  // Matchers refer to records while they make nodes, which may need a larger array: the one they
  // look at is kept until no one can refer to it, which is when this is called. Records do not
  // change (but for work places, which are not written while they are looked at), so it does not
  // matter which array a reference is to.
  void release_old_records() {
    if (!old_records_.empty()) [[unlikely]]
      old_records_.clear();
  }

  // Look-up: the node with this record and type, or where to insert it. A hit is resolved.
  struct Slot {
    u32 hash;
    u32 index;
  };
  // None if there is no such node; `slot` is then for insert(), valid while nothing else is
  // inserted.
  PackedOption<Node> find(const ir::InstData& data, ir::Type type, Slot& slot) const;
  // Enters `node` where find() ended; finds the place anew if the table changed since.
  void insert(Node node, Slot slot);

  // `node`, or what it stands for. One step while the graph is built; a form chosen instead of
  // another may have been exchanged itself.
  Node resolve(Node node) const {
    while (has(node, kForwarded)) [[unlikely]] node = Node::from_index(links_[node.index()]);
    return node;
  }
  void set_forward(Node node, Node to);
  // The instruction for whose sake the node was made: it lends its place in the source, and its
  // number if it is free. Not of forwarded nodes.
  ir::Inst origin(Node node) const { return ir::Inst::from_index(links_[node.index()]); }

  // Other nodes with the same value as this, all with smaller numbers; at most kMaxAlternatives are
  // kept.
  static constexpr u32 kMaxAlternatives = 4;
  // They are given when the node is new: `node` is the last one.
  void add_alternatives(Node node, std::span<const Node> others);
  std::span<const Node> alternatives(Node node) const;

 private:
  struct Entry {
    u32 hash = 0;
    u32 number = 0;  // table_base_ + the node's; at most table_base_: empty (0 is a work place)
  };
  // Nodes of one function have smaller numbers than this.
  static constexpr u32 kMaxTableBase = u32{1} << 31;
  bool is_used(const Entry& entry) const { return entry.number > table_base_; }
  struct AlternativeRange {
    Node node;
    u32 first, count;  // in alternatives_
  };
  void grow();
  void grow_table();

  std::vector<ir::InstData> data_;
  std::vector<std::vector<ir::InstData>> old_records_;  // each half as large as the next
  std::vector<NodeInfo> infos_;
  std::vector<Facts> facts_;
  std::vector<u32> links_;  // forward() or origin()
  u32 size_ = 0;
  u32 capacity_ = 0;
  std::vector<Entry> table_;
  u32 table_mask_ = 0;
  u32 table_base_ = 0;
  u32 table_used_ = 0;
  std::vector<AlternativeRange> alternative_ranges_;  // sorted by node
  std::vector<Node> alternatives_;
};

}  // namespace gantry::opt

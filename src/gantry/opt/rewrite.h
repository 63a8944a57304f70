#pragma once
// Makes nodes: canonical form, constant folding, facts, rules, and the table of the graph, in this
// order.
#include <optional>
#include <span>

#include "gantry/gen/isle/mid_end/rules.h"
#include "gantry/ir/function.h"
#include "gantry/opt/graph.h"
#include "gantry/opt/rewrite_observer.h"

namespace gantry::opt {

// Rewriting is bounded by counts, never by time, so that the result does not depend on the machine:
// rows of support/limits.h, kOpt….
class Rewriter final {
 public:
  explicit Rewriter(Graph& graph);
  // `fuel`: rewrites that may still happen, counted down; or null. `change_fuel`: the same of what
  // is not for rules, folding, facts or conditions. No rules apply once there are `max_nodes`.
  void start(ir::Function& func, bool big_endian, bool for_size, u64* fuel, u64* change_fuel,
             u32 max_nodes, RewriteObserver* observer) {
    func_ = &func;
    observer_ = observer;
    big_endian_ = big_endian;
    for_size_ = for_size;
    num_quotients_ = 0;
    fuel_ = fuel;
    change_fuel_ = change_fuel;
    max_nodes_ = max_nodes;
    depth_ = 0;
  }

  // For the next nodes: whose sake they are made for; their budget starts anew.
  void begin(ir::Inst origin) {
    origin_ = origin.index();
    builds_ = 0;
    graph_.release_old_records();
  }

  // The node of a pure operation on nodes, maybe another one with the same value. `type` is that of
  // the first result.
  Node build(ir::Type type, const ir::InstData& data) { return build_at(data, type); }
  // A node that only stands for a value defined elsewhere, in block number `block`.
  Node opaque(ir::Value value, ir::Type type, u32 block, const Facts& facts);
  // Result `index` of a tuple.
  Node projection(Node tuple, u32 index);
  Node iconst(ir::Type type, u64 value);
  // An integer of up to 128 bits, a float or a vector of up to 128 bits, by its bits.
  Node constant(ir::Type type, u128 bits);
  // The bits of a constant node.
  std::optional<u128> constant_bits(Node node) const;

  // What rules make of an instruction that stays. `type`: of its first result, or invalid.
  std::optional<SkeletonChange> simplify_skeleton(const ir::InstData& data, ir::Type type);

  // Whether the walk may act on a condition that it knows: `changed` is what it makes of the
  // instruction.
  bool may_decide(const ir::InstData& before, const ir::InstData& changed);
  // Whether the walk may let `value`, or nothing, stand for an instruction or a parameter, or an
  // instruction leave its place; a kind of its own each.
  bool may_change(Rewrite::Kind kind, const ir::InstData& before, ir::Type type,
                  PackedOption<Node> value = {});
  bool counts_changes() const { return change_fuel_ != nullptr || observer_ != nullptr; }

  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }

  // By number of the rule (isle_rules[] of rule_table.h): how often it has fired since the session
  // began, for its own sake or as a part of others.
  std::span<const u64> rule_counts() const { return rule_counts_; }

  // ---- what rules see (rewrite_inl.h)
  OPT_CONTEXT_METHODS
  void node_data(Node node, ir::Type& type, ir::BasicInstView<Node>& data);
  void skeleton_data(SkeletonInst inst, ir::Type& type, ir::BasicInstView<Node>& data);
#include "gantry/gen/meta/opt_make.inc"
  static constexpr ir::Type I8() { return ir::kI8; }
  static constexpr ir::Type I16() { return ir::kI16; }
  static constexpr ir::Type I32() { return ir::kI32; }
  static constexpr ir::Type I64() { return ir::kI64; }
  static constexpr ir::Type I128() { return ir::kI128; }
  static constexpr ir::Type F32() { return ir::kF32; }
  static constexpr ir::Type F64() { return ir::kF64; }
  // The leaf of the rule says so before it makes its result.
  void note_rule(u32 rule) {
    fired_[depth_] = rule;
    ++rule_counts_[rule];
  }

 private:
  Node build_at(ir::InstData data, ir::Type type);
  // Puts operands in canonical order: constants right, then by number.
  void canonicalize(ir::InstData& data);
  u32 fold_operation(const ir::InstData& data, ir::Type type, u128 (&results)[2]);
  // What rules replace the form by, if any does.
  std::optional<Node> better_form(const ir::InstData& data, const NodeInfo& info,
                                  const Facts& known);
  bool may_rewrite() const;
  Node enter(const ir::InstData& data, const NodeInfo& info, const Facts& facts, Graph::Slot slot);
  Node enter_with_alternatives(const ir::InstData& data, const NodeInfo& info, const Facts& known,
                               Graph::Slot slot);
  // The form is remembered as another name of `to`.
  Node enter_forwarded(const ir::InstData& data, const NodeInfo& info, Node to, Graph::Slot slot);
  bool splat_constant(Node node, ir::Type& type, u64& value) const;
  struct Byte {
    Node node;      // whose byte it is
    u32 index = 0;  // of which: 0 is the lowest
    bool is_zero = false;
  };
  Byte source_of_byte(Node node, u32 index) const;
  // Whether x | y, which have no bits in common, is the low 16, 32 or 64 bits of the source in the
  // opposite order of bytes, with zeros above.
  bool bytes_reversed(ir::Type type, Node x, Node y, Node& source, u64& bits) const;
  bool is_bits(Node node, bool set, ir::Type& type) const;
  bool take_fuel() { return fuel_ == nullptr || (*fuel_ > 0 && (*fuel_)-- > 0); }
  // The observer's answer.
  Node tell(Rewrite::Kind kind, u32 rule, const ir::InstData& before, ir::Type type, u32 first_node,
            Node after);
  void tell(Rewrite::Kind kind, u32 rule, const ir::InstData& before, const ir::InstData& changed,
            ir::Type type, PackedOption<Node> value);
  SkeletonInst build_skeleton(ir::Type type, const ir::InstData& data);

  static constexpr u32 kMaxSkeletonRecords = 8;
  // A byte is masked, moved, joined and extended on its way: each once or twice.
  static constexpr u32 kMaxByteSteps = 12;

  Graph& graph_;
  ir::Function* func_ = nullptr;
  u64* fuel_ = nullptr;
  u64* change_fuel_ = nullptr;
  RewriteObserver* observer_ = nullptr;
  u32 max_nodes_ = 0;
  u32 origin_ = 0;
  u32 builds_ = 0;
  u32 depth_ = 0;
  bool big_endian_ = false;
  bool for_size_ = false;
  // The last few divisions that became something else.
  struct Quotient {
    Node quotient, dividend;
    u64 divisor = 0;
    bool is_signed = false;
    friend bool operator==(const Quotient&, const Quotient&) = default;
  };
  static constexpr u32 kQuotients = 8;
  Quotient quotients_[kQuotients];
  u32 num_quotients_ = 0;
  u32 fired_[Graph::kWorkPlaces] = {};
  std::vector<u64> rule_counts_;
  struct SkeletonRecord {
    ir::InstData data;
    ir::Type type;
  };
  PrimaryMap<SkeletonInst, SkeletonRecord> skeleton_;
};

}  // namespace gantry::opt

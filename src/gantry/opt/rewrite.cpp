// Problem: every operation of a function passes through here, most of them with nothing to do; the
// others may set off chains of rewriting that must end soon, whatever the input. Idea: the cheap
// questions first. Canonical order, then the table: more than half of all operations are there
// already, and a rewritten form stays in it, forwarded to its result, so that no form is rewritten
// twice. Only a new form is folded, given facts, and shown to the rules, from a work place: it gets
// a number only if no rule has something better. Replacement by default (docs/adr/0070): a class of
// equal forms has one member, so matching never iterates. Invariants: results are not forwarded;
// operands of a node have smaller numbers; depth, nodes made for one instruction and nodes in all
// are bounded by named limits, behind which forms are kept as they are.
#include "gantry/opt/rewrite.h"

#include "gantry/opt/fold.h"
#include "gantry/opt/rewrite_inl.h"
#include "gantry/opt/rule_table.h"
#include "gantry/support/limits.h"
namespace gantry::opt {
namespace {

using ir::Opcode;
using ir::Type;

constexpr u32 kMaxDepth = static_cast<u32>(limits::kMaxRewriteDepth.value);
constexpr u32 kMaxBuilds = static_cast<u32>(limits::kMaxRewriteBuilds.value);
static_assert(kMaxDepth < Graph::kWorkPlaces);

// In quarters of a simple instruction.
u8 own_cost(Opcode opcode) {
  switch (opcode) {
    case Opcode::Iconst:
    case Opcode::F32const:
    case Opcode::F64const:
    case Opcode::Uextend:
    case Opcode::Sextend:
    case Opcode::Ireduce:
    case Opcode::Iconcat:
    case Opcode::Isplit:
      return 1;
    // Two results: never instead of the operation with one.
    case Opcode::UaddOverflow:
    case Opcode::SaddOverflow:
    case Opcode::UsubOverflow:
    case Opcode::SsubOverflow:
      return 5;
    case Opcode::Imul:
      return 12;
    case Opcode::UmulOverflow:
    case Opcode::SmulOverflow:
      return 13;
    case Opcode::Umulhi:
    case Opcode::Smulhi:
      return 16;
    case Opcode::Udiv:
    case Opcode::Sdiv:
    case Opcode::Urem:
    case Opcode::Srem:
      return 80;
    default:
      return 4;
  }
}

u128 lanes_of(Type type, u64 lane) {
  u128 bits = 0;
  for (u32 i = 0; i < type.lane_count(); ++i) bits |= u128{lane} << (i * type.lane_bits());
  return bits;
}

}  // namespace

Rewriter::Rewriter(Graph& graph) : graph_(graph), rule_counts_(isle_rule_count) {}

// ---- nodes

void Rewriter::canonicalize(ir::InstData& data) {
  const ir::InstFacts& facts = ir::inst_facts(data.opcode);
  const bool compares =
      facts.format == meta::Format::IntCompare || facts.format == meta::Format::FloatCompare;
  if (!facts.commutative && !compares) return;
  const bool left_constant = graph_.has(Node::from_index(data.words[0]), kConstantNode);
  const bool right_constant = graph_.has(Node::from_index(data.words[1]), kConstantNode);
  if (left_constant == right_constant ? data.words[0] <= data.words[1] : right_constant) return;
  std::swap(data.words[0], data.words[1]);
  if (facts.format == meta::Format::IntCompare) {
    data.aux = static_cast<u8>(ir::swapped(static_cast<ir::IntCC>(data.aux)));
  } else if (compares) {
    data.aux = static_cast<u8>(ir::swapped(static_cast<ir::FloatCC>(data.aux)));
  }
}

bool Rewriter::may_rewrite() const {
  return depth_ < kMaxDepth && builds_ < kMaxBuilds && graph_.size() < max_nodes_;
}

Node Rewriter::build_at(ir::InstData data, Type type) {
  canonicalize(data);
  Graph::Slot slot;
  if (const PackedOption<Node> found = graph_.find(data, type, slot)) return *found;

  const ir::InstFacts& facts = ir::inst_facts(data.opcode);
  const u32 num_operands = facts.num_fixed_values;
  NodeInfo info{.type = type.code(), .flags = 0, .cost = own_cost(data.opcode), .block = 0};
  u8 common_flags = kConstantNode;
  Type types[3];
  Facts operand_facts[3];
  for (u32 i = 0; i < num_operands; ++i) {
    const Node operand = Node::from_index(data.words[i]);
    const NodeInfo& operand_info = graph_.info(operand);
    common_flags &= operand_info.flags;
    info.block = std::max(info.block, operand_info.block);
    types[i] = Type::from_code(operand_info.type);
    operand_facts[i] = graph_.facts(operand);
  }
  if (num_operands == 0) {
    switch (data.opcode) {
      case Opcode::Iconst:
        info.flags = kConstantNode | kRematerialize;
        return enter(data, info, Facts::constant(data.wide()), slot);
      case Opcode::F16const:
      case Opcode::F32const:
      case Opcode::F64const:
      case Opcode::F128const:
      case Opcode::Vconst:
        info.flags = kConstantNode | kRematerialize;
        break;
      case Opcode::StackAddr:
        info.flags = kRematerialize;
        break;
      default:
        break;
    }
    return enter(data, info, Facts::top(type), slot);
  }
  if (facts.num_fixed_results > 1) info.flags |= kTuple;
  if (common_flags != 0) {
    // An i128 constant has no node of its own: it is the iconcat of its halves. A narrower one
    // folds.
    if (type == ir::kI128 && data.opcode == Opcode::Iconcat) {
      info.flags |= kConstantNode | kRematerialize;
      return enter(data, info, Facts::top(type), slot);
    }
    u128 results[2];
    if (fold_operation(data, type, results) == 1 && take_fuel()) {
      Node folded = constant(type, results[0]);
      if (observer_ != nullptr) [[unlikely]]
        folded = tell(Rewrite::Kind::Fold, Rewrite::kNoRule, data, type, graph_.size(), folded);
      return enter_forwarded(data, info, folded, slot);
    }
  }
  Facts known = Facts::unknown();
  // Of a tuple nothing is known: its projections have the types.
  if (Facts::tracks(type) && (info.flags & kTuple) == 0) {
    known = compute_facts(data.opcode, data.aux, type, {operand_facts, num_operands},
                          {types, num_operands});
    if (known.is_constant() && take_fuel()) {
      Node number = iconst(type, known.value());
      if (observer_ != nullptr) [[unlikely]]
        number = tell(Rewrite::Kind::Fact, Rewrite::kNoRule, data, type, graph_.size(), number);
      return enter_forwarded(data, info, number, slot);
    }
  }
  if (!may_rewrite()) return enter(data, info, known, slot);
  if (const std::optional<Node> better = better_form(data, info, known))
    return enter_forwarded(data, info, *better, slot);
  return enter_with_alternatives(data, info, known, slot);
}

// The record is still in its work place.
Node Rewriter::enter_with_alternatives(const ir::InstData& data, const NodeInfo& info,
                                       const Facts& known, Graph::Slot slot) {
  ++depth_;
  isle_runtime::ResultArray<Node, Graph::kMaxAlternatives> others;
  const u32 first_node = graph_.size();
  constructor_alternatives(*this, Graph::work_place(depth_ - 1), others);
  --depth_;
  const Node made = enter(data, info, known, slot);
  if (others.size() != 0 && take_fuel()) {
    if (observer_ != nullptr) [[unlikely]]
      tell(Rewrite::Kind::Alternative, fired_[depth_ + 1], data, Type::from_code(info.type),
           first_node, others[others.size() - 1]);
    graph_.add_alternatives(made, {others.begin(), others.size()});
  }
  return made;
}

std::optional<Node> Rewriter::better_form(const ir::InstData& data, const NodeInfo& info,
                                          const Facts& known) {
  const Node place = Graph::work_place(depth_);
  graph_.record(place) = data;
  graph_.info(place) = info;
  graph_.facts(place) = known;
  ++builds_;
  ++depth_;
  const u32 first_node = graph_.size();
  isle_runtime::ResultArray<Node, 1> better;
  constructor_simplify(*this, place, better);
  --depth_;
  if (better.size() == 0 || !take_fuel()) return std::nullopt;
  Node result = better[0];
  const Type type = Type::from_code(info.type);
  GANTRY_DCHECK(result.index() >= Graph::kWorkPlaces && !graph_.has(result, kForwarded));
  GANTRY_DCHECK(graph_.type(result) == type);
  // Both are true of the same value.
  if (Facts::tracks(type)) graph_.facts(result) = intersect(graph_.facts(result), known);
  if (observer_ != nullptr) [[unlikely]]
    result = tell(Rewrite::Kind::Rule, fired_[depth_ + 1], data, type, first_node, result);
  return result;
}

Node Rewriter::enter(const ir::InstData& data, const NodeInfo& info, const Facts& facts,
                     Graph::Slot slot) {
  for (u32 i = 0; i < Graph::num_operands(data.opcode); ++i) {
    GANTRY_DCHECK(data.words[i] >= Graph::kWorkPlaces &&
                  data.words[i] < graph_.size());  // not what is being made
  }
  const Node node = graph_.push(data, info, facts, origin_);
  graph_.insert(node, slot);
  return node;
}

Node Rewriter::enter_forwarded(const ir::InstData& data, const NodeInfo& info, Node to,
                               Graph::Slot slot) {
  if (graph_.size() >= max_nodes_) return to;
  const Node node = graph_.push(data, info, Facts::unknown(), origin_);
  graph_.set_forward(node, to);
  graph_.insert(node, slot);
  return to;
}

Node Rewriter::opaque(ir::Value value, Type type, u32 block, const Facts& facts) {
  ir::InstData data;
  data.opcode = kOpaque;
  data.words[0] = value.index();
  return graph_.push(data, {.type = type.code(), .flags = kPinned, .cost = 0, .block = block},
                     facts, 0);
}

Node Rewriter::projection(Node tuple, u32 index) {
  ir::InstData data;
  data.opcode = kProjection;
  data.aux = static_cast<u8>(index);
  data.words[0] = tuple.index();
  const ir::InstData& operation = graph_[tuple];
  // All operations with several results take their types from the first operand, or have fixed
  // ones.
  const Type control = graph_.type(Node::from_index(operation.words[0]));
  const Type type = ir::result_type(operation.opcode, index, control);
  Graph::Slot slot;
  if (const PackedOption<Node> found = graph_.find(data, type, slot)) return *found;
  const bool is_carry = index == 1 && operation.opcode != Opcode::Isplit;
  const Facts facts = is_carry ? Facts::range(0, 1) : Facts::top(type);
  const NodeInfo info{
      .type = type.code(), .flags = 0, .cost = 0, .block = graph_.info(tuple).block};
  if (graph_.has(Node::from_index(operation.words[0]), kConstantNode)) {
    u128 results[2];
    if (fold_operation(operation, graph_.type(tuple), results) == 2) {
      return enter_forwarded(data, info, constant(type, results[index]), slot);
    }
  }
  if (may_rewrite()) {
    if (const std::optional<Node> better = better_form(data, info, facts))
      return enter_forwarded(data, info, *better, slot);
    return enter_with_alternatives(data, info, facts, slot);
  }
  return enter(data, info, facts, slot);
}

// ---- constants

Node Rewriter::iconst(Type type, u64 value) {
  ir::InstData data;
  data.opcode = Opcode::Iconst;
  data.set_wide(value & lane_mask(type));
  return build_at(data, type);
}

Node Rewriter::constant(Type type, u128 bits) {
  ir::InstData data;
  if (type.is_int()) {
    if (type.bits() <= 64) return iconst(type, static_cast<u64>(bits));
    data.opcode = Opcode::Iconcat;
    data.words[0] = iconst(ir::kI64, static_cast<u64>(bits)).index();
    data.words[1] = iconst(ir::kI64, static_cast<u64>(bits >> 64)).index();
    return build_at(data, type);
  }
  if (type.is_float() && type.bits() <= 64) {
    data.opcode = type == ir::kF16   ? Opcode::F16const
                  : type == ir::kF32 ? Opcode::F32const
                                     : Opcode::F64const;
    data.set_wide(static_cast<u64>(bits));
    return build_at(data, type);
  }
  GANTRY_DCHECK(type.bits() <= 128);
  u8 bytes[16];
  for (u32 i = 0; i < 16; ++i) bytes[i] = static_cast<u8>(bits >> (8 * i));
  data.opcode = type.is_float() ? Opcode::F128const : Opcode::Vconst;
  data.words[0] = func_->dfg.add_constant({bytes, type.bytes()}).index();
  return build_at(data, type);
}

bool Rewriter::intcc_holds(Type type, IntCC cc, u64 a, u64 b) {
  return *decide_icmp(cc, Facts::constant(a), Facts::constant(b), type);
}

std::optional<u128> Rewriter::constant_bits(Node node) const {
  const ir::InstData& data = graph_[node];
  switch (data.opcode) {
    case Opcode::Iconst:
    case Opcode::F16const:
    case Opcode::F32const:
    case Opcode::F64const:
      return data.wide();
    case Opcode::F128const:
    case Opcode::Vconst: {
      const std::span<const u8> bytes =
          func_->dfg.constant_bytes(ir::Constant::from_index(data.words[0]));
      if (bytes.size() > 16) return std::nullopt;
      u128 bits = 0;
      for (usize i = bytes.size(); i-- > 0;) bits = bits << 8 | bytes[i];
      return bits;
    }
    case Opcode::Iconcat:
      if (!graph_.has(node, kConstantNode)) return std::nullopt;
      if (graph_.type(node) != ir::kI128) return std::nullopt;
      return *constant_bits(Node::from_index(data.words[0])) |
             *constant_bits(Node::from_index(data.words[1])) << 64;
    default:
      return std::nullopt;
  }
}

u32 Rewriter::fold_operation(const ir::InstData& data, Type type, u128 (&results)[2]) {
  FoldOperand operands[3];
  const u32 num_operands = ir::inst_facts(data.opcode).num_fixed_values;
  for (u32 i = 0; i < num_operands; ++i) {
    const Node operand = Node::from_index(data.words[i]);
    const std::optional<u128> bits = constant_bits(operand);
    if (!bits) return 0;
    operands[i] = {graph_.type(operand), *bits};
  }
  FoldRequest request{
      .opcode = data.opcode, .aux = data.aux, .result = type, .operands = {operands, num_operands}};
  if (data.opcode == Opcode::Shuffle) {
    request.shuffle_mask = &func_->dfg.shuffle_mask(ir::ShuffleMask::from_index(data.words[2]));
  }
  if (data.opcode == Opcode::Bitcast) {
    const ir::ByteOrder order = func_->dfg.mem_flags(data.mem_flags()).byte_order;
    request.bitcast_big_endian =
        order == ir::ByteOrder::Big || (order == ir::ByteOrder::Target && big_endian_);
  }
  return fold(request, results);
}

Node Rewriter::make_lanes_u(Type type, u64 value) {
  const u64 lane = value & lane_mask(type);
  return type.is_vector() ? constant(type, lanes_of(type, lane)) : constant(type, lane);
}

bool Rewriter::splat_constant(Node node, Type& type, u64& value) const {
  const std::optional<u128> bits = constant_bits(node);
  type = graph_.type(node);
  if (!bits || type.has_float_lanes() || type.lane_bits() > 64 || type.is_scalar()) return false;
  value = static_cast<u64>(*bits) & (~u64{0} >> (64 - type.lane_bits()));
  return *bits == lanes_of(type, value);
}

// Where byte `index` of a value comes from: follows it down through what moves and masks bytes.
Rewriter::Byte Rewriter::source_of_byte(Node node, u32 index) const {
  for (u32 step = 0; step < kMaxByteSteps; ++step) {
    const ir::InstData& data = graph_[node];
    const u64 byte = u64{0xff} << (8 * index);
    if ((graph_.facts(node).zeros & byte) == byte) return {.is_zero = true};
    const u32 count = Graph::num_operands(data.opcode);
    if (count == 0 || count > 2) return {.node = node, .index = index};
    const Node left = Node::from_index(data.words[0]);
    const Node right = Node::from_index(data.words[count - 1]);
    const auto constant = [&] { return graph_[right].opcode == Opcode::Iconst; };
    const u32 bytes = graph_.type(node).bits() / 8;
    switch (data.opcode) {
      case Opcode::Bor:
        if ((graph_.facts(left).zeros & byte) == byte) {
          node = right;
        } else if ((graph_.facts(right).zeros & byte) == byte) {
          node = left;
        } else {
          return {.node = node, .index = index};
        }
        continue;
      case Opcode::Band:
        if (!constant() || (graph_[right].wide() & byte) != byte) break;
        node = left;
        continue;
      case Opcode::Ishl:
      case Opcode::Ushr:
      case Opcode::Rotl: {
        if (!constant() || graph_[right].wide() % 8 != 0) break;
        const u32 amount = static_cast<u32>(graph_[right].wide() / 8) % bytes;
        const bool is_left = data.opcode != Opcode::Ushr;
        if (data.opcode != Opcode::Rotl && (is_left ? index < amount : index + amount >= bytes))
          return {.is_zero = true};
        index = (is_left ? index + bytes - amount : index + amount) % bytes;
        node = left;
        continue;
      }
      case Opcode::Uextend:
      case Opcode::Ireduce:
        if (graph_.type(left).bits() > 64) break;
        if (index >= graph_.type(left).bits() / 8) return {.is_zero = true};
        node = left;
        continue;
      default:
        break;
    }
    return {.node = node, .index = index};
  }
  return {.node = node, .index = index};
}

bool Rewriter::bytes_reversed(Type type, Node x, Node y, Node& source, u64& bits) const {
  const u32 bytes = type.bits() / 8;
  u32 count = 0;
  Byte first;
  for (u32 i = 0; i < bytes; ++i) {
    const u64 byte = u64{0xff} << (8 * i);
    // The two may share no bit and still both have bits of this byte.
    const bool is_of_y = (graph_.facts(x).zeros & byte) == byte;
    if (!is_of_y && (graph_.facts(y).zeros & byte) != byte) return false;
    const Byte from = source_of_byte(is_of_y ? y : x, i);
    if (from.is_zero) continue;
    if (count != i) return false;  // a zero below it
    if (i == 0) {
      first = from;
    } else if (from.node != first.node || from.index + i != first.index) {
      return false;
    }
    ++count;
  }
  bits = u64{count} * 8;
  source = first.node;
  return count >= 2 && first.index + 1 == count;
}

bool Rewriter::is_bits(Node node, bool set, Type& type) const {
  type = graph_.type(node);
  if (type.has_float_lanes() || type.bits() > 128) return false;
  const std::optional<u128> bits = constant_bits(node);
  const u128 ones = type.bits() == 128 ? ~u128{0} : (u128{1} << type.bits()) - 1;
  return bits && *bits == (set ? ones : 0);
}

// ---- instructions that stay

std::optional<SkeletonChange> Rewriter::simplify_skeleton(const ir::InstData& data, Type type) {
  skeleton_.clear();
  skeleton_.reserve(kMaxSkeletonRecords);  // views of records stay true while rules make others
  const SkeletonInst looked_at = skeleton_.push({data, type});
  isle_runtime::ResultArray<SkeletonChange, 1> changes;
  ++depth_;
  constructor_simplify_skeleton(*this, looked_at, changes);
  --depth_;
  if (changes.size() == 0 || !take_fuel()) return std::nullopt;
  if (observer_ != nullptr) [[unlikely]] {
    ir::InstData changed;
    changed.opcode = Opcode::Nop;
    if (changes[0].command == SkeletonChange::Command::Replace) changed = changes[0].replacement;
    if (changes[0].command == SkeletonChange::Command::ReplaceCondition ||
        changes[0].command == SkeletonChange::Command::InvertCondition) {
      changed = data;
      changed.words[0] = changes[0].value.index();
    }
    PackedOption<Node> value;
    if (changes[0].command == SkeletonChange::Command::RemoveWithValue) value = changes[0].value;
    tell(Rewrite::Kind::Skeleton, fired_[depth_ + 1], data, changed, type, value);
  }
  return changes[0];
}

bool Rewriter::may_decide(const ir::InstData& before, const ir::InstData& changed) {
  if (!take_fuel()) return false;
  if (observer_ != nullptr) [[unlikely]]
    tell(Rewrite::Kind::Condition, Rewrite::kNoRule, before, changed, ir::kInvalidType, {});
  return true;
}

bool Rewriter::may_change(Rewrite::Kind kind, const ir::InstData& before, Type type,
                          PackedOption<Node> value) {
  if (change_fuel_ != nullptr) {
    if (*change_fuel_ == 0) return false;
    --*change_fuel_;
  }
  if (observer_ != nullptr) tell(kind, Rewrite::kNoRule, before, {}, type, value);
  return true;
}

Node Rewriter::tell(Rewrite::Kind kind, u32 rule, const ir::InstData& before, Type type,
                    u32 first_node, Node after) {
  const Node answer = observer_->rewritten(*this, {.kind = kind,
                                                   .rule = rule,
                                                   .depth = depth_,
                                                   .origin = ir::Inst::from_index(origin_),
                                                   .before = before,
                                                   .type = type,
                                                   .first_node = first_node,
                                                   .after = after,
                                                   .changed = {}});
  return graph_.resolve(answer);
}

void Rewriter::tell(Rewrite::Kind kind, u32 rule, const ir::InstData& before,
                    const ir::InstData& changed, Type type, PackedOption<Node> value) {
  (void)observer_->rewritten(*this, {.kind = kind,
                                     .rule = rule,
                                     .depth = depth_,
                                     .origin = ir::Inst::from_index(origin_),
                                     .before = before,
                                     .type = type,
                                     .first_node = graph_.size(),
                                     .after = value,
                                     .changed = changed});
}

SkeletonInst Rewriter::build_skeleton(Type type, const ir::InstData& data) {
  GANTRY_CHECK(skeleton_.size() < kMaxSkeletonRecords);  // a rule says how many it makes
  return skeleton_.push({data, type});
}

}  // namespace gantry::opt

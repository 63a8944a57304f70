// The problem: the optimiser has hundreds of rules, each of which looks for a shape that random
// expressions seldom have. The idea: islec writes the left sides of all rules as a table; an
// instance is planned by walking one, with types chosen so that the operations fit, and constants
// often made from each other. What a rule asks beyond its shape (facts, numbers) is left to chance:
// an instance that just misses is as good a test. Invariants: a plan holds operands before their
// users; nothing is made before a plan is complete.
#include "gantry/fuzzgen/shapes.h"

#include <array>
#include <utility>

namespace gantry::fuzzgen {
namespace {

using ir::Opcode;
using ir::Type;
using ir::Value;
using meta::Format;

// ---- the table

enum class Part : u8 { Rule, Helper, Any, Bind, Equal, Number, Const, Variant, Term, And };
// Extractors of the host, by their names in rules.
enum class Extractor : u16 {
  k_node_data,
  k_skeleton_data,
  k_value_type,
  k_int_64,
  k_int,
  k_ints,
  k_float,
  k_vector,
  k_bits_128,
  k_iconst_u,
  k_iconst_s,
  k_lanes_u,
  k_lanes_s,
  k_zeros,
  k_all_ones,
  k_int_constant,
  k_constant,
  k_proj_0,
  k_proj_1,
  k_log2,
  k_log2_128,
};
struct ShapeNode {
  Part part;
  u8 parts = 0;
  u16 what = 0;  // term, variable, type, variant or extractor
  u64 low = 0, high = 0;
};
using InstData = Opcode;
using ir::FloatCC;
using ir::IntCC;

constexpr ShapeNode kNodes[] = {
#define ISLE_SHAPE(number, term, term_name, name, parts) {Part::Rule, parts, term},
#define ISLE_HELPER(term, parts) {Part::Helper, parts, term},
#define ISLE_ANY() {Part::Any},
#define ISLE_BIND(variable) {Part::Bind, 1, variable},
#define ISLE_EQUAL(variable) {Part::Equal, 0, variable},
#define ISLE_NUMBER(low, high) {Part::Number, 0, 0, low, high},
#define ISLE_CONST(name) {Part::Const, 0, ir::k##name.code()},
#define ISLE_VARIANT(type, name, parts) {Part::Variant, parts, static_cast<u16>(type::name)},
#define ISLE_TERM(name, parts) {Part::Term, parts, static_cast<u16>(Extractor::k_##name)},
#define ISLE_AND(parts) {Part::And, parts},
#include "gantry/gen/isle/mid_end/shapes.inc"
#undef ISLE_SHAPE
#undef ISLE_HELPER
#undef ISLE_ANY
#undef ISLE_BIND
#undef ISLE_EQUAL
#undef ISLE_NUMBER
#undef ISLE_CONST
#undef ISLE_VARIANT
#undef ISLE_TERM
#undef ISLE_AND
};
struct ShapeRow {
  std::string_view term, name;
};
constexpr ShapeRow kRows[] = {
#define ISLE_SHAPE(number, term, term_name, name, parts) {term_name, name},
#define ISLE_HELPER(term, parts)
#define ISLE_ANY()
#define ISLE_BIND(variable)
#define ISLE_EQUAL(variable)
#define ISLE_NUMBER(low, high)
#define ISLE_CONST(name)
#define ISLE_VARIANT(type, name, parts)
#define ISLE_TERM(name, parts)
#define ISLE_AND(parts)
#include "gantry/gen/isle/mid_end/shapes.inc"
#undef ISLE_SHAPE
#undef ISLE_HELPER
#undef ISLE_ANY
#undef ISLE_BIND
#undef ISLE_EQUAL
#undef ISLE_NUMBER
#undef ISLE_CONST
#undef ISLE_VARIANT
#undef ISLE_TERM
#undef ISLE_AND
};
constexpr u32 kNumShapes = std::size(kRows);

// The node of each rule.
constexpr std::array<u32, kNumShapes> kFirst = [] {
  std::array<u32, kNumShapes> first{};
  u32 rule = 0;
  for (u32 i = 0; i < std::size(kNodes); ++i) {
    if (kNodes[i].part == Part::Rule) first[rule++] = i;
  }
  return first;
}();

// Behind the pattern at `at`. Patterns are as deep as somebody wrote them.
u32 behind(u32 at) {
  u32 open = 1;
  while (open != 0) open += kNodes[at++].parts - 1u;
  return at;
}

u128 ones(u32 bits) { return bits >= 128 ? ~u128{0} : (u128{1} << bits) - 1; }

}  // namespace

u32 num_shapes() { return kNumShapes; }
std::string_view shape_name(u32 rule) { return kRows[rule].name; }
bool is_root_shape(u32 rule) {
  const std::string_view term = kRows[rule].term;
  return term == "simplify" || term == "simplify_skeleton" || term == "alternatives";
}

// ---- planning

struct ShapeMaker::Plan {
  static constexpr u32 kMaxHelpers = 4;  // one inside another
  static constexpr u32 kMaxNodes = 64;

  struct Node {
    enum class Kind : u8 { Leaf, Constant, Operation, Projection };
    Kind kind = Kind::Leaf;
    Opcode op = Opcode::Nop;
    u8 aux = 0;  // Projection: which
    u8 num_operands = 0;
    Type type;     // of the first result; invalid: none
    Type control;  // Operation
    u32 operands[3] = {};
    u128 bits = 0;
    std::array<u8, 16> mask{};
    std::vector<Value> made;
  };
  struct Binding {
    enum class Kind : u8 { Node, Type, Number };
    u32 scope;
    u32 variable;
    Kind kind;
    Type type;
    u128 number;  // or the node
  };
  // What a variable must look like for a rule of a helper term to match.
  struct Helper {
    u32 scope;
    u32 variable;
    u32 at;           // the helper's pattern
    u32 inner_scope;  // of its variables
  };

  Plan(Choices& choices_in, const std::vector<Type>& types_in, const Options& options_in)
      : choices(choices_in), types(types_in), options(options_in) {}

  Choices& choices;
  const std::vector<Type>& types;
  const Options& options;
  std::vector<Node> nodes;
  std::vector<Binding> bindings;
  std::vector<Helper> helpers;
  std::vector<u128> numbers;  // constants so far
  u32 num_scopes = 0;
  u32 root = 0;

  bool is_enabled(Type type) const {
    for (const Type candidate : types) {
      if (candidate == type) return true;
    }
    return false;
  }
  Type some_type() { return types[choices.below(static_cast<u32>(types.size()))]; }

  bool start(u32 rule) {
    nodes.clear();
    bindings.clear();
    helpers.clear();
    numbers.clear();
    num_scopes = 0;
    const u32 scope = enter_rule(kFirst[rule], 0);
    return value(kFirst[rule] + 1, scope, {}, 0, root);
  }
  // Chooses rules for the helpers that a rule asks. Returns the scope of its variables.
  u32 enter_rule(u32 at, u32 depth) {
    const u32 scope = num_scopes++;
    u32 next = at + 1;
    for (u32 i = 0; i < kNodes[at].parts; ++i) next = behind(next);
    while (next < std::size(kNodes) && kNodes[next].part == Part::Helper) {
      const ShapeNode& helper = kNodes[next++];
      u32 candidates = 0;
      for (const u32 first : kFirst) candidates += kNodes[first].what == helper.what ? 1 : 0;
      u32 chosen = candidates == 0 || depth == kMaxHelpers ? candidates : choices.below(candidates);
      u32 inner_at = 0;
      for (const u32 first : kFirst) {
        if (kNodes[first].what == helper.what && chosen-- == 0) inner_at = first;
      }
      const u32 inner_scope = inner_at == 0 ? 0 : enter_rule(inner_at, depth + 1);
      u32 pattern = inner_at + 1;
      for (u32 i = 0; i < helper.parts; ++i, ++next) {
        if (inner_at == 0) continue;
        if (kNodes[next].part == Part::Equal)
          helpers.push_back({scope, kNodes[next].what, pattern, inner_scope});
        pattern = behind(pattern);
      }
    }
    return scope;
  }
  const Helper* helper_of(u32 scope, u32 variable) const {
    for (const Helper& helper : helpers) {
      if (helper.scope == scope && helper.variable == variable) return &helper;
    }
    return nullptr;
  }
  const Binding* find(u32 scope, u32 variable) const {
    for (const Binding& binding : bindings) {
      if (binding.scope == scope && binding.variable == variable) return &binding;
    }
    return nullptr;
  }

  // ---- types

  // What a pattern of types, or of values, says about the type; invalid if nothing.
  Type type_hint(u32 at, u32 scope) const {
    const ShapeNode& node = kNodes[at];
    switch (node.part) {
      case Part::Equal: {
        const Binding* const bound = find(scope, node.what);
        if (bound == nullptr || bound->kind == Binding::Kind::Number) return {};
        return bound->kind == Binding::Kind::Type ? bound->type
                                                  : nodes[static_cast<usize>(bound->number)].type;
      }
      case Part::Const:
        return Type::from_code(node.what);
      case Part::Bind:
        if (kNodes[at + 1].part == Part::Any) {
          if (const Helper* const helper = helper_of(scope, node.what))
            return type_hint(helper->at, helper->inner_scope);
        }
        return type_hint(at + 1, scope);
      case Part::Term:
        return node.parts == 0 ? Type() : type_hint(at + 1, scope);
      default:
        return {};
    }
  }
  bool fits(u32 at, u32 scope, Type type) const {
    const ShapeNode& node = kNodes[at];
    switch (node.part) {
      case Part::Any:
        return true;
      case Part::Bind:
        return fits(at + 1, scope, type);
      case Part::Equal: {
        const Binding* const bound = find(scope, node.what);
        return bound == nullptr || bound->type == type;
      }
      case Part::Const:
        return Type::from_code(node.what) == type;
      case Part::Term:
        break;
      default:
        return false;
    }
    bool is_of_kind = false;
    switch (static_cast<Extractor>(node.what)) {
      case Extractor::k_int_64:
        is_of_kind = type.is_int() && type.bits() <= 64;
        break;
      case Extractor::k_int:
        is_of_kind = type.is_int();
        break;
      case Extractor::k_ints:
        is_of_kind = type.is_int() || (type.is_vector() && !type.has_float_lanes());
        break;
      case Extractor::k_float:
        is_of_kind = type.is_float();
        break;
      case Extractor::k_vector:
        is_of_kind = type.is_vector();
        break;
      case Extractor::k_bits_128:
        is_of_kind = true;
        break;
      default:
        break;
    }
    return is_of_kind && fits(at + 1, scope, type);
  }
  void bind_type(u32 at, u32 scope, Type type) {
    for (;; ++at) {
      const ShapeNode& node = kNodes[at];
      if (node.part == Part::Bind)
        bindings.push_back({scope, node.what, Binding::Kind::Type, type, 0});
      if (node.part != Part::Bind && node.part != Part::Term) return;
    }
  }
  // A type that fits the pattern, bound.
  bool type(u32 at, u32 scope, Type& out) {
    if (!out.is_valid()) out = type_hint(at, scope);
    for (u32 attempt = 0; !out.is_valid() && attempt < 16; ++attempt) {
      const Type candidate = some_type();
      if (fits(at, scope, candidate)) out = candidate;
    }
    if (!out.is_valid() || !is_enabled(out) || !fits(at, scope, out)) return false;
    bind_type(at, scope, out);
    return true;
  }

  // ---- numbers

  u128 some_number(u32 width) {
    const u128 mask = ones(width);
    if (!numbers.empty() && !choices.one_in(3)) {
      const u128 n = numbers[choices.below(static_cast<u32>(numbers.size()))];
      const u32 small = static_cast<u32>(n) % width;
      switch (choices.below(14)) {
        case 0:
        case 1:
          return n & mask;
        case 2:
          return ~n & mask;
        case 3:
          return (0 - n) & mask;
        case 4:
          return (n + 1) & mask;
        case 5:
          return (n - 1) & mask;
        case 6:
          return (width - n) & mask;
        case 7:
          return (u128{width / 2} - n) & mask;
        case 8:
          return mask >> small;
        case 9:
          return (mask << small) & mask;
        case 10:
          return (u128{1} << small) & mask;
        case 11:
          return (n << choices.below(4)) & mask;
        case 12:
          return n >> choices.below(4);
        default:
          return ((u128{8} << choices.below(4)) - n) & mask;
      }
    }
    const u32 power = choices.below(width);
    switch (choices.below(12)) {
      case 0:
      case 1:
        return choices.below(8);
      case 2:
        return choices.below(width);
      case 3:
        return (width - choices.below(2)) & mask;
      case 4:
        return width >> (1 + choices.below(3));
      case 5:
        return u128{1} << power;
      case 6:
        return ((u128{1} << power) - 1 + 2 * choices.below(2)) & mask;
      case 7:
        return ~ones(power) & mask;
      case 8:
        return (ones(width - 1) + choices.below(3)) & mask;
      case 9:
        return (0 - u128{1 + choices.below(4)}) & mask;
      case 10:
        return ones(8u << choices.below(3)) & mask;
      default: {
        const u64 low = choices.bits();
        return (low | u128{choices.bits()} << 64) & mask;
      }
    }
  }
  // A number that the pattern takes, of at most `width` bits.
  bool number(u32 at, u32 scope, u32 width, u128& out) {
    const ShapeNode& node = kNodes[at];
    switch (node.part) {
      case Part::Any:
        out = some_number(width);
        return true;
      case Part::Number:
        out = (node.low | u128{node.high} << 64) & ones(width);
        return true;
      case Part::Bind: {
        const Helper* const helper =
            kNodes[at + 1].part == Part::Any ? helper_of(scope, node.what) : nullptr;
        const bool done = helper != nullptr ? number(helper->at, helper->inner_scope, width, out)
                                            : number(at + 1, scope, width, out);
        bindings.push_back({scope, node.what, Binding::Kind::Number, {}, out});
        return done;
      }
      case Part::Equal: {
        const Binding* const bound = find(scope, node.what);
        if (bound == nullptr || bound->kind != Binding::Kind::Number) return false;
        out = bound->number & ones(width);
        return true;
      }
      case Part::Variant:  // of an enum without fields
        out = node.what;
        return true;
      case Part::Term:  // log2
        if (!number(at + 1, scope, width, out)) return false;
        out = u128{1} << (out % width);
        return true;
      default:
        return false;
    }
  }
  // Below `count`: conditions, lanes.
  bool choice(u32 at, u32 scope, u32 count, u8& out) {
    u128 wide = 0;
    if (!number(at, scope, 7, wide)) return false;
    if (wide >= count) {
      wide = choices.below(count);
      if (kNodes[at].part == Part::Bind && !bindings.empty()) bindings.back().number = wide;
    }
    out = static_cast<u8>(wide);
    return true;
  }

  // ---- values

  u32 add(const Node& node) {
    nodes.push_back(node);
    return static_cast<u32>(nodes.size() - 1);
  }
  u32 add_constant(Type type, u128 bits) {
    return add({.kind = Node::Kind::Constant, .type = type, .bits = bits});
  }
  u32 add_lanes(Type type, u128 lane) {
    const u32 width = type.lane_bits();
    numbers.push_back(lane & ones(width));
    u128 bits = 0;
    for (u32 i = 0; i < type.lane_count() && i * width < 128; ++i)
      bits |= (lane & ones(width)) << (i * width);
    return add_constant(type, bits);
  }
  u32 add_operation(Opcode op, Type control, u32 x, u32 y) {
    return add({.kind = Node::Kind::Operation,
                .op = op,
                .num_operands = ir::inst_facts(op).num_fixed_values,
                .type = ir::result_type(op, 0, control),
                .control = control,
                .operands = {x, y, 0}});
  }
  // Often something new; sometimes a number of which something is known.
  u32 leaf(Type type) {
    if (choices.one_in(8)) {
      for (u32 i = 0; i < nodes.size(); ++i) {
        if (nodes[i].kind == Node::Kind::Leaf && nodes[i].type == type) return i;
      }
    }
    const bool is_number = type.is_int() && type.bits() <= 64;
    if (!is_number || !choices.one_in(4) || nodes.size() > kMaxNodes) return add({.type = type});
    if (type == ir::kI8 && choices.one_in(2)) {
      const Type compared = Type::int_with_bits(8u << choices.below(4));
      const u32 x = add({.type = compared}), y = add({.type = compared});
      const u32 truth = add_operation(Opcode::Icmp, compared, x, y);
      nodes[truth].aux = static_cast<u8>(choices.below(10));
      return truth;
    }
    const Type narrower = type.bits() > 8 ? Type::int_with_bits(type.bits() / 2) : Type();
    switch (choices.below(narrower.is_valid() ? 7 : 5)) {
      case 0:
        return known(Opcode::Band, type, some_number(type.bits()));
      case 1:
        return known(Opcode::Ushr, type, choices.below(type.bits()));
      case 2:
        return known(Opcode::Bor, type, some_number(type.bits()));
      case 3:
        return known(Opcode::Band, type, ones(1 + choices.below(type.bits())));
      case 4:
        return known(Opcode::Ishl, type, choices.below(type.bits()));
      case 5:
        return add_operation(Opcode::Uextend, type, add({.type = narrower}), 0);
      default:
        return add_operation(Opcode::Sextend, type, add({.type = narrower}), 0);
    }
  }
  u32 known(Opcode op, Type type, u128 number) {
    const u32 x = add({.type = type});
    return add_operation(op, type, x, add_lanes(type, number));
  }

  // `index`: which result of it is wanted, whose type is `want` if that is valid.
  bool value(u32 at, u32 scope, Type want, u32 index, u32& out) {
    const ShapeNode& node = kNodes[at];
    if (nodes.size() > kMaxNodes) return false;
    switch (node.part) {
      case Part::Any:
        if (!want.is_valid()) want = some_type();
        if (index != 0 || !is_enabled(want)) return false;
        out = leaf(want);
        return true;
      case Part::Bind: {
        const Helper* const helper =
            kNodes[at + 1].part == Part::Any ? helper_of(scope, node.what) : nullptr;
        const bool done = helper != nullptr
                              ? value(helper->at, helper->inner_scope, want, index, out)
                              : value(at + 1, scope, want, index, out);
        if (done) bindings.push_back({scope, node.what, Binding::Kind::Node, nodes[out].type, out});
        return done;
      }
      case Part::Equal: {
        const Binding* const bound = find(scope, node.what);
        if (bound == nullptr || bound->kind != Binding::Kind::Node) return false;
        out = static_cast<u32>(bound->number);
        return index != 0 || !want.is_valid() || nodes[out].type == want;
      }
      case Part::Term:
        return term(at, scope, want, index, out);
      default:
        return false;
    }
  }
  bool term(u32 at, u32 scope, Type want, u32 index, u32& out) {
    u128 bits = 0;
    const Extractor extractor = static_cast<Extractor>(kNodes[at].what);
    switch (extractor) {
      case Extractor::k_node_data:
      case Extractor::k_skeleton_data:
        return operation(at, scope, want, index, out);
      case Extractor::k_proj_0:
      case Extractor::k_proj_1: {
        const u8 which = extractor == Extractor::k_proj_0 ? 0 : 1;
        if (!want.is_valid()) want = type_hint(at + 1, scope);
        u32 tuple = 0;
        if (!value(behind(at + 1), scope, want, which, tuple)) return false;
        if (nodes[tuple].kind != Node::Kind::Operation ||
            ir::inst_facts(nodes[tuple].op).num_fixed_results != 2)
          return false;
        Type type_made = ir::result_type(nodes[tuple].op, which, nodes[tuple].control);
        if (want.is_valid() && type_made != want) return false;
        if (!type(at + 1, scope, type_made)) return false;
        out = add({.kind = Node::Kind::Projection,
                   .aux = which,
                   .type = type_made,
                   .operands = {tuple, 0, 0}});
        return true;
      }
      case Extractor::k_value_type:
        if (!type(at + 1, scope, want)) return false;
        out = leaf(want);
        return true;
      case Extractor::k_constant:
        if (!want.is_valid()) want = some_type();
        if (want.has_float_lanes()) {
          out = add_constant(want, generate_value(choices, want).bits());
          return true;
        }
        out = add_lanes(want, some_number(want.lane_bits()));
        return true;
      case Extractor::k_zeros:
      case Extractor::k_all_ones:
        if (!type(at + 1, scope, want) || want.has_float_lanes()) return false;
        out = add_constant(want, extractor == Extractor::k_zeros ? 0 : ones(want.bits()));
        return true;
      case Extractor::k_iconst_u:
      case Extractor::k_iconst_s:
      case Extractor::k_lanes_u:
      case Extractor::k_lanes_s:
      case Extractor::k_int_constant:
        break;
      default:
        return false;
    }
    const bool any_lanes = extractor == Extractor::k_lanes_u || extractor == Extractor::k_lanes_s;
    if (!want.is_valid()) want = type_hint(at + 1, scope);
    for (u32 attempt = 0; !want.is_valid() && attempt < 8; ++attempt) {
      const Type candidate = some_type();
      if (candidate.is_int() || (any_lanes && candidate.is_vector())) want = candidate;
    }
    if (!type(at + 1, scope, want) || want.has_float_lanes()) return false;
    if (!any_lanes && want.is_vector()) return false;
    if (extractor != Extractor::k_int_constant && want.lane_bits() > 64) return false;
    if (!number(behind(at + 1), scope, want.lane_bits(), bits)) return false;
    out = add_lanes(want, bits);
    return true;
  }

  // Rules between operand and controlling type that the table leaves to the verifier.
  static bool is_operand(Opcode op, u32 index, Type control, Type candidate) {
    if (!ir::allowed_operand_type(op, index, control, candidate)) return false;
    if (op == Opcode::Bitcast) return candidate.bits() == control.bits();
    if (ir::inst_facts(op).format == Format::Unary && op != Opcode::VhighBits)
      return candidate.lane_count() == control.lane_count();
    return true;
  }
  // The first part of the record that is a value, and how many.
  static bool value_parts(Opcode op, u32& first) {
    first = 0;
    switch (ir::inst_facts(op).format) {
      case Format::Unary:
      case Format::Binary:
      case Format::Ternary:
      case Format::BinaryImm8:
      case Format::TernaryImm8:
      case Format::Shuffle:
      case Format::CondTrap:
      case Format::IntAddTrap:
        return true;
      case Format::IntCompare:
      case Format::FloatCompare:
        first = 1;
        return true;
      case Format::LoadNoOffset:
        first = 1;
        return op == Opcode::Bitcast;
      default:
        return op == Opcode::Brif;
    }
  }
  bool operation(u32 at, u32 scope, Type want, u32 index, u32& out) {
    const u32 type_at = at + 1, data_at = behind(type_at);
    const Opcode op = static_cast<Opcode>(kNodes[data_at].what);
    if (kNodes[data_at].part != Part::Variant) return false;
    const ir::InstFacts& facts = ir::inst_facts(op);
    if (op == Opcode::F32const || op == Opcode::F64const) {
      if (!want.is_valid()) want = op == Opcode::F32const ? ir::kF32 : ir::kF64;
      u128 bits = 0;
      if (!type(type_at, scope, want)) return false;
      if (kNodes[data_at + 1].part == Part::Number) {
        if (!number(data_at + 1, scope, want.bits(), bits)) return false;
      } else {
        bits = generate_value(choices, want).bits();
        if (choices.one_in(2))  // a power of two
          bits = u128{choices.below(255)} << (want == ir::kF32 ? 23 : 52);
      }
      out = add_constant(want, bits);
      return true;
    }
    u32 first_value = 0;
    if (!value_parts(op, first_value)) return false;
    u32 parts[4] = {data_at + 1};
    for (u32 i = 1; i < kNodes[data_at].parts && i < 4; ++i) parts[i] = behind(parts[i - 1]);

    // The controlling type: of those that give the type that is wanted, one that suits what is
    // known of the operands.
    Type control;
    if (facts.control_operand >= 0 || facts.needs_suffix) {
      const u32 count = static_cast<u32>(types.size()), begin = choices.below(count);
      for (u32 i = 0; i < count && !control.is_valid(); ++i) {
        const Type candidate = types[(begin + i) % count];
        if (!suits(op, candidate, want, index)) continue;
        if (facts.num_fixed_results > 0 && !fits(type_at, scope, ir::result_type(op, 0, candidate)))
          continue;
        bool operands_fit = true;
        for (u32 n = 0; n < facts.num_fixed_values; ++n) {
          const Type hint = type_hint(parts[first_value + n], scope);
          if (!hint.is_valid()) continue;
          const Type taken = ir::operand_type(op, n, candidate);
          operands_fit &= taken.is_valid() ? taken == hint : is_operand(op, n, candidate, hint);
        }
        if (operands_fit) control = candidate;
      }
      if (!control.is_valid()) return false;
    } else if (want.is_valid() && facts.num_fixed_results > index &&
               ir::result_type(op, index, {}) != want) {
      return false;
    }
    if (options.allows != nullptr && !options.allows(op, control)) return false;
    Node node{.kind = Node::Kind::Operation,
              .op = op,
              .num_operands = facts.num_fixed_values,
              .control = control};
    if (facts.num_fixed_results > 0) {
      node.type = ir::result_type(op, 0, control);
      if (!fits(type_at, scope, node.type)) return false;
      bind_type(type_at, scope, node.type);
    }
    if (facts.format == Format::IntCompare && !choice(parts[0], scope, 10, node.aux)) return false;
    if (facts.format == Format::FloatCompare && !choice(parts[0], scope, 14, node.aux))
      return false;
    if (facts.format == Format::CondTrap || facts.format == Format::IntAddTrap)
      node.aux = static_cast<u8>(1 + choices.below(ir::kMaxUserTrapCode));
    for (u32 n = 0; n < facts.num_fixed_values; ++n) {
      const u32 part = parts[first_value + n];
      Type type_wanted = ir::operand_type(op, n, control);
      if (!type_wanted.is_valid()) type_wanted = type_hint(part, scope);
      for (u32 attempt = 0; !type_wanted.is_valid() && attempt < 16; ++attempt) {
        const Type candidate = some_type();
        if (is_operand(op, n, control, candidate)) type_wanted = candidate;
      }
      if (!type_wanted.is_valid() || !is_enabled(type_wanted)) return false;
      if (options.allows != nullptr && !options.allows(op, type_wanted)) return false;
      if (!value(part, scope, type_wanted, 0, node.operands[n])) return false;
    }
    if (facts.format == Format::BinaryImm8 &&
        !choice(parts[1], scope, nodes[node.operands[0]].type.lane_count(), node.aux))
      return false;
    if (facts.format == Format::TernaryImm8 &&
        !choice(parts[2], scope, nodes[node.operands[0]].type.lane_count(), node.aux))
      return false;
    if (facts.format == Format::Shuffle) {
      const u32 way = choices.below(4), base = choices.below(3) * 16 - (way == 1 ? 7 : 0);
      for (u32 i = 0; i < 16; ++i) {
        node.mask[i] = static_cast<u8>((way == 0   ? i + base
                                        : way == 1 ? i + base
                                        : way == 2 ? base + 3
                                                   : choices.below(32)) &
                                       31);
      }
    }
    out = add(node);
    return true;
  }
  bool suits(Opcode op, Type control, Type want, u32 index) const {
    if (!ir::allowed_control_type(op, control)) return false;
    for (u32 i = 0; i < ir::inst_facts(op).num_fixed_results; ++i) {
      const Type made = ir::result_type(op, i, control);
      if (!made.is_valid() || !is_enabled(made)) return false;
      if (i == index && want.is_valid() && made != want) return false;
    }
    return true;
  }
};

ShapeMaker::ShapeMaker(Choices& choices, std::span<const Type> types, const Options& options)
    : choices_(choices),
      types_(types.begin(), types.end()),
      options_(options),
      plan_(new Plan(choices_, types_, options_)) {}
ShapeMaker::~ShapeMaker() { delete plan_; }

bool ShapeMaker::plan(u32 rule) {
  for (u32 attempt = 0; attempt < 24; ++attempt) {
    if (plan_->start(rule)) return true;
  }
  return false;
}

std::vector<Value> ShapeMaker::emit(ShapeHost& host) {
  for (Plan::Node& node : plan_->nodes) {
    switch (node.kind) {
      case Plan::Node::Kind::Leaf:
        node.made = {host.leaf(node.type)};
        break;
      case Plan::Node::Kind::Constant:
        node.made = {host.constant(node.type, node.bits)};
        break;
      case Plan::Node::Kind::Projection:
        node.made = {plan_->nodes[node.operands[0]].made[node.aux]};
        break;
      case Plan::Node::Kind::Operation: {
        if (node.op == Opcode::Brif) {
          host.branch(plan_->nodes[node.operands[0]].made[0]);
          break;
        }
        ir::InstData data;
        data.opcode = node.op;
        data.aux = node.aux;
        for (u32 i = 0; i < node.num_operands; ++i)
          data.set_arg(i, plan_->nodes[node.operands[i]].made[0]);
        if (ir::inst_facts(node.op).commutative && choices_.one_in(3))
          std::swap(data.words[0], data.words[1]);
        if (node.op == Opcode::Icmp && choices_.one_in(4)) {
          std::swap(data.words[0], data.words[1]);
          data.aux = static_cast<u8>(ir::swapped(static_cast<IntCC>(data.aux)));
        }
        if (node.op == Opcode::Shuffle)
          data.words[2] = host.func().dfg.add_shuffle_mask(node.mask).index();
        if (node.op == Opcode::Bitcast) {
          ir::MemFlags flags;
          if (host.func().dfg.type(data.arg(0)).lane_count() != node.control.lane_count())
            flags.byte_order = ir::ByteOrder::Little;
          data.flags = host.func().dfg.intern(flags).index;
        }
        node.made = host.insert(data, node.control);
        break;
      }
    }
  }
  return plan_->nodes[plan_->root].made;
}

// ---- functions of one expression

namespace {

class FunctionHost final : public ShapeHost {
 public:
  explicit FunctionHost(ir::Function& func) : func_(func), build_(func) {
    entry_ = build_.create_block();
    build_.switch_to_block(entry_);
  }
  Value leaf(Type type) override {
    ir::AbiParam param;
    param.type = type;
    func_.signature.params.push_back(param);
    return func_.dfg.append_block_param(entry_, type);
  }
  Value constant(Type type, u128 bits) override { return build_constant(build_, type, bits); }
  std::vector<Value> insert(const ir::InstData& data, Type control) override {
    const std::span<const Value> results = func_.dfg.results(build_.insert(data, control));
    return {results.begin(), results.end()};
  }
  void branch(Value condition) override {
    const ir::Block yes = build_.create_block(), no = build_.create_block();
    build_.brif(condition, build_.block_call(yes), build_.block_call(no));
    for (const ir::Block block : {yes, no}) {
      build_.switch_to_block(block);
      finish({build_.iconst(ir::kI8, block == yes ? 1 : 0)});
    }
  }
  ir::Function& func() override { return func_; }
  void finish(const std::vector<Value>& results) {
    if (func_.signature.returns.empty()) {
      for (const Value result : results) {
        ir::AbiParam param;
        param.type = func_.dfg.type(result);
        func_.signature.returns.push_back(param);
      }
    }
    build_.return_(results);
  }

 private:
  ir::Function& func_;
  ir::Builder build_;
  ir::Block entry_;
};

}  // namespace

Value build_constant(ir::Builder& build, Type type, u128 bits) {
  const auto bytes = [&] {
    return build.func().dfg.add_constant(ir::DataValue::from_bits(type, bits).bytes);
  };
  if (type == ir::kF32) return build.f32const({static_cast<u32>(bits)});
  if (type == ir::kF64) return build.f64const({static_cast<u64>(bits)});
  if (type == ir::kF16) return build.f16const({static_cast<u16>(bits)});
  if (type == ir::kF128) return build.f128const(bytes());
  if (type == ir::kI128) {
    const Value low = build.iconst(ir::kI64, static_cast<i64>(bits));
    return build.iconcat(low, build.iconst(ir::kI64, static_cast<i64>(bits >> 64)));
  }
  if (type.is_vector()) return build.vconst(type, bytes());
  const u32 unused = 64 - type.bits();
  return build.iconst(type, static_cast<i64>(static_cast<u64>(bits) << unused) >> unused);
}

bool generate_shape(Choices& choices, const Options& options, u32 rule, ir::Function& func) {
  ShapeMaker maker(choices, enabled_types(options), options);
  if (!maker.plan(rule)) return false;
  func = ir::Function();
  func.name = {false, {}, std::string(shape_name(rule))};
  FunctionHost host(func);
  const std::vector<Value> results = maker.emit(host);
  if (!results.empty()) {
    host.finish(results);
  } else if (func.signature.returns.empty()) {  // a trap: who comes by returns something
    host.finish({func.dfg.block_params(*func.layout.entry())[0]});
  }
  return true;
}

}  // namespace gantry::fuzzgen

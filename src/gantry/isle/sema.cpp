// Stages: types; terms declared; what gives terms their behaviour (rules, templates, conversions,
// host functions); bodies of rules. A stage reports all it finds; the next one starts only when
// there was nothing, so that one mistake is not reported five times. Internal extractors are
// expanded here, on the syntax: an argument is a pointer to the pattern written at the use and the
// environment to read it in, so nothing is copied; the number of expanded nodes and their depth are
// limited, because templates that use templates can double at every step.
#include "gantry/isle/sema.h"

#include <algorithm>
#include <span>
#include <string>
#include <unordered_map>

#include "gantry/isle/permute.h"
#include "gantry/support/limits.h"

namespace gantry::isle {
namespace {

struct BuiltinType {
  const char* name;
  u8 bits;
  bool is_signed;
};
constexpr BuiltinType kBuiltins[] = {{"bool", 1, false},   {"u8", 8, false},   {"u16", 16, false},
                                     {"u32", 32, false},   {"u64", 64, false}, {"u128", 128, false},
                                     {"usize", 64, false}, {"i8", 8, true},    {"i16", 16, true},
                                     {"i32", 32, true},    {"i64", 64, true},  {"i128", 128, true},
                                     {"isize", 64, true}};

using Table = std::unordered_map<Symbol, u32>;

class Analyzer {
 public:
  Analyzer(const Program& program, SymbolTable& symbols, TypedProgram& out, Findings& findings)
      : program_(program), symbols_(symbols), out_(out), findings_(findings) {}

  bool run() {
    declare_types();
    declare_constants();
    if (findings_.errors() != 0) return false;
    declare_terms();
    if (findings_.errors() != 0) return false;
    declare_rules();
    declare_extractors();
    declare_converters();
    declare_externs();
    if (findings_.errors() != 0) return false;
    check_templates();
    check_commutative();
    check_all_defined();
    check_rules();
    return findings_.errors() == 0;
  }

 private:
  // ---- helpers
  // -------------------------------------------------------------------------------------
  std::string text(Symbol symbol) const { return std::string(symbols_.text(symbol)); }
  std::string quoted(Symbol symbol) const { return "'" + text(symbol) + "'"; }
  std::string type_name(TypeId type) const { return quoted(out_.types[type].name); }
  void error(Span span, const std::string& message, std::string hint = {}) {
    findings_.error(span, ErrorKind::Invalid, "type error: " + message, std::move(hint));
  }
  static u32 find(const Table& table, Symbol name) {
    const auto found = table.find(name);
    return found == table.end() ? kNone : found->second;
  }
  TypeId find_type(const Ident& name, const char* what) {
    const TypeId type = find(types_, name.name);
    if (type == kNone) error(name.span, std::string("unknown ") + what + " " + quoted(name.name));
    return type;
  }
  bool too_many(usize count, Span span, const char* what) {
    if (count <= limits::kMaxIsleFields.value) return false;
    findings_.error(span, ErrorKind::LimitExceeded,
                    std::string("type error: more ") + what + " than max-isle-fields (" +
                        std::to_string(limits::kMaxIsleFields.value) + ")");
    return true;
  }

  // ---- types
  // ---------------------------------------------------------------------------------------
  void declare_types() {
    for (const BuiltinType& builtin : kBuiltins) {
      Type type;
      type.name = symbols_.intern(builtin.name);
      type.kind = builtin.bits == 1 ? Type::Kind::Bool : Type::Kind::Int;
      type.bits = builtin.bits;
      type.is_signed = builtin.is_signed;
      types_.emplace(type.name, static_cast<TypeId>(out_.types.size()));
      out_.types.push_back(std::move(type));
    }
    std::vector<TypeId> ids;
    for (const TypeDef& def : program_.types) {
      ids.push_back(kNone);
      const TypeId before = find(types_, def.name.name);
      if (before != kNone) {
        if (before < std::size(kBuiltins)) {
          error(def.name.span, "type " + quoted(def.name.name) + " is built in");
        } else {
          error(def.name.span, "type " + quoted(def.name.name) + " is declared twice");
          findings_.note(out_.types[before].span, "the first declaration is here");
        }
        continue;
      }
      if (def.kind == TypeDef::Kind::Primitive && (def.is_extern || def.nodebug)) {
        error(def.name.span, std::string("a primitive type cannot be '") +
                                 (def.is_extern ? "extern" : "nodebug") + "'");
      }
      if (def.is_extern && def.nodebug) {
        error(def.name.span, "an extern type cannot be 'nodebug'", "its definition is the host's");
      }
      Type type;
      type.name = def.name.name;
      type.span = def.name.span;
      type.is_extern = def.is_extern;
      type.host = def.host.name;
      type.kind = def.kind == TypeDef::Kind::Primitive ? Type::Kind::Primitive
                  : def.kind == TypeDef::Kind::Enum    ? Type::Kind::Enum
                                                       : Type::Kind::Struct;
      ids.back() = static_cast<TypeId>(out_.types.size());
      types_.emplace(type.name, ids.back());
      out_.types.push_back(std::move(type));
    }
    for (usize i = 0; i < program_.types.size(); ++i) {
      if (ids[i] != kNone) declare_variants(program_.types[i], ids[i]);
    }
  }

  void declare_variants(const TypeDef& def, TypeId id) {
    std::unordered_map<Symbol, Span> variant_names;
    for (const VariantDef& variant_def : def.variants) {
      const auto [first, fresh] =
          variant_names.emplace(variant_def.name.name, variant_def.name.span);
      if (!fresh) {
        error(variant_def.name.span,
              "variant " + quoted(variant_def.name.name) + " is declared twice");
        findings_.note(first->second, "the first declaration is here");
        continue;
      }
      too_many(variant_def.fields.size(), variant_def.name.span, "fields");
      Variant variant;
      variant.name = variant_def.name.name;
      Table field_names;
      for (const FieldDef& field_def : variant_def.fields) {
        if (field_def.name.name != 0 && !field_names.emplace(field_def.name.name, 0).second) {
          error(field_def.name.span, "field " + quoted(field_def.name.name) + " is declared twice");
        }
        const TypeId type = find_type(field_def.type, "type of a field");
        variant.fields.push_back({field_def.name.name, type == kNone ? 0 : type});
      }
      out_.types[id].variants.push_back(std::move(variant));
    }
  }

  void declare_constants() {
    for (const ExternDef& def : program_.externs) {
      if (def.kind != ExternDef::Kind::Const) continue;
      const TypeId type = find_type(def.host, "type of a constant");
      if (type == kNone) continue;
      if (!constants_.emplace(def.term.name, static_cast<u32>(out_.constants.size())).second) {
        error(def.term.span, "constant '$" + text(def.term.name) + "' is declared twice");
        continue;
      }
      out_.constants.push_back({def.term.name, type});
    }
  }

  // ---- terms
  // ---------------------------------------------------------------------------------------
  void declare_terms() {
    for (const DeclDef& def : program_.decls) {
      if (const TermId before = find(terms_, def.name.name); before != kNone) {
        error(def.name.span, "term " + quoted(def.name.name) + " is declared twice");
        findings_.note(out_.terms[before].span, "the first declaration is here");
        continue;
      }
      if (def.multi && def.partial) {
        error(def.name.span,
              "term " + quoted(def.name.name) + " cannot be both 'multi' and 'partial'",
              "a multi term that has no result yields none");
      }
      too_many(def.args.size(), def.name.span, "arguments");
      Term term;
      term.name = def.name.name;
      term.span = def.name.span;
      term.pure = def.pure;
      term.multi = def.multi;
      term.partial = def.partial;
      term.rec = def.rec;
      term.commutative = def.commutative;
      term.canonical_right = def.canonical_right;
      for (const Ident& arg : def.args) {
        const TypeId type = find_type(arg, "type of an argument");
        term.args.push_back(type == kNone ? 0 : type);
      }
      const TypeId result = find_type(def.result, "type of a result");
      term.result = result == kNone ? 0 : result;
      add_term(std::move(term));
    }
    for (TypeId id = std::size(kBuiltins); id < out_.types.size(); ++id) {
      for (u32 v = 0; v < out_.types[id].variants.size(); ++v) {
        const Type& type = out_.types[id];
        Term term;
        term.kind = type.kind == Type::Kind::Enum ? Term::Kind::Variant : Term::Kind::Struct;
        term.name = term.kind == Term::Kind::Struct
                        ? type.name
                        : symbols_.intern(text(type.name) + "." + text(type.variants[v].name));
        term.span = type.span;
        term.variant = v;
        term.pure = true;
        term.result = id;
        term.constructor = Term::Body::Internal;
        term.extractor = Term::Body::Internal;
        for (const Field& field : type.variants[v].fields) term.args.push_back(field.type);
        if (const TermId before = find(terms_, term.name); before != kNone) {
          error(type.span, quoted(term.name) + " is also declared as a term");
          findings_.note(out_.terms[before].span, "the other declaration is here");
          continue;
        }
        const TermId added = add_term(std::move(term));
        out_.types[id].variants[v].term = added;
      }
    }
  }
  TermId add_term(Term term) {
    const TermId id = static_cast<TermId>(out_.terms.size());
    terms_.emplace(term.name, id);
    out_.terms.push_back(std::move(term));
    return id;
  }

  // The declared term a form speaks of, or kNone with an error.
  TermId find_declared(const Ident& name, const char* what) {
    const TermId id = find(terms_, name.name);
    if (id == kNone) {
      error(name.span, std::string(what) + " of the undeclared term " + quoted(name.name));
      return kNone;
    }
    if (out_.terms[id].kind != Term::Kind::Declared) {
      error(name.span,
            std::string(what) + " of " + quoted(name.name) + ", which is " +
                (out_.terms[id].kind == Term::Kind::Variant ? "a variant of an enum" : "a struct"));
      return kNone;
    }
    return id;
  }

  void declare_rules() {
    std::unordered_map<Symbol, Span> names;
    for (const RuleDef& def : program_.rules) {
      rule_roots_.push_back(kNone);
      if (def.name.name != 0) {
        const auto [first, fresh] = names.emplace(def.name.name, def.name.span);
        if (!fresh) {
          error(def.name.span, "rule name " + quoted(def.name.name) + " is used twice");
          findings_.note(first->second, "the first rule of that name is here");
        }
      }
      if (def.pattern.kind != Pattern::Kind::Term) {
        error(def.pattern.span, "the left side of a rule must be a term in parentheses");
        continue;
      }
      const TermId root = find_declared({def.pattern.name, def.pattern.span}, "rule");
      if (root == kNone) continue;
      out_.terms[root].constructor = Term::Body::Internal;
      rule_roots_.back() = root;
    }
  }

  void declare_extractors() {
    for (const ExtractorDef& def : program_.extractors) {
      const TermId id = find_declared(def.term, "extractor");
      if (id == kNone) continue;
      Term& term = out_.terms[id];
      if (term.multi) {
        error(def.term.span, "extractor of the multi term " + quoted(def.term.name),
              "only the host can extract many values");
      }
      if (term.extractor_template != nullptr) {
        error(def.term.span, "term " + quoted(def.term.name) + " has two extractors");
        findings_.note(term.extractor_template->term.span, "the first one is here");
        continue;
      }
      if (def.params.size() != term.args.size()) {
        error(def.term.span, "extractor of " + quoted(def.term.name) + " has " +
                                 std::to_string(def.params.size()) +
                                 " parameters, its declaration has " +
                                 std::to_string(term.args.size()) + " arguments");
      }
      term.extractor = Term::Body::Internal;
      term.extractor_template = &def;
    }
  }

  void declare_converters() {
    for (const ConvertDef& def : program_.converts) {
      const TypeId inner = find_type(def.inner, "inner type of a conversion");
      const TypeId outer = find_type(def.outer, "outer type of a conversion");
      const TermId term = find(terms_, def.term.name);
      if (term == kNone)
        error(def.term.span, "unknown term " + quoted(def.term.name) + " of a conversion");
      if (inner == kNone || outer == kNone) continue;
      if (!converters_.emplace(pair_key(inner, outer), term).second) {
        error(def.term.span, "a conversion from " + type_name(inner) + " to " + type_name(outer) +
                                 " is already declared");
      }
    }
  }
  static u64 pair_key(TypeId inner, TypeId outer) { return (u64{inner} << 32) | outer; }

  void declare_externs() {
    for (const ExternDef& def : program_.externs) {
      if (def.kind == ExternDef::Kind::Const) continue;
      const bool constructs = def.kind == ExternDef::Kind::Constructor;
      const TermId id =
          find_declared(def.term, constructs ? "extern constructor" : "extern extractor");
      if (id == kNone) continue;
      Term& term = out_.terms[id];
      Term::Body& body = constructs ? term.constructor : term.extractor;
      if (body == Term::Body::External) {
        error(def.term.span, "term " + quoted(def.term.name) + " has two extern " +
                                 (constructs ? "constructors" : "extractors"));
        continue;
      }
      if (body == Term::Body::Internal) {
        if (constructs) {
          error(def.term.span,
                "term " + quoted(def.term.name) + " has both rules and an extern constructor");
        } else {
          error(def.term.span, "term " + quoted(def.term.name) +
                                   " has both an extractor template and an extern extractor");
        }
        continue;
      }
      body = Term::Body::External;
      (constructs ? term.constructor_host : term.extractor_host) = def.host.name;
      if (!constructs) term.infallible = def.infallible;
    }
  }

  // ---- templates
  // ----------------------------------------------------------------------------------- Template
  // terms form a graph; a cycle is reported once, with its path.
  void check_templates() {
    enum : u8 { kNew, kOpen, kDone };
    std::vector<u8> state(out_.terms.size(), kNew);
    std::vector<std::vector<TermId>> uses(out_.terms.size());
    for (TermId id = 0; id < out_.terms.size(); ++id) {
      if (out_.terms[id].extractor_template != nullptr) {
        collect_template_uses(out_.terms[id].extractor_template->pattern, uses[id]);
      }
    }
    struct Visit {
      TermId term;
      usize next;
    };
    for (TermId start = 0; start < out_.terms.size(); ++start) {
      std::vector<Visit> stack;
      if (state[start] == kNew) stack.push_back({start, 0});
      while (!stack.empty()) {
        Visit& top = stack.back();
        state[top.term] = kOpen;
        if (top.next == uses[top.term].size()) {
          state[top.term] = kDone;
          stack.pop_back();
          continue;
        }
        const TermId target = uses[top.term][top.next++];
        if (state[target] == kOpen) {
          std::string path;
          bool in_cycle = false;
          for (const Visit& visit : stack) {
            in_cycle = in_cycle || visit.term == target;
            if (in_cycle) path += text(out_.terms[visit.term].name) + " -> ";
          }
          error(out_.terms[target].extractor_template->term.span,
                "extractor templates refer to themselves: " + path + text(out_.terms[target].name));
        } else if (state[target] == kNew && out_.terms[target].extractor_template != nullptr) {
          stack.push_back({target, 0});
        }
      }
    }
  }
  void collect_template_uses(const Pattern& pattern, std::vector<TermId>& uses) {
    if (pattern.kind == Pattern::Kind::Term) {
      const TermId id = find(terms_, pattern.name);
      if (id == kNone) {
        error(pattern.span, "an extractor template uses the unknown term " + quoted(pattern.name));
      } else {
        uses.push_back(id);
      }
    }
    for (const Pattern& child : pattern.children) collect_template_uses(child, uses);
  }

  // The last two arguments must be alike, and each must stand at one place of a template, so that
  // it is clear what changes places.
  void check_commutative() {
    for (const Term& term : out_.terms) {
      if (!term.commutative) continue;
      const usize count = term.args.size();
      if (count < 2 || term.args[count - 1] != term.args[count - 2]) {
        error(term.span, "the last two arguments of the commutative term " + quoted(term.name) +
                             " must have the same type");
        continue;
      }
      const ExtractorDef* extractor = term.extractor_template;
      if (extractor == nullptr || extractor->params.size() != count) continue;
      for (usize i = count - 2; i < count; ++i) {
        if (uses_of(extractor->params[i].name, extractor->pattern) != 1) {
          error(extractor->params[i].span, "the extractor of the commutative term " +
                                               quoted(term.name) + " must use " +
                                               quoted(extractor->params[i].name) + " exactly once");
        }
      }
    }
  }
  static u32 uses_of(Symbol name, const Pattern& pattern) {
    u32 uses = is_hole(pattern) && pattern.name == name ? 1 : 0;
    for (const Pattern& child : pattern.children) uses += uses_of(name, child);
    return uses;
  }

  void check_all_defined() {
    for (const Term& term : out_.terms) {
      if (term.constructor == Term::Body::None && term.extractor == Term::Body::None) {
        error(term.span, "term " + quoted(term.name) +
                             " is declared, but has no rule, no extractor and nothing extern");
      }
    }
  }

  // ---- rules
  // ---------------------------------------------------------------------------------------
  void check_rules() {
    if (findings_.errors() != 0) return;  // expansion relies on templates without cycles
    for (usize i = 0; i < program_.rules.size(); ++i) {
      const RuleDef& def = program_.rules[i];
      Rule rule;
      rule.name = def.name.name;
      rule.span = def.span;
      rule.root = rule_roots_[i];
      rule.priority = def.priority;
      rule_ = &rule;
      bound_.clear();
      expanded_ = 0;
      too_large_ = false;
      exchanges_.clear();
      const Term& root = out_.terms[rule.root];
      if (def.has_priority && root.multi) {
        error(def.priority_span.span,
              "a rule of the multi term " + quoted(root.name) + " has a priority",
              "all rules of a multi term that match give results");
      }
      if (def.pattern.children.size() != root.args.size()) {
        wrong_count(def.pattern.span, root, def.pattern.children.size());
      } else {
        for (usize a = 0; a < root.args.size(); ++a) {
          rule.args.push_back(pattern(def.pattern.children[a], root.args[a], nullptr, 0));
        }
      }
      for (const IfLetDef& clause : def.if_lets) {
        in_if_let_ = true;
        Rule::IfLet checked;
        checked.expr = expr(clause.expr, kNone);
        in_if_let_ = false;
        if (checked.expr.type == kNone) {
          // Reported; the variables of the pattern are still bound, so that their uses are not.
          checked.expr.type = 0;
          bind_all(clause.pattern);
        } else {
          checked.pattern = pattern(clause.pattern, checked.expr.type, nullptr, 0);
        }
        rule.if_lets.push_back(std::move(checked));
      }
      if (findings_.errors() == 0) permute(out_, symbols_, rule, exchanges_, findings_);
      rule.result = expr(def.expr, root.result);
      out_.terms[rule.root].rules.push_back(static_cast<RuleId>(out_.rules.size()));
      out_.rules.push_back(std::move(rule));
    }
    for (Term& term : out_.terms) {
      if (term.rules.size() == 1 && out_.rules[term.rules[0]].name == 0)
        out_.rules[term.rules[0]].name = term.name;
    }
  }

  void wrong_count(Span span, const Term& term, usize found) {
    error(span, quoted(term.name) + " takes " + std::to_string(term.args.size()) +
                    " arguments, here are " + std::to_string(found));
  }

  // One use of a template: its parameters stand for patterns read in the environment of the use.
  struct Expansion {
    const ExtractorDef* def;
    const Pattern* use;
    const Expansion* outer;
    u32 exchange = kNone;  // this use's number among the commutative ones
  };

  VariableId new_variable(Symbol name, TypeId type) {
    rule_->variables.push_back({name, type});
    return static_cast<VariableId>(rule_->variables.size() - 1);
  }
  VariableId find_variable(Symbol name) const {
    for (usize i = bound_.size(); i-- > 0;) {
      if (rule_->variables[bound_[i]].name == name) return bound_[i];
    }
    return kNone;
  }
  void bind_all(const Pattern& pattern) {
    if ((pattern.kind == Pattern::Kind::Variable || pattern.kind == Pattern::Kind::Bind) &&
        find_variable(pattern.name) == kNone) {
      bound_.push_back(new_variable(pattern.name, kNone));
    }
    for (const Pattern& child : pattern.children) bind_all(child);
  }

  TypedPattern pattern(const Pattern& written, TypeId type, const Expansion* expansion, u32 depth) {
    TypedPattern result;
    result.type = type;
    result.span = written.span;
    if (too_large_) return result;
    if (++expanded_ > limits::kMaxIsleSites.value || depth > limits::kMaxIsleNesting.value) {
      too_large_ = true;
      findings_.error(
          rule_->span, ErrorKind::LimitExceeded,
          "type error: the patterns of this rule, after expansion of extractors, exceed " +
              std::string(depth > limits::kMaxIsleNesting.value ? "max-isle-nesting"
                                                                : "max-isle-sites"));
      return result;
    }
    switch (written.kind) {
      case Pattern::Kind::Wildcard:
        break;
      case Pattern::Kind::Variable: {
        if (const u32 number = parameter(written, expansion); number != kNone) {
          return argument(number, type, *expansion, depth);
        }
        variable_pattern(written, type, result);
        break;
      }
      case Pattern::Kind::Bind: {
        const Pattern& sub = written.children[0];
        if (const u32 number = parameter(written, expansion); number != kNone) {
          return argument(number, type, *expansion, depth);
        }
        result.kind = TypedPattern::Kind::Bind;
        result.children.push_back(pattern(sub, type, expansion, depth + 1));
        if (find_variable(written.name) != kNone) {
          error(written.span, "variable " + quoted(written.name) + " is already bound",
                "write the variable alone to compare with it");
          result.kind = TypedPattern::Kind::Wildcard;
          break;
        }
        result.variable = new_variable(written.name, type);
        bound_.push_back(result.variable);
        break;
      }
      case Pattern::Kind::Int:
        if (out_.types[type].kind != Type::Kind::Int &&
            out_.types[type].kind != Type::Kind::Primitive) {
          error(written.span, "integer where type " + type_name(type) + " is wanted");
        }
        result.kind = TypedPattern::Kind::Int;
        result.value = written.value;
        break;
      case Pattern::Kind::Bool:
        if (out_.types[type].kind != Type::Kind::Bool) {
          error(written.span, "boolean where type " + type_name(type) + " is wanted");
        }
        result.kind = TypedPattern::Kind::Bool;
        result.value = written.value;
        break;
      case Pattern::Kind::Const: {
        result.kind = TypedPattern::Kind::Const;
        result.constant = written.name;
        const u32 constant = find_constant(written.name, written.span);
        if (constant != kNone && out_.constants[constant].type != type) {
          mismatch(written.span, "constant '$" + text(written.name) + "'",
                   out_.constants[constant].type, type);
        }
        break;
      }
      case Pattern::Kind::And:
        result.kind = TypedPattern::Kind::And;
        for (const Pattern& child : written.children) {
          result.children.push_back(pattern(child, type, expansion, depth + 1));
        }
        break;
      case Pattern::Kind::Term:
        return term_pattern(written, type, expansion, depth);
    }
    return result;
  }

  // In a template, `x` and `x @ _` stand for the parameter x.
  static bool is_hole(const Pattern& written) {
    return written.kind == Pattern::Kind::Variable ||
           (written.kind == Pattern::Kind::Bind &&
            written.children[0].kind == Pattern::Kind::Wildcard);
  }
  // Which parameter of the template being read `written` stands for, or kNone.
  static u32 parameter(const Pattern& written, const Expansion* expansion) {
    if (expansion == nullptr || !is_hole(written)) return kNone;
    for (u32 i = 0; i < expansion->def->params.size(); ++i) {
      if (expansion->def->params[i].name == written.name) return i;
    }
    return kNone;
  }
  TypedPattern argument(u32 number, TypeId type, const Expansion& expansion, u32 depth) {
    TypedPattern result =
        pattern(expansion.use->children[number], type, expansion.outer, depth + 1);
    if (expansion.exchange != kNone && number + 2 >= expansion.def->params.size())
      mark(result, expansion.exchange);
    return result;
  }
  // A pattern can be the argument of two commutative terms, one handing it on to the other; each
  // has its own mark.
  static void mark(TypedPattern& pattern, u32 exchange) {
    if (pattern.exchange != kNone) {
      TypedPattern wrapper;
      wrapper.kind = TypedPattern::Kind::And;
      wrapper.type = pattern.type;
      wrapper.span = pattern.span;
      wrapper.children.push_back(std::move(pattern));
      pattern = std::move(wrapper);
    }
    pattern.exchange = exchange;
  }

  // Does the pattern match only what the host puts last in commutative terms?
  bool is_canonical_right(const Pattern& written, const Expansion* expansion, u32 depth) const {
    if (depth > limits::kMaxIsleNesting.value) return false;
    if (const u32 number = parameter(written, expansion); number != kNone) {
      return is_canonical_right(expansion->use->children[number], expansion->outer, depth + 1);
    }
    switch (written.kind) {
      case Pattern::Kind::Bind:
        return is_canonical_right(written.children[0], expansion, depth + 1);
      case Pattern::Kind::And:
        return std::any_of(
            written.children.begin(), written.children.end(),
            [&](const Pattern& child) { return is_canonical_right(child, expansion, depth + 1); });
      case Pattern::Kind::Term:
        break;
      default:
        return false;
    }
    const TermId id = find(terms_, written.name);
    if (id == kNone) return false;
    const Term& term = out_.terms[id];
    if (term.canonical_right) return true;
    if (term.extractor_template == nullptr || written.children.size() != term.args.size())
      return false;
    const Expansion inner{term.extractor_template, &written, expansion};
    return is_canonical_right(term.extractor_template->pattern, &inner, depth + 1);
  }

  void variable_pattern(const Pattern& written, TypeId type, TypedPattern& result) {
    const VariableId variable = find_variable(written.name);
    if (variable == kNone) {
      result.kind = TypedPattern::Kind::Bind;
      result.variable = new_variable(written.name, type);
      result.children.emplace_back();
      result.children[0].type = type;
      bound_.push_back(result.variable);
      return;
    }
    const TypeId bound_type = rule_->variables[variable].type;
    if (bound_type != type && bound_type != kNone) {
      mismatch(written.span, "variable " + quoted(written.name), bound_type, type);
    }
    result.kind = TypedPattern::Kind::Equal;
    result.variable = variable;
  }

  void mismatch(Span span, const std::string& what, TypeId found, TypeId wanted,
                std::string hint = {}) {
    error(span,
          what + " has type " + type_name(found) + ", but type " + type_name(wanted) +
              " is wanted here",
          std::move(hint));
  }
  std::string conversion_hint(TypeId found, TypeId wanted, const char* side) const {
    const auto converter = converters_.find(pair_key(found, wanted));
    if (converter == converters_.end() || converter->second == kNone) return {};
    return "the conversion " + quoted(out_.terms[converter->second].name) + " has no " + side;
  }
  u32 find_constant(Symbol name, Span span) {
    const u32 constant = find(constants_, name);
    if (constant == kNone) error(span, "unknown constant '$" + text(name) + "'");
    return constant;
  }
  TermId converter(TypeId found, TypeId wanted) const {
    const auto entry = converters_.find(pair_key(found, wanted));
    return entry == converters_.end() ? kNone : entry->second;
  }
  TermId find_term(Symbol name, Span span, usize args) {
    const TermId id = find(terms_, name);
    if (id == kNone) {
      std::string hint;
      if (args == 0 && find_variable(name) != kNone)
        hint = "a variable of that name exists: drop the parentheses";
      error(span, "unknown term " + quoted(name), hint);
    }
    return id;
  }

  TypedPattern term_pattern(const Pattern& written, TypeId type, const Expansion* expansion,
                            u32 depth) {
    TypedPattern result;
    result.type = type;
    result.span = written.span;
    const TermId id = find_term(written.name, written.span, written.children.size());
    if (id == kNone) return result;
    const Term& term = out_.terms[id];
    if (term.result != type) {
      // The pattern is read as if it were written (t pattern).
      const TermId convert = converter(term.result, type);
      if (convert == kNone || out_.terms[convert].extractor == Term::Body::None ||
          out_.terms[convert].args.size() != 1 || out_.terms[convert].args[0] != term.result ||
          out_.terms[convert].result != type) {
        mismatch(written.span, "term " + quoted(written.name), term.result, type,
                 conversion_hint(term.result, type, "extractor"));
        return result;
      }
      return apply_extractor(convert, written, {&written, 1}, expansion, depth, type);
    }
    if (written.children.size() != term.args.size()) {
      wrong_count(written.span, term, written.children.size());
      return result;
    }
    if (term.extractor == Term::Body::None) {
      error(written.span,
            "term " + quoted(written.name) + " has no extractor and cannot be used in a pattern");
      return result;
    }
    return apply_extractor(id, written, written.children, expansion, depth, type);
  }

  TypedPattern apply_extractor(TermId id, const Pattern& written, std::span<const Pattern> args,
                               const Expansion* expansion, u32 depth, TypeId type) {
    if (!out_.terms[id].commutative)
      return expand_extractor(id, written, args, expansion, depth, type, kNone);
    const u32 exchange = static_cast<u32>(exchanges_.size());
    exchanges_.push_back({id, false});
    TypedPattern result = expand_extractor(id, written, args, expansion, depth, type, exchange);
    exchanges_[exchange].possible = !too_large_ &&
                                    !is_canonical_right(args[args.size() - 2], expansion, depth) &&
                                    !is_canonical_right(args[args.size() - 1], expansion, depth);
    return result;
  }

  TypedPattern expand_extractor(TermId id, const Pattern& written, std::span<const Pattern> args,
                                const Expansion* expansion, u32 depth, TypeId type, u32 exchange) {
    const Term& term = out_.terms[id];
    if (term.extractor_template != nullptr) {
      // A conversion is a use of the template with the written pattern as its only argument.
      Pattern conversion;
      const Pattern* use = &written;
      if (args.data() == &written) {
        conversion.children.push_back(written);
        use = &conversion;
      }
      const Expansion inner{term.extractor_template, use, expansion, exchange};
      return pattern(term.extractor_template->pattern, type, &inner, depth + 1);
    }
    TypedPattern result;
    result.kind = TypedPattern::Kind::Term;
    result.type = type;
    result.span = written.span;
    result.term = id;
    for (usize i = 0; i < args.size(); ++i) {
      result.children.push_back(pattern(args[i], term.args[i], expansion, depth + 1));
      if (exchange != kNone && i + 2 >= args.size()) mark(result.children.back(), exchange);
    }
    return result;
  }

  // `wanted` kNone: anything. The result's type is kNone after an error that leaves it unknown.
  TypedExpr expr(const Expr& written, TypeId wanted) {
    TypedExpr result;
    result.span = written.span;
    result.type = wanted;
    switch (written.kind) {
      case Expr::Kind::Int:
        result.kind = TypedExpr::Kind::Int;
        result.value = written.value;
        if (wanted == kNone) {
          error(written.span, "the type of this integer is not known",
                "bind it with 'let', or pass it to a term");
        } else if (out_.types[wanted].kind != Type::Kind::Int &&
                   out_.types[wanted].kind != Type::Kind::Primitive) {
          error(written.span, "integer where type " + type_name(wanted) + " is wanted");
        }
        return result;
      case Expr::Kind::Bool:
        result.kind = TypedExpr::Kind::Bool;
        result.value = written.value;
        if (wanted == kNone) result.type = 0;
        if (result.type != 0)
          error(written.span, "boolean where type " + type_name(wanted) + " is wanted");
        return result;
      case Expr::Kind::Const: {
        result.kind = TypedExpr::Kind::Const;
        result.constant = written.name;
        const u32 constant = find_constant(written.name, written.span);
        if (constant == kNone) return result;
        const TypeId type = out_.constants[constant].type;
        if (wanted != kNone && type != wanted)
          mismatch(written.span, "constant '$" + text(written.name) + "'", type, wanted);
        result.type = type;
        return result;
      }
      case Expr::Kind::Variable: {
        result.kind = TypedExpr::Kind::Variable;
        result.variable = find_variable(written.name);
        if (result.variable == kNone) {
          std::string hint;
          if (find(terms_, written.name) != kNone)
            hint = "a term is used with parentheses: (" + text(written.name) + " ...)";
          error(written.span, "unknown variable " + quoted(written.name), hint);
          return result;
        }
        result.type = rule_->variables[result.variable].type;
        if (result.type == kNone) {
          result.type = wanted;
          return result;
        }
        return convert(std::move(result), wanted, "variable " + quoted(written.name));
      }
      case Expr::Kind::Let: {
        result.kind = TypedExpr::Kind::Let;
        const usize scope = bound_.size();
        for (usize i = 0; i < written.bindings.size(); ++i) {
          const Expr::Binding& binding = written.bindings[i];
          const TypeId type = find_type(binding.type, "type of a variable");
          result.children.push_back(expr(written.children[i], type));
          result.variables.push_back(new_variable(binding.name.name, type));
          bound_.push_back(result.variables.back());
        }
        result.children.push_back(expr(written.children.back(), wanted));
        result.type = result.children.back().type;
        bound_.resize(scope);
        return result;
      }
      case Expr::Kind::Term:
        break;
    }
    result.kind = TypedExpr::Kind::Term;
    const TermId id = find_term(written.name, written.span, written.children.size());
    if (id == kNone) return result;
    const Term& term = out_.terms[id];
    result.term = id;
    result.type = term.result;
    if (written.children.size() != term.args.size()) {
      wrong_count(written.span, term, written.children.size());
      return result;
    }
    for (usize i = 0; i < term.args.size(); ++i)
      result.children.push_back(expr(written.children[i], term.args[i]));
    check_constructor(id, written.span);
    return convert(std::move(result), wanted, "term " + quoted(written.name));
  }

  // Wraps `found` into the declared conversion when its type is not the wanted one.
  TypedExpr convert(TypedExpr found, TypeId wanted, const std::string& what) {
    if (wanted == kNone || found.type == wanted) return found;
    const TermId id = converter(found.type, wanted);
    if (id == kNone || out_.terms[id].constructor == Term::Body::None ||
        out_.terms[id].args.size() != 1 || out_.terms[id].args[0] != found.type ||
        out_.terms[id].result != wanted) {
      mismatch(found.span, what, found.type, wanted,
               conversion_hint(found.type, wanted, "constructor"));
      found.type = wanted;
      return found;
    }
    check_constructor(id, found.span);
    TypedExpr result;
    result.kind = TypedExpr::Kind::Term;
    result.type = wanted;
    result.span = found.span;
    result.term = id;
    result.children.push_back(std::move(found));
    return result;
  }

  void check_constructor(TermId id, Span span) {
    const Term& term = out_.terms[id];
    const Term& root = out_.terms[rule_->root];
    if (term.constructor == Term::Body::None) {
      error(span, "term " + quoted(term.name) +
                      " has no constructor and cannot be used in an expression");
      return;
    }
    if (!term.pure && in_if_let_) {
      error(span, "'if-let' needs pure terms, and " + quoted(term.name) + " is not declared pure");
    } else if (!term.pure && root.pure) {
      error(span, "the rules of the pure term " + quoted(root.name) + " use " + quoted(term.name) +
                      ", which is not declared pure");
    }
    if (term.multi && !root.multi) {
      error(span, "multi term " + quoted(term.name) + " in a rule of " + quoted(root.name) +
                      ", which is not multi");
    }
    if (term.partial && !in_if_let_ && !root.partial) {
      error(span,
            "partial term " + quoted(term.name) + " on the right side of a rule of " +
                quoted(root.name) + ", which is not partial",
            "move it into an 'if-let'");
    }
  }

  const Program& program_;
  SymbolTable& symbols_;
  TypedProgram& out_;
  Findings& findings_;
  Table types_;
  Table terms_;
  Table constants_;
  std::unordered_map<u64, TermId> converters_;  // by pair_key(inner, outer)
  std::vector<TermId> rule_roots_;              // by rule

  // While a rule is checked.
  Rule* rule_ = nullptr;
  std::vector<VariableId> bound_;    // in scope, innermost last
  std::vector<Exchange> exchanges_;  // uses of commutative terms in patterns
  u64 expanded_ = 0;
  bool too_large_ = false;
  bool in_if_let_ = false;
};

}  // namespace

bool analyze(const Program& program, SymbolTable& symbols, TypedProgram& out, Findings& findings) {
  return Analyzer(program, symbols, out, findings).run();
}

}  // namespace gantry::isle

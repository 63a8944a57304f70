// Hash-consing: equal pure sites of any rules of the term are one site, so that the tree builder
// sees that two rules ask the same question. Impure calls are made unique by their instance number.
#include "gantry/isle/sites.h"

#include <algorithm>
#include <string>

#include "gantry/support/hash.h"
#include "gantry/support/limits.h"

namespace gantry::isle {
namespace {

class Normalizer {
 public:
  Normalizer(const TypedProgram& program, RuleSet& set, Findings& findings)
      : program_(program), set_(set), findings_(findings) {}

  void run() {
    const Term& term = program_.terms[set_.term];
    for (u32 i = 0; i < term.args.size(); ++i) {
      Site site;
      site.kind = Site::Kind::Arg;
      site.type = term.args[i];
      site.index = i;
      add(std::move(site), 0);
    }
    for (const RuleId id : term.rules) rule(id);
  }

 private:
  void rule(RuleId id) {
    const Rule& rule = program_.rules[id];
    span_ = rule.span;
    source_ = &rule;
    too_large_ = false;
    bool reachable = false;
    for (u32 i = 0; i <= rule.permutations.size() && !too_large_; ++i) {
      reachable = permutation(id, i) || reachable;
    }
    if (!reachable && !too_large_) {
      findings_.error(span_, ErrorKind::Invalid,
                      "unreachable: this rule demands two different things of one value");
    }
  }

  // False if no value can match.
  bool permutation(RuleId id, u32 number) {
    const Rule& rule = program_.rules[id];
    NormalRule normal;
    normal.rule = id;
    normal.permutation = number;
    normal.priority = rule.priority;
    rule_ = &normal;
    variable_sites_.assign(rule.variables.size(), kNone);
    contradiction_ = false;
    on_right_ = false;
    const Rule::Permutation* order = number == 0 ? nullptr : &rule.permutations[number - 1];
    for (u32 i = 0; i < rule.args.size(); ++i)
      pattern(order == nullptr ? rule.args[i] : order->args[i], i);
    for (usize i = 0; i < rule.if_lets.size(); ++i) {
      const SiteId value = expr(rule.if_lets[i].expr);
      pattern(order == nullptr ? rule.if_lets[i].pattern : order->if_lets[i], value);
    }
    collect_left_sites();
    on_right_ = true;
    right_seen_.clear();
    left_variables_ = variable_sites_;
    normal.result = expr(rule.result);
    if (too_large_) return false;
    if (normal.constraints.size() + normal.equalities.size() > limits::kMaxIsleTests.value) {
      too_many_tests();
      return false;
    }
    propagate_equalities();
    if (too_large_ || contradiction_) return false;
    const auto by_site = [](const SiteConstraint& a, const SiteConstraint& b) {
      return a.site < b.site;
    };
    std::sort(normal.constraints.begin(), normal.constraints.end(), by_site);
    std::sort(normal.implied.begin(), normal.implied.end(), by_site);
    std::sort(normal.equalities.begin(), normal.equalities.end());
    normal.equalities.erase(std::unique(normal.equalities.begin(), normal.equalities.end()),
                            normal.equalities.end());
    set_.rules.push_back(std::move(normal));
    return true;
  }

  void too_many_tests() {
    if (!too_large_) {
      findings_.error(span_, ErrorKind::LimitExceeded,
                      "type error: this rule has more tests than max-isle-tests (" +
                          std::to_string(limits::kMaxIsleTests.value) + ")");
    }
    too_large_ = true;
  }

  // What a class of equal sites knows about one member holds for all, and equal values have equal
  // fields.
  void propagate_equalities() {
    NormalRule& normal = *rule_;
    normal.implied = normal.constraints;
    if (normal.equalities.empty()) return;
    std::unordered_map<SiteId, SiteId> parent;
    const auto find = [&parent](SiteId site) {
      for (auto up = parent.find(site); up != parent.end() && up->second != site;
           up = parent.find(site))
        site = up->second;
      return site;
    };
    std::vector<std::pair<SiteId, SiteId>> work = normal.equalities;
    std::unordered_map<SiteId, std::vector<SiteId>> members;  // by representative
    std::unordered_map<SiteId, Constraint> known;
    for (const SiteConstraint& constraint : normal.constraints)
      known.emplace(constraint.site, constraint.constraint);
    u64 steps = 0;
    for (usize next = 0; next < work.size(); ++next) {
      SiteId a = find(work[next].first);
      SiteId b = find(work[next].second);
      if (a == b) continue;
      for (const SiteId site : {a, b}) {
        if (parent.emplace(site, site).second) members[site] = {site};
      }
      if (b < a) std::swap(a, b);
      parent[b] = a;
      std::vector<SiteId> merged = std::move(members[a]);
      merged.insert(merged.end(), members[b].begin(), members[b].end());
      members.erase(b);
      const Constraint* shared = nullptr;
      for (const SiteId site : merged) {
        if (const auto found = known.find(site); found != known.end()) shared = &found->second;
      }
      if (shared != nullptr) {
        const Constraint constraint = *shared;
        for (const SiteId site : merged) {
          const auto [entry, fresh] = known.emplace(site, constraint);
          if (fresh) normal.implied.push_back({site, constraint});
          if (!(entry->second == constraint)) contradiction_ = true;
          if (++steps > limits::kMaxIsleSites.value) return too_many_tests();
        }
        if (constraint.kind == Constraint::Kind::Variant ||
            constraint.kind == Constraint::Kind::Struct) {
          const Variant& variant = program_.types[set_.sites[a].type].variants[constraint.variant];
          for (u32 i = 0; i < variant.fields.size(); ++i) {
            for (const SiteId site : merged) {
              if (site == a) continue;
              const SiteId left = field(a, constraint.variant, i);
              const SiteId right = field(site, constraint.variant, i);
              if (too_large_) return;
              work.emplace_back(left, right);
              if (work.size() > limits::kMaxIsleSites.value) return too_many_tests();
            }
          }
        }
      }
      members[a] = std::move(merged);
    }
    for (const auto& [root, sites] : members)
      normal.class_members += static_cast<u32>(sites.size());
  }

  SiteId field(SiteId source, u32 variant, u32 index) {
    Site site;
    site.kind = Site::Kind::Field;
    site.source = source;
    site.variant = variant;
    site.index = index;
    const Field& declared = program_.types[set_.sites[source].type].variants[variant].fields[index];
    site.type = declared.type;
    site.name = declared.name;
    return add(std::move(site), 0);
  }

  static bool same(const Site& a, const Site& b) {
    return a.kind == b.kind && a.type == b.type && a.source == b.source && a.index == b.index &&
           a.variant == b.variant && a.term == b.term && a.constant == b.constant &&
           a.value == b.value && a.args == b.args;
  }

  // The number of an equal site, or of a new one followed by `outputs` Output sites.
  SiteId add(Site site, u32 outputs) {
    u64 hash = static_cast<u64>(site.kind);
    for (const u64 part : {u64{site.type}, u64{site.source}, u64{site.index}, u64{site.variant},
                           u64{site.term}, u64{site.constant}, static_cast<u64>(site.value)}) {
      hash = hash_combine(hash, part);
    }
    for (const SiteId arg : site.args) hash = hash_combine(hash, arg);
    std::vector<SiteId>& bucket = index_[hash];
    if (!site.impure) {
      for (const SiteId candidate : bucket) {
        if (same(set_.sites[candidate], site)) return candidate;
      }
    }
    if (set_.sites.size() + outputs >= limits::kMaxIsleSites.value) {
      if (!too_large_) {
        findings_.error(
            span_, ErrorKind::LimitExceeded,
            "type error: the rules of one term have more binding sites than max-isle-sites (" +
                std::to_string(limits::kMaxIsleSites.value) + ")");
      }
      too_large_ = true;
      return 0;
    }
    const SiteId id = static_cast<SiteId>(set_.sites.size());
    site.outputs = outputs;
    site.depth = 0;
    if (site.kind == Site::Kind::Field || site.kind == Site::Kind::Extract)
      site.depth = set_.sites[site.source].depth + 1;
    site.repeats = site.multi;
    if (site.kind == Site::Kind::Field || site.kind == Site::Kind::Extract)
      site.repeats = site.repeats || set_.sites[site.source].repeats;
    for (const SiteId arg : site.args) {
      site.depth = std::max(site.depth, set_.sites[arg].depth + 1);
      site.repeats = site.repeats || set_.sites[arg].repeats;
    }
    if (site.depth > limits::kMaxIsleSiteDepth.value) {
      if (!too_large_) {
        findings_.error(span_, ErrorKind::LimitExceeded,
                        "type error: a value of this rule depends on a chain longer than "
                        "max-isle-site-depth (" +
                            std::to_string(limits::kMaxIsleSiteDepth.value) + ")");
      }
      too_large_ = true;
      return 0;
    }
    set_.sites.push_back(std::move(site));
    bucket.push_back(id);
    return id;
  }
  void add_outputs(SiteId call, std::span<const TypeId> types) {
    // Only a new call lacks them.
    if (too_large_ || call + 1 < set_.sites.size() || types.empty()) return;
    for (u32 i = 0; i < types.size(); ++i) {
      Site site;
      site.kind = Site::Kind::Output;
      site.source = call;
      site.index = i;
      site.depth = set_.sites[call].depth + 1;
      site.repeats = set_.sites[call].repeats;
      site.type = types[i];
      set_.sites.push_back(std::move(site));
    }
  }

  void constrain(SiteId site, Constraint constraint) {
    const Type& type = program_.types[set_.sites[site].type];
    if (constraint.kind == Constraint::Kind::Int && type.kind == Type::Kind::Int &&
        type.bits < 128) {
      // One bit pattern, one constraint: -1 and 255 are the same u8.
      const u128 mask = (u128{1} << type.bits) - 1;
      constraint.value = static_cast<i128>(static_cast<u128>(constraint.value) & mask);
    }
    for (const SiteConstraint& existing : rule_->constraints) {
      if (existing.site != site) continue;
      if (!(existing.constraint == constraint)) contradiction_ = true;
      return;
    }
    if (rule_->constraints.size() >= limits::kMaxIsleTests.value) return too_many_tests();
    rule_->constraints.push_back({site, constraint});
  }

  void equal(SiteId a, SiteId b) {
    if (a != b) rule_->equalities.emplace_back(std::min(a, b), std::max(a, b));
  }

  void pattern(const TypedPattern& pattern_in, SiteId site) {
    if (too_large_) return;
    switch (pattern_in.kind) {
      case TypedPattern::Kind::Wildcard:
        return;
      case TypedPattern::Kind::Bind:
        pattern(pattern_in.children[0], site);
        variable_sites_[pattern_in.variable] = site;
        name_site(site, source_->variables[pattern_in.variable].name);
        return;
      case TypedPattern::Kind::Equal:
        equal(variable_sites_[pattern_in.variable], site);
        return;
      case TypedPattern::Kind::Int:
        constrain(site, {Constraint::Kind::Int, 0, 0, pattern_in.value});
        return;
      case TypedPattern::Kind::Bool:
        constrain(site, {Constraint::Kind::Bool, 0, 0, pattern_in.value});
        return;
      case TypedPattern::Kind::Const:
        constrain(site, {Constraint::Kind::Const, 0, pattern_in.constant, 0});
        return;
      case TypedPattern::Kind::And:
        for (const TypedPattern& child : pattern_in.children) pattern(child, site);
        return;
      case TypedPattern::Kind::Term:
        break;
    }
    const Term& term = program_.terms[pattern_in.term];
    if (term.kind != Term::Kind::Declared) {
      const bool is_enum = term.kind == Term::Kind::Variant;
      constrain(site, {is_enum ? Constraint::Kind::Variant : Constraint::Kind::Struct, term.variant,
                       0, 0});
      for (u32 i = 0; i < pattern_in.children.size(); ++i) {
        if (!is_ignored(pattern_in.children[i]))
          pattern(pattern_in.children[i], field(site, term.variant, i));
      }
      return;
    }
    Site call;
    call.kind = Site::Kind::Extract;
    call.source = site;
    call.term = pattern_in.term;
    call.type = term.result;
    call.fallible = !term.infallible && !term.multi;
    call.multi = term.multi;
    const SiteId id = add(std::move(call), static_cast<u32>(term.args.size()));
    add_outputs(id, term.args);
    if (too_large_) return;
    if (term.multi) {
      constrain(id, {Constraint::Kind::Loop, 0, 0, 0});
    } else if (!term.infallible) {
      constrain(id, {Constraint::Kind::Some, 0, 0, 0});
    }
    for (u32 i = 0; i < pattern_in.children.size(); ++i)
      pattern(pattern_in.children[i], id + 1 + i);
  }
  static bool is_ignored(const TypedPattern& pattern) {
    return pattern.kind == TypedPattern::Kind::Wildcard;
  }

  void name_site(SiteId site, Symbol name) {
    Site& target = set_.sites[site];
    if (target.name == 0 || target.kind == Site::Kind::Field) target.name = name;
  }

  SiteId expr(const TypedExpr& expr_in) {
    if (too_large_) return 0;
    Site site;
    site.type = expr_in.type;
    switch (expr_in.kind) {
      case TypedExpr::Kind::Variable:
        if (on_right_ && expr_in.variable < left_variables_.size() &&
            left_variables_[expr_in.variable] != kNone) {
          import(expr_in.variable, variable_sites_[expr_in.variable]);
        }
        return variable_sites_[expr_in.variable];
      case TypedExpr::Kind::Int:
        site.kind = Site::Kind::Int;
        site.value = expr_in.value;
        return add(std::move(site), 0);
      case TypedExpr::Kind::Bool:
        site.kind = Site::Kind::Bool;
        site.value = expr_in.value;
        return add(std::move(site), 0);
      case TypedExpr::Kind::Const:
        site.kind = Site::Kind::Const;
        site.constant = expr_in.constant;
        return add(std::move(site), 0);
      case TypedExpr::Kind::Let:
        for (usize i = 0; i < expr_in.variables.size(); ++i) {
          const SiteId value = expr(expr_in.children[i]);
          variable_sites_[expr_in.variables[i]] = value;
          if (!too_large_) name_site(value, source_->variables[expr_in.variables[i]].name);
        }
        return expr(expr_in.children.back());
      case TypedExpr::Kind::Term:
        break;
    }
    const Term& term = program_.terms[expr_in.term];
    for (const TypedExpr& child : expr_in.children) site.args.push_back(expr(child));
    if (too_large_) return 0;
    site.term = expr_in.term;
    if (term.kind != Term::Kind::Declared) {
      site.kind = Site::Kind::Make;
      return add(std::move(site), 0);
    }
    site.kind = Site::Kind::Construct;
    site.fallible = term.partial;
    site.multi = term.multi;
    site.impure = !term.pure;
    const bool has_output = term.partial || term.multi;
    const SiteId id = add(std::move(site), has_output ? 1 : 0);
    if (has_output) add_outputs(id, {&term.result, 1});
    if (too_large_) return 0;
    if (on_right_) {
      if (std::binary_search(rule_->left_sites.begin(), rule_->left_sites.end(), id))
        import(kNone, has_output ? id + 1 : id);
      if (right_seen_.emplace(id, true).second) rule_->right_sites.push_back(id);
    } else if (term.multi) {
      constrain(id, {Constraint::Kind::Loop, 0, 0, 0});
    } else if (term.partial) {
      constrain(id, {Constraint::Kind::Some, 0, 0, 0});
    }
    return has_output ? id + 1 : id;
  }

  void import(VariableId variable, SiteId site) {
    if (source_->permutations.empty()) return;
    for (const Import& known : rule_->imports) {
      if (variable != kNone ? known.variable == variable : known.site == site) return;
    }
    rule_->imports.push_back({variable, site});
  }

  void collect_left_sites() {
    // Everything tested or bound so far, closed under operands.
    std::vector<SiteId> work;
    std::unordered_map<SiteId, bool> seen;
    const auto visit = [&](SiteId site) {
      if (site != kNone && seen.emplace(site, true).second) work.push_back(site);
    };
    for (const SiteConstraint& constraint : rule_->constraints) visit(constraint.site);
    for (const auto& [a, b] : rule_->equalities) {
      visit(a);
      visit(b);
    }
    for (const SiteId site : variable_sites_) visit(site);
    for (usize i = 0; i < work.size(); ++i) {
      const SiteId id = work[i];
      const Site& site = set_.sites[id];
      if (site.kind == Site::Kind::Field || site.kind == Site::Kind::Output ||
          site.kind == Site::Kind::Extract) {
        visit(site.source);
      }
      for (const SiteId arg : site.args) visit(arg);
    }
    std::sort(work.begin(), work.end());
    rule_->left_sites = std::move(work);
  }

  const TypedProgram& program_;
  RuleSet& set_;
  Findings& findings_;
  std::unordered_map<u64, std::vector<SiteId>> index_;

  NormalRule* rule_ = nullptr;
  const Rule* source_ = nullptr;
  Span span_;
  std::vector<SiteId> variable_sites_;
  std::vector<SiteId> left_variables_;  // on the right side: those the left side has bound
  std::unordered_map<SiteId, bool> right_seen_;
  bool contradiction_ = false;
  bool too_large_ = false;
  bool on_right_ = false;
};

}  // namespace

RuleSet normalize(const TypedProgram& program, TermId term, Findings& findings) {
  RuleSet set;
  set.term = term;
  Normalizer(program, set, findings).run();
  return set;
}

}  // namespace gantry::isle

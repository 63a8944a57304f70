// Problem: hundreds of rules ask the same questions. Idea: at every point take a question of the
// rule that may go first, the one most rules ask, and either decide by it (rules that do not ask it
// are copied into every arm) or test it for the rules that ask it and fall through to the rest.
// Copying is allowed only while it is cheap (the guard), since the pure decision tree explodes.
// Invariants: a rule is deferred behind another only if its priority is not higher or the two
// cannot match the same values; a site is tested only where the facts of the path make it exist;
// every rule that can be reached has a leaf.
#include "gantry/isle/tree.h"

#include <algorithm>

namespace gantry::isle {
namespace {

constexpr u32 kMaxLeavesPerRule = 8;

// What a rule still has to ask.
struct Pending {
  u32 rule = 0;
  std::vector<SiteConstraint> constraints;
  std::vector<std::pair<SiteId, SiteId>> equalities;
};

struct Question {
  enum class Kind : u8 { None, Match, Equal, Loop };
  Kind kind = Kind::None;
  SiteId site = 0;
  SiteId other = 0;
  u32 rules = 0;  // that ask it
  u32 cost = 0;
};

class Builder {
 public:
  Builder(const TypedProgram& program, const RuleSet& set, const Overlaps& overlaps)
      : program_(program),
        set_(set),
        overlaps_(overlaps),
        multi_(program.terms[set.term].multi),
        fact_(set.sites.size(), nullptr),
        exists_(set.sites.size()),
        exists_version_(set.sites.size(), 0) {}

  Tree run() {
    std::vector<Pending> rules;
    for (u32 i = 0; i < set_.rules.size(); ++i) {
      Pending pending{i, {}, set_.rules[i].equalities};
      for (const SiteConstraint& constraint : set_.rules[i].constraints) {
        if (needs_test(constraint)) pending.constraints.push_back(constraint);
      }
      rules.push_back(std::move(pending));
    }
    std::sort(rules.begin(), rules.end(), [this](const Pending& a, const Pending& b) {
      const i64 left = set_.rules[a.rule].priority;
      const i64 right = set_.rules[b.rule].priority;
      return left != right ? left > right : a.rule < b.rule;
    });
    tree_.leaves.assign(set_.rules.size(), 0);
    leaf_budget_ = static_cast<u64>(kMaxLeavesPerRule) * set_.rules.size();
    tree_.root = build(std::move(rules), 1);
    return std::move(tree_);
  }

 private:
  // A struct always has its shape, and so has an enum with a single variant.
  bool needs_test(const SiteConstraint& constraint) const {
    if (constraint.constraint.kind == Constraint::Kind::Struct) return false;
    const Type& type = program_.types[set_.sites[constraint.site].type];
    return constraint.constraint.kind != Constraint::Kind::Variant || type.variants.size() > 1;
  }

  void set_fact(SiteId site, const Constraint* fact) {
    fact_[site] = fact;
    ++version_;
  }

  // Can the site be computed with what the path knows? Remembered until a fact changes.
  bool exists(SiteId id) {
    if (exists_version_[id] == version_) return exists_[id];
    const bool result = compute_exists(id);
    exists_version_[id] = version_;
    exists_[id] = result;
    return result;
  }
  bool compute_exists(SiteId id) {
    const Site& site = set_.sites[id];
    switch (site.kind) {
      case Site::Kind::Arg:
      case Site::Kind::Int:
      case Site::Kind::Bool:
      case Site::Kind::Const:
        return true;
      case Site::Kind::Field: {
        if (!exists(site.source)) return false;
        const Type& type = program_.types[set_.sites[site.source].type];
        if (type.kind == Type::Kind::Struct || type.variants.size() == 1) return true;
        const Constraint* fact = fact_[site.source];
        return fact != nullptr && fact->kind == Constraint::Kind::Variant &&
               fact->variant == site.variant;
      }
      case Site::Kind::Output: {
        const Site& call = set_.sites[site.source];
        if (call.fallible || call.multi) return fact_[site.source] != nullptr;
        return exists(site.source);
      }
      case Site::Kind::Extract:
        return exists(site.source);
      case Site::Kind::Construct:
      case Site::Kind::Make:
        return std::all_of(site.args.begin(), site.args.end(),
                           [this](SiteId arg) { return exists(arg); });
    }
    return false;
  }

  u32 cost_of(SiteId id) const {
    const Site& site = set_.sites[id];
    switch (site.kind) {
      case Site::Kind::Extract:
        return site.multi ? 6 : site.fallible ? 4 : 2;
      case Site::Kind::Construct:
        return site.multi ? 7 : 5;
      case Site::Kind::Output:
        return cost_of(site.source) >= 4 ? 1 : 3;
      case Site::Kind::Field:
        return 1;
      default:
        return 0;
    }
  }

  bool is_multi_call(SiteId site) const { return set_.sites[site].multi; }

  Question choose(const std::vector<Pending>& rules) {
    std::vector<Question> candidates;
    const auto propose = [&candidates](Question question) {
      const bool known =
          std::any_of(candidates.begin(), candidates.end(), [&](const Question& candidate) {
            return candidate.site == question.site && candidate.other == question.other &&
                   candidate.kind == question.kind;
          });
      if (!known) candidates.push_back(question);
    };
    const i64 highest = set_.rules[rules[0].rule].priority;
    for (usize i = 0; i < rules.size(); ++i) {
      const Pending& pending = rules[i];
      if (set_.rules[pending.rule].priority != highest) break;
      if (!may_be_first(rules, i)) continue;
      for (const SiteConstraint& constraint : pending.constraints) {
        if (!exists(constraint.site)) continue;
        const bool loop = is_multi_call(constraint.site);
        propose({loop ? Question::Kind::Loop : Question::Kind::Match, constraint.site, 0, 0,
                 cost_of(constraint.site)});
      }
      for (const auto& [a, b] : pending.equalities) {
        if (exists(a) && exists(b))
          propose({Question::Kind::Equal, a, b, 0, std::max(cost_of(a), cost_of(b)) + 1});
      }
      // Enough to choose from: thousands of rules of one priority ask much the same.
      if (candidates.size() >= 64) break;
    }
    Question best;
    for (Question& candidate : candidates) {
      for (const Pending& pending : rules) candidate.rules += asks(pending, candidate) ? 1 : 0;
      if (best.kind == Question::Kind::None || better(candidate, best)) best = candidate;
    }
    return best;
  }
  static bool better(const Question& a, const Question& b) {
    const bool a_loop = a.kind == Question::Kind::Loop;
    const bool b_loop = b.kind == Question::Kind::Loop;
    if (a_loop != b_loop) return b_loop;
    if (a.rules != b.rules) return a.rules > b.rules;
    if (a.cost != b.cost) return a.cost < b.cost;
    if (a.kind != b.kind) return a.kind < b.kind;
    if (a.site != b.site) return a.site < b.site;
    return a.other < b.other;
  }

  static const SiteConstraint* constraint_on(const Pending& pending, SiteId site) {
    const auto found =
        std::lower_bound(pending.constraints.begin(), pending.constraints.end(), site,
                         [](const SiteConstraint& c, SiteId id) { return c.site < id; });
    return found != pending.constraints.end() && found->site == site ? &*found : nullptr;
  }
  static bool asks(const Pending& pending, const Question& question) {
    if (question.kind != Question::Kind::Equal)
      return constraint_on(pending, question.site) != nullptr;
    return std::find(pending.equalities.begin(), pending.equalities.end(),
                     std::pair(question.site, question.other)) != pending.equalities.end();
  }

  // May `a` be tried before `b`, whatever order they were written in?
  bool may_precede(u32 a, u32 b) const {
    if (!overlaps_.contains(a, b)) return true;
    if (set_.rules[a].priority != set_.rules[b].priority)
      return set_.rules[a].priority > set_.rules[b].priority;
    return a < b || (!multi_ && set_.rules[a].rule != set_.rules[b].rule);
  }
  // May rules[index] be tried before all that stand above it?
  bool may_be_first(const std::vector<Pending>& rules, usize index) const {
    for (usize i = index; i-- > 0;) {
      if (!may_precede(rules[index].rule, rules[i].rule)) return false;
      // Only permutations of one rule, which stand together, bind each other where priorities are
      // equal.
      if (!multi_ && set_.rules[rules[i].rule].rule != set_.rules[rules[index].rule].rule) break;
    }
    return true;
  }

  BlockId build(std::vector<Pending> rules, u32 depth) {
    const BlockId id = static_cast<BlockId>(tree_.blocks.size());
    tree_.blocks.emplace_back();
    std::vector<TreeStep> steps;
    while (!rules.empty()) {
      bool complete = false;
      for (usize i = 0; i < rules.size();) {
        if (!rules[i].constraints.empty() || !rules[i].equalities.empty()) {
          if (!multi_) break;
          ++i;
          continue;
        }
        if (!may_be_first(rules, i)) {
          ++i;
          continue;
        }
        TreeStep leaf;
        leaf.rule = rules[i].rule;
        ++tree_.leaves[leaf.rule];
        if (leaf_budget_ > 0) --leaf_budget_;
        steps.push_back(leaf);
        complete = !multi_;
        if (complete) break;
        rules.erase(rules.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (complete || rules.empty()) break;
      const Question question = choose(rules);
      GANTRY_CHECK(question.kind != Question::Kind::None);
      TreeStep step;
      std::vector<Pending> rest;
      switch (question.kind) {
        case Question::Kind::None:
          break;
        case Question::Kind::Equal:
          build_equal(question, rules, rest, step, depth);
          break;
        case Question::Kind::Loop:
          build_loop(question, rules, rest, step, depth);
          break;
        case Question::Kind::Match:
          build_match(question, rules, rest, step, depth);
          break;
      }
      steps.push_back(std::move(step));
      rules = std::move(rest);
    }
    tree_.blocks[id].steps = std::move(steps);
    return id;
  }

  // Splits off the rules that ask `question` and may go before all others.
  void split(const Question& question, std::vector<Pending>& rules, std::vector<Pending>& group,
             std::vector<Pending>& rest) {
    std::vector<bool> chosen(rules.size());
    const i64 highest = set_.rules[rules[0].rule].priority;
    for (usize i = 0; i < rules.size(); ++i) {
      chosen[i] = asks(rules[i], question);
      if (question.kind != Question::Kind::Loop || !chosen[i]) continue;
      // A loop tries all its rules on one value before the next value: only those whose order does
      // not matter may share it.
      if (set_.rules[rules[i].rule].priority != highest) chosen[i] = false;
      for (usize j = 0; j < i && chosen[i]; ++j) {
        if (chosen[j] && !may_precede(rules[i].rule, rules[j].rule)) chosen[i] = false;
      }
    }
    // A deferred rule blocks the lower ones that overlap it; they are deferred then and block
    // others.
    std::vector<usize> blockers;
    for (usize i = 0; i < rules.size(); ++i) {
      if (!chosen[i]) blockers.push_back(i);
    }
    for (usize next = 0; next < blockers.size(); ++next) {
      const usize blocker = blockers[next];
      for (usize i = blocker + 1; i < rules.size(); ++i) {
        if (!chosen[i] || may_precede(rules[i].rule, rules[blocker].rule)) continue;
        chosen[i] = false;
        blockers.push_back(i);
      }
    }
    for (usize i = 0; i < rules.size(); ++i)
      (chosen[i] ? group : rest).push_back(std::move(rules[i]));
  }

  void build_equal(const Question& question, std::vector<Pending>& rules,
                   std::vector<Pending>& rest, TreeStep& step, u32 depth) {
    std::vector<Pending> group;
    split(question, rules, group, rest);
    for (Pending& pending : group)
      std::erase(pending.equalities, std::pair(question.site, question.other));
    step.kind = TreeStep::Kind::Equal;
    step.site = question.site;
    step.other = question.other;
    step.then = build(std::move(group), depth + 1);
  }

  void build_loop(const Question& question, std::vector<Pending>& rules, std::vector<Pending>& rest,
                  TreeStep& step, u32 depth) {
    std::vector<Pending> group;
    split(question, rules, group, rest);
    const Constraint loop = constraint_on(group[0], question.site)->constraint;
    for (Pending& pending : group) drop(pending, question.site);
    step.kind = TreeStep::Kind::Loop;
    step.site = question.site;
    set_fact(question.site, &loop);
    step.then = build(std::move(group), depth + 1);
    set_fact(question.site, nullptr);
  }

  static void drop(Pending& pending, SiteId site) {
    std::erase_if(pending.constraints, [site](const SiteConstraint& c) { return c.site == site; });
  }

  void build_match(const Question& question, std::vector<Pending>& rules,
                   std::vector<Pending>& rest, TreeStep& step, u32 depth) {
    step.kind = TreeStep::Kind::Match;
    step.site = question.site;
    std::vector<Constraint> values;
    for (const Pending& pending : rules) {
      const SiteConstraint* constraint = constraint_on(pending, question.site);
      if (constraint != nullptr && value_index(values, constraint->constraint) == values.size()) {
        values.push_back(constraint->constraint);
      }
    }
    const u64 others = rules.size() - question.rules;
    const u64 copies = others * values.size();
    // The rules of a multi term keep their order, so falling through asks the same question again
    // for every run of rules that share it: there only the budget bounds the copies.
    const u64 allowed =
        multi_ ? leaf_budget_ : std::max<u64>(1, rules.size() / (u64{2} * depth * depth));
    const bool decide = copies == 0 || (copies <= allowed && copies <= leaf_budget_);

    std::vector<std::vector<Pending>> arms;
    if (decide) {
      leaf_budget_ -= copies;
      arms.resize(values.size());
      for (Pending& pending : rules) {
        const SiteConstraint* constraint = constraint_on(pending, question.site);
        if (constraint == nullptr) {
          for (std::vector<Pending>& arm : arms) arm.push_back(pending);
          rest.push_back(std::move(pending));
        } else {
          const usize arm = value_index(values, constraint->constraint);
          drop(pending, question.site);
          arms[arm].push_back(std::move(pending));
        }
      }
    } else {
      std::vector<Pending> group;
      split(question, rules, group, rest);
      values.clear();
      for (Pending& pending : group) {
        const Constraint constraint = constraint_on(pending, question.site)->constraint;
        const usize arm = value_index(values, constraint);
        if (arm == values.size()) {
          values.push_back(constraint);
          arms.emplace_back();
        }
        drop(pending, question.site);
        arms[arm].push_back(std::move(pending));
      }
      step.tested_again = std::any_of(rest.begin(), rest.end(), [&](const Pending& pending) {
        return constraint_on(pending, question.site) != nullptr;
      });
    }
    // By value, so that the order in which rules were written does not show.
    std::vector<usize> order(values.size());
    for (usize i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&values](usize a, usize b) { return precedes(values[a], values[b]); });
    for (const usize i : order) {
      set_fact(question.site, &values[i]);
      const BlockId block = build(std::move(arms[i]), depth + 1);
      step.arms.push_back({values[i], block});
      set_fact(question.site, nullptr);
    }
    if (decide && !rest.empty()) step.otherwise = build(std::move(rest), depth + 1);
    if (decide) rest.clear();
  }
  // Linear for few values; the caller's rules of one site are few, or differ by a value that is
  // found late.
  static usize value_index(const std::vector<Constraint>& values, const Constraint& value) {
    return static_cast<usize>(std::find(values.begin(), values.end(), value) - values.begin());
  }
  static bool precedes(const Constraint& a, const Constraint& b) {
    if (a.kind != b.kind) return a.kind < b.kind;
    if (a.variant != b.variant) return a.variant < b.variant;
    if (a.constant != b.constant) return a.constant < b.constant;
    return a.value < b.value;
  }

  const TypedProgram& program_;
  const RuleSet& set_;
  const Overlaps& overlaps_;
  bool multi_;
  Tree tree_;
  u64 leaf_budget_ = 0;
  std::vector<const Constraint*> fact_;  // by site: what the path knows, or null
  std::vector<bool> exists_;             // by site, as of exists_version_
  std::vector<u64> exists_version_;
  u64 version_ = 1;
};

}  // namespace

Tree build_tree(const TypedProgram& program, const RuleSet& set, const Overlaps& overlaps) {
  return Builder(program, set, overlaps).run();
}

}  // namespace gantry::isle

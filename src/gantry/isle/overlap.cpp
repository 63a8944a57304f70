// Two rules overlap unless some site they both constrain must be two different things. The errors
// are grouped greedily, so that one rule written too wide is reported once with all the rules it
// collides with.
#include "gantry/isle/overlap.h"

#include <algorithm>
#include <span>
#include <string>

#include "gantry/support/limits.h"

namespace gantry::isle {
namespace {

struct Comparison {
  bool disjoint = false;
  bool subset = false;  // every constraint of the smaller rule occurs in the larger
};

// Sites that have several values at once (in the rules of multi terms) keep nothing apart.
Comparison compare(const RuleSet& set, bool multi, const NormalRule& a, const NormalRule& b) {
  usize common = 0;
  usize i = 0;
  usize j = 0;
  while (i < a.implied.size() && j < b.implied.size()) {
    if (a.implied[i].site < b.implied[j].site) {
      ++i;
    } else if (b.implied[j].site < a.implied[i].site) {
      ++j;
    } else {
      if (!(a.implied[i].constraint == b.implied[j].constraint) &&
          !(multi && set.sites[a.implied[i].site].repeats))
        return {true, false};
      ++common;
      ++i;
      ++j;
    }
  }
  return {false, common == std::min(a.implied.size(), b.implied.size()) && a.equalities.empty() &&
                     b.equalities.empty()};
}

std::string describe(const TypedProgram& program, const SymbolTable& symbols,
                     const NormalRule& rule) {
  const Rule& source = program.rules[rule.rule];
  if (source.name == 0) return "this rule";
  return "rule '" + std::string(symbols.text(source.name)) + "'";
}

}  // namespace

Overlaps find_overlaps(const TypedProgram& program, const SymbolTable& symbols, const RuleSet& set,
                       Findings& findings) {
  const Term& term = program.terms[set.term];
  if (set.rules.size() > limits::kMaxIsleRules.value) {
    findings.error(term.span, ErrorKind::LimitExceeded,
                   "overlap: term '" + std::string(symbols.text(term.name)) +
                       "' has more rules than max-isle-rules (" +
                       std::to_string(limits::kMaxIsleRules.value) + ")");
    return Overlaps(0);
  }
  Overlaps overlaps(set.rules.size());
  // Findings are about rules; `first` has the first permutation of each.
  std::vector<u32> first;
  std::vector<u32> source(set.rules.size());
  for (u32 i = 0; i < set.rules.size(); ++i) {
    if (i == 0 || set.rules[i].rule != set.rules[i - 1].rule) first.push_back(i);
    source[i] = static_cast<u32>(first.size() - 1);
  }
  std::vector<std::vector<u32>> conflicts(first.size());
  std::vector<u32> shadowed_by(set.rules.size(), kNone);
  for (u32 i = 0; i < set.rules.size(); ++i) {
    for (u32 j = i + 1; j < set.rules.size(); ++j) {
      const NormalRule& a = set.rules[i];
      const NormalRule& b = set.rules[j];
      const Comparison comparison = compare(set, term.multi, a, b);
      if (comparison.disjoint) continue;
      overlaps.add(i, j);
      if (term.multi || source[i] == source[j]) continue;
      if (a.priority == b.priority) {
        std::vector<u32>& partners = conflicts[source[i]];
        if (std::find(partners.begin(), partners.end(), source[j]) == partners.end()) {
          partners.push_back(source[j]);
          conflicts[source[j]].push_back(source[i]);
        }
      } else if (comparison.subset) {
        const u32 higher = a.priority > b.priority ? i : j;
        const u32 lower = i + j - higher;
        const NormalRule& high = set.rules[higher];
        const NormalRule& low = set.rules[lower];
        if (high.implied.size() + high.class_members <= low.implied.size() + low.class_members &&
            shadowed_by[lower] == kNone) {
          shadowed_by[lower] = higher;
        }
      }
    }
  }

  std::vector<usize> remaining(first.size());
  for (usize i = 0; i < remaining.size(); ++i) remaining[i] = conflicts[i].size();
  for (u32 reported = 0; reported < limits::kMaxTextErrors.value; ++reported) {
    const usize worst = static_cast<usize>(std::max_element(remaining.begin(), remaining.end()) -
                                           remaining.begin());
    if (remaining.empty() || remaining[worst] == 0) break;
    const NormalRule& rule = set.rules[first[worst]];
    findings.error(program.rules[rule.rule].span, ErrorKind::Invalid,
                   "overlap: " + describe(program, symbols, rule) + " and " +
                       std::to_string(remaining[worst]) + " other rule(s) of priority " +
                       std::to_string(rule.priority) + " can match the same values",
                   "give the rule that shall win a higher priority");
    u32 notes = 0;
    for (const u32 other : conflicts[worst]) {
      if (remaining[other] == 0) continue;
      if (notes++ < 10)
        findings.note(program.rules[set.rules[first[other]].rule].span, "one of them is here");
      --remaining[other];
    }
    remaining[worst] = 0;
    for (const u32 other : conflicts[worst]) std::erase(conflicts[other], static_cast<u32>(worst));
    conflicts[worst].clear();
  }
  for (usize i = 0; i < first.size(); ++i) {
    const usize end = i + 1 < first.size() ? first[i + 1] : set.rules.size();
    const auto all = std::span(shadowed_by).subspan(first[i], end - first[i]);
    if (std::find(all.begin(), all.end(), kNone) != all.end()) continue;
    const NormalRule& low = set.rules[first[i]];
    findings.error(program.rules[low.rule].span, ErrorKind::Invalid,
                   "shadowed: " + describe(program, symbols, low) +
                       " can never apply, a rule of higher priority is less specific");
    findings.note(program.rules[set.rules[all[0]].rule].span, "that rule is here");
  }
  return overlaps;
}

}  // namespace gantry::isle

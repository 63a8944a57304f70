// Problem: (iadd x (bnot y)) shall match whichever side the bnot is on. Idea: exchange the two
// patterns of every choice of uses in the typed left side and keep the results that differ. Two
// left sides are the same when their signatures are: the text of patterns and clauses with
// variables numbered by first occurrence, and those mentioned only once left out. Invariant: the
// first mention of a variable binds it in every order, so a mention that came first as written
// becomes a test where it comes second.
#include "gantry/isle/permute.h"

#include <algorithm>
#include <string>

#include "gantry/support/limits.h"

namespace gantry::isle {
namespace {

// Beyond these the choices are not even tried.
constexpr usize kMaxExchanges = 64;
constexpr usize kMaxDifferentExchanges = 8;

using Patterns = std::vector<TypedPattern>;  // of the arguments, then of the clauses

class LeftSideText {
 public:
  explicit LeftSideText(const Rule& rule)
      : rule_(rule), mentions_(rule.variables.size(), 0), number_(rule.variables.size(), kNone) {}

  std::string of(const Patterns& patterns) {
    for (const TypedPattern& pattern : patterns) count(pattern);
    for (const Rule::IfLet& clause : rule_.if_lets) count(clause.expr);
    for (usize i = 0; i < patterns.size(); ++i) {
      if (i >= rule_.args.size()) expr(rule_.if_lets[i - rule_.args.size()].expr);
      pattern(patterns[i]);
    }
    return std::move(text_);
  }

 private:
  void count(const TypedPattern& pattern) {
    if (mentions_variable(pattern)) ++mentions_[pattern.variable];
    for (const TypedPattern& child : pattern.children) count(child);
  }
  void count(const TypedExpr& expr) {
    if (expr.kind == TypedExpr::Kind::Variable) ++mentions_[expr.variable];
    for (const TypedExpr& child : expr.children) count(child);
  }
  static bool mentions_variable(const TypedPattern& pattern) {
    return pattern.kind == TypedPattern::Kind::Bind || pattern.kind == TypedPattern::Kind::Equal;
  }

  void put(char kind, u64 value) {
    text_ += kind;
    text_ += std::to_string(value);
    text_ += ' ';
  }
  void put_value(i128 value) {
    put('h', static_cast<u64>(static_cast<u128>(value) >> 64));
    put('l', static_cast<u64>(value));
  }
  void variable(VariableId id) {
    if (number_[id] == kNone) number_[id] = next_++;
    put('v', number_[id]);
  }

  // `x @ p` and `(and p x)` are the same, and so is p where nothing else mentions x.
  void pattern(const TypedPattern& pattern) {
    text_ += '(';
    parts(pattern);
    text_ += ')';
  }
  void parts(const TypedPattern& pattern) {
    switch (pattern.kind) {
      case TypedPattern::Kind::Wildcard:
        return;
      case TypedPattern::Kind::Bind:
      case TypedPattern::Kind::Equal:
      case TypedPattern::Kind::And:
        for (const TypedPattern& child : pattern.children) parts(child);
        if (mentions_variable(pattern) && mentions_[pattern.variable] > 1)
          variable(pattern.variable);
        return;
      case TypedPattern::Kind::Int:
        return put_value(pattern.value);
      case TypedPattern::Kind::Bool:
        return put('b', pattern.value != 0 ? 1 : 0);
      case TypedPattern::Kind::Const:
        return put('c', pattern.constant);
      case TypedPattern::Kind::Term:
        put('t', pattern.term);
        for (const TypedPattern& child : pattern.children) this->pattern(child);
        return;
    }
  }
  void expr(const TypedExpr& expr) {
    switch (expr.kind) {
      case TypedExpr::Kind::Variable:
        return variable(expr.variable);
      case TypedExpr::Kind::Int:
        return put_value(expr.value);
      case TypedExpr::Kind::Bool:
        return put('b', expr.value != 0 ? 1 : 0);
      case TypedExpr::Kind::Const:
        return put('c', expr.constant);
      case TypedExpr::Kind::Let:
        text_ += "let";
        for (usize i = 0; i < expr.children.size(); ++i) {
          this->expr(expr.children[i]);
          if (i < expr.variables.size()) variable(expr.variables[i]);
        }
        return;
      case TypedExpr::Kind::Term:
        put('t', expr.term);
        text_ += '(';
        for (const TypedExpr& child : expr.children) this->expr(child);
        text_ += ')';
        return;
    }
  }

  const Rule& rule_;
  std::vector<u32> mentions_;  // by variable: on the left side
  std::vector<u32> number_;    // by variable
  u32 next_ = 0;
  std::string text_;
};

void find_marked(Patterns& patterns, u32 exchange, std::vector<TypedPattern*>& found) {
  for (TypedPattern& pattern : patterns) {
    if (pattern.exchange == exchange) {
      found.push_back(&pattern);
    } else {
      find_marked(pattern.children, exchange, found);
    }
  }
}

// False if the use does not hand on each of its two patterns once.
bool apply(Patterns& patterns, u32 exchange) {
  std::vector<TypedPattern*> sides;
  find_marked(patterns, exchange, sides);
  if (sides.size() != 2) return false;
  std::swap(*sides[0], *sides[1]);
  return true;
}

// Makes the first mention of every variable the one that binds it.
void rebind(Patterns& patterns, std::vector<bool>& bound) {
  for (TypedPattern& pattern : patterns) {
    rebind(pattern.children, bound);
    if (pattern.kind == TypedPattern::Kind::Equal && !bound[pattern.variable]) {
      pattern.kind = TypedPattern::Kind::Bind;
      TypedPattern anything;
      anything.type = pattern.type;
      pattern.children.push_back(std::move(anything));
      bound[pattern.variable] = true;
    } else if (pattern.kind == TypedPattern::Kind::Bind) {
      if (bound[pattern.variable]) {
        TypedPattern equal;
        equal.kind = TypedPattern::Kind::Equal;
        equal.type = pattern.type;
        equal.span = pattern.span;
        equal.variable = pattern.variable;
        pattern.kind = TypedPattern::Kind::And;
        pattern.children.push_back(std::move(equal));
      } else {
        bound[pattern.variable] = true;
      }
    }
  }
}

}  // namespace

void permute(const TypedProgram& program, const SymbolTable& symbols, Rule& rule,
             const std::vector<Exchange>& exchanges, Findings& findings) {
  const auto too_many = [&] {
    rule.permutations.clear();
    findings.error(
        rule.span, ErrorKind::LimitExceeded,
        "type error: the commutative terms of this rule can be written in more orders than "
        "max-isle-permutations (" +
            std::to_string(limits::kMaxIslePermutations.value) + ")",
        "split the rule, or let the order that the host makes canonical decide");
  };
  Patterns written;
  for (const TypedPattern& arg : rule.args) written.push_back(arg);
  for (const Rule::IfLet& clause : rule.if_lets) written.push_back(clause.pattern);
  std::vector<std::string> signatures{LeftSideText(rule).of(written)};

  usize possible = 0;
  for (const Exchange& exchange : exchanges) possible += exchange.possible ? 1 : 0;
  if (possible > kMaxExchanges) return too_many();
  // Uses whose exchange alone changes nothing are symmetric: whatever they add to other exchanges
  // is among the exchanges of the others.
  std::vector<u32> candidates;
  for (u32 i = 0; i < exchanges.size(); ++i) {
    if (!exchanges[i].possible) continue;
    Patterns patterns = written;
    if (!apply(patterns, i)) {
      findings.error(rule.span, ErrorKind::Invalid,
                     "type error: the extractor of the commutative term '" +
                         std::string(symbols.text(program.terms[exchanges[i].term].name)) +
                         "' does not use each of its last two arguments exactly once");
      return;
    }
    if (LeftSideText(rule).of(patterns) != signatures[0]) candidates.push_back(i);
  }
  if (candidates.size() > kMaxDifferentExchanges) return too_many();
  for (u32 choice = 1; choice < u32{1} << candidates.size(); ++choice) {
    Patterns patterns = written;
    for (u32 i = 0; i < candidates.size(); ++i) {
      if ((choice >> i & 1) != 0) apply(patterns, candidates[i]);
    }
    std::string signature = LeftSideText(rule).of(patterns);
    if (std::find(signatures.begin(), signatures.end(), signature) != signatures.end()) continue;
    if (signatures.size() == limits::kMaxIslePermutations.value) return too_many();
    signatures.push_back(std::move(signature));
    std::vector<bool> bound(rule.variables.size(), false);
    rebind(patterns, bound);
    Rule::Permutation permutation;
    for (usize i = 0; i < patterns.size(); ++i) {
      (i < rule.args.size() ? permutation.args : permutation.if_lets)
          .push_back(std::move(patterns[i]));
    }
    rule.permutations.push_back(std::move(permutation));
  }
}

}  // namespace gantry::isle

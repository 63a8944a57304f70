// Strongly connected components (Tarjan 1972) of the graph "a rule of A uses B", with an explicit
// stack. A term is on a cycle when its component has more than one member or it calls itself.
#include "gantry/isle/recursion.h"

#include <algorithm>
#include <string>

namespace gantry::isle {
namespace {

void collect(const TypedPattern& pattern, std::vector<TermId>& out) {
  if (pattern.kind == TypedPattern::Kind::Term) out.push_back(pattern.term);
  for (const TypedPattern& child : pattern.children) collect(child, out);
}
void collect(const TypedExpr& expr, std::vector<TermId>& out) {
  if (expr.kind == TypedExpr::Kind::Term) out.push_back(expr.term);
  for (const TypedExpr& child : expr.children) collect(child, out);
}

}  // namespace

void check_recursion(const TypedProgram& program, const SymbolTable& symbols, Findings& findings) {
  const usize count = program.terms.size();
  std::vector<std::vector<TermId>> calls(count);
  for (const Rule& rule : program.rules) {
    std::vector<TermId>& out = calls[rule.root];
    for (const TypedPattern& arg : rule.args) collect(arg, out);
    for (const Rule::IfLet& clause : rule.if_lets) {
      collect(clause.pattern, out);
      collect(clause.expr, out);
    }
    collect(rule.result, out);
  }
  for (std::vector<TermId>& out : calls) {
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
  }

  struct Visit {
    TermId term;
    usize next;
  };
  std::vector<u32> number(count, 0);  // 0: not yet visited
  std::vector<u32> low(count, 0);
  std::vector<bool> open(count, false);
  std::vector<TermId> component;
  u32 visited = 0;
  for (TermId start = 0; start < count; ++start) {
    if (number[start] != 0) continue;
    std::vector<Visit> stack{{start, 0}};
    while (!stack.empty()) {
      const TermId term = stack.back().term;
      if (stack.back().next == 0) {
        number[term] = low[term] = ++visited;
        component.push_back(term);
        open[term] = true;
      }
      if (stack.back().next < calls[term].size()) {
        const TermId target = calls[term][stack.back().next++];
        if (number[target] == 0) {
          stack.push_back({target, 0});
        } else if (open[target]) {
          low[term] = std::min(low[term], number[target]);
        }
        continue;
      }
      stack.pop_back();
      if (!stack.empty()) low[stack.back().term] = std::min(low[stack.back().term], low[term]);
      if (low[term] != number[term]) continue;
      std::vector<TermId> members;
      do {
        members.push_back(component.back());
        open[component.back()] = false;
        component.pop_back();
      } while (members.back() != term);
      const bool cyclic =
          members.size() > 1 || std::binary_search(calls[term].begin(), calls[term].end(), term);
      if (!cyclic) continue;
      std::sort(members.begin(), members.end());
      for (const TermId member : members) {
        if (program.terms[member].rec) continue;
        std::string others;
        for (usize i = 0; i < members.size() && i < 8; ++i) {
          others +=
              (i == 0 ? "" : ", ") + std::string(symbols.text(program.terms[members[i]].name));
        }
        findings.error(program.terms[member].span, ErrorKind::Invalid,
                       "recursion: term '" + std::string(symbols.text(program.terms[member].name)) +
                           "' takes part in a cycle of calls (" + others +
                           ") and is not declared 'rec'");
      }
    }
  }
}

}  // namespace gantry::isle

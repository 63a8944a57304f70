// Stage after stage; a stage with errors ends the work, so that its errors are not repeated by the
// next.
#include "gantry/isle/compile.h"

#include <algorithm>

#include "gantry/isle/explain.h"
#include "gantry/isle/parser.h"
#include "gantry/isle/printer.h"
#include "gantry/isle/recursion.h"

namespace gantry::isle {

CompileResult compile(std::vector<SourceFile>& files, const CompileOptions& options) {
  CompileResult result;
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  Findings findings(files, result.diagnostics);
  const auto stop = [&] {
    result.errors = findings.errors();
    return std::move(result);
  };

  SymbolTable symbols;
  Program program;
  for (u32 i = 0; i < files.size(); ++i) {
    if (!parse(i, files[i].text, symbols, program, findings)) return stop();
  }
  if (options.print) {
    result.explanation = print(program, symbols);
    result.ok = true;
    return result;
  }
  TypedProgram typed;
  if (!analyze(program, symbols, typed, findings)) return stop();

  std::vector<TermCode> terms;
  for (TermId id = 0; id < typed.terms.size(); ++id) {
    const Term& term = typed.terms[id];
    if (term.kind != Term::Kind::Declared || term.constructor != Term::Body::Internal) continue;
    terms.push_back({normalize(typed, id, findings), {}});
  }
  // A tree is built as soon as its overlaps are known, so that only one relation is held at a time.
  for (TermCode& term : terms) {
    const Overlaps overlaps = find_overlaps(typed, symbols, term.set, findings);
    if (findings.errors() == 0 && !options.check_only) {
      term.tree = build_tree(typed, term.set, overlaps);
    }
  }
  if (findings.errors() != 0) return stop();
  check_recursion(typed, symbols, findings);
  if (findings.errors() != 0) return stop();
  if (options.check_only) {
    result.ok = true;
    return result;
  }
  if (!options.explain.empty()) {
    for (const TermCode& term : terms) {
      if (symbols.text(typed.terms[term.set.term].name) == options.explain) {
        result.explanation = explain(typed, symbols, files, term);
      }
    }
    if (result.explanation.empty()) {
      findings.error({kNone, 0, 0, 1}, ErrorKind::Invalid,
                     "no term '" + options.explain + "' with rules");
      return stop();
    }
    result.ok = true;
    return result;
  }
  if (!generate(typed, symbols, files, terms, options.codegen, result.code, findings))
    return stop();
  result.ok = true;
  return result;
}

}  // namespace gantry::isle

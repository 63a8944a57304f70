#pragma once
// Random ISLE programs that the checker accepts, for comparing judges and compiled code.
#include <memory>
#include <string>

#include "evaluator.h"

namespace gantry::isle::testing {

class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    state_ += 0x9e3779b97f4a7c15u;
    return random_host::mix(state_);
  }
  u64 below(u64 bound) { return next() % bound; }
  bool chance(u64 percent) { return below(100) < percent; }

 private:
  u64 state_;
};

// A checked program with its trees. Not movable: the parts refer to each other.
struct Compiled {
  std::vector<SourceFile> files;
  DiagnosticList diagnostics;
  SymbolTable symbols;
  Program program;
  TypedProgram typed;
  std::vector<TermCode> terms;
  bool ok = false;
  TermId find(std::string_view name) const;
};
std::unique_ptr<Compiled> compile_text(std::string text);

// A program with the terms f (partial), h (total), m (multi) and g (a pure helper), about `rules`
// rules each. Rules the checker rejects (overlaps, shadowed) have been taken out.
std::string random_program(u64 seed, u32 rules);

// Arguments for `term`, from a seed.
std::vector<Value> random_args(const Compiled& compiled, TermId term, u64 seed);

}  // namespace gantry::isle::testing

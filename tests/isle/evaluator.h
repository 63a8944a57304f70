#pragma once
// Judges of the ISLE compiler, for tests. The evaluator tries typed rules one by one, as the
// language defines it, and shares nothing with sites and trees; the executor walks the trees that
// C++ is written from. Both call the same made-up host: every extern is a hash of its name and
// arguments.
#include <functional>
#include <string>
#include <vector>

#include "gantry/isle/codegen.h"
#include "random_host.h"

namespace gantry::isle::testing {

struct Value {
  u64 bits = 0;               // integers, booleans, primitives, plain enums (the variant)
  u32 variant = 0;            // enums with fields
  std::vector<Value> fields;  // structs and enums with fields
  friend bool operator==(const Value&, const Value&) = default;
};

struct Outcome {
  bool matched = false;
  Value result;              // not multi
  std::vector<u64> results;  // multi: hashes, sorted
  std::vector<u64> order;    // multi: rule and permutation of each result, as they came
  std::vector<u64> effects;  // impure calls in order: hash of name and arguments
};

// The host both judges see.
class Host {
 public:
  Host(const TypedProgram& program, const SymbolTable& symbols)
      : program_(program), symbols_(symbols) {}
  u64 hash(TypeId type, const Value& value) const;
  Value decode(TypeId type, u64 bits) const;
  u64 call(Symbol host_function, const std::vector<u64>& args) const;
  Value constant(Symbol name) const;

 private:
  const TypedProgram& program_;
  const SymbolTable& symbols_;
};

class Evaluator {
 public:
  Evaluator(const TypedProgram& program, const SymbolTable& symbols)
      : program_(program), host_(program, symbols) {}
  Outcome run(TermId term, const std::vector<Value>& args);

 private:
  using Environment = std::vector<Value>;
  using Next = std::function<bool(Environment&)>;  // true: stop looking
  bool match(const Rule& rule, const TypedPattern& pattern, const Value& value,
             Environment& environment, const Next& next);
  bool match_all(const Rule& rule, u32 permutation, usize index, const std::vector<Value>& args,
                 Environment& environment, const Next& next);
  // All values of an expression, one after the other; false from `use` goes on to the next.
  bool evaluate(const TypedExpr& expr, Environment& environment,
                const std::function<bool(const Value&)>& use);
  bool evaluate_args(const TypedExpr& expr, usize index, std::vector<Value>& args,
                     Environment& environment, const std::function<bool()>& use);
  bool apply(const TypedExpr& expr, const std::vector<Value>& args,
             const std::function<bool(const Value&)>& use);

  const TypedProgram& program_;
  Host host_;
  std::vector<u64> effects_;
};

class TreeExecutor {
 public:
  TreeExecutor(const TypedProgram& program, const SymbolTable& symbols,
               const std::vector<TermCode>& terms)
      : program_(program), host_(program, symbols), terms_(terms) {}
  Outcome run(TermId term, const std::vector<Value>& args);

 private:
  struct Frame {
    const TermCode* code;
    std::vector<Value> args;
    std::vector<std::pair<SiteId, Value>> known;
    std::vector<u64>* results;  // multi, as the next one
    std::vector<u64>* order;
    Value result;
    bool committed = false;
    bool failed = false;
  };
  bool block(Frame& frame, BlockId id);
  bool leaf(Frame& frame, u32 rule, usize next);
  bool equal(Frame& frame, SiteId a, SiteId b);
  // Valid until the next call.
  const Value& use(Frame& frame, SiteId site);
  bool call(Frame& frame, SiteId site);  // false: failed
  std::vector<std::vector<Value>> iterate(Frame& frame, SiteId site);
  bool run_term(TermId term, const std::vector<Value>& args, Value& result,
                std::vector<u64>* results, std::vector<u64>* order);

  const TypedProgram& program_;
  Host host_;
  const std::vector<TermCode>& terms_;
  std::vector<u64> effects_;
};

}  // namespace gantry::isle::testing

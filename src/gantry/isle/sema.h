#pragma once
// Names and types of a program: syntax to typed rules.
#include <vector>

#include "gantry/isle/ast.h"

namespace gantry::isle {

using TypeId = u32;
using TermId = u32;
using VariableId = u32;  // within one rule
using RuleId = u32;
inline constexpr u32 kNone = ~u32{0};

struct Field {
  Symbol name = 0;  // 0: positional
  TypeId type = 0;
};

struct Variant {
  Symbol name = 0;
  TermId term = kNone;
  std::vector<Field> fields;
};

struct Type {
  enum class Kind : u8 { Bool, Int, Primitive, Enum, Struct };
  Symbol name = 0;
  Kind kind = Kind::Primitive;
  u8 bits = 0;  // Int
  bool is_signed = false;
  bool is_extern = false;
  Symbol host = 0;                // Primitive
  std::vector<Variant> variants;  // Enum; Struct: exactly one
  Span span;
  // An enum with at least one variant and no fields anywhere.
  bool is_plain_enum() const {
    if (kind != Kind::Enum || variants.empty()) return false;
    for (const Variant& variant : variants) {
      if (!variant.fields.empty()) return false;
    }
    return true;
  }
};

struct Term {
  enum class Kind : u8 { Declared, Variant, Struct };
  enum class Body : u8 { None, Internal, External };
  Symbol name = 0;
  Kind kind = Kind::Declared;
  u32 variant = 0;  // of `result`
  bool pure = false;
  bool multi = false;
  bool partial = false;
  bool rec = false;
  bool commutative = false;
  bool canonical_right = false;
  Body constructor = Body::None;
  Body extractor = Body::None;
  bool infallible = false;  // of the extractor
  std::vector<TypeId> args;
  TypeId result = 0;
  Symbol constructor_host = 0;
  Symbol extractor_host = 0;
  const ExtractorDef* extractor_template = nullptr;
  std::vector<RuleId> rules;
  Span span;
};

struct TypedPattern {
  enum class Kind : u8 { Wildcard, Bind, Equal, Int, Bool, Const, And, Term };
  Kind kind = Kind::Wildcard;
  TypeId type = 0;
  Span span;
  VariableId variable = 0;  // Bind, Equal
  TermId term = 0;          // Term: variant, struct or external extractor
  Symbol constant = 0;      // Const
  i128 value = 0;           // Int, Bool
  // One of the two patterns of use number `exchange` of a commutative term that the rule's
  // permutations exchange; kNone: none.
  u32 exchange = kNone;
  std::vector<TypedPattern> children;  // Bind: one, matched before binding; And; Term
};

struct TypedExpr {
  enum class Kind : u8 { Variable, Int, Bool, Const, Let, Term };
  Kind kind = Kind::Variable;
  TypeId type = 0;
  Span span;
  VariableId variable = 0;
  TermId term = 0;
  Symbol constant = 0;
  i128 value = 0;
  std::vector<VariableId> variables;  // Let
  std::vector<TypedExpr> children;    // Let: values, then the body; Term: arguments
};

struct Rule {
  struct Variable {
    Symbol name = 0;
    TypeId type = 0;
  };
  struct IfLet {
    TypedPattern pattern;
    TypedExpr expr;
  };
  // The patterns of the left side with the arguments of commutative terms in one more order.
  struct Permutation {
    std::vector<TypedPattern> args;
    std::vector<TypedPattern> if_lets;  // as many as the rule has
  };
  Symbol name = 0;  // 0: unnamed
  Span span;
  i64 priority = 0;
  TermId root = 0;
  std::vector<Variable> variables;
  std::vector<TypedPattern> args;
  std::vector<IfLet> if_lets;
  // Beside the order as written, which goes first. No two of all these match under the same
  // conditions.
  std::vector<Permutation> permutations;
  TypedExpr result;
};

struct Constant {
  Symbol name = 0;
  TypeId type = 0;
};

// The checked program. Refers into the Program it was made from.
struct TypedProgram {
  std::vector<Type> types;  // built-in ones first
  std::vector<Term> terms;
  std::vector<Rule> rules;  // in the order of the texts
  std::vector<Constant> constants;
};

// Checks types and terms; findings of one stage are reported together and end the work. Returns
// false when there were any.
bool analyze(const Program& program, SymbolTable& symbols, TypedProgram& out, Findings& findings);

}  // namespace gantry::isle

#pragma once
// The syntax of ISLE, as written: what the parser makes and the printer reads. Names are not
// resolved. Nesting is at most limits::kMaxIsleNesting, so walks over patterns and expressions may
// recurse.
#include <vector>

#include "gantry/isle/source.h"

namespace gantry::isle {

struct Ident {
  Symbol name = 0;
  Span span;
};

struct Pattern {
  enum class Kind : u8 { Wildcard, Variable, Bind, Int, Bool, Const, And, Term };
  Kind kind = Kind::Wildcard;
  Span span;
  Symbol name = 0;                // Variable, Bind, Const (without $), Term
  i128 value = 0;                 // Int (bit pattern), Bool
  std::vector<Pattern> children;  // Bind: one; And; Term
};

struct Expr {
  enum class Kind : u8 { Variable, Int, Bool, Const, Let, Term };
  struct Binding {
    Ident name;
    Ident type;
  };
  Kind kind = Kind::Variable;
  Span span;
  Symbol name = 0;
  i128 value = 0;
  std::vector<Expr> children;     // Term: arguments; Let: one value for each binding, then the body
  std::vector<Binding> bindings;  // Let
};

struct FieldDef {
  Ident name;  // name.name == 0: positional
  Ident type;
};

struct VariantDef {
  Ident name;
  bool in_parentheses = false;  // as written; (V) and V mean the same
  std::vector<FieldDef> fields;
};

struct TypeDef {
  enum class Kind : u8 { Primitive, Enum, Struct };
  Ident name;
  Kind kind = Kind::Primitive;
  bool is_extern = false;
  bool nodebug = false;
  Ident host;                        // Primitive
  std::vector<VariantDef> variants;  // Enum; Struct: exactly one, with the type's name
};

struct DeclDef {
  Ident name;
  bool pure = false;
  bool multi = false;
  bool partial = false;
  bool rec = false;
  bool commutative = false;      // the last two arguments of a pattern may be exchanged
  bool canonical_right = false;  // the host puts what this matches last in commutative terms
  std::vector<Ident> args;
  Ident result;
};

struct IfLetDef {
  Span span;
  bool short_form = false;  // (if e)
  Pattern pattern;
  Expr expr;
};

struct RuleDef {
  Span span;
  Ident name;  // name.name == 0: unnamed
  bool has_priority = false;
  Ident priority_span;  // only its span
  i64 priority = 0;
  Pattern pattern;
  std::vector<IfLetDef> if_lets;
  Expr expr;
};

struct ExtractorDef {
  Ident term;
  std::vector<Ident> params;
  Pattern pattern;
};

struct ExternDef {
  enum class Kind : u8 { Constructor, Extractor, Const };
  Kind kind = Kind::Constructor;
  bool infallible = false;
  Ident term;  // Const: its name without $
  Ident host;  // Const: its type
};

struct ConvertDef {
  Ident inner;
  Ident outer;
  Ident term;
};

// Verification forms. Kept as typed nodes; the compiler does not interpret them.
struct ModelType {
  enum class Kind : u8 { Unspecified, Auto, Bool, Int, Unit, BitVector, Struct, Named };
  struct Field {
    Ident name;
    u32 type = 0;  // index into Verification::types
  };
  Kind kind = Kind::Auto;
  bool has_width = false;
  i128 width = 0;
  Ident name;
  std::vector<Field> fields;
};

struct SpecExpr {
  enum class Kind : u8 {
    Int,
    Bits,
    Bool,
    Name,
    Switch,
    Let,
    With,
    Match,
    Struct,
    Macro,
    As,
    Discriminator,
    Expand,
    Field,
    Enum,
    Op
  };
  struct Arm {  // Match: a variant and its names; Let, Struct: a name
    Ident name;
    std::vector<Ident> names;
  };
  Kind kind = Kind::Int;
  Span span;
  Symbol name = 0;  // Bits, Name: the word; Discriminator, Expand, Field: without its mark; Enum,
                    // Op: the head
  i128 value = 0;
  u32 type = 0;                    // As
  std::vector<Ident> names;        // With, Macro
  std::vector<Arm> arms;           // Match, Let, Struct
  std::vector<SpecExpr> children;  // Switch: value, then pairs; Match: value, then one for each
                                   // arm; Let: one for each arm, then the body; others: operands
};

struct SpecDef {
  struct Modifies {
    Ident state;
    Ident condition;  // name 0: none
  };
  struct Clause {
    enum class Kind : u8 { Provide, Require, Match, Modifies };
    Kind kind = Kind::Provide;
    bool continues = false;  // written in the same parentheses as the one before
    SpecExpr expr;
    Modifies modifies;
  };
  Ident term;
  std::vector<Ident> params;
  std::vector<Clause> clauses;
};

struct Signature {
  std::vector<u32> args;  // indices into Verification::types
  u32 result = 0;
};

struct ModelDef {
  Ident name;
  bool is_const = false;
  u32 type = 0;
  SpecExpr value;
};

struct FormDef {
  Ident name;
  std::vector<Signature> signatures;
};

struct InstantiateDef {
  Ident term;
  Ident form;  // name 0: signatures follow
  std::vector<Signature> signatures;
  std::vector<Ident> tags;
};

struct AttrDef {
  struct Item {
    bool is_tag = false;  // otherwise (veri chain|priority)
    Ident word;
  };
  bool of_rule = false;
  Ident target;
  std::vector<Item> items;
};

struct MacroDef {
  Ident name;
  std::vector<Ident> params;
  SpecExpr body;
};

struct StateDef {
  Ident name;
  u32 type = 0;
  SpecExpr initial;
};

// All forms of all files, by kind, and the order they were written in.
struct Program {
  enum class FormKind : u8 {
    Type,
    Decl,
    Rule,
    Extractor,
    Extern,
    Convert,
    Spec,
    Model,
    Form,
    Instantiate,
    Attr,
    Macro,
    State
  };
  struct FormRef {
    FormKind kind;
    u32 index;
  };
  std::vector<FormRef> forms;
  std::vector<TypeDef> types;
  std::vector<DeclDef> decls;
  std::vector<RuleDef> rules;
  std::vector<ExtractorDef> extractors;
  std::vector<ExternDef> externs;
  std::vector<ConvertDef> converts;
  std::vector<SpecDef> specs;
  std::vector<ModelDef> models;
  std::vector<FormDef> signature_forms;
  std::vector<InstantiateDef> instantiates;
  std::vector<AttrDef> attrs;
  std::vector<MacroDef> macros;
  std::vector<StateDef> states;
  std::vector<ModelType> model_types;
};

}  // namespace gantry::isle

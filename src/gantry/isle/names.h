#pragma once
// How the things of a program are called and spelled in C++; and the parts of the generated files
// that are not function bodies. Private to the component.
#include <set>
#include <string>
#include <vector>

#include "gantry/isle/codegen.h"

namespace gantry::isle {

class CppNames {
 public:
  CppNames(const TypedProgram& program, const SymbolTable& symbols,
           const std::vector<SourceFile>& files, const CodegenOptions& options);

  // Puts the generated types into an order in which C++ can define them; false: one contains
  // itself.
  bool order_types(Findings& findings);

  // Whether islec defines the type, and whether it is a type of the host of any size.
  bool is_generated(const Type& type) const;
  bool is_primitive(TypeId type) const;

  // ---- types and values
  std::string type(TypeId type) const;
  std::string by_value(TypeId type) const;  // as a parameter: T or const T&
  bool passes_by_value(TypeId type) const;
  bool needs_slot(TypeId type) const;  // may lack a default constructor
  std::string literal(TypeId type, i128 value) const;
  std::string constant(Symbol name) const;
  std::string field(const Type& type, u32 variant, u32 index, const std::string& value) const;
  std::string make(const Term& term, const std::vector<std::string>& args) const;
  std::string discriminator(const Type& type, const std::string& value) const;
  std::string variant_case(const Type& type, u32 variant) const;
  std::string variant_name(const Type& type, u32 variant) const;
  std::string test(TypeId type, const Constraint& constraint, const std::string& value) const;

  // ---- identifiers
  std::string mangle(Symbol name) const;
  std::string local(Symbol name) const;
  std::string lower(Symbol name) const;
  std::string constructor(TermId term) const;
  std::string leaf(TermId term, RuleId rule) const;
  bool is_reserved(const std::string& name) const { return reserved_.count(name) != 0; }
  bool first_use(const std::string& name) { return leaves_.insert(name).second; }
  std::string context() const;
  std::string provenance(RuleId rule) const;
  std::string no_rule(TermId term) const;
  u32 multi_capacity() const { return options_.multi_capacity; }

  // ---- text around functions
  std::string header(const std::string& declarations) const;
  std::string shard_prologue() const;
  std::string epilogue() const;
  std::string coverage_table() const;

 private:
  std::string qualified(TypeId type) const;
  std::string qualified_by_value(TypeId type) const;
  std::string path(u32 file) const;
  std::string type_definition(TypeId type) const;
  std::string field_name(const Field& field, u32 index) const;
  std::vector<std::string> extern_methods() const;

  const TypedProgram& program_;
  const SymbolTable& symbols_;
  const std::vector<SourceFile>& files_;
  const CodegenOptions& options_;
  std::set<std::string> reserved_;
  std::set<std::string> leaves_;
  std::vector<TypeId> type_order_;
};

}  // namespace gantry::isle

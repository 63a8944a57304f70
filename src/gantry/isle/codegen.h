#pragma once
// Checked rules to C++. What the text looks like and what it asks of the host:
// docs/reference/isle-cpp-contract.md.
#include <string>
#include <vector>

#include "gantry/isle/tree.h"

namespace gantry::isle {

struct CodegenOptions {
  std::string context;  // the host's class; empty: generate an abstract class Context
  std::string name_space = "isle_rules";  // of everything generated
  std::string prefix = "ISLE";            // of the macro PREFIX_CONTEXT_METHODS
  std::string header_name;  // how shards include the header; empty: no header, one shard
  std::vector<std::string> header_includes;  // what the generated types need: <x> or "x" or x
  std::vector<std::string> includes;         // what the bodies need, the context first of all
  // Externs declared in files whose path ends so are left out of the context macro: a base class of
  // the context has them.
  std::vector<std::string> inherited;
  std::string failure;  // called with a message when no rule matches; empty: prints and aborts
  std::vector<std::string> strip_prefixes;  // removed from the front of paths in comments
  u32 shards = 1;
  u32 multi_capacity = 32;  // results of an inner call of a multi term
  bool with_coverage_table = false;
  // Every right side is a function of its own (rule_TERM_NUMBER) that stays one: for measurements.
  bool leaves_apart = false;
  bool with_shapes = false;
};

struct TermCode {
  RuleSet set;
  Tree tree;
};

struct GeneratedCode {
  std::string header;  // empty without header_name
  std::vector<std::string> shards;
  std::string coverage_table;
  std::string shapes;
};

// `terms` are all internally constructed terms in order of their ids. Adds to `findings` what the
// checker lets pass but C++ cannot express (types that contain themselves); returns false then.
bool generate(const TypedProgram& program, const SymbolTable& symbols,
              const std::vector<SourceFile>& files, const std::vector<TermCode>& terms,
              const CodegenOptions& options, GeneratedCode& out, Findings& findings);

}  // namespace gantry::isle

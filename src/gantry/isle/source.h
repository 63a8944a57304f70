#pragma once
// Texts of one ISLE program, names interned to numbers, and places in those texts.
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gantry/support/diagnostic.h"
#include "gantry/support/int_types.h"

namespace gantry::isle {

struct SourceFile {
  std::string path;  // as shown to people
  std::string text;
};

// A piece of one line of one file.
struct Span {
  u32 file = 0;
  u32 line = 0;  // 1-based; 0: no position
  u32 column = 0;
  u32 length = 1;
};

using Symbol = u32;  // 0 is the empty name

class SymbolTable {
 public:
  SymbolTable() { intern(""); }
  SymbolTable(const SymbolTable&) = delete;
  SymbolTable& operator=(const SymbolTable&) = delete;
  Symbol intern(std::string_view text);
  std::string_view text(Symbol symbol) const { return *texts_[symbol]; }

 private:
  std::unordered_map<std::string, Symbol> index_;  // look-up only; node addresses are stable
  std::vector<const std::string*> texts_;
};

// Collects findings. Everything after the hundredth error is counted, not kept.
class Findings {
 public:
  Findings(const std::vector<SourceFile>& files, DiagnosticList& out) : files_(files), out_(out) {}
  void error(Span span, ErrorKind kind, std::string message, std::string hint = {});
  void note(Span span, std::string message);
  u32 errors() const { return errors_; }

 private:
  void add(Severity severity, ErrorKind kind, Span span, std::string message, std::string hint);
  const std::vector<SourceFile>& files_;
  DiagnosticList& out_;
  u32 errors_ = 0;
};

}  // namespace gantry::isle

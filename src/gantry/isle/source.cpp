// Names are compared as numbers everywhere after the lexer; findings are capped so that a hostile
// text cannot make the report larger than a person would read.
#include "gantry/isle/source.h"

#include "gantry/support/limits.h"

namespace gantry::isle {

Symbol SymbolTable::intern(std::string_view text) {
  const auto [entry, inserted] =
      index_.try_emplace(std::string(text), static_cast<Symbol>(texts_.size()));
  if (inserted) texts_.push_back(&entry->first);
  return entry->second;
}

void Findings::error(Span span, ErrorKind kind, std::string message, std::string hint) {
  ++errors_;
  if (errors_ <= limits::kMaxTextErrors.value) {
    add(Severity::Error, kind, span, std::move(message), std::move(hint));
  }
}

void Findings::note(Span span, std::string message) {
  if (errors_ <= limits::kMaxTextErrors.value) {
    add(Severity::Note, ErrorKind::Invalid, span, std::move(message), {});
  }
}

void Findings::add(Severity severity, ErrorKind kind, Span span, std::string message,
                   std::string hint) {
  Diagnostic diagnostic;
  diagnostic.severity = severity;
  diagnostic.kind = kind;
  diagnostic.position = {span.line, span.column};
  diagnostic.length = span.length;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  if (span.file < files_.size()) diagnostic.file = files_[span.file].path;
  out_.push_back(std::move(diagnostic));
}

}  // namespace gantry::isle

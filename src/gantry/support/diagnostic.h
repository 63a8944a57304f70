#pragma once
// Findings about an input: many of them, each with a position, a message and sometimes a hint.
// Result carries only the first; a front end that can go on collects the rest here.
#include <string>
#include <string_view>
#include <vector>

#include "gantry/support/result.h"
#include "gantry/support/text_writer.h"

namespace gantry {

enum class Severity : u8 { Error, Warning, Note };

struct Diagnostic {
  Severity severity = Severity::Error;
  ErrorKind kind = ErrorKind::Syntax;
  SourcePosition position;  // where the offending text starts
  u32 length = 1;           // how many bytes of that line to underline, at least 1
  std::string message;
  std::string hint;  // empty: none
  std::string file;  // empty: the file being rendered
};

using DiagnosticList = std::vector<Diagnostic>;

// Writes `file:line:column: error: message`, the offending source line, a line of carets under it,
// and the hint. `source` is the whole text the positions refer to; lines longer than 160 bytes are
// cut around the column. Writes no source line when the position is unknown or out of range.
void render(const Diagnostic& diagnostic, std::string_view file, std::string_view source,
            TextWriter& out);

// Position of byte `offset` of `source`. Linear; for error paths only.
SourcePosition position_of(std::string_view source, usize offset);

}  // namespace gantry

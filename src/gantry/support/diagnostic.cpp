// Problem: an error is read by a person looking at a file. Idea: quote the line, underline the
// piece, never more than a screen's width even when the line is a megabyte long.
#include "gantry/support/diagnostic.h"

#include <algorithm>

namespace gantry {
namespace {
constexpr usize kMaxQuotedBytes = 160;

std::string_view line_of(std::string_view source, u32 line) {
  usize begin = 0;
  for (u32 current = 1; current < line; ++current) {
    const usize newline = source.find('\n', begin);
    if (newline == std::string_view::npos) return {};
    begin = newline + 1;
  }
  if (begin > source.size()) return {};
  usize end = source.find('\n', begin);
  if (end == std::string_view::npos) end = source.size();
  return source.substr(begin, end - begin);
}
}  // namespace

void render(const Diagnostic& diagnostic, std::string_view file, std::string_view source,
            TextWriter& out) {
  out.write(diagnostic.file.empty() ? file : std::string_view(diagnostic.file));
  if (diagnostic.position.line != 0) {
    out.put(':', diagnostic.position.line, ':', diagnostic.position.column);
  }
  constexpr std::string_view kNames[] = {"error", "warning", "note"};
  out.line(": ", kNames[static_cast<usize>(diagnostic.severity)], ": ",
           std::string_view(diagnostic.message));

  if (diagnostic.position.line != 0) {
    const std::string_view text = line_of(source, diagnostic.position.line);
    const usize column = diagnostic.position.column == 0 ? 0 : diagnostic.position.column - 1;
    if (!text.empty() && column <= text.size()) {
      const usize begin = column > kMaxQuotedBytes / 2 ? column - kMaxQuotedBytes / 2 : 0;
      const std::string_view quoted = text.substr(begin, kMaxQuotedBytes);
      out.write("    ");
      for (const char c : quoted)
        out.write(c >= ' ' && c != '\x7f' ? c : c == '\t' ? ' ' : (c & 0x80) ? c : '?');
      out.write("\n    ");
      out.repeat(' ', column - begin);
      const usize room =
          std::max<usize>(1, quoted.size() - std::min(quoted.size(), column - begin));
      out.repeat('^', std::clamp<usize>(diagnostic.length, 1, room));
      out.write('\n');
    }
  }
  if (!diagnostic.hint.empty()) out.line("    hint: ", std::string_view(diagnostic.hint));
}

SourcePosition position_of(std::string_view source, usize offset) {
  offset = std::min(offset, source.size());
  const std::string_view before = source.substr(0, offset);
  const u32 line = 1 + static_cast<u32>(std::count(before.begin(), before.end(), '\n'));
  const usize newline = before.rfind('\n');
  const usize column = newline == std::string_view::npos ? offset : offset - newline - 1;
  return {line, static_cast<u32>(column) + 1};
}

}  // namespace gantry

#pragma once
// What the reader's tests share.
#include <string>
#include <string_view>

#include "gantry/ir/printer.h"
#include "gantry/reader/reader.h"

namespace gantry::reader {

// Reads the only function of `text`; the findings as `line:column+length message`, one a line.
inline std::string read_one(std::string_view text, ir::Function& func,
                            const ReaderOptions& options = {}) {
  Reader reader(text, options);
  while (reader.next(func)) {
  }
  TextWriter out;
  for (const Diagnostic& finding : reader.diagnostics()) {
    out.line(finding.position.line, ':', finding.position.column, '+', finding.length, ' ',
             finding.message);
  }
  return std::move(out).take();
}

inline std::string printed(const ir::Function& func) {
  TextWriter out;
  ir::print(func, out);
  return std::move(out).take();
}

// Empty if the functions of `text` that read without errors print to a text that reads back and
// prints the same.
inline std::string fixed_point_violation(std::string_view text, u32* functions = nullptr) {
  Reader reader(text, {});
  ir::Function func, again;
  while (reader.next(func)) {
    if (reader.errors_in_last() != 0) continue;
    if (functions != nullptr) ++*functions;
    const std::string first = printed(func);
    const std::string findings = read_one(first, again);
    if (!findings.empty()) return findings + first;
    const std::string second = printed(again);
    if (first != second) return "--- first\n" + first + "--- second\n" + second;
  }
  return {};
}

}  // namespace gantry::reader

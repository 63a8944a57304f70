// The property: a text gives findings, or functions; a function that verifies prints, reads back,
// verifies again and prints the same.
#include "gantry/ir/printer.h"
#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"
#include "hostile.h"

using namespace gantry;  // NOLINT: a program of one function

int fuzz_hostile_text(const u8* data, usize size) {
  static verifier::Verifier verifier;
  static ir::Function func, again;
  static TextWriter first, second;
  const verifier::Environment environment{.has_isa = (size & 7) != 0};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  reader::Reader reader(text, {.keep_comments = true});
  reader::FunctionSource source;
  std::vector<verifier::Finding> findings;
  int good = 0;
  (void)reader.header();
  while (true) {
    const usize errors_before = reader.diagnostics().size();
    if (!reader.next(func, &source)) break;
    if (reader.errors_in_last() != 0) {
      // No output without an error that says why: unless the list is full.
      GANTRY_CHECK(reader.diagnostics().size() > errors_before ||
                   reader.diagnostics().size() >= 100);
      continue;
    }
    for (const reader::Comment& comment : source.comments) {
      reader::RunCommand command;
      (void)parse_run_command(comment.text, func.signature, command).has_value();
    }
    findings.clear();
    const bool valid = verifier.verify(func, environment, findings);
    GANTRY_CHECK(valid == findings.empty());
    for (const verifier::Finding& finding : findings) {
      GANTRY_CHECK(!finding.message.empty());
      first.clear();
      verifier::write_finding(finding, first);
    }
    first.clear();
    ir::print(func, first);
    if (!valid) continue;
    ++good;
    reader::Reader rereader(first.view(), {});
    GANTRY_CHECK(rereader.next(again));
    GANTRY_CHECK(rereader.diagnostics().empty());
    GANTRY_CHECK(verifier.verify(again, environment, findings));
    second.clear();
    ir::print(again, second);
    GANTRY_CHECK(first.view() == second.view());
  }
  for (const Diagnostic& finding : reader.diagnostics()) {
    GANTRY_CHECK(!finding.message.empty());
    first.clear();
    render(finding, "text", text, first);
  }
  return good;
}

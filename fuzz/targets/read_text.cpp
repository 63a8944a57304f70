// The property: whatever is read prints, reads back and prints the same.
#include "read_text.h"

#include "gantry/ir/printer.h"
#include "gantry/reader/reader.h"

using namespace gantry;  // NOLINT: a program of one function

int fuzz_read_text(const u8* data, usize size) {
  reader::Reader reader(std::string_view(reinterpret_cast<const char*>(data), size),
                        {.keep_comments = true});
  reader::FunctionSource source;
  ir::Function func, again;
  TextWriter first, second;
  int good = 0;
  while (reader.next(func, &source)) {
    if (reader.errors_in_last() != 0) continue;
    good = 1;
    for (const reader::Comment& comment : source.comments) {
      reader::RunCommand command;
      (void)parse_run_command(comment.text, func.signature, command).has_value();
    }
    first.clear();
    ir::print(func, first);
    reader::Reader rereader(first.view(), {});
    GANTRY_CHECK(rereader.next(again));
    GANTRY_CHECK(rereader.diagnostics().empty());
    second.clear();
    ir::print(again, second);
    GANTRY_CHECK(first.view() == second.view());
  }
  return good;
}

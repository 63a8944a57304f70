#pragma once
// A listing of a compiled function: offset, bytes, text, and beside them block starts, relocations
// and traps.
#include "gantry/support/text_writer.h"
#include "gantry/target/compiled_code.h"

namespace gantry::tools {

// x86-64. Without a disassembler at build time, eight bytes a line stand for the text.
void list_code(const target::CompiledCode& code, TextWriter& out);

}  // namespace gantry::tools

#pragma once
// A listing of a compiled function: offset, bytes, text, and beside them block starts, relocations
// and traps.
#include "gantry/ir/function.h"
#include "gantry/support/text_writer.h"
#include "gantry/target/compiled_code.h"

namespace gantry::tools {

// Whether this build has a disassembler.
bool can_disassemble();

// x86-64. Without a disassembler, eight bytes a line stand for the text. `func`, if given, is the
// function the code was made from, which knows the names in relocations. Blocks are marked when the
// code says where they are (the setting machine_code_cfg_info), by their numbers in VCode.
// Constants and jump tables at the end are listed as if they were instructions.
void list_code(const target::CompiledCode& code, const ir::Function* func, TextWriter& out);

}  // namespace gantry::tools

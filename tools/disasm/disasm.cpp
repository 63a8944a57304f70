// One pass over the bytes, with a cursor in each record table. Bytes that do not decode (constants,
// jump tables) are listed one at a time as data.
#include "disasm.h"

#include <algorithm>

#if defined(GANTRY_HAVE_ZYDIS)
#include <Zydis/Zydis.h>
#endif

namespace gantry::tools {
namespace {

// Length of the instruction at `offset`, and its text; data where there is none.
u32 describe(const target::CompiledCode& code, u32 offset, TextWriter& text) {
  const u32 left = static_cast<u32>(code.code.size()) - offset;
#if defined(GANTRY_HAVE_ZYDIS)
  ZydisDisassembledInstruction inst;
  if (ZYAN_SUCCESS(ZydisDisassembleIntel(ZYDIS_MACHINE_MODE_LONG_64, offset,
                                         code.code.data() + offset, left, &inst))) {
    text.write(inst.text);
    return inst.info.length;
  }
  text.put(".byte 0x").write_hex(code.code[offset], 2);
  return 1;
#else
  (void)text;
  return std::min<u32>(left, 8);
#endif
}

}  // namespace

void list_code(const target::CompiledCode& code, TextWriter& out) {
  usize reloc = 0, trap = 0;
  TextWriter text;
  for (u32 offset = 0; offset < code.code.size();) {
    for (usize block = 0; block < code.block_offsets.size(); ++block) {
      if (code.block_offsets[block] == offset) out.line("block", block, ":");
    }
    text.clear();
    const u32 length = describe(code, offset, text);
    out.write("  ").write_hex(offset, 4).write("  ");
    for (u32 i = 0; i < length; ++i) out.write_hex(code.code[offset + i], 2).write(' ');
    constexpr u32 kTextColumn = 11;  // bytes of the usual longest instruction
    if (length < kTextColumn) out.repeat(' ', 3 * (kTextColumn - length));
    out.put(' ', text.view());
    const u32 end = offset + length;
    for (; trap < code.traps.size() && code.traps[trap].offset < end; ++trap) {
      out.put("  ; trap ", static_cast<u32>(code.traps[trap].code.code));
    }
    for (; reloc < code.relocs.size() && code.relocs[reloc].offset < end; ++reloc) {
      const target::Reloc& record = code.relocs[reloc];
      out.put("  ; ", target::to_string(record.kind), " at ", record.offset, " addend ",
              record.addend);
    }
    out.write('\n');
    offset = end;
  }
}

}  // namespace gantry::tools

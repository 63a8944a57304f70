// One pass over the bytes, with a cursor in each record table. Bytes that do not decode (constants,
// jump tables) are listed one at a time as data.
#include "disasm.h"

#include <algorithm>
#include <vector>

#include "gantry/ir/printer.h"
#include "gantry/meta/codes.h"

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

void write_trap(ir::TrapCode trap, TextWriter& out) {
  for (const meta::TrapDef& row : meta::kTraps) {
    if (row.code == trap.code) {
      out.write(row.name);
      return;
    }
  }
  out.put("user", trap.code);
}

u64 magnitude(i64 number) {
  return number < 0 ? u64{0} - static_cast<u64>(number) : static_cast<u64>(number);
}

}  // namespace

bool can_disassemble() {
#if defined(GANTRY_HAVE_ZYDIS)
  return true;
#else
  return false;
#endif
}

void list_code(const target::CompiledCode& code, const ir::Function* func, TextWriter& out) {
  usize reloc = 0, trap = 0, block = 0;
  TextWriter text;
  std::vector<std::pair<u32, u32>> blocks;  // offset, number
  for (u32 i = 0; i < code.block_offsets.size(); ++i) blocks.push_back({code.block_offsets[i], i});
  std::sort(blocks.begin(), blocks.end());
  for (u32 offset = 0; offset < code.code.size();) {
    for (; block < blocks.size() && blocks[block].first <= offset; ++block)
      out.line("mb", blocks[block].second, ':');
    text.clear();
    const u32 length = describe(code, offset, text);
    out.write("  ").write_hex(offset, 4).write("  ");
    for (u32 i = 0; i < length; ++i) out.write_hex(code.code[offset + i], 2).write(' ');
    constexpr u32 kTextColumn = 11;  // bytes of the usual longest instruction
    if (length < kTextColumn) out.repeat(' ', 3 * (kTextColumn - length));
    out.put(' ', text.view());
    if (text.size() == 0) out.truncate(out.view().find_last_not_of(' ') + 1);
    const u32 end = offset + length;
    for (; trap < code.traps.size() && code.traps[trap].offset < end; ++trap) {
      out.write("  ; trap ");
      write_trap(code.traps[trap].code, out);
    }
    for (; reloc < code.relocs.size() && code.relocs[reloc].offset < end; ++reloc) {
      const target::Reloc& record = code.relocs[reloc];
      out.put("  ; ", target::to_string(record.kind));
      if (record.in_function) {
        out.put(" 0x").write_hex(record.target_offset);
      } else if (func != nullptr) {
        ir::print_external_name(*func, record.name, out.write(' '));
      }
      if (record.addend != 0)
        out.put(record.addend < 0 ? " - " : " + ").write(magnitude(record.addend));
    }
    out.write('\n');
    offset = end;
  }
}

}  // namespace gantry::tools

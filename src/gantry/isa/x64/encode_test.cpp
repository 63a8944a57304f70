// Bytes: what the encoder writes, as others read it. LLVM disassembles them to the text that we
// print; Zydis agrees on lengths, registers read and written, and flags.
#include <gtest/gtest.h>

#include <cstring>

#include "gantry/isa/x64/emit_pseudo.h"
#include "gantry/isa/x64/test_samples.h"

#if defined(GANTRY_HAVE_ZYDIS)
#include <Zydis/Zydis.h>
#endif

namespace gantry::isa::x64 {
namespace {

using test::Sample;

std::string squeeze(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char plain = c == '\t' ? ' ' : c;
    if (plain == '#') break;
    if (plain == ' ' && (out.empty() || out.back() == ' ')) continue;
    out += plain;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '\n')) out.pop_back();
  return out;
}

std::string hex_line(const std::vector<u8>& bytes) {
  std::string line;
  char piece[8];
  for (const u8 byte : bytes) {
    std::snprintf(piece, sizeof piece, "0x%02x ", byte);
    line += piece;
  }
  return line;
}

TEST(X64Encode, LlvmReadsWhatWePrint) {
#if !defined(GANTRY_LLVM_MC)
  GTEST_SKIP() << "llvm-mc was not found when this was configured";
#else
  std::vector<Sample> samples;
  test::for_each_sample(test::test_seed(), 20, [&](Sample& sample) { samples.push_back(sample); });
  ASSERT_GT(samples.size(), 10000u);
  const std::string base = testing::TempDir() + "gantry_x64_encode";
  const std::string input = base + ".hex", output = base + ".txt";
  std::FILE* file = std::fopen(input.c_str(), "w");
  ASSERT_NE(file, nullptr);
  for (const Sample& sample : samples) std::fprintf(file, "%s\n", hex_line(sample.bytes).c_str());
  std::fclose(file);
  const std::string command = std::string(GANTRY_LLVM_MC) +
                              " --disassemble --triple=x86_64 --output-asm-variant=1 "
                              "--mattr=+avx2,+fma,+bmi,+bmi2,+lzcnt,+popcnt,+cx16 " +
                              input + " > " + output + " 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  file = std::fopen(output.c_str(), "r");
  ASSERT_NE(file, nullptr);
  char line[512];
  usize at = 0, differing = 0;
  std::string lock;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    const std::string theirs = lock + squeeze(line);
    lock.clear();
    if (theirs.empty() || theirs == ".text") continue;
    if (theirs == "lock") {  // sometimes on a line of its own
      lock = "lock ";
      continue;
    }
    if (at == samples.size()) {
      ADD_FAILURE() << "more instructions than we wrote: " << theirs;
      break;
    }
    const Sample& sample = samples[at++];
    if (theirs != squeeze(sample.text) && ++differing <= 40) {
      ADD_FAILURE() << "ours:  " << sample.text << "\nLLVM:  " << theirs
                    << "\nbytes: " << hex_line(sample.bytes) << " opcode of "
                    << opcode_family(sample.opcode);
    }
  }
  std::fclose(file);
  EXPECT_EQ(at, samples.size());
  EXPECT_EQ(differing, 0u);
  std::printf("%zu instructions compared\n", samples.size());
  std::remove(input.c_str());
  std::remove(output.c_str());
#endif
}

// What an instruction does to registers and flags, as sets.
struct Effects {
  u32 reads[2] = {}, writes[2] = {};  // general and xmm registers
};

#if defined(GANTRY_HAVE_ZYDIS)
Effects effects_of(const Sample& sample) {
  const meta::Row& row = row_of(sample.opcode);
  const meta::Slots slots = meta::slots_of(row);
  Effects effects;
  const auto mark = [&](u32(&sets)[2], Allocation place) {
    if (place.is_reg()) {
      const PReg reg = place.as_reg();
      sets[reg.reg_class() == RegClass::Int ? 0 : 1] |= 1u << reg.hw_enc();
    } else {
      sets[0] |= 1u << 4;  // a spill slot: rsp
    }
  };
  for (u32 i = 0; i < row.ops.count; ++i) {
    const meta::Op& op = row.ops[i];
    const bool is_m = meta::is_m_kind(op.kind);
    if (!is_m && op.kind != meta::Kind::Gpr && op.kind != meta::Kind::Xmm &&
        op.kind != meta::Kind::Fixed)
      continue;
    if (is_m && sample.mode != Mode::Reg) {
      for (u32 slot = slots.m; slot < sample.allocs.size(); ++slot)
        mark(effects.reads, sample.allocs[slot]);
      if (sample.mode == Mode::Slot || sample.mode == Mode::SlotIndex ||
          sample.mode == Mode::OutArg)
        effects.reads[0] |= 1u << 4;
      if (sample.mode == Mode::InArg) effects.reads[0] |= 1u << 5;
      continue;
    }
    const Allocation place = sample.allocs[slots.reg[i]];
    if (op.role != meta::Role::Def) mark(effects.reads, place);
    if (op.role != meta::Role::Use) mark(effects.writes, place);
  }
  return effects;
}

TEST(X64Encode, ZydisAgreesOnEffects) {
  ZydisDecoder decoder;
  ASSERT_TRUE(
      ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)));
  usize compared = 0;
  test::for_each_sample(test::test_seed(), 6, [&](Sample& sample) {
    const meta::Row& row = row_of(sample.opcode);
    ZydisDecodedInstruction theirs;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    SCOPED_TRACE(sample.text + "  (" + std::string(row.name) + ")");
    ASSERT_TRUE(ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, sample.bytes.data(),
                                                    sample.bytes.size(), &theirs, operands)));
    ASSERT_EQ(theirs.length, sample.bytes.size());
    // LLVM names the conditions otherwise; apart from them the mnemonics are one.
    std::string_view mnemonic = ZydisMnemonicGetString(theirs.mnemonic);
    if (row.name != "set" && row.name != "cmov" && row.shape != meta::Shape::Branch &&
        sample.text.find("cmp") == std::string::npos && row.name != "movabs") {
      std::string ours = sample.text.substr(0, sample.text.find(' '));
      if (ours == "lock") ours = sample.text.substr(5, sample.text.find(' ', 5) - 5);
      if (ours == "movabs") ours = "mov";
      EXPECT_EQ(mnemonic, ours);
    }
    // Flags.
    if (theirs.cpu_flags != nullptr) {
      const auto ours_of = [](u32 flags) {
        u32 set = 0;
        if (flags & ZYDIS_CPUFLAG_CF) set |= meta::CF;
        if (flags & ZYDIS_CPUFLAG_PF) set |= meta::PF;
        if (flags & ZYDIS_CPUFLAG_AF) set |= meta::AF;
        if (flags & ZYDIS_CPUFLAG_ZF) set |= meta::ZF;
        if (flags & ZYDIS_CPUFLAG_SF) set |= meta::SF;
        if (flags & ZYDIS_CPUFLAG_OF) set |= meta::OF;
        return set;
      };
      const ZydisAccessedFlags& flags = *theirs.cpu_flags;
      const u32 written = ours_of(flags.modified | flags.set_0 | flags.set_1),
                undefined = ours_of(flags.undefined);
      EXPECT_EQ(written | undefined, row.flags.clobbers()) << "flags written or spoilt";
      // Zydis 4.0 calls AF of sbb undefined; the manuals define it, and the processor test measures
      // it.
      if (row.name != "sbb") {
        EXPECT_EQ(row.flags.writes & undefined, 0) << "flags we promise and they do not";
      }
      EXPECT_EQ(ours_of(flags.tested) & ~u32{row.flags.reads}, 0u) << "flags read";
    } else {
      EXPECT_EQ(row.flags.clobbers(), 0);
    }
    // Registers. What is not modelled (stack engine, calls) is left out.
    if (row.meaning == "(opaque!)" && row.shape != meta::Shape::Normal) return;
    if (row.name == "push" || row.name == "pop" || row.name == "call" || row.name == "call_to")
      return;
    Effects have;
    u32 maybe_writes[2] = {};
    const auto mark = [&](u32(&sets)[2], ZydisRegister reg) {
      const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
      const ZydisRegisterClass kind = ZydisRegisterGetClass(whole);
      if (kind == ZYDIS_REGCLASS_GPR64) sets[0] |= 1u << ZydisRegisterGetId(whole);
      if (kind == ZYDIS_REGCLASS_ZMM) sets[1] |= 1u << ZydisRegisterGetId(whole);
    };
    for (u32 i = 0; i < theirs.operand_count; ++i) {
      const ZydisDecodedOperand& operand = operands[i];
      if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
        if (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) mark(have.reads, operand.reg.value);
        if (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) mark(have.writes, operand.reg.value);
        if (operand.actions & ZYDIS_OPERAND_ACTION_CONDWRITE) mark(maybe_writes, operand.reg.value);
      } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
        if (operand.mem.base != ZYDIS_REGISTER_NONE) mark(have.reads, operand.mem.base);
        if (operand.mem.index != ZYDIS_REGISTER_NONE) mark(have.reads, operand.mem.index);
      }
    }
    const Effects ours = effects_of(sample);
    for (u32 file = 0; file < 2; ++file) {
      EXPECT_EQ(ours.writes[file], have.writes[file]) << "registers written, file " << file;
      // Idioms name a register whose value does not matter.
      if (row.enc[0] == 'B') continue;
      EXPECT_EQ(have.reads[file] & ~ours.reads[file], 0u)
          << "registers read that the row does not read, file " << file;
      // A result that keeps part of its old register reads it; Zydis counts only explicit inputs.
      const bool keeps = row.meaning.find("keep_high!") != std::string_view::npos ||
                         row.name == "movhlps" || row.name == "movlhps";
      if (keeps) continue;
      EXPECT_EQ(ours.reads[file] & ~have.reads[file] & ~maybe_writes[file], 0u)
          << "registers the row reads needlessly";
    }
    ++compared;
  });
  std::printf("%zu instructions compared\n", compared);
}
#endif

}  // namespace
}  // namespace gantry::isa::x64

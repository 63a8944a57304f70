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
  test::for_each_sample(test::test_seed(), 6, [&](Sample& sample) { samples.push_back(sample); });
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
    if (theirs != squeeze(sample.text) && ++differing <= 100000) {
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

}  // namespace
}  // namespace gantry::isa::x64

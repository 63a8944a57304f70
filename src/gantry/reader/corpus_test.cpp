// Larger texts: the repository's own files, and, where they are, a conformance suite and a corpus
// of CLIF (the directory is GANTRY_SHARED, or `shared` beside the repository).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gantry/reader/test_support.h"

namespace gantry::reader {
namespace {
namespace fs = std::filesystem;

fs::path shared_dir() {
  const char* given = std::getenv("GANTRY_SHARED");
  return given != nullptr ? fs::path(given) : fs::path(GANTRY_SOURCE_DIR) / ".." / "shared";
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<fs::path> files_below(const fs::path& dir, std::string_view extension) {
  std::vector<fs::path> files;
  std::error_code none;
  for (fs::recursive_directory_iterator at(dir, none), end; at != end; at.increment(none)) {
    if (at->path().extension() == extension) files.push_back(at->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The number of run commands in it.
u32 expect_reads_and_stays(const fs::path& file) {
  const std::string text = content(file);
  Reader reader(text, {.keep_comments = true});
  ir::Function func;
  FunctionSource source;
  u32 commands = 0;
  while (reader.next(func, &source)) {
    EXPECT_EQ(source.inst_positions.size(), func.dfg.num_insts());
    for (const Comment& comment : source.comments) {
      RunCommand command;
      const Result<bool> read = parse_run_command(comment.text, func.signature, command);
      EXPECT_TRUE(read.has_value())
          << file << ":" << comment.line << ": " << (read ? "" : read.error().message());
      commands += read.has_value() && *read;
    }
  }
  for (const Diagnostic& finding : reader.diagnostics()) {
    ADD_FAILURE() << file << ":" << finding.position.line << ": " << finding.message;
  }
  EXPECT_EQ(fixed_point_violation(text), "") << file;
  return commands;
}

TEST(Corpus, own_files) {
  const std::vector<fs::path> files =
      files_below(fs::path(GANTRY_SOURCE_DIR) / "tests/filetests/reader", ".clif");
  EXPECT_FALSE(files.empty());
  for (const fs::path& file : files) expect_reads_and_stays(file);
}

TEST(Corpus, conformance_files) {
  const std::vector<fs::path> files = files_below(shared_dir() / "conformance/clif", ".clif");
  if (files.empty()) GTEST_SKIP() << "no conformance suite";
  u32 commands = 0;
  for (const fs::path& file : files) commands += expect_reads_and_stays(file);
  EXPECT_GT(commands, 0u) << "no comment was taken for a run command";
}

// Printed by the format's own writer, so ours must print the same.
TEST(Corpus, real_programs_print_as_they_were) {
  const std::vector<fs::path> files = files_below(shared_dir() / "corpus/clif", ".zst");
  if (files.empty()) GTEST_SKIP() << "no corpus";
  for (const fs::path& file : files) {
    std::FILE* unpacked = popen(("zstd -dc '" + file.string() + "'").c_str(), "r");
    ASSERT_NE(unpacked, nullptr);
    std::string text;
    char buffer[1 << 16];
    for (usize size; (size = std::fread(buffer, 1, sizeof buffer, unpacked)) > 0;)
      text.append(buffer, size);
    if (pclose(unpacked) != 0) GTEST_SKIP() << "no zstd";
    Reader reader(text, {});
    ir::Function func;
    usize at = 0;
    TextWriter out;
    u32 functions = 0;
    while (reader.next(func)) {
      ++functions;
      at = text.find("\nfunction ", at) + 1;
      const usize end = text.find("\n}\n", at) + 3;
      out.clear();
      ir::print(func, out);
      ASSERT_EQ(out.view(), std::string_view(text).substr(at, end - at))
          << file << " function " << functions;
      at = end;
    }
    EXPECT_TRUE(reader.diagnostics().empty()) << file;
    EXPECT_GT(functions, 100u) << file;
  }
}

}  // namespace
}  // namespace gantry::reader

// The .isle files of tests/isle and, when GANTRY_CONFORMANCE names the folder, of the conformance
// suite: pass/ compiles and survives printing, fail/ is refused with the errors the file announces.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gantry/isle/compile.h"
#include "gantry/isle/parser.h"
#include "gantry/isle/printer.h"
#include "gantry/isle/reader.h"

namespace gantry::isle {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  if (!std::filesystem::is_directory(folder)) return paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".isle") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::filesystem::path conformance() {
  const char* folder = std::getenv("GANTRY_CONFORMANCE");
  return folder != nullptr ? std::filesystem::path(folder) / "isle" : std::filesystem::path();
}

CompileResult compile_file(const std::filesystem::path& path) {
  std::vector<SourceFile> files{{path.filename().string(), read(path)}};
  return compile(files, {});
}

std::string messages(const CompileResult& result) {
  std::string text;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    text += std::to_string(diagnostic.position.line) + ": " + diagnostic.message + "\n";
  }
  return text;
}

// The words of a text with their nesting: what must survive printing.
std::vector<std::string> words(const std::string& text) {
  std::vector<SourceFile> files{{"text", text}};
  DiagnosticList diagnostics;
  Findings findings(files, diagnostics);
  std::vector<Item> items;
  EXPECT_TRUE(read_items(0, text, items, findings));
  std::vector<std::string> result;
  for (const Item& item : items) {
    std::string word =
        std::to_string(static_cast<int>(item.kind)) + " " + std::to_string(item.end) + " ";
    word += item.kind == Item::Kind::Integer
                ? std::to_string(static_cast<u64>(item.value)) + " " +
                      std::to_string(static_cast<u64>(static_cast<u128>(item.value) >> 64))
                : std::string(item.text);
    result.push_back(std::move(word));
  }
  return result;
}

std::string print_text(const std::string& text, u32 width) {
  std::vector<SourceFile> files{{"text", text}};
  DiagnosticList diagnostics;
  Findings findings(files, diagnostics);
  SymbolTable symbols;
  Program program;
  EXPECT_TRUE(parse(0, text, symbols, program, findings));
  return print(program, symbols, width);
}

void check_accepted(const std::filesystem::path& folder) {
  const std::vector<std::filesystem::path> paths = files_of(folder);
  EXPECT_FALSE(paths.empty()) << folder;
  for (const std::filesystem::path& path : paths) {
    const CompileResult result = compile_file(path);
    EXPECT_TRUE(result.ok) << path << "\n" << messages(result);
    const std::string text = read(path);
    for (const u32 width : {1u, 20u, 78u, 100000u}) {
      const std::string printed = print_text(text, width);
      EXPECT_EQ(words(text), words(printed)) << path << " at width " << width;
      EXPECT_EQ(printed, print_text(printed, width)) << path << " at width " << width;
    }
  }
}

TEST(IsleFiles, PassIsAccepted) {
  check_accepted(std::filesystem::path(GANTRY_ISLE_TESTS) / "pass");
}
TEST(IsleFiles, RunIsAccepted) { check_accepted(std::filesystem::path(GANTRY_ISLE_TESTS) / "run"); }

TEST(IsleFiles, FailIsRefusedWithTheAnnouncedErrors) {
  const std::vector<std::filesystem::path> paths =
      files_of(std::filesystem::path(GANTRY_ISLE_TESTS) / "fail");
  EXPECT_GE(paths.size(), 60u);
  for (const std::filesystem::path& path : paths) {
    const CompileResult result = compile_file(path);
    EXPECT_FALSE(result.ok) << path;
    EXPECT_GT(result.errors, 0u) << path;
    std::istringstream lines(read(path));
    usize announced = 0;
    for (std::string line; std::getline(lines, line);) {
      unsigned at = 0;
      int consumed = 0;
      if (std::sscanf(line.c_str(), ";; error: %u %n", &at, &consumed) != 1) continue;
      ++announced;
      const std::string part = line.substr(static_cast<usize>(consumed));
      const bool found = std::any_of(
          result.diagnostics.begin(), result.diagnostics.end(), [&](const Diagnostic& diagnostic) {
            return diagnostic.severity == Severity::Error && diagnostic.position.line == at &&
                   diagnostic.message.find(part) != std::string::npos;
          });
      EXPECT_TRUE(found) << path << ": no error '" << part << "' on line " << at << "\n"
                         << messages(result);
    }
    EXPECT_GT(announced, 0u) << path << " announces no error";
  }
}

TEST(IsleFiles, ConformanceSuite) {
  const std::filesystem::path root = conformance();
  if (root.empty() || !std::filesystem::is_directory(root))
    GTEST_SKIP() << "GANTRY_CONFORMANCE is not set";
  for (const char* folder : {"pass", "link", "run"}) check_accepted(root / folder);
  const std::vector<std::filesystem::path> refused = files_of(root / "fail");
  EXPECT_FALSE(refused.empty());
  for (const std::filesystem::path& path : refused) {
    const CompileResult result = compile_file(path);
    EXPECT_FALSE(result.ok) << path;
    const bool placed = std::any_of(
        result.diagnostics.begin(), result.diagnostics.end(), [](const Diagnostic& diagnostic) {
          return diagnostic.severity == Severity::Error && diagnostic.position.line != 0;
        });
    EXPECT_TRUE(placed) << path;
  }
}

}  // namespace
}  // namespace gantry::isle

// Runs the verifier over a directory of CLIF files, named by the environment variable
// GANTRY_CONFORMANCE_DIR: findings must be exactly those that `; error: TEXT` comments name in
// files that test the verifier, and none elsewhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"

namespace gantry::verifier {
namespace {

Location location_of(const reader::CommentOwner& owner) {
  using Owner = reader::CommentOwner::Kind;
  using Kind = Location::Kind;
  Kind kind = Kind::Function;
  switch (owner.kind) {
    case Owner::Function:
    case Owner::StackLimit:
      break;
    case Owner::Inst:
      kind = Kind::Inst;
      break;
    case Owner::Block:
      kind = Kind::Block;
      break;
    case Owner::StackSlot:
      kind = Kind::StackSlot;
      break;
    case Owner::DynamicStackSlot:
      kind = Kind::DynamicStackSlot;
      break;
    case Owner::DynamicType:
      kind = Kind::DynamicType;
      break;
    case Owner::GlobalValue:
      kind = Kind::GlobalValue;
      break;
    case Owner::Signature:
      kind = Kind::Signature;
      break;
    case Owner::FuncRef:
      kind = Kind::FuncRef;
      break;
    case Owner::Constant:
      kind = Kind::Constant;
      break;
    case Owner::AliasRegion:
      kind = Kind::AliasRegion;
      break;
  }
  return {kind, kind == Kind::Function ? 0 : owner.index};
}

// The environment of the first target line; the settings are those of the whole file.
Environment environment_of(const reader::FileHeader& header) {
  Environment environment;
  for (const reader::HeaderLine& line : header.lines) {
    for (const std::string_view word : line.words) {
      if (line.kind == reader::HeaderLine::Kind::Set) {
        environment.enable_pinned_reg |= word.starts_with("enable_pinned_reg");
        environment.preserve_frame_pointers |= word.starts_with("preserve_frame_pointers");
      }
    }
    if (line.kind != reader::HeaderLine::Kind::Target || environment.has_isa || line.words.empty())
      continue;
    environment.has_isa = true;
    environment.pointer_type =
        line.words[0].starts_with("pulley32") || line.words[0].starts_with("i686") ? ir::kI32
                                                                                   : ir::kI64;
  }
  return environment;
}

void run_file(const std::filesystem::path& path, u32& num_functions, u32& num_expected) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  reader::Reader reader(text, {.keep_comments = true});
  const reader::FileHeader& header = reader.header();
  const Environment environment = environment_of(header);
  const auto has_test = [&](std::string_view name) {
    return std::any_of(header.lines.begin(), header.lines.end(),
                       [&](const reader::HeaderLine& line) {
                         return line.kind == reader::HeaderLine::Kind::Test &&
                                !line.words.empty() && line.words[0] == name;
                       });
  };
  const bool tests_verifier = has_test("verifier");
  const bool is_verified = tests_verifier || !(has_test("cat") || has_test("print-cfg"));
  if (!is_verified) return;

  ir::Function func;
  reader::FunctionSource source;
  Verifier verifier;
  while (reader.next(func, &source)) {
    if (reader.errors_in_last() != 0) {
      ADD_FAILURE() << path << ":" << reader.diagnostics().back().position.line << ": "
                    << reader.diagnostics().back().message;
      continue;
    }
    ++num_functions;
    std::vector<Finding> findings;
    verifier.verify(func, environment, findings);
    for (const reader::Comment& comment : source.comments) {
      std::string_view wanted = comment.text;
      wanted.remove_prefix(std::min(wanted.find_first_not_of("; \t"), wanted.size()));
      if (!tests_verifier || !wanted.starts_with("error:")) continue;
      ++num_expected;
      wanted.remove_prefix(6);
      wanted.remove_prefix(std::min(wanted.find_first_not_of(" \t"), wanted.size()));
      const auto found =
          std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) {
            return finding.location == location_of(comment.owner) &&
                   finding.message.find(wanted) != std::string::npos;
          });
      EXPECT_NE(found, findings.end())
          << path << ":" << comment.line << ": no finding `" << wanted << "`";
      if (found != findings.end()) findings.erase(found);
    }
    for (const Finding& finding : findings) {
      TextWriter out;
      write_finding(finding, out);
      ADD_FAILURE() << path << ":" << source.first_line << ": " << out.view();
    }
  }
}

TEST(Conformance, findings_are_those_the_files_name) {
  const char* directory = std::getenv("GANTRY_CONFORMANCE_DIR");
  if (directory == nullptr) GTEST_SKIP() << "GANTRY_CONFORMANCE_DIR is not set";
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.path().extension() == ".clif") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  u32 num_functions = 0, num_expected = 0;
  for (const auto& path : files) run_file(path, num_functions, num_expected);
  EXPECT_GT(num_functions, 0u);
  RecordProperty("functions", static_cast<int>(num_functions));
  RecordProperty("expected_errors", static_cast<int>(num_expected));
  printf("%zu files, %u functions, %u expected errors\n", files.size(), num_functions,
         num_expected);
}

}  // namespace
}  // namespace gantry::verifier

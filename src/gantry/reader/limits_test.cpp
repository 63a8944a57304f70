// Every limit of the text reader, hit.
#include <gtest/gtest.h>

#include "gantry/reader/test_support.h"
#include "gantry/support/limits.h"

namespace gantry::reader {
namespace {

Diagnostic first_finding(std::string_view text) {
  Reader reader(text, {});
  ir::Function func;
  while (reader.next(func)) {
  }
  return reader.diagnostics().empty() ? Diagnostic{} : reader.diagnostics()[0];
}

void expect_limit(std::string_view text, const limits::Limit& limit) {
  const Diagnostic finding = first_finding(text);
  EXPECT_EQ(finding.kind, ErrorKind::LimitExceeded) << finding.message;
  EXPECT_NE(finding.message.find(limit.name), std::string::npos) << finding.message;
}

TEST(Limits, block_numbers) {
  EXPECT_EQ(first_finding("function %f() {\nblock99999:\n return\n}").message, "");
  expect_limit("function %f() {\nblock100000:\n return\n}", limits::kMaxTextBlocks);
  expect_limit("function %f() {\nblock0:\n jump block100000\n}", limits::kMaxTextBlocks);
}

TEST(Limits, entity_numbers) {
  EXPECT_EQ(first_finding("function %f() {\nblock0(v100000: i32):\n return v100000\n}").message,
            "");
  for (const std::string_view text :
       {"function %f() {\nblock0(v100001: i32):\n return\n}",
        "function %f() {\nss100001 = explicit_slot 1\n}",
        "function %f() {\nblock0:\n return v4000000000\n}", "function %f() {\ngv100001 = vmctx\n}",
        "function %f() {\nsig100001 = ()\n}", "function %f() {\nfn100001 = %f()\n}",
        "function %f() {\nconst100001 = 0x00\n}",
        "function %f() {\ngv0 = symbol userextname100001\n}"}) {
    expect_limit(text, limits::kTextEntityFloor);
  }
  // The text's own size is the limit where that is larger.
  EXPECT_EQ(
      first_finding("function %f() {\nblock0(v150000: i32):\n return\n}" + std::string(200000, ' '))
          .message,
      "");
}

TEST(Limits, memory_flags) {
  std::string text = "function %f() {\nblock0(v0: i64):\n";
  for (u64 i = 1; i <= limits::kMaxMemFlags.value + 1; ++i) {
    text += "v" + std::to_string(i) + " = load.i8 region" + std::to_string(i) + " v0\n";
    if (i == limits::kMaxMemFlags.value) {
      EXPECT_EQ(first_finding(text + "return\n}").message, "");
    }
  }
  expect_limit(text + "return\n}", limits::kMaxMemFlags);
}

TEST(Limits, block_parameters) {
  std::string text = "function %f() {\nblock0(v0: i8";
  for (u64 i = 1; i < limits::kMaxBlockParams.value; ++i) text += ",v" + std::to_string(i) + ":i8";
  EXPECT_EQ(first_finding(text + "):\nreturn\n}").message, "");
  expect_limit(text + ",v900000:i8,v900001:i8,v900002:i8):\nreturn\n}", limits::kMaxBlockParams);
}

TEST(Limits, results) {
  std::string returns = "i8", results = "v0";
  for (u64 i = 1; i < limits::kMaxBlockParams.value + 2; ++i) {
    returns += ",i8";
    results += ",v" + std::to_string(i);
  }
  const auto text = [&] {
    return "function %f() {\nfn0 = %g() -> " + returns + "\nblock0:\n" + results +
           " = call fn0()\nreturn\n}";
  };
  expect_limit(text(), limits::kMaxBlockParams);
}

TEST(Limits, errors) {
  std::string text = "function %f() {\nblock0:\n";
  for (u32 i = 0; i < 1000; ++i) text += "foo\n";
  text += "}\nfunction %g() {\n}\n";
  Reader reader(text, {});
  ir::Function func;
  u32 functions = 0;
  while (reader.next(func)) ++functions;
  EXPECT_EQ(reader.diagnostics().size(), limits::kMaxTextErrors.value);
  EXPECT_EQ(functions, 1u);
}

TEST(Limits, text_size) {
  // Only the size is looked at.
  const std::string_view huge("x", static_cast<usize>(limits::kMaxTextBytes.value) + 1);
  expect_limit(huge, limits::kMaxTextBytes);
}

}  // namespace
}  // namespace gantry::reader

// The parts of the ISLE compiler one by one, where whole programs (tests/isle) would not show a
// mistake.
#include <gtest/gtest.h>

#include <algorithm>

#include "gantry/isle/compile.h"
#include "gantry/isle/parser.h"
#include "gantry/isle/printer.h"

namespace gantry::isle {
namespace {

CompileResult compile_text(std::string text, CompileOptions options = {}) {
  std::vector<SourceFile> files{{"test.isle", std::move(text)}};
  return compile(files, options);
}

TEST(IsleReader, PositionsCountLinesAndBytes) {
  const CompileResult result = compile_text("; one\n(; two\n ;)\n  (typo T)");
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].position.line, 4u);
  EXPECT_EQ(result.diagnostics[0].position.column, 4u);
  EXPECT_EQ(result.diagnostics[0].length, 4u);
  EXPECT_EQ(result.diagnostics[0].file, "test.isle");
}

TEST(IsleReader, ControlCharactersAndStrangeBytesAreFindings) {
  for (const std::string& text :
       {std::string("\0", 1), std::string("\xff\xfe"), std::string("(\x01)"), std::string("\"")}) {
    EXPECT_FALSE(compile_text(text).ok);
  }
}

TEST(IsleParser, IntegersKeepTheirBits) {
  std::vector<SourceFile> files{
      {"t", "(rule (f 340282366920938463463374607431768211455 -1 0b1_0 0O17 0xA) 1)"}};
  DiagnosticList diagnostics;
  Findings findings(files, diagnostics);
  SymbolTable symbols;
  Program program;
  ASSERT_TRUE(parse(0, files[0].text, symbols, program, findings));
  const std::vector<Pattern>& values = program.rules[0].pattern.children;
  EXPECT_EQ(static_cast<u128>(values[0].value), ~u128{0});
  EXPECT_EQ(static_cast<i64>(values[1].value), -1);
  EXPECT_EQ(static_cast<i64>(values[2].value), 2);
  EXPECT_EQ(static_cast<i64>(values[3].value), 15);
  EXPECT_EQ(static_cast<i64>(values[4].value), 10);
}

TEST(IsleShapes, TemplatesAreExpandedAndHelpersNamed) {
  CompileOptions options;
  options.codegen.with_shapes = true;
  const CompileResult result = compile_text(
      "(type T (enum (A (x u8) (y u8)) (B)))\n"
      "(decl pair (u8 u8) T)\n(extractor (pair x y) (T.A x y))\n"
      "(decl pure partial small (u8) u8)\n(rule a_small (small 3) 1)\n"
      "(decl partial f (T) u8)\n(rule named (f (pair x x)) (if-let y (small x)) y)\n",
      options);
  ASSERT_TRUE(result.ok);
  const std::string& text = result.code.shapes;
  EXPECT_NE(text.find("\"small\", \"a_small\", 1)\nISLE_NUMBER(3u, 0u)\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("\"f\", \"named\", 1)\nISLE_VARIANT(T, A, 2)\nISLE_BIND(0)\nISLE_ANY()\n"
                      "ISLE_EQUAL(0)\nISLE_HELPER("),
            std::string::npos)
      << text;
}

TEST(IslePrinter, StaysWithinTheWidthWherePossible) {
  CompileOptions options;
  options.print = true;
  const CompileResult result = compile_text(
      "(rule a_name 12 (some_term (another_term first_argument second_argument) third @ (and one "
      "two)) "
      "(if-let pattern (pure_term first_argument)) (result_term (inner_term one) (inner_term two) "
      "third))",
      options);
  ASSERT_TRUE(result.ok);
  usize start = 0;
  while (start < result.explanation.size()) {
    const usize end = result.explanation.find('\n', start);
    EXPECT_LE(end - start, 78u) << result.explanation;
    start = end + 1;
  }
}

TEST(IsleCompile, TheOrderOfFilesDoesNotMatter) {
  const std::vector<SourceFile> sources{
      {"a.isle", "(type T (enum (A (x u8)) (B) (C) (D)))\n(decl f (T u8) u8)\n"},
      {"b.isle",
       "(rule one (f (T.A x) 1) x)\n(rule two 1 (f (T.A 3) y) y)\n(decl g (u8) u8)\n(extern "
       "constructor g g)\n"},
      {"c.isle", "(rule three (f (T.B) x) (g (g x)))\n(rule -1 (f _ x) (g (g x)))\n"}};
  std::vector<usize> order{0, 1, 2};
  CompileOptions options;
  options.codegen.header_name = "h.h";
  options.codegen.shards = 2;
  std::string first;
  do {
    std::vector<SourceFile> files;
    for (const usize i : order) files.push_back(sources[i]);
    const CompileResult result = compile(files, options);
    ASSERT_TRUE(result.ok);
    ASSERT_EQ(result.code.shards.size(), 2u);
    const std::string all = result.code.header + result.code.shards[0] + result.code.shards[1];
    if (first.empty()) first = all;
    EXPECT_EQ(all, first);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(IsleCompile, RightSidesAreWrittenOnce) {
  // The last rule is reached from several arms; its two calls appear once.
  const CompileResult result = compile_text(
      "(type T (enum (A (x u8)) (B (x u8)) (C)))(decl e (u8) u8)(extern constructor e "
      "emit_it)(decl h (u8) u8)(extern extractor h h)"
      "(decl f (T u8) u8)(rule 2 (f (T.A (h x)) 1) x)(rule 1 (f (T.B (h x)) 2) x)(rule (f _ x) (e "
      "(e x)))");
  ASSERT_TRUE(result.ok);
  const std::string& text = result.code.shards[0];
  usize calls = 0;
  const usize bodies = text.find("GANTRY_RULE(0)");
  ASSERT_NE(bodies, std::string::npos);
  for (usize at = text.find("ctx.emit_it("); at != std::string::npos;
       at = text.find("ctx.emit_it(", at + 1))
    ++calls;
  EXPECT_EQ(calls, 2u) << text;
}

TEST(IsleCompile, ExplainShowsTestsAndRules) {
  CompileOptions options;
  options.explain = "f";
  const CompileResult result =
      compile_text("(decl f (u8 u8) u8)\n(rule low (f 1 2) 3)\n(rule high 1 (f x x) x)", options);
  ASSERT_TRUE(result.ok);
  EXPECT_NE(result.explanation.find("test.isle:3 high priority 1"), std::string::npos)
      << result.explanation;
  EXPECT_NE(result.explanation.find("=> test.isle:2 low"), std::string::npos);
  options.explain = "nothing";
  EXPECT_FALSE(compile_text("(decl f (u8) u8)(rule (f x) x)", options).ok);
}

usize occurrences(const std::string& text, std::string_view part) {
  usize count = 0;
  for (usize at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

constexpr const char* kCommutative =
    "(decl commutative c (u8 u8) u8)(extern extractor c c)(decl e () u8)(extern extractor e e)\n"
    "(decl canonical_right k (u8) u8)(extern extractor k k)(decl g (u8 u8) u8)(extern constructor "
    "g "
    "make)\n(decl pure h (u8) u8)(extern constructor h h)(decl partial f (u8) u8)\n";

TEST(IsleCommutative, RulesAreMatchedInTheOrdersThatDiffer) {
  const auto orders = [](const std::string& left) {
    CompileOptions options;
    options.explain = "f";
    const CompileResult result =
        compile_text(kCommutative + ("(rule (f " + left + ") (g 1 2))"), options);
    EXPECT_TRUE(result.ok) << left;
    return result.explanation.substr(0, result.explanation.find(" rules"));
  };
  EXPECT_EQ(orders("(c x y)"), "term f: 1");
  EXPECT_EQ(orders("(c _ x @ _)"), "term f: 1");
  EXPECT_EQ(orders("(c x x)"), "term f: 1");
  EXPECT_EQ(orders("(c (e) (e))"), "term f: 1");
  EXPECT_EQ(orders("(c x (e))"), "term f: 2");
  EXPECT_EQ(orders("(c x (and y (k 1)))"), "term f: 1");
  EXPECT_EQ(orders("(c (e) (k z))"), "term f: 1");
  EXPECT_EQ(orders("(c 1 2)"), "term f: 2");
  EXPECT_EQ(orders("(c x y)) (if-let 3 (h y)"), "term f: 2");
  EXPECT_EQ(orders("(c x y)) (if-let z (h 1)"), "term f: 1");
  EXPECT_EQ(orders("(c (c x y) x)"), "term f: 4");
  EXPECT_EQ(orders("(c (c x y) (c x y))"), "term f: 2");
  EXPECT_EQ(orders("(c (c x y) (c y x))"), "term f: 2");
  EXPECT_EQ(orders("(c (c x y) (c z w))"), "term f: 1");
  EXPECT_EQ(orders("(c (c x (k 1)) (k 2))"), "term f: 1");
  EXPECT_EQ(orders("x) (if-let (c (e) _) (h x)"), "term f: 2");
}

TEST(IsleCommutative, TheOrdersOfARuleShareItsRightSide) {
  const CompileResult result = compile_text(
      kCommutative + std::string("(rule 1 (f (c x (c y (e)))) (if-let z (h y)) (g z (h x)))"));
  ASSERT_TRUE(result.ok);
  const std::string& text = result.code.shards[0];
  EXPECT_EQ(occurrences(text, "ctx.make("), 1u) << text;
  EXPECT_EQ(occurrences(text, "GANTRY_RULE(0)"), 1u) << text;
  EXPECT_GE(occurrences(text, "return rule_f_0(ctx"), 4u) << text;
}

TEST(IsleCommutative, ExplainSaysWhichOrderMatches) {
  CompileOptions options;
  options.explain = "f";
  const CompileResult result =
      compile_text(kCommutative + std::string("(rule (f (c x (e))) x)"), options);
  ASSERT_TRUE(result.ok);
  const usize written = result.explanation.find("=> test.isle:4 f\n");
  const usize exchanged =
      result.explanation.find("=> test.isle:4 f with arguments exchanged (1)\n");
  EXPECT_NE(exchanged, std::string::npos) << result.explanation;
  EXPECT_LT(written, exchanged) << result.explanation;
}

TEST(IsleCompile, OverlapNotesNameThePartners) {
  const CompileResult result =
      compile_text("(decl f (u8) u8)\n(rule (f 1) 1)\n(rule (f 2) 2)\n(rule (f x) x)");
  EXPECT_EQ(result.errors, 1u);
  ASSERT_EQ(result.diagnostics.size(), 3u);
  EXPECT_EQ(result.diagnostics[0].position.line, 4u);
  EXPECT_EQ(result.diagnostics[1].severity, Severity::Note);
  EXPECT_EQ(result.diagnostics[1].position.line, 2u);
  EXPECT_EQ(result.diagnostics[2].position.line, 3u);
}

}  // namespace
}  // namespace gantry::isle

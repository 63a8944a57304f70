// Regular expressions and directives, against texts small enough to read.
#include <gtest/gtest.h>

#include "gantry/filetest/filecheck.h"
#include "gantry/filetest/regex.h"

namespace gantry::filetest {
namespace {

// What `regex` finds in `text`, or "none", or "error".
std::string found(std::string_view regex, std::string_view text) {
  RegexProgram program;
  if (!program.append_regex(regex).has_value()) return "error";
  const std::optional<TextRange> match = program.search(text, 0, static_cast<u32>(text.size()));
  if (!match) return "none";
  return std::string(text.substr(match->begin, match->end - match->begin));
}

TEST(Regex, FindsWhatABacktrackingMatcherWould) {
  struct Row {
    std::string_view regex, text, expected;
  };
  for (const Row& row : {
           Row{"abc", "xxabcx", "abc"},      Row{"a|ab", "ab", "a"},
           Row{"ab|a", "ab", "ab"},          Row{"a*", "baa", ""},
           Row{"a+", "baa", "aa"},           Row{"a+?", "baa", "a"},
           Row{"(ab)+", "xababa", "abab"},   Row{"(?:a|b)*c", "ababc", "ababc"},
           Row{"a{2}", "aaaa", "aa"},        Row{"a{2,}", "aaaa", "aaaa"},
           Row{"a{1,3}", "aaaa", "aaa"},     Row{"a{1,3}?", "aaaa", "a"},
           Row{"(a?){3}b", "aab", "aab"},    Row{"[0-9a-f]+", "xyz12ff", "12ff"},
           Row{"[^a-c]+", "abcxyz", "xyz"},  Row{"[]x]+", "a]x", "]x"},
           Row{"[a-]+", "b-a", "-a"},        Row{"\\d+", "v12", "12"},
           Row{"\\w+", "%ab_1 ", "ab_1"},    Row{"\\S+", "  a.b ", "a.b"},
           Row{"\\.", "a.b", "."},           Row{".*", "ab\ncd", "ab"},
           Row{"^c.", "ab\ncd", "cd"},       Row{"b$", "ab\ncd", "b"},
           Row{"\\bcd\\b", "abcd cd", "cd"}, Row{"\\Bcd", "cd abcd", "cd"},
           Row{"(a*)*", "aa", "aa"},         Row{"(a|b|)c", "c", "c"},
           Row{"x", "abc", "none"},          Row{"", "abc", ""},
       }) {
    EXPECT_EQ(found(row.regex, row.text), row.expected) << row.regex << " in " << row.text;
  }
}

TEST(Regex, MalformedExpressionsAreErrors) {
  for (const std::string_view regex : {"(", ")", "a)", "[", "[a", "*", "a**", "a{", "a{2", "a{3,1}",
                                       "\\", "\\q", "(?=a)", "[z-a]", "+a"}) {
    EXPECT_EQ(found(regex, "abc"), "error") << regex;
  }
}

TEST(Regex, LimitsAreReported) {
  EXPECT_EQ(found(std::string(300, '(') + std::string(300, ')'), ""), "error");
  EXPECT_EQ(found("((a{1000}){1000}){1000}", ""), "error");
  EXPECT_EQ(found("((((){1000}){1000}){1000}){1000}", ""), "error");
  RegexProgram program;
  const Result<void> result = program.append_regex("(a{1000}){1000}");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind(), ErrorKind::LimitExceeded);
}

TEST(Regex, PathologicalExpressionsTakeLinearTime) {
  const std::string text(20000, 'a');
  EXPECT_EQ(found("(a*)*b", text), "none");
  EXPECT_EQ(found("(a|a)*b", text), "none");
  EXPECT_EQ(found("(a?){30}a{30}b", text), "none");
}

// Directives, one a line, against a text: "ok" or the message.
std::string checked(std::string_view directives, std::string_view text) {
  FileCheck check;
  u32 line = 1;
  while (!directives.empty()) {
    const usize newline = directives.find('\n');
    const Result<bool> added = check.add("; " + std::string(directives.substr(0, newline)), line++);
    if (!added.has_value()) return std::string(added.error().message());
    if (!*added) return "no directive";
    if (newline == std::string_view::npos) break;
    directives.remove_prefix(newline + 1);
  }
  const Result<void> result = check.match(text);
  return result.has_value() ? "ok" : std::string(result.error().message());
}
#define EXPECT_OK(directives, text) EXPECT_EQ(checked(directives, text), "ok")
#define EXPECT_FAILS(directives, text, part) \
  EXPECT_NE(checked(directives, text).find(part), std::string::npos) << checked(directives, text)

TEST(FileCheck, DirectivesAreRecognisedAnywhereInAComment) {
  FileCheck check;
  const auto holds = [&](std::string_view comment) {
    const Result<bool> added = check.add(comment, 1);
    return added.has_value() && *added;
  };
  EXPECT_TRUE(holds("; check: foo"));
  EXPECT_TRUE(holds(";check: foo"));
  EXPECT_TRUE(holds("; see check: foo"));
  EXPECT_FALSE(holds("; check:foo"));
  EXPECT_FALSE(holds("; recheck: foo"));
  EXPECT_FALSE(holds("; nothing"));
  EXPECT_FALSE(holds("; check"));
}

TEST(FileCheck, ChecksAreOrderedBarriers) {
  EXPECT_OK("check: one\ncheck: two", "zero\none\ntwo");
  EXPECT_FAILS("check: two\ncheck: one", "zero\none\ntwo", "not found");
  EXPECT_FAILS("check: one\ncheck: two", "one two", "the text has ended");
  EXPECT_OK("check: one\nsameln: two", "one two");
  EXPECT_FAILS("check: one\nsameln: two", "one\ntwo", "on the same line");
  EXPECT_OK("check: one\nnextln: two", "one\ntwo");
  EXPECT_FAILS("check: one\nnextln: two", "one\n\ntwo", "on the next line");
}

TEST(FileCheck, WithoutAnEarlierMatch) {
  EXPECT_OK("sameln: one", "one\ntwo");
  EXPECT_FAILS("sameln: two", "one\ntwo", "on the same line");
  EXPECT_OK("nextln: two", "one\ntwo");
  EXPECT_FAILS("nextln: one", "one\ntwo", "on the next line");
}

TEST(FileCheck, WordBoundaries) {
  EXPECT_FAILS("check: add", "iadd v1", "not found");
  EXPECT_FAILS("check: add", "adds v1", "not found");
  EXPECT_OK("check: $()add$()", "iadds v1");
  EXPECT_OK("check: =", "a=b");
}

TEST(FileCheck, Escapes) {
  EXPECT_OK("check: $$5", "costs $5");
  EXPECT_OK("check: a$() $()", "a  b");
  EXPECT_OK("check: v$(=[0-9]+) = iadd", "v12 = iadd v1");
  EXPECT_FAILS("check: $", "a", "a lone '$'");
  EXPECT_FAILS("check: $(", "a", "expected ')' or '='");
  EXPECT_FAILS("check: $(=a", "a", "no ')'");
  EXPECT_FAILS("check: $-", "a", "without a variable");
}

TEST(FileCheck, Variables) {
  EXPECT_OK("check: $(V=v\\d+) = iconst\ncheck: return $V", "v1 = iconst\nreturn v1");
  EXPECT_FAILS("check: $(V=v\\d+) = iconst\ncheck: return $V", "v1 = iconst\nreturn v2", "V is v1");
  EXPECT_OK("regex: V=v\\d+\ncheck: $V = iadd $V, $V", "v3 = iadd v1, v2");
  EXPECT_OK("regex: V=v\\d+\ncheck: $(A=$V) =\ncheck: return $(A)", "v3 = iadd v1, v2\nreturn v3");
  EXPECT_FAILS("check: $V", "v3", "undefined variable");
  EXPECT_FAILS("check: $(V=a) $V", "a a", "used where it is defined");
  EXPECT_FAILS("not: $(V=a)", "a a", "cannot define");
  EXPECT_OK("check: $(A=[)(]+)$(B=\\)x)", "()()x") << "brackets and escapes hide parentheses";
}

TEST(FileCheck, UnorderedMatchInAnyOrder) {
  EXPECT_OK("unordered: two\nunordered: one", "one\ntwo");
  EXPECT_OK("check: zero\nunordered: two\nunordered: one\ncheck: three", "zero\none\ntwo\nthree");
  EXPECT_FAILS("check: zero\nunordered: two\ncheck: one", "zero\none\ntwo", "not found");
  EXPECT_FAILS("check: two\nunordered: one", "one\ntwo", "not found");
  EXPECT_OK("unordered: use $V\nunordered: $(V=v\\d) def", "use v1\nv1 def")
      << "definitions go first";
  EXPECT_FAILS("unordered: $A $(B=b)\nunordered: $B $(A=a)", "a b", "in a circle");
  EXPECT_OK("unordered: ab\nunordered: ab", "ab") << "matches may overlap";
}

TEST(FileCheck, NotLooksBetweenItsNeighbours) {
  EXPECT_OK("check: one\nnot: two\ncheck: three", "two\none\nthree\ntwo");
  EXPECT_FAILS("check: one\nnot: two\ncheck: three", "one\ntwo\nthree", "found:\n    > two");
  EXPECT_FAILS("check: one\nnot: two", "one\nthree\ntwo", "found");
  EXPECT_FAILS("not: two\ncheck: three", "two\nthree", "found");
  EXPECT_OK("not: two", "one");
}

TEST(FileCheck, EmptyPatternMatchesAnything) {
  EXPECT_OK("check: a\nnextln: \nnextln: b", "a\n\nb");
  EXPECT_FAILS("check: a\nnextln: ", "a", "the text has ended");
}

}  // namespace
}  // namespace gantry::filetest

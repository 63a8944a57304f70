// The limits of the ISLE compiler, hit one by one; and hostile texts, which must end in findings.
#include <gtest/gtest.h>

#include <cstdlib>

#include "gantry/isle/compile.h"
#include "gantry/support/hash.h"
#include "gantry/support/limits.h"

namespace gantry::isle {
namespace {

CompileResult compile_text(std::string text) {
  std::vector<SourceFile> files{{"test.isle", std::move(text)}};
  return compile(files, {});
}
bool mentions(const CompileResult& result, std::string_view part) {
  for (const Diagnostic& diagnostic : result.diagnostics) {
    if (diagnostic.message.find(part) != std::string::npos) return true;
  }
  return false;
}
std::string repeat(std::string_view text, u64 count) {
  std::string result;
  for (u64 i = 0; i < count; ++i) result += text;
  return result;
}
// (g (g ... x ...)), `depth` deep.
std::string nested(std::string_view open, std::string_view middle, u64 depth) {
  return repeat(open, depth) + std::string(middle) + repeat(")", depth);
}

TEST(IsleLimits, NestingUpToTheLimitIsFineAndOneMoreIsRefused) {
  const std::string prelude =
      "(decl g (u8) u8)(extern constructor g g)(extern extractor g g)(decl f (u8) u8)";
  const u64 limit = limits::kMaxIsleNesting.value;
  // The rule's own parentheses count, too.
  EXPECT_TRUE(compile_text(prelude + "(rule (f x) " + nested("(g ", "x", limit - 1) + ")").ok);
  const CompileResult refused =
      compile_text(prelude + "(rule (f x) " + nested("(g ", "x", limit) + ")");
  EXPECT_TRUE(mentions(refused, "max-isle-nesting"));
  ASSERT_FALSE(refused.diagnostics.empty());
  EXPECT_EQ(refused.diagnostics[0].kind, ErrorKind::LimitExceeded);
  EXPECT_TRUE(
      compile_text(prelude + "(rule (f " + nested("(g ", "x", limits::kMaxIsleTests.value) + ") x)")
          .ok);
}

TEST(IsleLimits, OrdersOfArguments) {
  const std::string prelude =
      "(decl commutative c (u8 u8) u8)(extern extractor c c)(decl e () u8)(extern extractor e e)"
      "(decl partial f (u8) u8)";
  static_assert(limits::kMaxIslePermutations.value == 4);
  EXPECT_TRUE(compile_text(prelude + "(rule (f (c x (c y (e)))) x)").ok);
  const CompileResult refused = compile_text(prelude + "\n(rule (f (c x (c y (c z (e))))) x)");
  EXPECT_TRUE(mentions(refused, "max-isle-permutations"));
  ASSERT_FALSE(refused.diagnostics.empty());
  EXPECT_EQ(refused.diagnostics[0].kind, ErrorKind::LimitExceeded);
  EXPECT_EQ(refused.diagnostics[0].position.line, 2u);
  // Very many uses are refused without trying them, and those that change nothing are no orders.
  EXPECT_TRUE(mentions(compile_text(prelude + "(rule (f " + nested("(c (e) ", "x", 190) + ") 1)"),
                       "max-isle-permutations"));
  EXPECT_TRUE(compile_text(prelude + "(rule (f (and " + repeat("(c _ _) ", 50) + ")) 1)").ok);
}

TEST(IsleLimits, VeryDeepTextsAreRefusedQuickly) {
  const std::string prelude = "(decl g (u8) u8)(extern constructor g g)(decl f (u8) u8)";
  EXPECT_TRUE(mentions(compile_text(prelude + "(rule (f x) " + nested("(g ", "x", 100000) + ")"),
                       "max-isle-nesting"));
  EXPECT_TRUE(mentions(compile_text(prelude + "(rule (f " + nested("(and ", "x", 100000) + ") 1)"),
                       "max-isle-nesting"));
  EXPECT_TRUE(mentions(compile_text(repeat("(", 100000)), "max-isle-nesting"));
  EXPECT_TRUE(mentions(compile_text(prelude + "(rule (f " + repeat("x @ ", 100000) + "_) 1)"),
                       "max-isle-nesting"));
  EXPECT_TRUE(mentions(
      compile_text(prelude + "(spec (f x) (provide " + nested("(not ", "x", 100000) + "))"),
      "max-isle-nesting"));
  // Comments nest without limit: they need no memory.
  EXPECT_TRUE(compile_text(repeat("(;", 100000) + repeat(";)", 100000)).ok);
  EXPECT_TRUE(mentions(compile_text(repeat("(;", 100000)), "not closed"));
}

TEST(IsleLimits, TemplatesThatDoubleAreRefused) {
  std::string text = "(decl base (u8) u8)(extern extractor base base)";
  std::string before = "base";
  for (int i = 0; i < 40; ++i) {
    const std::string name = "t" + std::to_string(i);
    text += "(decl " + name + " (u8) u8)(extractor (" + name + " x) (and (" + before + " x) (" +
            before + " _)))";
    before = name;
  }
  text += "(decl f (u8) u8)(rule (f (" + before + " _)) 1)";
  EXPECT_TRUE(mentions(compile_text(text), "max-isle-sites"));
}

TEST(IsleLimits, TemplatesThatStackUpAreRefused) {
  std::string text = "(decl t0 (u8) u8)(extern extractor t0 t0)";
  for (int i = 1; i < 3000; ++i) {
    const std::string name = "t" + std::to_string(i);
    text += "(decl " + name + " (u8) u8)(extractor (" + name + " x) (t" + std::to_string(i - 1) +
            " x))";
  }
  EXPECT_TRUE(
      mentions(compile_text(text + "(decl f (u8) u8)(rule (f (t2999 _)) 1)"), "max-isle-nesting"));
}

TEST(IsleLimits, FieldsAndArguments) {
  const u64 limit = limits::kMaxIsleFields.value;
  const auto decl = [](u64 count) {
    return "(decl f (" + repeat("u8 ", count) + ") u8)(extern constructor f f)";
  };
  EXPECT_TRUE(compile_text(decl(limit)).ok);
  EXPECT_TRUE(mentions(compile_text(decl(limit + 1)), "max-isle-fields"));
  const auto type = [](u64 count) { return "(type T (enum (A " + repeat("u8 ", count) + ")))"; };
  EXPECT_TRUE(compile_text(type(limit)).ok);
  EXPECT_TRUE(mentions(compile_text(type(limit + 1)), "max-isle-fields"));
}

TEST(IsleLimits, TestsOfOneRule) {
  const auto rule = [](u64 tests) {
    std::string text = "(decl f (u8) u8)";
    std::string body;
    for (u64 i = 0; i < tests; ++i) {
      const std::string name = "e" + std::to_string(i);
      text += "(decl " + name + " () u8)(extern extractor " + name + " " + name + ")";
      body += "(" + name + ")";
    }
    return text + "(rule (f (and " + body + ")) 1)";
  };
  EXPECT_TRUE(compile_text(rule(limits::kMaxIsleTests.value)).ok);
  EXPECT_TRUE(mentions(compile_text(rule(limits::kMaxIsleTests.value + 1)), "max-isle-tests"));
}

TEST(IsleLimits, SitesOfOneTerm) {
  std::string text = "(decl g (u32 u32) u32)(extern constructor g g)(decl f (u32) u32)";
  for (u64 i = 0; i < 4000; ++i) {
    std::string calls = "x";
    for (int k = 0; k < 20; ++k) calls = "(g " + std::to_string(i) + " " + calls + ")";
    text += "(rule (f x @ " + std::to_string(i) + ") " + calls + ")";
  }
  EXPECT_TRUE(mentions(compile_text(text), "max-isle-sites"));
}

TEST(IsleLimits, ChainsOfValues) {
  const auto chain = [](u64 length) {
    std::string text =
        "(decl pure g (u32 u32) u32)(extern constructor g g)(decl f (u32) u32)(rule (f x0)";
    for (u64 i = 0; i < length; ++i) {
      const std::string from = "x" + std::to_string(i);
      text += "(if-let x" + std::to_string(i + 1) + " (g " + from + " " + from + "))";
    }
    return text + " x" + std::to_string(length) + ")";
  };
  EXPECT_TRUE(compile_text(chain(limits::kMaxIsleSiteDepth.value)).ok);
  EXPECT_TRUE(
      mentions(compile_text(chain(limits::kMaxIsleSiteDepth.value + 1)), "max-isle-site-depth"));
}

TEST(IsleLimits, RulesOfOneTerm) {
  const auto rules = [](u64 count) {
    std::string text = "(decl f (u32) u32)";
    for (u64 i = 0; i < count; ++i)
      text += "(rule (f " + std::to_string(i) + ") " + std::to_string(i) + ")\n";
    return text;
  };
  EXPECT_TRUE(compile_text(rules(3000)).ok);
  EXPECT_TRUE(mentions(compile_text(rules(limits::kMaxIsleRules.value + 1)), "max-isle-rules"));
}

TEST(IsleLimits, ErrorsAreCountedButNotAllKept) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "(decl f" + std::to_string(i) + " (Missing) u8)\n";
  const CompileResult result = compile_text(text);
  EXPECT_EQ(result.errors, 5000u);
  EXPECT_EQ(result.diagnostics.size(), limits::kMaxTextErrors.value);
}

TEST(IsleLimits, LongChainsOfStructsAndCallsNeedNoStack) {
  std::string text = "(type S0 (struct (x u8)))";
  std::string calls = "(decl c0 (u8) u8)(rule (c0 x) x)";
  for (int i = 1; i < 30000; ++i) {
    const std::string before = std::to_string(i - 1);
    const std::string name = std::to_string(i);
    text += "(type S" + name + " (struct (x S" + before + ")))";
    calls += "(decl c" + name + " (u8) u8)(rule (c" + name + " x) (c" + before + " x))";
  }
  EXPECT_TRUE(compile_text(text + calls).ok);
}

// ---- mutated texts
// ---------------------------------------------------------------------------------------

constexpr std::string_view kSeedText =
    R"((type V (primitive V)) (type E (enum (A (x u8) (y V)) (B) (C V V)))
(type S (struct (e E) (f bool))) (extern const $K V)
(decl pure partial g (V u8) V) (extern constructor g g) (extern extractor g h)
(decl multi m (E) V) (decl multi n (V) V) (extern extractor n n)
(decl i (u8 V) E) (extractor (i a b) (E.A a b)) (convert E V to_v) (decl to_v (E) V) (extern constructor to_v to_v)
(decl partial rec f (S u8) V) ; comment
(rule name 3 (f (S (i 0x1f y @ (g z 3)) true) w) (if-let (g _ 2) (g y w)) (if (g $K 1)) (let ((q V z)) (f (S (E.B) false) -1)))
(rule 2 (f (S e @ (E.C v v) _) _) e) (rule (f _ 7) $K) (rule (m (E.C (n x) _)) x)
(spec (f a b) (provide (= result (switch a (1 2)))) (modifies st)) (model V (type (bv 32))) (form q ((args Int) (ret Bool)))
)";

TEST(IsleFuzz, MutatedTextsGiveResultsOrFindings) {
  const char* environment = std::getenv("GANTRY_TEST_SEED");
  const u64 seed = environment != nullptr ? std::strtoull(environment, nullptr, 0) : 20240229;
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("GANTRY_TEST_SEED=" + std::to_string(seed));
  u64 state = seed;
  const auto random = [&state](u64 bound) {
    state += 0x9e3779b97f4a7c15u;
    return mix_bits(state) % bound;
  };
  // Whole words, so that mutations get past the reader.
  std::vector<std::string> words;
  std::string word;
  for (const char c : kSeedText) {
    const bool single = c == '(' || c == ')';
    if (single || c == ' ' || c == '\n') {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
      if (single) words.push_back(std::string(1, c));
    } else {
      word += c;
    }
  }
  u32 accepted = 0;
  for (u32 round = 0; round < 20000; ++round) {
    std::string text;
    if (round % 4 == 0) {
      text = kSeedText;
      for (u64 edits = 1 + random(4); edits > 0; --edits) {
        const usize at = random(text.size());
        switch (random(3)) {
          case 0:
            text[at] = static_cast<char>(random(256));
            break;
          case 1:
            text.erase(at, 1 + random(8));
            break;
          default:
            text.insert(at, 1, "()@;$_-#0x."[random(11)]);
            break;
        }
        if (text.empty()) text = " ";
      }
    } else {
      std::vector<std::string> mutated = words;
      for (u64 edits = 1 + random(3); edits > 0; --edits) {
        const usize at = random(mutated.size());
        if (random(2) == 0) {
          mutated[at] = words[random(words.size())];
        } else {
          std::swap(mutated[at], mutated[random(mutated.size())]);
        }
      }
      for (const std::string& part : mutated) text += part + " ";
    }
    const CompileResult result = compile_text(std::move(text));
    if (result.ok) {
      ++accepted;
    } else {
      ASSERT_GT(result.errors, 0u);
      ASSERT_FALSE(result.diagnostics.empty());
    }
  }
  EXPECT_GT(accepted, 0u);
}

}  // namespace
}  // namespace gantry::isle

// Random programs on random arguments: the evaluator (rules one by one, as the language says)
// against the trees that C++ is written from.
#include <gtest/gtest.h>

#include <cstdlib>

#include "random_program.h"

namespace gantry::isle::testing {
namespace {

u64 seed_from_environment(u64 otherwise) {
  const char* text = std::getenv("GANTRY_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : otherwise;
}

TEST(RandomPrograms, TreesDoWhatTheRulesSay) {
  const u64 first = seed_from_environment(1);
  u64 matched = 0;
  u64 effects = 0;
  u64 results = 0;
  u64 rules = 0;
  u64 permuted = 0;
  u64 exchanged = 0;
  for (u64 seed = first; seed < first + 400; ++seed) {
    const std::string text = random_program(seed, 3 + static_cast<u32>(seed % 30));
    const std::unique_ptr<Compiled> compiled = compile_text(text);
    ASSERT_TRUE(compiled->ok) << "seed " << seed << "\n" << text;
    rules += compiled->typed.rules.size();
    for (const Rule& rule : compiled->typed.rules) permuted += rule.permutations.empty() ? 0 : 1;
    TreeExecutor executor(compiled->typed, compiled->symbols, compiled->terms);
    for (const char* name : {"f", "h", "m", "g"}) {
      const TermId term = compiled->find(name);
      for (u64 trial = 0; trial < 60; ++trial) {
        const std::vector<Value> args =
            random_args(*compiled, term, random_host::combine(seed, trial));
        Evaluator evaluator(compiled->typed, compiled->symbols);
        const Outcome expected = evaluator.run(term, args);
        const Outcome actual = executor.run(term, args);
        ASSERT_EQ(expected.matched, actual.matched)
            << "seed " << seed << " term " << name << " trial " << trial << "\n"
            << text;
        ASSERT_EQ(expected.result, actual.result)
            << "seed " << seed << " term " << name << " trial " << trial << "\n"
            << text;
        ASSERT_EQ(expected.results, actual.results)
            << "seed " << seed << " term " << name << " trial " << trial << "\n"
            << text;
        ASSERT_EQ(expected.order, actual.order)
            << "seed " << seed << " term " << name << " trial " << trial << "\n"
            << text;
        ASSERT_EQ(expected.effects, actual.effects)
            << "seed " << seed << " term " << name << " trial " << trial << "\n"
            << text;
        matched += expected.matched;
        effects += expected.effects.size();
        results += expected.results.size();
        for (const u64 order : expected.order) exchanged += order % 256 != 0;
      }
    }
  }
  // The comparison means something only when rules fire.
  EXPECT_GT(matched, 20000u);
  EXPECT_GT(effects, 10000u);
  EXPECT_GT(results, 10000u);
  EXPECT_GT(rules, 10000u);
  EXPECT_GT(permuted, 1000u);
  EXPECT_GT(exchanged, 1000u);
}

TEST(RandomPrograms, EveryRuleHasALeafAndTreesStaySmall) {
  for (u64 seed = 1000; seed < 1100; ++seed) {
    const std::unique_ptr<Compiled> compiled = compile_text(random_program(seed, 40));
    ASSERT_TRUE(compiled->ok);
    for (const TermCode& code : compiled->terms) {
      usize leaves = 0;
      for (usize i = 0; i < code.tree.leaves.size(); ++i) leaves += code.tree.leaves[i];
      EXPECT_LE(leaves, 12 * code.set.rules.size()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace gantry::isle::testing

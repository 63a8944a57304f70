// Small inputs for each kind of constraint, in the text form; shapes that must not cost more than
// linear time; and random ones, judged by the checker, which is itself judged by running wrong
// allocations.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "gantry/regalloc/allocate.h"
#include "gantry/regalloc/checker.h"
#include "gantry/regalloc/dump.h"
#include "gantry/regalloc/testing/random_input.h"
#include "gantry/regalloc/testing/simulate.h"
#include "gantry/regalloc/testing/typical_input.h"
#include "gantry/regalloc/validate.h"

namespace gantry::regalloc {
namespace {

std::string message_of(const Error& error) { return std::string(error.message()); }

struct Allocated {
  OwnedInput owned;
  Allocator allocator;
  Output output;
  bool ok = false;
  Allocation at(u32 op) const { return output.allocs[op]; }
  bool in_reg(u32 op, u32 hw_enc) const {
    return at(op).is_reg() && at(op).as_reg().hw_enc() == hw_enc;
  }
};

void allocate_and_check(Allocated& result, std::string_view body,
                        std::string_view regs = "regs int: 0 1 2 saved 3\n") {
  const std::string text = "ra 1\n" + std::string(regs) + std::string(body) + "end\n";
  Result<OwnedInput> parsed = parse(text);
  ASSERT_TRUE(parsed) << message_of(parsed.error()) << " line " << parsed.error().position().line;
  result.owned = std::move(*parsed);
  const Input input = result.owned.input();
  Result<void> valid = validate(input);
  ASSERT_TRUE(valid) << message_of(valid.error());
  Result<Output> output = result.allocator.allocate(input, result.owned.env());
  ASSERT_TRUE(output) << message_of(output.error());
  result.output = *output;
  Result<void> good = check(input, result.owned.env(), *output);
  TextWriter dumped;
  dump(input, result.owned.env(), &*output, dumped);
  ASSERT_TRUE(good) << message_of(good.error()) << "\n" << dumped.string();
  for (u64 seed = 0; seed < 8; ++seed)
    EXPECT_TRUE(testing::simulate(input, *output, seed, 50)) << dumped.string();
  result.ok = true;
}

TEST(Allocate, TwoAddressChainStaysInOneRegister) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg
  inst use v0i reg ; def v1i reuse 0
  inst use v1i reg ; def v2i reuse 0
  return use v2i fixed 1
)");
  EXPECT_EQ(a.output.edits.size(), 0u);
  EXPECT_TRUE(a.in_reg(0, 1));
}

TEST(Allocate, SurvivingReusedValueIsCopiedOnce) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg
  inst use v0i reg ; def v1i reuse 0
  return use v0i reg ; use v1i reg
)");
  EXPECT_EQ(a.output.stats.reg_moves, 1u);
  EXPECT_EQ(a.output.edits.size(), 1u);
}

TEST(Allocate, CommutingOperandsExchangeToSaveTheCopy) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg
  inst def v1i reg
  inst use v0i reg commutes ; use v1i reg ; def v2i reuse 0
  return use v0i reg ; use v2i reg
)");
  EXPECT_EQ(a.output.edits.size(), 0u);
  ASSERT_EQ(a.output.exchanged.size(), 1u);
  EXPECT_EQ(a.output.exchanged[0], 2u);
}

TEST(Allocate, DivisionTakesAndGivesTheSameRegisters) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i fixed 1
  inst def v1i reg
  inst remat def v2i reg
  inst def v3i fixed 0 ; def v4i fixed 2 ; use v0i fixed 0 ; use v2i fixed 2 ; use v1i any
  return use v3i reg ; use v4i reg ; use v1i reg
)");
}

TEST(Allocate, ClobberedValueMovesToASavedRegister) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg
  inst clobber i0 i1 i2
  return use v0i reg
)");
  EXPECT_EQ(a.output.edits.size(), 0u);
  EXPECT_TRUE(a.in_reg(0, 3));
}

TEST(Allocate, ClobberOfEverythingStoresOnce) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg
  inst clobber i0 i1 i2 i3
  inst clobber i0 i1 i2 i3
  inst use v0i any
  return use v0i any
)");
  EXPECT_EQ(a.output.stats.stores, 1u);
  EXPECT_LE(a.output.stats.loads, 1u);
}

TEST(Allocate, ConstantsAreMadeAgainNotStored) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst remat def v0i reg
  inst clobber i0 i1 i2 i3
  return use v0i reg
)");
  EXPECT_EQ(a.output.stats.stores, 0u);
  EXPECT_EQ(a.output.stats.remats, 1u);
  EXPECT_EQ(a.output.num_slot_words, 0u);
}

TEST(Allocate, FixedDefinitionOfAClobberedRegisterWins) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i fixed 2
  inst use v0i fixed 2 ; def v1i fixed 0 ; clobber i0 i1 i2
  return use v1i reg
)");
  EXPECT_EQ(a.output.edits.size(), 0u);
}

TEST(Allocate, OneValueInSeveralFixedRegisters) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg
  inst use v0i fixed 0 ; use v0i fixed 1 ; use v0i fixed 2 ; use v0i any ; use v0i stack
  return use v0i reg
)");
}

TEST(Allocate, LateUsesAndEarlyDefinitionsShareNothing) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg
  inst def v1i reg
  inst use v0i reg late ; use v1i reg ; def v2i reg early ; def v3i reg
  return use v2i reg ; use v3i reg
)");
}

TEST(Allocate, ArgumentsOfAFunctionAreFixedDefinitions) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i fixed 0 ; def v1i fixed 1 ; def v2i fixed 2
  inst use v2i fixed 0 ; use v0i fixed 1 ; use v1i fixed 2
  return use v0i any ; use v1i any ; use v2i any
)");
}

TEST(Allocate, LoopParametersSwapInRegisters) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg ; def v1i reg
  branch ; to 1 (v0i v1i)
block 1 (v2i v3i)
  inst use v2i reg ; use v3i reg
  branch ; to 2 () 3 ()
block 2 ()
  branch ; to 1 (v3i v2i)
block 3 ()
  return use v2i reg
)");
  EXPECT_EQ(a.output.stats.reg_moves, 3u);
}

TEST(Allocate, LoopParametersSwapInMemory) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg ; def v1i reg
  branch ; to 1 (v0i v1i)
block 1 (v2i v3i)
  inst clobber i0 i1 i2 i3
  branch ; to 2 () 3 ()
block 2 ()
  branch ; to 1 (v3i v2i)
block 3 ()
  return use v2i any ; use v3i any
)");
}

TEST(Allocate, CallThatEndsItsBlockDefinesValues) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0i reg
  branch use v0i fixed 0 ; def v1i fixed 0 ; def v2i fixed 1 ; clobber i0 i1 i2 ; to 1 (v1i) 2 (v2i v0i)
block 1 (v3i)
  inst clobber i0 i1 i2 i3
  return use v3i reg ; use v1i any
block 2 (v4i v5i)
  return use v4i reg ; use v5i reg
)");
}

TEST(Allocate, WideValuesHaveAlignedSlots) {
  Allocated a;
  allocate_and_check(a, R"(block 0 ()
  inst def v0fw reg ; def v1f reg
  inst clobber f0 f1 f2
  inst use v0fw any ; use v1f any
  inst def v2fw stack ; def v3f stack
  return use v2fw stack ; use v3f stack
)",
                     "regs float: 0 1 2 saved\n");
}

TEST(Allocate, ImpossibleConstraintsAreRefused) {
  Result<OwnedInput> parsed = parse(R"(ra 1
regs int: 0 1 saved
block 0 ()
  inst def v0i reg ; def v1i reg ; def v2i reg
  return
end
)");
  ASSERT_TRUE(parsed);
  Allocator allocator;
  Result<Output> output = allocator.allocate(parsed->input(), parsed->env());
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().kind(), ErrorKind::Unsupported);
}

TEST(Allocate, CasesKeptFromFuzzing) {
  u32 count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GANTRY_REGALLOC_CASES)) {
    if (entry.path().extension() != ".ra") continue;
    ++count;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    Result<OwnedInput> parsed = parse(text.str());
    ASSERT_TRUE(parsed) << entry.path() << message_of(parsed.error()) << " line "
                        << parsed.error().position().line;
    const Input input = parsed->input();
    Result<void> valid = validate(input);
    ASSERT_TRUE(valid) << entry.path() << message_of(valid.error());
    Allocator allocator;
    Result<Output> output = allocator.allocate(input, parsed->env());
    ASSERT_TRUE(output) << entry.path() << message_of(output.error());
    Result<void> good = check(input, parsed->env(), *output);
    EXPECT_TRUE(good) << entry.path() << message_of(good.error());
  }
  EXPECT_GT(count, 0u);
}

TEST(Dump, ReadsBackWhatItWrites) {
  for (u64 seed = 1; seed < 300; ++seed) {
    const OwnedInput owned = testing::random_input(seed);
    TextWriter first;
    dump(owned.input(), owned.env(), nullptr, first);
    Result<OwnedInput> parsed = parse(first.string());
    ASSERT_TRUE(parsed) << message_of(parsed.error()) << " line " << parsed.error().position().line;
    TextWriter second;
    dump(parsed->input(), parsed->env(), nullptr, second);
    ASSERT_EQ(first.string(), second.string());
  }
}

TEST(Dump, RefusesWithAPosition) {
  Result<OwnedInput> parsed = parse("ra 1\nblock 0 ()\n  inst def w0\nend\n");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().position(), (SourcePosition{3, 12}));
  for (const char* text : {"", "ra", "ra 1\nblock 0 (", "ra 1\nblock 0 ()\nreturn ; to 7 ()\nend\n",
                           "ra 1\nblock 0 ()\nreturn use v99999999999i reg\nend\n",
                           "ra 1\nregs : 1\n", "ra 1\nblock 1 ()\nend"}) {
    EXPECT_FALSE(parse(text)) << text;
  }
}

TEST(Validate, NamesTheRuleBroken) {
  const struct {
    const char* body;
    const char* message;
  } cases[] = {
      {"block 0 ()\n return use v0i reg\n", "used but not defined"},
      {"block 0 ()\n inst def v0i reg\n inst def v0i reg\n return\n", "defined twice"},
      {"block 0 ()\n inst def v0i reg\n", "ends or does not end"},
      {"block 0 ()\n branch ; to 1 () 2 ()\nblock 1 ()\n branch ; to 2 ()\nblock 2 ()\n return\n",
       "critical"},
      {"block 0 ()\n branch ; to 1 ()\nblock 1 (v0i)\n return\n", "passes 0 arguments"},
      {"block 0 ()\n inst def v0i reuse 0\n return\n", "reuses"},
      {"block 0 ()\n inst use v1i reg ; def v1i reg\n return\n", "does not dominate"},
      {"block 0 (v0i)\n return\n", "entry block"},
      {"block 0 ()\n inst def v0i fixed 1 ; def v1i fixed 1\n return\n", "wanted twice"},
  };
  for (const auto& entry : cases) {
    Result<OwnedInput> parsed = parse("ra 1\n" + std::string(entry.body) + "end\n");
    ASSERT_TRUE(parsed) << entry.body << message_of(parsed.error());
    Result<void> valid = validate(parsed->input());
    ASSERT_FALSE(valid) << entry.body;
    EXPECT_NE(message_of(valid.error()).find(entry.message), std::string::npos)
        << message_of(valid.error());
  }
}

TEST(Random, AllocationsAreCorrectAndRunCorrectly) {
  Allocator allocator;
  for (u64 seed = 1; seed < 1500; ++seed) {
    const OwnedInput owned = testing::random_input(seed);
    const Input input = owned.input();
    Result<Output> output = allocator.allocate(input, owned.env());
    ASSERT_TRUE(output) << "seed " << seed << message_of(output.error());
    Result<void> good = check(input, owned.env(), *output);
    ASSERT_TRUE(good) << "seed " << seed << message_of(good.error());
    for (u64 path = 0; path < 3; ++path)
      ASSERT_TRUE(testing::simulate(input, *output, path, 60)) << "seed " << seed;
  }
}

// Breaks correct allocations at random. Whenever a run of the broken one goes wrong, the checker
// must have said so.
TEST(Checker, NoticesWhateverGoesWrongWhenRun) {
  Allocator allocator;
  u32 wrong_runs = 0;
  u32 refused = 0;
  u32 mutants = 0;
  for (u64 seed = 1; seed < 1200; ++seed) {
    const OwnedInput owned = testing::random_input(seed);
    const Input input = owned.input();
    Result<Output> output = allocator.allocate(input, owned.env());
    ASSERT_TRUE(output);
    testing::Random random(seed);
    for (u32 round = 0; round < 6; ++round) {
      std::vector<Allocation> allocs(output->allocs.begin(), output->allocs.end());
      std::vector<Edit> edits(output->edits.begin(), output->edits.end());
      switch (random.below(5)) {
        case 0:
          if (edits.empty()) continue;
          edits.erase(edits.begin() + random.below(static_cast<u32>(edits.size())));
          break;
        case 1: {
          if (edits.size() < 2) continue;
          const u32 i = random.below(static_cast<u32>(edits.size() - 1));
          if (edits[i].point != edits[i + 1].point) continue;
          std::swap(edits[i], edits[i + 1]);
          break;
        }
        case 2: {
          if (edits.empty()) continue;
          Edit& edit = edits[random.below(static_cast<u32>(edits.size()))];
          const Edit& other = edits[random.below(static_cast<u32>(edits.size()))];
          (random.one_in(2) ? edit.from : edit.to) = other.to;
          break;
        }
        default: {
          if (allocs.empty()) continue;
          allocs[random.below(static_cast<u32>(allocs.size()))] =
              allocs[random.below(static_cast<u32>(allocs.size()))];
          break;
        }
      }
      Output broken = *output;
      broken.allocs = allocs;
      broken.edits = edits;
      ++mutants;
      const bool accepted = check(input, owned.env(), broken).has_value();
      refused += accepted ? 0 : 1;
      if (!accepted) continue;
      for (u64 path = 0; path < 20; ++path) {
        const bool right = testing::simulate(input, broken, path, 80);
        wrong_runs += right ? 0 : 1;
        ASSERT_TRUE(right) << "the checker accepts a wrong allocation, seed " << seed << " round "
                           << round;
      }
    }
  }
  EXPECT_EQ(wrong_runs, 0u);
  EXPECT_GT(refused, mutants / 2);
}

TEST(Scale, TypicalFunctionsOfAnySizeCostTheSamePerInstruction) {
  Allocator allocator;
  for (const u32 size : {100u, 3000u, 60000u}) {
    const OwnedInput owned = testing::typical_input(7, size);
    Result<void> valid = validate(owned.input());
    ASSERT_TRUE(valid) << message_of(valid.error());
    Result<Output> output = allocator.allocate(owned.input(), owned.env());
    ASSERT_TRUE(output);
    EXPECT_TRUE(check(owned.input(), owned.env(), *output));
  }
}

}  // namespace
}  // namespace gantry::regalloc

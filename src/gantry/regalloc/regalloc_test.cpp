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

// Puts together large inputs.
class Builder {
 public:
  Builder() {
    out_.operand_ranges.push_back(0);
    out_.param_ranges.push_back(0);
    out_.successor_ranges.push_back(0);
    out_.branch_arg_ranges.push_back(0);
    for (u32 reg = 0; reg < 9; ++reg) out_.preferred[0].push_back(PReg(RegClass::Int, reg));
    for (u32 reg = 9; reg < 14; ++reg) out_.non_preferred[0].push_back(PReg(RegClass::Int, reg));
  }
  VReg vreg() { return VReg(out_.num_vregs++, RegClass::Int); }
  void block(const std::vector<VReg>& params = {}) {
    out_.block_insts.push_back(static_cast<u32>(out_.inst_kinds.size()));
    out_.params.insert(out_.params.end(), params.begin(), params.end());
    out_.param_ranges.push_back(static_cast<u32>(out_.params.size()));
  }
  void inst(const std::vector<Operand>& operands, InstKind kind = InstKind::Normal) {
    out_.operands.insert(out_.operands.end(), operands.begin(), operands.end());
    out_.inst_kinds.push_back(kind);
    out_.operand_ranges.push_back(static_cast<u32>(out_.operands.size()));
  }
  VReg def() {
    const VReg result = vreg();
    inst({Operand::def(result)});
    return result;
  }
  void branch(const std::vector<u32>& targets, const std::vector<VReg>& args = {}) {
    inst({}, InstKind::Branch);
    for (const u32 target : targets) {
      out_.successors.push_back(target);
      out_.branch_args.insert(out_.branch_args.end(), args.begin(), args.end());
      out_.branch_arg_ranges.push_back(static_cast<u32>(out_.branch_args.size()));
    }
    out_.successor_ranges.push_back(static_cast<u32>(out_.successors.size()));
  }
  void ret(const std::vector<Operand>& operands = {}) {
    inst(operands, InstKind::Return);
    out_.successor_ranges.push_back(static_cast<u32>(out_.successors.size()));
  }
  // Nanoseconds per instruction and edge.
  double measure() {
    out_.block_insts.push_back(static_cast<u32>(out_.inst_kinds.size()));
    out_.link_predecessors();
    const Input input = out_.input();
    Result<void> valid = validate(input);
    EXPECT_TRUE(valid) << message_of(valid.error());
    Allocator allocator;
    const auto start = std::chrono::steady_clock::now();
    Result<Output> output = allocator.allocate(input, out_.env());
    const double spent =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    EXPECT_TRUE(output) << message_of(output.error());
    const auto check_start = std::chrono::steady_clock::now();
    Result<void> good = check(input, out_.env(), *output);
    EXPECT_TRUE(good) << message_of(good.error());
    const double checked =
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - check_start)
            .count();
    const double size =
        static_cast<double>(input.num_insts + input.operands.size() + input.branch_args.size());
    std::printf("  %.0f ns allocating, %.0f ns checking, per instruction and operand of %.0f\n",
                spent / size, checked / size, size);
    return spent / size;
  }

 private:
  OwnedInput out_;
};

// Far above what is measured, far below what anything quadratic takes at this size.
constexpr double kMostNanoseconds = 20000;

u32 scale() {
  const char* given = std::getenv("GANTRY_REGALLOC_SCALE");
  return given != nullptr ? static_cast<u32>(std::atoi(given)) : 50000;
}

TEST(Scale, ChainOfBlocks) {
  Builder b;
  b.block();
  const VReg long_lived = b.def();
  b.branch({1});
  for (u32 i = 1; i < scale(); ++i) {
    b.block();
    const VReg value = b.def();
    b.inst({Operand::use(value)});
    b.branch({i + 1});
  }
  b.block();
  b.ret({Operand::use(long_lived)});
  EXPECT_LT(b.measure(), kMostNanoseconds);
}

TEST(Scale, LadderOfMerges) {
  Builder b;
  b.block();
  VReg value = b.def();
  const VReg other = b.def();
  const u32 steps = scale() / 4;
  for (u32 i = 0; i < steps; ++i) {
    b.branch({4 * i + 1, 4 * i + 2});
    b.block();
    const VReg left = b.def();
    b.branch({4 * i + 3}, {left});
    b.block();
    b.branch({4 * i + 3}, {value});
    value = b.vreg();
    b.block({value});
    b.branch({4 * i + 4});
    b.block();
  }
  b.ret({Operand::use(value), Operand::use(other)});
  EXPECT_LT(b.measure(), kMostNanoseconds);
}

TEST(Scale, ValuesLiveThroughABlock) {
  Builder b;
  b.block();
  std::vector<VReg> values;
  for (u32 i = 0; i < scale(); ++i) values.push_back(b.def());
  b.branch({1});
  b.block();
  b.inst({Operand::use(values[0])});
  b.branch({2});
  b.block();
  for (const VReg value : values) b.inst({Operand::use(value)});
  b.ret();
  EXPECT_LT(b.measure(), kMostNanoseconds);
}

TEST(Scale, BlockParameters) {
  Builder b;
  b.block();
  std::vector<VReg> first, params, rotated;
  for (u32 i = 0; i < scale(); ++i) {
    first.push_back(b.def());
    params.push_back(b.vreg());
  }
  for (u32 i = 0; i < scale(); ++i) rotated.push_back(params[(i + 1) % scale()]);
  b.branch({1}, first);
  b.block(params);
  b.branch({2, 3});
  b.block();
  b.branch({1}, rotated);
  b.block();
  for (const VReg value : params) b.inst({Operand::use(value, Constraint::Any)});
  b.ret();
  EXPECT_LT(b.measure(), kMostNanoseconds);
}

TEST(Scale, TargetsOfATable) {
  Builder b;
  b.block();
  const VReg value = b.def();
  std::vector<u32> targets;
  for (u32 i = 1; i <= scale(); ++i) targets.push_back(i);
  b.branch(targets);
  for (u32 i = 1; i <= scale(); ++i) {
    b.block();
    b.branch({scale() + 1}, {value});
  }
  const VReg param = b.vreg();
  b.block({param});
  b.ret({Operand::use(param)});
  EXPECT_LT(b.measure(), kMostNanoseconds);
}

TEST(Scale, LongLivesInManyBlocks) {
  Builder b;
  b.block();
  std::vector<VReg> values;
  for (u32 i = 0; i < 1000; ++i) values.push_back(b.def());
  const u32 blocks = scale() / 10;
  b.branch({1});
  for (u32 i = 1; i < blocks; ++i) {
    b.block();
    b.inst({Operand::use(values[i % 1000])});
    b.branch({i + 1});
  }
  b.block();
  for (const VReg value : values) b.inst({Operand::use(value, Constraint::Any)});
  b.ret();
  EXPECT_LT(b.measure(), kMostNanoseconds * 10);
}

TEST(Scale, NestedLoops) {
  Builder b;
  const u32 depth = scale() / 50;
  b.block();
  const VReg value = b.def();
  for (u32 i = 0; i < depth; ++i) {  // a header each
    b.branch({i + 1});
    b.block();
  }
  b.inst({Operand::use(value)});
  // Behind each header's body: a latch, and the exit, which is the body of the loop around.
  u32 next = depth + 1;
  for (u32 i = depth; i > 0; --i) {
    b.branch({next, next + 1});
    b.block();
    b.branch({i});
    b.block();
    b.inst({Operand::use(value)});
    next += 2;
  }
  b.ret();
  EXPECT_LT(b.measure(), kMostNanoseconds);
}

TEST(Scale, CallsWithManyOperands) {
  Builder b;
  b.block();
  std::vector<VReg> values;
  for (u32 i = 0; i < 300; ++i) values.push_back(b.def());
  for (u32 call = 0; call < scale() / 500; ++call) {
    std::vector<Operand> operands;
    for (const VReg value : values) operands.push_back(Operand::use(value, Constraint::Any));
    for (u32 reg = 0; reg < 6; ++reg) {
      operands.push_back(
          Operand::fixed_use(values[(reg * 7 + call) % 300], PReg(RegClass::Int, reg)));
    }
    b.inst(operands);
  }
  b.ret();
  EXPECT_LT(b.measure(), kMostNanoseconds);
}

}  // namespace
}  // namespace gantry::regalloc

// Facts are true (every number the operands may be gives a number inside) and sharp enough to be
// worth having. Numbers are computed by fold(), which fold_test.cpp holds against the interpreter.
#include "gantry/opt/facts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>

#include "gantry/opt/test_opcode_cases.h"

namespace gantry::opt {
namespace {

using ir::IntCC;
using ir::Opcode;
using ir::Type;
using testing::Case;

std::string text_of(const Facts& facts) {
  char text[120];
  std::snprintf(
      text, sizeof text, "{zeros %llx ones %llx from %llx to %llx}",
      static_cast<unsigned long long>(facts.zeros), static_cast<unsigned long long>(facts.ones),
      static_cast<unsigned long long>(facts.umin), static_cast<unsigned long long>(facts.umax));
  return text;
}

// The best facts for a set of numbers.
Facts facts_of(std::span<const u64> values) {
  Facts facts = Facts::constant(values[0]);
  for (const u64 value : values) facts = meet(facts, Facts::constant(value));
  return facts;
}

// What the header promises of all facts of a type.
bool is_well_formed(const Facts& facts, Type type) {
  const u64 beyond = Facts::top(type).zeros, known = facts.zeros | facts.ones;
  const u32 shared = static_cast<u32>(std::countl_zero(facts.umin ^ facts.umax));
  const u64 prefix = shared == 0 ? 0 : ~u64{0} << (64 - shared);
  return facts.contains(facts.umin) && facts.contains(facts.umax) &&
         (facts.zeros & beyond) == beyond && (known & prefix) == prefix &&
         facts.is_constant() == (known == ~u64{0});
}

bool is_tracked(const Case& tested) {
  if (!Facts::tracks(tested.results[0])) return false;
  for (const Type type : tested.operands) {
    if (!Facts::tracks(type)) return false;
  }
  return true;
}

// The facts of bytes that four bits decide (low, high, sign-extended), from all pairs of them, and
// of some ranges.
std::vector<Facts> byte_facts() {
  std::vector<Facts> all;
  const auto add = [&](const Facts& facts) {
    if (std::find(all.begin(), all.end(), facts) == all.end()) all.push_back(facts);
  };
  for (u32 x = 0; x < 16; ++x) {
    for (u32 y = x; y < 16; ++y) {
      const auto sign_extended = [](u32 nibble) -> u64 {
        return nibble < 8 ? nibble : 0xf0 | nibble;
      };
      add(facts_of(std::vector<u64>{x, y}));
      add(facts_of(std::vector<u64>{x << 4, y << 4}));
      add(facts_of(std::vector<u64>{sign_extended(x), sign_extended(y)}));
      if ((x & y) == 0) add(Facts::bits(~u64{0xff} | x * 0x11, y * 0x11));
    }
  }
  add(Facts::top(ir::kI8));
  add(Facts::range(1, 255));
  add(Facts::range(100, 200));
  return all;
}
std::vector<u64> members_of(const Facts& facts) {
  std::vector<u64> members;
  for (u64 value = 0; value < 256; ++value) {
    if (facts.contains(value)) members.push_back(value);
  }
  return members;
}

class FactsTest : public ::testing::Test {
 protected:
  FactsTest() {
    for (const Facts& facts : facts_) members_.push_back(members_of(facts));
  }
  std::mt19937_64 random_{7};
  std::vector<Facts> facts_ = byte_facts();
  std::vector<std::vector<u64>> members_;
};

TEST_F(FactsTest, of_all_opcodes_on_bytes_hold_for_all_members) {
  ASSERT_GT(facts_.size(), 200u);
  std::set<Opcode> seen;
  for (const Opcode opcode : testing::pure_opcodes()) {
    testing::each_case(opcode, random_, [&](Case&& tested) {
      // Conditions have their own test.
      if (HasFailure() || !is_tracked(tested) || tested.operands.size() > 2) return;
      if (opcode == Opcode::Icmp) return;
      for (const Type type : tested.operands) {
        if (type != ir::kI8) return;
      }
      seen.insert(opcode);
      const usize count = tested.operands.size();
      const bool binary = count == 2;
      // Results, or -1 where the application is not defined.
      std::vector<i64> table(binary ? 65536 : 256);
      for (u32 i = 0; i < table.size(); ++i) {
        const FoldOperand operands[] = {{ir::kI8, i & 0xff}, {ir::kI8, i >> 8}};
        u128 results[2];
        const bool folded = fold(tested.request(std::span(operands).first(count)), results) != 0;
        table[i] = folded ? static_cast<i64>(results[0]) : -1;
      }
      const std::vector<u64> no_second = {0};
      for (usize i = 0; i < facts_.size(); ++i) {
        for (usize j = 0; j < (binary ? facts_.size() : 1); ++j) {
          if (binary && members_[i].size() * members_[j].size() > 5000) continue;
          const Facts operands[] = {facts_[i], facts_[j]};
          const Facts result = compute_facts(opcode, tested.aux, tested.results[0],
                                             std::span(operands).first(count), tested.operands);
          const auto what = [&] {
            return tested.name() + " " + text_of(facts_[i]) + " " + text_of(facts_[j]) + ": " +
                   text_of(result);
          };
          ASSERT_TRUE(is_well_formed(result, tested.results[0])) << what();
          for (const u64 x : members_[i]) {
            for (const u64 y : binary ? members_[j] : no_second) {
              const i64 value = table[x | y << 8];
              if (value >= 0 && !result.contains(static_cast<u64>(value)))
                FAIL() << what() << " without that of " << x << ", " << y;
            }
          }
        }
      }
    });
  }
  EXPECT_GE(seen.size(), 40u);
}

TEST_F(FactsTest, of_constants_are_constants) {
  // Knows too little of signs or carries for numbers: what is left to fold().
  const std::set<Opcode> vague = {Opcode::Sdiv,
                                  Opcode::Srem,
                                  Opcode::Smulhi,
                                  Opcode::SaddOverflowCin,
                                  Opcode::UaddOverflowCin,
                                  Opcode::SsubOverflowBin,
                                  Opcode::UsubOverflowBin};
  for (const Opcode opcode : testing::pure_opcodes()) {
    testing::each_case(opcode, random_, [&](Case&& tested) {
      if (HasFailure() || !is_tracked(tested) || vague.contains(opcode)) return;
      for (u32 i = 0; i < 100; ++i) {
        Facts facts[3];
        FoldOperand operands[3];
        for (usize j = 0; j < tested.operands.size(); ++j) {
          const Type type = tested.operands[j];
          operands[j] = {type, testing::random_value(type, testing::edges(type), random_)};
          facts[j] = Facts::constant(static_cast<u64>(operands[j].bits));
        }
        u128 results[2];
        const usize count = tested.operands.size();
        if (fold(tested.request({operands, count}), results) == 0) continue;
        ASSERT_EQ(
            compute_facts(opcode, tested.aux, tested.results[0], {facts, count}, tested.operands),
            Facts::constant(static_cast<u64>(results[0])))
            << tested.name() << " " << text_of(facts[0]) << " " << text_of(facts[1]);
      }
    });
  }
}

// Some facts with a few members, for a type of at most 64 bits.
struct Sample {
  Facts facts;
  std::vector<u64> members;
};
Sample sample(Type type, const std::vector<u128>& edges, std::mt19937_64& random) {
  const auto number = [&] { return static_cast<u64>(testing::random_lane(type, edges, random)); };
  std::vector<u64> members;
  const u64 count = 1 + random() % 3;
  for (u64 i = 0; i < count; ++i) {
    // Near each other as often as not.
    const u64 last = members.empty() ? number() : members.back();
    u64 few_bits = number();
    for (u32 round = 0; round < 2; ++round) few_bits &= number();
    members.push_back(random() % 2 == 0 ? number() : (last ^ few_bits) & ~Facts::top(type).zeros);
  }
  Sample made{facts_of(members), members};
  for (u32 i = 0; i < 12; ++i) {
    const u64 value = (number() & ~made.facts.zeros) | made.facts.ones;
    const u64 span = made.facts.umax - made.facts.umin;
    const u64 inside = made.facts.umin + (span == 0 ? 0 : random() % span);
    for (const u64 candidate : {value, inside, (inside & ~made.facts.zeros) | made.facts.ones}) {
      if (made.facts.contains(candidate)) made.members.push_back(candidate);
    }
  }
  made.members.push_back(made.facts.umin);
  made.members.push_back(made.facts.umax);
  return made;
}

TEST_F(FactsTest, of_all_opcodes_on_all_types_hold_for_random_members) {
  u64 applications = 0;
  for (const Opcode opcode : testing::pure_opcodes()) {
    testing::each_case(opcode, random_, [&](Case&& tested) {
      if (HasFailure() || !Facts::tracks(tested.results[0])) return;
      std::vector<std::vector<u128>> edges;
      for (const Type type : tested.operands) edges.push_back(testing::edges(type.lane_type()));
      const usize count = tested.operands.size();
      for (u32 i = 0; i < 60; ++i) {
        Sample samples[3];
        Facts facts[3];
        for (usize j = 0; j < count; ++j) {
          if (Facts::tracks(tested.operands[j]))
            samples[j] = sample(tested.operands[j], edges[j], random_);
          facts[j] = samples[j].facts;
        }
        const Facts result =
            compute_facts(opcode, tested.aux, tested.results[0], {facts, count}, tested.operands);
        ASSERT_TRUE(is_well_formed(result, tested.results[0])) << tested.name();
        for (u32 k = 0; k < 60; ++k) {
          FoldOperand operands[3];
          for (usize j = 0; j < count; ++j) {
            const std::vector<u64>& members = samples[j].members;
            operands[j] = {tested.operands[j],
                           members.empty()
                               ? testing::random_value(tested.operands[j], edges[j], random_)
                               : u128{members[random_() % members.size()]}};
          }
          u128 results[2];
          if (fold(tested.request({operands, count}), results) == 0) continue;
          ++applications;
          ASSERT_TRUE(result.contains(static_cast<u64>(results[0])))
              << tested.name() << " " << text_of(facts[0]) << " " << text_of(facts[1]) << ": "
              << static_cast<u64>(operands[0].bits) << " gives " << static_cast<u64>(results[0])
              << " not in " << text_of(result);
        }
      }
    });
  }
  EXPECT_GT(applications, 500'000u);
}

TEST_F(FactsTest, meet_and_intersect_are_union_and_intersection) {
  for (usize i = 0; i < facts_.size(); ++i) {
    for (usize j = 0; j < facts_.size(); ++j) {
      const Facts either = meet(facts_[i], facts_[j]), both = intersect(facts_[i], facts_[j]);
      const auto what = [&] { return text_of(facts_[i]) + " " + text_of(facts_[j]); };
      ASSERT_TRUE(is_well_formed(either, ir::kI8)) << what();
      ASSERT_TRUE(is_well_formed(both, ir::kI8)) << what();
      bool common = false;
      for (u64 value = 0; value < 256; ++value) {
        const bool in_a = facts_[i].contains(value), in_b = facts_[j].contains(value);
        common = common || (in_a && in_b);
        ASSERT_TRUE(either.contains(value) || (!in_a && !in_b)) << what();
        ASSERT_TRUE(both.contains(value) || !(in_a && in_b)) << what();
        ASSERT_TRUE(in_a || !both.contains(value)) << what();
      }
      // Nothing in common, or nothing but what both say.
      for (const u64 value : members_of(both))
        ASSERT_EQ(facts_[j].contains(value) || !common, true) << what();
      ASSERT_TRUE(common || both == facts_[i]) << what();
    }
  }
}

TEST_F(FactsTest, conditions_are_decided_and_assumed_rightly) {
  u64 decided_count = 0, sharpened = 0;
  for (u8 cc = 0; cc < 10; ++cc) {
    std::vector<u8> holds(65536);
    for (u32 i = 0; i < 65536; ++i) {
      const FoldOperand operands[] = {{ir::kI8, i & 0xff}, {ir::kI8, i >> 8}};
      u128 results[2];
      ASSERT_EQ(fold({.opcode = Opcode::Icmp, .aux = cc, .result = ir::kI8, .operands = operands},
                     results),
                1u);
      holds[i] = static_cast<u8>(results[0]);
    }
    for (usize i = 0; i < facts_.size(); ++i) {
      for (usize j = 0; j < facts_.size(); ++j) {
        if (members_[i].size() * members_[j].size() > 5000) continue;
        const std::optional<bool> decided =
            decide_icmp(static_cast<IntCC>(cc), facts_[i], facts_[j], ir::kI8);
        const Facts assumed[] = {
            assume_icmp(static_cast<IntCC>(cc), false, facts_[i], facts_[j], ir::kI8),
            assume_icmp(static_cast<IntCC>(cc), true, facts_[i], facts_[j], ir::kI8)};
        const auto what = [&] {
          return std::string(ir::name_of(static_cast<IntCC>(cc))) + " " + text_of(facts_[i]) + " " +
                 text_of(facts_[j]);
        };
        for (const Facts& facts : assumed) {
          ASSERT_TRUE(is_well_formed(facts, ir::kI8)) << what();
          ASSERT_EQ(intersect(facts_[i], facts), facts) << what();
          sharpened += facts == facts_[i] ? 0 : 1;
        }
        for (const u64 x : members_[i]) {
          for (const u64 y : members_[j]) {
            const bool result = holds[x | y << 8] != 0;
            if (decided.value_or(result) != result || !assumed[result].contains(x))
              FAIL() << what() << ": " << x << ", " << y;
          }
        }
        decided_count += decided.has_value() ? 1 : 0;
        ASSERT_TRUE(decided.has_value() || !facts_[i].is_constant() || !facts_[j].is_constant())
            << what();
      }
    }
  }
  // A good part of these facts is disjoint or ordered.
  const u64 questions = 10 * facts_.size() * facts_.size();
  EXPECT_GT(decided_count, questions / 3);
  EXPECT_GT(sharpened, questions / 4);
}

TEST_F(FactsTest, conditions_on_wide_types) {
  for (const Type type : {ir::kI16, ir::kI32, ir::kI64}) {
    const std::vector<u128> edges = testing::edges(type);
    for (u32 i = 0; i < 20'000 && !HasFailure(); ++i) {
      const Sample a = sample(type, edges, random_), b = sample(type, edges, random_);
      const u8 cc = static_cast<u8>(random_() % 10);
      const std::optional<bool> decided =
          decide_icmp(static_cast<IntCC>(cc), a.facts, b.facts, type);
      for (u32 k = 0; k < 20; ++k) {
        const u64 x = a.members[random_() % a.members.size()],
                  y = b.members[random_() % b.members.size()];
        const FoldOperand operands[] = {{type, x}, {type, y}};
        u128 results[2];
        ASSERT_EQ(fold({.opcode = Opcode::Icmp, .aux = cc, .result = ir::kI8, .operands = operands},
                       results),
                  1u);
        const bool result = results[0] != 0;
        const Facts assumed = assume_icmp(static_cast<IntCC>(cc), result, a.facts, b.facts, type);
        ASSERT_TRUE(is_well_formed(assumed, type)) << text_of(assumed);
        ASSERT_TRUE(!decided.has_value() || *decided == result)
            << text_of(a.facts) << text_of(b.facts);
        ASSERT_TRUE(assumed.contains(x))
            << text_of(a.facts) << text_of(b.facts) << text_of(assumed) << x;
      }
    }
  }
}

// ---- what the mid-end hopes for

Facts compute(Opcode opcode, Type result, std::vector<Facts> operands, std::vector<Type> types,
              u8 aux = 0) {
  return compute_facts(opcode, aux, result, operands, types);
}
Facts compute(Opcode opcode, Type type, const Facts& x, const Facts& y) {
  return compute(opcode, type, {x, y}, {type, type});
}

TEST(FactsPrecision, an_extended_index_is_in_bounds) {
  // uextend.i64 of an i8, times 8, plus 16, is below 4096.
  const Facts index = compute(Opcode::Uextend, ir::kI64, {Facts::top(ir::kI8)}, {ir::kI8});
  EXPECT_EQ(index, Facts::range(0, 255));
  const Facts scaled =
      compute(Opcode::Ishl, ir::kI64, {index, Facts::constant(3)}, {ir::kI64, ir::kI32});
  EXPECT_EQ(scaled.umax, 255u * 8);
  EXPECT_EQ(scaled.zeros & 7, 7u);
  const Facts address = compute(Opcode::Iadd, ir::kI64, scaled, Facts::constant(16));
  EXPECT_EQ(address.umin, 16u);
  EXPECT_EQ(address.umax, 255u * 8 + 16);
  EXPECT_EQ(address.zeros & 7, 7u);
  EXPECT_EQ(decide_icmp(IntCC::UnsignedLessThan, address, Facts::constant(4096), ir::kI64), true);
  EXPECT_EQ(decide_icmp(IntCC::SignedGreaterThan, address, Facts::constant(15), ir::kI64), true);
  EXPECT_EQ(compute(Opcode::Icmp, ir::kI8, {address, Facts::constant(4096)}, {ir::kI64, ir::kI64},
                    static_cast<u8>(IntCC::UnsignedGreaterThanOrEqual)),
            Facts::constant(0));
}

TEST(FactsPrecision, a_bounds_check_survives_arithmetic) {
  // if (i < 100) { i + 4 <= 103 and does not wrap }
  const Facts index = assume_icmp(IntCC::UnsignedLessThan, true, Facts::top(ir::kI32),
                                  Facts::constant(100), ir::kI32);
  EXPECT_EQ(index.umax, 99u);
  EXPECT_EQ(index.zeros & 0xff, 0x80u);
  const Facts next = compute(Opcode::Iadd, ir::kI32, index, Facts::constant(4));
  EXPECT_EQ(next.umin, 4u);
  EXPECT_EQ(next.umax, 103u);
  EXPECT_EQ(compute(Opcode::Isub, ir::kI32, next, Facts::constant(4)).umax, 99u);
  // The other side of the branch, and a signed condition.
  EXPECT_EQ(assume_icmp(IntCC::UnsignedLessThan, false, Facts::top(ir::kI32), Facts::constant(100),
                        ir::kI32)
                .umin,
            100u);
  const Facts positive = assume_icmp(IntCC::SignedGreaterThan, true, Facts::top(ir::kI32),
                                     Facts::constant(0), ir::kI32);
  EXPECT_EQ(positive.umin, 1u);
  EXPECT_EQ(positive.umax, 0x7fff'ffffu);
  // A sign extension of what is not negative is a zero extension.
  EXPECT_EQ(compute(Opcode::Sextend, ir::kI64, {positive}, {ir::kI32}), positive);
  EXPECT_TRUE(assume_icmp(IntCC::NotEqual, true, Facts::top(ir::kI64), Facts::constant(0), ir::kI64)
                  .is_never_zero());
  EXPECT_EQ(assume_icmp(IntCC::Equal, true, Facts::top(ir::kI64), Facts::constant(5), ir::kI64),
            Facts::constant(5));
}

TEST(FactsPrecision, masks_and_alignment) {
  const Facts masked = compute(Opcode::Band, ir::kI64, Facts::top(ir::kI64), Facts::constant(0xf0));
  EXPECT_EQ(masked.umax, 0xf0u);
  EXPECT_EQ(masked.zeros, ~u64{0xf0});
  // The largest multiple of 16 below 100 is 96.
  const Facts below =
      assume_icmp(IntCC::UnsignedLessThan, true, masked, Facts::constant(100), ir::kI64);
  EXPECT_EQ(below.umax, 96u);
  EXPECT_EQ(compute(Opcode::Bor, ir::kI64, masked, Facts::constant(1)).umin, 1u);
  EXPECT_EQ(compute(Opcode::Band, ir::kI64,
                    compute(Opcode::Bor, ir::kI64, masked, Facts::constant(1)), Facts::constant(1)),
            Facts::constant(1));
  const Facts product = compute(Opcode::Imul, ir::kI64, Facts::top(ir::kI64), Facts::constant(24));
  EXPECT_EQ(product.zeros, 7u);
  EXPECT_EQ(compute(Opcode::Urem, ir::kI32, Facts::top(ir::kI32), Facts::constant(8)),
            Facts::range(0, 7));
  EXPECT_EQ(compute(Opcode::Ushr, ir::kI32, Facts::top(ir::kI32), Facts::constant(28)),
            Facts::range(0, 15));
  EXPECT_EQ(compute(Opcode::Udiv, ir::kI32, Facts::top(ir::kI32), Facts::constant(1000)).umax,
            0xffff'ffffu / 1000);
  EXPECT_EQ(compute(Opcode::Bxor, ir::kI32, Facts::range(0, 15), Facts::constant(0x100)),
            Facts::range(0x100, 0x10f));
  EXPECT_EQ(compute(Opcode::Bnot, ir::kI8, {Facts::range(0, 1)}, {ir::kI8}),
            Facts::range(0xfe, 0xff));
}

TEST(FactsPrecision, ranges_that_wrap_as_a_whole) {
  const Facts small = Facts::range(1, 5), large = Facts::range(250, 253);
  EXPECT_EQ(compute(Opcode::Isub, ir::kI8, small, large), Facts::range(4, 11));
  EXPECT_EQ(compute(Opcode::Iadd, ir::kI8, large, large), Facts::range(244, 250));
  EXPECT_EQ(compute(Opcode::Ineg, ir::kI8, {small}, {ir::kI8}), Facts::range(251, 255));
  // Some wrap, some do not.
  EXPECT_EQ(compute(Opcode::Iadd, ir::kI8, small, large).umax, 255u);
  // What traps does not arrive.
  const Facts sum =
      compute(Opcode::UaddOverflowTrap, ir::kI32, Facts::top(ir::kI32), Facts::constant(10));
  EXPECT_EQ(sum, Facts::range(10, 0xffff'ffff));
}

TEST(FactsPrecision, the_ends_of_a_range_can_be_excluded) {
  const Facts range = Facts::range(3, 6);
  EXPECT_EQ(assume_icmp(IntCC::NotEqual, true, range, Facts::constant(3), ir::kI8),
            Facts::range(4, 6));
  EXPECT_EQ(assume_icmp(IntCC::Equal, false, range, Facts::constant(6), ir::kI8),
            Facts::range(3, 5));
  EXPECT_EQ(assume_icmp(IntCC::NotEqual, true, range, Facts::constant(4), ir::kI8), range);
  // Not reachable: nothing new.
  EXPECT_EQ(assume_icmp(IntCC::NotEqual, true, Facts::constant(3), Facts::constant(3), ir::kI8),
            Facts::constant(3));
  EXPECT_EQ(assume_icmp(IntCC::UnsignedLessThan, true, range, Facts::constant(0), ir::kI8), range);
  EXPECT_EQ(assume_icmp(IntCC::SignedGreaterThan, true, range, Facts::constant(0x7f), ir::kI8),
            range);
}

TEST(FactsPrecision, loads_counts_and_choices) {
  EXPECT_EQ(compute(Opcode::Uload8, ir::kI64, {Facts::top(ir::kI64)}, {ir::kI64}),
            Facts::range(0, 0xff));
  EXPECT_EQ(compute(Opcode::Uload16, ir::kI32, {Facts::top(ir::kI64)}, {ir::kI64}),
            Facts::range(0, 0xffff));
  EXPECT_EQ(compute_facts(Opcode::Uload32, 0, ir::kI64, {}, {}), Facts::range(0, 0xffff'ffff));
  EXPECT_EQ(compute(Opcode::Load, ir::kI16, {Facts::top(ir::kI64)}, {ir::kI64}),
            Facts::top(ir::kI16));
  EXPECT_EQ(compute(Opcode::Clz, ir::kI32, {Facts::top(ir::kI32)}, {ir::kI32}).umax, 32u);
  EXPECT_EQ(compute(Opcode::Popcnt, ir::kI32, {Facts::range(0, 7)}, {ir::kI32}).umax, 3u);
  EXPECT_EQ(compute(Opcode::Select, ir::kI32,
                    {Facts::top(ir::kI8), Facts::constant(4), Facts::constant(6)},
                    {ir::kI8, ir::kI32, ir::kI32}),
            facts_of(std::vector<u64>{4, 6}));
  EXPECT_EQ(compute(Opcode::Select, ir::kI32,
                    {Facts::range(1, 2), Facts::constant(4), Facts::constant(6)},
                    {ir::kI8, ir::kI32, ir::kI32}),
            Facts::constant(4));
  EXPECT_EQ(compute(Opcode::Umin, ir::kI32, Facts::top(ir::kI32), Facts::constant(9)).umax, 9u);
  EXPECT_EQ(compute(Opcode::Smax, ir::kI32, Facts::top(ir::kI32), Facts::constant(0)).umax,
            0x7fff'ffffu);
  EXPECT_EQ(compute(Opcode::Iabs, ir::kI32, {Facts::top(ir::kI32)}, {ir::kI32}).umax, 0x8000'0000u);
  EXPECT_EQ(compute(Opcode::Icmp, ir::kI8, {Facts::top(ir::kI32), Facts::top(ir::kI32)},
                    {ir::kI32, ir::kI32}),
            Facts::range(0, 1));
  EXPECT_EQ(compute(Opcode::Bmask, ir::kI64, {Facts::range(1, 5)}, {ir::kI32}),
            Facts::constant(~u64{0}));
  EXPECT_EQ(compute(Opcode::VhighBits, ir::kI32, {Facts::unknown()}, {ir::kI32.by(4)}),
            Facts::range(0, 15));
}

TEST(FactsPrecision, an_untracked_condition_decides_nothing) {
  // The facts of an i128 are about its low half: that this is 0 does not make it 0.
  EXPECT_EQ(compute(Opcode::Select, ir::kI32,
                    {Facts::constant(0), Facts::constant(4), Facts::constant(6)},
                    {ir::kI128, ir::kI32, ir::kI32}),
            facts_of(std::vector<u64>{4, 6}));
  EXPECT_FALSE(
      decide_icmp(IntCC::Equal, Facts::constant(1), Facts::constant(1), ir::kI128).has_value());
  EXPECT_EQ(compute(Opcode::Iadd, ir::kI128, Facts::unknown(), Facts::unknown()), Facts::unknown());
}

// Facts only get better when operands do.
TEST_F(FactsTest, better_operands_never_give_worse_facts_where_it_matters) {
  for (const Opcode opcode :
       {Opcode::Iadd, Opcode::Isub, Opcode::Band, Opcode::Bor, Opcode::Bxor, Opcode::Imul,
        Opcode::Ushr, Opcode::Udiv, Opcode::Umin, Opcode::Umax}) {
    for (usize i = 0; i < facts_.size(); ++i) {
      for (usize j = 0; j < facts_.size(); ++j) {
        const Facts wide = compute(opcode, ir::kI8, meet(facts_[i], facts_[j]), facts_[j]);
        const Facts sharp = compute(opcode, ir::kI8, facts_[i], facts_[j]);
        ASSERT_EQ(intersect(sharp, wide), sharp)
            << ir::name_of(opcode) << " " << text_of(facts_[i]) << " " << text_of(facts_[j]) << ": "
            << text_of(sharp) << " " << text_of(wide);
      }
    }
  }
}

}  // namespace
}  // namespace gantry::opt

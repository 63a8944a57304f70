// Divisions by constants: the arithmetic of magic.h against division itself, and what the rules
// make of all divisors of 8 bits, many of 16 and random ones of 32 and 64. Quotients grow with
// their dividends, and so do the forms that replace them (a product, shifted): if they agree on
// both sides of every multiple of the divisor, they agree everywhere.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/magic.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

u64 mask_of(u32 bits) { return ~u64{0} >> (64 - bits); }
i64 signed_of(u64 value, u32 bits) { return static_cast<i64>(value << (64 - bits)) >> (64 - bits); }

// ---- the numbers

u128 multiplier_of(u64 shift, u64 divisor) {
  u128 value = (u128{1} << shift) / divisor;
  if (value * divisor != u128{1} << shift) ++value;
  return value;
}

TEST(Magic, unsigned_quotients_of_16_bits_are_exact_at_every_multiple) {
  for (const u64 max : {u64{0xffff}, u64{0xfffe}, u64{0x7fff}, u64{0x1234}, u64{999}}) {
    for (u64 divisor = 2; divisor <= max; ++divisor) {
      const u64 shift = unsigned_reciprocal_shift(max, divisor);
      const u64 multiplier = reciprocal(shift, divisor);
      ASSERT_EQ(multiplier, multiplier_of(shift, divisor));
      for (u64 x = divisor; x <= max; x += divisor) {
        ASSERT_EQ(x * multiplier >> shift, x / divisor) << x << " / " << divisor;
        ASSERT_EQ((x - 1) * multiplier >> shift, x / divisor - 1) << x - 1 << " / " << divisor;
      }
      ASSERT_EQ(max * multiplier >> shift, max / divisor) << max << " / " << divisor;
    }
  }
}

TEST(Magic, the_shift_is_the_least_one) {
  for (const u64 max : {u64{255}, u64{200}, u64{127}, u64{100}}) {
    for (u64 divisor = 2; divisor <= max; ++divisor) {
      const u64 shift = unsigned_reciprocal_shift(max, divisor);
      if (shift == 0) continue;
      const u64 multiplier = reciprocal(shift - 1, divisor);
      bool exact = true;
      for (u64 x = 0; x <= max; ++x) exact = exact && x * multiplier >> (shift - 1) == x / divisor;
      ASSERT_FALSE(exact) << max << " / " << divisor << ": " << shift;
    }
  }
}

TEST(Magic, signed_quotients_of_16_bits_are_exact_at_every_multiple) {
  for (i64 divisor = 3; divisor < 0x8000; ++divisor) {
    if ((divisor & (divisor - 1)) == 0) continue;
    const u64 shift = signed_reciprocal_shift(16, static_cast<u64>(divisor));
    const i64 multiplier = static_cast<i64>(reciprocal(shift, static_cast<u64>(divisor)));
    const auto check = [&](i64 x) {
      if (x < -0x8000 || x > 0x7fff) return;
      ASSERT_EQ((x * multiplier >> shift) + (x < 0 ? 1 : 0), x / divisor) << x << " / " << divisor;
    };
    for (i64 x = 0; x <= 0x8000; x += divisor) {
      for (const i64 near : {x - 1, x, x + 1}) {
        ASSERT_NO_FATAL_FAILURE(check(near));
        ASSERT_NO_FATAL_FAILURE(check(-near));
      }
    }
    ASSERT_NO_FATAL_FAILURE(check(-0x8000));
    ASSERT_NO_FATAL_FAILURE(check(0x7fff));
  }
}

TEST(Magic, products_say_how_many_bits_they_have) {
  EXPECT_EQ(reciprocal_product_bits(1, 64, 2), 64u);  // 2^63
  EXPECT_EQ(reciprocal_product_bits(2, 64, 2), 65u);
  EXPECT_EQ(reciprocal_product_bits(1, 67, 7), 65u);     // more than 2^64
  EXPECT_EQ(reciprocal_product_bits(255, 11, 10), 16u);  // 255 * 205
  EXPECT_EQ(reciprocal(11, 10), 205u);
}

// ---- the rules

// All four operations by one divisor, and whether it divides; `mask` limits the dividend. A signed
// division by -1 would trap for the least number: it is left out.
std::string program(u32 bits, u64 divisor, u64 mask) {
  const std::string type = "i" + std::to_string(bits);
  const std::string constant = std::to_string(signed_of(divisor, bits));
  const char* signed_quotient = divisor == mask_of(bits) ? "srem" : "sdiv";
  return "function %f(" + type + ") -> " + type + ", " + type + ", " + type + ", " + type +
         ", i8, i8 {\nblock0(v0: " + type + "):\n  v1 = iconst." + type + " " +
         std::to_string(signed_of(mask, bits)) + "\n  v2 = band v0, v1\n  v3 = iconst." + type +
         " " + constant + "\n  v4 = udiv v2, v3\n  v5 = urem v2, v3\n  v6 = " + signed_quotient +
         " v2, v3\n  v7 = srem v2, v3\n  v8 = iconst." + type +
         " 0\n  v9 = icmp eq v5, v8\n  v10 = icmp ne v7, v8\n"
         "  return v4, v5, v6, v7, v9, v10\n}\n";
}

class Divider {
 public:
  // Optimised, valid, and no division left.
  void compile(u32 bits, u64 divisor, u64 mask) {
    bits_ = bits, divisor_ = divisor, mask_ = mask;
    const std::string text = program(bits, divisor, mask);
    reader::Reader reader(text, {});
    reader.header();
    func_ = {};
    ASSERT_TRUE(reader.next(func_)) << text;
    run_egraph(func_, {}, session_);
    func_.dfg.resolve_all_aliases();
    const Result<void> valid = verifier::verify(func_, {.has_isa = true});
    ASSERT_TRUE(valid.has_value()) << valid.error().message() << "\n" << printed();
    for (const ir::Block block : func_.layout.blocks()) {
      for (const ir::Inst inst : func_.layout.insts(block)) {
        ASSERT_FALSE(ir::inst_facts(func_.dfg.opcode(inst)).effects.can_trap) << printed();
      }
    }
    interpreter_.emplace(interp::Options{});
    interpreter_->add_function(func_);
  }
  void check(u64 dividend) {
    const u64 x = dividend & mask_;
    const ir::Type type = ir::Type::int_with_bits(bits_);
    const ir::DataValue arg = ir::DataValue::from_bits(type, dividend & mask_of(bits_));
    const interp::Outcome outcome = interpreter_->run(func_, {&arg, 1});
    ASSERT_EQ(outcome.kind, interp::Outcome::Kind::Returned);
    const u64 d = divisor_;
    const i64 sx = signed_of(x, bits_), sd = signed_of(d, bits_);
    const u64 quotient = sd == -1 ? 0 : static_cast<u64>(sx / sd) & mask_of(bits_);
    const u64 rest = sd == -1 ? 0 : static_cast<u64>(sx % sd) & mask_of(bits_);
    const u64 expected[] = {x / d, x % d, quotient, rest, x % d == 0, rest != 0};
    for (u32 i = 0; i < 6; ++i) {
      ASSERT_EQ(static_cast<u64>(outcome.results[i].bits()), expected[i])
          << "result " << i << " of " << x << " by " << d << ", " << bits_ << " bits\n"
          << printed();
    }
  }
  // Both sides of multiples of the divisor around `dividend`, and of the ends of the range.
  void check_near(u64 dividend) {
    const u64 magnitude = signed_of(divisor_, bits_) < 0 ? u64{0} - divisor_ : divisor_;
    for (const u64 step : {divisor_, magnitude & mask_of(bits_)}) {
      const u64 multiple = dividend - dividend % step;
      for (const u64 near : {multiple - 1, multiple, multiple + 1}) {
        ASSERT_NO_FATAL_FAILURE(check(near));
        ASSERT_NO_FATAL_FAILURE(check(u64{0} - near));
      }
    }
  }

 private:
  std::string printed() const {
    TextWriter out;
    ir::print(func_, out);
    return std::move(out).take();
  }

  u32 bits_ = 0;
  u64 divisor_ = 0, mask_ = 0;
  ir::Function func_;
  Session session_;
  std::optional<interp::Interpreter> interpreter_;
};

TEST(Divide, all_divisors_and_dividends_of_8_bits) {
  Divider divider;
  for (const u64 mask : {u64{0xff}, u64{0x7f}, u64{0x1f}}) {
    for (u64 divisor = 1; divisor < 256; ++divisor) {
      ASSERT_NO_FATAL_FAILURE(divider.compile(8, divisor, mask));
      for (u64 x = 0; x < 256; ++x) ASSERT_NO_FATAL_FAILURE(divider.check(x));
    }
  }
}

// GANTRY_EXHAUSTIVE=1 takes all divisors.
TEST(Divide, divisors_of_16_bits_at_every_multiple) {
  const u64 stride = std::getenv("GANTRY_EXHAUSTIVE") != nullptr ? 1 : 331;
  Divider divider;
  const auto all_multiples = [&](u64 divisor) {
    ASSERT_NO_FATAL_FAILURE(divider.compile(16, divisor, 0xffff));
    for (u64 x = divisor; x <= 0xffff; x += divisor) {
      ASSERT_NO_FATAL_FAILURE(divider.check(x - 1));
      ASSERT_NO_FATAL_FAILURE(divider.check(x));
    }
    const u64 magnitude = divisor >= 0x8000 ? 0x10000 - divisor : divisor;
    for (u64 x = 0; x <= 0x8000; x += magnitude) {
      for (const u64 near : {x - 1, x, x + 1}) {
        ASSERT_NO_FATAL_FAILURE(divider.check(near));
        ASSERT_NO_FATAL_FAILURE(divider.check(u64{0} - near));
      }
    }
    for (const u64 x : {0x7fff, 0x8000, 0x8001, 0xffff}) ASSERT_NO_FATAL_FAILURE(divider.check(x));
  };
  for (const u64 divisor :
       {3,  5,   6,   7,   9,    10,     11,     12,     13,     14,     25,     28,
        60, 100, 125, 641, 1000, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff, 0xfff9, 0xfff6}) {
    ASSERT_NO_FATAL_FAILURE(all_multiples(divisor));
  }
  for (u64 divisor = stride; divisor < 0x10000; divisor += stride)
    ASSERT_NO_FATAL_FAILURE(all_multiples(divisor));
}

void random_divisions(u32 bits, u32 count) {
  std::mt19937_64 random(bits);
  Divider divider;
  const u64 full = mask_of(bits);
  for (u32 round = 0; round < count; ++round) {
    // Of all magnitudes; every other one is near a power of two, or negative.
    u64 divisor = (random() & full) >> random() % bits;
    if (round % 4 == 1) divisor = (u64{1} << random() % bits) + random() % 3 - 1;
    if (round % 3 == 1) divisor = u64{0} - divisor;
    if (round < 40) divisor = round / 2 * (round % 2 == 0 ? u64{1} : ~u64{0});
    divisor &= full;
    if (divisor == 0) continue;
    const u64 mask = round % 5 == 4 ? full >> random() % bits : full;
    ASSERT_NO_FATAL_FAILURE(divider.compile(bits, divisor, mask));
    const u64 edges[] = {full, full >> 1, (full >> 1) + 1, mask, divisor, 0};
    for (const u64 edge : edges) ASSERT_NO_FATAL_FAILURE(divider.check_near(edge));
    for (u32 i = 0; i < 16; ++i)
      ASSERT_NO_FATAL_FAILURE(divider.check_near((random() & full) >> random() % bits));
  }
}
TEST(Divide, random_divisors_of_32_bits) { random_divisions(32, 1500); }
TEST(Divide, random_divisors_of_64_bits) { random_divisions(64, 1500); }

}  // namespace
}  // namespace gantry::opt

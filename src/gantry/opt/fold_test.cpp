// Holds fold() against the interpreter: every opcode, every typing, edges and random numbers. What
// is not folded must have one of the reasons of the header.
#include "gantry/opt/fold.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <set>

#include "gantry/opt/test_opcode_cases.h"

namespace gantry::opt {
namespace {

using ir::Opcode;
using ir::Type;
using testing::Case;
using Kind = interp::Outcome::Kind;

std::string hex(u128 value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[static_cast<u32>(value & 15)]);
    value >>= 4;
  } while (value != 0);
  return digits;
}

bool has_nan(Type type, u128 bits) {
  if (!type.has_float_lanes()) return false;
  const u32 width = type.lane_bits();
  const u32 fraction = width == 16 ? 10 : width == 32 ? 23 : width == 64 ? 52 : 112;
  const u128 infinity = testing::ones(width - 1) ^ testing::ones(fraction);
  for (u32 i = 0; i < type.lane_count(); ++i) {
    if ((bits >> (i * width) & testing::ones(width - 1)) > infinity) return true;
  }
  return false;
}

bool is_arithmetic(Opcode opcode) {
  switch (opcode) {
    case Opcode::Fadd:
    case Opcode::Fsub:
    case Opcode::Fmul:
    case Opcode::Fdiv:
    case Opcode::Sqrt:
    case Opcode::Fma:
      return true;
    default:
      return false;
  }
}
bool keeps_nans(Opcode opcode) {
  return !is_arithmetic(opcode) && opcode != Opcode::Fmin && opcode != Opcode::Fmax &&
         opcode != Opcode::Ceil && opcode != Opcode::Floor && opcode != Opcode::Trunc &&
         opcode != Opcode::Nearest && opcode != Opcode::Fpromote && opcode != Opcode::Fdemote &&
         opcode != Opcode::Fvdemote && opcode != Opcode::FvpromoteLow;
}

// Whether the header allows that this is not folded.
bool may_stay(const Case& tested, const interp::Outcome& outcome) {
  if (outcome.kind == Kind::Trapped) return true;
  const Type result = tested.results[0];
  if (!keeps_nans(tested.opcode) && has_nan(result, outcome.results[0].bits())) return true;
  if (is_arithmetic(tested.opcode) && result.lane_type() == ir::kF128) return true;
  const bool to_integer = tested.operands[0].is_float() && result == ir::kI128;
  return to_integer && outcome.results[0].bits() >= (u128{1} << 127) - 1;
}

class FoldTest : public ::testing::Test {
 protected:
  // Checks one application; returns whether it was folded.
  bool check(const Case& tested, interp::Interpreter& interpreter, std::span<const u128> values) {
    FoldOperand operands[3];
    args_.clear();
    for (usize i = 0; i < values.size(); ++i) {
      operands[i] = {tested.operands[i], values[i]};
      args_.push_back(ir::DataValue::from_bits(tested.operands[i], values[i]));
    }
    u128 results[2];
    const u32 count = fold(tested.request({operands, values.size()}), results);
    const interp::Outcome outcome = interpreter.run(*tested.func, args_);
    ++applications_;
    bool right = outcome.kind == Kind::Returned || outcome.kind == Kind::Trapped;
    if (count == 0) {
      right = right && may_stay(tested, outcome);
    } else {
      right = right && outcome.kind == Kind::Returned && count == outcome.results.size();
      for (u32 i = 0; right && i < count; ++i) right = results[i] == outcome.results[i].bits();
    }
    if (!right) {
      std::string text = tested.name() + ":";
      for (const u128 value : values) text += " " + hex(value);
      text += " is not";
      for (u32 i = 0; i < count; ++i) text += " " + hex(results[i]);
      text += " but " + outcome.message;
      for (const ir::DataValue& value : outcome.results) text += " " + hex(value.bits());
      ADD_FAILURE() << text;
    }
    return count != 0;
  }

  std::mt19937_64 random_{1};
  std::vector<ir::DataValue> args_;
  u64 applications_ = 0;
};

TEST_F(FoldTest, every_opcode_on_every_type_is_what_the_interpreter_computes) {
  // Pure opcodes that are never folded, and why.
  const std::set<std::string_view> unfoldable = {
      // The address or register is not known before linking or running.
      "func_addr", "stack_addr", "dynamic_stack_addr", "symbol_value", "tls_value",
      "get_frame_pointer", "get_stack_pointer", "get_return_address",
      "get_exception_handler_address",
      // Constants already.
      "iconst", "f16const", "f32const", "f64const", "f128const", "vconst",
      // Vectors of dynamic size.
      "extract_vector"};
  for (const Opcode opcode : testing::pure_opcodes()) {
    bool folded = false;
    testing::each_case(opcode, random_, [&](Case&& tested) {
      if (HasFailure() || unfoldable.contains(ir::name_of(opcode))) return;
      interp::Interpreter interpreter({});
      interpreter.add_function(*tested.func);
      std::vector<std::vector<u128>> edges;
      for (const Type type : tested.operands) edges.push_back(testing::edges(type.lane_type()));
      std::vector<u128> values(tested.operands.size());
      const bool scalars = tested.results[0].is_scalar() && tested.operands[0].is_scalar();
      if (scalars && values.size() == 2 && edges[0].size() * edges[1].size() < 8000) {
        for (const u128 x : edges[0]) {
          for (const u128 y : edges[1])
            folded |= check(tested, interpreter, std::vector<u128>{x, y});
        }
      } else if (scalars && values.size() == 1) {
        for (const u128 x : edges[0]) folded |= check(tested, interpreter, std::vector<u128>{x});
      }
      for (u32 i = 0; i < 60; ++i) {
        for (usize j = 0; j < values.size(); ++j)
          values[j] = testing::random_value(tested.operands[j], edges[j], random_);
        folded |= check(tested, interpreter, values);
      }
    });
    EXPECT_NE(folded, unfoldable.contains(ir::name_of(opcode))) << ir::name_of(opcode);
  }
  for (const std::string_view name : unfoldable) {
    const std::optional<Opcode> opcode = ir::opcode_from_name(name);
    EXPECT_TRUE(opcode.has_value() && testing::is_pure(*opcode)) << name;
  }
  RecordProperty("applications", std::to_string(applications_));
}

TEST_F(FoldTest, all_pairs_of_bytes) {
  for (const Opcode opcode : testing::pure_opcodes()) {
    testing::each_case(opcode, random_, [&](Case&& tested) {
      if (HasFailure() || tested.operands.size() > 2) return;
      for (const Type type : tested.operands) {
        if (type != ir::kI8) return;
      }
      interp::Interpreter interpreter({});
      interpreter.add_function(*tested.func);
      for (u32 x = 0; x < 256; ++x) {
        for (u32 y = 0; y < (tested.operands.size() == 2 ? 256u : 1u); ++y) {
          const u128 values[] = {x, y};
          check(tested, interpreter, std::span(values).first(tested.operands.size()));
        }
      }
    });
  }
}

TEST_F(FoldTest, all_halves) {
  for (const Opcode opcode : testing::pure_opcodes()) {
    testing::each_case(opcode, random_, [&](Case&& tested) {
      if (HasFailure() || tested.operands.size() != 1 || tested.operands[0] != ir::kF16) return;
      interp::Interpreter interpreter({});
      interpreter.add_function(*tested.func);
      for (u32 x = 0; x < 65536; ++x) check(tested, interpreter, std::vector<u128>{x});
    });
  }
}

// Where rounding twice would show: halves and floats whose results lie next to a tie.
TEST_F(FoldTest, arithmetic_near_ties) {
  for (const Opcode opcode :
       {Opcode::Fadd, Opcode::Fsub, Opcode::Fmul, Opcode::Fdiv, Opcode::Fma}) {
    for (const Type type : {ir::kF16, ir::kF32, ir::kF64}) {
      const u32 operands = opcode == Opcode::Fma ? 3 : 2;
      std::optional<Case> tested =
          testing::make_case(opcode, type, std::vector<Type>(operands, type), 0, false, random_);
      ASSERT_TRUE(tested.has_value());
      interp::Interpreter interpreter({});
      interpreter.add_function(*tested->func);
      const u32 fraction = type == ir::kF16 ? 10 : type == ir::kF32 ? 23 : 52;
      const u32 exponents = type.bits() - 1 - fraction;
      for (u32 i = 0; i < 30'000 && !HasFailure(); ++i) {
        std::vector<u128> values;
        for (u32 j = 0; j < operands; ++j) {
          // Few significant bits at both ends of the fraction, any exponent.
          const u128 low = random_() % 8, high = u128{random_() % 8} << (fraction - 3);
          const u128 exponent = random_() & testing::ones(exponents);
          values.push_back(u128{random_() % 2} << (type.bits() - 1) | exponent << fraction | high |
                           low);
        }
        check(*tested, interpreter, values);
      }
    }
  }
}

TEST(Fold, leaves_arithmetic_alone_when_the_host_rounds_otherwise) {
  const FoldOperand operands[] = {{ir::kF64, 0x3ff0000000000000}, {ir::kF64, 0x4008000000000000}};
  const FoldRequest request{.opcode = Opcode::Fdiv, .result = ir::kF64, .operands = operands};
  u128 results[2];
  ASSERT_EQ(fold(request, results), 1u);
  EXPECT_EQ(hex(results[0]), "3fd5555555555555");
  std::fesetround(FE_UPWARD);
  const u32 count = fold(request, results);
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(fold(request, results), 1u);
}

TEST(Fold, leaves_alone_what_has_no_constants_or_is_too_wide) {
  u128 results[2];
  EXPECT_EQ(fold({.opcode = Opcode::GetStackPointer, .result = ir::kI64, .operands = {}}, results),
            0u);
  const Type wide = ir::kI32.by(8), dynamic = ir::kI32.by(4).dynamic();
  for (const Type type : {wide, dynamic}) {
    const FoldOperand operands[] = {{type, 1}, {type, 2}};
    EXPECT_EQ(fold({.opcode = Opcode::Iadd, .result = type, .operands = operands}, results), 0u);
  }
  const FoldOperand loaded[] = {{ir::kI64, 0x1000}};
  EXPECT_EQ(fold({.opcode = Opcode::Load, .result = ir::kI64, .operands = loaded}, results), 0u);
}

}  // namespace
}  // namespace gantry::opt

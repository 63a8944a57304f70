// Every pass on functions of a million (or a hundred thousand) pieces: a result or a named limit,
// in time that doubles when the function does. The environment variable GANTRY_LIMITS_SHAPE picks
// one shape, GANTRY_LIMITS_TIMES=1 prints times.
#include <gtest/gtest.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "gantry/codegen/compile.h"
#include "gantry/ir/printer.h"
#include "gantry/isa/lookup.h"
#include "gantry/reader/reader.h"
#include "gantry/support/limits.h"
#include "gantry/verifier/verifier.h"
#include "large_functions.h"

namespace gantry::limits_testing {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr u32 kDivisor = 20;  // what is watched there is memory, not time
#else
constexpr u32 kDivisor = 1;
#endif
// Far above what any shape needs; only growth beyond linear gets there.
constexpr double kMaxSeconds = 120;

// Of this thread, so that a busy machine does not matter.
double cpu_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::unique_ptr<target::TargetIsa> make_isa(bool checker) {
  target::Flags flags;
  flags.regalloc_checker = checker;
  flags.enable_verifier = false;  // timed by itself
  flags.enable_multi_ret_implicit_sret = true;
  Result<target::TargetSpec> spec = target::parse_target("x86_64", flags);
  EXPECT_TRUE(spec.has_value());
  Result<target::TargetIsa*> isa = isa::lookup(*spec);
  EXPECT_TRUE(isa.has_value());
  return std::unique_ptr<target::TargetIsa>(*isa);
}

struct Times {
  double build, verify, compile;
};

// What one run of the compiler says: empty if it compiled, else the error.
std::string compile(const Shape& shape, u32 size, bool checker, Times& times, Session& session) {
  ir::Function func;
  double start = cpu_seconds();
  const auto lap = [&] {
    const double now = cpu_seconds(), taken = now - start;
    start = now;
    return taken;
  };
  shape.build(func, size);
  times.build = lap();
  const Result<void> verified = verifier::verify(func, {.has_isa = true});
  times.verify = lap();
  if (!verified.has_value()) return "not valid: " + std::string(verified.error().message());
  const std::unique_ptr<target::TargetIsa> isa = make_isa(checker);
  const Result<target::CompiledCode> code = codegen::compile(func, *isa, session);
  times.compile = lap();
  if (!code.has_value()) {
    return (code.error().kind() == ErrorKind::LimitExceeded ? "limit: " : "error: ") +
           std::string(code.error().message());
  }
  EXPECT_FALSE(code->code.empty());
  return "";
}

bool is_linear(double small, double large) { return large < 3 * small + 0.1; }

class LargeFunction : public testing::TestWithParam<Shape> {};

void expect_linear(const Shape& shape, bool checker) {
  const u32 size = shape.size / kDivisor;
  const bool print = std::getenv("GANTRY_LIMITS_TIMES") != nullptr;
  std::string slow;
  for (u32 attempt = 0; attempt < 3; ++attempt) {
    Times half, full;
    {
      Session session;
      const std::string said = compile(shape, size / 2, checker, half, session);
      ASSERT_TRUE(said.empty() || said.starts_with("limit: ")) << said;
    }
    Session session;
    session.enable_timing(true);
    const std::string said = compile(shape, size, checker, full, session);
    ASSERT_TRUE(said.empty() || said.starts_with("limit: ")) << said;
    ASSERT_LT(full.build + full.verify + full.compile, kMaxSeconds);
    slow.clear();
    if (!is_linear(half.build, full.build)) slow += " build";
    if (!is_linear(half.verify, full.verify)) slow += " verify";
    if (!is_linear(half.compile, full.compile)) slow += " compile";
    if (print) {
      std::printf(
          "%-36s %8u checker %d: build %.2f %.2f  verify %.2f %.2f  compile %.2f %.2f  %s%s\n",
          shape.name, size, checker, half.build, full.build, half.verify, full.verify, half.compile,
          full.compile, said.c_str(), slow.empty() ? "" : (" SLOW:" + slow).c_str());
      for (const PassTime& time : session.pass_times()) {
        std::printf("    %.*s %.2f", static_cast<int>(time.pass->name.size()),
                    time.pass->name.data(), static_cast<double>(time.nanoseconds) * 1e-9);
      }
      std::printf("\n");
      std::fflush(stdout);
    }
    if (slow.empty()) return;
  }
  ADD_FAILURE() << shape.name << " takes more than linear time in:" << slow;
}

bool is_wanted(const Shape& shape) {
  const char* const wanted = std::getenv("GANTRY_LIMITS_SHAPE");
  return wanted == nullptr || std::string_view(shape.name) == wanted;
}

TEST_P(LargeFunction, compiles_in_linear_time) {
  if (is_wanted(GetParam())) expect_linear(GetParam(), false);
}
TEST_P(LargeFunction, compiles_with_the_checker) {
  if (is_wanted(GetParam())) expect_linear(GetParam(), true);
}

// The reader accepts what the printer wrote, or names its limit.
TEST_P(LargeFunction, as_text) {
  const Shape& shape = GetParam();
  if (!is_wanted(shape)) return;
  TextWriter half, full;
  double seconds[2];
  for (u32 attempt = 0; attempt < 3; ++attempt) {
    for (u32 i = 0; i < 2; ++i) {
      ir::Function func, read;
      shape.build(func, shape.size / kDivisor / (2 - i));
      TextWriter& text = i == 0 ? half : full;
      text.clear();
      const double start = cpu_seconds();
      ir::print(func, text);
      reader::Reader reader(text.view(), {});
      ASSERT_TRUE(reader.next(read));
      seconds[i] = cpu_seconds() - start;
      if (reader.errors_in_last() == 0) {
        TextWriter again;
        ir::print(read, again);
        ASSERT_TRUE(again.view() == text.view());
      } else {
        ASSERT_EQ(reader.diagnostics()[0].kind, ErrorKind::LimitExceeded)
            << reader.diagnostics()[0].message;
      }
    }
    if (is_linear(seconds[0], seconds[1])) break;
  }
  EXPECT_TRUE(is_linear(seconds[0], seconds[1])) << seconds[0] << " " << seconds[1];
}

INSTANTIATE_TEST_SUITE_P(Shapes, LargeFunction, testing::ValuesIn(shapes().begin(), shapes().end()),
                         [](const testing::TestParamInfo<Shape>& shape) {
                           std::string name = shape.param.name;
                           for (char& c : name) c = c == ' ' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace gantry::limits_testing

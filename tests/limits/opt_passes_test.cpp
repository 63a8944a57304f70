// Passes of the mid-end by themselves on the functions of large_functions.cpp: still valid, and in
// time that doubles when the function does.
#include <gtest/gtest.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "gantry/opt/eliminate_dead_stores.h"
#include "gantry/opt/promote_stack_slots.h"
#include "gantry/opt/remove_unreachable_blocks.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/verifier/verifier.h"
#include "large_functions.h"

namespace gantry::limits_testing {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr u32 kDivisor = 20;
#else
constexpr u32 kDivisor = 1;
#endif

// Of this thread, so that a busy machine does not matter.
double cpu_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Seconds {
  double promote, eliminate;
};

Seconds run(const Shape& shape, u32 size) {
  ir::Function func;
  shape.build(func, size);
  Session session;
  analysis::ControlFlow flow;
  flow.compute(func);
  const double start = cpu_seconds();
  opt::eliminate_dead_stores(func, flow, session);
  const double between = cpu_seconds();
  opt::promote_stack_slots(func, true, session);
  const double end = cpu_seconds();
  func.dfg.resolve_all_aliases();
  const Result<void> valid = verifier::verify(func, {.has_isa = true});
  EXPECT_TRUE(valid.has_value()) << shape.name << ": " << valid.error().message();
  return {end - between, between - start};
}

bool is_linear(double small, double large) { return large < 3 * small + 0.1; }

TEST(OptPasses, are_linear) {
  for (const Shape& shape : shapes()) {
    const std::string_view name = shape.name;
    if (!name.starts_with("slot") && !name.starts_with("stack") && !name.starts_with("store"))
      continue;
    bool linear = false;
    Seconds half{}, full{};
    for (u32 attempt = 0; attempt < 3 && !linear; ++attempt) {
      half = run(shape, shape.size / kDivisor / 2);
      full = run(shape, shape.size / kDivisor);
      linear = is_linear(half.promote, full.promote) && is_linear(half.eliminate, full.eliminate);
    }
    EXPECT_TRUE(linear) << shape.name << ": " << half.promote << " " << full.promote << ", "
                        << half.eliminate << " " << full.eliminate;
    std::printf("%-24s promote %.3f %.3f eliminate %.3f %.3f\n", shape.name, half.promote,
                full.promote, half.eliminate, full.eliminate);
  }
}

double run_egraph_on(const Shape& shape, u32 size) {
  ir::Function func;
  shape.build(func, size);
  Session session;
  opt::remove_unreachable_blocks(func, session);
  func.dfg.resolve_all_aliases();
  const double start = cpu_seconds();
  opt::run_egraph(func, {}, session);
  const double seconds = cpu_seconds() - start;
  const Result<void> valid = verifier::verify(func, {.has_isa = true});
  EXPECT_TRUE(valid.has_value()) << shape.name << ": " << valid.error().message();
  return seconds;
}

// GANTRY_LIMITS_SHAPE picks one, GANTRY_LIMITS_SIZE its size: to count instructions under
// callgrind.
TEST(OptPasses, egraph_is_linear) {
  const char* const only = std::getenv("GANTRY_LIMITS_SHAPE");
  const char* const chosen_size = std::getenv("GANTRY_LIMITS_SIZE");
  for (const Shape& shape : shapes()) {
    if (only != nullptr && std::string_view(only) != shape.name) continue;
    if (chosen_size != nullptr) {
      run_egraph_on(shape, static_cast<u32>(std::strtoul(chosen_size, nullptr, 10)));
      continue;
    }
    bool linear = false;
    double half = 0, full = 0;
    for (u32 attempt = 0; attempt < 3 && !linear; ++attempt) {
      half = run_egraph_on(shape, shape.size / kDivisor / 2);
      full = run_egraph_on(shape, shape.size / kDivisor);
      linear = is_linear(half, full);
    }
    EXPECT_TRUE(linear) << shape.name << ": " << half << " " << full;
    std::printf("%-36s egraph %.3f %.3f\n", shape.name, half, full);
  }
}

}  // namespace
}  // namespace gantry::limits_testing

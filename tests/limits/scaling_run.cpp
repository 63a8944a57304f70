// Verifies and compiles one function of large_functions.cpp, for who counts executed instructions
// (bench/scaling.py): scaling_run SHAPE SIZE OPT_LEVEL; scaling_run alone lists the shapes. What is
// to be counted happens in `measured`.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "gantry/codegen/compile.h"
#include "gantry/isa/lookup.h"
#include "gantry/verifier/verifier.h"
#include "large_functions.h"

namespace gantry::limits_testing {

// Named by the script: its cost is that of the compiler alone.
[[gnu::noinline]] Result<target::CompiledCode> measured(ir::Function& func,
                                                        const target::TargetIsa& isa,
                                                        Session& session) {
  GANTRY_TRY(verifier::verify(func, {.has_isa = true}));
  return codegen::compile(func, isa, session);
}

namespace {

int run(const Shape& shape, u32 size, std::string_view level) {
  target::Flags flags;
  flags.opt_level = level == "none" ? target::OptLevel::None : target::OptLevel::Speed;
  flags.enable_verifier = false;  // once is enough, and measured() does
  flags.enable_multi_ret_implicit_sret = true;
  Result<target::TargetSpec> spec = target::parse_target("x86_64", flags);
  if (!spec.has_value()) return 1;
  Result<target::TargetIsa*> made = isa::lookup(*spec);
  if (!made.has_value()) return 1;
  const std::unique_ptr<target::TargetIsa> isa(*made);
  ir::Function func;
  shape.build(func, size);
  Session session;
  const Result<target::CompiledCode> code = measured(func, *isa, session);
  if (code.has_value()) {
    std::printf("compiled: %zu bytes\n", code->code.size());
    return 0;
  }
  const bool limit = code.error().kind() == ErrorKind::LimitExceeded;
  const std::string_view message = code.error().message();
  std::printf("%s: %.*s\n", limit ? "limit" : "error", static_cast<int>(message.size()),
              message.data());
  return limit ? 0 : 1;
}

}  // namespace
}  // namespace gantry::limits_testing

int main(int argc, char** argv) {
  using namespace gantry::limits_testing;
  if (argc == 1) {
    for (const Shape& shape : shapes()) std::printf("%s\n", shape.name);
    return 0;
  }
  if (argc != 4) {
    std::fprintf(stderr, "usage: scaling_run [SHAPE SIZE none|speed]\n");
    return 2;
  }
  for (const Shape& shape : shapes()) {
    if (std::string_view(argv[1]) == shape.name) {
      return run(shape, static_cast<gantry::u32>(std::strtoul(argv[2], nullptr, 10)), argv[3]);
    }
  }
  std::fprintf(stderr, "no shape '%s'\n", argv[1]);
  return 2;
}

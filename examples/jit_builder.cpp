// Builds a function with variables and a loop, compiles it in memory and calls it.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "gantry/codegen/compile.h"
#include "gantry/frontend/function_builder.h"
#include "gantry/isa/lookup.h"
#include "gantry/jit/jit.h"

namespace {

using namespace gantry;  // NOLINT: an example

// fibonacci(n): i64 -> i64. Variables may be assigned anywhere; the builder finds out which value
// they have where.
Result<void> build_fibonacci(ir::Function& func, ir::CallConv call_conv) {
  func.signature.call_conv = call_conv;
  func.signature.params.push_back({ir::kI64});
  func.signature.returns.push_back({ir::kI64});

  frontend::FunctionBuilder builder(func);
  const frontend::Variable n = builder.declare_var(ir::kI64);
  const frontend::Variable a = builder.declare_var(ir::kI64);
  const frontend::Variable b = builder.declare_var(ir::kI64);
  const ir::Block entry = builder.create_block(), head = builder.create_block(),
                  body = builder.create_block(), done = builder.create_block();
  const auto go_to = [&](ir::Block block) { return builder.ins().block_call(block); };

  builder.append_block_params_for_function_params(entry);
  builder.switch_to_block(entry);
  builder.seal_block(entry);  // nothing jumps here
  builder.def_var(n, func.dfg.block_params(entry)[0]);
  builder.def_var(a, builder.ins().iconst(ir::kI64, 0));
  builder.def_var(b, builder.ins().iconst(ir::kI64, 1));
  builder.ins().jump(go_to(head));

  builder.switch_to_block(head);  // sealed later: the loop jumps back to it
  builder.ins().brif(builder.use_var(n), go_to(body), go_to(done));

  builder.switch_to_block(body);
  builder.seal_block(body);
  const ir::Value next = builder.ins().iadd(builder.use_var(a), builder.use_var(b));
  builder.def_var(a, builder.use_var(b));
  builder.def_var(b, next);
  builder.def_var(n, builder.ins().iadd_imm_s(builder.use_var(n), -1));
  builder.ins().jump(go_to(head));
  builder.seal_block(head);

  builder.switch_to_block(done);
  builder.seal_block(done);
  const ir::Value result[] = {builder.use_var(a)};
  builder.ins().return_(result);
  return builder.finalize();
}

Result<void> run(long n) {
  GANTRY_TRY_ASSIGN(const target::TargetSpec spec, target::parse_target("x86_64", target::Flags()));
  GANTRY_TRY_ASSIGN(target::TargetIsa * made, isa::lookup(spec));
  const std::unique_ptr<target::TargetIsa> isa(made);

  ir::Function func;
  GANTRY_TRY(build_fibonacci(func, isa->default_call_conv()));
  Session session;  // working memory: one for many functions
  GANTRY_TRY_ASSIGN(target::CompiledCode code, codegen::compile(func, *isa, session));

  jit::Jit jit;
  GANTRY_TRY_ASSIGN(const module::Symbol fibonacci,
                    jit.module().declare_function("fibonacci", module::Linkage::Export));
  // The function calls nobody, so no name has to be resolved.
  GANTRY_TRY(jit.module().define_function(
      fibonacci, std::move(code), [](ir::ExternalName) -> Result<module::Symbol> {
        return Error(ErrorKind::Invalid, "unexpected external name");
      }));
  GANTRY_TRY(jit.load());

  using Function = i64(i64);
  Function* const call = reinterpret_cast<Function*>(const_cast<void*>(jit.address(fibonacci)));
  std::printf("fibonacci(%ld) = %lld\n", n, static_cast<long long>(call(n)));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const Result<void> ran = run(argc > 1 ? std::strtol(argv[1], nullptr, 10) : 20);
  if (ran.has_value()) return 0;
  std::fprintf(stderr, "error: %.*s\n", static_cast<int>(ran.error().message().size()),
               ran.error().message().data());
  return 1;
}

// Reads the first function of a CLIF file, verifies and compiles it, shows its machine code, and
// calls it with the numbers given: compile_text FILE [NUMBER [NUMBER]]. The function must take and
// return i64.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gantry/codegen/compile.h"
#include "gantry/isa/lookup.h"
#include "gantry/jit/jit.h"
#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"

namespace {

using namespace gantry;  // NOLINT: an example

int fail(const char* what, std::string_view message) {
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(message.size()), message.data());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) return fail("usage", "compile_text FILE [NUMBER [NUMBER]]");
  std::ifstream file(argv[1], std::ios::binary);
  if (!file) return fail(argv[1], "cannot be read");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};

  Result<target::TargetSpec> spec = target::parse_target("x86_64", target::Flags());
  if (!spec) return fail("target", spec.error().message());
  Result<target::TargetIsa*> made = isa::lookup(*spec);
  if (!made) return fail("target", made.error().message());
  const std::unique_ptr<target::TargetIsa> isa(*made);

  // The reader takes a text function by function, and goes on after errors.
  reader::Reader reader(text, {.default_call_conv = isa->default_call_conv()});
  ir::Function func;
  const bool found = reader.next(func);
  for (u32 i = 0; i < reader.diagnostics().size(); ++i) {
    const Diagnostic& finding = reader.diagnostics()[i];
    std::fprintf(stderr, "%s:%u:%u: %s\n", argv[1], finding.position.line, finding.position.column,
                 finding.message.c_str());
  }
  if (!found || reader.errors_in_last() != 0) return fail(argv[1], "no function to compile");

  // compile() verifies, too, and stops at the first finding; here all of them are wanted.
  verifier::Verifier verifier;
  std::vector<verifier::Finding> findings;
  if (!verifier.verify(func, {.has_isa = true, .pointer_type = isa->pointer_type()}, findings)) {
    TextWriter out;
    for (const verifier::Finding& finding : findings) {
      verifier::write_finding(finding, out);
      out.put("\n");
    }
    return fail("not valid", out.view());
  }

  const usize num_params = func.signature.params.size();
  bool callable = num_params == static_cast<usize>(argc - 2) &&
                  func.signature.returns.size() == 1 &&
                  func.signature.call_conv == ir::CallConv::SystemV;
  for (const ir::AbiParam& param : func.signature.params) callable &= param.type == ir::kI64;
  for (const ir::AbiParam& result : func.signature.returns) callable &= result.type == ir::kI64;

  Session session;
  Result<target::CompiledCode> code = codegen::compile(func, *isa, session);
  if (!code) return fail("compile", code.error().message());
  for (usize i = 0; i < code->code.size(); ++i) {
    std::printf("%02x%c", code->code[i], i % 16 == 15 || i + 1 == code->code.size() ? '\n' : ' ');
  }
  if (!callable) return fail(argv[1], "compiled, but cannot be called with these numbers");

  jit::Jit jit;
  const Result<module::Symbol> symbol =
      jit.module().declare_function("main", module::Linkage::Export);
  if (!symbol) return fail("module", symbol.error().message());
  const Result<void> defined = jit.module().define_function(
      *symbol, *std::move(code), [](ir::ExternalName) -> Result<module::Symbol> {
        return Error(ErrorKind::Unsupported, "this program knows no other functions");
      });
  if (!defined) return fail("module", defined.error().message());
  const Result<void> loaded = jit.load();
  if (!loaded) return fail("jit", loaded.error().message());

  void* const address = const_cast<void*>(jit.address(*symbol));
  i64 args[2] = {};
  for (usize i = 0; i < num_params; ++i) args[i] = std::strtoll(argv[2 + i], nullptr, 10);
  // Arguments a function does not take are ignored by its calling convention.
  const i64 result = reinterpret_cast<i64 (*)(i64, i64)>(address)(args[0], args[1]);
  std::printf("%%%s(", func.name.text.c_str());
  for (usize i = 0; i < num_params; ++i)
    std::printf("%s%lld", i == 0 ? "" : ", ", static_cast<long long>(args[i]));
  std::printf(") = %lld\n", static_cast<long long>(result));
  return 0;
}

#include "gantry/jit/jit.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "gantry/jit/trap_guard.h"

#if defined(__x86_64__)
namespace gantry::jit {
namespace {

using module::Linkage;
using module::Symbol;
using target::Reloc;
using target::RelocKind;

Symbol declare(Jit& jit, std::string_view name, Linkage linkage = Linkage::Export) {
  return *jit.module().declare_function(name, linkage);
}
Result<void> define(Jit& jit, Symbol symbol, target::CompiledCode code,
                    std::vector<Symbol> names = {}) {
  return jit.module().define_function(
      symbol, std::move(code),
      [&](ir::ExternalName name) -> Result<Symbol> { return names.at(name.index); });
}
target::CompiledCode code_of(std::vector<u8> bytes, std::vector<Reloc> relocs = {}) {
  target::CompiledCode code;
  code.code = std::move(bytes);
  code.relocs = std::move(relocs);
  return code;
}
template <class F>
F* function(const Jit& jit, Symbol symbol) {
  return reinterpret_cast<F*>(const_cast<void*>(jit.address(symbol)));
}

int host_adds(int x) { return x + 1000; }
const void* lookup(void*, std::string_view name) {
  return name == "host_adds" ? reinterpret_cast<const void*>(&host_adds) : nullptr;
}

TEST(Jit, calls_between_functions_data_and_host_at_any_distance) {
  Jit jit({.lookup = lookup});
  const Symbol f = declare(jit, "f"), g = declare(jit, "g"),
               host = declare(jit, "host_adds", Linkage::Import);
  const Symbol counter = *jit.module().declare_data("counter", Linkage::Local, true, false);
  const Symbol table = *jit.module().declare_data("table", Linkage::Local, false, false);
  // f(x): counter += x; jump to g.
  ASSERT_TRUE(define(jit, f,
                     code_of({0x01, 0x3d, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0},
                             {{2, RelocKind::X86PCRel4, false, 0, {{}, 0}, -4},
                              {7, RelocKind::X86CallPCRel4, false, 0, {{}, 1}, -4}}),
                     {counter, g}));
  // g(x): push rbp; call host; pop rbp; ret.
  ASSERT_TRUE(define(jit, g,
                     code_of({0x55, 0xe8, 0, 0, 0, 0, 0x5d, 0xc3},
                             {{2, RelocKind::X86CallPLTRel4, false, 0, {{}, 0}, -4}}),
                     {host}));
  module::DataDefinition zeros;
  zeros.zero_bytes = 8;
  zeros.alignment = 8;
  ASSERT_TRUE(jit.module().define_data(counter, std::move(zeros)));
  module::DataDefinition pointers;
  pointers.bytes.resize(8);
  pointers.alignment = 8;
  pointers.relocs.push_back({0, RelocKind::Abs8, false, 0, g, 0});
  ASSERT_TRUE(jit.module().define_data(table, std::move(pointers)));
  ASSERT_TRUE(jit.load());
  EXPECT_EQ(function<int(int)>(jit, f)(5), 1005);
  EXPECT_EQ(function<int(int)>(jit, f)(6), 1006);
  EXPECT_EQ(*static_cast<const u64*>(jit.address(counter)), 11u);
  EXPECT_EQ(*static_cast<const void* const*>(jit.address(table)), jit.address(g));

  // A later load refers to an earlier one, also through the GOT: mov rax, [rip+got]; jmp rax.
  const Symbol h = declare(jit, "h");
  ASSERT_TRUE(define(jit, h,
                     code_of({0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xff, 0xe0},
                             {{3, RelocKind::X86GOTPCRel4, false, 0, {{}, 0}, -4}}),
                     {f}));
  ASSERT_TRUE(jit.load());
  EXPECT_EQ(function<int(int)>(jit, h)(1), 1001);
  EXPECT_EQ(jit.find_code(reinterpret_cast<usize>(jit.address(h)) + 7)->function, h);
  EXPECT_EQ(jit.find_code(reinterpret_cast<usize>(jit.address(h)) + 7)->offset, 7u);
  EXPECT_FALSE(jit.find_code(reinterpret_cast<usize>(jit.address(h)) + 9).has_value());
  EXPECT_FALSE(jit.find_code(reinterpret_cast<usize>(&host_adds)).has_value());
}

TEST(Jit, a_load_that_fails_leaves_nothing_behind) {
  Jit jit;
  const Symbol f = declare(jit, "f"),
               nobody = declare(jit, "no_such_function_anywhere", Linkage::Import);
  ASSERT_TRUE(define(
      jit, f, code_of({0xe9, 0, 0, 0, 0}, {{1, RelocKind::X86CallPLTRel4, false, 0, {}, -4}}),
      {nobody}));
  const Result<void> loaded = jit.load();
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().message(), "nobody knows the import `no_such_function_anywhere`");
  EXPECT_EQ(jit.address(f), nullptr);
  EXPECT_EQ(jit.mapped_bytes(), 0u);
}

TEST(Jit, asks_the_process_when_told_to) {
  Jit jit({.use_dlsym = true});
  const Symbol f = declare(jit, "f"), abs_function = declare(jit, "abs", Linkage::Import);
  ASSERT_TRUE(define(
      jit, f, code_of({0xe9, 0, 0, 0, 0}, {{1, RelocKind::X86CallPLTRel4, false, 0, {}, -4}}),
      {abs_function}));
  ASSERT_TRUE(jit.load());
  EXPECT_EQ(function<int(int)>(jit, f)(-7), 7);
}

TEST(Jit, frees_functions_one_by_one) {
  Jit jit;
  const Symbol f = declare(jit, "f"), g = declare(jit, "g");
  ASSERT_TRUE(define(jit, f, code_of({0xc3})));
  ASSERT_TRUE(define(jit, g, code_of({0x89, 0xf8, 0xc3})));
  ASSERT_TRUE(jit.load());
  jit.free_function(f);
  EXPECT_EQ(jit.address(f), nullptr);
  EXPECT_EQ(function<int(int)>(jit, g)(3), 3);
  EXPECT_GT(jit.mapped_bytes(), 0u);
  jit.free_function(g);
  EXPECT_EQ(jit.mapped_bytes(), 0u);
}

TEST(TrapGuard, reports_the_code_of_the_trap) {
  Jit jit;
  const Symbol f = declare(jit, "f");
  // f(kind): 0 returns, 1 divides by zero, 2 reads null, 3 and 4 are ud2 with and without record.
  // Displacements of the jumps are filled in below.
  target::CompiledCode code =
      code_of({0x83, 0xff, 0x00, 0x74, 0x00,  // cmp edi, 0; je end
               0x83, 0xff, 0x02, 0x74, 0x00,  // je load
               0x83, 0xff, 0x03, 0x74, 0x00,  // je ud2
               0x83, 0xff, 0x04, 0x74, 0x00,  // je unrecorded
               0x31, 0xc9, 0xf7, 0xf1,        // 20: xor ecx, ecx; 22: div ecx
               0x31, 0xc0, 0x8b, 0x00,        // 24: xor eax, eax; 26: mov eax, [rax]
               0x90, 0x0f, 0x0b,              // 29: ud2
               0xc3, 0x0f, 0x0b});            // 31: ret (also the end); 32: ud2
  // end 31 - 5 = 26; load 24 - 10 = 14; ud2 29 - 15 = 14; unrecorded 32 - 20 = 12.
  code.code[4] = 26;
  code.code[9] = 14;
  code.code[14] = 14;
  code.code[19] = 12;
  code.traps = {
      {22, ir::kTrapIntegerDivisionByZero}, {26, ir::kTrapHeapOutOfBounds}, {29, ir::TrapCode{3}}};
  ASSERT_TRUE(define(jit, f, std::move(code)));
  ASSERT_TRUE(jit.load());
  TrapGuard guard(jit);
  const auto run = [&](int kind) { return guard.run([&] { function<void(int)>(jit, f)(kind); }); };
  for (int round = 0; round < 3; ++round) {
    EXPECT_FALSE(run(0)->trapped);
    EXPECT_EQ(run(1)->code, ir::kTrapIntegerDivisionByZero);
    EXPECT_EQ(run(2)->code, ir::kTrapHeapOutOfBounds);
    EXPECT_TRUE(run(3)->trapped);
    EXPECT_EQ(run(3)->code, ir::TrapCode{3});
    const Result<Outcome> unknown = run(4);
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(unknown.error().message(), "signal 4 at offset 32 of `f`, where no trap is recorded");
  }
}

void host_throws() { throw std::runtime_error("through generated code"); }

TEST(Jit, exceptions_pass_through_generated_frames) {
  Jit jit({.lookup = [](void*, std::string_view) {
    return reinterpret_cast<const void*>(&host_throws);
  }});
  const Symbol f = declare(jit, "f"), host = declare(jit, "host_throws", Linkage::Import);
  // push rbp; mov rbp, rsp; push rbx; sub rsp, 8; call host; …
  target::CompiledCode code =
      code_of({0x55, 0x48, 0x89, 0xe5, 0x53, 0x48, 0x83, 0xec, 0x08, 0xe8, 0, 0, 0, 0,  //
               0x48, 0x83, 0xc4, 0x08, 0x5b, 0x5d, 0xc3},
              {{10, RelocKind::X86CallPLTRel4, false, 0, {}, -4}});
  using Kind = unwind::UnwindInst::Kind;
  code.unwind = {{Kind::PushFrameRegs, 1, 16},
                 {Kind::DefineNewFrame, 4, 16},
                 {Kind::SaveReg, 5, 0, -8, regalloc::PReg(regalloc::RegClass::Int, 3)}};
  ASSERT_TRUE(define(jit, f, std::move(code), {host}));
  ASSERT_TRUE(jit.load());
  EXPECT_THROW(function<void()>(jit, f)(), std::runtime_error);
}

}  // namespace
}  // namespace gantry::jit
#endif

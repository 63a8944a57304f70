// test run: compile the file for this machine, put it into memory and call it.
//
// Problem: a call with arguments of any types, known only from text. Idea: for each distinct
// signature a trampoline, itself CLIF compiled by the same back end: (callee, slots) loads the
// arguments from 16-byte slots, calls, and stores the results over them. Functions, trampolines and
// library calls form one module per file; traps are caught and reported.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "gantry/filetest/internal/run_commands.h"
#include "gantry/ir/builder.h"
#include "gantry/ir/printer.h"
#include "gantry/jit/jit.h"
#include "gantry/jit/trap_guard.h"
#include "gantry/meta/codes.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace gantry::filetest {
namespace {

// ---- what generated code may call

#if defined(__x86_64__)
// Bytes of `table` chosen by the low four bits of each index; zero where its top bit is set.
__m128i choose_bytes(__m128i table, __m128i indices) {
  u8 from[16], index[16], to[16];
  std::memcpy(from, &table, 16);
  std::memcpy(index, &indices, 16);
  for (u32 i = 0; i < 16; ++i) to[i] = (index[i] & 0x80) != 0 ? 0 : from[index[i] & 15];
  __m128i result;
  std::memcpy(&result, to, 16);
  return result;
}
#endif

template <class F>
const void* address_of(F* function) {
  return reinterpret_cast<const void*>(function);
}

const void* find_library_call(void*, std::string_view name) {
  struct Entry {
    std::string_view name;
    const void* address;
  };
  const Entry entries[] = {
    {"ceilf", address_of<float(float)>(std::ceil)},
    {"ceil", address_of<double(double)>(std::ceil)},
    {"floorf", address_of<float(float)>(std::floor)},
    {"floor", address_of<double(double)>(std::floor)},
    {"truncf", address_of<float(float)>(std::trunc)},
    {"trunc", address_of<double(double)>(std::trunc)},
    {"nearbyintf", address_of<float(float)>(std::nearbyint)},
    {"nearbyint", address_of<double(double)>(std::nearbyint)},
    {"fmaf", address_of<float(float, float, float)>(std::fma)},
    {"fma", address_of<double(double, double, double)>(std::fma)},
    {"memcpy", address_of<void*(void*, const void*, usize)>(std::memcpy)},
    {"memmove", address_of<void*(void*, const void*, usize)>(std::memmove)},
    {"memset", address_of<void*(void*, int, usize)>(std::memset)},
    {"memcmp", address_of<int(const void*, const void*, usize)>(std::memcmp)},
#if defined(__x86_64__)
    {"__cranelift_x86_pshufb", address_of(choose_bytes)},
#endif
  };
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry.address;
  }
  return nullptr;
}

// ---- trampolines

constexpr u32 kSlotBytes = 16;

struct alignas(kSlotBytes) Slot {
  u8 bytes[kSlotBytes];
};

void build_trampoline(const ir::Signature& callee, u32 number, ir::CallConv call_conv,
                      ir::Function& func) {
  func.clear();
  func.name.is_user = false;
  func.name.text = "trampoline" + std::to_string(number);
  func.signature.params = {{ir::kI64}, {ir::kI64}};
  func.signature.call_conv = call_conv;
  ir::MemFlags flags;
  flags.aligned = true;
  flags.trap = {};
  ir::Builder builder(func);
  const ir::Block block = builder.create_block();
  builder.switch_to_block(block);
  const ir::Value address = func.dfg.append_block_param(block, ir::kI64);
  const ir::Value slots = func.dfg.append_block_param(block, ir::kI64);
  std::vector<ir::Value> args;
  for (usize i = 0; i < callee.params.size(); ++i) {
    args.push_back(
        builder.load(callee.params[i].type, flags, slots, static_cast<i32>(i * kSlotBytes)));
  }
  const ir::SigRef signature = func.dfg.signatures.push(callee);
  const ir::Inst call = builder.call_indirect(signature, address, args);
  const std::span<const ir::Value> found = func.dfg.results(call);
  const std::vector<ir::Value> results(found.begin(), found.end());
  for (usize i = 0; i < results.size(); ++i) {
    builder.store(flags, results[i], slots, static_cast<i32>(i * kSlotBytes));
  }
  builder.return_({});
}

using Trampoline = void (*)(const void* callee, Slot* slots);

// ---- the module of one file

class NativeFile {
 public:
  NativeFile(const Context& context, const target::TargetIsa& isa)
      : context_(context), isa_(isa), jit_({.lookup = find_library_call}) {}

  // Compiles everything. What went wrong with the first function that could not be compiled.
  Result<void> build() {
    for (const TestFunction& function : context_.file.functions) {
      GANTRY_TRY_ASSIGN(const module::Symbol symbol,
                        jit_.module().declare_function(function.name, module::Linkage::Export));
      symbols_.push_back(symbol);
    }
    for (usize i = 0; i < context_.file.functions.size(); ++i) {
      const TestFunction& function = context_.file.functions[i];
      working_ = *function.func;
      const Result<void> defined = define(symbols_[i]);
      if (!defined.has_value()) {
        return Error(defined.error().kind(),
                     function.name + ": " + std::string(defined.error().message()),
                     SourcePosition{function.source.first_line, 1});
      }
    }
    for (const TestFunction& function : context_.file.functions) {
      const ir::Signature& signature = function.func->signature;
      auto found = std::find_if(trampolines_.begin(), trampolines_.end(),
                                [&](const Known& known) { return *known.signature == signature; });
      if (found == trampolines_.end()) {
        const u32 number = static_cast<u32>(trampolines_.size());
        build_trampoline(signature, number, isa_.default_call_conv(), working_);
        GANTRY_TRY_ASSIGN(
            const module::Symbol symbol,
            jit_.module().declare_function(working_.name.text, module::Linkage::Local));
        const Result<void> defined = define(symbol);
        if (!defined.has_value()) {
          return Error(
              defined.error().kind(),
              "trampoline for " + function.name + ": " + std::string(defined.error().message()),
              SourcePosition{function.source.first_line, 1});
        }
        trampolines_.push_back({&signature, symbol});
        found = trampolines_.end() - 1;
      }
      trampoline_of_.push_back(static_cast<u32>(found - trampolines_.begin()));
    }
    return jit_.load();
  }

  CallResult call(const TestFunction& callee, std::span<const ir::DataValue> args) {
    const usize index = static_cast<usize>(&callee - context_.file.functions.data());
    const std::vector<ir::AbiParam>& returns = callee.func->signature.returns;
    std::vector<Slot> slots(std::max<usize>(1, std::max(args.size(), returns.size())));
    for (usize i = 0; i < args.size(); ++i)
      std::memcpy(slots[i].bytes, args[i].bytes.data(), kSlotBytes);
    const void* const address = jit_.address(symbols_[index]);
    const auto trampoline = reinterpret_cast<Trampoline>(
        const_cast<void*>(jit_.address(trampolines_[trampoline_of_[index]].symbol)));

    jit::TrapGuard guard(jit_);
    const Result<jit::Outcome> outcome = guard.run([&] { trampoline(address, slots.data()); });
    if (!outcome.has_value())
      return {CallResult::Kind::Failed, {}, std::string(outcome.error().message())};
    if (outcome->trapped) {
      TextWriter message;
      message.write("trapped: ");
      write_trap(outcome->code, message);
      return {CallResult::Kind::Failed, {}, std::move(message).take()};
    }
    CallResult result;
    for (usize i = 0; i < returns.size(); ++i) {
      u128 bits;
      std::memcpy(&bits, slots[i].bytes, kSlotBytes);
      result.results.push_back(ir::DataValue::from_bits(returns[i].type, bits));
    }
    return result;
  }

 private:
  struct Known {
    const ir::Signature* signature;
    module::Symbol symbol;
  };

  // Compiles `working_`.
  Result<void> define(module::Symbol symbol) {
    TextWriter name;
    ir::print_function_name(working_.name, name);
    const CheckScope scope("compiling", name.view());
    // Names are looked up in the function as it is before it is optimised: passes may add none.
    GANTRY_TRY_ASSIGN(CompileOutput output,
                      context_.options.backend->compile(working_, isa_, session_, {}));
    return jit_.module().define_function(
        symbol, std::move(output.code),
        [&](ir::ExternalName external) { return resolve(external); });
  }

  Result<module::Symbol> resolve(ir::ExternalName external) {
    TextWriter name;
    switch (external.kind) {
      case ir::ExternalName::Kind::LibCall:
        return jit_.module().declare_function(meta::kLibCalls[external.index].symbol,
                                              module::Linkage::Import);
      case ir::ExternalName::Kind::KnownSymbol:
        return Error(
            ErrorKind::Unsupported,
            "known symbol " + std::string(meta::kKnownSymbols[external.index]) + " in a run test");
      case ir::ExternalName::Kind::User:
      case ir::ExternalName::Kind::TestCase:
        break;
    }
    ir::print_external_name(working_, external, name);
    if (const std::optional<module::Symbol> known = jit_.module().find(name.view())) return *known;
    return Error(ErrorKind::Invalid, "undeclared function " + name.string());
  }

  const Context& context_;
  const target::TargetIsa& isa_;
  Session session_;
  ir::Function working_;
  jit::Jit jit_;
  std::vector<module::Symbol> symbols_;  // by function of the file
  std::vector<Known> trampolines_;
  std::vector<u32> trampoline_of_;  // by function of the file
};

}  // namespace

std::optional<Verdict> reason_not_to_run(const Context& context) {
  const target::TargetSpec& target = *context.target;
  const std::optional<target::Triple> host = target::Triple::host();
  if (!host || host->arch != target.triple.arch) {
    return Verdict::skipped(SkipReason::NoTarget, std::string(to_string(target.triple.arch)));
  }
  const u64 missing = target.isa_flags.bits() & ~target::host_isa_flags(host->arch).bits();
  if (missing != 0) {
    return Verdict::skipped(
        SkipReason::MissingFeature,
        std::string(
            target.isa_flags.table().settings[static_cast<u32>(std::countr_zero(missing))].name));
  }
  return reason_not_to_compile(context);
}

Verdict run_run(Context& context) {
  if (context.target->flags.enable_pinned_reg) {
    return Verdict::failed(std::string(context.file.path) +
                           ": enable_pinned_reg cannot be used with test run");
  }
  // The host's system and convention, with the features of the target line.
  target::TargetSpec spec = *context.target;
  spec.triple = *target::Triple::host();
  Result<target::TargetIsa*> found = context.options.backend->lookup(spec);
  if (!found.has_value()) {
    return Verdict::failed(std::string(context.file.path) + ": " +
                           std::string(found.error().message()));
  }
  const std::unique_ptr<target::TargetIsa> isa(*found);
  NativeFile native(context, *isa);
  if (const Result<void> built = native.build(); !built.has_value()) {
    const Error& error = built.error();
    if (error.kind() == ErrorKind::Unsupported) {
      std::string listed = find_not_supported(context.file, Consumer::CodeGeneration);
      if (!listed.empty()) return Verdict::skipped(SkipReason::NotSupported, std::move(listed));
    }
    return Verdict::failed(located(context, error.position().line, error.message()));
  }
  return execute_run_commands(context, false, Consumer::CodeGeneration,
                              [&](const TestFunction& callee, std::span<const ir::DataValue> args) {
                                return native.call(callee, args);
                              });
}

}  // namespace gantry::filetest

// Problem: a call with arguments of any types, known only when it runs. Idea: for each distinct
// signature a trampoline, itself CLIF compiled by the same back end: (callee, slots) loads the
// arguments from 16-byte slots, calls, and stores the results over them. Functions, trampolines and
// library calls form one module.
#include "gantry/jit/program.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "gantry/ir/builder.h"
#include "gantry/ir/printer.h"
#include "gantry/meta/codes.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace gantry::jit {
namespace {

// ---- exceptions

#if defined(__x86_64__)
// The program whose code this thread executes: what the throwing function knows it by.
thread_local const Jit* active_code = nullptr;

struct Frame {
  usize pc;  // a return address
  const usize* pointer;
};

// Where to go on if the call that returns to frame.pc handles `tag`; null if it does not. `sp` is
// the stack pointer there.
const void* find_handler(const Jit& code, const Frame& frame, u32 tag, usize& sp) {
  // The place before: a call may be the last instruction of its function.
  const std::optional<CodePlace> place = code.find_code(frame.pc - 1);
  if (!place) return nullptr;
  const module::SymbolData& symbol = code.module().symbols()[place->function];
  const target::CompiledCode& compiled = code.module().functions()[symbol.definition].code;
  for (const target::CallSite& site : compiled.call_sites) {
    if (site.return_offset != place->offset + 1) continue;
    for (u32 i = 0; i < site.num_handlers; ++i) {
      const target::ExceptionHandler& handler = compiled.handlers[site.first_handler + i];
      if (handler.kind == target::ExceptionHandler::Kind::Context) continue;
      if (handler.kind == target::ExceptionHandler::Kind::Tag && handler.tag != tag) continue;
      sp = reinterpret_cast<usize>(frame.pointer) - site.frame_offset;
      return static_cast<const u8*>(code.address(place->function)) + handler.code_offset;
    }
  }
  return nullptr;
}

// What throw_entry passes on: the registers of its caller by their hardware number, and where the
// call returns to.
struct ThrownFrom {
  usize regs[16];
  usize pc;
};
constexpr u32 kRegRbp = 5;

[[noreturn, gnu::used]] void throw_to_handler(const usize* entry_fp, const usize* exit_fp,
                                              usize exit_pc, u32 tag, u64 payload1, u64 payload2,
                                              ThrownFrom* from) asm("gantry_jit_throw");

void throw_to_handler(const usize* entry_fp, const usize* exit_fp, usize exit_pc, u32 tag,
                      u64 payload1, u64 payload2, ThrownFrom* from) {
  Frame frame{exit_pc, exit_fp};
  usize sp = 0;
  const void* handler = find_handler(*active_code, frame, tag, sp);
  while (handler == nullptr && frame.pointer != entry_fp) {
    frame = {frame.pointer[1], reinterpret_cast<const usize*>(frame.pointer[0])};
    handler = find_handler(*active_code, frame, tag, sp);
  }
  // Nobody handles it: the guard around the call reports the fault.
  if (handler == nullptr) __builtin_trap();
  // What the frames in between have saved is what the handler's function had in its registers.
  usize* const regs = from->regs;
  for (Frame at{from->pc, reinterpret_cast<const usize*>(regs[kRegRbp])};
       at.pointer < frame.pointer;
       at = {at.pointer[1], reinterpret_cast<const usize*>(at.pointer[0])}) {
    const std::optional<CodePlace> place = active_code->find_code(at.pc - 1);
    if (!place) continue;
    const module::Module& module = active_code->module();
    const u32 definition = module.symbols()[place->function].definition;
    for (const unwind::UnwindInst& step : module.functions()[definition].code.unwind) {
      if (step.kind != unwind::UnwindInst::Kind::SaveReg) continue;
      if (step.reg.reg_class() != regalloc::RegClass::Int) continue;
      std::memcpy(&regs[step.reg.hw_enc()], reinterpret_cast<const u8*>(at.pointer) + step.base,
                  sizeof(usize));
    }
  }
  regs[kRegRbp] = reinterpret_cast<usize>(frame.pointer);
  asm volatile(
      "movq %1, %%r9\n\t"
      "movq 24(%0), %%rbx\n\t"
      "movq 40(%0), %%rbp\n\t"
      "movq 48(%0), %%rsi\n\t"
      "movq 96(%0), %%r12\n\t"
      "movq 104(%0), %%r13\n\t"
      "movq 112(%0), %%r14\n\t"
      "movq 120(%0), %%r15\n\t"
      "movq 56(%0), %%rdi\n\t"
      "movq %2, %%rsp\n\t"
      "jmpq *%%r9"
      :
      : "D"(regs), "S"(handler), "c"(sp), "a"(payload1), "d"(payload2)
      : "memory", "r9");
  __builtin_unreachable();
}

// Hands on its arguments with the registers as they are: ordinary code would have used them.
[[gnu::naked]] void throw_entry() {
  asm("pushq %r15\n\t"
      "pushq %r14\n\t"
      "pushq %r13\n\t"
      "pushq %r12\n\t"
      "pushq %r11\n\t"
      "pushq %r10\n\t"
      "pushq %r9\n\t"
      "pushq %r8\n\t"
      "pushq %rdi\n\t"
      "pushq %rsi\n\t"
      "pushq %rbp\n\t"
      "pushq %rsp\n\t"
      "pushq %rbx\n\t"
      "pushq %rdx\n\t"
      "pushq %rcx\n\t"
      "pushq %rax\n\t"
      "movq %rsp, %rax\n\t"
      "pushq %rax\n\t"
      "call gantry_jit_throw");
}
#endif

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

constexpr std::string_view kThrowName = "%__cranelift_throw";

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
    {kThrowName, address_of(throw_entry)},
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

}  // namespace

Program::Program(ir::CallConv convention)
    : convention_(convention), jit_({.lookup = find_library_call}) {}

Result<void> Program::build(std::span<const ir::Function* const> functions, Compile compile) {
  for (const ir::Function* const function : functions) {
    TextWriter name;
    ir::print_function_name(function->name, name);
    GANTRY_TRY_ASSIGN(const module::Symbol symbol,
                      jit_.module().declare_function(name.view(), module::Linkage::Export));
    signatures_.push_back(&function->signature);
    symbols_.push_back(symbol);
  }
  for (failed_function_ = 0; failed_function_ < functions.size(); ++failed_function_) {
    working_ = *functions[failed_function_];
    GANTRY_TRY(define(symbols_[failed_function_], compile));
  }
  for (failed_function_ = 0; failed_function_ < functions.size(); ++failed_function_) {
    const ir::Signature& signature = *signatures_[failed_function_];
    auto found =
        std::find_if(trampolines_.begin(), trampolines_.end(),
                     [&](const Trampoline& known) { return *known.signature == signature; });
    if (found == trampolines_.end()) {
      build_trampoline(signature, static_cast<u32>(trampolines_.size()), convention_, working_);
      GANTRY_TRY_ASSIGN(const module::Symbol symbol,
                        jit_.module().declare_function(working_.name.text, module::Linkage::Local));
      const Result<void> defined = define(symbol, compile);
      if (!defined.has_value()) {
        return Error(defined.error().kind(),
                     "trampoline: " + std::string(defined.error().message()));
      }
      trampolines_.push_back({&signature, symbol});
      found = trampolines_.end() - 1;
    }
    trampoline_of_.push_back(static_cast<u32>(found - trampolines_.begin()));
  }
  return jit_.load();
}

Result<Outcome> Program::call(u32 index, std::span<const ir::DataValue> args,
                              std::vector<ir::DataValue>& results) {
  using Enter = void (*)(const void* callee, Slot* slots);
  const std::vector<ir::AbiParam>& returns = signatures_[index]->returns;
  std::vector<Slot> slots(std::max<usize>(1, std::max(args.size(), returns.size())));
  for (usize i = 0; i < args.size(); ++i)
    std::memcpy(slots[i].bytes, args[i].bytes.data(), kSlotBytes);
  const void* const address = jit_.address(symbols_[index]);
  const auto enter = reinterpret_cast<Enter>(
      const_cast<void*>(jit_.address(trampolines_[trampoline_of_[index]].symbol)));
  TrapGuard guard(jit_);
#if defined(__x86_64__)
  active_code = &jit_;
#endif
  Result<Outcome> outcome = guard.run([&] { enter(address, slots.data()); });
#if defined(__x86_64__)
  active_code = nullptr;
#endif
  results.clear();
  if (!outcome.has_value() || outcome->trapped) return outcome;
  for (usize i = 0; i < returns.size(); ++i) {
    u128 bits;
    std::memcpy(&bits, slots[i].bytes, kSlotBytes);
    results.push_back(ir::DataValue::from_bits(returns[i].type, bits));
  }
  return outcome;
}

// Compiles `working_`.
Result<void> Program::define(module::Symbol symbol, Compile compile) {
  TextWriter name;
  ir::print_function_name(working_.name, name);
  const CheckScope scope("compiling", name.view());
  GANTRY_TRY_ASSIGN(target::CompiledCode code, compile(working_));
  return jit_.module().define_function(
      symbol, std::move(code), [&](ir::ExternalName external) { return resolve(external); });
}

Result<module::Symbol> Program::resolve(ir::ExternalName external) {
  TextWriter name;
  switch (external.kind) {
    case ir::ExternalName::Kind::LibCall:
      return jit_.module().declare_function(meta::kLibCalls[external.index].symbol,
                                            module::Linkage::Import);
    case ir::ExternalName::Kind::KnownSymbol:
      return Error(ErrorKind::Unsupported, "known symbol " +
                                               std::string(meta::kKnownSymbols[external.index]) +
                                               " in a program of functions");
    case ir::ExternalName::Kind::User:
    case ir::ExternalName::Kind::TestCase:
      break;
  }
  ir::print_external_name(working_, external, name);
  if (const std::optional<module::Symbol> known = jit_.module().find(name.view())) return *known;
  if (name.view() == kThrowName)
    return jit_.module().declare_function(name.view(), module::Linkage::Import);
  return Error(ErrorKind::Invalid, "undeclared function " + name.string());
}

}  // namespace gantry::jit

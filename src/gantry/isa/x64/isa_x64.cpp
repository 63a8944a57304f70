// One function from CLIF to bytes: lower, allocate, emit. The working memory of all three belongs
// to the session.
#include "gantry/isa/x64/isa_x64.h"

#include "gantry/isa/x64/dump.h"
#include "gantry/isa/x64/emit_x64.h"
#include "gantry/isa/x64/flags_check.h"
#include "gantry/isa/x64/lower_inl.h"
#include "gantry/isa/x64/meta/row.h"
#include "gantry/isa/x64/print.h"
#include "gantry/machinst/lower_impl.h"
#include "gantry/regalloc/allocate.h"
#include "gantry/regalloc/checker.h"

namespace gantry::isa::x64 {
namespace {

constexpr PassInfo kLower{"lower", "CLIF to machine instructions over virtual registers, by rules"};
constexpr PassInfo kAllocate{"regalloc", "virtual to physical registers and spill slots"};
constexpr PassInfo kEmit{"emit",
                         "frame, instructions and moves to bytes; labels and branches resolved"};

constexpr const PassInfo* kPasses[] = {&kLower, &kAllocate, &kEmit};

struct Scratch {
  explicit Scratch(const LowerOptions& options) : lower(options) {}
  X64Lower lower;
  regalloc::Allocator allocator;
  X64Emitter emitter;
};

// What the passes leave behind, as far as it exists.
struct Stage {
  const Scratch& scratch;
  const machinst::VCode& vcode;
  const regalloc::Output* regs = nullptr;
  bool is_emitted = false;
};
PassSubject subject(const Stage& stage) {
  return {.object = &stage, .dump = [](const void* object, TextWriter& out) {
            const Stage& made = *static_cast<const Stage*>(object);
            dump_vcode(made.scratch.lower, made.vcode, made.regs,
                       made.is_emitted ? &made.scratch.emitter.frame() : nullptr, out);
          }};
}

class X64Isa final : public target::TargetIsa {
 public:
  X64Isa(const target::TargetSpec& spec, const LowerOptions& options)
      : TargetIsa(spec), options_(options) {}

  Result<target::CompiledCode> compile(const ir::Function& func, Session& session) const override {
    Scratch& scratch = session.scratch<Scratch>(&kPasses, [this] { return new Scratch(options_); });
    scratch.lower.configure(options_);
    machinst::VCode vcode;
    Stage stage{scratch, vcode};
    {
      PassScope pass(session, kLower, subject(stage));
      GANTRY_TRY(scratch.lower.prepare(func));
      Result<machinst::VCode> lowered = machinst::lower_function(scratch.lower, func);
      if (!lowered.has_value()) return std::move(lowered).error();
      vcode = *lowered;
    }
    const regalloc::MachineEnv& env = machine_env(
        flags().enable_pinned_reg, X64Emitter::may_need_frame_record(scratch.lower, flags()));
    regalloc::Output regs;
    {
      PassScope pass(session, kAllocate, subject(stage));
      Result<regalloc::Output> allocated = scratch.allocator.allocate(vcode.input, env);
      if (!allocated.has_value()) return std::move(allocated).error();
      regs = *allocated;
      stage.regs = &regs;
    }
    if (flags().regalloc_checker || kChecked) {
      Result<void> checked = regalloc::check(vcode.input, env, regs);
      if (!checked.has_value()) return std::move(checked).error();
    }
    if (kChecked) {
      const std::vector<FlagsFinding> findings = check_flags(vcode, regs);
      if (!findings.empty()) unreachable(findings.front().what.c_str());
    }
    target::CompiledCode code;
    {
      PassScope pass(session, kEmit, subject(stage));
      GANTRY_TRY(scratch.emitter.emit(scratch.lower, vcode, regs, flags(),
                                      options_.features.has(static_cast<u32>(meta::Feature::Avx)),
                                      code));
      stage.is_emitted = true;
    }
    return code;
  }
  std::span<const PassInfo* const> passes() const override { return kPasses; }

 private:
#if defined(GANTRY_CHECKED)
  static constexpr bool kChecked = true;
#else
  static constexpr bool kChecked = false;
#endif
  LowerOptions options_;
};

}  // namespace

Result<target::TargetIsa*> make_x64(const target::TargetSpec& spec) {
  LowerOptions options;
  const auto take = [&](u32 bit, meta::Feature feature) {
    if (spec.isa_flags.has(bit)) options.features.add(static_cast<u32>(feature));
  };
  using target::isa_flag;
  using target::kX86;
  static constexpr u32 kSse41 = isa_flag(kX86, "has_sse41"), kPopcnt = isa_flag(kX86, "has_popcnt"),
                       kLzcnt = isa_flag(kX86, "has_lzcnt"), kBmi1 = isa_flag(kX86, "has_bmi1"),
                       kBmi2 = isa_flag(kX86, "has_bmi2"), kAvx = isa_flag(kX86, "has_avx"),
                       kFma = isa_flag(kX86, "has_fma"), kCx16 = isa_flag(kX86, "has_cmpxchg16b");
  take(kSse41, meta::Feature::Sse41);
  take(kPopcnt, meta::Feature::Popcnt);
  take(kLzcnt, meta::Feature::Lzcnt);
  take(kBmi1, meta::Feature::Bmi1);
  take(kBmi2, meta::Feature::Bmi2);
  take(kAvx, meta::Feature::Avx);
  take(kFma, meta::Feature::Fma);
  take(kCx16, meta::Feature::Cmpxchg16b);
  options.abi.multi_ret_implicit_sret = spec.flags.enable_multi_ret_implicit_sret;
  options.abi.llvm_extensions = spec.flags.enable_llvm_abi_extensions;
  options.tls_model = spec.flags.tls_model;
  options.stack_switch_model = spec.flags.stack_switch_model;
  options.is_pic = spec.flags.is_pic;
  options.colocated_libcalls = spec.flags.use_colocated_libcalls;
  target::TargetIsa* isa = new X64Isa(spec, options);
  return isa;
}

}  // namespace gantry::isa::x64

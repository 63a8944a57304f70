#pragma once
// Settings with values: what is shared by all targets in typed fields, what belongs to an
// instruction set as a word of bits. The names, defaults and effects are rows of meta/settings.h
// and meta/isa_settings.h.
#include "gantry/meta/isa_settings.h"
#include "gantry/support/result.h"
#include "gantry/support/text_writer.h"
#include "gantry/target/triple.h"

namespace gantry::target {

enum class RegallocAlgorithm : u8 { Backtracking, SinglePass };
enum class OptLevel : u8 { None, Speed, SpeedAndSize };
enum class TlsModel : u8 { None, ElfGd, MachO, Coff };
enum class StackSwitchModel : u8 { None, Basic, UpdateWindowsTib };
enum class LibcallCallConv : u8 {
  IsaDefault,
  Fast,
  SystemV,
  WindowsFastcall,
  AppleAarch64,
  Probestack,
  PreserveAll,
};
enum class ProbestackStrategy : u8 { Outline, Inline };

// Values of the shared settings. One byte a field, in the order of meta::kSharedSettings (checked
// in settings.cpp).
struct Flags {
  RegallocAlgorithm regalloc_algorithm = RegallocAlgorithm::Backtracking;
  OptLevel opt_level = OptLevel::None;
  TlsModel tls_model = TlsModel::None;
  StackSwitchModel stack_switch_model = StackSwitchModel::None;
  LibcallCallConv libcall_call_conv = LibcallCallConv::IsaDefault;
  u8 probestack_size_log2 = 12;
  ProbestackStrategy probestack_strategy = ProbestackStrategy::Outline;
  u8 bb_padding_log2_minus_one = 0;
  u8 log2_min_function_alignment = 0;
  bool regalloc_checker = false;
  bool regalloc_verbose_logs = false;
  bool enable_alias_analysis = true;
  bool enable_verifier = true;
  bool is_pic = false;
  bool use_colocated_libcalls = false;
  bool enable_nan_canonicalization = false;
  bool enable_pinned_reg = false;
  bool enable_llvm_abi_extensions = false;
  bool enable_multi_ret_implicit_sret = false;
  bool unwind_info = true;
  bool preserve_frame_pointers = false;
  bool machine_code_cfg_info = false;
  bool enable_probestack = false;
  bool enable_heap_access_spectre_mitigation = true;
  bool enable_table_access_spectre_mitigation = true;
  bool enable_incremental_compilation_cache_checks = false;
  bool enable_compact_unwind_abi = false;

  // `name` is a boolean setting: turns it on. Errors: unknown name (with the nearest one), not a
  // boolean flag.
  Result<void> enable(std::string_view name);
  // Errors: unknown name, and a value that is not one of those listed in the message.
  Result<void> set(std::string_view name, std::string_view value);
  // `[shared]`, then a line `name = value` for each setting.
  void write(TextWriter& out) const;

  friend bool operator==(const Flags&, const Flags&) = default;
};

// Values of the settings of one instruction set.
class IsaFlags {
 public:
  explicit IsaFlags(Arch arch);  // the defaults; those of pulley follow the architecture

  // `bit` is a row of the table: isa_flag(kX86, "has_avx").
  bool has(u32 bit) const { return ((bits_ >> bit) & 1) != 0; }
  u64 bits() const { return bits_; }
  void set_bits(u64 bits) { bits_ = bits; }
  const meta::IsaSettings& table() const { return *table_; }

  // As for Flags; presets can be enabled, too. Presets add features and remove none.
  Result<void> enable(std::string_view name);
  Result<void> set(std::string_view name, std::string_view value);
  void write(TextWriter& out) const;

  friend bool operator==(const IsaFlags&, const IsaFlags&) = default;

 private:
  const meta::IsaSettings* table_;
  u64 bits_;
};

const meta::IsaSettings& isa_settings(Arch arch);

inline constexpr const meta::IsaSettings& kX86 = meta::kIsaSettings[0];
inline constexpr const meta::IsaSettings& kArm64 = meta::kIsaSettings[1];
inline constexpr const meta::IsaSettings& kRiscv64 = meta::kIsaSettings[2];
inline constexpr const meta::IsaSettings& kS390x = meta::kIsaSettings[3];
inline constexpr const meta::IsaSettings& kPulley = meta::kIsaSettings[4];

// The bit of a setting, found by the compiler: static constexpr u32 kHasAvx = isa_flag(kX86,
// "has_avx");
consteval u32 isa_flag(const meta::IsaSettings& isa, std::string_view name) {
  const u32 bit = meta::find_setting(isa.settings, name);
  GANTRY_CHECK(bit != meta::kNoSetting);  // a call that would fail does not compile
  return bit;
}

// The features of the processor this program runs on, as far as the system supports them; the
// defaults when `arch` is not the host's architecture.
IsaFlags host_isa_flags(Arch arch);

// Everything about where code will run, as a `target` line or a command line says it.
struct TargetSpec {
  Triple triple;
  Flags flags;
  IsaFlags isa_flags;
};

// One word of a `set` or `target` line, or a command-line option: `name`, `name=value`.
Result<void> apply_setting(Flags& flags, std::string_view word);
Result<void> apply_setting(IsaFlags& flags, std::string_view word);

// `x86_64 haswell has_avx=false`: a triple, then settings of its instruction set, separated by
// blanks.
Result<TargetSpec> parse_target(std::string_view text, const Flags& flags);

}  // namespace gantry::target

// Problem: twenty-seven settings, each with a type, a default and a text form, must not be
// described twice. Idea: Flags is a plain struct for those who read it, and one byte per row of the
// table for those who parse and print it; static assertions tie the two together.
#include "gantry/target/settings.h"

#include <cstddef>
#include <cstring>
#include <string>
#include <type_traits>

namespace gantry::target {
namespace {

using meta::SettingDef;
using meta::SettingKind;

// ---- Flags and its table are the same list

#define GANTRY_SHARED_SETTINGS(X)                \
  X(regalloc_algorithm)                          \
  X(opt_level)                                   \
  X(tls_model)                                   \
  X(stack_switch_model)                          \
  X(libcall_call_conv)                           \
  X(probestack_size_log2)                        \
  X(probestack_strategy)                         \
  X(bb_padding_log2_minus_one)                   \
  X(log2_min_function_alignment)                 \
  X(regalloc_checker)                            \
  X(regalloc_verbose_logs)                       \
  X(enable_alias_analysis)                       \
  X(enable_verifier)                             \
  X(is_pic)                                      \
  X(use_colocated_libcalls)                      \
  X(enable_nan_canonicalization)                 \
  X(enable_pinned_reg)                           \
  X(enable_llvm_abi_extensions)                  \
  X(enable_multi_ret_implicit_sret)              \
  X(unwind_info)                                 \
  X(preserve_frame_pointers)                     \
  X(machine_code_cfg_info)                       \
  X(enable_probestack)                           \
  X(enable_heap_access_spectre_mitigation)       \
  X(enable_table_access_spectre_mitigation)      \
  X(enable_incremental_compilation_cache_checks) \
  X(enable_compact_unwind_abi)

#define GANTRY_CHECK_FIELD(field)                                                            \
  static_assert(sizeof(Flags::field) == 1);                                                  \
  static_assert(meta::kSharedSettings[offsetof(Flags, field)].name == #field);               \
  static_assert((meta::kSharedSettings[offsetof(Flags, field)].kind == SettingKind::Bool) == \
                std::is_same_v<decltype(Flags::field), bool>);
GANTRY_SHARED_SETTINGS(GANTRY_CHECK_FIELD)
#undef GANTRY_CHECK_FIELD
static_assert(sizeof(Flags) == std::size(meta::kSharedSettings));
static_assert(std::is_trivially_copyable_v<Flags>);

consteval bool defaults_agree() {
  const Flags flags;
  bool agree = true;
#define GANTRY_CHECK_DEFAULT(field) \
  agree &= static_cast<u8>(flags.field) == meta::kSharedSettings[offsetof(Flags, field)].initial;
  GANTRY_SHARED_SETTINGS(GANTRY_CHECK_DEFAULT)
#undef GANTRY_CHECK_DEFAULT
  return agree;
}
static_assert(defaults_agree());
#undef GANTRY_SHARED_SETTINGS

// ---- names and values

// How many letters must change; more than `limit` for words longer than any name.
u32 edit_distance(std::string_view a, std::string_view b, u32 limit) {
  constexpr usize kLongest = 64;
  if (a.size() > kLongest || b.size() > kLongest) return limit + 1;
  const u32 length = static_cast<u32>(b.size());
  u32 row[kLongest + 1];
  for (u32 j = 0; j <= length; ++j) row[j] = j;
  for (u32 i = 1; i <= a.size(); ++i) {
    u32 diagonal = row[0];
    row[0] = i;
    for (u32 j = 1; j <= length; ++j) {
      const u32 above = row[j];
      u32 best = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      if (above + 1 < best) best = above + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = above;
      row[j] = best;
    }
  }
  return row[length];
}

// Remembers the name that is most like the one looked for.
class Nearest {
 public:
  explicit Nearest(std::string_view wanted)
      : wanted_(wanted), best_(static_cast<u32>(wanted.size() / 3) + 1) {}
  void offer(std::string_view name) {
    const u32 distance = edit_distance(wanted_, name, best_);
    if (distance <= best_ && (found_.empty() || distance < best_)) {
      best_ = distance;
      found_ = name;
    }
  }
  std::string_view found() const { return found_; }

 private:
  std::string_view wanted_;
  u32 best_;
  std::string_view found_;
};

Error unknown_setting(std::string_view name, std::span<const SettingDef> settings,
                      std::span<const meta::PresetDef> presets) {
  Nearest nearest(name);
  for (const SettingDef& setting : settings) nearest.offer(setting.name);
  for (const meta::PresetDef& preset : presets) {
    for (u32 i = 0; !meta::word_of(preset.names, i).empty(); ++i) {
      nearest.offer(meta::word_of(preset.names, i));
    }
  }
  TextWriter message;
  message.put("unknown setting '", name.substr(0, 100), "'");
  if (!nearest.found().empty()) message.put("; did you mean '", nearest.found(), "'?");
  return Error(ErrorKind::Invalid, message.view());
}

Error not_a_flag(std::string_view name) {
  return Error(ErrorKind::Invalid, "not a boolean flag: '" + std::string(name) + "'");
}

Result<u8> parse_value(const SettingDef& setting, std::string_view value) {
  TextWriter expected;
  switch (setting.kind) {
    case SettingKind::Bool:
      if (meta::has_word("true on yes 1", value)) return u8{1};
      if (meta::has_word("false off no 0", value)) return u8{0};
      expected.write("true, on, yes, 1, false, off, no, 0");
      break;
    case SettingKind::Num: {
      u8 number = 0;
      const std::from_chars_result parsed =
          std::from_chars(value.data(), value.data() + value.size(), number);
      if (parsed.ec == std::errc() && parsed.ptr == value.data() + value.size()) return number;
      expected.write("a number from 0 to 255");
      break;
    }
    case SettingKind::Enum:
      for (u32 i = 0; i < meta::num_setting_values(setting); ++i) {
        const std::string_view name = meta::word_of(setting.values, i);
        if (name == value) return static_cast<u8>(i);
        expected.put(i == 0 ? "" : ", ", name);
      }
      break;
  }
  TextWriter message;
  message.put("bad value '", value.substr(0, 100), "' for setting '", setting.name,
              "', expected one of: ", expected.view());
  return Error(ErrorKind::Invalid, message.view());
}

void write_value(const SettingDef& setting, u8 value, TextWriter& out) {
  out.put(setting.name, " = ");
  switch (setting.kind) {
    case SettingKind::Bool:
      out.write(value != 0 ? "true" : "false");
      break;
    case SettingKind::Num:
      out.write(value);
      break;
    case SettingKind::Enum:
      out.put('"', meta::word_of(setting.values, value), '"');
      break;
  }
  out.write('\n');
}

template <class SomeFlags>
Result<void> apply(SomeFlags& flags, std::string_view word) {
  const usize equals = word.find('=');
  if (equals == std::string_view::npos) return flags.enable(word);
  return flags.set(word.substr(0, equals), word.substr(equals + 1));
}

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

// ---- shared settings

Result<void> Flags::set(std::string_view name, std::string_view value) {
  const u32 row = meta::find_setting(meta::kSharedSettings, name);
  if (row == meta::kNoSetting) return unknown_setting(name, meta::kSharedSettings, {});
  GANTRY_TRY_ASSIGN(const u8 byte, parse_value(meta::kSharedSettings[row], value));
  std::memcpy(reinterpret_cast<char*>(this) + row, &byte, 1);
  return {};
}

Result<void> Flags::enable(std::string_view name) {
  const u32 row = meta::find_setting(meta::kSharedSettings, name);
  if (row != meta::kNoSetting && meta::kSharedSettings[row].kind != SettingKind::Bool)
    return not_a_flag(name);
  return set(name, "true");
}

void Flags::write(TextWriter& out) const {
  out.line("[shared]");
  for (u32 row = 0; row < std::size(meta::kSharedSettings); ++row) {
    u8 byte;
    std::memcpy(&byte, reinterpret_cast<const char*>(this) + row, 1);
    write_value(meta::kSharedSettings[row], byte, out);
  }
}

// ---- settings of an instruction set

const meta::IsaSettings& isa_settings(Arch arch) {
  switch (arch) {
    case Arch::X86_64:
      return kX86;
    case Arch::Aarch64:
      return kArm64;
    case Arch::Riscv64:
      return kRiscv64;
    case Arch::S390x:
      return kS390x;
    case Arch::Pulley32:
    case Arch::Pulley64:
    case Arch::Pulley32be:
    case Arch::Pulley64be:
      return kPulley;
  }
  unreachable("Arch");
}

IsaFlags::IsaFlags(Arch arch)
    : table_(&isa_settings(arch)), bits_(meta::initial_bits(table_->settings)) {
  const Triple triple{.arch = arch};
  if (!triple.is_pulley()) return;
  if (triple.pointer_bits() == 64) bits_ |= u64{1} << isa_flag(kPulley, "pointer_width");
  if (triple.endianness() == Endianness::Big) bits_ |= u64{1} << isa_flag(kPulley, "big_endian");
}

Result<void> IsaFlags::set(std::string_view name, std::string_view value) {
  const u32 row = meta::find_setting(table_->settings, name);
  if (row == meta::kNoSetting) {
    if (meta::find_preset(table_->presets, name) != meta::kNoSetting) {
      return Error(ErrorKind::Invalid, "the preset '" + std::string(name) + "' takes no value");
    }
    return unknown_setting(name, table_->settings, table_->presets);
  }
  GANTRY_TRY_ASSIGN(const u8 bit, parse_value(table_->settings[row], value));
  bits_ = (bits_ & ~(u64{1} << row)) | u64{bit} << row;
  return {};
}

Result<void> IsaFlags::enable(std::string_view name) {
  if (const u32 preset = meta::find_preset(table_->presets, name); preset != meta::kNoSetting) {
    bits_ |= meta::preset_bits(*table_, preset);
    return {};
  }
  const u32 row = meta::find_setting(table_->settings, name);
  if (row != meta::kNoSetting && table_->settings[row].kind != SettingKind::Bool)
    return not_a_flag(name);
  return set(name, "true");
}

void IsaFlags::write(TextWriter& out) const {
  out.line('[', table_->name, ']');
  for (u32 row = 0; row < table_->settings.size(); ++row) {
    write_value(table_->settings[row], static_cast<u8>((bits_ >> row) & 1), out);
  }
}

// ---- lines of settings

Result<void> apply_setting(Flags& flags, std::string_view word) { return apply(flags, word); }
Result<void> apply_setting(IsaFlags& flags, std::string_view word) { return apply(flags, word); }

Result<TargetSpec> parse_target(std::string_view text, const Flags& flags) {
  std::optional<TargetSpec> spec;
  usize at = 0;
  while (true) {
    while (at < text.size() && is_blank(text[at])) ++at;
    if (at == text.size()) break;
    const usize begin = at;
    while (at < text.size() && !is_blank(text[at])) ++at;
    const std::string_view word = text.substr(begin, at - begin);
    if (!spec) {
      GANTRY_TRY_ASSIGN(const Triple triple, Triple::parse(word));
      spec = TargetSpec{triple, flags, IsaFlags(triple.arch)};
    } else {
      GANTRY_TRY(apply_setting(spec->isa_flags, word));
    }
  }
  if (!spec) return Error(ErrorKind::Invalid, "a target needs an architecture");
  return *spec;
}

}  // namespace gantry::target

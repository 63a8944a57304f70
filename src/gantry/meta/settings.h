#pragma once
// Settings as data: what can be chosen, the choices, the default. Shared ones here, those of an ISA
// in isa_settings.h. gantry/target/settings.h gives them values; docs/reference/settings.md is
// printed from them.
#include <iterator>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::meta {

enum class SettingKind : u8 {
  Bool,  // false, true
  Num,   // 0 to 255
  Enum,  // one of `values`
};

// Legend: `name` as in text; `kind`; `initial`: the default as it is stored (Bool: 0 or 1, Num: the
// number, Enum: the index of the enumerator); `values`: the enumerators, separated by one blank
// (Enum only); `doc`: the effect.
// {"opt_level", SettingKind::Enum, 0, "none speed speed_and_size", "..."} is an enumeration that
// defaults to `none`.
struct SettingDef {
  std::string_view name;
  SettingKind kind;
  u8 initial;
  std::string_view values;
  std::string_view doc;
};

constexpr SettingDef bool_setting(std::string_view name, bool initial, std::string_view doc) {
  return {name, SettingKind::Bool, static_cast<u8>(initial), {}, doc};
}
constexpr SettingDef num_setting(std::string_view name, u8 initial, std::string_view doc) {
  return {name, SettingKind::Num, initial, {}, doc};
}
// The first enumerator is the default.
constexpr SettingDef enum_setting(std::string_view name, std::string_view values,
                                  std::string_view doc) {
  return {name, SettingKind::Enum, 0, values, doc};
}

// The order of rows is the order of the fields of target::Flags (checked there).
inline constexpr SettingDef kSharedSettings[] = {
    enum_setting("regalloc_algorithm", "backtracking single_pass", "which register allocator runs"),
    enum_setting(
        "opt_level", "none speed speed_and_size",
        "`none` skips the e-graph pass; `speed_and_size` adds choices that favour small code"),
    enum_setting("tls_model", "none elf_gd macho coff", "how `tls_value` is lowered"),
    enum_setting("stack_switch_model", "none basic update_windows_tib",
                 "how `stack_switch` is lowered"),
    enum_setting("libcall_call_conv",
                 "isa_default fast system_v windows_fastcall apple_aarch64 probestack preserve_all",
                 "the calling convention of library calls"),
    num_setting("probestack_size_log2", 12,
                "log2 of the size of the guard that stack probes must touch"),
    enum_setting(
        "probestack_strategy", "outline inline",
        "whether probes call the Probestack helper (x64 only) or touch the stack in place"),
    num_setting("bb_padding_log2_minus_one", 0,
                "for tests of branch ranges: 2^(n-1) bytes of padding between blocks; 0: none"),
    num_setting("log2_min_function_alignment", 0, "raises the alignment of functions"),
    bool_setting("regalloc_checker", false, "check every register allocation symbolically"),
    bool_setting("regalloc_verbose_logs", false, "annotations of the register allocator in logs"),
    bool_setting("enable_alias_analysis", true,
                 "remove redundant loads and forward stores inside the e-graph pass"),
    bool_setting("enable_verifier", true, "verify functions before they are compiled"),
    bool_setting("is_pic", false, "reach symbols that are not colocated through GOT and PLT"),
    bool_setting("use_colocated_libcalls", false, "library calls are near"),
    bool_setting("enable_nan_canonicalization", false,
                 "make every NaN result of float operations the canonical one"),
    bool_setting("enable_pinned_reg", false,
                 "reserve a register for the user: r15 on x64, x21 on arm64"),
    bool_setting("enable_llvm_abi_extensions", false,
                 "i128 in signatures of the x64 C conventions, a third integer return register, "
                 "f16 and f128 on "
                 "Windows"),
    bool_setting("enable_multi_ret_implicit_sret", false,
                 "allow more results than there are registers, through a hidden pointer"),
    bool_setting("unwind_info", true, "produce unwind information"),
    bool_setting("preserve_frame_pointers", false, "always set up a frame record"),
    bool_setting("machine_code_cfg_info", false, "offsets and edges of blocks beside the code"),
    bool_setting("enable_probestack", false, "probe the stack in prologues"),
    bool_setting("enable_heap_access_spectre_mitigation", true,
                 "used by bounds checks of front ends"),
    bool_setting("enable_table_access_spectre_mitigation", true,
                 "clamp the index with a conditional move in `br_table` and table accesses"),
    bool_setting("enable_incremental_compilation_cache_checks", false,
                 "on a hit in a cache of compiled code, compile again and compare"),
    bool_setting("enable_compact_unwind_abi", false,
                 "arrange frames so that they suit Mach-O compact unwinding"),
};

// ---- the table checks itself

constexpr u32 num_setting_values(const SettingDef& setting) {
  if (setting.kind != SettingKind::Enum) return setting.kind == SettingKind::Bool ? 2 : 256;
  u32 count = 1;
  for (const char c : setting.values) count += c == ' ' ? 1 : 0;
  return count;
}
// Word `index` of a list separated by single blanks; empty behind its end.
constexpr std::string_view word_of(std::string_view list, u32 index) {
  while (index > 0 && !list.empty()) {
    const usize blank = list.find(' ');
    list = blank == std::string_view::npos ? std::string_view() : list.substr(blank + 1);
    --index;
  }
  return list.substr(0, list.find(' '));
}
template <usize N>
consteval bool settings_are_sound(const SettingDef (&settings)[N]) {
  for (usize i = 0; i < N; ++i) {
    const SettingDef& setting = settings[i];
    if (setting.name.empty() || setting.doc.empty()) return false;
    if (setting.initial >= num_setting_values(setting)) return false;
    if ((setting.kind == SettingKind::Enum) == setting.values.empty()) return false;
    for (u32 v = 0; setting.kind == SettingKind::Enum && v < num_setting_values(setting); ++v) {
      if (word_of(setting.values, v).empty()) return false;
    }
    for (usize j = 0; j < i; ++j) {
      if (settings[j].name == setting.name) return false;
    }
  }
  return true;
}
static_assert(settings_are_sound(kSharedSettings));

}  // namespace gantry::meta

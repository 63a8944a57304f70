#pragma once
// The settings of each instruction set: features of its processors, and presets that name sets of
// them. Each setting is one bit, so a set of them is a word.
#include <span>

#include "gantry/meta/settings.h"

namespace gantry::meta {

// Legend: `names` are spellings of one preset, separated by one blank; `adds` are settings and
// earlier presets it turns on. Presets never turn anything off. {"haswell core-avx2", "ivybridge
// has_avx2"} has two names and adds one setting to what `ivybridge` has.
struct PresetDef {
  std::string_view names;
  std::string_view adds;
};

constexpr SettingDef feature(std::string_view name, std::string_view doc) {
  return bool_setting(name, false, doc);
}
constexpr SettingDef given(std::string_view name, std::string_view doc) {
  return bool_setting(name, true, doc);
}

// ---- x86 (64 bits; SSE2 is the base line)

inline constexpr SettingDef kX86Settings[] = {
    feature("has_sse3", "SSE3"),
    feature("has_ssse3", "SSSE3"),
    feature("has_cmpxchg16b", "CMPXCHG16B"),
    feature("has_sse41", "SSE4.1"),
    feature("has_sse42", "SSE4.2"),
    feature("has_avx", "AVX, with its state saved by the system"),
    feature("has_avx2", "AVX2"),
    feature("has_fma", "FMA"),
    feature("has_avx_vnni", "AVX-VNNI"),
    feature("has_avx512bitalg", "AVX512_BITALG"),
    feature("has_avx512dq", "AVX512DQ"),
    feature("has_avx512vl", "AVX512VL"),
    feature("has_avx512vbmi", "AVX512_VBMI"),
    feature("has_avx512f", "AVX512F, with its state saved by the system"),
    feature("has_avx512vnni", "AVX512_VNNI"),
    feature("has_popcnt", "POPCNT"),
    feature("has_bmi1", "BMI1"),
    feature("has_bmi2", "BMI2"),
    feature("has_lzcnt", "LZCNT"),
};

inline constexpr PresetDef kX86Presets[] = {
    {"sse3", "has_sse3"},
    {"ssse3", "sse3 has_ssse3"},
    {"sse41", "ssse3 has_sse41"},
    {"sse42", "sse41 has_sse42"},
    {"baseline x86-64 opteron k8 athlon64 athlon-fx", ""},
    {"nocona core2 opteron-sse3 k8-sse3 athlon64-sse3", "sse3 has_cmpxchg16b"},
    {"penryn", "sse41 has_cmpxchg16b"},
    {"atom bonnell", "ssse3 has_cmpxchg16b"},
    {"silvermont slm goldmont goldmont-plus tremont", "atom sse42 has_popcnt"},
    {"alderlake sierraforest grandridge raptorlake meteorlake",
     "tremont has_bmi1 has_bmi2 has_lzcnt has_fma has_avx_vnni"},
    {"nehalem corei7 westmere", "sse42 has_popcnt has_cmpxchg16b"},
    {"sandybridge corei7-avx ivybridge core-avx-i", "westmere has_avx"},
    {"haswell core-avx2 broadwell skylake",
     "ivybridge has_avx2 has_bmi1 has_bmi2 has_fma has_lzcnt"},
    {"knl knm", "has_popcnt has_avx512f has_fma has_bmi1 has_bmi2 has_lzcnt has_cmpxchg16b"},
    {"skylake-avx512 skx", "broadwell has_avx512f has_avx512dq has_avx512vl"},
    {"cascadelake cooperlake", "skx has_avx512vnni"},
    {"cannonlake", "skylake has_avx512f has_avx512dq has_avx512vl has_avx512vbmi"},
    {"icelake-client icelake icelake-server tigerlake sapphirerapids graniterapids",
     "cannonlake has_avx512bitalg has_avx512vnni"},
    {"barcelona amdfam10", "has_popcnt has_lzcnt has_cmpxchg16b"},
    {"btver1", "ssse3 has_lzcnt has_popcnt has_cmpxchg16b"},
    {"btver2", "btver1 has_avx has_bmi1"},
    {"bdver1", "ssse3 has_lzcnt has_popcnt has_cmpxchg16b"},
    {"bdver2 bdver3", "bdver1 has_bmi1"},
    {"bdver4", "bdver2 has_avx2 has_bmi2"},
    {"znver1 znver2 znver3", "sse42 has_popcnt has_bmi1 has_bmi2 has_lzcnt has_fma has_cmpxchg16b"},
    {"znver4", "znver1 has_avx512bitalg has_avx512dq has_avx512f has_avx512vbmi has_avx512vl"},
    {"x86-64-v2", "sse42 has_popcnt has_cmpxchg16b"},
    {"x86-64-v3", "x86-64-v2 has_bmi1 has_bmi2 has_fma has_lzcnt has_avx2"},
    {"x86-64-v4", "x86-64-v3 has_avx512dq has_avx512vl"},
};

// ---- arm64

inline constexpr SettingDef kArm64Settings[] = {
    feature("has_lse", "atomic read-modify-write instructions"),
    feature("has_pauth", "pointer authentication beyond the hint instructions"),
    feature("has_fp16", "arithmetic on f16"),
    feature("has_dotprod", "dot products of bytes"),
    feature("has_i8mm", "matrix products of bytes"),
    feature("sign_return_address", "sign return addresses in functions that save them"),
    feature("sign_return_address_all", "sign return addresses in leaf functions, too"),
    feature("sign_return_address_with_bkey", "sign with key B instead of key A"),
    feature("use_bti", "landing pads for indirect branches"),
    feature("use_csdb", "speculation barriers where indices are clamped"),
};

// ---- riscv64 (riscv64g is the base line)

inline constexpr SettingDef kRiscv64Settings[] = {
    given("has_m", "M: multiplication and division"),
    given("has_a", "A: atomics"),
    given("has_f", "F: single-precision floats"),
    given("has_d", "D: double-precision floats"),
    feature("has_zfa", "Zfa: further float instructions"),
    feature("has_zfhmin", "Zfhmin: conversions of f16"),
    feature("has_zfh", "Zfh: arithmetic on f16"),
    feature("has_v", "V: vectors of at least 128 bits"),
    feature("has_zvfh", "Zvfh: vectors of f16"),
    feature("has_zca", "Zca: compressed instructions, without floats"),
    feature("has_zcd", "Zcd: compressed loads and stores of doubles"),
    feature("has_zcb", "Zcb: further compressed instructions"),
    feature("has_zbkb", "Zbkb: bit manipulation for cryptography"),
    feature("has_zba", "Zba: address generation"),
    feature("has_zbb", "Zbb: basic bit manipulation"),
    feature("has_zbc", "Zbc: carry-less multiplication"),
    feature("has_zbs", "Zbs: single-bit instructions"),
    feature("has_zicond", "Zicond: conditional operations on integers"),
    feature("has_zvbb", "Zvbb: bit manipulation in vectors"),
    given("has_zicsr", "Zicsr: control and status registers"),
    given("has_zifencei", "Zifencei: instruction-fetch fence"),
    feature("has_zvl32b", "vectors of at least 32 bits"),
    feature("has_zvl64b", "vectors of at least 64 bits"),
    feature("has_zvl128b", "vectors of at least 128 bits"),
    feature("has_zvl256b", "vectors of at least 256 bits"),
    feature("has_zvl512b", "vectors of at least 512 bits"),
    feature("has_zvl1024b", "vectors of at least 1024 bits"),
    feature("has_zvl2048b", "vectors of at least 2048 bits"),
    feature("has_zvl4096b", "vectors of at least 4096 bits"),
    feature("has_zvl8192b", "vectors of at least 8192 bits"),
    feature("has_zvl16384b", "vectors of at least 16384 bits"),
    feature("has_zvl32768b", "vectors of at least 32768 bits"),
    feature("has_zvl65536b", "vectors of at least 65536 bits"),
};
inline constexpr PresetDef kRiscv64Presets[] = {
    {"has_c", "has_zca has_zcd"},
    {"zvl32b", "has_zvl32b"},
    {"zvl64b", "zvl32b has_zvl64b"},
    {"zvl128b", "zvl64b has_zvl128b"},
    {"zvl256b", "zvl128b has_zvl256b"},
    {"zvl512b", "zvl256b has_zvl512b"},
    {"zvl1024b", "zvl512b has_zvl1024b"},
    {"zvl2048b", "zvl1024b has_zvl2048b"},
    {"zvl4096b", "zvl2048b has_zvl4096b"},
    {"zvl8192b", "zvl4096b has_zvl8192b"},
    {"zvl16384b", "zvl8192b has_zvl16384b"},
    {"zvl32768b", "zvl16384b has_zvl32768b"},
    {"zvl65536b", "zvl32768b has_zvl65536b"},
};

// ---- s390x (z14 is the base line)

inline constexpr SettingDef kS390xSettings[] = {
    feature("has_mie3", "miscellaneous-instruction-extensions facility 3 (z15)"),
    feature("has_mie4", "miscellaneous-instruction-extensions facility 4 (z17)"),
    feature("has_vxrs_ext2", "vector-enhancements facility 2 (z15)"),
    feature("has_vxrs_ext3", "vector-enhancements facility 3 (z17)"),
};
inline constexpr PresetDef kS390xPresets[] = {
    {"arch13 arch14 z15 z16", "has_mie3 has_vxrs_ext2"},
    {"arch15 z17", "arch13 has_mie4 has_vxrs_ext3"},
};

// ---- pulley (both follow the triple)

inline constexpr SettingDef kPulleySettings[] = {
    enum_setting("pointer_width", "pointer32 pointer64", "the size of an address"),
    feature("big_endian", "bytes of memory are in big-endian order"),
};

struct IsaSettings {
  std::string_view name;  // of the group, as dumps print it
  std::span<const SettingDef> settings;
  std::span<const PresetDef> presets;
};
inline constexpr IsaSettings kIsaSettings[] = {
    {"x86", kX86Settings, kX86Presets},
    {"arm64", kArm64Settings, {}},
    {"riscv64", kRiscv64Settings, kRiscv64Presets},
    {"s390x", kS390xSettings, kS390xPresets},
    {"pulley", kPulleySettings, {}},
};

// ---- looking things up; all of it can be done by the compiler

inline constexpr u32 kNoSetting = ~u32{0};
constexpr u32 find_setting(std::span<const SettingDef> settings, std::string_view name) {
  for (u32 i = 0; i < settings.size(); ++i) {
    if (settings[i].name == name) return i;
  }
  return kNoSetting;
}
// One walk over the characters: compilers count the steps of what they evaluate.
constexpr bool has_word(std::string_view list, std::string_view word) {
  usize matched = 0;  // of `word`; beyond its size: this word of the list differs
  for (usize at = 0; at < list.size(); ++at) {
    if (list[at] == ' ') {
      if (matched == word.size()) return true;
      matched = 0;
    } else {
      matched = matched < word.size() && list[at] == word[matched] ? matched + 1 : word.size() + 1;
    }
  }
  return !list.empty() && matched == word.size();
}
// The preset of this name, or kNoSetting.
constexpr u32 find_preset(std::span<const PresetDef> presets, std::string_view name) {
  for (u32 i = 0; i < presets.size(); ++i) {
    if (!name.empty() && has_word(presets[i].names, name)) return i;
  }
  return kNoSetting;
}
// The bits preset `index` turns on.
constexpr u64 preset_bits(const IsaSettings& isa, u32 index) {
  u64 bits = 0;
  const std::string_view adds = isa.presets[index].adds;
  for (u32 i = 0; !word_of(adds, i).empty(); ++i) {
    const std::string_view word = word_of(adds, i);
    if (const u32 setting = find_setting(isa.settings, word); setting != kNoSetting) {
      bits |= u64{1} << setting;
    } else {
      // Only earlier presets may be named (checked below), so this ends.
      bits |= preset_bits(isa, find_preset(isa.presets, word));
    }
  }
  return bits;
}
constexpr u64 initial_bits(std::span<const SettingDef> settings) {
  u64 bits = 0;
  for (u32 i = 0; i < settings.size(); ++i) bits |= u64{settings[i].initial} << i;
  return bits;
}

// ---- the tables check themselves

consteval bool isa_settings_are_sound(const IsaSettings& isa) {
  if (isa.settings.size() > 64) return false;
  for (const SettingDef& setting : isa.settings) {
    if (num_setting_values(setting) != 2) return false;  // one bit each
    if (find_preset(isa.presets, setting.name) != kNoSetting) return false;
    if (find_setting(kSharedSettings, setting.name) != kNoSetting) return false;
  }
  for (u32 i = 0; i < isa.presets.size(); ++i) {
    const PresetDef& preset = isa.presets[i];
    for (u32 w = 0; !word_of(preset.names, w).empty(); ++w) {
      if (find_preset(isa.presets, word_of(preset.names, w)) != i) return false;  // defined twice
    }
    for (u32 w = 0; !word_of(preset.adds, w).empty(); ++w) {
      const std::string_view word = word_of(preset.adds, w);
      const bool is_setting = find_setting(isa.settings, word) != kNoSetting;
      if (!is_setting && find_preset(isa.presets, word) >= i) return false;
    }
  }
  return true;
}
// One by one: a compiler gives each evaluation a budget.
static_assert(isa_settings_are_sound(kIsaSettings[0]));
static_assert(isa_settings_are_sound(kIsaSettings[1]));
static_assert(isa_settings_are_sound(kIsaSettings[2]));
static_assert(isa_settings_are_sound(kIsaSettings[3]));
static_assert(isa_settings_are_sound(kIsaSettings[4]));
static_assert(std::size(kIsaSettings) == 5);
static_assert(settings_are_sound(kX86Settings) && settings_are_sound(kArm64Settings));
static_assert(settings_are_sound(kRiscv64Settings) && settings_are_sound(kS390xSettings));
static_assert(settings_are_sound(kPulleySettings));

}  // namespace gantry::meta

// Triples, settings, and what they say when they are wrong.
#include <gtest/gtest.h>

#include "gantry/target/compiled_code.h"
#include "gantry/target/settings.h"
#include "gantry/target/target_isa.h"

namespace gantry::target {
namespace {

Triple triple_of(std::string_view text) {
  Result<Triple> triple = Triple::parse(text);
  EXPECT_TRUE(triple.has_value()) << text;
  return triple.has_value() ? *triple : Triple{};
}
std::string message_of(const Result<void>& result) {
  return result.has_value() ? "no error" : std::string(result.error().message());
}
bool has(const IsaFlags& flags, std::string_view name) {
  const u32 bit = meta::find_setting(flags.table().settings, name);
  EXPECT_NE(bit, meta::kNoSetting) << name;
  return flags.has(bit);
}

TEST(Triple, EveryKnownArchitectureParses) {
  struct Row {
    std::string_view text;
    Arch arch;
    u32 bits;
    Endianness endianness;
  };
  for (const Row& row : {Row{"x86_64", Arch::X86_64, 64, Endianness::Little},
                         Row{"aarch64", Arch::Aarch64, 64, Endianness::Little},
                         Row{"riscv64", Arch::Riscv64, 64, Endianness::Little},
                         Row{"riscv64gc", Arch::Riscv64, 64, Endianness::Little},
                         Row{"s390x", Arch::S390x, 64, Endianness::Big},
                         Row{"pulley32", Arch::Pulley32, 32, Endianness::Little},
                         Row{"pulley64", Arch::Pulley64, 64, Endianness::Little},
                         Row{"pulley32be", Arch::Pulley32be, 32, Endianness::Big},
                         Row{"pulley64be", Arch::Pulley64be, 64, Endianness::Big}}) {
    const Triple triple = triple_of(row.text);
    EXPECT_EQ(triple.arch, row.arch) << row.text;
    EXPECT_EQ(triple.pointer_bits(), row.bits) << row.text;
    EXPECT_EQ(triple.endianness(), row.endianness) << row.text;
    EXPECT_EQ(triple.default_call_conv(), ir::CallConv::SystemV) << row.text;
  }
}

TEST(Triple, PartsAreRecognisedAndPrinted) {
  TextWriter out;
  write_triple(triple_of("x86_64-unknown-linux-gnu"), out);
  EXPECT_EQ(out.view(), "x86_64-unknown-linux-gnu");
  EXPECT_EQ(triple_of("x86_64-pc-windows-msvc").default_call_conv(), ir::CallConv::WindowsFastcall);
  EXPECT_EQ(triple_of("arm64-apple-macosx11.0").default_call_conv(), ir::CallConv::AppleAarch64);
  EXPECT_EQ(triple_of("x86_64-apple-darwin").default_call_conv(), ir::CallConv::SystemV);
}

TEST(Triple, UnknownArchitectureIsAnError) {
  for (const std::string_view text : {"i686", "", "x86_65-unknown-linux-gnu", "riscv32"}) {
    const Result<Triple> triple = Triple::parse(text);
    ASSERT_FALSE(triple.has_value()) << text;
    EXPECT_NE(triple.error().message().find("unknown architecture"), std::string_view::npos);
  }
}

TEST(Flags, EveryBooleanSpellingIsAccepted) {
  for (const std::string_view yes : {"true", "on", "yes", "1"}) {
    Flags flags;
    ASSERT_TRUE(flags.set("is_pic", yes).has_value());
    EXPECT_TRUE(flags.is_pic);
  }
  for (const std::string_view no : {"false", "off", "no", "0"}) {
    Flags flags;
    ASSERT_TRUE(flags.set("enable_verifier", no).has_value());
    EXPECT_FALSE(flags.enable_verifier);
  }
}

TEST(Flags, EverySettingCanBeSetToEachValueAndIsPrinted) {
  for (const meta::SettingDef& setting : meta::kSharedSettings) {
    for (u32 value = 0; value < meta::num_setting_values(setting); ++value) {
      std::string text = std::to_string(value);
      std::string printed = text;
      if (setting.kind == meta::SettingKind::Bool) printed = text = value == 0 ? "false" : "true";
      if (setting.kind == meta::SettingKind::Enum) {
        text = std::string(meta::word_of(setting.values, value));
        printed = "\"" + text + "\"";
      }
      Flags flags;
      ASSERT_TRUE(flags.set(setting.name, text).has_value()) << setting.name << "=" << text;
      TextWriter out;
      flags.write(out);
      const std::string line = "\n" + std::string(setting.name) + " = " + printed + "\n";
      EXPECT_NE(out.view().find(line), std::string_view::npos) << line;
    }
  }
}

TEST(Flags, ErrorsSayWhatWasExpected) {
  Flags flags;
  EXPECT_EQ(message_of(flags.set("opt_levl", "none")),
            "unknown setting 'opt_levl'; did you mean 'opt_level'?");
  EXPECT_EQ(message_of(flags.set("zzzzzzzz", "none")), "unknown setting 'zzzzzzzz'");
  EXPECT_EQ(message_of(flags.enable("opt_level")), "not a boolean flag: 'opt_level'");
  EXPECT_EQ(
      message_of(flags.set("opt_level", "best")),
      "bad value 'best' for setting 'opt_level', expected one of: none, speed, speed_and_size");
  EXPECT_NE(message_of(flags.set("is_pic", "maybe")).find("true, on, yes, 1, false, off, no, 0"),
            std::string::npos);
  EXPECT_NE(message_of(flags.set("probestack_size_log2", "256")).find("a number from 0 to 255"),
            std::string::npos);
  EXPECT_NE(message_of(flags.set("probestack_size_log2", "-1")).find("0 to 255"),
            std::string::npos);
  EXPECT_EQ(flags, Flags{}) << "a refused setting changes nothing";
}

TEST(Flags, HostileNamesAreRefusedQuickly) {
  Flags flags;
  const std::string huge(1 << 20, 'a');
  const std::string message = message_of(flags.set(huge, huge));
  EXPECT_LT(message.size(), 300u);
  EXPECT_LT(message_of(flags.set("opt_level", huge)).size(), 300u);
}

TEST(IsaFlags, PresetsAddWhatTheyName) {
  IsaFlags flags(Arch::X86_64);
  EXPECT_EQ(flags.bits(), 0u);
  ASSERT_TRUE(flags.enable("haswell").has_value());
  for (const std::string_view name :
       {"has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_avx", "has_avx2", "has_fma",
        "has_bmi1", "has_bmi2", "has_lzcnt", "has_popcnt", "has_cmpxchg16b"}) {
    EXPECT_TRUE(has(flags, name)) << name;
  }
  EXPECT_FALSE(has(flags, "has_avx512f"));
  ASSERT_TRUE(flags.enable("baseline").has_value()) << "a preset removes nothing";
  EXPECT_TRUE(has(flags, "has_avx2"));
  ASSERT_TRUE(flags.set("has_avx2", "false").has_value());
  EXPECT_FALSE(has(flags, "has_avx2"));
}

TEST(IsaFlags, PresetsOfOtherInstructionSets) {
  IsaFlags riscv(Arch::Riscv64);
  EXPECT_TRUE(has(riscv, "has_m"));
  ASSERT_TRUE(riscv.enable("has_c").has_value());
  EXPECT_TRUE(has(riscv, "has_zca"));
  EXPECT_TRUE(has(riscv, "has_zcd"));
  ASSERT_TRUE(riscv.enable("zvl256b").has_value());
  EXPECT_TRUE(has(riscv, "has_zvl32b"));
  EXPECT_FALSE(has(riscv, "has_zvl512b"));
  IsaFlags s390x(Arch::S390x);
  ASSERT_TRUE(s390x.enable("arch15").has_value());
  EXPECT_TRUE(has(s390x, "has_mie3"));
  EXPECT_TRUE(has(s390x, "has_vxrs_ext3"));
}

TEST(IsaFlags, PulleyFollowsTheTriple) {
  TextWriter out;
  IsaFlags(Arch::Pulley64be).write(out);
  EXPECT_EQ(out.view(), "[pulley]\npointer_width = \"pointer64\"\nbig_endian = true\n");
}

TEST(IsaFlags, Errors) {
  IsaFlags flags(Arch::X86_64);
  EXPECT_EQ(message_of(flags.enable("haswel")),
            "unknown setting 'haswel'; did you mean 'haswell'?");
  EXPECT_EQ(message_of(flags.set("haswell", "true")), "the preset 'haswell' takes no value");
  EXPECT_EQ(message_of(IsaFlags(Arch::Pulley32).enable("pointer_width")),
            "not a boolean flag: 'pointer_width'");
}

TEST(IsaFlags, EveryPresetNameCanBeEnabled) {
  for (const Arch arch : {Arch::X86_64, Arch::Riscv64, Arch::S390x}) {
    for (const meta::PresetDef& preset : isa_settings(arch).presets) {
      for (u32 i = 0; !meta::word_of(preset.names, i).empty(); ++i) {
        IsaFlags flags(arch);
        EXPECT_TRUE(flags.enable(meta::word_of(preset.names, i)).has_value()) << preset.names;
      }
    }
  }
}

TEST(ParseTarget, TripleAndFeatures) {
  const Result<TargetSpec> spec = parse_target(" x86_64  sse41 has_ssse3=false ", Flags{});
  ASSERT_TRUE(spec.has_value());
  EXPECT_TRUE(has(spec->isa_flags, "has_sse41"));
  EXPECT_FALSE(has(spec->isa_flags, "has_ssse3"));
  EXPECT_FALSE(parse_target("", Flags{}).has_value());
  EXPECT_FALSE(parse_target("x86_64 opt_level=speed", Flags{}).has_value());
}

TEST(Host, FeaturesAreConsistent) {
  const IsaFlags flags = host_isa_flags(Arch::X86_64);
  EXPECT_TRUE(!has(flags, "has_avx2") || has(flags, "has_avx"));
  EXPECT_TRUE(!has(flags, "has_sse42") || has(flags, "has_sse41"));
  EXPECT_EQ(host_isa_flags(Arch::S390x).bits(), IsaFlags(Arch::S390x).bits());
}

class NothingIsa final : public TargetIsa {
 public:
  explicit NothingIsa(const TargetSpec& spec) : TargetIsa(spec) {}
  Result<CompiledCode> compile(const ir::Function&, Session&) const override {
    return Error(ErrorKind::Unsupported, "nothing");
  }
  std::span<const PassInfo* const> passes() const override { return {}; }
};

TEST(TargetIsa, AnswersFromItsSpecification) {
  const Result<TargetSpec> spec = parse_target("pulley32be", Flags{});
  ASSERT_TRUE(spec.has_value());
  const NothingIsa isa(*spec);
  EXPECT_EQ(isa.name(), "pulley32be");
  EXPECT_EQ(isa.pointer_type(), ir::kI32);
  EXPECT_EQ(isa.endianness(), Endianness::Big);
}

}  // namespace
}  // namespace gantry::target

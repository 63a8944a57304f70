// gantry settings, opcodes, reference: the tables of this build as text.
#include "common.h"
#include "gantry/ir/inst_info.h"
#include "gantry/meta/instructions.h"
#include "gantry/support/limits.h"

namespace gantry::tool {
namespace {

void write_setting(const meta::SettingDef& setting, TextWriter& out) {
  out.put("| `", setting.name, "` | ");
  switch (setting.kind) {
    case meta::SettingKind::Bool:
      out.put("bool | ", setting.initial != 0 ? "true" : "false");
      break;
    case meta::SettingKind::Num:
      out.put("0 to 255 | ", setting.initial);
      break;
    case meta::SettingKind::Enum:
      for (u32 i = 0; i < meta::num_setting_values(setting); ++i) {
        out.put(i == 0 ? "`" : ", `", meta::word_of(setting.values, i), "`");
      }
      out.put(" | `", meta::word_of(setting.values, setting.initial), "`");
      break;
  }
  out.line(" | ", setting.doc, " |");
}

void write_settings_page(TextWriter& out) {
  constexpr std::string_view kHead = "\n| name | values | default | effect |\n|---|---|---|---|\n";
  out.write(
      "# Settings\n\nPrinted by `gantry reference settings` from `src/gantry/meta/settings.h` and "
      "`isa_settings.h`: edit those.\n\n## Shared\n");
  out.write(kHead);
  for (const meta::SettingDef& setting : meta::kSharedSettings) write_setting(setting, out);
  for (const meta::IsaSettings& isa : meta::kIsaSettings) {
    out.put("\n## ", isa.name, "\n").write(kHead);
    for (const meta::SettingDef& setting : isa.settings) write_setting(setting, out);
    if (isa.presets.empty()) continue;
    out.write("\n| preset | adds |\n|---|---|\n");
    for (const meta::PresetDef& preset : isa.presets) {
      out.line("| ", preset.names, " | ", preset.adds.empty() ? "nothing" : preset.adds, " |");
    }
  }
}

void write_limits_page(TextWriter& out) {
  out.write(
      "# Limits\n\nPrinted by `gantry reference limits` from `src/gantry/support/limits.h`: edit "
      "that. Hitting one "
      "is an error that names it.\n\n| name | value | of what | tested by |\n|---|---|---|---|\n");
  for (const limits::Limit* limit : limits::kAll) {
    out.line("| `", limit->name, "` | ", limit->value, " | ", limit->what, " | `", limit->tested_by,
             "` |");
  }
}

}  // namespace

int run_reference(const std::string& page) {
  TextWriter out;
  if (page == "settings") {
    write_settings_page(out);
  } else {
    write_limits_page(out);
  }
  print(out.view());
  return kOk;
}

int run_settings(const SettingsOptions& options) {
  const std::optional<target::TargetSpec> spec =
      target_from(options.target, options.settings, target::Flags{});
  if (!spec) return kInputFault;
  TextWriter out;
  spec->flags.write(out);
  out.write('\n');
  spec->isa_flags.write(out);
  print(out.view());
  return kOk;
}

int run_opcodes() {
  constexpr usize kNameColumns = 32;
  TextWriter out;
  for (const meta::InstDef& inst : meta::kInstructions) {
    out.write(inst.name).repeat(
        ' ', inst.name.size() < kNameColumns ? kNameColumns - inst.name.size() : 1);
    out.line(inst.doc);
  }
  print(out.view());
  return kOk;
}

}  // namespace gantry::tool

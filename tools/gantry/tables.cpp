// gantry settings, opcodes, passes: the tables of this build as text.
#include "common.h"
#include "gantry/ir/inst_info.h"
#include "gantry/meta/instructions.h"

namespace gantry::tool {

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

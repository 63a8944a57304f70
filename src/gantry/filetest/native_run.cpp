// test run: compile the file for this machine, put it into memory and call it.
#include <bit>

#include "gantry/filetest/internal/run_commands.h"

namespace gantry::filetest {
namespace {

// Why this machine cannot run code for `target`; none if it can.
std::optional<Verdict> reason_to_skip(const target::TargetSpec& target) {
  const std::optional<target::Triple> host = target::Triple::host();
  if (!host || host->arch != target.triple.arch) {
    return Verdict::skipped(SkipReason::NoTarget, std::string(to_string(target.triple.arch)));
  }
  const u64 missing = target.isa_flags.bits() & ~target::host_isa_flags(host->arch).bits();
  if (missing != 0) {
    return Verdict::skipped(
        SkipReason::MissingFeature,
        std::string(target.isa_flags.table().settings[std::countr_zero(missing)].name));
  }
  return std::nullopt;
}

}  // namespace

Verdict run_run(Context& context) {
  if (std::optional<Verdict> skip = reason_to_skip(*context.target)) return std::move(*skip);
  if (context.target->flags.enable_pinned_reg) {
    return Verdict::failed(std::string(context.file.path) +
                           ": enable_pinned_reg cannot be used with test run");
  }
  return Verdict::skipped(SkipReason::NotBuilt, "native execution");
}

}  // namespace gantry::filetest

// Problem: an abort without a story costs an hour. Idea: passes push what they do on a thread-local
// list of stack objects, and the report walks it. Nothing here allocates before the message is
// written.
#include "gantry/support/check.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace gantry {
namespace {
thread_local const CheckScope* innermost = nullptr;
std::atomic<CheckHook> hook{nullptr};
}  // namespace

CheckScope::CheckScope(std::string_view what, std::string_view subject)
    : what_(what), subject_(subject), outer_(innermost) {
  innermost = this;
}

CheckScope::~CheckScope() { innermost = outer_; }

void set_check_hook(CheckHook new_hook) { hook.store(new_hook); }

void check_failed(const char* condition, std::source_location where) {
  std::string report = "internal error: ";
  report += condition;
  report += "\n  at ";
  report += where.file_name();
  report += ':';
  report += std::to_string(where.line());
  report += " in ";
  report += where.function_name();
  report += '\n';
  for (const CheckScope* scope = innermost; scope != nullptr; scope = scope->outer()) {
    report += "  while ";
    report += scope->what();
    report += ' ';
    report += scope->subject();
    report += '\n';
  }
  if (CheckHook current = hook.load()) {
    current(report);
  } else {
    std::fwrite(report.data(), 1, report.size(), stderr);
  }
  std::abort();
}

}  // namespace gantry

#pragma once
// Net 3 of the error model (docs/adr/0001-error-model.md): our own bugs. A failed check prints what
// was being done, from a thread-local chain of scopes, calls the host's hook if one is set, and
// aborts.
#include <source_location>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry {

// What the process is doing, for the report of a failed check: "compiling %foo, pass lower". Scopes
// nest; the texts must outlive the scope.
class CheckScope {
 public:
  CheckScope(std::string_view what, std::string_view subject);
  ~CheckScope();
  CheckScope(const CheckScope&) = delete;
  CheckScope& operator=(const CheckScope&) = delete;

  std::string_view what() const { return what_; }
  std::string_view subject() const { return subject_; }
  const CheckScope* outer() const { return outer_; }

 private:
  std::string_view what_;
  std::string_view subject_;
  const CheckScope* outer_;
};

// Called with the whole report before the process aborts. Null restores the default (print to
// stderr).
using CheckHook = void (*)(std::string_view report);
void set_check_hook(CheckHook hook);

[[noreturn, gnu::cold, gnu::noinline]] void check_failed(
    const char* condition, std::source_location where = std::source_location::current());

#define GANTRY_CHECK(condition)           \
  do {                                    \
    if (!(condition)) [[unlikely]]        \
      ::gantry::check_failed(#condition); \
  } while (false)

#if defined(GANTRY_CHECKED)
#define GANTRY_DCHECK(condition) GANTRY_CHECK(condition)
#else
#define GANTRY_DCHECK(condition)  \
  do {                            \
    if (false) (void)(condition); \
  } while (false)
#endif

[[noreturn, gnu::cold]] inline void unreachable(
    const char* why, std::source_location where = std::source_location::current()) {
  check_failed(why, where);
}

}  // namespace gantry

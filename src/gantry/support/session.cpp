// Problem: every pass owes the same chores, and one forgotten is a bug nobody sees. Idea: one scope
// object does them all in its destructor.
#include "gantry/support/session.h"

#include <cstdio>
#include <ctime>

namespace gantry {
namespace {
u64 now_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000u + static_cast<u64>(time.tv_nsec);
}
}  // namespace

void Session::add_pass_time(const PassInfo& pass, u64 nanoseconds) {
  for (PassTime& time : times_) {
    if (time.pass == &pass) {
      time.nanoseconds += nanoseconds;
      ++time.runs;
      return;
    }
  }
  times_.push_back({&pass, nanoseconds, 1});
}

PassScope::PassScope(Session& session, const PassInfo& pass, PassSubject subject)
    : session_(session),
      pass_(pass),
      subject_(subject),
      check_scope_("running pass", pass.name),
      started_(session.timing() ? now_nanoseconds() : 0) {}

PassScope::~PassScope() {
  if (session_.timing()) session_.add_pass_time(pass_, now_nanoseconds() - started_);
  if (subject_.dump != nullptr) {
    for (const Session::Dump& dump : session_.dumps_) {
      if (dump.pass == pass_.name) subject_.dump(subject_.object, *dump.out);
    }
  }
#if defined(GANTRY_CHECKED)
  if (subject_.verify != nullptr) {
    TextWriter findings;
    if (!subject_.verify(subject_.object, findings)) {
      std::fwrite(findings.view().data(), 1, findings.view().size(), stderr);
      unreachable("a judge refused what the pass left behind");
    }
  }
#endif
  session_.pass_arena().reset();
}

}  // namespace gantry

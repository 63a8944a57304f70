#pragma once
// Runs generated code and observes its traps, for tests and differential fuzzing.
#include "gantry/jit/jit.h"

namespace gantry::jit {

struct Outcome {
  bool trapped;
  ir::TrapCode code;  // if trapped
};

// While it lives, faults of this process (SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE) that happen
// within run() are turned into outcomes; others go where they went before. At most one instance at
// a time; run() on the thread that made it.
class TrapGuard {
 public:
  explicit TrapGuard(const Jit& jit);
  ~TrapGuard();
  TrapGuard(const TrapGuard&) = delete;
  TrapGuard& operator=(const TrapGuard&) = delete;

  // Calls `body`; a trap abandons it without running destructors, so it should do nothing but call
  // generated code. Errors: Invalid (a fault at an address without trap record: a compiler bug, or
  // a fault outside generated code; the message says which signal, where).
  Result<Outcome> run(FunctionRef<void()> body);

 private:
  const Jit& jit_;
  struct State;
  State* state_;
};

}  // namespace gantry::jit

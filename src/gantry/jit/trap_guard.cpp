// Problem: a trap arrives as a signal, whose handler may do next to nothing. Idea: the handler
// notes signal and program counter and jumps back into run(), which looks them up at leisure. It
// runs on a stack of its own, as the overflow of the stack is one of the traps. The thread's active
// run is the one thread-local variable; a signal without one is given to the handler that was there
// before.
#include "gantry/jit/trap_guard.h"

#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include <cstdlib>
#include <cstring>

#include "gantry/support/text_writer.h"

namespace gantry::jit {

namespace {

constexpr int kSignals[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE};
constexpr usize kNumSignals = sizeof kSignals / sizeof kSignals[0];
constexpr usize kStackBytes = 64 << 10;

struct ActiveRun {
  sigjmp_buf back;
  volatile int signal;
  volatile usize pc;
};

thread_local ActiveRun* active_run = nullptr;

usize program_counter(const ucontext_t& context) {
#if defined(__x86_64__)
  return static_cast<usize>(context.uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<usize>(context.uc_mcontext.pc);
#else
  (void)context;
  return 0;
#endif
}

struct sigaction previous_actions[kNumSignals];

void on_signal(int signal, siginfo_t*, void* context) {
  ActiveRun* const run = active_run;
  if (run != nullptr) {
    run->signal = signal;
    run->pc = program_counter(*static_cast<const ucontext_t*>(context));
    siglongjmp(run->back, 1);
  }
  // Not ours: the fault repeats under the old handler when this one returns.
  for (usize i = 0; i < kNumSignals; ++i) {
    if (kSignals[i] == signal) sigaction(signal, &previous_actions[i], nullptr);
  }
}

}  // namespace

struct TrapGuard::State {
  stack_t previous_stack;
  void* stack;
};

TrapGuard::TrapGuard(const Jit& jit) : jit_(jit), state_(new State) {
  state_->stack = std::malloc(kStackBytes);
  GANTRY_CHECK(state_->stack != nullptr);
  stack_t stack{};
  stack.ss_sp = state_->stack;
  stack.ss_size = kStackBytes;
  GANTRY_CHECK(sigaltstack(&stack, &state_->previous_stack) == 0);
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (usize i = 0; i < kNumSignals; ++i)
    GANTRY_CHECK(sigaction(kSignals[i], &action, &previous_actions[i]) == 0);
}

TrapGuard::~TrapGuard() {
  for (usize i = 0; i < kNumSignals; ++i) sigaction(kSignals[i], &previous_actions[i], nullptr);
  sigaltstack(&state_->previous_stack, nullptr);
  std::free(state_->stack);
  delete state_;
}

Result<Outcome> TrapGuard::run(FunctionRef<void()> body) {
  ActiveRun run;
  run.signal = 0;
  run.pc = 0;
  ActiveRun* const outer = active_run;
  // Signals are not blocked while handled (SA_NODEFER), so the mask need not be saved.
  if (sigsetjmp(run.back, 0) == 0) {
    active_run = &run;
    body();
    active_run = outer;
    return Outcome{false, {}};
  }
  active_run = outer;
  const usize pc = run.pc;
  if (const std::optional<ir::TrapCode> code = jit_.find_trap(pc)) return Outcome{true, *code};
  TextWriter message;
  message.put("signal ", static_cast<int>(run.signal), " at ");
  if (const std::optional<CodePlace> place = jit_.find_code(pc)) {
    message.put("offset ", place->offset, " of `", jit_.module().symbols()[place->function].name,
                "`, where no trap is recorded");
  } else {
    message.put("0x").write_hex(pc).write(", outside of generated code");
  }
  return Error(ErrorKind::Invalid, message.view());
}

}  // namespace gantry::jit

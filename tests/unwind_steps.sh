#!/bin/sh
# unwind_steps.sh GANTRY CC: unwinds from every single instruction of compiled functions, by the .eh_frame of their object
# file: prologues, epilogues, blocks without the frame, traps. The caller's stack pointer and the registers a call keeps
# must come out right each time.
set -eu
. "$(dirname "$0")/scratch.sh"
cd "$folder"
cat >code.clif <<END
function %early(i64, i64) -> i64 system_v {
    fn0 = colocated %early(i64, i64) -> i64 system_v
block0(v0: i64, v1: i64):
    v2 = iconst.i64 2
    v3 = icmp ult v0, v2
    brif v3, block1, block2
block1:
    return v1
block2:
    v4 = iconst.i64 -1
    v5 = iadd v0, v4
    v6 = call fn0(v5, v1)
    v7 = iconst.i64 -2
    v8 = iadd v0, v7
    v9 = call fn0(v8, v6)
    v10 = iadd v6, v9
    v11 = imul v10, v0
    return v11
}

; Without a frame on both sides of the blocks that have one.
function %sides(i64, i64) -> i64 system_v {
    fn0 = colocated %leaf(i64, i64) -> i64 system_v
block0(v0: i64, v1: i64):
    v2 = iconst.i64 5
    v3 = icmp eq v0, v2
    brif v3, block1, block2
block1 cold:
    v4 = call fn0(v1, v0)
    v5 = call fn0(v4, v1)
    v6 = iadd v4, v5
    v7 = iconst.i64 6
    v8 = icmp eq v1, v7
    brif v8, block3, block4
block3 cold:
    return v4
block4 cold:
    return v6
block2:
    v9 = iconst.i64 100
    v10 = icmp ult v0, v9
    brif v10, block5, block6
block5:
    return v1
block6:
    v11 = imul v0, v1
    return v11
}

function %leaf(i64, i64) -> i64 system_v {
block0(v0: i64, v1: i64):
    v2 = imul v0, v1
    v3 = iadd v2, v1
    return v3
}

function %slots(i64, i64, i64, i64, i64, i64, i64, i64) -> i64 system_v {
    ss0 = explicit_slot 1000
    fn0 = colocated %leaf(i64, i64) -> i64 system_v
block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64, v6: i64, v7: i64):
    v8 = stack_addr.i64 ss0
    store v6, v8
    store v7, v8+8
    v9 = call fn0(v0, v1)
    v10 = load.i64 v8
    v11 = load.i64 v8+8
    v12 = call fn0(v10, v11)
    v13 = iadd v9, v12
    v14 = iadd v13, v3
    return v14
}

function %popped(i64, i64) -> i64 system_v {
    fn0 = colocated %pops(i64, i64, i64, i64, i64, i64, i64, i64) -> i64 tail
block0(v0: i64, v1: i64):
    v2 = call fn0(v0, v1, v0, v1, v0, v1, v0, v1)
    v3 = call fn0(v2, v0, v0, v1, v2, v1, v2, v0)
    v4 = iadd v2, v3
    return v4
}

function %pops(i64, i64, i64, i64, i64, i64, i64, i64) -> i64 tail {
block0(v0: i64, v1: i64, v2: i64, v3: i64, v4: i64, v5: i64, v6: i64, v7: i64):
    v8 = isub v6, v7
    v9 = iadd v8, v0
    return v9
}

function %pressure(i64, i64) -> i64 system_v {
block0(v0: i64, v1: i64):
    v2 = imul v0, v1
    v3 = imul v2, v1
    v4 = imul v3, v1
    v5 = imul v4, v1
    v6 = imul v5, v1
    v7 = imul v6, v1
    v8 = imul v7, v1
    v9 = imul v8, v1
    v10 = imul v9, v1
    v11 = imul v10, v1
    v12 = imul v11, v1
    v13 = imul v12, v1
    v14 = imul v13, v1
    v15 = imul v14, v1
    v16 = imul v15, v1
    v17 = imul v16, v1
    v18 = imul v17, v1
    jump block1(v18)
block1(v19: i64):
    v20 = bxor v19, v2
    v21 = bxor v20, v3
    v22 = bxor v21, v4
    v23 = bxor v22, v5
    v24 = bxor v23, v6
    v25 = bxor v24, v7
    v26 = bxor v25, v8
    v27 = bxor v26, v9
    v28 = bxor v27, v10
    v29 = bxor v28, v11
    v30 = bxor v29, v12
    v31 = bxor v30, v13
    v32 = bxor v31, v14
    v33 = bxor v32, v15
    v34 = bxor v33, v16
    v35 = bxor v34, v17
    v36 = iadd v35, v0
    return v36
}

; Falls into a trap behind the code, with and without blocks that need no frame in front.
function %trapping(i64, i64) -> i64 system_v {
    fn0 = colocated %leaf(i64, i64) -> i64 system_v
block0(v0: i64, v1: i64):
    brif v0, block1, block2
block1:
    v2 = call fn0(v1, v0)
    trapz v1, user5
    v3 = iadd v2, v0
    return v3
block2:
    return v1
}

function %end_of_code() system_v {
block0:
    return
}
END
cat >main.c <<END
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unwind.h>

long early(long, long), sides(long, long), leaf(long, long), slots(), popped(long, long), pressure(long, long),
    trapping(long, long);
void end_of_code(void);

// Calls with known values in the registers a call keeps, stepping; tells where the stack pointer was.
long enter(void* callee, const long* args);
extern char enter_end[], after_call[];
long expected_sp, kept_ok;
asm(".text\n.globl enter\nenter:\n.cfi_startproc\n"
    "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\nsub \$24, %rsp\n"
    "mov %rdi, %rax\nmov %rsi, %r10\n"
    "mov 48(%r10), %rdi\nmov %rdi, (%rsp)\nmov 56(%r10), %rdi\nmov %rdi, 8(%rsp)\n"
    "mov (%r10), %rdi\nmov 8(%r10), %rsi\nmov 16(%r10), %rdx\nmov 24(%r10), %rcx\nmov 32(%r10), %r8\nmov 40(%r10), %r9\n"
    "mov \$0x1003, %ebx\nmov \$0x1006, %ebp\nmov \$0x100c, %r12d\nmov \$0x100d, %r13d\nmov \$0x100e, %r14d\nmov \$0x100f, %r15d\n"
    "mov %rsp, expected_sp(%rip)\n"
    "pushfq\norq \$0x100, (%rsp)\npopfq\n"
    "call *%rax\n"
    "pushfq\nandq \$~0x100, (%rsp)\npopfq\n"
    "xor %ecx, %ecx\n"
    "cmp \$0x1003, %rbx\njne 1f\ncmp \$0x1006, %rbp\njne 1f\ncmp \$0x100c, %r12\njne 1f\n"
    "cmp \$0x100d, %r13\njne 1f\ncmp \$0x100e, %r14\njne 1f\ncmp \$0x100f, %r15\njne 1f\ncmp expected_sp(%rip), %rsp\njne 1f\n"
    "inc %ecx\n1: mov %rcx, kept_ok(%rip)\n"
    ".globl after_call\nafter_call:\n"
    "mov expected_sp(%rip), %rsp\nadd \$24, %rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n.cfi_endproc\n.globl enter_end\nenter_end:\n");

static int is_code(const char* pc) { return pc >= (const char*)early && pc <= (const char*)end_of_code; }

static const char* at;
static int begun, reached;
static long steps, mistakes;
static _Unwind_Reason_Code visit(struct _Unwind_Context* context, void* unused) {
  static const int kept[] = {3, 6, 12, 13, 14, 15};  // rbx, rbp, r12 to r15
  const char* pc = (const char*)_Unwind_GetIP(context);
  (void)unused;
  if (!begun) {
    begun = pc == at;
    return _URC_NO_REASON;
  }
  if (is_code(pc)) return _URC_NO_REASON;
  reached = pc > (const char*)enter && pc < enter_end && (long)_Unwind_GetCFA(context) == expected_sp;
  for (int i = 0; i < 6; ++i) reached &= _Unwind_GetGR(context, kept[i]) == 0x1000 + kept[i];
  return _URC_END_OF_STACK;
}

static void step(int number, siginfo_t* info, void* state) {
  ucontext_t* const context = state;
  (void)info;
  at = (const char*)context->uc_mcontext.gregs[REG_RIP];
  if (!is_code(at)) return;
  begun = reached = 0;
  _Unwind_Backtrace(visit, 0);
  ++steps;
  if (!reached) {
    ++mistakes;
    fprintf(stderr, "cannot unwind at code + %ld\n", (long)(at - (const char*)early));
  }
  if (number == SIGILL) {
    context->uc_mcontext.gregs[REG_RIP] = (long)after_call;
    context->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
  }
}

int main(void) {
  struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, 0);
  sigaction(SIGILL, &action, 0);
  struct { void* callee; long args[8]; long result; int traps; } calls[] = {
      {early, {4, 3}, 1440, 0}, {early, {1, 3}, 3, 0},
      {sides, {5, 6}, 35, 0}, {sides, {5, 7}, 327, 0}, {sides, {6, 7}, 7, 0}, {sides, {200, 2}, 400, 0},
      {leaf, {3, 4}, 16, 0}, {slots, {1, 2, 3, 4, 5, 6, 7, 8}, 72, 0}, {popped, {7, 5}, 20, 0},
      {pressure, {3, 1}, 6, 0}, {trapping, {0, 9}, 9, 0}, {trapping, {2, 9}, 22, 0}, {trapping, {2, 0}, 0, 1}};
  for (unsigned i = 0; i < sizeof calls / sizeof *calls; ++i) {
    kept_ok = 0;
    const long result = enter(calls[i].callee, calls[i].args);
    if (calls[i].traps) continue;
    if (result != calls[i].result || !kept_ok) {
      fprintf(stderr, "call %u: result %ld, registers kept: %ld\n", i, result, kept_ok);
      return 2;
    }
  }
  printf("%ld steps, %ld mistakes\n", steps, mistakes);
  return mistakes != 0 || steps < 200;
}
END
for settings in "--set opt_level=none" "--set opt_level=speed"; do
  "$gantry" compile --target x86_64 $settings -o code.o code.clif >/dev/null
  "$cc" -O1 -fno-omit-frame-pointer -no-pie -o main main.c code.o
  ./main
done

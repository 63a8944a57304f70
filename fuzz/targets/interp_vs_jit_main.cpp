// fuzz_interp_vs_jit: random programs, interpreted and compiled, compared.
//
// The tests run in processes of their own, each working through every Nth seed, so that a crash of
// the compiler or an endless loop is one finding. Exit status 1 if there was any.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "gantry/support/check.h"
#include "interp_vs_jit.h"

namespace {

using gantry::u32;
using gantry::u64;

constexpr u32 kMaxJobs = 64;
constexpr u32 kSecondsPerTest = 60;

struct Settings {
  u64 seed = 0;
  u64 count = ~u64{0};
  u64 seconds = 0;  // 0: no limit
  u32 jobs = 1;
  bool keep_going = false;
  bool show = false;
  gantry::fuzz::Case test;
};

// What a worker tells its parent, also after its death.
struct Shared {
  volatile u64 next;  // number of the test it is at
  volatile gantry::fuzz::Phase phase;
  gantry::fuzz::Counts counts;
  u64 findings;
};

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

int usage() {
  std::fprintf(stderr,
               "usage: fuzz_interp_vs_jit [--seconds N | --count N] [--seed S] [--jobs N]\n"
               "                          [--keep-going] [--small] [--no-i128] [--show]\n"
               "--show prints the program of the seed and runs nothing.\n");
  return 2;
}

bool parse(int argc, char** argv, Settings& settings) {
  for (int i = 1; i < argc; ++i) {
    const char* const word = argv[i];
    const auto number = [&](u64& value) {
      if (i + 1 >= argc) return false;
      char* end = nullptr;
      value = std::strtoull(argv[++i], &end, 0);
      return *end == 0;
    };
    u64 value = 0;
    if (std::strcmp(word, "--seconds") == 0) {
      if (!number(settings.seconds)) return false;
    } else if (std::strcmp(word, "--count") == 0) {
      if (!number(settings.count)) return false;
    } else if (std::strcmp(word, "--seed") == 0) {
      if (!number(settings.seed)) return false;
    } else if (std::strcmp(word, "--jobs") == 0) {
      if (!number(value) || value == 0 || value > kMaxJobs) return false;
      settings.jobs = static_cast<u32>(value);
    } else if (std::strcmp(word, "--keep-going") == 0) {
      settings.keep_going = true;
    } else if (std::strcmp(word, "--small") == 0) {
      settings.test.small = true;
    } else if (std::strcmp(word, "--no-i128") == 0) {
      settings.test.i128 = false;
    } else if (std::strcmp(word, "--show") == 0) {
      settings.show = true;
    } else {
      return false;
    }
  }
  return true;
}

void print_report(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputs("\n", stdout);
  std::fflush(stdout);
}

// Works through the tests from shared.next on; returns when there are no more.
void work(const Settings& settings, double deadline, Shared& shared) {
  while (shared.next < settings.count && (deadline == 0 || now() < deadline)) {
    gantry::fuzz::Case test = settings.test;
    test.seed = settings.seed + shared.next;
    ::alarm(kSecondsPerTest);
    const std::string report = gantry::fuzz::run_interp_vs_jit(test, shared.phase, shared.counts);
    if (!report.empty()) {
      print_report(report);
      ++shared.findings;
      if (!settings.keep_going) return;
    }
    shared.next = shared.next + settings.jobs;
  }
  ::alarm(0);
}

int spawn(const Settings& settings, double deadline, Shared& shared) {
  std::fflush(stdout);
  const int child = ::fork();
  if (child == 0) {
    work(settings, deadline, shared);
    std::fflush(stdout);
    ::_exit(0);
  }
  return child;
}

void print_progress(const Settings& settings, const Shared* shared, double started, bool final) {
  gantry::fuzz::Counts sum;
  u64 findings = 0;
  for (u32 i = 0; i < settings.jobs; ++i) {
    const gantry::fuzz::Counts& one = shared[i].counts;
    sum.programs += one.programs;
    sum.functions += one.functions;
    sum.insts += one.insts;
    sum.calls += one.calls;
    sum.traps += one.traps;
    sum.not_compared += one.not_compared;
    findings += shared[i].findings;
  }
  std::fprintf(
      final ? stdout : stderr,
      "%s%llu programs, %llu functions, %llu instructions, %llu calls compared (%llu of "
      "them trap, %llu too long), %llu findings, %.0f s%s",
      final ? "" : "\r", static_cast<unsigned long long>(sum.programs),
      static_cast<unsigned long long>(sum.functions), static_cast<unsigned long long>(sum.insts),
      static_cast<unsigned long long>(sum.calls), static_cast<unsigned long long>(sum.traps),
      static_cast<unsigned long long>(sum.not_compared), static_cast<unsigned long long>(findings),
      now() - started, final ? "\n" : "");
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (!parse(argc, argv, settings)) return usage();
  if (settings.show) {
    settings.test.seed = settings.seed;
    print_report(gantry::fuzz::show_program(settings.test));
    return 0;
  }
  if (settings.seconds == 0 && settings.count == ~u64{0}) settings.count = 1000;
  const double started = now();
  const double deadline =
      settings.seconds == 0 ? 0 : started + static_cast<double>(settings.seconds);
  auto* const shared =
      static_cast<Shared*>(::mmap(nullptr, sizeof(Shared) * settings.jobs, PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  GANTRY_CHECK(shared != MAP_FAILED);
  int workers[kMaxJobs];
  u32 running = 0;
  for (u32 i = 0; i < settings.jobs; ++i) {
    shared[i].next = i;
    workers[i] = spawn(settings, deadline, shared[i]);
    GANTRY_CHECK(workers[i] > 0);
    ++running;
  }
  const bool progress = ::isatty(2) != 0;
  u64 findings = 0;
  while (running > 0) {
    int status = 0;
    const int child = ::waitpid(-1, &status, progress ? WNOHANG : 0);
    if (child == 0) {
      print_progress(settings, shared, started, false);
      ::usleep(250'000);
      continue;
    }
    for (u32 i = 0; i < settings.jobs; ++i) {
      if (workers[i] != child) continue;
      --running;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
      ++shared[i].findings;
      gantry::fuzz::Case test = settings.test;
      test.seed = settings.seed + shared[i].next;
      std::printf(";; seed %llu: the process died while %s (%s %d)\n",
                  static_cast<unsigned long long>(test.seed),
                  gantry::fuzz::to_string(shared[i].phase),
                  WIFSIGNALED(status) ? "signal" : "exit status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
      if (shared[i].phase != gantry::fuzz::Phase::Generate)
        print_report(gantry::fuzz::show_program(test));
      if (!settings.keep_going) break;
      shared[i].next = shared[i].next + settings.jobs;
      workers[i] = spawn(settings, deadline, shared[i]);
      GANTRY_CHECK(workers[i] > 0);
      ++running;
      break;
    }
  }
  for (u32 i = 0; i < settings.jobs; ++i) findings += shared[i].findings;
  if (progress) std::fputs("\r\n", stderr);
  print_progress(settings, shared, started, true);
  return findings == 0 ? 0 : 1;
}

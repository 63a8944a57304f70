// gantry bench compile: what compiling costs, in one process and one thread. Function by function,
// so that memory is the text and the largest function; of several iterations the fastest counts.
#include <sys/resource.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "backend.h"
#include "common.h"
#include "gantry/ir/printer.h"

namespace gantry::tool {
namespace {

u64 now_nanoseconds() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000u + static_cast<u64>(time.tv_nsec);
}

struct Figures {
  u64 functions = 0, errors = 0, clif_insts = 0, parse_ns = 0, compile_ns = 0, code_bytes = 0,
      parse_bytes = 0;

  void add(const Figures& other) {
    functions += other.functions;
    errors += other.errors;
    clif_insts += other.clif_insts;
    parse_ns += other.parse_ns;
    compile_ns += other.compile_ns;
    code_bytes += other.code_bytes;
    parse_bytes += other.parse_bytes;
  }
  void print(std::string_view name) const {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    TextWriter out;
    out.line(name, ": functions=", functions, " errors=", errors, " clif_insts=", clif_insts,
             " parse_ns=", parse_ns, " compile_ns=", compile_ns, " code_bytes=", code_bytes,
             " peak_rss_kb=", usage.ru_maxrss, " parse_bytes=", parse_bytes);
    tool::print(out.view());
  }
};

constexpr u64 kMaxErrorsShown = 10;

u64 count_insts(const ir::Function& func) {
  u64 count = 0;
  for (const ir::Block block : func.layout.blocks()) {
    for ([[maybe_unused]] const ir::Inst inst : func.layout.insts(block)) ++count;
  }
  return count;
}

class Bench {
 public:
  Bench(const BenchOptions& options, const filetest::Backend& backend, const target::TargetIsa& isa)
      : options_(options), backend_(backend), isa_(isa) {
    session_.enable_timing(options.passes);
  }

  Figures run_file(const std::string& path) {
    Figures figures;
    const Result<std::string> text = read_input(path);
    if (!text.has_value()) {
      report_error(figures, text.error().message());
      return figures;
    }
    figures.parse_bytes = text->size();
    reader::Reader reader(*text, reader::ReaderOptions{});
    while (true) {
      const u64 started = now_nanoseconds();
      const bool more = reader.next(func_);
      figures.parse_ns += now_nanoseconds() - started;
      if (!more) break;
      ++figures.functions;
      if (reader.errors_in_last() != 0) {
        ++figures.errors;
        continue;
      }
      figures.clif_insts += count_insts(func_);
      compile(path, figures);
    }
    if (!reader.diagnostics().empty()) {
      complain(reader.diagnostics(), path, *text);
      figures.errors = std::max<u64>(figures.errors, 1);
    }
    return figures;
  }

  void print_passes() const {
    TextWriter out;
    for (const PassTime& time : session_.pass_times()) {
      out.line("pass ", time.pass->name, ": ns=", time.nanoseconds, " runs=", time.runs);
    }
    print(out.view());
  }

 private:
  void compile(const std::string& path, Figures& figures) {
    u64 fastest = ~u64{0};
    for (u32 i = 0; i < std::max(1u, options_.iterations); ++i) {
      working_ = func_;
      const u64 started = now_nanoseconds();
      const Result<filetest::CompileOutput> compiled =
          backend_.compile(working_, isa_, session_, filetest::CompileRequest{});
      const u64 took = now_nanoseconds() - started;
      if (!compiled.has_value()) {
        TextWriter message;
        message.put(std::string_view(path), ": ");
        ir::print_function_name(func_.name, message);
        message.put(": ", compiled.error().message());
        report_error(figures, message.view());
        return;
      }
      fastest = std::min(fastest, took);
      if (i == 0) figures.code_bytes += compiled->code.code.size();
    }
    figures.compile_ns += fastest;
  }

  void report_error(Figures& figures, std::string_view message) {
    ++figures.errors;
    if (++errors_shown_ <= kMaxErrorsShown) complain(message);
  }

  const BenchOptions& options_;
  const filetest::Backend& backend_;
  const target::TargetIsa& isa_;
  Session session_;
  ir::Function func_, working_;  // reused from function to function
  u64 errors_shown_ = 0;
};

}  // namespace

int run_bench_compile(const BenchOptions& options) {
  target::Flags flags;
  flags.enable_verifier = false;
  const std::optional<target::TargetSpec> spec =
      target_from(options.target, options.settings, flags);
  if (!spec) return kInputFault;
  const filetest::Backend* const backend = code_generation();
  const std::unique_ptr<target::TargetIsa> isa = isa_for(*spec);
  if (isa == nullptr) return kInputFault;

  if (!options.rule_coverage.empty() && !begin_rule_coverage()) return kInputFault;
  Bench bench(options, *backend, *isa);
  Figures total;
  for (const std::string& path : options.paths) {
    const Figures figures = bench.run_file(path);
    figures.print(path);
    total.add(figures);
  }
  if (options.passes) bench.print_passes();
  total.print("total");
  if (!options.rule_coverage.empty() && !write_rule_coverage(options.rule_coverage))
    return kInputFault;
  return total.errors == 0 ? kOk : kInputFault;
}

}  // namespace gantry::tool

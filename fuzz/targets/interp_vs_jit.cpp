// The problem: does machine code do what the semantics say? The idea: random programs whose
// behaviour is defined in full, executed by the interpreter and by the code generator under random
// settings; results must agree bit by bit, traps by code. Everything follows from the seed.
#include "interp_vs_jit.h"

#include <memory>
#include <vector>

#include "gantry/codegen/compile.h"
#include "gantry/filetest/not_supported.h"
#include "gantry/fuzzgen/generate.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/isa/lookup.h"
#include "gantry/jit/program.h"
#include "gantry/opt/inline_policy.h"
#include "gantry/verifier/verifier.h"

namespace gantry::fuzz {
namespace {

constexpr u64 kFuel = u64{1} << 21;
constexpr u32 kCallsPerFunction = 4;

// Features that change the code of scalar functions, each with those it needs.
constexpr std::string_view kFeatures[] = {"has_sse41", "has_avx",  "has_popcnt", "has_lzcnt",
                                          "has_bmi1",  "has_bmi2", "has_fma",    "has_cmpxchg16b"};
constexpr std::string_view kSwitches[] = {"machine_code_cfg_info", "is_pic",
                                          "preserve_frame_pointers", "use_colocated_libcalls"};

// What the back end cannot compile yet.
bool can_compile(ir::Opcode opcode, ir::Type type) {
  if (type != ir::kI128) return true;
  for (const filetest::NotSupportedDef& row : filetest::kNotSupported) {
    if (row.kind == filetest::NotSupportedKind::OpcodeOnI128 && row.in_code_generation &&
        row.name == ir::name_of(opcode)) {
      return false;
    }
  }
  return true;
}

struct Setup {
  std::vector<std::string> set_words;  // of `set` lines
  std::string target;                  // of the target line
  fuzzgen::Options options;
  bool inline_calls = false;  // before compiling
};

Setup choose_setup(const Case& test) {
  // Of its own, so that the program stays when the choice of settings changes.
  fuzzgen::Choices choices(test.seed ^ 0x5e77106500000000);
  Setup setup;
  const auto set = [&](std::string word) { setup.set_words.push_back(std::move(word)); };
  set("enable_multi_ret_implicit_sret=true");
  if (!choices.one_in(8)) set("regalloc_checker=true");
  for (const std::string_view name : kSwitches) {
    if (choices.one_in(3)) set(std::string(name) + "=true");
  }
  if (choices.one_in(6)) set("bb_padding_log2_minus_one=" + std::to_string(1 + choices.below(6)));
  if (choices.one_in(4)) set("enable_table_access_spectre_mitigation=false");
  setup.target = "x86_64";
  const u32 way = choices.below(4);
  for (const std::string_view name : kFeatures) {
    const bool on = way == 0 ? false : way == 1 ? true : choices.one_in(2);
    if (on) setup.target += " " + std::string(name);
  }
  fuzzgen::Options& options = setup.options;
  options.allows = can_compile;
  options.i128 = test.i128 && choices.one_in(3);
  if (options.i128) set("enable_llvm_abi_extensions=true");
  options.other_conventions = choices.one_in(3);
  options.try_calls = choices.one_in(2);
  options.special_params = choices.one_in(2);
  options.big_endian = choices.one_in(2);
  options.floats = !choices.one_in(5);
  switch (test.small ? 0 : choices.below(4)) {
    case 0:
      options.max_functions = 2;
      options.max_depth = 1;
      options.max_insts_per_block = 4;
      break;
    case 1:
      options.max_params = 20;
      options.max_returns = 12;
      break;
    case 2:
      options.max_insts_per_block = 40;
      options.max_depth = 2;
      break;
    default:
      break;
  }
  // Drawn last, so that older seeds keep their programs.
  if (!choices.one_in(4)) set(choices.one_in(3) ? "opt_level=speed_and_size" : "opt_level=speed");
  setup.inline_calls = choices.one_in(3);
  return setup;
}

void write_trap(ir::TrapCode trap, TextWriter& out) { out.put("trapped with code ", trap.code); }

void write_values(std::span<const ir::DataValue> values, TextWriter& out) {
  out.write('[');
  for (usize i = 0; i < values.size(); ++i) {
    if (i != 0) out.write(", ");
    ir::print_data_value(values[i], out);
  }
  out.write(']');
}

// Names as file tests want them: u0:3 becomes %f3.
void write_renamed(std::string_view text, TextWriter& out) {
  usize at = 0;
  while (true) {
    const usize found = text.find("u0:", at);
    out.write(text.substr(at, found - at));
    if (found == std::string_view::npos) return;
    out.write("%f");
    at = found + 3;
  }
}

struct Program {
  Setup setup;
  std::vector<ir::Function> funcs;
  std::vector<std::vector<std::vector<ir::DataValue>>> args;  // by function, by call

  explicit Program(const Case& test) : setup(choose_setup(test)) {
    fuzzgen::Choices choices(test.seed);
    fuzzgen::generate(choices, setup.options, funcs);
    args.resize(funcs.size());
    for (usize i = 0; i < funcs.size(); ++i) {
      for (u32 call = 0; call < kCallsPerFunction; ++call)
        args[i].push_back(fuzzgen::generate_args(choices, funcs[i].signature));
    }
  }

  // As a file test; behind function `marked` stands `run_lines`.
  std::string show(usize marked, std::string_view run_lines) const {
    TextWriter out;
    if (setup.inline_calls) out.line(";; gantry run --inline");
    out.write("test interpret\ntest run\n");
    for (const std::string& word : setup.set_words) out.line("set ", std::string_view(word));
    out.line("target ", std::string_view(setup.target));
    // Callees first or last does not matter: all functions of a file know each other.
    for (usize i = 0; i < funcs.size(); ++i) {
      TextWriter text;
      ir::print(funcs[i], text);
      out.write('\n');
      write_renamed(text.view(), out);
      if (i == marked) out.write(run_lines);
    }
    return std::move(out).take();
  }
};

std::string describe(const Case& test, const Program& program, usize function,
                     std::string_view what, std::string_view run_lines) {
  TextWriter out;
  out.line(";; seed ", test.seed, ": ", what);
  out.write(program.show(function, run_lines));
  return std::move(out).take();
}

// `; run: %f0(1) == [2]`, or what happened instead of returning.
std::string run_line(usize function, std::span<const ir::DataValue> args,
                     const interp::Outcome& expected) {
  TextWriter out;
  TextWriter call;
  call.put("%f", function, "(");
  for (usize i = 0; i < args.size(); ++i) {
    if (i != 0) call.write(", ");
    ir::print_data_value(args[i], call);
  }
  call.write(')');
  if (expected.kind == interp::Outcome::Kind::Returned) {
    out.put("; run: ", call.view(), " == ");
    write_values(expected.results, out);
  } else {
    out.put(";; traps: ", call.view());
  }
  out.write('\n');
  return std::move(out).take();
}

}  // namespace

const char* to_string(Phase phase) {
  switch (phase) {
    case Phase::Generate:
      return "generating";
    case Phase::Verify:
      return "verifying";
    case Phase::Interpret:
      return "interpreting";
    case Phase::Compile:
      return "compiling";
    case Phase::Run:
      return "running";
  }
  unreachable("Phase");
}

std::string show_program(const Case& test) { return Program(test).show(~usize{0}, {}); }

std::string run_interp_vs_jit(const Case& test, volatile Phase& phase, Counts& counts) {
  phase = Phase::Generate;
  const Program program(test);
  const auto wrong = [&](usize function, std::string_view what, std::string_view run_lines = {}) {
    return describe(test, program, function, what, run_lines);
  };

  phase = Phase::Verify;
  target::Flags flags;
  for (const std::string& word : program.setup.set_words) {
    if (const Result<void> applied = target::apply_setting(flags, word); !applied.has_value())
      return wrong(0, applied.error().message());
  }
  Result<target::TargetSpec> spec = target::parse_target(program.setup.target, flags);
  if (!spec.has_value()) return wrong(0, spec.error().message());
  spec->triple = *target::Triple::host();
  // What this machine lacks is not run here.
  spec->isa_flags.set_bits(spec->isa_flags.bits() &
                           target::host_isa_flags(spec->triple.arch).bits());
  const verifier::Environment environment{.has_isa = true,
                                          .preserve_frame_pointers = flags.preserve_frame_pointers};
  interp::Interpreter interpreter({.fuel = kFuel});
  std::vector<const ir::Function*> functions;
  for (usize i = 0; i < program.funcs.size(); ++i) {
    const ir::Function& func = program.funcs[i];
    const Result<void> verified = verifier::verify(func, environment);
    if (!verified.has_value()) return wrong(i, verified.error().message());
    interpreter.add_function(func);
    functions.push_back(&func);
    for (const ir::Block block : func.layout.blocks()) {
      for ([[maybe_unused]] const ir::Inst inst : func.layout.insts(block)) ++counts.insts;
    }
  }

  phase = Phase::Compile;
  const Result<target::TargetIsa*> found = isa::lookup(*spec);
  if (!found.has_value()) return wrong(0, found.error().message());
  const std::unique_ptr<target::TargetIsa> isa(*found);
  Session session;
  std::vector<ir::Function> inlined;
  if (program.setup.inline_calls) {
    inlined = program.funcs;
    functions.clear();
    std::vector<ir::Function*> changed;
    for (ir::Function& func : inlined) changed.push_back(&func);
    const Result<opt::InlineStats> stats =
        opt::inline_functions(changed, {.definitions_are_final = true}, session);
    if (!stats.has_value()) return wrong(0, stats.error().message());
    functions.assign(changed.begin(), changed.end());
  }
  jit::Program native(isa->default_call_conv());
  const Result<void> built = native.build(
      functions, [&](ir::Function& func) { return codegen::compile(func, *isa, session); });
  if (!built.has_value()) return wrong(native.failed_function(), built.error().message());

  for (usize i = 0; i < program.funcs.size(); ++i) {
    for (const std::vector<ir::DataValue>& args : program.args[i]) {
      phase = Phase::Interpret;
      const interp::Outcome expected = interpreter.run(program.funcs[i], args);
      const std::string line = run_line(i, args, expected);
      switch (expected.kind) {
        case interp::Outcome::Kind::Returned:
        case interp::Outcome::Kind::Trapped:
          break;
        case interp::Outcome::Kind::OutOfFuel:
          ++counts.not_compared;
          continue;
        case interp::Outcome::Kind::Unsupported:
        case interp::Outcome::Kind::BadInput:
          return wrong(i, "interpreter: " + expected.message, line);
      }
      phase = Phase::Run;
      std::vector<ir::DataValue> results;
      const Result<jit::Outcome> outcome = native.call(static_cast<u32>(i), args, results);
      if (!outcome.has_value()) return wrong(i, outcome.error().message(), line);
      ++counts.calls;
      const bool traps = expected.kind == interp::Outcome::Kind::Trapped;
      if (traps) ++counts.traps;
      const bool same = outcome->trapped == traps &&
                        (traps ? outcome->code == expected.trap : results == expected.results);
      if (same) continue;
      TextWriter what;
      what.write("interpreter ");
      if (traps) {
        write_trap(expected.trap, what);
      } else {
        write_values(expected.results, what);
      }
      what.write(", machine code ");
      if (outcome->trapped) {
        write_trap(outcome->code, what);
      } else {
        write_values(results, what);
      }
      return wrong(i, what.view(), line);
    }
  }
  ++counts.programs;
  counts.functions += program.funcs.size();
  return {};
}

}  // namespace gantry::fuzz

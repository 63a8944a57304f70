// Run commands: `; run: %f(1, 2) == 3` and its relatives, and their execution by the interpreter.
#include "gantry/filetest/internal/run_commands.h"

#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/meta/codes.h"

namespace gantry::filetest {
namespace {

void write_values(std::span<const ir::DataValue> values, bool always_bracket, TextWriter& out) {
  const bool bracket = always_bracket || values.size() != 1;
  if (bracket) out.write('[');
  for (usize i = 0; i < values.size(); ++i) {
    if (i != 0) out.write(", ");
    ir::print_data_value(values[i], out);
  }
  if (bracket) out.write(']');
}

void write_call(const TestFunction& callee, std::span<const ir::DataValue> args, TextWriter& out) {
  out.put(std::string_view(callee.name), '(');
  for (usize i = 0; i < args.size(); ++i) {
    if (i != 0) out.write(", ");
    ir::print_data_value(args[i], out);
  }
  out.write(')');
}

// Bare `run` wants a function without parameters and one integer result.
bool is_predicate(const ir::Signature& signature) {
  return signature.params.empty() && signature.returns.size() == 1 &&
         signature.returns[0].type.is_int();
}

const TestFunction* find_callee(const TestFile& file, std::string_view name) {
  for (const TestFunction& function : file.functions) {
    if (std::string_view(function.name).substr(1) == name) return &function;
  }
  return nullptr;
}

// Whether the outcome is the expected one; otherwise what is wrong.
std::string compare(const reader::RunCommand& command, const TestFunction& callee,
                    const CallResult& result) {
  TextWriter text;
  if (!command.has_call) {
    if (result.results.size() == 1 && result.results[0].bits() != 0) return {};
    write_call(callee, {}, text);
    text.write(" returned ");
    write_values(result.results, false, text);
    return std::move(text).take();
  }
  if ((result.results == command.expected) != command.negated) return {};
  write_call(callee, command.args, text);
  text.write(" returned ");
  write_values(result.results, false, text);
  text.write(command.negated ? ", expected anything but " : ", expected ");
  write_values(command.expected, false, text);
  return std::move(text).take();
}

}  // namespace

void write_trap(ir::TrapCode trap, TextWriter& out) {
  for (const meta::TrapDef& row : meta::kTraps) {
    if (row.code == trap.code) {
      out.write(row.name);
      return;
    }
  }
  out.put("user", trap.code);
}

Verdict execute_run_commands(Context& context, bool by_name, Consumer who, Caller call) {
  for (const TestFunction& function : context.file.functions) {
    for (const reader::Comment& comment : function.source.comments) {
      const ir::Signature& signature = function.func->signature;
      reader::RunCommand command;
      const Result<bool> parsed = reader::parse_run_command(comment.text, signature, command);
      if (!parsed.has_value())
        return Verdict::failed(located(context, comment.line, parsed.error().message()));
      if (!*parsed) continue;
      const TestFunction* callee = &function;
      if (by_name && command.has_call) {
        callee = find_callee(context.file, command.function);
        if (callee == nullptr) {
          return Verdict::failed(
              located(context, comment.line, "no function %" + std::string(command.function)));
        }
      }
      if (!command.has_call && !command.is_print && !is_predicate(signature)) {
        return Verdict::failed(
            located(context, comment.line,
                    "'run' needs a function without parameters that returns one integer"));
      }
      if (callee->func->signature.params.size() != command.args.size()) {
        return Verdict::failed(located(context, comment.line, "wrong number of arguments"));
      }
      const CallResult result = call(*callee, command.args);
      if (result.kind == CallResult::Kind::NotSupported) {
        std::string listed = find_not_supported(context.file, who);
        if (!listed.empty()) return Verdict::skipped(SkipReason::NotSupported, std::move(listed));
      }
      if (result.kind != CallResult::Kind::Returned) {
        TextWriter message;
        write_call(*callee, command.args, message);
        message.put(": ", std::string_view(result.message));
        return Verdict::failed(located(context, comment.line, message.view()));
      }
      if (command.is_print) {
        TextWriter out;
        write_call(*callee, command.args, out);
        out.write(" -> ");
        write_values(result.results, false, out);
        context.output += out.view();
        context.output += '\n';
        continue;
      }
      if (const std::string error = compare(command, *callee, result); !error.empty()) {
        return Verdict::failed(located(context, comment.line, error));
      }
    }
  }
  return Verdict::passed();
}

Verdict run_interpret(Context& context) {
  interp::Options options;
  if (const target::TargetSpec* const target = context.file.unique_target()) {
    options.little_endian = target->triple.endianness() == target::Endianness::Little;
    options.pointer_bits = target->triple.pointer_bits();
  }
  interp::Interpreter interpreter(options);
  for (const TestFunction& function : context.file.functions)
    interpreter.add_function(*function.func);
  return execute_run_commands(
      context, true, Consumer::Interpreter,
      [&](const TestFunction& callee, std::span<const ir::DataValue> args) {
        interp::Outcome outcome = interpreter.run(*callee.func, args);
        CallResult result;
        switch (outcome.kind) {
          case interp::Outcome::Kind::Returned:
            result.results = std::move(outcome.results);
            break;
          case interp::Outcome::Kind::Trapped: {
            TextWriter message;
            message.write("trapped: ");
            write_trap(outcome.trap, message);
            result = {CallResult::Kind::Failed, {}, std::move(message).take()};
            break;
          }
          case interp::Outcome::Kind::OutOfFuel:
            result = {CallResult::Kind::Failed, {}, "ran too long"};
            break;
          case interp::Outcome::Kind::Unsupported:
            result = {CallResult::Kind::NotSupported, {}, "not supported: " + outcome.message};
            break;
          case interp::Outcome::Kind::BadInput:
            result = {CallResult::Kind::Failed, {}, outcome.message};
            break;
        }
        return result;
      });
}

}  // namespace gantry::filetest

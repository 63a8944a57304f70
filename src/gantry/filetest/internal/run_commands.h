#pragma once
// Run commands of a file, however they are executed.
#include "gantry/filetest/internal/test_file.h"
#include "gantry/support/function_ref.h"

namespace gantry::filetest {

// The results of a call, or what ended it otherwise.
struct CallResult {
  enum class Kind : u8 { Returned, Failed, NotSupported };
  Kind kind = Kind::Returned;
  std::vector<ir::DataValue> results;
  std::string message;  // Failed, NotSupported
};

// Calls a function of the file.
using Caller =
    FunctionRef<CallResult(const TestFunction& callee, std::span<const ir::DataValue> args)>;

// Executes all run commands in order and compares. `by_name`: the name in the command chooses the
// function; otherwise it is the one the comment belongs to. A call that is not supported makes the
// verdict a skip if the file has something of the list of `who`.
Verdict execute_run_commands(Context& context, bool by_name, Consumer who, Caller call);

// `int_divz`, `user3`.
void write_trap(ir::TrapCode trap, TextWriter& out);

}  // namespace gantry::filetest

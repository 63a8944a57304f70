#pragma once
// Several functions of any signatures, compiled into this process and called with values: what file
// tests and differential fuzzing run.
#include <span>
#include <string>
#include <vector>

#include "gantry/ir/data_value.h"
#include "gantry/ir/function.h"
#include "gantry/jit/jit.h"
#include "gantry/jit/trap_guard.h"

namespace gantry::jit {

// Functions may call each other by name, the library calls of the back end, and
// `%__cranelift_throw` (entry_fp, exit_fp, exit_pc, tag: i32, payload, payload), which resumes the
// nearest handler for the tag among the frames from exit_fp up to entry_fp. It finds them by frame
// pointers, and gives the handler's function the registers back that calls keep, from what
// functions in between have saved (which needs unwind_info; floats are not given back). Whoever
// throws names no exception context: a tag is a tag in any of them.
class Program {
 public:
  // Compiles a function, which may be changed.
  using Compile = FunctionRef<Result<target::CompiledCode>(ir::Function& func)>;

  explicit Program(ir::CallConv convention);  // of this process
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Compiles and loads everything; once. On error failed_function() says where, if it was in one.
  Result<void> build(std::span<const ir::Function* const> functions, Compile compile);
  u32 failed_function() const { return failed_function_; }

  // Calls function `index`; `results` is what it returned unless it trapped. Errors: those of
  // TrapGuard::run.
  Result<Outcome> call(u32 index, std::span<const ir::DataValue> args,
                       std::vector<ir::DataValue>& results);

  const Jit& code() const { return jit_; }

 private:
  struct Trampoline {
    const ir::Signature* signature;
    module::Symbol symbol;
  };
  Result<void> define(module::Symbol symbol, Compile compile);
  Result<module::Symbol> resolve(ir::ExternalName external);

  ir::CallConv convention_;
  Jit jit_;
  ir::Function working_;
  std::vector<const ir::Signature*> signatures_;  // by function
  std::vector<module::Symbol> symbols_;           // by function
  std::vector<Trampoline> trampolines_;
  std::vector<u32> trampoline_of_;  // by function
  u32 failed_function_ = 0;
};

}  // namespace gantry::jit

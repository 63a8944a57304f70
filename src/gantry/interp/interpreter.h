#pragma once
// CLIF executed directly: the semantics in executable form, and the oracle of the code generator,
// with which it shares nothing but the IR.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/ir/data_value.h"
#include "gantry/ir/function.h"
#include "gantry/support/result.h"

namespace gantry::interp {

struct Options {
  bool little_endian = true;  // of the target
  u32 pointer_bits = 64;
  u64 fuel = ~u64{0};         // instructions that may be executed
  u32 max_call_depth = 1000;  // frames; the interpreter itself does not recurse
  u64 max_stack_bytes = u64{64} << 20;
};

// How an execution ended.
struct Outcome {
  enum class Kind : u8 { Returned, Trapped, OutOfFuel, Unsupported, BadInput };
  Kind kind = Kind::Returned;
  std::vector<ir::DataValue> results;  // Returned
  ir::TrapCode trap;                   // Trapped
  std::string message;                 // Unsupported, BadInput: what and where
};

// A set of functions that may call each other by name. The functions must outlive the interpreter
// and must have been verified.
class Interpreter {
 public:
  explicit Interpreter(const Options& options);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  void add_function(const ir::Function& func);
  // Null if there is none; names as printed (`%f`, `u0:1`).
  const ir::Function* find_function(std::string_view name) const;
  Outcome run(const ir::Function& func, std::span<const ir::DataValue> args);

 private:
  struct State;
  State* state_;  // owned
};

}  // namespace gantry::interp

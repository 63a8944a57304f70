#pragma once
// The register allocator. See allocate.cpp for the algorithm and docs/adr for why this one.
#include "gantry/regalloc/input.h"
#include "gantry/regalloc/output.h"
#include "gantry/support/result.h"

namespace gantry::regalloc {

// Owns the working memory, which is reused from function to function.
class Allocator {
 public:
  Allocator();
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // The spans of the result stay valid until the next call. Errors: Unsupported when an
  // instruction's constraints cannot be met by the registers of `env`; LimitExceeded beyond
  // limits::kMaxVRegs. `input` must be valid (validate.h); it is not checked here.
  Result<Output> allocate(const Input& input, const MachineEnv& env);

  struct State;  // internal

 private:
  State* state_;  // owned
};

}  // namespace gantry::regalloc

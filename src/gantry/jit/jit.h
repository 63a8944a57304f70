#pragma once
// Puts the definitions of a module into memory and makes them callable in this process.
#include <optional>

#include "gantry/module/module.h"

namespace gantry::jit {

struct Options {
  // Address of a symbol the module imports; null: not known. `context` is passed on.
  const void* (*lookup)(void* context, std::string_view name) = nullptr;
  void* context = nullptr;
  bool use_dlsym = false;       // asks the process after `lookup`
  bool register_frames = true;  // tells the C++ run time how to unwind, where that is linked
};

// A place in generated code.
struct CodePlace {
  module::Symbol function;
  u32 offset;  // bytes from the function's start
};

// Owns code and data; all of it goes with the object. Memory is writable or executable, never both.
// One thread at a time may use an instance; the generated code may run on any.
class Jit {
 public:
  explicit Jit(const Options& options = {});
  ~Jit();
  Jit(const Jit&) = delete;
  Jit& operator=(const Jit&) = delete;

  // Declare and define here, then load().
  module::Module& module() { return module_; }
  const module::Module& module() const { return module_; }

  // Maps all definitions made since the last load. On error nothing is loaded and a later load()
  // tries again. Errors: Invalid (an import nobody knows, a symbol without definition), Unsupported
  // (relocations of other formats, thread-local data), LimitExceeded (no memory, or a data
  // reference that does not reach).
  Result<void> load();

  // Where a loaded symbol is; null if it is not loaded (any more).
  const void* address(module::Symbol symbol) const;
  void* data_address(module::Symbol symbol);
  // What function holds this instruction address.
  std::optional<CodePlace> find_code(usize pc) const;
  // The trap code recorded for the instruction at this address.
  std::optional<ir::TrapCode> find_trap(usize pc) const;

  // Forgets a loaded function. Nothing may execute it or call it again. Its memory goes back to the
  // system once all functions loaded together with it are freed, if no data was loaded with them.
  void free_function(module::Symbol symbol);

  usize mapped_bytes() const;

 private:
  module::Module module_;
  struct State;
  State* state_;
};

}  // namespace gantry::jit

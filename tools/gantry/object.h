#pragma once
// The relocatable file that `gantry compile -o` writes: every function of the input, exported.
#include "gantry/ir/function.h"
#include "gantry/module/module.h"

namespace gantry::tool {

class ObjectFile {
 public:
  // Adds a compiled function. `func` knows the names its code refers to; those that no function of
  // the input has are imports. Errors: Invalid (two functions of one name).
  Result<void> define(const ir::Function& func, target::CompiledCode&& code);
  // Errors: those of object::ObjectWriter, and Io.
  Result<void> write(const std::string& path) const;

 private:
  module::Module module_;
};

}  // namespace gantry::tool

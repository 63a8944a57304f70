#pragma once
// What every format of relocatable files can do: turn a module into the bytes of a file.
#include <vector>

#include "gantry/module/module.h"

namespace gantry::object {

class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  // The whole file. Errors: Invalid (a symbol without definition that is not an import),
  // Unsupported (relocations the format has no word for), LimitExceeded (a section of 4 GiB or
  // more).
  virtual Result<std::vector<u8>> write(const module::Module& module) const = 0;
};

}  // namespace gantry::object

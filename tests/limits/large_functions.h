#pragma once
// Functions of chosen size and shape, each valid, made through the builder.
#include <span>

#include "gantry/ir/builder.h"

namespace gantry::limits_testing {

struct Shape {
  const char* name;
  u32 size;  // what a test of limits uses; the function grows linearly with it
  void (*build)(ir::Function& func, u32 size);
};
std::span<const Shape> shapes();

}  // namespace gantry::limits_testing

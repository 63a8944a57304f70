#pragma once
// How a function names things outside itself.
#include "gantry/support/int_types.h"

namespace gantry::ir {

// One word a name, resolved through the function that owns it (Function::ext_names for User and
// TestCase).
struct ExternalName {
  enum class Kind : u8 {
    User,         // index: an entry of the function's table of (namespace, index) pairs
    TestCase,     // index: a %name of the text, kept in the function's name pool
    LibCall,      // index: a row of meta/codes.h kLibCalls
    KnownSymbol,  // index: a row of meta/codes.h kKnownSymbols
  };
  Kind kind = Kind::User;
  u32 index = 0;
  friend constexpr bool operator==(ExternalName, ExternalName) = default;
};

}  // namespace gantry::ir

#pragma once
// The flags judge. The allocator knows nothing of flags: lowering puts reader and writer side by
// side, and nothing may come between that touches flags. This walks the final order (moves and
// rematerialisations included) and reports readers that are not reached by their writer.
#include <string>
#include <vector>

#include "gantry/machinst/vcode.h"
#include "gantry/regalloc/output.h"

namespace gantry::isa::x64 {

struct FlagsFinding {
  u32 inst;  // the reader
  std::string what;
};

// Linear in the size of the function.
std::vector<FlagsFinding> check_flags(const machinst::VCode& vcode, const regalloc::Output& output);

}  // namespace gantry::isa::x64

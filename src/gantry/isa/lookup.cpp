// One row an architecture.
#include "gantry/isa/lookup.h"

#include "gantry/isa/x64/isa_x64.h"

namespace gantry::isa {

Result<target::TargetIsa*> lookup(const target::TargetSpec& spec) {
  switch (spec.triple.arch) {
    case target::Arch::X86_64:
      return x64::make_x64(spec);
    default:
      break;
  }
  TextWriter text;
  text.put("no back end for ", target::to_string(spec.triple.arch));
  return Error(ErrorKind::Unsupported, text.view());
}

}  // namespace gantry::isa

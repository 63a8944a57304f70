#pragma once
// The pipeline: CLIF of one function in, machine code out.
#include <vector>

#include "gantry/target/target_isa.h"

namespace gantry::codegen {

// Verifies (unless the settings say otherwise), optimises and compiles `func`, which is changed:
// aliases are resolved. Errors: Invalid with the first finding of the verifier, Unsupported,
// LimitExceeded.
Result<target::CompiledCode> compile(ir::Function& func, const target::TargetIsa& isa,
                                     Session& session);

// The in-place step of compile(), on a function that verifies; afterwards it still does. There need
// be no back end for the target.
Result<void> optimize(ir::Function& func, const target::TargetSpec& target, Session& session);

// The steps of compile() for this back end, in order. Which of them run depends on the settings.
std::vector<const PassInfo*> passes(const target::TargetIsa& isa);

}  // namespace gantry::codegen

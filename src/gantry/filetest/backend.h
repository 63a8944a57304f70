#pragma once
// What file tests need of code generation, handed in by the program: this component links no
// instruction set. A program without back ends passes none, and the commands that need one are
// skipped with a reason.
#include "gantry/target/target_isa.h"

namespace gantry::filetest {

struct CompileRequest {
  bool want_text = false;  // fill CompileOutput::text
};
struct CompileOutput {
  target::CompiledCode code;
  // `VCode:`, the instructions per block, an empty line, `Disassembled:`, the disassembly.
  std::string text;
  bool is_disassembled =
      true;  // false: bytes stand for the disassembly, for want of a disassembler
};

class Backend {
 public:
  virtual ~Backend() = default;
  // A back end with these settings, owned by the caller. Unsupported: there is none for this
  // architecture.
  virtual Result<target::TargetIsa*> lookup(const target::TargetSpec& spec) const = 0;
  // The whole pipeline. `func` is changed.
  virtual Result<CompileOutput> compile(ir::Function& func, const target::TargetIsa& isa,
                                        Session& session, const CompileRequest& request) const = 0;
  // Its mid-end only, in place, on a function that verifies; for any target.
  virtual Result<void> optimize(ir::Function& func, const target::TargetSpec& target,
                                Session& session) const = 0;
};

}  // namespace gantry::filetest

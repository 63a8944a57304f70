#pragma once
// The rim between the pipeline, which knows no instruction set, and a back end: one virtual call
// per function.
#include <span>

#include "gantry/ir/function.h"
#include "gantry/support/result.h"
#include "gantry/support/session.h"
#include "gantry/target/compiled_code.h"
#include "gantry/target/settings.h"

namespace gantry::target {

// A back end with its settings. Immutable once made, so threads may share one.
// (No key function: a test compiled with RTTI may derive from it.)
class TargetIsa {
 public:
  virtual ~TargetIsa() = default;
  TargetIsa(const TargetIsa&) = delete;
  TargetIsa& operator=(const TargetIsa&) = delete;

  const TargetSpec& spec() const { return spec_; }
  std::string_view name() const { return to_string(spec_.triple.arch); }
  const Triple& triple() const { return spec_.triple; }
  const Flags& flags() const { return spec_.flags; }
  const IsaFlags& isa_flags() const { return spec_.isa_flags; }
  ir::Type pointer_type() const { return spec_.triple.pointer_type(); }
  u32 pointer_bytes() const { return spec_.triple.pointer_bytes(); }
  Endianness endianness() const { return spec_.triple.endianness(); }
  ir::CallConv default_call_conv() const { return spec_.triple.default_call_conv(); }

  // Machine code of a function that has been verified and optimised. Errors: Unsupported (a type,
  // opcode or convention this back end cannot do), LimitExceeded.
  virtual Result<CompiledCode> compile(const ir::Function& func, Session& session) const = 0;
  // The steps of compile(), in order.
  virtual std::span<const PassInfo* const> passes() const = 0;

 protected:
  explicit TargetIsa(const TargetSpec& spec) : spec_(spec) {}

 private:
  TargetSpec spec_;
};

}  // namespace gantry::target

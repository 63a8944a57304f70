#pragma once
// Replaces calls by the bodies of their callees. Whether to do so is decided by a hook; a policy is
// in inline_policy.h.
#include <string_view>

#include "gantry/ir/function.h"
#include "gantry/support/function_ref.h"
#include "gantry/support/result.h"
#include "gantry/support/session.h"

namespace gantry::opt {

inline constexpr PassInfo kInlineCalls{"inline-calls", "calls become the bodies of their callees"};

// A direct call (call, return_call, try_call; not patchable) that the walk has come to. While the
// walk goes on, the function's instructions and values may be read, its order may not.
struct InlineSite {
  const ir::Function& caller;
  ir::Inst call;
  ir::FuncRef callee;
  u32 depth;  // bodies this call came with: 0 for a call that the function had from the start
};

// What is to become of a call.
struct InlineDecision {
  const ir::Function* body = nullptr;  // null: the call stays
  bool visit_body = false;             // whether the calls of the body are asked about too
};
using InlineHook = FunctionRef<InlineDecision(const InlineSite&)>;

// Asks about the calls in layout order and copies the bodies it is given, with all that their
// preambles declare except the stack limit. Functions must verify; afterwards `caller` does, with
// aliases, and with unreachable blocks where a body never returns. Returns how many calls were
// replaced. Linear in the caller and the bodies copied. Errors, after which `caller` is still valid
// and does what it did: Invalid or Unsupported (why_not_inlined), LimitExceeded. A hook that visits
// the bodies of a recursion has to end it.
Result<u32> inline_calls(ir::Function& caller, InlineHook hook, Session& session);

// Why `body` cannot stand for `call`; empty if it can.
//   Its signature differs from that of the call, or it is the caller itself.
//   A parameter is passed as a copy of a struct (sarg), which only a call makes.
//   `call` has exception handlers and the body has a call whose convention cannot have them.
std::string_view why_not_inlined(const ir::Function& caller, ir::Inst call,
                                 const ir::Function& body);

}  // namespace gantry::opt

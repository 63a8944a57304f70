#pragma once
// Says whether a function is valid CLIF. A judge: shares only data definitions with what it judges.
#include <string>
#include <vector>

#include "gantry/ir/function.h"
#include "gantry/support/result.h"

namespace gantry::verifier {

// What the verifier must know beyond the function. Without an ISA (`has_isa` false) rules about
// addresses are not checked.
struct Environment {
  bool has_isa = false;
  ir::Type pointer_type = ir::kI64;
  bool enable_pinned_reg = false;
  bool preserve_frame_pointers = false;
};

// Where a finding is: an entity of the function.
struct Location {
  enum class Kind : u8 {
    Function,
    Inst,
    Block,
    Value,
    StackSlot,
    DynamicStackSlot,
    DynamicType,
    GlobalValue,
    Signature,
    FuncRef,
    Constant,
    AliasRegion
  };
  Kind kind = Kind::Function;
  u32 index = 0;
  friend bool operator==(Location, Location) = default;
};

struct Finding {
  Location location;
  std::string context;  // text of the instruction, if it is one
  std::string message;
};
// `inst3 (v4 = iadd v1, v2): message`
void write_finding(const Finding& finding, TextWriter& out);

inline constexpr u32 kMaxFindings = 1000;

// Working memory, reused from function to function.
class Verifier {
 public:
  Verifier();
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // Appends what is wrong, at most kMaxFindings. True if nothing is.
  bool verify(const ir::Function& func, const Environment& environment,
              std::vector<Finding>& findings);

 private:
  struct State;
  State* state_;
};

// The first finding as an Error of kind Invalid, with the number of others.
Result<void> verify(const ir::Function& func, const Environment& environment);

}  // namespace gantry::verifier

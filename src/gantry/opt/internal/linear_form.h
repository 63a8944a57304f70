#pragma once
// Integers as sums: constants times values plus a constant, modulo the width of the type. Whether
// an address of one round of a loop is an address of the round before is a question about sums: `i
// + 1 - 1` is `i`, however it wraps around.
#include <optional>

#include "gantry/ir/function.h"

namespace gantry::opt {

struct LinearForm {
  static constexpr u32 kMaxTerms = 4;
  struct Term {
    ir::Value value;
    u64 factor;
    bool replaced;  // the value as it is under the replacement of parameters, not as it is here
  };
  bool is_known = false;
  ir::Type type;
  u32 count = 0;
  u64 constant = 0;
  Term terms[kMaxTerms];

  u64 mask() const { return ~u64{0} >> (64 - type.bits()); }
};

// Values of a loop's blocks, and what they are if the parameters of the head are other values. Both
// are asked of whoever has the loop at hand.
class LinearForms {
 public:
  explicit LinearForms(const ir::Function& func) : func_(func), dfg_(func.dfg) {}
  // The loop's blocks, by number; blocks beyond are outside.
  void set_inside(std::span<const bool> is_inside) { is_inside_ = is_inside; }
  void set_head(ir::Block head) { head_ = head; }

  // Of an integer of at most 64 bits. `args`, if given, stand for the parameters of the head, value
  // by value.
  LinearForm form_of(ir::Value value, const ir::Value* args);
  // b - a, if it is a constant. `args` are those `a` was made with; `b` was made without.
  std::optional<u64> distance(const LinearForm& a, const ir::Value* args, const LinearForm& b);
  // Whether the value is defined in the loop.
  bool varies(ir::Value value) const;
  // The argument for `value` if it is a parameter of the head.
  std::optional<ir::Value> replacement(ir::Value value, const ir::Value* args) const;
  std::optional<u64> constant(ir::Value value) const;
  // Whether the instruction computes one result from its operands and nothing else.
  bool is_pure(ir::Inst inst) const;

 private:
  static constexpr u32 kFuel = 64;  // steps to look at operands, for one question
  void add(ir::Value value, u64 factor, const ir::Value* args, LinearForm& form, u32 depth);
  static void add_term(ir::Value value, u64 factor, bool replaced, LinearForm& form);
  LinearForm make(ir::Value value, const ir::Value* args, u32 depth = 0);
  std::optional<u64> match(const LinearForm& a, const ir::Value* args, const LinearForm& b);
  bool is_same(ir::Value a, const ir::Value* args, ir::Value b);
  bool is_same_operation(ir::Value a, const ir::Value* args, ir::Value b);
  bool is_linear(ir::Type type) const { return type.is_int() && type.bits() <= 64; }

  const ir::Function& func_;
  const ir::DataFlowGraph& dfg_;
  std::span<const bool> is_inside_;
  ir::Block head_;
  u32 fuel_ = 0;
};

}  // namespace gantry::opt

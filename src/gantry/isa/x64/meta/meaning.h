#pragma once
// What the meaning of a row says, evaluated. A meaning is a list of effects; all read the state
// before the instruction:
//
//   (set NAME e)         the operand takes a value        (set_if c NAME e)   only if c
//   (flag cf e)          one flag                         (flags_add! a b c)  and other macros:
//   several (trap c code)        nothing happens but a trap if c  (branch c to), (call! f),
//   (opaque!): not evaluated
//
// Expressions use the operators of ISLE's specs (bvadd, extract, zero_ext, if, …) over bit vectors
// of up to 128 bits. W is the row's width; numbers take the width of what they meet. Macros, by
// name:
//   (count! b)      a shift count as the processor masks it      (carry! n)   CF as n bits
//   (high! x) (low! x)   bits [2W-1:W] and [W-1:0] of 128        (wide! h l) (swide! h l)   h:l
//   extended to 128 bits (bit! a b) (bit_mask! b)   bit b mod W                       (flag_cond!
//   cc)   a condition code bswap! ctz! bextr! bzhi! pdep! pext! shld! shrd!             the
//   instruction of that name (undefined!)    nothing is promised of this value
#include <string>
#include <string_view>
#include <vector>

#include "gantry/support/int_types.h"

namespace gantry::isa::x64::meta {

struct MeaningValue {
  u128 bits = 0;
  u32 width = 0;  // 0: a number without width
  bool undefined = false;
};

// The state a meaning is evaluated on, and what it makes of it.
struct MeaningState {
  struct Variable {
    std::string_view name;
    MeaningValue before, after;
    bool written = false;
  };
  std::vector<Variable> variables;
  u32 width = 64;     // W
  u32 condition = 0;  // of flag_cond!
  u8 flags = 0;       // FlagSet before
  u8 flags_after = 0;
  u8 flags_undefined = 0;
  bool traps = false;

  Variable* find(std::string_view name) {
    for (Variable& variable : variables) {
      if (variable.name == name) return &variable;
    }
    return nullptr;
  }
};

// Evaluates; false and `error` when the text makes no sense.
bool evaluate_meaning(std::string_view meaning, MeaningState& state, std::string& error);

}  // namespace gantry::isa::x64::meta

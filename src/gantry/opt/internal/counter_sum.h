#pragma once
// Values of a loop as sums: a number of times the counter, plus values from outside, plus a
// constant.
#include "gantry/opt/internal/counters.h"

namespace gantry::opt {

// How a narrower value gets into a sum.
enum class Extension : u8 { None, Signed, Unsigned };

struct CounterSum {
  static constexpr u32 kMaxTerms = 4;
  struct Term {
    ir::Value value;  // from outside of the loop
    Extension extension = Extension::None;
    i64 factor = 0;
    friend bool operator==(const Term&, const Term&) = default;
  };
  ir::Type type;                          // of the sum
  u32 counter = kNoCounter;               // number given by the user of forms
  Extension extension = Extension::None;  // of the counter
  i64 factor = 0;                         // of the counter; 0: there is none
  // Equal modulo the type, but as integers only one fits each reading.
  i64 constant_signed = 0, constant_unsigned = 0;
  u32 num_terms = 0;
  Term terms[kMaxTerms];  // sorted by value
  // Whether the value, read so, is the sum as integers (narrower types than i64 only); of terms
  // and counters without extension the same reading is meant.
  bool is_exact_signed = false, is_exact_unsigned = false;
  Ranges ranges;

  static constexpr u32 kNoCounter = ~u32{0};
  std::span<const Term> outside() const { return {terms, num_terms}; }
  bool has_same_terms(const CounterSum& other) const;
};

// Forms of operations from forms of their operands. False: too many terms, two counters, no sum.
bool sum(const CounterSum& a, const CounterSum& b, bool subtract, CounterSum& result);
bool product(const CounterSum& a, u64 factor, CounterSum& result);
// Needs the proof that the narrow value is the sum as integers.
bool extended(const CounterSum& a, ir::Type type, bool is_signed, CounterSum& result);

}  // namespace gantry::opt

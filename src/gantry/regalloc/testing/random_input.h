#pragma once
// A generator of random valid inputs.
#include "gantry/regalloc/dump.h"

namespace gantry::regalloc::testing {

// A small fast generator (splitmix64): the same seed gives the same input on every machine.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  u32 below(u32 bound) { return bound == 0 ? 0 : static_cast<u32>(next() % bound); }
  bool one_in(u32 chance) { return below(chance) == 0; }

 private:
  u64 state_;
};

// Any valid input: loops, irreducible control flow, all kinds of constraints, few or many
// registers. Its constraints can always be met.
OwnedInput random_input(u64 seed);

}  // namespace gantry::regalloc::testing

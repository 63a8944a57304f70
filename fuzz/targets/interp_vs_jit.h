#pragma once
// One differential test: a random program, executed by the interpreter and as machine code.
#include <string>

#include "gantry/support/int_types.h"

namespace gantry::fuzz {

enum class Phase : u8 { Generate, Verify, Interpret, Compile, Run };
const char* to_string(Phase phase);

struct Counts {
  u64 programs = 0;
  u64 functions = 0;
  u64 insts = 0;         // CLIF instructions compiled
  u64 calls = 0;         // compared
  u64 traps = 0;         // of them, calls that trapped
  u64 not_compared = 0;  // calls out of the interpreter's fuel
};

struct Case {
  u64 seed = 0;
  bool i128 = true;    // whether programs may use it
  bool small = false;  // only few and short functions: easier to read
};

// Runs one test, deterministic by its arguments. `phase` follows what it is doing. Returns what is
// wrong, with the program as a file test; empty if nothing is.
std::string run_interp_vs_jit(const Case& test, volatile Phase& phase, Counts& counts);

// The program as a file test, without executing anything.
std::string show_program(const Case& test);

}  // namespace gantry::fuzz

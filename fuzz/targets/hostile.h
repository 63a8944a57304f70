#pragma once
// Whatever the bytes: reader and verifier end with findings or with functions that hold what they
// promise. Both abort where that fails. The result is the number of functions that verified (which
// a fuzzer may use as guidance).
#include "gantry/support/int_types.h"

// Read, verify, print; the printed text reads back to a function that verifies and prints the same.
int fuzz_hostile_text(const gantry::u8* data, gantry::usize size);
// Read, verify, compile for x86-64 with settings chosen by the bytes; twice, to the same code.
int fuzz_hostile_compile(const gantry::u8* data, gantry::usize size);

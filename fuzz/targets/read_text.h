#pragma once
// Reads any bytes as CLIF text and prints what could be read. Aborts if that text does not read
// back the same. The result says whether the text had a function without errors, which a fuzzer may
// use as guidance.
#include "gantry/support/int_types.h"

int fuzz_read_text(const gantry::u8* data, gantry::usize size);

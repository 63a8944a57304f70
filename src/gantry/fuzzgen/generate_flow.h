#pragma once
// Random functions that are all flow of control: any graph of blocks, many of them empty, for
// holding passes that change the flow against the interpreter.
#include "gantry/fuzzgen/generate.h"

namespace gantry::fuzzgen {

// Replaces `funcs` by u0:0, a (i32, i32, i32) -> i32 with an arbitrary graph of at most
// `max_blocks` (3 to 64) blocks, reducible or not, some unreachable, and u0:1, which it calls with
// try_call. Valid; often endless: run it with fuel. u0:0 returns (or traps at) a place with a
// number made of all its effects in their order.
void generate_flow(Choices& choices, u32 max_blocks, std::vector<ir::Function>& funcs);

}  // namespace gantry::fuzzgen

#pragma once
// Random valid CLIF: several functions that call each other and always end, for holding two ways of
// executing them against each other.
#include <span>
#include <vector>

#include "gantry/ir/data_value.h"
#include "gantry/ir/function.h"

namespace gantry::fuzzgen {

// Where decisions come from: a seed, or the bytes of a fuzzer, zero after their end. Equal sources
// give equal functions.
class Choices {
 public:
  explicit Choices(u64 seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x632be59bd9b4e019) {}
  explicit Choices(std::span<const u8> bytes) : bytes_(bytes), from_bytes_(true) {}

  u64 bits();
  // Below `count`, which is not 0.
  u32 below(u32 count);
  // True once in `count` times.
  bool one_in(u32 count) { return below(count) == count - 1; }

 private:
  u64 state_ = 0;
  std::span<const u8> bytes_;
  bool from_bytes_ = false;
};

struct Options {
  bool i128 = false;
  bool floats = true;
  bool vectors = false;     // of 128 bits
  bool all_floats = false;  // of 16 and 128 bits, too
  // What rules of an optimiser look for: small expressions over few values and constants at the
  // limits, comparisons of what was compared before, bounds-checked loops, accesses close to each
  // other.
  bool idioms = true;
  bool big_endian = false;  // memory accesses that say `big`
  bool atomics = true;
  // Slots used like the variables of a front end that leaves SSA to others: whole fields, parts of
  // them, overlapping accesses, and addresses that take detours.
  bool locals = true;
  bool tail_calls = true;  // functions of convention tail, and return_call
  // Functions of conventions fast, preserve_all (without results) and windows_fastcall (at most
  // one, nothing beyond 64 bits) besides system_v.
  bool other_conventions = false;
  bool try_calls = false;  // none throws; results in at most two registers
  // Parameters `sret`, and `vmctx`, which is null and by which some functions bound their stack.
  bool special_params = false;
  bool x86_opcodes = false;  // opcodes that only x86 has
  // Two machines may differ in sign and payload of a NaN that arithmetic makes; this replaces each
  // by the canonical one.
  bool canonical_nans = true;
  u32 max_functions = 4;  // at least 1
  u32 max_params = 8;
  u32 max_returns = 4;
  u32 max_depth = 3;  // of nested branches and loops
  u32 max_insts_per_block = 10;
  // Whether instructions of this opcode may be made with this controlling type, and with this type
  // of an operand that is free; null: all.
  bool (*allows)(ir::Opcode opcode, ir::Type control) = nullptr;
};

// No generated program executes more instructions than this.
inline constexpr u64 kMaxExecutedInsts = u64{1} << 26;

// Replaces `funcs` by at least one function; they are named u0:0, u0:1, … and a function calls only
// later ones. Slots are written before they are read, accesses stay inside them, loops are counted.
// Any function may trap.
void generate(Choices& choices, const Options& options, std::vector<ir::Function>& funcs);

// A value of `type`, often a border case. NaNs are quiet, of any payload.
ir::DataValue generate_value(Choices& choices, ir::Type type);
// One for every parameter; null for a context.
std::vector<ir::DataValue> generate_args(Choices& choices, const ir::Signature& signature);

}  // namespace gantry::fuzzgen

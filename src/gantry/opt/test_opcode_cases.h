#pragma once
// For tests: every way to type every opcode that computes something from values, and numbers worth
// trying.
#include <array>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gantry/interp/interpreter.h"
#include "gantry/ir/builder.h"
#include "gantry/ir/inst_info.h"
#include "gantry/opt/fold.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt::testing {

using ir::Opcode;
using ir::Type;

// A function of its result alone, but for traps: what a compiler may fold.
inline bool is_pure(Opcode opcode) {
  const ir::InstFacts& facts = ir::inst_facts(opcode);
  if (facts.effects.can_load || facts.num_fixed_results == 0) return false;
  return !ir::has_inherent_side_effect(opcode) || facts.effects.idempotent;
}

inline std::vector<Opcode> pure_opcodes() {
  std::vector<Opcode> opcodes;
  for (u32 i = 0; i < meta::kNumOpcodes; ++i) {
    if (is_pure(static_cast<Opcode>(i))) opcodes.push_back(static_cast<Opcode>(i));
  }
  return opcodes;
}

inline std::string text_of(Type type) {
  TextWriter out;
  write_type(type, out);
  return std::move(out).take();
}

// One typed instruction on parameters, alone in a function that verifies.
struct Case {
  Opcode opcode;
  u8 aux = 0;
  bool big_endian = false;
  std::array<u8, 16> mask{};
  std::vector<Type> operands;
  std::vector<Type> results;
  std::unique_ptr<ir::Function> func;

  std::string name() const {
    std::string text(ir::name_of(opcode));
    for (const Type type : operands) text += " " + text_of(type);
    return text + " -> " + text_of(results[0]) + " #" + std::to_string(aux) +
           (big_endian ? " big" : "");
  }
  FoldRequest request(std::span<const FoldOperand> constants) const {
    FoldRequest request{.opcode = opcode, .aux = aux, .result = results[0], .operands = constants};
    if (opcode == Opcode::Shuffle) request.shuffle_mask = &mask;
    request.bitcast_big_endian = big_endian;
    return request;
  }
};

// None if the verifier rejects it.
inline std::optional<Case> make_case(Opcode opcode, Type control, std::vector<Type> operands,
                                     u8 aux, bool big_endian, std::mt19937_64& random) {
  Case made;
  made.opcode = opcode;
  made.aux = aux;
  made.big_endian = big_endian;
  made.func = std::make_unique<ir::Function>();
  ir::Function& func = *made.func;
  ir::Builder build(func);
  const ir::Block entry = build.create_block();
  build.switch_to_block(entry);
  ir::InstData data;
  data.opcode = opcode;
  data.aux = aux;
  for (u32 i = 0; i < operands.size(); ++i) {
    data.set_arg(i, func.dfg.append_block_param(entry, operands[i]));
    func.signature.params.push_back({operands[i]});
  }
  if (opcode == Opcode::Bitcast) {
    ir::MemFlags flags;
    flags.byte_order = big_endian ? ir::ByteOrder::Big : ir::ByteOrder::Little;
    data.flags = func.dfg.intern(flags).index;
  }
  if (opcode == Opcode::Shuffle) {
    for (u8& index : made.mask) index = static_cast<u8>(random() % 32);
    data.words[2] = func.dfg.add_shuffle_mask(made.mask).index();
  }
  const std::span<const ir::Value> values = func.dfg.results(build.insert(data, control));
  const std::vector<ir::Value> results(values.begin(), values.end());
  for (const ir::Value result : results) {
    made.results.push_back(func.dfg.type(result));
    func.signature.returns.push_back({made.results.back()});
    if (!made.results.back().is_valid() || made.results.back().bits() > 128) return std::nullopt;
  }
  build.return_(results);
  made.operands = std::move(operands);
  if (!verifier::verify(func, {}).has_value()) return std::nullopt;
  return made;
}

inline std::vector<Type> all_types() {
  std::vector<Type> types;
  for (u16 code = ir::kI8.code(); code <= ir::kF128.code(); ++code) {
    for (u32 lanes = 1; lanes <= 16; lanes *= 2) {
      const Type type = Type::from_code(code).by(lanes);
      if (type.bits() <= 128) types.push_back(type);
    }
  }
  return types;
}

// Calls visit(Case&&) for every typing of `opcode` on fixed types of at most 128 bits, with every
// condition and lane.
template <class F>
void each_case(Opcode opcode, std::mt19937_64& random, F visit) {
  const ir::InstFacts& facts = ir::inst_facts(opcode);
  if (facts.num_fixed_values == 0) return;
  const std::vector<Type> types = all_types();
  std::vector<Type> controls;
  for (const Type type : types) {
    if (ir::allowed_control_type(opcode, type)) controls.push_back(type);
  }
  if (ir::inst_info(opcode).control.kind == meta::Control::Kind::None) controls = {Type()};
  for (const Type control : controls) {
    std::vector<std::vector<Type>> lists = {{}};
    for (u32 i = 0; i < facts.num_fixed_values; ++i) {
      std::vector<Type> choices;
      const Type only = ir::operand_type(opcode, i, control);
      for (const Type type : types) {
        if (only.is_valid() ? type == only : ir::allowed_operand_type(opcode, i, control, type))
          choices.push_back(type);
      }
      std::vector<std::vector<Type>> longer;
      for (const std::vector<Type>& list : lists) {
        for (const Type type : choices) {
          longer.push_back(list);
          longer.back().push_back(type);
        }
      }
      lists = std::move(longer);
    }
    u32 auxes = 1;
    if (opcode == Opcode::Icmp) auxes = 10;
    if (opcode == Opcode::Fcmp) auxes = 14;
    if (opcode == Opcode::Insertlane || opcode == Opcode::Extractlane) auxes = control.lane_count();
    const u32 first_aux = opcode == Opcode::UaddOverflowTrap ? 1 : 0;  // a trap code
    for (const std::vector<Type>& list : lists) {
      for (u32 aux = first_aux; aux < first_aux + auxes; ++aux) {
        for (u32 big = 0; big < (opcode == Opcode::Bitcast ? 2u : 1u); ++big) {
          std::optional<Case> made =
              make_case(opcode, control, list, static_cast<u8>(aux), big != 0, random);
          if (made.has_value()) visit(std::move(*made));
        }
      }
    }
  }
}

inline u128 ones(u32 bits) { return ~u128{0} >> (128 - bits); }

// Numbers where something happens, for a scalar type.
inline std::vector<u128> edges(Type lane) {
  const u32 bits = lane.bits();
  std::vector<u128> values;
  if (lane.is_int()) {
    values = {0, 1, 2, 3, 7, bits - 1, bits, bits + 1, 0x55, 0x80};
    for (const u128 middle :
         {u128{1} << (bits - 1), u128{1} << (bits / 2), u128{1} << (bits / 2 - 1), u128{0}}) {
      for (u128 i = 0; i < 3; ++i) {
        values.push_back(middle + i);
        values.push_back(middle - i);
      }
    }
  } else {
    const u32 fraction = bits == 16 ? 10 : bits == 32 ? 23 : bits == 64 ? 52 : 112;
    const u128 bias = ones(bits - 2 - fraction), last = u128{1} << fraction;
    const auto power = [&](i32 exponent) {
      return static_cast<u128>(static_cast<i128>(bias) + exponent) << fraction;
    };
    values = {0,
              1,
              last - 1,
              last,
              last + 1,
              power(-1),
              power(-1) - 1,
              power(-1) + 1,
              power(0),
              power(0) + 1,
              power(0) - 1,
              power(0) + last / 2,
              power(1),
              power(1) + last / 4,
              power(1) + last / 2,
              ones(bits - 1),
              (2 * bias) << fraction,
              ((2 * bias + 1) << fraction) - 1,
              (2 * bias + 1) << fraction,
              ((2 * bias + 1) << fraction) + 1,
              ((2 * bias + 1) << fraction) + last / 2};
    for (const i32 exponent : {7, 8, 10, 15, 16, 23, 24, 31, 32, 52, 53, 63, 64, 126, 127, 128}) {
      if (exponent > static_cast<i32>(bias)) continue;
      values.push_back(power(exponent));
      values.push_back(power(exponent) - 1);
      values.push_back(power(exponent) + 1);
    }
    const usize count = values.size();
    for (usize i = 0; i < count; ++i) values.push_back(values[i] | u128{1} << (bits - 1));
  }
  for (u128& value : values) value &= ones(bits);
  return values;
}

inline u128 random_lane(Type lane, const std::vector<u128>& edges, std::mt19937_64& random) {
  const u128 word = u128{random()} << 64 | random();
  switch (random() % 4) {
    case 0:
      return edges[random() % edges.size()];
    case 1: {
      // Floats of a like magnitude, so that sums and products stay finite; integers of any length.
      if (lane.is_int()) return word & ones(lane.bits()) >> random() % lane.bits();
      const u32 fraction = lane.bits() == 16   ? 10
                           : lane.bits() == 32 ? 23
                           : lane.bits() == 64 ? 52
                                               : 112;
      const u128 bias = ones(lane.bits() - 2 - fraction);
      return (word & u128{1} << (lane.bits() - 1)) | ((bias - 4 + random() % 9) << fraction) |
             (word & ones(fraction));
    }
    default:
      return word & ones(lane.bits());
  }
}

inline u128 random_value(Type type, const std::vector<u128>& edges, std::mt19937_64& random) {
  u128 bits = 0;
  for (u32 i = 0; i < type.lane_count(); ++i)
    bits |= random_lane(type.lane_type(), edges, random) << (i * type.lane_bits());
  return bits;
}

}  // namespace gantry::opt::testing

#pragma once
// A value of any CLIF type up to 16 bytes, as bits: what run commands, the interpreter and
// trampolines exchange.
#include <array>
#include <cstring>

#include "gantry/ir/types.h"

namespace gantry::ir {

struct DataValue {
  Type type;
  std::array<u8, 16> bytes{};  // little-endian, lane 0 first; bytes beyond the type are zero

  static DataValue from_bits(Type type, u128 bits) {
    DataValue value{type, {}};
    std::memcpy(value.bytes.data(), &bits, type.bytes() < 16 ? type.bytes() : 16);
    return value;
  }
  u128 bits() const {
    u128 word = 0;
    std::memcpy(&word, bytes.data(), 16);
    return word;
  }
  friend bool operator==(const DataValue&, const DataValue&) = default;
};

}  // namespace gantry::ir

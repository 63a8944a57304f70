// Types are computed, not listed: a lane code and two exponents. The names come from meta's lane
// table.
#include "gantry/ir/types.h"

#include "gantry/meta/type_tables.h"

namespace gantry::ir {
namespace {
Type lane_with_bits(bool is_float, u32 bits) {
  for (const meta::LaneDef& lane : meta::kLanes) {
    if (lane.is_float == is_float && lane.bits == bits) return Type::from_code(lane.code);
  }
  return {};
}

Type reshape(Type type, u32 lane_bits, int log2_lanes) {
  const Type lane = lane_with_bits(type.has_float_lanes(), lane_bits);
  if (!lane.is_valid() || log2_lanes < 0 || log2_lanes > 8 || (type.is_dynamic() && log2_lanes < 1))
    return {};
  return Type::from_code(
      static_cast<u16>(lane.code() + 0x10 * log2_lanes + (type.is_dynamic() ? 0x100 : 0)));
}
}  // namespace

Type Type::as_truthy() const {
  if (is_scalar()) return kI8;
  if (!is_valid()) return {};
  return with_lane(int_with_bits(lane_bits()));
}
Type Type::half_width() const {
  return is_valid() ? reshape(*this, lane_bits() / 2, static_cast<int>(log2_lane_count())) : Type();
}
Type Type::double_width() const {
  return is_valid() ? reshape(*this, lane_bits() * 2, static_cast<int>(log2_lane_count())) : Type();
}
Type Type::split_lanes() const {
  return is_valid() ? reshape(*this, lane_bits() / 2, static_cast<int>(log2_lane_count()) + 1)
                    : Type();
}
Type Type::merge_lanes() const {
  return is_valid() ? reshape(*this, lane_bits() * 2, static_cast<int>(log2_lane_count()) - 1)
                    : Type();
}
Type Type::int_with_bits(u32 bits) { return lane_with_bits(false, bits); }

void write_type(Type type, TextWriter& out) {
  if (!type.is_valid()) {
    out.write("invalid");
    return;
  }
  out.write(meta::kLanes[(type.code() & 0xf) - 4].name);
  if (!type.is_scalar()) out.put('x', type.lane_count());
  if (type.is_dynamic()) out.write("xN");
}

Type type_from_name(std::string_view word) {
  if (word.size() < 2 || (word[0] != 'i' && word[0] != 'f')) return {};
  usize end = 1;
  while (end < word.size() && word[end] >= '0' && word[end] <= '9') ++end;
  for (const meta::LaneDef& lane : meta::kLanes) {
    if (lane.name != word.substr(0, end)) continue;
    if (end == word.size()) return Type::from_code(lane.code);
    if (word[end] != 'x' || word.size() - end > 4 || word.size() == end + 1 || word[end + 1] == '0')
      return {};
    u32 lanes = 0;
    for (const char c : word.substr(end + 1)) {
      if (c < '0' || c > '9') return {};
      lanes = lanes * 10 + static_cast<u32>(c - '0');
    }
    return lanes == 0 || lanes > 256 ? Type() : Type::from_code(lane.code).by(lanes);
  }
  return {};
}

}  // namespace gantry::ir

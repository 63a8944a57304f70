#pragma once
// CLIF value types in 16 bits. Encoding: meta/type_tables.h.
#include <compare>

#include "gantry/support/check.h"
#include "gantry/support/text_writer.h"

namespace gantry::ir {

class Type {
 public:
  constexpr Type() = default;  // invalid
  static constexpr Type from_code(u16 code) { return Type(code); }

  constexpr u16 code() const { return code_; }
  constexpr bool is_valid() const { return code_ != 0; }
  constexpr bool is_dynamic() const { return code_ >= 0x180; }
  constexpr bool is_vector() const { return code_ >= 0x80 && code_ < 0x180; }  // of fixed size
  constexpr bool is_scalar() const { return code_ >= 0x74 && code_ < 0x80; }
  constexpr Type lane_type() const {
    return is_valid() ? Type(static_cast<u16>(0x70 | (code_ & 0xf))) : Type();
  }
  // 0 for scalars, log2 of the (minimum, if dynamic) lane count for vectors.
  constexpr u32 log2_lane_count() const {
    return ((code_ - (is_dynamic() ? 0x100u : 0u)) >> 4) - 7;
  }
  constexpr u32 lane_count() const { return 1u << log2_lane_count(); }
  constexpr bool is_float() const { return is_scalar() && (code_ & 0xf) >= 9; }
  constexpr bool is_int() const { return is_scalar() && (code_ & 0xf) < 9; }
  constexpr bool has_float_lanes() const { return is_valid() && (code_ & 0xf) >= 9; }
  constexpr u32 lane_bits() const { return is_valid() ? kLaneBits[(code_ & 0xf) - 4] : 0; }
  // Total size; for dynamic vectors that of the base vector.
  constexpr u32 bits() const { return is_valid() ? lane_bits() << log2_lane_count() : 0; }
  constexpr u32 bytes() const { return (bits() + 7) / 8; }

  // The vector of `lanes` (a power of two) of this scalar; invalid if there is none.
  constexpr Type by(u32 lanes) const {
    u32 log2 = 0;
    while ((1u << log2) < lanes) ++log2;
    if (!is_scalar() || (1u << log2) != lanes || log2 > 8) return {};
    return Type(static_cast<u16>(code_ + 0x10 * log2));
  }
  constexpr Type with_lane(Type lane) const {
    return Type(static_cast<u16>((code_ & ~0xfu) | (lane.code_ & 0xfu)));
  }
  constexpr Type dynamic() const {
    return is_vector() ? Type(static_cast<u16>(code_ + 0x100)) : Type();
  }
  constexpr Type dynamic_to_vector() const {
    return is_dynamic() ? Type(static_cast<u16>(code_ - 0x100)) : Type();
  }
  // Integer lanes of the same shape and width; i8 for scalars.
  Type as_truthy() const;
  // The same number of lanes, half or twice as wide; invalid if there is none.
  Type half_width() const;
  Type double_width() const;
  Type split_lanes() const;  // half width, twice the lanes
  Type merge_lanes() const;  // double width, half the lanes
  // The scalar integer of `bits` bits; invalid if there is none.
  static Type int_with_bits(u32 bits);

  friend constexpr bool operator==(Type, Type) = default;
  friend constexpr auto operator<=>(Type, Type) = default;

 private:
  constexpr explicit Type(u16 code) : code_(code) {}
  // Not within the function: there it would be built on the stack at every call.
  static constexpr u8 kLaneBits[] = {8, 16, 32, 64, 128, 16, 32, 64, 128};
  u16 code_ = 0;
};

inline constexpr Type kInvalidType;
inline constexpr Type kI8 = Type::from_code(0x74), kI16 = Type::from_code(0x75),
                      kI32 = Type::from_code(0x76), kI64 = Type::from_code(0x77),
                      kI128 = Type::from_code(0x78), kF16 = Type::from_code(0x79),
                      kF32 = Type::from_code(0x7a), kF64 = Type::from_code(0x7b),
                      kF128 = Type::from_code(0x7c);

// The text form: i32, f64x2, i32x4xN (dynamic), `invalid`.
void write_type(Type type, TextWriter& out);
// The type a word spells (scalars and fixed vectors only), or the invalid type.
Type type_from_name(std::string_view word);

}  // namespace gantry::ir

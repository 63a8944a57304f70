#pragma once
// Types as data: the lanes, and sets of types as the opcode table uses them.
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry::meta {

// Legend: a lane type's `code` is the internal type encoding of the scalar (14 usable bits: scalars
// 0x74..0x7c,
// + 0x10 per log2 of the lane count, + 0x100 for dynamic vectors); its bit in a TypeSet is 1 <<
// (code - 0x74).
struct LaneDef {
  std::string_view name;
  u16 code;
  u16 bits;
  bool is_float;
};
inline constexpr LaneDef kLanes[] = {
    {"i8", 0x74, 8, false},   {"i16", 0x75, 16, false},   {"i32", 0x76, 32, false},
    {"i64", 0x77, 64, false}, {"i128", 0x78, 128, false}, {"f16", 0x79, 16, true},
    {"f32", 0x7a, 32, true},  {"f64", 0x7b, 64, true},    {"f128", 0x7c, 128, true},
};
inline constexpr u16 kFirstLaneCode = 0x74;

using LaneSet = u16;  // bit per row of kLanes
inline constexpr LaneSet kI8 = 1, kI16 = 2, kI32 = 4, kI64 = 8, kI128 = 16, kF16 = 32, kF32 = 64,
                         kF64 = 128, kF128 = 256;
inline constexpr LaneSet kInts8To64 = kI8 | kI16 | kI32 | kI64;
inline constexpr LaneSet kInts = kInts8To64 | kI128;
inline constexpr LaneSet kFloats = kF16 | kF32 | kF64 | kF128;
inline constexpr LaneSet kAllLanes = kInts | kFloats;

using ShapeSet = u16;  // bit n: 2^n lanes
inline constexpr ShapeSet kScalar = 1;
constexpr ShapeSet vectors(u32 from_lanes, u32 to_lanes) {
  ShapeSet set = 0;
  for (u32 log2 = 1; log2 <= 8; ++log2) {
    if ((1u << log2) >= from_lanes && (1u << log2) <= to_lanes)
      set |= static_cast<ShapeSet>(1u << log2);
  }
  return set;
}

// The types a variable may stand for: a lane type and a shape, or a lane type and a dynamic shape.
struct TypeSet {
  LaneSet lanes = 0;
  ShapeSet shapes = 0;
  ShapeSet dynamic_shapes = 0;

  constexpr bool contains(u16 type_code) const {
    if (type_code < kFirstLaneCode) return false;
    const u32 lane = (type_code & 0xf) - (kFirstLaneCode & 0xf);
    if ((type_code & 0xf) < 4 || lane > 8 || ((lanes >> lane) & 1) == 0) return false;
    const bool dynamic = type_code >= 0x100 + 0x80;
    const u32 log2 = ((type_code - (dynamic ? 0x100 : 0)) >> 4) - 7;
    return log2 <= 8 && (((dynamic ? dynamic_shapes : shapes) >> log2) & 1) != 0;
  }
  // Code of the only member, or 0.
  constexpr u16 singleton() const {
    if (lanes == 0 || (lanes & (lanes - 1)) != 0 || shapes == 0 || (shapes & (shapes - 1)) != 0 ||
        dynamic_shapes != 0) {
      return 0;
    }
    u32 lane = 0, log2 = 0;
    while (((lanes >> lane) & 1) == 0) ++lane;
    while (((shapes >> log2) & 1) == 0) ++log2;
    return static_cast<u16>(kFirstLaneCode + lane + 0x10 * log2);
  }
};

inline constexpr TypeSet kIntScalar{kInts, kScalar};
inline constexpr TypeSet kI32Only{kI32, kScalar};
inline constexpr TypeSet kAddr{kI32 | kI64, kScalar};
inline constexpr TypeSet kVector{kAllLanes, vectors(2, 256), vectors(2, 256)};
inline constexpr TypeSet kI8x16{kI8, vectors(16, 16)};
inline constexpr TypeSet kIntNoDyn{kInts, kScalar | vectors(2, 256)};
inline constexpr TypeSet kIntVector{kInts, vectors(2, 256)};
inline constexpr TypeSet kAnything{kAllLanes, kScalar | vectors(2, 256), vectors(2, 256)};
inline constexpr TypeSet kExt8{kI16 | kI32 | kI64, kScalar};
inline constexpr TypeSet kI64Only{kI64, kScalar};
inline constexpr TypeSet kI16x8{kI16, vectors(8, 8)};
inline constexpr TypeSet kI32x4{kI32, vectors(4, 4)};
inline constexpr TypeSet kI64x2{kI64, vectors(2, 2)};
inline constexpr TypeSet kNarrowInt{kInts8To64, kScalar};
inline constexpr TypeSet kVectorNoDyn{kAllLanes, vectors(2, 256)};
inline constexpr TypeSet kAnyNoDyn{kAllLanes, kScalar | vectors(2, 256)};
inline constexpr TypeSet kInt{kInts, kScalar | vectors(2, 256), vectors(2, 256)};
inline constexpr TypeSet kQ15{kI16 | kI32, vectors(4, 8)};
inline constexpr TypeSet kWideInt{kI16 | kI32 | kI64 | kI128, kScalar};
inline constexpr TypeSet kFloat{kFloats, kScalar | vectors(2, 256), vectors(2, 256)};
inline constexpr TypeSet kNarrowable{kI16 | kI32 | kI64, vectors(2, 8), vectors(2, 8)};
inline constexpr TypeSet kWidenable{kI8 | kI16 | kI32, vectors(2, 16), vectors(2, 16)};
inline constexpr TypeSet kFloatScalar{kFloats, kScalar};
inline constexpr TypeSet kF64x2{kF64, vectors(2, 2)};
inline constexpr TypeSet kF32x4{kF32, vectors(4, 4)};
inline constexpr TypeSet kFloatNoDyn{kFloats, kScalar | vectors(2, 256)};
inline constexpr TypeSet kDynVector{kAllLanes, kScalar, vectors(2, 256)};

}  // namespace gantry::meta

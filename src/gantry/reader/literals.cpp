// Problem: literals must be exact, and every malformed or out-of-range one must be refused with its
// own message. Idea: integers go through one 128-bit magnitude, floats through one 128-bit
// significand and a binary exponent; nothing is ever rounded, so a float that would need rounding
// is an error.
#include "gantry/reader/literals.h"

#include <bit>

namespace gantry::reader {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

struct Magnitude {
  bool negative = false;
  bool has_sign = false;
  bool hex = false;
  u128 value = 0;
};

struct IntRules {
  u32 bits;  // of the magnitude
  u32 max_hex_digits;
  bool decimal_underscores;
  bool hex_underscores;
};

const char* parse_magnitude(std::string_view text, const IntRules& rules, Magnitude& out) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    out.has_sign = true;
    out.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  out.hex = text.starts_with("0x");
  if (out.hex) text.remove_prefix(2);
  const u32 base = out.hex ? 16 : 10;
  const bool underscores = out.hex ? rules.hex_underscores : rules.decimal_underscores;
  const u128 max = ~u128{0} >> (128 - rules.bits);
  u32 digits = 0;
  for (const char c : text) {
    if (c == '_') {
      if (!underscores) return "underscores are not allowed in this number";
      continue;
    }
    const int digit = hex_digit(c);
    if (digit < 0 || static_cast<u32>(digit) >= base)
      return out.hex ? "invalid hexadecimal digit" : "invalid digit in a decimal number";
    ++digits;
    if (out.hex && digits > rules.max_hex_digits) return "too many hexadecimal digits";
    if (out.value > (max - static_cast<u32>(digit)) / base) return "number out of range";
    out.value = out.value * base + static_cast<u32>(digit);
  }
  return digits == 0 ? "a number needs at least one digit" : nullptr;
}

struct FloatFormat {
  u32 fraction_bits;
  u32 exponent_bits;
};
FloatFormat float_format(ir::Type type) {
  switch (type.bits()) {
    case 16:
      return {10, 5};
    case 32:
      return {23, 8};
    case 64:
      return {52, 11};
    default:
      return {112, 15};
  }
}

const char* parse_payload(std::string_view text, u128 quiet_bit, u128& payload) {
  if (!text.starts_with("0x")) return "the payload of a NaN is hexadecimal, as in NaN:0x1";
  Magnitude magnitude;
  if (const char* wrong = parse_magnitude(text, {128, 32, false, false}, magnitude)) return wrong;
  if (magnitude.value >= quiet_bit) return "payload too large for a NaN of this type";
  payload = magnitude.value;
  return nullptr;
}

// `text` is what follows 0x.
const char* parse_hex_float(std::string_view text, FloatFormat format, u128& out) {
  const i32 bias = (1 << (format.exponent_bits - 1)) - 1;
  const i32 min_exponent = 1 - bias;
  const i32 fraction_bits = static_cast<i32>(format.fraction_bits);
  u128 significand = 0;
  u32 digits = 0;
  i32 digits_behind_point = 0;
  bool has_point = false;
  usize at = 0;
  for (; at < text.size() && text[at] != 'p'; ++at) {
    if (text[at] == '.') {
      if (has_point) return "a float has one radix point";
      has_point = true;
      continue;
    }
    const int digit = hex_digit(text[at]);
    if (digit < 0) return "invalid hexadecimal digit in a float";
    if (++digits > 32) return "too many digits in a float";
    significand = significand << 4 | static_cast<u32>(digit);
    digits_behind_point += has_point;
  }
  if (digits == 0) return "a float needs at least one digit";
  if (!has_point) return "a hexadecimal float needs a radix point, as in 0x1.0p3";
  i32 exponent = 0;
  if (at < text.size()) {
    std::string_view number = text.substr(at + 1);
    const bool negative = number.starts_with("-");
    if (negative || number.starts_with("+")) number.remove_prefix(1);
    if (number.empty()) return "a float's exponent needs digits";
    for (const char c : number) {
      if (c < '0' || c > '9') return "a float's exponent is a decimal number";
      exponent = exponent * 10 + (c - '0');
      if (exponent > 32768) return "a float's exponent is out of range";
    }
    if (negative) exponent = -exponent;
    if (exponent > 32767) return "a float's exponent is out of range";
  }
  if (significand == 0) {
    out = 0;
    return nullptr;
  }
  const u64 high = static_cast<u64>(significand >> 64);
  const i32 top = high != 0 ? 127 - std::countl_zero(high)
                            : 63 - std::countl_zero(static_cast<u64>(significand));
  const i32 unit = exponent - 4 * digits_behind_point;  // value = significand * 2^unit
  const i32 msb = top + unit;
  if (msb > bias) return "magnitude too large for this float type";
  if (msb < min_exponent - fraction_bits) return "magnitude too small for this float type";
  // Weight of the lowest bit that can be kept.
  const i32 lowest = (msb < min_exponent ? min_exponent : msb) - fraction_bits;
  const i32 shift = unit - lowest;
  u128 kept;
  if (shift >= 0) {
    kept = significand << shift;
  } else {
    kept = significand >> -shift;
    if ((kept << -shift) != significand) {
      return msb < min_exponent
                 ? "subnormal underflow: too many significant bits for this float type"
                 : "too many significant bits for this float type";
    }
  }
  const u128 fraction_mask = (u128{1} << fraction_bits) - 1;
  out = msb < min_exponent ? kept
                           : (kept & fraction_mask) |
                                 static_cast<u128>(static_cast<u32>(msb + bias)) << fraction_bits;
  return nullptr;
}

}  // namespace

const char* parse_imm64(std::string_view text, i64& out) {
  Magnitude magnitude;
  if (const char* wrong = parse_magnitude(text, {64, 16, true, true}, magnitude)) return wrong;
  const u64 value = static_cast<u64>(magnitude.value);
  if (magnitude.negative && value > u64{1} << 63) return "number out of range: below -2^63";
  out = static_cast<i64>(magnitude.negative ? 0 - value : value);
  return nullptr;
}

const char* parse_uimm64(std::string_view text, u64& out) {
  Magnitude magnitude;
  if (const char* wrong = parse_magnitude(text, {64, 16, true, true}, magnitude)) return wrong;
  if (magnitude.has_sign) return "an unsigned number has no sign";
  out = static_cast<u64>(magnitude.value);
  return nullptr;
}

const char* parse_uimm32(std::string_view text, u32& out) {
  u64 value = 0;
  if (const char* wrong = parse_uimm64(text, value)) return wrong;
  if (value > 0xffffffffu) return "number out of range: an unsigned 32-bit number is wanted";
  out = static_cast<u32>(value);
  return nullptr;
}

const char* parse_uimm8(std::string_view text, u8& out) {
  Magnitude magnitude;
  if (const char* wrong = parse_magnitude(text, {64, 16, false, false}, magnitude)) return wrong;
  if (magnitude.has_sign) return "an unsigned number has no sign";
  if (magnitude.value > 255) return "number out of range: an unsigned 8-bit number is wanted";
  out = static_cast<u8>(magnitude.value);
  return nullptr;
}

const char* parse_offset32(std::string_view text, i32& out) {
  Magnitude magnitude;
  if (const char* wrong = parse_magnitude(text, {64, 16, true, true}, magnitude)) return wrong;
  if (magnitude.value > (magnitude.negative ? u64{1} << 31 : (u64{1} << 31) - 1)) {
    return "offset out of range: a signed 32-bit number is wanted";
  }
  const i64 value = static_cast<i64>(magnitude.value);
  out = static_cast<i32>(magnitude.negative ? -value : value);
  return nullptr;
}

const char* parse_lane_int(std::string_view text, u32 bits, u128& out) {
  Magnitude magnitude;
  if (const char* wrong = parse_magnitude(text, {bits, bits / 4, false, true}, magnitude))
    return wrong;
  const u128 limit = u128{1} << (bits - 1);
  if (magnitude.negative && magnitude.value > limit) return "number out of range for its type";
  out = (magnitude.negative ? 0 - magnitude.value : magnitude.value) & (~u128{0} >> (128 - bits));
  return nullptr;
}

const char* parse_float(std::string_view text, ir::Type type, u128& out) {
  const FloatFormat format = float_format(type);
  const u128 quiet_bit = u128{1} << (format.fraction_bits - 1);
  const u128 infinity = ((u128{1} << format.exponent_bits) - 1) << format.fraction_bits;
  u128 sign = 0;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') sign = u128{1} << (format.fraction_bits + format.exponent_bits);
    text.remove_prefix(1);
  }
  u128 magnitude = 0;
  if (text == "0.0") {
    magnitude = 0;
  } else if (text == "Inf") {
    magnitude = infinity;
  } else if (text == "NaN") {
    magnitude = infinity | quiet_bit;
  } else if (text.starts_with("NaN:")) {
    if (const char* wrong = parse_payload(text.substr(4), quiet_bit, magnitude)) return wrong;
    magnitude |= infinity | quiet_bit;
  } else if (text.starts_with("sNaN:")) {
    if (const char* wrong = parse_payload(text.substr(5), quiet_bit, magnitude)) return wrong;
    if (magnitude == 0) return "the payload of a signalling NaN is not zero";
    magnitude |= infinity;
  } else if (text.starts_with("0x")) {
    if (const char* wrong = parse_hex_float(text.substr(2), format, magnitude)) return wrong;
  } else {
    return "floats are written in hexadecimal (0x1.8p3), or as 0.0, +Inf, +NaN:0x1, +sNaN:0x1";
  }
  out = sign | magnitude;
  return nullptr;
}

const char* parse_scalar(std::string_view text, ir::Type type, u128& out) {
  if (type.has_float_lanes()) return parse_float(text, type, out);
  if (type != ir::kI64) return parse_lane_int(text, type.bits(), out);
  i64 value = 0;
  if (const char* wrong = parse_imm64(text, value)) return wrong;
  out = static_cast<u64>(value);
  return nullptr;
}

const char* parse_hex_bytes(std::string_view text, std::span<u8> out, u32& size) {
  if (!text.starts_with("0x")) return "expected hexadecimal bytes, as in 0x00ff";
  text.remove_prefix(2);
  u32 digits = 0;
  for (const char c : text) {
    if (c == '_') continue;
    if (hex_digit(c) < 0) return "invalid hexadecimal digit";
    ++digits;
  }
  if (digits == 0) return "a number needs at least one digit";
  if (digits % 2 != 0) return "hexadecimal bytes need an even number of digits";
  if (digits / 2 > out.size()) return "too many hexadecimal digits";
  size = digits / 2;
  u32 at = digits;
  for (const char c : text) {
    if (c == '_') continue;
    --at;
    const u32 digit = static_cast<u32>(hex_digit(c));
    u8& byte = out[at / 2];
    byte = static_cast<u8>(at % 2 != 0 ? digit << 4 : byte | digit);
  }
  return nullptr;
}

}  // namespace gantry::reader

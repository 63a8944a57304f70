#pragma once
// The literals of CLIF text as bits. Every function returns null, or says what is wrong with the
// text.
#include <span>
#include <string_view>

#include "gantry/ir/types.h"

namespace gantry::reader {

// Decimal or hexadecimal with underscores, optional sign, -2^63 .. 2^64-1 (the upper half wraps).
const char* parse_imm64(std::string_view text, i64& out);
// The same without sign.
const char* parse_uimm64(std::string_view text, u64& out);
const char* parse_uimm32(std::string_view text, u32& out);
// Decimal or hexadecimal, no sign, no underscores.
const char* parse_uimm8(std::string_view text, u8& out);
// With sign; -2^31 .. 2^31-1.
const char* parse_offset32(std::string_view text, i32& out);
// An integer of a lane or of a narrow iconst, -2^(bits-1) .. 2^bits-1; underscores in hexadecimal
// only. `bits` 8 to 128; `out` is masked to them.
const char* parse_lane_int(std::string_view text, u32 bits, u128& out);
// f16, f32, f64 or f128; never rounded.
const char* parse_float(std::string_view text, ir::Type type, u128& out);
// Any scalar, by its type.
const char* parse_scalar(std::string_view text, ir::Type type, u128& out);
// `0x` and an even number of digits, most significant byte first; writes `size` bytes at most and
// says how many.
const char* parse_hex_bytes(std::string_view text, std::span<u8> out, u32& size);

}  // namespace gantry::reader

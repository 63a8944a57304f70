#pragma once
// Appends text to a buffer that is reused: what every printer in Gantry writes to. No locale, no
// streams.
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include "gantry/support/int_types.h"

namespace gantry {

class TextWriter {
 public:
  TextWriter& write(std::string_view text) {
    buffer_.append(text);
    return *this;
  }
  TextWriter& write(char c) {
    buffer_.push_back(c);
    return *this;
  }
  // Decimal, without grouping.
  template <std::integral T>
  requires(!std::same_as<T, char> && !std::same_as<T, bool>) TextWriter& write(T number) {
    char digits[24];
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, number);
    buffer_.append(digits, end.ptr);
    return *this;
  }
  // Lower-case hexadecimal without prefix, padded with zeros to `width` digits.
  TextWriter& write_hex(u64 number, u32 width = 0) {
    char digits[16];
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, number, 16);
    const u32 count = static_cast<u32>(end.ptr - digits);
    if (count < width) buffer_.append(width - count, '0');
    buffer_.append(digits, end.ptr);
    return *this;
  }
  TextWriter& repeat(char c, usize count) {
    buffer_.append(count, c);
    return *this;
  }
  // Several pieces in one call.
  template <class... Pieces>
  TextWriter& line(const Pieces&... pieces) {
    (write(pieces), ...);
    return write('\n');
  }
  template <class... Pieces>
  TextWriter& put(const Pieces&... pieces) {
    (write(pieces), ...);
    return *this;
  }

  std::string_view view() const { return buffer_; }
  const std::string& string() const { return buffer_; }
  std::string take() && { return std::move(buffer_); }
  usize size() const { return buffer_.size(); }
  void clear() { buffer_.clear(); }
  void truncate(usize size) { buffer_.resize(size); }

 private:
  std::string buffer_;
};

}  // namespace gantry

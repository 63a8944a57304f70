#pragma once
// Damages CLIF text in ways a person or a broken tool would: bytes, tokens, lines, truncation. For
// tests and fuzzing; the same seed gives the same text.
#include <string>
#include <string_view>
#include <vector>

#include "gantry/reader/text_cursor.h"

namespace gantry::reader {

class TextMutator {
 public:
  explicit TextMutator(u64 seed) : state_(seed * 2 + 1) {}

  u32 below(usize limit) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return limit == 0 ? 0 : static_cast<u32>((state_ >> 33) % limit);
  }

  std::string mutated(std::string_view text) {
    std::string out(text);
    for (u32 rounds = 1 + below(4); rounds > 0; --rounds) damage(out);
    return out;
  }

 private:
  struct Piece {
    usize at, size;
  };
  Piece random_line(const std::string& text) {
    usize at = below(text.size() + 1);
    const usize start = at == 0 ? 0 : text.rfind('\n', at - 1);
    at = start == std::string::npos ? 0 : (at == 0 ? 0 : start + 1);
    const usize end = text.find('\n', at);
    return {at, (end == std::string::npos ? text.size() : end + 1) - at};
  }
  Piece random_token(const std::string& text) {
    const char* const end = text.data() + text.size();
    const char* at = text.data() + below(text.size());
    while (at != text.data() && is_class(at[-1], kWord)) --at;
    while (at != end && is_class(*at, kSpace)) ++at;
    const char* stop = scan_token(at, end);
    return {static_cast<usize>(at - text.data()), static_cast<usize>(stop - at)};
  }
  void damage(std::string& text) {
    if (text.empty()) {
      text = "function %f() {\nblock0:\n}\n";
      return;
    }
    static constexpr std::string_view kTokens[] = {"v0",
                                                   "v4294967294",
                                                   "v99999",
                                                   "block0",
                                                   "block99999",
                                                   "block100000",
                                                   "ss0",
                                                   "fn0",
                                                   "sig0",
                                                   "gv0",
                                                   "const0",
                                                   "dt0",
                                                   "region0",
                                                   "0",
                                                   "-1",
                                                   "0x",
                                                   "0xffff_ffff_ffff_ffff",
                                                   "1e9",
                                                   "0x1.8p1",
                                                   "NaN",
                                                   "+sNaN:0x1",
                                                   "i32",
                                                   "i32x4",
                                                   "f128",
                                                   "(",
                                                   ")",
                                                   "[",
                                                   "]",
                                                   "{",
                                                   "}",
                                                   "->",
                                                   "=",
                                                   ",",
                                                   ":",
                                                   ".",
                                                   "@",
                                                   "@ff",
                                                   "<",
                                                   ">",
                                                   "*",
                                                   "+",
                                                   "-",
                                                   "%",
                                                   "%x",
                                                   "u0:0",
                                                   "userextname7",
                                                   "\"",
                                                   ";",
                                                   "\n",
                                                   "function",
                                                   "ret0",
                                                   "exn0",
                                                   "tag0",
                                                   "default",
                                                   "context",
                                                   "stack_map",
                                                   "cold",
                                                   "iadd",
                                                   "iconst.i8",
                                                   "call",
                                                   "call_indirect",
                                                   "try_call",
                                                   "br_table",
                                                   "brif",
                                                   "return",
                                                   "select",
                                                   "shuffle",
                                                   "vconst.i32x4",
                                                   "extractlane",
                                                   "load.i64",
                                                   "store",
                                                   "isplit",
                                                   "\xff",
                                                   "\x01"};
    switch (below(9)) {
      case 0:
        text[below(text.size())] = static_cast<char>(below(256));
        return;
      case 1:
        text.erase(below(text.size()), 1 + below(3));
        return;
      case 2:
        text.insert(below(text.size() + 1), kTokens[below(std::size(kTokens))]);
        return;
      case 3: {
        const Piece token = random_token(text);
        text.replace(token.at, token.size, kTokens[below(std::size(kTokens))]);
        return;
      }
      case 4: {
        const Piece from = random_token(text), to = random_token(text);
        text.replace(to.at, to.size, text.substr(from.at, from.size));
        return;
      }
      case 5: {
        const Piece line = random_line(text);
        text.insert(random_line(text).at, text.substr(line.at, line.size));
        return;
      }
      case 6: {
        const Piece line = random_line(text);
        text.erase(line.at, line.size);
        return;
      }
      case 7: {
        const Piece line = random_line(text);
        const std::string moved = text.substr(line.at, line.size);
        text.erase(line.at, line.size);
        if (text.empty()) return;
        text.insert(random_line(text).at, moved);
        return;
      }
      default:
        if (below(4) == 0) text.resize(below(text.size()));
        return;
    }
  }

  u64 state_;
};

}  // namespace gantry::reader

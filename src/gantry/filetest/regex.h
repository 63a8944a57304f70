#pragma once
// Regular expressions in time linear in the text: a program of a few instruction kinds, run by a
// machine that keeps all alternatives alive at once. Bytes, not characters; `^` and `$` stand at
// line ends.
//
// Syntax: literals, `.` (no newline), [classes] with ranges, `\d \w \s \D \W \S \b \B`, escapes of
// punctuation, `\t \n`, ( ) and (?: ), `|`, `* + ? {n} {n,} {n,m}` greedy or, with `?` behind,
// lazy. The leftmost match wins; among those the one a backtracking matcher would find first.
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gantry/support/result.h"

namespace gantry::filetest {

struct TextRange {
  u32 begin = 0;
  u32 end = 0;
  friend bool operator==(TextRange, TextRange) = default;
};

class RegexProgram {
 public:
  // A program is built from left to right; what is appended must match in sequence.
  void append_literal(std::string_view text);
  // Errors: Syntax, LimitExceeded (size of the program, nesting).
  Result<void> append_regex(std::string_view regex);
  void append_word_boundary();
  // What is appended between the two is reported as captures[index].
  void begin_capture(u32 index);
  void end_capture(u32 index);

  // The first match that lies within [from, to) of `text`; anchors and boundaries see the text
  // around it. `captures` has a place for each index used. Time O((to - from) * size of the
  // program).
  std::optional<TextRange> search(std::string_view text, u32 from, u32 to,
                                  std::span<TextRange> captures = {}) const;

 private:
  friend class RegexCompiler;
  enum class Op : u8 {
    Byte,
    Class,
    Split,
    Jump,
    WordBoundary,
    NotWordBoundary,
    LineStart,
    LineEnd,
    Save
  };
  struct Inst {
    Op op;
    u8 byte;   // Byte
    u32 x, y;  // Class: x its number; Split: prefers x to y; Jump: x; Save: slot x
  };
  using ByteSet = std::array<u64, 4>;

  u32 size() const { return static_cast<u32>(insts_.size()); }
  bool holds(const Inst& inst, std::string_view text, u32 at) const;

  std::vector<Inst> insts_;  // falls off the end: match
  std::vector<ByteSet> classes_;
  u32 num_slots_ = 0;  // of captures
};

}  // namespace gantry::filetest

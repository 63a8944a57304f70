// Problem: nested text of any depth must be read without recursion. Idea: the nested lists become
// one flat preorder array, built with a stack of open parentheses; depth is checked here, once, so
// that everything behind the reader may recurse over what it gets.
#include "gantry/isle/reader.h"

#include <string>

#include "gantry/support/limits.h"

namespace gantry::isle {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool ends_word(char c) { return is_space(c) || c == '(' || c == ')' || c == ';' || c == '@'; }

// Value of the digits of an integer token (sign and base prefix included), as 128 bits.
// Returns nullptr or what is wrong.
const char* parse_integer(std::string_view text, i128& value) {
  bool negative = false;
  if (!text.empty() && text[0] == '-') {
    negative = true;
    text.remove_prefix(1);
  }
  u32 base = 10;
  if (text.size() >= 2 && text[0] == '0') {
    switch (text[1] | 0x20) {
      case 'x':
        base = 16;
        break;
      case 'o':
        base = 8;
        break;
      case 'b':
        base = 2;
        break;
      default:
        break;
    }
    if (base != 10) text.remove_prefix(2);
  }
  u128 magnitude = 0;
  bool any = false;
  for (const char c : text) {
    if (c == '_') continue;
    u32 digit = 99;
    if (is_digit(c)) digit = static_cast<u32>(c - '0');
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') digit = static_cast<u32>((c | 0x20) - 'a') + 10;
    if (digit >= base) return "malformed integer";
    any = true;
    if (magnitude > (~u128{0} - digit) / base) return "integer does not fit 128 bits";
    magnitude = magnitude * base + digit;
  }
  if (!any) return "malformed integer";
  if (negative) {
    if (magnitude >= u128{1} << 127) return "integer does not fit 128 bits";
    magnitude = ~magnitude + 1;
  }
  value = static_cast<i128>(magnitude);
  return nullptr;
}

class Reader {
 public:
  Reader(u32 file, std::string_view text, std::vector<Item>& items, Findings& findings)
      : file_(file), text_(text), items_(items), findings_(findings) {}

  bool run() {
    while (skip_blank()) {
      if (at_ == text_.size()) {
        if (open_.empty()) return true;
        const Span span = items_[open_.front()].span;
        return fail(span, "parse error: this form is not closed before the end of the file",
                    "a ')' is missing inside or after it");
      }
      const Span start = here();
      const char c = text_[at_];
      if (c == '(') {
        if (open_.size() >= limits::kMaxIsleNesting.value) {
          return fail(start,
                      "parse error: parentheses nested deeper than max-isle-nesting (" +
                          std::to_string(limits::kMaxIsleNesting.value) + ")",
                      {}, ErrorKind::LimitExceeded);
        }
        open_.push_back(static_cast<u32>(items_.size()));
        push(Item::Kind::List, start, 1);
      } else if (c == ')') {
        if (open_.empty()) return fail(start, "parse error: ')' without a matching '('");
        ++at_;
        items_[open_.back()].end = static_cast<u32>(items_.size());
        open_.pop_back();
      } else if (c == '@') {
        push(Item::Kind::At, start, 1);
      } else {
        usize length = 1;
        while (at_ + length < text_.size() && !ends_word(text_[at_ + length])) ++length;
        const std::string_view word = text_.substr(at_, length);
        if (is_digit(c) || (c == '-' && length > 1 && is_digit(word[1]))) {
          i128 value = 0;
          if (const char* wrong = parse_integer(word, value)) {
            return fail(span_of(start, length), std::string("parse error: ") + wrong);
          }
          push(Item::Kind::Integer, start, length);
          items_.back().value = value;
        } else {
          push(Item::Kind::Word, start, length);
        }
      }
    }
    return false;
  }

 private:
  Span here() const { return {file_, line_, static_cast<u32>(at_ - line_start_) + 1, 1}; }
  static Span span_of(Span start, usize length) {
    start.length = static_cast<u32>(length);
    return start;
  }
  bool fail(Span span, std::string message, std::string hint = {},
            ErrorKind kind = ErrorKind::Syntax) {
    findings_.error(span, kind, std::move(message), std::move(hint));
    return false;
  }
  void push(Item::Kind kind, Span start, usize length) {
    Item item;
    item.kind = kind;
    item.span = span_of(start, length);
    item.text = text_.substr(at_, length);
    item.end = static_cast<u32>(items_.size()) + 1;
    items_.push_back(item);
    at_ += length;
  }
  void newline() {
    ++line_;
    line_start_ = at_ + 1;
  }
  // Skips white space and comments. False: unterminated block comment, reported.
  bool skip_blank() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        newline();
      } else if (c == ';') {
        const usize end = text_.find('\n', at_);
        if (end == std::string_view::npos) {
          at_ = text_.size();
          return true;
        }
        at_ = end;
        newline();
      } else if (c == '(' && at_ + 1 < text_.size() && text_[at_ + 1] == ';') {
        const Span start = here();
        u64 depth = 1;
        at_ += 2;
        for (; at_ < text_.size() && depth > 0; ++at_) {
          if (text_[at_] == '\n') {
            newline();
          } else if (text_[at_] == '(' && at_ + 1 < text_.size() && text_[at_ + 1] == ';') {
            ++depth;
            ++at_;
          } else if (text_[at_] == ';' && at_ + 1 < text_.size() && text_[at_ + 1] == ')') {
            --depth;
            ++at_;
          }
        }
        if (depth > 0) return fail(start, "parse error: block comment is not closed");
        --at_;
      } else if (!is_space(c)) {
        return true;
      }
    }
    return true;
  }

  u32 file_;
  std::string_view text_;
  std::vector<Item>& items_;
  Findings& findings_;
  std::vector<u32> open_;
  usize at_ = 0;
  usize line_start_ = 0;
  u32 line_ = 1;
};

}  // namespace

bool read_items(u32 file, std::string_view text, std::vector<Item>& items, Findings& findings) {
  if (text.size() > limits::kMaxTextBytes.value) {
    findings.error({file, 0, 0, 1}, ErrorKind::LimitExceeded,
                   "parse error: text larger than max-text-bytes");
    return false;
  }
  return Reader(file, text, items, findings).run();
}

}  // namespace gantry::isle

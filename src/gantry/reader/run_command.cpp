// Run commands: a call with literal arguments and what it must give, in a comment behind a
// function. The signature says of which type each literal is.
#include <string>

#include "gantry/reader/literals.h"
#include "gantry/reader/reader.h"
#include "gantry/reader/text_cursor.h"

namespace gantry::reader {
namespace {

class CommandParser {
 public:
  CommandParser(std::string_view comment, const ir::Signature& signature, RunCommand& out)
      : begin_(comment.data()),
        end_(comment.data() + comment.size()),
        p_(comment.data()),
        signature_(signature),
        out_(out) {}

  Result<bool> parse();

 private:
  Error error(std::string message) const {
    return Error(ErrorKind::Syntax, message, {1, static_cast<u32>(p_ - begin_) + 1});
  }
  void skip_space() {
    while (p_ != end_ && is_class(*p_, kSpace)) ++p_;
  }
  bool accept(std::string_view text) {
    skip_space();
    if (!std::string_view(p_, static_cast<usize>(end_ - p_)).starts_with(text)) return false;
    p_ += text.size();
    return true;
  }
  Result<ir::DataValue> parse_value(ir::Type type);
  Result<void> parse_values(const std::vector<ir::AbiParam>& params, std::string_view close,
                            std::string_view what, std::vector<ir::DataValue>& values);
  Result<void> parse_call();
  Result<void> parse_expected();

  const char* const begin_;
  const char* const end_;
  const char* p_;
  const ir::Signature& signature_;
  RunCommand& out_;
};

Result<ir::DataValue> CommandParser::parse_value(ir::Type type) {
  skip_space();
  ir::DataValue value{type, {}};
  const auto number = [&] {
    return std::string_view(p_, static_cast<usize>(scan_number(p_, end_) - p_));
  };
  if (type.is_scalar()) {
    const std::string_view text = number();
    if (text.empty()) return error("expected a number");
    u128 bits = 0;
    if (const char* wrong = parse_scalar(text, type, bits)) return error(wrong);
    p_ += text.size();
    return ir::DataValue::from_bits(type, bits);
  }
  const u32 size = type.bytes();
  if (!type.is_vector() || (size != 2 && size != 4 && size != 8 && size != 16)) {
    return error("run commands know vectors of 2, 4, 8 and 16 bytes");
  }
  if (accept("[")) {
    const ir::Type lane = type.lane_type();
    for (u32 i = 0; i < type.lane_count(); ++i) {
      skip_space();
      const std::string_view text = number();
      if (text.empty())
        return error("expected the value of lane " + std::to_string(i) +
                     " (lanes stand without commas)");
      u128 bits = 0;
      if (const char* wrong = parse_scalar(text, lane, bits)) return error(wrong);
      p_ += text.size();
      for (u32 byte = 0; byte < lane.bytes(); ++byte) {
        value.bytes[i * lane.bytes() + byte] = static_cast<u8>(bits >> (8 * byte));
      }
    }
    if (!accept("]")) return error("expected ']' behind the last lane");
    return value;
  }
  const std::string_view text = number();
  if (text.empty()) return error("expected a vector: hexadecimal bytes or [lane lane ...]");
  u32 given = 0;
  if (const char* wrong = parse_hex_bytes(text, std::span(value.bytes).first(size), given))
    return error(wrong);
  p_ += text.size();
  return value;
}

Result<void> CommandParser::parse_values(const std::vector<ir::AbiParam>& params,
                                         std::string_view close, std::string_view what,
                                         std::vector<ir::DataValue>& values) {
  for (usize i = 0; i < params.size(); ++i) {
    if (i != 0 && !accept(","))
      return error("expected ',': the signature has " + std::to_string(params.size()) + ' ' +
                   std::string(what));
    GANTRY_TRY_ASSIGN(const ir::DataValue value, parse_value(params[i].type));
    values.push_back(value);
  }
  if (accept(close)) return {};
  return error("expected '" + std::string(close) + "': the signature has " +
               std::to_string(params.size()) + ' ' + std::string(what));
}

Result<void> CommandParser::parse_call() {
  skip_space();
  if (p_ == end_ || *p_ != '%') return error("expected the %name of a function");
  const char* stop = run_end(p_ + 1, end_, kWord);
  out_.function = {p_ + 1, static_cast<usize>(stop - p_ - 1)};
  p_ = stop;
  out_.has_call = true;
  if (!accept("(")) return error("expected '('");
  return parse_values(signature_.params, ")", "parameters", out_.args);
}

Result<void> CommandParser::parse_expected() {
  if (accept("!=")) {
    out_.negated = true;
  } else if (!accept("==")) {
    return error("expected '==' or '!='");
  }
  out_.has_expected = true;
  if (signature_.returns.size() == 1) {
    GANTRY_TRY_ASSIGN(const ir::DataValue value, parse_value(signature_.returns[0].type));
    out_.expected.push_back(value);
    return {};
  }
  if (!accept("[")) {
    return error("expected '[': the signature has " + std::to_string(signature_.returns.size()) +
                 " results");
  }
  return parse_values(signature_.returns, "]", "results", out_.expected);
}

Result<bool> CommandParser::parse() {
  while (p_ != end_ && (*p_ == ';' || is_class(*p_, kSpace))) ++p_;
  const std::string_view word(p_, static_cast<usize>(run_end(p_, end_, kWord) - p_));
  if (word != "run" && word != "print") return false;
  out_.is_print = word == "print";
  p_ += word.size();
  if (accept(":")) {
    GANTRY_TRY(parse_call());
    if (!out_.is_print) GANTRY_TRY(parse_expected());
  }
  skip_space();
  if (p_ != end_)
    return error(out_.has_call ? "unexpected text behind the command"
                               : "expected ':' or the end of the line");
  return true;
}

}  // namespace

Result<bool> parse_run_command(std::string_view comment, const ir::Signature& signature,
                               RunCommand& out) {
  out = {};
  return CommandParser(comment, signature, out).parse();
}

}  // namespace gantry::reader

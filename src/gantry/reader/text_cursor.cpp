// The lexical rules that are not on the hot path: numbers with all their forms, and tokens in
// general for messages.
#include "gantry/reader/text_cursor.h"

namespace gantry::reader {

const char* scan_number(const char* at, const char* end) {
  const char* const start = at;
  const bool has_sign = at != end && (*at == '-' || *at == '+');
  if (has_sign) ++at;
  if (at == end) return start;
  if (is_class(*at, kDigit) || (has_sign && *at == '.')) return run_end(at, end, kNumberRun);
  const std::string_view rest(at, static_cast<usize>(end - at));
  const bool nan = rest.starts_with("NaN"), signalling = has_sign && rest.starts_with("sNaN");
  if (!nan && !signalling && !rest.starts_with("Inf")) return start;
  const char* stop = run_end(at, end, kNumberRun);
  if (stop != end && *stop == ':' && (nan || signalling) && stop - at == (nan ? 3 : 4)) {
    stop = run_end(stop + 1, end, kNumberRun);
  }
  return stop;
}

bool starts_token(char c) {
  return is_class(c, kDigit | kLetter) ||
         std::string_view("(){}[]<>,.:=!*@+-%\"#;").find(c) != std::string_view::npos;
}

const char* scan_token(const char* at, const char* end) {
  if (at == end) return at;
  if (const char* number = scan_number(at, end); number != at) return number;
  if (is_class(*at, kLetter)) return run_end(at, end, kWord);
  if (*at == '%' || *at == '@' || *at == '#') return run_end(at + 1, end, kWord);
  if (*at == '-' && at + 1 != end && at[1] == '>') return at + 2;
  if (*at == '"') {
    const void* close = std::memchr(at + 1, '"', static_cast<usize>(end - at - 1));
    return close == nullptr ? at + 1 : static_cast<const char*>(close) + 1;
  }
  return at + 1;
}

}  // namespace gantry::reader

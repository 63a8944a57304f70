// Problem: errors with exact positions without paying for positions while nothing is wrong. Idea:
// the cursor is a bare pointer; lines are counted only when somebody asks, going on from the last
// answer. Here: cursor, findings, signatures, names, and the frame of a function. Preamble and body
// have their own files.
#include "gantry/reader/function_parser.h"

#include <algorithm>
#include <string>

#include "gantry/meta/codes.h"
#include "gantry/reader/literals.h"

namespace gantry::reader {

using namespace ir;  // NOLINT: the parser speaks of little else

FunctionParser::FunctionParser(std::string_view text, const ReaderOptions& options)
    : default_call_conv(options.default_call_conv),
      begin_(text.data()),
      end_(text.data() + text.size()),
      p_(text.data()),
      options_(options),
      number_limit_(
          static_cast<u32>(std::min<u64>(std::max<u64>(limits::kTextEntityFloor.value, text.size()),
                                         limits::kMaxEntities.value) +
                           1)),
      failed_at_(text.data()),
      known_at_(text.data()),
      known_line_start_(text.data()) {}

// ---- findings

SourcePosition FunctionParser::position_at(const char* at) {
  if (at < known_line_start_) {
    known_at_ = known_line_start_ = begin_;
    known_line_ = 1;
  }
  if (at > known_at_) {
    while (known_at_ != at) {
      const void* found = std::memchr(known_at_, '\n', static_cast<usize>(at - known_at_));
      if (found == nullptr) break;
      known_at_ = known_line_start_ = static_cast<const char*>(found) + 1;
      ++known_line_;
    }
    known_at_ = at;
  }
  return {known_line_, static_cast<u32>(at - known_line_start_) + 1};
}

bool FunctionParser::fail(const char* at, usize length, std::string message, std::string hint,
                          ErrorKind kind) {
  failed_at_ = at;
  if (gave_up()) return false;
  ++num_errors_;
  Diagnostic finding;
  finding.kind = kind;
  finding.position = position_at(at);
  const char* line_end = std::find(at, std::min(end_, at + length), '\n');
  finding.length = static_cast<u32>(std::max<usize>(1, static_cast<usize>(line_end - at)));
  finding.message = std::move(message);
  finding.hint = std::move(hint);
  diagnostics_.push_back(std::move(finding));
  return false;
}

bool FunctionParser::expected(std::string_view what, std::string hint) {
  skip_space();
  std::string message = "expected ";
  message += what;
  if (at_end()) return fail(p_, 1, message + ", found the end of the text", std::move(hint));
  if (*p_ == '"' && std::memchr(p_ + 1, '"', static_cast<usize>(end_ - p_ - 1)) == nullptr) {
    return fail(p_, 1, "unterminated string");
  }
  if (!starts_token(*p_)) return fail(p_, 1, "invalid character");
  const usize length = static_cast<usize>(scan_token(p_, end_) - p_);
  message += ", found '";
  message.append(p_, std::min<usize>(length, 40));
  if (length > 40) message += "...";
  message += '\'';
  return fail(p_, length, std::move(message), std::move(hint));
}

bool FunctionParser::expected_char(char c) {
  const char text[] = {'\'', c, '\''};
  return expected(std::string_view(text, 3));
}

// ---- the cursor

void FunctionParser::skip_comment() {
  const void* newline = std::memchr(p_, '\n', static_cast<usize>(end_ - p_));
  const char* stop = newline == nullptr ? end_ : static_cast<const char*>(newline);
  if (header_comments_ != nullptr) {
    header_comments_->emplace_back(p_, static_cast<usize>(stop - p_));
  } else if (source_ != nullptr) {
    std::string_view text(p_, static_cast<usize>(stop - p_));
    if (text.ends_with('\r')) text.remove_suffix(1);
    source_->comments.push_back({owner_, text, position_at(p_).line});
  }
  p_ = stop;
}

std::string_view FunctionParser::rest_of_line() {
  const void* newline = std::memchr(p_, '\n', static_cast<usize>(end_ - p_));
  const char* stop = newline == nullptr ? end_ : static_cast<const char*>(newline);
  const std::string_view line(p_, static_cast<usize>(stop - p_));
  p_ = stop;
  return line;
}

bool FunctionParser::skip_to_next_function() {
  while (!at_end()) {
    rest_of_line();
    if (at_end()) break;
    ++p_;
    if (word_here() == "function") return true;
  }
  return false;
}

// To the next line, unless the error already stands on a later one: then to that.
void FunctionParser::recover(const char* line_start) {
  const char* at = std::max(failed_at_, line_start);
  const char* line = at;
  while (line != line_start && line[-1] != '\n') --line;
  if (line != line_start) {
    p_ = line;
    return;
  }
  p_ = std::max(p_, at);
  const void* newline = std::memchr(at, '\n', static_cast<usize>(end_ - at));
  p_ = newline == nullptr ? end_ : static_cast<const char*>(newline);
}

bool FunctionParser::accept_word(std::string_view word) {
  skip_space();
  if (word_here() != word) return false;
  p_ += word.size();
  return true;
}

std::string_view FunctionParser::number_here() {
  skip_space();
  return {p_, static_cast<usize>(scan_number(p_, end_) - p_)};
}

bool FunctionParser::parse_string(std::string_view& out) {
  skip_space();
  if (at_end() || *p_ != '"') return expected("a string");
  const void* close = std::memchr(p_ + 1, '"', static_cast<usize>(end_ - p_ - 1));
  if (close == nullptr) return fail(p_, 1, "unterminated string");
  out = {p_ + 1, static_cast<usize>(static_cast<const char*>(close) - p_ - 1)};
  p_ = static_cast<const char*>(close) + 1;
  return true;
}

bool FunctionParser::check_number(const char* at, usize length, u32 number) {
  if (number < number_limit_) [[likely]]
    return true;
  std::string message = "entity number too large (limit ";
  message.append(limits::kTextEntityFloor.name)
      .append(": ")
      .append(std::to_string(number_limit_ - 1))
      .append(1, ')');
  return fail(at, length, std::move(message), {}, ErrorKind::LimitExceeded);
}

int FunctionParser::accept_entity(std::string_view prefix, u32& number) {
  skip_space();
  if (static_cast<usize>(end_ - p_) <= prefix.size() ||
      std::memcmp(p_, prefix.data(), prefix.size()) != 0)
    return 0;
  const char* stop = scan_entity_number(p_ + prefix.size(), end_, number);
  if (stop == nullptr) return 0;
  const char* at = p_;
  p_ = stop;
  return check_number(at, static_cast<usize>(stop - at), number) ? 1 : -1;
}

bool FunctionParser::expect_entity(std::string_view prefix, u32& number, std::string_view what) {
  const int found = accept_entity(prefix, number);
  return found > 0 || (found == 0 && expected(what));
}

bool FunctionParser::parse_offset(i32& out) {
  skip_space();
  out = 0;
  if (p_ == end_ || (*p_ != '+' && *p_ != '-')) return true;
  if (*p_ == '-' && p_ + 1 != end_ && p_[1] == '>') return true;
  const char* stop = scan_number(p_, end_);
  if (stop == p_) return fail(p_, 1, "an offset's sign stands directly before its digits");
  const char* wrong = parse_offset32({p_, static_cast<usize>(stop - p_)}, out);
  if (wrong != nullptr) return fail(p_, static_cast<usize>(stop - p_), wrong);
  p_ = stop;
  return true;
}

Type find_type(std::string_view word) {
  if (word.size() < 2) return {};
  const char* at = word.data();
  const char* const end = at + word.size();
  const char kind = *at++;
  u32 bits = 0;
  const char* const digits = at;
  while (at != end && is_class(*at, kDigit) && bits < 1000)
    bits = bits * 10 + static_cast<u32>(*at++ - '0');
  if (*digits == '0') return {};
  Type lane;
  if (kind == 'i') {
    switch (bits) {
      case 8:
        lane = kI8;
        break;
      case 16:
        lane = kI16;
        break;
      case 32:
        lane = kI32;
        break;
      case 64:
        lane = kI64;
        break;
      case 128:
        lane = kI128;
        break;
      default:
        return {};
    }
  } else if (kind == 'f') {
    switch (bits) {
      case 16:
        lane = kF16;
        break;
      case 32:
        lane = kF32;
        break;
      case 64:
        lane = kF64;
        break;
      case 128:
        lane = kF128;
        break;
      default:
        return {};
    }
  } else {
    return {};
  }
  if (at == end) return lane;
  if (*at != 'x' || end - at < 2 || end - at > 4 || at[1] == '0') return {};
  u32 lanes = 0;
  while (++at != end) {
    if (!is_class(*at, kDigit)) return {};
    lanes = lanes * 10 + static_cast<u32>(*at - '0');
  }
  return lanes > 256 ? Type() : lane.by(lanes);
}

bool FunctionParser::parse_type(Type& out) {
  skip_space();
  const std::string_view word = word_here();
  out = find_type(word);
  if (!out.is_valid())
    return expected(
        "a type", word.empty() ? "" : "types are i8 to i128, f16 to f128, and vectors like i32x4");
  p_ += word.size();
  return true;
}

// ---- signatures and names

bool FunctionParser::parse_params(std::vector<AbiParam>& out) {
  do {
    AbiParam param;
    if (!parse_type(param.type)) return false;
    for (;;) {
      skip_space();
      const std::string_view word = word_here();
      if (word == "uext") {
        param.extension = ArgExtension::Uext;
      } else if (word == "sext") {
        param.extension = ArgExtension::Sext;
      } else if (word == "sret") {
        param.purpose = ArgPurpose::StructReturn;
      } else if (word == "vmctx") {
        param.purpose = ArgPurpose::VmContext;
      } else if (word == "normal") {
        param.purpose = ArgPurpose::Normal;
      } else if (word == "sarg") {
        param.purpose = ArgPurpose::StructArg;
      } else {
        break;
      }
      p_ += word.size();
      if (word != "sarg") continue;
      if (!expect('(')) return false;
      const std::string_view number = number_here();
      if (number.empty()) return expected("the size of the struct in bytes");
      if (const char* wrong = parse_uimm32(number, param.struct_size))
        return fail(p_, number.size(), wrong);
      p_ += number.size();
      if (!expect(')')) return false;
    }
    if (param.purpose != ArgPurpose::StructArg) param.struct_size = 0;
    out.push_back(param);
  } while (accept(','));
  return true;
}

bool FunctionParser::parse_signature(Signature& out) {
  out = {};
  out.call_conv = default_call_conv;
  if (!expect('(')) return false;
  if (!accept(')')) {
    if (!parse_params(out.params) || !expect(')')) return false;
  }
  skip_space();
  if (end_ - p_ >= 2 && p_[0] == '-' && p_[1] == '>') {
    p_ += 2;
    if (!parse_params(out.returns)) return false;
  }
  skip_space();
  const std::string_view word = word_here();
  for (usize i = 0; i < std::size(meta::kCallConvs) && !word.empty(); ++i) {
    if (meta::kCallConvs[i].name != word) continue;
    out.call_conv = static_cast<CallConv>(i);
    p_ += word.size();
    break;
  }
  return true;
}

bool FunctionParser::parse_user_name(u32 name_space, UserExternalNameData& out) {
  out.name_space = name_space;
  if (!expect(':')) return false;
  const std::string_view number = number_here();
  if (number.empty()) return expected("the number of the name");
  for (const char c : number) {
    if (!is_class(c, kDigit)) return fail(p_, number.size(), "a name's number is decimal");
  }
  if (const char* wrong = parse_uimm32(number, out.index)) return fail(p_, number.size(), wrong);
  p_ += number.size();
  return true;
}

namespace {
// `uN` at `at`: a name space is any 32-bit number below the reserved one, not an entity of the
// function.
const char* scan_name_space(const char* at, const char* end, u32& name_space) {
  return at != end && *at == 'u' ? scan_entity_number(at + 1, end, name_space) : nullptr;
}
}  // namespace

bool FunctionParser::parse_function_name(FunctionName& out) {
  skip_space();
  if (!at_end() && *p_ == '%') {
    const char* stop = run_end(p_ + 1, end_, kWord);
    out.is_user = false;
    out.text.assign(p_ + 1, stop);
    p_ = stop;
    return true;
  }
  u32 name_space = 0;
  const char* stop = scan_name_space(p_, end_, name_space);
  if (stop == nullptr) return expected("a function name", "names are written %name or u0:1");
  p_ = stop;
  out.is_user = true;
  return parse_user_name(name_space, out.user);
}

bool FunctionParser::parse_external_name(ExternalName& out) {
  skip_space();
  if (!at_end() && *p_ == '%') {
    const char* stop = run_end(p_ + 1, end_, kWord);
    const std::string_view name(p_ + 1, static_cast<usize>(stop - p_ - 1));
    p_ = stop;
    for (usize i = 0; i < std::size(meta::kKnownSymbols); ++i) {
      if (meta::kKnownSymbols[i] == name) {
        out = {ExternalName::Kind::KnownSymbol, static_cast<u32>(i)};
        return true;
      }
    }
    for (usize i = 0; i < std::size(meta::kLibCalls); ++i) {
      if (meta::kLibCalls[i].name == name) {
        out = {ExternalName::Kind::LibCall, static_cast<u32>(i)};
        return true;
      }
    }
    out = func_->intern_test_name(name);
    return true;
  }
  u32 number = 0;
  if (const char* stop = scan_name_space(p_, end_, number)) {
    p_ = stop;
    UserExternalNameData name;
    if (!parse_user_name(number, name)) return false;
    out = func_->intern_user_name(name);
    return true;
  }
  const int found = accept_entity("userextname", number);
  if (found < 0) return false;
  if (found == 0)
    return expected("an external name", "names are written %name, u0:1 or userextname0");
  func_->ensure_user_names(number + 1);
  out = {ExternalName::Kind::User, number};
  return true;
}

// ---- the frame

void FunctionParser::parse_function(Function& func, FunctionSource* source) {
  func.clear();
  func_ = &func;
  source_ = options_.keep_comments ? source : nullptr;
  owner_ = {};
  stack_slots_.clear();
  dynamic_stack_slots_.clear();
  dynamic_types_.clear();
  global_values_.clear();
  signatures_.clear();
  functions_.clear();
  constants_.clear();
  global_uses_.clear();
  dynamic_type_uses_.clear();
  value_uses_.clear();
  if (any_poisoned_) {
    poisoned_.clear();
    any_poisoned_ = false;
  }
  block_.reset();
  const char* start = p_;
  if (source_ != nullptr) {
    source_->comments.clear();
    source_->inst_positions.clear();
    source_->block_positions.clear();
    source_->first_line = position_at(start).line;
  }
  bool whole = false;
  if (word_here() != "function") {
    expected("'function'");
  } else {
    p_ += std::string_view("function").size();
    whole = parse_function_name(func.name) && parse_signature(func.signature) && expect('{') &&
            parse_body();
  }
  if (source_ != nullptr) source_->last_line = position_at(p_ == begin_ ? p_ : p_ - 1).line;
  if (!whole) {
    // On with the next line that starts a function, which may be the one the error is on.
    if (gave_up()) {
      p_ = end_;
    } else if (p_ == start || word_here() != "function" || (p_ != begin_ && p_[-1] != '\n')) {
      skip_to_next_function();
    }
    source_ = nullptr;
    return;
  }
  owner_ = {};
  skip_space();
  source_ = nullptr;
}

}  // namespace gantry::reader

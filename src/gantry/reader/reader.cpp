// The file around the functions: header lines, then one function after the other.
#include "gantry/reader/reader.h"

#include "gantry/reader/function_parser.h"

namespace gantry::reader {

struct Reader::State {
  State(std::string_view text, const ReaderOptions& options) : parser(text, options) {}
  FunctionParser parser;
  FileHeader header;
  bool header_read = false;
  u32 errors_in_last = 0;

  void read_header();
  void read_feature(u32 line);
};

Reader::Reader(std::string_view text, const ReaderOptions& options)
    : state_(new State(text.size() > limits::kMaxTextBytes.value ? std::string_view() : text,
                       options)) {
  if (text.size() > limits::kMaxTextBytes.value) {
    state_->parser.fail(state_->parser.position(), 1, "the text is too long (limit max-text-bytes)",
                        {}, ErrorKind::LimitExceeded);
  }
}
Reader::~Reader() { delete state_; }

void Reader::State::read_feature(u32 line) {
  HeaderLine feature{HeaderLine::Kind::Feature, {}, line};
  parser.skip_space();
  if (!parser.at_end() && parser.peek() == '!') {
    feature.words.emplace_back(parser.position(), 1);
    parser.advance(1);
  }
  std::string_view name;
  if (!parser.parse_string(name)) {
    parser.rest_of_line();
    return;
  }
  feature.words.push_back(name);
  header.lines.push_back(std::move(feature));
}

void Reader::State::read_header() {
  using Kind = HeaderLine::Kind;
  header_read = true;
  parser.set_comment_sink(&header.comments);
  u32 stage = 0;
  for (;;) {
    parser.skip_space();
    if (parser.at_end()) break;
    const std::string_view word = parser.word_here();
    if (word == "function") break;
    Kind kind = Kind::Test;
    u32 word_stage = 0;
    if (word == "set" || word == "target") {
      kind = word == "set" ? Kind::Set : Kind::Target;
      word_stage = 1;
    } else if (word == "feature") {
      kind = Kind::Feature;
      word_stage = 2;
    } else if (word != "test") {
      parser.expected("a header line or a function",
                      "header lines are test, set, target and feature");
      if (!parser.skip_to_next_function()) break;
      continue;
    }
    if (word_stage < stage) {
      parser.fail(parser.position(), word.size(), "header line out of order",
                  "first test lines, then set and target lines, then feature lines");
    }
    stage = word_stage;
    const u32 line = parser.position_at(parser.position()).line;
    parser.advance(word.size());
    if (kind == Kind::Feature) {
      read_feature(line);
      continue;
    }
    HeaderLine header_line{kind, {}, line};
    std::string_view rest = parser.rest_of_line();
    for (usize at = 0; at < rest.size();) {
      usize stop = at;
      while (stop < rest.size() && !is_class(rest[stop], kSpace)) ++stop;
      if (stop != at) header_line.words.push_back(rest.substr(at, stop - at));
      at = stop + 1;
    }
    header.lines.push_back(std::move(header_line));
  }
  parser.set_comment_sink(nullptr);
}

const FileHeader& Reader::header() {
  if (!state_->header_read) state_->read_header();
  return state_->header;
}

void Reader::set_default_call_conv(ir::CallConv call_conv) {
  state_->parser.default_call_conv = call_conv;
}

bool Reader::next(ir::Function& func, FunctionSource* source) {
  FunctionParser& parser = state_->parser;
  header();
  state_->errors_in_last = 0;
  parser.skip_space();
  if (parser.at_end() || parser.gave_up()) return false;
  const u32 before = parser.num_errors();
  parser.parse_function(func, source);
  state_->errors_in_last = parser.num_errors() - before;
  return true;
}

u32 Reader::errors_in_last() const { return state_->errors_in_last; }
const DiagnosticList& Reader::diagnostics() const { return state_->parser.diagnostics(); }

}  // namespace gantry::reader

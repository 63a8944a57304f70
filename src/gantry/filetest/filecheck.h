#pragma once
// Expectations in comments: directives that name what must (or must not) be found in a printed
// text, in order.
//
//   check: P      on a later line          sameln: P     behind the last match, on its line
//   nextln: P     on the next line         unordered: P  anywhere between the ordered neighbours
//   not: P        nowhere between them     regex: V=RE   defines V
//
// In patterns: `$$` a dollar sign, `$()` nothing (keeps blanks at an end, and no word boundary is
// wanted there),
// `$(=RE)` a regular expression, `$V` or `$(V)` a variable, `$(V=RE)` defines V as what RE matches,
// `$(V=$X)` as what the pattern of X matches. A pattern that begins or ends with a letter or digit
// wants a word boundary there.
#include <string>
#include <string_view>
#include <vector>

#include "gantry/support/result.h"

namespace gantry::filetest {

class FileCheck {
 public:
  // Adds the directive a comment holds, anywhere behind a word boundary: a keyword, a colon and at
  // least one blank. False if it holds none. `line` is for messages. Error: a malformed directive.
  Result<bool> add(std::string_view comment, u32 line);
  bool empty() const { return directives_.empty(); }

  // Whether `text` is as the directives say; else what was not found (or found), and where it was
  // looked for.
  Result<void> match(std::string_view text) const;

 private:
  enum class Kind : u8 { Check, Sameln, Nextln, Unordered, Not, Regex };
  struct Part {
    enum class Kind : u8 { Text, Regex, Use, Define, DefineAs };
    Kind kind;
    std::string text;      // Text: the text; Regex, Define: the expression; DefineAs: the variable
                           // whose pattern is meant
    std::string variable;  // Use, Define, DefineAs
  };
  struct Directive {
    Kind kind;
    u32 line;
    std::string source;       // as written, for messages
    std::vector<Part> parts;  // Regex: one part that defines
  };
  class Matcher;

  static std::string_view keyword_of(Kind kind);
  static Result<std::vector<Part>> parse_pattern(std::string_view pattern);

  std::vector<Directive> directives_;
};

}  // namespace gantry::filetest

// Problem: an expectation should fix what matters of a printed text and nothing else. Idea:
// directives in the order they must be found. Ordered directives (check, sameln, nextln) are
// barriers; the ones between two barriers (unordered, not) speak about the text between them.
// Invariants: `ordered_end` is where the last ordered match ended, `furthest` the end of any match
// so far; both only grow. Each directive searches the text once, with a linear-time matcher.
#include "gantry/filetest/filecheck.h"

#include <algorithm>
#include <iterator>

#include "gantry/filetest/regex.h"
#include "gantry/support/text_writer.h"

namespace gantry::filetest {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_word(char c) { return is_alnum(c) || c == '_'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The length of the variable name `text` begins with.
usize name_length(std::string_view text) {
  if (text.empty() || !is_word(text[0]) || (text[0] >= '0' && text[0] <= '9')) return 0;
  usize length = 1;
  while (length < text.size() && is_word(text[length])) ++length;
  return length;
}

// The length of the regular expression `text` begins with, up to the `)` that closes the `$(`
// before it.
std::optional<usize> regex_length(std::string_view text) {
  u32 depth = 0;
  bool in_class = false;
  for (usize i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
      // `]` stands for itself right behind the bracket.
      if (i + 1 < text.size() && text[i + 1] == '^') ++i;
      if (i + 1 < text.size() && text[i + 1] == ']') ++i;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      if (depth == 0) return i;
      --depth;
    }
  }
  return std::nullopt;
}

Error syntax_error(std::string_view what, std::string_view pattern) {
  return Error(ErrorKind::Syntax,
               std::string(what) + " in the pattern '" + std::string(pattern) + "'");
}

}  // namespace

std::string_view FileCheck::keyword_of(Kind kind) {
  constexpr std::string_view kKeywords[] = {"check",     "sameln", "nextln",
                                            "unordered", "not",    "regex"};
  return kKeywords[static_cast<usize>(kind)];
}

Result<std::vector<FileCheck::Part>> FileCheck::parse_pattern(std::string_view pattern) {
  std::vector<Part> parts;
  std::vector<std::string> defined;
  std::string text;
  const auto flush = [&] {
    if (!text.empty()) parts.push_back({Part::Kind::Text, std::move(text), {}});
    text.clear();
  };
  for (usize at = 0; at < pattern.size();) {
    if (pattern[at] != '$') {
      text += pattern[at++];
      continue;
    }
    ++at;
    if (at == pattern.size()) return syntax_error("a lone '$' at the end", pattern);
    if (pattern[at] == '$') {
      text += '$';
      ++at;
      continue;
    }
    flush();
    const bool in_parens = pattern[at] == '(';
    if (in_parens) ++at;
    const usize length = name_length(pattern.substr(at));
    const std::string name(pattern.substr(at, length));
    at += length;
    if (!in_parens) {
      if (name.empty()) return syntax_error("'$' without a variable", pattern);
      parts.push_back({Part::Kind::Use, {}, name});
    } else if (at < pattern.size() && pattern[at] == ')') {
      ++at;
      // `$()` is an empty expression: it stands at an end so that the text there is not at it.
      if (name.empty()) {
        parts.push_back({Part::Kind::Regex, {}, {}});
      } else {
        parts.push_back({Part::Kind::Use, {}, name});
      }
    } else if (at < pattern.size() && pattern[at] == '=') {
      ++at;
      const std::string_view rest = pattern.substr(at);
      const std::optional<usize> end = regex_length(rest);
      if (!end) return syntax_error("no ')' for '$('", pattern);
      const std::string_view inside = rest.substr(0, *end);
      at += *end + 1;
      if (name.empty()) {
        parts.push_back({Part::Kind::Regex, std::string(inside), {}});
      } else {
        const std::string_view other = inside.substr(inside.empty() ? 0 : 1);
        const bool names_variable =
            inside.starts_with('$') && !other.empty() && name_length(other) == other.size();
        parts.push_back({names_variable ? Part::Kind::DefineAs : Part::Kind::Define,
                         std::string(names_variable ? other : inside), name});
        defined.push_back(name);
      }
    } else {
      return syntax_error("expected ')' or '=' behind '$('", pattern);
    }
    if (!parts.empty() && parts.back().kind == Part::Kind::Use &&
        std::find(defined.begin(), defined.end(), parts.back().variable) != defined.end()) {
      return syntax_error("a variable is used where it is defined", pattern);
    }
  }
  flush();
  // Regular expressions are checked now, so that a mistake shows even if nothing is matched.
  for (const Part& part : parts) {
    if (part.kind != Part::Kind::Regex && part.kind != Part::Kind::Define) continue;
    RegexProgram program;
    GANTRY_TRY(program.append_regex(part.text));
  }
  return parts;
}

Result<bool> FileCheck::add(std::string_view comment, u32 line) {
  constexpr Kind kKinds[] = {Kind::Check,     Kind::Sameln, Kind::Nextln,
                             Kind::Unordered, Kind::Not,    Kind::Regex};
  for (usize at = 0; at < comment.size(); ++at) {
    if (at > 0 && is_word(comment[at - 1])) continue;
    const std::string_view rest = comment.substr(at);
    const Kind* const kind =
        std::find_if(std::begin(kKinds), std::end(kKinds), [&](Kind candidate) {
          const std::string_view keyword = keyword_of(candidate);
          return rest.size() > keyword.size() + 1 && rest.starts_with(keyword) &&
                 rest[keyword.size()] == ':' && is_blank(rest[keyword.size() + 1]);
        });
    if (kind == std::end(kKinds)) continue;
    const std::string_view pattern = trimmed(rest.substr(keyword_of(*kind).size() + 1));
    const auto located = [line](const Error& error) {
      return Error(error.kind(), error.message(), SourcePosition{line, 1});
    };
    Directive directive{*kind, line, std::string(trimmed(rest)), {}};
    if (*kind == Kind::Regex) {
      const usize length = name_length(pattern);
      if (length == 0 || length >= pattern.size() || pattern[length] != '=') {
        return located(syntax_error("expected VARIABLE=REGEX", pattern));
      }
      const std::string_view regex = pattern.substr(length + 1);
      RegexProgram program;
      if (Result<void> checked = program.append_regex(regex); !checked.has_value())
        return located(checked.error());
      directive.parts.push_back(
          {Part::Kind::Define, std::string(regex), std::string(pattern.substr(0, length))});
    } else {
      Result<std::vector<Part>> parts = parse_pattern(pattern);
      if (!parts.has_value()) return located(parts.error());
      directive.parts = std::move(*parts);
      const bool defines =
          std::any_of(directive.parts.begin(), directive.parts.end(), [](const Part& part) {
            return part.kind == Part::Kind::Define || part.kind == Part::Kind::DefineAs;
          });
      if (*kind == Kind::Not && defines) {
        return located(syntax_error("'not:' cannot define a variable", pattern));
      }
    }
    directives_.push_back(std::move(directive));
    return true;
  }
  return false;
}

// One run over one text.
class FileCheck::Matcher {
 public:
  Matcher(const std::vector<Directive>& directives, std::string_view text)
      : directives_(directives), text_(text) {}

  Result<void> run() {
    for (usize i = 0; i < directives_.size(); ++i) {
      const Directive& directive = directives_[i];
      switch (directive.kind) {
        case Kind::Regex:
        case Kind::Not:
          GANTRY_TRY(note(directive, furthest_));
          break;
        case Kind::Unordered: {
          // All of the group: the directives up to the next ordered one.
          usize end = i;
          while (end < directives_.size() && !is_ordered(directives_[end].kind)) ++end;
          GANTRY_TRY(match_group(i, end));
          i = end - 1;
          break;
        }
        case Kind::Check:
        case Kind::Sameln:
        case Kind::Nextln:
          GANTRY_TRY(match_ordered(directive));
          break;
      }
    }
    return check_nots(end_of_text());
  }

 private:
  struct Variable {
    std::string name;
    std::string value;
    bool is_regex;
  };
  struct PendingNot {
    const Directive* directive;
    RegexProgram program;
    u32 from;
  };

  static bool is_ordered(Kind kind) {
    return kind == Kind::Check || kind == Kind::Sameln || kind == Kind::Nextln;
  }
  u32 end_of_text() const { return static_cast<u32>(text_.size()); }
  u32 line_end(u32 at) const {
    const usize newline = text_.find('\n', at);
    return newline == std::string_view::npos ? end_of_text() : static_cast<u32>(newline);
  }
  // Where the line behind that of `at` begins; none at the last line.
  std::optional<u32> next_line(u32 at) const {
    const u32 end = line_end(at);
    return end == text_.size() ? std::nullopt : std::optional<u32>(end + 1);
  }

  const Variable* find_variable(std::string_view name) const {
    for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
      if (it->name == name) return &*it;
    }
    return nullptr;
  }
  void set_variable(const std::string& name, const std::string& value, bool is_regex) {
    for (Variable& variable : variables_) {
      if (variable.name == name) {
        variable.value = value;
        variable.is_regex = is_regex;
        return;
      }
    }
    variables_.push_back({name, value, is_regex});
  }

  Error failure(const Directive& directive, std::string_view what) const {
    return Error(ErrorKind::Invalid, "'" + directive.source + "': " + std::string(what),
                 SourcePosition{directive.line, 1});
  }

  // The pattern with variables put in. Names it defines go to `defines`, in the order of captures.
  Result<RegexProgram> build(const Directive& directive, std::vector<std::string>& defines) const {
    RegexProgram program;
    const std::vector<Part>& parts = directive.parts;
    for (usize i = 0; i < parts.size(); ++i) {
      const Part& part = parts[i];
      const bool is_text = part.kind == Part::Kind::Text;
      if (is_text && i == 0 && is_alnum(part.text.front())) program.append_word_boundary();
      switch (part.kind) {
        case Part::Kind::Text:
          program.append_literal(part.text);
          break;
        case Part::Kind::Regex:
          GANTRY_TRY(program.append_regex(part.text));
          break;
        case Part::Kind::Use: {
          const Variable* variable = find_variable(part.variable);
          if (variable == nullptr)
            return failure(directive, "undefined variable '" + part.variable + "'");
          if (variable->is_regex) {
            GANTRY_TRY(program.append_regex(variable->value));
          } else {
            program.append_literal(variable->value);
          }
          break;
        }
        case Part::Kind::Define:
        case Part::Kind::DefineAs: {
          std::string_view regex = part.text;
          if (part.kind == Part::Kind::DefineAs) {
            const Variable* variable = find_variable(part.text);
            if (variable == nullptr || !variable->is_regex) {
              return failure(directive, "'" + part.text + "' is not defined by 'regex:'");
            }
            regex = variable->value;
          }
          const u32 capture = static_cast<u32>(defines.size());
          defines.push_back(part.variable);
          program.begin_capture(capture);
          GANTRY_TRY(program.append_regex(regex));
          program.end_capture(capture);
          break;
        }
      }
      if (is_text && i + 1 == parts.size() && is_alnum(part.text.back()))
        program.append_word_boundary();
    }
    return program;
  }

  // Searches [from, to) and keeps what was defined.
  Result<TextRange> find(const Directive& directive, u32 from, u32 to, std::string_view where) {
    std::vector<std::string> defines;
    GANTRY_TRY_ASSIGN(const RegexProgram program, build(directive, defines));
    std::vector<TextRange> captures(defines.size());
    const std::optional<TextRange> match = program.search(text_, from, to, captures);
    if (!match) return not_found(directive, from, to, where);
    for (usize i = 0; i < defines.size(); ++i) {
      const TextRange range = captures[i];
      set_variable(defines[i], std::string(text_.substr(range.begin, range.end - range.begin)),
                   false);
    }
    return *match;
  }

  Error not_found(const Directive& directive, u32 from, u32 to, std::string_view where) const {
    TextWriter message;
    message.put("not found ", where);
    for (const Variable& variable : variables_) {
      if (uses(directive, variable.name)) {
        message.put("; ", variable.name, variable.is_regex ? " is the pattern " : " is ",
                    variable.value);
      }
    }
    // A screenful of the text that was searched.
    constexpr u32 kMaxLines = 20;
    u32 at = from;
    for (u32 line = 0; line < kMaxLines && at < to; ++line) {
      const u32 end = std::min(line_end(at), to);
      message.put("\n    > ", text_.substr(at, std::min<u32>(end - at, 200)));
      at = end + 1;
    }
    if (at < to) message.write("\n    > …");
    return failure(directive, message.view());
  }

  static bool uses(const Directive& directive, std::string_view name) {
    return std::any_of(directive.parts.begin(), directive.parts.end(), [&](const Part& part) {
      return (part.kind == Part::Kind::Use && part.variable == name) ||
             (part.kind == Part::Kind::DefineAs && part.text == name);
    });
  }
  static bool defines(const Directive& directive, std::string_view name) {
    return std::any_of(directive.parts.begin(), directive.parts.end(), [&](const Part& part) {
      return (part.kind == Part::Kind::Define || part.kind == Part::Kind::DefineAs) &&
             part.variable == name;
    });
  }

  // A regex or not directive: they match nothing where they stand. A not keeps the variables of
  // this moment, and holds from `from` to the next ordered match.
  Result<void> note(const Directive& directive, u32 from) {
    if (directive.kind == Kind::Regex) {
      set_variable(directive.parts[0].variable, directive.parts[0].text, true);
      return {};
    }
    GANTRY_DCHECK(directive.kind == Kind::Not);
    std::vector<std::string> none;  // definitions in a `not:` were refused
    GANTRY_TRY_ASSIGN(RegexProgram program, build(directive, none));
    pending_nots_.push_back({&directive, std::move(program), from});
    return {};
  }

  Result<void> match_ordered(const Directive& directive) {
    TextRange match;
    if (directive.kind == Kind::Sameln) {
      GANTRY_TRY_ASSIGN(match, find(directive, furthest_, line_end(furthest_), "on the same line"));
    } else {
      // Before the first match, a check may match on the first line, a nextln on the second.
      std::optional<u32> from = furthest_;
      if (matched_ || directive.kind == Kind::Nextln) from = next_line(furthest_);
      if (!from) return failure(directive, "not found: the text has ended");
      const bool next = directive.kind == Kind::Nextln;
      GANTRY_TRY_ASSIGN(match, find(directive, *from, next ? line_end(*from) : end_of_text(),
                                    next ? "on the next line" : "on a later line"));
    }
    GANTRY_TRY(check_nots(match.begin));
    matched_ = true;
    ordered_end_ = furthest_ = match.end;
    return {};
  }

  // The unordered and not directives of one region. Definitions come before their uses, otherwise
  // in order.
  Result<void> match_group(usize begin, usize end) {
    std::vector<const Directive*> open;
    for (usize i = begin; i < end; ++i) open.push_back(&directives_[i]);
    const u32 region = ordered_end_;
    u32 furthest = furthest_;
    while (!open.empty()) {
      const auto ready = std::find_if(open.begin(), open.end(), [&](const Directive* candidate) {
        return std::none_of(open.begin(), open.end(), [&](const Directive* other) {
          if (other == candidate) return false;
          return std::any_of(other->parts.begin(), other->parts.end(), [&](const Part& part) {
            return !part.variable.empty() && defines(*other, part.variable) &&
                   uses(*candidate, part.variable);
          });
        });
      });
      if (ready == open.end()) return failure(*open.front(), "variables are defined in a circle");
      const Directive& directive = **ready;
      open.erase(ready);
      if (directive.kind != Kind::Unordered) {
        GANTRY_TRY(note(directive, region));
        continue;
      }
      GANTRY_TRY_ASSIGN(const TextRange match,
                        find(directive, region, end_of_text(), "behind the last ordered match"));
      furthest = std::max(furthest, match.end);
      matched_ = true;
    }
    furthest_ = furthest;
    return {};
  }

  Result<void> check_nots(u32 to) {
    for (const PendingNot& pending : pending_nots_) {
      const std::optional<TextRange> match =
          pending.program.search(text_, pending.from, std::max(pending.from, to));
      if (!match) continue;
      const usize newline =
          match->begin == 0 ? std::string_view::npos : text_.rfind('\n', match->begin - 1);
      const u32 begin = newline == std::string_view::npos ? 0 : static_cast<u32>(newline) + 1;
      return failure(
          *pending.directive,
          "found:\n    > " + std::string(text_.substr(begin, line_end(match->begin) - begin)));
    }
    pending_nots_.clear();
    return {};
  }

  const std::vector<Directive>& directives_;
  std::string_view text_;
  bool matched_ = false;
  u32 ordered_end_ = 0;
  u32 furthest_ = 0;
  std::vector<Variable> variables_;
  std::vector<PendingNot> pending_nots_;
};

Result<void> FileCheck::match(std::string_view text) const {
  return Matcher(directives_, text).run();
}

}  // namespace gantry::filetest

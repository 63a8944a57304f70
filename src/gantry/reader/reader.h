#pragma once
// CLIF text to functions. Text files hold a header (test, set, target, feature lines), then
// functions with comments; run commands and expectations are comments that belong to an entity.
#include <string>
#include <string_view>
#include <vector>

#include "gantry/ir/data_value.h"
#include "gantry/ir/function.h"
#include "gantry/support/diagnostic.h"

namespace gantry::reader {

// What a comment stands behind.
struct CommentOwner {
  enum class Kind : u8 {
    Function,
    Inst,
    Block,
    StackSlot,
    DynamicStackSlot,
    DynamicType,
    GlobalValue,
    Signature,
    FuncRef,
    Constant,
    AliasRegion,
    StackLimit,
  };
  Kind kind = Kind::Function;
  u32 index = 0;
  friend bool operator==(CommentOwner, CommentOwner) = default;
};
struct Comment {
  CommentOwner owner;
  std::string_view text;  // with its semicolons; points into the text that was read
  u32 line = 0;
};

// One `test`, `set`, `target` or `feature` line.
struct HeaderLine {
  enum class Kind : u8 { Test, Set, Target, Feature };
  Kind kind;
  std::vector<std::string_view>
      words;  // after the keyword, split at white space; Feature: `!` first if negated
  u32 line;
};

struct FileHeader {
  std::vector<HeaderLine> lines;           // in order
  std::vector<std::string_view> comments;  // before the first function
};

struct ReaderOptions {
  ir::CallConv default_call_conv = ir::CallConv::Fast;  // for signatures that name none
  bool keep_comments = false;
};

// Where the pieces of a function stand in the text, for findings about it (filled when
// keep_comments is set).
struct FunctionSource {
  u32 first_line = 0;  // of `function`
  u32 last_line = 0;   // of `}`
  std::vector<Comment> comments;
  std::vector<SourcePosition> inst_positions;   // by instruction number
  std::vector<SourcePosition> block_positions;  // by block number
};

// Reads a text function by function, so that memory is bounded by the largest one. The text must
// outlive the reader and everything that points into it.
class Reader {
 public:
  Reader(std::string_view text, const ReaderOptions& options);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Header lines, once, before the first function. Errors go to diagnostics().
  const FileHeader& header();
  // The default convention may depend on the header (test run).
  void set_default_call_conv(ir::CallConv call_conv);
  // Reads the next function into `func` (cleared first). False at the end of the text. After a
  // function with errors the reader goes on behind it; `func` is then incomplete and must not be
  // used: errors_in_last() is not zero.
  bool next(ir::Function& func, FunctionSource* source = nullptr);
  u32 errors_in_last() const;
  // All findings so far, at most limits::kMaxTextErrors.
  const DiagnosticList& diagnostics() const;

 private:
  struct State;
  State* state_;
};

// `; run: %f(1, 2) == 3`, already known to start with run or print.
struct RunCommand {
  bool is_print = false;
  bool has_call = false;      // false: bare `run` or `print`
  std::string_view function;  // name as written, without %
  std::vector<ir::DataValue> args;
  bool negated = false;  // !=
  bool has_expected = false;
  std::vector<ir::DataValue> expected;
};
// Parses the text of a comment. Result of false (no value): the comment is not a run command.
// Errors are positioned within the comment's text.
Result<bool> parse_run_command(std::string_view comment, const ir::Signature& signature,
                               RunCommand& out);

}  // namespace gantry::reader

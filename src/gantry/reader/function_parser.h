#pragma once
// One function of CLIF text: cursor, findings and the scratch memory that is kept from function to
// function.
#include <vector>

#include "gantry/ir/function.h"
#include "gantry/reader/reader.h"
#include "gantry/reader/text_cursor.h"
#include "gantry/support/limits.h"

namespace gantry::reader {

class FunctionParser {
 public:
  FunctionParser(std::string_view text, const ReaderOptions& options);

  // Reads the function at the cursor into `func`; the cursor must stand on a token. Comments up to
  // the next token behind it belong to it.
  void parse_function(ir::Function& func, FunctionSource* source);

  // -- the cursor
  bool at_end() const { return p_ == end_; }
  char peek() const { return *p_; }
  const char* position() const { return p_; }
  // Past white space and comments; comments go to the owner in keep_comments mode.
  void skip_space() {
    while (p_ != end_) {
      if (is_class(*p_, kSpace)) {
        ++p_;
        // Margins are wide.
        for (u64 word; end_ - p_ >= 8; p_ += 8) {
          std::memcpy(&word, p_, 8);
          if (word != 0x2020202020202020u) break;
        }
      } else if (*p_ == ';') [[unlikely]] {
        skip_comment();
      } else {
        return;
      }
    }
  }
  std::string_view word_here() const {
    return is_class(at_end() ? ' ' : *p_, kLetter)
               ? std::string_view(p_, static_cast<usize>(run_end(p_, end_, kWord) - p_))
               : std::string_view();
  }
  void advance(usize bytes) { p_ += bytes; }
  std::string_view rest_of_line();  // and goes behind it
  bool skip_to_next_function();     // to a line that starts with `function`; false: none
  // "text" at the cursor, without the quotes.
  bool parse_string(std::string_view& out);
  void set_comment_sink(std::vector<std::string_view>* sink) { header_comments_ = sink; }

  // -- findings
  // Records an error at `length` bytes from `at`. Always false.
  bool fail(const char* at, usize length, std::string message, std::string hint = {},
            ErrorKind kind = ErrorKind::Syntax);
  // `expected WHAT, found …` at the cursor.
  bool expected(std::string_view what, std::string hint = {});
  SourcePosition position_at(const char* at);
  const DiagnosticList& diagnostics() const { return diagnostics_; }
  u32 num_errors() const { return num_errors_; }
  bool gave_up() const { return num_errors_ >= limits::kMaxTextErrors.value; }

  ir::CallConv default_call_conv;

 private:
  struct Use {
    u32 number = 0;
    u32 at = 0;  // offset in the text
  };

  // -- lexical
  void skip_comment();
  bool accept(char c) {
    skip_space();
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  bool expect(char c) {
    skip_space();
    if (p_ != end_ && *p_ == c) [[likely]] {
      ++p_;
      return true;
    }
    return expected_char(c);
  }
  bool expected_char(char c);
  bool accept_word(std::string_view word);
  std::string_view number_here();
  // `prefixN` at the cursor; 0 none, 1 read, -1 an error was reported (number beyond the limits).
  int accept_entity(std::string_view prefix, u32& number);
  bool expect_entity(std::string_view prefix, u32& number, std::string_view what);
  bool check_number(const char* at, usize length, u32 number);
  template <class T, class Parse>
  bool parse_literal(Parse parse, std::string_view what, T& out);
  bool parse_offset(i32& out);
  bool parse_type(ir::Type& out);
  void recover(const char* line_start);

  // -- signatures and names
  bool parse_signature(ir::Signature& out);
  bool parse_params(std::vector<ir::AbiParam>& out);
  bool parse_function_name(ir::FunctionName& out);
  bool parse_external_name(ir::ExternalName& out);
  bool parse_user_name(u32 name_space, ir::UserExternalNameData& out);

  // -- preamble
  bool parse_declaration(bool& is_declaration);
  bool parse_stack_slot();
  bool parse_dynamic_stack_slot();
  bool parse_dynamic_type();
  bool parse_global_value();
  bool parse_signature_declaration();
  bool parse_function_declaration();
  bool parse_constant_declaration();
  bool parse_region();
  bool parse_stack_limit();
  bool begin_declaration(std::string_view prefix, CommentOwner::Kind kind, u32& number,
                         const char*& at, usize& length);
  bool duplicate(const char* at, usize length, std::string_view prefix, u32 number);
  bool check_declarations();
  bool parse_constant_data(ir::Type type, std::vector<u8>& out);

  // -- body
  bool parse_body();
  bool parse_block_header(u32 number, const char* start);
  bool parse_line();
  bool parse_alias(u32 alias, const char* at);
  bool parse_debug_tags();
  bool parse_source_loc();
  bool parse_stack_map();
  bool parse_suffix(ir::Opcode opcode, ir::Type& control);
  bool parse_operands(ir::Opcode opcode, ir::Type control, ir::InstData& data);
  bool finish_inst(const ir::InstData& data, ir::Type control, const char* start,
                   const char* opcode_at);
  bool infer_control(ir::Opcode opcode, u32 operand, const char* opcode_at, ir::Type& control);
  bool parse_value(u32& number) {
    skip_space();
    const char* at = p_;
    if (at != end_ && *at == 'v') [[likely]] {
      const char* digit = at + 1;
      u64 value = 0;
      while (digit != end_ && is_class(*digit, kDigit) && value < number_limit_) {
        value = value * 10 + static_cast<u32>(*digit++ - '0');
      }
      const bool well_formed = digit != at + 1 && (at[1] != '0' || digit == at + 2) &&
                               (digit == end_ || !is_class(*digit, kWord)) && value < number_limit_;
      if (well_formed) [[likely]] {
        number = static_cast<u32>(value);
        p_ = digit;
        if (!is_defined(number)) [[unlikely]]
          value_uses_.push_back({number, offset_of(at)});
        return true;
      }
    }
    return parse_value_slow(number);
  }
  bool parse_value_slow(u32& number);
  bool parse_value_word(ir::InstData& data, u32 word) { return parse_value(data.words[word]); }
  bool parse_value_list(char close);
  bool parse_block_call(u32& raw);
  bool parse_block_arg();
  bool parse_block_number(u32& number);
  bool parse_jump_table(u32& number);
  bool parse_exception_table(u32& number);
  bool parse_mem_flags(u16& out, bool only_byte_order);
  bool parse_trap_code(u8& out);
  bool check_references();
  bool define_value(u32 number, const char* at, bool& fresh);
  void poison_results();

  bool is_defined(u32 value) const {
    return value < func_->dfg.num_values() && func_->dfg.is_valid(ir::Value::from_index(value));
  }
  std::string_view text_from(const char* at) const { return {at, static_cast<usize>(end_ - at)}; }
  u32 offset_of(const char* at) const { return static_cast<u32>(at - begin_); }

  const char* const begin_;
  const char* const end_;
  const char* p_;
  ReaderOptions options_;
  u32 number_limit_;  // entity numbers are below

  DiagnosticList diagnostics_;
  u32 num_errors_ = 0;
  const char* failed_at_;  // of the last error
  const char* known_at_;   // position_at goes on from here
  u32 known_line_ = 1;
  const char* known_line_start_;

  ir::Function* func_ = nullptr;
  FunctionSource* source_ = nullptr;
  CommentOwner owner_;
  std::vector<std::string_view>* header_comments_ = nullptr;

  // What the text declared, as opposed to the holes between the numbers.
  EntitySet<ir::StackSlot> stack_slots_;
  EntitySet<ir::DynamicStackSlot> dynamic_stack_slots_;
  EntitySet<ir::DynamicType> dynamic_types_;
  EntitySet<ir::GlobalValue> global_values_;
  EntitySet<ir::SigRef> signatures_;
  EntitySet<ir::FuncRef> functions_;
  EntitySet<ir::Constant> constants_;
  std::vector<Use> global_uses_, dynamic_type_uses_;
  std::vector<Use> value_uses_;    // of numbers not defined where they stood
  EntitySet<ir::Value> poisoned_;  // results of lines that had errors: no findings about them
  bool any_poisoned_ = false;

  PackedOption<ir::Block> block_;
  std::vector<Use> results_;
  std::vector<ir::Value> list_;       // operands of a call or return
  std::vector<ir::Value> call_list_;  // block and arguments of a block call
  std::vector<ir::DebugTag> tags_;
  std::vector<ir::StackMapEntry> stack_map_;
  std::vector<u8> bytes_;
  bool has_stack_map_ = false;
  u32 source_loc_ = ir::kNoSourceLoc;
};

// Finds an opcode by its text name without touching memory twice; none if there is no such opcode.
std::optional<ir::Opcode> find_opcode(std::string_view name);
// The opcode whose name is nearest to a misspelt one, or an empty text.
std::string_view nearest_opcode(std::string_view name);
// The type a word spells, or the invalid type. As ir::type_from_name, faster.
ir::Type find_type(std::string_view word);

}  // namespace gantry::reader

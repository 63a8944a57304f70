// Nested lists to typed syntax. The reader has bounded the nesting of parentheses, and `x @ p`
// chains are bounded here, so the functions for patterns and expressions recurse.
#include "gantry/isle/parser.h"

#include <string>

#include "gantry/isle/reader.h"
#include "gantry/support/limits.h"

namespace gantry::isle {
namespace {

bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_identifier(std::string_view word) {
  if (word.empty() || !(is_letter(word[0]) || word[0] == '_' || word[0] == '$')) return false;
  for (const char c : word) {
    if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '_' && c != '.' && c != '$') return false;
  }
  return true;
}

// A view on the children of one list. Every reading function reports and returns false (or an empty
// result with `ok_` cleared) at the first item that does not fit.
class Parser {
 public:
  Parser(const std::vector<Item>& items, SymbolTable& symbols, Program& program, Findings& findings)
      : items_(items), symbols_(symbols), program_(program), findings_(findings) {}

  bool run() {
    u32 at = 0;
    while (ok_ && at < items_.size()) {
      if (!is_list(at)) {
        fail(items_[at].span, "parse error: expected a form in parentheses");
        break;
      }
      form(at);
      at = items_[at].end;
    }
    return ok_;
  }

 private:
  struct Cursor {
    u32 list;  // the list read from
    u32 at;
    u32 end;
  };

  const Item& item(u32 at) const { return items_[at]; }
  bool is_list(u32 at) const { return items_[at].kind == Item::Kind::List; }
  bool is_word(u32 at, std::string_view word) const {
    return items_[at].kind == Item::Kind::Word && items_[at].text == word;
  }
  Cursor open(u32 list) const { return {list, list + 1, items_[list].end}; }
  bool done(const Cursor& cursor) const { return cursor.at >= cursor.end; }
  bool next_is_list(const Cursor& cursor) const { return !done(cursor) && is_list(cursor.at); }
  // A list whose first item is `word`.
  bool next_is_form(const Cursor& cursor, std::string_view word) const {
    return next_is_list(cursor) && items_[cursor.at].end > cursor.at + 1 &&
           is_word(cursor.at + 1, word);
  }
  bool eat(Cursor& cursor, std::string_view word) {
    if (!ok_ || done(cursor) || !is_word(cursor.at, word)) return false;
    ++cursor.at;
    return true;
  }

  void fail(Span span, std::string message, std::string hint = {},
            ErrorKind kind = ErrorKind::Syntax) {
    if (ok_) findings_.error(span, kind, std::move(message), std::move(hint));
    ok_ = false;
  }
  // Where a missing item was expected: the next item, or the parenthesis of the list that ended too
  // soon.
  Span where(const Cursor& cursor) const {
    return done(cursor) ? items_[cursor.list].span : items_[cursor.at].span;
  }
  void expected(const Cursor& cursor, std::string_view what) {
    std::string message = "parse error: expected ";
    message += what;
    if (done(cursor)) message += " before the end of this form";
    fail(where(cursor), std::move(message));
  }
  void finish(const Cursor& cursor, std::string_view what) {
    if (ok_ && !done(cursor))
      fail(items_[cursor.at].span, "parse error: unexpected item after " + std::string(what));
  }

  Ident make_ident(u32 at, std::string_view text) {
    return {symbols_.intern(text), items_[at].span};
  }

  Ident ident(Cursor& cursor, std::string_view what) {
    if (!ok_) return {};
    if (done(cursor) || item(cursor.at).kind != Item::Kind::Word) {
      expected(cursor, what);
      return {};
    }
    const std::string_view text = item(cursor.at).text;
    if (!is_identifier(text)) {
      fail(item(cursor.at).span, "parse error: '" + std::string(text) + "' is not an identifier",
           "names start with a letter, '_' or '$' and go on with letters, digits, '_', '.' or '$'");
      return {};
    }
    return make_ident(cursor.at++, text);
  }
  Ident constant(Cursor& cursor) {
    Ident name = ident(cursor, "a constant ($NAME)");
    if (!ok_) return {};
    const std::string_view text = symbols_.text(name.name);
    if (text.size() < 2 || text[0] != '$') {
      fail(name.span, "parse error: the name of a constant starts with '$'");
      return {};
    }
    name.name = symbols_.intern(std::string(text.substr(1)));
    return name;
  }
  std::vector<Ident> idents(Cursor& cursor, std::string_view what) {
    std::vector<Ident> names;
    while (ok_ && !done(cursor)) names.push_back(ident(cursor, what));
    return names;
  }
  Cursor list(Cursor& cursor, std::string_view what) {
    if (!ok_ || done(cursor) || !is_list(cursor.at)) {
      if (ok_) expected(cursor, what);
      return {cursor.list, 0, 0};
    }
    const Cursor inner = open(cursor.at);
    cursor.at = item(cursor.at).end;
    return inner;
  }

  template <class T>
  void add(Program::FormKind kind, std::vector<T>& to, T def) {
    if (!ok_) return;
    program_.forms.push_back({kind, static_cast<u32>(to.size())});
    to.push_back(std::move(def));
  }

  void form(u32 at) {
    using Form = Program::FormKind;
    Cursor cursor = open(at);
    if (done(cursor) || item(cursor.at).kind != Item::Kind::Word) {
      return expected(cursor, "the name of a form (type, decl, rule, ...)");
    }
    const std::string_view word = item(cursor.at).text;
    const Span span = item(cursor.at++).span;
    if (word == "pragma") {
      const Ident name = ident(cursor, "the name of a pragma");
      if (ok_)
        fail(name.span,
             "parse error: unknown pragma '" + std::string(symbols_.text(name.name)) + "'");
    } else if (word == "type") {
      add(Form::Type, program_.types, type_def(cursor));
    } else if (word == "decl") {
      add(Form::Decl, program_.decls, decl_def(cursor));
    } else if (word == "rule") {
      add(Form::Rule, program_.rules, rule_def(cursor, item(at).span));
    } else if (word == "extractor") {
      add(Form::Extractor, program_.extractors, extractor_def(cursor));
    } else if (word == "extern") {
      add(Form::Extern, program_.externs, extern_def(cursor));
    } else if (word == "convert") {
      ConvertDef def;
      def.inner = ident(cursor, "the inner type");
      def.outer = ident(cursor, "the outer type");
      def.term = ident(cursor, "the term that converts");
      finish(cursor, "the term of 'convert'");
      add(Form::Convert, program_.converts, def);
    } else if (!verification_form(word, cursor)) {
      fail(span, "parse error: unknown form '" + std::string(word) + "'");
    }
  }

  // ---- verification forms
  // -----------------------------------------------------------------------------
  bool verification_form(std::string_view word, Cursor& cursor) {
    using Form = Program::FormKind;
    if (word == "spec") {
      add(Form::Spec, program_.specs, spec_def(cursor));
    } else if (word == "model") {
      add(Form::Model, program_.models, model_def(cursor));
    } else if (word == "form") {
      FormDef def;
      def.name = ident(cursor, "the name of a form");
      def.signatures = signatures(cursor);
      add(Form::Form, program_.signature_forms, std::move(def));
    } else if (word == "instantiate") {
      InstantiateDef def;
      def.term = ident(cursor, "a term");
      if (ok_ && !done(cursor) && !is_list(cursor.at)) {
        def.form = ident(cursor, "the name of a form");
        while (ok_ && !done(cursor)) {
          Cursor tag = list(cursor, "(tag name)");
          keyword(tag, "tag");
          def.tags.push_back(ident(tag, "a tag"));
          finish(tag, "a tag");
        }
      } else {
        def.signatures = signatures(cursor);
      }
      add(Form::Instantiate, program_.instantiates, std::move(def));
    } else if (word == "attr") {
      AttrDef def;
      if (!done(cursor) && is_word(cursor.at, "rule") && cursor.at + 1 < cursor.end &&
          !is_list(cursor.at + 1)) {
        def.of_rule = eat(cursor, "rule");
      }
      def.target = ident(cursor, "a term or rule");
      while (ok_ && !done(cursor)) {
        Cursor inner = list(cursor, "(veri ...) or (tag ...)");
        AttrDef::Item attr;
        attr.is_tag = eat(inner, "tag");
        if (!attr.is_tag) keyword(inner, "veri");
        attr.word = ident(inner, "a word");
        const std::string_view text = ok_ ? symbols_.text(attr.word.name) : std::string_view();
        if (ok_ && !attr.is_tag && text != "chain" && text != "priority") {
          fail(attr.word.span, "parse error: expected 'chain' or 'priority'");
        }
        finish(inner, "an attribute");
        def.items.push_back(attr);
      }
      add(Form::Attr, program_.attrs, std::move(def));
    } else if (word == "macro") {
      MacroDef def;
      Cursor head = list(cursor, "(name parameters...)");
      def.name = ident(head, "the name of a macro");
      if (ok_) def.params = idents(head, "a parameter");
      def.body = spec_expr(cursor);
      finish(cursor, "the body of a macro");
      add(Form::Macro, program_.macros, std::move(def));
    } else if (word == "state") {
      StateDef def;
      def.name = ident(cursor, "the name of a state");
      Cursor type = list(cursor, "(type ...)");
      keyword(type, "type");
      def.type = model_type(type);
      finish(type, "a type");
      Cursor initial = list(cursor, "(default ...)");
      keyword(initial, "default");
      def.initial = spec_expr(initial);
      finish(initial, "the default of a state");
      finish(cursor, "the default of a state");
      add(Form::State, program_.states, std::move(def));
    } else {
      return false;
    }
    return true;
  }

  void keyword(Cursor& cursor, std::string_view word) {
    if (ok_ && !eat(cursor, word)) expected(cursor, "'" + std::string(word) + "'");
  }

  SpecDef spec_def(Cursor& cursor) {
    using Kind = SpecDef::Clause::Kind;
    SpecDef def;
    Cursor head = list(cursor, "(term parameters...)");
    def.term = ident(head, "a term");
    if (ok_) def.params = idents(head, "a parameter");
    while (ok_ && !done(cursor)) {
      Cursor inner = list(cursor, "(provide ...), (require ...), (match ...) or (modifies ...)");
      if (!ok_) break;
      const auto clause_of = [&](Kind kind) {
        while (ok_ && !done(inner)) def.clauses.push_back({kind, false, spec_expr(inner), {}});
      };
      const usize before = def.clauses.size();
      if (eat(inner, "provide")) {
        clause_of(Kind::Provide);
      } else if (eat(inner, "require")) {
        clause_of(Kind::Require);
      } else if (eat(inner, "match")) {
        clause_of(Kind::Match);
      } else if (eat(inner, "modifies")) {
        SpecDef::Clause clause;
        clause.kind = Kind::Modifies;
        clause.modifies.state = ident(inner, "a state");
        if (ok_ && !done(inner)) clause.modifies.condition = ident(inner, "a condition");
        finish(inner, "a condition");
        def.clauses.push_back(std::move(clause));
      } else {
        expected(inner, "'provide', 'require', 'match' or 'modifies'");
      }
      if (ok_ && def.clauses.size() == before) expected(inner, "a condition");
      for (usize i = before + 1; i < def.clauses.size(); ++i) def.clauses[i].continues = true;
    }
    return def;
  }

  ModelDef model_def(Cursor& cursor) {
    ModelDef def;
    def.name = ident(cursor, "a type or constant");
    Cursor inner = list(cursor, "(type ...) or (const ...)");
    if (eat(inner, "type")) {
      def.type = model_type(inner);
    } else if (eat(inner, "const")) {
      def.is_const = true;
      def.value = spec_expr(inner);
    } else if (ok_) {
      expected(inner, "'type' or 'const'");
    }
    finish(inner, "a model");
    finish(cursor, "a model");
    return def;
  }

  std::vector<Signature> signatures(Cursor& cursor) {
    std::vector<Signature> result;
    while (ok_ && !done(cursor)) {
      Cursor inner = list(cursor, "((args ...) (ret ...))");
      Signature signature;
      Cursor args = list(inner, "(args ...)");
      keyword(args, "args");
      while (ok_ && !done(args)) signature.args.push_back(model_type(args));
      Cursor ret = list(inner, "(ret ...)");
      keyword(ret, "ret");
      signature.result = model_type(ret);
      finish(ret, "a type");
      finish(inner, "a signature");
      result.push_back(std::move(signature));
    }
    return result;
  }

  u32 model_type(Cursor& cursor) {
    ModelType type;
    if (!ok_) return 0;
    if (done(cursor)) {
      expected(cursor, "a type of the model");
      return 0;
    }
    if (!is_list(cursor.at)) {
      constexpr std::pair<std::string_view, ModelType::Kind> kWords[] = {
          {"!", ModelType::Kind::Unspecified},
          {"_", ModelType::Kind::Auto},
          {"Bool", ModelType::Kind::Bool},
          {"Int", ModelType::Kind::Int},
          {"Unit", ModelType::Kind::Unit}};
      bool found = false;
      for (const auto& [word, kind] : kWords) {
        if (!found && eat(cursor, word)) {
          type.kind = kind;
          found = true;
        }
      }
      if (!found) expected(cursor, "a type of the model");
    } else {
      Cursor inner = list(cursor, "a type of the model");
      if (eat(inner, "bv")) {
        type.kind = ModelType::Kind::BitVector;
        if (!done(inner) && item(inner.at).kind == Item::Kind::Integer) {
          type.has_width = true;
          type.width = item(inner.at++).value;
        }
      } else if (eat(inner, "struct")) {
        type.kind = ModelType::Kind::Struct;
        while (ok_ && !done(inner)) {
          Cursor one = list(inner, "(field type)");
          ModelType::Field field;
          field.name = ident(one, "a field");
          field.type = model_type(one);
          finish(one, "the type of a field");
          type.fields.push_back(field);
        }
      } else if (eat(inner, "named")) {
        type.kind = ModelType::Kind::Named;
        type.name = ident(inner, "a type");
      } else {
        expected(inner, "'bv', 'struct' or 'named'");
      }
      finish(inner, "a type of the model");
    }
    program_.model_types.push_back(std::move(type));
    return static_cast<u32>(program_.model_types.size() - 1);
  }

  SpecExpr spec_expr(Cursor& cursor) {
    SpecExpr result;
    if (!ok_) return result;
    if (done(cursor) || item(cursor.at).kind == Item::Kind::At) {
      expected(cursor, "a spec expression");
      return result;
    }
    const u32 at = cursor.at;
    const std::string_view text = item(at).text;
    result.span = item(at).span;
    if (item(at).kind == Item::Kind::Integer) {
      result.value = item(at).value;
      ++cursor.at;
    } else if (item(at).kind == Item::Kind::Word) {
      if (text.substr(0, 2) == "#b" || text.substr(0, 2) == "#x") {
        result.kind = SpecExpr::Kind::Bits;
        bool good = text.size() > 2;
        for (const char c : text.substr(2)) {
          const bool digit =
              text[1] == 'b' ? c == '0' || c == '1'
                             : (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
          good = good && (digit || c == '_');
        }
        if (!good) fail(result.span, "parse error: malformed bit-vector literal");
        result.name = symbols_.intern(text);
        ++cursor.at;
      } else if (text == "true" || text == "false") {
        result.kind = SpecExpr::Kind::Bool;
        result.value = text == "true";
        ++cursor.at;
      } else {
        result.kind = SpecExpr::Kind::Name;
        result.name = ident(cursor, "a spec expression").name;
      }
    } else {
      Cursor inner = list(cursor, "a spec expression");
      if (!ok_ || done(inner) || item(inner.at).kind != Item::Kind::Word) {
        expected(inner, "an operator");
        return result;
      }
      spec_form(inner, result);
      finish(inner, "a spec expression");
    }
    return result;
  }

  void spec_form(Cursor& cursor, SpecExpr& result) {
    using Kind = SpecExpr::Kind;
    const std::string_view word = item(cursor.at++).text;
    const auto rest = [&] {
      while (ok_ && !done(cursor)) result.children.push_back(spec_expr(cursor));
    };
    if (word == "switch") {
      result.kind = Kind::Switch;
      result.children.push_back(spec_expr(cursor));
      while (ok_ && !done(cursor)) {
        Cursor arm = list(cursor, "(value result)");
        result.children.push_back(spec_expr(arm));
        result.children.push_back(spec_expr(arm));
        finish(arm, "the result of an arm");
      }
    } else if (word == "let" || word == "struct") {
      result.kind = word == "let" ? Kind::Let : Kind::Struct;
      Cursor bindings = word == "let" ? list(cursor, "the bindings in parentheses") : cursor;
      while (ok_ && !done(bindings)) {
        Cursor one = list(bindings, "(name value)");
        result.arms.push_back({ident(one, "a name"), {}});
        result.children.push_back(spec_expr(one));
        finish(one, "a value");
      }
      if (word == "let") {
        result.children.push_back(spec_expr(cursor));
      } else {
        cursor = bindings;
      }
    } else if (word == "with" || word == "macro") {
      result.kind = word == "with" ? Kind::With : Kind::Macro;
      Cursor names = list(cursor, "names in parentheses");
      if (ok_) result.names = idents(names, "a name");
      result.children.push_back(spec_expr(cursor));
    } else if (word == "match") {
      result.kind = Kind::Match;
      result.children.push_back(spec_expr(cursor));
      while (ok_ && !done(cursor)) {
        Cursor arm = list(cursor, "((variant names...) result)");
        Cursor head = list(arm, "(variant names...)");
        SpecExpr::Arm parsed;
        parsed.name = ident(head, "a variant");
        if (ok_) parsed.names = idents(head, "a name");
        result.arms.push_back(std::move(parsed));
        result.children.push_back(spec_expr(arm));
        finish(arm, "the result of an arm");
      }
    } else if (word == "as") {
      result.kind = Kind::As;
      result.children.push_back(spec_expr(cursor));
      result.type = model_type(cursor);
    } else if (word.size() > 1 && word.back() == '?') {
      result.kind = Kind::Discriminator;
      result.name = symbols_.intern(word.substr(0, word.size() - 1));
      result.children.push_back(spec_expr(cursor));
    } else if (word.size() > 1 && word.back() == '!') {
      result.kind = Kind::Expand;
      result.name = symbols_.intern(word.substr(0, word.size() - 1));
      rest();
    } else if (word.size() > 1 && word.front() == ':') {
      result.kind = Kind::Field;
      result.name = symbols_.intern(word.substr(1));
      result.children.push_back(spec_expr(cursor));
    } else {
      result.name = symbols_.intern(word);
      result.kind = is_operator(word) ? Kind::Op : Kind::Enum;
      if (result.kind == Kind::Enum &&
          (!is_identifier(word) || word.find('.') == std::string_view::npos)) {
        fail(result.span, "parse error: '" + std::string(word) + "' is not an operator of specs");
      }
      rest();
    }
  }
  static bool is_operator(std::string_view word) {
    constexpr std::string_view kOperators[] = {"=",
                                               "and",
                                               "or",
                                               "not",
                                               "=>",
                                               "+",
                                               "-",
                                               "*",
                                               "<",
                                               "<=",
                                               ">",
                                               ">=",
                                               "bvnot",
                                               "bvand",
                                               "bvor",
                                               "bvxor",
                                               "bvneg",
                                               "bvadd",
                                               "bvsub",
                                               "bvmul",
                                               "bvudiv",
                                               "bvurem",
                                               "bvsdiv",
                                               "bvsrem",
                                               "bvshl",
                                               "bvlshr",
                                               "bvashr",
                                               "bvsaddo",
                                               "bvule",
                                               "bvult",
                                               "bvugt",
                                               "bvuge",
                                               "bvsle",
                                               "bvslt",
                                               "bvsgt",
                                               "bvsge",
                                               "rotl",
                                               "rotr",
                                               "extract",
                                               "zero_ext",
                                               "sign_ext",
                                               "concat",
                                               "replicate",
                                               "conv_to",
                                               "int2bv",
                                               "bv2nat",
                                               "widthof",
                                               "popcnt",
                                               "clz",
                                               "cls",
                                               "rev",
                                               "if",
                                               "fp.eq",
                                               "fp.ne",
                                               "fp.lt",
                                               "fp.gt",
                                               "fp.le",
                                               "fp.ge",
                                               "fp.add",
                                               "fp.sub",
                                               "fp.mul",
                                               "fp.div",
                                               "fp.min",
                                               "fp.max",
                                               "fp.neg",
                                               "fp.ceil",
                                               "fp.floor",
                                               "fp.sqrt",
                                               "fp.trunc",
                                               "fp.nearest",
                                               "fp.isZero",
                                               "fp.isInfinite",
                                               "fp.isNaN",
                                               "fp.isNegative",
                                               "fp.isPositive",
                                               "fp.+oo",
                                               "fp.-oo",
                                               "fp.+zero",
                                               "fp.-zero",
                                               "fp.NaN",
                                               "fp.to_ubv",
                                               "fp.to_sbv",
                                               "to_fp",
                                               "to_fp_unsigned",
                                               "to_fp_from_fp"};
    for (const std::string_view known : kOperators) {
      if (word == known) return true;
    }
    return false;
  }

  TypeDef type_def(Cursor& cursor) {
    TypeDef def;
    def.name = ident(cursor, "the name of a type");
    for (;;) {
      if (eat(cursor, "extern")) {
        def.is_extern = true;
      } else if (eat(cursor, "nodebug")) {
        def.nodebug = true;
      } else {
        break;
      }
    }
    Cursor body = list(cursor, "(primitive ...), (enum ...) or (struct ...)");
    if (!ok_) return def;
    if (eat(body, "primitive")) {
      def.kind = TypeDef::Kind::Primitive;
      def.host = ident(body, "the host type");
      finish(body, "the host type");
    } else if (eat(body, "enum")) {
      def.kind = TypeDef::Kind::Enum;
      while (ok_ && !done(body)) {
        VariantDef variant;
        if (is_list(body.at)) {
          Cursor inner = list(body, "a variant");
          variant.in_parentheses = true;
          variant.name = ident(inner, "the name of a variant");
          variant.fields = fields(inner);
        } else {
          variant.name = ident(body, "a variant");
        }
        def.variants.push_back(std::move(variant));
      }
    } else if (eat(body, "struct")) {
      def.kind = TypeDef::Kind::Struct;
      def.variants.push_back({def.name, true, fields(body)});
    } else {
      expected(body, "'primitive', 'enum' or 'struct'");
    }
    finish(cursor, "the body of a type");
    return def;
  }

  // Named `(name Type)` or positional `Type` fields, not mixed.
  std::vector<FieldDef> fields(Cursor& cursor) {
    std::vector<FieldDef> result;
    const bool named = next_is_list(cursor);
    while (ok_ && !done(cursor)) {
      FieldDef field;
      if (named) {
        Cursor inner = list(cursor, "a field (name Type)");
        field.name = ident(inner, "the name of a field");
        field.type = ident(inner, "the type of a field");
        finish(inner, "the type of a field");
      } else {
        field.type = ident(cursor, "the type of a positional field");
      }
      result.push_back(field);
    }
    return result;
  }

  DeclDef decl_def(Cursor& cursor) {
    DeclDef def;
    def.pure = eat_flag(cursor, "pure");
    def.multi = eat_flag(cursor, "multi");
    def.partial = eat_flag(cursor, "partial");
    def.rec = eat_flag(cursor, "rec");
    def.commutative = eat_flag(cursor, "commutative");
    def.canonical_right = eat_flag(cursor, "canonical_right");
    def.name = ident(cursor, "the name of a term");
    Cursor args = list(cursor, "the argument types in parentheses");
    if (ok_) def.args = idents(args, "an argument type");
    def.result = ident(cursor, "the result type");
    finish(cursor, "the result type");
    return def;
  }
  // A term may itself be called `pure`: the word is a flag only when a name or flag follows it.
  bool eat_flag(Cursor& cursor, std::string_view word) {
    if (!ok_ || done(cursor) || !is_word(cursor.at, word)) return false;
    if (cursor.at + 1 >= cursor.end || is_list(cursor.at + 1)) return false;
    ++cursor.at;
    return true;
  }

  RuleDef rule_def(Cursor& cursor, Span span) {
    RuleDef def;
    def.span = span;
    if (!done(cursor) && item(cursor.at).kind == Item::Kind::Word)
      def.name = ident(cursor, "a rule name");
    if (ok_ && !done(cursor) && item(cursor.at).kind == Item::Kind::Integer) {
      const Item& number = item(cursor.at);
      if (number.value > INT64_MAX || number.value < INT64_MIN) {
        fail(number.span, "parse error: a priority is a 64-bit signed integer");
      }
      def.has_priority = true;
      def.priority = static_cast<i64>(number.value);
      def.priority_span.span = number.span;
      ++cursor.at;
    }
    def.pattern = pattern(cursor, 0);
    while (ok_ && (next_is_form(cursor, "if-let") || next_is_form(cursor, "if"))) {
      IfLetDef clause;
      clause.span = item(cursor.at).span;
      Cursor inner = list(cursor, "a clause");
      clause.short_form = eat(inner, "if");
      if (!clause.short_form) {
        eat(inner, "if-let");
        clause.pattern = pattern(inner, 0);
      } else {
        clause.pattern.span = clause.span;
      }
      clause.expr = expr(inner);
      finish(inner, "the expression of a clause");
      def.if_lets.push_back(std::move(clause));
    }
    def.expr = expr(cursor);
    finish(cursor, "the right side of a rule");
    return def;
  }

  ExtractorDef extractor_def(Cursor& cursor) {
    ExtractorDef def;
    Cursor head = list(cursor, "(term parameters...)");
    def.term = ident(head, "a term");
    if (ok_) def.params = idents(head, "a parameter");
    def.pattern = pattern(cursor, 0);
    finish(cursor, "the template of an extractor");
    return def;
  }

  ExternDef extern_def(Cursor& cursor) {
    ExternDef def;
    if (eat(cursor, "constructor")) {
      def.kind = ExternDef::Kind::Constructor;
    } else if (eat(cursor, "extractor")) {
      def.kind = ExternDef::Kind::Extractor;
      if (!done(cursor) && is_word(cursor.at, "infallible") &&
          item(cursor.at).end + 1 < cursor.end) {
        def.infallible = eat(cursor, "infallible");
      }
    } else if (eat(cursor, "const")) {
      def.kind = ExternDef::Kind::Const;
      def.term = constant(cursor);
      def.host = ident(cursor, "the type of the constant");
      finish(cursor, "the type of the constant");
      return def;
    } else {
      expected(cursor, "'constructor', 'extractor' or 'const'");
    }
    def.term = ident(cursor, "a term");
    def.host = ident(cursor, "the name of the host's function");
    finish(cursor, "the name of the host's function");
    return def;
  }

  Pattern pattern(Cursor& cursor, u32 chain) {
    Pattern result;
    if (!ok_) return result;
    if (done(cursor)) {
      expected(cursor, "a pattern");
      return result;
    }
    const u32 at = cursor.at;
    result.span = item(at).span;
    switch (item(at).kind) {
      case Item::Kind::Integer:
        result.kind = Pattern::Kind::Int;
        result.value = item(at).value;
        ++cursor.at;
        return result;
      case Item::Kind::At:
        expected(cursor, "a pattern");
        return result;
      case Item::Kind::Word:
        return symbol_pattern(cursor, chain);
      case Item::Kind::List:
        break;
    }
    Cursor inner = list(cursor, "a pattern");
    if (eat(inner, "and")) {
      result.kind = Pattern::Kind::And;
    } else {
      result.kind = Pattern::Kind::Term;
      const Ident name = ident(inner, "a term");
      result.name = name.name;
      if (ok_) result.span = name.span;
    }
    while (ok_ && !done(inner)) result.children.push_back(pattern(inner, 0));
    return result;
  }

  Pattern symbol_pattern(Cursor& cursor, u32 chain) {
    Pattern result;
    const u32 at = cursor.at;
    const std::string_view text = item(at).text;
    result.span = item(at).span;
    const bool binds = at + 1 < cursor.end && item(at + 1).kind == Item::Kind::At;
    if (!binds) {
      if (text == "_") {
        ++cursor.at;
        return result;
      }
      if (text == "true" || text == "false") {
        result.kind = Pattern::Kind::Bool;
        result.value = text == "true";
        ++cursor.at;
        return result;
      }
      if (text[0] == '$') {
        result.kind = Pattern::Kind::Const;
        result.name = constant(cursor).name;
        return result;
      }
      result.kind = Pattern::Kind::Variable;
      result.name = ident(cursor, "a pattern").name;
      return result;
    }
    if (chain >= limits::kMaxIsleNesting.value) {
      fail(result.span, "parse error: '@' nested deeper than max-isle-nesting", {},
           ErrorKind::LimitExceeded);
      return result;
    }
    result.kind = Pattern::Kind::Bind;
    result.name = ident(cursor, "a variable").name;
    ++cursor.at;
    result.children.push_back(pattern(cursor, chain + 1));
    return result;
  }

  Expr expr(Cursor& cursor) {
    Expr result;
    if (!ok_) return result;
    if (done(cursor) || item(cursor.at).kind == Item::Kind::At) {
      expected(cursor, "an expression");
      return result;
    }
    const u32 at = cursor.at;
    const std::string_view text = item(at).text;
    result.span = item(at).span;
    if (item(at).kind == Item::Kind::Integer) {
      result.kind = Expr::Kind::Int;
      result.value = item(at).value;
      ++cursor.at;
    } else if (item(at).kind == Item::Kind::Word) {
      if (text == "true" || text == "false") {
        result.kind = Expr::Kind::Bool;
        result.value = text == "true";
        ++cursor.at;
      } else if (text[0] == '$') {
        result.kind = Expr::Kind::Const;
        result.name = constant(cursor).name;
      } else {
        result.kind = Expr::Kind::Variable;
        result.name = ident(cursor, "an expression").name;
      }
    } else {
      Cursor inner = list(cursor, "an expression");
      if (eat(inner, "let")) {
        result.kind = Expr::Kind::Let;
        Cursor bindings = list(inner, "the bindings of 'let' in parentheses");
        while (ok_ && !done(bindings)) {
          Cursor one = list(bindings, "a binding (name Type value)");
          Expr::Binding binding;
          binding.name = ident(one, "a variable");
          binding.type = ident(one, "the type of a variable");
          result.children.push_back(expr(one));
          finish(one, "the value of a binding");
          result.bindings.push_back(binding);
        }
        result.children.push_back(expr(inner));
        finish(inner, "the body of 'let'");
      } else {
        result.kind = Expr::Kind::Term;
        const Ident name = ident(inner, "a term");
        result.name = name.name;
        if (ok_) result.span = name.span;
        while (ok_ && !done(inner)) result.children.push_back(expr(inner));
      }
    }
    return result;
  }

  const std::vector<Item>& items_;
  SymbolTable& symbols_;
  Program& program_;
  Findings& findings_;
  bool ok_ = true;
};

}  // namespace

bool parse(u32 file, std::string_view text, SymbolTable& symbols, Program& program,
           Findings& findings) {
  std::vector<Item> items;
  return read_items(file, text, items, findings) && Parser(items, symbols, program, findings).run();
}

}  // namespace gantry::isle

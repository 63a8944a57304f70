// Two steps: syntax to a tree of words and lists, which knows the width of every part when written
// on one line; then layout from the outside in: what fits stays on the line, what does not puts its
// later parts on lines of their own, two columns further in.
#include "gantry/isle/printer.h"

#include <algorithm>

#include "gantry/support/text_writer.h"

namespace gantry::isle {
namespace {

struct Node {
  enum class Kind : u8 { Word, List, Bind };  // Bind: word @ child
  Kind kind = Kind::Word;
  std::string word;
  std::vector<Node> children;
  usize width = 0;  // on one line

  static Node make_word(std::string text) {
    Node node;
    node.width = text.size();
    node.word = std::move(text);
    return node;
  }
  static Node make_list(std::vector<Node> children) {
    Node node;
    node.kind = Kind::List;
    node.width = 2 + (children.empty() ? 0 : children.size() - 1);
    for (const Node& child : children) node.width += child.width;
    node.children = std::move(children);
    return node;
  }
  static Node make_bind(std::string name, Node child) {
    Node node;
    node.kind = Kind::Bind;
    node.width = name.size() + 3 + child.width;
    node.word = std::move(name);
    node.children.push_back(std::move(child));
    return node;
  }
};

class Printer {
 public:
  Printer(const Program& program, const SymbolTable& symbols, u32 width)
      : program_(program), symbols_(symbols), width_(width) {}

  std::string run() {
    for (const Program::FormRef& form : program_.forms) {
      layout(node(form), 0, 0);
      text_.write('\n');
    }
    return std::move(text_).take();
  }

 private:
  using Nodes = std::vector<Node>;

  // ---- syntax to nodes
  // ---------------------------------------------------------------------------------
  Node word(std::string_view text) const { return Node::make_word(std::string(text)); }
  Node name(const Ident& ident) const { return word(symbols_.text(ident.name)); }
  Node name(Symbol symbol) const { return word(symbols_.text(symbol)); }
  Node constant(Symbol symbol) const { return word("$" + std::string(symbols_.text(symbol))); }
  static Node list(Nodes nodes) { return Node::make_list(std::move(nodes)); }
  Nodes names(const std::vector<Ident>& idents) const {
    Nodes nodes;
    for (const Ident& ident : idents) nodes.push_back(name(ident));
    return nodes;
  }
  static Node integer(i128 value) {
    const bool negative = value < 0;
    u128 magnitude = static_cast<u128>(value);
    if (negative) magnitude = ~magnitude + 1;
    if (negative && magnitude == u128{1} << 127)
      return Node::make_word("0x80000000000000000000000000000000");
    std::string digits;
    do {
      digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(magnitude % 10)));
      magnitude /= 10;
    } while (magnitude != 0);
    return Node::make_word((negative ? "-" : "") + digits);
  }

  Node node(Program::FormRef form) const {
    using Form = Program::FormKind;
    const u32 i = form.index;
    switch (form.kind) {
      case Form::Type:
        return type(program_.types[i]);
      case Form::Decl:
        return decl(program_.decls[i]);
      case Form::Rule:
        return rule(program_.rules[i]);
      case Form::Extractor: {
        const ExtractorDef& def = program_.extractors[i];
        Nodes head{name(def.term)};
        for (const Ident& param : def.params) head.push_back(name(param));
        return list({word("extractor"), list(std::move(head)), pattern(def.pattern)});
      }
      case Form::Extern: {
        const ExternDef& def = program_.externs[i];
        if (def.kind == ExternDef::Kind::Const) {
          return list({word("extern"), word("const"), constant(def.term.name), name(def.host)});
        }
        Nodes nodes{word("extern"),
                    word(def.kind == ExternDef::Kind::Constructor ? "constructor" : "extractor")};
        if (def.infallible) nodes.push_back(word("infallible"));
        nodes.push_back(name(def.term));
        nodes.push_back(name(def.host));
        return list(std::move(nodes));
      }
      case Form::Convert: {
        const ConvertDef& def = program_.converts[i];
        return list({word("convert"), name(def.inner), name(def.outer), name(def.term)});
      }
      case Form::Spec:
        return spec(program_.specs[i]);
      case Form::Model: {
        const ModelDef& def = program_.models[i];
        return list({word("model"), name(def.name),
                     def.is_const ? list({word("const"), spec_expr(def.value)})
                                  : list({word("type"), model_type(def.type)})});
      }
      case Form::Form: {
        const FormDef& def = program_.signature_forms[i];
        Nodes nodes{word("form"), name(def.name)};
        add_signatures(def.signatures, nodes);
        return list(std::move(nodes));
      }
      case Form::Instantiate: {
        const InstantiateDef& def = program_.instantiates[i];
        Nodes nodes{word("instantiate"), name(def.term)};
        if (def.form.name != 0) nodes.push_back(name(def.form));
        add_signatures(def.signatures, nodes);
        for (const Ident& tag : def.tags) nodes.push_back(list({word("tag"), name(tag)}));
        return list(std::move(nodes));
      }
      case Form::Attr: {
        const AttrDef& def = program_.attrs[i];
        Nodes nodes{word("attr")};
        if (def.of_rule) nodes.push_back(word("rule"));
        nodes.push_back(name(def.target));
        for (const AttrDef::Item& item : def.items)
          nodes.push_back(list({word(item.is_tag ? "tag" : "veri"), name(item.word)}));
        return list(std::move(nodes));
      }
      case Form::Macro: {
        const MacroDef& def = program_.macros[i];
        Nodes head{name(def.name)};
        for (const Ident& param : def.params) head.push_back(name(param));
        return list({word("macro"), list(std::move(head)), spec_expr(def.body)});
      }
      case Form::State: {
        const StateDef& def = program_.states[i];
        return list({word("state"), name(def.name), list({word("type"), model_type(def.type)}),
                     list({word("default"), spec_expr(def.initial)})});
      }
    }
    return {};
  }

  Node type(const TypeDef& def) const {
    Nodes nodes{word("type"), name(def.name)};
    if (def.is_extern) nodes.push_back(word("extern"));
    if (def.nodebug) nodes.push_back(word("nodebug"));
    Nodes body;
    switch (def.kind) {
      case TypeDef::Kind::Primitive:
        body = {word("primitive"), name(def.host)};
        break;
      case TypeDef::Kind::Struct:
        body.push_back(word("struct"));
        add_fields(def.variants[0], body);
        break;
      case TypeDef::Kind::Enum:
        body.push_back(word("enum"));
        for (const VariantDef& variant : def.variants) {
          if (!variant.in_parentheses) {
            body.push_back(name(variant.name));
            continue;
          }
          Nodes inner{name(variant.name)};
          add_fields(variant, inner);
          body.push_back(list(std::move(inner)));
        }
        break;
    }
    nodes.push_back(list(std::move(body)));
    return list(std::move(nodes));
  }
  void add_fields(const VariantDef& variant, Nodes& nodes) const {
    for (const FieldDef& field : variant.fields) {
      nodes.push_back(field.name.name == 0 ? name(field.type)
                                           : list({name(field.name), name(field.type)}));
    }
  }

  Node decl(const DeclDef& def) const {
    Nodes nodes{word("decl")};
    if (def.pure) nodes.push_back(word("pure"));
    if (def.multi) nodes.push_back(word("multi"));
    if (def.partial) nodes.push_back(word("partial"));
    if (def.rec) nodes.push_back(word("rec"));
    if (def.commutative) nodes.push_back(word("commutative"));
    if (def.canonical_right) nodes.push_back(word("canonical_right"));
    nodes.push_back(name(def.name));
    nodes.push_back(list(names(def.args)));
    nodes.push_back(name(def.result));
    return list(std::move(nodes));
  }

  Node rule(const RuleDef& def) const {
    Nodes nodes{word("rule")};
    if (def.name.name != 0) nodes.push_back(name(def.name));
    if (def.has_priority) nodes.push_back(integer(def.priority));
    nodes.push_back(pattern(def.pattern));
    for (const IfLetDef& clause : def.if_lets) {
      nodes.push_back(clause.short_form
                          ? list({word("if"), expr(clause.expr)})
                          : list({word("if-let"), pattern(clause.pattern), expr(clause.expr)}));
    }
    nodes.push_back(expr(def.expr));
    return list(std::move(nodes));
  }

  Node pattern(const Pattern& pattern_in) const {
    switch (pattern_in.kind) {
      case Pattern::Kind::Wildcard:
        return word("_");
      case Pattern::Kind::Variable:
        return name(pattern_in.name);
      case Pattern::Kind::Bind:
        return Node::make_bind(std::string(symbols_.text(pattern_in.name)),
                               pattern(pattern_in.children[0]));
      case Pattern::Kind::Int:
        return integer(pattern_in.value);
      case Pattern::Kind::Bool:
        return word(pattern_in.value != 0 ? "true" : "false");
      case Pattern::Kind::Const:
        return constant(pattern_in.name);
      case Pattern::Kind::And:
      case Pattern::Kind::Term:
        break;
    }
    Nodes nodes{pattern_in.kind == Pattern::Kind::And ? word("and") : name(pattern_in.name)};
    for (const Pattern& child : pattern_in.children) nodes.push_back(pattern(child));
    return list(std::move(nodes));
  }

  Node expr(const Expr& expr_in) const {
    switch (expr_in.kind) {
      case Expr::Kind::Variable:
        return name(expr_in.name);
      case Expr::Kind::Int:
        return integer(expr_in.value);
      case Expr::Kind::Bool:
        return word(expr_in.value != 0 ? "true" : "false");
      case Expr::Kind::Const:
        return constant(expr_in.name);
      case Expr::Kind::Let: {
        Nodes bindings;
        for (usize i = 0; i < expr_in.bindings.size(); ++i) {
          bindings.push_back(list({name(expr_in.bindings[i].name), name(expr_in.bindings[i].type),
                                   expr(expr_in.children[i])}));
        }
        return list({word("let"), list(std::move(bindings)), expr(expr_in.children.back())});
      }
      case Expr::Kind::Term:
        break;
    }
    Nodes nodes{name(expr_in.name)};
    for (const Expr& child : expr_in.children) nodes.push_back(expr(child));
    return list(std::move(nodes));
  }

  Node spec(const SpecDef& def) const {
    using Kind = SpecDef::Clause::Kind;
    Nodes head{name(def.term)};
    for (const Ident& param : def.params) head.push_back(name(param));
    Nodes nodes{word("spec"), list(std::move(head))};
    for (usize i = 0; i < def.clauses.size(); ++i) {
      const SpecDef::Clause& clause = def.clauses[i];
      if (clause.kind == Kind::Modifies) {
        Nodes inner{word("modifies"), name(clause.modifies.state)};
        if (clause.modifies.condition.name != 0) inner.push_back(name(clause.modifies.condition));
        nodes.push_back(list(std::move(inner)));
        continue;
      }
      Nodes inner{word(clause.kind == Kind::Provide   ? "provide"
                       : clause.kind == Kind::Require ? "require"
                                                      : "match"),
                  spec_expr(clause.expr)};
      for (; i + 1 < def.clauses.size() && def.clauses[i + 1].continues; ++i)
        inner.push_back(spec_expr(def.clauses[i + 1].expr));
      nodes.push_back(list(std::move(inner)));
    }
    return list(std::move(nodes));
  }

  void add_signatures(const std::vector<Signature>& signatures, Nodes& nodes) const {
    for (const Signature& signature : signatures) {
      Nodes args{word("args")};
      for (const u32 arg : signature.args) args.push_back(model_type(arg));
      nodes.push_back(
          list({list(std::move(args)), list({word("ret"), model_type(signature.result)})}));
    }
  }

  Node model_type(u32 id) const {
    const ModelType& type = program_.model_types[id];
    switch (type.kind) {
      case ModelType::Kind::Unspecified:
        return word("!");
      case ModelType::Kind::Auto:
        return word("_");
      case ModelType::Kind::Bool:
        return word("Bool");
      case ModelType::Kind::Int:
        return word("Int");
      case ModelType::Kind::Unit:
        return word("Unit");
      case ModelType::Kind::Named:
        return list({word("named"), name(type.name)});
      case ModelType::Kind::BitVector:
        return type.has_width ? list({word("bv"), integer(type.width)}) : list({word("bv")});
      case ModelType::Kind::Struct:
        break;
    }
    Nodes nodes{word("struct")};
    for (const ModelType::Field& field : type.fields)
      nodes.push_back(list({name(field.name), model_type(field.type)}));
    return list(std::move(nodes));
  }

  Node spec_expr(const SpecExpr& expr_in) const {
    using Kind = SpecExpr::Kind;
    const std::string head(symbols_.text(expr_in.name));
    Nodes nodes;
    switch (expr_in.kind) {
      case Kind::Int:
        return integer(expr_in.value);
      case Kind::Bool:
        return word(expr_in.value != 0 ? "true" : "false");
      case Kind::Bits:
      case Kind::Name:
        return word(head);
      case Kind::Switch:
        nodes = {word("switch"), spec_expr(expr_in.children[0])};
        for (usize i = 1; i + 1 < expr_in.children.size(); i += 2) {
          nodes.push_back(
              list({spec_expr(expr_in.children[i]), spec_expr(expr_in.children[i + 1])}));
        }
        return list(std::move(nodes));
      case Kind::Let:
      case Kind::Struct: {
        Nodes bindings;
        if (expr_in.kind == Kind::Struct) bindings.push_back(word("struct"));
        for (usize i = 0; i < expr_in.arms.size(); ++i) {
          bindings.push_back(list({name(expr_in.arms[i].name), spec_expr(expr_in.children[i])}));
        }
        if (expr_in.kind == Kind::Struct) return list(std::move(bindings));
        return list({word("let"), list(std::move(bindings)), spec_expr(expr_in.children.back())});
      }
      case Kind::With:
      case Kind::Macro:
        return list({word(expr_in.kind == Kind::With ? "with" : "macro"),
                     list(names(expr_in.names)), spec_expr(expr_in.children[0])});
      case Kind::Match:
        nodes = {word("match"), spec_expr(expr_in.children[0])};
        for (usize i = 0; i < expr_in.arms.size(); ++i) {
          Nodes arm{name(expr_in.arms[i].name)};
          for (const Ident& ident : expr_in.arms[i].names) arm.push_back(name(ident));
          nodes.push_back(list({list(std::move(arm)), spec_expr(expr_in.children[i + 1])}));
        }
        return list(std::move(nodes));
      case Kind::As:
        return list({word("as"), spec_expr(expr_in.children[0]), model_type(expr_in.type)});
      case Kind::Discriminator:
        nodes.push_back(word(head + "?"));
        break;
      case Kind::Expand:
        nodes.push_back(word(head + "!"));
        break;
      case Kind::Field:
        nodes.push_back(word(":" + head));
        break;
      case Kind::Enum:
      case Kind::Op:
        nodes.push_back(word(head));
        break;
    }
    for (const SpecExpr& child : expr_in.children) nodes.push_back(spec_expr(child));
    return list(std::move(nodes));
  }

  // ---- layout
  // ------------------------------------------------------------------------------------------
  void flat(const Node& node) {
    switch (node.kind) {
      case Node::Kind::Word:
        text_.write(node.word);
        return;
      case Node::Kind::Bind:
        text_.put(node.word, " @ ");
        flat(node.children[0]);
        return;
      case Node::Kind::List:
        break;
    }
    text_.write('(');
    for (usize i = 0; i < node.children.size(); ++i) {
      if (i > 0) text_.write(' ');
      flat(node.children[i]);
    }
    text_.write(')');
  }

  // Writes `node` starting at `column`, leaving `after` columns for what closes behind it.
  void layout(const Node& node, usize column, usize after) {
    if (node.kind == Node::Kind::Word || column + node.width + after <= width_) return flat(node);
    if (node.kind == Node::Kind::Bind) {
      text_.put(node.word, " @ ");
      return layout(node.children[0], column + node.word.size() + 3, after);
    }
    text_.write('(');
    // Short words at the front stay on the first line.
    usize at = column + 1;
    usize next = 0;
    for (; next < node.children.size() && node.children[next].kind == Node::Kind::Word; ++next) {
      const usize width = node.children[next].width + (next > 0 ? 1 : 0);
      if (next > 0 && at + width + after + 1 > width_) break;
      if (next > 0) text_.write(' ');
      flat(node.children[next]);
      at += width;
    }
    for (; next < node.children.size(); ++next) {
      const usize rest = next + 1 == node.children.size() ? after + 1 : 0;
      if (next > 0) {
        text_.write('\n');
        text_.repeat(' ', std::min(column + 2, width_ / 2));
      }
      layout(node.children[next], next > 0 ? std::min(column + 2, width_ / 2) : column + 1, rest);
    }
    text_.write(')');
  }

  const Program& program_;
  const SymbolTable& symbols_;
  usize width_;
  TextWriter text_;
};

}  // namespace

std::string print(const Program& program, const SymbolTable& symbols, u32 width) {
  return Printer(program, symbols, width).run();
}

}  // namespace gantry::isle

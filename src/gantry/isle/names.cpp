// The contract with the host in one place: which C++ expression builds, tests and takes apart a
// value, and which member functions the context must have (docs/reference/isle-cpp-contract.md).
#include "gantry/isle/names.h"

#include <algorithm>

#include "gantry/support/text_writer.h"

namespace gantry::isle {
namespace {

constexpr const char* kReserved[] = {"alignas",       "alignof",      "and",
                                     "and_eq",        "asm",          "auto",
                                     "bitand",        "bitor",        "bool",
                                     "break",         "case",         "catch",
                                     "char",          "char8_t",      "char16_t",
                                     "char32_t",      "class",        "compl",
                                     "concept",       "const",        "consteval",
                                     "constexpr",     "constinit",    "const_cast",
                                     "continue",      "co_await",     "co_return",
                                     "co_yield",      "decltype",     "default",
                                     "delete",        "do",           "double",
                                     "dynamic_cast",  "else",         "enum",
                                     "explicit",      "export",       "extern",
                                     "false",         "float",        "for",
                                     "friend",        "goto",         "if",
                                     "inline",        "int",          "long",
                                     "mutable",       "namespace",    "new",
                                     "noexcept",      "not",          "not_eq",
                                     "nullptr",       "operator",     "or",
                                     "or_eq",         "private",      "protected",
                                     "public",        "register",     "reinterpret_cast",
                                     "requires",      "return",       "short",
                                     "signed",        "sizeof",       "static",
                                     "static_assert", "static_cast",  "struct",
                                     "switch",        "template",     "this",
                                     "thread_local",  "throw",        "true",
                                     "try",           "typedef",      "typeid",
                                     "typename",      "union",        "unsigned",
                                     "using",         "virtual",      "void",
                                     "volatile",      "wchar_t",      "while",
                                     "xor",           "xor_eq",       "u8",
                                     "u16",           "u32",          "u64",
                                     "u128",          "usize",        "i8",
                                     "i16",           "i32",          "i64",
                                     "i128",          "isize",        "Out",
                                     "Results",       "ResultArray",  "Param",
                                     "std",           "ctx",          "out",
                                     "result",        "isle_no_rule", "isle_runtime",
                                     "Context",       "Kind",         "kind"};

// Everything the generated code needs beside the language; the same text in every header, so that
// two headers may meet in one file.
constexpr const char* kRuntime = R"(#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#ifndef GANTRY_ISLE_RUNTIME
#define GANTRY_ISLE_RUNTIME
namespace isle_runtime {
__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;
// A place a callee writes its result to. Holds nothing before; its type needs no default constructor.
template <class T, bool = std::is_default_constructible_v<T>>
struct Out {
  T value;
};
template <class T>
struct Out<T, false> {
  union {
    T value;
  };
  Out() {}
};
// How generated functions hand values to each other: views of a few words in registers.
template <class T>
using Param = std::conditional_t<std::is_trivially_copyable_v<T> && sizeof(T) <= 2 * sizeof(void*), const T, const T&>;
// How they hand out their fields.
template <class T>
using FieldOf = std::conditional_t<std::is_trivially_copyable_v<T> && sizeof(T) <= 2 * sizeof(void*), T, const T&>;
// The results of a multi term, in memory of the caller. Full means: no more results are wanted.
template <class T>
class Results {
 public:
  bool full() const { return size_ == capacity_; }
  // False when this was the last one that fits.
  bool push(const T& item) {
    ::new (static_cast<void*>(items_ + size_)) T(item);
    return ++size_ != capacity_;
  }
  std::uint32_t size() const { return size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }
  const T& operator[](std::uint32_t index) const { return items_[index]; }
  void clear() { size_ = 0; }

 protected:
  Results(T* items, std::uint32_t capacity) : items_(items), capacity_(capacity) {}
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;

 private:
  T* items_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_;
};
template <class T, std::uint32_t kCapacity>
class ResultArray : public Results<T> {
  static_assert(std::is_trivially_destructible_v<T> && kCapacity > 0);

 public:
  ResultArray() : Results<T>(reinterpret_cast<T*>(storage_), kCapacity) {}

 private:
  alignas(T) unsigned char storage_[kCapacity * sizeof(T)];
};
// Where an iteration over a host's values stands, for contexts that need no better type of their own.
struct Cursor {
  std::uint64_t position = 0;
  std::uint64_t state = 0;
  const void* object = nullptr;
};
}  // namespace isle_runtime
#endif
)";

std::string include_line(const std::string& name) {
  if (!name.empty() && (name[0] == '<' || name[0] == '"')) return "#include " + name + "\n";
  return "#include \"" + name + "\"\n";
}

}  // namespace

CppNames::CppNames(const TypedProgram& program, const SymbolTable& symbols,
                   const std::vector<SourceFile>& files, const CodegenOptions& options)
    : program_(program), symbols_(symbols), files_(files), options_(options) {
  for (const char* word : kReserved) reserved_.insert(word);
  for (TypeId id = 0; id < program_.types.size(); ++id) reserved_.insert(type(id));
}

bool CppNames::is_generated(const Type& type) const {
  return (type.kind == Type::Kind::Enum || type.kind == Type::Kind::Struct) && !type.is_extern;
}

bool CppNames::is_primitive(TypeId id) const {
  return program_.types[id].kind == Type::Kind::Primitive;
}

bool CppNames::order_types(Findings& findings) {
  // Kahn's algorithm; a type waits for the generated types it contains by value.
  const usize count = program_.types.size();
  std::vector<u32> waits(count, 0);
  std::vector<std::vector<TypeId>> needed_by(count);
  for (TypeId id = 0; id < count; ++id) {
    if (!is_generated(program_.types[id])) continue;
    for (const Variant& variant : program_.types[id].variants) {
      for (const Field& field : variant.fields) {
        if (!is_generated(program_.types[field.type])) continue;
        needed_by[field.type].push_back(id);
        ++waits[id];
      }
    }
  }
  for (TypeId id = 0; id < count; ++id) {
    if (is_generated(program_.types[id]) && waits[id] == 0) type_order_.push_back(id);
  }
  for (usize i = 0; i < type_order_.size(); ++i) {
    for (const TypeId user : needed_by[type_order_[i]]) {
      if (--waits[user] == 0) type_order_.push_back(user);
    }
  }
  bool ok = true;
  for (TypeId id = 0; id < count; ++id) {
    if (waits[id] == 0) continue;
    findings.error(program_.types[id].span, ErrorKind::Unsupported,
                   "code generation: type '" + std::string(symbols_.text(program_.types[id].name)) +
                       "' contains itself or a type that does",
                   "make one of them extern or primitive, so that the host decides how it refers "
                   "to the other");
    ok = false;
  }
  return ok;
}

std::string CppNames::mangle(Symbol name) const {
  std::string result;
  for (const char c : symbols_.text(name)) {
    if (c == '.') {
      result += "_dot_";
    } else if (c == '$') {
      result += "_dollar_";
    } else {
      result += c;
    }
  }
  if (std::find(std::begin(kReserved), std::end(kReserved), result) != std::end(kReserved))
    result += "_";
  return result;
}
std::string CppNames::local(Symbol name) const {
  std::string result;
  for (const char c : symbols_.text(name)) result += c == '.' || c == '$' ? '_' : c;
  return result;
}
std::string CppNames::lower(Symbol name) const {
  std::string result;
  for (const char c : local(name)) result += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return result;
}

std::string CppNames::type(TypeId id) const {
  const Type& type = program_.types[id];
  switch (type.kind) {
    case Type::Kind::Bool:
    case Type::Kind::Int:
      return std::string(symbols_.text(type.name));
    case Type::Kind::Primitive:
      return mangle(type.host);
    default:
      return mangle(type.name);
  }
}
std::string CppNames::qualified(TypeId id) const {
  const Type& type = program_.types[id];
  switch (type.kind) {
    case Type::Kind::Bool:
      return "bool";
    case Type::Kind::Int: {
      const std::string name(symbols_.text(type.name));
      if (type.bits == 128) return "::isle_runtime::" + name;
      if (name == "usize") return "std::size_t";
      if (name == "isize") return "std::ptrdiff_t";
      return std::string("std::") + (type.is_signed ? "int" : "uint") + std::to_string(type.bits) +
             "_t";
    }
    default:
      return is_generated(type) ? "::" + options_.name_space + "::" + mangle(type.name)
                                : this->type(id);
  }
}
bool CppNames::passes_by_value(TypeId id) const {
  const Type& type = program_.types[id];
  switch (type.kind) {
    case Type::Kind::Bool:
    case Type::Kind::Int:
    case Type::Kind::Primitive:
      return true;
    default:
      return type.is_plain_enum();
  }
}
bool CppNames::needs_slot(TypeId id) const {
  const Type& type = program_.types[id];
  return type.kind != Type::Kind::Bool && type.kind != Type::Kind::Int && !type.is_plain_enum();
}
std::string CppNames::by_value(TypeId id) const {
  return passes_by_value(id) ? type(id) : "const " + type(id) + "&";
}
std::string CppNames::qualified_by_value(TypeId id) const {
  return passes_by_value(id) ? qualified(id) : "const " + qualified(id) + "&";
}

std::string CppNames::literal(TypeId id, i128 value) const {
  const Type& type = program_.types[id];
  if (type.kind == Type::Kind::Int && type.bits < 128) {
    // The low bits, read at the type.
    const u128 low = static_cast<u128>(value) & ((u128{1} << type.bits) - 1);
    value = static_cast<i128>(low);
    if (type.is_signed && (low >> (type.bits - 1)) != 0) value -= i128{1} << type.bits;
  }
  std::string text;
  if (value >= INT32_MIN && value <= INT32_MAX) {
    text = value == INT32_MIN ? "(-2147483647 - 1)" : std::to_string(static_cast<i64>(value));
  } else if (value > INT64_MIN && value <= INT64_MAX) {
    text = std::to_string(static_cast<i64>(value)) + "LL";
  } else if (value == INT64_MIN) {
    text = "(-9223372036854775807LL - 1)";
  } else if (value > 0 && value <= static_cast<i128>(UINT64_MAX)) {
    text = std::to_string(static_cast<u64>(value)) + "ULL";
  } else {
    const u128 bits = static_cast<u128>(value);
    text = "((u128{" + std::to_string(static_cast<u64>(bits >> 64)) + "ULL} << 64) | " +
           std::to_string(static_cast<u64>(bits)) + "ULL)";
  }
  return "static_cast<" + this->type(id) + ">(" + text + ")";
}

std::string CppNames::constant(Symbol name) const { return "ctx." + mangle(name) + "()"; }

std::string CppNames::field_name(const Field& field, u32 index) const {
  return field.name != 0 ? mangle(field.name) : std::to_string(index);
}
std::string CppNames::variant_name(const Type& type, u32 variant) const {
  return mangle(type.variants[variant].name);
}

std::string CppNames::field(const Type& type, u32 variant, u32 index,
                            const std::string& value) const {
  const Field& field = type.variants[variant].fields[index];
  const std::string name = field_name(field, index);
  if (type.kind == Type::Kind::Struct) return value + "." + (field.name != 0 ? name : "f" + name);
  return value + "." + variant_name(type, variant) + "_" + name + "()";
}

std::string CppNames::make(const Term& term, const std::vector<std::string>& args) const {
  const Type& type = program_.types[term.result];
  const std::string name = this->type(term.result);
  if (type.is_plain_enum()) return name + "::" + variant_name(type, term.variant);
  std::string text = term.kind == Term::Kind::Struct
                         ? name + "{"
                         : name + "::make_" + variant_name(type, term.variant) + "(";
  for (usize i = 0; i < args.size(); ++i) text += (i == 0 ? "" : ", ") + args[i];
  return text + (term.kind == Term::Kind::Struct ? "}" : ")");
}

std::string CppNames::discriminator(const Type& type, const std::string& value) const {
  return type.is_plain_enum() ? value : value + ".kind()";
}
std::string CppNames::variant_case(const Type& type, u32 variant) const {
  return mangle(type.name) + (type.is_plain_enum() ? "::" : "::Kind::") +
         variant_name(type, variant);
}

std::string CppNames::test(TypeId id, const Constraint& constraint,
                           const std::string& value) const {
  const Type& type = program_.types[id];
  switch (constraint.kind) {
    case Constraint::Kind::Variant:
      return discriminator(type, value) + " == " + variant_case(type, constraint.variant);
    case Constraint::Kind::Bool:
      return (constraint.value != 0 ? "" : "!") + value;
    case Constraint::Kind::Int:
      return value + " == " + literal(id, constraint.value);
    case Constraint::Kind::Const:
      return value + " == " + constant(constraint.constant);
    default:
      unreachable("a constraint that is no test of a value");
  }
}

std::string CppNames::constructor(TermId term) const {
  return "constructor_" + local(program_.terms[term].name);
}
std::string CppNames::leaf(TermId term, RuleId rule) const {
  return "rule_" + local(program_.terms[term].name) + "_" + std::to_string(rule);
}
std::string CppNames::context() const {
  return options_.context.empty() ? "Context" : options_.context;
}

std::string CppNames::path(u32 file) const {
  std::string path = files_[file].path;
  for (const std::string& prefix : options_.strip_prefixes) {
    if (path.rfind(prefix, 0) == 0) {
      path.erase(0, prefix.size());
      break;
    }
  }
  return path;
}
std::string CppNames::provenance(RuleId id) const {
  const Rule& rule = program_.rules[id];
  std::string text = path(rule.span.file) + ":" + std::to_string(rule.span.line);
  if (rule.name != 0) text += " " + std::string(symbols_.text(rule.name));
  if (rule.priority != 0) text += ", priority " + std::to_string(rule.priority);
  return text;
}
std::string CppNames::no_rule(TermId id) const {
  const Term& term = program_.terms[id];
  const std::string message = "no rule of ISLE term '" + std::string(symbols_.text(term.name)) +
                              "' matches, declared at " + path(term.span.file) + ":" +
                              std::to_string(term.span.line);
  std::string escaped;
  for (const char c : message) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  }
  return (options_.failure.empty() ? "isle_no_rule" : options_.failure) + "(\"" + escaped + "\");";
}

std::string CppNames::type_definition(TypeId id) const {
  const Type& type = program_.types[id];
  const std::string name = mangle(type.name);
  TextWriter text;
  if (type.kind == Type::Kind::Struct) {
    const std::vector<Field>& fields = type.variants[0].fields;
    text.line("struct ", name, " {");
    for (u32 i = 0; i < fields.size(); ++i) {
      text.line("  ", this->type(fields[i].type), " ", fields[i].name != 0 ? "" : "f",
                field_name(fields[i], i), ";");
    }
    text.line("  friend bool operator==(const ", name, "&, const ", name, "&) = default;");
    text.line("};");
    return std::move(text).take();
  }
  const char* underlying = type.variants.size() > 256 ? "std::uint16_t" : "std::uint8_t";
  if (type.is_plain_enum() || type.variants.empty()) {
    text.put("enum class ", name, " : ", underlying, " {");
    for (u32 i = 0; i < type.variants.size(); ++i)
      text.put(i == 0 ? " " : ", ", variant_name(type, i));
    text.line(" };");
    return std::move(text).take();
  }
  text.line("class ", name, " {");
  text.line(" public:");
  text.put("  enum class Kind : ", underlying, " {");
  for (u32 i = 0; i < type.variants.size(); ++i)
    text.put(i == 0 ? " " : ", ", variant_name(type, i));
  text.line(" };");
  text.line("  Kind kind() const { return kind_; }");
  for (u32 v = 0; v < type.variants.size(); ++v) {
    const Variant& variant = type.variants[v];
    const std::string variant_text = variant_name(type, v);
    text.put("  static ", name, " make_", variant_text, "(");
    for (u32 i = 0; i < variant.fields.size(); ++i) {
      const TypeId field_type = variant.fields[i].type;
      text.put(
          i == 0 ? "" : ", ",
          is_primitive(field_type) ? "Param<" + this->type(field_type) + ">" : by_value(field_type),
          " field_", i);
    }
    text.put(") {\n    ", name, " made(Kind::", variant_text, ");\n");
    if (!variant.fields.empty()) {
      text.put("    ::new (static_cast<void*>(&made.payload_.", variant_text, "_)) ", variant_text,
               "Fields{");
      for (u32 i = 0; i < variant.fields.size(); ++i) text.put(i == 0 ? "" : ", ", "field_", i);
      text.line("};");
    }
    text.line("    return made;\n  }");
    for (u32 i = 0; i < variant.fields.size(); ++i) {
      const TypeId field_type = variant.fields[i].type;
      text.line("  ",
                is_primitive(field_type) ? "isle_runtime::FieldOf<" + this->type(field_type) + ">"
                                         : by_value(field_type),
                " ", variant_text, "_", field_name(variant.fields[i], i),
                "() const { return payload_.", variant_text, "_.f", i, "; }");
    }
  }
  // A template, so that types without == may be fields as long as nobody compares.
  text.line("  template <class T>\n    requires std::is_same_v<T, ", name, ">");
  text.line("  friend bool operator==(const T& a, const T& b) {");
  text.line("    if (a.kind_ != b.kind_) return false;\n    switch (a.kind_) {");
  for (u32 v = 0; v < type.variants.size(); ++v) {
    const Variant& variant = type.variants[v];
    text.put("      case Kind::", variant_name(type, v), ": return ",
             variant.fields.empty() ? "true" : "");
    for (u32 i = 0; i < variant.fields.size(); ++i) {
      const std::string at =
          "." + std::string("payload_.") + variant_name(type, v) + "_.f" + std::to_string(i);
      text.put(i == 0 ? "" : " && ", "a", at, " == b", at);
    }
    text.line(";");
  }
  text.line("    }\n    return false;\n  }");
  text.line("\n private:");
  for (u32 v = 0; v < type.variants.size(); ++v) {
    const Variant& variant = type.variants[v];
    if (variant.fields.empty()) continue;
    text.put("  struct ", variant_name(type, v), "Fields {\n");
    for (u32 i = 0; i < variant.fields.size(); ++i)
      text.line("    ", this->type(variant.fields[i].type), " f", i, ";");
    text.line("  };");
  }
  text.line("  explicit ", name, "(Kind kind) : kind_(kind) {}");
  text.line("  Kind kind_;\n  union Payload {\n    Payload() {}");
  for (u32 v = 0; v < type.variants.size(); ++v) {
    if (type.variants[v].fields.empty()) continue;
    text.line("    ", variant_name(type, v), "Fields ", variant_name(type, v), "_;");
  }
  text.line("  } payload_;\n};");
  return std::move(text).take();
}

// One line for each member function; the same function named twice is declared once.
std::vector<std::string> CppNames::extern_methods() const {
  std::vector<std::string> methods;
  std::set<std::string> seen;
  const auto add = [&](std::string method) {
    if (seen.insert(method).second) methods.push_back(std::move(method));
  };
  const auto is_inherited = [&](const Term& term) {
    const std::string file = path(term.span.file);
    for (const std::string& suffix : options_.inherited) {
      if (file.ends_with(suffix)) return true;
    }
    return false;
  };
  for (const Term& term : program_.terms) {
    if (term.kind != Term::Kind::Declared || is_inherited(term)) continue;
    if (term.constructor == Term::Body::External) {
      std::string args;
      for (const TypeId arg : term.args)
        args += (args.empty() ? "" : ", ") + qualified_by_value(arg);
      const std::string host = mangle(term.constructor_host);
      const std::string result = qualified(term.result);
      if (term.multi) {
        add(host + "_Cursor " + host + "_begin(" + args + ")");
        add("bool " + host + "_next(" + host + "_Cursor&, " + result + "&)");
      } else if (term.partial) {
        add("bool " + host + "(" + args + (args.empty() ? "" : ", ") + result + "&)");
      } else {
        add(result + " " + host + "(" + args + ")");
      }
    }
    if (term.extractor == Term::Body::External) {
      std::string outputs;
      for (const TypeId arg : term.args) outputs += ", " + qualified(arg) + "&";
      const std::string host = mangle(term.extractor_host);
      const std::string value = qualified_by_value(term.result);
      if (term.multi) {
        add(host + "_Cursor " + host + "_begin(" + value + ")");
        add("bool " + host + "_next(" + host + "_Cursor&" + outputs + ")");
      } else if (term.infallible && term.args.size() == 1) {
        add(qualified(term.args[0]) + " " + host + "(" + value + ")");
      } else {
        add(std::string(term.infallible ? "void " : "bool ") + host + "(" + value + outputs + ")");
      }
    }
  }
  return methods;
}

std::string CppNames::header(const std::string& declarations) const {
  TextWriter text;
  text.write(kRuntime);
  for (const std::string& include : options_.header_includes) text.write(include_line(include));
  text.write("\n");
  const std::string& context = options_.context;
  if (const usize colons = context.rfind("::"); colons != std::string::npos) {
    const usize start = context.rfind("::", 0) == 0 ? 2 : 0;
    if (colons > start) {
      text.line("namespace ", context.substr(start, colons - start), " {\nclass ",
                context.substr(colons + 2), ";\n}");
    } else {
      text.line("class ", context.substr(colons + 2), ";");
    }
  }
  text.line("namespace ", options_.name_space, " {");
  text.line(
      "using u8 = std::uint8_t;\nusing u16 = std::uint16_t;\nusing u32 = std::uint32_t;\nusing u64 "
      "= std::uint64_t;");
  text.line(
      "using i8 = std::int8_t;\nusing i16 = std::int16_t;\nusing i32 = std::int32_t;\nusing i64 = "
      "std::int64_t;");
  text.line(
      "using usize = std::size_t;\nusing isize = std::ptrdiff_t;\nusing isle_runtime::u128;\nusing "
      "isle_runtime::i128;");
  text.line(
      "using isle_runtime::Out;\nusing isle_runtime::Param;\nusing isle_runtime::Results;\nusing "
      "isle_runtime::ResultArray;\n");
  for (const TypeId id : type_order_) text.line(type_definition(id));

  const std::vector<std::string> methods = extern_methods();
  text.line("// What the context must have; the class says ", options_.prefix,
            "_CONTEXT_METHODS in its body.");
  text.put("#define ", options_.prefix, "_CONTEXT_METHODS");
  for (const std::string& method : methods) text.put(" \\\n  ", method, ";");
  text.write("\n\n");
  if (context.empty()) {
    text.line("class Context {\n public:\n  virtual ~Context() = default;");
    std::set<std::string> cursors;
    for (const std::string& method : methods) {
      const usize cursor = method.find("_Cursor ");
      if (cursor != std::string::npos && method.find("_begin(") != std::string::npos) {
        if (cursors.insert(method.substr(0, cursor)).second) {
          text.line("  using ", method.substr(0, cursor), "_Cursor = isle_runtime::Cursor;");
        }
      }
    }
    for (const std::string& method : methods) text.line("  virtual ", method, " = 0;");
    for (const Constant& constant : program_.constants) {
      text.line("  virtual ", qualified(constant.type), " ", mangle(constant.name), "() = 0;");
    }
    text.line("};\n");
  } else if (context.find("::") == std::string::npos) {
    text.line("class ", context, ";\n");
  }
  text.write(declarations);
  text.line("}  // namespace ", options_.name_space);
  return std::move(text).take();
}

std::string CppNames::shard_prologue() const {
  TextWriter text;
  for (const std::string& include : options_.includes) text.write(include_line(include));
  if (options_.failure.empty()) text.write("#include <cstdio>\n#include <cstdlib>\n");
  text.write(
      "#ifndef GANTRY_RULE_COUNT\n#define GANTRY_RULE_COUNT(rule) ((void)0)\n#endif\n"
      "#ifndef GANTRY_RULE\n#define GANTRY_RULE(rule) GANTRY_RULE_COUNT(rule)\n#endif\n\n");
  text.line("namespace ", options_.name_space, " {");
  if (options_.failure.empty()) {
    text.line(
        "[[noreturn, gnu::cold, maybe_unused]] static void isle_no_rule(const char* message) {");
    text.line("  std::fprintf(stderr, \"%s\\n\", message);\n  std::abort();\n}");
  }
  return std::move(text).take();
}
std::string CppNames::epilogue() const { return "\n}  // namespace " + options_.name_space + "\n"; }

std::string CppNames::coverage_table() const {
  TextWriter text;
  text.line("// Generated by islec from .isle files; edit those.");
  text.line("// The rules by number, as in GANTRY_RULE(number).");
  text.line("namespace ", options_.name_space, " {");
  text.line(
      "struct IsleRule {\n  const char* name;\n  const char* term;\n  const char* file;\n  "
      "unsigned line;\n};");
  text.line("extern const unsigned isle_rule_count;\nextern const IsleRule isle_rules[];");
  text.line("const unsigned isle_rule_count = ", program_.rules.size(), ";");
  text.line("const IsleRule isle_rules[] = {");
  for (const Rule& rule : program_.rules) {
    text.line("    {\"", symbols_.text(rule.name), "\", \"",
              symbols_.text(program_.terms[rule.root].name), "\", \"", path(rule.span.file), "\", ",
              rule.span.line, "},");
  }
  text.line("    {\"\", \"\", \"\", 0}};");
  text.line("}  // namespace ", options_.name_space);
  return std::move(text).take();
}

}  // namespace gantry::isle

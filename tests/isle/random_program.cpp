// Rules are made from the declarations below by walking types; one rule a line, so that a finding
// of the checker names the rule to take out.
#include "random_program.h"

#include <set>
#include <utility>

#include "gantry/isle/parser.h"
#include "gantry/isle/recursion.h"

namespace gantry::isle::testing {
namespace {

constexpr const char* kPrelude = R"((type V (primitive V))
(type K (enum K0 K1 K2))
(type S (struct V u8))
(type E (enum (X (a u8) (b V)) (Y (k K)) (Z) (W S)))
(extern const $C0 V)
(extern const $C1 V)
(decl ef_v (V u8) V) (extern extractor ef_v ef_v)
(decl ef_e (E) V) (extern extractor ef_e ef_e)
(decl ef_n () V) (extern extractor ef_n ef_n)
(decl ef_u (V) u8) (extern extractor ef_u ef_u)
(decl ei_v (V E) V) (extern extractor infallible ei_v ei_v)
(decl ei_k (K) V) (extern extractor infallible ei_k ei_k)
(decl pure partial p_v (V u8) V) (extern constructor p_v p_v)
(decl pure partial p_b (V) bool) (extern constructor p_b p_b)
(decl pure q_v (V) V) (extern constructor q_v q_v)
(decl pure q_b (V V) bool) (extern constructor q_b q_b)
(decl pure q_e (V) E) (extern constructor q_e q_e)
(decl c_v (V V) V) (extern constructor c_v c_v)
(decl c_e (E u8) V) (extern constructor c_e c_e)
(decl c_u (V) u8) (extern constructor c_u c_u)
(decl partial cp_v (V) V) (extern constructor cp_v cp_v)
(decl pure k_to_v (K) V) (extern constructor k_to_v k_to_v) (extern extractor k_to_v v_to_k)
(convert K V k_to_v)
(decl multi em (V u8) V) (extern extractor em em)
(decl pure multi mq (V) V) (extern constructor mq mq)
(decl commutative cm (V V) V) (extern extractor cm cm)
(decl ei_t (u8 V V) V) (extern extractor infallible ei_t ei_t)
(decl commutative ct (u8 V V) V) (extractor (ct n a b) (ei_t n a b))
(decl canonical_right cr (u8) V) (extern extractor cr cr)
(decl iv (V u8) V) (extractor (iv a b) (and (ef_v a b) (ef_n)))
(decl ix (u8 V) E) (extractor (ix a b) (E.X a b))
(decl pure g (V u8) V)
(decl h (E V) V)
(decl partial f (V E u8) V)
(decl multi m (V E) V)
(rule (g v _) (q_v v))
(rule -1000 (h _ v) v)
)";

class Maker {
 public:
  Maker(Random& random, bool multi) : random_(random), multi_(multi) {}

  std::string rule(const std::string& term, std::initializer_list<const char*> types, bool partial,
                   bool pure) {
    partial_ = partial;
    pure_ = pure;
    std::string text = "(rule ";
    if (!multi_) text += std::to_string(static_cast<int>(random_.below(12)) + 1) + " ";
    text += "(" + term;
    for (const char* type : types) text += " " + pattern(type, 0);
    text += ")";
    for (u64 count = random_.below(4); count > 1; --count) text += " " + if_let();
    text += " " + expr("V", 0) + ")";
    return text;
  }

 private:
  std::string number(u64 bound) { return std::to_string(random_.below(bound)); }
  std::string variable(const std::string& type) {
    std::vector<std::string>& known = known_[type_index(type)];
    if (!known.empty() && random_.chance(15)) return known[random_.below(known.size())];
    const std::string name = "x" + std::to_string(next_variable_++);
    return name;
  }
  std::string bind(const std::string& type) {
    const std::string name = variable(type);
    remember(type, name);
    return name;
  }
  void remember(const std::string& type, const std::string& name) {
    std::vector<std::string>& known = known_[type_index(type)];
    for (const std::string& existing : known) {
      if (existing == name) return;
    }
    known.push_back(name);
  }
  static usize type_index(const std::string& type) {
    return type == "V"    ? 0
           : type == "E"  ? 1
           : type == "u8" ? 2
           : type == "K"  ? 3
           : type == "S"  ? 4
                          : 5;
  }

  std::string pattern(const std::string& type, u32 depth) {
    const u64 pick = random_.below(100);
    if (depth > 3 || pick < 15) return pick % 3 == 0 ? "_" : bind(type);
    if (pick < 22) {
      const std::string sub = pattern(type, depth + 1);
      const std::string name = "y" + std::to_string(next_variable_++);
      remember(type, name);
      return name + " @ " + sub;
    }
    if (pick < 27) {
      const std::string left = pattern(type, depth + 1);
      return "(and " + left + " " + pattern(type, depth + 1) + ")";
    }
    const auto list = [&](const char* head, std::initializer_list<const char*> types) {
      std::string text = std::string("(") + head;
      for (const char* child : types) text += " " + pattern(child, depth + 1);
      return text + ")";
    };
    switch (type_index(type)) {
      case 0:
        switch (random_.below(multi_ ? 15 : 14)) {
          case 0:
            return number(4);
          case 1:
            return "$C" + number(2);
          case 2:
            return list("ef_v", {"V", "u8"});
          case 3:
            return list("ef_e", {"E"});
          case 4:
            return "(ef_n)";
          case 5:
            return list("ei_v", {"V", "E"});
          case 6:
            return list("ei_k", {"K"});
          case 7:
            return list("iv", {"V", "u8"});
          case 8:
            return "(K.K" + number(3) + ")";  // by the conversion
          case 9:
          case 10:
            return bind(type);
          case 11:
            return list("cm", {"V", "V"});
          case 12:
            return list("ct", {"u8", "V", "V"});
          case 13:
            return list("cr", {"u8"});
          default:
            // Identical multi calls of one rule are one call; the evaluator cannot see which are
            // identical.
            if (std::exchange(used_em_, true)) return bind(type);
            return list("em", {"V", "u8"});
        }
      case 1:
        switch (random_.below(5)) {
          case 0:
            return list("E.X", {"u8", "V"});
          case 1:
            return list("E.Y", {"K"});
          case 2:
            return "(E.Z)";
          case 3:
            return list("E.W", {"S"});
          default:
            return list("ix", {"u8", "V"});
        }
      case 2:
        return random_.chance(30) ? list("ef_u", {"V"}) : number(3);
      case 3:
        return "(K.K" + number(3) + ")";
      case 4:
        return list("S", {"V", "u8"});
      default:
        return random_.chance(50) ? "true" : "false";
    }
  }

  std::string if_let() {
    in_if_let_ = true;
    const u64 pick = random_.below(multi_ && !std::exchange(used_mq_, true) ? 6 : 5);
    std::string text;
    if (pick == 0) {
      text = "(if (p_b " + expr("V", 2) + "))";
    } else {
      const char* types[] = {"V", "V", "bool", "E", "V"};
      const char* type = types[random_.below(5)];
      std::string value;
      if (pick == 5) {
        value = "(mq " + expr("V", 2) + ")";
        type = "V";
      } else {
        value = call(type, 1);
      }
      text = "(if-let " + pattern(type, 2) + " " + value + ")";
    }
    in_if_let_ = false;
    return text;
  }

  std::string list(const char* head, std::initializer_list<const char*> types, u32 depth) {
    std::string text = std::string("(") + head;
    for (const char* type : types) text += " " + expr(type, depth + 1);
    return text + ")";
  }
  // A call of a pure term of this type.
  std::string call(const std::string& type, u32 depth) {
    switch (type_index(type)) {
      case 1:
        return list("q_e", {"V"}, depth);
      case 5:
        return random_.chance(50)       ? list("q_b", {"V", "V"}, depth)
               : in_if_let_ || partial_ ? list("p_b", {"V"}, depth)
                                        : list("q_b", {"V", "V"}, depth);
      default:
        if (random_.chance(30) && may_call_g_) return list("g", {"V", "u8"}, depth);
        if (random_.chance(50) && (in_if_let_ || partial_)) return list("p_v", {"V", "u8"}, depth);
        return list("q_v", {"V"}, depth);
    }
  }

  std::string expr(const std::string& type, u32 depth) {
    const std::vector<std::string>& known = known_[type_index(type)];
    if (!known.empty() && (depth > 2 || random_.chance(50)))
      return known[random_.below(known.size())];
    switch (type_index(type)) {
      case 0:
        break;
      case 1:
        return depth > 2            ? "(E.Z)"
               : random_.chance(50) ? list("E.X", {"u8", "V"}, depth)
                                    : list("E.W", {"S"}, depth);
      case 2:
        return depth > 2 || pure_ || in_if_let_ || multi_ ? number(3) : list("c_u", {"V"}, depth);
      case 3:
        return "(K.K" + number(3) + ")";
      case 4:
        return list("S", {"V", "u8"}, depth);
      default:
        return "true";
    }
    if (depth > 2) return random_.chance(50) ? "$C" + number(2) : number(4);
    if (random_.chance(10)) return "(K.K" + number(3) + ")";  // converted
    if (random_.chance(12) && !in_if_let_) {
      const std::string value = expr("V", depth + 1);
      const std::string name = "l" + std::to_string(next_variable_++);
      const usize size = known_[0].size();
      known_[0].push_back(name);
      const std::string body = expr("V", depth + 1);
      known_[0].resize(size);
      return "(let ((" + name + " V " + value + ")) " + body + ")";
    }
    if (pure_ || in_if_let_ || multi_) {
      if (multi_ && !in_if_let_ && !std::exchange(used_mq_, true) && random_.chance(60))
        return list("mq", {"V"}, depth);
      return call("V", depth);
    }
    switch (random_.below(partial_ ? 5 : 3)) {
      case 0:
        return list("c_v", {"V", "V"}, depth);
      case 1:
        return list("c_e", {"E", "u8"}, depth);
      case 2:
        return call("V", depth);
      case 3:
        return list("cp_v", {"V"}, depth);
      default:
        return list("h", {"E", "V"}, depth);
    }
  }

  Random& random_;
  bool multi_;
  bool partial_ = false;
  bool pure_ = false;
  bool in_if_let_ = false;
  bool used_em_ = false;
  bool used_mq_ = false;
  u32 next_variable_ = 0;
  std::vector<std::string> known_[6];

 public:
  bool may_call_g_ = true;
};

}  // namespace

TermId Compiled::find(std::string_view name) const {
  for (TermId id = 0; id < typed.terms.size(); ++id) {
    if (symbols.text(typed.terms[id].name) == name) return id;
  }
  return kNone;
}

std::unique_ptr<Compiled> compile_text(std::string text) {
  auto compiled = std::make_unique<Compiled>();
  compiled->files.push_back({"text.isle", std::move(text)});
  Findings findings(compiled->files, compiled->diagnostics);
  if (!parse(0, compiled->files[0].text, compiled->symbols, compiled->program, findings))
    return compiled;
  if (!analyze(compiled->program, compiled->symbols, compiled->typed, findings)) return compiled;
  for (TermId id = 0; id < compiled->typed.terms.size(); ++id) {
    const Term& term = compiled->typed.terms[id];
    if (term.kind != Term::Kind::Declared || term.constructor != Term::Body::Internal) continue;
    TermCode code{normalize(compiled->typed, id, findings), {}};
    const Overlaps overlaps = find_overlaps(compiled->typed, compiled->symbols, code.set, findings);
    if (findings.errors() == 0) code.tree = build_tree(compiled->typed, code.set, overlaps);
    compiled->terms.push_back(std::move(code));
  }
  check_recursion(compiled->typed, compiled->symbols, findings);
  compiled->ok = findings.errors() == 0;
  return compiled;
}

std::string random_program(u64 seed, u32 rules) {
  Random random(seed);
  std::vector<std::string> lines;
  for (u32 i = 0; i < rules; ++i) {
    Maker helper(random, false);
    helper.may_call_g_ = false;
    lines.push_back(helper.rule("g", {"V", "u8"}, false, true));
    lines.push_back(Maker(random, false).rule("f", {"V", "E", "u8"}, true, false));
    Maker total(random, false);
    lines.push_back(total.rule("h", {"E", "V"}, false, false));
    lines.push_back(Maker(random, true).rule("m", {"V", "E"}, false, false));
  }
  lines.push_back("(rule (m v _) v)");
  lines.push_back("(rule -1000 (f _ (E.Z) 2) 3)");
  u32 prelude_lines = 0;
  for (const char* c = kPrelude; *c != '\0'; ++c) prelude_lines += *c == '\n' ? 1 : 0;
  for (;;) {
    std::string text = kPrelude;
    for (const std::string& line : lines) text += line + "\n";
    const std::unique_ptr<Compiled> compiled = compile_text(text);
    if (compiled->ok) return text;
    std::set<u32> bad;
    for (usize i = 0; i < compiled->diagnostics.size(); ++i) {
      if (compiled->diagnostics[i].severity != Severity::Error) continue;
      // A rule of the prelude is shadowed by the random rule that the note names.
      usize culprit = i;
      if (compiled->diagnostics[i].position.line <= prelude_lines &&
          i + 1 < compiled->diagnostics.size())
        culprit = i + 1;
      const u32 line = compiled->diagnostics[culprit].position.line;
      // A finding outside the random rules is a mistake of this generator.
      if (line <= prelude_lines || line > prelude_lines + lines.size()) {
        return "; " + compiled->diagnostics[i].message + "\n" + text;
      }
      bad.insert(line - prelude_lines - 1);
    }
    std::vector<std::string> kept;
    for (u32 i = 0; i < lines.size(); ++i) {
      if (bad.count(i) == 0) kept.push_back(lines[i]);
    }
    lines = std::move(kept);
  }
}

std::vector<Value> random_args(const Compiled& compiled, TermId term, u64 seed) {
  const Host host(compiled.typed, compiled.symbols);
  std::vector<Value> args;
  for (u32 i = 0; i < compiled.typed.terms[term].args.size(); ++i) {
    args.push_back(host.decode(compiled.typed.terms[term].args[i], random_host::output(seed, i)));
  }
  return args;
}

}  // namespace gantry::isle::testing

// One C++ function per internal constructor; a tree whose first question is the variant of a value
// becomes one function per variant behind a switch, because compilers are super-linear in the size
// of a function. Sites are computed where they are first needed and named after the variables of
// the rules. Fallible calls return bool and write their results through references (measured:
// cheaper than optionals with GCC 12). Right sides reached by several paths become functions of
// their own, so each is emitted once.
#include "gantry/isle/codegen.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "gantry/isle/names.h"
#include "gantry/isle/shapes.h"
#include "gantry/support/text_writer.h"

namespace gantry::isle {
namespace {

constexpr u32 kMinArmsToCut = 4;     // variants before a switch becomes functions
constexpr u32 kMinLeavesToCut = 12;  // and leaves below it
constexpr usize kMaxInlineText = 60;

// How a function reports its result.
enum class Mode : u8 { Plain, Bool, Multi };

struct Unit {
  std::string signature;
  std::string body;
  u32 weight = 1;
  bool exported = false;
  bool is_leaf = false;
};

class Generator {
 public:
  Generator(const TypedProgram& program, const SymbolTable& symbols,
            const std::vector<SourceFile>& files, const CodegenOptions& options)
      : names_(program, symbols, files, options), options_(options), program_(program) {}

  void term(const TermCode& code);
  std::vector<Unit> take_units() { return std::move(units_); }
  CppNames& names() { return names_; }

 private:
  friend class FunctionWriter;
  CppNames names_;
  const CodegenOptions& options_;
  const TypedProgram& program_;
  std::vector<Unit> units_;
};

// Writes the body of one function.
class FunctionWriter {
 public:
  FunctionWriter(Generator& generator, const TermCode& code, Mode mode, std::string name)
      : generator_(generator),
        names_(generator.names_),
        options_(generator.options_),
        program_(generator.program_),
        code_(code),
        set_(code.set),
        term_(program_.terms[code.set.term]),
        mode_(mode),
        name_(std::move(name)) {
    used_names_ = {"ctx", "out"};
  }

  struct Param {
    SiteId site;
    std::string name;
  };

  std::string add_param(SiteId site) {
    const std::string name = site_name(site);
    known_[site] = name;
    params_.push_back({site, name});
    return name;
  }

  std::string signature(bool exported) const {
    TextWriter text;
    switch (mode_) {
      case Mode::Plain:
        text.put(names_.type(term_.result), " ");
        break;
      case Mode::Bool:
        text.write("bool ");
        break;
      case Mode::Multi:
        text.write("void ");
        break;
    }
    text.put(name_, "(", names_.context(), "& ctx");
    for (const Param& param : params_) {
      const TypeId type = set_.sites[param.site].type;
      const bool in_register = exported || names_.passes_by_value(type);
      text.put(", ", in_register ? names_.by_value(type) : "Param<" + names_.type(type) + ">", " ",
               param.name);
    }
    if (mode_ == Mode::Bool) text.put(", ", names_.type(term_.result), "& out");
    if (mode_ == Mode::Multi) text.put(", Results<", names_.type(term_.result), ">& out");
    text.write(')');
    return std::move(text).take();
  }

  // The root of a term: cuts the tree where that pays.
  void write_root() {
    if (mode_ == Mode::Multi) line("if (out.full()) return;");
    write_block(code_.tree.root, true);
    finish(code_.tree.root);
  }
  void write_piece(BlockId block) {
    write_block(block, false);
    if (mode_ == Mode::Bool) line("return false;");
  }
  void write_steps_of_piece(BlockId block, usize first_step) {
    const TreeBlock& tree_block = code_.tree.blocks[block];
    for (usize i = first_step; i < tree_block.steps.size(); ++i) write_step(tree_block.steps[i]);
    if (mode_ == Mode::Bool) line("return false;");
  }
  void write_leaf_body(u32 rule) { write_right_side(set_.rules[rule]); }

  Unit take(bool exported) {
    Unit unit;
    unit.signature = signature(exported);
    unit.body = std::move(text_).take();
    unit.weight = weight_;
    unit.exported = exported;
    return unit;
  }

 private:
  // ---- text
  // ----------------------------------------------------------------------------------------
  template <class... Pieces>
  void line(const Pieces&... pieces) {
    text_.repeat(' ', 2 * indent_);
    text_.line(pieces...);
  }
  void open() { ++indent_; }
  void close() { --indent_; }

  std::string unique(std::string wanted) {
    // A local variable must not hide a function that is called in its scope.
    for (const std::string_view taken : {"constructor_", "rule_"}) {
      if (wanted.rfind(taken, 0) == 0) wanted.insert(0, "v_");
    }
    std::string name = wanted;
    for (u32 i = 2; names_.is_reserved(name) || used_names_.count(name) != 0; ++i) {
      name = wanted + "_" + std::to_string(i);
    }
    used_names_.insert(name);
    name_trail_.push_back(name);
    return name;
  }
  std::string site_name(SiteId id) {
    const Site& site = set_.sites[id];
    if (site.name != 0) return unique(names_.local(site.name));
    switch (site.kind) {
      case Site::Kind::Arg:
        return unique("arg" + std::to_string(site.index));
      case Site::Kind::Output: {
        const Site& call = set_.sites[site.source];
        return unique(names_.lower(program_.terms[call.term].name));
      }
      case Site::Kind::Construct:
      case Site::Kind::Make:
      case Site::Kind::Extract:
        return unique(names_.lower(program_.terms[site.term].name));
      default:
        return unique("value");
    }
  }

  // ---- what the function knows
  // -----------------------------------------------------------------------
  class Scope {
   public:
    explicit Scope(FunctionWriter& writer)
        : writer_(writer), size_(writer.trail_.size()), names_(writer.name_trail_.size()) {}
    ~Scope() {
      while (writer_.name_trail_.size() > names_) {
        writer_.used_names_.erase(writer_.name_trail_.back());
        writer_.name_trail_.pop_back();
      }
      while (writer_.trail_.size() > size_) {
        writer_.known_.erase(writer_.trail_.back());
        writer_.trail_.pop_back();
      }
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    FunctionWriter& writer_;
    usize size_;
    usize names_;
  };

  void learn(SiteId site, std::string text) {
    known_[site] = std::move(text);
    trail_.push_back(site);
  }

  // The C++ expression for a site, computing it first where needed.
  std::string use(SiteId id) {
    if (const auto found = known_.find(id); found != known_.end()) return found->second;
    const Site& site = set_.sites[id];
    switch (site.kind) {
      case Site::Kind::Int:
        return names_.literal(site.type, site.value);
      case Site::Kind::Bool:
        return site.value != 0 ? "true" : "false";
      case Site::Kind::Const:
        return names_.constant(site.constant);
      case Site::Kind::Field: {
        const std::string value = names_.field(program_.types[set_.sites[site.source].type],
                                               site.variant, site.index, use(site.source));
        return bind(id, value, true);
      }
      case Site::Kind::Output: {
        GANTRY_CHECK(!set_.sites[site.source].fallible && !set_.sites[site.source].multi);
        extract_infallibly(site.source);
        return known_.at(id);
      }
      case Site::Kind::Construct:
        return bind(id, call_text(id, {}), false);
      case Site::Kind::Make: {
        std::string value = make_text(site);
        if (site.name == 0 && value.size() <= kMaxInlineText) return value;
        return bind(id, value, false);
      }
      case Site::Kind::Arg:
      case Site::Kind::Extract:
        break;
    }
    unreachable("a site without a value is used");
  }

  std::string bind(SiteId id, const std::string& value, bool may_refer) {
    const TypeId type = set_.sites[id].type;
    const std::string name = site_name(id);
    if (may_refer && names_.is_primitive(type) && names_.is_generated(source_type(id))) {
      line("Param<", names_.type(type), "> ", name, " = ", value, ";");
    } else {
      line("const ", names_.type(type), may_refer && !names_.passes_by_value(type) ? "& " : " ",
           name, " = ", value, ";");
    }
    learn(id, name);
    return name;
  }

  const Type& source_type(SiteId field) const {
    return program_.types[set_.sites[set_.sites[field].source].type];
  }

  std::string make_text(const Site& site) {
    std::vector<std::string> args;
    for (const SiteId arg : site.args) args.push_back(use(arg));
    return names_.make(program_.terms[site.term], args);
  }

  // A call of a constructor, with extra arguments for its results.
  std::string call_text(SiteId id, const std::string& result) {
    const Site& site = set_.sites[id];
    const Term& term = program_.terms[site.term];
    const bool internal = term.constructor == Term::Body::Internal;
    std::string text;
    if (site.kind == Site::Kind::Extract) {
      text = "ctx." + names_.mangle(term.extractor_host) + "(" + use(site.source);
    } else {
      std::string args;
      for (const SiteId arg : site.args) args += (args.empty() ? "" : ", ") + use(arg);
      text = internal ? names_.constructor(site.term) + "(ctx" + (args.empty() ? "" : ", ") + args
                      : "ctx." + names_.mangle(term.constructor_host) + "(" + args;
    }
    const bool bare = text.back() == '(';
    if (!result.empty()) text += (bare ? "" : ", ") + result;
    return text + ")";
  }

  // Declares places for the outputs of a call; returns them as arguments.
  std::string declare_outputs(SiteId call) {
    std::string result;
    for (u32 i = 0; i < set_.sites[call].outputs; ++i) {
      const SiteId output = call + 1 + i;
      const TypeId type = set_.sites[output].type;
      const std::string name = site_name(output);
      const bool slot = names_.needs_slot(type);
      line(slot ? "Out<" + names_.type(type) + "> " : names_.type(type) + " ", name, ";");
      const std::string text = slot ? name + ".value" : name;
      learn(output, text);
      result += (result.empty() ? "" : ", ") + text;
    }
    return result;
  }

  void extract_infallibly(SiteId call) {
    const Site& site = set_.sites[call];
    if (site.outputs == 1) {
      const std::string value = call_text(call, {});
      const SiteId output = call + 1;
      const std::string name = site_name(output);
      line("const ", names_.type(set_.sites[output].type), " ", name, " = ", value, ";");
      learn(output, name);
      return;
    }
    use(site.source);
    const std::string outputs = declare_outputs(call);
    line(call_text(call, outputs), ";");
  }

  // ---- tree
  // ------------------------------------------------------------------------------------------
  u32 leaves_below(BlockId block) const {
    u32 leaves = 0;
    std::vector<BlockId> work{block};
    while (!work.empty()) {
      const TreeBlock& current = code_.tree.blocks[work.back()];
      work.pop_back();
      for (const TreeStep& step : current.steps) {
        leaves += step.kind == TreeStep::Kind::Leaf ? 1 : 0;
        for (const TreeStep::Arm& arm : step.arms) work.push_back(arm.block);
        if (step.then != kNoBlock) work.push_back(step.then);
        if (step.otherwise != kNoBlock) work.push_back(step.otherwise);
      }
    }
    return leaves;
  }

  bool worth_cutting(const TreeStep& step) const {
    if (step.kind != TreeStep::Kind::Match || step.arms.size() < kMinArmsToCut) return false;
    if (step.arms[0].constraint.kind != Constraint::Kind::Variant) return false;
    u32 leaves = 0;
    for (const TreeStep::Arm& arm : step.arms) leaves += leaves_below(arm.block);
    return leaves >= kMinLeavesToCut;
  }

  void write_block(BlockId id, bool may_cut) {
    const TreeBlock& block = code_.tree.blocks[id];
    for (usize i = 0; i < block.steps.size(); ++i) {
      if (may_cut && worth_cutting(block.steps[i])) return write_cut(id, i);
      write_step(block.steps[i]);
    }
  }
  bool always_returns(BlockId id) const {
    const TreeBlock& block = code_.tree.blocks[id];
    return mode_ != Mode::Multi && !block.steps.empty() &&
           block.steps.back().kind == TreeStep::Kind::Leaf;
  }
  void write_nested(BlockId id) {
    const Scope scope(*this);
    open();
    write_block(id, false);
    close();
  }

  // The end of a root: what happens when no rule matched.
  void finish(BlockId block) {
    if (mode_ == Mode::Multi || ended_) return;
    const TreeBlock& tree_block = code_.tree.blocks[block];
    if (!tree_block.steps.empty() && tree_block.steps.back().kind == TreeStep::Kind::Leaf) return;
    if (mode_ == Mode::Bool) {
      line("return false;");
    } else {
      line(names_.no_rule(code_.set.term));
    }
  }

  // A Match whose arms become functions; what follows it becomes one, too, which the arms end in.
  void write_cut(BlockId block, usize step_index) {
    const TreeStep& step = code_.tree.blocks[block].steps[step_index];
    const std::string value = use(step.site);
    std::vector<SiteId> live;
    for (const auto& [site, text] : known_) {
      const Site& data = set_.sites[site];
      if (data.kind != Site::Kind::Extract &&
          !(data.kind == Site::Kind::Construct && data.fallible))
        live.push_back(site);
    }
    std::sort(live.begin(), live.end());
    const Mode piece_mode = mode_ == Mode::Multi ? Mode::Multi : Mode::Bool;
    const bool has_rest = step_index + 1 < code_.tree.blocks[block].steps.size();
    std::string args = "ctx";
    for (const SiteId site : live) args += ", " + known_.at(site);

    const auto piece_for = [&](const std::string& suffix) {
      std::string name = name_.substr(std::string_view("constructor_").size()) + "_" + suffix;
      while (!names_.first_use(name)) name += "_";  // f_a of B and f of a_B
      FunctionWriter piece(generator_, code_, piece_mode, std::move(name));
      for (const SiteId site : live) piece.add_param(site);
      return piece;
    };
    std::string rest_name;
    if (has_rest) {
      FunctionWriter rest = piece_for("rest");
      rest_name = rest.name_;
      rest.write_steps_of_piece(block, step_index + 1);
      generator_.units_.push_back(rest.take(false));
    }
    const auto call = [&](const std::string& name) {
      switch (mode_) {
        case Mode::Plain:
          return "if (" + name + "(" + args + ", result.value)) return result.value;";
        case Mode::Bool:
          return "return " + name + "(" + args + ", out);";
        case Mode::Multi:
          return "return " + name + "(" + args + ", out);";
      }
      return std::string();
    };
    if (mode_ == Mode::Plain) line("Out<", names_.type(term_.result), "> result;");
    const Type& type = program_.types[set_.sites[step.site].type];
    line("switch (", names_.discriminator(type, value), ") {");
    open();
    for (const TreeStep::Arm& arm : step.arms) {
      FunctionWriter piece = piece_for(names_.variant_name(type, arm.constraint.variant));
      piece.write_block(arm.block, false);
      piece.finish_piece(rest_name);
      const std::string name = piece.name_;
      generator_.units_.push_back(piece.take(false));
      line("case ", names_.variant_case(type, arm.constraint.variant), ": ", call(name),
           mode_ == Mode::Plain ? " break;" : "");
    }
    if (step.otherwise != kNoBlock) {
      FunctionWriter piece = piece_for("other");
      piece.write_piece(step.otherwise);
      const std::string name = piece.name_;
      generator_.units_.push_back(piece.take(false));
      line("default: ", call(name), mode_ == Mode::Plain ? " break;" : "");
    } else if (has_rest) {
      line("default: ", call(rest_name), mode_ == Mode::Plain ? " break;" : "");
    } else if (mode_ == Mode::Bool) {
      line("default: return false;");
    } else {
      line("default: break;");
    }
    close();
    line("}");
    if (mode_ == Mode::Plain) line(names_.no_rule(code_.set.term));
    ended_ = true;
    ++weight_;
  }
  void finish_piece(const std::string& rest_name) {
    if (rest_name.empty()) {
      if (mode_ == Mode::Bool) line("return false;");
      return;
    }
    std::string args = "ctx";
    for (const Param& param : params_) args += ", " + param.name;
    line(mode_ == Mode::Bool ? "return " : "", rest_name, "(", args, ", out);");
  }

  void write_step(const TreeStep& step) {
    ++weight_;
    switch (step.kind) {
      case TreeStep::Kind::Leaf:
        return write_leaf(step.rule);
      case TreeStep::Kind::Match:
        return write_match(step);
      case TreeStep::Kind::Equal: {
        const std::string left = use(step.site);
        const std::string right = use(step.other);
        line("if (", left, " == ", right, ") {");
        write_nested(step.then);
        return line("}");
      }
      case TreeStep::Kind::Loop: {
        return write_loop(step.site, [&] { write_nested(step.then); });
      }
    }
  }

  // Runs `body` for every result of a multi call, inside the loop it writes.
  template <class Body>
  void write_loop(SiteId call, const Body& body) {
    const Site& site = set_.sites[call];
    const Term& term = program_.terms[site.term];
    if (site.kind == Site::Kind::Construct && term.constructor == Term::Body::Internal) {
      const std::string results = unique("results");
      const std::string type = names_.type(term.result);
      const std::string text = call_text(call, results);
      line("ResultArray<", type, ", ", names_.multi_capacity(), "> ", results, ";");
      line(text, ";");
      const std::string item = site_name(call + 1);
      line("for (const ", type, "& ", item, " : ", results, ") {");
      learn(call + 1, item);
    } else {
      const std::string cursor = unique("cursor");
      const Symbol host_symbol =
          site.kind == Site::Kind::Construct ? term.constructor_host : term.extractor_host;
      const std::string host = "ctx." + names_.mangle(host_symbol);
      std::string args;
      if (site.kind == Site::Kind::Extract) {
        args = use(site.source);
      } else {
        for (const SiteId arg : site.args) args += (args.empty() ? "" : ", ") + use(arg);
      }
      line("auto ", cursor, " = ", host, "_begin(", args, ");");
      const std::string outputs = declare_outputs(call);
      line("while (", host, "_next(", cursor, outputs.empty() ? "" : ", ", outputs, ")) {");
    }
    body();
    line("}");
  }

  void write_match(const TreeStep& step) {
    const Site& site = set_.sites[step.site];
    if (step.arms[0].constraint.kind == Constraint::Kind::Some) {
      std::string condition;
      if (const auto found = known_.find(step.site); found != known_.end()) {
        condition = found->second;
      } else {
        for (const SiteId arg : site.args) use(arg);
        if (site.kind == Site::Kind::Extract) use(site.source);
        const std::string outputs = declare_outputs(step.site);
        condition = call_text(step.site, outputs);
        if (step.tested_again) {
          const std::string name = unique("has_" + names_.lower(program_.terms[site.term].name));
          line("const bool ", name, " = ", condition, ";");
          learn(step.site, name);
          condition = name;
        }
      }
      line("if (", condition, ") {");
      write_nested(step.arms[0].block);
      return write_otherwise(step);
    }
    const Type& type = program_.types[site.type];
    const std::string value = use(step.site);
    const Constraint::Kind kind = step.arms[0].constraint.kind;
    bool can_switch =
        kind == Constraint::Kind::Variant ||
        (kind == Constraint::Kind::Int && type.kind == Type::Kind::Int && type.bits <= 64);
    for (const TreeStep::Arm& arm : step.arms)
      can_switch = can_switch && arm.constraint.kind == kind;
    if (can_switch && step.arms.size() > 1) {
      line("switch (",
           kind == Constraint::Kind::Variant ? names_.discriminator(type, value) : value, ") {");
      open();
      for (const TreeStep::Arm& arm : step.arms) {
        line("case ",
             kind == Constraint::Kind::Variant ? names_.variant_case(type, arm.constraint.variant)
                                               : names_.literal(site.type, arm.constraint.value),
             ": {");
        write_nested(arm.block);
        if (!always_returns(arm.block)) line("  break;");
        line("}");
      }
      if (step.otherwise == kNoBlock) {
        line("default: break;");
      } else {
        line("default: {");
        write_nested(step.otherwise);
        line("}");
      }
      close();
      return line("}");
    }
    bool first = true;
    for (const TreeStep::Arm& arm : step.arms) {
      line(first ? "if (" : "} else if (", names_.test(site.type, arm.constraint, value), ") {");
      first = false;
      write_nested(arm.block);
    }
    write_otherwise(step);
  }
  void write_otherwise(const TreeStep& step) {
    if (step.otherwise != kNoBlock) {
      line("} else {");
      write_nested(step.otherwise);
    }
    line("}");
  }

  // ---- leaves
  // ----------------------------------------------------------------------------------------
  static constexpr u32 kMinCallsToShare = 2;

  void write_leaf(u32 rule) {
    const NormalRule& normal = set_.rules[rule];
    const NormalRule& owner = owner_of(rule);
    u32 leaves = 0;
    for (usize i = static_cast<usize>(&owner - set_.rules.data());
         i < set_.rules.size() && set_.rules[i].rule == normal.rule; ++i)
      leaves += code_.tree.leaves[i];
    const bool apart = options_.leaves_apart;
    if (is_permuted(normal)) {
      if (apart || (leaves > 1 && !normal.right_sites.empty()))
        return write_permuted_leaf_call(normal, owner);
    } else if (apart || (leaves > 1 && normal.right_sites.size() >= kMinCallsToShare)) {
      return write_leaf_call(normal, normal, names_.leaf(code_.set.term, normal.rule),
                             frontier(normal), frontier(normal));
    }
    line("// ", names_.provenance(normal.rule));
    line("GANTRY_RULE(", normal.rule, ");");
    write_right_side(normal);
  }

  bool is_permuted(const NormalRule& normal) const {
    return !program_.rules[normal.rule].permutations.empty();
  }
  // The first permutation of the same rule.
  const NormalRule& owner_of(u32 rule) const {
    while (rule > 0 && set_.rules[rule - 1].rule == set_.rules[rule].rule) --rule;
    return set_.rules[rule];
  }

  // The right side is written once for all permutations, in terms of the first; they differ in
  // where the values come from.
  void write_permuted_leaf_call(const NormalRule& normal, const NormalRule& owner) {
    const bool alike = std::equal(
        normal.imports.begin(), normal.imports.end(), owner.imports.begin(), owner.imports.end(),
        [](const Import& a, const Import& b) { return a.variable == b.variable; });
    const NormalRule& body = alike ? owner : normal;
    std::string name = names_.leaf(code_.set.term, normal.rule);
    if (!alike) name += "_order" + std::to_string(normal.permutation);
    std::vector<SiteId> params;
    std::vector<SiteId> args;
    for (usize i = 0; i < body.imports.size(); ++i) {
      params.push_back(body.imports[i].site);
      args.push_back(normal.imports[i].site);
    }
    write_leaf_call(normal, body, name, params, args);
  }

  // The sites of the left side that the right side reads.
  std::vector<SiteId> frontier(const NormalRule& normal) const {
    std::vector<SiteId> work = normal.right_sites;
    work.push_back(normal.result);
    std::set<SiteId> seen(work.begin(), work.end());
    std::vector<SiteId> result;
    for (usize i = 0; i < work.size(); ++i) {
      const SiteId id = work[i];
      const Site& site = set_.sites[id];
      if (site.kind == Site::Kind::Int || site.kind == Site::Kind::Bool ||
          site.kind == Site::Kind::Const)
        continue;
      const bool left = std::binary_search(normal.left_sites.begin(), normal.left_sites.end(), id);
      if (left && site.kind != Site::Kind::Extract &&
          !(site.kind == Site::Kind::Construct && site.outputs != 0)) {
        result.push_back(id);
        continue;
      }
      const auto visit = [&](SiteId next) {
        if (seen.insert(next).second) work.push_back(next);
      };
      if (left)
        continue;  // a fallible call of the left side: its output is the value, and is visited
                   // itself
      if (site.kind == Site::Kind::Field || site.kind == Site::Kind::Output ||
          site.kind == Site::Kind::Extract)
        visit(site.source);
      for (const SiteId arg : site.args) visit(arg);
    }
    std::sort(result.begin(), result.end());
    return result;
  }

  // Calls the function of the right side of `body`, which takes the sites `params` of `body`, with
  // the sites `sites` of `normal`.
  void write_leaf_call(const NormalRule& normal, const NormalRule& body, const std::string& name,
                       const std::vector<SiteId>& params, const std::vector<SiteId>& sites) {
    const Mode leaf_mode = term_.multi ? Mode::Multi : term_.partial ? Mode::Bool : Mode::Plain;
    if (generator_.names_.first_use(name)) {
      FunctionWriter leaf(generator_, code_, leaf_mode, name);
      for (const SiteId site : params) leaf.add_param(site);
      leaf.line("// ", names_.provenance(normal.rule));
      leaf.line("GANTRY_RULE(", normal.rule, ");");
      leaf.write_right_side(body);
      Unit unit = leaf.take(false);
      unit.is_leaf = true;
      generator_.units_.push_back(std::move(unit));
    }
    std::string args = "ctx";
    for (const SiteId site : sites) args += ", " + use(site);
    line("// ", names_.provenance(normal.rule));
    if (leaf_mode == Mode::Multi) {
      line(name, "(", args, ", out);");
      line("if (out.full()) return;");
    } else if (leaf_mode == Mode::Bool) {
      line("return ", name, "(", args, ", out);");
    } else if (mode_ == Mode::Bool) {
      line("out = ", name, "(", args, ");");
      line("return true;");
    } else {
      line("return ", name, "(", args, ");");
    }
  }

  void write_right_side(const NormalRule& normal) { write_right_sites(normal, 0); }

  void write_right_sites(const NormalRule& normal, usize next) {
    for (; next < normal.right_sites.size(); ++next) {
      const SiteId id = normal.right_sites[next];
      const Site& site = set_.sites[id];
      const bool last = next + 1 == normal.right_sites.size();
      // A pure call of the left side has been made on this path.
      if (std::binary_search(normal.left_sites.begin(), normal.left_sites.end(), id) &&
          (site.fallible || site.multi))
        continue;
      if (site.multi) {
        const Term& callee = program_.terms[site.term];
        if (last && normal.result == id + 1 && callee.constructor == Term::Body::Internal) {
          line(call_text(id, "out"), ";");
          return line("if (out.full()) return;");
        }
        write_loop(id, [&] {
          const Scope inner(*this);
          open();
          write_right_sites(normal, next + 1);
          close();
        });
        return;
      }
      if (site.fallible) {
        if (known_.find(id + 1) != known_.end()) continue;
        for (const SiteId arg : site.args) use(arg);
        if (last && normal.result == id + 1) return line("return ", call_text(id, "out"), ";");
        const std::string outputs = declare_outputs(id);
        line("if (!", call_text(id, outputs), ") return false;");
        continue;
      }
      // The value is the result: no need to name it.
      if (last && normal.result == id && known_.find(id) == known_.end()) continue;
      if (site.impure) use(id);
    }
    const Site& result = set_.sites[normal.result];
    std::string value;
    if (result.kind == Site::Kind::Construct && known_.find(normal.result) == known_.end()) {
      value = call_text(normal.result, {});
    } else if (result.kind == Site::Kind::Make && known_.find(normal.result) == known_.end()) {
      value = make_text(result);
    } else {
      value = use(normal.result);
    }
    switch (mode_) {
      case Mode::Plain:
        line("return ", value, ";");
        break;
      case Mode::Bool:
        line("out = ", value, ";");
        line("return true;");
        break;
      case Mode::Multi:
        line("if (!out.push(", value, ")) return;");
        break;
    }
  }

  Generator& generator_;
  CppNames& names_;
  const CodegenOptions& options_;
  const TypedProgram& program_;
  const TermCode& code_;
  const RuleSet& set_;
  const Term& term_;
  Mode mode_;
  std::string name_;
  std::vector<Param> params_;
  std::unordered_map<SiteId, std::string>
      known_;  // sites with a value in scope, and how to write it
  std::vector<SiteId> trail_;
  std::set<std::string> used_names_;  // in scope
  std::vector<std::string> name_trail_;
  TextWriter text_;
  u32 indent_ = 1;
  u32 weight_ = 1;
  bool ended_ = false;
};

void Generator::term(const TermCode& code) {
  const Term& term = program_.terms[code.set.term];
  const Mode mode = term.multi ? Mode::Multi : term.partial ? Mode::Bool : Mode::Plain;
  FunctionWriter writer(*this, code, mode, names_.constructor(code.set.term));
  for (SiteId i = 0; i < term.args.size(); ++i) writer.add_param(i);
  const usize at = units_.size();
  writer.write_root();
  units_.insert(units_.begin() + static_cast<std::ptrdiff_t>(at), writer.take(true));
}

// Heaviest first, always into the lightest shard; within a shard in the order they were made.
std::vector<std::vector<usize>> distribute(const std::vector<Unit>& units, u32 shards) {
  std::vector<usize> order(units.size());
  for (usize i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&units](usize a, usize b) {
    return units[a].weight != units[b].weight ? units[a].weight > units[b].weight : a < b;
  });
  std::vector<std::vector<usize>> result(shards);
  std::vector<u64> weight(shards, 0);
  for (const usize unit : order) {
    const usize shard =
        static_cast<usize>(std::min_element(weight.begin(), weight.end()) - weight.begin());
    weight[shard] += units[unit].weight;
    result[shard].push_back(unit);
  }
  for (std::vector<usize>& shard : result) std::sort(shard.begin(), shard.end());
  return result;
}

}  // namespace

bool generate(const TypedProgram& program, const SymbolTable& symbols,
              const std::vector<SourceFile>& files, const std::vector<TermCode>& terms,
              const CodegenOptions& options, GeneratedCode& out, Findings& findings) {
  Generator generator(program, symbols, files, options);
  if (!generator.names().order_types(findings)) return false;
  for (const TermCode& code : terms) generator.term(code);
  const std::vector<Unit> units = generator.take_units();
  const CppNames& names = generator.names();

  std::string exported;
  std::string internal;
  for (const Unit& unit : units) (unit.exported ? exported : internal) += unit.signature + ";\n";
  const std::string header = names.header(exported);
  const u32 shards = options.header_name.empty() ? 1 : std::max(1u, options.shards);
  const std::vector<std::vector<usize>> placed = distribute(units, shards);
  for (const std::vector<usize>& shard : placed) {
    TextWriter text;
    text.line("// Generated by islec from .isle files; edit those.");
    if (options.header_name.empty()) {
      text.write(header);
    } else {
      text.line("#include \"", options.header_name, "\"");
    }
    text.write(names.shard_prologue());
    text.write(internal);
    for (const usize unit : shard) {
      text.put(options.leaves_apart && units[unit].is_leaf ? "\n[[gnu::noinline]] " : "\n",
               units[unit].signature, " {\n", units[unit].body, "}\n");
    }
    text.write(names.epilogue());
    out.shards.push_back(std::move(text).take());
  }
  if (!options.header_name.empty())
    out.header = "// Generated by islec from .isle files; edit those.\n#pragma once\n" + header;
  if (options.with_coverage_table) out.coverage_table = names.coverage_table();
  if (options.with_shapes) out.shapes = rule_shapes(program, symbols);
  return true;
}

}  // namespace gantry::isle

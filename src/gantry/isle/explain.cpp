// Walks the same tree the C++ is written from.
#include "gantry/isle/explain.h"

#include "gantry/support/text_writer.h"

namespace gantry::isle {
namespace {

class Explainer {
 public:
  Explainer(const TypedProgram& program, const SymbolTable& symbols,
            const std::vector<SourceFile>& files, const TermCode& term)
      : program_(program), symbols_(symbols), files_(files), term_(term) {}

  std::string run() {
    const RuleSet& set = term_.set;
    u32 leaves = 0;
    for (const u32 count : term_.tree.leaves) leaves += count;
    text_.line("term ", symbols_.text(program_.terms[set.term].name), ": ", set.rules.size(),
               " rules, ", set.sites.size(), " sites, ", term_.tree.blocks.size(), " blocks, ",
               leaves, " leaves");
    block(term_.tree.root, 1);
    for (u32 i = 0; i < set.rules.size(); ++i) {
      if (term_.tree.leaves[i] == 0) text_.line("never reached: ", rule(i));
    }
    return std::move(text_).take();
  }

 private:
  std::string rule(u32 index) const {
    const Rule& rule = program_.rules[term_.set.rules[index].rule];
    std::string text = files_[rule.span.file].path + ":" + std::to_string(rule.span.line);
    if (rule.name != 0) text += " " + std::string(symbols_.text(rule.name));
    if (rule.priority != 0) text += " priority " + std::to_string(rule.priority);
    if (const u32 order = term_.set.rules[index].permutation; order != 0)
      text += " with arguments exchanged (" + std::to_string(order) + ")";
    return text;
  }
  // Operands by number only: a site may be shared by very many others.
  std::string site(SiteId id) const {
    const Site& site = term_.set.sites[id];
    const std::string number = "s" + std::to_string(id);
    const std::string named =
        site.name != 0 ? "'" + std::string(symbols_.text(site.name)) + "'" : "";
    switch (site.kind) {
      case Site::Kind::Arg:
        return number + named + " (argument " + std::to_string(site.index) + ")";
      case Site::Kind::Field:
        return number + named + " (field " + std::to_string(site.index) + " of s" +
               std::to_string(site.source) + ")";
      case Site::Kind::Output:
        return number + named + " (result " + std::to_string(site.index) + " of s" +
               std::to_string(site.source) + ")";
      case Site::Kind::Extract:
        return number + " (" + std::string(symbols_.text(program_.terms[site.term].name)) +
               " of s" + std::to_string(site.source) + ")";
      case Site::Kind::Construct:
      case Site::Kind::Make: {
        std::string text =
            number + named + " (" + std::string(symbols_.text(program_.terms[site.term].name));
        for (const SiteId arg : site.args) text += " s" + std::to_string(arg);
        return text + ")";
      }
      default:
        return number + " (literal)";
    }
  }
  std::string value(SiteId id, const Constraint& constraint) const {
    const Type& type = program_.types[term_.set.sites[id].type];
    switch (constraint.kind) {
      case Constraint::Kind::Variant:
        return std::string(symbols_.text(type.variants[constraint.variant].name));
      case Constraint::Kind::Bool:
        return constraint.value != 0 ? "true" : "false";
      case Constraint::Kind::Int:
        return std::to_string(static_cast<i64>(constraint.value));
      case Constraint::Kind::Const:
        return "$" + std::string(symbols_.text(constraint.constant));
      case Constraint::Kind::Some:
        return "succeeds";
      default:
        return "";
    }
  }
  void block(BlockId id, u32 depth) {
    for (const TreeStep& step : term_.tree.blocks[id].steps) {
      text_.repeat(' ', 2 * depth);
      switch (step.kind) {
        case TreeStep::Kind::Leaf:
          text_.line("=> ", rule(step.rule));
          break;
        case TreeStep::Kind::Equal:
          text_.line("if ", site(step.site), " == ", site(step.other));
          block(step.then, depth + 1);
          break;
        case TreeStep::Kind::Loop:
          text_.line("for each ", site(step.site));
          block(step.then, depth + 1);
          break;
        case TreeStep::Kind::Match:
          text_.line(step.otherwise != kNoBlock || step.arms.size() > 1 ? "switch " : "if ",
                     site(step.site));
          for (const TreeStep::Arm& arm : step.arms) {
            text_.repeat(' ', 2 * depth + 1);
            text_.line(value(step.site, arm.constraint), ":");
            block(arm.block, depth + 1);
          }
          if (step.otherwise != kNoBlock) {
            text_.repeat(' ', 2 * depth + 1);
            text_.line("otherwise:");
            block(step.otherwise, depth + 1);
          }
          break;
      }
    }
  }

  const TypedProgram& program_;
  const SymbolTable& symbols_;
  const std::vector<SourceFile>& files_;
  const TermCode& term_;
  TextWriter text_;
};

}  // namespace

std::string explain(const TypedProgram& program, const SymbolTable& symbols,
                    const std::vector<SourceFile>& files, const TermCode& term) {
  return Explainer(program, symbols, files, term).run();
}

}  // namespace gantry::isle

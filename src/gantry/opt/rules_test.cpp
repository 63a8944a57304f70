// Every rule has a function of its name in tests/filetests/opt/rules that fires it; the functions
// do the same before and after the rules on border cases, and would not if the rule were wrong.
// (The file tests say what becomes of them.)
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "gantry/fuzzgen/generate.h"
#include "gantry/interp/interpreter.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/rewrite.h"
#include "gantry/opt/rule_table.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

namespace fs = std::filesystem;

constexpr u32 kCalls = 200;

std::map<std::string, u32> rules_by_name() {
  std::map<std::string, u32> rules;
  for (u32 rule = 0; rule < isle_rule_count; ++rule) {
    EXPECT_STRNE(isle_rules[rule].name, "")
        << isle_rules[rule].file << ":" << isle_rules[rule].line << " has no name";
    EXPECT_TRUE(rules.emplace(isle_rules[rule].name, rule).second)
        << isle_rules[rule].name << " names two rules";
  }
  return rules;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Whether both do the same on border cases.
bool do_the_same(const ir::Function& before, const ir::Function& after) {
  interp::Interpreter first({.fuel = 1u << 16}), second({.fuel = 1u << 16});
  first.add_function(before);
  second.add_function(after);
  fuzzgen::Choices choices(1);
  for (u32 call = 0; call < kCalls; ++call) {
    std::vector<ir::DataValue> args = fuzzgen::generate_args(choices, before.signature);
    // Comparisons want equal arguments.
    for (usize i = 1; i < args.size(); ++i) {
      if (args[i].type == args[i - 1].type && choices.one_in(4)) args[i] = args[i - 1];
    }
    const interp::Outcome expected = first.run(before, args), actual = second.run(after, args);
    EXPECT_TRUE(expected.kind == interp::Outcome::Kind::Returned ||
                expected.kind == interp::Outcome::Kind::Trapped)
        << expected.message;
    if (expected.kind != actual.kind || expected.trap != actual.trap ||
        expected.results != actual.results)
      return false;
  }
  return true;
}

// Makes the result of a rule wrong in all bits, or of the other sign.
class Fault final : public RewriteObserver {
 public:
  explicit Fault(u32 rule) : rule_(rule) {}
  void begin(const ir::Function&) override {}
  Node rewritten(Rewriter& rewriter, const Rewrite& rewrite) override {
    if (is_planted_ || rewrite.kind != Rewrite::Kind::Rule || rewrite.rule != rule_)
      return rewrite.after ? *rewrite.after : Node::from_index(0);
    is_planted_ = true;
    ir::InstData wrong;
    wrong.opcode = rewrite.type.has_float_lanes() ? ir::Opcode::Fneg : ir::Opcode::Bnot;
    wrong.words[0] = (*rewrite.after).index();
    return rewriter.build(rewrite.type, wrong);
  }
  void finish(const ir::Function&, const EgraphState&) override {}
  bool is_planted() const { return is_planted_; }

 private:
  u32 rule_;
  bool is_planted_ = false;
};

TEST(Rules, each_has_a_function_that_fires_it) {
  const std::map<std::string, u32> rules = rules_by_name();
  std::vector<bool> seen(isle_rule_count);
  std::vector<fs::path> paths;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(GANTRY_SOURCE_DIR) / "tests/filetests/opt/rules"))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    SCOPED_TRACE(path.filename().string());
    const std::string text = text_of(path);
    reader::Reader reader(text, {});
    reader.header();
    ir::Function func;
    while (reader.next(func)) {
      SCOPED_TRACE(func.name.text);
      ASSERT_EQ(reader.errors_in_last(), 0u);
      const auto rule = rules.find(func.name.text);
      if (rule == rules.end()) {
        ADD_FAILURE() << "is named after no rule";
        continue;
      }
      seen[rule->second] = true;
      ir::Function after = func;
      Session session;
      const EgraphOptions options{.for_size = path.stem().string().ends_with("_size")};
      run_egraph(after, options, session);
      EXPECT_NE(egraph_rule_counts(session)[rule->second], 0u) << "does not fire its rule";
      const Result<void> valid = verifier::verify(after, {.has_isa = true});
      EXPECT_TRUE(valid.has_value()) << valid.error().message();
      EXPECT_TRUE(do_the_same(func, after));
      // What the rule gives matters to the result.
      Fault fault(rule->second);
      ir::Function faulty = func;
      Session second;
      observe_rewrites(second, &fault);
      run_egraph(faulty, options, second);
      EXPECT_TRUE(!fault.is_planted() || !do_the_same(func, faulty))
          << "nobody would notice a wrong result";
    }
    EXPECT_TRUE(reader.diagnostics().empty());
  }
  for (u32 rule = 0; rule < isle_rule_count; ++rule) {
    EXPECT_TRUE(seen[rule]) << isle_rules[rule].file << ":" << isle_rules[rule].line << ": "
                            << isle_rules[rule].name
                            << " has no function in tests/filetests/opt/rules "
                               "(docs/how-to/cover-the-rules.md)";
  }
}

}  // namespace
}  // namespace gantry::opt

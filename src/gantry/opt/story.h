#pragma once
// The story of functions on their way through the e-graph, as text and numbers that outlive it:
// what explains a result to a reader, and finds the rewrite that broke it.
#include <string>
#include <vector>

#include "gantry/opt/facts.h"
#include "gantry/opt/rewrite_observer.h"

namespace gantry::opt {

// Of a row of isle_rules: "opt/rules/strength.isle:12" (or empty, for no rule), and its name if it
// has one.
struct RuleName {
  std::string_view file;
  u32 line = 0;
  std::string_view name;
  std::string_view term;
};
RuleName name_of_rule(u32 rule);
std::string_view to_string(Rewrite::Kind kind);

struct Story {
  static constexpr u32 kNone = ~u32{0};
  struct Step {
    Rewrite::Kind kind;
    u32 rule;  // Rewrite::kNoRule
    u32 depth;
    u32 origin;                // instruction of the input
    u32 first_node, end_node;  // made for it
    u32 after;                 // node; kNone if there is none
    std::string before_text, after_text;
  };
  struct Node {
    std::string text;
    ir::Type type;
    Facts facts;
    u32 cost = 0;  // in quarters of a simple instruction
    u32 origin = 0;
    u32 forward = kNone;  // another name of this node
    std::vector<u32> alternatives;
    std::string place;  // `block2`, `each block that uses it`, empty: not needed
    bool opaque = false;
  };
  // A line of a text.
  struct Inst {
    u32 number;
    u32 block;
    std::string text;
    // Afterwards: what it computes, unless it is one that stayed in its block. Before: what its
    // first result became.
    u32 node = kNone;
  };
  std::string name;
  std::string before, after;              // the function as CLIF; after: as the e-graph leaves it
  std::vector<Step> steps;                // in the order of fuel
  std::vector<Node> nodes;                // by number; the first kWorkPlaces are nothing
  std::vector<Inst> insts_before, insts;  // in the order of the texts

  // The steps that led to a node, the last one first; then those it was made for.
  std::vector<u32> steps_to(u32 node) const;
  // The steps that changed an instruction that stays.
  std::vector<u32> steps_of(u32 inst) const;
};

class StoryRecorder final : public RewriteObserver {
 public:
  // `with_nodes`: else only the steps and names of functions are kept.
  explicit StoryRecorder(bool with_nodes) : with_nodes_(with_nodes) {}
  const std::vector<Story>& stories() const { return stories_; }

  void begin(const ir::Function& func) override;
  Node rewritten(Rewriter& rewriter, const Rewrite& rewrite) override;
  void finish(const ir::Function& func, const EgraphState& state) override;

 private:
  bool with_nodes_;
  const ir::Function* func_ = nullptr;
  std::vector<PackedOption<ir::Value>> results_;  // by row of insts_before: the first one
  std::vector<Story> stories_;
};

}  // namespace gantry::opt

#pragma once
// The decision tree of one term: what to test in which order, shared between rules. Walked from top
// to bottom, the rules that match appear by falling priority; where rules of one priority can match
// together (multi terms, permutations of a rule), in the order of RuleSet::rules.
#include <vector>

#include "gantry/isle/overlap.h"

namespace gantry::isle {

using BlockId = u32;
inline constexpr BlockId kNoBlock = ~u32{0};

struct TreeStep {
  enum class Kind : u8 {
    Leaf,   // rule matches. Not multi: the end; multi: one result, and on
    Match,  // arms on `site`; then `otherwise` if it is a decision, else the next step
    Equal,  // if site == other, `then`; in any case the next step
    Loop,   // `then` for every value of the call `site`; then the next step
  };
  struct Arm {
    Constraint constraint;
    BlockId block = kNoBlock;
  };
  Kind kind = Kind::Leaf;
  bool tested_again = false;  // Match: a later step of this block asks for the same site
  u32 rule = 0;               // index into RuleSet::rules
  SiteId site = 0;
  SiteId other = 0;
  BlockId then = kNoBlock;
  BlockId otherwise = kNoBlock;
  std::vector<Arm> arms;
};

// Steps tried one after the other; running off the end means that no rule of the block matched.
struct TreeBlock {
  std::vector<TreeStep> steps;
};

struct Tree {
  std::vector<TreeBlock> blocks;
  BlockId root = kNoBlock;
  std::vector<u32> leaves;  // by rule: how many leaves it has
};

Tree build_tree(const TypedProgram& program, const RuleSet& set, const Overlaps& overlaps);

}  // namespace gantry::isle

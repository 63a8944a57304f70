#pragma once
// Watching the e-graph at work: each rewrite when it happens, and at the end what became of all
// nodes. For tools and tests; a compilation without an observer pays for nothing but a null pointer
// where something is rewritten.
#include <span>

#include "gantry/ir/function.h"
#include "gantry/opt/node.h"
#include "gantry/support/session.h"

namespace gantry::opt {

class Rewriter;
struct EgraphState;

// One unit of fuel each, so the n-th is the same one whatever the limit. (Changes of other passes,
// before and after, take theirs from the same.)
struct Rewrite {
  enum class Kind : u8 {
    Rule,         // `before` became `after`
    Alternative,  // `before` stays and can be computed as `after`, too
    Fold,         // an operation on constants
    Fact,         // what is known of the operands leaves one number
    Skeleton,     // an instruction that stays in its block was changed by a rule
    Condition,    // a branch or a trap whose condition is known
    Load,         // a load of what is known to be there
    Store,        // a store of what is known to be there
    Merge,        // an instruction that a dominating one has done already
    NoTrap,       // one that may trap does not, so it can move
    Param,        // a parameter that is the same value on all edges taken
  };
  Kind kind;
  u32 rule = kNoRule;   // row of isle_rules: Rule, Alternative, Skeleton
  u32 depth = 0;        // of nesting: made for the sake of another rewrite if not 0
  ir::Inst origin;      // the instruction for whose sake it happened
  ir::InstData before;  // operands are nodes
  ir::Type type;        // of its first result; maybe invalid
  u32 first_node = 0;   // nodes from here up to the end of the graph were made for it
  // Rule, Alternative (the last one), Fold, Fact; Skeleton, Load, Param: what stands for the result
  // from now on.
  PackedOption<Node> after;
  ir::InstData changed;  // Skeleton, Condition: the new form; a nop if the instruction is gone

  static constexpr u32 kNoRule = ~u32{0};
};

class RewriteObserver {
 public:
  virtual ~RewriteObserver() = default;
  // A function, before anything happened to it.
  virtual void begin(const ir::Function& func) = 0;
  // The answer stands for `rewrite.before` from now on: it is rewrite.after, unless a test plants a
  // fault. Only asked for with Rule, Fold and Fact.
  virtual Node rewritten(Rewriter& rewriter, const Rewrite& rewrite) = 0;
  // The function has been written anew.
  virtual void finish(const ir::Function& func, const EgraphState& state) = 0;
};

// Who watches the functions of this session from now on; null: nobody. Owned by the caller. Returns
// who did before.
RewriteObserver* observe_rewrites(Session& session, RewriteObserver* observer);

}  // namespace gantry::opt

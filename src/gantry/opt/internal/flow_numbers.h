#pragma once
// Blocks by their preorder number in the dominator tree: on a path of the tree the larger number is
// the deeper block, and "dominates" is an interval test.
#include <vector>

#include "gantry/analysis/flow.h"

namespace gantry::opt {

class FlowNumbers {
 public:
  void compute(const ir::Function& func, const analysis::ControlFlow& flow,
               const analysis::DominatorTree& tree, const analysis::LoopForest& loops);

  u32 size() const { return static_cast<u32>(places_.size()); }
  u32 number(ir::Block block) const { return numbers_[block.index()]; }  // reachable blocks only
  ir::Block block(u32 number) const { return blocks_[number]; }
  bool dominates(u32 a, u32 b) const { return b - a < places_[a].size; }
  // The entry (0) has itself.
  u32 immediate_dominator(u32 number) const { return places_[number].parent; }
  // The deepest block that dominates both. Logarithmic in the depth of the tree.
  u32 common_dominator(u32 a, u32 b) const;

  // Nesting of loops, at most kMaxLoopDepth; 0 outside of loops. Cold blocks count as less than any
  // other.
  u32 loop_depth(u32 number) const { return places_[number].loop_depth; }
  bool is_cold(u32 number) const { return places_[number].cold; }
  // Whether an edge comes from a block that is not before this one in reverse postorder: its
  // arguments are not known when a forward walk gets here.
  bool is_loop_head(u32 number) const { return places_[number].loop_head; }
  // Of a block in a loop: the immediate dominator of the header of the innermost one, which is
  // outside of it.
  u32 outside_of_loop(u32 number) const { return places_[number].outside; }
  // The best block to compute something in that is available in `from` and needed in `to` (which it
  // dominates): in the fewest loops, and then as late as possible.
  u32 best_place(u32 from, u32 to) const;

 private:
  struct Place {
    u32 size;     // blocks it dominates
    u32 parent;   // immediate dominator
    u32 jump;     // an ancestor further away, for logarithmic climbs
    u32 depth;    // in the tree
    u32 outside;  // see outside_of_loop(); itself if in no loop
    u8 loop_depth;
    bool cold;
    bool loop_head;
  };
  std::vector<Place> places_;
  std::vector<ir::Block> blocks_;
  std::vector<u32> numbers_;
};

}  // namespace gantry::opt

// Problem: availability, placement and path conditions ask for dominance, common dominators and
// loop depth at every use. Idea: number blocks by the preorder of the dominator tree, so that
// dominance is one subtraction and the deeper of two blocks on a path is the larger number.
// Ancestors are found in logarithmic time with one extra pointer for each block (Myers, "An
// applicative random-access stack", 1983), so that a ladder of 10^5 blocks costs no more than a
// loop nest.
#include "gantry/opt/internal/flow_numbers.h"

#include <algorithm>

namespace gantry::opt {
namespace {
constexpr u32 kMaxLoopDepth = 15;
// Steps towards the entry when looking for a block in fewer loops. Loops that follow each other are
// a step each; what is further away stays where it is.
constexpr u32 kMaxPlaceSteps = 24;
}  // namespace

void FlowNumbers::compute(const ir::Function& func, const analysis::ControlFlow& flow,
                          const analysis::DominatorTree& tree, const analysis::LoopForest& loops) {
  const std::span<const ir::Block> order = tree.preorder();
  const u32 count = static_cast<u32>(order.size());
  places_.resize(count);
  blocks_.assign(order.begin(), order.end());
  numbers_.resize(flow.num_blocks());
  for (u32 i = 0; i < count; ++i) numbers_[order[i].index()] = i;
  for (u32 i = 0; i < count; ++i) {
    Place& place = places_[i];
    const ir::Block block = order[i];
    const std::optional<ir::Block> parent = tree.immediate_dominator(block);
    place = {};
    place.size = 1;
    if (parent) {
      place.parent = numbers_[parent->index()];
      const Place& above = places_[place.parent];
      place.depth = above.depth + 1;
      const Place& far = places_[above.jump];
      place.jump =
          above.depth - far.depth == far.depth - places_[far.jump].depth ? far.jump : place.parent;
    }
    place.cold = func.layout.is_cold(block);
    place.outside = i;
    if (const std::optional<analysis::Loop> loop = loops.innermost_loop(block)) {
      place.loop_depth = static_cast<u8>(std::min(loops.depth(*loop), kMaxLoopDepth));
      place.outside = places_[numbers_[loops.header(*loop).index()]].parent;
    }
    const u32 at = flow.reverse_postorder_number(block);
    for (const analysis::Edge& edge : flow.predecessors(block)) {
      place.loop_head |=
          flow.is_reachable(edge.block) && flow.reverse_postorder_number(edge.block) >= at;
    }
  }
  for (u32 i = count; i-- > 1;) places_[places_[i].parent].size += places_[i].size;
}

u32 FlowNumbers::common_dominator(u32 a, u32 b) const {
  if (a > b) std::swap(a, b);
  while (!dominates(a, b)) {
    const u32 jump = places_[a].jump;
    a = dominates(jump, b) ? places_[a].parent : jump;
  }
  return a;
}

u32 FlowNumbers::best_place(u32 from, u32 to) const {
  u32 best = to;
  u32 at = to;
  for (u32 step = 0; step < kMaxPlaceSteps && places_[best].loop_depth > 0; ++step) {
    const u32 outside = places_[at].outside;
    if (outside == at || outside < from) break;
    at = outside;
    if (places_[at].loop_depth < places_[best].loop_depth) best = at;
  }
  return best;
}

}  // namespace gantry::opt

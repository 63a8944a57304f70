// Problem: in reverse postorder the way out of a loop may stand between its header and its body,
// and a loop tested at its top takes two branches a round. Idea: (1) lists of blocks, one a loop,
// in which an inner loop stands for its blocks; written out from the outermost list, every loop is
// in one piece. (2) A header that decides whether to leave moves to the bottom if the block there
// leads to it: entering costs the jump that each round cost before. Invariants: linear in blocks
// and edges; no recursion, the stack holds the rest of each list being written.
#include "gantry/machinst/block_layout.h"

namespace gantry::machinst {
namespace {

constexpr u32 kNone = ~u32{0};
// An edge from a header into its loop enters one loop more, unless loops have several entries.
constexpr u32 kMostLevels = 4;

}  // namespace

std::span<const u32> BlockLayout::compute(const regalloc::Input& input,
                                          const regalloc::LoopForest& loops) {
  const u32 num_blocks = input.num_blocks;
  order_.clear();
  cold_.clear();
  const auto place = [&](u32 block) {
    (input.cold_blocks[block] != 0 ? cold_ : order_).push_back(block);
  };
  if (loops.loop_of.empty()) {
    for (u32 block = 0; block < num_blocks; ++block) place(block);
    order_.insert(order_.end(), cold_.begin(), cold_.end());
    return order_;
  }
  const auto is_header = [&](u32 block) { return loops.loop_of[block] == block; };
  items_.assign(num_blocks * 2, Item{kNone});
  lists_.assign(num_blocks + 1, List{kNone, kNone});
  const auto append = [&](u32 loop, u32 item) {
    List& list = lists_[loop == kNone ? num_blocks : loop];
    if (list.first == kNone) {
      list.first = item;
    } else {
      items_[list.last].next = item;
    }
    list.last = item;
  };
  for (u32 block = 0; block < num_blocks; ++block) {
    if (is_header(block)) append(loops.parent[block], num_blocks + block);
    append(loops.loop_of[block], block);
  }

  // Inner loops have higher numbers than those around them.
  is_rotated_.assign(num_blocks, 0);
  bottom_.assign(num_blocks, kNone);
  for (u32 header = num_blocks; header-- > 0;) {
    if (!is_header(header)) continue;
    const u32 last = lists_[header].last;
    const u32 bottom = last < num_blocks ? last : bottom_[last - num_blocks];
    bottom_[header] = bottom;
    if (bottom == header || input.cold_blocks[header] != 0 || input.cold_blocks[bottom] != 0)
      continue;
    const u32 first_edge = input.successor_ranges[header],
              end_edge = input.successor_ranges[header + 1];
    if (end_edge - first_edge != 2) continue;
    u32 leaving = 0;
    for (u32 edge = first_edge; edge < end_edge; ++edge) {
      // Within the loop are the blocks of it and of loops in it.
      u32 around = loops.loop_of[input.successors[edge]];
      for (u32 level = 0; level < kMostLevels && around != kNone && around > header; ++level) {
        around = loops.parent[around];
      }
      if (around != header) ++leaving;
    }
    if (leaving != 1) continue;
    for (u32 edge = input.successor_ranges[bottom]; edge < input.successor_ranges[bottom + 1];
         ++edge) {
      if (input.successors[edge] == header) is_rotated_[header] = 1;
    }
    if (is_rotated_[header] != 0) bottom_[header] = header;
  }

  stack_.clear();
  stack_.push_back(lists_[num_blocks].first);
  while (!stack_.empty()) {
    const u32 item = stack_.back();
    stack_.pop_back();
    if (items_[item].next != kNone) stack_.push_back(items_[item].next);
    if (item < num_blocks) {
      place(item);
      continue;
    }
    const u32 header = item - num_blocks;
    if (is_rotated_[header] != 0) {
      const u32 rest = items_[header].next;
      items_[header].next = kNone;
      stack_.push_back(header);
      stack_.push_back(rest);
    } else {
      stack_.push_back(lists_[header].first);
    }
  }
  order_.insert(order_.end(), cold_.begin(), cold_.end());
  return order_;
}

}  // namespace gantry::machinst

#pragma once
// The order in which blocks are emitted: loops in one piece, tested at their bottom where that
// saves a jump a round.
#include <span>
#include <vector>

#include "gantry/regalloc/input.h"
#include "gantry/regalloc/output.h"

namespace gantry::machinst {

class BlockLayout {
 public:
  // All blocks once, those of `input.cold_blocks` last; block 0 first. Valid until the next call.
  std::span<const u32> compute(const regalloc::Input& input, const regalloc::LoopForest& loops);

 private:
  // A block, or (num_blocks + header) a loop, in the list of the loop around it.
  struct Item {
    u32 next;
  };
  struct List {
    u32 first;
    u32 last;
  };

  std::vector<u32> order_;
  std::vector<u32> cold_;
  std::vector<Item> items_;
  std::vector<List> lists_;     // by header; the last one is the function's
  std::vector<u8> is_rotated_;  // by header
  std::vector<u32> bottom_;     // by header: the block emitted last
  std::vector<u32> stack_;
};

}  // namespace gantry::machinst

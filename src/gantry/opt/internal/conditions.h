#pragma once
// What is known where a block begins because of the branches and traps that every path to it has
// passed.
#include <vector>

#include "gantry/opt/graph.h"
#include "gantry/opt/internal/flow_numbers.h"

namespace gantry::opt {

class Conditions {
 public:
  Conditions(const Graph& graph, const FlowNumbers& numbers) : graph_(graph), numbers_(numbers) {}
  void start() {
    entries_.clear();
    ends_.assign(numbers_.size(), kNone);
    head_ = kNone;
  }
  // What holds at the end of the immediate dominator holds here.
  void begin_block(u32 block) {
    head_ = block == 0 ? kNone : ends_[numbers_.immediate_dominator(block)];
  }
  void end_block(u32 block) { ends_[block] = head_; }
  // From here on the integer is not zero (`holds`), or is zero.
  void assume(Node condition, bool holds) {
    entries_.push_back({condition, holds, head_});
    head_ = static_cast<u32>(entries_.size()) - 1;
  }
  // Whether an integer is known to be non-zero here, or zero. Looks at a limited number of
  // conditions.
  std::optional<bool> decide(Node condition) const;

 private:
  static constexpr u32 kNone = ~u32{0};
  struct Entry {
    Node condition;
    bool holds;
    u32 next;
  };
  const Graph& graph_;
  const FlowNumbers& numbers_;
  std::vector<Entry> entries_;
  std::vector<u32> ends_;  // by block number
  u32 head_ = kNone;
};

}  // namespace gantry::opt

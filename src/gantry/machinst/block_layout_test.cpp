// Layouts of small graphs, against the order written down by hand, and the properties any layout
// has.
#include "gantry/machinst/block_layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace gantry::machinst {
namespace {

constexpr u32 kNone = ~u32{0};

struct Graph {
  std::vector<std::vector<u32>> successors;
  std::vector<u32> loop_of, parent;
  std::vector<u8> cold;
};

std::vector<u32> lay_out(BlockLayout& layout, Graph graph) {
  regalloc::Input input;
  input.num_blocks = static_cast<u32>(graph.successors.size());
  std::vector<u32> ranges{0}, successors;
  for (const std::vector<u32>& list : graph.successors) {
    successors.insert(successors.end(), list.begin(), list.end());
    ranges.push_back(static_cast<u32>(successors.size()));
  }
  graph.cold.resize(input.num_blocks);
  input.successor_ranges = ranges;
  input.successors = successors;
  input.cold_blocks = graph.cold;
  const std::span<const u32> order = layout.compute(input, {graph.loop_of, graph.parent});
  return {order.begin(), order.end()};
}

TEST(BlockLayout, LeavesCodeWithoutLoopsInOrder) {
  BlockLayout layout;
  EXPECT_EQ(lay_out(layout, {{{1, 2}, {3}, {3}, {}}, {}, {}, {}}), (std::vector<u32>{0, 1, 2, 3}));
  EXPECT_EQ(lay_out(layout, {{{1, 2}, {3}, {3}, {}}, {}, {}, {0, 1, 0, 0}}),
            (std::vector<u32>{0, 2, 3, 1}));
}

TEST(BlockLayout, TestsAtTheBottom) {
  BlockLayout layout;
  // 1 is the header, 2 the way out, 3 the body.
  const Graph graph{{{1}, {3, 2}, {}, {1}}, {kNone, 1, kNone, 1}, {kNone, kNone, kNone, kNone}, {}};
  EXPECT_EQ(lay_out(layout, graph), (std::vector<u32>{0, 3, 1, 2}));
}

TEST(BlockLayout, KeepsAHeaderOnTopThatNeverLeaves) {
  BlockLayout layout;
  // The bottom decides: 1 -> 2 -> {1, 3}.
  const Graph graph{{{1}, {2}, {1, 3}, {}}, {kNone, 1, 1, kNone}, {kNone, kNone, kNone, kNone}, {}};
  EXPECT_EQ(lay_out(layout, graph), (std::vector<u32>{0, 1, 2, 3}));
}

TEST(BlockLayout, NestsLoopsInOnePiece) {
  BlockLayout layout;
  // 1 (outer): {3, 2}; 2 leaves; 3 (inner): {5, 4}; 4 goes back to 1; 5 goes back to 3.
  const Graph graph{{{1}, {3, 2}, {}, {5, 4}, {1}, {3}},
                    {kNone, 1, kNone, 3, 1, 3},
                    {kNone, kNone, kNone, 1, kNone, kNone},
                    {}};
  EXPECT_EQ(lay_out(layout, graph), (std::vector<u32>{0, 5, 3, 4, 1, 2}));
}

TEST(BlockLayout, NamesEveryBlockOnceHoweverDeepTheNest) {
  BlockLayout layout;
  constexpr u32 kDepth = 20'000;
  // Headers 1..kDepth within each other; then their latches, innermost first; then the end.
  Graph graph;
  const u32 count = 2 * kDepth + 2;
  graph.successors.resize(count);
  graph.loop_of.assign(count, kNone);
  graph.parent.assign(count, kNone);
  graph.successors[0] = {1};
  for (u32 header = 1; header <= kDepth; ++header) {
    const u32 latch = 2 * kDepth + 1 - header;
    graph.successors[header] = {header + 1, latch + 1};
    graph.successors[latch] = {header};
    graph.loop_of[header] = graph.loop_of[latch] = header;
    if (header > 1) graph.parent[header] = header - 1;
  }
  graph.successors[kDepth] = {kDepth + 1, kDepth + 2};
  std::vector<u32> order = lay_out(layout, graph);
  EXPECT_EQ(order.front(), 0u);
  std::sort(order.begin(), order.end());
  std::vector<u32> all(count);
  std::iota(all.begin(), all.end(), 0u);
  EXPECT_EQ(order, all);
}

}  // namespace
}  // namespace gantry::machinst

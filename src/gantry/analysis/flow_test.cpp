#include "gantry/analysis/flow.h"

#include <gtest/gtest.h>

#include <chrono>

#include "gantry/ir/builder.h"
#include "gantry/support/hash.h"

namespace gantry::analysis {
namespace {

using ir::Block;
using ir::Function;

using Graph = std::vector<std::vector<u32>>;

// A function of that shape: block 0 is the entry and has an i32 parameter that decides all
// branches.
void build(const Graph& graph, Function& func) {
  func.clear();
  ir::Builder builder(func);
  for (usize i = 0; i < graph.size(); ++i) builder.create_block();
  const ir::Value selector = func.dfg.append_block_param(Block::from_index(0), ir::kI32);
  for (u32 i = 0; i < graph.size(); ++i) {
    builder.switch_to_block(Block::from_index(i));
    const auto call = [&](usize k) { return builder.block_call(Block::from_index(graph[i][k])); };
    if (graph[i].empty()) {
      builder.return_({});
    } else if (graph[i].size() == 1) {
      builder.jump(call(0));
    } else if (graph[i].size() == 2) {
      builder.brif(selector, call(0), call(1));
    } else {
      ir::JumpTableData table{call(0), {}};
      for (usize k = 1; k < graph[i].size(); ++k) table.entries.push_back(call(k));
      builder.br_table(selector, func.dfg.jump_tables.push(std::move(table)));
    }
  }
}

struct Random {
  u64 state;
  u32 below(u32 bound) {
    state += 0x9e3779b97f4a7c15u;
    return static_cast<u32>((mix_bits(state) >> 32) * bound >> 32);
  }
};

Graph random_graph(Random& random, u32 blocks) {
  Graph graph(blocks);
  for (auto& successors : graph) {
    const u32 kind = random.below(10);
    const u32 count = kind < 2 ? 0 : kind < 5 ? 1 : kind < 9 ? 2 : 3 + random.below(3);
    for (u32 i = 0; i < count; ++i) successors.push_back(random.below(blocks));
  }
  return graph;
}

// Blocks reachable from `from` without entering `without`.
std::vector<bool> reach(const Graph& graph, u32 from, u32 without) {
  std::vector<bool> seen(graph.size() + 1, false);
  std::vector<u32> work;
  if (from != without) work.push_back(from), seen[from] = true;
  while (!work.empty()) {
    const u32 at = work.back();
    work.pop_back();
    for (const u32 to : graph[at]) {
      if (to != without && !seen[to]) seen[to] = true, work.push_back(to);
    }
  }
  return seen;
}

struct Analyses {
  ControlFlow flow;
  DominatorTree tree;
  PostDominatorTree post;
  LoopForest loops;
  void compute(const Function& func) {
    flow.compute(func);
    tree.compute(func, flow);
    post.compute(func, flow);
    loops.compute(func, flow, tree);
  }
};

void expect_matches_naive(const Graph& graph, const Function& func, Analyses& all) {
  all.compute(func);
  const u32 n = static_cast<u32>(graph.size());
  const u32 nothing = n;
  const std::vector<bool> reachable = reach(graph, 0, nothing);
  std::vector<std::vector<bool>> avoiding;  // avoiding[a][b]: b can be reached without a
  for (u32 a = 0; a < n; ++a) avoiding.push_back(reach(graph, 0, a));
  const auto naive_dominates = [&](u32 a, u32 b) {
    return reachable[a] && reachable[b] && !avoiding[a][b];
  };

  for (u32 b = 0; b < n; ++b) {
    const Block block = Block::from_index(b);
    ASSERT_EQ(all.flow.is_reachable(block), reachable[b]);
    ASSERT_EQ(all.flow.successors(block).size(), graph[b].size());
    for (u32 i = 0; i < graph[b].size(); ++i)
      ASSERT_EQ(all.flow.successors(block)[i].index(), graph[b][i]);
    for (u32 a = 0; a < n; ++a) {
      ASSERT_EQ(all.tree.dominates(Block::from_index(a), block), naive_dominates(a, b))
          << a << " " << b;
    }
    const std::optional<Block> idom = all.tree.immediate_dominator(block);
    ASSERT_EQ(idom.has_value(), reachable[b] && b != 0);
    if (idom) {
      // The immediate dominator is the strict one that all others dominate.
      for (u32 a = 0; a < n; ++a) {
        if (a != b && naive_dominates(a, b)) {
          ASSERT_TRUE(naive_dominates(a, idom->index()));
        }
      }
      ASSERT_NE(idom->index(), b);
      ASSERT_TRUE(naive_dominates(idom->index(), b));
    }
  }

  // The tree, walked: preorder has each reachable block once, behind its parent; children in
  // reverse postorder.
  u32 reachable_count = 0;
  for (u32 b = 0; b < n; ++b) reachable_count += reachable[b];
  ASSERT_EQ(all.flow.postorder().size(), reachable_count);
  ASSERT_EQ(all.tree.preorder().size(), reachable_count);
  for (const Block parent : all.tree.preorder()) {
    u32 last = 0;
    for (const Block child : all.tree.children(parent)) {
      ASSERT_EQ(all.tree.immediate_dominator(child), parent);
      ASSERT_GT(all.flow.reverse_postorder_number(child), last);
      last = all.flow.reverse_postorder_number(child);
    }
  }

  // Natural loops by definition: the header, and what reaches a back edge without the header.
  Graph reversed(n);
  for (u32 a = 0; a < n; ++a) {
    if (!reachable[a]) continue;
    for (const u32 b : graph[a]) reversed[b].push_back(a);
  }
  std::vector<std::vector<bool>> in_loop(n);
  std::vector<u32> depth(n, 0);
  u32 headers = 0;
  for (u32 h = 0; h < n; ++h) {
    std::vector<bool> members(n + 1, false);
    bool is_header = false;
    for (const u32 latch : reversed[h]) {
      if (!naive_dominates(h, latch)) continue;
      is_header = true;
      members[h] = true;
      const std::vector<bool> found = reach(reversed, latch, h);
      for (u32 b = 0; b < n; ++b) members[b] = members[b] || found[b];
    }
    if (!is_header) continue;
    ++headers;
    for (u32 b = 0; b < n; ++b) depth[b] += members[b];
    in_loop[h] = members;
  }
  ASSERT_EQ(all.loops.num_loops(), headers);
  for (u32 b = 0; b < n; ++b) {
    ASSERT_EQ(all.loops.depth(Block::from_index(b)), depth[b]);
    for (u32 i = 0; i < headers; ++i) {
      const Loop loop = Loop::from_index(i);
      ASSERT_EQ(all.loops.contains(loop, Block::from_index(b)),
                in_loop[all.loops.header(loop).index()][b]);
    }
  }
  for (u32 i = 0; i < headers; ++i) {
    const std::optional<Loop> parent = all.loops.parent(Loop::from_index(i));
    if (parent) {
      ASSERT_LT(parent->index(), i);
    }
  }
}

TEST(Flow, agrees_with_the_definitions_on_random_graphs) {
  Random random{1};
  Function func;
  Analyses all;
  for (u32 round = 0; round < 1500; ++round) {
    const Graph graph = random_graph(random, 1 + random.below(round % 10 == 0 ? 40 : 12));
    build(graph, func);
    expect_matches_naive(graph, func, all);
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

// Post-dominance by definition on graphs where every block reaches a return.
TEST(Flow, post_dominators_agree_with_the_definition) {
  Random random{2};
  Function func;
  Analyses all;
  u32 tried = 0;
  for (u32 round = 0; round < 4000; ++round) {
    const Graph graph = random_graph(random, 1 + random.below(10));
    const u32 n = static_cast<u32>(graph.size());
    const auto exits = [&](u32 from, u32 without) {
      const std::vector<bool> seen = reach(graph, from, without);
      for (u32 b = 0; b < n; ++b) {
        if (seen[b] && graph[b].empty()) return true;
      }
      return false;
    };
    const std::vector<bool> reachable = reach(graph, 0, n);
    bool all_exit = true;
    for (u32 b = 0; b < n; ++b) all_exit = all_exit && (!reachable[b] || exits(b, n));
    if (!all_exit) continue;
    ++tried;
    build(graph, func);
    all.compute(func);
    const auto naive = [&](u32 a, u32 b) { return reachable[a] && reachable[b] && !exits(b, a); };
    for (u32 b = 0; b < n; ++b) {
      bool any_strict = false;
      for (u32 a = 0; a < n; ++a) {
        ASSERT_EQ(all.post.post_dominates(Block::from_index(a), Block::from_index(b)), naive(a, b))
            << a << " " << b;
        any_strict = any_strict || (a != b && naive(a, b));
      }
      const std::optional<Block> immediate =
          all.post.immediate_post_dominator(Block::from_index(b));
      ASSERT_EQ(immediate.has_value(), any_strict);
      if (!immediate) continue;
      for (u32 a = 0; a < n; ++a) {
        if (a != b && naive(a, b)) {
          ASSERT_TRUE(naive(a, immediate->index()));
        }
      }
    }
  }
  EXPECT_GT(tried, 500u);
}

TEST(Flow, endless_loops_have_post_dominators_too) {
  Function func;
  Analyses all;
  build({{1, 3}, {2}, {1}, {}}, func);
  all.compute(func);
  EXPECT_TRUE(all.post.post_dominates(Block::from_index(1), Block::from_index(2)) ||
              all.post.post_dominates(Block::from_index(2), Block::from_index(1)));
  EXPECT_FALSE(all.post.post_dominates(Block::from_index(3), Block::from_index(0)));
  EXPECT_EQ(all.post.immediate_post_dominator(Block::from_index(0)), std::nullopt);
}

TEST(Flow, irreducible_cycles_are_told_and_make_no_loop) {
  Function func;
  Analyses all;
  build({{1, 2}, {2}, {1, 3}, {}}, func);
  all.compute(func);
  EXPECT_TRUE(all.loops.has_irreducible_cycle());
  EXPECT_EQ(all.loops.num_loops(), 0u);
  build({{1}, {1, 2}, {}}, func);
  all.compute(func);
  EXPECT_FALSE(all.loops.has_irreducible_cycle());
  EXPECT_EQ(all.loops.num_loops(), 1u);
}

TEST(Flow, empty_function_and_targets_outside_of_the_layout) {
  Function func;
  Analyses all;
  all.compute(func);
  EXPECT_TRUE(all.flow.postorder().empty());

  ir::Builder builder(func);
  const Block first = builder.create_block(), elsewhere = builder.create_block();
  builder.switch_to_block(first);
  builder.jump(builder.block_call(elsewhere));
  all.compute(func);
  EXPECT_TRUE(all.flow.successors(first).empty());
  EXPECT_FALSE(all.flow.is_reachable(elsewhere));
}

TEST(Flow, dominators_are_printed) {
  Function func;
  Analyses all;
  build({{2, 1}, {3}, {5, 4}, {4}, {8, 3}, {9, 4}, {7}, {}, {5, 6}, {}}, func);
  all.compute(func);
  TextWriter out;
  print_dominators(all.flow, all.tree, out);
  EXPECT_EQ(out.view(),
            "cfg_postorder: block9 block7 block6 block8 block3 block4 block5 block2 block1 block0\n"
            "domtree_preorder {\n"
            "    block0: block1 block2 block5 block4 block3\n"
            "    block1:\n"
            "    block2:\n"
            "    block5: block9\n"
            "    block9:\n"
            "    block4: block8\n"
            "    block8: block6\n"
            "    block6: block7\n"
            "    block7:\n"
            "    block3:\n"
            "}\n");
}

double seconds_of(const Graph& graph, Analyses& all) {
  Function func;
  build(graph, func);
  const auto start = std::chrono::steady_clock::now();
  all.compute(func);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A million blocks of shapes that make simpler algorithms quadratic or overflow the stack of
// recursive ones. The bound is far above what linear work needs and far below what quadratic work
// would take.
TEST(Flow, a_million_blocks) {
  constexpr u32 kCount = 1'000'000;
  constexpr double kBound = 20;
  Analyses all;

  Graph chain(kCount);
  for (u32 i = 0; i + 1 < kCount; ++i) chain[i] = {i + 1};
  EXPECT_LT(seconds_of(chain, all), kBound);
  EXPECT_TRUE(all.tree.dominates(Block::from_index(5), Block::from_index(kCount - 1)));

  // Two rails; every block goes to the next of both.
  Graph ladder(kCount);
  for (u32 i = 0; i + 3 < kCount; ++i) ladder[i] = {(i | 1) + 1, (i | 1) + 2};
  EXPECT_LT(seconds_of(ladder, all), kBound);
  EXPECT_EQ(all.tree.immediate_dominator(Block::from_index(kCount - 4)), Block::from_index(0));

  // A chain whose blocks all may go back to the start: one header, a million back edges; and nested
  // loops.
  Graph back(kCount);
  for (u32 i = 0; i + 1 < kCount; ++i) back[i] = {i + 1, 0};
  EXPECT_LT(seconds_of(back, all), kBound);
  EXPECT_EQ(all.loops.depth(Block::from_index(kCount - 1)), 0u);
  EXPECT_EQ(all.loops.depth(Block::from_index(kCount - 2)), 1u);

  Graph nested(kCount);
  for (u32 i = 0; i + 1 < kCount; ++i)
    nested[i] = i < kCount / 2 ? std::vector<u32>{i + 1} : std::vector<u32>{i + 1, kCount - 1 - i};
  EXPECT_LT(seconds_of(nested, all), kBound);
  EXPECT_EQ(all.loops.num_loops(), kCount / 2 - 1);

  // Down a chain and back up again, so that each step of the way up shortens every dominator below
  // it.
  Graph updown(kCount);
  for (u32 i = 0; i + 1 < kCount; ++i)
    updown[i] =
        i + 1 < kCount / 2 ? std::vector<u32>{i + 1, kCount - 1 - i} : std::vector<u32>{i + 1};
  for (u32 i = kCount / 2; i < kCount; ++i) updown[i] = {i == kCount / 2 ? 0 : i - 1};
  EXPECT_LT(seconds_of(updown, all), kBound);
}

}  // namespace
}  // namespace gantry::analysis

// What is recorded of a function's way through the e-graph, and that fuel holds rewrites back one
// by one.
#include "gantry/opt/story.h"

#include <gtest/gtest.h>

#include "gantry/ir/printer.h"
#include "gantry/opt/run_egraph.h"
#include "gantry/reader/reader.h"
#include "gantry/verifier/verifier.h"

namespace gantry::opt {
namespace {

constexpr std::string_view kText = R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = iconst.i32 8
    v3 = imul v0, v2
    v5 = iconst.i32 3
    v6 = iadd v5, v2
    v7 = iadd v3, v6
    v8 = bor v7, v7
    v9 = icmp ult v5, v2
    brif v9, block1, block2
block1:
    return v8
block2:
    return v1
})";

struct Optimized {
  std::string text;
  u64 fuel_left = 0;
};
Optimized run(u64 fuel, RewriteObserver* observer, std::string_view text = kText) {
  reader::Reader reader(text, {});
  reader.header();
  ir::Function func;
  EXPECT_TRUE(reader.next(func));
  Session session;
  observe_rewrites(session, observer);
  EgraphOptions options;
  options.fuel = &fuel;
  run_egraph(func, options, session);
  const Result<void> valid = verifier::verify(func, {});
  EXPECT_TRUE(valid.has_value()) << (valid.has_value() ? "" : valid.error().message());
  TextWriter out;
  ir::print(func, out);
  return {std::move(out).take(), fuel};
}

const Story::Inst* find(const std::vector<Story::Inst>& insts, std::string_view part) {
  for (const Story::Inst& inst : insts) {
    if (inst.text.find(part) != std::string::npos) return &inst;
  }
  return nullptr;
}

TEST(Story, has_forms_of_instructions_without_results) {
  StoryRecorder recorder(true);
  run(~u64{0}, &recorder, R"(function %f(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    trapz v0, user1
    v2 = udiv v1, v0
    return v2
})");
  ASSERT_EQ(recorder.stories().size(), 1u);
  u32 traps = 0;
  for (const Story::Node& node : recorder.stories()[0].nodes) {
    if (!node.text.starts_with("(trapz ")) continue;
    EXPECT_FALSE(node.type.is_valid());
    ++traps;
  }
  EXPECT_EQ(traps, 1u);
}

TEST(Story, tells_why_an_instruction_is_as_it_is) {
  StoryRecorder recorder(true);
  const Optimized done = run(~u64{0}, &recorder);
  ASSERT_EQ(recorder.stories().size(), 1u);
  const Story& story = recorder.stories()[0];
  EXPECT_EQ(story.name, "%f");
  EXPECT_EQ(story.after, done.text);
  EXPECT_EQ(story.insts_before.size(), 10u);

  const Story::Inst* const shift = find(story.insts, "ishl");
  ASSERT_NE(shift, nullptr) << done.text;
  ASSERT_NE(shift->node, Story::kNone);
  EXPECT_EQ(story.nodes[shift->node].place, "block" + std::to_string(shift->block));
  const std::vector<u32> steps = story.steps_to(shift->node);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(story.steps[steps[0]].before_text, "(imul.i32 v0 8)");
  EXPECT_EQ(story.steps[steps[0]].after_text, "(ishl.i32 v0 3)");
  EXPECT_TRUE(name_of_rule(story.steps[steps[0]].rule).file.ends_with(".isle"));
  EXPECT_GT(name_of_rule(story.steps[steps[0]].rule).line, 0u);
  // The multiplication of the input became the shift.
  const Story::Inst* const multiply = find(story.insts_before, "imul");
  ASSERT_NE(multiply, nullptr);
  EXPECT_EQ(multiply->node, shift->node);
  // A form that was replaced is another name.
  bool forwarded = false;
  for (const Story::Node& node : story.nodes)
    forwarded |= node.text.starts_with("(imul") && node.forward == shift->node;
  EXPECT_TRUE(forwarded);
}

TEST(Story, names_every_kind_of_rewrite_here) {
  StoryRecorder recorder(false);
  run(~u64{0}, &recorder);
  bool seen[6] = {};
  for (const Story::Step& step : recorder.stories()[0].steps) {
    seen[static_cast<u32>(step.kind)] = true;
    const bool has_rule = step.rule != Rewrite::kNoRule;
    EXPECT_EQ(has_rule, step.kind == Rewrite::Kind::Rule || step.kind == Rewrite::Kind::Skeleton ||
                            step.kind == Rewrite::Kind::Alternative);
    EXPECT_EQ(name_of_rule(step.rule).file.empty(), !has_rule);
  }
  EXPECT_TRUE(seen[static_cast<u32>(Rewrite::Kind::Rule)]);
  EXPECT_TRUE(seen[static_cast<u32>(Rewrite::Kind::Fold)]);
  EXPECT_TRUE(seen[static_cast<u32>(Rewrite::Kind::Condition)]);
}

TEST(Fuel, each_unit_is_one_step_and_the_steps_before_stay_the_same) {
  StoryRecorder all(false);
  const Optimized done = run(~u64{0}, &all);
  const std::vector<Story::Step>& steps = all.stories()[0].steps;
  EXPECT_EQ(~u64{0} - done.fuel_left, steps.size());
  ASSERT_GE(steps.size(), 5u);
  for (usize fuel = 0; fuel <= steps.size(); ++fuel) {
    StoryRecorder some(false);
    const Optimized part = run(fuel, &some);
    EXPECT_EQ(part.fuel_left, 0u);
    ASSERT_EQ(some.stories()[0].steps.size(), fuel);
    for (usize i = 0; i < fuel; ++i) {
      EXPECT_EQ(some.stories()[0].steps[i].before_text, steps[i].before_text);
      EXPECT_EQ(some.stories()[0].steps[i].after_text, steps[i].after_text);
    }
    if (fuel == steps.size()) {
      EXPECT_EQ(part.text, done.text);
    }
  }
}

}  // namespace
}  // namespace gantry::opt

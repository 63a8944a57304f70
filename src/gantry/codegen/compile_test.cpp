// The passes that run are those listed, in their order, and each can be looked at.
#include "gantry/codegen/compile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "gantry/isa/lookup.h"
#include "gantry/reader/reader.h"

namespace gantry::codegen {
namespace {

constexpr std::string_view kLoop = R"(
function %sum(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 0
    jump block1(v0, v1)
block1(v2: i64, v3: i64):
    v4 = iadd v3, v2
    v5 = iconst.i64 -1
    v6 = iadd v2, v5
    brif v6, block1(v6, v4), block2
block2:
    return v4
}
)";

class Pipeline : public testing::Test {
 protected:
  void SetUp() override {
    isa_ = make_isa(target::Flags{});
    ASSERT_NE(isa_, nullptr);
    reader::Reader reader(kLoop, reader::ReaderOptions{});
    ASSERT_TRUE(reader.next(func_));
    ASSERT_EQ(reader.errors_in_last(), 0u);
  }

  static std::unique_ptr<target::TargetIsa> make_isa(const target::Flags& flags) {
    Result<target::TargetSpec> spec = target::parse_target("x86_64", flags);
    if (!spec.has_value()) return nullptr;
    Result<target::TargetIsa*> found = isa::lookup(*spec);
    return std::unique_ptr<target::TargetIsa>(found.has_value() ? *found : nullptr);
  }
  bool ran(std::string_view name) const {
    const std::vector<PassTime>& times = session_.pass_times();
    return std::any_of(times.begin(), times.end(),
                       [&](const PassTime& time) { return time.pass->name == name; });
  }

  std::unique_ptr<target::TargetIsa> isa_;
  ir::Function func_;
  Session session_;
};

TEST_F(Pipeline, RunsOnlyListedPassesInTheirOrder) {
  session_.enable_timing(true);
  ASSERT_TRUE(compile(func_, *isa_, session_).has_value());
  const std::vector<const PassInfo*> listed = passes(*isa_);
  std::size_t at = 0;
  for (const PassTime& time : session_.pass_times()) {
    const auto found =
        std::find(listed.begin() + static_cast<std::ptrdiff_t>(at), listed.end(), time.pass);
    ASSERT_NE(found, listed.end()) << time.pass->name;
    at = static_cast<std::size_t>(found - listed.begin()) + 1;
  }
  // Without an optimisation level nothing is optimised, and everything else runs.
  for (const std::string_view name :
       {"verify", "remove-constant-params", "lower", "regalloc", "emit"}) {
    EXPECT_TRUE(ran(name)) << name;
  }
  for (const std::string_view name : {"egraph", "clean-up-flow", "canonicalize-nans"})
    EXPECT_FALSE(ran(name)) << name;
}

TEST_F(Pipeline, OptimisesWhenAsked) {
  target::Flags flags = isa_->flags();
  flags.opt_level = target::OptLevel::Speed;
  flags.enable_nan_canonicalization = true;
  isa_ = make_isa(flags);
  session_.enable_timing(true);
  ASSERT_TRUE(compile(func_, *isa_, session_).has_value());
  for (const std::string_view name :
       {"canonicalize-nans", "remove-unreachable-blocks", "clean-up-flow", "egraph",
        "eliminate-dead-stores", "carry-loads"}) {
    EXPECT_TRUE(ran(name)) << name;
  }
}

TEST_F(Pipeline, ShowsWhatEachPassLeavesBehind) {
  TextWriter before, lowered, allocated, emitted, again;
  session_.dump_after("verify", &before);
  session_.dump_after("lower", &lowered);
  session_.dump_after("regalloc", &allocated);
  {
    const Session::DumpScope scope(session_, "emit", &emitted);
    const Session::DumpScope twice(session_, "emit", &again);
    ASSERT_TRUE(compile(func_, *isa_, session_).has_value());
  }
  EXPECT_NE(before.view().find("function %sum"), std::string_view::npos) << before.view();
  EXPECT_NE(lowered.view().find("add v"), std::string_view::npos) << lowered.view();
  EXPECT_EQ(allocated.view().find("add v"), std::string_view::npos) << allocated.view();
  EXPECT_NE(allocated.view().find("add r"), std::string_view::npos) << allocated.view();
  EXPECT_NE(emitted.view().find("mb0:  ; block0"), std::string_view::npos) << emitted.view();
  EXPECT_EQ(emitted.view(), again.view());
}

TEST_F(Pipeline, ForgetsScopedDumps) {
  TextWriter text;
  { const Session::DumpScope scope(session_, "lower", &text); }
  ASSERT_TRUE(compile(func_, *isa_, session_).has_value());
  EXPECT_EQ(text.view(), "");
}

// What inlining knows of frames that are gone reaches the one who holds the code.
TEST_F(Pipeline, RecordsInlineFramesOfTheCode) {
  const ir::ExternalName callee{ir::ExternalName::Kind::TestCase, 0};
  const ir::InlineFrame outer = func_.inline_frames.push({callee, 0x30, {}});
  const ir::InlineFrame inner = func_.inline_frames.push({callee, 0x20, outer});
  for (const ir::Block block : func_.layout.blocks()) {
    for (const ir::Inst inst : func_.layout.insts(block)) {
      if (func_.dfg.opcode(inst) != ir::Opcode::Iadd) continue;
      func_.set_source_loc(inst, 0x10);
      func_.set_inline_frame(inst, inner);
    }
  }
  for (const target::OptLevel level : {target::OptLevel::None, target::OptLevel::Speed}) {
    target::Flags flags = isa_->flags();
    flags.opt_level = level;
    isa_ = make_isa(flags);
    ir::Function func = func_;
    const Result<target::CompiledCode> code = compile(func, *isa_, session_);
    ASSERT_TRUE(code.has_value());
    ASSERT_EQ(code->inline_frames.size(), 2u);
    EXPECT_EQ(code->inline_frames[0].call_site, 0x30u);
    EXPECT_EQ(code->inline_frames[0].parent, ir::kNoInlineFrame);
    EXPECT_EQ(code->inline_frames[1].call_site, 0x20u);
    EXPECT_EQ(code->inline_frames[1].parent, 0u);
    EXPECT_EQ(code->inline_frames[1].callee, callee);
    ASSERT_FALSE(code->source_ranges.empty());
    for (const target::SourceRange& range : code->source_ranges) {
      EXPECT_EQ(range.location, 0x10u);
      EXPECT_EQ(range.inline_frame, inner.index());
      EXPECT_LT(range.start, range.end);
    }
  }
}

}  // namespace
}  // namespace gantry::codegen

// The list of passes is the passes that run, and each can be looked at.
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
    Result<target::TargetSpec> spec = target::parse_target("x86_64", target::Flags{});
    ASSERT_TRUE(spec.has_value());
    Result<target::TargetIsa*> found = isa::lookup(*spec);
    ASSERT_TRUE(found.has_value());
    isa_.reset(*found);
    reader::Reader reader(kLoop, reader::ReaderOptions{});
    ASSERT_TRUE(reader.next(func_));
    ASSERT_EQ(reader.errors_in_last(), 0u);
  }

  std::unique_ptr<target::TargetIsa> isa_;
  ir::Function func_;
  Session session_;
};

TEST_F(Pipeline, RunsTheListedPasses) {
  session_.enable_timing(true);
  ASSERT_TRUE(compile(func_, *isa_, session_).has_value());
  const std::vector<const PassInfo*> listed = passes(*isa_);
  u64 runs = 0;
  for (const PassTime& time : session_.pass_times()) {
    EXPECT_EQ(static_cast<u64>(std::count(listed.begin(), listed.end(), time.pass)), time.runs)
        << time.pass->name;
    runs += time.runs;
  }
  EXPECT_EQ(runs, listed.size());
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

}  // namespace
}  // namespace gantry::codegen

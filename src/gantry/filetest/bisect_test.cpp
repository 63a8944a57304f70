// A fault planted among the rewrites is found, by number and by what it does.
#include "gantry/filetest/bisect.h"

#include <gtest/gtest.h>

#include "gantry/codegen/compile.h"
#include "gantry/isa/lookup.h"
#include "gantry/opt/rewrite.h"

namespace gantry::filetest {
namespace {

// Makes the result of one rewrite of one function a wrong number, and passes everything on to
// whoever watched before.
class Fault final : public opt::RewriteObserver {
 public:
  Fault(std::string_view function, u32 number) : function_(function), number_(number) {}
  void watch(opt::RewriteObserver* next) { next_ = next; }

  void begin(const ir::Function& func) override {
    here_ = func.name.text == function_;
    count_ = 0;
    if (next_ != nullptr) next_->begin(func);
  }
  opt::Node rewritten(opt::Rewriter& rewriter, const opt::Rewrite& rewrite) override {
    opt::Rewrite passed = rewrite;
    ++count_;
    const bool on_number = rewrite.type.is_int() && rewrite.type.bits() <= 64;
    if (here_ && count_ == number_ && on_number) passed.after = rewriter.iconst(rewrite.type, 77);
    if (next_ != nullptr) next_->rewritten(rewriter, passed);
    return passed.after ? *passed.after : opt::Node::from_index(0);
  }
  void finish(const ir::Function& func, const opt::EgraphState& state) override {
    if (next_ != nullptr) next_->finish(func, state);
  }

 private:
  std::string function_;
  u32 number_;
  bool here_ = false;
  u32 count_ = 0;
  opt::RewriteObserver* next_ = nullptr;
};

class RealBackend final : public Backend {
 public:
  RealBackend(std::string_view function, u32 number) : function_(function), number_(number) {}
  Result<target::TargetIsa*> lookup(const target::TargetSpec& spec) const override {
    return isa::lookup(spec);
  }
  Result<CompileOutput> compile(ir::Function& func, const target::TargetIsa& isa, Session& session,
                                const CompileRequest&) const override {
    if (number_ == 0 && func.name.text == function_) {
      // A fault behind the mid-end.
      for (const ir::Block block : func.layout.blocks()) {
        for (const ir::Inst inst : func.layout.insts(block)) {
          if (func.dfg.opcode(inst) == ir::Opcode::Iadd) func.dfg[inst].opcode = ir::Opcode::Isub;
        }
      }
    }
    GANTRY_TRY_ASSIGN(target::CompiledCode code, codegen::compile(func, isa, session));
    return CompileOutput{std::move(code), {}};
  }
  Result<void> optimize(ir::Function& func, const target::TargetSpec& target,
                        Session& session) const override {
    Fault fault(function_, number_);
    opt::RewriteObserver* const before = opt::observe_rewrites(session, &fault);
    fault.watch(before);
    Result<void> optimized = codegen::optimize(func, target, session);
    opt::observe_rewrites(session, before);
    return optimized;
  }

 private:
  std::string_view function_;
  u32 number_;
};

constexpr std::string_view kText = R"(test run
target x86_64

function %first(i32) -> i32 {
block0(v0: i32):
    v1 = iconst.i32 0
    v2 = iadd v0, v1
    v3 = imul v2, v2
    v4 = bor v3, v3
    return v4
}
; run: %first(3) == 9

function %second(i32, i32) -> i32 {
block0(v0: i32, v1: i32):
    v2 = iconst.i32 0
    v3 = bor v0, v2
    v4 = band v1, v1
    v5 = iadd v3, v4
    v6 = isub v5, v2
    v7 = iadd v6, v0
    return v7
}
; run: %second(1, 2) == 4
; run: %second(10, 2) == 22
)";

TEST(Bisect, NothingWhereAllIsWell) {
  const Bisection found = bisect("a.clif", kText, {}, RealBackend("nowhere", 1));
  EXPECT_EQ(found.error, "");
  EXPECT_FALSE(found.differs);
  EXPECT_GE(found.changes, 5u);
}

TEST(Bisect, NamesTheRewriteThatIsWrong) {
  u32 before = 0;
  for (u32 number = 1; number <= 3; ++number) {
    const Bisection found = bisect("a.clif", kText, {}, RealBackend("second", number));
    ASSERT_EQ(found.error, "");
    ASSERT_TRUE(found.differs);
    EXPECT_FALSE(found.native);
    EXPECT_EQ(found.function, "%second");
    // Numbers go on from those of %first; how many rewrites that one takes is up to the rules.
    EXPECT_GT(found.culprit, before);
    before = found.culprit;
    EXPECT_NE(found.step.after_text.find("77"), std::string::npos) << found.step.after_text;
    EXPECT_NE(opt::name_of_rule(found.step.rule).file, "");
    EXPECT_EQ(found.call, "%second(1, 2)");
    EXPECT_EQ(found.expected, "returned [4]");
    EXPECT_NE(found.actual, found.expected);
  }
  const Bisection first = bisect("a.clif", kText, {}, RealBackend("first", 2));
  EXPECT_EQ(first.culprit, 2u) << first.error;
  EXPECT_EQ(first.function, "%first");
  EXPECT_EQ(first.step.before_text.substr(0, 8), "(bor.i32") << first.step.before_text;
}

#if defined(__x86_64__)
TEST(Bisect, BlamesNoRewriteForWrongMachineCode) {
  const Bisection found = bisect("a.clif", kText, {}, RealBackend("second", 0));
  EXPECT_EQ(found.error, "");
  EXPECT_TRUE(found.differs);
  EXPECT_TRUE(found.native);
  EXPECT_EQ(found.culprit, 0u);
  EXPECT_EQ(found.call, "%second(1, 2)");
}
#endif

TEST(Bisect, RefusesWhatItCannotJudge) {
  const RealBackend backend("nowhere", 1);
  EXPECT_NE(bisect("a.clif", "function %f() {\nblock0:\n  return\n}\n", {}, backend).error, "");
  EXPECT_NE(bisect("a.clif", "function %f() {\nblock0:\n  return 1\n}\n", {}, backend).error, "");
  EXPECT_NE(bisect("a.clif", "; nothing", {}, backend).error, "");
}

}  // namespace
}  // namespace gantry::filetest

// A fault planted among the rewrites, or one that comes with a change of another pass, is found, by
// number and by what it does.
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

// Gives another result as soon as optimising has left so few (or made so many) of an opcode: the
// change that took the last of these away (or added it) is the one to blame.
class FaultAtCount final : public Backend {
 public:
  FaultAtCount(ir::Opcode opcode, bool at_least, u32 count)
      : opcode_(opcode), at_least_(at_least), count_(count) {}
  Result<target::TargetIsa*> lookup(const target::TargetSpec& spec) const override {
    return isa::lookup(spec);
  }
  Result<CompileOutput> compile(ir::Function& func, const target::TargetIsa& isa, Session& session,
                                const CompileRequest&) const override {
    GANTRY_TRY_ASSIGN(target::CompiledCode code, codegen::compile(func, isa, session));
    return CompileOutput{std::move(code), {}};
  }
  Result<void> optimize(ir::Function& func, const target::TargetSpec& target,
                        Session& session) const override {
    const bool was_so = is_so(func);
    GANTRY_TRY(codegen::optimize(func, target, session));
    if (was_so || !is_so(func)) return {};
    PackedOption<ir::Inst> leave;
    for (const ir::Block block : func.layout.blocks()) {
      const ir::Inst last = *func.layout.last_inst(block);
      if (func.dfg.opcode(last) == ir::Opcode::Return) leave = last;
    }
    ir::InstData wrong;
    wrong.opcode = ir::Opcode::Iconst;
    wrong.set_wide(77);
    const ir::Inst inst = func.dfg.make_inst(wrong);
    const ir::Value value = func.dfg.append_result(inst, ir::kI64);
    func.layout.insert_inst_before(inst, *leave);
    func.dfg.args(*leave)[0] = value;
    return {};
  }

 private:
  bool is_so(const ir::Function& func) const {
    u32 count = 0;
    for (const ir::Block block : func.layout.blocks()) {
      for (const ir::Inst inst : func.layout.insts(block))
        count += func.dfg.opcode(inst) == opcode_ ? 1 : 0;
    }
    return at_least_ ? count >= count_ : count <= count_;
  }

  ir::Opcode opcode_;
  bool at_least_;
  u32 count_;
};

struct PassFault {
  const char* pass;
  FaultAtCount fault;
  const char* place;  // part of what the report says of it
  const char* text;   // of a function %f, and more
  bool inlines = false;
};

const PassFault kPassFaults[] = {
    {"promote-stack-slots",
     {ir::Opcode::Load, false, 0},
     "block0: store notrap aligned v1, v3",
     R"(function %f(i64, i64) -> i64 {
    ss0 = explicit_slot 8
    ss1 = explicit_slot 8
block0(v0: i64, v1: i64):
    v2 = stack_addr.i64 ss0
    v3 = stack_addr.i64 ss1
    store notrap aligned v0, v2
    store notrap aligned v1, v3
    v4 = load.i64 notrap aligned v2
    v5 = load.i64 notrap aligned v3
    v6 = iadd v4, v5
    return v6
})"},
    {"remove-constant-params",
     {ir::Opcode::Iadd, false, 1},
     "block1: v3",
     R"(function %g(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 -1
    v2 = iadd v0, v1
    return v2
}

function %f(i64, i64) -> i64 {
    fn0 = %g(i64) -> i64
block0(v0: i64, v1: i64):
    jump block1(v0, v1)
block1(v2: i64, v3: i64):
    v4 = iadd v2, v3
    v5 = iadd v2, v1
    v6 = imul v4, v5
    v7 = call fn0(v2)
    brif v7, block1(v7, v1), block2
block2:
    return v6
})"},
    {"clean-up-flow",
     {ir::Opcode::Brif, false, 0},
     "block0: brif v5, ",
     R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v5 = icmp ult v0, v1
    brif v5, block1, block2
block1:
    jump block3(v0)
block2:
    jump block3(v1)
block3(v6: i64):
    return v6
})"},
    {"unroll-loops",
     {ir::Opcode::Imul, true, 2},
     "block1",
     R"(function %f(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    v2 = iconst.i64 0
    jump block1(v2, v0)
block1(v3: i64, v4: i64):
    v5 = iconst.i64 3
    v6 = icmp ult v3, v5
    brif v6, block2, block3
block2:
    v7 = imul v4, v4
    v8 = iconst.i64 1
    v9 = iadd v3, v8
    jump block1(v9, v7)
block3:
    return v4
})"},
    {"eliminate-dead-stores",
     {ir::Opcode::Store, false, 1},
     "store notrap aligned v0, v2",
     R"(function %g(i64) -> i64 {
block0(v0: i64):
    v1 = load.i64 v0
    return v1
}

function %f(i64, i64) -> i64 {
    ss0 = explicit_slot 8
    fn0 = %g(i64) -> i64
block0(v0: i64, v1: i64):
    v2 = stack_addr.i64 ss0
    store notrap aligned v0, v2
    store notrap aligned v1, v2
    v3 = call fn0(v2)
    return v3
})"},
    {"carry-loads",
     {ir::Opcode::Load, false, 0},
     "= load.i64 notrap aligned v",
     R"(function %g(i64, i64) -> i64 {
block0(v0: i64, v1: i64):
    store notrap aligned v1, v0+8
    jump block1(v1)
block1(v3: i64):
    v4 = load.i64 notrap aligned v0+8
    v5 = iadd v4, v3
    store notrap aligned v5, v0+8
    v6 = iconst.i64 -1
    v7 = iadd v3, v6
    brif v7, block1(v7), block2
block2:
    return v5
}

function %f(i64, i64) -> i64 {
    ss0 = explicit_slot 16
    fn0 = %g(i64, i64) -> i64
block0(v0: i64, v1: i64):
    v2 = stack_addr.i64 ss0
    store v1, v2+8
    v3 = call fn0(v2, v0)
    return v3
})"},
    {"reduce-strength",
     {ir::Opcode::Imul, false, 0},
     "= imul v",
     R"(function %g(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 -1
    v2 = iadd v0, v1
    return v2
}

function %f(i64, i64) -> i64 {
    ss0 = explicit_slot 256
    fn0 = %g(i64) -> i64
block0(v0: i64, v1: i64):
    v2 = stack_addr.i64 ss0
    v3 = iconst.i64 0
    jump block1(v3)
block1(v4: i64):
    v5 = iconst.i64 48
    v6 = imul v4, v5
    v7 = iadd v2, v6
    v8 = call fn0(v6)
    store notrap aligned v8, v7
    v9 = iconst.i64 1
    v10 = iadd v4, v9
    v11 = icmp ult v10, v0
    brif v11, block1(v10), block2
block2:
    v12 = load.i64 notrap aligned v2+48
    return v12
})"},
    {"inline-calls",
     {ir::Opcode::Imul, false, 1},
     "v2 = call fn0(v0)",
     R"(function %g(i64) -> i64 {
block0(v0: i64):
    trapz v0, user1
    v1 = imul v0, v0
    return v1
}

function %f(i64, i64) -> i64 {
    fn0 = %g(i64) -> i64
block0(v0: i64, v1: i64):
    v2 = call fn0(v0)
    v3 = imul v0, v0
    v4 = isub v2, v3
    return v4
})",
     true},
};

TEST(Bisect, NamesTheChangeOfEachPass) {
  for (const PassFault& fault : kPassFaults) {
    const std::string text =
        std::string("test run\ntarget x86_64\n\n") + fault.text + "\n; run: %f(4, 5) == 0\n";
    const Bisection found = bisect("a.clif", text, {}, fault.fault, fault.inlines);
    ASSERT_EQ(found.error, "") << fault.pass;
    ASSERT_TRUE(found.differs) << fault.pass;
    EXPECT_FALSE(found.native) << fault.pass;
    ASSERT_NE(found.change.pass, nullptr) << fault.pass << ", but " << found.step.before_text;
    EXPECT_EQ(found.change.pass->name, fault.pass);
    EXPECT_NE(found.change.place.find(fault.place), std::string::npos) << found.change.place;
    EXPECT_NE(found.change.what, "");
    EXPECT_TRUE(found.function == "%f" || found.function == "%g") << found.function;
  }
}

// What the e-graph does with memory and traps are steps of its story.
TEST(Bisect, NamesForwardedLoadsAndStoresOfWhatIsThere) {
  struct {
    FaultAtCount fault;
    opt::Rewrite::Kind kind;
    const char* before;
    const char* body;
  } const cases[] = {
      {{ir::Opcode::Load, false, 0},
       opt::Rewrite::Kind::Load,
       "(load.i64 ",
       "store v0, v2\n v3 = load.i64 v2\n return v3"},
      {{ir::Opcode::Store, false, 2},
       opt::Rewrite::Kind::Store,
       "(store ",
       "store v0, v2\n v3 = call fn0(v2)\n store v3, v2+8\n store v3, v2+8\n return v3"},
      {{ir::Opcode::Udiv, false, 1},
       opt::Rewrite::Kind::Merge,
       "(udiv.i64 v0 v1)",
       "v3 = udiv v0, v1\n v4 = call fn0(v2)\n v5 = udiv v0, v1\n v6 = isub v3, v5\n return v6"},
  };
  for (const auto& one : cases) {
    const std::string text = std::string(R"(test run
target x86_64

function %f(i64, i64) -> i64 {
    ss0 = explicit_slot 16
    fn0 = %g(i64) -> i64
block0(v0: i64, v1: i64):
    v2 = stack_addr.i64 ss0
    v9 = call fn0(v2)
    )") + one.body + R"(
}
; run: %f(4, 5) == 0

function %g(i64) -> i64 {
block0(v0: i64):
    v1 = iconst.i64 7
    return v1
}
)";
    const Bisection found = bisect("a.clif", text, {}, one.fault);
    ASSERT_EQ(found.error, "") << one.before;
    ASSERT_TRUE(found.differs) << one.before;
    EXPECT_EQ(found.change.pass, nullptr) << found.change.what;
    EXPECT_EQ(found.step.kind, one.kind) << found.step.before_text;
    EXPECT_TRUE(found.step.before_text.starts_with(one.before)) << found.step.before_text;
    EXPECT_EQ(found.function, "%f");
  }
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

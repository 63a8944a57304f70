// Expansions of pseudo-instructions, run on this processor; their sizes; and what the encoder
// records.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "gantry/isa/x64/emit_pseudo.h"
#include "gantry/isa/x64/meta/row.h"
#include "gantry/isa/x64/test_samples.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/mman.h>
#define GANTRY_CAN_RUN 1
#endif

namespace gantry::isa::x64 {
namespace {

class PseudoTest : public testing::Test {
 protected:
  PseudoTest()
      : buffer_(kX64LabelUses, kX64TrapBytes, &kX64ShortBranch),
        context_{.buffer = buffer_,
                 .frame = {},
                 .constants64 = {},
                 .pool = {},
                 .symbols = {},
                 .table_ranges = {},
                 .table_targets = {}} {
    buffer_.begin(8);
  }
  ~PseudoTest() override {
#if defined(GANTRY_CAN_RUN)
    if (page_ != nullptr) munmap(page_, kPageBytes);
#endif
  }

  // Emits, checking the row's bound.
  void emit(const MInst& inst, std::initializer_list<PReg> regs) {
    std::vector<Allocation> places;
    for (const PReg reg : regs) places.push_back(Allocation::reg(reg));
    const u32 start = buffer_.offset();
    emit_inst(inst, places, context_);
    const u32 bound = row_of(inst.op).max_bytes;
    if (bound != 0) {
      EXPECT_LE(buffer_.offset() - start, bound) << opcode_family(inst.op);
    }
  }
  void finish() {
    for (u32 i = bound_; i < 8; ++i) buffer_.bind(Label{i});
    ASSERT_TRUE(buffer_.finish().has_value());
    buffer_.take(code_);
  }
#if defined(GANTRY_CAN_RUN)
  // The finished code as a function.
  template <class Function>
  Function* function() {
    page_ = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page_ == MAP_FAILED || code_.code.size() > kPageBytes) return page_ = nullptr, nullptr;
    std::memcpy(page_, code_.code.data(), code_.code.size());
    return reinterpret_cast<Function*>(page_);
  }
#endif

  static constexpr usize kPageBytes = 4096;
  MachBuffer buffer_;
  EmitContext context_;
  target::CompiledCode code_;
  u32 bound_ = 0;  // blocks the test bound itself
  void* page_ = nullptr;
};

MInst pseudo(Opcode opcode, i32 imm = 0, CC cc = CC::O) {
  return {static_cast<u16>(opcode), static_cast<u8>(static_cast<u32>(cc) << 4), 0, 0, imm};
}

#if defined(GANTRY_CAN_RUN)
template <class Float>
Float ieee_min(Float a, Float b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<Float>::quiet_NaN();
  if (a == 0 && b == 0) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
template <class Float>
Float ieee_max(Float a, Float b) {
  if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<Float>::quiet_NaN();
  if (a == 0 && b == 0) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

TEST_F(PseudoTest, MinimumAndMaximumFollowIeee) {
  const double values[] = {0.0, -0.0, 1.0, -1.0, 2.5, INFINITY, -INFINITY, NAN, 5e-324};
  for (const bool is_max : {false, true}) {
    for (const i32 bits : {32, 64}) {
      buffer_.begin(8);
      emit(pseudo(is_max ? Opcode::XmmMaxSeq : Opcode::XmmMinSeq, bits), {xmm(2), xmm(0), xmm(1)});
      emit_regs(Opcode::MovapsRM, {xmm(0), xmm(2)}, context_);
      emit_regs(Opcode::Ret, {}, context_);
      finish();
      for (const double a : values) {
        for (const double b : values) {
          double ours, theirs;
          if (bits == 64) {
            ours = function<double(double, double)>()(a, b);
            theirs = is_max ? ieee_max(a, b) : ieee_min(a, b);
          } else {
            const float x = static_cast<float>(a), y = static_cast<float>(b);
            ours = function<float(float, float)>()(x, y);
            theirs = is_max ? ieee_max(x, y) : ieee_min(x, y);
          }
          munmap(page_, kPageBytes);
          page_ = nullptr;
          if (std::isnan(theirs)) {
            EXPECT_TRUE(std::isnan(ours)) << a << " " << b;
          } else {
            EXPECT_EQ(ours, theirs) << a << " " << b;
            EXPECT_EQ(std::signbit(ours), std::signbit(theirs)) << a << " " << b;
          }
        }
      }
    }
  }
}

TEST_F(PseudoTest, AtomicLoopsComputeEveryOperationAtEveryWidth) {
  test::Random random(test::test_seed());
  for (u32 width = 0; width < 4; ++width) {
    for (u32 op = 0; op <= static_cast<u32>(AtomicOp::SMax); ++op) {
      buffer_.begin(8);
      const u16 opcode = static_cast<u16>(static_cast<u32>(Opcode::AtomicRmwSeq_8) + width);
      // Slots: b, t, rax, base.
      emit({opcode, static_cast<u8>(Mode::Base), 0, 0, static_cast<i32>(op)},
           {kRsi, gpr(8), kRax, kRdi});
      emit_regs(Opcode::Ret, {}, context_);
      finish();
      auto* run = function<u64(u64*, u64)>();
      ASSERT_NE(run, nullptr);
      for (u32 round = 0; round < 200; ++round) {
        const u32 bits = 8u << width;
        const u64 mask = bits == 64 ? ~u64{0} : (u64{1} << bits) - 1;
        const u64 old = random.next(), b = random.below(3) == 0 ? old : random.next();
        const i64 signed_old = static_cast<i64>(old << (64 - bits)) >> (64 - bits);
        const i64 signed_b = static_cast<i64>(b << (64 - bits)) >> (64 - bits);
        u64 wanted = 0;
        switch (static_cast<AtomicOp>(op)) {
          case AtomicOp::Add:
            wanted = old + b;
            break;
          case AtomicOp::Sub:
            wanted = old - b;
            break;
          case AtomicOp::And:
            wanted = old & b;
            break;
          case AtomicOp::Nand:
            wanted = ~(old & b);
            break;
          case AtomicOp::Or:
            wanted = old | b;
            break;
          case AtomicOp::Xor:
            wanted = old ^ b;
            break;
          case AtomicOp::Xchg:
            wanted = b;
            break;
          case AtomicOp::UMin:
            wanted = (old & mask) < (b & mask) ? old : b;
            break;
          case AtomicOp::UMax:
            wanted = (old & mask) > (b & mask) ? old : b;
            break;
          case AtomicOp::SMin:
            wanted = signed_old < signed_b ? old : b;
            break;
          case AtomicOp::SMax:
            wanted = signed_old > signed_b ? old : b;
            break;
        }
        u64 cell = old;
        const u64 result = run(&cell, b);
        ASSERT_EQ(cell, (old & ~mask) | (wanted & mask)) << "operation " << op << " width " << bits;
        ASSERT_EQ(result & mask, old & mask);
      }
      munmap(page_, kPageBytes);
      page_ = nullptr;
    }
  }
}

TEST_F(PseudoTest, JumpTablesReachTheirTargets) {
  const u32 ranges[] = {0, 3};
  const u32 targets[] = {2, 0, 1};
  context_.table_ranges = ranges;
  context_.table_targets = targets;
  emit(pseudo(Opcode::JmpTableSeq), {kRdi, kRax, kRdx});
  for (u32 block = 0; block < 3; ++block) {
    buffer_.bind(Label{block});
    emit_regs(Opcode::MovImm32OI_32, {kRax}, context_, static_cast<i32>(100 + block));
    emit_regs(Opcode::Ret, {}, context_);
  }
  bound_ = 3;
  finish();
  auto* run = function<u32(u64)>();
  ASSERT_NE(run, nullptr);
  EXPECT_EQ(run(0), 102u);
  EXPECT_EQ(run(1), 100u);
  EXPECT_EQ(run(2), 101u);
}

TEST_F(PseudoTest, CasesAreToldApartByCompares) {
  // Block 3 is the default: of every index above, of 2, of 5, and of those beyond a byte.
  const u32 targets[] = {2, 0, 3, 1, 0, 3, 2, 3};
  const u32 ranges[] = {0, static_cast<u32>(std::size(targets))};
  context_.table_ranges = ranges;
  context_.table_targets = targets;
  emit(pseudo(Opcode::JmpCasesSeq), {kRdi});
  for (u32 block = 0; block < 4; ++block) {
    buffer_.bind(Label{block});
    emit_regs(Opcode::MovImm32OI_32, {kRax}, context_, static_cast<i32>(100 + block));
    emit_regs(Opcode::Ret, {}, context_);
  }
  bound_ = 4;
  finish();
  auto* run = function<u32(u32)>();
  ASSERT_NE(run, nullptr);
  for (u32 index = 0; index < std::size(targets); ++index)
    EXPECT_EQ(run(index), 100 + targets[index]) << index;
  for (const u32 index : {8u, 128u, 256u, 0x80000000u, 0xffffffffu}) EXPECT_EQ(run(index), 103u);
}

TEST_F(PseudoTest, BranchesOnOneAndTwoConditions) {
  // f(a, b): 1 if a == b by ucomisd (not unordered), else 0, by jcc_either on the opposite.
  emit_regs(Opcode::UcomisdRM, {xmm(0), xmm(1)}, context_);
  MInst either = pseudo(Opcode::JccEither, 1, CC::NE);
  either.aux = static_cast<u8>(CC::P);
  either.disp = 0;
  emit(either, {});
  for (u32 block = 0; block < 2; ++block) {
    buffer_.bind(Label{block});
    emit_regs(Opcode::MovImm32OI_32, {kRax}, context_, block == 0 ? 1 : 0);
    emit_regs(Opcode::Ret, {}, context_);
  }
  bound_ = 2;
  finish();
  auto* run = function<u32(double, double)>();
  ASSERT_NE(run, nullptr);
  EXPECT_EQ(run(1, 1), 1u);
  EXPECT_EQ(run(1, 2), 0u);
  EXPECT_EQ(run(NAN, NAN), 0u);
}

TEST_F(PseudoTest, ConditionalXmmMove) {
  emit_regs(Opcode::UcomisdRM, {xmm(0), xmm(1)}, context_);
  emit(pseudo(Opcode::XmmCmov, 0, CC::B), {xmm(0), xmm(0), xmm(1)});
  emit_regs(Opcode::Ret, {}, context_);
  finish();
  auto* run = function<double(double, double)>();
  ASSERT_NE(run, nullptr);
  EXPECT_EQ(run(1, 2), 2);
  EXPECT_EQ(run(3, 2), 3);
}
#endif

TEST_F(PseudoTest, TrapsAreRecorded) {
  emit(pseudo(Opcode::TrapIf, 252, CC::O), {});
  MInst load{static_cast<u16>(Opcode::MovRM_64), static_cast<u8>(Mode::Base), 253, 8, 0};
  const u32 at = buffer_.offset();
  emit(load, {kRax, kRdi});
  emit(pseudo(Opcode::Ud2, 17), {});
  finish();
  ASSERT_EQ(code_.traps.size(), 3u);
  const u32 shrunk = 4;  // the conditional jump became short
  EXPECT_EQ(code_.traps[0].offset, at - shrunk);
  EXPECT_EQ(code_.traps[0].code.code, 253);
  EXPECT_EQ(code_.traps[1].code.code, 17);
  EXPECT_EQ(code_.traps[2].code.code, 252);
}

TEST_F(PseudoTest, NamesBecomeRelocations) {
  const ExternalRef refs[] = {{{ir::ExternalName::Kind::User, 5}, 0},
                              {{ir::ExternalName::Kind::User, 6}, 24}};
  context_.symbols = refs;
  emit(pseudo(Opcode::LoadExtNameGot, 1), {gpr(12)});
  emit(pseudo(Opcode::LoadExtNameNear, 0), {kRax});
  emit(pseudo(Opcode::LoadExtNameFar, 1), {gpr(9)});
  emit_call_name(refs[0], target::RelocKind::X86CallPLTRel4, context_);
  // A displacement with an immediate behind it.
  emit_mem(Opcode::CmpMI_32, {}, Mode::Symbol, 1, context_, 0x12345);
  finish();
  ASSERT_EQ(code_.relocs.size(), 5u);
  const std::string text(code_.code.begin(), code_.code.end());
  EXPECT_EQ(code_.relocs[0].kind, target::RelocKind::X86GOTPCRel4);
  EXPECT_EQ(code_.relocs[0].addend, -4);
  EXPECT_EQ(code_.relocs[1].kind, target::RelocKind::X86PCRel4);
  EXPECT_EQ(code_.relocs[1].addend, -4);
  EXPECT_EQ(code_.relocs[2].kind, target::RelocKind::Abs8);
  EXPECT_EQ(code_.relocs[2].addend, 24);
  EXPECT_EQ(code_.relocs[3].kind, target::RelocKind::X86CallPLTRel4);
  EXPECT_EQ(code_.relocs[3].addend, -4);
  EXPECT_EQ(code_.relocs[4].addend, 24 - 8);
}

TEST_F(PseudoTest, MovesOfTheAllocator) {
  context_.frame.spills = 16;
  const auto move = [&](Allocation from, Allocation to, RegClass reg_class, bool wide, bool avx) {
    MachBuffer buffer(kX64LabelUses, kX64TrapBytes);
    buffer.begin(0);
    EmitContext context{.buffer = buffer,
                        .frame = context_.frame,
                        .constants64 = {},
                        .pool = {},
                        .symbols = {},
                        .table_ranges = {},
                        .table_targets = {},
                        .hooks = nullptr,
                        .avx = avx};
    emit_move(from, to, reg_class, wide, context);
    EXPECT_TRUE(buffer.finish().has_value());
    target::CompiledCode code;
    buffer.take(code);
    return code.code;
  };
  using Bytes = std::vector<u8>;
  const Allocation rax = Allocation::reg(kRax), r9 = Allocation::reg(gpr(9)),
                   x1 = Allocation::reg(xmm(1)), x8 = Allocation::reg(xmm(8)),
                   slot = Allocation::stack(2);
  EXPECT_EQ(move(rax, r9, RegClass::Int, false, false), (Bytes{0x4c, 0x8b, 0xc8}));
  EXPECT_EQ(move(rax, slot, RegClass::Int, false, false), (Bytes{0x48, 0x89, 0x44, 0x24, 0x20}));
  EXPECT_EQ(move(slot, r9, RegClass::Int, false, false), (Bytes{0x4c, 0x8b, 0x4c, 0x24, 0x20}));
  EXPECT_EQ(move(x1, x8, RegClass::Float, false, false), (Bytes{0x44, 0x0f, 0x28, 0xc1}));
  EXPECT_EQ(move(x1, slot, RegClass::Float, false, false),
            (Bytes{0xf2, 0x0f, 0x11, 0x4c, 0x24, 0x20}));
  EXPECT_EQ(move(slot, x1, RegClass::Float, true, false), (Bytes{0x0f, 0x10, 0x4c, 0x24, 0x20}));
  EXPECT_EQ(move(x8, slot, RegClass::Float, true, true),
            (Bytes{0xc5, 0x78, 0x11, 0x44, 0x24, 0x20}));
}

TEST_F(PseudoTest, NopsFillExactly) {
  for (u32 bytes = 0; bytes < 40; ++bytes) {
    const u32 start = buffer_.offset();
    emit_nops(bytes, context_);
    EXPECT_EQ(buffer_.offset() - start, bytes);
  }
  finish();
}

}  // namespace
}  // namespace gantry::isa::x64

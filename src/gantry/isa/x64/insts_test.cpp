// Constructors: every one, for every size and every kind of operand, makes an instruction whose
// operands carry what its row demands. Also the forms they choose, the pairing of flags, and the
// judge of flags.
#include "gantry/isa/x64/insts.h"

#include <gtest/gtest.h>

#include "gantry/isa/x64/encode.h"
#include "gantry/isa/x64/flags_check.h"
#include "gantry/isa/x64/meta/row.h"
#include "gantry/isa/x64/meta/slots.h"
#include "gantry/isa/x64/print.h"
#include "gantry/isa/x64/table.h"

namespace gantry::isa::x64 {
namespace {

using regalloc::Constraint;

struct Maker {
  explicit Maker(bool avx) : insts(buffer, vregs, constants, features(avx)) {}
  static Features features(bool avx) {
    Features set;
    if (avx) set.add(static_cast<u32>(meta::Feature::Avx));
    return set;
  }
  Gpr gpr() { return {vregs.fresh(RegClass::Int)}; }
  Xmm xmm() { return {vregs.fresh(RegClass::Float)}; }
  std::string text(u32 inst) {
    u32 first = 0;
    for (u32 i = 0; i < inst; ++i) first += buffer.counts()[i];
    TextWriter out;
    print_inst(buffer.insts()[inst], {buffer.operands() + first, buffer.counts()[inst]}, {},
               {.constants64 = constants}, out);
    return out.string();
  }
  std::string last() { return text(buffer.num_insts() - 1); }

  machinst::InstBuffer buffer;
  machinst::VRegSource vregs;
  std::vector<u64> constants;
  X64Insts insts;
};

// What is wrong with an instruction's operands by its row; empty: nothing.
std::string judge_operands(const MInst& inst, std::span<const Operand> operands) {
  const meta::Row& row = row_of(inst.op);
  const meta::Slots slots = meta::slots_of(row);
  const Mode mode = static_cast<Mode>(inst.mode & kModeMask);
  u32 used = 0;
  const auto expect = [&](u32 slot, bool is_def, bool is_late, Constraint constraint, u32 payload,
                          RegClass reg_class) -> std::string {
    ++used;
    if (slot >= operands.size()) return "operand is missing";
    const Operand& operand = operands[slot];
    if (!operand.vreg.is_valid()) return "no register in slot " + std::to_string(slot);
    if (operand.is_def() != is_def) return "use and def in slot " + std::to_string(slot);
    if (operand.is_late() != is_late) return "early and late in slot " + std::to_string(slot);
    if (operand.constraint() != constraint) return "constraint of slot " + std::to_string(slot);
    if (operand.payload() != payload) return "payload of slot " + std::to_string(slot);
    if (operand.vreg.reg_class() != reg_class)
      return "register class of slot " + std::to_string(slot);
    return {};
  };
  for (u32 i = 0; i < row.ops.count; ++i) {
    const meta::Op& op = row.ops[i];
    const bool is_m = meta::is_m_kind(op.kind);
    const bool is_xmm = op.kind == meta::Kind::Xmm || op.kind == meta::Kind::XmmMem;
    const RegClass reg_class = is_xmm ? RegClass::Float : RegClass::Int;
    if (is_m && (mode != Mode::Reg || op.kind == meta::Kind::Mem || op.kind == meta::Kind::Addr)) {
      if (mode == Mode::Reg) return "memory operand in register form";
      for (u32 r = 0; r < mode_registers(mode); ++r) {
        if (std::string why =
                expect(slots.m + r, false, op.late, Constraint::Reg, 0, RegClass::Int);
            !why.empty())
          return why;
      }
      continue;
    }
    if (!is_m && op.kind != meta::Kind::Gpr && op.kind != meta::Kind::Xmm &&
        op.kind != meta::Kind::Fixed)
      continue;
    u32 slot = slots.reg[i];
    const bool fixed = op.kind == meta::Kind::Fixed;
    const u32 fixed_payload = fixed ? PReg(RegClass::Int, static_cast<u32>(op.fix)).index() : 0;
    if (op.role != meta::Role::Use) {
      const bool reuse = op.role == meta::Role::Modify && !fixed;
      const Constraint constraint = fixed   ? Constraint::Fixed
                                    : reuse ? Constraint::Reuse
                                            : Constraint::Reg;
      if (std::string why = expect(slot, true, !op.early, constraint,
                                   fixed   ? fixed_payload
                                   : reuse ? slot + 1
                                           : 0,
                                   reg_class);
          !why.empty()) {
        return why;
      }
      ++slot;
    }
    if (op.role == meta::Role::Use || op.role == meta::Role::Modify) {
      // Only plain uses in M position may lie in a spill slot, of 8 bytes.
      const bool any =
          is_m && op.role == meta::Role::Use && !op.late && !op.aligned && op.bits <= 64;
      const Constraint constraint = fixed ? Constraint::Fixed
                                    : any ? Constraint::Any
                                          : Constraint::Reg;
      if (std::string why = expect(slot, false, op.late, constraint, fixed_payload, reg_class);
          !why.empty())
        return why;
    }
  }
  if (used != operands.size()) return "number of operands";
  for (u32 i = 0; i < operands.size(); ++i) {
    if (!operands[i].commutes()) continue;
    if (!row.commutes) return "commutes and must not";
    if (i + 1 >= operands.size() || operands[i].is_def() || operands[i + 1].is_def() ||
        operands[i].vreg.reg_class() != operands[i + 1].vreg.reg_class() || mode != Mode::Reg) {
      return "commutes with what is no equal";
    }
  }
  return {};
}

template <class T>
std::vector<T> all_operands(Maker& maker) {
  std::vector<AMode> modes = {AMode::at(maker.gpr().reg, 8, 3),
                              AMode::indexed(maker.gpr().reg, maker.gpr().reg, 2, -4),
                              AMode::other(Mode::Slot, 16), AMode::other(Mode::Constant, 0)};
  if constexpr (std::is_same_v<T, AMode>) {
    return modes;
  } else {
    constexpr bool kIsXmm = std::is_same_v<T, XmmMem> || std::is_same_v<T, XmmMemAligned>;
    std::vector<T> operands = {{AMode::reg(kIsXmm ? maker.xmm().reg : maker.gpr().reg)}};
    if constexpr (std::is_same_v<T, GprImm> || std::is_same_v<T, GprMemImm>) {
      operands.push_back({AMode::imm(-1)});
      operands.push_back({AMode::imm(100)});
      operands.push_back({AMode::imm(3000)});
    }
    if constexpr (!std::is_same_v<T, GprImm>) {
      for (const AMode& mode : modes) operands.push_back({mode});
    }
    return operands;
  }
}

template <class Visit>
void exercise_all(Maker& maker, Visit visit) {
  X64Insts& insts = maker.insts;
  const auto gpr = [&] { return maker.gpr().reg; };
  const auto xmm = [&] { return maker.xmm().reg; };
  const auto all_operands_of = [&]<class T>() { return all_operands<T>(maker); };
#define operands_of all_operands_of.template operator()
#include "gantry/gen/isa/x64/insts_exercise.inc"
#undef operands_of
}

TEST(X64Insts, EveryConstructorObeysItsRow) {
  for (const bool avx : {false, true}) {
    Maker maker(avx);
    u32 made = 0, vex = 0, reported = 0;
    u32 inst = 0, operand = 0;
    exercise_all(maker, [&](const char* name) {
      for (; inst < maker.buffer.num_insts(); ++inst) {
        const u32 count = maker.buffer.counts()[inst];
        const std::string why =
            judge_operands(maker.buffer.insts()[inst], {maker.buffer.operands() + operand, count});
        if (!why.empty() && ++reported < 30)
          ADD_FAILURE() << name << ": " << why << ": " << maker.text(inst);
        vex += (op_info(maker.buffer.insts()[inst].op).flags & OpInfo::kVex) != 0;
        operand += count;
        ++made;
      }
    });
    EXPECT_GT(made, 1500u);
    if (avx) {
      EXPECT_GT(vex, 400u);
    }
    std::printf("%u instructions, %u with VEX\n", made, vex);
  }
}

TEST(X64Insts, ConstructorsChooseTheForm) {
  Maker maker(false);
  const OperandSize i8 = OperandSize::of_log2(0), i32 = OperandSize::of_log2(2),
                    i64 = OperandSize::of_log2(3);
  const auto opcode = [&] {
    return static_cast<Opcode>(maker.buffer.insts()[maker.buffer.num_insts() - 1].op);
  };
  X64Insts& insts = maker.insts;
  const Gpr a = maker.gpr(), b = maker.gpr();
  insts.x64_add(i32, a, insts.gpr_to_gpr_mem_imm(b));
  EXPECT_EQ(opcode(), Opcode::AddRM_32);
  EXPECT_EQ(maker.last(), "add v2=v0, v1");
  insts.x64_add(i64, a, insts.imm_to_gpr_mem_imm(-128));
  EXPECT_EQ(opcode(), Opcode::AddMI8_64);
  insts.x64_add(i64, a, insts.imm_to_gpr_mem_imm(128));
  EXPECT_EQ(opcode(), Opcode::AddMI_64);
  insts.x64_add(i8, a, insts.imm_to_gpr_mem_imm(5));
  EXPECT_EQ(opcode(), Opcode::AddMI_8);
  insts.x64_add_to_mem(i32, AMode::at(b.reg, 12, 9), insts.gpr_to_gpr_imm(a));
  EXPECT_EQ(opcode(), Opcode::AddMR_32);
  EXPECT_EQ(maker.buffer.insts()[maker.buffer.num_insts() - 1].aux, 9);
  insts.x64_const(5);
  EXPECT_EQ(opcode(), Opcode::MovImm32OI_32);
  insts.x64_const(~u64{0});
  EXPECT_EQ(opcode(), Opcode::MovImm32SxMI_64);
  insts.x64_const(0x123456789abc);
  EXPECT_EQ(opcode(), Opcode::MovabsOI_64);
  EXPECT_EQ(maker.last(), "movabs v8, 20015998343868");
  insts.x64_imul_imm(i32, insts.gpr_to_gpr_mem(a), 1000);
  EXPECT_EQ(opcode(), Opcode::ImulImmRMI_32);
  insts.x64_addsd(maker.xmm(), insts.xmm_to_xmm_mem(maker.xmm()));
  EXPECT_EQ(opcode(), Opcode::AddsdRM);
  Maker with_avx(true);
  const Xmm x = with_avx.xmm(), y = with_avx.xmm();
  with_avx.insts.x64_addsd(x, insts.xmm_to_xmm_mem(y));
  EXPECT_EQ(with_avx.last(), "vaddsd v2, v0, v1");
}

TEST(X64Insts, FlagsArePairedWhateverTheArgumentsEmit) {
  Maker maker(false);
  const OperandSize i64 = OperandSize::of_log2(3);
  X64Insts& insts = maker.insts;
  const Gpr a = maker.gpr(), b = maker.gpr();
  // The argument's constant is emitted after the description of cmp, and before the pair.
  const ProducesFlags cmp = insts.x64_cmp_flags(i64, a, insts.gpr_to_gpr_mem_imm(b));
  const ConsumesFlags cmov =
      insts.x64_cmov_using(i64, CC::B, a, insts.gpr_to_gpr_mem(insts.x64_const(1)));
  insts.with_flags(cmp, cmov);
  ASSERT_EQ(maker.buffer.num_insts(), 3u);
  EXPECT_TRUE(maker.text(0).starts_with("mov "));
  EXPECT_TRUE(maker.text(1).starts_with("cmp "));
  EXPECT_TRUE(maker.text(2).starts_with("cmovb "));
  const GprPair sum =
      insts.with_flags_both(insts.x64_add_flags(i64, a, insts.gpr_to_gpr_mem_imm(b)),
                            insts.x64_adc_using(i64, a, insts.gpr_to_gpr_mem_imm(b)));
  EXPECT_NE(sum.first.reg, sum.second.reg);
  EXPECT_TRUE(maker.last().starts_with("adc "));
}

// ---- the judge of flags

class FlagsJudge : public testing::Test {
 protected:
  std::vector<FlagsFinding> judge() {
    machinst::VCode vcode;
    vcode.insts = insts_;
    vcode.input.num_blocks = 1;
    vcode.input.num_insts = static_cast<u32>(insts_.size());
    block_insts_ = {0, vcode.input.num_insts};
    vcode.input.block_insts = block_insts_;
    regalloc::Output output;
    output.edits = edits_;
    return check_flags(vcode, output);
  }
  void add(Opcode opcode, CC cc = CC::O) {
    insts_.push_back(
        {static_cast<u16>(opcode), static_cast<u8>(static_cast<u32>(cc) << 4), 0, 0, 0});
  }
  std::vector<MInst> insts_;
  std::vector<regalloc::Edit> edits_;
  std::vector<u32> block_insts_;
};

TEST_F(FlagsJudge, AcceptsPairsAndChains) {
  add(Opcode::SubRM_64);
  add(Opcode::SbbRM_64);
  add(Opcode::SetM_8, CC::L);
  add(Opcode::UcomisdRM);
  add(Opcode::SetM_8, CC::NP);
  add(Opcode::SetM_8, CC::E);
  edits_.push_back({3, Allocation::reg(kRax), Allocation::reg(kRcx), RegClass::Int,
                    false});  // a move is harmless
  EXPECT_TRUE(judge().empty());
}
TEST_F(FlagsJudge, FindsAReaderWithoutWriter) {
  add(Opcode::SetM_8, CC::E);
  ASSERT_EQ(judge().size(), 1u);
  EXPECT_EQ(judge()[0].what, "set reads ZF, which has no value after the start of the block");
}
TEST_F(FlagsJudge, FindsASpoiledFlag) {
  add(Opcode::CmpRM_64);
  add(Opcode::ImulRM_64);  // ZF undefined
  add(Opcode::SetM_8, CC::E);
  ASSERT_EQ(judge().size(), 1u);
  EXPECT_EQ(judge()[0].what, "set reads ZF, which has no value after imul");
}
TEST_F(FlagsJudge, FindsAnInstructionInBetween) {
  add(Opcode::CmpRM_64);
  add(Opcode::LeaRM_64);
  add(Opcode::SetM_8, CC::E);
  ASSERT_EQ(judge().size(), 1u);
  EXPECT_EQ(judge()[0].what, "set does not follow its writer but lea");
}
TEST_F(FlagsJudge, FindsARematerialisedConstantThatWritesFlags) {
  add(Opcode::ZeroB_32);
  add(Opcode::CmpRM_64);
  add(Opcode::SetM_8, CC::E);
  edits_.push_back({4, Allocation::remat(0), Allocation::reg(kRax), RegClass::Int, false});
  EXPECT_EQ(judge().size(), 1u);
}
TEST_F(FlagsJudge, KnowsThatShiftsByZeroKeepFlags) {
  add(Opcode::ShlMI_64);
  add(Opcode::SetM_8, CC::E);
  EXPECT_EQ(judge().size(), 1u);
}

TEST(X64Table, FactsOfRematerialisation) {
  for (const Opcode opcode :
       {Opcode::MovImm32OI_32, Opcode::MovabsOI_64, Opcode::XmmZeroB, Opcode::LeaRM_64}) {
    EXPECT_TRUE(op_facts(static_cast<u32>(opcode)).remat);
  }
  for (const Opcode opcode :
       {Opcode::ZeroB_32, Opcode::MovRM_64, Opcode::AddRM_64, Opcode::SetM_8, Opcode::MovsdRM}) {
    EXPECT_FALSE(op_facts(static_cast<u32>(opcode)).remat);
  }
}

}  // namespace
}  // namespace gantry::isa::x64

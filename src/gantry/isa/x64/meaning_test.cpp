// Meanings: what a row says its instruction does is what this processor does. Random states go
// through the evaluator and, by a trampoline made with our own encoder, through the bytes; all
// general registers, the memory operand and all flags must come out the same.
#include <gtest/gtest.h>

#include <cstring>

#include "gantry/isa/x64/meta/meaning.h"
#include "gantry/isa/x64/test_samples.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/mman.h>

namespace gantry::isa::x64 {
namespace {

using test::Random;
using test::Sample;

struct alignas(16) CpuState {
  u64 regs[16];
  u64 flags;
};

constexpr u32 kFlagBits[6] = {0, 2, 4, 6, 7, 11};  // of CF PF AF ZF SF OF in the flags register
u64 to_rflags(u8 flags) {
  u64 bits = 2;
  for (u32 i = 0; i < 6; ++i) bits |= static_cast<u64>(flags >> i & 1) << kFlagBits[i];
  return bits;
}
u8 from_rflags(u64 bits) {
  u32 flags = 0;
  for (u32 i = 0; i < 6; ++i) flags |= static_cast<u32>(bits >> kFlagBits[i] & 1) << i;
  return static_cast<u8>(flags);
}

// A page of code: load a state, run the instruction, store the state.
class Trampoline {
 public:
  Trampoline() : buffer_(kX64LabelUses, kX64TrapBytes) {
    page_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                 -1, 0);
  }
  ~Trampoline() {
    if (page_ != MAP_FAILED) munmap(page_, kBytes);
  }
  bool usable() const { return page_ != MAP_FAILED; }

  void set(const std::vector<u8>& instruction) {
    buffer_.begin(0);
    EmitContext context{.buffer = buffer_,
                        .frame = {},
                        .constants64 = {},
                        .pool = {},
                        .symbols = {},
                        .table_ranges = {},
                        .table_targets = {}};
    const auto push = [&](PReg reg) { emit_regs(Opcode::PushO_64, {reg}, context); };
    const auto pop = [&](PReg reg) { emit_regs(Opcode::PopO_64, {reg}, context); };
    const u8 pushfq = 0x9c, popfq = 0x9d;
    const PReg saved[] = {kRbx, kRbp, gpr(12), gpr(13), gpr(14), gpr(15), kRdi};
    for (const PReg reg : saved) push(reg);
    emit_mem(Opcode::MovRM_64, {kRax, kRdi}, Mode::Base, offsetof(CpuState, flags), context);
    push(kRax);
    buffer_.put1(popfq);
    for (u32 i = 0; i < 16; ++i) {
      if (i == 4 || i == 7) continue;
      emit_mem(Opcode::MovRM_64, {gpr(i), kRdi}, Mode::Base, static_cast<i32>(8 * i), context);
    }
    emit_mem(Opcode::MovRM_64, {kRdi, kRdi}, Mode::Base, 8 * 7, context);
    buffer_.put_bytes(instruction);
    buffer_.put1(pushfq);
    push(kRdi);
    emit_mem(Opcode::MovRM_64, {kRdi, kRsp}, Mode::Base, 16, context);
    for (u32 i = 0; i < 16; ++i) {
      if (i == 4 || i == 7) continue;
      emit_mem(Opcode::MovToMemMR_64, {gpr(i), kRdi}, Mode::Base, static_cast<i32>(8 * i), context);
    }
    pop(kRax);
    emit_mem(Opcode::MovToMemMR_64, {kRax, kRdi}, Mode::Base, 8 * 7, context);
    pop(kRax);
    emit_mem(Opcode::MovToMemMR_64, {kRax, kRdi}, Mode::Base, offsetof(CpuState, flags), context);
    for (u32 i = std::size(saved); i-- > 0;) pop(saved[i]);
    emit_regs(Opcode::Ret, {}, context);
    ASSERT_TRUE(buffer_.finish().has_value());
    target::CompiledCode code;
    buffer_.take(code);
    ASSERT_LE(code.code.size(), kBytes);
    std::memcpy(page_, code.code.data(), code.code.size());
  }
  void run(CpuState& state) { reinterpret_cast<void (*)(CpuState*)>(page_)(&state); }

 private:
  static constexpr usize kBytes = 4096;
  MachBuffer buffer_;
  void* page_;
};

bool processor_has(meta::Feature feature) {
  __builtin_cpu_init();
  u32 a, b, c, d;
  switch (feature) {
    case meta::Feature::None:
      return true;
    case meta::Feature::Popcnt:
      return __builtin_cpu_supports("popcnt");
    case meta::Feature::Bmi1:
      return __builtin_cpu_supports("bmi");
    case meta::Feature::Bmi2:
      return __builtin_cpu_supports("bmi2");
    case meta::Feature::Lzcnt:
      return __get_cpuid(0x80000001, &a, &b, &c, &d) != 0 && (c & 1u << 5) != 0;
    case meta::Feature::Cmpxchg16b:
      return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & 1u << 13) != 0;
    default:
      return false;
  }
}

bool is_integer_row(const meta::Row& row) {
  for (const meta::Op& op : row.ops) {
    if (op.kind == meta::Kind::Xmm || op.kind == meta::Kind::XmmMem || op.kind == meta::Kind::List)
      return false;
  }
  return row.shape == meta::Shape::Normal;
}

u64 random_word(Random& random) {
  static constexpr u64 kEdges[] = {0,
                                   1,
                                   2,
                                   7,
                                   8,
                                   15,
                                   16,
                                   31,
                                   32,
                                   33,
                                   63,
                                   64,
                                   0x7f,
                                   0x80,
                                   0xff,
                                   0x7fff,
                                   0x8000,
                                   0xffff,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   ~u64{0}};
  switch (random.below(4)) {
    case 0:
      return random.pick(kEdges);
    case 1:
      return random.next() >> random.below(64);
    case 2:
      return random.pick(kEdges) | random.pick(kEdges) << 32;
    default:
      return random.next();
  }
}

class MeaningTest : public testing::Test {
 protected:
  // The memory operand lies in the middle.
  alignas(64) u8 memory_[128] = {};

  u128 load(u32 bits) const {
    u128 value = 0;
    std::memcpy(&value, memory_ + 64, bits / 8);
    return value;
  }

  // One sample on one random state. False: the processor and the row disagree.
  void check(const Sample& sample, Trampoline& trampoline, Random& random, u32& runs) {
    const meta::Row& row = row_of(sample.opcode);
    const meta::Slots slots = meta::slots_of(row);
    CpuState before{}, after;
    for (u64& reg : before.regs) reg = random_word(random);
    for (u32 i = 64; i < 80; ++i) memory_[i] = static_cast<u8>(random.next());
    if (random.below(3) == 0) {
      const u64 word = random_word(random);
      std::memcpy(memory_ + 64, &word, 8);
    }
    const u8 flags = static_cast<u8>(random.below(64));
    before.flags = to_rflags(flags);
    const i32 disp = sample.inst.disp;
    const u64 address = reinterpret_cast<u64>(memory_ + 64);
    if (sample.mode != Mode::Reg) {
      const u32 base = sample.allocs[slots.m].as_reg().hw_enc();
      u64 value = address - static_cast<u64>(static_cast<i64>(disp));
      if (mode_registers(sample.mode) == 2) {
        const u32 index = sample.allocs[slots.m + 1u].as_reg().hw_enc();
        value -= before.regs[index]
                 << (static_cast<u32>(sample.mode) - static_cast<u32>(Mode::Index1));
      }
      before.regs[base] = value;
    }
    // A compare-and-exchange that always fails proves little.
    if (row.name == "lock_cmpxchg" && random.below(2) == 0)
      std::memcpy(memory_ + 64, &before.regs[0], 8);
    if (row.name == "lock_cmpxchg16b" && random.below(2) == 0) {
      std::memcpy(memory_ + 64, &before.regs[0], 8);
      std::memcpy(memory_ + 72, &before.regs[2], 8);
    }
    if (row.name == "lock_cmpxchg8b" && random.below(2) == 0) {
      std::memcpy(memory_ + 64, &before.regs[0], 4);
      std::memcpy(memory_ + 68, &before.regs[2], 4);
    }

    meta::MeaningState state;
    state.width = 8u << width_log2_of(sample.opcode);
    state.condition = sample.inst.mode >> 4;
    state.flags = flags;
    for (u32 i = 0; i < row.ops.count; ++i) {
      const meta::Op& op = row.ops[i];
      u32 bits = op.bits != 0 ? op.bits : state.width;
      u128 value = 0;
      if (op.kind == meta::Kind::Imm) {
        value = static_cast<u128>(static_cast<i128>(sample.inst.imm));
        if (meta::parse_encoding(row.enc, row.ops.count).imm == meta::ImmKind::Io)
          value = sample.constant;
      } else if (op.kind == meta::Kind::Addr) {
        bits = 64;
        value = address;
      } else if (meta::is_m_kind(op.kind) && sample.mode != Mode::Reg) {
        value = load(bits);
      } else if (op.kind != meta::Kind::Cond) {
        value = before.regs[sample.allocs[slots.reg[i]].as_reg().hw_enc()];
      }
      value &= bits >= 128 ? ~u128{0} : (u128{1} << bits) - 1;
      state.variables.push_back({op.name, {value, bits, false}, {}, false});
    }
    std::string error;
    ASSERT_TRUE(meta::evaluate_meaning(row.meaning, state, error)) << error;
    if (state.traps) return;
    ++runs;
    after = before;
    trampoline.run(after);

    // What the row expects.
    u64 expected[16];
    bool defined[16];
    for (u32 i = 0; i < 16; ++i) expected[i] = before.regs[i], defined[i] = true;
    for (u32 i = 0; i < row.ops.count; ++i) {
      const meta::Op& op = row.ops[i];
      const meta::MeaningState::Variable& variable = state.variables[i];
      if (op.role != meta::Role::Use && !variable.written) {
        ASSERT_NE(row.meaning.find("set_if"), std::string_view::npos)
            << "the meaning does not set " << op.name;
      }
      if (!variable.written) continue;
      ASSERT_NE(op.role, meta::Role::Use);
      if (meta::is_m_kind(op.kind) && sample.mode != Mode::Reg) {
        if (!variable.after.undefined) {
          EXPECT_EQ(static_cast<u64>(load(variable.before.width)),
                    static_cast<u64>(variable.after.bits))
              << "memory";
        }
        continue;
      }
      const u32 reg = sample.allocs[slots.reg[i]].as_reg().hw_enc();
      const u64 value = static_cast<u64>(variable.after.bits);
      switch (variable.before.width) {
        case 8:
          expected[reg] = (expected[reg] & ~u64{0xff}) | value;
          break;
        case 16:
          expected[reg] = (expected[reg] & ~u64{0xffff}) | value;
          break;
        default:
          expected[reg] = value;
          break;
      }
      if (variable.after.undefined) defined[reg] = false;
    }
    for (u32 i = 0; i < 16; ++i) {
      if (i == 4 || !defined[i]) continue;
      EXPECT_EQ(after.regs[i], expected[i]) << "register " << i << " was " << before.regs[i];
    }
    const u8 flags_after = from_rflags(after.flags);
    for (u32 i = 0; i < 6; ++i) {
      const u32 flag = 1u << i;
      if ((row.flags.undefined & flag) != 0 || (state.flags_undefined & flag) != 0) continue;
      EXPECT_EQ(flags_after & flag, state.flags_after & flag) << "flag "
                                                              << "CPAZSO"[i];
    }
  }
};

TEST_F(MeaningTest, ProcessorDoesWhatTheRowsSay) {
  Random random(test::test_seed());
  Trampoline trampoline;
  if (!trampoline.usable()) GTEST_SKIP() << "no executable memory to be had";
  MachBuffer buffer(kX64LabelUses, kX64TrapBytes);
  u32 runs = 0, opcodes = 0, skipped = 0;
  for (u32 opcode = 1; opcode < kNumOpcodes; ++opcode) {
    const meta::Row& row = row_of(opcode);
    if (!is_integer_row(row) || row.meaning == "(opaque!)") continue;
    if (!processor_has(row.needs)) {
      ++skipped;
      continue;
    }
    ++opcodes;
    u32 runs_here = 0;
    bool may_spill = false;
    for (const Mode mode : test::modes_of(opcode, may_spill)) {
      if (mode != Mode::Reg && mode != Mode::Base && mode != Mode::Index4) continue;
      for (u32 round = 0; round < 12; ++round) {
        Sample sample = test::make_sample(opcode, mode, false, random);
        // The stack pointer is the trampoline's; two results in one register and an address
        // register that is its own index mean nothing.
        bool fits = true;
        u32 written = 0;
        const meta::Slots slots = meta::slots_of(row);
        for (u32 i = 0; i < row.ops.count; ++i) {
          const meta::Op& op = row.ops[i];
          if (op.role == meta::Role::Use || (meta::is_m_kind(op.kind) && mode != Mode::Reg))
            continue;
          const u32 bit = 1u << sample.allocs[slots.reg[i]].as_reg().hw_enc();
          fits &= (written & bit) == 0;
          written |= bit;
        }
        for (const Allocation place : sample.allocs) fits &= place.as_reg().hw_enc() != 4;
        if (mode_registers(mode) == 2)
          fits &= sample.allocs[slots.m] != sample.allocs[slots.m + 1u];
        if (!fits || !test::finish_sample(sample, buffer)) continue;
        SCOPED_TRACE(sample.text + "  (" + std::string(row.name) + ")");
        trampoline.set(sample.bytes);
        for (u32 i = 0; i < 60; ++i) {
          check(sample, trampoline, random, runs_here);
          if (HasFailure()) return;
        }
      }
    }
    EXPECT_GT(runs_here, 50u) << row.name;
    runs += runs_here;
  }
  std::printf("%u opcodes, %u runs, %u opcodes that this processor lacks\n", opcodes, runs,
              skipped);
}

}  // namespace
}  // namespace gantry::isa::x64
#endif

#pragma once
// For the tests: instructions of every opcode, in every addressing mode, with registers,
// displacements and immediates from the edges.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "gantry/isa/x64/encode.h"
#include "gantry/isa/x64/meta/row.h"
#include "gantry/isa/x64/meta/slots.h"
#include "gantry/isa/x64/print.h"
#include "gantry/isa/x64/table.h"

namespace gantry::isa::x64::test {

// splitmix64: the same on every machine.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  u32 below(u32 count) { return static_cast<u32>(next() % count); }
  template <class T, usize N>
  T pick(const T (&items)[N]) {
    return items[below(N)];
  }

 private:
  u64 state_;
};

// GANTRY_SEED or a fixed number; printed so that a failure can be repeated.
inline u64 test_seed() {
  const char* text = std::getenv("GANTRY_SEED");
  const u64 seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 20260801;
  std::printf("seed %llu (GANTRY_SEED sets it)\n", static_cast<unsigned long long>(seed));
  return seed;
}

struct Sample {
  u32 opcode = 0;
  Mode mode = Mode::Reg;
  MInst inst;
  std::vector<Allocation> allocs;
  u64 constant = 0;  // of movabs
  u32 label_distance = 0;
  std::vector<u8> bytes;
  std::string text;  // ours, with labels as distances
};

inline FrameBases sample_frame() {
  return {.spills = 32, .slots = 160, .incoming = 16, .outgoing = 0};
}

inline void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (usize at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// Which modes the opcode's M operand may take; one Reg for rows without.
inline std::vector<Mode> modes_of(u32 opcode, bool& may_spill) {
  const meta::Row& row = row_of(opcode);
  const meta::Slots slots = meta::slots_of(row);
  may_spill = false;
  if (slots.m_op < 0) return {Mode::Reg};
  const meta::Op& m = row.ops[static_cast<u32>(slots.m_op)];
  std::vector<Mode> modes = {Mode::Base, Mode::Index1, Mode::Index2, Mode::Index4, Mode::Index8,
                             Mode::Slot, Mode::InArg,  Mode::OutArg, Mode::Label,  Mode::SlotIndex};
  if (m.kind == meta::Kind::GprMem || m.kind == meta::Kind::XmmMem) {
    modes.insert(modes.begin(), Mode::Reg);
    may_spill = m.role == meta::Role::Use && !m.aligned && m.bits <= 64;
  }
  return modes;
}

inline Allocation random_reg(Random& random, RegClass reg_class, bool no_rsp = false) {
  for (;;) {
    const u32 number = random.below(16);
    if (no_rsp && number == 4) continue;
    return Allocation::reg(PReg(reg_class, number));
  }
}

// Fills in everything but bytes and text.
inline Sample make_sample(u32 opcode, Mode mode, bool spilled, Random& random) {
  static constexpr i32 kDisps[] = {
      0, 0, 1, -1, 8, 127, 128, -128, -129, 0x7fffffff, static_cast<i32>(0x80000000)};
  static constexpr i32 kImms[] = {
      0, 1, -1, 127, 128, -128, -129, 255, 32767, -32768, 0x7fffffff, static_cast<i32>(0x80000000)};
  const meta::Row& row = row_of(opcode);
  const meta::Slots slots = meta::slots_of(row);
  Sample sample;
  sample.opcode = opcode;
  sample.mode = mode;
  sample.inst.op = static_cast<u16>(opcode);
  sample.inst.mode = static_cast<u8>(mode);
  for (u32 i = 0; i < row.ops.count; ++i) {
    const meta::Op& op = row.ops[i];
    const RegClass reg_class = op.kind == meta::Kind::Xmm || op.kind == meta::Kind::XmmMem
                                   ? RegClass::Float
                                   : RegClass::Int;
    switch (op.kind) {
      case meta::Kind::Gpr:
      case meta::Kind::Xmm:
      case meta::Kind::Fixed: {
        const Allocation place = op.kind == meta::Kind::Fixed
                                     ? Allocation::reg(gpr(static_cast<u32>(op.fix)))
                                     : random_reg(random, reg_class);
        sample.allocs.push_back(place);
        if (op.role == meta::Role::Modify) sample.allocs.push_back(place);
        break;
      }
      case meta::Kind::Cond:
        sample.inst.mode = static_cast<u8>(sample.inst.mode | random.below(16) << 4);
        break;
      case meta::Kind::Imm: {
        const meta::ImmKind kind = meta::parse_encoding(row.enc, row.ops.count).imm;
        i32 imm = random.below(3) == 0 ? static_cast<i32>(random.next()) : random.pick(kImms);
        const u32 width = width_log2_of(opcode);
        if (kind == meta::ImmKind::Ib) imm &= 0xff;
        if (kind == meta::ImmKind::Ibs || (kind == meta::ImmKind::Iz && width == 0))
          imm = static_cast<i8>(imm);
        if (kind == meta::ImmKind::Iw || (kind == meta::ImmKind::Iz && width == 1))
          imm = static_cast<i16>(imm);
        if (kind == meta::ImmKind::Io) {
          imm = 0;
          sample.constant = random.next();
        }
        sample.inst.imm = imm;
        break;
      }
      default:
        break;
    }
  }
  if (slots.m_op >= 0) {
    const meta::Op& m = row.ops[static_cast<u32>(slots.m_op)];
    const RegClass reg_class = m.kind == meta::Kind::XmmMem ? RegClass::Float : RegClass::Int;
    if (mode == Mode::Reg) {
      const Allocation place =
          spilled ? Allocation::stack(random.below(40)) : random_reg(random, reg_class);
      sample.allocs.push_back(place);
      if (m.role == meta::Role::Modify) sample.allocs.push_back(place);
    } else {
      sample.inst.disp =
          random.below(3) == 0 ? static_cast<i32>(random.next()) : random.pick(kDisps);
      if (mode >= Mode::Slot && mode <= Mode::OutArg)
        sample.inst.disp = static_cast<i32>(random.below(1000)) - 100;
      if (mode == Mode::SlotIndex) sample.inst.disp = static_cast<i32>(random.below(4000)) - 400;
      if (mode == Mode::Label) sample.inst.disp = 0;
      if (mode_registers(mode) >= 1) {
        sample.allocs.push_back(random_reg(random, RegClass::Int, mode == Mode::SlotIndex));
      }
      if (mode_registers(mode) >= 2)
        sample.allocs.push_back(random_reg(random, RegClass::Int, true));
    }
  }
  for (const meta::Op& op : row.ops) {
    if (op.kind == meta::Kind::Label) sample.inst.imm = 0;
  }
  sample.label_distance = random.below(100);
  return sample;
}

// Encodes and prints. Label 0 stands `label_distance` bytes behind the instruction.
inline bool finish_sample(Sample& sample, MachBuffer& buffer) {
  buffer.begin(1);
  const FrameBases frame = sample_frame();
  const u64 constants[1] = {sample.constant};
  EmitContext context{.buffer = buffer,
                      .frame = frame,
                      .constants64 = constants,
                      .pool = {},
                      .symbols = {},
                      .table_ranges = {},
                      .table_targets = {}};
  emit_inst(sample.inst, sample.allocs, context);
  const u32 end = buffer.offset();
  buffer.put_fill(sample.label_distance, 0x90);
  buffer.bind(Label{0});
  if (!buffer.finish().has_value()) return false;
  target::CompiledCode code;
  buffer.take(code);
  sample.bytes.assign(code.code.begin(), code.code.begin() + end);
  TextWriter out;
  print_inst(sample.inst, {}, sample.allocs, {.constants64 = constants, .frame = &frame}, out);
  sample.text = out.string();
  const std::string distance = std::to_string(sample.label_distance);
  replace_all(sample.text, "rip + label0",
              sample.label_distance == 0 ? "rip" : "rip + " + distance);
  replace_all(sample.text, "mb0", distance);
  return true;
}

// Calls `visit(Sample&)` for `rounds` samples of each opcode and mode.
template <class Visit>
void for_each_sample(u64 seed, u32 rounds, Visit visit) {
  Random random(seed);
  MachBuffer buffer(kX64LabelUses, kX64TrapBytes);
  for (u32 opcode = 1; opcode < kNumOpcodes; ++opcode) {
    if (row_of(opcode).shape == meta::Shape::Pseudo) continue;
    bool may_spill = false;
    for (const Mode mode : modes_of(opcode, may_spill)) {
      for (u32 round = 0; round < rounds; ++round) {
        for (u32 spilled = 0; spilled < (may_spill && mode == Mode::Reg ? 2 : 1); ++spilled) {
          Sample sample = make_sample(opcode, mode, spilled != 0, random);
          if (finish_sample(sample, buffer)) visit(sample);
        }
      }
    }
  }
}

}  // namespace gantry::isa::x64::test

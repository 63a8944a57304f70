#include "gantry/machinst/mach_buffer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "gantry/support/hash.h"

namespace gantry::machinst {
namespace {

// x86-like: E9 rel32 jmp, 0F 8c rel32 jcc, EB / 7c rel8.
constexpr u8 kRel32 = 0, kRel8 = 1;
constexpr LabelUseInfo kX86Uses[] = {
    {.max_pos = i64{1} << 31,
     .max_neg = i64{1} << 31,
     .patch_size = 4,
     .align = 1,
     .veneer_size = 0,
     .veneer_use = 0,
     .patch = nullptr,
     .make_veneer = nullptr,
     .addend = -4},
    {.max_pos = 128,
     .max_neg = 127,
     .patch_size = 1,
     .align = 1,
     .veneer_size = 0,
     .veneer_use = 0,
     .patch = nullptr,
     .make_veneer = nullptr,
     .addend = -1},
};
constexpr u8 kUd2[] = {0x0f, 0x0b};
constexpr ShortBranch kX86Short{2, 1, kRel8, [](const u8* long_form, u32 length, u8* out) {
                                  out[0] =
                                      length == 5 ? 0xeb : static_cast<u8>(long_form[1] - 0x10);
                                }};

void jump(MachBuffer& buffer, Label target) {
  const u32 start = buffer.offset();
  buffer.add_uncond_branch(start, start + 5, target);
  buffer.put_bytes(std::vector<u8>{0xe9, 0, 0, 0, 0});
  buffer.use_label(start + 1, target, kRel32);
}
void branch(MachBuffer& buffer, u8 cond, Label target) {
  const u32 start = buffer.offset();
  const u8 inverted[] = {0x0f, static_cast<u8>(0x80 | (cond ^ 1)), 0, 0, 0, 0};
  buffer.add_cond_branch(start, start + 6, target, inverted);
  buffer.put_bytes(std::vector<u8>{0x0f, static_cast<u8>(0x80 | cond), 0, 0, 0, 0});
  buffer.use_label(start + 2, target, kRel32);
}
std::vector<u8> bytes_of(MachBuffer& buffer) {
  target::CompiledCode out;
  EXPECT_TRUE(buffer.finish().has_value());
  buffer.take(out);
  return out.code;
}

TEST(Branches, to_the_next_address_disappear) {
  MachBuffer buffer(kX86Uses);
  buffer.begin(2);
  branch(buffer, 4, Label{1});
  jump(buffer, Label{1});
  buffer.bind(Label{1});
  buffer.put1(0xc3);
  EXPECT_EQ(bytes_of(buffer), (std::vector<u8>{0xc3}));
}

TEST(Branches, cond_over_uncond_is_inverted) {
  MachBuffer buffer(kX86Uses, kUd2, &kX86Short);
  buffer.begin(3);
  buffer.bind(Label{0});
  branch(buffer, 4, Label{1});
  jump(buffer, Label{2});
  buffer.bind(Label{1});
  buffer.put1(0x90);
  buffer.bind(Label{2});
  buffer.put1(0xc3);
  EXPECT_EQ(bytes_of(buffer), (std::vector<u8>{0x75, 0x01, 0x90, 0xc3}));
}

TEST(Branches, blocks_that_only_jump_are_bypassed_and_vanish) {
  MachBuffer buffer(kX86Uses, kUd2, &kX86Short);
  buffer.begin(4);
  buffer.bind(Label{0});
  branch(buffer, 4, Label{2});
  jump(buffer, Label{3});
  buffer.bind(Label{1});  // nobody jumps here, and control does not fall in
  jump(buffer, Label{3});
  buffer.bind(Label{2});  // only a jump
  jump(buffer, Label{0});
  buffer.bind(Label{3});
  buffer.put1(0xc3);
  // jcc 4 → block 0, directly; the rest falls into block 3.
  EXPECT_EQ(bytes_of(buffer), (std::vector<u8>{0x74, 0xfe, 0xc3}));
  EXPECT_EQ(buffer.offset_of(Label{1}), 2u);
  EXPECT_EQ(buffer.offset_of(Label{2}), 0u);
}

TEST(Branches, circles_of_jumps_stay_circles) {
  MachBuffer buffer(kX86Uses, kUd2, &kX86Short);
  buffer.begin(4);
  buffer.bind(Label{0});
  jump(buffer, Label{0});
  buffer.bind(Label{1});
  jump(buffer, Label{2});
  buffer.bind(Label{2});
  jump(buffer, Label{1});
  buffer.bind(Label{3});
  buffer.put1(0xc3);
  const std::vector<u8> code = bytes_of(buffer);
  EXPECT_EQ(code[0], 0xeb);
  EXPECT_EQ(code[1], 0xfe);
}

TEST(Branches, work_stays_linear_with_many_labels_in_one_place) {
  MachBuffer buffer(kX86Uses, kUd2, &kX86Short);
  constexpr u32 kBlocks = 100'000;
  buffer.begin(2 * kBlocks);
  for (u32 i = 0; i < kBlocks; ++i) {  // every block jumps to the next one
    buffer.bind(Label{i});
    jump(buffer, Label{i + 1});
  }
  for (u32 i = kBlocks; i < 2 * kBlocks; ++i) buffer.bind(Label{i});
  jump(buffer, Label{0});
  const std::vector<u8> code = bytes_of(buffer);
  EXPECT_EQ(code, (std::vector<u8>{0xeb, 0xfe}));
}

TEST(Limits, too_much_code_is_an_error) {
  MachBuffer buffer(kX86Uses, kUd2, &kX86Short);
  buffer.begin(1);
  buffer.set_code_limit(10'000);
  buffer.bind(Label{0});
  for (u32 i = 0; i < 5'000; ++i) jump(buffer, Label{0});
  const Result<void> done = buffer.finish();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind(), ErrorKind::LimitExceeded);
  // And the next function is fine.
  buffer.begin(1);
  buffer.bind(Label{0});
  buffer.put1(0xc3);
  EXPECT_EQ(bytes_of(buffer), (std::vector<u8>{0xc3}));
}

TEST(Limits, a_reference_that_nothing_bridges_is_an_error) {
  MachBuffer buffer(kX86Uses);
  buffer.begin(1);
  buffer.put_bytes(std::vector<u8>{0xeb, 0});
  buffer.use_label(1, Label{0}, kRel8);
  buffer.put_fill(128, 0x90);
  buffer.bind(Label{0});
  const Result<void> done = buffer.finish();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind(), ErrorKind::LimitExceeded);
}

TEST(Pools, equal_constants_share_and_are_aligned) {
  MachBuffer buffer(kX86Uses, kUd2);
  buffer.begin(0);
  const std::vector<u8> four{1, 2, 3, 4}, sixteen(16, 7);
  const Label a = buffer.constant(four, 4);
  const Label b = buffer.constant(sixteen, 16);
  EXPECT_EQ(buffer.constant(four, 4), a);
  EXPECT_EQ(buffer.constant(four, 2), a);
  EXPECT_NE(buffer.constant(std::vector<u8>{1, 2, 3}, 1), a);
  EXPECT_EQ(buffer.deferred_trap(ir::TrapCode{9}), buffer.deferred_trap(ir::TrapCode{9}));
  EXPECT_NE(buffer.deferred_trap(ir::TrapCode{9}), buffer.deferred_trap(ir::TrapCode{10}));
  buffer.put1(0xc3);
  target::CompiledCode out;
  ASSERT_TRUE(buffer.finish().has_value());
  buffer.take(out);
  EXPECT_EQ(buffer.offset_of(b), 16u);
  EXPECT_EQ(buffer.offset_of(a), 32u);
  EXPECT_EQ(out.alignment, 16u);
  ASSERT_EQ(out.traps.size(), 2u);
  EXPECT_EQ(out.traps[0].offset, 1u);
  EXPECT_EQ(out.traps[1].code.code, 10);
  EXPECT_TRUE(std::equal(sixteen.begin(), sixteen.end(), out.code.begin() + 16));
  // Many distinct ones, reused over functions.
  for (u32 round = 0; round < 3; ++round) {
    buffer.begin(0);
    std::vector<u32> labels;
    for (u32 i = 0; i < 1000; ++i) {
      std::vector<u8> bytes(8);
      std::memcpy(bytes.data(), &i, 4);
      labels.push_back(buffer.constant(bytes, 8).index);
      EXPECT_EQ(buffer.constant(bytes, 8).index, labels.back());
    }
    EXPECT_EQ(bytes_of(buffer).size(), 8000u);
  }
}

TEST(Records, follow_the_code_when_branches_shrink) {
  MachBuffer buffer(kX86Uses, kUd2, &kX86Short);
  buffer.begin(2);
  buffer.start_source_range({1});
  branch(buffer, 4, Label{1});  // 6 → 2 bytes
  buffer.start_source_range({2});
  buffer.put_fill(8, 0x90);
  buffer.add_reloc(8, target::RelocKind::X86CallPLTRel4, {}, -4);
  buffer.add_label_reloc(10, target::RelocKind::Abs8, Label{1}, 0);
  const HandlerUse handlers[] = {
      {{.kind = target::ExceptionHandler::Kind::Tag, .tag = 3}, Label{1}}};
  buffer.add_call_site(24, handlers);
  buffer.add_stack_map(std::vector<target::StackMapEntry>{{1, 8}});
  buffer.add_debug_tags(std::vector<target::DebugTag>{{false, 5}});
  buffer.add_patchable_call(9, 5);
  buffer.add_trap(7, ir::TrapCode{4});
  buffer.add_unwind({.kind = unwind::UnwindInst::Kind::StackAlloc, .code_offset = 14, .amount = 8});
  buffer.record_blocks();
  buffer.add_block_edge(Label{0}, Label{1});
  const PatchRegion region = buffer.open_patch_region(2);
  buffer.patch_bytes(region)[1] = 0xaa;
  buffer.align_to(8, 0xcc);
  buffer.bind(Label{0});
  buffer.put1(0x90);
  buffer.bind(Label{1});
  buffer.put1(0xc3);
  ASSERT_TRUE(buffer.finish().has_value());
  target::CompiledCode out;
  buffer.take(out);
  // A branch across the alignment stays long.
  EXPECT_EQ(out.code.size(), 18u);

  buffer.begin(2);
  buffer.start_source_range({1});
  branch(buffer, 4, Label{1});
  buffer.start_source_range({2});
  buffer.put_fill(8, 0x90);
  buffer.add_reloc(8, target::RelocKind::X86CallPLTRel4, {}, -4);
  buffer.add_label_reloc(10, target::RelocKind::Abs8, Label{1}, 0);
  buffer.add_call_site(24, handlers);
  buffer.add_stack_map(std::vector<target::StackMapEntry>{{1, 8}});
  buffer.add_debug_tags(std::vector<target::DebugTag>{{false, 5}});
  buffer.add_patchable_call(9, 5);
  buffer.add_trap(7, ir::TrapCode{4});
  buffer.add_unwind({.kind = unwind::UnwindInst::Kind::StackAlloc, .code_offset = 14, .amount = 8});
  buffer.record_blocks();
  buffer.add_block_edge(Label{0}, Label{1});
  const PatchRegion again = buffer.open_patch_region(2);
  buffer.patch_bytes(again)[1] = 0xaa;
  buffer.bind(Label{0});
  buffer.put1(0x90);
  buffer.bind(Label{1});
  buffer.put1(0xc3);
  ASSERT_TRUE(buffer.finish().has_value());
  buffer.take(out);
  ASSERT_EQ(out.code.size(), 14u);
  EXPECT_EQ(out.code[0], 0x74);
  EXPECT_EQ(out.code[1], 11);
  EXPECT_EQ(out.code[11], 0xaa);
  EXPECT_EQ(out.relocs[0].offset, 4u);
  EXPECT_EQ(out.relocs[1].offset, 6u);
  EXPECT_TRUE(out.relocs[1].in_function);
  EXPECT_EQ(out.relocs[1].target_offset, 13u);
  EXPECT_EQ(out.call_sites[0].return_offset, 10u);
  EXPECT_EQ(out.handlers[0].code_offset, 13u);
  EXPECT_EQ(out.stack_maps[0].return_offset, 10u);
  EXPECT_EQ(out.debug_tag_sites[0].offset, 10u);
  EXPECT_EQ(out.patchable_calls[0].offset, 5u);
  EXPECT_EQ(out.traps[0].offset, 3u);
  EXPECT_EQ(out.unwind[0].code_offset, 10u);
  ASSERT_EQ(out.source_ranges.size(), 2u);
  EXPECT_EQ(out.source_ranges[0].end, 2u);
  EXPECT_EQ(out.source_ranges[1].start, 2u);
  EXPECT_EQ(out.block_offsets, (std::vector<u32>{12, 13}));
  EXPECT_EQ(out.block_edges[0], (std::pair<u32, u32>{12, 13}));
}

// ---- random programs: what the code does must be what the blocks say.

// A program of blocks. Conditions are pure: their outcome depends on the condition and the number
// of observations made so far, so a deleted or inverted branch changes nothing.
struct Item {
  enum class Kind { Observe, Constant, TrapIf, Pad, AlignedObserve } kind;
  u32 value;  // what is observed; trap code; bytes of padding
  u32 cond = 0;
};
struct TestBlock {
  enum class End { Jump, Cond, Table, Halt, Trap } end = End::Halt;
  std::vector<Item> items;
  u32 cond = 0;
  std::vector<u32> targets;
};
struct Program {
  std::vector<TestBlock> blocks;
  u64 seed;
  u64 outcome(u32 cond, usize observed) const {
    return mix_bits(seed ^ mix_bits(cond + 64 * observed));
  }
  bool holds(u32 cond, usize observed) const {
    return (outcome(cond >> 1, observed) & 1) != (cond & 1);
  }
};
constexpr usize kMaxTrace = 400;
constexpr u32 kMaxQuiet = 5000;  // steps without observation: an endless loop
constexpr u32 kHalted = ~u32{0}, kLoops = ~u32{1}, kTrapped = 1u << 30;
using Trace = std::vector<u32>;

Trace run(const Program& program) {
  Trace trace;
  u32 block = 0, quiet = 0;
  while (trace.size() < kMaxTrace) {
    const TestBlock& now = program.blocks[block];
    for (const Item& item : now.items) {
      if (item.kind == Item::Kind::Pad) continue;
      if (item.kind == Item::Kind::TrapIf) {
        if (!program.holds(item.cond, trace.size())) continue;
        trace.push_back(kTrapped | item.value);
        return trace;
      }
      trace.push_back(item.value);
      quiet = 0;
      if (trace.size() == kMaxTrace) return trace;
    }
    if (++quiet > kMaxQuiet) {
      trace.push_back(kLoops);
      return trace;
    }
    switch (now.end) {
      case TestBlock::End::Jump:
        block = now.targets[0];
        break;
      case TestBlock::End::Cond:
        block = now.targets[program.holds(now.cond, trace.size()) ? 0 : 1];
        break;
      case TestBlock::End::Table:
        block = now.targets[program.outcome(now.cond, trace.size()) % now.targets.size()];
        break;
      case TestBlock::End::Halt:
        trace.push_back(kHalted);
        return trace;
      case TestBlock::End::Trap:
        trace.push_back(kTrapped | 7);
        return trace;
    }
  }
  return trace;
}

struct Random {
  u64 state;
  u32 below(u32 bound) {
    state = mix_bits(state + 0x9e3779b97f4a7c15u);
    return static_cast<u32>((state >> 20) % bound);
  }
};

Program make_program(u64 seed) {
  Random random{seed};
  Program program;
  program.seed = mix_bits(seed);
  const u32 num_blocks = 1 + random.below(random.below(4) == 0 ? 200 : 20);
  const u32 pad_limit = random.below(8) == 0 ? 2000 : random.below(2) == 0 ? 100 : 12;
  const bool aligns = random.below(4) == 0;
  u32 observation = 1;
  for (u32 i = 0; i < num_blocks; ++i) {
    TestBlock block;
    const u32 num_items = random.below(2) == 0 ? 0 : random.below(5);
    for (u32 k = 0; k < num_items; ++k) {
      switch (random.below(8)) {
        case 0:
          block.items.push_back({Item::Kind::Constant, 0x10000 + random.below(6)});
          break;
        case 1:
          block.items.push_back({Item::Kind::TrapIf, 1 + random.below(4), random.below(16)});
          break;
        case 2:
        case 3:
          block.items.push_back({Item::Kind::Pad, random.below(pad_limit)});
          break;
        case 4:
          if (aligns) {
            block.items.push_back({Item::Kind::AlignedObserve, observation++});
            break;
          }
          [[fallthrough]];
        default:
          block.items.push_back({Item::Kind::Observe, observation++});
      }
    }
    const auto target = [&] {
      return random.below(3) == 0 ? (i + 1) % num_blocks : random.below(num_blocks);
    };
    block.cond = random.below(16);
    switch (random.below(12)) {
      case 0:
        block.end = TestBlock::End::Halt;
        break;
      case 1:
        block.end = random.below(4) == 0 ? TestBlock::End::Trap : TestBlock::End::Halt;
        break;
      case 2:
        block.end = TestBlock::End::Table;
        for (u32 k = 1 + random.below(5); k-- > 0;) block.targets.push_back(target());
        break;
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
        block.end = TestBlock::End::Jump;
        block.targets = {target()};
        break;
      default:
        block.end = TestBlock::End::Cond;
        block.targets = {target(), target()};
    }
    program.blocks.push_back(std::move(block));
  }
  return program;
}

// The made-up machine: opcode bytes, little-endian fields.
enum : u8 {
  kNop = 0x00,
  kObserve = 0x01,  // 16-bit number
  kJump16 = 0x02,
  kLoad = 0x05,  // observes the word of a constant; 16-bit or 32-bit distance
  kTrap = 0x06,
  kHalt = 0x07,
  kTable = 0x08,  // condition, count, then 32-bit distances from the end of this head
  kJump32 = 0x09,
  kCond8 = 0x10,  // condition, distance
  kJump8 = 0xeb,
  kJumpLong = 0xe9,
};
constexpr u8 kTrapBytes[] = {kTrap};

// Its short-ranged dress: conditional branches of 8 bits, jumps of 16, detours. Distances from the
// field.
constexpr u8 kNear8 = 0, kNear16 = 1, kNear32 = 2, kNearLoad = 3;
constexpr LabelUseInfo kNearUses[] = {
    {127, 128, 1, 1, 3, kNear16, nullptr,
     [](u8* veneer) {
       veneer[0] = kJump16;
       return u32{1};
     }},
    {32767, 32768, 2, 2, 5, kNear32,
     [](u8* field, i64 distance) {
       field[0] = static_cast<u8>(distance);
       field[1] = static_cast<u8>(distance >> 8);
     },
     [](u8* veneer) {
       veneer[0] = kJump32;
       return u32{1};
     }},
    {i64{1} << 31, i64{1} << 31, 4, 1, 0, 0, nullptr, nullptr},
    {2047, 2048, 2, 1, 0, 0, nullptr, nullptr},
};

class Emitter {
 public:
  Emitter(MachBuffer& buffer, bool near) : buffer_(buffer), near_(near) {}

  void emit(const Program& program) {
    const u32 num_blocks = static_cast<u32>(program.blocks.size());
    buffer_.begin(num_blocks);
    for (u32 i = 0; i < num_blocks; ++i) {
      const TestBlock& block = program.blocks[i];
      before(1, i == 0 || falls_);
      buffer_.bind(Label{i});
      falls_ = true;
      for (const Item& item : block.items) emit(item);
      switch (block.end) {
        case TestBlock::End::Jump:
          jump(Label{block.targets[0]});
          break;
        case TestBlock::End::Cond:
          cond(block.cond, Label{block.targets[0]});
          jump(Label{block.targets[1]});
          break;
        case TestBlock::End::Table:
          table(block);
          break;
        case TestBlock::End::Halt:
          before(1, true);
          buffer_.put1(kHalt);
          break;
        case TestBlock::End::Trap:
          before(1, true);
          buffer_.add_trap(buffer_.offset(), ir::TrapCode{7});
          buffer_.put1(kTrap);
      }
      falls_ = false;
    }
  }

 private:
  void before(u32 size, bool falls_in) {
    if (!near_ || !buffer_.island_needed(size)) return;
    static constexpr u8 kOver[] = {kJump16, 0, 0};
    buffer_.emit_island(size, falls_in ? JumpOver{kOver, 1, kNear16} : JumpOver{});
  }
  void emit(const Item& item) {
    switch (item.kind) {
      case Item::Kind::Pad:
        for (u32 i = 0; i < item.value; ++i) {
          before(1, true);
          buffer_.put1(kNop);
        }
        return;
      case Item::Kind::AlignedObserve:
        before(16, true);
        buffer_.align_to(8, kNop);
        [[fallthrough]];
      case Item::Kind::Observe: {
        before(3, true);
        buffer_.start_source_range({item.value});
        const u8 bytes[] = {kObserve, static_cast<u8>(item.value),
                            static_cast<u8>(item.value >> 8)};
        buffer_.put_bytes(bytes);
        buffer_.end_source_range();
        return;
      }
      case Item::Kind::Constant: {
        before(5, true);
        u8 bytes[4];
        std::memcpy(bytes, &item.value, 4);
        const Label label = buffer_.constant(bytes, 4);
        const u32 at = buffer_.offset();
        const u8 code[] = {kLoad, 0, 0, 0, 0};
        buffer_.put_bytes({code, near_ ? 3u : 5u});
        buffer_.use_label(at + 1, label, near_ ? kNearLoad : kRel32);
        return;
      }
      case Item::Kind::TrapIf: {
        before(8, true);
        const Label label = buffer_.deferred_trap(ir::TrapCode{static_cast<u8>(item.value)});
        put_cond(item.cond, label, true);
      }
    }
  }
  void jump(Label target) {
    before(3, true);
    const u32 at = buffer_.offset();
    const u8 near_code[] = {kJump16, 0, 0}, far_code[] = {kJumpLong, 0, 0, 0, 0};
    const std::span<const u8> code = near_ ? std::span<const u8>(near_code) : far_code;
    buffer_.add_uncond_branch(at, at + static_cast<u32>(code.size()), target);
    buffer_.put_bytes(code);
    buffer_.use_label(at + 1, target, near_ ? kNear16 : kRel32);
  }
  void cond(u32 cond, Label target) {
    before(3, true);
    put_cond(cond, target, false);
  }
  void put_cond(u32 cond, Label target, bool fixed) {
    const u32 at = buffer_.offset();
    const u8 condition = static_cast<u8>(cond);
    const u8 inverse = static_cast<u8>(cond ^ 1);
    const u8 near_code[] = {kCond8, condition, 0}, near_inverse[] = {kCond8, inverse, 0};
    const u8 far_code[] = {0x0f, static_cast<u8>(0x80 | condition), 0, 0, 0, 0};
    const u8 far_inverse[] = {0x0f, static_cast<u8>(0x80 | inverse), 0, 0, 0, 0};
    const std::span<const u8> code = near_ ? std::span<const u8>(near_code) : far_code;
    const u32 end = at + static_cast<u32>(code.size());
    if (fixed) {
      buffer_.add_branch(at, end);
    } else {
      buffer_.add_cond_branch(at, end, target,
                              near_ ? std::span<const u8>(near_inverse) : far_inverse);
    }
    buffer_.put_bytes(code);
    buffer_.use_label(at + 2, target, near_ ? kNear8 : kRel32);
  }
  void table(const TestBlock& block) {
    const u32 count = static_cast<u32>(block.targets.size());
    before(3 + 4 * count, true);
    const u8 head[] = {kTable, static_cast<u8>(block.cond), static_cast<u8>(count)};
    buffer_.put_bytes(head);
    const Label base = buffer_.new_label();
    buffer_.bind(base);
    for (const u32 target : block.targets) {
      const u32 at = buffer_.offset();
      buffer_.put_fill(4, 0);
      buffer_.use_label_relative(at, Label{target}, base);
    }
  }

  MachBuffer& buffer_;
  bool near_;
  bool falls_ = false;
};

i64 field_at(const std::vector<u8>& code, usize at, u32 size) {
  u64 bits = 0;
  for (u32 i = 0; i < size; ++i) bits |= u64{code.at(at + i)} << 8 * i;
  const u32 unused = 64 - 8 * size;
  return static_cast<i64>(bits << unused) >> unused;
}

// Executes the bytes, checking the records of what it passes.
Trace run(const Program& program, const target::CompiledCode& compiled, bool near) {
  const std::vector<u8>& code = compiled.code;
  std::vector<bool> aligned(70000);
  for (const TestBlock& block : program.blocks) {
    for (const Item& item : block.items)
      aligned[item.value] = aligned[item.value] || item.kind == Item::Kind::AlignedObserve;
  }
  Trace trace;
  usize pc = 0;
  u32 quiet = 0;
  // Padding of blocks and detours count as steps here, so the bound is larger.
  while (trace.size() < kMaxTrace) {
    if (++quiet > 30 * kMaxQuiet) {
      trace.push_back(kLoops);
      return trace;
    }
    const u8 op = code.at(pc);
    const auto observe = [&](u32 value) {
      trace.push_back(value);
      quiet = 0;
    };
    const auto take = [&](bool taken, usize field, u32 size, i64 addend) {
      const usize next = field + size;
      pc = taken
               ? static_cast<usize>(static_cast<i64>(field) + field_at(code, field, size) - addend)
               : next;
    };
    if (op == kNop) {
      ++pc;
    } else if (op == kObserve) {
      const u32 value = static_cast<u32>(field_at(code, pc + 1, 2)) & 0xffff;
      EXPECT_TRUE(!aligned[value] || pc % 8 == 0);
      bool covered = false;
      for (const target::SourceRange& range : compiled.source_ranges) {
        covered |= range.start == pc && range.end == pc + 3 && range.location == value;
      }
      EXPECT_TRUE(covered) << value << " at " << pc << (near ? " near" : " far");
      observe(value);
      pc += 3;
    } else if (op == kLoad) {
      const usize at = static_cast<usize>(static_cast<i64>(pc) + 1 +
                                          field_at(code, pc + 1, near ? 2 : 4) + (near ? 0 : 4));
      EXPECT_EQ(at % 4, 0u);
      observe(static_cast<u32>(field_at(code, at, 4)));
      pc += near ? 3 : 5;
    } else if (op == kTrap) {
      u32 codes = 0;
      for (const target::TrapRecord& trap : compiled.traps) {
        if (trap.offset == pc) trace.push_back(kTrapped | trap.code.code), ++codes;
      }
      EXPECT_EQ(codes, 1u);
      return trace;
    } else if (op == kHalt) {
      trace.push_back(kHalted);
      return trace;
    } else if (op == kTable) {
      const usize base = pc + 3;
      const u64 index = program.outcome(code.at(pc + 1), trace.size()) % code.at(pc + 2);
      pc = static_cast<usize>(static_cast<i64>(base) + field_at(code, base + 4 * index, 4));
    } else if (near && op == kJump16) {
      take(true, pc + 1, 2, 0);
    } else if (near && op == kJump32) {
      take(true, pc + 1, 4, 0);
    } else if (near && op == kCond8) {
      take(program.holds(code.at(pc + 1), trace.size()), pc + 2, 1, 0);
    } else if (!near && op == kJump8) {
      take(true, pc + 1, 1, -1);
    } else if (!near && op == kJumpLong) {
      take(true, pc + 1, 4, -4);
    } else if (!near && op == 0x0f) {
      take(program.holds(code.at(pc + 1) & 15, trace.size()), pc + 2, 4, -4);
    } else if (!near && (op & 0xf0) == 0x70) {
      take(program.holds(op & 15, trace.size()), pc + 1, 1, -1);
    } else {
      ADD_FAILURE() << "no instruction at " << pc;
      return trace;
    }
  }
  return trace;
}

TEST(RandomPrograms, do_the_same_on_every_machine) {
  MachBuffer far_buffer(kX86Uses, kTrapBytes, &kX86Short);
  MachBuffer near_buffer(kNearUses, kTrapBytes);
  usize long_size = 0, short_size = 0, islands = 0;
  for (u64 seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    const Program program = make_program(seed);
    const Trace expected = run(program);
    for (const bool relax : {false, true}) {
      far_buffer.set_relaxation(relax);
      Emitter(far_buffer, false).emit(program);
      target::CompiledCode compiled;
      ASSERT_TRUE(far_buffer.finish().has_value());
      far_buffer.take(compiled);
      ASSERT_EQ(run(program, compiled, false), expected);
      (relax ? short_size : long_size) += compiled.code.size();
    }
    Emitter(near_buffer, true).emit(program);
    target::CompiledCode compiled;
    const Result<void> done = near_buffer.finish();
    ASSERT_TRUE(done.has_value());
    near_buffer.take(compiled);
    ASSERT_EQ(run(program, compiled, true), expected);
    for (const u8 byte : compiled.code) islands += byte == kJump32;
  }
  EXPECT_LT(short_size, long_size);
  EXPECT_GT(islands, 0u);
}

}  // namespace
}  // namespace gantry::machinst

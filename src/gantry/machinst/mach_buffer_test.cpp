#include "gantry/machinst/mach_buffer.h"

#include <gtest/gtest.h>

namespace gantry::machinst {
namespace {

// x86-like: E9 rel32 jmp, 0F 8c rel32 jcc, EB / 7c rel8.
enum X86Use : u8 { kRel32, kRel8 };
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

}  // namespace
}  // namespace gantry::machinst

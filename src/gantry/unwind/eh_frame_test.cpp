#include "gantry/unwind/eh_frame.h"

#include <gtest/gtest.h>

namespace gantry::unwind {
namespace {

using Kind = UnwindInst::Kind;

std::vector<u8> instructions(const EhFrameWriter& writer, u32 address_field) {
  std::vector<u8> out(writer.bytes().begin() + address_field + 9, writer.bytes().end());
  while (!out.empty() && out.back() == 0) out.pop_back();
  return out;
}

TEST(EhFrame, entries_are_whole_words_and_point_back_to_the_cie) {
  EhFrameWriter writer(kX86_64FrameAbi);
  const usize cie_size = writer.bytes().size();
  EXPECT_EQ(cie_size % 8, 0u);
  EXPECT_EQ(writer.bytes()[0], cie_size - 4);
  const u32 field = writer.add_function({}, 0x1234);
  EXPECT_EQ(field, cie_size + 8);
  EXPECT_EQ(writer.bytes()[cie_size + 4], cie_size + 4);
  EXPECT_EQ(writer.bytes()[field + 4], 0x34);
  EXPECT_EQ(writer.bytes().size() % 8, 0u);
  writer.terminate();
  EXPECT_EQ(writer.bytes().back(), 0);
}

TEST(EhFrame, describes_a_prologue_with_frame_pointer) {
  EhFrameWriter writer(kX86_64FrameAbi);
  const UnwindInst insts[] = {
      {Kind::PushFrameRegs, 1, 16},
      {Kind::DefineNewFrame, 4, 16},
      {Kind::StackAlloc, 300, 1000},
      // rbx (DWARF 3), r12 (DWARF 12): 16 and 8 bytes below the frame pointer.
      {Kind::SaveReg, 310, 0, -16, regalloc::PReg(regalloc::RegClass::Int, 3)},
      {Kind::SaveReg, 70310, 8, -8, regalloc::PReg(regalloc::RegClass::Int, 12)},
  };
  const u32 field = writer.add_function(insts, 80000);
  EXPECT_EQ(instructions(writer, field),
            (std::vector<u8>{0x41, 0x0e, 16,   0x86, 2,  // after 1: CFA is sp + 16, rbp at CFA - 16
                             0x43, 0x0d, 6,              // after 4: CFA counts from rbp
                             0x03, 0x32, 0x01, 0x83, 4,  // after 310: rbx at CFA - 32
                             0x04, 0x70, 0x11, 0x01, 0x00, 0x8c, 3}));
}

TEST(EhFrame, counts_from_the_stack_pointer_without_frame_pointer) {
  EhFrameWriter writer(kX86_64FrameAbi);
  const UnwindInst insts[] = {{Kind::StackAlloc, 4, 24}, {Kind::StackAlloc, 104, 200}};
  const u32 field = writer.add_function(insts, 200);
  EXPECT_EQ(instructions(writer, field),
            (std::vector<u8>{0x44, 0x0e, 32, 0x02, 100, 0x0e, 0xe8, 0x01}));
}

TEST(EhFrame, follows_a_frame_without_pointer_through_epilogues_and_blocks_without_it) {
  EhFrameWriter writer(kX86_64FrameAbi);
  const regalloc::PReg rbx(regalloc::RegClass::Int, 3), r12(regalloc::RegClass::Int, 12);
  const UnwindInst insts[] = {
      {Kind::StackAlloc, 1, 8},       {Kind::SaveReg, 1, 0, 0, rbx}, {Kind::StackAlloc, 3, 8},
      {Kind::SaveReg, 3, 0, -8, r12}, {Kind::StackAlloc, 7, 24},     {Kind::StackFree, 20, 24},
      {Kind::StackFree, 22, 8},       {Kind::StackFree, 23, 8},      {Kind::FrameBack, 24, 0},
      {Kind::FrameGone, 30, 0},       {Kind::FrameBack, 40, 0},
  };
  const u32 field = writer.add_function(insts, 50);
  EXPECT_EQ(instructions(writer, field),
            (std::vector<u8>{0x41, 0x0e, 16, 0x83, 2,  // rbx (DWARF 3) at CFA - 16
                             0x42, 0x0e, 24, 0x8c, 3,  // r12 (DWARF 12) at CFA - 24
                             0x44, 0x0e, 48,           // the frame is made
                             0x4d, 0x0e, 24, 0x42, 0x0e, 16,   0x41, 0x0e, 8,  // its epilogue
                             0x41, 0x0e, 48,              // behind that, saved where they were
                             0x46, 0x0e, 8,  0xc3, 0xcc,  // without it, nothing is saved
                             0x4a, 0x0e, 48, 0x83, 2,    0x8c, 3}));
}

}  // namespace
}  // namespace gantry::unwind

// Problem: rules push instructions one at a time, in the hottest loop of lowering. Idea: three
// arrays that grow together and never shrink; the push in line only compares with their limits. A
// push writes kInlineOperands operands whatever is meant, so that many are always kept free.
#include "gantry/machinst/vcode.h"

#include <algorithm>
#include <cstdlib>

#include "gantry/support/check.h"

namespace gantry::machinst {

namespace {

template <class T>
T* resized(T* items, usize count) {
  static_assert(std::is_trivially_copyable_v<T>);
  void* memory = std::realloc(static_cast<void*>(items), count * sizeof(T));
  GANTRY_CHECK(memory != nullptr);
  return static_cast<T*>(memory);
}

}  // namespace

InstBuffer::~InstBuffer() {
  std::free(insts_);
  std::free(counts_);
  std::free(operands_);
}

// Room for that many more instructions and operands.
void InstBuffer::grow(u32 insts, u32 operands) {
  const usize insts_used = num_insts(), operands_used = num_operands();
  const usize inst_room = static_cast<usize>(inst_limit_ - insts_);
  const usize operand_room = static_cast<usize>(operand_limit_ - operands_);
  if (insts_used + insts > inst_room) {
    const usize wanted = std::max<usize>({2 * inst_room, insts_used + insts, 32});
    insts_ = resized(insts_, wanted);
    counts_ = resized(counts_, wanted);
    inst_end_ = insts_ + insts_used;
    count_end_ = counts_ + insts_used;
    inst_limit_ = insts_ + wanted;
  }
  if (operands_used + operands > operand_room) {
    const usize wanted =
        std::max<usize>({2 * operand_room, operands_used + operands, 32 * kInlineOperands});
    operands_ = resized(operands_, wanted);
    operand_end_ = operands_ + operands_used;
    operand_limit_ = operands_ + wanted;
  }
}

void InstBuffer::reserve_more() { grow(1, kInlineOperands); }

void InstBuffer::push_list(const MInst& inst, std::span<const Operand> operands) {
  const u32 count = static_cast<u32>(operands.size());
  grow(1, count + kInlineOperands);
  *inst_end_++ = inst;
  *count_end_++ = count;
  for (const Operand& operand : operands) *operand_end_++ = operand;
}

}  // namespace gantry::machinst

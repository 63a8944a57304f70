#pragma once
// Which values are addresses in stack slots, and which slots only their own loads and stores can
// reach.
#include <vector>

#include "gantry/analysis/flow.h"
#include "gantry/opt/internal/memory_access.h"
#include "gantry/support/arena.h"
#include "gantry/support/function_ref.h"

namespace gantry::opt {

class StackAddresses {
 public:
  static constexpr u32 kNone = ~u32{0};
  // A load or store inside the bounds of a slot, at a constant offset.
  struct SlotAccess {
    ir::Inst inst;
    ir::Block block;
    u32 slot;
    u32 offset;
    MemoryAccess access;
  };

  // Walks `func`, whose operands are no aliases, in reverse postorder; `visit` sees the accesses in
  // that order, also those of slots that escape later. Working memory is taken from `arena` and
  // must live as long as the answers are asked for.
  void compute(const ir::Function& func, const analysis::ControlFlow& flow, Arena& arena,
               FunctionRef<void(const SlotAccess&)> visit);

  // The slot that `value` is a constant offset into (not necessarily inside), or kNone.
  u32 slot_of(ir::Value value) const { return slots_[value.index()]; }
  u64 offset_of(ir::Value value) const {
    return offsets_[value.index()];
  }  // modulo 2^64; of those with a slot
  // Whether anything but loads and stores inside the slot has its address, or it must be where it
  // is: it has a key, or is named by a debug tag or a stack map. Accesses of unreachable blocks
  // count as escapes.
  bool escapes(u32 slot) const { return escapes_[slot]; }
  // Whether an access touches bytes behind or before its slot: those of its neighbours in the
  // frame.
  bool leaves_bounds() const { return leaves_bounds_; }
  // The instructions that make addresses of slots, operands first.
  const std::vector<ir::Inst>& address_insts() const { return address_insts_; }

 private:
  void escape(ir::Value value) {
    if (slots_[value.index()] != kNone) escapes_[slots_[value.index()]] = true;
  }
  void pin_described(const ir::Function& func);
  bool follow_address(const ir::DataFlowGraph& dfg, ir::Inst inst);
  void escape_operands(const ir::Function& func, ir::Inst inst);

  std::span<u32> slots_;  // by value
  u64* offsets_ = nullptr;
  bool leaves_bounds_ = false;
  std::span<bool> escapes_;  // by slot
  std::vector<ir::Inst> address_insts_;
};

}  // namespace gantry::opt

#pragma once
// The order in which blocks are lowered, allocated and (but for cold ones) emitted: a reverse
// postorder of the reachable blocks in which every critical edge has become a block of its own.
// From here on blocks are MBlock numbers.
#include <span>
#include <vector>

#include "gantry/entity/maps.h"
#include "gantry/ir/function.h"
#include "gantry/machinst/vcode.h"

namespace gantry::machinst {

// A lowered block: a block of the function, or the detour of one edge.
struct LoweredBlock {
  PackedOption<ir::Block> block;  // none: an edge
  PackedOption<ir::Inst> branch;  // its terminator; an edge: the one it leaves
  ir::BlockCall call;             // an edge: the block call it stands for
  bool cold = false;
};

// Flat and reused from function to function.
class BlockOrder {
 public:
  void compute(const ir::Function& func);

  u32 num_blocks() const { return static_cast<u32>(blocks_.size()); }
  const LoweredBlock& block(u32 number) const { return blocks_[number]; }
  // The lowered block that a block call of the terminator of `number` goes to: an edge block, or
  // the block itself.
  MBlock target(u32 number, u32 call_index) const {
    return targets_[target_ranges_[number] + call_index];
  }
  std::span<const MBlock> targets(u32 number) const {
    return std::span(targets_).subspan(target_ranges_[number],
                                       target_ranges_[number + 1] - target_ranges_[number]);
  }
  MBlock lowered(ir::Block block) const { return MBlock::from_index(number_of_[block.index()]); }
  bool is_reachable(ir::Block block) const { return number_of_[block.index()] != kUnreachable; }

  // Without repetitions: several block calls that agree in target and pass nothing are one edge.
  std::span<const u32> successor_ranges() const { return successor_ranges_; }
  std::span<const u32> successors() const { return successors_; }
  std::span<const u32> predecessor_ranges() const { return predecessor_ranges_; }
  std::span<const u32> predecessors() const { return predecessors_; }
  std::span<const u8> cold() const { return cold_; }
  bool is_loop_header(u32 number) const { return !loop_starts_.empty() && loop_ends_[number] != 0; }
  // The header of the innermost loop around a block, if a loop is taken for all numbers from its
  // header to its last way back: a guess for choices, never needed to be right. 0: none.
  u32 loop_start(u32 number) const { return loop_starts_.empty() ? 0 : loop_starts_[number]; }

 private:
  static constexpr u32 kUnreachable = ~u32{0};
  struct Node {  // one per reachable block, and per edge block
    PackedOption<ir::Block> block;
    PackedOption<ir::Inst> branch;
    u32 first_call = 0;  // into call_nodes_
    u32 num_calls = 0;
  };
  struct Frame {
    u32 node;
    u32 next;
  };

  std::vector<LoweredBlock> blocks_;
  std::vector<u32> target_ranges_;
  std::vector<MBlock> targets_;
  std::vector<u32> successor_ranges_, successors_, predecessor_ranges_, predecessors_;
  std::vector<u8> cold_;
  std::vector<u32> number_of_;    // by ir::Block
  std::vector<u32> loop_starts_;  // empty: no loops

  // Scratch.
  std::vector<Node> nodes_;
  std::vector<u32> node_of_;          // by ir::Block: node, or kUnreachable
  std::vector<u32> call_nodes_;       // by call: node it goes to
  std::vector<ir::BlockCall> calls_;  // the same number: the call
  std::vector<u32> pred_count_;       // by ir::Block: distinct edges into it
  std::vector<u32> seen_;  // by ir::Block: last node that named it as a target without arguments
  std::vector<u32> postorder_;
  std::vector<Frame> stack_;
  std::vector<u32> loop_ends_;  // by block: the last way back to it
};

}  // namespace gantry::machinst

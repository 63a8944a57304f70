#pragma once
// Moves along one edge of the control-flow graph.
#include "gantry/regalloc/internal/state.h"

namespace gantry::regalloc {

struct EdgeSite {
  u32 from;
  u32 to;
  u32 edge;
  u32 point;
  bool at_entry;
};

class EdgeMoves {
 public:
  explicit EdgeMoves(Allocator::State& state) : s_(state) {}

  // Appends what takes the registers at the end of `site.from` to the state at the start of
  // `site.to`, which is in `entry_entries`. Values live into the target must be marked by
  // live_block.
  void emit(const EdgeSite& site, std::vector<Move>& out);

 private:
  u32 reg_on_edge(u32 index) const {
    const ValueState& v = s_.values[index];
    return v.edge_stamp == s_.edge_stamp ? v.edge_reg : u32{kNoReg};
  }
  void add(MoveKind kind, u32 index, u32 from, u32 to) {
    out_->push_back(
        {site_.point, index, kind, static_cast<u8>(from), static_cast<u8>(to), site_.at_entry});
  }
  bool share_slot(u32 a, u32 b) const {
    return s_.values[a].slot_class != kNone && s_.values[a].slot_class == s_.values[b].slot_class;
  }
  u32 temp_reg(u32 reg_class);
  void release_temps();
  void read_memory(u32 index, u32 to);
  void save_overwritten(u32 args, u32 params, u32 count);
  void resolve_regs();

  Allocator::State& s_;
  std::vector<Move>* out_ = nullptr;
  EdgeSite site_{};
  Masks before_;    // registers in use at the end of the source
  Masks after_;     // at the start of the target
  Masks changing_;  // targets of register moves
  u32 temps_[kNumRegClasses];
  bool temp_saved_[kNumRegClasses];
  u32 temp_scratch_[kNumRegClasses];
  u32 scratch_in_use_ = 0;
  u8 source_of_[kNumPRegs];
  u8 readers_[kNumPRegs];
  u32 value_of_[kNumPRegs];
};

}  // namespace gantry::regalloc

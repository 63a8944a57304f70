#pragma once
// What is known to be in memory, along the forward walk: values that loads can take without going
// there.
#include <vector>

#include "gantry/opt/graph.h"
#include "gantry/opt/internal/flow_numbers.h"
#include "gantry/opt/rewrite.h"

namespace gantry::opt {

struct EgraphOptions;

class MemoryState {
 public:
  MemoryState(Rewriter& rewriter, const FlowNumbers& numbers)
      : rewriter_(rewriter), numbers_(numbers) {}

  void start(const ir::Function& func, const EgraphOptions& options,
             const analysis::ControlFlow& flow, const analysis::LoopForest& loops);
  // Blocks in reverse postorder; those that are not reached are left out.
  void begin_block(u32 block);
  void end_block(u32 block);

  // What a skeleton instruction, its operands being nodes, means for memory; called for every one,
  // in order.
  enum class Verdict : u8 {
    Keep,
    RemoveIfUnused,  // a load that can't trap
    Remove,          // a store of what is there already
    Known,           // a load of known() - remove it
  };
  Verdict visit(ir::Inst inst);
  Node known() const { return known_; }
  // After a load that visit() kept: the node of its result.
  void loaded(Node result);

 private:
  // Bytes [offset, offset + size) from a base, in a region.
  struct Access {
    Node base;
    i64 offset = 0;
    u32 size = 0;      // bytes
    u32 region = 0;    // slot of versions_; 0: accesses without region
    ir::Type type;     // of the bytes in memory
    bool big = false;  // byte order
    bool readonly = false;
    bool notrap = false;
  };
  struct Entry {
    Access at;
    Node value;  // of type at.type
    u32 version = 0;
    u32 block = 0;
    bool stored = false;  // by a store, not a load
  };
  struct Bucket {
    u32 hash = 0;
    u32 entry = 0;
    u32 epoch = 0;  // of another function: empty
  };
  Access decode(const ir::InstData& data, ir::Type type, u32 address_word, u32 offset_word) const;
  static i64 distance(const Access& from, const Access& to);
  u32 region_slot(const ir::MemFlags& flags) const;
  bool is_valid(const Entry& entry) const;
  Bucket& bucket(const Access& access);
  void grow_table();
  Entry* find(const Access& access);
  void enter(const Access& access, Node value, bool stored);
  bool take_from_recent(const Access& access, ir::Opcode opcode, ir::Type result);
  bool forward(const Entry& entry, const Access& access, ir::Opcode opcode, ir::Type result,
               Node& value);
  void clobber(const Access& access);
  void fence();

  static constexpr u32 kMaxRegions = 64;
  static constexpr u32 kRecent = 16;

  Rewriter& rewriter_;
  const FlowNumbers& numbers_;
  const ir::Function* func_ = nullptr;
  const analysis::ControlFlow* flow_ = nullptr;
  bool enabled_ = false;
  bool big_endian_ = false;

  u32 block_ = 0;
  u32 next_version_ = 1;
  u32 num_regions_ = 1;
  std::vector<u32> region_slots_;  // by AliasRegion; 0: none yet
  u32 versions_[kMaxRegions] = {};
  std::vector<u32> end_versions_;  // by block number, num_regions_ each; 0: not walked
  std::vector<u64>
      loop_writes_;  // by block number of a loop's header: mask of region slots written in the loop

  std::vector<Bucket> table_;
  u32 epoch_ = 0;
  std::vector<Entry> entries_;
  u32 recent_[kRecent] = {};
  u32 recent_count_ = 0;

  Node known_;
  Access pending_;  // of the load that loaded() is about; size 0: none
  ir::Opcode pending_opcode_ = ir::Opcode::Nop;
};

}  // namespace gantry::opt

#pragma once
// What a MachBuffer keeps besides the pointers its inline functions need. Shared by the files
// mach_buffer*.cpp.
#include "gantry/machinst/mach_buffer.h"

namespace gantry::machinst {

struct MachBuffer::State {
  // ---- labels: a word each. Below kAliasBit the offset it is bound to; kOpen; kOpenPool for a
  // constant or trap that is not placed yet; else kAliasBit and the label it is another name of.
  static constexpr u32 kAliasBit = u32{1} << 31;
  static constexpr u32 kOpen = ~u32{0};
  static constexpr u32 kOpenPool = ~u32{0} - 1;
  static constexpr u32 kNone = ~u32{0};

  struct Branch {
    u32 start, end;
    u32 target;       // label
    u32 fixup;        // index of its use of `target`
    u32 first_label;  // labels bound to its start: tail_labels[first_label, end_label)
    u32 end_label;
    enum class Kind : u8 { Cond, Uncond, Fixed } kind;
    bool is_short;  // decided by the relaxation
    u8 inverted[8];
  };
  // Bytes an align_to() put before `at`.
  struct AlignPoint {
    u32 at, padding, alignment;
    u8 filler;
  };
  struct Constant {
    u32 label;
    u32 first_byte;  // into constant_bytes
    u32 size;
    u32 alignment;
    u32 next;  // of the same alignment, in order of appearance
    u32 slot;  // in constant_table; kNone: not there
  };
  struct Trap {
    u32 label;
    ir::TrapCode code;
  };
  struct LabelReloc {
    u32 reloc;
    u32 label;
  };
  struct Region {
    u32 offset, size;
  };
  struct HandlerLabel {
    u32 handler, label;
  };
  // A use whose label is open or out of range, in a buffer whose ISA has veneers.
  struct Pending {
    u64 deadline;  // furthest offset the label, or a veneer, may have
    FixUp use;
  };

  std::span<const LabelUseInfo> infos;
  std::span<const u8> trap_bytes;
  const ShortBranch* short_branch = nullptr;
  bool relax = false;
  bool overflow =
      false;  // code limit passed: bytes wrapped around, nothing but finish()'s error is of use
  bool out_of_range = false;  // a fix-up could not be bridged
  u32 code_limit = 0;
  u32 plain_kind = ~u32{0};  // a kind patched in line: four bytes, reaching everywhere
  u32 largest_veneer = 0;
  std::vector<u32> veneer_totals;  // by kind: bytes of a whole chain of veneers, aligned

  std::vector<u32> labels;

  // ---- branch improvement
  std::vector<Branch> branches;  // all of the function, in order
  u32 run_start = 0;  // branches from here on stand side by side; the last may end here and now
  std::vector<u32> tail_labels;  // bound within the run or at its end, in order
  u32 tail_offset = 0;           // where the last of them is bound
  std::vector<AlignPoint> align_points;

  // ---- pools
  static constexpr u32 kNumAlignments = 8;  // 1 … 128 bytes
  std::vector<Constant> constants;
  u32 first_of_alignment[kNumAlignments], last_of_alignment[kNumAlignments];
  std::vector<u8> constant_bytes;
  std::vector<u32> constant_table;  // open addressing: index of a constant + 1, 0: free
  u32 num_hashed = 0;
  u32 pool_alignment = 1;
  std::vector<Trap> traps_to_place;
  u32 trap_labels[256];   // by code: label + 1, 0: none yet
  u32 constant_span = 0;  // upper bound of the bytes the constants not yet placed will take

  // ---- veneers
  std::vector<Pending> heap;     // uses that a veneer can help, soonest deadline on top
  std::vector<FixUp> pool_uses;  // of constants and traps, to be patched when those are placed
  std::vector<FixUp> late_uses;  // patched by finish()
  u64 soonest_veneer = ~u64{0};  // of heap and fresh fix-ups with veneers
  u64 soonest_pool = ~u64{0};    // of pool_uses
  u64 veneer_span = 0;           // upper bound of the bytes of all veneers, should each be needed

  // ---- records
  std::vector<target::Reloc> relocs;
  std::vector<LabelReloc> label_relocs;
  std::vector<target::TrapRecord> traps;
  std::vector<target::SourceRange> source_ranges;
  u32 range_start = 0;
  ir::SourcePlace range_place;
  bool range_open = false;
  std::vector<target::CallSite> call_sites;
  std::vector<target::ExceptionHandler> handlers;
  std::vector<HandlerLabel> handler_labels;
  std::vector<target::StackMap> stack_maps;
  std::vector<target::StackMapEntry> stack_map_entries;
  std::vector<target::DebugTagSite> debug_tag_sites;
  std::vector<target::DebugTag> debug_tags;
  std::vector<target::PatchableCall> patchable_calls;
  std::vector<unwind::UnwindInst> unwind;
  std::vector<Region> regions;
  std::vector<std::pair<u32, u32>> edges;  // labels
  u32 num_blocks = 0;
  bool record_blocks = false;

  // Where the label is bound, or kOpen / kOpenPool.
  u32 resolve(u32 label) const {
    u32 word = labels[label];
    while ((word & kAliasBit) != 0 && word < kOpenPool) word = labels[word & ~kAliasBit];
    return word;
  }
  bool is_bound(u32 word) const { return (word & kAliasBit) == 0; }

  // mach_buffer.cpp
  void forget_run() {
    run_start = static_cast<u32>(branches.size());
    tail_labels.clear();
  }
  void add(MachBuffer& buffer, u32 start, u32 end, u32 target, Branch::Kind kind,
           std::span<const u8> inverted);
  void improve_branches(MachBuffer& buffer);
  void truncate(MachBuffer& buffer, const Branch& branch);
  bool patch(MachBuffer& buffer, const FixUp& use, u32 target) const;

  void forget_constants();
  u32 constant_slot(std::string_view key, u32 alignment) const;
  std::string_view bytes_of(const Constant& constant) const {
    return {reinterpret_cast<const char*>(constant_bytes.data()) + constant.first_byte,
            constant.size};
  }

  // mach_buffer_island.cpp
  void place_traps(MachBuffer& buffer);
  void place_constants(MachBuffer& buffer);
  void settle_use(MachBuffer& buffer, const FixUp& use);
  void drain_fresh(MachBuffer& buffer);
  void put_veneer(MachBuffer& buffer, const FixUp& use);
  void put_island(MachBuffer& buffer, u32 upcoming_bytes, bool all);
  u64 pool_span() const;
  void update_deadline(MachBuffer& buffer);
  void finish_with_veneers(MachBuffer& buffer);

  // mach_buffer_relax.cpp
  void shrink_branches(MachBuffer& buffer);
  bool choose_short(const MachBuffer& buffer, bool& more_may_fit);
  void build_map(u32 code_size);
  u32 moved(u32 offset) const;
  u32 moved_end(u32 offset) const;
  void move_bytes(MachBuffer& buffer);
  void move_records(MachBuffer& buffer);

  // ---- relaxation
  // A place from which on all code moves down by more (or less) than before it.
  struct MapPoint {
    u32 at;
    u32 shift_before;
    bool is_alignment;
  };
  std::vector<MapPoint> map_points;
  std::vector<u32> map_index;  // by 32 bytes of code: the first point behind their start
};

}  // namespace gantry::machinst

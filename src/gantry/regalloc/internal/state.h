#pragma once
// The working memory of the allocator, shared by its phases: loops, liveness, scan, edges, slots.
// A position is an instruction number. A "place" of a value at some point is a register, or else
// its slot (or nothing at all, for a value that can be rematerialised).
#include <span>
#include <vector>

#include "gantry/regalloc/allocate.h"
#include "gantry/regalloc/input.h"
#include "gantry/regalloc/output.h"

namespace gantry::regalloc {

inline constexpr u32 kNone = ~u32{0};
inline constexpr u32 kNever = ~u32{0};        // next use of a value that dies
inline constexpr u32 kFarthest = kNever - 1;  // positions saturate here
inline constexpr u8 kNoReg = 0xff;

// What is known of one value. Fields of the backward sweep come first, those of the forward scan
// after.
struct ValueState {
  static constexpr u16 kCrossesCall = 1;  // some call that is not cold lies within its life
  static constexpr u16 kRemat = 2;        // never needs a slot
  static constexpr u16 kWide = 4;
  static constexpr u16 kNeedsSlot = 8;
  static constexpr u16 kSlotValid = 16;  // while in a register: the slot holds the value, too
  static constexpr u16 kResident = 32;   // stored at its definition, in no live-in list
  static constexpr u16 kParam = 64;
  static constexpr u16 kBranchDef = 128;  // no store can follow its definition
  static constexpr u16 kStoreAtDef = 256;
  static constexpr u16 kSlotDef = 512;         // defined in its slot
  static constexpr u16 kEdgeSlotValid = 1024;  // kSlotValid at the end of the edge's source

  u32 next_use = kNever;
  u32 live_index = kNone;  // backward: position in the list of live values
  u32 end_pos = 0;         // backward: last use in this block
  u32 hint_value = kNone;  // a block parameter this value is passed to
  u32 hint_calls = 0;      // backward: calls seen when hint_reg was noted
  u32 live_block = kNone;  // the block last entered in which the value is live
  u32 def_block = kNone;
  u32 def_pos = 0;
  u32 first_pos = kNone;  // the slot is busy from here
  u32 last_pos = 0;       // to here
  u32 slot = kNone;
  u32 store_cost = 0;  // of all tentative stores
  u32 edge_stamp = 0;
  u32 entry_stamp = 0;
  u32 vote = 0;
  u32 overwritten_stamp = 0;
  u32 shadow = kNone;  // edges: the reserved slot that holds the value for a while
  // Values connected through parameters form a web (union-find, kNone: in none), whose members
  // share slots where they can: two of one slot class are never live at the same time.
  u32 web = kNone;
  u32 first_class = kNone;  // at the root of a web: its slot classes, a list
  u32 slot_class = kNone;
  u32 wanted_class = kNone;  // of the first value passed to a parameter not reached yet
  u16 flags = 0;
  u16 pending = 0;  // uses of the current instruction not placed yet
  u8 hint_reg =
      kNoReg;  // fixed register wanted by a coming use; for parameters, also where arguments are
  u8 reg = kNoReg;      // where it is now
  u8 def_reg = kNoReg;  // where it was defined
  u8 edge_reg = kNoReg;
};

struct LiveIn {
  u32 value : 31;       // bits of its VReg
  u32 before_peak : 1;  // its last use in the block comes before the block's highest pressure
  u32 next_use;
};

// One register that holds a value at a block boundary.
struct RegEntry {
  u32 value;
  u8 reg;
  bool slot_valid;
};

struct Range {
  u32 begin = 0;
  u32 end = 0;
  u32 size() const { return end - begin; }
};

enum class MoveKind : u8 {
  RegToReg,
  Store,           // mandatory
  TentativeStore,  // dropped when the value is stored at its definition instead
  Load,
  Remat,
  SaveScratch,  // register to or from a reserved slot: numbered by `value`
  LoadScratch,
};

struct Move {
  u32 point;
  u32 value;
  MoveKind kind;
  u8 from;
  u8 to;
  bool at_entry;  // belongs to the edge into the block that begins here
};

// A slot that several values of a web will share if they come to need one.
struct SlotClass {
  u32 owner = kNone;  // the value defined or entered last: if any member is live, it is this one
  u32 edge_stamp = 0;
  u32 leader = kNone;  // the first member that needs the slot
  u32 next = kNone;    // of the same web
  bool wide = false;
};

struct StackOperand {
  u32 operand;
  u32 value;
};

struct Masks {
  u32 of[kNumRegClasses] = {};
  u32& operator[](u32 i) { return of[i]; }
  u32 operator[](u32 i) const { return of[i]; }
  bool has(u32 reg) const { return (of[reg >> 5] >> (reg & 31) & 1) != 0; }
  void add(u32 reg) { of[reg >> 5] |= u32{1} << (reg & 31); }
  void remove(u32 reg) { of[reg >> 5] &= ~(u32{1} << (reg & 31)); }
};

struct LoopInfo {
  u32 header = kNone;  // innermost loop of the block, named by its header
  u32 parent = kNone;  // for headers: the header of the loop around
  u32 depth = 0;
  u32 end_pos = 0;             // for headers: last position in the loop
  u32 weight = 1;              // how often the block runs, relative to the entry; 0 for cold blocks
  bool has_call = false;       // a call that is not cold
  bool loop_has_call = false;  // for headers: one in the loop
  u8 pressure[kNumRegClasses] = {};       // of the block: most values live at once, saturated
  u8 loop_pressure[kNumRegClasses] = {};  // for headers: of the loop
  // Registers wanted by fixed operands of instructions that are no calls; for headers, in the loop.
  Masks loop_fixed;
};

// What speaks for a parameter's place: weights of the edges seen so far.
struct ParamVote {
  u64 total = 0;
  u64 in_memory = 0;       // the argument must be loaded if the parameter is in a register
  u64 unstored = 0;        // it must be stored if the parameter is in memory
  u32 slot_class = kNone;  // of most arguments in memory, if there is a majority
  u64 majority = 0;
};

struct Allocator::State {
  Result<Output> run(const Input& given, const MachineEnv& env);

  // loops.cpp
  Result<void> find_loops();
  // liveness.cpp
  void find_liveness();
  u32 entered_loop(u32 from, u32 to) const;
  void limit_lists();

  // scan.cpp
  bool scan(u32& failed_inst);  // false: the constraints of that instruction cannot be met
  // slots.cpp
  void assign_slots();
  void write_edits();

  // Of the output.
  u32 num_slot_words = 0;
  PRegSet used_regs;

  const Input* input = nullptr;

  // Of the machine.
  u32 allocatable[kNumRegClasses] = {};
  u32 preferred[kNumRegClasses] = {};
  std::vector<u8> order[kNumRegClasses];  // all allocatable registers by preference
  bool ascending[kNumRegClasses] = {};    // `order` follows register numbers within each half

  std::vector<ValueState> values;
  std::vector<LoopInfo> blocks;
  std::vector<u32> loop_of, loop_parent;  // of the output
  std::vector<u32> next_uses;             // by operand
  std::vector<u32> param_next_uses;       // by parameter
  std::vector<LiveIn> partial_lives;      // before loops are taken into account
  std::vector<Range> partial_ranges;      // by block
  std::vector<LiveIn> lives;
  std::vector<Range>
      live_ranges;  // by block; into `lives` or, with `live_is_partial`, partial_lives
  std::vector<u8> live_is_partial;
  std::vector<u32> live_list;
  std::vector<Masks> block_fixed;  // by block: registers wanted by fixed operands

  std::vector<Allocation> allocs;
  std::vector<StackOperand> stack_operands;
  std::vector<u32> exchanged;
  std::vector<Move> moves;          // by point
  std::vector<Move> tail_moves;     // before the branch of a block, for its edge
  std::vector<u32> incoming_edges;  // by block: an edge to it
  std::vector<Range> tail_ranges;   // by block
  std::vector<RegEntry> end_entries;
  std::vector<Range> end_ranges;  // by block: registers at its end
  std::vector<RegEntry> entry_entries;
  std::vector<Range> entry_ranges;  // by loop header: registers at its start
  std::vector<SlotClass> slot_classes;
  std::vector<ParamVote> param_votes;  // of the block being entered, by parameter
  std::vector<Edit> edits;
  u32 edge_stamp = 0;
  u32 num_scratch = 0;  // reserved slots of 16 bytes
  bool any_irreducible = false;
  Masks used;     // may hold a few more than are written: for choices only
  Masks written;  // by definitions
  Stats stats;

  // Scratch of single phases.
  std::vector<u32> stack_;
  std::vector<u32> union_find;
  std::vector<u32> extra_head;
  std::vector<u32> extra_next;
  std::vector<u32> extra_block;
  std::vector<u32> reuse_by;
  std::vector<u32> effective;
  std::vector<u64> keys;
  std::vector<u64> heap;
  std::vector<u32> free_slots[2];

  u32 web_of(u32 index) {
    for (u32 up = values[index].web; up != index; up = values[index].web) {
      values[index].web = values[up].web;
      index = values[index].web;
    }
    return index;
  }
  u8 class_of_reg(u8 reg) const { return reg >> 5; }
  std::span<const LiveIn> live_ins(u32 block) const {
    const Range range = live_ranges[block];
    const LiveIn* base = live_is_partial[block] != 0 ? partial_lives.data() : lives.data();
    return {base + range.begin, range.size()};
  }
};

}  // namespace gantry::regalloc

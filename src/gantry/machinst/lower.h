#pragma once
// The lowering driver: CLIF to VCode, ISA-neutral part. It walks blocks and instructions backwards,
// so that every use is known before its definition: a value nobody asked a register for is never
// lowered, and a producer that was matched into its only consumer disappears.
//
// A backend derives its context from LowerContext, gives it `lower`, `lower_branch` and ABI hooks,
// and calls lower_function (lower_impl.h) from one file.
#include <vector>

#include "gantry/ir/function.h"
#include "gantry/ir/inst_view.h"
#include "gantry/machinst/block_order.h"
#include "gantry/machinst/vcode.h"
#include "gantry/support/result.h"
#include "gantry/support/session.h"

namespace gantry::machinst {

// Registers of one value: i128 takes two, everything else one.
struct ValueRegs {
  VReg lo;
  VReg hi;  // invalid for values of one register
  friend constexpr bool operator==(ValueRegs, ValueRegs) = default;
};

// What lowering an instruction gives: the registers of its results, or kAlreadyBound where the
// instructions made define the results' own registers (calls: any number of results).
struct InstOutput {
  static constexpr u32 kAlreadyBound = ~u32{0};
  u32 num_values = 0;
  ValueRegs values[2];
  friend constexpr bool operator==(const InstOutput&, const InstOutput&) = default;
};

// An array filled from its end downwards, which is the order lowering works in; what is in it is in
// forward order.
template <class T>
class DownVector {
 public:
  DownVector() = default;
  ~DownVector() { delete[] begin_; }
  DownVector(const DownVector&) = delete;
  DownVector& operator=(const DownVector&) = delete;

  // Room for `count` items in front of what is there.
  T* extend(u32 count) {
    // In bytes: a difference of pointers divides.
    if (room_ < count * sizeof(T)) [[unlikely]]
      grow(count);
    room_ -= count * sizeof(T);
    return top_ -= count;
  }
  u32 size() const { return static_cast<u32>(end_ - top_); }
  std::span<T> items() { return {top_, size()}; }
  void clear() {
    top_ = end_;
    room_ = static_cast<usize>(end_ - begin_) * sizeof(T);
  }

 private:
  [[gnu::noinline]] void grow(u32 count) {
    const usize used = size();
    usize capacity = static_cast<usize>(end_ - begin_) * 2 + 256;
    while (capacity - used < count) capacity *= 2;
    T* fresh = new T[capacity];
    std::copy(top_, end_, fresh + (capacity - used));
    delete[] begin_;
    begin_ = fresh;
    end_ = fresh + capacity;
    top_ = end_ - used;
    room_ = (capacity - used) * sizeof(T);
  }
  T *begin_ = nullptr, *top_ = nullptr, *end_ = nullptr;
  usize room_ = 0;  // bytes in front of top_
};

class LowerContext {
 public:
  explicit LowerContext(RegClass vector_class) : vector_class_(vector_class) {}
  LowerContext(const LowerContext&) = delete;
  LowerContext& operator=(const LowerContext&) = delete;

  const ir::Function& func() const { return *func_; }
  const ir::DataFlowGraph& dfg() const { return *dfg_; }
  const BlockOrder& order() const { return order_; }

  // ---- questions rules ask
  ir::Type type(ir::Value value) const { return dfg_->type(value); }
  ir::InstView inst_data(ir::Inst inst) const { return ir::InstView((*dfg_)[inst]); }
  // The instruction that makes `value`, if matching may look through it: one result, no effects, no
  // load.
  bool def_inst(ir::Value value, ir::Inst& inst) const {
    const ir::ValueData& data = dfg_->value_data(value);
    if (data.kind() != ir::ValueData::Kind::Result) return false;
    inst = ir::Inst::from_index(data.owner());
    return ir::inst_facts(dfg_->opcode(inst)).is_transparent;
  }
  // The value of an integer constant of at most 64 bits, zero-extended from its type; sees through
  // extensions.
  bool constant_of(ir::Value value, u64& bits) const {
    const ir::ValueData& data = dfg_->value_data(value);
    if (data.kind() != ir::ValueData::Kind::Result) return false;
    const ir::InstData& inst = (*dfg_)[ir::Inst::from_index(data.owner())];
    if (inst.opcode == ir::Opcode::Iconst) {
      bits = inst.wide();
      return true;
    }
    return (inst.opcode == ir::Opcode::Uextend || inst.opcode == ir::Opcode::Sextend) &&
           extended_constant_of(value, bits);
  }
  // The same, sign-extended from the value's type.
  bool signed_constant_of(ir::Value value, i64& bits) const {
    u64 found;
    if (!constant_of(value, found)) return false;
    const u32 shift = 64 - type(value).bits();
    bits = static_cast<i64>(found << shift) >> shift;
    return true;
  }
  // Whether `value` is made by a plain load that may be done by its only consumer, the root being
  // lowered.
  bool is_sinkable_load(ir::Value value, ir::Inst& load) const {
    return use_counts_[value.index()] == 1 && !value_regs_[value.index()].is_valid() &&
           is_load_in_reach(value, load);
  }
  // Does it: the load will not be lowered by itself. Call right after is_sinkable_load, and use its
  // address.
  void sink(ir::Inst load) {
    sunk_.insert(load);
    // Of two loads that may trap, the second must not come first: after one of them nothing more
    // sinks.
    color_ = dfg_->mem_flags(load).notrap() ? colors_[load.index()] : 0;
  }
  ir::Inst root() const { return root_; }

  // ---- registers
  // The register (the low one of two) in which `value` will be.
  VReg reg_of(ir::Value value) {
    VReg& reg = value_regs_[value.index()];
    if (!reg.is_valid()) [[unlikely]]
      reg = fresh_for(type(value));
    return reg;
  }
  ValueRegs regs_of(ir::Value value) {
    const VReg lo = reg_of(value);
    return type(value) == ir::kI128 ? ValueRegs{lo, VReg(lo.index() + 1, lo.reg_class())}
                                    : ValueRegs{lo, VReg()};
  }
  // Whether `value` comes from outside the loop being lowered: it is needed in the next round.
  bool lives_around(ir::Value value) const {
    const u32 start = order_.loop_start(current_block_);
    return start != 0 && is_before(value, start);
  }
  bool has_reg(ir::Value value) const { return value_regs_[value.index()].is_valid(); }
  // A fresh register for a value of the type (two consecutive ones for i128).
  VReg fresh_for(ir::Type type);
  RegClass class_of(ir::Type type) const {
    return type.is_float() ? RegClass::Float : type.is_scalar() ? RegClass::Int : vector_class_;
  }

  // ---- calls, tables, constants
  u32 add_call(const CallInfo& call) {
    calls_.push_back(call);
    if (call.stack_arg_bytes > outgoing_arg_bytes_) outgoing_arg_bytes_ = call.stack_arg_bytes;
    has_calls_ |= !call.is_tail;
    return static_cast<u32>(calls_.size() - 1);
  }
  // Clobbers of the instruction pushed next.
  void clobber(const PRegSet& regs) { pending_clobbers_.push_back({insts_.num_insts(), regs}); }
  u32 add_jump_table(std::span<const MBlock> targets) {
    for (const MBlock target : targets) table_targets_.push_back(target.index());
    table_ranges_.push_back(static_cast<u32>(table_targets_.size()));
    return static_cast<u32>(table_ranges_.size() - 2);
  }
  // Registers that the try_call of the current block defines for its edges, by number; or, in the
  // block of its normal edge, the results that are loaded there: others are left invalid.
  void set_try_results(std::span<const ValueRegs> returns, std::span<const VReg> payload);

  u32 current_block() const { return current_block_; }
  MBlock target(u32 call_index) const { return order_.target(current_block_, call_index); }

  InstBuffer& insts() { return insts_; }
  VRegSource& vregs() { return vregs_; }
  std::vector<u64>& wide_imms() { return wide_imms_; }

  // ---- the driver's own steps (lower_impl.h)
  void begin(const ir::Function& func);
  void begin_block(u32 block) { current_block_ = block; }
  void begin_root(ir::Inst inst) {
    root_ = inst;
    color_ = colors_[inst.index()];
    first_fresh_ = vregs_.next;
  }
  // Ties the results of the root to their registers and moves the group to its place.
  void finish_root(const InstOutput& output);
  // Moves the group to its place; `kind` is that of its last instruction.
  void commit_group(bool may_remat = false);
  void end_block(regalloc::InstKind kind);
  // Constants passed by an edge block that leaves the test of a loop are made in it, not in every
  // round: those that use_branch_args left open, the last argument first.
  std::span<const u32> open_constants() const { return open_constants_; }
  ir::Value edge_arg(u32 number) const;
  void set_edge_constant(u32 number, VReg reg) {
    edge_constants_.push_back({current_block_, number, reg});
  }
  // Registers for everything the edges out of the block pass, but for open constants.
  void use_branch_args(u32 block);
  bool is_sunk(ir::Inst inst) const { return sunk_.contains(inst); }
  // Whether an instruction must be lowered: it has effects, or somebody asked for a result.
  bool is_needed(ir::Inst inst) const;
  VCode finish();

 protected:
  bool is_used(ir::Value value) const { return use_counts_[value.index()] != 0; }

 private:
  struct TryResults {
    u32 block;
    u32 first;  // into try_regs_
    u32 num_returns;
    u32 num_payload;
  };
  struct EdgeConstant {
    u32 block;
    u32 number;  // of the argument
    VReg reg;
  };
  struct RematDef {
    u32 vreg;
    u32 from_end;  // instructions from this one to the end, itself included
  };
  struct ClobberAt {
    u32 from_end;
    PRegSet regs;
  };

  void count_uses_and_color();
  // constant_of for a value made by an extension.
  bool extended_constant_of(ir::Value value, u64& bits) const;
  // Whether `value` is made by a load with nothing in between that it must not pass.
  bool is_load_in_reach(ir::Value value, ir::Inst& load) const;
  // Whether the block that defines `value` has a smaller number.
  bool is_before(ir::Value value, u32 block) const;
  bool is_never_duplicated(ir::Inst inst) const;
  bool is_load(ir::Value value) const;
  bool is_constant(ir::Value value) const;
  void bind(VReg wanted, VReg made);
  void note_remat(VReg vreg);
  void commit_clobbers();
  VReg resolve_alias(VReg reg);

  const ir::Function* func_ = nullptr;
  const ir::DataFlowGraph* dfg_ = nullptr;
  RegClass vector_class_;
  BlockOrder order_;

  // The group being made.
  InstBuffer insts_;
  ir::Inst root_;
  u32 color_ = 0;
  u32 first_fresh_ = 0;
  u32 current_block_ = 0;
  std::vector<regalloc::ClobberEntry> pending_clobbers_;

  // By value / instruction.
  VRegSource vregs_;
  std::vector<VReg> value_regs_;
  std::vector<u8>
      use_counts_;  // 0, 1, or 2 for "several, or duplicated by a consumer of several uses"
  std::vector<u32> colors_;  // before the instruction
  EntitySet<ir::Inst> sunk_;
  std::vector<VReg>
      aliases_;  // by vreg index: another register that holds the value; empty: no alias
  bool has_aliases_ = false;

  // The function so far, backwards.
  DownVector<MInst> all_insts_;
  DownVector<Operand> all_operands_;
  DownVector<u32> operand_counts_;
  DownVector<ir::SourcePlace> all_places_;
  DownVector<u32> block_starts_;  // from the end
  DownVector<regalloc::InstKind> last_kinds_;
  std::vector<RematDef> remat_defs_;
  std::vector<ClobberAt> clobbers_;
  std::vector<EdgeConstant>
      edge_constants_;  // from the last block to the first, from the last argument to the first
  std::vector<u32> open_constants_;
  std::vector<TryResults> try_results_;
  std::vector<ValueRegs> try_regs_;
  std::vector<CallInfo> calls_;
  std::vector<u64> wide_imms_;
  std::vector<u32> table_ranges_, table_targets_;
  u32 outgoing_arg_bytes_ = 0;
  bool has_calls_ = false;
  bool has_places_ = false;

  // The finished arrays.
  std::vector<u32> operand_ranges_, block_insts_, param_ranges_, branch_arg_ranges_, remat_;
  std::vector<VReg> params_, branch_args_;
  std::vector<regalloc::InstKind> inst_kinds_;
  std::vector<regalloc::ClobberEntry> final_clobbers_;
};

}  // namespace gantry::machinst

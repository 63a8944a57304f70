// Problem: the frame depends on what the allocator used, and prologue and epilogue are no
// instructions of the VCode. Idea: after allocation everything is known; lay the frame out once,
// then write block after block, the allocator's moves in between. Frame, downwards from the
// caller's stack pointer:
//   arguments · return address · saved rbp (rbp points here) · pushed callee-saved registers ·
//   spill slots · stack slots · outgoing arguments (rsp points here)
// Where nobody asks for the record of rbp and return address, rbp is neither saved nor set. The
// frame is then made as late as before the one block through which all paths to its users lead, if
// paths that return without it are left; a frame that nothing is in is not made at all.
// Invariants: rsp is a multiple of 16 between prologue and epilogue; everything but arguments and
// rbp itself is addressed from rsp. A function that makes tail calls with more stack arguments than
// it received moves its return address down on entry, so that the area above it has room for any of
// them; bases_.incoming follows.
#include "gantry/isa/x64/emit_x64.h"

#include <algorithm>

#include "gantry/isa/x64/table.h"
#include "gantry/support/limits.h"

namespace gantry::isa::x64 {
namespace {

constexpr u32 kLargeFrame = 32 << 10;  // from here on the limit check must not wrap around
constexpr u32 kMaxUnrolledProbes = 4;
constexpr u32 kMaxRetPop = 0xffff;  // what `ret imm16` can pop

// The same in fewer bytes: the flags are the same, too, since neither number nor result has a sign.
machinst::MInst shortened(machinst::MInst inst) {
  const bool in_reg = static_cast<Mode>(inst.mode & 15) == Mode::Reg;
  switch (static_cast<Opcode>(inst.op)) {
    case Opcode::TestMI_16:
    case Opcode::TestMI_32:
    case Opcode::TestMI_64:
      if (inst.imm < 0) break;
      if (inst.imm < 128) {
        inst.op = static_cast<u16>(Opcode::TestMI_8);
      } else if (inst.op == static_cast<u16>(Opcode::TestMI_64)) {
        inst.op = static_cast<u16>(Opcode::TestMI_32);
      }
      break;
    case Opcode::AndMI8_64:
      if (inst.imm >= 0 && in_reg) inst.op = static_cast<u16>(Opcode::AndMI8_32);
      break;
    case Opcode::AndMI_64:
      if (inst.imm >= 0 && in_reg) inst.op = static_cast<u16>(Opcode::AndMI_32);
      break;
    default:
      break;
  }
  return inst;
}

constexpr u32 kNone = ~u32{0};
constexpr u32 kMaxPrologueMoves = 8;
// Steps, for each block, on the way to common dominators; then the entry is the answer, which is
// one.
constexpr u32 kDominatorSteps = 16;

bool is_return(u16 op) {
  switch (static_cast<Opcode>(op)) {
    case Opcode::Rets:
    case Opcode::ReturnCallKnown:
    case Opcode::ReturnCallUnknown:
      return true;
    default:
      return false;
  }
}

// Whether the flags after `inst`, whose result is tested against zero, are those that the test
// would give: all of them after bit operations, zero and sign after sums and differences.
enum class ResultFlags : u8 { None, ZeroAndSign, All };
ResultFlags result_flags(const machinst::MInst& inst, bool wide) {
  switch (static_cast<Opcode>(inst.op)) {
    case Opcode::AndMI8_32:
    case Opcode::AndMI_32:
    case Opcode::OrMI8_32:
    case Opcode::OrMI_32:
    case Opcode::XorMI8_32:
    case Opcode::XorMI_32:
      if (static_cast<Mode>(inst.mode & kModeMask) != Mode::Reg) return ResultFlags::None;
      [[fallthrough]];
    case Opcode::AndRM_32:
    case Opcode::OrRM_32:
    case Opcode::XorRM_32:
      return wide ? ResultFlags::None : ResultFlags::All;
    case Opcode::AndMI8_64:
    case Opcode::AndMI_64:
    case Opcode::OrMI8_64:
    case Opcode::OrMI_64:
    case Opcode::XorMI8_64:
    case Opcode::XorMI_64:
      if (static_cast<Mode>(inst.mode & kModeMask) != Mode::Reg) return ResultFlags::None;
      [[fallthrough]];
    case Opcode::AndRM_64:
    case Opcode::OrRM_64:
    case Opcode::XorRM_64:
      return wide ? ResultFlags::All : ResultFlags::None;
    case Opcode::AddMI8_32:
    case Opcode::AddMI_32:
    case Opcode::SubMI8_32:
    case Opcode::SubMI_32:
      if (static_cast<Mode>(inst.mode & kModeMask) != Mode::Reg) return ResultFlags::None;
      [[fallthrough]];
    case Opcode::AddRM_32:
    case Opcode::SubRM_32:
      return wide ? ResultFlags::None : ResultFlags::ZeroAndSign;
    case Opcode::AddMI8_64:
    case Opcode::AddMI_64:
    case Opcode::SubMI8_64:
    case Opcode::SubMI_64:
      if (static_cast<Mode>(inst.mode & kModeMask) != Mode::Reg) return ResultFlags::None;
      [[fallthrough]];
    case Opcode::AddRM_64:
    case Opcode::SubRM_64:
      return wide ? ResultFlags::ZeroAndSign : ResultFlags::None;
    default:
      return ResultFlags::None;
  }
}

bool reads_zero_or_sign(CC cc) {
  return cc == CC::E || cc == CC::NE || cc == CC::S || cc == CC::NS;
}

u32 align16(u64 bytes) { return static_cast<u32>((bytes + 15) & ~u64{15}); }

}  // namespace

X64Emitter::X64Emitter() : buffer_(kX64LabelUses, kX64TrapBytes, &kX64ShortBranch) {}

bool X64Emitter::may_need_frame_record(const X64Lower& lower, const target::Flags& flags) {
  return flags.preserve_frame_pointers || flags.enable_probestack || lower.needs_frame_record() ||
         lower.max_tail_arg_bytes() > lower.own_abi().stack_arg_bytes;
}

Result<void> X64Emitter::lay_out_frame() {
  const AbiSignature& abi = lower_->own_abi();
  PRegSet written = regs_->used_regs;
  for (const regalloc::ClobberEntry& entry : vcode_->input.clobbers) written |= entry.regs;
  const bool record_possible = may_need_frame_record(*lower_, *flags_);
  saved_.clear();
  saved_xmms_.clear();
  const u32 wanted = written.mask(RegClass::Int) & abi.saved.mask(RegClass::Int);
  for (u32 i = 0; i < 16; ++i) {
    if ((wanted >> i & 1) == 0 || (flags_->enable_pinned_reg && gpr(i) == kR15)) continue;
    if (gpr(i) != kRbp || !record_possible) saved_.push_back(gpr(i));
  }
  const u32 wanted_xmms = written.mask(RegClass::Float) & abi.saved.mask(RegClass::Float);
  for (u32 i = 0; i < 16; ++i) {
    if ((wanted_xmms >> i & 1) != 0) saved_xmms_.push_back(xmm(i));
  }

  enlarged_bytes_ = 0;
  if (lower_->max_tail_arg_bytes() > abi.stack_arg_bytes) {
    enlarged_bytes_ = lower_->max_tail_arg_bytes() - abi.stack_arg_bytes;
  }
  const u64 outgoing = align16(vcode_->outgoing_arg_bytes);
  const u64 slots = outgoing;
  const u64 spills = slots + lower_->slot_bytes();
  saved_xmm_base_ = static_cast<u32>(spills + u64{regs_->num_slot_words} * 8);
  const u64 content = u64{saved_xmm_base_} + saved_xmms_.size() * 16;
  if (content > limits::kMaxFrameBytes.value) {
    return Error(ErrorKind::LimitExceeded,
                 "max-frame-bytes: the stack frame of the function is too large");
  }
  has_record_ = record_possible;
  const u32 pushed = static_cast<u32>(saved_.size()) * 8 + (has_record_ ? 0 : 8);
  fixed_bytes_ = align16(content + pushed) - pushed;
  if (content == 0 && !vcode_->has_calls) fixed_bytes_ = 0;
  bases_.outgoing = 0;
  bases_.slots = static_cast<i32>(slots);
  bases_.spills = static_cast<i32>(spills);
  bases_.has_pointer = has_record_;
  bases_.incoming = static_cast<i32>(has_record_ ? 16 + enlarged_bytes_ : fixed_bytes_ + pushed);
  makes_frame_ = !has_record_ && (fixed_bytes_ != 0 || !saved_.empty());
  return {};
}

// Calls, what lies in the frame, registers that must be saved; and traps behind the code, which
// could be reached with the frame and without.
bool X64Emitter::needs_frame(u32 block) const {
  const regalloc::Input& input = vcode_->input;
  const u32 first = input.block_insts[block], end = input.block_insts[block + 1];
  u32 saved = 0;
  for (const PReg reg : saved_) saved |= u32{1} << reg.hw_enc();
  const auto in_frame = [&](Allocation place) {
    if (place.is_stack()) return true;
    return place.is_reg() && place.as_reg().reg_class() == RegClass::Int &&
           (saved >> place.as_reg().hw_enc() & 1) != 0;
  };
  for (u32 i = first; i < end; ++i) {
    const MInst& inst = vcode_->insts[i];
    switch (static_cast<Opcode>(inst.op)) {
      case Opcode::CallKnown:
      case Opcode::CallUnknown:
      case Opcode::TlsCall:
      case Opcode::TrapIf:
        return true;
      default:
        break;
    }
    if (op_info(inst.op).m != kNoSlot) {
      const Mode mode = static_cast<Mode>(inst.mode & kModeMask);
      if (mode == Mode::Slot || mode == Mode::SlotIndex || mode == Mode::InArg ||
          mode == Mode::OutArg) {
        return true;
      }
    }
  }
  for (u32 i = input.operand_ranges[first]; i < input.operand_ranges[end]; ++i) {
    if (in_frame(regs_->allocs[i])) return true;
  }
  const auto by_point = [](const regalloc::Edit& edit, u32 point) { return edit.point < point; };
  for (auto edit = std::lower_bound(regs_->edits.begin(), regs_->edits.end(), 2 * first, by_point);
       edit != regs_->edits.end() && edit->point < 2 * end; ++edit) {
    if (in_frame(edit->from) || in_frame(edit->to)) return true;
  }
  return false;
}

// Blocks are in reverse postorder, so a few rounds settle it (Cooper, Harvey, Kennedy).
void X64Emitter::compute_dominators() {
  const regalloc::Input& input = vcode_->input;
  dominators_.assign(input.num_blocks, kNone);
  dominators_[0] = 0;
  dominator_steps_ = u64{kDominatorSteps} * input.num_blocks;
  for (bool again = true; again;) {
    again = false;
    for (u32 block = 1; block < input.num_blocks; ++block) {
      u32 found = kNone;
      if (dominator_steps_ != 0) --dominator_steps_;
      for (u32 i = input.predecessor_ranges[block]; i < input.predecessor_ranges[block + 1]; ++i) {
        const u32 from = input.predecessors[i];
        if (dominators_[from] == kNone) continue;
        found = found == kNone ? from : common_dominator(found, from);
      }
      again |= found != dominators_[block];
      dominators_[block] = found;
    }
  }
}

u32 X64Emitter::common_dominator(u32 a, u32 b) {
  while (a != b) {
    if (dominator_steps_ == 0) return 0;
    --dominator_steps_;
    u32& later = a > b ? a : b;
    later = dominators_[later];
  }
  return a;
}

// Where control goes from a block that runs with the frame, it is still there.
void X64Emitter::close_framed() {
  const regalloc::Input& input = vcode_->input;
  while (!work_.empty()) {
    const u32 block = work_.back();
    work_.pop_back();
    for (u32 i = input.successor_ranges[block]; i < input.successor_ranges[block + 1]; ++i) {
      const u32 to = input.successors[i];
      if (framed_[to] != 0) continue;
      framed_[to] = 1;
      work_.push_back(to);
    }
  }
}

// The blocks with the frame are those reachable from the prologue's block; nothing else may lead to
// any of them, and none of them back to the prologue. Where that fails the prologue moves up in the
// dominator tree, at last to the entry.
void X64Emitter::place_prologue(std::span<const u32> layout) {
  const regalloc::Input& input = vcode_->input;
  prologue_block_ = 0;
  framed_.clear();
  if (!makes_frame_ || lower_->func().stack_limit || !saved_xmms_.empty() ||
      input.num_blocks == 1 || needs_frame(0)) {
    return;
  }
  framed_.assign(input.num_blocks, 0);
  work_.clear();
  for (u32 block = 1; block < input.num_blocks; ++block) {
    if (framed_[block] != 0 || !needs_frame(block)) continue;
    framed_[block] = 1;
    work_.push_back(block);
    close_framed();
  }
  dominators_.clear();
  u32 at = kNone;
  for (u32 moves = 0; at != 0; ++moves) {
    u32 entry = kNone;
    for (u32 block = 1; block < input.num_blocks && entry != 0; ++block) {
      if (framed_[block] == 0) continue;
      bool from_without = false, from_within = false;
      for (u32 i = input.predecessor_ranges[block]; i < input.predecessor_ranges[block + 1]; ++i) {
        (framed_[input.predecessors[i]] != 0 ? from_within : from_without) = true;
      }
      if (!from_without) continue;
      if (entry == kNone && !from_within) {
        entry = block;
        continue;
      }
      if (dominators_.empty()) compute_dominators();
      entry = entry == kNone ? dominators_[block]
                             : common_dominator(entry, from_within ? dominators_[block] : block);
    }
    const std::span<const u32> loop_of = regs_->loops.loop_of;
    while (entry != 0 && entry != kNone && !loop_of.empty() && loop_of[entry] != kNone) {
      if (dominators_.empty()) compute_dominators();
      entry = dominators_[entry];
    }
    if (entry == at && at != kNone) break;
    if (entry == kNone || moves == kMaxPrologueMoves) entry = 0;
    at = entry;
    if (framed_[at] == 0) {
      framed_[at] = 1;
      work_.push_back(at);
      close_framed();
    }
  }
  // Worth it if something returns without the frame. What stands in front of the prologue must not
  // have it: unwinders read from top to bottom.
  bool pays = false, made = false;
  if (at != 0) {
    for (const u32 block : layout) {
      made |= block == at;
      if (framed_[block] != 0) {
        if (made) continue;
        pays = false;
        break;
      }
      pays |= is_return(vcode_->insts[input.block_insts[block + 1] - 1].op);
    }
  }
  if (!pays) {
    framed_.clear();
    return;
  }
  prologue_block_ = at;
}

void X64Emitter::note_frame_state(bool framed) {
  if (!makes_frame_ || !flags_->unwind_info) return;
  using Kind = unwind::UnwindInst::Kind;
  const Described wanted = framed ? Described::Frame : Described::Entry;
  if (described_ == wanted) return;
  buffer_.add_unwind({framed ? Kind::FrameBack : Kind::FrameGone, buffer_.offset(), 0, 0, {}});
  described_ = wanted;
}

void X64Emitter::note_stack_free(u32 bytes) {
  if (!makes_frame_ || !flags_->unwind_info) return;
  buffer_.add_unwind({unwind::UnwindInst::Kind::StackFree, buffer_.offset(), bytes, 0, {}});
  described_ = Described::Freed;
}

Result<void> X64Emitter::emit_stack_limit_check(EmitContext& context) {
  const ir::Function& func = lower_->func();
  // The chain of loads from the context parameter, innermost last.
  std::vector<i32> offsets;
  ir::GlobalValue at = *func.stack_limit;
  for (;;) {
    const ir::GlobalValueData& data = func.global_values[at];
    if (data.kind == ir::GlobalValueData::Kind::VmContext) break;
    if (data.kind != ir::GlobalValueData::Kind::Load) {
      return Error(ErrorKind::Unsupported,
                   "a stack limit must be the context parameter or loaded through it");
    }
    offsets.push_back(static_cast<i32>(data.offset));
    at = *data.base;
  }
  PReg from = kRdi;
  for (usize i = 0; i < func.signature.params.size(); ++i) {
    if (func.signature.params[i].purpose != ir::ArgPurpose::VmContext) continue;
    for (const Place& place : lower_->own_abi().params) {
      if (place.value != i) continue;
      if (place.kind != Place::Kind::Reg) {
        return Error(ErrorKind::Unsupported,
                     "a stack limit through a context parameter on the stack");
      }
      from = place.reg;
    }
  }
  for (usize i = offsets.size(); i-- > 0;) {
    emit_mem(Opcode::MovRM_64, {kR10, from}, Mode::Base, offsets[i], context);
    from = kR10;
  }
  const u32 frame = fixed_bytes_ + static_cast<u32>(saved_.size()) * 8;
  const Label trap = buffer_.deferred_trap(ir::kTrapStackOverflow);
  const auto trap_if_below = [&](PReg limit) {
    emit_regs(Opcode::CmpRM_64, {kRsp, limit}, context);
    emit_regs(Opcode::J, {}, context, static_cast<i32>(trap.index), CC::B);
  };
  if (frame >= kLargeFrame) trap_if_below(from);
  if (frame != 0) {
    emit_mem(Opcode::LeaRM_64, {kR10, from}, Mode::Base, static_cast<i32>(frame), context);
    from = kR10;
  }
  trap_if_below(from);
  return {};
}

// Touches the new stack page by page, so that a guard page cannot be jumped over.
void X64Emitter::emit_probes(EmitContext& context) {
  const u32 guard = u32{1} << std::min<u32>(flags_->probestack_size_log2, 30);
  if (fixed_bytes_ < guard) return;
  const u32 probes = fixed_bytes_ / guard;
  if (flags_->probestack_strategy == target::ProbestackStrategy::Outline) {
    emit_regs(Opcode::MovImm32OI_32, {kRax}, context, static_cast<i32>(fixed_bytes_));
    emit_call_name(
        {{ir::ExternalName::Kind::LibCall, static_cast<u32>(ir::LibCall::Probestack)}, 0},
        call_reloc(flags_->use_colocated_libcalls), context);
    return;
  }
  if (probes <= kMaxUnrolledProbes) {
    for (u32 i = 1; i <= probes; ++i) {
      emit_mem(Opcode::MovToMemMR_32, {kRsp, kRsp}, Mode::Base, -static_cast<i32>(i * guard),
               context);
    }
    return;
  }
  const u32 whole = probes * guard;
  emit_mem(Opcode::LeaRM_64, {kR11, kRsp}, Mode::Base, -static_cast<i32>(whole), context);
  const Label again = buffer_.new_label();
  buffer_.bind(again);
  emit_mem(Opcode::LeaRM_64, {kRsp, kRsp}, Mode::Base, -static_cast<i32>(guard), context);
  emit_mem(Opcode::MovToMemMR_32, {kRsp, kRsp}, Mode::Base, 0, context);
  emit_regs(Opcode::CmpRM_64, {kRsp, kR11}, context);
  emit_regs(Opcode::J, {}, context, static_cast<i32>(again.index), CC::NE);
  emit_mem(Opcode::LeaRM_64, {kRsp, kRsp}, Mode::Base, static_cast<i32>(whole), context);
}

Result<void> X64Emitter::emit_prologue(EmitContext& context) {
  using unwind::UnwindInst;
  const bool unwind = flags_->unwind_info;
  const auto note = [&](UnwindInst::Kind kind, u32 amount, i32 base = 0, PReg reg = {}) {
    if (unwind) buffer_.add_unwind({kind, buffer_.offset(), amount, base, reg});
  };
  if (enlarged_bytes_ != 0) {
    emit_mem(Opcode::MovRM_64, {kR10, kRsp}, Mode::Base, 0, context);
    emit_mem(Opcode::LeaRM_64, {kRsp, kRsp}, Mode::Base, -static_cast<i32>(enlarged_bytes_),
             context);
    emit_mem(Opcode::MovToMemMR_64, {kR10, kRsp}, Mode::Base, 0, context);
  }
  if (has_record_) {
    emit_regs(Opcode::PushO_64, {kRbp}, context);
    note(UnwindInst::Kind::PushFrameRegs, 16 + enlarged_bytes_);
    emit_regs(Opcode::MovRM_64, {kRbp, kRsp}, context);
    note(UnwindInst::Kind::DefineNewFrame, 16 + enlarged_bytes_);
  }
  if (lower_->func().stack_limit && (fixed_bytes_ != 0 || !saved_.empty() || vcode_->has_calls)) {
    GANTRY_TRY(emit_stack_limit_check(context));
  }
  for (usize i = 0; i < saved_.size(); ++i) {
    emit_regs(Opcode::PushO_64, {saved_[i]}, context);
    if (!has_record_) note(UnwindInst::Kind::StackAlloc, 8);
    note(UnwindInst::Kind::SaveReg, 0, -8 * static_cast<i32>(has_record_ ? i + 1 : i), saved_[i]);
  }
  if (flags_->enable_probestack) emit_probes(context);
  if (fixed_bytes_ == 8) {
    emit_regs(Opcode::PushO_64, {kRax}, context);  // a byte instead of four
  } else if (fixed_bytes_ != 0) {
    emit_regs(fixed_bytes_ < 128 ? Opcode::SubMI8_64 : Opcode::SubMI_64, {kRsp, kRsp}, context,
              static_cast<i32>(fixed_bytes_));
  }
  if (fixed_bytes_ != 0) note(UnwindInst::Kind::StackAlloc, fixed_bytes_);
  for (usize i = 0; i < saved_xmms_.size(); ++i) {
    emit_mem(Opcode::MovupsToMemMR, {saved_xmms_[i], kRsp}, Mode::Base,
             static_cast<i32>(saved_xmm_base_ + 16 * static_cast<u32>(i)), context);
  }
  if (makes_frame_) described_ = Described::Frame;
  return {};
}

void X64Emitter::emit_epilogue(EmitContext& context) {
  if (!is_framed_) return;
  for (usize i = 0; i < saved_xmms_.size(); ++i) {
    emit_mem(Opcode::MovupsRM, {saved_xmms_[i], kRsp}, Mode::Base,
             static_cast<i32>(saved_xmm_base_ + 16 * static_cast<u32>(i)), context);
  }
  if (!has_record_) {
    if (fixed_bytes_ != 0) {
      emit_regs(fixed_bytes_ < 128 ? Opcode::AddMI8_64 : Opcode::AddMI_64, {kRsp, kRsp}, context,
                static_cast<i32>(fixed_bytes_));
      note_stack_free(fixed_bytes_);
    }
    for (usize i = saved_.size(); i-- > 0;) {
      emit_regs(Opcode::PopO_64, {saved_[i]}, context);
      note_stack_free(8);
    }
    return;
  }
  if (fixed_bytes_ != 0 && saved_.empty()) {
    buffer_.put1(0xc9);  // leave
    return;
  }
  if (fixed_bytes_ != 0) {
    emit_mem(Opcode::LeaRM_64, {kRsp, kRbp}, Mode::Base, -8 * static_cast<i32>(saved_.size()),
             context);
  }
  for (usize i = saved_.size(); i-- > 0;) emit_regs(Opcode::PopO_64, {saved_[i]}, context);
  emit_regs(Opcode::PopO_64, {kRbp}, context);
}

void X64Emitter::emit_rets(const PseudoInst&, EmitContext& context) {
  emit_epilogue(context);
  const AbiSignature& abi = lower_->own_abi();
  const u32 pop = abi.callee_pops ? abi.stack_arg_bytes + enlarged_bytes_ : 0;
  if (pop == 0) {
    emit_regs(Opcode::Ret, {}, context);
  } else if (pop <= kMaxRetPop) {
    emit_regs(Opcode::RetPopI, {}, context, static_cast<i32>(pop));
  } else {
    emit_regs(Opcode::PopO_64, {kR11}, context);
    emit_mem(Opcode::LeaRM_64, {kRsp, kRsp}, Mode::Base, static_cast<i32>(pop), context);
    emit_regs(Opcode::JmpToM_64, {kR11}, context);
  }
}

void X64Emitter::finish_call(const machinst::CallInfo& call, std::span<const Allocation> allocs,
                             EmitContext& context) {
  const u32 frame = fixed_bytes_ + static_cast<u32>(saved_.size()) * 8;
  const ir::Function& func = lower_->func();
  handlers_.clear();
  if (call.is_try) {
    const ir::DataFlowGraph& dfg = func.dfg;
    const ir::ExceptionTable table = ir::ExceptionTable::from_index(dfg[*call.inst].words[2]);
    u32 edge = 1;
    usize next_context = allocs.size() - call.num_contexts;
    for (const ir::ExceptionTableData::Item& item : dfg.exception_tables[table].items) {
      machinst::HandlerUse use{};
      using Kind = target::ExceptionHandler::Kind;
      if (item.kind == ir::ExceptionTableData::Item::Kind::Context) {
        const Allocation place = allocs[next_context++];
        use.handler.kind = Kind::Context;
        use.handler.context_in_reg = place.is_reg();
        if (place.is_reg()) {
          use.handler.context_reg = place.as_reg();
        } else {
          use.handler.context_sp_offset = bases_.spills + static_cast<i32>(place.index()) * 8;
        }
      } else {
        const bool is_tag = item.kind == ir::ExceptionTableData::Item::Kind::Tag;
        use.handler.kind = is_tag ? Kind::Tag : Kind::Default;
        use.handler.tag = is_tag ? (*item.tag).index() : 0;
        use.label = Label{lower_->order().target(call.block, edge++).index()};
      }
      handlers_.push_back(use);
    }
  }
  buffer_.add_call_site(frame, handlers_);
  if (call.inst) {
    const std::span<const ir::StackMapEntry> map = func.stack_map(*call.inst);
    if (!map.empty()) {
      std::vector<target::StackMapEntry> entries;
      for (const ir::StackMapEntry& entry : map) {
        entries.push_back({entry.type.code(), static_cast<u32>(bases_.slots) +
                                                  lower_->slot_offsets()[entry.slot.index()] +
                                                  entry.offset});
      }
      buffer_.add_stack_map(entries);
    }
    const std::span<const ir::DebugTag> tags = func.debug_tags(*call.inst);
    if (!tags.empty()) {
      std::vector<target::DebugTag> copied;
      for (const ir::DebugTag& tag : tags) copied.push_back({tag.is_slot, tag.value});
      buffer_.add_debug_tags(copied);
    }
  }
  if (call.callee_pop_bytes != 0) {
    note_stack_free(call.callee_pop_bytes);
    emit_mem(Opcode::LeaRM_64, {kRsp, kRsp}, Mode::Base, -static_cast<i32>(call.callee_pop_bytes),
             context);
    note_frame_state(true);
  }
  if (call.is_try) emit_jmp(Label{call.normal_target}, context);
}

// What is not near is called through the table of addresses if the code may be anywhere, else
// by whatever the linker puts in between.
target::RelocKind X64Emitter::call_reloc(bool colocated) const {
  return colocated        ? target::RelocKind::X86CallPCRel4
         : flags_->is_pic ? target::RelocKind::X86GOTPCRel4
                          : target::RelocKind::X86CallPLTRel4;
}

void X64Emitter::emit_call_known(const PseudoInst& inst, EmitContext& context) {
  const machinst::CallInfo& call = vcode_->calls[static_cast<u32>(inst.inst.imm)];
  const u32 start = buffer_.offset();
  emit_call_name({call.name, 0}, call_reloc(call.colocated), context);
  if (call.patchable) buffer_.add_patchable_call(start, buffer_.offset() - start);
  finish_call(call, inst.allocs, context);
}

void X64Emitter::emit_call_unknown(const PseudoInst& inst, EmitContext& context) {
  const machinst::CallInfo& call = vcode_->calls[static_cast<u32>(inst.inst.imm)];
  MInst through = inst.inst;
  through.op = static_cast<u16>(Opcode::CallToM_64);
  through.imm = 0;
  emit_inst(through, inst.allocs, context);
  finish_call(call, inst.allocs, context);
}

// Linkers that know more rewrite the sequence of ELF as a whole, so its bytes are prescribed:
// data16 lea rdi, [symbol's pair in the table of addresses]; data16 data16 rex.W call
// __tls_get_addr. On macOS: mov rdi, [symbol's descriptor]; call [rdi].
void X64Emitter::emit_tls_call(const PseudoInst& inst, EmitContext& context) {
  const machinst::CallInfo& call = vcode_->calls[static_cast<u32>(inst.inst.imm)];
  const u32 start = buffer_.offset();
  if (static_cast<target::TlsModel>(inst.inst.disp) == target::TlsModel::MachO) {
    static constexpr u8 kSequence[] = {0x48, 0x8b, 0x3d, 0, 0, 0, 0, 0xff, 0x17};
    buffer_.put_bytes(kSequence);
    buffer_.add_reloc(start + 3, target::RelocKind::MachOX86_64Tlv, call.name, -4);
  } else {
    static constexpr u8 kSequence[] = {0x66, 0x48, 0x8d, 0x3d, 0, 0, 0, 0,
                                       0x66, 0x66, 0x48, 0xe8, 0, 0, 0, 0};
    buffer_.put_bytes(kSequence);
    buffer_.add_reloc(start + 4, target::RelocKind::ElfX86_64TlsGd, call.name, -4);
    buffer_.add_reloc(
        start + 12, target::RelocKind::X86CallPLTRel4,
        {ir::ExternalName::Kind::LibCall, static_cast<u32>(ir::LibCall::ElfTlsGetAddr)}, -4);
  }
  finish_call(call, inst.allocs, context);
}

// What is resumed is read before anything is written: both may be the same context. All registers
// but those of the operands are free, since the other stack's code may have changed them.
void X64Emitter::emit_stack_switch_call(const PseudoInst& inst, EmitContext& context) {
  const machinst::CallInfo& call = vcode_->calls[static_cast<u32>(inst.inst.imm)];
  const PReg store = inst.reg(0), load = inst.reg(1);
  const PReg stack = kRax, frame = kRcx, code = kR8, resume_at = kR9;
  emit_mem(Opcode::MovRM_64, {stack, load}, Mode::Base, StackContext::kStackPointer, context);
  emit_mem(Opcode::MovRM_64, {frame, load}, Mode::Base, StackContext::kFramePointer, context);
  emit_mem(Opcode::MovRM_64, {code, load}, Mode::Base, StackContext::kCodePointer, context);
  const Label resume = buffer_.new_label();
  emit_mem(Opcode::LeaRM_64, {resume_at}, Mode::Label, static_cast<i32>(resume.index), context);
  emit_mem(Opcode::MovToMemMR_64, {kRsp, store}, Mode::Base, StackContext::kStackPointer, context);
  emit_mem(Opcode::MovToMemMR_64, {kRbp, store}, Mode::Base, StackContext::kFramePointer, context);
  emit_mem(Opcode::MovToMemMR_64, {resume_at, store}, Mode::Base, StackContext::kCodePointer,
           context);
  emit_regs(Opcode::MovRM_64, {kRsp, stack}, context);
  emit_regs(Opcode::MovRM_64, {kRbp, frame}, context);
  emit_regs(Opcode::JmpToM_64, {code}, context);
  buffer_.bind(resume);
  finish_call(call, inst.allocs, context);
}

void X64Emitter::emit_tail_jump_frame(const machinst::CallInfo& call, EmitContext& context) {
  emit_epilogue(context);
  const u32 room = lower_->own_abi().stack_arg_bytes + enlarged_bytes_;
  const u32 up = room - call.callee_pop_bytes;
  if (up == 0) return;
  emit_mem(Opcode::MovRM_64, {kR10, kRsp}, Mode::Base, 0, context);
  emit_mem(Opcode::LeaRM_64, {kRsp, kRsp}, Mode::Base, static_cast<i32>(up), context);
  emit_mem(Opcode::MovToMemMR_64, {kR10, kRsp}, Mode::Base, 0, context);
}

void X64Emitter::emit_return_call_known(const PseudoInst& inst, EmitContext& context) {
  const machinst::CallInfo& call = vcode_->calls[static_cast<u32>(inst.inst.imm)];
  emit_tail_jump_frame(call, context);
  emit_jmp_name({call.name, 0}, call_reloc(call.colocated), context);
}

void X64Emitter::emit_return_call_unknown(const PseudoInst& inst, EmitContext& context) {
  const machinst::CallInfo& call = vcode_->calls[static_cast<u32>(inst.inst.imm)];
  emit_tail_jump_frame(call, context);
  emit_regs(Opcode::JmpToM_64, {inst.reg(0)}, context);
}

// A test of what the instruction before has just made, with the flags it made. Bit operations leave
// carry and overflow clear as the test does; after the others only a branch on zero or sign, which
// ends the block, can do without it.
bool X64Emitter::is_repeated_test(u32 number, std::span<const Allocation> allocs) const {
  const MInst& test = vcode_->insts[number];
  if (static_cast<Mode>(test.mode & kModeMask) != Mode::Reg || !allocs[0].is_reg() ||
      allocs[0] != allocs[1]) {
    return false;
  }
  const ResultFlags made =
      result_flags(vcode_->insts[number - 1], static_cast<Opcode>(test.op) == Opcode::TestMR_64);
  if (made == ResultFlags::None) return false;
  if (regs_->allocs[vcode_->input.operand_ranges[number - 1]] != allocs[0]) return false;
  if (made == ResultFlags::All) return true;
  const MInst& reader = vcode_->insts[number + 1];
  return static_cast<Opcode>(reader.op) == Opcode::JccBoth &&
         reads_zero_or_sign(static_cast<CC>(reader.mode >> 4));
}

// Whether the copy that `edit` makes just before instruction `number` is read by nothing but that,
// and only its lower half. Processors copy a register for nothing if what follows is as wide.
bool X64Emitter::may_copy_half(usize edit, u32 number) const {
  const Allocation to = regs_->edits[edit].to;
  const MInst& inst = vcode_->insts[number];
  const u32 slot = op_facts(inst.op).half_slot;
  const Allocation* const allocs = &regs_->allocs[vcode_->input.operand_ranges[number]];
  if (slot == kNoSlot || allocs[slot] != to) return false;
  const Mode mode = static_cast<Mode>(inst.mode & kModeMask);
  const u32 m = op_info(inst.op).m;
  if (m != kNoSlot && mode != Mode::Reg) {
    // An address is as wide as registers are.
    if (m == slot) return false;
    for (u32 i = 0; i < mode_registers(mode); ++i) {
      if (allocs[m + i] == to) return false;
    }
  }
  for (usize i = edit + 1; i < regs_->edits.size() && regs_->edits[i].point == 2 * number; ++i) {
    if (regs_->edits[i].from == to) return false;
  }
  return true;
}

void X64Emitter::emit_block(u32 block, EmitContext& context) {
  const regalloc::Input& input = vcode_->input;
  const std::span<const regalloc::Edit> edits = regs_->edits;
  const u32 first = input.block_insts[block], end = input.block_insts[block + 1];
  const bool has_places = !vcode_->source_places.empty();
  // Zero takes two bytes where nobody reads the flags it spoils: a reader follows its writer at
  // once, but for edits.
  const auto emit_constant = [&](const MInst& inst, std::span<const Allocation> place,
                                 u32 following) {
    if (inst.op != static_cast<u16>(Opcode::MovImm32OI_32) || inst.imm != 0 ||
        (following < end && op_facts(vcode_->insts[following].op).flags_read != 0)) {
      emit_inst(inst, place, context);
      return;
    }
    MInst zero = inst;
    zero.op = static_cast<u16>(Opcode::ZeroB_32);
    emit_inst(zero, place, context);
  };
  const auto emit_edits = [&](u32 point) {
    while (next_edit_ < edits.size() && edits[next_edit_].point == point) {
      const regalloc::Edit& edit = edits[next_edit_++];
      if (edit.from.kind() == Allocation::Kind::Remat) {
        emit_constant(vcode_->insts[edit.from.index()], {&edit.to, 1}, (point + 1) / 2);
      } else if (edit.reg_class == RegClass::Int && edit.from.is_reg() && edit.to.is_reg() &&
                 point % 2 == 0 && may_copy_half(next_edit_ - 1, point / 2)) {
        emit_regs(Opcode::MovRM_32, {edit.to.as_reg(), edit.from.as_reg()}, context);
      } else {
        emit_move(edit.from, edit.to, edit.reg_class, edit.wide, context);
      }
    }
  };
  ir::SourcePlace place;
  usize edits_made = next_edit_;  // before the end of the instruction emitted last
  for (u32 i = first; i < end; ++i) {
    if (has_places && vcode_->source_places[i] != place) {
      place = vcode_->source_places[i];
      if (place.is_known()) {
        buffer_.start_source_range(place);
      } else {
        buffer_.end_source_range();
      }
    }
    const bool no_edit_before = next_edit_ == edits_made;
    emit_edits(2 * i);
    const bool follows_directly = no_edit_before && next_edit_ == edits_made && i != first;
    const u32 operands = input.operand_ranges[i];
    const MInst& inst = vcode_->insts[i];
    const std::span<const Allocation> allocs =
        regs_->allocs.subspan(operands, input.operand_ranges[i + 1] - operands);
    switch (static_cast<Opcode>(inst.op)) {
      case Opcode::MovImm32OI_32:
        emit_constant(inst, allocs, i + 1);
        break;
      case Opcode::TestMI_16:
      case Opcode::TestMI_32:
      case Opcode::TestMI_64:
      case Opcode::AndMI8_64:
      case Opcode::AndMI_64:
        emit_inst(shortened(inst), allocs, context);
        break;
      case Opcode::TestMR_32:
      case Opcode::TestMR_64:
        if (!follows_directly || !is_repeated_test(i, allocs)) emit_inst(inst, allocs, context);
        break;
      case Opcode::ShlMI_32:
      case Opcode::ShlMI_64:
        if (inst.imm == 1 && allocs[0].is_reg() &&
            static_cast<Mode>(inst.mode & kModeMask) == Mode::Reg) {
          // A byte less, and on more ports; nobody reads the flags of a shift.
          const PReg reg = allocs[0].as_reg();
          emit_regs(static_cast<Opcode>(inst.op) == Opcode::ShlMI_64 ? Opcode::AddRM_64
                                                                     : Opcode::AddRM_32,
                    {reg, reg, reg}, context);
          break;
        }
        emit_inst(inst, allocs, context);
        break;
      default:
        emit_inst(inst, allocs, context);
        break;
    }
    edits_made = next_edit_;
    emit_edits(2 * i + 1);
  }
  if (place.is_known()) buffer_.end_source_range();
}

Result<void> X64Emitter::emit(const X64Lower& lower, const machinst::VCode& vcode,
                              const regalloc::Output& regs, const target::Flags& flags, bool avx,
                              target::CompiledCode& out) {
  lower_ = &lower;
  vcode_ = &vcode;
  regs_ = &regs;
  flags_ = &flags;
  const u32 num_blocks = vcode.input.num_blocks;
  buffer_.begin(num_blocks);
  if (flags.machine_code_cfg_info) buffer_.record_blocks();
  GANTRY_TRY(lay_out_frame());

  pool_labels_.clear();
  for (const PoolConstant& constant : lower.pool()) {
    pool_labels_.push_back(buffer_.constant({constant.bytes, constant.size}, constant.size));
  }
  EmitContext context{.buffer = buffer_,
                      .frame = bases_,
                      .constants64 = vcode.wide_imms,
                      .pool = pool_labels_,
                      .symbols = lower.externals(),
                      .table_ranges = vcode.table_ranges,
                      .table_targets = vcode.table_targets,
                      .hooks = this,
                      .avx = avx};
  const std::span<const u32> layout = layout_.compute(vcode.input, regs.loops);
  place_prologue(layout);
  described_ = Described::Entry;
  if (prologue_block_ == 0) GANTRY_TRY(emit_prologue(context));

  // Edits are in the order of instruction numbers: where that order is left, a block finds its
  // first by search.
  const u32 padding =
      flags.bb_padding_log2_minus_one == 0 ? 0 : 1u << (flags.bb_padding_log2_minus_one - 1);
  next_edit_ = 0;
  u32 expected = 0;
  for (const u32 block : layout) {
    if (block != expected) {
      const u32 first_point = 2 * vcode.input.block_insts[block];
      const auto first = std::lower_bound(
          regs.edits.begin(), regs.edits.end(), first_point,
          [](const regalloc::Edit& edit, u32 point) { return edit.point < point; });
      next_edit_ = static_cast<usize>(first - regs.edits.begin());
    }
    expected = block + 1;
    if (padding != 0 && block != 0) buffer_.put_fill(padding, 0xcc);
    buffer_.bind(Label{block});
    is_framed_ = framed_.empty() || framed_[block] != 0;
    if (block == prologue_block_ && block != 0) {
      note_frame_state(false);
      GANTRY_TRY(emit_prologue(context));
    } else {
      note_frame_state(is_framed_);
    }
    emit_block(block, context);
    if (flags.machine_code_cfg_info) {
      for (u32 edge = vcode.input.successor_ranges[block];
           edge < vcode.input.successor_ranges[block + 1]; ++edge) {
        buffer_.add_block_edge(Label{block}, Label{vcode.input.successors[edge]});
      }
    }
  }
  // Traps that stand behind the code happen with the frame.
  if (buffer_.has_deferred_traps()) note_frame_state(true);
  GANTRY_TRY(buffer_.finish());
  buffer_.take(out);
  out.has_frame_record = has_record_;
  out.frame_size = fixed_bytes_ + static_cast<u32>(saved_.size()) * 8;
  out.alignment =
      std::max(out.alignment, u32{1} << std::min<u32>(flags.log2_min_function_alignment, 16));
  out.slots.clear();
  const ir::Function& func = lower.func();
  for (const StackSlot slot : func.stack_slots.keys()) {
    const ir::StackSlotData& data = func.stack_slots[slot];
    out.slots.push_back({static_cast<u32>(bases_.slots) + lower.slot_offsets()[slot.index()],
                         data.key.value_or(0), data.key.has_value()});
  }
  out.inline_frames.clear();
  for (const ir::InlineFrameData& frame : func.inline_frames.values()) {
    out.inline_frames.push_back({frame.callee, frame.call_site,
                                 frame.parent ? (*frame.parent).index() : ir::kNoInlineFrame});
  }
  return {};
}

}  // namespace gantry::isa::x64

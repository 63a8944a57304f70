// Problem: an instruction names blocks, callees, constants and tables by number, and the moves of
// the allocator are instructions nobody wrote. Idea: print block after block as emission goes, put
// what a number stands for behind the line, and print moves as the instructions they become.
#include "gantry/isa/x64/dump.h"

#include "gantry/ir/printer.h"
#include "gantry/isa/x64/encode.h"
#include "gantry/isa/x64/print.h"

namespace gantry::isa::x64 {
namespace {

using machinst::MInst;
using machinst::VCode;
using regalloc::Edit;

class Dumper {
 public:
  Dumper(const X64Lower& lower, const VCode& vcode, const regalloc::Output* regs,
         const FrameBases* frame, TextWriter& out)
      : lower_(lower), vcode_(vcode), regs_(regs), context_{vcode.wide_imms, frame}, out_(out) {}

  void dump() {
    const std::span<const u8> cold = vcode_.input.cold_blocks;
    for (const bool cold_pass : {false, true}) {
      next_edit_ = 0;
      for (u32 block = 0; block < vcode_.input.num_blocks; ++block) {
        if ((!cold.empty() && cold[block] != 0) == cold_pass) dump_block(block);
      }
    }
  }

 private:
  void dump_block(u32 block) {
    out_.put("mb", block, ':');
    const machinst::LoweredBlock& lowered = lower_.order().block(block);
    if (lowered.block) {
      out_.put("  ; block", (*lowered.block).index());
    } else {
      out_.put("  ; edge to mb", vcode_.input.successors[vcode_.input.successor_ranges[block]]);
    }
    if (lowered.cold) out_.write(", cold");
    if (regs_ == nullptr) dump_params(block);
    out_.write('\n');
    const u32 first = vcode_.input.block_insts[block], end = vcode_.input.block_insts[block + 1];
    if (regs_ != nullptr) {
      while (next_edit_ < regs_->edits.size() && regs_->edits[next_edit_].point < 2 * first)
        ++next_edit_;
    }
    for (u32 inst = first; inst < end; ++inst) {
      dump_edits(2 * inst);
      dump_inst(inst);
      dump_edits(2 * inst + 1);
    }
  }

  void dump_params(u32 block) {
    const regalloc::Input& input = vcode_.input;
    for (u32 i = input.param_ranges[block]; i < input.param_ranges[block + 1]; ++i) {
      out_.put(i == input.param_ranges[block] ? " (v" : ", v", input.params[i].index());
    }
    if (input.param_ranges[block] != input.param_ranges[block + 1]) out_.write(')');
  }

  void dump_inst(u32 number) {
    const regalloc::Input& input = vcode_.input;
    const u32 first = input.operand_ranges[number],
              count = input.operand_ranges[number + 1] - first;
    out_.write("  ");
    std::span<const regalloc::Allocation> allocs;
    if (regs_ != nullptr) allocs = regs_->allocs.subspan(first, count);
    print_inst(vcode_.insts[number], input.operands.subspan(first, count), allocs, context_, out_);
    dump_meaning(vcode_.insts[number]);
    out_.write('\n');
  }

  // What the numbers in the instruction stand for.
  void dump_meaning(const MInst& inst) {
    const ir::Function& func = lower_.func();
    switch (static_cast<Opcode>(inst.op)) {
      case Opcode::CallKnown:
      case Opcode::ReturnCallKnown:
        out_.write("  ; ");
        ir::print_external_name(func, vcode_.calls[static_cast<u32>(inst.imm)].name, out_);
        return;
      case Opcode::LoadExtNameGot:
      case Opcode::LoadExtNameNear:
      case Opcode::LoadExtNameFar:
        dump_external(static_cast<u32>(inst.imm));
        return;
      default:
        break;
    }
    switch (static_cast<Mode>(inst.mode & kModeMask)) {
      case Mode::Symbol:
      case Mode::GotSymbol:
        dump_external(static_cast<u32>(inst.disp));
        return;
      case Mode::Constant: {
        const PoolConstant& constant = lower_.pool()[static_cast<u32>(inst.disp)];
        out_.write("  ; 0x");
        for (u32 i = constant.size; i-- > 0;) out_.write_hex(constant.bytes[i], 2);
        return;
      }
      default:
        return;
    }
  }

  void dump_external(u32 number) {
    const ExternalRef& use = lower_.externals()[number];
    out_.write("  ; ");
    ir::print_external_name(lower_.func(), use.name, out_);
    if (use.addend != 0) out_.put(" + ", use.addend);
  }

  void dump_edits(u32 point) {
    if (regs_ == nullptr) return;
    for (; next_edit_ < regs_->edits.size() && regs_->edits[next_edit_].point == point;
         ++next_edit_) {
      const Edit& edit = regs_->edits[next_edit_];
      out_.write("  ");
      if (edit.from.kind() == Allocation::Kind::Remat) {
        const u32 inst = edit.from.index();
        print_inst(vcode_.insts[inst],
                   vcode_.input.operands.subspan(vcode_.input.operand_ranges[inst], 1),
                   {&edit.to, 1}, context_, out_);
      } else {
        dump_move(edit);
      }
      out_.write("  ; allocator\n");
    }
  }

  void dump_move(const Edit& edit) {
    const bool between_regs = edit.from.is_reg() && edit.to.is_reg();
    out_.write(edit.reg_class == RegClass::Int ? "mov "
               : between_regs                  ? "movaps "
               : edit.wide                     ? "movups "
                                               : "movsd ");
    dump_place(edit.to, edit);
    out_.write(", ");
    dump_place(edit.from, edit);
  }

  void dump_place(Allocation place, const Edit& edit) {
    if (place.is_reg()) {
      if (edit.reg_class == RegClass::Int) {
        print_gpr(place.as_reg().hw_enc(), 3, out_);
      } else {
        out_.put("xmm", place.as_reg().hw_enc());
      }
    } else if (context_.frame != nullptr) {
      const i64 offset = context_.frame->spills + static_cast<i64>(place.index()) * 8;
      out_.put(edit.wide ? "xmmword ptr [rsp" : "qword ptr [rsp");
      if (offset != 0) out_.put(" + ", offset);
      out_.write(']');
    } else {
      out_.put("spill", place.index());
    }
  }

  const X64Lower& lower_;
  const VCode& vcode_;
  const regalloc::Output* regs_;
  const PrintContext context_;
  TextWriter& out_;
  usize next_edit_ = 0;
};

}  // namespace

void dump_vcode(const X64Lower& lower, const VCode& vcode, const regalloc::Output* regs,
                const FrameBases* frame, TextWriter& out) {
  Dumper(lower, vcode, regs, frame, out).dump();
}

}  // namespace gantry::isa::x64

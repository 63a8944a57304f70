// Problem: an unwinder in the middle of any function must find the caller's frame and registers.
// Idea: the prologue's steps become rows of DWARF call-frame information: each step says what is
// known from the end of its instruction on. The CIE describes the state at a function's entry (the
// return address on top of the stack).
//
// Until the frame pointer is set the canonical frame address (CFA) counts from the stack pointer,
// afterwards from the frame pointer, so stack allocation needs no rows then. A frame without
// pointer is described wherever it changes: in epilogues, behind them, and where blocks that run
// without it stand among the others. What an epilogue pops stays in memory where it was, so the
// rules of registers hold until the frame counts as gone.
//
// Sources: DWARF 5 §6.4 for the instructions, Linux Standard Base Core 5.0 §10.6 for .eh_frame.
#include "gantry/unwind/eh_frame.h"

namespace gantry::unwind {

namespace {

enum CallFrameOp : u8 {
  kAdvanceLoc = 0x40,  // delta in the low 6 bits
  kOffset = 0x80,      // register in the low 6 bits
  kNop = 0x00,
  kAdvanceLoc1 = 0x02,
  kAdvanceLoc2 = 0x03,
  kAdvanceLoc4 = 0x04,
  kOffsetExtended = 0x05,
  kRestore = 0xc0,  // register in the low 6 bits
  kRestoreExtended = 0x06,
  kOffsetExtendedSf = 0x11,
  kDefCfa = 0x0c,
  kDefCfaRegister = 0x0d,
  kDefCfaOffset = 0x0e,
};
constexpr u8 kPcRelativeSdata4 = 0x1b;

void put_u32(std::vector<u8>& out, u32 value) {
  for (u32 i = 0; i < 4; ++i) out.push_back(static_cast<u8>(value >> 8 * i));
}

void put_uleb(std::vector<u8>& out, u64 value) {
  do {
    const u8 low = value & 0x7f;
    value >>= 7;
    out.push_back(value != 0 ? low | 0x80 : low);
  } while (value != 0);
}

void put_sleb(std::vector<u8>& out, i64 value) {
  while (true) {
    const u8 low = value & 0x7f;
    value >>= 7;
    const bool last = (value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0);
    out.push_back(last ? low : low | 0x80);
    if (last) return;
  }
}

// Pads an entry that starts at `start` to whole 8 bytes and fills in its length.
void end_entry(std::vector<u8>& out, usize start) {
  while ((out.size() - start) % 8 != 0) out.push_back(kNop);
  const u32 length = static_cast<u32>(out.size() - start - 4);
  for (u32 i = 0; i < 4; ++i) out[start + i] = static_cast<u8>(length >> 8 * i);
}

void advance(std::vector<u8>& out, u32 delta) {
  if (delta == 0) return;
  if (delta < 0x40) {
    out.push_back(static_cast<u8>(kAdvanceLoc | delta));
  } else if (delta <= 0xff) {
    out.push_back(kAdvanceLoc1);
    out.push_back(static_cast<u8>(delta));
  } else if (delta <= 0xffff) {
    out.push_back(kAdvanceLoc2);
    out.push_back(static_cast<u8>(delta));
    out.push_back(static_cast<u8>(delta >> 8));
  } else {
    out.push_back(kAdvanceLoc4);
    put_u32(out, delta);
  }
}

// The register is saved `offset` bytes from the CFA.
void saved_at(std::vector<u8>& out, u8 reg, i64 offset, i64 data_alignment) {
  const i64 factored = offset / data_alignment;
  if (factored < 0) {
    out.push_back(kOffsetExtendedSf);
    put_uleb(out, reg);
    put_sleb(out, factored);
  } else if (reg < 0x40) {
    out.push_back(kOffset | reg);
    put_uleb(out, static_cast<u64>(factored));
  } else {
    out.push_back(kOffsetExtended);
    put_uleb(out, reg);
    put_uleb(out, static_cast<u64>(factored));
  }
}

// The register has what it had at entry.
void not_saved(std::vector<u8>& out, u8 reg) {
  if (reg < 0x40) {
    out.push_back(kRestore | reg);
  } else {
    out.push_back(kRestoreExtended);
    put_uleb(out, reg);
  }
}

u8 x86_64_register_number(regalloc::PReg reg) {
  // Hardware order is rax rcx rdx rbx rsp rbp rsi rdi; DWARF's (System V psABI, figure 3.36)
  // differs below r8.
  static constexpr u8 kLow[] = {0, 2, 1, 3, 7, 6, 4, 5};
  if (reg.reg_class() == regalloc::RegClass::Int) {
    const u32 number = reg.hw_enc();
    return number < 8 ? kLow[number] : number < 16 ? static_cast<u8>(number) : 0xff;
  }
  return reg.hw_enc() < 16 ? static_cast<u8>(17 + reg.hw_enc()) : 0xff;
}

}  // namespace

const FrameAbi kX86_64FrameAbi = {.return_column = 16,
                                  .stack_pointer = 7,
                                  .frame_pointer = 6,
                                  .word_bytes = 8,
                                  .code_alignment = 1,
                                  .register_number = x86_64_register_number};

EhFrameWriter::EhFrameWriter(const FrameAbi& abi) : abi_(abi) {
  put_u32(bytes_, 0);   // length
  put_u32(bytes_, 0);   // this is a CIE
  bytes_.push_back(1);  // version
  bytes_.insert(bytes_.end(), {'z', 'R', 0});
  put_uleb(bytes_, abi.code_alignment);
  put_sleb(bytes_, -static_cast<i64>(abi.word_bytes));
  put_uleb(bytes_, abi.return_column);
  put_uleb(bytes_, 1);  // bytes of augmentation data
  bytes_.push_back(kPcRelativeSdata4);
  // At entry the return address is on top of the stack.
  bytes_.push_back(kDefCfa);
  put_uleb(bytes_, abi.stack_pointer);
  put_uleb(bytes_, abi.word_bytes);
  saved_at(bytes_, abi.return_column, -static_cast<i64>(abi.word_bytes),
           -static_cast<i64>(abi.word_bytes));
  end_entry(bytes_, 0);
}

u32 EhFrameWriter::add_function(std::span<const UnwindInst> insts, u32 code_size) {
  const usize start = bytes_.size();
  put_u32(bytes_, 0);  // length
  put_u32(bytes_,
          static_cast<u32>(bytes_.size()));  // distance from this field back to the CIE at 0
  const u32 address_field = static_cast<u32>(bytes_.size());
  put_u32(bytes_, 0);  // address
  put_u32(bytes_, code_size);
  put_uleb(bytes_, 0);  // no augmentation data

  const i64 data_alignment = -static_cast<i64>(abi_.word_bytes);
  u32 at = 0;
  bool has_frame_pointer = false;
  i64 frame_up = 2 * i64{abi_.word_bytes};  // from the frame pointer up to the CFA
  i64 cfa_from_sp = abi_.word_bytes;
  i64 cfa_of_frame = 0;  // 0: the frame has been there without a break
  bool is_gone = false;
  const auto count_from_sp = [&](i64 distance) {
    cfa_from_sp = distance;
    bytes_.push_back(kDefCfaOffset);
    put_uleb(bytes_, static_cast<u64>(distance));
  };
  const auto for_each_saved = [&](auto&& each) {
    for (const UnwindInst& inst : insts) {
      if (inst.kind != UnwindInst::Kind::SaveReg) continue;
      const u8 number = abi_.register_number(inst.reg);
      if (number != 0xff) each(number, i64{inst.base} - frame_up);
    }
  };
  for (const UnwindInst& inst : insts) {
    const auto row = [&] {
      advance(bytes_, (inst.code_offset - at) / abi_.code_alignment);
      at = inst.code_offset;
    };
    switch (inst.kind) {
      case UnwindInst::Kind::PushFrameRegs:
        row();
        cfa_from_sp = inst.amount;
        bytes_.push_back(kDefCfaOffset);
        put_uleb(bytes_, inst.amount);
        saved_at(bytes_, abi_.frame_pointer, -static_cast<i64>(inst.amount), data_alignment);
        break;
      case UnwindInst::Kind::DefineNewFrame:
        row();
        frame_up = inst.amount;
        if (cfa_from_sp == frame_up) {
          bytes_.push_back(kDefCfaRegister);
          put_uleb(bytes_, abi_.frame_pointer);
        } else {
          bytes_.push_back(kDefCfa);
          put_uleb(bytes_, abi_.frame_pointer);
          put_uleb(bytes_, inst.amount);
        }
        has_frame_pointer = true;
        break;
      case UnwindInst::Kind::StackAlloc:
        if (has_frame_pointer) break;
        row();
        count_from_sp(cfa_from_sp + inst.amount);
        break;
      case UnwindInst::Kind::StackFree:
        if (has_frame_pointer) break;
        row();
        if (cfa_of_frame == 0) cfa_of_frame = cfa_from_sp;
        count_from_sp(cfa_from_sp - inst.amount);
        break;
      case UnwindInst::Kind::FrameGone:
        if (has_frame_pointer || is_gone) break;
        row();
        if (cfa_of_frame == 0) cfa_of_frame = cfa_from_sp;
        if (cfa_from_sp != abi_.word_bytes) count_from_sp(abi_.word_bytes);
        for_each_saved([&](u8 number, i64) { not_saved(bytes_, number); });
        is_gone = true;
        break;
      case UnwindInst::Kind::FrameBack:
        if (has_frame_pointer || cfa_of_frame == 0) break;
        row();
        if (cfa_from_sp != cfa_of_frame) count_from_sp(cfa_of_frame);
        if (is_gone) {
          for_each_saved(
              [&](u8 number, i64 offset) { saved_at(bytes_, number, offset, data_alignment); });
        }
        is_gone = false;
        break;
      case UnwindInst::Kind::SaveReg: {
        const u8 number = abi_.register_number(inst.reg);
        if (number == 0xff) break;
        row();
        saved_at(bytes_, number, i64{inst.base} - frame_up, data_alignment);
        break;
      }
    }
  }
  end_entry(bytes_, start);
  return address_field;
}

void EhFrameWriter::terminate() { put_u32(bytes_, 0); }

}  // namespace gantry::unwind

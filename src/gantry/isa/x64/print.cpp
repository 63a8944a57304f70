// The printer: mnemonic and operands in the order of the row, each at its width, as LLVM's Intel
// syntax has them.
#include "gantry/isa/x64/print.h"

#include "gantry/isa/x64/encode.h"
#include "gantry/isa/x64/meta/row.h"
#include "gantry/isa/x64/meta/slots.h"
#include "gantry/isa/x64/table.h"

namespace gantry::isa::x64 {
namespace {

using meta::Kind;
using meta::Op;
using meta::Role;
using meta::Row;

constexpr std::string_view kConditions[16] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
                                              "s", "ns", "p", "np", "l", "ge", "le", "g"};
constexpr std::string_view kPredicates[32] = {
    "eq",    "lt",     "le",     "unord",    "neq",    "nlt",    "nle",    "ord",
    "eq_uq", "nge",    "ngt",    "false",    "neq_oq", "ge",     "gt",     "true",
    "eq_os", "lt_oq",  "le_oq",  "unord_s",  "neq_us", "nlt_uq", "nle_uq", "ord_s",
    "eq_us", "nge_uq", "ngt_uq", "false_os", "neq_os", "ge_oq",  "gt_oq",  "true_us"};
constexpr std::string_view kOldNames[8] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};

class Printer {
 public:
  Printer(const MInst& inst, std::span<const Operand> operands,
          std::span<const regalloc::Allocation> allocs, const PrintContext& context,
          TextWriter& out)
      : inst_(inst),
        row_(row_of(inst.op)),
        slots_(meta::slots_of(row_)),
        operands_(operands),
        allocs_(allocs),
        context_(context),
        out_(out) {}

  void print() {
    print_mnemonic();
    u32 conditions = 0;
    for (const Op& op : row_.ops) {
      if (op.kind != Kind::Cond) continue;
      const CC cc = static_cast<CC>(conditions++ == 0 ? inst_.mode >> 4 : inst_.aux);
      if (row_.shape == meta::Shape::Pseudo) out_.write(' ');
      out_.write(to_string(cc));
    }
    first_ = true;
    for (u32 i = 0; i < row_.ops.count; ++i) print_operand(row_.ops[i], i);
  }

 private:
  void print_mnemonic() {
    const std::string_view name = row_.print.empty() ? mnemonic() : row_.print;
    for (const Op& op : row_.ops) {
      const u32 known = name[0] == 'v' ? 32 : 8;
      if (!op.predicate || static_cast<u32>(inst_.imm) >= known) continue;
      // cmpss, predicate lt: cmpltss.
      predicate_shown_ = true;
      out_.put(name.substr(0, name.size() - 2), kPredicates[inst_.imm],
               name.substr(name.size() - 2));
      return;
    }
    out_.write(name);
  }
  // Without the tail that tells families of one mnemonic apart.
  std::string_view mnemonic() const {
    std::string_view name = row_.name;
    for (const std::string_view tail : {"_to_mem", "_to_gpr", "_merge", "_short"}) {
      if (row_.shape != meta::Shape::Pseudo && name.ends_with(tail))
        name.remove_suffix(tail.size());
    }
    return name;
  }
  void separate() {
    out_.write(first_ ? " " : ", ");
    first_ = false;
  }
  u32 width_log2(const Op& op) const {
    const u32 bits = op.bits != 0 ? op.bits : 8u << width_log2_of(inst_.op);
    return static_cast<u32>(std::bit_width(bits / 8)) - 1;
  }
  void print_reg(u32 slot, bool is_xmm, u32 width) {
    if (allocs_.empty()) {
      if (slot >= operands_.size()) return;
      out_.put('v', operands_[slot].vreg.index());
      // A modified register: the value before stands behind.
      const bool modified = operands_[slot].is_def() && slot + 1 < operands_.size() &&
                            operands_[slot].constraint() == regalloc::Constraint::Reuse &&
                            operands_[slot].payload() == slot + 1;
      if (modified) out_.put("=v", operands_[slot + 1].vreg.index());
      return;
    }
    const regalloc::Allocation place = allocs_[slot];
    if (place.is_reg()) {
      if (is_xmm) {
        out_.put("xmm", place.as_reg().hw_enc());
      } else {
        print_gpr(place.as_reg().hw_enc(), width, out_);
      }
    } else {
      out_.put("spill", place.index());
    }
  }
  void print_disp(i64 disp, bool after) {
    if (!after) {
      out_.write(disp);
    } else if (disp != 0) {
      out_.put(disp < 0 ? " - " : " + ", disp < 0 ? -disp : disp);
    }
  }
  void print_frame(std::string_view reg, std::string_view area, i32 base) {
    if (context_.frame != nullptr) {
      out_.write(reg);
      print_disp(static_cast<i32>(static_cast<u32>(base) + static_cast<u32>(inst_.disp)), true);
    } else {
      out_.write(area);
      print_disp(inst_.disp, true);
    }
  }
  void print_memory(const Op& op) {
    const Mode mode = static_cast<Mode>(inst_.mode & kModeMask);
    const u32 slot = slots_.m;
    if (op.kind != Kind::Addr) {
      static constexpr std::string_view kSizes[] = {"byte ptr ", "word ptr ", "dword ptr ",
                                                    "qword ptr ", "xmmword ptr "};
      out_.write(kSizes[width_log2(op)]);
    }
    out_.write('[');
    switch (mode) {
      case Mode::Reg:  // spilled
        if (context_.frame != nullptr) {
          out_.write("rsp");
          print_disp(context_.frame->spills + static_cast<i64>(allocs_[slot].index()) * 8, true);
        } else {
          out_.put("spill", allocs_[slot].index());
        }
        break;
      case Mode::Base:
        print_reg(slot, false, 3);
        print_disp(inst_.disp, true);
        break;
      case Mode::Index1:
      case Mode::Index2:
      case Mode::Index4:
      case Mode::Index8: {
        print_reg(slot, false, 3);
        out_.write(" + ");
        const u32 scale = static_cast<u32>(mode) - static_cast<u32>(Mode::Index1);
        if (scale != 0) out_.put(1u << scale, '*');
        print_reg(slot + 1, false, 3);
        print_disp(inst_.disp, true);
        break;
      }
      case Mode::Slot:
        print_frame("rsp", "slots", context_.frame == nullptr ? 0 : context_.frame->slots);
        break;
      case Mode::SlotIndex: {
        out_.write(context_.frame == nullptr ? "slots + " : "rsp + ");
        if ((inst_.disp & 3) != 0) out_.put(1u << (inst_.disp & 3), '*');
        print_reg(slot, false, 3);
        const i64 base = context_.frame == nullptr ? 0 : context_.frame->slots;
        print_disp(base + (inst_.disp >> 2), true);
        break;
      }
      case Mode::InArg:
        print_frame(context_.frame == nullptr || context_.frame->has_pointer ? "rbp" : "rsp",
                    "incoming", context_.frame == nullptr ? 0 : context_.frame->incoming);
        break;
      case Mode::OutArg:
        print_frame("rsp", "outgoing", context_.frame == nullptr ? 0 : context_.frame->outgoing);
        break;
      case Mode::FramePointer:
        out_.write("rbp");
        print_disp(inst_.disp, true);
        break;
      case Mode::Constant:
        out_.put("rip + constant", inst_.disp);
        break;
      case Mode::Symbol:
        out_.put("rip + symbol", inst_.disp);
        break;
      case Mode::GotSymbol:
        out_.put("rip + got", inst_.disp);
        break;
      case Mode::Label:
        out_.put("rip + label", inst_.disp);
        break;
      default:
        unreachable("addressing mode");
    }
    out_.write(']');
  }
  void print_imm() {
    const meta::Encoding enc = meta::parse_encoding(row_.enc, row_.ops.count);
    if (enc.imm == meta::ImmKind::Io && static_cast<u32>(inst_.imm) < context_.constants64.size()) {
      out_.write(static_cast<i64>(context_.constants64[static_cast<u32>(inst_.imm)]));
    } else if (enc.imm == meta::ImmKind::Ib) {
      out_.write(static_cast<u32>(static_cast<u8>(inst_.imm)));
    } else if (enc.imm == meta::ImmKind::Iw) {
      out_.write(static_cast<i32>(static_cast<i16>(inst_.imm)));
    } else {
      const u32 width = has_width(inst_.op) ? width_log2_of(inst_.op) : 3;
      const bool full = enc.imm == meta::ImmKind::Iz || enc.imm == meta::ImmKind::Id;
      if (width == 0) {
        out_.write(static_cast<i32>(static_cast<i8>(inst_.imm)));
      } else if (full && width == 1) {
        out_.write(static_cast<u32>(static_cast<u16>(inst_.imm)));
      } else if (full && width == 2) {
        out_.write(static_cast<u32>(inst_.imm));
      } else {
        out_.write(inst_.imm);
      }
    }
  }
  void print_operand(const Op& op, u32 number) {
    if (op.kind == Kind::Cond) return;
    if (!op.shown && op.kind != Kind::List) return;
    switch (op.kind) {
      case Kind::Imm:
        if (op.predicate && predicate_shown_) return;
        separate();
        if (row_.shape == meta::Shape::Pseudo) {
          out_.put(op.name, '=', static_cast<u32>(inst_.imm));
        } else {
          print_imm();
        }
        return;
      case Kind::Label:
        separate();
        out_.put("mb", labels_++ == 0 ? inst_.imm : inst_.disp);
        return;
      case Kind::Data:
        separate();
        out_.put(op.name, '=', static_cast<u32>(inst_.disp));
        return;
      case Kind::List:
        for (u32 slot = op_info(inst_.op).num_slots; slot < operands_.size(); ++slot) {
          separate();
          if (allocs_.empty() || operands_[slot].constraint() == regalloc::Constraint::Fixed) {
            out_.put('v', operands_[slot].vreg.index());
          }
          const bool is_xmm = operands_[slot].vreg.reg_class() != regalloc::RegClass::Int;
          if (!allocs_.empty()) {
            out_.write('=');
            print_reg(slot, is_xmm, 3);
          }
        }
        return;
      case Kind::Fixed:
      case Kind::Gpr:
        separate();
        print_reg(slots_.reg[number], false, width_log2(op));
        if (repeats()) {
          separate();
          print_reg(slots_.reg[number], false, width_log2(op));
        }
        return;
      case Kind::Xmm:
        separate();
        print_reg(slots_.reg[number], true, 0);
        for (u32 i = 0; i < repeats(); ++i) {
          separate();
          print_reg(slots_.reg[number], true, 0);
        }
        return;
      case Kind::GprMem:
      case Kind::XmmMem:
      case Kind::Mem:
      case Kind::Addr: {
        separate();
        const bool in_register = static_cast<Mode>(inst_.mode & kModeMask) == Mode::Reg &&
                                 op.kind != Kind::Mem &&
                                 (allocs_.empty() || allocs_[slots_.m].is_reg());
        if (in_register) {
          print_reg(slots_.m, op.kind == Kind::XmmMem, width_log2(op));
        } else {
          print_memory(op);
        }
        return;
      }
      default:
        return;
    }
  }
  // A letter B: the register stands in several places.
  u32 repeats() const {
    if (row_.enc.empty() || row_.enc[0] != 'B') return 0;
    return row_.enc.find("VEX") == std::string_view::npos ? 1 : 2;
  }

  const MInst& inst_;
  const Row& row_;
  const meta::Slots slots_;
  std::span<const Operand> operands_;
  std::span<const regalloc::Allocation> allocs_;
  const PrintContext& context_;
  TextWriter& out_;
  bool first_ = true;
  bool predicate_shown_ = false;
  u32 labels_ = 0;
};

}  // namespace

std::string_view to_string(CC cc) { return kConditions[static_cast<u32>(cc)]; }

void print_gpr(u32 number, u32 width_log2, TextWriter& out) {
  if (number >= 8) {
    static constexpr std::string_view kTails[] = {"b", "w", "d", ""};
    out.put('r', number, kTails[width_log2]);
  } else if (width_log2 == 0) {
    const std::string_view name = kOldNames[number];
    if (number < 4) {
      out.put(name[0], 'l');
    } else {
      out.put(name, 'l');
    }
  } else {
    if (width_log2 >= 2) out.write(width_log2 == 2 ? 'e' : 'r');
    out.write(kOldNames[number]);
  }
}

void print_inst(const MInst& inst, std::span<const Operand> operands,
                std::span<const regalloc::Allocation> allocs, const PrintContext& context,
                TextWriter& out) {
  Printer(inst, operands, allocs, context, out).print();
}

}  // namespace gantry::isa::x64

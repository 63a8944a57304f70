// Turns the x64 instruction table into what must be text: the opcode enum, ISLE declarations,
// constructors, the switch over pseudo-instructions, the reference page. Checks every row first,
// with the row's name in the message.
//
//   metagen_x64 code OUT_DIR          writes the generated sources (only those that changed)
//   metagen_x64 reference             prints the reference page
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/isa/x64/meta/encodings.h"
#include "gantry/isa/x64/meta/opcode_names.h"
#include "gantry/isa/x64/meta/slots.h"

namespace gantry::isa::x64::meta {
namespace {

using Text = std::string;

Text operator+(const Text& a, std::string_view b) { return Text(a).append(b); }

u32 count_widths(WidthSet widths) { return static_cast<u32>(__builtin_popcount(widths)); }
u32 first_width(WidthSet widths) { return static_cast<u32>(__builtin_ctz(widths)); }

struct RowRef {
  const Row* row;
  u32 number;
  u32 first_opcode;
};
struct Family {
  std::string_view name;
  std::vector<RowRef> rows;
};

const Op* find_op(const Row& row, std::string_view name) {
  for (const Op& op : row.ops) {
    if (op.name == name) return &op;
  }
  return nullptr;
}
bool is_register_kind(Kind kind) {
  return kind == Kind::Gpr || kind == Kind::Xmm || kind == Kind::Fixed;
}
bool in_xmm(Kind kind) { return kind == Kind::Xmm || kind == Kind::XmmMem; }

// ---- parameters of constructors

enum class ParamKind : u8 {
  Gpr,
  GprMem,
  GprImm,
  GprMemImm,
  Xmm,
  XmmMem,
  XmmMemAligned,
  AMode,
  U8,
  I32,
  U32,
  TrapCode,
  CC,
  MBlock
};
constexpr std::string_view kParamIsle[] = {"Gpr",    "GprMem",        "GprImm", "GprMemImm", "Xmm",
                                           "XmmMem", "XmmMemAligned", "AMode",  "u8",        "i32",
                                           "u32",    "TrapCode",      "CC",     "MBlock"};
constexpr std::string_view kParamCpp[] = {"Gpr",
                                          "const GprMem&",
                                          "const GprImm&",
                                          "const GprMemImm&",
                                          "Xmm",
                                          "const XmmMem&",
                                          "const XmmMemAligned&",
                                          "const AMode&",
                                          "u8",
                                          "i32",
                                          "u32",
                                          "TrapCode",
                                          "CC",
                                          "MBlock"};
std::string_view isle_type(ParamKind kind) { return kParamIsle[static_cast<u32>(kind)]; }
std::string_view cpp_type(ParamKind kind) { return kParamCpp[static_cast<u32>(kind)]; }
bool holds_amode(ParamKind kind) {
  return (kind >= ParamKind::GprMem && kind <= ParamKind::GprMemImm) || kind == ParamKind::XmmMem ||
         kind == ParamKind::XmmMemAligned;
}
bool may_be_imm(ParamKind kind) {
  return kind == ParamKind::GprImm || kind == ParamKind::GprMemImm;
}
bool may_be_mem(ParamKind kind) {
  return kind == ParamKind::GprMem || kind == ParamKind::GprMemImm || kind == ParamKind::XmmMem ||
         kind == ParamKind::XmmMemAligned || kind == ParamKind::AMode;
}

struct Param {
  std::string_view name;
  ParamKind kind;
};

// What a way of using a family gives back.
enum class Result : u8 { None, Gpr, Xmm, Pair };
// Which place of the first operand a constructor is for.
enum class Place : u8 { Register, Memory };

struct Use {
  const Family* family;
  Place place = Place::Register;
  std::vector<RowRef> rows;  // that can serve
  std::vector<Param> params;
  bool has_size = false;
  Result result = Result::None;
  bool result_first_xmm = false;
  Text suffix;  // "", "_to_mem", "_mem"
  std::vector<RowRef> twin_rows;
};

bool fail(const Row& row, std::string_view why) {
  std::fprintf(stderr, "encodings.h: row \"%.*s\" (%.*s): %.*s\n",
               static_cast<int>(row.name.size()), row.name.data(), static_cast<int>(row.enc.size()),
               row.enc.data(), static_cast<int>(why.size()), why.data());
  return false;
}

ParamKind imm_param(const Row& row, const Op& op) {
  if (op.trap_code) return ParamKind::TrapCode;
  if (row.shape == Shape::Pseudo) return ParamKind::U32;
  return parse_encoding(row.enc, row.ops.count).imm == ImmKind::Ib ? ParamKind::U8 : ParamKind::I32;
}

// The type of an operand over the rows of a use.
ParamKind param_kind(const Use& use, std::string_view name, bool first_use) {
  bool gpr = false, gpr_mem = false, imm = false, xmm = false, xmm_mem = false, aligned = false,
       mem_only = false;
  bool all_mem = true;
  ParamKind other = ParamKind::U8;
  bool has_other = false;
  for (const RowRef& ref : use.rows) {
    const Op* op = find_op(*ref.row, name);
    if (op == nullptr) continue;
    const bool modify = op->role == Role::Modify;
    switch (op->kind) {
      case Kind::Gpr:
      case Kind::Fixed:
        gpr = true;
        all_mem = false;
        break;
      case Kind::GprMem:
        if (use.place == Place::Memory && first_use)
          mem_only = true;
        else if (modify)
          gpr = true;
        else
          gpr_mem = true;
        break;
      case Kind::Xmm:
        xmm = true;
        all_mem = false;
        break;
      case Kind::XmmMem:
        xmm_mem = true;
        aligned |= op->aligned;
        break;
      case Kind::Mem:
      case Kind::Addr:
        mem_only = true;
        break;
      case Kind::Imm:
        imm = true;
        other = imm_param(*ref.row, *op);
        break;
      case Kind::Cond:
        has_other = true;
        other = ParamKind::CC;
        break;
      case Kind::Label:
        has_other = true;
        other = ParamKind::MBlock;
        break;
      case Kind::Data:
        has_other = true;
        other = ParamKind::U32;
        break;
      default:
        break;
    }
  }
  if (has_other) return other;
  if (mem_only) return ParamKind::AMode;
  if (xmm_mem) return aligned ? ParamKind::XmmMemAligned : ParamKind::XmmMem;
  if (xmm) return ParamKind::Xmm;
  if (first_use && gpr_mem && !all_mem) return ParamKind::Gpr;
  if (gpr_mem) return imm ? ParamKind::GprMemImm : ParamKind::GprMem;
  if (gpr) return imm ? ParamKind::GprImm : ParamKind::Gpr;
  return other;
}

std::string_view first_use_name(const Row& row) {
  for (const Op& op : row.ops) {
    if (op.role == Role::Temp || op.role == Role::Def) continue;
    if (is_register_kind(op.kind) || is_m_kind(op.kind)) return op.name;
  }
  // A store has no use before its destination.
  return {};
}

void finish_use(Use& use, const std::vector<Family>& families) {
  const Row& row = *use.rows[0].row;
  WidthSet widths = 0;
  for (const RowRef& ref : use.rows) widths |= ref.row->widths;
  use.has_size = count_widths(widths) > 1;
  const std::string_view first = first_use_name(row);
  u32 results = 0;
  for (const Op& op : row.ops) {
    const bool defines = op.role == Role::Def || op.role == Role::Modify;
    const bool in_memory =
        op.kind == Kind::Mem || (use.place == Place::Memory && is_m_kind(op.kind));
    if (defines && !in_memory) {
      use.result = ++results == 2 ? Result::Pair : in_xmm(op.kind) ? Result::Xmm : Result::Gpr;
    }
    if (op.role == Role::Temp || (op.role == Role::Def && !in_memory) || op.kind == Kind::List)
      continue;
    use.params.push_back({op.name, param_kind(use, op.name, op.name == first)});
  }
  if (row.trap == Trap::Divide) use.params.push_back({"trap", ParamKind::TrapCode});
  if (!row.vex_twin.empty()) {
    for (const Family& family : families) {
      if (family.name == row.vex_twin) use.twin_rows = family.rows;
    }
  }
}

// ---- one row's part of a constructor

Text slot_rule(const Op& op, bool is_def, u32 partner, bool m_any) {
  if (is_def) {
    if (op.role == Role::Modify && op.kind != Kind::Fixed)
      return Text("rule_reuse(") + std::to_string(partner) + ")";
    if (op.kind == Kind::Fixed)
      return Text("rule_fixed_def(") + std::to_string(static_cast<u32>(op.fix)) +
             (op.early ? ", true)" : ")");
    return op.early ? "rule_early_def()" : "rule_def()";
  }
  if (op.kind == Kind::Fixed)
    return Text("rule_fixed_use(") + std::to_string(static_cast<u32>(op.fix)) + ")";
  if (op.late) return "rule_late_use()";
  return m_any ? "rule_any_use()" : "rule_use()";
}

struct Body {
  Text code;
  Text indent = "  ";
  void line(const Text& text) { code += indent + text + "\n"; }
};

// The body that describes one row; parameters have the row's operand names.
void write_row(Body& out, const Use& use, const RowRef& ref, const std::vector<Param>& params,
               bool in_imm_case) {
  const Row& row = *ref.row;
  const Slots slots = slots_of(row);
  Text imm = "0", disp = "0", aux = "0", cc, mode_param;
  u32 conditions = 0, labels = 0, results = 0;
  i32 m_slot = -1;
  bool m_late = false, m_any = false;
  u32 count = slots.before_m;
  const auto param_of = [&](std::string_view name) -> const Param* {
    for (const Param& param : params) {
      if (param.name == name) return &param;
    }
    return nullptr;
  };
  const auto set_slot = [&](u32 slot, const Text& reg, const Text& rule) {
    out.line(Text("t.operands[") + std::to_string(slot) + "] = {" + reg + ", " + rule + "};");
  };
  for (u32 i = 0; i < row.ops.count; ++i) {
    const Op& op = row.ops[i];
    const Param* param = param_of(op.name);
    const Text name(op.name);
    const Text reg = param == nullptr ? Text()
                     : holds_amode(param->kind) || param->kind == ParamKind::AMode
                         ? name + ".m.base"
                         : name + ".reg";
    const bool in_memory = op.kind == Kind::Mem || op.kind == Kind::Addr ||
                           (param != nullptr && param->kind == ParamKind::AMode);
    const bool defines = (op.role == Role::Def || op.role == Role::Modify) && !in_memory;
    const Text result = defines ? Text(results++ == 0 ? "t.result" : "t.result2") : Text();
    switch (op.kind) {
      case Kind::Imm:
        imm = param->kind == ParamKind::TrapCode ? name + ".code"
              : holds_amode(param->kind)         ? name + ".m.disp"
              : param->kind == ParamKind::U32    ? Text("static_cast<i32>(") + name + ")"
                                                 : name;
        break;
      case Kind::Cond:
        if (conditions++ == 0)
          cc = name;
        else
          aux = Text("static_cast<u8>(") + name + ")";
        break;
      case Kind::Label:
        (labels++ == 0 ? imm : disp) = Text("static_cast<i32>(") + name + ".index())";
        break;
      case Kind::Data:
        disp = Text("static_cast<i32>(") + name + ")";
        break;
      case Kind::List:
        break;
      case Kind::Gpr:
      case Kind::Xmm:
      case Kind::Fixed: {
        u32 slot = slots.reg[i];
        if (op.role == Role::Temp) {
          set_slot(slot, op.kind == Kind::Xmm ? "fresh_xmm()" : "fresh_gpr()", "rule_early_def()");
          break;
        }
        if (defines) set_slot(slot, result, slot_rule(op, true, slot + 1, false)), ++slot;
        if (op.role != Role::Def) set_slot(slot, reg, slot_rule(op, false, 0, false));
        break;
      }
      default: {  // the M operand
        m_slot = slots.m;
        m_late = op.late;
        m_any = op.role == Role::Use && !op.aligned && !op.late && op.bits <= 64;
        if (param != nullptr && may_be_mem(param->kind) &&
            !(op.role == Role::Modify && !in_memory)) {
          mode_param = param->kind == ParamKind::AMode ? name : name + ".m";
        } else if (op.role == Role::Modify) {
          set_slot(slots.m, result, Text("rule_reuse(") + std::to_string(slots.m + 1) + ")");
          set_slot(slots.m + 1u, reg, "rule_use()");
          count = slots.m + 2u;
        } else {
          set_slot(slots.m, op.role == Role::Def ? result : reg,
                   op.role == Role::Def ? Text("rule_def()") : slot_rule(op, false, 0, m_any));
          count = slots.m + 1u;
        }
      }
    }
  }
  if (row.trap == Trap::Divide) aux = "trap.code";
  (void)in_imm_case;
  Text opcode = Text("op16(Opcode::") + opcode_name(row, 0) + ")";
  if (count_widths(row.widths) > 1 && use.has_size) {
    opcode = Text("sized(Opcode::") + opcode_name(row, 0) + ", size, " +
             std::to_string(first_width(row.widths)) + ", " +
             std::to_string(count_widths(row.widths)) + ")";
  }
  // Which register slots may change places.
  i32 commuting = -1;
  if (row.commutes) {
    for (u32 i = 0; i < row.ops.count && commuting < 0; ++i) {
      const Op& op = row.ops[i];
      if (op.role == Role::Def) continue;
      commuting = slots.reg[i] + (op.role == Role::Modify ? 1 : 0);
    }
  }
  if (!mode_param.empty()) {
    const Text mode = Text("static_cast<u8>(") + mode_param + ".mode)";
    out.line(Text("t.inst = {") + opcode + ", " +
             (cc.empty() ? mode : Text("mode_byte(") + mode_param + ".mode, " + cc + ")") + ", " +
             mode_param + ".trap, " + mode_param + ".disp, " + imm + "};");
    if (commuting >= 0) {
      out.line(Text("if (") + mode_param + ".mode == Mode::Reg) t.operands[" +
               std::to_string(commuting) + "].rule |= Operand::kCommutesBit;");
    }
    out.line(Text("place_m(t, ") + std::to_string(m_slot) + ", " + mode_param + ", " +
             (m_late  ? "rule_late_use(), rule_late_use()"
              : m_any ? "rule_any_use(), rule_use()"
                      : "rule_use(), rule_use()") +
             ");");
  } else {
    if (commuting >= 0)
      out.line(Text("t.operands[") + std::to_string(commuting) +
               "].rule |= Operand::kCommutesBit;");
    out.line(Text("t.inst = {") + opcode + ", " +
             (cc.empty() ? Text("0") : Text("mode_byte(Mode::Reg, ") + cc + ")") + ", " + aux +
             ", " + disp + ", " + imm + "};");
    out.line(Text("t.count = ") + std::to_string(count) + ";");
  }
}

// True if the row takes what the parameters may hold, numbers apart.
bool row_takes(const Row& row, const std::vector<Param>& params, bool number) {
  for (const Param& param : params) {
    const Op* op = find_op(row, param.name);
    if (op == nullptr) {
      if (param.name == "trap" && row.trap == Trap::Divide) continue;
      return false;
    }
    if (may_be_imm(param.kind)) {
      if ((op->kind == Kind::Imm) != number) return false;
      if (number) continue;
    }
    if (may_be_mem(param.kind) && !is_m_kind(op->kind)) return false;
  }
  return true;
}

void write_rows(Body& out, const Use& use, const std::vector<RowRef>& rows,
                const std::vector<Param>& params, bool number) {
  std::vector<RowRef> fitting;
  for (const RowRef& ref : rows) {
    if (row_takes(*ref.row, params, number)) fitting.push_back(ref);
  }
  if (fitting.empty()) {
    std::fprintf(stderr, "no row of %.*s takes its own parameters\n",
                 static_cast<int>(use.family->name.size()), use.family->name.data());
    std::exit(1);
  }
  // A form with an 8-bit immediate first, where the number and the width allow it.
  const Encoding enc = parse_encoding(fitting[0].row->enc, fitting[0].row->ops.count);
  if (enc.imm == ImmKind::Ibs && fitting.size() > 1) {
    const Row& row = *fitting[0].row;
    const Op* op = nullptr;
    for (const Op& each : row.ops) {
      if (each.kind == Kind::Imm) op = &each;
    }
    Text value(op->name);
    for (const Param& param : params) {
      if (param.name == op->name && holds_amode(param.kind)) value += ".m.disp";
    }
    Text test = Text("fits_i8(") + value + ")";
    if (fitting[1].row->widths != row.widths)
      test += Text(" && size.log2() >= ") + std::to_string(first_width(row.widths));
    out.line(Text("if (") + test + ") {");
    out.indent += "  ";
    write_row(out, use, fitting[0], params, true);
    out.line("return;");
    out.indent.resize(out.indent.size() - 2);
    out.line("}");
    write_row(out, use, fitting[1], params, true);
    return;
  }
  write_row(out, use, fitting[0], params, number);
}

Text parameter_list(const Use& use, bool with_size) {
  Text list;
  if (with_size && use.has_size) list += "OperandSize size";
  for (const Param& param : use.params) {
    if (!list.empty()) list += ", ";
    list += Text(cpp_type(param.kind)) + " " + param.name;
  }
  return list;
}
Text comma(const Text& list) { return list.empty() ? list : Text(", ") + list; }
Text argument_list(const Use& use) {
  Text list;
  if (use.has_size) list += "size";
  for (const Param& param : use.params) {
    if (!list.empty()) list += ", ";
    list += Text(param.name);
  }
  return list;
}

void write_describe(Text& file, const Use& use, const std::vector<RowRef>& rows, const Text& name) {
  Body out;
  Text list = parameter_list(use, true);
  file += Text("[[gnu::always_inline]] inline void X64Insts::") + name + "(InstDraft& t" + comma(list) + ") {\n";
  const Param* number = nullptr;
  for (const Param& param : use.params) {
    if (may_be_imm(param.kind)) number = &param;
  }
  if (number != nullptr) {
    out.line(Text("if (") + number->name + ".m.mode == Mode::Imm) {");
    out.indent += "  ";
    write_rows(out, use, rows, use.params, true);
    out.line("return;");
    out.indent.resize(2);
    out.line("}");
  }
  write_rows(out, use, rows, use.params, false);
  file += out.code + "}\n";
}

// The registers that results go to.
Text fresh_results(const Use& use) {
  Text code;
  u32 results = 0;
  const Row& row = *use.rows[0].row;
  for (const Op& op : row.ops) {
    const bool in_memory =
        op.kind == Kind::Mem || (use.place == Place::Memory && is_m_kind(op.kind));
    if ((op.role != Role::Def && op.role != Role::Modify) || in_memory) continue;
    Text fresh = in_xmm(op.kind) ? "fresh_xmm()" : "fresh_gpr()";
    if (in_xmm(op.kind) && row.wide == Wide::Yes) fresh = "vregs_.fresh_wide()";
    if (in_xmm(op.kind) && row.wide == Wide::Inherit) {
      // The first source tells: of a pure load there is none, and none of its rows inherits.
      for (const Param& param : use.params) {
        if (param.kind == ParamKind::Xmm) {
          fresh = Text("fresh_xmm_like(") + param.name + ".reg)";
          break;
        }
        if (param.kind == ParamKind::XmmMemAligned) {
          fresh = Text(param.name) + ".m.mode == Mode::Reg ? fresh_xmm_like(" + param.name +
                  ".m.base) : vregs_.fresh_wide()";
          break;
        }
      }
    }
    code += Text("  t.result") + (results++ == 0 ? "" : "2") + " = " + fresh + ";\n";
  }
  return code;
}

std::string_view result_cpp(Result result) {
  switch (result) {
    case Result::None:
      return "SideEffect";
    case Result::Gpr:
      return "Gpr";
    case Result::Xmm:
      return "Xmm";
    case Result::Pair:
      return "GprPair";
  }
  return {};
}

struct Files {
  Text isle, decls, bodies, exercise;
  Text reference_uses;
};

// For the tests: a call of the constructor for every size and every kind of operand.
void write_exercise(Text& file, const Use& use, const Text& name, std::string_view returns) {
  WidthSet widths = 0;
  for (const RowRef& ref : use.rows) widths |= ref.row->widths;
  Text call = Text("insts.") + name + "(";
  Text code = "  ";
  if (use.has_size) {
    code += Text("for (u32 size = ") + std::to_string(first_width(widths)) + "; size < 4; ++size) ";
    call += "OperandSize::of_log2(size)";
  }
  for (const Param& param : use.params) {
    if (call.back() != '(') call += ", ";
    switch (param.kind) {
      case ParamKind::Gpr:
        call += "Gpr{gpr()}";
        break;
      case ParamKind::Xmm:
        call += "Xmm{xmm()}";
        break;
      case ParamKind::U8:
        call += "u8{3}";
        break;
      case ParamKind::I32:
        call += "i32{300}";
        break;
      case ParamKind::U32:
        call += "u32{0}";
        break;
      case ParamKind::TrapCode:
        call += "TrapCode{7}";
        break;
      case ParamKind::CC:
        call += "CC::NE";
        break;
      case ParamKind::MBlock:
        call += "MBlock::from_index(0)";
        break;
      default: {
        const Text list = Text("operands_of<") + isle_type(param.kind) + ">()";
        code +=
            Text("for (const ") + isle_type(param.kind) + "& " + param.name + " : " + list + ") ";
        call += param.name;
      }
    }
  }
  call += ")";
  const bool drafted = returns == "ProducesFlags" || returns == "ConsumesFlags";
  file += code + "{\n    " + (drafted ? Text("insts.push(") + call + ".draft)" : call) +
          ";\n    visit(\"" + name + "\");\n  }\n";
}

void write_use(Files& files, const Use& use, std::vector<std::pair<Text, Text>>& uses_of_family) {
  const Row& row = *use.rows[0].row;
  const Text base = Text("x64_") + use.family->name + use.suffix;
  const Text describe = Text("describe_") + use.family->name + use.suffix;
  files.decls +=
      Text("  void ") + describe + "(InstDraft& t" + comma(parameter_list(use, true)) + ");\n";
  write_describe(files.bodies, use, use.rows, describe);
  Text call = Text("  ") + describe + "(t" + comma(argument_list(use)) + ");\n";
  if (!use.twin_rows.empty()) {
    files.decls += Text("  void ") + describe + "_avx(InstDraft& t" +
                   comma(parameter_list(use, true)) + ");\n";
    write_describe(files.bodies, use, use.twin_rows, describe + "_avx");
    call = Text("  if (features_.has(static_cast<u32>(meta::Feature::Avx))) {\n    ") + describe +
           "_avx(t" + comma(argument_list(use)) + ");\n  } else {\n    " + describe + "(t" +
           comma(argument_list(use)) + ");\n  }\n";
  }
  struct Variant {
    std::string_view suffix, returns;
  };
  std::vector<Variant> variants;
  if (row.flags.reads != 0) {
    variants.push_back({"_using", "ConsumesFlags"});
  } else {
    const bool useless = use.result == Result::None && row.flags.writes != 0 &&
                         use.place == Place::Register && row.shape == Shape::Normal &&
                         use.suffix != "_to_mem";
    bool stores = false;
    for (const Op& op : row.ops) stores |= op.role != Role::Use && op.role != Role::Temp;
    if (!useless && !(use.suffix == "_mem" && use.result == Result::None))
      variants.push_back({"", result_cpp(use.result)});
    else if (stores)
      variants.push_back({"", result_cpp(use.result)});
    // Shifts by zero leave the flags of before: nobody may count on them.
    const bool reliable = row.meaning.find("flags_shift!") == std::string_view::npos &&
                          row.meaning.find("flags_rotate!") == std::string_view::npos &&
                          row.meaning.find("flags_double_shift!") == std::string_view::npos;
    if (row.flags.writes != 0 && reliable) variants.push_back({"_flags", "ProducesFlags"});
  }
  for (const Variant& variant : variants) {
    const Text name = base + variant.suffix;
    write_exercise(files.exercise, use, name, variant.returns);
    files.decls +=
        Text("  ") + variant.returns + " " + name + "(" + parameter_list(use, true) + ");\n";
    Text isle_params;
    if (use.has_size) isle_params += "Type";
    for (const Param& param : use.params) {
      if (!isle_params.empty()) isle_params += " ";
      isle_params += isle_type(param.kind);
    }
    files.isle += Text("(decl ") + name + " (" + isle_params + ") " + variant.returns + ")\n";
    files.isle += Text("(extern constructor ") + name + " " + name + ")\n";
    uses_of_family.push_back({name, Text("(") + isle_params + ") " + variant.returns});
    files.bodies +=
        Text(variant.returns) + " X64Insts::" + name + "(" + parameter_list(use, true) + ") {\n";
    if (variant.suffix.empty()) {
      files.bodies += "  InstDraft t;\n";
      files.bodies += fresh_results(use) + call + "  push(t);\n";
      switch (use.result) {
        case Result::None:
          files.bodies += "  return {};\n";
          break;
        case Result::Gpr:
        case Result::Xmm:
          files.bodies += "  return {t.result};\n";
          break;
        case Result::Pair:
          files.bodies += "  return {{t.result}, {t.result2}};\n";
          break;
      }
    } else {
      files.bodies += Text("  ") + variant.returns + " made;\n  InstDraft& t = made.draft;\n" +
                      fresh_results(use) + call + "  return made;\n";
    }
    files.bodies += "}\n\n";
  }
}

// ---- whole files

bool write_if_changed(const Text& path, const Text& content) {
  if (std::FILE* old = std::fopen(path.c_str(), "rb")) {
    Text have;
    char block[65536];
    for (usize n; (n = std::fread(block, 1, sizeof block, old)) > 0;) have.append(block, n);
    std::fclose(old);
    if (have == content) return true;
  }
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) {
    std::fprintf(stderr, "cannot write %s\n", path.c_str());
    return false;
  }
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  return std::fclose(file) == 0 && written;
}

const Text kHeader = "// Generated by metagen_x64 from isa/x64/meta/encodings.h — edit that.\n";

std::string_view feature_name(Feature feature) {
  constexpr std::string_view kNames[] = {"",       "SSE3",  "SSSE3", "SSE4.1", "SSE4.2",
                                         "POPCNT", "LZCNT", "BMI1",  "BMI2",   "AVX",
                                         "AVX2",   "FMA",   "CX16"};
  static_assert(std::size(kNames) == static_cast<usize>(Feature::Count));
  return kNames[static_cast<u32>(feature)];
}
Text flag_names(FlagSet set) {
  constexpr std::string_view kNames[] = {"C", "P", "A", "Z", "S", "O"};
  Text text;
  for (u32 i = 0; i < 6; ++i) {
    if ((set >> i & 1) != 0) text += kNames[i];
  }
  return text;
}

int run(int argc, char** argv) {
  std::vector<Family> families;
  std::vector<RowRef> all;
  bool good = true;
  u32 opcode = 1;  // 0: no instruction
  for (const Row& row : kRows) {
    if (const char* why = check_row(row)) good = fail(row, why);
    const RowRef ref{&row, static_cast<u32>(&row - kRows.data()), opcode};
    opcode += row.widths == 0 ? 1 : count_widths(row.widths);
    all.push_back(ref);
    Family* family = nullptr;
    for (Family& each : families) {
      if (each.name == row.name) family = &each;
    }
    if (family == nullptr) family = &families.emplace_back(Family{row.name, {}});
    family->rows.push_back(ref);
    const Row& model = *family->rows[0].row;
    if (model.meaning != row.meaning) good = fail(row, "the rows of a family differ in meaning");
    if (model.flags.writes != row.flags.writes || model.flags.reads != row.flags.reads ||
        model.flags.undefined != row.flags.undefined) {
      good = fail(row, "the rows of a family differ in flags");
    }
    if (model.ops.count != row.ops.count)
      good = fail(row, "the rows of a family differ in operands");
    for (const Op& op : row.ops) {
      const Op* same = find_op(model, op.name);
      if (same == nullptr || same->role != op.role)
        good = fail(row, "the rows of a family differ in operand names or roles");
    }
  }
  for (const RowRef& ref : all) {
    for (const RowRef& other : all) {
      if (ref.row != other.row && opcode_name(*ref.row, 0) == opcode_name(*other.row, 0))
        good = fail(*ref.row, "two rows get one opcode name");
    }
    if (!ref.row->vex_twin.empty()) {
      bool found = false;
      for (const Family& family : families) found |= family.name == ref.row->vex_twin;
      if (!found) good = fail(*ref.row, "no row has the name of the VEX twin");
    }
  }
  if (!good) return 1;

  Files files;
  files.isle = ";; Generated by metagen_x64 from isa/x64/meta/encodings.h — edit that.\n";
  files.decls = kHeader;
  files.bodies = kHeader;
  Text reference =
      "# x64 instructions\n\nMade from `isa/x64/meta/encodings.h` by `metagen_x64 reference`; a "
      "test fails when this page is stale.\n"
      "Flags: written; `?` undefined afterwards; `<` read.\n\n";
  for (const Family& family : families) {
    bool is_twin = false;
    for (const RowRef& ref : all) is_twin |= ref.row->vex_twin == family.name;
    std::vector<std::pair<Text, Text>> uses;
    if (!family.rows[0].row->internal && !is_twin) {
      Use main{.family = &family, .rows = family.rows};
      // Rows whose first operand cannot be a register do not serve the main use when others do.
      finish_use(main, families);
      write_use(files, main, uses);
      // The first operand in memory, where the main use has it in a register.
      const std::string_view first = first_use_name(*family.rows[0].row);
      bool main_has_memory = false;
      for (const Param& param : main.params)
        main_has_memory |= param.name == first && may_be_mem(param.kind);
      if (!first.empty() && !main_has_memory) {
        Use memory{.family = &family, .place = Place::Memory, .rows = {}};
        for (const RowRef& ref : family.rows) {
          const Op* op = find_op(*ref.row, first);
          if (op->kind == Kind::GprMem) memory.rows.push_back(ref);
        }
        if (!memory.rows.empty() && family.rows[0].row->flags.reads == 0) {
          memory.suffix =
              find_op(*memory.rows[0].row, first)->role == Role::Modify ? "_to_mem" : "_mem";
          finish_use(memory, families);
          write_use(files, memory, uses);
        }
      }
    }
    reference += Text("## ") + family.name + "\n\n";
    for (const auto& [name, type] : uses) reference += Text("    ") + name + " " + type + "\n";
    if (!uses.empty()) reference += "\n";
    reference += "| form | encoding | widths | needs | flags |\n|---|---|---|---|---|\n";
    for (const RowRef& ref : family.rows) {
      const Row& row = *ref.row;
      Text form = Text(row.print.empty() ? row.name : row.print);
      bool any = false;
      for (const Op& op : row.ops) {
        if (op.kind == Kind::Cond) {
          form += Text("<") + op.name + ">";
          continue;
        }
        form += any ? ", " : " ";
        any = true;
        if (!op.shown) form += "(";
        form += op.name;
        switch (op.kind) {
          case Kind::Gpr:
            form += ":r";
            break;
          case Kind::GprMem:
            form += ":r/m";
            break;
          case Kind::Xmm:
            form += ":xmm";
            break;
          case Kind::XmmMem:
            form += ":xmm/m";
            break;
          case Kind::Mem:
            form += ":m";
            break;
          case Kind::Addr:
            form += ":address";
            break;
          case Kind::Imm:
            form += ":imm";
            break;
          case Kind::Label:
            form += ":label";
            break;
          case Kind::List:
            form += "…";
            break;
          case Kind::Fixed: {
            constexpr std::string_view kFixNames[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                                      "rsi", "rdi", "r8",  "r9",  "r10", "r11"};
            form += Text("=") + kFixNames[static_cast<u32>(op.fix)];
            break;
          }
          default:
            break;
        }
        if (!op.shown) form += ")";
      }
      Text widths;
      for (u32 i = 0; i < 4; ++i) {
        if ((row.widths >> i & 1) != 0)
          widths += Text(widths.empty() ? "" : " ") + std::to_string(8 << i);
      }
      Text flags = flag_names(row.flags.writes);
      if (row.flags.undefined != 0)
        flags += Text(flags.empty() ? "" : " ") + flag_names(row.flags.undefined) + "?";
      if (row.flags.reads != 0)
        flags += Text(flags.empty() ? "" : " ") + "<" + flag_names(row.flags.reads);
      reference += Text("| `") + form + "` | " +
                   (row.enc.empty() ? Text("pseudo") : Text("`") + row.enc + "`") + " | " + widths +
                   " | " + feature_name(row.needs) + " | " + flags + " |\n";
    }
    reference += Text("\nMeaning: `") + family.rows[0].row->meaning + "`\n\n";
  }

  if (argc == 2 && std::strcmp(argv[1], "reference") == 0) {
    std::fwrite(reference.data(), 1, reference.size(), stdout);
    return 0;
  }
  if (argc != 3 || std::strcmp(argv[1], "code") != 0) {
    std::fprintf(stderr, "usage: metagen_x64 code OUT_DIR | metagen_x64 reference\n");
    return 2;
  }
  Text opcodes =
      kHeader +
      "#pragma once\n#include \"gantry/support/int_types.h\"\n\nnamespace gantry::isa::x64 {\n\n"
      "// Row × width, widths of a row in rising order.\nenum class Opcode : u16 {\n  None,\n";
  Text pseudo_switch = kHeader, pseudo_decls = kHeader;
  for (const RowRef& ref : all) {
    const u32 widths = ref.row->widths == 0 ? 1 : count_widths(ref.row->widths);
    for (u32 i = 0; i < widths; ++i) {
      const Text name = opcode_name(*ref.row, i);
      opcodes += Text("  ") + name + ",\n";
      if (ref.row->shape == Shape::Pseudo)
        pseudo_switch += Text("    case Opcode::") + name + ":\n";
    }
    if (ref.row->shape == Shape::Pseudo) {
      pseudo_switch += Text("      return emit_pseudo_") + ref.row->name + "(inst, context);\n";
      pseudo_decls += Text("void emit_pseudo_") + ref.row->name +
                      "(const PseudoInst& inst, EmitContext& context);\n";
    }
  }
  opcodes += Text("};\ninline constexpr u32 kNumOpcodes = ") + std::to_string(opcode) +
             ";\n\n}  // namespace gantry::isa::x64\n";
  const Text dir = Text(argv[2]) + "/";
  return write_if_changed(dir + "opcodes.h", opcodes) &&
                 write_if_changed(dir + "insts.isle", files.isle) &&
                 write_if_changed(dir + "insts_decls.inc", files.decls) &&
                 write_if_changed(dir + "insts_constructors.inc", files.bodies) &&
                 write_if_changed(dir + "insts_exercise.inc", kHeader + files.exercise) &&
                 write_if_changed(dir + "pseudo_switch.inc", pseudo_switch) &&
                 write_if_changed(dir + "pseudo_decls.inc", pseudo_decls)
             ? 0
             : 1;
}

}  // namespace
}  // namespace gantry::isa::x64::meta

int main(int argc, char** argv) { return gantry::isa::x64::meta::run(argc, argv); }

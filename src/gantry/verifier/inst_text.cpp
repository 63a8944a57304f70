// Text of an instruction for findings. Not the printer: an instruction that a finding is about may
// name things that do not exist, and must still be shown. Every number is checked or written as it
// stands.
#include "gantry/meta/codes.h"
#include "gantry/verifier/internal/state.h"

namespace gantry::verifier {

using ir::Inst;
using ir::InstData;
using ir::Value;
using meta::OperandKind;

namespace {

struct Writer {
  const ir::Function& func;
  TextWriter out = {};

  const ir::DataFlowGraph& dfg() const { return func.dfg; }

  // The items of a list, or none if the handle is not one of the pool.
  std::span<const Value> items(u32 raw) const {
    const usize words = dfg().lists().capacity_words();
    if (raw == 0 || raw >= words) return {};
    const std::span<const Value> found = ir::ValueList::from_raw(raw).items(dfg().lists());
    return found.size() <= words - raw ? found : std::span<const Value>();
  }
  // Long lists are cut: findings are for reading.
  void values(std::span<const Value> list, usize limit = 16) {
    for (usize i = 0; i < list.size() && i < limit; ++i)
      out.put(i == 0 ? "v" : ", v", list[i].index());
    if (list.size() > limit) out.write(", …");
  }
  void block_call(ir::BlockCall call) {
    const std::span<const Value> list = items(call.raw());
    if (list.empty()) {
      out.write("block?");
      return;
    }
    out.put("block", list[0].index());
    if (list.size() == 1) return;
    for (usize i = 1; i < list.size() && i <= 16; ++i) {
      const ir::BlockArg arg = ir::BlockArg::decoded(list[i]);
      static constexpr std::string_view kPrefixes[] = {"v", "ret", "exn", "?"};
      out.put(i == 1 ? "(" : ", ", kPrefixes[static_cast<u32>(arg.kind())], arg.number());
    }
    out.write(list.size() > 17 ? ", …)" : ")");
  }
  void jump_table(u32 index) {
    if (index >= dfg().jump_tables.size()) {
      out.put("jt", index);
      return;
    }
    const ir::JumpTableData& table = dfg().jump_tables[ir::JumpTable::from_index(index)];
    block_call(table.default_call);
    out.write(", [");
    for (usize i = 0; i < table.entries.size() && i < 8; ++i) {
      if (i != 0) out.write(", ");
      block_call(table.entries[i]);
    }
    out.write(table.entries.size() > 8 ? ", …]" : "]");
  }
  void exception_table(u32 index) {
    if (index >= dfg().exception_tables.size()) {
      out.put("extable", index);
      return;
    }
    const ir::ExceptionTableData& table =
        dfg().exception_tables[ir::ExceptionTable::from_index(index)];
    if (table.signature) out.put("sig", (*table.signature).index(), ", ");
    block_call(table.normal_return);
    out.write(", [");
    for (usize i = 0; i < table.items.size() && i < 8; ++i) {
      const ir::ExceptionTableData::Item& item = table.items[i];
      out.write(i == 0 ? " " : ", ");
      if (item.kind == ir::ExceptionTableData::Item::Kind::Context) {
        out.write("context ");
        if (item.context) out.put("v", (*item.context).index());
        continue;
      }
      if (item.tag) {
        out.put("tag", (*item.tag).index(), ": ");
      } else {
        out.write("default: ");
      }
      block_call(item.call);
    }
    out.write(table.items.empty() ? "]" : table.items.size() > 8 ? ", … ]" : " ]");
  }
  template <class Rows>
  void row_name(const Rows& rows, u32 index) {
    if (index < std::size(rows)) {
      out.write(rows[index].name);
    } else {
      out.write(index);
    }
  }
  void mem_flags(u32 index) {
    if (index >= dfg().num_mem_flags()) {
      out.put("flags", index, " ");
      return;
    }
    const ir::MemFlags& flags = dfg().mem_flags(ir::MemFlagsId{static_cast<u16>(index)});
    if (flags.notrap()) out.write("notrap ");
    if (flags.aligned) out.write("aligned ");
    if (flags.readonly) out.write("readonly ");
    if (flags.can_move) out.write("can_move ");
    if (flags.byte_order == ir::ByteOrder::Big) out.write("big ");
    if (flags.byte_order == ir::ByteOrder::Little) out.write("little ");
    if (flags.region) out.put("region", (*flags.region).index(), " ");
  }
  void operands(Inst inst);
};

void Writer::operands(Inst inst) {
  const InstData& data = dfg()[inst];
  const meta::FormatDef& format = meta::format_def(ir::inst_facts(data.opcode).format);
  std::span<const Value> list =
      ir::inst_facts(data.opcode).has_list ? items(data.words[1]) : std::span<const Value>();
  std::string_view separator = " ";
  for (const meta::FormatOperand& operand : format.operands) {
    const u32 word = operand.place == meta::Place::Word1   ? data.words[1]
                     : operand.place == meta::Place::Word2 ? data.words[2]
                                                           : data.words[0];
    const bool glued =
        operand.kind == OperandKind::Offset32 || operand.kind == OperandKind::VarArgs;
    if (!glued) out.write(separator);
    separator = ", ";
    switch (operand.kind) {
      case OperandKind::Value:
        if (ir::inst_facts(data.opcode).has_list) {  // the callee leads the list
          if (!list.empty()) {
            out.put("v", list[0].index());
            list = list.subspan(1);
          }
        } else {
          out.put("v", word);
        }
        break;
      case OperandKind::VarArgs:
        if (format.format == meta::Format::MultiAry) {
          if (!list.empty()) out.write(' ');
          values(list);
        } else {
          out.write('(');
          values(list);
          out.write(')');
        }
        break;
      case OperandKind::MemFlags:
        mem_flags(data.flags);
        separator = "";
        break;
      case OperandKind::Offset32: {
        const i32 offset = static_cast<i32>(word);
        if (offset != 0) out.put(offset > 0 ? "+" : "", offset);
        break;
      }
      case OperandKind::TrapCode:
        out.put("trap code ", data.aux);
        break;
      case OperandKind::FuncRef:
        out.put("fn", word);
        break;
      case OperandKind::Uimm8:
        out.write(data.aux);
        break;
      case OperandKind::SigRef:
        out.put("sig", word);
        break;
      case OperandKind::PoolConstant:
        out.put("const", word);
        break;
      case OperandKind::Imm64:
        out.write(static_cast<i64>(data.wide()));
        break;
      case OperandKind::GlobalValue:
        out.put("gv", word);
        break;
      case OperandKind::ExceptionTable:
        exception_table(word);
        break;
      case OperandKind::ShuffleMask:
        out.put("imm", word);
        break;
      case OperandKind::StackSlot:
        out.put("ss", word);
        break;
      case OperandKind::RawBlock:
        out.put("block", word);
        break;
      case OperandKind::JumpTable:
        jump_table(word);
        break;
      case OperandKind::IntCC:
        row_name(meta::kIntConds, data.aux);
        separator = " ";
        break;
      case OperandKind::FloatCC:
        row_name(meta::kFloatConds, data.aux);
        separator = " ";
        break;
      case OperandKind::Ieee16:
      case OperandKind::Ieee32:
      case OperandKind::Ieee64:
        out.write("0x").write_hex(data.wide());
        break;
      case OperandKind::DynamicStackSlot:
        out.put("dss", word);
        break;
      case OperandKind::BlockCall:
        block_call(ir::BlockCall::from_raw(word));
        break;
      case OperandKind::AtomicRmwOp:
        row_name(meta::kAtomicRmwOps, data.aux);
        separator = " ";
        break;
    }
  }
}

}  // namespace

std::string inst_text(const ir::Function& func, Inst inst) {
  if (inst.index() >= func.dfg.num_insts()) return {};
  const InstData& data = func.dfg[inst];
  if (static_cast<u32>(data.opcode) >= ir::kNumOpcodes) return {};
  Writer writer{func};
  const std::span<const Value> results = func.dfg.results(inst);
  writer.values(results);
  if (!results.empty()) writer.out.write(" = ");
  writer.out.write(ir::name_of(data.opcode));
  if (ir::inst_facts(data.opcode).needs_suffix && !results.empty() &&
      func.dfg.is_valid(results[0])) {
    writer.out.put(".", type_text(func.dfg.type(results[0])));
  }
  writer.operands(inst);
  return std::move(writer.out).take();
}

}  // namespace gantry::verifier

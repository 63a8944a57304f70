// Problem: printed text is compared byte by byte and read back, also for functions that the
// verifier would refuse. Idea: print in one pass over the layout, and remember which values the
// text of the present block has already defined: only of those does the reader know the type, so
// only then may a type suffix be left out.
#include "gantry/ir/printer.h"

#include <algorithm>
#include <bit>

#include "gantry/meta/codes.h"

namespace gantry::ir {
namespace {

void print_imm(i64 number, TextWriter& out) {
  if (number < 10000) {
    out.write(number);
    return;
  }
  const u64 bits = static_cast<u64>(number);
  const u32 groups = (64 - static_cast<u32>(std::countl_zero(bits)) + 15) / 16;
  out.write("0x");
  for (u32 group = groups; group-- > 0;) {
    out.write_hex((bits >> (16 * group)) & 0xffff, 4);
    if (group != 0) out.write('_');
  }
}

void print_offset(i64 offset, TextWriter& out) {
  if (offset == 0) return;
  if (offset > 0) out.write('+');
  print_imm(offset, out);
}

void print_hex_bytes(std::span<const u8> bytes, TextWriter& out) {
  out.write("0x");
  for (usize i = bytes.size(); i-- > 0;) out.write_hex(bytes[i], 2);
}

void print_trap(TrapCode code, TextWriter& out) {
  for (const meta::TrapDef& trap : meta::kTraps) {
    if (trap.code == code.code) {
      out.write(trap.name);
      return;
    }
  }
  out.put("user", u32{code.code});
}

i64 sign_extended(u64 bits, Type type) {
  const u32 width = std::min(64u, std::max(1u, type.bits()));
  return static_cast<i64>(bits << (64 - width)) >> (64 - width);
}

class Printer {
 public:
  Printer(const Function& func, TextWriter& out) : func_(func), dfg_(func.dfg), out_(out) {}

  void print_function();
  void print_inst(Inst inst);

 private:
  void print_preamble();
  void print_block_header(Block block);
  void print_aliases(Value value);
  void print_margin(Inst inst);
  void print_operands(Inst inst);
  void print_constant_operands(Inst inst);
  void print_block_call(BlockCall call);
  void print_values(std::span<const Value> values);
  bool print_mem_flags(const MemFlags& flags);
  void print_symbol_name(ExternalName name);
  bool suffix_may_be_left_out(Inst inst, Type control);
  Type control_type(Inst inst);
  void define(Value value) {
    if (!defined_in_.empty() && value.index() < defined_in_.size())
      defined_in_[value.index()] = block_number_;
  }
  void collect_aliases();
  // The end of a chain of aliases; each chain is walked once.
  Value root_of(Value value);

  void value(Value v) { out_.put('v', v.index()); }

  const Function& func_;
  const DataFlowGraph& dfg_;
  TextWriter& out_;
  std::vector<u32> defined_in_;  // by value: 1 + place in the order of the block whose text defined
                                 // it; empty: one line only
  u32 block_number_ = 0;
  // Aliases of a value as a list through the numbers: first by target, next by alias; 0 ends, else
  // number + 1.
  std::vector<u32> first_alias_, next_alias_;
  std::vector<Value> alias_stack_;
  std::vector<Value> roots_;  // by alias, as far as known
  usize indent_ = 4;
};

void Printer::print_function() {
  defined_in_.assign(dfg_.num_values() + 1, 0);
  collect_aliases();
  if (func_.has_source_locs() || func_.has_debug_tags()) indent_ = 36;
  out_.write("function ");
  print_function_name(func_.name, out_);
  write_signature(func_.signature, out_);
  out_.write(" {\n");
  const usize before = out_.size();
  print_preamble();
  bool blank = out_.size() != before;
  for (const Block block : func_.layout.blocks()) {
    if (blank) out_.write('\n');
    blank = true;
    ++block_number_;
    print_block_header(block);
    for (const Inst inst : func_.layout.insts(block)) {
      print_margin(inst);
      print_inst(inst);
      print_constant_operands(inst);
      out_.write('\n');
      for (const Value result : dfg_.results(inst)) {
        define(result);
        print_aliases(result);
      }
    }
  }
  out_.write("}\n");
}

void Printer::collect_aliases() {
  for (u32 i = dfg_.num_values(); i-- > 0;) {
    const Value value = Value::from_index(i);
    if (!dfg_.is_valid(value) || !dfg_.is_alias(value)) continue;
    if (first_alias_.empty()) {
      first_alias_.assign(dfg_.num_values(), 0);
      next_alias_.assign(dfg_.num_values(), 0);
    }
    const u32 target = dfg_.written_target(value).index();
    next_alias_[i] = first_alias_[target];
    first_alias_[target] = i + 1;
  }
}

Value Printer::root_of(Value value) {
  if (!dfg_.is_alias(value)) return value;
  if (first_alias_.empty()) return dfg_.resolve(value);  // one instruction only
  roots_.resize(dfg_.num_values());
  alias_stack_.clear();
  Value at = value;
  while (dfg_.is_alias(at) && roots_[at.index()].index() == Value::kReserved) {
    alias_stack_.push_back(at);
    at = Value::from_index(dfg_.value_data(at).owner());
  }
  if (dfg_.is_alias(at)) at = roots_[at.index()];
  for (const Value passed : alias_stack_) roots_[passed.index()] = at;
  return at;
}

// All aliases of a value by number, then those of the last of them, and so on.
void Printer::print_aliases(Value target) {
  if (first_alias_.empty() || first_alias_[target.index()] == 0) return;
  alias_stack_.assign(1, target);
  while (!alias_stack_.empty()) {
    const Value of = alias_stack_.back();
    alias_stack_.pop_back();
    for (u32 at = first_alias_[of.index()]; at != 0; at = next_alias_[at - 1]) {
      const Value alias = Value::from_index(at - 1);
      out_.repeat(' ', indent_);
      value(alias);
      out_.write(" -> ");
      value(of);
      out_.write('\n');
      define(alias);
      alias_stack_.push_back(alias);
    }
  }
}

void Printer::print_preamble() {
  for (const DynamicType type : func_.dynamic_types.keys()) {
    const DynamicTypeData& data = func_.dynamic_types[type];
    if (!data.base.is_valid()) continue;
    out_.put("    dt", type.index(), " = ");
    write_type(data.base, out_);
    out_.put("*gv", data.scale.index(), '\n');
  }
  for (const DynamicStackSlot slot : func_.dynamic_stack_slots.keys()) {
    const DynamicType type = func_.dynamic_stack_slots[slot];
    if (type.index() == DynamicType::kReserved) continue;
    out_.put("    dss", slot.index(), " = explicit_dynamic_slot dt", type.index(), '\n');
  }
  for (const StackSlot slot : func_.stack_slots.keys()) {
    const StackSlotData& data = func_.stack_slots[slot];
    out_.put("    ss", slot.index(), " = explicit_slot ", data.size);
    if (data.align_log2 != 0) out_.put(", align = ", u64{1} << data.align_log2);
    if (data.key) out_.put(", key = ", *data.key);
    out_.write('\n');
  }
  for (const AliasRegion region : func_.alias_regions.keys()) {
    const AliasRegionData& data = func_.alias_regions[region];
    out_.put("    region", region.index(), " = ", data.user_id, " \"", data.description, "\"\n");
  }
  for (const GlobalValue gv : func_.global_values.keys()) {
    const GlobalValueData& data = func_.global_values[gv];
    out_.put("    gv", gv.index(), " = ");
    switch (data.kind) {
      case GlobalValueData::Kind::VmContext:
        out_.write("vmctx");
        break;
      case GlobalValueData::Kind::Load:
        out_.write("load.");
        write_type(data.type, out_);
        out_.write(' ');
        if (print_mem_flags(dfg_.mem_flags(data.flags))) out_.write(' ');
        out_.put("gv", (*data.base).index());
        print_offset(data.offset, out_);
        break;
      case GlobalValueData::Kind::IAddImm:
        out_.write("iadd_imm.");
        write_type(data.type, out_);
        out_.put(" gv", (*data.base).index(), ", ");
        print_imm(data.offset, out_);
        break;
      case GlobalValueData::Kind::Symbol:
        out_.write("symbol ");
        if (data.colocated) out_.write("colocated ");
        if (data.tls) out_.write("tls ");
        print_symbol_name(data.name);
        print_offset(data.offset, out_);
        break;
      case GlobalValueData::Kind::DynScaleTargetConst:
        out_.write("dyn_scale_target_const.");
        write_type(data.type, out_);
        break;
    }
    out_.write('\n');
  }
  for (const SigRef sig : dfg_.signatures.keys()) {
    out_.put("    sig", sig.index(), " = ");
    write_signature(dfg_.signatures[sig], out_);
    out_.write('\n');
  }
  for (const FuncRef func : dfg_.ext_funcs.keys()) {
    const ExtFuncData& data = dfg_.ext_funcs[func];
    if (data.signature.index() == SigRef::kReserved) continue;
    out_.put("    fn", func.index(), " = ");
    if (data.colocated) out_.write("colocated ");
    if (data.patchable) out_.write("patchable ");
    print_external_name(func_, data.name, out_);
    out_.put(" sig", data.signature.index(), '\n');
  }
  for (u32 i = 0; i < dfg_.num_constants(); ++i) {
    const std::span<const u8> bytes = dfg_.constant_bytes(Constant::from_index(i));
    if (bytes.empty()) continue;
    out_.put("    const", i, " = ");
    print_hex_bytes(bytes, out_);
    out_.write('\n');
  }
  if (func_.stack_limit) out_.put("    stack_limit = gv", (*func_.stack_limit).index(), '\n');
}

// A symbol of a user name is printed by its number in the function's table.
void Printer::print_symbol_name(ExternalName name) {
  if (name.kind == ExternalName::Kind::User) {
    out_.put("userextname", name.index);
  } else {
    print_external_name(func_, name, out_);
  }
}

void Printer::print_block_header(Block block) {
  out_.repeat(' ', indent_ - 4);
  out_.put("block", block.index());
  const std::span<const Value> params = dfg_.block_params(block);
  for (usize i = 0; i < params.size(); ++i) {
    out_.write(i == 0 ? "(" : ", ");
    value(params[i]);
    out_.write(": ");
    write_type(dfg_.type(params[i]), out_);
  }
  if (!params.empty()) out_.write(')');
  if (func_.layout.is_cold(block)) out_.write(" cold");
  out_.write(":\n");
  for (const Value param : params) define(param);
  for (const Value param : params) print_aliases(param);
}

void Printer::print_margin(Inst inst) {
  const usize before = out_.size();
  if (indent_ != 4) {
    const std::span<const DebugTag> tags = func_.debug_tags(inst);
    for (usize i = 0; i < tags.size(); ++i) {
      out_.write(i == 0 ? "<" : ", ");
      if (tags[i].is_slot) out_.write("ss");
      out_.write(tags[i].value);
    }
    if (!tags.empty()) out_.write("> ");
    const u32 location = func_.source_loc(inst);
    if (location != kNoSourceLoc) out_.put('@').write_hex(location, 4).write(' ');
  }
  const usize width = out_.size() - before;
  if (width < indent_) out_.repeat(' ', indent_ - width);
}

void Printer::print_constant_operands(Inst inst) {
  bool first = true;
  const auto print = [&](Value operand) {
    if (!dfg_.is_valid(operand)) return;
    const Value root = root_of(operand);
    const ValueData& data = dfg_.value_data(root);
    if (data.kind() != ValueData::Kind::Result) return;
    const InstData& source = dfg_[Inst::from_index(data.owner())];
    const meta::Format format = inst_facts(source.opcode).format;
    const bool is_float = format == meta::Format::UnaryIeee16 ||
                          format == meta::Format::UnaryIeee32 ||
                          format == meta::Format::UnaryIeee64;
    if (!is_float && format != meta::Format::UnaryImm && format != meta::Format::UnaryConst) return;
    out_.write(first ? "  ; " : ", ");
    first = false;
    value(operand);
    out_.write(" = ");
    if (format == meta::Format::UnaryImm) {
      print_imm(sign_extended(source.wide(), data.type()), out_);
    } else if (is_float) {
      print_float(data.type(), source.wide(), out_);
    } else {
      out_.put("const", source.words[0]);
    }
  };
  for (const Value operand : dfg_.args(inst)) print(operand);
  if (!is_branch(dfg_.opcode(inst))) return;
  const auto print_args = [&](BlockCall call) {
    for (const Value encoded : call.args(dfg_.lists())) {
      const BlockArg arg = BlockArg::decoded(encoded);
      if (arg.is_value()) print(arg.as_value());
    }
  };
  const meta::Format format = inst_facts(dfg_.opcode(inst)).format;
  if (format != meta::Format::TryCall && format != meta::Format::TryCallIndirect) {
    dfg_.for_each_block_call(inst, print_args);
    return;
  }
  // Handlers, the normal return, contexts: the order that precise expectations of others have.
  const ExceptionTableData& table =
      dfg_.exception_tables[ExceptionTable::from_index(dfg_[inst].words[2])];
  for (const ExceptionTableData::Item& item : table.items) {
    if (item.kind != ExceptionTableData::Item::Kind::Context) print_args(item.call);
  }
  print_args(table.normal_return);
  for (const ExceptionTableData::Item& item : table.items) {
    if (item.kind == ExceptionTableData::Item::Kind::Context && item.context) print(*item.context);
  }
}

void Printer::print_values(std::span<const Value> values) {
  for (usize i = 0; i < values.size(); ++i) {
    if (i != 0) out_.write(", ");
    value(values[i]);
  }
}

void Printer::print_block_call(BlockCall call) {
  out_.put("block", call.block(dfg_.lists()).index());
  bool first = true;
  for (const Value encoded : call.args(dfg_.lists())) {
    out_.write(first ? "(" : ", ");
    first = false;
    const BlockArg arg = BlockArg::decoded(encoded);
    switch (arg.kind()) {
      case BlockArg::Kind::Value:
        value(arg.as_value());
        break;
      case BlockArg::Kind::TryCallReturn:
        out_.put("ret", arg.number());
        break;
      case BlockArg::Kind::TryCallException:
        out_.put("exn", arg.number());
        break;
    }
  }
  if (!first) out_.write(')');
}

// False if nothing was printed.
bool Printer::print_mem_flags(const MemFlags& flags) {
  bool any = false;
  const auto word = [&](std::string_view text) {
    if (any) out_.write(' ');
    any = true;
    out_.write(text);
  };
  if (flags.notrap()) {
    word("notrap");
  } else if (flags.trap != kTrapHeapOutOfBounds) {
    word("");
    print_trap(flags.trap, out_);
  }
  if (flags.aligned) word("aligned");
  if (flags.readonly) word("readonly");
  if (flags.can_move) word("can_move");
  if (flags.byte_order == ByteOrder::Big) word("big");
  if (flags.byte_order == ByteOrder::Little) word("little");
  if (flags.region) {
    word("region");
    out_.write((*flags.region).index());
  }
  return any;
}

bool results_fit(const DataFlowGraph& dfg, Inst inst, Type control) {
  if (inst_facts(dfg.opcode(inst)).has_list) return true;  // a signature says
  const std::span<const Value> results = dfg.results(inst);
  for (u32 i = 0; i < results.size(); ++i) {
    if (result_type(dfg.opcode(inst), i, control) != dfg.type(results[i])) return false;
  }
  return true;
}

// The type that makes the reader give the results the types they have. Differs from that of the
// controlling operand only in functions the verifier refuses.
Type Printer::control_type(Inst inst) {
  const Type usual = dfg_.control_type(inst);
  const InstFacts& facts = inst_facts(dfg_.opcode(inst));
  if (facts.control_operand < 0) return usual;
  if (usual.is_valid() && allowed_control_type(dfg_.opcode(inst), usual) &&
      results_fit(dfg_, inst, usual))
    return usual;
  for (u16 code = 0x74; code < 0x280; ++code) {
    const Type type = Type::from_code(code);
    if (allowed_control_type(dfg_.opcode(inst), type) && results_fit(dfg_, inst, type)) return type;
  }
  return usual;
}

bool Printer::suffix_may_be_left_out(Inst inst, Type control) {
  const InstFacts& facts = inst_facts(dfg_.opcode(inst));
  if (facts.control_operand < 0) return false;
  const Value operand = dfg_.args(inst)[static_cast<u32>(facts.control_operand)];
  if (!dfg_.is_valid(operand) || dfg_.type(operand) != control) return false;
  if (!defined_in_.empty()) return defined_in_[operand.index()] == block_number_;
  const ValueDef def = dfg_.def(operand);
  const PackedOption<Block> home = func_.layout.block_of(inst);
  if (def.kind == ValueData::Kind::Param) return home == def.block();
  return home.has_value() && func_.layout.block_of(def.inst()) == home;
}

void Printer::print_inst(Inst inst) {
  const std::span<const Value> results = dfg_.results(inst);
  if (!results.empty()) {
    print_values(results);
    out_.write(" = ");
  }
  const Opcode opcode = dfg_.opcode(inst);
  const InstFacts& facts = inst_facts(opcode);
  out_.write(name_of(opcode));
  if (facts.control_operand >= 0 || facts.needs_suffix) {
    const Type control = control_type(inst);
    if (!suffix_may_be_left_out(inst, control)) {
      out_.write('.');
      if (control.is_dynamic()) {
        // The text can name a dynamic type only by its declaration.
        for (const DynamicType type : func_.dynamic_types.keys()) {
          if (func_.dynamic_types[type].base == control.dynamic_to_vector()) {
            out_.put("dt", type.index());
            break;
          }
        }
      } else {
        write_type(control, out_);
      }
    }
  }
  print_operands(inst);
  const std::span<const StackMapEntry> map = func_.stack_map(inst);
  if (map.empty()) return;
  out_.write(", stack_map=[");
  for (usize i = 0; i < map.size(); ++i) {
    if (i != 0) out_.write(", ");
    write_type(map[i].type, out_);
    out_.put(" @ ss", map[i].slot.index(), '+', map[i].offset);
  }
  out_.write(']');
}

void Printer::print_operands(Inst inst) {
  using meta::Format;
  const InstData& data = dfg_[inst];
  const auto flags = [&] {
    out_.write(' ');
    if (print_mem_flags(dfg_.mem_flags(inst))) out_.write(' ');
  };
  const auto values = [&](u32 count) {
    print_values({reinterpret_cast<const Value*>(data.words), count});
  };
  const std::span<const Value> args = dfg_.args(inst);
  const Format format = inst_facts(data.opcode).format;
  switch (format) {
    case Format::NullAry:
      out_.write(' ');
      return;
    case Format::MultiAry:
      if (!args.empty()) out_.write(' ');
      print_values(args);
      return;
    case Format::Unary:
    case Format::Binary:
    case Format::Ternary:
      out_.write(' ');
      print_values(args);
      return;
    case Format::BinaryImm8:
    case Format::TernaryImm8:
      out_.write(' ');
      print_values(args);
      out_.put(", ", u32{data.aux});
      return;
    case Format::UnaryImm:
      out_.write(' ');
      print_imm(sign_extended(data.wide(), dfg_.control_type(inst)), out_);
      return;
    case Format::UnaryIeee16:
    case Format::UnaryIeee32:
    case Format::UnaryIeee64:
      out_.write(' ');
      print_float(format == Format::UnaryIeee16   ? kF16
                  : format == Format::UnaryIeee32 ? kF32
                                                  : kF64,
                  data.wide(), out_);
      return;
    case Format::UnaryConst:
      out_.put(" const", data.words[0]);
      return;
    case Format::UnaryGlobalValue:
      out_.put(" gv", data.words[0]);
      return;
    case Format::Shuffle:
      out_.write(' ');
      print_values(args);
      out_.write(", ");
      print_hex_bytes(dfg_.shuffle_mask(ShuffleMask::from_index(data.words[2])), out_);
      return;
    case Format::IntCompare:
      out_.put(' ', name_of(data.int_cc()), ' ');
      values(2);
      return;
    case Format::FloatCompare:
      out_.put(' ', name_of(data.float_cc()), ' ');
      values(2);
      return;
    case Format::Jump:
      out_.write(' ');
      print_block_call(data.block_call(1));
      return;
    case Format::Brif:
      out_.write(' ');
      value(data.arg(0));
      out_.write(", ");
      print_block_call(data.block_call(1));
      out_.write(", ");
      print_block_call(data.block_call(2));
      return;
    case Format::BranchTable: {
      const JumpTableData& table = dfg_.jump_tables[JumpTable::from_index(data.words[1])];
      out_.write(' ');
      value(data.arg(0));
      out_.write(", ");
      print_block_call(table.default_call);
      out_.write(", [");
      for (usize i = 0; i < table.entries.size(); ++i) {
        if (i != 0) out_.write(", ");
        print_block_call(table.entries[i]);
      }
      out_.write(']');
      return;
    }
    case Format::Call:
    case Format::TryCall:
      out_.put(" fn", data.words[0], '(');
      print_values(args);
      out_.write(')');
      break;
    case Format::CallIndirect:
      out_.put(" sig", data.words[0], ", ");
      value(args[0]);
      out_.write('(');
      print_values(args.subspan(1));
      out_.write(')');
      return;
    case Format::TryCallIndirect:
      out_.write(' ');
      value(args[0]);
      out_.write('(');
      print_values(args.subspan(1));
      out_.write(')');
      break;
    case Format::FuncAddr:
      out_.put(" fn", data.words[0]);
      return;
    case Format::StackAddr:
      out_.put(" ss", data.words[0]);
      print_offset(data.offset(1), out_);
      return;
    case Format::DynamicStackAddr:
      out_.put(" dss", data.words[0]);
      return;
    case Format::Load:
      flags();
      values(1);
      print_offset(data.offset(1), out_);
      return;
    case Format::LoadNoOffset:
      flags();
      values(1);
      return;
    case Format::Store:
      flags();
      values(2);
      print_offset(data.offset(2), out_);
      return;
    case Format::StoreNoOffset:
      flags();
      values(2);
      return;
    case Format::AtomicRmw:
      flags();
      out_.put(name_of(data.atomic_op()), ' ');
      values(2);
      return;
    case Format::AtomicCas:
      flags();
      values(3);
      return;
    case Format::Trap:
      out_.write(' ');
      print_trap(data.trap_code(), out_);
      return;
    case Format::CondTrap:
    case Format::IntAddTrap:
      out_.write(' ');
      print_values(args);
      out_.write(", ");
      print_trap(data.trap_code(), out_);
      return;
    case Format::ExceptionHandlerAddress:
      out_.put(" block", data.words[0], ", ");
      print_imm(static_cast<i64>(data.wide()), out_);
      return;
  }
  if (format == Format::Call) return;
  using Item = ExceptionTableData::Item;
  const ExceptionTableData& table =
      dfg_.exception_tables[ExceptionTable::from_index(data.words[2])];
  out_.put(", sig", (*table.signature).index(), ", ");
  print_block_call(table.normal_return);
  out_.write(", [");
  for (usize i = 0; i < table.items.size(); ++i) {
    const Item& item = table.items[i];
    out_.write(i == 0 ? " " : ", ");
    switch (item.kind) {
      case Item::Kind::Tag:
        out_.put("tag", (*item.tag).index(), ": ");
        print_block_call(item.call);
        break;
      case Item::Kind::Default:
        out_.write("default: ");
        print_block_call(item.call);
        break;
      case Item::Kind::Context:
        out_.write("context ");
        value(*item.context);
        break;
    }
  }
  out_.write(table.items.empty() ? "]" : " ]");
}

void print_i128(u128 bits, TextWriter& out) {
  char digits[40];
  u32 count = 0;
  const bool negative = (bits >> 127) != 0;
  u128 magnitude = negative ? 0 - bits : bits;
  do {
    digits[count++] = static_cast<char>('0' + static_cast<u32>(magnitude % 10));
    magnitude /= 10;
  } while (magnitude != 0);
  if (negative) out.write('-');
  while (count > 0) out.write(digits[--count]);
}

}  // namespace

void print(const Function& func, TextWriter& out) { Printer(func, out).print_function(); }
void print_inst(const Function& func, Inst inst, TextWriter& out) {
  Printer(func, out).print_inst(inst);
}

void print_function_name(const FunctionName& name, TextWriter& out) {
  if (name.is_user) {
    out.put('u', name.user.name_space, ':', name.user.index);
  } else {
    out.put('%', name.text);
  }
}

void print_external_name(const Function& func, ExternalName name, TextWriter& out) {
  switch (name.kind) {
    case ExternalName::Kind::User: {
      const UserExternalNameData& user = func.user_names[UserExternalName::from_index(name.index)];
      if (user.is_hole()) {
        out.put("userextname", name.index);
      } else {
        out.put('u', user.name_space, ':', user.index);
      }
      return;
    }
    case ExternalName::Kind::TestCase:
      out.put('%', func.test_names[name.index]);
      return;
    case ExternalName::Kind::LibCall:
      out.put('%', meta::kLibCalls[name.index].name);
      return;
    case ExternalName::Kind::KnownSymbol:
      out.put('%', meta::kKnownSymbols[name.index]);
      return;
  }
}

void print_float(Type type, u128 bits, TextWriter& out) {
  u32 fraction_bits = 112, exponent_bits = 15;
  if (type.bits() == 16) fraction_bits = 10, exponent_bits = 5;
  if (type.bits() == 32) fraction_bits = 23, exponent_bits = 8;
  if (type.bits() == 64) fraction_bits = 52, exponent_bits = 11;
  const u32 max_exponent = (1u << exponent_bits) - 1;
  const bool negative = ((bits >> (fraction_bits + exponent_bits)) & 1) != 0;
  const u32 exponent = static_cast<u32>(bits >> fraction_bits) & max_exponent;
  const u128 fraction = bits & ((u128{1} << fraction_bits) - 1);
  if (exponent == max_exponent) {
    out.write(negative ? '-' : '+');
    if (fraction == 0) {
      out.write("Inf");
      return;
    }
    const u128 quiet = u128{1} << (fraction_bits - 1);
    if ((fraction & quiet) == 0) out.write('s');
    out.write("NaN");
    const u128 payload = fraction & (quiet - 1);
    if (payload == 0) return;
    out.write(":0x");
    const u64 high = static_cast<u64>(payload >> 64);
    if (high != 0) out.write_hex(high);
    out.write_hex(static_cast<u64>(payload), high != 0 ? 16 : 0);
    return;
  }
  if (negative) out.write('-');
  if (exponent == 0 && fraction == 0) {
    out.write("0.0");
    return;
  }
  // The digits are left-aligned: spare zero bits at the right.
  const u32 digits = (fraction_bits + 3) / 4;
  const u128 aligned = fraction << (digits * 4 - fraction_bits);
  out.write(exponent == 0 ? "0x0." : "0x1.");
  if (digits > 16) out.write_hex(static_cast<u64>(aligned >> 64), digits - 16);
  out.write_hex(static_cast<u64>(aligned), std::min(digits, 16u));
  const i32 bias = static_cast<i32>(max_exponent >> 1);
  out.put('p', exponent == 0 ? 1 - bias : static_cast<i32>(exponent) - bias);
}

void print_data_value(const DataValue& value, TextWriter& out) {
  if (value.type.is_float()) {
    print_float(value.type, value.bits(), out);
  } else if (value.type == kI128) {
    print_i128(value.bits(), out);
  } else if (value.type.is_int()) {
    out.write(sign_extended(static_cast<u64>(value.bits()), value.type));
  } else {
    print_hex_bytes(std::span(value.bytes).first(std::min(16u, value.type.bytes())), out);
  }
}

}  // namespace gantry::ir

// Judges single instructions: operand and result types against the opcode table, and the rules that
// a table of types cannot say. One look at each instruction; all numbers in it are known to name
// something.
#include "gantry/meta/codes.h"
#include "gantry/verifier/internal/state.h"

namespace gantry::verifier {

using ir::Block;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Type;
using ir::Value;
using meta::Format;

void Verifier::State::check_inst(Inst inst) {
  check_operand_types(inst);
  check_immediates(inst);
  check_memory(inst);
  const Opcode op = dfg().opcode(inst);
  if (ir::is_call(op)) check_call(inst);
  if (ir::is_branch(op)) check_branch(inst);
  if (op == Opcode::Return) check_return(inst);
  check_side_facts(inst);
}

void Verifier::State::check_result_types(Inst inst, std::span<const ir::AbiParam> expected) {
  const std::span<const Value> results = dfg().results(inst);
  if (results.size() != expected.size()) {
    report(at(inst), "mismatched result count for `", inst_text(func(), inst), "`: got ",
           results.size(), ", expected ", expected.size());
    return;
  }
  for (usize i = 0; i < results.size(); ++i) {
    if (dfg().type(results[i]) == expected[i].type) continue;
    report(at(inst), "result ", i, " (v", results[i].index(), ") has type ",
           type_text(dfg().type(results[i])), ", expected ", type_text(expected[i].type));
  }
}

void Verifier::State::check_operand_types(Inst inst) {
  const Opcode op = dfg().opcode(inst);
  const ir::InstFacts& facts = ir::inst_facts(op);
  const std::span<const Value> args = dfg().args(inst);
  const std::span<const Value> results = dfg().results(inst);
  const bool is_call = dfg().call_signature(inst).has_value();
  if (!is_call && results.size() != facts.num_fixed_results) {
    report(at(inst), "mismatched result count for `", inst_text(func(), inst), "`: got ",
           results.size(), ", expected ", facts.num_fixed_results);
    return;
  }

  Type control;
  if (facts.control_operand >= 0) {
    control = type_of(args[static_cast<usize>(facts.control_operand)]);
  } else if (facts.needs_suffix) {
    control = dfg().type(results[0]);
  }
  if ((facts.control_operand >= 0 || facts.needs_suffix) &&
      !ir::allowed_control_type(op, control)) {
    report(at(inst), ir::name_of(op), " does not exist for the controlling type ",
           type_text(control));
    return;
  }
  for (u32 i = 0; i < facts.num_fixed_values; ++i) {
    const Type actual = type_of(args[i]);
    const Type wanted = ir::operand_type(op, i, control);
    if (wanted.is_valid() ? wanted == actual : ir::allowed_operand_type(op, i, control, actual))
      continue;
    if (wanted.is_valid()) {
      report(at(inst), "arg ", i, " (v", args[i].index(), ") has type ", type_text(actual),
             ", expected ", type_text(wanted));
    } else {
      report(at(inst), "arg ", i, " (v", args[i].index(), ") has type ", type_text(actual),
             ", which ", ir::name_of(op), " does not take");
    }
  }
  if (is_call) return;
  for (u32 i = 0; i < results.size(); ++i) {
    const Type wanted = ir::result_type(op, i, control);
    if (wanted == dfg().type(results[i])) continue;
    report(at(inst), "result ", i, " (v", results[i].index(), ") has type ",
           type_text(dfg().type(results[i])), ", expected ", type_text(wanted));
  }
}

void Verifier::State::check_memory(Inst inst) {
  const InstData& data = dfg()[inst];
  const ir::InstFacts& facts = ir::inst_facts(data.opcode);
  u32 address = 0;
  switch (facts.format) {
    case Format::Load:
    case Format::LoadNoOffset:
    case Format::AtomicRmw:
    case Format::AtomicCas:
      break;
    case Format::Store:
    case Format::StoreNoOffset:
      address = 1;
      break;
    default:
      return;
  }
  const ir::MemFlags& flags = dfg().mem_flags(inst);
  if (flags.region && !func().alias_regions.is_valid(*flags.region)) {
    report(at(inst), "undefined alias region region", (*flags.region).index());
  }
  if (static_cast<u32>(flags.byte_order) > static_cast<u32>(ir::ByteOrder::Big)) {
    report(at(inst), "memory flags have an unknown byte order");
  }
  if (data.opcode == Opcode::Bitcast) {
    ir::MemFlags only_order;
    only_order.byte_order = flags.byte_order;
    if (flags != only_order)
      report(at(inst), "bitcast takes no memory flags but `little` and `big`");
    return;
  }
  if (facts.effects.can_store && flags.readonly) {
    report(at(inst), "A store instruction cannot have the `readonly` MemFlag");
  }
  const Value pointer = dfg().args(inst)[address];
  if (environment.has_isa && type_of(pointer) != environment.pointer_type) {
    report(at(inst), "invalid pointer width (got ", type_of(pointer).bits(), ", expected ",
           environment.pointer_type.bits(), ") encountered v", pointer.index());
  }
}

void Verifier::State::check_immediates(Inst inst) {
  const InstData& data = dfg()[inst];
  const std::span<const Value> results = dfg().results(inst);
  const auto needs_setting = [&](bool is_set, std::string_view setting) {
    if (!environment.has_isa) {
      report(at(inst), ir::name_of(data.opcode), " needs an ISA");
    } else if (!is_set) {
      report(at(inst), ir::name_of(data.opcode), " needs the setting `", setting, "`");
    }
  };
  switch (data.opcode) {
    case Opcode::Iconst: {
      const u32 bits = results.empty() ? 64 : dfg().type(results[0]).bits();
      if (bits < 64 && data.wide() >> bits != 0) {
        report(at(inst), "constant 0x", hex_text(data.wide()), " does not fit ", bits, " bits");
      }
      return;
    }
    case Opcode::Vconst:
    case Opcode::F128const: {
      if (results.empty()) return;
      const u32 expected = dfg().type(results[0]).bytes();
      const usize actual = dfg().constant_bytes(ir::Constant::from_index(data.words[0])).size();
      if (actual == expected) return;
      report(at(inst), "The instruction expects const", data.words[0], " to have a size of ",
             expected, " bytes but it has ", actual);
      return;
    }
    case Opcode::Bitcast: {
      if (results.empty()) return;
      const Type from = type_of(data.arg(0)), to = dfg().type(results[0]);
      if (from.bits() != to.bits() || from.is_dynamic() != to.is_dynamic()) {
        report(at(inst), "bitcast from ", type_text(from), " to ", type_text(to), ": sizes differ");
      } else if (from.log2_lane_count() != to.log2_lane_count() &&
                 dfg().mem_flags(inst).byte_order == ir::ByteOrder::Target) {
        report(at(inst), "bitcast that changes the number of lanes must have `little` or `big`");
      }
      return;
    }
    case Opcode::FcvtToUintSat:
    case Opcode::FcvtToSintSat:
    case Opcode::FcvtFromUint:
    case Opcode::FcvtFromSint:
    case Opcode::X86Cvtt2dq: {
      if (results.empty()) return;
      const Type from = type_of(data.arg(0)), to = dfg().type(results[0]);
      if (from.log2_lane_count() == to.log2_lane_count() && from.is_dynamic() == to.is_dynamic())
        return;
      report(at(inst), "conversion from ", type_text(from), " to ", type_text(to),
             ": numbers of lanes differ");
      return;
    }
    case Opcode::Insertlane:
    case Opcode::Extractlane: {
      const Type vector = type_of(data.arg(0));
      if (data.aux >= vector.lane_count()) {
        report(at(inst), "lane ", data.aux, " does not exist in ", type_text(vector));
      }
      return;
    }
    case Opcode::Shuffle:
      for (const u8 index : dfg().shuffle_mask(ir::ShuffleMask::from_index(data.words[2]))) {
        if (index < 32) continue;
        report(at(inst), "shuffle index ", index, " is greater than 31");
        return;
      }
      return;
    case Opcode::Trap:
    case Opcode::Trapz:
    case Opcode::Trapnz:
    case Opcode::UaddOverflowTrap:
      if (data.trap_code().code == 0) report(at(inst), "trap code is missing");
      return;
    case Opcode::SymbolValue:
    case Opcode::TlsValue: {
      const ir::GlobalValue value = ir::GlobalValue::from_index(data.words[0]);
      if (func().global_values[value].kind != ir::GlobalValueData::Kind::Symbol) {
        report(at(inst), ir::name_of(data.opcode), " of gv", value.index(),
               ", which is not a symbol");
      } else if (environment.has_isa && !results.empty() &&
                 dfg().type(results[0]) != environment.pointer_type) {
        report(at(inst), "global_value instruction with type ", type_text(dfg().type(results[0])),
               " references global value with type ", type_text(environment.pointer_type));
      }
      return;
    }
    case Opcode::GetPinnedReg:
    case Opcode::SetPinnedReg:
      needs_setting(environment.enable_pinned_reg, "enable_pinned_reg");
      return;
    case Opcode::GetFramePointer:
    case Opcode::GetReturnAddress:
      needs_setting(environment.preserve_frame_pointers, "preserve_frame_pointers");
      return;
    case Opcode::DynamicStackAddr: {
      const u32 slot = data.words[0];
      if (func().dynamic_stack_slots[ir::DynamicStackSlot::from_index(slot)] == ir::DynamicType()) {
        report(at(inst), "undefined dynamic stack slot dss", slot);
      }
      return;
    }
    case Opcode::GetExceptionHandlerAddress: {
      const Block block = Block::from_index(data.words[0]);
      const Inst last = *func().layout.last_inst(block);
      const Format format = ir::inst_facts(dfg().opcode(last)).format;
      if (format != Format::TryCall && format != Format::TryCallIndirect) {
        report(at(inst), "block", block.index(), " does not end in a try_call");
        return;
      }
      const auto& table =
          dfg().exception_tables[ir::ExceptionTable::from_index(dfg()[last].words[2])];
      u64 handlers = 0;
      for (const ir::ExceptionTableData::Item& item : table.items) {
        handlers += item.kind != ir::ExceptionTableData::Item::Kind::Context;
      }
      if (data.wide() >= handlers) {
        report(at(inst), "exceptional edge ", data.wide(), " does not exist: the try_call of block",
               block.index(), " has ", handlers);
      }
      return;
    }
    default:
      return;
  }
}

void Verifier::State::check_call(Inst inst) {
  const InstData& data = dfg()[inst];
  const std::optional<ir::SigRef> found = dfg().call_signature(inst);
  if (!found) return;  // stack_switch is a call for the purposes of safepoints only
  const Format format = ir::inst_facts(data.opcode).format;
  const bool is_direct = format == Format::Call || format == Format::TryCall;
  ir::SigRef signature_ref = *found;
  if (is_direct) {
    const ir::ExtFuncData& callee = dfg().ext_funcs[ir::FuncRef::from_index(data.words[0])];
    signature_ref = callee.signature;
    if (callee.patchable) {
      if (!callee.colocated) report(at(inst), "patchable call to non-colocated function");
      if (!dfg().signatures[signature_ref].returns.empty()) {
        report(at(inst), "patchable call cannot occur to a function with return values");
      }
      if (ir::is_return(data.opcode)) report(at(inst), "patchable call cannot be a tail call");
    }
  }
  const ir::Signature& signature = dfg().signatures[signature_ref];
  std::span<const Value> args = dfg().args(inst);
  if (!is_direct) {
    const Type address = type_of(args[0]);
    if (environment.has_isa && address != environment.pointer_type) {
      report(at(inst), "callee v", args[0].index(), " has type ", type_text(address),
             ", which is not the pointer type ", type_text(environment.pointer_type));
    }
    args = args.subspan(1);
  }
  if (args.size() != signature.params.size()) {
    report(at(inst), "mismatched argument count for `", inst_text(func(), inst), "`: got ",
           args.size(), ", expected ", signature.params.size());
  } else {
    for (usize i = 0; i < args.size(); ++i) {
      if (type_of(args[i]) == signature.params[i].type) continue;
      report(at(inst), "arg ", i, " (v", args[i].index(), ") has type ",
             type_text(type_of(args[i])), ", expected ", type_text(signature.params[i].type));
    }
  }
  if (ir::is_return(data.opcode)) {
    check_result_types(inst, {});
    check_return_call(inst, signature);
  } else if (ir::is_terminator(data.opcode)) {
    check_result_types(inst, {});
    check_try_call(inst, signature);
  } else {
    check_result_types(inst, signature.returns);
  }
}

void Verifier::State::check_return_call(Inst inst, const ir::Signature& callee) {
  const ir::Signature& caller = func().signature;
  const u32 convention = static_cast<u32>(callee.call_conv);
  if (convention >= std::size(meta::kCallConvs) || !meta::kCallConvs[convention].tail_calls) {
    report(at(inst), "calling convention `", name_of(callee.call_conv),
           "` does not support tail calls");
  }
  if (callee.call_conv != caller.call_conv) {
    report(at(inst), "callee's calling convention must match caller");
  }
  if (callee.returns.size() != caller.returns.size()) {
    report(at(inst), "results of callee must match caller");
    return;
  }
  for (usize i = 0; i < callee.returns.size(); ++i) {
    if (callee.returns[i].type == caller.returns[i].type) continue;
    report(at(inst), "result ", i, " has type ", type_text(callee.returns[i].type),
           ", must match function signature of ", type_text(caller.returns[i].type));
  }
}

void Verifier::State::check_try_call(Inst inst, const ir::Signature& callee) {
  const InstData& data = dfg()[inst];
  const auto& table = dfg().exception_tables[ir::ExceptionTable::from_index(data.words[2])];
  if (dfg().signatures[*table.signature] != callee) {
    report(at(inst), "signature sig", (*table.signature).index(),
           " of the exception table differs from the signature of the callee");
  }
  const u32 convention = static_cast<u32>(callee.call_conv);
  if (convention >= std::size(meta::kCallConvs) ||
      meta::kCallConvs[convention].exception_payload_words < 0) {
    report(at(inst), "calling convention `", name_of(callee.call_conv),
           "` does not support exceptions");
  }
}

void Verifier::State::check_return(Inst inst) {
  const std::span<const Value> args = dfg().args(inst);
  const std::vector<ir::AbiParam>& expected = func().signature.returns;
  if (args.size() != expected.size()) {
    report(at(inst), "arguments of return must match function signature: got ", args.size(),
           ", expected ", expected.size());
    return;
  }
  for (usize i = 0; i < args.size(); ++i) {
    const Type type = type_of(args[i]);
    if (type == expected[i].type) continue;
    report(at(inst), "result ", i, " has type ", type_text(type),
           ", must match function signature of ", type_text(expected[i].type));
  }
}

void Verifier::State::check_block_args(Inst inst, ir::BlockCall call,
                                       std::span<const ir::AbiParam> returned, bool is_normal,
                                       u32 exception_words) {
  const Block target = call.block(dfg().lists());
  const std::span<const Value> args = call.args(dfg().lists());
  const std::span<const Value> params = dfg().block_params(target);
  if (args.size() != params.size()) {
    report(at(inst), "mismatched argument count for `", inst_text(func(), inst), "`: got ",
           args.size(), " for block", target.index(), ", expected ", params.size());
    return;
  }
  for (usize i = 0; i < args.size(); ++i) {
    const ir::BlockArg arg = ir::BlockArg::decoded(args[i]);
    const Type wanted = dfg().type(params[i]);
    Type actual;
    std::string_view name = "v";
    switch (arg.kind()) {
      case ir::BlockArg::Kind::Value:
        actual = type_of(arg.as_value());
        break;
      case ir::BlockArg::Kind::TryCallReturn:
        name = "ret";
        if (!is_normal) {
          report(at(inst), "ret", arg.number(), " can only stand on the normal edge of a try_call");
          continue;
        }
        if (arg.number() >= returned.size()) {
          report(at(inst), "ret", arg.number(), " does not exist: the callee returns ",
                 returned.size(), " values");
          continue;
        }
        actual = returned[arg.number()].type;
        break;
      case ir::BlockArg::Kind::TryCallException:
        name = "exn";
        if (is_normal) {
          report(at(inst), "exn", arg.number(),
                 " can only stand on an exceptional edge of a try_call");
          continue;
        }
        if (arg.number() >= exception_words) {
          report(at(inst), "exn", arg.number(), " does not exist: the callee's convention has ",
                 exception_words, " payload words");
          continue;
        }
        // Without an ISA either address type will do.
        actual = environment.has_isa || (wanted != ir::kI32 && wanted != ir::kI64)
                     ? environment.pointer_type
                     : wanted;
        break;
    }
    if (actual == wanted) continue;
    report(at(inst), "arg ", i, " (", name, arg.number(), ") has type ", type_text(actual),
           ", expected ", type_text(wanted), " for block", target.index());
  }
}

void Verifier::State::check_branch(Inst inst) {
  const InstData& data = dfg()[inst];
  const Format format = ir::inst_facts(data.opcode).format;
  if (format != Format::TryCall && format != Format::TryCallIndirect) {
    // Neither normal nor exceptional: retN and exnN have no meaning here.
    dfg().for_each_block_call(inst, [&](ir::BlockCall call) {
      for (const Value encoded : call.args(dfg().lists())) {
        if (ir::BlockArg::decoded(encoded).is_value()) continue;
        report(at(inst), "retN and exnN can only stand on the edges of a try_call");
        return;
      }
      check_block_args(inst, call, {}, false, 0);
    });
    return;
  }
  const auto& table = dfg().exception_tables[ir::ExceptionTable::from_index(data.words[2])];
  const ir::Signature& signature = dfg().signatures[*table.signature];
  const u32 convention = static_cast<u32>(signature.call_conv);
  const int words = convention < std::size(meta::kCallConvs)
                        ? meta::kCallConvs[convention].exception_payload_words
                        : 0;
  check_block_args(inst, table.normal_return, signature.returns, true, 0);
  for (const ir::ExceptionTableData::Item& item : table.items) {
    if (item.kind == ir::ExceptionTableData::Item::Kind::Context) continue;
    check_block_args(inst, item.call, {}, false, words > 0 ? static_cast<u32>(words) : 0);
    if (item.kind == ir::ExceptionTableData::Item::Kind::Tag && !item.tag) {
      report(at(inst), "handler of the exception table has no tag");
    }
  }
}

void Verifier::State::check_side_facts(Inst inst) {
  const Opcode op = dfg().opcode(inst);
  if (func().has_debug_tags()) {
    const std::span<const ir::DebugTag> tags = func().debug_tags(inst);
    if (!tags.empty() && !ir::is_call(op) && op != Opcode::SequencePoint) {
      report(at(inst), "debug tags present on non-call, non-sequence point instruction");
    }
    for (const ir::DebugTag& tag : tags) {
      if (tag.is_slot && tag.value >= func().stack_slots.size()) {
        report(at(inst), "debug tag names undefined stack slot ss", tag.value);
      }
    }
  }
  const std::span<const ir::StackMapEntry> entries = func().stack_map(inst);
  if (entries.empty()) return;
  if (!ir::is_safepoint(op)) {
    report(at(inst), "stack map on an instruction that is not a call that returns");
    return;
  }
  for (const ir::StackMapEntry& entry : entries) {
    if (!is_well_formed(entry.type)) {
      report(at(inst), "stack map entry has an invalid type");
    } else if (!func().stack_slots.is_valid(entry.slot)) {
      report(at(inst), "stack map names undefined stack slot ss", entry.slot.index());
    } else if (u64{entry.offset} + entry.type.bytes() > func().stack_slots[entry.slot].size) {
      report(at(inst), "stack map entry ", type_text(entry.type), " at ss", entry.slot.index(), "+",
             entry.offset, " ends outside of the slot");
    }
  }
}

}  // namespace gantry::verifier

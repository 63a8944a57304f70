// Judges what a function declares before its body: signatures, global values, slots, dynamic types,
// regions, callees. Numbers in text may be sparse, so every kind can have holes (entries nobody
// declared); a hole is no finding, its use is.
#include <algorithm>

#include "gantry/meta/codes.h"
#include "gantry/verifier/internal/state.h"

namespace gantry::verifier {

using ir::GlobalValue;
using ir::GlobalValueData;
using ir::SigRef;
using ir::Type;
using Kind = Location::Kind;

bool is_well_formed(Type type) {
  const u32 code = type.code(), lane = code & 0xf;
  if (lane < 4 || lane > 12) return false;
  const u32 shape = code >> 4;  // 7: scalar, 8 to 15: vector, 24 to 31: dynamic vector
  return (shape >= 7 && shape <= 15) || (shape >= 24 && shape <= 31);
}

std::string type_text(Type type) {
  TextWriter out;
  if (type.is_valid() && !is_well_formed(type)) {
    out.put("type code ", type.code());
  } else {
    ir::write_type(type, out);
  }
  return std::move(out).take();
}

std::string hex_text(u64 number) { return std::move(TextWriter().write_hex(number)).take(); }

std::string_view name_of(ir::CallConv call_conv) {
  const u32 index = static_cast<u32>(call_conv);
  return index < std::size(meta::kCallConvs) ? meta::kCallConvs[index].name : "?";
}

bool Verifier::State::check_preamble() {
  bool is_sound = check_signatures();
  is_sound &= check_global_values();
  is_sound &= check_slots();
  check_alias_regions();
  return is_sound;
}

// A signature is judged once: at the first callee that has it, or where it is declared if there is
// none.
bool Verifier::State::check_signatures() {
  const u32 before = num_reported;
  check_signature(func().signature, {});
  bool is_sound = num_reported == before;
  const auto& signatures = dfg().signatures;
  reported_signatures.assign(signatures.size(), 0);
  for (const ir::FuncRef callee : dfg().ext_funcs.keys()) {
    const ir::ExtFuncData& data = dfg().ext_funcs[callee];
    const Location where{Kind::FuncRef, callee.index()};
    if (data.signature == SigRef()) continue;  // a hole
    if (!signatures.is_valid(data.signature)) {
      report(where, "undefined signature sig", data.signature.index());
      is_sound = false;
      continue;
    }
    is_sound &= check_external_name(data.name, where);
    u8& is_reported = reported_signatures[data.signature.index()];
    if (is_reported == 0) check_signature(signatures[data.signature], where);
    is_reported = 1;
  }
  for (const SigRef signature : signatures.keys()) {
    if (reported_signatures[signature.index()] == 0) {
      check_signature(signatures[signature], {Kind::Signature, signature.index()});
    }
  }
  return is_sound;
}

void Verifier::State::check_signature(const ir::Signature& signature, Location where) {
  u32 num_struct_returns = 0, num_contexts = 0;
  const auto check_param = [&](const ir::AbiParam& param, usize number, bool is_return) {
    const std::string_view what = is_return ? "return value " : "parameter ";
    if (!is_well_formed(param.type)) {
      report(where, what, number, " of the signature has an invalid type");
      return;
    }
    if (param.type.is_dynamic())
      report(where, what, number, " of the signature cannot have a dynamic type");
    if (param.extension != ir::ArgExtension::None && !param.type.is_int()) {
      report(where, what, number, " of the signature has type ", type_text(param.type),
             ": only scalar integers can be extended");
    }
    if (param.purpose == ir::ArgPurpose::StructArg) {
      if (is_return)
        report(where, what, number, " of the signature cannot have the purpose `sarg`");
    } else if (param.struct_size != 0) {
      report(where, what, number,
             " of the signature has a structure size but not the purpose `sarg`");
    }
    num_struct_returns += !is_return && param.purpose == ir::ArgPurpose::StructReturn;
    num_contexts += !is_return && param.purpose == ir::ArgPurpose::VmContext;
  };
  for (usize i = 0; i < signature.params.size(); ++i) check_param(signature.params[i], i, false);
  for (usize i = 0; i < signature.returns.size(); ++i) check_param(signature.returns[i], i, true);
  if (num_struct_returns > 1) report(where, "signature has more than one `sret` parameter");
  if (num_contexts > 1) report(where, "signature has more than one `vmctx` parameter");
  if (static_cast<u32>(signature.call_conv) >= std::size(meta::kCallConvs)) {
    report(where, "signature has an unknown calling convention");
  } else if (signature.call_conv == ir::CallConv::PreserveAll && !signature.returns.empty()) {
    report(where, "Signature with `preserve_all` ABI cannot have return values");
  }
}

bool Verifier::State::check_external_name(ir::ExternalName name, Location where) {
  using NameKind = ir::ExternalName::Kind;
  u32 count = 0;
  switch (name.kind) {
    case NameKind::User:
      count = func().user_names.size();
      break;
    // Number 0 is also what an entry nobody declared has.
    case NameKind::TestCase:
      count = std::max<u32>(1, static_cast<u32>(func().test_names.size()));
      break;
    case NameKind::LibCall:
      count = std::size(meta::kLibCalls);
      break;
    case NameKind::KnownSymbol:
      count = std::size(meta::kKnownSymbols);
      break;
  }
  if (name.index < count) return true;
  report(where, "undefined external name ", name.index);
  return false;
}

Type Verifier::State::global_value_type(GlobalValue value) const {
  const GlobalValueData& data = func().global_values[value];
  const bool has_own =
      data.kind == GlobalValueData::Kind::Load || data.kind == GlobalValueData::Kind::IAddImm;
  if (has_own) return data.type;
  return environment.has_isa ? environment.pointer_type : Type();
}

bool Verifier::State::check_global_values() {
  const auto& values = func().global_values;
  bool is_sound = true;
  for (const GlobalValue value : values.keys()) {
    const GlobalValueData& data = values[value];
    const Location where = at(value);
    if (data.kind == GlobalValueData::Kind::VmContext) {
      const auto& params = func().signature.params;
      const bool is_declared = std::any_of(
          params.begin(), params.end(),
          [](const ir::AbiParam& param) { return param.purpose == ir::ArgPurpose::VmContext; });
      if (!is_declared) report(where, "undeclared vmctx reference");
      continue;
    }
    if (data.kind == GlobalValueData::Kind::Symbol) {
      is_sound &= check_external_name(data.name, where);
      continue;
    }
    if (!is_well_formed(data.type)) {
      report(where, "global value has an invalid type");
      is_sound = false;
      continue;
    }
    if (data.kind == GlobalValueData::Kind::DynScaleTargetConst) {
      if (!data.type.is_vector())
        report(where, "dynamic scale of ", type_text(data.type), ", which is not a vector");
      continue;
    }
    if (!data.base || !values.is_valid(*data.base)) {
      if (data.base) {
        report(where, "undefined global value gv", (*data.base).index());
      } else {
        report(where, "global value has no base");
      }
      is_sound = false;
      continue;
    }
    const Type base_type = global_value_type(*data.base);
    if (data.kind == GlobalValueData::Kind::IAddImm) {
      if (!data.type.is_int())
        report(where, "iadd_imm of type ", type_text(data.type), ", which is not an integer");
      if (base_type.is_valid() && base_type != data.type) {
        report(where, "base gv", (*data.base).index(), " has type ", type_text(base_type),
               ", expected ", type_text(data.type));
      }
      continue;
    }
    if (environment.has_isa && base_type != environment.pointer_type) {
      report(where, "base gv", (*data.base).index(), " has type ", type_text(base_type),
             ", which is not the pointer type ", type_text(environment.pointer_type));
    }
    if (data.flags.index >= dfg().num_mem_flags()) {
      report(where, "undefined memory flags ", data.flags.index);
      is_sound = false;
    } else if (!dfg().mem_flags(data.flags).notrap() || !dfg().mem_flags(data.flags).aligned) {
      report(where, "load of a global value must have the flags `notrap` and `aligned`");
    }
    if (data.offset != static_cast<i32>(data.offset))
      report(where, "offset ", data.offset, " does not fit 32 bits");
  }
  if (is_sound) check_global_value_cycles();
  if (func().stack_limit && !values.is_valid(*func().stack_limit)) {
    report({}, "stack limit: undefined global value gv", (*func().stack_limit).index());
    is_sound = false;
  }
  return is_sound;
}

// Each global value has at most one base, so a walk either ends, meets an older walk, or meets
// itself: a cycle.
void Verifier::State::check_global_value_cycles() {
  enum : u8 { kNew, kOnWalk, kDone };
  const auto& values = func().global_values;
  marks.assign(values.size(), kNew);
  for (const GlobalValue start : values.keys()) {
    scratch.clear();
    PackedOption<GlobalValue> walk = start;
    while (walk && marks[(*walk).index()] == kNew) {
      marks[(*walk).index()] = kOnWalk;
      scratch.push_back((*walk).index());
      const GlobalValueData& data = values[*walk];
      const bool has_base =
          data.kind == GlobalValueData::Kind::Load || data.kind == GlobalValueData::Kind::IAddImm;
      walk = has_base ? data.base : PackedOption<GlobalValue>();
    }
    if (walk && marks[(*walk).index()] == kOnWalk) {
      const auto first = std::find(scratch.begin(), scratch.end(), (*walk).index());
      TextWriter list;
      for (auto member = first; member != scratch.end(); ++member)
        list.put(member == first ? "gv" : ", gv", *member);
      report(at(*walk), "global value cycle: [", list.view(), "]");
    }
    for (const u32 passed : scratch) marks[passed] = kDone;
  }
}

bool Verifier::State::check_slots() {
  bool is_sound = true;
  for (const ir::DynamicType type : func().dynamic_types.keys()) {
    const ir::DynamicTypeData& data = func().dynamic_types[type];
    const Location where{Kind::DynamicType, type.index()};
    if (!data.base.is_valid() && data.scale == GlobalValue()) continue;  // a hole
    if (!is_well_formed(data.base) || !data.base.is_vector() || data.base.bits() > 256) {
      report(where, "dynamic type must have a fixed vector of at most 256 bits as base");
      is_sound &= is_well_formed(data.base);
    }
    if (!func().global_values.is_valid(data.scale)) {
      report(where, "undefined global value gv", data.scale.index());
      is_sound = false;
    } else if (func().global_values[data.scale].kind !=
               GlobalValueData::Kind::DynScaleTargetConst) {
      report(where, "gv", data.scale.index(), " is not a dynamic scale");
    }
  }
  for (const ir::DynamicStackSlot slot : func().dynamic_stack_slots.keys()) {
    const ir::DynamicType type = func().dynamic_stack_slots[slot];
    if (type == ir::DynamicType()) continue;  // a hole
    if (!func().dynamic_types.is_valid(type) || !func().dynamic_types[type].base.is_valid()) {
      report({Kind::DynamicStackSlot, slot.index()}, "undefined dynamic type dt", type.index());
      is_sound = false;
    }
  }
  for (const ir::StackSlot slot : func().stack_slots.keys()) {
    if (func().stack_slots[slot].align_log2 > 31) {
      report({Kind::StackSlot, slot.index()}, "alignment of 2^",
             func().stack_slots[slot].align_log2, " bytes is too large");
    }
  }
  return is_sound;
}

void Verifier::State::check_alias_regions() {
  const auto& regions = func().alias_regions;
  scratch.clear();
  for (const ir::AliasRegion region : regions.keys()) scratch.push_back(region.index());
  const auto user_id = [&](u32 region) {
    return regions[ir::AliasRegion::from_index(region)].user_id;
  };
  std::sort(scratch.begin(), scratch.end(), [&](u32 a, u32 b) {
    return user_id(a) != user_id(b) ? user_id(a) < user_id(b) : a < b;
  });
  for (usize i = 1; i < scratch.size(); ++i) {
    if (user_id(scratch[i - 1]) != user_id(scratch[i])) continue;
    report({Kind::AliasRegion, scratch[i]}, "duplicate alias region user_id ", user_id(scratch[i]));
  }
}

}  // namespace gantry::verifier

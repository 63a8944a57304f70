// Declarations of a function. Numbers may be sparse and in any order: holes are filled with
// dummies, and what the text really declared is remembered beside, because a reference to a hole is
// an error.
#include <bit>
#include <string>

#include "gantry/reader/function_parser.h"
#include "gantry/reader/literals.h"

namespace gantry::reader {

using namespace ir;  // NOLINT: the parser speaks of little else

bool FunctionParser::duplicate(const char* at, usize length, std::string_view prefix, u32 number) {
  std::string message = "duplicate entity: ";
  message.append(prefix).append(std::to_string(number));
  return fail(at, length, std::move(message));
}

bool FunctionParser::begin_declaration(std::string_view prefix, CommentOwner::Kind kind,
                                       u32& number, const char*& at, usize& length) {
  skip_space();
  at = p_;
  if (accept_entity(prefix, number) <= 0) return false;
  length = static_cast<usize>(p_ - at);
  owner_ = {kind, number};
  return expect('=');
}

bool FunctionParser::parse_declaration(bool& is_declaration) {
  is_declaration = true;
  const std::string_view word = word_here();
  u32 number = 0;
  const auto is = [&](std::string_view prefix) {
    return word.starts_with(prefix) &&
           scan_entity_number(word.data() + prefix.size(), word.data() + word.size(), number) !=
               nullptr;
  };
  if (is("ss")) return parse_stack_slot();
  if (is("gv")) return parse_global_value();
  if (is("sig")) return parse_signature_declaration();
  if (is("fn")) return parse_function_declaration();
  if (is("region")) return parse_region();
  if (is("const")) return parse_constant_declaration();
  if (word == "stack_limit") return parse_stack_limit();
  if (is("dt")) return parse_dynamic_type();
  if (is("dss")) return parse_dynamic_stack_slot();
  is_declaration = false;
  return true;
}

bool FunctionParser::parse_stack_slot() {
  u32 number = 0;
  const char* at = nullptr;
  usize length = 0;
  if (!begin_declaration("ss", CommentOwner::Kind::StackSlot, number, at, length)) return false;
  if (!accept_word("explicit_slot")) return expected("'explicit_slot'");
  StackSlotData slot;
  const auto parse_number = [&](auto& out, auto parse, std::string_view what) {
    const std::string_view text = number_here();
    if (text.empty()) return expected(what);
    if (const char* wrong = parse(text, out)) return fail(p_, text.size(), wrong);
    p_ += text.size();
    return true;
  };
  if (!parse_number(slot.size, parse_uimm32, "the size of the slot in bytes")) return false;
  while (accept(',')) {
    if (accept_word("align")) {
      if (!expect('=')) return false;
      skip_space();
      const char* align_at = p_;
      u32 align = 0;
      if (!parse_number(align, parse_uimm32, "an alignment")) return false;
      if (!std::has_single_bit(align)) {
        return fail(align_at, static_cast<usize>(p_ - align_at),
                    "a stack slot's alignment is a power of two");
      }
      slot.align_log2 = static_cast<u8>(std::countr_zero(align));
    } else if (accept_word("key")) {
      u64 key = 0;
      if (!expect('=') || !parse_number(key, parse_uimm64, "a key")) return false;
      slot.key = key;
    } else {
      return expected("'align' or 'key'");
    }
  }
  if (!stack_slots_.insert(StackSlot::from_index(number)))
    return duplicate(at, length, "ss", number);
  while (func_->stack_slots.size() <= number) func_->stack_slots.push({});
  func_->stack_slots[StackSlot::from_index(number)] = slot;
  return true;
}

bool FunctionParser::parse_dynamic_stack_slot() {
  u32 number = 0, type = 0;
  const char* at = nullptr;
  usize length = 0;
  if (!begin_declaration("dss", CommentOwner::Kind::DynamicStackSlot, number, at, length))
    return false;
  if (!accept_word("explicit_dynamic_slot")) return expected("'explicit_dynamic_slot'");
  skip_space();
  const char* type_at = p_;
  if (!expect_entity("dt", type, "a dynamic type")) return false;
  dynamic_type_uses_.push_back({type, offset_of(type_at)});
  if (!dynamic_stack_slots_.insert(DynamicStackSlot::from_index(number)))
    return duplicate(at, length, "dss", number);
  while (func_->dynamic_stack_slots.size() <= number) func_->dynamic_stack_slots.push({});
  func_->dynamic_stack_slots[DynamicStackSlot::from_index(number)] = DynamicType::from_index(type);
  return true;
}

bool FunctionParser::parse_dynamic_type() {
  u32 number = 0, scale = 0;
  const char* at = nullptr;
  usize length = 0;
  if (!begin_declaration("dt", CommentOwner::Kind::DynamicType, number, at, length)) return false;
  skip_space();
  const char* type_at = p_;
  Type base;
  if (!parse_type(base)) return false;
  if (!base.is_vector() || base.bits() > 256) {
    return fail(type_at, static_cast<usize>(p_ - type_at),
                "the base of a dynamic type is a vector of at most 256 bits");
  }
  if (!expect('*')) return false;
  skip_space();
  const char* scale_at = p_;
  if (!expect_entity("gv", scale, "a global value")) return false;
  global_uses_.push_back({scale, offset_of(scale_at)});
  if (!dynamic_types_.insert(DynamicType::from_index(number)))
    return duplicate(at, length, "dt", number);
  while (func_->dynamic_types.size() <= number) func_->dynamic_types.push({});
  func_->dynamic_types[DynamicType::from_index(number)] = {base, GlobalValue::from_index(scale)};
  return true;
}

bool FunctionParser::parse_global_value() {
  u32 number = 0;
  const char* at = nullptr;
  usize length = 0;
  if (!begin_declaration("gv", CommentOwner::Kind::GlobalValue, number, at, length)) return false;
  GlobalValueData data;
  const auto parse_base = [&] {
    u32 base = 0;
    skip_space();
    const char* base_at = p_;
    if (!expect_entity("gv", base, "a global value")) return false;
    global_uses_.push_back({base, offset_of(base_at)});
    data.base = GlobalValue::from_index(base);
    return true;
  };
  if (accept_word("vmctx")) {
    data.kind = GlobalValueData::Kind::VmContext;
  } else if (accept_word("load")) {
    data.kind = GlobalValueData::Kind::Load;
    if (!expect('.') || !parse_type(data.type)) return false;
    skip_space();
    const char* flags_at = p_;
    u16 flags = 0;
    if (!parse_mem_flags(flags, false)) return false;
    data.flags = {flags};
    const MemFlags& set = func_->dfg.mem_flags(data.flags);
    if (!set.notrap() || !set.aligned) {
      return fail(flags_at, static_cast<usize>(scan_token(flags_at, end_) - flags_at),
                  "the load of a global value must be notrap and aligned");
    }
    i32 offset = 0;
    if (!parse_base() || !parse_offset(offset)) return false;
    data.offset = offset;
  } else if (accept_word("iadd_imm")) {
    data.kind = GlobalValueData::Kind::IAddImm;
    if (!expect('.')) return false;
    skip_space();
    const char* type_at = p_;
    if (!parse_type(data.type)) return false;
    if (!data.type.is_int()) {
      return fail(type_at, static_cast<usize>(p_ - type_at),
                  "the type of a global iadd_imm is a scalar integer");
    }
    if (!parse_base() || !expect(',')) return false;
    const std::string_view text = number_here();
    if (text.empty()) return expected("a 64-bit integer");
    if (const char* wrong = parse_imm64(text, data.offset)) return fail(p_, text.size(), wrong);
    p_ += text.size();
  } else if (accept_word("symbol")) {
    data.kind = GlobalValueData::Kind::Symbol;
    data.colocated = accept_word("colocated");
    data.tls = accept_word("tls");
    if (!parse_external_name(data.name)) return false;
    skip_space();
    if (!at_end() && (*p_ == '+' || *p_ == '-')) {
      const std::string_view text = number_here();
      if (text.empty()) return fail(p_, 1, "an offset's sign stands directly before its digits");
      if (const char* wrong = parse_imm64(text, data.offset)) return fail(p_, text.size(), wrong);
      p_ += text.size();
    }
  } else if (accept_word("dyn_scale_target_const")) {
    data.kind = GlobalValueData::Kind::DynScaleTargetConst;
    if (!expect('.')) return false;
    skip_space();
    const char* type_at = p_;
    if (!parse_type(data.type)) return false;
    if (!data.type.is_vector()) {
      return fail(type_at, static_cast<usize>(p_ - type_at),
                  "the type of a dynamic scale is a vector");
    }
  } else {
    return expected("vmctx, load, iadd_imm, symbol or dyn_scale_target_const");
  }
  if (!global_values_.insert(GlobalValue::from_index(number)))
    return duplicate(at, length, "gv", number);
  if (func_->global_values.size() < number) {
    GlobalValueData hole;
    hole.name = func_->intern_test_name("");
    while (func_->global_values.size() < number) func_->global_values.push(hole);
  }
  if (func_->global_values.size() == number) func_->global_values.push({});
  func_->global_values[GlobalValue::from_index(number)] = data;
  return true;
}

bool FunctionParser::parse_signature_declaration() {
  u32 number = 0;
  const char* at = nullptr;
  usize length = 0;
  Signature signature;
  if (!begin_declaration("sig", CommentOwner::Kind::Signature, number, at, length)) return false;
  if (!parse_signature(signature)) return false;
  if (!signatures_.insert(SigRef::from_index(number))) return duplicate(at, length, "sig", number);
  while (func_->dfg.signatures.size() <= number) func_->dfg.signatures.push({});
  func_->dfg.signatures[SigRef::from_index(number)] = std::move(signature);
  return true;
}

bool FunctionParser::parse_function_declaration() {
  u32 number = 0;
  const char* at = nullptr;
  usize length = 0;
  if (!begin_declaration("fn", CommentOwner::Kind::FuncRef, number, at, length)) return false;
  ExtFuncData data;
  data.colocated = accept_word("colocated");
  data.patchable = accept_word("patchable");
  if (!parse_external_name(data.name)) return false;
  skip_space();
  if (!at_end() && *p_ == '(') {
    Signature signature;
    if (!parse_signature(signature)) return false;
    if (!check_number(at, length, func_->dfg.signatures.size())) return false;
    data.signature = func_->dfg.signatures.push(std::move(signature));
    signatures_.insert(data.signature);
  } else {
    u32 declared = 0;
    const char* sig_at = p_;
    if (!expect_entity("sig", declared, "a signature")) return false;
    data.signature = SigRef::from_index(declared);
    if (!signatures_.contains(data.signature)) {
      return fail(sig_at, static_cast<usize>(p_ - sig_at),
                  "undefined signature: sig" + std::to_string(declared),
                  "a signature is declared above the functions that have it");
    }
  }
  if (!functions_.insert(FuncRef::from_index(number))) return duplicate(at, length, "fn", number);
  while (func_->dfg.ext_funcs.size() <= number) func_->dfg.ext_funcs.push({});
  func_->dfg.ext_funcs[FuncRef::from_index(number)] = data;
  return true;
}

// The bytes of a constant of `type` at the cursor; without a type as many as the digits say.
bool FunctionParser::parse_constant_data(Type type, std::vector<u8>& out) {
  skip_space();
  out.clear();
  if (!at_end() && *p_ == '[' && type.is_valid()) {
    const char* open = p_++;
    const Type lane = type.lane_type();
    u32 lanes = 0;
    for (;; ++lanes) {
      skip_space();
      if (!at_end() && *p_ == ']') break;
      const std::string_view text = number_here();
      if (text.empty())
        return expected("a lane's value or ']'", "lanes stand without commas: [1 2 3 4]");
      u128 bits = 0;
      if (const char* wrong = parse_scalar(text, lane, bits)) return fail(p_, text.size(), wrong);
      if (lanes == type.lane_count())
        return fail(p_, text.size(), "more values than the type has lanes");
      p_ += text.size();
      for (u32 i = 0; i < lane.bytes(); ++i) out.push_back(static_cast<u8>(bits >> (8 * i)));
    }
    ++p_;
    if (lanes != type.lane_count()) return fail(open, 1, "fewer values than the type has lanes");
    return true;
  }
  const std::string_view text = number_here();
  if (text.empty())
    return expected(type.is_valid() ? "hexadecimal bytes or a list of lanes"
                                    : "hexadecimal bytes or a type");
  u8 bytes[16];
  u32 size = 0;
  if (const char* wrong = parse_hex_bytes(text, bytes, size)) return fail(p_, text.size(), wrong);
  if (type.is_valid() && size > type.bytes())
    return fail(p_, text.size(), "the constant is longer than its type");
  p_ += text.size();
  out.assign(bytes, bytes + size);
  if (type.is_valid()) out.resize(type.bytes());
  return true;
}

bool FunctionParser::parse_constant_declaration() {
  u32 number = 0;
  const char* at = nullptr;
  usize length = 0;
  if (!begin_declaration("const", CommentOwner::Kind::Constant, number, at, length)) return false;
  skip_space();
  Type type;
  if (!word_here().empty() && !parse_type(type)) return false;
  if (!parse_constant_data(type, bytes_)) return false;
  if (!constants_.insert(Constant::from_index(number)))
    return duplicate(at, length, "const", number);
  func_->dfg.set_constant(Constant::from_index(number), bytes_);
  return true;
}

bool FunctionParser::parse_region() {
  u32 number = 0;
  const char* at = nullptr;
  usize length = 0;
  if (!begin_declaration("region", CommentOwner::Kind::AliasRegion, number, at, length))
    return false;
  const std::string_view text = number_here();
  if (text.empty()) return expected("the region's id");
  AliasRegionData data{0, {}};
  if (const char* wrong = parse_uimm32(text, data.user_id)) return fail(p_, text.size(), wrong);
  p_ += text.size();
  std::string_view description;
  if (!parse_string(description)) return false;
  data.description = description;
  if (number < func_->alias_regions.size()) return duplicate(at, length, "region", number);
  if (number != func_->alias_regions.size()) {
    return fail(at, length, "alias regions are numbered from region0 without gaps",
                "the next is region" + std::to_string(func_->alias_regions.size()));
  }
  func_->alias_regions.push(std::move(data));
  return true;
}

bool FunctionParser::parse_stack_limit() {
  const char* at = p_;
  p_ += std::string_view("stack_limit").size();
  owner_ = {CommentOwner::Kind::StackLimit, 0};
  if (!expect('=')) return false;
  u32 number = 0;
  skip_space();
  const char* gv_at = p_;
  if (!expect_entity("gv", number, "a global value")) return false;
  if (func_->stack_limit) return fail(at, 11, "duplicate entity: stack_limit");
  global_uses_.push_back({number, offset_of(gv_at)});
  func_->stack_limit = GlobalValue::from_index(number);
  return true;
}

// References between declarations, which may go forward.
bool FunctionParser::check_declarations() {
  bool good = true;
  for (const Use& use : global_uses_) {
    if (use.number < func_->global_values.size() &&
        global_values_.contains(GlobalValue::from_index(use.number)))
      continue;
    const std::string name = "gv" + std::to_string(use.number);
    good = fail(begin_ + use.at, name.size(), "undefined global value: " + name);
  }
  for (const Use& use : dynamic_type_uses_) {
    if (dynamic_types_.contains(DynamicType::from_index(use.number))) continue;
    const std::string name = "dt" + std::to_string(use.number);
    good = fail(begin_ + use.at, name.size(), "undefined dynamic type: " + name);
  }
  return good;
}

}  // namespace gantry::reader

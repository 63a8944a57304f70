// Problem: the body is nearly all of a text, so it decides the speed. Idea: values carry their
// number in the text, so a definition is one store; an opcode is found by one probe of a table made
// at compile time; operands go straight into the 16 bytes of the record. Invariants: an instruction
// enters the function only when all its operands were read and its result types are known; values
// and blocks used before their definition are on a list that is checked behind the last line.
#include <algorithm>
#include <string>

#include "gantry/meta/codes.h"
#include "gantry/reader/function_parser.h"
#include "gantry/reader/literals.h"

namespace gantry::reader {

using namespace ir;  // NOLINT: the parser speaks of little else

namespace {
std::string value_name(u32 number) { return "v" + std::to_string(number); }
usize decimal_length(u32 number) { return std::to_string(number).size(); }
std::string quoted(std::string_view text) {
  std::string out = "'";
  out.append(text.substr(0, 40)).append(text.size() > 40 ? "...'" : "'");
  return out;
}
std::string type_name(Type type) {
  TextWriter out;
  write_type(type, out);
  return std::move(out).take();
}
}  // namespace

// ---- values

bool FunctionParser::parse_value_slow(u32& number) {
  const char* at = p_;
  const int found = accept_entity("v", number);
  if (found < 0) return false;
  if (found == 0) return expected("a value", "values are written v0, v1, ...");
  if (!is_defined(number)) value_uses_.push_back({number, offset_of(at)});
  return true;
}

bool FunctionParser::define_value(u32 number, const char* at, bool& fresh) {
  fresh = !is_defined(number);
  if (fresh) {
    func_->dfg.ensure_values(number + 1);
    return true;
  }
  return duplicate(at, 1 + decimal_length(number), "v", number);
}

// After an error: uses of the values of this line are not worth a finding of their own.
void FunctionParser::poison_results() {
  for (const Use& result : results_) {
    if (!is_defined(result.number)) {
      poisoned_.insert(Value::from_index(result.number));
      any_poisoned_ = true;
    }
  }
}

bool FunctionParser::parse_alias(u32 alias, const char* at) {
  const usize length = 1 + decimal_length(alias);
  p_ += 2;
  skip_space();
  const char* target_at = p_;
  u32 target = 0;
  if (!expect_entity("v", target, "a value")) return false;
  if (!is_defined(target)) {
    if (any_poisoned_ && poisoned_.contains(Value::from_index(target))) {
      poisoned_.insert(Value::from_index(alias));
      return true;
    }
    return fail(target_at, static_cast<usize>(p_ - target_at),
                alias == target ? "an alias cannot stand for itself: " + value_name(target)
                                : "undefined value: " + value_name(target),
                "the target of an alias is defined above it");
  }
  DataFlowGraph& dfg = func_->dfg;
  const Value root = dfg.resolve(Value::from_index(target));
  if (is_defined(alias)) {
    if (alias == root.index()) return fail(at, length, "alias cycle through " + value_name(alias));
    const Value known = Value::from_index(alias);
    if (dfg.is_alias(known) && dfg.written_target(known).index() == target) return true;
    return duplicate(at, length, "v", alias);
  }
  dfg.ensure_values(alias + 1);
  dfg.make_alias_as_written(Value::from_index(alias), Value::from_index(target));
  return true;
}

bool FunctionParser::parse_value_list(char close) {
  list_.clear();
  skip_space();
  if (!at_end() && *p_ == close) return true;
  do {
    u32 number = 0;
    if (!parse_value(number)) return false;
    list_.push_back(Value::from_index(number));
  } while (accept(','));
  return true;
}

// ---- blocks

bool FunctionParser::parse_block_number(u32& number) {
  skip_space();
  const char* at = p_;
  if (static_cast<usize>(end_ - p_) <= 5 || std::memcmp(p_, "block", 5) != 0)
    return expected("a block");
  const char* stop = scan_entity_number(p_ + 5, end_, number);
  if (stop == nullptr) return expected("a block");
  p_ = stop;
  if (number >= limits::kMaxTextBlocks.value) {
    return fail(at, static_cast<usize>(stop - at),
                "too many blocks (limit max-text-blocks: block numbers below 100000)", {},
                ErrorKind::LimitExceeded);
  }
  // A block that is never defined exists, but not in the order of blocks: that is the verifier's
  // finding.
  func_->dfg.ensure_blocks(number + 1);
  return true;
}

bool FunctionParser::parse_block_arg() {
  skip_space();
  u32 number = 0;
  if (!at_end() && (*p_ == 'r' || *p_ == 'e')) {
    const char* at = p_;
    const bool is_return = *p_ == 'r';
    const int found = accept_entity(is_return ? "ret" : "exn", number);
    if (found < 0) return false;
    if (found > 0) {
      if (number >= 1u << 30) return fail(at, static_cast<usize>(p_ - at), "number out of range");
      const BlockArg arg =
          is_return ? BlockArg::try_return(number) : BlockArg::try_exception(number);
      call_list_.push_back(arg.encoded());
      return true;
    }
  }
  if (!parse_value(number)) return false;
  call_list_.push_back(BlockArg::value(Value::from_index(number)).encoded());
  return true;
}

bool FunctionParser::parse_block_call(u32& raw) {
  u32 block = 0;
  if (!parse_block_number(block)) return false;
  call_list_.clear();
  call_list_.push_back(Value::from_index(block));
  if (p_ != end_ && *p_ != ',' && accept('(')) {
    while (!accept(')')) {
      if (!parse_block_arg()) return false;
      if (accept(',')) continue;
      if (!expect(')')) return false;
      break;
    }
  }
  ValueList list;
  list.assign(call_list_, func_->dfg.lists());
  raw = list.raw();
  return true;
}

bool FunctionParser::parse_block_header(u32 number, const char* start) {
  const char* name_end = p_;
  if (number >= limits::kMaxTextBlocks.value) {
    return fail(start, static_cast<usize>(name_end - start),
                "too many blocks (limit max-text-blocks: block numbers below 100000)", {},
                ErrorKind::LimitExceeded);
  }
  const Block block = Block::from_index(number);
  func_->dfg.ensure_blocks(number + 1);
  owner_ = {CommentOwner::Kind::Block, number};
  if (func_->layout.is_inserted(block)) {
    // Its lines are read for their own errors, at the end of the block that stands.
    duplicate(start, static_cast<usize>(name_end - start), "block", number);
    block_ = block;
    return false;
  }
  func_->layout.set_cold(block, false);
  func_->layout.append_block(block);
  block_ = block;
  if (source_ != nullptr) {
    if (source_->block_positions.size() <= number) source_->block_positions.resize(number + 1);
    source_->block_positions[number] = position_at(start);
  }
  if (accept('(')) {
    if (!accept(')')) {
      u32 params = 0;
      do {
        skip_space();
        const char* at = p_;
        u32 value = 0;
        Type type;
        if (!expect_entity("v", value, "a block parameter")) return false;
        results_.push_back({value, offset_of(at)});
        if (!expect(':') || !parse_type(type)) return false;
        bool fresh = false;
        if (!define_value(value, at, fresh)) return false;
        if (params++ > limits::kMaxBlockParams.value) {
          return fail(at, 1, "too many parameters (limit max-block-params)", {},
                      ErrorKind::LimitExceeded);
        }
        func_->dfg.append_block_param_as(block, Value::from_index(value), type);
      } while (accept(','));
      if (!expect(')')) return false;
    }
  }
  if (accept_word("cold")) func_->layout.set_cold(block);
  return expect(':');
}

// ---- what stands around an instruction

bool FunctionParser::parse_debug_tags() {
  ++p_;
  while (!accept('>')) {
    u32 slot = 0;
    skip_space();
    const char* at = p_;
    const int found = accept_entity("ss", slot);
    if (found < 0) return false;
    if (found > 0) {
      if (!stack_slots_.contains(StackSlot::from_index(slot))) {
        return fail(at, static_cast<usize>(p_ - at),
                    "undefined stack slot: ss" + std::to_string(slot));
      }
      tags_.push_back({true, slot});
    } else {
      const std::string_view text = number_here();
      if (text.empty()) return expected("a debug tag: a number or a stack slot");
      u32 tag = 0;
      if (const char* wrong = parse_uimm32(text, tag)) return fail(p_, text.size(), wrong);
      p_ += text.size();
      tags_.push_back({false, tag});
    }
    if (accept(',')) continue;
    if (!expect('>')) return false;
    break;
  }
  return true;
}

bool FunctionParser::parse_source_loc() {
  const char* at = p_++;
  const char* stop = run_end(p_, end_, kHex);
  if (stop == p_)
    return fail(at, 1, "a source location is @ directly followed by hexadecimal digits");
  u64 location = 0;
  for (; p_ != stop; ++p_) {
    const char c = *p_;
    location = location << 4 | static_cast<u32>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    if (location > 0xffffffffu)
      return fail(at, static_cast<usize>(stop - at), "source location out of range");
  }
  source_loc_ = static_cast<u32>(location);
  return true;
}

bool FunctionParser::parse_stack_map() {
  if (!expect('=') || !expect('[')) return false;
  if (accept(']')) return true;
  do {
    StackMapEntry entry{};
    if (!parse_type(entry.type) || !expect('@')) return false;
    skip_space();
    const char* at = p_;
    u32 slot = 0;
    if (!expect_entity("ss", slot, "a stack slot")) return false;
    if (!stack_slots_.contains(StackSlot::from_index(slot))) {
      return fail(at, static_cast<usize>(p_ - at),
                  "undefined stack slot: ss" + std::to_string(slot));
    }
    entry.slot = StackSlot::from_index(slot);
    if (!expect('+')) return false;
    const std::string_view text = number_here();
    if (text.empty()) return expected("an offset in the slot");
    if (const char* wrong = parse_uimm32(text, entry.offset)) return fail(p_, text.size(), wrong);
    p_ += text.size();
    stack_map_.push_back(entry);
  } while (accept(','));
  return expect(']');
}

bool FunctionParser::parse_trap_code(u8& out) {
  skip_space();
  const std::string_view word = word_here();
  for (const meta::TrapDef& trap : meta::kTraps) {
    if (trap.name == word) {
      out = trap.code;
      p_ += word.size();
      return true;
    }
  }
  u32 number = 0;
  if (word.starts_with("user") &&
      scan_entity_number(word.data() + 4, word.data() + word.size(), number) != nullptr) {
    if (number < 1 || number > kMaxUserTrapCode)
      return fail(p_, word.size(), "user trap codes are user1 to user250");
    out = static_cast<u8>(number);
    p_ += word.size();
    return true;
  }
  return expected("a trap code",
                  "stk_ovf, int_ovf, heap_oob, int_divz, bad_toint, or user1 to user250");
}

bool FunctionParser::parse_mem_flags(u16& out, bool only_byte_order) {
  MemFlags flags;
  for (;;) {
    skip_space();
    if (p_ == end_ || !is_class(*p_, kLetter)) break;
    if (*p_ == 'v' && p_ + 1 != end_ && is_class(p_[1], kDigit)) break;
    const std::string_view word = word_here();
    const char* at = p_;
    if (word == "little" || word == "big") {
      const ByteOrder order = word == "big" ? ByteOrder::Big : ByteOrder::Little;
      if (flags.byte_order != ByteOrder::Target && flags.byte_order != order) {
        return fail(at, word.size(), "little and big exclude each other");
      }
      flags.byte_order = order;
    } else if (only_byte_order) {
      break;
    } else if (word == "notrap") {
      flags.trap = {};
    } else if (word == "aligned") {
      flags.aligned = true;
    } else if (word == "readonly") {
      flags.readonly = true;
    } else if (word == "can_move") {
      flags.can_move = true;
    } else if (word.starts_with("region")) {
      u32 region = 0;
      const int found = accept_entity("region", region);
      if (found < 0) return false;
      if (found == 0) break;
      if (flags.region) return fail(at, word.size(), "an access has at most one alias region");
      flags.region = AliasRegion::from_index(region);
      continue;
    } else {
      bool is_trap = word.starts_with("user");
      for (const meta::TrapDef& trap : meta::kTraps) is_trap |= trap.name == word;
      if (!is_trap) break;
      if (!parse_trap_code(flags.trap.code)) return false;
      continue;
    }
    p_ += word.size();
  }
  bool full = false;
  out = func_->dfg.intern(flags, &full).index;
  if (full) {
    return fail(p_, 1, "too many distinct sets of memory flags (limit max-memflags)", {},
                ErrorKind::LimitExceeded);
  }
  return true;
}

bool FunctionParser::parse_jump_table(u32& number) {
  u32 raw = 0;
  JumpTableData table;
  if (!parse_block_call(raw)) return false;
  table.default_call = BlockCall::from_raw(raw);
  if (!expect(',') || !expect('[')) return false;
  if (!accept(']')) {
    do {
      if (!parse_block_call(raw)) return false;
      table.entries.push_back(BlockCall::from_raw(raw));
    } while (accept(','));
    if (!expect(']')) return false;
  }
  number = func_->dfg.jump_tables.push(std::move(table)).index();
  return true;
}

bool FunctionParser::parse_exception_table(u32& number) {
  using Item = ExceptionTableData::Item;
  ExceptionTableData table;
  u32 sig = 0, raw = 0;
  skip_space();
  const char* at = p_;
  if (!expect_entity("sig", sig, "a signature")) return false;
  if (!signatures_.contains(SigRef::from_index(sig))) {
    return fail(at, static_cast<usize>(p_ - at), "undefined signature: sig" + std::to_string(sig));
  }
  table.signature = SigRef::from_index(sig);
  if (!expect(',') || !parse_block_call(raw) || !expect(',') || !expect('[')) return false;
  table.normal_return = BlockCall::from_raw(raw);
  if (!accept(']')) {
    do {
      Item item{};
      u32 tag = 0;
      const int found = accept_entity("tag", tag);
      if (found < 0) return false;
      if (accept_word("context")) {
        u32 context = 0;
        if (!parse_value(context)) return false;
        item.kind = Item::Kind::Context;
        item.context = Value::from_index(context);
      } else {
        if (found > 0) {
          item.kind = Item::Kind::Tag;
          item.tag = ExceptionTag::from_index(tag);
        } else if (accept_word("default")) {
          item.kind = Item::Kind::Default;
        } else {
          return expected("tagN, default or context");
        }
        if (!expect(':') || !parse_block_call(raw)) return false;
        item.call = BlockCall::from_raw(raw);
      }
      table.items.push_back(item);
    } while (accept(','));
    if (!expect(']')) return false;
  }
  number = func_->dfg.exception_tables.push(std::move(table)).index();
  return true;
}

// ---- instructions

bool FunctionParser::parse_suffix(Opcode opcode, Type& control) {
  const char* at = p_;
  u32 number = 0;
  skip_space();
  const int found = accept_entity("dt", number);
  if (found < 0) return false;
  const char* type_at = p_;
  if (found > 0) {
    type_at = at;
    if (!dynamic_types_.contains(DynamicType::from_index(number))) {
      return fail(at, static_cast<usize>(p_ - at),
                  "undefined dynamic type: dt" + std::to_string(number));
    }
    control = func_->dynamic_types[DynamicType::from_index(number)].base.dynamic();
  } else if (!parse_type(control)) {
    return false;
  }
  const InstFacts& facts = inst_facts(opcode);
  if (!facts.needs_suffix && facts.control_operand < 0) {
    return fail(at - 1, static_cast<usize>(p_ - at + 1),
                std::string(name_of(opcode)) + " takes no type suffix", "its types are fixed");
  }
  if (!allowed_control_type(opcode, control)) {
    return fail(
        type_at, static_cast<usize>(p_ - type_at),
        type_name(control) + " is not a type " + std::string(name_of(opcode)) + " can have");
  }
  return true;
}

bool FunctionParser::infer_control(Opcode opcode, u32 operand, const char* opcode_at,
                                   Type& control) {
  const Value value = Value::from_index(operand);
  const usize length = name_of(opcode).size();
  if (!is_defined(operand)) {
    if (any_poisoned_ && poisoned_.contains(value)) {
      poison_results();
      return false;
    }
    return fail(opcode_at, length,
                "the type of " + value_name(operand) +
                    " is not known here: it is not defined above this line",
                "write a type suffix, as in " + std::string(name_of(opcode)) + ".i32");
  }
  control = func_->dfg.type(value);
  if (allowed_control_type(opcode, control)) [[likely]]
    return true;
  return fail(opcode_at, length,
              type_name(control) + " (the type of " + value_name(operand) + ") is not a type " +
                  std::string(name_of(opcode)) + " can have");
}

bool FunctionParser::parse_operands(Opcode opcode, Type control, InstData& data) {
  using meta::Format;
  DataFlowGraph& dfg = func_->dfg;
  const auto literal = [&](auto& out, auto parse, std::string_view what) {
    const std::string_view text = number_here();
    if (text.empty()) return expected(what);
    if (const char* wrong = parse(text, out)) return fail(p_, text.size(), wrong);
    p_ += text.size();
    return true;
  };
  const auto float_literal = [&](Type type) {
    u128 bits = 0;
    const auto parse = [type](std::string_view text, u128& out) {
      return parse_float(text, type, out);
    };
    if (!literal(bits, parse, "a float")) return false;
    data.set_wide(static_cast<u64>(bits));
    return true;
  };
  const auto declared = [&](std::string_view prefix, std::string_view what, const auto& set,
                            u32& number) {
    skip_space();
    const char* at = p_;
    if (!expect_entity(prefix, number, what)) return false;
    if (set(number)) return true;
    return fail(at, static_cast<usize>(p_ - at),
                "undefined " + std::string(what.substr(2)) + ": " + std::string(prefix) +
                    std::to_string(number));
  };
  const auto function_ref = [&](u32& number) {
    return declared(
        "fn", "a function", [&](u32 n) { return functions_.contains(FuncRef::from_index(n)); },
        number);
  };
  const auto list_word = [&] {
    ValueList list;
    list.assign(list_, dfg.lists());
    data.set_list(list);
  };
  // `(v, ...)` behind `callee`, which becomes the first of the list if there is one.
  const auto call_args = [&](PackedOption<Value> callee) {
    if (!expect('(') || !parse_value_list(')') || !expect(')')) return false;
    if (callee) list_.insert(list_.begin(), *callee);
    list_word();
    return true;
  };
  const auto offset = [&](u32 word) {
    i32 number = 0;
    if (!parse_offset(number)) return false;
    data.words[word] = static_cast<u32>(number);
    return true;
  };
  const auto values = [&](u32 count) {
    for (u32 i = 0; i < count; ++i) {
      if ((i != 0 && !expect(',')) || !parse_value(data.words[i])) return false;
    }
    return true;
  };
  const auto uimm8 = [&] {
    return expect(',') && literal(data.aux, parse_uimm8, "an unsigned 8-bit number");
  };

  switch (inst_facts(opcode).format) {
    case Format::NullAry:
      return true;
    case Format::Unary:
      return values(1);
    case Format::Binary:
      return values(2);
    case Format::Ternary:
      return values(3);
    case Format::BinaryImm8:
      return values(1) && uimm8();
    case Format::TernaryImm8:
      return values(2) && uimm8();
    case Format::MultiAry: {
      list_.clear();
      skip_space();
      if (p_ != end_ && *p_ == 'v' && p_ + 1 != end_ && is_class(p_[1], kDigit) &&
          !parse_value_list('\0'))
        return false;
      list_word();
      return true;
    }
    case Format::UnaryImm: {
      u128 bits = 0;
      const auto parse = [control](std::string_view text, u128& out) {
        return parse_scalar(text, control, out);
      };
      if (!literal(bits, parse, "an integer")) return false;
      data.set_wide(static_cast<u64>(bits));
      return true;
    }
    case Format::UnaryIeee16:
      return float_literal(kF16);
    case Format::UnaryIeee32:
      return float_literal(kF32);
    case Format::UnaryIeee64:
      return float_literal(kF64);
    case Format::UnaryConst: {
      skip_space();
      if (word_here().starts_with("const")) {
        return declared(
            "const", "a constant",
            [&](u32 n) { return constants_.contains(Constant::from_index(n)); }, data.words[0]);
      }
      if (control.is_valid()) {
        if (!parse_constant_data(control, bytes_)) return false;
      } else {
        u128 bits = 0;
        const auto parse = [](std::string_view text, u128& out) {
          return parse_float(text, kF128, out);
        };
        if (!literal(bits, parse, "a float or a constant")) return false;
        bytes_.clear();
        for (u32 i = 0; i < 16; ++i) bytes_.push_back(static_cast<u8>(bits >> (8 * i)));
      }
      const Constant constant = dfg.add_constant(bytes_);
      constants_.insert(constant);
      data.words[0] = constant.index();
      return true;
    }
    case Format::UnaryGlobalValue:
      return declared(
          "gv", "a global value",
          [&](u32 n) { return global_values_.contains(GlobalValue::from_index(n)); },
          data.words[0]);
    case Format::Shuffle: {
      if (!values(2) || !expect(',')) return false;
      if (!parse_constant_data(kI8.by(16), bytes_)) return false;
      std::array<u8, 16> mask;
      std::copy_n(bytes_.begin(), 16, mask.begin());
      data.words[2] = dfg.add_shuffle_mask(mask).index();
      return true;
    }
    case Format::IntCompare:
    case Format::FloatCompare: {
      skip_space();
      const std::string_view word = word_here();
      const bool is_int = inst_facts(opcode).format == Format::IntCompare;
      const u32 count = is_int ? std::size(meta::kIntConds) : std::size(meta::kFloatConds);
      const meta::CondDef* conds = is_int ? meta::kIntConds : meta::kFloatConds;
      u32 cond = 0;
      while (cond != count && conds[cond].name != word) ++cond;
      if (cond == count) return expected("a condition code");
      data.aux = static_cast<u8>(cond);
      p_ += word.size();
      return values(2);
    }
    case Format::Jump:
      return parse_block_call(data.words[1]);
    case Format::Brif:
      return parse_value(data.words[0]) && expect(',') && parse_block_call(data.words[1]) &&
             expect(',') && parse_block_call(data.words[2]);
    case Format::BranchTable:
      return parse_value(data.words[0]) && expect(',') && parse_jump_table(data.words[1]);
    case Format::Call:
      return function_ref(data.words[0]) && call_args({});
    case Format::CallIndirect: {
      u32 callee = 0;
      return declared(
                 "sig", "a signature",
                 [&](u32 n) { return signatures_.contains(SigRef::from_index(n)); },
                 data.words[0]) &&
             expect(',') && parse_value(callee) && call_args(Value::from_index(callee));
    }
    case Format::TryCall:
      return function_ref(data.words[0]) && call_args({}) && expect(',') &&
             parse_exception_table(data.words[2]);
    case Format::TryCallIndirect: {
      u32 callee = 0;
      return parse_value(callee) && call_args(Value::from_index(callee)) && expect(',') &&
             parse_exception_table(data.words[2]);
    }
    case Format::FuncAddr:
      return function_ref(data.words[0]);
    case Format::StackAddr:
      return declared(
                 "ss", "a stack slot",
                 [&](u32 n) { return stack_slots_.contains(StackSlot::from_index(n)); },
                 data.words[0]) &&
             offset(1);
    case Format::DynamicStackAddr:
      return declared(
          "dss", "a dynamic stack slot",
          [&](u32 n) { return dynamic_stack_slots_.contains(DynamicStackSlot::from_index(n)); },
          data.words[0]);
    case Format::Load:
      return parse_mem_flags(data.flags, false) && values(1) && offset(1);
    case Format::LoadNoOffset:
      return parse_mem_flags(data.flags, opcode == Opcode::Bitcast) && values(1);
    case Format::Store:
      return parse_mem_flags(data.flags, false) && values(2) && offset(2);
    case Format::StoreNoOffset:
      return parse_mem_flags(data.flags, false) && values(2);
    case Format::AtomicRmw: {
      if (!parse_mem_flags(data.flags, false)) return false;
      const std::string_view word = word_here();
      u32 op = 0;
      while (op != std::size(meta::kAtomicRmwOps) && meta::kAtomicRmwOps[op].name != word) ++op;
      if (op == std::size(meta::kAtomicRmwOps)) {
        return expected("an atomic operation", "add sub and nand or xor xchg umin umax smin smax");
      }
      data.aux = static_cast<u8>(op);
      p_ += word.size();
      return values(2);
    }
    case Format::AtomicCas:
      return parse_mem_flags(data.flags, false) && values(3);
    case Format::Trap:
      return parse_trap_code(data.aux);
    case Format::CondTrap:
      return values(1) && expect(',') && parse_trap_code(data.aux);
    case Format::IntAddTrap:
      return values(2) && expect(',') && parse_trap_code(data.aux);
    case Format::ExceptionHandlerAddress: {
      i64 index = 0;
      if (!parse_block_number(data.words[0]) || !expect(',') ||
          !literal(index, parse_imm64, "a 64-bit integer")) {
        return false;
      }
      data.set_wide(static_cast<u64>(index));
      return true;
    }
  }
  return false;
}

bool FunctionParser::finish_inst(const InstData& data, Type control, const char* start,
                                 const char* opcode_at) {
  DataFlowGraph& dfg = func_->dfg;
  const Opcode opcode = data.opcode;
  const InstFacts& facts = inst_facts(opcode);
  if (facts.control_operand >= 0 && !control.is_valid()) {
    const u32 operand = facts.has_list ? list_[static_cast<u32>(facts.control_operand)].index()
                                       : data.words[facts.control_operand];
    if (!infer_control(opcode, operand, opcode_at, control)) return false;
  }
  // What the results are, and whether the text names as many.
  const std::vector<AbiParam>* returns = nullptr;
  usize count = facts.num_fixed_results;
  // By the format: stack_switch is a call, too, but has no signature.
  const bool is_direct = facts.format == meta::Format::Call;
  if ((is_direct || facts.format == meta::Format::CallIndirect) && !facts.effects.is_terminator) {
    const SigRef sig = is_direct ? dfg.ext_funcs[FuncRef::from_index(data.words[0])].signature
                                 : SigRef::from_index(data.words[0]);
    returns = &dfg.signatures[sig].returns;
    count = returns->size();
  }
  if (results_.size() != count) [[unlikely]] {
    return fail(start, static_cast<usize>(opcode_at - start) + name_of(opcode).size(),
                std::string(returns != nullptr ? "the callee" : name_of(opcode)) + " has " +
                    std::to_string(count) + (count == 1 ? " result" : " results") +
                    ", but the line names " + std::to_string(results_.size()));
  }
  if (count > limits::kMaxBlockParams.value) {
    return fail(start, 1, "too many results (limit max-block-params)", {},
                ErrorKind::LimitExceeded);
  }
  for (usize i = 0; i < results_.size(); ++i) {
    const char* at = begin_ + results_[i].at;
    if (is_defined(results_[i].number))
      return duplicate(at, 1 + decimal_length(results_[i].number), "v", results_[i].number);
    dfg.ensure_values(results_[i].number + 1);
  }
  Type fixed[4];
  if (returns == nullptr) {
    for (u32 i = 0; i < count; ++i) {
      fixed[i] = result_type(opcode, i, control);
      if (!fixed[i].is_valid()) {
        return fail(opcode_at, name_of(opcode).size(),
                    "there is no type for the result of " + std::string(name_of(opcode)) + "." +
                        type_name(control));
      }
    }
  }
  const Inst inst = dfg.make_inst(data);
  for (u32 i = 0; i < count; ++i) {
    const Value value = Value::from_index(results_[i].number);
    if (dfg.is_valid(value))
        [[unlikely]] {  // twice on this line; the first stands, the function is not used
      return duplicate(begin_ + results_[i].at, 1 + decimal_length(value.index()), "v",
                       value.index());
    }
    dfg.append_result_as(inst, value, returns != nullptr ? (*returns)[i].type : fixed[i]);
  }
  if (block_) func_->layout.append_inst(inst, *block_);  // none: the header had an error
  if (source_loc_ != kNoSourceLoc) func_->set_source_loc(inst, source_loc_);
  if (!tags_.empty()) func_->set_debug_tags(inst, tags_);
  if (has_stack_map_) func_->set_stack_map(inst, stack_map_);
  if (source_ != nullptr) {
    source_->inst_positions.resize(inst.index() + 1);
    source_->inst_positions[inst.index()] = position_at(opcode_at);
  }
  return true;
}

bool FunctionParser::parse_line() {
  const char* start = p_;
  source_loc_ = kNoSourceLoc;
  tags_.clear();
  has_stack_map_ = false;
  if (*p_ == '<') [[unlikely]] {
    if (!parse_debug_tags()) return false;
    skip_space();
  }
  if (!at_end() && *p_ == '@') [[unlikely]] {
    if (!parse_source_loc()) return false;
    skip_space();
  }
  u32 number = 0;
  if (p_ != end_ && *p_ == 'v') {
    const char* at = p_;
    if (const char* stop = scan_entity_number(p_ + 1, end_, number)) {
      p_ = stop;
      if (!check_number(at, static_cast<usize>(stop - at), number)) return false;
      results_.push_back({number, offset_of(at)});
      skip_space();
      if (end_ - p_ >= 2 && p_[0] == '-' && p_[1] == '>') {
        if (!tags_.empty() || source_loc_ != kNoSourceLoc) {
          return fail(start, 1, "an alias has neither tags nor a source location");
        }
        // The list must not hold it: an alias is no result.
        results_.clear();
        p_ = at + 1 + decimal_length(number);
        skip_space();
        return parse_alias(number, at);
      }
      while (accept(',')) {
        skip_space();
        at = p_;
        if (!expect_entity("v", number, "a value")) return false;
        results_.push_back({number, offset_of(at)});
      }
      if (!expect('=')) return false;
      skip_space();
    }
  }
  const char* opcode_at = p_;
  const std::string_view word = word_here();
  if (word.empty()) return expected("an instruction");
  const std::optional<Opcode> opcode = find_opcode(word);
  if (!opcode) {
    const std::string_view nearest = nearest_opcode(word);
    return fail(p_, word.size(), "unknown opcode " + quoted(word),
                nearest.empty() ? std::string() : "did you mean '" + std::string(nearest) + "'?");
  }
  p_ += word.size();
  owner_ = {CommentOwner::Kind::Inst, func_->dfg.num_insts()};
  InstData data;
  data.opcode = *opcode;
  const InstFacts& facts = inst_facts(*opcode);
  Type control;
  if (p_ != end_ && *p_ != ' ' && accept('.')) {
    if (!parse_suffix(*opcode, control)) return false;
  } else if (facts.needs_suffix) {
    return fail(opcode_at, word.size(), std::string(word) + " needs a type suffix",
                "write the type of the result, as in " + std::string(word) + ".i64");
  }
  if (!parse_operands(*opcode, control, data)) return false;
  if (facts.effects.is_call && !facts.effects.is_return) {
    const char* before = p_;
    const usize comments_before = source_ != nullptr ? source_->comments.size() : 0;
    if (accept(',')) {
      if (!accept_word("stack_map")) return expected("'stack_map'");
      stack_map_.clear();
      has_stack_map_ = true;
      if (!parse_stack_map()) return false;
    } else {
      // Comments behind the call are read again, as the call's own.
      p_ = before;
      if (source_ != nullptr) source_->comments.resize(comments_before);
    }
  }
  return finish_inst(data, control, start, opcode_at);
}

bool FunctionParser::parse_body() {
  const u32 errors_before = num_errors_;
  bool in_body = false;
  for (;;) {
    skip_space();
    if (at_end()) return expected("'}'", "the function is not closed");
    if (*p_ == '}') {
      if (!in_body) check_declarations();
      ++p_;
      check_references();
      return num_errors_ == errors_before;
    }
    const char* start = p_;
    const usize uses_before = value_uses_.size();
    results_.clear();
    bool good = true;
    if (*p_ == 'b' && end_ - p_ > 5 && std::memcmp(p_, "block", 5) == 0 &&
        is_class(p_[5], kDigit)) {
      u32 number = 0;
      const char* stop = scan_entity_number(p_ + 5, end_, number);
      if (stop == nullptr) {
        good = expected("a block");
      } else {
        if (!in_body) check_declarations();
        in_body = true;
        p_ = stop;
        good = parse_block_header(number, start);
      }
    } else if (in_body) {
      good = parse_line();
    } else {
      bool is_declaration = false;
      good = parse_declaration(is_declaration);
      if (!is_declaration) {
        if (word_here() == "function" && p_ != begin_ && p_[-1] == '\n') {
          return fail(p_, 8, "expected '}' before the next function");
        }
        good = expected("a declaration, a block or '}'");
      }
    }
    if (good) [[likely]]
      continue;
    if (gave_up()) return false;
    poison_results();
    value_uses_.resize(uses_before);  // one finding a line
    if (failed_at_ != begin_ && failed_at_[-1] == '\n' &&
        text_from(failed_at_).starts_with("function ")) {
      p_ = failed_at_;
      return false;
    }
    recover(start);
  }
}

bool FunctionParser::check_references() {
  bool good = true;
  const auto by_number = [](const Use& a, const Use& b) {
    return a.number != b.number ? a.number < b.number : a.at < b.at;
  };
  const auto by_place = [](const Use& a, const Use& b) { return a.at < b.at; };
  // The first use of each number that is still undefined, in the order of the text.
  std::vector<Use>& uses = value_uses_;
  std::erase_if(uses, [&](const Use& use) {
    return is_defined(use.number) ||
           (any_poisoned_ && poisoned_.contains(Value::from_index(use.number)));
  });
  std::sort(uses.begin(), uses.end(), by_number);
  uses.erase(std::unique(uses.begin(), uses.end(),
                         [](const Use& x, const Use& y) { return x.number == y.number; }),
             uses.end());
  std::sort(uses.begin(), uses.end(), by_place);
  for (const Use& use : uses) {
    good = fail(begin_ + use.at, 1 + decimal_length(use.number),
                "undefined value: " + value_name(use.number));
  }
  return good;
}

}  // namespace gantry::reader

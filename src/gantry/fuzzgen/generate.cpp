// The problem: programs that use every opcode on every type in every context, are valid by
// construction and end. The idea: control flow is made of nested pieces (branches, switches,
// counted loops), so the values in scope are a stack; opcodes and their types come from the opcode
// table, so a new row is used without a change here. Invariants: scope_ holds values that dominate
// the insertion point; a function calls only later ones, and from inside a loop only the last,
// which calls none: the executed instructions are bounded.
#include "gantry/fuzzgen/generate.h"

#include "gantry/fuzzgen/shapes.h"
#include "gantry/ir/builder.h"

namespace gantry::fuzzgen {
namespace {

using ir::Block;
using ir::Opcode;
using ir::Type;
using ir::Value;

constexpr u32 kMaxTrips = 4;
constexpr u32 kMaxCalls = 3;   // call sites in a function
constexpr u32 kMaxPieces = 3;  // control structures after one another

// What the table cannot say: opcodes with entities or control are made by hand, some need what no
// generated program has.
bool is_plain(Opcode op) {
  const meta::Effects& effects = ir::inst_facts(op).effects;
  if (effects.is_terminator || effects.is_call || effects.can_load || effects.can_store)
    return false;
  switch (ir::inst_facts(op).format) {
    case meta::Format::Unary:
    case meta::Format::Binary:
    case meta::Format::Ternary:
    case meta::Format::BinaryImm8:
    case meta::Format::TernaryImm8:
    case meta::Format::Shuffle:
    case meta::Format::IntCompare:
    case meta::Format::FloatCompare:
    case meta::Format::CondTrap:
    case meta::Format::IntAddTrap:
      return op != Opcode::SetPinnedReg && op != Opcode::ExtractVector;
    case meta::Format::LoadNoOffset:
      return op == Opcode::Bitcast;
    case meta::Format::NullAry:
      return op == Opcode::Nop || op == Opcode::Fence || op == Opcode::SequencePoint;
    default:
      return false;
  }
}

bool is_x86(Opcode op) { return ir::name_of(op).starts_with("x86_"); }

// Results that may be a NaN of unspecified bits.
bool makes_nans(Opcode op) {
  switch (op) {
    case Opcode::Fadd:
    case Opcode::Fsub:
    case Opcode::Fmul:
    case Opcode::Fdiv:
    case Opcode::Sqrt:
    case Opcode::Fma:
    case Opcode::Fmin:
    case Opcode::Fmax:
    case Opcode::Ceil:
    case Opcode::Floor:
    case Opcode::Trunc:
    case Opcode::Nearest:
    case Opcode::Fpromote:
    case Opcode::Fdemote:
    case Opcode::Fvdemote:
    case Opcode::FvpromoteLow:
      return true;
    default:
      return false;
  }
}

class Generator {
 public:
  Generator(Choices& choices, const Options& options, std::vector<ir::Function>& funcs)
      : choices_(choices),
        options_(options),
        funcs_(funcs),
        types_(enabled_types(options)),
        shapes_(choices, types_, options) {
    for (u32 i = 0; i < meta::kNumOpcodes; ++i) {
      const Opcode op = static_cast<Opcode>(i);
      if (is_plain(op) && (options.x86_opcodes || !is_x86(op))) opcodes_.push_back(op);
    }
  }

  void run() {
    const u32 count = 1 + choices_.below(options_.max_functions);
    funcs_.clear();
    funcs_.resize(count);
    const std::vector<ir::AbiParam> shared_returns = some_params(options_.max_returns);
    for (u32 i = 0; i < count; ++i) {
      ir::Function& func = funcs_[i];
      func.name.user = {0, i};
      func.signature.params = some_params(options_.max_params);
      func.signature.returns =
          choices_.one_in(2) ? shared_returns : some_params(options_.max_returns);
      func.signature.call_conv = options_.tail_calls && choices_.one_in(2)
                                     ? ir::CallConv::Tail
                                     : some_convention(func.signature);
      if (options_.special_params) add_special_params(func.signature);
    }
    for (u32 i = 0; i < count; ++i) make_function(i);
  }

 private:
  Type some_type() { return types_[choices_.below(static_cast<u32>(types_.size()))]; }
  std::vector<ir::AbiParam> some_params(u32 max) {
    std::vector<ir::AbiParam> params(choices_.below(max + 1));
    for (ir::AbiParam& param : params) {
      param.type = some_type();
      if (param.type.is_int() && param.type.bits() < 64 && choices_.one_in(4)) {
        param.extension = choices_.one_in(2) ? ir::ArgExtension::Sext : ir::ArgExtension::Uext;
      }
    }
    return params;
  }

  static bool is_common(ir::CallConv convention) {
    return convention == ir::CallConv::SystemV || convention == ir::CallConv::Fast ||
           convention == ir::CallConv::Tail;
  }
  // First, so that they are in registers.
  void add_special_params(ir::Signature& signature) {
    if (!is_common(signature.call_conv)) return;
    const auto add = [&](ir::ArgPurpose purpose) {
      ir::AbiParam param;
      param.type = ir::kI64;
      param.purpose = purpose;
      signature.params.insert(signature.params.begin(), param);
    };
    if (signature.returns.empty() && choices_.one_in(2)) add(ir::ArgPurpose::StructReturn);
    if (choices_.one_in(3)) add(ir::ArgPurpose::VmContext);
  }

  ir::CallConv some_convention(const ir::Signature& signature) {
    if (!options_.other_conventions || choices_.one_in(2)) return ir::CallConv::SystemV;
    if (choices_.one_in(3)) return ir::CallConv::Fast;
    if (signature.returns.empty()) return ir::CallConv::PreserveAll;
    bool fits_words = signature.returns.size() == 1;
    for (const std::vector<ir::AbiParam>* list : {&signature.params, &signature.returns}) {
      for (const ir::AbiParam& param : *list) fits_words &= param.type.bits() <= 64;
    }
    return fits_words ? ir::CallConv::WindowsFastcall : ir::CallConv::SystemV;
  }

  void make_function(u32 index) {
    func_ = &funcs_[index];
    index_ = index;
    ir::Builder build(*func_);
    build_ = &build;
    scope_.clear();
    compared_.clear();
    callees_.clear();
    calls_ = 0;
    loops_ = 0;
    const Block entry = build.create_block();
    for (const ir::AbiParam& param : func_->signature.params) {
      scope_.push_back(func_->dfg.append_block_param(entry, param.type));
    }
    build.switch_to_block(entry);
    for (const ir::AbiParam& param : func_->signature.params) {
      if (param.purpose != ir::ArgPurpose::VmContext || !choices_.one_in(2)) continue;
      ir::GlobalValueData context;
      context.kind = ir::GlobalValueData::Kind::VmContext;
      func_->stack_limit = func_->global_values.push(context);
    }
    for (u32 i = index + 1; i < funcs_.size(); ++i) {
      callees_.push_back(func_->dfg.ext_funcs.push({func_->intern_user_name({0, i}),
                                                    func_->dfg.signatures.push(funcs_[i].signature),
                                                    choices_.one_in(2), false}));
    }
    make_slots();
    make_locals();
    pieces(options_.max_depth);
    if (!end_by_tail_call()) end_by_return();
  }

  // ---- values

  Value constant(Type type) {
    const u128 bits = generate_value(choices_, type).bits();
    return build_constant(*build_, type, bits);
  }
  static i64 sign_extended(i64 value, u32 bits) {
    return static_cast<i64>(static_cast<u64>(value) << (64 - bits)) >> (64 - bits);
  }
  // A value of the type in scope, preferring late ones; a constant if there is none, and now and
  // then.
  Value value(Type type) {
    if (!scope_.empty() && !choices_.one_in(8)) {
      const u32 size = static_cast<u32>(scope_.size());
      const u32 reach = choices_.one_in(3) ? size : size < 12 ? size : 12;
      const u32 first = choices_.below(reach);
      for (u32 i = 0; i < size; ++i) {
        const Value candidate = scope_[size - 1 - (first + i) % size];
        if (func_->dfg.type(candidate) == type) return candidate;
      }
    }
    const Value made = constant(type);
    scope_.push_back(made);
    return made;
  }
  Value condition() {
    if (options_.idioms && choices_.one_in(3)) return related_condition();
    if (choices_.one_in(5) && options_.floats) {
      const Type type = choices_.one_in(2) ? ir::kF32 : ir::kF64;
      const Value x = value(type), y = value(type);
      return build_->fcmp(static_cast<ir::FloatCC>(choices_.below(14)), x, y);
    }
    if (choices_.one_in(6)) {
      const Type type = int_type();
      const Value x = value(type), y = value(type);
      const Value both = build_->band(x, y);
      if (choices_.one_in(2)) return both;
      const ir::IntCC cc = static_cast<ir::IntCC>(choices_.below(10));
      return build_->icmp(cc, both, choices_.one_in(2) ? constant(type) : value(type));
    }
    if (choices_.one_in(2)) {
      const Type type = int_type();
      const Value x = value(type), y = value(type);
      compared_.push_back({x, y});
      return build_->icmp(static_cast<ir::IntCC>(choices_.below(10)), x, y);
    }
    return value(int_type());
  }
  Type int_type() { return types_[choices_.below(options_.i128 ? 5 : 4)]; }
  std::vector<Value> values(std::span<const ir::AbiParam> params) {
    std::vector<Value> all;
    for (const ir::AbiParam& param : params) {
      all.push_back(param.purpose == ir::ArgPurpose::VmContext ? build_->iconst(ir::kI64, 0)
                                                               : value(param.type));
    }
    return all;
  }
  void keep_results(ir::Inst inst) {
    for (const Value result : func_->dfg.results(inst)) scope_.push_back(result);
  }

  // ---- instructions

  void some_insts() {
    const u32 count = choices_.below(options_.max_insts_per_block + 1);
    for (u32 i = 0; i < count; ++i) {
      if (options_.idioms && choices_.one_in(4)) {
        make_idiom();
        continue;
      }
      switch (choices_.below(options_.locals ? 23 : 18)) {
        case 0:
        case 1:
          make_load();
          break;
        case 2:
        case 3:
          make_store();
          break;
        case 4:
          make_atomic();
          break;
        case 5:
          make_call();
          break;
        case 6:
          make_update();
          break;
        case 7:
          make_use_of_load();
          break;
        case 8:
          make_use_of_constant();
          break;
        case 18:
        case 19:
        case 20:
        case 21:
        case 22:
          make_use_of_local();
          break;
        default:
          make_plain();
          break;
      }
    }
  }

  // Any opcode of the table on any type it takes; nothing if the choice of types finds none.
  void make_plain() {
    const Opcode op = opcodes_[choices_.below(static_cast<u32>(opcodes_.size()))];
    const ir::InstFacts& facts = ir::inst_facts(op);
    if (facts.effects.can_trap && !choices_.one_in(6)) return;
    Type control;
    const bool polymorphic = facts.control_operand >= 0 || facts.needs_suffix;
    if (polymorphic) {
      control = pick_type([&](Type type) { return ir::allowed_control_type(op, type); });
      if (!control.is_valid()) return;
    }
    if (options_.allows != nullptr && !options_.allows(op, control)) return;
    ir::InstData data;
    data.opcode = op;
    for (u32 i = 0; i < facts.num_fixed_values; ++i) {
      Type type = ir::operand_type(op, i, control);
      if (!type.is_valid()) {
        type = pick_type([&](Type candidate) { return is_operand(op, i, control, candidate); });
        if (options_.allows != nullptr && !options_.allows(op, type)) return;
      }
      if (!is_enabled(type)) return;
      data.set_arg(i, value(type));
    }
    if (facts.num_fixed_results > 0 && !is_enabled(ir::result_type(op, 0, control))) return;
    switch (facts.format) {
      case meta::Format::IntCompare:
        data.aux = static_cast<u8>(choices_.below(10));
        break;
      case meta::Format::FloatCompare:
        data.aux = static_cast<u8>(choices_.below(14));
        break;
      case meta::Format::CondTrap:
      case meta::Format::IntAddTrap:
        data.aux = static_cast<u8>(1 + choices_.below(ir::kMaxUserTrapCode));
        break;
      case meta::Format::BinaryImm8:
      case meta::Format::TernaryImm8:
        data.aux = static_cast<u8>(choices_.below(control.lane_count()));
        break;
      case meta::Format::Shuffle: {
        std::array<u8, 16> mask;
        for (u8& lane : mask) lane = static_cast<u8>(choices_.below(32));
        data.words[2] = func_->dfg.add_shuffle_mask(mask).index();
        break;
      }
      case meta::Format::LoadNoOffset: {
        ir::MemFlags flags;
        if (func_->dfg.type(data.arg(0)).lane_count() != control.lane_count())
          flags.byte_order = ir::ByteOrder::Little;
        data.flags = func_->dfg.intern(flags).index;
        break;
      }
      default:
        break;
    }
    const ir::Inst inst = build_->insert(data, control);
    if (makes_nans(op) && options_.canonical_nans) {
      scope_.push_back(without_odd_nans(func_->dfg.first_result(inst)));
    } else {
      keep_results(inst);
    }
  }
  bool is_enabled(Type type) const {
    for (const Type candidate : types_) {
      if (candidate == type) return true;
    }
    return false;
  }
  template <class F>
  Type pick_type(F fits) {
    const u32 count = static_cast<u32>(types_.size()), first = choices_.below(count);
    for (u32 i = 0; i < count; ++i) {
      if (fits(types_[(first + i) % count])) return types_[(first + i) % count];
    }
    return {};
  }
  // Rules between operand and controlling type that the table leaves to the verifier.
  static bool is_operand(Opcode op, u32 index, Type control, Type candidate) {
    if (!ir::allowed_operand_type(op, index, control, candidate)) return false;
    if (op == Opcode::Bitcast) return candidate.bits() == control.bits();
    if (ir::inst_facts(op).format == meta::Format::Unary && op != Opcode::VhighBits) {
      return candidate.lane_count() == control.lane_count();
    }
    return true;
  }
  Value without_odd_nans(Value x) {
    const Type type = func_->dfg.type(x);
    const Value is_nan = build_->fcmp(ir::FloatCC::Unordered, x, x);
    if (type == ir::kF16) return build_->select(is_nan, build_->f16const({0x7e00}), x);
    if (type == ir::kF128) {
      const ir::DataValue quiet = ir::DataValue::from_bits(type, u128{0x7fff8000} << 96);
      return build_->select(is_nan, build_->f128const(func_->dfg.add_constant(quiet.bytes)), x);
    }
    const Value nan = type.lane_type() == ir::kF32 ? build_->f32const({0x7fc00000})
                                                   : build_->f64const({0x7ff8000000000000});
    if (type.is_scalar()) return build_->select(is_nan, nan, x);
    const Value all_nan = build_->splat(type, nan);
    return build_->bitselect(build_->bitcast(type, ir::MemFlags{}, is_nan), all_nan, x);
  }

  // ---- memory: slots of 16, 32 or 64 bytes; slot i may be said to be region i

  void make_slots() {
    slot_sizes_.clear();
    const u32 count = 1 + choices_.below(3);
    for (u32 i = 0; i < count; ++i) {
      const u32 size = 16u << choices_.below(3);
      const ir::StackSlot slot = func_->stack_slots.push({size, 4, {}});
      func_->alias_regions.push({i, ""});
      slot_sizes_.push_back(size);
      for (u32 offset = 0; offset < size; offset += 8) {
        const Value word = value(ir::kI64);
        const Value base = build_->stack_addr(ir::kI64, slot, static_cast<i32>(offset));
        build_->store(ir::MemFlags{}, word, base, 0);
      }
    }
  }

  // ---- locals: slots of equal fields as front ends without SSA make them, tidy for the most part

  struct Local {
    ir::StackSlot slot;
    u32 width;  // of a field
    u32 fields;
    u32 tidiness;  // 0: any access; 1: and whole fields in any order, parts of fields are only
                   // read; 2, 3: one order
    bool escapes;  // its address may take detours
    bool big;
  };
  void make_locals() {
    locals_.clear();
    pointer_slot_.reset();
    if (!options_.locals) return;
    const u32 count = choices_.below(6);
    for (u32 i = 0; i < count; ++i) {
      Local local;
      local.width = 1u << choices_.below(options_.i128 || options_.vectors ? 5 : 4);
      local.fields = 1 + choices_.below(4);
      local.tidiness = choices_.below(4);
      local.escapes = choices_.one_in(5);
      local.big = options_.big_endian && choices_.one_in(3);
      local.slot = func_->stack_slots.push({local.width * local.fields, 4, {}});
      for (u32 field = 0; field < local.fields; ++field) {
        const Type type = type_of_width(local.width);
        const Value x = value(type);
        ir::MemFlags flags;
        set_order(flags, local.big);
        build_->store(flags, x, build_->stack_addr(ir::kI64, local.slot, 0),
                      static_cast<i32>(field * local.width));
      }
      locals_.push_back(local);
    }
  }
  Type type_of_width(u32 bytes) {
    return pick_type([&](Type type) { return type.bytes() == bytes; });
  }
  static void set_order(ir::MemFlags& flags, bool big) {
    if (big) flags.byte_order = ir::ByteOrder::Big;
  }
  // The address of byte `at` of a slot, by itself or through memory, a select or a block parameter.
  Value local_address(const Local& local, u32 at) {
    const u32 added = choices_.one_in(3) ? choices_.below(2 * at + 1) : 0;
    Value address =
        build_->stack_addr(ir::kI64, local.slot, static_cast<i32>(at) - static_cast<i32>(added));
    if (added != 0) address = build_->iadd_imm_s(address, added);
    if (!local.escapes || !choices_.one_in(3)) return address;
    switch (choices_.below(3)) {
      case 0: {
        if (!pointer_slot_) pointer_slot_ = func_->stack_slots.push({8, 3, {}});
        build_->store(ir::MemFlags{}, address, build_->stack_addr(ir::kI64, *pointer_slot_, 0), 0);
        if (choices_.one_in(2)) make_plain();
        return build_->load(ir::kI64, ir::MemFlags{},
                            build_->stack_addr(ir::kI64, *pointer_slot_, 0), 0);
      }
      case 1: {
        const Value other = build_->stack_addr(ir::kI64, local.slot, static_cast<i32>(at));
        return build_->select(condition(), address, other);
      }
      default: {
        const Block next = new_block(false);
        build_->jump(build_->block_call(next, {address}));
        build_->switch_to_block(next);
        return func_->dfg.append_block_param(next, ir::kI64);
      }
    }
  }
  void make_use_of_local() {
    if (locals_.empty()) return;
    const Local local = locals_[choices_.below(static_cast<u32>(locals_.size()))];
    const bool is_load = choices_.one_in(2);
    u32 width = local.width;
    u32 at = choices_.below(local.fields) * width;
    bool big = local.big;
    if (local.tidiness == 0 && choices_.one_in(3)) {
      const u32 size = local.width * local.fields;
      do {
        width = 1u << choices_.below(5);
      } while (width > size);
      at = choices_.below(size - width + 1);
    } else if (local.tidiness <= 1 && is_load && choices_.one_in(3)) {
      const u32 part = 1u << choices_.below(4);
      if (part < width) {
        at += choices_.below(width - part + 1);
        width = part;
      }
    }
    if (local.tidiness <= 1 && options_.big_endian) big ^= choices_.one_in(4);
    const Type type = type_of_width(width);
    if (!type.is_valid()) return;
    ir::InstData data;
    Type control = type;
    const bool widens = type.is_int() && width <= 4 && choices_.one_in(3);
    if (widens) {
      static constexpr Opcode kUnsigned[] = {Opcode::Uload8, Opcode::Uload16, Opcode::Uload32};
      static constexpr Opcode kSigned[] = {Opcode::Sload8, Opcode::Sload16, Opcode::Sload32};
      static constexpr Opcode kStores[] = {Opcode::Istore8, Opcode::Istore16, Opcode::Istore32};
      const u32 row = width == 1 ? 0 : width / 2;
      data.opcode = !is_load ? kStores[row] : choices_.one_in(2) ? kUnsigned[row] : kSigned[row];
      control = ir::kI64;
      if (ir::inst_facts(data.opcode).needs_suffix || !is_load) {
        control = pick_type([&](Type wide) { return ir::allowed_control_type(data.opcode, wide); });
      }
    } else {
      data.opcode = is_load ? Opcode::Load : Opcode::Store;
    }
    if (options_.allows != nullptr && !options_.allows(data.opcode, control)) return;
    ir::MemFlags flags;
    set_order(flags, big);
    if (choices_.one_in(3)) flags.trap = {0};
    data.flags = func_->dfg.intern(flags).index;
    Value x;
    if (!is_load) x = value(control);
    const u32 in_inst = choices_.one_in(3) ? choices_.below(at + 1) : 0;
    const Value address = local_address(local, at - in_inst);
    if (is_load) {
      data.set_arg(0, address);
      data.words[1] = in_inst;
      keep_results(build_->insert(data, control));
    } else {
      data.set_arg(0, x);
      data.set_arg(1, address);
      data.words[2] = in_inst;
      build_->insert(data, control);
    }
  }

  struct Place {
    Value base;
    i32 offset;
    ir::MemFlags flags;
  };
  // Somewhere in a slot with room for `bytes`; naturally aligned if asked for.
  Place some_place(u32 bytes, bool aligned, bool with_offset) {
    const u32 slot = choices_.below(static_cast<u32>(slot_sizes_.size()));
    const u32 room = slot_sizes_[slot] - bytes;
    aligned = aligned || choices_.one_in(2);
    u32 at = choices_.below(room + 1);
    if (aligned) at -= at % bytes;
    Place place;
    place.flags.aligned = aligned && choices_.one_in(2);
    if (choices_.one_in(2)) place.flags.region = ir::AliasRegion::from_index(slot);
    if (choices_.one_in(3)) place.flags.byte_order = ir::ByteOrder::Little;
    if (options_.big_endian && choices_.one_in(3)) place.flags.byte_order = ir::ByteOrder::Big;
    switch (choices_.below(3)) {
      case 0:
        place.flags.trap = {0};
        break;
      case 1:
        place.flags.trap = {static_cast<u8>(1 + choices_.below(ir::kMaxUserTrapCode))};
        break;
      default:
        break;
    }
    const ir::StackSlot ss = ir::StackSlot::from_index(slot);
    if (choices_.one_in(4) && !aligned && room >= 7) {
      // The same scaled: index << 1..3, in one instruction with the addition on some machines.
      const u32 shift = 1 + choices_.below(3);
      u32 mask = 0;
      while (((mask * 2 + 1) << shift) <= room) mask = mask * 2 + 1;
      const Value index = build_->band_imm_u(value(ir::kI64), mask);
      const Value scaled = build_->ishl(index, build_->iconst(ir::kI64, shift));
      const Value base = build_->stack_addr(ir::kI64, ss, 0);
      place.base = choices_.one_in(2) ? build_->iadd(base, scaled) : build_->iadd(scaled, base);
      place.offset = 0;
      return place;
    }
    if (choices_.one_in(6) && !aligned && room >= 31) {
      // An element behind another: the index may have few bits, of which index + c is known not to
      // wrap before it is extended.
      const Type type = types_[choices_.one_in(2) ? 3 : choices_.below(3)];
      const u32 shift = choices_.below(3), added = 1 + choices_.below(4);
      const Value index = build_->band_imm_u(value(type), 3);
      Value scaled = build_->iadd(index, build_->iconst(type, added));
      if (type != ir::kI64) scaled = build_->uextend(ir::kI64, scaled);
      if (shift != 0) scaled = build_->ishl(scaled, build_->iconst(ir::kI64, shift));
      place.base = build_->iadd(build_->stack_addr(ir::kI64, ss, 0), scaled);
      place.offset = 0;
      return place;
    }
    if (choices_.one_in(3) && !aligned && room >= 1) {
      // An index that is only known when it runs: masked below the greatest power of two that fits.
      u32 mask = 1;
      while (mask * 2 + 1 <= room) mask = mask * 2 + 1;
      const Value index = build_->band_imm_u(value(ir::kI64), mask);
      place.base = build_->iadd(build_->stack_addr(ir::kI64, ss, 0), index);
      place.offset = 0;
      return place;
    }
    const u32 in_inst = with_offset ? choices_.below(at + 1) : 0;
    place.base = build_->stack_addr(ir::kI64, ss, static_cast<i32>(at - in_inst));
    place.offset = static_cast<i32>(in_inst);
    if (with_offset && choices_.one_in(6)) {  // a base outside the slot, brought back by the offset
      place.base = build_->iadd_imm_s(place.base, -64);
      place.offset += 64;
    }
    return place;
  }
  void make_load() {
    static constexpr struct {
      Opcode op;
      u32 bytes;
    } kExtending[] = {{Opcode::Uload8, 1},    {Opcode::Sload8, 1},    {Opcode::Uload16, 2},
                      {Opcode::Sload16, 2},   {Opcode::Uload32, 4},   {Opcode::Sload32, 4},
                      {Opcode::Uload8x8, 8},  {Opcode::Sload8x8, 8},  {Opcode::Uload16x4, 8},
                      {Opcode::Sload16x4, 8}, {Opcode::Uload32x2, 8}, {Opcode::Sload32x2, 8}};
    ir::InstData data;
    data.opcode = Opcode::Load;
    Type control = some_type();
    u32 bytes = control.bytes();
    if (choices_.one_in(2)) {
      const auto& row = kExtending[choices_.below(options_.vectors ? 12 : 6)];
      data.opcode = row.op;
      bytes = row.bytes;
      control = ir::kI64;
      if (ir::inst_facts(row.op).needs_suffix) {
        control = pick_type([&](Type type) { return ir::allowed_control_type(row.op, type); });
      }
    }
    if (options_.allows != nullptr && !options_.allows(data.opcode, control)) return;
    Place place = some_place(bytes, false, true);
    place.flags.can_move = place.flags.notrap() && choices_.one_in(2);
    data.flags = func_->dfg.intern(place.flags).index;
    data.set_arg(0, place.base);
    data.words[1] = static_cast<u32>(place.offset);
    keep_results(build_->insert(data, control));
  }
  void make_store() {
    static constexpr struct {
      Opcode op;
      u32 bytes;
    } kNarrowing[] = {{Opcode::Istore8, 1}, {Opcode::Istore16, 2}, {Opcode::Istore32, 4}};
    ir::InstData data;
    data.opcode = Opcode::Store;
    Type control = some_type();
    u32 bytes = control.bytes();
    if (choices_.one_in(3)) {
      const auto& row = kNarrowing[choices_.below(3)];
      data.opcode = row.op;
      bytes = row.bytes;
      control = pick_type([&](Type type) { return ir::allowed_control_type(row.op, type); });
    }
    if (options_.allows != nullptr && !options_.allows(data.opcode, control)) return;
    const Value x = value(control);
    const Place place = some_place(bytes, false, true);
    data.flags = func_->dfg.intern(place.flags).index;
    data.set_arg(0, x);
    data.set_arg(1, place.base);
    data.words[2] = static_cast<u32>(place.offset);
    build_->insert(data, control);
  }
  // ---- shapes that back ends have an instruction for

  Value binary(u32 way, Value x, Value y) {
    switch (way) {
      case 0:
        return build_->iadd(x, y);
      case 1:
        return build_->isub(x, y);
      case 2:
        return build_->band(x, y);
      case 3:
        return build_->bor(x, y);
      case 4:
        return build_->bxor(x, y);
      default:
        return build_->imul(x, y);
    }
  }
  // Load, operation, store to the same place.
  void make_update() {
    const Type type = int_type();
    const Value x = value(type);
    const Place place = some_place(type.bytes(), false, true);
    const Value old = build_->load(type, place.flags, place.base, place.offset);
    const bool swapped = choices_.one_in(3);
    const Value made = binary(choices_.below(6), swapped ? x : old, swapped ? old : x);
    build_->store(place.flags, made, place.base, place.offset);
    if (choices_.one_in(6)) scope_.push_back(old);
    if (choices_.one_in(4)) scope_.push_back(made);
  }
  // A load used once, right behind it or with a store in between.
  void make_use_of_load() {
    const Type type = int_type();
    const Value x = value(type);
    const Place place = some_place(type.bytes(), false, true);
    const Value loaded = build_->load(type, place.flags, place.base, place.offset);
    if (choices_.one_in(5)) make_store();
    const bool swapped = choices_.one_in(2);
    const Value a = swapped ? loaded : x, b = swapped ? x : loaded;
    switch (choices_.below(8)) {
      case 0:
        scope_.push_back(build_->icmp(static_cast<ir::IntCC>(choices_.below(10)), a, b));
        break;
      case 1:
        scope_.push_back(build_->select(condition(), a, b));
        break;
      case 2:
        if (type == ir::kI8 || type == ir::kI16) {
          scope_.push_back(choices_.one_in(2) ? build_->sextend(ir::kI32, loaded)
                                              : build_->uextend(ir::kI64, loaded));
          break;
        }
        [[fallthrough]];
      default:
        scope_.push_back(binary(choices_.below(6), a, b));
        break;
    }
  }
  // An operation with a constant: small ones, powers of two and limits have forms of their own.
  void make_use_of_constant() {
    const Type type = int_type();
    const Value x = value(type), c = constant(type);
    const bool swapped = choices_.one_in(4);
    const Value a = swapped ? c : x, b = swapped ? x : c;
    switch (choices_.below(8)) {
      case 0:
        scope_.push_back(build_->icmp(static_cast<ir::IntCC>(choices_.below(10)), a, b));
        break;
      case 1:
        scope_.push_back(build_->ishl(a, b));
        break;
      case 2:
        scope_.push_back(choices_.one_in(2) ? build_->ushr(a, b) : build_->sshr(a, b));
        break;
      case 3:
        make_division(type, x);
        break;
      default:
        scope_.push_back(binary(choices_.below(6), a, b));
        break;
    }
  }
  // By a constant that is not zero, so that it seldom traps.
  void make_division(Type type, Value x) {
    static constexpr Opcode kOps[] = {Opcode::Udiv, Opcode::Urem, Opcode::Sdiv, Opcode::Srem};
    const Opcode op = kOps[choices_.below(4)];
    if (options_.allows != nullptr && !options_.allows(op, type)) return;
    const u128 bits = generate_value(choices_, type).bits();
    if (bits == 0 || type == ir::kI128) return;
    ir::InstData data;
    data.opcode = op;
    data.set_arg(0, x);
    data.set_arg(1, build_->iconst(type, sign_extended(static_cast<i64>(bits), type.bits())));
    keep_results(build_->insert(data, type));
  }

  // ---- idioms: what rules look for. Few values, met again and again; constants at the limits;
  // operands repeated.

  // An instruction of one of those that take their type from their first operand or from a suffix;
  // the first operand if this type or opcode is not to be had.
  Value emit(Opcode op, Type control, std::initializer_list<Value> operands, u8 aux = 0) {
    return emit_results(op, control, operands, aux).front();
  }
  std::vector<Value> emit_results(Opcode op, Type control, std::initializer_list<Value> operands,
                                  u8 aux = 0) {
    const Value first = *operands.begin();
    ir::InstData data;
    data.opcode = op;
    data.aux = aux;
    u32 index = 0;
    for (const Value operand : operands) data.set_arg(index++, operand);
    const ir::InstFacts& facts = ir::inst_facts(op);
    bool allowed = ir::allowed_control_type(op, control);
    if (options_.allows != nullptr) allowed &= options_.allows(op, control);
    if (!allowed || (facts.num_fixed_results > 0 && !is_enabled(ir::result_type(op, 0, control))))
      return {first};
    const ir::Inst inst = build_->insert(data, control);
    if (makes_nans(op) && options_.canonical_nans)
      return {without_odd_nans(func_->dfg.first_result(inst))};
    const std::span<const Value> results = func_->dfg.results(inst);
    return {results.begin(), results.end()};
  }

  static u64 lanes_mask(Type type) { return ~u64{0} >> (64 - type.lane_bits()); }
  // By its bits, in every lane.
  Value lanes(Type type, u128 lane) {
    if (type.lane_bits() < 128) lane &= (u128{1} << type.lane_bits()) - 1;
    if (type == ir::kI128) {
      const Value low = build_->iconst(ir::kI64, static_cast<i64>(lane));
      return build_->iconcat(low, build_->iconst(ir::kI64, static_cast<i64>(lane >> 64)));
    }
    if (type.is_scalar())
      return build_->iconst(type, sign_extended(static_cast<i64>(lane), type.bits()));
    if (choices_.one_in(3)) {
      return build_->splat(type,
                           build_->iconst(type.lane_type(),
                                          sign_extended(static_cast<i64>(lane), type.lane_bits())));
    }
    u128 bits = 0;
    for (u32 i = 0; i < type.lane_count(); ++i) bits |= lane << (i * type.lane_bits());
    return build_->vconst(type,
                          func_->dfg.add_constant(ir::DataValue::from_bits(type, bits).bytes));
  }
  Value interesting(Type type) {
    if (type.has_float_lanes()) return constant(type);
    const u32 width = type.lane_bits();
    const u128 power = u128{1} << choices_.below(width);
    switch (choices_.below(12)) {
      case 0:
      case 1:
        return lanes(type, 0);
      case 2:
        return lanes(type, 1);
      case 3:
        return lanes(type, ~u128{0});
      case 4:
        return lanes(type, power);
      case 5:
        return lanes(type, power - 1);
      case 6:
        return lanes(type, power + 1);
      case 7:
        return lanes(type, ~(power - 1));
      case 8:
        return lanes(type, (u128{1} << (width - 1)) - choices_.below(2));
      case 9:
        // Masks of halves and quarters.
        return lanes(type, (u128{1} << (width / (2u << choices_.below(2)))) - 1);
      case 10: {
        const u128 bits = choices_.bits();
        return lanes(type, choices_.one_in(2) ? bits : 0 - bits);
      }
      default:
        return lanes(type, 3 + choices_.below(30));
    }
  }
  Value amount(Type type, u32 width) {
    const u32 close = choices_.below(8);
    switch (choices_.below(4)) {
      case 0:
        return lanes(type, u128{width} - 2 + (close & 3));
      case 1:
        return lanes(type, (u128{width} / (close < 4 ? 2 : 4 * 3)) + (close & 1));
      case 2:
        return lanes(type, choices_.below(width));
      default:
        return leaf(type);
    }
  }
  Value leaf(Type type) {
    const u32 size = static_cast<u32>(leaves_.size());
    if (size > 0 && !choices_.one_in(5)) {
      const u32 first = choices_.below(size);
      for (u32 i = 0; i < size; ++i) {
        if (func_->dfg.type(leaves_[(first + i) % size]) == type)
          return leaves_[(first + i) % size];
      }
    }
    const Value made = value(type);
    leaves_.push_back(made);
    return made;
  }
  Value related_condition() {
    if (!compared_.empty() && !choices_.one_in(4)) {
      const u32 size = static_cast<u32>(compared_.size());
      Compared pair = compared_[size - 1 - choices_.below(size < 4 ? size : 4)];
      const Type type = func_->dfg.type(pair.x);
      if (choices_.one_in(3)) std::swap(pair.x, pair.y);
      if (choices_.one_in(4)) pair.y = interesting(type);
      return build_->icmp(static_cast<ir::IntCC>(choices_.below(10)), pair.x, pair.y);
    }
    leaves_.clear();
    const Type type = int_type();
    const Value x = expression(type, choices_.below(3));
    const Value y = choices_.one_in(2) ? interesting(type) : expression(type, choices_.below(2));
    compared_.push_back({x, y});
    return build_->icmp(static_cast<ir::IntCC>(choices_.below(10)), x, y);
  }
  Type idiom_type() {
    const Type type = some_type();
    return type.has_float_lanes() && choices_.one_in(2) ? int_type() : type;
  }
  void make_idiom() {
    if (choices_.one_in(8)) {
      make_close_accesses();
      return;
    }
    leaves_.clear();
    if (choices_.one_in(2)) {
      make_shape();
      return;
    }
    const Type type = idiom_type();
    const u32 count = 1 + choices_.below(3);
    for (u32 i = 0; i < count; ++i) {
      const Value made = expression(type, 1 + choices_.below(4));
      leaves_.push_back(made);
      scope_.push_back(made);
    }
    if (choices_.one_in(12)) {
      const Value c = related_condition();
      const ir::TrapCode code{static_cast<u8>(1 + choices_.below(4))};
      if (choices_.one_in(2)) {
        build_->trapz(c, code);
      } else {
        build_->trapnz(c, code);
      }
    }
  }
  // What a rule of the optimiser looks for.
  class IdiomHost final : public ShapeHost {
   public:
    explicit IdiomHost(Generator& generator) : g_(generator) {}
    Value leaf(Type type) override { return g_.leaf(type); }
    Value constant(Type type, u128 bits) override { return build_constant(*g_.build_, type, bits); }
    std::vector<Value> insert(const ir::InstData& data, Type control) override {
      const ir::Inst inst = g_.build_->insert(data, control);
      if (makes_nans(data.opcode) && g_.options_.canonical_nans)
        return {g_.without_odd_nans(g_.func_->dfg.first_result(inst))};
      const std::span<const Value> results = g_.func_->dfg.results(inst);
      if (g_.choices_.one_in(6)) g_.keep_results(inst);
      return {results.begin(), results.end()};
    }
    void branch(Value condition) override {
      const Type type = g_.some_type();
      const Value x = g_.value(type), y = g_.value(type);
      const Block join = g_.new_block(false);
      g_.build_->brif(condition, g_.build_->block_call(join, {x}),
                      g_.build_->block_call(join, {y}));
      g_.enter(join, {type});
    }
    ir::Function& func() override { return *g_.func_; }

   private:
    Generator& g_;
  };
  void make_shape() {
    const u32 rule = choices_.below(num_shapes());
    if (!is_root_shape(rule) || !shapes_.plan(rule)) return;
    IdiomHost host(*this);
    for (const Value result : shapes_.emit(host)) scope_.push_back(result);
  }
  Value expression(Type type, u32 depth) {
    if (depth == 0) return choices_.one_in(3) ? interesting(type) : leaf(type);
    const Value made = type.has_float_lanes() ? float_expression(type, depth - 1)
                                              : int_expression(type, depth - 1);
    if (choices_.one_in(3)) leaves_.push_back(made);
    return made;
  }
  // The second operand: the first again, a constant, or another expression.
  Value partner(Type type, Value x, u32 depth) {
    switch (choices_.below(5)) {
      case 0:
        return x;
      case 1:
      case 2:
        return interesting(type);
      default:
        return expression(type, depth);
    }
  }
  Value int_expression(Type type, u32 depth) {
    static constexpr Opcode kBinary[] = {
        Opcode::Iadd, Opcode::Isub, Opcode::Imul, Opcode::Band,     Opcode::Bor,    Opcode::Bxor,
        Opcode::Umin, Opcode::Umax, Opcode::Smin, Opcode::Smax,     Opcode::Umax,   Opcode::Smin,
        Opcode::Iadd, Opcode::Isub, Opcode::Bxor, Opcode::AvgRound, Opcode::Umulhi, Opcode::Smulhi,
        Opcode::Band, Opcode::Bor,  Opcode::Bxor, Opcode::UaddSat,  Opcode::SsubSat};
    static constexpr Opcode kUnary[] = {Opcode::Ineg, Opcode::Bnot,   Opcode::Ineg, Opcode::Bnot,
                                        Opcode::Iabs, Opcode::Popcnt, Opcode::Clz,  Opcode::Ctz,
                                        Opcode::Cls,  Opcode::Bitrev, Opcode::Bswap};
    static constexpr Opcode kShifts[] = {Opcode::Ishl, Opcode::Ushr, Opcode::Sshr, Opcode::Rotl,
                                         Opcode::Rotr};
    static constexpr Opcode kDivisions[] = {Opcode::Udiv, Opcode::Urem, Opcode::Sdiv, Opcode::Srem};
    static constexpr Opcode kOverflow[] = {Opcode::UaddOverflow, Opcode::SaddOverflow,
                                           Opcode::UsubOverflow, Opcode::SsubOverflow,
                                           Opcode::UmulOverflow, Opcode::SmulOverflow};
    switch (choices_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: {
        const Value x = expression(type, depth);
        const Value y = partner(type, x, depth);
        const Opcode op = kBinary[choices_.below(std::size(kBinary))];
        return choices_.one_in(3) ? emit(op, type, {y, x}) : emit(op, type, {x, y});
      }
      case 5:
      case 6: {
        const Value x = expression(type, depth);
        return emit(kUnary[choices_.below(std::size(kUnary))], type, {x});
      }
      case 7:
      case 8: {
        const Value x = expression(type, depth);
        const Type by = choices_.one_in(3) ? int_type() : type.is_scalar() ? type : ir::kI32;
        Value y = amount(by, type.lane_bits());
        if (choices_.one_in(6)) y = emit(Opcode::Isub, by, {lanes(by, type.lane_bits()), leaf(by)});
        if (choices_.one_in(6)) y = emit(Opcode::Band, by, {y, lanes(by, type.lane_bits() - 1)});
        return emit(kShifts[choices_.below(std::size(kShifts))], type, {x, y});
      }
      case 9: {
        if (type.is_vector()) return vector_expression(type, depth);
        const Type other = int_type();
        const Value x = expression(other, depth);
        if (other.bits() < type.bits())
          return emit(choices_.one_in(2) ? Opcode::Uextend : Opcode::Sextend, type, {x});
        if (other.bits() > type.bits()) return emit(Opcode::Ireduce, type, {x});
        return choices_.one_in(2) ? emit(Opcode::Bmask, type, {x}) : x;
      }
      case 10:
      case 11: {
        // A choice between two, often of the two that are compared.
        const Value x = expression(type, depth), y = partner(type, x, depth);
        if (type.is_vector()) {
          const Value mask = emit(Opcode::Icmp, type, {x, y}, static_cast<u8>(choices_.below(10)));
          return emit(Opcode::Bitselect, type, {choices_.one_in(3) ? leaf(type) : mask, x, y});
        }
        const Value a = choices_.one_in(2) ? x : leaf(type),
                    b = choices_.one_in(2) ? y : interesting(type);
        const Value c = comparison(choices_.one_in(2) ? type : int_type(), x, y, depth);
        switch (choices_.below(5)) {
          case 0:
            return emit(Opcode::Bitselect, type, {leaf(type), a, b});
          case 1:
            return emit(Opcode::SelectSpectreGuard, type, {c, a, b});
          default:
            return emit(Opcode::Select, type, {c, a, b});
        }
      }
      case 12: {
        // The result of a comparison as a number.
        const Value x = expression(type, depth), y = partner(type, x, depth);
        if (type.is_vector())
          return emit(Opcode::Icmp, type, {x, y}, static_cast<u8>(choices_.below(10)));
        const Value c = comparison(choices_.one_in(2) ? type : int_type(), x, y, depth);
        const u32 bits = func_->dfg.type(c).bits();
        if (type.bits() == bits) return c;
        if (type.bits() < bits) return emit(Opcode::Ireduce, type, {c});
        const u32 way = choices_.below(4);
        return way == 0   ? emit(Opcode::Sextend, type, {c})
               : way == 1 ? emit(Opcode::Bmask, type, {c})
                          : emit(Opcode::Uextend, type, {c});
      }
      case 13: {
        const Value x = expression(type, depth);
        if (type.is_vector() || type == ir::kI128) return x;
        const Value y = choices_.one_in(8) ? emit(Opcode::Bor, type,
                                                  {leaf(type), lanes(type, 1 + choices_.below(4))})
                                           : interesting(type);
        if (const ir::InstData& data = func_->dfg[func_->dfg.def(y).inst()];
            data.opcode == Opcode::Iconst && data.wide() == 0)
          return x;
        return emit(kDivisions[choices_.below(4)], type, {x, y});
      }
      case 14: {
        const Value x = expression(type, depth), y = partner(type, x, depth);
        if (type.is_vector()) return emit(Opcode::IaddPairwise, type, {x, y});
        const Opcode op = kOverflow[choices_.below(std::size(kOverflow))];
        const std::vector<Value> pair = emit_results(op, type, {x, y});
        if (pair.size() < 2) return pair[0];
        scope_.push_back(pair[1]);
        if (type == ir::kI8 && choices_.one_in(3)) return pair[1];
        return choices_.one_in(4) ? emit(Opcode::Select, type, {pair[1], y, pair[0]}) : pair[0];
      }
      default: {
        if (type.is_vector()) return vector_expression(type, depth);
        if (type == ir::kI128) {
          if (choices_.one_in(2))
            return emit(Opcode::Iconcat, ir::kI64,
                        {expression(ir::kI64, depth), expression(ir::kI64, depth)});
          const std::vector<Value> halves =
              emit_results(Opcode::Isplit, type, {expression(type, depth)});
          if (halves.size() < 2) return halves[0];
          return choices_.one_in(2) ? build_->iconcat(halves[0], halves[1])
                                    : build_->iconcat(halves[1], halves[0]);
        }
        if (options_.i128 && type == ir::kI64) {
          const std::vector<Value> halves =
              emit_results(Opcode::Isplit, ir::kI128, {expression(ir::kI128, depth)});
          if (halves.size() == 2) return halves[choices_.below(2)];
        }
        const Type other = type.bits() == 32 ? ir::kF32 : ir::kF64;
        if (!is_enabled(other) || other.bits() != type.bits()) return leaf(type);
        return build_->bitcast(type, ir::MemFlags{}, expression(other, depth));
      }
    }
  }
  // Of numbers, of comparisons, of comparisons with 0 and 1.
  Value comparison(Type type, Value x, Value y, u32 depth) {
    if (func_->dfg.type(x) != type || choices_.one_in(3)) {
      x = expression(type, depth);
      y = partner(type, x, depth);
    }
    if (choices_.one_in(8) && type.is_scalar() && type.bits() <= 64) {  // whether a number divides
      const u64 d = choices_.one_in(2) ? 3 + choices_.below(24) : choices_.bits();
      const Value by = lanes(type, (d & lanes_mask(type)) == 0 ? 1 : d);
      x = emit(choices_.one_in(2) ? Opcode::Urem : Opcode::Srem, type, {x, by});
      y = lanes(type, 0);
    }
    Value c = build_->icmp(static_cast<ir::IntCC>(choices_.below(10)), x, y);
    if (choices_.one_in(3)) {
      const Value right = choices_.one_in(2) ? y : interesting(type);
      const Value left = choices_.one_in(3) ? y : x;
      Value other = build_->icmp(static_cast<ir::IntCC>(choices_.below(10)), left, right);
      if (choices_.one_in(4)) other = build_->iconst(ir::kI8, choices_.below(2));
      switch (choices_.below(4)) {
        case 0:
          c = build_->band(c, other);
          break;
        case 1:
          c = build_->bor(c, other);
          break;
        case 2:
          c = build_->bxor(c, other);
          break;
        default:
          c = build_->icmp(static_cast<ir::IntCC>(choices_.below(10)), c, other);
          break;
      }
    }
    if (choices_.one_in(6)) c = build_->uextend(ir::kI32, c);
    return c;
  }
  Value float_expression(Type type, u32 depth) {
    static constexpr Opcode kBinary[] = {Opcode::Fadd,      Opcode::Fsub,     Opcode::Fmul,
                                         Opcode::Fdiv,      Opcode::Fmin,     Opcode::Fmax,
                                         Opcode::Fcopysign, Opcode::Fcopysign};
    static constexpr Opcode kUnary[] = {Opcode::Fneg, Opcode::Fabs, Opcode::Fneg, Opcode::Fabs,
                                        Opcode::Sqrt, Opcode::Ceil, Opcode::Trunc};
    const Value x = expression(type, depth);
    switch (choices_.below(6)) {
      case 0:
      case 1:
        return emit(kUnary[choices_.below(std::size(kUnary))], type, {x});
      case 2:
      case 3: {
        const Value y = partner(type, x, depth);
        const Opcode op = kBinary[choices_.below(std::size(kBinary))];
        return choices_.one_in(3) ? emit(op, type, {y, x}) : emit(op, type, {x, y});
      }
      case 4: {
        if (type.is_vector()) return vector_expression(type, depth);
        const Value y = partner(type, x, depth);
        const Value c = build_->fcmp(static_cast<ir::FloatCC>(choices_.below(14)), x, y);
        return choices_.one_in(2) ? emit(Opcode::Select, type, {c, x, y})
                                  : emit(Opcode::Select, type, {c, y, x});
      }
      default: {
        if (type == ir::kF64 && choices_.one_in(2))
          return emit(Opcode::Fpromote, type, {leaf(ir::kF32)});
        if (type == ir::kF32 && choices_.one_in(2))
          return emit(Opcode::Fdemote, type, {leaf(ir::kF64)});
        const Type other = type == ir::kF32 ? ir::kI32 : ir::kI64;
        if (other.bits() != type.bits()) return x;
        return build_->bitcast(type, ir::MemFlags{}, expression(other, depth));
      }
    }
  }
  Value vector_expression(Type type, u32 depth) {
    const Type lane = type.lane_type();
    const u8 at = static_cast<u8>(choices_.below(type.lane_count()));
    switch (choices_.below(4)) {
      case 0:
        return emit(Opcode::Splat, type, {expression(lane, depth)});
      case 1: {
        const Value into = expression(type, depth);
        return emit(Opcode::Insertlane, type, {into, expression(lane, depth)}, at);
      }
      case 2: {
        const Value taken = emit(Opcode::Extractlane, type, {expression(type, depth)}, at);
        scope_.push_back(taken);
        if (func_->dfg.type(taken) != lane) return taken;
        return emit(Opcode::Splat, type, {taken});
      }
      default: {
        const Value x = expression(type, depth), y = partner(type, x, depth);
        if (type != ir::kI8.by(16)) return emit(Opcode::Bitselect, type, {leaf(type), x, y});
        std::array<u8, 16> mask;
        const u32 way = choices_.below(4), base = choices_.below(17);
        for (u32 i = 0; i < 16; ++i)
          mask[i] = static_cast<u8>(way == 0   ? i
                                    : way == 1 ? i + base
                                    : way == 2 ? base
                                               : choices_.below(32));
        if (options_.allows != nullptr && !options_.allows(Opcode::Shuffle, type)) return x;
        return build_->shuffle(x, y, mask);
      }
    }
  }

  // Loads and stores around one place, of any sizes; what was loaded is stored again.
  void make_close_accesses() {
    static constexpr Opcode kUnsigned[] = {Opcode::Uload8, Opcode::Uload16, Opcode::Uload32};
    static constexpr Opcode kSigned[] = {Opcode::Sload8, Opcode::Sload16, Opcode::Sload32};
    static constexpr Opcode kStores[] = {Opcode::Istore8, Opcode::Istore16, Opcode::Istore32};
    const u32 slot = choices_.below(static_cast<u32>(slot_sizes_.size()));
    // From a base that is known only when it runs, so that the slot stays in memory.
    const u32 reach = slot_sizes_[slot] / 2;
    Value base = build_->stack_addr(ir::kI64, ir::StackSlot::from_index(slot), 0);
    if (choices_.one_in(2) && reach > 8)
      base = build_->iadd(base, build_->band_imm_u(value(ir::kI64), 7));
    const bool big = options_.big_endian && choices_.one_in(4);
    const bool in_region = choices_.one_in(2);
    const u32 count = 3 + choices_.below(5);
    std::vector<Value> loaded;
    for (u32 i = 0; i < count; ++i) {
      if (choices_.one_in(12)) make_store();
      ir::MemFlags flags;
      set_order(flags, options_.big_endian && choices_.one_in(6) ? !big : big);
      if (in_region || choices_.one_in(6)) flags.region = ir::AliasRegion::from_index(slot);
      if (choices_.one_in(3)) flags.trap = {0};
      const u32 row = choices_.below(5);
      const u32 bytes = row < 3 ? 1u << row : 8;
      Value address = base;
      u32 at = choices_.below(3);
      if (!choices_.one_in(3)) at *= bytes;
      if (at + bytes > reach) at = 0;
      if (at != 0 && choices_.one_in(3)) {
        address = build_->iadd_imm_s(base, at);
        at = 0;
      }
      ir::InstData data;
      data.flags = func_->dfg.intern(flags).index;
      const bool is_load = choices_.one_in(2);
      Type control = type_of_width(bytes);
      bool extends = row < 3 && choices_.one_in(2);
      data.opcode = is_load ? Opcode::Load : Opcode::Store;
      if (extends) {
        data.opcode = !is_load ? kStores[row] : choices_.one_in(2) ? kUnsigned[row] : kSigned[row];
        control = ir::kI64;
        if (ir::inst_facts(data.opcode).needs_suffix || !is_load)
          control =
              pick_type([&](Type wide) { return ir::allowed_control_type(data.opcode, wide); });
      }
      if (!control.is_valid() ||
          (options_.allows != nullptr && !options_.allows(data.opcode, control)))
        continue;
      if (is_load) {
        data.set_arg(0, address);
        data.words[1] = at;
        const Value result = func_->dfg.first_result(build_->insert(data, control));
        loaded.push_back(result);
        scope_.push_back(result);
      } else {
        Value x = value(control);
        for (const Value before : loaded) {
          if (func_->dfg.type(before) == control && choices_.one_in(2)) x = before;
        }
        data.set_arg(0, x);
        data.set_arg(1, address);
        data.words[2] = at;
        build_->insert(data, control);
      }
    }
  }

  // for (i = 0; i < n; i += step) with checks of i inside, which are mostly decided by the
  // condition of the loop.
  void make_checked_loop() {
    const u32 slot = choices_.below(static_cast<u32>(slot_sizes_.size()));
    const Type type = choices_.one_in(2) ? ir::kI32 : ir::kI64;
    const Value limit = choices_.one_in(2) ? build_->iconst(type, choices_.below(9))
                                           : build_->band_imm_u(value(type), 7);
    const Value start = build_->iconst(type, choices_.below(3));
    const Type carried = idiom_type();
    const Block header = new_block(false), body = new_block(false), exit = new_block(false);
    const Value first = value(carried);
    build_->jump(build_->block_call(header, {start, first}));
    const usize outer = scope_.size(), outer_compared = compared_.size();
    build_->switch_to_block(header);
    const Value i = func_->dfg.append_block_param(header, type),
                x = func_->dfg.append_block_param(header, carried);
    const bool negated = choices_.one_in(3);
    const bool is_signed = choices_.one_in(3);
    using enum ir::IntCC;
    const ir::IntCC cc = negated
                             ? (is_signed ? SignedGreaterThanOrEqual : UnsignedGreaterThanOrEqual)
                             : (is_signed ? SignedLessThan : UnsignedLessThan);
    const Value c = build_->icmp(cc, i, limit);
    if (negated) {
      build_->brif(c, build_->block_call(exit, {x}), build_->block_call(body));
    } else {
      build_->brif(c, build_->block_call(body), build_->block_call(exit, {x}));
    }
    build_->switch_to_block(body);
    scope_.push_back(i);
    scope_.push_back(x);
    compared_.push_back({i, limit});
    const u32 checks = 1 + choices_.below(2);
    for (u32 n = 0; n < checks; ++n) {
      const Value against =
          choices_.one_in(2) ? limit : build_->iconst(type, 7 + choices_.below(3));
      const Value ok =
          choices_.one_in(4)
              ? related_condition()
              : build_->icmp(choices_.one_in(3) ? UnsignedLessThanOrEqual : UnsignedLessThan, i,
                             against);
      if (choices_.one_in(2)) {
        build_->trapz(ok, {static_cast<u8>(1 + choices_.below(9))});
      } else {
        const Block bad = new_block(true), good = new_block(false);
        build_->brif(ok, build_->block_call(good), build_->block_call(bad));
        build_->switch_to_block(bad);
        build_->trap({static_cast<u8>(1 + choices_.below(9))});
        build_->switch_to_block(good);
      }
    }
    const Value wide = type == ir::kI64 ? i : build_->uextend(ir::kI64, i);
    const Value index = build_->band_imm_u(wide, 15);
    const Value base = build_->stack_addr(ir::kI64, ir::StackSlot::from_index(slot), 0);
    const Value address = build_->iadd(base, index);
    const Value byte = build_->uload8(ir::kI64, ir::MemFlags{}, address, 0);
    scope_.push_back(byte);
    make_idiom();
    if (choices_.one_in(2))
      build_->istore8(ir::MemFlags{}, choices_.one_in(2) ? byte : value(ir::kI64), address, 0);
    const Value next = build_->iadd_imm_s(i, 1 + choices_.below(3));
    const Value carry = value(carried);
    build_->jump(build_->block_call(header, {next, carry}));
    scope_.resize(outer);
    compared_.resize(outer_compared);
    build_->switch_to_block(exit);
    scope_.push_back(func_->dfg.append_block_param(exit, carried));
  }

  // for (i = 1; i < n; i += step) over the fields of a slot, up or down, tested at the head or at
  // the end: loads and stores of the fields around i, some of them under conditions or of parts. If
  // the loop does not begin, the address may be one that nobody can read.
  void make_field_loop() {
    const u32 slot = choices_.below(static_cast<u32>(slot_sizes_.size()));
    u32 row = choices_.below(4);
    while ((slot_sizes_[slot] >> row) < 4) --row;
    const u32 width = 1u << row, fields = std::min(slot_sizes_[slot] >> row, 8u);
    const Type type = choices_.one_in(2) ? ir::kI32 : ir::kI64;
    const bool tests_first = choices_.one_in(2), down = choices_.one_in(4);
    const i64 step = down ? -1 : 1 + i64{choices_.one_in(6)};
    // Up: i is 1 to fields - 2; down: from there to 1.
    const Value limit = down                 ? build_->iconst(type, 0)
                        : choices_.one_in(2) ? build_->iconst(type, choices_.below(fields))
                                             : build_->band_imm_u(value(type), fields - 1);
    const Value start = build_->iconst(type, down ? 1 + choices_.below(fields - 2) : 1);
    Value base = build_->stack_addr(ir::kI64, ir::StackSlot::from_index(slot), 0);
    if (!down && tests_first && choices_.one_in(2)) {
      const Value begins = build_->icmp(ir::IntCC::UnsignedLessThan, start, limit);
      base = build_->select(begins, base, build_->iconst(ir::kI64, 8));
    }
    const Type field = type_of_width(width);
    const Type carried = idiom_type();
    const Block header = new_block(false), exit = new_block(false);
    const Value first = value(carried);
    build_->jump(build_->block_call(header, {start, first}));
    const usize outer = scope_.size(), outer_compared = compared_.size();
    build_->switch_to_block(header);
    const Value i = func_->dfg.append_block_param(header, type),
                x = func_->dfg.append_block_param(header, carried);
    const auto goes_on = [&](Value counter) {
      if (down)
        return choices_.one_in(2) ? counter : build_->icmp(ir::IntCC::NotEqual, counter, limit);
      return build_->icmp(ir::IntCC::UnsignedLessThan, counter, limit);
    };
    if (tests_first) {
      const Block body = new_block(false);
      build_->brif(goes_on(i), build_->block_call(body), build_->block_call(exit, {x}));
      build_->switch_to_block(body);
    }
    scope_.push_back(i);
    scope_.push_back(x);
    ++loops_;
    ir::MemFlags flags;
    if (choices_.one_in(3)) flags.region = ir::AliasRegion::from_index(slot);
    if (choices_.one_in(3)) flags.trap = {0};
    const bool big = options_.big_endian && choices_.one_in(4);
    set_order(flags, big);
    const bool in_place = choices_.one_in(5);  // always the same fields
    const u32 count = 2 + choices_.below(4);
    for (u32 n = 0; n < count; ++n) {
      if (choices_.one_in(12)) make_store();
      if (choices_.one_in(20)) make_atomic();
      if (choices_.one_in(20) && loops_ < 3) make_call();
      if (choices_.one_in(12)) {
        const Block next = new_block(false);
        build_->brif(related_condition(), build_->block_call(exit, {x}), build_->block_call(next));
        build_->switch_to_block(next);
      }
      // The field before i, at it, or behind it.
      const i32 away = static_cast<i32>(choices_.below(3)) - 1;
      Value index = in_place ? build_->iconst(type, 1) : i;
      i32 offset = away * static_cast<i32>(width);
      if (away != 0 && choices_.one_in(2)) {
        index = build_->iadd_imm_s(index, away);
        offset = 0;
      }
      if (type == ir::kI32)
        index = choices_.one_in(2) ? build_->uextend(ir::kI64, index)
                                   : build_->sextend(ir::kI64, index);
      const Value address = build_->iadd(base, row == 0 ? index : build_->ishl_imm_u(index, row));
      const bool is_part = row != 0 && choices_.one_in(6);
      const Type here = is_part ? type_of_width(width / 2) : field;
      if (is_part && choices_.one_in(2)) offset += static_cast<i32>(width / 2);
      if (options_.big_endian && choices_.one_in(12)) set_order(flags, !big);
      if (choices_.one_in(2)) {
        scope_.push_back(build_->load(here, flags, address, offset));
      } else if (choices_.one_in(5)) {
        const Value stored = value(here);
        const Block then_block = new_block(false), join = new_block(false);
        build_->brif(related_condition(), build_->block_call(then_block), build_->block_call(join));
        build_->switch_to_block(then_block);
        build_->store(flags, stored, address, offset);
        build_->jump(build_->block_call(join));
        build_->switch_to_block(join);
      } else {
        build_->store(flags, value(here), address, offset);
      }
      if (choices_.one_in(3)) make_idiom();
    }
    --loops_;
    const Value next = build_->iadd_imm_s(i, step);
    if (choices_.one_in(4)) {  // two edges that close the loop
      const Value carry = value(carried);
      const Block again = new_block(false);
      const Block other = tests_first ? new_block(false) : exit;
      const Value stops = tests_first ? related_condition() : goes_on(next);
      build_->brif(stops, build_->block_call(again),
                   tests_first ? build_->block_call(other) : build_->block_call(exit, {x}));
      build_->switch_to_block(again);
      if (tests_first) {
        build_->jump(build_->block_call(header, {next, carry}));
        build_->switch_to_block(other);
        const Value address = build_->stack_addr(ir::kI64, ir::StackSlot::from_index(slot), 0);
        build_->store(flags, value(field), address, 0);
        build_->jump(build_->block_call(header, {next, value(carried)}));
      } else {
        build_->brif(related_condition(), build_->block_call(header, {next, carry}),
                     build_->block_call(header, {next, x}));
      }
    } else if (tests_first) {
      build_->jump(build_->block_call(header, {next, value(carried)}));
    } else {
      const Value carry = value(carried), result = value(carried);
      build_->brif(goes_on(next), build_->block_call(header, {next, carry}),
                   build_->block_call(exit, {result}));
    }
    scope_.resize(outer);
    compared_.resize(outer_compared);
    build_->switch_to_block(exit);
    scope_.push_back(func_->dfg.append_block_param(exit, carried));
  }

  // A small loop without calls that counts by any step towards a limit near where it starts, by
  // constants or not, tested at the head or at the end. What it defines is used behind it. A step
  // that could miss the limit needs another exit.
  void make_counted_loop() {
    const Type type = types_[choices_.below(4)], carried = int_type();
    const u32 bits = type.bits();
    const bool at_end = choices_.one_in(2), down = choices_.one_in(3);
    const i64 size = choices_.one_in(2) ? 1 : 1 + choices_.below(5);
    const i64 step = down ? -size : size;
    const u32 rounds = choices_.below(11) + (at_end ? 1 : 0);
    const i64 distance = step * rounds;
    Value start, limit;
    if (choices_.one_in(2)) {
      constexpr u64 kStarts[] = {0, 1, 7, ~u64{0}, ~u64{0} - 5};
      u64 first = kStarts[choices_.below(std::size(kStarts))];
      if (choices_.one_in(3)) first += u64{1} << (bits - 1);
      const auto constant = [&](u64 number) {
        const u32 unused = 64 - bits;
        return build_->iconst(type, static_cast<i64>(number << unused) >> unused);
      };
      start = constant(first);
      limit = constant(first + static_cast<u64>(distance));
    } else {
      start = value(type);
      limit = build_->iadd_imm_s(start, bits == 8 ? static_cast<i8>(distance) : distance);
    }
    using enum ir::IntCC;
    const bool is_signed = choices_.one_in(2);
    const ir::IntCC before = down ? (is_signed ? SignedGreaterThan : UnsignedGreaterThan)
                                  : (is_signed ? SignedLessThan : UnsignedLessThan);
    constexpr ir::IntCC kOthers[] = {SignedLessThanOrEqual, UnsignedGreaterThanOrEqual,
                                     UnsignedLessThan, SignedGreaterThan};
    const u32 kind = choices_.below(8);
    const ir::IntCC cc = kind < 3 ? before : kind < 7 ? NotEqual : kOthers[choices_.below(4)];
    const bool may_miss = kind == 7 || size != 1;

    const Block header = new_block(false), exit = new_block(false);
    const Value trips = build_->iconst(ir::kI8, 1 + choices_.below(12));
    const Value first = value(carried);
    build_->jump(build_->block_call(header, {start, first, trips}));
    const usize outer = scope_.size(), outer_compared = compared_.size();
    build_->switch_to_block(header);
    const Value i = func_->dfg.append_block_param(header, type),
                x = func_->dfg.append_block_param(header, carried),
                left = func_->dfg.append_block_param(header, ir::kI8);
    // Goes on in a new block if the comparison says so; some front ends test its result again.
    const auto leave_unless = [&](Value condition, Value result) {
      const Block next = new_block(false);
      if (choices_.one_in(4)) condition = build_->uextend(ir::kI32, condition);
      build_->brif(condition, build_->block_call(next), build_->block_call(exit, {result}));
      build_->switch_to_block(next);
    };
    if (!at_end) leave_unless(build_->icmp(cc, i, limit), x);
    scope_.push_back(i);
    scope_.push_back(x);
    const bool is_small = !choices_.one_in(3);
    if (!is_small) make_idiom();
    const Value y = value(carried);
    const Value carry = choices_.one_in(2) ? build_->bxor(x, y) : build_->isub(y, x);
    const Value next = build_->iadd_imm_s(i, step);
    const Value next_left = build_->iadd_imm_s(left, -1);
    if (may_miss) leave_unless(next_left, carry);
    const ir::BlockCall again = build_->block_call(header, {next, carry, next_left});
    if (at_end) {
      build_->brif(build_->icmp(cc, next, limit), again, build_->block_call(exit, {carry}));
    } else {
      build_->jump(again);
    }
    scope_.resize(outer);
    compared_.resize(outer_compared);
    build_->switch_to_block(exit);
    scope_.push_back(func_->dfg.append_block_param(exit, carried));
    if (choices_.one_in(2)) scope_.push_back(i);
    if (choices_.one_in(2)) scope_.push_back(x);
  }

  // Counts by any step, from and to numbers near the edges of the type, and uses multiples of the
  // counter, extended; a second counter ends what would go round for long.
  void make_strided_loop() {
    const Type type = types_of_counters()[choices_.below(4)];
    const u32 bits = type.bits();
    const i64 steps[] = {1, -1, 1, -1, 2, -3, 5, 100};
    const i64 step = steps[choices_.below(8)];
    const u64 top = u64{1} << (bits - 1);
    const u64 edges[] = {0, 9, top, top - 1, top + 3, u64{0} - 1, u64{0} - 4, top - 6};
    const u64 last = edges[choices_.below(8)];
    const u64 some_steps_before = last - static_cast<u64>(step) * choices_.below(6);
    const u64 first = some_steps_before + choices_.below(2);
    const u64 mask = ~u64{0} >> (64 - bits);
    const auto constant_of = [&](u64 number) {
      return build_->iconst(type, static_cast<i64>(number & mask));
    };
    const Value start = constant_of(first);
    Value limit = constant_of(last);
    if (choices_.one_in(4)) limit = value(type);
    const bool at_head = choices_.one_in(2);
    using enum ir::IntCC;
    const ir::IntCC up[] = {SignedLessThan, UnsignedLessThan, NotEqual, SignedLessThanOrEqual};
    const ir::IntCC down[] = {SignedGreaterThan, UnsignedGreaterThan, NotEqual,
                              SignedGreaterThanOrEqual};
    const ir::IntCC cc = step > 0 ? up[choices_.below(4)] : down[choices_.below(4)];
    const Value trips = build_->iconst(ir::kI8, 1 + choices_.below(8));
    const Value zero = build_->iconst(ir::kI64, 0);
    const Value invariant = choices_.one_in(2) ? value(type) : build_->band_imm_u(value(type), 15);
    const Block header = new_block(false), body = new_block(false), exit = new_block(false);
    build_->jump(build_->block_call(header, {start, zero, trips}));
    const usize outer = scope_.size(), outer_compared = compared_.size();
    build_->switch_to_block(header);
    const Value i = func_->dfg.append_block_param(header, type);
    const Value before = func_->dfg.append_block_param(header, ir::kI64);
    const Value left = func_->dfg.append_block_param(header, ir::kI8);
    if (at_head) {
      build_->brif(build_->icmp(cc, i, limit), build_->block_call(body),
                   build_->block_call(exit, {before}));
    } else {
      build_->jump(build_->block_call(body));
    }
    build_->switch_to_block(body);
    scope_.push_back(i);
    Value total = before;
    const u32 uses = 1 + choices_.below(3);
    for (u32 n = 0; n < uses; ++n) {
      Value x = i;
      const u32 forms = 1 + choices_.below(3);
      for (u32 form = 0; form < forms; ++form) {
        switch (choices_.below(5)) {
          case 0:
            x = build_->imul(x, constant_of(3 + 2 * choices_.below(24)));
            break;
          case 1:
            x = build_->ishl(x, constant_of(1 + choices_.below(4)));
            break;
          case 2:
            x = build_->iadd(x, invariant);
            break;
          case 3:
            x = build_->isub(invariant, x);
            break;
          default:
            x = build_->iadd(x, constant_of(choices_.one_in(2) ? 2 : ~u64{0}));
            break;
        }
      }
      if (type != ir::kI64) {
        x = choices_.one_in(2) ? build_->sextend(ir::kI64, x) : build_->uextend(ir::kI64, x);
      }
      if (choices_.one_in(2)) x = build_->imul(x, build_->iconst(ir::kI64, 1 + choices_.below(12)));
      total = build_->iadd(build_->imul(total, build_->iconst(ir::kI64, 31)), x);
    }
    if (choices_.one_in(3)) some_insts();
    const Value next = build_->iadd(i, constant_of(static_cast<u64>(step)));
    const Value fewer = build_->iadd_imm_s(left, -1);
    if (at_head) {
      build_->brif(fewer, build_->block_call(header, {next, total, fewer}),
                   build_->block_call(exit, {total}));
    } else {
      const Block latch = new_block(false);
      build_->brif(fewer, build_->block_call(latch), build_->block_call(exit, {total}));
      build_->switch_to_block(latch);
      build_->brif(build_->icmp(cc, choices_.one_in(4) ? i : next, limit),
                   build_->block_call(header, {next, total, fewer}),
                   build_->block_call(exit, {total}));
    }
    scope_.resize(outer);
    compared_.resize(outer_compared);
    build_->switch_to_block(exit);
    scope_.push_back(func_->dfg.append_block_param(exit, ir::kI64));
  }
  static std::array<Type, 4> types_of_counters() { return {ir::kI8, ir::kI16, ir::kI32, ir::kI64}; }

  void make_atomic() {
    if (!options_.atomics) return;
    const Type type = types_[choices_.below(4)];
    const Value x = value(type), expected = value(type);
    Place place = some_place(type.bytes(), true, false);
    switch (choices_.below(4)) {
      case 0:
        scope_.push_back(build_->atomic_load(type, place.flags, place.base));
        break;
      case 1:
        build_->atomic_store(place.flags, x, place.base);
        break;
      case 2:
        scope_.push_back(build_->atomic_rmw(
            type, place.flags, static_cast<ir::AtomicRmwOp>(choices_.below(11)), place.base, x));
        break;
      default:
        scope_.push_back(build_->atomic_cas(place.flags, place.base, expected, x));
        break;
    }
  }

  // ---- calls

  void make_call() {
    if (callees_.empty() || calls_ >= kMaxCalls) return;
    ++calls_;
    const u32 count = static_cast<u32>(callees_.size());
    const ir::FuncRef callee = callees_[loops_ > 0 ? count - 1 : choices_.below(count)];
    const ir::SigRef signature = func_->dfg.ext_funcs[callee].signature;
    const std::vector<ir::AbiParam> params = func_->dfg.signatures[signature].params;
    const std::vector<Value> args = values(params);
    if (choices_.one_in(3)) {
      keep_results(build_->call_indirect(signature, build_->func_addr(ir::kI64, callee), args));
    } else {
      keep_results(build_->call(callee, args));
    }
  }
  bool end_by_tail_call() {
    if (!options_.tail_calls || loops_ > 0 || calls_ >= kMaxCalls || !choices_.one_in(3))
      return false;
    for (const ir::FuncRef callee : callees_) {
      const ir::SigRef ref = func_->dfg.ext_funcs[callee].signature;
      const ir::Signature signature = func_->dfg.signatures[ref];
      if (signature.call_conv != ir::CallConv::Tail ||
          func_->signature.call_conv != ir::CallConv::Tail ||
          signature.returns != func_->signature.returns) {
        continue;
      }
      ++calls_;
      const std::vector<Value> args = values(signature.params);
      if (choices_.one_in(2)) {
        build_->return_call(callee, args);
      } else {
        build_->return_call_indirect(ref, build_->func_addr(ir::kI64, callee), args);
      }
      return true;
    }
    return false;
  }
  void end_by_return() { build_->return_(values(func_->signature.returns)); }

  // ---- control

  void pieces(u32 depth) {
    const u32 count = depth == 0 ? 0 : choices_.below(kMaxPieces + 1);
    some_insts();
    for (u32 i = 0; i < count; ++i) {
      if (options_.try_calls && choices_.one_in(3)) {
        make_try_call(depth - 1);
        some_insts();
        continue;
      }
      if (options_.idioms && choices_.one_in(6)) {
        if (choices_.one_in(2)) {
          make_checked_loop();
        } else {
          choices_.one_in(2) ? make_counted_loop() : make_strided_loop();
        }
        some_insts();
        continue;
      }
      if (options_.idioms && choices_.one_in(6)) {
        make_field_loop();
        some_insts();
        continue;
      }
      switch (choices_.below(4)) {
        case 0:
          make_branch(depth - 1);
          break;
        case 1:
          make_switch(depth - 1);
          break;
        case 2:
          make_loop(depth - 1);
          break;
        default:
          make_choice();
          break;
      }
      some_insts();
    }
  }
  Block new_block(bool may_be_cold) {
    const Block block = build_->create_block();
    if (may_be_cold && choices_.one_in(6)) func_->layout.set_cold(block);
    return block;
  }
  std::vector<Type> some_types(u32 max) {
    std::vector<Type> types(choices_.below(max + 1));
    for (Type& type : types) type = some_type();
    return types;
  }
  std::vector<Value> values_of(const std::vector<Type>& types) {
    std::vector<Value> all;
    for (const Type type : types) all.push_back(value(type));
    return all;
  }
  void enter(Block block, const std::vector<Type>& types) {
    build_->switch_to_block(block);
    for (const Type type : types) scope_.push_back(func_->dfg.append_block_param(block, type));
  }
  // A block with its own scope that goes on to `join`, or ends the function.
  void make_arm(Block arm, const std::vector<Type>& types, Block join,
                const std::vector<Type>& join_types, u32 depth) {
    const usize outer = scope_.size(), outer_compared = compared_.size();
    enter(arm, types);
    pieces(depth);
    switch (choices_.below(8)) {
      case 0:
        if (end_by_tail_call()) break;
        end_by_return();
        break;
      case 1:
        if (choices_.one_in(3)) {
          build_->trap({static_cast<u8>(1 + choices_.below(ir::kMaxUserTrapCode))});
          break;
        }
        [[fallthrough]];
      default: {
        const std::vector<Value> args = values_of(join_types);
        build_->jump(build_->block_call(join, args));
        break;
      }
    }
    scope_.resize(outer);
    compared_.resize(outer_compared);
  }
  void make_branch(u32 depth) {
    const std::vector<Type> types = some_types(3), join_types = some_types(4);
    const Value c = condition();
    const std::vector<Value> args = values_of(types), skip_args = values_of(join_types);
    const Block then = new_block(true), join = new_block(false);
    if (choices_.one_in(2)) {
      build_->brif(c, build_->block_call(then, args), build_->block_call(join, skip_args));
      make_arm(then, types, join, join_types, depth);
    } else {
      const Block otherwise = new_block(true);
      build_->brif(c, build_->block_call(then, args), build_->block_call(otherwise));
      make_arm(then, types, join, join_types, depth);
      make_arm(otherwise, {}, join, join_types, depth);
    }
    enter(join, join_types);
  }
  // One block reached by both edges of a brif with different arguments.
  void make_choice() {
    const std::vector<Type> types = some_types(4);
    const Value c = condition();
    const std::vector<Value> args = values_of(types), others = values_of(types);
    const Block join = new_block(false);
    build_->brif(c, build_->block_call(join, args), build_->block_call(join, others));
    enter(join, types);
  }
  static bool fits_try_call(const ir::Signature& signature) {
    for (const ir::AbiParam& result : signature.returns) {
      if (result.type == ir::kI128) return false;
    }
    return signature.returns.size() <= 2 && (signature.call_conv == ir::CallConv::SystemV ||
                                             signature.call_conv == ir::CallConv::Tail);
  }
  // The normal edge goes on, the handlers (which nothing reaches) join it or end the function.
  void make_try_call(u32 depth) {
    if (callees_.empty() || calls_ >= kMaxCalls) return;
    const u32 count = static_cast<u32>(callees_.size());
    const ir::FuncRef callee = callees_[loops_ > 0 ? count - 1 : choices_.below(count)];
    const ir::SigRef ref = func_->dfg.ext_funcs[callee].signature;
    const ir::Signature signature = func_->dfg.signatures[ref];
    if (!fits_try_call(signature)) return;
    ++calls_;
    const std::vector<Value> args = values(signature.params);
    const std::vector<Type> types = some_types(3);
    const std::vector<Value> passed = values_of(types);
    ir::ExceptionTableData table;
    table.signature = ref;
    const Block join = new_block(false);
    // Only the try_call knows its results: a block between takes what the join wants of them.
    const Block normal = new_block(true);
    std::vector<Type> normal_types = types;
    table.normal_return = build_->block_call(normal, passed);
    for (u32 i = 0; i < signature.returns.size(); ++i) {
      if (choices_.one_in(4)) continue;
      table.normal_return.push(ir::BlockArg::try_return(i), func_->dfg.lists());
      normal_types.push_back(signature.returns[i].type);
    }
    std::vector<Block> handlers;
    std::vector<std::vector<Type>> handler_types;
    const u32 num_handlers = choices_.below(3);
    for (u32 i = 0; i < num_handlers; ++i) {
      const bool is_last = i + 1 == num_handlers;
      ir::ExceptionTableData::Item item;
      item.kind = is_last && choices_.one_in(2) ? ir::ExceptionTableData::Item::Kind::Default
                                                : ir::ExceptionTableData::Item::Kind::Tag;
      if (item.kind == ir::ExceptionTableData::Item::Kind::Tag)
        item.tag = ir::ExceptionTag::from_index(choices_.below(4));
      handlers.push_back(new_block(true));
      handler_types.push_back(some_types(2));
      item.call = build_->block_call(handlers[i], values_of(handler_types[i]));
      const u32 words = choices_.below(3);
      for (u32 word = 0; word < words; ++word) {
        item.call.push(ir::BlockArg::try_exception(word), func_->dfg.lists());
        handler_types[i].push_back(ir::kI64);
      }
      table.items.push_back(item);
    }
    const bool is_indirect = choices_.one_in(3);
    const Value address = is_indirect ? build_->func_addr(ir::kI64, callee) : Value();
    const ir::ExceptionTable et = func_->dfg.exception_tables.push(std::move(table));
    if (is_indirect) {
      build_->try_call_indirect(address, args, et);
    } else {
      build_->try_call(callee, args, et);
    }
    const std::vector<Type> join_types = some_types(3);
    make_arm(normal, normal_types, join, join_types, depth);
    for (u32 i = 0; i < num_handlers; ++i)
      make_arm(handlers[i], handler_types[i], join, join_types, depth);
    enter(join, join_types);
  }
  void make_switch(u32 depth) {
    const std::vector<Type> join_types = some_types(3);
    const Value index = options_.idioms && choices_.one_in(8)
                            ? build_->iconst(ir::kI32, choices_.below(8))
                        : choices_.one_in(2) ? value(ir::kI32)
                                             : build_->band_imm_u(value(ir::kI32), 7);
    const Block join = new_block(false);
    const u32 arms = 1 + choices_.below(3), entries = choices_.below(7);
    std::vector<Block> blocks;
    std::vector<std::vector<Type>> types;
    for (u32 i = 0; i < arms; ++i) {
      blocks.push_back(new_block(true));
      types.push_back(some_types(2));
    }
    const auto edge = [&]() {
      const u32 target = choices_.below(arms + 1);
      if (target == arms) return build_->block_call(join, values_of(join_types));
      return build_->block_call(blocks[target], values_of(types[target]));
    };
    ir::JumpTableData table;
    table.default_call = build_->block_call(blocks[0], values_of(types[0]));
    for (u32 i = 0; i < entries; ++i) table.entries.push_back(edge());
    // Constants for arguments came between: the index is still the value chosen first.
    build_->br_table(index, func_->dfg.jump_tables.push(std::move(table)));
    for (u32 i = 0; i < arms; ++i) make_arm(blocks[i], types[i], join, join_types, depth);
    enter(join, join_types);
  }
  // Runs 1 to kMaxTrips times, counted down in a parameter of the header.
  void make_loop(u32 depth) {
    const std::vector<Type> types = some_types(3), exit_types = some_types(3);
    const Value trips = build_->iconst(ir::kI8, 1 + choices_.below(kMaxTrips));
    std::vector<Value> args = values_of(types);
    args.insert(args.begin(), trips);
    const Block header = new_block(true), exit = new_block(false);
    build_->jump(build_->block_call(header, args));
    const usize outer = scope_.size(), outer_compared = compared_.size();
    build_->switch_to_block(header);
    const Value counter = func_->dfg.append_block_param(header, ir::kI8);
    for (const Type type : types) scope_.push_back(func_->dfg.append_block_param(header, type));
    scope_.push_back(counter);
    ++loops_;
    pieces(depth);
    --loops_;
    const Value left = build_->iadd_imm_s(counter, -1);
    std::vector<Value> next = values_of(types);
    next.insert(next.begin(), left);
    const std::vector<Value> exit_args = values_of(exit_types);
    build_->brif(left, build_->block_call(header, next), build_->block_call(exit, exit_args));
    scope_.resize(outer);
    compared_.resize(outer_compared);
    enter(exit, exit_types);
  }

  Choices& choices_;
  const Options& options_;
  std::vector<ir::Function>& funcs_;
  std::vector<Type> types_;
  std::vector<Opcode> opcodes_;
  ir::Function* func_ = nullptr;
  ir::Builder* build_ = nullptr;
  u32 index_ = 0;
  u32 calls_ = 0;
  u32 loops_ = 0;  // around the insertion point
  std::vector<Value> scope_;
  std::vector<ir::FuncRef> callees_;
  std::vector<u32> slot_sizes_;
  std::vector<Local> locals_;
  PackedOption<ir::StackSlot> pointer_slot_;  // holds addresses only
  struct Compared {
    Value x, y;
  };
  std::vector<Compared> compared_;  // with each other, in scope
  std::vector<Value> leaves_;       // of the idiom being made
  ShapeMaker shapes_;
};

}  // namespace

std::vector<Type> enabled_types(const Options& options) {
  std::vector<Type> types = {ir::kI8, ir::kI16, ir::kI32, ir::kI64};
  if (options.i128) types.push_back(ir::kI128);
  if (options.floats) types.insert(types.end(), {ir::kF32, ir::kF64});
  if (options.all_floats) types.insert(types.end(), {ir::kF16, ir::kF128});
  if (options.vectors) {
    types.insert(types.end(), {ir::kI8.by(16), ir::kI16.by(8), ir::kI32.by(4), ir::kI64.by(2)});
    if (options.floats) types.insert(types.end(), {ir::kF32.by(4), ir::kF64.by(2)});
  }
  return types;
}

u64 Choices::bits() {
  if (from_bytes_) {
    u64 word = 0;
    for (u32 i = 0; i < 8 && !bytes_.empty(); ++i) {
      word |= u64{bytes_[0]} << (8 * i);
      bytes_ = bytes_.subspan(1);
    }
    return word;
  }
  // splitmix64
  state_ += 0x9e3779b97f4a7c15;
  u64 word = state_;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

u32 Choices::below(u32 count) {
  if (!from_bytes_) return static_cast<u32>((bits() >> 32) * count >> 32);
  if (count == 1 || bytes_.empty()) return 0;
  const u32 number = bytes_[0];
  bytes_ = bytes_.subspan(1);
  return number % count;
}

ir::DataValue generate_value(Choices& choices, Type type) {
  static constexpr u64 kFloats32[] = {0,          0x80000000, 0x3f800000, 0xbf800000,
                                      0x7f800000, 0xff800000, 0x7fc00000, 1,
                                      0x00800000, 0x4f000000, 0xcf000000, 0x5f000000,
                                      0x3f000000, 0x4effffff, 0x7f7fffff, 0x42280000};
  static constexpr u64 kFloats64[] = {0,
                                      0x8000000000000000,
                                      0x3ff0000000000000,
                                      0xbff0000000000000,
                                      0x7ff0000000000000,
                                      0xfff0000000000000,
                                      0x7ff8000000000000,
                                      1,
                                      0x0010000000000000,
                                      0x41e0000000000000,
                                      0xc1e0000000200000,
                                      0x43e0000000000000,
                                      0x3fe0000000000000,
                                      0x41dfffffffc00000,
                                      0x7fefffffffffffff,
                                      0x4045000000000000};
  u128 bits = 0;
  const u32 width = type.lane_bits();
  for (u32 lane = 0; lane < type.lane_count() && lane * width < 128; ++lane) {
    u128 one = choices.bits();
    if (width == 128) one |= u128{choices.bits()} << 64;
    const u32 way = choices.below(4);
    const u32 pick = choices.below(16);
    if (type.has_float_lanes()) {
      if (way < 3 && width == 32) one = kFloats32[pick];
      if (way < 3 && width == 64) one = kFloats64[pick];
      // Signalling NaNs become quiet: moving a float may do that.
      if (width == 32 && (one & 0x7f800000) == 0x7f800000 && (one & 0x7fffff) != 0) one |= 0x400000;
      if (width == 64 && (one >> 52 & 0x7ff) == 0x7ff && (one << 76) != 0) one |= u128{1} << 51;
      // Quiet NaNs with sign and payload.
      if (way == 3 && pick < 4) one |= width == 32 ? u128{0x7fc00000} : u128{0x7ff8000000000000};
    } else if (way == 0) {
      one = u128{pick} - 4;  // small, of either sign
    } else if (way == 1) {
      one = (u128{1} << (width - 1)) + u128{pick} - 8;  // around the signed limits
    } else if (way == 2) {
      one = u128{1} << (one % width);
    }
    const u128 mask = width == 128 ? ~u128{0} : (u128{1} << width) - 1;
    bits |= (one & mask) << (lane * width);
  }
  return ir::DataValue::from_bits(type, bits);
}

std::vector<ir::DataValue> generate_args(Choices& choices, const ir::Signature& signature) {
  std::vector<ir::DataValue> args;
  for (const ir::AbiParam& param : signature.params) {
    args.push_back(param.purpose == ir::ArgPurpose::VmContext
                       ? ir::DataValue::from_bits(param.type, 0)
                       : generate_value(choices, param.type));
  }
  return args;
}

void generate(Choices& choices, const Options& options, std::vector<ir::Function>& funcs) {
  Generator(choices, options, funcs).run();
}

}  // namespace gantry::fuzzgen

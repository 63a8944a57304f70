// The problem: execute CLIF exactly as the opcode table defines it, one function calling the other,
// whatever valid code does, as the judge of compiled code. The idea: a value is 128 bits in a cell,
// zero beyond its type. A frame is a run of cells indexed by value number on one growing stack, so
// calls do not recurse here. Memory is one byte stack of stack slots at a made-up address; code has
// made-up addresses too. One handler per opcode, dispatched through the generated list. Invariants:
// cells of the top frame start at cells_; func_, dfg_ and layout_ are those of the top frame; a
// frame's memory is [memory_base, memory_.size()) while it is on top.
#include "gantry/interp/interpreter.h"

#include <cmath>
#include <map>
#include <unordered_map>

#include "gantry/interp/soft_float.h"
#include "gantry/ir/inst_info.h"
#include "gantry/meta/codes.h"
#include "gantry/support/text_writer.h"

namespace gantry::interp {
namespace {

using ir::InstData;
using ir::Opcode;
using ir::Type;

constexpr u64 kStackBase = 0x1000'0000;
constexpr u64 kCodeBase = 0x7000'0000;
constexpr u64 kCodeStep = 16;

using Inst = ir::Inst;
using Value = ir::Value;

std::string function_name(const ir::FunctionName& name) {
  if (!name.is_user) return "%" + name.text;
  return "u" + std::to_string(name.user.name_space) + ":" + std::to_string(name.user.index);
}

std::string external_name(const ir::Function& func, ir::ExternalName name) {
  switch (name.kind) {
    case ir::ExternalName::Kind::User: {
      const ir::UserExternalNameData& user =
          func.user_names[ir::UserExternalName::from_index(name.index)];
      return "u" + std::to_string(user.name_space) + ":" + std::to_string(user.index);
    }
    case ir::ExternalName::Kind::TestCase:
      return "%" + func.test_names[name.index];
    case ir::ExternalName::Kind::LibCall:
      return "%" + std::string(meta::kLibCalls[name.index].name);
    case ir::ExternalName::Kind::KnownSymbol:
      return "%" + std::string(meta::kKnownSymbols[name.index]);
  }
  unreachable("ExternalName::Kind");
}

// What a code address or an external function stands for.
struct Target {
  enum class Kind : u8 { Function, LibCall, Missing };
  Kind kind = Kind::Missing;
  u32 index = 0;  // of the unit, or of the row of meta::kLibCalls
  std::string name;
};

// A function with what running it needs. Prepared at its first entry.
struct Unit {
  const ir::Function* func = nullptr;
  bool prepared = false;
  std::string unsupported;   // why it cannot run, or empty
  std::vector<u32> callees;  // FuncRef -> Target
  std::vector<u64> slot_offsets;
  struct StructArg {
    u32 param, bytes;
    u64 offset;
  };
  std::vector<StructArg> struct_args;  // in memory, like stack slots
  u64 memory_bytes = 0;
  u64 memory_align = 16;
};

enum class Step : u8 { Next, Jumped, Stop };

template <class Host, class Bits>
u128 host_bits(Host value) {
  Bits bits;
  std::memcpy(&bits, &value, sizeof bits);
  return std::isnan(value) ? float_format(8 * sizeof bits).canonical_nan() : u128{bits};
}
template <class Host>
Host host_float(u128 bits) {
  Host value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <class F>
u128 on_host(u32 bits, u128 x, u128 y, u128 z, F f) {
  return bits == 32 ? host_bits<float, u32>(
                          f(host_float<float>(x), host_float<float>(y), host_float<float>(z)))
                    : host_bits<double, u64>(
                          f(host_float<double>(x), host_float<double>(y), host_float<double>(z)));
}

u128 reverse_bits(u128 value, u32 bits) {
  u128 reversed = 0;
  for (u32 i = 0; i < bits; ++i) reversed |= (value >> i & 1) << (bits - 1 - i);
  return reversed;
}

bool int_holds(ir::IntCC cc, u128 x, u128 y, u32 bits) {
  const i128 sx = sign_extend(x, bits), sy = sign_extend(y, bits);
  switch (cc) {
    case ir::IntCC::Equal:
      return x == y;
    case ir::IntCC::NotEqual:
      return x != y;
    case ir::IntCC::SignedLessThan:
      return sx < sy;
    case ir::IntCC::SignedGreaterThanOrEqual:
      return sx >= sy;
    case ir::IntCC::SignedGreaterThan:
      return sx > sy;
    case ir::IntCC::SignedLessThanOrEqual:
      return sx <= sy;
    case ir::IntCC::UnsignedLessThan:
      return x < y;
    case ir::IntCC::UnsignedGreaterThanOrEqual:
      return x >= y;
    case ir::IntCC::UnsignedGreaterThan:
      return x > y;
    case ir::IntCC::UnsignedLessThanOrEqual:
      return x <= y;
  }
  unreachable("IntCC");
}

// The relations a condition accepts.
u32 relations_of(ir::FloatCC cc) {
  using CC = ir::FloatCC;
  switch (cc) {
    case CC::Ordered:
      return kEqual | kLess | kGreater;
    case CC::Unordered:
      return kUnordered;
    case CC::Equal:
      return kEqual;
    case CC::NotEqual:
      return kUnordered | kLess | kGreater;
    case CC::OrderedNotEqual:
      return kLess | kGreater;
    case CC::UnorderedOrEqual:
      return kUnordered | kEqual;
    case CC::LessThan:
      return kLess;
    case CC::LessThanOrEqual:
      return kLess | kEqual;
    case CC::GreaterThan:
      return kGreater;
    case CC::GreaterThanOrEqual:
      return kGreater | kEqual;
    case CC::UnorderedOrLessThan:
      return kUnordered | kLess;
    case CC::UnorderedOrLessThanOrEqual:
      return kUnordered | kLess | kEqual;
    case CC::UnorderedOrGreaterThan:
      return kUnordered | kGreater;
    case CC::UnorderedOrGreaterThanOrEqual:
      return kUnordered | kGreater | kEqual;
  }
  unreachable("FloatCC");
}

u128 saturated(i128 value, i128 low, i128 high) {
  return static_cast<u128>(value < low ? low : value > high ? high : value);
}
u128 saturated_signed(i128 value, u32 bits) {
  return saturated(value, signed_min(bits), signed_max(bits));
}

u128 multiply_high(u128 x, u128 y, u32 bits) {
  return bits == 128 ? multiply(x, y).high : (x * y) >> bits;
}
u128 multiply_high_signed(u128 x, u128 y, u32 bits) {
  if (bits < 128) return static_cast<u128>((sign_extend(x, bits) * sign_extend(y, bits)) >> bits);
  u128 high = multiply(x, y).high;
  if (static_cast<i128>(x) < 0) high -= y;
  if (static_cast<i128>(y) < 0) high -= x;
  return high;
}

// (x * y + 2^(B-2)) >> (B-1) of lanes of at most 32 bits.
i128 rounded_q_product(u128 x, u128 y, u32 bits) {
  return (sign_extend(x, bits) * sign_extend(y, bits) + (i128{1} << (bits - 2))) >> (bits - 1);
}

struct Sum {
  u128 bits;
  bool overflow;
};
// Exact sums and differences of two numbers and a carry, and whether they fit.
Sum add_signed(u128 x, u128 y, u128 carry, u32 bits) {
  const i128 sx = sign_extend(x, bits), sy = sign_extend(y, bits);
  i128 sum;
  if (bits < 128) {
    sum = sx + sy + static_cast<i128>(carry);
    return {static_cast<u128>(sum), sum != sign_extend(static_cast<u128>(sum), bits)};
  }
  // The carry undoes an overflow below, so the two flags cancel.
  const bool first = __builtin_add_overflow(sx, sy, &sum);
  const bool second = __builtin_add_overflow(sum, static_cast<i128>(carry), &sum);
  return {static_cast<u128>(sum), first != second};
}
Sum sub_signed(u128 x, u128 y, u128 borrow, u32 bits) {
  const i128 sx = sign_extend(x, bits), sy = sign_extend(y, bits);
  i128 rest;
  if (bits < 128) {
    rest = sx - sy - static_cast<i128>(borrow);
    return {static_cast<u128>(rest), rest != sign_extend(static_cast<u128>(rest), bits)};
  }
  const bool first = __builtin_sub_overflow(sx, sy, &rest);
  const bool second = __builtin_sub_overflow(rest, static_cast<i128>(borrow), &rest);
  return {static_cast<u128>(rest), first != second};
}
Sum add_unsigned(u128 x, u128 y, u128 carry, u32 bits) {
  u128 sum;
  const bool first = __builtin_add_overflow(x, y, &sum);
  const bool second = __builtin_add_overflow(sum, carry, &sum);
  return {sum, first || second || sum > mask_of(bits)};
}
Sum sub_unsigned(u128 x, u128 y, u128 borrow) { return {x - y - borrow, x < y || x - y < borrow}; }

// A value as memory of the given order holds it, or back: the bytes of every lane are turned round.
u128 reversed_lanes(u128 bits, Type type) {
  const u32 width = type.lane_bits();
  u128 turned = 0;
  for (u32 i = 0; i < type.lane_count(); ++i) {
    turned |= swap_bytes(shift_right(bits, i * width) & mask_of(width), width / 8) << (i * width);
  }
  return turned;
}

// The functions, and what they can call.
struct Program {
  Options options;
  std::vector<Unit> units;
  std::unordered_map<const ir::Function*, u32> unit_of;
  std::map<std::string, u32, std::less<>> unit_by_name;
  std::vector<Target> targets;
  std::map<std::string, u32, std::less<>> target_by_name;

  u32 add(const ir::Function& func) {
    const auto [known, is_new] = unit_of.try_emplace(&func, static_cast<u32>(units.size()));
    if (is_new) {
      units.emplace_back();
      units.back().func = &func;
    }
    return known->second;
  }
  void forget_preparations() {
    targets.clear();
    target_by_name.clear();
    for (Unit& unit : units) unit.prepared = false;
  }
  u32 target(const ir::Function& func, ir::ExternalName name) {
    std::string text = external_name(func, name);
    if (const auto found = target_by_name.find(text); found != target_by_name.end())
      return found->second;
    Target target;
    target.name = text;
    if (name.kind == ir::ExternalName::Kind::LibCall) {
      target.kind = Target::Kind::LibCall;
      target.index = name.index;
    } else if (const auto unit = unit_by_name.find(text); unit != unit_by_name.end()) {
      target.kind = Target::Kind::Function;
      target.index = unit->second;
    }
    const u32 index = static_cast<u32>(targets.size());
    targets.push_back(std::move(target));
    target_by_name.emplace(std::move(text), index);
    return index;
  }
  void prepare(Unit& unit);
};

void Program::prepare(Unit& unit) {
  const ir::Function& func = *unit.func;
  unit.prepared = true;
  unit.unsupported.clear();
  unit.callees.clear();
  unit.slot_offsets.clear();
  unit.struct_args.clear();
  unit.memory_bytes = 0;
  unit.memory_align = 16;
  for (u32 i = 0; i < func.dfg.num_values(); ++i) {
    const Value value = Value::from_index(i);
    if (!func.dfg.is_valid(value)) continue;
    const Type type = func.dfg.type(value);
    if (type.is_dynamic() || type.bits() > 128) {
      TextWriter out;
      write_type(type, out);
      unit.unsupported = "values of type " + std::string(out.view());
      return;
    }
  }
  const std::vector<ir::AbiParam>& params = func.signature.params;
  for (usize i = 0; i < params.size(); ++i) {
    if (params[i].purpose != ir::ArgPurpose::StructArg) continue;
    unit.struct_args.push_back({static_cast<u32>(i), params[i].struct_size, unit.memory_bytes});
    unit.memory_bytes += (u64{params[i].struct_size} + 15) & ~u64{15};
  }
  for (const ir::ExtFuncData& callee : func.dfg.ext_funcs.values())
    unit.callees.push_back(target(func, callee.name));
  for (const ir::StackSlotData& slot : func.stack_slots.values()) {
    const u64 align =
        slot.align_log2 > 4 ? u64{1} << (slot.align_log2 < 40 ? slot.align_log2 : 40) : 16;
    unit.memory_align = align > unit.memory_align ? align : unit.memory_align;
    unit.memory_bytes = (unit.memory_bytes + align - 1) & ~(align - 1);
    unit.slot_offsets.push_back(unit.memory_bytes);
    unit.memory_bytes += slot.size;
  }
}

struct Frame {
  u32 unit;
  u64 cell_base;
  u64 memory_base;  // where memory ended before it
  u64 slot_base;    // its first stack slot
  Inst call;        // in this frame, while another is above it
};

// The handlers are many and small; each has this head.
#define GANTRY_OP(Name) \
  Step op_##Name([[maybe_unused]] Inst inst, [[maybe_unused]] const InstData& data)

class Machine {
 public:
  explicit Machine(Program& program)
      : program_(program), options_(program.options), fuel_(options_.fuel) {}

  Outcome run(u32 unit, std::span<const ir::DataValue> args);

 private:
  // ---- values
  u128 get(Value value) const { return cells_[dfg_->resolve(value).index()]; }
  u128 arg(const InstData& data, u32 index) const { return get(data.arg(index)); }
  Type arg_type(const InstData& data, u32 index) const { return dfg_->type(data.arg(index)); }
  Type result_type(Inst inst) const { return dfg_->type(dfg_->first_result(inst)); }
  void set(Value value, u128 bits) { cells_[value.index()] = bits; }
  Step result(Inst inst, u128 bits) {
    set(dfg_->first_result(inst), bits);
    return Step::Next;
  }
  Step results(Inst inst, u128 first, u128 second) {
    const std::span<const Value> values = dfg_->results(inst);
    set(values[0], first & mask_of(dfg_->type(values[0]).bits()));
    set(values[1], second & mask_of(dfg_->type(values[1]).bits()));
    return Step::Next;
  }
  static u128 lane(u128 bits, u32 index, u32 width) {
    return shift_right(bits, index * width) & mask_of(width);
  }

  // ---- lane-wise operations: f gets zero-extended lanes and the lane width; its result is cut to
  // it
  template <class F>
  Step map(Inst inst, const InstData& data, F f) {
    const Type type = result_type(inst);
    const u32 width = type.lane_bits();
    const u128 x = arg(data, 0);
    if (type.is_scalar()) return result(inst, f(x, width) & mask_of(width));
    u128 all = 0;
    for (u32 i = 0; i < type.lane_count(); ++i)
      all |= (f(lane(x, i, width), width) & mask_of(width)) << (i * width);
    return result(inst, all);
  }
  template <class F>
  Step map2(Inst inst, const InstData& data, F f) {
    const Type type = result_type(inst);
    const u32 width = type.lane_bits();
    const u128 x = arg(data, 0), y = arg(data, 1);
    if (type.is_scalar()) return result(inst, f(x, y, width) & mask_of(width));
    u128 all = 0;
    for (u32 i = 0; i < type.lane_count(); ++i) {
      all |= (f(lane(x, i, width), lane(y, i, width), width) & mask_of(width)) << (i * width);
    }
    return result(inst, all);
  }
  template <class F>
  Step map3(Inst inst, const InstData& data, F f) {
    const Type type = result_type(inst);
    const u32 width = type.lane_bits();
    const u128 x = arg(data, 0), y = arg(data, 1), z = arg(data, 2);
    u128 all = 0;
    for (u32 i = 0; i < type.lane_count(); ++i) {
      all |= (f(lane(x, i, width), lane(y, i, width), lane(z, i, width), width) & mask_of(width))
             << (i * width);
    }
    return result(inst, all);
  }
  // Shifts and rotations: f gets the lane, the amount modulo the width, and the width.
  template <class F>
  Step shift(Inst inst, const InstData& data, F f) {
    const u32 width = result_type(inst).lane_bits();
    const u32 amount = static_cast<u32>(arg(data, 1)) & (width - 1);
    return map(inst, data, [&](u128 x, u32) { return f(x, amount, width); });
  }
  template <class F>
  Step compare_lanes(Inst inst, const InstData& data, F holds) {
    const Type type = arg_type(data, 0);
    const u32 width = type.lane_bits();
    const u128 x = arg(data, 0), y = arg(data, 1);
    if (type.is_scalar()) return result(inst, holds(x, y, width) ? 1 : 0);
    u128 all = 0;
    for (u32 i = 0; i < type.lane_count(); ++i) {
      if (holds(lane(x, i, width), lane(y, i, width), width)) all |= mask_of(width) << (i * width);
    }
    return result(inst, all);
  }
  // Two operands of n lanes to one result of 2n lanes half as wide, f taking a lane to a number.
  template <class F>
  Step narrow(Inst inst, const InstData& data, F f) {
    const Type type = arg_type(data, 0);
    const u32 width = type.lane_bits(), count = type.lane_count();
    u128 all = 0;
    for (u32 i = 0; i < 2 * count; ++i) {
      const u128 x = lane(arg(data, i / count), i % count, width);
      all |= (f(x, width) & mask_of(width / 2)) << (i * width / 2);
    }
    return result(inst, all);
  }
  Step widen(Inst inst, u128 source, u32 width, u32 first, bool is_signed) {
    const Type type = result_type(inst);
    u128 all = 0;
    for (u32 i = 0; i < type.lane_count(); ++i) {
      u128 x = lane(source, first + i, width);
      if (is_signed) x = static_cast<u128>(sign_extend(x, width)) & mask_of(type.lane_bits());
      all |= x << (i * type.lane_bits());
    }
    return result(inst, all);
  }
  // Lanes of one type to as many lanes of another.
  template <class F>
  Step convert_lanes(Inst inst, const InstData& data, F f) {
    const Type from = arg_type(data, 0), to = result_type(inst);
    const u128 x = arg(data, 0);
    u128 all = 0;
    for (u32 i = 0; i < to.lane_count(); ++i) {
      all |= (f(lane(x, i, from.lane_bits()), from.lane_bits(), to.lane_bits()) &
              mask_of(to.lane_bits()))
             << (i * to.lane_bits());
    }
    return result(inst, all);
  }
  template <class Host, class Soft>
  Step float2(Inst inst, const InstData& data, Host host, Soft soft) {
    return map2(inst, data, [&](u128 x, u128 y, u32 width) {
      if (width == 32 || width == 64)
        return on_host(width, x, y, 0, [&](auto a, auto b, auto) { return host(a, b); });
      return soft(float_format(width), x, y);
    });
  }
  Step integral(Inst inst, const InstData& data, Rounding rounding) {
    return map(inst, data, [&](u128 x, u32 width) {
      return round_to_integral(float_format(width), x, rounding);
    });
  }

  // ---- ends
  Step trap(ir::TrapCode code) {
    outcome_.kind = Outcome::Kind::Trapped;
    outcome_.trap = code;
    return Step::Stop;
  }
  Step stop(Outcome::Kind kind, std::string what) {
    outcome_.kind = kind;
    outcome_.message = std::move(what);
    if (func_ != nullptr) outcome_.message += " in " + function_name(func_->name);
    return Step::Stop;
  }
  Step out_of_fuel() {
    outcome_.kind = Outcome::Kind::OutOfFuel;
    return Step::Stop;
  }
  Step unsupported(const InstData& data) {
    return stop(Outcome::Kind::Unsupported, std::string(ir::name_of(data.opcode)));
  }

  // ---- memory
  // The bytes at `address`, or null if they are not all in memory.
  u8* bytes_at(u64 address, u64 count) {
    const u64 offset = address - kStackBase;
    if (offset > memory_.size() || count > memory_.size() - offset) return nullptr;
    return memory_.data() + offset;
  }
  u64 address(u128 base, i32 offset) const {
    const u64 sum = static_cast<u64>(base) + static_cast<u64>(i64{offset});
    return options_.pointer_bits == 32 ? static_cast<u32>(sum) : sum;
  }
  bool is_big(const ir::MemFlags& flags) const {
    return flags.byte_order == ir::ByteOrder::Big ||
           (flags.byte_order == ir::ByteOrder::Target && !options_.little_endian);
  }
  Step access_fault(const ir::MemFlags& flags) {
    if (flags.notrap())
      return stop(Outcome::Kind::BadInput, "an access that promised not to trap is out of bounds");
    return trap(flags.trap);
  }
  // Reads or writes a value of `type`; false if the address is bad.
  bool read(u64 at, Type type, const ir::MemFlags& flags, u128& bits) {
    const u8* bytes = bytes_at(at, type.bytes());
    if (bytes == nullptr) return false;
    bits = 0;
    std::memcpy(&bits, bytes, type.bytes());
    if (is_big(flags)) bits = reversed_lanes(bits, type);
    return true;
  }
  bool write(u64 at, Type type, const ir::MemFlags& flags, u128 bits) {
    u8* bytes = bytes_at(at, type.bytes());
    if (bytes == nullptr) return false;
    if (is_big(flags)) bits = reversed_lanes(bits, type);
    std::memcpy(bytes, &bits, type.bytes());
    return true;
  }
  Step load(Inst inst, const InstData& data, Type memory_type, bool is_signed) {
    const ir::MemFlags& flags = dfg_->mem_flags(data.mem_flags());
    u128 bits;
    if (!read(address(arg(data, 0), data.offset(1)), memory_type, flags, bits))
      return access_fault(flags);
    const Type type = result_type(inst);
    if (memory_type.lane_bits() == type.lane_bits()) return result(inst, bits);
    return widen(inst, bits, memory_type.lane_bits(), 0, is_signed);
  }
  Step store(const InstData& data, Type memory_type) {
    const ir::MemFlags& flags = dfg_->mem_flags(data.mem_flags());
    if (!write(address(arg(data, 1), data.offset(2)), memory_type, flags, arg(data, 0)))
      return access_fault(flags);
    return Step::Next;
  }

  // ---- control
  // Arguments in scratch_ become the parameters of the block.
  Step enter_block(ir::Block block) {
    const std::span<const Value> params = dfg_->block_params(block);
    for (usize i = 0; i < params.size(); ++i) set(params[i], scratch_[i]);
    pc_ = *layout_->first_inst(block);
    return Step::Jumped;
  }
  Step jump(ir::BlockCall call) {
    const ir::ValueListPool& lists = dfg_->lists();
    const std::span<const Value> args = call.args(lists);
    if (args.empty()) {
      pc_ = *layout_->first_inst(call.block(lists));
      return Step::Jumped;
    }
    scratch_.clear();
    for (const Value arg : args) scratch_.push_back(get(ir::BlockArg::decoded(arg).as_value()));
    return enter_block(call.block(lists));
  }
  // The normal way out of a try_call; `returned` are the callee's results.
  Step return_to_block(ir::BlockCall call, std::span<const u128> returned) {
    const ir::ValueListPool& lists = dfg_->lists();
    block_args_.clear();
    for (const Value encoded : call.args(lists)) {
      const ir::BlockArg arg = ir::BlockArg::decoded(encoded);
      if (arg.is_value()) {
        block_args_.push_back(get(arg.as_value()));
      } else if (arg.kind() == ir::BlockArg::Kind::TryCallReturn &&
                 arg.number() < returned.size()) {
        block_args_.push_back(returned[arg.number()]);
      } else {
        return stop(Outcome::Kind::BadInput,
                    "a block argument of the normal edge that the call does not give");
      }
    }
    scratch_.swap(block_args_);
    return enter_block(call.block(lists));
  }
  // Gives the results in scratch_ to the call that ends or is at `inst` of the frame on top.
  Step finish_call(Inst inst) {
    const InstData& data = (*dfg_)[inst];
    if (data.opcode == Opcode::TryCall || data.opcode == Opcode::TryCallIndirect) {
      const ir::BlockCall normal =
          dfg_->exception_tables[ir::ExceptionTable::from_index(data.words[2])].normal_return;
      returned_.assign(scratch_.begin(), scratch_.end());
      return return_to_block(normal, returned_);
    }
    const std::span<const Value> values = dfg_->results(inst);
    for (usize i = 0; i < values.size(); ++i) set(values[i], scratch_[i]);
    return Step::Next;
  }
  void refresh(const Frame& frame) {
    func_ = program_.units[frame.unit].func;
    dfg_ = &func_->dfg;
    layout_ = &func_->layout;
    cells_ = cell_stack_.data() + frame.cell_base;
  }
  // Enters `unit` with the arguments in scratch_ and the structs among them in struct_bytes_.
  Step enter(u32 index) {
    Unit& unit = program_.units[index];
    if (!unit.prepared) program_.prepare(unit);
    if (!unit.unsupported.empty()) return stop(Outcome::Kind::Unsupported, unit.unsupported);
    if (frames_.size() >= options_.max_call_depth) return trap(ir::kTrapStackOverflow);
    const ir::Function& func = *unit.func;
    const u64 cells = func.dfg.num_values();
    const u64 base = (memory_.size() + unit.memory_align - 1) & ~(unit.memory_align - 1);
    if (unit.memory_bytes > options_.max_stack_bytes ||
        base + unit.memory_bytes > options_.max_stack_bytes ||
        (cell_top_ + cells) * sizeof(u128) > options_.max_stack_bytes) {
      return trap(ir::kTrapStackOverflow);
    }
    // Clearing the slots takes time in their size: it is paid for.
    const u64 price = unit.memory_bytes / 256;
    if (price > fuel_) return out_of_fuel();
    fuel_ -= price;
    frames_.push_back({index, cell_top_, memory_.size(), base, Inst()});
    memory_.resize(base + unit.memory_bytes);
    cell_top_ += cells;
    if (cell_top_ > cell_stack_.size()) cell_stack_.resize(cell_top_ + cell_top_ / 2);
    refresh(frames_.back());
    usize copied = 0;
    for (const Unit::StructArg& arg : unit.struct_args) {
      if (arg.bytes > struct_bytes_.size() - copied)
        return stop(Outcome::Kind::Unsupported, "struct arguments from outside");
      if (arg.bytes != 0) {
        std::memcpy(memory_.data() + base + arg.offset, struct_bytes_.data() + copied, arg.bytes);
      }
      scratch_[arg.param] = kStackBase + base + arg.offset;
      copied += arg.bytes;
    }
    return enter_block(*func.layout.entry());
  }
  void leave() {
    memory_.resize(frames_.back().memory_base);
    cell_top_ = frames_.back().cell_base;
    frames_.pop_back();
    if (frames_.empty()) return;
    refresh(frames_.back());
  }
  Step return_values(std::span<const Value> values) {
    scratch_.clear();
    for (const Value value : values) scratch_.push_back(get(value));
    if (frames_.size() == 1) {
      for (usize i = 0; i < values.size(); ++i) {
        outcome_.results.push_back(ir::DataValue::from_bits(dfg_->type(values[i]), scratch_[i]));
      }
      return Step::Stop;
    }
    leave();
    pc_ = frames_.back().call;
    const Step step = finish_call(pc_);
    if (step != Step::Next) return step;
    pc_ = *layout_->next_inst(pc_);
    return Step::Jumped;
  }
  static bool same_shape(const ir::Signature& a, const ir::Signature& b) {
    const auto same_types = [](const std::vector<ir::AbiParam>& x,
                               const std::vector<ir::AbiParam>& y) {
      if (x.size() != y.size()) return false;
      for (usize i = 0; i < x.size(); ++i) {
        if (x[i].type != y[i].type || x[i].struct_size != y[i].struct_size) return false;
      }
      return true;
    };
    return same_types(a.params, b.params) && same_types(a.returns, b.returns);
  }
  Step call_target(Inst inst, u32 index, std::span<const Value> args, ir::SigRef signature,
                   bool tail) {
    scratch_.clear();
    for (const Value arg : args) scratch_.push_back(get(arg));
    const Target& target = program_.targets[index];
    switch (target.kind) {
      case Target::Kind::Missing:
        return stop(Outcome::Kind::Unsupported, "call of unknown function " + target.name);
      case Target::Kind::LibCall: {
        if (Step step = lib_call(target, dfg_->signatures[signature]); step != Step::Next)
          return step;
        if (!tail) return finish_call(inst);
        return stop(Outcome::Kind::Unsupported, "tail call of " + target.name);
      }
      case Target::Kind::Function:
        break;
    }
    const ir::Function& callee = *program_.units[target.index].func;
    if (!same_shape(callee.signature, dfg_->signatures[signature])) {
      return stop(Outcome::Kind::BadInput, "call of " + target.name + " with another signature");
    }
    struct_bytes_.clear();
    for (usize i = 0; i < callee.signature.params.size(); ++i) {
      const u32 size = callee.signature.params[i].struct_size;
      if (size == 0) continue;
      const u8* const bytes = bytes_at(address(scratch_[i], 0), size);
      if (bytes == nullptr)
        return stop(Outcome::Kind::BadInput, "a struct argument that is out of bounds");
      struct_bytes_.insert(struct_bytes_.end(), bytes, bytes + size);
    }
    if (tail) {
      const u32 unit = target.index;
      leave();
      return enter(unit);
    }
    frames_.back().call = inst;
    return enter(target.index);
  }
  u32 callee_of(ir::FuncRef func) const {
    return program_.units[frames_.back().unit].callees[func.index()];
  }
  Step call_direct(Inst inst, const InstData& data, bool tail) {
    const ir::FuncRef callee = ir::FuncRef::from_index(data.words[0]);
    return call_target(inst, callee_of(callee), dfg_->args(inst), dfg_->ext_funcs[callee].signature,
                       tail);
  }
  Step call_address(Inst inst, ir::SigRef signature, bool tail) {
    const std::span<const Value> values = dfg_->args(inst);
    const u64 distance = static_cast<u64>(get(values[0])) - kCodeBase;
    if (distance % kCodeStep != 0 || distance / kCodeStep >= program_.targets.size()) {
      return stop(Outcome::Kind::BadInput, "call of an address that is no function");
    }
    return call_target(inst, static_cast<u32>(distance / kCodeStep), values.subspan(1), signature,
                       tail);
  }
  Step lib_call(const Target& target, const ir::Signature& signature);

  // ---- one handler per opcode
#define GANTRY_OPCODE(Name, text, Format) GANTRY_OP(Name);
#include "gantry/gen/meta/opcode_list.inc"
#undef GANTRY_OPCODE

  Program& program_;
  const Options& options_;
  Outcome outcome_;
  const ir::Function* func_ = nullptr;
  const ir::DataFlowGraph* dfg_ = nullptr;
  const ir::Layout* layout_ = nullptr;
  u128* cells_ = nullptr;
  Inst pc_;
  u64 fuel_;
  u128 pinned_ = 0;
  std::vector<Frame> frames_;
  std::vector<u8> struct_bytes_;  // of the call being made
  std::vector<u128> cell_stack_;
  u64 cell_top_ = 0;
  std::vector<u8> memory_;
  std::vector<u128> scratch_, block_args_, returned_;
};

// ---- control

#undef GANTRY_OP
#define GANTRY_OP(Name) \
  Step Machine::op_##Name([[maybe_unused]] Inst inst, [[maybe_unused]] const InstData& data)

GANTRY_OP(Jump) { return jump(data.block_call(1)); }
GANTRY_OP(Brif) { return jump(data.block_call(arg(data, 0) != 0 ? 1 : 2)); }
GANTRY_OP(BrTable) {
  const ir::JumpTableData& table = dfg_->jump_tables[ir::JumpTable::from_index(data.words[1])];
  const u64 index = static_cast<u64>(arg(data, 0));
  return jump(index < table.entries.size() ? table.entries[index] : table.default_call);
}
GANTRY_OP(Debugtrap) { return Step::Next; }
GANTRY_OP(Trap) { return trap(data.trap_code()); }
GANTRY_OP(Trapz) { return arg(data, 0) == 0 ? trap(data.trap_code()) : Step::Next; }
GANTRY_OP(Trapnz) { return arg(data, 0) != 0 ? trap(data.trap_code()) : Step::Next; }
GANTRY_OP(Return) { return return_values(dfg_->args(inst)); }
GANTRY_OP(Call) { return call_direct(inst, data, false); }
GANTRY_OP(CallIndirect) { return call_address(inst, ir::SigRef::from_index(data.words[0]), false); }
GANTRY_OP(ReturnCall) { return call_direct(inst, data, true); }
GANTRY_OP(ReturnCallIndirect) {
  return call_address(inst, ir::SigRef::from_index(data.words[0]), true);
}
GANTRY_OP(TryCall) { return call_direct(inst, data, false); }
GANTRY_OP(TryCallIndirect) {
  return call_address(
      inst, *dfg_->exception_tables[ir::ExceptionTable::from_index(data.words[2])].signature,
      false);
}
GANTRY_OP(FuncAddr) {
  return result(inst, kCodeBase + kCodeStep * callee_of(ir::FuncRef::from_index(data.words[0])));
}
GANTRY_OP(Nop) { return Step::Next; }
GANTRY_OP(Fence) { return Step::Next; }
GANTRY_OP(SequencePoint) { return Step::Next; }

// ---- what has no meaning outside a real machine, or needs dynamic vectors

GANTRY_OP(StackSwitch) { return unsupported(data); }
GANTRY_OP(DynamicStackAddr) { return unsupported(data); }
GANTRY_OP(TlsValue) { return unsupported(data); }
GANTRY_OP(GetFramePointer) { return unsupported(data); }
GANTRY_OP(GetStackPointer) { return unsupported(data); }
GANTRY_OP(GetReturnAddress) { return unsupported(data); }
GANTRY_OP(GetExceptionHandlerAddress) { return unsupported(data); }
GANTRY_OP(ExtractVector) { return unsupported(data); }

// ---- constants and addresses

GANTRY_OP(Iconst) { return result(inst, data.wide() & mask_of(result_type(inst).bits())); }
GANTRY_OP(F16const) { return result(inst, data.wide()); }
GANTRY_OP(F32const) { return result(inst, data.wide()); }
GANTRY_OP(F64const) { return result(inst, data.wide()); }
GANTRY_OP(F128const) { return op_Vconst(inst, data); }
GANTRY_OP(Vconst) {
  const std::span<const u8> bytes = dfg_->constant_bytes(ir::Constant::from_index(data.words[0]));
  u128 bits = 0;
  std::memcpy(&bits, bytes.data(), bytes.size() < 16 ? bytes.size() : 16);
  return result(inst, bits);
}
GANTRY_OP(StackAddr) {
  const u64 offset = program_.units[frames_.back().unit].slot_offsets[data.words[0]];
  return result(inst, address(kStackBase + frames_.back().slot_base + offset, data.offset(1)));
}
GANTRY_OP(SymbolValue) {
  const ir::GlobalValueData& global =
      func_->global_values[ir::GlobalValue::from_index(data.words[0])];
  if (global.kind != ir::GlobalValueData::Kind::Symbol) return unsupported(data);
  const u32 target = program_.target(*func_, global.name);
  if (program_.targets[target].kind == Target::Kind::Missing) {
    return stop(Outcome::Kind::Unsupported,
                "address of unknown symbol " + program_.targets[target].name);
  }
  return result(inst, (kCodeBase + kCodeStep * target + static_cast<u64>(global.offset)) &
                          mask_of(result_type(inst).bits()));
}
GANTRY_OP(GetPinnedReg) { return result(inst, pinned_ & mask_of(result_type(inst).bits())); }
GANTRY_OP(SetPinnedReg) {
  pinned_ = arg(data, 0);
  return Step::Next;
}

// ---- memory

GANTRY_OP(Load) { return load(inst, data, result_type(inst), false); }
GANTRY_OP(Store) { return store(data, arg_type(data, 0)); }
GANTRY_OP(Uload8) { return load(inst, data, ir::kI8, false); }
GANTRY_OP(Sload8) { return load(inst, data, ir::kI8, true); }
GANTRY_OP(Istore8) { return store(data, ir::kI8); }
GANTRY_OP(Uload16) { return load(inst, data, ir::kI16, false); }
GANTRY_OP(Sload16) { return load(inst, data, ir::kI16, true); }
GANTRY_OP(Istore16) { return store(data, ir::kI16); }
GANTRY_OP(Uload32) { return load(inst, data, ir::kI32, false); }
GANTRY_OP(Sload32) { return load(inst, data, ir::kI32, true); }
GANTRY_OP(Istore32) { return store(data, ir::kI32); }
GANTRY_OP(Uload8x8) { return load(inst, data, ir::kI8.by(8), false); }
GANTRY_OP(Sload8x8) { return load(inst, data, ir::kI8.by(8), true); }
GANTRY_OP(Uload16x4) { return load(inst, data, ir::kI16.by(4), false); }
GANTRY_OP(Sload16x4) { return load(inst, data, ir::kI16.by(4), true); }
GANTRY_OP(Uload32x2) { return load(inst, data, ir::kI32.by(2), false); }
GANTRY_OP(Sload32x2) { return load(inst, data, ir::kI32.by(2), true); }
GANTRY_OP(AtomicLoad) {
  const ir::MemFlags& flags = dfg_->mem_flags(data.mem_flags());
  u128 bits;
  if (!read(address(arg(data, 0), 0), result_type(inst), flags, bits)) return access_fault(flags);
  return result(inst, bits);
}
GANTRY_OP(AtomicStore) {
  const ir::MemFlags& flags = dfg_->mem_flags(data.mem_flags());
  return write(address(arg(data, 1), 0), arg_type(data, 0), flags, arg(data, 0))
             ? Step::Next
             : access_fault(flags);
}
GANTRY_OP(AtomicRmw) {
  const ir::MemFlags& flags = dfg_->mem_flags(data.mem_flags());
  const Type type = result_type(inst);
  const u32 width = type.bits();
  const u64 at = address(arg(data, 0), 0);
  const u128 x = arg(data, 1);
  u128 old;
  if (!read(at, type, flags, old)) return access_fault(flags);
  const auto updated = [&]() -> u128 {
    switch (data.atomic_op()) {
      case ir::AtomicRmwOp::Add:
        return old + x;
      case ir::AtomicRmwOp::Sub:
        return old - x;
      case ir::AtomicRmwOp::And:
        return old & x;
      case ir::AtomicRmwOp::Nand:
        return ~(old & x);
      case ir::AtomicRmwOp::Or:
        return old | x;
      case ir::AtomicRmwOp::Xor:
        return old ^ x;
      case ir::AtomicRmwOp::Xchg:
        return x;
      case ir::AtomicRmwOp::Umin:
        return old < x ? old : x;
      case ir::AtomicRmwOp::Umax:
        return old > x ? old : x;
      case ir::AtomicRmwOp::Smin:
        return sign_extend(old, width) < sign_extend(x, width) ? old : x;
      case ir::AtomicRmwOp::Smax:
        return sign_extend(old, width) > sign_extend(x, width) ? old : x;
    }
    unreachable("AtomicRmwOp");
  };
  write(at, type, flags, updated());
  return result(inst, old);
}
GANTRY_OP(AtomicCas) {
  const ir::MemFlags& flags = dfg_->mem_flags(data.mem_flags());
  const Type type = result_type(inst);
  const u64 at = address(arg(data, 0), 0);
  u128 old;
  if (!read(at, type, flags, old)) return access_fault(flags);
  if (old == arg(data, 1)) write(at, type, flags, arg(data, 2));
  return result(inst, old);
}

// ---- choices

GANTRY_OP(Select) { return result(inst, arg(data, arg(data, 0) != 0 ? 1 : 2)); }
GANTRY_OP(SelectSpectreGuard) { return op_Select(inst, data); }
GANTRY_OP(Bitselect) {
  const u128 c = arg(data, 0);
  return result(inst, (c & arg(data, 1)) | (~c & arg(data, 2)));
}
GANTRY_OP(Blendv) {
  return map3(inst, data,
              [](u128 c, u128 x, u128 y, u32 width) { return c >> (width - 1) != 0 ? x : y; });
}

// ---- lanes

GANTRY_OP(Splat) {
  const Type type = result_type(inst);
  u128 all = 0;
  for (u32 i = 0; i < type.lane_count(); ++i) all |= arg(data, 0) << (i * type.lane_bits());
  return result(inst, all);
}
GANTRY_OP(Swizzle) {
  const u128 x = arg(data, 0);
  return map2(inst, data, [&](u128, u128 y, u32) {
    return y < 16 ? lane(x, static_cast<u32>(y), 8) : u128{0};
  });
}
GANTRY_OP(X86Pshufb) {
  const u128 x = arg(data, 0);
  return map2(inst, data,
              [&](u128, u128 y, u32) { return y < 128 ? lane(x, y & 15, 8) : u128{0}; });
}
GANTRY_OP(Insertlane) {
  const u32 width = result_type(inst).lane_bits(), at = data.aux * width;
  return result(inst,
                (arg(data, 0) & ~shift_left(mask_of(width), at)) | shift_left(arg(data, 1), at));
}
GANTRY_OP(Extractlane) {
  return result(inst, lane(arg(data, 0), data.aux, result_type(inst).bits()));
}
GANTRY_OP(Shuffle) {
  const std::array<u8, 16>& mask = dfg_->shuffle_mask(ir::ShuffleMask::from_index(data.words[2]));
  u128 all = 0;
  for (u32 i = 0; i < 16; ++i)
    all |= lane(arg(data, mask[i] < 16 ? 0 : 1), mask[i] & 15, 8) << (8 * i);
  return result(inst, all);
}
GANTRY_OP(ScalarToVector) { return result(inst, arg(data, 0)); }
GANTRY_OP(VanyTrue) { return result(inst, arg(data, 0) != 0 ? 1 : 0); }
GANTRY_OP(VallTrue) {
  const Type type = arg_type(data, 0);
  for (u32 i = 0; i < type.lane_count(); ++i) {
    if (lane(arg(data, 0), i, type.lane_bits()) == 0) return result(inst, 0);
  }
  return result(inst, 1);
}
GANTRY_OP(VhighBits) {
  const Type type = arg_type(data, 0);
  const u32 width = type.lane_bits();
  u128 bits = 0;
  for (u32 i = 0; i < type.lane_count(); ++i)
    bits |= (lane(arg(data, 0), i, width) >> (width - 1)) << i;
  return result(inst, bits & mask_of(result_type(inst).bits()));
}
GANTRY_OP(Snarrow) {
  return narrow(inst, data, [](u128 x, u32 width) {
    return saturated_signed(sign_extend(x, width), width / 2);
  });
}
GANTRY_OP(Unarrow) {
  return narrow(inst, data, [](u128 x, u32 width) {
    return saturated(sign_extend(x, width), 0, static_cast<i128>(mask_of(width / 2)));
  });
}
GANTRY_OP(Uunarrow) {
  return narrow(inst, data,
                [](u128 x, u32 width) { return x > mask_of(width / 2) ? mask_of(width / 2) : x; });
}
GANTRY_OP(SwidenLow) { return widen(inst, arg(data, 0), arg_type(data, 0).lane_bits(), 0, true); }
GANTRY_OP(SwidenHigh) {
  return widen(inst, arg(data, 0), arg_type(data, 0).lane_bits(),
               arg_type(data, 0).lane_count() / 2, true);
}
GANTRY_OP(UwidenLow) { return widen(inst, arg(data, 0), arg_type(data, 0).lane_bits(), 0, false); }
GANTRY_OP(UwidenHigh) {
  return widen(inst, arg(data, 0), arg_type(data, 0).lane_bits(),
               arg_type(data, 0).lane_count() / 2, false);
}
GANTRY_OP(IaddPairwise) {
  const Type type = result_type(inst);
  const u32 width = type.lane_bits(), count = type.lane_count();
  u128 all = 0;
  for (u32 i = 0; i < count; ++i) {
    const u128 source = arg(data, 2 * i < count ? 0 : 1);
    const u32 first = 2 * i % count;
    all |= ((lane(source, first, width) + lane(source, first + 1, width)) & mask_of(width))
           << (i * width);
  }
  return result(inst, all);
}
GANTRY_OP(X86Pmaddubsw) {
  const u128 x = arg(data, 0), y = arg(data, 1);
  u128 all = 0;
  for (u32 i = 0; i < 8; ++i) {
    i128 sum = 0;
    for (u32 j = 2 * i; j < 2 * i + 2; ++j)
      sum += sign_extend(lane(x, j, 8), 8) * static_cast<i128>(lane(y, j, 8));
    all |= (saturated_signed(sum, 16) & 0xffff) << (16 * i);
  }
  return result(inst, all);
}

// ---- integers

GANTRY_OP(Smin) {
  return map2(inst, data,
              [](u128 x, u128 y, u32 w) { return sign_extend(x, w) < sign_extend(y, w) ? x : y; });
}
GANTRY_OP(Umin) {
  return map2(inst, data, [](u128 x, u128 y, u32) { return x < y ? x : y; });
}
GANTRY_OP(Smax) {
  return map2(inst, data,
              [](u128 x, u128 y, u32 w) { return sign_extend(x, w) > sign_extend(y, w) ? x : y; });
}
GANTRY_OP(Umax) {
  return map2(inst, data, [](u128 x, u128 y, u32) { return x > y ? x : y; });
}
GANTRY_OP(AvgRound) {
  return map2(inst, data, [](u128 x, u128 y, u32) { return (x | y) - ((x ^ y) >> 1); });
}
GANTRY_OP(UaddSat) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) {
    const Sum sum = add_unsigned(x, y, 0, w);
    return sum.overflow ? mask_of(w) : sum.bits;
  });
}
GANTRY_OP(SaddSat) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) {
    const Sum sum = add_signed(x, y, 0, w);
    if (!sum.overflow) return sum.bits;
    return static_cast<u128>(sign_extend(x, w) < 0 ? signed_min(w) : signed_max(w));
  });
}
GANTRY_OP(UsubSat) {
  return map2(inst, data, [](u128 x, u128 y, u32) { return x < y ? u128{0} : x - y; });
}
GANTRY_OP(SsubSat) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) {
    const Sum rest = sub_signed(x, y, 0, w);
    if (!rest.overflow) return rest.bits;
    return static_cast<u128>(sign_extend(x, w) < 0 ? signed_min(w) : signed_max(w));
  });
}
GANTRY_OP(Icmp) {
  const ir::IntCC cc = data.int_cc();
  return compare_lanes(inst, data, [cc](u128 x, u128 y, u32 w) { return int_holds(cc, x, y, w); });
}
GANTRY_OP(Iadd) {
  return map2(inst, data, [](u128 x, u128 y, u32) { return x + y; });
}
GANTRY_OP(Isub) {
  return map2(inst, data, [](u128 x, u128 y, u32) { return x - y; });
}
GANTRY_OP(Ineg) {
  return map(inst, data, [](u128 x, u32) { return u128{0} - x; });
}
GANTRY_OP(Iabs) {
  return map(inst, data, [](u128 x, u32 w) { return sign_extend(x, w) < 0 ? u128{0} - x : x; });
}
GANTRY_OP(Imul) {
  return map2(inst, data, [](u128 x, u128 y, u32) { return x * y; });
}
GANTRY_OP(Umulhi) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) { return multiply_high(x, y, w); });
}
GANTRY_OP(Smulhi) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) { return multiply_high_signed(x, y, w); });
}
GANTRY_OP(SqmulRoundSat) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) {
    return saturated_signed(rounded_q_product(x, y, w), w);
  });
}
GANTRY_OP(X86Pmulhrsw) {
  return map2(inst, data,
              [](u128 x, u128 y, u32 w) { return static_cast<u128>(rounded_q_product(x, y, w)); });
}
GANTRY_OP(Udiv) {
  if (arg(data, 1) == 0) return trap(ir::kTrapIntegerDivisionByZero);
  return result(inst, arg(data, 0) / arg(data, 1));
}
GANTRY_OP(Sdiv) {
  const u32 width = result_type(inst).bits();
  const i128 x = sign_extend(arg(data, 0), width), y = sign_extend(arg(data, 1), width);
  if (y == 0) return trap(ir::kTrapIntegerDivisionByZero);
  if (y == -1 && x == signed_min(width)) return trap(ir::kTrapIntegerOverflow);
  return result(inst, static_cast<u128>(x / y) & mask_of(width));
}
GANTRY_OP(Urem) {
  if (arg(data, 1) == 0) return trap(ir::kTrapIntegerDivisionByZero);
  return result(inst, arg(data, 0) % arg(data, 1));
}
GANTRY_OP(Srem) {
  const u32 width = result_type(inst).bits();
  const i128 x = sign_extend(arg(data, 0), width), y = sign_extend(arg(data, 1), width);
  if (y == 0) return trap(ir::kTrapIntegerDivisionByZero);
  return result(inst, y == -1 ? 0 : static_cast<u128>(x % y) & mask_of(width));
}
GANTRY_OP(SaddOverflowCin) {
  const Sum sum =
      add_signed(arg(data, 0), arg(data, 1), arg(data, 2) != 0 ? 1 : 0, arg_type(data, 0).bits());
  return results(inst, sum.bits, sum.overflow ? 1 : 0);
}
GANTRY_OP(UaddOverflowCin) {
  const Sum sum =
      add_unsigned(arg(data, 0), arg(data, 1), arg(data, 2) != 0 ? 1 : 0, arg_type(data, 0).bits());
  return results(inst, sum.bits, sum.overflow ? 1 : 0);
}
GANTRY_OP(UaddOverflow) {
  const Sum sum = add_unsigned(arg(data, 0), arg(data, 1), 0, arg_type(data, 0).bits());
  return results(inst, sum.bits, sum.overflow ? 1 : 0);
}
GANTRY_OP(SaddOverflow) {
  const Sum sum = add_signed(arg(data, 0), arg(data, 1), 0, arg_type(data, 0).bits());
  return results(inst, sum.bits, sum.overflow ? 1 : 0);
}
GANTRY_OP(UsubOverflow) {
  const Sum rest = sub_unsigned(arg(data, 0), arg(data, 1), 0);
  return results(inst, rest.bits, rest.overflow ? 1 : 0);
}
GANTRY_OP(SsubOverflow) {
  const Sum rest = sub_signed(arg(data, 0), arg(data, 1), 0, arg_type(data, 0).bits());
  return results(inst, rest.bits, rest.overflow ? 1 : 0);
}
GANTRY_OP(UmulOverflow) {
  const u128 product = arg(data, 0) * arg(data, 1);
  return results(inst, product, product > mask_of(arg_type(data, 0).bits()) ? 1 : 0);
}
GANTRY_OP(SmulOverflow) {
  const u32 width = arg_type(data, 0).bits();
  const i128 product = sign_extend(arg(data, 0), width) * sign_extend(arg(data, 1), width);
  const u128 bits = static_cast<u128>(product);
  return results(inst, bits, product != sign_extend(bits, width) ? 1 : 0);
}
GANTRY_OP(UaddOverflowTrap) {
  const u32 width = arg_type(data, 0).bits();
  const Sum sum = add_unsigned(arg(data, 0), arg(data, 1), 0, width);
  return sum.overflow ? trap(data.trap_code()) : result(inst, sum.bits);
}
GANTRY_OP(SsubOverflowBin) {
  const Sum rest =
      sub_signed(arg(data, 0), arg(data, 1), arg(data, 2) != 0 ? 1 : 0, arg_type(data, 0).bits());
  return results(inst, rest.bits, rest.overflow ? 1 : 0);
}
GANTRY_OP(UsubOverflowBin) {
  const Sum rest = sub_unsigned(arg(data, 0), arg(data, 1), arg(data, 2) != 0 ? 1 : 0);
  return results(inst, rest.bits, rest.overflow ? 1 : 0);
}
GANTRY_OP(Band) { return result(inst, arg(data, 0) & arg(data, 1)); }
GANTRY_OP(Bor) { return result(inst, arg(data, 0) | arg(data, 1)); }
GANTRY_OP(Bxor) { return result(inst, arg(data, 0) ^ arg(data, 1)); }
GANTRY_OP(Bnot) { return result(inst, ~arg(data, 0) & mask_of(result_type(inst).bits())); }
GANTRY_OP(Rotl) {
  return shift(inst, data, [](u128 x, u32 n, u32 w) { return n == 0 ? x : x << n | x >> (w - n); });
}
GANTRY_OP(Rotr) {
  return shift(inst, data, [](u128 x, u32 n, u32 w) { return n == 0 ? x : x >> n | x << (w - n); });
}
GANTRY_OP(Ishl) {
  return shift(inst, data, [](u128 x, u32 n, u32) { return x << n; });
}
GANTRY_OP(Ushr) {
  return shift(inst, data, [](u128 x, u32 n, u32) { return x >> n; });
}
GANTRY_OP(Sshr) {
  return shift(inst, data,
               [](u128 x, u32 n, u32 w) { return static_cast<u128>(sign_extend(x, w) >> n); });
}
GANTRY_OP(Bitrev) {
  return map(inst, data, [](u128 x, u32 w) { return reverse_bits(x, w); });
}
GANTRY_OP(Clz) {
  return map(inst, data, [](u128 x, u32 w) { return u128{w - bit_length(x)}; });
}
GANTRY_OP(Cls) {
  return map(inst, data, [](u128 x, u32 w) {
    const u128 differing = sign_extend(x, w) < 0 ? ~x & mask_of(w) : x;
    return u128{w - 1 - bit_length(differing)};
  });
}
GANTRY_OP(Ctz) {
  return map(inst, data, [](u128 x, u32 w) { return u128{trailing_zeros(x, w)}; });
}
GANTRY_OP(Bswap) {
  return map(inst, data, [](u128 x, u32 w) { return swap_bytes(x, w / 8); });
}
GANTRY_OP(Popcnt) {
  return map(inst, data, [](u128 x, u32) { return u128{pop_count(x)}; });
}
GANTRY_OP(Bmask) { return result(inst, arg(data, 0) != 0 ? mask_of(result_type(inst).bits()) : 0); }
GANTRY_OP(Ireduce) { return result(inst, arg(data, 0) & mask_of(result_type(inst).bits())); }
GANTRY_OP(Uextend) { return result(inst, arg(data, 0)); }
GANTRY_OP(Sextend) {
  return result(inst, static_cast<u128>(sign_extend(arg(data, 0), arg_type(data, 0).bits())) &
                          mask_of(result_type(inst).bits()));
}
GANTRY_OP(Isplit) {
  return results(inst, arg(data, 0), arg(data, 0) >> (arg_type(data, 0).bits() / 2));
}
GANTRY_OP(Iconcat) { return result(inst, arg(data, 1) << arg_type(data, 0).bits() | arg(data, 0)); }
GANTRY_OP(Bitcast) {
  u128 bits = arg(data, 0);
  if (is_big(dfg_->mem_flags(data.mem_flags())) &&
      arg_type(data, 0).lane_count() != result_type(inst).lane_count()) {
    bits = reversed_lanes(reversed_lanes(bits, arg_type(data, 0)), result_type(inst));
  }
  return result(inst, bits);
}

// ---- floats

GANTRY_OP(Fcmp) {
  const u32 accepted = relations_of(data.float_cc());
  return compare_lanes(inst, data, [accepted](u128 x, u128 y, u32 w) {
    return (compare(float_format(w), x, y) & accepted) != 0;
  });
}
GANTRY_OP(Fadd) {
  return float2(
      inst, data, [](auto x, auto y) { return x + y; }, float_add);
}
GANTRY_OP(Fsub) {
  return float2(
      inst, data, [](auto x, auto y) { return x - y; }, float_sub);
}
GANTRY_OP(Fmul) {
  return float2(
      inst, data, [](auto x, auto y) { return x * y; }, float_mul);
}
GANTRY_OP(Fdiv) {
  return float2(
      inst, data, [](auto x, auto y) { return x / y; }, float_div);
}
GANTRY_OP(Sqrt) {
  return map(inst, data, [](u128 x, u32 w) {
    if (w == 32 || w == 64)
      return on_host(w, x, 0, 0, [](auto a, auto, auto) { return std::sqrt(a); });
    return float_sqrt(float_format(w), x);
  });
}
GANTRY_OP(Fma) {
  return map3(inst, data,
              [](u128 x, u128 y, u128 z, u32 w) { return float_fma(float_format(w), x, y, z); });
}
GANTRY_OP(Fneg) {
  return map(inst, data, [](u128 x, u32 w) { return x ^ u128 { 1 } << (w - 1); });
}
GANTRY_OP(Fabs) {
  return map(inst, data, [](u128 x, u32 w) { return x & ~(u128{1} << (w - 1)); });
}
GANTRY_OP(Fcopysign) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) {
    const u128 sign = u128{1} << (w - 1);
    return (x & ~sign) | (y & sign);
  });
}
GANTRY_OP(Fmin) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) { return float_min(float_format(w), x, y); });
}
GANTRY_OP(Fmax) {
  return map2(inst, data, [](u128 x, u128 y, u32 w) { return float_max(float_format(w), x, y); });
}
GANTRY_OP(Ceil) { return integral(inst, data, Rounding::Up); }
GANTRY_OP(Floor) { return integral(inst, data, Rounding::Down); }
GANTRY_OP(Trunc) { return integral(inst, data, Rounding::Zero); }
GANTRY_OP(Nearest) { return integral(inst, data, Rounding::NearestEven); }
GANTRY_OP(Fpromote) {
  return convert_lanes(inst, data, [](u128 x, u32 from, u32 to) {
    return convert(float_format(from), x, float_format(to));
  });
}
GANTRY_OP(Fdemote) { return op_Fpromote(inst, data); }
GANTRY_OP(Fvdemote) {
  const u128 x = arg(data, 0);
  return result(inst, convert(kBinary64, lane(x, 0, 64), kBinary32) |
                          convert(kBinary64, lane(x, 1, 64), kBinary32) << 32);
}
GANTRY_OP(FvpromoteLow) {
  return convert_lanes(inst, data,
                       [](u128 x, u32, u32) { return convert(kBinary32, x, kBinary64); });
}
// Conversion to i128, signed or not, ends at 2^127 - 1: numbers from there up to 2^128 become it
// without a trap. The opcode's description says otherwise (the number itself, or a trap), but the
// run tests of the language expect this, and they decide.
static IntConversion to_int_limited(const FloatFormat& format, u128 x, u32 bits, bool is_signed) {
  const IntConversion to = to_int(format, x, bits, is_signed);
  if (bits != 128) return to;
  const IntConversion whole = is_signed ? to_int(format, x, bits, false) : to;
  const u128 largest = static_cast<u128>(signed_max(128));
  if (whole.kind == IntConversion::Kind::Exact && whole.value > largest)
    return {IntConversion::Kind::Exact, largest};
  return to;
}
GANTRY_OP(FcvtToUint) {
  const IntConversion to = to_int_limited(float_format(arg_type(data, 0).bits()), arg(data, 0),
                                          result_type(inst).bits(), false);
  if (to.kind == IntConversion::Kind::Nan) return trap(ir::kTrapBadConversionToInteger);
  return to.kind == IntConversion::Kind::Exact ? result(inst, to.value)
                                               : trap(ir::kTrapIntegerOverflow);
}
GANTRY_OP(FcvtToSint) {
  const IntConversion to = to_int_limited(float_format(arg_type(data, 0).bits()), arg(data, 0),
                                          result_type(inst).bits(), true);
  if (to.kind == IntConversion::Kind::Nan) return trap(ir::kTrapBadConversionToInteger);
  return to.kind == IntConversion::Kind::Exact ? result(inst, to.value)
                                               : trap(ir::kTrapIntegerOverflow);
}
GANTRY_OP(FcvtToUintSat) {
  return convert_lanes(inst, data, [](u128 x, u32 from, u32 to) {
    const IntConversion whole = to_int_limited(float_format(from), x, to, false);
    if (whole.kind != IntConversion::Kind::TooHigh) return whole.value;
    return to == 128 ? static_cast<u128>(signed_max(to)) : mask_of(to);
  });
}
GANTRY_OP(FcvtToSintSat) {
  return convert_lanes(inst, data, [](u128 x, u32 from, u32 to) {
    const IntConversion whole = to_int(float_format(from), x, to, true);
    if (whole.kind == IntConversion::Kind::TooHigh) return static_cast<u128>(signed_max(to));
    return whole.kind == IntConversion::Kind::TooLow ? static_cast<u128>(signed_min(to))
                                                     : whole.value;
  });
}
GANTRY_OP(X86Cvtt2dq) {
  return convert_lanes(inst, data, [](u128 x, u32 from, u32 to) {
    const IntConversion whole = to_int(float_format(from), x, to, true);
    return whole.kind == IntConversion::Kind::Exact ? whole.value
                                                    : static_cast<u128>(signed_min(to));
  });
}
GANTRY_OP(FcvtFromUint) {
  return convert_lanes(inst, data,
                       [](u128 x, u32, u32 to) { return from_int(x, false, float_format(to)); });
}
GANTRY_OP(FcvtFromSint) {
  return convert_lanes(inst, data, [](u128 x, u32 from, u32 to) {
    const bool negative = sign_extend(x, from) < 0;
    return from_int(negative ? u128{0} - static_cast<u128>(sign_extend(x, from)) : x, negative,
                    float_format(to));
  });
}

// ---- library calls: arguments in scratch_, and results there after

Step Machine::lib_call(const Target& target, const ir::Signature& signature) {
  const std::string_view name = meta::kLibCalls[target.index].name;
  const auto give = [&](u128 bits) {
    scratch_.assign(1, bits);
    return Step::Next;
  };
  const auto takes = [&](std::initializer_list<Type> params, std::initializer_list<Type> returns) {
    if (signature.params.size() != params.size() || signature.returns.size() != returns.size())
      return false;
    for (usize i = 0; i < params.size(); ++i) {
      if (signature.params[i].type != params.begin()[i]) return false;
    }
    return returns.size() == 0 || signature.returns[0].type == *returns.begin();
  };
  const FloatFormat& format = name.ends_with("F32") ? kBinary32 : kBinary64;
  const Type type = name.ends_with("F32") ? ir::kF32 : ir::kF64;
  if (takes({type}, {type})) {
    if (name.starts_with("Ceil")) return give(round_to_integral(format, scratch_[0], Rounding::Up));
    if (name.starts_with("Floor"))
      return give(round_to_integral(format, scratch_[0], Rounding::Down));
    if (name.starts_with("Trunc"))
      return give(round_to_integral(format, scratch_[0], Rounding::Zero));
    if (name.starts_with("Nearest"))
      return give(round_to_integral(format, scratch_[0], Rounding::NearestEven));
  }
  if (name.starts_with("Fma") && takes({type, type, type}, {type})) {
    return give(float_fma(format, scratch_[0], scratch_[1], scratch_[2]));
  }
  const bool copies = name == "Memcpy" || name == "Memmove", compares = name == "Memcmp";
  if ((copies && takes({ir::kI64, ir::kI64, ir::kI64}, {ir::kI64})) ||
      (compares && takes({ir::kI64, ir::kI64, ir::kI64}, {ir::kI32})) ||
      (name == "Memset" && takes({ir::kI64, ir::kI32, ir::kI64}, {ir::kI64}))) {
    const u64 count = static_cast<u64>(scratch_[2]);
    u8* to = bytes_at(static_cast<u64>(scratch_[0]), count);
    u8* from = name == "Memset" ? to : bytes_at(static_cast<u64>(scratch_[1]), count);
    if (to == nullptr || from == nullptr) return trap(ir::kTrapHeapOutOfBounds);
    if (count / 256 > fuel_) return out_of_fuel();
    fuel_ -= count / 256;
    if (compares) {
      const int order = count == 0 ? 0 : std::memcmp(to, from, count);
      return give(order < 0 ? mask_of(32) : order > 0 ? 1 : 0);
    }
    if (count != 0) {
      if (copies) {
        std::memmove(to, from, count);
      } else {
        std::memset(to, static_cast<u8>(scratch_[1]), count);
      }
    }
    return give(scratch_[0]);
  }
  return stop(Outcome::Kind::Unsupported, "library call " + target.name);
}

// ---- the loop

Outcome Machine::run(u32 unit, std::span<const ir::DataValue> args) {
  const ir::Function& func = *program_.units[unit].func;
  const std::vector<ir::AbiParam>& params = func.signature.params;
  bool fits = params.size() == args.size() && func.layout.entry().has_value();
  for (usize i = 0; fits && i < args.size(); ++i) {
    fits = params[i].type == args[i].type;
    scratch_.push_back(args[i].bits());
  }
  if (!fits) {
    stop(Outcome::Kind::BadInput,
         "the arguments are not those of the signature of " + function_name(func.name));
    return std::move(outcome_);
  }
  Step step = enter(unit);
  while (step != Step::Stop) {
    if (step == Step::Next) pc_ = *layout_->next_inst(pc_);
    if (fuel_ == 0) {
      out_of_fuel();
      break;
    }
    --fuel_;
    const Inst inst = pc_;
    const InstData& data = (*dfg_)[inst];
    switch (data.opcode) {
#define GANTRY_OPCODE(Name, text, Format) \
  case Opcode::Name:                      \
    step = op_##Name(inst, data);         \
    break;
#include "gantry/gen/meta/opcode_list.inc"
#undef GANTRY_OPCODE
    }
  }
  return std::move(outcome_);
}

#undef GANTRY_OP

}  // namespace

struct Interpreter::State {
  Program program;
};

Interpreter::Interpreter(const Options& options)
    : state_(new State{Program{options, {}, {}, {}, {}, {}}}) {
  // Stack addresses end where code addresses begin.
  state_->program.options.max_stack_bytes =
      std::min(options.max_stack_bytes, kCodeBase - kStackBase);
}

Interpreter::~Interpreter() { delete state_; }

void Interpreter::add_function(const ir::Function& func) {
  const u32 unit = state_->program.add(func);
  state_->program.unit_by_name.insert_or_assign(function_name(func.name), unit);
  state_->program.forget_preparations();
}

const ir::Function* Interpreter::find_function(std::string_view name) const {
  const auto found = state_->program.unit_by_name.find(name);
  return found == state_->program.unit_by_name.end() ? nullptr
                                                     : state_->program.units[found->second].func;
}

Outcome Interpreter::run(const ir::Function& func, std::span<const ir::DataValue> args) {
  return Machine(state_->program).run(state_->program.add(func), args);
}

}  // namespace gantry::interp

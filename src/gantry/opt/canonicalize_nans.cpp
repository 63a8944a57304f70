// Problem: IEEE 754 leaves open which NaN an operation gives, and processors differ.
// Idea: the operation gets a result of its own, and the instruction that stood there becomes the
// choice between that and the canonical NaN: all uses, the location and the debug tags stay with
// it. Constants are made beside each use: they are cheap, and later passes share them where that
// pays.
#include "gantry/opt/canonicalize_nans.h"

#include <array>

namespace gantry::opt {

using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::Type;
using ir::Value;

namespace {

constexpr u32 kMaxVectorBytes = 256 * 16;  // lanes of the longest vector, bytes of the widest lane
using VectorBytes = std::array<u8, kMaxVectorBytes>;

bool makes_nans(Opcode opcode) {
  switch (opcode) {
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
      return true;
    default:
      return false;
  }
}

// Exponent and the highest bit of the fraction, in the upper half of the lane (all of it for f16).
u64 high_bits_of_nan(Type lane) {
  if (lane == ir::kF16) return 0x7e00;
  if (lane == ir::kF32) return 0x7fc00000;
  if (lane == ir::kF64) return 0x7ff8000000000000;
  return 0x7fff800000000000;
}

// Little-endian lanes, as the constant pool keeps them; returns their number of bytes.
u32 write_nans(Type type, VectorBytes& bytes) {
  const u32 lane_bytes = type.lane_type().bytes(), high_bytes = lane_bytes < 8 ? lane_bytes : 8;
  const u64 high = high_bits_of_nan(type.lane_type());
  u32 at = 0;
  for (u32 lane = 0; lane < type.lane_count(); ++lane) {
    for (u32 i = 0; i < lane_bytes - high_bytes; ++i) bytes[at++] = 0;
    for (u32 i = 0; i < high_bytes; ++i) bytes[at++] = static_cast<u8>(high >> (8 * i));
  }
  return at;
}

class Canonicalizer {
 public:
  explicit Canonicalizer(ir::Function& func) : func_(func), dfg_(func.dfg) {}

  // `inst` becomes the choice.
  void rewrite(Inst inst) {
    const Type type = dfg_.type(dfg_.first_result(inst));
    const InstData operation = dfg_[inst];
    const Value raw = insert(operation, type, inst);
    InstData compare{.opcode = Opcode::Fcmp, .aux = static_cast<u8>(ir::FloatCC::Unordered)};
    compare.set_arg(0, raw);
    compare.set_arg(1, raw);
    Value is_nan = insert(compare, type, inst);
    InstData choice{.opcode = Opcode::Select};
    if (type.is_vector()) {
      choice.opcode = Opcode::Bitselect;
      InstData cast{.opcode = Opcode::Bitcast};
      cast.set_arg(0, is_nan);
      is_nan = insert(cast, type, inst);
    }
    choice.set_arg(0, is_nan);
    choice.set_arg(1, nan(type, inst));
    choice.set_arg(2, raw);
    dfg_[inst] = choice;
  }

 private:
  Value insert(const InstData& data, Type control, Inst before) {
    const Inst inst = dfg_.make_inst(data);
    dfg_.make_results(inst, control);
    func_.layout.insert_inst_before(inst, before);
    func_.copy_source_place(inst, before);
    return dfg_.first_result(inst);
  }
  Value nan(Type type, Inst before) {
    InstData data;
    if (type == ir::kF16 || type == ir::kF32 || type == ir::kF64) {
      data.opcode = type == ir::kF16   ? Opcode::F16const
                    : type == ir::kF32 ? Opcode::F32const
                                       : Opcode::F64const;
      data.set_wide(high_bits_of_nan(type));
    } else {
      data.opcode = type.is_vector() ? Opcode::Vconst : Opcode::F128const;
      VectorBytes bytes;
      data.words[0] = dfg_.add_constant({bytes.data(), write_nans(type, bytes)}).index();
    }
    return insert(data, type, before);
  }

  ir::Function& func_;
  ir::DataFlowGraph& dfg_;
};

}  // namespace

void canonicalize_nans(ir::Function& func, Session&) {
  Canonicalizer canonicalizer(func);
  for (const ir::Block block : func.layout.blocks()) {
    for (PackedOption<Inst> at = func.layout.first_inst(block); at;
         at = func.layout.next_inst(*at)) {
      if (!makes_nans(func.dfg.opcode(*at))) continue;
      if (!func.dfg.type(func.dfg.first_result(*at)).is_dynamic()) canonicalizer.rewrite(*at);
    }
  }
}

}  // namespace gantry::opt

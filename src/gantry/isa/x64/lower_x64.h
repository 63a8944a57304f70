#pragma once
// The context in which the x64 lowering rules run: what rules ask and make beyond the generated
// instructions.
#include <string>

#include "gantry/gen/isle/x64_lower/rules.h"
#include "gantry/isa/x64/abi.h"
#include "gantry/isa/x64/encode.h"
#include "gantry/isa/x64/insts.h"
#include "gantry/isa/x64/lower_types.h"
#include "gantry/target/settings.h"

namespace gantry::isa::x64 {

// What lowering needs to know of the settings.
struct LowerOptions {
  Features features;
  AbiOptions abi;
  target::TlsModel tls_model = target::TlsModel::None;
  target::StackSwitchModel stack_switch_model = target::StackSwitchModel::None;
  bool is_pic = false;
  bool colocated_libcalls = false;
};

// A constant of the function's pool, named by its number in Mode::Constant.
struct PoolConstant {
  u8 bytes[16];
  u8 size;  // and alignment: 4, 8 or 16
};

class X64Lower final : public machinst::LowerContext, public X64Insts {
 public:
  explicit X64Lower(const LowerOptions& options);
  // Other settings for the functions to come: the working memory outlives any one choice of them.
  void configure(const LowerOptions& options) {
    options_ = options;
    features_ = options.features;
  }

  // ---- the driver's interface
  bool lower_inst(Inst inst, InstOutput& output);
  bool lower_terminator(Inst inst);
  machinst::VReg lower_constant(Value value);
  // At the end of an edge's block.
  void lower_jump(MBlock target) {
    load_try_results();
    x64_jmp(target);
  }
  void lower_params();
  Error failure(Inst inst);
  // Signatures that no convention takes are found before lowering starts.
  Result<void> prepare(const ir::Function& func);

  std::span<const PoolConstant> pool() const { return pool_; }
  std::span<const ExternalRef> externals() const { return externals_; }
  const AbiSignature& own_abi() const { return own_abi_; }
  // The largest stack-argument area of any tail call; 0 without.
  u32 max_tail_arg_bytes() const { return max_tail_arg_bytes_; }
  // The function reads the frame pointer, or somebody who resumes it finds its frame by it.
  bool needs_frame_record() const { return needs_frame_record_; }
  std::span<const u32> slot_offsets() const { return slot_offsets_; }
  u32 slot_bytes() const { return slot_bytes_; }

  // ---- members rules call; declared by islec from the rules
  X64_LOWER_CONTEXT_METHODS

  static constexpr Type I8() { return ir::kI8; }
  static constexpr Type I16() { return ir::kI16; }
  static constexpr Type I32() { return ir::kI32; }
  static constexpr Type I64() { return ir::kI64; }
  static constexpr Type I128() { return ir::kI128; }
  static constexpr Type F32() { return ir::kF32; }
  static constexpr Type F64() { return ir::kF64; }

 private:
  // Null (and the reason noted) when the signature has no layout here.
  const AbiSignature* abi_of(SigRef signature);
  void fail(std::string_view reason, ErrorKind kind = ErrorKind::Unsupported) {
    if (!failure_reason_.empty()) return;
    failure_reason_ = reason;
    failure_kind_ = kind;
  }
  AMode indexed(Value base, Value index, u8 shift, i32 disp, u8 trap);
  AMode address_of(Value p, i64 offset, u8 trap);
  Gpr constant_or_reg(Value value);
  bool overflow_of(Value bit, ir::Opcode op, Inst& inst) const;
  bool clears_upper_half_as_result(Value value) const;
  bool is_clear_param(Value value);
  u64 largest_of(Value value);
  // Of what instructions say; `depth`: how many of them are looked at in a row.
  u64 bound_of(Value value, u32 depth) const;
  // Visits what is passed to a parameter of an inner block until `each` says to stop: a value that
  // is a parameter itself may be followed, as far as the limits go. False if it stopped, or if not
  // all could be seen. The parameters followed are then in seen_params_.
  enum class Visit : u8 { Stop, Done, Follow };
  template <class F>
  bool for_each_passed(Value param, F&& each);
  InstOutput shift128_by(u8 kind, Gpr lo, Gpr hi, u32 number);
  bool lea_shift_of(Value value, Value& shifted, u8& amount);
  // A count reduced to the width of `ty`.
  bool constant_count(Type ty, Value count, u32& number);
  Value count_source(Type ty, Value count, bool& exact);
  // A word of an argument or result, extended as its place asks.
  VReg word_of(const Place& place, Value value);
  void store_word(const Place& place, VReg reg, const AMode& to);
  VReg load_word(const Place& place, const AMode& from);
  // Copies what is passed by value; the areas do not overlap.
  void copy_struct(const AMode& from, const AMode& to, u32 bytes);
  // What calls of all kinds begin with.
  struct CallParts {
    const AbiSignature* abi = nullptr;
    std::span<const Value> args;
    PackedOption<Value> callee;  // indirect calls
    machinst::CallInfo info;     // with the block, and the target of a direct call
  };
  // False (and the reason noted) if the signature has no layout. Empties call_operands_.
  bool take_call_apart(Inst inst, CallParts& parts);
  // Puts arguments where `abi` wants them: stores, and uses in call_operands_. Stack words go to
  // `area` + their offset. Structs are copied from where their pointers say or, if they are staged,
  // from the area of outgoing arguments.
  void place_args(const AbiSignature& abi, std::span<const Value> args, Mode area, i32 area_offset,
                  bool staged = false);
  // Results of a call: defs in call_operands_, for values somebody wants.
  void define_results(const AbiSignature& abi, std::span<const Value> results);
  void load_stack_results(const AbiSignature& abi, std::span<const Value> results);
  void push_call(const machinst::CallInfo& call, PackedOption<Value> callee);
  void lower_return(std::span<const Value> values);
  void lower_tail_call(Inst inst);
  void lower_try_call(Inst inst);
  // On the normal edge of a try_call, the results that come in memory.
  void load_try_results();
  void lower_br_table(Inst inst);
  AMode constant_bytes(const void* bytes, u8 size);
  // The place of a scalar that is a constant other than zero, which is cheaper made than read.
  bool float_constant(Value value, AMode& place);
  u32 add_external(const ExternalRef& use);
  Gpr name_address(ir::ExternalName name, bool colocated, i64 addend);
  Gpr plus_offset(Gpr base, i64 offset);
  Xmm libcall(LibCall call, std::span<const Xmm> args);

  LowerOptions options_;
  AbiSignature own_abi_;
  std::vector<AbiSignature> abis_;  // by SigRef
  std::vector<u8> abi_known_;
  std::vector<PoolConstant> pool_;
  std::vector<ExternalRef> externals_;
  std::vector<Operand> call_operands_;
  enum class Clear : u8 { Unknown, Yes, No };
  std::vector<Clear> known_clear_;  // by value: what is_clear_param has found
  std::vector<Value> seen_params_;  // by for_each_passed
  std::vector<machinst::ValueRegs> try_returns_;
  std::vector<u32> slot_offsets_;  // by stack slot, from the start of their area
  u32 slot_bytes_ = 0;
  VReg return_area_;  // address of the area for this function's results
  VReg sret_pointer_;
  u32 max_tail_arg_bytes_ = 0;
  bool needs_frame_record_ = false;
  std::string failure_reason_;
  ErrorKind failure_kind_ = ErrorKind::Unsupported;
};

}  // namespace gantry::isa::x64

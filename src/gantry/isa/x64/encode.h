#pragma once
// Instructions to bytes, after allocation: nothing is rewritten, places run parallel to the
// operands.
#include <initializer_list>
#include <span>

#include "gantry/isa/x64/operand_types.h"
#include "gantry/isa/x64/regs.h"
#include "gantry/isa/x64/table.h"
#include "gantry/machinst/mach_buffer.h"

namespace gantry::isa::x64 {

using machinst::Label;
using machinst::MachBuffer;
using regalloc::Allocation;

// Kinds of reference to a label: all relative, counted from the end of the instruction. Behind a
// rip-relative displacement an immediate of 1, 2 or 4 bytes may follow.
enum class LabelUse : u8 { Rel8, Rel32, Rel32Imm1, Rel32Imm2, Rel32Imm4 };
extern const machinst::LabelUseInfo kX64LabelUses[5];
extern const machinst::ShortBranch kX64ShortBranch;
inline constexpr u8 kX64TrapBytes[2] = {0x0f, 0x0b};  // ud2

// A name outside the function, with what is added to its address.
struct ExternalRef {
  ir::ExternalName name;
  i64 addend;
};

// Where the areas of the frame lie.
struct FrameBases {
  i32 spills = 0;     // from rsp to spill slot 0
  i32 slots = 0;      // from rsp to the stack slots' area
  i32 incoming = 16;  // from rbp, or rsp in a frame without pointer, to the first incoming argument
  bool has_pointer = true;
  i32 outgoing = 0;  // from rsp to the first outgoing argument
};

struct EmitContext;

// A pseudo-instruction on its way to bytes.
struct PseudoInst {
  const MInst& inst;
  std::span<const Allocation> allocs;

  CC cc() const { return static_cast<CC>(inst.mode >> 4); }
  CC cc2() const { return static_cast<CC>(inst.aux); }
  PReg reg(u32 slot) const { return allocs[slot].as_reg(); }
};

// What only the frame and the calling convention know; the backend's emission driver implements it.
class EmitHooks {
 public:
  virtual void emit_rets(const PseudoInst& inst, EmitContext& context) = 0;
  virtual void emit_call_known(const PseudoInst& inst, EmitContext& context) = 0;
  virtual void emit_call_unknown(const PseudoInst& inst, EmitContext& context) = 0;
  virtual void emit_return_call_known(const PseudoInst& inst, EmitContext& context) = 0;
  virtual void emit_return_call_unknown(const PseudoInst& inst, EmitContext& context) = 0;
  virtual void emit_tls_call(const PseudoInst& inst, EmitContext& context) = 0;
  virtual void emit_stack_switch_call(const PseudoInst& inst, EmitContext& context) = 0;

 protected:
  ~EmitHooks() = default;
};

// Everything an instruction may refer to by number.
struct EmitContext {
  MachBuffer& buffer;
  FrameBases frame;
  std::span<const u64> constants64;      // of movabs
  std::span<const Label> pool;           // Mode::Constant: label of each constant
  std::span<const ExternalRef> symbols;  // Mode::Symbol, Mode::GotSymbol, load_ext_name_*
  std::span<const u32> table_ranges;     // jump table i: table_targets[range i, range i + 1)
  std::span<const u32> table_targets;    // blocks
  EmitHooks* hooks = nullptr;
  bool avx = false;
};

// Appends one instruction. `allocs` are the places of its operands in slot order (meta::slots_of).
void emit_inst(const MInst& inst, std::span<const Allocation> allocs, EmitContext& context);

// Performs a move of the allocator: register to register, to or from a spill slot.
void emit_move(Allocation from, Allocation to, RegClass reg_class, bool wide, EmitContext& context);

// ---- for code written by hand (frames, calls, expansions): an instruction over given registers.
// Registers in slot order; a modified register stands twice.
void emit_regs(Opcode opcode, std::initializer_list<PReg> regs, EmitContext& context, i32 imm = 0,
               CC cc = CC::O);
// With the M operand in memory: `m.mode`, `m.disp` as in instructions; base and index are the last
// of `regs`.
void emit_mem(Opcode opcode, std::initializer_list<PReg> regs, Mode mode, i32 disp,
              EmitContext& context, i32 imm = 0);
// Jumps that the buffer may shorten or remove.
void emit_jmp(Label target, EmitContext& context);
void emit_jcc(CC cc, Label target, EmitContext& context);
// call or jmp to a name; the relocation counts from the end of the field.
void emit_call_name(const ExternalRef& ref, target::RelocKind kind, EmitContext& context);
void emit_jmp_name(const ExternalRef& ref, target::RelocKind kind, EmitContext& context);
// `bytes` bytes of padding in as few instructions as possible.
void emit_nops(u32 bytes, EmitContext& context);

}  // namespace gantry::isa::x64

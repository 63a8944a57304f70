#pragma once
// The registers of x86-64 by name, and what the allocator may use of them.
#include "gantry/regalloc/input.h"

namespace gantry::isa::x64 {

using regalloc::PReg;
using regalloc::PRegSet;
using regalloc::RegClass;

constexpr PReg gpr_reg(u32 enc) { return PReg(RegClass::Int, enc); }
constexpr PReg xmm_reg(u32 enc) { return PReg(RegClass::Float, enc); }

inline constexpr PReg kRax = gpr_reg(0), kRcx = gpr_reg(1), kRdx = gpr_reg(2), kRbx = gpr_reg(3), kRsp = gpr_reg(4),
                      kRbp = gpr_reg(5), kRsi = gpr_reg(6), kRdi = gpr_reg(7), kR8 = gpr_reg(8), kR9 = gpr_reg(9),
                      kR10 = gpr_reg(10), kR11 = gpr_reg(11), kR12 = gpr_reg(12), kR13 = gpr_reg(13),
                      kR14 = gpr_reg(14), kR15 = gpr_reg(15);

// What a call of the C convention may destroy, and what it keeps (System V ABI, figure 3.4). rsp and rbp are never
// handed out.
inline constexpr PRegSet kCallerSaved = {
    kRax, kRcx, kRdx, kRsi, kRdi, kR8, kR9, kR10, kR11, xmm_reg(0), xmm_reg(1), xmm_reg(2), xmm_reg(3), xmm_reg(4),
    xmm_reg(5), xmm_reg(6), xmm_reg(7), xmm_reg(8), xmm_reg(9), xmm_reg(10), xmm_reg(11), xmm_reg(12), xmm_reg(13),
    xmm_reg(14), xmm_reg(15)};
inline constexpr PRegSet kCalleeSavedGprs = {kRbx, kR12, kR13, kR14, kR15};
inline constexpr PRegSet kAllRegs = [] {
  PRegSet all = kCallerSaved;
  all |= kCalleeSavedGprs;
  return all;
}();

// `pinned`: r15 is reserved.
const regalloc::MachineEnv& machine_env(bool pinned);

}  // namespace gantry::isa::x64

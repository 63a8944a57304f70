#pragma once
// The registers of x86-64 by name, and what the allocator may use of them.
#include "gantry/regalloc/input.h"

namespace gantry::isa::x64 {

using regalloc::PReg;
using regalloc::PRegSet;
using regalloc::RegClass;

constexpr PReg gpr(u32 enc) { return PReg(RegClass::Int, enc); }
constexpr PReg xmm(u32 enc) { return PReg(RegClass::Float, enc); }

inline constexpr PReg kRax = gpr(0), kRcx = gpr(1), kRdx = gpr(2), kRbx = gpr(3), kRsp = gpr(4),
                      kRbp = gpr(5), kRsi = gpr(6), kRdi = gpr(7), kR8 = gpr(8), kR9 = gpr(9),
                      kR10 = gpr(10), kR11 = gpr(11), kR12 = gpr(12), kR13 = gpr(13),
                      kR14 = gpr(14), kR15 = gpr(15);

// What a call of the C convention may destroy, and what it keeps (System V ABI, figure 3.4). rsp
// is never handed out, rbp only where it does not point to the frame.
inline constexpr PRegSet kCallerSaved = {
    kRax,   kRcx,    kRdx,    kRsi,    kRdi,    kR8,     kR9,    kR10,   kR11,
    xmm(0), xmm(1),  xmm(2),  xmm(3),  xmm(4),  xmm(5),  xmm(6), xmm(7), xmm(8),
    xmm(9), xmm(10), xmm(11), xmm(12), xmm(13), xmm(14), xmm(15)};
inline constexpr PRegSet kCalleeSavedGprs = {kRbx, kRbp, kR12, kR13, kR14, kR15};
inline constexpr PRegSet kAllRegs = [] {
  PRegSet all = kCallerSaved;
  all |= kCalleeSavedGprs;
  return all;
}();

// `pinned`: r15 is reserved; `framed`: rbp points to the frame.
const regalloc::MachineEnv& machine_env(bool pinned, bool framed);

}  // namespace gantry::isa::x64

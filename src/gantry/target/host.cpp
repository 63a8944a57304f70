// Problem: code may use only what this processor has and what the system saves when it switches
// threads. Idea: ask CPUID (Intel's manual, volume 2A), and believe AVX and AVX-512 only when XCR0
// says that the system keeps their state. Other architectures report their base line: nothing
// compiles for them on their own hosts yet.
#include "gantry/target/settings.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace gantry::target {

#if defined(__x86_64__)
namespace {

struct Leaf {
  u32 eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// All zero when the processor has no such leaf.
Leaf read_leaf(u32 leaf, u32 subleaf = 0) {
  Leaf regs;
  if (__get_cpuid_count(leaf, subleaf, &regs.eax, &regs.ebx, &regs.ecx, &regs.edx) == 0) return {};
  return regs;
}

u64 read_xcr0() {
  u32 low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low | u64{high} << 32;
}

constexpr bool bit(u64 word, u32 index) { return ((word >> index) & 1) != 0; }

u64 detect_x86() {
  const Leaf features = read_leaf(1);
  const Leaf extended = read_leaf(7);
  const Leaf more = read_leaf(7, 1);
  const Leaf amd = read_leaf(0x80000001);
  const u64 saved = bit(features.ecx, 27) ? read_xcr0() : 0;  // OSXSAVE
  const bool avx_saved = (saved & 0x06) == 0x06;              // xmm and the upper halves of ymm
  const bool avx512_saved = (saved & 0xe6) == 0xe6;           // mask registers, upper zmm, zmm16-31

  u64 bits = 0;
  const auto feature = [&bits](bool present, u32 flag) { bits |= u64{present} << flag; };
  feature(bit(features.ecx, 0), isa_flag(kX86, "has_sse3"));
  feature(bit(features.ecx, 9), isa_flag(kX86, "has_ssse3"));
  feature(bit(features.ecx, 13), isa_flag(kX86, "has_cmpxchg16b"));
  feature(bit(features.ecx, 19), isa_flag(kX86, "has_sse41"));
  feature(bit(features.ecx, 20), isa_flag(kX86, "has_sse42"));
  feature(bit(features.ecx, 23), isa_flag(kX86, "has_popcnt"));
  feature(avx_saved && bit(features.ecx, 28), isa_flag(kX86, "has_avx"));
  feature(avx_saved && bit(features.ecx, 12), isa_flag(kX86, "has_fma"));
  feature(avx_saved && bit(extended.ebx, 5), isa_flag(kX86, "has_avx2"));
  feature(avx_saved && bit(more.eax, 4), isa_flag(kX86, "has_avx_vnni"));
  feature(bit(extended.ebx, 3), isa_flag(kX86, "has_bmi1"));
  feature(bit(extended.ebx, 8), isa_flag(kX86, "has_bmi2"));
  feature(bit(amd.ecx, 5), isa_flag(kX86, "has_lzcnt"));
  feature(avx512_saved && bit(extended.ebx, 16), isa_flag(kX86, "has_avx512f"));
  feature(avx512_saved && bit(extended.ebx, 17), isa_flag(kX86, "has_avx512dq"));
  feature(avx512_saved && bit(extended.ebx, 31), isa_flag(kX86, "has_avx512vl"));
  feature(avx512_saved && bit(extended.ecx, 1), isa_flag(kX86, "has_avx512vbmi"));
  feature(avx512_saved && bit(extended.ecx, 11), isa_flag(kX86, "has_avx512vnni"));
  feature(avx512_saved && bit(extended.ecx, 12), isa_flag(kX86, "has_avx512bitalg"));
  return bits;
}

}  // namespace
#endif

IsaFlags host_isa_flags(Arch arch) {
  IsaFlags flags(arch);
#if defined(__x86_64__)
  if (arch == Arch::X86_64) flags.set_bits(detect_x86());
#endif
  return flags;
}

}  // namespace gantry::target

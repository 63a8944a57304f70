#pragma once
// Target triples: `x86_64`, `aarch64-apple-darwin`, `x86_64-unknown-linux-gnu`, `pulley64be`.
#include <optional>
#include <string_view>

#include "gantry/ir/signature.h"
#include "gantry/ir/types.h"
#include "gantry/support/result.h"

namespace gantry::target {

enum class Arch : u8 {
  X86_64,
  Aarch64,
  Riscv64,
  S390x,
  Pulley32,
  Pulley64,
  Pulley32be,
  Pulley64be
};
enum class Vendor : u8 { Unknown, Apple, Pc, Ibm };
enum class Os : u8 {
  Unknown,
  None,
  Linux,
  Darwin,
  Windows,
  Freebsd,
  Netbsd,
  Openbsd,
  Android,
  Wasi
};
enum class AbiEnv : u8 { Unknown, Gnu, Musl, Msvc };
enum class Endianness : u8 { Little, Big };

struct Triple {
  Arch arch = Arch::X86_64;
  Vendor vendor = Vendor::Unknown;
  Os os = Os::Unknown;
  AbiEnv env = AbiEnv::Unknown;

  // Syntax error `unknown architecture 'x'`; parts behind the architecture that are not known are
  // taken as Unknown.
  static Result<Triple> parse(std::string_view text);
  // What this program runs on; none if this architecture is not among the known ones.
  static std::optional<Triple> host();

  u32 pointer_bits() const { return arch == Arch::Pulley32 || arch == Arch::Pulley32be ? 32 : 64; }
  u32 pointer_bytes() const { return pointer_bits() / 8; }
  ir::Type pointer_type() const { return pointer_bits() == 32 ? ir::kI32 : ir::kI64; }
  Endianness endianness() const {
    return arch == Arch::S390x || arch == Arch::Pulley32be || arch == Arch::Pulley64be
               ? Endianness::Big
               : Endianness::Little;
  }
  bool is_pulley() const { return arch >= Arch::Pulley32; }
  ir::CallConv default_call_conv() const;

  friend constexpr bool operator==(const Triple&, const Triple&) = default;
};

std::string_view to_string(Arch arch);
// Architecture, and the rest as far as it is known: `x86_64-unknown-linux-gnu`, or just `x86_64`.
void write_triple(const Triple& triple, TextWriter& out);

}  // namespace gantry::target

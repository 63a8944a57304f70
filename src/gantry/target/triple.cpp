// Problem: triples are written loosely (`x86_64`, `arm64-apple-macosx11`,
// `riscv64gc-unknown-linux-gnu`). Idea: the first part decides and must be known; the others are
// recognised wherever they stand, by what they begin with, so that version numbers and left-out
// vendors do no harm.
#include "gantry/target/triple.h"

#include <iterator>
#include <string>

namespace gantry::target {
namespace {

struct ArchName {
  std::string_view name;
  Arch arch;
};
// The first name of an architecture is the one that is printed.
constexpr ArchName kArchNames[] = {
    {"x86_64", Arch::X86_64},         {"aarch64", Arch::Aarch64},
    {"riscv64", Arch::Riscv64},       {"s390x", Arch::S390x},
    {"pulley32", Arch::Pulley32},     {"pulley64", Arch::Pulley64},
    {"pulley32be", Arch::Pulley32be}, {"pulley64be", Arch::Pulley64be},
    {"amd64", Arch::X86_64},          {"arm64", Arch::Aarch64},
};

template <class T>
struct PartName {
  std::string_view name;
  T value;
};
constexpr PartName<Vendor> kVendors[] = {
    {"apple", Vendor::Apple}, {"pc", Vendor::Pc}, {"ibm", Vendor::Ibm}};
// `darwin` is what is printed for all of Apple's systems.
constexpr PartName<Os> kSystems[] = {
    {"linux", Os::Linux},   {"darwin", Os::Darwin},   {"macos", Os::Darwin},
    {"ios", Os::Darwin},    {"windows", Os::Windows}, {"freebsd", Os::Freebsd},
    {"netbsd", Os::Netbsd}, {"openbsd", Os::Openbsd}, {"android", Os::Android},
    {"wasi", Os::Wasi},     {"none", Os::None},
};
constexpr PartName<AbiEnv> kEnvironments[] = {
    {"gnu", AbiEnv::Gnu}, {"musl", AbiEnv::Musl}, {"msvc", AbiEnv::Msvc}};

// The row whose name `part` begins with, or `other`.
template <class T, usize N>
T recognise(const PartName<T> (&rows)[N], std::string_view part, T other) {
  for (const PartName<T>& row : rows) {
    if (part.starts_with(row.name)) return row.value;
  }
  return other;
}
template <class T, usize N>
std::string_view name_of(const PartName<T> (&rows)[N], T value) {
  for (const PartName<T>& row : rows) {
    if (row.value == value) return row.name;
  }
  return "unknown";
}

}  // namespace

Result<Triple> Triple::parse(std::string_view text) {
  const std::string_view arch_text = text.substr(0, text.find('-'));
  Triple triple;
  bool known = false;
  for (const ArchName& row : kArchNames) {
    if (row.name == arch_text) {
      triple.arch = row.arch;
      known = true;
    }
  }
  // riscv64 is followed by the letters of its extensions; settings say what may be used.
  if (!known && arch_text.starts_with("riscv64")) {
    triple.arch = Arch::Riscv64;
    known = true;
  }
  if (!known) {
    return Error(ErrorKind::Unsupported, "unknown architecture '" + std::string(arch_text) + "'");
  }
  std::string_view rest = text.substr(arch_text.size());
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view part = rest.substr(0, rest.find('-'));
    rest.remove_prefix(part.size());
    triple.vendor = recognise(kVendors, part, triple.vendor);
    triple.os = recognise(kSystems, part, triple.os);
    triple.env = recognise(kEnvironments, part, triple.env);
  }
  return triple;
}

std::optional<Triple> Triple::host() {
  Triple triple;
#if defined(__x86_64__)
  triple.arch = Arch::X86_64;
#elif defined(__aarch64__)
  triple.arch = Arch::Aarch64;
#elif defined(__riscv) && __riscv_xlen == 64
  triple.arch = Arch::Riscv64;
#elif defined(__s390x__)
  triple.arch = Arch::S390x;
#else
  return std::nullopt;
#endif
#if defined(__ANDROID__)
  triple.os = Os::Android;
#elif defined(__linux__)
  triple.os = Os::Linux;
#if defined(__GLIBC__)
  triple.env = AbiEnv::Gnu;
#else
  triple.env = AbiEnv::Musl;
#endif
#elif defined(__APPLE__)
  triple.vendor = Vendor::Apple;
  triple.os = Os::Darwin;
#elif defined(__FreeBSD__)
  triple.os = Os::Freebsd;
#elif defined(__NetBSD__)
  triple.os = Os::Netbsd;
#elif defined(__OpenBSD__)
  triple.os = Os::Openbsd;
#endif
  return triple;
}

ir::CallConv Triple::default_call_conv() const {
  if (os == Os::Windows) return ir::CallConv::WindowsFastcall;
  if (os == Os::Darwin && arch == Arch::Aarch64) return ir::CallConv::AppleAarch64;
  return ir::CallConv::SystemV;
}

std::string_view to_string(Arch arch) {
  for (const ArchName& row : kArchNames) {
    if (row.arch == arch) return row.name;
  }
  unreachable("Arch");
}

void write_triple(const Triple& triple, TextWriter& out) {
  out.write(to_string(triple.arch));
  if (triple.vendor == Vendor::Unknown && triple.os == Os::Unknown) return;
  out.put('-', name_of(kVendors, triple.vendor), '-', name_of(kSystems, triple.os));
  if (triple.env != AbiEnv::Unknown) out.put('-', name_of(kEnvironments, triple.env));
}

}  // namespace gantry::target

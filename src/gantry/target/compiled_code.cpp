// Names of relocation kinds, as printed beside disassembled code.
#include "gantry/target/compiled_code.h"

#include "gantry/support/check.h"

namespace gantry::target {

std::string_view to_string(RelocKind kind) {
  switch (kind) {
    case RelocKind::Abs4:
      return "Abs4";
    case RelocKind::Abs8:
      return "Abs8";
    case RelocKind::X86PCRel4:
      return "PCRel4";
    case RelocKind::X86CallPCRel4:
      return "CallPCRel4";
    case RelocKind::X86CallPLTRel4:
      return "CallPLTRel4";
    case RelocKind::X86GOTPCRel4:
      return "GOTPCRel4";
    case RelocKind::X86SecRel:
      return "SecRel";
    case RelocKind::ElfX86_64TlsGd:
      return "ElfX86_64TlsGd";
    case RelocKind::MachOX86_64Tlv:
      return "MachOX86_64Tlv";
  }
  unreachable("RelocKind");
}

}  // namespace gantry::target

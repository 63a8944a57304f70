#pragma once
// Renders unwind steps as DWARF call-frame information in an .eh_frame section (System V psABI,
// LSB).
#include <span>
#include <vector>

#include "gantry/unwind/unwind_inst.h"

namespace gantry::unwind {

// What the writer must know of a machine. DWARF register numbers.
struct FrameAbi {
  u8 return_column;  // the column of the return address
  u8 stack_pointer;
  u8 frame_pointer;
  u8 word_bytes;      // size of a pushed register
  u8 code_alignment;  // granule of instruction lengths
  // DWARF number of a callee-saved register; 0xff: has none.
  u8 (*register_number)(regalloc::PReg reg);
};

// DWARF numbers of x86-64 registers from hardware numbers.
extern const FrameAbi kX86_64FrameAbi;

// Builds a section: one CIE, then an FDE per function. A function's address is a 4-byte field
// relative to itself (DW_EH_PE_pcrel | sdata4); the caller relocates it.
class EhFrameWriter {
 public:
  explicit EhFrameWriter(const FrameAbi& abi);

  // Adds a function of `code_size` bytes whose prologue did `insts`, in order. Returns the offset
  // in the section of the field for its address.
  u32 add_function(std::span<const UnwindInst> insts, u32 code_size);
  // Ends the section with the zero word that __register_frame looks for. Not for object files: the
  // linker joins sections, and the C library's start-up files bring the terminator.
  void terminate();

  const std::vector<u8>& bytes() const { return bytes_; }

 private:
  const FrameAbi& abi_;
  std::vector<u8> bytes_;
};

}  // namespace gantry::unwind

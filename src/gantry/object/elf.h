#pragma once
// ELF relocatable files for x86-64.
#include "gantry/object/object_writer.h"

namespace gantry::object {

struct ElfOptions {
  std::string_view file_name;   // of the source, for a FILE symbol; empty: none
  u32 function_alignment = 16;  // at least; a power of two
  bool write_eh_frame = true;
};

class ElfX86_64Writer final : public ObjectWriter {
 public:
  explicit ElfX86_64Writer(const ElfOptions& options = {}) : options_(options) {}
  Result<std::vector<u8>> write(const module::Module& module) const override;

 private:
  ElfOptions options_;
};

}  // namespace gantry::object

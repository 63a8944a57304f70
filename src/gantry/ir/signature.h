#pragma once
// What a function takes and gives, and by which convention.
#include <vector>

#include "gantry/ir/types.h"
#include "gantry/support/text_writer.h"

namespace gantry::ir {

#include "gantry/gen/meta/call_conv.inc"

enum class ArgExtension : u8 { None, Uext, Sext };
enum class ArgPurpose : u8 { Normal, StructReturn, VmContext, StructArg };

struct AbiParam {
  Type type;
  ArgExtension extension = ArgExtension::None;
  ArgPurpose purpose = ArgPurpose::Normal;
  u32 struct_size = 0;  // bytes, StructArg only
  friend bool operator==(const AbiParam&, const AbiParam&) = default;
};

struct Signature {
  std::vector<AbiParam> params;
  std::vector<AbiParam> returns;
  CallConv call_conv = CallConv::Fast;
  friend bool operator==(const Signature&, const Signature&) = default;
};

// `(i32 uext, i64 vmctx) -> i8 system_v`
void write_signature(const Signature& signature, TextWriter& out);

}  // namespace gantry::ir

// The text of signatures, in one place for functions, imports and messages.
#include "gantry/ir/signature.h"

#include "gantry/meta/codes.h"

namespace gantry::ir {
namespace {
void write_params(const std::vector<AbiParam>& params, TextWriter& out) {
  bool first = true;
  for (const AbiParam& param : params) {
    if (!first) out.write(", ");
    first = false;
    write_type(param.type, out);
    if (param.extension == ArgExtension::Uext) out.write(" uext");
    if (param.extension == ArgExtension::Sext) out.write(" sext");
    switch (param.purpose) {
      case ArgPurpose::Normal:
        break;
      case ArgPurpose::StructReturn:
        out.write(" sret");
        break;
      case ArgPurpose::VmContext:
        out.write(" vmctx");
        break;
      case ArgPurpose::StructArg:
        out.put(" sarg(", param.struct_size, ')');
        break;
    }
  }
}
}  // namespace

void write_signature(const Signature& signature, TextWriter& out) {
  out.write('(');
  write_params(signature.params, out);
  out.write(')');
  if (!signature.returns.empty()) {
    out.write(" -> ");
    write_params(signature.returns, out);
  }
  out.put(' ', meta::kCallConvs[static_cast<u32>(signature.call_conv)].name);
}

}  // namespace gantry::ir

// Looks for things of the list in functions: types of values and signatures, and opcodes.
#include "gantry/filetest/not_supported.h"

#include <charconv>

#include "gantry/filetest/internal/test_file.h"

namespace gantry::filetest {
namespace {

bool concerns(const NotSupportedDef& row, Consumer who) {
  return who == Consumer::CodeGeneration ? row.in_code_generation : row.in_interpreter;
}

bool matches(const NotSupportedDef& row, ir::Type type) {
  switch (row.kind) {
    case NotSupportedKind::Opcode:
    case NotSupportedKind::OpcodeOnI128:
      return false;
    case NotSupportedKind::DynamicTypes:
      return type.is_dynamic();
    case NotSupportedKind::LaneType:
      return type.is_valid() && type.lane_type() == ir::type_from_name(row.name);
    case NotSupportedKind::VectorBits: {
      u32 bits = 0;
      std::from_chars(row.name.data(), row.name.data() + row.name.size(), bits);
      return type.is_vector() && type.bits() == bits;
    }
  }
  unreachable("NotSupportedKind");
}

std::string name_of_type(ir::Type type) {
  TextWriter out;
  ir::write_type(type, out);
  return std::move(out).take();
}

std::string find_type(ir::Type type, Consumer who) {
  for (const NotSupportedDef& row : kNotSupported) {
    if (concerns(row, who) && matches(row, type)) return name_of_type(type);
  }
  return {};
}

std::string find_in_signature(const ir::Signature& signature, Consumer who) {
  for (const std::vector<ir::AbiParam>* list : {&signature.params, &signature.returns}) {
    for (const ir::AbiParam& param : *list) {
      if (std::string found = find_type(param.type, who); !found.empty()) return found;
    }
  }
  return {};
}

bool touches_i128(const ir::Function& func, ir::Inst inst) {
  for (const ir::Value arg : func.dfg.args(inst)) {
    if (func.dfg.type(arg) == ir::kI128) return true;
  }
  for (const ir::Value result : func.dfg.results(inst)) {
    if (func.dfg.type(result) == ir::kI128) return true;
  }
  return false;
}

std::string find_in_function(const ir::Function& func, Consumer who) {
  if (std::string found = find_in_signature(func.signature, who); !found.empty()) return found;
  for (u32 i = 0; i < func.dfg.signatures.size(); ++i) {
    if (std::string found = find_in_signature(func.dfg.signatures[ir::SigRef::from_index(i)], who);
        !found.empty()) {
      return found;
    }
  }
  for (u32 i = 0; i < func.dfg.num_values(); ++i) {
    const ir::Value value = ir::Value::from_index(i);
    if (!func.dfg.is_valid(value)) continue;
    if (std::string found = find_type(func.dfg.type(value), who); !found.empty()) return found;
  }
  for (const ir::Block block : func.layout.blocks()) {
    for (const ir::Inst inst : func.layout.insts(block)) {
      const std::string_view name = ir::name_of(func.dfg.opcode(inst));
      for (const NotSupportedDef& row : kNotSupported) {
        if (!concerns(row, who) || row.name != name) continue;
        if (row.kind == NotSupportedKind::Opcode) return std::string(name);
        if (row.kind == NotSupportedKind::OpcodeOnI128 && touches_i128(func, inst))
          return std::string(name) + ".i128";
      }
    }
  }
  return {};
}

}  // namespace

std::string find_not_supported(const TestFunction& function, Consumer who) {
  return find_in_function(*function.func, who);
}

std::string find_not_supported(const TestFile& file, Consumer who) {
  for (const TestFunction& function : file.functions) {
    if (std::string found = find_in_function(*function.func, who); !found.empty()) return found;
  }
  return {};
}

}  // namespace gantry::filetest

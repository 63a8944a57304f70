// gantry compile -o. A function may be called before it has been read: its name is an import until
// its definition comes.
#include "object.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "gantry/meta/codes.h"
#include "gantry/object/elf.h"

namespace gantry::tool {
namespace {

// %name is `name`; uN:M, which no linker can spell, is `uN_M`.
std::string symbol_of(ir::UserExternalNameData user) {
  TextWriter name;
  name.put('u', user.name_space, '_', user.index);
  return std::move(name).take();
}
std::string symbol_of(const ir::FunctionName& name) {
  return name.is_user ? symbol_of(name.user) : name.text;
}

Result<std::string> symbol_of(const ir::Function& func, ir::ExternalName name) {
  switch (name.kind) {
    case ir::ExternalName::Kind::User: {
      const ir::UserExternalNameData& user =
          func.user_names[ir::UserExternalName::from_index(name.index)];
      if (user.is_hole()) return Error(ErrorKind::Invalid, "a name that is not declared");
      return symbol_of(user);
    }
    case ir::ExternalName::Kind::TestCase:
      return func.test_names[name.index];
    case ir::ExternalName::Kind::LibCall:
      return std::string(meta::kLibCalls[name.index].symbol);
    case ir::ExternalName::Kind::KnownSymbol:
      return Error(
          ErrorKind::Unsupported,
          "known symbol " + std::string(meta::kKnownSymbols[name.index]) + " in an object file");
  }
  unreachable("ExternalName::Kind");
}

constexpr auto kInOrder = [](ir::ExternalName a, ir::ExternalName b) {
  return a.kind != b.kind ? a.kind < b.kind : a.index < b.index;
};
std::vector<ir::ExternalName> thread_local_names(const ir::Function& func) {
  std::vector<ir::ExternalName> names;
  for (const ir::GlobalValueData& data : func.global_values.values()) {
    if (data.kind == ir::GlobalValueData::Kind::Symbol && data.tls) names.push_back(data.name);
  }
  std::sort(names.begin(), names.end(), kInOrder);
  return names;
}

}  // namespace

Result<void> ObjectFile::define(const ir::Function& func, target::CompiledCode&& code) {
  GANTRY_TRY_ASSIGN(const module::Symbol symbol,
                    module_.declare_function(symbol_of(func.name), module::Linkage::Export));
  const std::vector<ir::ExternalName> thread_locals = thread_local_names(func);
  return module_.define_function(
      symbol, std::move(code), [&](ir::ExternalName name) -> Result<module::Symbol> {
        GANTRY_TRY_ASSIGN(const std::string callee, symbol_of(func, name));
        // Linkers want it said of names that are defined elsewhere, too.
        if (std::binary_search(thread_locals.begin(), thread_locals.end(), name, kInOrder))
          return module_.declare_data(callee, module::Linkage::Import, true, true);
        return module_.declare_function(callee, module::Linkage::Import);
      });
}

Result<void> ObjectFile::write(const std::string& path) const {
  GANTRY_TRY_ASSIGN(const std::vector<u8> bytes, object::ElfX86_64Writer().write(module_));
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return Error(ErrorKind::Io, "cannot write " + path);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (std::fclose(file) != 0 || !written) return Error(ErrorKind::Io, "cannot write " + path);
  return {};
}

}  // namespace gantry::tool

// Problem: functions are compiled one by one, and refer to each other and to data before either
// exists. Idea: a symbol is declared once and defined at most once, in any order; relocations name
// symbols. All checks that need nobody's addresses are made here, so that loaders and object
// writers can rely on: targets exist, fields lie inside their definition, alignments are powers of
// two.
#include "gantry/module/module.h"

#include <algorithm>

#include "gantry/support/hash.h"

namespace gantry::module {

namespace {

Error invalid(std::string_view what, std::string_view name) {
  std::string message(what);
  message.append(" `").append(name).append("`");
  return Error(ErrorKind::Invalid, message);
}

bool is_power_of_two(u32 value) { return value != 0 && (value & (value - 1)) == 0; }

}  // namespace

u32 field_size(target::RelocKind kind) { return kind == target::RelocKind::Abs8 ? 8 : 4; }

// The slot that holds `name`, or the free one where it belongs. The table is never full.
u32 Module::slot_of(std::string_view name) const {
  const u32 mask = static_cast<u32>(table_.size()) - 1;
  u32 slot = static_cast<u32>(hash_bytes(name)) & mask;
  while (table_[slot] != 0 && symbols_[Symbol::from_index(table_[slot] - 1)].name != name)
    slot = (slot + 1) & mask;
  return slot;
}

std::optional<Symbol> Module::find(std::string_view name) const {
  if (table_.empty() || name.empty()) return std::nullopt;
  const u32 entry = table_[slot_of(name)];
  return entry == 0 ? std::nullopt : std::optional<Symbol>(Symbol::from_index(entry - 1));
}

Result<Symbol> Module::declare(SymbolData&& symbol) {
  if (symbol.name.find('\0') != std::string::npos)
    return Error(ErrorKind::Invalid, "a symbol's name has a zero byte");
  if (symbol.name.empty()) {
    if (symbol.linkage != Linkage::Local)
      return Error(ErrorKind::Invalid, "a symbol without a name must be local");
    return symbols_.push(std::move(symbol));
  }
  if (2 * (num_named_ + 1) > table_.size()) {
    table_.assign(std::max<usize>(2 * table_.size(), 64), 0);
    for (const Symbol known : symbols_.keys()) {
      if (!symbols_[known].name.empty()) table_[slot_of(symbols_[known].name)] = known.index() + 1;
    }
  }
  u32& entry = table_[slot_of(symbol.name)];
  if (entry == 0) {
    ++num_named_;
    entry = symbols_.size() + 1;
    return symbols_.push(std::move(symbol));
  }
  const Symbol known = Symbol::from_index(entry - 1);
  SymbolData& old = symbols_[known];
  if (old.kind != symbol.kind) return invalid("function and data have the same name", symbol.name);
  if (old.writable != symbol.writable || old.tls != symbol.tls)
    return invalid("incompatible declarations of", symbol.name);
  if (old.linkage < symbol.linkage) old.linkage = symbol.linkage;
  return known;
}

Result<Symbol> Module::declare_function(std::string_view name, Linkage linkage) {
  return declare({std::string(name), SymbolKind::Function, linkage, false, false, false, 0});
}

Result<Symbol> Module::declare_data(std::string_view name, Linkage linkage, bool writable,
                                    bool tls) {
  return declare({std::string(name), SymbolKind::Data, linkage, writable, tls, false, 0});
}

Result<void> Module::check_definable(Symbol symbol, SymbolKind kind) const {
  if (!symbols_.is_valid(symbol))
    return Error(ErrorKind::Invalid, "definition of a symbol that is not declared");
  const SymbolData& data = symbols_[symbol];
  if (data.kind != kind)
    return invalid("definition is of another kind than the declaration of", data.name);
  if (data.linkage == Linkage::Import) return invalid("definition of an import", data.name);
  if (data.is_defined) return invalid("second definition of", data.name);
  return {};
}

Result<void> Module::define_function(Symbol symbol, target::CompiledCode&& code,
                                     NameResolver resolve) {
  GANTRY_TRY(check_definable(symbol, SymbolKind::Function));
  const std::string_view name = symbols_[symbol].name;
  if (!is_power_of_two(code.alignment)) return invalid("alignment is no power of two in", name);
  std::vector<ModuleReloc> relocs;
  relocs.reserve(code.relocs.size());
  for (const target::Reloc& reloc : code.relocs) {
    if (u64{reloc.offset} + field_size(reloc.kind) > code.code.size())
      return invalid("relocation outside of", name);
    ModuleReloc& out = relocs.emplace_back(ModuleReloc{reloc.offset, reloc.kind, reloc.in_function,
                                                       reloc.target_offset, symbol, reloc.addend});
    if (reloc.in_function) {
      if (reloc.target_offset > code.code.size())
        return invalid("relocation to a place outside of", name);
    } else {
      GANTRY_TRY_ASSIGN(out.target, resolve(reloc.name));
      if (!symbols_.is_valid(out.target))
        return invalid("relocation to an undeclared symbol in", name);
    }
  }
  code.relocs.clear();
  symbols_[symbol].is_defined = true;
  symbols_[symbol].definition = static_cast<u32>(functions_.size());
  functions_.push_back({symbol, std::move(code), std::move(relocs)});
  return {};
}

Result<void> Module::define_data(Symbol symbol, DataDefinition&& data) {
  GANTRY_TRY(check_definable(symbol, SymbolKind::Data));
  const std::string_view name = symbols_[symbol].name;
  if (!is_power_of_two(data.alignment)) return invalid("alignment is no power of two in", name);
  if (!data.bytes.empty() && data.zero_bytes != 0) return invalid("both bytes and zeros in", name);
  if (data.bytes.size() > u64{1} << 32) return invalid("more than 4 GiB of data in", name);
  for (const ModuleReloc& reloc : data.relocs) {
    if (u64{reloc.offset} + field_size(reloc.kind) > data.bytes.size())
      return invalid("relocation outside of", name);
    if (reloc.in_function || !symbols_.is_valid(reloc.target))
      return invalid("relocation without a target in", name);
  }
  symbols_[symbol].is_defined = true;
  symbols_[symbol].definition = static_cast<u32>(data_.size());
  data.symbol = symbol;
  data_.push_back(std::move(data));
  return {};
}

Result<void> Module::check_complete() const {
  for (const SymbolData& symbol : symbols_.values()) {
    if (symbol.linkage != Linkage::Import && !symbol.is_defined)
      return invalid("no definition of", symbol.name);
  }
  return {};
}

}  // namespace gantry::module

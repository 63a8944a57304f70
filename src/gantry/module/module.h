#pragma once
// What several functions and data objects form together: symbols with linkage, and definitions
// whose relocations name symbols. Knows neither the code generator nor where anything will lie in
// memory.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/entity/maps.h"
#include "gantry/support/function_ref.h"
#include "gantry/support/result.h"
#include "gantry/target/compiled_code.h"

namespace gantry::module {

GANTRY_ENTITY(Symbol, "sym");

enum class SymbolKind : u8 { Function, Data };

// In order of precedence: a symbol declared twice gets the later one of this list.
enum class Linkage : u8 {
  Import,       // defined elsewhere
  Local,        // seen by this module only
  Preemptible,  // defined here, another definition may win at link time
  Hidden,       // seen by all that is linked into one image
  Export,       // seen by everybody
};

struct SymbolData {
  std::string name;  // empty: a local symbol without a name
  SymbolKind kind;
  Linkage linkage;
  bool writable;  // Data
  bool tls;       // Data: one copy per thread
  bool is_defined;
  u32 definition;  // into functions or data, if defined
};

struct ModuleReloc {
  u32 offset;
  target::RelocKind kind;
  bool in_function;  // to `target_offset` bytes into the function itself
  u32 target_offset;
  Symbol target;  // unless in_function
  i64 addend;
};

struct FunctionDefinition {
  Symbol symbol;
  target::CompiledCode code;  // its relocs have been moved to `relocs`
  std::vector<ModuleReloc> relocs;
};

struct DataDefinition {
  std::vector<u8> bytes;  // or
  u64 zero_bytes = 0;     // that many zeros, if `bytes` is empty
  u32 alignment = 1;      // a power of two
  std::vector<ModuleReloc> relocs;
  Symbol symbol{};  // filled in by define_data
};

// What a function calls by an ir::ExternalName.
using NameResolver = FunctionRef<Result<Symbol>(ir::ExternalName)>;

class Module {
 public:
  // Declaring a name again is fine if the kinds agree; linkages merge. Errors: Invalid (another
  // kind of symbol, or other flags; a name with a zero byte; an empty name that is not Local).
  Result<Symbol> declare_function(std::string_view name, Linkage linkage);
  Result<Symbol> declare_data(std::string_view name, Linkage linkage, bool writable, bool tls);

  // Errors: Invalid (defined before, an import, not a function; a relocation outside the code or
  // without target).
  Result<void> define_function(Symbol symbol, target::CompiledCode&& code, NameResolver resolve);
  // The same for data. Relocations of data may not be `in_function`.
  Result<void> define_data(Symbol symbol, DataDefinition&& data);

  std::optional<Symbol> find(std::string_view name) const;
  const PrimaryMap<Symbol, SymbolData>& symbols() const { return symbols_; }
  const std::vector<FunctionDefinition>& functions() const { return functions_; }
  const std::vector<DataDefinition>& data() const { return data_; }
  // That every symbol which is no import has a definition. Error: Invalid with the first one's
  // name.
  Result<void> check_complete() const;

 private:
  Result<Symbol> declare(SymbolData&& symbol);
  Result<void> check_definable(Symbol symbol, SymbolKind kind) const;
  u32 slot_of(std::string_view name) const;

  PrimaryMap<Symbol, SymbolData> symbols_;
  std::vector<FunctionDefinition> functions_;
  std::vector<DataDefinition> data_;
  std::vector<u32> table_;  // open addressing by name: index of a symbol + 1
  u32 num_named_ = 0;
};

// Bytes of the field of a relocation.
u32 field_size(target::RelocKind kind);

}  // namespace gantry::module

// Problem: code must become executable without being writable at the same time, and its relocations
// must hold wherever the process puts it, although most x86 fields reach only two gigabytes.
//
// Idea: each load() makes one mapping, [code | .eh_frame | data], each part in pages of its own:
// written while it is read-write, then the first two are protected. Symbols of the same load are
// within reach of each other. For targets elsewhere the code part has, behind the functions,
// *stubs* `jmp *[rip+0]; address`, one per called symbol, and *GOT entries*, one per symbol whose
// address is loaded through the table. A call field that does not reach goes to the stub. Both are
// counted before mapping (every symbol named by such a relocation gets one of each: 24 bytes), so
// the size of the mapping is known.
//
// All targets are resolved before memory is touched, so a failing load leaves no trace.
#include "gantry/jit/jit.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "gantry/unwind/eh_frame.h"

// Of libgcc and libunwind; absent from a process that links neither.
extern "C" {
__attribute__((weak)) void __register_frame(void* section);
__attribute__((weak)) void __deregister_frame(void* section);
}

namespace gantry::jit {

namespace {

using module::DataDefinition;
using module::FunctionDefinition;
using module::Linkage;
using module::ModuleReloc;
using module::Symbol;
using module::SymbolData;
using module::SymbolKind;
using target::RelocKind;

constexpr u32 kStubBytes = 16;  // jmp *[rip+0] (6), padding to the address (8)
constexpr u64 kMaxMapping = u64{1} << 31;

u64 round_up(u64 value, u64 alignment) { return (value + alignment - 1) & ~(alignment - 1); }

Error about(ErrorKind kind, std::string_view what, std::string_view name) {
  std::string message(what);
  message.append(" `").append(name).append("`");
  return Error(kind, message);
}

bool is_call(RelocKind kind) {
  return kind == RelocKind::X86CallPCRel4 || kind == RelocKind::X86CallPLTRel4;
}

void store(u8* field, u64 value, u32 size) { std::memcpy(field, &value, size); }

}  // namespace

struct Jit::State {
  struct Mapping {
    u8* base;
    usize size;
    u32 live_functions;
    bool has_data;
    void* frames;  // registered section, or null
  };
  struct CodeRange {
    usize end;
    Symbol function;
  };
  struct Plan {
    u8* base = nullptr;
    u64 stubs = 0, got = 0;  // offsets in the mapping
    std::vector<u32> stub_symbols;
  };

  Options options;
  std::vector<Mapping> mappings;
  SecondaryMap<Symbol, u8*> addresses;   // of what is loaded, or found for an import
  SecondaryMap<Symbol, u32> mapping_of;  // functions: index + 1
  std::map<usize, CodeRange> code;       // by start address
  usize functions_loaded = 0, data_loaded = 0;
  SparseMap<Symbol, u32> indirect;  // of this load: number of the stub and GOT entry

  void unmap(Mapping& mapping) {
    if (mapping.base == nullptr) return;
    if (mapping.frames != nullptr && __deregister_frame != nullptr)
      __deregister_frame(mapping.frames);
    munmap(mapping.base, mapping.size);
    mapping.base = nullptr;
  }
  const void* find_import(const SymbolData& symbol) const {
    const void* found =
        options.lookup != nullptr ? options.lookup(options.context, symbol.name) : nullptr;
    if (found == nullptr && options.use_dlsym) found = dlsym(RTLD_DEFAULT, symbol.name.c_str());
    return found;
  }
  Result<void> resolve(const module::Module& module, std::span<const ModuleReloc> relocs,
                       usize& num_found);
  Result<void> relocate(const module::Module& module, std::span<const ModuleReloc> relocs,
                        u8* start, const Plan& plan);
};

Jit::Jit(const Options& options) : state_(new State) { state_->options = options; }

Jit::~Jit() {
  for (State::Mapping& mapping : state_->mappings) state_->unmap(mapping);
  delete state_;
}

// Checks that targets are known, looks imports up, and counts symbols that may need a stub.
Result<void> Jit::State::resolve(const module::Module& module, std::span<const ModuleReloc> relocs,
                                 usize& num_found) {
  for (const ModuleReloc& reloc : relocs) {
    switch (reloc.kind) {
      case RelocKind::X86SecRel:
      case RelocKind::ElfX86_64TlsGd:
      case RelocKind::MachOX86_64Tlv: {
        std::string message("relocation that cannot be resolved in memory: ");
        return Error(ErrorKind::Unsupported, message.append(target::to_string(reloc.kind)));
      }
      default:
        break;
    }
    if (reloc.in_function) continue;
    const SymbolData& symbol = module.symbols()[reloc.target];
    if (symbol.linkage == Linkage::Import && addresses[reloc.target] == nullptr) {
      const void* found = find_import(symbol);
      if (found == nullptr)
        return about(ErrorKind::Invalid, "nobody knows the import", symbol.name);
      addresses.set(reloc.target, static_cast<u8*>(const_cast<void*>(found)));
    } else if (symbol.linkage != Linkage::Import) {
      const bool known =
          symbol.is_defined &&
          (addresses[reloc.target] != nullptr ||
           symbol.definition >=
               (symbol.kind == SymbolKind::Function ? functions_loaded : data_loaded));
      if (!known) return about(ErrorKind::Invalid, "no definition is loaded of", symbol.name);
    }
    if ((is_call(reloc.kind) || reloc.kind == RelocKind::X86GOTPCRel4 ||
         reloc.kind == RelocKind::X86PCRel4) &&
        indirect.find(reloc.target) == nullptr) {
      indirect.insert(reloc.target, static_cast<u32>(num_found++));
    }
  }
  return {};
}

// Fills in the fields of one definition. All symbols have addresses, the mapping is writable.
Result<void> Jit::State::relocate(const module::Module& module, std::span<const ModuleReloc> relocs,
                                  u8* start, const Plan& plan) {
  for (const ModuleReloc& reloc : relocs) {
    u8* const field = start + reloc.offset;
    const u64 addend = static_cast<u64>(reloc.addend);
    const u64 place = reinterpret_cast<usize>(field);
    u64 target = reinterpret_cast<usize>(reloc.in_function ? start + reloc.target_offset
                                                           : addresses[reloc.target]);
    const auto fits = [&](u64 value) { return static_cast<i64>(value) == static_cast<i32>(value); };
    switch (reloc.kind) {
      case RelocKind::Abs8:
        store(field, target + addend, 8);
        break;
      case RelocKind::Abs4:
        if (target + addend > ~u32{0}) {
          return Error(ErrorKind::LimitExceeded,
                       "an address does not fit into the four bytes of an Abs4 relocation");
        }
        store(field, target + addend, 4);
        break;
      case RelocKind::X86GOTPCRel4: {
        if (reloc.in_function)
          return Error(ErrorKind::Unsupported, "X86GOTPCRel4 to a place within a function");
        u8* const entry = plan.base + plan.got + 8 * *indirect.find(reloc.target);
        store(entry, target, 8);
        store(field, reinterpret_cast<usize>(entry) + addend - place, 4);
        break;
      }
      case RelocKind::X86PCRel4:
      case RelocKind::X86CallPCRel4:
      case RelocKind::X86CallPLTRel4: {
        if (!fits(target + addend - place)) {
          const SymbolData& symbol = module.symbols()[reloc.target];
          if (reloc.in_function || symbol.kind != SymbolKind::Function) {
            return about(ErrorKind::LimitExceeded, "a 32-bit reference does not reach",
                         symbol.name);
          }
          u8* const stub = plan.base + plan.stubs + kStubBytes * *indirect.find(reloc.target);
          static constexpr u8 kJump[] = {0xff, 0x25, 2, 0, 0, 0, 0xcc, 0xcc};
          std::memcpy(stub, kJump, sizeof kJump);
          store(stub + 8, target, 8);
          target = reinterpret_cast<usize>(stub);
        }
        store(field, target + addend - place, 4);
        break;
      }
      default:
        unreachable("checked by resolve()");
    }
  }
  return {};
}

Result<void> Jit::load() {
  State& state = *state_;
  const std::span<const FunctionDefinition> functions =
      std::span<const FunctionDefinition>(module_.functions()).subspan(state.functions_loaded);
  const std::span<const DataDefinition> data =
      std::span<const DataDefinition>(module_.data()).subspan(state.data_loaded);
  if (functions.empty() && data.empty()) return {};
  const u64 page = static_cast<u64>(sysconf(_SC_PAGESIZE));

  // What is needed.
  usize num_indirect = 0;
  state.indirect.clear();
  unwind::EhFrameWriter frames(unwind::kX86_64FrameAbi);
  std::vector<u32> frame_fields;
  std::vector<u64> function_offsets, data_offsets;
  u64 size = 0;
  for (const FunctionDefinition& function : functions) {
    GANTRY_TRY(state.resolve(module_, function.relocs, num_indirect));
    if (function.code.alignment > page)
      return Error(ErrorKind::Unsupported, "code is aligned to more than a page");
    size = round_up(size, std::max<u32>(function.code.alignment, 16));
    function_offsets.push_back(size);
    size += function.code.code.size() + (function.code.code.empty() ? 1 : 0);
    frame_fields.push_back(
        frames.add_function(function.code.unwind, static_cast<u32>(function.code.code.size())));
  }
  frames.terminate();
  for (const DataDefinition& object : data) {
    const SymbolData& symbol = module_.symbols()[object.symbol];
    if (symbol.tls)
      return about(ErrorKind::Unsupported, "thread-local data in memory:", symbol.name);
    if (object.alignment > page)
      return about(ErrorKind::Unsupported, "data is aligned to more than a page:", symbol.name);
    GANTRY_TRY(state.resolve(module_, object.relocs, num_indirect));
  }
  State::Plan plan;
  plan.stubs = round_up(size, 16);
  plan.got = plan.stubs + kStubBytes * num_indirect;
  const u64 frames_at = plan.got + 8 * num_indirect;
  const u64 writable_at = round_up(frames_at + frames.bytes().size(), page);
  size = writable_at;
  for (const bool writable :
       {true, false}) {  // read-only data behind the writable, in pages of its own
    if (!writable) size = round_up(size, page);
    for (usize i = 0; i < data.size(); ++i) {
      if (writable) data_offsets.push_back(0);
      if (module_.symbols()[data[i].symbol].writable != writable) continue;
      size = round_up(size, data[i].alignment);
      data_offsets[i] = size;
      const u64 bytes = data[i].bytes.size() + data[i].zero_bytes;
      if (bytes > kMaxMapping)
        return Error(ErrorKind::LimitExceeded, "more than 2 GiB to load at once");
      size += std::max<u64>(bytes, 1);
    }
    if (size > kMaxMapping)
      return Error(ErrorKind::LimitExceeded, "more than 2 GiB to load at once");
  }
  u64 read_only_at = round_up(size, page);
  for (usize i = 0; i < data.size(); ++i) {
    if (!module_.symbols()[data[i].symbol].writable)
      read_only_at = std::min(read_only_at, data_offsets[i] & ~(page - 1));
  }
  size = round_up(size, page);

  void* const memory =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return Error(ErrorKind::LimitExceeded, "the system has no memory for code");
  u8* const base = plan.base = static_cast<u8*>(memory);

  // Fill it. From here on, a failure takes the addresses back.
  for (usize i = 0; i < functions.size(); ++i)
    state.addresses.set(functions[i].symbol, base + function_offsets[i]);
  for (usize i = 0; i < data.size(); ++i)
    state.addresses.set(data[i].symbol, base + data_offsets[i]);
  const auto fill = [&]() -> Result<void> {
    for (usize i = 0; i < functions.size(); ++i) {
      const std::vector<u8>& code = functions[i].code.code;
      u8* const start = base + function_offsets[i];
      if (!code.empty()) std::memcpy(start, code.data(), code.size());
      GANTRY_TRY(state.relocate(module_, functions[i].relocs, start, plan));
    }
    for (usize i = 0; i < data.size(); ++i) {
      u8* const start = base + data_offsets[i];
      if (!data[i].bytes.empty()) std::memcpy(start, data[i].bytes.data(), data[i].bytes.size());
      GANTRY_TRY(state.relocate(module_, data[i].relocs, start, plan));
    }
    std::memcpy(base + frames_at, frames.bytes().data(), frames.bytes().size());
    for (usize i = 0; i < functions.size(); ++i) {
      u8* const field = base + frames_at + frame_fields[i];
      store(field, static_cast<u64>(base + function_offsets[i] - field), 4);
    }
    if (mprotect(base, writable_at, PROT_READ | PROT_EXEC) != 0 ||
        (read_only_at < size &&
         mprotect(base + read_only_at, size - read_only_at, PROT_READ) != 0)) {
      return Error(ErrorKind::Io, "the system refuses to make memory executable");
    }
    return {};
  };
  if (Result<void> done = fill(); !done.has_value()) {
    for (const FunctionDefinition& function : functions)
      state.addresses.set(function.symbol, nullptr);
    for (const DataDefinition& object : data) state.addresses.set(object.symbol, nullptr);
    munmap(memory, size);
    return done;
  }

  state.mappings.push_back(
      {base, size, static_cast<u32>(functions.size()), !data.empty(), nullptr});
  for (usize i = 0; i < functions.size(); ++i) {
    const usize start = reinterpret_cast<usize>(base + function_offsets[i]);
    state.code[start] = {start + std::max<usize>(functions[i].code.code.size(), 1),
                         functions[i].symbol};
    state.mapping_of.set(functions[i].symbol, static_cast<u32>(state.mappings.size()));
  }
  if (state.options.register_frames && !functions.empty() && __register_frame != nullptr &&
      __deregister_frame != nullptr) {
    state.mappings.back().frames = base + frames_at;
    __register_frame(base + frames_at);
  }
  state.functions_loaded += functions.size();
  state.data_loaded += data.size();
  return {};
}

const void* Jit::address(Symbol symbol) const { return state_->addresses[symbol]; }
void* Jit::data_address(Symbol symbol) { return state_->addresses[symbol]; }

std::optional<CodePlace> Jit::find_code(usize pc) const {
  auto after = state_->code.upper_bound(pc);
  if (after == state_->code.begin()) return std::nullopt;
  const auto& [start, range] = *--after;
  if (pc >= range.end) return std::nullopt;
  return CodePlace{range.function, static_cast<u32>(pc - start)};
}

std::optional<ir::TrapCode> Jit::find_trap(usize pc) const {
  const std::optional<CodePlace> place = find_code(pc);
  if (!place) return std::nullopt;
  const std::vector<target::TrapRecord>& traps =
      module_.functions()[module_.symbols()[place->function].definition].code.traps;
  const auto found = std::lower_bound(
      traps.begin(), traps.end(), place->offset,
      [](const target::TrapRecord& trap, u32 offset) { return trap.offset < offset; });
  if (found == traps.end() || found->offset != place->offset) return std::nullopt;
  return found->code;
}

void Jit::free_function(Symbol symbol) {
  State& state = *state_;
  const u32 number = state.mapping_of[symbol];
  if (number == 0) return;
  state.code.erase(reinterpret_cast<usize>(state.addresses[symbol]));
  state.addresses.set(symbol, nullptr);
  state.mapping_of.set(symbol, 0);
  State::Mapping& mapping = state.mappings[number - 1];
  if (--mapping.live_functions == 0 && !mapping.has_data) state.unmap(mapping);
}

usize Jit::mapped_bytes() const {
  usize bytes = 0;
  for (const State::Mapping& mapping : state_->mappings)
    bytes += mapping.base != nullptr ? mapping.size : 0;
  return bytes;
}

}  // namespace gantry::jit

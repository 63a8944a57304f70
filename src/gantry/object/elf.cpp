// Problem: a linker wants sections, symbols sorted local before global, and relocations that name
// symbols by number. Idea: three passes over the module: place definitions in sections; number the
// symbols (locals first, as the format demands); translate relocations. Then the sections are laid
// out in the file one after the other.
//
// Data goes by its flags: .data, .rodata (.data.rel.ro if it has relocations: the loader writes
// there), .bss, .tdata, .tbss. Relocations to a place within a function count from the symbol of
// its section.
//
// Format: System V gABI chapter 4, x86-64 psABI §4.4 (relocations).
#include "gantry/object/elf.h"

#include <algorithm>
#include <cstring>

#include "gantry/unwind/eh_frame.h"

namespace gantry::object {

namespace {

using module::DataDefinition;
using module::FunctionDefinition;
using module::Linkage;
using module::Module;
using module::ModuleReloc;
using module::Symbol;
using module::SymbolData;
using module::SymbolKind;
using target::RelocKind;

enum : u32 {
  kProgbits = 1,
  kSymtab = 2,
  kStrtab = 3,
  kRela = 4,
  kNobits = 8,
  kUnwindType = 0x70000001
};
enum : u64 { kWrite = 1, kAlloc = 2, kExec = 4, kInfoLink = 0x40, kTls = 0x400 };
enum : u8 { kLocalBind = 0, kGlobalBind = 1, kWeakBind = 2 };
enum : u8 { kNoType = 0, kObject = 1, kFunc = 2, kSectionType = 3, kFile = 4, kTlsType = 6 };
enum : u8 { kDefaultVisibility = 0, kHiddenVisibility = 2 };
constexpr u16 kUndefined = 0, kAbsolute = 0xfff1;

// The sections that hold definitions, in order of the file.
enum Place : u32 { kText, kData, kRelRo, kRodata, kBss, kTdata, kTbss, kEhFrame, kNumPlaces };
struct PlaceInfo {
  std::string_view name;
  u32 type;
  u64 flags;
};
constexpr PlaceInfo kPlaces[kNumPlaces] = {
    {".text", kProgbits, kAlloc | kExec},         {".data", kProgbits, kAlloc | kWrite},
    {".data.rel.ro", kProgbits, kAlloc | kWrite}, {".rodata", kProgbits, kAlloc},
    {".bss", kNobits, kAlloc | kWrite},           {".tdata", kProgbits, kAlloc | kWrite | kTls},
    {".tbss", kNobits, kAlloc | kWrite | kTls},   {".eh_frame", kUnwindType, kAlloc},
};

class Bytes {
 public:
  void put(u64 value, u32 size) {
    for (u32 i = 0; i < size; ++i) bytes_.push_back(static_cast<u8>(value >> 8 * i));
  }
  void put(std::span<const u8> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void align(u64 alignment, u8 filler = 0) {
    bytes_.resize((bytes_.size() + alignment - 1) & ~(alignment - 1), filler);
  }
  // Appends a zero-terminated text, returns where it starts.
  u32 put_text(std::string_view text) {
    const u32 at = static_cast<u32>(bytes_.size());
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    bytes_.push_back(0);
    return at;
  }
  u64 size() const { return bytes_.size(); }
  std::vector<u8>& bytes() { return bytes_; }

 private:
  std::vector<u8> bytes_;
};

struct Section {
  Bytes content;
  u64 zero_bytes = 0;  // kNobits
  u64 alignment = 1;
  Bytes relocs;
  u16 number = 0;  // in the file; 0: absent
  u32 section_symbol = 0;
};

struct Header {
  u32 name;
  u32 type;
  u64 flags;
  u64 offset, size;
  u32 link, info;
  u64 alignment, entry_size;
};

Result<u32> elf_reloc(RelocKind kind) {
  switch (kind) {
    case RelocKind::Abs8:
      return 1u;  // R_X86_64_64
    case RelocKind::Abs4:
      return 10u;  // R_X86_64_32
    case RelocKind::X86PCRel4:
      return 2u;  // R_X86_64_PC32
    case RelocKind::X86CallPCRel4:
      return 4u;  // R_X86_64_PLT32: the linker drops a PLT entry not needed
    case RelocKind::X86CallPLTRel4:
      return 4u;
    case RelocKind::X86GOTPCRel4:
      return 9u;  // R_X86_64_GOTPCREL
    case RelocKind::ElfX86_64TlsGd:
      return 19u;  // R_X86_64_TLSGD
    case RelocKind::X86SecRel:
    case RelocKind::MachOX86_64Tlv:
      break;
  }
  std::string message("relocation that ELF for x86-64 does not have: ");
  return Error(ErrorKind::Unsupported, message.append(target::to_string(kind)));
}

// The reference through the table of addresses that the instruction around `field` makes, if the
// linker may write it anew once it knows that the symbol is near: call [rip+x], jmp [rip+x] and
// mov r64, [rip+x] (x86-64 psABI, 4.4.1 and appendix B.2).
u32 table_reference(std::span<const u8> code, u64 field) {
  constexpr u32 kPlain = 9;        // R_X86_64_GOTPCREL
  constexpr u32 kRelaxed = 41;     // R_X86_64_GOTPCRELX
  constexpr u32 kRelaxedRex = 42;  // R_X86_64_REX_GOTPCRELX
  if (field < 3) return kPlain;
  const u8 rex = code[field - 3], opcode = code[field - 2], mod_rm = code[field - 1];
  if (opcode == 0xff && (mod_rm == 0x15 || mod_rm == 0x25)) return kRelaxed;
  return opcode == 0x8b && (mod_rm & 0xc7) == 5 && (rex & 0xf8) == 0x48 ? kRelaxedRex : kPlain;
}

class Writer {
 public:
  Writer(const Module& module, const ElfOptions& options) : module_(module), options_(options) {}

  Result<std::vector<u8>> write() {
    GANTRY_TRY(module_.check_complete());
    GANTRY_TRY(place_functions());
    GANTRY_TRY(place_data());
    number_sections();
    write_symbols();
    GANTRY_TRY(write_relocs());
    return layout();
  }

 private:
  struct Home {
    Place place;
    u64 offset, size;
  };

  Result<void> place_functions() {
    Section& text = sections_[kText];
    unwind::EhFrameWriter frames(unwind::kX86_64FrameAbi);
    for (const FunctionDefinition& function : module_.functions()) {
      const u64 alignment = std::max(function.code.alignment, options_.function_alignment);
      text.alignment = std::max(text.alignment, alignment);
      text.content.align(alignment, 0xcc);
      homes_.set(function.symbol, {kText, text.content.size(), function.code.code.size()});
      if (options_.write_eh_frame) {
        const u32 field =
            frames.add_function(function.code.unwind, static_cast<u32>(function.code.code.size()));
        frame_fields_.push_back({field, text.content.size()});
      }
      text.content.put(function.code.code);
    }
    if (!frame_fields_.empty()) {
      sections_[kEhFrame].content.put(frames.bytes());
      sections_[kEhFrame].alignment = 8;
    }
    return check_size(kText);
  }

  Result<void> place_data() {
    for (const DataDefinition& data : module_.data()) {
      const SymbolData& symbol = module_.symbols()[data.symbol];
      const bool zero = data.bytes.empty() && data.zero_bytes != 0;
      const Place place = symbol.tls         ? (zero ? kTbss : kTdata)
                          : !symbol.writable ? (data.relocs.empty() ? kRodata : kRelRo)
                                             : (zero ? kBss : kData);
      Section& section = sections_[place];
      section.alignment = std::max<u64>(section.alignment, data.alignment);
      if (kPlaces[place].type == kNobits) {
        section.zero_bytes = (section.zero_bytes + data.alignment - 1) & ~u64{data.alignment - 1};
        homes_.set(data.symbol, {place, section.zero_bytes, data.zero_bytes});
        if (section.zero_bytes + data.zero_bytes < data.zero_bytes) {
          return Error(ErrorKind::LimitExceeded, "more zeros than addresses");
        }
        section.zero_bytes += data.zero_bytes;
      } else {
        section.content.align(data.alignment);
        homes_.set(data.symbol,
                   {place, section.content.size(), data.bytes.size() + data.zero_bytes});
        section.content.put(data.bytes);
        if (data.zero_bytes > u64{1} << 32) return too_large(place);
        section.content.bytes().resize(section.content.size() + data.zero_bytes);
      }
      GANTRY_TRY(check_size(place));
    }
    return {};
  }

  static Error too_large(Place place) {
    std::string message("4 GiB or more in section ");
    return Error(ErrorKind::LimitExceeded, message.append(kPlaces[place].name));
  }
  Result<void> check_size(Place place) {
    if (sections_[place].content.size() >> 32 != 0) return too_large(place);
    return {};
  }

  void number_sections() {
    u16 number = 1;
    for (u32 i = 0; i < kNumPlaces; ++i) {
      Section& section = sections_[i];
      if (i != kText && section.content.size() == 0 && section.zero_bytes == 0 &&
          !has_home(static_cast<Place>(i)))
        continue;
      section.number = number++;
    }
  }
  // A place may be needed only for the address of an empty object.
  bool has_home(Place place) const {
    for (const DataDefinition& data : module_.data()) {
      if (homes_[data.symbol].place == place) return true;
    }
    return false;
  }

  void put_symbol(u32 name, u8 bind, u8 type, u8 visibility, u16 section, u64 value, u64 size) {
    symtab_.put(name, 4);
    symtab_.put(static_cast<u8>(bind << 4 | type), 1);
    symtab_.put(visibility, 1);
    symtab_.put(section, 2);
    symtab_.put(value, 8);
    symtab_.put(size, 8);
  }
  u32 num_symbols() const { return static_cast<u32>(symtab_.size() / 24); }

  void write_symbols() {
    strtab_.put_text("");
    put_symbol(0, 0, 0, 0, kUndefined, 0, 0);
    if (!options_.file_name.empty()) {
      put_symbol(strtab_.put_text(options_.file_name), kLocalBind, kFile, kDefaultVisibility,
                 kAbsolute, 0, 0);
    }
    for (Section& section : sections_) {
      if (section.number == 0) continue;
      section.section_symbol = num_symbols();
      put_symbol(0, kLocalBind, kSectionType, kDefaultVisibility, section.number, 0, 0);
    }
    for (const bool local : {true, false}) {
      if (!local) first_global_ = num_symbols();
      for (const Symbol id : module_.symbols().keys()) {
        const SymbolData& symbol = module_.symbols()[id];
        if ((symbol.linkage == Linkage::Local) != local) continue;
        numbers_.set(id, num_symbols());
        const u32 name = symbol.name.empty() ? 0 : strtab_.put_text(symbol.name);
        if (symbol.linkage == Linkage::Import) {
          put_symbol(name, kGlobalBind, symbol.tls ? kTlsType : kNoType, kDefaultVisibility,
                     kUndefined, 0, 0);
          continue;
        }
        const Home& home = homes_[id];
        const u8 type = symbol.kind == SymbolKind::Function ? kFunc
                        : symbol.tls                        ? kTlsType
                                                            : kObject;
        const u8 bind = local                                    ? kLocalBind
                        : symbol.linkage == Linkage::Preemptible ? kWeakBind
                                                                 : kGlobalBind;
        put_symbol(name, bind, type,
                   symbol.linkage == Linkage::Hidden ? kHiddenVisibility : kDefaultVisibility,
                   sections_[home.place].number, home.offset, home.size);
      }
    }
  }

  static void put_reloc(Section& section, u64 offset, u32 symbol, u32 type, i64 addend) {
    section.relocs.put(offset, 8);
    section.relocs.put(type, 4);
    section.relocs.put(symbol, 4);
    section.relocs.put(static_cast<u64>(addend), 8);
  }
  Result<void> write_relocs(std::span<const ModuleReloc> relocs, Symbol owner) {
    const Home& home = homes_[owner];
    Section& section = sections_[home.place];
    for (const ModuleReloc& reloc : relocs) {
      GANTRY_TRY_ASSIGN(u32 type, elf_reloc(reloc.kind));
      const u64 at = home.offset + reloc.offset;
      if (reloc.kind == RelocKind::X86GOTPCRel4 && home.place == kText)
        type = table_reference(section.content.bytes(), at);
      if (reloc.in_function) {
        put_reloc(section, at, section.section_symbol, type,
                  reloc.addend + static_cast<i64>(home.offset + reloc.target_offset));
      } else {
        put_reloc(section, at, numbers_[reloc.target], type, reloc.addend);
      }
    }
    return {};
  }
  Result<void> write_relocs() {
    for (const FunctionDefinition& function : module_.functions()) {
      GANTRY_TRY(write_relocs(function.relocs, function.symbol));
    }
    for (const DataDefinition& data : module_.data())
      GANTRY_TRY(write_relocs(data.relocs, data.symbol));
    for (const auto& [field, text_offset] : frame_fields_) {
      put_reloc(sections_[kEhFrame], field, sections_[kText].section_symbol, 2,
                static_cast<i64>(text_offset));
    }
    return {};
  }

  std::vector<u8> layout() {
    Bytes file, names;
    names.put_text("");
    std::vector<Header> headers(1);
    file.bytes().resize(64);
    u16 last_place = 0;
    for (const Section& section : sections_) last_place = std::max(last_place, section.number);
    for (u32 i = 0; i < kNumPlaces; ++i) {
      Section& section = sections_[i];
      if (section.number == 0) continue;
      file.align(section.alignment);
      const u64 offset = file.size();
      file.put(section.content.bytes());
      headers.push_back({names.put_text(kPlaces[i].name), kPlaces[i].type, kPlaces[i].flags, offset,
                         section.content.size() + section.zero_bytes, 0, 0, section.alignment, 0});
    }
    headers.push_back(
        {names.put_text(".note.GNU-stack"), kProgbits, 0, file.size(), 0, 0, 0, 1, 0});
    const u32 symtab_number = static_cast<u32>(headers.size());
    file.align(8);
    headers.push_back({names.put_text(".symtab"), kSymtab, 0, file.size(), symtab_.size(),
                       symtab_number + 1, first_global_, 8, 24});
    file.put(symtab_.bytes());
    headers.push_back(
        {names.put_text(".strtab"), kStrtab, 0, file.size(), strtab_.size(), 0, 0, 1, 0});
    file.put(strtab_.bytes());
    for (u32 i = 0; i < kNumPlaces; ++i) {
      Section& section = sections_[i];
      if (section.relocs.size() == 0) continue;
      file.align(8);
      std::string name(".rela");
      name.append(kPlaces[i].name);
      headers.push_back({names.put_text(name), kRela, kInfoLink, file.size(), section.relocs.size(),
                         symtab_number, section.number, 8, 24});
      file.put(section.relocs.bytes());
    }
    const u32 names_number = static_cast<u32>(headers.size());
    const u32 own_name = names.put_text(".shstrtab");
    headers.push_back({own_name, kStrtab, 0, file.size(), names.size(), 0, 0, 1, 0});
    file.put(names.bytes());
    file.align(8);
    const u64 headers_at = file.size();
    for (const Header& header : headers) {
      file.put(header.name, 4);
      file.put(header.type, 4);
      file.put(header.flags, 8);
      file.put(0, 8);  // address
      file.put(header.offset, 8);
      file.put(header.size, 8);
      file.put(header.link, 4);
      file.put(header.info, 4);
      file.put(header.alignment, 8);
      file.put(header.entry_size, 8);
    }

    Bytes head;
    static constexpr u8 kIdent[16] = {0x7f, 'E', 'L', 'F', 2 /* 64 bits */, 1 /* little-endian */,
                                      1 /* version */};
    head.put(kIdent);
    head.put(1, 2);   // relocatable
    head.put(62, 2);  // x86-64
    head.put(1, 4);   // version
    head.put(0, 8);   // entry
    head.put(0, 8);   // program headers
    head.put(headers_at, 8);
    head.put(0, 4);   // flags
    head.put(64, 2);  // size of this header
    head.put(0, 2);
    head.put(0, 2);
    head.put(64, 2);  // size of a section header
    head.put(headers.size(), 2);
    head.put(names_number, 2);
    std::memcpy(file.bytes().data(), head.bytes().data(), 64);
    return std::move(file.bytes());
  }

  const Module& module_;
  const ElfOptions& options_;
  Section sections_[kNumPlaces];
  SecondaryMap<Symbol, Home> homes_;
  SecondaryMap<Symbol, u32> numbers_;
  std::vector<std::pair<u32, u64>> frame_fields_;  // in .eh_frame, in .text
  Bytes symtab_, strtab_;
  u32 first_global_ = 0;
};

}  // namespace

Result<std::vector<u8>> ElfX86_64Writer::write(const Module& module) const {
  return Writer(module, options_).write();
}

}  // namespace gantry::object

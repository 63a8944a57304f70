// Compiles every valid function of the .clif files below the paths three times: in a session of its
// own, in a session that lives through all files, and there a second time, after everything else.
// And all of it again in a process started anew, where addresses differ. Everything CompiledCode
// says must be equal, bit for bit.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gantry/codegen/compile.h"
#include "gantry/isa/lookup.h"
#include "gantry/reader/reader.h"
#include "gantry/support/hash.h"
#include "gantry/verifier/verifier.h"

using namespace gantry;  // NOLINT: a program

namespace {

class Digest {
 public:
  void add(u64 number) { hash_ = hash_combine(hash_, number); }
  u64 value() const { return hash_; }

 private:
  u64 hash_ = 0;
};

u64 digest_of(const target::CompiledCode& code) {
  Digest digest;
  digest.add(hash_bytes({reinterpret_cast<const char*>(code.code.data()), code.code.size()}));
  digest.add(code.alignment);
  digest.add(code.frame_size);
  for (const target::Reloc& reloc : code.relocs) {
    digest.add(u64{reloc.offset} << 32 | static_cast<u64>(reloc.kind) << 1 |
               u64{reloc.in_function});
    digest.add(u64{reloc.target_offset} << 32 | reloc.name.index);
    digest.add(static_cast<u64>(reloc.addend));
  }
  for (const target::TrapRecord& trap : code.traps)
    digest.add(u64{trap.offset} << 8 | trap.code.code);
  for (const target::CallSite& site : code.call_sites) {
    digest.add(u64{site.return_offset} << 32 | site.frame_offset);
    digest.add(u64{site.first_handler} << 32 | site.num_handlers);
  }
  for (const target::ExceptionHandler& handler : code.handlers) {
    digest.add(static_cast<u64>(handler.kind) << 32 | handler.tag);
    digest.add(handler.kind == target::ExceptionHandler::Kind::Context
                   ? static_cast<u32>(handler.context_sp_offset)
                   : handler.code_offset);
  }
  for (const target::StackMap& map : code.stack_maps)
    digest.add(u64{map.return_offset} << 32 | map.num_entries);
  for (const target::StackMapEntry& entry : code.stack_map_entries) {
    digest.add(u64{entry.type_bits} << 32 | entry.sp_offset);
  }
  for (const target::SourceRange& range : code.source_ranges) {
    digest.add(u64{range.start} << 32 | range.end);
    digest.add(range.location);
  }
  for (const target::DebugTag& tag : code.debug_tags)
    digest.add(u64{tag.value} << 1 | u64{tag.is_slot});
  for (const target::SlotPlace& slot : code.slots) digest.add(slot.sp_offset);
  for (const unwind::UnwindInst& inst : code.unwind) {
    digest.add(static_cast<u64>(inst.kind) << 56 | u64{inst.code_offset} << 24 | inst.amount);
  }
  return digest.value();
}

std::vector<std::string> read_texts(int count, char** paths) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (int i = 0; i < count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths[i], error)) {
      if (entry.path().extension() == ".clif") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const std::filesystem::path& file : files) {
    std::ostringstream text;
    text << std::ifstream(file, std::ios::binary).rdbuf();
    texts.push_back(text.str());
  }
  return texts;
}

std::unique_ptr<target::TargetIsa> make_isa(std::string_view words) {
  Result<target::TargetSpec> spec = target::parse_target(words, target::Flags());
  GANTRY_CHECK(spec.has_value());
  Result<target::TargetIsa*> isa = isa::lookup(*spec);
  GANTRY_CHECK(isa.has_value());
  return std::unique_ptr<target::TargetIsa>(*isa);
}

// One number a function that compiles; a fresh session each, or one for all.
std::vector<u64> compile_all(const std::vector<std::string>& texts, const target::TargetIsa& isa,
                             Session* shared) {
  std::vector<u64> digests;
  ir::Function func;
  for (const std::string& text : texts) {
    reader::Reader reader(text, {.default_call_conv = isa.default_call_conv()});
    while (reader.next(func)) {
      if (reader.errors_in_last() != 0) continue;
      std::unique_ptr<Session> fresh(shared == nullptr ? new Session : nullptr);
      const Result<target::CompiledCode> code =
          codegen::compile(func, isa, shared == nullptr ? *fresh : *shared);
      if (code.has_value()) digests.push_back(digest_of(*code));
    }
  }
  return digests;
}

constexpr std::string_view kTargets[] = {"x86_64", "x86_64 has_avx=true has_sse41=true"};

// All digests of this process, in order. False if two ways disagree.
bool compile_in_all_ways(const std::vector<std::string>& texts, std::vector<u64>& all) {
  for (const std::string_view words : kTargets) {
    const std::unique_ptr<target::TargetIsa> isa = make_isa(words);
    Session session;
    const std::vector<u64> alone = compile_all(texts, *isa, nullptr);
    if (alone != compile_all(texts, *isa, &session) || alone != compile_all(texts, *isa, &session))
      return false;
    all.insert(all.end(), alone.begin(), alone.end());
  }
  return true;
}

u64 digest_of_all(const std::vector<u64>& all) {
  return hash_bytes({reinterpret_cast<const char*>(all.data()), all.size() * sizeof(u64)});
}

}  // namespace

int main(int argc, char** argv) {
  const bool is_child = argc > 1 && std::strcmp(argv[1], "--digest") == 0;
  const int first = is_child ? 2 : 1;
  const std::vector<std::string> texts = read_texts(argc - first, argv + first);
  std::vector<u64> all;
  if (!compile_in_all_ways(texts, all) || all.empty()) {
    std::fprintf(stderr, all.empty() ? "nothing compiles\n"
                                     : "the code depends on what was compiled before\n");
    return 1;
  }
  const u64 digest = digest_of_all(all);
  if (is_child) {
    std::printf("%016llx\n", static_cast<unsigned long long>(digest));
    return 0;
  }
  std::string command = argv[0];
  command += " --digest";
  for (int i = 1; i < argc; ++i) command += std::string(" '") + argv[i] + "'";
  char line[64] = {};
  std::FILE* const child = popen(command.c_str(), "r");
  const bool read = child != nullptr && std::fgets(line, sizeof line, child) != nullptr;
  if (child == nullptr || pclose(child) != 0 || !read ||
      std::strtoull(line, nullptr, 16) != digest) {
    std::fprintf(stderr, "another process compiles to other code\n");
    return 1;
  }
  std::printf("%zu compiled functions, equal in all ways\n", all.size());
  return 0;
}

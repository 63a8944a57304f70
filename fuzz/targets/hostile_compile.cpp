// The property: what verifies compiles, or is refused as unsupported or beyond a limit; compiling
// does not depend on what was compiled before. In checked builds the judges between the steps look
// on.
#include <memory>
#include <vector>

#include "gantry/codegen/compile.h"
#include "gantry/isa/lookup.h"
#include "gantry/reader/reader.h"
#include "gantry/support/hash.h"
#include "gantry/verifier/verifier.h"
#include "hostile.h"

using namespace gantry;  // NOLINT: a program of one function

namespace {

constexpr std::string_view kIsaWords[] = {"x86_64",
                                          "x86_64 sapphirerapids",
                                          "x86_64 has_avx=true",
                                          "x86_64 nehalem",
                                          "x86_64 haswell",
                                          "x86_64-pc-windows-msvc",
                                          "x86_64-apple-darwin",
                                          "x86_64 has_sse41=true has_popcnt=true"};
constexpr std::string_view kSharedWords[] = {"is_pic=true",
                                             "enable_probestack=true",
                                             "probestack_strategy=inline",
                                             "tls_model=elf_gd",
                                             "enable_llvm_abi_extensions=true",
                                             "enable_multi_ret_implicit_sret=true",
                                             "preserve_frame_pointers=true",
                                             "machine_code_cfg_info=true",
                                             "enable_pinned_reg=true",
                                             "use_colocated_libcalls=true",
                                             "unwind_info=false",
                                             "opt_level=speed"};

// Back ends by number of the settings, made when first wanted and kept.
const target::TargetIsa* isa_for(u32 isa_word, u32 shared) {
  struct Made {
    u32 key;
    std::unique_ptr<target::TargetIsa> isa;
  };
  static std::vector<Made> made;
  const u32 key = isa_word << 16 | shared;
  for (const Made& entry : made) {
    if (entry.key == key) return entry.isa.get();
  }
  target::Flags flags;
  for (u32 bit = 0; bit < std::size(kSharedWords); ++bit) {
    if ((shared >> bit & 1) != 0)
      GANTRY_CHECK(target::apply_setting(flags, kSharedWords[bit]).has_value());
  }
  Result<target::TargetSpec> spec = target::parse_target(kIsaWords[isa_word], flags);
  GANTRY_CHECK(spec.has_value());
  Result<target::TargetIsa*> isa = isa::lookup(*spec);
  GANTRY_CHECK(isa.has_value());
  made.push_back({key, std::unique_ptr<target::TargetIsa>(*isa)});
  return *isa;
}

}  // namespace

int fuzz_hostile_compile(const u8* data, usize size) {
  static verifier::Verifier verifier;
  static ir::Function func, again;
  static Session session;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const u64 hash = hash_bytes(text);
  // Sixteen mixes of the shared settings, so that the back ends and their memory stay few.
  const u32 mix = hash & 15;
  const u32 shared = mix == 0 ? 0 : (mix * 0x9e3779b1u >> 20) & 0xfff;
  const target::TargetIsa* const isa = isa_for(hash >> 8 & 7, shared);
  const verifier::Environment environment{
      .has_isa = true,
      .pointer_type = isa->pointer_type(),
      .enable_pinned_reg = isa->flags().enable_pinned_reg,
      .preserve_frame_pointers = isa->flags().preserve_frame_pointers};
  reader::Reader reader(text, {.default_call_conv = isa->default_call_conv()});
  reader::Reader rereader(text, {.default_call_conv = isa->default_call_conv()});
  std::vector<verifier::Finding> findings;
  int good = 0;
  (void)reader.header();
  (void)rereader.header();
  while (reader.next(func)) {
    GANTRY_CHECK(rereader.next(again));
    if (reader.errors_in_last() != 0) continue;
    findings.clear();
    if (!verifier.verify(func, environment, findings)) continue;
    ++good;
    const Result<target::CompiledCode> code = codegen::compile(func, *isa, session);
    if (!code.has_value()) {
      const ErrorKind kind = code.error().kind();
      if (kind != ErrorKind::Unsupported && kind != ErrorKind::LimitExceeded) {
        const CheckScope scope("compile said", code.error().message());
        GANTRY_CHECK(kind == ErrorKind::Unsupported || kind == ErrorKind::LimitExceeded);
      }
      continue;
    }
    Session fresh;
    const Result<target::CompiledCode> repeated = codegen::compile(again, *isa, fresh);
    GANTRY_CHECK(repeated.has_value());
    GANTRY_CHECK(code->code == repeated->code);
    GANTRY_CHECK(code->relocs.size() == repeated->relocs.size() &&
                 code->traps.size() == repeated->traps.size());
  }
  return good;
}

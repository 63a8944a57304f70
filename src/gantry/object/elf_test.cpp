#include "gantry/object/elf.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace gantry::object {
namespace {

using module::DataDefinition;
using module::Linkage;
using module::Module;
using module::Symbol;
using target::Reloc;
using target::RelocKind;

void define(Module& module, Symbol symbol, std::vector<u8> bytes, std::vector<Reloc> relocs,
            std::vector<Symbol> names, std::vector<unwind::UnwindInst> unwind = {}) {
  target::CompiledCode code;
  code.code = std::move(bytes);
  code.relocs = std::move(relocs);
  code.unwind = std::move(unwind);
  const Result<void> done = module.define_function(
      symbol, std::move(code),
      [&](ir::ExternalName name) -> Result<Symbol> { return names.at(name.index); });
  ASSERT_TRUE(done.has_value()) << done.error().message();
}

// Functions written by hand: calls out, references to all kinds of data, a handler address, a frame
// to unwind.
void build(Module& module) {
  using Kind = unwind::UnwindInst::Kind;
  const std::vector<unwind::UnwindInst> frame = {{Kind::PushFrameRegs, 1, 16},
                                                 {Kind::DefineNewFrame, 4, 16}};
  const Symbol call_back = *module.declare_function("call_back", Linkage::Export);
  const Symbol helper = *module.declare_function("helper", Linkage::Local);
  const Symbol weak = *module.declare_function("weak_one", Linkage::Preemptible);
  const Symbol hidden = *module.declare_function("hidden_one", Linkage::Hidden);
  const Symbol c_function = *module.declare_function("c_function", Linkage::Import);
  const Symbol counter = *module.declare_data("counter", Linkage::Export, true, false);
  const Symbol zeros = *module.declare_data("zeros", Linkage::Export, true, false);
  const Symbol text = *module.declare_data("", Linkage::Local, false, false);
  const Symbol table = *module.declare_data("table", Linkage::Export, false, false);
  const Symbol per_thread = *module.declare_data("per_thread", Linkage::Export, true, true);

  // call_back(x): push rbp; mov rbp, rsp; call helper; call c_function; pop rbp; ret
  define(module, call_back,
         {0x55, 0x48, 0x89, 0xe5, 0xe8, 0, 0, 0, 0, 0x89, 0xc7, 0xe8, 0, 0, 0, 0, 0x5d, 0xc3},
         {{5, RelocKind::X86CallPCRel4, false, 0, {{}, 0}, -4},
          {12, RelocKind::X86CallPLTRel4, false, 0, {{}, 1}, -4}},
         {helper, c_function}, frame);
  // helper(x): add edi, [rip+counter]; mov eax, edi; ret
  define(module, helper, {0x03, 0x3d, 0, 0, 0, 0, 0x89, 0xf8, 0xc3},
         {{2, RelocKind::X86PCRel4, false, 0, {{}, 0}, -4}}, {counter});
  // weak_one(): mov rax, [rip+got of zeros]; mov eax, [rax]; ret
  define(module, weak, {0x48, 0x8b, 0x05, 0, 0, 0, 0, 0x8b, 0x00, 0xc3},
         {{3, RelocKind::X86GOTPCRel4, false, 0, {{}, 0}, -4}}, {zeros});
  // hidden_one(): lea rax, [rip+place]; jmp rax; ud2; place: mov eax, 77; ret
  define(module, hidden,
         {0x48, 0x8d, 0x05, 0, 0, 0, 0, 0xff, 0xe0, 0x0f, 0x0b, 0xb8, 77, 0, 0, 0, 0xc3},
         {{3, RelocKind::X86PCRel4, true, 11, {}, -4}}, {});

  DataDefinition data;
  data.bytes = {40, 0, 0, 0};
  data.alignment = 4;
  ASSERT_TRUE(module.define_data(counter, std::move(data)));
  data = {};
  data.zero_bytes = 4096;
  data.alignment = 64;
  ASSERT_TRUE(module.define_data(zeros, std::move(data)));
  data = {};
  data.bytes = {'h', 'i', 0};
  ASSERT_TRUE(module.define_data(text, std::move(data)));
  data = {};
  data.bytes.resize(16);
  data.alignment = 8;
  data.relocs = {{0, RelocKind::Abs8, false, 0, text, 0},
                 {8, RelocKind::Abs8, false, 0, hidden, 0}};
  ASSERT_TRUE(module.define_data(table, std::move(data)));
  data = {};
  data.bytes = {9, 0, 0, 0};
  data.alignment = 4;
  ASSERT_TRUE(module.define_data(per_thread, std::move(data)));
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  char chunk[4096];
  while (const usize size = fread(chunk, 1, sizeof chunk, pipe)) out.append(chunk, size);
  const int status = pclose(pipe);
  if (status != 0) out.append("\nexit status ").append(std::to_string(status));
  return out;
}

class ElfFile : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/gantry_elf_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    Module module;
    build(module);
    const Result<std::vector<u8>> file = ElfX86_64Writer({.file_name = "test.clif"}).write(module);
    ASSERT_TRUE(file.has_value());
    object_ = folder_ + "/test.o";
    std::ofstream(object_, std::ios::binary)
        .write(reinterpret_cast<const char*>(file->data()),
               static_cast<std::streamsize>(file->size()));
  }
  void TearDown() override { EXPECT_EQ(std::system(("rm -r " + folder_).c_str()), 0); }
  static bool has(const char* program) {
    return std::system((std::string("command -v ") + program + " >/dev/null").c_str()) == 0;
  }

  std::string folder_, object_;
};

TEST_F(ElfFile, pleases_the_readers) {
  if (!has("readelf") || !has("objdump")) GTEST_SKIP() << "no binutils";
  const std::string all = output_of("readelf -aW " + object_);
  EXPECT_EQ(all.find("arning"), std::string::npos) << all;
  EXPECT_EQ(all.find("rror"), std::string::npos) << all;
  for (const char* word : {".rela.text", ".data.rel.ro", ".note.GNU-stack", "WEAK", "HIDDEN", "TLS",
                           "test.clif", ".tdata"}) {
    EXPECT_NE(all.find(word), std::string::npos) << word << all;
  }
  const std::string frames = output_of("readelf --debug-dump=frames " + object_);
  EXPECT_EQ(frames.find("arning"), std::string::npos) << frames;
  EXPECT_NE(frames.find("DW_CFA_def_cfa_register: r6 (rbp)"), std::string::npos) << frames;
  EXPECT_NE(output_of("objdump -dr " + object_).find("R_X86_64_PLT32"), std::string::npos);
}

TEST_F(ElfFile, links_and_runs_with_c_and_unwinds) {
  if (!has("c++")) GTEST_SKIP() << "no compiler";
  std::ofstream(folder_ + "/main.cpp") << R"(
#include <cstdio>
#include <cstring>
#include <unwind.h>
extern "C" {
int call_back(int); int weak_one(); extern int counter; extern int zeros[1024];
extern const struct { const char* text; int (*function)(); } table; extern __thread int per_thread;
int c_function(int x);
}
static int frames, seen;
static _Unwind_Reason_Code count(_Unwind_Context* c, void*) {
  ++frames;
  const char* ip = (const char*)_Unwind_GetIP(c);
  if (ip > (const char*)&call_back && ip < (const char*)&call_back + 18) seen = frames;
  return _URC_NO_REASON;
}
int c_function(int x) {
  _Unwind_Backtrace(count, nullptr);
  if (x == 142) throw x;
  return x + 1;
}
int main() {
  if (call_back(2) != 43 || seen == 0 || frames <= seen) return 1;
  counter = 100; zeros[0] = 5; zeros[1023] = 6;
  try { call_back(42); return 2; } catch (int x) { if (x != 142) return 3; }
  if (weak_one() != 5 || std::strcmp(table.text, "hi") != 0 || table.function() != 77) return 4;
  return per_thread == 9 ? 0 : 5;
}
)";
  for (const char* flags : {"", "-static", "-fuse-ld=lld", "-pie"}) {
    if (std::string_view(flags) == "-fuse-ld=lld" && !has("ld.lld")) continue;
    const std::string program = folder_ + "/program";
    EXPECT_EQ(output_of("c++ -fPIE " + std::string(flags) + " -Wl,--fatal-warnings -o " + program +
                        " " + folder_ + "/main.cpp " + object_ + " && " + program),
              "")
        << flags;
  }
}

TEST(Elf, refuses_what_it_cannot_say) {
  Module module;
  const Symbol f = *module.declare_function("f", Linkage::Export);
  EXPECT_EQ(ElfX86_64Writer().write(module).error().kind(), ErrorKind::Invalid);
  define(module, f, {0, 0, 0, 0}, {{0, RelocKind::MachOX86_64Tlv, false, 0, {}, 0}}, {f});
  EXPECT_EQ(ElfX86_64Writer().write(module).error().kind(), ErrorKind::Unsupported);
}

TEST(Elf, an_empty_module_is_a_file) { EXPECT_TRUE(ElfX86_64Writer().write(Module()).has_value()); }

}  // namespace
}  // namespace gantry::object

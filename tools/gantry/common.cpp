// Input, targets and messages of all verbs.
#include "common.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#if defined(GANTRY_HAVE_ZSTD)
#include <zstd.h>
#endif

#include "gantry/filetest/isolated.h"
#include "gantry/support/check.h"

namespace gantry::tool {
namespace {

#if defined(GANTRY_HAVE_ZSTD)
// More than any text the reader takes: a small file may not fill the memory.
constexpr usize kMaxDecompressedBytes = usize{1} << 31;

Result<std::string> decompress(const std::string& path, std::string_view packed) {
  ZSTD_DStream* const stream = ZSTD_createDStream();
  std::string text;
  std::string buffer(ZSTD_DStreamOutSize(), '\0');
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  size_t status = 0;
  bool stuck = false;
  do {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    const size_t consumed_before = in.pos;
    status = ZSTD_decompressStream(stream, &out, &in);
    stuck = out.pos == 0 && in.pos == consumed_before;
    text.append(buffer.data(), out.pos);
  } while (ZSTD_isError(status) == 0 && !stuck && (in.pos < in.size || status != 0) &&
           text.size() <= kMaxDecompressedBytes);
  ZSTD_freeDStream(stream);
  if (ZSTD_isError(status) != 0)
    return Error(ErrorKind::Io, path + ": " + ZSTD_getErrorName(status));
  if (text.size() > kMaxDecompressedBytes) {
    return Error(ErrorKind::LimitExceeded, path + ": more than 2 GiB when decompressed");
  }
  if (status != 0) return Error(ErrorKind::Io, path + ": the compressed data ends early");
  return text;
}
#else
Result<std::string> decompress(const std::string& path, std::string_view) {
  return Error(ErrorKind::Unsupported,
               path + ": this build cannot read .zst files (GANTRY_WITH_ZSTD)");
}
#endif

std::string with_colour(std::string_view message) {
  std::string text(message);
  if (!on_terminal()) return text;
  constexpr std::string_view kWord = "error:";
  const usize at = text.find(kWord);
  if (at == std::string::npos) return text;
  text.insert(at + kWord.size(), "\033[0m");
  text.insert(at, "\033[1;31m");
  return text;
}

// An internal check failed: say so, and end with the status that means it is our bug.
void die_with_report(std::string_view report) {
  std::fwrite(report.data(), 1, report.size(), stderr);
  std::fputs("This is a bug in gantry, whatever the input.\n", stderr);
  std::fflush(nullptr);
  ::_exit(kOurBug);
}

}  // namespace

void install_check_hook() { set_check_hook(die_with_report); }

Result<std::string> read_input(const std::string& path) {
  Result<std::string> bytes = filetest::read_whole_file(path == "-" ? "/dev/stdin" : path);
  if (!bytes.has_value() || !path.ends_with(".zst")) return bytes;
  return decompress(path, *bytes);
}

void complain(std::string_view message) {
  const std::string text = with_colour("error: " + std::string(message));
  std::fprintf(stderr, "%s\n", text.c_str());
}

void complain(const DiagnosticList& diagnostics, std::string_view path, std::string_view text) {
  for (const Diagnostic& diagnostic : diagnostics) {
    TextWriter out;
    render(diagnostic, path, text, out);
    std::fputs(with_colour(out.view()).c_str(), stderr);
  }
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

bool on_terminal() { return ::isatty(2) != 0; }

std::optional<target::TargetSpec> target_from(const std::string& text, const Words& settings,
                                              const target::Flags& flags) {
  std::optional<target::TargetSpec> spec;
  if (text.empty()) {
    const std::optional<target::Triple> host = target::Triple::host();
    if (!host) {
      complain("this machine's architecture is not known; use --target");
      return std::nullopt;
    }
    spec = target::TargetSpec{*host, flags, target::host_isa_flags(host->arch)};
  } else {
    Result<target::TargetSpec> parsed = target::parse_target(text, flags);
    if (!parsed.has_value()) {
      complain(parsed.error().message());
      return std::nullopt;
    }
    spec = *parsed;
  }
  for (const std::string& word : settings) {
    const std::string_view name = std::string_view(word).substr(0, word.find('='));
    const std::span<const meta::SettingDef> isa = spec->isa_flags.table().settings;
    const bool is_of_isa =
        meta::find_setting(isa, name) != meta::kNoSetting ||
        meta::find_preset(spec->isa_flags.table().presets, name) != meta::kNoSetting;
    const Result<void> applied = is_of_isa ? target::apply_setting(spec->isa_flags, word)
                                           : target::apply_setting(spec->flags, word);
    if (!applied.has_value()) {
      complain(applied.error().message());
      return std::nullopt;
    }
  }
  return spec;
}

int for_each_function(const Words& paths, FunctionRef<void(const ir::Function& func)> visit) {
  int status = kOk;
  ir::Function func;
  for (const std::string& path : paths) {
    const Result<std::string> text = read_input(path);
    if (!text.has_value()) {
      complain(text.error().message());
      status = kInputFault;
      continue;
    }
    reader::Reader reader(*text, reader::ReaderOptions{});
    while (reader.next(func)) {
      if (reader.errors_in_last() == 0) visit(func);
    }
    complain(reader.diagnostics(), path, *text);
    if (!reader.diagnostics().empty()) status = kInputFault;
  }
  return status;
}

}  // namespace gantry::tool

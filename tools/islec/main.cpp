// islec: ISLE rule files to C++, from the command line. Nothing but the standard library, because
// the build of everything else waits for this program.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/isle/compile.h"

namespace {

constexpr const char* kUsage = R"(usage: islec [options] FILE.isle...
Compiles ISLE rules to C++ (written to standard output without -o).

  -o FILE                 write the C++ to FILE; with --shards N to FILE.0, FILE.1, ... before the extension
  --header FILE           write types and declarations to FILE instead of into the .cpp
  --header-as NAME        how the .cpp files include the header (default: the file name of --header)
  --context CLASS         the class whose member functions are called (default: an abstract class Context is
                          generated); may be qualified
  --namespace NS          of the generated code (default: isle_rules)
  --prefix NAME           of the macro NAME_CONTEXT_METHODS (default: ISLE)
  --include FILE          included by the .cpp files before the functions; repeatable
  --header-include FILE   included by the header before the types; repeatable
  --failure FUNCTION      [[noreturn]] function of a const char*, called when no rule matches
  --shards N              spread the functions over N files (needs -o and --header)
  --multi-capacity N      results kept of an inner call of a multi term (default: 32)
  --leaves-apart          every right side is a function of its own, never inlined: tells matching from what it makes
  --coverage-table FILE   write a table of the rules by number
  --shapes FILE           write the left sides of the rules by number, as macro calls (isle/shapes.h)
  --inherited SUFFIX      externs declared in files whose path ends so are left out of NAME_CONTEXT_METHODS: a base
                          class of the context has them; repeatable
  --strip-prefix PATH     removed from the front of file names in comments; repeatable
  --check                 check only
  --print                 print the forms of the files in standard layout
  --explain TERM          print the decision tree of a term
  --help, --version

Exit status: 0 done, 1 errors in the input or the files, 2 wrong use.
)";

struct Options {
  gantry::isle::CompileOptions compile;
  std::vector<std::string> inputs;
  std::string output;
  std::string header;
  std::string coverage_table;
  std::string shapes;
};

[[noreturn]] void wrong_use(const std::string& message) {
  std::fprintf(stderr, "islec: %s\nTry 'islec --help'.\n", message.c_str());
  std::exit(2);
}

bool read_file(const std::string& path, std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return false;
  char buffer[1 << 16];

  for (;;) {
    const std::size_t count = std::fread(buffer, 1, sizeof buffer, file);
    text.append(buffer, count);
    if (count < sizeof buffer) break;
  }
  const bool ok = std::ferror(file) == 0;
  std::fclose(file);
  return ok;
}

// Leaves a file that already has this text alone, so that nothing is rebuilt for nothing.
bool write_file(const std::string& path, const std::string& text) {
  std::string present;
  if (read_file(path, present) && present == text) return true;
  std::FILE* file = std::fopen(path.c_str(), "wb");
  bool ok = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file != nullptr && std::fclose(file) != 0) ok = false;
  if (!ok)
    std::fprintf(stderr, "%s: error: cannot write: %s\n", path.c_str(), std::strerror(errno));
  return ok;
}

gantry::u32 parse_number(const std::string& option, const std::string& text, unsigned long max) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value == 0 || value > max) {
    wrong_use(option + " needs a number from 1 to " + std::to_string(max));
  }
  return static_cast<gantry::u32>(value);
}

Options parse_arguments(int argc, char** argv) {
  Options options;
  gantry::isle::CodegenOptions& codegen = options.compile.codegen;
  bool only_files = false;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (only_files || arg.empty() || arg[0] != '-') {
      options.inputs.push_back(arg);
      continue;
    }
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) wrong_use(arg + " needs a value");
      return argv[++i];
    };
    if (arg == "--") {
      only_files = true;
    } else if (arg == "--help") {
      std::fputs(kUsage, stdout);
      std::exit(0);
    } else if (arg == "--version") {
      std::puts("islec (Gantry) 0.1.0");
      std::exit(0);
    } else if (arg == "-o") {
      options.output = value();
    } else if (arg == "--header") {
      options.header = value();
    } else if (arg == "--header-as") {
      codegen.header_name = value();
    } else if (arg == "--context") {
      codegen.context = value();
    } else if (arg == "--namespace") {
      codegen.name_space = value();
    } else if (arg == "--prefix") {
      codegen.prefix = value();
    } else if (arg == "--include") {
      codegen.includes.push_back(value());
    } else if (arg == "--header-include") {
      codegen.header_includes.push_back(value());
    } else if (arg == "--failure") {
      codegen.failure = value();
    } else if (arg == "--shards") {
      codegen.shards = parse_number(arg, value(), 256);
    } else if (arg == "--multi-capacity") {
      codegen.multi_capacity = parse_number(arg, value(), 65536);
    } else if (arg == "--leaves-apart") {
      codegen.leaves_apart = true;
    } else if (arg == "--coverage-table") {
      options.coverage_table = value();
      codegen.with_coverage_table = true;
    } else if (arg == "--shapes") {
      options.shapes = value();
      codegen.with_shapes = true;
    } else if (arg == "--inherited") {
      codegen.inherited.push_back(value());
    } else if (arg == "--strip-prefix") {
      codegen.strip_prefixes.push_back(value());
    } else if (arg == "--check") {
      options.compile.check_only = true;
    } else if (arg == "--print") {
      options.compile.print = true;
    } else if (arg == "--explain") {
      options.compile.explain = value();
    } else {
      wrong_use("unknown option '" + arg + "'");
    }
  }
  if (options.inputs.empty()) wrong_use("no input files");
  if (codegen.shards > 1 && (options.header.empty() || options.output.empty())) {
    wrong_use("--shards needs -o and --header");
  }
  if (!options.header.empty() && options.output.empty()) wrong_use("--header needs -o");
  if (!options.header.empty() && codegen.header_name.empty()) {
    codegen.header_name = options.header.substr(options.header.rfind('/') + 1);
  }
  if (options.header.empty()) codegen.header_name.clear();
  return options;
}

std::string shard_path(const std::string& output, std::size_t shard) {
  const std::size_t slash = output.rfind('/');
  std::size_t dot = output.rfind('.');
  if (dot == std::string::npos || (slash != std::string::npos && dot < slash)) dot = output.size();
  return output.substr(0, dot) + "." + std::to_string(shard) + output.substr(dot);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_arguments(argc, argv);
  std::vector<gantry::isle::SourceFile> files;
  bool readable = true;
  for (const std::string& path : options.inputs) {
    gantry::isle::SourceFile file{path, {}};
    if (!read_file(path, file.text)) {
      std::fprintf(stderr, "%s: error: cannot read: %s\n", path.c_str(), std::strerror(errno));
      readable = false;
    }
    files.push_back(std::move(file));
  }
  if (!readable) return 1;

  const gantry::isle::CompileResult result = gantry::isle::compile(files, options.compile);
  gantry::TextWriter report;
  for (const gantry::Diagnostic& diagnostic : result.diagnostics) {
    std::string_view source;
    for (const gantry::isle::SourceFile& file : files) {
      if (file.path == diagnostic.file) source = file.text;
    }
    gantry::render(diagnostic, "islec", source, report);
  }
  std::fwrite(report.view().data(), 1, report.size(), stderr);
  if (!result.ok) {
    std::fprintf(stderr, "islec: %u error%s\n", result.errors, result.errors == 1 ? "" : "s");
    return 1;
  }
  if (options.compile.check_only) return 0;
  if (options.compile.print || !options.compile.explain.empty()) {
    std::fputs(result.explanation.c_str(), stdout);
    return 0;
  }
  if (options.output.empty()) {
    std::fwrite(result.code.shards[0].data(), 1, result.code.shards[0].size(), stdout);
    return std::fflush(stdout) == 0 ? 0 : 1;
  }
  bool written = true;
  if (!options.header.empty()) written = write_file(options.header, result.code.header);
  for (std::size_t i = 0; i < result.code.shards.size(); ++i) {
    const std::string path =
        options.compile.codegen.shards == 1 ? options.output : shard_path(options.output, i);
    written = write_file(path, result.code.shards[i]) && written;
  }
  if (!options.coverage_table.empty())
    written = write_file(options.coverage_table, result.code.coverage_table) && written;
  if (!options.shapes.empty()) written = write_file(options.shapes, result.code.shapes) && written;
  return written ? 0 : 1;
}

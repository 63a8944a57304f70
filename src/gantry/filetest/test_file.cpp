// Problem: a header says in a few lines which commands run with which settings against which
// targets. Idea: settings accumulate from line to line, and each target line takes a copy of them.
#include <algorithm>

#include "gantry/filetest/internal/test_file.h"
#include "gantry/ir/printer.h"

namespace gantry::filetest {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string at_line(std::string_view path, u32 line, std::string_view message) {
  TextWriter out;
  out.put(path, ':', line, ": ", message);
  return std::move(out).take();
}

// Applies the words of a target line; the error, or nothing.
std::string add_target(TestFile& file, std::span<const std::string_view> words) {
  TestTarget target;
  for (const std::string_view word : words) {
    if (!target.name.empty()) target.name += ' ';
    target.name += word;
  }
  if (words.empty()) return "a target line needs an architecture";
  const Result<target::Triple> triple = target::Triple::parse(words[0]);
  if (triple.has_value()) {
    Result<target::TargetSpec> spec = target::parse_target(target.name, file.flags);
    if (!spec.has_value()) return std::string(spec.error().message());
    target.spec = *spec;
  }
  file.targets.push_back(std::move(target));
  return {};
}

std::string read_header(const reader::FileHeader& header, TestFile& file) {
  file.preamble_comments = header.comments;
  u32 dangling_set = 0;
  for (const reader::HeaderLine& line : header.lines) {
    switch (line.kind) {
      case reader::HeaderLine::Kind::Test:
        if (line.words.empty()) return at_line(file.path, line.line, "a test line needs a command");
        file.tests.push_back(
            {line.words[0], {line.words.begin() + 1, line.words.end()}, line.line});
        break;
      case reader::HeaderLine::Kind::Set:
        for (const std::string_view word : line.words) {
          const Result<void> result = target::apply_setting(file.flags, word);
          if (!result.has_value()) return at_line(file.path, line.line, result.error().message());
        }
        if (!file.targets.empty()) dangling_set = line.line;
        break;
      case reader::HeaderLine::Kind::Target:
        dangling_set = 0;
        if (const std::string error = add_target(file, line.words); !error.empty()) {
          return at_line(file.path, line.line, error);
        }
        break;
      case reader::HeaderLine::Kind::Feature:
        break;  // recorded by the reader; no build of ours has features a file could ask for
    }
  }
  if (dangling_set != 0)
    return at_line(file.path, dangling_set, "a set line behind the last target has no effect");
  return {};
}

// One more setting for every target of the file; the error, or nothing. Settings of an instruction
// set are for the targets that have them.
std::string add_setting(std::string_view word, TestFile& file) {
  const std::string_view name = word.substr(0, word.find('='));
  bool of_some_isa = false;
  for (TestTarget& target : file.targets) {
    if (!target.spec) continue;
    const meta::IsaSettings& table = target.spec->isa_flags.table();
    if (meta::find_setting(table.settings, name) == meta::kNoSetting &&
        meta::find_preset(table.presets, name) == meta::kNoSetting)
      continue;
    const Result<void> result = target::apply_setting(target.spec->isa_flags, word);
    if (!result.has_value()) return std::string(result.error().message());
    of_some_isa = true;
  }
  for (const meta::IsaSettings& isa : meta::kIsaSettings) {
    of_some_isa = of_some_isa || meta::find_setting(isa.settings, name) != meta::kNoSetting ||
                  meta::find_preset(isa.presets, name) != meta::kNoSetting;
  }
  if (of_some_isa) return {};
  const Result<void> result = target::apply_setting(file.flags, word);
  if (!result.has_value()) return std::string(result.error().message());
  for (TestTarget& target : file.targets) {
    if (target.spec) (void)target::apply_setting(target.spec->flags, word);  // accepted just now
  }
  return {};
}

std::string apply_command_line(const CommandLine& line, TestFile& file) {
  std::string_view rest = line.command;
  TestLine test;
  while (!rest.empty()) {
    usize length = 0;
    while (length < rest.size() && !is_blank(rest[length])) ++length;
    if (length > 0 && test.command.empty()) {
      test.command = rest.substr(0, length);
    } else if (length > 0) {
      test.options.push_back(rest.substr(0, length));
    }
    rest.remove_prefix(std::min(rest.size(), length + 1));
  }
  file.tests.assign(1, test);
  for (const std::string_view setting : line.settings) {
    if (std::string error = add_setting(setting, file); !error.empty()) return error;
  }
  if (!line.target.empty()) {
    Result<target::TargetSpec> spec = target::parse_target(line.target, file.flags);
    if (!spec.has_value()) return std::string(spec.error().message());
    file.targets.clear();
    file.targets.push_back({std::string(line.target), *spec});
  } else if (const std::optional<target::Triple> host = target::Triple::host();
             file.targets.empty() && host) {
    file.targets.push_back(
        {std::string(to_string(host->arch)),
         target::TargetSpec{*host, file.flags, target::host_isa_flags(host->arch)}});
  }
  return {};
}

}  // namespace

target::Flags initial_flags() {
  target::Flags flags;
  flags.machine_code_cfg_info = true;
  flags.unwind_info = false;
  return flags;
}

const target::TargetSpec* TestFile::unique_target() const {
  const target::TargetSpec* unique = nullptr;
  for (const TestTarget& target : targets) {
    if (!target.spec) continue;
    if (unique != nullptr) return nullptr;
    unique = &*target.spec;
  }
  return unique;
}

std::string read_test_file(std::string_view path, std::string_view text, const CommandLine* line,
                           std::span<const std::string> settings, TestFile& file) {
  file.path = path;
  file.text = text;
  file.flags = initial_flags();
  reader::ReaderOptions options;
  options.keep_comments = true;
  reader::Reader reader(text, options);

  const reader::FileHeader& header = reader.header();
  if (reader.diagnostics().empty()) {
    std::string error = read_header(header, file);
    if (error.empty() && line != nullptr) error = apply_command_line(*line, file);
    for (const std::string& setting : settings) {
      if (error.empty()) error = add_setting(setting, file);
    }
    if (!error.empty()) return error;
    // Functions that are called natively get the convention of the host.
    const bool runs = std::any_of(file.tests.begin(), file.tests.end(),
                                  [](const TestLine& test) { return test.command == "run"; });
    const std::optional<target::Triple> host = target::Triple::host();
    if (runs && host) reader.set_default_call_conv(host->default_call_conv());
  }

  while (true) {
    TestFunction function;
    function.func = std::make_unique<ir::Function>();
    if (!reader.next(*function.func, &function.source)) break;
    if (reader.errors_in_last() != 0) continue;
    TextWriter name;
    ir::print_function_name(function.func->name, name);
    function.name = std::move(name).take();
    file.functions.push_back(std::move(function));
  }
  if (!reader.diagnostics().empty()) {
    TextWriter out;
    for (const Diagnostic& diagnostic : reader.diagnostics()) render(diagnostic, path, text, out);
    return std::move(out).take();
  }
  if (file.tests.empty()) return std::string(path) + ": no test commands";
  if (file.functions.empty()) return std::string(path) + ": no functions";
  return {};
}

Result<FileCheck> directives_of(const TestFile& file, const TestFunction& function) {
  FileCheck check;
  for (const std::string_view comment : file.preamble_comments) GANTRY_TRY(check.add(comment, 1));
  for (const reader::Comment& comment : function.source.comments) {
    GANTRY_TRY(check.add(comment.text, comment.line));
  }
  return check;
}

std::string_view comment_body(std::string_view comment) {
  while (!comment.empty() && (comment.front() == ';' || is_blank(comment.front())))
    comment.remove_prefix(1);
  while (!comment.empty() && is_blank(comment.back())) comment.remove_suffix(1);
  return comment;
}

bool Context::has_option(std::string_view name) const {
  return std::find(test.options.begin(), test.options.end(), name) != test.options.end();
}

bool Context::ignores_text() const {
  return std::any_of(
      options.ignore_text.begin(), options.ignore_text.end(), [&](std::string_view end) {
        const std::string_view path = file.path;
        if (!path.ends_with(end)) return false;
        return path.size() == end.size() || path[path.size() - end.size() - 1] == '/';
      });
}

verifier::Environment environment_of(const Context& context) {
  const target::TargetSpec* const target =
      context.target != nullptr ? context.target : context.file.unique_target();
  verifier::Environment environment;
  environment.has_isa = target != nullptr;
  if (target != nullptr) environment.pointer_type = target->triple.pointer_type();
  const target::Flags& flags = target != nullptr ? target->flags : context.file.flags;
  environment.enable_pinned_reg = flags.enable_pinned_reg;
  environment.preserve_frame_pointers = flags.preserve_frame_pointers;
  return environment;
}

std::string located(const Context& context, u32 line, std::string_view message) {
  return at_line(context.file.path, line, message);
}

std::string check_text(const Context& context, const TestFunction& function,
                       std::string_view text) {
  const Result<FileCheck> check = directives_of(context.file, function);
  if (!check.has_value()) {
    return located(context, check.error().position().line, check.error().message());
  }
  if (context.ignores_text()) return {};
  const Result<void> result = check->match(text);
  if (result.has_value()) return {};
  TextWriter message;
  message.put("in the text of ", std::string_view(function.name), ": ", result.error().message());
  return located(context, result.error().position().line, message.view());
}

}  // namespace gantry::filetest

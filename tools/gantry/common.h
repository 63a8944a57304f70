#pragma once
// What verbs share: input, targets, messages.
#include <optional>
#include <string>
#include <string_view>

#include "gantry/reader/reader.h"
#include "gantry/support/function_ref.h"
#include "gantry/target/settings.h"
#include "verbs.h"

namespace gantry::tool {

// The text of a file; `-` is standard input, names that end in .zst are decompressed.
Result<std::string> read_input(const std::string& path);

// `message` on standard error, the word `error:` coloured on a terminal.
void complain(std::string_view message);
// The same for findings of the reader.
void complain(const DiagnosticList& diagnostics, std::string_view path, std::string_view text);

// Writes to standard output.
void print(std::string_view text);

// Whether standard error is a terminal.
bool on_terminal();

// The target `text` names (empty: this machine with its features), with `settings` (`name` or
// `name=value`, shared or of the instruction set). Complains if they are wrong.
std::optional<target::TargetSpec> target_from(const std::string& text, const Words& settings,
                                              const target::Flags& flags);

// Reads each file and hands over its functions one by one. The exit status: complaints are made
// here.
int for_each_function(const Words& paths, FunctionRef<void(const ir::Function& func)> visit);

// Counts of rules include those of child processes from here on. Complains if this build has none.
bool begin_rule_coverage();
// Writes `count set term file:line [name]` for every rule of every set, in the order of the sets.
bool write_rule_coverage(const std::string& path);

}  // namespace gantry::tool

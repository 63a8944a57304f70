#pragma once
// Finds the change of the mid-end that makes a function compute something else.
#include <string>

#include "gantry/filetest/runner.h"
#include "gantry/opt/story.h"

namespace gantry::filetest {

struct Bisection {
  std::string error;     // why it could not be done; the rest says nothing then
  u64 changes = 0;       // that happen when none is held back
  bool differs = false;  // with all of them from the interpreter on unoptimised CLIF
  bool native = false;   // only the machine code does, not the optimised CLIF when interpreted
  // The first that makes a difference, counted from 1; 0: there is one without any change, so no
  // change is to blame.
  u64 culprit = 0;
  std::string function;                // that it happens in
  Change change;                       // what it does, unless the e-graph did it (no pass): then
  opt::Story::Step step;               // this is what
  std::string call, expected, actual;  // the first run command that shows it
};

// Calls what the run commands of the file call, with the mid-end allowed more and more changes, at
// opt_level=speed unless the file or the settings say something other than none. Machine code runs
// in processes of its own: it may crash. `line.command` is not used. Assumes that what one change
// broke stays broken: otherwise the answer is one of several changes that make a difference.
// `inline_calls`: calls among the functions of the file are inlined first.
Bisection bisect(std::string_view path, std::string_view text, const CommandLine& line,
                 const Backend& backend, bool inline_calls = false);

}  // namespace gantry::filetest

#pragma once
// The whole ISLE compiler in one call.
#include <string>
#include <vector>

#include "gantry/isle/codegen.h"

namespace gantry::isle {

struct CompileOptions {
  CodegenOptions codegen;
  bool check_only = false;
  bool print = false;   // parse and print only
  std::string explain;  // a term whose tree is wanted; empty: none
};

struct CompileResult {
  bool ok = false;
  u32 errors = 0;
  DiagnosticList diagnostics;  // each names its file
  GeneratedCode code;
  std::string explanation;  // or the printed program
};

// The files are taken in order of their paths, whatever order they are given in: the result does
// not depend on it. `files` is sorted in place.
CompileResult compile(std::vector<SourceFile>& files, const CompileOptions& options);

}  // namespace gantry::isle

// gantry cat: read CLIF and print it. gantry print-cfg: its control flow for Graphviz.
#include "common.h"
#include "gantry/analysis/flow.h"
#include "gantry/ir/printer.h"

namespace gantry::tool {

int run_cat(const PrintOptions& options) {
  TextWriter out;
  bool first = true;
  return for_each_function(options.paths, [&](const ir::Function& func) {
    out.clear();
    if (!first) out.write('\n');
    first = false;
    ir::print(func, out);
    print(out.view());
  });
}

int run_print_cfg(const PrintOptions& options) {
  TextWriter out;
  analysis::ControlFlow flow;
  return for_each_function(options.paths, [&](const ir::Function& func) {
    out.clear();
    flow.compute(func);
    analysis::print_cfg(func, flow, out);
    print(out.view());
  });
}

}  // namespace gantry::tool

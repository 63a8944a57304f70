// The text forms of the analyses: Graphviz for the flow, two lists for the dominators. Edges of the
// drawing are grouped by target, one a branch and target; instructions are numbered in layout
// order.
#include "gantry/analysis/flow.h"
#include "gantry/ir/printer.h"

namespace gantry::analysis {

using ir::Block;
using ir::Function;
using ir::Inst;

void print_cfg(const Function& func, const ControlFlow& flow, TextWriter& out) {
  out.write("digraph \"");
  ir::print_function_name(func.name, out);
  out.write("\" {\n");
  if (const std::optional<Block> entry = func.layout.entry()) {
    out.line("    {rank=min; block", entry->index(), "}");
  }
  std::vector<u32> numbers(func.dfg.num_insts(), 0);
  u32 number = 0;
  for (const Block block : func.layout.blocks()) {
    out.put("    block", block.index(), " [shape=record, label=\"{block", block.index());
    char separator = '(';
    for (const ir::Value param : func.dfg.block_params(block)) {
      out.put(separator).put(separator == ',' ? " v" : "v", param.index(), ": ");
      ir::write_type(func.dfg.type(param), out);
      separator = ',';
    }
    out.write(separator == ',' ? "):\n" : ":\n");
    for (const Inst inst : func.layout.insts(block)) numbers[inst.index()] = number++;
    if (const PackedOption<Inst> last = func.layout.last_inst(block)) {
      out.put(" | <inst", numbers[(*last).index()], ">");
      ir::print_inst(func, *last, out);
      out.write('\n');
    }
    out.write("}\"]\n");
  }
  for (const Block target : func.layout.blocks()) {
    PackedOption<Inst> previous;  // several edges of one branch stand together
    for (const Edge& edge : flow.predecessors(target)) {
      if (previous == edge.inst) continue;
      previous = edge.inst;
      out.line("    block", edge.block.index(), ":inst", numbers[edge.inst.index()], " -> block",
               target.index());
    }
  }
  out.write("}\n");
}

}  // namespace gantry::analysis

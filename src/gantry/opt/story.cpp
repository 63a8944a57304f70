// Problem: after the pass, nobody remembers why an instruction looks the way it does. Idea: write
// down each rewrite as text when it happens, and the nodes when the function has been written anew.
// Which node an instruction computes is not recorded anywhere, but equal operations are one node:
// the instruction's record with nodes for operands is looked up in the graph, blocks in reverse
// postorder so that operands are known. Depth of printed expressions is bounded, so is their size.
#include "gantry/opt/story.h"

#include <algorithm>

#include "gantry/ir/printer.h"
#include "gantry/opt/internal/egraph_state.h"
#include "gantry/opt/rule_table.h"

namespace gantry::opt {
namespace {

using ir::Opcode;
using meta::Format;

constexpr u32 kTextDepth = 3;

i64 signed_value(u64 bits, ir::Type type) {
  const u32 width = std::clamp(type.bits(), 1u, 64u);
  return static_cast<i64>(bits << (64 - width)) >> (64 - width);
}

class FormWriter {
 public:
  FormWriter(const Graph& graph, const ir::Function& func, TextWriter& out)
      : graph_(graph), func_(func), out_(out) {}

  // NOLINTNEXTLINE(misc-no-recursion): at most kTextDepth deep
  void write(const ir::InstData& data, ir::Type type, u32 depth) {
    if (data.opcode == kOpaque) {
      out_.put('v', data.words[0]);
      return;
    }
    if (data.opcode == kProjection) {
      out_.put("(result ", u32{data.aux}, " of ");
      write(Node::from_index(data.words[0]), depth - 1);
      out_.write(')');
      return;
    }
    const Format format = ir::inst_facts(data.opcode).format;
    if (data.opcode == Opcode::Iconst) {
      out_.write(signed_value(data.wide(), type));
      return;
    }
    out_.put('(', ir::name_of(data.opcode));
    if (type.is_valid()) {
      out_.write('.');
      ir::write_type(type, out_);
    }
    if (format == Format::IntCompare) out_.put(' ', ir::name_of(data.int_cc()));
    if (format == Format::FloatCompare) out_.put(' ', ir::name_of(data.float_cc()));
    if (format == Format::UnaryIeee32 || format == Format::UnaryIeee64 ||
        format == Format::UnaryIeee16) {
      out_.write(' ');
      ir::print_float(type, data.wide(), out_);
    }
    if (format == Format::UnaryConst) {
      out_.write(" 0x");
      const std::span<const u8> bytes =
          func_.dfg.constant_bytes(ir::Constant::from_index(data.words[0]));
      for (usize i = bytes.size(); i-- > 0;) out_.write_hex(bytes[i], 2);
    }
    if (format == Format::StackAddr) out_.put(" ss", data.words[0], "+", data.offset(1));
    const u32 count = Graph::num_operands(data.opcode);
    for (u32 i = 0; i < count; ++i) {
      out_.write(' ');
      write(Node::from_index(data.words[i]), depth - 1);
    }
    if (format == Format::BinaryImm8 || format == Format::TernaryImm8) out_.put(' ', u32{data.aux});
    if (format == Format::Load) out_.put(" +", data.offset(1));
    out_.write(')');
  }
  // NOLINTNEXTLINE(misc-no-recursion): see above
  void write(Node node, u32 depth) {
    const bool is_leaf = Graph::num_operands(graph_[node].opcode) == 0;
    if (depth == 0 && !is_leaf) {
      out_.put('n', node.index());
    } else {
      write(graph_[node], graph_.type(node), depth);
    }
  }

 private:
  const Graph& graph_;
  const ir::Function& func_;
  TextWriter& out_;
};

std::string text_of(const ir::Function& func) {
  TextWriter out;
  ir::print(func, out);
  return std::move(out).take();
}

std::string text_of(const ir::Function& func, ir::Inst inst) {
  TextWriter out;
  ir::print_inst(func, inst, out);
  return std::move(out).take();
}

// The node that an instruction computes, entered in `nodes` (by value) for its results; kNone if it
// is no operation of the graph.
u32 find_node(const Graph& graph, const ir::Function& func, ir::Inst inst,
              std::vector<Node>& nodes) {
  const std::span<const ir::Value> results = func.dfg.results(inst);
  if (results.empty() || nodes[results[0].index()] != Graph::work_place(0)) return Story::kNone;
  ir::InstData data = func.dfg[inst];
  const u32 count = Graph::num_operands(data.opcode);
  for (u32 word = 0; word < count; ++word) data.words[word] = nodes[data.words[word]].index();
  Graph::Slot slot;
  const PackedOption<Node> found = graph.find(data, func.dfg.type(results[0]), slot);
  if (!found) return Story::kNone;
  nodes[results[0].index()] = *found;
  for (u32 i = 0; results.size() > 1 && i < results.size(); ++i) {
    ir::InstData projection;
    projection.opcode = kProjection;
    projection.aux = static_cast<u8>(i);
    projection.words[0] = (*found).index();
    const PackedOption<Node> part = graph.find(projection, func.dfg.type(results[i]), slot);
    nodes[results[i].index()] = part ? *part : Graph::work_place(0);
  }
  return (*found).index();
}

}  // namespace

RuleName name_of_rule(u32 rule) {
  if (rule >= isle_rule_count) return {};
  const IsleRule& row = isle_rules[rule];
  return {row.file, row.line, row.name, row.term};
}

std::string_view to_string(Rewrite::Kind kind) {
  switch (kind) {
    case Rewrite::Kind::Rule:
      return "rule";
    case Rewrite::Kind::Alternative:
      return "alternative";
    case Rewrite::Kind::Fold:
      return "folding of constants";
    case Rewrite::Kind::Fact:
      return "known facts";
    case Rewrite::Kind::Skeleton:
      return "rule for an instruction that stays";
    case Rewrite::Kind::Condition:
      return "known condition";
    case Rewrite::Kind::Load:
      return "load of what is known";
    case Rewrite::Kind::Store:
      return "store of what is there";
    case Rewrite::Kind::Merge:
      return "done before";
    case Rewrite::Kind::NoTrap:
      return "cannot trap";
    case Rewrite::Kind::Param:
      return "parameter of one value";
  }
  unreachable("Rewrite::Kind");
}

std::vector<u32> Story::steps_to(u32 node) const {
  std::vector<u32> found;
  for (usize i = steps.size(); i-- > 0;) {
    if (steps[i].after == node && steps[i].kind != Rewrite::Kind::Alternative)
      found.push_back(static_cast<u32>(i));
  }
  // Nested ones come earlier, so the first that contains the node is the innermost.
  for (u32 i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    if (step.after == kNone || node < step.first_node || node >= step.end_node) continue;
    if (step.after == node && step.kind != Rewrite::Kind::Alternative) continue;
    found.push_back(i);
  }
  return found;
}

std::vector<u32> Story::steps_of(u32 inst) const {
  std::vector<u32> found;
  for (u32 i = 0; i < steps.size(); ++i) {
    if (steps[i].origin != inst) continue;
    switch (steps[i].kind) {
      case Rewrite::Kind::Skeleton:
      case Rewrite::Kind::Condition:
      case Rewrite::Kind::Load:
      case Rewrite::Kind::Store:
      case Rewrite::Kind::Merge:
      case Rewrite::Kind::NoTrap:
        found.push_back(i);
        break;
      default:
        break;
    }
  }
  return found;
}

void StoryRecorder::begin(const ir::Function& func) {
  func_ = &func;
  Story& story = stories_.emplace_back();
  TextWriter name;
  ir::print_function_name(func.name, name);
  story.name = std::move(name).take();
  if (!with_nodes_) return;
  story.before = text_of(func);
  results_.clear();
  for (const ir::Block block : func.layout.blocks()) {
    for (const ir::Inst inst : func.layout.insts(block)) {
      story.insts_before.push_back({inst.index(), block.index(), text_of(func, inst)});
      const std::span<const ir::Value> results = func.dfg.results(inst);
      results_.push_back(results.empty() ? PackedOption<ir::Value>() : results[0]);
    }
  }
}

Node StoryRecorder::rewritten(Rewriter& rewriter, const Rewrite& rewrite) {
  const Graph& graph = rewriter.graph();
  TextWriter before, after;
  FormWriter(graph, *func_, before).write(rewrite.before, rewrite.type, kTextDepth);
  if (rewrite.after) {
    FormWriter(graph, *func_, after).write(*rewrite.after, kTextDepth);
  } else if (rewrite.kind == Rewrite::Kind::NoTrap) {
    after.write("the same, wherever it is best");
  } else if (rewrite.changed.opcode == Opcode::Nop) {
    after.write("nothing");
  } else {
    FormWriter(graph, *func_, after).write(rewrite.changed, rewrite.type, kTextDepth);
  }
  // The form that has an alternative is the last node.
  const u32 end_node = graph.size() - (rewrite.kind == Rewrite::Kind::Alternative ? 1 : 0);
  stories_.back().steps.push_back({.kind = rewrite.kind,
                                   .rule = rewrite.rule,
                                   .depth = rewrite.depth,
                                   .origin = rewrite.origin.index(),
                                   .first_node = rewrite.first_node,
                                   .end_node = end_node,
                                   .after = rewrite.after ? (*rewrite.after).index() : Story::kNone,
                                   .before_text = std::move(before).take(),
                                   .after_text = std::move(after).take()});
  return rewrite.after ? *rewrite.after : Graph::work_place(0);
}

void StoryRecorder::finish(const ir::Function& func, const EgraphState& state) {
  if (!with_nodes_) return;
  Story& story = stories_.back();
  story.after = text_of(func);
  const Graph& graph = state.graph;
  story.nodes.resize(graph.size());
  std::vector<Node> nodes(func.dfg.num_values(), Graph::work_place(0));  // by value
  for (u32 i = Graph::kWorkPlaces; i < graph.size(); ++i) {
    const Node node = Node::from_index(i);
    const ir::InstData& data = graph[node];
    Story::Node& entry = story.nodes[i];
    TextWriter text;
    // Operands by number: they have rows of their own.
    const u32 type_code = graph.info(node).type & ~u32{kInstFormType};
    entry.type = ir::Type::from_code(static_cast<u16>(type_code));
    FormWriter(graph, func, text).write(data, entry.type, 1);
    entry.text = std::move(text).take();
    entry.facts = graph.facts(node);
    entry.cost = graph.info(node).cost;
    entry.opaque = data.opcode == kOpaque;
    if (entry.opaque) nodes[data.words[0]] = node;
    if (graph.has(node, kForwarded)) {
      entry.forward = graph.resolve(node).index();
    } else {
      entry.origin = graph.origin(node).index();
    }
    for (const Node other : graph.alternatives(node)) entry.alternatives.push_back(other.index());
    const u32 place = state.places[i];
    if (place == EgraphState::kPerBlock) {
      entry.place = "each block that uses it";
    } else if (place != EgraphState::kNowhere) {
      entry.place = "block" + std::to_string(state.numbers.block(place).index());
    }
  }

  for (usize i = 0; i < story.insts_before.size(); ++i) {
    if (!results_[i]) continue;
    const Node node = state.value_nodes[(*results_[i]).index()];
    if (node != Graph::work_place(0)) story.insts_before[i].node = graph.resolve(node).index();
  }

  std::vector<u32> computed(func.dfg.num_insts(), Story::kNone);  // by instruction: its node
  const std::span<const ir::Block> postorder = state.flow.postorder();
  for (usize i = postorder.size(); i-- > 0;) {
    if (!state.reached[state.numbers.number(postorder[i])]) continue;
    for (const ir::Inst inst : func.layout.insts(postorder[i]))
      computed[inst.index()] = find_node(graph, func, inst, nodes);
  }
  for (const ir::Block block : func.layout.blocks()) {
    for (const ir::Inst inst : func.layout.insts(block)) {
      story.insts.push_back(
          {inst.index(), block.index(), text_of(func, inst), computed[inst.index()]});
    }
  }
}

}  // namespace gantry::opt

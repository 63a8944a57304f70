// The commands that print something and compare: cat, print-cfg, domtree.
#include <algorithm>

#include "gantry/analysis/flow.h"
#include "gantry/filetest/internal/test_file.h"
#include "gantry/ir/printer.h"

namespace gantry::filetest {
namespace {

constexpr std::string_view kDominates = "dominates:";

// The blocks named behind `dominates:`; false if something else stands there.
bool parse_blocks(std::string_view text, std::vector<u32>& blocks) {
  constexpr std::string_view kPrefix = "block";
  usize at = 0;
  while (true) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == ',')) ++at;
    if (at == text.size()) return true;
    if (!text.substr(at).starts_with(kPrefix)) return false;
    at += kPrefix.size();
    u32 number = 0;
    const std::from_chars_result parsed =
        std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (parsed.ec != std::errc()) return false;
    at = static_cast<usize>(parsed.ptr - text.data());
    blocks.push_back(number);
  }
}

// Whether the comments say exactly which blocks have their immediate dominator end where; else what
// is wrong.
std::string check_dominates(const Context& context, const TestFunction& function,
                            const analysis::ControlFlow& flow,
                            const analysis::DominatorTree& tree) {
  const ir::Function& func = *function.func;
  std::vector<bool> expected(func.dfg.num_blocks(), false);
  bool any = false;
  for (const reader::Comment& comment : function.source.comments) {
    const std::string_view body = comment_body(comment.text);
    if (!body.starts_with(kDominates)) continue;
    any = true;
    if (comment.owner.kind != reader::CommentOwner::Kind::Inst) {
      return located(context, comment.line, "'dominates:' must stand behind a branch");
    }
    const PackedOption<ir::Block> dominator =
        func.layout.block_of(ir::Inst::from_index(comment.owner.index));
    std::vector<u32> blocks;
    if (!parse_blocks(body.substr(kDominates.size()), blocks)) {
      return located(context, comment.line, "expected block numbers behind 'dominates:'");
    }
    for (const u32 number : blocks) {
      TextWriter message;
      message.put("block", number);
      if (number >= func.dfg.num_blocks() || !flow.is_reachable(ir::Block::from_index(number))) {
        return located(context, comment.line, message.put(" is not reachable").view());
      }
      if (expected[number])
        return located(context, comment.line, message.put(" is named twice").view());
      expected[number] = true;
      const std::optional<ir::Block> actual =
          tree.immediate_dominator(ir::Block::from_index(number));
      if (!actual || PackedOption<ir::Block>(*actual) != dominator) {
        message.write(" has the immediate dominator ");
        if (actual) {
          message.put("block", actual->index());
        } else {
          message.write("none");
        }
        return located(context, comment.line, message.view());
      }
    }
  }
  if (!any) return {};
  for (const ir::Block block : func.layout.blocks()) {
    if (!flow.is_reachable(block) || expected[block.index()] || block == *func.layout.entry())
      continue;
    TextWriter message;
    message.put("no 'dominates:' names block", block.index());
    return located(context, function.source.first_line, message.view());
  }
  return {};
}

}  // namespace

Verdict run_cat(Context& context) {
  for (const TestFunction& function : context.file.functions) {
    TextWriter text;
    ir::print(*function.func, text);
    if (std::string error = check_text(context, function, text.view()); !error.empty()) {
      return Verdict::failed(std::move(error));
    }
  }
  return Verdict::passed();
}

Verdict run_print_cfg(Context& context) {
  analysis::ControlFlow flow;
  for (const TestFunction& function : context.file.functions) {
    flow.compute(*function.func);
    TextWriter text;
    analysis::print_cfg(*function.func, flow, text);
    if (std::string error = check_text(context, function, text.view()); !error.empty()) {
      return Verdict::failed(std::move(error));
    }
  }
  return Verdict::passed();
}

Verdict run_domtree(Context& context) {
  analysis::ControlFlow flow;
  analysis::DominatorTree tree;
  for (const TestFunction& function : context.file.functions) {
    flow.compute(*function.func);
    tree.compute(*function.func, flow);
    std::string error = check_dominates(context, function, flow, tree);
    if (error.empty()) {
      TextWriter text;
      analysis::print_dominators(flow, tree, text);
      error = check_text(context, function, text.view());
    }
    if (!error.empty()) return Verdict::failed(std::move(error));
  }
  return Verdict::passed();
}

}  // namespace gantry::filetest

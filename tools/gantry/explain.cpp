// gantry explain: a page that shows what the e-graph made of a function and why. One HTML file with
// nothing outside of it; what is shown comes from opt/story.h.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "backend.h"
#include "common.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/story.h"
#include "gantry/verifier/verifier.h"
#include "rule_texts.h"

namespace gantry::tool {

std::string_view text_of_rule(std::string_view file, unsigned line) {
  for (unsigned i = 0; i < kNumRuleTexts; ++i) {
    if (kRuleTexts[i].file != file) continue;
    const std::string_view text = kRuleTexts[i].text;
    usize begin = 0;
    for (unsigned at = 1; at < line && begin < text.size(); ++at)
      begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
    // Up to the parenthesis that closes the first one.
    u32 depth = 0;
    bool in_comment = false;
    usize end = begin;
    for (; end < text.size(); ++end) {
      if (text[end] == ';') in_comment = true;
      if (text[end] == '\n') in_comment = false;
      if (in_comment) continue;
      if (text[end] == '(') ++depth;
      if (text[end] == ')' && --depth == 0) break;
    }
    // The comment right above.
    while (begin > 0) {
      const usize before = begin >= 2 ? text.rfind('\n', begin - 2) : std::string_view::npos;
      const usize first = before == std::string_view::npos ? 0 : before + 1;
      if (!text.substr(first).starts_with(";")) break;
      begin = first;
    }
    return text.substr(begin, end + 1 - begin);
  }
  return {};
}

namespace {

using opt::Story;

constexpr std::string_view kStyle = R"(
:root { --ink: #1d2228; --soft: #5c6670; --paper: #fbfbf9; --card: #fff; --line: #dcdfe3; --mark: #fff3c4; --link: #0b57a4;
  --good: #1d6f42; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6e8; --soft: #9aa4ae; --paper: #16191d; --card: #1e2227; --line: #363c44; --mark: #4a4118;
    --link: #7ab8ff; --good: #6fcf97; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 92rem; padding: 1.5rem; color: var(--ink); background: var(--paper);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: .95rem; margin: 0 0 .4rem; color: var(--soft); }
p.note { color: var(--soft); margin: .2rem 0 .8rem; }
code, pre, .code { font: 13px/1.55 ui-monospace, Menlo, Consolas, monospace; }
pre { margin: 0; padding: .6rem .8rem; overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
.two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem; }
@media (max-width: 60rem) { .two { grid-template-columns: minmax(0, 1fr); } }
.fate { color: var(--soft); } .count { color: var(--good); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem; margin: .5rem 0; }
.card pre { border: 0; padding: .2rem 0 .2rem 1rem; } .card ol { margin: .4rem 0 0; padding-left: 1.4rem; }
.card:target, tr:target { background: var(--mark); }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .2rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
td.text { white-space: normal; min-width: 16rem; } th { color: var(--soft); font-weight: 600; }
tr.unused td { color: var(--soft); }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--soft); }
)";

void escape(std::string_view text, TextWriter& out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out.write("&amp;");
        break;
      case '<':
        out.write("&lt;");
        break;
      case '>':
        out.write("&gt;");
        break;
      case '"':
        out.write("&quot;");
        break;
      default:
        out.write(c);
    }
  }
}

std::string facts_text(const Story::Node& node) {
  TextWriter out;
  const opt::Facts top = opt::Facts::top(node.type);
  if (!opt::Facts::tracks(node.type) || node.facts == top || node.forward != Story::kNone)
    return {};
  if (node.facts.is_constant()) {
    out.put("= ", node.facts.value());
  } else {
    if (node.facts.umin != top.umin || node.facts.umax != top.umax)
      out.put(node.facts.umin, " … ", node.facts.umax);
    const u64 zeros = node.facts.zeros & ~top.zeros;
    if (zeros != 0) out.write(" zeros 0x").write_hex(zeros);
    if (node.facts.ones != 0) out.write(" ones 0x").write_hex(node.facts.ones);
  }
  return std::move(out).take();
}

class Page {
 public:
  Page(const Story& story, std::string_view read, std::string_view optimized, TextWriter& out)
      : story_(story), read_(read), optimized_(optimized), out_(out) {
    for (usize i = 0; i < story.insts.size(); ++i) {
      const u32 node = story.insts[i].node;
      if (node == Story::kNone) continue;
      if (computed_by_.size() <= node) computed_by_.resize(node + 1, Story::kNone);
      if (computed_by_[node] == Story::kNone) computed_by_[node] = static_cast<u32>(i);
    }
  }

  void write() {
    out_.write("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>");
    escape(story_.name, out_);
    out_.put(" – the e-graph</title>\n<style>", kStyle, "</style>\n</head>\n<body>\n<h1><code>");
    escape(story_.name, out_);
    out_.write("</code></h1>\n");
    out_.line("<p class=\"note\">", story_.insts_before.size(), " instructions became ",
              story_.insts.size(), ", by ", story_.steps.size(), " rewrites on ", num_nodes(),
              " nodes.</p>");
    if (read_ != story_.before) folded("The function as it was read", read_);
    out_.write("<div class=\"two\">\n<div><h3>Before</h3>\n");
    text(story_.before, story_.insts_before, true);
    out_.write("</div>\n<div><h3>After</h3>\n");
    text(story_.after, story_.insts, false);
    out_.write("</div>\n</div>\n");
    if (optimized_ != story_.after) folded("What later passes leave of it", optimized_);
    reasons();
    rewrites();
    nodes();
    out_.write("</body>\n</html>\n");
  }

 private:
  u64 num_nodes() const {
    u64 count = 0;
    for (const Story::Node& node : story_.nodes) count += !node.text.empty();
    return count;
  }
  void folded(std::string_view title, std::string_view text) {
    out_.put("<details><summary>", title, "</summary><pre>");
    escape(text, out_);
    out_.write("</pre></details>\n");
  }

  // The function with its instructions as links: to what they became, or to why they are so.
  void text(std::string_view all, const std::vector<Story::Inst>& insts, bool before) {
    out_.write("<pre>");
    usize next = 0;
    while (!all.empty()) {
      const std::string_view line = all.substr(0, all.find('\n'));
      all.remove_prefix(std::min(all.size(), line.size() + 1));
      const usize indent = std::min(line.find_first_not_of(' '), line.size());
      const bool is_inst = next < insts.size() && line.substr(indent).starts_with(insts[next].text);
      if (!is_inst) {
        escape(line, out_);
        out_.write('\n');
        continue;
      }
      const Story::Inst& inst = insts[next++];
      out_.repeat(' ', indent);
      if (before) {
        escape(line.substr(indent), out_);
        fate(inst);
      } else {
        out_.put("<a href=\"#i", inst.number, "\">");
        escape(line.substr(indent), out_);
        out_.write("</a>");
        if (const usize count = steps_of(inst).size(); count != 0)
          out_.put(" <span class=\"count\">", count, count == 1 ? " rewrite" : " rewrites",
                   "</span>");
      }
      out_.write('\n');
    }
    out_.write("</pre>\n");
  }
  void fate(const Story::Inst& inst) {
    if (inst.node == Story::kNone || inst.node >= story_.nodes.size()) return;
    const Story::Node& node = story_.nodes[inst.node];
    out_.write("  <span class=\"fate\">→ ");
    if (inst.node < computed_by_.size() && computed_by_[inst.node] != Story::kNone) {
      const Story::Inst& now = story_.insts[computed_by_[inst.node]];
      out_.put("<a href=\"#i", now.number, "\">");
      escape(now.text.substr(0, now.text.find(" = ")), out_);
      out_.write("</a>");
    } else if (node.opaque) {
      escape(node.text, out_);
    } else {
      out_.write("not needed");
    }
    out_.write("</span>");
  }

  std::vector<u32> steps_of(const Story::Inst& inst) const {
    return inst.node == Story::kNone ? story_.steps_of(inst.number) : story_.steps_to(inst.node);
  }

  void reasons() {
    out_.write(
        "<h2>Why each instruction is as it is</h2>\n<p class=\"note\">The last rewrite comes "
        "first; "
        "those that are not listed are as they were in the input.</p>\n");
    for (const Story::Inst& inst : story_.insts) {
      const std::vector<u32> steps = steps_of(inst);
      out_.put("<div class=\"card\" id=\"i", inst.number, "\"><code>");
      escape(inst.text, out_);
      out_.put("</code> <span class=\"fate\">block", inst.block);
      if (inst.node != Story::kNone) {
        const Story::Node& node = story_.nodes[inst.node];
        out_.put(" · <a href=\"#n", inst.node, "\">n", inst.node, "</a> · placed in ",
                 std::string_view(node.place));
        if (const std::string facts = facts_text(node); !facts.empty())
          out_.put(" · ", std::string_view(facts));
      } else {
        out_.write(" · stays in its block");
      }
      out_.write("</span>");
      if (!steps.empty()) {
        out_.write("<ol>\n");
        for (const u32 step : steps) {
          out_.write("<li>");
          write_step(step, inst.node);
          out_.write("</li>\n");
        }
        out_.write("</ol>");
      }
      out_.write("</div>\n");
    }
  }

  void write_step(u32 number, u32 node) {
    const Story::Step& step = story_.steps[number];
    if (node != Story::kNone && step.after != node) out_.write("made for the sake of: ");
    out_.write("<code>");
    escape(step.before_text, out_);
    out_.write("</code> became <code>");
    escape(step.after_text, out_);
    out_.put("</code><br><a href=\"#r", number + 1, "\">rewrite ", number + 1, "</a>");
    write_rule(step);
  }
  void write_rule(const Story::Step& step) {
    const opt::RuleName rule = opt::name_of_rule(step.rule);
    if (rule.file.empty()) {
      out_.put(": ", to_string(step.kind));
      return;
    }
    out_.put(": ", to_string(step.kind), " <code>", rule.file, ":", rule.line, "</code>");
    if (!rule.name.empty()) out_.put(" ", rule.name);
    if (const std::string_view text = text_of_rule(rule.file, rule.line); !text.empty()) {
      out_.write("<pre>");
      escape(text, out_);
      out_.write("</pre>");
    }
  }

  std::string_view input_text(u32 inst) const {
    for (const Story::Inst& before : story_.insts_before) {
      if (before.number == inst) return before.text;
    }
    return {};
  }

  void rewrites() {
    if (story_.steps.empty()) return;
    out_.write(
        "<h2>Rewrites in order</h2>\n<p class=\"note\">Each takes a unit of fuel, as do the "
        "changes of other passes before and behind them.</p>\n<div "
        "class=\"wide\"><table>\n<tr><th>n</th><th>before</th><th>after</th><th>by</th>"
        "<th>for the instruction</th></tr>\n");
    for (u32 i = 0; i < story_.steps.size(); ++i) {
      const Story::Step& step = story_.steps[i];
      out_.put("<tr id=\"r", i + 1, "\"><td>", i + 1, "</td><td class=\"code text\">");
      escape(step.before_text, out_);
      out_.write("</td><td class=\"code text\">");
      escape(step.after_text, out_);
      const opt::RuleName rule = opt::name_of_rule(step.rule);
      out_.put("</td><td>", step.depth != 0 ? "nested " : "", to_string(step.kind));
      if (!rule.file.empty()) out_.put("<br><code>", rule.file, ":", rule.line, "</code>");
      out_.write("</td><td class=\"code\">");
      escape(input_text(step.origin), out_);
      out_.write("</td></tr>\n");
    }
    out_.write("</table></div>\n");
  }

  void nodes() {
    out_.write(
        "<h2>Nodes</h2>\n<p class=\"note\">Operations by number; operands have smaller numbers. "
        "Cost "
        "is in quarters of a simple instruction, of the operation alone.</p>\n<div "
        "class=\"wide\"><table>\n<tr><th>node</th><th>operation</th><th>type</th><th>known</th>"
        "<th>cost</th><th>also</th><th>computed in</th><th>from</th></tr>\n");
    for (u32 i = 0; i < story_.nodes.size(); ++i) {
      const Story::Node& node = story_.nodes[i];
      if (node.text.empty()) continue;
      const bool used = !node.place.empty() || node.opaque;
      out_.put("<tr id=\"n", i, used ? "\"" : "\" class=\"unused\"", "><td>n", i,
               "</td><td class=\"code text\">");
      escape(node.text, out_);
      out_.write("</td><td class=\"code\">");
      if (node.type.is_valid()) ir::write_type(node.type, out_);
      out_.put("</td><td>", std::string_view(facts_text(node)), "</td><td>", node.cost,
               "</td><td>");
      if (node.forward != Story::kNone) {
        out_.put(node.alternatives.empty() ? "is " : "chosen: ", "<a href=\"#n", node.forward,
                 "\">n", node.forward, "</a> ");
      }
      for (const u32 other : node.alternatives) {
        if (other != node.forward) out_.put("or <a href=\"#n", other, "\">n", other, "</a> ");
      }
      out_.put("</td><td>", node.opaque ? "its place" : std::string_view(node.place),
               "</td><td class=\"code\">");
      if (!node.opaque && node.forward == Story::kNone) escape(input_text(node.origin), out_);
      out_.write("</td></tr>\n");
    }
    out_.write("</table></div>\n");
  }

  const Story& story_;
  std::string_view read_, optimized_;
  TextWriter& out_;
  std::vector<u32> computed_by_;  // by node: row of story_.insts
};

bool write_file(const std::string& path, std::string_view text) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  bool written = file != nullptr;
  if (written) {
    written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    written = std::fclose(file) == 0 && written;
  }
  if (!written) complain(path + ": " + std::strerror(errno));
  return written;
}

// %name: name.html; u0:1: u0_1.html
std::string file_name(std::string_view function) {
  std::string name;
  for (const char c : function) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c != '%') name += plain || c == '-' ? c : '_';
  }
  return name + ".html";
}

}  // namespace

int run_explain(const ExplainOptions& options) {
  std::optional<target::TargetSpec> spec =
      target_from(options.target, options.settings, target::Flags{});
  if (!spec) return kInputFault;
  if (spec->flags.opt_level == target::OptLevel::None)
    spec->flags.opt_level = target::OptLevel::Speed;
  verifier::Environment environment;
  environment.has_isa = true;
  environment.pointer_type = spec->triple.pointer_type();
  environment.enable_pinned_reg = spec->flags.enable_pinned_reg;
  environment.preserve_frame_pointers = spec->flags.preserve_frame_pointers;

  struct Explained {
    std::string name, page;
  };
  std::vector<Explained> pages;
  int status = kOk;
  const int read_status = for_each_function(options.paths, [&](const ir::Function& input) {
    TextWriter name;
    ir::print_function_name(input.name, name);
    if (!options.function.empty() && name.view() != options.function) return;
    const auto fail = [&](const Error& error) {
      complain(name.string() + ": " + std::string(error.message()));
      status = kInputFault;
    };
    if (const Result<void> valid = verifier::verify(input, environment); !valid.has_value())
      return fail(valid.error());
    const CheckScope scope("explaining", name.view());
    Session session;
    opt::StoryRecorder recorder(true);
    opt::observe_rewrites(session, &recorder);
    ir::Function func = input;
    TextWriter read, optimized, page;
    ir::print(input, read);
    if (const Result<void> done = code_generation()->optimize(func, *spec, session);
        !done.has_value())
      return fail(done.error());
    ir::print(func, optimized);
    for (const Story& story : recorder.stories())
      Page(story, read.view(), optimized.view(), page).write();
    pages.push_back({name.string(), std::move(page).take()});
  });
  if (read_status != kOk || status != kOk) return kInputFault;
  if (pages.empty()) {
    complain(options.function.empty() ? "no functions" : "no function " + options.function);
    return kInputFault;
  }
  const bool is_folder = !options.output.empty() && !options.output.ends_with(".html");
  if (!is_folder && pages.size() > 1) {
    complain("a page is for one function: name it with --function, or a folder with -o");
    return kUsage;
  }
  for (const Explained& one : pages) {
    if (options.output.empty()) {
      print(one.page);
    } else if (!write_file(is_folder ? options.output + "/" + file_name(one.name) : options.output,
                           one.page)) {
      return kInputFault;
    }
  }
  return kOk;
}

}  // namespace gantry::tool

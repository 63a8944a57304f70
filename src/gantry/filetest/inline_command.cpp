// test inline: each call whose callee stands earlier in the file becomes the body of it, and so do
// the calls of that body.
#include "gantry/filetest/internal/test_file.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/inline.h"

namespace gantry::filetest {
namespace {

// What stands before `last` in the file under the name that is called.
const ir::Function* find_earlier(const TestFile& file, usize last, const opt::InlineSite& site) {
  TextWriter name;
  ir::print_external_name(site.caller, site.caller.dfg.ext_funcs[site.callee].name, name);
  for (usize i = 0; i < last; ++i) {
    if (file.functions[i].name == name.view()) return file.functions[i].func.get();
  }
  return nullptr;
}

}  // namespace

Verdict run_inline(Context& context) {
  const Backend* const backend = context.options.backend;
  Session session;
  for (usize i = 0; i < context.file.functions.size(); ++i) {
    const TestFunction& function = context.file.functions[i];
    const CheckScope scope("inlining into", function.name);
    ir::Function func = *function.func;
    const auto fail = [&](std::string_view what, const Error& error) {
      TextWriter message;
      message.put(std::string_view(function.name), what, ": ", error.message());
      return Verdict::failed(located(context, function.source.first_line, message.view()));
    };
    const Result<u32> inlined = opt::inline_calls(
        func,
        [&](const opt::InlineSite& site) -> opt::InlineDecision {
          return {find_earlier(context.file, i, site), true};
        },
        session);
    if (!inlined.has_value()) return fail("", inlined.error());
    const Result<void> valid = verifier::verify(func, environment_of(context));
    if (!valid.has_value()) return fail(" does not verify with its calls inlined", valid.error());
    TextWriter text;
    if (*inlined == 0) {
      text.put("(no functions inlined into ", std::string_view(function.name), ")\n");
    } else {
      if (context.has_option("optimize")) {
        const Result<void> optimized = backend->optimize(func, *context.target, session);
        if (!optimized.has_value()) return fail("", optimized.error());
      }
      ir::print(func, text);
    }
    std::string error = context.has_option("precise-output")
                            ? check_precise_text(context, function, text.view())
                            : check_text(context, function, text.view());
    if (!error.empty()) return Verdict::failed(std::move(error));
  }
  return Verdict::passed();
}

}  // namespace gantry::filetest

// Text is made for the last change only: the one that bisecting asks about.
#include "gantry/opt/internal/change.h"

#include "gantry/ir/printer.h"

namespace gantry::opt {
namespace {

void name(Session& session, const PassInfo& pass, std::string_view what, const ir::Function& func,
          std::string place) {
  TextWriter function;
  ir::print_function_name(func.name, function);
  session.set_last_change({&pass, std::move(function).take(), std::string(what), std::move(place)});
}

}  // namespace

void name_change(Session& session, const PassInfo& pass, std::string_view what,
                 const ir::Function& func, ir::Inst place) {
  TextWriter text;
  if (const PackedOption<ir::Block> block = func.layout.block_of(place))
    text.put("block", (*block).index(), ": ");
  ir::print_inst(func, place, text);
  name(session, pass, what, func, std::move(text).take());
}

void name_change(Session& session, const PassInfo& pass, std::string_view what,
                 const ir::Function& func, ir::Block place, PackedOption<ir::Value> value) {
  TextWriter text;
  text.put("block", place.index());
  if (value) text.put(": v", (*value).index());
  name(session, pass, what, func, std::move(text).take());
}

void name_change(Session& session, const PassInfo& pass, std::string_view what,
                 const ir::Function& func, ir::StackSlot place) {
  TextWriter text;
  text.put("ss", place.index());
  name(session, pass, what, func, std::move(text).take());
}

}  // namespace gantry::opt

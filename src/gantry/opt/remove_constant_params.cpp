// Problem: a front end that does not know which locals a loop changes passes all of them as
// parameters. Each costs a place and moves on every edge. Idea: optimistic data flow over "what
// arrives at this parameter": nothing yet, one value, or many. A parameter known to be one value
// stands for it where it is passed on. Facts only ever go down (nothing, one, many), at most twice
// a parameter, so a work list that revisits just the places a changed parameter is passed to is
// linear (Wegman and Zadeck's argument, 1991, for copies instead of constants). Why the value may
// be used: it arrives on every edge into the block, so it is defined on every path to it and
// dominates it. A parameter that once stood for one value and turns out to be many makes the
// parameters it feeds many too, although they may still be copies of it: that loses little and
// keeps facts going down.
#include "gantry/opt/remove_constant_params.h"

namespace gantry::opt {
namespace {

constexpr u32 kNothing = ~u32{0};
constexpr u32 kMany = kNothing - 1;

struct Flow {
  u32 to;    // parameter that receives
  u32 next;  // of the same source, or kNothing
};

}  // namespace

void remove_constant_params(ir::Function& func, Session& session) {
  ir::DataFlowGraph& dfg = func.dfg;
  const ir::Block entry = *func.layout.entry();
  bool any = false;
  for (const ir::Block block : func.layout.blocks())
    any |= block != entry && !dfg.block_params(block).empty();
  if (!any) return;

  Arena& arena = session.pass_arena();
  const u32 num_values = dfg.num_values();
  // What a value is known to be; meaningful for parameters. Everything else is itself, told by
  // kMany.
  const std::span<u32> known = arena.allocate_filled<u32>(num_values, kMany);
  const std::span<u32> first_flow = arena.allocate_filled<u32>(num_values, kNothing);
  u32 num_flows = 0;
  for (const ir::Block block : func.layout.blocks()) {
    if (block == entry) continue;
    for (const ir::Value param : dfg.block_params(block)) known[param.index()] = kNothing;
  }
  const auto for_each_arg = [&](auto&& visit) {
    for (const ir::Block block : func.layout.blocks()) {
      dfg.for_each_block_call(*func.layout.last_inst(block), [&](ir::BlockCall call) {
        const std::span<const ir::Value> params = dfg.block_params(call.block(dfg.lists()));
        const std::span<const ir::Value> args = call.args(dfg.lists());
        for (u32 i = 0; i < args.size(); ++i)
          visit(ir::BlockArg::decoded(args[i]), params[i].index());
      });
    }
  };
  const auto is_param = [&](u32 value) {
    return dfg.value_data(ir::Value::from_index(value)).kind() == ir::ValueData::Kind::Param;
  };
  for_each_arg([&](ir::BlockArg arg, u32) {
    num_flows += arg.is_value() && is_param(arg.as_value().index()) ? 1 : 0;
  });
  Flow* const flows = arena.allocate<Flow>(num_flows);
  u32* const work = arena.allocate<u32>(usize{num_values} * 2);
  u32 work_size = 0;

  const auto absorb = [&](u32 param, u32 value) {
    u32& fact = known[param];
    if (fact == kMany || fact == value || value == param) return;
    fact = fact == kNothing ? value : kMany;
    work[work_size++] = param;
  };
  u32 flow = 0;
  for_each_arg([&](ir::BlockArg arg, u32 param) {
    if (!arg.is_value()) {
      if (known[param] != kMany) {
        known[param] = kMany;
        work[work_size++] = param;
      }
      return;
    }
    const u32 source = arg.as_value().index();
    if (is_param(source)) {
      flows[flow] = {param, first_flow[source]};
      first_flow[source] = flow++;
      if (known[source] == kMany) absorb(param, source);  // a parameter of the entry block
    } else {
      absorb(param, source);
    }
  });
  while (work_size > 0) {
    const u32 source = work[--work_size];
    const u32 value = known[source] == kMany ? source : known[source];
    for (u32 at = first_flow[source]; at != kNothing; at = flows[at].next)
      absorb(flows[at].to, value);
  }

  // Take them out: first of the calls, whose arguments run parallel to the parameters, then of the
  // blocks.
  const auto is_constant = [&](ir::Value param) { return known[param.index()] < kMany; };
  for (const ir::Block block : func.layout.blocks()) {
    dfg.update_block_calls(*func.layout.last_inst(block), [&](ir::BlockCall& call) {
      const ir::Block target = call.block(dfg.lists());
      if (target == entry) return;
      const std::span<const ir::Value> params = dfg.block_params(target);
      call.filter_args([&](u32 index) { return !is_constant(params[index]); }, dfg.lists());
    });
  }
  for (const ir::Block block : func.layout.blocks()) {
    if (block == entry) continue;
    dfg.filter_block_params(block, [&](ir::Value param) {
      if (!is_constant(param)) return true;
      const bool made = dfg.make_alias(param, ir::Value::from_index(known[param.index()]));
      GANTRY_CHECK(made);
      return false;
    });
  }
}

}  // namespace gantry::opt

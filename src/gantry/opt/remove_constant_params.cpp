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

#include <algorithm>
#include <cstring>
#include <vector>

#include "gantry/opt/internal/change.h"

namespace gantry::opt {
namespace {

constexpr u32 kMany = ~u32{0};
constexpr u32 kNothing = kMany - 1;
constexpr u32 kNone = ~u32{0};  // end of a list

struct Flow {
  u32 to;    // parameter that receives
  u32 next;  // of the same source, or kNone
};

// Kept from function to function.
struct Scratch {
  std::vector<u32> known;       // by value, what it is known to be; kMany: itself
  std::vector<u32> first_flow;  // by value, into flows
  std::vector<Flow> flows;
  std::vector<u32> work;
  std::vector<bool> loses;  // by block: some of its parameters
};
constexpr char kOwner = 0;

// Makes parameters many that are to stay.
void hold_back(const ir::Function& func, u32* known, Session& session) {
  for (const ir::Block block : func.layout.blocks()) {
    for (const ir::Value param : func.dfg.block_params(block)) {
      if (known[param.index()] < kNothing &&
          !may_change(session, kRemoveConstantParams, "a parameter that is always one value goes",
                      func, block, PackedOption<ir::Value>(param))) {
        known[param.index()] = kMany;
      }
    }
  }
}

}  // namespace

void remove_constant_params(ir::Function& func, Session& session) {
  ir::DataFlowGraph& dfg = func.dfg;
  const ir::Block entry = *func.layout.entry();
  bool any = false;
  for (const ir::Block block : func.layout.blocks())
    any |= block != entry && !dfg.block_params(block).empty();
  if (!any) return;

  Scratch& scratch = session.scratch<Scratch>(&kOwner, [] { return new Scratch; });
  const usize num_values = dfg.num_values();
  scratch.known.resize(num_values);
  scratch.first_flow.resize(num_values);
  // kMany and kNone: all ones. A loop of stores would cost as much as the rest.
  std::memset(scratch.known.data(), 0xff, num_values * sizeof(u32));
  std::memset(scratch.first_flow.data(), 0xff, num_values * sizeof(u32));
  scratch.flows.clear();
  scratch.work.clear();
  u32* const known = scratch.known.data();
  u32* const first_flow = scratch.first_flow.data();
  for (const ir::Block block : func.layout.blocks()) {
    if (block == entry) continue;
    for (const ir::Value param : dfg.block_params(block)) known[param.index()] = kNothing;
  }
  const auto is_param = [&](u32 value) {
    return dfg.value_data(ir::Value::from_index(value)).kind() == ir::ValueData::Kind::Param;
  };
  const auto absorb = [&](u32 param, u32 value) {
    u32& fact = known[param];
    if (fact == kMany || fact == value || value == param) return;
    fact = fact == kNothing ? value : kMany;
    scratch.work.push_back(param);
  };
  const auto arrives = [&](ir::BlockArg arg, u32 param) {
    if (!arg.is_value()) {
      if (known[param] == kMany) return;
      known[param] = kMany;
      scratch.work.push_back(param);
      return;
    }
    const u32 source = arg.as_value().index();
    if (!is_param(source)) return absorb(param, source);
    if (known[source] == kMany) absorb(param, source);  // a parameter of the entry block, or so
    scratch.flows.push_back({param, first_flow[source]});
    first_flow[source] = static_cast<u32>(scratch.flows.size() - 1);
  };
  for (const ir::Block block : func.layout.blocks()) {
    dfg.for_each_block_call(*func.layout.last_inst(block), [&](ir::BlockCall call) {
      const std::span<const ir::Value> args = call.args(dfg.lists());
      if (args.empty()) return;
      const std::span<const ir::Value> params = dfg.block_params(call.block(dfg.lists()));
      for (u32 i = 0; i < args.size(); ++i)
        arrives(ir::BlockArg::decoded(args[i]), params[i].index());
    });
  }
  while (!scratch.work.empty()) {
    const u32 source = scratch.work.back();
    scratch.work.pop_back();
    const u32 value = known[source] == kMany ? source : known[source];
    for (u32 at = first_flow[source]; at != kNone; at = scratch.flows[at].next)
      absorb(scratch.flows[at].to, value);
  }

  if (session.change_fuel() != nullptr) hold_back(func, known, session);
  // Take them out: of the blocks' calls, whose arguments run parallel to the parameters, then of
  // the blocks.
  const auto is_constant = [&](ir::Value param) { return known[param.index()] < kNothing; };
  scratch.loses.assign(dfg.num_blocks(), false);
  bool any_loses = false;
  for (const ir::Block block : func.layout.blocks()) {
    if (block == entry) continue;
    const std::span<const ir::Value> params = dfg.block_params(block);
    const bool loses = std::any_of(params.begin(), params.end(), is_constant);
    scratch.loses[block.index()] = loses;
    any_loses |= loses;
  }
  if (!any_loses) return;
  for (const ir::Block block : func.layout.blocks()) {
    dfg.update_block_calls(*func.layout.last_inst(block), [&](ir::BlockCall& call) {
      const ir::Block target = call.block(dfg.lists());
      if (!scratch.loses[target.index()]) return;
      const std::span<const ir::Value> params = dfg.block_params(target);
      call.filter_args([&](u32 index) { return !is_constant(params[index]); }, dfg.lists());
    });
  }
  for (const ir::Block block : func.layout.blocks()) {
    if (!scratch.loses[block.index()]) continue;
    dfg.filter_block_params(block, [&](ir::Value param) {
      if (!is_constant(param)) return true;
      const bool made = dfg.make_alias(param, ir::Value::from_index(known[param.index()]));
      GANTRY_CHECK(made);
      return false;
    });
  }
}

}  // namespace gantry::opt

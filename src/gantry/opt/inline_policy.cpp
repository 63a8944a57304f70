// Problem: inlining pays where a body is not much more than the call, or where it runs often;
// everywhere else it only makes code larger. And the order matters: a body should be finished
// before it is copied. Idea: the strongly connected components of the call graph come out callees
// first (Tarjan, 1972, with a stack of its own); calls within a component are recursion and stay.
// For each caller, the calls that are small enough for their place are sorted by what they cost,
// and taken in this order as long as the budget lasts; one walk then inlines them all.
#include "gantry/opt/inline_policy.h"

#include <algorithm>
#include <vector>

#include "gantry/analysis/flow.h"
#include "gantry/ir/printer.h"
#include "gantry/opt/inline.h"
#include "gantry/opt/internal/change.h"
#include "gantry/support/hash.h"

namespace gantry::opt {
namespace {

using ir::Inst;
using ir::Opcode;

constexpr u32 kNone = ~u32{0};

// What an instruction adds to machine code, about.
u32 weight_of(const ir::Function& func, Inst inst) {
  const Opcode opcode = func.dfg.opcode(inst);
  switch (opcode) {
    // Operands of others, or gone when blocks are put in order.
    case Opcode::Iconst:
    case Opcode::F16const:
    case Opcode::F32const:
    case Opcode::F64const:
    case Opcode::Nop:
    case Opcode::Jump:
    case Opcode::Return:
      return 0;
    default:
      break;
  }
  if (!ir::is_call(opcode)) return 1;
  const usize args = func.dfg.args(inst).size();
  return kInlineCallCost.value + static_cast<u32>(std::min<usize>(args, 1000));
}

bool looks_at_frame(Opcode opcode) {
  switch (opcode) {
    case Opcode::GetFramePointer:
    case Opcode::GetStackPointer:
    case Opcode::GetReturnAddress:
    case Opcode::GetExceptionHandlerAddress:
    case Opcode::StackSwitch:
      return true;
    default:
      return false;
  }
}

struct FunctionFacts {
  u64 weight = 0;
  u64 declarations = 0;
  u64 stack_bytes = 0;
  bool has_calls = false;
  bool has_wide_calls = false;  // whose results a back end may pass in memory
  bool returns = false;         // not only traps and endless loops
  bool is_fixed = false;        // neither copied nor changed
};

FunctionFacts facts_of(const ir::Function& func) {
  FunctionFacts facts;
  for (const ir::Block block : func.layout.blocks()) {
    for (const Inst inst : func.layout.insts(block)) {
      const Opcode opcode = func.dfg.opcode(inst);
      facts.weight += weight_of(func, inst);
      facts.has_calls |= ir::is_call(opcode);
      if (const std::optional<ir::SigRef> signature = func.dfg.call_signature(inst)) {
        const std::vector<ir::AbiParam>& returns = func.dfg.signatures[*signature].returns;
        facts.has_wide_calls |=
            returns.size() > 1 || (returns.size() == 1 && returns[0].type == ir::kI128);
      }
      facts.returns |= ir::is_return(opcode);
      facts.is_fixed |= looks_at_frame(opcode);
      if (opcode == Opcode::BrTable) {
        facts.weight +=
            func.dfg.jump_tables[ir::JumpTable::from_index(func.dfg[inst].words[1])].entries.size();
      }
    }
  }
  for (const ir::StackSlotData& slot : func.stack_slots.values()) facts.stack_bytes += slot.size;
  // Dynamic slots have no size that is known here.
  facts.is_fixed |= !func.dynamic_stack_slots.empty();
  facts.declarations =
      u64{func.dfg.signatures.size()} + func.dfg.ext_funcs.size() + func.global_values.size() +
      func.stack_slots.size() + func.dfg.num_constants() + func.dfg.num_shuffle_masks() +
      func.dfg.num_mem_flags() + func.alias_regions.size() + func.inline_frames.size();
  return facts;
}

// Whether the stack limit of the callee, if it has one, is that of the caller: the check of the
// caller then covers the body, whose frame becomes part of its own. Both are chains of loads from a
// vmctx; that must be the same one.
bool has_same_stack_limit(const ir::Function& caller, Inst call, const ir::Function& callee) {
  if (!callee.stack_limit) return true;
  constexpr u32 kMaxSteps = 8;
  PackedOption<ir::GlobalValue> ours = caller.stack_limit, theirs = callee.stack_limit;
  for (u32 step = 0; step < kMaxSteps && ours && theirs; ++step) {
    const ir::GlobalValueData& a = caller.global_values[*ours];
    const ir::GlobalValueData& b = callee.global_values[*theirs];
    if (a.kind != b.kind || a.offset != b.offset || a.type != b.type) return false;
    if (a.kind == ir::GlobalValueData::Kind::VmContext) {
      const auto context_of = [](const ir::Signature& signature) {
        usize i = 0;
        while (signature.params[i].purpose != ir::ArgPurpose::VmContext) ++i;
        return i;
      };
      const ir::Value own =
          caller.dfg.block_params(*caller.layout.entry())[context_of(caller.signature)];
      return caller.dfg.resolve(caller.dfg.args(call)[context_of(callee.signature)]) == own;
    }
    ours = a.base;
    theirs = b.base;
  }
  return false;
}

// Which function a name means.
class Names {
 public:
  explicit Names(std::span<ir::Function* const> functions) : functions_(functions) {
    usize size = 16;
    while (size < functions.size() * 2) size *= 2;
    table_.assign(size, kNone);
    for (u32 i = 0; i < functions.size(); ++i) {
      const ir::FunctionName& name = functions[i]->name;
      u32& slot = table_[find(name)];
      if (slot == kNone) slot = i;
    }
  }
  u32 function(const ir::Function& caller, ir::ExternalName name) const {
    ir::FunctionName wanted;
    switch (name.kind) {
      case ir::ExternalName::Kind::User:
        wanted.user = caller.user_names[ir::UserExternalName::from_index(name.index)];
        if (wanted.user.is_hole()) return kNone;
        break;
      case ir::ExternalName::Kind::TestCase:
        wanted.is_user = false;
        wanted.text = caller.test_names[name.index];
        break;
      case ir::ExternalName::Kind::LibCall:
      case ir::ExternalName::Kind::KnownSymbol:
        return kNone;
    }
    return table_[find(wanted)];
  }

 private:
  usize find(const ir::FunctionName& name) const {
    const u64 hash = name.is_user
                         ? mix_bits(static_cast<u64>(name.user.name_space) << 32 | name.user.index)
                         : hash_bytes(name.text);
    usize at = hash & (table_.size() - 1);
    while (table_[at] != kNone) {
      const ir::FunctionName& known = functions_[table_[at]]->name;
      if (known.is_user == name.is_user &&
          (name.is_user ? known.user == name.user : known.text == name.text))
        break;
      at = (at + 1) & (table_.size() - 1);
    }
    return at;
  }
  std::span<ir::Function* const> functions_;
  std::vector<u32> table_;  // indices of functions, open addressing
};

// A call of one of the functions.
struct Site {
  Inst call;
  ir::Block block;
  u32 callee;
};

class Policy {
 public:
  Policy(std::span<ir::Function* const> functions, const InlineOptions& options, Session& session)
      : functions_(functions), options_(options), session_(session) {}
  Result<InlineStats> run();

 private:
  struct Choice {
    u32 site;
    u32 cost;  // weight added, halved for each loop around
    u32 growth;
  };
  void collect();
  void order_callees_first();
  Result<void> inline_into(u32 caller);
  std::span<const Site> sites_of(u32 function) const {
    return std::span(sites_).subspan(first_site_[function],
                                     first_site_[function + 1] - first_site_[function]);
  }
  u32 size_limit(const ir::Function& caller, const Site& site, u32 loop_depth) const;

  std::span<ir::Function* const> functions_;
  InlineOptions options_;
  Session& session_;
  std::vector<Site> sites_;
  std::vector<u32> first_site_;
  std::vector<u32> num_calls_;  // by callee
  std::vector<FunctionFacts> facts_;
  std::vector<u32> component_, order_;
  analysis::ControlFlow flow_;
  analysis::DominatorTree tree_;
  analysis::LoopForest loops_;
  std::vector<Choice> choices_;
  std::vector<bool> taken_;
  InlineStats stats_;
};

void Policy::collect() {
  const Names names(functions_);
  num_calls_.assign(functions_.size(), 0);
  std::vector<u32> targets;
  for (const ir::Function* func : functions_) {
    first_site_.push_back(static_cast<u32>(sites_.size()));
    facts_.push_back(facts_of(*func));
    stats_.size_before += facts_.back().weight;
    targets.clear();
    for (const ir::ExtFuncData& callee : func->dfg.ext_funcs.values()) {
      const bool is_final = callee.colocated || options_.definitions_are_final;
      targets.push_back(is_final && !callee.patchable ? names.function(*func, callee.name) : kNone);
    }
    for (const ir::Block block : func->layout.blocks()) {
      for (const Inst inst : func->layout.insts(block)) {
        const meta::Format format = ir::inst_facts(func->dfg.opcode(inst)).format;
        if (format != meta::Format::Call && format != meta::Format::TryCall) continue;
        const u32 callee = targets[func->dfg[inst].words[0]];
        if (callee == kNone) continue;
        sites_.push_back({inst, block, callee});
        ++num_calls_[callee];
      }
    }
  }
  first_site_.push_back(static_cast<u32>(sites_.size()));
  stats_.calls = static_cast<u32>(sites_.size());
}

void Policy::order_callees_first() {
  const u32 count = static_cast<u32>(functions_.size());
  component_.assign(count, kNone);
  std::vector<u32> number(count, kNone), low(count, 0), open;
  struct Frame {
    u32 function;
    u32 next;  // of its sites
  };
  std::vector<Frame> stack;
  u32 next_number = 0, next_component = 0;
  for (u32 root = 0; root < count; ++root) {
    if (number[root] != kNone) continue;
    stack.push_back({root, 0});
    while (!stack.empty()) {
      const u32 at = stack.back().function;
      if (stack.back().next == 0) {
        number[at] = low[at] = next_number++;
        open.push_back(at);
      }
      const std::span<const Site> sites = sites_of(at);
      bool descended = false;
      while (stack.back().next < sites.size() && !descended) {
        const u32 to = sites[stack.back().next++].callee;
        if (number[to] == kNone) {
          stack.push_back({to, 0});
          descended = true;
        } else if (component_[to] == kNone) {
          low[at] = std::min(low[at], number[to]);
        }
      }
      if (descended) continue;
      if (low[at] == number[at]) {
        while (true) {
          const u32 member = open.back();
          open.pop_back();
          component_[member] = next_component;
          order_.push_back(member);
          if (member == at) break;
        }
        ++next_component;
      }
      stack.pop_back();
      if (!stack.empty())
        low[stack.back().function] = std::min(low[stack.back().function], low[at]);
    }
  }
}

// The weight up to which the body may take the place of the call.
u32 Policy::size_limit(const ir::Function& caller, const Site& site, u32 loop_depth) const {
  const FunctionFacts& callee = facts_[site.callee];
  const u32 call = weight_of(caller, site.call);
  // What rarely runs is inlined only if that makes the code smaller. So is what never comes back:
  // it ends badly.
  if (caller.layout.is_cold(site.block) || !callee.returns) return call;
  u32 constants = 0;
  for (const ir::Value arg : caller.dfg.args(site.call)) {
    const std::optional<Inst> source = caller.dfg.defining_inst(arg);
    constants += source && caller.dfg.opcode(*source) == Opcode::Iconst ? 1 : 0;
  }
  u32 limit = kInlineBaseSize.value + call;
  limit += kInlineConstArg.value * std::min(constants, kInlineMaxConstArgs.value);
  if (!callee.has_calls) limit += kInlineLeaf.value;
  limit *= 1 + std::min(loop_depth, kInlineMaxLoopDepth.value);
  if (num_calls_[site.callee] == 1) limit = std::max(limit, kInlineOnlyCall.value);
  return limit;
}

Result<void> Policy::inline_into(u32 index) {
  ir::Function& caller = *functions_[index];
  if (facts_[index].is_fixed) return {};
  const std::span<const Site> sites = sites_of(index);
  choices_.clear();
  bool has_flow = false;
  for (u32 i = 0; i < sites.size(); ++i) {
    const Site& site = sites[i];
    const FunctionFacts& callee = facts_[site.callee];
    if (component_[site.callee] == component_[index] || callee.is_fixed) continue;
    if (callee.declarations > callee.weight + kInlineDeclarations.value) continue;
    // Too large wherever the call is: do not ask about flow.
    if (callee.weight > u64{kInlineMaxCaller.value}) continue;
    if (!has_flow) {
      has_flow = true;
      flow_.compute(caller);
      tree_.compute(caller, flow_);
      loops_.compute(caller, flow_, tree_);
    }
    if (!flow_.is_reachable(site.block)) continue;
    const u32 loop_depth = loops_.depth(site.block);
    const u32 weight = static_cast<u32>(callee.weight);
    if (weight > size_limit(caller, site, loop_depth)) continue;
    const u32 call = weight_of(caller, site.call);
    u64 growth = weight > call ? weight - call : 0;
    // Each call of the body gets the handlers of this one.
    if (caller.dfg.opcode(site.call) == Opcode::TryCall) {
      // Not every back end can give such a call handlers.
      if (callee.has_wide_calls) continue;
      const auto table = ir::ExceptionTable::from_index(caller.dfg[site.call].words[2]);
      growth +=
          callee.weight / kInlineCallCost.value * caller.dfg.exception_tables[table].items.size();
    }
    if (growth > kInlineMaxCaller.value) continue;
    if (!why_not_inlined(caller, site.call, *functions_[site.callee]).empty()) continue;
    if (!has_same_stack_limit(caller, site.call, *functions_[site.callee])) continue;
    const u32 cost = static_cast<u32>(growth) >> std::min(loop_depth, kInlineMaxLoopDepth.value);
    choices_.push_back({i, cost, static_cast<u32>(growth)});
  }
  if (choices_.empty()) return {};

  std::sort(choices_.begin(), choices_.end(), [](const Choice& a, const Choice& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.site < b.site;
  });
  u64 budget = std::max<u64>(kInlineMinGrowth.value,
                             facts_[index].weight * kInlineGrowthPercent.value / 100);
  budget = facts_[index].weight >= kInlineMaxCaller.value
               ? 0
               : std::min(budget, kInlineMaxCaller.value - facts_[index].weight);
  u64 stack_budget = kInlineStackBytes.value;
  taken_.assign(sites.size(), false);
  bool any = false;
  for (const Choice& choice : choices_) {
    const FunctionFacts& callee = facts_[sites[choice.site].callee];
    if (choice.growth > budget || callee.stack_bytes > stack_budget) continue;
    budget -= choice.growth;
    stack_budget -= callee.stack_bytes;
    taken_[choice.site] = true;
    any = true;
  }
  if (!any) return {};

  u32 at = 0;  // the walk comes to the calls in the order in which they were collected
  const auto decide = [&](const InlineSite& asked) -> InlineDecision {
    if (at == sites.size() || sites[at].call != asked.call) return {};
    const u32 site = at++;
    if (!taken_[site] || !may_change(session_, kInlineCalls, "a call becomes a copy of its callee",
                                     caller, asked.call)) {
      return {};
    }
    return {functions_[sites[site].callee], false};
  };
  GANTRY_TRY_ASSIGN(const u32 inlined, inline_calls(caller, decide, session_));
  stats_.inlined += inlined;
  ++stats_.functions_changed;
  caller.dfg.resolve_all_aliases();
  facts_[index] = facts_of(caller);
  return {};
}

Result<InlineStats> Policy::run() {
  collect();
  order_callees_first();
  for (const u32 function : order_) GANTRY_TRY(inline_into(function));
  for (const FunctionFacts& facts : facts_) stats_.size_after += facts.weight;
  return stats_;
}

}  // namespace

Result<InlineStats> inline_functions(std::span<ir::Function* const> functions,
                                     const InlineOptions& options, Session& session) {
  return Policy(functions, options, session).run();
}

}  // namespace gantry::opt

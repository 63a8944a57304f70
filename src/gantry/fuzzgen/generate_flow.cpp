// The problem: passes over the flow go wrong on graphs that structured programs do not have. The
// idea: draw the graph first, find out who dominates whom, then fill blocks in with values of their
// dominators. Few distinct conditions and many constants make branches agree, arguments decide, and
// blocks meet. Invariants: a block reads its own parameters and what its dominators define; the
// order of effects is hashed into a stack slot, which is what a function gives.
#include "gantry/fuzzgen/generate_flow.h"

#include <algorithm>
#include <bit>

#include "gantry/ir/builder.h"

namespace gantry::fuzzgen {
namespace {

using ir::Block;
using ir::BlockArg;
using ir::BlockCall;
using ir::Value;

constexpr u32 kMaxBlocks = 64;  // sets of blocks are the bits of a word
constexpr ir::MemFlags kTrusted{.aligned = true, .trap = ir::TrapCode{0}};

enum class End : u8 { Jump, Brif, BrTable, TryCall, Return, Trap };

struct Node {
  End end = End::Return;
  u32 num_params = 0;
  std::vector<u32> targets;
  u64 dominators = ~u64{0};
  std::vector<Value> values;  // what it defines
  std::vector<Value> tests;   // those of it that are good conditions
};

class Generator {
 public:
  Generator(Choices& choices, ir::Function& func) : choices_(choices), func_(func), build_(func) {}

  void run(u32 max_blocks) {
    draw_graph(2 + choices_.below(max_blocks - 2));
    find_dominators();
    func_.name.user = {0, 0};
    func_.signature = {{{ir::kI32}, {ir::kI32}, {ir::kI32}}, {{ir::kI32}}, ir::CallConv::SystemV};
    const ir::SigRef signature =
        func_.dfg.signatures.push({{{ir::kI32}}, {{ir::kI32}}, ir::CallConv::SystemV});
    callee_ = func_.dfg.ext_funcs.push({func_.intern_user_name({0, 1}), signature, false, false});
    slot_ = func_.stack_slots.push({8, 3, {}});
    for (u32 i = 0; i < nodes_.size(); ++i) {
      blocks_.push_back(build_.create_block());
      for (u32 param = 0; param < nodes_[i].num_params; ++param) {
        nodes_[i].values.push_back(func_.dfg.append_block_param(blocks_[i], ir::kI32));
      }
      nodes_[i].tests = nodes_[i].values;
    }
    // Dominators first, the order of blocks in the function is another one.
    for (u32 i = 0; i < nodes_.size(); ++i) func_.layout.append_block(blocks_[i]);
    std::vector<u32> order(nodes_.size());
    for (u32 i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](u32 a, u32 b) {
      const int above_a = std::popcount(nodes_[a].dominators);
      const int above_b = std::popcount(nodes_[b].dominators);
      return above_a != above_b ? above_a < above_b : a < b;
    });
    for (const u32 node : order) fill(node);
    for (u32 i = 1; i < nodes_.size(); ++i) {
      if (choices_.one_in(8)) func_.layout.set_cold(blocks_[i]);
    }
  }

 private:
  void draw_graph(u32 count) {
    nodes_.resize(count);
    nodes_[0].num_params = 3;
    for (u32 i = 0; i < count; ++i) {
      Node& node = nodes_[i];
      if (i != 0) node.num_params = choices_.one_in(2) ? 0 : choices_.below(4);
      constexpr End kEnds[] = {End::Jump,    End::Jump,   End::Jump,   End::Jump, End::Brif,
                               End::Brif,    End::Brif,   End::Brif,   End::Brif, End::BrTable,
                               End::TryCall, End::Return, End::Return, End::Trap};
      node.end = kEnds[choices_.below(std::size(kEnds))];
      u32 num_targets = 0;
      if (node.end == End::Jump) num_targets = 1;
      if (node.end == End::Brif || node.end == End::TryCall) num_targets = 2;
      if (node.end == End::BrTable) num_targets = 1 + choices_.below(4);
      while (num_targets-- > 0) node.targets.push_back(draw_target(i, count));
    }
  }
  // Mostly forward, near, and not the entry.
  u32 draw_target(u32 from, u32 count) {
    if (from + 1 < count && !choices_.one_in(5)) {
      const u32 left = count - 1 - from;
      return from + 1 + choices_.below(left < 4 ? left : 4);
    }
    return 1 + choices_.below(count - 1);
  }

  void find_dominators() {
    nodes_[0].dominators = 1;
    for (bool changed = true; changed;) {
      changed = false;
      for (u32 i = 0; i < nodes_.size(); ++i) {
        for (const u32 to : nodes_[i].targets) {
          const u64 meet = nodes_[to].dominators & (nodes_[i].dominators | u64{1} << to);
          changed |= meet != nodes_[to].dominators;
          nodes_[to].dominators = meet;
        }
      }
    }
    for (u32 i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].dominators == ~u64{0}) nodes_[i].dominators = u64{1} << i;  // unreachable
    }
  }

  // A value (or condition) of the block or one that dominates it.
  Value pick(u32 at, std::vector<Value> Node::*kind) {
    scope_.clear();
    for (u32 i = 0; i < nodes_.size(); ++i) {
      if (((nodes_[at].dominators >> i) & 1) == 0) continue;
      scope_.insert(scope_.end(), (nodes_[i].*kind).begin(), (nodes_[i].*kind).end());
    }
    if (scope_.empty()) return define(at, build_.iconst(ir::kI32, choices_.below(3)));
    return scope_[choices_.below(static_cast<u32>(scope_.size()))];
  }
  Value define(u32 at, Value value) {
    nodes_[at].values.push_back(value);
    return value;
  }

  // Mixes a value into the number that tells what has happened so far.
  void record(Value value) {
    const Value place = build_.stack_addr(ir::kI64, slot_, 0);
    const Value before = build_.load(ir::kI32, kTrusted, place, 0);
    const Value factor = build_.iconst(ir::kI32, 31);
    build_.store(kTrusted, build_.iadd(build_.imul(before, factor), value), place, 0);
  }

  void compute(u32 at, bool is_pure) {
    const Value x = pick(at, &Node::values), y = pick(at, &Node::values);
    switch (choices_.below(is_pure ? 6 : 9)) {
      case 0:
      case 1:
        define(at, build_.iadd(x, y));
        return;
      case 2:
        define(at, build_.bxor(x, y));
        return;
      case 3:
        define(at, build_.imul(x, y));
        return;
      case 4: {
        const Value test = build_.icmp(static_cast<ir::IntCC>(choices_.below(10)), x, y);
        nodes_[at].tests.push_back(test);
        define(at, build_.uextend(ir::kI32, test));
        return;
      }
      case 5:
        nodes_[at].tests.push_back(define(at, build_.iconst(ir::kI32, choices_.below(3))));
        return;
      case 6:
      case 7:
        record(x);
        return;
      default:
        if (choices_.one_in(4)) {
          const ir::TrapCode code = trap_code();
          build_.trapz(pick(at, &Node::tests), code);
        }
        return;
    }
  }
  ir::TrapCode trap_code() { return {static_cast<u8>(1 + choices_.below(5))}; }

  BlockCall call_of(u32 from, u32 to, bool returns = false) {
    BlockCall call = BlockCall::make(blocks_[to], func_.dfg.lists());
    for (u32 i = 0; i < nodes_[to].num_params; ++i) {
      const bool returned = returns && choices_.one_in(2);
      call.push(returned ? BlockArg::try_return(0) : BlockArg::value(pick(from, &Node::values)),
                func_.dfg.lists());
    }
    return call;
  }

  void fill(u32 at) {
    Node& node = nodes_[at];
    build_.switch_to_block(blocks_[at]);
    if (at == 0) {
      const Value start = build_.iconst(ir::kI32, 17);
      build_.store(kTrusted, start, build_.stack_addr(ir::kI64, slot_, 0), 0);
      for (const i64 constant : {0, 1, 2}) define(0, build_.iconst(ir::kI32, constant));
    }
    if (!choices_.one_in(2)) {
      const bool is_pure = choices_.one_in(2);
      for (u32 left = choices_.below(4); left > 0; --left) compute(at, is_pure);
    }
    // Arguments first: what they need may have to be made.
    std::vector<BlockCall> calls;
    for (const u32 to : node.targets) {
      calls.push_back(call_of(at, to, node.end == End::TryCall && calls.empty()));
    }
    switch (node.end) {
      case End::Jump:
        build_.jump(calls[0]);
        return;
      case End::Brif:
        build_.brif(pick(choices_.one_in(2) ? 0 : at, &Node::tests), calls[0], calls[1]);
        return;
      case End::BrTable: {
        const Value index = pick(at, &Node::values);
        ir::JumpTableData table{calls[0], {calls.begin() + 1, calls.end()}};
        build_.br_table(index, func_.dfg.jump_tables.push(std::move(table)));
        return;
      }
      case End::TryCall: {
        const Value arg = pick(at, &Node::values);
        ir::ExceptionTableData table;
        table.signature = func_.dfg.ext_funcs[callee_].signature;
        table.normal_return = calls[0];
        table.items.push_back({ir::ExceptionTableData::Item::Kind::Default, {}, calls[1], {}});
        build_.try_call(callee_, {&arg, 1}, func_.dfg.exception_tables.push(std::move(table)));
        return;
      }
      case End::Return: {
        record(pick(at, &Node::values));
        const Value result =
            build_.load(ir::kI32, kTrusted, build_.stack_addr(ir::kI64, slot_, 0), 0);
        build_.return_({&result, 1});
        return;
      }
      case End::Trap:
        build_.trap(trap_code());
        return;
    }
  }

  Choices& choices_;
  ir::Function& func_;
  ir::Builder build_;
  std::vector<Node> nodes_;
  std::vector<Block> blocks_;
  std::vector<Value> scope_;
  ir::FuncRef callee_;
  ir::StackSlot slot_;
};

// (x) -> x * 3 + 1, and a trap where that is 22.
void make_callee(ir::Function& func) {
  func.name.user = {0, 1};
  func.signature = {{{ir::kI32}}, {{ir::kI32}}, ir::CallConv::SystemV};
  ir::Builder build(func);
  const Block block = build.create_block();
  build.switch_to_block(block);
  const Value x = func.dfg.append_block_param(block, ir::kI32);
  const Value three = build.iconst(ir::kI32, 3), one = build.iconst(ir::kI32, 1);
  const Value result = build.iadd(build.imul(x, three), one);
  const Value wrong = build.icmp(ir::IntCC::Equal, result, build.iconst(ir::kI32, 22));
  build.trapnz(wrong, ir::TrapCode{9});
  build.return_({&result, 1});
}

}  // namespace

void generate_flow(Choices& choices, u32 max_blocks, std::vector<ir::Function>& funcs) {
  GANTRY_CHECK(max_blocks >= 3 && max_blocks <= kMaxBlocks);
  funcs.clear();
  funcs.resize(2);
  Generator(choices, funcs[0]).run(max_blocks);
  make_callee(funcs[1]);
}

}  // namespace gantry::fuzzgen

// Shapes that make a pass quadratic or deep if it can be made so: long chains, wide meetings,
// everything live at once, deep nests. Each function is minimal for what it shows.
#include "large_functions.h"

#include <vector>

namespace gantry::limits_testing {
namespace {

using ir::Block;
using ir::Builder;
using ir::Function;
using ir::IntCC;
using ir::MemFlags;
using ir::Value;

constexpr MemFlags kTrusted{.aligned = true, .trap = ir::TrapCode{0}};

void sign(Function& func, u32 num_params, u32 num_returns,
          ir::CallConv call_conv = ir::CallConv::SystemV) {
  func.signature.call_conv = call_conv;
  func.signature.params.assign(num_params, {ir::kI64});
  func.signature.returns.assign(num_returns, {ir::kI64});
}
// A function of `num_params` integers that gives an integer; the builder stands in its first block.
Value begin(Function& func, Builder& build, u32 num_params = 1) {
  sign(func, num_params, 1);
  const Block entry = build.create_block();
  build.switch_to_block(entry);
  Value first;
  for (u32 i = 0; i < num_params; ++i) {
    const Value param = func.dfg.append_block_param(entry, ir::kI64);
    if (i == 0) first = param;
  }
  return first;
}
void give(Builder& build, Value value) {
  const Value values[] = {value};
  build.return_(values);
}
void go_to(Builder& build, Block block, std::span<const Value> args = {}) {
  build.jump(build.block_call(block, args));
}
ir::FuncRef callee(Function& func, u32 num_params, u32 num_returns,
                   ir::CallConv call_conv = ir::CallConv::SystemV) {
  ir::Signature signature;
  signature.call_conv = call_conv;
  signature.params.assign(num_params, {ir::kI64});
  signature.returns.assign(num_returns, {ir::kI64});
  ir::ExtFuncData data;
  data.name = func.intern_user_name({0, 1});
  data.signature = func.dfg.signatures.push(std::move(signature));
  return func.dfg.ext_funcs.push(data);
}
Value sum(Builder& build, std::span<const Value> values) {
  Value total = values[0];
  for (usize i = 1; i < values.size(); ++i) total = build.iadd(total, values[i]);
  return total;
}

// -- blocks

void block_chain(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  for (u32 i = 1; i < size; ++i) {
    const Block next = build.create_block();
    go_to(build, next);
    build.switch_to_block(next);
  }
  give(build, x);
}

// Every block may leave to the last one: as many critical edges as blocks.
void ladder(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  const Block last = build.create_block();
  for (u32 i = 1; i < size; ++i) {
    const Block next = build.create_block();
    build.brif(x, build.block_call(next), build.block_call(last));
    build.switch_to_block(next);
  }
  go_to(build, last);
  build.switch_to_block(last);
  give(build, x);
}

// Branch and meet, with a value that goes through: the dominator tree is a path.
void diamonds(Function& func, u32 size) {
  Builder build(func);
  Value x = begin(func, build);
  for (u32 i = 0; i < size / 4; ++i) {
    const Block left = build.create_block(), right = build.create_block(),
                meet = build.create_block();
    build.brif(x, build.block_call(left), build.block_call(right));
    build.switch_to_block(left);
    go_to(build, meet, {{x}});
    build.switch_to_block(right);
    const Value more = build.iadd_imm_s(x, 1);
    go_to(build, meet, {{more}});
    build.switch_to_block(meet);
    x = func.dfg.append_block_param(meet, ir::kI64);
  }
  give(build, x);
}

// Loops within loops, a value alive through all of them.
void loop_nest(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Block> heads, latches;
  for (u32 i = 0; i < size; ++i) {
    heads.push_back(build.create_block());
    latches.push_back(build.create_block());
    go_to(build, heads.back());
    build.switch_to_block(heads.back());
  }
  for (u32 i = size; i-- > 0;) {
    go_to(build, latches[i]);
    build.switch_to_block(latches[i]);
    const Block after = build.create_block();
    build.brif(x, build.block_call(heads[i]), build.block_call(after));
    build.switch_to_block(after);
  }
  give(build, x);
}

// A forward spine, and from each block an edge back to the block at the same distance from the
// start: hard for algorithms on dominators and loops that visit until nothing changes.
void irreducible(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Block> blocks;
  for (u32 i = 0; i < size; ++i) blocks.push_back(build.create_block());
  build.brif(x, build.block_call(blocks[0]), build.block_call(blocks[size / 2]));
  for (u32 i = 0; i < size; ++i) {
    build.switch_to_block(blocks[i]);
    if (i + 1 == size) {
      give(build, x);
    } else {
      build.brif(x, build.block_call(blocks[i + 1]), build.block_call(blocks[size - 1 - i]));
    }
  }
}

void unreachable_blocks(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  give(build, x);
  for (u32 i = 0; i < size; ++i) {
    const Block block = build.create_block();
    build.switch_to_block(block);
    go_to(build, block);
  }
}

// -- values

void iadd_chain(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = x;
  for (u32 i = 0; i < size; ++i) at = build.iadd(at, x);
  give(build, at);
}

// The store keeps the loads where they are.
void live_at_once(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Value> values;
  for (u32 i = 0; i < size; ++i)
    values.push_back(build.load(ir::kI64, kTrusted, x, static_cast<i32>(8 * i)));
  build.store(kTrusted, x, x, 0);
  give(build, sum(build, values));
}

// Spilled values that are used in every block of a long function.
void live_through_blocks(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Value> values;
  for (u32 i = 0; i < 40; ++i)
    values.push_back(build.load(ir::kI64, kTrusted, x, static_cast<i32>(8 * i)));
  build.store(kTrusted, x, x, 0);
  const Block last = build.create_block();
  for (u32 i = 0; i < size; ++i) {
    const Block next = build.create_block();
    build.brif(values[i % values.size()], build.block_call(next), build.block_call(last));
    build.switch_to_block(next);
    build.store(kTrusted, values[i * 7 % values.size()], x, 0);
  }
  go_to(build, last);
  build.switch_to_block(last);
  give(build, sum(build, values));
}

void constants(Function& func, u32 size) {
  Builder build(func);
  Value at = begin(func, build);
  for (u32 i = 0; i < size; ++i) at = build.bxor(at, build.iconst(ir::kI64, i64{i} << 20));
  give(build, at);
}

void float_constants(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = build.f64const(ir::Ieee64{1});
  for (u32 i = 0; i < size; ++i) at = build.fadd(at, build.f64const(ir::Ieee64{u64{i} << 32 | 1}));
  build.store(kTrusted, at, x, 0);
  give(build, x);
}

void aliases_forward(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Value> values{x};
  for (u32 i = 0; i < size; ++i) values.push_back(build.iconst(ir::kI64, i));
  Value at = x;
  for (u32 i = 1; i <= size; ++i) at = build.iadd(at, values[i]);
  give(build, at);
  for (u32 i = 1; i <= size; ++i) {
    func.layout.remove_inst(*func.dfg.defining_inst(values[i]));
    func.dfg.make_alias(values[i], values[i - 1]);
  }
}
void aliases_backward(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Value> values{x};
  for (u32 i = 0; i < size; ++i) values.push_back(build.iconst(ir::kI64, i));
  Value at = x;
  for (u32 i = 1; i <= size; ++i) at = build.iadd(at, values[i]);
  give(build, at);
  for (u32 i = size; i > 0; --i) {
    func.layout.remove_inst(*func.dfg.defining_inst(values[i]));
    func.dfg.make_alias(values[i], values[i - 1]);
  }
}

// -- expressions: a tree as deep as the function is long, each value used once

template <Value (*step)(Builder& build, Value at, Value x)>
void expression(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = x;
  for (u32 i = 0; i < size; ++i) at = step(build, at, x);
  give(build, at);
}
Value step_not(Builder& build, Value at, Value) { return build.bnot(build.ineg(at)); }
Value step_narrow(Builder& build, Value at, Value) {
  return build.uextend(ir::kI64, build.ireduce(ir::kI32, at));
}
Value step_compare(Builder& build, Value at, Value x) {
  return build.uextend(ir::kI64, build.icmp(IntCC::Equal, at, x));
}
Value step_choose(Builder& build, Value at, Value x) {
  return build.select(build.icmp(IntCC::UnsignedLessThan, at, x), x, at);
}
Value step_address(Builder& build, Value at, Value x) {
  return build.iadd(x, build.ishl(at, build.iconst(ir::kI8, 2)));
}
Value step_offset(Builder& build, Value at, Value) { return build.iadd_imm_s(at, 8); }
Value step_load(Builder& build, Value at, Value) { return build.load(ir::kI64, kTrusted, at, 8); }
Value step_load_add(Builder& build, Value at, Value x) {
  return build.iadd(x, build.load(ir::kI64, MemFlags(), at, 8));
}
Value step_checked_add(Builder& build, Value at, Value x) {
  return build.uadd_overflow_trap(at, x, ir::kTrapHeapOutOfBounds);
}
Value step_divide(Builder& build, Value at, Value x) { return build.udiv(at, x); }
Value step_wide(Builder& build, Value at, Value x) {
  return build.ireduce(ir::kI64,
                       build.imul(build.uextend(ir::kI128, at), build.sextend(ir::kI128, x)));
}
Value step_atomic(Builder& build, Value at, Value x) {
  return build.atomic_rmw(ir::kI64, MemFlags(), ir::AtomicRmwOp::Nand, x, at);
}

// A condition of i8 made of `and` and `or`, asked by one branch.
void condition_tree(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = build.icmp(IntCC::Equal, x, x);
  for (u32 i = 0; i < size; ++i) {
    const Value other = build.icmp(IntCC::SignedLessThan, x, x);
    at = (i & 1) != 0 ? build.band(at, other) : build.bor(at, other);
  }
  const Block yes = build.create_block(), no = build.create_block();
  build.brif(at, build.block_call(yes), build.block_call(no));
  build.switch_to_block(yes);
  give(build, x);
  build.switch_to_block(no);
  give(build, x);
}

// -- edges that pass much

void wide_block_params(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Value> args(size, x);
  const Block block = build.create_block();
  for (u32 i = 0; i < size; i += 2) args[i] = build.iconst(ir::kI64, i);
  go_to(build, block, args);
  build.switch_to_block(block);
  std::vector<Value> params;
  for (u32 i = 0; i < size; ++i) params.push_back(func.dfg.append_block_param(block, ir::kI64));
  give(build, sum(build, params));
}

// A loop that rotates its parameters: one cycle of moves through all of them.
void rotated_block_params(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Value> args(size, x);
  const Block loop = build.create_block(), done = build.create_block();
  go_to(build, loop, args);
  build.switch_to_block(loop);
  std::vector<Value> params, rotated;
  for (u32 i = 0; i < size; ++i) params.push_back(func.dfg.append_block_param(loop, ir::kI64));
  for (u32 i = 0; i < size; ++i) rotated.push_back(params[(i + 1) % size]);
  build.brif(params[0], build.block_call(loop, rotated), build.block_call(done));
  build.switch_to_block(done);
  give(build, sum(build, params));
}

template <bool distinct, bool pass>
void table(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  const Value index = build.ireduce(ir::kI32, x);
  std::vector<Block> targets;
  ir::JumpTableData data;
  const Block other = build.create_block();
  const Value args[] = {x};
  data.default_call = build.block_call(other);
  for (u32 i = 0; i < size; ++i) {
    if (distinct || i == 0) targets.push_back(build.create_block());
    data.entries.push_back(build.block_call(
        targets.back(), pass ? std::span<const Value>(args) : std::span<const Value>()));
  }
  build.br_table(index, func.dfg.jump_tables.push(std::move(data)));
  for (const Block block : targets) {
    build.switch_to_block(block);
    if (pass) {
      give(build, func.dfg.append_block_param(block, ir::kI64));
    } else {
      go_to(build, other);
    }
  }
  build.switch_to_block(other);
  give(build, x);
}

// -- calls

void calls(Function& func, u32 size) {
  Builder build(func);
  const ir::FuncRef function = callee(func, 1, 1);
  const Value x = begin(func, build);
  Value at = x;
  std::vector<Value> kept;
  for (u32 i = 0; i < size; ++i) {
    const Value args[] = {at};
    at = func.dfg.first_result(build.call(function, args));
    if (i % (size / 100 + 1) == 0) kept.push_back(at);
  }
  kept.push_back(at);
  give(build, sum(build, kept));
}

void many_args(Function& func, u32 size) {
  Builder build(func);
  const ir::FuncRef function = callee(func, size, 1);
  const Value x = begin(func, build);
  std::vector<Value> args;
  for (u32 i = 0; i < size; ++i) args.push_back(build.iadd_imm_s(x, i));
  give(build, func.dfg.first_result(build.call(function, args)));
}

void many_params(Function& func, u32 size) {
  Builder build(func);
  begin(func, build, size);
  give(build, sum(build, std::vector<Value>(func.dfg.block_params(build.current_block()).begin(),
                                            func.dfg.block_params(build.current_block()).end())));
}

void try_calls(Function& func, u32 size) {
  Builder build(func);
  const ir::FuncRef function = callee(func, 1, 0, ir::CallConv::Tail);
  const ir::SigRef signature = func.dfg.ext_funcs[function].signature;
  const Value x = begin(func, build);
  const Block handler = build.create_block();
  for (u32 i = 0; i < size; ++i) {
    const Block next = build.create_block();
    ir::ExceptionTableData data;
    data.signature = signature;
    data.normal_return = build.block_call(next);
    ir::ExceptionTableData::Item item;
    item.kind = ir::ExceptionTableData::Item::Kind::Default;
    item.call = build.block_call(handler);
    data.items.push_back(item);
    const Value args[] = {x};
    build.try_call(function, args, func.dfg.exception_tables.push(std::move(data)));
    build.switch_to_block(next);
  }
  give(build, x);
  build.switch_to_block(handler);
  give(build, x);
}

// -- other entities

void stack_slots(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  for (u32 i = 0; i < size; ++i) {
    ir::StackSlotData data;
    data.size = 8;
    const ir::StackSlot slot = func.stack_slots.push(data);
    build.store(kTrusted, x, build.stack_addr(ir::kI64, slot, 0), 0);
  }
  give(build, x);
}

ir::StackSlot add_slot(Function& func, u32 size) {
  ir::StackSlotData data;
  data.size = size;
  return func.stack_slots.push(data);
}

// One slot, changed on one side of each branch: a meeting of two values at each.
void slot_over_diamonds(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  const ir::StackSlot slot = add_slot(func, 8);
  for (u32 i = 0; i < size; ++i) {
    const Block side = build.create_block(), next = build.create_block();
    build.brif(x, build.block_call(side), build.block_call(next));
    build.switch_to_block(side);
    const Value address = build.stack_addr(ir::kI64, slot, 0);
    const Value old = build.load(ir::kI64, kTrusted, address, 0);
    build.store(kTrusted, build.iadd(old, x), address, 0);
    go_to(build, next);
    build.switch_to_block(next);
  }
  give(build, build.load(ir::kI64, kTrusted, build.stack_addr(ir::kI64, slot, 0), 0));
}

// Half of the size slots, all live over the other half blocks.
void slots_over_blocks(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  for (u32 i = 0; i < size / 2; ++i) {
    build.store(kTrusted, x, build.stack_addr(ir::kI64, add_slot(func, 8), 0), 0);
  }
  const Block last = build.create_block();
  for (u32 i = 0; i < size / 2; ++i) {
    const Block next = build.create_block();
    build.brif(x, build.block_call(next), build.block_call(last));
    build.switch_to_block(next);
  }
  go_to(build, last);
  build.switch_to_block(last);
  Value total = x;
  for (u32 i = 0; i < size / 2; ++i) {
    const Value address = build.stack_addr(ir::kI64, ir::StackSlot::from_index(i), 0);
    total = build.iadd(total, build.load(ir::kI64, kTrusted, address, 0));
  }
  give(build, total);
}

// Slots that change in the innermost of nested loops.
void slots_in_a_nest(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  std::vector<Block> headers;
  for (u32 i = 0; i < size / 4; ++i) {
    headers.push_back(build.create_block());
    go_to(build, headers.back());
    build.switch_to_block(headers.back());
  }
  for (u32 i = 0; i < size / 4; ++i) {
    const Value address = build.stack_addr(ir::kI64, add_slot(func, 8), 0);
    const Value old = build.load(ir::kI64, kTrusted, address, 0);
    build.store(kTrusted, build.iadd(old, x), address, 0);
  }
  while (!headers.empty()) {
    const Block next = build.create_block();
    build.brif(x, build.block_call(headers.back()), build.block_call(next));
    build.switch_to_block(next);
    headers.pop_back();
  }
  give(build, x);
}

// Half of the fields overlap their neighbour.
void slot_of_fields(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  const ir::StackSlot slot = add_slot(func, size * 8);
  const Value base = build.stack_addr(ir::kI64, slot, 0);
  Value total = x;
  for (u32 i = 0; i < size; ++i) {
    const i32 offset = static_cast<i32>(i * 8);
    build.store(kTrusted, x, base, offset);
    if (i % 4 == 3) build.store(kTrusted, x, base, offset - 4);
    total = build.iadd(total, build.load(ir::kI64, kTrusted, base, offset));
  }
  give(build, total);
}

// Each store is overwritten some stores later.
void stores_in_turn(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  for (u32 i = 0; i < size; ++i) build.store(kTrusted, x, x, static_cast<i32>(i % 24 * 8));
  give(build, x);
}

void global_value_chain(Function& func, u32 size) {
  sign(func, 1, 1);
  func.signature.params[0].purpose = ir::ArgPurpose::VmContext;
  Builder build(func);
  const Block entry = build.create_block();
  build.switch_to_block(entry);
  func.dfg.append_block_param(entry, ir::kI64);
  ir::GlobalValueData data;
  data.kind = ir::GlobalValueData::Kind::VmContext;
  ir::GlobalValue last = func.global_values.push(data);
  for (u32 i = 0; i < size; ++i) {
    ir::GlobalValueData load;
    load.kind = ir::GlobalValueData::Kind::Load;
    load.type = ir::kI64;
    load.base = last;
    load.flags = func.dfg.intern(kTrusted);
    load.offset = 8;
    last = func.global_values.push(load);
  }
  func.stack_limit = last;
  const Value x = build.load(ir::kI64, kTrusted, func.dfg.block_params(entry)[0], 0);
  give(build, x);
}

void source_locations(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = x;
  for (u32 i = 0; i < size; ++i) {
    build.set_source_loc(i * 3);
    at = build.iadd(at, x);
  }
  give(build, at);
}

void traps(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  for (u32 i = 0; i < size; ++i) build.trapz(x, ir::TrapCode{static_cast<u8>(1 + i % 200)});
  give(build, x);
}

// Loops behind each other, each with an invariant of its own.
void loops_in_turn(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = x;
  for (u32 i = 0; i < size / 4; ++i) {
    const Block head = build.create_block(), behind = build.create_block();
    go_to(build, head, {{at}});
    build.switch_to_block(head);
    const Value count = func.dfg.append_block_param(head, ir::kI64);
    const Value invariant = build.imul(x, build.iconst(ir::kI64, 100 + i));
    const Value next = build.isub(count, invariant);
    build.brif(next, build.block_call(head, {{next}}), build.block_call(behind));
    build.switch_to_block(behind);
    at = next;
  }
  give(build, at);
}

// Conditions that all hold at once, on values met again and again.
void checks(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = x;
  for (u32 i = 0; i < size / 4; ++i) {
    const Value limit = build.iconst(ir::kI64, static_cast<i64>(size) * 2 - i);
    build.trapz(build.icmp(IntCC::UnsignedLessThan, i % 2 == 0 ? x : at, limit), ir::TrapCode{1});
    if (i % 8 == 0) at = build.iadd(at, x);
  }
  give(build, at);
}

// Ever new forms of the same value, and of what is computed from it.
void wide_class(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = x;
  for (u32 i = 0; i < size / 4; ++i) {
    const Value up = build.iadd(x, build.iconst(ir::kI64, i));
    const Value same = build.iadd(up, build.iconst(ir::kI64, 1000 - i64{i}));
    const Value masked = build.band(same, build.iconst(ir::kI64, 0xffff));
    at = i % 3 == 0 ? build.bxor(at, masked) : build.isub(masked, at);
  }
  give(build, at);
}

// Every store may be to where the next loads are.
void loads_and_stores(Function& func, u32 size) {
  Builder build(func);
  const Value x = begin(func, build);
  Value at = x;
  for (u32 i = 0; i < size / 4; ++i) {
    const i32 offset = static_cast<i32>(i % 40 * 4);
    const Value loaded = build.load(i % 3 == 0 ? ir::kI32 : ir::kI64, MemFlags(), x, offset);
    if (i % 3 != 0) at = build.iadd(at, loaded);
    build.store(MemFlags(), at, i % 5 == 0 ? at : x, offset);
  }
  give(build, at);
}

// -- bodies

constexpr u32 kMillion = 1000000, kLakh = 100000;
constexpr Shape kShapes[] = {
    {"block chain", kMillion, block_chain},
    {"ladder", kMillion, ladder},
    {"diamonds", kMillion, diamonds},
    {"loop nest", kLakh, loop_nest},
    {"irreducible", kLakh, irreducible},
    {"unreachable blocks", kMillion, unreachable_blocks},
    {"iadd chain", kMillion, iadd_chain},
    {"live at once", kMillion, live_at_once},
    {"live through blocks", kLakh, live_through_blocks},
    {"constants", kLakh, constants},
    {"float constants", kLakh, float_constants},
    {"aliases forward", kLakh, aliases_forward},
    {"aliases backward", kLakh, aliases_backward},
    {"not and negate", kLakh, expression<step_not>},
    {"narrow and widen", kLakh, expression<step_narrow>},
    {"compare", kLakh, expression<step_compare>},
    {"choose", kLakh, expression<step_choose>},
    {"addresses", kLakh, expression<step_address>},
    {"offsets", kLakh, expression<step_offset>},
    {"pointer chase", kLakh, expression<step_load>},
    {"loads and adds", kLakh, expression<step_load_add>},
    {"checked adds", kLakh, expression<step_checked_add>},
    {"divisions", kLakh, expression<step_divide>},
    {"wide products", kLakh, expression<step_wide>},
    {"atomics", kLakh, expression<step_atomic>},
    {"condition tree", kLakh, condition_tree},
    {"wide block params", kLakh, wide_block_params},
    {"rotated block params", kLakh, rotated_block_params},
    {"slot over diamonds", kLakh, slot_over_diamonds},
    {"slots over blocks", kLakh, slots_over_blocks},
    {"slots in a nest", kLakh, slots_in_a_nest},
    {"slot of fields", kLakh, slot_of_fields},
    {"stores in turn", kLakh, stores_in_turn},
    {"table to one block", kLakh, table<false, false>},
    {"table to one block with arguments", kLakh, table<false, true>},
    {"table to many blocks", kLakh, table<true, false>},
    {"table to many blocks with arguments", kLakh, table<true, true>},
    {"calls", kLakh, calls},
    {"call of many arguments", kLakh, many_args},
    {"many parameters", kLakh, many_params},
    {"try calls", kLakh, try_calls},
    {"stack slots", kLakh, stack_slots},
    {"global value chain", kLakh, global_value_chain},
    {"source locations", kLakh, source_locations},
    {"traps", kLakh, traps},
    {"loops in turn", 4 * kLakh, loops_in_turn},
    {"checks", 4 * kLakh, checks},
    {"wide class", 4 * kLakh, wide_class},
    {"loads and stores", 4 * kLakh, loads_and_stores},
};

}  // namespace

std::span<const Shape> shapes() { return kShapes; }

}  // namespace gantry::limits_testing

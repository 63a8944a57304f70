#include "gantry/frontend/function_builder.h"

#include <gtest/gtest.h>

#include <chrono>

#include "gantry/support/hash.h"
#include "gantry/support/limits.h"
#include "gantry/verifier/verifier.h"

namespace gantry::frontend {
namespace {

using ir::Block;
using ir::Function;
using ir::Inst;
using ir::kI32;
using ir::kI64;
using ir::Opcode;
using ir::Value;

std::string verdict(const Function& func) {
  const Result<void> result = verifier::verify(func, {});
  return result ? "" : std::string(result.error().message());
}

u32 count_params(const Function& func) {
  u32 count = 0;
  for (const Block block : func.layout.blocks()) {
    if (block != func.layout.entry())
      count += static_cast<u32>(func.dfg.block_params(block).size());
  }
  return count;
}

struct Random {
  u64 state;
  u32 below(u32 bound) {
    state += 0x9e3779b97f4a7c15u;
    return static_cast<u32>((mix_bits(state) >> 32) * bound >> 32);
  }
};

// ---- random programs: assignments and branches, run as they stand and as the function built from
// them

struct Assignment {
  u32 target, left, right;  // target = left + right, or target = constant if left is kConstant
  u32 constant;
};
constexpr u32 kConstant = ~u32{0};

struct Program {
  u32 num_vars;
  struct Part {
    std::vector<Assignment> code;
    u32 condition;  // variable that decides
    std::vector<u32> successors;
  };
  std::vector<Part> parts;
};

Program random_program(Random& random) {
  Program program{1 + random.below(5), {}};
  program.parts.resize(1 + random.below(12));
  for (Program::Part& part : program.parts) {
    for (u32 i = random.below(5); i > 0; --i) {
      const bool is_constant = random.below(3) == 0;
      part.code.push_back({random.below(program.num_vars),
                           is_constant ? kConstant : random.below(program.num_vars),
                           random.below(program.num_vars), random.below(3)});
    }
    part.condition = random.below(program.num_vars);
    const u32 kind = random.below(8);
    const u32 count = kind == 0 ? 0 : kind < 3 ? 1 : kind < 7 ? 2 : 3;
    for (u32 i = 0; i < count; ++i) {
      // Not to the entry, which may not be a target.
      if (program.parts.size() > 1)
        part.successors.push_back(1 + random.below(static_cast<u32>(program.parts.size()) - 1));
    }
  }
  return program;
}

constexpr u32 kMaxSteps = 200;

// The sums computed, in order.
std::vector<u32> run(const Program& program) {
  std::vector<u32> vars(program.num_vars, 0), trace;
  u32 at = 0;
  for (u32 step = 0; step < kMaxSteps; ++step) {
    const Program::Part& part = program.parts[at];
    for (const Assignment& a : part.code) {
      if (a.left == kConstant) {
        vars[a.target] = a.constant;
      } else {
        trace.push_back(vars[a.target] = vars[a.left] + vars[a.right]);
      }
    }
    const u32 decision = vars[part.condition];
    trace.push_back(decision);
    if (part.successors.empty()) break;
    const usize count = part.successors.size();
    if (count == 1) {
      at = part.successors[0];
    } else if (count == 2) {
      at = part.successors[decision != 0 ? 0 : 1];
    } else {
      at = part.successors[decision < count - 1 ? decision + 1 : 0];
    }
  }
  return trace;
}

// Builds in the order of `order`, sealing as early as possible or all at the end.
void build(const Program& program, FunctionBuilder& builder, Function& func, bool seal_early,
           Random& random) {
  func.clear();
  func.signature.returns = {{kI32}};
  builder.begin(func);
  std::vector<Block> blocks;
  std::vector<Variable> vars;
  std::vector<u32> missing(program.parts.size(), 0);  // branches still to be made
  for (const Program::Part& part : program.parts) {
    blocks.push_back(builder.create_block());
    for (const u32 to : part.successors) ++missing[to];
  }
  for (u32 i = 0; i < program.num_vars; ++i) vars.push_back(builder.declare_var(kI32));
  // The entry first: it is the first of the layout. The others in any order.
  std::vector<u32> order(program.parts.size());
  for (u32 i = 0; i < order.size(); ++i) order[i] = i;
  for (u32 i = 1; i < order.size(); ++i)
    std::swap(order[i], order[1 + random.below(static_cast<u32>(order.size()) - 1)]);
  std::vector<bool> sealed(order.size(), false);
  const auto seal_complete = [&] {
    for (u32 i = 0; i < order.size(); ++i) {
      if (seal_early && !sealed[i] && missing[i] == 0) {
        builder.seal_block(blocks[i]);
        sealed[i] = true;
      }
    }
  };
  for (const u32 number : order) {
    seal_complete();
    builder.switch_to_block(blocks[number]);
    const Program::Part& part = program.parts[number];
    for (const Assignment& a : part.code) {
      const Value value = a.left == kConstant ? builder.ins().iconst(kI32, a.constant)
                                              : builder.ins().iadd(builder.use_var(vars[a.left]),
                                                                   builder.use_var(vars[a.right]));
      builder.def_var(vars[a.target], value);
    }
    const Value decision = builder.use_var(vars[part.condition]);
    const auto call = [&](usize k) { return builder.ins().block_call(blocks[part.successors[k]]); };
    if (part.successors.empty()) {
      builder.ins().return_({{decision}});
    } else if (part.successors.size() == 1) {
      builder.ins().ineg(decision);  // a use that stands for the decision
      builder.ins().jump(call(0));
    } else if (part.successors.size() == 2) {
      builder.ins().brif(decision, call(0), call(1));
    } else {
      ir::JumpTableData table{call(0), {}};
      for (usize k = 1; k < part.successors.size(); ++k) table.entries.push_back(call(k));
      builder.ins().br_table(decision, func.dfg.jump_tables.push(std::move(table)));
    }
    for (const u32 to : part.successors) --missing[to];
  }
  if (!seal_early) builder.seal_all_blocks();
  seal_complete();
  ASSERT_TRUE(builder.finalize().has_value());
}

std::vector<u32> run(const Function& func) {
  const ir::DataFlowGraph& dfg = func.dfg;
  std::vector<u32> values(dfg.num_values(), 0xdeadbeef), trace;
  const auto get = [&](Value value) { return values[dfg.resolve(value).index()]; };
  Block at = *func.layout.entry();
  for (u32 step = 0; step < kMaxSteps; ++step) {
    std::optional<ir::BlockCall> next;
    for (const Inst inst : func.layout.insts(at)) {
      const std::span<const Value> args = dfg.args(inst);
      switch (dfg.opcode(inst)) {
        case Opcode::Iconst:
          values[dfg.first_result(inst).index()] = static_cast<u32>(dfg[inst].wide());
          break;
        case Opcode::Iadd:
          trace.push_back(values[dfg.first_result(inst).index()] = get(args[0]) + get(args[1]));
          break;
        case Opcode::Ineg:
          trace.push_back(get(args[0]));
          break;
        case Opcode::Return:
          trace.push_back(get(args[0]));
          return trace;
        case Opcode::Jump:
          next = dfg[inst].block_call(1);
          break;
        case Opcode::Brif:
          trace.push_back(get(args[0]));
          next = dfg[inst].block_call(get(args[0]) != 0 ? 1 : 2);
          break;
        case Opcode::BrTable: {
          const ir::JumpTableData& table =
              dfg.jump_tables[ir::JumpTable::from_index(dfg[inst].words[1])];
          trace.push_back(get(args[0]));
          next = get(args[0]) < table.entries.size() ? table.entries[get(args[0])]
                                                     : table.default_call;
          break;
        }
        default:
          ADD_FAILURE() << "opcode";
          return trace;
      }
    }
    std::vector<u32> passed;
    for (const Value encoded : next->args(dfg.lists()))
      passed.push_back(get(ir::BlockArg::decoded(encoded).as_value()));
    at = next->block(dfg.lists());
    const std::span<const Value> params = dfg.block_params(at);
    for (usize i = 0; i < params.size(); ++i) values[params[i].index()] = passed[i];
  }
  return trace;
}

TEST(FunctionBuilder, random_programs_keep_their_meaning) {
  Random random{7};
  FunctionBuilder builder;
  Function func;
  for (u32 round = 0; round < 6000; ++round) {
    const Program program = random_program(random);
    build(program, builder, func, round % 2 == 0, random);
    ASSERT_EQ(verdict(func), "") << "round " << round;
    ASSERT_EQ(run(program), run(func)) << "round " << round;
  }
}

// ---- shape

TEST(FunctionBuilder, a_diamond_gets_one_parameter) {
  Function func;
  func.signature = {{{kI32}}, {{kI32}}, ir::CallConv::Fast};
  FunctionBuilder builder(func);
  const Block entry = builder.create_block(), left = builder.create_block(),
              right = builder.create_block(), join = builder.create_block();
  builder.append_block_params_for_function_params(entry);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  const Variable x = builder.declare_var(kI32), same = builder.declare_var(kI32);
  const Value param = func.dfg.block_params(entry)[0];
  builder.def_var(same, param);
  builder.ins().brif(param, builder.ins().block_call(left), builder.ins().block_call(right));
  builder.seal_block(left);
  builder.seal_block(right);
  builder.switch_to_block(left);
  builder.def_var(x, builder.ins().iconst(kI32, 1));
  builder.ins().jump(builder.ins().block_call(join));
  builder.switch_to_block(right);
  builder.def_var(x, builder.ins().iconst(kI32, 2));
  builder.ins().jump(builder.ins().block_call(join));
  builder.seal_block(join);
  builder.switch_to_block(join);
  EXPECT_FALSE(builder.is_unreachable());
  EXPECT_EQ(builder.use_var(same), param);
  builder.ins().return_({{builder.use_var(x)}});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(func), "");
  EXPECT_EQ(count_params(func), 1u);
}

TEST(FunctionBuilder, a_loop_keeps_only_what_it_changes) {
  Function func;
  func.signature = {{{kI32}}, {{kI32}}, ir::CallConv::Fast};
  FunctionBuilder builder(func);
  const Block entry = builder.create_block(), head = builder.create_block(),
              body = builder.create_block(), exit = builder.create_block();
  builder.append_block_params_for_function_params(entry);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  const Variable counter = builder.declare_var(kI32), fixed = builder.declare_var(kI32);
  builder.def_var(counter, func.dfg.block_params(entry)[0]);
  builder.def_var(fixed, func.dfg.block_params(entry)[0]);
  builder.ins().jump(builder.ins().block_call(head));
  builder.switch_to_block(head);  // not sealed: the loop's end is not there yet
  builder.ins().brif(builder.use_var(counter), builder.ins().block_call(body),
                     builder.ins().block_call(exit));
  builder.seal_block(body);
  builder.seal_block(exit);
  builder.switch_to_block(body);
  builder.def_var(counter, builder.ins().isub(builder.use_var(counter), builder.use_var(fixed)));
  builder.ins().jump(builder.ins().block_call(head));
  builder.seal_block(head);
  builder.switch_to_block(exit);
  builder.ins().return_({{builder.use_var(fixed)}});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(func), "");
  EXPECT_EQ(count_params(func), 1u);
}

TEST(FunctionBuilder, undefined_variables_of_every_type_are_zero) {
  Function func;
  FunctionBuilder builder(func);
  const Block entry = builder.create_block();
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  for (const char* name : {"i8", "i16", "i32", "i64", "i128", "f16", "f32", "f64", "f128", "i8x16",
                           "f32x4", "i64x4"}) {
    const ir::Type type = ir::type_from_name(name);
    EXPECT_EQ(func.dfg.type(builder.use_var(builder.declare_var(type))), type);
  }
  builder.use_var(builder.declare_var(kI32.by(4).dynamic()));
  builder.ins().return_({});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(func), "");
}

TEST(FunctionBuilder, rings_that_nothing_enters) {
  Function func;
  FunctionBuilder builder(func);
  const Block entry = builder.create_block(), a = builder.create_block(),
              b = builder.create_block();
  const Variable x = builder.declare_var(kI64);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  builder.ins().return_({});
  builder.switch_to_block(a);
  builder.ins().jump(builder.ins().block_call(b));
  builder.switch_to_block(b);
  builder.ins().jump(builder.ins().block_call(a));
  builder.seal_all_blocks();
  const Block c = builder.create_block();
  builder.switch_to_block(c);
  builder.seal_block(c);
  EXPECT_TRUE(builder.is_unreachable());
  builder.use_var(x);
  builder.ins().return_({});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(func), "");
}

// ---- stack maps

struct Calls {
  Function func;
  FunctionBuilder builder;
  ir::FuncRef callee = ir::FuncRef::from_index(0);
  explicit Calls(ir::CallConv call_conv = ir::CallConv::SystemV) {
    func.signature = {{{kI64}}, {{kI64}}, call_conv};
    const ir::SigRef signature = func.dfg.signatures.push({{{kI64}}, {{kI64}}, call_conv});
    callee = func.dfg.ext_funcs.push({func.intern_user_name({0, 1}), signature, false, false});
    builder.begin(func);
  }
  u32 count(Opcode op) const {
    u32 found = 0;
    for (const Block block : func.layout.blocks()) {
      for (const Inst inst : func.layout.insts(block)) found += func.dfg.opcode(inst) == op;
    }
    return found;
  }
};

TEST(StackMaps, a_value_live_across_calls_is_spilled_once_and_reloaded) {
  Calls calls;
  FunctionBuilder& builder = calls.builder;
  const Block entry = builder.create_block();
  builder.append_block_params_for_function_params(entry);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  const Value object = calls.func.dfg.block_params(entry)[0];
  builder.declare_value_needs_stack_map(object);
  const Inst first = builder.ins().call(calls.callee, {{object}});
  const Inst second = builder.ins().call(calls.callee, {{object}});
  const Inst last = builder.ins().call(calls.callee, {{object}});
  const Value sum =
      builder.ins().iadd(calls.func.dfg.first_result(second), calls.func.dfg.first_result(last));
  builder.ins().return_({{sum}});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(calls.func), "");
  EXPECT_EQ(calls.func.stack_map(first).size(), 1u);
  EXPECT_EQ(calls.func.stack_map(second).size(), 1u);
  EXPECT_EQ(calls.func.stack_map(last).size(), 0u);  // the object is not needed behind it
  EXPECT_EQ(calls.count(Opcode::Store), 1u);
  EXPECT_EQ(calls.count(Opcode::Load), 2u);
  EXPECT_EQ(calls.func.dfg.args(first)[0], object);
  EXPECT_NE(calls.func.dfg.args(second)[0], object);
  EXPECT_NE(calls.func.dfg.args(last)[0], calls.func.dfg.args(second)[0]);
}

TEST(StackMaps, nothing_happens_without_a_call_between) {
  Calls calls;
  FunctionBuilder& builder = calls.builder;
  const Block entry = builder.create_block();
  builder.append_block_params_for_function_params(entry);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  const Value object = calls.func.dfg.block_params(entry)[0];
  builder.declare_value_needs_stack_map(object);
  const Inst call = builder.ins().call(calls.callee, {{object}});
  builder.declare_value_needs_stack_map(calls.func.dfg.first_result(call));
  builder.ins().return_({{calls.func.dfg.first_result(call)}});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(calls.func.stack_slots.size(), 0u);
  EXPECT_EQ(calls.func.dfg.num_insts(), 2u);
}

TEST(StackMaps, a_variable_around_a_loop_with_a_call) {
  Calls calls;
  FunctionBuilder& builder = calls.builder;
  const Block entry = builder.create_block(), loop = builder.create_block(),
              exit = builder.create_block();
  const Variable object = builder.declare_var(kI64), kept = builder.declare_var(kI64);
  builder.declare_var_needs_stack_map(object);
  builder.declare_var_needs_stack_map(kept);
  builder.append_block_params_for_function_params(entry);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  builder.def_var(object, calls.func.dfg.block_params(entry)[0]);
  builder.def_var(kept, calls.func.dfg.block_params(entry)[0]);
  builder.ins().jump(builder.ins().block_call(loop));
  builder.switch_to_block(loop);
  const Value used = builder.use_var(object);
  const Inst call = builder.ins().call(calls.callee, {{used}});
  builder.def_var(object, calls.func.dfg.first_result(call));
  builder.ins().brif(builder.use_var(object), builder.ins().block_call(loop),
                     builder.ins().block_call(exit));
  builder.seal_block(loop);
  builder.seal_block(exit);
  builder.switch_to_block(exit);
  builder.ins().return_({{builder.use_var(kept)}});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(calls.func), "");
  EXPECT_EQ(calls.func.stack_map(call).size(), 1u);  // kept; the object dies as the argument
  EXPECT_EQ(calls.count(Opcode::Store), 1u);
  EXPECT_EQ(calls.count(Opcode::Load), 1u);
}

TEST(StackMaps, what_a_try_call_hands_on_is_reloaded_on_the_edge) {
  Calls calls;
  FunctionBuilder& builder = calls.builder;
  ir::DataFlowGraph& dfg = calls.func.dfg;
  const Block entry = builder.create_block(), normal = builder.create_block(),
              handler = builder.create_block();
  builder.append_block_params_for_function_params(entry);
  const Value result = builder.append_block_param(normal, kI64),
              object_then = builder.append_block_param(normal, kI64);
  const Value payload = builder.append_block_param(handler, kI64);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  const Value object = dfg.block_params(entry)[0];
  builder.declare_value_needs_stack_map(object);
  ir::ExceptionTableData table;
  table.signature = dfg.ext_funcs[calls.callee].signature;
  table.normal_return = ir::BlockCall::make(normal, dfg.lists());
  table.normal_return.push(ir::BlockArg::try_return(0), dfg.lists());
  table.normal_return.push(ir::BlockArg::value(object), dfg.lists());
  ir::BlockCall caught = ir::BlockCall::make(handler, dfg.lists());
  caught.push(ir::BlockArg::try_exception(0), dfg.lists());
  table.items.push_back({ir::ExceptionTableData::Item::Kind::Default, {}, caught, {}});
  const Inst call =
      builder.ins().try_call(calls.callee, {{object}}, dfg.exception_tables.push(std::move(table)));
  builder.seal_block(normal);
  builder.seal_block(handler);
  builder.switch_to_block(normal);
  builder.ins().return_({{builder.ins().iadd(result, object_then)}});
  builder.switch_to_block(handler);
  builder.ins().return_({{payload}});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(calls.func), "");
  EXPECT_EQ(calls.func.stack_map(call).size(), 1u);
  EXPECT_EQ(calls.count(Opcode::Load), 1u);
  EXPECT_EQ(dfg.num_blocks(), 4u);
}

TEST(StackMaps, values_without_a_slot_are_refused) {
  Calls calls;
  FunctionBuilder& builder = calls.builder;
  const Block entry = builder.create_block();
  builder.append_block_params_for_function_params(entry);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  const Variable wide = builder.declare_var(kI64.by(4));
  builder.declare_value_needs_stack_map(builder.use_var(wide));
  builder.ins().return_({{calls.func.dfg.block_params(entry)[0]}});
  const Result<void> result = builder.finalize();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind(), ErrorKind::Unsupported);
}

TEST(FunctionBuilder, too_many_parameters_are_an_error) {
  Function func;
  FunctionBuilder builder(func);
  const Block entry = builder.create_block(), loop = builder.create_block();
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  builder.ins().jump(builder.ins().block_call(loop));
  builder.switch_to_block(loop);
  for (u64 i = 0; i <= limits::kMaxBlockParams.value; ++i)
    builder.use_var(builder.declare_var(kI32));
  builder.ins().jump(builder.ins().block_call(loop));
  builder.seal_block(loop);
  const Result<void> result = builder.finalize();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind(), ErrorKind::LimitExceeded);
}

TEST(FunctionBuilderDeathTest, breaking_the_order_fails_a_check) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto with_entry = [](auto&& misuse) {
    Function func;
    FunctionBuilder builder(func);
    const Block entry = builder.create_block();
    builder.switch_to_block(entry);
    misuse(builder, entry);
  };
  EXPECT_DEATH(with_entry([](FunctionBuilder& builder, Block) {
                 builder.ins().return_({});
                 builder.ins().return_({});
               }),
               "is_filled");
  EXPECT_DEATH(with_entry([](FunctionBuilder& builder, Block) { (void)builder.finalize(); }),
               "is_filled");
  EXPECT_DEATH(with_entry([](FunctionBuilder& builder, Block) {
                 builder.ins().return_({});
                 (void)builder.finalize();
               }),
               "is_sealed");
  EXPECT_DEATH(with_entry([](FunctionBuilder& builder, Block entry) {
                 builder.seal_block(entry);
                 builder.seal_block(entry);
               }),
               "is_sealed");
  EXPECT_DEATH(with_entry([](FunctionBuilder& builder, Block) {
                 builder.def_var(builder.declare_var(kI64), builder.ins().iconst(kI32, 1));
               }),
               "type");
}

// ---- size

double build_shape(u32 count, u32 shape) {
  const auto start = std::chrono::steady_clock::now();
  Function func;
  func.signature = {{{kI32}}, {{kI32}}, ir::CallConv::Fast};
  FunctionBuilder builder(func);
  const Variable x = builder.declare_var(kI32), y = builder.declare_var(kI32);
  std::vector<Block> blocks;
  for (u32 i = 0; i < count; ++i) blocks.push_back(builder.create_block());
  builder.append_block_params_for_function_params(blocks[0]);
  builder.switch_to_block(blocks[0]);
  const Value param = func.dfg.block_params(blocks[0])[0];
  builder.def_var(x, param);
  builder.def_var(y, param);
  const bool seal_late = shape >= 2;
  for (u32 i = 0; i < count; ++i) {
    if (i != 0) builder.switch_to_block(blocks[i]);
    if (!seal_late) builder.seal_block(blocks[i]);
    const auto call = [&](u32 to) { return builder.ins().block_call(blocks[to]); };
    if (i + 3 >= count) {
      builder.ins().return_({{builder.use_var(x)}});
    } else if (shape % 2 == 0) {  // chain; the last three all return
      builder.ins().jump(call(i + 1));
    } else {  // ladder
      if (i % 3 == 1) builder.def_var(y, builder.ins().iadd(param, param));
      builder.ins().brif(param, call((i | 1) + 1), call((i | 1) + 2));
    }
  }
  if (seal_late) builder.seal_all_blocks();
  EXPECT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(func), "");
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TEST(FunctionBuilder, a_million_blocks) {
  for (u32 shape = 0; shape < 4; ++shape) {
    EXPECT_LT(build_shape(100'000, shape), 10) << shape;
    EXPECT_LT(build_shape(1'000'000, shape), 60) << shape;
  }
}

TEST(FunctionBuilder, a_million_values_in_a_block) {
  Function func;
  func.signature = {{{kI32}}, {{kI32}}, ir::CallConv::Fast};
  FunctionBuilder builder(func);
  const Block entry = builder.create_block();
  builder.append_block_params_for_function_params(entry);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  const Variable x = builder.declare_var(kI32);
  builder.def_var(x, func.dfg.block_params(entry)[0]);
  for (u32 i = 0; i < 1'000'000; ++i)
    builder.def_var(x, builder.ins().iadd(builder.use_var(x), builder.use_var(x)));
  builder.ins().return_({{builder.use_var(x)}});
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(func), "");
}

// Many variables through an open loop header of which every second changes: parameters leave and
// stay in turn.
TEST(FunctionBuilder, a_hundred_thousand_variables_in_a_loop) {
  constexpr u32 kCount = 100'000;
  Function func;
  func.signature.params = {{kI32}};
  FunctionBuilder builder(func);
  const Block entry = builder.create_block(), loop = builder.create_block();
  builder.append_block_params_for_function_params(entry);
  builder.seal_block(entry);
  builder.switch_to_block(entry);
  const Value param = func.dfg.block_params(entry)[0];
  std::vector<Variable> vars;
  for (u32 i = 0; i < kCount; ++i) {
    vars.push_back(builder.declare_var(kI32));
    builder.def_var(vars[i], param);
  }
  builder.ins().jump(builder.ins().block_call(loop));
  builder.switch_to_block(loop);
  for (u32 i = 0; i < kCount; ++i) {
    const Value value = builder.use_var(vars[i]);
    if (i % 2 == 0) builder.def_var(vars[i], builder.ins().iadd(value, value));
  }
  builder.ins().jump(builder.ins().block_call(loop));
  builder.seal_block(loop);
  ASSERT_TRUE(builder.finalize().has_value());
  EXPECT_EQ(verdict(func), "");
  EXPECT_EQ(count_params(func), kCount / 2);
}

}  // namespace
}  // namespace gantry::frontend

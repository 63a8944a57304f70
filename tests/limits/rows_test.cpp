// The rows of support/limits.h that compiling hits: each refused by name, one step below accepted.
#include <gtest/gtest.h>

#include <memory>

#include "gantry/codegen/compile.h"
#include "gantry/frontend/function_builder.h"
#include "gantry/isa/lookup.h"
#include "gantry/machinst/mach_buffer.h"
#include "gantry/regalloc/allocate.h"
#include "gantry/support/limits.h"

namespace gantry::limits_testing {
namespace {

std::unique_ptr<target::TargetIsa> make_isa() {
  Result<target::TargetSpec> spec = target::parse_target("x86_64", target::Flags());
  EXPECT_TRUE(spec.has_value());
  Result<target::TargetIsa*> isa = isa::lookup(*spec);
  EXPECT_TRUE(isa.has_value());
  return std::unique_ptr<target::TargetIsa>(*isa);
}

// Empty if it compiles; `limit NAME` if the limit was hit and the message starts with its name;
// else what was said.
std::string compiled(ir::Function& func, const limits::Limit& limit) {
  Session session;
  const std::unique_ptr<target::TargetIsa> isa = make_isa();
  const Result<target::CompiledCode> code = codegen::compile(func, *isa, session);
  if (code.has_value()) return "";
  const std::string message(code.error().message());
  if (code.error().kind() != ErrorKind::LimitExceeded || !message.starts_with(limit.name))
    return message;
  return "limit " + std::string(limit.name);
}

void add_entry(ir::Function& func, ir::Builder& build) {
  const ir::Block entry = build.create_block();
  build.switch_to_block(entry);
  for (const ir::AbiParam& param : func.signature.params)
    func.dfg.append_block_param(entry, param.type);
}

std::string compile_with_slots(std::initializer_list<u32> sizes, u8 align_log2 = 0) {
  ir::Function func;
  func.signature.call_conv = ir::CallConv::SystemV;
  ir::Builder build(func);
  add_entry(func, build);
  for (const u32 size : sizes) {
    ir::StackSlotData slot;
    slot.size = size;
    slot.align_log2 = align_log2;
    func.stack_slots.push(slot);
  }
  build.return_({});
  return compiled(func, limits::kMaxFrameBytes);
}

TEST(Limits, frame_bytes) {
  const u32 most = static_cast<u32>(limits::kMaxFrameBytes.value);
  const std::string refused = "limit max-frame-bytes";
  EXPECT_EQ(compile_with_slots({most}), "");
  EXPECT_EQ(compile_with_slots({most - 16, 16}), "");
  EXPECT_EQ(compile_with_slots({most + 1}), refused);
  EXPECT_EQ(compile_with_slots({most, 1}), refused);
  EXPECT_EQ(compile_with_slots({~u32{0}}), refused);
  EXPECT_EQ(compile_with_slots({~u32{0}, ~u32{0}, ~u32{0}, ~u32{0}}), refused);
  EXPECT_EQ(compile_with_slots({most / 2, 1}, 30), refused);
}

// Arguments of a call, and parameters of the function itself.
std::string compile_with_struct_arg(u32 bytes, bool as_own_param) {
  ir::Function func;
  func.signature.call_conv = ir::CallConv::SystemV;
  func.signature.params.push_back({ir::kI64});
  ir::AbiParam large{ir::kI64};
  large.purpose = ir::ArgPurpose::StructArg;
  large.struct_size = bytes;
  if (as_own_param) func.signature.params.push_back(large);
  ir::Builder build(func);
  add_entry(func, build);
  if (!as_own_param) {
    ir::Signature signature;
    signature.call_conv = ir::CallConv::SystemV;
    signature.params.push_back(large);
    ir::ExtFuncData data;
    data.name = func.intern_user_name({0, 0});
    data.signature = func.dfg.signatures.push(std::move(signature));
    const ir::Value args[] = {func.dfg.block_params(build.current_block())[0]};
    build.call(func.dfg.ext_funcs.push(data), args);
  }
  build.return_({});
  return compiled(func, limits::kMaxArgAreaBytes);
}

TEST(Limits, argument_area_bytes) {
  const u32 most = static_cast<u32>(limits::kMaxArgAreaBytes.value);
  for (const bool own : {false, true}) {
    EXPECT_NE(compile_with_struct_arg(most, own), "limit max-arg-area-bytes") << own;
    EXPECT_EQ(compile_with_struct_arg(most + 8, own), "limit max-arg-area-bytes") << own;
    EXPECT_EQ(compile_with_struct_arg(~u32{7}, own), "limit max-arg-area-bytes") << own;
  }
}

TEST(Limits, virtual_registers) {
  regalloc::Allocator allocator;
  regalloc::Input input;
  input.num_vregs = static_cast<u32>(limits::kMaxVRegs.value) + 1;
  const Result<regalloc::Output> made = allocator.allocate(input, regalloc::MachineEnv());
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().kind(), ErrorKind::LimitExceeded);
  EXPECT_TRUE(made.error().message().starts_with(limits::kMaxVRegs.name));
}

// A variable that is assigned in every arm makes a parameter where the arms meet; more variables
// than a block may have parameters end in an error, not in a check.
TEST(Limits, block_parameters_made_by_the_frontend) {
  for (const u32 extra : {0, 2}) {
    ir::Function func;
    func.signature.params.push_back({ir::kI8});
    frontend::FunctionBuilder build(func);
    const u32 count = static_cast<u32>(limits::kMaxBlockParams.value) + extra;
    const ir::Block entry = build.create_block(), loop = build.create_block(),
                    done = build.create_block();
    build.append_block_params_for_function_params(entry);
    build.switch_to_block(entry);
    build.seal_block(entry);
    std::vector<frontend::Variable> variables;
    const ir::Value one = build.ins().iconst(ir::kI8, 1);
    for (u32 i = 0; i < count; ++i) {
      variables.push_back(build.declare_var(ir::kI8));
      build.def_var(variables.back(), one);
    }
    build.ins().jump(build.ins().block_call(loop));
    build.switch_to_block(loop);
    const ir::Value two = build.ins().iconst(ir::kI8, 2);
    for (const frontend::Variable variable : variables) {
      (void)build.use_var(variable);
      build.def_var(variable, two);
    }
    build.ins().brif(two, build.ins().block_call(loop), build.ins().block_call(done));
    build.switch_to_block(done);
    build.ins().return_({});
    build.seal_all_blocks();
    const Result<void> made = build.finalize();
    EXPECT_EQ(made.has_value(), extra == 0);
    if (!made.has_value()) {
      EXPECT_EQ(made.error().kind(), ErrorKind::LimitExceeded);
      EXPECT_TRUE(made.error().message().starts_with(limits::kMaxBlockParams.name));
    }
  }
}

TEST(Limits, every_row_names_its_test) {
  for (const limits::Limit* const limit : limits::kAll) {
    EXPECT_FALSE(limit->name.empty());
    EXPECT_FALSE(limit->tested_by.empty()) << limit->name;
    for (const limits::Limit* const other : limits::kAll)
      EXPECT_TRUE(limit == other || limit->name != other->name);
  }
}

}  // namespace
}  // namespace gantry::limits_testing

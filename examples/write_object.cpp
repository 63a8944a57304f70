// Writes an ELF object with a function `squares` for C to call: void squares(long* out, long
// count). It fills out[0..count) with squares and reports the sum to the C function `report`, which
// the object imports.
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "gantry/codegen/compile.h"
#include "gantry/frontend/function_builder.h"
#include "gantry/isa/lookup.h"
#include "gantry/object/elf.h"

namespace {

using namespace gantry;  // NOLINT: an example

Result<void> build_squares(ir::Function& func, ir::CallConv call_conv) {
  func.signature.call_conv = call_conv;
  func.signature.params = {{ir::kI64}, {ir::kI64}};

  // What is called is declared in the function; user name 0:0 is given a symbol in write() below.
  ir::Signature report_signature;
  report_signature.call_conv = call_conv;
  report_signature.params.push_back({ir::kI64});
  ir::ExtFuncData report_data;
  report_data.name = func.intern_user_name({0, 0});
  report_data.signature = func.dfg.signatures.push(std::move(report_signature));
  const ir::FuncRef report = func.dfg.ext_funcs.push(report_data);

  frontend::FunctionBuilder builder(func);
  const frontend::Variable index = builder.declare_var(ir::kI64),
                           sum = builder.declare_var(ir::kI64),
                           place = builder.declare_var(ir::kI64);
  const ir::Block entry = builder.create_block(), head = builder.create_block(),
                  body = builder.create_block(), done = builder.create_block();
  const auto go_to = [&](ir::Block block) { return builder.ins().block_call(block); };

  builder.append_block_params_for_function_params(entry);
  builder.switch_to_block(entry);
  builder.seal_block(entry);
  const ir::Value count = func.dfg.block_params(entry)[1];
  builder.def_var(place, func.dfg.block_params(entry)[0]);
  builder.def_var(index, builder.ins().iconst(ir::kI64, 0));
  builder.def_var(sum, builder.ins().iconst(ir::kI64, 0));
  builder.ins().jump(go_to(head));

  builder.switch_to_block(head);
  builder.ins().brif(builder.ins().icmp(ir::IntCC::SignedLessThan, builder.use_var(index), count),
                     go_to(body), go_to(done));

  builder.switch_to_block(body);
  builder.seal_block(body);
  const ir::Value next = builder.ins().iadd_imm_s(builder.use_var(index), 1);
  const ir::Value square = builder.ins().imul(next, next);
  builder.ins().store(ir::MemFlags(), square, builder.use_var(place), 0);
  builder.def_var(sum, builder.ins().iadd(builder.use_var(sum), square));
  builder.def_var(place, builder.ins().iadd_imm_s(builder.use_var(place), 8));
  builder.def_var(index, next);
  builder.ins().jump(go_to(head));
  builder.seal_block(head);

  builder.switch_to_block(done);
  builder.seal_block(done);
  const ir::Value total[] = {builder.use_var(sum)};
  builder.ins().call(report, total);
  builder.ins().return_({});
  return builder.finalize();
}

Result<void> write(const char* path) {
  target::Flags flags;
  GANTRY_TRY(flags.enable("is_pic"));  // calls may go through the procedure linkage table
  GANTRY_TRY_ASSIGN(const target::TargetSpec spec,
                    target::parse_target("x86_64-unknown-linux-gnu", flags));
  GANTRY_TRY_ASSIGN(target::TargetIsa * made, isa::lookup(spec));
  const std::unique_ptr<target::TargetIsa> isa(made);

  ir::Function func;
  GANTRY_TRY(build_squares(func, isa->default_call_conv()));
  Session session;
  GANTRY_TRY_ASSIGN(target::CompiledCode code, codegen::compile(func, *isa, session));

  module::Module module;
  GANTRY_TRY_ASSIGN(const module::Symbol squares,
                    module.declare_function("squares", module::Linkage::Export));
  GANTRY_TRY_ASSIGN(const module::Symbol report,
                    module.declare_function("report", module::Linkage::Import));
  // `report` is the only name the function has.
  GANTRY_TRY(
      module.define_function(squares, std::move(code),
                             [&](ir::ExternalName) -> Result<module::Symbol> { return report; }));

  object::ElfX86_64Writer writer({.file_name = "squares"});
  GANTRY_TRY_ASSIGN(const std::vector<u8> bytes, writer.write(module));
  std::FILE* const file = std::fopen(path, "wb");
  if (file == nullptr) return Error(ErrorKind::Io, "cannot open the output file");
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (std::fclose(file) != 0 || !written)
    return Error(ErrorKind::Io, "cannot write the output file");
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_object FILE.o\n");
    return 2;
  }
  const Result<void> written = write(argv[1]);
  if (written.has_value()) return 0;
  std::fprintf(stderr, "error: %.*s\n", static_cast<int>(written.error().message().size()),
               written.error().message().data());
  return 1;
}

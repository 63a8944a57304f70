#pragma once
// What one verification knows, and the steps it is made of. Each step may assume that those before
// it found nothing they call broken (see Verifier::verify).
#include <span>
#include <string>
#include <vector>

#include "gantry/analysis/flow.h"
#include "gantry/verifier/verifier.h"

namespace gantry::verifier {

// The instruction as text, whatever its operands are: numbers out of range are written as they
// stand.
std::string inst_text(const ir::Function& func, ir::Inst inst);
std::string type_text(ir::Type type);
std::string hex_text(u64 number);
// Whether the code is that of a type: the accessors of Type assume it.
bool is_well_formed(ir::Type type);
std::string_view name_of(ir::CallConv call_conv);

inline Location at(ir::Inst inst) { return {Location::Kind::Inst, inst.index()}; }
inline Location at(ir::Block block) { return {Location::Kind::Block, block.index()}; }
inline Location at(ir::GlobalValue value) { return {Location::Kind::GlobalValue, value.index()}; }

struct Verifier::State {
  const ir::Function* func_ptr = nullptr;
  Environment environment;
  std::vector<Finding>* findings = nullptr;
  u32 num_reported = 0;

  analysis::ControlFlow flow;
  analysis::DominatorTree tree;
  std::vector<u32> position;  // by instruction: place in the layout order
  std::vector<u32> resolved;  // by value: what an alias stands for, ~0 if not yet known
  std::vector<u32> path;      // scratch of resolve()
  std::vector<u8> marks;      // scratch, by global value
  std::vector<u32> scratch;
  std::vector<u8> reported_signatures;

  const ir::Function& func() const { return *func_ptr; }
  const ir::DataFlowGraph& dfg() const { return func_ptr->dfg; }
  bool is_full() const { return num_reported >= kMaxFindings; }

  template <class... Pieces>
  void report(Location where, const Pieces&... pieces) {
    if (is_full()) return;
    TextWriter message;
    message.put(pieces...);
    add_finding(where, static_cast<TextWriter&&>(message).take());
  }
  void add_finding(Location where, std::string message);

  // Whether the handle is that of a list within the pool.
  bool list_is_valid(u32 raw) const;
  // What the value stands for; itself unless it is an alias.
  ir::Value resolve(ir::Value value);
  ir::Type type_of(ir::Value value) { return dfg().type(resolve(value)); }

  // -- preamble.cpp: what a function declares. False if something refers to what does not exist.
  bool check_preamble();
  bool check_signatures();
  void check_signature(const ir::Signature& signature, Location where);
  bool check_global_values();
  void check_global_value_cycles();
  ir::Type global_value_type(ir::GlobalValue value) const;
  bool check_slots();
  void check_alias_regions();
  bool check_external_name(ir::ExternalName name, Location where);

  // -- structure.cpp: blocks, terminators, and that every number names something. False if not.
  bool check_structure();
  bool check_block(ir::Block block, u32& num_insts);
  bool check_operands(ir::Inst inst);
  bool check_block_call(ir::Inst inst, ir::BlockCall call);
  bool check_value(ir::Inst inst, ir::Value value);
  bool check_func_ref(ir::Inst inst, u32 index);
  bool check_sig_ref(ir::Inst inst, u32 index);

  // -- flow
  void check_entry();
  void check_dominance(ir::Inst inst, ir::Block block);
  void check_use(ir::Inst inst, ir::Block block, ir::Value value);

  // -- instructions.cpp: types and the rules of single opcodes.
  void check_inst(ir::Inst inst);
  void check_operand_types(ir::Inst inst);
  void check_memory(ir::Inst inst);
  void check_immediates(ir::Inst inst);
  void check_call(ir::Inst inst);
  void check_return_call(ir::Inst inst, const ir::Signature& callee);
  void check_try_call(ir::Inst inst, const ir::Signature& callee);
  void check_return(ir::Inst inst);
  void check_branch(ir::Inst inst);
  void check_block_args(ir::Inst inst, ir::BlockCall call, std::span<const ir::AbiParam> returned,
                        bool is_normal, u32 exception_words);
  void check_result_types(ir::Inst inst, std::span<const ir::AbiParam> expected);
  void check_side_facts(ir::Inst inst);
};

}  // namespace gantry::verifier

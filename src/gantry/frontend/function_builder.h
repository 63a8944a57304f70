#pragma once
// Builds functions from programs that assign variables: keeps track of which value a variable has
// where, and makes block parameters where values meet (Braun et al., "Simple and efficient
// construction of SSA form", 2013).
#include <optional>
#include <span>
#include <vector>

#include "gantry/ir/builder.h"
#include "gantry/support/result.h"

namespace gantry::frontend {

GANTRY_ENTITY(Variable, "var");

// Order of use for a block: create_block, (append parameters), switch_to_block, instructions up to
// one terminator, and seal_block as soon as no more branches to it will be made. Sealing early
// makes fewer parameters. Breaking the order is a bug of the caller and fails a check. One builder
// serves many functions: begin() starts the next one and keeps the memory.
class FunctionBuilder {
 public:
  FunctionBuilder() = default;
  explicit FunctionBuilder(ir::Function& func) { begin(func); }
  FunctionBuilder(const FunctionBuilder&) = delete;
  FunctionBuilder& operator=(const FunctionBuilder&) = delete;

  // Starts on an empty function whose signature is set.
  void begin(ir::Function& func);
  ir::Function& func() { return *func_; }
  // Appends instructions to the current block, which must not have its terminator yet.
  ir::Builder& ins();

  // -- blocks
  ir::Block create_block();
  // The block that was current must have its terminator, this one must not be filled.
  void switch_to_block(ir::Block block);
  ir::Block current_block() const;
  // Whether the current block has its terminator.
  bool is_filled() const;
  // Parameters made by the caller. Not on blocks that have been switched to and have used
  // variables.
  ir::Value append_block_param(ir::Block block, ir::Type type);
  // Gives the entry block the parameters of the signature.
  void append_block_params_for_function_params(ir::Block block);
  // Promises that all branches to `block` exist.
  void seal_block(ir::Block block);
  // The same for all blocks that are not sealed. For programs whose flow is known only at the end.
  void seal_all_blocks();
  // Whether no branch leads to the current block and none can any more (and it is not the entry).
  bool is_unreachable() const;

  // -- variables
  Variable declare_var(ir::Type type);
  ir::Type var_type(Variable variable) const { return var_types_[variable.index()]; }
  void def_var(Variable variable, ir::Value value);
  // The value at the end of the current block. A variable without definition on some path is zero
  // there.
  ir::Value use_var(Variable variable);

  // -- garbage collected values: in the stack map of each call across which they are live
  // (finalize() spills them to stack slots, where the collector may change them, and reloads them
  // behind the call)
  void declare_value_needs_stack_map(ir::Value value);
  void declare_var_needs_stack_map(Variable variable);

  // Ends the function (`pointer_type` is that of the slots' addresses): checks that every block is
  // sealed and filled, inserts spills and reloads. Errors are about the program: limits, and uses
  // of stack map values that cannot be kept (kind Unsupported).
  Result<void> finalize(ir::Type pointer_type = ir::kI64);

 private:
  static constexpr u32 kNone = ~u32{0};
  // One block call of one branch.
  struct Edge {
    ir::Block from;
    ir::Inst inst;
    u32 slot;  // of jump, brif, br_table: number of the block call; of try_call: 0, or the
               // handler's number + 1
    u32 next;  // next edge to the same block
  };
  struct BlockState {
    u32 first_edge = kNone, last_edge = kNone;
    u32 num_edges = 0;
    u32 walk = 0;            // last walk that came along
    u32 first_open = kNone;  // open parameters: made while the block was not sealed
    bool is_sealed = false;
    bool is_filled = false;
    bool has_variable_params = false;
  };
  struct OpenParam {
    Variable variable;
    ir::Value param;
    u32 next;
  };
  struct Current {
    u32 block = kNone;
    ir::Value value;
  };
  struct Definition {
    u32 block;
    u32 variable;
    ir::Value value;
  };
  // A block where definitions meet, while its predecessors are asked.
  struct Meeting {
    u32 block;
    u32 edge;         // the one being asked
    ir::Value param;  // made up front, so that cycles end
    u32 num_values;   // of values_ below this meeting
    u32 num_passed;   // of passed_ below this meeting
  };

  void note_terminator();
  void add_edge(ir::Block to, ir::Inst inst, u32 slot);
  void push_block_arg(const Edge& edge, ir::Value value);
  void leave_current_block();

  // Definitions of blocks that are not current.
  ir::Value* find_definition(u32 block, u32 variable);
  void set_definition(u32 block, u32 variable, ir::Value value);
  u32* definition_slot(u32 block, u32 variable);
  void grow_definitions();

  ir::Value resolve(ir::Value value);
  void replace(ir::Value param, ir::Value by);
  ir::Value value_at_end(u32 block, Variable variable);
  ir::Value settle(u32 block, Variable variable, ir::Value param, u32 first_value,
                   bool is_last_param);
  ir::Value zero_at_start(ir::Block block, ir::Type type);
  ir::Inst insert_at(ir::Block block, PackedOption<ir::Inst> before, const ir::InstData& data,
                     ir::Type control);
  ir::Value new_variable_param(u32 block, Variable variable);

  ir::Function* func_ = nullptr;
  std::optional<ir::Builder> builder_;
  PackedOption<ir::Block> current_;
  std::vector<BlockState> blocks_;
  std::vector<Edge> edges_;
  std::vector<OpenParam> open_params_;
  std::vector<ir::Type> var_types_;
  std::vector<bool> var_needs_stack_map_;
  std::vector<Current> current_defs_;   // by variable: its value if defined in the current block
  std::vector<u32> changed_variables_;  // those with an entry for the current block
  std::vector<Definition> definitions_;
  std::vector<u32> definition_index_;  // open addressing into definitions_, number + 1
  std::vector<ir::Value> aliases_;     // parameters that turned out to be another value
  std::vector<ir::Value> values_;      // stack: what the predecessors answered
  std::vector<u32>
      passed_;  // stack: blocks with one predecessor between a meeting and where it looks
  std::vector<Meeting> meetings_;
  std::vector<u32> path_;
  std::vector<OpenParam> sealing_;
  std::vector<ir::Value> stack_map_values_;
  u32 walk_ = 0;
  bool has_too_many_params_ = false;
};

}  // namespace gantry::frontend

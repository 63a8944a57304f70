// Problem: the body of one function is to run in another, in place of a call, with all the things
// it refers to: entities are numbers that mean something in their own function only. Idea:
// everything the body's preamble declares is appended to the caller's, so that most numbers move by
// a constant; then two passes over the instructions, one that makes them and their results, so that
// every value has its new name before the second translates operands. Parameters of the entry block
// are the arguments of the call. `return` becomes a jump to a block that takes the results and goes
// on behind the call. A block with many calls is cut many times. Its instructions are not moved at
// each cut: what is left stays where it was, and the walk carries each instruction to the block it
// ends in when it comes by. So every instruction moves at most once. Exceptions: where the call has
// handlers, each call of the body that can throw to them gets a copy of the table behind its own
// entries, and ends its block.
#include "gantry/opt/inline.h"

#include <algorithm>
#include <vector>

#include "gantry/ir/printer.h"
#include "gantry/meta/codes.h"
#include "gantry/support/hash.h"
#include "gantry/support/limits.h"

namespace gantry::opt {
namespace {

using ir::Block;
using ir::BlockArg;
using ir::BlockCall;
using ir::ExceptionTable;
using ir::ExceptionTableData;
using ir::FuncRef;
using ir::Inst;
using ir::InstData;
using ir::Opcode;
using ir::SigRef;
using ir::Value;
using meta::Format;
using meta::OperandKind;
using Item = ir::ExceptionTableData::Item;

bool is_try_call(Opcode opcode) {
  return opcode == Opcode::TryCall || opcode == Opcode::TryCallIndirect;
}

int payload_words(const ir::Signature& signature) {
  return meta::kCallConvs[static_cast<u32>(signature.call_conv)].exception_payload_words;
}

// Highest exnN any handler of the table takes, plus one.
u32 payload_words_used(const ExceptionTableData& table, const ir::ValueListPool& lists) {
  u32 used = 0;
  for (const Item& item : table.items) {
    if (item.kind == Item::Kind::Context) continue;
    for (const Value encoded : item.call.args(lists)) {
      const BlockArg arg = BlockArg::decoded(encoded);
      if (arg.kind() == BlockArg::Kind::TryCallException) used = std::max(used, arg.number() + 1);
    }
  }
  return used;
}

class Inliner {
 public:
  Result<u32> run(ir::Function& caller, InlineHook hook);

 private:
  // A body the walk is in, or a block that was cut: what happens when the walk comes to `resume`.
  struct Pending {
    PackedOption<Block> resume;    // none: the body is at the end of the function
    PackedOption<Inst> remainder;  // the first instruction of what the cut block still holds
  };
  struct Copied {
    Inst from;
    Block from_block;
    PackedOption<Inst> to;  // none: made in the second pass
    u32 first_reserved;     // a call that becomes a try_call: the values that name its results
  };
  // What inlining one call leaves: where the body starts, and where the code behind a plain call
  // goes on.
  struct Placed {
    Block entry;
    PackedOption<Block> after;
  };
  enum class SiteKind : u8 { Call, ReturnCall, TryCall };

  void enter(Block block);
  void note_split(Block block, Block rest);

  Result<void> check(Inst call, const ir::Function& body);
  Result<Placed> place(Inst call, Block block, const ir::Function& body);
  Result<void> copy_mem_flags(const ir::Function& body);
  u32& region_slot(u32 user_id);
  void find_reachable(const ir::Function& body);
  void copy_preamble(const ir::Function& body);
  void copy_external_name(const ir::Function& body, ir::ExternalName& name);
  void copy_frames(Inst call, const ir::Function& body);
  void make_insts(const ir::Function& body, SiteKind site);
  void fill_insts(const ir::Function& body, SiteKind site, Inst call,
                  PackedOption<Block> returns_to, Block call_block);
  void fill_operands(InstData& data, const ir::Function& body);
  void copy_side_facts(const ir::Function& body, Inst from, Inst to, Inst call);
  void reserve_results(const std::vector<ir::AbiParam>& returns);

  Value mapped(Value value, const ir::Function& body) const {
    return *values_[body.dfg.resolve(value).index()];
  }
  Block mapped(Block block) const { return *blocks_[block.index()]; }
  BlockCall mapped(BlockCall call, const ir::Function& body);
  ExceptionTable mapped(ExceptionTable table, const ir::Function& body);
  void append_items(const std::vector<Item>& items, ExceptionTableData& table);
  BlockCall clone(BlockCall call);
  ir::ValueList list_of_scratch();
  Inst jump_to(Block block, std::span<const Value> args);

  ir::Function* caller_ = nullptr;
  u64 copied_insts_ = 0;
  std::vector<Pending> pending_;
  PackedOption<Block> block_;  // the walk: where instructions end up
  PackedOption<Inst> inst_;    // the next one

  // Pieces of cut blocks. get_exception_handler_address names the block with the call, which is the
  // last piece.
  SecondaryMap<Block, PackedOption<Block>> first_piece_, last_piece_;
  std::vector<Inst> handler_addresses_;
  EntitySet<Block> asked_for_handlers_;  // blocks named by those the caller had from the start

  // The body that is being copied: its numbers to ours.
  std::vector<PackedOption<Value>> values_;
  std::vector<PackedOption<Block>> blocks_;
  std::vector<Block> reachable_;  // in layout order
  std::vector<bool> is_reachable_;
  std::vector<u16> mem_flags_;
  std::vector<PackedOption<ir::GlobalValue>> global_values_;
  std::vector<ir::AliasRegion> regions_;
  std::vector<ir::Constant> constants_;
  std::vector<u32>
      region_index_;  // numbers + 1 of the caller's regions by hash of the user id, open addressing
  bool has_context_ = false;  // the caller has a vmctx
  u32 first_signature_ = 0, first_func_ = 0, first_slot_ = 0, first_dynamic_slot_ = 0,
      first_dynamic_type_ = 0;
  u32 first_mask_ = 0, first_frame_ = 0;
  PackedOption<ir::InlineFrame> frame_;
  ExceptionTableData site_table_;
  std::vector<Copied> copies_;
  enum class Fate : u8 { Unknown, Copied, LeftOut };
  std::vector<Fate> fates_;  // of global values
  std::vector<ir::GlobalValue> path_;
  std::vector<Value> scratch_;
  std::vector<Block> block_stack_;
  std::vector<ir::DebugTag> tags_;
  std::vector<ir::StackMapEntry> stack_map_;
};

// ---- the walk

void Inliner::enter(Block block) {
  block_ = block;
  inst_ = caller_->layout.first_inst(block);
  while (!pending_.empty() && pending_.back().resume == block_) {
    if (pending_.back().remainder) inst_ = pending_.back().remainder;
    pending_.pop_back();
  }
}

Result<u32> Inliner::run(ir::Function& caller, InlineHook hook) {
  caller_ = &caller;
  copied_insts_ = 0;
  pending_.clear();
  first_piece_.reset(caller.dfg.num_blocks());
  last_piece_.reset(caller.dfg.num_blocks());
  handler_addresses_.clear();
  asked_for_handlers_.clear();
  region_index_.clear();
  has_context_ = std::any_of(
      caller.signature.params.begin(), caller.signature.params.end(),
      [](const ir::AbiParam& param) { return param.purpose == ir::ArgPurpose::VmContext; });
  ir::Layout& layout = caller.layout;
  for (const Block block : layout.blocks()) {
    for (const Inst inst : layout.insts(block)) {
      if (caller.dfg.opcode(inst) != Opcode::GetExceptionHandlerAddress) continue;
      handler_addresses_.push_back(inst);
      asked_for_handlers_.insert(Block::from_index(caller.dfg[inst].words[0]));
    }
  }

  u32 replaced = 0;
  Result<void> outcome;
  if (layout.entry()) enter(*layout.entry());
  while (block_) {
    while (inst_) {
      const Inst inst = *inst_;
      const PackedOption<Inst> next = layout.next_inst(inst);
      if (layout.block_of(inst) != block_) {
        layout.remove_inst(inst);
        layout.append_inst(inst, *block_);
      }
      inst_ = next;
      const InstData& data = caller.dfg[inst];
      const Format format = ir::inst_facts(data.opcode).format;
      if (format != Format::Call && format != Format::TryCall) continue;
      const FuncRef callee = FuncRef::from_index(data.words[0]);
      if (caller.dfg.ext_funcs[callee].patchable || !outcome.has_value()) continue;
      const InlineDecision decision =
          hook({caller, inst, callee, static_cast<u32>(pending_.size())});
      if (decision.body == nullptr) continue;
      // Behind an error the walk only carries instructions to their places.
      outcome = check(inst, *decision.body);
      if (!outcome.has_value()) continue;
      const PackedOption<Block> next_block = layout.next_block(*block_);
      Result<Placed> placed = place(inst, *block_, *decision.body);
      if (!placed.has_value()) {
        outcome = std::move(placed).error();
        continue;
      }
      ++replaced;
      const PackedOption<Block> resume = placed->after ? placed->after : next_block;
      pending_.push_back({resume, placed->after ? next : PackedOption<Inst>()});
      if (decision.visit_body) {
        enter(placed->entry);
      } else if (resume) {
        enter(*resume);
      } else {
        inst_.reset();
        block_ = layout.last_block();
      }
    }
    const PackedOption<Block> following = layout.next_block(*block_);
    block_.reset();
    if (following) enter(*following);
  }
  for (const Inst inst : handler_addresses_) {
    u32& named = caller.dfg[inst].words[0];
    if (const PackedOption<Block> last = last_piece_[Block::from_index(named)])
      named = (*last).index();
  }
  if (!outcome.has_value()) return std::move(outcome).error();
  return replaced;
}

void Inliner::note_split(Block block, Block rest) {
  const Block first = first_piece_[block] ? *first_piece_[block] : block;
  first_piece_.set(rest, first);
  last_piece_.set(first, rest);
}

Result<void> Inliner::check(Inst call, const ir::Function& body) {
  if (const std::string_view why = why_not_inlined(*caller_, call, body); !why.empty()) {
    TextWriter message;
    ir::print_function_name(body.name, message);
    return Error(&body == caller_ ? ErrorKind::Invalid : ErrorKind::Unsupported,
                 message.put(" cannot be inlined: ", why).view());
  }
  const Block first = first_piece_[*block_] ? *first_piece_[*block_] : *block_;
  if (is_try_call(caller_->dfg.opcode(call)) && asked_for_handlers_.contains(first)) {
    return Error(ErrorKind::Unsupported,
                 "a call whose handlers' addresses are taken cannot be inlined");
  }
  find_reachable(body);
  u64 insts = 0;
  for (const Block block : reachable_) {
    for (PackedOption<Inst> inst = body.layout.first_inst(block); inst;
         inst = body.layout.next_inst(*inst))
      ++insts;
  }
  const auto too_many = [](const limits::Limit& limit) {
    TextWriter message;
    message.put("more than ", limit.value, ' ', limit.what, " (", limit.name, ')');
    return Error(ErrorKind::LimitExceeded, message.view());
  };
  if (copied_insts_ + insts > limits::kMaxInlinedInsts.value)
    return too_many(limits::kMaxInlinedInsts);
  copied_insts_ += insts;
  const u64 returns = body.signature.returns.size();
  const u64 values =
      caller_->dfg.num_values() + 2 * u64{body.dfg.num_values()} + (insts + 1) * returns;
  const u64 blocks = caller_->dfg.num_blocks() + insts + body.dfg.num_blocks();
  if (std::max(values, blocks) > limits::kMaxEntities.value) return too_many(limits::kMaxEntities);
  return {};
}

// ---- one call

Result<Inliner::Placed> Inliner::place(Inst call, Block block, const ir::Function& body) {
  ir::DataFlowGraph& dfg = caller_->dfg;
  ir::Layout& layout = caller_->layout;
  GANTRY_TRY(copy_mem_flags(body));
  const SiteKind site = is_try_call(dfg.opcode(call))     ? SiteKind::TryCall
                        : ir::is_return(dfg.opcode(call)) ? SiteKind::ReturnCall
                                                          : SiteKind::Call;
  if (site == SiteKind::TryCall) {
    site_table_ = dfg.exception_tables[ExceptionTable::from_index(dfg[call].words[2])];
  } else {
    site_table_.items.clear();
  }
  copy_preamble(body);
  copy_frames(call, body);

  // Blocks, parameters, and where returns go.
  values_.assign(body.dfg.num_values(), {});
  blocks_.assign(body.dfg.num_blocks(), {});
  const bool cold = layout.is_cold(block);
  for (u32 i = 0; i < body.dfg.num_blocks(); ++i) {
    if (body.layout.is_inserted(Block::from_index(i))) blocks_[i] = dfg.make_block();
  }
  const Block body_entry = *body.layout.entry();
  for (const Block from : reachable_) {
    if (cold || body.layout.is_cold(from)) layout.set_cold(mapped(from));
  }
  for (u32 i = 0; i < body.dfg.num_blocks(); ++i) {
    if (!is_reachable_[i]) continue;
    const Block from = Block::from_index(i);
    const std::span<const Value> params = body.dfg.block_params(from);
    for (usize k = 0; k < params.size(); ++k) {
      values_[params[k].index()] =
          from == body_entry ? dfg.resolve(dfg.args(call)[k])
                             : dfg.append_block_param(mapped(from), body.dfg.type(params[k]));
    }
  }
  PackedOption<Block> returns_to;
  bool own_return_block = site == SiteKind::Call;
  if (site == SiteKind::TryCall) {
    const std::span<const Value> args = site_table_.normal_return.args(dfg.lists());
    own_return_block = args.size() != body.signature.returns.size();
    for (u32 i = 0; i < args.size() && !own_return_block; ++i) {
      own_return_block = BlockArg::decoded(args[i]) != BlockArg::try_return(i);
    }
    if (!own_return_block) returns_to = site_table_.normal_return.block(dfg.lists());
  }
  if (own_return_block) {
    returns_to = dfg.make_block();
    for (const ir::AbiParam& result : body.signature.returns)
      dfg.append_block_param(*returns_to, result.type);
    if (cold) layout.set_cold(*returns_to);
  }

  make_insts(body, site);
  // Into the order: the blocks of the body, then the one that takes the results.
  Block last = block;
  for (const Block from : reachable_) {
    layout.insert_block_after(mapped(from), last);
    last = mapped(from);
  }
  if (own_return_block) layout.insert_block_after(*returns_to, last);
  fill_insts(body, site, call, returns_to, block);

  const Block entry = mapped(body_entry);
  const Inst jump = jump_to(entry, {});
  caller_->copy_source_place(jump, call);
  layout.insert_inst_before(jump, call);
  if (site == SiteKind::Call) {
    const std::span<const Value> results = dfg.results(call);
    for (usize i = 0; i < results.size(); ++i) {
      const bool made = dfg.make_alias(results[i], dfg.block_params(*returns_to)[i]);
      GANTRY_CHECK(made);
    }
    note_split(block, *returns_to);
  } else if (own_return_block) {
    // The edge of normal return passes on other things than the results.
    scratch_.clear();
    for (const Value encoded : site_table_.normal_return.args(dfg.lists())) {
      const BlockArg arg = BlockArg::decoded(encoded);
      scratch_.push_back(arg.is_value() ? arg.as_value()
                                        : dfg.block_params(*returns_to)[arg.number()]);
    }
    const Block target = site_table_.normal_return.block(dfg.lists());
    const Inst back = jump_to(target, scratch_);
    caller_->copy_source_place(back, call);
    layout.append_inst(back, *returns_to);
  }
  layout.remove_inst(call);
  return Placed{entry, site == SiteKind::Call ? returns_to : PackedOption<Block>()};
}

void Inliner::find_reachable(const ir::Function& body) {
  is_reachable_.assign(body.dfg.num_blocks(), false);
  block_stack_.assign(1, *body.layout.entry());
  is_reachable_[block_stack_[0].index()] = true;
  while (!block_stack_.empty()) {
    const Block block = block_stack_.back();
    block_stack_.pop_back();
    body.dfg.for_each_block_call(*body.layout.last_inst(block), [&](BlockCall call) {
      const Block target = call.block(body.dfg.lists());
      if (is_reachable_[target.index()]) return;
      is_reachable_[target.index()] = true;
      block_stack_.push_back(target);
    });
  }
  reachable_.clear();
  for (const Block block : body.layout.blocks()) {
    if (is_reachable_[block.index()]) reachable_.push_back(block);
  }
}

// ---- what the preamble declares

// Where the number + 1 of the caller's region with this id is kept; 0: to be entered.
u32& Inliner::region_slot(u32 user_id) {
  const PrimaryMap<ir::AliasRegion, ir::AliasRegionData>& regions = caller_->alias_regions;
  const auto find = [&](u32 wanted) -> u32& {
    usize at = mix_bits(wanted) & (region_index_.size() - 1);
    while (region_index_[at] != 0 &&
           regions[ir::AliasRegion::from_index(region_index_[at] - 1)].user_id != wanted) {
      at = (at + 1) & (region_index_.size() - 1);
    }
    return region_index_[at];
  };
  if (region_index_.size() < (usize{regions.size()} + 1) * 2) {
    usize size = 16;
    while (size < (usize{regions.size()} + 1) * 4) size *= 2;
    region_index_.assign(size, 0);
    for (const ir::AliasRegion region : regions.keys())
      find(regions[region].user_id) = region.index() + 1;
  }
  return find(user_id);
}

// Regions are the same if their user ids are. The only step that may fail for want of room; what it
// leaves behind then is not referred to.
Result<void> Inliner::copy_mem_flags(const ir::Function& body) {
  regions_.clear();
  for (const ir::AliasRegionData& data : body.alias_regions.values()) {
    u32& slot = region_slot(data.user_id);
    if (slot != 0) {
      regions_.push_back(ir::AliasRegion::from_index(slot - 1));
      continue;
    }
    regions_.push_back(caller_->alias_regions.push(data));
    slot = caller_->alias_regions.size();
  }
  mem_flags_.clear();
  for (u32 i = 0; i < body.dfg.num_mem_flags(); ++i) {
    ir::MemFlags flags = body.dfg.mem_flags(ir::MemFlagsId{static_cast<u16>(i)});
    if (flags.region) flags.region = regions_[(*flags.region).index()];
    bool full = false;
    mem_flags_.push_back(caller_->dfg.intern(flags, &full).index);
    if (full) {
      TextWriter message;
      message.put("more than ", limits::kMaxMemFlags.value, ' ', limits::kMaxMemFlags.what, " (",
                  limits::kMaxMemFlags.name, ')');
      return Error(ErrorKind::LimitExceeded, message.view());
    }
  }
  return {};
}

void Inliner::copy_external_name(const ir::Function& body, ir::ExternalName& name) {
  if (name.kind == ir::ExternalName::Kind::User) {
    name = caller_->intern_user_name(body.user_names[ir::UserExternalName::from_index(name.index)]);
  } else if (name.kind == ir::ExternalName::Kind::TestCase) {
    name = caller_->intern_test_name(body.test_names[name.index]);
  }
}

void Inliner::copy_preamble(const ir::Function& body) {
  ir::Function& to = *caller_;
  first_slot_ = to.stack_slots.size();
  for (const ir::StackSlotData& slot : body.stack_slots.values()) to.stack_slots.push(slot);

  // A vmctx is a parameter of the function that declares it. Instructions only name symbols, so
  // that those which depend on one serve nothing but the stack limit, and are left out where there
  // is no such parameter.
  fates_.assign(body.global_values.size(), Fate::Unknown);
  for (const ir::GlobalValue start : body.global_values.keys()) {
    // Along the bases, which may be declared later, up to something known; all of the way shares
    // its fate.
    path_.clear();
    Fate fate = Fate::Copied;
    for (PackedOption<ir::GlobalValue> at = start; at; at = body.global_values[*at].base) {
      if (fates_[(*at).index()] != Fate::Unknown) {
        fate = fates_[(*at).index()];
        break;
      }
      path_.push_back(*at);
      if (!has_context_ && body.global_values[*at].kind == ir::GlobalValueData::Kind::VmContext)
        fate = Fate::LeftOut;
    }
    for (const ir::GlobalValue passed : path_) fates_[passed.index()] = fate;
  }
  global_values_.assign(body.global_values.size(), {});
  u32 next_global_value = to.global_values.size();
  for (usize i = 0; i < fates_.size(); ++i) {
    if (fates_[i] == Fate::Copied)
      global_values_[i] = ir::GlobalValue::from_index(next_global_value++);
  }
  for (const ir::GlobalValue value : body.global_values.keys()) {
    if (!global_values_[value.index()]) continue;
    ir::GlobalValueData data = body.global_values[value];
    if (data.base) data.base = global_values_[(*data.base).index()];
    if (data.kind == ir::GlobalValueData::Kind::Load)
      data.flags.index = mem_flags_[data.flags.index];
    if (data.kind == ir::GlobalValueData::Kind::Symbol) copy_external_name(body, data.name);
    to.global_values.push(data);
  }

  first_dynamic_type_ = to.dynamic_types.size();
  for (ir::DynamicTypeData type : body.dynamic_types.values()) {
    type.scale = *global_values_[type.scale.index()];
    to.dynamic_types.push(type);
  }
  first_dynamic_slot_ = to.dynamic_stack_slots.size();
  for (const ir::DynamicType type : body.dynamic_stack_slots.values()) {
    to.dynamic_stack_slots.push(
        type == ir::DynamicType()
            ? type
            : ir::DynamicType::from_index(first_dynamic_type_ + type.index()));
  }

  first_signature_ = to.dfg.signatures.size();
  for (const ir::Signature& signature : body.dfg.signatures.values())
    to.dfg.signatures.push(signature);
  first_func_ = to.dfg.ext_funcs.size();
  for (ir::ExtFuncData func : body.dfg.ext_funcs.values()) {
    func.signature = SigRef::from_index(first_signature_ + func.signature.index());
    copy_external_name(body, func.name);
    to.dfg.ext_funcs.push(func);
  }
  constants_.clear();
  for (u32 i = 0; i < body.dfg.num_constants(); ++i) {
    constants_.push_back(to.dfg.add_constant(body.dfg.constant_bytes(ir::Constant::from_index(i))));
  }
  first_mask_ = to.dfg.num_shuffle_masks();
  for (u32 i = 0; i < body.dfg.num_shuffle_masks(); ++i) {
    to.dfg.add_shuffle_mask(body.dfg.shuffle_mask(ir::ShuffleMask::from_index(i)));
  }
}

void Inliner::copy_frames(Inst call, const ir::Function& body) {
  ir::InlineFrameData frame;
  frame.callee = caller_->dfg.ext_funcs[FuncRef::from_index(caller_->dfg[call].words[0])].name;
  frame.call_site = caller_->source_loc(call);
  frame.parent = caller_->inline_frame(call);
  frame_ = caller_->inline_frames.push(frame);
  first_frame_ = caller_->inline_frames.size();
  for (ir::InlineFrameData inner : body.inline_frames.values()) {
    copy_external_name(body, inner.callee);
    inner.parent =
        inner.parent ? ir::InlineFrame::from_index(first_frame_ + (*inner.parent).index()) : frame_;
    caller_->inline_frames.push(inner);
  }
}

// ---- instructions

void Inliner::reserve_results(const std::vector<ir::AbiParam>& returns) {
  caller_->dfg.ensure_values(caller_->dfg.num_values() + static_cast<u32>(returns.size()));
}

// Makes what the layout of the body has, without operands.
void Inliner::make_insts(const ir::Function& body, SiteKind site) {
  ir::DataFlowGraph& dfg = caller_->dfg;
  copies_.clear();
  for (const Block block : reachable_) {
    for (PackedOption<Inst> at = body.layout.first_inst(block); at;
         at = body.layout.next_inst(*at)) {
      const Inst from = *at;
      const Opcode opcode = body.dfg.opcode(from);
      Copied copied{from, block, {}, dfg.num_values()};
      const bool becomes_call =
          ir::is_call(opcode) && ir::is_return(opcode) && site != SiteKind::ReturnCall;
      const std::optional<SigRef> signature = body.dfg.call_signature(from);
      const bool is_plain_call =
          signature && !is_try_call(opcode) && (becomes_call || !ir::is_return(opcode));
      if (is_plain_call && site == SiteKind::TryCall) {
        const std::vector<ir::AbiParam>& returns = body.dfg.signatures[*signature].returns;
        reserve_results(returns);
        const std::span<const Value> results = body.dfg.results(from);
        for (u32 i = 0; i < results.size(); ++i) {
          values_[results[i].index()] = Value::from_index(copied.first_reserved + i);
        }
      } else if (!ir::is_return(opcode) || becomes_call || site == SiteKind::ReturnCall) {
        InstData data = body.dfg[from];
        if (becomes_call)
          data.opcode = opcode == Opcode::ReturnCall ? Opcode::Call : Opcode::CallIndirect;
        const Inst to = dfg.make_inst(data);
        copied.to = to;
        for (const Value result : body.dfg.results(from)) {
          values_[result.index()] = dfg.append_result(to, body.dfg.type(result));
        }
        if (becomes_call) {
          for (const ir::AbiParam& result : body.dfg.signatures[*signature].returns)
            dfg.append_result(to, result.type);
        }
      }
      copies_.push_back(copied);
    }
  }
}

// Puts them in order, with operands. `call` is the one that is replaced.
void Inliner::fill_insts(const ir::Function& body, SiteKind site, Inst call,
                         PackedOption<Block> returns_to, Block call_block) {
  ir::DataFlowGraph& dfg = caller_->dfg;
  ir::Layout& layout = caller_->layout;
  const bool cold = layout.is_cold(call_block);
  PackedOption<Block> from_block;
  Block block = call_block;
  for (const Copied& copied : copies_) {
    if (from_block != PackedOption<Block>(copied.from_block)) {
      from_block = copied.from_block;
      block = mapped(copied.from_block);
    }
    const Opcode opcode = body.dfg.opcode(copied.from);
    if (!copied.to && !ir::is_call(opcode)) {  // return
      scratch_.clear();
      for (const Value arg : body.dfg.args(copied.from)) scratch_.push_back(mapped(arg, body));
      const Inst jump = jump_to(*returns_to, scratch_);
      copy_side_facts(body, copied.from, jump, call);
      layout.append_inst(jump, block);
      continue;
    }
    PackedOption<Inst> made = copied.to;
    if (copied.to) {
      const Inst to = *copied.to;
      InstData data = dfg[to];
      fill_operands(data, body);
      if (is_try_call(opcode) && site == SiteKind::TryCall) {
        append_items(site_table_.items,
                     dfg.exception_tables[ExceptionTable::from_index(data.words[2])]);
      }
      dfg[to] = data;
      layout.append_inst(to, block);
      if (opcode == Opcode::GetExceptionHandlerAddress) {
        handler_addresses_.push_back(to);
        asked_for_handlers_.insert(Block::from_index(data.words[0]));
      }
    } else {
      // A call that may throw to the handlers of the call that is replaced. It ends its block.
      InstData data = body.dfg[copied.from];
      const SigRef signature =
          SigRef::from_index(first_signature_ + (*body.dfg.call_signature(copied.from)).index());
      const bool is_direct = ir::inst_facts(opcode).format == Format::Call;
      fill_operands(data, body);
      data.opcode = is_direct ? Opcode::TryCall : Opcode::TryCallIndirect;
      if (!is_direct) data.words[0] = 0;
      const Block rest = dfg.make_block();
      if (cold || layout.is_cold(block)) layout.set_cold(rest);
      ExceptionTableData table;
      table.signature = signature;
      table.normal_return = BlockCall::make(rest, dfg.lists());
      const u32 num_results = static_cast<u32>(dfg.signatures[signature].returns.size());
      for (u32 i = 0; i < num_results; ++i) {
        const Value param = dfg.append_block_param(rest, dfg.signatures[signature].returns[i].type);
        table.normal_return.push(BlockArg::try_return(i), dfg.lists());
        dfg.make_alias_as_written(Value::from_index(copied.first_reserved + i), param);
      }
      append_items(site_table_.items, table);
      data.words[2] = dfg.exception_tables.push(std::move(table)).index();
      made = dfg.make_inst(data);
      layout.append_inst(*made, block);
      layout.insert_block_after(rest, block);
      note_split(block, rest);
      block = rest;
    }
    copy_side_facts(body, copied.from, *made, call);
    if (ir::is_call(opcode) && ir::is_return(opcode) && site != SiteKind::ReturnCall) {
      scratch_.clear();
      if (copied.to) {
        const std::span<const Value> results = dfg.results(*copied.to);
        scratch_.assign(results.begin(), results.end());
      } else {
        const u32 count = static_cast<u32>(body.signature.returns.size());
        for (u32 i = 0; i < count; ++i)
          scratch_.push_back(Value::from_index(copied.first_reserved + i));
      }
      const Inst jump = jump_to(*returns_to, scratch_);
      copy_side_facts(body, copied.from, jump, call);
      layout.append_inst(jump, block);
    }
  }
}

// Turns the numbers of the body in `data` into ours.
void Inliner::fill_operands(InstData& data, const ir::Function& body) {
  const ir::InstFacts& facts = ir::inst_facts(data.opcode);
  if (facts.has_list) {
    scratch_.clear();
    for (const Value value : data.list().items(body.dfg.lists()))
      scratch_.push_back(mapped(value, body));
    data.set_list(list_of_scratch());
  } else {
    for (u32 i = 0; i < facts.num_fixed_values; ++i) data.set_arg(i, mapped(data.arg(i), body));
  }
  for (const meta::FormatOperand& operand : meta::format_def(facts.format).operands) {
    const u32 word = operand.place == meta::Place::Word1   ? 1
                     : operand.place == meta::Place::Word2 ? 2
                                                           : 0;
    u32& number = data.words[word];
    switch (operand.kind) {
      case OperandKind::MemFlags:
        data.flags = mem_flags_[data.flags];
        break;
      case OperandKind::FuncRef:
        number += first_func_;
        break;
      case OperandKind::SigRef:
        number += first_signature_;
        break;
      case OperandKind::PoolConstant:
        number = constants_[number].index();
        break;
      case OperandKind::GlobalValue:
        number = (*global_values_[number]).index();
        break;
      case OperandKind::ExceptionTable:
        number = mapped(ExceptionTable::from_index(number), body).index();
        break;
      case OperandKind::ShuffleMask:
        number += first_mask_;
        break;
      case OperandKind::StackSlot:
        number += first_slot_;
        break;
      case OperandKind::RawBlock:
        number = mapped(Block::from_index(number)).index();
        break;
      case OperandKind::DynamicStackSlot:
        number += first_dynamic_slot_;
        break;
      case OperandKind::BlockCall:
        number = mapped(BlockCall::from_raw(number), body).raw();
        break;
      case OperandKind::JumpTable: {
        const ir::JumpTableData& from = body.dfg.jump_tables[ir::JumpTable::from_index(number)];
        ir::JumpTableData table;
        table.default_call = mapped(from.default_call, body);
        table.entries.reserve(from.entries.size());
        for (const BlockCall call : from.entries) table.entries.push_back(mapped(call, body));
        number = caller_->dfg.jump_tables.push(std::move(table)).index();
        break;
      }
      // In the record as they are, or a value.
      case OperandKind::Value:
      case OperandKind::VarArgs:
      case OperandKind::Offset32:
      case OperandKind::TrapCode:
      case OperandKind::Uimm8:
      case OperandKind::Imm64:
      case OperandKind::IntCC:
      case OperandKind::FloatCC:
      case OperandKind::Ieee16:
      case OperandKind::Ieee32:
      case OperandKind::Ieee64:
      case OperandKind::AtomicRmwOp:
        break;
    }
  }
}

BlockCall Inliner::mapped(BlockCall call, const ir::Function& body) {
  ir::ValueListPool& lists = caller_->dfg.lists();
  BlockCall made = BlockCall::make(mapped(call.block(body.dfg.lists())), lists);
  for (const Value encoded : call.args(body.dfg.lists())) {
    const BlockArg arg = BlockArg::decoded(encoded);
    made.push(arg.is_value() ? BlockArg::value(mapped(arg.as_value(), body)) : arg, lists);
  }
  return made;
}

ExceptionTable Inliner::mapped(ExceptionTable number, const ir::Function& body) {
  const ExceptionTableData& from = body.dfg.exception_tables[number];
  ExceptionTableData table;
  if (from.signature)
    table.signature = SigRef::from_index(first_signature_ + (*from.signature).index());
  table.normal_return = mapped(from.normal_return, body);
  table.items.reserve(from.items.size() + site_table_.items.size());
  for (Item item : from.items) {
    if (item.kind == Item::Kind::Context) {
      if (item.context) item.context = mapped(*item.context, body);
    } else {
      item.call = mapped(item.call, body);
    }
    table.items.push_back(item);
  }
  return caller_->dfg.exception_tables.push(std::move(table));
}

// Each table has lists of its own: passes change them in place.
void Inliner::append_items(const std::vector<Item>& items, ExceptionTableData& table) {
  for (Item item : items) {
    if (item.kind != Item::Kind::Context) item.call = clone(item.call);
    table.items.push_back(item);
  }
}

BlockCall Inliner::clone(BlockCall call) {
  ir::ValueListPool& lists = caller_->dfg.lists();
  const std::span<const Value> args = call.args(lists);
  scratch_.assign(args.begin(), args.end());
  BlockCall made = BlockCall::make(call.block(lists), lists);
  for (const Value encoded : scratch_) made.push(BlockArg::decoded(encoded), lists);
  return made;
}

ir::ValueList Inliner::list_of_scratch() {
  ir::ValueList list;
  list.assign(scratch_, caller_->dfg.lists());
  return list;
}

Inst Inliner::jump_to(Block block, std::span<const Value> args) {
  ir::ValueListPool& lists = caller_->dfg.lists();
  BlockCall call = BlockCall::make(block, lists);
  for (const Value arg : args) call.push(BlockArg::value(arg), lists);
  InstData data;
  data.opcode = Opcode::Jump;
  data.words[1] = call.raw();
  return caller_->dfg.make_inst(data);
}

// Locations, tags and stack maps of an instruction that came with the body.
void Inliner::copy_side_facts(const ir::Function& body, Inst from, Inst to, Inst call) {
  if (const u32 location = body.source_loc(from); location != ir::kNoSourceLoc)
    caller_->set_source_loc(to, location);
  const PackedOption<ir::InlineFrame> inner = body.inline_frame(from);
  caller_->set_inline_frame(
      to, inner ? ir::InlineFrame::from_index(first_frame_ + (*inner).index()) : frame_);
  if (const std::span<const ir::DebugTag> tags = body.debug_tags(from); !tags.empty()) {
    const std::span<const ir::DebugTag> outer = caller_->debug_tags(call);
    tags_.assign(outer.begin(), outer.end());
    for (ir::DebugTag tag : tags) {
      if (tag.is_slot) tag.value += first_slot_;
      tags_.push_back(tag);
    }
    caller_->set_debug_tags(to, tags_);
  }
  // What must live across the call that is gone must live across the calls that take its place.
  if (!ir::is_safepoint(caller_->dfg.opcode(to))) return;
  const std::span<const ir::StackMapEntry> outer = caller_->stack_map(call);
  stack_map_.assign(outer.begin(), outer.end());
  for (ir::StackMapEntry entry : body.stack_map(from)) {
    entry.slot = ir::StackSlot::from_index(first_slot_ + entry.slot.index());
    stack_map_.push_back(entry);
  }
  if (!stack_map_.empty()) caller_->set_stack_map(to, stack_map_);
}

}  // namespace

Result<u32> inline_calls(ir::Function& caller, InlineHook hook, Session& session) {
  static const char kOwner = 0;
  return session.scratch<Inliner>(&kOwner, [] { return new Inliner; }).run(caller, hook);
}

std::string_view why_not_inlined(const ir::Function& caller, Inst call, const ir::Function& body) {
  if (&caller == &body) return "a function has no place in itself; copy it first";
  const ir::DataFlowGraph& dfg = caller.dfg;
  const ir::Signature& wanted =
      dfg.signatures[dfg.ext_funcs[FuncRef::from_index(dfg[call].words[0])].signature];
  if (wanted != body.signature) return "its signature is not that of the call";
  if (!body.layout.entry()) return "it has no blocks";
  for (const ir::AbiParam& param : wanted.params) {
    if (param.purpose == ir::ArgPurpose::StructArg)
      return "a parameter is a copy that only a call makes";
  }
  if (!is_try_call(dfg.opcode(call))) return {};
  const ExceptionTableData& table =
      dfg.exception_tables[ExceptionTable::from_index(dfg[call].words[2])];
  const int used = static_cast<int>(payload_words_used(table, dfg.lists()));
  for (const Block block : body.layout.blocks()) {
    for (const Inst inst : body.layout.insts(block)) {
      const std::optional<SigRef> signature = body.dfg.call_signature(inst);
      if (!signature) continue;
      const int words = payload_words(body.dfg.signatures[*signature]);
      if (words < 0 || words < used) return "a call in it cannot have the handlers of the call";
    }
  }
  return {};
}

}  // namespace gantry::opt

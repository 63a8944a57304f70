// Problem: branches name blocks whose place is not known yet, and lowering makes more branches than
// the final order of blocks needs; code must be fixed up and improved without a pass over
// instructions and in linear time.
//
// Fix-ups. A use of a label is an entry of 16 bytes, appended in line and patched in finish(). If
// the ISA has veneers (its branches do not reach everywhere), deadlines are watched as well:
// mach_buffer_island.cpp.
//
// Branch improvement. The branches that stand side by side at the end of the code so far are the
// *run*. When a label is bound at its end, look at the last branch B, which ends at the current
// offset O:
//   1. B jumps to O: delete B.
//   2. B is unconditional: labels bound at B's start become other names of B's target, unless B is
//   a jump to itself.
//   3. Then, if no label is left at B's start and the branch before B is unconditional: B is
//   unreachable, delete it.
//   4. Or, if the branch before B is conditional and jumps to O: invert it, give it B's target,
//   delete B.
// Repeat until nothing applies.
//   Correct: the code at labels in question consists of jumps only, which have no effect but the
//   jump. (1) falling
// through and jumping arrive at the same place. (2) entering B means arriving at its target. (3)
// nothing falls into B and no label leads there; a label bound later cannot, since labels are bound
// at the end of the code. (4) if the condition holds, both ways go to O; if not, both go to B's
// target. A deletion moves the end of the code and all labels bound there; nobody else knows O,
// since a run is broken by whatever else depends on it (an island, an alignment). Records at O
// (source ranges, debug tags) are pulled back along.
//   Aliases form no circle: a label gets an alias only while bound (a root), to a label whose root
//   is another one. The end: each round deletes a branch, or empties the label list of B. Each
//   label is aliased at most once and each
// branch deleted at most once; the only other work, moving labels bound at O, is bounded by not
// improving when more than kMaxTailLabels are bound there. So the whole is linear.
//
// A branch's fix-up is the newest when the branch is the last of the code, so deleting pops it.
#include "gantry/machinst/mach_buffer.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "gantry/machinst/internal/mach_buffer_state.h"
#include "gantry/support/hash.h"
#include "gantry/support/limits.h"

namespace gantry::machinst {

namespace {
constexpr u32 kMaxTailLabels = 100;
constexpr u32 kMaxProbes =
    16;  // beyond, an equal constant may be stored twice: keys come from the input
}  // namespace

MachBuffer::MachBuffer(std::span<const LabelUseInfo> label_uses, std::span<const u8> trap_bytes,
                       const ShortBranch* short_branch)
    : state_(new State) {
  State& state = *state_;
  state.infos = label_uses;
  state.trap_bytes = trap_bytes;
  state.short_branch = short_branch;
  state.relax = short_branch != nullptr;
  state.code_limit = static_cast<u32>(limits::kMaxCodeBytes.value);
  for (u32 kind = 0; kind < label_uses.size(); ++kind) {
    const LabelUseInfo& info = label_uses[kind];
    GANTRY_CHECK(info.patch_size <= 8 && info.max_pos >= 0 && info.max_neg >= 0);
    GANTRY_CHECK(info.patch != nullptr || (info.patch_size & (info.patch_size - 1)) == 0);
    if (info.veneer_size != 0) {
      // Chains of veneers end because each reaches further than the last.
      GANTRY_CHECK(info.make_veneer != nullptr && info.veneer_use < label_uses.size());
      GANTRY_CHECK(label_uses[info.veneer_use].max_pos > info.max_pos);
      GANTRY_CHECK(label_uses[info.veneer_use].max_neg >= info.max_neg);
      has_veneers_ = true;
    }
    const i64 everywhere = static_cast<i64>(limits::kMaxCodeBytes.value) + 8;
    if (info.patch == nullptr && info.patch_size == 4 && info.max_pos >= everywhere &&
        info.max_neg >= everywhere) {
      state.plain_kind = std::min(state.plain_kind, kind);
    }
  }
  GANTRY_CHECK(short_branch == nullptr || !has_veneers_);
  for (u32 kind = 0; kind < label_uses.size(); ++kind) {
    u32 total = 0;
    for (u32 link = kind; label_uses[link].veneer_size != 0; link = label_uses[link].veneer_use) {
      total += label_uses[link].veneer_size + label_uses[link].align;
    }
    state.veneer_totals.push_back(total);
    state.largest_veneer = std::max(state.largest_veneer, total);
  }
  std::memset(state.trap_labels, 0, sizeof state.trap_labels);
  begin(0);
}

MachBuffer::~MachBuffer() {
  std::free(begin_);
  std::free(fixups_);
  delete state_;
}

void MachBuffer::begin(u32 num_blocks) {
  State& state = *state_;
  cursor_ = begin_;
  fixup_end_ = fixups_;
  soonest_deadline_ = ~u32{0};
  state.overflow = state.out_of_range = false;
  state.labels.assign(num_blocks, State::kOpen);
  state.num_blocks = num_blocks;
  state.branches.clear();
  state.forget_run();
  state.tail_offset = 0;
  state.align_points.clear();
  for (const State::Trap& trap : state.traps_to_place) state.trap_labels[trap.code.code] = 0;
  state.traps_to_place.clear();
  state.forget_constants();
  state.pool_alignment = 1;
  state.heap.clear();
  state.pool_uses.clear();
  state.late_uses.clear();
  state.soonest_veneer = state.soonest_pool = ~u64{0};
  state.veneer_span = 0;
  state.relocs.clear();
  state.label_relocs.clear();
  state.traps.clear();
  state.source_ranges.clear();
  state.range_open = false;
  state.call_sites.clear();
  state.handlers.clear();
  state.handler_labels.clear();
  state.stack_maps.clear();
  state.stack_map_entries.clear();
  state.debug_tag_sites.clear();
  state.debug_tags.clear();
  state.patchable_calls.clear();
  state.unwind.clear();
  state.regions.clear();
  state.edges.clear();
  state.record_blocks = false;
}

void MachBuffer::set_code_limit(u32 bytes) {
  state_->code_limit = std::min(bytes, static_cast<u32>(limits::kMaxCodeBytes.value));
}

void MachBuffer::set_relaxation(bool on) { state_->relax = on && state_->short_branch != nullptr; }

// ---- bytes

void MachBuffer::grow(u32 bytes) {
  State& state = *state_;
  usize used = static_cast<usize>(cursor_ - begin_);
  if (used + bytes > state.code_limit) {
    // Too much code: go on writing over it, so that no caller needs to look, and let finish() say
    // so.
    state.overflow = true;
    state.forget_run();
    used = 0;
  }
  const usize capacity = static_cast<usize>(limit_ - begin_);
  if (used + bytes > capacity) {
    const usize wanted = std::max<usize>({2 * capacity, used + bytes, 4096});
    u8* grown = static_cast<u8*>(std::realloc(begin_, wanted));
    GANTRY_CHECK(grown != nullptr);
    begin_ = grown;
    limit_ = grown + wanted;
  }
  cursor_ = begin_ + used;
}

void MachBuffer::grow_fixups() {
  const usize used = static_cast<usize>(fixup_end_ - fixups_);
  const usize wanted = std::max<usize>(2 * used, 64);
  FixUp* grown =
      static_cast<FixUp*>(std::realloc(static_cast<void*>(fixups_), wanted * sizeof(FixUp)));
  GANTRY_CHECK(grown != nullptr);
  fixups_ = grown;
  fixup_end_ = grown + used;
  fixup_limit_ = grown + wanted;
}

void MachBuffer::put_bytes(std::span<const u8> bytes) {
  if (bytes.empty()) return;
  u8* at = room(static_cast<u32>(bytes.size()));
  std::memcpy(at, bytes.data(), bytes.size());
  commit(at + bytes.size());
}

void MachBuffer::put_fill(u32 count, u8 filler) {
  if (count == 0) return;
  u8* at = room(count);
  std::memset(at, filler, count);
  commit(at + count);
}

void MachBuffer::align_to(u32 alignment, u8 filler) {
  GANTRY_DCHECK(alignment != 0 && (alignment & (alignment - 1)) == 0);
  if (alignment == 1) return;
  const u32 padding = (0 - offset()) & (alignment - 1);
  put_fill(padding, filler);
  State& state = *state_;
  state.forget_run();
  state.align_points.push_back({offset(), padding, alignment, filler});
  if (alignment > state.pool_alignment) state.pool_alignment = alignment;
}

PatchRegion MachBuffer::open_patch_region(u32 bytes) {
  State& state = *state_;
  const PatchRegion region{static_cast<u32>(state.regions.size())};
  const u32 at = offset();
  put_fill(bytes, 0);
  state.regions.push_back({state.overflow ? 0 : at, bytes});
  return region;
}

std::span<u8> MachBuffer::patch_bytes(PatchRegion region) {
  const State::Region& place = state_->regions[region.index];
  return {begin_ + place.offset, place.size};
}

// ---- labels

Label MachBuffer::new_label() {
  State& state = *state_;
  state.labels.push_back(State::kOpen);
  return Label{static_cast<u32>(state.labels.size() - 1)};
}

void MachBuffer::bind(Label label) {
  State& state = *state_;
  const u32 at = offset();
  GANTRY_DCHECK(state.labels[label.index] == State::kOpen);
  state.labels[label.index] = at;
  const bool at_run_end =
      state.run_start < state.branches.size() && state.branches.back().end == at;
  if (state.tail_offset != at) {
    // Labels of the run still count; any others are of no further interest.
    if (!at_run_end) state.tail_labels.clear();
    state.tail_offset = at;
  }
  state.tail_labels.push_back(label.index);
  if (at_run_end) state.improve_branches(*this);
}

void MachBuffer::redirect(Label from, Label to) {
  State& state = *state_;
  GANTRY_DCHECK(state.labels[from.index] == State::kOpen);
  GANTRY_DCHECK(from != to);
  state.labels[from.index] = State::kAliasBit | to.index;
}

void MachBuffer::use_label_relative(u32 field_offset, Label label, Label base) {
  if (fixup_end_ == fixup_limit_) [[unlikely]]
    grow_fixups();
  *fixup_end_++ = {field_offset, label.index, base.index, 0};
}

// ---- branches

void MachBuffer::State::add(MachBuffer& buffer, u32 start, u32 end, u32 target, Branch::Kind kind,
                            std::span<const u8> inverted) {
  GANTRY_DCHECK(overflow || (start == buffer.offset() && end > start));
  const bool in_run = run_start < branches.size() && branches.back().end == start;
  u32 first_label = 0;
  if (in_run) {
    first_label = branches.back().end_label;
  } else {
    run_start = static_cast<u32>(branches.size());
    if (tail_offset != start) tail_labels.clear();
  }
  Branch& branch = branches.emplace_back();
  branch.start = start;
  branch.end = end;
  branch.target = target;
  branch.fixup = static_cast<u32>(buffer.fixup_end_ - buffer.fixups_);
  branch.first_label = first_label;
  branch.end_label = static_cast<u32>(tail_labels.size());
  branch.kind = kind;
  branch.is_short = false;
  const usize size = inverted.size();
  GANTRY_DCHECK(size <= sizeof branch.inverted);
  if (size >= 4) {  // two overlapping halves: no call for a handful of bytes
    std::memcpy(branch.inverted, inverted.data(), 4);
    std::memcpy(branch.inverted + size - 4, inverted.data() + size - 4, 4);
  } else {
    for (usize i = 0; i < size; ++i) branch.inverted[i] = inverted[i];
  }
}

void MachBuffer::add_uncond_branch(u32 start, u32 end, Label target) {
  state_->add(*this, start, end, target.index, State::Branch::Kind::Uncond, {});
}

void MachBuffer::add_cond_branch(u32 start, u32 end, Label target, std::span<const u8> inverted) {
  GANTRY_DCHECK(inverted.size() == end - start);
  state_->add(*this, start, end, target.index, State::Branch::Kind::Cond, inverted);
}

void MachBuffer::add_branch(u32 start, u32 end) {
  state_->add(*this, start, end, State::kNone, State::Branch::Kind::Fixed, {});
}

// Takes the last branch back: the code ends where it started, with the labels bound at both its
// ends.
void MachBuffer::State::truncate(MachBuffer& buffer, const Branch& branch) {
  const u32 at = branch.start;
  for (u32 i = branch.end_label; i < tail_labels.size(); ++i) labels[tail_labels[i]] = at;
  tail_offset = at;
  buffer.cursor_ = buffer.begin_ + at;
  FixUp* fixup_end = buffer.fixups_ + branch.fixup;
  if (buffer.has_veneers_) {
    for (const FixUp* use = fixup_end; use < buffer.fixup_end_; ++use) {
      if (use->base == kNoBase) veneer_span -= veneer_totals[use->kind];
    }
  }
  if (fixup_end < buffer.fixup_end_) buffer.fixup_end_ = fixup_end;
  if (range_open && range_start > at) range_start = at;
  while (!source_ranges.empty() && source_ranges.back().end > at) {
    source_ranges.back().end = at;
    if (source_ranges.back().start < at) break;
    source_ranges.pop_back();
  }
  for (usize i = debug_tag_sites.size(); i-- > 0 && debug_tag_sites[i].offset > at;)
    debug_tag_sites[i].offset = at;
  for (usize i = unwind.size(); i-- > 0 && unwind[i].code_offset > at;) unwind[i].code_offset = at;
}

void MachBuffer::State::improve_branches(MachBuffer& buffer) {
  while (branches.size() > run_start) {
    Branch& last = branches.back();
    const u32 here = buffer.offset();
    GANTRY_DCHECK(last.end == here);
    if (last.kind == Branch::Kind::Fixed) return;
    if (tail_labels.size() - last.end_label > kMaxTailLabels) return;

    const u32 target = resolve(last.target);
    if (target == here) {  // (1)
      truncate(buffer, last);
      branches.pop_back();
      continue;
    }
    if (last.kind != Branch::Kind::Uncond) return;

    if (target != last.start) {  // (2)
      const auto first = tail_labels.begin() + last.first_label,
                 end = tail_labels.begin() + last.end_label;
      for (auto label = first; label != end; ++label) labels[*label] = kAliasBit | last.target;
      tail_labels.erase(first, end);
      last.end_label = last.first_label;
    }
    if (last.first_label != last.end_label || branches.size() - run_start < 2) return;

    Branch& previous = branches[branches.size() - 2];
    if (previous.kind == Branch::Kind::Uncond) {  // (3)
      truncate(buffer, last);
      branches.pop_back();
      continue;
    }
    if (previous.kind != Branch::Kind::Cond || resolve(previous.target) != here) return;
    // (4) The labels move first: `previous` keeps its place and its fix-up, which gets another
    // label.
    const u32 new_target = last.target;
    truncate(buffer, last);
    branches.pop_back();
    Branch& cond = branches.back();
    u8 inverted[sizeof cond.inverted];
    u8* code = buffer.begin_ + cond.start;
    const u32 size = cond.end - cond.start;
    std::memcpy(inverted, cond.inverted, size);
    std::memcpy(cond.inverted, code, size);
    std::memcpy(code, inverted, size);
    cond.target = new_target;
    buffer.fixups_[cond.fixup].label = new_target;
  }
}

// Writes the distance of one use; false if the field cannot express it.
bool MachBuffer::State::patch(MachBuffer& buffer, const FixUp& use, u32 target) const {
  if (overflow) return true;
  u8* field = buffer.begin_ + use.field;
  if (use.base != kNoBase) {
    const u32 base = resolve(use.base);
    GANTRY_CHECK(is_bound(base));
    const u32 distance = target - base;
    for (u32 i = 0; i < 4; ++i) field[i] = static_cast<u8>(distance >> 8 * i);
    return true;
  }
  const LabelUseInfo& info = infos[use.kind];
  const i64 distance = static_cast<i64>(target) - static_cast<i64>(use.field);
  if (distance > info.max_pos || -distance > info.max_neg) return false;
  if (info.patch != nullptr) {
    info.patch(field, distance);
    return true;
  }
  const u64 bits = static_cast<u64>(distance + info.addend);
  for (u32 i = 0; i < info.patch_size; ++i) field[i] = static_cast<u8>(bits >> 8 * i);
  return true;
}

// ---- pools

void MachBuffer::State::forget_constants() {
  for (const Constant& old : constants) {
    if (old.slot != kNone) constant_table[old.slot] = 0;
  }
  num_hashed = 0;
  constants.clear();
  constant_bytes.clear();
  constant_span = 0;
  for (u32 i = 0; i < kNumAlignments; ++i) first_of_alignment[i] = last_of_alignment[i] = kNone;
}

// Finds the slot of `key`, or the one it may take; kNone if all within reach are taken by others.
u32 MachBuffer::State::constant_slot(std::string_view key, u32 alignment) const {
  const u32 mask = static_cast<u32>(constant_table.size()) - 1;
  u32 at = static_cast<u32>(hash_bytes(key)) & mask;
  for (u32 probes = 0; probes < kMaxProbes; ++probes) {
    if (constant_table[at] == 0) return at;
    const Constant& candidate = constants[constant_table[at] - 1];
    if (candidate.alignment >= alignment && bytes_of(candidate) == key) return at;
    at = (at + 1) & mask;
  }
  return kNone;
}

Label MachBuffer::constant(std::span<const u8> bytes, u32 alignment) {
  State& state = *state_;
  GANTRY_DCHECK(alignment != 0 && (alignment & (alignment - 1)) == 0 &&
                alignment < 1u << State::kNumAlignments);
  std::vector<u32>& table = state.constant_table;
  const u32 index = static_cast<u32>(state.constants.size());
  if (2 * (state.num_hashed + 1) > table.size()) {
    table.assign(std::max<usize>(2 * table.size(), 32), 0);
    for (u32 i = 0; i < index; ++i) {
      State::Constant& old = state.constants[i];
      old.slot = state.constant_slot(state.bytes_of(old), old.alignment);
      if (old.slot != State::kNone) table[old.slot] = i + 1;
    }
  }
  const std::string_view key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const u32 slot = state.constant_slot(key, alignment);
  if (slot != State::kNone) {
    if (table[slot] != 0) return Label{state.constants[table[slot] - 1].label};
    table[slot] = index + 1;
    ++state.num_hashed;
  }
  const Label label = new_label();
  state.labels[label.index] = State::kOpenPool;
  const u32 rank = static_cast<u32>(std::countr_zero(alignment));
  state.constants.push_back({label.index, static_cast<u32>(state.constant_bytes.size()),
                             static_cast<u32>(bytes.size()), alignment, State::kNone, slot});
  state.constant_bytes.insert(state.constant_bytes.end(), bytes.begin(), bytes.end());
  if (state.first_of_alignment[rank] == State::kNone) {
    state.first_of_alignment[rank] = index;
  } else {
    state.constants[state.last_of_alignment[rank]].next = index;
  }
  state.last_of_alignment[rank] = index;
  state.pool_alignment = std::max(state.pool_alignment, alignment);
  state.constant_span += static_cast<u32>(bytes.size()) + alignment - 1;
  if (has_veneers_) state.update_deadline(*this);
  return label;
}

Label MachBuffer::deferred_trap(ir::TrapCode code) {
  State& state = *state_;
  GANTRY_DCHECK(!state.trap_bytes.empty());
  u32& known = state.trap_labels[code.code];
  if (known == 0) {
    const Label label = new_label();
    state.labels[label.index] = State::kOpenPool;
    known = label.index + 1;
    state.traps_to_place.push_back({label.index, code});
    if (has_veneers_) state.update_deadline(*this);
  }
  return Label{known - 1};
}

bool MachBuffer::has_deferred_traps() const { return !state_->traps_to_place.empty(); }

// ---- records

void MachBuffer::add_reloc(u32 field_offset, target::RelocKind kind, ir::ExternalName name,
                           i64 addend) {
  state_->relocs.push_back({field_offset, kind, false, 0, name, addend});
}

void MachBuffer::add_label_reloc(u32 field_offset, target::RelocKind kind, Label label,
                                 i64 addend) {
  State& state = *state_;
  state.label_relocs.push_back({static_cast<u32>(state.relocs.size()), label.index});
  state.relocs.push_back({field_offset, kind, true, 0, {}, addend});
}

void MachBuffer::add_trap(u32 inst_offset, ir::TrapCode code) {
  state_->traps.push_back({inst_offset, code});
}

void MachBuffer::start_source_range(ir::SourcePlace place) {
  State& state = *state_;
  if (state.range_open) {
    if (state.range_place == place) return;
    end_source_range();
  }
  state.range_open = true;
  state.range_start = offset();
  state.range_place = place;
}

void MachBuffer::end_source_range() {
  State& state = *state_;
  if (!state.range_open) return;
  state.range_open = false;
  const u32 end = offset();
  if (end <= state.range_start) return;
  if (!state.source_ranges.empty()) {
    target::SourceRange& last = state.source_ranges.back();
    if (last.end == state.range_start && last.location == state.range_place.location &&
        last.inline_frame == state.range_place.inline_frame) {
      last.end = end;
      return;
    }
  }
  state.source_ranges.push_back(
      {state.range_start, end, state.range_place.location, state.range_place.inline_frame});
}

void MachBuffer::add_call_site(u32 frame_offset, std::span<const HandlerUse> handlers) {
  State& state = *state_;
  state.call_sites.push_back({offset(), frame_offset, static_cast<u32>(state.handlers.size()),
                              static_cast<u32>(handlers.size())});
  for (const HandlerUse& use : handlers) {
    if (use.handler.kind != target::ExceptionHandler::Kind::Context) {
      state.handler_labels.push_back({static_cast<u32>(state.handlers.size()), use.label.index});
    }
    state.handlers.push_back(use.handler);
  }
}

void MachBuffer::add_stack_map(std::span<const target::StackMapEntry> entries) {
  State& state = *state_;
  state.stack_maps.push_back({offset(), static_cast<u32>(state.stack_map_entries.size()),
                              static_cast<u32>(entries.size())});
  state.stack_map_entries.insert(state.stack_map_entries.end(), entries.begin(), entries.end());
}

void MachBuffer::add_debug_tags(std::span<const target::DebugTag> tags) {
  State& state = *state_;
  state.debug_tag_sites.push_back(
      {offset(), static_cast<u32>(state.debug_tags.size()), static_cast<u32>(tags.size())});
  state.debug_tags.insert(state.debug_tags.end(), tags.begin(), tags.end());
}

void MachBuffer::add_patchable_call(u32 inst_offset, u32 length) {
  state_->patchable_calls.push_back({inst_offset, length});
}

void MachBuffer::add_unwind(const unwind::UnwindInst& inst) { state_->unwind.push_back(inst); }

void MachBuffer::record_blocks() { state_->record_blocks = true; }

void MachBuffer::add_block_edge(Label from, Label to) {
  state_->edges.push_back({from.index, to.index});
}

// ---- the end

Result<void> MachBuffer::finish() {
  State& state = *state_;
  end_source_range();
  if (has_veneers_) {
    state.finish_with_veneers(*this);
  } else {
    state.place_traps(*this);
    if (state.relax && !state.overflow) state.shrink_branches(*this);
    state.place_constants(*this);
  }
  if (state.overflow || offset() > state.code_limit) {
    return Error(ErrorKind::LimitExceeded,
                 "function has more machine code than max-code-bytes allows");
  }
  if (!has_veneers_) {
    const u32 plain_kind = state.plain_kind;
    const u32 plain_addend =
        plain_kind < state.infos.size() ? static_cast<u32>(i32{state.infos[plain_kind].addend}) : 0;
    for (const FixUp* use = fixups_; use != fixup_end_; ++use) {
      const u32 target = state.resolve(use->label);
      GANTRY_DCHECK(state.is_bound(target));
      if (use->kind == plain_kind && use->base == kNoBase) [[likely]] {
        const u32 value = target - use->field + plain_addend;
        if constexpr (std::endian::native == std::endian::little) {
          std::memcpy(begin_ + use->field, &value, 4);
        } else {
          for (u32 i = 0; i < 4; ++i) begin_[use->field + i] = static_cast<u8>(value >> 8 * i);
        }
      } else if (!state.patch(*this, *use, target)) {
        state.out_of_range = true;
      }
    }
  }
  if (state.out_of_range) {
    return Error(ErrorKind::LimitExceeded, "a reference within the function is out of range");
  }
  for (const State::LabelReloc& entry : state.label_relocs) {
    state.relocs[entry.reloc].target_offset = offset_of(Label{entry.label});
  }
  for (const State::HandlerLabel& entry : state.handler_labels) {
    state.handlers[entry.handler].code_offset = offset_of(Label{entry.label});
  }
  return {};
}

u32 MachBuffer::offset_of(Label label) const {
  const u32 word = state_->resolve(label.index);
  GANTRY_CHECK(state_->is_bound(word));
  return word;
}

void MachBuffer::take(target::CompiledCode& out) {
  State& state = *state_;
  out.code.assign(begin_, cursor_);
  out.alignment = std::max(out.alignment, state.pool_alignment);
  out.relocs = state.relocs;
  out.traps = state.traps;
  out.call_sites = state.call_sites;
  out.handlers = state.handlers;
  out.stack_maps = state.stack_maps;
  out.stack_map_entries = state.stack_map_entries;
  out.source_ranges = state.source_ranges;
  out.debug_tag_sites = state.debug_tag_sites;
  out.debug_tags = state.debug_tags;
  out.patchable_calls = state.patchable_calls;
  out.unwind = state.unwind;
  out.block_offsets.clear();
  out.block_edges.clear();
  if (state.record_blocks) {
    for (u32 block = 0; block < state.num_blocks; ++block)
      out.block_offsets.push_back(offset_of(Label{block}));
    for (const auto& [from, to] : state.edges)
      out.block_edges.push_back({offset_of(Label{from}), offset_of(Label{to})});
  }
}

}  // namespace gantry::machinst

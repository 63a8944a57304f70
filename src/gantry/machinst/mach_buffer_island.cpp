// Problem: where branches and loads of constants reach only so far, what they refer to, or a detour
// (a *veneer*), must be put into the code before they cannot reach it any more.
//
// Idea: every use whose label is open has a *deadline*, the furthest offset its field can express.
// The invariant is
//     end of code + (all veneers, should each be needed)           <= soonest deadline of uses with
//     veneers, and end of code + (all veneers, traps and constants not yet placed) <= soonest
//     deadline of uses of the pool.
// island_needed() asks whether the next instruction would break it (soonest_deadline_ has the sums,
// and what one instruction may add to them, taken off). The island then holds, in this order,
//   veneers, of the uses whose deadline would pass before the end of the island and some code after
//   it, traps, constants.
// Veneers come first, as traps and constants may be long; a use that would not reach past those
// gets a veneer, too. Uses that have no veneer and do not refer to the pool are taken to reach:
// finish() reports the one that does not.
//
// Fresh fix-ups lie in the order of code, with only their soonest deadline known. When that comes,
// those whose labels are bound by now are patched; the others go to a heap by deadline, so each
// island touches only uses about to expire, and n uses cost O(n log n) in all. A branch back to a
// label too far away waits in the same way.
//
// The end: a veneer's own use has a kind of longer range, so a use goes through as many veneers as
// there are kinds.
#include <algorithm>

#include "gantry/machinst/internal/mach_buffer_state.h"

namespace gantry::machinst {

namespace {
// What one instruction may add: uses with veneers, bytes of a constant with its alignment.
constexpr u32 kUsesPerInst = 4;
constexpr u32 kPoolPerInst = 160;
constexpr u32 kJumpOverSize = 16;

constexpr auto kSoonestOnTop = [](const auto& a, const auto& b) { return a.deadline > b.deadline; };
}  // namespace

void MachBuffer::State::place_traps(MachBuffer& buffer) {
  for (const Trap& trap : traps_to_place) {
    labels[trap.label] = buffer.offset();
    traps.push_back({buffer.offset(), trap.code});
    buffer.put_bytes(trap_bytes);
    trap_labels[trap.code.code] = 0;
  }
  traps_to_place.clear();
}

// Largest alignment first: then padding is needed at most once for constants of the usual sizes.
void MachBuffer::State::place_constants(MachBuffer& buffer) {
  for (u32 rank = kNumAlignments; rank-- > 0;) {
    for (u32 i = first_of_alignment[rank]; i != kNone; i = constants[i].next) {
      const Constant& constant = constants[i];
      buffer.put_fill((0 - buffer.offset()) & (constant.alignment - 1), 0);
      const u32 at = buffer.offset();
      buffer.put_bytes({constant_bytes.data() + constant.first_byte, constant.size});
      labels[constant.label] = overflow ? 0 : at;
    }
  }
  forget_constants();
}

// A use was just added. Its field may still be written after this, so nothing is patched now.
void MachBuffer::note_use() {
  State& state = *state_;
  const FixUp use = fixup_end_[-1];
  const LabelUseInfo& info = state.infos[use.kind];
  state.veneer_span += state.veneer_totals[use.kind];
  const u32 target = state.resolve(use.label);
  if (state.is_bound(target) &&
      static_cast<i64>(use.field) - static_cast<i64>(target) <= info.max_neg)
    return;
  const u64 deadline = static_cast<u64>(use.field) + static_cast<u64>(info.max_pos);
  if (info.veneer_size != 0) {
    state.soonest_veneer = std::min(state.soonest_veneer, deadline);
  } else if (target == State::kOpenPool) {
    state.soonest_pool = std::min(state.soonest_pool, deadline);
  }
  state.update_deadline(*this);
}

u64 MachBuffer::State::pool_span() const {
  return constant_span + traps_to_place.size() * trap_bytes.size();
}

void MachBuffer::State::update_deadline(MachBuffer& buffer) {
  const u64 veneers = veneer_span + u64{kUsesPerInst} * largest_veneer + kJumpOverSize;
  const u64 pool = veneers + pool_span() + kPoolPerInst;
  u64 soonest =
      soonest_veneer == ~u64{0} ? ~u64{0} : soonest_veneer - std::min(soonest_veneer, veneers);
  if (soonest_pool != ~u64{0})
    soonest = std::min(soonest, soonest_pool - std::min(soonest_pool, pool));
  buffer.soonest_deadline_ = static_cast<u32>(std::min<u64>(soonest, ~u32{0}));
}

// Patches a use, or puts it into the list it has to wait in.
void MachBuffer::State::settle_use(MachBuffer& buffer, const FixUp& use) {
  if (use.base != kNoBase) {
    late_uses.push_back(use);
    return;
  }
  const u32 target = resolve(use.label);
  if (is_bound(target) && patch(buffer, use, target)) return;
  const LabelUseInfo& info = infos[use.kind];
  if (info.veneer_size != 0) {
    heap.push_back({static_cast<u64>(use.field) + static_cast<u64>(info.max_pos), use});
    std::push_heap(heap.begin(), heap.end(), kSoonestOnTop);
    veneer_span += veneer_totals[use.kind];
  } else if (target == kOpenPool) {
    pool_uses.push_back(use);
  } else {
    late_uses.push_back(use);
  }
}

void MachBuffer::State::drain_fresh(MachBuffer& buffer) {
  forget_run();  // its branches name fix-ups by number
  for (const FixUp* use = buffer.fixups_; use != buffer.fixup_end_; ++use) {
    if (use->base == kNoBase) veneer_span -= veneer_totals[use->kind];
    settle_use(buffer, *use);
  }
  buffer.fixup_end_ = buffer.fixups_;
  soonest_veneer = heap.empty() ? ~u64{0} : heap.front().deadline;
}

void MachBuffer::State::put_veneer(MachBuffer& buffer, const FixUp& use) {
  const LabelUseInfo& info = infos[use.kind];
  if (info.align > 1) buffer.put_fill((0 - buffer.offset()) & (info.align - 1u), 0);
  u8* code = buffer.room(info.veneer_size);
  const u32 at = buffer.offset();
  const u32 field = info.make_veneer(code);
  buffer.commit(code + info.veneer_size);
  if (!patch(buffer, use, at)) out_of_range = true;
  settle_use(buffer, {at + field, use.label, kNoBase, info.veneer_use});
}

// Writes an island here; of the uses with veneers, handles all or those that expire soon.
void MachBuffer::State::put_island(MachBuffer& buffer, u32 upcoming_bytes, bool all) {
  while (!heap.empty()) {
    const Pending next = heap.front();
    const u64 island_end = buffer.offset() + veneer_span + pool_span();
    const u64 margin = static_cast<u64>(infos[next.use.kind].max_pos) /
                       16;  // or there would be many small islands
    const u64 slack = u64{kUsesPerInst} * largest_veneer + kJumpOverSize;
    if (!all && next.deadline >= island_end + slack + upcoming_bytes + margin) break;
    std::pop_heap(heap.begin(), heap.end(), kSoonestOnTop);
    heap.pop_back();
    const u32 target = resolve(next.use.label);
    if (is_bound(target) && patch(buffer, next.use, target)) {
      veneer_span -= veneer_totals[next.use.kind];
      continue;
    }
    if (target == kOpenPool && island_end <= next.deadline) {
      veneer_span -= veneer_totals[next.use.kind];
      pool_uses.push_back(next.use);
      continue;
    }
    GANTRY_CHECK(!all || target != kOpen);
    veneer_span -= veneer_totals[next.use.kind];
    put_veneer(buffer, next.use);
  }
  place_traps(buffer);
  place_constants(buffer);
  for (const FixUp& use : pool_uses) {
    if (!patch(buffer, use, resolve(use.label))) out_of_range = true;
  }
  pool_uses.clear();
  soonest_pool = ~u64{0};
  soonest_veneer = heap.empty() ? ~u64{0} : heap.front().deadline;
}

void MachBuffer::emit_island(u32 upcoming_bytes, const JumpOver& jump_over) {
  State& state = *state_;
  state.drain_fresh(*this);
  state.update_deadline(*this);
  if (!island_needed(upcoming_bytes)) return;
  GANTRY_DCHECK(jump_over.bytes.size() <= kJumpOverSize);
  const Label after = new_label();
  if (!jump_over.bytes.empty()) {
    const u32 start = offset();
    put_bytes(jump_over.bytes);
    use_label(start + jump_over.field, after, jump_over.kind);
    state.drain_fresh(*this);
  }
  state.put_island(*this, upcoming_bytes, false);
  state.labels[after.index] = offset();
  state.update_deadline(*this);
}

void MachBuffer::State::finish_with_veneers(MachBuffer& buffer) {
  drain_fresh(buffer);
  put_island(buffer, 0, true);
  for (const FixUp& use : late_uses) {
    const u32 target = resolve(use.label);
    GANTRY_CHECK(overflow || is_bound(target));
    if (!patch(buffer, use, target)) out_of_range = true;
  }
  late_uses.clear();
}

}  // namespace gantry::machinst

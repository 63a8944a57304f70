// Problem: a forward branch is written before its distance is known, in the long form; most would
// fit the short one (x86: 2 bytes instead of 5 or 6).
//
// Idea: all branches are on record in order of code, and all uses of labels are still fix-ups. So
// at the end of a function, choose the branches that fit the short form, move the bytes down once,
// and map every offset on record. Choosing starts with everything long and only shrinks: distances
// get smaller, so what fits stays fitting. The one thing that can make a distance grow is padding
// of an alignment; a branch across an alignment point stays long. A few rounds are made while
// branches remain that further shrinking could bring into range: each is linear, and the bytes and
// records move once, at the end.
//
// The map from old offsets to new ones is a list of points sorted by offset, found through an index
// by 32 bytes of code: points are ends of branches of more than two bytes and alignments, so a
// look-up passes only a few.
//
// What it asks of encoders: code with distances written into it by hand must not span a recorded
// branch.
#include <algorithm>
#include <cstring>

#include "gantry/machinst/internal/mach_buffer_state.h"

namespace gantry::machinst {

namespace {
constexpr u32 kMaxRounds = 3;
constexpr u32 kIndexShift = 5;
}  // namespace

// Where the code at `offset` goes; an offset at the end of a shrunk branch belongs to what follows.
u32 MachBuffer::State::moved(u32 offset) const {
  const MapPoint* point = &map_points[map_index[offset >> kIndexShift]];
  while (point->at <= offset) ++point;
  return offset - point->shift_before;
}

// The same for the end of an instruction: padding of an alignment that follows at once does not
// belong to it.
u32 MachBuffer::State::moved_end(u32 offset) const {
  const MapPoint* point = &map_points[map_index[offset >> kIndexShift]];
  while (point->at < offset || (point->at == offset && !point->is_alignment)) ++point;
  return offset - point->shift_before;
}

void MachBuffer::State::build_map(u32 code_size) {
  // At most so many points; written without asking for room each time.
  map_points.resize(branches.size() + align_points.size() + 1);
  map_index.resize((code_size >> kIndexShift) + 1);
  MapPoint* const points = map_points.data();
  u32* const index = map_index.data();
  const u32 index_size = static_cast<u32>(map_index.size());
  u32 num_points = 0;
  u32 shift = 0;
  u32 indexed = 0;
  const auto add_point = [&](u32 at, u32 shift_from_here, bool is_alignment) {
    for (; indexed < index_size && indexed << kIndexShift < at; ++indexed)
      index[indexed] = num_points;
    points[num_points++] = {at, shift, is_alignment};
    shift = shift_from_here;
  };
  usize next_align = 0;
  const auto pass_alignments = [&](u32 until) {
    for (; next_align < align_points.size() && align_points[next_align].at <= until; ++next_align) {
      const AlignPoint& align = align_points[next_align];
      const u32 start = align.at - align.padding - shift;
      add_point(align.at, align.at - ((start + align.alignment - 1) & ~(align.alignment - 1)),
                true);
    }
  };
  for (const Branch& branch : branches) {
    if (!branch.is_short) continue;
    pass_alignments(branch.start);
    add_point(branch.end, shift + (branch.end - branch.start) - short_branch->size, false);
  }
  pass_alignments(~u32{0});
  add_point(~u32{0}, shift, true);
}

// Marks branches that reach their target in the short form, given those marked so far. True if
// there were any.
bool MachBuffer::State::choose_short(const MachBuffer& buffer, bool& more_may_fit) {
  const LabelUseInfo& info = infos[short_branch->kind];
  const bool mapped = !map_points.empty();
  more_may_fit = false;
  bool chosen = false;
  usize next_align = 0;
  for (Branch& branch : branches) {
    while (next_align < align_points.size() && align_points[next_align].at <= branch.start)
      ++next_align;
    const u32 size = branch.end - branch.start;
    if (branch.is_short || size <= short_branch->size) continue;
    const u32 target = resolve(buffer.fixups_[branch.fixup].label);
    if (!is_bound(target)) continue;  // a constant
    const bool forward = target > branch.start;
    if (forward ? next_align < align_points.size() && align_points[next_align].at <= target
                : next_align > 0 && align_points[next_align - 1].at > target) {
      continue;
    }
    const u32 start = mapped ? moved(branch.start) : branch.start;
    i64 distance = static_cast<i64>(mapped ? moved(target) : target) - start - short_branch->field;
    if (forward) distance -= size - short_branch->size;
    if (distance <= info.max_pos && -distance <= info.max_neg) {
      branch.is_short = chosen = true;
    } else if (distance <= 2 * info.max_pos && -distance <= 2 * info.max_neg) {
      more_may_fit = true;
    }
  }
  return chosen;
}

void MachBuffer::State::move_bytes(MachBuffer& buffer) {
  u8* const code = buffer.begin_;
  const u32 code_size = buffer.offset();
  u32 from = 0, to = 0;
  const auto move_until = [&](u32 end) {
    if (from != to) std::memmove(code + to, code + from, end - from);
    to += end - from;
    from = end;
  };
  usize next_align = 0;
  const auto pass_alignments = [&](u32 until) {
    for (; next_align < align_points.size() && align_points[next_align].at <= until; ++next_align) {
      const AlignPoint& align = align_points[next_align];
      move_until(align.at - align.padding);
      const u32 aligned = (to + align.alignment - 1) & ~(align.alignment - 1);
      std::memset(code + to, align.filler, aligned - to);
      to = aligned;
      from = align.at;
    }
  };
  for (const Branch& branch : branches) {
    if (!branch.is_short) continue;
    pass_alignments(branch.start);
    move_until(branch.start);
    short_branch->write(code + from, branch.end - branch.start, code + to);
    to += short_branch->size;
    from = branch.end;
  }
  pass_alignments(~u32{0});
  move_until(code_size);
  buffer.cursor_ = code + to;
}

void MachBuffer::State::move_records(MachBuffer& buffer) {
  for (FixUp* use = buffer.fixups_; use != buffer.fixup_end_; ++use) use->field = moved(use->field);
  for (const Branch& branch : branches) {
    if (!branch.is_short) continue;
    FixUp& use = buffer.fixups_[branch.fixup];
    use.field = moved(branch.start) + short_branch->field;
    use.kind = short_branch->kind;
  }
  for (u32& word : labels) {
    if (is_bound(word)) word = moved(word);
  }
  for (target::Reloc& reloc : relocs) reloc.offset = moved(reloc.offset);
  for (target::TrapRecord& trap : traps) trap.offset = moved(trap.offset);
  for (target::SourceRange& range : source_ranges) {
    range.start = moved(range.start);
    range.end = moved_end(range.end);
  }
  for (target::CallSite& site : call_sites) site.return_offset = moved_end(site.return_offset);
  for (target::StackMap& map : stack_maps) map.return_offset = moved_end(map.return_offset);
  for (target::DebugTagSite& site : debug_tag_sites) site.offset = moved_end(site.offset);
  for (target::PatchableCall& call : patchable_calls) call.offset = moved(call.offset);
  for (unwind::UnwindInst& inst : unwind) inst.code_offset = moved_end(inst.code_offset);
  for (Region& region : regions) region.offset = moved(region.offset);
}

void MachBuffer::State::shrink_branches(MachBuffer& buffer) {
  map_points.clear();
  bool more_may_fit = true, any = false;
  for (u32 round = 0; round < kMaxRounds && more_may_fit; ++round) {
    if (!choose_short(buffer, more_may_fit)) break;
    any = true;
    build_map(buffer.offset());
  }
  if (!any) return;
  move_bytes(buffer);
  move_records(buffer);
}

}  // namespace gantry::machinst

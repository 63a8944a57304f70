// The loop nesting forest over blocks numbered in reverse postorder (Havlak 1997), irreducible
// loops included: a loop is a strongly connected set of blocks, named by its lowest block. Headers
// are taken from the highest number down; a union-find structure folds finished inner loops into
// their header, so every block and edge is looked at a constant number of times. Edges that enter
// an irreducible loop past its header are handed to the header, so that loops around it still find
// their way in.
#include "gantry/regalloc/internal/state.h"
#include "gantry/support/limits.h"

namespace gantry::regalloc {

namespace {

u32 find_root(std::vector<u32>& parent, u32 at) {
  while (parent[at] != at) {
    parent[at] = parent[parent[at]];
    at = parent[at];
  }
  return at;
}

}  // namespace

Result<void> Allocator::State::find_loops() {
  const u32 num_blocks = input->num_blocks;
  blocks.assign(num_blocks, LoopInfo{});
  any_irreducible = false;
  bool any_loop = false;
  for (u32 block = 0; block < num_blocks && !any_loop; ++block) {
    for (u32 edge = input->successor_ranges[block]; edge < input->successor_ranges[block + 1];
         ++edge) {
      any_loop |= input->successors[edge] <= block;
    }
  }
  const auto last_inst = [&](u32 block) { return input->block_insts[block + 1] - 1; };
  if (any_loop) {
    union_find.resize(num_blocks);
    extra_head.assign(num_blocks, kNone);
    extra_next.clear();
    extra_block.clear();
    for (u32 block = 0; block < num_blocks; ++block) union_find[block] = block;
    const usize most_extra = 64 + limits::kMaxIrreducibleEntries.value * input->predecessors.size();
    for (u32 header = num_blocks; header-- > 0;) {
      stack_.clear();
      bool is_header = false;
      const auto reach = [&](u32 from) {
        const u32 root = find_root(union_find, from);
        if (root == header) return;
        if (root < header) {  // enters the loop past its header
          any_irreducible = true;
          extra_next.push_back(extra_head[header]);
          extra_block.push_back(root);
          extra_head[header] = static_cast<u32>(extra_next.size() - 1);
          return;
        }
        union_find[root] = header;
        stack_.push_back(root);
      };
      for (u32 i = input->predecessor_ranges[header]; i < input->predecessor_ranges[header + 1];
           ++i) {
        const u32 from = input->predecessors[i];
        if (from < header) continue;
        is_header = true;
        reach(from);
      }
      if (!is_header) continue;
      blocks[header].header = header;
      blocks[header].end_pos = last_inst(header);
      for (usize next = 0; next < stack_.size(); ++next) {
        const u32 member = stack_[next];
        LoopInfo& info = blocks[member];
        if (info.header == member) {
          info.parent = header;
          if (info.end_pos > blocks[header].end_pos) blocks[header].end_pos = info.end_pos;
        } else {
          info.header = header;
          if (last_inst(member) > blocks[header].end_pos)
            blocks[header].end_pos = last_inst(member);
        }
        for (u32 i = input->predecessor_ranges[member]; i < input->predecessor_ranges[member + 1];
             ++i) {
          reach(input->predecessors[i]);
        }
        for (u32 extra = extra_head[member]; extra != kNone; extra = extra_next[extra])
          reach(extra_block[extra]);
        if (extra_next.size() > most_extra) {
          return Error(ErrorKind::LimitExceeded, limits::kMaxIrreducibleEntries.name);
        }
      }
    }
  }
  loop_of.resize(any_loop ? num_blocks : 0);
  loop_parent.resize(any_loop ? num_blocks : 0);
  for (u32 block = 0; block < num_blocks; ++block) {
    LoopInfo& info = blocks[block];
    if (any_loop) {
      loop_of[block] = info.header;
      loop_parent[block] = info.parent;
    }
    if (info.header == block) {
      info.depth = info.parent == kNone ? 1 : blocks[info.parent].depth + 1;
    } else if (info.header != kNone) {
      info.depth = blocks[info.header].depth;
    }
    const u32 capped = info.depth < 6 ? info.depth : 6;
    info.weight = u32{1} << (3 * capped);
    if (!input->cold_blocks.empty() && input->cold_blocks[block] != 0) info.weight = 0;
  }
  return {};
}

}  // namespace gantry::regalloc

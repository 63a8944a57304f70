// regalloc_bench [functions] [rounds]: allocates typical functions and prints what came
// out. For executed instructions run it under callgrind with
// --toggle-collect='*Allocator::allocate*'.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "gantry/regalloc/allocate.h"
#include "gantry/regalloc/checker.h"
#include "gantry/regalloc/testing/random_input.h"
#include "gantry/regalloc/testing/typical_input.h"

int main(int argc, char** argv) {
  using namespace gantry;
  using namespace gantry::regalloc;
  const u32 count = argc > 1 ? static_cast<u32>(std::atoi(argv[1])) : 200;
  const u32 rounds = argc > 2 ? static_cast<u32>(std::atoi(argv[2])) : 1;
  std::vector<OwnedInput> inputs;
  testing::Random random(42);
  for (u32 i = 0; i < count; ++i) {
    const u32 size = 20u << random.below(7);
    inputs.push_back(testing::typical_input(i, size + random.below(size)));
  }
  Allocator allocator;
  u64 insts = 0, operands = 0, blocks = 0, calls = 0, slots = 0, saved = 0;
  u64 moves = 0, loads = 0, stores = 0, remats = 0, memory_operands = 0;
  double weighted_insts = 0, cost = 0;
  std::chrono::nanoseconds spent{0};
  for (u32 round = 0; round < rounds; ++round) {
    for (const OwnedInput& owned : inputs) {
      const Input input = owned.input();
      const MachineEnv env = owned.env();
      const auto start = std::chrono::steady_clock::now();
      Result<Output> output = allocator.allocate(input, env);
      spent += std::chrono::steady_clock::now() - start;
      if (!output) return 1;
      if (round != 0) continue;
      if (Result<void> good = check(input, env, *output); !good) {
        std::printf("%.*s\n", static_cast<int>(good.error().message().size()),
                    good.error().message().data());
        return 1;
      }
      insts += input.num_insts;
      operands += input.operands.size();
      blocks += input.num_blocks;
      calls += input.clobbers.size();
      slots += output->num_slot_words;
      moves += output->stats.reg_moves;
      loads += output->stats.loads;
      stores += output->stats.stores;
      remats += output->stats.remats;
      for (const Allocation where : output->allocs) memory_operands += where.is_stack() ? 1 : 0;
      for (const PReg reg : env.non_preferred[0]) saved += output->used_regs.contains(reg) ? 1 : 0;
      // Weighted by 8 to the depth, taken from the loops' nesting in block order.
      std::vector<u32> depth(input.num_blocks);
      for (u32 block = 0; block < input.num_blocks; ++block) {
        for (u32 i = input.predecessor_ranges[block]; i < input.predecessor_ranges[block + 1];
             ++i) {
          for (u32 inside = block;
               inside <= input.predecessors[i] && input.predecessors[i] >= block; ++inside) {
            if (depth[inside] < 6) ++depth[inside];
          }
        }
      }
      usize edit = 0;
      for (u32 block = 0; block < input.num_blocks; ++block) {
        const double weight =
            input.cold_blocks[block] != 0 ? 0 : static_cast<double>(u64{1} << (3 * depth[block]));
        weighted_insts += weight * (input.block_insts[block + 1] - input.block_insts[block]);
        for (; edit < output->edits.size() &&
               output->edits[edit].point < 2 * input.block_insts[block + 1];
             ++edit) {
          const Edit& e = output->edits[edit];
          cost += weight * (e.from.is_stack() ? 3 : e.to.is_stack() ? 2 : 1);
        }
      }
    }
  }
  const auto per_inst = [&](u64 number) {
    return static_cast<double>(number) / static_cast<double>(insts);
  };
  std::printf("%u functions, %llu instructions, %.2f operands, %.3f blocks, %.3f calls each\n",
              count, static_cast<unsigned long long>(insts), per_inst(operands), per_inst(blocks),
              per_inst(calls));
  std::printf(
      "edits per instruction %.4f: moves %.4f loads %.4f stores %.4f remats %.4f; memory operands "
      "%.4f\n",
      per_inst(moves + loads + stores + remats), per_inst(moves), per_inst(loads), per_inst(stores),
      per_inst(remats), per_inst(memory_operands));
  std::printf("slots %llu, saved registers %llu, weighted cost per weighted instruction %.4f\n",
              static_cast<unsigned long long>(slots), static_cast<unsigned long long>(saved),
              cost / weighted_insts);
  std::printf("%.1f ns per instruction\n",
              static_cast<double>(spent.count()) / static_cast<double>(insts * rounds));
  return 0;
}

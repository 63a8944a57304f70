// Per block: which flags hold a promised value, and whether anything but readers stood behind their
// writer. Flags do not live across blocks, and a writer's first reader follows it at once:
// with_flags emits them so.
#include "gantry/isa/x64/flags_check.h"

#include "gantry/isa/x64/meta/row.h"
#include "gantry/isa/x64/table.h"
#include "gantry/support/text_writer.h"

namespace gantry::isa::x64 {
namespace {

std::string names_of(u8 flags) {
  static constexpr std::string_view kNames[6] = {"CF", "PF", "AF", "ZF", "SF", "OF"};
  TextWriter out;
  for (u32 i = 0; i < 6; ++i) {
    if ((flags >> i & 1) == 0) continue;
    if (out.size() != 0) out.write(' ');
    out.write(kNames[i]);
  }
  return std::move(out).take();
}

u8 flags_needed(const machinst::MInst& inst) {
  const meta::Row& row = row_of(inst.op);
  u32 conditions = 0, needed = 0;
  for (const meta::Op& op : row.ops) {
    if (op.kind != meta::Kind::Cond) continue;
    needed |= flags_of(conditions++ == 0 ? inst.mode >> 4 : inst.aux & 15u);
  }
  return static_cast<u8>(conditions == 0 ? row.flags.reads : needed);
}

struct Walker {
  u8 valid = 0;         // flags with a value somebody promised
  bool paired = false;  // nothing but readers since the writer
  std::string spoiler;  // what made flags invalid, for the report

  void execute(u32 opcode, std::string_view why) {
    const OpFacts& facts = op_facts(opcode);
    const u8 clobbers = facts.flags_written | facts.flags_spoilt;
    if (clobbers != 0) {
      valid = static_cast<u8>((valid & ~clobbers) |
                              (facts.conditional_flags ? 0 : facts.flags_written));
      paired = facts.flags_written != 0;
      spoiler = why;
    } else if (facts.flags_read == 0) {
      paired = false;
      spoiler = why;
    }
  }
};

}  // namespace

std::vector<FlagsFinding> check_flags(const machinst::VCode& vcode,
                                      const regalloc::Output& output) {
  std::vector<FlagsFinding> findings;
  const regalloc::Input& input = vcode.input;
  usize edit = 0;
  for (u32 block = 0; block < input.num_blocks; ++block) {
    Walker walker;
    walker.spoiler = "the start of the block";
    for (u32 inst = input.block_insts[block]; inst < input.block_insts[block + 1]; ++inst) {
      const auto run_edits = [&](u32 point) {
        for (; edit < output.edits.size() && output.edits[edit].point <= point; ++edit) {
          const regalloc::Allocation from = output.edits[edit].from;
          if (from.kind() != regalloc::Allocation::Kind::Remat)
            continue;  // moves leave flags alone
          const OpFacts& facts = op_facts(vcode.insts[from.index()].op);
          if ((facts.flags_written | facts.flags_spoilt) == 0) continue;
          // Whatever it leaves in the flags, it is not what the reader asked for.
          walker.valid = 0;
          walker.paired = false;
          walker.spoiler = "a rematerialised constant";
        }
      };
      run_edits(2 * inst);
      const machinst::MInst& code = vcode.insts[inst];
      const OpFacts& facts = op_facts(code.op);
      if (facts.flags_read != 0) {
        const u8 needed = flags_needed(code);
        const u8 missing = static_cast<u8>(needed & ~walker.valid);
        if (missing != 0) {
          findings.push_back({inst, std::string(opcode_family(code.op)) + " reads " +
                                        names_of(missing) + ", which has no value after " +
                                        walker.spoiler});
        } else if (!walker.paired) {
          findings.push_back({inst, std::string(opcode_family(code.op)) +
                                        " does not follow its writer but " + walker.spoiler});
        }
      }
      walker.execute(code.op, opcode_family(code.op));
      run_edits(2 * inst + 1);
    }
  }
  return findings;
}

}  // namespace gantry::isa::x64

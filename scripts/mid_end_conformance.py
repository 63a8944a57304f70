#!/usr/bin/env python3
"""Compares what the mid-end makes of functions with what another optimiser's authors expect, and writes the page about it.

The suite of CLIF file tests has a list of files whose text is the taste of one optimiser (`implementation-dependent.txt`, a
class and a file a line). Each function in them is optimised by `gantry test --update`; its instructions are compared with the
expected ones: the same up to names, or by their number and their cost as `own_cost` (src/gantry/opt/rewrite.cpp) has it.
Where a file has directives, only the checked lines say what is expected. NOTES below says why what differs differs; a
function that is worse and has no note there makes the script fail.

    scripts/mid_end_conformance.py --gantry build/release/bin/gantry --suite DIR            # look
    scripts/mid_end_conformance.py --gantry … --suite DIR --write docs/reference/mid-end-conformance.md
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

COST = collections.defaultdict(lambda: 4)
for names, cost in (
    ("iconst f32const f64const uextend sextend ireduce iconcat isplit", 1),
    ("imul", 12),
    ("umulhi smulhi", 16),
    ("udiv sdiv urem srem", 80),
):
    for name in names.split():
        COST[name] = cost
COMMUTATIVE = set("iadd imul band bor bxor umulhi smulhi smin smax umin umax fadd fmul uadd_overflow sadd_overflow "
                  "umul_overflow smul_overflow uadd_sat sadd_sat avg_round".split())
SWAPPED = dict(eq="eq", ne="ne", slt="sgt", sgt="slt", sle="sge", sge="sle", ult="ugt", ugt="ult", ule="uge", uge="ule")

# Why a file or a function is not the same: file -> note, or file and function -> note. A function note that begins with
# "same:", "as good:" or "better:" overrules the figures, because the checked lines leave out what the note names.
LEFT = "a constant without use is left behind a dead store; lowering makes nothing of it"
READ_ONLY = "a store that can trap stays where a load has shown the same value: memory may be readable and not writable"
NAMED = "same: the checked lines name what became of loads; the stores between are as in the source"
NOTES = {
    "alias/control-flow-join-lossy.clif": "empty blocks go",
    "alias/crossing-merges.clif": "branches whose sides do the same go; a store sinks to its only reader",
    "alias/dead-store-cross-block.clif": "chains of blocks are merged",
    "alias/dead-store-then-idempotent-store.clif": "dead stores across blocks, loads nobody needs",
    "alias/dead-store-trap-codes.clif": "chains of blocks are merged",
    "alias/endianness.clif": "a load with the target’s order named explicitly is the same load",
    "alias/extends.clif": "narrow loads behind a wider one take its bits instead of going to memory",
    "alias/idempotent-store.clif": "chains of blocks are merged",
    "alias/no-region.clif": "chains of blocks are merged",
    "alias/not-dead-all-regions-observed.clif": "empty blocks go",
    "alias/not-dead-cross-region.clif": "empty blocks go",
    "alias/not-dead-loop-carried.clif": "constants are made where they are used",
    "alias/not-dead-region-observed.clif": "empty blocks go; a store is dead across a load of another address",
    "alias/stale-last-store-after-idempotent-store.clif": "the store sinks to the only path that sees it",
    "egraph/branch-to-trap.clif": "blocks that only trap become conditional traps",
    "egraph/cprop.clif": "one more constant is folded",
    "egraph/i128-opts.clif": "a constant of 128 bits is a pair of constants",
    "egraph/issue-13365-2.clif": "unreachable blocks go",
    "egraph/issue-7891.clif": "the comparison is made once, above the branch",
    "egraph/misc.clif": "the slot becomes a value",
    "egraph/remat.clif": "a sum that one path uses again is kept",
    "egraph/skeleton.clif": "constants need no alias; `uadd_overflow_trap` of narrow operands is an addition",
    "egraph/srem.clif": "a division that cannot trap is no longer pinned",
    "egraph/urem.clif": "a division that cannot trap is no longer pinned",
    "inline/dynamic-stack-slots.clif": "dynamic types are printed by their names",
    "inline/stack-maps-opt.clif": "a slot that no stack map names any more goes",
    ("alias/categories.clif", "%f0"): NAMED,
    ("alias/check-unset-reset-flag.clif", "u1:0"): "as good: " + LEFT,
    ("alias/dead-store-then-idempotent-store.clif", "%save_clear_restore"): "as good: " + LEFT,
    ("alias/dead-store-then-idempotent-store.clif", "%two_regions_interleaved"): "as good: " + LEFT,
    ("alias/eight_regions.clif", "%eight_regions"): NAMED,
    ("alias/endianness.clif", "%dead_store_then_idempotent_store_mismatched_endianness"): READ_ONLY,
    ("alias/endianness.clif", "%idempotent_store_matching_endianness"): READ_ONLY,
    ("alias/extends.clif", "%f0"): "better: two of five loads are gone",
    ("alias/idempotent-store.clif", "%idempotent_store_after_load"): READ_ONLY,
    ("alias/idempotent-store.clif", "%idempotent_store_then_load"): READ_ONLY,
    ("alias/issue-13508.clif", "%f"): NAMED,
    ("alias/issue-13961.clif", "%load_after_dead_store"): "as good: " + LEFT,
    ("alias/no-region.clif", "%f"): "an access without region may touch any memory (so the language says), so the load in between "
    "sees the store",
    ("alias/not-dead-loop-carried.clif", "%loop_carried"): "better: a round takes what the one before has stored, without a load; the "
    "last round stores once",
    ("alias/same-description.clif", "%same_description_different_regions"): NAMED,
    ("alias/simple-alias.clif", "%f0"): NAMED,
    ("alias/simple-alias.clif", "%f1"): NAMED,
    ("egraph/basic-gvn.clif", "%f"): "same: the branch is not among the checked lines",
    ("egraph/i128-opts.clif", "%bor_extended_constants_i128"): "as good: the upper half of an extended constant is a constant in a "
    "register of its own as well",
    ("egraph/issue-7999.clif", "u0:11"): "same: the constant has another number",
    ("egraph/load-hoist.clif", "%can_move_hoists"): "same: the load leaves the loop; not all that stays is among the checked lines",
    ("egraph/load-hoist.clif", "%non_can_move_does_not_hoist"): "better: the loop runs at least once, so the load is done in front of "
    "it, no earlier than in its first round; not all that stays is among the checked lines",
    ("egraph/try_call-mem-clobber.clif", "u0:0"): "as good: the address of the slot is computed again behind the call, not kept; the "
    "call is not among the checked lines",
}

INST = re.compile(r"(?:@[0-9a-f]+ )?(?:(v\d+(?:, ?v\d+)*) = )?([a-z][a-z0-9_]*)(\S*) ?(.*)")
DECLARATION = re.compile(r"(ss|gv|sig|fn|region|const|stack_limit|dt|dss)\d* ?=")


class Function:
    def __init__(self, name):
        self.name = name
        self.lines = []  # instructions and block headers, values renamed in order of definition
        self.ops = []

    @property
    def cost(self):
        return sum(COST[op] for op in self.ops)


def renamed(line, names):
    return re.sub(r"\bv\d+\b", lambda m: names.setdefault(m.group(0), f"V{len(names)}"), line)


def parse(text):
    """The functions of printed CLIF."""
    functions, current, names, aliases = [], None, {}, {}
    for line in text.split("\n"):
        line = re.sub(r"\s*;.*", "", line).strip()
        head = re.match(r"function (\S+?)\(", line)
        if head:
            current, names, aliases = Function(head.group(1)), {}, {}
            functions.append(current)
            continue
        if current is None or not line:
            continue
        if line.startswith("}"):
            current = None
            continue
        alias = re.match(r"(v\d+) -> (v\d+)$", line)
        if alias:
            aliases[alias.group(1)] = aliases.get(alias.group(2), alias.group(2))
            continue
        line = re.sub(r"\bv\d+\b", lambda m: aliases.get(m.group(0), m.group(0)), line)
        if line.startswith("block"):
            current.lines.append(renamed(line, names))
            continue
        inst = INST.match(line)
        if not inst or DECLARATION.match(line):
            continue
        result, op, suffix, operands = inst.groups()
        operands = renamed(operands, names)
        if op in COMMUTATIVE:
            operands = ", ".join(sorted(operands.split(", ")))
        compare = re.match(r"(\w+) (\w+), (\w+)$", operands) if op == "icmp" else None
        if compare and compare.group(2) > compare.group(3) and compare.group(1) in SWAPPED:
            operands = f"{SWAPPED[compare.group(1)]} {compare.group(3)}, {compare.group(2)}"
        current.lines.append(f"{renamed(result or '', names)} {op}{suffix} {operands}")
        current.ops.append(op)
    return functions


def comments(text):
    return "\n".join(re.sub(r"^; ?", "", l) for l in text.split("\n") if l.startswith(";") and not l.startswith(";;"))


class Suite:
    def __init__(self, gantry, root, scratch):
        self.gantry, self.root, self.scratch = gantry, root, scratch
        self.next = 0

    def run(self, *args):
        done = subprocess.run([self.gantry, "test", *args], capture_output=True, text=True)
        return done.stdout

    def updated(self, text):
        """The file with our text as its expectation."""
        self.next += 1
        path = self.scratch / f"{self.next}.clif"
        path.write_text(text)
        output = self.run("--update", str(path))
        if " 0 failed" not in output.strip().split("\n")[-1]:
            sys.exit(f"{path}:\n{output}")
        return path.read_text()

    def precise(self, text):
        """(function, verdict, expected, ours) of a file that expects whole functions."""
        expected = parse(comments(text))
        ours = parse(comments(self.updated(text)))
        count = len(re.findall(r"^function", text, re.M))
        if [f.name for f in expected] != [f.name for f in ours]:
            sys.exit("other functions are printed than expected")
        for theirs, mine in zip(expected, ours):
            name = theirs.name
            if mine.lines == theirs.lines:
                yield name, "same", theirs, mine
            else:
                yield name, verdict(theirs, mine), theirs, mine
        for _ in range(count - len(expected)):  # of which the file says that nothing is done to them
            yield "", "same", None, None

    def checked(self, text):
        """The same of a file with directives."""
        lines = text.split("\n")
        starts = [i for i, l in enumerate(lines) if l.startswith("function")] + [len(lines)]
        head = [l for l in lines[: starts[0]] if not l.startswith(";") and not re.match(r"test (interpret|run)", l)]
        for start, stop in zip(starts, starts[1:]):
            piece = lines[start:stop]
            name = re.match(r"function (\S+?)\(", piece[0]).group(1)
            self.next += 1
            path = self.scratch / f"{self.next}.clif"
            path.write_text("\n".join(head + piece) + "\n")
            passes = " 0 failed" in self.run(str(path)).strip().split("\n")[-1]
            end = next(i for i, l in enumerate(piece) if l.startswith("}"))
            body = [re.sub(r"\s*;.*", "", l) for l in piece[: end + 1]]
            bare = re.sub(r"^test .*$", "test optimize precise-output", "\n".join(head), flags=re.M)
            mine = parse(comments(self.updated(bare + "\n\n" + "\n".join(body) + "\n")))[0]
            theirs = checked_lines(name, piece, body)
            if passes or collections.Counter(theirs.ops) == collections.Counter(mine.ops):
                yield name, "same", theirs, mine
            else:
                yield name, verdict(theirs, mine), theirs, mine


def checked_lines(name, piece, body):
    """What directives expect: the instructions in them, and those of the function that these refer to."""
    theirs, defined, used = Function(name), set(), set()
    for line in piece:
        check = re.search(r";.*?\b(?:check|nextln|next|sameln):\s*([^;]*)", line)
        if not check:
            continue
        theirs.lines.append(check.group(1).strip())
        values = re.findall(r"\bv\d+\b", check.group(1))
        inst = re.match(r"(?:(?:\$?[\w$()=]+(?:, \S+)*) = )?([a-z][a-z0-9_]*)", check.group(1))
        if not inst or DECLARATION.match(check.group(1)) or re.match(r"block\d|v\d+ ->|function", check.group(1)):
            continue
        theirs.ops.append(inst.group(1))
        if " = " in check.group(1):
            defined.add(values[0])
            values = values[1:]
        used.update(values)
    definitions = {}
    for line in body:
        inst = INST.match(line.strip())
        if inst and inst.group(1) and not DECLARATION.match(line.strip()):
            definitions[inst.group(1)] = (inst.group(2), re.findall(r"\bv\d+\b", inst.group(4)))
    work = list(used)
    while work:
        value = work.pop()
        if value in defined or value not in definitions:
            continue
        defined.add(value)
        op, operands = definitions[value]
        theirs.ops.append(op)
        work += operands
    return theirs


def verdict(theirs, mine):
    figures = lambda f: (f.cost, len(f.ops))
    if figures(mine) == figures(theirs):
        return "as good"
    return "better" if figures(mine) < figures(theirs) else "worse"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--gantry", required=True)
    arguments.add_argument("--suite", required=True, type=pathlib.Path)
    arguments.add_argument("--write", type=pathlib.Path)
    arguments.add_argument("--only", default="", help="files whose name contains this")
    arguments.add_argument("-v", "--verbose", action="store_true", help="both texts of what differs")
    options = arguments.parse_args()

    rows, read, unexplained, notes_used = [], [], [], set()
    with tempfile.TemporaryDirectory() as scratch:
        suite = Suite(options.gantry, options.suite, pathlib.Path(scratch))
        for entry in (options.suite / "implementation-dependent.txt").read_text().split("\n"):
            if not entry or options.only not in entry:
                continue
            kind, file = entry.split("\t")
            text = (options.suite / file).read_text()
            counts, worse = collections.Counter(), []
            for name, what, theirs, mine in (suite.checked if kind.endswith("filecheck") else suite.precise)(text):
                note = NOTES.get((file, name), "")
                if what != "same" and note:
                    notes_used.add((file, name))
                    for said in ("same", "as good", "better"):
                        if note.startswith(said + ":"):
                            what = said
                            read.append((file, name, note))
                counts[what] += 1
                if what == "worse":
                    worse.append((name, theirs, mine, note))
                    if not note:
                        unexplained.append(f"{file} {name}")
                if what != "same" and options.verbose:
                    print(f"{file} {name}: {what}, {theirs.cost} {mine.cost}")
                    print("    expected " + " | ".join(theirs.lines))
                    print("    ours     " + " | ".join(mine.lines))
            if file in NOTES:
                notes_used.add(file)
            rows.append((file, counts, worse))

    total = sum((counts for _, counts, _ in rows), collections.Counter())
    summary = (f"Of {sum(total.values())} functions in {len(rows)} files: {total['same']} same, {total['as good']} as good, "
               f"{total['better']} better, {total['worse']} worse.")
    print(summary)
    for line in unexplained:
        print("worse, and no note says why:", line)
    stale = [] if options.only else [str(note) for note in NOTES if note not in notes_used]
    for line in stale:
        print("note about what is the same:", line)
    if options.write:
        options.write.write_text(page(rows, read, summary))
    return 1 if unexplained or stale else 0


def page(rows, read, summary):
    out = ["""# The mid-end against the expectations of others

The suite of CLIF file tests that the project is held against has a list of files whose text is the taste of one optimiser
(`implementation-dependent.txt`). `gantry test --ignore-text LIST` runs these, too: the functions must get through and verify,
and results of run commands must be right; only the printed text is not compared. All other files must match.

This page compares our optimised CLIF with the expected one, function by function: **same** up to the names of values and the
order of commutative operands, **as good** (another form of the same cost and length), **better** or **worse** by the cost of
its operations as `own_cost` has it (instructions that stay count as one simple operation each), then by their number. In files
with directives only the checked lines can be compared; where these leave something out that counts, it was read.
`scripts/mid_end_conformance.py` writes it, and fails if something is worse without a reason.
""", summary, "", "| file | same | as good | better | worse | what differs |", "|---|--:|--:|--:|--:|---|"]
    for file, counts, _ in rows:
        out.append(f"| `{file}` | {counts['same']} | {counts['as good']} | {counts['better']} | {counts['worse']} "
                   f"| {NOTES.get(file, '')} |")
    lines = [(file, name, theirs, mine, note) for file, _, worse in rows for name, theirs, mine, note in worse]
    if lines:
        out += ["", "## What is worse, and why", "", "| function | expected cost | ours | why |", "|---|--:|--:|---|"]
        out += [f"| `{file}` `{name}` | {theirs.cost} | {mine.cost} | {note} |" for file, name, theirs, mine, note in lines]
    if read:
        out += ["", "## What was read, because the figures of the checked lines say something else", "", "| function | |", "|---|---|"]
        out += [f"| `{file}` `{name}` | {note} |" for file, name, note in read]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    sys.exit(main())

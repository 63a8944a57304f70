#!/usr/bin/env python3
"""Writes docs/reference/rule-coverage.md: how often each rule of the mid-end fires.

    scripts/rule_coverage.py [--gantry PROGRAM] [--fuzz PROGRAM] [--corpora DIRECTORY] [--count N] [--output FILE]

Counted are the file tests and, if there is one, a directory of corpora (*.clif, *.clif.zst), by a `gantry` configured
with -DGANTRY_RULE_COVERAGE=ON (default: build/coverage/bin/gantry), and N random programs, by any build's
fuzz_opt_vs_interp (default: build/release/bin). Exit status 1 if a rule is fired by no file test, or by no random
program without a reason below.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Why random programs don't fire a rule, or hardly ever.
RARE = "needs two numbers or conditions that seldom come together; its file test fires it"
REASONS = {
    "or_of_bytes_is_bswap": "has no shape: four shifted and masked bytes of one number, in any order",
    "ushr_of_bswap": RARE,
    "eq_clz_width": RARE,
    "ne_ctz_width": RARE,
    "and_of_order_not_end": RARE,
    "and_of_order_not_end_right": RARE,
    "or_of_order_end": RARE,
    "or_of_order_end_right": RARE,
    "select_of_flipped": RARE,
    "select_of_icmps_left_right": RARE,
    "three_way_minus_first_i8": RARE,
    "shl_sshr_is_sextend": RARE,
}


def counts_of(command, report):
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 1):  # 1: a test failed, or a finding; what fired has fired
        sys.exit(f"rule_coverage: status {done.returncode} of {' '.join(map(str, command))}")
    if done.returncode == 1:
        print(f"rule_coverage: something is wrong, says {' '.join(map(str, command[:2]))}", file=sys.stderr)
    counts = {}
    for line in report.read_text().splitlines():
        count, rule_set, _term, place, name = line.split(" ")[:5] if line.count(" ") >= 4 else line.split(" ") + [""]
        if rule_set == "mid_end":
            counts[(place.rsplit(":", 1)[0], int(place.rsplit(":", 1)[1]), name)] = int(count)
    return counts


def number(count):
    return "–" if count is None else f"{count:,}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gantry", default="build/coverage/bin/gantry")
    parser.add_argument("--fuzz", default="build/release/bin/fuzz_opt_vs_interp")
    parser.add_argument("--corpora", type=pathlib.Path, default=ROOT / ".." / "shared" / "corpus" / "clif")
    parser.add_argument("--count", type=int, default=40000)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs" / "reference" / "rule-coverage.md")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "rules.txt"
        tests = counts_of([options.gantry, "test", "tests/filetests", "--rule-coverage", str(report)], report)
        random = counts_of([options.fuzz, "--count", str(options.count), "--rule-coverage", str(report)], report)
        corpora, names = {}, []
        for path in sorted(options.corpora.glob("*.clif*")) if options.corpora.is_dir() else []:
            names.append(path.name.split(".")[0])
            counts = counts_of([options.gantry, "bench", "compile", "--target", "x86_64", "--set", "opt_level=speed", "--set",
                                "preserve_frame_pointers=true", "--rule-coverage", str(report), str(path)], report)
            for rule, count in counts.items():
                corpora[rule] = corpora.get(rule, 0) + count

    rules = sorted(tests)
    if sorted(random) != rules:
        sys.exit("rule_coverage: the two programs have different rules; build both anew")
    total = len(rules)
    untested = [rule for rule in rules if tests[rule] == 0]
    unexplained = [rule for rule in rules if random[rule] == 0 and rule[2] not in REASONS]

    def fired(counts):
        return f"{sum(1 for rule in rules if counts.get(rule)):,} of {total:,}"

    lines = [
        "# Rule coverage",
        "",
        "How often each rule of the mid-end fires. Written by `scripts/rule_coverage.py`; how to fire a rule:",
        "[cover the rules](../how-to/cover-the-rules.md).",
        "",
        "| source | rules fired |",
        "|---|---|",
        f"| file tests (`tests/filetests`) | {fired(tests)} |",
        f"| corpora ({', '.join(names)}) | {fired(corpora)} |" if names else "| corpora (not counted) | – |",
        f"| random programs ({options.count:,}, from seed 0) | {fired(random)} |",
        "",
        "Rules that only random programs and file tests fire wait for code that needs them. A rule counts when it fires for its",
        "own sake, and when another rule asks it.",
    ]
    for file in sorted({rule[0] for rule in rules}):
        of_file = [rule for rule in rules if rule[0] == file]
        has_reason = any(random[rule] == 0 for rule in of_file)
        lines += ["", f"## {pathlib.PurePosixPath(file).name}", ""]
        lines += ["| rule | file tests | corpora | random programs |" + (" why not |" if has_reason else "")]
        lines += ["|---|--:|--:|--:|" + ("---|" if has_reason else "")]
        for rule in of_file:
            cells = [f"`{rule[2]}`", number(tests[rule]), number(corpora.get(rule) if names else None), number(random[rule])]
            if has_reason:
                cells.append(REASONS.get(rule[2], "") if random[rule] == 0 else "")
            lines.append("| " + " | ".join(cells) + " |")
    options.output.write_text("\n".join(lines) + "\n")
    for what, missing in (("file test", untested), ("random program", unexplained)):
        for file, line, name in missing:
            print(f"{file}:{line}: {name} is fired by no {what}", file=sys.stderr)
    return 1 if untested or unexplained else 0


if __name__ == "__main__":
    sys.exit(main())

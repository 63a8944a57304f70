#!/usr/bin/env python3
"""How executed instructions grow with the size of a function, for each shape of tests/limits/large_functions.cpp.

  bench/scaling.py [--run build/release/bin/scaling_run] [--size 100000] [--opt-level none,speed] [--shapes NAME,…]
                   [--jobs N] [--details] [--out bench/scaling] [--max 1.1]

Counts what verifier and compiler execute (callgrind, `scaling_run`) at the sizes N/4, N/2 and N. If that is a fixed cost plus
c·n^e, then the growth from N/2 to N is 2^e times the growth from N/4 to N/2: e is what is printed, and must be at most 1.1.
Counts do not depend on the machine's load. --details names the functions that grow fastest. Writes OUT.json and OUT.md.
"""
import argparse
import collections
import concurrent.futures
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile


def read_functions(path):
    own, names, function, is_callee = collections.Counter(), {}, None, False
    for line in path.read_text().splitlines():
        if line.startswith(("fn=", "cfn=")):
            found = re.match(r"c?fn=\((\d+)\)(?: (.*))?", line)
            if found[2]:
                names[found[1]] = found[2]
            if line[0] == "c":
                is_callee = True
            else:
                function = names[found[1]]
        elif line and (line[0].isdigit() or line[0] in "+-*"):
            if not is_callee and function is not None:
                own[function] += int(line.split()[1])
            is_callee = False
    return own


def count(args, shape, size, level):
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "out"
        done = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=gantry::limits_testing::measured*",
                               f"--callgrind-out-file={out}", args.run, shape, str(size), level], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{shape}, {size}: {done.stdout}{done.stderr[-2000:]}")
        total = int(re.search(r"Collected : (\d+)", done.stderr)[1])
        return total, done.stdout.strip(), read_functions(out) if args.details else None


def exponent(counts):
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    return math.log2(second / first) if first > 0 and second > 0 else 0.0


def measure(args, shape, level):
    sizes = [args.size // 4, args.size // 2, args.size]
    runs = [count(args, shape, size, level) for size in sizes]
    counts = [run[0] for run in runs]
    limits = [run[1] for run in runs if run[1].startswith("limit")]
    result = {"instructions": counts, "exponent": round(exponent(counts), 3), "per_piece": round(counts[2] / sizes[2], 1)}
    if limits:
        result["limit"] = limits[0]
    worst = []
    if args.details:
        growth = counts[2] - counts[1]
        for name in runs[2][2]:
            per_size = [run[2][name] for run in runs]
            grown = per_size[2] - per_size[1]
            if growth > 0 and grown > 0.02 * growth and exponent(per_size) > 1.05:
                worst.append((grown / growth, exponent(per_size), name))
    return shape, level, result, sorted(worst, reverse=True)[:8]


def table(figures, size):
    lines = [f"# Executed instructions by size\n", f"`bench/scaling.py --size {size}`: verifier and compiler, at {size // 4:,}, "
             f"{size // 2:,} and {size:,} pieces; exponent of the growth,", "instructions for each piece at the largest size.\n"]
    levels = list(figures)
    lines.append("| shape | " + " | ".join(f"{level}: exponent | per piece" for level in levels) + " |")
    lines.append("|---|" + "--:|--:|" * len(levels))
    for shape in figures[levels[0]]:
        cells = []
        for level in levels:
            found = figures[level][shape]
            note = " (limit)" if "limit" in found else ""
            cells.append(f"{found['exponent']:.2f} | {found['per_piece']:,.0f}{note}")
        lines.append(f"| {shape} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default=str(pathlib.Path(__file__).parent.parent / "build/release/bin/scaling_run"))
    parser.add_argument("--size", type=int, default=100000)
    parser.add_argument("--opt-level", default="none,speed")
    parser.add_argument("--shapes")
    parser.add_argument("--max", type=float, default=1.1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--details", action="store_true")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    shapes = subprocess.run([args.run], capture_output=True, text=True, check=True).stdout.splitlines()
    if args.shapes:
        unknown = set(args.shapes.split(",")) - set(shapes)
        if unknown:
            sys.exit(f"no such shapes: {', '.join(sorted(unknown))}")
        shapes = [shape for shape in shapes if shape in args.shapes.split(",")]
    levels = args.opt_level.split(",")
    figures = {level: {} for level in levels}
    failed = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for shape, level, result, worst in pool.map(lambda job: measure(args, *job),
                                                    [(shape, level) for level in levels for shape in shapes]):
            figures[level][shape] = result
            bad = result["exponent"] > args.max
            if bad:
                failed.append(f"{shape} ({level}): {result['exponent']}")
            print(f"{level:5} {shape:36} {result['exponent']:6.3f} {result['per_piece']:12,.1f}{'  ABOVE' if bad else ''}"
                  f"  {result.get('limit', '')}", flush=True)
            for share, power, name in worst:
                print(f"        {share:6.1%} of the growth, exponent {power:.2f}: {name[:120]}", flush=True)
    if args.out:
        args.out.with_suffix(".json").write_text(json.dumps({"size": args.size, "figures": figures}, indent=2) + "\n")
        args.out.with_suffix(".md").write_text(table(figures, args.size))
    if failed:
        sys.exit("grows faster than n^%g: %s" % (args.max, "; ".join(failed)))


if __name__ == "__main__":
    main()

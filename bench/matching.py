#!/usr/bin/env python3
"""Counts what matching lowering rules costs by itself, in executed instructions per call of a root term.

  bench/matching.py CORPUS_DIR [--build build/matching] [--opt-level none,speed] [--only cjson,…] [--details] [--out bench/matching.json]

What counts as matching: everything the generated functions do themselves to find the rule (the roots `lower` and
`lower_brif` and the helper terms below them, with all that is inlined into them and with handing the rule's values to its
right side), and inclusively whatever else they call on a left side (extractors, pure partial constructors). What does not
count: right sides and what they call. To tell the two apart, the build has every right side as a function of its own that
is never inlined (GANTRY_LEAVES_APART); the script configures and builds it:

  cmake -S . -B build/matching -G Ninja -DCMAKE_CXX_FLAGS="-O2 -DNDEBUG" -DGANTRY_LEAVES_APART=ON -DGANTRY_BUILD_TESTS=OFF

Counted by callgrind, a run of `gantry bench compile --iters 2` less one of `--iters 1`. Fails above BUDGET.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

BUDGET = 150
ROOTS = {"constructor_lower", "constructor_lower_brif"}
HERE = pathlib.Path(__file__).resolve().parent


def build(directory):
    if not (directory / "build.ninja").exists():
        subprocess.run(["cmake", "-S", str(HERE.parent), "-B", str(directory), "-G", "Ninja", "-DCMAKE_CXX_FLAGS=-O2 -DNDEBUG",
                        "-DCMAKE_C_FLAGS=-O2 -DNDEBUG", "-DGANTRY_LEAVES_APART=ON", "-DGANTRY_BUILD_TESTS=OFF"],
                       check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", str(directory), "--target", "gantry"], check=True, stdout=subprocess.DEVNULL)


def generated_functions(directory):
    """Names of what islec wrote: matchers, right sides."""
    matchers, leaves = set(), set()
    for path in sorted((directory / "gen/gantry/gen/isle/x64_lower").glob("rules*.cpp")):
        for line in path.read_text().splitlines():
            found = re.match(r"(\[\[gnu::noinline\]\] )?[\w:<> ]+ (\w+)\(.*\) \{$", line)
            if found and not line.startswith(" "):
                (leaves if found[1] else matchers).add(found[2])
    return matchers, leaves


def base_name(symbol):
    """Of `gantry::isa::x64::lower_Iadd(…) [clone .part.0]`: lower_Iadd, if it is a free function of that namespace."""
    name = symbol.split("(")[0].split("'")[0]
    prefix = "gantry::isa::x64::"
    return name[len(prefix):] if name.startswith(prefix) and "::" not in name[len(prefix):] else None


def read_profile(path):
    """Exclusive cost by function; (calls, inclusive cost) by caller and callee."""
    own, edges = collections.Counter(), {}
    function = callee = None
    calls = 0
    for line in path.read_text().splitlines():
        if line.startswith("fn="):
            function = line[3:]
        elif line.startswith("cfn="):
            callee = line[4:]
        elif line.startswith("calls="):
            calls = int(line[6:].split()[0])
        elif line and (line[0].isdigit() or line[0] in "+-*") and function is not None:
            cost = int(line.split()[1])
            if callee is None:
                own[function] += cost
            else:
                edge = edges.setdefault((function, callee), [0, 0])
                edge[0] += calls
                edge[1] += cost
                callee = None
        elif line.startswith("totals:"):
            function = None
    return own, edges


def profile(gantry, corpus, level, iters):
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "out"
        done = subprocess.run(["valgrind", "--tool=callgrind", "--compress-strings=no", "--compress-pos=no",
                               f"--callgrind-out-file={out}", gantry, "bench", "compile", "--iters", str(iters), "--set",
                               "preserve_frame_pointers=true", "--set", f"opt_level={level}", "--target", "x86_64", str(corpus)],
                              capture_output=True, text=True, check=True)
        total = [line for line in done.stdout.splitlines() if line.startswith("total:")][-1]
        return *read_profile(out), int(re.search(r"clif_insts=(\d+)", total)[1])


def measure(args, functions, corpus, level):
    gantry = str(args.build / "bin/gantry")
    once, twice = profile(gantry, corpus, level, 1), profile(gantry, corpus, level, 2)
    insts = once[2]
    own = twice[0]
    own.subtract(once[0])
    edges = {key: [value[i] - once[1].get(key, (0, 0))[i] for i in (0, 1)] for key, value in twice[1].items()}
    matchers, leaves = functions

    def kind(symbol):
        name = base_name(symbol)
        return "matcher" if name in matchers else "leaf" if name in leaves else "other"

    roots = sum(value[0] for (caller, callee), value in edges.items()
                if base_name(callee) in ROOTS and kind(caller) == "other")
    parts, calls = collections.Counter(), collections.Counter()
    for symbol, cost in own.items():
        if kind(symbol) == "matcher":
            parts[base_name(symbol)] += cost
    for (caller, callee), (count, cost) in edges.items():
        if kind(callee) == "matcher":
            calls[base_name(callee)] += count
        elif kind(caller) == "matcher" and kind(callee) == "other":
            name = callee.split("'")[0].split("(")[0].replace("gantry::", "")
            parts[f"call of {name}"] += cost
            calls[f"call of {name}"] += count
    if roots == 0:
        sys.exit("no root was called: is this a build with GANTRY_LEAVES_APART?")
    extractors = sum(cost for name, cost in parts.items() if name.startswith("call of"))
    result = {"roots": roots, "clif_insts": insts, "matchers": round((sum(parts.values()) - extractors) / roots, 1),
              "extractors": round(extractors / roots, 1), "matching": round(sum(parts.values()) / roots, 1)}
    if args.details:
        for name, cost in parts.most_common(args.details):
            each = cost / calls[name] if calls[name] else 0
            print(f"    {cost / roots:7.2f} a root  {calls[name] / roots:6.3f} calls of {each:7.1f}  {name}")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build/matching")
    parser.add_argument("--opt-level", default="none,speed")
    parser.add_argument("--only", help="names of corpora")
    parser.add_argument("--details", type=int, nargs="?", const=40, help="print the dearest functions")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    build(args.build)
    functions = generated_functions(args.build)
    figures, worst = {}, 0
    for level in args.opt_level.split(","):
        for path in sorted(args.corpus.glob("*.clif.zst"), key=lambda p: p.stat().st_size):
            name = path.name.split(".")[0]
            if args.only and name not in args.only.split(","):
                continue
            found = measure(args, functions, path, level)
            figures.setdefault(level, {})[name] = found
            worst = max(worst, found["matching"])
            print(f"{level} {name}: {found['matching']} a root ({found['matchers']} matchers, {found['extractors']} extractors "
                  f"that are calls), {found['roots']} roots", flush=True)
    if args.out:
        args.out.write_text(json.dumps(figures, indent=2) + "\n")
    if worst > BUDGET:
        sys.exit(f"matching costs {worst} executed instructions a root, the budget is {BUDGET}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measures how fast the code is that Gantry makes, against Clang on the same algorithms in C, and draws it.

  bench/quality.py [--gantry BIN] [--native] [--rounds N] [--kernel NAME …] [--quick] [--out bench/quality]
  bench/quality.py --check [--cc CC]      only compares results: every kernel at small n, no clock

For each kernel in bench/quality/kernels: NAME.clif by `gantry compile` at opt_level none and speed, NAME.c by Clang at -O2
without vectorizers (the bound), -O2 and -O1. All variants of a kernel run by turns, N rounds, the fastest run counts.
A wrong result ends the measurement. n is chosen so that the bound runs 40 ms (--quick: 4 ms, 2 rounds).
Writes OUT.json and OUT.svg when all kernels were measured (with --native: OUT-native.json and .svg); --quick writes nothing.
Baseline x86-64 on both sides; with --native the features of this machine on both sides.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "quality"
KERNELS = HERE / "kernels"
GANTRY = {"none": "none", "speed": "speed"}
BOUND = ["-O2", "-fno-vectorize", "-fno-slp-vectorize"]
CLANG = {"bound": BOUND, "O2": ["-O2"], "O1": ["-O1"]}
VARIANTS = [*GANTRY, *CLANG]
# The same arithmetic on both sides: no fusing of multiply and add, square roots without errno.
SAME_ARITHMETIC = ["-ffp-contract=off", "-fno-math-errno"]


class Failure(Exception):
    """What ends the measurement, in words for the user."""


def command(*words):
    try:
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(map(str, words))}: still running after 120 s")
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def compile_gantry(args, name, level, folder, settings=()):
    out = folder / f"{name}.{level}.o"
    target = [] if args.native else ["--target", "x86_64"]
    words = [word for setting in (f"opt_level={level}", *settings) for word in ("--set", setting)]
    command(args.gantry, "compile", *target, *words, "-o", out, KERNELS / f"{name}.clif")
    return out


def compile_c(cc, flags, name, variant, folder):
    out = folder / f"{name}.{variant}.o"
    command(cc, *flags, *SAME_ARITHMETIC, "-c", KERNELS / f"{name}.c", "-o", out)
    return out


def compile_driver(cc, name, folder):
    out = folder / f"{name}.driver.o"
    command(cc, "-O1", f"-DKERNEL={name}", "-c", HERE / "driver.c", "-o", out)
    return out


def link(cc, driver, object_file):
    out = object_file.with_suffix("")
    command(cc, driver, object_file, "-o", out)
    return out


def run(program, n):
    nanoseconds, checksum = command(program, n).split()
    return int(nanoseconds), checksum


def check_same(name, n, checksums):
    if len(set(checksums.values())) != 1:
        raise Failure(f"{name}: the results for n = {n} differ: {checksums}")


def check(args, names, folder):
    for name in names:
        judges = ["enable_verifier=true", "regalloc_checker=true"]
        driver = compile_driver(args.cc, name, folder)
        programs = {level: link(args.cc, driver, compile_gantry(args, name, level, folder, judges)) for level in GANTRY}
        programs["C"] = link(args.cc, driver, compile_c(args.cc, ["-O1"], name, "C", folder))
        results = []
        for n in (0, 1, 3, 20):
            checksums = {variant: run(program, n)[1] for variant, program in programs.items()}
            check_same(name, n, checksums)
            results.append(checksums["C"])
        if len(set(results)) == 1:
            raise Failure(f"{name}: the result does not depend on n: {results[0]}")
        print(f"{name}: same results", flush=True)


def choose_n(program, target):
    n = 1
    while (spent := run(program, n)[0]) < target / 10:
        n *= 4
    return max(1, round(n * target / spent))


def measure(args, name, rounds, target, folder):
    machine = ["-march=native"] if args.native else []
    driver = compile_driver(args.clang, name, folder)
    programs = {level: link(args.clang, driver, compile_gantry(args, name, level, folder)) for level in GANTRY}
    for variant, flags in CLANG.items():
        programs[variant] = link(args.clang, driver, compile_c(args.clang, [*flags, *machine], name, variant, folder))
    n = choose_n(programs["bound"], target)
    fastest = dict.fromkeys(VARIANTS, math.inf)
    for turn in range(rounds):
        checksums = {}
        for k in range(len(VARIANTS)):
            variant = VARIANTS[(turn + k) % len(VARIANTS)]
            nanoseconds, checksums[variant] = run(programs[variant], n)
            fastest[variant] = min(fastest[variant], nanoseconds)
        check_same(name, n, checksums)
    return {"n": n, "ms": {variant: round(fastest[variant] / 1e6, 3) for variant in VARIANTS},
            "ratio": {variant: round(fastest[variant] / fastest["bound"], 3) for variant in VARIANTS}}


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def cpu_model():
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def print_line(name, figures):
    ms, ratio = figures["ms"], figures["ratio"]
    print(f"{name:18} {ms['none']:9.2f} {ms['speed']:9.2f} {ms['bound']:9.2f} {ratio['none']:7.2f} {ratio['speed']:7.2f} "
          f"{ratio['O2']:7.2f} {ratio['O1']:7.2f}", flush=True)


def draw(report, path):
    kernels = sorted(report["kernels"].items(), key=lambda item: -item[1]["ratio"]["speed"])
    width, row, left, top, room = 760, 26, 130, 84, 540
    peak = max(max(figures["ratio"].values()) for _, figures in kernels)
    step = 1 if peak < 12 else 5
    height = top + row * (len(kernels) + 1) + 30
    x = lambda ratio: left + ratio / peak * room
    legend = [("#2a6f97", "opt_level=speed"), ("#b9c4cc", "opt_level=none"), ("#c2410c", "Clang -O2 (line)"), ("#4d7c0f", "Clang -O1 (line)")]
    parts = [f'<text x="14" y="24" font-weight="bold">time of machine code, Clang -O2 without vectorizers = 1 '
             f'({report["mode"]} x86-64)</text>']
    at = 14
    for colour, label in legend:
        parts.append(f'<rect x="{at}" y="37" width="12" height="12" fill="{colour}"/><text x="{at + 17}" y="47">{label}</text>')
        at += 36 + 7 * len(label)
    bottom = top + row * (len(kernels) + 1)
    for tick in range(0, int(peak) + 1, step):
        colour = "#333" if tick == 1 else "#ddd"
        parts.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top - 6}" y2="{bottom}" stroke="{colour}"/>'
                     f'<text x="{x(tick):.1f}" y="{top - 10}" text-anchor="middle">{tick}</text>')
    mean = {variant: geometric_mean([figures["ratio"][variant] for _, figures in kernels]) for variant in VARIANTS}
    y = top
    for name, ratio in [(name, figures["ratio"]) for name, figures in kernels] + [("geometric mean", mean)]:
        weight = ' font-weight="bold"' if ratio is mean else ""
        parts.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end"{weight}>{name}</text>')
        parts.append(f'<rect x="{left}" y="{y + 2}" width="{x(ratio["speed"]) - left:.1f}" height="10" fill="#2a6f97"/>')
        parts.append(f'<rect x="{left}" y="{y + 13}" width="{x(ratio["none"]) - left:.1f}" height="7" fill="#b9c4cc"/>')
        for variant, colour in (("O2", "#c2410c"), ("O1", "#4d7c0f")):
            parts.append(f'<rect x="{x(ratio[variant]) - 1:.1f}" y="{y}" width="2.5" height="22" fill="{colour}"/>')
        parts.append(f'<text x="{x(max(ratio.values())) + 7:.1f}" y="{y + 15}"{weight}>{ratio["speed"]:.2f}</text>')
        y += row
    parts.append(f'<text x="14" y="{height - 12}" fill="#555">{report["machine"]}; {report["clang"]}; fastest of '
                 f'{report["rounds"]} runs; the figures are opt_level=speed</text>')
    body = "\n".join(parts)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
                    f'font-size="12">\n<rect width="100%" height="100%" rx="6" fill="white"/>\n{body}\n</svg>\n')


def bench(args, names, folder):
    rounds, target = (2, 4e6) if args.quick else (args.rounds, 40e6)
    print(f"{'kernel':18} {'none ms':>9} {'speed ms':>9} {'bound ms':>9} {'none':>7} {'speed':>7} {'-O2':>7} {'-O1':>7}")
    kernels = {}
    for name in names:
        kernels[name] = measure(args, name, rounds, target, folder)
        print_line(name, kernels[name])
    mean = {variant: round(geometric_mean([figures["ratio"][variant] for figures in kernels.values()]), 3)
            for variant in VARIANTS}
    worst = max(kernels, key=lambda name: kernels[name]["ratio"]["speed"])
    print(f"{'geometric mean':48} {mean['none']:7.2f} {mean['speed']:7.2f} {mean['O2']:7.2f} {mean['O1']:7.2f}")
    print(f"worst: {worst} {kernels[worst]['ratio']['speed']:.2f}")
    return {"mode": "native" if args.native else "baseline", "machine": cpu_model(),
            "clang": command(args.clang, "--version").splitlines()[0], "rounds": rounds, "geometric_mean": mean,
            "worst": worst, "kernels": kernels}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gantry", default="build/release/bin/gantry")
    parser.add_argument("--clang", default="clang-19")
    parser.add_argument("--cc", default="cc", help="the C compiler of --check")
    parser.add_argument("--kernel", action="append", help="only this one; may be repeated")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "quality")
    args = parser.parse_args()
    names = sorted(path.stem for path in KERNELS.glob("*.clif"))
    for name in args.kernel or []:
        if name not in names:
            parser.error(f"no kernel {name}; there are {', '.join(names)}")
    if args.rounds < 1:
        parser.error("--rounds needs at least 1")
    chosen = args.kernel or names
    try:
        with tempfile.TemporaryDirectory() as folder:
            if args.check:
                check(args, chosen, pathlib.Path(folder))
                return 0
            report = bench(args, chosen, pathlib.Path(folder))
    except (Failure, OSError) as failure:
        print(f"quality.py: {failure}", file=sys.stderr)
        return 1
    if not args.quick and not args.kernel:
        out = args.out.with_name(args.out.name + "-native") if args.native else args.out
        out.with_suffix(".json").write_text(json.dumps(report, indent=2) + "\n")
        draw(report, out.with_suffix(".svg"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

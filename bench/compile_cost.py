#!/usr/bin/env python3
"""Counts what compilation costs, and draws it.

  bench/compile_cost.py CORPUS_DIR [--opt-level speed] [--gantry BIN] [--peers FILE.json] [--out bench/compile_cost]

For each *.clif.zst: executed instructions per CLIF instruction (callgrind: a run with --iters 2 less a run with --iters 1),
code bytes and peak memory. Writes OUT.json and OUT.svg (by default compile_cost, compile_cost_speed, …). PEERS has the same fields for what to compare with.
Executed instructions do not depend on the machine's load; run it as often as you like.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile


def run(args, path, iters, counted):
    command = [args.gantry, "bench", "compile", "--iters", str(iters), "--set", "preserve_frame_pointers=true",
               "--set", f"opt_level={args.opt_level}",
               "--target", "x86_64", str(path)]
    if counted:
        with tempfile.NamedTemporaryFile() as out:
            done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", *command],
                                  capture_output=True, text=True, check=True)
    else:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    total = [line for line in done.stdout.splitlines() if line.startswith("total:")][-1]
    fields = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", total)}
    if counted:
        fields["instructions"] = int(re.search(r"Collected : (\d+)", done.stderr).group(1))
    return fields


def draw(figures, peers, path):
    names = list(figures)
    width, row, left, scale = 760, 46, 90, 520
    rows = [("executed instructions per CLIF instruction", "ir_per_inst"), ("code bytes per CLIF instruction", "bytes_per_inst")]
    parts, y = [], 30
    for title, field in rows:
        peak = max([figures[n][field] for n in names] + [peers[n][field] for n in names if n in peers])
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{title}</text>')
        y += 14
        for name in names:
            own = figures[name][field]
            parts.append(f'<text x="10" y="{y + 20}">{name}</text>')
            parts.append(f'<rect x="{left}" y="{y + 4}" width="{own / peak * scale:.1f}" height="14" fill="#2a6f97"/>')
            parts.append(f'<text x="{left + own / peak * scale + 6:.1f}" y="{y + 15}">{own:,.1f}</text>')
            if name in peers:
                peer = peers[name][field]
                parts.append(f'<rect x="{left}" y="{y + 20}" width="{peer / peak * scale:.1f}" height="14" fill="#bbb"/>')
                parts.append(f'<text x="{left + peer / peak * scale + 6:.1f}" y="{y + 31}">{peer:,.1f} Cranelift</text>')
            y += row
        y += 24
    body = "\n".join(parts)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" font-family="sans-serif" '
                    f'font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--gantry", default="build/release/bin/gantry")
    parser.add_argument("--opt-level", default="none", choices=["none", "speed", "speed_and_size"])
    parser.add_argument("--peers", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    suffix = "" if args.opt_level == "none" else "_" + args.opt_level
    here = pathlib.Path(__file__).parent
    args.peers = args.peers or here / f"peers{suffix}.json"
    args.out = args.out or here / f"compile_cost{suffix}"
    peers = json.loads(args.peers.read_text()) if args.peers.exists() else {}
    figures = {}
    for path in sorted(args.corpus.glob("*.clif.zst"), key=lambda p: p.stat().st_size):
        name = path.name.split(".")[0]
        print(f"{name} …", end="", flush=True, file=sys.stderr)
        one, two, plain = run(args, path, 1, True), run(args, path, 2, True), run(args, path, 1, False)
        insts = one["clif_insts"]
        figures[name] = {
            "functions": one["functions"], "errors": one["errors"], "clif_insts": insts,
            "ir_per_inst": round((two["instructions"] - one["instructions"]) / insts, 1),
            "code_bytes": one["code_bytes"], "bytes_per_inst": round(one["code_bytes"] / insts, 2),
            "peak_rss_kb": plain["peak_rss_kb"],
        }
        print(f' {figures[name]["ir_per_inst"]} Ir/inst, {one["code_bytes"]} bytes', file=sys.stderr)
    args.out.with_suffix(".json").write_text(json.dumps(figures, indent=2) + "\n")
    draw(figures, peers, args.out.with_suffix(".svg"))


if __name__ == "__main__":
    main()

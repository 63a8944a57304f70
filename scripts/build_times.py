#!/usr/bin/env python3
"""Reads a ninja log and says what building costs: build_times.py BUILD_DIR [--check]

With --check: fails when a hand-written file took more than 6 s, a generated one more than 20 s. Times of a build with a
warm compiler cache say nothing; measure with CCACHE_DISABLE=1.
"""
import pathlib
import sys

HAND_WRITTEN_SECONDS = 6.0
GENERATED_SECONDS = 20.0


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("-")]
    if len(arguments) != 1:
        print(__doc__)
        return 2
    times = {}
    for line in (pathlib.Path(arguments[0]) / ".ninja_log").read_text().splitlines():
        if line.startswith("#"):
            continue
        start, end, _, output, _ = line.split("\t")
        times[output] = (int(end) - int(start)) / 1000
    groups, slow = {}, []
    for output, seconds in times.items():
        if output.endswith(".o"):
            generated = "/gen/" in output
            group = "generated" if generated else "tests" if "_test" in output else "library and tools"
            if seconds > (GENERATED_SECONDS if generated else HAND_WRITTEN_SECONDS):
                slow.append((seconds, output))
        else:
            group = "archives, links, generators"
        count, total = groups.get(group, (0, 0.0))
        groups[group] = (count + 1, total + seconds)
    for group, (count, total) in sorted(groups.items()):
        print(f"{group}: {count} outputs, {total:.1f} s")
    print(f"total: {sum(times.values()):.1f} s")
    for seconds, output in sorted(slow, reverse=True):
        print(f"over budget: {seconds:.1f} s {output}")
    return 1 if slow and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())

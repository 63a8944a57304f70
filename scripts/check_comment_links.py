#!/usr/bin/env python3
"""Checks that files named in comments and documents exist: `support/limits.h`, docs/adr/0001-error-model.md, ..."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = re.compile(r"(?<![\w/.<>*-])((?:[\w.-]+/)+[\w-]+\.(?:h|cpp|md|py|sh|isle|cmake))(?![\w*])")
SUFFIXES = {".h", ".cpp", ".md", ".py", ".cmake", ".isle"}
# Where a name in a comment may start from.
BASES = ["", "src", "src/gantry", "tests", "docs"]
# Files that are generated into the build tree.
# Names that stand for any name in examples of usage.
EXAMPLES = {"rules/alu.isle", "rules/memory.isle", "gantry/isa/x64/types.h"}
GENERATED = re.compile(r"(^|/)gen/|^build/")


def comment_text(path, text):
    if path.suffix == ".md":
        return text
    mark = {".h": "//", ".cpp": "//", ".isle": ";"}.get(path.suffix, "#")
    lines = []
    for line in text.splitlines():
        at = line.find(mark)
        lines.append(line[at:] if at >= 0 and "#include" not in line else "")
    return "\n".join(lines)


def main():
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True,
                           capture_output=True, check=True).stdout.split("\n")
    missing = 0
    for name in files:
        path = ROOT / name
        if path.suffix not in SUFFIXES or not path.is_file():
            continue
        text = comment_text(path, path.read_text(errors="replace"))
        for number, line in enumerate(text.splitlines(), 1):
            for found in NAME.findall(line):
                if GENERATED.search(found) or found in EXAMPLES:
                    continue
                places = [ROOT / base / found for base in BASES] + [path.parent / found, path.parent.parent / found]
                if not any(place.exists() for place in places):
                    print(f"{name}:{number}: no such file: {found}")
                    missing += 1
    print(f"comment links: {missing} missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

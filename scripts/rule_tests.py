#!/usr/bin/env python3
"""Brings tests/filetests/opt/rules up to date with the rules of the mid-end.

    scripts/rule_tests.py [--tools FOLDER] [--count N] [--again RULE...]

Functions of rules that are gone go, rules without a function (and those named by --again) get the simplest one that
rule_examples finds, and what is expected is written anew. Read the difference before you commit it. Rules for which none
was found are listed; write functions of their names, and call this again for their expectations. FOLDER has
rule_examples of an up-to-date build (default: build/release/bin). docs/how-to/cover-the-rules.md
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "filetests" / "opt" / "rules"


def header(name):
    level = "speed_and_size" if name.endswith("_size") else "speed"
    run = "" if name.endswith("_16") else "test run\n"  # no machine code for half precision
    return (f"test interpret\n{run}test optimize\nset opt_level={level}\nset enable_llvm_abi_extensions=true\n"
            "target x86_64\n")


def file_for(topic, text, for_size):
    if for_size:
        return topic + "_size"
    if re.search(r"\b[if]\d+x\d+", text):
        return topic + "_lanes"
    if "i128" in text and re.search(r"\b[us](div|rem)\b", text):
        return topic + "_128"
    return topic


def functions_of(text):
    parts = re.split(r"(?m)^(?=function )", text)
    return {re.search(r"%(\w+)", part).group(1): part.strip() for part in parts[1:]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--count", default="300")
    parser.add_argument("--again", nargs="*", default=[])
    options = parser.parse_args()

    def examples(*arguments):
        done = subprocess.run([options.tools / "rule_examples", *arguments], stdout=subprocess.PIPE, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"rule_examples {' '.join(arguments)} failed")
        return done.stdout

    rules = {}  # name: topic, in order
    for line in examples("list").splitlines():
        file, name = line.split(" ")
        rules[name] = pathlib.PurePosixPath(file).stem
    files = {path.stem: functions_of(path.read_text()) for path in sorted(FOLDER.glob("*.clif"))}
    for functions in files.values():
        for name in [name for name in functions if name not in rules or name in options.again]:
            del functions[name]
    for for_size in (False, True):
        missing = [name for name in rules if not any(name in functions for functions in files.values())]
        if missing:
            found = functions_of(examples("find", *(["--size"] if for_size else []), "--count", options.count, *missing))
            for name, text in found.items():
                text = re.sub(r"(?m)^;.*\n?", "", text).strip()
                files.setdefault(file_for(rules[name], text, for_size), {})[name] = text
    order = {name: place for place, name in enumerate(rules)}
    for stem, functions in sorted(files.items()):
        path = FOLDER / f"{stem}.clif"
        if not functions:
            path.unlink(missing_ok=True)
            continue
        bodies = [re.sub(r"(?m)^;.*\n?", "", functions[name]).strip() for name in sorted(functions, key=order.get)]
        path.write_text(header(stem) + "\n" + "\n\n".join(bodies) + "\n")
        annotated = examples("annotate", str(path))
        path.write_text(annotated)
    for name in rules:
        if not any(name in functions for functions in files.values()):
            print(f"no function found: {name} ({rules[name]})")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Plants wrong rules and passes in a copy of the mid-end and says which judge finds each.

    tests/mutations/run.py SCRATCH_FOLDER [--seconds N] [--only NAME]... [--built] [--jobs N]

All mutations are compiled into one build of the copy; the environment variable GANTRY_MUTANT chooses one at run time
(0: none, which must pass). Judges, in this order: unit tests, file tests, random programs in the interpreter, and as
machine code. Exit status 1 if a mutation is not found, or if the copy without one fails. result.txt beside this script
is the table of the last run (its head says how). With --built, the copy is taken as it is: only file tests may have changed since.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent

HEADER = """#pragma once
#include <cstdlib>
namespace gantry {
inline bool mutant(unsigned long long number) {
  static const unsigned long long chosen =
      std::getenv("GANTRY_MUTANT") != nullptr ? std::strtoull(std::getenv("GANTRY_MUTANT"), nullptr, 10) : 0;
  return chosen == number;
}
}  // namespace gantry
"""


def rows(name, fields):
    result = []
    for line in (HERE / name).read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        parts = [part.replace("\0", "||").replace("\\n", "\n") for part in line.replace("\\|\\|", "\0").split(" | ")]
        if len(parts) != fields:
            sys.exit(f"{name}: {line}")
        result.append(parts)
    return result


def replace_once(path, old, new):
    text = path.read_text()
    if text.count(old) != 1:
        sys.exit(f"{path}: {text.count(old)} times, not once: {old}")
    path.write_text(text.replace(old, new))


def plant(tree):
    """Names by number - 1."""
    opt = tree / "src/gantry/opt"
    (tree / "src/gantry/support/mutant.h").write_text(HEADER)
    names = []
    rules = ["(decl pure mutant (u64) bool)", "(extern constructor mutant mutant)"]
    for name, rule in rows("rules.txt", 2):
        names.append(name)
        rules.append(rule.replace("MUT", f"(if-let true (mutant {len(names)}))"))
    # The first file in alphabetical order, so that its rules come first.
    (opt / "rules/a_mutants.isle").write_text("\n".join(rules) + "\n")
    replace_once(opt / "rewrite_inl.h", "// ---- commands\n",
                 "inline bool Rewriter::mutant(u64 number) { return gantry::mutant(number); }\n// ---- commands\n")
    replace_once(opt / "rewrite_inl.h", '#include "gantry/opt/rewrite.h"\n',
                 '#include "gantry/opt/rewrite.h"\n#include "gantry/support/mutant.h"\n')
    touched = set()
    for name, file, old, new in rows("passes.txt", 4):
        names.append(name)
        replace_once(opt / file, old, new.replace("MUT", f"gantry::mutant({len(names)})"))
        touched.add(file)
    for file in touched:
        text = (opt / file).read_text()
        (opt / file).write_text('#include "gantry/support/mutant.h"\n' + text)
    return names


def build(tree):
    for part in ("src", "tests", "fuzz"):
        if (tree / part).exists():
            shutil.rmtree(tree / part)
    shutil.copytree(ROOT, tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", "build", "__pycache__"))
    names = plant(tree)
    targets = ["opt_test", "gantry", "fuzz_opt_vs_interp", "fuzz_interp_vs_jit"]
    subprocess.run(["cmake", "--preset", "dev"], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "dev", "--target", *targets], cwd=tree, check=True,
                   stdout=subprocess.DEVNULL)
    return names


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", action="append", help="this mutation (repeatable)")
    parser.add_argument("--built", action="store_true", help="the folder holds a build of these mutations already")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutations tried at once")
    options = parser.parse_args()
    tree = options.scratch.resolve()
    if options.built:
        names = [row[0] for row in rows("rules.txt", 2) + rows("passes.txt", 4)]
    else:
        names = build(tree)
    binaries = tree / "build/dev/bin"
    seconds = str(options.seconds)
    judges = [
        # Less what is slow, and what asks for names and files of all rules, planted ones too.
        ("unit tests", [binaries / "opt_test", "--gtest_filter=-*linear*:Divi*:Magic*:Rules.each_has*",
                        "--gtest_fail_fast"]),
        ("file tests", [binaries / "gantry", "test", ROOT / "tests/filetests/opt"]),
        ("fuzz_opt_vs_interp", [binaries / "fuzz_opt_vs_interp", "--seconds", seconds, "--seed", "1"]),
        ("fuzz_interp_vs_jit", [binaries / "fuzz_interp_vs_jit", "--seconds", seconds, "--seed", "1"]),
    ]

    def finds(command, number):
        environment = dict(os.environ, GANTRY_MUTANT=str(number))
        # In a group of its own: what hangs is often a child.
        judge = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 start_new_session=True)
        try:
            return judge.wait(timeout=60 + options.seconds) != 0
        except subprocess.TimeoutExpired:
            return True
        finally:
            try:
                os.killpg(judge.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            judge.wait()

    chosen = [(number, name) for number, name in enumerate(["none", *names])
              if not options.only or name in options.only]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        # Every judge by itself, not only the first: two nets are better than one.
        answers = pool.map(lambda one: [judge for judge, command in judges if finds(command, one[0])], chosen)
        for (number, name), found in zip(chosen, answers):
            wrong = bool(found) == (number == 0)
            failed += wrong
            print(f"{number:3} {name:36} {', '.join(found) or 'not found'}{'  <-- WRONG' if wrong else ''}", flush=True)
    print(f"{sum(number != 0 for number, _ in chosen)} mutations, {failed} wrong answers")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

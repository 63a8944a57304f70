#!/usr/bin/env python3
"""Checks that includes follow the dependencies the components declare.

Reads every gantry_component(NAME DEPENDS ...) under src/gantry. A file may include headers of its own component and of
those it can reach through DEPENDS; headers in internal/ only from their own component; and no instruction set may
include another one's. The dependencies must also be among those the table below allows, directly or through others.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "gantry"

# What a component may depend on directly; anything below that is reachable.
ALLOWED = {
    "support": "",
    "entity": "support",
    "meta": "support",
    "isle": "support",
    "ir": "entity meta",
    "analysis": "ir",
    "verifier": "ir analysis",
    "reader": "ir",
    "frontend": "ir",
    "interp": "ir",
    "opt": "ir analysis",
    "regalloc": "entity",
    "unwind": "entity",
    "target": "ir unwind",
    "machinst": "analysis regalloc target",
    "isa": "machinst isa/x64",
    "isa/x64": "machinst",
    "codegen": "opt verifier target",
    "module": "codegen",
    "object": "module",
    "jit": "module",
    "wasm": "frontend",
    "runtime": "wasm jit isa",
    "filetest": "reader interp jit object isa",
    "fuzzgen": "frontend interp jit isa",
    "ruleproof": "isle ir",
}
# Included data only: what CompiledCode says about registers.
DATA_HEADERS = {"gantry/regalloc/types.h"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"(gantry/[^"]+)"', re.M)
COMPONENT = re.compile(r"gantry_component\(\s*(\S+)(.*?)\)", re.S)
KEYWORDS = {"DEPENDS", "PUBLIC_HEADERS", "SOURCES", "TESTS", "TEST_DEPENDS", "GENERATED"}


def declared_components():
    components = {}
    for path in sorted(SOURCE.rglob("CMakeLists.txt")):
        text = re.sub(r"#.*", "", path.read_text())
        for name, body in COMPONENT.findall(text):
            lists, current = {}, None
            for word in body.split():
                if word in KEYWORDS:
                    current = lists.setdefault(word, [])
                elif current is not None:
                    current.append(word)
            components[name] = lists
    return components


def component_of(path, components):
    parts = pathlib.PurePosixPath(path).parts
    for length in (2, 1):
        name = "/".join(parts[:length])
        if name in components:
            return name
    return None


def main():
    components = declared_components()
    problems = []

    def reachable(name, seen=None):
        seen = set() if seen is None else seen
        for dependency in components.get(name, {}).get("DEPENDS", []):
            if dependency not in seen:
                seen.add(dependency)
                reachable(dependency, seen)
        return seen

    def below(name, seen=None):
        seen = set() if seen is None else seen
        for direct in ALLOWED[name].split():
            if direct not in seen:
                seen.add(direct)
                below(direct, seen)
        return seen

    for name, lists in components.items():
        allowed = ALLOWED.get(name)
        if allowed is None:
            problems.append(f"{name}: not in the table of scripts/check_layers.py")
            continue
        for dependency in lists.get("DEPENDS", []):
            if dependency not in below(name):
                problems.append(f"{name}: may not depend on {dependency}")

    for path in sorted(SOURCE.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        relative = path.relative_to(SOURCE).as_posix()
        owner = component_of(relative, components)
        if owner is None:
            continue
        may = {owner} | reachable(owner)
        if path.name.endswith("_test.cpp") or path.name.startswith("test_"):
            for dependency in components[owner].get("TEST_DEPENDS", []):
                may |= {dependency} | reachable(dependency)
        for include in INCLUDE.findall(path.read_text(errors="replace")):
            if include.startswith("gantry/gen/") or include in DATA_HEADERS:
                continue
            target = component_of(include.removeprefix("gantry/"), components)
            if target is None:
                if not (ROOT / "src" / include).exists():
                    problems.append(f"{relative}: includes {include}, which does not exist")
                continue
            if target not in may:
                problems.append(f"{relative}: includes {include}, but {owner} does not depend on {target}")
            if "/internal/" in include and target != owner:
                problems.append(f"{relative}: includes {include}, which is internal to {target}")
            sibling = re.match(r"isa/([^/]+)/", relative), re.match(r"gantry/isa/([^/]+)/", include)
            if all(sibling) and sibling[0][1] != sibling[1][1]:
                problems.append(f"{relative}: includes {include} of a sibling instruction set")

    for problem in problems:
        print(problem)
    print(f"layers: {len(components)} components, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Runs the commands of a document: run_doc.py DOCUMENT BIN_DIR

A fenced block ```sh is executed by bash, and must succeed; output that follows it in a block ```text must be what it
prints. A block ```clif FILE (any language) is written to FILE first. All of it happens in a new folder where the
project's folders and files are visible by their names, with BIN_DIR in front of PATH.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w+)[ ]*(\S*)\n(.*?)^```$", re.M | re.S)


def main():
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    text = pathlib.Path(sys.argv[1]).read_text()
    environment = dict(os.environ, PATH=f"{pathlib.Path(sys.argv[2]).resolve()}:{os.environ['PATH']}", LC_ALL="C")
    commands = 0
    with tempfile.TemporaryDirectory() as folder:
        for entry in ROOT.iterdir():
            if entry.name not in ("build", ".git"):
                (pathlib.Path(folder) / entry.name).symlink_to(entry)
        printed = None
        for language, name, body in FENCE.findall(text):
            if name:
                (pathlib.Path(folder) / name).write_text(body)
            elif language == "sh":
                done = subprocess.run(["bash", "-e", "-u", "-o", "pipefail", "-c", body], cwd=folder, env=environment,
                                      text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                commands += 1
                printed = done.stdout
                if done.returncode != 0:
                    print(f"these commands fail with status {done.returncode}:\n{body}\n{printed}")
                    return 1
            elif language == "text" and printed is not None:
                if printed.strip() != body.strip():
                    print(f"the document shows:\n{body}\nthe commands print:\n{printed}")
                    return 1
    if commands == 0:
        print("no commands")
        return 1
    print(f"{commands} blocks of commands executed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

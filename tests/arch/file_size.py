#!/usr/bin/env python3
"""Fails on source files of more than 500 lines: two ideas in one file. (clang-tidy does the same for functions of 60.)"""

import os
import sys

LIMIT = 500
# Every folder but these: a new one is not forgotten. (The rest of what git does not track is in .gitignore.)
NO_SOURCES = (".cache", ".git", "build", "docs", "ostree-repo")
# A file may be longer for a reason, given here: path -> reason.
ALLOWED: dict[str, str] = {}


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    failed = False
    for folder in sorted(set(os.listdir(top)) - set(NO_SOURCES)):
        for directory, _, names in os.walk(os.path.join(top, folder)):
            if "/corpus" in directory or "/testdata" in directory or "__pycache__" in directory:
                continue
            for name in names:
                path = os.path.join(directory, name)
                with open(path, "rb") as file:
                    lines = file.read().count(b"\n")
                relative = os.path.relpath(path, top)
                if lines > LIMIT and relative not in ALLOWED:
                    print(f"{relative}: {lines} lines, more than {LIMIT}")
                    failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Fails where a unit test starts threads and no suite of its file is named for the thread sanitizer (`...Threads`).

The build with that sanitizer takes only files with such a suite (tests/CMakeLists.txt), and runs only such suites.
"""

import pathlib
import re
import sys

STARTS_THREADS = re.compile(r"std::j?thread\b|std::async\b|\bTaskPool\b|\.jobs = ")
SUITE = re.compile(r"^TEST(?:_F|_P)?\([A-Za-z0-9]*Threads,", re.MULTILINE)
# A file may start threads and have no such suite for a reason, given here: path below tests/unit -> reason.
ALLOWED = {
    "cli/run_test.cc": "only options that are refused",
    "oci/transports/archive_source_test.cc": "the thread stands for the program at a pipe's other end",
    "oci/transports/tarball_source_test.cc": "the thread stands for the program at a pipe's other end",
    "system/check/health_checks_test.cc": "the thread holds a process, and the checks run in the test's own",
}


def main():
    folder = pathlib.Path(__file__).resolve().parent.parent / "unit"
    failed = False
    for name in sorted(ALLOWED):
        if not (folder / name).is_file():
            print(f"tests/arch/thread_suites.py: ALLOWED has tests/unit/{name}, which does not exist")
            failed = True
    for path in sorted(folder.rglob("*.cc")):
        name = str(path.relative_to(folder))
        text = path.read_text()
        found = STARTS_THREADS.search(re.sub(r"std::this_thread", "", text))
        if found and not SUITE.search(text) and name not in ALLOWED:
            print(f"tests/unit/{name}: has {found.group(0)!r} and no suite whose name ends in Threads")
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

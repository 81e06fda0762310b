#!/usr/bin/env python3
# Takes minutes.
"""Each system call that changes a file fails once, or is the last one of the program: EIO, ENOSPC, EINTR and SIGKILL, injected by strace
into import, pull, push, export, upgrade, rollback and install-to-disk. After each fault: refs, tags, boot entries and disks are old or new,
what they name is whole, the same command again gives what an undisturbed run gives, and nothing is left over. A success that is reported is
there.

    faults.py [CASE...] [CALL...] [CALL:NUMBER:FAULT...]

CASE: one of lib_verb_cases.py; without one, all of them. CALL: only faults of this system call. CALL:NUMBER:FAULT: this one, as a finding
names it. A share of the points is tried, which OSB_SEED selects; OSB_POINTS sets how many of each case, or all, which takes hours.
"""

import os
import random
import re
import sys

import lib_harness
from lib_harness import rounds
from lib_verb_cases import NEED_DISKS, Sources, cannot_mount, small_layers

CALLS = ("openat", "write", "writev", "pwrite64", "fsync", "fdatasync", "syncfs", "rename", "renameat", "renameat2", "link", "linkat",
         "unlink", "unlinkat", "mkdirat", "mkdir", "flock", "fcntl", "ftruncate", "fchmod", "fchown", "symlinkat", "copy_file_range",
         "utimensat")
LONG_SHARE = 600  # of each case, with OSB_LONG=1
FAULTS = ("error=EIO", "error=ENOSPC", "error=EINTR", "signal=KILL")
# 1: failed; 3: a file of the repository could not be read to its end; 6: no space. Never a crash.
FAILED = (1, 3, 6)
# A failure of these that is passed over would be a result that a power cut loses. After EINTR they may be called again.
SYNCS = ("fsync", "fdatasync", "syncfs")
LOST = ("error=EIO", "error=ENOSPC")
# What a later export makes again if it is not there.
SPARE = "/extensions/osb-oci/layers"
SIGKILL_STATUS = 128 + 9
PROGRESS = 500


def strace(case, *options):
    """--seccomp-bpf: calls that are not traced cost nothing."""
    return case.test.run("timeout", "120", "strace", "-f", "-qq", "--seccomp-bpf", *options, *case.command())


def points(case):
    """(call, number) of every call in an undisturbed run."""
    case.fresh()
    log = case.test.path("strace.log")
    result = strace(case, "-o", log, "-e", "trace=" + ",".join(CALLS))
    if result.status != 0:
        raise RuntimeError(f"{case.name} under strace: {result.describe()}")
    counts = {}
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            # The injection counts for each thread; so the numbers of the busiest thread reach all calls.
            found = re.match(r"(\d+) +([a-z0-9_]+)\(", line)
            if found and found.group(2) in CALLS:
                counts[found.groups()] = counts.get(found.groups(), 0) + 1
    most = {}
    for (_, call), count in counts.items():
        most[call] = max(most.get(call, 0), count)
    return [(call, number) for call, count in sorted(most.items()) for number in range(1, count + 1)]


def check_point(case, call, number, fault):
    """What is wrong after one fault; "" for nothing."""
    case.fresh()
    log = case.test.path("injected.log")
    result = strace(case, "-y", "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={number}")
    killed = fault.startswith("signal")
    if result.status == 127 and "shared libraries" in result.stderr:
        return ""  # the program did not start
    if result.status not in (0, *FAILED) and not (killed and result.status in (SIGKILL_STATUS, -9)):
        return f"ended with {result.describe()}"
    case.settle()
    if result.status == 0 and not case.is_done():
        told = case.is_told(result)
        return case.fault() or ("" if told else f"said that it was done, and was not: {result.describe()}")
    if result.status == 0 and call in SYNCS and fault in LOST and has_lost(log) and not case.is_told(result):
        return "said that it was done, and had not reached the disk"
    return case.problem()


def has_lost(log):
    """Whether the fault came, and to a part of the result: the points are those of an earlier run, whose threads may differ."""
    with open(log, encoding="utf-8", errors="replace") as file:
        return any("(INJECTED)" in line and SPARE not in line for line in file)


def choose(case, generator, only):
    """The points to try, and how many there are in all."""
    every = [(*point, fault) for point in points(case) for fault in FAULTS]
    named = [point for point in every if point[0] in only or f"{point[0]}:{point[1]}:{point[2]}" in only]
    if named:
        return named, len(every)
    asked = os.environ.get("OSB_POINTS", "")
    if asked:
        wanted = len(every) if asked == "all" else int(asked)
    else:
        wanted = rounds(case.share, LONG_SHARE, f"faults of {case.name}")
    return every if wanted >= len(every) else generator.sample(every, wanted), len(every)


def check_case(case, generator, only):
    chosen, count = choose(case, generator, only)
    wrong = []
    for done, (call, number, fault) in enumerate(chosen):
        problem = check_point(case, call, number, fault)
        if problem:
            wrong.append(f"{call}:{number}:{fault}: {problem}")
            print(f"# {case.name}: {wrong[-1]}", flush=True)
        if (done + 1) % PROGRESS == 0:
            print(f"# {case.name}: {done + 1} of {len(chosen)} points, {len(wrong)} findings", flush=True)
    case.test.check(not wrong, f"{case.name}: {len(chosen)} of {count} points", "\n".join(wrong[:20]))


def main(test):
    test.need("strace", "ostree", "skopeo")
    if test.run("strace", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true").status != 0:
        raise lib_harness.Skip("strace cannot trace here")
    seed = int(os.environ.get("OSB_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"# OSB_SEED={seed}", flush=True)
    cases = Sources(test, small_layers).cases()
    only = [argument for argument in sys.argv[1:] if argument not in cases]
    for name in [argument for argument in sys.argv[1:] if argument in cases] or cases:
        if name in NEED_DISKS and (reason := cannot_mount()):
            test.skip_one(name, reason)
            continue
        case = cases[name]()
        try:
            check_case(case, random.Random(f"{seed} {name}"), only)
        finally:
            case.close()


lib_harness.run(main)

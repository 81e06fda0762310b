#!/usr/bin/env python3
# Takes minutes.
"""The catalogue of hostile inputs: bad inputs that image unpackers, registry clients and updaters have fallen to, and what becomes of each.
lib_hostile.py says what holds for every one of them; docs/security.md what the verdicts rest on. OSB_ROWS=1,2,U3 runs some rows only.
"""

import os
import re
import resource
import time

import lib_hostile_archives  # noqa: F401  (each adds its rows)
import lib_hostile_documents  # noqa: F401
import lib_hostile_entries  # noqa: F401
import lib_hostile_paths  # noqa: F401
import lib_hostile_registry  # noqa: F401
import lib_hostile_trust  # noqa: F401
from lib_harness import TOP, Skip, only_long, run
from lib_hostile import MIB, ROWS, Bench


def cpu_seconds(bench):
    """Of the test, of the processes that have ended, and of all attempts."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return bench.cpu + sum(one.ru_utime + one.ru_stime for one in used)


def try_row(bench, number):
    """Whether the row holds; None if it does not apply here."""
    bench.faults, bench.attempts, bench.row_cases = [], 0, 0
    title, function = ROWS[number]
    begin, used = time.monotonic(), cpu_seconds(bench)
    try:
        function(bench)
        bench.check_outside(f"row {number}")
    except Skip as skip:
        bench.test.skip_one(f"row {number}: {title}", skip)
        return None
    except Exception as error:  # a row that cannot be tried does not hold
        bench.fault(f"{type(error).__name__}: {error}")
    if not bench.attempts:
        bench.fault("nothing was tried")
    bench.test.check(not bench.faults, f"row {number}: {title} ({bench.attempts} attempts, {time.monotonic() - begin:.1f} s, "
                     f"{cpu_seconds(bench) - used:.1f} s of CPU)",
                     "\n".join(fault[:700] for fault in bench.faults[:6]))
    return not bench.faults


def check_document(test):
    """The rows and unit tests that docs/security.md names are there."""
    with open(os.path.join(TOP, "docs", "security.md"), encoding="utf-8") as file:
        text = file.read()
    rows = set(re.findall(r"\b(U?\d+b?)\b", " ".join(re.findall(r"\brows? ((?:U?\d+b?(?:, | and | to )?)+)", text))))
    missing = sorted(rows - {str(number) for number in ROWS})
    sources = "".join(source(os.path.join(directory, name)) for directory, _, names in os.walk(os.path.join(TOP, "tests", "unit"))
                      for name in names if name.endswith(".cc"))
    missing += [f"{suite}.{name}" for suite, name in re.findall(r"`([A-Z]\w+)\.([A-Z]\w+)`", text)
                if not re.search(rf"TEST(_F|_P)?\({suite}, {name}\)", sources)]
    missing += [path for path in re.findall(r"`(tests/[\w/.]+\.py)`", text) if not os.access(os.path.join(TOP, path), os.X_OK)]
    test.check(len(rows) > 20 and not missing, f"docs/security.md names {len(rows)} rows, and only tests that are there", missing)


def source(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def order(number):
    """As in the catalogue: 1, 2, ..., 87b, 100, U1, U11."""
    text = str(number)
    return text.startswith("U"), int(text.strip("Ub")), text


def main(test):
    test.need("ostree", "openssl")
    chosen = os.environ.get("OSB_ROWS", "").split(",") if os.environ.get("OSB_ROWS") else [str(number) for number in ROWS]
    bench = Bench(test)
    only_long("hostile_inputs.py: every case of a layer in every encoding, from both places")
    results = [try_row(bench, number) for number in sorted(ROWS, key=order) if str(number) in chosen]
    held, tried = results.count(True), len(results) - results.count(None)
    if hasattr(bench, "machine"):
        bench.machine.disk.unmount()
    check_document(test)
    test.fsck(bench.repo, "fsck of the repository that met them all")
    print(f"# the most that an attempt took: {bench.peak // MIB} MiB of memory, {bench.slowest:.1f} s, {bench.most_cpu:.1f} s of CPU")
    print(f"# all of it: {cpu_seconds(bench):.0f} s of CPU")
    print(f"# hostile inputs: {held} of {tried} rows hold")


run(main)

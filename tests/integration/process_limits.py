#!/usr/bin/env python3
"""Limits of a process: a run under any of them works or ends with an error message, and leaves nothing behind."""

import os
import resource
import subprocess

import lib_harness
from lib_image import simple_layout

COMMANDS = {"import": ("import", "--layout", "plain", "--ref", "os", "--jobs", "8", "--repo", "{repo}", "oci:{image}:v1"),
            "export": ("export", "--jobs", "8", "--repo", "{source}", "os", "oci-archive:{out}")}


USER = 54321  # with no other processes, which would count


def limited(test, limit, value, command):
    user = USER if limit == resource.RLIMIT_NPROC else None
    process = subprocess.run([test.osb, *command, "--progress", "none"], capture_output=True, check=False, text=True,
                             stdin=subprocess.DEVNULL, user=user, group=user, extra_groups=[] if user else None,
                             preexec_fn=lambda: resource.setrlimit(limit, (value, value)))
    return lib_harness.Result(process.returncode, process.stdout, process.stderr)


def check(test, what, limit, values, names):
    failed = []
    for value in values:
        for name, words in COMMANDS.items():
            repo, out = test.path("all", f"{what}-{value}-{name}"), test.path("all", f"{what}-{value}.tar")
            result = limited(test, limit, value, [word.format(repo=repo, out=out, **names) for word in words])
            failed.append(result.status != 0)
            passed = result.status == 0 or (0 < result.status < 8 and "error: " in result.stderr)
            test.check(passed, f"{what} {value}, {name}: it works or says why not", result.describe())
            test.check(result.status == 0 or not os.path.exists(out + ".tmp"), f"{what} {value}, {name}: nothing is left")
    test.check(any(failed) and not all(failed), f"{what}: some of the limits are too low", failed)


def main(test):
    os.mkdir(test.path("all"))
    os.chmod(test.path("all"), 0o777)
    os.chmod(test.work, 0o755)
    files = {f"usr/{i}": os.urandom(60_000) for i in range(40)}
    layout = simple_layout(test.path("image"), files)
    source = test.path("source")
    test.osb_import(f"oci:{layout.directory}:v1", source, "--ref", "os", "--layout", "plain")
    names = {"image": layout.directory, "source": source}
    check(test, "bytes of a file", resource.RLIMIT_FSIZE, (20_000, 400_000, 10_000_000), names)
    if os.geteuid() != 0:
        test.skip_one("limits of threads", "another user is needed")
        return
    check(test, "threads", resource.RLIMIT_NPROC, range(1, 9), names)


lib_harness.run(main)

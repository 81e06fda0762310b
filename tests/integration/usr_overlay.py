#!/usr/bin/env python3
"""usr-overlay in a system as if it were booted. Files below /usr, the kernel's list of mounts and `ostree admin status` are the
witnesses."""

import json
import sys

from lib_harness import Skip, run
from lib_sysroot import directory_system, parts_of, prepare

SCRIPT = r"""
set -u
say() { echo "== $1"; }
say read-only; mount -o remount,bind,ro /usr; touch /usr/x 2>&1
say first; /run/osb-oci usr-overlay; echo "status $?"
say writable; echo new >/usr/bin/made && rm /usr/lib/os-release && chmod 600 /usr/lib/large && ls /usr/bin/made
say second; /run/osb-oci usr-overlay; echo "status $?"
say json; /run/osb-oci usr-overlay --json
say mounts; grep ' /usr ' /proc/self/mountinfo | grep -o 'overlay osb-[a-z-]*'
say ostree; ostree admin status
say killed; mv /run/ostree/deployment-state /run/away; /run/osb-oci usr-overlay; ls /usr/bin/made; ostree admin status | grep -c Unlocked
say people; /run/osb-oci status
say status; /run/osb-oci status --json
"""


def booted(test, system):
    (present,) = system.order()
    result = system.in_booted(present, "sh", "-c", SCRIPT)
    said = parts_of(result.stdout)
    if "status" not in said:
        raise Skip(f"namespaces, overlayfs: {result.describe()}")
    test.check("Read-only" in said["read-only"], "/usr is read-only before", said)
    test.check(said["first"].endswith("status 0\n") and "writable until the restart" in said["first"], "usr-overlay", result.describe())
    test.check(said["writable"] == "/usr/bin/made\n", "files can be made, removed and changed", result.describe())
    test.check(said["second"] == "/usr is writable already\nstatus 0\n" and json.loads(said["json"]) == {"schema": 1, "changed": False},
               "again: nothing changes", said)
    test.check(said["mounts"] == "overlay osb-usr-overlay\n", "one mount of that name", said)
    test.check("Unlocked: development" in said["ostree"], "ostree admin status says so", said["ostree"])
    test.check(said["killed"] == "/usr is writable already\n/usr/bin/made\n1\n",
               "an earlier run that ended before it wrote libostree's mark", (said, result.stderr))
    test.check("/usr     is writable until the restart\n" in said["people"], "status for people", said["people"])
    (one,) = json.loads(said["status"])["deployments"]
    test.check(one["unlocked"] == "development", "status as JSON", one)
    # The next boot.
    result = system.in_booted(present, "sh", "-c", "ls /usr/bin/made; cat /usr/lib/os-release; /run/osb-oci status --json")
    test.check("made" not in result.stdout and "ID=test" in result.stdout and '"unlocked": "none"' in result.stdout,
               "after the restart: as before", result.describe())
    result = system.in_booted(present, "sh", "-c", "/run/osb-oci usr-overlay && ls /usr/bin/made; cat /usr/lib/os-release")
    test.check("ID=test" in result.stdout and "/usr/bin/made" not in result.stdout, "and the next overlay starts without the old changes",
               result.describe())
    # With libostree's own.
    result = system.in_booted(present, "sh", "-c", "ostree admin unlock >/dev/null && /run/osb-oci usr-overlay")
    test.check(result.stdout.endswith("/usr is writable already\n"), "after ostree admin unlock", result.describe())


def main(test):
    prepare(test)
    with directory_system(test, "system") as system:
        system.deploy("1")
        result = test.run(test.osb, "usr-overlay")
        refused = result.status == 1 and "not started from a deployment" in result.stderr and "--sysroot" not in result.stderr
        test.check(refused, "not in an ostree system", result.describe())
        booted(test, system)


if __name__ == "__main__":
    sys.exit(run(main))

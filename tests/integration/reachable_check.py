#!/usr/bin/env python3
"""The shipped check 20-reachable: the script, with an osb-oci of the test's own."""

import json
import os

from lib_harness import TOP, run

CHECK = os.path.join(TOP, "containerfiles/rootfs/usr/lib/osb/check/required.d/20-reachable")
NOTE = "var/lib/osb/reachable-before"
IMAGE = "docker://registry.test/os:latest"
# Answers --check with the status in a file, and notes what it was asked.
PROGRAM = """#!/bin/sh
case " $* " in
*" --check "*)
    echo "$*" >>"$OSB_CHECK_ROOT/asked"
    echo "osb-oci: error: registry.test: no route" >&2
    exit "$(cat "$OSB_CHECK_ROOT/status")"
    ;;
esac
cat "$OSB_CHECK_ROOT/deployments"
"""


def deployments(image):
    """What `status --json` prints, as far as it matters: one that is booted, after one that is not."""
    return json.dumps({"schema": 1, "deployments": [{"index": 0, "booted": False, "image": "docker://other/os:1", "version": "2"},
                                                    {"index": 1, "booted": True, "image": image, "version": "1"}]}, indent=2)


class System:
    def __init__(self, test):
        self.test, self.root, self.bin = test, test.path("root"), test.path("bin")
        os.mkdir(self.bin)
        self.note = os.path.join(self.root, NOTE)
        for path, text in (("osb-oci", PROGRAM), ("sleep", "#!/bin/sh\n")):
            with open(os.path.join(self.bin, path), "w", encoding="ascii") as file:
                file.write(text)
            os.chmod(file.name, 0o755)
        self.set("proc/uptime", "10.5 20\n")
        self.set("deployments", deployments(IMAGE))
        self.set("asked", "")

    def set(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def get(self, name):
        path = os.path.join(self.root, name)
        if not os.path.exists(path):
            return None
        with open(path, encoding="ascii") as file:
            return file.read()

    def check(self, status, trial=False):
        """Runs the check where the registry answers with that status."""
        self.set("status", str(status))
        self.set("proc/cmdline", "quiet osb.trial=ab12 rw\n" if trial else "quiet rw\n")
        return self.test.run(CHECK, env={**os.environ, "OSB_CHECK_ROOT": self.root, "PATH": f"{self.bin}:{os.environ['PATH']}"})


def main(test):
    system = System(test)
    result = system.check(5, trial=True)
    test.check(result.status == 0 and system.get("asked") == "", "on trial, never reached before: not asked for", result.describe())
    result = system.check(5)
    test.check(result.status == 0 and not os.path.exists(system.note), "a proven system that cannot reach it is well", result.describe())
    result = system.check(0)
    test.check(result.status == 0 and system.get(NOTE) == IMAGE + "\n", "one that can notes it", result.describe())
    test.check(os.listdir(os.path.dirname(system.note)) == ["reachable-before"], "and leaves nothing else")
    system.check(5)
    system.check(5)
    test.check(system.get(NOTE) == IMAGE + "\n", "an outage does not take the note away")
    system.check(5)
    test.check(system.get(NOTE) is None, "three starts without the network do")
    system.check(0)
    test.check(os.listdir(os.path.dirname(system.note)) == ["reachable-before"], "and it comes back with the network")

    result = system.check(5, trial=True)
    expected = f"{IMAGE} cannot be reached, as it could before this update: registry.test: no route\n"
    test.check(result.status == 1 and result.stdout == expected, "on trial, reached before, and not now: fails",
               result.describe())
    test.check(system.get("asked").count("\n") >= 5, "after several tries", system.get("asked"))
    for status in (0, 1, 3, 4):
        result = system.check(status, trial=True)
        test.check(result.status == 0, f"on trial, exit status {status}: the registry has answered", result.describe())
    result = system.check(124, trial=True)
    test.check(result.status == 1, "a registry that does not answer in time is not reached", result.describe())

    system.set("asked", "")
    system.set("etc/conf.d/osb-upgrade", 'osb_upgrade_options="--authfile /etc/osb/auth.json --allow-downgrade"\n')
    system.check(0, trial=True)
    asked = system.get("asked")
    test.check(asked == "status --check --json --authfile /etc/osb/auth.json\n", "with the options of upgrades", asked)
    for image, what in (("docker://registry.test/os:other", "another image"), (None, "no image")):
        system.set("deployments", deployments(image))
        test.check(system.check(5, trial=True).status == 0, f"on trial, {what} is followed: not judged")
    system.set("deployments", deployments(IMAGE))
    system.set("etc/conf.d/osb-boot-check", "osb_check_network=no\n")
    test.check(system.check(5, trial=True).status == 0, "osb_check_network=no switches it off")


if __name__ == "__main__":
    run(main)

#!/usr/bin/env python3
"""boot-check on a disk of install-to-disk as if it were booted: every verdict, and what a disk that cannot be written to makes of it;
upgrade --check beside it, because unattended upgrades go by that."""

import json
import os
import re
import shutil
import sys

from lib_harness import Skip, run
from lib_sysroot import boot_once, environment, menu_of, mounted_disk, prepare, read, with_role

RECORDS = "/sysroot/ostree/osb-oci"  # as the booted system has them
CHECK = "etc/osb/check/required.d/50-test"
HOOK = r"""mkdir -p /etc/osb/trial.d
printf '#!/bin/sh\n{ echo verdict $OSB_TRIAL_VERDICT; cat; } >/run/hooked\n' >/etc/osb/trial.d/10-tell
chmod +x /etc/osb/trial.d/10-tell"""
# Standard output of boot-check alone; what became of it goes to standard error.
BOOT_CHECK = """
set +e
{before}
/run/osb-oci boot-check {options} >{output}
echo "status $?" >&2
cat /run/restarted >&2
{after}
"""


class Story:
    def __init__(self, test, system):
        self.test, self.system = test, system
        self.records = os.path.join(system.path, "ostree/osb-oci")
        self.loader = os.path.join(system.path, "boot/extlinux/ldlinux.sys")
        with open(self.loader, "rb") as file:
            self.cleared = file.read()[-1024:]

    def restart(self):
        """The loader clears its boot-once."""
        self.test.run("chattr", "-i", self.loader)
        with open(self.loader, "r+b") as file:
            file.seek(-1024, os.SEEK_END)
            self.armed = file.read()
            file.seek(-1024, os.SEEK_END)
            file.write(self.cleared)

    def record(self, **changes):
        path = os.path.join(self.records, "trial.json")
        trial = json.loads(read(path))
        trial.update(changes)
        with open(path, "w", encoding="ascii") as file:
            json.dump(trial, file)

    def state(self):
        path = os.path.join(self.records, "trial.json")
        return json.loads(read(path))["state"] if os.path.exists(path) else None

    def reasons(self):
        path = os.path.join(self.records, "failed.json")
        return [failed["reason"] for failed in json.loads(read(path))["failed"]] if os.path.exists(path) else []

    def follow(self, deployment, version):
        """The deployment follows a ref of its own repository, which names that version."""
        self.system.pull(version)
        with open(self.system.origin_file(deployment), "w", encoding="ascii") as file:
            file.write(f"[origin]\nrefspec=os/{version}\n")

    def path_in(self, deployment, name):
        return os.path.join(self.system.path, "ostree/deploy/test/deploy", deployment, name)

    def set_check(self, deployment, text):
        path = self.path_in(deployment, CHECK)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\n{text}\n")
        os.chmod(path, 0o755)

    def new_trial(self, *options):
        """Returns the deployment, which the loader has started."""
        said = self.system.json("upgrade", *options)
        (deployment,) = with_role(self.system.status(), "on_trial")
        self.test.check(said["deployment"] == "on_trial" and self.state() == "armed", "a deployment is on trial", said)
        self.restart()
        return deployment

    def boot_check(self, deployment, options="--json", before="", after="", output="/dev/fd/1"):
        """(standard output, exit status, restarted, the result on standard error)"""
        result = self.system.in_booted(deployment, "sh", "-c",
                                       BOOT_CHECK.format(options=options, before=before, after=after, output=output))
        status = re.search(r"^status (\d+)$", result.stderr, re.M)
        return result.stdout, int(status.group(1)) if status else None, "\nrestarted\n" in result.stderr, result


def unattended(test, story, one):
    """What the job sees: --check of a trial that waits, and of one that the bootloader was not told of."""
    system = story.system
    story.follow(one, "2")
    result = system.osb("upgrade", "--json", "--progress", "none")
    test.check(re.search(r'^  "next_boot": "', result.stdout, re.M) and story.state() == "armed",
               "upgrade: a line says what the next boot starts", result.describe())
    (two,) = with_role(system.status(), "on_trial")
    test.check_refused(system.osb("upgrade", "--check"), 77, "--check of what the next boot tries", "the next boot tries")

    story.restart()
    story.record(state="prepared", boot_id="")
    said = system.json("upgrade", "--check")
    test.check(said["prepared"] and said["release"]["version"] == "2.0" and said["bytes_to_fetch"] == 0,
               "--check of what the bootloader was not told of: something to do", said)
    test.check("does not try it" in system.osb("upgrade", "--check").stdout, "and says so")
    said = system.json("status", "--check")["check"]
    test.check(said["state"] == "prepared" and said["upgrade"], "as does status --check", said)
    result = system.osb("upgrade", "--progress", "none")
    test.check(result.status == 0 and story.state() == "armed" and boot_once(system), "and upgrade does it", result.describe())

    story.restart()
    story.record(state="prepared", boot_id="")
    output, status, restarted, result = story.boot_check(one)
    test.check(status == 0 and json.loads(output)["trial"] == "to-come" and not restarted, "boot-check: it is still to come",
               result.describe())
    entries, _ = menu_of(system)
    test.check(story.state() == "armed" and boot_once(system) and entries["trial"][0] == two and story.reasons() == [],
               "and the bootloader is told", (story.state(), entries))

    story.restart()
    story.follow(two, "3")
    result = system.booted_osb(two, "upgrade", "--check")
    test.check_refused(result, 1, "--check in a system that is on trial", "on trial")
    test.check_refused(system.booted_osb(two, "upgrade"), 1, "which upgrade refuses, too", "on trial")
    story.follow(two, "2")
    return two


def red(test, story, one, two):
    system = story.system
    story.set_check(two, "echo no good; exit 1")
    output, status, restarted, result = story.boot_check(two, before=HOOK, after="cat /run/hooked >&2")
    said = json.loads(output)  # one object, or this throws
    hooked = re.search(r"^verdict failed\n(\{.*?^\})$", result.stderr, re.M | re.S)
    test.check(hooked and json.loads(hooked.group(1))["failed_trials"][-1]["reason"] == "check '50-test' failed: no good",
               "a hook gets the verdict, and the status after it", result.describe())
    test.check(status == 1 and restarted and said["trial"] == "failed" and said["restart"] and not said["healthy"] and
               "no good" in said["reason"], "red: one object, exit status 1, a restart", result.describe())
    test.check(story.reasons() == ["check '50-test' failed: no good"] and story.state() is None and system.order()[0] == one,
               "and the record says why", story.reasons())
    output, status, restarted, result = story.boot_check(one)
    test.check(status == 0 and json.loads(output)["trial"] == "none" and not restarted, "the old system is well", result.describe())


def red_unrecorded(test, story, one):
    """Neither ROOT nor /run takes what is to be written, nor anybody what is printed."""
    trial = story.new_trial("--force")
    story.set_check(trial, "echo no good; exit 1")
    known = story.reasons()
    for what, also, to in (("ROOT", "", "/dev/fd/1"), ("ROOT and /run", "; : >/run/osb", "/dev/fd/1"),
                           ("ROOT and output", "", "/dev/full")):
        output, status, restarted, result = story.boot_check(trial, before=f"chattr +i {RECORDS}{also}", after=f"chattr -i {RECORDS}",
                                                             output=to)
        test.check(status == 1 and restarted and story.reasons() == known and story.state() == "armed",
                   f"red, {what} cannot be written to: restarts", (result.describe(), story.reasons(), story.state()))
        if output:
            said = json.loads(output)
            test.check(said["trial"] == "failed" and "no good" in said["reason"] and "cannot record" in said["warnings"][0],
                       "and says it", said)
    # Nor has the loader cleared its boot-once; BOOT is another filesystem.
    with open(story.loader, "r+b") as file:
        file.seek(-1024, os.SEEK_END)
        file.write(story.armed)
    test.check(boot_once(story.system), "SYSLINUX would start it again")
    _, status, restarted, result = story.boot_check(trial, before=f"chattr +i {RECORDS}", after=f"chattr -i {RECORDS}")
    test.check(status == 1 and restarted and not boot_once(story.system), "red, the same: the bootloader is told first", result.describe())
    output, status, restarted, result = story.boot_check(trial, "--json --no-reboot", before=": >/run/osb")
    test.check(status == 1 and not restarted and "cannot store the result" in output and len(story.reasons()) > len(known),
               "red, /run cannot be written to: the failure is recorded", result.describe())
    test.check(story.system.order()[0] == one, "the old system is the default all the time")


def green(test, story):
    trial = story.new_trial("--force")
    story.set_check(trial, "exit 0")
    before, after = f"chattr +i {RECORDS}", f"chattr -i {RECORDS}"
    output, status, restarted, result = story.boot_check(trial, "", before=before, after=after)
    test.check(status == 1 and not restarted and story.state() == "armed" and "the checks passed" in result.stderr and
               "ends it later" in result.stderr, "green, ROOT cannot be written to: an error, and the trial goes on", result.describe())
    output, status, restarted, result = story.boot_check(trial)
    entries, default = menu_of(story.system)
    test.check(status == 0 and json.loads(output)["trial"] == "passed" and not restarted and story.state() is None,
               "green: passed", result.describe())
    test.check(story.system.order()[0] == trial and entries[default][0] == trial and not boot_once(story.system) and story.reasons() == [],
               "and the default", entries)
    return trial


def marked(test, story, present):
    """What was all there was when its trial ended, say, is marked as one that was never tried for no longer than until it is healthy."""
    path = story.system.origin_file(present)
    with open(path, "a", encoding="ascii") as file:
        file.write("\n[osb-oci]\nuntried=true\n")
    story.set_check(present, "exit 1")
    story.boot_check(present)
    test.check("untried" in read(path), "red, no trial: the mark stays", read(path))
    story.set_check(present, "exit 0")
    output, status, _, result = story.boot_check(present)
    test.check(status == 0 and json.loads(output)["trial"] == "none" and "untried" not in read(path), "green, no trial: the mark goes",
               (result.describe(), read(path)))


def power_cut(test, story, present):
    """Between the verdict and the menu: the old system comes once more, and completes it."""
    system = story.system
    system.json("kargs", "--append", "tried=1")
    (trial,) = with_role(system.status(), "on_trial")
    story.restart()
    story.record(state="passed")
    story.set_check(present, "exit 1")
    output, status, restarted, result = story.boot_check(present)
    entries, default = menu_of(system)
    test.check(status == 1 and not restarted and json.loads(output)["trial"] == "passed" and story.state() is None and
               system.order()[0] == trial and entries[default][0] == trial,
               "the record says passed: the old system makes it the default, and stays, well or not", (result.describe(), entries))


def main(test):
    if shutil.which("sfdisk", path=environment()["PATH"]) is None:
        raise Skip("needs sfdisk")
    prepare(test)
    with mounted_disk(test) as system:
        if system is None:
            return
        one = f"{test.commits['1']}.0"
        result = system.booted_osb(one, "status")
        if "* 0  booted" not in result.stdout:
            test.skip_one("as if booted", f"namespaces, overlayfs: {result.stderr[:200]!r}")
            return
        story = Story(test, system)
        two = unattended(test, story, one)
        red(test, story, one, two)
        red_unrecorded(test, story, one)
        present = green(test, story)
        marked(test, story, present)
        power_cut(test, story, present)
        test.fsck(f"{system.path}/ostree/repo", "ostree fsck afterwards")


if __name__ == "__main__":
    sys.exit(run(main))

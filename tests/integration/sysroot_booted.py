#!/usr/bin/env python3
"""status, rollback, kargs and cleanup where a change is tried first: on a disk of install-to-disk, mounted, and on that disk as if it were
booted. libostree's program and SYSLINUX's menu are the witnesses. (Machines that really boot: tests/system.)"""

import json
import os
import shutil
import sys

from lib_harness import Skip, run
from lib_sysroot import MIB, boot_once, environment, menu_of, mounted_disk, prepare, read, with_role


def on_disk(test):
    """With SYSLINUX a change is tried first: the trial, and the ways to give it up."""
    with mounted_disk(test) as system:
        if system is None:
            return None
        one, again = (f"{test.commits['1']}.{serial}" for serial in (0, 1))
        said = system.status()
        test.check([d["id"] for d in said["deployments"]] == [one] and said["trials_possible"] and
                   said["deployments"][0]["image"] == "docker://registry.example/os:1", "status of the disk", said)
        said = system.json("kargs", "--append", "tried=1")
        test.check(said["result"] == "on_trial" and said["deployment"]["id"] == again, "other kernel arguments are tried", said)
        said = system.status()
        test.check(with_role(said, "on_trial") == [again] and with_role(said, "default") == [one] and said["next_boot"] == 1 and
                   said["trial"]["state"] == "armed", "status: the next boot tries it, the default stays", said)
        test.check(system.order() == [one, again], "libostree: the old one is the first", system.order())
        entries, default = menu_of(system)
        test.check(entries[default][0] == one and entries["trial"][0] == again and "tried=1" in entries["trial"][1] and
                   f"osb.trial={said['trial']['id']}" in entries["trial"][1], "the menu: default and trial", entries)
        test.check(boot_once(system), "SYSLINUX starts the trial once")
        people = system.osb("status").stdout
        test.check("tried at the next boot" in people and "next boot  1, on trial" in people, "for people", people)
        test.check(system.osb("kargs").stdout.strip().endswith("tried=1"), "kargs shows those of what is tried")
        said = system.json("kargs", "--append", "more=1")
        test.check(said["kernel_arguments"][-2:] == ["tried=1", "more=1"] and len(system.order()) == 2 and boot_once(system),
                   "more of them: in the place of what was to be tried", (said, system.order()))

        said = system.json("rollback")
        test.check(said["result"] == "trial_cancelled" and said["next_boot"]["id"] == one and system.order() == [one],
                   "rollback: nothing is tried", (said, system.order()))
        entries, default = menu_of(system)
        test.check(not boot_once(system) and entries[default][0] == one and entries["trial"][0] == one and
                   not any("osb.trial" in word for _, append in entries.values() for word in append),
                   "neither by the bootloader nor by the menu", entries)
        said = system.status()
        test.check(said["trial"] is None and said["failed_trials"] == [] and with_role(said, "rollback") == [], "and nothing has failed",
                   said)

        # The one on trial runs. (Here: is the default of a system that does not run.)
        system.json("kargs", "--append", "good=1")
        record = os.path.join(system.path, "ostree/osb-oci/trial.json")
        trial = json.loads(read(record))
        test.check(f"{trial['commit']}.{trial['serial']}" == again, "trial.json names the deployment", trial)
        trial["serial"] = 0
        with open(record, "w", encoding="utf-8") as file:
            json.dump(trial, file)
        origin = read(system.origin_file(again))
        test.check("untried=true\n" in origin, "and its origin says that it has not been tried", origin)
        with open(system.origin_file(again), "w", encoding="utf-8") as file:
            file.write(origin.replace("untried=true\n", ""))
        test.check(with_role(system.status(), "on_trial") == [one], "status goes by it", system.status())
        test.check_refused(system.osb("kargs", "--append", "x"), 1, "no other change while it is tried", "on trial")
        test.check_refused(system.osb("cleanup", "--rollback"), 1, "and what it falls back to stays", "on trial")
        said = system.json("rollback")
        test.check(said["result"] == "trial_failed" and said["next_boot"]["id"] == again and system.order() == [again, one],
                   "rollback during the trial: it has failed", (said, system.order()))
        said = system.status()
        test.check(said["failed_trials"][0]["reason"] == "rolled back by the operator" and with_role(said, "failed") == [one],
                   "status remembers it", said)
        people = system.osb("status", "--color", "always").stdout
        test.check("the last trial failed" in people and "rolled back by the operator" in people and "other kernel arguments" in people
                   and "\x1b[" in people, "and says what to do", people)
        test.check_refused(system.osb("rollback"), 1, "what has failed is nothing to go back to", "no other")
        said = system.json("cleanup")
        test.check([d["id"] for d in said["removed"]] == [one] and system.order() == [again], "cleanup removes it", said)
        bytes_on_boot(test, system, again)
        as_booted(test, system, again)
        test.fsck(f"{system.path}/ostree/repo", "ostree fsck afterwards")


def bytes_on_boot(test, system, present):
    """Another kernel, by libostree; its leaving frees space on BOOT."""
    system.test.must("ostree", "config", f"--repo={system.path}/ostree/repo", "set", "sysroot.bootloader", "none")
    system.deploy("2")
    test.must(test.osb, "boot-menu", "--sysroot", system.path)
    system.osb("rollback")
    entries, default = menu_of(system)
    test.check(entries[default][0] == present and len(system.order()) == 2, "libostree's deployment is known to rollback",
               entries)
    said = system.json("cleanup", "--rollback")
    test.check(len(system.order()) == 1 and said["boot_bytes_freed"] > 3 * MIB and said["bytes_freed"] > 0, "cleanup --rollback frees BOOT",
               said)
    entries, default = menu_of(system)
    test.check(set(entries) == {default, "trial"}, "the menu has one left", entries)


def odd_surroundings(test, system, present):
    """A cron job's environment, BOOT that is not mounted, and a shell that was entered with chroot."""
    before = system.order()
    for environment_of in ("env PATH=/usr/bin:/bin", "env -i"):
        result = system.in_booted(present, "sh", "-c", f"{environment_of} /run/osb-oci kargs --append cron=1")
        test.check(result.status == 0 and boot_once(system), f"{environment_of}: the menu is written", result.describe())
        test.check(system.booted_osb(present, "rollback").status == 0 and system.order() == before, "and rollback gives it up")
    result = system.in_booted(present, "sh", "-c", "umount /boot && /run/osb-oci cleanup")
    test.check(result.status == 1 and "mount the filesystem BOOT at '/boot'" in result.stderr, "without BOOT: advice", result.describe())
    result = system.in_booted(present, "sh", "-c", "rm /run/ostree-booted && /run/osb-oci kargs --append x=1")
    test.check(result.status == 1 and "chroot" in result.stderr and system.order() == before, "in a chroot: advice, and no crash",
               result.describe())
    result = system.in_booted(present, "sh", "-c", "rm /run/ostree-booted && mkdir /tmp/root && mount --rbind / /tmp/root && "
                              "chroot /tmp/root /run/osb-oci kargs --append x=1")
    test.check(result.status == 0 and boot_once(system), "in a chroot of a mount: a trial", result.describe())
    test.check(system.booted_osb(present, "rollback").status == 0 and system.order() == before, "and rollback gives it up")


def as_booted(test, system, present):
    """The same, in the system that runs, where libostree has the menu written by the system's own hook."""
    test.must("ostree", "config", f"--repo={system.path}/ostree/repo", "set", "sysroot.bootloader", "zipl")
    result = system.booted_osb(present, "status")
    if result.status != 0 or "* 0  booted" not in result.stdout:
        return test.skip_one("as if booted", f"namespaces, overlayfs: {result.stderr[:200]!r}")
    trial_as_booted(test, system, present)
    odd_surroundings(test, system, present)
    system.pull("2")
    result = system.in_booted(present, "ostree", "admin", "deploy", "--os=test", "os/2")
    second = f"{test.commits['2']}.0"
    entries, default = menu_of(system)
    test.check(result.status == 0 and system.order() == [second, present] and entries[default][0] == second,
               "booted: ostree admin deploy has the menu written", (result.describe(), entries))
    said = system.booted_status(present)
    test.check(with_role(said, "booted") == [present] and with_role(said, "default") == [second] and said["next_boot"] == 0,
               "booted: the default is another one", said)
    result = system.in_booted(present, "sh", "-c", "/run/osb-oci rollback --apply && cat /run/restarted")
    test.check("which is running" in result.stdout and "restarted" not in result.stdout and system.order() == [present, second],
               "booted: rollback to what runs needs no restart", result.describe())
    result = system.in_booted(present, "sh", "-c", "/run/osb-oci rollback --apply && cat /run/restarted")
    entries, default = menu_of(system)
    test.check(result.stdout.endswith("restarted\n") and system.order() == [second, present] and entries[default][0] == second,
               "booted: rollback --apply restarts into the other one", result.describe())
    # What is left over goes, and the next boot still starts what rollback has said.
    system.in_booted(present, "ostree", "admin", "deploy", "--os=test", "--not-as-default", "--retain", "--karg-append=left=over", "os/1")
    before = system.order()
    result = system.booted_osb(present, "cleanup")
    test.check(len(before) == 3 and system.order() == [second, present], "booted: cleanup keeps the order", (before, result.describe()))
    # Nor does another deployment undo a rollback that waits for its restart.
    result = system.booted_osb(present, "kargs", "--append", "later=1")
    (on_trial,) = with_role(system.booted_status(present), "on_trial")
    entries, default = menu_of(system)
    test.check(system.order() == [second, on_trial, present] and entries[default][0] == second,
               "booted: a trial after a rollback leaves its default", (result.describe(), system.order()))
    system.booted_osb(present, "rollback")
    test.check(system.order() == [second, present], "booted: and so does giving it up", system.order())
    return None


def trial_as_booted(test, system, present):
    result = system.booted_osb(present, "kargs", "--append", "tried=1")
    said = system.booted_status(present)
    (on_trial,) = with_role(said, "on_trial")
    entries, default = menu_of(system)
    test.check(result.status == 0 and said["trial"]["state"] == "armed" and said["next_boot"] == 1 and boot_once(system) and
               entries[default][0] == present and entries["trial"][0] == on_trial, "booted: other arguments wait for their trial",
               (result.describe(), said, entries))
    said = system.booted_status(on_trial)
    test.check(with_role(said, "booted") == [on_trial] and said["trial"]["state"] == "running" and said["next_boot"] == 0,
               "on trial: status says so", said)
    people = system.booted_osb(on_trial, "status").stdout
    test.check("* 1  booted, on trial\n" in people, "on trial: for people", people)
    test.check_refused(system.booted_osb(on_trial, "kargs", "--append", "x"), 1, "on trial: no other change", "on trial")
    test.check_refused(system.booted_osb(on_trial, "cleanup", "--rollback"), 1, "on trial: what it falls back to stays", "on trial")
    result = system.booted_osb(on_trial, "cleanup")
    test.check(result.status == 0 and system.order() == [present, on_trial], "on trial: cleanup keeps both", result.describe())
    result = system.in_booted(on_trial, "sh", "-c", "/run/osb-oci rollback --apply && cat /run/restarted")
    test.check(result.stdout.endswith("restarted\n") and "counts as failed" in result.stdout, "on trial: rollback --apply restarts",
               result.describe())
    entries, default = menu_of(system)
    said = system.booted_status(present)
    test.check(entries[default][0] == entries["trial"][0] == present and not boot_once(system) and said["trial"] is None and
               said["failed_trials"][-1]["reason"] == "rolled back by the operator" and with_role(said, "failed") == [on_trial],
               "the old system is back, and knows", (entries, said))
    test.check("the last trial failed" in system.booted_osb(present, "status").stdout, "and says so")
    system.booted_osb(present, "cleanup")
    test.check(system.order() == [present], "booted: cleanup removes it", system.order())


def main(test):
    if shutil.which("sfdisk", path=environment()["PATH"]) is None:
        raise Skip("needs sfdisk")
    prepare(test)
    on_disk(test)


if __name__ == "__main__":
    sys.exit(run(main))

#!/usr/bin/env python3
"""What has not proved itself never becomes what a machine falls back to: systems that have failed and run, changes that are interrupted,
changes that do not fit."""

import json
import os
import shutil
import sys
import time

from lib_harness import Skip, run
from lib_sysroot import boot_once, directory_system, make_tree, menu_of, prepare, with_role


def add_syslinux(system):
    """What a trial needs of it: the file whose end says what is started once, and our menu."""
    folder = os.path.join(system.path, "boot/extlinux")
    os.makedirs(folder)
    for name, content in (("extlinux.conf", b"INCLUDE /extlinux/entries.conf\n"), ("ldlinux.sys", bytes(4096)), ("entries.conf", b"")):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


def write_menu(test, system):
    test.must(test.osb, "boot-menu", "--sysroot", system.path)


def note_failure(system, deployment):
    os.makedirs(system.path + "/ostree/osb-oci", exist_ok=True)
    commit, serial = deployment.split(".")
    failure = {"stateroot": "test", "commit": commit, "serial": int(serial), "image": "os/2", "version": "2", "digest": "",
               "reason": "check failed", "time": int(time.time())}
    with open(system.path + "/ostree/osb-oci/failed.json", "w", encoding="ascii") as file:
        json.dump({"schema": 1, "failed": [failure]}, file)


def follow(system, deployment, ref):
    with open(system.origin_file(deployment), "w", encoding="ascii") as file:
        file.write(f"[origin]\nrefspec={ref}\n")


def failed_and_runs(test, one, two):
    """As after `boot-check --no-reboot`, or when somebody started it from the menu for a look at it."""
    with directory_system(test, "failed") as system:
        add_syslinux(system)
        system.deploy("1")
        system.deploy("2", "--not-as-default")
        note_failure(system, two)
        write_menu(test, system)
        said = json.loads(system.booted_osb(two, "rollback", "--json").stdout)
        test.check(said["result"] == "left" and said["next_boot"]["id"] == one and system.order() == [one, two],
                   "rollback in a system that has failed: the proven one is started", (said, system.order()))
        result = system.booted_osb(two, "kargs", "--append", "x=1")
        entries, default = menu_of(system)
        test.check(result.status == 0 and system.order()[0] == one and entries[default][0] == one,
                   "other arguments from there: the proven one stays the default", (result.describe(), system.order(), entries))


def kill_at(test, system, path, call, *arguments):
    """The verb is killed when it calls that for the file."""
    return test.run("strace", "-f", "-qq", "-o", "/dev/null", "-P", path, "-e", f"inject={call}:signal=KILL", test.osb, *arguments,
                    "--sysroot", system.path)


def interrupted(test, one):
    with directory_system(test, "interrupted") as system:
        add_syslinux(system)
        system.deploy("1")
        write_menu(test, system)
        result = kill_at(test, system, "entries.conf", "openat", "kargs", "--append", "x=1")
        entries, default = menu_of(system)
        links = [word[len("ostree="):] for _, append in entries.values() for word in append if word.startswith("ostree=")]
        test.check(result.status != 0 and entries[default][0] == one and all(os.path.isdir(system.path + link) for link in links),
                   "killed before the menu: what that names is there", (result.describe(), entries))
        rollbacks = with_role(system.status(), "rollback")
        test.check(rollbacks == [], "and what was never tried is no rollback", (rollbacks, system.order()))
        system.osb("kargs", "--append", "x=1")
        test.check(boot_once(system) and len(system.order()) == 2, "the same again: it is tried", system.order())
        result = kill_at(test, system, system.path + "/ostree/osb-oci/trial.json", "unlink,unlinkat", "rollback")
        rollbacks = with_role(system.status(), "rollback")
        test.check(result.status != 0 and not boot_once(system) and rollbacks == [], "killed while the trial is given up",
                   (result.describe(), rollbacks))
        again = system.osb("rollback")
        entries, default = menu_of(system)
        test.check(system.order() == [one] and entries[default][0] == one, "the same again: only what is proven is left",
                   (again.describe(), system.order(), entries))


def small_boot(test, system):
    """A BOOT that has room for little."""
    boot, copy = system.path + "/boot", test.path("boot-copy")
    shutil.copytree(boot, copy, symlinks=True)
    if test.run("mount", "-t", "tmpfs", "-o", "size=9500k", "tmpfs", boot).status != 0:
        raise Skip("a BOOT of its own cannot be mounted here")
    shutil.copytree(copy, boot, symlinks=True, dirs_exist_ok=True)


def does_not_fit(test, one, two):
    tree = make_tree(test.path("tree9"), b"a large kernel ")
    test.commits["9"] = test.must("ostree", "commit", f"--repo={test.repo}", "-b", "os/9", f"--tree=dir={tree}", "--owner-uid=0",
                                  "--owner-gid=0", "--add-metadata-string=version=9", "--timestamp=2024-02-01 00:00:00Z").strip()
    with directory_system(test, "small") as system:
        small_boot(test, system)
        try:
            add_syslinux(system)
            system.deploy("1")
            for version in ("2", "9"):
                system.pull(version)
            write_menu(test, system)
            follow(system, one, "os/2")
            test.check_status(system.osb("upgrade"), 0, "an upgrade that fits")
            follow(system, one, "os/9")
            test.check_refused(system.osb("upgrade", "--progress", "none"), 6, "one that does not", "BOOT")
            said = system.status()
            test.check(system.order() == [one, two] and with_role(said, "on_trial") == [two] and boot_once(system),
                       "the one that waits is tried all the same", said)
        finally:
            test.must("umount", system.path + "/boot")


def main(test):
    test.need("strace")
    prepare(test)
    one, two = (f"{test.commits[version]}.0" for version in ("1", "2"))
    failed_and_runs(test, one, two)
    interrupted(test, one)
    does_not_fit(test, one, two)


if __name__ == "__main__":
    sys.exit(run(main))

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
        result = kill_at(test, system, "trial.json", "unlink,unlinkat", "rollback")
        rollbacks = with_role(system.status(), "rollback")
        test.check(result.status != 0 and not boot_once(system) and rollbacks == [], "killed while the trial is given up",
                   (result.describe(), rollbacks))
        again = system.osb("rollback")
        entries, default = menu_of(system)
        test.check(system.order() == [one] and entries[default][0] == one, "the same again: only what is proven is left",
                   (again.describe(), system.order(), entries))


def small_boot(test, system):
    """A BOOT that has room for little."""
    boot, copy = system.path + "/boot", system.path + "-boot"
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


def inject(test, system, what, *arguments):
    return test.run("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=syncfs", "-e", f"inject=syncfs:{what}", test.osb, *arguments,
                    "--sysroot", system.path)


def leftovers_on_boot(test, one):
    """Killed when libostree has copied the kernel and written no entry yet."""
    with directory_system(test, "leftovers") as system:
        small_boot(test, system)
        try:
            add_syslinux(system)
            system.deploy("1")
            system.pull("2")
            write_menu(test, system)
            follow(system, one, "os/2")
            for number in range(1, 5):
                inject(test, system, f"signal=KILL:when={number}", "upgrade", "--progress", "none")
                if len(os.listdir(system.path + "/boot/ostree")) > 1:
                    break
            test.check(len(os.listdir(system.path + "/boot/ostree")) == 2 and system.order() == [one], "a kernel that nothing names",
                       system.order())
            result = system.osb("upgrade", "--progress", "none")
            test.check(result.status == 0 and len(system.order()) == 2, "does not keep the same upgrade from BOOT", result.describe())
        finally:
            test.must("umount", system.path + "/boot")


def failed_write(test, one, two):
    with directory_system(test, "failed-write") as system:
        add_syslinux(system)
        for version in ("1", "2"):
            system.deploy(version)
        system.pull("3")
        follow(system, two, "os/3")
        write_menu(test, system)
        result = inject(test, system, "error=EIO:when=1", "upgrade", "--progress", "none")
        test.check(result.status == 1 and system.order() == [two, one], "an upgrade that cannot be written", result.describe())
        said = json.loads(system.booted_osb(two, "rollback", "--json").stdout)
        test.check(said["result"] == "swapped" and system.order() == [one, two], "then rollback goes back, at once", said)


def forced_without_trial(test, one, two):
    """Where nothing can be tried, what is forced becomes the default, and is as good as any."""
    with directory_system(test, "forced") as system:
        system.deploy("1")
        for version in ("2", "3"):
            system.pull(version)
        follow(system, one, "os/2")
        note_failure(system, two)
        test.check_status(system.osb("upgrade", "--progress", "none", "--force"), 0, "upgrade --force without a trial")
        said = system.booted_status(two)
        test.check(with_role(said, "failed") == [] and with_role(said, "default") == [two], "it has not failed", said)
        follow(system, two, "os/3")
        result = system.booted_osb(two, "upgrade", "--progress", "none")
        three = f"{test.commits['3']}.0"
        said = system.booted_status(three)
        test.check(result.status == 0 and with_role(said, "rollback") == [two], "and is what the next one falls back to",
                   (result.describe(), said))


def pinned_and_followed(test, one):
    """What runs is pinned, and follows something else from now on."""
    with directory_system(test, "pinned") as system:
        system.deploy("1")
        follow(system, one, "os/1")
        layout = f"oci:{test.path('layout')}:1"
        test.must(test.osb, "export", "--repo", test.repo, "os/1", layout)
        test.check_status(system.osb("pin", "0"), 0, "pin")
        said = system.json("switch", layout)
        test.check(said["result"] == "follows" and with_role(system.status(), "pinned") == [one],
                   "switch to another name of it keeps it pinned", said)


def main(test):
    test.need("strace")
    prepare(test)
    one, two = (f"{test.commits[version]}.0" for version in ("1", "2"))
    failed_and_runs(test, one, two)
    interrupted(test, one)
    does_not_fit(test, one, two)
    leftovers_on_boot(test, one)
    failed_write(test, one, two)
    forced_without_trial(test, one, two)
    pinned_and_followed(test, one)


if __name__ == "__main__":
    sys.exit(run(main))

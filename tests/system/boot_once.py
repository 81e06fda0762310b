#!/usr/bin/env python3
"""SYSLINUX as install-to-disk places it keeps its auxiliary data: what `extlinux --once` arms is started once, and the next start is
that of the default again; also when it is armed in the running system, and when the label's kernel cannot be loaded."""

import contextlib
import json
import sys

import lib_system
from lib_disk import loop_device, mounted
from lib_harness import LONG, Skip, only_long, run
from lib_qemu import Machine, karg_options
from lib_system import system_image

# init=/bin/sh: what the loader has started is told as soon as the deployment is mounted.
KARGS = karg_options("init=/bin/sh")
# No service does it here.
AT_REST = "umount /boot; mount -o remount,ro /sysroot"


@contextlib.contextmanager
def opened(test, disk):
    """The sysroot of a disk that install-to-disk made, mounted with its /boot."""
    table = json.loads(test.must("sfdisk", "--json", disk))["partitiontable"]["partitions"]
    with contextlib.ExitStack() as stack:
        boot, root = (stack.enter_context(loop_device(test, disk, part["start"], part["size"])) for part in table)
        sysroot = stack.enter_context(mounted(test, root, test.path("sysroot")))
        stack.enter_context(mounted(test, boot, test.path("sysroot", "boot")))
        yield sysroot


def add_deployment(test, disk, commit):
    """A second deployment of the commit, which only its kernel arguments tell apart; not the default. Returns its label."""
    with opened(test, disk) as sysroot:
        test.must("ostree", "config", f"--repo={sysroot}/ostree/repo", "set", "sysroot.bootloader", "none")
        test.must("ostree", "admin", "deploy", f"--sysroot={sysroot}", "--os=default", "--not-as-default", "--karg=second=yes", commit)
        labels = test.must(test.osb, "boot-menu", "--boot", f"{sysroot}/boot").split()
        with open(f"{sysroot}/boot/extlinux/entries.conf", encoding="utf-8") as file:
            entries = file.read()
    test.check(len(labels) == 2 and f"DEFAULT {labels[0]}\n" in entries, "the menu has both deployments, the first is the default", entries)
    return labels[1]


def arm(test, disk, label):
    with opened(test, disk) as sysroot:
        result = test.run("extlinux", f"--once={label}", f"{sysroot}/boot/extlinux")
        test.check(result.status == 0, "extlinux finds its data on a disk of install-to-disk", result.describe())


def break_entry(test, disk, label):
    """The label's kernel is gone, and the label is armed."""
    with opened(test, disk) as sysroot:
        path = f"{sysroot}/boot/extlinux/entries.conf"
        with open(path, encoding="utf-8") as file:
            head, mark, entry = file.read().partition(f"LABEL {label}\n")
        with open(path, "w", encoding="utf-8") as file:
            file.write(head + mark + entry.replace("  LINUX /", "  LINUX /gone/", 1))
        test.must("extlinux", f"--once={label}", f"{sysroot}/boot/extlinux")


def started(machine):
    """Which deployment runs."""
    machine.expect(r"[#$] ", 240)
    machine.take_shell()
    return "second" if "second=yes" in machine.output("cat /proc/cmdline") else "first"


def restart(machine):
    machine.send(f"{AT_REST}; sync; reboot -f\n")
    machine.restart_after_reset()


def once(test, machine, table, label):
    """The label is armed: it is started once. Then the same, armed in the running system."""
    test.check(started(machine) == "second", f"{table}: the armed label is started")
    restart(machine)
    test.check(started(machine) == "first", f"{table}: once; then the default")
    if table == "gpt" and not only_long("boot-once on GPT, armed in the running system, and with a kernel that is gone"):
        return
    machine.output(f"extlinux --once={label} /boot/extlinux")
    restart(machine)
    test.check(started(machine) == "second", f"{table}: armed in the running system")
    restart(machine)
    test.check(started(machine) == "first", f"{table}: and then the default again")
    machine.output(f"{AT_REST}; sync")


def broken(test, disk, table):
    break_entry(test, disk, "trial")
    with Machine(test, f"{table}-broken", disk, hurry=True) as machine:
        test.check(started(machine) == "first" and machine.said("/gone/"),
                   f"{table}: what cannot be loaded is no end: the default follows")


def main(test):
    lib_system.need_machine(test)
    test.need("syslinux", "mcopy")
    for table in ("mbr", "gpt"):
        disk = test.path(f"{table}.img")
        result = test.run(test.osb, "install-to-disk", "--progress", "none", *KARGS, "--size", "2G", "--partition-table", table,
                          system_image(test), disk)
        if not test.check_status(result, 0, f"install, {table}"):
            raise Skip("nothing to boot")
        label = add_deployment(test, disk, result.commit)
        arm(test, disk, label)
        with Machine(test, table, disk, hurry=True) as machine:
            once(test, machine, table, label)
        if table == "mbr" or LONG:
            broken(test, disk, table)


if __name__ == "__main__":
    sys.exit(run(main))

#!/usr/bin/env python3
"""The initramfs's init: every way to name root and /boot, and what a person or an unattended machine gets when it cannot go on."""

import os

import lib_system
from lib_disk import kernel_arguments, partitions, with_files
from lib_fixture import plain_system
from lib_harness import only_long, run
from lib_powercut import copy_disk
from lib_qemu import Machine
from lib_system import FIXTURE, need_machine


class Boots:
    """Boots of one disk, each with a command line of its own and without what it wrote."""

    def __init__(self, test, disk, kernel, arguments):
        self.test, self.disk, self.kernel, self.arguments = test, disk, kernel, arguments

    def machine(self, name, **changes):
        """The disk's own kernel arguments with changes; None takes one away."""
        words = {**self.arguments, "loglevel": "3", **{key.replace("__", "."): value for key, value in changes.items()}}
        line = " ".join(f"{key}={value}" if value else key for key, value in words.items() if value is not None)
        return Machine(self.test, name, self.disk, options=("-snapshot", "-kernel", self.kernel[0], "-initrd", self.kernel[1],
                                                            "-append", line))

    def expect_failure(self, name, said, **changes):
        """An unattended machine says why, and restarts."""
        with self.machine(name, panic="1", **changes) as machine:
            found = machine.expect(r"could not be started: ([^\r\n]*)\r?\n").group(1).decode()
            self.test.check(said in found, f"{name}: it says why", found)
            machine.expect(r"Restarting system|machine restart")
            machine.wait_off(60)
            self.test.check(not machine.said(r"[#$] $"), f"{name}: and restarts without a shell")


def check_names(test, boots):
    """Each name of root leads to the same system."""
    with boots.machine("by label", root="LABEL=ROOT", boot="LABEL=BOOT", init="/bin/sh") as machine:
        machine.expect(r"[#$] ")
        machine.take_shell()
        mounts = machine.output("cat /proc/mounts")
        test.check("/dev/vda2 /sysroot ext4 rw" in mounts and "/dev/vda1 /boot ext4 rw" in mounts, "root and /boot by label", mounts)
    with boots.machine("by device", root="/dev/vda2", boot="/dev/vda1", init="/bin/sh", fsck__mode="force") as machine:
        machine.expect(r"[#$] ")
        machine.take_shell()
        mounts = machine.output("cat /proc/mounts")
        test.check("/dev/vda2 /sysroot ext4 rw" in mounts and "/dev/vda1 /boot ext4 rw" in mounts, "by device", mounts)
        test.check(machine.said(r"ROOT: \d+/\d+ files"), "fsck.mode=force checks a clean filesystem, too")
    with boots.machine("without boot", boot="none", init="/bin/sh") as machine:
        machine.expect(r"[#$] ")
        machine.take_shell()
        mounts = machine.output("cat /proc/mounts")
        test.check(" /boot " not in mounts and " /var " in mounts, "boot=none mounts no /boot", mounts)


def check_shell(test, boots):
    """A person gets a shell with a message, can put it right, and go on."""
    with boots.machine("shell", root="LABEL=ROOT", ostree="/ostree/boot.1/test/0/0") as machine:
        said = machine.expect(r"could not be started: ([^\r\n]*)\r?\n").group(1).decode()
        test.check("no such deployment" in said, "a deployment that is not there: it says so", said)
        machine.expect(r"[#$] ")
        machine.take_shell()
        status, said = machine.shell("ls -d /sysroot/ostree/deploy/test")
        test.check(status == 0, "the disk is mounted for the person at the shell", said)
        machine.send("exit 0\n")  # ends take_shell's; its caller exits as well, and init begins again
        said = machine.expect(r"could not be started: ([^\r\n]*)\r?\n").group(1).decode()
        test.check("no such deployment" in said, "exit tries again", said)


def check_newer_ostree(test, boots):
    """An ostree-prepare-root that leaves more to others leads to the same mounts."""
    with open(os.path.join(FIXTURE, "prepare-root-2025"), "rb") as file:
        changed = with_files(test, boots.kernel[1], {"usr/lib/ostree/ostree-prepare-root": (0o755, file.read())})
    newer = Boots(test, boots.disk, (boots.kernel[0], changed), boots.arguments)
    with newer.machine("newer ostree", init="/bin/sh") as machine:
        machine.expect(r"[#$] ")
        machine.take_shell()
        mounts = [line.split()[:4] for line in machine.output("cat /proc/mounts").splitlines()]
        for device, point, mode in (("/dev/vda2", "/", "rw"), ("/dev/vda2", "/usr", "ro"), ("/dev/vda2", "/var", "rw"),
                                    ("/dev/vda1", "/boot", "rw"), ("/dev/vda2", "/sysroot", "rw")):
            found = [line for line in mounts if line[1] == point]
            test.check(len(found) == 1 and found[0][0] == device and found[0][3].startswith(mode),
                       f"newer ostree: {point} is {device}, {mode}, once", mounts)
        status, said = machine.shell("test -e /run/ostree-booted && ostree admin status")
        test.check(status == 0 and "* test " in said, "newer ostree: the deployment is known as booted", said)
    with newer.machine("newer ostree again", boot="/dev/nowhere", rootwait="0") as machine:
        machine.expect(r"could not be started: boot=/dev/nowhere has not appeared")
        machine.expect(r"[#$] ")
        machine.send("exit\n")
        said = machine.expect(r"could not be started: ([^\r\n]*)\r?\n").group(1).decode()
        test.check("boot=/dev/nowhere" in said, "newer ostree: beginning again gets as far as the first time", said)


def check_repair(test, disk, boots):
    """A filesystem that was not unmounted is repaired; one that is damaged beyond that is not mounted."""
    with partitions(test, disk) as (boot, _):
        test.must("debugfs", "-w", "-R", "ssv state 2", boot)  # "has errors"
    with boots.machine("repair", init="/bin/sh") as machine:
        machine.expect(r"[#$] ")
        test.check(machine.said(r"BOOT: \d+/\d+ files"), "a filesystem marked as damaged is checked", "")
    with partitions(test, disk) as (boot, _):
        test.must("debugfs", "-w", "-R", "clri <2>", boot)  # no root directory
    boots.expect_failure("damaged", "has errors that need a person")


def main(test):
    need_machine(test)
    plain, disk = plain_system(test), test.path("disk.img")
    copy_disk(os.path.join(plain, "disk.img"), disk)
    kernel = [os.path.join(plain, name) for name in ("vmlinuz", "initramfs.img")]
    boots = Boots(test, disk, kernel, kernel_arguments(test, disk))
    check_names(test, boots)
    boots.expect_failure("absent root", "has not appeared within 1 s; there are: /dev/vda",
                         root="UUID=00000000-0000-4000-8000-000000000000", rootwait="1")
    boots.expect_failure("no init", "the deployment has no /sbin/nowhere", init="/sbin/nowhere")
    if only_long("a kernel command line without root=, with one of another kind, and without ostree="):
        boots.expect_failure("no root", "no root= on the kernel command line", root=None)
        boots.expect_failure("bad root", "neither UUID=, LABEL= nor a path", root="PARTLABEL=x")
        boots.expect_failure("no deployment", "no ostree= on the kernel command line", ostree=None)
    check_shell(test, boots)
    check_newer_ostree(test, boots)
    check_repair(test, disk, boots)


if __name__ == "__main__":
    assert lib_system  # sets the path to lib_harness
    run(main)

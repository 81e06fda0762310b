#!/usr/bin/env python3
"""The initramfs's init: every way to name root and /boot, and what a person or an unattended machine gets when it cannot go on."""

import os
import re

import lib_system
from lib_disk import entry_fields, kernel_arguments, opened, partitions, with_files
from lib_fixture import plain_system
from lib_harness import only_long, run
from lib_kernel import chipset_kernel
from lib_powercut import copy_disk
from lib_qemu import Machine
from lib_system import FIXTURE, need_machine


STARTS = "ostree/osb-oci/starts"
# A chipset with a watchdog; some boards keep it from restarting the machine.
Q35 = ("-machine", "q35", "-global", "ICH9-LPC.noreboot=false")


class Boots:
    """Boots of one disk, each with a command line of its own and without what it wrote."""

    def __init__(self, test, disk, kernel, arguments):
        self.test, self.disk, self.kernel, self.arguments = test, disk, kernel, arguments

    def machine(self, name, disks=None, options=(), **changes):
        """The disk's own kernel arguments with changes; None takes one away, as it does with the disk's panic=60."""
        words = {**self.arguments, "loglevel": "3", "panic": None,
                 **{key.replace("__", "."): value for key, value in changes.items()}}
        line = " ".join(f"{key}={value}" if value else key for key, value in words.items() if value is not None)
        return Machine(self.test, name, disks or self.disk,
                       options=("-snapshot", "-kernel", self.kernel[0], "-initrd", self.kernel[1], "-append", line, *options))

    def expect_failure(self, name, said, **changes):
        """An unattended machine says why, and restarts."""
        with self.machine(name, panic="1", **changes) as machine:
            found = machine.expect(r"could not be started: ([^\r\n]*)\r?\n").group(1).decode()
            self.test.check(said in found, f"{name}: it says why", found)
            machine.expect(r"Restarting system|machine restart")
            machine.wait_off(60)
            self.test.check(not machine.said(r"[#$] $"), f"{name}: and restarts without a shell")


def count_is(test, machine, count, what):
    """How often this deployment has been started, this one being the last."""
    starts = machine.output(f"cat /sysroot/{STARTS}").split()
    boot = machine.output("cat /proc/sys/kernel/random/boot_id")
    test.check(len(starts) == 3 and starts[0].endswith(".0") and starts[1:] == [str(count), boot], what, starts)


def check_watchdog(test, boots):
    """What a trial has on a chipset with a watchdog; and root by its label."""
    kernel = chipset_kernel(test, boots.kernel[1])
    boots = Boots(test, boots.disk, kernel, boots.arguments)
    with boots.machine("by label", root="LABEL=ROOT", boot="LABEL=BOOT", init="/bin/sh", options=Q35, osb__trial="ab12") as machine:
        machine.expect(r"[#$] ")
        machine.take_shell()
        # Its driver finds it behind the bridge to the LPC bus, whose own driver has to be loaded first.
        used = machine.output("readlink /proc/$(cat /run/osb/watchdog.pid)/fd/9")
        known = machine.output("cd /sys/class/watchdog && grep -H . */identity")
        test.check(f"{used.rpartition('/')[2]}/identity:iTCO_wdt" in known.splitlines() and "Software" not in known,
                   "a trial has the watchdog of the chipset", (used, known))
        test.check(machine.shell(f"test -e /sysroot/{STARTS}")[0] != 0, "a trial is not counted as a start")
        feeder = "kill -0 $(cat /run/osb/watchdog.pid)"
        status, _ = machine.shell(f"printf 'keep\\nstop\\n' >/run/osb/watchdog; sleep 1; {feeder}")
        test.check(status == 0, "a watchdog that is to be kept is fed after the trial")
        status, _ = machine.shell(f"echo end >/run/osb/watchdog; sleep 1; {feeder}")
        test.check(status != 0, "until that ends, too")
        mounts = machine.output("cat /proc/mounts")
        test.check("/dev/vda2 /sysroot ext4 rw" in mounts and "/dev/vda1 /boot ext4 rw" in mounts, "root and /boot by label", mounts)


def check_names(test, boots):
    """Each name of root leads to the same system."""
    with boots.machine("by device", root="/dev/vda2", boot="/dev/vda1", init="/bin/sh", fsck__mode="force") as machine:
        machine.expect(r"[#$] ")
        machine.take_shell()
        mounts = machine.output("cat /proc/mounts")
        test.check("/dev/vda2 /sysroot ext4 rw" in mounts and "/dev/vda1 /boot ext4 rw" in mounts, "by device", mounts)
        test.check(machine.said(r"ROOT: \d+/\d+ files"), "fsck.mode=force checks a clean filesystem, too")
        count_is(test, machine, 1, "a start is counted")
    with boots.machine("without boot", boot="/dev/nowhere", rootwait="1", init="/bin/sh") as machine:
        check_without_boot(test, machine, "boot=/dev/nowhere has not appeared within 1 s")
    if only_long("boot=none"):
        with boots.machine("boot none", boot="none", init="/bin/sh") as machine:
            machine.expect(r"[#$] ")
            machine.take_shell()
            mounts = machine.output("cat /proc/mounts")
            test.check(" /boot " not in mounts and " /var " in mounts, "boot=none mounts no /boot", mounts)


def check_without_boot(test, machine, why):
    """A system whose root is well starts, whatever is wrong with BOOT, and says so."""
    machine.expect(rf"The system starts without /boot: [^\r\n]*{re.escape(why)}")
    machine.expect(r"[#$] ")
    machine.take_shell()
    mounts = machine.output("cat /proc/mounts")
    test.check(" /boot " not in mounts and " /var " in mounts, f"{machine.name}: /boot is not mounted", mounts)
    said = machine.output("cat /run/osb/boot-problem")
    test.check(said.startswith("/boot is not mounted: ") and why in said and "\n" not in said, f"{machine.name}: a note says why", said)
    status, said = machine.shell("osb-oci boot-check --no-reboot")
    test.check(status != 0 and why in said, f"{machine.name}: boot-check fails, and says why", (status, said))
    _, said = machine.shell("osb-oci status")
    test.check(why in said, f"{machine.name}: so does status", said)


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
    with newer.machine("newer ostree again", init="/sbin/nowhere") as machine:
        machine.expect(r"could not be started: the deployment has no /sbin/nowhere")
        machine.expect(r"[#$] ")
        machine.send("exit\n")
        said = machine.expect(r"could not be started: ([^\r\n]*)\r?\n").group(1).decode()
        test.check("/sbin/nowhere" in said, "newer ostree: beginning again gets as far as the first time", said)
        machine.expect(r"[#$] ")
        machine.take_shell()
        said = machine.output("mkdir -p /x; mount /dev/vda2 /x; cut -d ' ' -f 2 /x/ostree/osb-oci/starts")
        test.check(said == "1", "which is the same start", said)


def check_no_console(test, boots):
    """The command line names a console that the machine has not: what there is to say appears on the one that it has."""
    with boots.machine("no console", console="ttyS1", init="/sbin/nowhere", panic="1") as machine:
        said = machine.expect(r"could not be started: ([^\r\n]*)\r?\n").group(1).decode()
        test.check("the deployment has no /sbin/nowhere" in said, "no init, and no console: it says why", said)
        machine.wait_off(60)
        test.check(not machine.said(r"[#$] $"), "no console: and restarts without a shell")


def check_clones(test, boots):
    """Two disks with the same names on them: all is taken from the one that the BIOS started, or nothing."""
    clone = test.path("clone.img")
    copy_disk(boots.disk, clone)
    disks = [(boots.disk, "raw"), (clone, "raw")]
    boots.expect_failure("clone", "is on more than one device, and the BIOS does not tell which disk was started: /dev/vd", disks=disks,
                         edd="off")
    with partitions(test, boots.disk) as (boot, _):
        uuid = test.must("blkid", "-s", "UUID", "-o", "value", boot).strip()
    names = ["the other signature first", *(["the same signature"] if only_long("clones that only their controllers tell apart") else [])]
    test.must("sfdisk", "--quiet", "--disk-id", clone, "0x0badcafe")
    for name in names:
        if name == "the same signature":
            copy_disk(boots.disk, clone)
        with boots.machine(name, disks=disks[::-1], boot=f"UUID={uuid}", init="/bin/sh") as machine:
            machine.expect(r"[#$] ")
            machine.take_shell()
            mounts = machine.output("cat /proc/mounts")
            test.check("/dev/vda2 /sysroot ext4 rw" in mounts and "/dev/vda1 /boot ext4 rw" in mounts and "/dev/vdb" not in mounts,
                       f"{name}: root and /boot are on the first disk", mounts)


def check_fallback(test, boots):
    """A deployment that was started three times in vain: the menu's label fallback is started instead."""
    disk = test.path("fallback.img")
    copy_disk(boots.disk, disk)
    with opened(test, disk) as sysroot:
        fields = entry_fields(sysroot)
        os.makedirs(f"{sysroot}/boot/extlinux")
        test.must("extlinux", "--install", f"{sysroot}/boot/extlinux")
        with open(f"{sysroot}/boot/extlinux/extlinux.conf", "w", encoding="ascii") as file:
            file.write("SERIAL 0 115200\nPROMPT 0\nINCLUDE entries.conf\n")
        with open(f"{sysroot}/boot/extlinux/entries.conf", "w", encoding="ascii") as file:
            file.write("DEFAULT one\n")
            for label in ("one", "fallback"):
                file.write(f"LABEL {label}\n  LINUX {fields['linux']}\n  INITRD {fields['initrd']}\n"
                           f"  APPEND {fields['options']} init=/bin/sh osbtest.label={label}\n")
        (deployment,) = [name for name in os.listdir(f"{sysroot}/ostree/deploy/test/deploy") if not name.endswith(".origin")]
        os.makedirs(os.path.dirname(f"{sysroot}/{STARTS}"), exist_ok=True)
        with open(f"{sysroot}/{STARTS}", "w", encoding="ascii") as file:
            file.write(f"{deployment} 3 another-boot\n")
    with Machine(test, "fallback", disk) as machine:
        machine.expect(r"This system was started 3 times and has not reached its checks")
        machine.next_boot(60)
        # The deployment is the same: its starts are counted from the beginning.
        machine.expect(r"[#$] ")
        machine.take_shell()
        said = machine.output("cat /proc/cmdline")
        test.check("osbtest.label=fallback" in said, "the fourth start is one of the fallback", said)
        count_is(test, machine, 1, "and nothing restarts the machine a second time")
        said = machine.output("cat /sysroot/ostree/osb-oci/fallback-used").split()
        test.check(said[:2] == [deployment, "4"], "it is noted that the fallback was used", said)


def check_repair(test, disk, boots):
    """A filesystem that was not unmounted is repaired; one that is damaged beyond that is not mounted."""
    with partitions(test, disk) as (boot, _):
        test.must("debugfs", "-w", "-R", "ssv state 2", boot)  # "has errors"
    with boots.machine("repair", init="/bin/sh") as machine:
        machine.expect(r"[#$] ")
        test.check(machine.said(r"BOOT: \d+/\d+ files"), "a filesystem marked as damaged is checked", "")
    with partitions(test, disk) as (boot, _):
        test.must("debugfs", "-w", "-R", "clri <2>", boot)  # no root directory
    with boots.machine("damaged", init="/bin/sh") as machine:
        check_without_boot(test, machine, "has errors that need a person")
    if only_long("a root filesystem that is damaged beyond repair"):
        with partitions(test, disk) as (_, root):
            test.must("debugfs", "-w", "-R", "ssv state 2", root)
            test.must("debugfs", "-w", "-R", "clri <2>", root)
        boots.expect_failure("damaged root", "has errors that need a person")


def main(test):
    need_machine(test)
    test.need("apt-cache", "depmod", "cpio")
    plain, disk = plain_system(test), test.path("disk.img")
    copy_disk(os.path.join(plain, "disk.img"), disk)
    kernel = [os.path.join(plain, name) for name in ("vmlinuz", "initramfs.img")]
    boots = Boots(test, disk, kernel, kernel_arguments(test, disk))
    check_watchdog(test, boots)
    check_names(test, boots)
    boots.expect_failure("absent root", "has not appeared within 1 s; there are: /dev/vda",
                         root="UUID=00000000-0000-4000-8000-000000000000", rootwait="1")
    check_no_console(test, boots)
    if only_long("a kernel command line without root=, with one of another kind, and without ostree="):
        boots.expect_failure("no root", "no root= on the kernel command line", root=None)
        boots.expect_failure("bad root", "neither UUID=, LABEL= nor a path", root="PARTLABEL=x")
        boots.expect_failure("no deployment", "no ostree= on the kernel command line", ostree=None)
    check_shell(test, boots)
    check_newer_ostree(test, boots)
    check_clones(test, boots)
    check_fallback(test, boots)
    check_repair(test, disk, boots)


if __name__ == "__main__":
    assert lib_system  # sets the path to lib_harness
    run(main)

#!/usr/bin/env python3
"""The way from an image to a system that runs: import, disk, boot; and what holds in the running system, over a restart."""

import os

import lib_system
from lib_disk import check_clean, opened
from lib_fixture import plain_system
from lib_harness import run
from lib_powercut import copy_disk
from lib_qemu import Machine
from lib_services import check_services_again, make_small_disks
from lib_system import need_machine

MIB = 1 << 20


def check_services(test, machine, when):
    status = machine.output("rc-status --nocolor default")
    test.check("sshd" in status and "local" in status, f"{when}: the default runlevel was reached", status)
    _, crashed = machine.shell("rc-status --nocolor --crashed")
    test.check(crashed == "", f"{when}: no crashed service", crashed)
    _, levels = machine.shell("rc-status --nocolor sysinit; rc-status --nocolor boot; rc-status --nocolor default")
    services = [line.split() for line in levels.splitlines() if "[" in line]
    stopped = [words for words in services if words[2] != "started"]
    test.check(len(services) >= 9 and not stopped, f"{when}: every service of every runlevel has started", levels)


def check_filesystems(test, machine):
    status, said = machine.shell("touch /usr/probe")
    test.check(status != 0 and "Read-only" in said, "/usr is read-only", said)
    status, said = machine.shell("touch /probe")
    test.check(status != 0, "nothing can be added to /", said)
    for directory in ("/etc", "/var", "/root", "/home", "/boot", "/tmp", "/run"):
        status, said = machine.shell(f"touch {directory}/probe && rm {directory}/probe")
        test.check(status == 0, f"{directory} is writable", said)
    mounts = machine.output("cat /proc/mounts").splitlines()
    points = [line.split()[1] for line in mounts]
    for point in ("/", "/usr", "/var", "/boot", "/sysroot", "/run"):
        test.check(points.count(point) == 1, f"{point} is mounted, once", "\n".join(mounts))
    test.check(machine.shell("test -e /run/ostree-booted")[0] == 0, "/run/ostree-booted is there")


def check_ostree(test, machine, commit):
    said = machine.output("ostree admin status")
    test.check(f"* test {commit}.0" in said, "ostree admin status names the commit as booted", said)
    status, said = machine.shell("ostree fsck --quiet", 120)
    test.check(status == 0, "ostree fsck inside", said)


def check_first_boot(test, machine):
    """What /var has on the first boot comes from the image, with its owners and modes."""
    said = machine.output("cat /var/lib/factory-test/file /root/.profile")
    test.check(said == "from the image\nprofile of root", "files of /var and of /root are there", said)
    said = machine.output("stat -c '%a %u:%g %n' /var/lib/factory-test/owned /var/roothome /var/tmp /var/lib/factory-test/closed")
    expected = ["640 8:65534 /var/lib/factory-test/owned", "700 0:0 /var/roothome",
                "1777 0:0 /var/tmp", "555 0:0 /var/lib/factory-test/closed"]
    test.check(said.splitlines() == expected, "with owners and modes", said)
    said = machine.output("readlink /var/lib/factory-test/link; find /var -name '*.osb-new'")
    test.check(said == "owned", "links are links, and nothing is left over", said)


def check_grown(test, machine, disk):
    sectors = int(machine.output("cat /sys/class/block/vda2/size"))
    start = int(machine.output("cat /sys/class/block/vda2/start"))
    end = os.path.getsize(disk) // 512
    test.check(end - 8192 <= start + sectors <= end, "the root partition reaches the end of the disk", (start, sectors, end))
    size = int(machine.output("df -k /sysroot | awk 'END { print $2 }'")) * 1024
    test.check(size > 0.9 * sectors * 512, "and the filesystem fills it", (size, sectors * 512))


def check_ssh(test, machine):
    """A key that the console has put into /root opens an SSH session over the forwarded port."""
    key = test.path("key")
    test.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    with open(key + ".pub", encoding="ascii") as file:
        machine.output(f"mkdir -p -m 700 /root/.ssh && echo '{file.read().strip()}' > /root/.ssh/authorized_keys")
    result = test.run("ssh", "-i", key, "-p", str(machine.ports["ssh"]), "-F", "none", "-o", "StrictHostKeyChecking=no",
                      "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30",
                      "root@127.0.0.1", "cat /proc/sys/kernel/hostname")
    test.check(result.status == 0 and result.stdout == "osb-test\n", "a login by SSH with a key", result.describe())


def first_boot(test, machine, commit, disk):
    machine.login()
    check_services(test, machine, "first boot")
    check_filesystems(test, machine)
    check_ostree(test, machine, commit)
    check_first_boot(test, machine)
    check_grown(test, machine, disk)
    check_ssh(test, machine)
    test.check(machine.output("hostname") == "osb-test", "the hostname is that of the image")
    machine.output("echo kept > /etc/kept && echo kept > /var/lib/kept && rm /var/lib/factory-test/file && sync")


def second_boot(test, machine):
    machine.login()
    check_services(test, machine, "second boot")
    said = machine.output("cat /etc/kept /var/lib/kept")
    test.check(said == "kept\nkept", "/etc and /var are kept over a restart", said)
    status, _ = machine.shell("test -e /var/lib/factory-test/file")
    test.check(status != 0, "what was removed from /var stays removed in the same deployment")
    check_watchdog(test, machine)


def check_watchdog(test, machine):
    """The service that an image may start: without a trial it opens the watchdog itself, in a trial the initramfs goes on."""
    said = machine.output("rc-service osb-watchdog start && readlink /proc/$(cat /run/osb-watchdog.pid)/fd/3")
    test.check(said.endswith("/dev/watchdog0"), "osb-watchdog feeds the watchdog", said)
    said = machine.output("rc-service osb-watchdog stop && sleep 1; cat /sys/class/watchdog/watchdog0/state")
    test.check(said.endswith("inactive"), "and stops it", said)
    machine.output("mkdir -p /run/osb && mkfifo /run/osb/watchdog && exec 8<>/run/osb/watchdog && rc-service osb-watchdog start")
    machine.output("rm /run/osb/watchdog; rc-service osb-watchdog stop")
    said = machine.output("read -r one <&8; read -r two <&8; echo $one $two; exec 8>&-; ls /run/osb")
    test.check(said.startswith("keep end") and "watchdog" not in said, "in a trial it has the initramfs go on, until it is stopped", said)


def main(test):
    need_machine(test)
    plain, disk = plain_system(test), test.path("disk.img")
    copy_disk(os.path.join(plain, "disk.img"), disk)
    with open(os.path.join(plain, "commit"), encoding="ascii") as file:
        commit = file.read()
    os.truncate(disk, os.path.getsize(disk) + 400 * MIB)
    disks = [(path, "raw") for path in (disk, *make_small_disks(test))]
    with Machine(test, "boot", disks, forward={"ssh": 22}) as machine:
        first_boot(test, machine, commit, disk)
        machine.reboot()
        second_boot(test, machine)
        check_services_again(test, machine)
        machine.power_off()
    check_clean(test, disk, "after power off")
    with opened(test, disk) as sysroot:
        test.check(os.path.exists(f"{sysroot}/ostree/deploy/test/var/lib/kept"), "what was in /var is in the stateroot")


if __name__ == "__main__":
    assert lib_system  # sets the path to lib_harness
    run(main)

#!/usr/bin/env python3
"""boot-menu on a BOOT that is mounted: the menu is written, and BOOT is thawed also when the program is killed while it is frozen."""

import errno
import fcntl
import os
import re
import sys
import time

from lib_harness import Skip, run

# linux/fs.h
FIFREEZE = 0xC0045877
FITHAW = 0xC0045878
MIB = 1 << 20


def mount_boot(test):
    image, boot = test.path("boot.img"), test.path("boot")
    with open(image, "wb") as file:
        file.truncate(16 * MIB)
    os.mkdir(boot)
    test.must("mkfs.ext4", "-q", image)
    if os.geteuid() != 0 or test.run("mount", "-o", "loop", image, boot).status != 0:
        raise Skip("a file cannot be mounted here")
    for name in ("extlinux", "loader/entries"):
        os.makedirs(f"{boot}/{name}")
    with open(f"{boot}/loader/entries/ostree-1-test.conf", "w", encoding="ascii") as file:
        file.write("title Test\nversion 1\noptions root=LABEL=ROOT ostree=/ostree/boot.1/test/0/0\nlinux /vmlinuz\ninitrd /initramfs\n")
    return boot


def is_frozen(boot):
    """Asked by freezing it once more: whoever writes to it would wait."""
    fd = os.open(boot, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, FIFREEZE, 0)
        fcntl.ioctl(fd, FITHAW, 0)
        return False
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return True
    finally:
        os.close(fd)


def thaw(boot):
    fd = os.open(boot, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, FITHAW, 0)
    finally:
        os.close(fd)


def killed_while_frozen(test, boot):
    if test.run("strace", "-o", "/dev/null", "true").status != 0:
        return test.skip_one("killed while BOOT is frozen", "strace cannot trace here")
    write = (test.osb, "boot-menu", "--boot", boot)
    trace = test.path("trace")
    test.must("strace", "-o", trace, "-e", "trace=ioctl", *write)
    with open(trace, encoding="utf-8", errors="replace") as file:
        calls = re.findall(r"^ioctl\(\d+, (\w+)", file.read(), re.MULTILINE)
    test.check("FIFREEZE" in calls and "FITHAW" in calls, "BOOT is frozen and thawed", calls)
    for what, call in (("before it is frozen", "FIFREEZE"), ("before it is thawed", "FITHAW")):
        number = calls.index(call) + 1
        killed = test.run("strace", "-o", trace, "-e", "trace=ioctl", "-e", f"inject=ioctl:signal=KILL:when={number}", *write)
        test.check(killed.status in (-9, 137), f"killed {what}", killed.describe())
        until = time.monotonic() + 10
        while is_frozen(boot) and time.monotonic() < until:
            time.sleep(0.01)
        test.check(not is_frozen(boot), f"killed {what}: nobody waits for ever who writes to BOOT")
        if is_frozen(boot):
            thaw(boot)


def main(test):
    test.need("mkfs.ext4", "mount", "strace")
    boot = mount_boot(test)
    written = test.run(test.osb, "boot-menu", "--boot", boot)
    test.check(written.status == 0 and written.stdout == "ostree-1-test\n", "the menu is written", written.describe())
    killed_while_frozen(test, boot)
    written = test.run(test.osb, "boot-menu", "--boot", boot)
    test.check(written.status == 0, "and again afterwards", written.describe())
    with open(f"{boot}/extlinux/entries.conf", encoding="ascii") as file:
        test.check("DEFAULT ostree-1-test\n" in file.read(), "it is whole")


if __name__ == "__main__":
    sys.exit(run(main))

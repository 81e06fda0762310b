#!/usr/bin/env python3
"""install-to-disk: what options and --config change in a disk: its identifiers, its kernel arguments, its sizes; and what a used
device leaves of itself."""

import os
import re
import sys

from install import check_filesystems, dump, environment, install, partitions, prepare, read
from lib_harness import run
from lib_image import Layout
from lib_upgrade import Disk, base_layer, version_layer

MIB = 1 << 20


def entry(test, disk, name):
    """The options of the only boot entry."""
    boot = dump(test, check_filesystems(test, disk, name)[0], name)
    return re.search(r"(?m)^options (.*)$", read(boot, "loader/entries/ostree-1-default.conf")).group(1).split()


def arguments(test):
    config = test.path("panic.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write('[customizations.kernel]\nappend = "rw panic=5"\n')
    for number, (options, expected) in enumerate((((), ["panic=60"]), (("--karg", "quiet panic=0"), ["panic=0"]),
                                                  (("--config", config), ["panic=5"]))):
        disk = test.path(f"panic{number}.img")
        test.check_status(install(test, disk, *options), 0, f"install with {options}")
        words = entry(test, disk, f"panic{number}")
        test.check([word for word in words if word.startswith("panic")] == expected, f"panic= with {options}", words)
    disk = test.path("refused.img")
    for argument in ("initrd=/x", "osb.trial=1", "a ostree=/x", "quiet root=/dev/sda", "boot=none", '"initrd=/a b"', 'a="b', "=x"):
        test.check_refused(install(test, disk, "--karg", argument), 2, f"--karg {argument}", "kernel argument")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"[customizations.kernel]\nappend = '{argument}'\n")
        result = install(test, disk, "--config", config)
        test.check(result.status in (2, 3) and not os.path.exists(disk), f"append = {argument}: refused", result.describe())


def identifiers(test):
    """Two disks that differ in anything have no UUID in common; the same input gives the same disk."""
    env = environment(SOURCE_DATE_EPOCH="1700000000")
    config, same = test.path("one.toml"), test.path("same.json")
    with open(config, "w", encoding="utf-8") as file:
        file.write('[customizations]\nhostname = "one"\n')
    with open(same, "w", encoding="utf-8") as file:
        file.write('{"customizations": {"hostname": "one"}}')
    other = test.path("other.toml")
    with open(other, "w", encoding="utf-8") as file:
        file.write('[customizations]\nhostname = "two"\n')
    seen = {}
    for name, options in (("plain", ()), ("config", ("--config", config)), ("other", ("--config", other)),
                          ("karg", ("--karg", "quiet")), ("size", ("--size", "1G")), ("stateroot", ("--stateroot", "x"))):
        disk = test.path(f"id-{name}.img")
        test.check_status(install(test, disk, *options, env=env), 0, f"install {name}")
        parts = check_filesystems(test, disk, name)
        for part in parts:
            uuid = re.search(r"UUID: +(\S+)", test.must("dumpe2fs", "-h", part, env=environment())).group(1)
            test.check(uuid not in seen, f"{name}: a UUID of its own", (uuid, seen))
            seen[uuid] = name
    again = test.path("id-again.img")
    test.check_status(install(test, again, "--config", same, env=env), 0, "install the same from JSON")
    test.check(test.run("cmp", test.path("id-config.img"), again).status == 0, "the same settings in JSON give the same disk")


def errors(test):
    disk = test.path("errors.img")
    test.check_status(install(test, disk), 0, "install")
    for part in check_filesystems(test, disk, "errors"):
        said = test.must("dumpe2fs", "-h", part, env=environment())
        test.check(re.search(r"Errors behavior: +Remount read-only", said), "after an error the filesystem is read-only", said)


def used_device(test):
    """What others have written where a partition will begin or end does not hide it."""
    if os.geteuid() != 0:
        return test.skip_one("used devices", "needs root")
    model = test.path("model.img")
    test.check_status(install(test, model, "--size", "900M"), 0, "install, to know the places")
    places = partitions(test, model)[1]
    backing = test.path("used")
    for name, pieces in (("LUKS", {0: b"LUKS\xba\xbe\0\1"}), ("LVM", {512: b"LABELONE" + bytes(16) + b"LVM2 001"}),
                         ("FAT", {0: b"\xeb\x58\x90mkfs.fat\0\2\10\x20\0\2\0\0\0\0\xf8", 82: b"FAT32   ", 510: b"\x55\xaa"}),
                         ("swap", {4086: b"SWAPSPACE2"})):
        with open(backing, "wb") as file:
            file.truncate(900 * MIB)
            for start, _ in places:
                for at, data in pieces.items():
                    file.seek(start + at)
                    file.write(data)
        made = test.run("losetup", "--find", "--show", backing, env=environment())
        if made.status != 0:
            return test.skip_one("used devices", "no loop devices")
        try:
            test.check_status(install(test, made.stdout.strip(), "--wipe"), 0, f"--wipe over {name}")
        finally:
            test.must("losetup", "--detach", made.stdout.strip(), env=environment())
        for (start, size), label in zip(places, ("BOOT", "ROOT")):
            said = test.run("blkid", "-p", "-O", str(start), "-S", str(size), backing, env=environment())
            test.check(f'LABEL="{label}"' in said.stdout and 'TYPE="ext4"' in said.stdout, f"{label} over {name} is found",
                       said.describe())
        with open(backing, "rb") as file:
            file.seek(places[1][0])
            test.check(not any(file.read(1024)), f"nothing of {name} is left before ext4's superblock, for BusyBox to find")


def three_systems(test):
    """The least BOOT takes one upgrade after the other, each with another and larger kernel; a disk without room for that says so."""
    if os.geteuid() != 0:
        return test.skip_one("upgrades of a disk", "needs root")
    layout, source = Layout(test.path("images")), f"oci:{test.path('images')}:"
    for number in (1, 2, 3):
        # Without osb-oci and its service there is no trial, and the new one is the default at once.
        base = base_layer(os.urandom(16000 + 2000 * number), leave_out=("usr/bin/osb-oci", "etc/runlevels/default/osb-boot-check"))
        labels = {"org.opencontainers.image.version": f"v{number}"}
        layout.image(f"v{number}", [base, version_layer(f"v{number}", [])], "gzip", config={"Labels": labels},
                     created=f"2024-01-0{number}T00:00:00Z")
    said = test.run(test.osb, "install-to-disk", "--progress", "none", "--boot-size", "1M", source + "v1", test.path("least.img"),
                    env=environment())
    test.check_refused(said, 6, "--boot-size 1M", "three kernels")
    least = re.search(r"need (\d+) MiB", said.stderr).group(1)
    disk = Disk(test, "three", source + "v1", "--boot-size", least + "M", "--target-imgref", "registry.example/os:1", size="600M")
    try:
        for tag in ("v2", "v3"):
            test.check_status(disk.osb("upgrade", "--from", source + tag), 0, f"upgrade to {tag} with a BOOT of {least} MiB")
        boot, kernels = os.statvfs(disk.path("boot")), os.listdir(disk.path("boot/ostree"))
        test.check(boot.f_bavail * boot.f_bsize >= (3 - len(kernels)) * 23 * MIB, "BOOT has room for three kernels", (kernels, boot))
    finally:
        disk.unmount()
    roomy = install(test, test.path("roomy.img"))
    test.check("three" not in roomy.stderr, "the default size is without a warning", roomy.describe())
    tight = install(test, test.path("tight.img"), "--size", "320M")
    test.check(tight.status == 0 and "three different systems" in tight.stderr, "a tight size is taken, with a warning",
               tight.describe())


def main(test):
    prepare(test)
    arguments(test)
    identifiers(test)
    errors(test)
    used_device(test)
    three_systems(test)


if __name__ == "__main__":
    sys.exit(run(main))

#!/usr/bin/env python3
"""What a disk, a boot entry and a machine can hold: times, inodes, kernel command lines, names, another machine's system; and modes,
whatever the umask. e2fsck, debugfs, dumpe2fs and `ostree admin` are the witnesses."""

import json
import os
import re
import stat
import sys

from lib_harness import Skip, run
from lib_image import ARCHITECTURE, Layout, TarLayer
from lib_upgrade import Disk, base_layer, version_layer

OTHER = "arm64" if ARCHITECTURE == "amd64" else "amd64"
LONG = "dyndbg=" + "+".join(f"module_{number:04}" for number in range(200))
LAST_TIME = (1 << 34) - (1 << 31) - 1
NOBODY = 65534

NO_TRIALS = ("usr/bin/osb-oci", "etc/runlevels/default/osb-boot-check")


def environment(**more):
    out = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", **more}
    if "SOURCE_DATE_EPOCH" not in more:
        out.pop("SOURCE_DATE_EPOCH", None)
    return out


def prepare(test):
    test.need("ostree", "syslinux", "mcopy", "chattr")
    if os.geteuid() != 0:
        raise Skip("deployments need root")
    os.chmod(test.work, 0o755)
    test.layout = Layout(test.path("images"))
    test.base = base_layer()
    image(test, "v1")


def image(test, tag, kargs=(), layers=(), labels=None, **config):
    labels = {"org.opencontainers.image.version": tag, **(labels or {})}
    number = int(re.sub(r"\D", "", tag) or 9)
    test.layout.image(tag, [test.base, version_layer(tag, list(kargs)), *layers], config={"Labels": labels},
                      created=f"2024-01-{number:02}T00:00:00Z", **config)
    return oci(test, tag)


def oci(test, tag):
    return f"oci:{test.layout.directory}:{tag}"


def install(test, source, name, *options, **environ):
    return test.run(test.osb, "install-to-disk", "--progress", "none", *options, source, test.path(name),
                    env=environment(**environ))


def cut(test, name):
    """ROOT as a file of its own."""
    table = json.loads(test.must("sfdisk", "--json", test.path(name), env=environment()))["partitiontable"]
    part = table["partitions"][1]
    out = test.path(name + ".root")
    test.must("dd", f"if={test.path(name)}", f"of={out}", "bs=1M", "iflag=skip_bytes,count_bytes", "conv=sparse",
              "status=none", f"skip={part['start'] * 512}", f"count={part['size'] * 512}")
    return out


def times(test):
    for value, shown in (("0", "0x00000001:00000000"), (str(LAST_TIME), "0x7fffffff:00000003")):
        name = f"time{value}.img"
        result = install(test, oci(test, "v1"), name, SOURCE_DATE_EPOCH=value)
        if not test.check_status(result, 0, f"SOURCE_DATE_EPOCH={value}"):
            continue
        root = cut(test, name)
        found = test.must("debugfs", "-R", "stat /ostree/deploy", root, env=environment())
        test.check(f"mtime: {shown}" in found, f"the time of the deployments is {shown}", found)
        fsck = test.run("e2fsck", "-f", "-n", root, env=environment())
        # A superblock that was written in the future is noted, and no fault.
        test.check(fsck.status == 0 or value != "0", "e2fsck takes it", fsck.describe())
        os.unlink(root)
    for value in (str(LAST_TIME + 1), "17179869183", "-1", "99999999999999999999"):
        test.check_refused(install(test, oci(test, "v1"), "never.img", SOURCE_DATE_EPOCH=value), 2,
                           f"SOURCE_DATE_EPOCH={value}", "SOURCE_DATE_EPOCH")
    test.check(not os.path.exists(test.path("never.img")), "no disk is left of it")


def verbs_at_time_zero(test, disk):
    """libostree ends with an assertion where a directory has the time 0."""
    result = test.run("ostree", "admin", "status", f"--sysroot={disk.top}")
    test.check(result.status == 0 and "default" in result.stdout, "SOURCE_DATE_EPOCH=0: ostree admin reads the disk",
               result.describe())
    test.check_status(disk.osb("status"), 0, "and osb-oci")


def platforms(test, disk):
    image(test, "v2", architecture=OTHER)
    before = disk.deployments()
    for options in (("upgrade",), ("upgrade", "--download-only"), ("upgrade", "--check")):
        result = disk.osb(*options, "--from", oci(test, "v2"))
        test.check_refused(result, 3, f"{' '.join(options)} to another architecture", f"linux/{OTHER}")
    test.check(disk.deployments() == before, "nothing was deployed")
    result = install(test, oci(test, "v2"), "other.img")
    test.check_refused(result, 3, "install-to-disk of another architecture", f"linux/{OTHER}")
    test.check("--platform" in result.stderr, "with advice", result.describe())
    test.check_status(install(test, oci(test, "v2"), "other.img", "--platform", f"linux/{OTHER}"), 0, "with --platform")
    repo = test.path("repo")
    test.must(test.osb, "import", "--progress", "none", "--repo", repo, "--ref", "other", oci(test, "v2"))
    test.check_refused(install(test, "other", "again.img", "--repo", repo), 3, "a commit of another architecture",
                       f"linux/{OTHER}")


def command_lines(test, disk):
    before = disk.deployments()
    test.check_refused(install(test, oci(test, "v1"), "long.img", "--karg", LONG), 3, "--karg that is too long", "2047")
    config = test.path("long.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f'[customizations.kernel]\nappend = "{LONG}"\n')
    test.check_refused(install(test, oci(test, "v1"), "long.img", "--config", config), 3, "--config with one", "2047")
    image(test, "v3", [LONG])
    test.check_refused(install(test, oci(test, "v3"), "long.img"), 3, "kargs.d of an image", "2047")
    test.check_refused(disk.osb("upgrade", "--from", oci(test, "v3")), 3, "upgrade to it", "2047")
    test.check_refused(disk.osb("upgrade", "--download-only", "--from", oci(test, "v3")), 3, "nor is it kept for later", "2047")
    test.check_refused(disk.osb("kargs", "--append", LONG), 3, "kargs --append", "2047")
    test.check_refused(disk.osb("kargs", "--replace", "rw=" + "y" * 2000), 3, "kargs --replace", "2047")
    test.check(disk.deployments() == before and disk.state("trial.json") is None, "nothing was deployed")
    # The longest that is taken: what a trial adds, and what SYSLINUX does, fits as well.
    refused = disk.osb("kargs", "--append", "x=" + "y" * 2000)
    most = 2000 - (int(re.search(r"has (\d+) bytes", refused.stderr).group(1)) - 2047)
    test.check_refused(disk.osb("kargs", "--append", "x=" + "y" * (most + 1)), 3, "a byte more than there is room for", "2048")
    test.check_status(disk.osb("kargs", "--append", "x=" + "y" * most), 0, f"and {most} bytes, for which there is")
    with open(disk.path("boot/extlinux/entries.conf"), encoding="utf-8") as file:
        trial = file.read().split("LABEL trial\n")[1]
    field = {key: re.search(rf"^  {key} (.*)$", trial, re.M).group(1) for key in ("LINUX", "INITRD", "APPEND")}
    line = f"BOOT_IMAGE={field['LINUX']} {field['APPEND']} initrd={field['INITRD']}"
    test.check(2040 <= len(line) <= 2047 and " osb.trial=" in line, f"what is taken fits: {len(line)} bytes in all", line)
    disk.osb("rollback")


def long_entries(test, disk):
    """As another program may have written them."""
    entry = disk.path("boot/loader/entries", sorted(os.listdir(disk.path("boot/loader/entries")))[-1])
    with open(entry, encoding="utf-8") as file:
        text = file.read()
    with open(disk.path("boot/extlinux/entries.conf"), encoding="utf-8") as file:
        menu = file.read()
    with open(entry, "w", encoding="utf-8") as file:
        file.write(text.replace("options ", f"options {LONG} "))
    test.check_refused(test.run(test.osb, "boot-menu", "--sysroot", disk.top), 3, "boot-menu with such a default", "2047")
    with open(disk.path("boot/extlinux/entries.conf"), encoding="utf-8") as file:
        test.check(file.read() == menu, "the old menu stays")
    with open(entry, "w", encoding="utf-8") as file:
        file.write(text)


def names(test, disk):
    """Texts of labels reach boot entries as one line."""
    image(test, "v4", labels={"org.opencontainers.image.version": "4\noptions init=/bin/sh\n\x1b[2J" + "x" * 5000})
    result = install(test, oci(test, "v4"), "names.img")
    test.check_status(result, 0, "an image with a hostile version")
    result = disk.osb("upgrade", "--from", oci(test, "v4"))
    test.check_status(result, 0, "upgrade to it")
    for directory in ("boot/loader/entries", "boot/extlinux"):
        for name in os.listdir(disk.path(directory)):
            if not name.endswith(".conf"):
                continue
            with open(disk.path(directory, name), encoding="utf-8") as file:
                lines = file.read().split("\n")
            bad = [line for line in lines if re.match(r"\s*(options|append) init=", line, re.I) or len(line) > 2500 or "\x1b" in line]
            test.check(not bad, f"{name} has only what belongs there", bad)
    disk.osb("rollback")


def inodes(test):
    """Very many small files: the disk has inodes for another system of the same size, and an upgrade that finds too few says so."""
    def many(content):
        layer = TarLayer().directory("usr/share").directory("usr/share/many")
        for number in range(8000):
            layer.file_entry(f"usr/share/many/{number}", b"%s %d" % (content, number))
        return layer.bytes()
    image(test, "v5", layers=[many(b"five")])
    image(test, "v6", layers=[many(b"six")])
    disk = Disk(test, "many", oci(test, "v5"), "--target-imgref", "registry.example/os:1", size="400M")
    filler = disk.path("filler")
    os.mkdir(filler)
    # Too few for a deployment; and enough for that, but not for the files of the image.
    for left, named in ((20, "inodes left, and"), (4000, "no inodes left")):
        number = 0
        while os.statvfs(disk.top).f_favail > left:
            number += 1
            os.close(os.open(f"{filler}/{number}", os.O_CREAT | os.O_WRONLY))
        before = (disk.refs(), disk.deployments())
        result = disk.osb("upgrade", "--from", oci(test, "v6"))
        test.check_refused(result, 6, f"with {left} inodes", named)
        test.check((disk.refs(), disk.deployments()) == before, "nothing has changed")
        for name in os.listdir(filler):
            os.unlink(f"{filler}/{name}")
    test.check_status(disk.osb("upgrade", "--from", oci(test, "v6")), 0, "an upgrade of 8,000 files to 8,000 others, when there is room")
    test.fsck(disk.path("ostree/repo"), "ostree fsck")
    disk.unmount()


def small_boot(test):
    """BOOT has room for two kernels: the rollback gives way to the third, unless it is pinned."""
    def system(tag, kilobytes=11_000):
        # There is no trial of it: it is the default at once.
        base = base_layer(kernel=os.urandom(kilobytes), leave_out=NO_TRIALS)
        number = int(tag[1:])
        test.layout.image(tag, [base, version_layer(tag, [])], created=f"2024-01-{number:02}T00:00:00Z",
                          config={"Labels": {"org.opencontainers.image.version": tag}})
        return oci(test, tag)

    disk = Disk(test, "small-boot", system("v11", 9_000), "--target-imgref", "registry.example/os:1", "--boot-size", "48M")
    with open(disk.path("boot/filler"), "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 16 << 20)
    test.check_status(disk.osb("upgrade", "--from", system("v12")), 0, "a second kernel fits")
    test.check(disk.versions() == ["v12", "v11"], "and the first system is the rollback", disk.versions())
    test.check_status(disk.osb("pin", "rollback"), 0, "it is pinned")
    third = system("v13")
    before = disk.deployments()
    test.check_refused(disk.osb("upgrade", "--from", third), 6, "no room for a third kernel beside a pinned rollback", "BOOT has")
    test.check(disk.deployments() == before, "which has changed nothing")
    disk.osb("unpin", "rollback")
    for tag in ("v13", "v14"):
        result = disk.osb("upgrade", "--from", third if tag == "v13" else system(tag))
        test.check(result.status == 0 and "the rollback deployment" in result.stderr and disk.versions()[0] == tag and
                   len(disk.versions()) == 2, f"{tag}: the rollback is removed for its kernel, with a warning",
                   result.describe() + str(disk.versions()))
    test.fsck(disk.path("ostree/repo"), "ostree fsck")
    disk.unmount()


def small_root(test):
    """The root filesystem has room for the new layers only without those of the rollback."""
    def system(number, mebibytes):
        tag = f"v{number}"
        large = TarLayer().directory("usr/share").file_entry("usr/share/large", os.urandom(mebibytes << 20)).bytes()
        base = base_layer(leave_out=NO_TRIALS)
        test.layout.image(tag, [base, large, version_layer(tag, [])], created=f"2024-01-{number:02}T00:00:00Z",
                          config={"Labels": {"org.opencontainers.image.version": tag}})
        return oci(test, tag)

    disk = Disk(test, "small-root", system(21, 60), "--target-imgref", "registry.example/os:1", "--boot-size", "64M", size="600M")
    test.check_status(disk.osb("upgrade", "--from", system(22, 1)), 0, "a second system")
    third = system(23, 40)  # requires twice its size, and a margin: 96 MiB
    there = os.statvfs(disk.top)
    with open(disk.path("filler"), "wb") as file:
        os.posix_fallocate(file.fileno(), 0, there.f_bavail * there.f_frsize - (70 << 20))
    disk.osb("pin", "rollback")
    test.check_refused(disk.osb("upgrade", "--from", third), 6, "no room beside a pinned rollback", "the root filesystem has")
    disk.osb("unpin", "rollback")
    result = disk.osb("upgrade", "--from", third)
    test.check(result.status == 0 and "the rollback deployment" in result.stderr and disk.versions() == ["v23", "v22"],
               "else the rollback gives way, before anything is fetched", result.describe() + str(disk.versions()))
    test.fsck(disk.path("ostree/repo"), "ostree fsck")
    disk.unmount()


def modes_below(top):
    found = {}
    for directory, names_in, files in os.walk(top):
        names_in[:] = [name for name in names_in if name not in ("lost+found", "tmp")]
        for name in names_in + files:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode):
                found[os.path.relpath(path, top)] = oct(stat.S_IMODE(mode))
    return found


def umasks(test):
    image(test, "v7")
    found = []
    program = test.path("osb-oci")
    test.must("cp", test.osb, program)
    for umask in (0o022, 0o077):
        name = f"umask{umask:03o}"
        os.umask(umask)
        try:
            disk = Disk(test, name, oci(test, "v1"), "--target-imgref", "registry.example/os:1")
            os.chmod(disk.top, 0o755)
            test.check_status(disk.osb("upgrade", "--from", oci(test, "v7")), 0, f"{name}: upgrade")
        finally:
            os.umask(0o022)
        found.append({re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "UUID", path): mode for path, mode in modes_below(disk.top).items()})
        result = test.run(program, "status", "--json", "--sysroot", disk.top, user=NOBODY)
        test.check(result.status == 0 and json.loads(result.stdout)["deployments"][1]["version"] == "v7",
                   f"{name}: status tells another user all of it", result.describe())
        disk.unmount()
    other = {path: (found[0].get(path), found[1].get(path)) for path in found[0].keys() | found[1].keys()
             if found[0].get(path) != found[1].get(path)}
    test.check(not other, "the same modes with 022 and 077", other)


def pushed_modes(test):
    """A web server of another user serves the repository."""
    source = test.init_repo("source", "bare-user")
    os.makedirs(test.path("tree/sub"))
    for name in ("a", "sub/b"):
        with open(test.path("tree", name), "w", encoding="ascii") as file:
            file.write(name)
    test.must("ostree", "commit", f"--repo={source}", "-b", "main", f"--tree=dir={test.path('tree')}")
    there = test.init_repo("there")
    for target in (there, test.path("new")):
        os.umask(0o077)
        try:
            result = test.run(test.osb, "push", "--repo", source, "main", f"file://{target}")
        finally:
            os.umask(0o022)
        test.check_status(result, 0, f"push to {os.path.basename(target)} with umask 077")
        bad = {path: mode for path, mode in modes_below(target).items() if int(mode, 8) & 0o444 != 0o444 and path != ".lock"}
        test.check(not bad and os.stat(target).st_mode & 0o555 == 0o555, "everybody may read it", bad)


def main(test):
    prepare(test)
    times(test)
    # One disk for what changes nothing.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    disk = Disk(test, "disk", oci(test, "v1"), "--target-imgref", "registry.example/os:1")
    del os.environ["SOURCE_DATE_EPOCH"]
    verbs_at_time_zero(test, disk)
    platforms(test, disk)
    command_lines(test, disk)
    long_entries(test, disk)
    names(test, disk)
    disk.unmount()
    inodes(test)
    small_boot(test)
    small_root(test)
    umasks(test)
    pushed_modes(test)


if __name__ == "__main__":
    sys.exit(run(main))

#!/usr/bin/env python3
# Takes minutes.
"""install-to-disk: what e2fsprogs, sfdisk, libostree, qemu-img and Linux itself say of the disks; what is refused, and how it leaves
the target; the same disk again; kills at any moment. (Disks that boot: tests/system.)"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

from lib_harness import Skip, error_fault, rounds, run

MIB = 1 << 20
KERNEL = "6.1.0-test"
CONFIG = """
[customizations]
hostname = "edge-1"
[[customizations.user]]
name = "core"
password = "$6$salt$hash"
key = "ssh-ed25519 AAAA core@example"
groups = ["wheel"]
[[customizations.files]]
path = "/etc/motd.d/hello"
data = "hello"
mode = "0600"
[[customizations.files]]
path = "/var/lib/app/conf"
data = "state"
user = "core"
[[customizations.filesystem]]
mountpoint = "/"
minsize = "200 MiB"
"""


def environment(**more):
    out = dict(os.environ)
    out.pop("SOURCE_DATE_EPOCH", None)
    out["PATH"] += ":/usr/sbin:/sbin"
    out.update(more)
    return out


def make_tree(top, hook=True):
    for name in ("boot", "dev", "proc", "run", "sys", "tmp", "var", "sysroot", "usr/bin", "usr/sbin", "usr/etc/sub",
                 f"usr/lib/modules/{KERNEL}", "usr/share/many"):
        os.makedirs(os.path.join(top, name))
    for name, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("ostree", "sysroot/ostree"),
                         ("home", "var/home"), ("root", "var/roothome")):
        os.symlink(target, os.path.join(top, name))
    files = {"usr/sbin/init": b"#!/bin/sh\n", f"usr/lib/modules/{KERNEL}/vmlinuz": b"kernel" * 10000,
             f"usr/lib/modules/{KERNEL}/initramfs.img": os.urandom(300000),
             "usr/lib/os-release": b'PRETTY_NAME="Test Linux v3"\nID=test\n',
             "usr/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "usr/etc/group": b"root:x:0:\nwheel:x:10:\n",
             "usr/etc/shadow": b"root:*::0:::::\n", "usr/etc/sub/file": b"pristine", "usr/bin/large": os.urandom(5000000),
             "usr/bin/empty": b""}
    if hook:
        files["usr/sbin/zipl"] = b"#!/bin/sh\nexec osb-oci boot-menu\n"
    for number in range(700):
        files[f"usr/share/many/a file with a long name {number}"] = b"%d" % number
    for name, content in files.items():
        with open(os.path.join(top, name), "wb") as file:
            file.write(content)
    os.chmod(os.path.join(top, "usr/etc/shadow"), 0o640)
    os.chmod(os.path.join(top, "usr/sbin/init"), 0o755)
    os.symlink("../lib/os-release", os.path.join(top, "usr/etc/os-release"))


def commit(test, repo, ref, tree, version="1.0"):
    return test.must("ostree", "commit", f"--repo={repo}", "-b", ref, f"--tree=dir={tree}", "--owner-uid=0", "--owner-gid=0",
                     f"--add-metadata-string=version={version}", "--timestamp=@5").strip()


def prepare(test):
    test.need("ostree", "syslinux", "mcopy")
    for program in ("e2fsck", "debugfs", "sfdisk"):
        if shutil.which(program, path=environment()["PATH"]) is None:
            raise Skip(f"needs the program {program}")
    test.repo = test.init_repo("repo")
    make_tree(test.path("tree"))
    test.commit = commit(test, test.repo, "os/test", test.path("tree"))


def install(test, target, *options, source="os/test", env=None, **how):
    where = () if "--url" in options or source.startswith("oci:") else ("--repo", test.repo)
    return test.run(test.osb, "install-to-disk", "--progress", "none", *where, *options, source, target, env=env or environment(),
                    **how)


def partitions(test, disk):
    table = json.loads(test.must("sfdisk", "--json", disk, env=environment()))["partitiontable"]
    return table, [(p["start"] * 512, p["size"] * 512) for p in table["partitions"]]


def cut(test, disk, number):
    """A partition as a file of its own."""
    start, size = partitions(test, disk)[1][number]
    out = f"{disk}.part{number}"
    test.must("dd", f"if={disk}", f"of={out}", "bs=1M", f"skip={start // MIB}", f"count={size // MIB}", "conv=sparse",
              "status=none")
    os.truncate(out, size)
    return out


def check_filesystems(test, disk, what):
    parts = [cut(test, disk, 0), cut(test, disk, 1)]
    for part, name in zip(parts, ("BOOT", "ROOT")):
        fsck = test.run("e2fsck", "-f", "-n", part, env=environment())
        test.check(fsck.status == 0, f"{what}: e2fsck takes {name}", fsck.describe())
    return parts


def dump(test, part, name):
    """The files of a filesystem, without mounting it."""
    out = test.path(name)
    os.mkdir(out)
    test.must("debugfs", "-R", f"rdump / {out}", part, env=environment())
    return out


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as file:
        return file.read()


def layout(test):
    config = test.path("config.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG)
    disk = test.path("disk.img")
    result = install(test, disk, "--config", config, "--stateroot", "test", "--karg", "quiet", "--target-imgref",
                     "registry.example/os:1")
    if not test.check_status(result, 0, "install from a repository"):
        return
    test.check(result.commit == test.commit, "prints the commit", result.describe())
    test.check(os.stat(disk).st_blocks * 512 < 32 * MIB, "the file is sparse", os.stat(disk).st_blocks * 512)
    table, places = partitions(test, disk)
    test.check(table["label"] == "dos" and table["partitions"][0].get("bootable"), "MBR with an active BOOT", table)
    test.check(all(start % MIB == 0 for start, _ in places), "partitions are aligned", places)
    boot, root = check_filesystems(test, disk, "MBR")
    boot, root = dump(test, boot, "boot"), dump(test, root, "root")

    sysroot = test.path("root")
    os.rmdir(os.path.join(sysroot, "boot"))
    os.rename(boot, os.path.join(sysroot, "boot"))
    status = test.run("ostree", "admin", "status", f"--sysroot={sysroot}")
    test.check(f"test {test.commit}.0" in status.stdout and "Version: 1.0" in status.stdout, "libostree sees the deployment",
               status.describe())
    deployment = os.path.join(root, f"ostree/deploy/test/deploy/{test.commit}.0")
    origin = read(deployment + ".origin")
    test.check("container-image-reference=ostree-unverified-registry:registry.example/os:1" in origin, "origin names the image",
               origin)
    test.check(read(deployment, "etc/hostname") == "edge-1\n" and "core:x:1000:1000::/home/core:/bin/sh" in
               read(deployment, "etc/passwd") and "wheel:x:10:core" in read(deployment, "etc/group") and
               "core:$6$salt$hash:" in read(deployment, "etc/shadow") and read(deployment, "etc/motd.d/hello") == "hello",
               "what --config adds is in /etc")
    state = os.path.join(root, "ostree/deploy/test/var")
    test.check(read(state, "home/core/.ssh/authorized_keys") == "ssh-ed25519 AAAA core@example\n" and
               read(state, "lib/app/conf") == "state", "and in /var")
    test.check(not os.path.exists(os.path.join(deployment, "usr/etc/hostname")) and
               "core" not in read(deployment, "usr/etc/passwd"), "and not in the commit's own /usr/etc")
    entries = read(sysroot, "boot/extlinux/entries.conf")
    test.check("LABEL ostree-1-test\n" in entries and "MENU LABEL Test Linux v3 1.0 (ostree:0)" in entries and " quiet " in entries,
               "the menu has the entry", entries)
    test.check("bootloader=zipl" in read(root, "ostree/repo/config"), "libostree will have osb-oci write the menu")


def compare_with_libostree(test):
    """Linux mounts it, and `ostree admin` finds what it would have made itself."""
    if os.geteuid() != 0:
        return test.skip_one("against ostree admin", "needs root")
    disk = test.path("mounted.img")
    test.check_status(install(test, disk, "--stateroot", "test", "--wipe"), 0, "install for mounting")
    boot, root = check_filesystems(test, disk, "mounted")
    where = test.path("mnt")
    os.mkdir(where)
    if test.run("mount", "-o", "loop", root, where).status != 0:
        return test.skip_one("against ostree admin", "no loop devices")
    test.must("mount", "-o", "loop", boot, where + "/boot")
    test.fsck(where + "/ostree/repo", "ostree fsck of the disk's repository")
    diff = test.run("ostree", "admin", "config-diff", f"--sysroot={where}", "--os=test")
    test.check(diff.status == 0 and not diff.stdout, "/etc is as in the commit", diff.describe())

    other = test.path("witness")
    os.mkdir(other)
    test.must("ostree", "admin", "init-fs", other)
    test.must("ostree", "config", f"--repo={other}/ostree/repo", "set", "sysroot.bootloader", "none")
    test.must("ostree", "admin", "os-init", f"--sysroot={other}", "test")
    test.must("ostree", "pull-local", f"--repo={other}/ostree/repo", test.repo, "os/test")
    test.must("ostree", "admin", "deploy", f"--sysroot={other}", "--os=test", "os/test")

    def listing(top):
        out = {}
        for directory, subdirectories, names in os.walk(top):
            subdirectories[:] = [s for s in subdirectories if s not in ("lost+found", "extlinux")]
            for name in subdirectories + names:
                path = os.path.join(directory, name)
                stat = os.lstat(path)
                key = os.path.relpath(path, top)
                kind = os.readlink(path) if os.path.islink(path) else ""
                if os.path.isfile(path) and not kind and "loader" not in key:
                    with open(path, "rb") as file:
                        kind = hashlib.sha256(file.read()).hexdigest()
                links = stat.st_nlink if os.path.isfile(path) else 0
                out[key] = (oct(stat.st_mode), stat.st_uid, stat.st_gid, kind, links)
        return out

    ours, theirs = listing(where), listing(other)
    for known in ("ostree/repo/config", "ostree/repo/.lock", "ostree/deploy/test/var/.ostree-selabeled"):
        ours.pop(known, None)
        theirs.pop(known, None)
    different = {key: (ours.get(key), theirs.get(key)) for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
    # Labels of SELinux and locks come with versions.
    different = {key: value for key, value in different.items() if not key.startswith("ostree/repo/tmp")}
    # The record of --config, for factory-reset.
    record = sorted(key for key in different if key.startswith("ostree/osb-oci"))
    test.check(record == ["ostree/osb-oci"] + ["ostree/osb-oci/installed" + part for part in ("", "/default-etc", "/etc", "/var")] and
               different["ostree/osb-oci/installed"][0][0] == "0o40700", "without --config, the record of it is empty", record)
    different = {key: value for key, value in different.items() if key not in record}
    # Kernel files: ours are not hard links, because BOOT is another filesystem.
    different = {key: value for key, value in different.items()
                 if not (value[0] and value[1] and value[0][:4] == value[1][:4])}
    test.check(not different, "the same files as libostree's own deployment", "\n".join(map(str, sorted(different.items())[:20])))
    entry = "boot/loader/entries/ostree-1-test.conf"
    ours, theirs = (read(top, entry).split("\n") for top in (where, other))
    test.check([line for line in ours if not line.startswith("options")] ==
               [line for line in theirs if not line.startswith("options")], "the same boot entry", (ours, theirs))

    # A second deployment by libostree, then the menu.
    second = commit(test, test.repo, "os/second", test.path("tree"), "2.0")
    test.must("ostree", "config", f"--repo={where}/ostree/repo", "set", "sysroot.bootloader", "none")
    test.must("ostree", "pull-local", f"--repo={where}/ostree/repo", test.repo, "os/second")
    test.must("ostree", "admin", "deploy", f"--sysroot={where}", "--os=test", "os/second")
    menu = test.run(test.osb, "boot-menu", "--boot", where + "/boot")
    test.check(menu.stdout == "ostree-2-test\nostree-1-test\n", "boot-menu: two labels, newest first", menu.describe())
    entries = read(where, "boot/extlinux/entries.conf")
    test.check("DEFAULT ostree-2-test\n" in entries and "Test Linux v3 2.0 (ostree:0)" in entries and
               "Test Linux v3 1.0 (ostree:1)" in entries and second, "and both titles", entries)
    test.must("umount", where + "/boot")
    test.must("umount", where)
    # libostree makes the roots of deployments immutable; so they could not be removed.
    for name in os.listdir(other + "/ostree/deploy/test/deploy"):
        test.run("chattr", "-i", f"{other}/ostree/deploy/test/deploy/{name}")


def reproducible(test):
    env = environment(SOURCE_DATE_EPOCH="1700000000")
    disks = []
    for number, options in enumerate((("--jobs", "1"), ("--jobs", "4"), ("--jobs", "4", "--format", "qcow2"))):
        disks.append(test.path(f"same{number}.img"))
        test.check_status(install(test, disks[-1], *options, env=env), 0, f"reproducible install {number}")
    test.check(test.run("cmp", disks[0], disks[1]).status == 0, "the same disk, bit for bit")
    if shutil.which("qemu-img"):
        compared = test.run("qemu-img", "compare", "-f", "raw", "-F", "qcow2", disks[0], disks[2])
        test.check(compared.status == 0, "and the same in qcow2", compared.describe())
        checked = test.run("qemu-img", "check", disks[2])
        test.check(checked.status == 0, "qemu-img takes the qcow2", checked.describe())
    other = test.path("other.img")
    install(test, other, env=environment(SOURCE_DATE_EPOCH="1700000001"))
    test.check(test.run("cmp", "-s", disks[0], other).status == 1, "another time, another disk")
    test.check_refused(install(test, other, "--wipe", env=environment(SOURCE_DATE_EPOCH="now")), 2, "SOURCE_DATE_EPOCH=now",
                       "SOURCE_DATE_EPOCH")


def tables_and_sizes(test):
    disk = test.path("gpt.img")
    test.check_status(install(test, disk, "--partition-table", "gpt", "--size", "1g", "--boot-size", "100M"), 0, "GPT of 1 GiB")
    test.check(os.path.getsize(disk) == 1 << 30, "--size is the size", os.path.getsize(disk))
    table, places = partitions(test, disk)
    test.check(table["label"] == "gpt" and "LegacyBIOSBootable" in table["partitions"][0].get("attrs", "") and
               places[0][1] == 100 * MIB, "BOOT is marked, and as large as wished", table)
    check_filesystems(test, disk, "GPT")
    verify = test.run("sfdisk", "--verify", disk, env=environment())
    test.check(verify.status == 0, "sfdisk finds nothing wrong", verify.describe())

    given = test.path("given.img")
    with open(given, "wb") as file:
        file.truncate(900 * MIB)
    test.check_status(install(test, given), 0, "into an empty file")
    test.check(os.path.getsize(given) == 900 * MIB, "whose size is kept", os.path.getsize(given))


def refusals(test):
    disk = test.path("refused.img")
    cases = [((), "os/missing", 1, "os/missing"), (("--size", "100M"), "os/test", 6, "does not fit"),
             (("--size", "much"), "os/test", 2, "--size"), (("--boot-size", "1M"), "os/test", 6, "BOOT"),
             (("--stateroot", "../x"), "os/test", 2, "stateroot"), (("--karg", "root=/dev/sda"), "os/test", 2, "root=/dev/sda"),
             (("--karg", "a\x1b[2J"), "os/test", 2, "kernel argument"), (("--karg", "a -- b"), "os/test", 2, "end the kernel's arguments"),
             (("--format", "vmdk"), "os/test", 2, "vmdk"), (("--target-imgref", ""), "os/test", 2, "empty"),
             (("--target-imgref", "a b"), "os/test", 2, "a b"), (("--config", "/nonexistent"), "os/test", 1, "/nonexistent")]
    for options, source, status, naming in cases:
        what = f"{' '.join(options) or source}"[:40].replace("\x1b", "?")
        test.check_refused(install(test, disk, *options, source=source), status, what, naming)
    for name, change, naming in (("no kernel", lambda t: shutil.rmtree(f"{t}/usr/lib/modules"), "no kernel"),
                                 ("no initramfs", lambda t: os.unlink(f"{t}/usr/lib/modules/{KERNEL}/initramfs.img"), "initramfs"),
                                 ("empty kernel", lambda t: os.truncate(f"{t}/usr/lib/modules/{KERNEL}/vmlinuz", 0), "empty file"),
                                 ("empty initramfs", lambda t: os.truncate(f"{t}/usr/lib/modules/{KERNEL}/initramfs.img", 0), "empty"),
                                 ("no init", lambda t: os.unlink(f"{t}/usr/sbin/init"), "/sbin/init"),
                                 ("two", lambda t: shutil.copytree(f"{t}/usr/lib/modules/{KERNEL}", f"{t}/usr/lib/modules/7"), "two"),
                                 ("no /sysroot", lambda t: os.rmdir(f"{t}/sysroot"), "sysroot")):
        tree = test.path("bad")
        shutil.copytree(test.path("tree"), tree, symlinks=True)
        change(tree)
        commit(test, test.repo, "os/bad", tree)
        shutil.rmtree(tree)
        test.check_refused(install(test, disk, source="os/bad"), 3, name, naming)
    test.check(not os.path.exists(disk) and not [n for n in os.listdir(test.work) if "osb-new" in n or "osb-oci-scratch" in n],
               "nothing is left of what was refused", os.listdir(test.work))

    notes = test.path("notes.txt")
    with open(notes, "w", encoding="ascii") as file:
        file.write("not a disk\n" * 1000)
    test.check_refused(install(test, notes), 3, "a file with data", "holds data")
    test.check(read(notes).startswith("not a disk"), "which stays as it was")
    test.check_refused(install(test, test.work), 2, "a directory", "neither")
    test.check_refused(install(test, "/dev/null"), 2, "a character device", "neither")
    test.check_refused(install(test, test.path("missing", "disk.img")), 1, "no such directory", "missing")
    test.check_refused(test.run(test.osb, "install-to-disk", "--progress", "none", "oci:" + test.path("nowhere"), disk,
                                env=environment()), 1, "an image that is not there", "nowhere")
    hidden = environment(PATH="/nonexistent")
    test.check_refused(install(test, disk, env=hidden), 1, "without the program syslinux", "syslinux")

    test.check_status(install(test, disk, "--size", "600M"), 0, "install")
    before = hashlib.sha256(open(disk, "rb").read()).hexdigest()
    test.check_refused(install(test, disk), 3, "a disk with a system on it", "partition table")
    test.check(hashlib.sha256(open(disk, "rb").read()).hexdigest() == before, "which stays as it was")
    test.check_status(install(test, disk, "--wipe"), 0, "--wipe installs over it")
    damaged = test.path("damaged")
    shutil.copytree(test.repo, damaged)
    large = max((os.path.join(d, n) for d, _, ns in os.walk(damaged + "/objects") for n in ns), key=os.path.getsize)
    with open(large, "r+b") as file:
        file.seek(1000)
        file.write(b"damage")
    result = test.run(test.osb, "install-to-disk", "--progress", "none", "--repo", damaged, "os/test", disk, "--wipe",
                      env=environment())
    test.check(result.status == 3, "a damaged object is found while it is written", result.describe())


def small_host(test):
    if os.geteuid() != 0:
        return test.skip_one("no space on the host", "needs root")
    where = test.path("small")
    os.mkdir(where)
    for size in (4, 60, 66, 70):
        test.must("mount", "-t", "tmpfs", "-o", f"size={size}M", "tmpfs", where)
        result = install(test, where + "/disk.img")
        test.check(result.status in (0, 6) and (result.status == 0 or not os.listdir(where)),
                   f"{size} MiB on the host: done, or refused with nothing left", (result.describe(), os.listdir(where)))
        test.must("umount", where)


def devices(test):
    """A loop device stands for a disk."""
    if os.geteuid() != 0:
        return test.skip_one("block devices", "needs root")
    backing = test.path("device")
    with open(backing, "wb") as file:
        file.truncate(700 * MIB)
    made = test.run("losetup", "--find", "--show", backing, env=environment())
    if made.status != 0:
        return test.skip_one("block devices", "no loop devices")
    device = made.stdout.strip()
    try:
        test.check_refused(install(test, backing), 3, "a file that is attached to a loop device", "in use as the device")
        test.check_refused(install(test, device, "--format", "qcow2"), 2, "qcow2 on a device", "raw")
        test.check_refused(install(test, device, "--size", "2G"), 6, "more than the device has", "less than --size")
        env = environment(SOURCE_DATE_EPOCH="1700000000")
        # What is unused on a device keeps its old bytes; so it is made empty, as the file is.
        test.check_status(install(test, device, env=env), 0, "install on a device")
        check_filesystems(test, backing, "device")
        test.check_refused(install(test, device), 3, "a device with a system on it", "partition table")
        as_file = test.path("as-file.img")
        with open(as_file, "wb") as file:
            file.truncate(700 * MIB)
        test.check_status(install(test, as_file, env=env), 0, "the same as a file")
        test.check(test.run("cmp", backing, as_file).status == 0, "the same disk, bit for bit")
        start, size = partitions(test, backing)[1][1]
        mounted = test.path("mnt-device")
        os.mkdir(mounted)
        part = test.must("losetup", "--find", "--show", "--offset", str(start), "--sizelimit", str(size), device,
                         env=environment()).strip()
        test.must("mount", part, mounted)
        test.check_refused(install(test, device, "--wipe"), 3, "a device that is in use", "in use")
        test.must("umount", mounted)
        test.must("losetup", "--detach", part, env=environment())
        kills(test, device, rounds(5, 20, "kills of install-to-disk, on a device"), "--wipe")
    finally:
        test.run("losetup", "--detach", device, env=environment())


def kills(test, target, times, *options):
    """Killed at any moment, the command leaves nothing that is in the way of the next."""
    started = time.monotonic()
    test.check_status(install(test, target, *options), 0, f"{target}: undisturbed")
    cycle = time.monotonic() - started
    seed = int(os.environ.get("OSB_SEED", time.time()))
    print(f"# OSB_SEED={seed}")
    chance = random.Random(seed)
    for number in range(times):
        process = subprocess.Popen([test.osb, "install-to-disk", "--progress", "none", "--repo", test.repo, *options, "os/test",
                                    target], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
        time.sleep(chance.uniform(0, 1.1 * cycle))
        process.send_signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
        process.wait()
    left = [name for name in os.listdir(test.work) if name.startswith(".") and "osb" in name]
    test.check(len(left) <= 1, "no more than one hidden file is left by kills", left)
    final = install(test, target, *options)
    test.check_status(final, 0, f"{os.path.basename(target)}: after {times} kills")


def killed_files(test):
    disk = test.path("killed.img")
    kills(test, disk, rounds(10, 40, "kills of install-to-disk, into a file"), "--wipe")
    check_filesystems(test, disk, "after kills")
    again = test.path("fresh.img")
    process = subprocess.Popen([test.osb, "install-to-disk", "--progress", "none", "--repo", test.repo, "os/test", again],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment())
    time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    stderr = process.communicate()[1].decode()
    test.check(process.returncode in (0, 143, -15), "SIGTERM ends it", (process.returncode, stderr))
    test.check(process.returncode == 0 or not os.path.exists(again), "and no file was made", stderr)


def other_sources(test):
    remote = "file://" + test.repo
    disk = test.path("remote.img")
    result = install(test, disk, "--url", remote, "--remote", "upstream")
    if test.check_status(result, 0, "install from a remote repository"):
        root = dump(test, check_filesystems(test, disk, "remote")[1], "remote-root")
        config = read(root, "ostree/repo/config")
        test.check('[remote "upstream"]' in config and f"url={remote}" in config, "the system has the remote", config)
        origin = read(root, f"ostree/deploy/default/deploy/{test.commit}.0.origin")
        test.check("refspec=upstream:os/test" in origin, "and follows its ref", origin)
        test.check(read(root, "ostree/repo/refs/remotes/upstream/os/test").strip() == test.commit, "which names the commit")
    test.check_refused(install(test, disk, "--wipe", "--url", remote, source="os/none"), 1, "a ref that the remote lacks", "os/none")
    test.check_refused(install(test, disk, "--wipe", "--url", "gopher://x", source="os/test"), 2, "another kind of URL", "gopher")

    # The repository is at hand, and the machine will find it somewhere else.
    published = "http://127.0.0.1:1/repo"
    disk = test.path("published.img")
    result = install(test, disk, "--repo", test.repo, "--url", published)
    if test.check_status(result, 0, "install from a copy of a remote repository"):
        root = dump(test, check_filesystems(test, disk, "published")[1], "published-root")
        config = read(root, "ostree/repo/config")
        test.check('[remote "origin"]' in config and f"url={published}" in config and "file:" not in config,
                   "the system has the remote, not the copy", config)
        test.check(read(root, "ostree/repo/refs/remotes/origin/os/test").strip() == result.commit == test.commit, "and its commit")
    test.check_refused(install(test, disk, "--wipe", "--repo", test.path("nowhere"), "--url", published), 1, "a missing copy", "nowhere")

    image = test.path("image")
    test.must(test.osb, "export", "--repo", test.repo, "--progress", "none", "os/test", f"oci:{image}:v1")
    result = install(test, test.path("image.img"), source=f"oci:{image}:v1")
    test.check(result.status == 0 and result.commit == test.commit, "install from an image that holds a commit", result.describe())
    test.check(not error_fault(result.stderr) or "error" not in result.stderr, "without an error", result.stderr)
    check_filesystems(test, test.path("image.img"), "image")
    test.check(not [n for n in os.listdir(test.work) if "osb-oci-scratch" in n], "the temporary repository is gone")


def as_user(test):
    if os.geteuid() != 0:
        return test.skip_one("as an ordinary user", "runs as one anyway")
    nobody = 65534
    where = test.path("user")
    os.mkdir(where)
    os.chown(where, nobody, nobody)
    os.chmod(test.work, 0o755)
    env = environment(SOURCE_DATE_EPOCH="1700000000", TMPDIR=where)
    if test.run(test.osb, "--version", user=nobody).status != 0:
        return test.skip_one("as an ordinary user", "the program is not theirs to run")
    result = install(test, where + "/disk.img", env=env, user=nobody)
    test.check_status(result, 0, "as an ordinary user")
    mine = test.path("root-made.img")
    install(test, mine, env=env)
    test.check(test.run("cmp", mine, where + "/disk.img").status == 0, "the same disk as root's, bit for bit")


def main(test):
    prepare(test)
    layout(test)
    compare_with_libostree(test)
    reproducible(test)
    tables_and_sizes(test)
    refusals(test)
    small_host(test)
    killed_files(test)
    devices(test)
    other_sources(test)
    as_user(test)


if __name__ == "__main__":
    sys.exit(run(main))

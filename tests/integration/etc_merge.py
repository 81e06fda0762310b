#!/usr/bin/env python3
"""/etc between an upgrade and the first start of the new system: on a disk of install-to-disk that is mounted, and as if it were booted.
(Services, and machines that really shut down: tests/system/upgrade.py.)"""

import json
import os
import sys

from lib_harness import run
from lib_image import TarLayer
from lib_sysroot import System, read
from lib_upgrade import Disk, Images, need

ROOT = "root:x:0:0:root:/root:/bin/sh\n"
ALICE = "alice:x:1000:1000::/home/alice:/bin/sh\n"
APP = "app:x:1000:1000::/var/empty:/sbin/nologin\n"
RECORD = "ostree/osb-oci/etc-merges.json"


def write(text, *names):
    with open(os.path.join(*names), "w", encoding="utf-8") as file:
        file.write(text)


def exists(*names):
    return os.path.lexists(os.path.join(*names))


def make_images(test):
    images = Images(test, None)
    libraries = TarLayer().symlink("lib64", "usr/lib64").symlink("bin", "usr/bin")
    libraries = libraries.file_entry("etc/os-release", b'PRETTY_NAME="Test Linux"\n').bytes()
    one = TarLayer().file_entry("etc/app", b"default\n").file_entry("etc/network", b"dhcp\n")
    images.add("v1", [images.base, libraries, one.bytes()])
    two = TarLayer()
    for path, content in (("etc/app/app.conf", b"new default\n"), ("etc/network", b"dhcp, of version 2\n"),
                          ("etc/passwd", (ROOT + APP).encode()), ("etc/group", b"root:x:0:\napp:x:1000:\n"),
                          ("etc/shadow", b"root:*::0:::::\napp:!::0:::::\n")):
        two.file_entry(path, content)
    images.add("v2", [images.base, libraries, two.bytes()])
    return images


def accounts(test, images, disk):
    """An upgrade of a machine with a user of its own, and with files where the image has directories."""
    old = disk.deployments()[0]
    etc = os.path.join(old["path"], "etc")
    for name, line in (("passwd", ALICE), ("group", "alice:x:1000:\n"), ("shadow", "alice:$6$x::0:::::\n")):
        write(read(etc, name) + line, etc, name)
    write("mine\n", etc, "app")
    result = disk.osb("upgrade", "--json", "--from", images.oci("v2"))
    if not test.check_status(result, 0, "upgrade of a machine with a user of its own"):
        return None, None
    (new,) = [one for one in disk.deployments() if one["id"] != old["id"]]
    now = os.path.join(new["path"], "etc")
    test.check(read(now, "passwd") == ROOT + ALICE + APP.replace("1000:1000", "100:100"), "the image's user is added", read(now, "passwd"))
    test.check(read(now, "group") == "root:x:0:\nalice:x:1000:\napp:x:100:\n", "and its group", read(now, "group"))
    test.check(read(now, "shadow") == "root:*::0:::::\nalice:$6$x::0:::::\napp:!::0:::::\n", "and its password", read(now, "shadow"))
    conflicts = json.loads(result.stdout)["etc_conflicts"]
    test.check(len(conflicts) == 3 and "'app' has the number 1000" in "".join(conflicts) and
               "'app' has the number 1000" in result.stderr, "and the clash is said", result.describe())
    test.check(read(now, "app.osb-local") == "mine\n" and read(now, "app/app.conf") == "new default\n" and
               "/etc/app.osb-local" in result.stderr, "a file where the image has a directory now: both are there", result.stderr)
    return old, new


def pending(disk, deployment):
    status = json.loads(disk.osb("status", "--json").stdout)
    return [one["etc_pending"] for one in status["deployments"] if one["id"] == deployment["id"]]


def late_changes(test, disk, old, new):
    before, now = (os.path.join(one["path"], "etc") for one in (old, new))
    result = disk.osb("merge-etc")
    test.check(result.status == 0 and result.stdout == "" and pending(disk, new) == [False], "nothing to merge", result.describe())
    write(read(before, "shadow").replace("alice:", "alice:!"), before, "shadow")
    write("static\n", before, "network")
    test.check(pending(disk, new) == [True], "a change after the upgrade is pending")
    test.check("/etc     has changes" in disk.osb("status").stdout, "and status says so", disk.osb("status").stdout)
    inode = os.stat(new["path"]).st_ino
    result = disk.osb("merge-etc")
    said = result.stdout
    test.check(result.status == 0 and "merged the changes of /etc" in said and "conflict: /etc/app is a directory" in said,
               "merge-etc says what it did", result.describe())
    test.check("alice:!$6$x" in read(now, "shadow") and "app:!" in read(now, "shadow") and read(now, "network") == "static\n",
               "the locked account is locked, the address is static", read(now, "shadow"))
    test.check(pending(disk, new) == [False] and inode == os.stat(new["path"]).st_ino and not exists(new["path"], ".osb-etc-new"),
               "and nothing is left over", os.listdir(new["path"]))
    result = disk.osb("merge-etc", "--json")
    test.check([one["result"] for one in json.loads(result.stdout)["merges"]] == ["unchanged"], "again: nothing", result.describe())


def interrupted(test, disk, old, new):
    """A merge that is killed at any moment leaves the old /etc or the new one."""
    before, now = (os.path.join(one["path"], "etc") for one in (old, new))
    for number, milliseconds in enumerate((5, 10, 15, 20, 30, 40, 60, 80)):
        write(f"static {number}\n", before, "network")
        was = read(now, "network")
        test.run("timeout", "-s", "KILL", str(milliseconds / 1000), test.osb, "merge-etc", "--sysroot", disk.top)
        test.check(read(now, "network") in (was, f"static {number}\n") and exists(now, "shadow"), f"killed after {milliseconds} ms")
        result = disk.osb("merge-etc")
        test.check(result.status == 0 and read(now, "network") == f"static {number}\n" and not exists(new["path"], ".osb-etc-new"),
                   "the next run completes it", result.describe())


def edited(test, disk, old, new):
    """What is edited in the deployment that waits stays."""
    before, now = (os.path.join(one["path"], "etc") for one in (old, new))
    record = read(disk.top, RECORD)
    was = read(now, "shadow")
    times = os.stat(os.path.join(now, "shadow"))
    write("static, edited\n", before, "network")
    write(was + "mine:*::0:::::\n", now, "shadow")
    test.check("does not get: its own /etc was edited" in disk.osb("status").stdout, "status says that /etc was edited")
    result = System(test, disk.top).booted_osb(new["id"], "merge-etc", "--json")
    test.check([one["result"] for one in json.loads(result.stdout)["merges"]] == ["edited"] and "mine:" in read(now, "shadow"),
               "the first start keeps a password set there", result.describe())
    write(record, disk.top, RECORD)
    write(was, now, "shadow")
    os.utime(os.path.join(now, "shadow"), ns=(times.st_atime_ns, times.st_mtime_ns))


def first_start(test, disk, old, new):
    """After a power cut the new system finds the old one's /etc changed."""
    before, now = (os.path.join(one["path"], "etc") for one in (old, new))
    system = System(test, disk.top)
    write("late\n", before, "late")
    os.unlink(os.path.join(before, "keep.conf"))
    result = system.booted_osb(new["id"], "merge-etc", "--waiting")
    test.check(result.status == 0 and result.stdout == "" and not exists(now, "late"), "a system that stops takes over nothing",
               result.describe())
    result = system.booted_osb(new["id"], "merge-etc")
    test.check(result.status == 0 and "took over changes" in result.stdout, "the first start takes over what changed", result.describe())
    test.check(read(now, "late") == "late\n" and not exists(now, "keep.conf") and read(now, "app/app.conf") == "new default\n",
               "files that are new, and files that are gone", sorted(os.listdir(now)))
    write("later\n", before, "late")
    write("mine\n", now, "by-first-try")
    result = disk.osb("merge-etc")
    test.check(result.status == 0 and read(now, "late") == "later\n" and not exists(now, "by-first-try"),
               "a second try of its trial starts with what the old system has then", result.describe())
    write("latest\n", before, "late")
    result = system.booted_osb(new["id"], "boot-check", "--no-reboot", "--json")
    test.check(not exists(disk.top, RECORD) and "osb-etc did not run" in result.stdout and read(now, "late") == "later\n",
               "without the service boot-check says that changes are missing", result.describe())
    result = disk.osb("merge-etc")
    test.check(result.status == 0 and result.stdout == "" and read(now, "late") == "later\n", "and from then on its /etc is its own",
               result.describe())


def main(test):
    need(test)
    images = make_images(test)
    disk = Disk(test, "disk", images.oci("v1"), "--stateroot", "test", "--target-imgref", "registry.example/os:v1")
    try:
        old, new = accounts(test, images, disk)
        if new:
            late_changes(test, disk, old, new)
            interrupted(test, disk, old, new)
            edited(test, disk, old, new)
            first_start(test, disk, old, new)
    finally:
        disk.unmount()


if __name__ == "__main__":
    sys.exit(run(main))

#!/usr/bin/env python3
"""An upgrade from one release of Alpine to the next: the whole user space changes, the machine's own settings stay.

OSB_ALPINE_ROOTFS names the root filesystem of the newer one; OSB_ALPINE_ROOTFS_OLD that of the older, else one of 3.19 beside it.
"""

import glob
import gzip
import os
import re
import sys

import lib_system
from lib_harness import Skip, only_long, run
from lib_registry import Registry
from lib_story import Guest, Site


def older():
    new = os.environ.get("OSB_ALPINE_ROOTFS")
    if not new:
        raise Skip("needs OSB_ALPINE_ROOTFS")
    named = os.environ.get("OSB_ALPINE_ROOTFS_OLD")
    found = [named] if named else sorted(glob.glob(os.path.join(os.path.dirname(new), "alpine-minirootfs-3.19.*-x86_64.tar.gz")))
    if not found or os.path.realpath(found[-1]) == os.path.realpath(new):
        raise Skip("needs an older release beside it, or OSB_ALPINE_ROOTFS_OLD")
    return found[-1]


def release(guest):
    return guest.machine.output("cat /etc/alpine-release; busybox | head -n 1; sed -n 's/^VERSION_ID=//p' /etc/os-release").split("\n")


def main(test):
    if not only_long("an upgrade from one release of Alpine to the next"):
        raise Skip("takes minutes: OSB_LONG=1")
    lib_system.need_machine(test)
    test.need("docker-registry", "syslinux", "mcopy")
    # Named after the archive: the cache of system images goes by the name and the size.
    tar = test.path(os.path.basename(older()) + ".tar")
    with gzip.open(older(), "rb") as packed, open(tar, "wb") as out:
        out.write(packed.read())
    with Registry(test) as registry:
        site = Site(test, registry)
        site.image("old", image=lib_system.system_image(test, rootfs=tar))
        site.image("new")
        site.publish("old")
        disk = site.install("disk.img", "--size", "2G")
        # With tables of contents, by which the packages are known before anything is fetched.
        site.publish_commit("new", "os:latest")
        with site.machine(disk) as machine:
            guest = Guest(test, machine)
            machine.login()
            before = release(guest)
            machine.output("echo 'a machine' > /etc/motd; echo kept > /var/lib/kept; sync")
            status, said = guest.osb("upgrade --check")
            test.check(status == 0 and re.search(r"busybox\b.*1\.36\.1-r\d+.*1\.36\.1-r\d+", said) and "musl" in said,
                       "upgrade --check names Alpine's packages, with old and new versions", (status, said))
            report = guest.json("upgrade")
            test.check(report["deployment"] == "on_trial", "the upgrade is on trial", report)
            guest.reboot()
            after = release(guest)
            test.check(before[0].startswith("3.19.") and after[0].startswith("3.20.") and before[2] != after[2],
                       f"from {before[0]} to {after[0]}", (before, after))
            status = guest.status()
            test.check(status["trial"] is None and [d["version"] for d in status["deployments"] if d["default"]] == ["new"],
                       "it has passed its checks", status)
            said = guest.cat("/etc/motd", "/var/lib/kept", "/etc/hostname")
            test.check(said == ["a machine", "kept", "follower"], "settings and data are the machine's own", said)
            _, crashed = machine.shell("rc-status --nocolor --crashed")
            test.check(crashed == "", "no crashed service", crashed)
            guest.must("rollback")
            guest.reboot()
            test.check(release(guest) == before, "and back", release(guest))
            machine.power_off()


if __name__ == "__main__":
    sys.exit(run(main))

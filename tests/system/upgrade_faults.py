#!/usr/bin/env python3
"""Upgrades that cannot be: no space for objects, none for kernels, a registry that goes away, a tag that moves meanwhile. The machine is
as it was, says so, and the same upgrade succeeds when the cause is gone."""

import sys

import lib_system
from lib_faulty_proxy import Fault, FaultyProxy
from lib_harness import run
from lib_image import TarLayer
from lib_registry import Registry
from lib_story import Guest, Site, changed_initramfs

SIZE = 24 << 20  # of what version 2 brings: more than is left where the disk is full


class MovingTag(FaultyProxy):
    """Calls `moved` once, when the first blob is asked for after it was set."""

    moved = None

    def forward(self, client, method, target, headers, body, fault):
        if self.moved and method == "GET" and "/blobs/" in target:
            with self.lock:
                act, self.moved = self.moved, None
            if act:
                act()
        return super().forward(client, method, target, headers, body, fault)


def snapshot(guest):
    """What must not change: deployments and what the next boot starts; the loader's menu and boot-once."""
    status = guest.status()
    return ([(d["commit"], d["serial"], d["default"]) for d in status["deployments"]], status["trial"],
            guest.machine.output("cat /boot/extlinux/entries.conf; tail -c 1024 /boot/extlinux/ldlinux.sys | md5sum"))


def fails(test, guest, what, expected, naming=""):
    before = snapshot(guest)
    status, said = guest.osb("upgrade --progress none")
    test.check(status == expected and naming in said, f"{what}: upgrade ends with {expected}", (status, said))
    test.check(snapshot(guest) == before, f"{what}: nothing has changed", (before, snapshot(guest)))
    return said


def fill(guest, where, left):
    """Leaves so many MiB of the filesystem to others than root."""
    guest.machine.output(f"fallocate -l $(($(df -m {where} | awk 'END {{ print $4 }}') - {left}))m {where}/filler; sync", 300)


def root_full(test, guest):
    """First so full that nothing can be written, then with room for some of the objects."""
    for left in (3, 12):
        # (what a file may take of the blocks reserved for root does not count)
        guest.machine.output("rm -f /var/filler; sync")
        fill(guest, "/var", left)
        said = fails(test, guest, f"{left} MiB left on the root filesystem", 6)
        print("# " + said.replace("\n", "\n# "))
    guest.machine.output("rm /var/filler; sync")
    status, said = guest.machine.shell("ostree fsck --quiet", 300)
    test.check(status == 0, "root was full: ostree fsck", said)


def boot_full(test, site, guest):
    """Kernel and initramfs are new, and BOOT has those of two systems already: the rollback makes room, unless it is pinned."""
    digest = site.publish("4")
    fill(guest, "/boot", 4)
    guest.must("pin rollback")
    said = fails(test, guest, "4 MiB left on BOOT, and the rollback is pinned", 6, "BOOT")
    print("# " + said.replace("\n", "\n# "))
    guest.must("unpin rollback")
    status, said = guest.osb("upgrade --progress none")
    test.check(status == 0 and "the rollback deployment" in said, "else the rollback makes room, and that is said", (status, said))
    status = guest.status()
    test.check(status["trial"]["manifest_digest"] == digest and [d["version"] for d in status["deployments"]] == ["2", "4"],
               "the new system is tried, and the running one is what the machine falls back to", status)


def registry_gone(test, guest, proxy):
    for kind, how in (("reset-connect", {}), ("reset-body", {}), ("status", {"status": 503})):
        proxy.faults = [Fault(kind, **how)]
        fails(test, guest, f"the registry goes away ({kind})", 5)
    # The first layer that is new arrives, nothing after it.
    proxy.faults = [Fault("reset-body", skip=2)]
    fails(test, guest, "the registry goes away in the middle", 5)
    proxy.faults = []


def tag_moves(test, site, guest, proxy):
    digest = {"2": site.publish("2")}

    def move():
        digest["3"] = site.publish("3")

    proxy.moved = move
    report = guest.json("upgrade")
    test.check("3" in digest and report["manifest_digest"] == digest["2"] and report["release"]["version"] == "2",
               "the tag moves during the pull: what it named at the start is deployed, as a whole", (report, digest))
    status, said = guest.osb("upgrade --check")
    test.check(status == 0 and "3" in said, "and what it names now is offered", (status, said))
    guest.reboot()
    said = guest.cat("/usr/share/osb-test/changed", "/usr/share/osb-test/second")
    test.check(said == ["two", "of 2"], "both layers are of the same version", said)


def main(test):
    lib_system.need_machine(test)
    test.need("docker-registry", "syslinux", "mcopy")
    with Registry(test) as registry, MovingTag(registry) as proxy:
        site = Site(test, registry, front=proxy)
        site.first()
        noise = bytes(range(256)) * 64
        large = TarLayer()
        for number in range(SIZE >> 20):
            large.file_entry(f"usr/share/osb-test/large-{number}", number.to_bytes(2, "big") + noise * 64)
        site.image("2", large, TarLayer().file_entry("usr/share/osb-test/changed", b"two\n"),
                   TarLayer().file_entry("usr/share/osb-test/second", b"of 2\n"),
                   changed_initramfs(test, {"usr/2": (0o644, b"2")}), base="1")
        site.image("3", TarLayer().file_entry("usr/share/osb-test/changed", b"three\n"),
                   TarLayer().file_entry("usr/share/osb-test/second", b"of 3\n"), base="2")
        site.image("4", changed_initramfs(test, {"usr/4": (0o644, b"4")}), base="3")
        with site.follower("disk.img") as machine:
            guest = Guest(test, machine)
            site.publish("2")
            root_full(test, guest)
            registry_gone(test, guest, proxy)
            tag_moves(test, site, guest, proxy)
            boot_full(test, site, guest)
            machine.power_off()


if __name__ == "__main__":
    sys.exit(run(main))

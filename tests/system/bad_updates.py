#!/usr/bin/env python3
# Takes minutes.
"""Updates that are no good: each is started once and ends in the system that was there before, by itself; that one says why, and does not
take the same image again. Also what else may happen to a trial: the loader starts it a second time, another upgrade comes before
the restart, an operator goes back while it runs, there is nothing to fall back to."""

import contextlib
import json
import re
import sys
import time

import lib_system
from lib_disk import loop_device, mounted
from lib_harness import only_long, run
from lib_image import TarLayer
from lib_qemu import PATIENCE
from lib_registry import Registry
from lib_story import NO_NETWORK_CHECK, Guest, Site, changed_initramfs

HANG = b"#!/bin/sh\necho the initramfs hangs >/dev/console\nwhile :; do sleep 1000; done\n"


def kargs(*arguments):
    return TarLayer().file_entry("usr/lib/bootc/kargs.d/90-bad.toml", f"kargs = {json.dumps(arguments)}\n".encode())


def check_script(text, kind="required.d", name="50-test"):
    return TarLayer().file_entry(f"etc/osb/check/{kind}/{name}", f"#!/bin/sh\n{text}\n".encode(), mode=0o755)


@contextlib.contextmanager
def boot_of(test, disk):
    """BOOT of a disk that install-to-disk made, mounted."""
    table = json.loads(test.must("sfdisk", "--json", disk))["partitiontable"]["partitions"]
    with loop_device(test, disk, table[0]["start"], table[0]["size"]) as device, mounted(test, device, test.path("boot")) as boot:
        yield boot


class Story:
    def __init__(self, test, site, guest, disk):
        self.test, self.site, self.guest, self.disk = test, site, guest, disk
        self.digest = {}

    def publish(self, name, *layers):
        self.site.image(name, *layers, base="1")
        self.digest[name] = self.site.publish(name)

    def deploy(self, name, *options):
        report = self.guest.json(" ".join(("upgrade", *options)))
        self.test.check(report["deployment"] == "on_trial" and report["manifest_digest"] == self.digest[name],
                        f"{name}: it is to be tried", report)

    def start_trial(self):
        self.guest.machine.send("sync; reboot -f\n")
        self.guest.machine.next_boot()

    def tried_again(self, name):
        """The first try ended without a verdict: the old system runs, and the next restart starts the new one once more."""
        self.guest.machine.login()
        status = self.guest.status()
        booted = [d["version"] for d in status["deployments"] if d["booted"]]
        trial = status["trial"] or {}
        self.test.check(booted == ["1"] and trial.get("state") == "armed" and trial.get("attempt") == 2,
                        f"{name}: ends in version 1 by itself, and is tried once more", status)

    def check_back(self, name, why):
        """The old system runs, tells why, and leaves that image alone."""
        test, guest = self.test, self.guest
        guest.machine.login()
        status = guest.status()
        booted = [d for d in status["deployments"] if d["booted"]]
        test.check([d["version"] for d in booted] == ["1"] and booted[0]["default"], f"{name}: ends in version 1 by itself", status)
        test.check(status["trial"] is None, f"{name}: the trial is over", status)
        said = guest.must("status")
        print(f"# {name}: " + " / ".join(line.strip() for line in said.splitlines() if "fail" in line.lower()))
        test.check(re.search(why, said) is not None, f"{name}: status says why", said)
        ended, said = guest.osb("upgrade")
        test.check(ended == 1 and "--force" in said, f"{name}: upgrade does not take it again", (ended, said))
        ended, said = guest.osb("upgrade --check")
        test.check("failed its trial before" in said, f"{name}: --check says so, too", (ended, said))


def panics(story):
    """Before there is any user space. The whole pause is waited for, this once. This machine's firmware keeps no record of a panic, so it
    is an end without a verdict, like a power cut."""
    story.publish("panic", kargs("rdinit=/nowhere"))
    story.deploy("panic")
    story.start_trial()
    story.guest.machine.expect(r"Kernel panic")
    story.guest.machine.next_boot(60)
    story.tried_again("panic")
    story.start_trial()
    story.guest.machine.expect(r"Kernel panic")
    story.guest.machine.kill()
    story.guest.machine.start()
    story.check_back("panic", r"(?i)failed.*kernel")


def has_broken_init(story):
    """It is there, and no program. The loader fails to clear its boot-once, too: it starts the trial a second time."""
    test, machine = story.test, story.guest.machine
    story.publish("broken init", TarLayer().file_entry("sbin/init", b"\x7fELF but no more", mode=0o755))
    story.deploy("broken init")
    story.start_trial()
    machine.expect(r"Rebooting in \d+ seconds")
    machine.kill()
    with boot_of(test, story.disk) as boot:
        test.must("extlinux", "--once=trial", boot + "/extlinux")
    machine.start()
    # It starts, sees that it has been here, and has the loader start the old system.
    machine.next_boot(60)
    test.check(not machine.said("Kernel panic"), "broken init: a trial that is started again is not gone through again")
    story.check_back("broken init", r"(?i)failed")
    said = machine.output("tail -c 1024 /boot/extlinux/ldlinux.sys | tr -cd '[:print:]'")
    test.check("trial" not in said, "broken init: boot-once is cleared", said)


def hangs(story):
    # Where it puts the deployment in root's place.
    story.publish("hang", changed_initramfs(story.test, {"usr/lib/ostree/ostree-prepare-root": (0o755, HANG)}),
                  kargs("osb.trial-timeout=10"))
    story.deploy("hang")
    story.start_trial()
    story.guest.machine.expect(r"the initramfs hangs")
    story.guest.machine.next_boot(400)
    story.tried_again("hang")


def fails_check(story):
    """One without a network, which nobody could update any more."""
    machine = story.guest.machine
    machine.output(f"rm /{NO_NETWORK_CHECK}; osb-oci boot-check")
    said = machine.output("cat /var/lib/osb/reachable-before")
    story.test.check(said == "docker://registry.test/os:latest", "a proven system notes that it reaches what it follows", said)
    story.publish("failing check", TarLayer().file_entry("etc/network/interfaces", b"auto lo\niface lo inet loopback\n"))
    story.deploy("failing check")  # in place of the one that waits
    story.start_trial()
    machine.next_boot(240)
    story.check_back("failing check", r"20-reachable.*cannot be reached")
    machine.output(f"ln -s /dev/null /{NO_NETWORK_CHECK}")


def without_init(story):
    """Would never boot, so it is not even deployed."""
    story.publish("no init", TarLayer().whiteout("sbin/init"))
    before = story.guest.status()
    ended, said = story.guest.osb("upgrade")
    story.test.check(ended == 3 and "init" in said, "no init: refused with 3", (ended, said))
    story.test.check(story.guest.status()["deployments"] == before["deployments"], "no init: nothing was deployed")


def given_up_before(story):
    """--force tries a failed one again; an operator thinks better of it; another version comes before the restart."""
    test, guest = story.test, story.guest
    story.digest["failing check"] = story.site.publish("failing check")
    story.deploy("failing check", "--force")
    said = guest.must("rollback")
    status = guest.status()
    test.check(status["trial"] is None and [d["version"] for d in status["deployments"] if d["default"]] == ["1"],
               "rollback before the restart: nothing is tried", (said, status))
    story.publish("2", TarLayer().file_entry("usr/share/osb-test/changed", b"two\n"))
    story.deploy("2")
    story.publish("3", check_script("echo not so good; exit 1", "wanted.d"), check_script("exit 0", "required.d", "60-good"))
    story.deploy("3")
    versions = [d["version"] for d in guest.status()["deployments"]]
    test.check("2" not in versions and "3" in versions, "a second upgrade before the restart takes the place of the first", versions)


def stays(story):
    story.start_trial()
    story.guest.machine.login()
    status = story.guest.status()
    booted = [d for d in status["deployments"] if d["booted"]]
    story.test.check([d["version"] for d in booted] == ["3"] and booted[0]["default"] and status["trial"] is None,
                     "a wanted check that fails: the new version stays", status)


def given_up_while_running(story):
    """An operator, logged in over the network while the checks run, goes back."""
    test, guest = story.test, story.guest
    key = test.path("key")
    test.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    with open(key + ".pub", encoding="ascii") as file:
        guest.machine.output(f"mkdir -p -m 700 /root/.ssh && echo '{file.read().strip()}' > /root/.ssh/authorized_keys")
    story.site.image("slow check", check_script("sleep 100000"), base="3")
    story.digest["slow check"] = story.site.publish("slow check")
    story.deploy("slow check")
    story.start_trial()
    guest.machine.expect(r"Starting sshd")
    ssh = ["ssh", "-i", key, "-p", str(guest.machine.ports["ssh"]), "-F", "none", "-o", "StrictHostKeyChecking=no", "-o",
           "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=60", "root@127.0.0.1"]
    deadline = time.monotonic() + 50 * PATIENCE
    while test.run(*ssh, "true").status != 0 and time.monotonic() < deadline:
        time.sleep(0.5)
    status = test.run(*ssh, "osb-oci status")
    test.check("on trial" in status.stdout, "a trial that runs: status says so", status.describe())
    result = test.run(*ssh, "osb-oci rollback")
    test.check(result.status == 0, "rollback during a trial", result.describe())
    test.run(*ssh, "sync; reboot -f")
    guest.machine.next_boot(60)
    guest.machine.login()
    status = guest.status()
    test.check([d["version"] for d in status["deployments"] if d["booted"]] == ["3"] and status["trial"] is None,
               "rollback during a trial: the proven system is back", status)
    test.check(any("rolled back" in f["reason"] for f in status["failed_trials"]),
               "and status says that it was given up", status["failed_trials"])


def alone(test, site):
    """A failing check on a machine with nothing to fall back to does not restart it for ever."""
    site.image("alone", check_script("exit 1"), base="1")
    site.publish("alone", "alone:latest")
    disk = site.install("alone.img", "--size", "2G", name="alone:latest")
    with site.machine(disk, "alone") as machine:
        machine.login()
        said = Guest(test, machine).must("status")
        test.check("1" in said, "a failing check with one deployment: the machine stays up", said)
        machine.power_off()


def main(test):
    lib_system.need_machine(test)
    test.need("docker-registry", "syslinux", "mcopy", "ssh", "ssh-keygen")
    with Registry(test) as registry:
        site = Site(test, registry)
        site.first()
        with site.follower("disk.img", forward={"ssh": 22}) as machine:
            story = Story(test, site, Guest(test, machine), test.path("disk.img"))
            panics(story)
            if only_long("an init that is no program, in a trial that the loader starts twice"):
                has_broken_init(story)
            if only_long("an initramfs that hangs"):
                hangs(story)
            fails_check(story)
            without_init(story)
            given_up_before(story)
            stays(story)
            if only_long("a rollback while the checks of a trial run"):
                given_up_while_running(story)
            machine.power_off()
        if only_long("a failing check on a machine with nothing to fall back to"):
            alone(test, site)


if __name__ == "__main__":
    sys.exit(run(main))

#!/usr/bin/env python3
# Takes minutes.
"""The life of a machine, by its operator's commands: it is installed from a registry, and upgraded; goes back, and forth again; follows
another image, which holds an ostree commit; and is upgraded from a disk, without a network."""

import sys

import lib_system
from lib_derived import manifest_of
from lib_harness import run
from lib_image import TarLayer
from lib_registry import Registry
from lib_story import Guest, Site, first_layer, second_layer, usb_disk


def role(status, name):
    """The deployments with a role."""
    return [deployment for deployment in status["deployments"] if deployment.get(name)]


def check_version(test, guest, version, what):
    """What runs is that version, as the files, osb-oci and ostree say."""
    status = guest.status()
    (booted,) = role(status, "booted")
    test.check(booted["version"] == version, f"{what}: status names version {version} as booted", status)
    test.check(role(status, "default") == [booted], f"{what}: and it is the default", status)
    said = guest.machine.output("ostree admin status")
    test.check(f"* default {booted['commit']}." in said, f"{what}: so does ostree", said)
    _, crashed = guest.machine.shell("rc-status --nocolor --crashed")
    test.check(crashed == "", f"{what}: no crashed service", crashed)
    return status


def check_first(test, guest):
    status, said = guest.osb("upgrade --check")
    test.check(status == 77, "nothing new: upgrade --check ends with 77", (status, said))
    check_version(test, guest, "1", "installed")
    test.check({"osbtest.one=1", "osbtest.both=1"} <= set(guest.cmdline()), "installed: the image's kernel arguments", guest.cmdline())
    guest.machine.output("echo local >> /etc/osb-test/edited; echo mine > /etc/osb-test/mine; mkdir -p /var/lib/app; "
                         "echo state > /var/lib/app/state; sync")


def check_offered(test, guest):
    status, said = guest.osb("upgrade --check")
    test.check(status == 0 and "2" in said, "version 2 is published: upgrade --check ends with 0", (status, said))
    for part in ("osb-hello", "1.0-r0", "1.1-r0", "osb-new", "7-r3"):
        test.check(part in said, f"it names the changed packages: {part}", said)


def check_second(test, guest, what="upgraded"):
    status = check_version(test, guest, "2", what)
    test.check(status.get("trial") is None, f"{what}: the trial is over", status)
    words = guest.cmdline()
    test.check("osbtest.two=2" in words and "osbtest.both=1" in words and "osbtest.one=1" not in words,
               f"{what}: the kernel's command line is the new one", words)
    said = guest.cat("/usr/share/osb-test/changed", "/usr/share/osb-test/new", "/etc/osb-test/default", "/etc/osb-test/edited",
                     "/etc/osb-test/mine", "/var/lib/app/state")
    test.check(said == ["two", "two", "default of 2", "edited: 1", "local", "mine", "state"],
               f"{what}: changed and new files; new defaults, but local edits as they were; /var", said)
    test.check(guest.machine.shell("test -e /usr/share/osb-test/removed")[0] != 0, f"{what}: a removed file is gone")


def late_changes(test, guest):
    """Between the upgrade and the restart, and by services that stop: one of the runlevel boot, and one of default."""
    guest.machine.output("echo static > /etc/osb-test/address; for name in syslog sshd; do "
                         "echo \"stop_post() { echo stopped > /etc/osb-test/by-$name; }\" > /etc/conf.d/$name; done; sync")
    status = guest.status()
    test.check([one["etc_pending"] for one in status["deployments"]] == [False, True], "status: changes of /etc are pending", status)


def check_late_changes(test, guest, mark):
    said = guest.console()[mark:]
    test.check("merged the changes of /etc" in said and "took over changes" not in said, "the shutdown merges /etc", said[-3000:])
    said = guest.cat("/etc/osb-test/address", "/etc/osb-test/by-syslog", "/etc/osb-test/by-sshd")
    test.check(said == ["static", "stopped", "stopped"], "after all services have stopped", said)
    test.check(guest.machine.shell("test -e /sysroot/ostree/osb-oci/etc-merges.json")[0] != 0, "and from now on its /etc is its own")


def without_merge_at_shutdown(guest):
    """As after a power cut: what was changed since the upgrade is only in the old system's /etc."""
    guest.machine.output("rc-service osb-etc zap; rm /etc/conf.d/syslog /etc/conf.d/sshd; echo late > /etc/osb-test/late; sync")


def check_without_merge(test, guest, mark):
    said = guest.console()[mark:]
    test.check("merged the changes of /etc" not in said and "took over changes" in said, "without it the new system takes over changes",
               said[-3000:])
    said = guest.cat("/etc/osb-test/late", "/etc/osb-test/address")
    test.check(said == ["late", "static"] and guest.machine.shell("test -e /etc/conf.d/sshd")[0] != 0, "what was added and removed", said)


def upgraded(test, site, guest):
    site.image("2", second_layer(test), base="1")
    digest = site.publish("2")
    check_offered(test, guest)
    _, said = guest.osb("upgrade --download-only")
    test.check("osb-oci upgrade" in said, "--download-only says how to go on", said)
    report = guest.json("upgrade")
    test.check(report["result"] == "deployed" and report["deployment"] == "on_trial" and report["manifest_digest"] == digest,
               "upgrade: it is to be tried", report)
    status = guest.status()
    test.check([d["version"] for d in role(status, "default")] == ["1"], "the old version is still the default", status)
    late_changes(test, guest)
    mark = len(guest.console())
    guest.reboot()
    check_second(test, guest)
    check_late_changes(test, guest, mark)
    said = guest.machine.output("cat /boot/extlinux/entries.conf")
    test.check(said.count("MENU LABEL") >= 2, "the menu has both", said)
    said = guest.must("status")
    print("# status of the upgraded system:\n" + "\n".join("#   " + line for line in said.splitlines()))
    status, said = guest.osb("upgrade --check")
    test.check(status == 77, "nothing new again", (status, said))


def back_and_forth(test, guest):
    guest.must("rollback")
    guest.reboot()
    check_version(test, guest, "1", "rolled back")
    said = guest.cat("/usr/share/osb-test/changed", "/usr/share/osb-test/removed", "/etc/osb-test/default", "/etc/osb-test/edited",
                     "/var/lib/app/state")
    test.check(said == ["one", "one", "default of 1", "edited: 1", "local", "state"], "rolled back: all files as they were", said)
    test.check("osbtest.one=1" in guest.cmdline(), "rolled back: and the command line", guest.cmdline())
    fall_back(test, guest)
    check_second(test, guest, "forth again")


def fall_back(test, guest):
    """As after three starts of the default that did not reach their checks: the fourth starts the other proven system, which makes itself
    the default."""
    (booted,) = role(guest.status(), "booted")
    starts = "/sysroot/ostree/osb-oci/starts"
    test.check(guest.machine.shell(f"test -e {starts}")[0] != 0, "a start that reaches its checks is not counted")
    guest.machine.output(f"echo {booted['commit']}.{booted['serial']} 3 before > {starts}; sync")
    mark = len(guest.console())
    guest.machine.send("sync; reboot\n")
    guest.machine.next_boot()
    guest.machine.next_boot(120)  # the initramfs restarts the machine
    guest.machine.login()
    said = guest.console()[mark:]
    test.check("Restarting into the previous system" in said, "the fourth start goes to the fallback", said[-3000:])
    failed = guest.status()["failed_trials"]
    test.check([(one["commit"], one["reason"]) for one in failed] ==
               [(booted["commit"], "three starts in a row did not reach the health check")], "and status says why", failed)


def switched(test, site, guest):
    """To an image that holds a commit, at another name; one more upgrade of that, too."""
    site.image("3", TarLayer().file_entry("usr/share/osb-test/changed", b"three\n"), base="2")
    commit = site.publish_commit("3", "other:stable")
    report = guest.json(f"switch {site.name_in_guest('other:stable')}")
    test.check(report["commit"] == commit, "switch takes the very commit out of the image", report)
    without_merge_at_shutdown(guest)
    mark = len(guest.console())
    guest.reboot()
    status = check_version(test, guest, "3", "switched")
    check_without_merge(test, guest, mark)
    (booted,) = role(status, "booted")
    test.check("other:stable" in booted["image"], "switched: it follows the other image", booted)
    said = guest.cat("/usr/share/osb-test/changed", "/etc/osb-test/edited", "/var/lib/app/state")
    test.check(said == ["three", "edited: 1", "local", "state"], "switched: files; what is local is kept", said)
    site.image("4", TarLayer().file_entry("usr/share/osb-test/changed", b"four\n"), base="3")
    commit = site.publish_commit("4", "other:stable")
    report = guest.json("upgrade")
    test.check(report["commit"] == commit and report["bytes_read"] < (4 << 20), "an upgrade of it reads what has changed", report)


def offline(test, site, guest):
    """From a disk, instead of what was to be tried next."""
    guest.machine.output("mkdir -p /run/usb && mount -o ro /dev/vdb /run/usb")
    status, said = guest.osb("upgrade --from oci:/run/usb/os")
    test.check(status == 1 and "--allow-downgrade" in said, "an image that is older than what runs is refused", (status, said))
    report = guest.json("upgrade --allow-downgrade --from oci:/run/usb/os")
    test.check(report["result"] == "deployed" and "other:stable" in report["image"],
               "upgrade --from: another version, and the same name is followed", report)
    guest.reboot()
    status = check_version(test, guest, "2.5", "offline")
    (booted,) = role(status, "booted")
    test.check("other:stable" in booted["image"], "offline: it still follows its image", booted)
    guest.must("cleanup")
    exit_status, said = guest.machine.shell("ostree fsck --quiet", 120)
    test.check(exit_status == 0, "ostree fsck after all of this", said)
    status = guest.status()
    test.check(len(status["deployments"]) <= 3, "what is no longer needed is gone", status)


def main(test):
    lib_system.need_machine(test)
    test.need("docker-registry", "syslinux", "mcopy")
    with Registry(test) as registry:
        site = Site(test, registry)
        site.image("1", first_layer(test))
        site.image("2.5", second_layer(test), TarLayer().file_entry("usr/share/osb-test/changed", b"five\n"), base="1")
        usb = usb_disk(test, site.images["2.5"])
        digest = site.publish("1")
        test.check(digest == manifest_of(site.images["1"])[0], "version 1 is published")
        disk = site.install("disk.img", "--size", "2G")
        with site.machine([(disk, "raw"), (usb, "raw")]) as machine:
            guest = Guest(test, machine)
            machine.login()
            check_first(test, guest)
            upgraded(test, site, guest)
            back_and_forth(test, guest)
            switched(test, site, guest)
            offline(test, site, guest)
            machine.power_off()


if __name__ == "__main__":
    sys.exit(run(main))

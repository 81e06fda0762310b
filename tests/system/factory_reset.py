#!/usr/bin/env python3
# Takes minutes.
"""A machine that its owner has used is reset: the fresh system passes its checks, and nothing of the owner is left but what --keep names.
With --long, a reset whose checks fail: the machine falls back, and has everything as it was."""

import sys

import lib_system
from lib_harness import only_long, run
from lib_registry import Registry
from lib_story import Guest, Site

STATEROOTS = "ls /sysroot/ostree/deploy"
# A check that fails in the next trial, and only then.
FAILING = """mkdir -p /etc/osb/check/required.d
cat >/etc/osb/check/required.d/50-test <<'@'
#!/bin/sh
case $(cat /proc/cmdline) in *osb.trial=*) echo not this time; exit 1 ;; esac
@
chmod +x /etc/osb/check/required.d/50-test"""


def booted(status):
    (one,) = [deployment for deployment in status["deployments"] if deployment["booted"]]
    return one


def use(guest):
    """What an owner leaves."""
    for command in ("echo secret > /etc/osb-test/secret; echo changed > /etc/osb-test/default; echo renamed > /etc/hostname",
                    "mkdir -p /var/lib/private /var/lib/app /etc/keys /home/owner; echo secret > /var/lib/private/data",
                    "echo state > /var/lib/app/state; chown 1234:1234 /var/lib/app/state; echo key > /etc/keys/host",
                    "echo 'owner:x:1001:1001::/home/owner:/bin/sh' >> /etc/passwd; echo secret > /home/owner/note; sync"):
        guest.machine.output(command)


def prepare(test, guest, *options, to="default-reset-1"):
    report = guest.json(" ".join(("factory-reset", *options)))
    test.check(report["result"] == "on_trial" and report["stateroot"] == to and "root" in report["logins"],
               "factory-reset: it is to be tried",
               report)
    status = guest.status()
    test.check(status["factory_reset"]["waits"] and booted(status)["default"], "the present system is still the default", status)
    return report


def own(words):
    """The arguments that neither the loader nor a trial nor a deployment has added."""
    added = ("ostree=", "osb.", "BOOT_IMAGE=", "initrd=", "panic=", "oops=", "softlockup_panic=")
    return [word for word in words if not word.startswith(added)]


def passes(test, guest):
    before = guest.cmdline()
    report = prepare(test, guest, "--keep", "/var/lib/app", "--keep", "/etc/keys")
    test.check("/etc/hostname" in report["restored"], "install-to-disk has recorded its --config", report)
    ended, said = guest.osb("kargs --append x")
    test.check(ended == 1 and "factory reset" in said, "nothing else is deployed meanwhile", (ended, said))
    # Late changes of the old /etc do not reach the fresh one.
    guest.machine.output("echo late > /etc/osb-test/late; sync")
    mark = len(guest.console())
    guest.reboot()
    status = guest.status()
    one = booted(status)
    test.check(one["default"] and one["stateroot"] == "default-reset-1" and len(status["deployments"]) == 1 and status["trial"] is None and
               status["factory_reset"] is None, "the fresh system has passed its checks, and is the only one", status)
    test.check(guest.machine.output(STATEROOTS) == "default-reset-1", "the old stateroot is gone", guest.machine.output(STATEROOTS))
    said = guest.console()[mark:]
    test.check("the factory reset is complete" in said, "boot-check says so", said[-2000:])
    said = guest.machine.output("ostree admin status")
    test.check(f"* default-reset-1 {one['commit']}." in said, "as ostree sees it", said)
    said = guest.cat("/etc/osb-test/default", "/etc/keys/host", "/var/lib/app/state")
    test.check(said == ["default of 1", "key", "state"], "/etc is the image's; what is kept", said)
    said = guest.machine.output("stat -c %u:%g /var/lib/app/state; hostname")
    test.check(said.split() == ["1234:1234", "follower"], "with its owner; the host name is the one of --config", said)
    left = "/etc/osb-test/secret /etc/osb-test/late /var/lib/private /home/owner"
    _, said = guest.machine.shell(f"ls -d {left} 2>/dev/null; grep owner /etc/passwd")
    test.check(said == "", "nothing of the owner is left", said)
    said = guest.machine.output("cat /var/lib/osb/factory-of; ls /boot/ostree")
    test.check(f"{one['commit']}.0" in said and "default-reset-1-" in said and said.count("default") == 1,
               "the service osb-var has filled /var; BOOT has one kernel", said)
    _, crashed = guest.machine.shell("rc-status --nocolor --crashed")
    test.check(crashed == "", "no crashed service", crashed)
    test.check(own(guest.cmdline()) == own(before), "the kernel arguments are the same", (before, guest.cmdline()))
    ended, said = guest.osb("rollback")
    test.check(ended == 1 and "factory reset" in said, "there is no way back", (ended, said))


def falls_back(test, guest):
    guest.machine.output(FAILING)
    guest.machine.output("echo mine > /etc/osb-test/mine; mkdir -p /var/lib/mine; echo mine > /var/lib/mine/data; sync")
    prepare(test, guest, "--keep", "/etc/osb/check/required.d/50-test", to="default-reset-2")
    guest.machine.send("sync; reboot\n")
    guest.machine.next_boot()
    guest.machine.next_boot(240)  # boot-check restarts it
    guest.machine.login()
    status = guest.status()
    one = booted(status)
    test.check(one["default"] and one["stateroot"] == "default-reset-1" and status["trial"] is None and
               "50-test" in status["failed_trials"][-1]["reason"], "a reset whose checks fail falls back, and status says why", status)
    said = guest.cat("/etc/osb-test/mine", "/var/lib/mine/data", "/var/lib/app/state")
    test.check(said == ["mine", "mine", "state"], "with /etc and /var as they were", said)
    guest.must("cleanup")
    test.check(guest.machine.output(STATEROOTS) == "default-reset-1", "cleanup removes the failed one")


def main(test):
    lib_system.need_machine(test)
    test.need("docker-registry", "syslinux", "mcopy")
    with Registry(test) as registry:
        site = Site(test, registry)
        site.first()
        with site.follower("disk.img") as machine:
            guest = Guest(test, machine)
            use(guest)
            passes(test, guest)
            if only_long("a factory reset whose checks fail (two boots)"):
                falls_back(test, guest)
            status, said = machine.shell("ostree fsck --quiet", 120)
            test.check(status == 0, "ostree fsck after all of this", said)


if __name__ == "__main__":
    sys.exit(run(main))

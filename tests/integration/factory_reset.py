#!/usr/bin/env python3
"""factory-reset on a disk of install-to-disk, mounted, and on that disk as if it were booted: the plan, what is kept and put back, the
end of the trial, and ends at random moments. `ostree admin`, SYSLINUX's menu and the files themselves are the witnesses. (Machines that
really boot: tests/system/factory_reset.py.)"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

from lib_harness import Skip, disk_use, rounds, run
from lib_sysroot import NOBODY, boot_once, directory_system, menu_of, mounted_disk, prepare, read, with_role

PASSWORD = "$6$salt$" + "x" * 86
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDFactoryResetTestKeyDFactoryResetTestKeyDFa me@example"
CONFIG = f"""
[customizations]
hostname = "fresh"
[[customizations.user]]
name = "core"
home = "/var/home/core"
password = "{PASSWORD}"
key = "{KEY}"
uid = 1200
[[customizations.files]]
path = "/etc/app/app.conf"
data = "as installed"
mode = "0600"
[[customizations.files]]
path = "/var/lib/seed"
data = "as installed"
"""


class Machine:
    """The disk, and where the parts of its systems lie."""

    def __init__(self, test, system):
        self.test, self.system = test, system
        self.top = os.path.join(system.path, "ostree/deploy")
        self.records = os.path.join(system.path, "ostree/osb-oci")
        self.loader = os.path.join(system.path, "boot/extlinux/ldlinux.sys")
        with open(self.loader, "rb") as file:
            self.cleared = file.read()[-1024:]

    def stateroots(self):
        return sorted(os.listdir(self.top))

    def deployments(self):
        """STATEROOT/COMMIT.SERIAL, as libostree lists them."""
        return ["/".join(found) for found in re.findall(r"^[* ] (\S+) ([0-9a-f]{64}\.\d+)", self.system.admin("status"), re.M)]

    def etc(self, deployment, *names):
        stateroot, name = deployment.split("/")
        return os.path.join(self.top, stateroot, "deploy", name, "etc", *names)

    def var(self, stateroot, *names):
        return os.path.join(self.top, stateroot, "var", *names)

    def record(self):
        path = os.path.join(self.records, "factory-reset.json")
        return json.loads(read(path)) if os.path.exists(path) else None

    def restart(self):
        """The loader clears its boot-once."""
        self.test.run("chattr", "-i", self.loader)
        with open(self.loader, "r+b") as file:
            file.seek(-1024, os.SEEK_END)
            file.write(self.cleared)

    def booted(self, deployment, *command):
        return self.system.in_booted(deployment, *command)

    def boot_check(self, deployment):
        return self.booted(deployment, "/run/osb-oci", "boot-check", "--no-reboot", "--json")

    def kernels(self):
        return sorted(os.listdir(os.path.join(self.system.path, "boot/ostree")))


def write(path, text, mode=0o644, owner=0):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)
    os.chown(path, owner, owner)


def use(machine, deployment):
    """What the first owner does with the machine."""
    stateroot = deployment.split("/")[0]
    write(machine.etc(deployment, "secret"), "of the owner")
    write(machine.etc(deployment, "hostname"), "renamed\n")
    write(machine.etc(deployment, "default"), "edited")
    write(machine.etc(deployment, "keys/host"), "host key", 0o600)
    with open(machine.etc(deployment, "passwd"), "a", encoding="utf-8") as file:
        file.write("owner:x:1001:1001::/home/owner:/bin/sh\n")
    write(machine.var(stateroot, "lib/private/data"), "of the owner", 0o600, 1001)
    write(machine.var(stateroot, "lib/app/state"), "kept", 0o640, 1200)
    write(machine.var(stateroot, "lib/seed"), "changed")
    write(machine.var(stateroot, "lib/osb/factory-of"), "stamp")
    # Things that a copy may get wrong.
    app = machine.var(stateroot, "lib/app")
    os.chown(app, 1200, 1200)
    os.chmod(app, 0o2750)
    os.link(os.path.join(app, "state"), os.path.join(app, "same"))
    os.symlink("/etc/secret", os.path.join(app, "link"))
    os.mkfifo(os.path.join(app, "fifo"))
    os.chmod(os.path.join(app, "fifo"), 0o620)
    with open(os.path.join(app, "sparse"), "wb") as file:
        file.seek(64 << 20)
        file.write(b"end")
    os.setxattr(os.path.join(app, "state"), "user.note", b"mine")
    deep = machine.var(stateroot, "lib/private")
    for level in range(300):
        deep = os.path.join(deep, "d")
        os.mkdir(deep)
    write(os.path.join(machine.var(stateroot, "lib/private"), "locked"), "locked")
    machine.test.must("chattr", "+i", machine.var(stateroot, "lib/private/locked"))


def check_fresh(test, machine, deployment, what):
    stateroot = deployment.split("/")[0]
    test.check(not os.path.exists(machine.etc(deployment, "secret")) and not os.path.exists(machine.var(stateroot, "lib/private")),
               f"{what}: nothing of the owner is in /etc and /var")
    test.check(read(machine.etc(deployment, "default")) == "kernel1 ", f"{what}: /etc is the image's", read(machine.etc(deployment,
                                                                                                                        "default")))
    test.check(read(machine.etc(deployment, "hostname")) == "fresh\n" and read(machine.etc(deployment,
                                                                                           "app/app.conf")) == "as installed" and
               os.stat(machine.etc(deployment, "app/app.conf")).st_mode & 0o777 == 0o600, f"{what}: --config is put back in /etc")
    passwd, shadow = (read(machine.etc(deployment, name)) for name in ("passwd", "shadow"))
    test.check("core:x:1200:" in passwd and f"core:{PASSWORD}:" in shadow and "owner" not in passwd,
               f"{what}: the users are those of --config",
               (passwd, shadow))
    keys = machine.var(stateroot, "home/core/.ssh/authorized_keys")
    test.check(read(keys) == KEY + "\n" and os.stat(keys).st_uid == 1200 and read(machine.var(stateroot, "lib/seed")) == "as installed",
               f"{what}: and in /var")
    names = {name: os.readlink(machine.var(stateroot, name)) for name in ("run", "lock")}
    test.check(names == {"run": "../run", "lock": "../run/lock"} and os.stat(machine.var(stateroot, "tmp")).st_mode & 0o7777 == 0o1777,
               f"{what}: /var has the usual directories", names)
    ours = set(os.listdir(machine.etc(deployment))) - {"keys", "app", "hostname", "shadow", "group"}
    test.check(ours <= {"passwd", "default", "runlevels", ".updated"}, f"{what}: and /etc has nothing else", ours)


def check_kept(test, machine, stateroot, what):
    app = machine.var(stateroot, "lib/app")
    state, same = (os.stat(os.path.join(app, name)) for name in ("state", "same"))
    test.check((state.st_uid, state.st_mode & 0o7777) == (1200, 0o640) and state.st_ino == same.st_ino and
               os.getxattr(os.path.join(app, "state"), "user.note") == b"mine" and read(app, "state") == "kept",
               f"{what}: owner, mode, attributes and hard links are kept", state)
    top, fifo = os.stat(app), os.lstat(os.path.join(app, "fifo"))
    test.check((top.st_uid, top.st_mode & 0o7777) == (1200, 0o2750) and fifo.st_mode == 0o010620 and
               os.readlink(os.path.join(app, "link")) == "/etc/secret", f"{what}: so are directories, FIFOs and links", (top, fifo))
    sparse = os.stat(os.path.join(app, "sparse"))
    test.check(sparse.st_size == (64 << 20) + 3 and sparse.st_blocks * 512 < (1 << 20), f"{what}: a sparse file stays sparse", sparse)


def refused(test, machine, one):
    """What is refused, before anything changes."""
    system = machine.system
    before = (machine.deployments(), machine.stateroots(), machine.kernels())
    outside = machine.var("test", "lib/outside")
    os.symlink("../../../../../../boot", outside)
    for options, status, words in ((("--keep", "lib/app"), 2, "absolute"), (("--keep", "/usr/bin"), 2, "not below"),
                                   (("--keep", "/var"), 2, "not below"), (("--keep", "/etc/"), 2, "not below"),
                                   (("--keep", "/etc/../usr/lib"), 2, "not below"), (("--keep", "/var/lib/outside/loader"), 2, "not below"),
                                   (("--keep", "/var/lib/missing"), 1, "does not exist"), (("--keep", "/etc/\x1b[1m"), 1, "does not exist"),
                                   (("--apply",), 2, "--apply"), (("--check", "--apply"), 2, "--check")):
        test.check_refused(system.osb("factory-reset", *options), status, f"factory-reset {' '.join(options)!r}", words)
    os.unlink(outside)
    test.check_refused(system.osb("factory-reset", user=NOBODY), 1, "factory-reset by nobody", "root")
    test.check_refused(system.osb("factory-reset", "--check", user=NOBODY), 1, "and --check", "root")
    record = os.path.join(machine.records, "installed")
    os.rename(record, record + ".away")
    result = system.osb("factory-reset", "--json")
    said = json.loads(result.stdout)
    test.check(result.status == 1 and said["error"]["code"] == "no_login" and "--keep" in said["error"]["hint"],
               "without a record of the installation and without a login it is refused", result.describe())
    said = system.json("factory-reset", "--check", "--keep", "/etc/passwd", "--keep", "/etc/shadow")
    test.check(said["logins"] == ["core"] and said["installation_recorded"] is False, "but not if a login is kept", said)
    test.check(system.osb("factory-reset", "--check", "--allow-no-login").status == 0, "or if that is accepted")
    os.rename(record + ".away", record)
    test.check(before == (machine.deployments(), machine.stateroots(), machine.kernels()) and machine.record() is None,
               "none of this changed anything", machine.deployments())


def planned(test, machine, one):
    said = machine.system.json("factory-reset", "--check", "--keep", "/var/lib/app/", "--keep", "/var/lib/app/state", "--keep", "/etc/keys")
    test.check([kept["path"] for kept in said["kept"]] == ["/var/lib/app", "/etc/keys"] and said["logins"] == ["core"] and
               said["stateroot"] == "test-reset-1" and said["result"] is None and said["installation_recorded"],
               "--check shows the plan", said)
    test.check({"/etc/hostname", "/etc/passwd", "/etc/app/app.conf", "/var/home/core/.ssh/authorized_keys", "/var/lib/seed"} <=
               set(said["restored"]), "and what is put back", said)
    test.check([f"{d['stateroot']}/{d['id']}" for d in said["removed_later"]] == [one], "and what goes later", said)
    text = machine.system.osb("factory-reset", "--check").stdout
    test.check("restores /etc/hostname\n" in text and "logins   core\n" in text and
               re.findall(r"^removes  (.*)$", text, re.M) == [f"version '1.0' ({one.split('/')[1][:12]}.0)"], "for people, too", text)
    test.check(machine.stateroots() == ["test"] and machine.record() is None, "and changes nothing")


def cancelled(test, machine, one):
    system = machine.system
    space = disk_use(machine.top)
    said = system.json("factory-reset", "--keep", "/var/lib/app", "--keep", "/etc/keys")
    new = f"test-reset-1/{said['deployment']['id']}"
    test.check(said["result"] == "on_trial" and machine.deployments() == [one, new] and boot_once(system),
               "factory-reset: the fresh system is tried, and the present one stays the default", (said, machine.deployments()))
    entries, default = menu_of(system)
    test.check(entries["trial"][0] == new.split("/")[1] and any("test-reset-1" in word for word in entries["trial"][1]),
               "the menu starts it once", entries)
    status = system.status()
    test.check(status["trial"]["state"] == "armed" and with_role(status, "default") == [one.split("/")[1]] and status["next_boot"] == 1 and
               status["factory_reset"] == {"from": "test", "to": "test-reset-1", "waits": True}, "status shows it", status)
    test.check("factory reset" in system.osb("status").stdout, "for people, too", system.osb("status").stdout)
    check_fresh(test, machine, new, "waiting")
    check_kept(test, machine, "test-reset-1", "waiting")
    test.check(read(machine.etc(new, "keys/host")) == "host key", "a kept file of /etc", new)
    test.check(not os.path.exists(machine.var("test-reset-1", "lib/osb/factory-of")), "the service osb-var will fill /var")
    entry = [line for line in system.admin("status").splitlines() if "origin" in line]
    test.check(len(entry) == 2 and entry[0] == entry[1], "both follow the same image", entry)
    arguments = system.entries()
    # (Both deployments have the same name, so entries() has one of them.)
    status = {d["stateroot"]: d["kernel_arguments"] for d in system.status()["deployments"]}
    test.check(status["test-reset-1"] == status["test"] + ["osb.reset=1"] and sorted(arguments.values())[0][:3] == status["test"][:3],
               "with the same kernel arguments, and the number of the reset", status)
    for verb in (("upgrade",), ("upgrade", "--check"), ("switch", "registry.example/other:1"), ("kargs", "--append", "x")):
        result = system.osb(*verb, "--json")
        test.check(result.status == 1 and json.loads(result.stdout)["error"]["code"] == "reset_pending",
                   f"{' '.join(verb)} does not drop a reset that waits", result.describe())
    result = machine.booted(one, "/run/osb-oci", "cleanup")
    test.check(result.status == 0 and machine.deployments() == [one, new], "nor does cleanup", result.describe())
    result = machine.booted(one, "/run/osb-oci", "merge-etc", "--waiting", "--json")
    test.check(result.status == 0 and json.loads(result.stdout)["merges"] == [] and not os.path.exists(machine.etc(new, "secret")),
               "and the shutdown merges nothing into it", result.describe())
    result = machine.boot_check(one)
    test.check(result.status == 0 and machine.deployments() == [one, new], "nor does boot-check in the present system", result.describe())
    again = system.json("factory-reset", "--keep", "/etc/keys")
    test.check(again["stateroot"] == "test-reset-1" and machine.stateroots() == ["test", "test-reset-1"] and
               not os.path.exists(machine.var("test-reset-1", "lib/app")), "a second reset replaces the first", again)
    said = system.json("rollback")
    test.check(said["result"] == "reset_cancelled" and said["next_boot"]["stateroot"] == "test" and machine.deployments() == [one] and
               machine.stateroots() == ["test"] and machine.record() is None and not boot_once(system), "rollback cancels it", said)
    test.check(len(machine.kernels()) == 1, "its kernel is gone, too", machine.kernels())
    test.check(disk_use(machine.top) < space + (1 << 20), "and all that it took", (space, disk_use(machine.top)))
    test.check(system.status()["failed_trials"] == [] and system.status()["factory_reset"] is None, "nothing has failed")
    # An explicit upgrade is not refused because of a rollback that did not leave any image.
    test.check(not os.path.exists(os.path.join(machine.records, "given-up.json")), "and no image counts as left")


def covered(test, machine):
    """Something is mounted on a file that is kept."""
    place = machine.var("test", "lib/app/covered")
    write(place, "below")
    test.must("mount", "--bind", machine.var("test", "lib/seed"), place)
    result = machine.system.osb("factory-reset", "--keep", "/var/lib/app")
    test.must("umount", place)
    os.unlink(place)
    test.check(result.status == 0 and "'lib/app/covered' is a mounted filesystem, which is not copied" in result.stderr and
               sorted(os.listdir(machine.var("test-reset-1", "lib/app"))) == sorted(os.listdir(machine.var("test", "lib/app"))),
               "a file with something mounted on it is left out, and named", result.describe())
    machine.system.json("rollback")


def fails(test, machine, one):
    """The trial of the fresh system fails: the present one is as it was."""
    system = machine.system
    said = system.json("factory-reset", "--keep", "/var/lib/app")
    new = f"test-reset-1/{said['deployment']['id']}"
    machine.restart()
    check = machine.etc(new, "osb/check/required.d/50-test")
    write(check, "#!/bin/sh\necho no good; exit 1\n", 0o755)
    result = machine.boot_check(new)
    test.check(result.status == 1 and json.loads(result.stdout)["trial"] == "failed" and machine.deployments()[0] == one,
               "a failed check: the present system stays the default", result.describe())
    result = machine.boot_check(one)
    test.check(result.status == 0 and "test-reset-1" in machine.stateroots() and read(machine.etc(one, "secret")) == "of the owner" and
               read(machine.var("test", "lib/private/data")) == "of the owner", "which has its /etc and /var", result.describe())
    status = system.status()
    failed = status["failed_trials"]
    test.check(len(failed) == 1 and failed[0]["image"] is None and "50-test" in failed[0]["reason"] and
               [d["stateroot"] for d in status["deployments"] if d["failed"]] == ["test-reset-1"] and not status["factory_reset"]["waits"],
               "status says why", status)
    people = system.osb("status").stdout
    test.check("factory reset from stateroot test to test-reset-1\n" in people and "fresh system of a factory reset" in people,
               "for people, too", people)
    result = machine.booted(one, "/run/osb-oci", "cleanup", "--json")
    test.check([d["stateroot"] for d in json.loads(result.stdout)["removed"]] == ["test-reset-1"] and machine.stateroots() == ["test"] and
               machine.record() is None, "cleanup removes the failed system with its data", result.describe())


def interrupted(test, machine, one):
    """kill -9 at random moments of a reset, and of the removal of the old system."""
    system = machine.system
    seed = int(os.environ.get("OSB_SEED") or random.randrange(1 << 30))
    print(f"# OSB_SEED={seed}")
    generator = random.Random(seed)
    begin = time.monotonic()
    system.json("factory-reset", "--keep", "/var/lib/app")
    seconds = time.monotonic() - begin
    system.json("rollback")
    faults = []
    for number in range(rounds(6, 40, "kill -9 of a reset")):
        process = subprocess.Popen([test.osb, "factory-reset", "--sysroot", system.path, "--keep", "/var/lib/app"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(generator.uniform(0, 1.1) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # libostree freezes BOOT, too, and its own guard does not thaw it when the program is killed in that instant (2022.7).
        test.run("fsfreeze", "-u", os.path.join(system.path, "boot"))
        listed = machine.deployments()
        entries, default = menu_of(system)
        if listed[0] != one or entries[default][0] != one.split("/")[1] or not set(map(str, entries)) >= {default, "trial"}:
            faults.append((number, "the default changed", listed, entries))
        if generator.random() < 0.5:
            result = machine.boot_check(one)
            if result.status != 0:
                faults.append((number, "boot-check", result.describe()))
            if len(listed) == 1 and (machine.stateroots() != ["test"] or machine.record()):
                faults.append((number, "boot-check left remains", machine.stateroots(), machine.record()))
        else:
            result = system.osb("factory-reset", "--keep", "/var/lib/app")
            if result.status != 0 or len(machine.deployments()) != 2 or len(machine.stateroots()) != 2:
                faults.append((number, "the next reset", result.describe(), machine.deployments()))
            if read(machine.var("test-reset-1", "lib/app/state")) != "kept":
                faults.append((number, "what is kept is incomplete"))
    test.check(not faults, "kill -9 of a reset: the present system is the default, and the next run removes the remains", faults)
    system.osb("rollback")
    system.osb("cleanup")
    test.check(machine.deployments() == [one] and machine.stateroots() == ["test"] and len(machine.kernels()) == 1,
               "in the end nothing is left of them", (machine.deployments(), machine.stateroots(), machine.kernels()))
    test.fsck(f"{system.path}/ostree/repo", "ostree fsck after the kills")


def passes(test, machine, one):
    """The checks of the fresh system pass: the old one is removed, also after an interruption."""
    system = machine.system
    said = system.json("factory-reset", "--keep", "/var/lib/app", "--keep", "/etc/keys")
    new = f"test-reset-1/{said['deployment']['id']}"
    machine.restart()
    status = json.loads(machine.booted(new, "/run/osb-oci", "status", "--json").stdout)
    test.check([d["stateroot"] for d in status["deployments"] if d["booted"]] == ["test-reset-1"] and
               status["trial"]["state"] == "running" and
               [d["stateroot"] for d in status["deployments"] if d["rollback"]] == ["test"], "on trial: the old system is the fallback",
               status)
    result = machine.booted(new, "/run/osb-oci", "factory-reset", "--json")
    test.check(result.status == 1 and json.loads(result.stdout)["error"]["code"] == "on_trial", "another reset is refused meanwhile",
               result.describe())
    result = machine.booted(new, "/run/osb-oci", "cleanup")
    test.check(result.status == 0 and machine.deployments() == [one, new], "and cleanup removes nothing", result.describe())
    # A power cut while the old system is removed: the next boot continues.
    busy = machine.var("test", "lib/busy")
    os.mkdir(busy)
    test.must("mount", "-t", "tmpfs", "tmpfs", busy)
    result = machine.boot_check(new)
    said = json.loads(result.stdout)
    test.check(result.status == 0 and said["trial"] == "passed" and any("mounted" in line for line in said["warnings"]) and
               machine.record() is not None and not os.path.exists(machine.var("test", "lib/private")),
               "passed; a filesystem that is mounted in the old /var stops the removal, and boot-check says so", result.describe())
    test.check(os.path.ismount(busy), "and is left alone")
    test.must("umount", busy)
    result = machine.boot_check(new)
    test.check(result.status == 0 and "complete" in result.stderr, "the next boot-check completes it, and says so", result.describe())
    test.check(machine.deployments() == [new] and machine.stateroots() == ["test-reset-1"] and machine.record() is None,
               "the old system and its data are gone", (machine.deployments(), machine.stateroots()))
    test.check(machine.kernels() == [name for name in machine.kernels() if name.startswith("test-reset-1-")] and
               len(machine.kernels()) == 1,
               "and its kernel", machine.kernels())
    found = subprocess.run(["grep", "-r", "-l", "of the owner", machine.top, machine.records, os.path.join(system.path, "boot")],
                           stdout=subprocess.PIPE, check=False).stdout
    test.check(found == b"", "no file on the disk has the owner's data", found)
    check_fresh(test, machine, new, "reset")
    check_kept(test, machine, "test-reset-1", "reset")
    entries, default = menu_of(system)
    test.check(entries[default][0] == new.split("/")[1] and set(entries) == {default, "trial"}, "the menu has only the fresh one", entries)
    result = machine.booted(new, "/run/osb-oci", "rollback")
    test.check_refused(result, 1, "rollback after a reset", "factory reset")
    test.fsck(f"{system.path}/ostree/repo", "ostree fsck after a reset")
    return new


def goes_on(test, machine, new):
    """Upgrades merge the fresh /etc; a reset of a reset."""
    system = machine.system
    write(machine.etc(new, "mine"), "of the second owner")
    system.pull("2")
    stateroot, name = new.split("/")
    origin = os.path.join(machine.top, stateroot, "deploy", name + ".origin")
    kept_origin = read(origin)
    write(origin, "[origin]\nrefspec=os/2\n")
    result = machine.booted(new, "/run/osb-oci", "upgrade", "--json")
    upgraded = f"test-reset-1/{test.commits['2']}.0"
    test.check(result.status == 0 and machine.deployments() == [new, upgraded] and read(machine.etc(upgraded,
                                                                                                    "mine")) == "of the second owner" and
               read(machine.etc(upgraded, "default")) == "kernel2 ", "an upgrade goes into the new stateroot, and merges /etc",
               result.describe())
    machine.restart()
    result = machine.boot_check(upgraded)
    test.check(result.status == 0 and machine.deployments() == [upgraded, new], "and passes", result.describe())
    result = machine.booted(upgraded, "/run/osb-oci", "factory-reset", "--json")
    said = json.loads(result.stdout) if result.status == 0 else {}
    again = f"test-reset-2/{test.commits['2']}.0"
    test.check(said.get("stateroot") == "test-reset-2" and machine.deployments() == [upgraded, again, new] and
               len(said["removed_later"]) == 2, "a reset of a reset; the rollback stays until it has passed",
               (result.describe(), machine.deployments()))
    machine.restart()
    passwd = read(machine.etc(again, "passwd"))
    test.check("core:x:1200:" in passwd and read(machine.etc(again, "hostname")) == "fresh\n" and
               read(machine.etc(again, "default")) == "kernel2 " and not os.path.exists(machine.etc(again, "mine")),
               "it has the settings of the installation and the files of the upgrade", passwd)
    result = machine.boot_check(again)
    test.check(result.status == 0 and machine.deployments() == [again] and machine.stateroots() == ["test-reset-2"],
               "and everything before is gone", (result.describe(), machine.deployments()))
    write(os.path.join(machine.top, "test-reset-2/deploy", again.split("/")[1] + ".origin"), kept_origin)


def without_trials(test):
    """No SYSLINUX: the fresh system is the default at once, and the old one stays until a cleanup in the new one."""
    with directory_system(test, "untried") as system:
        system.deploy("1", "--karg=root=LABEL=x")
        (one,) = system.order()
        os.makedirs(os.path.join(system.path, "ostree/deploy/test/var/lib/app"), exist_ok=True)
        said = system.json("factory-reset", "--allow-no-login", "--keep", "/var/lib/app")
        stateroots = os.path.join(system.path, "ostree/deploy")
        test.check(said["result"] == "default" and [d["stateroot"] for d in system.status()["deployments"]] == ["test-reset-1", "test"],
                   "without trials the fresh system is the default", said)
        test.check(system.osb("cleanup").status == 0 and sorted(os.listdir(stateroots)) == ["test", "test-reset-1"],
                   "cleanup from outside leaves both")
        said = system.json("rollback")
        test.check(said["result"] == "reset_cancelled" and system.order() == [one] and os.listdir(stateroots) == ["test"],
                   "rollback before the restart cancels it", said)
        system.json("factory-reset", "--allow-no-login")
        result = system.in_booted(f"test-reset-1/{one}", "/run/osb-oci", "cleanup")
        if "sysroot" in result.stderr and result.status != 0:
            return test.skip_one("cleanup in the fresh system", result.stderr[:200])
        test.check(result.status == 0 and os.listdir(stateroots) == ["test-reset-1"], "cleanup in the fresh system removes the old one",
                   result.describe())
    return None


def main(test):
    prepare(test)
    test.need("fsfreeze")
    config = test.path("config.toml")
    write(config, CONFIG)
    with mounted_disk(test, "--config", config, "--size", "1G") as system:
        if system is None:
            raise Skip("no loop devices")
        machine = Machine(test, system)
        (one,) = machine.deployments()
        use(machine, one)
        refused(test, machine, one)
        planned(test, machine, one)
        cancelled(test, machine, one)
        covered(test, machine)
        result = machine.booted(one, "/run/osb-oci", "status")
        if result.status != 0:
            test.skip_one("as if booted", f"namespaces, overlayfs: {result.stderr[:200]!r}")
        else:
            fails(test, machine, one)
            interrupted(test, machine, one)
            goes_on(test, machine, passes(test, machine, one))
        system.release()
    shutil.rmtree(test.path("mnt"), ignore_errors=True)
    without_trials(test)


if __name__ == "__main__":
    sys.exit(run(main))

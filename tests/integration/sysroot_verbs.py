#!/usr/bin/env python3
"""status, rollback, kargs, pin, unpin and cleanup on sysroots that `ostree admin` made in a directory. libostree's program and its boot
entries are the witnesses. (With a bootloader, and booted: sysroot_booted.py.)"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time

from lib_harness import Skip, disk_use, run
from lib_registry import Registry
from lib_sysroot import MIB, NOBODY, directory_system, prepare, read, with_role


def shown(test):
    with directory_system(test, "shown") as system:
        empty = system.osb("status")
        test.check(empty.status == 0 and empty.stdout == "nothing is deployed\n", "status of a sysroot without deployments",
                   empty.describe())
        test.check(system.status()["deployments"] == [] and system.status()["next_boot"] is None, "and as JSON")
        for verb in (("kargs",), ("kargs", "--append", "x"), ("rollback",), ("pin",)):
            test.check_refused(system.osb(*verb), 1, f"{' '.join(verb)} without deployments")
        system.deploy("1", "--karg=root=LABEL=x", "--karg=rw", "--karg=console=tty0", "--karg-append=console=ttyS0")
        system.deploy("2")
        said = system.status()
        test.check([d["id"] for d in said["deployments"]] == system.order() and len(said["deployments"]) == 2,
                   "status lists what libostree lists, in its order", (said, system.order()))
        first, second = said["deployments"]
        test.check((first["version"], second["version"]) == ("2.0", "1.0") and first["commit"] == test.commits["2"], "versions, commits",
                   said)
        test.check(first["default"] and second["rollback"] and said["next_boot"] == 0 and not with_role(said, "booted"),
                   "the default, the rollback, the next boot", said)
        test.check(first["image"] == "os/2" and first["built"] == "2024-01-01T00:00:00Z" and first["manifest_digest"] is None,
                   "a refspec is shown as it is", first)
        test.check(abs(time.mktime(time.strptime(first["deployed"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()) < 600,
                   "when it was deployed", first)
        test.check({d["id"]: d["kernel_arguments"] for d in said["deployments"]} == system.entries(),
                   "kernel arguments are those of the boot entries", (said, system.entries()))
        people = system.osb("status")
        test.check(people.status == 0 and not people.stderr and "\x1b" not in people.stdout, "status for people has no colours in a file",
                   people.describe())
        for fact in ("0  default\n", "1  rollback\n", f"{test.commits['2'][:12]}.0, deployed ", "2.0, built 2024-01-01 00:00:00 UTC (",
                     "next boot  0\n", "trials     none: "):
            test.check(fact in people.stdout, f"status shows {fact.strip()!r}", people.stdout)
        as_nobody = system.osb("status", "--json", user=NOBODY)
        test.check(as_nobody.status == 0 and json.loads(as_nobody.stdout) == said, "nobody may read it", as_nobody.describe())
        for verb in ("rollback", "pin", "unpin", "cleanup"):
            test.check_refused(system.osb(verb, user=NOBODY), 1, f"{verb} by nobody", "root")
        test.check_refused(system.osb("kargs", "--append", "x", user=NOBODY), 1, "kargs --append by nobody", "root")
        test.check(system.osb("kargs", user=NOBODY).stdout == "root=LABEL=x rw console=tty0 console=ttyS0\n", "kargs without options")
        hostile(test, system)


def hostile(test, system):
    deployment = system.order()[0]
    origin = system.origin_file(deployment)
    before = read(origin)
    evil = test.must("ostree", "commit", f"--repo={system.path}/ostree/repo", "-b", "os/evil", "--tree=ref=os/1",
                     "--add-metadata-string=version=\x1b[31mred\n  0  booted").strip()
    system.admin("deploy", "--os=test", "os/evil")
    result = system.osb("status")
    test.check(result.status == 0 and "\x1b" not in result.stdout and "booted" in result.stdout and "\n  0  booted" not in result.stdout,
               "a version with control characters is escaped", result.describe())
    result = system.osb("rollback")
    test.check(result.status == 0 and "\x1b" not in result.stdout and result.stdout.count("\n") == 1, "in rollback, too",
               result.describe())
    system.osb("rollback")
    test.check(system.order()[0] == f"{evil}.0", "there and back")
    system.admin("undeploy", "0")
    remote = "[origin]\ncontainer-image-reference=ostree-remote-image:r:docker://example.org/x:1\n"
    for text, kind, words in ((remote, 4, "does not have it"),
                              ("[origin]\ncontainer-image-reference=ostree-unverified-registry:\x1b[31m\n", 3, "origin"),
                              ("[origin]\nrefspec=a:b\nunconfigured-state=call us\n", 3, "call us"), ("[origin]\n", 1, "not follow")):
        with open(origin, "w", encoding="utf-8") as file:
            file.write(text)
        result = system.osb("status")
        test.check(result.status == 0 and "\x1b" not in result.stdout, f"status with the origin {text!r}", result.describe())
        test.check_refused(system.osb("status", "--check"), kind, "and --check", words)
    with open(origin, "w", encoding="utf-8") as file:
        file.write(before)
    state = os.path.join(system.path, "ostree/osb-oci")
    os.makedirs(state, exist_ok=True)
    for name in ("trial.json", "failed.json"):
        for text in ("", "{", "[]", "null", '{"schema": 1}', "\x1b[31m", "[" * 100000):
            with open(os.path.join(state, name), "w", encoding="utf-8") as file:
                file.write(text)
            result = system.osb("status")
            test.check(result.status == 0 and "\x1b" not in result.stdout + result.stderr and "  0  default\n" in result.stdout,
                       f"status with {text[:20]!r} in {name}", result.describe())
            test.check(name in result.stderr, "and a warning", result.stderr)
        os.unlink(os.path.join(state, name))


def back_and_forth(test):
    with directory_system(test, "rollback") as system:
        system.deploy("1", "--karg=root=LABEL=x")
        test.check_refused(system.osb("rollback"), 1, "rollback without anything to go back to", "no other")
        system.deploy("2")
        one, two = (f"{test.commits[version]}.0" for version in ("1", "2"))
        said = system.json("rollback")
        test.check(said["result"] == "swapped" and said["next_boot"]["id"] == one and said["given_up"]["id"] == two,
                   "rollback says what the next boot starts", said)
        test.check(system.order() == [one, two], "libostree sees the other order", system.order())
        result = system.osb("rollback")
        test.check(result.status == 0 and "version '2.0'" in result.stdout and system.order() == [two, one], "and forth again",
                   result.describe())
        test.check_refused(system.osb("rollback", "--apply"), 2, "--apply on a system that does not run", "--apply")
        test.check(system.order() == [two, one], "which changed nothing")

        # What is pinned stays, and is not what rollback leads to while there is another one.
        said = system.json("pin", "1")
        test.check(said["changed"] and said["deployment"]["id"] == one and "pinned=true" in read(system.origin_file(one)),
                   "pin by number: libostree's mark is in the origin", said)
        test.check("Pinned: yes" in system.admin("status"), "and its program shows it")
        test.check(system.json("pin", "rollback")["changed"] is False and system.json("pin", one[:12])["changed"] is False and
                   system.json("pin", f"{one[:8]}.0")["changed"] is False, "pinned already, by whatever name")
        test.check_refused(system.osb("cleanup", "--rollback"), 1, "cleanup --rollback of what is pinned", "pinned")
        system.deploy("3")
        three = f"{test.commits['3']}.0"
        test.check(with_role(system.status(), "pinned") == [one] and with_role(system.status(), "rollback") == [two],
                   "status shows both", system.status())
        for name, status, words in (("7", 1, "7"), ("zz", 1, "zz"), ("0000", 1, "0000"), ("\x1b[1m", 1, ""), ("booted", 1, "booted"),
                                    ("ab", 1, "ab")):
            if not any(commit.startswith(name) for commit in test.commits.values()):
                test.check_refused(system.osb("pin", name), status, f"pin {name!r}", words)
        system.admin("deploy", "--os=test", "--karg-append=again", "os/3")
        test.check_refused(system.osb("pin", test.commits["3"][:10]), 2, "pin of one of two with the same commit", "several")
        test.check(system.json("pin")["deployment"]["id"] == f"{test.commits['3']}.1", "pin without a name: the default",
                   system.order())
        test.check(system.json("unpin")["changed"] and system.json("unpin", "0")["changed"] is False, "unpin")

        # Three are kept: what is current, where a rollback leads, what is pinned.
        before = system.order()
        test.check(before == [f"{test.commits['3']}.1", three, one] or two in before, "libostree's own list", before)
        said = system.json("cleanup")
        kept = system.order()
        test.check(kept[0] == f"{test.commits['3']}.1" and kept[1] == three and one in kept and two not in kept,
                   "cleanup keeps the current one, the rollback and what is pinned", (before, said, kept))
        gone = [deployment["id"] for deployment in said["removed"]]
        test.check(sorted(gone) == sorted(set(before) - set(kept)), "and says what went", said)
        system.osb("unpin", one)
        said = system.json("cleanup")
        test.check(one in [d["id"] for d in said["removed"]] and len(system.order()) == 2, "unpinned, it goes as well", said)
        said = system.json("cleanup", "--rollback")
        test.check([d["id"] for d in said["removed"]] == [three] and len(system.order()) == 1, "cleanup --rollback", said)
        result = system.osb("cleanup", "--rollback")
        test.check(result.status == 0 and "no rollback" in result.stderr and len(system.order()) == 1, "again: nothing to be removed",
                   result.describe())
        test.fsck(f"{system.path}/ostree/repo", "ostree fsck afterwards")


def without_boot(test):
    """BOOT that is not mounted has no boot entries: libostree would remove all deployments."""
    with directory_system(test, "without-boot") as system:
        for version in ("1", "2"):
            system.deploy(version)
        boot, aside = os.path.join(system.path, "boot"), os.path.join(system.path, "aside")
        os.rename(boot, aside)
        os.mkdir(boot)
        deployments = os.path.join(system.path, "ostree/deploy/test/deploy")
        before = sorted(os.listdir(deployments))
        for verb in (("status",), ("cleanup",), ("rollback",), ("kargs", "--append", "x"), ("pin",), ("upgrade",),
                     ("switch", "example.org/x:1")):
            result = system.osb(*verb)
            test.check_refused(result, 1, f"{verb[0]} without BOOT", "no boot entries")
            test.check("mount" in result.stderr, "with advice", result.stderr)
        test.check(sorted(os.listdir(deployments)) == before, "which removes nothing", os.listdir(deployments))
        os.rmdir(boot)
        os.rename(aside, boot)
        test.check_status(system.osb("cleanup"), 0, "cleanup with BOOT")
        test.check(sorted(os.listdir(deployments)) == before, "nor does that")


def without_origin(test):
    """The mark of a pin is in the origin file, which may be missing."""
    with directory_system(test, "without-origin") as system:
        system.deploy("1")
        one = system.order()[0]
        os.unlink(system.origin_file(one))
        result = system.osb("pin")
        test.check(result.status == 0 and not result.stderr, "pin without an origin file", result.describe())
        test.check(with_role(system.status(), "pinned") == [one], "it is pinned", system.status())
        test.check_status(system.osb("unpin"), 0, "unpin")
        # Another program's temporary directory is no reason to fail.
        nowhere = test.run("env", "TMPDIR=/nonexistent", test.osb, "cleanup", "--sysroot", system.path)
        test.check_status(nowhere, 0, "cleanup where $TMPDIR is missing")


def without_os_release(test):
    """libostree writes no boot entry if a deployment has no os-release that it can read."""
    with directory_system(test, "without-os-release") as system:
        for version in ("1", "2"):
            system.deploy(version)
        files = [os.path.join(system.path, "ostree/deploy/test/deploy", one, "usr/lib/os-release") for one in system.order()]
        for name, content in (("without os-release", None), ("with one that is empty", b""),
                              ("with one that is not UTF-8", b'PRETTY_NAME="M\xfcller"\nVERSION_ID=7\n')):
            for file in files:
                os.unlink(file)
                if content is not None:
                    with open(file, "wb") as out:
                        out.write(content)
            test.check_status(system.osb("rollback"), 0, f"rollback {name}")
            test.check(len(system.order()) == 2, "which libostree reads", system.order())
        with open(files[0], encoding="utf-8") as file:
            test.check("VERSION_ID=7\n" in file.read(), "the rest of the file stays")
        os.unlink(files[0])
        os.symlink("nowhere", files[0])
        test.check_status(system.osb("kargs", "--append", "a"), 0, "kargs with a link to nothing")
        secret = test.path("secret")
        with open(secret, "w", encoding="utf-8") as file:
            file.write("hidden\n")
        linked = os.path.join(system.path, "ostree/deploy/test/deploy", system.order()[0], "usr/lib/os-release")
        os.unlink(linked)
        os.symlink(secret, linked)
        test.check_status(system.osb("kargs", "--append", "b"), 0, "kargs with a link out of the deployment")
        with open(linked, encoding="utf-8") as file:
            test.check("hidden" not in file.read(), "what it names is not copied")
        system.admin("deploy", "--os=test", "os/1")


def freed(test):
    """Objects that nothing names any more, and kernels."""
    with directory_system(test, "freed") as system:
        for version in ("1", "2", "3"):
            system.deploy(version, "--retain")
        for version in ("1", "2", "3"):
            test.must("ostree", "refs", f"--repo={system.path}/ostree/repo", "--delete", f"os/{version}")
        before = disk_use(system.path)
        said = system.json("cleanup")
        after = disk_use(system.path)
        test.check(len(system.order()) == 2 and len(said["removed"]) == 1, "one of three goes", (said, system.order()))
        test.check(before - after > 3 * MIB and said["bytes_freed"] > 3 * MIB, "and all that it alone had",
                   (before, after, said))
        kernels = os.listdir(os.path.join(system.path, "boot/ostree"))
        test.check(len(kernels) == 2, "its kernel, too", kernels)


def arguments(test):
    with directory_system(test, "kargs") as system:
        system.deploy("1", *(f"--karg-append={word}" for word in ("root=LABEL=x", "console=tty0", "console=ttyS0", "quiet")))
        (only,) = system.order()
        etc = os.path.join(system.path, "ostree/deploy/test/deploy", only, "etc")
        with open(os.path.join(etc, "local"), "w", encoding="utf-8") as file:
            file.write("mine\n")
        result = system.osb("kargs", "--delete", "quiet", "--delete", "console=tty0", "--replace", "console=ttyS1", "--append",
                            'dyndbg="file a +p"', "--append", "debug debug", "--append-if-missing", "debug")
        expected = ["root=LABEL=x", "console=ttyS1", 'dyndbg="file', "a", '+p"', "debug", "debug"]
        test.check_status(result, 0, "kargs with changes")
        test.check(result.stdout.split("\n")[0] == 'root=LABEL=x console=ttyS1 dyndbg="file a +p" debug debug', "prints the new ones",
                   result.describe())
        entries = system.entries()
        new = f"{test.commits['1']}.1"
        test.check(entries.get(new) == expected, "they are in the boot entry of a new deployment", entries)
        test.check(entries.get(only) == ["root=LABEL=x", "console=tty0", "console=ttyS0", "quiet"] and system.order() == [new, only],
                   "the old one is kept as it was", (entries, system.order()))
        test.check("no trial" in result.stderr, "and why it is not tried", result.describe())
        test.check(read(system.path, "ostree/deploy/test/deploy", new, "etc/local") == "mine\n", "the local /etc is in the new one")
        test.check(read(system.origin_file(new)).strip() == read(system.origin_file(only)).strip(), "and follows the same")
        said = system.json("kargs", "--append-if-missing", "debug")
        test.check(said["changed"] is False and said["result"] is None and len(system.order()) == 2,
                   "nothing to change: nothing is deployed", said)
        result = system.osb("kargs", "--append-if-missing", "debug")
        test.check(result.status == 0 and "nothing to change" in result.stdout, "and says so", result.describe())
        for options, status, words in ((("--delete", "splash"), 1, "splash"), (("--replace", "splash=1"), 1, "splash"),
                                       (("--replace", "console=a=b"), 1, "console=a"), (("--delete", "debug=1"), 1, "debug=1"),
                                       (("--append", "ostree=/x"), 2, "ostree"), (("--append", "osb.trial=1"), 2, "osb.trial"),
                                       (("--append", ""), 2, "empty"), (("--append", "a\x1b[1m"), 2, "control"),
                                       (("--append", 'a="b'), 2, "quotes"), (("--append",), 2, "--append"),
                                       (("--append", "new", "--delete", "splash"), 1, "splash")):
            test.check_refused(system.osb("kargs", *options), status, f"kargs {options!r}", words)
        test.check(len(system.order()) == 2 and system.entries()[new] == expected, "none of them changed anything")
        system.osb("rollback")
        test.check(system.osb("kargs").stdout == "root=LABEL=x console=tty0 console=ttyS0 quiet\n", "after a rollback the old ones")
        test.fsck(f"{system.path}/ostree/repo", "ostree fsck afterwards")


def without_var(test):
    """Copies of a system without its data lack the stateroot's var, which libostree requires."""
    with directory_system(test, "var") as system:
        system.deploy("1", "--karg-append=root=LABEL=x")
        var = os.path.join(system.path, "ostree/deploy/test/var")
        made = listing_of(var)
        shutil.rmtree(var)
        result = system.osb("status")
        test.check(result.status == 0 and not os.path.lexists(var), "status without var changes nothing", result.describe())
        result = test.run("sh", "-c", 'umask 077; exec "$@"', "sh", test.osb, "kargs", "--sysroot", system.path, "--append", "x")
        test.check(result.status == 0 and "was missing" in result.stderr and len(system.order()) == 2,
                   "without var: it is made, with a warning", result.describe())
        test.check(listing_of(var) == made, "as `ostree admin os-init` makes it", (listing_of(var), made))
        with open(os.path.join(var, "data"), "w", encoding="utf-8") as file:
            file.write("mine")
        result = system.osb("kargs", "--append", "y")
        test.check(result.status == 0 and "missing" not in result.stderr and read(var, "data") == "mine", "a var that is there is kept",
                   result.describe())
        os.rename(var, var + ".real")
        os.symlink("var.real", var)
        test.check_status(system.osb("kargs", "--append", "z"), 0, "a link to a directory is followed")
        before = system.order()
        for what, make in (("a file", lambda: os.mknod(var)), ("a link to nothing", lambda: os.symlink("nowhere", var))):
            os.unlink(var)
            make()
            test.check_refused(system.osb("kargs", "--append", "no"), 3, f"{what} in place of var", "is not a directory")
        test.check(system.order() == before, "which changed nothing")


def listing_of(top):
    """{path: (mode, target)}"""
    out = {".": (os.lstat(top).st_mode, "")}
    for directory, names, files in os.walk(top):
        for name in names + files:
            path = os.path.join(directory, name)
            target = os.readlink(path) if os.path.islink(path) else ""
            out[os.path.relpath(path, top)] = (os.lstat(path).st_mode, target)
    return out


def locked(test):
    """A second program waits for the first, and says so."""
    with directory_system(test, "locked") as system:
        system.deploy("1")
        system.deploy("2")
        before = system.order()
        with open(os.path.join(system.path, "ostree/lock"), "a", encoding="ascii") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            process = subprocess.Popen([test.osb, "rollback", "--sysroot", system.path], stdin=subprocess.DEVNULL, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(1.5)
            test.check(process.poll() is None and system.order() == before, "rollback waits for the lock")
            test.check(system.osb("status").status == 0, "status does not")
            fcntl.lockf(lock, fcntl.LOCK_UN)
            stdout, stderr = process.communicate(timeout=60)
        test.check(process.returncode == 0 and "waiting" in stderr and "next boot" in stdout and system.order() == before[::-1],
                   "and goes on when it is free", (process.returncode, stdout, stderr))
        with open(os.path.join(system.path, "ostree/lock"), "a", encoding="ascii") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            process = subprocess.Popen([test.osb, "cleanup", "--sysroot", system.path], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.7)
            process.terminate()
            test.check(process.wait(timeout=20) == 143, "SIGTERM ends the wait")


def checked(test):
    """status --check against a registry."""
    try:
        registry = Registry(test)
    except Skip as skip:
        return test.skip_one("status --check", str(skip))
    try:
        with directory_system(test, "checked") as system:
            system.deploy("1")
            (only,) = system.order()
            name = f"{registry.host}/os:stable"
            with open(system.origin_file(only), "w", encoding="utf-8") as file:
                file.write(f"[origin]\ncontainer-image-reference=ostree-unverified-registry:{name}\n")
            plain = ("--check", "--tls-verify=false")
            test.check_refused(system.osb("status", *plain), 1, "a name that the registry lacks", "os")

            def publish(version):
                test.must(test.osb, "push", "--repo", test.repo, "--progress", "none", "--tls-verify=false", f"os/{version}",
                          f"docker://{name}")

            publish("1")
            said = system.json("status", *plain)["check"]
            test.check(said["state"] == "current" and not said["upgrade"] and said["image"] == f"docker://{name}" and
                       re.fullmatch("sha256:[0-9a-f]{64}", said["manifest_digest"]), "the tag is what is deployed", said)
            publish("2")
            said = system.json("status", *plain)["check"]
            test.check(said["state"] == "new" and said["upgrade"] and said["version"] == "2.0", "the tag is something new", said)
            result = system.osb("status", *plain)
            test.check(result.status == 0 and "version '2.0'" in result.stdout and "'osb-oci upgrade' deploys it" in result.stdout,
                       "and for people", result.describe())
            test.check(system.status()["check"] is None, "without --check nothing is asked")
            test.check(len(system.order()) == 1, "and nothing was deployed")
            registry.stop()
            result = system.osb("status", *plain)
            test.check(result.status == 5 and result.stdout.startswith("  0  default") and "error" in result.stderr,
                       "the registry is gone: 5, after what is known without it", result.describe())
            result = system.osb("status", "--json", *plain)
            test.check(result.status == 5 and json.loads(result.stdout)["error"]["kind"] == "unavailable", "and as JSON",
                       result.describe())
    finally:
        registry.stop()


def refused(test):
    plain = test.path("plain")
    os.mkdir(plain)
    for verb in ("status", "rollback", "kargs", "pin", "unpin", "cleanup"):
        test.check_refused(test.run(test.osb, verb, "--sysroot", plain), 1, f"{verb}: no sysroot", "no ostree sysroot")
        test.check_refused(test.run(test.osb, verb, "--sysroot", ""), 2, f"{verb}: an empty name", "--sysroot")
        test.check_status(test.run(test.osb, verb, "--help"), 0, f"{verb} --help")
    if not os.path.exists("/ostree/repo"):
        result = test.run(test.osb, "status")
        test.check_refused(result, 1, "status of a system that is not ostree's", "no ostree sysroot")
        test.check("hint: " in result.stderr, "with advice", result.stderr)


def main(test):
    prepare(test)
    refused(test)
    shown(test)
    back_and_forth(test)
    without_boot(test)
    without_origin(test)
    without_os_release(test)
    freed(test)
    arguments(test)
    without_var(test)
    locked(test)
    checked(test)


if __name__ == "__main__":
    sys.exit(run(main))

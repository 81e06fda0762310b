#!/usr/bin/env python3
"""upgrade and switch on a disk that is mounted, from docker-registry: what is fetched, what is deployed, what the machine keeps.
(Disks that boot: tests/system.)"""

import json
import os
import signal
import subprocess
import threading
import time

from lib_faulty_proxy import Fault, FaultyProxy
from lib_harness import run
from lib_registry import Registry
from lib_sysroot import read
from lib_upgrade import Disk, Images, blobs, need

INSECURE = "--tls-verify=false"
PACKAGES = {"musl": "1.2.4-r2", "busybox": "1.36.1-r15", "old": "1-r0"}
NEWER = {"musl": "1.2.5-r0", "busybox": "1.36.1-r15", "new": "2.0-r1"}


class Pause(Fault):
    """The registry takes three seconds for the first blob."""

    def __init__(self):
        super().__init__("pause", times=1)
        self.begun = threading.Event()

    def hit(self, method, target):
        if super().hit(method, target):
            self.begun.set()
            time.sleep(3)
        return False


def write(text, *names):
    with open(os.path.join(*names), "w", encoding="utf-8") as file:
        file.write(text)


def upgrade(disk, *options, **how):
    return disk.osb("upgrade", INSECURE, *options, **how)


def installed(test, registry, images):
    images.system("v1", ["quiet", "loglevel=3", "shared=1"], PACKAGES, files=[("usr/bin/large-package", os.urandom(200_000))])
    images.push("v1")
    disk = Disk(test, "disk", registry.image("os:latest"), INSECURE, "--karg", "mine=1", "--karg", "shared=1", "--karg", "later=1")
    options = disk.deployments()[0]["options"]
    test.check({"quiet", "loglevel=3", "mine=1"} < set(options) and options.index("quiet") < options.index("mine=1"),
               "installation: the image's kernel arguments, and ours behind them", options)
    return disk


def nothing_new(test, registry, disk):
    for options, status in ((("--check",), 77), ((), 0)):
        mark = registry.mark()
        result = upgrade(disk, *options)
        test.check_status(result, status, f"upgrade {options}: nothing new")
        test.check("nothing new" in (result.stderr if status else result.stdout), "and says so", result.describe())
        test.check(blobs(registry, mark) == ([], 1), f"upgrade {options}: one small request", registry.since(mark))
    test.check(disk.versions() == ["v1"], "and nothing is deployed", disk.versions())


def check(test, registry, images, disk):
    images.system("v2", ["quiet", "later=1", "panic=5"], NEWER, changed=[("etc/keep.conf", b"default of v2\n")])
    images.push("v2")
    before = disk.refs()
    mark = registry.mark()
    result = upgrade(disk, "--check", user=65534, env={**os.environ, "HOME": "/nonexistent"})
    text = result.stdout
    test.check_status(result, 0, "upgrade --check, without privileges")
    test.check("version 'v2'" in text and "runs now: 'v1'" in text, "names both versions", text)
    test.check("1 added, 1 removed, 1 changed" in text and "+ new" in text and "- old" in text and
               "musl" in text and "1.2.4-r2 -> 1.2.5-r0" in text and "busybox" not in text, "names the packages", text)
    fetched = [digest for digest, _ in blobs(registry, mark)[0]]
    test.check(len(fetched) == 3, "reads the config, and the two new layers for apk's database", registry.since(mark))
    report = json.loads(upgrade(disk, "--check", "--json").stdout)
    new_layers = sum(os.path.getsize(images.layout.blob_path(digest)) for digest in fetched[1:])
    test.check(report["bytes_to_fetch"] == new_layers and report["release"]["version"] == "v2" and not report["older"] and
               {"name": "musl", "before": "1.2.4-r2", "after": "1.2.5-r0"} in report["packages"], "and --json", report)
    test.check(disk.refs() == before and disk.versions() == ["v1"], "changes nothing")


def deploys(test, registry, disk):
    old = disk.deployments()[0]
    write("edited here\n", old["path"], "etc/keep.conf")
    write("only here\n", old["path"], "etc/local.conf")
    mark = registry.mark()
    result = upgrade(disk, "--json")
    if not test.check_status(result, 0, "upgrade"):
        return
    report = json.loads(result.stdout)
    test.check(report["result"] == "deployed" and report["deployment"] == "on_trial" and report["release"]["version"] == "v2" and
               report["present"]["version"] == "v1", "reports what it did", report)
    test.check(len(blobs(registry, mark)[0]) == 3 and blobs(registry, mark)[1] == 1,
               "one manifest, the config and the two layers that are new", registry.since(mark))
    test.check(disk.versions() == ["v1", "v2"], "the old one stays the default", disk.versions())
    new = disk.deployments()[1]
    options = new["options"]
    test.check("loglevel=3" not in options and "mine=1" in options and options.count("quiet") == 1 and options[-1] == "panic=5",
               "kernel arguments: gone, kept, added", options)
    test.check(options.count("shared=1") == 1 and options.count("later=1") == 2,
               "the machine's own stays where the image drops the same one", options)
    test.check([read(new["path"], "etc", name) for name in ("keep.conf", "local.conf", "new.conf")] ==
               ["edited here\n", "only here\n", "of version v2\n"], "/etc: merged")
    trial = disk.state("trial.json")
    test.check(trial and trial["state"] == "armed" and new["id"] == f"{trial['commit']}.{trial['serial']}" and
               trial["digest"] == report["manifest_digest"], "the next boot tries it", trial)
    entries = read(disk.path("boot/extlinux/entries.conf"))
    test.check(f"osb.trial={trial['id']}" in entries.split("LABEL trial")[1] and "panic=5" in entries.split("LABEL trial")[1],
               "the menu has it", entries)
    test.check(f"manifest-digest={trial['digest']}" in disk.origin(new) and
               "container-image-reference=ostree-unverified-registry:" in disk.origin(new), "its origin", disk.origin(new))
    again = upgrade(disk)
    test.check(again.status == 0 and "already deployed" in again.stdout and "tries it" in again.stdout and
               disk.versions() == ["v1", "v2"], "again: nothing new, and what the next boot does", again.describe())
    test.check_status(upgrade(disk, "--check"), 77, "and --check")


def replaces(test, registry, images, disk):
    """A second upgrade before the restart."""
    images.system("v3", ["quiet", "panic=5"], NEWER)
    images.push("v3")
    result = upgrade(disk)
    test.check(result.status == 0 and disk.versions() == ["v1", "v3"], "a second upgrade: the one that was not tried goes",
               result.describe() + str(disk.versions()))
    options = disk.deployments()[1]["options"]
    test.check("loglevel=3" not in options and options.count("panic=5") == 1, "and the arguments follow", options)
    test.check(options.count("later=1") == 1, "the machine's own stays where a later image brought and dropped it", options)
    test.fsck(disk.path("ostree/repo"), "ostree fsck")


def download_only(test, registry, proxy, images, disk):
    images.system("v4", ["quiet"], NEWER)
    images.push("v4")
    before = disk.versions()
    result = upgrade(disk, "--download-only")
    test.check(result.status == 0 and "fetched" in result.stdout and disk.versions() == before, "--download-only deploys nothing",
               result.describe())
    proxy.faults.append(Fault("status", part="/blobs/", status=403))
    result = upgrade(disk, "--check")
    test.check(result.status == 0 and "nothing, the repository has it" in result.stdout and "version 'v4'" in result.stdout and
               "1.2.4-r2 -> 1.2.5-r0" in result.stdout, "--check knows it without another request for a blob", result.describe())
    mark = registry.mark()
    result = upgrade(disk)
    test.check(result.status == 0 and disk.versions() == ["v1", "v4"] and blobs(registry, mark)[1] == 1,
               "a later upgrade needs no blob", result.describe())
    proxy.faults.clear()


def moving_tag(test, registry, proxy, images, disk):
    """The tag names another image as soon as the first layer is asked for."""
    images.system("v5", ["quiet"], NEWER)
    images.system("v6", ["quiet"], NEWER)
    images.push("v5")

    class Move(Fault):
        def hit(self, method, target):
            if super().hit(method, target):
                images.push("v6")
            return False

    proxy.faults.append(Move("status", part="/blobs/", times=1))
    result = upgrade(disk)
    proxy.faults.clear()
    test.check(result.status == 0 and "'v5'" in result.stdout and disk.versions() == ["v1", "v5"],
               "the tag moves while layers are fetched: what was resolved is deployed", result.describe())
    result = upgrade(disk)
    test.check(result.status == 0 and disk.versions() == ["v1", "v6"], "and the next run sees the other", result.describe())


def broken_network(test, registry, proxy, images, disk):
    images.system("v7", ["quiet"], NEWER, files=[("usr/bin/another", os.urandom(400_000))])
    images.push("v7")
    refs, before = disk.refs(), disk.deployments()
    proxy.faults.append(Fault("reset-body", part="/blobs/", skip=1))
    started = time.monotonic()
    result = upgrade(disk)
    test.check_refused(result, 5, "the registry goes away in the middle")
    test.check(time.monotonic() - started < 120, "in bounded time", time.monotonic() - started)
    test.check(disk.refs() == refs and disk.deployments() == before, "no ref has moved, nothing is deployed")
    proxy.faults.clear()

    pause = Pause()
    proxy.faults.append(pause)
    process = subprocess.Popen([test.osb, "upgrade", INSECURE, "--sysroot", disk.top, "--progress", "none"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pause.begun.wait(30)
    process.send_signal(signal.SIGTERM)
    status = process.wait(60)
    test.check(status == 143 and disk.refs() == refs and disk.deployments() == before, "SIGTERM ends it, and changes nothing", status)
    proxy.faults.clear()
    result = upgrade(disk)
    test.check(result.status == 0 and disk.versions() == ["v1", "v7"], "the next run goes on", result.describe())
    test.fsck(disk.path("ostree/repo"), "ostree fsck after that")


def concurrent(test, registry, proxy, images, disk):
    images.system("v8", ["quiet"], NEWER)
    images.push("v8")

    pause = Pause()
    proxy.faults.append(pause)
    command = [test.osb, "upgrade", INSECURE, "--sysroot", disk.top, "--progress", "none"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pause.begun.wait(30)
    second = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    first.communicate()
    proxy.faults.clear()
    said = second.stderr.decode()
    test.check(f"waiting for 'osb-oci upgrade' (process {first.pid}" in said, "the second run says for whom it waits", said)
    test.check(first.returncode == 0 and second.returncode == 0 and disk.versions() == ["v1", "v8"], "and both are right",
               (first.returncode, second.returncode, disk.versions()))
    test.check(not os.path.exists(disk.path("ostree/osb-oci/lock-holder")), "no note is left")


def rollback_does_not_wait(test, registry, proxy, images, disk):
    """An upgrade that only downloads ends for it."""
    images.system("v9", ["quiet"], NEWER, files=[("usr/bin/nine", os.urandom(400_000))])
    images.push("v9")
    pause = Pause()
    proxy.faults.append(pause)
    process = subprocess.Popen([test.osb, "upgrade", INSECURE, "--sysroot", disk.top, "--progress", "none"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    pause.begun.wait(30)
    began = time.monotonic()
    result = disk.osb("rollback")
    took = time.monotonic() - began
    status = process.wait(60)
    proxy.faults.clear()
    test.check(status == 143 and "ending the download" in result.stderr and took < 20, "rollback ends a download that runs",
               (status, took, result.describe()))
    test.check(result.status == 0 and disk.versions() == ["v1"], "and then gives up what waits for its trial", disk.versions())
    test.check_status(upgrade(disk), 0, "the next upgrade goes on")
    test.check(disk.osb("rollback").status == 0 and disk.versions() == ["v1"], "one that is deployed is rolled back")


def given_up(test, registry, disk):
    """What rollback has left is deployed again by hand alone."""
    unattended = {**os.environ, "OSB_UPGRADE_UNATTENDED": "1"}
    for options in (["--check"], []):
        result = upgrade(disk, *options, "--json", env=unattended)
        test.check(result.status == 1 and json.loads(result.stdout)["error"]["code"] == "rolled_back",
                   f"unattended upgrade {options}: not what rollback has left", result.describe())
    check = upgrade(disk, "--check")
    test.check(check.status == 0 and "it was left with 'osb-oci rollback'" in check.stdout, "by hand: --check says so", check.describe())
    test.check("you left it" in disk.osb("status", INSECURE, "--check").stdout, "and status --check")
    result = upgrade(disk)
    test.check(result.status == 0 and disk.versions() == ["v1", "v9"] and disk.state("given-up.json") is None,
               "by hand: it is deployed again, and that is forgotten", result.describe())


def pulled(test, registry, images, disk):
    """A bad release is taken back: the tag points to the running image again, and what waits is given up."""
    images.push("v1")
    check = upgrade(disk, "--check")
    test.check(check.status == 0 and "gives up the system that waits" in check.stdout, "--check says what upgrade does", check.describe())
    test.check("gives up the one that waits" in disk.osb("status", INSECURE, "--check").stdout, "and so does status --check")
    result = upgrade(disk, "--json")
    said = json.loads(result.stdout)
    test.check(result.status == 0 and said["result"] == "withdrawn" and said["next_boot"] is None and disk.versions() == ["v1"] and
               disk.state("trial.json") is None, "a tag that points back gives up the trial", result.describe())
    test.check_refused(upgrade(disk, "--check"), 77, "the same again", "is running")


def damaged(test, registry, images, disk):
    """A file of the running system is damaged, and ostree has removed it: the next upgrade fetches it, if the new system has it too."""
    repo = disk.path("ostree/repo")
    commit = disk.deployments()[0]["id"].partition(".")[0]
    listed = test.must("ostree", "ls", "-C", f"--repo={repo}", commit, "/usr/bin/osb-oci").split()
    checksum = next(word for word in listed if len(word) == 64)
    path = os.path.join(repo, "objects", checksum[:2], checksum[2:] + ".file")
    with open(path, "r+b") as file:
        file.write(b"X")
    test.check(test.run("ostree", "fsck", "--delete", "--quiet", f"--repo={repo}").status != 0 and not os.path.exists(path),
               "ostree fsck --delete removes a damaged object")
    status = disk.osb("status", "--json")
    test.check(status.status == 0 and json.loads(status.stdout)["deployments"][0]["version"] == "v1", "status", status.describe())
    images.system("v40", ["quiet"], PACKAGES)
    images.push("v40")
    result = upgrade(disk, "--check")
    test.check(result.status == 0, "--check of an upgrade", result.describe())
    result = upgrade(disk, "--download-only")
    test.check(result.status == 0 and os.path.exists(path), "its download has the file again", result.describe())
    # Also one that is damaged after that.
    os.unlink(path)
    fetched = disk.state("fetched.json")["commit"]
    with open(os.path.join(repo, "state", fetched + ".commitpartial"), "wb") as file:
        file.write(b"f")
    result = upgrade(disk)
    test.check(result.status == 0 and os.path.exists(path) and disk.versions() == ["v1", "v40"], "the upgrade", result.describe())
    with open(os.path.join(disk.deployments()[1]["path"], "usr/bin/osb-oci"), "rb") as file:
        test.check(file.read() == b"program", "the new system has the file whole")


def main(test):
    need(test)
    os.chmod(test.work, 0o755)  # for the test without privileges
    with Registry(test) as registry:
        # What follows names the proxy, so that a test can spoil its answers.
        with FaultyProxy(registry) as proxy:
            images = Images(test, registry)
            front = type("Front", (), {"image": staticmethod(proxy.image)})
            disk = installed(test, front, images)
            nothing_new(test, registry, disk)
            check(test, registry, images, disk)
            deploys(test, registry, disk)
            replaces(test, registry, images, disk)
            download_only(test, registry, proxy, images, disk)
            moving_tag(test, registry, proxy, images, disk)
            broken_network(test, registry, proxy, images, disk)
            concurrent(test, registry, proxy, images, disk)
            rollback_does_not_wait(test, registry, proxy, images, disk)
            given_up(test, registry, disk)
            pulled(test, registry, images, disk)
            damaged(test, registry, images, disk)
            disk.unmount()


run(main)

#!/usr/bin/env python3
"""The verbs that deploy read images in a process of its own, in the sandbox: install-to-disk, upgrade, switch and extension add. strace
and /proc are the witnesses. What ends that process, and what ends the verb meanwhile, leaves the machine as it was."""

import os
import re
import shlex
import signal
import subprocess
import time

from lib_harness import run
from lib_image import TarLayer
from lib_listener import Listener
from lib_registry import Registry
from lib_upgrade import Disk, Images, need

INSECURE = "--tls-verify=false"
PACKAGES = {"musl": "1.2.4-r2"}
CALLS = "clone,clone3,fork,vfork,openat,connect,seccomp,landlock_restrict_self,close"
NETWORK = r"connect\(\d+, \{sa_family=AF_INET"
LAYOUT = r'openat\(.*"oci-layout"'


class Trace:
    """The system calls of a run, by process."""

    def __init__(self, path):
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        self.main = lines[0].split()[0]
        self.lines, begun = [], {}
        # strace splits a call during which another process does one. It counts when it ends.
        for line in lines:
            pid, _, call = line.partition(" ")
            if call.endswith("<unfinished ...>"):
                begun[pid] = line[:-len("<unfinished ...>")]
                continue
            resumed = re.match(r" *<\.\.\. \w+ resumed>(.*)", call)
            self.lines.append(begun.pop(pid, "") + resumed[1] if resumed else line)

    def find(self, pattern, main):
        """The places of calls that succeeded, of the first process or of the others."""
        return [i for i, line in enumerate(self.lines) if re.search(pattern, line) and (line.split()[0] == self.main) == main
                and not re.search(r"= -1 (?!EINPROGRESS)", line)]


def sees(test, first, *arguments, status=0):
    """The verb succeeds, and only a process in the sandbox does the call `first`, which reaches what comes from outside."""
    path = test.path("trace")
    result = test.run("strace", "-f", "-qq", "-s", "300", "-e", "trace=" + CALLS, "-o", path, test.osb, *arguments)
    name = " ".join(arguments[:2] if arguments[0] == "extension" else arguments[:1])
    test.check(result.status == status, f"{name} under strace", result.describe())
    trace = Trace(path)
    filters = trace.find(r"seccomp\(SECCOMP_SET_MODE_FILTER.*= 0", main=False)
    landlock = trace.find(r"landlock_restrict_self\(.*= 0", main=False)
    inside, outside = trace.find(first, main=False), trace.find(first, main=True)
    test.check(filters and landlock and inside and max(filters[0], landlock[0]) < inside[0],
               f"{name}: another process reads what comes from outside, in the sandbox",
               f"{filters[:1]} {landlock[:1]} {inside[:1]}")
    test.check(not outside, f"{name}: the process that deploys does not", [trace.lines[i] for i in outside[:3]])
    test.check(not trace.find(r"seccomp\(SECCOMP_SET_MODE_FILTER.*= 0", main=True), f"{name}: and can deploy")
    return result


def in_sandbox(test, registry, images, disk):
    sysroot = ("--sysroot", disk.top, "--sandbox", "require")
    images.system("v2", ["quiet"], PACKAGES)
    images.push("v2")
    sees(test, NETWORK, "upgrade", INSECURE, *sysroot)
    test.check(disk.versions() == ["v1", "v2"], "the new system is deployed", disk.versions())
    disk.osb("rollback")
    images.system("v3", ["quiet"], PACKAGES)
    images.push("v3", "other:latest")
    sees(test, NETWORK, "switch", INSECURE, *sysroot, registry.image("other:latest"))
    test.check(disk.versions() == ["v1", "v3"], "the other image is deployed", disk.versions())
    disk.osb("rollback")
    layer = TarLayer()
    layer.file_entry("usr/bin/tool", b"#!/bin/sh\n", mode=0o755)
    layer.file_entry("usr/lib/extension-release.d/extension-release.tool", b"ID=_any\n")
    images.add("tool", [layer.bytes()])
    sees(test, LAYOUT, "extension", "add", *sysroot, images.oci("tool"))
    listed = disk.osb("extension", "list")
    test.check("tool" in listed.stdout, "the extension is recorded", listed.describe())
    sees(test, LAYOUT, "install-to-disk", "--sandbox", "require", "--size", "1G", images.oci("v3"), test.path("second.img"))


def configuration(test, images, disk):
    """The rules of the process name the parts of the repository: its configuration and keys are none of them."""
    images.system("v4", ["quiet"], PACKAGES)
    images.push("v4")
    path = test.path("trace")
    result = test.run("strace", "-f", "-qq", "-y", "-e", "trace=landlock_add_rule", "-s", "200", "-o", path,
                      test.osb, "upgrade", INSECURE, "--sysroot", disk.top, "--download-only")
    with open(path, encoding="utf-8", errors="replace") as file:
        rules = re.findall(r"landlock_add_rule\(.*allowed_access=([A-Z_|0-9a-fx]+), parent_fd=\d+<([^>]+)>", file.read())
    repo = disk.path("ostree/repo")
    found = {os.path.relpath(path, repo): access for access, path in rules if path.startswith(repo)}
    test.check(result.status == 0 and set(found) == {"objects", "tmp", "refs", "state", "extensions", ".lock"},
               "of the repository only objects and refs can be changed", f"{result.describe()} {rules}")
    test.check("FS_WRITE_FILE" in found["tmp"] and "FS_WRITE_FILE" not in found["objects"] and "FS_REFER" in found["objects"],
               "objects, of which deployments are hard links, are exchanged, not written", found)
    test.check("FS_MAKE_SYM" not in found["refs"] and "FS_REFER" not in found["refs"], "refs can have no links", found)


def checks(test, disk):
    """What only asks is in the sandbox as a whole."""
    for verb in (("upgrade", "--check"), ("status", "--check")):
        result = disk.osb(*verb, INSECURE, "-v", "--sandbox", "require")
        test.check(result.status in (0, 77) and "sandbox: Landlock" in result.stderr, f"{' '.join(verb)}: in the sandbox",
                   result.describe())
    result = disk.osb("upgrade", INSECURE, "-v", "--sandbox", "off", "--check")
    test.check("sandbox:" not in result.stderr, "--sandbox off", result.describe())


def refusals(test, disk):
    test.check_refused(disk.osb("rollback", "--sandbox", "require"), 2, "a verb without a sandbox", "no sandbox")
    result = disk.osb("upgrade", INSECURE, "--from", f"oci:{test.path('absent')}:v9")
    test.check_refused(result, 1, "errors come through, with their status", "absent")


def progress_bar(test, images, disk):
    """The process in the sandbox shows the progress, and removes the bar before the other one prints the error."""
    images.system("broken", ["quiet"], PACKAGES, changed=[("usr/big", os.urandom(3_000_000))])
    blobs = images.layout.directory + "/blobs/sha256"
    largest = max((os.path.join(blobs, name) for name in os.listdir(blobs)), key=os.path.getsize)
    with open(largest, "r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"x" * 100)
    command = shlex.join([test.osb, "upgrade", "--sysroot", disk.top, "--from", images.oci("broken")])
    result = test.run("script", "-qec", command, "/dev/null", env={**os.environ, "TERM": "xterm"})
    before = result.stdout.split("osb-oci: error:")[0]
    test.check("reading layers" in before and re.search(r"\x1b\[K(\x1b\[[0-9;]*m)*$", before), "an error does not follow a progress bar",
               repr(before[-300:]))


class Silent(Listener):
    """A registry that never answers."""

    def __init__(self, held):
        super().__init__()
        self.held = held

    def serve(self, client, number):
        self.held.append(client)


class Waiting:
    """An upgrade that waits for a registry. `reader` is its process in the sandbox."""

    def __init__(self, test, disk, server):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [test.osb, "upgrade", "--sysroot", disk.top, "--progress", "none", INSECURE, "--from",
             f"docker://{server.host}/os:latest"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.reader = self.find_reader()

    def find_reader(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            for pid in children(self.process.pid):
                if "Seccomp:\t2" in status_of(pid):
                    return pid
            time.sleep(0.05)
        raise RuntimeError("no process in the sandbox")

    def end(self):
        """(exit status, standard error), when the process in the sandbox has ended as well."""
        _, err = self.process.communicate(timeout=60)
        deadline = time.monotonic() + 20
        while status_of(self.reader) and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.process.returncode, err


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def status_of(pid):
    """"" if there is no such process, or it is a zombie."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return ""
    return "" if "State:\tZ" in text else text


def descriptors(pid):
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            pass
    return found


def ends(test, disk):
    before = (disk.deployments(), disk.refs())
    held = []
    with Silent(held) as server:
        server.listen()
        waiting = Waiting(test, disk, server)
        text = status_of(waiting.reader)
        test.check("NoNewPrivs:\t1" in text, "the process in the sandbox gets no privileges", text)
        opened = descriptors(waiting.reader)
        strange = [target for number, target in opened.items() if number > 2 and "/osb-test." in target
                   and "/ostree/repo" not in target and not target.endswith(disk.top) and "/ostree" not in target]
        test.check(not strange, "it has no file of the process that deploys open", opened)
        locks = [number for number, target in opened.items() if target.endswith(("/ostree/lock", "/downloading"))]
        test.check(not locks, "nor its locks", opened)
        os.kill(waiting.reader, signal.SIGSEGV)
        status, err = waiting.end()
        test.check(status == 1 and "ended by signal 11" in err, "a crash of the decoder is an error", f"{status} {err}")
        for number, expected in ((signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGINT, 128 + signal.SIGINT),
                                 (signal.SIGKILL, -signal.SIGKILL)):
            waiting = Waiting(test, disk, server)
            waiting.process.send_signal(number)
            status, err = waiting.end()
            test.check(status == expected, f"{number.name} ends the upgrade", f"{status} {err}")
            test.check(not status_of(waiting.reader), f"{number.name}: and its process in the sandbox")
    test.check((disk.deployments(), disk.refs()) == before, "the machine is as it was")
    result = disk.osb("upgrade", INSECURE)
    test.check(result.status in (0, 1) and "lock" not in result.stderr, "and is not locked", result.describe())


def main(test):
    need(test)
    test.need("strace", "script")
    with Registry(test) as registry:
        images = Images(test, registry)
        images.system("v1", ["quiet"], PACKAGES)
        images.push("v1")
        disk = Disk(test, "disk", registry.image("os:latest"), INSECURE)
        try:
            in_sandbox(test, registry, images, disk)
            configuration(test, images, disk)
            checks(test, disk)
            refusals(test, disk)
            progress_bar(test, images, disk)
            ends(test, disk)
        finally:
            disk.unmount()


if __name__ == "__main__":
    run(main)

#!/usr/bin/env python3
"""extension add, remove, list and merge: on a sysroot that does not run, and in one as if it were booted. The files of the checkout and of
/usr, ostree's refs and the kernel's list of mounts are the witnesses."""

import json
import os
import stat
import subprocess
import sys
import tarfile

from lib_harness import Skip, run
from lib_image import Layout, TarLayer
from lib_sysroot import directory_system, parts_of, prepare

RELEASE = "usr/lib/extension-release.d/extension-release."


def prepare_versions(test):
    """os/1 and os/2 with a VERSION_ID."""
    prepare(test)
    for version in ("1", "2"):
        tree = test.path("tree" + version)
        with open(os.path.join(tree, "usr/lib/os-release"), "w", encoding="ascii") as file:
            file.write(f'PRETTY_NAME="Test Linux"\nID=test\nVERSION_ID={version}\n')
        with open(os.path.join(tree, "usr/bin/shared"), "w", encoding="ascii") as file:
            file.write("of the system\n")
        test.commits[version] = test.must("ostree", "commit", f"--repo={test.repo}", "-b", f"os/{version}", f"--tree=dir={tree}",
                                          "--owner-uid=0", "--owner-gid=0", f"--add-metadata-string=version={version}.0").strip()


class Images:
    def __init__(self, test):
        self.layout, self.count = Layout(test.path("images")), 0

    def make(self, tag, layer):
        if tag != "second":
            self.count += 1
            tag = f"{tag}-{self.count}"
        self.layout.image(tag, [layer.bytes()])
        return f"oci:{self.layout.directory}:{tag}"


def tool(release="ID=test\nVERSION_ID=1\n", name="tool", text="tool 1"):
    layer = TarLayer()
    layer.file_entry(f"usr/bin/{name}", f"#!/bin/sh\necho {text}\n".encode(), mode=0o755)
    if release:
        layer.file_entry(RELEASE + name, release.encode())
    return layer


def checkouts(system):
    where = os.path.join(system.path, "ostree/osb-oci/extensions")
    return sorted(os.listdir(where)) if os.path.isdir(where) else []


def refs(test, system):
    return sorted(test.must("ostree", "refs", f"--repo={system.path}/ostree/repo", "--list", "osb").split())


def record(system):
    path = os.path.join(system.path, "ostree/deploy/test/var/lib/osb/extensions.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)["extensions"]


def states(system):
    return {one["name"]: (one["state"], one["reason"]) for one in system.json("extension", "list")["extensions"]}


def recorded(test, system, images):
    """A system that does not run: the extension is only recorded."""
    image = images.make("tool", tool())
    test.check(system.osb("extension", "list").stdout == "there are no extensions\n", "list without extensions")
    said = system.json("extension", "add", image)
    test.check(said["extension"]["name"] == "tool" and said["effect"] == "recorded" and said["files"] == 2 and said["unfit"] is None and
               said["extension"]["release"] == {"ID": "test", "VERSION_ID": "1"}, "add", said)
    commit = said["extension"]["commit"]
    test.check(checkouts(system) == [commit] and refs(test, system) == ["osb/extension/tool"], "its files and its ref",
               (checkouts(system), refs(test, system)))
    top = os.path.join(system.path, "ostree/osb-oci/extensions", commit)
    test.check(sorted(os.listdir(top)) == ["bin", "lib"] and stat.S_IMODE(os.stat(top).st_mode) == 0o755 and os.stat(top).st_uid == 0,
               "the files are /usr", os.listdir(top))
    test.check(os.stat(os.path.join(top, "bin/tool")).st_nlink > 1, "and share their content with the repository")
    test.check([one["name"] for one in record(system)] == ["tool"] and states(system) == {"tool": ("waiting", None)}, "the list",
               (record(system), states(system)))
    test.check(system.status()["extensions"][0]["name"] == "tool" and "extended tool (merged at the next boot)" in
               system.osb("status").stdout, "status", system.osb("status").stdout)
    again = system.osb("extension", "add", image)
    test.check(again.stdout.startswith("the same as before: tool") and len(record(system)) == 1, "add again", again.describe())
    said = system.json("extension", "add", images.make("tool2", tool(text="tool 2")))
    test.check(said["replaced"] == commit and checkouts(system) == [said["extension"]["commit"]], "another image replaces it", said)
    test.must("ostree", "refs", f"--repo={system.path}/ostree/repo", "--create=osb/extension/IMPORT", commit)  # an `add` that was killed
    test.check(system.osb("cleanup").status == 0 and checkouts(system) == [said["extension"]["commit"]] and
               refs(test, system) == ["osb/extension/tool"], "cleanup keeps it")


def refusals(test, system, images):
    before = record(system)
    test.check_refused(system.osb("extension", "add", "-q", images.make("none", tool(release=""))), 3, "without extension-release",
                       "extension-release")
    for release, words in (("ID=test\nVERSION_ID=2\n", "VERSION_ID '2'"), ("ID=other\n", "ID 'other'"), ("VERSION_ID=1\n", "no ID"),
                           ("ID=_any\nARCHITECTURE=vax\n", "ARCHITECTURE"), ("\x1b[31m", "no ID")):
        result = system.osb("extension", "add", "-q", images.make("unfit", tool(release, "unfit")))
        test.check_refused(result, 1, f"one for {release!r}", words)
    said = json.loads(system.osb("extension", "add", "--json", images.make("unfit", tool("ID=other\n", "unfit"))).stdout)
    test.check(said["error"]["code"] == "does_not_fit", "the code of the error", said)
    bad = tool("ID=_any\n", "Bad Name")
    test.check_refused(system.osb("extension", "add", "-q", images.make("bad", bad)), 3, "a bad name", "bad name")
    test.check_refused(system.osb("extension", "add", "--name", "../x", images.make("tool", tool())), 3, "a bad --name", "bad name")
    two = tool("ID=_any\n", "one").file_entry(RELEASE + "two", b"ID=_any\n")
    test.check_refused(system.osb("extension", "add", "-q", images.make("several", two)), 3, "several names", "several")
    link = TarLayer().file_entry("usr/bin/x", b"x").symlink(RELEASE + "link", "/etc/os-release")
    test.check_refused(system.osb("extension", "add", "-q", images.make("link", link)), 3, "a link", "is a link")
    empty = TarLayer().file_entry("etc/x", b"x")
    test.check_refused(system.osb("extension", "add", "-q", images.make("empty", empty)), 3, "nothing in /usr", "no files")
    test.check_refused(system.osb("extension", "remove", "missing"), 1, "remove one that is not there", "no extension")
    for words in (("add",), ("remove",), ("list", "x"), ("list", "--force"), ("other",)):
        test.check_refused(system.osb("extension", *words), 2, " ".join(words))
    test.check(record(system) == before and refs(test, system) == ["osb/extension/tool"] and len(checkouts(system)) == 1,
               "nothing has changed", (record(system), refs(test, system)))


def contents(test, system, images):
    layer = tool("ID=_any\n", "mixed")
    layer.file_entry("bin/in-bin", b"x", mode=0o4755).file_entry("etc/left-out", b"x").file_entry("var/left-out", b"x")
    layer.file_entry("usr/local/bin/left-out", b"x").file_entry("usr/bin/shared", b"of the extension\n").directory("usr/sbin", mode=0o700)
    layer.add("usr/lib/null", tarfile.CHRTYPE, device=(1, 3))
    result = system.osb("extension", "add", "--name", "renamed", images.make("mixed", layer))
    test.check(result.status == 0 and result.stdout.startswith("added renamed: 4 files"), "files outside /usr", result.describe())
    for words in ("/etc: 1 file", "/var: 1 file", "/usr/local: 1 file", "devices, which ostree does not support"):
        test.check(words in result.stderr, f"a note: {words}", result.stderr)
    for words in ("replaces 1 file of the system", "another owner or mode than the system for 1 directory",
                  "1 program with privileges (setuid, setgid, capabilities): /usr/bin/in-bin"):
        test.check(words in result.stdout, words, result.stdout)
    test.check("no init" not in result.stderr and "kernel" not in result.stderr, "no warning of a system that cannot boot", result.stderr)
    forced = system.osb("extension", "add", "--force", images.make("forced", tool("ID=other\n", "forced")))
    test.check(forced.status == 0 and "does not fit" in forced.stderr and states(system)["forced"][0] == "waiting", "--force",
               forced.describe())
    test.check([one["name"] for one in record(system)] == ["forced", "renamed", "tool"], "sorted by name", record(system))
    for name in ("forced", "renamed", "tool"):
        test.check_status(system.osb("extension", "remove", name), 0, f"remove {name}")
    test.check(record(system) is None and refs(test, system) == [] and checkouts(system) == [], "nothing is left",
               (record(system), refs(test, system), checkouts(system)))
    test.fsck(f"{system.path}/ostree/repo", "ostree fsck afterwards")


BOOTED = r"""
set -u
osb() { /run/osb-oci "$@"; }
say() { echo "== $1"; }
mounts() { sed -n 's/.* \/usr .* - \([^ ]* [^ ]*\) .*/\1/p' /proc/self/mountinfo; }
mount -o remount,bind,ro /usr
say merge-at-boot; osb extension merge; tool; mounts
say add; osb extension add --quiet "$1"; second; tool; ls -ld /usr; touch /usr/x 2>&1
say mounts; mounts
say order; cat /usr/bin/shared
say remove; osb extension remove second; ls /usr/bin/second 2>/dev/null; tool; mounts
say overlay; osb usr-overlay && tool && touch /usr/made && echo made
say add-while-writable; osb extension add --quiet "$1"; ls /usr/bin/second 2>/dev/null
say list; osb extension list --json
say remove-all; osb extension remove tool; osb extension list --json
say end
"""


def booted(test, system, images):
    system.json("extension", "add", images.make("tool", tool().file_entry("usr/bin/shared", b"of tool\n")))
    # Below the sysroot, because the system in the namespace has a root of its own.
    second = tool("ID=test\nVERSION_ID=1\n", "second", "second").file_entry("usr/bin/shared", b"of second\n").directory("usr", mode=0o700)
    images.make("second", second)
    subprocess.run(["cp", "-r", images.layout.directory, os.path.join(system.path, "images")], check=True)
    (present,) = system.order()
    result = system.in_booted(present, "sh", "-c", BOOTED, "sh", "oci:/sysroot/images:second")
    said = parts_of(result.stdout)
    if "end" not in said:
        raise Skip(f"namespaces, overlayfs: {result.describe()}")
    test.check(said["merge-at-boot"] == "extensions on /usr: tool\ntool 1\noverlay overlay\noverlay osb-extensions\n", "at the boot",
               result.describe())
    test.check(said["add"].startswith("added second: ") and "\nsecond\ntool 1\ndrwxr-xr-x" in said["add"] and "Read-only" in said["add"],
               "add merges at once; /usr stays read-only", result.describe())
    test.check(said["mounts"] == "overlay overlay\noverlay osb-extensions\n", "one overlay in place of the old one", said)
    test.check(said["order"] == "of tool\n", "the later name wins", said)
    test.check(said["remove"] == "removed second\ntool 1\noverlay overlay\noverlay osb-extensions\n", "remove", said)
    test.check(said["overlay"].endswith("tool 1\nmade\n"), "usr-overlay together with an extension", (said, result.stderr))
    test.check("the next boot has the change" in said["add-while-writable"] and "/second" not in said["add-while-writable"],
               "while /usr is writable, a change waits", said)
    listed = {one["name"]: one["state"] for one in json.loads(said["list"])["extensions"]}
    test.check(listed == {"second": "waiting", "tool": "merged"}, "list", said)
    listed = {one["name"]: one["state"] for one in json.loads(said["remove-all"].partition("\n{")[2].join(("{", "")))["extensions"]}
    test.check(listed == {"second": "waiting", "tool": "leaving"} and len(checkouts(system)) == 2,
               "a removed one stays on /usr, with its files", (said, checkouts(system)))
    changes = os.path.join(system.path, "ostree/deploy/test/var/lib/osb/usr-overlay")
    test.run("chattr", "+i", os.path.join(changes, "upper/made"))
    off = "echo quiet osb.extensions=0 >/run/cmdline; mount --bind /run/cmdline /proc/cmdline; /run/osb-oci extension merge"
    result = system.in_booted(present, "sh", "-c", f"{off}; ls /usr/bin/second; /run/osb-oci extension list")
    test.check("/usr/bin/second" not in result.stdout and "second  merged at the next boot: osb.extensions=0 is set" in result.stdout,
               "osb.extensions=0: a boot without extensions", result.describe())
    result = system.in_booted(present, "sh", "-c", "/run/osb-oci extension merge; second; ls /usr/made; ls /usr/bin/tool 2>/dev/null")
    test.check(result.stdout == "extensions on /usr: second\nsecond\n", "the next boot", result.describe())
    test.check(not os.path.exists(changes), "the changes of usr-overlay are removed, immutable files as well", os.path.exists(changes))
    result = system.osb("cleanup")
    test.check(len(checkouts(system)) == 1, "cleanup removes the files of the removed one", (result.describe(), checkouts(system)))


def another_version(test, system):
    """Version 2 does not fit."""
    system.deploy("2")
    second = system.order()[0]
    test.check(states(system)["second"] == ("unfit", "it is for VERSION_ID '1', and the system has '2'"), "list after an upgrade",
               states(system))
    result = system.in_booted(second, "sh", "-c", "/run/osb-oci extension merge; ls /usr/bin/second 2>/dev/null; /run/osb-oci status")
    test.check("'second' is not merged: it is for VERSION_ID '1'" in result.stderr and "/second" not in result.stdout and
               "extended second (not merged: it is for VERSION_ID" in result.stdout, "at the boot: it is left out", result.describe())
    (first,) = [one for one in system.order() if one != second]
    result = system.in_booted(first, "sh", "-c", "/run/osb-oci extension merge && second")
    test.check(result.stdout.endswith("second\n"), "the old system has it", result.describe())


def main(test):
    prepare_versions(test)
    images = Images(test)
    with directory_system(test, "system") as system:
        test.check_refused(system.osb("extension", "list"), 1, "without deployments", "nothing is deployed")
        system.deploy("1")
        recorded(test, system, images)
        refusals(test, system, images)
        contents(test, system, images)
        booted(test, system, images)
        another_version(test, system)


if __name__ == "__main__":
    sys.exit(run(main))

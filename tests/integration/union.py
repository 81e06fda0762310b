#!/usr/bin/env python3
"""osb-oci union: package trees on Alpine's root filesystem. apk of the result reads the joined database."""

import base64
import hashlib
import io
import json
import os
import shutil
import tarfile

import lib_harness
from lib_containers import base_rootfs, need_root
from lib_harness import Skip
from lib_image import Layout, TarLayer


MACHINE = os.uname().machine
FOREIGN = "x86_64" if MACHINE == "aarch64" else "aarch64"


def q1(data):
    """A checksum as apk writes it."""
    return "Q1" + base64.b64encode(hashlib.sha1(data).digest()).decode()


class Package:
    def __init__(self, name, version, files, fields="", script=None, trigger=None, architecture=MACHINE):
        self.name, self.version, self.files, self.fields = name, version, files, fields
        self.architecture = architecture
        self.script, self.trigger = script, trigger
        self.checksum = q1(f"{name}-{version}".encode())

    def record(self):
        lines = [f"C:{self.checksum}", f"P:{self.name}", f"V:{self.version}", f"A:{self.architecture}", "S:1", "I:1", "T:test", "U:x",
                 "L:MIT", f"o:{self.name}", *self.fields.split()]
        directories = {}
        for path, content in sorted(self.files.items()):
            directories.setdefault(os.path.dirname(path), []).append((os.path.basename(path), content))
        for directory, files in sorted(directories.items()):
            lines.append(f"F:{directory}")
            for name, content in files:
                lines += [f"R:{name}", *(["a:0:0:755"] if "bin" in directory else []), f"Z:{q1(content)}"]
        return "\n".join(lines) + "\n\n"


def add_file(tar, path, content, mode=0o644):
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def make_tree(path, packages, world, others=None):
    """A tree as `apk add --root` makes it, as an archive."""
    scripts = io.BytesIO()
    with tarfile.open(fileobj=scripts, mode="w") as tar:
        for package in packages:
            if package.script:
                add_file(tar, f"{package.name}-{package.version}.{package.checksum}.post-install", package.script, 0o755)
    with tarfile.open(path, "w") as tar:
        for package in packages:
            for name, content in package.files.items():
                add_file(tar, name, content, 0o755 if "bin/" in name else 0o644)
        for name, content in (others or {}).items():
            add_file(tar, name, content)
        add_file(tar, "etc/apk/world", "".join(f"{word}\n" for word in world).encode())
        add_file(tar, "lib/apk/db/installed", "".join(package.record() for package in packages).encode())
        add_file(tar, "lib/apk/db/scripts.tar", scripts.getvalue())
        add_file(tar, "lib/apk/db/triggers", "".join(f"{package.checksum} {package.trigger}\n" for package in packages
                                                     if package.trigger).encode())
    return f"tarball:{path}"


def checkout(test, repo, ref):
    directory = test.path("checkout-" + ref.replace("/", "-"))
    shutil.rmtree(directory, ignore_errors=True)
    test.must("ostree", "checkout", f"--repo={repo}", ref, directory)
    return directory


def apk(test, directory, *arguments):
    return test.run("chroot", directory, "/sbin/apk", "--no-network", *arguments)


def members(archive):
    with tarfile.open(archive) as tar:
        return [member.name for member in tar]


def union(test, repo, *arguments):
    return test.run(test.osb, "union", "--repo", repo, "--progress", "none", *arguments)


def check_join(test, repo, base, one, two):
    result = union(test, repo, "--ref", "plain", "--layout", "plain", "--json", base, one, two)
    if not test.check_status(result, 0, "union of three trees"):
        return
    facts = json.loads(result.stdout)
    test.check([entry["name"] for entry in facts["packages"]] == ["tool", "library", "extra"], "the packages", facts["packages"])
    conflicts = {entry["path"]: (entry["earlier_package"], entry["package"]) for entry in facts["conflicts"]}
    test.check(conflicts == {"usr/share/notes": (None, None), "usr/bin/shared": ("tool", "extra")}, "the conflicts", conflicts)
    test.check("'usr/share/notes'" in result.stderr, "a conflict is a warning", result.stderr)
    directory = checkout(test, repo, "plain")
    info = apk(test, directory, "info")
    names = info.stdout.split()
    test.check({"alpine-baselayout", "busybox", "tool", "library", "extra"} <= set(names), "apk info lists all packages", info.describe())
    listing = apk(test, directory, "info", "-L", "library")
    test.check("usr/lib/liblib.so" in listing.stdout and "usr/lib/replaced.so" in listing.stdout, "apk info -L", listing.describe())
    audit = apk(test, directory, "audit", "--system")
    test.check(audit.status == 0 and audit.stdout == "", "apk audit --system finds no difference", audit.describe())
    owner = apk(test, directory, "info", "--who-owns", "/usr/bin/shared")
    test.check("extra-" in owner.stdout, "apk info --who-owns: the later package", owner.describe())
    owner = apk(test, directory, "info", "--who-owns", "/usr/lib/replaced.so")
    test.check("library-" in owner.stdout, "the package that replaces the other's file", owner.describe())
    with open(os.path.join(directory, "etc/apk/world"), encoding="ascii") as file:
        world = file.read().split("\n")
    test.check(world == sorted(world[:-1]) + [""] and {"busybox", "tool", "extra>1"} <= set(world), "world", world)
    scripts = members(os.path.join(directory, "lib/apk/db/scripts.tar"))
    test.check(any(name.startswith("tool-1.0-r0.") for name in scripts)
               and any(name.startswith("busybox-") for name in scripts), "scripts of all trees", scripts)
    with open(os.path.join(directory, "lib/apk/db/triggers"), encoding="ascii") as file:
        test.check(file.read().count("\n") == 2, "triggers of all trees")
    again = union(test, repo, "--ref", "plain", "--layout", "plain", base, one, two)
    test.check(again.commit == facts["commit"], "the same union again: the same commit", again.describe())
    test.check(not [ref for ref in lib_harness.refs(repo) if ref.startswith("osb/union")], "no temporary ref remains")


def check_upgrade(test, repo):
    """A later tree with a newer version of a package: its old files go."""
    tool = Package("tool", "2.0-r0", {"usr/bin/tool": b"new\n"}, script=b"#!/bin/sh\necho new\n")
    newer = make_tree(test.path("newer.tar"), [tool], ["tool"])
    result = union(test, repo, "--ref", "newer", "--json", "plain", newer)
    if not test.check_status(result, 0, "union of a commit and a newer package"):
        return
    facts = json.loads(result.stdout)
    test.check(facts["packages"] == [{"name": "tool", "version": "2.0-r0", "earlier_version": "1.0-r0"}], "the replaced package", facts)
    test.check(facts["files_removed"] == 1 and facts["conflict_count"] == 0, "one file removed, no conflict", facts)
    directory = checkout(test, repo, "newer")
    test.check(not os.path.exists(os.path.join(directory, "usr/share/tool/old")), "the old file is gone")
    test.check(not os.path.exists(os.path.join(directory, "usr/share/tool")), "its directory, too")
    info = apk(test, directory, "info", "-v")
    test.check("tool-2.0-r0" in info.stdout and "tool-1.0-r0" not in info.stdout, "apk info -v: the new version", info.describe())
    audit = apk(test, directory, "audit", "--system")
    test.check(audit.status == 0 and audit.stdout == "", "apk audit --system finds no difference", audit.describe())
    scripts = members(os.path.join(directory, "lib/apk/db/scripts.tar"))
    test.check([name for name in scripts if name.startswith("tool-")] == [f"tool-2.0-r0.{tool.checksum}.post-install"],
               "only the new script", scripts)


def check_bootable(test, repo, base, one):
    """The same union in the layout that ostree deploys: from an image, and from a commit of that layout."""
    result = union(test, repo, "--ref", "bootable", base, one)
    test.check_status(result, 0, "union in the bootable layout")
    test.check_status(test.osb_import(base, repo, "--ref", "base"), 0, "the base as a commit")
    result = union(test, repo, "--ref", "onto-commit", "base", one)
    test.check_status(result, 0, "union onto that commit")
    listings = [test.must("ostree", "ls", "-R", "-C", f"--repo={repo}", ref) for ref in ("bootable", "onto-commit")]
    test.check(listings[0] == listings[1], "both have the same tree")
    installed = test.must("ostree", "cat", f"--repo={repo}", "bootable", "/usr/lib/apk/db/installed")
    test.check("P:tool\n" in installed and "P:busybox\n" in installed, "the database is below /usr", installed[:300])
    world = test.must("ostree", "cat", f"--repo={repo}", "bootable", "/usr/etc/apk/world")
    test.check("tool\n" in world, "world is below /usr/etc", world)
    result = union(test, repo, "--ref", "x", "plain", "bootable")
    test.check_refused(result, 3, "trees of different layouts")
    result = union(test, repo, "--ref", "x", "--layout", "plain", "base", one)
    test.check_refused(result, 2, "a bootable base in the plain layout")
    test.fsck(repo, "fsck")


def check_refusals(test, repo, base, one):
    test.check_refused(union(test, repo, "--ref", "x", base), 2, "no addon")
    test.check_refused(union(test, repo, "base", one), 2, "a commit as the base, without --ref")
    test.check_refused(union(test, repo, "--ref", "x", base, "nope"), 1, "no such revision", "nope")
    test.check_refused(union(test, repo, "--ref", "x", base, "tarbal:x"), 2, "a mistyped transport", "tarball:")
    broken = test.path("broken.tar")
    with tarfile.open(broken, "w") as tar:
        add_file(tar, "lib/apk/db/installed", b"P:x\nF:../../etc\n\n")
    test.check_refused(union(test, repo, "--ref", "x", base, f"tarball:{broken}"), 3, "a database that leads out",
                       "lib/apk/db/installed")
    test.check("x" not in lib_harness.refs(repo), "no ref was set")
    test.check(not [ref for ref in lib_harness.refs(repo) if ref.startswith("osb/union")], "no temporary ref remains after failures")


def check_architectures(test, repo, base):
    """Programs of two architectures are not joined: records of packages, and platforms of images and commits."""
    foreign = make_tree(test.path("foreign.tar"), [Package("far", "1.0-r0", {"usr/bin/far": b"far\n"}, architecture=FOREIGN)], ["far"])
    test.check_refused(union(test, repo, "--ref", "y", base, foreign), 3, "a package of another architecture", FOREIGN)
    neutral = make_tree(test.path("neutral.tar"), [Package("any", "1.0-r0", {"usr/share/any": b"any\n"}, architecture="noarch")], ["any"])
    test.check_status(union(test, repo, "--ref", "neutral", base, neutral), 0, "a package for all architectures")
    layout = Layout(test.path("platforms"))
    for architecture in ("amd64", "arm64"):
        layout.image(architecture, [TarLayer().file_entry(f"usr/share/{architecture}", b"x").bytes()], architecture=architecture)
    images = [f"oci:{layout.directory}:{architecture}" for architecture in ("amd64", "arm64")]
    test.check_refused(union(test, repo, "--ref", "y", *images), 3, "images of two platforms", "linux/aarch64")
    test.check_status(test.osb_import(images[0], repo, "--ref", "amd64", "--layout", "plain"), 0, "a commit of amd64")
    test.check_refused(union(test, repo, "--ref", "y", "amd64", images[1]), 3, "a commit and an image of two platforms")
    test.check("y" not in lib_harness.refs(repo), "no ref was set for them")
    layout.image("same", [TarLayer().file_entry("usr/share/same", b"x").bytes()], architecture="amd64")
    test.check_status(union(test, repo, "--ref", "y", "amd64", f"oci:{layout.directory}:same"), 0, "trees of one platform")


def main(test):
    need_root()
    test.need("ostree", "chroot")
    rootfs = base_rootfs(test)
    with tarfile.open(rootfs) as tar:
        if not any(name.endswith("sbin/apk") for name in tar.getnames()):
            raise Skip("needs apk of the real Alpine: set OSB_ALPINE_ROOTFS")
    base = f"tarball:{rootfs}"
    one = make_tree(test.path("one.tar"), [
        Package("tool", "1.0-r0", {"usr/bin/tool": b"tool\n", "usr/bin/shared": b"1\n", "usr/share/tool/old": b"old\n",
                                   "usr/lib/replaced.so": b"from tool\n"}, script=b"#!/bin/sh\necho old\n", trigger="/usr/share/tool"),
    ], ["tool"], {"usr/share/notes": b"one\n"})
    two = make_tree(test.path("two.tar"), [
        Package("library", "1.0-r0", {"usr/lib/liblib.so": b"lib\n", "usr/lib/replaced.so": b"from library\n"}, fields="r:tool<2"),
        Package("extra", "1.5-r0", {"usr/bin/shared": b"2\n"}),
    ], ["library", "extra>1"], {"usr/share/notes": b"two\n"})
    repo = test.init_repo("repo", mode="bare")
    check_join(test, repo, base, one, two)
    check_upgrade(test, repo)
    check_bootable(test, repo, base, one)
    check_refusals(test, repo, base, one)
    check_architectures(test, repo, base)


lib_harness.run(main)

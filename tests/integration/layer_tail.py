#!/usr/bin/env python3
"""Changes that are scattered over all packages go into one layer, and the other layers stay, with files in them that the new
version replaces. After any series of changes the image shows the tree of its commit, as umoci unpacks it, and holds that commit.
"""

import os
import random
import shutil

import lib_harness
from lib_compare import differences, tree
from lib_containers import need_root
from lib_export import Exported, as_encapsulated, commit_tree, without_objects

PACKAGES, FILES = 20, 40
MAX_LAYERS = 16


class System:
    """A tree with apk's database, its repository, and one image for each version."""

    def __init__(self, test, name, seed):
        self.test, self.name, self.chance, self.version = test, name, random.Random(seed), 0
        self.tree, self.repo = test.path(f"{name}-tree"), test.init_repo(f"{name}-repo")
        database = []
        for package in range(PACKAGES):
            database.append(f"P:p{package:02}\nV:1\nF:usr/lib/p{package:02}\n")
            for number in range(FILES):
                self.write(f"usr/lib/p{package:02}/f{number}", 1500)
                database.append(f"R:f{number}\n")
            database.append("\n")
        for directory in ("sysroot", "var"):  # which every image shows
            os.makedirs(os.path.join(self.tree, directory))
        self.write("usr/lib/apk/db/installed", text="".join(database).encode())

    def write(self, path, mean=1500, text=None):
        full = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if os.path.lexists(full):
            os.unlink(full)
        with open(full, "wb") as file:
            file.write(self.chance.randbytes(self.chance.randrange(mean)) if text is None else text)

    def publish(self, *options):
        """The image of the tree as it is; the layers of the one before stay where they can."""
        self.version += 1
        self.commit = self.test.must("ostree", "commit", f"--repo={self.repo}", "-b", "os", "--owner-uid=0", "--owner-gid=0",
                                     f"--tree=dir={self.tree}", f"--timestamp=2024-01-01T00:00:{self.version:02}Z").strip()
        return self.export(f"{self.name}-v{self.version}", *options)

    def export(self, name, *options):
        if self.version > 1:
            options += ("--previous", f"oci:{self.test.path(self.name)}-v{self.version - 1}:v1")
        self.test.must(self.test.osb, "export", "-q", "--repo", self.repo, "--compression", "none", "--max-layers", str(MAX_LAYERS),
                       *options, "os", f"oci:{self.test.path(name)}:v1")
        return Exported(self.test.path(name))

    def scatter(self, number):
        for package in range(PACKAGES):
            self.write(f"usr/lib/p{package:02}/f{number}")

    def change_at_random(self):
        for _ in range(self.chance.randrange(1, 12)):
            directory = f"usr/lib/p{self.chance.randrange(PACKAGES):02}"
            path = f"{directory}/f{self.chance.randrange(FILES)}"
            self.change(directory, path, os.path.join(self.tree, path), self.chance.randrange(12))

    def change(self, directory, path, full, kind):
        if kind < 6 or not os.path.lexists(full):
            shutil.rmtree(full, ignore_errors=True)
            # Few contents: one comes back, and one is in many places.
            self.write(path, text=f"content {self.chance.randrange(5)}".encode() * 50 if kind < 2 else None)
        elif kind == 6 and not os.path.isdir(full):
            os.unlink(full)
        elif kind == 7 and not os.path.isdir(full):
            os.unlink(full)
            os.symlink("f0", full)
        elif kind == 8 and not os.path.isdir(full):
            os.unlink(full)
            self.write(path + "/inside")
        elif kind == 9:
            os.chmod(os.path.join(self.tree, directory), self.chance.choice((0o755, 0o750)))
        elif kind == 10 and not os.path.islink(full):
            os.chmod(full, self.chance.choice((0o755, 0o711)))
        elif kind == 11:
            shutil.rmtree(os.path.join(self.tree, directory))
            self.write(path)


def new_layers(before, after):
    known = {layer["digest"] for layer in before.layers}
    return [layer for layer in after.layers if layer["digest"] not in known]


def check_image(test, system, image, what):
    """umoci unpacks the tree of the commit; an empty repository gets the commit."""
    unpacked, repo = test.path("unpacked"), test.init_repo("pulled")
    test.must("umoci", "raw", "unpack", "--image", f"{image.directory}:v1", unpacked)
    found = differences(as_encapsulated(commit_tree(test, system.repo, system.commit)), without_objects(tree(unpacked)))
    pulled = test.run(test.osb, "pull", "-q", "--repo", repo, f"oci:{image.directory}:v1", "--ref", "os")
    test.check(not found and pulled.status == 0 and pulled.commit == system.commit and len(image.layers) <= MAX_LAYERS,
               f"{what}: {len(image.layers)} layers show the commit, and hold it", (found, pulled.describe()))
    test.must("rm", "-rf", unpacked, repo)


def check_scattered(test):
    system = System(test, "scattered", 1)
    images = [system.publish()]
    for number in range(3):
        system.scatter(number)
        images.append(system.publish())
        what = f"one file of each package, {number + 1}"
        new = new_layers(images[-2], images[-1])
        test.check(len(new) == 2, f"{what}: the commit's layer and one more", new)
        check_image(test, system, images[-1], what)
    again = system.export("again")
    test.check(again.digest == images[-1].digest, "the same digest again", (again.digest, images[-1].digest))
    back = system.export("once-more", "--jobs", "1")
    test.check(back.digest == images[-1].digest, "and with one thread")


def check_bounds(test):
    """However many versions: neither more layers than allowed nor many files that nobody sees."""
    system = System(test, "long", 2)
    image = system.publish()
    versions = lib_harness.rounds(12, 100, "versions of a system")
    for number in range(versions):
        system.scatter(number % FILES)
        image = system.publish()
        test.must("rm", "-rf", test.path(f"long-v{number}"))
    size = sum(layer["size"] for layer in image.layers)
    alone = System(test, "alone", 2)
    test.must("rm", "-rf", alone.tree)
    os.rename(system.tree, alone.tree)
    fresh = sum(layer["size"] for layer in alone.publish().layers)
    test.check(size < fresh * 1.2 and len(image.layers) <= MAX_LAYERS,
               f"after {versions} versions: {size} bytes in {len(image.layers)} layers, {fresh} without the image before")
    os.rename(alone.tree, system.tree)
    check_image(test, system, image, f"after {versions} versions")


def check_damaged(test):
    """A kept layer whose blob is damaged or missing in the image before is made again, from the commit."""
    for what in ("damaged", "missing"):
        system = System(test, what, 3)
        before = system.publish()
        largest = max(before.layers[1:], key=lambda layer: layer["size"])["digest"]
        blob = os.path.join(before.directory, "blobs", *largest.split(":"))
        if what == "missing":
            os.unlink(blob)
        else:
            with open(blob, "r+b") as file:
                file.seek(2048)
                file.write(b"x" * 16)
        system.scatter(0)
        check_image(test, system, system.publish(), f"after a {what} blob")


def check_random(test, seed):
    system = System(test, f"random{seed}", seed)
    system.publish()
    for _ in range(6):
        system.change_at_random()
        check_image(test, system, system.publish(), f"seed {seed}, version {system.version}")


def main(test):
    need_root()
    test.need("ostree", "umoci")
    os.umask(0o022)
    check_scattered(test)
    check_bounds(test)
    check_damaged(test)
    for seed in range(lib_harness.rounds(1, 40, "series of random versions")):
        check_random(test, seed)


lib_harness.run(main)

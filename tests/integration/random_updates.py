#!/usr/bin/env python3
"""Random pairs of versions, by objects, by files and by a delta: the result is what whole layers give, always. The second version has what
updates do to the first: contents, modes, owners and attributes that change, files that go, come, move, become links, directories or empty,
hard links, and now and then a very large file. OSB_SEED is the first pair's seed."""

import json
import os
import random
import shutil

import lib_harness
from lib_harness import rounds
from lib_ordinary import Images
from lib_registry import Registry
from lib_transfer import Trees, entries_of

CAPABILITY = bytes.fromhex("0100000202000000000000000000000000000000")
SIZES = (0, 1, 100, 511, 512, 5000, 70_000, 300_000)
PAIRS_OF_REGISTRY = 20  # which has a hundred megabytes then
VERY_LARGE = 70 << 20  # beyond a batch
MODES = (0o644, 0o755, 0o600, 0o4755, 0o2755)


class RandomTree:
    """A directory of which each step() makes the next version."""

    def __init__(self, top, seed):
        self.top, self.rng = top, random.Random(f"updates {seed}")
        self.number = 0
        for name in ("usr/lib", "usr/bin", "usr/share", "etc", "opt/deep/er"):
            os.makedirs(os.path.join(top, name))
        for _ in range(self.rng.randint(10, 60)):
            self.add()
        if self.rng.random() < 0.7:
            self.write("usr/bin/large", self.rng.randbytes(self.rng.randint(1 << 20, 4 << 20)))
        if seed % 25 == 7:
            self.write("usr/lib/very-large", self.rng.randbytes(VERY_LARGE))

    def write(self, name, content):
        with open(os.path.join(self.top, name), "wb") as file:
            file.write(content)

    def content(self):
        size = self.rng.choice(SIZES)
        return self.rng.randbytes(size // 2) + (bytes if self.rng.random() < 0.3 else self.rng.randbytes)(size - size // 2)

    def some(self, *kinds):
        """A path of one of these kinds: "file", "directory" (empty or not), "link"; None if there is none."""
        def kind_of(path):
            return "link" if os.path.islink(path) else "directory" if os.path.isdir(path) else "file"
        found = [path for _, path in entries_of(self.top) if kind_of(path) in kinds]
        return self.rng.choice(found) if found else None

    def new_path(self):
        self.number += 1
        return os.path.join(self.some("directory"), f"name {self.number}" if self.rng.random() < 0.1 else f"name{self.number}")

    def add(self):
        path = self.new_path()
        with open(path, "wb") as file:
            file.write(self.content())
        if self.rng.random() < 0.3:
            self.change_mode(path)

    def change_content(self):
        path = self.some("file")
        with open(path, "r+b") as file:
            size = os.path.getsize(path)
            # A few bytes of it, all of it, or a piece in the middle, as programs are built again.
            file.seek(self.rng.randrange(size + 1))
            file.write(self.content() if self.rng.random() < 0.5 else b"changed")

    def change_mode(self, path=None):
        path = path or self.some("file", "directory")
        os.chmod(path, self.rng.choice((0o755, 0o700, 0o1777) if os.path.isdir(path) else MODES))

    def change_owner(self):
        path = self.some("file", "directory", "link")
        os.lchown(path, self.rng.choice((0, 7, 1000)), self.rng.choice((0, 9)))

    def change_attributes(self):
        path = self.some("file", "directory")
        for name in os.listxattr(path):
            os.removexattr(path, name)
        if self.rng.random() < 0.7:
            os.setxattr(path, "user.note", self.rng.choice((b"", b"\xff\0", b"note")))
        if self.rng.random() < 0.3 and os.path.isfile(path):
            os.setxattr(path, "security.capability", CAPABILITY)

    def remove(self):
        path = self.some("file", "link", "directory")
        if os.path.dirname(path) != self.top:
            (shutil.rmtree if os.path.isdir(path) and not os.path.islink(path) else os.remove)(path)

    def move(self):
        path, target = self.some("file", "link"), self.new_path()
        os.rename(path, target)

    def hard_link(self):
        os.link(self.some("file"), self.new_path())

    def copy(self):
        """The same content, with metadata of its own."""
        shutil.copyfile(self.some("file"), path := self.new_path())
        self.change_mode(path)

    def change_type(self):
        path = self.some("file", "link")
        os.remove(path)
        kind = self.rng.choice(("directory", "link", "empty", "file"))
        if kind == "directory":
            os.mkdir(path)
            self.write(os.path.relpath(os.path.join(path, "inside"), self.top), self.content())
        elif kind == "link":
            os.symlink(self.rng.choice(("/usr", "../lib", "nowhere", "é\n")), path)
        else:
            with open(path, "wb") as file:
                file.write(b"" if kind == "empty" else self.content())

    def step(self):
        changes = (self.change_content, self.change_mode, self.change_owner, self.change_attributes, self.remove, self.move, self.hard_link,
                   self.copy, self.change_type, self.add)
        # Only modes now and then, or nothing at all.
        chosen = self.rng.choice((changes, changes, changes, changes[1:4]))
        for _ in range(self.rng.randint(0, 25)):
            if self.some("file"):
                self.rng.choice(chosen)()


def check_pair(test, registry, images, seed, ways):
    name = f"pair{seed}"
    top = test.path(name)
    tree, trees = RandomTree(top, seed), Trees(test, registry, images, name)
    trees.publish("v1", top)
    tree.step()
    trees.publish("v2", top)
    wrong = []
    for way in trees.ways():
        repo = way.fresh(f"{name}-{way.name}")
        # Where the delta is larger than the objects, it is taken all the same; the others as it comes.
        chosen = "delta" if way.name == "delta" else "objects" if seed % 2 else "auto"
        result = way.run(repo, registry.image(way.second), "--fetch", chosen)
        if fault := way.fault(repo, result):
            wrong.append(f"OSB_SEED={seed}: {way.name}: {fault}")
        else:
            used = f"{way.name} by {json.loads(result.stdout)['transfer']['way']}"
            ways[used] = ways.get(used, 0) + 1
    for left in os.listdir(test.work):
        if left.startswith((name, "layout")):
            shutil.rmtree(test.path(left))
    return wrong


def main(test):
    test.need("ostree", "docker-registry", "skopeo")
    if os.geteuid() != 0:
        raise lib_harness.Skip("needs root")  # for owners
    os.umask(0o022)
    first, wrong, ways = int(os.environ.get("OSB_SEED", 1)), [], {}
    count = rounds(4, 200, "random pairs of versions, three ways")
    for begin in range(first, first + count, PAIRS_OF_REGISTRY):
        with Registry(test, f"registry{begin}") as registry:
            images = Images(test, registry)
            for seed in range(begin, min(begin + PAIRS_OF_REGISTRY, first + count)):
                wrong += check_pair(test, registry, images, seed, ways)
        shutil.rmtree(registry.root)
        print(f"# up to the seed {seed}: {ways}, {len(wrong)} findings", flush=True)
    test.check(not wrong, f"{count} random pairs: the commit of whole layers; {ways}", "\n".join(wrong))
    taken = sum(number for used, number in ways.items() if used in ("objects by objects", "files by files", "delta by delta"))
    test.check(taken * 2 > count, f"{taken} updates went the way that they are for", ways)


lib_harness.run(main)

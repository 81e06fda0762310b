#!/usr/bin/env python3
"""Random stacks of layers: links on the way of everything, whiteouts, hard links and devices among them. The commit is what
`umoci raw unpack` makes, or the image is refused, for a reason that is documented. Seeded; see lib_random.py.
"""

import collections
import os
import re
import shutil
import tarfile

import lib_harness
import lib_random
from lib_compare import differences, tree
from lib_containers import need_root
from lib_image import Layout, TarLayer

NAMES = ["a", "b", "c", "d", "e"]
TARGETS = [".", "..", "/", "a", "b", "c", "d/e", "../a", "../b", "/a", "/b/c", "../../c", "a/..", "b/../a", "../../../d"]

# Why osb-oci refuses what umoci takes: docs/import.md, "Layers".
REASONS = {
    "is a file, not a directory": "umoci removes a file that stands where a directory is to be",
    "symbolic links one after the other": "umoci gives up later, or makes a directory of the link",
    "which does not exist": "a hard link to what the layer hides further on: umoci links before it hides",
    ", a directory": "a hard link to a directory",
}


class RecordedLayer(TarLayer):
    """One that knows what it has."""

    def __init__(self):
        super().__init__()
        self.names = []

    def add(self, name, *args, **how):
        self.names.append(name)
        return super().add(name, *args, **how)


class Stack:
    """Layers that mostly fit on each other: what an entry names is often what an earlier one has made."""

    def __init__(self, seed):
        self.rng = lib_random.generator(seed, "layers")
        self.parents, self.files, self.links = [""], [], set()
        self.layers = [self.layer(number) for number in range(self.rng.randint(1, 3))]

    def path(self):
        """A name in a directory, or in where a link leads, that may be there; seldom anywhere."""
        parent = self.rng.choice(self.parents)
        if self.rng.random() < 0.08:
            parent = os.path.join(parent, self.rng.choice(NAMES))
        return os.path.join(parent, self.rng.choice(NAMES))

    def forget(self, path):
        """What is not a directory any more has nothing below it."""
        for found in (self.parents, self.files):
            found[:] = [other for other in found if other != path and not other.startswith(path + "/")]

    def known(self):
        return self.rng.choice(self.parents + self.files) or self.path()

    def links_to(self, path):
        return [link for link in self.links if path == link or path.startswith(link + "/")]

    def may_hide(self, path):
        """Layers hide what is below them and nothing else, wherever in them it says so; umoci hides what it finds when it
        comes to it. So that both have one answer, what a layer hides comes before what it has in that place, and before
        all else where links are on the way."""
        if self.links_to(path):
            return not self.own
        return not any(entry == path or not path or entry.startswith(path + "/") for entry in self.own)

    def entry(self, layer, text):
        rng, kind = self.rng, self.rng.random()
        mode, owner = rng.choice((0o755, 0o700, 0o1777, 0o644, 0o4755)), rng.choice((0, 0, 7))
        if kind < 0.30:
            path = self.known() if rng.random() < 0.2 else self.path()
            if path in self.hidden:
                return  # nothing is hidden where a link led that the layer replaces by a directory; umoci has hidden it by then
            layer.directory(path, mode=mode, uid=owner, xattrs={"user.d": b"x"} if rng.random() < 0.2 else None)
            self.files = [other for other in self.files if other != path]
            self.parents.append(path)
        elif kind < 0.55:
            path = self.known() if rng.random() < 0.1 else self.path()
            layer.file_entry(path, f"{text} {path}\n".encode(), mode=mode, gid=owner,
                             xattrs={"user.f": b"y"} if rng.random() < 0.2 else None)
            self.forget(path)
            self.files.append(path)
        elif kind < 0.72:
            path = self.path()
            layer.symlink(path, rng.choice(TARGETS), uid=owner)
            self.forget(path)
            self.parents.append(path)
            self.links.add(path)
        elif kind < 0.80:
            if self.files or rng.random() < 0.1:
                layer.hardlink(self.path(), rng.choice(self.files or self.parents) or "a")
        elif kind < 0.90:
            path = self.known()
            if self.may_hide(path):
                self.hidden.update(link for link in self.links_to(path) if link != path)
                layer.whiteout(path)
                self.forget(path)
        elif kind < 0.94:
            path = rng.choice(self.parents)
            if self.may_hide(path) and not self.links_to(path):
                layer.opaque(path or ".")
        else:
            path = self.known() if rng.random() < 0.3 else self.path()
            layer.add(path, rng.choice((tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)), device=(1, 3))
            self.forget(path)
            self.files.append(path)

    def layer(self, number):
        layer = RecordedLayer()
        self.own, self.hidden = layer.names, set()
        for entry in range(self.rng.randint(1, 9)):
            self.entry(layer, f"{number}.{entry}")
        return layer.bytes()


def without_devices(facts):
    return {path: what for path, what in facts.items() if what["type"] in ("f", "d", "l")}


class Stacks:
    def __init__(self, test):
        self.test = test
        self.outcomes = collections.Counter()

    def compare(self, layout, seed, worker):
        """What is wrong with the image of this seed; "" for nothing."""
        repo, unpacked, out = (self.test.path(f"{name}{worker}") for name in ("repo", "umoci", "ostree"))
        for path in (unpacked, out):
            shutil.rmtree(path, ignore_errors=True)
        result = self.test.osb_import(f"oci:{layout.directory}:s{seed}", repo, "--ref", "r", "--layout", "plain",
                                      "--parent", "none", "--jobs", "1")
        witness = self.test.run("umoci", "raw", "unpack", "--image", f"{layout.directory}:s{seed}", unpacked)
        if result.status not in (0, 3):
            return result.describe()
        if result.status == 3:
            reason = next((text for text in REASONS if text in result.stderr), None)
            self.outcomes[f"refused {'by both' if witness.status else 'here alone'}: {reason}"] += 1
            return "" if reason or witness.status else f"umoci takes it: {result.stderr}"
        if witness.status != 0:
            self.outcomes["refused by umoci alone: " + re.sub(r"'[^']*'|/\S*", "...", witness.stderr)[-60:]] += 1
            return ""
        self.test.must("ostree", "checkout", f"--repo={repo}", "-H", result.commit, out)
        found = differences(without_devices(tree(unpacked)), tree(out))
        self.outcomes["the same tree" if not found else "another tree"] += 1
        return "\n".join(f"{path}: {text} (umoci / osb-oci)" for path, text in found.items())

    def run_batch(self, seeds):
        layout = Layout(self.test.path(f"layout{seeds[0]}"))
        for seed in seeds:
            layout.image(f"s{seed}", Stack(seed).layers, "")
        wrong = [(seed, text) for seed, text in
                 zip(seeds, lib_random.side_by_side(lambda seed, worker: self.compare(layout, seed, worker), seeds)) if text]
        self.test.check(not wrong, f"{len(seeds)} random stacks from seed {seeds[0]} on: as umoci has them, or refused",
                        "\n".join(f"OSB_SEED={seed} OSB_COUNT=1: {text}" for seed, text in wrong))
        shutil.rmtree(layout.directory)


def main(test):
    need_root()
    test.need("umoci", "ostree")
    os.umask(0o022)
    stacks = Stacks(test)
    for worker in range(os.cpu_count() or 1):
        repo = test.init_repo(f"repo{worker}", "bare")
        with open(os.path.join(repo, "config"), "a", encoding="ascii") as config:
            config.write("fsync=false\n")
    for seeds in lib_random.batches():
        stacks.run_batch(seeds)
    for what, count in stacks.outcomes.most_common():
        print(f"# {count}: {what}")
    same = stacks.outcomes["the same tree"]
    test.check(same * 4 > sum(stacks.outcomes.values()), "a quarter and more are taken by both")
    for worker in range(os.cpu_count() or 1):
        test.fsck(test.path(f"repo{worker}"), f"repository {worker}: fsck")


lib_harness.run(main)

#!/usr/bin/env python3
"""Random root filesystems with links among the names that the bootable layout treats specially. Either the image is refused,
for a reason that is documented; or no file is lost, and every path that led to a file leads to the same one in the system
that boots from the commit. Seeded; see lib_random.py. A file is known by its size: no two of a tree have the same.
"""

import collections
import os
import re
import shutil

import lib_harness
import lib_random
from lib_image import Layout, TarLayer

# What may be found in a directory; the key "" is for all others.
NAMES = {
    "/": ["usr", "etc", "var", "bin", "sbin", "lib", "lib64", "home", "root", "srv", "mnt", "opt", "boot", "tmp", "a", "b"],
    "/usr": ["bin", "sbin", "lib", "lib64", "local", "share", "etc", "a", "b"],
    "/usr/share": ["factory", "a", "b"],
    "/usr/share/factory": ["var", "etc"],
    "/usr/share/factory/var": ["home", "lib", "a"],
    "/usr/local": ["bin", "share", "a"],
    "/usr/lib": ["modules", "a", "b", "c"],
    "/lib": ["modules", "a", "b", "c"],
    "/var": ["home", "roothome", "srv", "mnt", "opt", "usrlocal", "lib", "a", "b"],
    "": ["a", "b", "c"],
}
PLACES = ["/", "/mnt", "/sbin", "/var/mnt", "/var/roothome", "/usr/lib/modules", "/lib/modules", "/usr", "/etc", "/var", "/bin",
          "/lib", "/usr/bin", "/usr/lib", "/usr/sbin", "/home", "/root", "/srv", "/opt", "/usr/local", "/usr/share",
          "/usr/share/factory", "/usr/etc", "/var/home", "/var/opt", "/var/srv", "/var/usrlocal", "/a", "/usr/a", "/lib/a",
          "/usr/lib/a", "/etc/a", "/usr/bin/a", "/bin/a", "/home/a", "/var/lib", "/usr/lib64", "/lib64"]
# Directories that become one, or that one of the two is a link to.
TWINS = {"/lib": "/usr/lib", "/usr/lib": "/lib", "/bin": "/usr/bin", "/usr/bin": "/bin", "/etc": "/usr/etc", "/home": "/var/home",
         "/var/home": "/home", "/var": "", "": "/var", "/usr": "", "/sbin": "/usr/bin", "/usr/local": "/var/usrlocal",
         "/usr/share/factory": ""}
# Places that the running system fills, or that belong to the boot loader: what the image has there is dropped.
DROPPED = ("/tmp", "/run", "/boot", "/ostree", "/sysroot", "/dev", "/proc", "/sys")
REASONS = ("two different files for one place", "is not a directory", "is a file, not a directory",
           "is a link to another directory than /etc", "which is not part of the image", "cannot move to", "outside /usr",
           "contains a missing directory", "symbolic links one after the other")


class Tree:
    """A directory is a dictionary, a file its number, a link its text."""

    def __init__(self, seed):
        self.rng, self.files = lib_random.generator(seed, "trees"), 0
        self.root = self.directory("/", 0)

    def target(self, path, name):
        """Of a link of this name in the directory `path`."""
        rng, whole = self.rng, f"{path}/{name}"
        place = rng.choice(PLACES) if rng.random() < 0.6 else TWINS.get(path, path) + "/" + name
        if place == whole:
            place = rng.choice(PLACES)
        place += rng.choice(("", "", "", "", "/a", "/b", "/../a", "/..", "/../etc/a"))
        if rng.random() < 0.4:
            return place
        up = "../" * path.count("/") if rng.random() < 0.8 else "../" * rng.randint(0, 3)
        return (up + place[1:]).rstrip("/") or "."

    def node(self, path, depth):
        directory, link = (0.7, 0.97) if path in PLACES and not path.endswith("/a") else (0.3, 0.65)
        chance = self.rng.random()
        if path in ("/usr", "/etc", "/var"):
            chance *= 0.72
        if chance < directory and depth < 5:
            return self.directory(path, depth)
        if chance < link:
            return self.target(*path.rsplit("/", 1))
        self.files += 1
        # Some are equal, so that what is there twice may become one.
        return self.rng.randint(1, self.files) if chance > 0.97 else self.files

    def directory(self, path, depth):
        out = {}
        for name in NAMES.get(path, NAMES[""]):
            if self.rng.random() < (0.5 if depth < 2 else 0.3):
                out[name] = self.node(path.rstrip("/") + "/" + name, depth + 1)
        return out

    def layer(self):
        layer = TarLayer()

        def add(path, node):
            if isinstance(node, dict):
                layer.directory(path[1:] or "./")
                for name, child in node.items():
                    add(path.rstrip("/") + "/" + name, child)
            elif isinstance(node, int):
                layer.file_entry(path[1:], b"x" * node)
            else:
                layer.symlink(path[1:], node)

        add("/", self.root)
        return layer.bytes()


def look_up(root, path):
    """(node, path without links) as the kernel finds it inside a chroot; (None, ...) for nothing."""
    stack, rest, links = [("", root)], path.split("/"), 0
    while rest:
        name = rest.pop(0)
        if name in ("", "."):
            continue
        if name == "..":
            stack = stack[:-1] or stack
            continue
        where, here = stack[-1]
        node = here.get(name)
        if isinstance(node, str):
            links += 1
            if links > 40:
                return None, ""
            stack = stack[:1] if node.startswith("/") else stack
            rest = node.split("/") + rest
        elif isinstance(node, dict):
            stack.append((f"{where}/{name}", node))
        elif node is None or any(part not in ("", ".") for part in rest):
            return None, ""
        else:
            return node, f"{where}/{name}"
    return stack[-1][1], stack[-1][0]


def walk(node, path=""):
    for name, child in node.items():
        yield f"{path}/{name}", child
        if isinstance(child, dict):
            yield from walk(child, f"{path}/{name}")


def is_dropped(path):
    return path.startswith(DROPPED) or path == "/.dockerenv"


def listed(text):
    """The tree of `ostree ls -R`."""
    root = {}
    for line in text.splitlines():
        head, path = re.fullmatch(r"(.\d+ +\d+ +\d+ +\d+) (/.*)", line).groups()
        value = {} if head[0] == "d" else int(head.split()[-1])
        if head[0] == "l":
            path, value = path.split(" -> ", 1)
        parts = [part for part in path.split("/") if part]
        here = root
        for part in parts[:-1]:
            here = here[part]
        if parts:
            here[parts[-1]] = value
    return root


def merge(into, other):
    for name, node in other.items():
        if isinstance(node, dict) and isinstance(into.get(name), dict):
            merge(into[name], node)
        else:
            into[name] = node


def deployed(commit):
    """The commit as the running system has it after its first boot."""
    root = dict(commit)
    root["etc"] = root.get("usr", {}).get("etc", {})
    factory, _ = look_up(commit, "/usr/share/factory/var")
    root["var"] = dict(root.get("var", {}))
    merge(root["var"], factory or {})
    return root


def faults(before, commit):
    after = deployed(commit)
    kept = {node for _, node in walk(commit) if isinstance(node, int)}
    for path, node in walk(before):
        if isinstance(node, int) and node not in kept and not is_dropped(path):
            yield f"the file {path} is lost"
    for path, node in walk(before):
        if isinstance(node, dict) or is_dropped(path):
            continue
        end, where = look_up(before, path)
        if end is None or is_dropped(where):
            continue
        paths = [(path, end)]
        if isinstance(end, dict):  # a link to a directory: what is in it is found by way of the link
            paths = [(f"{path}/{name}", child) for name, child in end.items()
                     if isinstance(child, int) and not is_dropped(f"{where}/{name}")]
        for name, expected in paths:
            found, there = look_up(after, name)
            if found != expected:
                yield f"{name} led to {expected} in {where}, and leads to {found} in {there}"


class Trees:
    def __init__(self, test):
        self.test = test
        self.outcomes = collections.Counter()

    def fault(self, layout, seed, worker):
        repo = self.test.path(f"repo{worker}")
        result = self.test.osb_import(f"oci:{layout.directory}:s{seed}", repo, "--ref", "r", "--parent", "none", "--jobs", "1")
        if result.status != 0:
            reason = next((text for text in REASONS if text in result.stderr), None)
            self.outcomes[f"refused: {reason}"] += 1
            return "" if reason and result.status == 3 else result.describe()
        self.outcomes["laid out"] += 1
        commit = listed(self.test.must("ostree", "ls", "-R", f"--repo={repo}", result.commit))
        return "\n".join(list(faults(Tree(seed).root, commit))[:5])

    def run_batch(self, seeds):
        layout = Layout(self.test.path(f"layout{seeds[0]}"))
        for seed in seeds:
            layout.image(f"s{seed}", [Tree(seed).layer()], "")
        found = lib_random.side_by_side(lambda seed, worker: self.fault(layout, seed, worker), seeds)
        wrong = [f"OSB_SEED={seed} OSB_COUNT=1: {text}" for seed, text in zip(seeds, found) if text]
        what = f"{len(seeds)} random trees from seed {seeds[0]} on"
        self.test.check(not wrong, f"{what}: nothing is lost or leads elsewhere", "\n".join(wrong))
        shutil.rmtree(layout.directory)


def main(test):
    test.need("ostree")
    trees = Trees(test)
    for worker in range(os.cpu_count() or 1):
        repo = test.init_repo(f"repo{worker}")
        with open(os.path.join(repo, "config"), "a", encoding="ascii") as config:
            config.write("fsync=false\n")
    for seeds in lib_random.batches():
        trees.run_batch(seeds)
    for what, count in trees.outcomes.most_common():
        print(f"# {count}: {what}")
    test.check(trees.outcomes["laid out"] * 5 > sum(trees.outcomes.values()), "a fifth and more are laid out")


lib_harness.run(main)

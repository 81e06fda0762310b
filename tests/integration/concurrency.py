#!/usr/bin/env python3
"""Imports beside one another, and beside `ostree prune`, in one repository: all succeed, and it stays whole."""

import os
import random
import subprocess

import lib_harness
from lib_harness import rounds
from lib_image import Layout, TarLayer, simple_layout

ROUNDS = rounds(3, 10, "imports side by side, beside ostree prune and ostree commit")
CREATIONS = rounds(8, 40, "imports that make one repository at once")


def make_images(test):
    """Three images that share their lower layer."""
    generator, layout = random.Random(3), Layout(test.path("images"))
    base = TarLayer()
    for number in range(300):
        base.file_entry(f"base{number}", generator.randbytes(2000))
    base = base.bytes()
    for tag in ("a", "b", "c"):
        top = TarLayer()
        for number in range(100):
            top.file_entry(f"{tag}{number}", generator.randbytes(2000))
        layout.image(tag, [base, top.bytes()])
    return layout.directory


class Together:
    def __init__(self, test, images):
        self.test, self.images = test, images

    def start(self, tag, repo, ref=None):
        command = [self.test.osb, "import", f"oci:{self.images}:{tag}", "--repo", repo, "--ref", ref or tag,
                   "--layout", "plain", "--parent", "none", "--progress", "none"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process):
        stdout, stderr = process.communicate()
        return lib_harness.Result(process.returncode, stdout.decode(), stderr.decode())


def check_imports(test, together, commits):
    faults = []
    for number in range(ROUNDS):
        # In every other round the repository is missing: all of them make it.
        repo = test.path(f"repo{number}")
        if number % 2 == 0:
            test.init_repo(f"repo{number}")
        pairs = (("a", "a"), ("b", "b"), ("a", "a"), ("c", "c"), ("a", "other"))
        running = [(tag, together.start(tag, repo, ref)) for tag, ref in pairs]
        for tag, process in running:
            done = together.finish(process)
            if done.status != 0 or done.commit != commits[tag]:
                faults.append(f"round {number}, {tag}: {done.describe()}")
        named = {ref: commit for ref, commit in lib_harness.refs(repo).items() if not ref.startswith("ostree/")}
        if named != {"a": commits["a"], "b": commits["b"], "c": commits["c"], "other": commits["a"]}:
            faults.append(f"round {number}: refs {named}")
        if lib_harness.staged(repo):
            faults.append(f"round {number}: left {lib_harness.staged(repo)}")
        fsck = test.run("ostree", "fsck", "--quiet", f"--repo={repo}")
        if fsck.status != 0:
            faults.append(f"round {number}: fsck {fsck.describe()}")
    test.check(not faults, f"{ROUNDS} times 5 imports at once: all succeed, refs and fsck are right", "\n".join(faults))


def check_creation(test):
    """The repository is missing, and each of several imports may be the one that makes it."""
    image, faults = f"oci:{simple_layout(test.path('small'), {'x': b'x'}).directory}:v1", []
    for number in range(CREATIONS):
        repo = test.path(f"new{number}")
        running = [subprocess.Popen([test.osb, "import", image, "--repo", repo, "--ref", f"r{index}", "--progress",
                                     "none"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE) for index in range(4)]
        for process in running:
            _, stderr = process.communicate()
            if process.returncode != 0:
                faults.append(f"round {number}: {stderr.decode()}")
    test.check(not faults, f"{CREATIONS} times 4 imports at once make one repository", "\n".join(faults))


def check_prune(test, together, commits):
    repo, faults, prunes = test.init_repo("pruned"), [], 0
    for number in range(ROUNDS):
        tag = "abc"[number % 3]
        running = together.start(tag, repo, "os")
        while running.poll() is None:
            prune = test.run("ostree", "prune", "--refs-only", f"--repo={repo}")
            prunes += 1
            if prune.status != 0:
                faults.append(f"round {number}: prune {prune.describe()}")
        done = together.finish(running)
        if done.status != 0 or done.commit != commits[tag]:
            faults.append(f"round {number}: {done.describe()}")
        fsck = test.run("ostree", "fsck", "--quiet", f"--repo={repo}")
        if fsck.status != 0:
            faults.append(f"round {number}: fsck {fsck.describe()}")
    test.check(not faults and prunes >= ROUNDS, f"{ROUNDS} imports beside {prunes} runs of ostree prune: fsck is well",
               "\n".join(faults))


def check_commit(test, together, commits):
    """Another program's transaction shares the lock."""
    repo, faults = test.init_repo("committed"), []
    os.mkdir(test.path("tree"))
    for number in range(ROUNDS):
        with open(test.path("tree", "file"), "w", encoding="ascii") as out:
            out.write(str(number))
        tag = "abc"[number % 3]
        running = together.start(tag, repo, f"os{number}")
        other = test.run("ostree", "commit", f"--repo={repo}", "--branch=tree", f"--tree=dir={test.path('tree')}")
        done = together.finish(running)
        if other.status != 0 or done.status != 0 or done.commit != commits[tag]:
            faults.append(f"round {number}: {done.describe()}; ostree commit {other.describe()}")
    fsck = test.run("ostree", "fsck", "--quiet", f"--repo={repo}")
    test.check(not faults and fsck.status == 0, f"{ROUNDS} imports beside ostree commit: both succeed, fsck is well",
               "\n".join(faults + [fsck.describe()]))


def main(test):
    test.need("ostree")
    together = Together(test, make_images(test))
    commits = {}
    for tag in ("a", "b", "c"):
        done = together.finish(together.start(tag, test.path("alone-" + tag)))
        test.check_status(done, 0, f"{tag} alone")
        commits[tag] = done.commit
    check_creation(test)
    check_imports(test, together, commits)
    check_prune(test, together, commits)
    check_commit(test, together, commits)


lib_harness.run(main)

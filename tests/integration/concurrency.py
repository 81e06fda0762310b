#!/usr/bin/env python3
"""Imports beside one another, and beside `ostree prune`, in one repository: all succeed, and it stays whole."""

import fcntl
import os
import random
import signal
import subprocess
import time

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


def check_interrupt(test, image):
    """Another program has the repository for itself: SIGINT ends the wait at once, with 130 and no trace."""
    repo = test.init_repo("locked")
    tree = test.path("locked-tree")
    os.mkdir(tree)
    test.must("ostree", "commit", f"--repo={repo}", "--branch=r", f"--tree=dir={tree}")
    exported = f"oci:{test.path('locked-image')}:v1"
    test.must(test.osb, "export", "--repo", repo, "r", exported)
    with open(os.path.join(repo, ".lock"), "r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        for what, command in (("import", ["import", image, "--repo", repo, "--ref", "x"]),
                              ("pull", ["pull", "--repo", repo, "--ref", "x", exported]),
                              ("push", ["push", "--repo", repo, "r", "file://" + test.path("pushed")])):
            process = subprocess.Popen([test.osb, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                process.wait(0.7)
                test.check(False, f"{what} waits for a locked repository", process.stderr.read())
                continue
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
            start = time.monotonic()
            _, stderr = process.communicate()
            took = time.monotonic() - start
            test.check(process.returncode == 130 and took < 0.5, f"SIGINT ends {what} that waits for a locked repository",
                       f"status {process.returncode} after {took:.2f} s: {stderr.decode()}")
    test.check(not lib_harness.staged(repo) and "x" not in lib_harness.refs(repo), "it left nothing")


def check_archives(test, image_repo):
    """Exports to one file: each succeeds or says that another writes it, and the file is one of theirs."""
    faults, archive = [], test.path("image.tar")
    for number in range(ROUNDS):
        running = [subprocess.Popen([test.osb, "export", "--repo", image_repo, "x", f"oci-archive:{archive}:v1", "--compression",
                                     "gzip"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
        ended = [(process.communicate()[1].decode(), process.returncode) for process in running]
        if not any(status == 0 for _, status in ended):
            faults.append(f"round {number}: none succeeded: {ended}")
        faults += [f"round {number}: {status} {stderr}" for stderr, status in ended
                   if status != 0 and "another process is writing" not in stderr]
        pulled = test.run(test.osb, "pull", "--repo", test.path(f"from-archive{number}"), f"oci-archive:{archive}:v1")
        if pulled.status != 0:
            faults.append(f"round {number}: {pulled.describe()}")
    test.check(not faults, f"{ROUNDS} times 4 exports to one archive: it is whole", "\n".join(faults))


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
    check_interrupt(test, f"oci:{together.images}:a")
    test.must("ostree", "refs", "--create=x", "a", f"--repo={test.path('alone-a')}")
    check_archives(test, test.path("alone-a"))


lib_harness.run(main)

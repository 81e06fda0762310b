#!/usr/bin/env python3
"""Commits pushed into archive repositories in directories: judged by ostree, and by clients that pull over HTTP.

OSB_SEED repeats a run's moments.
"""

import functools
import http.server
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import lib_harness
from lib_harness import rounds
from lib_image import simple_layout
from lib_nginx import NginxRepository

REF = "os/test/main"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


class PythonServer:
    """Serves a directory with Python's server."""

    def __init__(self, directory):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      functools.partial(QuietHandler, directory=directory))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Pusher:
    def __init__(self, test):
        self.test = test

    def push(self, repo, rev, destination, *options, **how):
        return self.test.run(self.test.osb, "push", "--repo", repo, "--progress", "none", rev, f"file://{destination}",
                             *options, **how)

    def client(self, name, url):
        """A new repository with the remote `origin`."""
        repo = self.test.init_repo(name, "bare-user-only")
        self.test.must("ostree", f"--repo={repo}", "config", "set", "core.fsync", "false")
        self.test.must("ostree", f"--repo={repo}", "remote", "add", "--no-gpg-verify", "origin", url)
        return repo

    def pull(self, repo, ref):
        return self.test.run("ostree", f"--repo={repo}", "pull", "origin", ref)


def source_of_imports(test):
    """A repository with three commits, one after the other, and their checksums."""
    repo, commits = test.path("source"), []
    for number in range(3):
        files = {f"usr/file{i}": f"{i}".encode() * 100 for i in range(50)}
        files["usr/changing"] = f"version {number}".encode()
        layout = simple_layout(test.path(f"image{number}"), files)
        result = test.osb_import(f"oci:{layout.directory}:v1", repo, "--ref", REF, "--layout", "plain")
        assert result.status == 0, result.describe()
        commits.append(result.commit)
    return repo, commits


def log_of(test, repo, rev):
    lines = test.must("ostree", f"--repo={repo}", "log", rev).splitlines()
    return [line.split()[1] for line in lines if line.startswith("commit ")]


def objects_in(repo):
    return {os.path.relpath(os.path.join(directory, name), repo): os.stat(os.path.join(directory, name)).st_mtime_ns
            for directory, _, names in os.walk(os.path.join(repo, "objects")) for name in names}


def check_push(test, pusher, source, commits):
    destination = test.path("srv", "repo")
    os.mkdir(os.path.dirname(destination))
    result = pusher.push(source, commits[1], destination, "--ref", REF)
    test.check_status(result, 0, "push to a directory that is not there")
    test.check(commits[1] in result.stdout, "the commit is printed", result.describe())
    test.fsck(destination, "ostree finds no fault in what was made")
    test.check(log_of(test, destination, REF) == commits[1::-1], "the commit has its history")
    result = pusher.push(source, REF, destination)
    test.check_status(result, 0, "the next commit")
    before = objects_in(destination)
    result = pusher.push(source, REF, destination)
    test.check_status(result, 0, "the same push again")
    test.check(objects_in(destination) == before, "a second push touches no object")
    summary = test.must("ostree", f"--repo={destination}", "summary", "--view")
    test.check(f"* {REF}" in summary and commits[2] in summary, "the summary names the commit", summary)
    test.fsck(destination, "ostree finds no fault after several pushes")
    servers = [("Python's server", PythonServer(destination))]
    if shutil.which("nginx"):
        servers.append(("nginx", NginxRepository(test, destination)))
    for number, (name, server) in enumerate(servers):
        with server:
            client = pusher.client(f"client{number}", server.url)
            result = pusher.pull(client, REF)
            test.check(result.status == 0 and test.must("ostree", f"--repo={client}", "rev-parse", f"origin:{REF}")
                       .strip() == commits[2], f"a stock ostree pull over HTTP gets it from {name}", result.describe())
            test.fsck(client, f"what came from {name} is whole")
            result = test.run("ostree", f"--repo={client}", "pull", "--depth=-1", "origin", REF)
            test.check(result.status == 0 and log_of(test, client, f"origin:{REF}") == commits[::-1],
                       f"with its history, from {name}", result.describe())
    return destination


def check_refusals(test, pusher, source, commits, destination):
    test.check_refused(pusher.push(source, commits[0], destination), 2, "a commit without a ref", "--ref")
    test.check_refused(pusher.push(source, "no/such", destination), 1, "a ref that is not there", "no/such")
    test.check_refused(pusher.push(source, commits[0], destination, "--ref", "../x"), 2, "a ref that is none", "../x")
    test.check_refused(pusher.push(source, commits[0], destination, "--ref", REF), 3, "an older commit", commits[2])
    test.check(lib_harness.refs(destination)[REF] == commits[2], "it moved nothing")
    test.check_status(pusher.push(source, commits[0], destination, "--ref", REF, "--force"), 0, "an older commit, forced")
    test.check(lib_harness.refs(destination)[REF] == commits[0], "the ref is set back")
    test.check_status(pusher.push(source, REF, destination), 0, "and forward again")
    bare = test.init_repo("bare", "bare-user-only")
    test.check_refused(pusher.push(source, REF, bare), 3, "a repository that HTTP cannot serve", "bare-user-only")
    for url in ("file://host/x", "file:x", "file:///a%00"):
        result = test.run(test.osb, "push", "--repo", source, REF, url)
        test.check_refused(result, 2, f"the destination {url}", url)


def check_modes(test, pusher, source, commits):
    """What is pushed from a bare repository is the same repository."""
    modes = ["bare-user", "bare-user-only"] + (["bare"] if os.geteuid() == 0 else [])
    reference = test.path("reference")
    assert pusher.push(source, REF, reference).status == 0
    names = set(objects_in(reference))
    for mode in modes:
        repo = test.init_repo(f"source-{mode}", mode)
        test.must("ostree", f"--repo={repo}", "pull-local", "--depth=-1", source, REF)
        destination = test.path(f"from-{mode}")
        result = pusher.push(repo, REF, destination)
        if not test.check_status(result, 0, f"push from a {mode} repository"):
            continue
        test.fsck(destination, f"ostree finds no fault in what came from {mode}")
        test.check(log_of(test, destination, REF) == commits[::-1] and set(objects_in(destination)) == names,
                   f"{mode}: the same objects")


def check_signatures(test, pusher, source, commits):
    """A signature that was made after the first push reaches clients that ask for one. libostree's signatures of the
    type `dummy` need no keys and no library."""
    environment = {**os.environ, "OSTREE_DUMMY_SIGN_ENABLED": "1"}
    destination = test.path("signed")
    assert pusher.push(source, REF, destination).status == 0
    with PythonServer(destination) as server:
        repo = test.init_repo("verifying", "bare-user-only")
        test.must("ostree", f"--repo={repo}", "remote", "add", "--no-gpg-verify", "--sign-verify=dummy=inline:the-key",
                  "origin", server.url)

        def pull():
            return test.run("ostree", f"--repo={repo}", "pull", "origin", REF, env=environment)
        test.check(pull().status != 0, "a client that verifies signatures takes no commit without one")
        test.must("ostree", f"--repo={source}", "sign", "--sign-type=dummy", commits[2], "the-key", env=environment)
        test.check_status(pusher.push(source, REF, destination), 0, "push of a signature that came later")
        result = pull()
        test.check(result.status == 0, "it takes the commit with the signature", result.describe())


def tree_repo(test, name, generator, mode="bare-user-only", count=400):
    """A repository with a commit of many small files, and some larger ones: enough to be killed within."""
    tree = test.path(f"{name}-tree")
    for directory in range(20):
        os.makedirs(os.path.join(tree, f"{directory}"))
        for file in range(count // 20):
            with open(os.path.join(tree, f"{directory}", f"{file}"), "wb") as out:
                out.write(generator.randbytes(generator.randrange(20000)))
    with open(os.path.join(tree, "large"), "wb") as out:
        out.write(generator.randbytes(6 << 20))
    repo = test.init_repo(name, mode)
    for number in range(2):
        with open(os.path.join(tree, "changing"), "w", encoding="ascii") as out:
            out.write(f"{number}")
        test.must("ostree", f"--repo={repo}", "commit", "-b", REF, f"--timestamp=2024-01-0{number + 1} 00:00:00Z",
                  "--canonical-permissions", f"--tree=dir={tree}")
    return repo


def fault_of(test, repo, source_commits):
    """What is wrong with a repository after a kill; "" when it is a good one."""
    if not os.path.exists(os.path.join(repo, "config")) or not os.path.isdir(os.path.join(repo, "objects")):
        return ""  # not made yet; the next push makes it
    result = test.run("ostree", "fsck", "--quiet", f"--repo={repo}")
    if result.status != 0:
        return result.describe()
    refs = lib_harness.refs(repo)
    if not set(refs.values()) <= set(source_commits):
        return f"refs {refs}"
    for commit in refs.values():
        result = test.run("ostree", f"--repo={repo}", "ls", "-R", commit)
        if result.status != 0:
            return result.describe()
    return ""


def check_kills(test, pusher, generator, mode):
    source = tree_repo(test, f"kill-{mode}", generator, mode)
    commits = log_of(test, source, REF)
    destination = test.path(f"killed-{mode}")
    begin = time.monotonic()
    assert pusher.push(source, REF, destination).status == 0
    seconds = time.monotonic() - begin
    shutil.rmtree(destination)
    faults, killed = [], 0
    times = rounds(8, 40, f"kill -9 of a push into {mode}")
    for number in range(times):
        process = subprocess.Popen([test.osb, "push", "--repo", source, "--progress", "none", REF, f"file://{destination}"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin = time.monotonic()
        try:
            process.wait(generator.uniform(0, seconds))
            seconds = time.monotonic() - begin  # it is quicker now
        except subprocess.TimeoutExpired:
            process.kill()
            killed += process.wait() == -signal.SIGKILL
        if fault := fault_of(test, destination, commits):
            faults.append(fault)
        if number % 4 == 3:
            result = pusher.push(source, REF, destination)
            if result.status != 0 or lib_harness.refs(destination).get(REF) != commits[0] or \
                    lib_harness.staged(destination) or test.run("ostree", "fsck", "-q", f"--repo={destination}").status != 0:
                faults.append(f"the next push: {result.describe()}, {lib_harness.staged(destination)}")
            if generator.random() < 0.7:
                shutil.rmtree(destination)
    test.check(not faults and killed > 0, f"{mode}: {killed} of {times} pushes killed: always a good repository, and the "
               "next one completes it", "\n".join(faults))


def check_readers(test, pusher, generator):
    """Whoever pulls while pushes go on gets a whole commit each time."""
    source = tree_repo(test, "busy", generator, "archive", count=100)
    tree = test.path("busy-tree")
    destination = test.path("busy-destination")
    assert pusher.push(source, REF, destination).status == 0
    faults, pulls, stop = [], 0, threading.Event()

    def write():
        try:
            for number in range(8):
                with open(os.path.join(tree, "changing"), "w", encoding="ascii") as out:
                    out.write(f"again {number}")
                with open(os.path.join(tree, "large"), "wb") as out:
                    out.write(generator.randbytes(2 << 20))
                test.must("ostree", f"--repo={source}", "commit", "-b", REF, "--canonical-permissions", f"--tree=dir={tree}")
                result = pusher.push(source, REF, destination)
                if result.status != 0:
                    faults.append(result.describe())
        finally:
            stop.set()

    with PythonServer(destination) as server:
        writer = threading.Thread(target=write)
        writer.start()
        while not stop.is_set() or pulls < 3:
            repo = pusher.client(f"reader{pulls}", server.url)
            result = pusher.pull(repo, REF)
            if result.status != 0:
                faults.append(result.describe())
            shutil.rmtree(repo)
            pulls += 1
        writer.join()
    test.check(not faults, f"{pulls} clients that pull while commits are pushed get whole ones", "\n".join(faults))


def check_side_by_side(test, pusher, source, commits):
    """Several at once: the same ref, others, and one that prunes."""
    destination = test.path("side-by-side")
    expected = {}
    processes = []
    for number in range(12):
        rev, ref = (commits[2], REF) if number % 3 == 0 else (commits[number % 3], f"os/test/{number}")
        expected[ref] = rev
        processes.append(subprocess.Popen(
            [test.osb, "push", "--repo", source, "--progress", "none", rev, f"file://{destination}", "--ref", ref],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    errors = [process.communicate()[1].decode() for process in processes]
    failed = [error for process, error in zip(processes, errors) if process.returncode != 0]
    test.check(not failed, "twelve pushes at once into a repository that was not there", "\n".join(failed))
    test.check(lib_harness.refs(destination) == expected, "every ref is there", lib_harness.refs(destination))
    summary = test.must("ostree", f"--repo={destination}", "summary", "--view")
    test.check(all(f"* {ref}\n" in summary for ref in expected), "and in the summary", summary)
    test.fsck(destination, "ostree finds no fault after pushes side by side")


def check_other_owner(test, pusher, source, commits):
    """A source that others own is copied: they must not be able to change what is served."""
    if os.geteuid() != 0:
        test.skip_one("a source of another owner", "needs root")
        return
    foreign = test.path("foreign")
    shutil.copytree(source, foreign, symlinks=True)
    for directory, names, files in os.walk(foreign):
        for name in names + files:
            os.lchown(os.path.join(directory, name), 65534, 65534)
    os.chown(foreign, 65534, 65534)
    destination = test.path("from-foreign")
    test.check_status(pusher.push(foreign, REF, destination), 0, "push from a repository of another owner")
    owners = {os.lstat(os.path.join(destination, name)).st_uid for name in objects_in(destination)}
    test.check(owners == {0}, "its objects are ours", owners)
    test.check(log_of(test, destination, REF) == commits[::-1], "with the whole history")
    # One who may only read the source, and has no right to lock it.
    readable = test.path("readable")
    os.mkdir(readable)
    os.chmod(test.work, 0o755)
    os.chown(readable, 65534, 65534)
    result = pusher.push(source, REF, os.path.join(readable, "repo"), user=65534,
                         env={**os.environ, "HOME": "/nonexistent"})
    test.check_status(result, 0, "push from a repository that is only readable")
    test.fsck(os.path.join(readable, "repo"), "ostree finds no fault in what was read only")


def main(test):
    test.need("ostree")
    seed = int(os.environ.get("OSB_SEED", time.time_ns() % 1_000_000))
    print(f"# OSB_SEED={seed}")
    generator = random.Random(seed)
    pusher = Pusher(test)
    source, commits = source_of_imports(test)
    destination = check_push(test, pusher, source, commits)
    check_refusals(test, pusher, source, commits, destination)
    check_modes(test, pusher, source, commits)
    check_signatures(test, pusher, source, commits)
    check_side_by_side(test, pusher, source, commits)
    check_other_owner(test, pusher, source, commits)
    check_readers(test, pusher, generator)
    for mode in ("archive", "bare-user-only"):
        check_kills(test, pusher, generator, mode)


# What a kill leaves does not depend on the disk, and many repositories are made and removed quicker without one.
memory = "/dev/shm"
if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 512 << 20:
    os.environ["TMPDIR"] = memory
lib_harness.run(main)

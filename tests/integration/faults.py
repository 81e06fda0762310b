#!/usr/bin/env python3
"""Each system call that changes a file fails once, or is the last one of the program: EIO, ENOSPC, EINTR and SIGKILL, injected by strace
into import, pull, export and push. After each fault: refs and tags are old or new, what they name is whole, the same command again gives
what an undisturbed run gives, and nothing is left over. A fault of a reported success is a success that is not there.
Takes minutes with OSB_LONG=1: all points; otherwise a share of them, by OSB_SEED."""

import json
import os
import random
import re
import shutil

import lib_harness
from lib_harness import rounds
from lib_image import Layout, TarLayer

CALLS = ("openat", "write", "writev", "pwrite64", "fsync", "fdatasync", "syncfs", "rename", "renameat", "renameat2", "link", "linkat",
         "unlink", "unlinkat", "mkdirat", "mkdir", "flock", "fcntl", "ftruncate", "fchmod", "fchown", "symlinkat", "copy_file_range",
         "utimensat")
FAULTS = ("error=EIO", "error=ENOSPC", "error=EINTR", "signal=KILL")
# 1: failed; 3: a file of the repository could not be read to its end; 6: no space. Never a crash.
FAILED = (1, 3, 6)
SIGKILL_STATUS = 128 + 9
REF = "os/test"


class Case:
    """A verb: how its state is made once, what it changes, and what must hold of it."""

    def __init__(self, test, name):
        self.test, self.name = test, name
        self.start, self.work = test.path(f"{name}-start"), test.path(f"{name}-work")

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.start, self.work, symlinks=True)

    def strace(self, *options):
        return self.test.run("strace", "-f", "-qq", *options, *self.command())


def whole_repository(test, repo, allowed):
    """What is wrong with a repository: its ref is none of `allowed`, or fsck finds faults."""
    found = lib_harness.refs(repo).get(REF)
    if found not in allowed:
        return f"the ref is {found}"
    fsck = test.run("ostree", "fsck", "--quiet", f"--repo={repo}")
    return "" if fsck.status == 0 else f"fsck: {fsck.describe()}"


class ToRepository(Case):
    """import or pull into an archive repository that has the version before."""

    def __init__(self, test, verb, old, new, mode):
        super().__init__(test, f"{verb}-{mode}")
        self.verb, self.image = verb, new
        test.must("ostree", "init", f"--repo={self.start}", f"--mode={mode}")
        test.must(test.osb, verb, "-q", old, *self.options(self.start))
        self.old = lib_harness.refs(self.start)[REF]
        self.fresh()
        test.must(*self.command())
        self.new = lib_harness.refs(self.work)[REF]
        self.size = lib_harness.disk_use(self.work)

    def options(self, repo):
        return ["--repo", repo, "--ref", REF, "--jobs", "1"] + (["--layout", "plain"] if self.verb == "import" else [])

    def command(self):
        return [self.test.osb, self.verb, "-q", self.image, *self.options(self.work)]

    def fault(self):
        return whole_repository(self.test, self.work, (self.old, self.new))

    def is_done(self):
        return lib_harness.refs(self.work).get(REF) == self.new

    def rest(self):
        left = lib_harness.staged(self.work)
        if left:
            return f"left below tmp/: {left}"
        size = lib_harness.disk_use(self.work)
        return "" if size <= 1.01 * self.size + 65536 else f"uses {size} bytes, undisturbed {self.size}"


class ToArchive(Case):
    """push into an archive repository, with its summary."""

    def __init__(self, test, source, old):
        super().__init__(test, "push")
        self.source, self.old = source, old
        self.push_old = [test.osb, "push", "-q", "--repo", source, "--jobs", "1", "--ref", REF, old, f"file://{self.start}"]
        test.must(*self.push_old)
        self.fresh()
        test.must(*self.command())
        self.new = lib_harness.refs(self.work)[REF]

    def command(self):
        return [self.test.osb, "push", "-q", "--repo", self.source, "--jobs", "1", REF, f"file://{self.work}"]

    def fault(self):
        wrong = whole_repository(self.test, self.work, (self.old, self.new))
        if wrong:
            return wrong
        summary = self.test.run("ostree", "summary", "--view", f"--repo={self.work}")
        named = re.findall(r"[0-9a-f]{64}", summary.stdout)
        return "" if summary.status == 0 and set(named) <= {self.old, self.new} and named else f"the summary: {summary.describe()}"

    def is_done(self):
        summary = self.test.run("ostree", "summary", "--view", f"--repo={self.work}")
        return lib_harness.refs(self.work).get(REF) == self.new and self.new in summary.stdout

    def rest(self):
        left = lib_harness.staged(self.work)
        return f"left below tmp/: {left}" if left else ""


class ToLayout(Case):
    """export into a layout that has the version before under another tag."""

    def __init__(self, test, source, old):
        super().__init__(test, "export")
        self.source = source
        test.must(test.osb, "export", "-q", "--repo", source, "--jobs", "1", old, f"oci:{self.start}:v1")
        self.fresh()
        test.must(*self.command())
        self.tags = self.read_tags()
        self.files = self.names()

    def command(self):
        return [self.test.osb, "export", "-q", "--repo", self.source, "--jobs", "1", REF, f"oci:{self.work}:v2"]

    def read_tags(self):
        with open(os.path.join(self.work, "index.json"), encoding="utf-8") as file:
            return {one["annotations"]["org.opencontainers.image.ref.name"]: one["digest"] for one in json.load(file)["manifests"]}

    def names(self):
        return sorted(os.path.relpath(os.path.join(directory, name), self.work)
                      for directory, _, names in os.walk(self.work) for name in names)

    def fault(self):
        try:
            tags = self.read_tags()
        except (OSError, ValueError, KeyError) as error:
            return f"index.json: {error}"
        if tags.get("v1") != self.tags["v1"] or tags.get("v2") not in (None, self.tags["v2"]):
            return f"tags: {tags}"
        for tag in tags:
            # skopeo reads every blob, and checks its digest.
            copied = self.test.path("copied")
            shutil.rmtree(copied, ignore_errors=True)
            result = self.test.run("skopeo", "copy", "-q", f"oci:{self.work}:{tag}", f"dir:{copied}")
            if result.status != 0:
                return f"{tag}: {result.describe()}"
        return ""

    def is_done(self):
        return self.read_tags().get("v2") == self.tags["v2"]

    def rest(self):
        names = self.names()
        return "" if names == self.files else f"files: {set(names) ^ set(self.files)}"


def points(case):
    """(call, number) of every call in an undisturbed run."""
    case.fresh()
    log = case.test.path("strace.log")
    result = case.strace("-o", log, "-e", "trace=" + ",".join(CALLS))
    if result.status != 0:
        raise RuntimeError(f"{case.name} under strace: {result.describe()}")
    counts = {}
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            # The injection counts for each thread; so the numbers of the busiest thread reach all calls.
            found = re.match(r"(\d+) +([a-z0-9_]+)\(", line)
            if found and found.group(2) in CALLS:
                counts[found.groups()] = counts.get(found.groups(), 0) + 1
    most = {}
    for (_, call), count in counts.items():
        most[call] = max(most.get(call, 0), count)
    return [(call, number) for call, count in sorted(most.items()) for number in range(1, count + 1)]


def check_point(case, call, number, fault):
    """What is wrong after one fault; "" for nothing."""
    case.fresh()
    result = case.strace("-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={number}")
    killed = fault.startswith("signal")
    if result.status == 127 and "shared libraries" in result.stderr:
        return ""  # the program did not start
    if result.status not in (0, *FAILED) and not (killed and result.status in (SIGKILL_STATUS, -9)):
        return f"ended with {result.describe()}"
    wrong = case.fault()
    if wrong:
        return wrong
    if result.status == 0 and not case.is_done():
        return "said that it was done, and was not"
    again = case.test.run(*case.command())
    if again.status != 0:
        return f"the same again: {again.describe()}"
    if not case.is_done():
        return "the same again gave something else"
    return case.fault() or case.rest()


def check_case(case, generator):
    every = [(*point, fault) for point in points(case) for fault in FAULTS]
    wanted = rounds(24, len(every), f"faults of {case.name}")
    chosen = every if wanted == len(every) else generator.sample(every, wanted)
    wrong = []
    for call, number, fault in chosen:
        problem = check_point(case, call, number, fault)
        if problem:
            wrong.append(f"{call} {number} {fault}: {problem}")
    case.test.check(not wrong, f"{case.name}: {len(chosen)} of {len(every)} points", "\n".join(wrong[:20]))


def layer(version):
    out = TarLayer()
    for number in range(6):
        out.file_entry(f"usr/lib/file{number}", f"{number} of {version if number % 2 else 'all'}\n".encode() * 300)
    return out.directory("usr/share").symlink("usr/bin", "lib").file_entry("usr/large", version.encode() * 400_000).bytes()


def main(test):
    test.need("strace", "ostree", "skopeo")
    if test.run("strace", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true").status != 0:
        raise lib_harness.Skip("strace cannot trace here")
    seed = int(os.environ.get("OSB_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"# OSB_SEED={seed}")
    generator = random.Random(seed)
    layout = Layout(test.path("images"))
    for version in ("v1", "v2"):
        layout.image(version, [layer(version)])
    images = [f"oci:{layout.directory}:{version}" for version in ("v1", "v2")]
    source = test.init_repo("source")
    commits = []
    for image in images:
        test.must(test.osb, "import", "-q", image, "--repo", source, "--ref", REF, "--layout", "plain")
        commits.append(lib_harness.refs(source)[REF])
    held = [f"oci:{test.path('held')}:{version}" for version in ("v1", "v2")]
    for commit, image in zip(commits, held):
        test.must(test.osb, "export", "-q", "--repo", source, commit, image)
    for case in (ToRepository(test, "import", *images, "archive"), ToRepository(test, "import", *images, "bare-user"),
                 ToRepository(test, "pull", *held, "archive"), ToArchive(test, source, commits[0]), ToLayout(test, source, commits[0])):
        check_case(case, generator)


lib_harness.run(main)

"""The catalogue of hostile inputs: its rows, the place that each is tried in, and what has to hold after every attempt.

A row is a function with the decorator @row(number, title), which takes a Bench. Each of its attempts is a process of osb-oci with a
bad input. After each attempt the Bench checks:

- the exit status is the one of the verdict, and an error is one line, without control bytes, that names what the row says;
- a refused input moved no ref, and left nothing in tmp/ of the repository and in $TMPDIR;
- it took less than 256 MiB of memory and a minute;
- the files beside the repository are what they were, and none of the names that the inputs use exists outside of it.
"""

import hashlib
import os
import re
import shutil
import time

import lib_harness
from lib_harness import LONG, Result
from lib_hostile_layers import ENCODINGS, encode
from lib_hostile_server import Server
from lib_image import Layout
from lib_registry import private_environment
from lib_runner import Runner

MIB = 1 << 20
MAX_MEMORY = 256 * MIB
MAX_SECONDS = 60
REJECT, ACCEPT = "reject", "accept"
# The statuses of design: done, failed, usage, refused, not trusted, network, no space, nothing new.
STATUSES = (0, 1, 2, 3, 4, 5, 6, 77)
# The base name that inputs use for what they try to write outside.
MARK = "osb-hostile-mark"
ROWS = {}


def row(number, title):
    """The function tries this row of the catalogue."""
    def add(function):
        assert number not in ROWS, number
        ROWS[number] = (title, function)
        return function
    return add


class Attempt(Result):
    """A process that has ended, and what it took."""

    cpu = seconds = 0.0


class Bench:
    def __init__(self, test):
        self.test = test
        self.faults, self.attempts, self.cases, self.row_cases = [], 0, 0, 0
        self.runner = Runner()
        self.peak = self.slowest = self.most_cpu = self.cpu = 0
        self.place, self.tmp = test.path("a", "b", "place"), test.path("tmp")
        os.makedirs(os.path.join(self.place, "d"))
        os.mkdir(self.tmp)
        self.environment = {**private_environment(test), "TMPDIR": self.tmp}
        self.repo = self.new_repo("repo")
        self.server = Server()
        for name in ("canary", "a/canary", "a/b/canary", "a/b/place/canary", "a/b/place/d/canary"):
            with open(test.path(name), "w", encoding="ascii") as file:
                file.write("untouched " + name)
        self.before = self.outside()

    def new_repo(self, name, mode="archive"):
        repo = self.test.init_repo(name, mode)
        # Nothing of these repositories is to survive a power cut.
        self.test.must("ostree", "config", f"--repo={repo}", "set", "core.fsync", "false")
        return repo

    def fault(self, what, attempt=None):
        self.faults.append(f"{what}: {attempt.describe()}" if attempt else what)

    def expect(self, holds, what, attempt=None):
        if not holds:
            self.fault(what, attempt)
        return holds

    # What must not change.

    def outside(self):
        """The files beside the repository and the images, with their hashes, and the names of inputs in the machine's folders."""
        found = {}
        for top in (self.test.path("a"), self.test.path("canary")):
            for directory, names, files in os.walk(top):
                found[directory] = sorted(names + files)
                for name in files:
                    found[os.path.join(directory, name)] = file_hash(os.path.join(directory, name))
        for name in ("/etc/passwd", "/etc/shadow", "/etc/group", self.test.path("canary")):
            found[name] = file_hash(name)
        for folder in ("/", "/etc", "/usr", "/usr/lib", "/var", "/tmp", "/dev", "/run", "/root", self.test.work,
                       os.path.dirname(self.test.work)):
            found["marks in " + folder] = os.path.lexists(os.path.join(folder, MARK))
        return found

    def check_outside(self, what):
        now = self.outside()
        if now != self.before:
            changed = sorted(name for name in set(now) | set(self.before) if now.get(name) != self.before.get(name))
            self.fault(f"{what}: changed outside: {changed}")
            self.before = now

    # Attempts.

    def run(self, *command, environment=None, repo=None):
        """Runs osb-oci in the place, with its results in files, so that an answer without end fills no pipe."""
        begin = time.monotonic()
        out, err = self.test.path("stdout"), self.test.path("stderr")
        status, memory, cpu = self.runner.run([self.test.osb, *command], out, err, 2 * MAX_SECONDS, cwd=self.place,
                                              env=environment or self.environment)
        with open(out, "rb") as stdout, open(err, "rb") as stderr:
            attempt = Attempt(status, decoded(stdout.read()), decoded(stderr.read()))
        attempt.max_rss, attempt.cpu, attempt.seconds = memory, cpu, time.monotonic() - begin
        self.cpu += cpu
        self.attempts += 1
        self.peak, self.slowest = max(self.peak, attempt.max_rss), max(self.slowest, attempt.seconds)
        self.most_cpu = max(self.most_cpu, attempt.cpu)
        self.check_always(attempt, " ".join(command[:2]), repo or self.repo)
        return attempt

    def check_always(self, attempt, what, repo):
        self.expect(attempt.status in STATUSES, f"{what}: exit status {attempt.status}", attempt)
        self.expect(attempt.max_rss < MAX_MEMORY, f"{what}: {attempt.max_rss // MIB} MiB", attempt)
        self.expect(attempt.seconds < MAX_SECONDS, f"{what}: {attempt.seconds:.1f} s", attempt)
        control = re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", attempt.stdout + attempt.stderr)
        self.expect(not control, f"{what}: control bytes in the output", attempt)
        self.expect(not os.listdir(self.tmp), f"{what}: left in $TMPDIR: {os.listdir(self.tmp)}", attempt)
        if os.path.isdir(repo):
            left = left_in(os.path.join(repo, "tmp"))
            self.expect(not left, f"{what}: left in the repository: {left}", attempt)

    def importing(self, image, *options, **how):
        # A layout that no machine boots needs no kernel.
        layout = () if "--layout" in options else ("--layout", "plain")
        return self.run("import", image, "--repo", how.get("repo") or self.repo, "--ref", "victim", "--progress", "none", *layout, *options,
                        **how)

    def judge(self, attempt, verdict, what, status=3, naming=(), warns="", repo=None):
        """Compares an attempt with its verdict; forgets what it imported, so that the next one reads it again."""
        repo = repo or self.repo
        found = lib_harness.refs(repo) if os.path.isdir(repo) else {}
        if verdict == REJECT:
            fault = lib_harness.error_fault(attempt.stderr)
            self.expect(attempt.status in (status if isinstance(status, tuple) else (status,)), f"{what}: not refused with {status}",
                        attempt)
            self.expect(not fault, f"{what}: {fault}", attempt)
            for text in (naming,) if isinstance(naming, str) else naming:
                self.expect(text in attempt.stderr, f"{what}: does not name {text!r}", attempt)
            self.expect(not found, f"{what}: refs moved: {sorted(found)}", attempt)
            self.expect(not attempt.stdout, f"{what}: a result was printed", attempt)
        else:
            self.expect(attempt.status == 0, f"{what}: not accepted", attempt)
            for text in (warns,) if isinstance(warns, str) else warns:
                self.expect(text in attempt.stderr, f"{what}: does not say {text!r}", attempt)
        for ref in found:
            os.unlink(os.path.join(repo, "refs", "heads", ref))

    def refused(self, image, what, status=3, naming=(), options=(), **how):
        attempt = self.importing(image, *options, **how)
        self.judge(attempt, REJECT, what, status, naming, repo=how.get("repo"))
        return attempt

    def accepted(self, image, what, options=(), warns="", **how):
        attempt = self.importing(image, *options, **how)
        self.judge(attempt, ACCEPT, what, warns=warns, repo=how.get("repo"))
        return attempt

    def unit_test(self, module, name, tests=None):
        """For what a process cannot show in seconds: a unit test that must be there, and passes where the program of the tests is built.
        name: SUITE.TEST; tests: a filter, if there are several of them."""
        self.attempts += 1
        suite, case = name.split(".")
        pattern = re.compile(rf"TEST(_F|_P)?\({suite}, {case}\)")
        folder = os.path.join(lib_harness.TOP, "tests", "unit", module)
        sources = [os.path.join(directory, file) for directory, _, files in os.walk(folder) for file in files if file.endswith(".cc")]
        self.expect(any(pattern.search(text_of(source)) for source in sources), f"the unit test {name} is not there")
        program = os.path.join(lib_harness.TOP, "build", "asan", module + "_tests")
        if os.access(program, os.X_OK):
            done = self.test.run(program, "--gtest_brief=1", "--gtest_filter=" + (tests or name))
            passed = re.search(r"PASSED  \] (\d+) test", done.stdout)
            self.expect(done.status == 0 and passed and int(passed[1]) > 0, f"the unit test {name}: {done.describe()}")

    # Images of layers.

    def image_of(self, layers, tag="t", layout=None, **config):
        """A layout of these Encoded layers, which the server has, too. Returns it."""
        if layout is None:
            layout = self.new_layout()
        for layer in layers:
            layout.write(os.path.join("blobs", *layer.descriptor["digest"].split(":")), layer.blob)
        config = layout.config([layer.diff_id for layer in layers], **config)
        layout.tag(layout.manifest(config, [layer.descriptor for layer in layers]), tag)
        layout.tags.add(tag)
        return layout

    def new_layout(self):
        self.cases += 1
        layout = Layout(self.test.path(f"image{self.cases}"))
        layout.name, layout.tags = f"image{self.cases}", set()
        self.server.layouts[layout.name] = layout.directory
        return layout

    def places(self, layout, tag="t"):
        """The names of an image: in the directory, and in the registry."""
        return f"oci:{layout.directory}:{tag}", self.server.image(f"{layout.name}:{tag}")

    def done_with(self, layout):
        self.server.layouts.pop(layout.name, None)
        shutil.rmtree(layout.directory)

    def images(self, layers):
        """(name, options) of an image of these layers, lowest first, in every encoding and from both places. What a table lists comes from
        the table as well. Only the first case of a row is tried in all of them by default, a further one in two that differ from case to
        case."""
        layout = self.new_layout()
        combinations = [(encoding, place, ()) for encoding in ENCODINGS for place in (0, 1)]
        if not any(isinstance(layer, bytes) for layer in layers):
            combinations.append(("zstd:chunked", 1, ("--fetch", "objects")))
        self.row_cases += 1
        if self.row_cases > 1 and not LONG:
            first, second = self.row_cases * 2 % 8, (self.row_cases * 2 + 3) % len(combinations)
            combinations = [combinations[first], combinations[second]]
        for encoding, place, options in combinations:
            tag = "t-" + encoding.replace(":", "-")
            if tag not in layout.tags:
                self.image_of([encode(layer, encoding) for layer in layers], tag, layout)
            yield self.places(layout, tag)[place], options
        self.done_with(layout)

    def layers(self, what, layers, verdict=REJECT, naming="layer ", tree=None, modes=None, warns="", options=(), status=3):
        """A case of layers (Tar or bytes), in encodings and from places as images() says. All that are accepted give one tree, which has
        `tree` ({path: content, "-> target", "dir", or None if it must not be there}) and `modes` ({path: "d00755 0 0"})."""
        trees = set()
        for image, more in self.images(layers if isinstance(layers, (list, tuple)) else [layers]):
            attempt = self.importing(image, *options, *more)
            name = f"{what}: {image.rsplit(':', maxsplit=1)[1]} {image.split(':', maxsplit=1)[0]} {' '.join(more)}"
            # Such a table is not read at all; the layer would be read whole without the option.
            if verdict == REJECT and more and attempt.status == 2:
                self.judge(attempt, REJECT, name, 2, "no readable table of contents")
                continue
            self.judge(attempt, verdict, name, status, naming, warns)
            if attempt.status == 0:
                commit = attempt.commit.splitlines()[-1]
                root = root_of(self.repo, commit)
                if root not in trees:
                    self.check_tree(what, commit, tree or {}, modes or {})
                trees.add(root)
        self.expect(len(trees) <= 1, f"{what}: {len(trees)} trees of one archive")
        self.check_outside(what)

    def check_tree(self, what, commit, tree, modes):
        """ostree checks it out: a witness that shares nothing with us."""
        out = self.test.path("checkout")
        done = self.test.run("ostree", "checkout", "-U", "--fsync=false", f"--repo={self.repo}", commit, out)
        self.expect(done.status == 0, f"{what}: ostree does not check it out: {done.describe()}")
        for path, expected in tree.items():
            found = node_at(os.path.join(encoded_path(out), encoded_path(path)))
            self.expect(found == expected, f"{what}: {path!r} is {found!r}, not {expected!r}")
        if modes:
            listed = self.test.must("ostree", "ls", "-R", f"--repo={self.repo}", commit)
            for path, expected in modes.items():
                line = next((line for line in listed.splitlines() if re.search(rf" \d+ {re.escape(path)}( -> .*)?$", line)), "")
                self.expect(line.startswith(expected), f"{what}: {path} is {line!r}, not {expected!r}")
        shutil.rmtree(out, ignore_errors=True)


def left_in(tmp):
    """What is left in tmp/ of a repository. libostree keeps an empty directory of an aborted transaction for the next one."""
    found = [name for name in os.listdir(tmp) if name.startswith(("osb-", "staging-")) and not name.endswith("-lock")]
    return [name for name in found if name.startswith("osb-") or os.listdir(os.path.join(tmp, name))]


def encoded_path(path):
    return path if isinstance(path, bytes) else path.encode()


def node_at(path):
    if os.path.islink(path):
        return "-> " + os.readlink(path).decode()
    if os.path.isdir(path):
        return "dir"
    if os.path.isfile(path):
        with open(path, "rb") as file:
            return file.read()
    return None


def decoded(data):
    return data.decode(errors="backslashreplace")


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def file_hash(path):
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        return str(error)


def root_of(repo, commit):
    """The checksum of the commit's root directory: the child before the last of the tuple."""
    with open(os.path.join(repo, "objects", commit[:2], commit[2:] + ".commit"), "rb") as file:
        data = file.read()
    width = 1 if len(data) <= 0xff else 2 if len(data) <= 0xffff else 4
    return data[-6 * width - 64:-6 * width].hex()

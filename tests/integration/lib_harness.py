"""What the integration tests share. A test is an executable without arguments that prints a line "ok N - what" or
"not ok N - what" for each thing that it checks. Exit status 0: all well, 77: skipped, anything else: failed. It uses
build/release/osb-oci, or the program that $OSB names.

A test calls run(main). It works in a directory of its own, which is removed at its end unless OSB_KEEP is set.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77
# Whether all is run that takes long; scripts/test --long sets it.
LONG = os.environ.get("OSB_LONG") == "1"


class Skip(Exception):
    """The whole test does not apply here."""


class Result:
    """A process that has ended."""

    def __init__(self, status, stdout, stderr):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.max_rss = None

    @property
    def commit(self):
        return self.stdout.strip()

    def describe(self):
        return f"status {self.status}, stdout {self.stdout[:200]!r}, stderr {self.stderr[:1000]!r}"


class Test:
    def __init__(self):
        self.osb = os.environ.get("OSB", os.path.join(TOP, "build/release/osb-oci"))
        if not os.access(self.osb, os.X_OK):
            print(f"Bail out! {self.osb} is not built: scripts/build release")
            sys.exit(1)
        # A name of mkdtemp() has '_' in it, which the name of an image takes in few places.
        self.work = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"osb-test.{secrets.token_hex(8)}")
        os.mkdir(self.work, 0o700)
        self.count = self.failed = 0

    def path(self, *names):
        return os.path.join(self.work, *names)

    def check(self, passed, what, detail=""):
        """One thing that was checked. The detail is shown when it did not hold."""
        self.count += 1
        if passed:
            print(f"ok {self.count} - {what}")
        else:
            self.failed += 1
            print(f"not ok {self.count} - {what}")
            for line in str(detail).splitlines()[:40]:
                print(f"# {line}")
        sys.stdout.flush()
        return passed

    def skip_one(self, what, reason):
        self.count += 1
        print(f"ok {self.count} - {what} # SKIP {reason}")

    def need(self, *programs):
        for program in programs:
            if shutil.which(program) is None:
                raise Skip(f"needs the program {program}")

    def run(self, *command, stdin=None, env=None, user=None):
        """Runs a command to its end; text in and out. `user` is a number that it runs as, without other rights."""
        process = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=env, user=user, group=user,
                                   extra_groups=[] if user else None)
        stdout, stderr = process.communicate()
        return Result(process.returncode, stdout.decode(errors="backslashreplace"),
                      stderr.decode(errors="backslashreplace"))

    def must(self, *command, **options):
        """Runs a command of the preparations, which has to succeed."""
        result = self.run(*command, **options)
        if result.status != 0:
            raise RuntimeError(f"{' '.join(command)}: {result.describe()}")
        return result.stdout

    def measured(self, *command):
        """As run(), with the peak memory of the process in bytes."""
        memory = self.path("peak-memory")
        result = self.run(sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib_measure.py"),
                          memory, *command)
        with open(memory, encoding="ascii") as file:
            result.max_rss = int(file.read())
        return result

    def osb_import(self, image, repo, *options, **how):
        return self.run(self.osb, "import", image, "--repo", repo, "--progress", "none", *options, **how)

    def init_repo(self, name, mode="archive"):
        repo = self.path(name)
        self.must("ostree", "init", f"--repo={repo}", f"--mode={mode}")
        return repo

    def fsck(self, repo, what):
        result = self.run("ostree", "fsck", "--quiet", f"--repo={repo}")
        return self.check(result.status == 0, what, result.describe())

    def check_status(self, result, expected, what):
        return self.check(result.status == expected, f"{what}: exit status {expected}", result.describe())

    def check_refused(self, result, expected, what, naming=""):
        """The error is one line (and one of advice at most), printable, and holds the text `naming`."""
        fault = error_fault(result.stderr)
        if result.status != expected:
            fault = f"exit status {result.status}, not {expected}"
        elif not fault and naming not in result.stderr:
            fault = f"does not name {naming!r}"
        return self.check(not fault, f"{what}: refused with {expected}", f"{fault}: {result.describe()}")

    def finish(self):
        print(f"1..{self.count}")
        return 1 if self.failed or not self.count else 0


def rounds(default, long, what):
    """How often something is done, at moments or with data that differ from time to time: `default` times in every run of the tests,
    `long` times with OSB_LONG=1. What was left out is said; CONTRIBUTING.md has the reason."""
    if LONG or default >= long:
        return long
    print(f"# left to --long: {what}: {long - default} of {long} rounds")
    return default


def only_long(what):
    """Whether what takes long is to be done now; if not, it is said."""
    if not LONG:
        print(f"# left to --long: {what}")
    return LONG


def error_fault(stderr):
    """What is wrong with an error as it was printed; "" when it is as it should be."""
    if re.search(r"[^\t\n\x20-\x7e\u00a0-\U0010ffff]", stderr):
        return "control characters"
    # Warnings and notes may come before it.
    lines = [line for line in stderr.splitlines()
             if not line.startswith("osb-oci: ") or line.startswith("osb-oci: error: ")]
    if not lines or not lines[0].startswith("osb-oci: error: "):
        return "not an error message"
    if len(lines) > 2 or (len(lines) == 2 and not lines[1].startswith("hint: ")):
        return "more than one line"
    return ""


def refs(repo):
    """{ref: commit} of the repository, read from its files: quicker than a process."""
    heads = os.path.join(repo, "refs", "heads")
    found = {}
    for directory, _, names in os.walk(heads):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, encoding="ascii") as file:
                found[os.path.relpath(path, heads)] = file.read().strip()
    return found


def staged(repo):
    """Names that an import left below tmp/."""
    return [name for name in os.listdir(os.path.join(repo, "tmp")) if name.startswith("osb-import-")]


def disk_use(top):
    return sum(os.lstat(os.path.join(directory, name)).st_blocks * 512
               for directory, subdirectories, names in os.walk(top) for name in names + subdirectories)


def wait_for_port(port, process, seconds=20):
    """Until the process listens on a port of the loopback interface."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"{process.args[0]} does not listen on port {port}")


def processes_with(*words):
    """The numbers of the processes whose command lines have all of these words, each as a whole or in a word."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                line = file.read().split("\0")
        except OSError:
            continue
        if int(pid) != os.getpid() and all(any(word in part for part in line) for word in words):
            found.append(int(pid))
    return found


def unmount_below(directory):
    """podman leaves its store mounted; what is mounted cannot be removed."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        points = [line.split()[1] for line in mounts]
    for point in reversed(points):
        if point.startswith(directory + "/"):
            subprocess.run(["umount", point], check=False)


def run(main):
    test = Test()
    status = 1
    try:
        main(test)
        status = test.finish()
    except Skip as skip:
        print(f"# {skip}")
        status = SKIPPED
    except Exception:  # whatever went wrong in the preparations is a failed test with a trace
        traceback.print_exc(file=sys.stdout)
        test.check(False, "the test ran to its end")
    finally:
        if os.environ.get("OSB_KEEP"):
            print(f"# kept: {test.work}")
        else:
            unmount_below(test.work)
            shutil.rmtree(test.work, ignore_errors=True)
    sys.exit(status)

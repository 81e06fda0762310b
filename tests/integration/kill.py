#!/usr/bin/env python3
# Takes minutes.
"""Verbs that are ended at random moments leave nothing that hinders the next run.

    kill.py [VERB...]     # import, pull, push, export, upgrade, rollback, install; without arguments all of them

import: kill -9, several in a row on one repository; then SIGINT and SIGTERM. Other verbs: kill -9 of their process group, once a round,
with the checks of lib_verb_cases.py. OSB_SEED repeats a run's moments, as parts of the time that an undisturbed run takes; each verb has
its own. OSB_KILLS sets how many of these other verbs.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import lib_harness
from lib_harness import rounds
from lib_image import Layout, TarLayer, simple_layout
from lib_verb_cases import NEED_DISKS, Sources, cannot_mount

IN_A_ROW = 5
VERBS = {"pull": "pull-archive", "push": "push", "export": "export", "upgrade": "upgrade", "rollback": "rollback",
         "install": "install"}
DEFAULT, ALL, INSTALLATIONS = 15, 1000, 300
# An undisturbed run is measured again after so many rounds: the machine may do other things meanwhile.
MEASURED_EVERY = 25


def make_image(test, generator):
    """Small files, and some that are larger than what is held in memory, in layers side by side."""
    layout, tars = Layout(test.path("image")), []
    for number in range(4):
        layer = TarLayer()
        for directory in range(10):
            layer.directory(f"{number}-{directory}")
            for file in range(20):
                layer.file_entry(f"{number}-{directory}/{file}", generator.randbytes(generator.randrange(3000)))
        layer.file_entry(f"large-{number}", generator.randbytes(3 << 19))
        tars.append(layer.bytes())
    layout.image("v1", tars)
    return f"oci:{layout.directory}:v1"


class Killer:
    def __init__(self, test, image, generator):
        self.test, self.generator = test, generator
        self.repo = test.path("repo")
        self.command = [test.osb, "import", image, "--repo", self.repo, "--ref", "os", "--progress", "none", "--layout",
                        "plain"]
        self.measure()
        self.size = lib_harness.disk_use(self.repo)

    def measure(self):
        """How long an import takes now: the machine may do other things meanwhile."""
        self.fresh()
        begin = time.monotonic()
        self.commit = self.test.must(*self.command).strip()
        self.seconds = time.monotonic() - begin

    def fresh(self):
        shutil.rmtree(self.repo, ignore_errors=True)
        self.test.init_repo("repo")
        # The power stays on: without waiting for the disk there is time for more moments.
        self.test.must("ostree", "config", f"--repo={self.repo}", "set", "core.fsync", "false")

    def interrupt(self, number, earliest=0.0):
        """Starts an import and ends it at a random moment, which may be too late. The process, with what it printed."""
        process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        time.sleep(self.generator.uniform(earliest, 1.1) * self.seconds)
        process.send_signal(number)
        process.output, process.errors = (data.decode() for data in process.communicate())
        return process

    def reference(self):
        return lib_harness.refs(self.repo).get("os")

    def fsck(self):
        return self.test.run("ostree", "fsck", "--quiet", f"--repo={self.repo}")

    def faults_of_next_run(self):
        """Lets an import end, and tells what is not as if nothing had happened."""
        done = self.test.run(*self.command)
        if done.status != 0:
            return ["the next import failed: " + done.describe()]
        faults = []
        if not done.commit == self.reference() == self.commit:
            faults.append(f"another commit: {done.commit}, ref {self.reference()}")
        if lib_harness.staged(self.repo):
            faults.append(f"left below tmp/: {lib_harness.staged(self.repo)}")
        size = lib_harness.disk_use(self.repo)
        if size > 1.01 * self.size:
            faults.append(f"uses {size} bytes, undisturbed {self.size}")
        if (fsck := self.fsck()).status != 0:
            faults.append("fsck: " + fsck.describe())
        return faults


def check_kills(test, killer):
    faults, kills, in_time, repositories = [], 0, 0, 0
    wanted = rounds(DEFAULT, ALL, "kill -9 of an import")
    while kills < wanted:
        if repositories % 5 == 0:
            killer.measure()
        repositories += 1
        killer.fresh()
        for _ in range(IN_A_ROW):
            process = killer.interrupt(signal.SIGKILL)
            kills += 1
            in_time += process.returncode == -signal.SIGKILL
            if killer.reference() not in (None, killer.commit):
                faults.append(f"after kill {kills} the ref is {killer.reference()}")
            if (fsck := killer.fsck()).status != 0:
                faults.append(f"after kill {kills} fsck: {fsck.describe()}")
            if killer.reference():
                break
        faults += [f"after kill {kills}: {fault}" for fault in killer.faults_of_next_run()]
    test.check(not faults, f"{kills} times kill -9: fsck, ref and the next import are well", "\n".join(faults))
    test.check(in_time > kills / 3, f"{in_time} of {kills} ended an import before its end")


def check_other_image(test, killer, other):
    """What a killed import left in libostree's own staging directory is taken over by the next one."""
    faults, times = [], rounds(4, 12, "kill -9 of an import, then another image")
    killer.measure()
    for number in range(times):
        killer.fresh()
        # libostree stages what is to be synced.
        test.must("ostree", "config", f"--repo={killer.repo}", "set", "core.fsync", "true")
        killer.interrupt(signal.SIGKILL, earliest=0.4)
        done = test.osb_import(other, killer.repo, "--ref", "other", "--layout", "plain")
        if done.status != 0:
            faults.append(f"{number}: {done.describe()}")
        elif (fsck := killer.fsck()).status != 0:
            faults.append(f"{number}: fsck: {fsck.describe()}")
    test.check(not faults, f"{times} times kill -9, then another image: fsck", "\n".join(faults))


def check_left_over(test, image):
    """An import that has nothing to do cleans up after one that was killed all the same."""
    repo = test.path("left-over")
    test.osb_import(image, repo, "--ref", "os", "--layout", "plain")
    os.makedirs(os.path.join(repo, "tmp", "osb-import-0123456789abcdef", "ab"))
    result = test.osb_import(image, repo, "--ref", "os", "--layout", "plain")
    test.check(result.status == 0 and not lib_harness.staged(repo),
               "an unchanged image: what a killed import left is removed",
               f"{result.describe()}; {lib_harness.staged(repo)}")


def check_half_made(test, image):
    """A repository whose creation was killed is made; a directory that merely looks a little like one is left alone."""
    steps = ["objects", "refs/remotes", "refs/mirrors", "refs/heads", "refs", "state", "extensions", "tmp"]
    for count in range(1, len(steps) + 1):
        repo = test.init_repo(f"half{count}")
        for name in steps[:count]:
            shutil.rmtree(os.path.join(repo, name))
        result = test.osb_import(image, repo, "--ref", "os", "--layout", "plain")
        test.check(result.status == 0, f"a repository without {steps[count - 1]}: import makes the rest",
                   result.describe())
    for name in ("config", "file", "tmp"):
        repo = test.path("not-" + name)
        os.mkdir(repo)
        with open(os.path.join(repo, name), "w", encoding="ascii") as out:
            out.write("[user]\nname = x\n")
        test.check_refused(test.osb_import(image, repo, "--ref", "os"), 1, f"a directory with a file '{name}'")
        test.check(os.listdir(repo) == [name], "and nothing is put there", os.listdir(repo))


def check_signal(test, killer, number):
    faults, in_time = [], 0
    killer.measure()
    wanted, most = rounds(6, 20, f"{signal.Signals(number).name} for an import"), 100
    for count in range(most):
        # On a machine that became quicker since the measurement, most of them may come too late.
        if count >= wanted and in_time:
            break
        killer.fresh()
        process = killer.interrupt(number)
        if process.returncode == 0:
            continue
        # Before the program has its handlers, a signal does what it always did.
        if process.returncode == -number:
            continue
        in_time += 1
        if process.returncode != 128 + number or process.output:
            faults.append(f"status {process.returncode}, printed {process.output!r}")
        if fault := lib_harness.error_fault(process.errors):
            faults.append(f"{fault}: {process.errors!r}")
        if killer.reference() or lib_harness.staged(killer.repo):
            faults.append(f"left ref {killer.reference()}, {lib_harness.staged(killer.repo)}")
    faults += killer.faults_of_next_run()
    test.check(not faults and in_time > 0,
               f"{signal.Signals(number).name}, {in_time} times in time: status {128 + number}, one line, nothing left",
               "\n".join(faults))


def seconds_of(test, case):
    """How long an undisturbed run takes now, if nothing else delays it."""
    times = []
    for _ in range(3):
        case.fresh()
        begin = time.monotonic()
        test.must(*case.command())
        times.append(time.monotonic() - begin)
    return min(times)


def kill_once(case, moment):
    """Whether the verb was killed before its end, how long it ran, and what is wrong afterwards."""
    case.fresh()
    begin = time.monotonic()
    process = subprocess.Popen(case.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               start_new_session=True)
    try:
        said = process.communicate(timeout=moment)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said = process.communicate()[1]
    took, status = time.monotonic() - begin, process.returncode
    if status not in (0, -signal.SIGKILL):
        return False, took, f"ended with {status} before it was killed: {said[-500:]}"
    case.settle()
    if status == 0 and not case.is_done():
        return False, took, case.fault() or "said that it was done, and was not"
    return status != 0, took, case.problem()


def check_verb(test, verb, case, generator):
    faults, in_time, seconds = [], 0, 0.0
    wanted = int(os.environ.get("OSB_KILLS", 0)) or rounds(DEFAULT, INSTALLATIONS if verb == "install" else ALL, f"kill -9 of {verb}")
    for number in range(wanted):
        if number % MEASURED_EVERY == 0:
            seconds = seconds_of(test, case)
            print(f"# {verb}: an undisturbed run: {seconds:.2f} s; {number} kills, {len(faults)} findings", flush=True)
        part = generator.uniform(0.0, 1.1)
        killed, took, fault = kill_once(case, part * seconds)
        in_time += killed
        if not killed:
            seconds = took  # the machine has become quicker
        if fault:
            faults.append(f"kill {number + 1}, after {part:.3f} of the run: {fault}")
            print(f"# {verb}: {faults[-1]}", flush=True)
    test.check(not faults, f"{verb}: {wanted} times kill -9, {in_time} before its end: all is old or new, and the same again succeeds",
               "\n".join(faults))
    test.check(in_time > wanted / 10, f"{verb}: {in_time} of {wanted} were in time")


def layers_for_kills(seed):
    """Of a version, enough to be killed within: files that stay, and files that change."""
    def make(version):
        same, changed = random.Random(f"{seed} same"), random.Random(f"{seed} {version}")
        layer = TarLayer()
        for number in range(120):
            generator = same if number % 2 else changed
            layer.file_entry(f"usr/lib/{number}", generator.randbytes(generator.randrange(3000)))
        return [layer.bytes(), TarLayer().file_entry("usr/large", changed.randbytes(3 << 19)).bytes()]
    return make


def main(test):
    test.need("ostree")
    seed = int(os.environ.get("OSB_SEED", time.time_ns() % 1_000_000))
    print(f"# OSB_SEED={seed}", flush=True)
    wanted = sys.argv[1:] or ["import", *VERBS]
    if "import" in wanted:
        check_import(test, random.Random(f"{seed} import"))
    sources = Sources(test, layers_for_kills(seed))
    for verb in wanted:
        if verb == "import":
            continue
        if verb in NEED_DISKS and (reason := cannot_mount()):
            test.skip_one(verb, reason)
            continue
        case = sources.cases()[VERBS[verb]]()
        try:
            check_verb(test, verb, case, random.Random(f"{seed} {verb}"))
        finally:
            case.close()


def check_import(test, generator):
    killer = Killer(test, make_image(test, generator), generator)
    print(f"# an undisturbed import: {killer.seconds:.2f} s, {killer.size / 1e6:.1f} MB")
    check_kills(test, killer)
    other = f"oci:{simple_layout(test.path('other'), {'x': b'x'}).directory}:v1"
    check_half_made(test, other)
    check_left_over(test, other)
    check_other_image(test, killer, other)
    check_signal(test, killer, signal.SIGINT)
    check_signal(test, killer, signal.SIGTERM)


# What a kill leaves does not depend on the disk, and a thousand repositories are made and removed quicker without one.
memory = "/dev/shm"
if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 256 << 20:
    os.environ["TMPDIR"] = memory
lib_harness.run(main)

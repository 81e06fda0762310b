#!/usr/bin/env python3
# Takes minutes.
"""Commits pushed over SSH to a real sshd and ostree-push's ostree-receive."""

import os
import random
import shutil
import signal
import subprocess
import time

import lib_harness
from lib_harness import processes_with, rounds
from lib_sshd import SSHD, Sshd, free_port

REF = "os/test/main"


class Source:
    """A repository whose commits are a day apart: ostree-receive takes only what is newer."""

    def __init__(self, test, name, mode="archive"):
        self.test, self.tree, self.days = test, test.path(f"{name}-tree"), 0
        self.generator = random.Random(name)
        self.repo = test.init_repo(name, mode)
        os.makedirs(os.path.join(self.tree, "usr"))
        for number in range(100):
            self.write(f"usr/file{number}", f"{number}".encode() * 50)
        os.symlink("file1", os.path.join(self.tree, "usr/link"))
        self.write("usr/empty", b"")

    def write(self, name, content):
        with open(os.path.join(self.tree, name), "wb") as file:
            file.write(content)

    def commit(self, *options, large=0):
        self.days += 1
        self.write("usr/changing", f"{self.days}".encode())
        if large:
            self.write("usr/large", self.generator.randbytes(large))
        return self.test.must("ostree", f"--repo={self.repo}", "commit", "-b", REF, "--canonical-permissions",
                              f"--timestamp=2024-01-01 00:00:{self.days:02d}Z", f"--tree=dir={self.tree}", *options).strip()


class Pusher:
    def __init__(self, test, sshd):
        self.test, self.sshd = test, sshd

    def command(self, source, destination, *options, rev=REF):
        return [self.test.osb, "push", "--repo", source.repo, "--progress", "none", rev, self.sshd.url(destination), *options]

    def push(self, source, destination, *options, rev=REF):
        return self.test.run(*self.command(source, destination, *options, rev=rev), env=self.sshd.environment())


def trees_of(test, repo, rev):
    """What each commit of the history holds, newest first."""
    lines = test.must("ostree", f"--repo={repo}", "log", rev).splitlines()
    return [line.split()[1] for line in lines if line.startswith("ContentChecksum:")]


def tip(repo, ref=REF):
    return lib_harness.refs(repo).get(ref)


def check_push(test, sshd):
    source, pusher = Source(test, "source"), Pusher(test, sshd)
    for _ in range(3):
        last = source.commit()
    destination = test.init_repo("destination")
    result = pusher.push(source, destination)
    test.check_status(result, 0, "push of three commits")
    test.check(last in result.stdout, "the commit is printed", result.describe())
    test.check(trees_of(test, destination, REF) == trees_of(test, source.repo, REF), "the server has the history")
    test.fsck(destination, "ostree finds no fault on the server")
    summary = test.must("ostree", f"--repo={destination}", "summary", "--view")
    test.check(f"* {REF}" in summary and tip(destination) in summary, "the server's summary is up to date", summary)
    before = tip(destination)
    test.check_status(pusher.push(source, destination), 0, "the same push again")
    test.check(tip(destination) == before, "it changes nothing")
    for _ in range(2):
        source.commit()
    test.check_status(pusher.push(source, destination), 0, "two more commits")
    test.check(trees_of(test, destination, REF) == trees_of(test, source.repo, REF), "the server has both")
    check_other_name(test, pusher, source)
    check_order(test, pusher, source, destination)
    test.fsck(destination, "ostree finds no fault after all of them")
    return source


def check_other_name(test, pusher, source):
    """Under another name the server's commits are copies, with checksums of their own."""
    destination = test.init_repo("named")
    first = f"{REF}^^"
    for rev, what in ((first, "an older commit under another name"), (REF, "what came after it")):
        test.check_status(pusher.push(source, destination, "--ref", "other/name", rev=rev), 0, what)
        test.check(trees_of(test, destination, "other/name") == trees_of(test, source.repo, rev),
                   f"{what}: the server has the history")
    test.check(tip(destination, "other/name") != tip(source.repo), "the server's commit is a copy")
    test.check_status(pusher.push(source, destination, "--ref", "other/name"), 0, "a copy that is there already")
    test.check(len(trees_of(test, destination, "other/name")) == source.days, "it is not made twice")


def check_order(test, pusher, source, destination):
    before = tip(destination)
    older = test.must("ostree", f"--repo={source.repo}", "rev-parse", f"{REF}^^").strip()
    result = pusher.push(source, destination, "--ref", REF, rev=older)
    test.check_refused(result, 3, "a commit that is older than the server's", before)
    test.check(tip(destination) == before, "it moves nothing")
    test.check_status(pusher.push(source, destination, "--ref", REF, "--force", rev=older), 0, "an older one, forced")
    test.check(trees_of(test, destination, REF)[0] == trees_of(test, source.repo, older)[0], "the ref is set back")


def check_modes(test, sshd, source):
    for mode in ["bare-user", "bare-user-only"] + (["bare"] if os.geteuid() == 0 else []):
        copy = Source.__new__(Source)
        copy.repo = test.init_repo(f"source-{mode}", mode)
        test.must("ostree", f"--repo={copy.repo}", "pull-local", "--depth=-1", source.repo, REF)
        destination = test.init_repo(f"from-{mode}")
        result = Pusher(test, sshd).push(copy, destination)
        test.check_status(result, 0, f"push from a {mode} repository")
        test.check(trees_of(test, destination, REF) == trees_of(test, source.repo, REF), f"{mode}: the same trees")
        test.fsck(destination, f"ostree finds no fault in what came from {mode}")


def check_odd_paths(test, sshd, source):
    for name in ("a b", "it's", "$(touch x)", "-dash", "semi;colon"):
        destination = test.init_repo(name)
        result = Pusher(test, sshd).push(source, destination, rev=f"{REF}^^^^", *("--ref", REF))
        test.check(result.status == 0 and tip(destination), f"a repository called {name!r}", result.describe())
    test.check(not os.path.exists(test.path("x")) and not os.path.exists(os.path.expanduser("~/x")),
               "no shell takes a path for a command")


def check_errors(test, sshd, source):
    pusher = Pusher(test, sshd)
    destination = test.init_repo("never")
    test.check_refused(pusher.push(source, test.path("no-such")), 5, "a repository that is not there", "no-such")
    test.check_refused(pusher.push(source, destination, "--ref", "appstream/x86_64"), 5,
                       "a ref that ostree-receive leaves out", "appstream/x86_64")
    with open(sshd.path("host.pub"), encoding="ascii") as file:
        right = file.read()
    with open(sshd.path("user.pub"), encoding="ascii") as file:
        sshd.know(file.read())
    test.check_refused(pusher.push(source, destination), 4, "a server with another key than the known one")
    os.truncate(sshd.path("known_hosts"), 0)
    test.check_refused(pusher.push(source, destination), 4, "a server that is not known")
    test.check(os.path.getsize(sshd.path("known_hosts")) == 0, "known_hosts stays as it was")
    sshd.know(right)
    os.rename(sshd.path("authorized_keys"), sshd.path("away"))
    test.check_refused(pusher.push(source, destination), 5, "a key that is refused", "Permission denied")
    os.rename(sshd.path("away"), sshd.path("authorized_keys"))
    nobody = f"ssh://127.0.0.1:{free_port()}{destination}"
    test.check_refused(test.run(test.osb, "push", "--progress", "none", "--repo", source.repo, REF, nobody, env=sshd.environment()), 5,
                       "no server", "refused")
    for url in ("ssh://-oProxyCommand=touch/x", "ssh://a:secret@host/x", "ssh://host", "ssh://host:x/y"):
        result = test.run(test.osb, "push", "--repo", source.repo, REF, url, env=sshd.environment())
        test.check_refused(result, 2, f"the destination {url}")
        test.check("secret" not in result.stderr, f"{url}: no secret is shown", result.stderr)
    test.check(tip(destination) is None, "none of them moved a ref")


def check_configurations(test, source):
    """What the server's administrator says counts."""
    def configured(name, text, check):
        path = test.path(f"{name}.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        with Sshd(test, f"sshd-{name}", [f"SetEnv OSTREE_RECEIVE_CONF={path}"]) as sshd:
            check(Pusher(test, sshd), test.init_repo(f"conf-{name}"))

    def no_update(pusher, repo):
        test.check_status(pusher.push(source, repo), 0, "a server that updates no summary")
        test.check(not os.path.exists(os.path.join(repo, "summary")) and tip(repo), "it has the ref and no summary")

    def dry_run(pusher, repo):
        result = pusher.push(source, repo)
        test.check_refused(result, 5, "a server that only tries", REF)
        test.check(tip(repo) is None, "it has nothing")

    def rooted(pusher, repo):
        test.check_refused(pusher.push(source, repo), 5, "a repository outside of the server's root", "not found")

    def hooked(pusher, repo):
        test.check_status(pusher.push(source, repo), 0, "a server with a hook")
        with open(test.path("hook-ran"), encoding="ascii") as file:
            test.check(file.read().strip() == f"{repo} {REF}", "the hook is told what came")

    def failing_hook(pusher, repo):
        test.check_refused(pusher.push(source, repo), 5, "a server whose hook fails", "exit status 1")

    def quiet(pusher, repo):
        test.check_status(pusher.push(source, repo), 0, "a server that is told to say nothing")
        test.check_status(pusher.push(source, repo), 0, "the same again")

    def verifying(pusher, repo):
        test.check_refused(pusher.push(source, repo), 5, "a server that asks for signatures")
        test.check(tip(repo) is None, "it takes nothing unsigned")

    hook = test.path("hook")
    with open(hook, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\necho \"$OSTREE_RECEIVE_REPO $OSTREE_RECEIVE_REFS\" >{test.path('hook-ran')}\n")
    os.chmod(hook, 0o755)
    configured("no-update", "update: no\n", no_update)
    configured("dry-run", "dry_run: yes\n", dry_run)
    configured("root", f"root: {test.path('elsewhere')}\n", rooted)
    configured("hook", f"update_hook: {hook}\n", hooked)
    configured("failing-hook", "update_hook: /bin/false\n", failing_hook)
    configured("quiet", "log_level: CRITICAL\n", quiet)
    configured("verifying", "gpg_verify: yes\n", verifying)


def check_servers(test, source):
    """Servers that are set up otherwise."""
    shell = shutil.which("ostree-receive-shell")
    if shell:
        with Sshd(test, "sshd-shell", [f"ForceCommand {shell} -c \"$SSH_ORIGINAL_COMMAND\""]) as sshd:
            destination = test.init_repo("by shell")
            test.check_status(Pusher(test, sshd).push(source, destination), 0, "a server with ostree-receive-shell")
            test.fsck(destination, "ostree finds no fault there")
        # The line of docs/push.md in authorized_keys, and one of a server that was set up for ostree-push itself.
        for listen in ("127.0.0.1", "localhost"):
            with Sshd(test, f"sshd-{listen}") as sshd:
                with open(sshd.path("user.pub"), encoding="ascii") as file:
                    key = file.read()
                with open(sshd.path("authorized_keys"), "w", encoding="ascii") as file:
                    file.write(f"restrict,port-forwarding,permitlisten=\"{listen}:*\","
                               f"command=\"{shell} -c \\\"$SSH_ORIGINAL_COMMAND\\\"\" {key}")
                result = Pusher(test, sshd).push(source, test.init_repo(f"by {listen}"))
                test.check_status(result, 0, f"a key that is restricted to pushing, and to ports of {listen}")
    destination = test.init_repo("not-allowed")
    for name, line, naming, status in (
            ("no-program", "SetEnv PATH=/nonexistent", "ostree-receive", 1),
            ("no-forwarding", "AllowTcpForwarding no", "forward", 5),
            ("no-sessions", "MaxSessions 0", "", 5),
            ("disconnecting", "ForceCommand kill -9 $PPID", "", 5)):
        with Sshd(test, f"sshd-{name}", [line]) as sshd:
            test.check_refused(Pusher(test, sshd).push(source, destination), status, f"a server with {line}", naming)
    test.check(tip(destination) is None, "none of them moved a ref")


def gone(seconds, *words):
    """Waits until no process has these words in its command line; those that stay."""
    deadline = time.monotonic() + seconds
    while (found := processes_with(*words)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def check_kills(test, sshd, generator):
    source, pusher = Source(test, "killed-source"), Pusher(test, sshd)
    for _ in range(2):
        source.commit(large=4 << 20)
    destination = test.init_repo("killed")
    begin = time.monotonic()
    assert pusher.push(source, destination).status == 0
    seconds = time.monotonic() - begin
    commits = trees_of(test, source.repo, REF)
    faults, killed = [], 0
    times = rounds(8, 24, "kills of a push over SSH")
    for number in range(times):
        shutil.rmtree(destination)
        test.init_repo("killed")
        process = subprocess.Popen(pusher.command(source, destination), env=sshd.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begin = time.monotonic()
        try:
            process.wait(generator.uniform(0.1, 0.8) * seconds)
            seconds = time.monotonic() - begin  # it is quicker now
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGTERM if number % 3 == 0 else signal.SIGKILL)
            killed += process.wait() in (-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM)
        if left := gone(10, "ssh", "-M", str(sshd.port)):
            faults.append(f"ssh stays: {left}")
        # What the server had begun may end by itself, one way or the other.
        if left := gone(10, "ostree-receive", destination):
            faults.append(f"ostree-receive stays: {left}")
        result = test.run("ostree", "fsck", "-q", f"--repo={destination}")
        if result.status != 0:
            faults.append(result.describe())
        result = pusher.push(source, destination)
        if result.status != 0 or trees_of(test, destination, REF)[0] != commits[0]:
            faults.append(f"the next push: {result.describe()}")
    test.check(not faults and killed > 0, f"{killed} of {times} pushes ended early: nothing of ssh stays, the server's repository is "
               "good, and the next one goes through", "\n".join(faults))


def main(test):
    test.need("ostree", "ssh", "ssh-keygen", "ostree-receive")
    if not os.access(SSHD, os.X_OK):
        raise lib_harness.Skip("needs sshd")
    seed = int(os.environ.get("OSB_SEED", time.time_ns() % 1_000_000))
    print(f"# OSB_SEED={seed}")
    with Sshd(test, "sshd") as sshd:
        source = check_push(test, sshd)
        check_modes(test, sshd, source)
        check_odd_paths(test, sshd, source)
        check_errors(test, sshd, source)
        check_kills(test, sshd, random.Random(seed))
    small = Source(test, "small")
    small.commit()
    check_configurations(test, small)
    check_servers(test, small)


lib_harness.run(main)

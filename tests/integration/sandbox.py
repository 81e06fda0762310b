#!/usr/bin/env python3
"""The sandbox: each verb that decodes what comes from outside enters it before it reads a byte of that, as root and as an ordinary
user, and still does its work. strace and /proc are the witnesses. tests/unit/base/sandbox_test.cc shows what is refused inside."""

import os
import re
import shutil
import time

import lib_harness
from lib_image import simple_layout
from lib_registry import Registry, auth_file

USER = 65534
CALLS = "execve,openat,landlock_restrict_self,seccomp,connect,recvfrom"


class Caller:
    """Runs the program as a user, under strace."""

    def __init__(self, test, user, osb):
        self.test, self.user, self.osb = test, user, osb
        self.base = test.path(f"user-{user}")
        os.mkdir(self.base)
        self.temporary = os.path.join(self.base, "tmp")
        os.mkdir(self.temporary)
        for directory in (self.base, self.temporary):
            os.chown(directory, user, user)
        self.environment = dict(os.environ, TMPDIR=self.temporary, HOME=self.base, XDG_RUNTIME_DIR=self.base)
        self.name = "root" if user == 0 else "user"

    def path(self, *names):
        return os.path.join(self.base, *names)

    def run(self, *arguments, env=None, stdin=None):
        return self.test.run(self.osb, *arguments, user=self.user, env=env or self.environment, stdin=stdin)

    def must(self, *arguments, **how):
        result = self.run(*arguments, **how)
        self.test.check(result.status == 0, f"{self.name}: {' '.join(arguments)[:70]}", result.describe())
        return result

    def sees(self, first, *arguments, env=None):
        """The verb succeeds, and its process reads the file or socket `first` only within the sandbox."""
        trace = self.path("trace")
        result = self.test.run("strace", "-f", "-qq", "-s", "300", "-e", "trace=" + CALLS, "-o", trace, self.osb, *arguments,
                               user=self.user, env=env or self.environment)
        what = f"{self.name}: {arguments[0]} reads from outside only in the sandbox"
        if not self.test.check(result.status == 0, f"{self.name}: {arguments[0]} under strace", result.describe()):
            return
        with open(trace, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
        main = lines[0].split()[0]
        closed = [i for i, line in enumerate(lines) if re.match(main + r" +seccomp\(SECCOMP_SET_MODE_FILTER.*= 0", line)]
        landlock = [i for i, line in enumerate(lines) if re.match(main + r" +landlock_restrict_self\(.*= 0", line)]
        read = [i for i, line in enumerate(lines) if re.search(first, line) and not re.search(r"= -1 (?!EINPROGRESS)", line)]
        self.test.check(closed and landlock and read and max(closed[0], landlock[0]) < read[0], what,
                        f"{closed[:1]} {landlock[:1]} {read[:1]}\n" + "\n".join(lines[-20:]))


def local(test, caller, layout):
    repo, second = caller.path("repo"), caller.path("second")
    caller.sees(r"openat.*blobs", "import", "--repo", repo, "--ref", "os", "--layout", "plain", f"oci:{layout}:v1")
    caller.must("export", "--repo", repo, "os", f"oci:{caller.path('out')}:v1")
    caller.must("export", "--repo", repo, "os", f"oci-archive:{caller.path('out.tar')}")
    caller.sees(r"openat.*blobs", "pull", "--repo", second, "--ref", "os", f"oci:{caller.path('out')}:v1")
    caller.sees(r"openat.*out.tar", "inspect", f"oci-archive:{caller.path('out.tar')}")
    caller.sees(r"openat.*blobs", "diff", "--repo", repo, "os", f"oci:{layout}:v1")
    caller.sees(r"openat.*blobs", "union", "--repo", caller.path("union"), "--ref", "os", "--layout", "plain", f"oci:{layout}:v1",
                f"oci:{layout}:v1")
    result = caller.run("lint", f"oci:{layout}:v1")
    test.check(result.status == 1 and "checks" in result.stdout, f"{caller.name}: lint", result.describe())
    caller.must("push", "--repo", repo, "os", f"file://{caller.path('archive')}")
    with open(caller.path("out.tar"), "rb") as archive:
        caller.must("import", "--repo", caller.path("piped"), "--ref", "os", "oci-archive:-", stdin=archive)
    for name in ("second", "archive", "piped"):
        test.fsck(caller.path(name), f"{caller.name}: the repository {name}")
    test.check(not os.listdir(caller.temporary), f"{caller.name}: no temporary file is left", os.listdir(caller.temporary))


def places(test, caller, layout):
    link = caller.path("link")
    os.symlink(caller.path("repo"), link)
    caller.must("import", "--repo", link, "--ref", "by-link", "--layout", "plain", f"oci:{layout}:v1")
    deep = caller.path("a/b/repo")
    result = caller.run("import", "--repo", deep, f"oci:{test.path('absent')}:v1")
    test.check(result.status == 1 and not os.path.exists(caller.path("a")), f"{caller.name}: a mistyped name creates nothing",
               result.describe())
    caller.must("import", "--repo", deep, "--ref", "os", "--layout", "plain", f"oci:{layout}:v1")
    environment = dict(caller.environment, TMPDIR=caller.path("no-such-directory"))
    caller.must("import", "--repo", caller.path("repo"), "--ref", "x", "--layout", "plain", f"oci:{layout}:v1", env=environment)


def repositories(test, caller, layout):
    """What libostree writes beside the objects."""
    repo = caller.path("with-summary")
    caller.must("import", "--repo", repo, "--ref", "one", "--layout", "plain", f"oci:{layout}:v1")
    with open(repo + "/config", "a", encoding="ascii") as file:
        file.write("[core]\nauto-update-summary = true\n")
    caller.must("import", "--repo", repo, "--ref", "two", "--layout", "plain", f"oci:{layout}:v1")
    test.check(os.path.exists(repo + "/summary"), f"{caller.name}: a repository whose summary is kept up to date")


def lock_of_user(test, caller):
    """What root reads stays usable for its owner."""
    repo = caller.path("of-user")
    test.must("cp", "-a", caller.path("with-summary"), repo)
    os.unlink(repo + "/.lock")
    test.must("chown", "-R", str(USER), repo)
    caller.must("inspect", "--against", "one", "--repo", repo, f"oci:{test.path('layout')}:v1")
    lock = repo + "/.lock"
    test.check(not os.path.exists(lock) or os.stat(lock).st_uid == USER, "a lock that root makes is that of the owner")


def options(test, caller, layout):
    result = caller.run("inspect", "-v", "--sandbox", "require", f"oci:{layout}:v1")
    test.check(result.status == 0 and "Landlock" in result.stderr, f"{caller.name}: -v names the parts", result.describe())
    result = caller.run("inspect", "-v", "--sandbox", "off", f"oci:{layout}:v1")
    test.check(result.status == 0 and "Landlock" not in result.stderr, f"{caller.name}: off", result.describe())


def refusals(test, caller):
    result = caller.run("status", "--sandbox", "require")
    test.check_refused(result, 2, f"{caller.name}: a verb without a sandbox", "no sandbox")


def status_of(test, caller):
    """While an import waits for its pipe, its process is limited, and the helper goes with it when it is killed."""
    reader, writer = os.pipe()
    pid = os.posix_spawn(caller.osb, [caller.osb, "import", "--repo", caller.path("waiting"), "--ref", "os", "oci-archive:-"],
                         caller.environment, file_actions=[(os.POSIX_SPAWN_DUP2, reader, 0), (os.POSIX_SPAWN_CLOSE, writer)])
    os.close(reader)
    text, deadline = "", time.monotonic() + 20
    while "Seccomp:\t2" not in text and time.monotonic() < deadline:
        time.sleep(0.05)
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            text = file.read()
    test.check("Seccomp:\t2" in text and "NoNewPrivs:\t1" in text, "the process is filtered and gets no privileges", text)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(writer)
    while (os.listdir(caller.temporary) or os.path.exists(caller.path("waiting"))) and time.monotonic() < deadline:
        time.sleep(0.05)
    test.check(not os.listdir(caller.temporary), "a killed run leaves no temporary directory", os.listdir(caller.temporary))
    test.check(not os.path.exists(caller.path("waiting")), "nor an empty repository")


def registry(test, caller):
    name = f"reg-{caller.name}"
    with Registry(test, name, users={"me": "secret"}) as server:
        programs = caller.path("bin")
        os.mkdir(programs)
        helper = os.path.join(programs, "docker-credential-mine")
        with open(helper, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\ncat >/dev/null\necho '{\"Username\":\"me\",\"Secret\":\"secret\"}'\n")
        os.chmod(helper, 0o755)
        auth = auth_file(caller.path("auth.json"), "other", "x", "y", credHelpers={server.host: "mine"})
        os.chmod(auth, 0o644)
        environment = dict(caller.environment, PATH=programs + ":" + os.environ["PATH"])
        access = ("--authfile", auth, "--tls-verify=false")
        caller.must("push", "--repo", caller.path("repo"), "os", server.image("os:1"), *access, env=environment)
        caller.sees(r"connect\(\d+, (\{sa_family=AF_INET|0x)", "import", "--repo", caller.path("fetched"), "--ref", "os",
                    "--layout", "plain", server.image("os:1"), *access, env=environment)
        caller.must("inspect", server.image("os:1"), *access, env=environment)


def main(test):
    test.need("strace", "docker-registry")
    if os.geteuid() != 0:
        raise lib_harness.Skip("runs the program as another user, which only root can do")
    os.chmod(test.work, 0o755)
    osb = test.path("osb-oci")
    shutil.copy(test.osb, osb)
    os.chmod(osb, 0o755)
    simple_layout(test.path("layout"), {"etc/words": b"words of the image\n"})
    test.must("chmod", "-R", "a+rX", test.path("layout"))
    for user in (0, USER):
        caller = Caller(test, user, osb)
        local(test, caller, test.path("layout"))
        places(test, caller, test.path("layout"))
        repositories(test, caller, test.path("layout"))
        options(test, caller, test.path("layout"))
        refusals(test, caller)
        registry(test, caller)
        if user == 0:
            lock_of_user(test, caller)
            status_of(test, caller)


if __name__ == "__main__":
    lib_harness.run(main)

#!/usr/bin/env python3
"""Archives that go to devices, FIFOs, descriptors and links, as shell scripts name them; closed descriptors; signals."""

import filecmp
import os
import signal
import stat
import subprocess
import time

import lib_harness
from lib_image import simple_layout

EXPORT = '"$OSB" export --jobs 1 --repo "$REPO" os '


def bash(test, command, **names):
    """Runs a line of shell, which finds files through variables."""
    return test.run("timeout", "60", "bash", "-c", command, env=dict(os.environ, OSB=test.osb, **names))


def kind(path):
    return stat.filemode(os.lstat(path).st_mode)[0]


def check_outputs(test, repo):
    names = {"fifo": lambda path: os.mkfifo(path), "link": lambda path: os.symlink("real.tar", path)}
    if os.geteuid() == 0:
        names["null"] = lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        names["full"] = lambda path: os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    paths = {name: test.path(name) for name in names}
    for name, make in names.items():
        make(paths[name])
    kinds = {name: kind(path) for name, path in paths.items()}
    test.check_status(bash(test, EXPORT + 'oci-archive:- > "$OUT"', REPO=repo, OUT=test.path("wanted.tar")), 0, "to -")
    for what, command in (
            ("/proc/self/fd/1 | cat", EXPORT + 'oci-archive:/proc/self/fd/1 | cat > "$OUT"'),
            ("/proc/self/fd/1 > FILE", EXPORT + 'oci-archive:/proc/self/fd/1 > "$OUT"'),
            ("/dev/fd/7", EXPORT + 'oci-archive:/dev/fd/7 7> "$OUT"'),
            (">(cat)", EXPORT + 'oci-archive:>(cat > "$OUT"); wait $!'),
            ("a FIFO", 'cat "$FIFO" > "$OUT" & ' + EXPORT + 'oci-archive:"$FIFO"; status=$?; wait; exit $status'),
            ("a link", EXPORT + 'oci-archive:"$LINK" && cp "$REAL" "$OUT"')):
        out = test.path("out.tar")
        result = bash(test, command, REPO=repo, OUT=out, FIFO=paths["fifo"], LINK=paths["link"],
                      REAL=test.path("real.tar"))
        test.check_status(result, 0, f"to {what}")
        test.check(os.path.exists(out) and filecmp.cmp(out, test.path("wanted.tar"), False), f"{what}: the archive")
        if os.path.exists(out):
            os.unlink(out)
    if "full" in paths:
        test.check_status(test.run(test.osb, "export", "--repo", repo, "os", "oci-archive:" + paths["null"]), 0, "to null")
        result = test.run(test.osb, "export", "--repo", repo, "os", "docker-archive:" + paths["full"], "--compression", "gzip",
                          "--progress", "none")
        test.check_refused(result, 6, "to full")
    test.check(kinds == {name: kind(path) for name, path in paths.items()}, "none of them was replaced")
    os.mkdir(test.path("folder"))
    result = test.run(test.osb, "export", "--repo", repo, "os", "oci-archive:" + test.path("folder"))
    test.check_refused(result, 1, "to a directory")
    test.check("oci:" in result.stderr, "it names the other transport", result.describe())


def check_closed(test, repo):
    result = bash(test, '"$OSB" import docker-archive:- --repo "$REPO" --ref os <&-', REPO=test.path("closed-in"))
    test.check(result.status == 1 and "Bad file descriptor" in result.stderr, "no standard input", result.describe())
    result = bash(test, EXPORT + "oci-archive:- >&-", REPO=repo)
    test.check(result.status == 1 and "standard output" in result.stderr, "no standard output", result.describe())
    # What is open as standard error while the program runs: /dev/null, not a file of the repository.
    os.mkfifo(test.path("pause"))
    command = ('"$OSB" import "tarball:$PAUSE" --repo "$REPO" --ref os <&- >&- 2>&- & pid=$!; sleep 1; '
               'readlink /proc/$pid/fd/0 /proc/$pid/fd/1 /proc/$pid/fd/2; kill $pid; wait $pid')
    result = bash(test, command, REPO=test.path("closed-all"), PAUSE=test.path("pause"))
    test.check(result.stdout == "/dev/null\n" * 3, "three closed descriptors", result.describe())


def check_signals(test):
    """A lost terminal is an interruption, except under nohup. SIGINT is one even in a program that a shell starts in the background."""
    pause = test.path("stop")
    os.mkfifo(pause)
    command = [test.osb, "import", "tarball:" + pause, "--repo", test.path("stopped"), "--ref", "os"]
    for ignored, sent, status in (((), [signal.SIGHUP], 129), ([signal.SIGHUP], [signal.SIGHUP, signal.SIGTERM], 143),
                                  ([signal.SIGINT], [signal.SIGINT], 130)):
        def prepare(ignored=ignored):
            for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(one, signal.SIG_IGN if one in ignored else signal.SIG_DFL)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=prepare) as process:
            time.sleep(0.5)
            for one in sent:
                process.send_signal(one)
                time.sleep(0.2)
            stderr = process.communicate()[1]
        test.check(process.returncode == status and f"interrupted by {sent[-1].name}" in stderr,
                   f"{sent[-1].name} with {len(ignored)} ignored: status {status}", (process.returncode, stderr))


def main(test):
    layout = simple_layout(test.path("image"), {"usr/a": b"text\n" * 1000})
    repo = test.path("repo")
    result = test.osb_import(f"oci:{layout.directory}:v1", repo, "--ref", "os", "--layout", "plain")
    if test.check_status(result, 0, "import"):
        check_outputs(test, repo)
        check_closed(test, repo)
    check_signals(test)


lib_harness.run(main)

#!/usr/bin/env python3
"""What `cmake --install` puts in place: man pages that agree with `osb-oci help`, and completion that bash, zsh and fish run."""

import glob
import os
import pty
import re
import select
import shutil
import sys
import time

from lib_harness import Skip, run
from lib_sysroot import directory_system, prepare

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
FILES = {"bin/osb-oci": 0o755, "share/man/man1/osb-oci.1": 0o644, "share/bash-completion/completions/osb-oci": 0o644,
         "share/zsh/site-functions/_osb-oci": 0o644, "share/fish/vendor_completions.d/osb-oci.fish": 0o644}
# As bash calls a completion function, with the words of the line; words are cut at these characters.
BASH = r"""
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
source "$1"; shift
COMP_LINE=$1; COMP_POINT=${#COMP_LINE}; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
complete -p osb-oci >/dev/null || exit 1
_osb_oci
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
"""


def install(test):
    build = os.path.dirname(test.osb)
    if not os.path.exists(os.path.join(build, "cmake_install.cmake")):
        raise Skip(f"{build} is no build directory")
    prefix = test.path("prefix")
    test.check_status(test.run("cmake", "--install", build, "--prefix", prefix), 0, "cmake --install")
    for name, mode in FILES.items():
        path = os.path.join(prefix, name)
        test.check(os.path.isfile(path) and os.stat(path).st_mode & 0o777 == mode, f"{name} is installed")
    present = sorted(os.path.relpath(os.path.join(directory, name), prefix)
                     for directory, _, names in os.walk(prefix) for name in names)
    others = [name for name in present if name not in FILES and not re.fullmatch(r"share/man/man1/osb-oci-[a-z-]+\.1", name)]
    test.check(not others, "and nothing else", others)
    return prefix


def rendered(test, page):
    """A man page as text, without bold and underlined characters."""
    shown = test.run("mandoc", "-T", "utf8", "-O", "width=200", page)
    return re.sub(".\x08", "", shown.stdout)


def verbs_of(test, osb):
    overview = test.run(osb, "help").stdout
    test.check(overview == test.run(osb, "--help").stdout and overview.startswith("osb-oci"), "help and --help are one text", overview)
    return re.findall(r"^  ([a-z-]+)  +[A-Z]", overview, re.M)


def check_manual(test, prefix):
    osb, pages = os.path.join(prefix, "bin/osb-oci"), os.path.join(prefix, "share/man/man1")
    verbs = verbs_of(test, osb)
    test.check(len(verbs) >= 16 and "complete" not in verbs, "the verbs are listed", verbs)
    expected = sorted(["osb-oci.1"] + [f"osb-oci-{verb}.1" for verb in verbs])
    test.check(sorted(os.listdir(pages)) == expected, "one page for each verb, and one for the program", os.listdir(pages))
    for verb in verbs:
        text = rendered(test, os.path.join(pages, f"osb-oci-{verb}.1"))
        shown = test.run(osb, "help", verb)
        test.check(shown.stdout == test.run(osb, verb, "--help").stdout != "", f"help {verb} and {verb} --help are one text")
        options = re.findall(r"^  (?:-.,)?(--[a-z-]+)", shown.stdout, re.M)
        labels = re.findall(r"^ +(?:-., )?(--[a-z-]+)[^\n]*$", text, re.M)
        test.check(options and set(labels) >= set(options), f"osb-oci-{verb}(1) has an entry for each option", (options, labels))
        # In NAME to OPTIONS: examples and lists of other pages are the same in both anyway.
        test.check(set(OPTION.findall(text.replace("--check found nothing new", ""))) == set(OPTION.findall(shown.stdout)),
                   f"osb-oci-{verb}(1) and help name the same options",
                   set(OPTION.findall(text)) ^ set(OPTION.findall(shown.stdout)))
        for line in re.search(r"Examples:\n(.*)\Z", shown.stdout, re.S)[1].splitlines():
            test.check(line.strip() in text, f"example of {verb}: {line.strip()[:60]}", text)
    for page in sorted(glob.glob(os.path.join(pages, "*"))):
        lint = test.run("mandoc", "-T", "lint", "-W", "style", page)
        # Whether pages that are referred to are installed here is no fault of the page.
        faults = [line for line in lint.stdout.splitlines() if "outdated mandoc.db" not in line and "STYLE: referenced manual" not in line]
        test.check(not faults, f"{os.path.basename(page)}: mandoc -T lint", "\n".join(faults))
        shown = test.run("man", "-l", page, env={**os.environ, "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
        test.check(shown.status == 0 and "NAME" in shown.stdout and not shown.stderr, f"{os.path.basename(page)}: man -l", shown.describe())


def read_until(terminal, pattern, seconds=60):
    """The match of the pattern in what the terminal shows; None when it does not come."""
    shown, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 4096)
        found = re.search(pattern, shown)
        if found:
            return found
    return None


class Shell:
    """Completion by one shell, of a line that begins with the installed program."""

    def __init__(self, test, prefix, cwd):
        self.test, self.prefix, self.cwd = test, prefix, cwd
        self.env = {**os.environ, "PATH": f"{prefix}/bin:{os.environ['PATH']}", "HOME": test.path()}
        self.env.pop("OSB_REPO", None)

    def bash(self, *words, line=None):
        script = os.path.join(self.prefix, "share/bash-completion/completions/osb-oci")
        line = line or " ".join(("osb-oci", *words))
        done = self.test.run("sh", "-c", 'cd "$0"; exec "$@"', self.cwd, "bash", "-c", BASH, "bash", script, line, "osb-oci", *words,
                             env=self.env)
        return done.stdout.splitlines() if not done.stderr else [f"stderr: {done.stderr}"]

    def fish(self, line):
        script = os.path.join(self.prefix, "share/fish/vendor_completions.d/osb-oci.fish")
        done = self.test.run("sh", "-c", 'cd "$0"; exec "$@"', self.cwd, "fish", "--no-config", "-c",
                             'source $argv[1]; complete -C $argv[2]', script, line, env=self.env)
        return [one.split("\t")[0] for one in done.stdout.splitlines()] if not done.stderr else [f"stderr: {done.stderr}"]

    def zsh(self, line):
        """What becomes of the line when Tab is pressed: zsh completes for a terminal alone."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.cwd)
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**self.env, "TERM": "dumb"})
        functions = os.path.join(self.prefix, "share/zsh/site-functions")
        os.write(terminal, f"fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D; echo rea''dy\n".encode())
        read_until(terminal, rb"ready\r\n")
        # Back to the front of the line, which is then printed.
        os.write(terminal, line.encode() + b"\t\x01echo '[\x05]'\n")
        found = read_until(terminal, rb"\n\[([^\]\r]*)\]\r\n")
        os.close(terminal)
        os.waitpid(child, 0)
        return found and found[1].decode()

    def expect(self, shell, line, expected):
        """`expected` are the candidates that the words of `line` have."""
        found = self.fish(line) if shell == "fish" else self.bash(*line.split(" ")[1:])
        self.test.check(sorted(found) == sorted(expected), f"{shell} completes '{line}'", f"{found} instead of {expected}")


def make_repository(test):
    """The default repository of a directory, with refs of which one has a name that is for no terminal."""
    here = test.path("here")
    os.mkdir(here)
    repo = os.path.join(here, "ostree-repo")
    test.must("ostree", "init", f"--repo={repo}", "--mode=archive")
    os.mkdir(test.path("empty"))
    commit = test.must("ostree", "commit", f"--repo={repo}", "-b", "os/main", f"--tree=dir={test.path('empty')}").strip()
    for name in ("os/next", "ostree/container/blob/sha256_3A_00", "os/\x1b]0;x\x07", "os/$(id)", "os/a b"):
        path = os.path.join(repo, "refs/heads", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(commit + "\n")
    shutil.copytree(repo, os.path.join(here, "other"))
    os.rename(os.path.join(here, "other/refs/heads/os/next"), os.path.join(here, "other/refs/heads/os/further"))
    os.mkdir(os.path.join(here, "image"))
    with open(os.path.join(here, "image.tar"), "w", encoding="ascii"):
        pass
    return here


def check_completion(test, prefix):
    here = make_repository(test)
    shell = Shell(test, prefix, here)
    for name in ("bash", "fish"):
        shell.expect(name, "osb-oci imp", ["import"])
        shell.expect(name, "osb-oci help unp", ["unpin"])
        shell.expect(name, "osb-oci complet", [])
        shell.expect(name, "osb-oci import --lay", ["--layout"])
        shell.expect(name, "osb-oci import --layout ", ["bootable", "plain"])
        shell.expect(name, "osb-oci export os/", ["os/main", "os/next"])
        shell.expect(name, "osb-oci export --repo other os/f", ["os/further"])
        shell.expect(name, "osb-oci export --repo nothing os/", [])
        shell.expect(name, "osb-oci push --ref ", ["os/main", "os/next"])
        shell.expect(name, "osb-oci frobnicate ", [])
    # fish has the whole word where bash, which cuts it at ':' and '=', has the rest.
    shell.expect("fish", "osb-oci import --layout=p", ["--layout=plain"])
    shell.expect("fish", "osb-oci import oci-archive:im", ["oci-archive:image/", "oci-archive:image.tar"])
    shell.expect("fish", "osb-oci import oci:im", ["oci:image/"])
    for words, line, expected in (
            (("import", "--layout", "=", "p"), "osb-oci import --layout=p", ["plain"]),
            (("import", "--layout", "="), "osb-oci import --layout=", ["bootable", "plain"]),
            (("import", "oci-archive", ":", "im"), "osb-oci import oci-archive:im", ["image", "image.tar"]),
            (("import", "oci", ":"), "osb-oci import oci:", ["image", "other", "ostree-repo"]),
            (("export", "--repo", "=", "other", "os/f"), "osb-oci export --repo=other os/f", ["os/further"]),
            (("export", "--compression", "zstd", ":"), "osb-oci export --compression zstd:", ["chunked"])):
        found = shell.bash(*words, line=line)
        test.check(sorted(found) == sorted(expected), f"bash completes '{line}'", f"{found} instead of {expected}")
    test.check_status(test.run("zsh", "-n", os.path.join(prefix, "share/zsh/site-functions/_osb-oci")), 0, "zsh reads its script")
    for line, expected in (("osb-oci imp", "osb-oci import"), ("osb-oci import --layout=pl", "osb-oci import --layout=plain"),
                           ("osb-oci export os/n", "osb-oci export os/next"), ("osb-oci import oci-a", "osb-oci import oci-archive:"),
                           ("osb-oci import oci-archive:im", "osb-oci import oci-archive:image")):
        found = shell.zsh(line)
        test.check(found == expected, f"zsh completes '{line}'", f"{found!r} instead of {expected!r}")
    fish = os.path.join(prefix, "share/fish/vendor_completions.d/osb-oci.fish")
    test.check_status(test.run("fish", "-n", fish), 0, "fish reads its script")
    return shell


def check_helper(test, prefix):
    osb = os.path.join(prefix, "bin/osb-oci")
    for words in ((), ("export", "--repo", "/nonexistent", ""), ("pin", "--sysroot", "/nonexistent", ""), ("\x1b", ""), ("--", "")):
        done = test.run(osb, "complete", *words)
        test.check(done.status == 0 and not done.stderr and done.stdout in ("", "words\n"), f"complete {words}: silent", done.describe())


def check_deployments(test, shell):
    """Of a sysroot, which only root can make."""
    try:
        prepare(test)
    except Skip as skip:
        test.skip_one("completion of deployments", skip)
        return
    with directory_system(test, "deployed") as system:
        system.deploy("1")
        system.deploy("2")
        first, second = (f"{name.split('.')[0][:12]}.{name.split('.')[1]}" for name in system.order())
        for name in ("bash", "fish"):
            shell.expect(name, f"osb-oci pin --sysroot {system.path} ", ["booted", "rollback", "0", first, "1", second])
            shell.expect(name, f"osb-oci unpin --sysroot {system.path} {first[:4]}",
                         [one for one in (first, second) if one.startswith(first[:4])])


def check_suggestions(test, here):
    repo, image = os.path.join(here, "ostree-repo"), f"oci:{test.path('never')}"
    for words, hint in ((("upgrad",), "did you mean 'upgrade'?"), (("import", "--lyaout", "plain", "oci:x"), "did you mean '--layout'?"),
                        (("export", "--repo", repo, "os/mian", image), "did you mean the ref 'os/main'?"),
                        (("push", "--repo", repo, "os/nxt", "file:///nonexistent"), "did you mean the ref 'os/next'?"),
                        (("install-to-disk", "--repo", repo, "os/man", test.path("disk")), "did you mean the ref 'os/main'?")):
        done = test.run(test.osb, *words)
        test.check_refused(done, 1 if "--repo" in words else 2, " ".join(words[:1] + words[-2:]), hint)
    done = test.run(test.osb, "export", "--repo", repo, "something/else/altogether", image)
    test.check(not os.path.exists(test.path("never")), "and no image is begun")
    test.check(done.status == 1 and "did you mean" not in done.stderr, "nothing is suggested where nothing is near", done.describe())


def main(test):
    test.need("cmake", "mandoc", "man", "bash", "zsh", "fish", "ostree")
    prefix = install(test)
    check_manual(test, prefix)
    shell = check_completion(test, prefix)
    check_helper(test, prefix)
    check_suggestions(test, shell.cwd)
    check_deployments(test, shell)


if __name__ == "__main__":
    sys.exit(run(main))

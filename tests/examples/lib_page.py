"""Runs a page: the commands of examples/NAME/README.md, in their order, as a reader types them.

    run_page("published-repository")                    # the whole page is the test
    run_page("variants", after={"Switch": check})       # check(page) runs when the section of that name has ended

The fenced blocks of a page are its test. The first word of a block's info string is its language, the others say what is done with it:

    ```sh                  commands on this machine. They all succeed
    ```sh status=77        the last command ends with this exit status
    ```sh type=TEXT        the commands run on a terminal, and TEXT is typed when they ask for a password or a passphrase
    ```sh boot             a command line of qemu-system-x86_64: the machine is started, and root logs in with the password "osb"
    ```sh machine          commands on the machine that was started last; `reboot` and `poweroff` in a line of their own
    ```sh machine=NAME     on the machine with this name (boot=NAME names it)
    ```sh machine restarts=2   after `reboot` the machine restarts once more by itself
    ```text                what the block before it prints, in whole; "..." stands for any text, in a line of its own for any lines
    ```LANGUAGE file=PATH  the content of this file of the example, which the test compares

A block of another kind is an error, so a page has no command that was not run. With machines="long" only scripts/test --long starts the
machines of a page; otherwise their blocks are left out, with what they print.

A page runs in namespaces of its own: its network is a loopback interface without anything else, so it may use any port; /root, /srv and
/tmp are empty directories; what it changes in /etc, /run and /usr/local is gone with it; and no process outlives it. The tools of the page
are those of this machine, and osb-oci is $OSB.
"""

import os
import pty
import re
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[1:1] = [os.path.join(TOP, "tests", "system"), os.path.join(TOP, "tests", "integration")]

import lib_system  # noqa: E402  # pylint: disable=wrong-import-position
from lib_containers import Containers  # noqa: E402  # pylint: disable=wrong-import-position
from lib_harness import SKIPPED, Skip, Test, only_long, run, unmount_below  # noqa: E402  # pylint: disable=wrong-import-position
from lib_qemu import Machine, karg_options  # noqa: E402  # pylint: disable=wrong-import-position

FENCE = re.compile(r"^```(\S*)[ ]?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
BASE = "localhost/alpine-os:1"
INSIDE = "OSB_PAGE_NAMESPACES"


class Block:
    def __init__(self, language, words, text, line):
        self.language, self.text, self.line = language, text, line
        self.words = dict(word.partition("=")[::2] for word in words.split())


def blocks_of(page):
    """The blocks and headings of a page in their order: ("heading", text) or ("block", Block)."""
    found = [(match.start(), "block", Block(match.group(1), match.group(2), match.group(3), page.count("\n", 0, match.start()) + 1))
             for match in FENCE.finditer(page)]
    inside = [range(match.start(), match.end()) for match in FENCE.finditer(page)]
    found += [(match.start(), "heading", match.group(1)) for match in HEADING.finditer(page)
              if not any(match.start() in span for span in inside)]
    return [(kind, what) for _, kind, what in sorted(found, key=lambda one: one[0])]


def without_machines(parts):
    """The parts of a page that run on this machine."""
    left_out = False
    for kind, what in parts:
        if kind == "block":
            if what.language != "text":
                left_out = not {"boot", "machine"}.isdisjoint(what.words)
            if left_out:
                continue
        yield kind, what


def difference(expected, actual):
    """"" if the output is the expected one, else what differs. "..." in `expected` stands for anything."""
    pattern = ""
    for line in expected.splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r"[ \t]*\n"
    text = "".join(line.rstrip() + "\n" for line in actual.splitlines())
    if re.fullmatch(pattern, text):
        return ""
    return f"expected:\n{expected}\nprinted:\n{text}"


class Page:
    def __init__(self, test, name, machines=True):
        self.test, self.name, self.with_machines = test, name, machines
        self.source = os.path.join(TOP, "examples", name)
        self.directory = test.path(name)
        shutil.copytree(self.source, self.directory)
        self.machines, self.last = {}, None
        self.output = ""
        self.state = test.path("page-state")
        os.mkdir(self.state)
        self.env = self.environment()

    def environment(self):
        bin_directory = self.test.path("bin")
        os.mkdir(bin_directory)
        self.test.containers = containers = Containers(self.test)
        # The additions of install-to-disk are for QEMU without KVM (lib_qemu.py), and change nothing that a page shows.
        with open(os.path.join(bin_directory, "osb-oci"), "w", encoding="ascii") as file:
            file.write(f"""#!/bin/sh
case $1 in install-to-disk) exec {self.test.osb} "$@" {shlex.join(karg_options())} ;; esac
exec {self.test.osb} "$@"
""")
        os.chmod(os.path.join(bin_directory, "osb-oci"), 0o755)
        return {**containers.env, "PATH": f"{bin_directory}:{os.environ['PATH']}:/usr/sbin:/sbin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                "TMPDIR": "/tmp", "TERM": "dumb", "OSB_SOURCE": TOP}

    def run(self, after):
        with open(os.path.join(self.source, "README.md"), encoding="utf-8") as file:
            parts = blocks_of(file.read())
        os.chdir(self.directory)  # where QEMU finds the disks of a command line
        heading, ran = "", 0
        for kind, what in parts if self.with_machines else without_machines(parts):
            if kind == "heading":
                self.section_ends(heading, after)
                heading = what
                continue
            if not self.run_block(what, f"{heading}, line {what.line}"):
                return
            ran += 1
        self.section_ends(heading, after)
        self.test.check(ran > 0 and not after, "the page has blocks, and each section that is checked", list(after))

    def section_ends(self, heading, after):
        if heading in after:
            after.pop(heading)(self)

    def run_block(self, block, what):
        first = block.text.strip().splitlines()[0] if block.text.strip() else ""
        what = f"{what}: {first[:80]}"
        if block.language == "text":
            fault = difference(block.text, self.output)
            return self.test.check(not fault, what, fault)
        if "file" in block.words:
            with open(os.path.join(self.source, block.words["file"]), encoding="utf-8") as file:
                return self.test.check(file.read() == block.text, what, f"{block.words['file']} and the page differ")
        if block.language != "sh":
            return self.test.check(False, what, f"a block that nothing runs: {block.language!r}")
        if "boot" in block.words:
            return self.boot(block, what)
        if "machine" in block.words:
            return self.on_machine(block, what)
        status = self.host(block.text, block.words.get("type", ""))
        return self.test.check(status == int(block.words.get("status", "0")), what, f"status {status}:\n{self.output}")

    def host(self, text, typed=""):
        """Runs commands in bash; the working directory and exported variables are kept from block to block."""
        script, out = os.path.join(self.state, "script"), os.path.join(self.state, "out")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"""
. {self.state}/before 2>/dev/null || cd {self.directory}
trap 'status=$?; {{ export -p; printf "cd %q\\n" "$PWD"; }} >{self.state}/before; exit $status' EXIT
set -eu
{text}""")
        if typed:
            return self.terminal(script, typed)
        # To a file: a server that a page leaves running holds what it was given.
        with open(out, "wb") as file:
            status = subprocess.run(["bash", script], stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=self.env,
                                    check=False).returncode
        with open(out, encoding="utf-8", errors="backslashreplace") as file:
            self.output = file.read()
        return status

    def terminal(self, script, typed):
        """Runs a script on a terminal of its own, and types when it asks."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe("bash", ["bash", script], self.env)
        self.output, asked = "", 0
        while True:
            try:
                part = os.read(terminal, 4096)
            except OSError:  # so Linux reports the end of a terminal
                break
            if not part:
                break
            self.output += part.decode(errors="backslashreplace").replace("\r\n", "\n")
            questions = len(re.findall(r"(?:password|passphrase)[^\n]*: ", self.output, re.IGNORECASE))
            if questions > asked:
                asked = questions
                os.write(terminal, typed.encode() + b"\n")
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def boot(self, block, what):
        """Starts a machine by the page's own command line: its disks and its network."""
        words = shlex.split(block.text.replace("\\\n", " "))
        if words[:1] != ["qemu-system-x86_64"]:
            return self.test.check(False, what, "not a command line of QEMU")
        name = block.words["boot"] or "machine"
        # Memory, console and processor are those of the tests (lib_qemu.py).
        options = [word for word in words[1:] if word != "-nographic"]
        if "-m" in options:
            del options[options.index("-m"):options.index("-m") + 2]
        machine = Machine(self.test, name, [], options=options, hurry=True)
        machine.directory = self.directory
        self.machines[name] = self.last = machine
        machine.start()
        machine.login()
        self.output = ""
        return self.test.check(True, what)

    def on_machine(self, block, what):
        machine = self.machines[block.words["machine"]] if block.words["machine"] else self.last
        self.last = machine
        self.output, status, part = "", 0, ""
        for line in block.text.splitlines(keepends=True) + ["# end\n"]:
            if line.strip() in ("reboot", "poweroff", "# end"):
                if part:
                    status, said = machine.shell(part.rstrip("\n"), 300)
                    self.output += said + "\n" if said else ""
                part = ""
                if line.strip() == "reboot":
                    machine.send("sync; reboot\n")
                    for _ in range(int(block.words.get("restarts", "1"))):
                        machine.next_boot()
                    machine.login()
                elif line.strip() == "poweroff":
                    machine.power_off()
            else:
                part += line
        return self.test.check(status == int(block.words.get("status", "0")), what, f"status {status}:\n{self.output}")

    def end(self):
        for machine in self.machines.values():
            machine.kill()


def mount_directories(test):
    """The directories of the page's own, in its mount namespace. A checkout that is in one of them stays where it is."""
    checkout = test.path("mounts-checkout")
    os.mkdir(checkout)
    test.must("mount", "--bind", TOP, checkout)
    for name in ("root", "srv", "tmp"):
        directory = test.path("mounts-" + name)
        os.mkdir(directory, 0o755)
        if name == "tmp":
            os.chmod(directory, 0o1777)
        test.must("mount", "--bind", directory, "/" + name)
        if TOP.startswith(f"/{name}/"):
            os.makedirs(TOP)
            test.must("mount", "--bind", checkout, TOP)
    for name in ("etc", "run", "usr/local"):
        upper, work = test.path("upper-" + name.replace("/", "-")), test.path("work-" + name.replace("/", "-"))
        os.mkdir(upper)
        os.mkdir(work)
        test.must("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/{name},upperdir={upper},workdir={work}", "/" + name)


def base_image():
    """The image of the system tests, as skopeo names it. Made where there is a network, if it has not been made yet."""
    test = Test()
    try:
        lib_system.need_machine(test)
        return lib_system.system_image(test)
    except Skip as skip:
        print(f"# {skip}")
        sys.exit(SKIPPED)
    finally:
        unmount_below(test.work)
        shutil.rmtree(test.work, ignore_errors=True)


def run_page(name, needs=(), base=False, after=None, files=None, alpine=False, machines="always"):
    """Runs the page, as the test whose exit status is that of the program. `base`: it builds on the bootable Alpine of
    containerfiles/Containerfile, in whose place the image of the system tests stands. `alpine`: it shows what only a real Alpine has.
    `files`: {name: path} of what a reader downloads. `machines`: "long" leaves what runs on machines to scripts/test --long."""
    if alpine and not os.environ.get("OSB_ALPINE_ROOTFS"):
        print("# needs OSB_ALPINE_ROOTFS: the page shows packages and names of Alpine")
        sys.exit(SKIPPED)
    if os.geteuid() != 0:
        print("# needs root, for namespaces and loop devices")
        sys.exit(SKIPPED)
    # Not in /tmp, which is to be the page's own; and the upper directory of an overlay must not be on an overlay.
    os.environ.setdefault("TMPDIR", "/dev/shm")
    if INSIDE not in os.environ:
        os.environ[INSIDE] = base_image() if base else "none"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation", "private",
                              sys.executable, os.path.abspath(sys.argv[0])])

    def main(test):
        test.need("ip", "bash", *needs)
        test.must("ip", "link", "set", "lo", "up")
        page = Page(test, name, machines == "always" or only_long(f"the machines of examples/{name}"))
        for file, source in (files or {}).items():
            shutil.copy(source, os.path.join(page.directory, file))
        mount_directories(test)
        if base:
            test.must("skopeo", "copy", "-q", os.environ[INSIDE], f"containers-storage:{BASE}", env=page.env)
        try:
            page.run(dict(after or {}))
        except Exception:
            for machine in page.machines.values():
                machine.show_end()
            raise
        finally:
            page.end()

    run(main)

#!/usr/bin/env python3
"""docs/from-*.md: every command line of osb-oci on these pages is one that the program accepts. It runs as a user without rights, without
a network, and in an empty directory: nothing but its command line can be right, and a wrong one has the exit status 2."""

import os
import re
import shlex
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(1, os.path.join(TOP, "tests", "integration"))

from lib_harness import Skip, run  # noqa: E402  # pylint: disable=wrong-import-position

PAGES = ("from-bootc", "from-rpm-ostree", "from-ostree-push", "from-ostree-commit")
MOST_LINES = 120
# PROGRAM COMMAND...: the directory is one of memory, which hides /tmp and has a copy of the program.
ALONE = """
set -e
exec 3<"$1"
mount -t tmpfs -o mode=755 tmpfs /tmp
cat <&3 >/tmp/osb-oci
chmod 755 /tmp/osb-oci
exec 3<&-
shift
cd /tmp
exec timeout 10 setpriv --reuid=65534 --regid=65534 --clear-groups env -i PATH=/tmp:/usr/bin:/bin HOME=/nonexistent LC_ALL=C.UTF-8 "$@"
"""
TIMED_OUT = 124
RUN_ERRORS = (1, 3, 4, 5, 6)
FENCE = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(osb-oci [^`]+)`")
LINK = re.compile(r"\]\(([^)#]+)(#[^)]*)?\)")


def command_lines(page):
    """The command lines of osb-oci: of the blocks for a shell, and in the text."""
    blocks = FENCE.findall(page)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line.startswith("osb-oci ")] + INLINE.findall(FENCE.sub("", page))


def words_of(line):
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    if any(set(word) <= set("();<>|&") for word in words):
        raise ValueError("more than a command")
    return words


def run_alone(test, words):
    return test.run("unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", ALONE, "sh", test.osb, *words)


def check_line(test, page, line):
    words = words_of(line)
    if len(words) == 2:  # a verb that the text mentions
        words.append("--help")
    done = run_alone(test, words)
    # The program's own error, which is not one of its command line.
    failed = done.status in RUN_ERRORS and "osb-oci: error: " in done.stderr
    test.check(failed or done.status in (0, TIMED_OUT), f"{page}: {line}", done.describe())


def check_refusals(test):
    """A line that is wrong is found."""
    for line in ("osb-oci frobnicate", "osb-oci upgrade --chekc", "osb-oci rollback 1", "osb-oci import --layout none oci:os",
                 "osb-oci import", "osb-oci kargs --append"):
        done = run_alone(test, words_of(line))
        refused = done.status == 2 and "osb-oci: error: " in done.stderr
        test.check(refused, f"a wrong line has the exit status 2: {line}", done.describe())


def main(test):
    if os.geteuid() != 0:
        raise Skip("needs root, for namespaces")
    test.need("unshare", "setpriv", "timeout")
    check_refusals(test)
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    for name in PAGES:
        path = os.path.join(TOP, "docs", name + ".md")
        with open(path, encoding="utf-8") as file:
            page = file.read()
        test.check(page.count("\n") < MOST_LINES, f"{name} has less than {MOST_LINES} lines", page.count("\n"))
        test.check(f"](docs/{name}.md)" in readme, f"README links {name}")
        missing = [link for link, _ in LINK.findall(page) if not os.path.exists(os.path.join(TOP, "docs", link))]
        test.check(not missing, f"{name}: its links lead to files", missing)
        lines = command_lines(page)
        test.check(len(lines) >= 5, f"{name} has command lines", lines)
        for line in dict.fromkeys(lines):
            check_line(test, name, line)


if __name__ == "__main__":
    run(main)

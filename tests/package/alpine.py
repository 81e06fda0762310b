#!/usr/bin/env python3
"""Alpine's package, as far as it can be checked without abuild: packaging/alpine/APKBUILD is what Alpine's shell reads, asks for the
packages of scripts/install-deps, and puts each file where abuild's subpackages look for it."""

import os
import re

from lib_package import TOP, build_list, text_of, version  # first: it finds the others

from lib_harness import run  # pylint: disable=wrong-import-order

APKBUILD = os.path.join(TOP, "packaging/alpine/APKBUILD")
# Prints each variable that abuild requires, and each function that it calls.
ASK = r"""
set -eu
srcdir=/src pkgdir=/pkg
. "$1"
for name in pkgname pkgver pkgrel pkgdesc url arch license makedepends subpackages source builddir; do
    eval "value=\$$name"
    printf '%s=%s\n' "$name" "$(echo $value)"
done
for name in build check package; do
    case $(type "$name") in *function*) echo "function=$name" ;; esac
done
"""
# Where abuild looks for the files of a subpackage, and which file it has to find.
SUBPACKAGES = {"doc": "usr/share/man/man1/osb-oci.1", "bash-completion": "usr/share/bash-completion/completions/osb-oci",
               "zsh-completion": "usr/share/zsh/site-functions/_osb-oci",
               "fish-completion": "usr/share/fish/vendor_completions.d/osb-oci.fish"}


def read_recipe(test, where, *shell):
    """The variables and functions of the recipe, as this shell reads it."""
    done = test.run(*shell)
    test.check(done.status == 0 and not done.stderr, f"{where} reads the recipe", done.describe())
    lines = [line.partition("=") for line in done.stdout.splitlines()]
    return {name: value for name, _, value in lines if name != "function"}, [value for name, _, value in lines if name == "function"]


def read_in_alpine(test):
    """As read_recipe(), with the shell of a real Alpine."""
    given = os.environ.get("OSB_ALPINE_ROOTFS")
    if not given or os.geteuid() != 0:
        test.skip_one("Alpine's shell reads the recipe", "needs OSB_ALPINE_ROOTFS and root")
        return None
    root = test.path("alpine")
    os.mkdir(root)
    test.must("tar", "-C", root, "-xpf", given)
    os.mkdir(os.path.join(root, "recipe"))
    test.must("cp", APKBUILD, os.path.join(root, "recipe/APKBUILD"))
    return read_recipe(test, "Alpine's shell", "chroot", root, "/bin/sh", "-c", ASK, "sh", "/recipe/APKBUILD")


def check_recipe(test, values, functions):
    test.check(all(values.values()) and len(values) == 11, "every variable that abuild requires is set", values)
    test.check(functions == ["build", "check", "package"], "and every function", functions)
    test.check(values["pkgname"] == "osb-oci" and values["pkgver"] == version(), "the version is that of CMakeLists.txt", values)
    needed = values["makedepends"].split()
    test.check(needed == build_list("alpine"), "makedepends is the list of scripts/install-deps", f"{needed}\n{build_list('alpine')}")
    test.check(values["builddir"] == f"/src/osb-oci-{version()}" and values["source"] == f"osb-oci-{version()}.tar.gz",
               "the sources are unpacked where it builds", values)
    # abuild refuses a recipe without an empty or right list of checksums, and indents by tabs.
    text = text_of("packaging/alpine/APKBUILD")
    test.check(re.search(r'^sha512sums="', text, re.MULTILINE) and not re.search(r"^ +\S", text, re.MULTILINE), "abuild's style")


def check_functions(test, values):
    """The functions, run here on what scripts/build has built."""
    pkgdir = test.path("pkg")
    script = f'set -eu; srcdir=/src pkgdir={pkgdir}; . "$1"; cd "$2"; "$3"'
    for name in ("check", "package"):
        done = test.run("sh", "-c", script, "sh", APKBUILD, TOP, name)
        test.check_status(done, 0, f"{name}()")
    found = {os.path.relpath(os.path.join(directory, name), pkgdir) for directory, _, names in os.walk(pkgdir) for name in names}
    test.check("usr/bin/osb-oci" in found, "package() puts the program in place", found)
    left = set(found) - {"usr/bin/osb-oci"}
    for name, path in SUBPACKAGES.items():
        test.check(f"osb-oci-{name}" in values["subpackages"].split() and path in found, f"the subpackage {name} has /{path}", found)
        left = {one for one in left if not one.startswith(os.path.dirname(path) + "/")}
    test.check(not left, "each file but the program is in a subpackage", left)
    with open(os.path.join(pkgdir, SUBPACKAGES["doc"]), encoding="utf-8") as file:
        test.check(file.read() == text_of("man/osb-oci.1"), "the man page is that of man/")


def main(test):
    test.need("sh", "cmake")
    test.check_status(test.run("sh", "-n", APKBUILD), 0, "sh -n")
    values, functions = read_recipe(test, "this machine's shell", "sh", "-c", ASK, "sh", APKBUILD)
    check_recipe(test, values, functions)
    there = read_in_alpine(test)
    if there:
        test.check(there == (values, functions), "and both read the same", there)
    check_functions(test, values)


if __name__ == "__main__":
    run(main)

#!/usr/bin/env python3
# Takes minutes.
"""The program's sources compile against the headers of musl, which Alpine has instead of glibc's. Nothing is linked: what this finds is a
name, a type or a macro that only glibc has. On Alpine itself the build shows it.

The C++ library is GNU's, as on Alpine. Its headers here are made for glibc: tests/fixtures/musl has what they expect of it."""

import json
import os
import pathlib
import re

from lib_package import TOP  # first: it finds the others

from lib_harness import Skip, run  # pylint: disable=wrong-import-order

MODULES = ("base", "oci", "registry", "ostree", "image", "system", "cli")
MACHINE = os.uname().machine
MUSL = f"/usr/include/{MACHINE}-linux-musl"
GLIBC = ("/usr/include", f"/usr/include/{MACHINE}-linux-gnu")
SHIM = os.path.join(TOP, "tests/fixtures/musl")
FLAG = re.compile(r"(?:-I|-isystem )(\S+)|(-D\S+)")


def units():
    """What the build compiles at once, of the program: entries of its compilation database."""
    build = pathlib.Path(TOP, "build/release")
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    folders = [os.path.realpath(os.path.join(top, module)) for top in (TOP, build) for module in MODULES]
    return [entry for entry in entries if entry["file"].startswith(tuple(folder + "/" for folder in folders))]


def system_headers(test):
    """The options for the system's headers. Those of other libraries come last, because glibc's lie beside them."""
    search = test.run("g++", "-E", "-v", "-x", "c++", "/dev/null").stderr
    library = [os.path.realpath(path) for path in re.findall(r"^ (/\S*c\+\+\S*)$", search, re.MULTILINE)]
    own = os.path.join(test.must("clang", "-print-resource-dir").strip(), "include")
    options = ["-nostdinc", "-nostdinc++"]
    for path in (SHIM, *library, MUSL, own):
        options += ["-isystem", path]
    for path in GLIBC:
        options += ["-idirafter", path]
    return [*options, "-include", os.path.join(SHIM, "names.h")]


def compiler(options):
    return ["clang++", f"--target={MACHINE}-linux-musl", "-D_GNU_SOURCE", "-w", "-std=c++20", *options]


def precompile(test, options):
    """The headers that most units include, read once: the option for it."""
    text, path = test.path("precompiled.hh"), test.path("precompiled.pch")
    with open(text, "w", encoding="utf-8") as file:
        file.write("#include <base/precompiled.hh>\n#include <nlohmann/json.hpp>\n")
    test.must(*compiler(options), "-I", TOP, "-x", "c++-header", text, "-o", path)
    return ["-include-pch", path]


def compile_unit(test, entry, options):
    for path, macro in FLAG.findall(entry["command"]):
        if macro:
            options = [*options, macro.replace('\\"', '"')]
        elif path not in GLIBC:
            options = [*options, "-I", path]
    return test.run(*compiler(options), "-fsyntax-only", entry["file"])


def main(test):
    test.need("clang", "g++")
    if not os.path.isdir(MUSL):
        raise Skip("needs musl's headers")
    options, entries = system_headers(test), units()
    test.check(len(entries) >= len(MODULES), "the build has sources of each module", len(entries))
    options += precompile(test, options)
    for entry in entries:
        result = compile_unit(test, entry, options)
        test.check(result.status == 0, f"{os.path.relpath(entry['file'], entry['directory'])} is for musl", result.describe())


if __name__ == "__main__":
    run(main)

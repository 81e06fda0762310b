#!/usr/bin/env python3
"""Checks the borders between the modules (docs/architecture.md) from the #include lines.

usage: include_direction.py [TOP] | --self-test

Two rules. A module includes only itself and modules below it. And a C library belongs to the modules that wrap it: no other
module sees its headers, neither directly nor through a header of ours.
"""

import os
import re
import sys
import tempfile

MODULES = ("base", "oci", "registry", "ostree", "image", "system", "cli")  # bottom first
# Header pattern, and the modules that may see it.
OWNERS = (
    (r"(glib|glib-2\.0|gio)(-object|-unix)?(/|\.h$)|ostree-1/|ostree(-[a-z-]+)?\.h$", {"ostree"}),
    (r"openssl/", {"base", "registry"}),
    (r"curl/", {"registry"}),
    (r"archive(_entry)?\.h$", {"oci"}),
    (r"zstd(_errors)?\.h$|zdict\.h$", {"oci"}),
    (r"zlib\.h$|isa-l(/|\.h$)|igzip_lib\.h$", {"oci", "ostree"}),
    (r"ext2fs/|et/com_err\.h$", {"image"}),
    (r"libfdisk(/|\.h$)", {"image"}),
    (r"blkid(/|\.h$)", {"image"}),
    (r"toml\+\+/|toml\.hpp$", {"oci"}),
    (r"CLI/", {"cli"}),
)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def sources(top):
    for module in MODULES:
        for directory, _, names in os.walk(os.path.join(top, module)):
            for name in sorted(names):
                if name.endswith((".cc", ".hh", ".h")):
                    yield os.path.relpath(os.path.join(directory, name), top)


def includes(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        return [name for _, name in INCLUDE.findall(file.read())]


def seen_from(path, edges):
    """Everything that `path` includes, directly or not, each with the file that says so."""
    found, todo = {}, [path]
    while todo:
        file = todo.pop()
        for name in edges.get(file, ()):
            if name not in found:
                found[name] = file
                todo.append(name)
    return found


def violations(top):
    edges = {path: includes(top, path) for path in sources(top)}
    for path, names in edges.items():
        module = path.split("/")[0]
        for name in names:
            other = name.split("/")[0]
            if other in MODULES and "/" in name:
                if MODULES.index(other) > MODULES.index(module):
                    yield f"{path}: includes {name}: {module} is below {other}"
                elif name not in edges:
                    yield f"{path}: includes {name}, which does not exist"
            elif other.startswith("."):
                yield f"{path}: includes {name}: give the path from the root of the repository"
        for name, by in seen_from(path, edges).items():
            for pattern, owners in OWNERS:
                if re.match(pattern, name) and module not in owners:
                    yield f"{path}: sees <{name}> (through {by}), which only {', '.join(sorted(owners))} may"


def self_test():
    """The check must find each kind of violation, and nothing in a tree without one."""
    good = {"base/a.hh": "", "oci/b.hh": '#include "base/a.hh"\n', "oci/z.cc": "#include <zstd.h>\n",
            "ostree/private.hh": "#include <ostree.h>\n", "ostree/c.cc": '#include "ostree/private.hh"\n#include "oci/b.hh"\n'}
    bad = {
        "upward edge": {"base/up.cc": '#include "oci/b.hh"\n'},
        "C library in a foreign module": {"cli/x.cc": "#include <openssl/evp.h>\n"},
        "C library through a header": {"cli/x.cc": '#include "ostree/private.hh"\n'},
        "relative path": {"oci/x.cc": '#include "../base/a.hh"\n'},
        "missing header": {"oci/x.cc": '  # include "base/none.hh"\n'},
    }
    failed = 0
    for what, extra in [("clean tree", {})] + list(bad.items()):
        with tempfile.TemporaryDirectory() as top:
            for path, text in {**good, **extra}.items():
                os.makedirs(os.path.join(top, os.path.dirname(path)), exist_ok=True)
                with open(os.path.join(top, path), "w", encoding="utf-8") as file:
                    file.write(text)
            found = list(violations(top))
        if len(found) != (1 if extra else 0):
            print(f"self-test: {what}: found {found}")
            failed = 1
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = list(violations(top))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

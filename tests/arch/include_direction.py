#!/usr/bin/env python3
"""Checks the borders between the modules, and between the rooms inside a module (docs/architecture.md), from the #include lines.

usage: include_direction.py [TOP] | --self-test

Four rules:
- A module includes itself and modules below it.
- A room, which is a folder of a module, includes itself and the rooms before it in the module's list. What lies in the module's own
  folder may include every room, and no room includes it.
- The unit tests of a room lie in the folder of that name below tests/unit/MODULE.
- A C library belongs to the modules that wrap it: no other module sees its headers, neither directly nor through a header of ours.
"""

import os
import re
import sys
import tempfile

ROOMS = {  # of each module, bottom first
    "base": (),
    "oci": ("documents", "tar", "codec", "chunked", "transports"),
    "registry": ("http", "auth", "distribution", "docker", "skopeo", "transports", "trust"),
    "ostree": ("objects", "tree", "diff", "delta", "layout", "import", "union", "export", "push", "sysroot"),
    "image": ("sandbox", "disk", "ext4", "deployment", "settings", "boot", "install", "lint"),
    "system": ("origin", "etc", "trial", "extension", "deploy", "reset", "check", "upgrade", "diff"),
    "cli": ("output", "options", "reports", "verbs"),
}
MODULES = tuple(ROOMS)  # bottom first
# Header pattern, and the modules that may see it.
OWNERS = (
    (r"(glib|glib-2\.0|gio)(-object|-unix)?(/|\.h$)|ostree-1/|ostree(-[a-z-]+)?\.h$", {"ostree"}),
    (r"openssl/", {"base", "registry"}),
    (r"curl/", {"registry"}),
    (r"microhttpd\.h$", {"ostree"}),
    (r"archive(_entry)?\.h$", {"oci"}),
    (r"zstd(_errors)?\.h$|zdict\.h$", {"oci"}),
    (r"(lzma|bzlib)\.h$", {"oci"}),
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


def room_of(path):
    """The room's place in its module's list; that of the module's own folder is behind all others; -1 for one that nobody listed."""
    parts = path.split("/")
    rooms = ROOMS[parts[0]]
    if len(parts) == 2:
        return len(rooms)
    return rooms.index(parts[1]) if len(parts) == 3 and parts[1] in rooms else -1


def room_violations(path, names):
    room = room_of(path)
    if room < 0:
        yield f"{path}: its folder is not a room of {path.split('/', maxsplit=1)[0]}: {', '.join(ROOMS[path.split('/')[0]])}"
        return
    for name in names:
        if name.split("/")[0] == path.split("/")[0] and "/" in name and room_of(name) > room:
            yield f"{path}: includes {name}, whose room is above"


def test_violations(top):
    """Unit tests that do not lie as what they test does."""
    for module, rooms in ROOMS.items():
        folder = os.path.join(top, "tests", "unit", module)
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if os.path.isdir(os.path.join(folder, name)) and name not in rooms:
                yield f"tests/unit/{module}/{name}: {module} has no such room"
            unit = name.replace("_test.cc", ".cc")
            for room in rooms:
                if unit != name and os.path.exists(os.path.join(top, module, room, unit)):
                    yield f"tests/unit/{module}/{name}: belongs into {room}/, as {module}/{room}/{unit}"


def violations(top):
    yield from test_violations(top)
    edges = {path: includes(top, path) for path in sources(top)}
    for path, names in edges.items():
        module = path.split("/")[0]
        yield from room_violations(path, names)
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
    good = {"base/a.hh": "", "oci/tar/b.hh": '#include "base/a.hh"\n', "oci/codec/z.cc": '#include <zstd.h>\n#include "oci/tar/b.hh"\n',
            "ostree/objects/private.hh": "#include <ostree.h>\n", "cli/main.cc": '#include "cli/verbs/v.hh"\n', "cli/verbs/v.hh": "",
            "ostree/tree/c.cc": '#include "ostree/objects/private.hh"\n#include "oci/tar/b.hh"\n', "tests/unit/oci/tar/b_test.cc": ""}
    bad = {
        "upward edge between rooms": {"oci/tar/up.cc": '#include "oci/codec/d.hh"\n', "oci/codec/d.hh": ""},
        "a room that includes what lies above all rooms": {"cli/verbs/x.cc": '#include "cli/run.hh"\n', "cli/run.hh": ""},
        "a folder that is not a room": {"oci/attic/x.cc": ""},
        "a test outside its room": {"tests/unit/oci/b_test.cc": "", "oci/tar/b.cc": ""},
        "a folder of tests that is not a room": {"tests/unit/oci/attic/x_test.cc": ""},
        "upward edge": {"base/up.cc": '#include "oci/tar/b.hh"\n'},
        "C library in a foreign module": {"cli/verbs/x.cc": "#include <openssl/evp.h>\n"},
        "C library through a header": {"cli/verbs/x.cc": '#include "ostree/objects/private.hh"\n'},
        "relative path": {"oci/tar/x.cc": '#include "../base/a.hh"\n'},
        "missing header": {"oci/tar/x.cc": '  # include "base/none.hh"\n'},
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

"""Compares two trees path by path, as far as an image and a commit describe them both."""

import os
import stat

from lib_tree_listing import TYPES, sha256


def keeps_xattr(name):
    """The attributes that an import keeps: docs/import.md."""
    return name in ("security.capability", "security.ima") or (
        name.startswith("user.") and not name.startswith("user.overlay.") and name != "user.ostreemeta")


def describe(path):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    facts = {"type": TYPES[kind], "owner": f"{status.st_uid}:{status.st_gid}"}
    if kind == stat.S_IFLNK:
        return {**facts, "link": os.readlink(path)}
    facts["mode"] = f"{stat.S_IMODE(status.st_mode):04o}"
    if kind == stat.S_IFREG:
        facts["size"], facts["content"] = status.st_size, sha256(path)
    if kind in (stat.S_IFREG, stat.S_IFDIR):
        facts["xattrs"] = {name: os.getxattr(path, name).hex() for name in sorted(os.listxattr(path))
                           if keeps_xattr(name)}
    return facts


def tree(top):
    """{path: facts} of everything below top, which itself is "."."""
    found = {".": describe(top)}
    for directory, subdirectories, names in os.walk(top):
        for name in subdirectories + names:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, top)] = describe(path)
    return found


def differences(expected, actual):
    """{path: text} for each path that is not the same in both."""
    found = {}
    for path in sorted(expected.keys() | actual.keys()):
        one, two = expected.get(path), actual.get(path)
        if one is None or two is None:
            found[path] = f"only in the {'second' if one is None else 'first'}: {two or one}"
        elif one != two:
            found[path] = "; ".join(f"{key}: {one.get(key)} / {two.get(key)}"
                                    for key in sorted(one.keys() | two.keys()) if one.get(key) != two.get(key))
    return found

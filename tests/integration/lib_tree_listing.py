#!/usr/bin/env python3
"""Lists a tree for comparison: one line a path with type, mode, owner, size, content, xattrs and link target.

usage: lib_tree_listing.py DIR [--no-owner] [--no-xattrs]
"""

import hashlib
import os
import stat
import sys

TYPES = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c", stat.S_IFBLK: "b",
         stat.S_IFIFO: "p", stat.S_IFSOCK: "s"}


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def line(top, path, options):
    full = os.path.join(top, path)
    status = os.lstat(full)
    fields = [TYPES[stat.S_IFMT(status.st_mode)], f"{stat.S_IMODE(status.st_mode):04o}"]
    if "--no-owner" not in options:
        fields.append(f"{status.st_uid}:{status.st_gid}")
    if stat.S_ISREG(status.st_mode):
        fields += [str(status.st_size), sha256(full)]
    if "--no-xattrs" not in options:
        names = sorted(os.listxattr(full, follow_symlinks=False))
        fields += [f"{name}={os.getxattr(full, name, follow_symlinks=False).hex()}" for name in names]
    # Escaped, so that a line is a line whatever the name holds.
    fields.append(ascii(path))
    if stat.S_ISLNK(status.st_mode):
        fields.append("-> " + ascii(os.readlink(full)))
    return " ".join(fields)


def main():
    top, options = sys.argv[1], sys.argv[2:]
    paths = ["."]
    for directory, subdirectories, names in os.walk(top):
        paths += [os.path.relpath(os.path.join(directory, name), top) for name in subdirectories + names]
    for path in sorted(paths):
        print(line(top, path, options))


if __name__ == "__main__":
    main()

"""Witnesses for diff: the trees themselves, and `ostree diff`."""

import json
import os
import re
import stat

NAMES = ("added", "removed", "changed")


def write(path, content, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def kind(status):
    return stat.S_IFMT(status.st_mode)


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


def listed(top):
    """Every path below `top`, the root as "/"."""
    out = {"/": top}
    for directory, folders, names in os.walk(top):
        for name in folders + names:
            path = os.path.join(directory, name)
            out[path[len(top):]] = path
    return out


def aspects(old, new):
    """What differs between two paths, by lstat() and their content; owners are the caller's in both trees."""
    before, after = os.lstat(old), os.lstat(new)
    if kind(before) != kind(after):
        return ["type"]
    what = []
    if stat.S_ISREG(before.st_mode) and content_of(old) != content_of(new):
        what.append("content")
    if not stat.S_ISLNK(before.st_mode):
        what += ["mode"] if stat.S_IMODE(before.st_mode) != stat.S_IMODE(after.st_mode) else []
        attributes = [{name: os.getxattr(path, name) for name in os.listxattr(path) if name != "security.selinux"} for path in (old, new)]
        what += ["xattrs"] if attributes[0] != attributes[1] else []
    elif os.readlink(old) != os.readlink(new):
        what.append("target")
    return what


def expected(a, b):
    """{path: (change, what)}, and the numbers, from the trees alone."""
    old, new, out = listed(a), listed(b), {}
    files = dict.fromkeys((*NAMES, "bytes_added", "bytes_removed"), 0)
    for path in sorted(old.keys() | new.keys()):
        what = aspects(old[path], new[path]) if path in old and path in new else []
        if path in old and path in new and not what:
            continue
        out[path] = ("changed" if path in old and path in new else "added" if path in new else "removed", what)
        sides = [os.lstat(side[path]) if path in side else None for side in (old, new)]
        if all(side is None or stat.S_ISDIR(side.st_mode) for side in sides):
            continue
        files[out[path][0]] += 1
        if out[path][0] == "changed" and not {"content", "type"} & set(what):
            continue
        for side, name in zip(sides, ("bytes_removed", "bytes_added")):
            files[name] += side.st_size if side and stat.S_ISREG(side.st_mode) else 0
    return out, files


def shown_by_ostree(entries):
    """The lines that `ostree diff` has for these entries: it says nothing of the root, and stops
    at removed directories and where the type changes."""
    letters = dict(zip(NAMES, "ADM"))
    silent = [path + "/" for path, (change, what) in entries.items() if change == "removed" or "type" in what]
    return sorted(f"{letters[change]}    {path}" for path, (change, what) in entries.items()
                  if path != "/" and not path.startswith(tuple(silent)))


def commit(test, repo, ref, tree):
    return test.must("ostree", "commit", f"--repo={repo}", f"--branch={ref}", f"--tree=dir={tree}", "--owner-uid=0",
                     "--owner-gid=0").strip()


def diff_json(test, *arguments, **how):
    result = test.run(test.osb, "diff", "--json", "--progress", "none", *arguments, **how)
    if result.status != 0:
        raise RuntimeError(result.describe())
    return json.loads(result.stdout)


def entries_of(document):
    return {entry["path"]: (entry["change"], entry["what"]) for entry in document["entries"]}


def compare_trees(test, repo, a, b, what, refs=("old", "new")):
    """Commits of two trees against the trees themselves, and against `ostree diff`."""
    for ref, tree in zip(refs, (a, b)):
        commit(test, repo, ref, tree)
    document = diff_json(test, "--repo", repo, *refs)
    entries, files = expected(a, b)
    test.check(entries_of(document) == entries and len(document["entries"]) == len(entries), f"{what}: every path, and what differs",
               f"{document['entries']}\n{entries}")
    test.check(document["files"] == files, f"{what}: the numbers", f"{document['files']}, not {files}")
    shown = test.must("ostree", "diff", f"--repo={repo}", *refs)
    lines = re.split(r"\n(?=[ADM]    /)", shown.rstrip("\n")) if shown else []
    test.check(sorted(lines) == shown_by_ostree(entries), f"{what}: the same paths as ostree diff",
               f"{sorted(lines)}\n{shown_by_ostree(entries)}")
    return document

#!/usr/bin/env python3
"""What is at the edge of what filesystems, archives and ostree hold: refused with status 3, or taken; and what is
taken is checked out by ostree, exported in both formats, and comes back."""

import os

import lib_harness
from lib_image import Layout, TarLayer

DATABASE = "lib/apk/db/installed"


def deep(directories):
    layer, path = TarLayer(), "var"
    for _ in range(directories):
        path += "/d"
    return layer.file_entry(path + "/f", b"deep\n").bytes()


def database(name):
    records = b"P:" + name + b"\nV:1-r0\nF:lib\nR:a\n\nP:good\nV:1-r0\nF:lib\nR:b\n\n"
    return TarLayer().file_entry("lib/a", b"a\n").file_entry("lib/b", b"b\n").file_entry(DATABASE, records).bytes()


def with_xattrs(**xattrs):
    return TarLayer().file_entry("usr/f", b"f\n", xattrs={f"user.{name}": value for name, value in xattrs.items()}).bytes()


def cases():
    """(what, layer, whether it is taken)"""
    return (
        ("a link to 4095 bytes", TarLayer().symlink("usr/l", "t" * 4095).bytes(), True),
        ("a link to 4096 bytes", TarLayer().symlink("usr/l", "t" * 4096).bytes(), False),
        ("a link that grows when it is moved", TarLayer().symlink("lib/l", "../etc/" + "t" * 4088).bytes(), False),
        ("attributes of 2000 bytes", with_xattrs(a=b"v" * 2000), True),
        ("an attribute of 64 KiB", with_xattrs(a=b"v" * 65536), False),
        ("attributes of 64 KiB together", with_xattrs(a=b"v" * 40000, b=b"v" * 30000), False),
        ("an attribute with binary content", with_xattrs(a=bytes(range(1, 256))), True),
        ("/var 251 deep", deep(251), True),
        ("/var 254 deep", deep(254), False),
        ("a package that is not UTF-8", database(b"\xff\xfe"), True),
        ("a package with a comma", database(b"a,b"), True),
        ("a package with a line's name", database(b"\x1b[31m"), True),
        ("a package with a very long name", database(b"n" * 100000), True))


def check_taken(test, what, repo, number, options=()):
    """The commit of the ref `r`."""
    faults = []

    def attempt(*command):
        done = test.run(*command)
        if done.status != 0:
            faults.append(f"{' '.join(command[:2])}: {done.describe()}")
        return done

    attempt("ostree", "fsck", "--quiet", f"--repo={repo}")
    checkout = test.path(f"checkout{number}")
    attempt("ostree", "checkout", *options, f"--repo={repo}", "r", checkout)
    commit = lib_harness.refs(repo)["r"]
    for form in ("encapsulated", "plain"):
        for compression in ("zstd:chunked", "gzip"):
            image = f"oci:{test.path(f'image{number}-{form}-{compression[:4]}')}:v1"
            attempt(test.osb, "export", "--repo", repo, "r", image, "--format", form, "--compression", compression)
            back = test.path(f"back{number}-{form}-{compression[:4]}")
            if form == "encapsulated":
                pulled = attempt(test.osb, "pull", "--repo", back, "--ref", "r", image)
                if pulled.status == 0 and pulled.commit.split()[-1] != commit:
                    faults.append(f"another commit came back: {pulled.describe()}")
            else:
                attempt(test.osb, "import", image, "--repo", back, "--ref", "r")
    test.check(not faults, f"{what}: is checked out, exported and comes back", "\n".join(faults))


def check_cases(test, layout, mode):
    for number, (what, layer, taken) in enumerate(cases()):
        tag = f"{mode}{number}"
        layout.image(tag, [layer])
        repo = test.init_repo(f"repo-{tag}", mode)
        done = test.osb_import(f"oci:{layout.directory}:{tag}", repo, "--ref", "r")
        if not taken:
            test.check_refused(done, 3, f"{mode}: {what}")
        elif test.check_status(done, 0, f"{mode}: {what}"):
            check_taken(test, f"{mode}: {what}", repo, tag, ["--user-mode"] if mode == "bare-user" else [])


def check_whiteout_names(test):
    """Only a commit can have them."""
    repo, tree = test.init_repo("whiteouts"), test.path("tree")
    for path in ("usr/.wh.a", "usr/.wh.d/f", "usr/shown", "usr/.wh..wh..opq"):
        os.makedirs(os.path.join(tree, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(tree, path), "w", encoding="ascii") as out:
            out.write(path)
    test.must("ostree", "commit", f"--repo={repo}", "--branch=r", f"--tree=dir={tree}")
    check_taken(test, "names of whiteouts", repo, "whiteouts")
    back = test.must("ostree", "ls", "-R", f"--repo={test.path('backwhiteouts-plain-gzip')}", "r")
    test.check("/usr/shown" in back and ".wh." not in back, "a plain image lacks the names of whiteouts", back)


def check_attribute_names(test):
    """A commit may have attributes that no archive holds."""
    repo, tree = test.init_repo("attributes"), test.path("named")
    os.makedirs(tree)
    with open(os.path.join(tree, "f"), "w", encoding="ascii") as out:
        out.write("f")
    try:
        for name in (b"user.a=b", b"user.\xff", b"user.good"):
            os.setxattr(os.path.join(tree, "f"), name, b"v")
            os.setxattr(tree, name, b"v")
    except OSError as error:
        return test.skip_one("attributes with strange names", f"the filesystem has none: {error}")
    test.must("ostree", "commit", f"--repo={repo}", "--branch=r", f"--tree=dir={tree}")
    return check_taken(test, "attributes with strange names", repo, "attributes")


def main(test):
    test.need("ostree")
    layout = Layout(test.path("images"))
    check_cases(test, layout, "archive")
    check_cases(test, layout, "bare-user")
    check_whiteout_names(test)
    check_attribute_names(test)


lib_harness.run(main)

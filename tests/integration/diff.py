#!/usr/bin/env python3
"""diff of commits and images, beside the trees themselves, `ostree diff` and apk's own databases."""

import contextlib
import json
import os
import random
import re
import tarfile

from lib_diff import compare_trees, content_of, diff_json, entries_of, write
from lib_harness import run
from lib_image import Layout, TarLayer, simple_layout
from lib_sysroot import NOBODY


def make_pair(test):
    """Two trees with a difference of each kind."""
    a, b = test.path("pair-a"), test.path("pair-b")
    for tree in (a, b):
        write(f"{tree}/usr/same/deep/file", b"same")
        os.makedirs(f"{tree}/usr/empty")
        write(f"{tree}/usr/share/zero", b"")
    write(f"{a}/usr/bin/content", b"old!")
    write(f"{b}/usr/bin/content", b"new!")
    write(f"{a}/usr/bin/longer", b"old")
    write(f"{b}/usr/bin/longer", b"longer than before")
    for name, contents in (("mode", (b"same", b"same")), ("both", (b"1234", b"4321")), ("empty-mode", (b"", b""))):
        write(f"{a}/usr/bin/{name}", contents[0], 0o644)
        write(f"{b}/usr/bin/{name}", contents[1], 0o4755)
    write(f"{a}/usr/gone/below/file", b"gone")
    write(f"{b}/usr/new/below/file", b"news")
    write(f"{a}/usr/same.b", b"sorts between a directory and its content")
    for tree, target in ((a, "x"), (b, "y")):
        os.symlink(target, f"{tree}/usr/link")
        os.symlink("same", f"{tree}/usr/link-same")
    os.symlink("file", f"{a}/usr/link-to-file")
    write(f"{b}/usr/link-to-file", b"no link")
    write(f"{a}/usr/file-to-directory", b"12345")
    write(f"{b}/usr/file-to-directory/below", b"123")
    write(f"{a}/usr/directory-to-file/below/file", b"123")
    write(f"{b}/usr/directory-to-file", b"1")
    os.makedirs(f"{a}/usr/directory", 0o755)
    os.makedirs(f"{b}/usr/directory", 0o755)
    os.chmod(f"{b}/usr/directory", 0o700)
    os.chmod(b, 0o750)
    with contextlib.suppress(OSError):
        write(f"{a}/usr/attributes", b"same")
        write(f"{b}/usr/attributes", b"same")
        os.setxattr(f"{b}/usr/attributes", "user.test", b"value")
    return a, b


def kinds(test):
    a, b = make_pair(test)
    for mode in ("archive", "bare-user", *(("bare",) if os.geteuid() == 0 else ())):
        repo = test.init_repo("kinds-" + mode, mode)
        document = compare_trees(test, repo, a, b, mode)
    test.check(list(document) == ["schema", "a", "b", "packages", "packages_unknown", "files", "entries"] and
               (document["schema"], document["a"], document["b"]) == (1, "old", "new"), "the members of the document", list(document))
    compare_trees(test, test.path("kinds-archive"), b, a, "the other way", ("new", "old"))
    same = diff_json(test, "--repo", repo, "old", "old")
    test.check(same["entries"] == [] and set(same["files"].values()) == {0}, "a commit with itself", same)
    text = test.must(test.osb, "diff", "--repo", repo, "--files", "old", "new")
    test.check("    /usr/bin/both  content, mode\n" in text and "  - /usr/gone/\n" in text and "  + /usr/new/below/file\n" in text,
               "as text", text)
    files = document["files"]
    test.check(f"\nfiles: {files['added']} added, {files['removed']} removed, {files['changed']} changed; " in text, "with the numbers",
               text)
    short = test.must(test.osb, "diff", "--repo", repo, "old", "new")
    test.check(short.count("\n") == 2 and text.startswith(short), "two lines without --files", short)
    full = test.must("ostree", "rev-parse", f"--repo={repo}", "old").strip()
    other = diff_json(test, "--repo", repo, full[:12], "new")
    test.check(other["entries"] == document["entries"], "a commit that is abbreviated")
    by_environment = diff_json(test, full, "new", env={**os.environ, "OSB_REPO": repo})
    test.check(by_environment["entries"] == document["entries"], "$OSB_REPO")


def owners(test):
    """Owners, which a tree of this user may not have: from archives."""
    layers = [TarLayer().directory("d").file_entry("d/a", b"1").file_entry("d/b", b"22", uid=7).symlink("d/l", "t").bytes(),
              TarLayer().directory("d", gid=3).file_entry("d/a", b"1", uid=5).file_entry("d/b", b"23", uid=7, gid=9).symlink("d/l", "t",
                                                                                                                             uid=1).bytes()]
    layout = Layout(test.path("owners"))
    for tag, layer in zip(("v1", "v2"), layers):
        layout.image(tag, [layer])
    document = diff_json(test, *(f"oci:{layout.directory}:{tag}" for tag in ("v1", "v2")))
    test.check(entries_of(document) == {"/d": ("changed", ["owner"]), "/d/a": ("changed", ["owner"]), "/d/b": ("changed", ["content",
                                                                                                                           "owner"]),
                                        "/d/l": ("changed", ["owner"])}, "owners", document)
    test.check(document["files"] == {"added": 0, "removed": 0, "changed": 3, "bytes_added": 2, "bytes_removed": 2},
               "bytes are those of changed contents", document["files"])


def random_pairs(test, rounds=8):
    repo, seed = test.init_repo("random"), random.randrange(1 << 32)
    print(f"# seed {seed}")
    source = random.Random(seed)
    for number in range(rounds):
        trees = [test.path(f"random-{number}-{side}") for side in "ab"]
        for tree in trees:
            os.mkdir(tree)
        for _ in range(source.randrange(1, 80)):
            path = "/".join(source.choice("abcd") + source.choice(("", ".", "-", "é")) for _ in range(source.randrange(1, 5)))
            for tree in trees if source.random() < 0.6 else trees[:1] if source.random() < 0.5 else trees[1:]:
                with contextlib.suppress(OSError):
                    if source.random() < 0.2:
                        os.makedirs(os.path.dirname(f"{tree}/{path}"), exist_ok=True)
                        os.symlink(source.choice("xy"), f"{tree}/{path}")
                    else:
                        write(f"{tree}/{path}", source.choice((b"", b"12", b"21", b"333")), source.choice((0o644, 0o755)))
        compare_trees(test, repo, *trees, f"random trees {number}")


DATABASE = "lib/apk/db/installed"


def packages_in(text):
    """Independent of the program's parser."""
    out = {}
    for block in text.split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if line[1:2] == ":" and line[0] in "PV")
        if "P" in fields and "V" in fields:
            out[fields["P"]] = fields["V"]
    return out


def packages(test):
    archive = os.environ.get("OSB_ALPINE_ROOTFS")
    if archive:
        with tarfile.open(archive) as tar:
            before = tar.extractfile("./" + DATABASE).read().decode()
    else:
        before = "".join(f"C:Q1\nP:{name}\nV:{version}\nF:lib\nR:x\n\n" for name, version in (("busybox", "1-r0"), ("musl", "1.2-r0"),
                                                                                              ("zlib", "1.3-r1")))
    after = re.sub(r"^P:zlib$.*?^$\n", "", before, count=1, flags=re.M | re.S)
    after = re.sub(r"(^P:musl\nV:).*$", r"\g<1>9.9-r9", after, count=1, flags=re.M) + "C:Q1\nP:fresh\nV:0.1-r0\n\n"
    old, new = packages_in(before), packages_in(after)
    layout = simple_layout(test.path("packages"), {DATABASE: before.encode()})
    for tag, files in (("v2", {DATABASE: after.encode()}), ("none", {"usr/file": b""})):
        layer = TarLayer()
        for path, content in files.items():
            layer.file_entry(path, content)
        layout.image(tag, [layer.bytes()])
    image = {tag: f"oci:{layout.directory}:{tag}" for tag in ("v1", "v2", "none")}
    document = diff_json(test, image["v1"], image["v2"])
    wanted = {"added": [{"name": name, "version": new[name]} for name in sorted(new.keys() - old.keys())],
              "removed": [{"name": name, "version": old[name]} for name in sorted(old.keys() - new.keys())],
              "changed": [{"name": name, "from": old[name], "to": new[name]} for name in sorted(old.keys() & new.keys())
                          if old[name] != new[name]]}
    test.check(document["packages"] == wanted and document["packages_unknown"] is None and
               [len(each) for each in wanted.values()] == [1, 1, 1],
               f"packages of {'Alpine' if archive else 'a database'}, {len(old)} of them", document["packages"])
    text = test.must(test.osb, "diff", "-q", "--progress", "none", image["v1"], image["v2"])
    test.check(text.startswith("packages: 1 added, 1 removed, 1 changed\n  + fresh  0.1-r0\n") and
               f"    musl   {old['musl']} -> 9.9-r9\n" in text and
               f"  - zlib   {old['zlib']}\n" in text, "as text", text)
    document = diff_json(test, image["v1"], image["none"])
    test.check(document["packages"] is None and f"'{image['none']}' has no apk database" == document["packages_unknown"] and
               document["entries"],
               "a side without a database", document["packages_unknown"])
    text = test.must(test.osb, "diff", "-q", "--progress", "none", image["none"], image["none"])
    test.check(text == "packages: unknown (neither side has an apk database)\nfiles: the same\n", "neither side has one", text)


def system_layer(files):
    layer = TarLayer()
    for name in ("etc", "usr", "usr/bin", "usr/lib", "var"):
        layer.directory(name)
    for path, content in files.items():
        layer.file_entry(path, content)
    return layer.symlink("bin", "usr/bin").bytes()


def snapshot(repo):
    """What is in a repository, with the times of what could have been written."""
    out = {}
    for directory, _, names in os.walk(repo):
        for path in [directory] + [os.path.join(directory, name) for name in names]:
            status = os.lstat(path)
            out[path] = (status.st_mtime_ns, status.st_size)
    return out


def images(test):
    """Images against images, commits and commits inside images; nothing is left behind."""
    layout = Layout(test.path("images"))
    base = system_layer({"etc/keep": b"k", "etc/conf": b"1", "usr/lib/lib": b"l"})
    for tag, layer in (("v1", {"usr/bin/tool": b"1"}), ("v2", {"usr/bin/tool": b"2", "etc/conf": b"2", "etc/new": b"n"})):
        top = TarLayer()
        for path, content in layer.items():
            top.file_entry(path, content)
        layout.image(tag, [base, top.bytes()])
    v1, v2 = (f"oci:{layout.directory}:{tag}" for tag in ("v1", "v2"))
    scratch = test.path("scratch")
    os.mkdir(scratch)
    environment = {**os.environ, "TMPDIR": scratch, "OSB_REPO": test.path("no-such-repository")}
    plain = {"/etc/conf": ("changed", ["content"]), "/etc/new": ("added", []), "/usr/bin/tool": ("changed", ["content"])}
    moved = {path.replace("/etc", "/usr/etc"): what for path, what in plain.items()}
    document = diff_json(test, v1, v2, env=environment)
    test.check(entries_of(document) == plain, "two images: paths as they have them, without a repository", document)
    archive = test.path("images.tar")
    with open(archive, "wb") as out:
        out.write(base)
    document = diff_json(test, f"tarball:{archive}", v1, env=environment)
    test.check(entries_of(document) == {"/usr/bin/tool": ("added", [])}, "a tarball and an image", document)
    test.must("skopeo", "copy", "-q", v2, f"dir:{test.path('images-dir')}")
    document = diff_json(test, v1, f"dir:{test.path('images-dir')}", env=environment)
    test.check(entries_of(document) == plain, "an image and one of dir:", document)
    test.check(not os.path.exists(environment["OSB_REPO"]) and os.listdir(scratch) == [], "nothing is left behind", os.listdir(scratch))
    repo = test.init_repo("images-repo")
    for ref, layout_name in (("boot", "bootable"), ("plain", "plain")):
        test.check_status(test.osb_import(v1, repo, "--ref", ref, "--layout", layout_name), 0, f"import as {layout_name}")
    before = snapshot(repo)
    for options, wanted, what in ((("boot", v2), moved, "a commit in the layout bootable"), (("plain", v2), plain,
                                                                                             "a commit in the layout plain")):
        document = diff_json(test, "--repo", repo, *options, env=environment)
        test.check(entries_of(document) == wanted, f"an image and {what}", document)
    test.check(entries_of(diff_json(test, "--repo", repo, "boot", v1, env=environment)) == {}, "an image and its own commit")
    backwards = entries_of(diff_json(test, "--repo", repo, v2, "boot", env=environment))
    test.check(backwards == {path: ({"added": "removed"}.get(change, change), what) for path, (change, what) in moved.items()},
               "backwards", backwards)
    for mode in ("bare-user", "bare-user-only"):
        other = test.init_repo("images-" + mode, mode)
        test.check_status(test.osb_import(v1, other, "--ref", "boot"), 0, f"import into {mode}")
        test.check(entries_of(diff_json(test, "--repo", other, "boot", v2, env=environment)) == moved, f"an image and a commit in {mode}")
    lowest = layout.blob_path(json.loads(content_of(layout.blob_path(layout.manifests[0]["digest"])))["layers"][0]["digest"])
    os.rename(lowest, lowest + ".away")
    document = diff_json(test, "--repo", repo, v1, v2, env=environment)
    test.check(entries_of(document) == plain, "known layers are not read again", document)
    os.rename(lowest + ".away", lowest)
    test.check(snapshot(repo) == before and os.listdir(scratch) == [], "the repository has not changed, and nothing is left behind")
    return repo, environment, v2, moved


def commits_in_images(test, repo, environment, v2, moved):
    test.must(test.osb, "import", "-q", "--repo", repo, "--ref", "boot2", v2)
    inner = []
    for ref in ("boot", "boot2"):
        image = f"oci:{test.path('encapsulated')}:{ref}"
        test.must(test.osb, "export", "-q", "--repo", repo, "--compression", "gzip", ref, image)
        inner.append(image)
    before = snapshot(repo)
    nowhere = {**environment, "OSB_REPO": test.path("no-such-repository")}
    test.check(entries_of(diff_json(test, *inner, env=nowhere)) == moved, "two images that hold commits")
    test.check(entries_of(diff_json(test, "--repo", repo, "boot", inner[1], env=environment)) == moved,
               "a commit, and an image that holds one")
    test.check(entries_of(diff_json(test, inner[0], v2, env=nowhere)) == moved, "an image that holds a commit, and an ordinary one")
    test.check(entries_of(diff_json(test, "--repo", repo, "boot2", inner[1], env=environment)) == {},
               "a commit, and the image that holds it")
    archive = f"oci-archive:{test.path('encapsulated.tar')}"
    test.must("skopeo", "copy", "-q", inner[1], archive)
    with open(test.path("encapsulated.tar"), "rb") as stdin:
        document = diff_json(test, "--repo", repo, "boot", "oci-archive:-", stdin=stdin, env=environment)
    test.check(entries_of(document) == moved, "from standard input")
    test.check(snapshot(repo) == before and os.listdir(environment["TMPDIR"]) == [], "the repository has not changed")
    if os.geteuid() == 0:
        for directory, _, _ in os.walk(test.work):
            os.chmod(directory, 0o755)
        os.chmod(environment["TMPDIR"], 0o777)
        test.check(entries_of(diff_json(test, "--repo", repo, "boot", inner[1], env=environment, user=NOBODY)) == moved,
                   "a repository that another user owns, and that this one cannot write")


def object_path(repo, checksum, suffix):
    return os.path.join(repo, "objects", checksum[:2], f"{checksum[2:]}.{suffix}")


def hostile(test):
    a, b = test.path("hostile-a"), test.path("hostile-b")
    for tree, content in ((a, b"1"), (b, b"2")):
        write(f"{tree}/usr/deep/file", content)
        write(f"{tree}/usr/same/file", b"same")
    name = "bad\n\x1b[31m\u202ename\\"
    write(f"{b}/usr/{name}", b"")
    write(f"{b}/{DATABASE}", b"P:ev\x1b[2Jil\nV:1\x07\n\nP:good\nV:1~x\n\n")
    write(f"{a}/{DATABASE}", b"")
    repo = test.init_repo("hostile")
    compare_trees(test, repo, a, b, "names with control characters")
    text = test.must(test.osb, "diff", "--repo", repo, "--files", "old", "new")
    test.check("  + /usr/bad\\x0a\\x1b[31m\\xe2\\x80\\xaename\\x5c\n" in text and
               text.startswith("packages: 1 added, 0 removed, 0 changed\n  + good  1~x\nfiles:") and
               not re.search(r"[^\n -~]", text), "are escaped in the text", text)
    refused = [
        (("old", "no/such"), 1, "has no commit 'no/such'"), (("old", "nex"), 1, "did you mean the ref 'new'"), (("old", "0" * 64), 1, ""),
        (("old",), 2, "A and B are required"), ((), 2, "A and B are required"), (("old", "new", "c"), 2, ""), (("old", "floppy://x"), 2,
                                                                                                               ""),
        (("old", "oci:" + test.path("no-image")), 1, "no-image"), (("oci-archive:-", "docker-archive:-"), 2, "standard input"),
        (("--etc", "old", "new"), 2, "--etc"), (("--etc", "--files"), 2, "--etc"), (("old", "b\x1b"), 1, "b\\x1b"),
        (("--etc", "oci:x"), 2, "")]
    for arguments, status, naming in refused:
        options = () if "--etc" in arguments else ("--repo", repo)
        test.check_refused(test.run(test.osb, "diff", *options, *arguments), status, f"diff {' '.join(arguments)}".replace("\x1b", "^["),
                           naming)
    test.check_refused(test.run(test.osb, "diff", "--repo", "", "old", "new"), 2, "an empty --repo", "--repo")
    test.check_refused(test.run(test.osb, "diff", "--repo", test.path("nowhere"), "old", "new"), 1, "a repository that does not exist",
                       "nowhere")
    test.check_refused(test.run(test.osb, "diff", "--repo", repo, "--sysroot", test.path("nowhere"), "old", "booted"), 1,
                       "a sysroot that does not exist", "")
    missing(test, repo)


def missing(test, repo):
    """A missing object ends in an error, not in a shorter answer."""
    listing = test.must("ostree", "ls", "-R", "-C", f"--repo={repo}", "new", "/usr")
    sums = {line.split()[-1]: line.split()[4:-1] for line in listing.splitlines() if "bad" not in line}
    cases = [("a dirtree", object_path(repo, sums["/usr/deep"][0], "dirtree"), 1),
             ("a file", object_path(repo, sums["/usr/deep/file"][0], "filez"), 1),
             ("the commit", object_path(repo, test.must("ostree", "rev-parse", f"--repo={repo}", "new").strip(), "commit"), 1)]
    for what, path, status in cases:
        os.rename(path, path + ".away")
        result = test.run(test.osb, "diff", "--repo", repo, "--files", "old", "new")
        test.check_refused(result, status, f"{what} is missing", "")
        test.check(result.stdout == "", "and nothing is printed", result.stdout)
        json_result = test.run(test.osb, "diff", "--repo", repo, "--json", "old", "new")
        test.check(json_result.status == status and json.loads(json_result.stdout)["error"]["kind"] == "not_found", "as JSON",
                   json_result.describe())
        os.rename(path + ".away", path)
    path = object_path(repo, sums["/usr/deep"][0], "dirtree")
    good = content_of(path)
    write(path, good.replace(b"file", b"fill"))
    test.check_refused(test.run(test.osb, "diff", "--repo", repo, "old", "new"), 3, "a damaged dirtree", "damaged")
    write(path, good)
    path = object_path(repo, sums["/usr/same/file"][0], "filez")
    os.unlink(path)
    test.check_status(test.run(test.osb, "diff", "--repo", repo, "old", "new"), 0, "what both have is not read")


def main(test):
    kinds(test)
    owners(test)
    random_pairs(test)
    packages(test)
    test.need("skopeo")
    commits_in_images(test, *images(test))
    hostile(test)


run(main)

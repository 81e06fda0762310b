"""Rows 1 to 36 of the catalogue: paths and links in layers, and whiteouts."""

import os
import re
import threading

from lib_hostile import ACCEPT, MARK, row
from lib_hostile_layers import END, Encoded, Tar, encode, header
from lib_image import sha256, zstd

ENTRY = ("layer 1 of 1", "entry ")


@row(1, "entry ../../etc/passwd")
def up_and_out(bench):
    bench.layers("../../etc", Tar().file("../../etc/" + MARK), naming=ENTRY)
    bench.layers("many", Tar().directory("a").file("a/" + "../" * 30 + "etc/" + MARK), naming=ENTRY)


@row(2, "`..` anywhere in a path")
def dot_dot(bench):
    for name in ("a/../../" + MARK, "./../" + MARK, "a/..", "..", "/.."):
        bench.layers(name, Tar().directory("a").file(name), naming=ENTRY)
    bench.layers("a directory", Tar().directory("a/../"), naming=ENTRY)


@row(3, "an absolute path")
def absolute(bench):
    bench.layers("/etc", Tar().file("/etc/" + MARK, b"in"), ACCEPT, tree={"etc/" + MARK: b"in"})


@row(4, "slashes, dots, an empty name")
def odd_names(bench):
    bench.layers("spellings", Tar().file("////x", b"1").file(".//./y", b"2").directory("z/").directory("."), ACCEPT,
                 tree={"x": b"1", "y": b"2", "z": "dir"})
    bench.layers("a file with a slash", Tar().file("f/").bytes(), naming="layer 1 of 1")
    for name, kind in (("", b"0"), (".", b"0"), ("./", b"2"), ("/", b"0")):
        bench.layers(f"{name!r} of type {kind}", Tar().add(name, kind, target="t" if kind == b"2" else ""), naming="layer 1 of 1")


@row(6, "a link to /etc, then a file through it")
def link_to_etc(bench):
    bench.layers("absolute", Tar().directory("etc").symlink("d", "/etc").file("d/" + MARK, b"in"), ACCEPT,
                 tree={"etc/" + MARK: b"in", "d": "-> /etc"})
    bench.layers("its target is missing", Tar().symlink("d", "/etc").file("d/" + MARK, b"in"), ACCEPT, tree={"etc/" + MARK: b"in"})


@row(7, "a link out of the root, then a file through it")
def link_out(bench):
    bench.layers("../..", Tar().symlink("d", "../../../..").file("d/etc/" + MARK, b"in"), ACCEPT, tree={"etc/" + MARK: b"in"})
    bench.layers("from below", Tar().directory("u/v").symlink("u/v/d", "../" * 20 + "var").file("u/v/d/" + MARK, b"in"), ACCEPT,
                 tree={"var/" + MARK: b"in"})


@row(8, "chains of links")
def link_chains(bench):
    tar = Tar().directory("etc").symlink("a", "/b").symlink("b", "c/../../x").directory("c").symlink("x", "../etc").file("a/" + MARK, b"in")
    bench.layers("absolute and relative", tar, ACCEPT, tree={"etc/" + MARK: b"in"})


@row(9, "a link in one layer, a write through it in the next")
def across_layers(bench):
    bench.layers("out", [Tar().symlink("d", "/../../etc"), Tar().file("d/" + MARK, b"in")], ACCEPT, tree={"etc/" + MARK: b"in"})
    merged = [Tar().directory("usr/lib").symlink("lib", "usr/lib"), Tar().file("lib/so", b"library").directory("lib/x")]
    bench.layers("usr-merge", merged, ACCEPT, tree={"usr/lib/so": b"library", "usr/lib/x": "dir", "lib": "-> usr/lib"})


@row(10, "a loop of links")
def link_loop(bench):
    bench.layers("two", Tar().symlink("a", "b").symlink("b", "a").file("a/x"), naming="layer 1 of 1")
    chain = Tar()
    for number in range(41):
        chain.symlink(f"l{number}", f"l{number + 1}")
    bench.layers("41 in a row", chain.directory("l41").file("l0/x"), naming="layer 1 of 1")


@row(12, "files over directories, and the other way round")
def replacement(bench):
    base = Tar().directory("d").file("d/in").file("f", b"old").directory("both", mode=0o700).file("both/in", b"kept")
    top = Tar().file("d", b"new").directory("f").file("f/in", b"new").directory("both", mode=0o755)
    for what, layers in (("two layers", [base, top]), ("one layer", [merged(base, top).bytes()])):
        bench.layers(what, layers, ACCEPT, tree={"d": b"new", "f/in": b"new", "both/in": b"kept"}, modes={"/both": "d00755"})


def merged(*tars):
    out = Tar()
    for tar in tars:
        out.parts += [(None if index is None else index + len(out.entries), data) for index, data in tar.parts]
        out.entries += tar.entries
    return out


@row(13, "a child of a regular file")
def child_of_file(bench):
    bench.layers("one layer", Tar().file("f").file("f/child"), naming=ENTRY[0])
    bench.layers("two layers", [Tar().file("f"), Tar().file("f/child", b"c")], ACCEPT, tree={"f/child": b"c"})


@row(14, "a hard link to ../../../etc/shadow")
def hard_link_out(bench):
    bench.layers("missing in the image", Tar().hardlink("h", "../../../etc/shadow"), naming=ENTRY[0])
    bench.layers("through a link", Tar().symlink("d", "../../..").hardlink("h", "d/etc/shadow"), naming=ENTRY[0])


@row(15, "a hard link to /etc/shadow")
def hard_link_absolute(bench):
    bench.layers("in the image", Tar().file("etc/shadow", b"the image's").hardlink("h", "/etc/shadow"), ACCEPT, tree={"h": b"the image's"})
    bench.layers("missing in the image", Tar().hardlink("h", "/etc/shadow"), naming=ENTRY[0])


@row(16, "a hard link to a symbolic link, then a write to it")
def hard_link_to_link(bench):
    for target in ("etc/t", "/etc/t", "../../etc/t"):
        tar = Tar().file("etc/t", b"target").symlink("s", target).hardlink("h", "s")
        bench.layers(f"to {target}", tar, ACCEPT, tree={"h": "-> " + target, "etc/t": b"target"})
        bench.layers(f"and a write, {target}", tar.file("h", b"written").bytes(), ACCEPT,
                     tree={"h": b"written", "s": "-> " + target, "etc/t": b"target"})


@row(17, "a hard link through a linked directory")
def hard_link_through(bench):
    tar = Tar().file("etc/passwd", b"the image's").directory("breakouts").symlink("breakouts/d1", "../../../etc")
    tar.hardlink("h", "breakouts/d1/passwd")
    bench.layers("in the image", tar, ACCEPT, tree={"h": b"the image's"})
    bench.layers("missing in the image", Tar().symlink("d1", "/etc").hardlink("h", "d1/passwd"), naming=ENTRY[0])


@row(19, "a hard link with another mode")
def hard_link_mode(bench):
    tar = Tar().file("etc/t", b"target", mode=0o600).symlink("s", "/etc/t").hardlink("h", "s", mode=0o777, uid=1).hardlink("i", "etc/t",
                                                                                                                           mode=0o4777)
    bench.layers("to a link, and to a file", tar, ACCEPT, tree={"h": "-> /etc/t"}, modes={"/etc/t": "-00600 0 0", "/i": "-00600 0 0"})


@row(21, "a hard link to a file of a lower layer")
def hard_link_below(bench):
    bench.layers("there", [Tar().file("below", b"b"), Tar().hardlink("h", "below")], ACCEPT, tree={"h": b"b"})
    bench.layers("hidden", [Tar().file("below", b"b"), Tar().file(".wh.below", b"").hardlink("h", "below")], naming="layer 2 of 2")
    bench.layers("missing", [Tar().file("other", b"b"), Tar().hardlink("h", "below")], naming="layer 2 of 2")


@row(22, "attributes, owner and mode of a symbolic link")
def link_attributes(bench):
    tar = Tar().file("t", b"target", mode=0o600).attributes("s", [(b"user.a", b"b"), (b"security.capability", b"x" * 20)], b"2", target="t",
                                                            mode=0o4777, uid=7, mtime=1)
    bench.layers("never on the target", tar, ACCEPT, tree={"s": "-> t"}, modes={"/t": "-00600 0 0"}, warns="warning")


@row(23, "directories that become links while the import runs")
def swapped(bench):
    """No path of an image is opened: nothing to swap. strace is the witness for that."""
    tar = Tar().directory("d")
    for number in range(200):
        tar.file(f"d/{number}-{MARK}", b"%d" % number)
    layout = bench.image_of([encode(tar, "gzip")])
    stop, outside = threading.Event(), bench.test.path("swapped")
    os.mkdir(outside)
    swapper = threading.Thread(target=swap, args=(stop, os.path.join(bench.place, "d"), outside))
    swapper.start()
    for image in bench.places(layout):
        bench.accepted(image, "while it is swapped")
    stop.set()
    swapper.join()
    bench.expect(not os.listdir(outside), f"files outside: {os.listdir(outside)[:3]}")
    bench.check_outside("swapped")
    check_trace(bench, bench.places(layout)[0])
    bench.done_with(layout)


def swap(stop, path, outside):
    while not stop.is_set():
        os.rename(path, path + ".real")
        os.symlink(outside, path)
        os.unlink(path)
        os.rename(path + ".real", path)
        stop.wait(0.0002)


def check_trace(bench, image):
    trace = bench.test.path("trace")
    if bench.test.run("strace", "-o", "/dev/null", "true").status != 0:
        print("# row 23: strace cannot trace here")
        return
    traced = bench.test.run("strace", "-f", "-s", "4096", "-e", "trace=file", "-o", trace, bench.test.osb, "import", image, "--repo",
                            bench.repo, "--ref", "victim", "--layout", "plain", "--progress", "none", env=bench.environment)
    bench.judge(traced, ACCEPT, "with strace")
    with open(trace, encoding="utf-8", errors="replace") as file:
        paths = re.findall(r'"([^"]*)"', file.read())
    bench.expect(not any(MARK in path for path in paths), "a name of the image reached the system")
    bench.expect(any(".filez" in path for path in paths), "the trace shows no objects")


@row(24, "long paths and names")
def long_paths(bench):
    bench.layers("5,000 components", Tar().file("d/" * 5000 + "f"), naming="layer 1 of 1")
    bench.layers("a name of 1 MiB", Tar().file("n" * (1 << 20)), naming="layer 1 of 1")
    bench.layers("a component of 256 bytes", Tar().file("n" * 256), naming="layer 1 of 1")
    bench.layers("a component of 255 bytes", Tar().file("n" * 255, b"in"), ACCEPT, tree={"n" * 255: b"in"})


@row(25, "2,100,000 empty entries")
def many_entries(bench):
    piece = zstd(header(b"f" * 7) * 70_000)
    layout = bench.image_of([Encoded(piece * 30 + zstd(END), sha256(b""), "zstd")])
    here, there = bench.places(layout)
    bench.refused(here, "one name", naming="more than 2000000 entries")
    bench.refused(there, "a lower limit", naming="more than 200000 entries", options=("--limits", "entries=200000"))
    bench.done_with(layout)


@row(26, "a whiteout without a name")
def nameless_whiteout(bench):
    for name in (".wh.", "d/.wh."):
        bench.layers(name, Tar().directory("d").file(name, b""), naming=ENTRY[0])


@row(28, "whiteouts of `..`, and through `..`")
def whiteout_names(bench):
    for name in ("a/../.wh.x", ".wh.../etc", ".wh...", "a/.wh...", ".wh..", "../.wh." + MARK):
        bench.layers(name, [Tar().file("etc/x").directory("a").file("x"), Tar().file(name, b"")], naming="layer 2 of 2")


@row(29, "a whiteout through a link out of the root")
def whiteout_through_link(bench):
    base = Tar().file("etc/passwd", b"the image's").file("etc/kept", b"kept").symlink("d", "/../../etc").symlink("dead", "/none/such")
    bench.layers("to a directory", [base, Tar().file("d/.wh.passwd", b"")], ACCEPT, tree={"etc/passwd": None, "etc/kept": b"kept"})
    bench.layers("to nothing", [base, Tar().file("dead/.wh.passwd", b"")], ACCEPT, tree={"etc/passwd": b"the image's"})
    bench.layers("opaque", [base, Tar().file("d/.wh..wh..opq", b"")], ACCEPT, tree={"etc/passwd": None, "etc/kept": None})


@row(30, "a whiteout of a link")
def whiteout_of_link(bench):
    base = Tar().file("etc/t", b"target").symlink("s", "/etc/t").symlink("d", "etc")
    bench.layers("the link goes", [base, Tar().file(".wh.s", b"").file(".wh.d", b"")], ACCEPT,
                 tree={"s": None, "d": None, "etc/t": b"target"})


@row(31, "an opaque marker after its siblings")
def late_opaque(bench):
    base = Tar().file("d/old").file("d/sub/old")
    top = Tar().file("d/new", b"new").file("d/sub/new", b"new").file("d/.wh..wh..opq", b"")
    bench.layers("only what is below", [base, top], ACCEPT, tree={"d/old": None, "d/sub/old": None, "d/new": b"new", "d/sub/new": b"new"})


@row("31b", "work that grows faster than the input")
def repeated_work(bench):
    """Not in the list: entries of which each could look at all the others."""
    count = 20_000
    files = header(b"d/", b"5") + b"".join(header(b"d/%d" % number) for number in range(count))
    cases = {"opaque markers": files + header(b"d/.wh..wh..opq") * count,
             "replaced directories": files + (header(b"d") + header(b"d/", b"5")) * count,
             "whiteouts": files + b"".join(header(b"d/.wh.%d" % number, size=0) for number in range(count)),
             "hard links": header(b"0") + b"".join(header(b"%d" % (number + 1), b"1", target=b"%d" % number) for number in range(count))}
    for what, archive in cases.items():
        layout = bench.image_of([encode(archive + END, "zstd")])
        attempt = bench.accepted(bench.places(layout)[0], what)
        bench.expect(attempt.cpu < 5, f"{what}: {attempt.cpu:.1f} s of CPU", attempt)
        bench.done_with(layout)


@row(33, "names that AUFS reserved")
def aufs(bench):
    tar = Tar().file("x").directory(".wh..wh.plnk").file(".wh..wh.plnk/1.2", b"x").file(".wh..wh.aufs", b"").file("d/.wh..wh.unknown", b"")
    bench.layers("dropped", tar, ACCEPT, tree={".wh..wh.plnk": None, ".wh..wh.aufs": None, "d/.wh..wh.unknown": None, "x": b"x"},
                 warns="warning")


@row(34, "whiteouts that are no empty files")
def odd_whiteouts(bench):
    base = Tar().file("x", b"kept").file("y")
    for what, kind, more in (("a directory", b"5", {}), ("a symbolic link", b"2", {"target": "x"}), ("a device", b"3", {"device": (0, 0)}),
                             ("with data", b"0", {"content": b"data"}), ("a FIFO", b"6", {}),
                             ("a hard link to a file", b"1", {"target": "y"}),
                             ("a hard link out", b"1", {"target": "../../.wh.y"})):
        bench.layers(what, [base, Tar().add(".wh.x", kind, **more)], naming="layer 2 of 2")
    aufs = Tar().file(".wh.y", b"").hardlink(".wh.x", ".wh.y")
    bench.layers("a hard link to a whiteout", [base, aufs], ACCEPT, tree={"x": None, "y": None})


@row(35, "whiteouts of overlayfs in an archive")
def overlay_whiteouts(bench):
    base = Tar().file("d/x", b"kept").file("y", b"kept")
    marks = [(b"trusted.overlay.opaque", b"y"), (b"user.overlay.opaque", b"y"), (b"trusted.overlay.redirect", b"/etc")]
    top = Tar().add("d/y", b"3", device=(0, 0)).attributes("d", marks, b"5", mode=0o755)
    bench.layers("no whiteouts", [base, top], ACCEPT, tree={"d/x": b"kept", "d/y": None, "y": b"kept"}, warns="warning")


@row(36, "a whiteout of what never existed")
def idle_whiteout(bench):
    bench.layers("nothing happens", [Tar().file("x", b"kept"), Tar().file(".wh.none", b"").file("a/b/.wh.none", b"")], ACCEPT,
                 tree={"x": b"kept"})

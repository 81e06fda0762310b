"""Rows 38 to 51 of the catalogue: types, modes, owners, names and extended attributes."""

import gzip
import json
import os
import struct

import lib_harness
from lib_hostile import ACCEPT, MARK, REJECT, row
from lib_hostile_layers import END, Encoded, Tar, encode, header, padded, pax_record
from lib_image import sha256

DIRTY = b"\x1b[2J\x1b]52;c;aGk=\x07\x7f\r\nosb-oci: error: forged"


@row(38, "devices")
def devices(bench):
    tar = Tar().add("dev/mem", b"3", device=(1, 1)).add("sda", b"4", device=(8, 0)).file("x").hardlink("h", "sda")
    bench.layers("dropped", tar, ACCEPT, tree={"sda": None, "dev/mem": None, "h": None, "x": b"x"}, warns="warning")


@row(39, "FIFOs, and types that no layer has")
def types(bench):
    bench.layers("a FIFO", Tar().add("p", b"6").file("x"), ACCEPT, tree={"p": None, "x": b"x"}, warns="warning")
    for kind in (b"7", b"V", b"M", b"D", b"N", b"s", b"!", b"\xff"):
        bench.layers(f"type {kind}", Tar().add("x", kind).bytes(), naming="layer 1 of 1")


@row(40, "setuid programs, and modes beyond the bits")
def modes(bench):
    tar = Tar().file("su", mode=0o4755).file("sg", mode=0o2755).directory("sticky", mode=0o1777)
    bench.layers("content of the image", tar, ACCEPT, modes={"/su": "-04755", "/sg": "-02755", "/sticky": "d01777"})
    bench.layers("the type above the bits", Tar().file("x", mode=0o100644).bytes(), ACCEPT, modes={"/x": "-00644"})
    for raw in (b"\xff" * 8, b"-000644\0", b"00009z4\0"):
        bench.layers(f"mode {raw!r}", Tar().file("x", raw_mode=raw).bytes(), naming="layer 1 of 1")
    check_lint(bench)
    check_nobody_runs(bench)


def check_lint(bench):
    layout = bench.image_of([encode(Tar().file("usr/bin/backdoor", mode=0o4755), "")])
    attempt = bench.run("lint", bench.places(layout)[0])
    bench.expect("setuid" in attempt.stdout and "backdoor" in attempt.stdout, "lint does not name the program", attempt)
    bench.done_with(layout)


def check_nobody_runs(bench):
    """A repository has no object of an image that was refused, and so no setuid program that somebody could run."""
    layout = bench.image_of([encode(Tar().file("su", b"program", mode=0o4755), ""), Encoded(b"", sha256(b"another"), "")])
    repo = bench.new_repo("bare", "bare-user")
    bench.refused(f"oci:{layout.directory}:t", "an image with a wrong layer", repo=repo)
    objects = [os.path.join(directory, name) for directory, _, names in os.walk(os.path.join(repo, "objects")) for name in names]
    bench.expect(not objects, f"objects of a refused image: {objects}")
    bench.done_with(layout)


@row(41, "owners that are none")
def owners(bench):
    for raw in (b"\xff" * 8, b"0000008\0", b"-000001\0", b"garbage\0", b"\x80" + bytes(2) + b"\x01" + bytes(4)):
        for field in ("raw_uid", "raw_gid"):
            bench.layers(f"{field} {raw!r}", Tar().file("x", **{field: raw}).bytes(), naming="layer 1 of 1")
    for value in (b"-1", b"4294967295", b"4294967296", b"1e3", b"9" * 400):
        bench.layers(f"pax {value[:20]!r}", Tar().add("x", records=[(b"uid", value)]).bytes(), naming="layer 1 of 1")
    bench.layers("2^31", Tar().file("x", uid=1 << 31, gid=(1 << 32) - 2), ACCEPT, modes={"/x": "-00644 2147483648 4294967294"})
    layout = bench.image_of([encode(Tar().file("x"), "")], config={"User": "4294967296:-1"})
    bench.accepted(bench.places(layout)[0], "User of the config: only a runtime reads it")
    bench.done_with(layout)


@row(42, "two entries for one path")
def duplicates(bench):
    tar = Tar().file("f", b"1").file("f", b"2").file("m", b"1").directory("m").symlink("l", "f").file("l", b"2").file("./f", b"3")
    # No table has a name twice.
    bench.layers("the last one counts", tar.bytes(), ACCEPT, tree={"f": b"3", "m": "dir", "l": b"2"})


@row(43, "control bytes in names")
def control_bytes(bench):
    tar = Tar().file(DIRTY, b"in").symlink("l" + DIRTY.decode(), DIRTY).add(DIRTY + b"dev", b"3")
    bench.layers("stored as they are", tar, ACCEPT, tree={DIRTY: b"in"}, warns="\\x1b")
    bench.layers("in an error", Tar().file(b"../" + DIRTY), naming="\\x1b")
    layout = bench.image_of([encode(tar, "")])
    for command in (("lint",), ("inspect",), ("diff", f"oci:{layout.directory}:t")):
        attempt = bench.run(command[0], *command[1:], f"oci:{layout.directory}:t")
        bench.expect(attempt.status in (0, 1, 2), f"{command[0]}: exit status {attempt.status}", attempt)
    bench.done_with(layout)


@row(46, "names that are not UTF-8, and twins")
def not_utf8(bench):
    for name in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"a\xe4", b"\xf4\x90\x80\x80"):
        bench.layers(f"{name!r}", Tar().file(name).bytes(), naming="layer 1 of 1")
    nfc, nfd = "\u00e9", "e\u0301"
    bench.layers("twins", Tar().file(nfc, b"1").file(nfd, b"2").file("A", b"3").file("a", b"4"), ACCEPT,
                 tree={nfc: b"1", nfd: b"2", "A": b"3", "a": b"4"})


@row(47, "extended attributes of the machine")
def attributes(bench):
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    tar = Tar().attributes("x", [(b"security.capability", capability), (b"security.selinux", b"system_u:object_r:shadow_t:s0\0"),
                                 (b"trusted.overlay.opaque", b"y"), (b"user.ostreemeta", struct.pack(">III", 0, 0, 0o104755)),
                                 (b"system.posix_acl_access", b"\2\0\0\0"), (b"user.kept", b"v")])
    layout = bench.image_of([encode(tar, "")])
    attempt = bench.importing(bench.places(layout)[0])
    commit = attempt.commit.splitlines()[-1] if attempt.status == 0 else ""
    listed = bench.test.run("ostree", "ls", "-X", f"--repo={bench.repo}", commit, "/x").stdout
    bench.expect("user.kept" in listed and "security.capability" in listed, f"kept: {listed}", attempt)
    bench.expect(not any(name in listed for name in ("selinux", "trusted", "ostreemeta", "posix_acl")), f"dropped: {listed}", attempt)
    bench.judge(attempt, ACCEPT, "in the commit", warns="warning")
    bench.layers("in every encoding", tar, ACCEPT, warns="warning", modes={"/x": "-00644 0 0"})
    bench.done_with(layout)


@row(48, "too many attributes, too large ones, and one without a name")
def attribute_limits(bench):
    many = b"".join(pax_record(b"SCHILY.xattr.user.%d" % number, b"v") for number in range(10_000))
    bench.layers("10,000", header(b"pax", b"x", len(many)) + padded(many) + header(b"x") + END, naming="layer 1 of 1")
    # The record says to have 1 GiB; nobody waits for it.
    bench.layers("1 GiB", header(b"pax", b"x", 1 << 30) + b"1073741824 SCHILY.xattr.user.a=" + bytes(1000) + END, naming="layer 1 of 1")
    bench.layers("64 KiB and a byte", Tar().attributes("x", [(b"user.a", b"v" * 65537)]).bytes(), naming="layer 1 of 1")
    bench.layers("no name", Tar().attributes("x", [(b"", b"v")]).bytes(), naming="layer 1 of 1")


@row(49, "times before and after all time")
def times(bench):
    tar = Tar().file("a", raw_mtime=b"\xff" * 12).file("b", raw_mtime=b"\x80" + b"\x7f" * 11).file("c", raw_mtime=b"-0000000001\0")
    for value in (b"-1", b"9223372036854775808", b"1.99999999999", b"1e300", b"-99999999999999999999"):
        tar.add(b"d" + value[:6], records=[(b"mtime", value), (b"atime", value)])
    bench.layers("no file has a time in ostree", tar.bytes(), ACCEPT, tree={"a": b"x", "b": b"x", "c": b"x"})


@row(50, "content for directories of the running system")
def top_level(bench):
    tar = Tar()
    dropped = ("run/x", "tmp/x", "proc/x", "sys/x", "dev/x", "ostree/repo/x", "sysroot/ostree/repo/x", "sysroot/x")
    for name in dropped:
        tar.file(name, b"x")
    tar.file("usr/lib/x", b"x").file("etc/x", b"etc").file("var/lib/x", b"var").symlink("usr/link", "/sysroot")
    bench.layers("dropped", tar, ACCEPT, options=("--layout", "bootable"), warns=("/ostree: ", "/sysroot: ", "/dev: "),
                 tree={**{name: None for name in dropped if not name.startswith("ostree")}, "ostree": "-> sysroot/ostree",
                       "usr/etc/x": b"etc",
                       "usr/share/factory/var/lib/x": b"var", "var/lib/x": None})
    bench.layers("/etc beside /usr/etc", Tar().file("etc/x", b"1").file("usr/etc/x", b"2"), REJECT, naming="/etc",
                 options=("--layout", "bootable"))


@row(51, "objects of a repository inside a layer")
def objects(bench):
    crafted = Tar().file("sysroot/ostree/repo/objects/../../../" + MARK).bytes()
    bench.layers("..", crafted, naming="layer 1 of 1")
    name = "sysroot/ostree/repo/objects/00/" + "0" * 62 + ".commit"
    bench.layers("an ordinary image", Tar().file(name, b"crafted").file("usr/x"), ACCEPT, options=("--layout", "bootable"),
                 tree={"sysroot/ostree": None, "usr/x": b"x"}, warns="/sysroot: ")
    check_encapsulated(bench)


def check_encapsulated(bench):
    """Every object of a commit is compared with its checksum: one byte of one object is another, and every digest of the image fits."""
    repo, tree = bench.new_repo("honest"), bench.test.path("honest-tree")
    os.makedirs(os.path.join(tree, "usr"))
    for number in range(5):
        with open(os.path.join(tree, "usr", str(number)), "w", encoding="ascii") as file:
            file.write(f"content {number}")
    bench.test.must("ostree", "commit", f"--repo={repo}", "--branch=os", f"--tree=dir={tree}", "--owner-uid=0", "--owner-gid=0")
    layout = bench.new_layout()
    target = f"oci:{layout.directory}:t"
    bench.test.must(bench.test.osb, "export", "--repo", repo, "--compression", "gzip", "os", target)
    # Into another repository: one that has the commit reads no objects.
    honest = bench.test.run(bench.test.osb, "pull", "--repo", bench.new_repo("honest-pull"), "--ref", "victim", target)
    bench.expect(honest.status == 0, f"as it is: {honest.describe()}")
    with open(os.path.join(layout.directory, "index.json"), encoding="utf-8") as file:
        manifest = json.loads(read_blob(layout, json.load(file)["manifests"][0]["digest"]))
    config = json.loads(read_blob(layout, manifest["config"]["digest"]))
    encoded, spoilt = [], 0
    for number, (layer, diff_id) in enumerate(zip(manifest["layers"], config["rootfs"]["diff_ids"])):
        archive = gzip.decompress(read_blob(layout, layer["digest"]))
        if archive.count(b"content 3"):
            archive, spoilt = archive.replace(b"content 3", b"content X"), spoilt + 1
        encoded.append(Encoded(gzip.compress(archive, 1, mtime=0), sha256(archive), "gzip"))
        if config.get("config", {}).get("Labels", {}).get("ostree.final-diffid") == diff_id:
            config["config"]["Labels"]["ostree.final-diffid"] = encoded[number].diff_id
    bench.expect(spoilt == 1, f"{spoilt} layers have the file")
    for verb in ("pull", "import"):
        bad = bench.image_of(encoded, "t", config=config["config"])
        for image in bench.places(bad):
            attempt = bench.run(verb, "--repo", bench.repo, "--progress", "none", "--ref", "victim", image)
            bench.judge(attempt, REJECT, f"{verb} of an object with another byte", naming="the object ")
        bench.done_with(bad)
    bench.expect(not lib_harness.refs(bench.repo), "no ref")
    bench.done_with(layout)


def read_blob(layout, digest):
    with open(layout.blob_path(digest), "rb") as file:
        return file.read()
